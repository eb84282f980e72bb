"""Tabular MDPs: the estimator against the exact gradient, and the exact values against brute force."""

from dataclasses import replace
from functools import partial
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asyncsim.problems.tabular import TabularMDP

GARNET = TabularMDP.garnet()
TINY = TabularMDP.garnet(states=2, actions=2, branching=2, seed=3, discount=0.8, horizon=3)
SMALL = TabularMDP.garnet(states=6, actions=3, seed=1, horizon=20)
OWN_REWARDS = TabularMDP.garnet(states=6, actions=3, seed=1, horizon=20, workers=3)
OWN_BOTH = TabularMDP(
    np.stack([TabularMDP.garnet(6, 3, seed=seed).transitions for seed in range(3)]),
    OWN_REWARDS.rewards,
    SMALL.initial,
    horizon=20,
)
OWN_DYNAMICS = TabularMDP(OWN_BOTH.transitions, SMALL.rewards, SMALL.initial, horizon=20)
ALL = {"same": SMALL, "own rewards": OWN_REWARDS, "own dynamics": OWN_DYNAMICS, "own both": OWN_BOTH}


@pytest.fixture(params=ALL.values(), ids=ALL.keys())
def problem(request):
    return request.param


# Compiled once per problem and shape: a problem hashes by identity.
gradient = jax.jit(TabularMDP.gradient, static_argnums=0)
value = jax.jit(TabularMDP.value, static_argnums=0)
exact_gradient = jax.jit(TabularMDP.exact_gradient, static_argnums=0)
infinite_value = jax.jit(TabularMDP.infinite_value, static_argnums=0)


@partial(jax.jit, static_argnums=0)
def per_job(problem, params, keys, workers):
    """Each job's own gradient, (M, d), through calls with M = 1 and weight 1."""

    def one(key, worker):
        return problem.gradient(params, key[None], worker[None], jnp.ones(1))[0]

    return jax.vmap(one)(keys, workers)


def table(problem, seed, scale=1.0):
    return scale * jax.random.normal(jax.random.key(seed), (problem.states * problem.actions,))


def jobs(m, seed=0, worker=0):
    return jax.random.split(jax.random.key(seed), m), jnp.full(m, worker, jnp.int32)


def errors_of_mean(samples, truth):
    """|mean - truth| in standard errors, per coordinate; a coordinate that never varies must be right."""
    samples = np.asarray(samples)
    error = samples.std(0, ddof=1) / np.sqrt(len(samples))
    return np.abs(samples.mean(0) - truth) / np.maximum(error, 1e-12)


def softmax(problem, params):
    policy = np.exp(np.asarray(params).reshape(problem.states, problem.actions))
    return policy / policy.sum(-1, keepdims=True)


def textbook(problem, params, key):
    """One trajectory's gradient and return in NumPy, step by step, from the same uniforms."""
    policy = softmax(problem, params)
    uniforms = iter(np.asarray(jax.random.uniform(key, (2 * problem.horizon + 1,))))

    def draw(p):
        return int(np.searchsorted(p.cumsum(), next(uniforms), side="right"))

    state, visits = draw(problem.initial), []
    for _ in range(problem.horizon):
        action = draw(policy[state])
        visits.append((state, action))
        state = draw(problem.transitions[state, action])
    rewards = [problem.rewards[visit] for visit in visits]
    total = np.zeros_like(policy)
    for t, (s, a) in enumerate(visits):
        to_go = sum(problem.discount**h * rewards[h] for h in range(t, problem.horizon))
        total[s] += to_go * (np.eye(problem.actions)[a] - policy[s])
    return total.ravel(), sum(rewards)


def expected(problem, params, from_start):
    """E Σ_t (Σ_{h≥t} γ^w r_h) ∇ log π(a_t|s_t), exactly, by dynamic programming; w = h (from the start) or h - t."""
    policy, P, r = softmax(problem, params), problem.transitions, problem.rewards
    q = [r]  # to-go values with w = h - t, the last step first
    for _ in range(problem.horizon - 1):
        q.append(r + problem.discount * P @ (policy * q[-1]).sum(-1))
    total, states = np.zeros_like(policy), problem.initial
    for t in range(problem.horizon):
        joint = states[:, None] * policy
        credit = joint * q[problem.horizon - 1 - t]
        total += (problem.discount**t if from_start else 1) * (credit - policy * credit.sum(-1, keepdims=True))
        states = np.einsum("sa,sat->t", joint, P)
    return total.ravel()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_estimator_is_unbiased(seed):
    params = table(GARNET, seed)
    samples = per_job(GARNET, params, *jobs(20_000, seed + 100))
    assert errors_of_mean(samples, exact_gradient(GARNET, params)).max() < 4
    # The same test rejects weights γ^(h - t), a common variant that is biased for J.
    assert errors_of_mean(samples, expected(GARNET, params, from_start=False)).max() > 20


def test_the_estimator_is_unbiased_for_each_worker(problem):
    params = table(problem, 4)
    for worker in (0, 2):
        samples = per_job(problem, params, *jobs(20_000, worker, worker))
        assert errors_of_mean(samples, exact_gradient(problem, params, worker)).max() < 4
    if problem.workers:  # the test sees the difference between workers
        assert errors_of_mean(samples, exact_gradient(problem, params, 0)).max() > 4


def test_a_trajectory_by_hand():
    params = table(SMALL, 0)
    keys, workers = jobs(20)
    for key, ours in zip(keys, per_job(SMALL, params, keys, workers), strict=True):
        theirs, returns = textbook(SMALL, params, key)
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(gradient(SMALL, params, key[None], workers[:1], jnp.ones(1))[1].returns, [returns])


def test_exact_gradient_is_the_policy_gradient_theorem():
    for seed in range(3):
        params = table(GARNET, seed)
        truth = expected(GARNET, params, from_start=True)
        np.testing.assert_allclose(exact_gradient(GARNET, params), truth, rtol=1e-10, atol=1e-14)


def test_exact_value_is_the_sum_over_all_trajectories():
    params = table(TINY, 0)
    policy, total, mass = TINY.policy(params), 0.0, 0.0
    for states, actions in product(product(range(2), repeat=3), product(range(2), repeat=3)):
        probability = TINY.initial[states[0]]
        visits = list(zip(states, actions, strict=True))
        for t, (s, a) in enumerate(visits):
            probability = probability * policy[s, a] * (TINY.transitions[s, a, states[t + 1]] if t < 2 else 1)
        total += probability * sum(0.8**t * TINY.rewards[s, a] for t, (s, a) in enumerate(visits))
        mass += probability
    assert float(mass) == pytest.approx(1)
    assert float(TINY.value(params)) == pytest.approx(float(total), rel=1e-12)


def test_exact_gradient_is_the_slope_of_the_value(problem):
    params, h = table(problem, 1), 1e-5
    slopes = [(value(problem, params + h * e) - value(problem, params - h * e)) / (2 * h) for e in np.eye(params.size)]
    np.testing.assert_allclose(exact_gradient(problem, params), slopes, rtol=1e-6, atol=1e-8)


def test_evaluate_is_exact(problem):
    params = table(problem, 1)
    exact, norm, own = jax.jit(problem.evaluate)(params, jax.random.key(0))
    assert float(exact) == pytest.approx(float(value(problem, params)))
    assert float(norm) == pytest.approx(np.linalg.norm(exact_gradient(problem, params)))
    assert exact.shape == norm.shape == ()
    np.testing.assert_allclose(own, [value(problem, params, i) for i in range(problem.workers or 0)])


def test_the_truncated_value_tends_to_the_infinite_one(problem):
    params = table(problem, 2)
    limit = float(infinite_value(problem, params))
    one, twenty, many = (float(value(replace(problem, horizon=h), params)) for h in (1, 20, 400))
    assert one < twenty < limit  # rewards are not negative
    assert limit - twenty <= 0.9**20 / (1 - 0.9)
    assert many == pytest.approx(limit, rel=1e-12)


@pytest.mark.parametrize("problem", [GARNET, TabularMDP.chain(), OWN_REWARDS], ids=repr)
def test_no_policy_beats_the_optimum(problem):
    best = problem.optimal_value()
    values = [float(infinite_value(problem, table(problem, seed, 5.0))) for seed in range(20)]
    assert max(values) <= best + 1e-12
    assert float(value(problem, table(problem, 0))) <= best


def test_the_optimum_of_a_short_chain_by_hand():
    # Nothing slips: right for ever from the left end of two states gives 0, then 1 at every step, so γ/(1-γ) = 9.
    assert TabularMDP.chain(states=2, slip=0.0).optimal_value() == pytest.approx(9)
    # With nothing on the right, left for ever: 0.1/(1-γ).
    assert TabularMDP.chain(states=2, slip=0.0, large=0.0).optimal_value() == pytest.approx(1)


def test_exact_ascent_reaches_the_end_of_the_chain():
    problem = TabularMDP.chain(init_scale=0.1)
    climb = jax.jit(lambda x: jax.lax.fori_loop(0, 3000, lambda _, x: x + 0.5 * problem.exact_gradient(x), x))
    params = climb(problem.init(jax.random.key(0)))
    assert problem.infinite_value(params) > 0.98 * problem.optimal_value()


def test_transitions_of_the_chain():
    P = TabularMDP.chain(states=3, slip=0.25).transitions
    np.testing.assert_allclose(P[:, 0], [[0.75, 0.25, 0], [0.75, 0, 0.25], [0, 0.75, 0.25]])
    np.testing.assert_allclose(P[:, 1], [[0.25, 0.75, 0], [0.25, 0, 0.75], [0, 0.25, 0.75]])


def test_the_objective_is_the_mean_over_workers(problem):
    params = table(problem, 3)
    workers = range(problem.workers or 1)
    for exact in (value, infinite_value, exact_gradient):
        mean = np.mean([exact(problem, params, i) for i in workers], axis=0)
        np.testing.assert_allclose(exact(problem, params), mean, rtol=1e-12, atol=1e-14)
    if problem.workers:
        assert len({float(value(problem, params, i)) for i in workers}) == 3


def test_gradients_add_up_with_their_weights(problem):
    params = table(problem, 0)
    keys, workers = jobs(2)[0], jnp.array([0, 2], jnp.int32)
    single = per_job(problem, params, keys, workers)
    both, stats = gradient(problem, params, keys, workers, jnp.array([0.5, 0.5]))
    np.testing.assert_allclose(both, single.mean(0), rtol=1e-12, atol=1e-14)
    assert stats.returns.shape == stats.steps.shape == (2,)
    assert stats.steps.dtype == jnp.int32 and (stats.steps == problem.horizon).all()


def test_weight_zero_contributes_nothing(problem):
    params = table(problem, 0)
    keys, workers = jobs(3)[0], jnp.array([1, 0, 2], jnp.int32)
    padded = gradient(problem, params, keys, workers, jnp.array([1.0, 0.0, 0.0]))[0]
    other = gradient(problem, params, keys.at[1:].set(jobs(2, 9)[0]), workers, jnp.array([1.0, 0.0, 0.0]))[0]
    np.testing.assert_array_equal(padded, other)
    np.testing.assert_allclose(padded, per_job(problem, params, keys, workers)[0], rtol=1e-12, atol=1e-14)
    assert (gradient(problem, params, keys, workers, jnp.zeros(3))[0] == 0).all()


def test_the_same_keys_give_the_same_gradient(problem):
    params = table(problem, 0)
    keys, workers = jobs(4)
    first, again = (gradient(problem, params, keys, workers, jnp.ones(4)) for _ in range(2))
    jax.tree.map(np.testing.assert_array_equal, first, again)
    assert (first[0] != gradient(problem, params, jobs(4, 1)[0], workers, jnp.ones(4))[0]).any()


def test_the_first_policy_is_uniform_unless_asked():
    assert (SMALL.init(jax.random.key(0)) == 0).all()
    np.testing.assert_allclose(SMALL.policy(SMALL.init(jax.random.key(0))), np.full((6, 3), 1 / 3))
    spread = TabularMDP.garnet(states=100, init_scale=0.1).init(jax.random.key(0))
    assert spread.shape == (400,) and spread.std() == pytest.approx(0.1, rel=0.2)


def test_a_garnet_is_its_seed():
    one, again, other = (TabularMDP.garnet(seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.transitions, again.transitions)
    np.testing.assert_array_equal(one.rewards, again.rewards)
    assert (one.transitions != other.transitions).any() and (one.rewards != other.rewards).any()
    assert ((one.transitions > 0).sum(-1) == 3).all()
    many = TabularMDP.garnet(workers=5)
    np.testing.assert_array_equal(one.transitions, many.transitions)  # the number of workers leaves them alone
    assert many.rewards.shape == (5, 20, 4) and (one.workers, many.workers) == (None, 5)


def test_a_draw_never_leaves_the_support():
    """Rows whose sum rounds to less than 1 still never give a successor of probability 0."""
    P = np.zeros((12, 1, 12))
    P[..., :10] = 0.1  # 0.1 added ten times is less than 1
    problem = TabularMDP(P, np.zeros((12, 1)), np.eye(12)[0])
    assert (problem._steps[..., 9:] == 1).all()


def test_arrays_are_own_copies():
    rewards = np.zeros((6, 3))
    problem = TabularMDP(SMALL.transitions, rewards, SMALL.initial)
    rewards[:] = 1
    assert (problem.rewards == 0).all()
    with pytest.raises(ValueError, match="read-only"):
        problem.rewards[0, 0] = 1


def test_repr_is_short():
    assert repr(OWN_REWARDS) == ("TabularMDP(states=6, actions=3, workers=3, discount=0.9, horizon=20, init_scale=0.0)")


GOOD = dict(transitions=np.full((2, 3, 2), 0.5), rewards=np.zeros((2, 3)), initial=[0.5, 0.5])


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (dict(discount=1.0), "discount: 1.0; needs 0 <= γ < 1"),
        (dict(discount=-0.1), "discount: -0.1; needs 0 <= γ < 1"),
        (dict(discount=float("nan")), "discount: nan; needs 0 <= γ < 1"),
        (dict(horizon=0), "horizon: 0; needs a whole number of steps, 1 or more"),
        (dict(horizon=2.5), "horizon: 2.5; needs a whole number of steps, 1 or more"),
        (dict(init_scale=-1.0), "init_scale: -1.0; needs a finite number, 0 or more"),
        (dict(transitions=np.full((2, 3, 2), 0.4)), "transitions: a row sums to 0.8; needs 1"),
        (dict(transitions=np.full((2, 3, 2), [-0.5, 1.5])), "transitions: probability -0.5; needs numbers in [0, 1]"),
        (dict(initial=[np.nan, 1]), "initial: probability nan; needs numbers in [0, 1]"),
        (dict(initial=[0.5, 0.4]), "initial: a row sums to 0.9; needs 1"),
        (dict(initial=[1.0]), "initial: shape (1,); needs (2,), one probability per state"),
        (
            dict(transitions=np.ones(2)),
            "transitions: shape (2,); needs (S, A, S), or (n, S, A, S) for n workers",
        ),
        (dict(rewards=np.zeros((3, 2))), "rewards: shape (3, 2); needs (2, 3), with n in front for n workers"),
        (dict(rewards=np.full((2, 3), np.inf)), "rewards: inf; needs finite numbers"),
        (
            dict(rewards=np.zeros((4, 2, 3)), transitions=np.full((5, 2, 3, 2), 0.5)),
            "rewards: 4 workers; needs as many as transitions, one or more",
        ),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_errors_are_one_line(wrong, line):
    with pytest.raises(ValueError) as error:
        TabularMDP(**GOOD | wrong)
    assert str(error.value) == line


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: TabularMDP.garnet(branching=21), "branching: 21; needs 1 to 20, the number of states"),
        (lambda: TabularMDP.garnet(states=0), "states: 0; needs 1 or more"),
        (lambda: TabularMDP.garnet(workers=0), "workers: 0; needs 1 or more"),
        (lambda: TabularMDP.chain(states=1), "states: 1; needs 2 or more, a chain has two ends"),
        (lambda: TabularMDP.chain(slip=1.5), "slip: 1.5; needs a probability in [0, 1]"),
        (
            OWN_BOTH.optimal_value,
            "optimal_value: each worker has its own transitions; needs transitions of shape (S, A, S)",
        ),
    ],
)
def test_errors_of_constructors_are_one_line(make, line):
    with pytest.raises(ValueError) as error:
        make()
    assert str(error.value) == line


@pytest.mark.parametrize("states, actions", [(1, 1), (1, 3), (3, 1)])
def test_the_smallest_tables(states, actions):
    problem = TabularMDP.garnet(states, actions, 1, horizon=1, discount=0.0)
    params = table(problem, 0)
    total, stats = problem.gradient(params, *jobs(2), jnp.ones(2))
    assert total.shape == params.shape and stats.returns.shape == (2,)
    assert problem.value(params) <= problem.optimal_value() + 1e-12


def test_32_bits_stay_32_bits():
    with jax.enable_x64(False):
        params = SMALL.init(jax.random.key(0))
        total, stats = SMALL.gradient(params, *jobs(2), jnp.ones(2))
        assert {x.dtype for x in (params, total, stats.returns, SMALL.value(params))} == {jnp.dtype("float32")}


def test_two_with_the_same_numbers_are_equal():
    """So one compiled program serves both."""
    one, same = TabularMDP.garnet(seed=3), TabularMDP.garnet(seed=3)
    assert one == same and hash(one) == hash(same) and one is not same
    others = TabularMDP.garnet(seed=4), TabularMDP.garnet(seed=3, discount=0.8), TabularMDP.chain()
    assert len({one, same, *others}) == 4 and one != "garnet"
