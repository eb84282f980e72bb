"""What curves depend on beside their keys in the store is as the project has it, whatever the user's machine says.

Options that a user may have reasons to choose, such as the precision of matrix products, are in the keys of the store,
and in ``settings.json`` where they are not JAX's defaults.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

OPTIONS: dict[str, Any] = {  # environment variables may set each: JAX_RANDOM_SEED_OFFSET, ...
    "jax_random_seed_offset": 0,
    "jax_disable_jit": False,
    "jax_disable_most_optimizations": False,
    "jax_exec_time_optimization_effort": 0.0,
    "jax_numpy_dtype_promotion": "standard",
    "jax_threefry_gpu_kernel_lowering": False,
}


@contextmanager
def as_always() -> Iterator[None]:
    """JAX computes with these options, in all threads; then with those that there were."""
    import jax

    there = {name: getattr(jax.config, name) for name in OPTIONS if hasattr(jax.config, name)}
    try:
        for name in there:
            jax.config.update(name, OPTIONS[name])
        yield
    finally:
        for name, value in there.items():
            jax.config.update(name, value)
