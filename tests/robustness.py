"""What is tried to make asyncsim lose or break something: ``python tests/robustness.py`` writes the guide's table.

It takes an hour, most of it for the kills. Named parts, ``python tests/robustness.py scenarios``, write their rows.

Each function returns how many cases it tried and which of them failed: those that gave neither a result nor one line
that says what is wrong. test_nothing_lost.py tries fewer. ``meanings`` prints what accepted mutations mean.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import mutations

from asyncsim import Run, logs
from asyncsim.cluster.recordings import parse_recording
from asyncsim.engine import memory
from asyncsim.results.records import as_data, digests
from asyncsim.scenario import ScenarioError, load
from asyncsim.store import Store

ROOT = Path(__file__).parent.parent
FREE = 2.0**28  # bytes, that what is accepted may take
LONGEST_LINE = 2000


@dataclass(frozen=True)
class Trial:
    """What was tried, how often, what failed, and what the worst of it took."""

    test: str
    tries: int
    failures: tuple[str, ...]
    worst: str


def tried(test: str, cases: Iterable[tuple[str, Callable[[], object]]], refusals: tuple[type[Exception], ...]) -> Trial:
    """Call each case; it fails unless it returns, or raises one of these errors, with one line."""
    failures, slowest, name, count = [], 0.0, "", 0
    with patch.object(memory, "free_memory", return_value=FREE), warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "builtin type .* has no __module__ attribute")  # Box2D
        for what, call in cases:
            begun, count = time.perf_counter(), count + 1
            try:
                call()
            except refusals as error:
                line = f"{error}"
                if not line or "\n" in line or len(line) > LONGEST_LINE:
                    failures.append(f"{what}: {line!r:.200}")
            except Exception as error:
                failures.append(f"{what}: {type(error).__name__}: {error}"[:200])
            if (took := time.perf_counter() - begun) > slowest:
                slowest, name = took, what
    return Trial(test, count, tuple(failures), f"{slowest:.1f} s: {name}")


TINY = """
seeds = [0]
step_sizes = [0.1]
evaluate_every = 100
[stop]
updates = 20
[cluster]
workers = 4
compute = "sqrt"
communication = 0.5
[problem]
environment = "CartPole-v1"
horizon = 20
discount = 0.9
hidden = [8]
evaluation_episodes = 2
[methods.{method}]
{parameters}
"""


def enormous() -> Iterator[tuple[str, str, str]]:
    """Names, files, and the key that is to be lowered."""
    whole = TINY.format(method="rennala_nigt", parameters="batch_size = 4")

    def other(old: str, new: str, key: str) -> tuple[str, str, str]:
        assert whole.count(old) == 1
        return new, whole.replace(old, new), key

    many = ("1000000000", f"{2**63}", f"{2**70}")
    for value in ("10000000", *many):
        yield other("workers = 4", f"workers = {value}", "cluster.workers")
    for value in many:
        yield other("updates = 20", f"updates = {value}", "stop.updates")
        yield other("evaluation_episodes = 2", f"evaluation_episodes = {value}", "problem.evaluation_episodes")
        yield other("horizon = 20", f"horizon = {value}", "problem.horizon")
        yield other("hidden = [8]", f"hidden = [{value}]", "problem.hidden")
        problem = whole[whole.index("environment") : whole.index("[methods")]
        yield other(problem, f'kind = "quadratic"\ndimension = {value}\n', "problem.dimension")
        for key in ("states", "actions"):
            yield other(problem, f'kind = "garnet"\n{key} = {value}\n', f"problem.{key}")
        yield other(problem, f'kind = "chain"\nstates = {value}\n', "problem.states")
        for method, key in {
            "rennala_nigt": "batch_size",
            "malenia_nigt": "batch_size",
            "fedbuff_pg": "batch_size",
            "synchronous_nigt": "jobs_each",
        }.items():
            text = TINY.format(method=method, parameters=f"{key} = {value}")
            yield f"{method} {key} = {value}", text, f"methods.{method}.{key}"
        yield other("batch_size = 4", f"batch_size = 4\ninitial_batch_size = {value}", "nigt.initial_batch_size")
    slow = TINY.format(method="malenia_nigt", parameters="batch_size = 4")
    yield "a worker of 1e12 s", slow.replace('"sqrt"', "[1.0, 1.0, 1.0, 1e12]"), "methods.malenia_nigt.batch_size"
    for value in ("1e12", "1e22", "1e30", f"{2**80}"):
        yield other("updates = 20", f"until = {value}", "stop.until")
    yield other("updates = 20", "gradients = 10000000000", "stop.gradients")
    axes = f"cluster.communication = {[*range(1000)]}\nmethods.rennala_nigt.batch_size = {[*range(1, 1001)]}"
    yield "1000000 points", f"{whole}\n[sweep]\n{axes}\n", "sweep"
    yield "20000 seeds", whole.replace("[0]", f"{[*range(20000)]}"), "seeds"


ENORMOUS = list(enormous())


def enormous_numbers() -> Trial:
    with TemporaryDirectory() as home:

        def cases() -> Iterator[tuple[str, Callable[[], object]]]:
            path = Path(home, "x.toml")
            for name, text, _ in ENORMOUS:
                path.write_text(text)
                yield name.replace("\n", "; "), lambda: load(path).problem()

        return tried("enormous numbers", cases(), (ScenarioError,))


def used(path: Path) -> None:
    """All that is done with a scenario but training."""
    scenario = load(path)
    scenario.problem()
    if not scenario.coupled:
        scenario.simulate(next(iter(scenario.methods)))


def malformed_scenarios(count: int, seed: int = 0) -> Trial:
    with TemporaryDirectory() as home:

        def cases() -> Iterator[tuple[str, Callable[[], object]]]:
            path = Path(home, "x.toml")
            for what, content in mutations.scenarios(seed, count):
                path.write_bytes(content)
                yield what, lambda: used(path)

        return tried("malformed scenarios", cases(), (ScenarioError,))


def malformed_recordings(count: int, seed: int = 0) -> Trial:
    rng = random.Random(seed)
    rows = [f"{k % 3},{0.5 * k},{0.5 * k + rng.random()}" for k in range(30)]
    whole = "\n".join(["worker,start,finish", *rows]).encode()

    def cases():
        for k in range(count):
            content, what = mutations.mutated_bytes(whole, rng)
            yield f"{k} {what}", lambda content=content: parse_recording(content, "times.csv")

    return tried("malformed recordings", cases(), (ValueError,))


def malformed_logs(count: int, seed: int = 0) -> Trial:
    rng = random.Random(seed)
    samples = {path.name: path.read_bytes() for path in sorted((ROOT / "tests" / "logs" / "samples").iterdir())}

    def cases():
        for k in range(count):
            name, whole = rng.choice(list(samples.items()))
            content, what = mutations.mutated_bytes(whole, rng)
            yield f"{k} {name}: {what}", lambda content=content: logs.parse_log(content)

    return tried("malformed logs", cases(), (logs.LogError,))


def malformed_results(count: int, seed: int = 0, of: str = "parity-quick") -> Trial:
    """A file of a results folder is not what it was; then it says so, or nothing that counts was changed."""
    rng = random.Random(seed)
    with TemporaryDirectory() as home:
        whole, here = Path(home, "whole"), Path(home, "x")
        shutil.copytree(ROOT / "results" / of, whole, ignore=shutil.ignore_patterns("*.svg", "*.png"))
        record = json.loads((whole / "settings.json").read_text())
        record["sha256"] = digests(whole, record["scenario"])  # folders that were written before had none
        (whole / "settings.json").write_text(json.dumps(record, indent=2))
        right = Run.load(whole, ROOT / "experiments")

        def read() -> None:
            run = Run.load(here, ROOT / "experiments")
            assert run.curves.equals(right.curves) and as_data(run.scenario.settings) == as_data(
                right.scenario.settings
            )

        def cases() -> Iterator[tuple[str, Callable[[], object]]]:
            for k in range(count):
                shutil.rmtree(here, ignore_errors=True)
                shutil.copytree(whole, here)
                path = here / rng.choice(["settings.json", "curves.csv"])
                content, what = mutations.mutated_bytes(path.read_bytes(), rng)
                path.write_bytes(content)
                yield f"{k} {path.name}: {what}", read

        return tried("malformed results folders", cases(), (ScenarioError, OSError))


def malformed_stores(count: int, seed: int = 0) -> Trial:
    """A store's file is not what it was; then it says so, or what it gives is what was put in."""
    rng = random.Random(seed)
    rows = {bytes([k]) * 16: rng.randbytes(200) for k in range(30)}

    def use(home: Path) -> None:
        store = Store(home)
        store.check(writing=True)
        found = store.rows("a")
        assert set(found.items()) <= set(rows.items())
        kept = [store.checkpoint("a", prefix) for prefix in store.checkpoints("a")]
        assert set(kept) <= {b"where it is", None}
        store.keep("b", {"seed": 1}, rows, b"c" * 16, b"there")
        assert store.rows("b") == rows
        store.lanes(), store.verify()

    with TemporaryDirectory() as home:
        whole = Store(Path(home, "whole"))
        whole.keep("a", {"seed": 0}, rows, b"p" * 16, b"where it is")
        content = whole.path.read_bytes()

        def cases():
            for k in range(count):
                here = Path(home, f"{k}")
                here.mkdir()
                changed, what = mutations.mutated_bytes(content, rng)
                Store(here).path.write_bytes(changed)
                yield f"{k} {what}", lambda here=here: use(here)

        return tried("malformed stores", cases(), (OSError,))


def ended(count: int) -> Trial:
    """SIGINT and SIGTERM, at moments by chance, to simulations and to training on MuJoCo, in processes of their own."""
    rng, failures, slowest = random.Random(0), [], 0.0
    text = TINY.format(method="afedpg", parameters="").replace("updates = 20", "updates = 20000000")
    train = text.replace("20000000", "100000").replace("CartPole-v1", "Hopper-v4")
    start = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); import asyncsim.cli as c; "
    with TemporaryDirectory() as home:
        for k in range(count):
            Path(home, "x.toml").write_text(text if k % 2 else train)
            command = ["simulate", "x.toml"] if k % 2 else ["run", "x.toml", "--store", "kept", "--output", "out"]
            number = rng.choice([signal.SIGINT, signal.SIGTERM])
            arguments = [sys.executable, "-c", f"{start}sys.exit(c.main({command}))"]
            process = subprocess.Popen(arguments, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            time.sleep(rng.uniform(*((3, 6) if k % 2 else (8, 25))))
            begun = time.monotonic()
            process.send_signal(number)
            try:
                _, error = process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                _, error = process.communicate()
            took = time.monotonic() - begun
            slowest = max(slowest, took)
            last = (error.splitlines() or [""])[-1]  # of a simulation nothing is kept
            said = last == "asyncsim: interrupted" if k % 2 else "the same command goes on" in last
            if process.returncode != {signal.SIGINT: 130, signal.SIGTERM: 143}[number] or not said or took > 10:
                failures.append(f"{k} {number.name}: {process.returncode} after {took:.1f} s: {error[-300:]}")
    return Trial("SIGINT and SIGTERM", count, tuple(failures), f"ended after {slowest:.1f} s")


KILLED = {
    "a sweep with tuning is killed": "test_a_run_that_is_killed_at_any_moment_goes_on",
    "a method on MuJoCo is killed": "test_a_long_method_on_mujoco_that_is_killed_again_and_again_goes_on",
}


def killed(count: int) -> Iterator[Trial]:
    """SIGKILL, at moments by chance, to runs that are then started again: see tests/experiment/test_resuming.py."""
    for name, test in KILLED.items():
        path = ROOT / "tests" / "experiment" / "test_resuming.py"
        command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", f"{path}::{test}"]
        environment = os.environ | {"ASYNCSIM_KILLS": f"{count}"}
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        said = re.search(r"\d+ kills, .*", done.stdout)
        yield Trial(name, count, (done.stdout[-1000:],) if done.returncode else (), said[0] if said else "")


def faults(count: int) -> list[Trial]:
    """See faults.py."""
    command = [sys.executable, str(Path(__file__).parent / "faults.py"), f"{count}"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return [Trial(one["test"], one["tries"], tuple(one["failures"]), one["worst"]) for one in found]


def meanings(count: int, seed: int = 0) -> Iterator[tuple[str, list[str]]]:
    """Of each malformed scenario that is accepted: what was done to the file, and what is different in its settings."""

    def flat(data: Any, where: str = "") -> dict[str, Any]:
        if not isinstance(data, dict | list) or not data:
            return {where: data}
        pairs = data.items() if isinstance(data, dict) else enumerate(data)
        return {key: one for name, value in pairs for key, one in flat(value, f"{where}.{name}").items()}

    def settings(path: Path) -> dict[str, Any]:
        found = load(path).settings
        return flat(as_data(found) | {"about": found.about.model_dump(mode="json"), "quick": found.quick})

    with TemporaryDirectory() as home, patch.object(memory, "free_memory", return_value=FREE):
        path, before = Path(home, "x.toml"), {}
        for what, content in mutations.scenarios(seed, count):
            name = what.split()[1].rstrip(":")
            path.write_bytes(content)
            try:
                new = settings(path)
            except ScenarioError:
                continue
            if name not in before:
                path.write_text(mutations.texts()[name], encoding="utf-8")
                before[name] = settings(path)
            old = before[name]
            keys = [key for key in {**old, **new} if key not in old or key not in new or old[key] != new[key]]
            yield what, [f"{key[1:]}: {old.get(key, '-')!r:.40} -> {new.get(key, '-')!r:.40}" for key in keys]


PAGE = ROOT / "notebooks" / "robustness.md"
TABLE = "<!-- table -->"


PARTS = {
    "enormous": lambda: [enormous_numbers()],
    "scenarios": lambda: [malformed_scenarios(1500)],
    "recordings": lambda: [malformed_recordings(1000)],
    "logs": lambda: [malformed_logs(1000)],
    "results": lambda: [malformed_results(400)],
    "stores": lambda: [malformed_stores(400)],
    "faults": lambda: faults(60),
    "kills": lambda: killed(50),
    "signals": lambda: [ended(8)],
}


def row(one: Trial) -> str:
    worst = re.sub(r"([|<>`*_\[\]])", r"\\\1", one.worst[:100])
    return f"| {one.test} | {one.tries} | {len(one.failures)} | {worst} |"


def page(parts: Sequence[str]) -> int:
    """Try these parts, or all, and write their rows of the guide's table; what failed is printed, and counted."""
    if unknown := set(parts) - set(PARTS):
        sys.exit(f"{', '.join(unknown)}: unknown; parts are {', '.join(PARTS)}")
    before, old, after = PAGE.read_text(encoding="utf-8").split(TABLE)
    head, rows = old.strip().split("\n")[:2], {}
    if parts:
        rows = {line.split(" | ")[0]: line for line in old.strip().split("\n")[2:]}
    failures = 0
    for part in parts or PARTS:
        for one in PARTS[part]():
            rows[f"| {one.test}"], failures = row(one), failures + len(one.failures)
            print(f"{one.test}: {len(one.failures)} of {one.tries} failed; {one.worst}", *one.failures, sep="\n  ")
        table = "\n".join([*head, *rows.values()])
        PAGE.write_text(f"{before}{TABLE}\n\n{table}\n\n{TABLE}{after}", encoding="utf-8")
    return failures


if __name__ == "__main__":
    if sys.argv[1:] == ["meanings"]:
        for what, different in meanings(1500):
            print(what, *(different[:6] or ["nothing is different"]), sep="\n  ")
    else:
        sys.exit(bool(page(sys.argv[1:])))
