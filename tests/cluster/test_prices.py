"""What communication may cost: what each price changes of a cluster."""

from dataclasses import replace

import pytest

from asyncsim import Cluster, methods, simulate
from asyncsim.cluster import Constant, Exponential, Jitter, ParameterServer, Ring
from asyncsim.cluster.prices import PRICES


def seconds(method, cluster, price, updates=1):
    return simulate(method, replace(cluster, **PRICES[price](cluster)), updates=updates, events=True).end


def test_every_price_by_hand():
    cluster = Cluster([1.0, 3.0, 10.0], [4.0, 1.0, 7.0])  # a mean of 4
    rennala, everybody, afedpg = methods.rennala_nigt(2, 0.1), methods.synchronous_nigt(0.1), methods.afedpg(0.1)
    by_hand = {  # Rennala takes both gradients from worker 0, and AFedPG's third is worker 1's at 4, but for queues
        "one_way": (2 + 7, 10 + 7, 5.0),
        "both_ways": (2 + 14, 10 + 14, 9.0),
        "contributors": (2 + 4, 10 + 7, 5.0),
        "when_ready": (2 + 4, 10 + 7, 5.0),
        "one_at_a_time": (2 + 12, 10 + 12, 9.0),  # worker 0 sends from 1 to 5, worker 1 then until 9
    }
    assert list(PRICES) == list(by_hand)
    for price, (of_rennala, of_everybody, of_afedpg) in by_hand.items():
        assert seconds(rennala, cluster, price) == of_rennala, price
        assert seconds(everybody, cluster, price) == of_everybody, price
        assert seconds(afedpg, cluster, price, updates=2) == of_afedpg, price


@pytest.mark.parametrize(
    "communication", [0.0, ParameterServer(0.1, 8.0, 4), Ring(0.1, 8.0, 4), Jitter(Constant(1.0), Exponential(1.0))]
)
def test_a_server_needs_to_know_how_long_a_message_takes(communication):
    with pytest.raises(ValueError, match="a server's link has no speed"):
        PRICES["one_at_a_time"](Cluster([1.0, 2.0], communication))
