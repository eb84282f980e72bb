"""Replay against a plain loop, and the identities between methods, on real gradients."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asyncsim import Cluster, PolicyGradient, Quadratic, TabularMDP, methods, replay, simulate
from asyncsim.cluster import equal, sqrt
from asyncsim.learning.keys import evaluation_key, initial_key, job_key
from asyncsim.learning.programs import advance, evaluate
from asyncsim.rl.environments import CartPole
from asyncsim.rl.policies import MLP

SMALL = MLP(hidden=(16,))
CARTPOLE = PolicyGradient("CartPole-v1", 50, 0.99, SMALL, evaluation_episodes=4)
PENDULUM = PolicyGradient("Pendulum-v1", 20, 0.95, SMALL, evaluation_episodes=4)
GARNET = TabularMDP.garnet(states=6, actions=3, horizon=20)
QUADRATIC = Quadratic(12, noise=1.0)


def final(method, cluster, problem, updates, seeds=(0, 1), **options):
    timeline = simulate(method, cluster, updates=updates)
    return replay(timeline, method, problem, seeds=seeds, **options).params


def one_by_one(method, cluster, problem, updates, seed):
    """θ after the timeline's updates, one job at a time, in NumPy: AFedPG's and A3C's formulas written out."""
    gradient = jax.jit(problem.gradient)
    theta = previous = np.asarray(problem.init(initial_key(seed)))
    dtype, points, direction = theta.dtype, [theta], None
    used = simulate(method, cluster, updates=updates).jobs.query("update >= 0").sort_values("update")
    for job in used.itertuples():
        key = job_key(seed, job.version, job.worker, job.index)
        g, _ = gradient(points[job.version], key[None], jnp.array([job.worker]), jnp.ones(1, dtype))
        g = np.asarray(g)
        if method.name == "asynchronous_pg":
            theta = theta + dtype.type(method.update.step_size) * g
            points.append(theta)
            continue
        a, s = dtype.type(method.update.momentum), dtype.type(method.update.step_size)
        direction = g if direction is None else (1 - a) * direction + a * g
        previous, theta = theta, theta + s * direction / np.linalg.norm(direction)
        points.append(theta + (1 - a) / a * (theta - previous))
    return theta


@pytest.mark.parametrize("x64, tolerance", [(False, 1e-5), (True, 1e-12)])
@pytest.mark.parametrize("method", [methods.afedpg(0.02), methods.asynchronous_pg(0.001)], ids=lambda m: m.name)
@pytest.mark.parametrize("problem", [CARTPOLE, GARNET, QUADRATIC], ids=lambda p: type(p).__name__)
def test_one_compiled_program_equals_a_plain_loop(problem, method, x64, tolerance):
    cluster = Cluster(sqrt(5), 0.5)
    with jax.enable_x64(x64):
        got = final(method, cluster, problem, updates=60)[:, 0]
        for lane, seed in enumerate((0, 1)):
            wanted = one_by_one(method, cluster, problem, 60, seed)
            assert got.dtype == wanted.dtype == (np.float64 if x64 else np.float32)
            assert np.linalg.norm(got[lane] - wanted) <= tolerance * np.linalg.norm(wanted)


@pytest.mark.optimized
@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("problem", [CARTPOLE, PENDULUM, GARNET], ids=lambda p: type(p).__name__)
def test_equal_times_rennala_is_malenia_is_synchronous_bit_for_bit(problem, x64):
    n, cluster = 4, Cluster(equal(4))
    with jax.enable_x64(x64):
        synchronous = final(methods.synchronous_nigt(0.05), cluster, problem, updates=50)
        assert not np.array_equal(synchronous[0], synchronous[1])
        assert np.array_equal(synchronous, final(methods.rennala_nigt(n, 0.05), cluster, problem, updates=50))
        assert np.array_equal(synchronous, final(methods.malenia_nigt(n, 0.05), cluster, problem, updates=50))


@pytest.mark.optimized
@pytest.mark.parametrize("x64", [False, True])
def test_afedpg_with_one_worker_is_nigt_with_batches_of_one_bit_for_bit(x64):
    with jax.enable_x64(x64):
        afedpg = final(methods.afedpg(0.02), Cluster([1.0]), CARTPOLE, updates=50)
        assert np.array_equal(afedpg, final(methods.rennala_nigt(1, 0.02), Cluster([1.0]), CARTPOLE, updates=50))


def test_no_memory_is_normalised_policy_gradient():
    method, cluster = methods.rennala_nigt(3, 0.05, momentum=1.0), Cluster([1.0, 2.0])
    theta, gradient = CARTPOLE.init(initial_key(0)), jax.jit(CARTPOLE.gradient)
    for update, jobs in simulate(method, cluster, updates=10).jobs.query("update >= 0").groupby("update"):
        keys = jnp.stack([job_key(0, update, job.worker, job.index) for job in jobs.itertuples()])
        g, _ = gradient(theta, keys, jnp.asarray(jobs["worker"]), jnp.full(3, 1 / 3))
        theta = theta + 0.05 * g / jnp.linalg.norm(g)
    np.testing.assert_allclose(final(method, cluster, CARTPOLE, 10, seeds=[0])[0, 0], theta, rtol=1e-9)


def test_times_do_not_enter_the_values():
    method = methods.afedpg(0.02)
    once, twice = Cluster(sqrt(4), 0.5), Cluster([2 * h for h in sqrt(4)], 1.0)
    assert np.array_equal(final(method, once, CARTPOLE, 40), final(method, twice, CARTPOLE, 40))


@pytest.mark.optimized
def test_common_random_numbers():
    """Two methods and clusters that ask the same question get the same trajectory."""
    first_gradient = partial(final, updates=1, problem=CARTPOLE, seeds=[0, 3])
    rennala = first_gradient(methods.rennala_nigt(1, 0.05), Cluster([2.0, 3.0], 1.0))
    assert np.array_equal(rennala, first_gradient(methods.afedpg(0.05), Cluster(equal(7))))  # worker 0, index 0 at θ_0
    other_worker = first_gradient(methods.rennala_nigt(1, 0.05), Cluster([3.0, 2.0], 1.0))
    assert not np.array_equal(rennala, other_worker)

    theta = CARTPOLE.init(initial_key(0))
    alone = CARTPOLE.trajectories(theta, job_key(0, 0, 2, 1)[None], jnp.array([2]))
    keys = jnp.stack([job_key(0, 0, worker, 1) for worker in range(5)])
    among = CARTPOLE.trajectories(theta, keys, jnp.arange(5))
    np.testing.assert_allclose(among.observations[:, 2], alone.observations[:, 0], atol=1e-10)
    np.testing.assert_array_equal(among.latents[:, 2], alone.latents[:, 0])


def test_keys_differ_wherever_jobs_differ():
    jobs = [(s, v, w, i) for s in (0, 1) for v in range(4) for w in range(4) for i in range(4)]
    keys = [tuple(jax.random.key_data(job_key(*job)).tolist()) for job in jobs]
    keys += [tuple(jax.random.key_data(key(s)).tolist()) for key in (initial_key, evaluation_key) for s in (0, 1)]
    assert len(set(keys)) == len(jobs) + 4


@pytest.mark.parametrize("problem, x64, tolerance", [(PENDULUM, True, 1e-8), (GARNET, False, 1e-5)])
def test_lanes_are_runs_alone(problem, x64, tolerance):
    """Seeds and step sizes side by side change nothing (up to rounding, which batch shapes may alter)."""
    method, cluster = methods.malenia_nigt(4, 0.02), Cluster([1.0, 2.0])
    seeds, steps = (0, 5, 7), (0.02, 0.05, 0.1)  # nine lanes: two programs, the second not full
    with jax.enable_x64(x64):
        together = final(method, cluster, problem, 8, seeds=seeds, step_sizes=steps)
        assert together.shape[:2] == (3, 3) and together.dtype == (np.float64 if x64 else np.float32)
        for i, seed in enumerate(seeds):
            for j, step in enumerate(steps):
                alone = final(method, cluster, problem, 8, seeds=[seed], step_sizes=[step])
                difference = np.linalg.norm(together[i, j] - alone[0, 0])
                assert difference <= tolerance * np.linalg.norm(alone), (seed, step)


@dataclasses.dataclass(frozen=True, eq=False)
class Counted:
    """A problem that counts the gradients it computes."""

    problem: TabularMDP
    computed: list
    calls_host: bool = False
    workers = None

    def init(self, key):
        return self.problem.init(key)

    def evaluate(self, params, key):
        return self.problem.evaluate(params, key)

    def gradient(self, params, keys, workers, weights):
        jax.debug.callback(lambda given: self.computed.append(int((given != 0).sum())), weights)  # in each lane
        return self.problem.gradient(params, keys, workers, weights)


@pytest.mark.parametrize("x64", [False, True])
def test_a_frame_has_one_type_of_reals_and_one_of_counts(x64):
    with jax.enable_x64(x64):
        frame = replay(
            simulate(methods.afedpg(0.1), Cluster([1.0, 2.0]), updates=3), methods.afedpg(0.1), CARTPOLE, seeds=[0]
        )
    types = frame.to_frame().drop(columns="method").dtypes
    counts = {"seed", "update", "gradients", "env_steps", "communications"}
    assert all(kind == (np.int64 if name in counts else np.float64) for name, kind in types.items()), types


def test_unused_gradients_are_never_computed():
    for method in (methods.rennala_nigt(3, 0.05), methods.afedpg(0.05), methods.rennala_nigt(2, 0.05, 0.1, 7)):
        timeline = simulate(method, Cluster([1.0, 1.5, 7.0]), updates=9)
        problem = Counted(GARNET, [])
        replay(timeline, method, problem, seeds=[0])
        jax.effects_barrier()
        assert sum(problem.computed) == timeline.counts()["used"] == timeline.updates["gradients"].sum()


def test_one_program_for_all_lengths_and_numbers_of_lanes():
    method, cluster = methods.rennala_nigt(2, 0.05), Cluster([1.0, 2.0])
    problem = Quadratic(5, noise=0.1)
    before = advance._cache_size()
    for updates, seeds in ((37, [0, 1]), (50, [3]), (9, range(6))):
        timeline = simulate(method, cluster, updates=updates)
        replay(timeline, method, problem, seeds=seeds, step_sizes=[0.1, 0.2], evaluate_every=updates)
    assert advance._cache_size() == before + 1


def test_history_says_what_happened_when():
    method, cluster = methods.rennala_nigt(3, 0.05, initial_batch_size=5), Cluster([1.0, 2.0], 0.5)
    timeline = simulate(method, cluster, updates=20)
    seen = []
    history = replay(
        timeline, method, PENDULUM, seeds=[4, 2], step_sizes=[0.1, 0.01], evaluate_every=12,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    frame = history.to_frame()
    columns = (
        "method seed step_size update time gradients env_steps communications train_return eval_return "
        "direction_norm gradient_norm"
    )
    assert frame.columns.tolist() == columns.split()
    assert seen[0] == (0, 80) and seen[-1] == (80, 80) and sorted(seen) == seen  # of four lanes
    for (seed, step), rows in frame.groupby(["seed", "step_size"]):
        assert seed in (2, 4) and step in (0.1, 0.01)
        assert rows["update"].tolist() == [0, 4, 8, 12, 16, 20]  # the first to have used 12, 24, ...
        assert rows["time"].tolist() == [0.0, *timeline.updates["time"][3::4]]
        assert rows["gradients"].tolist() == [0, 14, 26, 38, 50, 62]
        assert rows["env_steps"].tolist() == [20 * g for g in rows["gradients"]]  # a Pendulum never ends early
        assert rows["communications"].tolist() == [0, 4, 8, 12, 16, 20]
        assert rows["train_return"].isna().tolist() == [True] + [False] * 5
        assert rows["gradient_norm"].isna().all() and rows["eval_return"].between(-20 * 17, 0).all()
    assert (frame.query("update == 0").groupby("seed")["eval_return"].nunique() == 1).all()  # the same θ_0

    exact = replay(timeline, method, GARNET, seeds=[0], evaluate_every=62).to_frame()
    theta = replay(timeline, method, GARNET, seeds=[0]).params[0, 0]
    assert exact["gradient_norm"].iloc[-1] == pytest.approx(float(jnp.linalg.norm(GARNET.exact_gradient(theta))))
    assert exact["eval_return"].iloc[-1] == pytest.approx(float(GARNET.value(theta)))


@pytest.mark.optimized
def test_the_same_twice():
    method, cluster = methods.afedpg(0.02), Cluster(sqrt(3), 0.1)
    frames = [replay(simulate(method, cluster, updates=30), method, CARTPOLE, seeds=[0]).to_frame() for _ in range(2)]
    assert frames[0].equals(frames[1])


def test_unequal_batches_are_padded_without_effect():
    """`stale="finish"` makes Malenia's batches differ from round to round."""
    method, cluster = methods.malenia_nigt(6, 0.05), Cluster([1.0, 1.7, 4.3])
    timeline = simulate(method, cluster, updates=12, stale="finish")
    assert timeline.updates["gradients"].nunique() > 1
    got = replay(timeline, method, GARNET, seeds=[0]).params[0, 0]

    batches, theta, update = timeline.batches(), np.asarray(GARNET.init(initial_key(0))), method.update
    state = update.init(theta)
    for u in range(12):
        jobs = slice(batches.offsets[u], batches.offsets[u + 1])
        triples = zip(batches.version[jobs], batches.worker[jobs], batches.index[jobs], strict=True)
        keys = jnp.stack([job_key(0, *triple) for triple in triples])
        weights = jnp.asarray(batches.weight[jobs])
        g, _ = GARNET.gradient(update.query(state), keys, jnp.asarray(batches.worker[jobs]), weights)
        state = update.apply(state, np.asarray(g), update.step_size, u, 0)
    np.testing.assert_allclose(got, state.point, rtol=1e-10)


@pytest.mark.parametrize(
    "method",
    [methods.fedbuff_pg(3, 0.05), methods.ringleader_pg(0.05), methods.ringmaster_nigt(3, 0.05),
     methods.delay_adaptive_pg(0.05, 2), methods.m_synchronous_nigt(2, 0.05)],
    ids=lambda m: m.name,
)  # fmt: skip
def test_batches_of_mixed_versions_equal_a_plain_loop(method):
    """Every update, gradient by gradient, each at the point of its own version."""
    timeline = simulate(method, Cluster([1.0, 1.7, 4.3], 0.25), updates=30)
    update, gradient = method.update, jax.jit(GARNET.gradient)
    state = update.init(np.asarray(GARNET.init(initial_key(0))))
    points = [update.query(state)]
    for u, uses in timeline.uses().groupby("update"):
        g = 0.0
        for job in uses.itertuples():
            key = job_key(0, job.version, job.worker, job.index)[None]
            g = g + gradient(points[job.version], key, jnp.array([job.worker]), jnp.full(1, job.weight))[0]
        state = update.apply(state, np.asarray(g), update.step_size, u, u - uses["version"].min())
        points.append(update.query(state))
    history = replay(timeline, method, GARNET, seeds=[0], evaluate_every=1)
    np.testing.assert_allclose(history.params[0, 0], state.point, rtol=1e-10)
    assert history.to_frame()["gradients"].iloc[-1] == (~timeline.uses()["again"]).sum() == timeline.counts()["used"]


def test_heterogeneous_workers_get_their_own_environment():
    problem = PolicyGradient([CartPole(), CartPole(force_mag=0.0)], 50, 0.99, SMALL)
    method = methods.malenia_nigt(4, 0.05)
    history = replay(simulate(method, Cluster([1.0, 2.0]), updates=3), method, problem, seeds=[0, 1], evaluate_every=1)
    own = history.to_frame()[["eval_return_0", "eval_return_1"]]
    np.testing.assert_allclose(own.mean(axis=1), history.to_frame()["eval_return"])
    point = jnp.asarray(history.params[1, 0])
    last, _ = evaluate(problem, point, point, np.uint32(1))
    np.testing.assert_allclose(own.iloc[-1], last.own_values)
    with pytest.raises(ValueError, match="problem has 2 workers, the cluster 3"):
        replay(simulate(method, Cluster([1.0, 2.0, 3.0]), updates=3), method, problem, seeds=[0])


def test_a_run_without_updates_is_its_initial_point():
    method = methods.synchronous_nigt(0.1)
    timeline = simulate(method, Cluster([5.0]), until=1.0)
    history = replay(timeline, method, GARNET, seeds=[0])
    assert len(history.to_frame()) == 1 and history.to_frame()["time"][0] == 0


@pytest.mark.parametrize(
    "options, line",
    [
        (dict(seeds=[]), "seeds=[] is empty"),
        (dict(seeds=[1, 1]), "seeds=[1, 1]"),
        (dict(seeds=[-1]), "seeds=[-1]"),
        (dict(seeds=[0.5]), "seeds=[0.5]"),
        (dict(seeds=[0], step_sizes=[]), "step_sizes=[]"),
        (dict(seeds=[0], step_sizes=[0.1, float("nan")]), "step_sizes=[0.1, nan]"),
        (dict(seeds=[0], evaluate_every=0), "evaluate_every=0"),
        (dict(seeds=[0], updates=-1), "updates=-1"),
    ],
)
def test_bad_arguments_are_named(options, line):
    method = methods.afedpg(0.1)
    with pytest.raises(ValueError) as error:
        replay(simulate(method, Cluster([1.0]), updates=1), method, QUADRATIC, **options)
    assert str(error.value).startswith(line) and "give" in str(error.value)


def test_a_history_is_shown_in_one_line():
    method = methods.afedpg(0.02)
    timeline = simulate(method, Cluster([1.0]), updates=30)
    history = replay(timeline, method, QUADRATIC, seeds=(0, 1), step_sizes=[0.01, 0.02, 0.04], evaluate_every=3)
    assert repr(history) == "<History of 'afedpg': seeds 2, step sizes 3, evaluated iterates 11>"


@pytest.mark.parametrize("problem", [CARTPOLE, PolicyGradient("Reacher-v4", 5, 0.99, SMALL, evaluation_episodes=2)])
def test_a_lane_that_diverged_has_no_return(problem):
    """CartPole has some return of actions that are drawn from no numbers."""
    point = problem.init(initial_key(0))
    found, _ = evaluate(problem, point, point, np.uint32(0))
    assert np.isfinite(found.value)
    point = point.at[3].set(jnp.inf)
    assert np.isnan(evaluate(problem, point, point, np.uint32(0))[0].value)
