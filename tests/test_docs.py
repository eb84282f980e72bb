"""What is promised in words: papers, the README's commands and links, the files that a user is told of."""

import inspect
import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from asyncsim import methods
from asyncsim.cli import main
from asyncsim.results import place

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_methods_name_their_papers():
    for _, function in inspect.getmembers(methods, inspect.isfunction):
        required = [p.name for p in inspect.signature(function).parameters.values() if p.default is p.empty]
        method = function(**dict.fromkeys(required, 1))
        assert method.name == function.__name__ and method.papers
        assert f"`{method.name}`" in README


PAGES = [
    ROOT / "README.md",
    ROOT / ".github" / "CONTRIBUTING.md",
    *ROOT.glob("*/README.md"),
    *ROOT.glob("*/*/README.md"),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.relative_to(ROOT)}")
def test_the_files_that_pages_name_are_there(page):
    text = re.sub(r"^```(python|diff|toml)\n.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for path in re.findall(r"\b((?:asyncsim|tests|experiments|notebooks|results)/[\w/.-]+\.\w+)", text):
        assert (ROOT / path).exists() or (ROOT / "asyncsim" / path).exists(), path
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def pinned_versions():
    lines = (ROOT / "tested-versions.txt").read_text().splitlines()
    return {name.lower(): version for name, version in (line.split("==") for line in lines if "==" in line)}


def test_the_readmes_commands_install_what_they_run():
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert len(commands) == 2 and all("-c tested-versions.txt" in command for command in commands)
    assert "asyncsim run experiments/" in commands[0] and "pytest" in commands[1]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    assert {re.match(r"[\w-]+", line)[0].lower() for line in wanted} <= set(pinned_versions())
    assert "://" not in (ROOT / "tested-versions.txt").read_text()


def test_what_is_installed_is_bounded_and_audited_every_week():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [Requirement(line) for line in sum(project["optional-dependencies"].values(), project["dependencies"])]
    bounded = [one for one in wanted if any(bound.operator in ("<", "==") for bound in one.specifier)]
    assert {one.name for one in wanted} == {one.name for one in bounded}
    tested = pinned_versions()
    assert all(tested[one.name.lower()] in one.specifier for one in bounded if one.name.lower() in tested)
    audit = (ROOT / ".github" / "workflows" / "audit.yml").read_text()
    assert "schedule:" in audit and "pip-audit --requirement tested-versions.txt" in audit


def test_the_house_has_the_rooms_that_there_are():
    drawn = re.findall(r"^  (\w+)(?:/|\.py) ", README.split("## The house")[1], re.MULTILINE)
    there = [path.stem for path in (ROOT / "asyncsim").iterdir() if path.suffix in ("", ".py") and path.stem[0] != "_"]
    assert sorted(drawn) == sorted(there)


def test_the_readme_has_the_outcomes_that_the_results_have(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert main(["reproduce", "--table"]) == 0
    printed = capsys.readouterr().out
    assert "| the results are of another scenario |" not in printed
    head = printed.splitlines()[0]
    assert printed in README and README.count(head) == 1
    claimed = [path for path in Path("experiments").rglob("*.toml") if "\nclaim = " in path.read_text(encoding="utf-8")]
    there = [path for path in claimed if any(place(path, preset).exists() for preset in (None, "quick"))]
    assert printed.count("\n") == 2 + len(there) > 10
    assert README.split(printed)[1].startswith("\n## ")  # no row of an older table is left


def test_the_top_level_is_what_it_should_be():
    allowed = {"pyproject.toml", "README.md", "LICENSE", "CITATION.cff", "tested-versions.txt"}
    allowed |= {"asyncsim", "experiments", "notebooks", "tests", "results"}
    import subprocess

    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if files.returncode:
        pytest.skip("not a git checkout")
    top = {line.split("/")[0] for line in files.stdout.splitlines()}
    assert {name for name in top if not name.startswith(".")} <= allowed


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_run_and_define_nothing(path):
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    code = "\n".join("".join(cell["source"]) for cell in cells)
    assert not re.search(r"^\s*(def|class) ", code, re.MULTILINE) and code.count("\n") <= 40
    assert [cell["execution_count"] for cell in cells] == [*range(1, len(cells) + 1)]  # executed, once and in order
    shown = [output for cell in cells for output in cell["outputs"]]
    assert {output["output_type"] for output in shown} == {"execute_result"}  # no error, and nothing on stderr
    assert any("image/png" in output["data"] for output in shown) and path.stat().st_size < 400_000
    exec(compile(code, path.name, "exec"), {})
