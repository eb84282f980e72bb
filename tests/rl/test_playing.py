"""Policies in Gymnasium: what they reach there is what they reach here."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from gymnasium.envs.classic_control import PendulumEnv

from asyncsim import PolicyGradient
from asyncsim.rl.critics import Critic
from asyncsim.rl.estimators import Estimator
from asyncsim.rl.playing import check_playable, play
from asyncsim.rl.policies import MLP


@pytest.mark.parametrize("name", ["CartPole-v1", "Reacher-v4"])
def test_returns_there_are_those_here(name):
    problem = PolicyGradient(name, horizon=25, discount=0.9, policy=MLP((8,)), evaluation_episodes=200)
    params = problem.init(jax.random.key(3))
    here = problem.trajectories(params, jax.random.split(jax.random.key(4), 200), np.zeros(200, np.int32))
    here = np.asarray(here.rewards.sum(axis=0))
    there, frames, _ = play(name, problem.policy_network, np.asarray(params), 25, 100)
    error = (here.var() / len(here) + there.var() / len(there)) ** 0.5
    assert abs(here.mean() - there.mean()) < 4 * error and there.std() == pytest.approx(here.std(), rel=0.4)
    assert not frames


def test_episodes_are_their_own(name="CartPole-v1"):
    network = PolicyGradient(name, horizon=30, discount=0.9, policy=MLP((8,))).policy_network
    params = np.asarray(network.init(jax.random.key(0)))
    few, many = (play(name, network, params, 30, episodes)[0] for episodes in (3, 6))
    assert np.array_equal(few, many[:3]) and len(set(many)) > 1
    assert play(name, network, params, 5, 1)[0] == [5.0]  # the horizon ends it


def test_what_is_trained_in_gymnasium_is_played_there():
    """With its own time limit, a critic or none, and observations as the policy has them."""
    plain = PolicyGradient("CartPole-v1", horizon=30, discount=0.9, policy=MLP((8,)))
    judged = replace(plain, environment="gymnasium/CartPole-v1", estimator=Estimator(critic=Critic(hidden=(4,))))
    key = jax.random.key(0)
    found = [
        play(name, problem.policy_network, np.asarray(problem.init(key)), 30, 3)[0]
        for name, problem in (("CartPole-v1", plain), ("gymnasium/CartPole-v1", judged))
    ]
    assert np.array_equal(*found)
    table = PolicyGradient("gymnasium/FrozenLake-v1", horizon=150, discount=0.9, policy=MLP((8,))).policy_network
    returns, _, _ = play("gymnasium/FrozenLake-v1", table, np.asarray(table.init(key)), 150, 2)
    assert set(returns) <= {0.0, 1.0}


def test_gymnasiums_own_limit_is_not_ours(monkeypatch):
    steps, step = [], PendulumEnv.step
    monkeypatch.setattr(PendulumEnv, "step", lambda world, action: steps.append(action) or step(world, action))
    network = PolicyGradient("Pendulum-v1", horizon=210, discount=0.9, policy=MLP((8,))).policy_network
    play("Pendulum-v1", network, np.asarray(network.init(jax.random.key(0))), 210, 1)
    assert len(steps) == 210  # and not 200


def test_a_film_has_a_frame_for_every_step():
    pytest.importorskip("pygame")
    network = PolicyGradient("CartPole-v1", horizon=30, discount=0.9, policy=MLP((8,))).policy_network
    returns, frames, rate = play("CartPole-v1", network, np.asarray(network.init(jax.random.key(0))), 30, 2, film=True)
    assert len(frames) == returns[0] and rate == 50.0
    assert frames[0].shape == (400, 600, 3) and (frames[0] != frames[-1]).any()


def test_what_cannot_be_drawn_is_told(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "nothing")
    network = PolicyGradient("Reacher-v4", horizon=3, discount=0.9, policy=MLP((8,))).policy_network
    params = np.asarray(network.init(jax.random.key(0)))
    said = r"^Reacher-v4 cannot be drawn here: .*: set MUJOCO_GL=egl or osmesa, as far as"
    with pytest.raises(ValueError, match=said) as error:
        play("Reacher-v4", network, params, 3, 1, film=True)
    assert error.value.__cause__ is not None


def test_what_gymnasium_has():
    check_playable("Humanoid-v5")
    with pytest.raises(
        ValueError, match="^environment='CartPol' is none that Gymnasium has: did you mean 'CartPole-v1'"
    ):
        check_playable("CartPol")
