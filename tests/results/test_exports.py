"""Curves as pandas and TensorBoard read them."""

import struct
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from asyncsim import results
from asyncsim.cli import main
from asyncsim.experiment import tuned

ROOT = Path(__file__).parents[2]


def test_pandas_reads_results_by_one_call():
    path = ROOT / "results" / "quickstart"
    pd.testing.assert_frame_equal(pd.read_csv(path / "curves.csv"), results.load_curves(path), check_dtype=False)


def events(path):
    from tensorboardX.proto.event_pb2 import Event

    content, found = path.read_bytes(), []
    while content:  # length, its checksum, an event, its checksum
        (length,) = struct.unpack("<Q", content[:8])
        found.append(Event.FromString(content[12 : 12 + length]))
        content = content[16 + length :]
    return found


@pytest.mark.skipif(find_spec("tensorboardX") is None, reason="needs the extra tensorboard")
def test_every_lane_is_a_run_of_its_own_with_the_same_numbers(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command = ["export", f"{ROOT / 'results' / 'quickstart'}", "--to", "tensorboard", "-o", "out"]
    assert main(command) == 0
    curves = tuned(results.load_curves(ROOT / "results" / "quickstart"))
    paths = sorted(Path("out").rglob("events.out.tfevents.*"))
    assert len(paths) == len(curves.groupby(["method", "seed"])) and "wrote:\n  out/1-" in capsys.readouterr().out
    lane = curves.query("method == 'rennala_nigt' and seed == 1").sort_values("update")
    (path,) = (path for path in paths if path.parts[-3:-1] == ("1-rennala_nigt", "seed-1"))
    first, *rest = events(path)
    assert first.file_version == "brain.Event:2"
    assert [event.step for event in rest] == lane["update"].tolist()
    assert [event.wall_time for event in rest] == lane["time"].tolist()
    returns = [value.simple_value for event in rest for value in event.summary.value if value.tag == "return"]
    assert returns == pytest.approx(lane["eval_return"].tolist(), rel=1e-6)

    before = {path: path.read_bytes() for path in paths}
    assert main(command) == 0
    assert {path: path.read_bytes() for path in paths} == before


@pytest.mark.skipif(find_spec("tensorboardX") is None, reason="needs the extra tensorboard")
def test_what_is_there_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    curves = results.load_curves(ROOT / "results" / "quickstart").assign(method="../[/b]").query("step_size == 0.0625")
    with pytest.raises(FileExistsError, match="mine.txt"):
        results.save_tensorboard(tmp_path, curves)
    (path, *_) = results.save_tensorboard(tmp_path / "new", curves)
    assert path.parts[-3] == "1-..___b_" and path.exists()
