"""Advice: what is tried, what a run of candidates says, and that predicted crossovers are there when one trains."""

import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from pages import check_tables

import asyncsim
from asyncsim import Cluster, methods
from asyncsim.cli import main
from asyncsim.cluster import Exponential, Jitter, Outage, Pareto
from asyncsim.experiment import advising, budget, crossovers
from asyncsim.experiment import candidates as making
from asyncsim.experiment.advice import Advice, measured_candidates, ranked
from asyncsim.experiment.candidates import CARTPOLE, Case, batch_sizes, candidates, read_case
from asyncsim.experiment.crossovers import Candidate, axes_of
from asyncsim.experiment.statistics import ratio_interval
from asyncsim.experiment.tuning import rank
from asyncsim.experiment.wording import in_words, problem_in_words
from asyncsim.problems import TabularMDP
from asyncsim.results import load_settings
from asyncsim.scenario import ScenarioError, load

SMALL = {"kind": "quadratic", "dimension": 3, "noise": 8.0}
CLUSTER = {"compute": [1.0, 1.0, 2.0], "communication": 0.1}


def case(cluster=CLUSTER, problem=SMALL, every=2):
    return Case(Path("made.toml"), cluster, problem, every)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


LABELS = {
    "rennala_nigt, M = 1": {"method": "rennala_nigt", "batch_size": 1},
    "rennala_nigt, M = 8": {"method": "rennala_nigt", "batch_size": 8},
    "afedpg": {},
}
TARGET = -0.1


def trained(store, cluster=CLUSTER, until=600.0, labels=tuple(LABELS)):
    keys = {"step_sizes": [0.0625], "seeds": [*range(6)], "target_return": TARGET, "stop": {"until": until}}
    tables = {label: LABELS[label] for label in labels}
    return asyncsim.run(case(cluster).scenario(tables, tuning="grid", **keys), store=store)


@pytest.fixture(scope="module")
def advice(store):
    return Advice.of(trained(store))


# ---- what is tried


def test_batch_sizes_follow_the_workers_and_the_network():
    assert batch_sizes(Cluster([1.0] * 10)) == (3, 5, 10, 20, 40, 80)
    assert batch_sizes(Cluster([1.0])) == (1, 2, 4, 8)
    assert batch_sizes(Cluster([1.0] * 10, 30.0)) == (3, 5, 10, 20, 40, 80, 160, 320)  # whose round computes for 32 s
    assert batch_sizes(Cluster([1.0] * 2, 1e9))[-1] == 128


def test_candidates_are_every_method_with_every_batch():
    made = candidates(case(), Cluster([1.0, 1.0, 2.0], 0.1), 0.25, 50.0, TARGET, 5, own=False)
    assert [*made.methods][-2:] == ["synchronous_nigt", "afedpg"] and "rennala_nigt, M = 6" in made.methods
    assert made.settings.tuned_for == "time" and made.settings.tuning == "halving"
    assert made.step_sizes["rennala_nigt, M = 3"] == tuple(2.0**-k for k in (5, 4, 3, 2, 1, 0, -1))
    assert made.step_sizes["afedpg"][3] == 0.125  # √3 times shorter
    assert not {*made.settings.seeds} & {*made.settings.tuning_seeds}
    tried = {"afedpg": {0.5, 0.25}, "rennala_nigt, M = 3": {1.0}}
    chosen = candidates(case(), Cluster([1.0, 1.0, 2.0], 0.1), 0.25, 50.0, TARGET, 40, own=False, tried=tried)
    assert chosen.step_sizes == {"rennala_nigt, M = 3": (1.0,), "afedpg": (0.25, 0.5)}
    assert chosen.settings.tuning == "grid" and len(chosen.settings.tuning_seeds) == 40
    leaves = CLUSTER | {"outages": [{"worker": 0, "down": 0.5}]}  # before it has done anything
    without = candidates(case(leaves), case(leaves).alone().cluster, 0.25, 50.0, TARGET, 5, own=True)
    assert "synchronous_nigt" not in without.methods and not any("malenia" in label for label in without.methods)


def test_what_it_reads(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text('title = "t"\n[cluster]\nworkers = 2\ncompute = "equal"\n')
    assert read_case(path).problem == CARTPOLE and read_case(path).alone().cluster == Cluster([1.0, 1.0])
    whole = Path(__file__).parents[2] / "experiments" / "quickstart.toml"
    assert read_case(path, whole).problem["hidden"] == [64, 64]
    assert read_case(whole).alone().cluster == load(whole).cluster
    assert read_case(path).notes == () and read_case(path, whole).target == 150.0
    (note,) = read_case(path, whole).notes
    assert note == (
        "Of quickstart.toml these are used: problem, evaluate_every, target_return; not used: seeds, step_sizes, stop, "
        "cluster, methods."
    )


def test_what_it_takes_of_a_whole_scenario(tmp_path):
    text = (Path(__file__).parents[2] / "experiments" / "quickstart.toml").read_text()
    path = tmp_path / "w.toml"
    path.write_text(f'stale = "finish"\n{text}')
    case = read_case(path)
    assert case.alone().settings.stale == "finish" and case.target == 150.0
    assert "cluster, stale, problem" in case.notes[0] and "stale" not in case.notes[0].partition("not used")[2]


@pytest.mark.parametrize(
    "text, line",
    [
        ("[clusters]\n", "clusters is not read here: give [cluster] and [problem]"),
        ("title = 'a'\n", "cluster is missing: give a table [cluster]"),
        ("[cluster\n", "not TOML"),
        ("[cluster]\ncompute = [1.0, 0.0]\n", "compute[1]=0.0 is no compute time"),
        ("[cluster]\ncompute = [1.0]\ncompute_unit = 'step'\n", "compute_unit='step'"),
        ("[cluster]\ncompute = [1.0]\n[problem]\nkind = 'chess'\n", "problem.kind='chess'"),
        ("cluster = 3\n", "cluster=3 is no table: give [cluster], and its keys below it"),
        ("[[cluster]]\n", "cluster=[{}] is no table: give [cluster]"),
        ("problem = 3\n[cluster]\ncompute = [1.0]\n", "problem=3 is no table: give [problem]"),
    ],
)
def test_what_it_does_not_read(tmp_path, text, line):
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(ScenarioError) as error:
        read_case(tmp_path / "c.toml")
    assert line in f"{error.value}" and "c.toml" in f"{error.value}"


def test_the_clusters_that_are_here_can_be_read():
    here = sorted((Path(__file__).parents[2] / "experiments" / "clusters").glob("*.toml"))
    assert len(here) == 6 and all(read_case(path).alone().cluster.workers >= 8 for path in here)


def test_tuned_for_time_needs_a_target():
    with pytest.raises(ScenarioError, match="tuned_for='time' needs tuning_seeds and a target_return"):
        case().scenario({"afedpg": {}}, step_sizes=[0.1], seeds=[0], stop={"updates": 1}, tuned_for="time")


def lanes(*returns):
    rows = [
        {"seed": seed, "time": float(t), "eval_return": value}
        for seed, own in enumerate(returns)
        for t, value in enumerate(own)
    ]
    return pd.DataFrame(rows)


def test_what_is_soon_there():
    fast, slow = lanes([0, 5, 5, 9], [0, 5, 5, 9]), lanes([0, 1, 5, 5], [0, 1, 5, 5])
    stuck = lanes([0, 9, 9, 9], [0] * 4)
    assert rank(fast, 3.0, 5.0)[0] == -1 and rank(slow, 3.0, 5.0)[0] == -2
    assert rank(stuck, 3.0, 5.0)[0] == -3  # the end instead of never
    assert rank(fast, 3.0, 5.0, share=0.5) > rank(slow, 3.0, 5.0, share=0.5) > rank(lanes([0, 1, 1, 1]), 3.0, 5.0, 0.5)
    almost = lanes([0, 4, 4, 4], [0, 4, 4, 4])
    assert rank(almost, 3.0, 5.0, share=0.5) > rank(stuck, 3.0, 5.0, share=0.5)  # no bargain
    assert rank(lanes([0, np.nan, 9, 9]), 3.0, 5.0, share=0.5)[0] == -np.inf


# ---- the budget


def test_numbers_are_round():
    assert [budget.round_number(x) for x in (1.0, 1.4, 19.9, 70.0, 0.0123)] == pytest.approx([1, 1, 15, 70, 0.01])
    up = [budget.round_number(x, up=True) for x in (1.0, 1.4, 20.1, 71, 990)]
    assert up == pytest.approx([1, 1.5, 30, 100, 1000])


def test_how_much_halving_trains():
    """Of 4 settings: all for a half, two of them to the end; then the best on the seeds."""
    assert budget.whole_lanes(4, tuning_seeds=3, seeds=5) == 3 * (4 * 0.5 + 2 * 0.5) + 5
    assert budget.whole_lanes(1, 3, 5) == 8


# ---- the answer


def test_the_table_says_what_the_run_has(advice):
    table, measured = advice.table.set_index("label"), advice.run.per_seed()
    assert len(table) == 3 and table["reached"].min() == 6
    for label, own in measured.groupby("method"):
        assert table.loc[label, "seconds"] == sorted(own["time"])[4]  # of six
        assert table.loc[label, "low"] <= sorted(own["time"])[4] <= table.loc[label, "high"]
    assert (table["seconds"].diff().dropna() >= 0).all() and table["verdict"].iloc[0] == "best"
    assert table["ratio"].to_list() == (table["seconds"] / table["seconds"].iloc[0]).to_list()
    decided = table.iloc[1:]
    assert ((decided["ratio_low"] > 1) == (decided["verdict"] == "slower")).all()
    assert np.isnan(table.loc["afedpg", "batch_size"]) and table.loc["rennala_nigt, M = 8", "batch_size"] == 8


def test_intervals_of_ratios():
    rng = np.random.default_rng(0)
    other = rng.uniform(1, 2, 40)
    low, high = ratio_interval(1.5 * other * rng.uniform(0.95, 1.05, 40), other)
    assert 1.42 < low < 1.5 < high < 1.58  # pairs vary little, though seeds do
    assert ratio_interval(3 * other, other) == pytest.approx((3, 3))
    assert np.isnan(ratio_interval(other[:1], other[:1])).all()


def test_of_seeds_that_are_not_there_the_end_is_a_lower_bound(store):
    whole = trained(store)
    times = whole.per_seed().groupby("method")["time"]
    best, fifth = min((sorted(own)[4], label) for label, own in times)[::-1]
    until = (fifth + times.max()[best]) / 2  # where the last one is still to come
    table = Advice.of(early := trained(store, until=until)).table.set_index("label")
    assert table["reached"][best] == 5 and table["seconds"][best] == fifth  # whatever the last one does
    assert "by 6 seeds, of which 1 did not come there" in in_words(Advice.of(early))[0]
    short = Advice.of(trained(store, until=0.99 * times.min().min()))
    assert (short.table["seconds"] == 0.99 * times.min().min()).all() and "No advice" in in_words(short)[0]


def test_who_was_left_behind_comes_last_as_it_was(store, advice):
    labels = [label for label in LABELS if label in advising._left(advice.table)]
    assert advice.best["label"] in labels and len({LABELS[label].get("method", label) for label in labels}) == 2
    (gone,) = (label for label in LABELS if label not in labels)
    assert advice.table.set_index("label")["verdict"][gone] == "slower"
    later = Advice.of(trained(store, labels=tuple(labels)), earlier=[advice.run])
    assert later.table["label"].iloc[-1] == gone and gone not in later.run.methods
    assert later.table.set_index("label").equals(advice.table.set_index("label").loc[[*later.table["label"]]])
    assert gone in {*later.predicted["label"]}


def test_step_sizes_beside_the_best_are_tried(store):
    """From one step size that is far too short, one octave after another, until the best has one on either side."""
    keys = {"seeds": [*range(6)], "tuning_seeds": [*range(10, 16)], "target_return": TARGET, "tuned_for": "time"}
    tried = {"afedpg": {2.0**-7}}
    for _ in range(9):
        table = {"afedpg": {"step_sizes": sorted(tried["afedpg"])}}
        found = asyncsim.run(case().scenario(table, stop={"until": 900.0}, tuning="grid", **keys), store=store)
        if not (further := advising._neighbours(ranked(found), tried)):
            break
        tried = {"afedpg": tried["afedpg"] | further["afedpg"]}
    best = found.tuned()["step_size"].iloc[0]
    assert {best / 2, 2 * best} < tried["afedpg"] and best > 2.0**-7 and Advice.of(found).at_the_edge == ()


def test_predictions_on_the_cluster_itself_are_what_was_measured(advice):
    here = advice.predicted[advice.predicted["factor"] == 1]
    assert {*here["axis"]} == {"communication", "slowest worker", "workers"}
    for row in here.itertuples():
        assert row.seconds == advice.table.set_index("label")["seconds"][row.label]


def test_training_on_both_sides_of_a_crossover(store):
    """Where κ makes the smaller M the first: on each side candidates are trained, and take what was predicted."""
    small, large = [*LABELS][:2]
    advice = Advice.of(trained(store, labels=(small, large)))
    crossing = advice.crossovers.query("axis == 'communication' and way == 'down'").iloc[0]
    assert (crossing["what"], crossing["label"], crossing["other"]) == ("M", large, small)
    assert crossing["before"] < crossing["other_before"] and crossing["after"] > crossing["other_after"]
    axis, some = axes_of(advice.run.scenario.cluster)[0], measured_candidates(advice.run)
    for factor, first, second in ((1.03, large, small), (1.0, small, large)):
        cluster = CLUSTER | {"communication": 0.1 * crossing["factor"] * factor}
        measured = Advice.of(trained(store, cluster, 1500.0, (small, large))).table.set_index("label")["seconds"]
        assert measured[first] < measured[second]
        said = crossovers.predicted(axis, some, crossing["factor"] * factor)
        for label in (small, large):
            assert measured[label] == pytest.approx(said[label], rel=1e-9)  # of the same gradients


def test_a_slower_worker_changes_who_contributes_and_no_more(store):
    """The gradients are others then; seconds are as predicted within their errors."""
    large = [*LABELS][1]
    some = measured_candidates(trained(store, labels=(large,)))
    changed = trained(store, CLUSTER | {"compute": [1.0, 1.0, 8.0]}, 1000.0, (large,)).per_seed()["time"]
    was = trained(store, labels=(large,)).per_seed()["time"]
    said = crossovers.predicted(axes_of(Cluster([1.0, 1.0, 2.0], 0.1))[1], some, 4.0)[large]
    error = changed.std() / 6**0.5 + was.std() / 6**0.5 * said / was.median()
    assert sorted(changed)[4] == pytest.approx(said, abs=4 * error) and sorted(changed)[4] != said


def test_changes_are_bracketed():
    assert crossovers._bracket([1, 10, 100], lambda x: True) is None
    inside, outside = crossovers._bracket([1, 10, 100], lambda x: x < 37)
    assert 37 / 1.02 < inside < 37 <= outside < 37 * 1.02


def test_a_greedy_method_is_not_predicted_with_much_older_gradients():
    cluster = Cluster([1.0, 1.5, 2.0], 0.1)
    greedy = Candidate("afedpg", methods.afedpg(0.1), (400, 500), delay=2.0)
    workers = [axis for axis in axes_of(cluster) if axis.name == "workers"][0]
    assert greedy.seconds(workers.at(1.0)) > greedy.seconds(workers.at(1.5)) > 0
    assert math.isnan(greedy.seconds(workers.at(10.0)))


def test_a_network_that_costs_nothing_begins_to_cost():
    axis = axes_of(Cluster([1.0, 3.0]))[0]
    assert axis.value(1.0) == 2.0 and not any(axis.at(0.0).kappas) and axis.factors["up"][:2] == [0.0, 0.001]


def test_what_has_no_finite_mean_is_left_out():
    endless = Pareto(1.0, 0.9)

    def names(*cluster):
        return [axis.name for axis in axes_of(Cluster(*cluster))]

    assert names([endless, endless]) == ["workers"]
    assert names([endless, endless], 0.5) == ["communication", "workers"]
    assert names([1.0, endless]) == ["communication", "slowest worker", "workers"]
    constant = Cluster([1.0], 0.0).network
    assert names([1.0], Jitter(constant, endless)) == ["slowest worker", "workers"]
    jittered = axes_of(Cluster([1.0], Jitter(constant, Exponential(0.25))))[0]
    assert jittered.name == "communication" and jittered.value(4.0) == 1.0


def test_what_the_answer_says_of_times_that_change(advice):
    line = "Speeds or outages depend on the second"
    assert not any(line in said for said in in_words(advice))
    endless = [Pareto(1.0, 0.9)] * 3
    cluster = replace(advice.run.scenario.cluster, compute=endless, outages={0: Outage(4.0, 5.0)})
    changed = replace(advice, run=replace(advice.run, scenario=replace(advice.run.scenario, cluster=cluster)))
    assert sum(line in said for said in in_words(changed)) == 1
    unchanged = "Not changed, for its times have no finite mean: the slowest worker's time per gradient."
    assert unchanged in in_words(changed) and unchanged not in in_words(advice)


def test_problems_in_words():
    problem = case(problem=CARTPOLE).alone().settings.problem
    assert problem_in_words(problem) == "CartPole-v1 (horizon 200, policy with 32 tanh units)"


def test_a_target_below_the_start_is_refused():
    curves = lanes([20, 30], [22, 40]).assign(step_size=0.5)
    found = SimpleNamespace(
        tuned=lambda: curves.assign(update=curves["time"]),
        timelines={"rennala_nigt": SimpleNamespace(end=1.0)},
        scenario=SimpleNamespace(path="made.toml"),
    )
    with pytest.raises(ScenarioError, match="made.toml: the return at θ_0 is 21, .* target=21 .* --target above 21"):
        advising._aim(found, 21.0, print)
    assert advising._aim(found, 25.0, lambda line: None).step_size == 0.5


def test_theory_is_left_out_where_no_time_is_left(advice):
    price, over = budget.Cost(1.0, 1.0), budget.Watch.of(1e-9)
    (line,) = advising._theory(
        advice, TabularMDP.garnet(states=3, actions=2, branching=2, discount=0.8, horizon=3), price, over
    )
    assert "Theory's best M is left out: measuring its constants takes about" in line
    (line,) = advising._theory(advice, advice.run.scenario.problem(), price, over)  # which costs nothing to say
    assert "Theory says no M here" in line


# ---- the command


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    """All of it, with few candidates and seeds."""
    few = ((advising, "PILOT_GRADIENTS", 200), (advising, "SEEDS", (3,)), (budget, "LONG_ENOUGH", 0.0))
    few += ((making, "batch_sizes", lambda cluster: (2, 4)), (crossovers, "STEPS", 3), (crossovers, "WORKERS", 2))
    for module, name, value in few:
        monkeypatch.setattr(module, name, value)
    problem = "[problem]\nkind = 'quadratic'\ndimension = 3\nnoise = 0.3\n"
    Path("c.toml").write_text(f"[cluster]\ncompute = [1.0, 2.0]\n{problem}")
    command = ["advise", "c.toml", "--minutes", "5", "--store", "store", "-o", "out"]
    assert main(command) == 0
    said = capsys.readouterr().out
    for words in ("Pilot:", "Target: a return of", "Candidates: 4 of method and M", "On the quadratic (dimension = 3"):
        assert words in said
    assert "another method is first at no value that was tried" in said and "η = 0.1" in said
    check_tables()
    assert "Theory says no M here: problem is a Quadratic" in said
    there = {path.name for path in Path("out").iterdir()}
    assert {"advice.csv", "advice.txt", "advice.png", "crossovers.csv", "curves.csv", "settings.json"} <= there
    for line in Path("out", "advice.txt").read_text().splitlines():
        assert line in said
    settings = load_settings("out")["scenario"]
    assert settings["tuned_for"] == "time" and settings["cluster"]["compute"] == [1.0, 2.0]
    again = Advice.of(asyncsim.Run.load("out", "."))
    assert f"{again.table['seconds'].iloc[0]:.4g} simulated seconds" in said

    Path("c.toml").write_text(Path("c.toml").read_text().replace("2.0]", "3.0]"))
    assert main(command) == 2
    assert "out holds other results: give --force" in capsys.readouterr().err
    assert json.loads(Path("out", "settings.json").read_text())["scenario"] == settings


def test_a_budget_is_positive():
    with pytest.raises(ScenarioError, match="minutes=0 is no budget: give minutes > 0"):
        advising.advise(case(), minutes=0)
