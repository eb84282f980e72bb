"""Logs of each format are read as their samples mean, and what is wrong with one is told in a line."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from asyncsim import Cluster, rules, simulate
from asyncsim.logs import FORMATS, LogError, Reading, parse_log, read_log, read_logs
from asyncsim.timeline.trace import trace_events

SAMPLES = Path(__file__).parent / "samples"


def told(log):
    """By worker: its seconds, and its starts."""
    return {
        worker.name: (worker.seconds.tolist(), None if worker.starts is None else worker.starts.tolist())
        for worker in log.workers
    }


# name, what is asked for, the format, the workers, what is left out
READ = [
    (
        "hosts.csv",
        {},
        "csv",
        {"node2": ([1.5, 1.25], [0.0, 2.0]), "node10": ([2.000001], [0.25])},
        {"without finish": 1},
    ),
    (
        "durations.csv",
        {},
        "csv",
        {"0": ([0.0125, 0.013], None), "1": ([0.031], None)},
        {"took no time by this clock": 1},
    ),
    (
        "sacct.txt",
        {},
        "slurm",
        {"node01": ([100.0, 59.5], [0.0, 300.0]), "node02": ([93784.0], [10.0])},
        {"steps of jobs": 2, "cancelled": 1, "on several nodes": 1, "pending": 1, "timeout": 1, "running": 1},
    ),
    (
        "ray.json",
        {},
        "ray",
        {"Node 10.0.0.1, worker:0a": ([1.0], [0.0]), "Node 10.0.0.1, worker:0b": ([2.5], [0.0])}
        | {"Node 10.0.0.2": ([3.0], [1.0])},
        {},
    ),
    ("pytorch.json", {}, "pytorch", {"rank 3": ([0.05200025, 0.048], [0.0, 0.0520005])}, {}),
    ("pytorch.json", {"event": "aten::*"}, "pytorch", {"rank 3": ([0.00012], [0.0])}, {}),
    (
        "chrome.json",
        {"event": "frame *"},
        "chrome",
        {"process 8": ([8e-6], [40e-6]), "render, left": ([20e-6], [0.0]), "render, thread 2": ([5e-6], [30e-6])},
        {"inside another job": 1, "not ended": 2},
    ),
    ("chrome.json", {"event": "draw"}, "chrome", {"render": ([8e-6], [0.0])}, {"not ended": 2}),
]


@pytest.mark.parametrize("name, asked, format, workers, left_out", READ, ids=lambda value: value if value else "")
def test_a_sample_of_each_format(name, asked, format, workers, left_out):
    log = read_log(SAMPLES / name, Reading(**asked))
    assert log.format == format and dict(log.left_out) == left_out
    found = told(log)
    assert list(found) == list(workers)  # in the order of their names, by the numbers in them
    for worker, (seconds, starts) in workers.items():
        assert found[worker][0] == pytest.approx(seconds, rel=1e-9)
        assert found[worker][1] == (None if starts is None else pytest.approx(starts, abs=3e-7))
    assert log.jobs == sum(len(seconds) for seconds, _ in workers.values())
    assert told(read_log(SAMPLES / name, Reading(**asked), format)) == found


def test_what_was_taken_for_what_is_said():
    assert read_log(SAMPLES / "hosts.csv").read_as == "worker = 'host', start = 'start_time', finish = 'end_time'"
    assert read_log(SAMPLES / "durations.csv").read_as == "worker = 'Rank', duration = 'Step Time (ms)' in ms"


def test_the_format_may_be_given():
    assert told(parse_log(b"[a],seconds\nx,1\n", Reading(worker="[a]"), "csv")) == {"x": ([1.0], None)}
    trace = read_log(SAMPLES / "pytorch.json", Reading(event="ProfilerStep#*"), "chrome")
    assert list(told(trace)) == ["process 0", "python"]  # the accelerator's, too


@pytest.mark.parametrize(
    "text, asked, seconds",
    [
        ("host,seconds\na,2\n", {}, 2.0),
        ("host,seconds\na,2\n", {"unit": "ms"}, 0.002),
        ("host\tduration_us\na\t2e3\n", {}, 0.002),
        ("host,stepTimeMs\na,2\n", {}, 0.002),
        ("host,elapsed (min)\na,2\n", {}, 120.0),
        ("\ufeffa,b\r\nx,1\r\n", {"worker": "a", "duration": "b", "unit": "h"}, 3600.0),
        ("node,start_ns,end_ns\na,1772366400000000001,1772366400000000004\n", {}, 3e-9),
        ("node,start,end,duration\na,0,5,3\n", {}, 3.0),
        ("node,start,end,duration\na,0,5,3\n", {"start": "start", "finish": "end"}, 5.0),
        ("node,start,stop\na,2026-03-01 12:00:00,2026-03-01T12:00:00.000001\n", {"unit": "ms"}, 1e-6),
        ('"host","seconds"\n"a, ""b""","2"\n', {}, 2.0),
    ],
)
def test_columns_and_units(text, asked, seconds):
    ((found, _),) = told(parse_log(text.encode(), Reading(**asked))).values()
    assert found == [pytest.approx(seconds, rel=1e-12)]


SLURM = "JobID|NodeList|State|Elapsed\n"
EVENT = '{"ph": "X", "name": "a", "pid": 1, "tid": 1, "ts": 1, "dur": 2}'
WRONG = [
    ("", {}, "empty: give"),
    (" \n\n", {}, "empty: give"),
    (b"\xff\xfe\x00", {}, "no text: give"),
    (b"\x1f\x8b\x08", {}, "a compressed file: unpack"),
    (",,\n,,\n", {}, "a table without a word in it: give"),
    ("seconds\n1\n", {}, "one column, 'seconds': give"),
    ("host,seconds\n", {}, "no job is left (the log has none): give"),
    ("host,seconds\na,0\na,\n", {}, "no job is left (1 without duration, 1 took no time"),
    ("host,seconds\na,1\nb,-2\n", {}, "row 3: seconds='-2' is no duration: give"),
    ("host,seconds\na,nan\n", {}, "row 2: seconds='nan' is no finite number: give"),
    ("host,seconds\na,1_0\n", {}, "row 2: seconds='1_0' is no finite number"),
    ("host,seconds\na,1e300\n", {}, "a job of 'a' takes 1e+300 s: give"),
    ("host,seconds\na,1e999999999\n", {}, "row 2: seconds='1e999999999' is no finite number"),
    ("host,start,end\na,5,4\n", {}, "row 2: end='4' is before start='5': give"),
    ("host,start,end\na,2026-13-01T00:00:00,4\n", {}, "row 2: start='2026-13-01T00:00:00' is no date: give"),
    ("host,seconds\na,1,2\n", {}, "row 2: 3 fields under a header of 2: give"),
    ('host,seconds\n"a,1\n', {}, "row 2: not CSV"),
    ("a,b\n1,2\n", {}, "no column of durations, nor of starts and finishes, among 'a', 'b': name"),
    ("a,seconds\n1,2\n", {}, "no column of workers among 'a', 'seconds': name it with --worker-column"),
    ("host,seconds,seconds\na,1,2\n", {}, "2 columns 'seconds': give one"),
    ("host,seconds\na,1\n", {"worker": "hots"}, "worker='hots' is no column: did you mean 'host'?"),
    ("host,seconds\na,1\n", {"unit": "sec"}, "unit='sec' is unknown: "),
    ("host,seconds\na,1\n", {"event": "x"}, "event='x' is not for a log of format 'csv': leave it out"),
    (SLURM + "1|a|COMPLETED\n", {}, "row 2: 3 fields under a header of 4: give"),
    (SLURM + "1|a|COMPLETED|soon\n", {}, "row 2: Elapsed='soon' is no duration: give"),
    (SLURM + "1|a|COMPLETED|-00:01\n", {}, "row 2: Elapsed='-00:01' is no duration: give"),
    (SLURM + "1|a|FAILED|00:01:00\n", {}, "no job is left (1 failed): give"),
    ("JobID|State|Elapsed\n1|COMPLETED|00:01\n", {}, "row 1: no column 'NodeList' among 'JobID', "),
    (
        "NodeList|Start|End\na|2026-03-01T12:00:01|2026-03-01T12:00:00\n",
        {},
        "row 2: End='2026-03-01T12:00:00' is before",
    ),
    ("{", {}, "not JSON ("),
    ('[cluster]\ncompute = "equal"\n', {}, "not JSON ("),
    ("[" * 100_000, {}, "JSON that is nested too deeply: give"),
    ('{"a":' * 100_000, {}, "JSON that is nested too deeply: give"),
    ("[1" + "0" * 5000 + "]", {}, "not JSON ("),
    ("{}", {}, "JSON without an array 'traceEvents': give"),
    ('{"traceEvents": {}}', {}, "JSON without an array 'traceEvents': give"),
    ("[]", {}, "a trace without a slice that has ended: give"),
    ("[3]", {}, "traceEvents[0]: 3 is no event: give"),
    (f"[{EVENT.replace('2', 'NaN')}]", {}, "traceEvents[0]: dur=nan is no time: give"),
    (f"[{EVENT.replace('2', '-2')}]", {}, "traceEvents[0]: dur=-2 is no duration: give"),
    (f"[{EVENT.replace('2', 'null')}]", {}, "traceEvents[0]: dur=None is no time: give"),
    (f"[{EVENT.replace('2', '1' + '0' * 400)}]", {}, "traceEvents[0]: dur=1000"),
    (
        f"[{EVENT}, {EVENT.replace('a', 'b').replace('nbme', 'name')}]",
        {},
        "events of several names, 'a' (1), 'b' (1): say which are jobs with",
    ),
    (f"[{EVENT}]", {"event": "b*"}, "event='b*' is the name of none: there are 'a' (1)"),
    (f"[{EVENT}]", {"unit": "ms"}, "unit='ms' is not for a log of format 'chrome': leave it out"),
    (
        '[{"ph": "B", "name": "a", "ts": 5}, {"ph": "E", "ts": 4}]',
        {},
        "traceEvents[1]: ts=4 ends 'a' before it began: give",
    ),
]


@pytest.mark.parametrize("content, asked, line", WRONG, ids=[line[:40] for *_, line in WRONG])
def test_what_is_wrong_is_told_in_a_line(content, asked, line):
    with pytest.raises(LogError) as error:
        parse_log(content if isinstance(content, bytes) else content.encode(), Reading(**asked))
    assert str(error.value).startswith(line) and "\n" not in str(error.value) and len(str(error.value)) < 400


@pytest.mark.parametrize("format", FORMATS)
def test_another_format_than_that_of_the_file_is_told(format):
    for name in ("hosts.csv", "sacct.txt", "chrome.json"):
        if (format, name) not in (("csv", "hosts.csv"), ("slurm", "sacct.txt"), ("chrome", "chrome.json")):
            with pytest.raises(LogError, match=f"{name}: "):
                read_log(SAMPLES / name, format=format)
    with pytest.raises(LogError, match="format='xml' is unknown: known: csv, slurm"):
        read_log(SAMPLES / "hosts.csv", format="xml")


def test_names_are_text():
    log = parse_log(b'host,seconds\n"a\nb\x1b[31m",1\n' + b"x" * 200 + b",2\n")
    names = list(told(log))
    assert names[0] == "a\ufffdb\ufffd[31m" and len(names[1]) == 80 and names[1].endswith("…")


def test_a_trace_of_our_own_and_its_jobs_are_read(tmp_path):
    cluster = Cluster([1.0, 2.5, 40.0], communication=0.5)
    timeline = simulate(rules.Rennala(4), cluster, updates=5)
    log = parse_log(json.dumps(trace_events(timeline)).encode())
    assert log.format == "asyncsim" and list(told(log)) == ["worker 0", "worker 1"]
    np.testing.assert_allclose(log.workers[0].seconds, 1.0, atol=2e-6)
    np.testing.assert_allclose(log.workers[1].seconds, 2.5, atol=2e-6)
    counts = timeline.counts()
    assert log.jobs == counts["used"] + counts["discarded"]
    assert sum(log.left_out.values()) == counts["cancelled"] + counts["running"]

    jobs = timeline.jobs.copy()
    jobs.insert(0, "method", "a")  # as `results.save_timelines` writes it
    table = parse_log(jobs.to_csv(index=False).encode())
    assert table.format == "asyncsim" and table.jobs == log.jobs and dict(table.left_out) == dict(log.left_out)
    np.testing.assert_allclose(table.workers[1].seconds, 2.5)
    np.testing.assert_allclose(table.workers[1].starts, log.workers[1].starts, atol=2e-6)

    for several in (json.dumps(trace_events(timeline, timeline)), 2 * timeline.jobs.to_csv(index=False)):
        with pytest.raises(LogError, match="give those of one: asyncsim simulate SCENARIO --method NAME"):
            parse_log(several.encode())


BITS = (b'"', b",", b"|", b"\n", b"null", b"-1", b"1e400", b"NaN", b"{}", b"\x00", b"\xff", b"true", b";", b"\r", b"T")


def test_broken_logs_are_told_in_a_line():
    """Samples in which something was replaced are logs, or are not; nothing else happens."""
    rng = random.Random(0)
    samples = [path.read_bytes() for path in sorted(SAMPLES.iterdir())]
    told = 0
    for _ in range(600):
        content = bytearray(rng.choice(samples))
        for _ in range(rng.randint(1, 4)):
            k = rng.randrange(len(content))
            content[k : k + rng.choice((0, 1, 3, 20))] = rng.choice(BITS)
        try:
            parse_log(bytes(content), Reading(event=rng.choice((None, "*"))), rng.choice((None, None, *FORMATS)))
        except LogError as error:
            told += 1
            assert "\n" not in str(error) and len(str(error)) < 900
    assert told > 300


def test_several_files_are_one_log(tmp_path):
    for name, first in (("mon.csv", 10), ("sun.csv", 0)):
        (tmp_path / name).write_text(f"host,start,finish\na,{first},{first + 1}\nb,{first},{first + 2}\n")
    log = read_logs([tmp_path / "mon.csv", tmp_path / "sun.csv"])
    assert told(log) == {"a": ([1.0, 1.0], [0.0, 10.0]), "b": ([2.0, 2.0], [0.0, 10.0])} and log.began == 0
    traces = [tmp_path / "one.json", tmp_path / "two.json"]
    for path in traces:
        path.write_text(f"[{EVENT}]")
    assert list(told(read_logs(traces))) == ["process 1, one.json", "process 1, two.json"]
