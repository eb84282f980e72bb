"""The tables of compute times in [cluster]: distributions, recordings, and rollouts by the length of their answers."""

from __future__ import annotations

import hashlib
import reprlib
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, FiniteFloat

from ..cluster import TIMES, ComputeTime, Fixed, Rollout
from ..cluster.recordings import parse_recording
from ..cluster.rollouts import dealt, parse_rollouts
from .errors import ScenarioError, told
from .tables import ComponentTable, ListOf, Table, component_of, keys_of, table_of, tagged, word_of


class TimeTable(ComponentTable):
    """A distribution, in seconds.

    scale: a pattern, or a number per worker, that multiplies the times.
    """

    scale: str | Annotated[tuple[Annotated[FiniteFloat, Field(gt=0)], ...], ListOf] | None = None


class RecordingTable(Table):
    """Observed times of all workers.

    recording: a CSV file, beside the scenario file.
    sha256: hex digest of the file's bytes. It is filled in where it is not given, so that settings say which times.
    """

    distribution: Literal["recorded"] = "recorded"
    recording: str
    sha256: str | None = None

    @property
    def recorded(self) -> bool:
        """Whether a file has it."""
        return True

    def build(self, folder: Path, workers: int | None) -> tuple[RecordingTable, Sequence[ComputeTime]]:
        """This table with the digest, and the times."""
        read, content, path = self.read(folder)
        try:
            return read, parse_recording(content, path, workers)
        except ValueError as error:
            raise ValueError(f"recording: {error}") from None

    def read(self, folder: Path) -> tuple[Self, bytes, Path]:
        """This table with the digest, what is in the file, and where it is."""
        path = folder / self.recording
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ValueError(f"recording={self.recording!r}: {error.strerror}: give a CSV file") from None
        digest = hashlib.sha256(content).hexdigest()
        if self.sha256 not in (None, digest):
            raise ValueError(
                f"sha256={reprlib.repr(self.sha256)} is not of recording={self.recording!r}, whose digest is {digest}: "
                "give that, or the file that was meant"
            )
        return self.model_copy(update={"sha256": digest}), content, path


class LengthsRecording(RecordingTable):
    """Observed lengths of answers.

    recording: a CSV file with a column tokens, beside the scenario file. Rows are dealt to the workers in turn.
    """


LENGTH_TABLES = [table_of(time, distribution=word_of(time), **keys_of(time)) for time in TIMES]
Lengths: Any = tagged("distribution", *LENGTH_TABLES, LengthsRecording, default="recorded")


class RolloutTable(TimeTable):
    """A rollout's time, by the length of its answer.

    lengths: tokens: a distribution, with tokens where it says seconds, or a recording.
    """

    component: ClassVar[type] = Rollout
    distribution: Literal["rollout"]
    lengths: Lengths
    seconds_per_token: float
    prompt_seconds: float = 0.0

    @property
    def recorded(self) -> bool:
        """Whether a file has the lengths."""
        return isinstance(self.lengths, LengthsRecording)

    def build(self, folder: Path, workers: int | None) -> tuple[RolloutTable, Sequence[ComputeTime]]:
        """This table with the digest, and the times of recorded lengths."""
        if workers is None or self.scale is not None:
            what = "workers is missing" if workers is None else "scale is for lengths that are not recorded"
            raise ValueError(f"{what}: give workers, an integer >= 1, and no scale, with recorded lengths")
        read, content, path = self.lengths.read(folder)
        one = Rollout(Fixed(1.0), self.seconds_per_token, self.prompt_seconds)
        try:
            times = dealt(one, parse_rollouts(content, path).tokens, workers)
        except ValueError as error:
            raise ValueError(f"lengths: {error}") from None
        return self.model_copy(update={"lengths": read}), times


TIME_TABLES = [table_of(time, TimeTable, distribution=word_of(time), **keys_of(time)) for time in TIMES]
TimeOfOne: Any = tagged("distribution", *TIME_TABLES)
TimeOfAll: Any = tagged("distribution", *TIME_TABLES, RolloutTable, RecordingTable, default="recorded")


def time_of(table: TimeTable) -> ComputeTime:
    """What a table stands for."""
    if isinstance(table, RolloutTable):
        return component_of(table, lengths=component_of(table.lengths))
    return component_of(table)


def of_one(section: str, table: TimeTable) -> ComputeTime:
    """The time of one worker. Raises ScenarioError."""
    if table.scale is not None:
        raise ScenarioError(f"{section}.scale={table.scale!r} is for a table of all workers: leave it out")
    return told(section, table, component_of, table)


def scaled(time: Any, factor: float) -> ComputeTime:
    """The distribution with more seconds, or fewer; its fields without a unit are as they were."""
    seconds = [field.name for field in fields(time) if field.metadata.get("unit") == "seconds"]
    return replace(time, **{name: factor * getattr(time, name) for name in seconds})
