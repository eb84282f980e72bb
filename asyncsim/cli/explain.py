"""``asyncsim explain``."""

from __future__ import annotations

from typing import Annotated

import typer

from .terminal import console


def explain(
    key: Annotated[
        str | None, typer.Argument(help="A key, such as cluster.communication or batch_size; otherwise all.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page of the guide.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print a JSON Schema, for editors.")] = False,
):
    """Say what a key of a scenario file means: what may be given, its default, and a line that has it.

    An editor that knows TOML checks a file as it is written where the first line is `#:schema asyncsim.schema.json`,
    and that file has what --schema prints.
    """
    from ..scenario import reference

    if schema:
        import json

        return print(json.dumps(reference.schema(), indent=1, ensure_ascii=False))
    if markdown:
        return print(reference.page(), end="")
    out = console()
    for one in reference.keys_like(key) if key else reference.keys():
        out.print(one.name, style="bold", end="")
        out.print(f"  ({one.kind})" if one.kind else "")
        if one.meaning:
            out.print(f"  {one.meaning}", soft_wrap=True)
        if key:
            _show_rest(out, one)
    return None


def _show_rest(out, one) -> None:
    from ..scenario import reference

    default = "has to be given" if one.default is None else f"default: {one.default or 'none'}"
    out.print(f"  {one.type}; {default}", soft_wrap=True)
    if found := reference.example(one):
        line, name = found
        out.print(f"  as in {name}: {line}", soft_wrap=True)
