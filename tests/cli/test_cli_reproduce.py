"""`asyncsim reproduce`, and its list."""

from pathlib import Path

from commands import TINY

from asyncsim import results
from asyncsim.cli import main


def test_what_can_be_reproduced(here, capsys):
    (here / "experiments" / "deeper").mkdir()
    about = '[about]\nverdict = "same shape: 3 s against 5 s"\nminutes = {quick = 0.5, paper = 12.0}\n[stop]'
    swept = TINY.replace("[stop]", about) + "[sweep]\ncluster.communication = [0.5, 1.0]\n"
    (here / "experiments" / "deeper" / "swept.toml").write_text(swept)
    own = "compute = [1.0, 1.0, 1.0, 20.0]\n"
    (here / "experiments" / "own.toml").write_text(TINY.replace('workers = 3\ncompute = "sqrt"\n', own))
    (here / "experiments" / "broken.toml").write_text("=")

    def rows():
        assert main(["reproduce", "--list"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert max(map(len, lines[:-1])) <= 120  # but for the words at the end
        return {line.split()[0]: " ".join(line.split()[1:]) for line in lines if line.strip()}

    before = rows()
    assert list(before)[:2] == ["figure", "experiments"] and before["figure"].endswith("quick paper status")
    assert before["tiny"] == "CartPole-v1 3 sqrt, κ 0.5 rennala, afedpg not run"
    assert before["own"].startswith("CartPole-v1 4 1 ×3, 20, κ 0.5 rennala")
    assert before["swept"].startswith("CartPole-v1 3 sqrt, κ 0.5;") and before["swept"].endswith("0.5 12 not run")
    assert "not TOML" in before["broken"]

    for place in ("deeper/swept", "tiny", "tiny-quick"):
        Path("results", place).mkdir(parents=True)
    after = rows()
    assert after["tiny"].endswith("rennala, afedpg paper, quick")
    assert after["swept"].endswith("0.5 12 same shape,")  # and below it the preset


def test_reproduce_takes_the_quick_preset_where_there_is_one(here):
    assert main(["reproduce", "tiny"]) == 0 and Path("results/tiny").exists()
    (here / "experiments" / "tiny.toml").write_text(TINY + "[quick]\nseeds = [7]\n")
    assert main(["reproduce", "tiny"]) == 0
    assert results.load_curves("results/tiny-quick")["seed"].unique().tolist() == [7]
