"""What is kept of a run: data, settings and figures in one directory. The only file that writes.

The directory is written beside its place and then moved there, so a run that is killed leaves the old results or the
new ones. Bytes depend on the scenario and the versions alone: no dates, no names of machines.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatch
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from .. import figures
from ..scenario import Settings
from ..timeline import Timeline
from ..timeline.usage import run_totals

FILES = ("settings.json", "curves.csv", "summary.csv", "curves.png", "curves.svg")  # always
# Of tuning seeds; of a sweep of one quantity; of workers whose worlds differ.
SOMETIMES = (
    "tuning.csv",
    *("time_to_target.png", "time_to_target.svg"),
    *("by_worker.csv", "by_worker.png", "by_worker.svg"),
)
PICTURES = ("settings.json", "jobs.csv", "updates.csv", "*.png", "*.svg")  # of a simulation alone
# What results depend on, if it is there: a simulation, and what is learned.
SIMULATES = ("asyncsim", "simpy", "numpy", "scipy", "pandas")
PACKAGES = (*SIMULATES, "matplotlib", "jax", "jaxlib", "mujoco", "mujoco-mjx", "gymnasium", "gymnax")
LONGEST = 240  # bytes of a directory's name: file systems have 255, and what lies beside it is called more


# ---- what the curves say


# Of a sweep, all frames have a column per axis, before ``method``.


def _axes_of(frame: pd.DataFrame) -> list[str]:
    """The axes of a sweep: the columns before ``method``."""
    return list(frame.columns[: frame.columns.get_loc("method")])


def tuned(curves: pd.DataFrame) -> pd.DataFrame:
    """The rows at each method's tuned step size, at each point of a sweep.

    That is the one with the largest mean, over seeds and the last quarter of the evaluations, of ``eval_return``;
    where it is NaN (a lane diverged) it ranks last, and of equals the smaller wins.
    """

    def best(rows: pd.DataFrame) -> float:
        updates = np.sort(rows["update"].unique())
        late = rows[rows["update"].isin(updates[-max(1, len(updates) // 4) :])]
        score = late.groupby("step_size")["eval_return"].agg(lambda returns: returns.to_numpy().mean())
        return score.fillna(-np.inf).idxmax()

    runs = curves.groupby([*_axes_of(curves), "method"], sort=False)
    parts = [rows[rows["step_size"] == best(rows)] for _, rows in runs]
    return pd.concat(parts, ignore_index=True)


def summarise(curves: pd.DataFrame, timelines: Mapping[Any, Timeline], target: float | None = None) -> pd.DataFrame:
    """One row per method, at its tuned step size, and point of a sweep.

    ``method, step_size``; ``first_return, final_return``: mean over seeds of θ_0 and of the last iterate;
    ``time_to_target``: first evaluated second at which the mean over seeds is at the target, NaN if never; ``end``:
    seconds simulated; ``updates``; ``gradients``, used; ``wasted_share``: of computing time, what went into cancelled
    and discarded ones; ``max_delay``, in updates.
    timelines: by method; of a sweep, by (value of each axis, ..., method).
    """
    rows = []
    axes = _axes_of(curves)
    for run, part in tuned(curves).groupby([*axes, "method"], sort=False):
        by_update = part.groupby("update")
        time, mean = by_update["time"].first(), by_update["eval_return"].mean(skipna=False)
        reached = time[mean >= (np.inf if target is None else target)]
        timeline = timelines[run if axes else run[0]]
        whole = run_totals(timeline)
        rows.append(
            {
                **dict(zip([*axes, "method"], run)),
                "step_size": part["step_size"].iloc[0],
                "first_return": mean.iloc[0],
                "final_return": mean.iloc[-1],
                "time_to_target": reached.iloc[0] if len(reached) else np.nan,
                "end": timeline.end,
                "updates": len(timeline.updates),
                "gradients": whole["used"],
                "wasted_share": whole["wasted_share"],
                "max_delay": timeline.max_delay,
            }
        )
    return pd.DataFrame(rows)


def by_worker(curves: pd.DataFrame, timelines: Mapping[Any, Timeline]) -> pd.DataFrame | None:
    """Whom a method serves: one row per worker, method at its tuned step size, and point of a sweep.

    ``method, worker``; ``weight``: the worker's mean share of an update, 1/n where all count the same; ``final_return,
    low, high``: of the last iterate in the worker's own world, mean and 20-80 % over seeds. None where worlds do not
    differ.
    """
    columns = curves.filter(regex=r"^eval_return_\d+$").columns
    if not len(columns):
        return None
    rows = []
    axes = _axes_of(curves)
    for run, part in tuned(curves).groupby([*axes, "method"], sort=False):
        last = part.loc[part["update"] == part["update"].max(), columns].dropna(axis="columns", how="all")
        timeline = timelines[run if axes else run[0]]
        weight = timeline.uses().groupby("worker")["weight"].sum() / max(1, len(timeline.updates))
        for column, returns in last.items():
            worker = int(column.rpartition("_")[2])
            low, high = np.quantile(returns, (0.2, 0.8))
            rows.append(
                {
                    **dict(zip([*axes, "method"], run)),
                    "worker": worker,
                    "weight": weight.get(worker, 0.0),
                    "final_return": returns.mean(),
                    "low": low,
                    "high": high,
                }
            )
    return pd.DataFrame(rows)


# ---- where it is kept


def place(scenario: Path | str, preset: str | None = None, engine: str | None = None) -> Path:
    """Where a scenario's results go: ``experiments/a/b.toml`` to ``results/a/b``, others to ``results/<stem>``.

    Those of a preset, or of an engine that was asked for, lie beside them: ``results/a/b-quick-mjx``.
    """
    path = Path(scenario)
    stem = path.stem.strip(".") or "scenario"  # not a hidden name, nor a way up
    folders = path.parts[:-1]
    inside = folders[len(folders) - folders[::-1].index("experiments") :] if "experiments" in folders else ()
    name = "-".join(filter(None, (stem, preset, engine)))
    return Path("results", *(folder for folder in inside if folder != ".."), name)


@contextmanager
def claim(
    directory: Path, settings: Settings, force: bool = False, ours: Sequence[str] = FILES + SOMETIMES
) -> Iterator[str]:
    """Nobody else writes here until this is left. As: what saving will have done.

    That is ``"wrote"``, or which results it ``"replaced"``, and, where they were made on other versions, on which.
    Raises BlockingIOError where another run is writing; FileExistsError where something would be lost: another
    scenario's results (unless ``force``), or files that are not ours.
    """
    with _held(directory, ours) as home:
        written = _settings_in(home)
        if not (home.exists() and any(home.iterdir())):
            yield "wrote"
        elif _is_of(settings, written.get("scenario")):
            yield f"replaced the same scenario's results{_made_on_others(written)}"
        elif force:
            yield "replaced another scenario's results"
        else:
            raise FileExistsError(
                f"{directory} holds another scenario's results: give --force to replace them, or --output"
            )


def _made_on_others(written: Mapping[str, Any]) -> str:
    """``, made with jax 0.8.1 (now 0.9.0)``, of what has another version than in a record."""
    now, then = _versions(*PACKAGES), dict(written.get("versions") or {})
    others = [f"{name} {then[name]} (now {now[name]})" for name in now if then.get(name, now[name]) != now[name]]
    return f", made with {', '.join(others)}" if others else ""


# A process that writes to a directory holds a lock beside it until it is done; the lock dies with the process. Whose it
# is stands in a file of its own, for a lock may empty its file.


@contextmanager
def _held(directory: Path, ours: Sequence[str]) -> Iterator[Path]:
    """The directory, behind symbolic links, where nobody else writes until this is left."""
    home = Path(directory).resolve()
    _check_free(directory, home, ours)
    new = [parent for parent in home.parents if not parent.exists()]
    home.parent.mkdir(parents=True, exist_ok=True)
    lock, holder = FileLock(_beside(home, "lock")), _beside(home, "holder")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        try:
            who = holder.read_text(encoding="utf-8")
        except FileNotFoundError:
            who = "which begins or ends just now"
        raise BlockingIOError(
            f"{directory}: another run is writing there, {who}: wait for it, or give another --output"
        ) from None
    try:
        holder.write_text(f"process {os.getpid()}, since {datetime.now():%Y-%m-%d %H:%M:%S}", encoding="utf-8")
        _recover(home)
        _check_free(directory, home, ours)
        yield home
    finally:
        holder.unlink(missing_ok=True)
        with suppress(OSError):  # where a file that is open cannot go, it stays
            Path(lock.lock_file).unlink()  # still locked: who opened it before finds that it is gone
        lock.release()
        for parent in new:  # of a run that wrote nothing
            with suppress(OSError):  # not empty
                parent.rmdir()


def _check_free(directory: Path, home: Path, ours: Sequence[str]) -> None:
    """Raises OSError unless the directory can be written to, and holds no other files than ours, or is not there."""
    if max(len(os.fsencode(part)) for part in home.parts) > LONGEST:
        raise OSError(f"{directory}: a name of more than {LONGEST} bytes is too long: give another --output")
    above = next((parent for parent in home.parents if parent.exists()), home)
    for path in (home, above):
        if path.exists() and not path.is_dir():
            raise FileExistsError(f"{directory}: {path.name!r} is a file: give another --output")
    if not os.access(above, os.W_OK):
        raise PermissionError(f"{directory}: {above.name!r} may not be written to: give another --output")
    try:
        files = sorted(os.listdir(home))
    except FileNotFoundError:  # also where another run is just moving its own in
        files = []
    others = [file for file in files if not any(fnmatch(file, name) for name in ours)]
    if others:
        raise FileExistsError(f"{directory} holds {others[0]!r}, which is no result: move it, or give another --output")


def save(
    directory: Path,
    settings: Settings,
    curves: pd.DataFrame,
    timelines: Mapping[Any, Timeline],
    tuning: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, list[Path]]:
    """Write a run's directory, whole or not at all; return the summary and the files.

    Summary and figures are made from what was written, not from what was in memory.
    timelines: as in `summarise`. tuning: rows as in ``curves``, of the runs that its step sizes were chosen by.
    """
    with _whole(directory) as new:
        curves.to_csv(new / "curves.csv", index=False, lineterminator="\n")
        if tuning is not None:
            tuning.to_csv(new / "tuning.csv", index=False, lineterminator="\n")
        (new / "settings.json").write_text(_record(settings), encoding="utf-8")
        scenario = load_settings(new)["scenario"]
        curves = _read(new / "curves.csv", scenario)
        summary = summarise(curves, timelines, scenario.get("target_return"))
        summary.to_csv(new / "summary.csv", index=False, lineterminator="\n")
        drawn = {"curves": figures.learning_curves(tuned(curves), scenario, _axes_of(curves))}
        served = by_worker(curves, timelines)
        if served is not None:
            served.to_csv(new / "by_worker.csv", index=False, lineterminator="\n")
            if not _axes_of(served):
                drawn["by_worker"] = figures.by_worker(served, scenario)
        axes = summary[_axes_of(summary)]
        if (
            len(axes.select_dtypes("number").columns) == len(axes.columns) == 1
            and summary["time_to_target"].notna().any()
        ):
            drawn["time_to_target"] = figures.time_to_target(summary, axes.columns[0])
        for name, figure in drawn.items():
            with figures.style():
                figure.savefig(new / f"{name}.png", metadata={"Software": None})
                figure.savefig(new / f"{name}.svg", metadata={"Date": None})
    shutil.rmtree(_parts(directory), ignore_errors=True)
    return summary, [path for name in FILES + SOMETIMES if (path := Path(directory) / name).exists()]


# Of a run that is not finished, what each method gave is kept as soon as it is there. A part is a method at a point of
# a sweep, and has its number in the scenario, for a label or a value may hold anything.


def keep_part(
    directory: Path, settings: Settings, part: int, curves: pd.DataFrame, tuning: pd.DataFrame | None
) -> None:
    """Keep a part's rows until `save` has written the whole run."""
    parts = _parts(directory)
    parts.mkdir(parents=True, exist_ok=True)
    (parts / "settings.json").write_text(_record(settings), encoding="utf-8")
    new = parts / f".{part}"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    curves.to_csv(new / "curves.csv", index=False, lineterminator="\n")
    if tuning is not None:
        tuning.to_csv(new / "tuning.csv", index=False, lineterminator="\n")
    new.rename(parts / f"{part}")


def kept_part(directory: Path, settings: Settings, part: int) -> tuple[pd.DataFrame, pd.DataFrame | None] | None:
    """A part's rows, where this very run, with these versions, was killed after it was trained; else None."""
    parts = _parts(directory)
    try:
        if (parts / "settings.json").read_text(encoding="utf-8") != _record(settings):
            shutil.rmtree(parts)
            return None
        kept = parts / f"{part}"
        tuning = kept / "tuning.csv"
        return _read(kept / "curves.csv"), _read(tuning) if tuning.exists() else None
    except FileNotFoundError:
        return None


def _parts(directory: Path) -> Path:
    return _beside(Path(directory).resolve(), "parts")


def _record(settings: Settings) -> str:
    record = {"scenario": as_data(settings), **_surroundings()}
    return json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


# Of a simulation alone: what happened, and pictures of it.


def save_timelines(
    directory: Path,
    settings: Settings,
    timelines: Mapping[str, Timeline],
    columns: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Path]:
    """Write jobs, updates and pictures of what happened, whole or not at all; return the files.

    columns: by the timelines' names, what the rows of ``jobs.csv`` and ``updates.csv`` begin with: a value per axis of
        a sweep, and ``method``. None: the name is the method.
    """
    columns = columns or {name: {"method": name} for name in timelines}
    with _whole(directory) as new, figures.style():
        for name in ("jobs", "updates"):
            frames = {run: getattr(timeline, name) for run, timeline in timelines.items()}
            frames = [
                pd.concat([pd.DataFrame([columns[run]] * len(rows), columns=list(columns[run])), rows], axis=1)
                for run, rows in frames.items()
            ]
            frame = pd.concat(frames, ignore_index=True)
            frame.to_csv(new / f"{name}.csv", index=False, lineterminator="\n")
        record = {"scenario": as_data(settings), "versions": _versions(*SIMULATES, "matplotlib")}
        text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
        (new / "settings.json").write_text(text + "\n", encoding="utf-8")
        labels = {run: columns[run]["method"] for run in timelines}  # the point of a sweep may follow them
        names = {run: figures.pretty(label) + run.removeprefix(label) for run, label in labels.items()}
        pictures = {"utilisation": figures.utilisation(timelines, names), "delays": figures.delays(timelines, names)}
        for k, (label, timeline) in enumerate(timelines.items(), 1):
            word = re.sub(r"[^A-Za-z0-9_.-]", "_", label)[:40]  # a label may hold anything
            pictures[f"gantt-{k}-{word}"] = figures.gantt(replace(timeline, method=names[label]))
        for name, figure in pictures.items():
            figure.savefig(new / f"{name}.png", metadata={"Software": None})
            figure.savefig(new / f"{name}.svg", metadata={"Date": None})
    return sorted(path for path in Path(directory).iterdir())


def claim_trace(path: Path, force: bool = False) -> str:
    """What `save_json` will have done: ``"wrote"`` or ``"replaced"``. Raises OSError where it cannot.

    A file that is there has to be a trace, unless ``force``.
    """
    _check_file(path)
    if not path.exists():
        return "wrote"
    if _is_trace(path):
        return "replaced"
    if force:
        return "replaced what was no trace"
    raise FileExistsError(f"{path} is there and is no trace: give --force to replace it, or another file name")


def _is_trace(path: Path) -> bool:
    begins = b'{"traceEvents":'  # as `save_json` writes it
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(begins)) == begins


def _check_file(path: Path) -> None:
    """Raises OSError where a JSON file cannot be written."""
    if path.suffix != ".json":  # a slip of the hand must not replace a scenario
        raise FileExistsError(f"{path}: give a file name that ends in .json")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no directory {str(path.parent)!r}: make it, or give another place")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory: give a file name")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"{path}: {str(path.parent)!r} may not be written to: give another place")


def save_json(path: Path, data: Any) -> None:
    """Write a JSON file, whole or not at all."""
    _check_file(path)
    _replace(path, json.dumps(data, separators=(",", ":"), allow_nan=False) + "\n")


# Of a validation: claims, constants, and data and pictures of what was drawn.

VALIDATION = ("settings.json", "*.csv", "*.png", "*.svg")


@contextmanager
def claim_validation(directory: Path) -> Iterator[str]:
    """As `claim`, of `save_validation`."""
    with _held(directory, VALIDATION) as home:
        written = _settings_in(home)
        if not (home.exists() and any(home.iterdir())):
            yield "wrote"
        elif "validation" in written:
            yield f"replaced{_made_on_others(written)}"
        else:
            raise FileExistsError(f"{directory} holds a scenario's results: give another --output")


def save_validation(
    directory: Path,
    quick: bool,
    claims: pd.DataFrame,
    constants: pd.DataFrame,
    drawn: Mapping[str, tuple[pd.DataFrame, Mapping[str, Any]]],
) -> list[Path]:
    """Write a validation, whole or not at all; return the files.

    drawn: data and labels of each figure, as `figures.prediction` takes them. Figures are made from what was written.
    """
    with _whole(directory) as new, figures.style():
        frames = {"claims": claims, "constants": constants, **{name: data for name, (data, _) in drawn.items()}}
        for name, frame in frames.items():
            frame.to_csv(new / f"{name}.csv", index=False, lineterminator="\n", float_format="%.10g")
        labels = {name: dict(given) for name, (_, given) in drawn.items()}
        record = {"validation": {"quick": quick, "figures": labels}, **_surroundings()}
        text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
        (new / "settings.json").write_text(text + "\n", encoding="utf-8")
        for name in drawn:
            figure = figures.prediction(pd.read_csv(new / f"{name}.csv"), labels[name])
            figure.savefig(new / f"{name}.png", metadata={"Software": None})
            figure.savefig(new / f"{name}.svg", metadata={"Date": None})
    return sorted(Path(directory).iterdir())


# Of benchmarks: a file each, pictures of what was measured at several sizes, and a table of all in the README.

TABLE = "<!-- table -->"  # stands before and after it


def save_benchmark(directory: Path, name: str, machine: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write ``<name>.json``, ``<name>.png`` and ``.svg`` where rows have points, and the README's table anew."""
    directory.mkdir(parents=True, exist_ok=True)
    record = {"benchmark": name, "machine": machine, "versions": _versions(*PACKAGES, "pytest-benchmark")}
    text = json.dumps(record | {"rows": rows}, indent=2, ensure_ascii=False, allow_nan=False)
    _replace(directory / f"{name}.json", text + "\n")
    measured = load_benchmark(directory, name)["rows"]
    if any("points" in row for row in measured):
        with figures.style():
            figure = figures.scaling(measured)
            figure.savefig(directory / f"{name}.png", metadata={"Software": None})
            figure.savefig(directory / f"{name}.svg", metadata={"Date": None})
    readme = directory / "README.md"
    if readme.exists():
        before, _, after = readme.read_text(encoding="utf-8").split(TABLE)
        _replace(readme, f"{before}{TABLE}\n\n{benchmark_table(directory)}\n{TABLE}{after}")


def load_benchmark(directory: Path, name: str) -> dict[str, Any]:
    """``benchmark, machine, versions, rows``, as they were written."""
    return json.loads((directory / f"{name}.json").read_text(encoding="utf-8"))


def benchmark_table(directory: Path) -> str:
    """What the files in a directory say, in Markdown: a part per benchmark."""
    parts = []
    for path in sorted(directory.glob("*.json")):
        found = load_benchmark(directory, path.stem)
        machine = found["machine"]
        parts.append(f"**{path.stem}** ({machine['cpu']}, {machine['cores']} cores)\n")
        parts.append("| figure | ours | reference | ratio | wanted | | what bounds it |\n|---|---|---|---|---|---|---|")
        parts += ["| " + " | ".join([*benchmark_cells(row), row["bound"]]) + " |" for row in found["rows"]]
        parts.append("")
    return "\n".join(parts)


def benchmark_cells(row: Mapping[str, Any]) -> list[str]:
    """A row in words: figure, ours, reference, ratio, wanted, whether it was reached."""
    figures = ("–" if row[key] is None else f"{row[key]:.3g} {row['unit']}" for key in ("ours", "reference"))
    ratio = "–" if row["ratio"] is None else f"{row['ratio']:.3g}"
    return [row["name"], *figures, ratio, row.get("wanted", "–"), {True: "yes", False: "no"}.get(row.get("holds"), "–")]


def _replace(path: Path, text: str) -> None:
    new = _beside(path.resolve(), f"{os.getpid()}.new")  # another process may be writing the same
    try:
        new.write_text(text, encoding="utf-8")
        new.replace(path.resolve())
    finally:
        new.unlink(missing_ok=True)


def load_curves(directory: Path | str) -> pd.DataFrame:
    """The rows of every method, seed and step size, as `History.to_frame` had them."""
    return _table(directory, "curves")


def load_summary(directory: Path | str) -> pd.DataFrame:
    """As `summarise` had it."""
    return _table(directory, "summary")


def load_by_worker(directory: Path | str) -> pd.DataFrame | None:
    """As `by_worker` had it; None where all workers have the same world."""
    return _table(directory, "by_worker") if (_kept(directory) / "by_worker.csv").exists() else None


def _table(directory: Path | str, name: str) -> pd.DataFrame:
    home = _kept(directory)
    return _read(home / f"{name}.csv", _scenario_in(home))


def _read(path: Path, scenario: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """A frame as it was written: words as the strings they were, whatever they look like, and numbers to the last bit.

    scenario: the scenario as data, which says of a sweep's axes, the first columns, whether they are of words.
    """
    cells = pd.read_csv(path, dtype=str, keep_default_na=False, lineterminator="\n")
    swept = ((scenario or {}).get("sweep") or {}).values()
    words = {"method", *(name for name, values in zip(cells, swept) if _are_words(values))}
    return pd.DataFrame({name: column if name in words else _numbers(column) for name, column in cells.items()})


def _are_words(values: Sequence[Any]) -> bool:
    """Whether an axis with these values is one of words in frames. Of numbers, JSON has words for infinities."""
    kinds = {float if value in ("Infinity", "-Infinity") else type(value) for value in values}
    return not (kinds <= {int, float} or kinds == {bool})


def _numbers(column: pd.Series) -> pd.Series:
    """What was written as integers, as booleans, or as floats, of which NaN is an empty cell."""
    if column.str.fullmatch(r"-?\d+").all():
        return pd.Series([int(cell) for cell in column])
    if column.isin(("True", "False")).all():
        return column == "True"
    return column.replace("", "nan").astype(float)


def load_settings(directory: Path | str) -> dict[str, Any]:
    """``scenario``: the scenario as data; ``versions``, ``platform``, ``floats``: what it ran on."""
    return json.loads((_kept(directory) / "settings.json").read_text(encoding="utf-8"))


def as_data(settings: Settings) -> dict[str, Any]:
    """A scenario as JSON has it."""
    return json.loads(settings.model_dump_json())


def _is_of(settings: Settings, written: Any) -> bool:
    """Whether a scenario in a file is this one. A key that is not in the file, for it is new, had its default."""
    every, given = (json.loads(settings.model_dump_json(exclude_defaults=without)) for without in (False, True))

    def filled(written, every, given):
        if not (isinstance(written, dict) and isinstance(every, dict)):
            return written
        known = {key: filled(value, every.get(key), given.get(key, {})) for key, value in written.items()}
        return {key: value for key, value in every.items() if key not in given} | known

    return filled(written, every, given) == every


def _scenario_in(directory: Path) -> dict[str, Any] | None:
    return _settings_in(directory).get("scenario")


def _settings_in(directory: Path) -> dict[str, Any]:
    """What settings.json holds, if it can be read."""
    try:
        return dict(load_settings(directory))
    except (OSError, ValueError, TypeError):
        return {}


def _versions(*packages: str) -> dict[str, str]:
    """Python's, and of the packages that are there."""
    there = {name: version(name) for name in packages if any(distributions(name=name))}
    return {"python": platform.python_version(), **there}


def _surroundings() -> dict[str, Any]:
    import jax

    return {
        "versions": _versions(*PACKAGES),
        "platform": {"system": platform.system(), "machine": platform.machine(), "jax": jax.default_backend()},
        "floats": "float64" if jax.config.jax_enable_x64 else "float32",
    }


# The old directory is moved aside and the new one in. Killed in between, the old one lies aside.


@contextmanager
def _whole(directory: Path | str) -> Iterator[Path]:
    """A new directory to write to, which takes its place once all is there."""
    home = Path(directory).resolve()  # behind symbolic links
    new, old = _beside(home, "new"), _beside(home, "old")
    _recover(home)
    shutil.rmtree(new, ignore_errors=True)
    try:
        new.mkdir(parents=True)
        yield new
        if home.exists():
            home.rename(old)
        new.rename(home)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        _recover(home)


def _beside(home: Path, state: str) -> Path:
    return home.with_name(f".{home.name}.{state}")


def _kept(directory: Path | str) -> Path:
    home = Path(directory).resolve()
    aside = _beside(home, "old")
    return aside if aside.exists() and not home.exists() else home


def _recover(home: Path) -> None:
    """Put the old directory back, or, where the new one is in its place, away."""
    aside = _beside(home, "old")
    if aside.exists():
        if home.exists():
            shutil.rmtree(aside)
        else:
            aside.rename(home)
