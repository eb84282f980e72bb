"""What the curves say."""

import numpy as np
import pandas as pd
import pytest
from made_curves import CURVES, TINY, history, own

from asyncsim import Cluster, experiment, methods, simulate
from asyncsim.experiment.summaries import bounds_to_target
from asyncsim.scenario import load


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return load(path)


@pytest.fixture
def timelines(scenario):
    return {label: scenario.simulate(label) for label in scenario.methods}


def test_the_tuned_step_size_is_best_over_the_last_quarter():
    """Of the time: the last of these returns stands for none of it."""
    returns = {0.1: [[9, 9, 9, 9, 9, 9, 1, 1, 9]] * 2, 0.2: [[0, 0, 0, 0, 0, 0, 1, 3, 0]] * 2}
    assert set(experiment.tuned(history("a", returns))["step_size"]) == {0.2}
    for late in ([9, np.nan], [np.nan, 9], [9, np.inf]):
        returns[0.3] = [[0, 0, 0, 0, 0, 0, 9, *late], [9] * 9]  # diverged with one seed: last
        assert set(experiment.tuned(history("a", returns))["step_size"]) == {0.2}
    returns[0.3] = [[np.nan] * 6 + [9] * 3, [9] * 9]  # it was over before
    assert set(experiment.tuned(history("a", returns))["step_size"]) == {0.3}


def test_evaluations_count_by_how_long_they_stand():
    """Whenever they were: 8 s of one, 2 s of the other."""
    one = history("a", {0.1: [[0, 0, 5, 1, 1]]}).assign(time=[0, 1, 30, 38, 40])
    other = history("a", {0.2: [[0, 0, 4, 4, 4]]}).assign(time=[0, 1, 30, 38, 40])
    assert set(experiment.tuned(pd.concat([one, other]))["step_size"]) == {0.1}
    equal = history("a", {0.1: [[1.0]], 0.2: [[1.0]]})
    assert set(experiment.tuned(equal)["step_size"]) == {0.1}  # the smaller
    assert len(experiment.tuned(history("a", {0.1: [[np.nan]], 0.2: [[np.nan]]}))) == 1


def test_each_method_is_tuned_by_itself_in_the_order_given():
    curves = pd.concat([history("z", {0.1: [[1.0]], 0.2: [[2.0]]}), history("a", {0.1: [[2.0]], 0.2: [[1.0]]})])
    rows = experiment.tuned(curves)
    assert list(zip(rows["method"], rows["step_size"])) == [("z", 0.2), ("a", 0.1)]


def test_the_summary(timelines):
    rennala, afedpg = experiment.summarise(CURVES, timelines, target=5.0).to_dict("records")
    # A round: 3 gradients in 2 s, (2, 1, 0) of them. Each update but the last cancels the third worker's job, and the
    # one that the first worker has begun at this very instant.
    counts = timelines["rennala_nigt"].counts()
    assert (counts["used"], counts["cancelled"], counts["discarded"]) == (12, 3, 0)
    assert rennala == {
        "method": "rennala_nigt",
        "step_size": 0.25,
        "first_return": 0.0,
        "final_return": 7.25,
        "time_to_target": 4.5,
        "end": 8.0,
        "updates": 4,
        "gradients": 12,
        "wasted_share": 0.25,  # the third worker computes for 8 s in vain, but the last 2 s are not over: 6 of 24
        "max_delay": 0,
    }
    assert afedpg["step_size"] == 0.25 and np.isnan(afedpg["time_to_target"])
    assert (afedpg["updates"], afedpg["gradients"], afedpg["wasted_share"]) == (4, 4, 0)
    assert np.isnan(experiment.summarise(CURVES, timelines)["time_to_target"]).all()


def test_updates_at_one_instant_do_not_hide_each_other():
    timeline = simulate(methods.afedpg(0.1), Cluster([1.0, 1.0]), updates=2)
    curves = history("afedpg", {0.1: [[0, 1, 7]]}).assign(time=[0.0, 1.0, 1.0])
    assert experiment.summarise(curves, {"afedpg": timeline}, target=5.0)["time_to_target"].item() == 1.0


def test_whom_a_method_serves(timelines):
    assert experiment.by_worker(CURVES, timelines) is None
    frame = experiment.by_worker(own(CURVES), timelines).set_index(["method", "worker"])
    assert frame.index.tolist() == [(label, worker) for label in ("rennala_nigt", "afedpg") for worker in range(3)]
    # (2, 1, 0) gradients in a round of 3; arrivals at 1, 2, 2 and 3 s, of workers 0, 0, 1 and 0
    assert frame["weight"].tolist() == pytest.approx([2 / 3, 1 / 3, 0, 3 / 4, 1 / 4, 0])
    rennala = frame.loc["rennala_nigt"]
    assert rennala["final_return"].tolist() == [8.25, 1.0, 0.5]
    assert rennala["low"].tolist() == pytest.approx([7.5, 1.0, 0.2])
    assert rennala["high"].tolist() == pytest.approx([9.0, 1.0, 0.8])


def test_a_point_of_a_sweep_where_worlds_do_not_differ(timelines):
    swept = pd.concat([CURVES.assign(own=False), own(CURVES).assign(own=True)], ignore_index=True)
    swept = swept[["own", *swept.columns.drop("own")]]
    keys = {(value, label): timelines[label] for value in (False, True) for label in timelines}
    frame = experiment.by_worker(swept, keys, ["own"])
    assert list(frame.columns[:3]) == ["own", "method", "worker"] and frame["own"].all() and len(frame) == 6


def test_seeds_may_be_evaluated_at_other_times():
    """Each stands where it was evaluated last, also where its own world was, and it need not have as many updates."""
    timeline = simulate(methods.afedpg(0.1), Cluster([1.0, 1.0]), updates=2)
    rows = {"method": "afedpg", "step_size": 0.1, "seed": [0, 0, 1, 1, 1], "update": [0, 1, 0, 1, 2]}
    rows |= {"time": [0.0, 4.0, 0.0, 1.0, 2.0], "eval_return": [0.0, 8.0, 2.0, 4.0, 6.0]}
    curves = pd.DataFrame(rows).assign(eval_return_0=lambda frame: frame["eval_return"])
    row = experiment.summarise(curves, {"afedpg": timeline}, target=3.0).to_dict("records")[0]
    assert (row["first_return"], row["final_return"], row["time_to_target"]) == (1.0, 7.0, 2.0)
    assert experiment.by_worker(curves, {"afedpg": timeline})["final_return"].tolist() == [7.0]


def test_bounds_to_the_target():
    """The updates that were there, times 2 min_m (Σ 1/h_i)⁻¹ (M + m) + κ; of rules that have no bound, none."""
    cluster = Cluster([1.0, 1.0, 100.0], 0.5)
    every = {"rennala_nigt": methods.rennala_nigt(4, 0.1), "afedpg": methods.afedpg(0.1)}
    timelines = {label: simulate(method, cluster, updates=10) for label, method in every.items()}
    third = timelines["rennala_nigt"].updates["time"][2]
    summary = pd.DataFrame({"method": [*every], "time_to_target": [third, 3.0]})
    (row,) = bounds_to_target(summary, every, timelines, ()).itertuples()
    assert row.method == "rennala_nigt" and row.bound == pytest.approx(3 * (2 * min(5, 6 / 2, 7 / 2.01) + 0.5))
    assert row.bound >= third
    nowhere = summary.assign(time_to_target=np.nan)
    assert bounds_to_target(nowhere, every, timelines, ()).empty
