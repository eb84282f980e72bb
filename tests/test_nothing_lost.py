"""Killed, filled up, fed nonsense: with few tries here; ``python tests/robustness.py`` takes many (see its page)."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import mutations
import pytest
import robustness

from asyncsim.cli import main
from asyncsim.cli.compiling import keep_compiled
from asyncsim.engine import memory
from asyncsim.scenario import ScenarioError, load
from asyncsim.store import default_home

TRIES = int(os.environ.get("ASYNCSIM_FUZZ", 120))  # of malformed scenarios; of others as many or fewer
SEED = int(os.environ.get("ASYNCSIM_FUZZ_SEED", 0))


@pytest.mark.parametrize("name", ["scenarios", "recordings", "logs", "stores", "results"])
def test_what_is_malformed_is_told_in_one_line(name):
    tries = TRIES // 4 if name in ("stores", "results") else TRIES
    found = getattr(robustness, f"malformed_{name}")(tries, SEED)
    assert found.tries == tries and not found.failures


def test_mutations_are_some_of_each_kind_and_follow_from_the_seed():
    made = list(mutations.scenarios(5, 60))
    assert made == list(mutations.scenarios(5, 60)) != list(mutations.scenarios(6, 60))
    assert len({content for _, content in made}) > 55
    assert len({mutations.mutated_bytes(b"a = 1\n" * 9, random.Random(k))[1].split()[0] for k in range(90)}) == 10


@pytest.mark.parametrize("name, text, key", robustness.ENORMOUS, ids=[name for name, *_ in robustness.ENORMOUS])
def test_enormous_numbers_are_refused_by_the_key_to_lower(tmp_path, name, text, key):
    path = tmp_path / "x.toml"
    path.write_text(text)
    with patch.object(memory, "free_memory", return_value=robustness.FREE):
        with pytest.raises(ScenarioError) as error:
            load(path).problem()
    assert key in f"{error.value}" and "give" in f"{error.value}" and "\n" not in f"{error.value}"


def test_a_refused_file_leaves_nothing_and_a_status_of_two(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for k, (_, content) in enumerate(mutations.scenarios(1, 12)):
        Path("x.toml").write_bytes(content[: len(content) // 2] if k % 2 else b"\xff" + content)
        assert main(["run", "x.toml"]) == 2
        out, error = capsys.readouterr()
        assert not out and error.startswith("asyncsim: x.toml: ") and error.count("\n") == 1
    assert os.listdir() == ["x.toml"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_no_kill_and_no_error_at_any_file_operation_loses_anything():
    command = [sys.executable, str(Path(__file__).parent / "faults.py"), "8"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    for trial in json.loads(done.stdout):
        assert trial["tries"] >= 8 and not trial["failures"], trial


def test_a_user_without_a_home_is_told_what_to_give(monkeypatch):
    def nowhere():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.raises(OSError, match="HOME is not set, .*: give --store, or --no-store"):
        default_home()
    keep_compiled()  # nothing, and no error
