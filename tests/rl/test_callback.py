"""Callbacks: what JAX's own gives, in every combination of batches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asyncsim.rl.callback import callback

RESULTS = ((3, np.dtype(np.float32)), (1, np.dtype(np.uint32)))


def outer(x, y):
    """Of (..., 3) and (..., 2)."""
    return x * y.sum(-1, keepdims=True), (x.sum(-1, keepdims=True) > 0).astype(np.uint32)


def ours(x, y):
    return callback(outer, RESULTS, x, y)


def theirs(x, y):
    shapes = tuple(jax.ShapeDtypeStruct((size,), dtype) for size, dtype in RESULTS)
    return jax.pure_callback(outer, shapes, x, y, vmap_method="broadcast_all")


@pytest.mark.parametrize("jit", [lambda f: f, jax.jit])
@pytest.mark.parametrize(
    ("x_shape", "y_shape", "axes"),
    [
        ((3,), (2,), []),
        ((5, 3), (5, 2), [(0, 0)]),
        ((3,), (5, 2), [(None, 0)]),
        ((3, 5), (2,), [(1, None)]),
        ((4, 5, 3), (5, 2), [(0, None), (0, 0)]),
        ((5, 3), (4, 2), [(None, 0), (0, None)]),
    ],
)
def test_a_callback_is_jaxs_own(jit, x_shape, y_shape, axes):
    keys = jax.random.split(jax.random.key(0))
    args = [jax.random.normal(key, shape, np.float32) for key, shape in zip(keys, (x_shape, y_shape), strict=True)]
    found, expected = ours, theirs
    for pair in reversed(axes):
        found, expected = (jax.vmap(function, in_axes=pair) for function in (found, expected))
    for a, b in zip(jit(found)(*args), jax.jit(expected)(*args), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_a_loop_calls_it_in_its_turn():
    seen = []

    def count(x):
        seen.append(float(x[0]))
        return (x + 1,)

    after = jax.jit(lambda x: jax.lax.fori_loop(0, 5, lambda _, x: callback(count, ((1, x.dtype),), x)[0], x))
    assert float(after(jnp.zeros(1))[0]) == 5 and seen == [0, 1, 2, 3, 4]


def test_its_errors_are_told():
    def fail(x):
        raise ValueError("no robot today")

    with pytest.raises(Exception, match="no robot today"):
        jax.block_until_ready(jax.jit(lambda x: callback(fail, ((1, x.dtype),), x))(jnp.zeros(1)))
