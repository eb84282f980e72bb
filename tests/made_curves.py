"""A small scenario, and curves that were made up for it."""

import pandas as pd

TINY = """
title = "tiny"
seeds = [0, 1]
step_sizes = [0.25, 0.5]
target_return = 5.0
[stop]
updates = 4
[cluster]
compute = [1.0, 2.0, inf]
[problem]
kind = "chain"
[methods.rennala_nigt]
batch_size = 3
[methods.afedpg]
"""


def history(method, returns):
    """Rows of `History.to_frame`: returns[step size][seed] is a list over updates."""
    rows = [
        {"method": method, "seed": seed, "step_size": step, "update": k, "time": 1.5 * k, "eval_return": value}
        for step, seeds in returns.items()
        for seed, values in enumerate(seeds)
        for k, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


CURVES = pd.concat(
    [
        history("rennala_nigt", {0.25: [[0, 1, 2, 6], [0, 2, 4, 8.5]], 0.5: [[0, 9, 1, 1], [0, 9, 1, 1]]}),
        history("afedpg", {0.25: [[0, 1, 2, 3], [0, 2, 4, 1 / 3]], 0.5: [[0, 1, 2, 2], [0, 1, 1, 1]]}),
    ],
    ignore_index=True,
)


def own(curves):
    """With a world of each worker's own, of three."""
    return curves.assign(eval_return_0=curves["eval_return"] + 1, eval_return_1=1.0, eval_return_2=curves["seed"])
