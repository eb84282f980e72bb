"""A run whose curves are made up, and whose texts would be code in a page that lets them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from asyncsim.experiment import Run
from asyncsim.scenario import load

SCENARIO = """
title = {title}
seeds = [0, 1, 2]
step_sizes = [0.25]
target_return = 3.0
[about]
claim = "the first is ahead"
claims = [{claim}]
[stop]
updates = 6
[cluster]
compute = [1.0, 2.0, 4.0]
communication = 0.5
[problem]
kind = "chain"
[methods.{one}]
method = "rennala_nigt"
batch_size = 3
[methods.afedpg]
"""
HOSTILE = "</script><script>document.title='owned'</script> $$x$$ {{ 7 * 7 }} 'q'"
LABEL = '<img src=x onerror=alert(1)> & "m"'


def made(title=HOSTILE, one=LABEL, more=""):
    """A run whose curves are made up, saved where its scenario's results go; the directory."""
    claim = f"{one} > afedpg, area"
    words = {key: json.dumps(text) for key, text in {"title": title, "one": one, "claim": claim}.items()}
    Path("experiments").mkdir(exist_ok=True)
    Path("experiments/x.toml").write_text(SCENARIO.format(**words) + more, encoding="utf-8")
    scenario = load("experiments/x.toml")
    frames = []
    for values, point in scenario.points:
        for k, label in enumerate(scenario.methods):
            times = np.append(0.0, point.simulate(label).updates["time"])
            for seed in scenario.settings.seeds:
                rows = {"method": label, "seed": seed, "step_size": 0.25, "update": np.arange(7)}
                rows |= {"time": times, "gradients": 3 * np.arange(7)}
                frames.append(pd.DataFrame(values | rows | {"eval_return": np.arange(7) + 0.1 * seed - k}))
    Run(scenario, scenario.axes, pd.concat(frames, ignore_index=True)).save("results/x")
    return Path("results/x")
