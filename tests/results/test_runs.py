"""What is kept of a run: the numbers, and that nothing is lost or half-written."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_curves import CURVES, TINY, history, own
from matplotlib.figure import Figure

from asyncsim import Run, experiment, results
from asyncsim.scenario import Scenario, load
from asyncsim.scenario.sweeps import axes


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return load(path)


@pytest.fixture
def timelines(scenario):
    return {label: scenario.simulate(label) for label in scenario.methods}


def save(directory, settings, curves, timelines, tuning=None):
    """Save what a run of this scenario would; return the summary and the files."""
    scenario = Scenario(Path("tiny.toml"), None, settings, None, {}, {})
    run = Run(scenario, tuple(axes(settings.sweep)), curves, tuning, timelines)
    return run.summary(), list(run.save(directory, force=True).files)


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def reserved(*arguments, **options):
    with results.reserve(*arguments, **options) as verb:
        return verb


def other(scenario):
    return scenario.settings.model_copy(update={"title": "other"})


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("experiments/quickstart.toml", "results/quickstart"),
        ("experiments/paper/foo.toml", "results/paper/foo"),
        ("/home/me/experiments/paper/foo.toml", "results/paper/foo"),
        ("elsewhere/foo.toml", "results/foo"),
        ("foo.toml", "results/foo"),
        ("experiments/../../foo.toml", "results/foo"),
        ("experiments.toml", "results/experiments"),
        ("experiments/...toml", "results/scenario"),
        ("experiments/.a.parts.toml", "results/a.parts"),
    ],
)
def test_results_mirror_experiments(path, place):
    assert results.place(path) == Path(place)


def test_what_is_written_can_be_read(tmp_path, scenario, timelines):
    directory = tmp_path / "results" / "deep" / "tiny"
    summary, paths = save(directory, scenario.settings, CURVES, timelines)
    assert sorted(paths) == sorted(directory.iterdir()) and {path.name for path in paths} == set(results.FILES)
    pd.testing.assert_frame_equal(results.load_curves(directory), CURVES, check_exact=True)
    pd.testing.assert_frame_equal(results.load_summary(directory), summary, check_exact=True)
    settings = results.load_settings(directory)
    assert settings["scenario"]["cluster"]["compute"] == [1.0, 2.0, "Infinity"]  # JSON has no infinity
    assert settings["scenario"]["methods"]["afedpg"]["momentum"] == 0.1  # defaults are written out
    assert set(settings["versions"]) | {"mujoco-mjx", "gymnax", "box2d"} == {
        "python",
        *results.PACKAGES,
    }  # these three are optional
    assert settings["floats"] == "float64"


def test_whom_a_method_serves_is_written_and_drawn(tmp_path, scenario, timelines):
    save(tmp_path / "a", scenario.settings, own(CURVES), timelines)
    served = {"by_worker.csv", "by_worker.png", "by_worker.svg"}
    assert set(contents(tmp_path / "a")) == {*results.FILES, *served}
    frame = results.load_by_worker(tmp_path / "a")
    pd.testing.assert_frame_equal(frame, experiment.by_worker(own(CURVES), timelines), check_exact=True)
    save(tmp_path / "a", scenario.settings, CURVES, timelines)
    assert results.load_by_worker(tmp_path / "a") is None


WORDS = ["NA", "nan", "", "1", "1e3", "True", 'a,"b"', "null", "None", "-inf", " a ", "a\nb", "ä"]


def test_words_come_back_as_they_were(tmp_path, scenario, timelines):
    """Whatever they look like: labels of methods, and the values of an axis."""
    swept = [*WORDS[:3], {"kind": "x"}]
    settings = scenario.settings.model_copy(
        update={"sweep": {"cluster.x": swept, "cluster.y": [1.0, float("inf")], "problem.own": [False, True]}}
    )
    settings = settings.model_copy(update={"methods": dict.fromkeys(WORDS, scenario.settings.methods["afedpg"])})
    labels = [own(history(label, {0.25: [[0, 1 / 3], [np.nan, 1e-300]]})) for label in WORDS]
    some = zip(map(str, swept), settings.sweep["cluster.y"] * 2, (False, False, True, True), strict=True)
    points = [dict(zip(("x", "y", "own"), values)) for values in some]  # every value of every axis is in one
    curves = pd.concat(
        [pd.concat([pd.DataFrame([values] * len(labels[0])), label], axis=1) for values in points for label in labels],
        ignore_index=True,
    )
    keys = {tuple(run): timelines["afedpg"] for run in curves[["x", "y", "own", "method"]].itertuples(index=False)}
    assert len(keys) == len(points) * len(WORDS)
    summary, _ = save(tmp_path / "a", settings, curves, keys, curves)
    pd.testing.assert_frame_equal(results.load_curves(tmp_path / "a"), curves, check_exact=True)
    pd.testing.assert_frame_equal(results.load_summary(tmp_path / "a"), summary, check_exact=True)
    served = experiment.by_worker(curves, keys, ["x", "y", "own"])
    pd.testing.assert_frame_equal(results.load_by_worker(tmp_path / "a"), served, check_exact=True)
    assert summary["method"].tolist() == WORDS * len(points)


def test_nothing_is_known_of_the_machine_or_the_day(tmp_path, scenario, timelines):
    save(tmp_path / "a", scenario.settings, CURVES, timelines)
    text = b"".join(contents(tmp_path / "a").values())
    assert str(tmp_path).encode() not in text and sys.prefix.encode() not in text
    assert b"tEXtSoftware" not in text and b"<dc:date>" not in text
    json.loads((tmp_path / "a" / "settings.json").read_text(), parse_constant=pytest.fail)


def test_the_same_bytes_every_time(tmp_path, scenario, timelines):
    for name in "ab":
        save(tmp_path / name, scenario.settings, CURVES, timelines)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_nothing_is_overwritten_silently(tmp_path, scenario, timelines):
    directory = tmp_path / "a"
    with results.reserve(directory, scenario.settings) as verb:
        assert verb == "wrote" and not directory.exists()
    save(directory, scenario.settings, CURVES, timelines)
    before = contents(directory)
    assert reserved(directory, scenario.settings) == "replaced the same scenario's results"
    with pytest.raises(FileExistsError, match="holds another scenario's results: give --force"):
        reserved(directory, other(scenario))
    assert contents(directory) == before
    assert reserved(directory, other(scenario), force=True) == "replaced another scenario's results"
    save(directory, other(scenario), CURVES, timelines)
    assert results.load_settings(directory)["scenario"]["title"] == "other"
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["a"]


def test_which_other_versions_results_were_made_on(tmp_path, scenario, timelines):
    save(tmp_path / "a", scenario.settings, CURVES, timelines)
    path = tmp_path / "a" / "settings.json"
    record = json.loads(path.read_text())
    now = dict(record["versions"])
    record["versions"] |= {"jax": "0.1", "scipy": "0.2", "gone": "1.0"}
    del record["versions"]["numpy"]  # of which nothing is known
    path.write_text(json.dumps(record))
    said = f"replaced the same scenario's results, made with scipy 0.2 (now {now['scipy']}), jax 0.1 (now {now['jax']})"
    assert reserved(tmp_path / "a", scenario.settings) == said


HOLDS = """
import sys, time
from asyncsim import results
from asyncsim.scenario import load
with results.reserve("a/b", load(sys.argv[1]).settings) as verb:
    print(verb, flush=True)
    time.sleep(600)
"""


def test_one_run_at_a_time_writes(tmp_path, scenario, timelines, monkeypatch):
    """Who comes second is told by whom and since when; a run that is killed is in nobody's way."""
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-c", HOLDS, str(scenario.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        try:
            assert first.stdout.readline() == "wrote\n"
            said = rf"^a/b: another run is writing there, process {first.pid}, since \d+-\d\d-\d\d \d\d:\d\d:\d\d: wait"
            before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
            for second in (results.reserve("a/b", scenario.settings, force=True), results.reserve_validation("a/b")):
                with pytest.raises(BlockingIOError, match=said), second:
                    pytest.fail("two runs at once")
            assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
            assert reserved("a/c", scenario.settings) == "wrote"  # beside it
        finally:
            first.kill()
    assert reserved("a/b", scenario.settings) == "wrote"
    assert list(tmp_path.joinpath("a").iterdir()) == []  # it was there
    assert reserved("c/d/e", scenario.settings) == "wrote" and not Path("c").exists()


def test_a_key_that_old_files_do_not_have_makes_no_other_scenario(tmp_path, scenario, timelines):
    save(tmp_path / "a", scenario.settings, CURVES, timelines)
    path = tmp_path / "a" / "settings.json"
    record = json.loads(path.read_text())
    del record["scenario"]["tuning_seeds"]
    path.write_text(json.dumps(record))
    assert reserved(tmp_path / "a", scenario.settings) == "replaced the same scenario's results"
    with pytest.raises(FileExistsError):
        tuned = scenario.settings.model_copy(update={"tuning_seeds": (3,)})
        reserved(tmp_path / "a", tuned)


def test_what_is_not_ours_stays(tmp_path, scenario):
    (tmp_path / "notes.md").write_text("mine")
    for directory, line in (
        (tmp_path, "holds 'notes.md', which is no result"),
        (tmp_path / "notes.md", "'notes.md' is a file"),
        (tmp_path / "notes.md" / "deeper", "'notes.md' is a file"),
    ):
        with pytest.raises(FileExistsError, match=line):
            reserved(directory, scenario.settings, force=True)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "settings.json").write_text("{")
    with pytest.raises(FileExistsError, match="another scenario"):
        reserved(tmp_path / "broken", scenario.settings)


def test_a_symbolic_link_is_followed(tmp_path, scenario, timelines):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    save(tmp_path / "link", scenario.settings, CURVES, timelines)
    assert (tmp_path / "link").is_symlink() and set(contents(tmp_path / "real")) == set(results.FILES)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_failed_save_leaves_the_old_results(tmp_path, scenario, timelines, monkeypatch, error):
    save(tmp_path / "a", scenario.settings, CURVES, timelines)
    before = contents(tmp_path / "a")

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(error):
        save(tmp_path / "a", other(scenario), CURVES, timelines)
    assert contents(tmp_path / "a") == before
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["a"]


KILLED = """
import os, sys
from pathlib import Path
from dataclasses import replace
import pandas as pd
from asyncsim import Run
from asyncsim.scenario import load
from matplotlib.figure import Figure

def kill(*_, **__):
    os._exit(9)

if sys.argv[2] == "between files":
    Figure.savefig = kill
else:  # between the two moves
    move = Path.rename
    Path.rename = lambda self, to: kill() if self.name.endswith(".new") else move(self, to)
scenario = load(sys.argv[1])
timelines = {label: scenario.simulate(label) for label in scenario.methods}
new = replace(scenario, settings=scenario.settings.model_copy(update={"title": "new"}))
Run(new, (), pd.read_csv("curves.csv"), None, timelines).save("a", force=True)
"""


@pytest.mark.parametrize("when", ["between files", "between moves"])
def test_a_kill_leaves_the_old_results_whole(tmp_path, scenario, timelines, monkeypatch, when):
    monkeypatch.chdir(tmp_path)
    save("a", scenario.settings, CURVES, timelines)
    before = contents(tmp_path / "a")
    CURVES.to_csv("curves.csv", index=False)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(scenario.path), when])
    assert killed.returncode == 9
    pd.testing.assert_frame_equal(results.load_curves("a"), CURVES)
    assert results.load_settings("a")["scenario"]["title"] == "tiny"
    assert reserved("a", scenario.settings) == "replaced the same scenario's results"
    assert contents(tmp_path / "a") == before
    save("a", scenario.settings, CURVES, timelines)
    assert contents(tmp_path / "a") == before
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["a"]
