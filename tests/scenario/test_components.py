"""What a scenario may name is what the packages list: a new component has one source, and tables follow."""

import importlib
import inspect
import math
import re
import sys
from dataclasses import dataclass, field

import numpy as np
import pytest

import asyncsim
from asyncsim import cluster
from asyncsim.cluster.checks import check_duration, check_number, check_positive
from asyncsim.cluster.networks import check_link, message_seconds
from asyncsim.cluster.sampling import SECONDS, draws_of, quantile_of
from asyncsim.cluster.speeds import end_of
from asyncsim.problems import Quadratic, TabularMDP
from asyncsim.rl.critics import Critic
from asyncsim.rl.estimators import Estimator
from asyncsim.rl.policies import MLP
from asyncsim.scenario import problems

FILE = """
seeds = [0]
step_sizes = [0.1]
[stop]
updates = 3
[problem]
environment = "CartPole-v1"
horizon = 5
discount = 0.9
hidden = [8]
[methods.rennala_nigt]
batch_size = 2
[methods.afedpg]
[cluster]
"""
D = 4 * 8 + 8 + 8 * 2 + 2  # of the policy's parameters


# ---- a distribution, a network and a speed, as their modules would have them


@dataclass(frozen=True)
class Weibull:
    """P(h > t) = exp(-(t / c)^shape), with c such that the mean is ``mean``."""

    mean: float = field(metadata=SECONDS)
    shape: float

    def __post_init__(self):
        check_duration(self, "mean")
        check_positive(self, "shape")

    def _inverse(self, u):
        return self.mean / math.gamma(1 + 1 / self.shape) * (-np.log1p(-u)) ** (1 / self.shape)

    def quantile(self, q):
        return quantile_of(self._inverse, q)

    def draw(self, rng, count, start=0):
        return draws_of(self._inverse, rng, count)


@dataclass(frozen=True)
class Star:
    """All send to a hub at once, and it answers all at once: 2(α + 4d/B)."""

    latency: float
    bandwidth: float
    parameters: int

    queues = random = False

    def __post_init__(self):
        check_link(self)

    def round_seconds(self, workers):
        return 2 * message_seconds(self)

    def gradient_seconds(self, worker):
        return message_seconds(self)


@dataclass(frozen=True)
class SlowDown:
    """Full speed until second ``start``, and ``speed`` from then on."""

    start: float
    speed: float = 0.5

    def __post_init__(self):
        check_number(self, "start", "time", "seconds >= 0", lambda x: x >= 0)
        check_number(self, "speed", "speed", "a finite number > 0", lambda x: 0 < x < math.inf)

    def pieces(self, start):
        if start < self.start:
            yield 1.0, self.start
        yield self.speed, math.inf

    def finish(self, start, work):
        return end_of(start, work, self.pieces(start))

    def realise(self, rng):
        return self


@pytest.fixture
def load(monkeypatch, tmp_path):
    """Loads the scenario of this table [cluster], with our components in the lists."""
    for key, component in (("TIMES", Weibull), ("NETWORKS", Star), ("SPEEDS", SlowDown)):
        monkeypatch.setattr(cluster, key, (*getattr(cluster, key), component))
    monkeypatch.delattr(asyncsim, "scenario")  # it is imported anew, as it would be with modules of ours
    for name in [name for name in sys.modules if name.startswith("asyncsim.scenario")]:
        monkeypatch.delitem(sys.modules, name)
    scenario = importlib.import_module("asyncsim.scenario")

    def load(table):
        (tmp_path / "x.toml").write_text(FILE + table)
        try:
            return scenario.load(tmp_path / "x.toml")
        except scenario.ScenarioError as error:
            return str(error).removeprefix(f"{tmp_path / 'x.toml'}: cluster.")

    return load


TABLE = """
workers = 2
compute = {distribution = "weibull", mean = 2.0, shape = 1.5, scale = [1.0, 3]}
communication = {network = "star", latency = 0.5, bandwidth = 9, jitter = {distribution = "gamma", mean = 1, shape = 2}}
speeds.1 = {kind = "slow_down", start = 10}
"""


def test_a_scenario_may_name_what_the_lists_have(load):
    scenario = load(TABLE)
    assert scenario.cluster == cluster.Cluster(
        [Weibull(2.0, 1.5), Weibull(6.0, 1.5)],
        cluster.Jitter(Star(0.5, 9.0, D), cluster.Gamma(1.0, 2.0)),
        speeds={1: SlowDown(10.0, 0.5)},
    )
    settings = scenario.settings.cluster.model_dump(mode="json")
    assert settings["compute"] == {"scale": [1.0, 3.0], "distribution": "weibull", "mean": 2.0, "shape": 1.5}
    assert settings["speeds"] == {"1": {"kind": "slow_down", "start": 10.0, "speed": 0.5}}
    assert settings["communication"]["network"] == "star" and settings["communication"]["parameters"] is None
    assert scenario.settings.cluster.in_words() == "weibull, κ star"
    timelines = [scenario.simulate(label) for label in scenario.methods]
    assert [len(timeline.updates) for timeline in timelines] == [3, 3]
    assert timelines[0].end > 3 * 2 * (0.5 + 4 * D / 9)  # rounds of a star, each with its jitter


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('"weibull", mean = 2.0', '"weibul", mean = 2.0', "compute.distribution='weibul': give one of .*, 'weibull', "),
        ('"star"', '"sun"', "communication.network='sun': give one of .*, 'star'$"),
        ('"slow_down"', '"halt"', "speeds.1.kind='halt': give one of .*, 'slow_down'$"),
        ("mean = 2.0", "men = 2.0", "compute.men=2.0 is an unknown key: did you mean 'mean'[?]"),
        ("mean = 2.0, ", "", r"compute.mean is missing: give mean = ... in \[cluster.compute\]$"),
        ("mean = 2.0", "mean = -1", "compute.mean=-1.0 is no compute time: give finite seconds > 0$"),
        ("bandwidth = 9", "bandwidth = 0", "communication.bandwidth=0.0 is no bandwidth: "),
        ("start = 10", 'start = "noon"', "speeds.1.start='noon': give a number$"),
    ],
)
def test_lines_about_them_are_as_about_all(load, old, new, line):
    assert TABLE.count(old) == 1
    said = load(TABLE.replace(old, new))
    assert isinstance(said, str) and re.match(line, said), said


# ---- problems, whose tables are written out


@pytest.mark.parametrize(
    ("table", "source", "others"),
    [
        (problems.GarnetTable, TabularMDP.garnet, {"workers"}),
        (problems.ChainTable, TabularMDP.chain, set()),
        (problems.QuadraticTable, Quadratic, {"shifts"}),
        (problems.PolicyGradientTable, MLP, set()),
        (problems.PolicyGradientTable, asyncsim.PolicyGradient, {"policy", "estimator", "start"}),
        (problems.EstimatorTable, Estimator, set()),
        (problems.CriticTable, Critic, set()),
    ],
)
def test_tables_of_problems_have_the_keys_and_defaults_of_the_problems(table, source, others):
    keys = {key: parameter.default for key, parameter in inspect.signature(source).parameters.items()}
    assert others <= set(keys)
    for key in set(keys) - others:
        own = table.model_fields[key]
        assert own.is_required() if keys[key] is inspect.Parameter.empty else own.default == keys[key], key
