"""Pictures hold what the timelines and frames hold, at 10 and at 1 000 workers."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle, StepPatch

from asyncsim import Cluster, figures, rules, simulate
from asyncsim.cluster import Exponential, Outage, one_straggler, sqrt
from asyncsim.figures import DOING, delays, gantt, time_to_target, utilisation
from asyncsim.timeline.usage import run_totals, segments

TEN = Cluster(sqrt(10), 1.0, outages={3: Outage(6.0, 14.0)})
MANY = Cluster(sqrt(1000), 5.0, outages={worker: Outage(20.0, 60.0) for worker in range(300, 400)})
RULES = {
    "rennala_nigt": lambda n: rules.Rennala(2 * n),
    "malenia_nigt": lambda n: rules.Malenia(2 * n),
    "synchronous_nigt": lambda n: rules.Synchronous(),
    "afedpg": lambda n: rules.Greedy(),
}


def timelines(cluster, until):
    return {label: simulate(make(cluster.workers), cluster, until=until) for label, make in RULES.items()}


@pytest.fixture(scope="module")
def ten():
    return timelines(TEN, 60.0)


@pytest.fixture(scope="module")
def thousand():
    return timelines(MANY, 300.0)


def drawn(figure):
    with figures.style():
        figure.canvas.draw()
    return figure.axes[0]


def same(colour, other):
    return np.allclose(np.ravel(colour)[:3], to_rgb(other), atol=1 / 254)


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize("label", RULES)
def test_gantt_of_ten_workers(ten, label):
    timeline = ten[label]
    figure = gantt(timeline, until=20.0)
    axes = drawn(figure)
    rows = segments(timeline, 20.0)
    collections = [c for c in axes.collections if isinstance(c, PolyCollection)]
    shown = set()
    for collection in collections:  # a rectangle for every stretch, in its place
        (what,) = (what for what, (colour, _) in DOING.items() if same(collection.get_facecolor(), colour))
        own = rows[rows["state"].isin(DOING[what][1])]
        corners = np.array([path.vertices[:4] for path in collection.get_paths()])
        assert len(corners) == len(own)
        np.testing.assert_array_equal(corners[:, 0, 0], own["start"])
        np.testing.assert_array_equal(corners[:, 1, 0], own["end"])
        np.testing.assert_allclose(corners[:, :, 1].mean(axis=1), own["worker"])
        shown.add(what)
    assert sum(len(c.get_paths()) for c in collections) == len(rows)
    assert sum(isinstance(patch, Rectangle) for patch in axes.patches) == 10  # idle, behind
    assert set(legend(figure)) - {"idle", "update", "updates (on top)"} <= shown
    assert axes.get_xlim() == (0, 20) and axes.get_ylim()[0] == 9.5  # worker 0 is on top
    times = timeline.updates["time"][timeline.updates["time"] <= 20.0]
    lines = [c for c in axes.collections if isinstance(c, LineCollection)]
    if len(times) <= figures.LINES_AT_MOST:
        assert [segment[0, 0] for segment in lines[0].get_segments()] == times.tolist() and "update" in legend(figure)
    else:
        assert label == "afedpg" and not lines
        (rug,) = (patch for patch in axes.patches if isinstance(patch, StepPatch))
        heights = -0.5 - rug.get_data().values
        np.testing.assert_allclose(heights / heights.max(), (h := np.histogram(times, 400, (0, 20))[0]) / h.max())


@pytest.mark.parametrize("label", RULES)
def test_gantt_of_a_thousand_workers(thousand, label):
    """An image with one row per worker, in which the colours have the shares of what was done."""
    timeline, until = thousand[label], 150.0
    axes = drawn(gantt(timeline, until))
    (image,) = axes.images
    pixels = image.get_array()
    assert pixels.shape[0] == 1000 and image.get_extent() == [0, until, 999.5, -0.5]
    rows, seen = segments(timeline, until), 0
    seconds = (rows["end"].clip(upper=until) - rows["start"]).groupby(rows["state"], observed=False).sum()
    for colour, states in DOING.values():
        share = np.all(pixels == np.uint8(255 * np.array(to_rgb(colour))), axis=2).mean()
        if states != (figures.IDLE,):
            assert abs(share - sum(seconds.get(state, 0) for state in states) / (1000 * until)) < 0.003
        seen += share
    assert np.isclose(seen, 1)  # no other colours
    away = np.all(pixels == np.uint8(255 * np.array(to_rgb(DOING["away"][0]))), axis=2)
    assert set(np.flatnonzero(away.any(axis=1))) == set(range(300, 400))
    assert len(axes.get_yticks()) < 12
    updates = (timeline.updates["time"] <= until).sum()
    lines = [len(c.get_segments()) for c in axes.collections if isinstance(c, LineCollection)]
    assert lines == ([updates] if updates <= figures.LINES_AT_MOST else [])


def test_an_image_has_the_right_worker_at_the_right_time(thousand):
    timeline, until, columns = thousand["rennala_nigt"], 100.0, 2400
    pixels = drawn(gantt(timeline, until)).images[0].get_array()
    rows = segments(timeline, until)
    for row in rows.iloc[::997].itertuples():
        middle = int((row.start + min(row.end, until)) / 2 / until * columns)
        if row.end - row.start > 0.2:
            (colour,) = (colour for colour, states in DOING.values() if row.state in states)
            assert same(pixels[row.worker, middle] / 255, colour)


def test_the_first_rounds_are_shown(ten):
    for label, timeline in ten.items():
        _, until = drawn(gantt(timeline)).get_xlim()
        shown = (timeline.updates["time"] <= until).sum()
        assert 5 <= shown <= 6 if label != "afedpg" else 50 <= shown <= 53
    short = simulate(rules.Synchronous(), Cluster([1.0, 2.0]), until=3.0)
    assert drawn(gantt(short)).get_xlim() == (0, 3)
    assert drawn(gantt(short, until=99.0)).get_xlim() == (0, 3)


def test_many_jobs_of_few_workers_and_nothing_at_all():
    straggler = simulate(rules.Malenia(2000), Cluster(one_straggler(20), 1.0), updates=8)
    assert drawn(gantt(straggler, straggler.end)).images  # too many for rectangles
    figure = gantt(simulate(rules.Greedy(), Cluster([2.0]), until=1.0))
    drawn(figure)
    assert legend(figure) == ["still running at the end", "update"]


@pytest.mark.parametrize("many", [False, True])
def test_utilisation(ten, thousand, many):
    lines = thousand if many else ten
    axes = drawn(utilisation(lines))
    bars = np.array([[bar.get_width() for bar in container] for container in axes.containers])
    np.testing.assert_allclose(bars.sum(axis=0), 1)
    of = dict(zip((container.get_label() for container in axes.containers), bars))
    wholes = [run_totals(timeline) for timeline in lines.values()]
    np.testing.assert_allclose(of["used"], [whole["utilisation"] for whole in wholes])
    np.testing.assert_allclose(of["communicating"], [whole["communicating_share"] for whole in wholes])
    np.testing.assert_allclose(of["idle"] + of["away"], [whole["idle_share"] for whole in wholes], atol=1e-12)
    assert [text.get_text() for text in axes.get_yticklabels()] == [figures.pretty(label) for label in lines]
    said = f"{100 * of['used'][0]:.0f}%"
    assert said in [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("many", [False, True])
def test_delays(ten, thousand, many):
    lines = thousand if many else ten
    figure = delays(lines)
    drawn(figure)
    assert len(figure.axes) == len(lines)
    for axes, (label, timeline) in zip(figure.axes, lines.items()):
        (patch,) = (patch for patch in axes.patches if isinstance(patch, StepPatch))
        shares, edges, _ = patch.get_data()
        late = timeline.delays()
        widths = np.diff(edges)
        assert np.isclose((shares * widths).sum(), 1) and (widths > 0).all() and (edges % 1 == 0.5).all()
        for share, width, low, high in zip(shares, widths, edges, edges[1:]):
            assert np.isclose(share * width, np.mean((low < late) & (late < high)))
        assert f"at most {timeline.max_delay}" in axes.get_title(loc="left")
        assert axes.get_title(loc="left").startswith(figures.pretty(label))


def test_the_heights_of_delays_are_of_single_ones():
    """Bars of unequal widths make no teeth: equally many of each delay are a flat picture."""
    (patch,) = drawn(delays({"even": SimpleNamespace(delays=lambda: np.repeat(np.arange(200), 5))})).patches
    heights, edges, _ = patch.get_data()
    np.testing.assert_allclose(heights, 1 / 200, rtol=1e-12)
    assert np.isclose((heights * np.diff(edges)).sum(), 1) and edges[0] == -0.5 and edges[-1] == 199.5
    assert (edges % 1 == 0.5).all() and len(set(np.diff(edges))) > 1


def test_the_axis_of_delays_says_what_the_heights_are():
    for most, label in ((50, "share of used gradients"), (99, "share of used gradients, per delay")):
        figure = delays({"even": SimpleNamespace(delays=lambda most=most: np.arange(most))})
        assert " ".join(figure.get_supylabel().split()) == label


def test_delays_of_nothing():
    figure = delays({"afedpg": simulate(rules.Greedy(), Cluster([2.0]), until=1.0)})
    assert drawn(figure).get_title(loc="left") == "AFedPG: no update"


def sweep(values, **of):
    times = {"rennala_nigt": 10.0, "afedpg": 20.0} | of
    return pd.DataFrame(
        [{"method": m, "kappa": k, "time_to_target": t * (1 + k)} for m, t in times.items() for k in values]
    )


def test_time_to_target():
    frame = sweep([1.0, 5.0, 3.0])
    frame.loc[4, "time_to_target"] = np.nan
    axes = drawn(time_to_target(frame, "kappa"))
    lines = [line for line in axes.lines if len(line.get_xdata()) == 3]
    assert [line.get_label() for line in lines] == ["Rennala NIGT", "AFedPG"]
    assert lines[0].get_xdata().tolist() == [1, 3, 5] and lines[0].get_ydata().tolist() == [20, 40, 60]
    np.testing.assert_array_equal(lines[1].get_ydata(), [40, 80, np.nan])
    assert [line.get_xdata().tolist() for line in axes.lines if line.get_marker() == "x"] == [[], [5], []]
    assert axes.get_xscale() == axes.get_yscale() == "linear" and axes.get_xlabel() == "kappa"
    assert "not reached" in legend(axes.figure)

    axes = drawn(time_to_target(sweep([0.1, 1.0, 10.0]), "kappa"))
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0.1", "1", "10"]
    axes = drawn(time_to_target(sweep([0, 0.1, 1.0, 10.0]), "kappa"))
    assert axes.get_xscale() == "symlog" and axes.get_yscale() == "log"

    twice = pd.concat([frame, frame.iloc[:1]])
    with pytest.raises(ValueError, match="method='rennala_nigt' has kappa=1.0 twice"):
        time_to_target(twice, "kappa")


def test_the_point_of_a_sweep_stays_as_it_is(ten):
    named = {"a, b, kappa 1": ten["afedpg"], "fedbuff_pg, x 2": ten["afedpg"]}
    axes = drawn(utilisation(named))
    assert [text.get_text() for text in axes.get_yticklabels()] == list(named)
    words = {"a, b, kappa 1": "a, b, kappa 1", "fedbuff_pg, x 2": "Fedbuff PG, x 2"}
    axes = drawn(utilisation(named, words))
    assert [text.get_text() for text in axes.get_yticklabels()] == list(words.values())
    assert [axes.get_title(loc="left").partition(":")[0] for axes in delays(named, words).axes] == list(words.values())


def test_pictures_are_the_same_every_time(ten, tmp_path):
    for name in ("a", "b"):
        timeline = simulate(rules.Rennala(5), Cluster([Exponential(1.0)] * 4, 0.5), updates=9, seed=3)
        with figures.style():
            gantt(timeline).savefig(tmp_path / f"{name}.svg", metadata={"Date": None})
            utilisation(ten).savefig(tmp_path / f"{name}.png", metadata={"Software": None})
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
