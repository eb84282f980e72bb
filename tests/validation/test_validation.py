"""`asyncsim validate`: verdicts, files and figures. What the claims are is tested in test_claims.py."""

import json
import math
import sys
from pathlib import Path

import pandas as pd
import pytest
from pages import check_tables

from asyncsim import figures, results, validation
from asyncsim.cli import main
from asyncsim.validation import CLAIMS, Claim, Drawing, Evidence, table
from asyncsim.validation.evidence import rows


def claim(predicted, measured, relation="=", tolerance=0.0, **kwargs):
    return Claim("a", "name", "statement", "Theorem 4.4", predicted, measured, relation, tolerance, **kwargs)


def test_verdicts():
    assert claim(1.0, 1.0).verdict == claim(1.0, 1.25, tolerance=0.25).verdict == "holds"
    assert claim(1.0, 1.5, tolerance=0.25).verdict == "fails"
    assert claim(1.0, 0.2, "<=").verdict == claim(1.0, 9.0, ">=").verdict == "holds"
    assert claim(1.0, 1.5, "<=", 0.25).verdict == claim(1.0, 0.5, ">=", 0.25).verdict == "fails"
    assert claim(1.0, 0.2, "<=", holds_with="factor 1", why_not="no").verdict == "holds with factor 1"
    assert claim(1.0, 1.2, "<=", holds_with="factor 1", why_not="no").verdict == "fails: no"
    assert not claim(1.0, math.nan).holds and not claim(1.0, math.nan, "<=").holds


def test_every_claim_has_its_letter_and_says_what_it_is():
    assert "".join(CLAIMS) == "abcdefghij"
    for letter, function in CLAIMS.items():
        assert function.__doc__.startswith(f"({letter}) ") and ":" in function.__doc__.splitlines()[0]


def test_the_same_call_gives_the_same_numbers():
    one, two = (table(CLAIMS["b"](True).claims) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)


# ---- the command


def failing(quick):
    """(z) Something: that fails."""
    data = pd.concat([rows("one", [1, 2, 4], [2, 4, 9], [2, 4, 8], [1, 3, 8], [3, 5, 10], [2, 4, 8])])
    drawing = Drawing("lines", "(z) Lines", "x", "y", "bound", data, mark=(3.0, "here"))
    constants = pd.DataFrame({"constant": ["L_g"], "value": [2.0], "standard_error": [0.1], "how": ["exact"]})
    return Evidence([claim(2.0, 3.0, why_not="it is odd")], [drawing], {"lines": constants})


@pytest.fixture
def few(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(validation, "CLAIMS", {"d": CLAIMS["d"], "z": failing})
    return tmp_path


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_command(few, capsys):
    assert main(["validate", "--quick"]) == 0  # a claim that fails is a finding
    said = capsys.readouterr()
    for words in ("(d) Rennala: slope in s", "holds", "fails", "2 of 3 hold", "(a) name: fails: it is odd", "Seconds:"):
        assert words in said.out, words
    check_tables()
    assert said.err == ""  # progress is for terminals
    home = few / "results" / "validation-quick"
    drawn = [f"{name}.{kind}" for name in ("straggler", "lines") for kind in ("csv", "png", "svg")]
    assert set(files(home)) == {"claims.csv", "constants.csv", "settings.json", *drawn}
    assert said.out.endswith("".join(f"  {path.relative_to(few)}\n" for path in sorted(home.iterdir())))
    claims = pd.read_csv(home / "claims.csv")
    assert claims["verdict"].tolist() == ["holds", "holds", "fails: it is odd"]
    assert claims.columns.tolist() == table([claim(1, 1)]).columns.tolist()
    assert pd.read_csv(home / "constants.csv").columns[0] == "problem"
    record = json.loads((home / "settings.json").read_text())
    assert record["validation"]["quick"] and set(record["versions"]) >= {"asyncsim", "jax", "simpy"}
    assert set(record["validation"]["figures"]) == {"straggler", "lines"} and record["floats"] == "float64"
    assert all(len(content) < 2**20 for content in files(home).values())


def test_it_goes_where_it_is_told_and_the_same_bytes_come_again(few, capsys):
    assert main(["validate", "--output", "here"]) == 0
    before = files(few / "here")
    assert "\nwrote:\n" in capsys.readouterr().out and not (few / "results").exists()
    assert main(["validate", "--output", "here"]) == 0
    assert "\nreplaced:\n" in capsys.readouterr().out and files(few / "here") == before


@pytest.mark.parametrize(("name", "text"), [("notes.txt", "mine"), ("settings.json", '{"scenario": {}}')])
def test_it_replaces_nothing_else(few, capsys, name, text):
    (few / "here").mkdir()
    (few / "here" / name).write_text(text)
    assert main(["validate", "--output", "here"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("asyncsim: here holds ") and said.err.count("\n") == 1
    assert (few / "here" / name).read_text() == text


def test_an_interrupt_leaves_the_old_results(few, capsys, monkeypatch):
    assert main(["validate", "--output", "here"]) == 0
    before = files(few / "here")

    def interrupt(quick):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["asyncsim.validation"], "CLAIMS", {"d": interrupt})
    assert main(["validate", "--output", "here"]) == 130
    assert files(few / "here") == before


# ---- the figure


def drawn(data, **labels):
    given = {"title": "t", "x": "x", "y": "y", "prediction": "bound", "logarithmic": True, "levels": (), "mark": None}
    figure = figures.prediction(data, given | labels)
    upper, lower = figure.axes
    return upper, lower, [text.get_text() for text in upper.get_legend().get_texts()]


def test_points_lines_bounds_and_ratio():
    data = rows("Rennala NIGT", [1, 2, 4], [2.0, 8.0, 30.0], [4.0, 16.0, 64.0], [1, 7, 29], [3, 9, 31], [2, 8, 32])
    upper, lower, legend = drawn(data, levels=(0.25, 0.5), mark=(3.0, "here"))
    assert legend == ["Rennala NIGT, slope 2.00", "bound", "here"]
    assert upper.get_xscale() == upper.get_yscale() == "log" and lower.get_ylabel() == "ratio"
    points = next(line for line in lower.lines if line.get_linestyle() == "None")
    assert points.get_ydata().tolist() == pytest.approx([0.5, 0.5, 30 / 64])
    assert points.get_color() == figures.COLOURS["rennala"]
    assert lower.get_yticks().tolist() == [1, 0.25, 0.5] and lower.get_ylim()[0] == 0


def test_equal_values_still_have_a_scale():
    _, lower, legend = drawn(rows("one", [0, 1], [5.0, 6.0], [5.0, 6.0]), logarithmic=False)
    low, high = lower.get_ylim()
    assert low < 0.97 < 1.03 < high and legend == ["one", "bound"]


def test_every_series_has_its_own_colour():
    data = pd.concat([rows(name, [1, 2], [1, 2], [1, 2]) for name in ("NIGT, ridge", "PG, ridge", "AFedPG", "Malenia")])
    upper, _, _ = drawn(data)
    colours = [line.get_color() for line in upper.lines if line.get_linestyle() == "None"][:4]
    assert len(set(colours)) == 4 and colours[3] == figures.COLOURS["malenia"]


def test_committed_results_are_of_this_code():
    """Every claim of the table, with its statement, is in the results that are kept."""
    home = Path(__file__).parents[2] / "results" / "validation-quick"
    if not home.exists():
        pytest.skip("no results")
    kept = pd.read_csv(home / "claims.csv")
    for letter in "bcde":
        own = table(CLAIMS[letter](True).claims)
        assert kept[kept["letter"] == letter]["statement"].tolist() == own["statement"].tolist()
    assert "validation" in results.load_settings(home)
