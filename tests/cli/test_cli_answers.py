"""What every command answers with: tables that fit, or one JSON document; help; completion; interrupts."""

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
import typer
from commands import CHAIN, COMMAND
from pages import check_tables

from asyncsim import cli
from asyncsim.cli import main, terminal
from asyncsim.cli.tables import as_rich

EXAMPLES = [example for examples in cli.COMMANDS.values() for example in examples]


@pytest.fixture
def chain(here):
    about = '[about]\nclaims = ["rennala_nigt > afedpg, area"]\n'
    Path("experiments/tiny.toml").write_text(CHAIN + about)
    return "experiments/tiny.toml"


def test_every_table_fits_and_is_json(chain, capsys):
    """Of the commands that are quick; those of the others, where they are tested."""
    for command, files in (
        (["run", chain, "-o", "out"], 7),
        (["simulate", chain, "-o", "timelines"], 5),
        (["bounds", chain], 0),
        (["store"], 0),
        (["reproduce", "--list"], 0),
        (["list"], 0),
        (["explain"], 0),
        (["explain", "batch_size"], 0),
    ):
        assert main([*command, "--json"]) == 0
        said = capsys.readouterr()
        document = json.loads(said.out)
        assert said.err == "" and set(document) == {"tables", "notes", "files"} and document["tables"], command
        assert len(document["files"]) >= files and all(Path(path).exists() for path in document["files"])
        check_tables()


def test_json_has_the_numbers_and_bad_input_no_document(chain, capsys):
    assert main(["simulate", chain, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["tables"][0]["rows"]
    assert rows[0]["end"] == pytest.approx(3 * (rows[0]["per update"])) and 0 < rows[0]["utilisation"] <= 1
    assert main(["simulate", "none.toml", "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert main(["init", "mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == ["mine.toml"]


def test_a_table_that_is_too_wide_goes_on_below():
    shown = terminal.table("wide", terminal.texts("method"), *terminal.numbers(*(f"number {k}" for k in range(12))))
    shown.add_row("rennala_nigt", *(terminal.number(k / 7) for k in range(12)))
    title, *parts = (part for part in as_rich(shown, 80) if part != "")
    assert len(parts) == 2 and all(part.columns[0].header.plain == "method" for part in parts)
    assert sum(len(part.columns) for part in parts) == 14


def test_a_terminal_breaks_sentences_between_words(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    sentence = "A sentence of many words, " * 5
    for forced in (False, True):
        if forced:
            monkeypatch.setenv("FORCE_COLOR", "1")
        terminal.new_page().print(sentence.strip())
        lines = capsys.readouterr().out.splitlines()
        assert (len(lines) > 1) == forced and " ".join(line.strip() for line in lines) == sentence.strip()


def test_every_command_has_help_with_examples_that_can_be_given(here, capsys):
    group = typer.main.get_command(cli.app)
    assert set(group.commands) == {example.split()[0] for example in EXAMPLES}
    for example in EXAMPLES:
        name, *arguments = shlex.split(example)
        group.commands[name].make_context(name, arguments)  # raises where an option is none
    for name in group.commands:
        assert main([name, "--help"]) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert "For example: asyncsim " + name in said and "--json" in said
    assert main(["--help"]) == 0
    assert "Exit status: 0 done; 1 " in " ".join(capsys.readouterr().out.split())


def test_shells_complete(tmp_path):
    given = os.environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    script = subprocess.run([*COMMAND, "--show-completion", "bash"], env=given, capture_output=True, text=True)
    assert script.returncode == 0 and "complete -o" in script.stdout and "asyncsim" in script.stdout
    given |= {"_ASYNCSIM_COMPLETE": "complete_bash", "COMP_WORDS": "asyncsim si", "COMP_CWORD": "1"}
    done = subprocess.run(COMMAND, env=given, capture_output=True, text=True)
    assert done.stdout.split() == ["simulate"]


@pytest.mark.parametrize("command, goes_on", [(["run"], True), (["prices"], True), (["run", "--no-store"], False)])
def test_an_interrupt_says_how_to_go_on(chain, capsys, monkeypatch, command, goes_on):
    import asyncsim.experiment.runs as runs

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "_conducted", interrupt)
    assert main([*command, chain]) == 130
    line = capsys.readouterr().err
    assert line.startswith("asyncsim: interrupted") and ("the same command goes on" in line) == goes_on


def test_progress_is_for_terminals(capsys, monkeypatch):
    assert [*terminal.steps("counting", range(3), 3)] == [0, 1, 2]
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert [*terminal.steps("counting [/b]", range(3), 3)] == [0, 1, 2]
    said = capsys.readouterr()
    assert "counting [/b]" in said.err and "left:" in said.err and said.out == ""
