"""One process at work for long, on everything in turn: its memory stays what it is, and what it finds is right.

It runs where ASYNCSIM_SOAK says for how many minutes: 60 are those of the figures that are kept. Memory is what is held
between turns, after cyclic garbage was collected and the allocator's free lists, which grow for long with compiling,
were given back. In the first tenth of the time everything is imported and compiled once.
"""

import os

import pytest

CHILD = """
import ctypes, gc, json, pathlib, random, re, sys, tempfile, time
sys.path.insert(0, "tests")
import mutations
import asyncsim
from asyncsim import Cluster, rules, simulate
from asyncsim.cluster import Exponential, Outage, sqrt
from asyncsim.engine import tally
from asyncsim.scenario import ScenarioError, load

SCENARIO = '''
title = "soak"
seeds = [0, 1]
step_sizes = [0.1, 0.4]
evaluate_every = 20
[stop]
updates = 60
[cluster]
workers = 5
compute = "sqrt"
communication = 0.5
[problem]
{problem}
[methods.rennala_nigt]
batch_size = 4
[methods.afedpg]
[methods.ringleader_pg]
'''
PROBLEMS = {
    "table": 'kind = "garnet"\\nstates = 5\\nactions = 2\\nhorizon = 10',
    "policy": 'environment = "CartPole-v1"\\nhorizon = 20\\ndiscount = 0.9\\nhidden = [8]\\nevaluation_episodes = 2',
}
RULES = [rules.Rennala(50), rules.Malenia(50), rules.Synchronous(), rules.Greedy(), rules.FedBuff(20)]
RULES += [rules.Ringmaster(30), rules.Ringleader(), rules.Deadline(50, 2.5)]
CLUSTERS = [
    Cluster(sqrt(100), 0.5),
    Cluster([Exponential(2.0)] * 100, 0.5, outages={3: Outage(6.0, 14.0)}),
    Cluster(sqrt(100), update_seconds=0.3),
]
end, rng, begun = 60 * float(sys.argv[1]), random.Random(0), time.monotonic()
seen, done = [], dict.fromkeys(("turns", "jobs", "files", "refused", "gradients"), 0)
right = {}
with tempfile.TemporaryDirectory() as name:
    home = pathlib.Path(name)
    paths = {kind: home / f"{kind}.toml" for kind in PROBLEMS}
    for kind, path in paths.items():
        path.write_text(SCENARIO.format(problem=PROBLEMS[kind]))
    while time.monotonic() - begun < end:
        rule, cluster, seed = rng.choice(RULES), rng.choice(CLUSTERS), rng.randrange(2**31)
        whole = simulate(rule, cluster, until=100.0, seed=seed, events=True)
        whole.verify()
        assert tally(rule, cluster, until=100.0, seed=seed).updates["time"].tolist() == whole.updates["time"].tolist()
        done["jobs"] += len(whole.jobs)
        for _, content in mutations.scenarios(rng.randrange(2**31), 20):
            (home / "x.toml").write_bytes(content)
            done["files"] += 1
            try:
                load(home / "x.toml").problem()
            except ScenarioError:
                done["refused"] += 1
        seeds = [0, rng.randrange(1, 2**31)]
        kept = home / f"store{done['turns'] // 50}"  # a new one from time to time
        for kind, path in paths.items():
            run = asyncsim.run(path, changes={"seeds": seeds}, store=kept, output=home / kind, force=True)
            done["gradients"] += run.computed
            found = run.curves[run.curves["seed"] == 0]["eval_return"].tolist()
            assert found == right.setdefault(kind, found)
        done["turns"] += 1
        gc.collect()
        getattr(ctypes.CDLL(None), "malloc_trim", id)(0)  # glibc's
        size = int(re.search(r"VmRSS:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
        seen.append([time.monotonic() - begun, 1024 * size])
print(json.dumps([done, seen, peak()]))
"""


@pytest.mark.skipif("ASYNCSIM_SOAK" not in os.environ, reason="takes an hour: ASYNCSIM_SOAK=60 asyncsim benchmark soak")
def bench_soak(row, in_child):
    minutes = float(os.environ["ASYNCSIM_SOAK"])
    done, seen, peak = in_child(CHILD, minutes)
    first = max(size for second, size in seen if second <= 6 * minutes or second == seen[0][0])
    most = max(size for _, size in seen)
    name = f"{minutes:g} minutes of simulations, malformed files, training, storing and drawing in one process"
    row(
        f"{name}: memory between turns, at most, and at most in the first tenth of the time",
        most / 2**30,
        first / 2**30,
        unit="GiB",
        ratio=most / first,
        wanted=("ratio", "<=", 1.1),
        bound="libraries and compiled programs",
    )
    row(f"{name}: peak memory", peak / 2**30, unit="GiB")
    for key, count in done.items():
        row(f"{name}: {key}", count, unit="")
