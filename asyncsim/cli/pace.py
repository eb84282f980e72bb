"""How long training will take, from how long its first seconds took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

LOOKS_AFTER = 10.0  # seconds
WORTH_SAYING, TOO_LONG = 60.0, 86400.0  # seconds that are left


@dataclass
class Pace:
    """Says once of each part how much is left of it, where that is more than a minute.

    say: shows a line. yes: however long it takes; else more than a day is refused.
    """

    say: Callable[[str], object]
    yes: bool
    begun: dict[Any, tuple[float, int]] = field(default_factory=dict)  # when, and with how many updates done
    said: set[Any] = field(default_factory=set)

    def look(self, part: Any, name: str, done: int, total: int | None) -> None:
        """A part is so far. Raises ScenarioError where it takes too long."""
        when, first = self.begun.setdefault(part, (monotonic(), done))
        took = monotonic() - when
        if total is None or part in self.said or took < LOOKS_AFTER or done <= first:
            return
        self.said.add(part)
        left = took * (total - done) / (done - first)
        if left > TOO_LONG and not self.yes:
            from ..scenario import ScenarioError

            raise ScenarioError(
                f"{name}: {total} updates of all seeds and step sizes would take some {in_words(left)}: lower [stop], "
                "give fewer seeds or step sizes, or go on with --yes, from where it is now"
            )
        if left > WORTH_SAYING:
            self.say(f"{name}: {total} updates of all seeds and step sizes, some {in_words(left)} left")


def in_words(seconds: float) -> str:
    """``25 min``, ``3.1 h``, ``12 days``."""
    for size, word in ((86400, "days"), (3600, "h")):
        if seconds >= 2 * size:
            return f"{seconds / size:.2g} {word}"
    return f"{seconds / 60:.0f} min"
