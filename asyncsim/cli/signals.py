"""What ends a command early: Ctrl-C, and SIGTERM, which is another Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .terminal import complain

PATIENCE = 2.0  # seconds, from the signal to the end of the process, whatever still computes
INTERRUPTED = {signal.SIGINT: 130, signal.SIGTERM: 143}  # exit statuses, as shells have them


@contextmanager
def ending_in_time(came: list[int], line: Callable[[], str]) -> Iterator[None]:
    """Signals are interrupts; and if that has not ended the process in time, it is ended as it is.

    came: where the exit statuses are put that the signals stand for. line: what is said where the process is ended.

    Nothing is lost by that: what is kept is kept in transactions, and results are written whole or not at all. A signal
    that whoever started the process has it ignore, as shells have background jobs of scripts ignore Ctrl-C, stays so.
    """
    timers: list[threading.Timer] = []

    def come(number: int, frame: object) -> None:
        came.append(INTERRUPTED[signal.Signals(number)])
        timer = threading.Timer(PATIENCE, _end, (came[-1], line))
        timer.daemon = True
        timer.start()
        timers.append(timer)
        raise KeyboardInterrupt

    here = threading.current_thread() is threading.main_thread()  # others may not have handlers
    before = {number: signal.getsignal(number) for number in INTERRUPTED} if here else {}
    kept = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in kept:
        signal.signal(number, come)
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
        for timer in timers:
            timer.cancel()


def _end(status: int, line: Callable[[], str]) -> None:
    if sys.stderr.isatty():
        print("\x1b[?25h", end="", file=sys.stderr)  # rows of progress hide the cursor
    complain(line())
    sys.stderr.flush()
    os._exit(status)
