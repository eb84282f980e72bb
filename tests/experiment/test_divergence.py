"""Lanes that diverge are named, keep what they were before, and change nothing of others."""

import numpy as np
import pandas as pd
import pytest
from made_curves import TINY, history
from matplotlib.collections import PathCollection

import asyncsim
from asyncsim import results
from asyncsim.cli import main
from asyncsim.experiment import Run
from asyncsim.experiment.divergence import diverged, divergence_in_words, with_count
from asyncsim.figures import interactive_curves, learning_curves
from asyncsim.scenario import load

NAN, INF = np.nan, np.inf


def made(tmp_path, rennala, afedpg):
    path = tmp_path / "x.toml"
    path.write_text(TINY)
    scenario = load(path)
    curves = [history("rennala_nigt", rennala), history("afedpg", afedpg)]
    return Run(scenario, scenario.axes, pd.concat(curves, ignore_index=True).assign(gradients=1))


FINE = {0.25: [[0, 1, 2, 6], [0, 2, 4, 8]], 0.5: [[0, 0, 1, 1], [0, 0, 1, 1]]}
SOME = {0.25: [[0, 9, NAN, INF], [0, 8, 8, 9]], 0.5: [[0, NAN, NAN, NAN], [-INF, NAN, NAN, NAN]]}
ALL = {0.25: [[0, 9, 9, NAN], [0, 8, 8, INF]], 0.5: [[0, NAN, NAN, NAN], [0, NAN, NAN, NAN]]}


def test_lanes_are_named_with_what_they_were_before(tmp_path):
    run = made(tmp_path, FINE, SOME)
    rows = diverged(run.curves).to_dict("records")
    assert [(row["method"], row["step_size"], row["seed"], row["update"]) for row in rows] == [
        ("afedpg", 0.25, 0, 1),
        ("afedpg", 0.5, 0, 0),
        ("afedpg", 0.5, 1, -1),
    ]
    assert (rows[0]["time"], rows[0]["eval_return"]) == (1.5, 9) and np.isnan(rows[2]["eval_return"])
    assert run.diverged().equals(diverged(run.curves)) and diverged(made(tmp_path, FINE, FINE).curves).empty
    assert divergence_in_words(run) == [
        "afedpg diverged with 1 of 2 seeds, and its curve ends there: seed 0 after 1 updates, 1.5 s, at a return of 9.",
        "afedpg: of all step sizes, 3 of 4 lanes diverged, with α = 0.25, 0.5.",
    ]
    summary = pd.DataFrame({"method": ["rennala_nigt", "afedpg"]})
    assert with_count(summary, run.curves, ())["diverged"].tolist() == [0, 1]
    assert with_count(summary, made(tmp_path, FINE, FINE).curves, ()).equals(summary)


def test_that_all_lanes_diverged_is_said(tmp_path):
    lines = divergence_in_words(made(tmp_path, FINE, ALL))
    assert lines[0].startswith("afedpg diverged with all seeds, and its curve ends there: seed 0 after 2 updates")
    assert lines[1] == "All lanes of afedpg diverged, 4 of 4: give smaller step_sizes."
    lines = divergence_in_words(made(tmp_path, ALL, ALL))
    assert lines[-1] == "All lanes diverged, 8 of 8: nothing was learned; give smaller step_sizes."
    assert not divergence_in_words(made(tmp_path, FINE, FINE))


@pytest.mark.parametrize("y", ["return", "gradient_norm"])
def test_figures_name_them_and_lines_end_there(tmp_path, y):
    run = made(tmp_path, FINE, SOME)
    rows, data = run.tuned(), results.as_data(run.scenario.settings)
    rows["gradient_norm"] = 7.0
    axes = learning_curves(rows, data, y=y).axes[0]
    names = [text.get_text() for text in (axes.get_legend() or axes.figure.legends[0]).get_texts()]
    assert names[:2] == ["Rennala NIGT, α = 2⁻²", "AFedPG, α = 2⁻²\n1 of 2 seeds diverged"]
    assert "a seed diverged" in names
    last = 8.5 if y == "return" else 7.0
    crosses = [each for each in axes.collections if isinstance(each, PathCollection) and len(each.get_offsets())]
    assert [cross.get_offsets().tolist() for cross in crosses] == [[[3.0, last]]]
    assert axes.lines[1].get_ydata()[1] == last
    assert np.isnan(axes.lines[1].get_ydata()[2:]).all() and np.isfinite(axes.lines[0].get_ydata()).all()
    axes.figure.canvas.draw()
    pytest.importorskip("bokeh")
    assert "1 of 2 seeds diverged" in f"{interactive_curves(rows, data)}"


DIVERGES = """
title = "far"
seeds = [0, 1]
step_sizes = [{sizes}]
evaluate_every = 2
[stop]
updates = 12
[cluster]
workers = 3
compute = "sqrt"
[problem]
kind = "quadratic"
dimension = 4
[methods.rennala_pg]
batch_size = 2
"""


def test_a_lane_that_diverges_changes_no_other_and_keeps_what_it_was(tmp_path, monkeypatch, capsys):
    """Gradient ascent on a quadratic, on which every step is α times as long as the one before."""
    monkeypatch.chdir(tmp_path)
    runs = {}
    for name, sizes in {"both": "0.1, 1e60", "alone": "0.1", "far": "1e60"}.items():
        path = tmp_path / f"{name}.toml"
        path.write_text(DIVERGES.format(sizes=sizes))
        runs[name] = asyncsim.run(path, store=False, output=name, policies=name == "far")
    one = runs["both"].curves.query("step_size == 0.1").reset_index(drop=True)
    pd.testing.assert_frame_equal(one, runs["alone"].curves, check_exact=True)
    assert runs["both"].tuned()["step_size"].unique() == [0.1]
    lost = runs["far"].diverged()
    assert len(lost) == 2 and (lost["update"] >= 0).all()
    for policy, update in zip(results.load_policies("far"), lost["update"], strict=True):
        assert policy.updates == update < 12 and np.isfinite(policy.params).all() and policy.eval_return is not None
    assert runs["far"].curves.groupby("seed")["eval_return"].apply(lambda own: (~np.isfinite(own)).sum() > 1).all()
    assert runs["alone"].computed < runs["both"].computed < 1.5 * runs["alone"].computed
    assert main(["run", "far.toml", "--store", "kept", "-o", "far", "--json"]) == 0
    assert '"diverged": 2' in (said := capsys.readouterr().out)
    assert "All lanes diverged, 2 of 2: nothing was learned; give smaller step_sizes." in said


def test_a_lane_that_has_diverged_stays_stopped_when_a_run_goes_on(tmp_path):
    """The longer run computes nothing of it, and says what a run at one go says."""
    path, text = tmp_path / "x.toml", DIVERGES.format(sizes="0.1, 1e60")
    runs = []
    for store, updates in (("kept", 10), ("kept", 20), ("another", 20)):
        path.write_text(text.replace("updates = 12", f"updates = {updates}"))
        runs.append(asyncsim.run(path, store=tmp_path / store))
    short, longer, whole = runs
    pd.testing.assert_frame_equal(longer.curves, whole.curves, check_exact=True)
    assert longer.computed == 2 * 10 * 2 and short.computed + longer.computed == whole.computed
