"""A scenario set as a TOML file: its fields, how it is read, how it is refused.

The fields are pydantic models, from which the reader and the JSON Schema of
`caucasus_forecast.schemas` both come. What a schema can say of one field and its neighbours is said
in the models; that bounds are in order and ids are used once is said by the reader alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .. import shipped
from ..errors import ScenarioError, nearest
from ..named import read_text, shown, strict_json, toml
from .rules import MEASURES, WINDOWED, Condition, Measure, Question, Scenario, ScenarioSet

Text = Annotated[str, Field(pattern=r"\S")]
Number = Annotated[float, Field(allow_inf_nan=False)]
MOST = 100  # scenarios: a forecast keeps the number of one in a byte
BOUNDS = ("at_least", "below", "is")
RULES: dict[str, Any] = {
    "anyOf": [{"required": [key]} for key in BOUNDS],
    "dependentSchemas": {
        "is": {
            "properties": {"measure": {"const": "status"}},
            "not": {"anyOf": [{"required": ["at_least"]}, {"required": ["below"]}]},
        },
        "last": {"properties": {"measure": {"enum": list(WINDOWED)}}},
    },
}


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Resolved(_Fields):
    id: Annotated[Text, Field(description="Short name, as S1 or Q1; used once.")]
    rule: Annotated[Text, Field(description="How it is resolved, in words.")]
    source: Annotated[Text, Field(description="Who publishes what decides it.")]
    void: Annotated[Text, Field(description="What makes it unresolvable, and not to be scored.")]


class _Range(_Fields):
    at_least: Annotated[Number, Field(description="Smallest value, included.")] = -math.inf
    below: Annotated[Number, Field(description="Largest value, excluded.")] = math.inf

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.at_least >= self.below:
            raise ValueError(
                f"nothing is at_least {self.at_least:g} and below {self.below:g}; swap the bounds"
            )
        return self


class MeasureTable(_Fields):
    """A measure of one series."""

    model_config = ConfigDict(
        json_schema_extra={"dependentSchemas": {"last": RULES["dependentSchemas"]["last"]}}
    )
    measure: Annotated[Measure, Field(description="What is taken of the series.")]
    of: Annotated[Text, Field(description="battle_deaths, or a node of the graph.")]
    last: Annotated[
        int, Field(ge=0, description="Only the last so many months; 0 for all of them.")
    ] = 0

    @model_validator(mode="after")
    def _windowed(self) -> Self:
        if "last" in self.model_fields_set and self.measure not in WINDOWED:
            raise ValueError(f"'last' goes with {', '.join(WINDOWED)}, not with {self.measure}")
        return self


class ConditionTable(MeasureTable, _Range):
    """A measure of one series, and the range it must lie in."""

    model_config = ConfigDict(json_schema_extra=RULES)
    is_: Annotated[
        bool | None, Field(alias="is", description="For a status: whether its state holds.")
    ] = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        bounds = self.model_fields_set & {"at_least", "below"}
        if "is_" in self.model_fields_set:
            if self.measure != "status" or self.is_ is None or bounds:
                raise ValueError(
                    f"'is' is {self.is_!r}; it goes with measure 'status' and no other bound, and "
                    "is true or false"
                )
        elif not bounds:
            raise ValueError(f"a condition on {self.of!r} has no bound; add at_least or below")
        return self

    def condition(self) -> Condition:
        """As the rest of the library has it."""
        at_least, below = self.at_least, self.below
        if self.is_ is not None:
            at_least, below = (0.5, math.inf) if self.is_ else (-math.inf, 0.5)
        return Condition(self.measure, self.of, at_least, below, self.last)


class ScenarioTable(_Resolved):
    """One named future."""

    name: Annotated[Text, Field(description="What it is called.")]
    when: Annotated[
        list[ConditionTable],
        Field(description="All must hold. Empty: everything that no scenario above takes."),
    ]

    def scenario(self) -> Scenario:
        """As the rest of the library has it."""
        when = tuple(c.condition() for c in self.when)
        return Scenario(self.id, self.name, when, self.rule, self.source, self.void)


class AnswerTable(_Range):
    """One answer: a label, and the range of the measure."""

    label: Annotated[Text, Field(description="The answer, in words.")]


class QuestionTable(_Resolved):
    """One side question: a measure cut into answers."""

    title: Annotated[Text, Field(description="The question, in words.")]
    measure: Annotated[MeasureTable, Field(description="What is taken, at the horizon.")]
    answers: Annotated[
        list[AnswerTable], Field(min_length=2, description="Ranges that touch and do not overlap.")
    ]

    def question(self) -> Question:
        """As the rest of the library has it."""
        m = Condition(self.measure.measure, self.measure.of, last=self.measure.last)
        answers = tuple(
            (a.label, Condition(m.measure, m.of, a.at_least, a.below, m.last)) for a in self.answers
        )
        return Question(self.id, self.title, m, answers, self.rule, self.source, self.void)


class ScenarioFile(_Fields):
    """A scenario set: futures that exclude each other, and side questions."""

    name: Annotated[Text, Field(description="Name of the set.")] = "unnamed"
    title: Annotated[str, Field(description="What it asks, in words.")] = ""
    ordered: Annotated[
        bool,
        Field(description="Whether the first scenario that holds decides, or they exclude others."),
    ] = True
    scenario: Annotated[
        list[ScenarioTable], Field(min_length=2, max_length=MOST, description="The futures.")
    ]
    question: Annotated[list[QuestionTable], Field(description="The side questions.")] = []

    @model_validator(mode="after")
    def _ids(self) -> Self:
        seen: set[str] = set()
        for item in (*self.scenario, *self.question):
            if item.id in seen:
                raise ValueError(f"id {item.id!r} is used twice; rename one")
            seen.add(item.id)
        return self

    def scenario_set(self) -> ScenarioSet:
        """As the rest of the library has it."""
        scenarios = tuple(s.scenario() for s in self.scenario)
        questions = tuple(q.question() for q in self.question)
        return ScenarioSet(self.name, self.title, scenarios, questions, self.ordered)


# --------------------------------------------------------------------------- reading


def load(name_or_path: str | Path) -> ScenarioSet:
    """A shipped scenario set by name, or one from a TOML file.

    Raises
    ------
    ScenarioError
        Naming the file, the scenario, the key, the value and what is allowed.

    Examples
    --------
    >>> load("alyarli-2021").scenarios[0].name
    'renewed war'
    """
    text = str(name_or_path)
    if text in available():
        return _shipped(text)
    body = read_text(name_or_path, "scenario set", available(), ScenarioError)
    return read(body, Path(name_or_path).name)


def available() -> tuple[str, ...]:
    """Names of the shipped scenario sets.

    Examples
    --------
    >>> "after-mission" in available()
    True
    """
    return shipped.listed("data/scenarios")


@cache
def _shipped(name: str) -> ScenarioSet:
    file = f"{name}.toml"
    return read(shipped.text(f"data/scenarios/{file}"), file)


def read(text: str, where: str) -> ScenarioSet:
    """A scenario set from the text of a TOML file; `where` is how errors name it.

    Raises
    ------
    ScenarioError
        Whatever is wrong with the text.
    """
    return from_fields(toml(text, where, ScenarioError), where)


def from_fields(body: Mapping[str, Any], where: str) -> ScenarioSet:
    """A scenario set from the fields of its file; `where` is how errors name it.

    Raises
    ------
    ScenarioError
        Whatever is wrong with the fields.
    """
    try:
        return ScenarioFile.model_validate(dict(body)).scenario_set()
    except ValidationError as error:
        found = error.errors(include_url=False)
        first = next((f for f in found if f["type"] == "extra_forbidden"), found[0])
        raise ScenarioError(f"{_place(body, first['loc'], where)}: {_told(first)}") from None


def from_json(text: str, where: str) -> ScenarioSet:
    """A scenario set from what `ScenarioSet.to_json` wrote."""
    return from_fields(strict_json(text, where, ScenarioError), where)


# --------------------------------------------------------------------------- refusals


TABLES: dict[str, type[BaseModel]] = {
    "": ScenarioFile,
    "scenario": ScenarioTable,
    "question": QuestionTable,
    "when": ConditionTable,
    "measure": MeasureTable,
    "answers": AnswerTable,
}
CONDITION, ANSWERS = "{ measure = , of = }", "[{ label = , below = }, { label = , at_least = }]"
WRITE = {
    ("scenario", "when"): "a list of conditions",
    ("question", "measure"): CONDITION,
    ("question", "answers"): ANSWERS,
    ("when", "measure"): " or ".join(MEASURES),
    ("measure", "measure"): " or ".join(MEASURES),
    ("", "ordered"): "true or false",
    ("when", "last"): "a number of months",
    ("measure", "last"): "a number of months",
    **{(table, key): "a number" for table in ("when", "answers") for key in ("at_least", "below")},
}


def _place(body: Mapping[str, Any], loc: tuple[Any, ...], where: str) -> str:
    if len(loc) < 2 or not isinstance(loc[1], int):
        return where
    entry = body[loc[0]][loc[1]]
    ident = f" ({entry.get('id', 'no id')})" if isinstance(entry, dict) else ""
    return f"{where}: {loc[0]} {loc[1] + 1}{ident}"


def _told(fault: Mapping[str, Any]) -> str:
    """What is wrong with a field, and the cure."""
    loc, kind, value = fault["loc"], fault["type"], fault["input"]
    named = [x for x in loc if isinstance(x, str)]
    table, key = ("", "", *named)[-2:]
    if kind == "value_error":
        return str(fault["ctx"]["error"])
    if kind == "extra_forbidden":
        return _unknown(key, table)
    if kind == "too_long":
        return f"{len(value)} scenarios; at most {MOST} are told apart"
    if kind == "too_short":
        short = {"answers": "give at least two answers"}
        return short.get(key, f"{len(value)} scenarios; a partition needs at least two")
    if key == "scenario" and kind == "missing":
        return "0 scenarios; a partition needs at least two"
    if kind == "literal_error" and isinstance(value, str):
        return f"measure {value!r}: {nearest(value, MEASURES)}"
    if key == "is":
        return (
            f"'is' is {shown(value)}; it goes with measure 'status' and no other bound, and is "
            "true or false"
        )
    if key in ("scenario", "question"):
        return f"{key!r} must be tables, written [[{key}]]"
    if key == "answers" and kind != "missing":
        return f"'answers' must be tables: {ANSWERS}"
    if kind == "model_type":
        return f"{shown(value)} is not a condition; write {CONDITION}"
    is_ = "is missing" if kind == "missing" else f"is {shown(value)}"
    return f"{key!r} {is_}; write {WRITE.get((table, key), 'a text')}"


def _unknown(key: str, table: str) -> str:
    if table == "measure" and key in BOUNDS:
        return "'measure' has bounds; write them in the answers"
    allowed = [f.alias or name for name, f in TABLES[table].model_fields.items()]
    return f"unknown key {key!r}; {nearest(key, allowed)}"
