"""The house's rules about imports, read off the code."""

import ast
from pathlib import Path

import asyncsim

ROOT = Path(asyncsim.__file__).parent
# Floors of the house: a module imports only from floors below its own.
FLOORS = [
    {"base"},
    {"cluster", "rules", "updates"},
    {"methods", "timeline", "rl", "theory"},
    {"engine", "problems"},
    {"learning"},
    {"scenario", "figures", "validation"},
    {"results"},
    {"experiment"},
    {"cli"},
]
JAX_SIDE = {"rl", "problems", "learning"}
EITHER_WAY = {"scenario", "validation", "results", "figures", "experiment", "cli"}  # import JAX only when they train


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).with_suffix("").parts
        if name != ("__init__",):
            yield path, name[0]


def imports(path):
    """(top-level name, or room of asyncsim, and whether it is one) of every import, at any depth in the file."""
    package = ["asyncsim", *path.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                yield (parts[1], True) if parts[0] == "asyncsim" and len(parts) > 1 else (parts[0], False)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            parts = [*base, *(node.module or "").split(".")]
            parts = [part for part in parts if part]
            if parts[0] != "asyncsim":
                yield parts[0], False
            elif len(parts) > 1:
                yield parts[1], True
            else:
                for alias in node.names:
                    yield alias.name, True


def importers(library):
    return {room for path, room in modules() if (library, False) in set(imports(path))}


def test_imports_run_downwards_only():
    floor = {room: k for k, rooms in enumerate(FLOORS) for room in rooms}
    for path, room in modules():
        for other, ours in imports(path):
            if ours and other != room and other in floor:
                assert floor[other] < floor[room], f"{path.relative_to(ROOT)} imports {other} from above"


def test_every_room_has_its_floor():
    rooms = {room for _, room in modules()}
    assert rooms <= set().union(*FLOORS), rooms


def test_only_the_engine_knows_simpy():
    assert importers("simpy") == {"engine"}


def test_the_simulation_side_knows_no_jax():
    knows_jax = importers("jax") - EITHER_WAY
    assert knows_jax <= JAX_SIDE
    above = {room for path, room in modules() if {other for other, ours in imports(path) if ours} & JAX_SIDE}
    assert above <= JAX_SIDE | EITHER_WAY


def test_only_figures_draws_and_only_results_writes():
    assert importers("matplotlib") <= {"figures"}
    writing = {"to_csv", "to_parquet", "to_json", "savefig", "write_text", "write_bytes", "mkdir", "dump"}
    for path, room in modules():
        calls = {
            node.func.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        assert not calls & writing or room == "results", (path, calls & writing)


def test_only_the_command_line_knows_terminals():
    assert importers("rich") == importers("typer") == {"cli"}
    for path, room in modules():
        names = {
            node.func.id for node in ast.walk(ast.parse(path.read_text())) if hasattr(getattr(node, "func", 0), "id")
        }
        assert "print" not in names or room == "cli", path


def test_there_is_no_global_random_stream():
    for path, _ in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
                if node.value.attr == "random" and getattr(node.value.value, "id", "") in ("np", "numpy"):
                    assert node.attr in ("Generator", "Philox", "SeedSequence"), (path, node.attr)
            assert not (isinstance(node, ast.Import) and any(alias.name == "random" for alias in node.names)), path
