"""Scenario files: what they mean, and what is said of bad ones."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from asyncsim import methods, results
from asyncsim.cluster import Cluster, sqrt
from asyncsim.scenario import ScenarioError, known_methods, load

EXPERIMENTS = Path(__file__).parent.parent.parent / "experiments"
TINY = """
title = "tiny"
seeds = [0, 1]
step_sizes = [0.03125, 0.0625]
evaluate_every = 2
[stop]
updates = 3
[cluster]
workers = 3
compute = "sqrt"
communication = 0.5
[problem]
environment = "CartPole-v1"
horizon = 20
discount = 0.9
hidden = [8]
[methods.rennala_nigt]
batch_size = 4
[methods.small]
method = "rennala_nigt"
batch_size = 2
momentum = 0.5
step_sizes = [0.25]
[methods.afedpg]
"""
PROBLEM = TINY[TINY.index("[problem]") : TINY.index("[methods")]


def written(folder, text):
    path = folder / "x.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def told(tmp_path, monkeypatch):
    """The line that is said of a scenario with some text replaced."""
    monkeypatch.chdir(tmp_path)

    def told(old, new, text=TINY):
        assert text.count(old) == 1
        written(tmp_path, text.replace(old, new))
        with pytest.raises(ScenarioError) as error:
            load("x.toml").problem()
        line = str(error.value)
        assert line.startswith("x.toml: ") and "\n" not in line
        return line.removeprefix("x.toml: ")

    return told


def test_what_a_file_means(tmp_path):
    scenario = load(written(tmp_path, TINY))
    assert scenario.cluster == Cluster(sqrt(3), 0.5)
    assert scenario.settings.seeds == (0, 1) and scenario.settings.stop.updates == 3
    assert list(scenario.methods) == ["rennala_nigt", "small", "afedpg"]
    assert scenario.methods["rennala_nigt"] == methods.rennala_nigt(batch_size=4, step_size=0.03125)
    small, expected = scenario.methods["small"], methods.rennala_nigt(batch_size=2, step_size=0.25, momentum=0.5)
    assert small.name == "small" and (small.rule, small.update) == (expected.rule, expected.update)
    assert scenario.step_sizes == {"rennala_nigt": (0.03125, 0.0625), "small": (0.25,), "afedpg": (0.03125, 0.0625)}
    assert [len(scenario.simulate(label).updates) for label in scenario.methods] == [3, 3, 3]
    assert scenario.simulate("small").method == "small"
    problem = scenario.problem()
    assert (problem.horizon, problem.discount, problem.policy.hidden, problem.workers) == (20, 0.9, (8,), None)


def test_fields_may_differ_between_workers(tmp_path):
    fields = "[problem.fields]\nlength = [0.5, 1.0, 1.5]\ngravity = 9.0\n"
    problem = load(written(tmp_path, TINY.replace("hidden = [8]", "hidden = [8]\n" + fields))).problem()
    assert [world.length for world in problem.environment] == [0.5, 1.0, 1.5]
    assert {world.gravity for world in problem.environment} == {9.0}
    fields = "[problem.fields]\ngravity = 9\n"
    problem = load(written(tmp_path, TINY.replace("hidden = [8]", "hidden = [8]\n" + fields))).problem()
    assert problem.workers is None and problem.environment.gravity == 9


def test_views_that_differ_between_workers(tmp_path):
    pytest.importorskip("mujoco")
    text = TINY.replace("CartPole-v1", "Reacher-v4").replace("workers = 3", "workers = 2")
    fields = "fields = {sign = [1, -1], flag = [0, 1]}\n"  # of the second task of arXiv 2509.24305
    problem = load(written(tmp_path, text.replace("hidden = [8]\n", "hidden = [8]\n" + fields))).problem()
    assert [(world.sign, world.flag) for world in problem.environment] == [(1, 0), (-1, 1)]
    assert problem.policy_network.observation_size == 12


def test_communication_by_pattern_and_by_the_size_of_the_policy(tmp_path):
    by_pattern = TINY.replace("communication = 0.5", 'communication = "sqrt"')
    assert load(written(tmp_path, by_pattern)).cluster == Cluster(sqrt(3), sqrt(3))
    d = 4 * 8 + 8 + 8 * 2 + 2
    scaled = by_pattern.replace('communication = "sqrt"', 'communication = "sqrt"\ncommunication_exponent = 0.25')
    assert load(written(tmp_path, scaled)).cluster.kappas == tuple(d**0.25 * kappa for kappa in sqrt(3))
    scaled = TINY.replace("communication = 0.5", "communication = 0.5\ncommunication_exponent = 1")
    assert load(written(tmp_path, scaled)).cluster.kappas == (0.5 * d,) * 3


QUICK = """
[quick]
seeds = [7]
tuning_seeds = [100]
[quick.stop]
updates = 1
[quick.problem]
horizon = 5
[quick.methods.small]
step_sizes = [0.5, 1.0]
"""


def test_a_preset_is_merged_over_the_rest(tmp_path):
    path = written(tmp_path, TINY + QUICK)
    base, quick = load(path), load(path, preset="quick")
    assert (base.preset, quick.preset) == (None, "quick")
    assert base.settings.model_dump() == load(written(tmp_path, TINY)).settings.model_dump()
    assert (quick.settings.seeds, quick.settings.tuning_seeds, quick.settings.stop.updates) == ((7,), (100,), 1)
    assert (quick.problem().horizon, quick.problem().discount) == (5, 0.9)
    assert quick.step_sizes == base.step_sizes | {"small": (0.5, 1.0)}
    assert quick.methods["small"].rule == base.methods["small"].rule


def test_what_is_wrong_with_a_preset_is_found_whichever_is_asked_for(told):
    text = TINY + QUICK
    assert told("horizon = 5", "horizn = 5", text) == (
        "with [quick]: problem.horizn=5 is an unknown key: did you mean 'horizon'?"
    )
    assert told("updates = 1", "updates = 0", text) == (
        "with [quick]: stop.updates=0 is no stop condition: give an integer >= 1"
    )
    assert told("[quick]", "[quik]", text.replace("[quick.", "[quik.")).endswith("did you mean 'quick'?")
    assert told("seeds = [0, 1]", "quick = 3\nseeds = [0, 1]") == "quick=3: give a table"
    inner = told("[quick.stop]", "[quick.quick.stop]", text)
    assert inner == "quick.quick is a preset in a preset: give its keys in [quick]"


def test_a_preset_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for text, line in (
        (TINY, "x.toml: preset='quik' is not in this file: give a table [quick] with what is to be different"),
        (TINY + QUICK, "x.toml: preset='quik' is not in this file: did you mean 'quick'?"),
    ):
        written(tmp_path, text)
        with pytest.raises(ScenarioError) as error:
            load("x.toml", preset="quik")
        assert str(error.value) == line


def test_what_is_said_about_a_scenario_does_not_change_it(tmp_path):
    claims = 'claim = "faster"\nclaims = ["afedpg > rennala_nigt, area"]\n'
    about = f'[about]\nfigure = "1"\n{claims}minutes = {{quick = 3, paper = 240.0}}\n'
    scenario = load(written(tmp_path, TINY + about))
    assert scenario.settings.about.minutes == {"quick": 3, "paper": 240}
    assert results.as_data(scenario.settings) == results.as_data(load(written(tmp_path, TINY)).settings)


@pytest.mark.parametrize(
    ("table", "shown"),
    [
        ('kind = "garnet"\nstates = 6', "TabularMDP(states=6, actions=4, workers=None"),
        ('kind = "garnet"\nown_rewards = true', "TabularMDP(states=20, actions=4, workers=3"),
        ('kind = "chain"\nhorizon = 10\nslip = 0', "TabularMDP(states=5, actions=2, workers=None"),
        ('kind = "quadratic"\ndimension = 7', "Quadratic(dimension=7"),
    ],
)
def test_other_problems(tmp_path, table, shown):
    scenario = load(written(tmp_path, TINY.replace(PROBLEM, f"[problem]\n{table}\n")))
    assert repr(scenario.problem()).startswith(shown)


def test_every_method_can_be_named(tmp_path):
    assert set(known_methods()) >= {"rennala_nigt", "malenia_pg", "afedpg", "synchronous_nigt"}
    needs = {"batch_size": 2, "participants": 2, "max_delay": 2, "seconds": 2.5}  # `workers` is the cluster's
    needs |= {"max_age": 1, "local_steps": 2, "local_step_size": 0.5}
    for name, function in known_methods().items():
        names = inspect.signature(function).parameters
        given = {key: value for key, value in needs.items() if key in names}
        table = f"[methods.{name}]\n" + "".join(f"{key} = {value}\n" for key, value in given.items())
        scenario = load(written(tmp_path, TINY[: TINY.index("[methods")] + table))
        arguments = given | ({"workers": 3} if "workers" in names else {})
        assert scenario.methods == {name: function(step_size=0.03125, **arguments)}


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path):
    marked = load(written(tmp_path, "\ufeff" + TINY)).settings.model_dump()
    assert marked == load(written(tmp_path, TINY)).settings.model_dump()


TITLE = TINY[TINY.index("title") :].split("\n")[0]


def test_texts_may_be_of_any_language(tmp_path):
    label = "ηₖ = ½, \u202eשלום\u202c 🙂\u2028.'[b]"
    text = TINY.replace(TITLE, f'title = "{label}"') + f'[about]\nclaim = "{label}"\n'
    scenario = load(written(tmp_path, text + f'[methods."{label}"]\nmethod = "afedpg"\n'))
    assert scenario.settings.title == scenario.settings.about.claim == label and label in scenario.methods


@pytest.mark.parametrize("character", [r"\u0000", r"\n", r"\t", r"\u001b", r"\u007f", r"\u0085"])
def test_control_characters_are_refused(told, character):
    shown = repr(f"a{character}b".encode().decode("unicode_escape"))
    what = "has a control character: give text of one line, without any"
    table = f'[methods."a{character}b"]\nmethod = "afedpg"\n[methods.afedpg]'
    for old, new, where in (
        (TITLE, f'title = "a{character}b"', "title"),
        ("evaluate_every = 2", f'about = {{claims = ["a{character}b"]}}', "about.claims[0]"),
        ("evaluate_every = 2", f'sweep = {{cluster.compute = ["sqrt", "a{character}b"]}}', "sweep.cluster.compute[1]"),
        ("[methods.afedpg]", table, "methods: key"),
        ("evaluate_every = 2", f'"a{character}b" = 3', "key"),
    ):
        assert told(old, new) == f"{where}={shown} {what}"


LINES = [
    # TOML, tables and keys
    ("seeds = [0, 1]", "seeds = [0, 1", "not TOML: Unclosed array (at line 4, column 1); give lines like key = value"),
    ("seeds = [0, 1]", "sedes = [0]", "sedes=[0] is an unknown key: did you mean 'seeds'?"),
    ("communication", "comunication", "cluster.comunication=0.5 is an unknown key: did you mean 'communication'?"),
    ("horizon", "horizn", "problem.horizn=20 is an unknown key: did you mean 'horizon'?"),
    ("momentum", "momentun", "methods.small.momentun=0.5 is an unknown key: did you mean 'momentum'?"),
    ("momentum", "step_size", "methods.small.step_size=0.5 is an unknown key: did you mean 'step_sizes'?"),
    ("[stop]\nupdates = 3\n", "", "stop is missing: give a table [stop]"),
    ("horizon = 20\n", "", "problem.horizon is missing: give horizon = ... in [problem]"),
    ("seeds = [0, 1]\n", "", "seeds is missing: give seeds = ... at the top"),
    (
        "step_sizes = [0.03125, 0.0625]\n",
        "",
        "step_sizes is missing: give a list of numbers, or methods.rennala_nigt.step_sizes",
    ),
    (
        "batch_size = 4\n",
        "",
        "methods.rennala_nigt.batch_size is missing: give batch_size = ... in [methods.rennala_nigt]",
    ),
    # types
    ("seeds = [0, 1]", "seeds = 3", "seeds=3: give a list"),
    ("seeds = [0, 1]", "seeds = [0, 1.5]", "seeds[1]=1.5: give an integer"),
    ("seeds = [0, 1]", "seeds = [true]", "seeds[0]=True: give an integer"),
    ("seeds = [0, 1]", "seeds = [-1]", "seeds[0]=-1: give an integer >= 0"),
    ('compute = "sqrt"', "compute = 1.0", "cluster.compute=1.0: give a word in quotes, a list or a table"),
    ('compute = "sqrt"', 'compute = [1.0, "a"]', "cluster.compute[1]='a': give a number or a table"),
    ("batch_size = 4", "batch_size = 4.0", "methods.rennala_nigt.batch_size=4.0: give an integer"),
    ("updates = 3", "updates = 3\n[extra]", "extra={} is an unknown key: known: "),
    ("[methods.afedpg]", "[other]", "other={} is an unknown key: "),
    # values
    ("seeds = [0, 1]", "seeds = []", "seeds=[]: give at least 1"),
    ("seeds = [0, 1]", "seeds = [4, 4]", "seeds=[4, 4] has 4 twice: give distinct numbers"),
    ("[0.03125, 0.0625]", "[]", "step_sizes=[]: give at least 1"),
    ("[0.03125, 0.0625]", "[-1.0]", "step_sizes: step_size=-1.0 is no step size: give a finite number > 0"),
    ("[0.25]", "[nan]", "methods.small.step_sizes: step_size=nan is no step size: give a finite number > 0"),
    ("evaluate_every = 2", "evaluate_every = 0", "evaluate_every=0: give an integer >= 1"),
    ("evaluate_every = 2", "target_return = nan", "target_return=nan: give a finite number"),
    ("evaluate_every = 2", "tuning_seeds = []", "tuning_seeds=[]: give at least 1"),
    (
        "evaluate_every = 2",
        "tuning_seeds = [100, 1, 0]",
        "tuning_seeds=[100, 1, 0] has 1, 0 of seeds, too, and step sizes are not to be tuned on the seeds that are "
        "reported: give others",
    ),
    ("evaluate_every = 2", "about = {claim = 3}", "about.claim=3: give a word in quotes"),
    ("evaluate_every = 2", 'about = {minutes = {quick = "a"}}', "about.minutes.quick='a': give a number"),
    ("evaluate_every = 2", 'about = {fig = "2"}', "about.fig='2' is an unknown key: did you mean 'figure'?"),
    ("evaluate_every = 2", 'stale = "cancle"', "stale='cancle': give 'cancel' or 'finish'"),
    ("updates = 3", "", "stop: no stop condition: give updates=, until= or gradients="),
    ("updates = 3", "updates = 0", "stop.updates=0 is no stop condition: give an integer >= 1"),
    ("updates = 3", "until = -1.0", "stop.until=-1.0 is no stop condition: give finite seconds > 0"),
    ("updates = 3", "until = inf", "stop.until=inf is no stop condition: give finite seconds > 0"),
    ("workers = 3\n", "", "cluster.workers is missing: compute='sqrt' needs an integer >= 1"),
    ("workers = 3", "workers = 0", "cluster.workers=0: give an integer >= 1"),
    ('"sqrt"', '"sqrd"', "cluster.compute='sqrd' is unknown: did you mean 'sqrt'?"),
    ('"sqrt"', "[1.0]", "cluster.workers=3, but compute has 1 values: give one per worker"),
    ('"sqrt"', "[1.0, 0.0, 1.0]", "cluster.compute[1]=0.0 is no compute time: give seconds > 0"),
    ('"sqrt"', "[1.0, -2, 1.0]", "cluster.compute[1]=-2.0 is no compute time: give seconds > 0"),
    ('"sqrt"', "[1.0, nan, 1.0]", "cluster.compute[1]=nan is no compute time: give seconds > 0"),
    (
        "= 0.5\n[problem]",
        "= -1.0\n[problem]",
        "cluster.communication=-1.0 is no communication time: give finite seconds >= 0",
    ),
    (
        "= 0.5\n[problem]",
        "= nan\n[problem]",
        "cluster.communication=nan is no communication time: give finite seconds >= 0",
    ),
    (
        "= 0.5\n[problem]",
        "= [1.0]\n[problem]",
        "cluster.communication=[1.0] has 1 values for 3 workers: give one number, one per worker (3), or "
        "cluster.communication = [...] under [sweep]",
    ),
    (
        "communication = 0.5",
        'communication = "sqr"',
        "cluster.communication='sqr' is unknown: did you mean 'sqrt'?",
    ),
    (
        "communication = 0.5",
        "communication = true",
        "cluster.communication=True: give a number, a word in quotes, a list or a table",
    ),
    (
        "communication = 0.5",
        "communication_exponent = nan",
        "cluster.communication_exponent=nan: give a finite number",
    ),
    (
        "communication = 0.5",
        "communication_exponent = 1e3",
        "cluster.communication_exponent=1000.0: give a number <= 10",
    ),
    (
        "communication = 0.5",
        "communication_exponent = -11",
        "cluster.communication_exponent=-11: give a number >= -10",
    ),
    ("discount = 0.9", "discount = 1.0", "problem.discount=1.0 is outside [0, 1): give γ, 0.99 for example"),
    ("discount = 0.9", "discount = nan", "problem.discount=nan is outside [0, 1): give γ, 0.99 for example"),
    ("horizon = 20", "horizon = 0", "problem.horizon=0 is no count: give an integer >= 1"),
    ("hidden = [8]", "hidden = [0]", "problem.hidden[0]=0: give an integer >= 1"),
    ("CartPole-v1", "CartPol-v1", "problem.environment='CartPol-v1' is unknown: did you mean 'CartPole-v1'?"),
    (
        "hidden = [8]",
        "[problem.fields]\nlenght = 1.0",
        "problem.environment field 'lenght' is unknown for CartPole-v1: did you mean 'length'?",
    ),
    (
        "hidden = [8]",
        "[problem.fields]\nlength = [1.0, 2.0]",
        "problem.fields.length has 2 values for 3 workers: give one number, or 3",
    ),
    ("hidden = [8]", "[problem.fields]\nlength = nan", "problem.fields.length=nan: give a finite number or a list"),
    ("hidden = [8]", "fields = {length = [1, 2, nan]}", "problem.fields.length[2]=nan: give a finite number"),
    (
        "hidden = [8]",
        'kind = "garnett"',
        "problem.kind='garnett': give one of 'policy_gradient', 'garnet', 'chain', 'quadratic'",
    ),
    (
        "batch_size = 4",
        "batch_size = 0",
        "methods.rennala_nigt.batch_size=0 is no number of gradients: give an integer >= 1",
    ),
    (
        "momentum = 0.5",
        "momentum = 1.5",
        "methods.small.momentum=1.5 is outside (0, 1]: give the weight of the new gradient, 1 for no memory",
    ),
    (
        "momentum = 0.5",
        "momentum = 0",
        "methods.small.momentum=0.0 is outside (0, 1]: give the weight of the new gradient, 1 for no memory",
    ),
    (
        "[methods.afedpg]",
        "[methods.m_synchronous_nigt]\nparticipants = 4",
        "methods.m_synchronous_nigt.participants=4 exceeds the 3 workers: give at most 3",
    ),
    ("[methods.afedpg]", "[methods.afedgp]", "methods.afedgp is no method: did you mean 'afedpg'?"),
    (
        'method = "rennala_nigt"',
        'method = "renala"',
        "methods.small.method='renala' is no method: did you mean 'rennala_",
    ),
    ('method = "rennala_nigt"', "method = 3", "methods.small.method=3 is no method: known: "),
    ('method = "rennala_nigt"', f"method = {[0] * 999}", "methods.small.method=[0, 0, 0, 0, 0, 0, ...] is no method: "),
    (TINY[TINY.index("[methods") :], "[methods]", "methods={}: give at least 1"),
    (TINY[TINY.index("[methods") :], "", "methods is missing: give a table [methods.NAME]"),
]


@pytest.mark.parametrize(("old", "new", "line"), LINES)
def test_what_is_wrong_is_one_line(told, old, new, line):
    said = told(old, new)
    assert said == line or (line.endswith((" ", "{", "_")) and said.startswith(line)), said


def test_a_stop_condition_that_can_never_be_met(told):
    text = TINY.replace('"sqrt"', "[1.0, inf, 1.0]").replace("[methods.afedpg]", "[methods.synchronous_nigt]")
    line = told("updates = 3", "gradients = 30", text)
    assert line.startswith(
        "cluster.compute[1]=inf: Synchronous waits for worker 1 and gradients= can never be met; give"
    )


def test_the_size_of_a_policy_that_cannot_be_known(told):
    text = TINY.replace("communication = 0.5", "communication = 0.5\ncommunication_exponent = 0.25")
    assert told(PROBLEM, '[problem]\nkind = "garnet"\n', text) == (
        "cluster.communication depends on the number of the policy's parameters, "
        "and problem.kind='garnet' has no policy: leave out communication_exponent"
    )
    line = "problem.environment='CartPol-v1' is unknown: did you mean 'CartPole-v1'?"
    assert told("CartPole-v1", "CartPol-v1", text) == line


def test_other_problems_pass_their_lines_on(told):
    text = TINY.replace(PROBLEM, '[problem]\nkind = "garnet"\nstates = 6\n')
    assert told("states = 6", "states = 0", text).startswith("problem.states")
    assert told("states = 6", "stats = 6", text) == "problem.stats=6 is an unknown key: did you mean 'states'?"


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("bytes.toml").write_bytes(b"title = '\xff'")
    for path, line in (
        ("none.toml", "none.toml: no such file: give a scenario file; `asyncsim list` shows some"),
        (".", ".: Is a directory: give a scenario file that can be read"),
        ("bytes.toml", "bytes.toml: not TOML: byte 9 is not UTF-8; give a text file"),
    ):
        with pytest.raises(ScenarioError) as error:
            load(path)
        assert str(error.value) == line


SCENARIOS = sorted(path for path in EXPERIMENTS.rglob("*.toml") if path.parent.name != "clusters")


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_our_experiments_make_sense(path):
    scenario = load(path)  # with all its presets
    assert scenario.problem().workers in (None, scenario.cluster.workers)


def test_simulating_a_scenario_needs_no_jax(tmp_path):
    code = f"""
import sys
import asyncsim
from asyncsim.scenario import load
scenario = load({str(written(tmp_path, TINY))!r})
assert len(scenario.simulate("afedpg").updates) == 3
timeline = asyncsim.simulate(asyncsim.methods.rennala_nigt(2, 0.1), asyncsim.Cluster([1.0, 2.0]), updates=2)
assert timeline.end == 4.0, timeline.end
assert "jax" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "first",
    ["", "import asyncsim.engine.simulation, asyncsim.learning.replaying", "from asyncsim.engine import Stalled"],
)
def test_public_names_are_the_same_whatever_is_imported_first(first):
    code = f"""
{first}
import asyncsim
from asyncsim import replay, simulate, timeline
assert callable(simulate) and callable(replay) and simulate is asyncsim.simulate
assert type(timeline).__name__ == "module"
assert set(asyncsim.__all__) <= set(dir(asyncsim))
"""
    subprocess.run([sys.executable, "-c", code], check=True)
