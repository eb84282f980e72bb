"""Code of one's own: what a Python file defines, a scenario may name. (``--with FILE``, or ``own=FILE`` in Python)

A scenario is data and cannot name such a file. The file's public functions that return a `Method` are methods, and its
public classes that are an `asyncsim.rl.spaces.Environment`, or a `gymnasium.Env`, are environments. Rules and updates
are reached through the methods that use them.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, Field

from .. import methods as paper_index
from ..base import Method
from .errors import ScenarioError
from .tables import Table

DEFINITIONS = ast.FunctionDef | ast.ClassDef
TYPES = "bool, int, float, str, None, a Literal, or a tuple of these"
ENVIRONMENT = {  # what a class has that is one, and what to give
    "reset": "a method reset(key)",
    "observe": "a method observe(state)",
    "step": "a method step(state, action, key)",
    "observation_size": "how many numbers the policy sees",
    "actions": "Discrete(size) or Box(size, scale) of asyncsim.rl.spaces",
}


class Own(Table):
    """What a file defines. file: its name. sha256: hex digest of its bytes. methods, environments: by their names."""

    file: str
    sha256: str
    methods: dict[str, Callable[..., Method]] = Field(exclude=True)
    environments: dict[str, type] = Field(exclude=True)


def own_code(file: Path | str) -> Own:
    """What a Python file defines. It is run, once in a process for as long as it stays the same.

    Raises ScenarioError with the first thing wrong.
    """
    path = Path(file)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror}: give a Python file") from None
    digest = hashlib.sha256(content).hexdigest()
    name = f"{re.sub(r'[^A-Za-z0-9_]', '_', path.stem)}_{digest[:12]}"  # two files of one name are two modules
    module = sys.modules.get(name) or _imported(path, content, name)
    module.__file__ = f"{path.resolve()}"  # where its source is now
    lines = {node.name: node.lineno for node in ast.parse(content).body if isinstance(node, DEFINITIONS)}
    own = [thing for key, thing in vars(module).items() if _is_public(key, thing, name)]
    methods: dict[str, Any] = {
        thing.__name__: thing for thing in own if inspect.isfunction(thing) and _makes_a_method(thing)
    }
    environments = {
        thing.__name__: thing for thing in own if inspect.isclass(thing) and (_acts(thing) or _plays(thing))
    }
    for function in methods.values():
        where = f"{path}, line {lines.get(function.__name__)}: {function.__name__}"
        if hasattr(paper_index, function.__name__):
            raise ScenarioError(f"{where} is built in: give the function another name")
        _check_parameters(where, function)
    for kind in filter(_acts, environments.values()):
        _check_environment(f"{path}, line {lines.get(kind.__name__)}: {kind.__name__}", kind)
    if not methods and not environments:
        raise ScenarioError(
            f"{path}: it defines nothing that a scenario can name: give a public function `-> Method`, or a public "
            f"frozen dataclass with {', '.join(ENVIRONMENT)}, or a public gymnasium.Env"
        )
    return Own(file=path.name, sha256=digest, methods=methods, environments=environments)


def modules_of(own: Own | None) -> list[ModuleType]:
    """The modules in which it is defined, which no other process has."""
    defined = [] if own is None else [*own.methods.values(), *own.environments.values()]
    return [sys.modules[name] for name in dict.fromkeys(each.__module__ for each in defined)]


@contextmanager
def told_of_own(own: Own | None, what: str) -> Iterator[None]:
    """Whatever goes wrong while a file of one's own is in use is one line, with its cause; otherwise it is a bug."""
    try:
        yield
    except (ScenarioError, OSError):
        raise  # told already
    except Exception as error:
        if own is None:
            raise
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        place = _place(error, own.file)
        raise ScenarioError(f"{what}: {kind}{error}{f' ({own.file}{place})' * bool(place)}") from error


def check_same(path: Path, written: Mapping[str, Any] | None, own: Own | None) -> None:
    """Raises ScenarioError unless a scenario is given with what it was run with."""
    if written is None and own is not None:
        raise ScenarioError(f"{path}: own={own.file!r} was not there when this was run: leave it out")
    if written is not None and (own is None or own.sha256 != written["sha256"]):
        other = "is missing" if own is None else f"is not this {own.file!r}, of sha256 {own.sha256}"
        raise ScenarioError(
            f"{path}: own={written['file']!r}, the Python file with which this was run, {other}: give own=, the path "
            f"of the file whose sha256 is {written['sha256']}"
        )


def check_made(where: str, made: Any) -> None:
    """Raises ScenarioError unless a method's function has made a method, of a rule and an update."""
    if not isinstance(made, Method):
        raise ScenarioError(f"{where} returned {made!r}: give a Method")
    for part, names in ((made.rule, ("empty", "receive")), (made.update, ("init", "apply", "query"))):
        for name in names:
            if not callable(getattr(part, name, None)):
                raise ScenarioError(
                    f"{where}: {type(part).__name__} has no method {name}: give all of {', '.join(names)}"
                )
    charged = getattr(made.rule, "communication", None)
    if charged not in ("round", "gradient"):
        raise ScenarioError(
            f"{where}: {type(made.rule).__name__}.communication={charged!r}: give 'round' or 'gradient'"
        )


def _imported(path: Path, content: bytes, name: str) -> ModuleType:
    """The module of a file, run from the bytes that its digest is of. Python would write what it compiles beside it."""
    module = sys.modules[name] = ModuleType(name)
    try:
        exec(compile(content, path.resolve(), "exec", dont_inherit=True), vars(module))
    except BaseException as error:
        del sys.modules[name]
        if not isinstance(error, Exception | SystemExit):
            raise  # the user's interrupt
        said = error.msg if isinstance(error, SyntaxError) else error
        place = _place(error, path.name)
        raise ScenarioError(
            f"{path}{place}: {type(error).__name__}: {said}: give a file that Python can run"
        ) from error
    return module


def _place(error: BaseException, file: str) -> str:
    """``, line 3``: where in a file an error was raised, as far as that is known."""
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}" if error.lineno else ""
    for each in filter(None, (error.__cause__, error)):
        frames = traceback.extract_tb(each.__traceback__)
        if lines := [frame.lineno for frame in frames if Path(frame.filename).name == file]:
            return f", line {lines[-1]}"
    return ""


def _is_public(key: str, thing: Any, module: str) -> bool:
    """Whether it is defined here, under this name, and not for the file's own use."""
    here = getattr(thing, "__module__", None) == module and getattr(thing, "__name__", None) == key
    return here and not key.startswith("_")


def _makes_a_method(function: Callable) -> bool:
    returned = inspect.signature(function).return_annotation
    return returned is Method or (isinstance(returned, str) and returned.rpartition(".")[2] == "Method")


def _acts(kind: type) -> bool:
    return all(callable(getattr(kind, name, None)) for name in ("reset", "observe", "step"))


def _plays(kind: type) -> bool:
    """Whether it is a `gymnasium.Env`, which is not imported here."""
    return any((base.__module__, base.__name__) == ("gymnasium.core", "Env") for base in kind.__mro__)


def _check_parameters(where: str, function: Callable) -> None:
    """Raises ScenarioError unless a table of TOML can give all parameters."""
    try:
        hints = get_type_hints(function)
    except Exception as error:
        raise ScenarioError(f"{where}: {error}: give parameters types that are there") from error
    parameters = inspect.signature(function).parameters
    if hints.get("step_size") is not float:
        raise ScenarioError(f"{where} has no parameter step_size: give it one, of type float, which is tuned")
    for name, parameter in parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ScenarioError(f"{where}: {parameter} cannot be given by its name: give parameters that can")
        if name in ("method", "step_sizes", "tune") or name.startswith("_") or hasattr(BaseModel, name):
            raise ScenarioError(f"{where}: parameter {name} cannot be a key of a scenario: give it another name")
        if not _toml_can_give(hints.get(name)):
            raise ScenarioError(f"{where}: parameter {parameter} cannot be given in TOML: give it a type: {TYPES}")


def _toml_can_give(hint: Any, within: bool = False) -> bool:
    """Whether TOML has values of this type. within: a tuple; a scenario's lists are tuples at the top only."""
    if get_origin(hint) in (Union, UnionType):
        return all(_toml_can_give(kind, within=True) for kind in get_args(hint))
    if get_origin(hint) is tuple and not within:
        return all(kind is ... or _toml_can_give(kind, within=True) for kind in get_args(hint))
    return get_origin(hint) is Literal or hint in (bool, int, float, str, NoneType)


def _check_environment(where: str, kind: type) -> None:
    """Raises ScenarioError unless the class has all that an environment has; its shapes are for JAX to say."""
    if not (is_dataclass(kind) and kind.__dataclass_params__.frozen):  # type: ignore[attr-defined]
        raise ScenarioError(f"{where} is an environment, and no frozen dataclass: give @dataclass(frozen=True)")
    known = {field.name for field in fields(kind)}
    for name, what in ENVIRONMENT.items():
        if not (hasattr(kind, name) or name in known):
            raise ScenarioError(f"{where} has no {name}: give {what}")
