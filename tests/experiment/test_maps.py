"""Who is ahead where two quantities are swept."""

import numpy as np
import pandas as pd
import pytest

from asyncsim.experiment import compare, map_in_words, winners

AXES = ["kappa", "slow"]
TIMES = {  # (kappa, slow): the seconds of each method's three seeds
    (0.0, 1): {"a": [10.0, 11.0, 12.0], "b": [20.0, 22.0, 24.0], "c": [30.0, 33.0, 36.0]},
    (0.0, 9): {"a": [10.0, 11.0, 12.0], "b": [9.0, 12.0, 13.0], "c": [30.0, 33.0, 36.0]},
    (1.0, 1): {"a": [40.0, 44.0, 48.0], "b": [20.0, 22.0, 24.0], "c": [90.0, np.nan, np.nan]},
    (1.0, 9): {"a": [np.nan] * 3, "b": [20.0, 22.0, 24.0], "c": [np.nan] * 3},
    (5.0, 1): {"a": [np.nan] * 3, "b": [np.nan] * 3, "c": [np.nan] * 3},
    (5.0, 9): {"a": [np.nan] * 3, "b": [80.0, np.nan, 80.0], "c": [50.0, 51.0, 53.0]},
}


def measured(cells=TIMES):
    rows = [
        {"kappa": kappa, "slow": slow, "method": method, "seed": seed, "time": time, "area": -time}
        for (kappa, slow), methods in cells.items()
        for method, times in methods.items()
        for seed, time in enumerate(times)
    ]
    return pd.DataFrame(rows).assign(end=100.0, lowest=-100.0)


def test_the_winner_is_best_on_average_and_decided_against_every_other_one():
    cells = winners(measured(), AXES, "time")
    assert cells["winner"].tolist() == ["a", "a", "b", "b", "", "c"]
    assert cells["second"].tolist() == ["b", "b", "a", "a", "", "b"]
    assert cells["decided"].tolist() == [True, False, True, True, False, True]
    assert cells["at_least"].tolist() == [False, False, False, True, True, True]
    np.testing.assert_allclose(cells["ratio"][:4], [2, 34 / 33, 2, 300 / 66])  # what was not reached counts as the end
    pair = compare(measured(), AXES, [("a", "b")], ["time"]).iloc[0]
    assert cells.loc[0, ["difference", "low", "high"]].tolist() == pair[["difference", "low", "high"]].tolist()


def test_of_returns_there_is_a_difference_and_no_ratio():
    cells = winners(measured(), AXES, "area")
    assert cells["winner"].tolist()[:4] == ["a", "a", "b", "b"] and cells["ratio"].isna().all()
    assert cells["difference"].iloc[0] == 11.0 and not cells["at_least"].any()
    assert "times as fast" not in map_in_words(cells, AXES)


def test_one_seed_decides_nothing():
    one = measured().query("seed == 0")
    assert not winners(one, AXES, "time")["decided"].any()
    assert map_in_words(winners(one, AXES, "time"), AXES) == (
        "Of 6 cells, 5 are not decided, in 1 nobody reached the target."
    )


def test_a_sentence_says_who_is_ahead_where_and_what_is_not_decided():
    assert map_in_words(winners(measured(), AXES, "time"), AXES) == (
        "Of 6 cells, b is ahead in 2, a is ahead in 1, c is ahead in 1, 1 is not decided, "
        "in 1 nobody reached the target; "
        "b is at least 4.5 times as fast as the second best, at kappa 1, slow 9; "
        "along kappa the winner changes from a to b between 0 and 1 (slow 1), from b to c between 1 and 5 (slow 9)."
    )


@pytest.mark.parametrize("order", [1, -1])
def test_the_sentence_does_not_depend_on_the_order_of_the_cells(order):
    cells = winners(measured(dict([*TIMES.items()][::order])), AXES, "time")
    assert "from a to b between 0 and 1 (slow 1)" in map_in_words(cells, AXES)
