"""The schemas of the files a user writes say what the readers do, neither more nor less."""

import copy
import json
import re
import tomllib
from datetime import date
from importlib.resources import files

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from caucasus_forecast import case as cases
from caucasus_forecast import scenarios, schemas
from caucasus_forecast.cli import main
from caucasus_forecast.errors import CaseError, ScenarioError

SCENARIO, CASE = schemas.scenario(), schemas.case()

# ---------------------------------------------------------- a validator for the keywords used

SAID_ONLY = {"$schema", "$defs", "title", "description", "default"}
TYPES = {
    "object": lambda x: isinstance(x, dict),
    "array": lambda x: isinstance(x, list),
    "string": lambda x: isinstance(x, str),
    "boolean": lambda x: isinstance(x, bool),
    "integer": lambda x: isinstance(x, int) and not isinstance(x, bool),
    "number": lambda x: isinstance(x, int | float) and not isinstance(x, bool),
}


def _is_date(text):
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


def _same(a, b):
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def _table(x, schema, root):
    known = schema.get("properties", {})
    return (
        all(valid(v, known[k], root) for k, v in x.items() if k in known)
        and (schema.get("additionalProperties", True) or set(x) <= set(known))
        and set(schema.get("required", ())) <= set(x)
        and all(valid(x, s, root) for k, s in schema.get("dependentSchemas", {}).items() if k in x)
    )


def _number(x, schema):
    return schema.get("minimum", x) <= x <= schema.get("maximum", x)


def _list(x, schema, root):
    each = all(valid(i, schema["items"], root) for i in x) if "items" in schema else True
    return each and schema.get("minItems", 0) <= len(x) <= schema.get("maxItems", len(x))


def _text(x, schema):
    return bool(re.search(schema.get("pattern", ""), x)) and (
        schema.get("format") != "date" or _is_date(x)
    )


KEYWORDS = SAID_ONLY | {
    "$ref", "type", "enum", "const", "anyOf", "not", "properties", "additionalProperties",
    "required", "dependentSchemas", "minimum", "maximum", "items", "minItems", "maxItems",
    "pattern", "format",
}  # fmt: skip


def valid(x, schema, root):
    """Whether a value is valid, by JSON Schema 2020-12; no keyword is passed over."""
    assert schema.keys() <= KEYWORDS
    if "$ref" in schema and not valid(x, root["$defs"][schema["$ref"].rpartition("/")[2]], root):
        return False
    if "type" in schema and not TYPES[schema["type"]](x):
        return False
    if "enum" in schema and not any(_same(x, v) for v in schema["enum"]):
        return False
    if "const" in schema and not _same(x, schema["const"]):
        return False
    if "anyOf" in schema and not any(valid(x, s, root) for s in schema["anyOf"]):
        return False
    if "not" in schema and valid(x, schema["not"], root):
        return False
    if isinstance(x, dict):
        return _table(x, schema, root)
    if isinstance(x, list):
        return _list(x, schema, root)
    if isinstance(x, str):
        return _text(x, schema)
    return isinstance(x, bool) or _number(x, schema)


# ------------------------------------------------------------------------- what a user writes

texts = st.sampled_from(["S1", "a rule", "treaty", "battle_deaths", "share"])
bounds = st.fixed_dictionaries(
    {}, optional={"at_least": st.sampled_from([-1, 0, 2.5]), "below": st.sampled_from([3, 7.5])}
)
windows = st.fixed_dictionaries({}, optional={"last": st.integers(0, 4)})
measured = st.tuples(st.sampled_from(["max", "total", "mean"]), windows).map(
    lambda x: {"measure": x[0], "of": "battle_deaths"} | x[1]
) | st.sampled_from([{"measure": m, "of": "treaty"} for m in ("status", "share", "change")])
conditions = st.tuples(measured, bounds.filter(bool)).map(
    lambda x: x[0] | x[1]
) | st.booleans().map(lambda b: {"measure": "status", "of": "treaty", "is": b})
said = {"rule": texts, "source": texts, "void": texts}
answer = st.tuples(texts, bounds).map(lambda x: {"label": x[0]} | x[1])


def _numbered(bodies, letter):
    return [body | {"id": f"{letter}{i}"} for i, body in enumerate(bodies)]


states = st.lists(
    st.fixed_dictionaries(said | {"name": texts, "when": st.lists(conditions, max_size=2)}),
    min_size=2, max_size=3,
).map(lambda x: _numbered(x, "S"))  # fmt: skip
asked = st.lists(
    st.fixed_dictionaries(
        said
        | {"title": texts, "measure": measured, "answers": st.lists(answer, min_size=2, max_size=3)}
    ),
    max_size=2,
).map(lambda x: _numbered(x, "Q"))
sets = st.fixed_dictionaries(
    {"scenario": states},
    optional={"question": asked, "name": texts, "title": st.just(""), "ordered": st.booleans()},
)
JUNK = [True, 0, -1, 2, 2.5, "x", " ", "", "max", "status", [], {}, [1], {"of": "treaty"}]
junk = st.sampled_from(JUNK).map(copy.deepcopy)
KEYS = ["is", "last", "at_least", "below", "of", "name", "atleast", "when", "rule"]


def places(body, path=()):
    """Every place inside a file, as the keys that lead there."""
    inside = body.items() if isinstance(body, dict) else enumerate(body)
    for key, value in inside:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def broken(data, body):
    """A file with something removed, replaced or added, up to three times."""
    body = copy.deepcopy(body)
    for _ in range(data.draw(st.integers(0, 3))):
        found = list(places(body))
        if not found:
            break
        *path, key = data.draw(st.sampled_from(found))
        inside = body
        for step in path:
            inside = inside[step]
        way = data.draw(st.sampled_from(["remove", "replace", "add"]))
        if way == "remove":
            del inside[key]
        elif way == "add" and isinstance(inside, dict):
            inside[data.draw(st.sampled_from(KEYS))] = data.draw(junk)
        else:
            inside[key] = data.draw(junk)
    return body


def refusal_of_set(body):
    try:
        scenarios.from_fields(body, "own.toml")
    except ScenarioError as error:
        return str(error)
    return ""


@given(sets)
def test_what_a_user_may_write_is_valid_and_read(body):
    assert valid(body, SCENARIO, SCENARIO)
    assert refusal_of_set(body) == ""


@settings(max_examples=400)
@given(st.data(), sets)
def test_a_scenario_file_is_valid_where_the_reader_accepts_it(data, body):
    body = broken(data, body)
    told = refusal_of_set(body)
    assume("swap the bounds" not in told)  # what no schema can say
    assume("used twice" not in told)
    assert valid(body, SCENARIO, SCENARIO) == (told == ""), told


cases_ = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["mine", ".hidden", "a b", ""]),
        "title": st.sampled_from(["", "x", 3]),
        "as_of": st.sampled_from(["2021-11-30", "2021-13-01", "soon", 5, True]),
        "model": st.sampled_from(["ladder", "drift", "laddr", 1]),
        "sampler": st.sampled_from(["nutpie", "pymc", "stan"]),
        "horizon": st.sampled_from([1, 12, 0, 121, "12", True, 2.5]),
        "draws": st.sampled_from([4, 3, 1000]),
        "graph": st.sampled_from(["mine.toml", 3]),
        "horison": st.just(12),
    },
)


@given(cases_)
def test_a_case_file_is_valid_where_the_reader_accepts_it(body):
    try:
        cases.make("mine.toml", dict(body))
        told = ""
    except CaseError as error:
        told = str(error)
    assert valid(body, CASE, CASE) == (told == ""), told


@pytest.mark.parametrize(
    ("folder", "schema"), [("scenarios", SCENARIO), ("cases", CASE)], ids=["scenarios", "cases"]
)
def test_the_shipped_files_are_valid(folder, schema):
    found = files("caucasus_forecast").joinpath("data", folder)
    for file in found.iterdir():
        body = tomllib.loads(file.read_text(encoding="utf-8"))
        assert valid(json.loads(json.dumps(body, default=str)), schema, schema), file.name


def _fields_of(schema):
    yield from schema["properties"].items()
    for name, table in schema.get("$defs", {}).items():
        assert table["description"], name
        yield from table["properties"].items()


@pytest.mark.parametrize("schema", [SCENARIO, CASE], ids=["scenario", "case"])
def test_every_field_is_described_and_none_may_be_null(schema):
    assert all(len(field["description"]) > 10 for _, field in _fields_of(schema))
    assert "null" not in json.dumps(schema, allow_nan=False)
    assert schema["$schema"] == schemas.DRAFT


def test_every_field_of_a_case_has_its_words():
    assert set(schemas.CASE_FIELDS) == set(cases.Case.model_fields)


@pytest.mark.parametrize("kind", ["scenario", "case"])
def test_a_schema_is_printed_for_an_editor(kind, capsys):
    assert main(["scenarios", "schema", kind]) == 0
    assert json.loads(capsys.readouterr().out) == schemas.of(kind)


def test_a_kind_without_a_schema_is_refused_with_the_nearest(capsys):
    assert main(["scenarios", "schema", "scenarios"]) == 2
    told = "error: no schema of 'scenarios'; did you mean 'scenario'? Allowed: case, scenario"
    assert told in capsys.readouterr().err
