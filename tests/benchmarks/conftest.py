"""What every benchmark here is written with. A benchmark is a file bench_*.py of functions bench_*, and they note rows.

`against` times two functions by turns and notes their ratio; `row` notes any other figure. Both want `wanted`, what is
to be reached, as ("ratio" or "ours", ">=" or "<=", number), or None; and `bound`, what bounds the figure, in words.
Run them with `asyncsim benchmark`, which writes results/benchmarks/ and prints the table.
`in_child` runs code in a process of its own.
"""

import gc
import json
import operator
import subprocess
import sys
import time

import numpy as np
import pytest

RELATIONS = {">=": operator.ge, "<=": operator.le}


def seconds(function, timer):
    gc.collect()
    start = timer()
    function()
    return timer() - start


@pytest.fixture
def row(benchmark):
    benchmark.extra_info["rows"] = []

    def note(name, ours, reference=None, *, unit="s", ratio=None, wanted=None, bound="", points=None):
        """points: (x, seconds) of a log-log plot, where ``ours`` is its slope."""
        if not benchmark.stats:
            benchmark.pedantic(lambda: None)  # pytest-benchmark drops what was not timed
        figures = {"ours": ours, "reference": reference, "ratio": ratio}
        noted = {"name": name, "unit": unit}
        noted |= {key: None if value is None else float(value) for key, value in figures.items()}
        if wanted:
            key, relation, value = wanted
            noted["wanted"] = f"{key} {relation} {value:g}"
            noted["holds"] = bool(RELATIONS[relation](noted[key], value))
        noted["bound"] = bound
        if points:
            noted["points"] = [list(map(float, point)) for point in points]
        benchmark.extra_info["rows"].append(noted)

    return note


@pytest.fixture
def against(benchmark, row):
    def measure(name, ours, reference, *, count=(1, 1), unit="s", wanted, bound, rounds=7, timer=time.process_time):
        """Medians of seconds, or, where ``unit`` is things per second, of ``count`` of them; and of their ratio.

        The ratio is reference / ours in seconds: how many times as fast we are.
        """
        mine, theirs = [], []
        ours(), reference()  # compiles, imports, fills caches
        benchmark.pedantic(
            lambda: mine.append(seconds(ours, timer)),
            setup=lambda: theirs.append(seconds(reference, timer)),
            rounds=rounds,
        )
        mine, theirs = np.array(mine) / count[0], np.array(theirs) / count[1]
        ratio, figures = np.median(theirs / mine), (np.median(mine), np.median(theirs))
        if unit != "s":
            figures = [1 / figure for figure in figures]
        row(name, *figures, unit=unit, ratio=ratio, wanted=wanted, bound=bound)

    return measure


PEAK = r"""
def peak():
    import pathlib, re
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path("/proc/self/status").read_text())[1])
"""


@pytest.fixture
def in_child():
    """What code prints last, from JSON; in it, `peak` gives the process's peak memory, in bytes (where there is /proc).

    Not getrusage: its figure begins at the parent's.
    """

    def run(code, *args):
        command = [sys.executable, "-c", PEAK + code, *map(str, args)]
        return json.loads(
            subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]
        )

    return run
