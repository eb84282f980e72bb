"""``asyncsim benchmark``: pytest-benchmark runs tests/benchmarks/bench_*.py, and this shows what they found."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from .options import Output
from .terminal import complain, console, numbers, steps, table, texts

HOME = Path("tests", "benchmarks")
INSTALL = 'python3 -m pip install -c tested-versions.txt -e ".[benchmark]"'


def benchmark(
    names: Annotated[list[str] | None, typer.Argument(help="Which; otherwise all.", show_default=False)] = None,
    output: Output = None,
):
    """Measure speed in a checkout, as ratios taken in one run, then write results/benchmarks and show the table.

    It takes minutes, and needs a quiet machine. What goes wrong in a benchmark is shown, and the exit status is 1.
    """
    from .. import results

    directory, failed = output or Path("results", "benchmarks"), []
    wanted = chosen(names or [])
    for name in steps("benchmarks", wanted, len(wanted)):
        try:
            machine, rows = measured(name)
        except subprocess.CalledProcessError:
            failed.append(name)
            continue
        if not rows:
            continue
        results.save_benchmark(directory, name, machine, rows)
        shown = table(name, texts("figure"), *numbers("ours", "reference", "ratio", "wanted", "reached"))
        for row in rows:
            shown.add_row(*results.benchmark_cells(row))
        console().print(shown)
    if failed:
        complain(f"these benchmarks failed: {', '.join(failed)}; what went wrong stands above")
        raise typer.Exit(1)


def chosen(names: list[str]) -> list[str]:
    """These benchmarks, or all. Raises ScenarioError, one line, where they cannot be run."""
    from ..base import nearest
    from ..scenario import ScenarioError

    known = sorted(path.stem.removeprefix("bench_") for path in HOME.glob("bench_*.py"))
    if not known:
        raise ScenarioError(f"there is no {HOME} here: run `asyncsim benchmark` in a checkout, after {INSTALL}")
    if not (find_spec("pytest") and find_spec("pytest_benchmark")):
        raise ScenarioError(f"pytest-benchmark is not installed: {INSTALL}")
    for name in names:
        if name not in known:
            raise ScenarioError(f"name={name!r} is no benchmark: {nearest(name, known)}")
    return list(dict.fromkeys(names)) or known


def measured(name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The machine and the rows of a benchmark; none of one that has to be asked for, and stderr has how.

    What goes wrong in it is on stderr, too, and a CalledProcessError.
    """
    options = ["addopts=", "python_files=bench_*.py", "python_functions=bench_*", "filterwarnings="]
    with TemporaryDirectory() as home:
        written = Path(home, "benchmark.json")
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-rs", "--no-header", "-p", "no:cacheprovider"]
        command += [f"--confcutdir={HOME}", f"--benchmark-json={written}", "--benchmark-quiet"]
        command += [word for option in options for word in ("-o", option)]
        subprocess.run([*command, str(HOME / f"bench_{name}.py")], stdout=sys.stderr, check=True)
        if not written.exists():
            return {}, []
        found = json.loads(written.read_text(encoding="utf-8"))
    about = found["machine_info"]
    machine = {"system": about["system"], "machine": about["machine"], "cpu": about["cpu"].get("brand_raw", "unknown")}
    machine["cores"] = about["cpu"]["count"]
    rows = [row for each in found["benchmarks"] for row in each["extra_info"]["rows"]]
    return machine, rows
