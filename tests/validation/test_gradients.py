"""Constants that are measured from gradients, on problems that know them exactly."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from asyncsim import PolicyGradient, Quadratic, TabularMDP, methods
from asyncsim.cli import main
from asyncsim.rl.policies import MLP
from asyncsim.theory.prospects import Bare
from asyncsim.validation import batches
from asyncsim.validation import gradients as measure
from asyncsim.validation.measurement import ascent, noise_level

GARNET = TabularMDP.garnet(states=3, actions=2, branching=2, discount=0.8, horizon=3, seed=1)
START, FAR = ascent(GARNET, 3.0, 2)[jnp.array([0, 2])]
BATCH = 500


def test_norm_and_noise_at_a_point():
    """‖∇J‖ is exact; the noise is that of jobs which are compared with the exact gradient."""
    found = measure.at_point(GARNET, FAR, BATCH, seed=1)
    exact = float((GARNET.exact_gradient(FAR) ** 2).sum())
    noise = noise_level(GARNET, FAR, 5000, seed=2)
    assert found.squared_norm.value == pytest.approx(exact, abs=4 * found.squared_norm.error)
    assert found.variance.value == pytest.approx(noise.mean, abs=4 * (found.variance.error + noise.error))
    for each in (found.squared_norm, found.variance):
        assert each.low < each.value < each.high and 0 < each.error < each.high - each.low
    assert found.value == pytest.approx(float(GARNET.value(FAR)), abs=0.1)


def test_there_is_no_bias_in_small_batches():
    """The square of the mean is too large by σ²/B, and the mean over pairs is not."""
    exact, batch = float((GARNET.exact_gradient(START) ** 2).sum()), 8
    samples = measure.gradients_at(GARNET, START, 400 * batch).reshape(400, batch, -1)
    pairs = np.array([(total @ total - (some**2).sum()) / 56 for some in samples for total in [some.sum(0)]])
    assert pairs[0] == pytest.approx(measure.over_pairs(samples[0] @ samples[0].T).value)
    naive = (samples.mean(1) ** 2).sum(1)
    assert abs(pairs.mean() - exact) < 4 * pairs.std() / 20
    assert naive.mean() - exact > 4 * naive.std() / 20


def test_intervals_cover():
    """Of 100 batches, the 95 % intervals of all but a few hold the exact value."""
    exact = float((GARNET.exact_gradient(FAR) ** 2).sum())
    samples = measure.gradients_at(GARNET, FAR, 100 * 60).reshape(100, 60, -1)
    found = [measure.over_pairs(some @ some.T, resamples=99) for some in samples]
    hold = sum(each.low <= exact <= each.high for each in found)
    assert hold >= 95 - 4 * (95 * 0.05) ** 0.5 - 3  # with so few resamples they are narrow


def test_how_the_gradient_changes():
    """From point to point, and from the first half of a line to the second."""
    points = [START, (START + FAR) / 2, FAR]
    found = [measure.at_point(GARNET, point, 1024, update) for update, point in enumerate(points)]
    exact = [np.asarray(GARNET.exact_gradient(point)) for point in points]
    for factors in ((-1, 0, 1), (1, -2, 1)):
        wanted = np.linalg.norm(sum(factor * each for factor, each in zip(factors, exact)))
        spread = sum(factor**2 * each.variance.value / 1024 for factor, each in zip(factors, found))
        size = measure._size([*zip(factors, found)])
        assert size**2 == pytest.approx(wanted**2, abs=4 * (2 * wanted * spread**0.5 + spread))


@pytest.fixture
def small(monkeypatch):
    """Few gradients at a point."""
    monkeypatch.setattr(measure, "BATCHES", (128, 128))


def test_constants_along_a_run(small, monkeypatch):
    constants, points = measure.measured_along(GARNET, methods.rennala_nigt(5, 0.1))
    assert points["update"].tolist() == [*measure.UPDATES]
    assert points["value"].iloc[-1] > points["value"].iloc[0] and constants.Delta > 0
    assert constants.sigma == pytest.approx(points["variance"].max() ** 0.5) and constants.sigma_error > 0
    assert points["variance_low"].min() > 0 and measure.least_norm(points) > 0
    assert [key for key, _ in constants.how] == ["Delta", "sigma", "L_g", "L_h"]
    monkeypatch.setattr(batches, "measured_along", lambda *_: (constants, points))
    cluster = Bare(np.ones(3), 0.5, np.ones(3), ())
    batch, epsilon, known = batches.theorys_batch(GARNET, methods.rennala_nigt(5, 0.1), cluster)
    assert known == constants.arguments() and epsilon == measure.least_norm(points) and batch >= 1


def test_a_policy_gradient_is_measured_like_a_table():
    problem = PolicyGradient("CartPole-v1", horizon=10, discount=0.9, policy=MLP((4,)))
    found = measure.at_point(problem, problem.init(jax.random.key(0)), 64)
    assert found.mean.shape == (problem.policy_network.size,) and found.variance.low > 0
    assert 6 < found.value < (1 - 0.9**10) / 0.1 + 1e-6  # rewards of 1, and few fall within ten steps


def test_the_command_measures(small, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (
        'seeds = [0]\nstep_sizes = [0.1]\n[stop]\nupdates = 5\n[cluster]\nworkers = 3\ncompute = "sqrt"\n'
        '[problem]\nkind = "chain"\nhorizon = 5\n[methods.rennala_nigt]\nbatch_size = 4\n'
    )
    Path("x.toml").write_text(text)
    assert main(["bounds", "x.toml", "--measured"]) == 0
    said = capsys.readouterr().out
    assert "Measured constants" in said and "Along a training run" in said and "by Theorem 4.4" in said
    assert "which are measured" in said and "Why the M that trains best may be another one" in said
    Path("x.toml").write_text(text.replace('"chain"\nhorizon = 5', '"quadratic"'))
    assert main(["bounds", "x.toml", "--measured"]) == 2
    assert "there is no [problem] to measure on, whose gradients come from trajectories" in capsys.readouterr().err


def test_a_bare_cluster_has_no_problem_to_measure_on(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("bare.toml").write_text("[cluster]\ncompute = [1.0, 2.0]\n")
    assert main(["bounds", "bare.toml"]) == 0
    said = capsys.readouterr().out
    assert "1 where they are not given" in said and "--measured" not in said
    assert main(["bounds", "bare.toml", "--measured"]) == 2
    assert capsys.readouterr().err.startswith("asyncsim: bare.toml: there is no [problem] to measure on, ")


def test_how_many_are_computed():
    assert measure.how_many(GARNET, 3) == 80 * 3 + 2 * 6 * measure.BATCHES[1] and measure.how_many(Quadratic(3), 3) == 0
    batch = measure.BATCHES[0]
    wide = PolicyGradient("CartPole-v1", horizon=10, discount=0.9, policy=MLP((256, 256)))
    assert measure.how_many(wide, 1) == 80 + 2 * 6 * batch


def test_what_has_no_trajectories():
    with pytest.raises(ValueError, match="problem is a Quadratic, whose gradients come from no trajectories"):
        measure.measured_along(Quadratic(3), methods.rennala_nigt(2, 0.1))


def test_a_gradient_that_is_lost_in_noise_gives_no_batch(monkeypatch):
    points = pd.DataFrame({"squared_norm": [0.1], "squared_norm_low": [-0.1], "squared_norm_high": [0.3]})
    monkeypatch.setattr(batches, "measured_along", lambda *_: (None, points))
    with pytest.raises(ValueError, match="at no point of the training run is ‖∇J‖ told from 0"):
        batches.theorys_batch(GARNET, methods.rennala_nigt(5, 0.1), Bare(np.ones(3), 0.5, np.ones(3), ()))
