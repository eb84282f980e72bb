"""``asyncsim cite``."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from .terminal import console

PAPER = re.compile(r"(?P<authors>.+?) \((?P<year>\d{4})\)\. (?P<title>.+?)\. (?P<where>.+)")


def cite(method: Annotated[str, typer.Argument(help="A method's name, such as rennala_nigt.")]):
    """Print BibTeX of the papers that a method comes from."""
    from ..base import nearest
    from ..scenario import ScenarioError, known_methods
    from .listing import papers_of

    known = known_methods()
    if method not in known:
        raise ScenarioError(f"method={method!r} is no method: {nearest(method, list(known))}")
    console().print(*map(bibtex, papers_of(known[method])))


def bibtex(paper: str) -> str:
    """An entry for a paper as methods.py names it: Authors (year). Title. Where it appeared."""
    found = PAPER.fullmatch(paper)
    if found is None:
        raise ValueError(f"{paper!r} is not Authors (year). Title. Where.")
    names, where = found["authors"].split(", "), found["where"]
    number = where.removeprefix("arXiv ")
    appeared = {"journal": where} if number == where else {"eprint": number, "archivePrefix": "arXiv"}
    fields = {
        "title": f"{{{found['title']}}}",
        "author": " and ".join("others" if name == "et al." else name for name in names),
        "year": found["year"],
    }
    key = names[0].split()[-1].lower() + found["year"] + re.findall(r"\w+", found["title"])[0].lower()
    lines = (f"  {name} = {{{value}}}" for name, value in (fields | appeared).items())
    return f"@{'article' if number == where else 'misc'}{{{key},\n" + ",\n".join(lines) + "\n}"
