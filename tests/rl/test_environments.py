"""Gymnasium is the reference: same state and action in, same state, observation, reward and end out."""

from dataclasses import fields, replace

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asyncsim.rl.environments import ENVIRONMENTS, Acrobot, Box, CartPole, Discrete, Pendulum, make

PI = np.pi
STARTS = {  # Gymnasium's reset: lowest and highest state
    "CartPole-v1": ([-0.05] * 4, [0.05] * 4),
    "Acrobot-v1": ([-0.1] * 4, [0.1] * 4),
    "Pendulum-v1": ([-PI, -1.0], [PI, 1.0]),
    "MountainCarContinuous-v0": ([-0.6, 0.0], [-0.4, 0.0]),
}
CORNERS = {  # wide enough to fall, clip, wrap, hit the wall and reach the goal
    "CartPole-v1": ([-2.5, -3.0, -0.25, -3.0], [2.5, 3.0, 0.25, 3.0]),
    "Acrobot-v1": ([-PI, -PI, -4 * PI, -9 * PI], [PI, PI, 4 * PI, 9 * PI]),
    "Pendulum-v1": ([-20.0, -8.0], [20.0, 8.0]),
    "MountainCarContinuous-v0": ([-1.2, -0.07], [0.6, 0.07]),
}
OTHER = {  # fields, all different, and the attributes of Gymnasium's class that mean the same
    "CartPole-v1": (
        dict(gravity=9.0, masscart=1.3, masspole=0.2, length=0.7, force_mag=8.0, tau=0.03)
        | dict(theta_threshold=0.15, x_threshold=2.0),
        dict(gravity=9.0, masscart=1.3, masspole=0.2, total_mass=1.5, length=0.7, polemass_length=0.14)
        | dict(force_mag=8.0, tau=0.03, theta_threshold_radians=0.15, x_threshold=2.0),
    ),
    "Acrobot-v1": (
        dict(link_length_1=1.1, link_mass_1=0.8, link_mass_2=1.2, link_com_pos_1=0.4, link_com_pos_2=0.7)
        | dict(link_moi=0.9, torque=1.5, dt=0.15, max_vel_1=10.0, max_vel_2=20.0),
        dict(LINK_LENGTH_1=1.1, LINK_MASS_1=0.8, LINK_MASS_2=1.2, LINK_COM_POS_1=0.4, LINK_COM_POS_2=0.7)
        | dict(LINK_MOI=0.9, AVAIL_TORQUE=[-1.5, 0.0, 1.5], dt=0.15, MAX_VEL_1=10.0, MAX_VEL_2=20.0),
    ),
    "Pendulum-v1": (
        dict(gravity=9.0, mass=1.2, length=0.8, dt=0.04, max_speed=6.0, max_torque=1.5),
        dict(g=9.0, m=1.2, l=0.8, dt=0.04, max_speed=6.0, max_torque=1.5),
    ),
    "MountainCarContinuous-v0": (
        dict(power=0.002, max_action=1.2, max_speed=0.05, min_position=-1.1, max_position=0.5)
        | dict(goal_position=0.4, goal_velocity=0.02),
        dict(power=0.002, min_action=-1.2, max_action=1.2, max_speed=0.05, min_position=-1.1, max_position=0.5)
        | dict(goal_position=0.4, goal_velocity=0.02),
    ),
}
KEY = jax.random.key(0)

each = pytest.mark.parametrize("name", ENVIRONMENTS)


def gymnasium_environment(name):
    env = gymnasium.make(name).unwrapped
    env.reset(seed=0)
    return env


def random_actions(environment, rng, count):
    match environment.actions:
        case Discrete(size):
            return rng.integers(size, size=count)
        case Box(size, scale):
            return rng.uniform(-1.5 * scale, 1.5 * scale, (count, size))  # beyond what is allowed: clipped


def random_states(name, rng, count):
    return rng.uniform(*CORNERS[name], (count, len(CORNERS[name][0])))


@each
def test_a_thousand_steps_follow_gymnasium(name):
    rng = np.random.default_rng(1)
    environment, reference = make(name), gymnasium_environment(name)
    step, observe = jax.jit(environment.step), jax.jit(environment.observe)
    starts = np.array(jax.vmap(environment.reset)(jax.random.split(KEY, 1000)))

    terminated = False
    for t, action in enumerate(random_actions(environment, rng, 1000)):
        if terminated or t % 200 == 0:  # no longer: swinging things double a rounding error every few dozen steps
            state = starts[t]
            reference.reset()
            reference.state = state
        elif name == "MountainCarContinuous-v0":  # rounds its own state to 32 bits
            reference.state = np.array(state)
        state, reward, terminated = step(state, action, KEY)
        expected, expected_reward, expected_end, _, _ = reference.step(action)
        np.testing.assert_allclose(observe(state), expected, rtol=0, atol=1e-6)
        np.testing.assert_allclose(reward, expected_reward, rtol=0, atol=1e-9)
        assert terminated == expected_end


@each
@pytest.mark.parametrize("constants", ["default", "other"])
def test_single_steps_match_gymnasium_everywhere(name, constants):
    rng = np.random.default_rng(2)
    environment, reference = make(name), gymnasium_environment(name)
    if constants == "other":
        ours, theirs = OTHER[name]
        environment = replace(environment, **ours)
        for attribute, value in theirs.items():
            assert hasattr(reference, attribute)
            setattr(reference, attribute, value)

    states, actions = random_states(name, rng, 1000), random_actions(environment, rng, 1000)
    expected = []
    for state, action in zip(states, actions, strict=True):
        reference.state, reference.steps_beyond_terminated = state.copy(), None
        observation, reward, terminated, _, _ = reference.step(action)
        expected.append((reference.state, observation, reward, terminated))
    expected_states, observations, rewards, ends = map(np.array, zip(*expected, strict=True))

    after, reward, terminated = jax.jit(jax.vmap(environment.step, (0, 0, None)))(states, actions, KEY)
    rounding = 1e-7 if name == "MountainCarContinuous-v0" else 1e-12  # its states have 32 bits
    np.testing.assert_allclose(after, expected_states, rtol=rounding, atol=1e-12)
    np.testing.assert_allclose(jax.vmap(environment.observe)(after), observations, rtol=0, atol=1e-6)
    np.testing.assert_allclose(reward, rewards, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(terminated, ends)
    assert 0 < ends.sum() < 1000 or name == "Pendulum-v1"


def test_random_states_reach_the_corners():
    rng = np.random.default_rng(2)

    def after(name):
        environment = make(name)
        states, actions = random_states(name, rng, 1000), random_actions(environment, rng, 1000)
        return states, np.array(jax.jit(jax.vmap(environment.step, (0, 0, None)))(states, actions, KEY)[0])

    _, acrobot = after("Acrobot-v1")
    assert (np.abs(acrobot[:, 2]) == 4 * PI).any() and (np.abs(acrobot[:, 3]) == 9 * PI).any()
    assert (np.abs(acrobot[:, :2]) <= PI).all()
    _, pendulum = after("Pendulum-v1")
    assert (np.abs(pendulum[:, 1]) == 8).any() and (np.abs(pendulum[:, 0]) > PI).any()
    before, car = after("MountainCarContinuous-v0")
    assert (np.abs(car[:, 1]) == 0.07).any() and (car[:, 0] == 0.6).any()
    walled = car[:, 0] == -1.2
    assert walled.any() and (car[walled, 1] == 0).all() and (before[walled, 1] < 0).any()


@each
def test_reset_is_uniform_in_gymnasium_s_range(name):
    count = 4000
    low, high = map(np.array, STARTS[name])
    reference = gymnasium_environment(name)
    theirs = np.array([(reference.reset(), reference.state)[1] for _ in range(300)])
    ours = np.array(jax.jit(jax.vmap(make(name).reset))(jax.random.split(KEY, count)))

    for sample in (theirs, ours):  # within the range (Acrobot's has 32 bits), and close to its ends
        rounding, near = 1e-7, 0.05 * (high - low)
        assert (sample >= low - rounding).all() and (sample <= high + rounding).all()
        assert (sample.min(0) <= low + near).all() and (sample.max(0) >= high - near).all()
    variance = (high - low) ** 2 / 12  # five standard errors of the mean, and of a uniform's variance
    assert (np.abs(ours.mean(0) - (low + high) / 2) <= 5 * np.sqrt(variance / count)).all()
    assert (np.abs(ours.var(0) - variance) <= 5 * variance * np.sqrt(0.8 / count)).all()
    moving = ours[:, high > low]
    correlation = np.atleast_2d(np.corrcoef(moving.T)) - np.eye(moving.shape[1])
    assert np.abs(correlation).max() < 5 / np.sqrt(count)


@each
def test_every_field_matters_and_may_be_traced(name):
    rng = np.random.default_rng(3)
    environment = make(name)
    states, actions = random_states(name, rng, 500), random_actions(environment, rng, 500)
    names = [field.name for field in fields(environment)]
    table = np.array([getattr(environment, each) for each in names])
    # row 0: the defaults; row i: only field i differs
    table = np.vstack([table, table + np.diag(np.where(table == 0, 0.02, 0.1 * table))])

    def steps(values, states, actions):
        variant = replace(environment, **dict(zip(names, values, strict=True)))
        return jax.vmap(variant.step, (0, 0, None))(states, actions, KEY)

    traced = jax.jit(jax.vmap(steps, (0, None, None)))(table, states, actions)
    after, reward, terminated = map(np.array, traced)
    for row, field in enumerate(names, start=1):
        same = [np.array_equal(x[0], x[row]) for x in (after, reward, terminated)]
        assert not all(same), f"{field} changes nothing"
    constant = replace(environment, **{names[0]: float(table[1, 0])})
    expected = jax.jit(jax.vmap(constant.step, (0, 0, None)))(states, actions, KEY)
    for got, want in zip((after, reward, terminated), expected, strict=True):
        np.testing.assert_allclose(got[1], want, rtol=1e-12, atol=1e-12)


def test_a_longer_pole_falls_more_slowly():
    def fall(length):
        def push(state, _):
            return replace(CartPole(), length=length).step(state, 1, KEY)[0], None

        return jax.lax.scan(push, jnp.zeros(4), length=10)[0][2]

    short, long = jax.jit(jax.vmap(fall))(jnp.array([0.5, 1.0]))
    assert short < long < 0


@each
@pytest.mark.parametrize("wide", [False, True])
def test_a_step_keeps_shapes_and_the_default_float(name, wide):
    with jax.enable_x64(wide):
        environment = make(name)
        action = jnp.zeros((), jnp.int32) if isinstance(environment.actions, Discrete) else jnp.zeros(1)
        state = jax.eval_shape(environment.reset, KEY)
        after, reward, terminated = jax.eval_shape(environment.step, state, action, KEY)
        observation = jax.eval_shape(environment.observe, state)
        number = jnp.result_type(float)
    assert number == (jnp.float64 if wide else jnp.float32)
    assert after == state and state.dtype == number  # a scan may carry it
    assert (reward.shape, reward.dtype) == ((), number) and (terminated.shape, terminated.dtype) == ((), bool)
    assert (observation.shape, observation.dtype) == ((environment.observation_size,), number)


@each
def test_spaces_are_gymnasium_s(name):
    environment, reference = make(name), gymnasium_environment(name)
    assert reference.observation_space.shape == (environment.observation_size,)
    match environment.actions:
        case Discrete(size):
            assert reference.action_space.n == size
        case Box(size, scale):
            assert reference.action_space.shape == (size,)
            assert reference.action_space.low == -scale and reference.action_space.high == scale


def test_make_sets_fields():
    assert make("CartPole-v1") == CartPole()
    assert make("Acrobot-v1", link_mass_2=2.0) == Acrobot(link_mass_2=2.0)
    assert make("Pendulum-v1", max_torque=3.0) == Pendulum(max_torque=3.0)
    assert make("Pendulum-v1", max_torque=3.0).actions == Box(1, 3.0)


@pytest.mark.parametrize(
    ("name", "constants", "line"),
    [
        ("CartPol-v1", {}, "environment='CartPol-v1' is unknown: did you mean 'CartPole-v1'?"),
        (
            "Ant",
            {},
            f"environment='Ant' is unknown: known: {', '.join(ENVIRONMENTS)}, "
            "Humanoid-v4, HalfCheetah-v4, Walker2d-v4, Hopper-v4, Reacher-v4, "
            "Humanoid-v5, HalfCheetah-v5, Walker2d-v5, Hopper-v5, Reacher-v5",
        ),
        (
            "CartPole-v1",
            {"gravity": 9.0, "lenght": 1.0},
            "environment field 'lenght' is unknown for CartPole-v1: did you mean 'length'?",
        ),
        (
            "Pendulum-v1",
            {"observation_size": 3},
            "environment field 'observation_size' is unknown for Pendulum-v1: "
            "known: gravity, mass, length, dt, max_speed, max_torque",
        ),
    ],
)
def test_make_says_in_one_line_what_would_do(name, constants, line):
    with pytest.raises(ValueError) as error:
        make(name, **constants)
    assert str(error.value) == line
