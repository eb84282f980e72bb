"""Colours and lines of the families of methods, and the style of all figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from matplotlib import rc_context, rcdefaults, rcParams
from matplotlib.colors import to_hex, to_rgb

# Colours that colour-blind readers tell apart (Okabe and Ito's, then Tol's), one per family, the same in every figure.
COLOURS = {
    "rennala": "#0072B2",
    "malenia": "#D55E00",
    "synchronous": "#009E73",
    "afedpg": "#CC79A7",
    "asynchronous": "#E69F00",
    "ringmaster": "#56B4E9",
    "ringleader": "#999933",
    "fedbuff": "#882255",
    "delay_adaptive": "#332288",
    "m_synchronous": "#661100",
    "over_selection": "#117733",
    "deadline": "#777777",
    "periodic": "#DDCC77",
    "one_step_off": "#CCBB44",
    "paced": "#4477AA",
    "streaming": "#EE6677",
    "over_sampling": "#AA4499",
}
OTHER = "#000000"
LINES = ("-", "--", "-.", ":")  # methods of one family
STYLE: Any = {
    "font.size": 11,
    "axes.labelsize": 12,
    "axes.titlesize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "text.parse_math": False,  # a title may have two dollars in it
    "pdf.fonttype": 42,  # fonts are embedded whole
    "svg.fonttype": "path",  # looks the same everywhere
    "svg.hashsalt": "asyncsim",  # the same bytes every time
}


@contextmanager
def style() -> Iterator[None]:
    """A context in which figures are made and saved, whatever the user's matplotlibrc has."""
    with rc_context():
        rcdefaults()
        rcParams.update(STYLE)
        yield


def colours_and_lines(names) -> list[tuple[str, str]]:
    """Colour and line of each: a colour per family, which begins the name, and a line per method of a family.

    Where all are of one family, its colour goes from dark to light.
    """
    families = _families(names)
    colours = [COLOURS.get(family, OTHER) for family in families]
    if len(set(families)) == 1 < len(families):
        colours = _shades(colours[0], len(families))
    return [(colour, LINES[families[:k].count(families[k]) % len(LINES)]) for k, colour in enumerate(colours)]


def colours_of(names) -> list[str]:
    """A colour for each where there are no lines: of a family's own, from dark to light where there are several."""
    families, found = _families(names), []
    for k, family in enumerate(families):
        count = families.count(family)
        rgb: Any = np.array(to_rgb(COLOURS.get(family, OTHER)))
        light = np.linspace(-0.3, 0.5, count)[families[:k].count(family)] if count > 1 else 0.0
        found.append(to_hex(rgb + light * (1 - rgb if light > 0 else rgb)))
    return found


def _families(names) -> list[str]:
    names = [name.lower().replace(" ", "_") for name in names]
    return [max((family for family in COLOURS if name.startswith(family)), key=len, default="") for name in names]


def _shades(colour: str, count: int) -> list[str]:
    """From the colour, darkened, to itself, lightened."""
    rgb = np.array(to_rgb(colour))
    return [
        to_hex(rgb * (0.4 + 1.2 * t) if t < 0.5 else 1 - (1 - rgb) * (1.6 - 1.2 * t)) for t in np.linspace(0, 1, count)
    ]


def ink(rgb) -> str:
    """What can be read on a colour."""
    red, green, blue = rgb
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
