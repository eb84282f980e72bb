"""One contract for every update, and the formulas one by one."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from asyncsim import Quadratic, updates
from asyncsim.base import measure
from asyncsim.updates import HARPG, MVR, NIGT, AFedPG, DelayAdaptivePG, LocalSteps, Optax, VanillaPG

# Every public update stands here; `test_every_update_is_under_contract` fails when one is added without it.
EXAMPLES = [
    NIGT(0.1),
    NIGT(0.1, momentum=1.0),
    NIGT(0.1, lookahead=False),
    AFedPG(0.1),
    AFedPG(0.1, momentum=0.5, step_decay=5 / 7, momentum_decay=4 / 7),
    VanillaPG(0.1),
    DelayAdaptivePG(0.1, workers=3),
    MVR(0.1),
    MVR(0.1, momentum=1.0, clip=float("inf")),
    HARPG(0.1, momentum=0.5),
    LocalSteps(0.1, local_steps=3, local_step_size=0.5),
    Optax(0.1, optax.scale_by_adam()),
]
every_update = pytest.mark.parametrize("update", EXAMPLES, ids=repr)
GRADIENTS = np.random.default_rng(0).normal(size=(6, 4))


def run(update, gradients, start, step_size=None, delays=None):
    """Iterates θ_1, θ_2, ... and query points."""
    state, points, queries = update.init(start), [], []
    for k, gradient in enumerate(gradients):
        delay = 0 if delays is None else delays[k]
        state = update.apply(state, gradient, step_size or update.step_size, k - delay, delay)
        points.append(state.point)
        queries.append(update.query(state))
    return np.array(points), np.array(queries)


def test_every_update_is_under_contract():
    assert {type(update).__name__ for update in EXAMPLES} == set(updates.__all__)


@every_update
def test_an_update_is_a_value(update):
    assert update == dataclasses.replace(update) and hash(update) == hash(dataclasses.replace(update))
    if not isinstance(update, Optax):  # functions do not print
        assert eval(repr(update), vars(updates) | {"inf": float("inf")}) == update


@every_update
def test_workers_start_at_the_initial_point(update):
    start = np.arange(4.0)
    state = update.init(start)
    assert np.array_equal(state.point, start) and (update.query(state) == start).all()  # each of the points sent


@every_update
def test_the_same_under_numpy_and_compiled(update):
    start = np.ones(4)
    expected = run(update, GRADIENTS, start)

    @jax.jit
    def compiled(gradients, start, step_size):
        def step(carry, given):
            k, gradient = given
            state = update.apply(carry, gradient, step_size, k, 0)
            return state, (state.point, update.query(state))

        state = jax.tree.map(jnp.asarray, update.init(start))
        return jax.lax.scan(step, state, (jnp.arange(len(gradients)), gradients))[1]

    for got, wanted in zip(compiled(GRADIENTS, start, 0.1), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)


@every_update
def test_a_zero_direction_leaves_the_point_where_it_is(update):
    points, queries = run(update, np.zeros((3, 4)), np.ones(4))
    assert np.array_equal(points, np.ones((3, 4))) and (queries == 1).all()


@every_update
def test_it_climbs(update):
    """Every update must get closer to the best point with small steps."""
    problem = Quadratic(4, scale=2.0)
    of_jobs, state = jax.jit(measure(update, problem)), update.init(np.asarray(problem.init(jax.random.key(0))))
    far = np.linalg.norm(state.point - problem.optimum())
    for k in range(200):
        sent, _ = of_jobs(update.query(state), jax.random.split(jax.random.key(k), 1), jnp.zeros(1, int), jnp.ones(1))
        state = update.apply(state, np.asarray(sent), 0.1, k, 0)
    assert np.linalg.norm(state.point - problem.optimum()) < 0.9 * far


@pytest.mark.parametrize("update", [u for u in EXAMPLES if hasattr(u, "momentum")], ids=repr)
def test_normalised_steps_have_length_alpha(update):
    start = np.ones(4)
    points, _ = run(update, GRADIENTS, start)
    lengths = np.linalg.norm(np.diff(np.concatenate([[start], points]), axis=0), axis=1)
    decay = getattr(update, "step_decay", 0.0)
    np.testing.assert_allclose(lengths, [0.1 * (k + 1) ** -decay for k in range(6)])


def test_nigt_line_by_line():
    """Algorithm 1 of arXiv 2509.24305, written out."""
    alpha, eta, theta = 0.1, 0.3, np.ones(4)
    d = GRADIENTS[0]
    thetas = [theta, theta + alpha * d / np.linalg.norm(d)]
    lookahead = []
    for g in GRADIENTS[1:]:
        lookahead.append(thetas[-1] + (1 - eta) / eta * (thetas[-1] - thetas[-2]))
        d = (1 - eta) * d + eta * g
        thetas.append(thetas[-1] + alpha * d / np.linalg.norm(d))
    points, queries = run(NIGT(alpha, eta), GRADIENTS, theta)
    np.testing.assert_allclose(points, thetas[1:], rtol=1e-14)
    np.testing.assert_allclose(queries[:-1], lookahead, rtol=1e-14)
    np.testing.assert_array_equal(run(NIGT(alpha, eta, lookahead=False), GRADIENTS, theta)[1], points)


def test_afedpg_line_by_line_with_schedules():
    """Algorithm 1 of arXiv 2404.08003, written out, with gradients that are several versions old."""
    a0, s0, delays = 0.5, 0.1, [0, 1, 0, 2, 3, 1]
    theta = previous = np.ones(4)
    d, points, queries = np.zeros(4), [], []
    for k, g in enumerate(GRADIENTS, start=1):
        a = a0 * (k - 1 - delays[k - 1] + 1) ** (-4 / 7)
        d = g if k == 1 else (1 - a) * d + a * g
        previous, theta = theta, theta + s0 * k ** (-5 / 7) * d / np.linalg.norm(d)
        points.append(theta)
        queries.append(theta + (1 - a) / a * (theta - previous))
    got = run(AFedPG(s0, a0, step_decay=5 / 7, momentum_decay=4 / 7), GRADIENTS, np.ones(4), delays=delays)
    np.testing.assert_allclose(got[0], points, rtol=1e-14)
    np.testing.assert_allclose(got[1], queries, rtol=1e-14)


def test_no_memory_is_normalised_gradient_ascent_without_extrapolation():
    points, queries = run(NIGT(0.1, momentum=1.0), GRADIENTS, np.ones(4))
    theta, expected = np.ones(4), []
    for g in GRADIENTS:
        theta = theta + 0.1 * g / np.linalg.norm(g)
        expected.append(theta)
    np.testing.assert_allclose(points, expected, rtol=1e-14)
    np.testing.assert_array_equal(points, queries)


def test_afedpg_with_constants_is_nigt():
    for got, wanted in zip(
        run(AFedPG(0.1, 0.3), GRADIENTS, np.ones(4)), run(NIGT(0.1, 0.3), GRADIENTS, np.ones(4)), strict=True
    ):
        np.testing.assert_array_equal(got, wanted)


def test_vanilla_adds_the_gradient():
    points, _ = run(VanillaPG(0.1), GRADIENTS, np.ones(4))
    np.testing.assert_allclose(points, 1 + 0.1 * np.cumsum(GRADIENTS, axis=0), rtol=1e-14)


@pytest.mark.parametrize("update", [MVR(0.1, 0.3), HARPG(0.1, 0.3)], ids=repr)
def test_recursive_momentum_line_by_line(update):
    """What jobs send is m_t = c g_t + (1 - c) (change of the gradient); before the first step nothing has changed."""
    points, queries = run(update, GRADIENTS, np.ones(4))
    theta, d, expected = np.ones(4), GRADIENTS[0] / 0.3, []
    for k, sent in enumerate(GRADIENTS):
        d = 0.7 * d + sent if k else d
        theta = theta + 0.1 * d / np.linalg.norm(d)
        expected.append(theta)
    np.testing.assert_allclose(points, expected, rtol=1e-14)
    np.testing.assert_array_equal(queries[:, 0], points)
    np.testing.assert_array_equal(queries[1:, 1], points[:-1])


def test_a_server_goes_as_far_as_its_workers_went():
    points, _ = run(LocalSteps(0.1, 3, 0.2), GRADIENTS, np.ones(4))
    np.testing.assert_array_equal(points, run(VanillaPG(0.1), GRADIENTS, np.ones(4))[0])


def test_optax_transformations_climb_in_their_own_way():
    points, _ = run(Optax(0.1, optax.identity()), GRADIENTS, np.ones(4))
    np.testing.assert_allclose(points, run(VanillaPG(0.1), GRADIENTS, np.ones(4))[0], rtol=1e-14)
    adam, _ = run(Optax(0.1, optax.scale_by_adam()), GRADIENTS, np.ones(4))
    np.testing.assert_allclose(adam[0], 1 + 0.1 * np.sign(GRADIENTS[0]), rtol=1e-6)


def test_delay_adaptive_shortens_old_steps():
    points, _ = run(DelayAdaptivePG(0.1, workers=2), GRADIENTS, np.ones(4), delays=[0, 1, 2, 3, 4, 8])
    steps = 0.1 * np.array([1, 1, 1, 2 / 3, 2 / 4, 2 / 8])
    np.testing.assert_allclose(points, 1 + np.cumsum(steps[:, None] * GRADIENTS, axis=0), rtol=1e-14)


@pytest.mark.parametrize(
    "build, line",
    [
        (lambda: NIGT(0.0), "step_size=0.0"),
        (lambda: NIGT(float("nan")), "step_size=nan"),
        (lambda: VanillaPG(float("inf")), "step_size=inf"),
        (lambda: NIGT(0.1, 0.0), "momentum=0.0"),
        (lambda: NIGT(0.1, 1.1), "momentum=1.1"),
        (lambda: AFedPG(0.1, float("nan")), "momentum=nan"),
        (lambda: DelayAdaptivePG(0.1, 0), "workers=0"),
        (lambda: Optax(0.1, "adam"), "transformation='adam'"),
        (lambda: AFedPG(0.1, 0.1, step_decay=-1.0), "step_decay=-1.0"),
        (lambda: MVR(0.1, 0.0), "momentum=0.0"),
        (lambda: MVR(0.1, clip=0.0), "clip=0.0"),
        (lambda: MVR(0.1, clip=float("nan")), "clip=nan"),
        (lambda: HARPG(0.0), "step_size=0.0"),
        (lambda: HARPG(0.1, 2.0), "momentum=2.0"),
        (lambda: LocalSteps(0.1, 0, 0.1), "local_steps=0"),
        (lambda: LocalSteps(0.1, True, 0.1), "local_steps=True"),
        (lambda: LocalSteps(0.1, 2, float("inf")), "local_step_size=inf"),
    ],
)
def test_bad_arguments_are_named(build, line):
    with pytest.raises(ValueError, match=line) as error:
        build()
    assert "give" in str(error.value) and "\n" not in str(error.value)
