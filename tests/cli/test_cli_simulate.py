"""`asyncsim simulate`: what happened, without training."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from commands import COMMAND, TINY, complaint, files

from asyncsim import results
from asyncsim.cli import main
from asyncsim.scenario import load
from asyncsim.timeline.usage import run_totals


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny.toml").write_text(TINY.replace("updates = 3", "until = 9.0"))
    return tmp_path


def test_a_row_per_method(here, capsys):
    before = files(here)
    assert main(["simulate", "tiny.toml"]) == 0
    said = capsys.readouterr()
    assert said.err == "" and files(here) == before and "tiny" in said.out
    scenario = load("tiny.toml")
    for label in ("rennala_nigt", "afedpg"):
        whole = run_totals(scenario.simulate(label))
        row = next(line for line in said.out.splitlines() if line.startswith(label)).split()
        assert row == [
            label,
            f"{whole['updates']}",
            *("9", "s", f"{whole['seconds_per_update']:.4g}", "s"),
            *(f"{whole[key]}" for key in ("used", "cancelled", "discarded")),
            *(f"{100 * whole[key]:.1f}%" for key in ("utilisation", "wasted_share")),
            *(f"{whole['mean_delay']:.1f}", f"{whole['max_delay']}", f"{whole['communications']}"),
        ]


def test_it_needs_no_jax(here):
    code = (
        "import sys; from asyncsim.cli import main; assert main(['simulate', 'tiny.toml']) == 0;"
        "assert 'matplotlib' not in sys.modules;"
        "assert main(['simulate', 'tiny.toml', '--trace', 't.json', '--output', 'out']) == 0;"
        "assert 'jax' not in sys.modules and 'simpy' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert Path("t.json").exists() and len(list(Path("out").iterdir())) == 11


def test_a_trace_has_a_process_per_method(here, capsys):
    assert main(["simulate", "tiny.toml", "--trace", "t.json"]) == 0
    assert capsys.readouterr().out.endswith("wrote:\n  t.json\n")
    events = json.loads(Path("t.json").read_text())["traceEvents"]
    names = {event["pid"]: event["args"]["name"] for event in events if event["name"] == "process_name"}
    assert names == {1: "rennala_nigt", 2: "afedpg"}
    before = Path("t.json").read_bytes()
    assert main(["simulate", "tiny.toml", "--trace", "t.json"]) == 0
    assert capsys.readouterr().out.endswith("replaced:\n  t.json\n") and Path("t.json").read_bytes() == before
    assert main(["simulate", "tiny.toml", "--method", "afedpg", "--trace", "t.json"]) == 0
    assert {event["pid"] for event in json.loads(Path("t.json").read_text())["traceEvents"]} == {1}


def test_a_trace_replaces_traces_only(here, capsys):
    assert main(["simulate", "tiny.toml", "--output", "out"]) == 0
    capsys.readouterr()
    arguments = ["simulate", "tiny.toml", "--trace", "out/settings.json"]
    assert "out/settings.json is there and is no trace: give --force" in complaint(capsys, *arguments)
    assert main([*arguments, "--force"]) == 0
    assert capsys.readouterr().out.endswith("\nreplaced what was no trace:\n  out/settings.json\n")
    assert main(arguments) == 0
    assert capsys.readouterr().out.endswith("\nreplaced:\n  out/settings.json\n")


def test_what_is_written(here, capsys):
    assert main(["simulate", "tiny.toml", "--output", "out"]) == 0
    names = ["gantt-1-rennala_nigt", "gantt-2-afedpg", "utilisation", "delays"]
    written = [
        "settings.json",
        "jobs.csv",
        "updates.csv",
        *(f"{name}.{kind}" for name in names for kind in ("png", "svg")),
    ]
    assert sorted(path.name for path in Path("out").iterdir()) == sorted(written)
    assert capsys.readouterr().out.endswith("wrote:\n" + "".join(f"  out/{name}\n" for name in sorted(written)))
    scenario = load("tiny.toml")
    jobs, updates = pd.read_csv("out/jobs.csv"), pd.read_csv("out/updates.csv")
    for label in scenario.methods:
        timeline = scenario.simulate(label)
        own = jobs[jobs["method"] == label].drop(columns="method").reset_index(drop=True)
        pd.testing.assert_frame_equal(own, timeline.jobs.astype({"outcome": own["outcome"].dtype}))
        own = updates[updates["method"] == label].drop(columns="method").reset_index(drop=True)
        pd.testing.assert_frame_equal(own, timeline.updates)
    record = results.load_settings("out")
    assert record["scenario"]["title"] == "tiny"
    assert set(record["versions"]) == {"python", "asyncsim", "simpy", "numpy", "scipy", "pandas", "matplotlib"}

    before = files(here)
    assert main(["simulate", "tiny.toml", "--output", "out"]) == 0
    assert "replaced the same scenario's results:" in capsys.readouterr().out and files(here) == before
    arguments = ["simulate", "tiny.toml", "--method", "afedpg", "--output", "out"]
    assert "out holds another scenario's results: give --force" in complaint(capsys, *arguments)
    assert main([*arguments, "--force"]) == 0
    assert set(pd.read_csv("out/jobs.csv")["method"]) == {"afedpg"} and not Path("out/gantt-2-afedpg.png").exists()


def test_a_label_may_hold_anything(here):
    text = Path("tiny.toml").read_text().replace("[methods.afedpg]", '[methods."a/b c"]\nmethod = "afedpg"')
    Path("tiny.toml").write_text(text)
    assert main(["simulate", "tiny.toml", "--output", "out"]) == 0
    assert Path("out/gantt-2-a_b_c.png").exists()


def test_no_run_is_lost_where_two_have_one_name(here):
    """A label may read like another one with a value."""
    files = ["r.csv", "s.csv, recording r.csv"]
    for name in files:
        Path(name).write_text("worker,seconds\n0,1.0\n1,1.0\n2,1.0\n")
    text = Path("tiny.toml").read_text()
    text = text.replace("[methods.afedpg]", '[methods."a, recording s.csv"]\nmethod = "afedpg"')
    text = text.replace("[methods.rennala_nigt]\nbatch_size = 4", '[methods.a]\nmethod = "afedpg"')
    text += f"[sweep]\ncluster.compute.recording = {files}\n"
    Path("tiny.toml").write_text(text.replace('compute = "sqrt"', 'compute = {recording = "r.csv"}'))
    assert main(["simulate", "tiny.toml", "--output", "out", "--trace", "t.json"]) == 0
    runs = pd.read_csv("out/jobs.csv")[["recording", "method"]].drop_duplicates()
    assert len(runs) == len(list(Path("out").glob("gantt-*.png"))) == 4
    events = json.loads(Path("t.json").read_text())["traceEvents"]
    assert len({event["args"]["name"] for event in events if event["name"] == "process_name"}) == 4


def test_a_run_that_stalls_says_so(here, capsys):
    scenario = load("tiny.toml")
    assert scenario.simulate("afedpg").ending == "until"
    text = Path("tiny.toml").read_text().replace('"sqrt"', "[1.0, inf, inf]")
    Path("tiny.toml").write_text(text)
    assert main(["simulate", "tiny.toml", "--method", "rennala_nigt"]) == 0
    assert " 9 s " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.toml"], ["none.toml: no such file"]),
        (["tiny.toml", "--method", "rennala"], ["tiny.toml: method='rennala'", "did you mean 'rennala_nigt'?"]),
        (["tiny.toml", "--trace", "none/t.json"], ["none/t.json: there is no directory 'none'", "make it"]),
        (["tiny.toml", "--trace", "tiny.toml"], ["tiny.toml: give a file name that ends in .json"]),
        (["tiny.toml", "--trace", "d.json"], ["d.json is a directory: give a file name"]),
        (["tiny.toml", "--trace", "none/t.json", "--output", "out"], ["none/t.json"]),
        (["tiny.toml", "--trace", "t.json", "--output", "."], [". holds", "--output"]),
        (["tiny.toml", "--output", "tiny.toml"], ["'tiny.toml' is a file", "--output"]),
        (["tiny.toml", "--preset", "quick"], ["preset='quick' is not in this file"]),
        (["tiny.toml", "--trase", "t.json"], ["--trase", "--trace"]),
        ([], ["Missing argument 'scenario'"]),
    ],
)
def test_bad_commands_get_one_line(here, capsys, arguments, words):
    Path("d.json").mkdir()
    line = complaint(capsys, "simulate", *arguments)
    assert all(word in line for word in words), line


def test_the_exit_status_of_the_process(here):
    bad = subprocess.run([*COMMAND, "simulate", "tiny.toml", "--trace", "none/t.json"], capture_output=True, text=True)
    assert bad.returncode == 2 and bad.stdout == "" and bad.stderr.count("\n") == 1


def test_a_sweep_is_simulated_at_every_point(here, capsys):
    text = Path("tiny.toml").read_text() + "\n[sweep]\ncluster.communication = [0.0, 0.25]\n"
    Path("tiny.toml").write_text(text)
    assert main(["simulate", "tiny.toml", "--trace", "t.json", "--output", "out"]) == 0
    said = capsys.readouterr().out
    names = [f"{label}, communication {kappa}" for kappa in (0.0, 0.25) for label in ("rennala_nigt", "afedpg")]
    assert all(said.count(f"\n{label}, ") == 2 for label in ("rennala_nigt", "afedpg")) and "communication 0.25" in said
    events = json.loads(Path("t.json").read_text())["traceEvents"]
    assert [event["args"]["name"] for event in events if event["name"] == "process_name"] == names
    updates = pd.read_csv("out/updates.csv")
    assert list(updates.columns[:3]) == ["communication", "method", "update"]
    for (kappa, label), rows in updates.groupby(["communication", "method"]):
        (point,) = (point for values, point in load("tiny.toml").points if values["communication"] == kappa)
        assert rows["time"].tolist() == point.simulate(label).updates["time"].tolist()
    assert len(list(Path("out").glob("gantt-*.svg"))) == 4


def test_titles_and_labels_are_text(here, capsys):
    title = "[/b] $$ [n = 10] :warning:"
    text = Path("tiny.toml").read_text().replace('"tiny"', f"'{title}'")
    Path("tiny.toml").write_text(text.replace("[methods.afedpg]", f"[methods.'{title}']\nmethod = 'afedpg'"))
    assert main(["simulate", "tiny.toml", "--output", "out"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].rstrip() == title and sum(line.startswith(f"{title}  ") for line in lines[1:]) == 1
    for path in Path("out").glob("*.svg"):
        ElementTree.parse(path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("batch_size = 4", "batch_size = 100000000", "its first would take 4.4e+07 s; give a smaller batch_size or a "),
        ("communication = 0.5", "communication = 50.0", "its first would take 52 s; give a smaller batch_size or a "),
        ('"sqrt"', "[inf, inf, inf]", "none can come, for it waits for workers that never finish; give them a finite "),
        (
            "[problem]",
            "[[cluster.outages]]\nworker = 0\ndown = 0.25\nup = 99.0\n[problem]",
            "how long its first would take is not known; give a smaller batch_size or a longer stop.until",
        ),
    ],
)
def test_what_made_no_update_is_said(here, capsys, old, new, words):
    text = Path("tiny.toml").read_text()
    assert text.count(old) == 1
    text = text.replace("communication = 0.5", "communication = 50.0") if "outages" in new else text
    Path("tiny.toml").write_text(text.replace(old, new))
    assert main(["simulate", "tiny.toml", "--method", "rennala_nigt"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "no update" in line)
    assert line.startswith(f"rennala_nigt made no update in 9 s: {words}")


BARE = """
[cluster]
workers = 3
compute = {distribution = "exponential", mean = 2.0}
communication = 0.5
"""


def test_a_cluster_alone_will_do_and_what_was_taken_is_said(here, capsys):
    Path("cluster.toml").write_text(BARE)
    for command, methods in (("simulate", 4), ("bounds", 4 * 2)):  # which has two tables of them
        assert main([command, "cluster.toml"]) == 0
        said = capsys.readouterr().out
        assert "taken: stop.gradients = 300, which is 100 n; the methods synchronous_nigt, rennala_nigt, " in said
        assert sum(line.startswith(("synch", "renn", "mal", "afed")) for line in said.splitlines()) >= methods
    Path("cluster.toml").write_text(BARE + "[stop]\nuntil = 9.0\n[methods.fedbuff_pg]\nbatch_size = 2\n")
    assert main(["simulate", "cluster.toml"]) == 0
    said = capsys.readouterr().out
    assert "taken" not in said and "fedbuff_pg" in said
    scenario = load("cluster.toml", cluster_will_do=True)
    assert list(scenario.methods) == ["fedbuff_pg"] and scenario.settings.stop.until == 9.0


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[cluster]", "[clusters]", "clusters"),
        ("workers = 3", "", "cluster.workers is missing"),
        ("0.5", '{network = "ring", latency = 1.0, bandwidth = 1.0}', "there is no [problem] with a policy: give comm"),
        ("[cluster]", "[stop]\nupdates = 1000000000000\n[cluster]", "stop.updates=1000000000000 makes some 3e+12 jobs"),
    ],
)
def test_what_is_wrong_with_a_cluster_alone_is_one_line(here, capsys, old, new, words):
    Path("cluster.toml").write_text(BARE.replace(old, new))
    assert words in complaint(capsys, "simulate", "cluster.toml")
    assert not Path("out").exists()
