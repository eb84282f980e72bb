"""Files that are not what they should be, made from those in experiments/ by a seed: for test_nothing_lost.py.

A mutation is a small step away from a file that works: another value, a key less, a byte turned. What comes of it may
be a file that works as well.
"""

import datetime
import json
import math
import random
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

EXPERIMENTS = Path(__file__).parent.parent / "experiments"
WILD: list[Any] = [
    *(True, False, 0, 1, -1, 2, 7, 10**9, 2**31, 2**53, 2**63, 2**70, -(2**63), 10**4000),
    *(0.0, -0.0, 0.5, -1.5, 1e9, 1e12, 1e22, 1e30, 1e99, 1e-99, 1e308, -1e308, 5e-324, 1e-300),
    *(math.nan, math.inf, -math.inf, datetime.date(1979, 5, 27), datetime.time(7, 32)),
    *("", " ", "x", ".", "..", "/etc/passwd", "sqrt", "\0", "é𝄞\u202e", "=1+1", "[bold]", "x" * 5000, "CartPole-v1"),
    *([], [[]], [0], [1.0, 2.0, 3.0], [0, 0], ["a"], [math.nan], [{}], list(range(2000))),
    *({}, {"a": 1}, {"": 1}, {"kind": "chain"}, {"network": "ring"}, {"distribution": "pareto"}, {"method": "afedpg"}),
]
DEEP = ("[" * 100_000, "[" * 30 + "]" * 30, "{a = " * 100_000, "a." * 100_000 + "a = 1", "a." * 50 + "a = 1")


@cache
def texts() -> dict[str, str]:
    """The scenarios in experiments/, by their names."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(EXPERIMENTS.rglob("*.toml"))}


def toml(value: Any, top: bool = True) -> str:
    """Data as a TOML file, all but the outermost table inline."""
    if isinstance(value, dict):
        pairs = [f"{json.dumps(key)} = {toml(one, False)}" for key, one in value.items()]
        return "\n".join(pairs) + "\n" if top else "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(one, False) for one in value) + "]"
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, bool):
        return f"{value}".lower()
    return f"{value}"


def places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every (table or list, key or index) in the data."""
    for key, value in list(data.items() if isinstance(data, dict) else enumerate(data)):
        yield data, key
        if isinstance(value, dict | list):
            yield from places(value)


def is_number(value: Any) -> bool:
    """Whether half of it is one, too; an integer of thousands of digits has none."""
    return type(value) is float or type(value) is int and abs(value) < 10**300


def mutated_data(data: Any, rng: random.Random) -> str:
    """Do one thing to the data; return what."""
    home, key = rng.choice(list(places(data)))
    where = f"{key}" if isinstance(home, dict) else f"[{key}]"
    what = rng.choice(["value"] * 6 + ["less", "more", "name", "swap", "sweep", "wrap"])
    if what == "value":
        value = home[key]
        near = [2 * value, value + 1, -value, value / 2, 100 * value] if is_number(value) else WILD
        home[key] = deepcopy(rng.choice(rng.choice([near, WILD])))  # which may be changed further
        return f"{where} = {home[key]!r:.60}"
    if what == "less":
        del home[key]
    elif what == "more" and isinstance(home, dict):
        home[f"{key}{rng.choice(['x', 's', '.y', ' '])}"] = home[key]
    elif what == "more":
        home[key:key] = [home[key]] * rng.choice([1, 3, 500])
    elif what == "name" and isinstance(home, dict):
        home[rng.choice(["", "a", "Ü", "=x", "stale", "cluster", "1", "sweep"])] = home.pop(key)
    elif what == "swap":
        other, there = rng.choice(list(places(data)))
        home[key], other[there] = other[there], home[key]
    elif what == "sweep":
        axis = rng.choice(["cluster.communication", "cluster.compute", "stop.updates", "stale", "methods", "problem.x"])
        data["sweep"] = {axis: [deepcopy(rng.choice(WILD)) for _ in range(rng.choice([0, 1, 3]))]}
        return f"sweep {data['sweep']!r:.60}"
    else:
        home[key] = rng.choice([[home[key]], {"a": home[key]}, {f"{key}": home[key]}])
    return f"{what} {where}"


def mutated_bytes(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Do one thing to the bytes of any file; return them, and what."""
    at = rng.randrange(max(1, len(content)))
    what = rng.choice(["cut", "turn", "zero", "twice", "UTF-16", "Latin-1", "empty", "noise", "lines", "digits"])
    if what == "cut":
        content = content[:at]
    elif what == "turn":
        content = content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))] if content else b"") + content[at + 1 :]
    elif what == "zero":
        content = content[:at] + b"\0" + content[at:]
    elif what == "twice":
        content = content + content[at:]
    elif what == "UTF-16":
        content = content.decode("utf-8", "replace").encode("utf-16")
    elif what == "Latin-1":
        content = content[:at] + "ü".encode("latin-1") + content[at:]
    elif what == "empty":
        content = b""
    elif what == "noise":
        content = content[:at] + rng.randbytes(20) + content[at:]
    elif what == "lines":
        lines = content.splitlines(keepends=True)
        rng.shuffle(lines)
        content = b"".join(lines)
    else:
        wild = rng.choice(["9" * 5000, "nan", "-1", "1e999", "inf", "", "1e308", "=1", "x" * 10_000]).encode()
        numbers = [k for k, byte in enumerate(content) if 48 <= byte <= 57]
        at = rng.choice(numbers) if numbers else 0
        content = content[:at] + wild + content[at + 1 :]
    return content, f"{what} at {at}"


def scenarios(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """So many files: what was done, and the file."""
    import tomllib

    rng = random.Random(seed)
    for k in range(count):
        name, text = rng.choice(list(texts().items()))
        if k % 4 == 3:
            content, what = mutated_bytes(text.encode(), rng)
        elif k % 50 == 1:
            content, what = (text + "\n[quick]\n" * rng.choice([0, 1]) + rng.choice(DEEP) + "\n").encode(), "deep"
        else:
            data = tomllib.loads(text)
            what = "; ".join(mutated_data(data, rng) for _ in range(rng.choice([1, 1, 1, 2, 3])) if data)
            content = toml(data).encode("utf-8", "surrogatepass")
        yield f"{seed}.{k} {name}: {what}", content
