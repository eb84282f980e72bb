"""`asyncsim plot`."""

from pathlib import Path

import pytest
from commands import CHAIN, complaint

from asyncsim import figures, results
from asyncsim.cli import main

ENDINGS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


@pytest.fixture
def ran(here):
    for name, seed in (("one", 0), ("two", 1)):
        Path(f"{name}.toml").write_text(CHAIN.replace("seeds = [0, 1]", f"seeds = [{seed}]"))
        assert main(["run", f"{name}.toml"]) == 0
    return here


def test_pictures_of_one_run_and_of_several(ran, capsys):
    for ending, begins in ENDINGS.items():
        pictures = Path(f"a{ending}"), Path(f"b{ending}")
        for picture in pictures:
            assert main(["plot", "results/one", "results/two", "--x", "gradients", "-o", str(picture)]) == 0
        assert pictures[0].read_bytes().startswith(begins) and pictures[0].read_bytes() == pictures[1].read_bytes()
    svg = [Path(f"{x}.svg") for x in ("time", "updates", "env_steps", "communications")]
    for picture in svg:
        assert main(["plot", "results/one", "--x", picture.stem, "--y", "gradient_norm", "-o", str(picture)]) == 0
    assert len({picture.read_bytes() for picture in svg}) == 4


def test_what_is_reached_has_points_with_names_of_both_runs(ran):
    pictures = [Path(f"{y}.svg") for y in ("final", "area")]
    for picture in pictures:
        command = ["plot", "results/one", "results/two", "--y", picture.stem, "-o", str(picture)]
        assert main(command) == 0
    assert pictures[0].read_bytes() != pictures[1].read_bytes()
    measured = results.load_per_seed("results/one")
    figure = figures.reached(measured, {}, "final")
    drawn = [line.get_ydata()[0] for line in figure.axes[0].get_lines() if line.get_markersize() == 7]
    assert drawn[:2] == pytest.approx(measured.groupby("method", sort=False)["final"].mean().tolist())


def test_fonts_are_embedded(ran):
    assert main(["plot", "results/one", "-o", "a.pdf"]) == 0 and main(["plot", "results/one", "-o", "a.svg"]) == 0
    assert b"/FontFile2" in Path("a.pdf").read_bytes()
    assert "<text" not in Path("a.svg").read_text() and "#DejaVuSans" in Path("a.svg").read_text()  # as paths


def test_what_cannot_be_drawn_gets_one_line(ran, capsys):
    capsys.readouterr()
    for arguments, words in (
        (["none"], "none: no run was saved here"),
        (["results/one", "-o", "a.txt"], "a.txt: give a file name that ends in .png or .svg or .pdf"),
        (["results/one", "--x", "colour"], "colour"),
    ):
        assert words in complaint(capsys, "plot", *arguments)
