"""What holds a cluster up as it grows, in rows, in sentences, and in the guide."""

from pathlib import Path

import guide_parts
import pandas as pd
import pytest

from asyncsim import Cluster, methods, results
from asyncsim.cli import main
from asyncsim.cluster import LogNormal, ParameterServer, Pareto
from asyncsim.experiment.saturation import SHARES, measured, sentences
from asyncsim.scenario import ScenarioError, load
from asyncsim.theory.growth import gradient_rate, order_statistic

ROOT = Path(__file__).parents[2]
PORT = Cluster([1.0] * 100_000, ParameterServer(latency=1e-5, bandwidth=1.25e9, parameters=30_498))
SATURATIONS = sorted((ROOT / "results" / "scale").glob("*-saturation"))
TINY = """
title = "tiny"
seeds = [0]
step_sizes = [1.0]
problem = {kind = "quadratic"}
[stop]
updates = 4
[cluster]
workers = 2
compute = "equal"
communication = {network = "ring", latency = 1e-3, bandwidth = 4e5, parameters = 1000}
[methods.synchronous_nigt]
[sweep]
cluster.communication.network = ["ring", "tree", "parameter_server"]
cluster.workers = [2, 100, 10_000]
"""


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("x.toml").write_text(TINY)
    return Path("x.toml")


def test_collectives_saturate_by_latency_or_by_the_port(path):
    frame = measured(load(path))
    assert frame[[*SHARES]].sum(axis=1).tolist() == pytest.approx([1.0] * 9)
    assert (abs(frame["gradients_per_second"] / frame["theory"] - 1) < 1e-9).all()
    last = frame[frame["workers"] == 10_000].set_index("network")
    assert last["limit"].to_dict() == {"ring": "latency", "tree": "computing", "parameter_server": "port"}
    ring = last.loc["ring"]
    assert ring["latency"] == pytest.approx(2 * 9.999 / (1 + 2 * 9999 * (1e-3 + 1e-6)))
    said = sentences(frame, ["network", "workers"])
    assert said[0].startswith("synchronous_nigt, network ring: from 100 workers on more of them bring little: 100 ")
    assert "latency of messages takes 95 % of the workers' time. The most are 476 a second" in said[0]
    assert "up to 10 000 workers more of them pay" in said[1] and "the server's port takes 99 %" in said[2]


@pytest.mark.parametrize(
    "compute, method, updates, bandwidth, takes",
    [
        (
            '{distribution = "pareto", minimum = 1.0, shape = 1.5}',
            "synchronous_nigt]",
            400,
            1e9,
            "waiting for other workers",
        ),
        (
            '{distribution = "uniform", low = 1.0, high = 2.0}',
            "rennala_nigt]\nbatch_size = 2",
            4,
            1e9,
            "computing gradients that nobody uses",
        ),
        ('"equal"', "afedpg]", 3000, 4e5, "the server's port"),
    ],
)
def test_other_limits(compute, method, updates, bandwidth, takes, path):
    text = TINY.replace("synchronous_nigt]", method).replace('"equal"', compute)
    text = text.replace('"ring", l', '"parameter_server", l')
    text = text.replace("updates = 4", f"updates = {updates}").replace("4e5", f"{bandwidth:g}")
    path.write_text(text.partition("[sweep]")[0] + "[sweep]\ncluster.workers = [100, 1000]\n")
    (said,) = sentences(measured(load(path)), ["workers"])
    assert takes in said and "bring little" in said


def test_the_command_writes_what_it_says(path, capsys):
    assert main(["saturation", "x.toml", "-o", "out", "--set", "sweep.cluster.workers=[2, 20]"]) == 0
    said = capsys.readouterr().out
    lines = Path("out/sentences.txt").read_text().splitlines()
    assert len(lines) == 3 and all(line in said for line in lines)
    files = {path.name for path in Path("out").iterdir()}
    assert files == {"saturation.csv", "saturation.png", "saturation.svg", "sentences.txt", "settings.json"}
    assert len(pd.read_csv("out/saturation.csv")) == 6


def test_what_is_wrong_is_one_line(path, capsys):
    with pytest.raises(ScenarioError, match="sweep has no cluster.workers: give numbers of workers"):
        measured(load(path, changes={"sweep": {"cluster.communication.latency": [0.1, 0.2]}}))
    with pytest.raises(ScenarioError, match="methods.synchronous_nigt makes no update: give a later stop"):
        measured(load(path, changes={"stop": {"until": 0.5}}))
    assert main(["saturation", "x.toml", "-o", "out", "--set", "stop.updates=0"]) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not Path("out").exists()


@pytest.mark.parametrize("directory", SATURATIONS, ids=lambda path: path.name)
def test_committed_results_are_of_their_scenario_and_near_theory(directory):
    name = directory.name.removesuffix("-saturation")
    scenario = load(ROOT / "experiments" / "scale" / f"{name}.toml")
    assert results.as_data(scenario.settings) == results.load_settings(directory)["scenario"]
    frame = pd.read_csv(directory / "saturation.csv")
    assert sentences(frame, scenario.axes) == (directory / "sentences.txt").read_text().splitlines()
    ratio = frame["gradients_per_second"] / frame["theory"]
    heavy = frame["compute"].str.contains("pareto") if "compute" in frame else False
    near = {"exact": 1e-9, "at most": 0.01, "on average": 0.1, "at least": 0.01}
    off = {"at most": ratio - 1, "at least": 1 - ratio}
    for relation, most in near.items():
        own = (frame["relation"] == relation) & ~pd.Series(heavy, frame.index)  # whose maxima have no variance
        assert (off.get(relation, abs(ratio - 1))[own] < most).all()


def test_the_guide_says_what_the_results_say():
    found = guide_parts.parts(ROOT / "notebooks" / "scale.md")
    assert len(found) == len(SATURATIONS) > 0 and all(stands == should for stands, should in found.values())
    page = (ROOT / "notebooks" / "scale.md").read_text()
    slowest = [order_statistic(LogNormal(1.0, 0.5), n, n) for n in (10**3, 10**6)]
    heavy = [order_statistic(Pareto(0.5, 2.0), n, n) for n in (10**3, 10**6)]
    assert "takes {:.1f} s, of a million {:.1f} s".format(*slowest) in page
    assert "{:.0f} s and {:.0f} s".format(*heavy) in page
    assert f"{gradient_rate(methods.afedpg(0.1), PORT).gradients:,.0f}".replace(",", " ") in page
