"""The recipes of .github/CONTRIBUTING.md work: they are followed, to the letter, on a copy of the repository."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / ".github" / "CONTRIBUTING.md").read_text()
COPIED = ("asyncsim", "tests", "notebooks", "experiments", "README.md", "pyproject.toml")
TESTS = ("rules/test_rules.py", "updates/test_updates.py", "test_guide.py", "rl/test_environments.py")
TESTS += ("cluster/test_times.py", "cluster/test_networks.py")
NEW = "fading or clipped or ClippedPG or MountainCar-v0 or Weibull or star or contract or everything_public or have_the"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def apply(diff, root):
    """Hunks without line numbers: the lines before stand in the file once, and become the lines after."""
    for path, hunks in re.findall(r"^--- (\S+)\n(.*?)(?=^--- |\Z)", diff, re.MULTILINE | re.DOTALL):
        for hunk in hunks.split("@@\n"):
            lines = hunk.splitlines(keepends=True)
            before, after = ("".join(line[1:] for line in lines if line[0] in kinds) for kinds in (" -", " +"))
            text = (root / path).read_text()
            assert text.count(before) == 1, f"{path} has these lines {text.count(before)} times:\n{before}"
            (root / path).write_text(text.replace(before, after))


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """A copy of the repository in which every recipe was followed."""
    root = tmp_path_factory.mktemp("copy")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, root / name)
    for code in blocks("python") + blocks("toml"):
        path, text = re.fullmatch(r"# (\S+)\n(.*)", code, re.DOTALL).groups()
        assert not (root / path).exists()
        (root / path).write_text(text)
    for diff in blocks("diff"):
        apply(diff, root)
    return root


def python(root, *arguments):
    environment = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, *arguments], cwd=root, env=environment, capture_output=True, text=True)
    assert not done.returncode, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_what_the_recipes_add_is_clean(followed):
    if shutil.which("ruff") is None:
        pytest.skip("ruff is not installed")
    for command in (["ruff", "check"], ["ruff", "format", "--check"]):
        done = subprocess.run([*command, "asyncsim", "tests"], cwd=followed, capture_output=True, text=True)
        assert not done.returncode, done.stdout


@pytest.mark.slow
def test_what_the_recipes_add_passes_the_tests_that_they_name(followed):
    said = python(followed, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(f"tests/{x}" for x in TESTS), "-k", NEW)
    assert int(re.search(r"(\d+) passed", said)[1]) > 50


def test_a_scenario_may_name_all_that_was_added(followed):
    said = python(followed, "-m", "asyncsim.cli", "run", "experiments/recipes.toml", "--output", "results")
    assert "fading_pg" in said and (followed / "results" / "curves.csv").exists()


def test_a_file_of_ones_own_needs_nothing_that_was_added(followed, tmp_path):
    for name in ("mine.toml", "mine.py"):
        shutil.copy(followed / name, tmp_path)
    command = ["-m", "asyncsim.cli", "run", "mine.toml", "--with", "mine.py", "--output", "results"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert not done.returncode and "rennala_signs" in done.stdout, done.stderr


def test_the_floors_are_those_that_the_tests_know():
    from test_layers import FLOORS

    (text,) = blocks("text")
    assert [set(line.split(", ")) for line in reversed(text.splitlines())] == FLOORS


def test_the_way_of_a_value_leads_through_files_and_names_that_exist():
    way = PAGE.split("## One value's way")[1]
    files = [path for path in (ROOT / "asyncsim").rglob("*.py") if path.name != "__init__.py"]
    named = set(re.findall(r"`(?:\w+/)*(\w+\.py)`", way))
    assert len(named) > 15 and named <= {path.name for path in files}
    assert all((ROOT / "asyncsim" / path).exists() for path in re.findall(r"`(\w+/\w+\.py)`", way))
    code = "\n".join(path.read_text() for path in files)
    for name in re.findall(r"`(?:\w+\.)*(\w+)`", re.sub(r"`[\w/]+\.py`", "", way)):
        assert re.search(rf"\b{name}\b", code), name
