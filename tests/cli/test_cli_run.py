"""`asyncsim run`: one command from a file to curves."""

import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import jax
import numpy as np
import pandas as pd
import pytest
from commands import CHAIN, COMMAND, TINY, complaint, files
from pages import check_tables

import asyncsim
import asyncsim.learning  # noqa: F401
from asyncsim import results
from asyncsim.cli import main
from asyncsim.cli.run import rows_of_progress
from asyncsim.experiment.tuning import score
from asyncsim.learning import resuming
from asyncsim.store import Store


def test_a_run(here, capsys):
    assert main(["run", "experiments/tiny.toml"]) == 0
    said = capsys.readouterr()
    header = next(line for line in said.out.splitlines() if line.startswith("method"))
    assert header.split() == "method step size return area to 1 updates gradients wasted".split()
    summary = results.load_summary("results/tiny")
    areas = results.load_per_seed("results/tiny").groupby("method")["area"]
    for row in summary.itertuples():
        line = next(line for line in said.out.splitlines() if line.startswith(f"{row.method}  ")).split()
        assert line[1] in ("2^-5", "2^-4") and float(line[2]) == round(row.final_return, 1)
        mean, spread = areas.mean()[row.method], areas.std()[row.method]
        assert line[4] == "±" and [float(line[3]), float(line[5])] == pytest.approx([mean, spread], rel=0.05, abs=0)
        assert line[6:] == ["0.0", "s", "3", str(row.gradients), f"{100 * row.wasted_share:.1f}%"]
    assert "wasted: share of computing time that went into cancelled and discarded gradients." in said.out
    assert said.out.endswith("wrote:\n" + "".join(f"  results/tiny/{name}\n" for name in results.FILES))
    assert said.err == ""  # progress is for terminals

    curves = results.load_curves("results/tiny")
    assert list(curves["method"].unique()) == ["rennala_nigt", "afedpg"]
    assert len(curves) == 2 * 2 * (4 + 2)  # seeds, step sizes; 12 gradients in threes of four, and 3 by one: at 0 and 2
    before = files(here)

    assert main(["run", "experiments/tiny.toml"]) == 0  # again
    assert "\nreplaced the same scenario's results:\n" in capsys.readouterr().out
    assert files(here) == before

    path = here / "experiments" / "tiny.toml"
    path.write_text(TINY.replace("1.0", "2.0"))
    assert "results/tiny holds another scenario's results: give --force" in complaint(capsys, "run", str(path))
    assert main(["run", str(path), "--output", "elsewhere"]) == 0
    assert files(here / "results") == {
        key.relative_to("results"): before[key] for key in before if "results" in key.parts
    }
    assert main(["run", str(path), "--force"]) == 0
    assert "\nreplaced another scenario's results:\n" in capsys.readouterr().out
    assert results.load_settings("results/tiny")["scenario"]["target_return"] == 2.0


def test_titles_and_labels_are_text(here, capsys):
    title = "$$ at $2 & $3 [/b] [n = 10] :warning:"
    label = title.replace("/", "")
    text = CHAIN.replace('"tiny"', f"'{title}'").replace("[methods.afedpg]", f"[methods.'{label}']\nmethod = 'afedpg'")
    (here / "experiments" / "tiny.toml").write_text(text)
    (here / "experiments" / "broken.toml").write_text("'[/b]' = 1")
    assert main(["run", "experiments/tiny.toml"]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0].rstrip() == title and sum(line.startswith(f"{label}  ") for line in lines) == 1
    ElementTree.parse("results/tiny/curves.svg")
    for command, words in ((["list"], title), (["bounds", "experiments/tiny.toml"], title), (["reproduce"], "[/b]")):
        assert main(command) == 0
        assert words in capsys.readouterr().out


def rows_of(said, beginning):
    """Words of the lines below this one, of a table, up to its last."""
    lines = said.splitlines()
    (k,) = [k for k, line in enumerate(lines) if line.startswith(beginning)]
    return [line.split() for line in itertools.takewhile(lambda line: ": " not in line, lines[k + 2 :])]


def test_without_claims_the_first_method_is_compared_with_the_others(here, capsys):
    Path("experiments/tiny.toml").write_text(CHAIN + "[methods.third]\nmethod = 'afedpg'\n")
    assert main(["run", "experiments/tiny.toml"]) == 0
    said = capsys.readouterr().out
    frame = results.load_comparison("results/tiny").query("measure == 'area' and method == 'rennala_nigt'")
    shown = rows_of(said, "comparison ")
    assert [" ".join(words[:4]) for words in shown] == ["rennala_nigt - afedpg, area", "rennala_nigt - third, area"]
    for words, row in zip(shown, frame.itertuples()):
        assert float(words[4]) == pytest.approx(row.difference, rel=0.01)
        assert [float(words[5]), float(words[7])] == pytest.approx([row.low, row.high], rel=0.01) and words[6] == "to"
        assert words[8:11] == [f"{round(2 * row.ahead)}", "of", "2"]
        assert words[11:] == ([] if np.isnan(row.seeds_to_decide) else [f"{row.seeds_to_decide:.0f}"])
    assert "With fewer than 5 seeds intervals are much too narrow." in said and "verdict" not in said
    check_tables()


def test_claims_have_verdicts(here, capsys):
    about = '[about]\nclaims = ["rennala_nigt > afedpg, final", "afedpg > rennala_nigt, final"]\n'
    swept = "[sweep]\ncluster.communication = [0.5, 1.0]\n"
    Path("experiments/tiny.toml").write_text(CHAIN + about + swept)
    assert main(["run", "experiments/tiny.toml"]) == 0
    said = capsys.readouterr().out
    shown = [words for words in rows_of(said, "claim ") if len(words) > 1]  # the measure stands below
    check_tables()
    assert [words[3] for words in shown] == ["0.5", "1", "0.5", "1"]
    opposite = {"reproduced": "opposite", "opposite": "reproduced", "undecided": "undecided"}
    verdicts = [next(word for word in words if word in opposite) for words in shown]
    assert verdicts[2:] == [opposite[verdict] for verdict in verdicts[:2]]
    assert max(len(line) for line in said.splitlines() if not line.startswith(("return: ", "difference: "))) <= 100
    before = files(here / "results")
    Path("experiments/tiny.toml").write_text(CHAIN + swept)
    assert main(["run", "experiments/tiny.toml"]) == 0  # a claim changes no result
    assert files(here / "results") == before


def test_a_claim_that_cannot_be_read(here, capsys):
    Path("experiments/tiny.toml").write_text(CHAIN + "[about]\nclaims = ['rennala > afedpg, area']\n")
    assert complaint(capsys, "run", "experiments/tiny.toml") == (
        "asyncsim: experiments/tiny.toml: about.claims[0]='rennala > afedpg, area' has no method 'rennala': "
        "give 'LABEL > LABEL, MEASURE'; did you mean 'rennala_nigt'?\n"
    )


def test_one_seed_has_no_interval(here, capsys):
    Path("experiments/tiny.toml").write_text(CHAIN.replace("[0, 1]", "[0]"))
    assert main(["run", "experiments/tiny.toml"]) == 0
    ((*_, interval, ahead, of, seeds),) = rows_of(capsys.readouterr().out, "comparison ")
    assert (interval, of, seeds) == ("–", "of", "1") and ahead in "01"


def test_wasted_is_the_same_in_both_tables(here, capsys):
    """The share of seconds; of jobs it would be another."""
    Path("experiments/tiny.toml").write_text(CHAIN)
    shares = []
    for command in ("run", "simulate"):
        assert main([command, "experiments/tiny.toml"]) == 0
        said = capsys.readouterr().out
        cells = [cell for line in said.splitlines() if line.startswith("rennala_nigt") for cell in line.split()]
        shares.append([cell for cell in cells if cell.endswith("%")][-1])
        assert "wasted: share of computing time that went into cancelled and discarded gradients." in said
    assert shares[0] == shares[1] != "0.0%"


def test_what_made_no_update_is_said(here, capsys):
    text = CHAIN.replace("updates = 3", "until = 600.0")
    text += "[sweep]\nmethods.rennala_nigt.batch_size = [4, 100000000]\n"
    Path("experiments/tiny.toml").write_text(text)
    assert main(["run", "experiments/tiny.toml"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "no update" in line]
    assert lines == [
        "rennala_nigt, batch_size 100000000 made no update in 600 s: its first would take 4.4e+07 s; "
        "give a smaller batch_size or a longer stop.until"
    ]


def test_workers_with_worlds_of_their_own(here, capsys):
    fields = "[problem.fields]\nforce_mag = [10.0, -10.0, 10.0]\n[methods.rennala"
    (here / "experiments" / "tiny.toml").write_text(TINY.replace("[methods.rennala", fields))
    assert main(["run", "experiments/tiny.toml"]) == 0
    said = capsys.readouterr().out
    assert "Return in each worker's own world" in said and "results/tiny/by_worker.png" in said
    check_tables()
    served = results.load_by_worker("results/tiny")
    for label, rows in served.groupby("method"):
        line = [line for line in said.splitlines() if line.startswith(label)][-1].split()
        assert [float(cell) for cell in line[1::2]] == pytest.approx(rows["final_return"].tolist(), rel=5e-3)
        assert line[2::2] == [f"{weight:.0%}" for weight in rows["weight"]]


def test_tuning_and_final_seeds(here, capsys):
    problem = TINY[TINY.index("environment") : TINY.index("[methods.rennala")]
    text = TINY.replace(problem, 'kind = "chain"\n').replace("target", "tuning_seeds = [100]\ntarget")
    Path("experiments/tiny.toml").write_text(text + "[quick]\nseeds = [2]\n[about]\nclaim = 'small'\n")
    assert main(["run", "experiments/tiny.toml"]) == 0
    assert "  results/tiny/tuning.csv\n" in capsys.readouterr().out
    tuning, curves = pd.read_csv("results/tiny/tuning.csv"), results.load_curves("results/tiny")
    assert list(tuning.columns) == [*curves.columns, "share"] and set(tuning["share"]) == {1.0}  # of the time
    assert set(tuning["seed"]) == {100} and set(curves["seed"]) == {0, 1}
    best, ends = {}, results.load_summary("results/tiny").set_index("method")["end"]
    for method, rows in tuning.groupby("method"):
        assert set(rows["step_size"]) == {0.03125, 0.0625}
        best[method] = max((0.03125, 0.0625), key=lambda step: score(rows[rows["step_size"] == step], ends[method]))
        assert set(curves.loc[curves["method"] == method, "step_size"]) == {best[method]}
    summary = results.load_summary("results/tiny").set_index("method")
    assert dict(summary["step_size"]) == best
    assert not {"about", "quick"} & set(results.load_settings("results/tiny")["scenario"])

    Path("experiments/tiny.toml").write_text(text + "[quick]\nseeds = [2]\n[about]\nclaim = 'other'\n")
    assert main(["run", "experiments/tiny.toml"]) == 0  # what is said about it does not make it another scenario
    assert "\nreplaced the same scenario's results:\n" in capsys.readouterr().out

    assert main(["run", "experiments/tiny.toml", "--preset", "quick"]) == 0  # beside the others
    assert set(results.load_curves("results/tiny-quick")["seed"]) == {2}
    capsys.readouterr()
    assert "did you mean 'quick'" in complaint(capsys, "run", "experiments/tiny.toml", "--preset", "quik")


@pytest.mark.optimized
def test_a_run_that_was_killed_ends_as_one_that_was_not(here, monkeypatch, capsys):
    """To the last bit, with returns that are thirds, and computed as users do."""
    text = TINY.replace("evaluation_episodes = 2", "evaluation_episodes = 3")
    Path("experiments/tiny.toml").write_text(text.replace("target", "tuning_seeds = [9]\ntarget"))
    keep, kept, saved, save = Store.keep, [], [], results.save

    def killed_at(many):
        def keep_some(*arguments):
            kept.append(arguments)
            keep(*arguments)
            if len(kept) == many:
                raise KeyboardInterrupt

        return keep_some

    def computed(name, *options):
        assert main(["run", "experiments/tiny.toml", "--output", name, *options]) == 0
        return int(re.search(r"Computed now: (\d+) gradients", capsys.readouterr().out)[1])

    monkeypatch.setattr(resuming, "SECONDS", 0.0)  # between checkpoints: there is one after every update
    with jax.enable_x64(False):
        for many in (3, 14):  # of the tuned lanes' second update, one is kept; of the others' first, all are
            monkeypatch.setattr(Store, "keep", killed_at(many))
            assert main(["run", "experiments/tiny.toml", "--output", "killed"]) == 130 and not Path("killed").exists()
        monkeypatch.setattr(Store, "keep", keep)
        monkeypatch.setattr(results, "save", lambda *arguments: saved.append(arguments) or save(*arguments))
        gradients = computed("killed"), computed("whole", "--no-store"), computed("again")
    assert 0 < gradients[0] < gradients[1] and gradients[2] == 0
    assert files(here / "killed") == files(here / "whole") == files(here / "again")
    assert [path.name for path in here.iterdir() if path.name.startswith(".")] == []
    for directory, _, tables, *_ in saved:
        pd.testing.assert_frame_equal(results.load_curves(directory), tables["curves"], check_exact=True)


LABELS = [".", "..", "../outside", "settings.json", "M = 3/2", "/", "", "NA", "1", "[b]", 'a,"b"', "x" * 300]


@pytest.mark.filterwarnings("ignore:constrained_layout not applied")  # a picture has little room for the longest
def test_a_label_may_hold_anything(here, capsys):
    """It is text, and no path: nothing else is touched, and all that was trained is in the results."""
    problem = TINY[TINY.index("environment") : TINY.index("[methods.rennala")]
    text = TINY[: TINY.index("[methods.rennala")].replace(problem, 'kind = "chain"\n')
    text += "".join(f"[methods.{json.dumps(label)}]\nmethod = 'afedpg'\n" for label in LABELS)
    Path("experiments/tiny.toml").write_text(text)
    Path("results/other").mkdir(parents=True)
    Path("results/other/settings.json").write_text("mine")
    before = files(here)
    assert main(["run", "experiments/tiny.toml"]) == 0
    assert {path: content for path, content in files(here).items() if path.parts[:2] != ("results", "tiny")} == before
    assert results.load_curves("results/tiny")["method"].unique().tolist() == LABELS
    assert results.load_summary("results/tiny")["method"].tolist() == LABELS

    assert main(["simulate", "experiments/tiny.toml", "--output", "out"]) == 0
    pictures = sorted(Path("out").glob("gantt-*.png"), key=lambda path: int(path.name.split("-")[1]))
    assert [path.stem for path in pictures[:6]] == [
        "gantt-1-.", "gantt-2-..", "gantt-3-.._outside", "gantt-4-settings.json", "gantt-5-M___3_2", "gantt-6-_",
    ]  # fmt: skip
    assert len(pictures) == len(LABELS) and pictures[-1].stem == f"gantt-12-{'x' * 40}"


def test_progress_shows_a_label_as_it_is(here, capsys, monkeypatch):
    problem = TINY[TINY.index("environment") : TINY.index("[methods.rennala")]
    text = TINY.replace(problem, 'kind = "chain"\n').replace("[methods.afedpg]", '[methods."[/b]"]\nmethod = "afedpg"')
    Path("experiments/tiny.toml").write_text(text)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with rows_of_progress() as progress:
        run = asyncsim.run("experiments/tiny.toml", progress=progress)
    assert "[/b] " in capsys.readouterr().err
    assert set(run.curves["method"]) == set(run.timelines) == {"rennala_nigt", "[/b]"}


@pytest.mark.optimized
def test_the_same_command_in_two_processes_writes_the_same_bytes(here):
    problem = TINY[TINY.index("environment") : TINY.index("[methods.rennala")]
    Path("experiments/tiny.toml").write_text(TINY.replace(problem, 'kind = "chain"\n'))  # compiles quickly
    commands = [
        subprocess.Popen(
            [*COMMAND, "run", "experiments/tiny.toml", "--output", name],
            env=os.environ | {"PYTHONHASHSEED": seed, "JAX_ENABLE_COMPILATION_CACHE": "false"},  # each compiles its own
        )
        for seed, name in (("1", "a"), ("2", "b"))
    ]
    assert [command.wait() for command in commands] == [0, 0]
    assert files(here / "a") == files(here / "b") and len(files(here / "a")) == len(results.FILES)


def test_an_interrupt_leaves_nothing_half_written(here, capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    before = files(here)
    monkeypatch.setattr(sys.modules["asyncsim.learning"], "replay", interrupt)
    assert main(["run", "experiments/tiny.toml"]) == 130
    assert capsys.readouterr().err.endswith(
        "asyncsim: interrupted: the same command goes on from what the store has kept by now\n"
    )
    assert files(here) == before and not Path("results").exists()


def test_bugs_are_not_dressed_as_bad_input(here, monkeypatch):
    def bug(*_, **__):
        raise ValueError("a bug")

    monkeypatch.setattr(sys.modules["asyncsim.learning"], "replay", bug)
    with pytest.raises(ValueError, match="a bug"):
        main(["run", "experiments/tiny.toml"])
