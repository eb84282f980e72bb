"""The reference of scenario files is read off the code, and has all of it."""

import json
import tomllib
from pathlib import Path

import pytest

from asyncsim.scenario import ScenarioError, known_methods, load, reference
from asyncsim.scenario.settings import MethodTable
from asyncsim.scenario.shipped import known_scenarios, template
from asyncsim.scenario.tables import keys_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def every():
    return reference.keys()


def test_every_key_has_a_meaning_and_a_type(every):
    assert [key.name for key in every if not (key.meaning and key.type)] == []
    names = [(key.name, key.kind) for key in every]
    assert len({*names}) == len(names)


def test_keys_of_methods_are_those_of_their_functions(every):
    names = {key.name for key in every}
    for method, function in known_methods().items():
        own = {*keys_of(function)} - {"step_size", "workers"}
        assert {f"methods.{method}.{key}" for key in own} <= names
    assert {f"methods.*.{key}" for key in MethodTable.model_fields} <= names


def test_every_key_of_the_scenarios_is_in_it(every):
    def leaves(data, parts=()):
        entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
        for key, value in entries:
            yield from leaves(value, (*parts, str(key)))
        if isinstance(data, dict) or data and isinstance(data, list):  # a table may be empty
            return
        yield parts

    free = ("quick", "sweep", "about", "problem.fields")  # as the rest of the file; labels of any kind
    for path in known_scenarios().values():
        for parts in leaves(tomllib.loads(path.read_text())):
            while parts[-1].isdecimal():  # an entry of a list of numbers
                parts = parts[:-1]
            name = ".".join(parts)
            if not name.startswith(free) and ".tune" not in name and parts[-1] not in reference.TAGS:
                assert reference.keys_like(name), name


def test_a_key_is_found_by_its_name_or_its_end(every):
    assert [key.name for key in reference.keys_like("cluster.communication")] == ["cluster.communication"]
    assert {key.name for key in reference.keys_like("momentum")} >= {"methods.afedpg.momentum"}
    assert {key.kind for key in reference.keys_like("cluster.compute[3].minimum")} == {'distribution = "pareto"'}
    assert {key.name.split(".")[1] for key in reference.keys_like("rennala_nigt")} == {"rennala_nigt"}
    with pytest.raises(ScenarioError, match="did you mean 'communication'"):
        reference.keys_like("comunication")


def test_examples_are_lines_of_scenarios(every):
    (key,) = reference.keys_like("cluster.communication_exponent")
    line, name = reference.example(key)
    assert line == "communication_exponent = 0.25" and line in known_scenarios()[name].read_text()
    (key,) = reference.keys_like("methods.*.step_sizes")
    line, name = reference.example(key)
    tables = tomllib.loads(known_scenarios()[name].read_text())["methods"].values()
    assert line in [f"step_sizes = {table.get('step_sizes')}" for table in tables]  # not that of the whole file


def test_the_page_is_up_to_date():
    assert (ROOT / "notebooks" / "reference.md").read_text() == reference.page()


def test_the_schema_describes_all_and_refers_to_what_there_is():
    schema = reference.schema()
    text = json.dumps(schema)
    for part in text.split('"$ref": "#/$defs/')[1:]:
        assert part.partition('"')[0] in schema["$defs"]
    assert {*known_methods()} <= {*schema["properties"]["methods"]["properties"]}
    assert "own" not in schema["properties"]


def test_the_template_is_a_scenario(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(template("mine"))
    assert "asyncsim run mine.toml" in path.read_text()
    assert [*load(path).methods] == ["rennala_nigt", "synchronous_nigt"]
