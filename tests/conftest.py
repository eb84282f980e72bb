"""Strict numerics for every test: 64-bit floats, and no silent rank promotion."""

import os

import jax
from hypothesis import settings

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
settings.register_profile("asyncsim", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("asyncsim")
