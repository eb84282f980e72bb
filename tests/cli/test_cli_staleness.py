"""``asyncsim staleness``."""

import pytest

from asyncsim.cli import main

LOG = "start,finish,tokens\n" + "".join(f"{k},{k + 0.5 + 0.1 * (3 + 7 * k % 11)},{3 + 7 * k % 11}\n" for k in range(24))
SCENARIO = """
title = "caps"
seeds = [0]
step_sizes = [1.0]
problem = {kind = "quadratic"}
stop = {updates = 10}
sweep = {"cluster.update_seconds" = [0.5, 2.0]}
[cluster]
workers = 4
[cluster.compute]
distribution = "rollout"
lengths = {distribution = "lognormal", mean = 9, sigma = 1}
seconds_per_token = 0.1
[methods.synchronous_pg]
[methods.paced_pg]
batch_size = 4
max_age = 1
"""


@pytest.fixture
def log(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.csv").write_text(LOG)
    return ["staleness", "log.csv", "--workers", "4", "--caps", "0,1,2"]


def test_a_log_goes_from_csv_to_a_sentence(log, tmp_path, capsys):
    assert main([*log, "--update-seconds", "1", "-o", "out"]) == 0
    said = capsys.readouterr().out
    assert "paced_pg: a cap of" in said and "streaming_pg: a cap of" in said and "one_step_off_pg" in said
    assert "wrote:\n  out/sentences.txt" in said
    for line in (tmp_path / "out" / "sentences.txt").read_text().splitlines():
        assert line in said
    assert main([*log, "--update-seconds", "1", "-o", "out"]) == 0
    assert "replaced the same scenario's results" in capsys.readouterr().out
    assert main([*log, "--update-seconds", "2", "-o", "out"]) == 2
    assert "holds another scenario's results" in capsys.readouterr().err


def test_a_scenario_goes_at_all_points_of_its_sweep(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.toml").write_text(SCENARIO)
    assert main(["staleness", "x.toml", "--set", "stop.updates=5"]) == 0
    said = capsys.readouterr().out
    assert said.count("paced_pg") == 2 == said.count("synchronous_pg") and "update_seconds" in said
    assert [*tmp_path.iterdir()] == [tmp_path / "x.toml"]


@pytest.mark.parametrize(
    "more, line",
    [
        ([], "give --update-seconds"),
        (["--update-seconds", "1", "--caps", "0,many"], "caps='0,many' is no list of numbers"),
        (["--update-seconds", "1", "--workers", "99"], "24 rollouts are recorded for 99 workers"),
        (["--update-seconds", "1", "--slot-speeds", "1,0.5,0.2"], "slot_speeds has 3 speeds"),
    ],
)
def test_what_is_wrong_is_one_line(log, more, line, tmp_path, capsys):
    assert main([*log, *more, "-o", "out"]) == 2
    error = capsys.readouterr().err
    assert line in error and error.count("\n") == 1 and not (tmp_path / "out").exists()
