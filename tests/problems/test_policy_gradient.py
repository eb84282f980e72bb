import dataclasses

import jax
import numpy as np
import pytest

from asyncsim import Cluster, PolicyGradient, methods, replay, simulate
from asyncsim.cluster import sqrt
from asyncsim.rl.critics import Critic
from asyncsim.rl.environments import CartPole, Pendulum
from asyncsim.rl.estimators import Estimator
from asyncsim.rl.mujoco import MuJoCo
from asyncsim.rl.policies import MLP


def test_a_problem_is_a_value():
    problem = PolicyGradient("CartPole-v1", 200, 0.99)
    assert problem == PolicyGradient(CartPole(), 200, 0.99) and hash(problem) == hash(dataclasses.replace(problem))
    assert problem.workers is None and PolicyGradient([CartPole()] * 3, 200, 0.99).workers == 3
    assert problem.init(jax.random.key(0)).shape == (4 * 64 + 64 + 64 * 64 + 64 + 64 * 2 + 2,)


@pytest.mark.parametrize(
    "arguments, line",
    [
        (("CartPol-v1", 10, 0.9), "environment='CartPol-v1' is unknown: did you mean 'CartPole-v1'?"),
        (([CartPole(), Pendulum()], 10, 0.9), "environment holds CartPole and Pendulum: give one class"),
        (([], 10, 0.9), "environment holds nothing"),
        (("CartPole-v1", 0, 0.9), "horizon=0"),
        (("CartPole-v1", 10.5, 0.9), "horizon=10.5"),
        (("CartPole-v1", 10, 1.0), "discount=1.0 is outside [0, 1)"),
        (("CartPole-v1", 10, -0.1), "discount=-0.1"),
        (("CartPole-v1", 10, float("nan")), "discount=nan"),
    ],
)
def test_bad_arguments_are_named(arguments, line):
    with pytest.raises(ValueError) as error:
        PolicyGradient(*arguments)
    assert str(error.value).startswith(line) and "\n" not in str(error.value)


class Unlike(Pendulum):
    actions = "left or right"


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (lambda: CartPole, "the class asyncsim.rl.environments.CartPole, which is no environment here: give "),
        (Unlike, f"a {__name__}.Unlike, which is no environment here: give "),
        (lambda: None, "a builtins.NoneType, which is no environment here: give "),
    ],
)
def test_what_is_no_environment_is_refused_at_once(given, what):
    with pytest.raises(ValueError) as error:
        PolicyGradient(given(), 10, 0.9)
    line = str(error.value)
    assert line.startswith(f"environment is {what}") and "\n" not in line
    assert line.endswith(
        'give an id such as "CartPole-v1", an environment of asyncsim.rl, or one with Gymnasium\'s API'
    )
    for others in ([], [CartPole()]):
        with pytest.raises(ValueError) as error:
            PolicyGradient([*others, given()], 10, 0.9)
        line = str(error.value)
        assert line.startswith(f"environment[{len(others)}] is {what}")
        assert line.endswith("an environment of asyncsim.rl, or one with Gymnasium's API")
    with pytest.raises(ValueError, match=r"environment\[0\] is a builtins.str"):
        PolicyGradient(["CartPole-v1"], 10, 0.9)


def test_evaluation_keeps_the_workers_worlds_apart():
    worlds = CartPole(), CartPole(force_mag=-10.0), CartPole(length=2.0)

    def evaluated(*environments):
        problem = PolicyGradient(environments, 60, 0.99, MLP((8,)), evaluation_episodes=3)
        return problem.evaluate(2 * problem.init(jax.random.key(1)), jax.random.key(2))

    mixed = evaluated(*worlds)
    assert mixed.own_values.shape == (3,) and mixed.value == pytest.approx(float(mixed.own_values.mean()))
    for worker, world in enumerate(worlds):  # the same keys, and all workers in this world
        assert mixed.own_values[worker] == evaluated(world, world, world).own_values[worker]
    assert len(set(mixed.own_values.tolist())) == 3
    one = PolicyGradient("CartPole-v1", 60, 0.99, MLP((8,)))
    assert one.evaluate(one.init(jax.random.key(1)), jax.random.key(2)).own_values == ()


def test_a_policy_to_begin_with():
    """It is a value, and stands for all seeds; a critic's parameters may follow it, or are drawn."""
    plain = PolicyGradient("CartPole-v1", 10, 0.9, MLP((4,)))
    start, key = np.arange(30.0), jax.random.key(0)
    one, other = (dataclasses.replace(plain, start=params) for params in (start, start.tolist()))
    assert one == other and hash(one) == hash(other) and one != plain
    assert one != dataclasses.replace(plain, start=start + 1)
    assert np.array_equal(one.init(key), start) and not np.array_equal(plain.init(key), start)
    judged = dataclasses.replace(one, estimator=Estimator(critic=Critic(running_mean=True)))
    assert np.array_equal(judged.init(key), [*start, 0.0])
    assert np.array_equal(dataclasses.replace(judged, start=np.arange(31.0)).init(key), np.arange(31.0))
    for wrong in (np.arange(31.0), np.full(30, np.nan), np.ones((5, 6)), 1.0):
        with pytest.raises(ValueError, match="start has the shape .*: give 30 finite parameters"):
            dataclasses.replace(plain, start=wrong)


@pytest.mark.slow
@pytest.mark.parametrize(
    "method, step_sizes",
    [
        (methods.rennala_nigt(20, 1.0), [2**-6, 2**-5]),
        (methods.malenia_nigt(20, 1.0), [2**-6, 2**-5]),
        (methods.synchronous_nigt(1.0), [2**-6, 2**-5]),
        (methods.afedpg(1.0), [2**-8, 2**-7]),
    ],
    ids=lambda x: getattr(x, "name", ""),
)
def test_learning_is_real(method, step_sizes):
    """CartPole-v1: each NIGT method improves its mean return at least fivefold with a tuned step size."""
    problem = PolicyGradient("CartPole-v1", 200, 0.99)
    timeline = simulate(method, Cluster(sqrt(10), 1.0), gradients=2000)
    with jax.enable_x64(False):
        frame = replay(timeline, method, problem, seeds=[0, 1], step_sizes=step_sizes, evaluate_every=200).to_frame()
    curves = frame.groupby(["step_size", "update"])["eval_return"].mean().unstack(0)
    assert curves.iloc[-1].max() >= 5 * curves.iloc[0].max()


def test_only_the_c_engine_calls_the_host():
    assert PolicyGradient("Reacher-v4", 50, 0.99).calls_host
    assert not PolicyGradient(MuJoCo("Reacher-v4", engine="mjx"), 50, 0.99).calls_host
    assert PolicyGradient([MuJoCo("Reacher-v4"), MuJoCo("Reacher-v4")], 50, 0.99).calls_host
    assert not PolicyGradient([CartPole(), CartPole()], 50, 0.99).calls_host
