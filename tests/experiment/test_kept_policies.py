"""Kept policies: the last iterates, whatever the store has, and the same bytes."""

from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

import asyncsim
from asyncsim import methods, replay, results, simulate
from asyncsim.experiment.playing import best_of, kept_policies, played
from asyncsim.scenario import ScenarioError
from asyncsim.store import Store

TINY = """
seeds = [0, 1]
step_sizes = [0.03125, 0.0625]
evaluate_every = 4
[stop]
updates = 4
[cluster]
workers = 2
compute = "sqrt"
[problem]
environment = "CartPole-v1"
horizon = 40
discount = 0.9
hidden = [4]
evaluation_episodes = 3
[methods.fast]
method = "rennala_nigt"
batch_size = 2
"""
FILE = Path("out") / "policies.safetensors"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the scenario, with some text replaced."""
    monkeypatch.chdir(tmp_path)

    def run(old="", new="", **options):
        assert not old or TINY.count(old) == 1
        (tmp_path / "x.toml").write_text(TINY.replace(old, new) if old else TINY)
        return asyncsim.run("x.toml", output="out", force=True, **{"policies": True} | options)

    return run


def test_the_last_iterates_are_kept_with_what_is_needed_to_use_them(run):
    done = run()
    assert FILE in done.saved.files
    loaded = results.load_policies("out")
    assert [policy.seed for policy in loaded] == [0, 1]
    tuned = float(done.summary()["step_size"].iloc[0])
    method = methods.rennala_nigt(2, tuned)
    timeline = simulate(method, asyncsim.Cluster([1.0, 2**0.5]), updates=4)
    problem = done.scenario.problem()
    expected = replay(timeline, method, problem, seeds=[0, 1], evaluate_every=4)
    for policy, params, kept in zip(loaded, expected.params[:, 0], done.policies, strict=True):
        np.testing.assert_array_equal(policy.params, params)
        assert policy.params.dtype == params.dtype and (policy.step_size, policy.updates) == (tuned, 4)
        rows = done.tuned().query(f"seed == {policy.seed}")
        assert rows["update"].iloc[-1] == 4 and policy.eval_return == rows["eval_return"].iloc[-1]
        assert policy.problem == results.as_data(done.scenario.settings)["problem"]
        assert (policy.method, policy.point, policy.tuned) == ("fast", {}, "") == (kept.method, kept.point, kept.tuned)
    again = asyncsim.Run.load("out")
    again.save("again")
    assert Path("again/policies.safetensors").read_bytes() == FILE.read_bytes()


def test_the_file_is_the_same_whatever_the_store_has(run):
    first = run()
    content = FILE.read_bytes()
    assert run().computed == 0 and FILE.read_bytes() == content
    assert run(store=False).computed == first.computed and FILE.read_bytes() == content
    assert run(policies=False).policies is None and not FILE.exists()
    longer = run("updates = 4", "updates = 8")  # whose checkpoints are later
    assert longer.computed == first.computed and longer.policies[0].updates == 8
    again = run()  # of the tuned setting, and no other, the state in which it ended is lost
    assert again.computed == first.computed / 2 and FILE.read_bytes() == content
    assert run().computed == 0 and run("updates = 4", "updates = 8").computed == 0


def test_an_iterate_that_was_not_evaluated_on_the_way_is_evaluated(run):
    first, second = (
        run("step_sizes = [0.03125, 0.0625]\nevaluate_every = 4", f"step_sizes = [0.0625]\nevaluate_every = {every}")
        for every in (6, 4)
    )
    assert (first.curves["update"].max(), second.curves["update"].max()) == (3, 4)
    assert [policy.eval_return for policy in first.policies] == [policy.eval_return for policy in second.policies]


def test_replay_gives_last_iterates_of_what_it_finds(tmp_path):
    method, shelf = methods.rennala_nigt(2, 0.1), Store(tmp_path)
    timeline = simulate(method, asyncsim.Cluster([1.0, 2.0]), updates=5)
    lanes = {"seeds": [0], "evaluate_every": 4, "shelf": shelf}
    problem = asyncsim.TabularMDP.chain()
    first = replay(timeline, method, problem, **lanes)
    assert replay(timeline, method, problem, **lanes).params is None
    found = replay(timeline, method, problem, **lanes, last=True)
    np.testing.assert_array_equal(found.params, first.params)
    assert found.computed == 0 and found.frame.equals(first.frame)


@pytest.mark.slow
def test_at_every_point_of_a_sweep_as_it_was_tuned(run):
    rest = TINY[TINY.index("evaluate_every") :]
    swept = '[methods.fast.tune]\nmomentum = [0.1, 0.5]\n[sweep]\n"stop.updates" = [2, 4]\n'
    done = run(rest, f"tuning_seeds = [7]\n{rest}{swept}")
    loaded = results.load_policies("out")
    of = [(policy.point["stop.updates"], policy.seed, policy.updates) for policy in loaded]
    assert of == [(2, 0, 2), (2, 1, 2), (4, 0, 4), (4, 1, 4)]
    last = done.tuned().groupby(["stop.updates", "seed"]).last()
    for policy, row in zip(loaded, last.itertuples(), strict=True):
        assert (policy.tuned, policy.step_size, policy.eval_return) == (row.tuned, row.step_size, row.eval_return)


@pytest.mark.slow
def test_where_trajectories_decide_how_long_jobs_take(run):
    tables = (
        'evaluate_every = 2\n[stop]\nuntil = 9.0\n[cluster]\nworkers = 2\ncompute = [0.2, 0.3]\ncompute_unit = "step"\n'
    )
    done = run(TINY[TINY.index("evaluate_every") : TINY.index("[problem]")], tables, store=False)
    last = done.tuned().groupby("seed").last()
    found = [(policy.updates, policy.eval_return) for policy in done.policies]
    assert found == list(zip(last["update"], last["eval_return"])) and found[0] != found[1]


def test_in_gymnasium(run):
    run()
    policies = kept_policies("out")
    (policy, returns, frames, _), second = played(policies, 40)
    assert policy is policies[0] and returns.shape == (40,) and frames == []
    assert 8 < returns.mean() < 40 and not np.array_equal(returns, second[1])
    assert np.array_equal(next(played(policies, 40))[1], returns)
    assert best_of(policies).eval_return == max(policy.eval_return for policy in policies)


def test_what_cannot_be_played(run):
    def line(*arguments, problem=None):
        with pytest.raises(ScenarioError) as error:
            policies = kept_policies(*arguments)
            list(played([replace(policies[0], problem=policies[0].problem | problem)] if problem else policies, 1))
        return str(error.value)

    run()
    assert line("nothing") == "nothing: no policies are here: give the directory of a run with --policies"
    assert line("out", "fst") == "out: method='fst' has no policy here: did you mean 'fast'?"
    assert line("out", "fast", 7) == "out: seed=7 has no policy here: known: 0, 1"
    said = line("out", problem={"environment": "Corridor"})
    assert said.startswith("problem.environment='Corridor' is none that Gymnasium has: known: CartPole-v1, ")
    said = line("out", problem={"fields": {"gravity": 5.0}})
    assert said.startswith("problem.fields={'gravity': 5.0}: policies of environments with other constants")
    said = line("out", problem={"kind": "chain"})
    assert said == "problem.kind='chain' has no episodes to play: give a policy_gradient"
    assert line("out", problem={"horizn": 3}).startswith("problem.horizn=3 is an unknown key: did you mean 'horizon'?")
    FILE.write_bytes(FILE.read_bytes()[:100])
    with pytest.raises(OSError, match="out/policies.safetensors: .*: give the file as `asyncsim run` wrote it$"):
        kept_policies("out")


START = '[problem]\nstart_from = {results = "out", seed = 1}\n'


def test_training_goes_on_from_a_kept_policy(run):
    """As a part of the scenario's identity; where it is missing, or another one, that is told."""
    run()
    before, text = results.load_policies("out"), TINY.replace("[problem]\n", START)
    Path("y.toml").write_text(text)
    done = asyncsim.run("y.toml", output="more")
    first = done.curves.query("update == 0").groupby("seed")["eval_return"].first()
    assert first[1] == before[1].eval_return and done.computed  # seed 1 has the evaluations of that run
    assert np.array_equal(done.scenario.problem().init(jax.random.key(5)), before[1].params)
    assert asyncsim.run("y.toml", output="more").computed == 0
    written = results.load_settings("more")["scenario"]["problem"]["start_from"]
    assert {**written, "sha256": ""} == {"results": "out", "method": None, "seed": 1, "sha256": ""}
    assert asyncsim.Run.load("more", ".").scenario.problem() == done.scenario.problem()

    def line(old, new):
        Path("y.toml").write_text(text.replace(old, new))
        with pytest.raises(ScenarioError) as error:
            asyncsim.run("y.toml")
        return f"{error.value}"

    where = "y.toml: problem.start_from.results="
    assert (
        line('"out"', '"nowhere"') == f"{where}'nowhere' has no policies: give the directory of a run with --policies"
    )
    assert line(", seed = 1", "") == f"{where}'out' has 2 such policies: give method and seed of one"
    assert line("hidden = [4]", "hidden = [5]").startswith("y.toml: problem: start has the shape (30,): give 37 finite")
    run("[0.03125, 0.0625]", "[0.125]")  # another policy now
    with pytest.raises(
        ScenarioError, match="sha256='.*' is not of results='out', whose digest is .* are looked for in"
    ):
        asyncsim.Run.load("more", ".")
    FILE.write_bytes(b"no tensors")
    assert line("", "").startswith(f"{where}'out': out/policies.safetensors: ")
