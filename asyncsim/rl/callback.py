"""Batched NumPy functions inside compiled programs.

The same as `jax.pure_callback` with ``vmap_method="broadcast_all"``, at about a tenth of its cost: `pure_callback`
makes JAX arrays of all arguments at every call, which takes 80 of its 90 µs here.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir


def callback(function, results, *args, stateful=False):
    """Call a function of NumPy arrays of shape (..., k) with any leading axes.

    It returns one array of shape (..., size) for each pair (size, dtype) in ``results``. It must not write to its
    arguments, and is pure, unless it is ``stateful``: then the compiler leaves out no call, merges no two, and takes
    none out of a loop. In which order calls are made, only their arguments say.
    """
    return tuple(_callback.bind(*args, function=function, results=tuple(results), stateful=stateful))


_callback = Primitive("asyncsim_callback")
_callback.multiple_results = True


@_callback.def_impl
def _now(*args, function, results, stateful):
    return [jnp.asarray(x) for x in function(*map(np.asarray, args))]


@_callback.def_abstract_eval
def _shapes(first, *rest, function, results, stateful):
    return [ShapedArray((*first.shape[:-1], size), dtype) for size, dtype in results]


def _lower(context, *args, function, results, stateful):
    return mlir.emit_python_callback(
        context, function, None, args, context.avals_in, context.avals_out, has_side_effect=stateful
    )[0]


def _batch(args, axes, **params):
    size = next(x.shape[axis] for x, axis in zip(args, axes, strict=True) if axis is not None)
    args = [
        jnp.broadcast_to(x, (size, *x.shape)) if axis is None else jnp.moveaxis(x, axis, 0)
        for x, axis in zip(args, axes, strict=True)
    ]
    return _callback.bind(*args, **params), [0] * len(params["results"])


mlir.register_lowering(_callback, _lower)
batching.primitive_batchers[_callback] = _batch
