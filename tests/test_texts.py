"""Whatever a label, a title or an axis' value says: it is text, and never a path, markup or code."""

import contextlib
import io
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch
from xml.etree import ElementTree

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from asyncsim import figures, results
from asyncsim.cli import main

pieces = st.sampled_from(
    [
        "..",
        ".",
        "/",
        "\\",
        "~",
        "*",
        "?",
        "settings.json",
        "curves.csv",
        ".parts",
        "CON",
        " ",
        "-",
        "%",
        "NA",
        "nan",
        "1",
    ]
    + ["[b]", "[/b]", "[n = 10]", ":warning:", "<b>", "&amp;", "<!--", "-->", "]]>", "{0}", "{task.id}", "{x:g}"]
    + ["$", "$$", "$x^2$", r"\frac{1}{2}", "_", "^", "'", '"', ",", ";", "a", "é", "σ", "0", "True", "rennala_nigt"]
)
texts = st.lists(pieces, min_size=1, max_size=5).map("".join)

SCENARIO = """
title = {title}
seeds = [0, 1]
step_sizes = [0.1, 0.2]
evaluate_every = 2
[stop]
updates = 3
[cluster]
compute = {{recording = {first}}}
[problem]
kind = "chain"
[methods.{one}]
method = "rennala_nigt"
batch_size = 4
[methods.{two}]
method = "afedpg"
[sweep]
cluster.compute.recording = [{first}, {second}]
"""


def plain(text):
    """What a terminal shows of it, wherever lines are broken."""
    return "".join(text.split())


def told(label, text):
    """Whether a table says it: in one piece, or, if it is too long for its column, in lines between other cells."""
    rest = iter(text)
    return plain(label) in text or (len(label) > 26 and all(letter in rest for letter in plain(label)))


def written(figure):
    """All that a figure says."""
    return "".join(plain(text.get_text()) for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@example("cheap $$ nodes, [/b]", "../../outside", "M = 3/2", True)
@example("$2 & $3 an hour", ".", "settings.json", False)
@given(texts, texts, texts, st.booleans())
def test_text_is_text(title, one, two, swept):
    """Through `run`, `simulate`, `list` and the figures: files are whole, nothing else is touched, words stay."""
    two = two + "'" * (one == two)
    with TemporaryDirectory() as home, contextlib.chdir(home):
        files = {"first": "times/a.csv", "second": "times/NA"}  # an axis of words
        Path("experiments/times").mkdir(parents=True)
        for k, name in enumerate(files.values()):
            Path("experiments", name).write_text(f"worker,seconds\n0,{k + 1}\n1,2\n")
        words = {key: json.dumps(value) for key, value in {"title": title, "one": one, "two": two, **files}.items()}
        text = SCENARIO.format(**words)
        Path("experiments", "x.toml").write_text(text if swept else text.partition("[sweep]")[0], encoding="utf-8")
        before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
        drawn = []

        def seen(function):
            def draw(*args):
                drawn.append(function(*args))
                return drawn[-1]

            return draw

        said = {}
        with patch.object(figures, "learning_curves", seen(figures.learning_curves)):
            for command in ("run", "simulate", "list"):
                out = io.StringIO()
                options = {"run": [], "simulate": ["--output", "out", "--trace", "trace.json"]}.get(command)
                with contextlib.redirect_stdout(out):
                    arguments = [command] if options is None else [command, "experiments/x.toml", *options]
                    assert main(arguments) == 0
                said[command] = plain(out.getvalue())
        for command, text in said.items():
            assert plain(title) in text
            assert command == "list" or (told(one, text) and told(two, text))
        assert plain(title) in written(drawn[0]) and plain(figures.pretty(one)) in written(drawn[0])

        assert {path: path.read_bytes() for path in before} == before
        places = {path for path in Path().rglob("*") if path.is_file()} - set(before)
        assert places and all(
            path.parent in (Path("results/x"), Path("out")) or path.name == "trace.json" for path in places
        )
        for directory in ("results/x", "out"):
            assert results.load_settings(directory)["scenario"]["title"] == title
            assert not [name for name in os.listdir(Path(directory).parent) if name.startswith(".")]
            for path in Path(directory).glob("*.svg"):
                ElementTree.parse(path)
        assert set(results.load_curves("results/x")["method"]) == set(results.load_summary("results/x")["method"])
        assert set(results.load_curves("results/x")["method"]) == {one, two}
        if swept:
            assert set(results.load_curves("results/x").iloc[:, 0]) == set(files.values())
