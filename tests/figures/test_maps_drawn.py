"""A map shows its cells."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from asyncsim import figures
from asyncsim.figures.styling import colours_of

SCENARIO = {
    "title": "A title",
    "methods": {
        "small": {"method": "rennala_nigt"},
        "large": {"method": "rennala_nigt"},
        "afedpg": {"method": "afedpg"},
    },
}
CELLS = pd.DataFrame(
    [
        (0.0, "sqrt", "small", 1.5, False, True),
        (0.0, "equal", "small", 1.01, False, False),
        (1.0, "sqrt", "afedpg", 2.0, True, True),
        (1.0, "equal", "", 1.0, True, False),
    ],
    columns=["kappa", "compute", "winner", "ratio", "at_least", "decided"],
).assign(difference=3.0)


def drawn(cells=CELLS, words="A sentence."):
    figure = figures.winner_map(cells, ["kappa", "compute"], SCENARIO, words)
    figure.canvas.draw()
    return figure, figure.axes[0]


def test_a_cell_has_its_winners_colour_and_how_many_times_as_fast_it_is():
    figure, panel = drawn()
    small, _, afedpg = colours_of(["rennala_nigt", "rennala_nigt", "afedpg"])
    assert [to_hex(patch.get_facecolor()) for patch in panel.patches][::2] == [small.lower(), afedpg.lower()]
    assert [text.get_text() for text in panel.texts] == ["1.5×", "1.01×", "≥ 2×", "A sentence."]
    assert [bool(patch.get_hatch()) for patch in panel.patches] == [False, True, False, False]
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["Small", "AFedPG", "not decided", "nobody reached the target"]
    assert panel.get_xlabel() == "kappa" and [tick.get_text() for tick in panel.get_xticklabels()] == ["0", "1"]
    assert [tick.get_text() for tick in panel.get_yticklabels()] == ["sqrt", "equal"]


def test_a_line_is_where_the_winner_changes():
    assert [(line.get_linestyle(), *line.get_xdata()) for line in drawn()[1].lines] == [("-", 0.5, 0.5)]
    unsure = CELLS.assign(decided=False)
    assert [line.get_linestyle() for line in drawn(unsure)[1].lines] == [":"]


def test_of_returns_the_difference_is_shown():
    texts = [text.get_text() for text in drawn(CELLS.assign(ratio=np.nan))[1].texts]
    assert texts == ["3", "3", "3", "A sentence."]


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_methods_of_one_family_have_colours_of_their_own(count):
    assert len({*colours_of(["rennala_nigt"] * count), "#d9d9d9"}) == count + 1
