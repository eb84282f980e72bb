"""Tables of what is optimised. JAX is imported when one is built.

They are written out here and not made from the problems' own signatures, because importing those takes JAX, which
loading a scenario does without. A test compares the two.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, Field, FiniteFloat, PrivateAttr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from ..base import Problem
from .errors import told
from .policies import StartTable
from .tables import Count, Index, ListOf, Table, tagged


def _number(value: Any) -> Any:
    if not isinstance(value, int | float):
        raise PydanticCustomError("float_type", "a number")
    if not math.isfinite(value):
        raise PydanticCustomError("finite_number", "a finite number")
    return value


def _float(value: Any) -> float:
    if isinstance(value, bool):
        raise PydanticCustomError("float_type", "a number")
    return float(value)


# What grows with a key: its value, how many numbers there are of it, and with which power of the value they grow.
Sizes = dict[str, tuple[int, float, float]]
OF_A_STEP, OF_A_PARAMETER = 12, 40  # numbers: of a lane's job, and of all lanes with what is made of them (measured)


def _weights(hidden: tuple[int, ...]) -> int:
    """Of a network, without those of its inputs and outputs."""
    return sum(hidden) + sum(before * after for before, after in zip(hidden, hidden[1:]))


Keyword = Annotated[Any, AfterValidator(_number)]  # as it stands in the file: true, 1 and 1.0 are not the same


class CriticTable(Table):
    """As in `Critic`.

    step_size: of its plain steps.
    gae_lambda: λ of generalised advantages; with 1 the policy's gradient is unbiased.
    hidden: widths of its tanh layers.
    running_mean: an exponential moving average instead of a network.
    """

    step_size: float = 0.01
    gae_lambda: float = 1.0
    hidden: Annotated[tuple[Count, ...], ListOf] = (64, 64)
    running_mean: bool = False


class EstimatorTable(Table):
    """As in `Estimator`.

    credit: what follows an action, discounted from the episode's start (the paper); all of the return; or discounted
        from the step, which is biased.
    baseline: what is subtracted.
    entropy: weight of a bonus for the policy's entropy, β.
    critic: a learned baseline.
    """

    credit: Literal["reward_to_go", "full_return", "reward_to_go_from_step"] = "reward_to_go"
    baseline: Literal["none", "leave_one_out"] = "none"
    entropy: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    critic: CriticTable | None = None

    def build(self) -> Any:
        """The estimator."""
        from ..rl.critics import Critic
        from ..rl.estimators import Estimator

        critic = None if self.critic is None else Critic(**self.critic.model_dump())
        return Estimator(**self.model_dump(exclude={"critic"}), critic=critic)


class PolicyGradientTable(Table):
    """As in `PolicyGradient`.

    kind: may be left out.
    environment: one of `asyncsim list`, "gymnasium/ID", "gymnax/NAME", or one of your own.
    engine: of MuJoCo's tasks, the C engine, or MJX for accelerators. Other environments have none but JAX.
    horizon: environment steps of a trajectory, H.
    discount: γ in [0, 1).
    hidden: widths of the policy's tanh layers.
    shared: the layers are shared by mean and standard deviation, where actions are continuous.
    tanh_correction: log-probabilities are of the action, not of u before tanh.
    evaluation_episodes: trajectories per evaluation, of each worker's environment.
    estimator: of ∇J.
    start_from: a policy that was kept, which training begins with.
    fields: replace fields of the environment, a number for all workers or one each. Of "gymnasium/ID" they are keywords
        of ``gymnasium.make``, also true and false.
    """

    kind: Literal["policy_gradient"] = "policy_gradient"
    environment: str
    engine: Literal["mujoco", "mjx"] = "mujoco"
    horizon: int
    discount: float
    hidden: Annotated[tuple[Count, ...], ListOf] = (64, 64)
    shared: bool = True
    tanh_correction: bool = False
    evaluation_episodes: int = 16
    estimator: EstimatorTable = EstimatorTable()
    start_from: StartTable | None = None
    fields: dict[str, Keyword | Annotated[tuple[Keyword, ...], ListOf]] = {}

    _start: np.ndarray | None = PrivateAttr(None)

    def started(self, folder: Path) -> PolicyGradientTable:
        """This table with the policy that training begins with. folder: of the scenario file. Raises ScenarioError."""
        if self.start_from is None:
            return self
        table, params = told("problem.start_from", self.start_from, self.start_from.read, folder)
        found = self.model_copy(update={"start_from": table})
        found._start = params
        return found

    @field_validator("fields")
    @classmethod
    def _floats(cls, fields: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        """What is built in computes with floats only; Gymnasium's, and one's own, take numbers as they are written."""
        if not re.fullmatch(r"[A-Za-z0-9]+-v\d+", f"{info.data.get('environment')}"):
            return fields
        return {key: tuple(map(_float, x)) if isinstance(x, tuple) else _float(x) for key, x in fields.items()}

    def sizes(self, workers: int) -> Sizes:
        """Of trajectories, and of the networks, whose widths are multiplied with each other."""
        steps, critic = OF_A_STEP * self.horizon, self.estimator.critic
        sizes: Sizes = {"horizon": (self.horizon, steps, 1)}
        sizes["evaluation_episodes"] = (self.evaluation_episodes, steps * self.evaluation_episodes, 1)
        for key, hidden in (("hidden", self.hidden), ("estimator.critic.hidden", critic.hidden if critic else ())):
            sizes[key] = (max(hidden, default=0), OF_A_PARAMETER * _weights(hidden), 1)
        return sizes

    def build(self, workers: int, own: Mapping[str, type] = {}) -> Problem:
        """The problem. workers: as many as there have to be environments, where their fields differ.

        own: environments by their names, beside those that are built in.
        """
        from ..problems import PolicyGradient
        from ..rl.environments import MUJOCO, make
        from ..rl.policies import MLP

        differing = {key: value for key, value in self.fields.items() if isinstance(value, tuple)}
        fields: dict[str, Any] = dict(self.fields)
        first = {key: next(iter(values), 0.0) for key, values in differing.items()}
        make(self.environment, own, **fields | first)  # its name, and the names of its fields
        if self.engine == "mjx":
            if self.environment not in MUJOCO:
                raise ValueError(
                    f"engine='mjx' is for MuJoCo's tasks, and {self.environment} is none, but runs on accelerators "
                    "as it is: leave engine out"
                )
            fields["engine"] = self.engine
        for key, values in differing.items():
            if len(values) != workers:
                raise ValueError(
                    f"fields.{key} has {len(values)} values for {workers} workers: give one number, or {workers}"
                )
        environments = [
            make(self.environment, own, **fields | {key: values[worker] for key, values in differing.items()})
            for worker in range(workers if differing else 1)
        ]
        return PolicyGradient(
            environment=environments if differing else environments[0],
            horizon=self.horizon,
            discount=self.discount,
            policy=MLP(self.hidden, self.shared, self.tanh_correction),
            evaluation_episodes=self.evaluation_episodes,
            estimator=self.estimator.build(),
            start=self._start,
        )


class GarnetTable(Table):
    """As in `TabularMDP.garnet`.

    states: S.
    actions: A.
    branching: successors of each state and action.
    seed: of the transitions and rewards.
    discount: γ in [0, 1).
    horizon: steps, H.
    init_scale: standard deviation of θ_0.
    own_rewards: each worker has rewards of its own.
    """

    kind: Literal["garnet"]
    states: int = 20
    actions: int = 4
    branching: int = 3
    seed: Index = 0
    discount: float = 0.9
    horizon: int = 50
    init_scale: float = 0.0
    own_rewards: bool = False

    def sizes(self, workers: int) -> Sizes:
        """Of the tables: P(s'|s, a), several times while it is made, and the rewards."""
        tables = 4 * self.states + (workers if self.own_rewards else 1)
        return {
            "actions": (self.actions, self.actions * tables, 1),
            "states": (self.states, self.states * self.actions * tables, 2),
            "horizon": (self.horizon, OF_A_STEP * self.horizon, 1),
        }

    def build(self, workers: int) -> Problem:
        """The problem. workers: as many as there have to be reward tables, if each has its own."""
        from ..problems import TabularMDP

        given = self.model_dump(exclude={"kind", "own_rewards"})
        return TabularMDP.garnet(**given, workers=workers if self.own_rewards else None)


class ChainTable(Table):
    """As in `TabularMDP.chain`.

    states: S.
    slip: probability to go the other way.
    small: reward at the left end.
    large: reward at the right end.
    discount: γ in [0, 1).
    horizon: steps, H.
    init_scale: standard deviation of θ_0.
    """

    kind: Literal["chain"]
    states: int = 5
    slip: float = 0.1
    small: FiniteFloat = 0.1
    large: FiniteFloat = 1.0
    discount: float = 0.9
    horizon: int = 50
    init_scale: float = 0.0

    def sizes(self, workers: int) -> Sizes:
        """Of P(s'|s, a), several times while it is made."""
        return {
            "states": (self.states, 16 * self.states**2, 2),
            "horizon": (self.horizon, OF_A_STEP * self.horizon, 1),
        }

    def build(self, workers: int) -> Problem:
        """The problem, which all workers share."""
        from ..problems import TabularMDP

        return TabularMDP.chain(**self.model_dump(exclude={"kind"}))


class QuadraticTable(Table):
    """As in `Quadratic`.

    dimension: d.
    noise: σ of one gradient, E‖ξ‖² = σ².
    scale: c, which multiplies the objective.
    """

    kind: Literal["quadratic"]
    dimension: int = 1000
    noise: float = 0.0
    scale: float = 1.0

    def sizes(self, workers: int) -> Sizes:
        """Of iterates."""
        return {"dimension": (self.dimension, OF_A_PARAMETER * self.dimension, 1)}

    def build(self, workers: int) -> Problem:
        """The problem, which all workers share."""
        from ..problems import Quadratic

        return Quadratic(**self.model_dump(exclude={"kind"}))


ProblemTable = tagged("kind", PolicyGradientTable, GarnetTable, ChainTable, QuadraticTable, default="policy_gradient")
