"""Replay against bare kernels that know no timeline, and gradients against rollouts alone."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from asyncsim import Cluster, PolicyGradient, TabularMDP, methods, replay, simulate
from asyncsim.cluster import equal, sqrt
from asyncsim.learning.keys import initial_key, job_key
from asyncsim.learning.lanes import LANES
from asyncsim.rl.environments import CartPole

PROBLEMS = {
    "table": (TabularMDP.garnet(states=20, actions=4, horizon=50), 3000),
    # Nobody falls, so that every trajectory has 200 steps.
    "CartPole": (
        PolicyGradient(CartPole(theta_threshold=math.inf, x_threshold=math.inf), 200, 0.99, evaluation_episodes=1),
        40,
    ),
}
CLUSTER = Cluster(sqrt(10), 1.0)
either = pytest.mark.parametrize("name", PROBLEMS)


def replayed(method, problem, timeline, **lanes):
    """As many lanes as a program has, unless others are given; evaluated at the beginning only."""
    return partial(replay, timeline, method, problem, evaluate_every=10**9, **({"seeds": range(LANES)} | lanes))


def kernel(problem, batch, times):
    """Gradients of a batch, one after another, in one compiled program."""

    @jax.jit
    def program(params):
        def again(k, params):
            keys = jax.vmap(lambda worker: job_key(0, k, worker, 0))(jnp.arange(batch))
            weights = jnp.full(batch, 1 / batch, params.dtype)
            return params + 1e-9 * problem.gradient(params, keys, jnp.zeros(batch, jnp.int32), weights)[0]

        return lax.fori_loop(0, times, again, params)

    params = problem.init(initial_key(0))
    return lambda: jax.block_until_ready(program(params))


@either
def bench_rennala(against, name):
    problem, updates = PROBLEMS[name]
    method = methods.rennala_nigt(30, 0.01)
    timeline = simulate(method, CLUSTER, updates=updates)
    against(
        f"Rennala NIGT, M = 30, {name}: gradients/s, against the kernel at batch 30",
        replayed(method, problem, timeline),
        kernel(problem, 30, updates),
        count=(LANES * 30 * updates, 30 * updates),
        unit="gradients/s",
        wanted=("ratio", ">=", 1 / 1.2),
        bound="the kernel",
    )


@either
def bench_afedpg(against, name):
    problem, updates = PROBLEMS[name]
    method, updates = methods.afedpg(1e-3), 10 * updates
    timeline = simulate(method, CLUSTER, updates=updates)
    against(
        f"AFedPG, {name}: gradients/s, against the kernel at batch 1",
        replayed(method, problem, timeline),
        kernel(problem, 1, updates),
        count=(LANES * updates, updates),
        unit="gradients/s",
        wanted=("ratio", ">=", 1 / 2),
        bound="the longest chain of jobs that need each other",
    )


def bench_call_per_arrival(against):
    problem, _ = PROBLEMS["table"]
    method, calls = methods.afedpg(1e-3), 2000
    timeline = simulate(method, CLUSTER, updates=10 * calls)
    update = method.update

    @jax.jit
    def arrive(state, point, version, worker, index):
        key = job_key(0, version, worker, index)
        gradient, _ = problem.gradient(point, key[None], worker[None], jnp.ones(1, point.dtype))
        state = update.apply(state, gradient, update.step_size, version, 0)
        return state, update.query(state)

    def one_by_one():
        state = jax.tree.map(jnp.asarray, update.init(problem.init(initial_key(0))))
        points = {0: update.query(state)}
        for job in timeline.uses().head(calls).itertuples():
            arguments = (np.int32(x) for x in (job.version, job.worker, job.index))
            state, points[job.update + 1] = arrive(state, points[job.version], *arguments)
        jax.block_until_ready(state)

    against(
        "AFedPG, table: gradients/s, against one compiled call per arrival",
        replayed(method, problem, timeline),
        one_by_one,
        count=(LANES * 10 * calls, calls),
        unit="gradients/s",
        wanted=("ratio", ">=", 10),
        bound="as above; there, the way in and out of compiled programs",
    )


@either
@pytest.mark.parametrize("label", ["NIGT at M = 1", "AFedPG"])
def bench_sweep(against, name, label):
    problem, updates = PROBLEMS[name]
    method = methods.afedpg(1e-3) if label == "AFedPG" else methods.rennala_nigt(1, 1e-3)
    timeline = simulate(method, CLUSTER if label == "AFedPG" else Cluster(equal(1)), updates=5 * updates)
    alone = replayed(method, problem, timeline, seeds=[0])
    against(
        f"{label}, {name}: gradients/s, 5 seeds × 10 step sizes against a run alone",
        replayed(method, problem, timeline, seeds=range(5), step_sizes=[1e-3 * 1.1**k for k in range(10)]),
        alone,
        count=(50 * 5 * updates, 5 * updates),
        unit="gradients/s",
        wanted=("ratio", ">=", 2) if label != "AFedPG" else None,
        bound="products of one row with each lane's own matrices"
        + "; alone, eight jobs run side by side already" * (label == "AFedPG"),
        rounds=9,
    )


@pytest.mark.parametrize("batch", [1, 8, 20, 64, 256])
def bench_gradient(against, batch):
    problem, _ = PROBLEMS["CartPole"]
    keys = jax.vmap(partial(job_key, 0, 0, index=0))(jnp.arange(batch))
    workers, weights = jnp.zeros(batch, jnp.int32), jnp.full(batch, 1 / batch)
    params = problem.init(initial_key(0))
    whole = jax.jit(lambda params: problem.gradient(params, keys, workers, weights))
    alone = jax.jit(lambda params: problem.trajectories(params, keys, workers))
    against(
        f"CartPole, H = 200, batch {batch}: steps/s with the gradient, against the rollout alone",
        lambda: jax.block_until_ready(whole(params)),
        lambda: jax.block_until_ready(alone(params)),
        count=(200 * batch, 200 * batch),
        unit="steps/s",
        wanted=("ratio", ">=", 0.5),
        bound="arithmetic: forward and backward pass are thrice a rollout's"
        if batch > 8
        else "the loop of small operations",
        rounds=15,
    )


def bench_products(against):
    """Nothing but the products that a gradient needs: forward, and backward to weights and inputs."""
    problem, _ = PROBLEMS["CartPole"]
    batch, horizon = 256, problem.horizon
    keys = jax.vmap(partial(job_key, 0, 0, index=0))(jnp.arange(batch))
    params = problem.init(initial_key(0))
    [layers] = problem.policy_network.layers(params)
    inputs = [jnp.ones((batch, weights.shape[0])) for weights, _ in layers]
    errors = [jnp.ones((batch, weights.shape[1])) for weights, _ in layers]

    @jax.jit
    def products(inputs, errors):
        def step(_, nudge):  # which keeps the compiler from doing it once
            total = 0.0
            for (weights, _), x, error in zip(layers, inputs, errors, strict=True):
                x, error = x.at[0, 0].add(nudge), error.at[0, 0].add(nudge)
                total += sum(y[0, 0] for y in (x @ weights, x.T @ error, error @ weights.T))
            return 1e-30 * total

        return jax.lax.fori_loop(0, horizon, step, 0.0)

    alone = jax.jit(lambda params: problem.trajectories(params, keys, jnp.zeros(batch, jnp.int32)))
    against(
        f"CartPole, batch {batch}: steps/s of a gradient's bare matrix products, against the rollout alone",
        lambda: jax.block_until_ready(products(inputs, errors)),
        lambda: jax.block_until_ready(alone(params)),
        count=(horizon * batch, horizon * batch),
        unit="steps/s",
        wanted=None,
        bound="XLA's products, rows first; below 1, half the rate is out of their reach",
        rounds=15,
    )


def bench_own_parameters(against):
    problem, _ = PROBLEMS["CartPole"]
    lanes = 50
    keys = jax.vmap(partial(job_key, 0, 0, index=0))(jnp.arange(lanes))
    params = jax.vmap(lambda seed: problem.init(initial_key(seed)))(jnp.arange(lanes))
    one, workers, weights = jnp.zeros(1, jnp.int32), jnp.zeros(lanes, jnp.int32), jnp.full(lanes, 1 / lanes)
    own = jax.jit(jax.vmap(lambda params, key: problem.gradient(params, key[None], one, jnp.ones(1))))
    shared = jax.jit(lambda params: problem.gradient(params, keys, workers, weights))
    against(
        "CartPole, H = 200: steps/s of 50 lanes with their own parameters, against 50 jobs that share them",
        lambda: jax.block_until_ready(own(params, keys)),
        lambda: jax.block_until_ready(shared(params[0])),
        count=(200 * lanes, 200 * lanes),
        unit="steps/s",
        wanted=None,
        bound="products of one row with each lane's own matrices, out of the second cache",
        rounds=15,
    )
