"""What is predicted of a run from its first part, where it is known what should come out."""

from pathlib import Path

import guide_parts
import numpy as np
import pandas as pd
import pytest

from asyncsim import Cluster, methods, results, simulate
from asyncsim.cli import main
from asyncsim.cluster import LogNormal
from asyncsim.experiment.fidelity import MEASURES, PREDICTIONS, compared, fidelity, window
from asyncsim.scenario import ScenarioError, load

ROOT = Path(__file__).parents[2]
TINY = """
title = "tiny"
seeds = [0]
step_sizes = [0.05]
evaluate_every = 5
[stop]
updates = 16
[cluster]
workers = 2
compute = [1.0, 2.0]
[problem]
kind = "quadratic"
dimension = 5
[methods.rennala_nigt]
batch_size = 2
[methods.afedpg]
"""


@pytest.fixture
def scenario(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("experiments").mkdir()
    Path("experiments/x.toml").write_text(TINY)
    return load("experiments/x.toml")


def errors(table, what):
    return table[table["fitted_to"] == what].set_index("measure")["error"]


@pytest.mark.parametrize("method", [methods.rennala_nigt(2, 0.1), methods.afedpg(0.1)], ids=lambda each: each.name)
def test_fixed_times_are_predicted_exactly_and_communication_only_where_it_is_known(method, scenario):
    timeline = simulate(method, Cluster([1.0, 2.0], communication=3.0), updates=40)
    table = compared(method, timeline, scenario)
    assert [*table["measure"]] == [*MEASURES] * len(PREDICTIONS)
    np.testing.assert_allclose(errors(table, "jobs and communication"), 0, atol=1e-9)
    np.testing.assert_allclose(errors(table, "and the server"), 0, atol=1e-9)
    assert errors(table, "jobs")["seconds_per_update"] < -0.5


@pytest.mark.parametrize("method", [methods.rennala_nigt(2, 0.1), methods.afedpg(0.1)], ids=lambda each: each.name)
def test_the_servers_time_is_told_from_communication_where_gradients_come_one_by_one(method, scenario):
    timeline = simulate(method, Cluster([1.0, 2.7], communication=3.0, update_seconds=0.5), updates=60)
    table = compared(method, timeline, scenario)
    greedy = method.rule.communication == "gradient"
    assert abs(errors(table, "and the server")["seconds_per_update"]) < 0.01
    assert (errors(table, "jobs and communication")["seconds_per_update"] < -0.08) == greedy


def test_random_times_are_predicted_about(scenario):
    method = methods.rennala_nigt(4, 0.1)
    timeline = simulate(method, Cluster([LogNormal(1.0, 0.5), LogNormal(2.0, 0.5)], communication=0.2), updates=400)
    table = compared(method, timeline, scenario)
    own = table[(table["fitted_to"] == "jobs and communication") & (table["measure"] == "seconds_per_update")]
    assert abs(own["error"].item()) < 0.1 and own["low"].item() < own["predicted"].item() < own["high"].item()


def test_what_happens_in_a_window():
    timeline = simulate(methods.rennala_nigt(3, 0.1), Cluster([1.0, 4.0], communication=1.0), updates=10)
    found = window(timeline, 5)
    assert found["seconds_per_update"] == 4.0 and found["gradients_per_second"] == 0.75
    assert found["wasted_share"] == 0.5 and found["mean_delay"] == 0.0


def test_workers_that_are_killed_are_refused(scenario):
    killed = load("experiments/x.toml", changes={"cluster.outages": [{"worker": 0, "down": 1.0}]})
    with pytest.raises(ScenarioError, match="cluster.outages cannot be told from what was before: leave them out"):
        fidelity(killed, 0.01)


@pytest.mark.slow
def test_the_commands(scenario, ray_cluster, capsys):
    assert main(["fidelity", "experiments/x.toml", "--scale", "0.01"]) == 0
    assert "Seconds per update, fitted to jobs: median error" in capsys.readouterr().out
    table = pd.read_csv("results/x-fidelity/fidelity.csv")
    assert len(table) == 2 * len(MEASURES) * len(PREDICTIONS) and (table["observed"] >= 0).all()
    assert results.load_settings("results/x-fidelity")["scale"] == 0.01
    live = [
        "live",
        "experiments/x.toml",
        "--method",
        "afedpg",
        "--scale",
        "0.01",
        "--output",
        "out",
        "--trace",
        "t.json",
    ]
    assert main(live) == 0
    assert "What was learned" in capsys.readouterr().out
    curves = results.load_curves("out")
    assert curves["method"].unique() == ["afedpg"] and curves["gradients"].iloc[-1] == 15
    assert {"jobs.csv", "updates.csv", "settings.json"} <= {path.name for path in Path("out").iterdir()}
    assert main(["calibrate", "out/jobs.csv", "--held-out", "0"]) == 0  # what reads timelines reads this one
    assert main(["live", "experiments/x.toml", "--method", "afedgp"]) == 2
    assert "method='afedgp' is none of its methods: did you mean 'afedpg'?" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["live", "fidelity"])
def test_without_ray_one_line_says_how_to_install_it(command, scenario, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    assert main([command, "experiments/x.toml"]) == 2
    assert capsys.readouterr().err == "asyncsim: Ray is not installed: pip install 'asyncsim[ray]'\n"


def test_the_page_has_what_came_out():
    found = guide_parts.parts(ROOT / "notebooks" / "real-time.md")
    assert "fidelity-fidelity" in found and all(stands == should for stands, should in found.values())
    table = pd.read_csv(ROOT / "results" / "fidelity-fidelity" / "fidelity.csv")
    last = table[(table["measure"] == "seconds_per_update") & (table["fitted_to"] == table["fitted_to"].iloc[-1])]
    words = f"the median error is {100 * last['error'].abs().median():.1f} %, and the largest"
    assert f"{words} {100 * last['error'].abs().max():.1f} % (" in found["fidelity-fidelity"][0]
