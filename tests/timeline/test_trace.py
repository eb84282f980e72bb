"""What Perfetto is given follows the Trace Event format and holds the timeline."""

import json
from collections import Counter, defaultdict

import numpy as np
import pytest

from asyncsim import Cluster, rules, simulate
from asyncsim.cluster import Exponential, LogNormal, Outage, ParameterServer
from asyncsim.timeline.trace import trace_events
from asyncsim.timeline.usage import worker_totals

REQUIRED = {  # of the phases used here, by the format
    "X": {"name", "cat", "ts", "dur", "pid", "tid"},
    "i": {"name", "cat", "ts", "pid", "tid", "s"},
    "C": {"name", "ts", "pid", "args"},
    "M": {"name", "pid", "args"},
}
METADATA = {"process_name": {"name"}, "thread_name": {"name"}, "thread_sort_index": {"sort_index"}}

TIMELINES = {
    "rennala": simulate(
        rules.Rennala(4), Cluster([1.0, 2.0, 3.0], 0.5, outages={2: Outage(5.0, 9.0)}), updates=6, stale="finish"
    ),
    "malenia": simulate(rules.Malenia(5), Cluster([LogNormal(1.0, 0.5)] * 3, 0.3), until=20.0),
    "greedy": simulate(rules.Greedy(), Cluster([1.0, 2.0, np.pi], [0.1, 1 / 3, 0.7]), until=31.7),
    "ringmaster": simulate(rules.Ringmaster(3, cancel=True), Cluster([0.1, 1.0], 0.25), updates=40),
    "ringleader": simulate(rules.Ringleader(), Cluster([1.0, 2.5]), updates=20),
    "queue": simulate(rules.FedBuff(3), Cluster([Exponential(1.0)] * 8, ParameterServer(0.0, 16.0, 1)), until=15.0),
    "nothing": simulate(rules.Synchronous(), Cluster([1.0, 2.0]), until=0.5),
}


def valid(trace):
    """The rules of the format, and that it is JSON."""
    assert json.loads(json.dumps(trace, allow_nan=False)) == trace
    assert set(trace) == {"traceEvents", "displayTimeUnit"} and trace["displayTimeUnit"] in ("ms", "ns")
    threads, named = defaultdict(list), set()
    for event in trace["traceEvents"]:
        assert REQUIRED[event["ph"]] <= set(event) <= REQUIRED[event["ph"]] | {"ph", "args", "tid"}
        assert isinstance(event["pid"], int) and isinstance(event["tid"], int)
        if event["ph"] == "M":
            assert set(event["args"]) == METADATA[event["name"]]
            if event["name"] == "thread_name":
                named.add((event["pid"], event["tid"]))
            continue
        assert (event["pid"], event["tid"]) in named  # before its first event
        assert isinstance(event["ts"], int) and event["ts"] >= 0
        threads[event["pid"], event["tid"]].append(event)
        if event["ph"] == "i":
            assert event["s"] in ("g", "p", "t")
        if event["ph"] == "C":
            assert all(isinstance(value, int) for value in event["args"].values())
    for events in threads.values():
        stamps = [event["ts"] for event in events]
        assert stamps == sorted(stamps)
        slices = [event for event in events if event["ph"] == "X"]
        assert all(isinstance(event["dur"], int) and event["dur"] >= 0 for event in slices)
        for event, following in zip(slices, slices[1:]):
            assert event["ts"] + event["dur"] <= following["ts"]
    return threads


@pytest.mark.parametrize("name", TIMELINES)
def test_a_trace_is_valid_and_whole(name):
    timeline = TIMELINES[name]
    timeline.verify()
    threads = valid(trace_events(timeline))
    server = threads.pop((1, 0), [])
    events = [event for events in threads.values() for event in events]
    computing = [event for event in events if event["cat"] not in ("communicating", "away")]

    # every job once, on its worker's thread, as long as it was computing
    jobs = timeline.jobs
    assert sorted(event["args"]["job"] for event in computing) == jobs["job"].tolist()
    for event in computing:
        job = jobs.iloc[event["args"]["job"]]
        assert event["tid"] == job["worker"] + 1 and event["name"] == event["cat"] == job["outcome"]
        assert abs(event["ts"] - job["start"] * 1e6) <= 0.5
        assert event["args"] == {key: job[key] for key in ("job", "version", "index", "update", "delay", "weight")}
    seconds = Counter()
    for event in events:
        seconds[event["tid"] - 1, event["cat"]] += event["dur"] / 1e6
    for row in worker_totals(timeline).itertuples():
        near = 1e-5 * (1 + len(events))
        assert abs(seconds[row.worker, "communicating"] - row.communicating) < near
        assert abs(seconds[row.worker, "used"] - row.useful) < near
        assert abs(seconds[row.worker, "cancelled"] + seconds[row.worker, "discarded"] - row.wasted) < near

    # every update once, with its largest delay
    instants = [event for event in server if event["ph"] == "i"]
    assert [event["args"]["update"] for event in instants] == timeline.updates["update"].tolist()
    np.testing.assert_allclose([event["ts"] for event in instants], timeline.updates["time"] * 1e6, atol=0.5)
    counter = [event["args"]["delay"] for event in server if event["ph"] == "C"]
    assert len(counter) == len(instants) and max(counter, default=0) == timeline.max_delay


def test_a_process_for_each_timeline():
    trace = trace_events(*TIMELINES.values())
    valid(trace)
    events = trace["traceEvents"]
    names = {e["pid"]: e["args"]["name"] for e in events if e["name"] == "process_name"}
    assert list(names) == list(range(1, len(TIMELINES) + 1)) and names[1] == "rennala"
    workers = [e["args"]["name"] for e in events if e["name"] == "thread_name" and e["pid"] == 1]
    assert workers == ["server", "worker 0", "worker 1", "worker 2"]


def test_a_cancelled_message_and_a_collective_are_communicating():
    timeline = simulate(rules.Rennala(1, communication="gradient"), Cluster([1.0, 1.5], [1.0, 2.0]), until=2.25)
    told = [(e["name"], e["tid"], e["ts"], e["dur"]) for e in trace_events(timeline)["traceEvents"] if e["ph"] == "X"]
    assert told == [
        ("used", 1, 0, 1_000_000),
        ("communicating", 1, 1_000_000, 1_000_000),
        ("running", 1, 2_000_000, 250_000),
        ("cancelled", 2, 0, 1_500_000),
        ("communicating", 2, 1_500_000, 500_000),
        ("running", 2, 2_000_000, 250_000),
    ]
    timeline = simulate(rules.Synchronous(), Cluster([1.0, 2.0], 0.5), updates=1)
    told = [(e["name"], e["tid"], e["ts"], e["dur"]) for e in trace_events(timeline)["traceEvents"] if e["ph"] == "X"]
    assert told == [
        ("used", 1, 0, 1_000_000),
        ("communicating", 1, 2_000_000, 500_000),
        ("used", 2, 0, 2_000_000),
        ("communicating", 2, 2_000_000, 500_000),
    ]


def test_times_that_are_no_whole_microseconds_do_not_overlap():
    timeline = simulate(rules.Greedy(), Cluster([1e-6 / 3, np.pi * 1e-6], 1e-7), updates=500)
    valid(trace_events(timeline))
