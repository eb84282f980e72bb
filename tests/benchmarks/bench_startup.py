"""How long the command line takes to start, and what compiling costs a second time."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

SCENARIO = Path("experiments", "quickstart.toml")


def started(*arguments):
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


@pytest.mark.parametrize("arguments, limit", [(("--help",), 0.5), (("simulate", str(SCENARIO)), 1.5)])
def bench_start(row, arguments, limit):
    ours, bare = np.median([(started("-m", "asyncsim.cli", *arguments), started("-c", "")) for _ in range(9)], axis=0)
    row(
        f"asyncsim {' '.join(arguments)}, and a bare Python",
        ours,
        bare,
        ratio=ours / bare,
        wanted=("ours", "<=", limit),
        bound="imports: typer and rich" if limit < 1 else "imports: NumPy, pandas, pydantic, SimPy",
    )


CHILD = """
import sys, jax
from asyncsim.cli import main
spent = []
jax.monitoring.register_event_duration_secs_listener(
    lambda key, seconds, **_: spent.append(seconds) if key == "/jax/core/compile/backend_compile_duration" else None
)
assert main(["run", sys.argv[1], "--output", sys.argv[2], "--no-store"]) == 0
print(sum(spent))
"""


def bench_compiling_again(row, in_child, tmp_path, monkeypatch):
    scenario = tmp_path / "short.toml"
    scenario.write_text(SCENARIO.read_text().replace("until = 600.0", "until = 60.0"))
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first, second = (in_child(CHILD, scenario, tmp_path / output) for output in ("first", "second"))
    row(
        "asyncsim run, compiling the second time, and the first",
        second,
        first,
        ratio=second / first,
        wanted=("ratio", "<=", 0.2),
        bound="reading programs from the disk; on MuJoCo, those that call back are compiled again",
    )
