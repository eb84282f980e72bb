"""Sweeps: one file, several scenarios, one frame."""

import numpy as np
import pandas as pd
import pytest

from asyncsim import Run, experiment, figures, results
from asyncsim.cli import main
from asyncsim.scenario import ScenarioError, load

TINY = """
title = "tiny"
seeds = [0, 1]
step_sizes = [0.1, 0.2]
evaluate_every = 2
target_return = 0.5
[stop]
updates = 3
[cluster]
workers = 3
compute = [1.0, 2.0, 3.0]
communication = 0.5
[problem]
kind = "chain"
[methods.rennala_nigt]
batch_size = 4
[methods.afedpg]
"""


@pytest.fixture
def scenario(tmp_path):
    def scenario(old="", new="", end="", preset=None):
        assert TINY.count(old) == 1 or not old
        path = tmp_path / "x.toml"
        path.write_text((TINY.replace(old, new) if old else TINY) + end)
        return load(path, preset)

    return scenario


def test_without_a_sweep_there_is_one_point(scenario):
    alone = scenario()
    assert alone.swept == () and alone.settings.sweep is None
    assert alone.points == (({}, alone),)


def test_every_key_of_the_table_is_an_axis(scenario):
    swept = scenario(end="[sweep.methods.rennala_nigt]\nbatch_size = [4, 8]\nmomentum = [0.1, 1]\n")
    assert swept.settings.sweep == {
        "methods.rennala_nigt.batch_size": [4, 8],
        "methods.rennala_nigt.momentum": [0.1, 1],
    }
    assert [values for values, _ in swept.points] == [
        {"batch_size": 4, "momentum": 0.1},
        {"batch_size": 4, "momentum": 1.0},
        {"batch_size": 8, "momentum": 0.1},
        {"batch_size": 8, "momentum": 1.0},
    ]
    methods = [point.methods["rennala_nigt"] for _, point in swept.points]
    assert [(method.rule.batch_size, method.update.momentum) for method in methods] == [
        (4, 0.1),
        (4, 1),
        (8, 0.1),
        (8, 1),
    ]
    assert all(point.settings.sweep is None and point.swept == () for _, point in swept.points)
    assert swept.methods["rennala_nigt"] == methods[0]  # the rest is the first point's


def test_tables_in_lists(scenario):
    time = 'compute = [1.0, {distribution = "gamma", mean = 2.0, shape = 9.0}, 9]'
    end = "[sweep]\ncluster.compute.1.shape = [1, 4.0]\ncluster.compute.2 = [3, 30]\n"
    swept = scenario("compute = [1.0, 2.0, 3.0]", time, end)
    assert list(swept.points[0][0]) == ["shape", "compute.2"] and len(swept.points) == 4
    assert swept.points[3][1].cluster.compute[1].shape == 4.0 and swept.points[3][1].cluster.compute[2] == 30.0
    end = "[sweep]\ncluster.outages.0.down = [5, 6.0]\n"
    swept = scenario("workers = 3", "outages = [{worker = 0, down = 1}]", end)
    assert [point.cluster.outages[0][1][0].down for _, point in swept.points] == [5.0, 6.0]
    speed = 'speeds = {1 = {kind = "diurnal", period = 10, low = 0.5}}'
    swept = scenario("workers = 3", speed, "[sweep]\ncluster.speeds.1.low = [0.1, 0.2]\n")
    assert [point.cluster.speeds[0][1].low for _, point in swept.points] == [0.1, 0.2]


def test_a_label_may_have_dots(scenario):
    label = '"η 0.1, M"'
    table = f'[methods.{label}]\nmethod = "rennala_nigt"\nbatch_size = 2\n'
    for key in (f"methods.{label}.momentum", '"methods.η 0.1, M.momentum"'):
        swept = scenario(end=f"{table}[sweep]\n{key} = [0.1, 0.2]\n")
        assert [point.methods["η 0.1, M"].update.momentum for _, point in swept.points] == [0.1, 0.2]


def test_communication_is_per_worker_where_it_is_a_list(scenario):
    assert scenario("communication = 0.5", "communication = [0.0, 0.1, 1.0]").cluster.kappas == (0.0, 0.1, 1.0)
    swept = scenario(end="[sweep]\ncluster.communication = [0, 0.1, 1.0, 10]\n")
    assert [values for values, _ in swept.points] == [{"communication": kappa} for kappa in (0.0, 0.1, 1.0, 10.0)]
    assert [point.cluster.kappas[0] for _, point in swept.points] == [0.0, 0.1, 1.0, 10.0]
    swept = scenario(end="[sweep]\ncluster.communication = [0.0, 0.1, 1.0]\n")
    assert [point.cluster.kappas[0] for _, point in swept.points] == [0.0, 0.1, 1.0]


def test_the_table(scenario):
    end = """
[sweep]
stale = ["cancel", "finish"]
"cluster.compute.2" = [3, 30.0]
methods.afedpg.momentum = [0.1, 1.0]
methods.rennala_nigt.momentum = [0.2]
"""
    swept = scenario(end=end)
    assert len(swept.points) == 8
    assert list(swept.points[0][0].values()) == ["cancel", 3.0, 0.1, 0.2]
    assert list(swept.points[0][0]) == [
        "stale", "compute.2", "methods.afedpg.momentum", "methods.rennala_nigt.momentum",
    ]  # fmt: skip
    last = swept.points[-1][1]
    assert last.settings.stale == "finish" and last.cluster.compute == (1.0, 2.0, 30.0)
    assert last.methods["afedpg"].update.momentum == 1.0
    assert last.simulate("rennala_nigt").stale == "finish"


def test_values_that_are_no_numbers_are_words_in_tables(scenario):
    swept = scenario(end='[sweep]\ncluster.compute = ["sqrt", [1, 1, 9]]\ncluster.seed = [1, 2]\n')
    values, point = swept.points[2]
    assert values == {"compute": "[1, 1, 9]", "cluster.seed": 1} and point.cluster.compute == (1.0, 1.0, 9.0)


def test_a_preset_may_sweep_less(scenario):
    end = "[sweep]\ncluster.communication = [0.0, 0.1]\n[quick.sweep]\ncluster.communication = [7.0, 8.0]\n"
    assert [values["communication"] for values, _ in scenario(end=end, preset="quick").points] == [7.0, 8.0]


LINES = [
    (
        "batch_size = 4",
        "batch_size = [4, 8]",
        "methods.rennala_nigt.batch_size=[4, 8]: give an integer, or "
        "methods.rennala_nigt.batch_size = [...] under [sweep]",
    ),
    ("batch_size = 4", "batch_size = []", "methods.rennala_nigt.batch_size=[]: give an integer, or methods.rennala_"),
    ("updates = 3", "updates = [3, 4]", "stop.updates=[3, 4]: give an integer, or stop.updates = [...] under [sweep]"),
    (
        "compute = [1.0, 2.0, 3.0]",
        "compute = [1.0, 2.0, [3.0, 30.0]]",
        "cluster.compute[2]=[3.0, 30.0]: give a number or a table, or cluster.compute.2 = [...] under [sweep]",
    ),
    (
        "communication = 0.5",
        "communication = [0.1, 0.2]",
        "cluster.communication=[0.1, 0.2] has 2 values for 3 workers: give one number, one per worker (3), or "
        "cluster.communication = [...] under [sweep]",
    ),
    (
        "evaluate_every = 2",
        'stale = ["cancel", "finish"]',
        "stale=['cancel', 'finish']: give 'cancel' or 'finish', or stale = [...] under [sweep]",
    ),
    (
        "[methods.afedpg]",
        '[methods."η 0.1"]\nmethod = "afedpg"\nmomentum = [0.1, 1]',
        'methods.η 0.1.momentum=[0.1, 1]: give a number, or "methods.η 0.1.momentum" = [...] under [sweep]',
    ),
    ("evaluate_every = 2", "evaluate_every = [2, 3]", "evaluate_every=[2, 3]: give an integer"),
    (
        "evaluate_every = 2",
        "sweep = {stop.updates = []}",
        "stop.updates=[] is no sweep: give a list of at least one value",
    ),
    (
        "evaluate_every = 2",
        "sweep = {stop.updates = [3, 3]}",
        "stop.updates=[3, 3] has a value twice: give distinct ones",
    ),
    (
        "evaluate_every = 2",
        "sweep = {methods.rennala_nigt.batch_size = [4, 0]}",
        "at batch_size=0: methods.rennala_nigt.batch_size=0 is no number of",
    ),
    (
        "evaluate_every = 2",
        'sweep = {stop.updates = [3, "a"]}',
        "at stop.updates=a: stop.updates='a': give an integer",
    ),
    (
        "evaluate_every = 2",
        "sweep = {cluster.communication = [0, -1]}",
        "at communication=-1: cluster.communication=-1.0 is no commun",
    ),
    ("evaluate_every = 2", "sweep = 3", "sweep=3: give a table"),
    (
        "evaluate_every = 2",
        "sweep = {seeds = [1]}",
        "sweep.seeds=[1] cannot be swept: give a key of stop, cluster, problem, ",
    ),
    ("evaluate_every = 2", "sweep = {stale = 3}", "stale=3 is no sweep: give a list of at least one value"),
    (
        "evaluate_every = 2",
        "sweep = {cluster.comunication = [1, 2]}",
        "at comunication=1: cluster.comunication=1 is an unknown key: did you mean 'communication'?",
    ),
    (
        "evaluate_every = 2",
        "sweep = {stop.updates = [1], stop.until = [2]}\nevaluation = 2",
        "at stop.updates=1, until=2: evaluation=2 is",
    ),
    (
        "evaluate_every = 2",
        "sweep = {cluster.compute.3 = [1]}",
        "sweep.cluster.compute.3: cluster.compute has no entry 3: give",
    ),
    (
        "evaluate_every = 2",
        "sweep = {cluster.compute.02 = [1]}",
        "sweep.cluster.compute.02: cluster.compute has no entry 02: give",
    ),
    (
        "evaluate_every = 2",
        "sweep = {cluster.communication.latency = [1]}",
        "sweep.cluster.communication.latency: cluster.communication=0.5 is no table: give a key that the file may have",
    ),
    (
        "evaluate_every = 2",
        'sweep = {cluster.communication = [1, 2], "cluster.communication" = [1, 2]}',
        "cluster.communication=[1, 2] is swept twice: cluster.communication is a sweep, too; give one of them",
    ),
]


@pytest.mark.parametrize(("old", "new", "line"), LINES)
def test_what_is_wrong_is_one_line(scenario, tmp_path, monkeypatch, old, new, line):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScenarioError) as error:
        scenario(old, new)
    said = str(error.value).partition("x.toml: ")[2]
    assert said.startswith(line) and "\n" not in said, said


# ---- results


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A sweep that was run, with what was printed."""
    folder = tmp_path_factory.mktemp("swept")
    swept = TINY.replace("target", "tuning_seeds = [9]\nsweep = {methods.rennala_nigt.batch_size = [2, 4]}\ntarget")
    (folder / "x.toml").write_text(swept)
    assert main(["run", str(folder / "x.toml"), "--output", str(folder / "out")]) == 0
    return folder


def test_frames_have_a_column_per_axis(ran):
    curves, summary = results.load_curves(ran / "out"), results.load_summary(ran / "out")
    tuning = pd.read_csv(ran / "out" / "tuning.csv")
    for frame in (curves, summary, tuning):
        assert Run.load(ran / "out").axes == ("batch_size",) and list(frame.columns[:2]) == ["batch_size", "method"]
    assert list(zip(summary["batch_size"], summary["method"])) == [
        (2, "rennala_nigt"), (2, "afedpg"), (4, "rennala_nigt"), (4, "afedpg"),
    ]  # fmt: skip
    assert summary["gradients"].tolist() == [6, 3, 12, 3]
    twice = [part.drop(columns="batch_size") for _, part in curves.query("method == 'afedpg'").groupby("batch_size")]
    pd.testing.assert_frame_equal(*(part.reset_index(drop=True) for part in twice))
    assert results.load_settings(ran / "out")["scenario"]["sweep"] == {"methods.rennala_nigt.batch_size": [2, 4]}
    with results.reserve(ran / "out", load(ran / "x.toml").settings) as verb:
        assert verb == "replaced the same scenario's results"
    sometimes = {"tuning.csv", "time_to_target.png", "time_to_target.svg"}
    assert {path.name for path in (ran / "out").iterdir()} == {*results.FILES, *sometimes}


def test_a_point_is_what_its_own_file_gives(ran, tmp_path):
    text = TINY.replace("target", "tuning_seeds = [9]\ntarget")  # batch_size = 4
    (tmp_path / "x.toml").write_text(text)
    assert main(["run", str(tmp_path / "x.toml"), "--output", str(tmp_path / "out")]) == 0
    curves = results.load_curves(ran / "out")
    point = curves[curves["batch_size"] == 4].drop(columns="batch_size").reset_index(drop=True)
    pd.testing.assert_frame_equal(point, results.load_curves(tmp_path / "out"))


def test_what_is_drawn(ran):
    curves, scenario = results.load_curves(ran / "out"), results.load_settings(ran / "out")["scenario"]
    figure = figures.learning_curves(experiment.tuned(curves, ["batch_size"]), scenario, ["batch_size"])
    figure.canvas.draw()
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["batch_size = 2", "batch_size = 4"]
    legend = ["Rennala NIGT", "AFedPG", "target, 0.5", "bands, 20-80 % of 2 seeds"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == legend
    rows = experiment.tuned(curves, ["batch_size"]).query("batch_size == 4 and method == 'rennala_nigt'")
    mean = rows.groupby("update")["eval_return"].mean()
    np.testing.assert_allclose(figure.axes[1].lines[0].get_ydata(), mean)


def test_of_many_points_some_are_drawn(ran):
    curves, scenario = results.load_curves(ran / "out"), results.load_settings(ran / "out")["scenario"]
    few = experiment.tuned(curves, ["batch_size"]).query("batch_size == 2")
    many = pd.concat([few.assign(batch_size=size) for size in range(11)])
    figure = figures.learning_curves(many, scenario, ["batch_size"])
    shown = [axes.get_title(loc="left") for axes in figure.axes]
    assert shown == [f"batch_size = {size}" for size in (0, 2, 4, 6, 8, 10)]
    assert figure.get_suptitle() == "tiny (6 of 11 points)"


def test_an_axis_is_never_called_as_a_column_of_results(scenario):
    """Ringmaster's `max_delay` is a column of the summary as well."""
    swept = scenario(end="max_delay = 1\n[sweep]\nmethods.r.max_delay = [2, 4]\ncluster.communication = [0.0, 1.0]\n",
                     old="[methods.afedpg]", new="[methods.r]\nmethod = 'ringmaster_nigt'")  # fmt: skip
    assert list(swept.points[0][0]) == ["methods.r.max_delay", "communication"]


def test_values_that_tables_show_alike_are_one_value(scenario):
    with pytest.raises(ScenarioError, match="twice"):
        scenario(end='[sweep]\ncluster.compute = ["1", 1]\n')
