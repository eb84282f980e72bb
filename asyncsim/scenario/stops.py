"""Whether a run of a method on a cluster can meet a scenario's stop condition."""

from __future__ import annotations

from ..base import Method
from ..cluster import Cluster
from ..engine import RuleError, Stalled, check_memory, check_start, check_update
from .errors import ScenarioError, within
from .settings import Settings


def check_stop(settings: Settings, label: str, method: Method, cluster: Cluster) -> None:
    """A run that ends at its first update meets the same checks of the stop condition as the whole run.

    label: of the method. Raises ScenarioError for a stop condition that makes no sense, or more jobs than memory holds.
    """
    until = None if settings.cluster.compute_unit == "step" else settings.stop.until
    try:
        check_update(method.rule, cluster.slowed(method.work), until if until is None or until > 0 else None)
    except ValueError as error:
        raise ScenarioError(f"methods.{label}.{error}") from None
    stop = settings.stop.model_dump(exclude_none=True)
    least = {key: value if key == "until" else min(value, 1) for key, value in stop.items()}
    if "until" in least:
        least.setdefault("updates", 1)
    try:
        check_start(method, cluster, settings.stale, **least, seed=settings.cluster.seed)
        slowed = cluster.slowed(method.work)
        check_memory(method.rule, slowed, settings.stop.updates, until, settings.stop.gradients)
    except Stalled as error:
        raise ScenarioError(within("cluster", settings.cluster, error)) from None
    except RuleError:
        raise  # about the rule
    except ValueError as error:
        raise ScenarioError(within("stop", settings.stop, error)) from None
