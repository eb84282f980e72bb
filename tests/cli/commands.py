"""A small scenario for commands, and what they say."""

import sys
from pathlib import Path

from asyncsim.cli import main

TINY = """
title = "tiny"
seeds = [0, 1]
step_sizes = [0.03125, 0.0625]
evaluate_every = 2
target_return = 1.0
[stop]
updates = 3
[cluster]
workers = 3
compute = "sqrt"
communication = 0.5
[problem]
environment = "CartPole-v1"
horizon = 20
discount = 0.9
hidden = [8]
evaluation_episodes = 2
[methods.rennala_nigt]
batch_size = 4
[methods.afedpg]
"""


CHAIN = TINY.replace(TINY[TINY.index("environment") : TINY.index("[methods.rennala")], 'kind = "chain"\n')


COMMAND = [sys.executable, "-m", "asyncsim.cli"]


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def complaint(capsys, *arguments, status=2):
    """Run a command that fails; return its line."""
    before = files(Path.cwd())
    assert main(arguments) == status
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("asyncsim: ") and said.err.endswith("\n") and said.err.count("\n") == 1
    assert files(Path.cwd()) == before
    return said.err
