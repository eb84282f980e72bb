"""Rollouts of language models: a job takes as long as its answer is long."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..base import nearest
from .checks import check_number
from .recordings import job_in, lines_of, number_in
from .sampling import SECONDS
from .times import ComputeTime, Recorded

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Rollout:
    """A prompt's time, and time for every token of the answer.

    lengths: tokens of an answer: any distribution, with tokens for its seconds; they are not rounded.
    seconds_per_token: of generation, alone on its machine (see `Cluster.slot_speeds`).
    prompt_seconds: for each rollout, whatever its length.
    """

    lengths: ComputeTime
    seconds_per_token: float = field(metadata=SECONDS)
    prompt_seconds: float = field(default=0.0, metadata=SECONDS)

    def __post_init__(self):
        if not hasattr(self.lengths, "draw"):
            raise ValueError(f"lengths={self.lengths!r} is no distribution: give one, of tokens")
        check_number(self, "seconds_per_token", "time", "finite seconds > 0", lambda x: 0 < x < math.inf)
        check_number(self, "prompt_seconds", "time", "finite seconds >= 0", lambda x: 0 <= x < math.inf)

    @property
    def mean(self) -> float:
        return self.prompt_seconds + self.seconds_per_token * self.lengths.mean

    def quantile(self, q: float) -> float:
        return self.prompt_seconds + self.seconds_per_token * self.lengths.quantile(q)

    def draw(self, rng: np.random.Generator, count: int, start: int = 0) -> np.ndarray:
        return self.prompt_seconds + self.seconds_per_token * self.lengths.draw(rng, count, start)

    def tokens(self, seconds: np.ndarray) -> np.ndarray:
        """Tokens that there are after so many seconds of work."""
        return ((seconds - self.prompt_seconds) / self.seconds_per_token).clip(min=0.0)


def dealt(rollout: Rollout, tokens: tuple[float, ...], workers: int) -> list[Rollout]:
    """A `Rollout` for every worker, with recorded lengths, which are dealt to them in turn.

    Raises ValueError where there are fewer than workers.
    """
    if len(tokens) < workers:
        raise ValueError(f"{len(tokens)} rollouts are recorded for {workers} workers: give at least one for each")
    return [replace(rollout, lengths=Recorded(tokens[worker::workers])) for worker in range(workers)]


@dataclass(frozen=True)
class Rollouts:
    """What a log says of rollouts, in the order in which they were started where it says when.

    tokens: of each answer, shape (rollouts,).
    seconds: that each took; empty where the log does not say.
    """

    tokens: tuple[float, ...]
    seconds: tuple[float, ...] = ()

    def fitted(self) -> tuple[float, float]:
        """Seconds per token, and of a prompt: the least-squares line, with a prompt of at least 0 seconds.

        Raises ValueError where seconds are not there, or do not grow with the tokens.
        """
        import numpy as np

        if not self.seconds:
            raise ValueError("no column says how long rollouts took: give seconds_per_token")
        tokens, seconds = np.array(self.tokens), np.array(self.seconds)
        away = tokens - tokens.mean()
        slope = float(away @ seconds / (away @ away)) if away.any() else 0.0
        prompt = float(seconds.mean() - slope * tokens.mean())
        if prompt < 0:
            slope, prompt = float(tokens @ seconds / (tokens @ tokens)), 0.0
        if not slope > 0:
            raise ValueError("seconds do not grow with tokens: give seconds_per_token")
        return slope, prompt


def read_rollouts(path: str | os.PathLike) -> Rollouts:
    """Recorded rollouts, from a CSV file with a header and one row per rollout.

    Columns: ``tokens``, and with them ``seconds``, or ``start`` and ``finish``, or neither; others are ignored.

    Raises ValueError, one line with the number of the row, for anything else.
    """
    return parse_rollouts(Path(path).read_bytes(), path)


def parse_rollouts(content: bytes, path: str | os.PathLike) -> Rollouts:
    """As `read_rollouts`, of bytes that were read from this path."""
    lines = lines_of(content, path)
    if not lines:
        raise ValueError(f"{path} is empty: give a header, 'tokens', and one row per rollout")
    (header_row, header), *lines = lines
    times = ("seconds",) if "seconds" in header else ("start", "finish") if {"start", "finish"} & {*header} else ()
    for name in ("tokens", *times):
        if header.count(name) != 1:
            hint = nearest(name, header) if name not in header else "give one"
            raise ValueError(f"{path}, row {header_row}: {header.count(name) or 'no'} column {name!r}: {hint}")
    found = []
    for row, line in lines:
        fields = {key: line[k] if (k := header.index(key)) < len(line) else "" for key in ("tokens", *times)}
        try:
            if not (tokens := float(number_in(fields, "tokens", "tokens"))) > 0:
                raise ValueError(f"tokens={tokens:g} is no length of an answer: give tokens > 0")
            start, seconds = job_in(fields) if times else (0, math.nan)
        except ValueError as error:
            raise ValueError(f"{path}, row {row}: {error}") from None
        found.append((start, row, tokens, seconds))
    if not found:
        raise ValueError(f"{path} has no row below its header: give one row per rollout")
    _, _, lengths, took = zip(*sorted(found))
    return Rollouts(lengths, took if times else ())
