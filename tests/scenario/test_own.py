"""What a Python file beside a scenario defines, the scenario may name; and what is said of files that do not do."""

import json
from pathlib import Path

import pytest
from own_code import OWN, SCENARIO

from asyncsim.scenario import ScenarioError, load, own_code, restore

GUIDE = Path(__file__).parents[2] / "notebooks"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(OWN)
    (tmp_path / "s.toml").write_text(SCENARIO)
    return tmp_path


def test_a_scenario_may_name_what_a_file_defines(here):
    own = own_code("mine.py")
    assert [*own.methods] == ["short_pairs"] and [*own.environments] == ["Corridor"]
    scenario = load("s.toml", own="mine.py")
    assert [type(method.rule).__name__ for method in scenario.methods.values()] == ["Pairs", "Pairs"]
    assert [variant.method.rule.seconds for variant in scenario.variants["short_pairs"]] == [4.0, 0.5]
    assert len(scenario.simulate("short_pairs").updates) == 4
    assert isinstance(scenario.problem().environment, own.environments["Corridor"])
    assert load("s.toml", "quick", own="mine.py").settings.seeds == (3,)

    fields = '[problem.fields]\nlength = [1.0, 2.0, 3.0]\n[sweep]\n"methods.eager.seconds" = [4.0, 8.0]\n'
    (here / "s.toml").write_text(SCENARIO + fields)
    scenario = load("s.toml", own="mine.py")
    assert [point.methods["eager"].rule.seconds for _, point in scenario.points] == [4.0, 8.0]
    assert [environment.length for environment in scenario.problem().environment] == [1.0, 2.0, 3.0]


def test_a_network_may_carry_the_parameters_of_a_policy_for_an_own_environment(here):
    ring = '{network = "ring", latency = 0.1, bandwidth = 1e6}'
    (here / "s.toml").write_text(SCENARIO.replace("communication = 0.5", f"communication = {ring}"))
    scenario = load("s.toml", own="mine.py")
    assert scenario.cluster.network.parameters == scenario.problem().policy_network.size == 18


def test_two_files_of_one_name_are_two_modules_and_nothing_is_written(here):
    before = sorted(here.rglob("*"))
    first = own_code("mine.py")
    assert own_code("mine.py").environments == first.environments  # run once
    (here / "mine.py").write_text(OWN.replace("length: float = 3.0", "length: float = 4.0"))  # of the same size
    second = own_code("mine.py")
    assert second.sha256 != first.sha256
    assert [own.environments["Corridor"]().length for own in (first, second)] == [3.0, 4.0]
    assert sorted(here.rglob("*")) == before


def test_a_file_has_no_future_but_its_own(here):
    (here / "mine.py").write_text(OWN.replace("from __future__ import annotations\n", ""))
    assert own_code("mine.py").methods["short_pairs"].__annotations__["seconds"] is float


def test_what_was_written_is_restored_with_the_same_file_only(here):
    given = load("s.toml", own="mine.py")
    written = json.loads(given.settings.model_dump_json())
    assert written["own"] == {"file": "mine.py", "sha256": own_code("mine.py").sha256}
    found = restore(written, here / "settings.json", here, own_code("mine.py"))
    assert found.settings.model_dump_json() == given.settings.model_dump_json() and found.methods == given.methods

    def line(written, own):
        with pytest.raises(ScenarioError) as error:
            restore(written, here / "settings.json", here, own)
        assert "\n" not in str(error.value)
        return str(error.value)

    asked = f"give own=, the path of the file whose sha256 is {written['own']['sha256']}"
    assert line(written, None).endswith(
        f"settings.json: own='mine.py', the Python file with which this was run, is missing: {asked}"
    )
    (here / "mine.py").write_text(OWN + "\n")
    other = own_code("mine.py")
    assert f"is not this 'mine.py', of sha256 {other.sha256}: {asked}" in line(written, other)
    assert "was not there when this was run: leave it out" in line(written | {"own": None}, other)


@pytest.fixture
def told(here):
    """The line that is said of a file, or of a scenario, with some text replaced."""

    def told(old, new, text=OWN, scenario=SCENARIO):
        assert text.count(old) == 1
        (here / "mine.py").write_text(text.replace(old, new))
        (here / "s.toml").write_text(scenario)
        with pytest.raises(ScenarioError) as error:
            load("s.toml", own="mine.py").problem()
        assert "\n" not in str(error.value)
        return str(error.value)

    return told


HEAD = "def short_pairs(seconds: float, step_size: float, longest: float = 1.0) -> Method:"
AT = f"mine.py, line {OWN[: OWN.index('def short_pairs')].count(chr(10)) + 1}: short_pairs"
CORRIDOR = f"mine.py, line {OWN[: OWN.index('class Corridor')].count(chr(10)) + 1}: Corridor"


@pytest.mark.parametrize(
    "old, new, line",
    [
        ('"""Ours."""\n', "def f(:\n", "mine.py, line 1: SyntaxError: invalid syntax: give a file that Python can run"),
        (
            "from __future__ import annotations\n",
            "\n\n1 / 0\n",
            "mine.py, line 5: ZeroDivisionError: division by zero: give",
        ),
        (
            "from __future__ import annotations\n",
            "raise SystemExit(0)\n",
            "mine.py, line 3: SystemExit: 0: give a file that Python can run",
        ),
        (
            "from __future__ import annotations\n",
            "import nothing_of_this_name\n",
            "mine.py, line 3: ModuleNotFoundError: No module named",
        ),
        ('"""Ours."""\n', "\0", "mine.py: SyntaxError: source code string cannot contain null bytes: give"),
        (
            OWN[12:],
            "x = 1\n",
            "mine.py: it defines nothing that a scenario can name: give a public function `-> Method`",
        ),
        (
            HEAD,
            HEAD.replace("short_pairs", "rennala_nigt"),
            f"{AT.replace('short_pairs', 'rennala_nigt')} is built in: ",
        ),
        (HEAD, HEAD.replace("step_size", "rate"), f"{AT} has no parameter step_size: give it one, of type float"),
        (
            HEAD,
            HEAD.replace("1.0)", "1.0, *more)"),
            f"{AT}: *more cannot be given by its name: give parameters that can",
        ),
        (
            HEAD,
            HEAD.replace("seconds: float", "seconds"),
            f"{AT}: parameter seconds cannot be given in TOML: give it a",
        ),
        (
            HEAD,
            HEAD.replace("seconds: float", "seconds: rules.Rennala"),
            f"{AT}: parameter seconds: 'rules.Rennala' cannot be given in TOML: give it a type: bool, int, float, str",
        ),
        (HEAD, HEAD.replace("seconds: float", "seconds: Nowhere"), f"{AT}: name 'Nowhere' is not defined: give"),
        (HEAD, HEAD.replace("seconds: float", "tune: float"), f"{AT}: parameter tune cannot be a key of a scenario"),
        (HEAD, HEAD.replace("seconds: float", "json: float"), f"{AT}: parameter json cannot be a key of a scenario"),
        (
            "@dataclass(frozen=True)\nclass Corridor",
            "\nclass Corridor",
            f"{CORRIDOR} is an environment, and no frozen d",
        ),
        ("    observation_size: ClassVar[int] = 1\n", "", f"{CORRIDOR} has no observation_size: give how many numbers"),
    ],
)
def test_files_that_do_not_do(told, old, new, line):
    for _ in range(2):  # nothing is left of the first time
        assert told(old, new).startswith(line)


@pytest.mark.parametrize(
    "old, new, line",
    [
        (
            "    return Method(",
            "    1 / 0\n    return Method(",
            "s.toml: methods.short_pairs: ZeroDivisionError: division",
        ),
        (
            'Method("short_pairs", Pairs(seconds),',
            "(",
            "s.toml: methods.short_pairs returned Short(step_size=0.03125, longest=0.5): give a Method",
        ),
        (
            "def woken",
            "def waken",
            "s.toml: methods.short_pairs: Pairs at Ticket(worker=0, job=0, version=0): wake=5.0,",
        ),
        (
            "def receive",
            "def receives",
            "s.toml: methods.short_pairs: Pairs has no method receive: give all of empty, ",
        ),
        (
            "def query",
            "def ask",
            "s.toml: methods.short_pairs: Short has no method query: give all of init, apply, query",
        ),
        (
            '"round"',
            '"rounds"',
            "s.toml: methods.short_pairs: Pairs.communication='rounds': give 'round' or 'gradient'",
        ),
        ("def empty(self, workers)", "def empty(self)", "s.toml: methods.short_pairs: TypeError: Pairs.empty() takes"),
        ("length: float = 3.0", "length: float", "s.toml: problem: TypeError: Corridor.__init__() missing 1 required"),
        (
            "actions: ClassVar[Discrete] = Discrete(2)",
            "actions: ClassVar = 2",
            "s.toml: problem.environment is a mine_",
        ),
    ],
)
def test_what_they_define_does_not_do(told, old, new, line):
    assert told(old, new).startswith(line)


def test_the_line_of_the_file_is_told(told):
    said = told("    return Method(", "    1 / 0\n    return Method(")
    assert said.endswith(f"division by zero (mine.py, line {OWN[: OWN.rindex('    return Me')].count(chr(10)) + 1})")


def test_the_cause_is_kept(here):
    (here / "mine.py").write_text(OWN.replace("    return Method(", "    1 / 0\n    return Method("))
    with pytest.raises(ScenarioError) as error:
        load("s.toml", own="mine.py")
    assert isinstance(error.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize(
    "old, new, line",
    [
        ("seconds = 0.25", "seconds = -4.0", "s.toml: methods.eager.seconds=-4.0: give seconds > 0"),
        (
            "seconds = 0.25",
            "second = 4.0",
            "s.toml: methods.eager.second=4.0 is an unknown key: did you mean 'sec",
        ),
        ("seconds = 0.25", "", "s.toml: methods.eager.seconds is missing: give seconds = ... in [methods.eager]"),
        ('method = "short_pairs"', 'method = "helper"', "s.toml: methods.eager.method='helper' is no method: "),
        ('"Corridor"', '"Coridor"', "s.toml: problem.environment='Coridor' is unknown: did you mean 'Corridor'?"),
        (
            'title = "own"',
            'own = "mine.py"',
            "s.toml: own='mine.py': give no code in a scenario, but beside it, as --with",
        ),
        (
            'title = "own"',
            'own = {file = "mine.py"}',
            "s.toml: own={'file': 'mine.py'}: give no code in a scenario, but",
        ),
        (
            "[quick]",
            '[quick]\nown = "mine.py"',
            "s.toml: with [quick]: own='mine.py': give no code in a scenario, but be",
        ),
        (
            "[stop]",
            '[sweep]\nown = ["mine.py"]\n[stop]',
            "s.toml: sweep.own=['mine.py'] cannot be swept: give a key of ",
        ),
    ],
)
def test_scenarios_that_do_not_do(told, old, new, line):
    assert SCENARIO.count(old) == 1
    assert told('"""Ours."""', "", scenario=SCENARIO.replace(old, new)).startswith(line)


def test_an_environment_of_gymnasiums_kind_may_be_named(here):
    """With its constructor's keywords as fields, for all workers or one each."""
    (here / "mine.py").write_text((GUIDE / "own_method.py").read_text())
    text = (GUIDE / "own-method.toml").read_text()

    def problem(wind):
        (here / "s.toml").write_text(text.replace("wind = 0.3", wind))
        return load("s.toml", own="mine.py").problem()

    one = problem("wind = 0.3")
    assert one == problem("wind = 0.3") != problem("wind = 0.4")  # or else no program is found again
    assert [maker().wind for maker in one.environment.makers] == [0.3]
    every = problem("wind = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]")
    assert [environment.makers[environment.worker]().wind for environment in every.environment] == [
        0.0, 0.1, 0.2, 0.3, 0.4, 0.5,
    ]  # fmt: skip
    with pytest.raises(ScenarioError, match="environment field 'wint' is unknown for Corridor: did you mean 'wind'"):
        problem("wint = 0.3")


def test_files_that_are_not_there(here):
    (here / "folder.py").mkdir()
    for name, why in (("none.py", "No such file or directory"), ("folder.py", "Is a directory")):
        with pytest.raises(ScenarioError, match=f"^{name}: {why}: give a Python file$"):
            load("s.toml", own=name)
    (here / "s.toml").write_text('own = "mine.py"\n' + SCENARIO)
    with pytest.raises(ScenarioError, match="^s.toml: own='mine.py': give no code in a scenario"):
        load("s.toml")
