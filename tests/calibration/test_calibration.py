"""Logs that a known cluster made give it back: families, intervals, slow workers, drifts; held-out rounds are met."""

import doctest
import math
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from asyncsim.calibration import LEVEL, calibrate, checking, drift, families, fit_all, fits
from asyncsim.cluster import Exponential, Fixed, Gamma, LogNormal, Pareto, Straggling, Uniform, stream
from asyncsim.cluster.changes import copied
from asyncsim.logs import JobLog, Jobs, LogError

ROOT = Path(__file__).parents[2]
MADE = {
    families.EXPONENTIAL: Exponential(2.0),
    families.LOGNORMAL: LogNormal(2.0, 0.4),
    families.GAMMA: Gamma(2.0, 3.0),
    families.PARETO: Pareto(1.0, 3.0),
    families.STRAGGLING: Straggling(2.0, 0.15, 0.1, 4.0),
}
EXACT = (families.EXPONENTIAL, families.PARETO)  # other intervals hold for many jobs
CHANCE = 1e-5  # that a test fails of what is right, were it run with other seeds

every = pytest.mark.parametrize("family", MADE, ids=lambda family: family.component.__name__)


def few_resamples(monkeypatch, count=1):
    monkeypatch.setattr(fits, "RESAMPLES", count)
    monkeypatch.setattr(checking, "REPEATS", 3)


def made(*times, jobs, seed=0):
    """The log of a cluster with these times."""
    return JobLog("csv", "", tuple(Jobs(f"n{i}", time.draw(stream(seed, i), jobs)) for i, time in enumerate(times)))


@every
def test_intervals_cover_as_often_as_they_say(family):
    logs, jobs, truth = 250, 150, np.array(astuple(MADE[family]))
    seconds = MADE[family].draw(stream(1, 0), logs * jobs).reshape(logs, jobs)
    ends = family.interval(family.fit(seconds, None), seconds, LEVEL)
    covered = ((ends[..., 0] <= truth) & (truth <= ends[..., 1])).sum(0)
    slack = 0.0 if family in EXACT else 0.02
    low = stats.binom.ppf(CHANCE, logs, LEVEL - slack)
    high = stats.binom.isf(CHANCE, logs, LEVEL + slack)
    assert ((low <= covered) & (covered <= high)).all(), covered


@every
def test_parameters_are_those_of_the_greatest_likelihood(family):
    seconds = MADE[family].draw(stream(2, 0), 300)
    found = family.fit(seconds, None)

    def likelihood(parameters):
        support = family is not families.PARETO or parameters[0] <= seconds.min()
        return family.log_density(parameters, seconds).sum() if support else -math.inf

    for k in range(len(found)):
        for factor in (0.995, 1.005):
            other = found * np.where(np.arange(len(found)) == k, factor, 1.0)
            assert likelihood(other) <= likelihood(found) + 1e-3, (k, factor)


@every
def test_densities_and_probabilities_are_of_the_component(family):
    time, parameters = MADE[family], np.array(astuple(MADE[family]))
    t = np.array([time.quantile(q) for q in (0.1, 0.5, 0.88, 0.93, 0.99)])
    np.testing.assert_allclose(family.below(parameters, t), (0.1, 0.5, 0.88, 0.93, 0.99), rtol=1e-9)
    step = 1e-5 * t
    slope = (family.below(parameters, t + step) - family.below(parameters, t - step)) / (2 * step)
    np.testing.assert_allclose(np.exp(family.log_density(parameters, t)), slope, rtol=1e-5)
    assert family.names == tuple(vars(time))


@every
def test_the_family_is_found(family, monkeypatch):
    few_resamples(monkeypatch)
    found = fit_all([(f"n{i}", MADE[family].draw(stream(3, i), 100)) for i in range(8)])
    assert [type(each.time) for each in found] == [family.component] * 8


def test_a_worker_may_be_of_another_family_if_that_is_clear(monkeypatch):
    few_resamples(monkeypatch)
    times = [LogNormal(2.0, 0.2)] * 6 + [Straggling(2.0, 0.1, 0.1, 5.0), Exponential(2.0), Fixed(3.0)]
    found = fit_all([(f"n{i}", time.draw(stream(4, i), 120)) for i, time in enumerate(times)])
    assert [type(each.time) for each in found] == [type(time) for time in times]


def test_what_hardly_varies_is_fixed():
    rng = stream(5, 0)
    (fit,) = fit_all([("a", 3 * (1 + 0.004 * rng.random(50)))])
    assert isinstance(fit.time, Fixed) and fit.time.seconds == pytest.approx(3.006, abs=0.002)
    low, high = fit.intervals["seconds"]
    assert low < 3.006 < high and math.isnan(fit.p)
    (fit,) = fit_all([("a", np.full(9, 2.5))])
    assert fit.time == Fixed(2.5) and fit.intervals["seconds"] == (2.5, 2.5)


def test_p_is_uniform_where_the_family_is_right_and_small_where_none_is():
    count = 60
    found = fit_all([(f"n{i}", Exponential(2.0).draw(stream(6, i), 60)) for i in range(count)])
    for level in (0.1, 0.5):
        below = sum(each.p <= level for each in found)
        assert stats.binom.ppf(CHANCE, count, level) <= below <= stats.binom.isf(CHANCE, count, level)
    modes = np.concatenate([Uniform(k, k + 0.2).draw(stream(6, k), 40) for k in (1, 4, 9)])
    (fit,) = fit_all([("a", modes)])
    assert fit.p == 1 / (1 + fits.RESAMPLES) and fit.distance > 0.1


def test_bad_fits_are_named_in_long_logs_too():
    rng = stream(9, 0)
    bimodal = np.where(rng.random(6000) < 0.5, 1.0, 4.0) * rng.uniform(1.0, 1.2, 6000)
    found = calibrate(JobLog("csv", "", (Jobs("a", bimodal),)), held_out=0)
    assert [name for name, _ in found.poor] == ["a"] and len(found.fits[0].seconds) == 6000


def test_p_of_a_long_log_is_uniform_too(monkeypatch):
    monkeypatch.setattr(fits, "MOST", 30)
    count = 40
    found = fit_all([(f"n{i}", Exponential(2.0).draw(stream(10, i), 90)) for i in range(count)])
    below = sum(each.p <= 0.5 for each in found)
    assert stats.binom.ppf(CHANCE, count, 0.5) <= below <= stats.binom.isf(CHANCE, count, 0.5)


def test_slow_workers_and_drifts_are_found():
    time = Gamma(2.0, 30.0)
    log = made(*[time] * 8, Gamma(5.0, 30.0), time, jobs=90)
    slower = log.workers[9].seconds * np.linspace(1.0, 1.6, 90)
    starts = np.cumsum(slower) - slower
    found = calibrate(JobLog("csv", "", (*log.workers[:9], Jobs("n9", slower, starts))), held_out=0)
    ((name, times),) = found.slow_workers
    assert name == "n8" and times == pytest.approx(2.5, rel=0.1)
    ((name, change),) = found.drifting
    assert name == "n9" and change == pytest.approx(0.46, abs=0.2)  # of the median


def test_drifts_are_not_invented():
    logs = 400
    times = [Straggling(2.0, 0.1, 0.1, 5.0), LogNormal(2.0, 1.0), Exponential(1.0)]
    samples = (times[k % 3].draw(stream(7, k), 40) for k in range(logs))
    invented = sum(drift(Jobs("a", seconds), tests=1) != 0 for seconds in samples)
    assert invented <= stats.binom.isf(CHANCE, logs, fits.TREND)
    assert drift(Jobs("a", np.full(40, 2.0))) == 0 and drift(Jobs("a", np.arange(1.0, 9.0))) == 0  # too few
    small = 1 + 0.04 * np.arange(100) / 99
    assert drift(Jobs("a", small)) == 0 < drift(Jobs("a", small**2))


def test_held_out_rounds_are_met(monkeypatch):
    few_resamples(monkeypatch, 20)
    monkeypatch.setattr(checking, "REPEATS", 20)
    logs, met, errors = 8, 0, []
    for seed in range(logs):
        found = calibrate(made(LogNormal(1.0, 0.3), LogNormal(1.5, 0.3), Gamma(2.0, 4.0), jobs=120, seed=1000 + seed))
        rounds, jobs = found.check.itertuples()
        assert (rounds.what, rounds.count) == ("synchronous round", 40)
        assert jobs.what == "jobs" and 60 < jobs.count < 120
        for row in (rounds, jobs):
            assert row.error == row.predicted / row.observed - 1
            errors.append(row.error)
            met += row.low <= row.observed <= row.high
    assert met >= stats.binom.ppf(CHANCE, 2 * logs, 0.9)  # of twenty simulations, the ends are about the extremes
    assert abs(np.mean(errors)) < 5 * np.std(errors) / np.sqrt(logs) and max(map(abs, errors)) < 0.4


def test_observed_is_what_the_durations_say():
    held = [np.array([1.0, 2.0, 6.0]), np.array([3.0, 1.0])]
    rounds, jobs = checking.checked([[Fixed(2.0)], [Fixed(2.5)]], held).itertuples()
    assert (rounds.count, rounds.observed, rounds.predicted) == (2, (3 + 2) / 2, 2.5)
    assert (jobs.count, jobs.observed) == (4, 4.0)  # at 1, 3, 3 and 4
    assert jobs.predicted == 5.0 and jobs.low == jobs.high == 5.0  # at 2, 2.5, 4 and 5


def test_a_later_part_that_is_slower_shows_in_the_error(monkeypatch):
    few_resamples(monkeypatch)
    log = made(*[Gamma(2.0, 20.0)] * 4, jobs=90)
    slower = [Jobs(each.name, np.r_[each.seconds[:60], 2 * each.seconds[60:]]) for each in log.workers]
    found = calibrate(JobLog("csv", "", tuple(slower)))
    assert (found.check["error"] < -0.4).all() and len(found.drifting) == 4
    assert found.missed == ["synchronous round", "jobs"]
    nearly = JobLog("csv", "", (Jobs("a", np.r_[np.full(60, 2.0), np.full(30, 2.01)]),))
    assert calibrate(nearly).missed == []  # outside of an interval without a length, but as fixed as anything


def test_a_worker_with_nothing_held_out_cancels_no_check(monkeypatch):
    few_resamples(monkeypatch)
    log = made(Exponential(1.0), Exponential(2.0), jobs=40)
    short = Jobs("short", np.arange(1.0, 7.0))
    found = calibrate(JobLog("csv", "", (*log.workers, short)), held_out=0.1)
    assert found.unchecked == ("short",) and [len(fit.seconds) for fit in found.fits] == [36, 36, 6]
    assert found.check.equals(calibrate(log, held_out=0.1).check)
    assert calibrate(log, held_out=0).unchecked == ("n0", "n1")


@pytest.mark.parametrize("workers", [1, 2, 4, 5, 7, 8, 11])
def test_more_workers_are_of_the_same_kinds(workers):
    medians = [3.0, 1.0, 9.0, 2.0]
    copies = copied(medians, workers)
    counts = np.bincount(copies, minlength=4)
    assert len(copies) == workers and counts.max() - counts.min() <= 1
    assert copies[: min(4, workers // 4 * 4)] == tuple(range(4))[: workers // 4 * 4]
    assert copied(medians, 5)[4:] == (0,)  # the third by its median
    assert copied(medians, 6)[4:] == (2, 3)  # a fast and a slow one


def test_what_was_held_out_is_not_fitted(monkeypatch):
    few_resamples(monkeypatch)
    log = made(Exponential(1.0), jobs=30)
    changed = Jobs("n0", np.r_[log.workers[0].seconds[:20], np.full(10, 50.0)])
    one, two = (calibrate(JobLog("csv", "", (jobs,))) for jobs in (log.workers[0], changed))
    assert one.cluster == two.cluster and not one.check.equals(two.check)
    assert len(one.fits[0].seconds) == 20 and calibrate(log, held_out=0).check.empty


def test_workers_with_too_few_jobs_are_named(monkeypatch):
    few_resamples(monkeypatch)
    log = made(Exponential(1.0), Exponential(2.0), jobs=12)
    found = calibrate(JobLog("csv", "", (log.workers[0], Jobs("b", np.ones(5)))))
    assert found.too_few == ("b",) and found.cluster.workers == 1
    with pytest.raises(LogError, match="to: the most are 6, of which 2 are held out: give --held-out 0, or a lon"):
        calibrate(JobLog("csv", "", (Jobs("b", np.ones(6)),)))
    with pytest.raises(LogError, match="no worker has 5 jobs to be fitted to: the most are 4: give a longer log"):
        calibrate(JobLog("csv", "", (Jobs("b", np.ones(4)),)))
    with pytest.raises(LogError, match="held_out=1.0 is no share: give"):
        calibrate(log, held_out=1.0)
    with pytest.raises(LogError, match="workers=0 is no number of workers: give"):
        calibrate(log, workers=0)


@pytest.mark.parametrize("scale", [1e-9, 1e11])
def test_any_unit_will_do(scale, monkeypatch):
    few_resamples(monkeypatch)
    for time in MADE.values():
        seconds = time.draw(stream(8, 0), 60)
        (one,), (other,) = (fit_all([("a", factor * seconds)]) for factor in (1.0, scale))
        assert type(one.time) is type(other.time)
        assert other.time.quantile(0.9) == pytest.approx(scale * one.time.quantile(0.9), rel=1e-4)


@pytest.mark.parametrize(
    "seconds",
    [np.array([1.0, 1.0, 1.0, 1.0, 7.0]), np.array([1e-12, 1.0, 1.0, 2.0, 1e11]), np.repeat([5.0, 6.0], 20)],
    ids=["one is long", "far apart", "whole seconds"],
)
def test_odd_logs_are_fitted_somehow(seconds):
    (fit,) = fit_all([("a", seconds)])
    assert 0 < fit.p <= 1 and 0 < fit.distance < 1 and all(low <= high for low, high in fit.intervals.values())
    again = fit_all([("a", seconds)])[0]
    assert (again.time, again.p) == (fit.time, fit.p)


def test_the_guides_examples_run(monkeypatch):
    monkeypatch.chdir(ROOT)
    found = doctest.testfile(str(ROOT / "notebooks" / "from-a-log.md"), module_relative=False)
    assert found.attempted > 5 and not found.failed
