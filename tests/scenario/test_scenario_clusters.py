"""Scenario files of realistic clusters: what the table [cluster] means, and what is said of a bad one."""

import hashlib
import math
import reprlib

import pytest

from asyncsim.cluster import (
    Cluster,
    Constant,
    Diurnal,
    Exponential,
    Gamma,
    Jitter,
    LogNormal,
    Markov,
    Outage,
    ParameterServer,
    Pareto,
    PerWorker,
    Phases,
    Recorded,
    Ring,
    Tree,
    Uniform,
    sqrt,
)
from asyncsim.engine import simulate
from asyncsim.methods import rennala_nigt
from asyncsim.scenario import ScenarioError, load

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


@pytest.fixture
def cluster(tmp_path):
    """The cluster of a file with this table."""

    def cluster(table):
        (tmp_path / "x.toml").write_text(FILE + table)
        return load(tmp_path / "x.toml").cluster

    return cluster


@pytest.fixture
def told(tmp_path, monkeypatch):
    """The line that is said of a file with this table."""
    monkeypatch.chdir(tmp_path)

    def told(table):
        (tmp_path / "x.toml").write_text(FILE + table)
        with pytest.raises(ScenarioError) as error:
            load("x.toml")
        line = str(error.value)
        assert line.startswith("x.toml: ") and "\n" not in line
        return line.removeprefix("x.toml: ")

    return told


DISTRIBUTIONS = [
    ('distribution = "exponential", mean = 2', Exponential(2.0)),
    ('distribution = "lognormal", mean = 2.0, sigma = 0.5', LogNormal(2.0, 0.5)),
    ('distribution = "gamma", mean = 2.0, shape = 4.0', Gamma(2.0, 4.0)),
    ('distribution = "pareto", minimum = 2.0, shape = 1.5', Pareto(2.0, 1.5)),
    ('distribution = "uniform", low = 0, high = 2.0', Uniform(0.0, 2.0)),
]


@pytest.mark.parametrize(("table", "time"), DISTRIBUTIONS)
def test_times_of_all_and_of_one(cluster, table, time):
    assert cluster(f"workers = 3\ncompute = {{{table}}}") == Cluster([time] * 3)
    assert cluster(f"compute = [1, {{{table}}}, inf]") == Cluster([1.0, time, math.inf])


@pytest.mark.parametrize(("table", "time"), DISTRIBUTIONS)
def test_times_by_pattern(cluster, table, time):
    by_pattern = cluster(f'workers = 3\ncompute = {{{table}, scale = "sqrt"}}')
    for own, factor in zip(by_pattern.compute, sqrt(3), strict=True):
        assert type(own) is type(time) and own.mean == pytest.approx(factor * time.mean, rel=1e-15)
        assert own.quantile(0.3) == pytest.approx(factor * time.quantile(0.3), rel=1e-15)
    assert cluster(f"compute = {{{table}, scale = [1, 2.0]}}").compute[0] == time


def test_times_that_were_recorded(cluster, told, tmp_path):
    (tmp_path / "times.csv").write_text("worker,seconds\n0,1\n1,10\n0,2\n")
    assert cluster('compute = {recording = "times.csv"}') == Cluster([Recorded((1.0, 2.0)), Recorded((10.0,))])
    assert cluster('workers = 2\ncompute = {recording = "times.csv"}').workers == 2
    (tmp_path / "times.csv").write_text("worker,seconds\n0,1\n1,-10\n")
    for table, line in (
        (
            'compute = {recording = "times.csv"}',
            "recording: times.csv, row 3: seconds=-10 is no duration: give finite seconds > 0",
        ),
        ('compute = {recording = "none.csv"}', "recording='none.csv': No such file or directory: give a CSV file"),
        ('compute = {recording = ""}', "recording='': Is a directory: give a CSV file"),
    ):
        assert told(table) == f"cluster.compute.{line}"


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_recording_is_known_by_its_bytes(told, tmp_path):
    one, other = "worker,seconds\n0,1\n1,2\n", "worker,seconds\n0,1\n1,3\n"

    def settings(end="", preset=None, sha256=""):
        (tmp_path / "x.toml").write_text(f'{FILE}compute = {{recording = "times.csv"{sha256}}}\n{end}')
        return load(tmp_path / "x.toml", preset).settings

    quick = "[quick.stop]\nupdates = 2\n"
    sweep = "[sweep]\ncluster.communication = [0, 1]\n"
    (tmp_path / "times.csv").write_text(one)
    for given in ({}, {"end": quick, "preset": "quick"}, {"end": sweep}, {"sha256": f', sha256 = "{digest(one)}"'}):
        assert settings(**given).model_dump(mode="json")["cluster"]["compute"] == {
            "distribution": "recorded", "recording": "times.csv", "sha256": digest(one),
        }  # fmt: skip
    (tmp_path / "times.csv").write_text(other)
    assert settings().cluster.compute.sha256 == settings(sweep).cluster.compute.sha256 == digest(other)
    assert told(f'compute = {{recording = "times.csv", sha256 = "{digest(one)}"}}') == (
        f"cluster.compute.sha256={reprlib.repr(digest(one))} is not of recording='times.csv', whose digest is "
        f"{digest(other)}: give that, or the file that was meant"
    )


def test_recordings_that_are_swept_are_known_by_their_bytes(tmp_path):
    texts = ["worker,seconds\n0,1\n", "worker,seconds\n0,2\n", "worker,seconds\n0,3\n"]
    for name, text in zip("ab", texts):
        (tmp_path / f"{name}.csv").write_text(text)
    table = """
workers = 1
compute = {recording = "a.csv"}
[sweep]
cluster.compute.recording = ["a.csv", "b.csv"]
"""
    for _ in range(2):
        (tmp_path / "x.toml").write_text(FILE.replace("batch_size = 2", "batch_size = 1") + table)
        swept = load(tmp_path / "x.toml")
        now = [digest((tmp_path / name).read_text()) for name in ("a.csv", "b.csv")]
        assert [point.settings.cluster.compute.sha256 for _, point in swept.points] == now
        assert swept.settings.sweep["cluster.compute.sha256"] == now
        assert [values for values, _ in swept.points] == [{"recording": "a.csv"}, {"recording": "b.csv"}]
        (tmp_path / "b.csv").write_text(texts[2])


def test_speeds(cluster):
    tables = """
compute = [1, 1, 1, 1]
[cluster.speeds.all]
kind = "markov"
fast_seconds = 10
slow_seconds = 2.0
slow_speed = 0.1
[cluster.speeds.1]
kind = "phases"
times = [5, 10.0]
speeds = [0.5, 1]
[cluster.speeds.3]
kind = "diurnal"
period = 24.0
low = 0.5
"""
    markov, phases, diurnal = Markov(10, 2, 0.1), Phases((5, 10), (0.5, 1)), Diurnal(24, 0.5)
    assert cluster(tables) == Cluster([1] * 4, speeds={0: markov, 1: phases, 2: markov, 3: diurnal})


def test_outages(cluster):
    tables = """
compute = [1, 1, 1]
[[cluster.outages]]
worker = 1
down = 7
[[cluster.outages]]
worker = 0
down = 3
up = 5.5
[[cluster.outages]]
worker = 1
down = 0.0
up = 2.0
"""
    assert cluster(tables) == Cluster([1] * 3, outages={0: Outage(3, 5.5), 1: [Outage(0, 2), Outage(7)]})


@pytest.mark.parametrize(
    ("table", "network"),
    [
        ('network = "ring", latency = 1e-3, bandwidth = 1e6', Ring(1e-3, 1e6, D)),
        ('network = "tree", latency = 1e-3, bandwidth = 1e6', Tree(1e-3, 1e6, D)),
        ('network = "parameter_server", latency = 0, bandwidth = 1e6', ParameterServer(0.0, 1e6, D)),
        ('network = "ring", latency = 1e-3, bandwidth = 1e6, parameters = 7', Ring(1e-3, 1e6, 7)),
        ('network = "constant", seconds = 2', Constant(2.0)),
        ('network = "constant", seconds = [1, 2]', PerWorker((1.0, 2.0))),
        ('network = "constant", seconds = "sqrt"', PerWorker(sqrt(2))),
    ],
)
def test_networks(cluster, table, network):
    assert cluster(f"compute = [1, 2]\ncommunication = {{{table}}}").communication == network
    jitter = 'jitter = {distribution = "exponential", mean = 0.1}'
    expected = Jitter(network, Exponential(0.1))
    assert cluster(f"compute = [1, 2]\ncommunication = {{{table}, {jitter}}}").communication == expected


def test_luck_is_a_setting(tmp_path):
    def run(seed):
        table = f'workers = 2\ncompute = {{distribution = "exponential", mean = 2.0}}\nseed = {seed}\n'
        (tmp_path / "x.toml").write_text(FILE + table)
        return load(tmp_path / "x.toml").simulate("rennala_nigt")

    assert run(0).end == run(0).end != run(1).end
    assert run(1).end == simulate(rennala_nigt(2, 0.1), Cluster([Exponential(2.0)] * 2), updates=3, seed=1).end


LINES = [
    ("compute = {mean = 1.0}", "compute.mean=1.0 is an unknown key: known: distribution, recording, sha256"),
    (
        'workers = 2\ncompute = {distribution = "normal", mean = 1.0}',
        "compute.distribution='normal': give one of "
        "'exponential', 'lognormal', 'gamma', 'pareto', 'uniform', 'straggling', 'rollout', 'recorded'",
    ),
    (
        "compute = [1, {mean = 1.0}]",
        "compute[1].distribution is missing: give one of "
        "'exponential', 'lognormal', 'gamma', 'pareto', 'uniform', 'straggling'",
    ),
    (
        'compute = [1, {distribution = "gamma", mean = 1.0}]',
        "compute[1].shape is missing: give shape = ... in [cluster.compute[1]]",
    ),
    ('workers = 2\ncompute = {distribution = "exponential", mean = "sqrt"}', "compute.mean='sqrt': give a number"),
    (
        'workers = 2\ncompute = {distribution = "exponential", mean = -1}',
        "compute.mean=-1.0 is no compute time: give finite seconds > 0",
    ),
    (
        'compute = [1, {distribution = "uniform", low = 2, high = 1.0}]',
        "compute[1].high=1.0 is not above low=2.0: give more seconds, or Fixed",
    ),
    (
        'compute = [{distribution = "exponential", mean = 1, scale = [1.0]}]',
        "compute[0].scale=(1.0,) is for a table of all workers: leave it out",
    ),
    (
        'compute = {distribution = "exponential", mean = 1, scale = [1.0, 0]}',
        "compute.scale[1]=0: give a number > 0",
    ),
    (
        'workers = 3\ncompute = {distribution = "exponential", mean = 1, scale = [1.0, 2]}',
        "compute.scale has 2 values for 3 workers: give as many",
    ),
    (
        'workers = 3\ncompute = {distribution = "exponential", mean = 1, scale = "sqr"}',
        "compute.scale='sqr' is unknown: did you mean 'sqrt'?",
    ),
    (
        'compute = {distribution = "exponential", mean = 1}',
        "workers is missing: a distribution for all needs an integer >= 1",
    ),
    ("compute = [1]\nspeeds = 3", "speeds=3: give a table"),
    (
        'compute = [1]\nspeeds = {0 = {kind = "slow"}}',
        "speeds.0.kind='slow': give one of 'phases', 'diurnal', 'markov'",
    ),
    (
        'compute = [1]\nspeeds = {1 = {kind = "diurnal", period = 2, low = 0}}',
        "speeds.1 is of no worker: give 0 to 0, or all",
    ),
    (
        'compute = [1, 1]\nspeeds.1 = {kind = "diurnal", period = 2, low = 0}\n'
        'speeds.01 = {kind = "diurnal", period = 3, low = 0}',
        "speeds.01 is of no worker: give 0 to 1, or all",
    ),
    (
        'compute = [1, 1]\nspeeds = {"١" = {kind = "diurnal", period = 2, low = 0}}',
        "speeds.١ is of no worker: give 0 to 1, or all",
    ),
    (
        'compute = [1]\nspeeds = {all = {kind = "diurnal", period = 2, low = 2}}',
        "speeds.all.low=2.0 is no share of full speed: give a number in [0, 1]",
    ),
    ("compute = [1]\noutages = [{worker = 1, down = 0}]", "outages[0].worker=1 is of no worker: give 0 to 0"),
    ("compute = [1]\noutages = [{worker = 0, down = 2, up = 1}]", "outages[0].up=1.0 is no time: give seconds > down"),
    ("compute = [1]\noutages = [{worker = 0}]", "outages[0].down is missing: give down = ... in [cluster.outages[0]]"),
    (
        "compute = [1, 2]\noutages = [{worker = 0, down = 1, up = 3}, {worker = 0, down = 2, up = 4}]",
        "outages=Outage(down=1.0, up=3.0), Outage(down=2.0, up=4.0) overlap: give one from 1.0 to 4.0",
    ),
    (
        'compute = [1]\ncommunication = {network = "mesh"}',
        "communication.network='mesh': give one of 'constant', 'ring', 'tree', 'parameter_server'",
    ),
    (
        "compute = [1]\ncommunication = {latency = 1.0}",
        "communication.network is missing: give one of 'constant', 'ring', 'tree', 'parameter_server'",
    ),
    (
        'compute = [1]\ncommunication = {network = "ring", latency = 0, bandwidth = 0}',
        "communication.bandwidth=0.0 is no bandwidth: give bytes per second > 0",
    ),
    (
        'compute = [1]\ncommunication = {network = "ring", latency = 0, bandwith = 1}',
        "communication.bandwith=1 is an unknown key: did you mean 'bandwidth'?",
    ),
    (
        'compute = [1]\ncommunication = {network = "constant", seconds = [1, 2]}',
        "communication.seconds has 2 values for 1 workers: give as many",
    ),
    (
        'compute = [1]\ncommunication = {network = "constant", seconds = 1, jitter = {distribution = "uniform"}}',
        "communication.jitter.low is missing: give low = ... in [cluster.communication.jitter]",
    ),
    (
        'compute = [1]\ncommunication_exponent = 1\ncommunication = {network = "constant", seconds = 1}',
        "communication_exponent multiplies seconds, and this is a network: leave it out",
    ),
    ("compute = [1]\nseed = -1", "seed=-1: give an integer >= 0"),
]


@pytest.mark.parametrize(("table", "line"), LINES)
def test_what_is_wrong_is_one_line(told, table, line):
    assert told(table) == f"cluster.{line}"


def test_a_message_without_a_policy(told, monkeypatch):
    monkeypatch.setitem(globals(), "FILE", FILE[: FILE.index("[problem]")] + FILE[FILE.index("[methods") :])
    table = 'compute = [1, 2]\ncommunication = {network = "ring", latency = 0, bandwidth = 1e6}\n'
    assert told(f'{table}[problem]\nkind = "garnet"') == (
        "cluster.communication depends on the number of the policy's parameters, "
        "and problem.kind='garnet' has no policy: give communication.parameters"
    )


def test_a_method_that_waits_for_a_worker_who_is_gone(told):
    line = told("compute = [1, 2]\noutages = [{worker = 1, down = 0}]\n[methods.synchronous_nigt]")
    assert line.startswith("cluster.outages of worker 1 never end: Synchronous waits for worker 1")
