"""What memory cannot hold is refused before anything is there."""

import math
from unittest.mock import patch

import pytest

from asyncsim import Cluster, rules, simulate
from asyncsim.cluster import Exponential, Pareto, sqrt
from asyncsim.engine import memory

FREE = 2.0**30


@pytest.mark.parametrize(
    "rule, stop, line",
    [
        (
            rules.Greedy(),
            {"updates": 10**9},
            r"updates=1000000000 makes some 1e\+09 jobs, whose record takes 279 GiB, ",
        ),
        (rules.Rennala(20), {"gradients": 10**8}, r"gradients=100000000 makes some 2e\+08 jobs"),
        (rules.FedBuff(20), {"updates": 10**8, "until": 1e9}, r"updates=100000000 makes"),
        (rules.FedBuff(20), {"updates": 10**9, "until": 1e7}, r"until=10000000.0 makes some 3e\+07 jobs"),
        (rules.Synchronous(), {"until": 1e8}, r"until=100000000.0 makes some 2e\+08 jobs"),
        (rules.Deadline(5, 3.0), {"until": 1e8}, r"until=100000000.0 makes"),
    ],
)
def test_one_line_names_the_stop_condition_and_what_would_do(rule, stop, line):
    with patch.object(memory, "free_memory", return_value=FREE):
        with pytest.raises(ValueError, match=line) as error:
            simulate(rule, Cluster(sqrt(10), 1.0), **stop)
        key, most = str(error.value).partition("=")[0], float(str(error.value).rpartition(" ")[2])
        assert "1 GiB of memory are free: give at most some" in str(error.value)
        less = {name: most * 0.95 if name == key else value for name, value in stop.items()}
        stops = (less.get(each) for each in ("updates", "until", "gradients"))
        memory.check_memory(rule, Cluster(sqrt(10), 1.0), *stops)


@pytest.mark.parametrize("rule", [rules.Greedy(), rules.Rennala(30), rules.Synchronous(), rules.FedBuff(7)])
@pytest.mark.parametrize("stop", [{"updates": 200}, {"gradients": 2000}, {"until": 300.0}])
def test_the_estimate_is_near_what_comes(rule, stop):
    for cluster in (Cluster(sqrt(20), 0.5), Cluster([Exponential(2.0)] * 20, 0.5)):
        (key, value), timeline = *stop.items(), simulate(rule, cluster, **stop)
        jobs = memory._jobs(rule, cluster, key, value)
        assert 0.5 < jobs / len(timeline.jobs) < 4  # the slowest of 20 exponential times is 3.6 times their mean


def test_what_fits_is_not_asked_for():
    with patch.object(memory, "free_memory", side_effect=AssertionError):
        simulate(rules.Greedy(), Cluster([1.0, math.inf, Pareto(1.0, 0.5)]), updates=100, until=1e12)
    assert memory.free_memory() > 2**20


def test_nothing_is_said_where_nothing_is_known():
    memory.check_memory(rules.Rennala(3), Cluster([1.0, 2.0]), None, None, None)


@pytest.mark.parametrize("rule", [rules.Malenia(4), rules.Ringleader()])
def test_an_update_that_waits_for_a_worker_while_others_fill_the_memory_is_refused(rule):
    cluster = Cluster([1.0, 1.0, 1e12])
    with pytest.raises(ValueError, match=r"updates=3 makes some .* one update alone takes .*: give fewer gradients"):
        simulate(rule, cluster, updates=3)
    with pytest.raises(ValueError, match="updates=3"):
        memory.check_memory(rule, cluster, 3, None, None)
    assert len(simulate(rule, cluster, until=100.0).updates) == 0


def test_malenias_jobs_are_counted():
    """All that workers finish until the slowest has one."""
    cluster = Cluster([1.0, 2.0, 50.0])
    used = simulate(rules.Malenia(4), cluster, updates=1).counts()["used"]
    assert memory.jobs_of_an_update(rules.Malenia(4), cluster, None) == used == 50 + 25 + 1
    assert memory.jobs_of_an_update(rules.Malenia(4), Cluster([1.0, math.inf]), None) == 4
