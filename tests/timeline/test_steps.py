"""Step functions of simulated time, by hand."""

import numpy as np
import pandas as pd
import pytest

from asyncsim.timeline.steps import mean_between, over_seeds, values_at

TIMES, VALUES = np.array([0.0, 2.0, 2.0, 8.0]), np.array([1.0, 5.0, 3.0, 7.0])


def test_a_value_stands_until_the_next():
    at = np.array([-1.0, 0.0, 1.9, 2.0, 7.9, 8.0, 99.0])
    assert values_at(TIMES, VALUES, at).tolist() == [1, 1, 1, 3, 3, 7, 7]  # at 2 the last of both


def test_means():
    assert mean_between(TIMES, VALUES, 0.0, 10.0) == pytest.approx((2 * 1 + 6 * 3 + 2 * 7) / 10)
    assert mean_between(TIMES, VALUES, 1.0, 4.0) == pytest.approx((1 * 1 + 2 * 3) / 3)
    assert mean_between(TIMES, VALUES, 9.0, 10.0) == mean_between(TIMES, VALUES, 8.0, 8.0) == 7
    assert mean_between(TIMES, VALUES, 0.0, 8.0) == pytest.approx((2 * 1 + 6 * 3) / 8)  # the last has no time to stand


def test_what_is_nan_for_no_time_does_not_count():
    assert mean_between(TIMES, np.array([1.0, np.nan, 3.0, np.nan]), 0.0, 8.0) == pytest.approx(20 / 8)
    assert np.isnan(mean_between(TIMES, np.array([1.0, np.nan, 3.0, np.nan]), 0.0, 8.1))


def test_seeds_that_are_evaluated_at_other_times():
    one = {"seed": 7, "update": [0, 1, 2], "time": [0.0, 1.0, 4.0], "eval_return": [0.0, np.nan, 2.0]}
    other = {"seed": 3, "update": [2, 0, 1], "time": [3.0, 0.0, 3.0], "eval_return": [30.0, 10.0, 20.0]}
    times, returns = over_seeds(pd.concat([pd.DataFrame(one), pd.DataFrame(other)]))
    assert times.tolist() == [0, 1, 3, 4]
    np.testing.assert_array_equal(returns, [[0, np.nan, np.nan, 2], [10, 10, 30, 30]])
