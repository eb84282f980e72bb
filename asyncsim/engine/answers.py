"""What may be wrong with a rule: its answers, or that it waits for somebody who never comes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

from ..base import Answer, Decision, Rule, Ticket
from ..cluster import Cluster


class Stalled(ValueError):
    """The stop condition can never be met: nobody is left to wait for."""


class RuleError(ValueError):
    """A rule's answer to a ticket makes no sense: the line names the rule, the ticket, and what would do."""


def said_at(rule: Rule, ticket: Ticket, what: str) -> str:
    """A line about a rule's answer to a ticket."""
    return f"{type(rule).__name__} at {ticket}: {what}"


GIVE = "return (what is held from now on, a Decision)"


def checked(answer: Decision | Answer, rule: Rule, ticket: Ticket, workers: Sequence[int]) -> Decision:
    """The decision that was meant, when ``ticket.job`` is the newest of all jobs. Raises RuleError."""
    if isinstance(answer, Answer):
        return answer.decision(ticket)
    weights: Any
    try:
        use, weights, start = answer
    except (TypeError, ValueError):
        raise RuleError(said_at(rule, ticket, f"{answer!r} is no Decision: {GIVE}")) from None
    wrong = _unknown("use", use, ticket.job + 1, "finished job")
    if not wrong and start is not workers:
        wrong = _unknown("start", start, len(workers), "worker")
    if not wrong and len(set(use)) < len(use):
        wrong = f"use={list(use)!r} has a job twice: give each once"
    if not wrong and not isinstance(weights, (float, Real)) and len(weights) != len(use):
        wrong = f"weights has {len(weights)} values for {len(use)} jobs: give one number, or as many"
    if wrong:
        raise RuleError(said_at(rule, ticket, wrong))
    return answer


def _unknown(key: str, given: Sequence[int], known: int, what: str) -> str:
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
