"""Curves as other programs read them: TensorBoard's event files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .directories import held, whole

TAGS = {"eval_return": "return", "train_return": "train_return", "gradient_norm": "gradient_norm", "time": "seconds"}
TAGS |= {name: name for name in ("gradients", "communications", "env_steps")}
OURS = ("[0-9]*-*",)
EVENTS = "events.out.tfevents.0.asyncsim"  # TensorBoard looks for this beginning


def save_tensorboard(directory: Path, curves: pd.DataFrame, axes: Sequence[str] = ()) -> list[Path]:
    """Write a run of TensorBoard's for each method, seed and point of a sweep; return their files.

    Its step is the update, and its wall time the simulated second. curves: one step size per method. axes: the columns
    of what is swept. The same curves make the same bytes. Raises OSError where tensorboardX is missing, or where the
    directory holds something else.
    """
    try:
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.summary_pb2 import Summary
        from tensorboardX.record_writer import RecordWriter
    except ImportError as error:
        raise OSError(f"{error}: pip install 'asyncsim[tensorboard]'") from None

    def event(row: dict[str, Any], tags: dict[str, str]) -> Any:
        values = [
            Summary.Value(tag=tag, simple_value=row[name]) for name, tag in tags.items() if row[name] == row[name]
        ]
        return Event(wall_time=row["time"], step=row["update"], summary=Summary(value=values))

    tags, names = {name: tag for name, tag in TAGS.items() if name in curves}, []
    with held(directory, OURS), whole(directory) as new:
        for k, (point, rows) in enumerate(curves.groupby([*axes, "method"], sort=False), 1):
            words = [point[-1], *(f"{axis}={value}" for axis, value in zip(axes, point))]
            folder = f"{k}-" + re.sub(r"[^A-Za-z0-9_.=-]", "_", "-".join(words))[:80]  # a label may hold anything
            for seed, lane in rows.groupby("seed"):
                names.append(Path(folder, f"seed-{seed}", EVENTS))
                (new / names[-1]).parent.mkdir(parents=True)
                writer = RecordWriter(f"{new / names[-1]}")
                writer.write(Event(wall_time=0.0, file_version="brain.Event:2").SerializeToString())
                for row in lane.sort_values("update").to_dict("records"):
                    writer.write(event(row, tags).SerializeToString())
                writer.close()
    return [directory / name for name in names]
