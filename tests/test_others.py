"""Against code that this project did not write: numbers of other programs, which stand in tests/others, and optax.

How they came about is said in each file. Distributions are held against scipy's in test_times.py, environments against
Gymnasium's, step by step, in test_environments.py, test_gymnasium.py and test_mujoco.py.
"""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.scipy.stats import norm

from asyncsim import Cluster, rules, simulate
from asyncsim.cluster import sqrt
from asyncsim.rl.estimators import Estimator
from asyncsim.updates import NIGT, Optax

HOME = Path(__file__).parent / "others"
POTION = json.loads((HOME / "potion.json").read_text())
SIMULATOR = json.loads((HOME / "simulator.json").read_text())


@pytest.mark.parametrize("run", POTION["runs"], ids=lambda run: "-".join(f"{run[key]}" for key in [*run][:3]))
def test_nigt_and_its_gradients_are_those_of_potions_npg_igt(run):
    """To twelve digits, over six updates: sampling points, estimator, leave-one-out baseline, momentum, steps."""
    states, actions, rewards = (
        np.array(POTION[key])[:, : run["batch_size"]] for key in ("states", "actions", "rewards")
    )
    estimator = Estimator(baseline={"zero": "none", "average": "leave_one_out"}[run["baseline"]])
    there = np.full(run["batch_size"], True)

    def score_function(theta, k):
        weights = estimator.advantages(jnp.asarray(rewards[k].T), there, 0.9).T
        return (weights * norm.logpdf(actions[k], states[k] @ theta)).sum(axis=1).mean()

    update = NIGT(0.05, run["momentum"])
    state = update.init(np.array(POTION["start"]))
    for k, (query, iterate) in enumerate(zip(run["queries"], run["iterates"], strict=True)):
        np.testing.assert_allclose(update.query(state), query, rtol=1e-12)
        gradient = np.asarray(jax.grad(score_function)(jnp.asarray(update.query(state)), k))
        state = update.apply(state, gradient, 0.05, k, 0)
        np.testing.assert_allclose(state.point, iterate, rtol=1e-12)


@pytest.mark.parametrize("run", SIMULATOR["runs"], ids=lambda run: "-".join(f"{run[key]}" for key in [*run][:4]))
def test_updates_come_when_the_first_authors_simulator_has_them(run):
    """Its workers finish jobs whose point was overtaken, and it adds times up, so that it rounds otherwise."""
    made = {"synchronous": rules.Synchronous, "asynchronous": rules.Greedy}
    rule = made[run["method"]]() if run["batch_size"] is None else rules.Rennala(run["batch_size"])
    times = sqrt(run["workers"]) if run["compute"] == "sqrt" else [1.0] * run["workers"]
    timeline = simulate(rule, Cluster(times), updates=run["updates"][-1], stale="finish")
    np.testing.assert_allclose(timeline.updates["time"].to_numpy()[np.array(run["updates"]) - 1], run["times"], 1e-12)


GRADIENTS = np.random.default_rng(0).normal(size=(8, 4))


def climbed(transformation, gradients=GRADIENTS):
    """Optax's own loop, which goes down: iterates from (1, ..., 1) on."""
    point, points = jnp.ones(4), []
    state = transformation.init(point)
    for gradient in gradients:
        change, state = transformation.update(-gradient, state, point)
        point = optax.apply_updates(point, change)
        points.append(point)
    return np.array(points)


def ours(update):
    state, points = update.init(jnp.ones(4)), []
    for k, gradient in enumerate(GRADIENTS):
        state = update.apply(state, gradient, update.step_size, k, 0)
        points.append(state.point)
    return np.array(points)


@pytest.mark.parametrize(
    "update, optimiser",
    [
        (Optax(0.1, optax.scale_by_adam()), optax.adam(0.1)),
        (Optax(0.1, optax.trace(0.9)), optax.sgd(0.1, momentum=0.9)),
        (Optax(0.1, optax.scale_by_rms()), optax.rmsprop(0.1)),
        (NIGT(0.1, momentum=1.0), optax.chain(optax.normalize_by_update_norm(1.0, 0.0), optax.sgd(0.1))),
    ],
    ids=["adam", "momentum", "rmsprop", "normalised"],
)
def test_updates_are_optaxs_own_optimisers(update, optimiser):
    np.testing.assert_allclose(ours(update), climbed(optimiser), rtol=1e-12)


def test_momentum_without_look_ahead_is_optaxs_average_of_gradients():
    """Which begins at 0: the first gradient is weighed as if it had been there before."""
    average = optax.chain(optax.ema(0.7, debias=False), optax.normalize_by_update_norm(1.0, 0.0), optax.sgd(0.1))
    first = [GRADIENTS[0] / 0.3, *GRADIENTS[1:]]
    np.testing.assert_allclose(ours(NIGT(0.1, momentum=0.3, lookahead=False)), climbed(average, first), rtol=1e-12)
