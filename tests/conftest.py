"""Strict numerics for every test: 64-bit floats, and no silent rank promotion. No program from an earlier run."""

import os

os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"  # here and in the commands that tests start

import jax  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
settings.register_profile("asyncsim", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("asyncsim")


@pytest.fixture(autouse=True, scope="module")
def _programs_of_a_module():
    """Compiled programs are never dropped by themselves, and all of them together are gigabytes."""
    yield
    jax.clear_caches()
