"""Who is ahead, by how much, and whether that is more than chance: by hand, and against scipy."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from asyncsim.experiment import compare, per_seed, statistics, verdicts
from asyncsim.experiment.tuning import four_of_five
from asyncsim.scenario import Claim

NAN, INF = np.nan, np.inf


def lane(method, seed, times, returns):
    rows = {"method": method, "seed": seed, "step_size": 0.5, "update": range(len(times)), "time": times}
    return pd.DataFrame(rows | {"eval_return": [float(value) for value in returns]})


def ends(**seconds):
    return {label: SimpleNamespace(end=end) for label, end in seconds.items()}


def measured(a, b, measure="area", end=100.0, lowest=0.0):
    """As `per_seed` has it, of two methods with these values."""
    rows = [(label, seed, value) for label, values in (("a", a), ("b", b)) for seed, value in enumerate(values)]
    return pd.DataFrame(rows, columns=["method", "seed", measure]).assign(end=end, lowest=lowest)


def compared(a, b, measure="area", **options):
    return compare(measured(a, b, measure, **options)).to_dict("records")[0]


def test_a_curve_is_measured_up_to_the_common_end():
    curves = pd.concat(
        [
            lane("a", 0, [0, 2, 9.5, 12], [1, 3, 7, 100]),  # the common end is at 10
            lane("a", 1, [0, 5], [0, 8]),
            lane("b", 0, [0, 8], [2, 4]),
            lane("b", 1, [0, 1, 10, 11], [-6, -2, -8, 9]),
        ]
    )
    found = per_seed(curves, ends(a=20.0, b=10.0), target=4.0)
    assert list(found.columns) == ["method", "seed", "final", "area", "time", "end", "lowest"]
    assert list(zip(found["method"], found["seed"])) == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    assert found["area"].tolist() == pytest.approx([(2 * 1 + 7.5 * 3 + 0.5 * 7) / 10, 4.0, 2.4, (-6 - 9 * 2) / 10])
    assert found["final"].tolist() == pytest.approx([(0.5 * 3 + 0.5 * 7), 8.0, 4.0, -2.0])  # from 9 to 10
    assert found["time"].tolist()[:3] == [9.5, 5.0, 8.0] and np.isnan(found["time"].iloc[3])  # at 11 it is too late
    assert set(found["end"]) == {10.0} and set(found["lowest"]) == {-8.0}
    assert "time" not in per_seed(curves, ends(a=20.0, b=10.0))


def test_each_method_counts_at_its_tuned_step_size():
    short = lane("a", 0, [0, 1], [0, 1])
    found = per_seed(pd.concat([short, short.assign(step_size=0.25, eval_return=5.0)]), ends(a=1.0))
    assert found["area"].tolist() == [5.0]


def test_a_lane_that_diverged():
    curves = pd.concat(
        [
            lane("a", 0, [0, 5], [1, NAN]),
            lane("a", 1, [0, 5, 6], [1, -INF, 3]),
            lane("a", 2, [0, 10], [1, NAN]),  # at the very end
            lane("b", 0, [0], [-4]),
        ]
    )
    found = per_seed(curves, ends(a=10.0, b=10.0), target=2.0)
    np.testing.assert_array_equal(found["area"], [NAN, NAN, 1, -4])
    np.testing.assert_array_equal(found["final"], [NAN, 3, 1, -4])
    np.testing.assert_array_equal(found["time"], [NAN, 6, NAN, NAN])
    assert set(found["lowest"]) == {-4.0}


def test_differences_by_hand():
    row = compared([3, 5, 1], [1, 2, 2])
    assert (row["method"], row["other"], row["measure"]) == ("a", "b", "area")
    assert (row["difference"], row["ahead"], row["seeds"]) == (pytest.approx(4 / 3), 2 / 3, 3)
    assert row["low"] <= 0 <= row["high"]
    spread = np.std([2, 3, -1], ddof=1)
    assert row["seeds_to_decide"] == np.ceil((1.959963984540054 * spread / (4 / 3)) ** 2) == 10
    flipped = compared([1, 2, 2], [3, 5, 1])
    assert flipped["difference"] == -row["difference"] and flipped["ahead"] == 1 / 3
    assert (flipped["low"], flipped["high"]) == pytest.approx((-row["high"], -row["low"]))


def test_pairs_are_of_the_same_seed_whatever_the_order():
    frame = measured([1, 2, 3], [0, 1, 2])
    shuffled = pd.concat([frame[3:][::-1], frame[:3]])
    assert compare(shuffled, pairs=[("a", "b")])["difference"].item() == 1.0
    assert compare(shuffled, pairs=[("a", "b")])["low"].item() == 1.0  # in each seed


def test_a_time_is_better_when_it_is_shorter_and_one_that_was_not_reached_counts_as_the_end():
    row = compared([10, 20, NAN, NAN], [30, NAN, 40, NAN], "time", end=100.0)
    assert row["difference"] == np.mean([20, 80, -60, 0]) and row["ahead"] == 0.5
    assert compared([100.0], [NAN], "time", end=100.0)["ahead"] == 1.0  # at the very end, but reached


def test_what_diverged_counts_as_the_lowest_return_and_ranks_below_it():
    row = compared([-4, 2, NAN, NAN], [NAN, NAN, -1, NAN], lowest=-4.0)
    assert row["difference"] == np.mean([0, 6, -3, 0]) and row["ahead"] == 0.5
    nothing = compared([NAN, NAN], [NAN, NAN], lowest=NAN)
    assert (nothing["difference"], nothing["low"], nothing["ahead"]) == (0, 0, 0)


@pytest.mark.parametrize("seeds", [2, 3, 5, 20])
@pytest.mark.parametrize("size", [1.0, 1e-200, 1e200])
def test_intervals_are_scipys(seeds, size):
    differences = np.random.Generator(np.random.Philox(seeds)).normal(0.5, 1.0, seeds)
    rng = np.random.Generator(np.random.Philox(0))
    wanted = stats.bootstrap((differences,), np.mean, confidence_level=0.95, method="BCa", rng=rng).confidence_interval
    low, high = statistics.interval(differences * size)
    assert (low / size, high / size) == pytest.approx((wanted.low, wanted.high))
    assert statistics.interval(differences) == statistics.interval(differences)
    low, high = statistics.interval(differences)
    assert differences.min() <= low < differences.mean() < high <= differences.max()


def test_where_there_is_no_interval_or_it_is_a_point():
    assert np.isnan(statistics.interval(np.array([3.0]))).all()
    assert statistics.interval(np.array([3.0, 3.0])) == (3.0, 3.0)
    assert statistics.interval(np.zeros(4)) == (0.0, 0.0)
    low, high = statistics.interval(np.array([0.1 + 0.2, 0.3, 0.3]))
    assert low == high == pytest.approx(0.3)


def test_by_when_four_of_five_are_there():
    assert [four_of_five(np.arange(1, n + 1)) for n in (1, 2, 5, 6, 10, 40)] == [1, 2, 4, 5, 8, 32]
    values = np.append(np.arange(1.0, 40.0), 1e6)
    low, high = statistics.seconds_interval(values)
    assert 24 < low < 32 < high < 40  # one that never comes changes nothing
    assert np.isnan(statistics.seconds_interval(values[:1])).all()


def test_its_intervals_hold_it_as_often_as_they_say():
    rng, true = np.random.default_rng(0), np.exp(0.8416)
    ends = np.array([statistics.seconds_interval(rng.lognormal(0.0, 1.0, 40)) for _ in range(100)])
    assert 0.88 <= ((ends[:, 0] <= true) & (ends[:, 1] >= true)).mean() <= 0.99


def test_how_many_seeds_would_tell_a_ratio_from_1():
    tell = statistics.seeds_to_tell
    assert tell(2.0, 1.0, 4.0, 10) == 11  # it has just been told
    assert tell(2.0, 0.5, 8.0, 10) == 40  # an interval twice as wide takes four times as many
    assert tell(0.5, 1 / 8, 2.0, 10) == 40
    assert tell(1.0, 0.5, 2.0, 10) == INF and np.isnan(tell(2.0, np.nan, np.nan, 1))


def test_how_many_seeds_would_decide():
    decide = statistics.seeds_to_decide
    assert decide(np.array([-1.0, 3.0])) == np.ceil((1.96 * 8**0.5) ** 2) == 31
    assert decide(np.array([1.0, 1.1, 1.2])) == 4  # at least one more
    assert decide(np.array([-1.0, 1.0])) == INF and np.isnan(decide(np.array([1.0])))
    assert decide(np.array([1.0, -1.0, 1e-300])) > 1e300
    assert np.isnan(compared([1, 2], [0, 0])["seeds_to_decide"])  # it is decided
    # at that many, with the same mean and spread, the normal interval is just above 0
    differences = np.array([-1.0, 0.0, 4.0, 3.0, -2.0])
    n, spread = decide(differences), differences.std(ddof=1)
    assert 1.96 * spread / n**0.5 <= differences.mean() < 1.96 * spread / (n - 1) ** 0.5


A_B = Claim("a", "b", "area")


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        ([3, 4, 5], [1, 1, 2], "reproduced"),
        ([1, 1, 2], [3, 4, 5], "opposite"),
        ([3, 4, 5], [1, 1, 9], "undecided"),
        ([3, 4], [3, 4], "undecided"),
        ([3, 4], [2, 3], "reproduced"),  # by the same in each seed
        ([3], [1], "undecided"),  # one seed, no interval
        ([3, 4, 5], [NAN, NAN, NAN], "reproduced"),
        ([3, 4, NAN], [1, 1, 1], "undecided"),
    ],
)
def test_verdicts_follow_the_data(a, b, verdict):
    row = verdicts(measured(a, b), [A_B]).to_dict("records")[0]
    assert (row["claim"], row["verdict"], row["seeds"]) == ("a > b, area", verdict, len(a))
    assert np.isfinite(row["low"]) == (len(a) > 1)


def test_all_pairs_measures_and_points():
    swept = pd.concat([measured([1, 2], [0, 0]).assign(kappa=kappa, final=kappa) for kappa in (0.1, 10.0)])
    third = swept[swept["method"] == "a"].assign(method="c", area=9.0)
    frame = compare(pd.concat([swept, third]), ["kappa"])
    assert list(frame.columns) == ["kappa", *statistics.COMPARED] and len(frame) == 2 * 3 * 2
    assert frame.loc[frame["kappa"] == 10.0, ["method", "other"]].drop_duplicates().to_numpy().tolist() == [
        ["a", "b"], ["a", "c"], ["b", "c"],
    ]  # fmt: skip
    found = verdicts(swept, [A_B, Claim("b", "a", "area")], ["kappa"])
    assert list(found.columns[:3]) == ["claim", "kappa", "verdict"]
    assert found["verdict"].tolist() == ["reproduced", "reproduced", "opposite", "opposite"]
    assert found["kappa"].tolist() == [0.1, 10.0, 0.1, 10.0]
    assert verdicts(swept, [], ["kappa"]).empty and compare(measured([1], [2])[:1]).empty


def test_at_each_point_of_a_sweep_the_end_is_that_of_its_methods():
    point = pd.concat([lane("a", 0, [0, 4], [0, 1]), lane("b", 0, [0], [0])])
    curves = pd.concat([point.assign(kappa=kappa) for kappa in (1.0, 2.0)])
    timelines = {(kappa, label): SimpleNamespace(end=8.0 * kappa) for kappa in (1.0, 2.0) for label in "ab"}
    found = per_seed(curves, timelines, ["kappa"]).query("method == 'a'")
    assert found["area"].tolist() == [0.5, 0.75] and found["end"].tolist() == [8.0, 16.0]
