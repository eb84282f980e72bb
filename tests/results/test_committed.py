"""The results that are committed."""

from pathlib import Path

import pytest

from asyncsim import Run, results
from asyncsim.scenario import PRESETS, load

ROOT = Path(__file__).parents[2]
RUN = [
    (path, preset)
    for path in sorted((ROOT / "experiments").rglob("*.toml"))
    for preset in (None, *PRESETS)
    if (ROOT / results.place(path, preset)).exists()
]


def reserved(*arguments, **options):
    with results.reserve(*arguments, **options) as verb:
        return verb


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.mark.parametrize("path, preset", RUN, ids=lambda of: getattr(of, "stem", of))
def test_committed_results_are_of_the_committed_scenario(path, preset):
    directory = ROOT / results.place(path, preset)
    files = set(contents(directory))
    assert len(results.load_curves(directory)) and set(results.FILES) <= files <= {*results.FILES, *results.SOMETIMES}
    verb = reserved(directory, load(path, preset).settings)
    assert verb.partition(", made with ")[0] == "replaced the same scenario's results"


@pytest.mark.parametrize("path, preset", RUN, ids=lambda of: getattr(of, "stem", of))
def test_committed_results_can_be_loaded(path, preset):
    directory = ROOT / results.place(path, preset)
    run = Run.load(directory)
    assert results.as_data(run.scenario.settings) == results.as_data(load(path, preset).settings)
    assert run.axes == load(path, preset).axes and list(run.curves.columns[: len(run.axes)]) == list(run.axes)
    assert (run.tuning is not None) == (directory / "tuning.csv").exists()


def test_the_quickstart_learns():
    directory = ROOT / "results" / "quickstart"
    if not directory.exists():
        pytest.skip("not run yet")
    summary = results.load_summary(directory).set_index("method")
    nigt = summary.filter(like="_nigt", axis="index")
    assert len(nigt) == 3 and (nigt["final_return"] >= 5 * nigt["first_return"]).all()
    assert summary["time_to_target"].notna().all()


def test_landers_learn():
    directory = ROOT / "results" / "environments" / "lunar-lander"
    if not directory.exists():
        pytest.skip("not run yet")
    summary = results.load_summary(directory)
    assert len(summary) == 2 and (summary["final_return"] >= 100 + summary["first_return"]).all()


def test_in_a_heterogeneous_problem_malenia_serves_the_mean():
    directory = ROOT / "results" / "heterogeneous"
    if not directory.exists():
        pytest.skip("not run yet")
    final = results.load_summary(directory).set_index("method")["final_return"]
    assert final["malenia_nigt"] > 1.4 * max(final["rennala_nigt"], final["afedpg"])
