"""Reports: one HTML page that holds all that it shows, and asks the network for nothing."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from .. import figures
from .files import check_file, replace_file

BEGINS = b"<!DOCTYPE html><!-- asyncsim report -->"  # as the template does
TEMPLATE = Path(__file__).with_name("report.html")


@dataclass(frozen=True, eq=False)
class Block:
    """Something with a heading. All text is text, whatever it looks like.

    lines: paragraphs. item: interactive curves, as of `figures.interactive_curves`. table: ready to be read, as text.
    words: its columns that are no numbers. pictures: figures by what they show. code: commands. details: long texts, by
    name, that are folded.
    """

    heading: str
    lines: Sequence[str] = ()
    item: Mapping[str, Any] | None = None
    table: pd.DataFrame | None = None
    words: Sequence[str] = ()
    pictures: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Section:
    """What is reported of one run."""

    title: str
    blocks: Sequence[Block]


def reserve_report(path: Path, force: bool = False) -> str:
    """What `save_report` will have done: ``"wrote"`` or ``"replaced"``. Raises OSError where it cannot.

    A file that is there has to be a report, unless ``force``.
    """
    check_file(path, ".html")
    figures.library()  # of an extra
    if not path.exists():
        return "wrote"
    if path.read_bytes().startswith(BEGINS):
        return "replaced"
    if force:
        return "replaced what was no report"
    raise FileExistsError(f"{path} is there and is no report: give --force to replace it, or another file name")


def save_report(path: Path, sections: Sequence[Section]) -> None:
    """Write the page, whole or not at all."""
    check_file(path, ".html")
    replace_file(path, report_text(sections))


def report_text(sections: Sequence[Section]) -> str:
    """The page."""
    from jinja2 import Environment, StrictUndefined

    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(
        TEMPLATE.read_text("utf-8")
    )
    page.environment.policies["json.dumps_kwargs"] = {"sort_keys": False}  # bokeh reads what is named first, first
    title = sections[0].title if len(sections) == 1 else f"{len(sections)} results"
    shown = [
        {"title": section.title, "blocks": [vars(block) | {"pictures": _pictures(block)} for block in section.blocks]}
        for section in sections
    ]
    return page.render(title=title, sections=shown, library=figures.library(), zip=zip)


def _pictures(block: Block) -> dict[str, str]:
    """Each as an image of its own, so that names inside do not meet."""
    return {
        name: f"data:image/svg+xml;base64,{base64.b64encode(_svg(each)).decode()}"
        for name, each in block.pictures.items()
    }


def _svg(figure: Any) -> bytes:
    content = io.BytesIO()
    with figures.style():
        figure.savefig(content, format="svg", metadata={"Date": None})
    return content.getvalue()
