"""Which setting of a method is chosen, and what choosing costs."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import asyncsim
from asyncsim import Run, methods
from asyncsim.cli import main
from asyncsim.experiment.tuning import Setting, late_mean, score, shares, tune
from asyncsim.scenario import Variant, load

VARIANT = Variant({}, methods.afedpg(0.1))
END = 64.0


def settings(count):
    return [Setting(VARIANT, 2.0**-k) for k in range(count)]


def trained(values, share, seeds=(7, 8)):
    """Curves up to this share of the time. values: the return at each second."""
    seconds = np.arange(0.0, share * END + 1)
    rows = [
        {"seed": seed, "time": time, "eval_return": values(time) + 0.1 * seed} for seed in seeds for time in seconds
    ]
    return pd.DataFrame(rows)


def tried(returns, tuning, updates=1000):
    """The number of the setting that is chosen, the share that each had, and the shares of the time trained, in all."""
    some, cost = settings(len(returns)), []
    number = {setting.step_size: k for k, setting in enumerate(some)}

    def train(left, share):
        cost.append(len(left) * share)
        return [
            trained(returns[number[setting.step_size]], share).assign(step_size=setting.step_size) for setting in left
        ]

    best, frame = tune(some, tuning, train, lambda setting: END, updates)
    shown = frame.groupby("step_size")["share"].agg(["min", "max"])
    assert (shown["min"] == shown["max"]).all()  # the longest that a setting had, and nothing before it
    return number[best.step_size], [shown["max"][setting.step_size] for setting in some], cost


def flat(value):
    return lambda time: value


@pytest.mark.parametrize("count", range(1, 40))
def test_of_all_settings_two_are_left_for_the_whole_time(count):
    assert shares(count, "grid", 1000) == [1.0]
    found = shares(count, "halving", 1000)
    assert found[-1] == 1.0 and all(later == 2 * share for share, later in zip(found, found[1:]))
    left = count
    for _ in found[:-1]:
        left = -(-left // 2)
    assert left <= 2 and (count < 3 or left == 2)


def test_the_worse_half_is_stopped_each_time():
    best, had, cost = tried([flat(value) for value in (3, 8, 1, 6, 2, 7, 4, 5)], "halving")
    assert best == 1 and had == [0.25, 1.0, 0.25, 0.5, 0.25, 1.0, 0.25, 0.5]
    assert cost == [8 / 4, 4 / 2, 2]
    assert tried([flat(value) for value in (3, 8, 1, 6, 2, 7, 4, 5)], "grid") == (1, [1.0] * 8, [8.0])


@pytest.mark.parametrize("updates, first", [(16, 0.125), (15, 0.25), (7, 0.5), (3, 1.0), (0, 1.0)])
def test_nothing_is_stopped_before_its_second_update(updates, first):
    """Whoever has fewer is trained for longer at first, or for the whole time."""
    assert shares(10, "halving", updates)[0] == first
    returns = [lambda time, k=k: -abs(k - 5) * (time > 0.45 * END) for k in range(10)]  # all are equal until then
    best, had, _ = tried(returns, "halving", updates)
    assert (best == 5) == (first >= 0.5) and min(had) == first
    assert tried(returns, "grid", updates)[0] == 5


@pytest.mark.parametrize("count", [3, 4, 5, 9, 10, 30])
def test_where_curves_do_not_cross_the_grid_is_not_needed(count):
    """What continues from where it was stopped costs its longest share alone."""
    rng = np.random.default_rng(count)
    for _ in range(5):
        slopes = rng.permutation(count).tolist()
        returns = [lambda time, slope=slope: slope * time for slope in slopes]
        best, had, _ = tried(returns, "halving")
        assert best == tried(returns, "grid")[0] == int(np.argmax(slopes))
        assert sum(had) < count * (0.85 if count < 5 else 0.62)
    assert count < 30 or sum(had) < 0.2 * count


@pytest.mark.parametrize("tuning", ["grid", "halving"])
def test_of_equals_the_first_goes_on(tuning):
    best, had, _ = tried([flat(1.0)] * 5, tuning)
    assert best == 0 and had == ([1.0] * 5 if tuning == "grid" else [1.0, 1.0, 0.5, 0.25, 0.25])
    assert tried([flat(1.0), flat(2.0), flat(2.0), flat(1.0)], tuning)[0] == 1


@pytest.mark.parametrize("tuning", ["grid", "halving"])
def test_what_diverged_ranks_last(tuning):
    nan = float("nan")
    assert tried([flat(nan), flat(-5.0), flat(nan), flat(-7.0), flat(-6.0)], tuning)[0] == 1
    assert tried([flat(nan)] * 3, tuning)[0] == 0  # something has to be first
    assert tried([flat(float("-inf")), flat(nan), flat(-1e300)], tuning)[0] == 2

    def late(time):  # it diverges when only two are left
        return 9.0 if time < 0.9 * END else nan

    assert tried([flat(1.0), late, flat(0.0), flat(0.5)], tuning)[0] == 0


def test_one_seed_that_diverged_is_enough():
    curves = trained(flat(1.0), 1.0)
    assert score(curves, END) == pytest.approx(1.75)
    curves.loc[(curves["seed"] == 8) & (curves["time"] > 60), "eval_return"] = np.nan
    assert score(curves, END) == -np.inf


def test_what_is_slow_at_first_is_not_chosen_by_halving():
    """The risk of it: what would win is stopped, for it is judged by a quarter of the time."""
    returns = [flat(1.0), flat(2.0), flat(3.0), flat(4.0), flat(0.5), flat(0.6), flat(0.7)]
    returns.append(lambda time: 0.0 if time < END / 2 else 100.0)
    best, had, _ = tried(returns, "halving")
    assert best == 3 and had[7] == 0.25
    assert tried(returns, "grid")[0] == 7


def test_a_score_is_of_the_last_quarter_of_its_share():
    curve = pd.DataFrame({"time": [0.0, 10.0, 14.0, 16.0], "eval_return": [100.0, 4.0, 8.0, np.nan]})
    assert late_mean(curve[:3], 16.0) == pytest.approx((2 * 4 + 2 * 8) / 4)  # from 12 s on
    assert np.isnan(late_mean(curve, 16.0)) and np.isnan(late_mean(curve, 20.0))  # it had diverged by then
    assert late_mean(curve[:1], 5.0) == 100.0 and late_mean(curve[:1], 0.0) == 100.0


# ---- in a scenario

TUNED = """
title = "tuned"
seeds = [0, 1]
tuning_seeds = [8, 9]
tuning = "halving"
step_sizes = [0.05, 0.4]
evaluate_every = 4
[stop]
updates = 40
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
initial_batch_size = 6
[methods.rennala_nigt.tune]
batch_size = [2, 4]
momentum = [0.1, 1]
[methods.afedpg]
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Path("x.toml").write_text(TUNED)
    return tmp_path


NAMES = [f"batch_size={size}, momentum={momentum}" for size in (2, 4) for momentum in (0.1, 1)]


@pytest.mark.parametrize("tuning", ["halving", "grid"])
def test_tuned_parameters_are_chosen_and_restored(here, tuning):
    Path("x.toml").write_text(TUNED.replace("halving", tuning))
    run = asyncsim.run("x.toml", output="out", store="kept")
    tuned, reported = run.tuning, run.curves
    mine = tuned[tuned["method"] == "rennala_nigt"]
    assert list(mine["tuned"].unique()) == NAMES and set(tuned["seed"]) == {8, 9}
    assert len(mine[["tuned", "step_size"]].drop_duplicates()) == len(NAMES) * 2
    had = mine.groupby(["tuned", "step_size"])["share"].agg(["min", "max"])
    assert (had["min"] == had["max"]).all()
    expected = [0.25] * 4 + [0.5] * 2 + [1.0] * 2 if tuning == "halving" else [1.0] * 8
    assert sorted(had["max"]) == expected
    assert set(reported["seed"]) == {0, 1} and "share" not in reported
    assert (reported.groupby("method")[["tuned", "step_size"]].nunique() == 1).all(axis=None)
    assert set(reported.loc[reported["method"] == "afedpg", "tuned"]) == {""}

    ends = mine[mine["share"] == 1].groupby(["tuned", "step_size"])
    best = max(((score(curves, run.timelines["rennala_nigt"].end), name) for name, curves in ends), key=lambda x: x[0])
    chosen = reported.loc[reported["method"] == "rennala_nigt", ["tuned", "step_size"]].iloc[0]
    if len({run.scenario.simulate("rennala_nigt", v.method).end for v in run.scenario.variants["rennala_nigt"]}) == 1:
        assert best[1] == tuple(chosen)

    loaded = Run.load("out")
    assert list(loaded.timelines) == list(run.timelines)
    for name, timeline in run.timelines.items():
        pd.testing.assert_frame_equal(timeline.jobs, loaded.timelines[name].jobs, check_exact=True)
    for one, other in ((loaded.curves, reported), (loaded.tuning, tuned)):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    written = json.loads(Path("out/settings.json").read_text())["scenario"]["methods"]["rennala_nigt"]
    assert written["tune"] == {"batch_size": [2, 4], "momentum": [0.1, 1]} and "batch_size" not in written
    head = Path("out/tuning.csv").read_text().splitlines()[0].split(",")
    assert head[:4] == ["method", "tuned", "seed", "step_size"] and head[-1] == "share"


def test_halving_computes_fewer_gradients_and_goes_on_where_it_was(here):
    computed = {}
    for tuning in ("grid", "halving"):
        Path("x.toml").write_text(TUNED.replace("halving", tuning))
        computed[tuning] = asyncsim.run("x.toml", store=f"kept-{tuning}").computed
    assert computed["halving"] < 0.75 * computed["grid"]
    Path("x.toml").write_text(TUNED)
    assert asyncsim.run("x.toml", store="kept-grid").computed <= 40 * 2 * 4  # at most another one was chosen


@pytest.mark.parametrize(
    "old, new, line",
    [
        ("batch_size = [2, 4]", "batch_sise = [2, 4]", "tune.batch_sise=[2, 4] is no parameter of rennala_nigt: did"),
        ("batch_size = [2, 4]", "batch_size = []", "tune.batch_size=[]: give at least 1"),
        ("batch_size = [2, 4]", "batch_size = [2, 4, 2]", "tune.batch_size=[2, 4, 2] has 2 twice: give distinct"),
        ("batch_size = [2, 4]", "batch_size = [2, 'a']", "tune.batch_size='a': give an integer"),
        ("batch_size = [2, 4]", "batch_size = [2, 2.5]", "tune.batch_size=2.5: give an integer"),
        ("batch_size = [2, 4]", "batch_size = [2, 0]", "tune.batch_size=0 is no number of gradients: give an integer"),
        ("batch_size = [2, 4]", "batch_size = 4", "tune.batch_size=4: give a list"),
        ("momentum = [0.1, 1]", "momentum = [0.1, 5.0]", "tune.momentum=5.0 is outside (0, 1]: give the weight"),
        ("momentum = [0.1, 1]", "step_size = [0.1, 1]", "tune.step_size=[0.1, 1] is tuned anyway: give methods"),
        ("momentum = [0.1, 1]", "workers = [2, 3]", "tune.workers=[2, 3] is no parameter of rennala_nigt: known: "),
        ("initial_batch_size = 6", "batch_size = 6", "tune.batch_size=[2, 4] and methods.rennala_nigt.batch_size=6"),
        ("[methods.rennala_nigt.tune]\n", "tune = 3\n", "tune=3: give a table"),
        ("tuning_seeds = [8, 9]\n", "", "tune needs seeds that are not reported: give tuning_seeds"),
    ],
)  # fmt: skip
def test_what_cannot_be_tuned_is_one_line(here, capsys, old, new, line):
    assert TUNED.count(old) == 1
    text = TUNED.replace(old, new)
    Path("x.toml").write_text(text.replace("batch_size = [2, 4]\nmomentum = [0.1, 1]\n", "") if "= 3" in new else text)
    before = {path for path in here.rglob("*")}
    assert main(["run", "x.toml", "--output", "out", "--store", "kept"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert said.err.startswith(f"asyncsim: x.toml: methods.rennala_nigt.{line}")
    assert {path for path in here.rglob("*")} == before


def test_a_way_to_tune_that_is_not_there(here, capsys):
    Path("x.toml").write_text(TUNED.replace("halving", "random"))
    assert main(["run", "x.toml"]) == 2
    assert capsys.readouterr().err == "asyncsim: x.toml: tuning='random': give 'grid' or 'halving'\n"


def test_each_choice_of_parameters_has_a_name(here):
    variants = load("x.toml").variants
    assert [variant.name for variant in variants["rennala_nigt"]] == NAMES
    assert [variant.name for variant in variants["afedpg"]] == [""]
    assert {variant.method.rule.initial_batch_size for variant in variants["rennala_nigt"]} == {6}
