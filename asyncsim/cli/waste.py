"""What `run` and `simulate` say in the same words: what was wasted, and why a method made no update."""

from __future__ import annotations

WASTED = "wasted: share of computing time that went into cancelled and discarded gradients."


def say_without_update(console, runs) -> None:
    """A line for each method that made none, with what it takes. runs: method and timeline, by name."""
    for name, (method, timeline) in runs.items():
        if not len(timeline.updates):
            console.print(
                f"{name} made no update in {timeline.end:g} s: {_what_it_takes(method, timeline)}", soft_wrap=True
            )


def _what_it_takes(method, timeline) -> str:
    from math import isinf, isnan

    from ..theory.prospects import Pace, bare, pace

    try:
        found = pace(method, bare(timeline.cluster), timeline.stale)
    except ValueError:  # there is no formula for compute times that change
        found = Pace()
    if timeline.ending == "stalled" or isinf(found.computation):
        return "none can come, for it waits for workers that never finish; give them a finite cluster.compute"
    about = "about " * (found.relation == "~")
    takes = (
        "how long its first would take is not known"
        if isnan(found.first)
        else f"its first would take {about}{found.first:.2g} s"
    )
    return f"{takes}; give {'a smaller batch_size or ' * hasattr(method.rule, 'batch_size')}a longer stop.until"
