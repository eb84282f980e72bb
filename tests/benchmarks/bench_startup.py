"""How long the command line takes to start, and what compiling costs a second time."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

SCENARIO = Path("experiments", "quickstart.toml")


def started(*arguments, environment=None):
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment)
    return time.perf_counter() - start


@pytest.mark.parametrize("arguments, limit", [(("--help",), 0.5), (("simulate", str(SCENARIO)), 1.5)])
def bench_start(row, arguments, limit):
    ours, bare = np.median([(started("-m", "asyncsim.cli", *arguments), started("-c", "")) for _ in range(7)], axis=0)
    row(
        f"asyncsim {' '.join(arguments)}, and a bare Python",
        ours,
        bare,
        ratio=ours / bare,
        wanted=("ours", "<=", limit),
        bound="imports: typer and rich" if limit < 1 else "imports: NumPy, pandas, pydantic, SimPy",
    )
