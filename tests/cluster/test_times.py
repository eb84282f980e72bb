import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from asyncsim.cluster import (
    Exponential,
    Fixed,
    Gamma,
    LogNormal,
    Pareto,
    Recorded,
    Straggling,
    Uniform,
    stream,
)
from asyncsim.cluster.times import Scaled

N = 100_000
INF = math.inf


class Mixture:
    """A share of the jobs has one law of SciPy's, the rest another."""

    def __init__(self, share, law, other):
        self.weighted = ((share, law), (1 - share, other))

    def mean(self):
        return sum(share * law.mean() for share, law in self.weighted)

    def var(self):
        return sum(share * law.moment(2) for share, law in self.weighted) - self.mean() ** 2

    def ppf(self, q):
        low, high = sorted(law.ppf(q) for _, law in self.weighted)
        if not low < high < INF:
            return high
        above = [(share, law.sf) for share, law in self.weighted]
        return optimize.brentq(lambda t: sum(share * sf(t) for share, sf in above) - (1 - q), low, high, rtol=1e-14)


# Each with SciPy's own word for it, made from the formulas of the docstrings.
RANDOM = {
    Exponential(2.0): stats.expon(scale=2.0),
    LogNormal(2.0, 0.5): stats.lognorm(0.5, scale=2.0 * math.exp(-0.125)),
    LogNormal(30.0, 1.5): stats.lognorm(1.5, scale=30.0 * math.exp(-1.125)),
    Gamma(2.0, 0.5): stats.gamma(0.5, scale=4.0),
    Gamma(2.0, 5.0): stats.gamma(5.0, scale=0.4),
    Pareto(1.0, 3.5): stats.pareto(3.5, scale=1.0),
    Pareto(0.5, 1.5): stats.pareto(1.5, scale=0.5),  # no variance
    Pareto(0.5, 0.8): stats.pareto(0.8, scale=0.5),  # no mean
    Straggling(2.8, 0.3, 0.1, 5.0): Mixture(
        0.1,
        stats.lognorm(0.3, scale=10.0 * math.exp(-0.045)),
        stats.lognorm(0.3, scale=2.0 * math.exp(-0.045)),
    ),
    Uniform(1.0, 4.0): stats.uniform(1.0, 3.0),
    Uniform(0.0, 2.0): stats.uniform(0.0, 2.0),
    Scaled(Exponential(2.0), 1.5): stats.expon(scale=3.0),
}
ALL = [*RANDOM, Fixed(3.0), Fixed(INF), Recorded((1.0, 5.0, 2.0))]
LEVELS = (0.01, 0.1, 0.5, 0.9, 0.99, 0.999)

random = pytest.mark.parametrize("time", RANDOM, ids=str)
every = pytest.mark.parametrize("time", ALL, ids=str)


@random
def test_mean_and_quantiles_are_those_of_the_distribution(time):
    law = RANDOM[time]
    assert time.mean == pytest.approx(law.mean())
    for q in (0.0, 1e-6, *LEVELS, 1 - 1e-9, 1.0):
        assert time.quantile(q) == pytest.approx(law.ppf(q), rel=1e-9, abs=1e-300), q


# Where the variance is infinite a sample mean has no standard error: of those, only the quantiles are tested.
@pytest.mark.parametrize("time", [time for time in RANDOM if RANDOM[time].var() < INF], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_the_sample_mean_is_within_four_standard_errors(time, seed):
    sample = time.draw(stream(seed, 0), N)
    assert abs(sample.mean() - time.mean) < 4 * math.sqrt(RANDOM[time].var() / N)


@random
@pytest.mark.parametrize("seed", range(3))
def test_sample_quantiles_are_within_four_standard_errors(time, seed):
    sample = time.draw(stream(seed, 1), N)
    for q in LEVELS:
        step = min(q, 1 - q) / 10
        slope = (time.quantile(q + step) - time.quantile(q - step)) / (2 * step)  # one over the density at the quantile
        error = math.sqrt(q * (1 - q) / N) * slope
        assert abs(np.quantile(sample, q) - time.quantile(q)) < 4 * error, q


def test_an_infinite_mean_is_told():
    assert Pareto(1.0, 1.0).mean == INF and Pareto(1.0, 0.5).mean == INF and Pareto(1.0, 2.0).mean == 2.0


@every
def test_draws_come_in_any_portions(time):
    whole = time.draw(stream(7, 3), 500)
    rng, parts, start = stream(7, 3), [], 0
    for count in (3, 2, 0, 1, 244, 250):
        parts.append(time.draw(rng, count, start))
        start += count
    assert whole.shape == (500,) and whole.dtype == np.float64
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@every
def test_times_are_values(time):
    twin = eval(repr(time), {**globals(), "inf": INF})
    assert twin == time and hash(twin) == hash(time)
    assert all(isinstance(q, float) and type(q) is float for q in (time.mean, time.quantile(0.5)))


def test_whole_numbers_are_seconds_too():
    assert Exponential(2) == Exponential(2.0) and repr(Exponential(2)) == "Exponential(mean=2.0)"
    assert Recorded([1, np.float32(2)]) == Recorded((1.0, 2.0))


positive = st.floats(min_value=1e-300, max_value=1e300)
numbers = st.floats(min_value=1e-3, max_value=1e300)
times = st.one_of(
    st.builds(Fixed, positive),
    st.builds(Exponential, positive),
    st.builds(LogNormal, positive, numbers),
    st.builds(Gamma, positive, numbers),
    st.builds(Pareto, positive, numbers),
    st.tuples(positive, positive).filter(lambda x: x[0] != x[1]).map(lambda x: Uniform(min(x), max(x))),
    st.builds(Straggling, positive, st.floats(1e-9, 100), st.floats(1e-9, 0.999), st.floats(1.001, 1e300)),
    st.builds(Recorded, st.lists(positive, min_size=1, max_size=5)),
)


@given(times, st.integers(0, 2**70), st.integers(0, 10**6))
def test_draws_are_never_negative_zero_or_nan(time, seed, worker):
    seconds = time.draw(stream(seed, worker), 50)
    assert seconds.shape == (50,) and (seconds > 0).all() and np.isfinite(seconds).all()


@pytest.mark.parametrize("u", [0.0, 1 - 2**-53])
@random
def test_the_ends_of_the_unit_interval_give_times_too(time, u):
    class Stuck:
        def random(self, count):
            return np.full(count, u)

    (seconds,) = time.draw(Stuck(), 1)
    assert 0 < seconds < INF


@given(times, st.floats(0, 1), st.floats(0, 1))
def test_quantiles_ascend(time, p, q):
    low, high = sorted((p, q))
    assert 0 <= time.quantile(low) <= time.quantile(high)


def test_streams_are_apart():
    keys = [(s, w, p) for s in (0, 1, 2**32, 2**64 + 5) for w in (0, 1, 2, 1000) for p in (0, 1, 2)]
    draws = {key: tuple(Exponential(1.0).draw(stream(*key), 4)) for key in keys}
    assert len(set(draws.values())) == len(keys)
    assert draws[1, 2, 0] == tuple(Exponential(1.0).draw(stream(1, 2), 4))
    samples = np.array([stream(5, worker).random(2000) for worker in range(20)])
    correlations = np.corrcoef(samples)[np.triu_indices(20, 1)]
    assert abs(correlations).max() < 4.5 / math.sqrt(2000)  # the largest of 190


def test_a_recording_goes_on_where_it_stopped_and_around():
    times = Recorded((1.0, 5.0, 2.0))
    assert times.draw(stream(0, 0), 7).tolist() == [1, 5, 2, 1, 5, 2, 1]
    assert times.draw(stream(0, 0), 4, start=5).tolist() == [2, 1, 5, 2]
    assert times.mean == pytest.approx(8 / 3)
    assert [times.quantile(q) for q in (0.0, 1 / 3, 0.34, 0.5, 2 / 3, 0.67, 1.0)] == [1, 1, 2, 2, 2, 5, 5]


@pytest.mark.parametrize(
    "make, line",
    [
        (lambda: Fixed(0), "seconds=0 is"),
        (lambda: Fixed(-1.5), "seconds=-1.5 is"),
        (lambda: Fixed(math.nan), "seconds=nan is"),
        (lambda: Fixed("1"), "seconds='1' is"),
        (lambda: Fixed(True), "seconds=True is"),
        (lambda: Fixed(None), "seconds=None is"),
        (lambda: Exponential(INF), "mean=inf is"),
        (lambda: LogNormal(0.0, 1.0), "mean=0.0 is"),
        (lambda: LogNormal(1.0, 0.0), "sigma=0.0 is"),
        (lambda: Gamma(1.0, -1.0), "shape=-1.0 is"),
        (lambda: Gamma(1.0, 1e-9), "shape=1e-09 is"),
        (lambda: Pareto(0.0, 1.0), "minimum=0.0 is"),
        (lambda: Pareto(1.0, math.nan), "shape=nan is"),
        (lambda: Uniform(-1.0, 1.0), "low=-1.0 is"),
        (lambda: Uniform(0.0, INF), "high=inf is"),
        (lambda: Uniform(2.0, 2.0), "high=2.0 is not above low=2.0"),
        (lambda: Straggling(0.0, 0.1, 0.1, 2.0), "mean=0.0 is"),
        (lambda: Straggling(1.0, 101.0, 0.1, 2.0), "sigma=101.0 is"),
        (lambda: Straggling(1.0, 0.1, 1.0, 2.0), "probability=1.0 is"),
        (lambda: Straggling(1.0, 0.1, 0.1, 1.0), "slowdown=1.0 is"),
        (lambda: Recorded(()), "seconds=() has no job"),
        (lambda: Recorded(3.0), "seconds=3.0 is not a list"),
        (lambda: Recorded((1.0, -2.0)), "seconds[1]=-2.0 is"),
        (lambda: Recorded((INF,)), "seconds[0]=inf is"),
        (lambda: Exponential(1.0).quantile(1.5), "q=1.5 is"),
        (lambda: Fixed(1.0).quantile(math.nan), "q=nan is"),
        (lambda: Recorded((1.0,)).quantile(-1), "q=-1 is"),
    ],
)
def test_bad_arguments_are_named(make, line):
    with pytest.raises(ValueError) as error:
        make()
    assert str(error.value).startswith(line) and ": give" in str(error.value) and "\n" not in str(error.value)


def test_importing_asyncsim_imports_neither_numpy_nor_scipy():
    code = "import sys, asyncsim.cluster; sys.exit(bool({'numpy', 'scipy', 'jax', 'simpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
