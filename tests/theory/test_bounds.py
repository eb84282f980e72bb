"""Predictions of theory for a scenario: against the engine, and as the command says them."""

import math
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import asyncsim
from asyncsim import Cluster, methods, theory
from asyncsim.cli import main
from asyncsim.cluster import Constant, Exponential, Jitter, Outage, ParameterServer, Pareto, Phases, equal, sqrt
from asyncsim.cluster.cluster import COLLECTIVES
from asyncsim.theory.prospects import bare, pace, prospects_of

simulate = partial(asyncsim.simulate, events=True)  # evidence for the theory, which closed forms use

times = st.lists(st.sampled_from([0.3, 0.5, 1.0, 1.5, 2.0, math.sqrt(2)]) | st.floats(0.1, 5), min_size=1, max_size=5)
kappas = st.sampled_from([0.0, 0.25, 1.0])
collecting = st.sampled_from(
    [
        methods.synchronous_pg(0.1, jobs_each=2),
        methods.m_synchronous_nigt(1, 0.1),
        methods.rennala_nigt(7, 0.1, initial_batch_size=12),
        methods.malenia_nigt(7, 0.1, initial_batch_size=3),
        methods.rennala_mvr(3, 0.1),
    ]
)
stops = st.fixed_dictionaries(
    {}, optional={"updates": st.integers(1, 8), "until": st.floats(0.5, 40), "gradients": st.integers(1, 60)}
).filter(bool)


@settings(max_examples=80)
@given(
    times, kappas | st.lists(st.floats(0, 3), min_size=5, max_size=5), collecting, stops, st.sampled_from(COLLECTIVES)
)
def test_collecting_methods_are_predicted_exactly(h, kappa, method, stop, collective):
    cluster = Cluster(h, kappa[: len(h)] if isinstance(kappa, list) else kappa, collective)
    timeline = simulate(method, cluster, **stop)
    updates, end = pace(method, bare(cluster)).at_stop(stop)
    assert updates == len(timeline.updates) and end == pytest.approx(timeline.end, rel=1e-9)


@settings(max_examples=40)
@given(times, kappas, st.sampled_from([methods.afedpg(0.1), methods.fedbuff_local(3, 0.1, 4, 0.1)]))
def test_greedy_methods_are_predicted_but_for_one_job_a_worker(h, kappa, method):
    cluster = Cluster(h, kappa)
    found = pace(method, bare(cluster))
    updates, end = found.at_stop({"updates": 300})
    late = simulate(method, cluster, updates=300).end - end
    assert updates == 300 and found.relation == "~"
    assert -1e-9 * end <= late <= (len(h) / found.gradients) * found.seconds * (1 + 1e-9)


@settings(max_examples=30)
@given(times, kappas, st.integers(1, 30))
def test_sending_every_gradient_costs_rennala(h, kappa, M):
    from asyncsim.base import Method
    from asyncsim.rules import Rennala

    method = Method("rennala", Rennala(M, communication="gradient"), methods.rennala_pg(1, 0.1).update)
    found, cluster = pace(method, bare(Cluster(h, kappa))), Cluster(h, kappa)
    assert found.at_stop({"updates": 3})[1] == pytest.approx(simulate(method, cluster, updates=3).end)


@settings(max_examples=30)
@given(times, kappas, st.sampled_from([methods.rennala_pg(9, 0.1), methods.malenia_pg(9, 0.1)]))
def test_stale_jobs_that_are_finished_stay_within_the_bound(h, kappa, method):
    found = pace(method, bare(Cluster(h, kappa)), "finish")
    end = simulate(method, Cluster(h, kappa), updates=5, stale="finish").end
    assert found.relation == "<=" and end <= found.at_stop({"updates": 5})[1] * (1 + 1e-9)


def test_workers_that_never_finish():
    cluster = bare(Cluster([1.0, math.inf]))
    assert pace(methods.malenia_pg(3, 0.1), cluster).computation == math.inf
    assert pace(methods.synchronous_pg(0.1), cluster).computation == math.inf
    assert np.isnan(pace(methods.synchronous_pg(0.1), cluster).at_stop({"updates": 2})).all()
    assert pace(methods.rennala_pg(3, 0.1), cluster).at_stop({"updates": 2}) == (2, 6.0)
    assert pace(methods.rennala_pg(3, 0.1), bare(Cluster([math.inf]))).computation == math.inf


def test_no_formula_is_no_number():
    cluster = bare(Cluster([1.0, 2.0]))
    for method in (methods.ringmaster_nigt(3, 0.1), methods.ringleader_pg(0.1)):
        assert math.isnan(pace(method, cluster).seconds)
    assert math.isnan(pace(methods.m_synchronous_nigt(1, 0.1), cluster, "finish").seconds)


def test_means_stand_for_distributions_and_say_so():
    network = Jitter(Constant(1.0), Exponential(0.5))
    found = bare(Cluster([Exponential(2.0), 3.0], network, collective="broadcast+reduce", transfer="both_ways"))
    assert found.h.tolist() == [2.0, 3.0] and found.round_kappa == 3.0 and found.gradient_kappa.tolist() == [3.0, 3.0]
    assert len(found.notes) == 2 and "means" in found.notes[0] and "jitter" in found.notes[1]
    assert pace(methods.rennala_pg(3, 0.1), found).relation == "~"
    assert "queue" in bare(Cluster([1.0], ParameterServer(0.0, 4.0, 1))).notes[0]
    assert bare(Cluster([1.0], 0.5)).notes == ()


@pytest.mark.parametrize(
    ("cluster", "line"),
    [
        (Cluster([1.0, Pareto(1.0, 0.9)]), r"cluster.compute\[1\]=Pareto.* has no finite mean, and the formulas take"),
        (Cluster([1.0], Jitter(Constant(0.0), Pareto(1.0, 1.0))), "cluster.communication.jitter=Pareto.* no finite"),
        (Cluster([1.0], speeds={0: Phases((1.0,), (0.5,))}), "cluster.speeds changes how long gradients take"),
        (Cluster([1.0], outages={0: Outage(1.0, 2.0)}), "cluster.outages changes how long gradients take"),
    ],
)
def test_where_no_number_stands_for_a_cluster(cluster, line):
    with pytest.raises(ValueError, match=line):
        bare(cluster)


def test_prospects_are_theorys():
    h, epsilon = sqrt(10), 0.1
    found = prospects_of(bare(Cluster(h, 2.0)), epsilon, measured=(59, 1108), batch_size=20)
    assert found.rows == {name: row(h, epsilon, 2.0) for name, row in theory.TABLE.items()}
    assert found.recommended == "rennala_nigt" and found.fastest_workers == theory.fastest_workers(h, epsilon**-1.5)
    assert found.best_batch_size == theory.best_batch_size(h, 2.0, epsilon, 1, 1, 1, 1)
    assert found.crossover == 0 and found.measured_crossover == theory.measured_crossover(h, 59, 5.0, 1108)
    assert prospects_of(bare(Cluster(h, 2.0)), epsilon, heterogeneous=True).recommended == "malenia_nigt"
    assert math.isnan(prospects_of(bare(Cluster(equal(3))), 1e-9).best_batch_size)
    own_kappas = prospects_of(bare(Cluster([1.0, 1.0], (1.0, 3.0))), epsilon).rows
    assert own_kappas["rennala_nigt"].communication == pytest.approx(300)  # of the slowest
    assert own_kappas["afedpg"].communication == pytest.approx(2000)  # of their mean


positive = st.floats(5e-324, np.finfo(float).max)
nonnegative = st.just(0.0) | positive


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(1e-3, 1e3) | positive, min_size=1, max_size=4),
    st.floats(0, 10) | nonnegative,
    positive,
    st.booleans(),
    st.tuples(nonnegative, positive, nonnegative, positive),
    st.none() | st.tuples(positive, positive),
)
def test_prospects_hold_for_all_floats(h, kappa, epsilon, heterogeneous, numbers, measured):
    constants = dict(zip(("sigma", "L_g", "L_h", "Delta"), numbers))
    try:
        found = prospects_of(bare(Cluster(h, kappa)), epsilon, heterogeneous, constants, None, measured)
    except ValueError as error:
        assert "\n" not in str(error) and "give" in str(error)
        assert max(h) > 1e300 or kappa > 1e300, error
        return
    totals = {name: row.total for name, row in found.rows.items()}
    assert not np.isnan([*totals.values()]).any()
    guaranteed = [f"{name}_pg" for name in ("synchronous", "malenia", "rennala")[: 2 if heterogeneous else 3]]
    guaranteed += ["malenia_nigt"] + ["rennala_nigt"] * (not heterogeneous)
    least = min(totals[name] for name in guaranteed)
    assert found.recommended in guaranteed and totals[found.recommended] * (1 - 1e-9) <= least + 2e-323
    assert 1 <= found.fastest_workers <= len(h) and found.crossover >= 0
    assert math.isnan(found.best_batch_size) or found.best_batch_size >= 1
    assert measured is None or found.measured_crossover >= 0


RATES = [  # gradients per second; d = 30498: Humanoid-v4 and the default policy
    (sqrt(10), sqrt(10), (2.45, 2.97, 3.53), 1.58, 2.51, 1.67),
    (sqrt(10), [30498**0.25 * kappa for kappa in sqrt(10)], (0.43, 0.62, 0.95), 0.22, 0.35, 0.18),
    (sqrt(100), sqrt(100), (1.43, 2.04, 3.12), 5.0, 9.29, 6.20),
]


@pytest.mark.parametrize("h, kappas, rennala, synchronous, one_way, both_ways", RATES)
def test_gradients_per_second(h, kappas, rennala, synchronous, one_way, both_ways):
    cluster = bare(Cluster(h, kappas))

    def gradients(method, cluster=cluster):
        return round(pace(method, cluster).rates[1], 2)

    assert tuple(gradients(methods.rennala_nigt(M, 0.1)) for M in (20, 30, 50)) == rennala
    assert gradients(methods.synchronous_nigt(0.1)) == synchronous
    assert gradients(methods.afedpg(0.1)) == one_way
    assert gradients(methods.afedpg(0.1), bare(Cluster(h, kappas, transfer="both_ways"))) == both_ways


def test_rates_of_what_makes_no_update_are_no_numbers():
    cluster = bare(Cluster([1.0, math.inf]))
    for method in (methods.synchronous_pg(0.1), methods.ringleader_pg(0.1)):
        assert np.isnan(pace(method, cluster).rates).all()
    assert pace(methods.rennala_pg(4, 0.1), cluster).rates == (0.25, 1.0)


# ---- the command

SCENARIO = """
title = "small"
seeds = [0]
step_sizes = [0.1]
[stop]
until = 60.0
[cluster]
compute = [1.0, 2.0]
communication = 0.5
[problem]
kind = "garnet"
[methods.rennala_nigt]
batch_size = 3
[methods.malenia_nigt]
batch_size = 3
[methods.ringleader_pg]
[methods.afedpg]
"""


@pytest.fixture
def scenario(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(SCENARIO)
    return "small.toml"


def rows_of(text):
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}


def test_the_command(scenario, capsys):
    assert main(["bounds", scenario, "--updates", "10", "60"]) == 0
    said = capsys.readouterr().out
    assert "small (stop: until = 60)" in said and "Seconds to E‖∇J‖ ≤ 0.1, constants and logs dropped" in said
    first, rest = said.split("Per simulated second")
    rates, second = rest.split("Seconds to")
    assert rows_of(rates)["method"] == ["updates", "gradients", "one_way", "both_ways", "contributors", "when_ready"]
    assert rows_of(rates)["rennala_nigt"] == ["0.4", "1.2", "1.2", "1", "1.2", "1.2"]  # 3 in 2 + 0.5, or 2 + 1
    assert rows_of(rates)["afedpg"] == ["1.07", "1.07", "1.07", "0.833", "1.07", "1.07"]  # 1/1.5 + 1/2.5
    assert rows_of(rates)["ringleader_pg"] == ["–"] * 6
    assert rows_of(first)["rennala_nigt"][:8] == ["2.5", "s", "2", "s", "0.5", "s", "3", "0.0%"]
    assert rows_of(first)["rennala_nigt"][8:] == ["24", "60", "s"]
    assert rows_of(first)["ringleader_pg"] == ["–"] * 7
    assert set(theory.TABLE) <= set(rows_of(second))
    total = theory.rennala_nigt([1.0, 2.0], 0.1, 0.5).total
    assert rows_of(second)["rennala_nigt"][-1] == f"{total:.4g}"
    assert "with a guarantee: rennala_nigt; the rows have no constants, and are no advice" in said
    assert "which are not measured, and 1 where they are not given: give --measured" in said
    assert "fastest workers that matter: 2 of 2" in said
    assert "best M of Rennala NIGT" in said and "0 s by the two rows" in said and "by measured updates" in said


def test_what_is_tuned_has_a_row_for_every_choice(scenario, capsys):
    tuned = SCENARIO.replace("seeds = [0]", "seeds = [0]\ntuning_seeds = [9]")
    Path(scenario).write_text(tuned.replace("[methods.rennala_nigt]\nbatch_size = 3", TUNE))
    assert main(["bounds", scenario]) == 0
    rates = capsys.readouterr().out.split("Per simulated second")[1].split("Seconds to")[0]
    found = {line.rpartition("=")[2].split()[0]: line.split()[3] for line in rates.splitlines() if "batch_size" in line}
    assert found == {"3": "1.2", "6": "1.33"}  # 3 in 2.5 s, 6 in 4.5 s


TUNE = "[methods.rennala_nigt.tune]\nbatch_size = [3, 6]"


@pytest.mark.parametrize("epsilon", ["5e-324", "1e-320", "1e-206", "1e-78", "1e78", "1e200", "1.7e308"])
@pytest.mark.parametrize("sigma", ["1", "0"])
def test_every_accuracy_has_an_answer(scenario, capsys, epsilon, sigma):
    assert main(["bounds", scenario, "--epsilon", epsilon, "--sigma", sigma]) == 0
    said = capsys.readouterr()
    assert said.err == "" and "nan" not in said.out
    assert f"with a guarantee: rennala_{'pg' if float(epsilon) > 1 else 'nigt'}" in said.out
    assert f"workers that matter: {1 if float(epsilon) > 1 else 2} of 2" in said.out


def test_workers_with_their_own_problems(scenario, capsys):
    Path(scenario).write_text(SCENARIO.replace('kind = "garnet"', 'kind = "garnet"\nown_rewards = true'))
    assert main(["bounds", scenario]) == 0
    assert "with a guarantee: malenia_nigt" in capsys.readouterr().out


def test_a_sweep_has_every_point(scenario, capsys):
    Path(scenario).write_text(SCENARIO + "\n[sweep]\ncluster.communication = [[0.5, 0.5], [4.0, 4.0]]\n")
    assert main(["bounds", scenario]) == 0
    assert capsys.readouterr().out.count("with a guarantee") == 2


BAD = [
    ("", "", ["--measured", "--sigma", "1"], "--measured measures the constants: leave out --sigma"),
    ("", "", ["--epsilon", "0"], "epsilon=0.0 is no accuracy: give a number > 0"),
    ("", "", ["--epsilon", "-1"], "epsilon=-1.0 is no accuracy: give a number > 0"),
    ("", "", ["--epsilon", "nan"], "epsilon=nan is no accuracy: give a number > 0"),
    ("", "", ["--epsilon", "small"], "'--epsilon'"),
    ("", "", ["--sigma", "-1"], "sigma=-1.0 is no noise level"),
    ("", "", ["--l-g", "0"], "L_g=0.0 is no smoothness constant"),
    ("", "", ["--gap", "inf"], "Delta=inf is no gap"),
    ("", "", ["--updates", "0", "5"], "updates=0.0 is no number of updates"),
    ("[1.0, 2.0]", "[1.0, 0.0]", [], "cluster.compute[1]=0.0"),
    ("[1.0, 2.0]", "[1.0, nan]", [], "cluster.compute[1]=nan"),
    ("[1.0, 2.0]", "[]", [], "compute=[] has no worker"),
    ("[1.0, 2.0]", '"sqrt"\nworkers = 0', [], "cluster.workers=0: give an integer >= 1"),
    ("communication = 0.5", "communication = nan", [], "communication=nan"),
    ("[stop]", "[[cluster.outages]]\nworker = 0\ndown = 1.0\nup = 2.0\n[stop]", [], "cluster.outages changes how long"),
]


@pytest.mark.parametrize(("old", "new", "options", "words"), BAD)
def test_bad_input_gets_one_line(scenario, capsys, old, new, options, words):
    Path(scenario).write_text(SCENARIO.replace(old, new))
    assert main(["bounds", scenario, *options]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("asyncsim: ") and said.err.count("\n") == 1
    assert words in said.err


def test_it_needs_no_jax(scenario):
    code = f"""
import sys
from asyncsim.cli import main
assert main(["bounds", {scenario!r}]) == 0
assert "jax" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_it_computes_for_less_than_a_second():
    cluster = Cluster(sqrt(1000), 1.0)
    pace(methods.rennala_nigt(500, 0.1), bare(cluster))
    start = time.process_time()
    found = bare(cluster)
    for method in (methods.rennala_nigt(500, 0.1), methods.malenia_nigt(500, 0.1), methods.afedpg(0.1)):
        pace(method, found).at_stop({"until": 1e6})
    prospects_of(found, 0.1, measured=(10, 300))
    assert time.process_time() - start < 1
