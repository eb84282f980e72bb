"""Directories of results: where they are, that one process at a time writes there, and that they are replaced whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path

from filelock import FileLock, Timeout

LONGEST = 240  # bytes of a directory's name: file systems have 255, and what lies beside it is called more


def place(scenario: Path | str, preset: str | None = None, more: str | None = None) -> Path:
    """Where a scenario's results go: ``experiments/a/b.toml`` to ``results/a/b``, others to ``results/<stem>``.

    Those of a preset, or with something changed, lie beside them: ``results/a/b-quick-communication=2``.
    """
    path = Path(scenario)
    stem = path.stem.strip(".") or "scenario"  # not a hidden name, nor a way up
    folders = path.parts[:-1]
    inside = folders[len(folders) - folders[::-1].index("experiments") :] if "experiments" in folders else ()
    name = "-".join(filter(None, (stem, preset, more)))
    return Path("results", *(folder for folder in inside if folder != ".."), name)


def scenario_folder(directory: Path | str) -> Path:
    """The folder of the scenario whose results `place` puts here: ``experiments/a`` of ``results/a/b``.

    Where there is no such folder, the one that ``results`` lies in; of a directory elsewhere, the one it lies in.
    """
    *above, _ = Path(directory).resolve().parts
    if "results" not in above:
        return Path(*above)
    k = len(above) - 1 - above[::-1].index("results")
    mirrored = Path(*above[:k], "experiments", *above[k + 1 :])
    return mirrored if mirrored.is_dir() else Path(*above[:k])


# A process that writes to a directory holds a lock beside it until it is done; the lock dies with the process. Whose it
# is stands in a file of its own, for a lock may empty its file.


@contextmanager
def held(directory: Path, ours: Sequence[str]) -> Iterator[Path]:
    """The directory, behind symbolic links, where nobody else writes until this is left.

    ours: names of the files, as patterns, that it may hold.
    """
    home = Path(directory).resolve()
    _check_free(directory, home, ours)
    new = [parent for parent in home.parents if not parent.exists()]
    home.parent.mkdir(parents=True, exist_ok=True)
    lock, holder = FileLock(beside(home, "lock")), beside(home, "holder")
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


# The old directory is moved aside and the new one in. Killed in between, the old one lies aside.


@contextmanager
def whole(directory: Path | str) -> Iterator[Path]:
    """A new directory to write to, which takes its place once all is there."""
    home = Path(directory).resolve()  # behind symbolic links
    new, old = beside(home, "new"), beside(home, "old")
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


def beside(home: Path, state: str) -> Path:
    """The hidden path next to a directory or file for this state of it, such as ``old`` or ``new``."""
    return home.with_name(f".{home.name}.{state}")


def kept(directory: Path | str) -> Path:
    """Where a directory's files are: in it, or aside."""
    home = Path(directory).resolve()
    aside = beside(home, "old")
    return aside if aside.exists() and not home.exists() else home


def _recover(home: Path) -> None:
    """Put the old directory back, or, where the new one is in its place, away."""
    aside = beside(home, "old")
    if aside.exists():
        if home.exists():
            shutil.rmtree(aside)
        else:
            aside.rename(home)
