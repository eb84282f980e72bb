"""`asyncsim run --policies` and `asyncsim play`."""

import re

import imageio.v3 as imageio
import pytest
from commands import TINY, complaint
from pages import check_tables

from asyncsim import results
from asyncsim.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the scenario was run, and its policies kept."""
    folder = tmp_path_factory.mktemp("kept")
    (folder / "tiny.toml").write_text(TINY)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["run", "tiny.toml", "--policies"]) == 0
    return folder


@pytest.fixture
def kept(folder, monkeypatch):
    monkeypatch.chdir(folder)


def test_play(kept, capsys):
    assert main(["play", "results/tiny", "--method", "afedpg", "--episodes", "5"]) == 0
    said = capsys.readouterr().out
    rows = [line.split() for line in said.splitlines() if line.startswith("afedpg")]
    policies = [policy for policy in results.load_policies("results/tiny") if policy.method == "afedpg"]
    assert [words[1:3] for words in rows] == [["0", "3"], ["1", "3"]]
    assert [float(words[3]) for words in rows] == [policy.eval_return for policy in policies]
    assert all(8 < float(words[4]) <= 20 for words in rows) and "rennala_nigt" not in said
    assert "its standard deviation over 5 episodes" in said
    check_tables()

    assert main(["play", "results/tiny", "--episodes", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(bool(re.match("(afedpg|rennala_nigt) ", line)) for line in lines) == 4


def test_a_film(kept, capsys):
    pytest.importorskip("pygame")
    assert main(["play", "results/tiny", "--seed", "1", "--episodes", "1", "--video", "film.gif"]) == 0
    assert capsys.readouterr().out.endswith("wrote:\n  film.gif\n")
    film = imageio.imread("film.gif")
    assert film.shape[1:] == (400, 600, 3) and 8 <= len(film) <= 20


def test_what_is_said_of_bad_input(kept, capsys):
    assert "results/tiny: method='afedp' has no policy here: did you mean 'afedpg'?" in complaint(
        capsys, "play", "results/tiny", "--method", "afedp"
    )
    assert "results/tiny: seed=2 has no policy here: known: 0, 1" in complaint(
        capsys, "play", "results/tiny", "--seed", "2"
    )
    assert "nothing: no policies are here: give the directory of a run with --policies" in complaint(
        capsys, "play", "nothing"
    )
    for name, words in {
        "film.png": "film.png: give a file name that ends in .gif or .mp4",
        "none/film.gif": "there is no directory 'none': make it",
    }.items():
        assert words in complaint(capsys, "play", "results/tiny", "--video", name)
    assert "--episodes" in complaint(capsys, "play", "results/tiny", "--episodes", "0")
