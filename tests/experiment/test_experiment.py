"""An experiment as a value: run it, look at it, save it, load it."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import asyncsim
from asyncsim import Run, experiment, results
from asyncsim.experiment import protocol
from asyncsim.scenario import ScenarioError, load

TINY = """
title = "tiny"
seeds = [0, 1]
tuning_seeds = [9]
step_sizes = [0.1, 0.2]
evaluate_every = 2
target_return = 0.5
[quick]
seeds = [2]
[stop]
updates = 3
[cluster]
workers = 3
compute = [1.0, 2.0, inf]
communication = 0.5
[problem]
kind = "chain"
[methods.rennala_nigt]
batch_size = 4
[methods.afedpg]
"""
SWEPT = TINY.replace("[quick]\nseeds = [2]\n", "") + "[sweep]\nmethods.rennala_nigt.batch_size = [2, 4]\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("x.toml").write_text(TINY)
    return tmp_path


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def same(one, other):
    """Curves, tuning, axes, settings, timelines, and all that follows from them."""
    assert one.axes == other.axes
    assert results.as_data(one.scenario.settings) == results.as_data(other.scenario.settings)
    assert one.tables().keys() == other.tables().keys()
    for name, frame in one.tables().items():
        pd.testing.assert_frame_equal(frame, other.tables()[name], check_exact=True)
    assert list(one.timelines) == list(other.timelines)
    for run, timeline in one.timelines.items():
        pd.testing.assert_frame_equal(timeline.jobs, other.timelines[run].jobs, check_exact=True)
        pd.testing.assert_frame_equal(timeline.updates, other.timelines[run].updates, check_exact=True)


NOTEBOOK = """
import asyncsim
run = asyncsim.run("x.toml", preset="quick")
figure = run.plot()
"""


def test_three_lines_in_a_notebook(here, capsys):
    before, names = files(here), {}
    exec(NOTEBOOK, names)
    run, figure = names["run"], names["figure"]
    assert figure._repr_png_().startswith(b"\x89PNG") and figure.axes[0].get_title(loc="left") == "tiny"
    assert capsys.readouterr() == ("", "") and files(here) == before
    assert set(run.curves["seed"]) == {2} and set(run.tuning["seed"]) == {9} and run.axes == () and run.saved is None
    assert set(run.timelines) == {"rennala_nigt", "afedpg"} == set(run.summary()["method"])
    assert run.by_worker() is None
    pd.testing.assert_frame_equal(run.tuned(), run.curves)  # of the seeds there is the tuned step size only
    assert repr(run) == "<Run of 'x.toml': methods rennala_nigt, afedpg; seeds 1; points 1; curves of 6 rows>"


@pytest.mark.parametrize("text", [TINY, SWEPT])
def test_what_is_saved_is_loaded(here, text):
    Path("x.toml").write_text(text)
    run = asyncsim.run("x.toml", output="out")
    assert run.saved.verb == "wrote" and set(run.saved.files) == set(Path("out").iterdir())
    loaded = Run.load("out")
    same(loaded, run)
    written = files(here / "out")
    assert run.save("again").verb == "wrote" and files(here / "again") == written
    assert loaded.save("out").verb == "replaced the same scenario's results" and files(here / "out") == written


def test_what_would_be_lost_is_not_replaced(here):
    run = asyncsim.run("x.toml", "quick")
    run.save("out")
    other = replace(run, scenario=load("x.toml"))
    with pytest.raises(FileExistsError, match="another scenario's results"):
        other.save("out")
    assert other.save("out", force=True).verb == "replaced another scenario's results"
    with pytest.raises(FileExistsError, match="which is no result"):
        run.save(".", force=True)
    with pytest.raises(ValueError, match="preset='quick'"):
        asyncsim.run(load("x.toml"), "quick")


def test_what_does_not_depend_on_an_axis_is_computed_once_and_what_was_finished_is_not_computed_again(here):
    Path("x.toml").write_text(SWEPT)
    told = []

    def kill(progress):
        told.append(progress)
        if (progress.method, progress.phase, progress.point) == ("rennala_nigt", "simulates", {"batch_size": 4}):
            raise KeyboardInterrupt

    def phases(label, batch_size):
        mine = [each for each in told if (each.method, each.point) == (label, {"batch_size": batch_size})]
        begun = [each.phase for each, before in zip(mine[1:], mine) if each.phase != before.phase]
        return begun, {each.phase for each in mine if 0 == each.done < (each.total or 0)}  # with something to compute

    with pytest.raises(KeyboardInterrupt):
        asyncsim.run("x.toml", output="out", progress=kill)
    assert [progress.phase for progress in told[:4]] == ["waits"] * 4 and not Path("out").exists()
    whole = ["simulates", "tunes", "trains", "done"]
    assert phases("rennala_nigt", 2) == phases("afedpg", 2) == (whole, {"tunes", "trains"})
    told.clear()
    run = asyncsim.run("x.toml", output="out", progress=told.append)
    assert phases("rennala_nigt", 2) == phases("afedpg", 2) == phases("afedpg", 4) == (whole, set())
    assert phases("rennala_nigt", 4) == (whole, {"tunes", "trains"}) and told[-1].done == told[-1].total == 1
    assert experiment.Progress("afedpg", {"batch_size": 4}, "done", 1, 1) == told[-1]
    assert run.computed == 2 * 12 + 2 * 12  # of two step sizes with the tuning seed, and of one with two seeds
    same(run, asyncsim.run("x.toml", store=False))
    assert asyncsim.run("x.toml").computed == 0


RECORDED = SWEPT.partition("[sweep]")[0].replace("[1.0, 2.0, inf]", '{recording = "times/a.csv"}')


@pytest.mark.parametrize("sweep", ["", '[sweep]\ncluster.compute.recording = ["times/a.csv", "times/b.csv"]\n'])
def test_recordings_are_found_beside_the_scenario(here, sweep):
    Path("experiments/deep/times").mkdir(parents=True)
    for name, seconds in (("a", 1.0), ("b", 2.0)):
        rows = "".join(f"{worker},{seconds}\n" for worker in range(3))
        Path(f"experiments/deep/times/{name}.csv").write_text(f"worker,seconds\n{rows}")
    Path("experiments/deep/x.toml").write_text(RECORDED + sweep)
    place = results.place("experiments/deep/x.toml")
    run = asyncsim.run("experiments/deep/x.toml", output=place)
    assert run.axes == (("recording",) if sweep else ())
    same(Run.load(place), run)
    run.save("out")
    with pytest.raises(ScenarioError, match="^out/settings.json: .*recording='times/a.csv': No such file") as error:
        Run.load("out")
    assert "\n" not in str(error.value) and "folder=" in str(error.value)
    same(Run.load("out", folder="experiments/deep"), run)
    Path("experiments/deep/times/a.csv").write_text("worker,seconds\n0,1.0\n1,1.0\n2,9.0\n")
    with pytest.raises(ScenarioError, match="sha256"):
        Run.load(place)


def test_timelines_are_those_of_the_curves(here):
    run = asyncsim.run("x.toml", "quick")
    run.save("out")
    loaded = Run.load("out")
    later = replace(loaded, curves=loaded.curves.assign(time=loaded.curves["time"] * 2))
    with pytest.raises(ScenarioError, match="rennala_nigt has other times now than in its curves"):
        _ = later.timelines
    later.plot()  # which needs none


def test_methods_and_timelines_are_those_that_were_tuned(here):
    """Also where another value of a parameter stands first in the file."""
    tuned = "[methods.rennala_nigt.tune]\nbatch_size = [100, 2]\n"  # in 3 s there is no update of 100 gradients
    text = TINY.replace("updates = 3", "until = 3.0").replace("[methods.rennala_nigt]\nbatch_size = 4\n", tuned)
    for worse in (2, 100):  # by the name that it has in curves
        Path("x.toml").write_text(text.replace("[100, 2]", f"[{worse}, {102 - worse}]"))
        run = asyncsim.run("x.toml", output=f"out{worse}")
        (name,) = run.curves.loc[run.curves["method"] == "rennala_nigt", "tuned"].unique()
        size = run.methods["rennala_nigt"].rule.batch_size
        assert name == f"batch_size={size}" and set(run.tuning["tuned"]) == {"batch_size=2", "batch_size=100", ""}
        assert size == 2 and run.timelines["rennala_nigt"].updates["gradients"].unique().tolist() == [2]
        loaded = Run.load(f"out{worse}")
        same(loaded, run)
        assert loaded.methods == run.methods


def test_a_directory_of_something_else(here):
    results.save_timelines(Path("out"), load("x.toml").settings, {"afedpg": load("x.toml").simulate("afedpg")})
    with pytest.raises(ScenarioError, match="^out: no run was saved here"):
        Run.load("out")
    with pytest.raises(ScenarioError, match="^none: no run was saved here"):
        Run.load("none")


def test_comparisons_and_verdicts(here):
    Path("x.toml").write_text(TINY + '[about]\nclaims = ["rennala_nigt > afedpg, area"]\n')
    run = asyncsim.run("x.toml", output="out")
    assert list(run.per_seed().columns) == ["method", "seed", "final", "area", "time", "end", "lowest"]
    pd.testing.assert_frame_equal(results.load_per_seed("out"), run.per_seed(), check_exact=True)
    pd.testing.assert_frame_equal(results.load_comparison("out"), run.comparison(), check_exact=True)
    assert run.comparison()["measure"].tolist() == ["final", "area", "time"]
    ends = {timeline.end for timeline in run.timelines.values()}
    assert set(run.per_seed()["end"]) == {min(ends)} and len(ends) == 2

    (row,) = run.verdicts().to_dict("records")
    assert row["claim"] == "rennala_nigt > afedpg, area"
    assert row["difference"] == run.comparison().set_index("measure").loc["area", "difference"]
    loaded = Run.load("out")  # [about] is not written with results
    assert loaded.verdicts().empty and loaded.verdicts(["rennala_nigt > afedpg, area"]).equals(run.verdicts())
    with pytest.raises(ScenarioError, match=r"^claims\[0\]='a > afedpg, area' has no method 'a'"):
        loaded.verdicts(["a > afedpg, area"])

    better = run.curves["eval_return"] + 9 * (run.curves["method"] == "rennala_nigt")
    claims = ["rennala_nigt > afedpg, area", "afedpg > rennala_nigt, final"]
    found = replace(run, curves=run.curves.assign(eval_return=better)).verdicts(claims)
    assert found["verdict"].tolist() == ["reproduced", "opposite"]


def test_one_method_has_nothing_to_be_compared_with(here):
    Path("x.toml").write_text(TINY.partition("[methods.afedpg]")[0])
    assert asyncsim.run("x.toml", output="out").comparison().empty
    assert results.load_comparison("out").empty


def test_a_sweep_is_compared_at_each_point(here):
    Path("x.toml").write_text(SWEPT)
    found = asyncsim.run("x.toml", output="out").verdicts(["afedpg > rennala_nigt, time"])
    assert found["batch_size"].tolist() == [2, 4] and len(results.load_comparison("out")) == 2 * 3


def test_of_many_gradients_it_is_told_that_they_are_simulated_and_put_in_order(here, monkeypatch):
    monkeypatch.setattr(protocol, "MANY", 10)  # there are 12 of the one method, and 3 of the other
    told = []
    asyncsim.run("x.toml", progress=told.append)
    heard = {
        label: [(each.phase, each.total) for each in told if each.method == label]
        for label in ("rennala_nigt", "afedpg")
    }
    assert ("simulates", 12) in heard["rennala_nigt"] and ("schedules", 12) in heard["rennala_nigt"]
    assert ("simulates", None) in heard["afedpg"] and "schedules" not in dict(heard["afedpg"])
    assert heard["rennala_nigt"].index(("schedules", 12)) < heard["rennala_nigt"].index(("trains", 6))
