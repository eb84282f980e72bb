"""Ten million jobs of a million workers, of which updates alone are written down: memory stays what it is."""

import pytest

CHILD = """
import json, pathlib, re, sys, threading, time
from asyncsim import Cluster, rules
from asyncsim.engine import tally

n, jobs, rule = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
cluster = Cluster([1 + (i * 0.6180339887498949) % 1 for i in range(n)])
seen, over = [], threading.Event()

def memory():
    return 1024 * int(re.search(r"VmRSS:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])

def watch(told):
    def look():
        while not over.wait(0.1):
            seen.append([told()[0], memory()])
    threading.Thread(target=look).start()

start = time.process_time()
try:
    made = {"Greedy": rules.Greedy(), "FedBuff": rules.FedBuff(1000), "Synchronous": rules.Synchronous()}[rule]
    updates = jobs // {"Greedy": 1, "FedBuff": 1000, "Synchronous": n}[rule]
    found = tally(made, cluster, updates=updates, watch=watch)
finally:
    over.set()
seconds = time.process_time() - start
assert found.finished == jobs and found.applied == updates
at_first = max(size for count, size in seen if count <= 1_000_000)  # with the update that is made as the last one ends
print(json.dumps([seconds / jobs, at_first, peak()]))
"""


@pytest.mark.parametrize("rule", ["Greedy", "FedBuff", "Synchronous"])
def bench_ten_million_jobs(row, in_child, rule):
    seconds, at_first, most = in_child(CHILD, 1_000_000, 10_000_000, rule)
    name = f"{rule}{', K = 1000' * (rule == 'FedBuff')}, a million workers, ten million jobs"
    row(
        f"{name}: memory at most, and at most within the first million jobs",
        most / 2**30,
        at_first / 2**30,
        unit="GiB",
        ratio=most / at_first,
        wanted=("ratio", "<=", 1.1),
        bound="workers and their alarms",
    )
    row(f"{name}: time per job", seconds, bound="Python's interpreter: one event and one ticket a job")
