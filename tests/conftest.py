"""Strict numerics for every test: 64-bit floats, and no silent rank promotion. Nothing of an earlier run is found.

Programs are compiled in a hurry, which takes a quarter of the time: most are run once. XLA_FLAGS='' compiles them as
users do, and test_optimized.py does so with what is marked ``optimized``: equal bits may not be equal in others.
Compiled programs are kept for all processes of a session, and not for the next session.
"""

import atexit
import ctypes
import os
import tempfile
import time
import warnings
from pathlib import Path

QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
QUICK += " --xla_cpu_use_fusion_emitters=false"
IN_A_HURRY = QUICK in os.environ.setdefault("XLA_FLAGS", QUICK)  # here and in the commands that tests start
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
if "ASYNCSIM_PROGRAMS" not in os.environ:  # this is no worker of a session, and no test has started it
    _programs = tempfile.TemporaryDirectory(prefix="asyncsim-programs-", ignore_cleanup_errors=True)
    atexit.register(_programs.cleanup)
    os.environ["ASYNCSIM_PROGRAMS"] = _programs.name
os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "true"
os.environ["JAX_COMPILATION_CACHE_DIR"] = os.environ["ASYNCSIM_PROGRAMS"]
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.1"  # so that two processes seldom write one at once
os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
os.environ.setdefault("MPLCONFIGDIR", str(CACHE / "matplotlib"))  # where its list of fonts is

import jax  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
settings.register_profile("asyncsim", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("asyncsim")

_trim = getattr(ctypes.CDLL(None), "malloc_trim", lambda _: None)  # glibc's: it keeps what compiling has freed


def pytest_collection_modifyitems(items):
    """What takes long begins first, so that no worker is alone with it in the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Who has nothing left takes tests that wait behind a long one."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log) if config.getvalue("dist") == "load" else None


def pytest_runtest_setup(item):
    if item.get_closest_marker("optimized") and IN_A_HURRY:
        pytest.skip("test_optimized.py runs it")


def _drop_programs():
    """Compiled programs are never dropped by themselves, and all of them together are gigabytes."""
    jax.clear_caches()
    _trim(0)


@pytest.fixture(autouse=True, scope="module")
def _long_tests():
    """Those of a module so far."""
    yield []
    _drop_programs()


@pytest.fixture(autouse=True)
def _memory_of_a_test(_long_tests, request):
    before = time.perf_counter()
    yield
    if time.perf_counter() > before + 1:  # it has compiled
        _long_tests.append(request.node)
        _trim(0)
        if len(_long_tests) % 10 == 0:
            _drop_programs()


@pytest.fixture(autouse=True, scope="module")
def _store_of_a_module(tmp_path_factory):
    """What fixtures of a module compute is in a store of its own, never in the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _store_of_a_test(_store_of_a_module, tmp_path_factory, monkeypatch):
    """No test finds the curves of another one, nor how wide xdist's terminal is."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(scope="session")
def ray_cluster():
    """Ray's own cluster for tests, with one node of two processors; all tests that need Ray share it."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'asyncsim[ray]'")
    import ray
    from ray.cluster_utils import Cluster

    small = {"include_dashboard": False, "object_store_memory": 80 * 2**20}
    with warnings.catch_warnings(action="ignore"):  # JAX's about forks, which here are other programs at once
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, **small})
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    yield cluster
    ray.shutdown()
    cluster.shutdown()
