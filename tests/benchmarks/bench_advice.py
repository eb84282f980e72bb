"""Is what `asyncsim advise` chooses as good as the best of an exhaustive grid, which is trained on other seeds?

The problem is a Garnet MDP. Of each cluster: advice is sought; every method, M and step size of a grid is trained to
the end, none is halved, on seeds that advice has not seen; and the choice and the best of each method in the grid are
compared on forty seeds that neither was chosen by.
"""

from pathlib import Path

import pytest

import asyncsim
from asyncsim.cli import main
from asyncsim.cli.compiling import keep_compiled
from asyncsim.experiment.advising import advise
from asyncsim.experiment.candidates import batch_sizes, read_case

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
CLUSTERS = sorted((EXPERIMENTS / "clusters").glob("*.toml"))
LOGS = sorted(path for path in (EXPERIMENTS / "logs").glob("*") if path.suffix in (".json", ".txt", ".csv"))
PROBLEM = 'evaluate_every = 20\n[problem]\nkind = "garnet"\n'
TARGET, MINUTES = 6.6, 10
GRID = [2.0**-k for k in range(8)]
GRID_SEEDS, SEEDS = range(3000, 3005), range(4000, 4040)


@pytest.mark.parametrize("source", [*CLUSTERS, *LOGS], ids=lambda path: path.stem)
def bench_advice(row, tmp_path, source):
    keep_compiled()
    cluster, problem, store = source, tmp_path / "problem.toml", tmp_path / "store"
    problem.write_text(PROBLEM)
    if source in LOGS:
        cluster = tmp_path / f"{source.stem}.toml"
        assert main(["calibrate", str(source), "-o", str(cluster)]) == 0
    case = read_case(cluster, problem)
    advice = advise(case, TARGET, MINUTES, store)
    until, best = advice.run.scenario.settings.stop.until, advice.best
    shared = {"target_return": TARGET, "seeds": [*SEEDS], "stop": {"until": until}}

    table = {"method": best["method"]}
    if best["method"].startswith(("rennala", "malenia")):
        table["batch_size"] = int(best["batch_size"])
    chosen = case.scenario({"chosen": table}, step_sizes=[best["step_size"]], tuning="grid", **shared)
    methods = {label: {"method": label} for label in ("synchronous_nigt", "afedpg") if label in advice.run.methods}
    methods["rennala_nigt"] = {"tune": {"batch_size": [*batch_sizes(chosen.cluster)]}}
    grid = {"step_sizes": GRID, "tuning_seeds": [*GRID_SEEDS], "tuning": "grid", "tuned_for": "time"}
    ours = seconds(asyncsim.run(chosen, store=store))["chosen"]
    tried = asyncsim.run(case.scenario(methods, **grid, **shared), store=store)
    theirs = seconds(tried)
    first = min(theirs, key=theirs.__getitem__)
    summary = tried.summary().set_index("method").loc[first]
    of_grid = f"{first} {summary['tuned']}, α = {summary['step_size']:g}"
    told = f"chosen {best['label']}, α = {best['step_size']:g}; of the grid {of_grid}"
    row(
        f"{source.stem}: simulated seconds to the target, of what advice chose against the best of the grid",
        ours, theirs[first], ratio=ours / theirs[first], wanted=("ratio", "<=", 1.1), bound=told,
    )  # fmt: skip
    row(
        f"{source.stem}: minutes that advice took",
        advice.spent / 60, unit="min", wanted=("ours", "<=", MINUTES), bound="training",
    )  # fmt: skip


def seconds(run):
    """Mean over seeds, by method; a seed that was not there counts with the end."""
    measured = run.per_seed()
    return measured["time"].fillna(measured["end"]).groupby(measured["method"]).mean().to_dict()
