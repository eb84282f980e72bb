"""Jobs that take as long as their trajectories."""

import jax
import numpy as np
import pandas as pd
import pytest

from asyncsim import Cluster, PolicyGradient, methods, replay, simulate, train
from asyncsim.cluster import Exponential, Outage
from asyncsim.learning.coupled import Training
from asyncsim.rl.policies import MLP

PENDULUM = PolicyGradient("Pendulum-v1", 20, 0.95, MLP((8,)), evaluation_episodes=4)
CARTPOLE = PolicyGradient("CartPole-v1", 40, 0.99, MLP((8,)), evaluation_episodes=4)
STEPS = [0.1, 0.13, 0.3]  # ḣ_i


@pytest.mark.parametrize(
    "method",
    [methods.rennala_nigt(5, 0.05), methods.malenia_nigt(4, 0.05), methods.afedpg(0.02), methods.ringleader_pg(1e-4),
     methods.rennala_harpg(3, 0.05), methods.fedbuff_local(2, 0.5, 2, 1e-4), methods.rennala_mvr(3, 0.05, work=1.0)],
    ids=lambda method: method.name,
)  # fmt: skip
def test_where_every_trajectory_is_as_long_both_paths_agree(method):
    """Times to the last bit, values to rounding."""
    history, timelines = train(method, Cluster(STEPS, 0.7), PENDULUM, seeds=[0, 1], evaluate_every=3, updates=12)
    whole = simulate(method, Cluster([20 * h for h in STEPS], 0.7), updates=12)
    for timeline in timelines.values():
        pd.testing.assert_frame_equal(timeline.jobs, whole.jobs, check_exact=True)
        pd.testing.assert_frame_equal(timeline.updates, whole.updates, check_exact=True)
    replayed = replay(whole, method, PENDULUM, seeds=[0, 1], evaluate_every=3)
    np.testing.assert_allclose(history.params, replayed.params, rtol=1e-8)
    pd.testing.assert_frame_equal(history.to_frame(), replayed.to_frame(), check_dtype=False, rtol=1e-6)


@pytest.mark.parametrize("x64", [False, True])
def test_a_frame_has_the_types_of_a_replay(x64):
    with jax.enable_x64(x64):
        method = methods.afedpg(0.02)
        history, _ = train(method, Cluster([1.0, 3.0]), CARTPOLE, seeds=[0], updates=2)
        replayed = replay(simulate(method, Cluster([1.0, 3.0]), updates=2), method, CARTPOLE, seeds=[0])
    types = history.to_frame().dtypes
    assert types.equals(replayed.to_frame().dtypes) and np.dtype(np.float32) not in set(types)


def test_an_episode_that_ends_early_takes_less_time():
    method = methods.afedpg(0.02)
    history, timelines = train(method, Cluster([1.0, 3.0]), CARTPOLE, seeds=[0], evaluate_every=1, updates=40)
    jobs = timelines[0, 0.02].jobs.query("outcome == 'used'")
    steps = (jobs["finish"] - jobs["start"]) / np.array([1.0, 3.0])[jobs["worker"]]
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-9)
    assert steps.min() < 40 and steps.nunique() > 5
    assert history.to_frame()["env_steps"].iloc[-1] == np.rint(steps).sum()


def test_only_steps_decide():
    with pytest.raises(ValueError, match="is no ḣ_i"):
        train(methods.afedpg(0.1), Cluster([Exponential(1.0)]), CARTPOLE, seeds=[0], updates=1)


def test_a_gradient_that_can_no_longer_be_used_is_dropped():
    kept = {}
    for method in (methods.afedpg(0.02), methods.ringmaster_nigt(1, 0.02), methods.rennala_nigt(3, 0.02)):
        cluster = Cluster([1.0, 3.0], outages={1: Outage(40.0, 50.0)})
        training = Training(method, PENDULUM, 0, 0.02)
        simulate(method, cluster, updates=60, coupling=training)
        kept[method.name] = len(training.gradients)
    assert kept == {"afedpg": 1, "ringmaster_nigt": 1, "rennala_nigt": 1}  # of the other worker, which is still at it


@pytest.mark.parametrize("seed", [2**31, 2**32 - 1])
def test_every_seed_that_replay_takes(seed):
    method = methods.rennala_nigt(2, 0.05)
    history, _ = train(method, Cluster([0.1]), PENDULUM, seeds=[seed], evaluate_every=4, updates=2)
    replayed = replay(simulate(method, Cluster([2.0]), updates=2), method, PENDULUM, seeds=[seed], evaluate_every=4)
    np.testing.assert_allclose(history.params, replayed.params, rtol=1e-8)
    with pytest.raises(ValueError, match="from 0 to 2"):
        train(method, Cluster([0.1]), PENDULUM, seeds=[2**32], updates=1)


def test_environment_steps_count_once():
    """Ringleader uses a gradient several times."""
    method = methods.ringleader_pg(1e-4)
    history, timelines = train(method, Cluster(STEPS), CARTPOLE, seeds=[0], evaluate_every=1, updates=30)
    jobs = timelines[0, 1e-4].jobs.query("outcome == 'used'")
    taken = np.rint((jobs["finish"] - jobs["start"]) / np.array(STEPS)[jobs["worker"]]).sum()
    assert history.to_frame()["env_steps"].iloc[-1] == taken and history.to_frame()["gradients"].iloc[-1] == len(jobs)
