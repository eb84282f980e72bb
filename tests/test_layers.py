"""The house's rules about imports, read off the code."""

import ast

import measures
from measures import imports, room_of, trees

# Floors of the house: a module imports only from floors below its own.
FLOORS = [
    {"base"},
    {"cluster", "rules", "updates", "store"},
    {"methods", "timeline", "rl", "theory", "logs"},
    {"engine", "problems"},
    {"learning", "calibration"},
    {"scenario", "figures", "validation", "machines"},
    {"results", "live"},
    {"experiment", "explore"},
    {"cli"},
]
JAX_SIDE = {"rl", "problems", "learning", "machines", "live"}
EITHER_WAY = {"scenario", "validation", "results", "figures", "experiment", "cli"}  # import JAX only when they train


def modules():
    """Path, room and tree of all, but the package's own __init__."""
    return [(path, room_of(path), tree) for path, tree in trees().items() if room_of(path) != "__init__"]


def importers(library):
    return {room_of(path) for path in measures.importers(library)}


def test_imports_run_downwards_only():
    floor = {room: k for k, rooms in enumerate(FLOORS) for room in rooms}
    for path, room, _ in modules():
        for other, ours in imports(path):
            if ours and other != room and other in floor:
                assert floor[other] < floor[room], f"{path} imports {other} from above"
    assert not measures.floors()[1]  # rooms in cycles


def test_every_room_has_its_floor():
    rooms = {room for _, room, _ in modules()}
    assert rooms <= set().union(*FLOORS), rooms


def test_nothing_is_too_long():
    assert measures.functions()[0][0] <= 60
    assert measures.modules()[0][0] <= 350


def test_everything_public_is_documented():
    assert not [name for name, documented in measures.public().items() if not documented]


def test_only_the_engine_knows_simpy():
    assert [str(path) for path in measures.importers("simpy")] == ["engine/events.py"]


def test_simpys_private_names_stand_in_one_small_class():
    ((home, (names, lines)),) = measures.simpy_private().items()
    assert home == "engine/events.py:Calendar(simpy.Environment)" and lines <= 10
    assert names == {"_queue", "_eid", "_now"}


def test_the_simulation_side_knows_no_jax():
    knows_jax = importers("jax") - EITHER_WAY
    assert knows_jax <= JAX_SIDE
    above = {room for path, room, _ in modules() if {other for other, ours in imports(path) if ours} & JAX_SIDE}
    assert above <= JAX_SIDE | EITHER_WAY


def test_only_figures_draws_and_only_results_and_the_store_write():
    assert importers("matplotlib") == importers("bokeh") == {"figures"}
    assert importers("marimo") == {"explore"}
    assert {room_of(path) for path in measures.writers()} == {"results", "store"}
    assert importers("sqlite3") == {"store"}  # which writes its database, and nothing else


def test_only_the_command_line_knows_terminals():
    assert importers("rich") == importers("typer") == {"cli"}
    for path, room, tree in modules():
        names = {node.func.id for node in ast.walk(tree) if hasattr(getattr(node, "func", 0), "id")}
        assert "print" not in names or room == "cli", path


def test_there_is_no_global_random_stream():
    for path, _, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
                if node.value.attr == "random" and getattr(node.value.value, "id", "") in ("np", "numpy"):
                    assert node.attr in ("Generator", "Philox", "SeedSequence"), (path, node.attr)
            assert not (isinstance(node, ast.Import) and any(alias.name == "random" for alias in node.names)), path


def test_only_machines_knows_ray():
    assert importers("ray") == {"machines"}
