"""What theory says: one function per formula of arXiv 2509.24305, and of what follows from them.

h: seconds per gradient, h_i > 0, worker axis last, in any order (``inf`` never finishes). kappa: seconds per
communication, κ >= 0. M: gradients, an integer >= 1. epsilon: the accuracy ε > 0 in E‖∇J‖ <= ε. Arrays broadcast; the
axes of ``h`` before the last take part. Times are simulated seconds. An argument that is not as stated is a ValueError.

Round times are exact, to the last bit: the engine puts the end of worker i's k-th job at the float product k·h_i.
Complexities drop constants and logarithms and say only how a time grows; Theorems 4.4 and 5.1 keep L_g, L_h, σ, Δ.

Every finite number will do: nothing overflows or underflows on the way to a result, and a result that is beyond the
range of floats is 0 or ``inf``. (Times of rounds end where a product k·h_i does.)
"""

from .arrivals import Arrivals, greedy_arrivals, greedy_time
from .batches import best_batch_size, fastest_workers, largest_batch_size, updates_with_batch
from .bounds import malenia_bound, rennala_bound
from .complexities import (
    TABLE,
    Complexity,
    afedpg,
    gradients_per_update,
    lower_bound,
    malenia_nigt,
    malenia_pg,
    rennala_nigt,
    rennala_pg,
    synchronous_nigt,
    synchronous_pg,
)
from .crossings import crossover, measured_crossover
from .discarding import cancelled_jobs, cancelled_seconds, cancelled_seconds_bound
from .policies import PolicyConstants, ScoreBounds, gaussian_score, policy_constants, softmax_score
from .rounds import malenia_jobs, malenia_round, rennala_jobs, rennala_round, synchronous_round
from .theorems import (
    Parameters,
    nigt_guarantee,
    nigt_parameters,
    pg_parameters,
    theorem_4_4,
    theorem_5_1,
    updates_needed,
)

__all__ = [
    "TABLE",
    "Arrivals",
    "Complexity",
    "Parameters",
    "PolicyConstants",
    "ScoreBounds",
    "afedpg",
    "best_batch_size",
    "cancelled_jobs",
    "cancelled_seconds",
    "cancelled_seconds_bound",
    "crossover",
    "fastest_workers",
    "gaussian_score",
    "gradients_per_update",
    "greedy_arrivals",
    "greedy_time",
    "largest_batch_size",
    "lower_bound",
    "malenia_bound",
    "malenia_jobs",
    "malenia_nigt",
    "malenia_pg",
    "malenia_round",
    "measured_crossover",
    "nigt_guarantee",
    "nigt_parameters",
    "pg_parameters",
    "policy_constants",
    "rennala_bound",
    "rennala_jobs",
    "rennala_nigt",
    "rennala_pg",
    "rennala_round",
    "softmax_score",
    "synchronous_nigt",
    "synchronous_pg",
    "synchronous_round",
    "theorem_4_4",
    "theorem_5_1",
    "updates_needed",
    "updates_with_batch",
]
