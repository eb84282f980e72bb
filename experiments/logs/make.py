"""Makes the two logs in this folder. They are made, not measured: of clusters that are written down here.

``python experiments/logs/make.py`` writes sacct.txt and ray.json beside this file, the same bytes every time.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

from asyncsim.cluster import ComputeTime, Gamma, LogNormal, Straggling, stream

HERE = Path(__file__).parent
SEED = 1

# Slurm: jobs of some ten minutes on sixteen nodes of two kinds; "b" are older. One node throttles, one becomes slower.
NODES: dict[str, ComputeTime] = {f"gpu-a{k:02}": LogNormal(mean=600.0, sigma=0.12) for k in range(1, 11)}
NODES |= {f"gpu-b{k:02}": LogNormal(mean=930.0, sigma=0.12) for k in range(1, 7)}
NODES["gpu-a07"] = LogNormal(mean=1900.0, sigma=0.2)
DRIFTING, DRIFT = "gpu-b03", 0.8  # of its first jobs' seconds, from the first to the last
JOBS = 54  # of each node
BEGAN = datetime(2026, 3, 2, 8, 0, 0)

# Ray: rollouts of seconds on three nodes with two workers each, and a learner that is on no worker's way.
WORKERS: dict[tuple[str, int], ComputeTime] = {
    (f"10.0.0.{10 + node}", worker): Straggling(mean=2.6, sigma=0.1, probability=0.08, slowdown=4.0)
    for node in range(2)
    for worker in range(2)
}
WORKERS |= {("10.0.0.12", worker): Gamma(mean=3.8, shape=12.0) for worker in range(2)}
TASKS = 75  # of each worker


def sacct() -> str:
    """Lines as of ``sacct --allocations --parsable2 --format=JobID,JobName,NodeList,State,Start,End,Elapsed``."""
    lines = []
    for k, (node, time) in enumerate(NODES.items()):
        now, rest = BEGAN, stream(SEED, k, 4)
        for job, seconds in enumerate(time.draw(stream(SEED, k), JOBS)):
            if node == DRIFTING:
                seconds *= 1 + DRIFT * job / (JOBS - 1)
            state, luck = "COMPLETED", rest.random()
            if luck < 0.04:  # ends early
                state, seconds = ("FAILED", "CANCELLED by 1004")[luck < 0.02], seconds * rest.random()
            end = now + timedelta(seconds=round(seconds))
            lines.append((now, node, state, end))
            now = end + timedelta(seconds=2 + round(8 * rest.random()))
        lines.append((now, node, "RUNNING", None))
    for hours in (3, 7):  # a job of another user's, on two nodes
        began = BEGAN + timedelta(hours=hours)
        lines.append((began, "gpu-a[01-02]", "COMPLETED", began + timedelta(days=1, minutes=5)))
    lines.sort(key=lambda line: line[:2])
    rows = ["JobID|JobName|NodeList|State|Start|End|Elapsed"]
    for number, (start, node, state, end) in enumerate(lines, 48210):
        name = "pretrain" if "[" in node else "rollouts"
        elapsed = _elapsed((end or lines[-1][0]) - start)
        until = end.isoformat() if end else "Unknown"
        rows.append(f"{number}|{name}|{node}|{state}|{start.isoformat()}|{until}|{elapsed}")
    return "\n".join(rows) + "\n"


def _elapsed(duration: timedelta) -> str:
    minutes, seconds = divmod(duration.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days = f"{duration.days}-" if duration.days else ""
    return f"{days}{hours:02}:{minutes:02}:{seconds:02}"


def timeline() -> list[dict]:
    """Events as of ``ray timeline``: a slice for every task, with one for its execution inside."""
    hosts = sorted({host for host, _ in WORKERS} | {"10.0.0.2"})
    events: list[dict] = []

    def track(host, tid, seconds, task):
        pid, now = hosts.index(host), 2_000_000
        name = f"worker:{stream(SEED, tid, 5).bytes(6).hex()}"
        events.append({"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": name}})
        for k, length in enumerate(seconds):
            length = round(1e6 * length)
            on = {"ph": "X", "pid": pid, "tid": tid}
            arguments = {"task_id": f"{tid:02x}{k:06x}"}
            events.append(
                {"cat": f"task::{task}", "name": f"task::{task}", "ts": now, "dur": length, **on, "args": arguments}
            )
            events.append({"cat": "task:execute", "name": "task:execute", "ts": now + 400, "dur": length - 900, **on})
            now += length + 1500

    for host in hosts:
        name = {"name": f"Node {host}"}
        events.append({"ph": "M", "name": "process_name", "pid": hosts.index(host), "args": name})
    for tid, ((host, _), time) in enumerate(WORKERS.items()):
        track(host, tid, time.draw(stream(SEED, tid), TASKS), "rollout")
    track("10.0.0.2", len(WORKERS), LogNormal(0.4, 0.05).draw(stream(SEED, len(WORKERS)), TASKS), "learn")
    return events


def write() -> None:
    """Both files."""
    (HERE / "sacct.txt").write_text(sacct(), encoding="utf-8")
    lines = ",\n".join(json.dumps(event, separators=(",", ":")) for event in timeline())
    (HERE / "ray.json").write_text(f"[{lines}]\n", encoding="utf-8")


if __name__ == "__main__":
    write()
