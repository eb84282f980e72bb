"""`asyncsim report`: what the page holds, and that text in it is text. In a browser: tests/cli/test_in_browser.py."""

import base64
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hostile_run import HOSTILE, LABEL, made

from asyncsim.cli import main
from asyncsim.experiment import Run
from asyncsim.results import reserve_report


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Page(HTMLParser):
    """The tags of a page, and its text outside of scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.links, self.inside = [], "", [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("src", "href")]
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside not in ("script", "style"):
            self.text += data


def test_without_bokeh_one_line_says_what_to_install(here, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "bokeh.resources", None)
    assert main(["report", "results/x"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "pip install 'asyncsim[report]'" in said.err


def test_the_page_holds_all_and_text_is_text(here, capsys):
    pytest.importorskip("bokeh", reason="bokeh is not installed: pip install 'asyncsim[report]'")
    directory = made()
    assert main(["report", str(directory), "-o", "a.html"]) == 0
    text = Path("a.html").read_text()
    page = Page(text)
    assert page.tags.count("script") == 2 and "owned" not in text.split("<body>")[1].split("<h1>")[0]
    assert page.tags.count("img") == 3  # utilisation and two Gantt charts
    assert all(link.startswith("data:image/svg+xml;base64,") for link in page.links)
    svg = base64.b64decode(page.links[0].partition(",")[2]).decode()
    assert svg.startswith("<?xml") and "<script" not in svg
    for words in (
        HOSTILE,
        LABEL,
        "Learning curves",
        "bound on a round",
        "wasted",
        "= 2.5",
        '"batch_size": 3',
        "versions",
    ):
        assert words in page.text, words
    assert "asyncsim run experiments/x.toml" in page.text
    verdicts = re.findall("reproduced|opposite|undecided", page.text.split("Claims")[1].split("Comparisons")[0])
    assert verdicts == [Run.load(directory).verdicts([f"{LABEL} > afedpg, area"])["verdict"][0]]


def test_a_sweep_and_another_run_on_one_page(here, capsys):
    pytest.importorskip("bokeh", reason="bokeh is not installed: pip install 'asyncsim[report]'")
    directory = made("swept", "rennala_nigt", '[sweep]\n"cluster.communication" = [0.5, 2.0]\n')
    Path("experiments/x.toml").unlink()  # now nobody knows what was run
    assert main(["report", str(directory), str(directory)]) == 0
    text = Path("report.html").read_text()
    one, two = re.findall(r"embed_item\((.*), .curves", text)
    assert one == two  # whatever was drawn before
    assert capsys.readouterr().out == "wrote:\n  report.html\n" and reserve_report(Path("report.html")) == "replaced"
    page = Page(text)
    assert page.links[:2] == ["#result-1", "#result-2"] and page.text.count("Over the sweep") == 2
    assert 'asyncsim.run(run.scenario, output="again")' in page.text and "Claims" not in page.text


def test_what_cannot_be_reported_gets_one_line(here, capsys):
    pytest.importorskip("bokeh", reason="bokeh is not installed: pip install 'asyncsim[report]'")
    Path("mine.html").write_text("<!DOCTYPE html>not ours")
    for arguments, words in (
        (["none"], "none: no run was saved here"),
        (["none", "-o", "a.txt"], "a.txt: give a file name that ends in .html"),
        (["none", "-o", "mine.html"], "mine.html is there and is no report: give --force"),
    ):
        assert main(["report", *arguments]) == 2
        said = capsys.readouterr()
        assert said.out == "" and said.err.count("\n") == 1 and words in said.err
    assert Path("mine.html").read_text() == "<!DOCTYPE html>not ours" and not Path("report.html").exists()
