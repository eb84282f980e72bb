"""What is kept of a run: the numbers, and that nothing is lost or half-written."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from asyncsim import Cluster, methods, results, simulate
from asyncsim.scenario import PRESETS, load

TINY = """
title = "tiny"
seeds = [0, 1]
step_sizes = [0.25, 0.5]
target_return = 5.0
[stop]
updates = 4
[cluster]
compute = [1.0, 2.0, inf]
[problem]
kind = "chain"
[methods.rennala_nigt]
batch_size = 3
[methods.afedpg]
"""


def history(method, returns):
    """Rows of `History.to_frame`: returns[step size][seed] is a list over updates."""
    rows = [
        {"method": method, "seed": seed, "step_size": step, "update": k, "time": 1.5 * k, "eval_return": value}
        for step, seeds in returns.items()
        for seed, values in enumerate(seeds)
        for k, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


CURVES = pd.concat(
    [
        history("rennala_nigt", {0.25: [[0, 1, 2, 6], [0, 2, 4, 8.5]], 0.5: [[0, 9, 9, 1], [0, 9, 9, 1]]}),
        history("afedpg", {0.25: [[0, 1, 2, 3], [0, 2, 4, 1 / 3]], 0.5: [[0, 1, 2, 2], [0, 1, 1, 1]]}),
    ],
    ignore_index=True,
)


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return load(path)


@pytest.fixture
def timelines(scenario):
    return {label: scenario.simulate(label) for label in scenario.methods}


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def claimed(*arguments, **options):
    with results.claim(*arguments, **options) as verb:
        return verb


def other(scenario):
    return scenario.settings.model_copy(update={"title": "other"})


# ---- what the curves say


def test_the_tuned_step_size_is_best_over_the_last_quarter():
    returns = {0.1: [[9, 9, 9, 9, 9, 9, 1, 1], [9, 9, 9, 9, 9, 9, 1, 1]], 0.2: [[0, 0, 0, 0, 0, 0, 1, 3]] * 2}
    assert set(results.tuned(history("a", returns))["step_size"]) == {0.2}
    returns[0.3] = [[0, 0, 0, 0, 0, 0, 9, np.nan], [9] * 8]  # diverged with one seed: last
    assert set(results.tuned(history("a", returns))["step_size"]) == {0.2}
    assert set(results.tuned(history("a", {0.1: [[1.0]], 0.2: [[1.0]]}))["step_size"]) == {0.1}  # of equals the smaller
    assert len(results.tuned(history("a", {0.1: [[np.nan]], 0.2: [[np.nan]]}))) == 1


def test_each_method_is_tuned_by_itself_in_the_order_given():
    curves = pd.concat([history("z", {0.1: [[1.0]], 0.2: [[2.0]]}), history("a", {0.1: [[2.0]], 0.2: [[1.0]]})])
    rows = results.tuned(curves)
    assert list(zip(rows["method"], rows["step_size"])) == [("z", 0.2), ("a", 0.1)]


def test_the_summary(timelines):
    rennala, afedpg = results.summarise(CURVES, timelines, target=5.0).to_dict("records")
    # A round: 3 gradients in 2 s, (2, 1, 0) of them. Each update but the last cancels the third worker's job, and the
    # one that the first worker has begun at this very instant.
    counts = timelines["rennala_nigt"].counts()
    assert (counts["used"], counts["cancelled"], counts["discarded"]) == (12, 6, 0)
    assert rennala == {
        "method": "rennala_nigt",
        "step_size": 0.25,
        "first_return": 0.0,
        "final_return": 7.25,
        "time_to_target": 4.5,
        "end": 8.0,
        "updates": 4,
        "gradients": 12,
        "wasted_share": 0.25,  # the third worker computes for 8 s in vain, but the last 2 s are not over: 6 of 24
        "max_delay": 0,
    }
    assert afedpg["step_size"] == 0.25 and np.isnan(afedpg["time_to_target"])
    assert (afedpg["updates"], afedpg["gradients"], afedpg["wasted_share"]) == (4, 4, 0)
    assert np.isnan(results.summarise(CURVES, timelines)["time_to_target"]).all()


def test_updates_at_one_instant_do_not_hide_each_other():
    timeline = simulate(methods.afedpg(0.1), Cluster([1.0, 1.0]), updates=2)
    curves = history("afedpg", {0.1: [[0, 1, 7]]}).assign(time=[0.0, 1.0, 1.0])
    assert results.summarise(curves, {"afedpg": timeline}, 5.0)["time_to_target"].item() == 1.0


def own(curves):
    """With a world of each worker's own, of three."""
    return curves.assign(eval_return_0=curves["eval_return"] + 1, eval_return_1=1.0, eval_return_2=curves["seed"])


def test_whom_a_method_serves(timelines):
    assert results.by_worker(CURVES, timelines) is None
    frame = results.by_worker(own(CURVES), timelines).set_index(["method", "worker"])
    assert frame.index.tolist() == [(label, worker) for label in ("rennala_nigt", "afedpg") for worker in range(3)]
    # (2, 1, 0) gradients in a round of 3; arrivals at 1, 2, 2 and 3 s, of workers 0, 0, 1 and 0
    assert frame["weight"].tolist() == pytest.approx([2 / 3, 1 / 3, 0, 3 / 4, 1 / 4, 0])
    rennala = frame.loc["rennala_nigt"]
    assert rennala["final_return"].tolist() == [8.25, 1.0, 0.5]
    assert rennala["low"].tolist() == pytest.approx([7.5, 1.0, 0.2])
    assert rennala["high"].tolist() == pytest.approx([9.0, 1.0, 0.8])


def test_a_point_of_a_sweep_where_worlds_do_not_differ(timelines):
    swept = pd.concat([CURVES.assign(own=False), own(CURVES).assign(own=True)], ignore_index=True)
    swept = swept[["own", *swept.columns.drop("own")]]
    keys = {(value, label): timelines[label] for value in (False, True) for label in timelines}
    frame = results.by_worker(swept, keys)
    assert list(frame.columns[:3]) == ["own", "method", "worker"] and frame["own"].all() and len(frame) == 6


# ---- where it is kept


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("experiments/quickstart.toml", "results/quickstart"),
        ("experiments/paper/foo.toml", "results/paper/foo"),
        ("/home/me/experiments/paper/foo.toml", "results/paper/foo"),
        ("elsewhere/foo.toml", "results/foo"),
        ("foo.toml", "results/foo"),
        ("experiments/../../foo.toml", "results/foo"),
        ("experiments.toml", "results/experiments"),
        ("experiments/...toml", "results/scenario"),
        ("experiments/.a.parts.toml", "results/a.parts"),
    ],
)
def test_results_mirror_experiments(path, place):
    assert results.place(path) == Path(place)


def test_what_is_written_can_be_read(tmp_path, scenario, timelines):
    directory = tmp_path / "results" / "deep" / "tiny"
    summary, paths = results.save(directory, scenario.settings, CURVES, timelines)
    assert sorted(paths) == sorted(directory.iterdir()) and {path.name for path in paths} == set(results.FILES)
    pd.testing.assert_frame_equal(results.load_curves(directory), CURVES, check_exact=True)
    pd.testing.assert_frame_equal(results.load_summary(directory), summary, check_exact=True)
    settings = results.load_settings(directory)
    assert settings["scenario"]["cluster"]["compute"] == [1.0, 2.0, "Infinity"]  # JSON has no infinity
    assert settings["scenario"]["methods"]["afedpg"]["momentum"] == 0.1  # defaults are written out
    assert set(settings["versions"]) | {"mujoco-mjx", "gymnax"} == {
        "python",
        *results.PACKAGES,
    }  # these two are optional
    assert settings["floats"] == "float64"


def test_whom_a_method_serves_is_written_and_drawn(tmp_path, scenario, timelines):
    results.save(tmp_path / "a", scenario.settings, own(CURVES), timelines)
    served = {"by_worker.csv", "by_worker.png", "by_worker.svg"}
    assert set(contents(tmp_path / "a")) == {*results.FILES, *served}
    frame = results.load_by_worker(tmp_path / "a")
    pd.testing.assert_frame_equal(frame, results.by_worker(own(CURVES), timelines), check_exact=True)
    results.save(tmp_path / "a", scenario.settings, CURVES, timelines)
    assert results.load_by_worker(tmp_path / "a") is None


WORDS = ["NA", "nan", "", "1", "1e3", "True", 'a,"b"', "null", "None", "-inf", " a ", "a\nb", "ä"]


def test_words_come_back_as_they_were(tmp_path, scenario, timelines):
    """Whatever they look like: labels of methods, and the values of an axis."""
    swept = [*WORDS[:3], {"kind": "x"}]
    settings = scenario.settings.model_copy(
        update={"sweep": {"cluster.x": swept, "cluster.y": [1.0, float("inf")], "problem.own": [False, True]}}
    )
    settings = settings.model_copy(update={"methods": dict.fromkeys(WORDS, scenario.settings.methods["afedpg"])})
    labels = [own(history(label, {0.25: [[0, 1 / 3], [np.nan, 1e-300]]})) for label in WORDS]
    curves = pd.concat(
        [
            pd.concat([pd.DataFrame([values] * len(labels[0])), label], axis=1)
            for word in map(str, swept)
            for y in settings.sweep["cluster.y"]
            for answer in (False, True)
            for values in [{"x": word, "y": y, "own": answer}]
            for label in labels
        ],
        ignore_index=True,
    )
    keys = {tuple(run): timelines["afedpg"] for run in curves[["x", "y", "own", "method"]].itertuples(index=False)}
    assert len(keys) == len(swept) * 4 * len(WORDS)
    summary, _ = results.save(tmp_path / "a", settings, curves, keys, curves)
    pd.testing.assert_frame_equal(results.load_curves(tmp_path / "a"), curves, check_exact=True)
    pd.testing.assert_frame_equal(results.load_summary(tmp_path / "a"), summary, check_exact=True)
    served = results.by_worker(curves, keys)
    pd.testing.assert_frame_equal(results.load_by_worker(tmp_path / "a"), served, check_exact=True)
    assert summary["method"].tolist() == WORDS * len(swept) * 4


def test_words_of_a_part_come_back_as_they_were(tmp_path, scenario):
    for k, word in enumerate([*WORDS, "a\rb", "a\r\nb", "\ufeffa"]):
        part = history(word, {0.25: [[0, 1 / 3]]})
        results.keep_part(tmp_path / "a", scenario.settings, k, part, part)
        for kept in results.kept_part(tmp_path / "a", scenario.settings, k):
            pd.testing.assert_frame_equal(kept, part, check_exact=True)
    assert results.kept_part(tmp_path / "a", scenario.settings, k + 1) is None
    assert {path.name for path in tmp_path.iterdir()} == {"tiny.toml", ".a.parts"}


def test_nothing_is_known_of_the_machine_or_the_day(tmp_path, scenario, timelines):
    results.save(tmp_path / "a", scenario.settings, CURVES, timelines)
    text = b"".join(contents(tmp_path / "a").values())
    assert str(tmp_path).encode() not in text and sys.prefix.encode() not in text
    assert b"tEXtSoftware" not in text and b"<dc:date>" not in text
    json.loads((tmp_path / "a" / "settings.json").read_text(), parse_constant=pytest.fail)


def test_the_same_bytes_every_time(tmp_path, scenario, timelines):
    for name in "ab":
        results.save(tmp_path / name, scenario.settings, CURVES, timelines)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_nothing_is_overwritten_silently(tmp_path, scenario, timelines):
    directory = tmp_path / "a"
    with results.claim(directory, scenario.settings) as verb:
        assert verb == "wrote" and not directory.exists()
    results.save(directory, scenario.settings, CURVES, timelines)
    before = contents(directory)
    assert claimed(directory, scenario.settings) == "replaced the same scenario's results"
    with pytest.raises(FileExistsError, match="holds another scenario's results: give --force"):
        claimed(directory, other(scenario))
    assert contents(directory) == before
    with results.claim(directory, other(scenario), force=True) as verb:
        assert verb == "replaced another scenario's results"
        results.save(directory, other(scenario), CURVES, timelines)
    assert results.load_settings(directory)["scenario"]["title"] == "other"
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["a"]


def test_which_other_versions_results_were_made_on(tmp_path, scenario, timelines):
    results.save(tmp_path / "a", scenario.settings, CURVES, timelines)
    path = tmp_path / "a" / "settings.json"
    record = json.loads(path.read_text())
    now = dict(record["versions"])
    record["versions"] |= {"jax": "0.1", "scipy": "0.2", "gone": "1.0"}
    del record["versions"]["numpy"]  # of which nothing is known
    path.write_text(json.dumps(record))
    said = f"replaced the same scenario's results, made with scipy 0.2 (now {now['scipy']}), jax 0.1 (now {now['jax']})"
    assert claimed(tmp_path / "a", scenario.settings) == said


HOLDS = """
import sys, time
from asyncsim import results
from asyncsim.scenario import load
with results.claim("a/b", load(sys.argv[1]).settings) as verb:
    print(verb, flush=True)
    time.sleep(600)
"""


def test_one_run_at_a_time_writes(tmp_path, scenario, timelines, monkeypatch):
    """Who comes second is told by whom and since when; a run that is killed is in nobody's way."""
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-c", HOLDS, str(scenario.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        try:
            assert first.stdout.readline() == "wrote\n"
            said = rf"^a/b: another run is writing there, process {first.pid}, since \d+-\d\d-\d\d \d\d:\d\d:\d\d: wait"
            before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
            for second in (results.claim("a/b", scenario.settings, force=True), results.claim_validation("a/b")):
                with pytest.raises(BlockingIOError, match=said), second:
                    pytest.fail("two runs at once")
            assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
            assert claimed("a/c", scenario.settings) == "wrote"  # beside it
        finally:
            first.kill()
    assert claimed("a/b", scenario.settings) == "wrote"
    assert list(tmp_path.joinpath("a").iterdir()) == []  # it was there
    assert claimed("c/d/e", scenario.settings) == "wrote" and not Path("c").exists()


def test_a_key_that_old_files_do_not_have_makes_no_other_scenario(tmp_path, scenario, timelines):
    results.save(tmp_path / "a", scenario.settings, CURVES, timelines)
    path = tmp_path / "a" / "settings.json"
    record = json.loads(path.read_text())
    del record["scenario"]["tuning_seeds"]
    path.write_text(json.dumps(record))
    assert claimed(tmp_path / "a", scenario.settings) == "replaced the same scenario's results"
    with pytest.raises(FileExistsError):
        tuned = scenario.settings.model_copy(update={"tuning_seeds": (3,)})
        claimed(tmp_path / "a", tuned)


def test_what_is_not_ours_stays(tmp_path, scenario):
    (tmp_path / "notes.md").write_text("mine")
    for directory, line in (
        (tmp_path, "holds 'notes.md', which is no result"),
        (tmp_path / "notes.md", "'notes.md' is a file"),
        (tmp_path / "notes.md" / "deeper", "'notes.md' is a file"),
    ):
        with pytest.raises(FileExistsError, match=line):
            claimed(directory, scenario.settings, force=True)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "settings.json").write_text("{")
    with pytest.raises(FileExistsError, match="another scenario"):
        claimed(tmp_path / "broken", scenario.settings)


def test_a_symbolic_link_is_followed(tmp_path, scenario, timelines):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    results.save(tmp_path / "link", scenario.settings, CURVES, timelines)
    assert (tmp_path / "link").is_symlink() and set(contents(tmp_path / "real")) == set(results.FILES)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_failed_save_leaves_the_old_results(tmp_path, scenario, timelines, monkeypatch, error):
    results.save(tmp_path / "a", scenario.settings, CURVES, timelines)
    before = contents(tmp_path / "a")

    def fail(*_):
        raise error

    monkeypatch.setattr(results.figures, "learning_curves", fail)
    with pytest.raises(error):
        results.save(tmp_path / "a", other(scenario), CURVES, timelines)
    assert contents(tmp_path / "a") == before
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["a"]


KILLED = """
import os, sys
from pathlib import Path
import pandas as pd
from asyncsim import results
from asyncsim.scenario import load

def kill(*_, **__):
    os._exit(9)

if sys.argv[2] == "between files":
    results.figures.learning_curves = kill
else:  # between the two moves
    move = Path.rename
    Path.rename = lambda self, to: kill() if self.name.endswith(".new") else move(self, to)
scenario = load(sys.argv[1])
timelines = {label: scenario.simulate(label) for label in scenario.methods}
results.save("a", scenario.settings.model_copy(update={"title": "new"}), pd.read_csv("curves.csv"), timelines)
"""


@pytest.mark.parametrize("when", ["between files", "between moves"])
def test_a_kill_leaves_the_old_results_whole(tmp_path, scenario, timelines, monkeypatch, when):
    monkeypatch.chdir(tmp_path)
    results.save("a", scenario.settings, CURVES, timelines)
    before = contents(tmp_path / "a")
    CURVES.to_csv("curves.csv", index=False)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(scenario.path), when])
    assert killed.returncode == 9
    pd.testing.assert_frame_equal(results.load_curves("a"), CURVES)
    assert results.load_settings("a")["scenario"]["title"] == "tiny"
    assert claimed("a", scenario.settings) == "replaced the same scenario's results"
    assert contents(tmp_path / "a") == before
    results.save("a", scenario.settings, CURVES, timelines)
    assert contents(tmp_path / "a") == before
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["a"]


# ---- what is committed

ROOT = Path(__file__).parent.parent
RUN = [
    (path, preset)
    for path in sorted((ROOT / "experiments").rglob("*.toml"))
    for preset in (None, *PRESETS)
    if (ROOT / results.place(path, preset)).exists()
]


@pytest.mark.parametrize("path, preset", RUN, ids=lambda of: getattr(of, "stem", of))
def test_committed_results_are_of_the_committed_scenario(path, preset):
    directory = ROOT / results.place(path, preset)
    verb = claimed(directory, load(path, preset).settings)
    assert verb.partition(", made with ")[0] == "replaced the same scenario's results"
    files = set(contents(directory))
    assert len(results.load_curves(directory)) and set(results.FILES) <= files <= {*results.FILES, *results.SOMETIMES}


def test_the_quickstart_learns():
    directory = ROOT / "results" / "quickstart"
    if not directory.exists():
        pytest.skip("not run yet")
    summary = results.load_summary(directory).set_index("method")
    nigt = summary.filter(like="_nigt", axis="index")
    assert len(nigt) == 3 and (nigt["final_return"] >= 5 * nigt["first_return"]).all()
    assert summary["time_to_target"].notna().all()


def test_in_a_heterogeneous_problem_malenia_serves_the_mean():
    directory = ROOT / "results" / "heterogeneous"
    if not directory.exists():
        pytest.skip("not run yet")
    final = results.load_summary(directory).set_index("method")["final_return"]
    assert final["malenia_nigt"] > 1.4 * max(final["rennala_nigt"], final["afedpg"])
