"""What is installed without a checkout: a wheel, used in an empty folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the wheel's content."""
    pytest.importorskip("hatchling")
    dist = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", dist], cwd=ROOT, check=True)
    (wheel,) = dist.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(dist / "site")
    return dist / "site"


def test_scenarios_travel_in_the_wheel(installed):
    inside, here = installed / "asyncsim" / "experiments", ROOT / "experiments"
    wanted = {path.relative_to(here) for path in here.rglob("*") if path.is_file() and not path.name.startswith(".")}
    assert {path.relative_to(inside) for path in inside.rglob("*") if path.is_file()} == wanted


def test_commands_work_in_an_empty_folder(installed, tmp_path):
    def said(*arguments):
        command = [sys.executable, "-m", "asyncsim.cli", *arguments]
        environment = os.environ | {"PYTHONPATH": f"{installed}"}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert not done.returncode, done.stderr
        return done.stdout

    assert "humanoid-equal" in said("list") and f"{installed}" in said("list")
    assert "rennala_nigt" in said("simulate", "quickstart", "--set", "stop.until=20")
    assert "wrote:\n  mine.toml" in said("init", "mine")
    assert "results/sweep-straggler" not in said("bounds", "mine.toml")
    chain = ["--set", "stop.gradients=50", "--set", "seeds=[0]", "--no-store"]
    assert "results/stragglers/sweep-straggler-gradients=50" in said("run", "sweep-straggler", *chain)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.toml", "results"]
