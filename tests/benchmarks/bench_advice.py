"""Is what `asyncsim advise` chooses as good as the best of an exhaustive grid, which is trained on other seeds?

The problem is a Garnet MDP. Of each cluster: advice is sought; every method, M and step size of a grid is trained to
the end, none is halved, on twenty seeds that advice has not seen; and the choice and the five best settings of
the grid are compared on 160 seeds that none of them was chosen by, by the seconds in which four of five seeds are
there.
"""

from pathlib import Path

import pytest

import asyncsim
from asyncsim.cli import main
from asyncsim.cli.compiling import keep_compiled
from asyncsim.experiment.advising import advise
from asyncsim.experiment.candidates import batch_sizes, read_case
from asyncsim.experiment.statistics import ratio_interval
from asyncsim.experiment.tuning import four_of_five

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
CLUSTERS = sorted((EXPERIMENTS / "clusters").glob("*.toml"))
LOGS = {EXPERIMENTS / "logs" / "sacct.txt": (), EXPERIMENTS / "logs" / "ray.json": ("--event", "task::rollout")}
PROBLEM = 'evaluate_every = 20\n[problem]\nkind = "garnet"\n'
TARGET, MINUTES = 6.6, 10
GRID = [2.0**-k for k in range(8)]
GRID_SEEDS, SEEDS, BEST = range(3000, 3020), range(4000, 4160), 5


@pytest.mark.parametrize("source", [*CLUSTERS, *LOGS], ids=lambda path: path.stem)
def bench_advice(row, tmp_path, source):
    keep_compiled()
    cluster, problem, store = source, tmp_path / "problem.toml", tmp_path / "store"
    problem.write_text(PROBLEM)
    if source in LOGS:
        cluster = tmp_path / f"{source.stem}.toml"
        assert main(["calibrate", str(source), *LOGS[source], "-o", str(cluster)]) == 0
    case = read_case(cluster, problem)
    advice = advise(case, TARGET, MINUTES, store)
    until, best = advice.run.scenario.settings.stop.until, advice.best
    shared = {"target_return": TARGET, "stop": {"until": until}, "tuning": "grid"}

    def seconds(methods, seeds, grid):
        """Of each label and step size, by seed; one that was not there counts with the end."""
        found = asyncsim.run(case.scenario(methods, step_sizes=grid, seeds=[*seeds], **shared), store=store)
        times = found.curves["time"].where(found.curves["eval_return"] >= TARGET)
        lanes = times.groupby([found.curves[key] for key in ("method", "step_size", "seed")]).min().fillna(until)
        return lanes.unstack()

    def table(name, batch_size):
        batched = name.startswith(("rennala", "malenia"))
        return {"method": name} | ({"batch_size": int(batch_size)} if batched else {})

    names = [label for label in ("synchronous_nigt", "afedpg") if label in advice.run.methods]
    every = {name: table(name, 0) for name in names}
    every |= {f"rennala_nigt, M = {M}": table("rennala_nigt", M) for M in batch_sizes(case.alone().cluster)}
    of_grid = seconds(every, GRID_SEEDS, GRID).apply(four_of_five, axis=1).nsmallest(BEST)
    chosen = {"chosen": table(best["method"], best["batch_size"]) | {"step_sizes": [best["step_size"]]}}
    settings = {f"{label}, α = {step:g}": every[label] | {"step_sizes": [step]} for label, step in of_grid.index}
    found = seconds(chosen | settings, SEEDS, GRID).droplevel(1)
    ours, theirs = found.loc["chosen"], found.drop("chosen")
    first = theirs.apply(four_of_five, axis=1).idxmin()
    best_of_grid = theirs.loc[first]
    low, high = ratio_interval(ours.to_numpy(), best_of_grid.to_numpy())
    row(
        f"{source.stem}: simulated seconds to the target, of what advice chose against the best of the grid",
        four_of_five(ours), four_of_five(best_of_grid),
        ratio=four_of_five(ours) / four_of_five(best_of_grid), wanted=("ratio", "<=", 1.1),
        bound=f"ratio {low:.2g} to {high:.2g}; chosen {best['label']}, α = {best['step_size']:g}; of the grid {first}",
    )  # fmt: skip
    row(
        f"{source.stem}: minutes that advice took",
        advice.spent / 60, unit="min", wanted=("ours", "<=", MINUTES), bound="training",
    )  # fmt: skip
