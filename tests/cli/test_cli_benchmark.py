"""`asyncsim benchmark`: what it says where it cannot run, what it keeps, and that the README shows what was kept."""

import json
from pathlib import Path

import pytest
from commands import complaint
from pages import check_tables

from asyncsim import results
from asyncsim.cli import benchmarks, main

ROOT = Path(__file__).parents[2]
MACHINE = {"system": "Linux", "machine": "x86_64", "cpu": "A processor", "cores": 2}
ROWS = [
    {"name": "fast", "ours": 2.0, "reference": 3.0, "unit": "s", "ratio": 1.5, "wanted": "ratio >= 1", "holds": True,
     "bound": "memory"},
    {"name": "large", "ours": 5.0, "reference": None, "unit": "GiB", "ratio": None, "wanted": "ours <= 4",
     "holds": False, "bound": "disk"},
]  # fmt: skip
POINTS = {"name": "Quadratic: updates", "ours": 1.0, "reference": None, "unit": "(slope)", "ratio": None, "bound": ""}


def checkout(path, code):
    (path / "tests" / "benchmarks").mkdir(parents=True)
    conftest = (ROOT / "tests" / "benchmarks" / "conftest.py").read_text()
    (path / "tests" / "benchmarks" / "conftest.py").write_text(conftest)
    (path / "tests" / "benchmarks" / "bench_some.py").write_text(code)


def test_where_it_cannot_run_one_line_says_what_would_do(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert "no tests/benchmarks here: run `asyncsim benchmark` in a checkout" in complaint(capsys, "benchmark")
    checkout(tmp_path, "")
    monkeypatch.setattr(benchmarks, "find_spec", lambda name: name != "pytest_benchmark")
    assert 'pip install -c tested-versions.txt -e ".[benchmark]"' in complaint(capsys, "benchmark")
    monkeypatch.setattr(benchmarks, "find_spec", lambda name: True)
    assert "name='sme' is no benchmark: did you mean 'some'?" in complaint(capsys, "benchmark", "sme")


def test_one_that_has_to_be_asked_for_says_how_and_leaves_what_is_kept(tmp_path, monkeypatch, capfd):
    pytest.importorskip("pytest_benchmark")
    monkeypatch.chdir(tmp_path)
    code = "import pytest\n\n@pytest.mark.skip(reason='takes an hour: HOURS=1')\ndef bench_long(row): row('seven', 7)\n"
    checkout(tmp_path, code)
    assert main(["benchmark", "some"]) == 0
    assert "takes an hour: HOURS=1" in capfd.readouterr().err and not Path("results").exists()


def test_what_a_benchmark_notes_is_kept_and_shown(tmp_path, monkeypatch, capfd):
    pytest.importorskip("pytest_benchmark")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # or pytest-benchmark takes no times
    monkeypatch.chdir(tmp_path)
    code = """
        def bench_ratio(against):
            against("a thousand and a million", lambda: sum(range(10**3)), lambda: sum(range(10**6)),
                    wanted=("ratio", ">=", 2), bound="addition")
        def bench_figure(row):
            row("seven", 7, wanted=("ours", "<=", 6))
    """
    checkout(tmp_path, "\n".join(line[8:] for line in code.splitlines()))
    assert main(["benchmark", "some"]) == 0
    said = capfd.readouterr().out
    assert "a thousand and a million" in said and "ratio >= 2" in said
    check_tables()
    kept = json.loads(Path("results/benchmarks/some.json").read_text())
    assert set(kept["machine"]) == {"system", "machine", "cpu", "cores"} and "numpy" in kept["versions"]
    ratio, figure = kept["rows"]
    assert ratio["holds"] and ratio["ratio"] > 2 and not figure["holds"] and figure["ours"] == 7
    Path("tests/benchmarks/bench_some.py").write_text("def bench_wrong(row):\n    1 / 0\n")
    assert main(["benchmark"]) == 1
    captured = capfd.readouterr()
    assert "ZeroDivisionError" in captured.err and captured.err.endswith("failed: some; what went wrong stands above\n")
    assert json.loads(Path("results/benchmarks/some.json").read_text()) == kept


def test_files_pictures_and_the_readmes_table(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{results.TABLE}\nold\n{results.TABLE}\nafter\n")
    results.save_benchmark(tmp_path, "some", MACHINE, ROWS)
    assert results.load_benchmark(tmp_path, "some")["rows"] == ROWS
    lines = readme.read_text().splitlines()
    assert lines[0] == "before" and lines[-1] == "after" and "old" not in lines
    assert "| fast | 2 s | 3 s | 1.5 | ratio >= 1 | yes | memory |" in lines
    assert "| large | 5 GiB | – | – | ours <= 4 | no | disk |" in lines
    assert not (tmp_path / "some.png").exists()
    points = [[1.0, 0.5], [2.0, 1.0], [4.0, 2.0]]
    results.save_benchmark(tmp_path, "grown", MACHINE, [POINTS | {"points": points}, *ROWS])
    assert (tmp_path / "grown.png").exists() and (tmp_path / "grown.svg").exists()


def test_the_readme_quotes_what_was_measured():
    home = ROOT / "results" / "benchmarks"
    _, table, _ = (home / "README.md").read_text(encoding="utf-8").split(results.TABLE)
    assert table.strip() == results.benchmark_table(home).strip()
