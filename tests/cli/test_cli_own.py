"""`--with FILE`: a method, an update and an environment of one's own, from the file to the figure."""

import json
import re
from pathlib import Path

import pytest
from commands import complaint, files
from own_code import OWN, SCENARIO

import asyncsim
from asyncsim import results
from asyncsim.cli import main
from asyncsim.scenario import ScenarioError

RUN = ("run", "experiments/s.toml", "--with", "mine.py")


@pytest.fixture
def mine(here):
    Path("mine.py").write_text(OWN)
    Path("experiments/s.toml").write_text(SCENARIO)
    return here


def computed(capsys):
    return int(re.search(r"Computed now: (\d+) gradients", capsys.readouterr().out)[1])


def test_a_run(mine, capsys):
    assert "s.toml: methods.short_pairs is no method: known: " in complaint(capsys, "run", "experiments/s.toml")
    assert main(RUN) == 0
    first = computed(capsys)
    assert first > 0
    summary = results.load_summary("results/s").set_index("method")
    assert summary.loc["short_pairs", "tuned"] in ("seconds=4.0", "seconds=0.5")
    written = json.loads(Path("results/s/settings.json").read_text())["scenario"]["own"]
    assert written["file"] == "mine.py" and len(written["sha256"]) == 64
    before = files(mine)
    assert main(RUN) == 0
    assert computed(capsys) == 0 and files(mine) == before

    Path("mine.py").write_text(OWN.replace("/ (1 + norm", "/ (2 + norm"))
    assert "results/s holds another scenario's results: give --force" in complaint(capsys, *RUN)
    assert main([*RUN, "--force"]) == 0
    assert computed(capsys) == first
    assert not files(mine)[Path("results/s/curves.csv")] == before[Path("results/s/curves.csv")]

    said = r"^results/s/settings.json: own='mine.py', the Python file with which this was run, is missing: give own="
    with pytest.raises(ScenarioError, match=said):
        asyncsim.Run.load("results/s")
    loaded = asyncsim.Run.load("results/s", own="mine.py")
    assert loaded.summary()["method"].to_list() == ["short_pairs", "eager"]
    Path("mine.py").write_text(OWN)
    with pytest.raises(ScenarioError, match="is not this 'mine.py', of sha256 "):
        asyncsim.Run.load("results/s", own="mine.py")


def test_a_sweep_and_a_preset(mine, capsys):
    swept = '[sweep]\n"methods.eager.seconds" = [0.25, 8.0]\n'
    Path("experiments/s.toml").write_text(SCENARIO + swept)
    assert main([*RUN, "--preset", "quick"]) == 0
    summary = results.load_summary("results/s-quick")
    assert summary["seconds"].to_list() == [0.25, 0.25, 8.0, 8.0]
    run = asyncsim.run("experiments/s.toml", "quick", own="mine.py")
    assert run.computed == 0 and run.summary().equals(summary)


def test_the_other_commands(mine, capsys):
    assert main(["simulate", "experiments/s.toml", "--with", "mine.py"]) == 0
    assert "short_pairs" in capsys.readouterr().out
    assert main(["bounds", "experiments/s.toml", "--with", "mine.py"]) == 0
    assert "short_pairs, seconds=0.5" in capsys.readouterr().out
    claims = '[about]\nclaims = ["short_pairs > eager, area"]\n'
    Path("experiments/s.toml").write_text(SCENARIO + claims)
    assert main(["prices", "experiments/s.toml", "--with", "mine.py"]) == 0
    assert set(results.load_prices("results/s-prices")["claim"]) == {"short_pairs > eager, area"}


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("self.longest), gradient)", "self.longest), norm)", "methods.short_pairs: Short.apply returned"),
        (
            "        return state.point\n",
            "        return state.point[None]\n",
            "methods.short_pairs: Short.query returned",
        ),
        ("(gradient @ gradient)", "(gradient @ gradient[:-1])", "methods.short_pairs: Short.apply of"),
        ("self.length\n", "self.length + state\n", "problem: Corridor.step: whether the episode has ended returned"),
        ("-jnp.abs(state[0]", "-jnp.abs(state", "problem: Corridor.step: the reward returned float"),
    ],
)
def test_shapes_are_told_before_anything_is_trained(mine, capsys, old, new, said):
    assert OWN.count(old) == 1
    Path("mine.py").write_text(OWN.replace(old, new))
    line = complaint(capsys, *RUN)
    assert line.startswith(f"asyncsim: experiments/s.toml: {said}")
    if said.endswith(" of"):  # it raised
        assert line.endswith(f" (mine.py, line {OWN[: OWN.index(old)].count(chr(10)) + 1})\n")


def test_a_rule_that_fails_in_the_middle_is_named_with_its_ticket(mine, capsys):
    Path("mine.py").write_text(
        OWN.replace("1 / 2, clock.workers", "1 / 2, clock.workers if clock.version < 2 else [9]")
    )
    assert main(["simulate", "experiments/s.toml", "--with", "mine.py"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("asyncsim: experiments/s.toml: methods.short_pairs: Pairs at Ticket(worker=")
    assert said.endswith("start has 9, which is no worker: give some of 0 to 2\n") and said.count("\n") == 1
    assert main(RUN) == 2
    assert "methods.short_pairs: Pairs at Ticket(" in capsys.readouterr().err.splitlines()[-1]
    assert not Path("results").exists()


def test_a_run_is_given_with_a_file_or_has_it(mine):
    with pytest.raises(ValueError, match="own='mine.py': give them with a file, or load the scenario with them"):
        asyncsim.run(asyncsim.scenario.load("experiments/s.toml", own="mine.py"), own="mine.py")
