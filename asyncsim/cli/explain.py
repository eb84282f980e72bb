"""``asyncsim explain``."""

from __future__ import annotations

from typing import Annotated

import typer

from .terminal import console, table, texts


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
    shown = table("", texts("key"), texts("meaning"))
    for one in reference.keys_like(key) if key else reference.keys():
        lines = [one.meaning] * bool(one.meaning) + (_rest(one) if key else [])
        shown.add_row(one.name + f" ({one.kind})" * bool(one.kind), "\n".join(lines))
    return console().print(shown)


def _rest(one) -> list[str]:
    from ..scenario import reference

    default = "has to be given" if one.default is None else f"default: {one.default or 'none'}"
    lines = [f"{one.type}; {default}"]
    if found := reference.example(one):
        lines.append(f"as in {found[1]}: {found[0]}")
    return lines
