"""A scenario in which trajectories decide how long jobs take: the same tables and figures."""

import pytest

import asyncsim
from asyncsim.cli import main
from asyncsim.scenario import ScenarioError, load

TEXT = """
seeds = [0, 1]
tuning_seeds = [7]
step_sizes = [0.02, 0.05]
evaluate_every = 8
target_return = {target}

[stop]
until = 60.0

[cluster]
compute = [{compute}]
compute_unit = "{unit}"
communication = 0.5

[problem]
environment = "{environment}"
horizon = 20
discount = 0.95
hidden = [8]
evaluation_episodes = 4

[methods.rennala_nigt]
batch_size = 4

[methods.afedpg]
"""
STEP = dict(compute="0.05, 0.1", unit="step", environment="CartPole-v1", target=15)


def written(tmp_path, **values):
    path = tmp_path / "episodes.toml"
    path.write_text(TEXT.format(**STEP | values), encoding="utf-8")
    return path


def test_a_run_has_every_table_and_comes_back(tmp_path):
    found = asyncsim.run(written(tmp_path), output=tmp_path / "out", store=False)
    assert {"curves", "tuning", "summary", "per_seed", "comparison"} <= {*found.tables()}
    times = found.curves.query("update > 0").groupby(["method", "update"])["time"].nunique()
    assert times.max() == 2  # each seed has its own
    assert found.computed > found.summary()["gradients"].sum()
    again = asyncsim.Run.load(tmp_path / "out")
    assert again.summary().equals(found.summary()) and again.comparison().equals(found.comparison())
    assert (found.summary()["end"] == 60.0).all() and found.plot() is not None


def test_where_every_episode_is_as_long_it_is_the_other_kind_of_run(tmp_path):
    of = {"environment": "Pendulum-v1", "target": -100}
    step = asyncsim.run(written(tmp_path, **of), store=False)
    gradient = asyncsim.run(written(tmp_path, **of, compute="1.0, 2.0", unit="gradient"), store=False)
    columns = ["method", "seed", "update", "time"]
    assert step.curves[columns].equals(gradient.curves[columns])
    assert step.curves["eval_return"].to_numpy() == pytest.approx(gradient.curves["eval_return"].to_numpy(), rel=1e-6)
    for method, timeline in gradient.timelines.items():
        assert step.timelines[method].updates.equals(timeline.updates)


@pytest.mark.parametrize(
    "old, new, line",
    [
        ("until = 60.0", "updates = 5", "stop.until is missing"),
        ("[stop]", 'tuning = "halving"\n[stop]', "tuning='halving' needs cluster.compute_unit='gradient'"),
        ("0.05, 0.1", '0.05, {distribution = "exponential", mean = 1.0}', "cluster.compute_unit='step' needs numbers"),
        ('"step"', '"steps"', "cluster.compute_unit='steps': give 'gradient' or 'step'"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(tmp_path, capsys, old, new, line):
    path = written(tmp_path)
    path.write_text(path.read_text().replace(old, new))
    assert main(["run", str(path), "--output", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert line in said and said.count("\n") == 1 and not (tmp_path / "out").exists()


def test_what_does_not_train_needs_times_of_gradients(tmp_path, capsys):
    with pytest.raises(ScenarioError, match="which only `asyncsim run` computes"):
        load(written(tmp_path)).simulate("afedpg")
    for command in ("simulate", "bounds"):
        assert main([command, str(written(tmp_path))]) == 2
        assert "which only `asyncsim run` computes: give 'gradient'" in capsys.readouterr().err
