"""Estimators are their formulas, and their means are known exactly on a small table."""

from dataclasses import dataclass
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from asyncsim import Cluster, PolicyGradient, TabularMDP, methods, replay, simulate, train
from asyncsim.learning.keys import initial_key
from asyncsim.rl.critics import Critic
from asyncsim.rl.estimators import Estimator
from asyncsim.rl.policies import MLP
from asyncsim.rl.spaces import Box, Discrete
from asyncsim.updates import MVR

REWARDS = np.array([[1.0, 4.0, 0.5], [2.0, 0.0, 0.25], [3.0, -1.0, 0.0]])  # of three trajectories, three steps
CREDITS = {
    "reward_to_go": [[1 + 1 + 0.75, 4 - 0.25, 0.625], [1 + 0.75, -0.25, 0.125], [0.75, -0.25, 0.0]],
    "full_return": [[2.75, 3.75, 0.625]] * 3,
    "reward_to_go_from_step": [[1 + 1 + 0.75, 4 - 0.25, 0.625], [2 + 1.5, -0.5, 0.25], [3.0, -1.0, 0.0]],
}


@pytest.mark.parametrize("credit", CREDITS)
def test_what_an_action_is_given(credit):
    estimator = Estimator(credit)
    np.testing.assert_allclose(estimator.credits(jnp.asarray(REWARDS), 0.5), CREDITS[credit])
    np.testing.assert_allclose(estimator.advantages(jnp.asarray(REWARDS), np.full(3, True), 0.5), CREDITS[credit])
    alone, there = Estimator(credit, "leave_one_out"), np.array([True, False, True])
    two = np.asarray(CREDITS[credit])[:, [0, 2]]
    found = alone.advantages(jnp.asarray(REWARDS), there, 0.5)[:, [0, 2]]
    np.testing.assert_allclose(found, two - two[:, ::-1])
    one = np.array([False, True, False])
    np.testing.assert_allclose(
        alone.advantages(jnp.asarray(REWARDS), one, 0.5)[:, 1], np.asarray(CREDITS[credit])[:, 1]
    )
    everybody = alone.advantages(jnp.asarray(REWARDS), np.full(3, True), 0.5)
    assert everybody[1, 0] == pytest.approx(CREDITS[credit][1][0] - np.mean(CREDITS[credit][1][1:]))


@pytest.mark.parametrize(
    "arguments, line",
    [
        (("reward_to_stay",), "credit='reward_to_stay' is unknown: give 'reward_to_go' or "),
        (("full_return", "mean"), "baseline='mean' is unknown: give 'none' or 'leave_one_out'"),
        (("full_return", "none", -0.1), "entropy=-0.1 is no weight"),
        (("full_return", "none", float("nan")), "entropy=nan is no weight"),
        (("full_return", "leave_one_out", 0.0, Critic()), "baseline='leave_one_out' and a critic, which is one"),
        (("full_return", "none", 0.0, Critic(gae_lambda=0.5)), "credit='full_return' and a critic, which knows"),
    ],
)
def test_bad_arguments_are_named(arguments, line):
    with pytest.raises(ValueError, match=line):
        Estimator(*arguments)


@pytest.mark.parametrize(
    "arguments, line",
    [({"step_size": 0.0}, "step_size=0.0 is no step size"), ({"gae_lambda": 1.5}, "gae_lambda=1.5 is outside")],
)
def test_bad_critics_are_named(arguments, line):
    with pytest.raises(ValueError, match=line):
        Critic(**arguments)


def test_entropies_of_the_policies():
    discrete = MLP(()).for_spaces(2, Discrete(3))
    logits = jnp.array([[0.0, 0.0, 0.0], [2.0, -1.0, 0.5]])
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(discrete.entropy(logits), -(p * np.log(p)).sum(1), rtol=1e-12)
    gaussian, deviation = MLP(()).for_spaces(2, Box(2, 1.0)), np.array([[0.3, 2.0], [1.0, 1.0]])
    expected = norm.entropy(scale=deviation).sum(1)
    np.testing.assert_allclose(gaussian.entropy((jnp.zeros((2, 2)), deviation)), expected, rtol=1e-6)


# ---- a table, as an environment with a policy of one layer: its logits are θ[s] = W[s] + b

STATES, ACTIONS, HORIZON, DISCOUNT = 4, 3, 6, 0.6
MDP = TabularMDP.garnet(STATES, ACTIONS, 2, seed=3, discount=DISCOUNT, horizon=HORIZON)


@dataclass(frozen=True)
class Table:
    observation_size: int = STATES
    actions: Discrete = Discrete(ACTIONS)

    def reset(self, key):
        return jax.random.choice(key, STATES, p=jnp.asarray(MDP.initial))

    def observe(self, state):
        return jax.nn.one_hot(state, STATES)

    def step(self, state, action, key):
        after = jax.random.choice(key, STATES, p=jnp.asarray(MDP.transitions)[state, action])
        return after, jnp.asarray(MDP.rewards)[state, action], jnp.asarray(False)


PARAMS = 0.7 * np.random.default_rng(0).standard_normal(STATES * ACTIONS + ACTIONS)
LOGITS = PARAMS[: STATES * ACTIONS].reshape(STATES, ACTIONS) + PARAMS[STATES * ACTIONS :]
WORTH = np.random.default_rng(1).standard_normal(STATES + 1)  # of a critic: V(s) = W[s] + b, as good as any
JOBS, BATCHES = 4, 30_000
CRITIC, MEAN = Critic(hidden=()), Critic(running_mean=True)


@cache
def batches(estimator):
    """Gradients of many batches of jobs, shape (batches, d)."""
    problem = PolicyGradient(Table(), HORIZON, DISCOUNT, MLP(()), estimator=estimator)
    weights, workers = jnp.full(JOBS, 1 / JOBS), jnp.zeros(JOBS, jnp.int32)
    said = [] if estimator.critic is None else [0.7] if estimator.critic.running_mean else WORTH
    params = jnp.append(jnp.asarray(PARAMS), jnp.asarray(said))

    @jax.jit
    def of_one(key):
        return problem.gradient(params, jax.random.split(key, JOBS), workers, weights)[0]

    return np.asarray(jax.lax.map(of_one, jax.random.split(jax.random.key(7), BATCHES), batch_size=1000))


def chained(table):
    """A gradient in θ as one in (W, b)."""
    return np.concatenate([np.ravel(table), np.sum(table, axis=0)])


def visited():
    """P(s_t = s) for t < H, shape (H, S)."""
    policy = np.asarray(jax.nn.softmax(LOGITS))
    chain, here = np.einsum("sa,sat->st", policy, MDP.transitions), [MDP.initial]
    for _ in range(HORIZON - 1):
        here.append(here[-1] @ chain)
    return np.array(here)


def from_step():
    """Σ_t Σ_s P(s_t = s) Σ_a π(a|s) Q_{H-t}(s, a) ∇ log π(a|s), with Q discounted from t on."""
    policy, value, found = np.asarray(jax.nn.softmax(LOGITS)), np.zeros(STATES), np.zeros((STATES, ACTIONS))
    for here in visited()[::-1]:
        q = MDP.rewards + DISCOUNT * MDP.transitions @ value
        value = (policy * q).sum(1)
        found += here[:, None] * policy * (q - value[:, None])
    return found


def of_entropy():
    """Σ_t γ^t Σ_s P(s_t = s) ∇ H(π(·|s))."""
    weights = (DISCOUNT ** np.arange(HORIZON)) @ visited()

    def bonus(logits):
        logs = jax.nn.log_softmax(logits)
        return -(weights * (jnp.exp(logs) * logs).sum(1)).sum()

    return jax.grad(bonus)(jnp.asarray(LOGITS))


EXACT = np.asarray(MDP.exact_gradient(jnp.ravel(LOGITS))).reshape(STATES, ACTIONS)


def away(gradients, expected):
    """In standard errors, the component that is farthest."""
    errors = gradients.std(axis=0, ddof=1) / BATCHES**0.5
    return (abs(gradients.mean(axis=0) - expected) / errors).max()


@pytest.mark.parametrize(
    "baseline, critic", [("none", None), ("leave_one_out", None), ("none", CRITIC), ("none", MEAN)]
)
@pytest.mark.parametrize("credit", CREDITS)
def test_the_mean_is_what_is_said(credit, baseline, critic):
    """Whatever a critic says."""
    if critic and credit == "full_return":
        return  # refused
    gradients = batches(Estimator(credit, baseline, critic=critic))[:, : PARAMS.size]
    if credit == "reward_to_go_from_step":
        assert away(gradients, chained(from_step())) < 4 < 40 < away(gradients, chained(EXACT))
    else:
        assert away(gradients, chained(EXACT)) < 4


def one_step_ahead():
    """As the exact gradient, with r + γ V(s') - V(s) instead of what followed; and what the critic then learns."""
    policy, worth = np.asarray(jax.nn.softmax(LOGITS)), WORTH[:-1] + WORTH[-1]
    found, learned = np.zeros((STATES, ACTIONS)), np.zeros(STATES)
    for t, here in enumerate(visited()):
        errors = MDP.rewards + DISCOUNT * (t < HORIZON - 1) * MDP.transitions @ worth - worth[:, None]
        mean = (policy * errors).sum(1)
        found += DISCOUNT**t * here[:, None] * policy * (errors - mean[:, None])
        learned += here * mean / HORIZON
    return chained(found), chained(learned[:, None])


def test_a_small_lambda_has_the_bias_of_its_critic():
    """The steps of the critic, too, have the mean that their words have."""
    gradients = batches(Estimator(critic=Critic(hidden=(), gae_lambda=0.0)))
    policy, critic = one_step_ahead()
    assert away(gradients[:, : PARAMS.size], policy) < 4 < 40 < away(gradients[:, : PARAMS.size], chained(EXACT))
    assert away(gradients[:, PARAMS.size :], critic) < 4


def followed():
    """Σ_s P(s_t = s) V^π_{H-t}(s), the mean of what follows step t, shape (H,)."""
    policy, value, found = np.asarray(jax.nn.softmax(LOGITS)), np.zeros(STATES), []
    for here in visited()[::-1]:
        value = (policy * (MDP.rewards + DISCOUNT * MDP.transitions @ value)).sum(1)
        found.append(here @ value)
    return np.array(found[::-1])


def test_a_running_mean_moves_to_the_mean():
    steps = batches(Estimator(critic=MEAN))[:, PARAMS.size :]
    assert away(steps, [followed().mean() - 0.7]) < 4 and steps.shape[1] == 1


def test_the_bonus_is_for_the_states_that_are_visited():
    gradients = batches(Estimator(entropy=0.5))
    assert away(gradients, chained(EXACT + 0.5 * np.asarray(of_entropy()))) < 4 < 40 < away(gradients, chained(EXACT))


def test_baselines_and_the_past_left_out_make_less_noise():
    noise = {
        (credit, baseline): batches(Estimator(credit, baseline)).var(axis=0).sum()
        for credit in ("full_return", "reward_to_go")
        for baseline in ("none", "leave_one_out")
    }
    assert noise["reward_to_go", "none"] < noise["full_return", "none"]
    for credit in ("full_return", "reward_to_go"):
        assert noise[credit, "leave_one_out"] < noise[credit, "none"]


# ---- critics that learn

CARTPOLE = PolicyGradient("CartPole-v1", 30, 0.95, MLP((8,)), 2, Estimator(critic=Critic(0.02, 0.9, (8,))))


def test_the_policy_starts_as_without_a_critic():
    key, alone = jax.random.key(3), PolicyGradient("CartPole-v1", 30, 0.95, MLP((8,)), 2)
    size = CARTPOLE.policy_network.size
    assert np.array_equal(CARTPOLE.init(key)[:size], alone.init(key)) and len(CARTPOLE.init(key)) == size + 49
    assert CARTPOLE.evaluate(CARTPOLE.init(key), key).value == alone.evaluate(alone.init(key), key).value


def test_a_critic_learns_beside_any_update_and_is_right_in_the_end():
    """Its steps are plain, and the policy's are the method's."""
    problem = PolicyGradient(Table(), HORIZON, DISCOUNT, MLP(()), 2, Estimator(critic=Critic(0.05, hidden=())))
    method = methods.rennala_nigt(20, 1e-7)  # so the policy stays where it is
    timeline = simulate(method, Cluster([1.0, 2.0]), updates=1500)
    history = replay(timeline, method, problem, seeds=[0], evaluate_every=30_000)
    policy, critic = np.split(history.params[0, 0], [problem.policy_network.size])
    start = np.asarray(problem.init(initial_key(0)))
    np.testing.assert_allclose(policy, start[: policy.size], atol=1e-3)
    found = critic[:-1] + critic[-1]
    np.testing.assert_allclose(found, exact_worth(start[: policy.size]), rtol=0.05)


def exact_worth(params):
    """What follows a state on average over the steps at which it is visited: the least squares of V(s), shape (S,)."""
    logits = params[: STATES * ACTIONS].reshape(STATES, ACTIONS) + params[STATES * ACTIONS :]
    policy, value = np.asarray(jax.nn.softmax(jnp.asarray(logits))), np.zeros(STATES)
    chain, here, values = np.einsum("sa,sat->st", policy, MDP.transitions), [MDP.initial], []
    for _ in range(HORIZON - 1):
        here.append(here[-1] @ chain)
    for _ in range(HORIZON):
        value = (policy * (MDP.rewards + DISCOUNT * MDP.transitions @ value)).sum(1)
        values.append(value)
    return (np.array(here) * np.array(values[::-1])).sum(0) / np.array(here).sum(0)


@pytest.mark.parametrize("method", [methods.afedpg(0.02), methods.rennala_pg(3, 1e-4)], ids=lambda method: method.name)
def test_critics_in_replay_and_in_training_while_simulating(method):
    problem = PolicyGradient("Pendulum-v1", 20, 0.95, MLP((8,)), 2, Estimator(critic=Critic(0.02, 0.9, (8,))))
    history, _ = train(method, Cluster([0.1, 0.13], 0.7), problem, seeds=[0, 1], updates=12)
    whole = simulate(method, Cluster([2.0, 2.6], 0.7), updates=12)
    replayed = replay(whole, method, problem, seeds=[0, 1])
    np.testing.assert_allclose(history.params, replayed.params, rtol=1e-8)


def test_what_computes_something_else_has_no_critic():
    with pytest.raises(ValueError, match="estimator.critic is not for MVR: leave it out"):
        CARTPOLE.adapted(MVR(0.1))
