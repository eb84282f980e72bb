"""What the command line changes in a scenario: any key, and seeds."""

import pytest

from asyncsim import results
from asyncsim.scenario import ScenarioError, load
from asyncsim.scenario.changes import changes_in_name, read_changes, read_seeds
from asyncsim.scenario.shipped import known_scenarios


def test_values_are_as_in_toml_and_words_need_no_quotes():
    given = ["a.b=2", "c=[0, 1.5]", "d=sqrt", "e='two words'", "f=true", "g=inf", "h={x = 1}"]
    wanted = {"a.b": 2, "c": [0, 1.5], "d": "sqrt", "e": "two words", "f": True, "g": float("inf"), "h": {"x": 1}}
    assert read_changes(given) == wanted


@pytest.mark.parametrize(
    "given, line",
    [
        (["a"], "--set 'a': give KEY=VALUE"),
        (["=1"], "--set '=1': give KEY=VALUE"),
        (["a=1\nb=2"], "--set a="),
        (["a=[1"], "give a value as TOML has it"),
        (["a=" + "[" * 100_000], "give a value as TOML has it"),
        (["a=1", "a=2"], "--set a is given twice"),
    ],
    ids=range(6),
)
def test_what_is_no_value_is_told_in_a_line(given, line):
    with pytest.raises(ScenarioError) as error:
        read_changes(given)
    assert line in str(error.value) and "\n" not in str(error.value)


def test_seeds_are_a_range_a_list_or_more():
    assert read_seeds("5..9", [0]) == [5, 6, 7, 8, 9]
    assert read_seeds("0,3,7", [0]) == [0, 3, 7]
    assert read_seeds("+2", [0, 4]) == [0, 4, 5, 6]
    for text in ("9..5", "+0", "0..99999999", "5..", "a", "1,,2", "-1", "+9999999999"):
        with pytest.raises(ScenarioError, match="--seeds"):
            read_seeds(text, [0])


def test_a_change_is_made_after_the_preset():
    path = known_scenarios()["straggler"]
    plain, changed = (load(path, "quick", changes) for changes in (None, {"cluster.communication": 5.0, "seeds": "+2"}))
    assert (plain.cluster.kappas[0], changed.cluster.kappas[0]) == (1.0, 5.0)
    assert changed.settings.seeds == (*plain.settings.seeds, 2, 3)
    assert changed.settings.stop == plain.settings.stop


def test_what_may_not_be_changed_names_the_key():
    for name, changes, line in (
        ("quickstart", {"cluster.communcation": 2}, "did you mean 'communication'"),
        ("quickstart", {"cluster.workers.3": 1}, "cluster.workers=10 is no table"),
        ("quickstart", {"seeds": "5..3"}, "--seeds 5..3"),
        ("communication", {"cluster.communication": 2.0}, "cluster.communication is swept"),
        ("communication", {"cluster": 2.0}, "cluster.communication is swept"),
        ("quikstart", {}, "did you mean 'quickstart'"),
    ):
        with pytest.raises(ScenarioError) as error:
            load(name, changes=changes)
        assert line in str(error.value) and "\n" not in str(error.value)
    swept = load("communication", changes={"sweep.cluster.communication": [2.0, 3.0]})
    assert [values for values, _ in swept.points] == [{"communication": 2.0}, {"communication": 3.0}]


def test_results_of_a_changed_scenario_lie_beside_the_others():
    changes = {"cluster.communication": 2, "seeds": "+5", "title": "../a b"}
    more = changes_in_name(changes)
    assert more == "communication=2,title=..ab"
    assert str(results.place("experiments/a.toml", "quick", more)) == f"results/a-quick-{more}"
    assert not changes_in_name({"seeds": "+5"})


def test_more_seeds_extend_results(tmp_path):
    few, more, others = (load("quickstart", changes={"seeds": seeds}).settings for seeds in ("0..2", "0..4", "1..4"))
    with results.reserve(tmp_path / "a", few) as verb:
        assert verb == "wrote"
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "settings.json").write_text('{"scenario": ' + few.model_dump_json() + "}")
    with results.reserve(tmp_path / "a", more) as verb:
        assert verb == "extended the same scenario's results by seeds"
    with pytest.raises(FileExistsError, match="another scenario's results"), results.reserve(tmp_path / "a", others):
        pass
