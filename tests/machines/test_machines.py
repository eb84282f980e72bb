"""Machines train what this process would have trained, whatever becomes of them."""

import os
import re
import warnings
from concurrent.futures import Future
from contextlib import nullcontext
from multiprocessing import active_children
from types import SimpleNamespace

import jax
import pytest

import asyncsim
from asyncsim.cli import main
from asyncsim.learning import numerics
from asyncsim.learning.numerics import as_always
from asyncsim.machines import MachinesError, OnRay, Processes, jax_options, on_ray, units
from asyncsim.scenario import load
from asyncsim.store import Store

TINY = """
title = "tiny"
seeds = [0, 1]
tuning_seeds = [8]
tuning = "halving"
step_sizes = [0.05, 0.1, 0.4]
evaluate_every = 4
[stop]
updates = 12
[cluster]
workers = 3
compute = [1.0, 2.0, inf]
[problem]
kind = "garnet"
states = 4
actions = 2
horizon = 6
[methods.rennala_nigt]
batch_size = 2
[sweep]
cluster.communication = [0.5, 3.0]
"""


class Here:
    """Machines that are this process. lose: how many units lose theirs first."""

    lost = (ConnectionResetError,)

    def __init__(self, lose=0):
        self.lose, self.sent = lose, []

    def ready(self):
        return nullcontext(self)

    def share(self, content):
        return content

    def submit(self, function, *arguments):
        future, seconds, curves = Future(), *arguments[-2:]
        self.sent.append((seconds, [(curve.lane, curve.done) for curve in curves]))
        if len(self.sent) <= self.lose:
            future.set_exception(ConnectionResetError("gone"))
            return future
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    path = tmp_path_factory.mktemp("scenario") / "x.toml"
    path.write_text(TINY)
    return load(path)


def kept(store):
    """What was measured of all lanes; where their checkpoints are depends on how long units took."""
    with Store(store)._open() as connection:
        return connection.execute("SELECT * FROM contents WHERE kind = 'row' ORDER BY key, prefix").fetchall()


def found(scenario, home, on=None, **options):
    """A run, and what it found: its curves, and what the store has."""
    run = asyncsim.run(scenario, store=home, on=on, **options)
    return run, (run.curves.to_csv(), run.tuning.to_csv(), kept(home))


@pytest.fixture(scope="module")
def local(scenario, tmp_path_factory):
    """What this process finds."""
    return found(scenario, tmp_path_factory.mktemp("local"))[1]


def test_units_that_lose_their_machines_are_sent_again(scenario, local, tmp_path, monkeypatch):
    monkeypatch.setattr(units, "LOOK", 0.01)
    here = Here(lose=3)
    run, same = found(scenario, tmp_path, here)
    assert same == local and run.computed > 0
    for lost in here.sent[:3]:
        assert here.sent.count(lost) >= 2
    again, same = found(scenario, tmp_path, Here())
    assert same == local and again.computed == 0


def test_a_unit_ends_where_its_time_is_over_and_goes_on(scenario, local, tmp_path, monkeypatch):
    monkeypatch.setattr(units, "LOOK", 0.01)
    monkeypatch.setattr(units, "SECONDS", 0.0)  # so each goes as far as it must
    here = Here()
    assert found(scenario, tmp_path, here)[1] == local
    assert {done for _, unit in here.sent for _, done in unit} - {0, 3, 6}  # units begin elsewhere than at rungs


def test_a_run_that_was_interrupted_goes_on(scenario, local, tmp_path, monkeypatch):
    monkeypatch.setattr(units, "LOOK", 0.01)

    class Interrupted(Here):
        def submit(self, function, *arguments):
            if len(self.sent) == 2:
                raise KeyboardInterrupt
            return super().submit(function, *arguments)

    with pytest.raises(KeyboardInterrupt):
        found(scenario, tmp_path, Interrupted())
    before = len(kept(tmp_path))
    rest, whole = found(scenario, tmp_path, Here()), found(scenario, tmp_path / "anew", Here())
    assert rest[1] == local and 0 < before < len(kept(tmp_path)) and 0 < rest[0].computed < whole[0].computed


def test_what_is_lost_again_and_again_is_one_line(scenario, tmp_path, monkeypatch):
    monkeypatch.setattr(units, "LOOK", 0.01)
    with pytest.raises(MachinesError, match="lost its machine 4 times: gone: look into"):
        found(scenario, tmp_path, Here(lose=1000))


def test_machines_compute_with_the_options_that_this_process_has():
    with as_always():
        sent = jax_options()
        assert {name: sent[name] for name in numerics.OPTIONS if name in sent} == {
            name: value for name, value in numerics.OPTIONS.items() if hasattr(jax.config, name)
        }
    with jax.default_matmul_precision("highest"):
        assert jax_options()["jax_default_matmul_precision"] == "highest"


def test_machines_with_other_versions_are_refused(scenario, tmp_path, monkeypatch):
    class Other(Here):
        def submit(self, function, *arguments):
            with monkeypatch.context() as patch:
                patch.setattr(units, "_seen", {})
                patch.setattr(units, "curve_settings", lambda *_: {"packages": {"jax": "0.1"}})
                return super().submit(function, *arguments)

    with pytest.raises(MachinesError, match=r"has packages {'jax': '0.1'}, this one {'jax': .*: install the same"):
        found(scenario, tmp_path, Other())


@pytest.mark.slow
def test_processes_one_of_which_is_killed(scenario, local, tmp_path):
    killed = []

    def kill(progress):
        """The first process, in the middle."""
        if progress.phase == "trains" and not killed and active_children():
            killed.append(active_children()[0])
            killed[0].kill()

    assert found(scenario, tmp_path, Processes(2), progress=kill)[1] == local
    assert killed


@pytest.mark.parametrize("address, said, joined", [(None, None, "local"), (None, "a:1", "a:1"), ("b:2", "a:1", "b:2")])
def test_no_cluster_is_joined_that_nobody_named(address, said, joined, monkeypatch):
    """Ray alone would join whichever was begun last on this machine."""
    asked, ray = [], SimpleNamespace(is_initialized=lambda: False, shutdown=lambda: None)
    ray.init = lambda address, **options: asked.append(address)
    monkeypatch.setattr(on_ray, "imported", lambda: ray)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if said:
        monkeypatch.setenv("RAY_ADDRESS", said)
    with on_ray.connected(address):
        assert asked == [joined]


@pytest.mark.slow
def test_ray_gives_the_same(scenario, local, tmp_path, ray_cluster):
    assert found(scenario, tmp_path, OnRay())[1] == local


@pytest.mark.parametrize(
    "options, line",
    [
        (["--on", "moon"], "--on moon: give processes or ray"),
        (["--address", "auto"], "--address auto is of a Ray cluster: give --on ray, too"),
        (["--on", "ray", "--jobs", "2"], "--jobs 2 is of processes, and Ray takes what its cluster has: leave it out"),
    ],
)
@pytest.mark.parametrize("command", ["run", "reproduce", "prices"])
def test_options_that_do_not_fit(command, options, line, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([command, "quickstart", *options]) == 2
    assert line in capsys.readouterr().err and not any(tmp_path.iterdir())


def test_where_ray_is_missing_one_line_says_how_to_install_it(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    assert main(["run", "quickstart", "--on", "ray"]) == 2
    assert capsys.readouterr().err == "asyncsim: Ray is not installed: pip install 'asyncsim[ray]'\n"
    assert not any(tmp_path.iterdir())


def test_jobs_are_a_number():
    with pytest.raises(ValueError, match=re.escape("jobs=0 is no number of processes: give an integer >= 1")):
        Processes(0)


@pytest.mark.skipif("ASYNCSIM_NODES" not in os.environ, reason="takes a minute: set ASYNCSIM_NODES=1")
def test_a_node_that_is_killed_in_the_middle_costs_its_units(scenario, local, tmp_path, ray_cluster, monkeypatch):
    """Of three nodes, of which the others have one processor each."""
    monkeypatch.setattr(units, "SECONDS", 0.0)
    small = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    with warnings.catch_warnings(action="ignore"):
        nodes, killed = [ray_cluster.add_node(**small) for _ in range(2)], []
    ray_cluster.wait_for_nodes()

    def kill(progress):
        if progress.phase == "trains" and progress.done and not killed:
            killed.append(nodes[0])
            ray_cluster.remove_node(nodes[0], allow_graceful=False)

    try:
        assert found(scenario, tmp_path, OnRay(), progress=kill)[1] == local
        assert killed
    finally:
        ray_cluster.remove_node(nodes[1])
