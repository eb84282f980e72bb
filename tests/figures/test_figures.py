"""Figures show the frame's numbers."""

import warnings
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from asyncsim import Cluster, figures, methods, rules, simulate
from asyncsim.figures import COLOURS, by_worker, learning_curves, pretty
from asyncsim.scenario import known_methods

TIMES = np.array([0.0, 1.5, 3.0])
RETURNS = {  # method: (seeds, updates)
    "rennala_nigt": np.array([[1.0, 2.0, 6.0], [2.0, 4.0, 7.0], [3.0, 9.0, 9.0]]),
    "big": np.array([[1.0, 1.0, 1.0], [2.0, 2.0, np.nan], [3.0, 3.0, 3.0]]),
    "afedpg": np.array([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0], [0.0, 1.0, 2.0]]),
}
STEPS = {"rennala_nigt": 2.0**-5, "big": 0.3, "afedpg": 1.0}
SCENARIO = {
    "title": "A title",
    "target_return": 5.0,
    "problem": {"environment": "CartPole-v1", "fields": {}},
    "methods": {
        "rennala_nigt": {"method": "rennala_nigt"},
        "big": {"method": "rennala_nigt"},
        "afedpg": {"method": "afedpg"},
    },
}


def curves():
    rows = [
        {"method": label, "seed": seed, "step_size": STEPS[label], "update": k, "time": time, "eval_return": values[k]}
        for label, seeds in RETURNS.items()
        for seed, values in enumerate(seeds)
        for k, time in enumerate(TIMES)
    ]
    return pd.DataFrame(rows)


def drawn(**changes):
    figure = learning_curves(curves(), SCENARIO | changes)
    figure.canvas.draw()
    return figure.axes[0]


def test_a_line_and_a_band_per_method():
    axes = drawn()
    bands = [each for each in axes.collections if isinstance(each, PolyCollection)]
    assert len(axes.lines) == len(RETURNS) + 1 and len(bands) == len(RETURNS)
    for line, band, values in zip(axes.lines, bands, RETURNS.values()):
        np.testing.assert_array_equal(line.get_xdata(), TIMES)
        np.testing.assert_array_equal(line.get_ydata(), values.mean(axis=0))  # NaN where a seed diverged
        corners = band.get_paths()[0].vertices
        for time, of_seeds in zip(TIMES, values.T):
            heights = corners[corners[:, 0] == time, 1]
            for share in (0.2, 0.8) if np.isfinite(of_seeds).all() else ():
                assert np.isclose(heights, np.quantile(of_seeds, share)).any()
    assert set(axes.lines[-1].get_ydata()) == {5.0} and axes.lines[-1].get_linestyle() == "--"


def test_words():
    axes = drawn()
    assert axes.get_xlabel() == "simulated time (s)" and axes.get_ylabel() == "return on CartPole-v1"
    assert axes.get_title(loc="left") == "A title"
    assert [text.get_text() for text in axes.figure.legends[0].get_texts()] == [
        "Rennala NIGT, α = 2⁻⁵",
        "Big, α = 0.3\n1 of 3 seeds diverged",
        "AFedPG, α = 2⁰",
        "a seed diverged",
        "target, 5",
        "bands, 20-80 % of 3 seeds",
    ]
    one = learning_curves(curves().query("seed == 0"), SCENARIO).axes[0].get_legend().get_texts()
    assert one[-1].get_text() == "target, 5"  # of one seed there is no band


def test_curves_are_steps_of_each_seeds_own_times():
    """Between evaluations the last one stands, also where another seed was evaluated."""
    ours = curves().query("method == 'rennala_nigt'")
    ours.loc[ours["seed"] == 1, "time"] = [0.0, 1.0, 4.0]  # 2, 4 and 7; the others 1, 2, 6 and 3, 9, 9 at 0, 1.5, 3
    axes = learning_curves(ours, SCENARIO | {"target_return": None}).axes[0]
    (line,), (band,) = axes.lines, axes.collections
    assert line.get_drawstyle() == "steps-post" and line.get_xdata().tolist() == [0, 1, 1.5, 3, 4]
    assert line.get_ydata().tolist() == pytest.approx([6 / 3, 8 / 3, 15 / 3, 19 / 3, 22 / 3])
    corners = {tuple(corner) for corner in np.round(band.get_paths()[0].vertices, 9)}
    low, high = np.quantile([1, 4, 3], (0.2, 0.8))
    assert {(1.0, low), (1.0, high), (1.5, low), (1.5, high)} <= corners  # it stands from 1 to 1.5


def test_what_is_not_there_is_not_drawn():
    axes = drawn(target_return=None, problem={"kind": "chain"}, title="")
    assert len(axes.lines) == len(RETURNS) and axes.get_ylabel() == "objective J(θ)"
    fields = {"length": [0.5, 1.0], "gravity": 9.0}
    axes = drawn(problem={"environment": "CartPole-v1", "fields": fields})
    assert axes.get_ylabel() == "return on CartPole-v1, mean over workers"


def test_a_family_has_its_colour_whoever_else_is_there():
    rennala, big, afedpg, _ = drawn().lines
    assert rennala.get_color() == big.get_color() == COLOURS["rennala"] != afedpg.get_color() == COLOURS["afedpg"]
    assert rennala.get_linestyle() != big.get_linestyle()
    assert len(set(COLOURS.values())) == len(COLOURS)


def test_methods_of_one_family_are_shades_of_its_colour():
    alone = curves()[lambda rows: rows["method"] != "afedpg"]
    rennala, big, _ = learning_curves(alone, SCENARIO).axes[0].lines
    lightness = [sum(to_rgb(line.get_color())) for line in (rennala, big)]
    assert lightness[0] < sum(to_rgb(COLOURS["rennala"])) < lightness[1]
    assert rennala.get_linestyle() != big.get_linestyle()


def test_a_line_under_another_looks_out_at_its_sides():
    same = curves()
    same["eval_return"] = same.groupby(["seed", "update"])["eval_return"].transform("first")
    same["time"] = same.groupby("update")["time"].transform("first")
    widths = [line.get_linewidth() for line in learning_curves(same, SCENARIO).axes[0].lines[:3]]
    assert widths[0] > widths[1] > widths[2] == drawn().lines[0].get_linewidth()


def test_an_overview():
    """A panel of curves for each scenario, and what came out of it below; places that are left are empty."""
    ways = [[f"reproduced: claim {k}", "undecided: another"] for k in range(4)]
    figure = figures.overview([(curves(), SCENARIO | {"title": f"row {k}"}, said) for k, said in enumerate(ways)])
    figure.canvas.draw()
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in shown] == [f"row {k}" for k in range(4)]
    assert [axes.texts[0].get_text().split("\n") for axes in shown] == ways
    for axes in shown:
        assert len(axes.lines) == len(drawn().lines)
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), RETURNS["rennala_nigt"].mean(axis=0))
        assert axes.texts[0].get_window_extent().y1 < axes.xaxis.get_tightbbox().y0
    with pytest.raises(ValueError, match="makes no page"):
        figures.overview([])


def worlds():
    rows = [
        {
            "method": label,
            "worker": worker,
            "weight": weight,
            "final_return": value,
            "low": value - 1,
            "high": value + 2,
        }
        for label, shares in (("rennala_nigt", (0.7, 0.3)), ("malenia_nigt", (0.5, 0.5)))
        for worker, (weight, value) in enumerate(zip(shares, (10.0, 20.0)))
    ]
    return pd.DataFrame(rows)


def test_every_workers_own_world():
    figure = by_worker(worlds(), SCENARIO)
    upper, lower = figure.axes
    figure.canvas.draw()
    for dots, ends, colour in zip(upper.lines, upper.collections, (COLOURS["rennala"], COLOURS["malenia"])):
        assert dots.get_ydata().tolist() == [10.0, 20.0] and dots.get_color() == colour
        assert np.rint(dots.get_xdata()).tolist() == [0, 1]
        assert [line[:, 1].tolist() for line in ends.get_segments()] == [[9.0, 12.0], [19.0, 22.0]]
    assert [bar.get_height() for bar in lower.patches] == [0.7, 0.3, 0.5, 0.5]
    assert lower.lines[0].get_ydata() == [0.5, 0.5]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Rennala NIGT", "Malenia NIGT"]


@pytest.mark.parametrize("name", known_methods())
def test_every_method_has_a_colour(name):
    assert (name.rpartition("_")[0] or name) in COLOURS
    assert callable(getattr(methods, name))


def test_a_slow_method_does_not_press_the_others_to_the_left():
    assert drawn().get_xscale() == "linear"
    slow = curves()
    slow.loc[slow["method"] == "big", "time"] *= 30
    axes = learning_curves(slow, SCENARIO).axes[0]
    assert axes.get_xscale() == "log" and axes.get_xlim()[0] == 1.5


def test_the_axes_are_bare():
    axes = drawn()
    assert not axes.spines["top"].get_visible() and not axes.spines["right"].get_visible()


def test_there_is_no_global_figure():
    import sys

    drawn()
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


# ---- text is text

NASTY = [
    "cheap $$ nodes",
    "_a $2 & $3 [/b]",
    "<b>&amp; -- ]]>, a_b^c\\frac",
    "\x1b[1m",
    "a label of eighty characters, with $2 & $3, [/b], <b>&amp; a_b^c\\frac, and so on",
    "AVERYLONGLABELWITHOUTANYSPACESINITWHICHISEIGHTYCHARACTERSWIDEANDINCAPITALSTOOABC",
]


def every_kind(label, title):
    """A picture of each kind, with this label of a method and this title."""
    scenario = {"title": title, "methods": {label: {"method": "rennala_nigt"}}}
    rows = curves().replace({"method": {"big": label}})
    slow = rows.assign(time=rows["time"] * np.where(rows["method"] == label, 30, 1))
    swept = pd.concat([slow.assign(axis=value) for value in (0.1, 1.0, 10.0)])
    swept = swept[["axis", *slow.columns]].rename(columns={"axis": label})
    timeline = replace(simulate(rules.Greedy(), Cluster(np.arange(1.0, 100.0)), until=200.0), method=label)
    targets = pd.DataFrame({"method": label, label: [0.1, 1.0, 10.0], "time_to_target": [2.0, 3e4, 6e6]})
    ours = f"of {label}".replace("\x1b", "\ufffd")  # nobody else names what is drawn of claims and benchmarks
    points = pd.DataFrame({"series": ours, "x": [1e-6, 1.0, 1e6], "measured": [1e-9, 2.0, 1e9]})
    points = points.assign(low=np.nan, high=np.nan, fitted=np.nan, predicted=points["measured"] * 2)
    words = {
        "title": title,
        "x": ours,
        "y": "y",
        "prediction": ours,
        "logarithmic": True,
        "levels": (),
        "mark": None,
    }
    size = {"name": f"{ours[:20]}: size", "points": [(10, 1e-5), (1e6, 3.0)], "ours": 1.0}
    return {
        "curves": learning_curves(slow, scenario),
        "sweep": learning_curves(swept, scenario, [label]),
        "overview": figures.overview([(slow, scenario, [f"reproduced: {label}"])] * 2),
        "by_worker": by_worker(worlds().replace({"method": {"malenia_nigt": label}}), scenario),
        "gantt": figures.gantt(timeline),
        "utilisation": figures.utilisation({label: timeline}),
        "delays": figures.delays({label: timeline}),
        "time_to_target": figures.time_to_target(targets, label),
        "prediction": figures.prediction(points, words),
        "scaling": figures.scaling([size]),
    }


@pytest.mark.parametrize("text", NASTY)
def test_any_text_is_drawn_as_it_is(text, tmp_path):
    title = " ".join([text] * (300 // len(text)))
    for kind, figure in every_kind(text, title).items():
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what does not fit, or has no glyph
            figure.savefig(tmp_path / f"{kind}.svg")
            figure.canvas.draw()
        ElementTree.parse(tmp_path / f"{kind}.svg")
        words = [found for found in figure.findobj(Text) if found.get_visible() and found.get_text()]
        assert not any(found.get_parse_math() for found in words if "$" in found.get_text()), kind
        joined = "".join(found.get_text() for found in words).replace("\n", "").replace(" ", "")
        shown = text.replace("\x1b", "\ufffd").replace(" ", "")[:14]
        assert shown in joined, kind
        assert "mathdefault" not in joined
        if kind != "prediction" and kind != "scaling":  # whose words are ours
            box = figure.get_tightbbox(figure.canvas.get_renderer())
            inside = box.x0 > -0.05 and box.y0 > -0.05
            assert inside and box.x1 < figure.get_figwidth() + 0.05 and box.y1 < figure.get_figheight() + 0.05, kind


def test_only_names_of_methods_are_made_pretty():
    names = {"m_synchronous_nigt": "M Synchronous NIGT", "afedpg": "AFedPG", "big": "Big", "run_2": "Run 2"}
    assert {label: pretty(label) for label in names} == names
    for label in ("my run", "rennala_nigt, mine", "lr-0.1", "iPhone_x", "a/b_c", "", "_", "Ünï_cödé", "κ_star"):
        assert pretty(label) == label


def test_numbers_of_a_logarithmic_axis():
    figure = every_kind("big", "A title")["prediction"]
    figure.canvas.draw()
    upper, lower = figure.axes
    labels = {axis: [text.get_text() for text in axis.get_ticklabels()] for axis in (upper.yaxis, lower.xaxis)}
    assert "10⁻⁶" in labels[lower.xaxis] and "10⁶" in labels[upper.yaxis] and "10⁰" in labels[lower.xaxis]
    figure = every_kind("big", "A title")["curves"]
    figure.canvas.draw()
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["1", "3", "10", "30"]


def test_curves_of_no_scenario():
    axes = learning_curves(curves(), {}).axes[0]
    assert axes.get_title(loc="left") == "" and axes.get_ylabel() == "return"
    rennala, big, afedpg = axes.lines  # no target
    assert rennala.get_color() == COLOURS["rennala"] and afedpg.get_color() == COLOURS["afedpg"]
    assert big.get_color() == figures.OTHER
    upper, _ = by_worker(worlds(), {}).axes
    assert upper.get_ylabel() == "return,\nof each worker's own"
    assert [line.get_color() for line in upper.lines] == [COLOURS["rennala"], COLOURS["malenia"]]
