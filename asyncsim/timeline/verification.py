"""What is true of every timeline, whatever the method and the cluster."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from .record import Timeline


def verify(timeline: Timeline) -> None:
    """Check what is true of every run. Raises ValueError that names the first thing that is not, and where.

    The clock never goes back; jobs take what the cluster says, wherever that is a fixed number; nobody does two jobs at
    once, or any while away; jobs are counted per worker and version, and asked for at the newest version; updates use
    gradients that are there, whose weights sum to 1, and delay = update - version >= 0.
    """
    _verify_rows(timeline)
    _verify_times(timeline)
    _verify_server(timeline)
    _verify_workers(timeline)
    _verify_uses(timeline)


def _none(broken: np.ndarray, line: Callable[[int], str]) -> None:
    """Raise a line about the first row that is broken."""
    if broken.any():
        raise ValueError(line(int(broken.argmax())))


def _verify_rows(timeline: Timeline) -> None:
    """Jobs, workers, versions and updates are what they are said to be."""
    jobs, updates, n = timeline.jobs, timeline.updates, timeline.cluster.workers
    rows, rounds = len(jobs), len(updates)
    _none(jobs["job"].to_numpy() != np.arange(rows), lambda k: f"rows: row {k} is job {jobs['job'].iloc[k]}")
    _none(updates["update"].to_numpy() != np.arange(rounds), lambda k: f"rows: row {k} is no update {k}")
    most = math.inf if timeline.cluster.update_seconds else rounds + 1
    if len(timeline.computed) != rows or not rounds <= len(timeline.collected) <= most:
        raise ValueError(
            f"rows: {rows} jobs and {rounds} updates, but computed has {len(timeline.computed)} values and "
            f"collected {len(timeline.collected)}"
        )
    if not rounds <= len(timeline.ready) <= len(timeline.collected):
        raise ValueError(f"rows: {rounds} updates, but ready has {len(timeline.ready)} values")
    worker, version = jobs["worker"].to_numpy(), jobs["version"].to_numpy()
    _none((worker < 0) | (worker >= n), lambda k: f"workers: job {k} is of worker {worker[k]}, of {n} workers")
    _none(
        (version < 0) | (version > rounds),
        lambda k: f"versions: job {k} is asked at version {version[k]}, and there are {rounds} updates",
    )


def _verify_times(timeline: Timeline) -> None:
    """The clock never goes back, and start + duration = finish."""
    jobs, end = timeline.jobs, timeline.end
    start, finish, running = (
        jobs["start"].to_numpy(),
        jobs["finish"].to_numpy(),
        (jobs["outcome"] == "running").to_numpy(),
    )
    _none(
        np.isnan(finish) != running, lambda k: f"clock: job {k} is {jobs['outcome'].iloc[k]}, and ends at {finish[k]}"
    )
    stop = np.where(running, end, finish)
    done = np.where(running & ~(timeline.computed <= end), end, timeline.computed)
    time, ready, collected = timeline.updates["time"].to_numpy(), timeline.ready, timeline.collected
    full = np.append(ready, end)[: len(collected)]  # of a round that was still communicating, the end of the run
    _none(~(start >= 0), lambda k: f"clock: job {k} starts at {start[k]}")
    _none(~(stop <= end), lambda k: f"clock: job {k} ends at {stop[k]}, after the run at {end}")
    _none(~(np.diff(stop) >= 0), lambda k: f"clock: job {k + 1} ends at {stop[k + 1]}, job {k} before it at {stop[k]}")
    _none(~(time <= end), lambda k: f"clock: update {k} is at {time[k]}, after the end of the run at {end}")
    _none(~(np.diff(time) >= 0), lambda k: f"clock: update {k + 1} is at {time[k + 1]}, update {k} at {time[k]}")
    _none(
        ~(collected <= full), lambda k: f"clock: update {k} is at {full[k]}, its gradients are there at {collected[k]}"
    )
    _none(
        ~((start <= done) & (done <= stop)),
        lambda k: f"clock: job {k} is from {start[k]} to {stop[k]}, but computed at {done[k]}",
    )
    _verify_computing(timeline, start, done, stop)
    _verify_communicating(timeline, done, stop)


# Durations, up to the roundings of a few additions. done: when each job was computed; stop: when it ended; both at the
# latest at the end of the run.


def _verify_computing(timeline: Timeline, start: np.ndarray, done: np.ndarray, stop: np.ndarray) -> None:
    """Jobs compute for as long as the cluster says."""
    cluster, worker = timeline.cluster, timeline.jobs["worker"].to_numpy()
    compute = np.array([h if isinstance(h, float) else np.nan for h in cluster.compute])
    compute[range(len(compute)) if cluster.slot_speeds else [w for w, _ in cluster.speeds]] = np.nan  # not known here
    seconds, took, near = compute[worker], done - start, 8 * np.spacing(stop + _own_kappa(timeline))
    whole = timeline.jobs["outcome"].isin(["used", "discarded"]).to_numpy()
    with np.errstate(invalid="ignore"):  # ∞ - ∞
        if timeline.coupled:
            steps = np.where(whole, np.maximum(np.rint(took / seconds), 1), np.inf)
            seconds = np.where(np.isnan(seconds), np.nan, steps * seconds)
        wrong = np.where(whole, abs(took - seconds) > near, took > seconds + near)
    _none(wrong, lambda k: f"duration: job {k} computes for {took[k]} s, and worker {worker[k]} takes {seconds[k]} s")


def _verify_communicating(timeline: Timeline, done: np.ndarray, stop: np.ndarray) -> None:
    """Jobs, or rounds, communicate for as long as the cluster says."""
    cluster = timeline.cluster
    random = cluster.jitter is not None
    if timeline.communication == "gradient":
        sent, kappa, what = stop - done, _own_kappa(timeline), "job"
        most = kappa
        near = 8 * np.spacing(stop + kappa)
        whole = timeline.jobs["outcome"].isin(["used", "discarded"]).to_numpy()
        random = random or cluster.queues
    else:
        _none(done != stop, lambda k: f"duration: job {k} communicates by itself from {done[k]} on")
        ready, count = timeline.ready, len(timeline.updates)
        sent, near, what = (ready - timeline.collected[: len(ready)])[:count], 8 * np.spacing(ready[:count]), "update"
        kappa, most = _round_kappas(timeline)
        whole = np.full(count, True)
    wrong = whole & ((sent < kappa - near) | (not random) & (sent > most + near))
    _none(wrong, lambda k: f"duration: {what} {k} communicates for {sent[k]} s, which takes {kappa[k]} s")


def _verify_server(timeline: Timeline) -> None:
    """The server takes as long as the cluster says, and does one thing after another."""
    time, seconds = timeline.updates["time"].to_numpy(), timeline.cluster.update_seconds
    ready = timeline.ready[: len(time)]
    due = np.maximum(ready, np.append(0.0, time)[:-1]) + seconds if seconds else ready
    _none(time != due, lambda k: f"server: update {k} is at {time[k]}, and its gradients were there at {ready[k]}")


def _round_kappas(timeline: Timeline) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of communication of each update's round, at least and at most, both of shape (updates,)."""
    cluster, jobs, count = timeline.cluster, timeline.jobs, len(timeline.updates)
    if not cluster.senders_alone:
        return (np.full(count, cluster.round_communication),) * 2
    row = np.append(np.flatnonzero(jobs["update"] >= 0), timeline.reuses["job"].to_numpy(int))
    update = np.append(jobs["update"].to_numpy()[jobs["update"] >= 0], timeline.reuses["update"].to_numpy(int))
    used = pd.DataFrame(
        {"update": update, "worker": jobs["worker"].to_numpy()[row], "at": jobs["finish"].to_numpy()[row]}
    )
    last = used.groupby(["update", "worker"])["at"].max().reset_index()
    found = np.zeros((count, 2))  # whether workers know that they have done their part is the rule's affair
    for each, senders in last.groupby("update"):
        full, done = timeline.collected[each], dict(zip(senders["worker"], senders["at"]))
        found[each] = [cluster.gathered(done, full, knows) - full for knows in (True, False)]
    return found[:, 0], found[:, 1]


def _own_kappa(timeline: Timeline) -> np.ndarray:
    """Seconds of communication of each job by itself, shape (jobs,)."""
    worker = timeline.jobs["worker"].to_numpy()
    alone = timeline.communication == "gradient"
    return np.array(timeline.cluster.gradient_communication)[worker] if alone else np.zeros(len(worker))


def _verify_workers(timeline: Timeline) -> None:
    """Nobody does two jobs at once or any while away; jobs are counted; versions are asked for when they are there."""
    jobs, n = timeline.jobs, timeline.cluster.workers
    order = np.argsort(jobs["worker"].to_numpy(), kind="stable")
    worker, version, index, start, finish = (
        jobs[key].to_numpy()[order] for key in ("worker", "version", "index", "start", "finish")
    )
    running = np.isnan(finish)
    stop = np.where(running, np.inf, finish)
    same = worker[1:] == worker[:-1]
    _none(
        same & ~(start[1:] >= stop[:-1]),
        lambda k: (
            f"two at once: worker {worker[k]} starts job {order[k + 1]} at {start[k + 1]}, "
            f"and job {order[k]} ends at {stop[k]}"
        ),
    )
    begin, end = np.searchsorted(worker, np.arange(n)), np.searchsorted(worker, np.arange(n), side="right")
    for who, outages in timeline.cluster.outages:
        own = slice(begin[who], end[who])
        for outage in outages:
            before_up = np.searchsorted(start[own], outage.up)  # of these jobs the last one ends last
            k = begin[who] + before_up - 1
            if before_up and min(stop[k], timeline.end) > outage.down:
                raise ValueError(
                    f"outages: worker {who} is away from {outage.down} to {outage.up}, "
                    f"and has job {order[k]} from {start[k]} to {finish[k]}"
                )
    time = timeline.updates["time"].to_numpy()
    first = timeline.oldest()[order]
    asked, overtaken = np.append(0.0, time)[first], np.append(time, np.inf)[first]
    _none(
        start < asked,
        lambda k: f"versions: job {order[k]} starts at {start[k]}, and version {version[k]} is there at {asked[k]}",
    )
    _none(
        start > overtaken,
        lambda k: f"versions: job {order[k]} starts at {start[k]}, and version {version[k]} is old at {overtaken[k]}",
    )
    again = np.append(False, same & (version[1:] == version[:-1]))
    expected = np.where(again, np.append(0, index[:-1]) + 1, 0)
    _none(
        index != expected,
        lambda k: (
            f"indices: job {order[k]} is number {index[k]} of worker {worker[k]} at version {version[k]}, "
            f"not {expected[k]}"
        ),
    )


def _verify_uses(timeline: Timeline) -> None:
    """Updates use gradients that are there, with weights that sum to 1."""
    jobs, reuses, rounds = timeline.jobs, timeline.reuses, len(timeline.updates)
    own, delay, weight = (jobs[key].to_numpy() for key in ("update", "delay", "weight"))
    used = (jobs["outcome"] == "used").to_numpy()
    _none(used != (own >= 0), lambda k: f"uses: job {k} is {jobs['outcome'].iloc[k]}, and its update is {own[k]}")
    _none(~used & (weight != 0), lambda k: f"uses: job {k} is not used, and weighs {weight[k]}")
    again, row = reuses["job"].to_numpy(int), np.flatnonzero(used)
    _none(
        (again < 0) | (again >= len(jobs)),
        lambda k: f"uses: update {reuses['update'].iloc[k]} uses job {again[k]}, and there are {len(jobs)} jobs",
    )
    _none(
        own[again] < 0,
        lambda k: f"uses: update {reuses['update'].iloc[k]} uses job {again[k]} again, which none has used",
    )
    job = np.concatenate([row, again])
    update = np.concatenate([own[row], reuses["update"].to_numpy(int)])
    weight = np.concatenate([weight[row], reuses["weight"].to_numpy(float)])
    _none(
        (update < 0) | (update >= rounds),
        lambda k: f"uses: job {job[k]} is used by update {update[k]}, and there are {rounds} updates",
    )
    oldest = timeline.oldest()
    delays = update - oldest[job]
    _none(delays < 0, lambda k: f"delays: job {job[k]} has delay {delays[k]} at update {update[k]}")
    finish, collected = jobs["finish"].to_numpy()[job], timeline.collected[update]
    _none(
        ~(finish <= collected),
        lambda k: f"uses: job {job[k]} ends at {finish[k]}, and update {update[k]} uses it at {collected[k]}",
    )
    once = pd.DataFrame({"update": update, "job": job}).duplicated().to_numpy()
    _none(once, lambda k: f"uses: update {update[k]} uses job {job[k]} twice")
    expected = np.where(used, own - oldest, -1)
    _none(delay != expected, lambda k: f"delays: job {k} has delay {delay[k]}, not update - version = {expected[k]}")
    counts, said = np.bincount(own[row], minlength=rounds), timeline.updates["gradients"].to_numpy()
    _none(counts != said, lambda k: f"gradients: update {k} is the first to use {counts[k]} gradients, not {said[k]}")
    sums = np.bincount(update, weight, minlength=rounds)
    _none(~(abs(sums - 1) <= 1e-9), lambda k: f"weights: those of update {k} sum to {sums[k]}")
