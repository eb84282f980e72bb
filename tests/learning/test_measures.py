"""Updates whose jobs measure something else than one gradient, replayed, against plain loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asyncsim import Cluster, Method, Quadratic, TabularMDP, methods, replay, simulate
from asyncsim.base import measure
from asyncsim.learning.keys import job_key
from asyncsim.rules import Greedy
from asyncsim.updates import HARPG, MVR

CLUSTER = Cluster([1.0, 1.7, 4.3], 0.25)
GARNET = TabularMDP.garnet(states=6, actions=3, horizon=20)
QUADRATIC = Quadratic(12, noise=1.0)


def final(method, problem, updates=20):
    return replay(simulate(method, CLUSTER, updates=updates), method, problem, seeds=[0]).params[0, 0]


@pytest.mark.parametrize("x64, tolerance", [(False, 1e-4), (True, 1e-11)])
def test_mvr_on_a_quadratic_is_its_formula(x64, tolerance):
    """d = c g + (1 - c) (d + g - g'), with g and g' from the same noise, in NumPy and in full precision."""
    c, alpha, method = 0.3, 0.05, methods.rennala_mvr(4, 0.05, 0.3, initial_batch_size=6)
    timeline = simulate(method, CLUSTER, updates=20)
    with jax.enable_x64(x64):
        got = replay(timeline, method, QUADRATIC, seeds=[0]).params[0, 0]
        keys = [job_key(0, *job) for job in timeline.uses()[["version", "worker", "index"]].itertuples(index=False)]
        noise = np.array([jax.random.normal(key, (12,), jnp.result_type(float)) for key in keys], float) / 12**0.5

    def exact(x):
        return -(2 * x - np.append(0, x[:-1]) - np.append(x[1:], 0)) / 4 - np.eye(1, 12)[0] / 4

    d, theta = np.zeros(12), 12**0.5 * np.eye(1, 12)[0]
    previous = theta
    for version, jobs in timeline.uses().groupby("update").indices.items():
        g, before = (np.mean([exact(x) + noise[job] for job in jobs], axis=0) for x in (theta, previous))
        d = c * g + (1 - c) * (d + g - before) if version else g
        previous, theta = theta, theta + alpha * d / np.linalg.norm(d)
    assert len(timeline.uses()) == 6 + 19 * 4
    np.testing.assert_allclose(got, theta, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    "method",
    [methods.fedbuff_local(3, 0.5, 2, 0.05), Method("greedy_mvr", Greedy(), MVR(0.05, 0.3)),
     Method("greedy_harpg", Greedy(), HARPG(0.05, 0.3)), methods.synchronous_mvr(0.05)],
    ids=lambda method: method.name,
)  # fmt: skip
def test_every_job_measures_at_what_its_own_version_was_sent(method):
    timeline = simulate(method, CLUSTER, updates=20)
    update, of_jobs = method.update, jax.jit(measure(method.update, GARNET))
    state = update.init(np.zeros(18))
    sent = [update.query(state)]
    for u, uses in timeline.uses().groupby("update"):
        whole = 0.0
        for job in uses.itertuples():
            key = job_key(0, job.version, job.worker, job.index)[None]
            whole = whole + of_jobs(sent[job.version], key, jnp.array([job.worker]), jnp.full(1, job.weight))[0]
        state = update.apply(state, np.asarray(whole), update.step_size, u, u - uses["version"].min())
        sent.append(update.query(state))
    np.testing.assert_allclose(final(method, GARNET), state.point, rtol=1e-9)


@pytest.mark.parametrize("build", [methods.rennala_mvr, methods.rennala_harpg], ids=lambda build: build.__name__)
@pytest.mark.parametrize("problem", [GARNET, QUADRATIC], ids=lambda problem: type(problem).__name__)
def test_without_memory_both_are_normalised_policy_gradient(build, problem):
    plain = final(methods.rennala_nigt(4, 0.05, momentum=1.0), problem)
    np.testing.assert_allclose(final(build(4, 0.05, momentum=1.0), problem), plain, rtol=1e-12, atol=1e-14)
    assert np.abs(final(build(4, 0.05, momentum=0.5), problem) - plain).max() > 1e-3


def test_without_noise_a_recursion_is_exact_gradient_ascent():
    """d_t is then ∇J(θ_t), whatever the momentum."""
    problem = Quadratic(12)
    for build in (methods.rennala_mvr, methods.rennala_harpg):
        exact = final(methods.rennala_nigt(4, 0.05, momentum=1.0), problem)
        np.testing.assert_allclose(final(build(4, 0.05, momentum=0.1), problem), exact, rtol=1e-9, atol=1e-12)


def test_one_local_step_is_a_plain_step():
    local = final(methods.synchronous_local(0.5, 1, 0.2), Quadratic(12))
    np.testing.assert_allclose(local, final(methods.synchronous_pg(0.1), Quadratic(12)), rtol=1e-12)


def test_environment_steps_are_those_of_all_trajectories():
    for method, trajectories in (
        (methods.rennala_mvr(4, 0.05), 1),
        (methods.rennala_harpg(4, 0.05), 2),
        (methods.synchronous_local(1.0, 3, 0.05), 3),
    ):
        timeline = simulate(method, CLUSTER, updates=5)
        frame = replay(timeline, method, GARNET, seeds=[0], evaluate_every=1).to_frame()
        assert frame["env_steps"].iloc[-1] == trajectories * 20 * frame["gradients"].iloc[-1]
