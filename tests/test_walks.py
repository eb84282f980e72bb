"""The walks of the guide: each command can be given; ``pytest -m walk`` runs them as they stand, from a wheel."""

import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import typer

from asyncsim import cli

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "notebooks" / "walks.md").read_text(encoding="utf-8")
WALKS = {part.split()[0].lower(): part for part in PAGE.split("\n## ")[1:]}
PICTURES = {
    "five": ("results/quickstart/curves.png", "gradients.png", "timelines/gantt-1-rennala_nigt.png"),
    "fifteen": ("results/sweep/curves.png", "sweep.png", "advice/advice.png"),
    "sixty": ("results/own/curves.png", "results/paper/curves.png", "own-timelines/utilisation.png"),
}


def script(part):
    """All commands, in the order of the page."""
    return "".join(re.findall(r"^```sh\n(.*?)^```$", part, re.MULTILINE | re.DOTALL))


def test_every_command_can_be_given():
    group = typer.main.get_command(cli.app)
    lines = re.findall(r"^asyncsim (.+)$", script(PAGE), re.MULTILINE)
    assert len(lines) > 15
    for line in lines:
        name, *arguments = shlex.split(line)
        group.commands[name].make_context(name, arguments)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder of commands, of what a wheel installs, which stands for the page's first command."""
    dist = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", dist], cwd=ROOT, check=True)
    (wheel,) = dist.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(dist / "site")
    (dist / "bin").mkdir()
    command = dist / "bin" / "asyncsim"
    command.write_text(f'#!/bin/sh\nPYTHONPATH={dist / "site"} exec {sys.executable} -m asyncsim.cli "$@"\n')
    command.chmod(0o755)
    return dist / "bin"


@pytest.mark.slow
@pytest.mark.walk
@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_from_a_wheel_in_an_empty_folder(installed, tmp_path, walk):
    given = os.environ | {"PATH": f"{installed}:{os.environ['PATH']}", "XDG_CACHE_HOME": f"{tmp_path / 'cache'}"}
    for key in ("PYTHONPATH", "XLA_FLAGS"):  # as users have it
        given.pop(key, None)
    here = tmp_path / "here"
    here.mkdir()
    done = subprocess.run(["sh", "-e"], input=script(WALKS[walk]), cwd=here, env=given, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    missing = [picture for picture in PICTURES[walk] if not (here / picture).exists()]
    assert not missing and "Traceback" not in done.stderr
