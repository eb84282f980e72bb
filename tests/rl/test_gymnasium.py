"""Environments of Gymnasium: a plain loop is the reference, and what cannot be trusted is refused."""

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium import spaces

from asyncsim import Cluster, PolicyGradient, Run, methods, replay, simulate
from asyncsim.cli import main
from asyncsim.cluster import sqrt
from asyncsim.learning.identity import Nameless, curve_settings
from asyncsim.rl import gymnasium as ours
from asyncsim.rl.environments import make
from asyncsim.rl.episodes import EPISODES, Episodes
from asyncsim.rl.policies import MLP
from asyncsim.rl.spaces import Box, Discrete
from asyncsim.scenario import ScenarioError, load

KEY = jax.random.key(0)


class Drift(gymnasium.Env):
    """A cloud of points that actions of an asymmetric box push about; the seed is also of the box."""

    observation_space = spaces.Box(-np.inf, np.inf, (2, 2), np.float64)

    def __init__(self, strength=1.0):
        self.strength = strength
        self.action_space = spaces.Box(np.float32([[-1.0, 0.0]]), np.float32([[3.0, 0.5]]))
        self.over = True

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.over, self.place = False, self.np_random.normal(size=(2, 2))
        return self.place.copy(), {}

    def step(self, action):
        assert not self.over and self.action_space.contains(action)
        self.place += self.strength * action + 0.1 * self.action_space.sample() * self.np_random.normal()
        self.over = bool(abs(self.place).max() > 6)
        return self.place.copy(), -np.square(action).sum(), self.over, False, {}


class Corridor(gymnasium.Env):
    """Five places in a row, and steps of -1, 0 and 1."""

    observation_space, action_space = spaces.Discrete(5), spaces.Discrete(3, start=-1)
    begun = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = int(self.np_random.integers(1, 4))
        Corridor.begun += 1
        return self.place, {}

    def step(self, action):
        assert action in self.action_space and 0 < self.place < 4, "it was over"
        self.place += int(action)
        return self.place, float(action), self.place in (0, 4), False, {}


def problem(environment, horizon=12, **others):
    return PolicyGradient(environment, horizon, 0.9, MLP((8,)), evaluation_episodes=2, **others)


def plain(environment, key, actions):
    """Observations, rewards and whether a step was taken, in Gymnasium's own way."""
    seed = int(jax.random.bits(jax.random.split(key, 3)[0], (), jnp.uint32))
    environment.action_space.seed(seed)
    observation, space = environment.reset(seed=seed)[0], environment.action_space
    rows, ended = [], False
    for action in np.asarray(actions):
        action = action + space.start if action.ndim == 0 else action.astype(space.dtype).reshape(space.shape)
        rows.append((spaces.flatten(environment.observation_space, observation) * (not ended), 0.0, not ended))
        if not ended:
            observation, reward, terminated, truncated, _ = environment.step(action)
            rows[-1], ended = (rows[-1][0], reward, True), terminated or truncated
    return zip(*rows)


EVERY = {
    "CartPole": "gymnasium/CartPole-v1",
    "LunarLander": "gymnasium/LunarLander-v3",
    "Pendulum": "gymnasium/Pendulum-v1",
    "FrozenLake": "gymnasium/FrozenLake-v1",
    "Drift": Drift,
    "Corridor": Corridor,
}


@pytest.mark.parametrize("name", EVERY)
def test_steps_are_gymnasiums(name):
    if name == "LunarLander":
        pytest.importorskip("Box2D")
    ours = problem(EVERY[name])
    keys = jax.random.split(KEY, 5)
    found = jax.jit(ours.trajectories)(ours.init(KEY), keys, jnp.zeros(5, int))
    actions = ours.policy_network.action(found.latents)
    for job, key in enumerate(keys):
        observations, rewards, alive = plain(ours.environment.makers[0](), key, actions[:, job])
        np.testing.assert_array_equal(found.observations[:, job], observations)
        np.testing.assert_array_equal(found.rewards[:, job], rewards)
        np.testing.assert_array_equal(found.alive[:, job], alive)


def test_actions_fill_asymmetric_boxes():
    network = problem(Drift).policy_network
    assert network.actions == Box(2, (2.0, 0.25), (1.0, 0.25))
    extremes = network.action(jnp.array([[-99.0, -99.0], [0.0, 0.0], [99.0, 99.0]]))
    np.testing.assert_array_equal(extremes, [[-1, 0], [1, 0.25], [3, 0.5]])
    assert problem("gymnasium/Pendulum-v1").policy_network.actions == Box(1, 2.0)
    assert problem(Corridor).policy_network.actions == Discrete(3)


def test_a_time_limit_ends_an_episode():
    limited, longer = (make("gymnasium/Pendulum-v1", max_episode_steps=steps) for steps in (4, 99))
    found, others = (problem(x).trajectories(problem(x).init(KEY), KEY[None], jnp.zeros(1)) for x in (limited, longer))
    assert found.alive[:, 0].tolist() == [True] * 4 + [False] * 8 and others.alive.all()
    np.testing.assert_array_equal(found.rewards, jnp.where(found.alive, others.rewards, 0))
    assert (others.rewards[4:] != 0).all()


# ---- trajectories are pure functions


@partial(jax.jit, static_argnums=0)
def played(environment, keys, actions):
    """Observations and rewards, of given actions."""

    def step(state, action):
        state, reward, ended = jax.vmap(environment.step)(state, action, keys)
        return state, (state.observation, reward, ended)

    return jax.lax.scan(step, jax.vmap(environment.reset)(keys), actions)[1]


def test_a_trajectory_is_the_same_in_any_company_and_on_any_thread():
    environment, keys = problem(Drift).environment, jax.random.split(KEY, 9)
    actions = jax.random.uniform(KEY, (20, 9, 2))
    company = played(environment, keys, actions)

    def alone(k):
        return [played(environment, keys[k : k + 1], actions[:, k : k + 1]) for _ in range(3)]

    with ThreadPoolExecutor(4) as pool:
        for k, several in enumerate(pool.map(alone, range(9))):
            for own in several:
                for ours, mine in zip(company, own):
                    np.testing.assert_array_equal(ours[:, k], mine[:, 0])


def test_a_loop_begins_new_episodes_each_time():
    """Although the compiler sees that they all begin in the same way."""
    environment = problem(Drift).environment
    reset = jax.jit(environment.reset)

    @jax.jit
    def sums(actions):
        def episode(k, total):
            return total + environment.step(reset(KEY), k * actions, KEY)[1]

        return jax.lax.fori_loop(0, 3, episode, 0.0)

    assert sums(jnp.full(2, 0.25)) == -(0 + 1 + 4) * 2 * 0.25**2


def test_a_state_is_stepped_once():
    environment = problem(Drift).environment
    state = environment.reset(KEY)
    after, _, _ = environment.step(state, jnp.ones(2), KEY)
    with pytest.raises(
        Exception, match="has had 1 steps, and cannot go on from the state after 0: step each state once"
    ):
        environment.step(state, jnp.zeros(2), KEY)
    environment.step(after, jnp.ones(2), KEY)


def test_an_object_is_copied():
    mine = Drift(strength=0.5)
    copied, made = problem(mine), problem(partial(Drift, strength=0.5))
    args = made.init(KEY), jax.random.split(KEY, 3), jnp.zeros(3, int)
    for one, other in zip(copied.trajectories(*args), made.trajectories(*args)):
        np.testing.assert_array_equal(one, other)
    assert mine.over  # nobody has used it


def test_batches_that_were_not_used_for_long_are_dropped_and_told():
    episodes = Episodes(room=2)
    first, second = (episodes.begin([Drift, None], [seed, 0])[0] for seed in (1, 2))
    action = np.float32([[1.0, 0.5]])
    episodes.step([(second, 0, 0), (first, 1, 0)], [action, action])
    episodes.step([(first, 0, 0)], [action])
    third, _ = episodes.begin([Drift, None], [3, 0])
    with pytest.raises(
        ValueError, match="^episodes of .* were dropped, because 2 newer batches .* were begun: run fewer"
    ):
        episodes.step([(second, 0, 1)], [action])
    environment = episodes.open[first].environments[0]
    episodes.step([(third, 0, 0)], [action])
    fourth, _ = episodes.begin([Drift, Drift], [4, 5])
    assert list(episodes.open) == [third, fourth] and environment not in episodes.open[fourth].environments
    fifth, _ = episodes.begin([Drift], [6])
    assert environment in episodes.open[fifth].environments  # which is used again


def test_programs_close_what_they_have_opened():
    """Also episodes that would go on beyond the horizon."""
    before = {*EPISODES.open}
    one, method = problem(Drift, horizon=3), methods.afedpg(0.1)
    timeline = simulate(method, Cluster([1.0, 1.5]), updates=4)
    replay(timeline, method, one, seeds=[0, 1], evaluate_every=2)
    assert {*EPISODES.open} <= before
    state = one.environment.reset(KEY)
    (mine,) = {*EPISODES.open} - before
    assert mine == int(state.handle[0])
    jax.block_until_ready(one.environment.close(state))
    assert mine not in EPISODES.open


def test_a_batch_is_not_dropped_while_it_is_stepped():
    episodes = Episodes(room=1)

    class Nested(Drift):
        def step(self, action):
            inner, _ = episodes.begin([Drift], [0])
            assert inner in episodes.open
            return super().step(action)

    number, _ = episodes.begin([Nested], [0])
    for t in range(2):
        episodes.step([(number, 0, t)], [np.float32([[1.0, 0.5]])])
        assert number in episodes.open
    episodes.begin([Drift], [0])
    assert number not in episodes.open


def test_the_last_observation_outlives_its_episode():
    class Buffer(Drift):
        seen = np.zeros((2, 2))

        def reset(self, **given):
            self.seen[:], info = super().reset(**given)
            return self.seen, info

        def step(self, action):
            self.seen[:] = 7
            return self.seen, 0.0, True, False, {}

    episodes = Episodes()
    number, _ = episodes.begin([Buffer], [0])
    (last,) = episodes.step([(number, 0, 0)], [np.zeros((1, 2))])
    episodes.begin([Buffer], [1])
    assert (last.observation == 7).all() and (Buffer.seen != 7).all()


def test_free_environments_are_few():
    closed = []

    class Counted(Drift):
        def close(self):
            closed.append(self)

    episodes = Episodes(room=1, spare=3)
    for _ in range(3):
        episodes.begin([Counted] * 2, [0, 1])
        episodes.begin([Drift] * 2, [0, 1])
    assert sum(map(len, episodes.spare.values())) == 2 and len(closed) == 0
    episodes.begin([Corridor] * 2, [0, 1])
    assert sum(map(len, episodes.spare.values())) == 3 and len(closed) == 1


def test_what_was_not_started_is_not_begun():
    one = problem(Corridor, horizon=30)
    started, params = jnp.array([True, False, True]), one.init(KEY)
    keys, before = jax.random.split(KEY, 3), Corridor.begun
    found = one.trajectories(params, keys, jnp.zeros(3, int), started)
    jax.block_until_ready(found)
    assert Corridor.begun == before + 2
    whole = one.trajectories(params, keys, jnp.zeros(3, int))
    np.testing.assert_array_equal(found.rewards, jnp.where(started, whole.rewards, 0))
    assert found.alive.any(0).tolist() == started.tolist() and not found.alive[-1].any()  # Corridor ends by itself


def test_an_action_that_is_no_number_ends_the_episode():
    environment = problem(Drift).environment
    state, reward, ended = environment.step(environment.reset(KEY), jnp.array([jnp.nan, 0.0]), KEY)
    assert ended and reward == 0
    assert environment.step(state, jnp.zeros(2), KEY)[1:] == (0, True)  # and nothing is stepped any more


# ---- training


def curves(seeds, environment="gymnasium/CartPole-v1", rule=methods.rennala_nigt):
    method = rule(4, 0.05) if rule is methods.rennala_nigt else rule(0.05)
    timeline = simulate(method, Cluster(sqrt(3), 0.5), gradients=12)
    return replay(timeline, method, problem(environment), seeds=seeds, evaluate_every=4).to_frame()


@pytest.mark.parametrize("rule", [methods.rennala_nigt, methods.afedpg])
def test_a_lane_is_the_same_beside_others(rule):
    many = curves(range(6), rule=rule)
    one = curves([0], rule=rule)
    assert many.query("seed == 0").reset_index(drop=True).equals(one)
    assert one["env_steps"].iloc[-1] > 0


def test_workers_have_environments_of_their_own():
    lengths = (0.5, 1.0, 2.0)
    both = problem([make("gymnasium/Pendulum-v1", g=g) for g in lengths])
    workers, keys, params = jnp.array([2, 0, 1, 2]), jax.random.split(KEY, 4), both.init(KEY)
    found = jax.jit(both.trajectories)(params, keys, workers)
    actions = both.policy_network.action(found.latents)
    for job, worker in enumerate(workers.tolist()):
        _, rewards, _ = plain(gymnasium.make("Pendulum-v1", g=lengths[worker]), keys[job], actions[:, job])
        np.testing.assert_array_equal(found.rewards[:, job], rewards)
    assert both.workers == 3 and both.evaluate(params, KEY).own_values.shape == (3,)
    assert problem([partial(Drift, g) for g in lengths]).workers == 3


SCENARIO = """
seeds = [0]
step_sizes = [0.05]
evaluate_every = 4
[stop]
updates = 3
[cluster]
workers = 3
compute = "sqrt"
[problem]
environment = "gymnasium/Pendulum-v1"
horizon = 10
discount = 0.9
hidden = [8]
evaluation_episodes = 2
[problem.fields]
g = [5, 10.0, 9.5]
max_episode_steps = 7
[methods.rennala_nigt]
batch_size = 4
"""


def test_a_scenario_may_name_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.toml").write_text(SCENARIO)
    assert main(["run", "x.toml"]) == 0
    steps = Run.load("results/x").curves.query("method == 'rennala_nigt'")["env_steps"]
    assert steps.max() == 7 * 4 * 3
    first, *_ = load("x.toml").problem().environment
    assert first.makers[0].keywords == (("g", 5), ("max_episode_steps", 7))
    for old, new, line in (
        ("g = [5,", "gg = [5,", "environment field 'gg' is unknown for gymnasium/Pendulum-v1: did you mean 'g'?"),
        ("-v1", "-v", "problem.environment='gymnasium/Pendulum-v' is unknown: did you mean 'gymnasium/Pendulum-v1'?"),
        ("9.5]", "'x']", "problem.fields.g[2]='x': give a number"),
        (", 9.5]", "]", "problem.fields.g has 2 values for 3 workers: give one number, or 3"),
    ):
        (tmp_path / "x.toml").write_text(SCENARIO.replace(old, new))
        with pytest.raises(ScenarioError) as error:
            load("x.toml").problem()
        assert f"{error.value}".startswith("x.toml: problem") and line in f"{error.value}"
    lander = SCENARIO.replace("Pendulum-v1", "LunarLander-v3")
    lander = lander.replace("g = [5, 10.0, 9.5]", "continuous = true")
    (tmp_path / "x.toml").write_text(lander)
    assert load("x.toml").problem().policy_network.actions == Box(2, 1.0)
    (tmp_path / "x.toml").write_text(SCENARIO.replace("gymnasium/", "").replace("g = [5, 10.0, 9.5]", "mass = true"))
    with pytest.raises(ScenarioError, match="problem.fields={.*}: give a number"):
        load("x.toml")


# ---- what is refused


class Surviving(Drift):
    """Resets do not reset everything."""

    place = 0

    def reset(self, **given):
        kept, (observation, info) = self.place, super().reset(**given)
        self.place += kept
        return observation, info


class Shared(Drift):
    """It draws from numbers that other episodes draw from, too."""

    def reset(self, *, seed=None, options=None):
        np.random.seed(seed)
        return super().reset(seed=seed)

    def step(self, action):
        observation, reward, *others = super().step(action)
        return observation, reward + np.random.normal(), *others


class Ages(Drift):
    """Its instances are not alike."""

    born = 0

    def __init__(self):
        super().__init__()
        Ages.born += 1
        self.age = Ages.born % 3

    def step(self, action):
        return self.place, 0.0, False, self.age == 0, {}


class Odd(Drift):
    observation_space = spaces.Box(-1, 1, (3,))


class Unseeded(Drift):
    def reset(self):
        return super().reset()


class Growing(Drift):
    observation_space = spaces.Dict(a=spaces.Sequence(spaces.Discrete(2)))


def acting(space):
    def made():
        environment = Drift()
        environment.action_space = space
        return environment

    return made


class Locked(Drift):
    def __init__(self):
        super().__init__()
        self.lock = Lock()


OBJECT = Drift()
NOT_SEEN = "is not reproducible by reset(seed=0): with the same actions, the"
REFUSED = {
    "survives": (Surviving, f"environment='Surviving' {NOT_SEEN} observation at step 1 was another one the next time"),
    "shared": (Shared, f"environment='Shared' {NOT_SEEN} reward at step 1 was another one the next time"),
    "instances": (Ages, f"environment='Ages' {NOT_SEEN} end at step 1 was another one the next time"),
    "one object": (lambda: OBJECT, "environment='<lambda>' is the same object each time"),
    "no copy": (
        Locked(),
        "environment='Locked' cannot be copied: cannot pickle '_thread.lock' object: give a function",
    ),
    "no API": (dict, "environment='dict' makes a builtins.dict, which has not Gymnasium's API"),
    "sizes": (Odd, "environment='Odd' has observations of 4 numbers, its observation_space of 3"),
    "seed": (Unseeded, "environment='Unseeded' fails when an episode is tried, TypeError: Unseeded.reset() got an"),
    "long": (acting(spaces.Box(np.arange(99, dtype=np.float32), np.inf)), "environment='acting.<locals>.made' has act"),
    "sequences": (Growing, "environment='Growing' has observations in Dict('a': Sequence("),
    "several": (
        acting(spaces.MultiDiscrete([2, 3])),
        "environment='acting.<locals>.made' has actions in MultiDiscrete",
    ),
    "unbounded": (acting(spaces.Box(-np.inf, 1.0, (2,))), "environment='acting.<locals>.made' has actions in Box(-inf"),
    "integers": (acting(spaces.Box(0, 3, (2,), int)), "environment='acting.<locals>.made' has actions in Box(0, 3"),
    "hash": (partial(make, "gymnasium/Pendulum-v1", g=[1.0]), "environment='gymnasium/Pendulum-v1' has no hash: give"),
    "unlike": (
        [Drift, Corridor],
        "environment='Corridor' of worker 1 has 5 numbers to see and Discrete(size=3), that of",
    ),
    "range": (
        partial(make, "gymnasium/LunarLander-v3", gravity=1.0),
        "environment='gymnasium/LunarLander-v3' cannot be made: gravity (current value: 1.0) must be between -12 and 0",
    ),
    "a real one": (
        partial(make, "gymnasium/BipedalWalker-v3"),
        f"environment='gymnasium/BipedalWalker-v3' {NOT_SEEN} observation at step 1 was another one the next time",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_used_is_refused_in_one_line(what):
    given, line = REFUSED[what]
    if "gymnasium/" in line:
        pytest.importorskip("Box2D")
    with pytest.raises(ValueError) as error:
        problem(given() if isinstance(given, partial) else given)
    assert str(error.value).startswith(line) and "\n" not in str(error.value)


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    ours._spaces.cache_clear()
    for name in [name for name in sys.modules if name.startswith("gymnasium.envs.box2d")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "Box2D", None)
    with pytest.raises(ValueError) as error:
        make("gymnasium/LunarLander-v3")
    assert str(error.value) == (
        "environment='gymnasium/LunarLander-v3' needs a package that is not there: pip install 'asyncsim[box2d]'"
    )


# ---- names, for the store


def described(environment):
    return curve_settings(problem(environment), methods.afedpg(0.1).update, 10, (5, 2))["problem"]


def test_what_can_be_found_again_has_a_name():
    every = [Drift, Corridor, partial(Drift, 2.0), partial(Drift, strength=2.0), partial(Drift, strength=3.0)]
    every += [make("gymnasium/Pendulum-v1"), make("gymnasium/Pendulum-v1", g=9.0), make("gymnasium/CartPole-v1")]
    keys = [str(described(environment)) for environment in every]
    assert len({*keys}) == len(keys)
    for limit in (5, 6):  # a name that is given again, to something else
        gymnasium.registry.pop("Drift-v0", None)
        gymnasium.register("Drift-v0", Drift, max_episode_steps=limit)
        keys.append(str(described(make("gymnasium/Drift-v0"))))
    del gymnasium.registry["Drift-v0"]
    assert keys[-1] != keys[-2]
    assert described(partial(Drift, 2.0)) == described(partial(Drift, 2.0))
    assert "gymnasium.envs.classic_control.pendulum" in keys[5] and "TimeLimit" in keys[5]
    for nameless in (lambda: Drift(), partial(lambda: Drift())):
        with pytest.raises(Nameless):
            described(nameless)
