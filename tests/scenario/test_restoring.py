"""A scenario that was written with its results is the same scenario again, at every point of a sweep."""

import json

import pytest

from asyncsim.scenario import load, restore

TINY = """
title = "Infinity"
seeds = [0, 1]
step_sizes = [0.1, 0.2]
[stop]
until = 30.0
[cluster]
workers = 3
compute = [1.0, 2.0, inf]
communication = 0.5
[problem]
kind = "chain"
states = 7
[methods.malenia_nigt]
batch_size = 4
[methods."a.b"]
method = "afedpg"
"""
RANDOM = '{distribution = "gamma", mean = 2.0, shape = 9.0}'


@pytest.mark.parametrize(
    "old, new, sweep",
    [
        ("", "", ""),
        ("", "", "cluster.communication = [0, 0.5, [0.0, 0.1, 1.0]]"),
        ("", "", "cluster.compute = [[1.0, 2.0, inf], 'sqrt']\nstale = ['cancel', 'finish']"),
        ("", "", "cluster.compute.2 = [inf, 3.0]\n'methods.a.b.momentum' = [0.1, 0.2]"),
        ("[1.0, 2.0, inf]", "'sqrt'", "cluster.workers = [2, 3, 4]"),  # which Malenia counts
        ("[1.0, 2.0, inf]", RANDOM, "cluster.compute.shape = [1.0, 4]\nproblem.kind = ['chain', 'garnet']"),
        ("[1.0, 2.0, inf]", f"[1.0, {RANDOM}, 9]", "cluster.compute.1 = [1.0, 2.0]"),
        ('method = "afedpg"', 'method = "asynchronous_pg"', "methods.'a.b'.method = ['afedpg', 'synchronous_nigt']"),
        ("communication = 0.5", "outages = [{worker = 0, down = 1}]", "cluster.outages.0.down = [5, 6.0]"),
        (
            "communication = 0.5",
            'speeds = {1 = {kind = "diurnal", period = 10, low = 0.5}}\n'
            'communication = {network = "ring", latency = 0.1, bandwidth = 1e6, parameters = 10}',
            "cluster.speeds.1.low = [0.1, 0.2]",
        ),
    ],
)
def test_it_is_the_same_at_every_point(tmp_path, old, new, sweep):
    assert TINY.count(old) == 1 or not old
    path = tmp_path / "x.toml"
    path.write_text((TINY.replace(old, new) if old else TINY) + (f"[sweep]\n{sweep}\n" if sweep else ""))
    given = load(path)
    found = restore(json.loads(given.settings.model_dump_json()), tmp_path / "settings.json", tmp_path)
    assert found.settings.model_dump_json() == given.settings.model_dump_json()
    assert found.axes == given.axes and found.step_sizes == given.step_sizes
    for (values, point), (others, other) in zip(found.points, given.points, strict=True):
        assert values == others
        assert point.cluster == other.cluster and point.methods == other.methods
        assert point.settings.problem == other.settings.problem and point.settings.stale == other.settings.stale
