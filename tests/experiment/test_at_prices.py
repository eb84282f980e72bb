"""A scenario at every price of communication: its claims, what had to be computed, and what is written."""

import json
from pathlib import Path

import pandas as pd
import pytest
from pages import check_tables

import asyncsim
from asyncsim import results
from asyncsim.cli import main
from asyncsim.cli.price_table import price_table
from asyncsim.cli.reproductions import as_code
from asyncsim.cluster.prices import PRICES
from asyncsim.experiment import prices
from asyncsim.experiment.prices import priced, run_at_prices
from asyncsim.scenario import ScenarioError, load

SMALL = """
title = "small"
seeds = [0, 1]
tuning_seeds = [9]
step_sizes = [0.1, 0.2]
evaluate_every = 4
[about]
claims = ["rennala_nigt > afedpg, area", "rennala_nigt > synchronous_nigt, final"]
[stop]
until = 30.0
[cluster]
workers = 3
compute = [1.0, 2.0, 2.5]
communication = [1.0, 0.5, 3.0]
[problem]
kind = "chain"
[methods.rennala_nigt]
batch_size = 2
[methods.synchronous_nigt]
[methods.afedpg]
"""


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("x.toml").write_text(SMALL)
    return Path("x.toml")


def test_every_price_is_trained_on_the_machines(path, monkeypatch):
    given, machines = [], object()
    monkeypatch.setattr(prices, "run", lambda some, **options: given.append(options["on"]))
    run_at_prices(load(path), on=machines)
    assert len(given) == len(PRICES) and set(given) == {machines}


def test_a_price_is_a_change_of_the_cluster_alone(path):
    scenario = load(path)
    for price in PRICES:
        changed = priced(scenario, price)
        was, now = (results.as_data(some.settings) for some in (scenario, changed))
        assert {key for key in was if was[key] != now[key]} <= {"cluster"}
        assert (changed.cluster.collective, changed.cluster.transfer) == {
            "both_ways": ("broadcast+reduce", "both_ways"),
            "contributors": ("contributors", "round_trip"),
            "when_ready": ("when_ready", "round_trip"),
        }.get(price, ("max", "round_trip"))
    assert priced(scenario, "one_at_a_time").cluster.network.service_seconds == pytest.approx(1.5)


def test_what_a_cluster_cannot_have(path):
    path.write_text(SMALL + "[sweep]\ncluster.communication = [1.0, 2.0]\n")
    with pytest.raises(ValueError, match="cluster.communication is swept"):
        priced(load(path), "one_at_a_time")
    assert [point.cluster.collective for _, point in priced(load(path), "when_ready").points] == ["when_ready"] * 2
    ring = 'communication = {network = "ring", latency = 0.1, bandwidth = 8.0, parameters = 4}'
    path.write_text(SMALL.replace("communication = [1.0, 0.5, 3.0]", ring))
    with pytest.raises(ValueError, match="collective='contributors' .* in a Ring all take part"):
        priced(load(path), "contributors")
    path.write_text(SMALL.partition("[about]")[0] + "[stop]" + SMALL.partition("[stop]")[2])
    with pytest.raises(ScenarioError, match="about.claims is missing"):
        run_at_prices(load(path))


def test_claims_at_every_price(path, capsys):
    """By the command: each price is what a run with that cluster gives, and a round's price trains nothing anew."""
    assert main(["prices", "x.toml", "--store", "store"]) == 0
    said = capsys.readouterr().out
    frame = results.load_prices("results/x-prices")
    assert frame["price"].tolist() == [*PRICES] * 2
    assert all(price in said for price in PRICES) and "rennala_nigt > afedpg, area" in said
    check_tables()
    alone = asyncsim.run(priced(load(path), "both_ways"), store=False)
    own = frame[frame["price"] == "both_ways"].reset_index(drop=True)
    kept = ["claim", "verdict", "difference", "low", "high", "ahead", "seeds"]
    claims = [str(claim) for claim in load(path).claims]
    pd.testing.assert_frame_equal(own[kept], alone.verdicts(claims)[kept], check_exact=True)

    computed = frame.pivot(index="claim", columns="price", values="computed").loc[claims[1]]  # two collecting methods
    assert computed["one_way"] > 0 and computed["both_ways"] == 0  # fewer rounds: all were there
    record = json.loads(Path("results/x-prices/settings.json").read_text())
    assert record["scenario"] == results.as_data(load(path).settings) and record["left_out"] == {}
    assert record["prices"]["when_ready"]["collective"] == "when_ready"
    assert record["prices"]["one_at_a_time"]["communication"]["network"] == "parameter_server"

    again = run_at_prices(load(path), store="store").verdicts()
    assert (again["computed"] == 0).all() and again["difference"].equals(frame["difference"])

    _, _, *rows = (line.strip("| ").split(" | ") for line in price_table({"x": path}).splitlines())
    assert [row[1] for row in rows] == [as_code(claim) for claim in claims]
    assert [cell.split("*")[1] for row in rows for cell in row[2:]] == frame["verdict"].tolist()
