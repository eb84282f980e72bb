"""What is to hold to the last bit holds in programs as users compile them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MARK = "pytest.mark." + "optimized"


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(path for path in HERE.glob("*/test_*.py") if MARK in path.read_text()), ids=str)
def test_bits_are_the_same_in_optimized_programs(path):
    if "optimization_level" not in os.environ["XLA_FLAGS"]:
        pytest.skip("all programs are, and these tests run where they stand")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "optimized", path]
    done = subprocess.run(command, cwd=HERE.parent, env=os.environ | {"XLA_FLAGS": ""}, capture_output=True, text=True)
    assert not done.returncode and " passed" in done.stdout and " skipped" not in done.stdout, (
        done.stdout[-3000:] + done.stderr[-3000:]
    )
