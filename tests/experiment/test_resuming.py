"""Runs that are killed, interrupted, repeated and at work side by side: what was computed is not computed again."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import asyncsim
from asyncsim.learning import resuming
from asyncsim.store import Store

KILLS = int(os.environ.get("ASYNCSIM_KILLS", 5))  # of a run
TINY = """
title = "tiny"
seeds = [0, 1]
tuning_seeds = [8]
tuning = "halving"
step_sizes = [0.05, 0.4]
evaluate_every = 4
[stop]
updates = 16
[cluster]
workers = 3
compute = [1.0, 2.0, inf]
communication = 0.5
[problem]
kind = "garnet"
states = 5
actions = 2
horizon = 10
[methods.rennala_nigt]
tune = {batch_size = [2, 4]}
[methods.afedpg]
[sweep]
cluster.communication = [0.5, 3.0]
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("x.toml").write_text(TINY)
    return tmp_path


PROGRAM = """
import signal, sys
from asyncsim.cli import main
from asyncsim.learning import resuming
resuming.SECONDS = float(sys.argv.pop(1))  # between checkpoints
signal.signal(signal.SIGINT, signal.default_int_handler)  # children of a shell's background job would ignore it
sys.exit(main(sys.argv[1:]))
"""


def command(output, store="kept", scenario="x.toml", seconds=resuming.SECONDS):
    """``asyncsim run`` in a process of its own, whose compiled programs the next one finds."""
    arguments = ["run", scenario, "--output", output, "--store", store]
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": os.path.abspath("cache")}  # no kill damages the session's
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(seconds), *arguments], env=environment, **pipes)


def finished(process):
    """How many gradients it has computed."""
    out, error = process.communicate(timeout=600)
    assert not process.returncode, error[-2000:]
    (count,) = re.findall(r"Computed now: (\d+) gradients", out)
    return int(count)


def files(directory):
    return {path.name: path.read_bytes() for path in Path(directory).iterdir()}


def test_a_run_that_is_killed_at_any_moment_goes_on(here):
    """SIGKILL, again and again; what is there in the end is, byte for byte, what a run in peace has written."""
    every = finished(command("peace", "another"))
    begun = time.monotonic()
    assert finished(command("peace again", "a third")) == every  # programs are compiled by now
    whole, rng = time.monotonic() - begun, random.Random(0)
    killed, left = 0, []
    for kill in range(KILLS):
        process, begun = command("out"), time.monotonic()
        try:
            process.wait(whole * (0.4 + 0.6 * rng.random()))
            whole = time.monotonic() - begun  # the machine is quicker now
        except subprocess.TimeoutExpired:
            killed += 1
        while kill % 5 == 4 and process.poll() is None and not len(Store(Path("kept")).lanes()):
            time.sleep(0.05)  # on a machine that is slower now: the last is not killed before it has kept anything
        process.kill()
        process.communicate()
        assert Store(Path("kept")).verify() == 0
        if kill % 5 == 4:  # from the beginning again
            now = finished(command("out"))
            assert now < every, f"{now} of {every} gradients, after {killed} kills"
            assert files("out") == files("peace") == files("peace again")
            left.append(now)
            assert not finished(command("out"))
            for path in (*Path("out").iterdir(), *Path("kept").iterdir()):
                path.unlink()
    print(
        f"{killed} kills, the others had finished; after five starts at most {max(left)} of {every} gradients were left"
    )
    assert killed and max(left) < every


def test_two_runs_at_once_share_a_store(here):
    first, second = command("one"), command("two")
    computed = finished(first), finished(second)
    assert files("one") == files("two")
    assert finished(command("three")) == 0 and files("three") == files("one")
    assert finished(command("four", "another")) <= sum(computed) and files("four") == files("one")
    assert Store(Path("kept")).verify() == 0


SIMPLE = TINY.partition("[sweep]")[0].replace('tuning_seeds = [8]\ntuning = "halving"\n', "")
SIMPLE = SIMPLE.replace("tune = {batch_size = [2, 4]}", "batch_size = 4")


def test_what_is_new_alone_is_computed(here):
    def computed(text):
        Path("x.toml").write_text(text)
        return asyncsim.run("x.toml", store="kept").computed

    seed = 2 * 16 * (4 + 1)  # step sizes, updates, gradients of each method's update
    assert computed(SIMPLE) == 2 * seed
    assert computed(SIMPLE) == 0
    assert computed(SIMPLE.replace("seeds = [0, 1]", "seeds = [0, 1, 5]")) == seed
    assert computed(SIMPLE.replace("seeds = [0, 1]", "seeds = [5, 1]")) == 0
    assert computed(SIMPLE.replace("[0.05, 0.4]", "[0.05, 0.4, 0.2]")) == seed
    assert computed(SIMPLE.replace("updates = 16", "updates = 12")) == 0
    assert computed(SIMPLE.replace("updates = 16", "updates = 20")) == 2 * seed // 4
    assert computed(SIMPLE.replace("evaluate_every = 4", "evaluate_every = 8")) > 0  # other curves
    assert computed(SIMPLE.replace("target_return", "# target_return").replace('"tiny"', '"other"')) == 0


def test_without_a_store_nothing_is_kept(here, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cache"))
    Path("x.toml").write_text(SIMPLE)
    for _ in range(2):
        assert asyncsim.run("x.toml", store=False).computed == 2 * 2 * 16 * 5
    assert not Path("cache").exists()
    assert asyncsim.run("x.toml").computed and (here / "cache" / "asyncsim" / "store" / "curves.sqlite").exists()


def test_damage_costs_time_and_changes_nothing(here):
    import sqlite3

    Path("x.toml").write_text(SIMPLE)
    right = asyncsim.run("x.toml", store="kept")
    with sqlite3.connect("kept/curves.sqlite") as connection:
        for rest, kind in ((0, "row"), (1, "checkpoint")):
            where = f"kind = '{kind}' AND rowid % 2 = {rest}"
            connection.execute(f"UPDATE contents SET content = zeroblob(length(content)) WHERE {where}")
    connection.close()
    assert Store(Path("kept")).verify() > 0
    again = asyncsim.run("x.toml", store="kept")
    assert 0 < again.computed <= right.computed and again.curves.equals(right.curves)
    assert Store(Path("kept")).verify() == 0 and asyncsim.run("x.toml", store="kept").computed == 0


CARTPOLE = """
seeds = [0, 1]
step_sizes = [0.05]
evaluate_every = 5
[stop]
updates = 30
[cluster]
workers = 4
compute = "sqrt"
communication = "sqrt"
{more}
[problem]
environment = "CartPole-v1"
horizon = 20
discount = 0.9
hidden = [8]
evaluation_episodes = 2
[methods.afedpg]
"""


def test_a_price_that_changes_no_order_trains_nothing(here):
    """κ_i = √i·⁴√d beside h_i = √i: the order of arrival is that of κ_i = √i, later."""
    found = []
    for more in ("", "communication_exponent = 0.25"):
        Path("x.toml").write_text(CARTPOLE.format(more=more))
        found.append(asyncsim.run("x.toml", store="kept"))
    cheap, dear = found
    assert cheap.computed == 60 and dear.computed == 0
    assert dear.curves.drop(columns="time").equals(cheap.curves.drop(columns="time"))
    assert (dear.curves["time"] >= cheap.curves["time"]).all() and dear.curves["time"].max() > cheap.curves[
        "time"
    ].max()


LONG = """
seeds = [0, 1, 2, 3, 4, 5]
step_sizes = [0.01, 0.02, 0.03, 0.04, 0.05]
evaluate_every = 1000
[stop]
updates = 100000
[cluster]
workers = 4
compute = "sqrt"
communication = 0.5
[problem]
environment = "{environment}"
horizon = 200
discount = 0.99
evaluation_episodes = 16
[methods.{method}]
"""


@pytest.mark.slow
@pytest.mark.parametrize("environment, method", [("CartPole-v1", "afedpg"), ("Hopper-v4", "synchronous_nigt")])
def test_an_interrupted_run_exits_at_once(here, environment, method):
    """Though groups of lanes are at work in threads; what they have done by then is kept."""
    Path("x.toml").write_text(LONG.format(environment=environment, method=method))
    store, begun = Store(Path("kept")), time.monotonic()
    process = command("out", seconds=1.0)
    while not len(before := store.lanes()) and time.monotonic() - begun < 200:  # until it is at work
        time.sleep(0.1)
    assert len(before) and process.poll() is None
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    try:
        out, error = process.communicate(timeout=60)  # a second or two, where nobody else is at work
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    assert process.returncode == 130 and out == "" and error.splitlines()[-1].startswith("asyncsim: interrupted: "), (
        error
    )
    assert not Path("out").exists() and store.verify() == 0
    after = store.lanes()
    assert len(after) >= len(before)
    assert max(lane["updates"] for lane in after["about"]) >= max(lane["updates"] for lane in before["about"])


@pytest.mark.skipif("ASYNCSIM_KILLS" not in os.environ, reason="takes minutes: ASYNCSIM_KILLS=50 is how many kills")
def test_a_long_method_on_mujoco_that_is_killed_again_and_again_goes_on(here):
    """What was kept stays kept, is never computed again, and the files in the end are those of a run in peace."""
    text = LONG.format(environment="Hopper-v4", method="rennala_nigt") + "batch_size = 5\n"
    for old, new in {"0, 1, 2, 3, 4, 5": "0, 1", "0.01, 0.02, 0.03, 0.04, 0.05": "0.01, 0.05", "1000": "50"}.items():
        text = text.replace(old, new, 1)
    text = text.replace("updates = 100000", f"updates = {4 * KILLS}").replace("horizon = 200", "horizon = 100")
    Path("x.toml").write_text(text)
    begun = time.monotonic()
    every = finished(command("peace", "another", seconds=0.5))
    whole, rng = time.monotonic() - begun, random.Random(0)
    assert every == 2 * 2 * 4 * KILLS * 5

    def kept():
        """Updates of each lane that are in the store."""
        store = Store(Path("kept"))
        about = store.lanes()["about"] if store.path.exists() else ()
        return {(lane["seed"], lane["step_size"]): lane["updates"] for lane in about}

    killed, going_on, before = 0, 0, {}
    while killed < KILLS:
        process = command("out", seconds=0.5)
        try:
            process.wait(whole * rng.uniform(0.0, 1.0))
        except subprocess.TimeoutExpired:
            process.kill()
            killed, going_on = killed + 1, going_on + bool(before)
        _, error = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), error[-2000:]
        now = kept()
        assert Store(Path("kept")).verify() == 0 and all(now[lane] >= done for lane, done in before.items())
        before = now
        if process.returncode == 0 or killed == KILLS:
            assert finished(command("out", seconds=0.5)) == every - 5 * sum(before.values())
            assert files("out") == files("peace")
            for path in (*Path("out").iterdir(), *Path("kept").iterdir()):
                path.unlink()
            before = {}
    print(f"{killed} kills, of which {going_on} of runs that had been resumed; undisturbed it takes {whole:.0f} s")
    assert going_on
