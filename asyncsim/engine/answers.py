"""What may be wrong with a rule: its answers, or that it waits for somebody who never comes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

from ..base import Clock, Decision, Rule, Ticket
from ..cluster import Cluster


class Stalled(ValueError):
    """The stop condition can never be met: nobody is left to wait for."""


class RuleError(ValueError):
    """A rule's answer to a ticket makes no sense: the line names the rule, the ticket, and what would do."""


def said_at(rule: Rule, asked: Ticket | float, what: str) -> str:
    """A line about a rule's answer to a ticket, or about what it wants when it is woken, at that second."""
    return f"{type(rule).__name__} at {asked if isinstance(asked, Ticket) else f'{asked:g} s'}: {what}"


GIVE = "return (what is held from now on, a Decision)"


def raised(error: Exception, rule: Rule, asked: Ticket | float) -> RuleError:
    """What to raise where a rule's own code raised an error."""
    return RuleError(said_at(rule, asked, f"{type(error).__name__}: {error}: {GIVE}"))


def checked(answer: Decision, rule: Rule, asked: Ticket | float, finished: int, clock: Clock) -> Decision:
    """The answer, if it is a decision that can be carried out. Raises RuleError.

    asked: the ticket, or the second at which the rule was woken. finished: how many jobs have ended.
    """
    weights: Any
    try:
        use, weights, start, wake = answer
    except (TypeError, ValueError):
        raise RuleError(said_at(rule, asked, f"{answer!r} is no Decision: {GIVE}")) from None
    wrong = unknown("use", use, finished, "finished job")
    if not wrong and start is not clock.workers:
        wrong = unknown("start", start, len(clock.workers), "worker")
    if not wrong and len(set(use)) < len(use):
        wrong = f"use={list(use)!r} has a job twice: give each once"
    if not wrong and not isinstance(weights, (float, Real)) and len(weights) != len(use):
        wrong = f"weights has {len(weights)} values for {len(use)} jobs: give one number, or as many"
    if not wrong and wake is not None:
        wrong = _impossible(wake, rule, asked, clock.now)
    if wrong:
        raise RuleError(said_at(rule, asked, wrong))
    return answer


def _impossible(wake: Any, rule: Rule, asked: Ticket | float, now: float) -> str:
    """Why the rule cannot be woken then; empty where it can."""
    if not hasattr(rule, "woken"):
        return f"wake={wake!r}, and there is no method woken: give the rule one that returns what receive does"
    if not (isinstance(wake, float | int) and now <= wake < math.inf):
        return f"wake={wake!r} is no second to come: give one that is not before {now!r}"
    if wake == asked:  # which would go on for ever
        return f"wake={wake!r} is the second at which it was woken: give a later one"
    return ""


def unknown(key: str, given: Sequence[int], known: int, what: str) -> str:
    """What is wrong with a list of numbers below ``known``; empty where nothing is."""
    try:
        if not len(given) or ((ordered := sorted(given))[0] >= 0 and ordered[-1] < known):
            return ""
        first = next(each for each in given if not 0 <= each < known)
        return f"{key} has {first!r}, which is no {what}: give some of 0 to {known - 1}"
    except TypeError:
        return f"{key}={given!r} is not a list: give the numbers of one {what} after another"


def never(rule: Rule, cluster: Cluster, absent: Sequence[int], key: str) -> str:
    """Why a stop condition cannot be met."""
    who = ", ".join(map(str, absent[:5])) + (", ..." if len(absent) > 5 else "")
    why = f"compute[{who}]=inf" if cluster.compute[absent[0]] == math.inf else f"outages of worker {who} never end"
    return (
        f"{why}: {type(rule).__name__} waits for worker {who} and {key}= can never be met; "
        "give finite seconds, or until="
    )
