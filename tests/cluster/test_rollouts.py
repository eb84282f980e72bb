"""Rollouts: times from lengths, and what a log says of them."""

import numpy as np
import pytest

from asyncsim import Cluster, methods, rules, scenario, simulate
from asyncsim.cluster import LogNormal, Pareto, Recorded, Rollout, read_rollouts, stream
from asyncsim.cluster.rollouts import dealt


def test_a_rollout_takes_its_prompts_time_and_its_tokens():
    lengths = LogNormal(800.0, 1.0)
    rollout = Rollout(lengths, 0.02, 0.5)
    assert rollout.mean == 16.5 and rollout.quantile(0.9) == 0.5 + 0.02 * lengths.quantile(0.9)
    seconds = rollout.draw(stream(0, 1), 5)
    np.testing.assert_array_equal(seconds, 0.5 + 0.02 * lengths.draw(stream(0, 1), 5))
    np.testing.assert_allclose(rollout.tokens(seconds), lengths.draw(stream(0, 1), 5))
    assert rollout.tokens(np.array([0.2])) == 0 and Rollout(Pareto(1.0, 0.9), 1.0).mean == np.inf
    for given, line in (
        (dict(lengths=800), "lengths=800 is no distribution"),
        (dict(seconds_per_token=0), "seconds_per_token=0"),
        (dict(prompt_seconds=-1), "prompt_seconds=-1"),
    ):
        with pytest.raises(ValueError, match=line):
            Rollout(**dict(lengths=lengths, seconds_per_token=1.0) | given)


def write(tmp_path, text):
    path = tmp_path / "log.csv"
    path.write_text(text)
    return path


def test_a_log_of_rollouts(tmp_path):
    """Rows are in the order of their starts; seconds = 0.5 + 0.02 · tokens in it."""
    found = read_rollouts(write(tmp_path, "id,finish,start,tokens\nb,14.5,10,200\na,12.5,1e0,550\nc,24.5,20,200\n"))
    assert found.tokens == (550.0, 200.0, 200.0) and found.seconds == (11.5, 4.5, 4.5)
    assert found.fitted() == pytest.approx((0.02, 0.5))
    assert read_rollouts(write(tmp_path, "tokens,seconds\n10,1\n20,3\n")).fitted() == pytest.approx((0.14, 0.0))
    bare = read_rollouts(write(tmp_path, "tokens\n7\n9\n8\n"))
    assert bare.seconds == () and [
        each.lengths.seconds for each in dealt(Rollout(Recorded((1.0,)), 1.0), bare.tokens, 2)
    ] == [
        (7.0, 8.0),
        (9.0,),
    ]
    with pytest.raises(ValueError, match="no column says how long"):
        bare.fitted()
    with pytest.raises(ValueError, match="3 rollouts are recorded for 4 workers"):
        dealt(Rollout(Recorded((1.0,)), 1.0), bare.tokens, 4)


@pytest.mark.parametrize(
    "text, line",
    [
        ("", "is empty"),
        ("tokens\n", "no row below"),
        ("token\n3\n", "row 1: no column 'tokens': did you mean 'token'"),
        ("tokens,start\n3,1\n", "row 1: no column 'finish'"),
        ("tokens\n-3\n", "row 2: tokens=-3 is no length"),
        ("tokens\nmany\n", "row 2: tokens='many' is no number"),
        ("tokens,seconds\n3,0\n", "row 2: seconds=0 is no duration"),
        ("tokens,start,finish\n3,5,4\n", "row 2: finish=4 is not after start=5"),
    ],
)
def test_bad_logs_are_one_line(tmp_path, text, line):
    with pytest.raises(ValueError, match=line) as error:
        read_rollouts(write(tmp_path, text))
    assert "\n" not in str(error.value)


FILE = """
seeds = [0]
step_sizes = [0.1]
stop = {updates = 2}
problem = {kind = "quadratic"}
methods.paced_pg = {batch_size = 2, max_age = 1, interrupt = "continue"}
"""


def loaded(tmp_path, table):
    (tmp_path / "x.toml").write_text(FILE + table)
    return scenario.load(tmp_path / "x.toml")


def test_scenarios_have_rollouts_slots_and_a_servers_time(tmp_path):
    found = loaded(
        tmp_path,
        """
[cluster]
workers = 4
update_seconds = 3
slot_speeds = [1.0, 0.75]
[cluster.compute]
distribution = "rollout"
lengths = {distribution = "pareto", minimum = 100, shape = 2}
seconds_per_token = 0.5
scale = "linear"
""",
    )
    cluster = found.cluster
    assert cluster.update_seconds == 3.0 and cluster.slot_speeds == (1.0, 0.75)
    assert cluster.compute[2] == Rollout(Pareto(100.0, 2.0), 1.5)
    assert found.methods["paced_pg"].rule == rules.Paced(2, 1, "continue")
    write(tmp_path, "tokens\n4\n8\n6\n")
    compute = '{distribution = "rollout", lengths = {recording = "log.csv"}, seconds_per_token = 1}'
    table = f"[cluster]\nworkers = 2\ncompute = {compute}"
    recorded = loaded(tmp_path, table)
    assert recorded.cluster == Cluster([Rollout(Recorded((4.0, 6.0)), 1.0), Rollout(Recorded((8.0,)), 1.0)])
    assert recorded.settings.cluster.compute.lengths.sha256
    restored = scenario.restore(recorded.settings.model_dump(mode="json"), "settings.json", tmp_path)
    assert restored.cluster == recorded.cluster
    assert simulate(methods.synchronous_pg(0.1), recorded.cluster, updates=3).updates["time"].tolist() == [8, 16, 24]
    for wrong, line in (
        (table.replace("log.csv", "no.csv"), "recording='no.csv'"),
        (table.replace("workers = 2", "workers = 9"), "3 rollouts are recorded for 9 workers"),
        (table.replace("workers = 2\n", ""), "workers is missing"),
        (table.replace("{recording", '{distribution = "rollout", recording'), "lengths"),
    ):
        with pytest.raises(scenario.ScenarioError, match=line):
            loaded(tmp_path, wrong)
