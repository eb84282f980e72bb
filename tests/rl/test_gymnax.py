"""gymnax's environments behind our Protocol; those that we have, too, are the reference."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asyncsim import Cluster, PolicyGradient, methods, replay, simulate
from asyncsim.rl import gymnax as ours
from asyncsim.rl.environments import Box, Discrete, make
from asyncsim.rl.policies import MLP

KEY = jax.random.key(0)


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1", "MountainCarContinuous-v0"])
def test_steps_are_those_of_our_own(name):
    pytest.importorskip("gymnax")
    theirs, own = make(f"gymnax/{name}"), make(name)
    assert (theirs.observation_size, theirs.actions) == (own.observation_size, own.actions)
    step, ended = jax.jit(theirs.step), False
    state = theirs.reset(KEY)
    start = {"Pendulum-v1": lambda o: jnp.stack([jnp.arctan2(o[1], o[0]), o[2]])}.get(name, lambda o: o)(
        state.observation
    )
    rng = np.random.default_rng(0)
    for _ in range(15):
        action = rng.integers(2) if isinstance(own.actions, Discrete) else rng.uniform(-1, 1, 1) * own.actions.scale
        state, reward, ended = step(state, jnp.asarray(action), KEY)
        start, expected, end = own.step(start, action, KEY)
        np.testing.assert_allclose(theirs.observe(state), own.observe(start), atol=1e-5)
        np.testing.assert_allclose(reward, expected, atol=1e-5)
        assert ended == end


def test_an_episode_has_no_time_limit():
    pytest.importorskip("gymnax")
    environment = make("gymnax/Pendulum-v1")

    def step(state, _):
        state, _, ended = environment.step(state, jnp.zeros(1), KEY)
        return state, ended

    assert not jax.lax.scan(step, environment.reset(KEY), length=300)[1].any()  # gymnax ends it after 200


@pytest.mark.parametrize("name", ["CartPole-v1", "MountainCarContinuous-v0", "Catch-bsuite"])
@pytest.mark.parametrize("wide", [False, True])
def test_it_trains(name, wide):
    pytest.importorskip("gymnax")
    with jax.enable_x64(wide):
        problem = PolicyGradient(f"gymnax/{name}", 10, 0.9, MLP((8,)), evaluation_episodes=2)
        method = methods.rennala_nigt(4, 0.05)
        history = replay(simulate(method, Cluster([1.0, 2.0]), updates=2), method, problem, seeds=[0], evaluate_every=8)
    assert np.isfinite(history.params).all() and isinstance(problem.policy_network.actions, Discrete | Box)
    assert history.to_frame()["env_steps"].iloc[-1] > 0


def test_what_it_does_not_know_is_said_in_one_line():
    pytest.importorskip("gymnax")
    for name, fields, line in (
        ("gymnax/CartPol-v1", {}, "environment='gymnax/CartPol-v1' is unknown: did you mean 'CartPole-v1'?"),
        (
            "gymnax/CartPole-v1",
            {"gravity": 1.0},
            "environment field 'gravity' is unknown for gymnax/CartPole-v1: it has none",
        ),
    ):
        with pytest.raises(ValueError) as error:
            make(name, **fields)
        assert str(error.value) == line


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(ours, "_made", ours._made.__wrapped__)  # nothing kept from before
    monkeypatch.setitem(sys.modules, "gymnax", None)
    with pytest.raises(ValueError) as error:
        make("gymnax/CartPole-v1")
    assert str(error.value) == (
        "environment='gymnax/CartPole-v1' needs the package gymnax: pip install 'asyncsim[gymnax]'"
    )
