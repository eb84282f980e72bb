"""Strict numerics for every test: 64-bit floats, and no silent rank promotion. Nothing of an earlier run is found."""

import os
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"  # here and in the commands that tests start
os.environ.setdefault("MPLCONFIGDIR", str(CACHE / "matplotlib"))  # where its list of fonts is

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


@pytest.fixture(autouse=True, scope="module")
def _store_of_a_module(tmp_path_factory):
    """What fixtures of a module compute is in a store of its own, never in the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _store_of_a_test(_store_of_a_module, tmp_path_factory, monkeypatch):
    """No test finds the curves of another one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
