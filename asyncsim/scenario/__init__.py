"""A scenario: a TOML file that names cluster, methods, problem, seeds and step sizes, checked before anything runs.

`load(path, preset="quick")` merges the file's table [quick] over the rest of the file, key by key: the same scenario
at less expense. With ``tuning_seeds`` the step-size grid is run on these seeds first, and the final ``seeds`` with each
method's best step size only. The table [about] says what is expected to come out, for readers and as claims that a run
decides (see `claims`), and changes nothing. The table [sweep] makes several scenarios of one (see `sweeps`).

`tables`, `clusters`, `problems` and `settings` say what the file may hold. Whether a value makes sense is decided where
it is used (`Cluster`, rules, updates, problems); their lines are passed on with the file and the section in front.
A scenario is data. What a Python file beside it defines, it may name where `load` is given that file, too (see `own`).
Nothing here needs JAX until `Scenario.problem` is asked for, unless κ depends on how many parameters the policy has.
"""

from .claims import MEASURES, Claim, read_claims
from .errors import ScenarioError
from .loading import Scenario, Variant, load, restore
from .own import Own, own_code
from .settings import Settings, known_methods
from .sweeps import PRESETS, run_name

__all__ = [
    "MEASURES",
    "Own",
    "PRESETS",
    "Claim",
    "Scenario",
    "ScenarioError",
    "Settings",
    "Variant",
    "known_methods",
    "load",
    "own_code",
    "read_claims",
    "restore",
    "run_name",
]
