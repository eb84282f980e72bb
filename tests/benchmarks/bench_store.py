"""What curves cost that are computed once, and what finding a tuned setting costs. Gradients are counted, not timed."""

import tomllib
from pathlib import Path

import pytest

import asyncsim
from asyncsim import Cluster, PolicyGradient, methods, replay, simulate
from asyncsim.cluster import sqrt
from asyncsim.scenario import restore
from asyncsim.store import Store

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
GRID = [2.0**-k for k in range(10, 0, -1)]

FIGURE = {
    "seeds": list(range(10)),
    "tuning_seeds": [100, 101],
    "step_sizes": GRID,
    "stop": {"until": 600.0},
    "problem": {"kind": "garnet"},
    "methods": {
        "rennala_nigt": {"tune": {"batch_size": [20, 30, 50]}},
        "synchronous_nigt": {},
        "afedpg": {},
    },
}


def run_of(data, **options):
    return asyncsim.run(restore(data, EXPERIMENTS / "benchmark.toml", EXPERIMENTS), **options)


def bench_gradients_of_a_figure(row, tmp_path):
    """The second of two figures on the same workers, at a higher price of communication, as the paper's are."""
    figures = [
        FIGURE | {"cluster": {"workers": 10, "compute": "sqrt", "communication": [kappa * h for h in sqrt(10)]}}
        for kappa in (1.0, 2.0)
    ]
    halved, store = {"tuning": "halving"}, tmp_path / "store"
    run_of(figures[0] | halved, store=store)
    found = run_of(figures[1] | halved, store=store).computed
    anew = run_of(figures[1] | {"tuning": "grid"}, store=False).computed
    row(
        "a figure's verdict after another on the same workers, with store and halving: gradients, against without",
        found, anew, unit="gradients", ratio=found / anew, wanted=("ratio", "<=", 0.2),
        bound="the settings that are left late",
    )  # fmt: skip


SCENARIOS = ["quickstart", "straggler", "heterogeneous", "paper/reacher-slow-network", "stragglers/heavy-tailed"]


def settings_of(name, tuning):
    """A committed scenario, in its quick preset if it has one, tuned over the paper's step sizes on other seeds."""
    data = tomllib.loads((EXPERIMENTS / f"{name}.toml").read_text(encoding="utf-8"))
    quick, _ = data.pop("quick", {}), data.pop("about", None)
    quick.pop("methods", None)  # what it tunes is not tuned here
    for key, value in quick.items():
        data[key] = {**data[key], **value} if isinstance(value, dict) else value
    for label, table in data["methods"].items():
        table.pop("step_sizes", None)
        table.pop("tune", None)
        if table.get("method", label) == "rennala_nigt":
            table.setdefault("batch_size", 20)
    return data | {"seeds": [0], "tuning_seeds": [100, 101], "step_sizes": GRID, "tuning": tuning}


@pytest.mark.parametrize("name", SCENARIOS)
def bench_halving(row, tmp_path, name):
    """The share of the grid's gradients that halving needs, and how far from the grid's its settings are."""
    runs = {tuning: run_of(settings_of(name, tuning), store=tmp_path / tuning) for tuning in ("halving", "grid")}
    chosen = {
        tuning: found.summary().set_index("method")["step_size"].map(GRID.index) for tuning, found in runs.items()
    }
    away = int((chosen["halving"] - chosen["grid"]).abs().max())
    tried = {
        tuning: found.computed - found.curves.groupby(["method", "seed"])["gradients"].max().sum()
        for tuning, found in runs.items()
    }
    row(
        f"halving on {name}: gradients of tuning, against the grid",
        tried["halving"], tried["grid"], unit="gradients", ratio=tried["halving"] / tried["grid"],
        wanted=("ratio", "<=", 0.4), bound="the last two settings",
    )  # fmt: skip
    row(
        f"halving on {name}: steps of the grid between its choice and the grid's, at most",
        away, unit="steps", wanted=("ours", "<=", 1), bound="seeds",
    )  # fmt: skip


def bench_keeping(against, tmp_path):
    method = methods.rennala_nigt(20, 0.02)
    timeline = simulate(method, Cluster(sqrt(10), 1.0), updates=300)
    problem = PolicyGradient("CartPole-v1", 200, 0.99)
    count = iter(range(1000))

    def run(shelf):
        replay(timeline, method, problem, seeds=range(5), shelf=shelf)

    against(
        "CartPole, five lanes of 300 updates: seconds with a store, against without",
        lambda: run(Store(tmp_path / f"{next(count)}")),
        lambda: run(None),
        wanted=("ratio", ">=", 0.97),
        bound="checkpoints",
    )
