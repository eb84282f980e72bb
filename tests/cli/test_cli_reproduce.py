"""`asyncsim reproduce`, and its list."""

import json
from pathlib import Path

from commands import CHAIN, TINY, complaint

from asyncsim import Run, results
from asyncsim.cli import main
from asyncsim.experiment import map_in_words

ABOUT = """[about]
claim = "one is _ahead_"
claims = ["rennala_nigt > a|`b`, area", "a|`b` > rennala_nigt, final"]
minutes = {quick = 0.5, paper = 12.0}
[stop]"""
CLAIMING = (
    CHAIN.replace("[stop]", ABOUT)
    .replace('"tiny"', '"tiny | *figure*"')
    .replace("[methods.afedpg]", "[methods.'a|`b`']\nmethod = 'afedpg'")
)


def rows(capsys):
    assert main(["reproduce", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines[:-1])) <= 120  # but for the words at the end
    return {line.split()[0]: " ".join(line.split()[1:]) for line in lines if line.strip()}


def test_what_can_be_reproduced(here, capsys):
    (here / "experiments" / "deeper").mkdir()
    swept = CLAIMING + "[sweep]\ncluster.communication = [0.5, 1.0]\n"
    (here / "experiments" / "deeper" / "swept.toml").write_text(swept)
    own = "compute = [1.0, 1.0, 1.0, 20.0]\n"
    (here / "experiments" / "own.toml").write_text(TINY.replace('workers = 3\ncompute = "sqrt"\n', own))
    (here / "experiments" / "broken.toml").write_text("=")
    before = rows(capsys)
    assert list(before)[:2] == ["experiments", "figure"] and before["figure"].endswith("quick paper status")
    assert before["tiny"] == "CartPole-v1 3 sqrt, κ 0.5 rennala 1.6, afedpg 1.6 not run"  # 4 gradients in 2.5 s
    assert before["own"].startswith("CartPole-v1 4 1 ×3, 20, κ 0.5 rennala")
    assert before["swept"].startswith("chain 3 sqrt, κ 0.5;") and before["swept"].endswith("0.5 12 not run")
    assert "experiments/broken.toml: not" in before["broken"]  # and below it: TOML
    Path("results/tiny").mkdir(parents=True)
    assert rows(capsys)["tiny"].endswith("rennala 1.6, afedpg 1.6 paper: of another")  # and below it: scenario


def verdict_of(a, b):
    """Changes the results so that Rennala has these areas, and the other one those."""
    measured = results.load_per_seed("results/tiny-quick")
    measured.assign(area=[*a, *b]).to_csv("results/tiny-quick/per_seed.csv", index=False)
    settings = Path("results/tiny-quick/settings.json")
    record = json.loads(settings.read_text())
    settings.write_text(json.dumps(record | {"sha256": {}}))  # of no file


def test_what_came_out(here, capsys):
    """In the list and as Markdown, from the results that are there: it changes with them, and with the file."""
    path = here / "experiments" / "tiny.toml"
    path.write_text(CLAIMING + "[quick]\nseeds = [7, 8]\n")
    assert main(["reproduce", "tiny"]) == 0
    capsys.readouterr()

    def table():
        assert main(["reproduce", "--table"]) == 0
        head, line, row = capsys.readouterr().out.splitlines()
        assert head == "| scenario | command | minutes, 2 cores | seeds | claim | outcome |" and "| --- |" in line
        return row

    verdict_of([3.0, 4.0], [1.0, 1.5])
    final = results.load_comparison("results/tiny-quick").set_index("measure").loc["final"]
    row = table()
    assert row.startswith(
        r"| [tiny \| \*figure\*](results/tiny-quick/curves.png) | `asyncsim reproduce tiny` | 0.5 | 2 | "
        r"one is \_ahead\_ | "
        r"`` rennala_nigt > a\|`b`, area ``: *reproduced*, 2.25 (2 to 2.5)<br>`` a\|`b` > rennala_nigt, final ``: *"
    )
    assert f", {float(f'{-final.difference:.3g}'):g} (" in row
    assert "1 reproduced" in rows(capsys)["tiny"]
    verdict_of([1.0, 4.0], [1.5, 1.0])
    assert "area ``: *undecided*, 1.25 (-0.5 to 3)" in table()
    verdict_of([1.0, 1.0], [2.0, 3.0])
    assert "area ``: *opposite*, -1.5 (-2 to -1)" in table() and "1 opposite" in rows(capsys)["tiny"]

    path.write_text(path.read_text().replace("rennala_nigt > a|`b`, area", "a|`b` > rennala_nigt, area"))
    assert "area ``: *reproduced*, 1.5 (1 to 2)" in table()  # the claim alone is another
    claims = next(line for line in path.read_text().splitlines() if line.startswith("claims"))
    path.write_text(path.read_text().replace(claims, ""))
    assert "claims no order<br>`` rennala_nigt - a\\|`b`, area ``: -1.5 (-2 to -1) |" in table()
    assert rows(capsys)["tiny"].endswith("quick")
    path.write_text(path.read_text().replace("seeds = [7, 8]", "seeds = [7, 9]"))
    assert table().endswith("| the results are of another scenario |")


def test_the_papers_figures_on_one_page(here, capsys):
    """Those that were run, as their files stand; without any, nothing is drawn."""
    folder = here / "experiments" / "paper"
    folder.mkdir()
    for name in ("one", "two", "not_run"):
        (folder / f"{name}.toml").write_text(CLAIMING.replace('"tiny | *figure*"', f'"{name}"'))
    assert "not one of its scenarios was run as it stands" in complaint(capsys, "reproduce", "--overview")
    assert main(["reproduce", "one"]) == main(["reproduce", "two"]) == 0
    capsys.readouterr()
    assert main(["reproduce", "--overview"]) == 0
    assert capsys.readouterr().out.split()[1:] == ["results/paper/overview.png", "results/paper/overview.svg"]
    both = Path("results/paper/overview.png").read_bytes()
    (folder / "two.toml").write_text((folder / "one.toml").read_text())  # whose results are of another scenario now
    assert main(["reproduce", "--overview"]) == 0
    assert Path("results/paper/overview.png").read_bytes() != both


def test_reproduce_takes_the_quick_preset_where_there_is_one(here):
    assert main(["reproduce", "tiny"]) == 0 and Path("results/tiny").exists()
    (here / "experiments" / "tiny.toml").write_text(TINY + "[quick]\nseeds = [7]\n")
    assert main(["reproduce", "tiny"]) == 0
    assert results.load_curves("results/tiny-quick")["seed"].unique().tolist() == [7]


def test_a_sweep_of_two_quantities_ends_in_a_map(here, capsys):
    path, swept = here / "experiments" / "tiny.toml", "[sweep]\ncluster.communication = [0.5, 50.0]\n"
    path.write_text(CLAIMING + swept + 'cluster.collective = ["max", "broadcast+reduce"]\n')
    assert main(["reproduce", "tiny"]) == 0
    said = capsys.readouterr().out
    cells = Run.load("results/tiny").map()
    words = map_in_words(cells, ["communication", "collective"])
    assert words.startswith("Of 4 cells, ") and words in said
    assert Path("results/tiny/map.svg").exists() and Path("results/tiny/map.csv").read_text().count("\n") == 5
    assert cells["measure"].tolist() == ["time"] * 4
    assert main(["reproduce", "--table"]) == 0
    row = capsys.readouterr().out.splitlines()[-1]
    assert "](results/tiny/map.png)" in row and "area ``: *" in row and " of 4 points<br>Of 4 cells, " in row
    more = 'cluster.collective = ["max"]\ncluster.transfer = ["round_trip"]\n'
    path.write_text(CLAIMING + swept.replace(", 50.0", "") + more)  # no map
    assert main(["reproduce", "tiny", "--force"]) == 0
    assert "There is no map of 3 swept quantities: give two." in capsys.readouterr().out
    assert not Path("results/tiny/map.csv").exists()
