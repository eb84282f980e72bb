"""What a scenario claims, read with labels that may hold anything."""

import json

import pytest

from asyncsim import results
from asyncsim.scenario import Claim, ScenarioError, load, read_claims

HEAD = """
seeds = [0]
step_sizes = [0.5]
[stop]
updates = 1
[cluster]
compute = [1.0]
[problem]
kind = "chain"
"""


def scenario(tmp_path, labels, claims=(), head=HEAD):
    about = f"[about]\nclaims = {json.dumps(claims, ensure_ascii=False)}\n"
    tables = "".join(f"[methods.{json.dumps(label, ensure_ascii=False)}]\nmethod = 'afedpg'\n" for label in labels)
    path = tmp_path / "x.toml"
    path.write_text(head + about + tables)
    return load(path)


def test_a_claim_is_of_two_labels_and_a_measure(tmp_path):
    found = scenario(tmp_path, ["a", "b"], ["b > a, area", "a > b,final", "a > b,  area "]).claims
    assert found == (Claim("b", "a", "area"), Claim("a", "b", "final"), Claim("a", "b", "area"))
    assert str(found[0]) == "b > a, area"
    assert scenario(tmp_path, ["a", "b"]).claims == ()


LABELS = ["", "a, b", "x > y", "η 0.1, time", "[b]", ",", " > ", "$2 & $3", "$2 & $3 "]


@pytest.mark.parametrize("label", LABELS)
def test_labels_may_hold_anything(tmp_path, label):
    claims = [f"{label} > plain, area", f"plain > {label}, final"]
    found = scenario(tmp_path, [*LABELS, "plain"], claims).claims
    assert found == (Claim(label, "plain", "area"), Claim("plain", label, "final"))


def test_claims_change_no_result(tmp_path):
    with_claims, without = scenario(tmp_path, ["a", "b"], ["b > a, area"]), scenario(tmp_path, ["a", "b"])
    assert results.as_data(with_claims.settings) == results.as_data(without.settings)


GRAMMAR = "give 'LABEL > LABEL, MEASURE'"


@pytest.mark.parametrize(
    ("claim", "wrong"),
    [
        ("", f"='' is no claim: {GRAMMAR}"),
        ("a > b", f"='a > b' is no claim: {GRAMMAR}"),
        ("a > b, aera", "='a > b, aera' has no measure 'aera': did you mean 'area'?"),
        ("a > b, speed", "='a > b, speed' has no measure 'speed': known: final, area, time"),
        ("a > c, area", f"='a > c, area' has no method 'c': {GRAMMAR}; known: a, b, a > b, b > a"),
        ("A > b, area", f"='A > b, area' has no method 'A': {GRAMMAR}; known: a, b, a > b, b > a"),
        ("a > a, area", f"='a > a, area' does not compare two methods: {GRAMMAR}; known: a, b, a > b, b > a"),
        ("a, area", f"='a, area' does not compare two methods: {GRAMMAR}; known: a, b, a > b, b > a"),
        ("a > b > a, area", "='a > b > a, area' may mean several pairs of methods: give one of them another label"),
        (
            "a > b, time",
            "='a > b, time' is about the time to target_return, which is missing: give it, or claim final or area",
        ),
    ],
)
def test_what_is_wrong_with_a_claim(tmp_path, claim, wrong):
    labels = ["a", "b", "a > b", "b > a"]
    with pytest.raises(ScenarioError) as error:
        scenario(tmp_path, labels, ["a > b, area", claim])
    assert str(error.value) == f"{tmp_path}/x.toml: about.claims[1]{wrong}"
    with pytest.raises(ScenarioError) as error:
        read_claims([claim], scenario(tmp_path, labels).settings)
    assert str(error.value) == f"claims[0]{wrong}"


def test_a_preset_may_have_no_target_for_a_claim(tmp_path):
    timed = "target_return = 1.0\n" + HEAD
    assert scenario(tmp_path, ["a", "b"], ["a > b, time"], timed).claims[0].measure == "time"
    swept = timed.replace("[stop]", '[sweep]\nstale = ["cancel", "finish"]\n[stop]')
    assert len(scenario(tmp_path, ["a", "b"], ["a > b, time"], swept).claims) == 1
    with pytest.raises(
        ScenarioError, match=r"about\.claims=\('a > b, time',\)|about\.claims='a > b, time': give a list"
    ):
        text = (tmp_path / "x.toml").read_text().replace('["a > b, time"]', '"a > b, time"')
        (tmp_path / "x.toml").write_text(text)
        load(tmp_path / "x.toml")
