"""What all commands have in common: one line for whatever is wrong, help that is quick, kept programs."""

import os
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import jax
import pytest
from commands import COMMAND, TINY, complaint

from asyncsim import results
from asyncsim.cli import main
from asyncsim.scenario import load

TESTS = Path(__file__).parent.parent

BAD = [  # what is replaced by what, and what the line must hold: key and value, and what would do
    ("methods.afedpg", "methods.afedgp", "methods.afedgp is no method", "'afedpg'"),
    ("CartPole-v1", "CartPoel-v1", "problem.environment='CartPoel-v1'", "'CartPole-v1'"),
    ('"sqrt"', "[1.0, 0.0, 1.0]", "cluster.compute[1]=0.0", "give seconds > 0"),
    ('"sqrt"', "[1.0, nan, 1.0]", "cluster.compute[1]=nan", "give seconds > 0"),
    ('"sqrt"', "[1.0, 2.0]", "cluster.workers=3", "give one per worker"),
    ("communication = 0.5", "communication = -1.0", "cluster.communication=-1.0", "give finite seconds >= 0"),
    ("communication = 0.5", "communication = nan", "cluster.communication=nan", "give finite seconds >= 0"),
    ("batch_size = 4", "batch_size = 0", "methods.rennala_nigt.batch_size=0", "give an integer >= 1"),
    ("batch_size = 4", "batch_size = 4\nmomentum = 0.0", "methods.rennala_nigt.momentum=0.0", "(0, 1]"),
    ("batch_size = 4", "batch_size = 4\nmomentum = 1.1", "methods.rennala_nigt.momentum=1.1", "(0, 1]"),
    ("discount = 0.9", "discount = 1.0", "problem.discount=1.0", "[0, 1)"),
    ("discount = 0.9", "discount = -0.1", "problem.discount=-0.1", "[0, 1)"),
    ("seeds = [0, 1]", "seeds = []", "seeds=[]", "give at least 1"),
    ("seeds = [0, 1]", "seeds = [0, 1", "not TOML", "line"),
    ("seeds = [0, 1]", "seed = [0, 1]", "seed=[0, 1] is an unknown key", "'seeds'"),
    ("horizon = 20", "horizons = 20", "problem.horizons=20 is an unknown key", "'horizon'"),
    ("updates = 3", "", "no stop condition", "give updates=, until= or gradients="),
    ("hidden = [8]", "hidden = [8]\nfields = {lenght = 1}", "'lenght'", "'length'"),
    ("hidden = [8]", "hidden = [8]\nfields = {length = [1, 2]}", "problem.fields.length has 2 values", "or 3"),
]


@pytest.mark.parametrize(("old", "new", "key", "hint"), BAD)
def test_bad_input_gets_one_line(here, capsys, old, new, key, hint):
    assert TINY.count(old) == 1
    Path("experiments/tiny.toml").write_text(TINY.replace(old, new))
    line = complaint(capsys, "run", "experiments/tiny.toml")
    assert line.startswith("asyncsim: experiments/tiny.toml: ")
    assert key in line and hint in line


def test_a_stop_condition_that_can_never_be_met(here, capsys):
    text = TINY.replace('"sqrt"', "[1.0, inf, 1.0]").replace("methods.afedpg", "methods.synchronous_nigt")
    Path("experiments/tiny.toml").write_text(text)
    line = complaint(capsys, "run", "experiments/tiny.toml")
    assert "cluster.compute[1]=inf: Synchronous waits for worker 1" in line and "until=" in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "none.toml"], ["none.toml: no such file", "asyncsim list"]),
        (["run", "a\nb.toml"], ["a b.toml: no such file"]),
        (["run", "experiments"], ["experiments: Is a directory"]),
        (["run"], ["Missing argument 'scenario'", "--help"]),
        (["run", "experiments/tiny.toml", "--output"], ["--output"]),
        (["run", "experiments/tiny.toml", "--output", "experiments"], ["experiments holds 'tiny.toml'", "--output"]),
        (["run", "experiments/tiny.toml", "--output", "experiments/tiny.toml"], ["'tiny.toml' is a file", "--output"]),
        (["run", "experiments/tiny.toml", "--output", "/"], ["/ holds ", "--output"]),
        (["run", "experiments/tiny.toml", "--output", 241 * "x"], ["more than 240 bytes is too long", "--output"]),
        (["run", "experiments/tiny.toml", "--forse"], ["--forse", "--force"]),
        (["run", "experiments/tiny.toml", "more"], ["more"]),
        (["rnu"], ["'rnu'", "'run'"]),
        (["--vresion"], ["--vresion", "--version"]),
    ],
)
def test_bad_commands_get_one_line(here, capsys, arguments, words):
    line = complaint(capsys, *arguments)
    assert all(word in line for word in words), line


def test_the_exit_status_of_the_process(here):
    bad = subprocess.run([*COMMAND, "run", "none.toml"], capture_output=True, text=True)
    assert bad.returncode == 2 and bad.stdout == "" and bad.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [["run"], ["simulate"], ["validate"]])
def test_what_another_run_is_writing_is_left_alone(here, capsys, command):
    scenario = ["experiments/tiny.toml"] * (command != ["validate"])
    with results.reserve("out", load("experiments/tiny.toml").settings):
        line = complaint(capsys, *command, *scenario, "--output", "out")
        assert f"out: another run is writing there, process {os.getpid()}, since 2" in line and "--output" in line
    assert {path.name for path in here.iterdir()} == {"experiments"}


def test_the_list(here, capsys):
    Path("experiments/broken.toml").write_text("=")
    assert main(["list"]) == 0
    said = capsys.readouterr().out
    words = ("rennala_nigt", "arXiv 2509.24305", "CartPole-v1", "Humanoid-v4", "Malenia", "one-straggler")
    for word in (
        *words,
        "when_ready",
        "lognormal",
        "markov",
        "parameter_server",
        "keys: latency, bandwidth, parameters",
    ):
        assert word in said
    assert re.search("^tiny +tiny *$", said, re.MULTILINE)
    assert re.search("^broken +cannot be read", said, re.MULTILINE)


def test_version_and_help(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"asyncsim {version('asyncsim')}\n"
    for arguments in (["--help"], []):
        assert main(arguments) == 0
        assert "run" in capsys.readouterr().out
    assert main(["run", "--help"]) == 0
    assert "last quarter" in " ".join(capsys.readouterr().out.split())


def test_help_is_quick_because_it_imports_little():
    code = """
import sys
from asyncsim.cli import main
assert main(["--help"]) == 0
heavy = {"jax", "pandas", "numpy", "matplotlib", "pydantic", "simpy"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_compiled_programs_are_kept_between_runs(tmp_path):
    """In the user's cache, or where JAX_COMPILATION_CACHE_DIR says."""
    code = "from asyncsim.cli import compiling; compiling.keep_compiled()"
    code += "; import jax; jax.jit(lambda x: x + 1)(1.0)"
    given = os.environ | {"JAX_ENABLE_COMPILATION_CACHE": "true", "XDG_CACHE_HOME": str(tmp_path / "user")}
    for key in (
        "COMPILATION_CACHE_DIR",
        "PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS",
        "PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES",
    ):
        given.pop(f"JAX_{key}", None)  # the session's
    subprocess.run([sys.executable, "-c", code], check=True, env=given)
    assert any((tmp_path / "user" / "asyncsim" / "compiled").iterdir())
    given["JAX_COMPILATION_CACHE_DIR"] = str(tmp_path / "own")
    given["XDG_CACHE_HOME"] = str(tmp_path / "other")
    subprocess.run([sys.executable, "-c", code], check=True, env=given)
    assert not (tmp_path / "other").exists()


def test_tests_use_no_programs_of_an_earlier_session():
    import jax

    ours = Path(jax.config.jax_compilation_cache_dir)
    assert ours == Path(os.environ["ASYNCSIM_PROGRAMS"]) and ours.parent == Path(tempfile.gettempdir())
    code = "import conftest, jax; print(jax.config.jax_compilation_cache_dir)"
    given = {key: value for key, value in os.environ.items() if key != "ASYNCSIM_PROGRAMS"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=TESTS, env=given, check=True, capture_output=True, text=True)
    assert Path(done.stdout.strip()) != ours and not Path(done.stdout.strip()).exists()


@pytest.mark.parametrize("command", ["run", "prices", "advise"])
def test_commands_that_train_compute_with_64_bits_where_they_are_to(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = jax.config.jax_enable_x64
    try:
        for option in ((), ("--x64",)):
            jax.config.update("jax_enable_x64", False)
            assert main([command, "none.toml", *option]) == 2  # there is no such file
            assert jax.config.jax_enable_x64 == bool(option)
    finally:
        jax.config.update("jax_enable_x64", before)
