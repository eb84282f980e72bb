"""Kills and errors at every file operation in turn, and full disks: ``python tests/faults.py COUNT`` prints JSON.

It is a process of its own, without threads, so that it may fork. Each child does the same work with another fault; what
it has left behind is looked at here, and then the work is done in peace.
"""

import errno
import json
import os
import random
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from asyncsim import results
from asyncsim.results import runs
from asyncsim.scenario import load
from asyncsim.store import Store

OPERATIONS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.listdir", "os.scandir", "shutil.rmtree")
DONE, TOLD, WRONG, PEACE, KILLED = 0, 3, 4, 5, -9  # how a child ends; PEACE: its fault was not met
MET: list[str] = []  # in a child

SCENARIO = load(Path(__file__).parent.parent / "experiments" / "quickstart.toml")


class Drawn:
    """Instead of a figure, which takes long to draw."""

    def savefig(self, path: Path, metadata: object) -> None:
        Path(path).write_bytes(b"picture" * 100)


def write(home: Path, text: str = "new") -> None:
    """What is tried: a run's directory is written, in the place of another one."""
    tables = {name: pd.DataFrame({"method": [text] * 50, "time": range(50)}) for name in ("curves", "summary")}
    with results.reserve(home, SCENARIO.settings, True):
        results.save(home, SCENARIO.settings, tables, {"curves": Drawn()})


def contents(home: Path) -> dict[str, bytes]:
    home = results.directories.kept(home)
    return {path.name: path.read_bytes() for path in home.iterdir()} if home.exists() else {}


def forked(work: Callable[[], None], fault: Callable[[], None]) -> int:
    """The work in a child with a fault; return its status, which says how it ended."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = WRONG
    try:
        fault()
        work()
        status = DONE if MET else PEACE
    except OSError as error:
        status = TOLD if "\n" not in f"{error}" else WRONG
    finally:
        os._exit(status)


def at_operation(number: int, home: Path, kill: bool) -> Callable[[], None]:
    """A fault: the process is killed, or the disk says that it is full, at this file operation."""
    left = number

    def watch(event: str, arguments: tuple) -> None:
        nonlocal left
        if event in OPERATIONS and f"{arguments[0]}".startswith(f"{home}"):
            left -= 1
            if left == 0:
                MET.append(event)
            if left == 0 and kill:
                os.kill(os.getpid(), signal.SIGKILL)
            elif left == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), arguments[0])

    return lambda: sys.addaudithook(watch)


def full_after(size: int) -> Callable[[], None]:
    """A fault: no file may have more bytes."""

    def limit() -> None:
        MET.append("limit")
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def results_trial(test: str, faults: Callable[[int, Path], Callable[[], None]], most: int) -> dict:
    """Until the fault is not met, or ``most`` times: what is left is the old or the new, whole."""
    tries, failures, told = 0, [], 0
    with TemporaryDirectory() as place:
        home, again = Path(place).resolve() / "results" / "x", Path(place).resolve() / "again"
        write(again)
        new = contents(again)
        for number in range(1, most + 1):
            shutil.rmtree(home.parent, ignore_errors=True)
            write(home, "old")
            old, tries = contents(home), tries + 1
            status = forked(lambda: write(home), faults(number, home.parent))
            told += status == TOLD
            if status == PEACE:
                tries -= 1
                break
            if status not in (DONE, TOLD, KILLED) or contents(home) not in (old, new):
                failures.append(f"{number}: status {status}, {sorted(contents(home))}")
            write(home)
            left = [path.name for path in home.parent.iterdir() if path != home]
            if contents(home) != new or left:
                failures.append(f"{number}: in the end {sorted(contents(home))}, {left}")
    return {
        "test": test,
        "tries": tries,
        "failures": failures,
        "worst": f"{told} ended with one line; always old or new",
    }


def keep(store: Store, k: int) -> None:
    rows = {bytes([k % 256, j]) * 8: bytes(300) for j in range(20)}
    store.keep(f"{k}", {"seed": k}, rows, b"p" * 16, b"c" * 5000)


def store_killed(count: int, seed: int = 0) -> dict:
    """A process that keeps one lane after another is killed; what it said it had kept is there, and the store whole."""
    rng, failures, least = random.Random(seed), [], 10**9
    with TemporaryDirectory() as place:
        for number in range(count):
            store = Store(Path(place, f"{number}"))
            out, into = os.pipe()
            child = os.fork()
            if not child:
                for k in range(10**6):
                    keep(store, k)
                    os.write(into, b".")
            os.close(into)
            time.sleep(rng.uniform(0.0, 0.05))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            with os.fdopen(out, "rb") as pipe:
                said = len(pipe.read())
            least = min(least, said)
            there = len(store.lanes()) if store.path.exists() else 0
            if there not in (said, said + 1) or (there and store.verify()):
                failures.append(f"{number}: {there} of {said}")
            keep(store, 10**6)
            if len(store.rows("1000000")) != 20:
                failures.append(f"{number}: it cannot go on")
    return {
        "test": "a store's process is killed",
        "tries": count,
        "failures": failures,
        "worst": "all that it said it had kept was there",
    }


def store_full(count: int) -> dict:
    """The disk is full while lanes are kept: one line, and what was there before stays."""
    failures, told = [], 0
    with TemporaryDirectory() as place:
        for number in range(count):
            store = Store(Path(place, f"{number}"))
            keep(store, 0)
            size = store.path.stat().st_size
            status = forked(lambda store=store: [keep(store, k) for k in range(1, 20)], full_after(size + 997 * number))
            told += status == TOLD
            if status not in (DONE, TOLD) or store.verify() or len(store.rows("0")) != 20:
                failures.append(f"{number}: status {status}")
    return {
        "test": "a store on a full disk",
        "tries": count,
        "failures": failures,
        "worst": f"{told} ended with one line; what was there stayed",
    }


def main(count: int) -> None:
    operation: Callable = lambda number, home: at_operation(number, home, False)  # noqa: E731
    killed: Callable = lambda number, home: at_operation(number, home, True)  # noqa: E731
    found = [
        results_trial("results, killed at each file operation", killed, 10**3),
        results_trial("results, an error at each file operation", operation, 10**3),
        results_trial("results, on a full disk", lambda number, _: full_after(97 * number), count),
        store_killed(count),
        store_full(count),
    ]
    print(json.dumps(found))


if __name__ == "__main__":
    runs.surroundings = dict  # which imports JAX, and that starts threads
    main(int(sys.argv[1]))
