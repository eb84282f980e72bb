"""The whole file, and the tables of methods."""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import Callable, Collection
from typing import Annotated, Any, Literal

from pydantic import Field, FiniteFloat, InstanceOf, SerializeAsAny, create_model
from pydantic.json_schema import SkipJsonSchema

from .. import methods as paper_index
from ..base import Method, Problem, nearest
from ..engine import check_size
from .clusters import ClusterTable
from .errors import ScenarioError
from .own import Own
from .problems import PolicyGradientTable, ProblemTable
from .tables import Count, Distinct, Grid, ListOf, NotEmpty, Table, keys_of

MOST_SEEDS = 10_000
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Seeds = Annotated[tuple[Seed, ...], ListOf, NotEmpty, Field(max_length=MOST_SEEDS), Distinct]


class StopTable(Table):
    """When a run ends, as in `simulate`: whichever comes first.

    until: simulated seconds.
    updates: of the server.
    gradients: that updates have used.
    """

    until: float | None = None
    updates: int | None = None
    gradients: int | None = None


class AboutTable(Table):
    """What a scenario is for; of no effect, so that a claim can be added to results that are there.

    figure: what the outcome is called in tables.
    claim: in a sentence.
    claims: what of it a run decides, such as "rennala_nigt > afedpg, area".
    minutes: that a run takes on two cores, by preset.
    """

    figure: str = ""
    claim: str = ""
    claims: Annotated[tuple[str, ...], ListOf] = ()
    minutes: dict[str, FiniteFloat] = {}  # by preset


class MethodTable(Table):
    """What every method may have; its parameters are added from its function's signature.

    method: its function in `asyncsim.methods`; the label, where it is left out.
    step_sizes: its own grid of α, instead of the file's.
    tune: parameters with the values that are tried, beside the step sizes, on the tuning seeds.
    """

    method: str
    step_sizes: Grid | None = None
    tune: dict[str, Annotated[tuple[Any, ...], ListOf, NotEmpty, Distinct]] | None = None


class Settings(Table):
    """The file, with defaults filled in, and what was given with it: ``own``, which no file can hold.

    title: of tables and figures.
    about: what the scenario is for.
    quick: a preset: keys that are different in a look at the same within minutes.
    sweep: dotted keys with lists of values; the scenario is run at every combination.
    seeds: of training; every result is a mean over them.
    tuning_seeds: others, on which settings are tuned; without any, the best step size on ``seeds`` is reported.
    tuning: "grid" trains all settings to the end; "halving" stops the worse half again and again.
    tuned_for: the largest "return" over the last quarter of the time, or the shortest "time" to ``target_return``.
    step_sizes: the grid of step sizes, α, that are tried for each method.
    evaluate_every: gradients used between two evaluations.
    target_return: for the time to the target.
    stale: whether a job at an old point is cancelled when its round is full, or finished and ignored.
    stop: when a run ends.
    cluster: how long things take.
    problem: what is optimised.
    methods: by label; the label names the method, unless the table has ``method``.
    """

    title: str = ""
    about: AboutTable = Field(AboutTable(), exclude=True)  # not written with results
    quick: dict[str, Any] | None = Field(None, exclude=True)  # a preset: as these settings, but nothing is required
    sweep: dict[str, Any] | None = None  # dotted key: its values, once they are checked
    seeds: Seeds
    tuning_seeds: Seeds | None = None
    tuning: Literal["grid", "halving"] = "grid"
    tuned_for: Literal["return", "time"] = "return"
    step_sizes: Grid | None = None
    evaluate_every: Count = 300  # gradients used
    target_return: FiniteFloat | None = None
    stale: Literal["cancel", "finish"] = "cancel"
    stop: StopTable
    cluster: ClusterTable
    problem: ProblemTable
    methods: Annotated[dict[str, SerializeAsAny[dict[str, Any]]], NotEmpty]  # `MethodTable`s, once they are checked
    own: SkipJsonSchema[InstanceOf[Own] | None] = None

    def problem_for(self, workers: int) -> Problem:
        """What is optimised, as `PolicyGradientTable.build` and the others make it. Raises ValueError."""
        sizes = self.problem.sizes(workers)
        for key in sorted(sizes, key=lambda key: -sizes[key][0]):  # the largest is what is to be lowered
            value, numbers, power = sizes[key]
            check_size(key, value, 8 * numbers, power)
        if isinstance(self.problem, PolicyGradientTable) and self.own:
            return self.problem.build(workers, self.own.environments)
        return self.problem.build(workers)


def known_methods() -> dict[str, Callable[..., Method]]:
    """The functions of `asyncsim.methods`, by name."""
    functions = inspect.getmembers(paper_index, inspect.isfunction)
    return {name: f for name, f in functions if f.__module__ == paper_index.__name__}


def method_named(label: str, given: dict[str, Any], own: Own | None = None) -> Callable[..., Method]:
    """Which function a table [methods.LABEL] means. Raises ScenarioError."""
    known = known_methods() | (own.methods if own else {})
    name = given.get("method", label)
    if not isinstance(name, str) or name not in known:
        hint = nearest(str(name), list(known))
        key = f"methods.{label}.method={reprlib.repr(name)}" if "method" in given else f"methods.{label}"
        raise ScenarioError(f"{key} is no method: {hint}")
    return known[name]


def method_table(function: Callable[..., Method], workers: int, tuned: Collection[str] = ()) -> type[MethodTable]:
    """What a method's table may hold; ``workers`` need not be counted again, and what is tuned stands in ``tune``."""
    keys = keys_of(function)
    if "workers" in keys:
        keys["workers"] = int, workers
    own = {key: value for key, value in keys.items() if key != "step_size" and key not in tuned}
    return create_model(function.__name__, __base__=MethodTable, **own)
