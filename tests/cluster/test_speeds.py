import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncsim.cluster import Diurnal, Markov, Outage, Phases, check_outages, stream

INF = math.inf


def speed_at(speed, t):
    """The definition, for an array of seconds; switches of a Markov speed are read off its pieces."""
    if isinstance(speed, Phases):
        return np.array([1.0, *speed.speeds])[np.searchsorted(speed.times, t, side="right")]
    if isinstance(speed, Diurnal):
        return np.where((t - speed.phase) % speed.period < speed.period / 2, 1.0, speed.low)
    speeds, switches = [], []
    for value, until in speed.pieces(0.0):
        speeds.append(value)
        switches.append(until)
        if until > t.max():
            return np.array(speeds)[np.searchsorted(switches, t, side="right")]


@st.composite
def phases(draw):
    times = sorted(draw(st.sets(st.floats(0, 100), max_size=6)))
    speeds = draw(st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0, 3.0]), min_size=len(times), max_size=len(times)))
    return Phases(times, speeds)


@st.composite
def diurnal(draw):
    period = draw(st.floats(0.5, 50))
    return Diurnal(period, draw(st.sampled_from([0.0, 0.25, 1.0])), draw(st.floats(0, 0.999)) * period)


markov = st.builds(
    lambda fast, slow, low, worker: Markov(fast, slow, low).realise(stream(11, worker, 1)),
    st.floats(0.5, 20),
    st.floats(0.5, 20),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.integers(0, 50),
)
speeds = st.one_of(phases(), diurnal(), markov)
seconds = st.floats(0, 120)
work = st.floats(0.01, 200)


@given(speeds, seconds, work)
def test_finish_solves_its_integral(speed, start, work):
    end = speed.finish(start, work)
    assert end > start
    if end == INF:
        assert isinstance(speed, Phases) and speed.speeds[-1] == 0
        end = max(start, speed.times[-1]) + 1
        t = np.linspace(start, end, 20_001)
        assert speed_at(speed, (t[1:] + t[:-1]) / 2).mean() * (end - start) < work * (1 + 1e-9) + 0.1
        return
    t = np.linspace(start, end, 20_001)
    value = speed_at(speed, (t[1:] + t[:-1]) / 2)  # the midpoint rule errs by one step at each switch
    switches = np.count_nonzero(np.diff(value))
    step = (end - start) / 20_000
    assert value.mean() * (end - start) == pytest.approx(work, rel=1e-9, abs=3 * (switches + 2) * step)


@given(speeds, seconds, work, work)
def test_finish_adds_up(speed, start, a, b):
    middle, once = speed.finish(start, a), speed.finish(start, a + b)
    twice = speed.finish(middle, b) if middle < INF else INF
    if once != pytest.approx(twice, rel=1e-9):
        # Only where a job ends within rounding of a standstill may the two ends lie on its two sides.
        nearly = speed.finish(start, (a + b) * (1 - 1e-9)), speed.finish(start, (a + b) * (1 + 1e-9))
        assert nearly[0] * (1 - 1e-9) <= twice <= nearly[1] * (1 + 1e-9)


@given(speeds, seconds, st.floats(0, 50), work, st.floats(0, 50))
def test_finish_ascends_with_start_and_with_work(speed, start, later, work, more):
    end = speed.finish(start, work)
    almost = 1 - 1e-12
    assert speed.finish(start + later, work) >= end * almost or end == INF == speed.finish(start + later, work)
    assert speed.finish(start, work + more) >= end * almost or end == INF == speed.finish(start, work + more)


@given(speeds, seconds)
def test_no_work_takes_no_time_and_endless_work_for_ever(speed, start):
    assert speed.finish(start, 0.0) == start and speed.finish(start, INF) == INF


@given(st.one_of(phases(), diurnal()), seconds)
def test_pieces_follow_one_another(speed, start):
    now = start
    for (value, until), _ in zip(speed.pieces(start), range(10)):
        if until > now:
            middle = (now + min(until, now + 1)) / 2
            if now < middle < until:
                assert speed_at(speed, np.array([middle]))[0] == value
        now = max(now, until)


def test_phases_by_hand():
    speed = Phases((10, 20, 30), (0.5, 0, 2))
    assert [speed.finish(0, w) for w in (4, 10, 15, 15.5, 17)] == [4, 10, 20, 30.25, 31]
    assert speed.finish(20, 1) == 30.5  # begun as it stops
    assert Phases((10,), (0,)).finish(0, 10) == 10 and Phases((10,), (0,)).finish(0, 10.5) == INF
    assert Phases((), ()).finish(3, 4) == 7
    assert Phases((0,), (0.5,)).finish(0, 4) == 8


def test_full_speed_is_exact():
    for speed in (Phases((5, 7), (1, 1)), Phases((1e9,), (0.1,))):
        assert speed.finish(0.1, 0.2) == 0.1 + 0.2


def test_diurnal_by_hand():
    speed = Diurnal(period=24, low=0.5)  # 18 seconds of work a day
    assert speed.mean == 0.75
    assert [speed.finish(0, w) for w in (6, 12, 13, 18, 19, 36, 180, 181)] == [6, 12, 14, 24, 25, 48, 240, 241]
    assert speed.finish(12, 6) == 24
    night_first = Diurnal(24, 0.5, phase=12)
    assert [night_first.finish(0, w) for w in (6, 7, 18)] == [12, 13, 24]
    asleep = Diurnal(24, 0)
    assert [asleep.finish(0, w) for w in (12, 12.5, 24, 24.5)] == [12, 24.5, 36, 48.5]
    assert asleep.finish(12, 1) == 25


def test_diurnal_need_not_walk_to_far_ends():
    assert Diurnal(24, 0.5).finish(0, 18e12) == 24e12
    assert Diurnal(1.0, 0.5).finish(0, 1e300) == pytest.approx(4 / 3 * 1e300)
    assert Diurnal(1.0, 0.5).finish(1e300, 1.0) == 1e300


def test_a_markov_speed_is_a_function_of_its_values_seed_and_worker():
    markov = Markov(3.0, 2.0, 0.2)
    ends = [markov.realise(stream(1, 4, 1)).finish(s, 5.0) for s in range(0, 2000, 7)]
    one = markov.realise(stream(1, 4, 1))
    assert [one.finish(s, 5.0) for s in reversed(range(0, 2000, 7))] == ends[::-1]
    other = markov.realise(stream(1, 5, 1))
    assert [other.finish(s, 5.0) for s in range(0, 2000, 7)] != ends


@pytest.mark.parametrize("markov", [Markov(3.0, 2.0, 0.2), Markov(0.5, 4.0, 0.0), Markov(10.0, 0.1, 0.5)], ids=str)
def test_the_long_run_mean_speed_is_within_four_standard_errors(markov):
    fast, slow, drop = markov.fast_seconds, markov.slow_seconds, 1 - markov.slow_speed
    share = slow / (fast + slow)
    assert markov.slow_share == pytest.approx(share)
    assert markov.mean == pytest.approx(1 - share * drop)
    span = 20_000 * (fast + slow)
    total = now = 0.0
    for speed, until in markov.realise(stream(2, 0, 1)).pieces(0.0):
        total += speed * (min(until, span) - now)
        now = until
        if now > span:
            break
    # The integral of the covariance drop² share (1 - share) exp(-|t| (1/fast + 1/slow)).
    variance = 2 * drop**2 * share * (1 - share) / (1 / fast + 1 / slow) / span
    assert abs(total / span - markov.mean) < 4 * math.sqrt(variance)


def test_markov_sojourns_and_starts_have_their_means():
    markov, runs = Markov(3.0, 1.0, 0.0), 4000
    slow_first, sojourns = 0, {0.0: [], 1.0: []}
    for worker in range(runs):
        pieces = markov.realise(stream(3, worker, 1)).pieces(0.0)
        first, now = next(pieces)
        slow_first += first == 0.0
        for speed, until in (next(pieces), next(pieces)):
            sojourns[speed].append(until - now)
            now = until
    assert abs(slow_first / runs - 0.25) < 4 * math.sqrt(0.25 * 0.75 / runs)
    for speed, mean in ((1.0, 3.0), (0.0, 1.0)):
        assert abs(np.mean(sojourns[speed]) - mean) < 4 * mean / math.sqrt(runs)


def test_a_markov_speed_refuses_endless_walks():
    course = Markov(1.0, 1.0, 0.5).realise(stream(0, 0, 1))
    for work in (1e12, 1e308):
        with pytest.raises(ValueError, match="switches: give less work, or longer fast_seconds"):
            course.finish(0.0, work)


def test_fixed_speeds_realise_themselves():
    for speed in (Phases((1,), (0.5,)), Diurnal(2.0, 0.5)):
        assert speed.realise(stream(0, 0, 1)) is speed


def test_speeds_are_values():
    for value in (Phases((1.0,), (0.5,)), Diurnal(2.0, 0.5, 1.0), Markov(1.0, 2.0, 0.5), Outage(1.0), Outage(1.0, 2.0)):
        twin = eval(repr(value), {**globals(), "inf": INF})
        assert twin == value and hash(twin) == hash(value)
    assert Phases([1], [2]) == Phases((1.0,), (2.0,))


def test_outages_are_put_in_order():
    late, crash, leaves = Outage(0, 5), Outage(7, 8), Outage(9)
    assert check_outages([leaves, late, crash]) == (late, crash, leaves)
    assert check_outages([]) == ()


def test_outages_that_touch_are_one():
    assert check_outages([Outage(2, 3), Outage(1, 2)]) == (Outage(1, 3),)
    assert check_outages([Outage(0, 1), Outage(1, 2), Outage(2)]) == (Outage(0),)


@pytest.mark.parametrize(
    "make, line",
    [
        (lambda: Phases((1, 2), (1,)), "speeds has 1 values for 2 times"),
        (lambda: Phases((2, 2), (1, 1)), "times[1]=2.0 is not after 2.0"),
        (lambda: Phases((-1,), (1,)), "times[0]=-1 is"),
        (lambda: Phases((1,), (-0.5,)), "speeds[0]=-0.5 is"),
        (lambda: Phases((1,), (math.nan,)), "speeds[0]=nan is"),
        (lambda: Phases(1, (1,)), "times=1 is not a list"),
        (lambda: Diurnal(0, 0.5), "period=0 is"),
        (lambda: Diurnal(1, 1.5), "low=1.5 is"),
        (lambda: Diurnal(1, 0.5, 1), "phase=1 is"),
        (lambda: Markov(0, 1, 0.5), "fast_seconds=0 is"),
        (lambda: Markov(1, INF, 0.5), "slow_seconds=inf is"),
        (lambda: Markov(1, 1, -1), "slow_speed=-1 is"),
        (lambda: Outage(-1), "down=-1 is"),
        (lambda: Outage(INF), "down=inf is"),
        (lambda: Outage(2, 2), "up=2 is"),
        (lambda: Outage(2, math.nan), "up=nan is"),
        (
            lambda: check_outages([Outage(3), Outage(0, 4)]),
            "outages=Outage(down=0.0, up=4.0), Outage(down=3.0, up=inf)",
        ),
        (lambda: check_outages([(1, 2)]), "outages: (1, 2) is no outage"),
    ],
)
def test_bad_arguments_are_named(make, line):
    with pytest.raises(ValueError) as error:
        make()
    assert str(error.value).startswith(line) and ": give" in str(error.value) and "\n" not in str(error.value)
