"""What a scenario set is: conditions, scenarios, side questions."""

from __future__ import annotations

import html
import json
import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

Array = np.ndarray
Measure = Literal["max", "total", "mean", "status", "share", "change"]
MEASURES: tuple[str, ...] = get_args(Measure)
WINDOWED = ("max", "total", "mean")


@dataclass(frozen=True)
class Condition:
    """A measure of one series, and the half-open range it must lie in."""

    measure: str
    of: str
    at_least: float = -math.inf
    below: float = math.inf
    last: int = 0

    def holds(self, values: Array) -> Array:
        """Whether the condition holds, elementwise."""
        return (values >= self.at_least) & (values < self.below)

    def bounds(self) -> dict[str, float]:
        """Its bounds, as written in a file."""
        found = {"at_least": self.at_least, "below": self.below}
        return {key: value for key, value in found.items() if math.isfinite(value)}

    def fields(self) -> dict[str, Any]:
        """The condition as written in a file."""
        last = {"last": self.last} if self.last else {}
        return {"measure": self.measure, "of": self.of} | self.bounds() | last

    def words(self) -> str:
        """The condition as text."""
        window = f" of the last {self.last} months" if self.last else ""
        bounds = [f">= {self.at_least:g}"] if self.at_least > -math.inf else []
        bounds += [f"< {self.below:g}"] if self.below < math.inf else []
        return f"{self.measure}{window} of {self.of} {' and '.join(bounds)}"


@dataclass(frozen=True)
class Scenario:
    """One named future."""

    id: str
    name: str
    when: tuple[Condition, ...]
    rule: str = ""
    source: str = ""
    void: str = ""


@dataclass(frozen=True)
class Question:
    """One side question: a measure cut into answers."""

    id: str
    title: str
    measure: Condition
    answers: tuple[tuple[str, Condition], ...]
    rule: str = ""
    source: str = ""
    void: str = ""


@dataclass(frozen=True)
class ScenarioSet:
    """Scenarios that partition the future, and side questions.

    Examples
    --------
    >>> from caucasus_forecast import scenarios
    >>> [s.id for s in scenarios.load("alyarli-2021").scenarios]
    ['S1', 'S2', 'S3', 'S4', 'S5', 'S6', 'S7', 'S8']
    """

    name: str
    title: str
    scenarios: tuple[Scenario, ...]
    questions: tuple[Question, ...] = ()
    ordered: bool = True

    def to_json(self) -> str:
        """The fields of its file as JSON, as saved with a forecast."""
        scenario = [
            _said(s, "id", "name") | {"when": [c.fields() for c in s.when]} for s in self.scenarios
        ]
        question = [
            _said(q, "id", "title")
            | {"measure": q.measure.fields()}
            | {"answers": [{"label": label} | c.bounds() for label, c in q.answers]}
            for q in self.questions
        ]
        head = {"name": self.name, "title": self.title, "ordered": self.ordered}
        return json.dumps(head | {"scenario": scenario, "question": question})

    def __repr__(self) -> str:
        lines = [f"ScenarioSet {self.name!r}: {self.title}"]
        lines += [f"  {s.id}  {s.name}: {s.rule}" for s in self.scenarios]
        lines += [f"  {q.id}  {q.title}" for q in self.questions]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{html.escape(s.id)}</th><td>{html.escape(s.name)}</td>"
            f"<td>{html.escape(s.rule)}</td></tr>"
            for s in self.scenarios
        )
        return f"<table><caption>{html.escape(self.title)}</caption>{rows}</table>"


def _said(entry: Scenario | Question, *keys: str) -> dict[str, str]:
    return {key: getattr(entry, key) for key in (*keys, "rule", "source", "void")}
