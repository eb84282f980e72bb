"""The guide under notebooks/: its examples run, its tables hold, and it names everything public."""

import doctest
import inspect
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from asyncsim import Cluster, PolicyGradient, methods, rules, simulate, theory, updates
from asyncsim.cluster import equal, sqrt

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "notebooks"
SCIENCE = (GUIDE / "science.md").read_text()
HEADINGS = re.findall(r"^#+ (.*)$", SCIENCE, re.MULTILINE)


def table(heading, first):
    """The cells of the table under this heading whose header begins with this word."""
    part = SCIENCE.split(f"# {heading}\n")[1]
    lines = part[part.index(f"| {first} |") :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_examples_run():
    found = doctest.testfile(str(GUIDE / "science.md"), module_relative=False)
    assert found.attempted > 10 and not found.failed


def test_everything_public_is_named():
    known = [*rules.__all__, *updates.__all__, *(name for name, _ in inspect.getmembers(methods, inspect.isfunction))]
    known += [path.stem for path in (ROOT / "experiments" / "paper").glob("*.toml")]
    known += theory.TABLE
    assert not [name for name in known if not re.search(rf"\b{name}\b", SCIENCE)]


@pytest.mark.parametrize("name, rule, update", table("Methods", "method"), ids=lambda cell: cell.split()[0])
def test_methods_have_the_rules_and_updates_that_the_page_says(name, rule, update):
    function = getattr(methods, name.strip("`"))
    required = [p.name for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    method = function(**dict.fromkeys(required, 1))
    assert type(method.rule).__name__ == rule.split()[0]
    assert type(method.update).__name__ == re.match(r"\w+", update)[0]


@pytest.mark.parametrize("h, M, cells", [(h, M, cells) for h, M, *cells in table("Exact values", "h")], ids=str)
def test_exact_values(h, M, cells):
    n = int(h.split("n = ")[1]) if "n = " in h else 2
    cluster = Cluster((1, 10) if h == "(1, 10)" else sqrt(n) if "√" in h else equal(n))
    for rule, seconds, jobs in zip((rules.Rennala, rules.Malenia), cells[::2], cells[1::2], strict=True):
        timeline = simulate(rule(int(M)), cluster, updates=1, events=True)
        assert timeline.end == (4 * 3**0.5 if seconds == "4√3" else float(seconds))
        used = np.bincount(timeline.jobs.query("update == 0")["worker"], minlength=n).tolist()
        if jobs:
            assert used == ([int(jobs.split()[0])] * n if "each" in jobs else [int(k) for k in jobs.split(",")])


def test_gradients_per_second():
    d = PolicyGradient("Humanoid-v4", 1, 0.9).policy_network.size
    assert f"$d = {d}$" in SCIENCE
    for name, *cells in table("Networks", "cluster"):
        h = sqrt(int(re.search(r"n = (\d+)", name)[1]))
        kappa = [h_i * (d**0.25 if "d^" in name else 1) for h_i in h]
        found = [M / simulate(rules.Rennala(M), Cluster(h, kappa), updates=1).end for M in (20, 30, 50)]
        found.append(len(h) / simulate(rules.Synchronous(), Cluster(h, kappa), updates=1).end)
        for transfer in ("round_trip", "both_ways"):
            found.append((1 / (np.array(h) + Cluster(h, kappa, transfer=transfer).gradient_communication)).sum())
        assert [f"{rate:.2f}" for rate in found] == cells, name


def test_what_the_code_refers_to_is_on_the_page():
    pattern = re.compile(r"notebooks/science\.md, ([A-Z][a-z ]*[a-z])")
    references = [
        (path, heading)
        for folder in ("asyncsim", "tests")
        for path in (ROOT / folder).rglob("*.py")
        for heading in pattern.findall(path.read_text())
    ]
    assert references
    for path, heading in references:
        assert heading in HEADINGS, f"{path}: {heading}"


def test_links_lead_somewhere():
    for page in GUIDE.glob("*.md"):
        for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
            if target.startswith("https://arxiv.org/abs/"):
                continue
            there, _, anchor = target.partition("#")
            assert (GUIDE / there).exists(), target
            if anchor:
                headings = re.findall(r"^#+ (.*)$", (GUIDE / there if there else page).read_text(), re.MULTILINE)
                assert anchor in {heading.lower().replace(" ", "-") for heading in headings}, target
    listed = (GUIDE / "README.md").read_text()
    pages = [page.name for page in GUIDE.iterdir() if page.is_file() and page.name not in ("README.md", "conf.py")]
    assert all(f"({name})" in listed for name in pages)


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    """Where the extra `docs` is installed."""
    pytest.importorskip("myst_nb")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", f"{tmp_path}/d", GUIDE, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pages = {page.stem for page in GUIDE.iterdir() if page.suffix in (".md", ".ipynb")}
    assert pages <= {page.stem for page in tmp_path.glob("*.html")}
