import math

import pytest

from asyncsim import Cluster
from asyncsim.cluster import PATTERNS, Constant, Exponential, Jitter, ParameterServer, PerWorker, Ring


def test_a_cluster_is_a_value():
    cluster = Cluster([1, 10], communication=0.5)
    assert cluster == Cluster((1.0, 10.0), 0.5) and hash(cluster) == hash(Cluster((1.0, 10.0), 0.5))
    assert eval(repr(cluster)) == cluster
    assert (cluster.workers, cluster.kappas) == (2, (0.5, 0.5))


def test_a_cluster_says_whether_messages_queue_and_what_is_added_to_them():
    server = ParameterServer(latency=0.5, bandwidth=4.0, parameters=1)
    for communication, network in ((0.5, Constant(0.5)), ([1, 2], PerWorker((1.0, 2.0))), (server, server)):
        cluster, late = Cluster([1, 10], communication), Jitter(network, Exponential(1.0))
        assert (cluster.network, cluster.queues, cluster.jitter) == (network, network is server, None)
        jittery = Cluster([1, 10], late)
        assert (jittery.network, jittery.queues, jittery.jitter) == (network, network is server, late)
    with pytest.raises(ValueError, match="seconds has 2 values for 3 workers: give as many"):
        Cluster([1, 1, 1], Jitter(PerWorker((1.0, 2.0)), Exponential(1.0)))


def test_when_a_rounds_communication_is_over():
    """Workers 0 and 2 have used gradients, done at 3 and 4 s, when the round is full."""
    done = {0: 3.0, 2: 4.0}
    for collective, known, else_ in (("contributors", 7.0, 7.0), ("when_ready", 6.0, 7.0)):
        cluster = Cluster([1.0] * 3, (3.0, 9.0, 2.0), collective)
        assert cluster.senders_alone and cluster.communications_per_round == 1
        assert (cluster.gathered(done, 4.0, True), cluster.gathered(done, 4.0, False)) == (known, else_)
        assert cluster.round_communication == 9.0  # at most
    assert not Cluster([1.0], 0.5).senders_alone and not Cluster([1.0], 0.5, "broadcast+reduce").senders_alone


def test_patterns_of_the_paper():
    assert PATTERNS["equal"](3) == (1.0, 1.0, 1.0)
    assert PATTERNS["sqrt"](4) == (1.0, math.sqrt(2), math.sqrt(3), 2.0)
    assert PATTERNS["linear"](3) == (1.0, 2.0, 3.0)
    assert PATTERNS["decreasing"](4) == (2.0, math.sqrt(3), math.sqrt(2), 1.0)
    assert PATTERNS["inverse-sqrt"](4) == (1.0, 1 / math.sqrt(2), 1 / math.sqrt(3), 0.5)
    assert PATTERNS["one-straggler"](3) == (1.0, 1.0, 100.0)


@pytest.mark.parametrize(
    "arguments, line",
    [
        (dict(compute=[]), "compute=[] has no worker"),
        (dict(compute=5), "compute=5 is not a list"),
        (dict(compute="sqrt"), "compute='sqrt' is not a list"),
        (dict(compute=[1.0, 0.0]), "compute[1]=0.0"),
        (dict(compute=[1.0, -2.0]), "compute[1]=-2.0"),
        (dict(compute=[math.nan]), "compute[0]=nan"),
        (dict(compute=[1.0], communication=-0.1), "communication=-0.1"),
        (dict(compute=[1.0], communication=math.inf), "communication=inf"),
        (dict(compute=[1.0], communication=[0.1, 0.2]), "communication has 2 values for 1 workers"),
        (dict(compute=[1.0, 1.0], communication=[0.1, math.nan]), "communication[1]=nan"),
        (dict(compute=[1.0], collective="mean"), "collective='mean'"),
        (dict(compute=[1.0], transfer="pigeon"), "transfer='pigeon'"),
        (
            dict(compute=[1.0], communication=Ring(0.1, 8.0, 4), collective="when_ready"),
            "collective='when_ready' has some workers send without the others, and in a Ring all take part: give 'max'",
        ),
    ],
)
def test_bad_arguments_are_named(arguments, line):
    with pytest.raises(ValueError) as error:
        Cluster(**arguments)
    assert str(error.value).startswith(line) and "give" in str(error.value) and "\n" not in str(error.value)
