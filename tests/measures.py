"""How long, deep and documented the code is: ``python tests/measures.py`` prints it, and test_layers.py asserts some.

Everything is read off the source: nothing of the package is imported.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent / "asyncsim"
SIMPY_PRIVATE = {"_queue", "_eid", "_now", "_ok", "_value"}
WRITES = {"to_csv", "to_parquet", "to_json", "savefig", "write_text", "write_bytes", "mkdir", "dump", "imwrite"}
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def trees() -> dict[Path, ast.Module]:
    return {path.relative_to(ROOT): ast.parse(path.read_text()) for path in sorted(ROOT.rglob("*.py"))}


def room_of(path: Path) -> str:
    """The room, or the module at the top; the package's own __init__ is in none."""
    return path.with_suffix("").parts[0]


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """(top-level name, or room of asyncsim, and whether it is one) of every import, at any depth in the file."""
    package = ["asyncsim", *path.parts[:-1]]
    for node in ast.walk(trees()[path]):
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                yield (parts[1], True) if parts[0] == "asyncsim" and len(parts) > 1 else (parts[0], False)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            parts = [part for part in [*base, *(node.module or "").split(".")] if part]
            if parts[0] != "asyncsim":
                yield parts[0], False
            elif len(parts) > 1:
                yield parts[1], True
            else:
                yield from ((alias.name, True) for alias in node.names)


def importers(library: str) -> list[Path]:
    return [path for path in trees() if (library, False) in imports(path)]


def writers() -> list[Path]:
    """Modules that call something that writes a file."""
    return [path for path, tree in trees().items() if WRITES & {n.attr for n in _of(tree, ast.Attribute)}]


def _of(tree: ast.AST, kind: type) -> Iterator:
    return (node for node in ast.walk(tree) if isinstance(node, kind))


def lines_of(node: ast.AST) -> int:
    return node.end_lineno - node.lineno + 1


def functions() -> list[tuple[int, str]]:
    """(lines, name) of all functions and methods, the longest first; those inside count with the outer one, too."""
    found = [(lines_of(node), f"{path}:{node.name}") for path, tree in trees().items() for node in _of(tree, FUNCTION)]
    return sorted(found, reverse=True)


def modules() -> list[tuple[int, str]]:
    """(lines, path), the longest first."""
    return sorted(((len((ROOT / path).read_text().splitlines()), f"{path}") for path in trees()), reverse=True)


def graph() -> dict[str, set[str]]:
    """Which rooms each room imports."""
    rooms = {room_of(path): set() for path in trees() if path.name != "__init__.py" or len(path.parts) > 1}
    for path in trees():
        if (room := room_of(path)) in rooms:
            rooms[room] |= {other for other, ours in imports(path) if ours and other != room and other in rooms}
    return rooms


def floors() -> tuple[list[set[str]], set[str]]:
    """Rooms that import nothing, rooms that import only these, and so on; and the rooms that are in cycles."""
    left, below, found = graph(), set(), []
    while ready := {room for room, others in left.items() if others <= below}:
        found.append(ready)
        below |= ready
        left = {room: others for room, others in left.items() if room not in ready}
    return found, set(left)


def public() -> dict[str, bool]:
    """Public modules, classes, functions and methods, and whether they are documented.

    What a `Protocol` or one of base.py's functions says of a method need not be said again where it is implemented.
    """
    found, known = {}, {node.name for node in trees()[Path("base.py")].body if isinstance(node, FUNCTION)}
    for tree in trees().values():
        for protocol in _of(tree, ast.ClassDef):
            if any(getattr(base, "id", "") == "Protocol" for base in protocol.bases):
                known |= {member.name for member in protocol.body if isinstance(member, FUNCTION)}
                known |= {member.target.id for member in protocol.body if isinstance(member, ast.AnnAssign)}
    for path, tree in trees().items():
        found[f"{path}"] = bool(ast.get_docstring(tree))
        for node in _public(tree):
            found[f"{path}:{node.name}"] = bool(ast.get_docstring(node))
            for method in _public(node) if isinstance(node, ast.ClassDef) else ():
                found[f"{path}:{node.name}.{method.name}"] = bool(ast.get_docstring(method)) or method.name in known
    return found


def _public(node: ast.AST) -> Iterator:
    return (each for each in node.body if isinstance(each, FUNCTION | ast.ClassDef) and each.name[0] != "_")


def simpy_private() -> dict[str, tuple[set[str], int]]:
    """Where SimPy's private names stand: by class (or module), the names, and how many lines the class has inside."""
    found = {}
    for path in importers("simpy"):
        classes = {id(inner): node for node in _of(trees()[path], ast.ClassDef) for inner in ast.walk(node)}
        for node in _of(trees()[path], ast.Attribute):
            if node.attr in SIMPY_PRIVATE:
                home = classes.get(id(node))
                name = f"{path}:{home.name}({', '.join(map(ast.unparse, home.bases))})" if home else f"{path}"
                body = (ROOT / path).read_text().splitlines()[home.lineno : home.end_lineno] if home else []
                lines = sum(bool(line.strip()) for line in body)
                found.setdefault(name, (set(), lines))[0].add(node.attr)
    return found


if __name__ == "__main__":
    stack, cycle = floors()
    names = public()
    for what, found in (("function", functions()), ("module", modules())):
        lines, name = found[0]
        print(f"{f'longest {what}':<18} {lines} lines, {name}")
    print(f"floors             {len(stack)}: {' < '.join(', '.join(sorted(rooms)) for rooms in stack)}")
    print(f"rooms in cycles    {', '.join(sorted(cycle)) or 'none'}")
    print(f"public names       {sum(names.values())} of {len(names)} documented")
    for home, (private, lines) in simpy_private().items():
        print(f"SimPy's privates   {', '.join(sorted(private))} in {home}, body of {lines} lines")
    print(f"import simpy       {len(importers('simpy'))} modules")
    print(f"import matplotlib  {len(importers('matplotlib'))} modules")
    print(f"write files        {len(writers())} modules")
