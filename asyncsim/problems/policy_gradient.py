"""Policy gradient on environments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..base import Evaluation, JobStats, Update
from ..rl.critics import ValueNetwork
from ..rl.environments import make
from ..rl.estimators import Estimator
from ..rl.gymnasium import side_by_side, wrapped
from ..rl.policies import MLP, PolicyNetwork
from ..rl.rollout import log_probs, rollout, weighted_gradient
from ..rl.spaces import Box, Discrete, Environment
from ..updates.beside_policy import BesidePolicy
from .offers import hessian_product, local_steps, two_gradients

CRITIC = 1  # folded into the key of θ_0


@dataclass(frozen=True, eq=False)
class Parameters:
    """θ as a value, shape (d,), float64: equal to others with the same numbers, so that one program serves both."""

    values: np.ndarray

    def __post_init__(self):
        self.values.flags.writeable = False

    def __eq__(self, other):
        return isinstance(other, Parameters) and self.values.tobytes() == other.values.tobytes()

    def __hash__(self):
        return hash(self.values.tobytes())


@dataclass(frozen=True)
class PolicyGradient:
    """Maximise J(θ) = E Σ_{t<H} γ^t r_t over the policy's parameters. (arXiv 2509.24305, sections 1 and 5)

    environment: one environment (or its Gymnasium id; or one with Gymnasium's API, which is copied, or a function that
        makes one) for all workers, or a list with one per worker, of the same class with different fields. Then
        J = (1/n) Σ J_i, and evaluation averages over the workers' environments.
    horizon: H, steps. discount: γ in [0, 1).
    policy: its neural network. estimator: of ∇J, from trajectories.
    evaluation_episodes: trajectories per evaluation (and per worker's environment); returns are undiscounted sums
        of rewards over H steps.
    start: θ_0 for all seeds, shape (d,), a critic's parameters may follow; None: each seed draws its own.
    """

    environment: Environment | str | Callable[[], Any] | Sequence[Environment | Callable[[], Any]]
    horizon: int
    discount: float
    policy: MLP = MLP()
    evaluation_episodes: int = 16
    estimator: Estimator = Estimator()
    start: Parameters | np.ndarray | None = None

    def __post_init__(self):
        if isinstance(self.environment, str):
            object.__setattr__(self, "environment", make(self.environment))
        elif isinstance(self.environment, Sequence):
            environments: Any = tuple(map(wrapped, self.environment))
            for worker, environment in enumerate(environments):
                _check_environment(f"environment[{worker}]", environment)
            classes = sorted({type(environment).__name__ for environment in environments})
            if len(classes) != 1:
                raise ValueError(
                    f"environment holds {' and '.join(classes) or 'nothing'}: give one class for all workers"
                )
            object.__setattr__(self, "environment", side_by_side(environments))
        else:
            object.__setattr__(self, "environment", wrapped(self.environment))
            _check_environment("environment", self.environment)
        for key in ("horizon", "evaluation_episodes"):
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{key}={value!r} is no count: give an integer >= 1")
        if not 0 <= self.discount < 1:
            raise ValueError(f"discount={self.discount!r} is outside [0, 1): give γ, 0.99 for example")
        if self.start is not None:
            object.__setattr__(self, "start", _started(self))

    @property
    def workers(self) -> int | None:
        """How many environments there are, one per worker; None: one for all workers."""
        return len(self.environment) if isinstance(self.environment, tuple) else None

    @property
    def calls_host(self) -> bool:
        """Whether environments leave the compiled program at each step."""
        return getattr(self._first, "calls_host", False)

    @property
    def _first(self) -> Environment:
        environment: Any = self.environment
        return environment[0] if self.workers else environment

    @cached_property
    def policy_network(self) -> PolicyNetwork:
        """The policy for this environment's observations and actions."""
        return self.policy.for_spaces(self._first.observation_size, self._first.actions)

    @cached_property
    def critic_network(self) -> ValueNetwork | None:
        """The critic's, if the estimator has one; its parameters follow the policy's."""
        critic = self.estimator.critic
        return None if critic is None else critic.for_observations(self._first.observation_size)

    def init(self, key):
        policy, size = self.policy_network.init(key), self.policy_network.size
        given: Any = self.start
        if given is not None:
            policy = jnp.asarray(given.values[:size], policy.dtype)
        if self.critic_network is None:
            return policy
        critic = self.critic_network.init(jax.random.fold_in(key, CRITIC))
        if given is not None and len(given.values) > size:
            critic = jnp.asarray(given.values[size:], critic.dtype)
        return jnp.append(policy, critic)

    def adapted(self, update: Update) -> Update:
        """The update, which takes plain steps for the critic's parameters if there is a critic."""
        if self.critic_network is None:
            return update
        if hasattr(update, "measure"):
            raise ValueError(
                f"estimator.critic is not for {type(update).__name__}: leave it out, or give another method"
            )
        critic: Any = self.estimator.critic
        return BesidePolicy(update, self.critic_network.size, critic.step_size)

    def trajectories(self, params, keys, workers, started=None):
        """One trajectory per key, of that worker's environment: arrays of shape (H, M, ...).

        started: as in `rollout`.
        """
        policy = params[: self.policy_network.size]
        return rollout(self._environments(workers), self.policy_network, policy, keys, self.horizon, started)

    def sampled(self, params, keys, workers, there):
        """The jobs' trajectories and `JobStats`. there: (M,) bool, which jobs have a trajectory at all."""
        trajectories = self.trajectories(params, keys, workers, there)
        steps = trajectories.alive.sum(axis=0, dtype=jnp.int32)
        return trajectories, JobStats(trajectories.rewards.sum(axis=0), steps)

    def scored(self, params, trajectories, weights):
        """Σ_j weights_j g(τ_j, θ), shape (d,); with a critic, its direction follows (see `ValueNetwork`)."""
        estimator, critic, rewards = self.estimator, self.critic_network, trajectories.rewards
        rest = (self.discount, estimator.entropy)
        if critic is None:
            advantages = estimator.advantages(rewards, weights != 0, self.discount)
            return weighted_gradient(self.policy_network, params, trajectories, weights, advantages, *rest)
        policy, own = jnp.split(params, [self.policy_network.size])
        said = critic.values(own, trajectories)
        advantages, targets = estimator.judged(rewards, said, self.discount)
        gradient = weighted_gradient(self.policy_network, policy, trajectories, weights, advantages, *rest)
        return jnp.append(gradient, critic.towards(own, trajectories, targets, weights))

    def log_probs(self, params, trajectories):
        """log π_θ of what was done, shape (H, M)."""
        return log_probs(self.policy_network, params, trajectories)

    def gradient(self, params, keys, workers, weights):
        trajectories, stats = self.sampled(params, keys, workers, weights != 0)
        return self.scored(params, trajectories, weights), stats

    two_gradients, hessian_product, local_steps = two_gradients, hessian_product, local_steps

    def evaluate(self, params, key):
        count = self.evaluation_episodes * (self.workers or 1)
        workers = jnp.arange(count, dtype=jnp.int32) % (self.workers or 1)
        returns = self.trajectories(params, jax.random.split(key, count), workers).rewards.sum(axis=0)
        own = returns.reshape(-1, self.workers).mean(axis=0) if self.workers else ()
        return Evaluation(returns.mean(), jnp.full((), jnp.nan), own)

    def _environments(self, workers):
        """A map over jobs of functions of (environment, *batched), with the environment of each job's worker."""
        if not self.workers:
            return lambda f, *batched: jax.vmap(lambda *args: f(self.environment, *args))(*batched)
        environments: Any = self.environment
        first = environments[0]
        differing = [
            field.name
            for field in fields(first)
            if any(getattr(other, field.name) != getattr(first, field.name) for other in environments)
        ]
        own = {
            name: jnp.asarray([getattr(environment, name) for environment in environments])[workers]
            for name in differing
        }
        return lambda f, *batched: jax.vmap(lambda own, *args: f(replace(first, **own), *args))(own, *batched)


def _started(problem: PolicyGradient) -> Parameters:
    """Raises ValueError unless the policy, or policy and critic, have as many parameters."""
    start: Any = problem.start
    values = start.values if isinstance(start, Parameters) else np.array(start, float)
    sizes = [problem.policy_network.size]
    if problem.critic_network is not None:
        sizes.append(sizes[0] + problem.critic_network.size)
    if values.ndim != 1 or len(values) not in sizes or not np.isfinite(values).all():
        raise ValueError(
            f"start has the shape {values.shape}: give {' or '.join(map(str, sizes))} finite parameters, as many as "
            "the policy has"
        )
    return Parameters(values)


def _check_environment(key: str, given: Any) -> None:
    """Raise ValueError unless it implements `Environment`."""
    one = not isinstance(given, type)  # an instance, not a class
    sized = isinstance(getattr(given, "observation_size", None), int)
    acts = isinstance(getattr(given, "actions", None), Discrete | Box)
    if not (
        one and sized and acts and all(callable(getattr(given, name, None)) for name in ("reset", "observe", "step"))
    ):
        kind = type(given) if one else given
        what = f"{'a' if one else 'the class'} {kind.__module__}.{kind.__qualname__}"
        id = "" if "[" in key else 'an id such as "CartPole-v1", '
        raise ValueError(
            f"{key} is {what}, which is no environment here: give {id}an environment of asyncsim.rl, or one with "
            "Gymnasium's API"
        )
