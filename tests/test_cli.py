"""The command line: one command from a file to curves, and one line for whatever is wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import jax
import pandas as pd
import pytest

import asyncsim.learning  # noqa: F401
from asyncsim import cli, results
from asyncsim.cli import main
from asyncsim.scenario import load

TINY = """
title = "tiny"
seeds = [0, 1]
step_sizes = [0.03125, 0.0625]
evaluations = 2
target_return = 1.0
[stop]
updates = 3
[cluster]
workers = 3
compute = "sqrt"
communication = 0.5
[problem]
environment = "CartPole-v1"
horizon = 20
discount = 0.9
hidden = [8]
evaluation_episodes = 2
[methods.rennala_nigt]
batch_size = 4
[methods.afedpg]
"""
COMMAND = [sys.executable, "-m", "asyncsim.cli"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "tiny.toml").write_text(TINY)
    return tmp_path


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def complaint(capsys, *arguments, status=2):
    """Run a command that fails; return its line."""
    before = files(Path.cwd())
    assert main(arguments) == status
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("asyncsim: ") and said.err.endswith("\n") and said.err.count("\n") == 1
    assert files(Path.cwd()) == before
    return said.err


def test_a_run(here, capsys):
    assert main(["run", "experiments/tiny.toml"]) == 0
    said = capsys.readouterr()
    header = next(line for line in said.out.splitlines() if line.startswith("method"))
    assert header.split() == ["method", "step", "size", "return", "to", "1", "updates", "gradients", "wasted"]
    summary = results.load_summary("results/tiny")
    for row in summary.itertuples():
        line = next(line for line in said.out.splitlines() if line.startswith(row.method)).split()
        assert line[1] in ("2^-5", "2^-4") and float(line[2]) == round(row.final_return, 1)
        assert line[3:] == ["0.0", "s", "3", str(row.gradients), f"{100 * row.wasted_share:.1f}%"]
    assert "wasted: share of computing time that went into cancelled and discarded gradients." in said.out
    assert said.out.endswith("wrote:\n" + "".join(f"  results/tiny/{name}\n" for name in results.FILES))
    assert said.err.count("done") == 2  # a row of progress each

    curves = results.load_curves("results/tiny")
    assert list(curves["method"].unique()) == ["rennala_nigt", "afedpg"]
    assert len(curves) == 2 * 2 * 2 * 3  # methods, seeds, step sizes, evaluations with the first
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


CHAIN = TINY.replace(TINY[TINY.index("environment") : TINY.index("[methods.rennala")], 'kind = "chain"\n')


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
    assert f"{label} " in said.err  # progress
    ElementTree.parse("results/tiny/curves.svg")
    for command, words in ((["list"], title), (["bounds", "experiments/tiny.toml"], title), (["reproduce"], "[/b]")):
        assert main(command) == 0
        assert words in capsys.readouterr().out


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
    text = CHAIN.replace("updates = 3", "until = 600.0").replace("batch_size = 4", "batch_size = [4, 100000000]")
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
    served = results.load_by_worker("results/tiny")
    for label, rows in served.groupby("method"):
        line = [line for line in said.splitlines() if line.startswith(label)][1].split()
        assert [float(cell) for cell in line[1::2]] == pytest.approx(rows["final_return"].tolist(), rel=5e-3)
        assert line[2::2] == [f"{weight:.0%}" for weight in rows["weight"]]


def test_tuning_and_final_seeds(here, capsys):
    problem = TINY[TINY.index("environment") : TINY.index("[methods.rennala")]
    text = TINY.replace(problem, 'kind = "chain"\n').replace("target", "tuning_seeds = [100]\ntarget")
    Path("experiments/tiny.toml").write_text(text + "[quick]\nseeds = [2]\n[about]\nclaim = 'small'\n")
    assert main(["run", "experiments/tiny.toml"]) == 0
    assert "  results/tiny/tuning.csv\n" in capsys.readouterr().out
    tuning, curves = pd.read_csv("results/tiny/tuning.csv"), results.load_curves("results/tiny")
    assert list(tuning.columns) == list(curves.columns)
    assert set(tuning["seed"]) == {100} and set(curves["seed"]) == {0, 1}
    best = results.tuned(tuning).groupby("method")["step_size"].first()
    for method, rows in tuning.groupby("method"):
        assert set(rows["step_size"]) == {0.03125, 0.0625}
        assert set(curves.loc[curves["method"] == method, "step_size"]) == {best[method]}
    summary = results.load_summary("results/tiny").set_index("method")
    assert dict(summary["step_size"]) == dict(best)
    assert not {"about", "quick"} & set(results.load_settings("results/tiny")["scenario"])

    Path("experiments/tiny.toml").write_text(text + "[quick]\nseeds = [2]\n[about]\nclaim = 'other'\n")
    assert main(["run", "experiments/tiny.toml"]) == 0  # what is said about it does not make it another scenario
    assert "\nreplaced the same scenario's results:\n" in capsys.readouterr().out

    assert main(["run", "experiments/tiny.toml", "--preset", "quick"]) == 0  # beside the others
    assert set(results.load_curves("results/tiny-quick")["seed"]) == {2}
    capsys.readouterr()
    assert "did you mean 'quick'" in complaint(capsys, "run", "experiments/tiny.toml", "--preset", "quik")


def test_a_run_that_was_killed_ends_as_one_that_was_not(here, monkeypatch):
    """To the last bit, with returns that are thirds, and computed as users do."""
    text = TINY.replace("evaluation_episodes = 2", "evaluation_episodes = 3")
    Path("experiments/tiny.toml").write_text(text.replace("target", "tuning_seeds = [9]\ntarget"))
    keep, replayed, saved = results.keep_part, [], []

    def kill(*arguments):
        keep(*arguments)
        raise KeyboardInterrupt

    with jax.enable_x64(False):
        monkeypatch.setattr(results, "keep_part", kill)
        assert main(["run", "experiments/tiny.toml", "--output", "killed"]) == 130
        monkeypatch.setattr(results, "keep_part", lambda *arguments: replayed.append(arguments[2]) or keep(*arguments))
        save = results.save
        monkeypatch.setattr(results, "save", lambda *arguments: saved.append(arguments) or save(*arguments))
        for name in ("killed", "whole"):
            assert main(["run", "experiments/tiny.toml", "--output", name]) == 0
    assert replayed == [1, 0, 1]  # the first method was not trained again
    assert files(here / "killed") == files(here / "whole")
    assert [path.name for path in here.iterdir() if path.name.startswith(".")] == []
    for directory, _, curves, *_ in saved:
        pd.testing.assert_frame_equal(results.load_curves(directory), curves, check_exact=True)


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


def test_progress_shows_a_label_as_it_is(here, capsys):
    problem = TINY[TINY.index("environment") : TINY.index("[methods.rennala")]
    text = TINY.replace(problem, 'kind = "chain"\n').replace("[methods.afedpg]", '[methods."[/b]"]\nmethod = "afedpg"')
    Path("experiments/tiny.toml").write_text(text)
    curves, timelines, _ = cli._train(load("experiments/tiny.toml"), Path("out"))
    assert "[/b] " in capsys.readouterr().err and set(curves["method"]) == set(timelines) == {"rennala_nigt", "[/b]"}


def test_the_same_command_in_two_processes_writes_the_same_bytes(here):
    problem = TINY[TINY.index("environment") : TINY.index("[methods.rennala")]
    Path("experiments/tiny.toml").write_text(TINY.replace(problem, 'kind = "chain"\n'))  # compiles quickly
    commands = [
        subprocess.Popen(
            [*COMMAND, "run", "experiments/tiny.toml", "--output", name], env=os.environ | {"PYTHONHASHSEED": seed}
        )
        for seed, name in (("1", "a"), ("2", "b"))
    ]
    assert [command.wait() for command in commands] == [0, 0]
    assert files(here / "a") == files(here / "b") and len(files(here / "a")) == len(results.FILES)


BAD = [  # what is replaced by what, and what the line must hold: key and value, and what would do
    ("methods.afedpg", "methods.afedgp", "methods.afedgp is no method", "'afedpg'"),
    ("CartPole-v1", "CartPoel-v1", "problem.environment='CartPoel-v1'", "'CartPole-v1'"),
    ('"sqrt"', "[1.0, 0.0, 1.0]", "cluster.compute[1]=0.0", "give seconds > 0"),
    ('"sqrt"', "[1.0, nan, 1.0]", "cluster.compute[1]=nan", "give seconds > 0"),
    ('"sqrt"', "[1.0, 2.0]", "cluster.workers=3", "give one per worker"),
    ("communication = 0.5", "communication = -1.0", "cluster.communication=-1.0", "give finite seconds >= 0"),
    ("communication = 0.5", "communication = nan", "cluster.communication=nan", "give finite seconds >= 0"),
    ("batch_size = 4", "batch_size = 0", "methods.rennala_nigt.batch_size=0", "give an integer >= 1"),
    ("batch_size = 4", "batch_size = 4\nmomentum = 0.0", "methods.rennala_nigt.momentum=0.0", "(0, 1]"),
    ("batch_size = 4", "batch_size = 4\nmomentum = 1.1", "methods.rennala_nigt.momentum=1.1", "(0, 1]"),
    ("discount = 0.9", "discount = 1.0", "problem.discount=1.0", "[0, 1)"),
    ("discount = 0.9", "discount = -0.1", "problem.discount=-0.1", "[0, 1)"),
    ("seeds = [0, 1]", "seeds = []", "seeds=[]", "give at least 1"),
    ("seeds = [0, 1]", "seeds = [0, 1", "not TOML", "line"),
    ("seeds = [0, 1]", "seed = [0, 1]", "seed=[0, 1] is an unknown key", "'seeds'"),
    ("horizon = 20", "horizons = 20", "problem.horizons=20 is an unknown key", "'horizon'"),
    ("updates = 3", "", "no stop condition", "give updates=, until= or gradients="),
    ("hidden = [8]", "hidden = [8]\nfields = {lenght = 1}", "'lenght'", "'length'"),
    ("hidden = [8]", "hidden = [8]\nfields = {length = [1, 2]}", "problem.fields.length has 2 values", "or 3"),
]


@pytest.mark.parametrize(("old", "new", "key", "hint"), BAD)
def test_bad_input_gets_one_line(here, capsys, old, new, key, hint):
    assert TINY.count(old) == 1
    Path("experiments/tiny.toml").write_text(TINY.replace(old, new))
    line = complaint(capsys, "run", "experiments/tiny.toml")
    assert line.startswith("asyncsim: experiments/tiny.toml: ")
    assert key in line and hint in line


def test_a_stop_condition_that_can_never_be_met(here, capsys):
    text = TINY.replace('"sqrt"', "[1.0, inf, 1.0]").replace("methods.afedpg", "methods.synchronous_nigt")
    Path("experiments/tiny.toml").write_text(text)
    line = complaint(capsys, "run", "experiments/tiny.toml")
    assert "cluster.compute[1]=inf: Synchronous waits for worker 1" in line and "until=" in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "none.toml"], ["none.toml: no such file", "asyncsim list"]),
        (["run", "a\nb.toml"], ["a b.toml: no such file"]),
        (["run", "experiments"], ["experiments: Is a directory"]),
        (["run"], ["Missing argument 'scenario'", "--help"]),
        (["run", "experiments/tiny.toml", "--output"], ["--output"]),
        (["run", "experiments/tiny.toml", "--output", "experiments"], ["experiments holds 'tiny.toml'", "--output"]),
        (["run", "experiments/tiny.toml", "--output", "experiments/tiny.toml"], ["'tiny.toml' is a file", "--output"]),
        (["run", "experiments/tiny.toml", "--output", "/"], ["/ holds ", "--output"]),
        (["run", "experiments/tiny.toml", "--output", 241 * "x"], ["more than 240 bytes is too long", "--output"]),
        (["run", "experiments/tiny.toml", "--forse"], ["--forse", "--force"]),
        (["run", "experiments/tiny.toml", "more"], ["more"]),
        (["rnu"], ["'rnu'", "'run'"]),
        (["--vresion"], ["--vresion", "--version"]),
    ],
)
def test_bad_commands_get_one_line(here, capsys, arguments, words):
    line = complaint(capsys, *arguments)
    assert all(word in line for word in words), line


def test_the_exit_status_of_the_process(here):
    bad = subprocess.run([*COMMAND, "run", "none.toml"], capture_output=True, text=True)
    assert bad.returncode == 2 and bad.stdout == "" and bad.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [["run"], ["simulate"], ["validate"]])
def test_what_another_run_is_writing_is_left_alone(here, capsys, command):
    scenario = ["experiments/tiny.toml"] * (command != ["validate"])
    with results.claim("out", load("experiments/tiny.toml").settings):
        line = complaint(capsys, *command, *scenario, "--output", "out")
        assert f"out: another run is writing there, process {os.getpid()}, since 2" in line and "--output" in line
    assert {path.name for path in here.iterdir()} == {"experiments"}


def test_an_interrupt_leaves_nothing_half_written(here, capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    before = files(here)
    monkeypatch.setattr(sys.modules["asyncsim.learning"], "replay", interrupt)
    assert main(["run", "experiments/tiny.toml"]) == 130
    assert capsys.readouterr().err.endswith("asyncsim: interrupted\n")
    assert files(here) == before and not Path("results").exists()


def test_bugs_are_not_dressed_as_bad_input(here, monkeypatch):
    def bug(*_, **__):
        raise ValueError("a bug")

    monkeypatch.setattr(sys.modules["asyncsim.learning"], "replay", bug)
    with pytest.raises(ValueError, match="a bug"):
        main(["run", "experiments/tiny.toml"])


def test_the_list(here, capsys):
    Path("experiments/broken.toml").write_text("=")
    assert main(["list"]) == 0
    said = capsys.readouterr().out
    for word in ("rennala_nigt", "arXiv 2509.24305", "CartPole-v1", "Humanoid-v4", "Malenia", "one-straggler"):
        assert word in said
    assert "experiments/tiny.toml    tiny" in said and "experiments/broken.toml  cannot be read" in said


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


def test_version_and_help(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"asyncsim {results.version('asyncsim')}\n"
    for arguments in (["--help"], []):
        assert main(arguments) == 0
        assert "run" in capsys.readouterr().out
    assert main(["run", "--help"]) == 0
    assert "last quarter" in " ".join(capsys.readouterr().out.split())


def test_help_is_quick_because_it_imports_little():
    code = """
import sys
from asyncsim.cli import main
assert main(["--help"]) == 0
heavy = {"jax", "pandas", "numpy", "matplotlib", "pydantic", "simpy"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_compiled_programs_are_kept_between_runs(tmp_path):
    """In the user's cache, or where JAX_COMPILATION_CACHE_DIR says."""
    code = "from asyncsim import cli; cli._keep_compiled(); import jax; jax.jit(lambda x: x + 1)(1.0)"
    given = os.environ | {"JAX_ENABLE_COMPILATION_CACHE": "true", "XDG_CACHE_HOME": str(tmp_path / "user")}
    given.pop("JAX_COMPILATION_CACHE_DIR", None)
    subprocess.run([sys.executable, "-c", code], check=True, env=given)
    assert any((tmp_path / "user" / "asyncsim" / "compiled").iterdir())
    given["JAX_COMPILATION_CACHE_DIR"] = str(tmp_path / "own")
    given["XDG_CACHE_HOME"] = str(tmp_path / "other")
    subprocess.run([sys.executable, "-c", code], check=True, env=given)
    assert not (tmp_path / "other").exists()


def test_tests_use_no_kept_programs():
    import jax

    assert not jax.config.jax_enable_compilation_cache
