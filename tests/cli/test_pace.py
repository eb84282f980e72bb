"""How long training will take is said once, and more than a day needs --yes."""

import signal
import threading
from unittest.mock import patch

import pytest

from asyncsim.cli import pace, run
from asyncsim.cli.signals import ending_in_time
from asyncsim.experiment.protocol import Progress
from asyncsim.scenario import ScenarioError


def looked(yes, *looks):
    """What is said of one part, looked at so many seconds after the first look, with so many updates done."""
    said, one = [], None
    for now, done, total in looks:
        with patch.object(pace, "monotonic", return_value=now):
            one = one or pace.Pace(said.append, yes)
            one.look("part", "afedpg", done, total)
    return said


def test_what_is_left_is_said_once_where_it_is_more_than_a_minute():
    looks = (0.0, 0, 10_000), (1.0, 10, 10_000), (20.0, 100, 10_000), (30.0, 150, 10_000)
    assert looked(False, *looks) == ["afedpg: 10000 updates of all seeds and step sizes, some 33 min left"]
    assert looked(False, (0.0, 0, 100), (20.0, 50, 100)) == []
    assert looked(False, (0.0, 9_000, 10_000), (20.0, 9_500, 10_000)) == []  # most was in the store
    assert looked(False, (0.0, 0, None), (20.0, 5, None)) == []


def test_more_than_a_day_needs_yes():
    looks = (0.0, 0, 10**6), (20.0, 100, 10**6)
    with pytest.raises(ScenarioError, match=r"afedpg: .* some 2.3 days: lower \[stop\], .* --yes"):
        looked(False, *looks)
    assert looked(True, *looks) == ["afedpg: 1000000 updates of all seeds and step sizes, some 2.3 days left"]


def test_a_signal_interrupts_and_one_that_is_ignored_stays_so():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    came = []
    with pytest.raises(KeyboardInterrupt), ending_in_time(came, str):
        signal.raise_signal(signal.SIGTERM)
    assert came == [143] and (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with ending_in_time(came, str):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before[1])
    assert came == [143]
    other = threading.Thread(target=lambda: ending_in_time(came, str).__enter__())
    other.start()
    other.join()
    assert signal.getsignal(signal.SIGTERM) == before[0]


class Alarm:
    """In the place of a timer."""

    def __init__(self, seconds, call, arguments):
        self.seconds, self.call, self.arguments, self.there = seconds, call, arguments, False

    def start(self):
        self.there = True
        ALARMS.append(self)

    def cancel(self):
        self.there = False


ALARMS = []


def test_what_takes_long_before_an_update_is_done_is_said(capsys, monkeypatch):
    """Also where stderr is no terminal, but only if nothing else was heard of it meanwhile."""
    monkeypatch.setattr(run, "Timer", Alarm)
    ALARMS.clear()
    with run.rows_of_progress() as show:
        show(Progress("ringleader_pg", {}, "waits"))
        show(Progress("ringleader_pg", {}, "simulates", 0, 9_000_000))
        show(Progress("ringleader_pg", {}, "schedules", 0, 4_000_000))
        assert [(alarm.there, alarm.seconds) for alarm in ALARMS] == [(False, 2.0), (True, 2.0)]
        ALARMS[-1].call(*ALARMS[-1].arguments)
        show(Progress("ringleader_pg", {}, "trains", 1, 3000))
        assert not ALARMS[-1].there
        show(Progress("ringleader_pg", {}, "schedules", 0, 4_000_000))
    assert len(ALARMS) == 3 and not ALARMS[-1].there
    assert capsys.readouterr().err == "ringleader_pg: schedules some 4e+06 gradients, which may take minutes\n"
