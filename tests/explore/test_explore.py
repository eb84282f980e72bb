"""What the page of `asyncsim explore` shows, without the page."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from asyncsim import explore, theory
from asyncsim.methods import m_synchronous_nigt
from asyncsim.scenario import ScenarioError

CONSTANTS = {"sigma": 1.0, "L_g": 2.0, "L_h": 3.0, "Delta": 4.0}
OUTAGE = '[cluster]\ncompute = [1.0, {distribution = "exponential", mean = 2.0}]\ncommunication = 0.5\n'
OUTAGE += "[[cluster.outages]]\nworker = 0\ndown = 5.0\nup = 9.0\n"


def test_the_beginning_is_the_files():
    scenario, methods, asked = explore.begin("sqrt")
    assert asked == explore.Asked(10, "sqrt", 1.0, 1.0, 10, tuple(scenario.methods))
    assert len(asked.methods) == 4 and {"rennala_pg", "fedbuff_pg", "asynchronous_pg"} < set(methods)
    assert "m_synchronous_nigt" not in methods  # which needs another parameter
    assert asked.cluster(scenario.cluster) == scenario.cluster
    assert explore.begin("two-speeds")[2].compute == explore.AS_IN_FILE


def test_a_cluster_is_changed_as_asked():
    scenario, _, asked = explore.begin("sqrt")
    changed = replace(asked, workers=3, compute="equal", straggler=5.0, communication=0.25)
    cluster = changed.cluster(scenario.cluster)
    assert cluster.compute == (1.0, 1.0, 5.0) and cluster.kappas == (0.25,) * 3


def test_what_is_simulated_stands_beside_theory():
    scenario, methods, asked = explore.begin("sqrt")
    looked = explore.look(scenario, methods, replace(asked, batch_size=20))
    rows = looked.table.set_index("method")
    assert list(rows.index) == list(asked.methods) == list(looked.timelines)
    h = scenario.cluster.compute
    for label, seconds in (
        ("rennala_nigt", theory.rennala_round(h, 20)),
        ("malenia_nigt", theory.malenia_round(h, 20)),
    ):
        row = rows.loc[label]
        assert row["seconds_per_update"] == pytest.approx(seconds + 1) == pytest.approx(row["by_theory"])
        assert row["relation"] == "=" and row["at_most"] > row["seconds_per_update"]
    assert math.isnan(rows.loc["afedpg", "at_most"])
    assert (rows[["useful", "communicating", "idle", "wasted"]].to_numpy() >= 0).all()
    assert rows.loc["rennala_nigt", "wasted"] > 0 == rows.loc["synchronous_nigt", "wasted"]


def test_what_cannot_be_simulated_or_has_no_formulas_is_said(tmp_path):
    (tmp_path / "c.toml").write_text(OUTAGE)
    scenario, methods, asked = explore.begin(tmp_path / "c.toml")
    methods["three"] = m_synchronous_nigt(3, 0.1)  # of two workers
    looked = explore.look(scenario, methods, replace(asked, methods=(*asked.methods, "three")))
    assert len(looked.timelines) == 4 and "participants=3" in looked.without["three"]
    assert looked.table["by_theory"].isna().all() and "outages" in looked.notes[0]
    with pytest.raises(ValueError, match="outages"):
        explore.rows_to_epsilon(looked, 0.1, CONSTANTS)


def test_a_method_that_stalls_never_comes_to_a_target_beyond():
    scenario, methods, asked = explore.begin("outages-and-returns")  # one worker is gone for good
    looked = explore.look(scenario, methods, asked)
    made = len(looked.timelines["synchronous_nigt"].updates)
    assert f"synchronous_nigt makes no update after {made} of them" in looked.notes[0]
    found = explore.predicted(looked, {"synchronous_nigt": made + 1, "afedpg": 10_000}).set_index("method")["seconds"]
    assert found["synchronous_nigt"] == math.inf > found["afedpg"] and math.isnan(found["rennala_nigt"])


def test_seconds_to_a_target_are_updates_that_somebody_knows_times_seconds():
    scenario, methods, asked = explore.begin("sqrt")
    looked = explore.look(scenario, methods, asked)
    found = explore.predicted(looked, {"rennala_nigt": 100}).set_index("method")
    assert (
        found.loc["rennala_nigt", "seconds"]
        == 100 * looked.table.set_index("method").at["rennala_nigt", "seconds_per_update"]
    )
    assert found["seconds"].isna().sum() == 3
    updates = explore.updates_by_theory(looked, 0.1, CONSTANTS)
    assert updates["rennala_nigt"] == theory.updates_with_batch(10, 0.1, **CONSTANTS) and "afedpg" not in updates
    rows, best = explore.rows_to_epsilon(looked, 0.1, CONSTANTS)
    assert set(rows["method"]) == set(theory.TABLE) and best == theory.best_batch_size(
        scenario.cluster.compute, 1.0, 0.1, **CONSTANTS
    )
    nothing = explore.look(scenario, methods, replace(asked, methods=()))
    assert explore.predicted(nothing, {}).empty


def test_a_sweep_is_no_cluster():
    with pytest.raises(ScenarioError, match="sweep makes several clusters"):
        explore.begin(Path("communication"))
