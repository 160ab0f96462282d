"""Named futures with written rules, and their probabilities.

A scenario set is data (TOML): scenarios with conditions, a rule in words, a source and what voids
it, and side questions with answers. In an ordered set the first scenario whose conditions all hold
is the one resolved; an unordered set must be exclusive by itself. Either way every simulated future
must resolve to exactly one scenario, at every month of the horizon.

A condition is a measure of one series and a comparison. Measures, at month *h* of the horizon:

- ``max``, ``total``, ``mean`` of the monthly counts of months 1..h (or the ``last`` n of them);
- ``status`` of an event node: 1 while its state holds (peacekeepers present, treaty signed);
- ``share`` at *h*, and its ``change`` since the origin.

Probabilities are means over all paths; their Monte Carlo errors and intervals are those of
`caucasus_forecast.estimate`.
"""

from __future__ import annotations

import html
import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from . import names
from .equations import holds
from .errors import ScenarioError, nearest
from .estimate import Sample, probability
from .graph import CausalGraph
from .named import read_text

Array = np.ndarray
WINDOWED = ("max", "total", "mean")
MEASURES = (*WINDOWED, "status", "share", "change")


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
    >>> [s.id for s in load("alyarli-2021").scenarios]
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


# --------------------------------------------------------------------------- files


def load(name_or_path: str | Path) -> ScenarioSet:
    """A shipped scenario set by name, or one from a TOML file.

    Raises
    ------
    ScenarioError
        Naming the file, the scenario, the key, the value and what is allowed.
    """
    text = str(name_or_path)
    if text in available():
        return _shipped(text)
    path = Path(name_or_path)
    body = read_text(name_or_path, "scenario set", available(), ScenarioError)
    return read(body, path.name)


def available() -> tuple[str, ...]:
    """Names of the shipped scenario sets."""
    folder = files("caucasus_forecast").joinpath("data", "scenarios")
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")))


@cache
def _shipped(name: str) -> ScenarioSet:
    file = files("caucasus_forecast").joinpath("data", "scenarios", f"{name}.toml")
    return read(file.read_text(encoding="utf-8"), file.name)


def read(text: str, where: str) -> ScenarioSet:
    """A scenario set from the text of a TOML file; `where` is how errors name it."""
    try:
        body = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ScenarioError(f"{where}: {error}") from None
    return from_fields(body, where)


def from_fields(body: Mapping[str, Any], where: str) -> ScenarioSet:
    """A scenario set from the fields of its file; `where` is how errors name it."""
    _keys(body, ("name", "title", "ordered", "scenario", "question"), where)
    scenarios = tuple(
        _scenario(s, f"{where}: scenario {i}") for i, s in _tables(body, "scenario", where)
    )
    if len(scenarios) < 2:
        raise ScenarioError(f"{where}: {len(scenarios)} scenarios; a partition needs at least two")
    questions = tuple(
        _question(q, f"{where}: question {i}") for i, q in _tables(body, "question", where)
    )
    seen: set[str] = set()
    for ident in [s.id for s in scenarios] + [q.id for q in questions]:
        if ident in seen:
            raise ScenarioError(f"{where}: id {ident!r} is used twice; rename one")
        seen.add(ident)
    ordered = body.get("ordered", True)
    if not isinstance(ordered, bool):
        raise ScenarioError(f"{where}: 'ordered' is {ordered!r}; write true or false")
    name, title = (str(body.get(k, d)) for k, d in (("name", "unnamed"), ("title", "")))
    return ScenarioSet(name, title, scenarios, questions, ordered)


def from_json(text: str, where: str) -> ScenarioSet:
    """A scenario set from what `ScenarioSet.to_json` wrote."""
    return from_fields(json.loads(text), where)


def _tables(body: Mapping[str, Any], key: str, where: str) -> list[tuple[int, Mapping[str, Any]]]:
    found = body.get(key, [])
    if not isinstance(found, list) or not all(isinstance(x, dict) for x in found):
        raise ScenarioError(f"{where}: {key!r} must be tables, written [[{key}]]")
    return list(enumerate(found, start=1))


def _keys(body: Mapping[str, Any], allowed: tuple[str, ...], where: str) -> None:
    for key in body:
        if key not in allowed:
            raise ScenarioError(f"{where}: unknown key {key!r}; {nearest(key, allowed)}")


def _text(body: Mapping[str, Any], key: str, where: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ScenarioError(f"{where}: {key!r} is {value!r}; write a text")
    return value


def _scenario(body: Mapping[str, Any], where: str) -> Scenario:
    _keys(body, ("id", "name", "when", "rule", "source", "void"), where)
    where = f"{where} ({body.get('id', 'no id')})"
    if not isinstance(body.get("when"), list):
        raise ScenarioError(f"{where}: 'when' is {body.get('when')!r}; write a list of conditions")
    conditions = tuple(_condition(c, where) for c in body["when"])
    for c in conditions:
        if c.at_least == -math.inf and c.below == math.inf:
            raise ScenarioError(
                f"{where}: a condition on {c.of!r} has no bound; add at_least or below"
            )
    rest = (_text(body, key, where) for key in ("rule", "source", "void"))
    return Scenario(_text(body, "id", where), _text(body, "name", where), conditions, *rest)


def _question(body: Mapping[str, Any], where: str) -> Question:
    _keys(body, ("id", "title", "measure", "answers", "rule", "source", "void"), where)
    where = f"{where} ({body.get('id', 'no id')})"
    measure = _condition(body.get("measure"), where)
    if measure.at_least > -math.inf or measure.below < math.inf:
        raise ScenarioError(f"{where}: 'measure' has bounds; write them in the answers")
    answers = []
    for _, answer in _tables(body, "answers", where):
        _keys(answer, ("label", "at_least", "below"), where)
        at_least, below = _bounds(answer, where)
        cut = Condition(measure.measure, measure.of, at_least, below)
        answers.append((_text(answer, "label", where), cut))
    if len(answers) < 2:
        raise ScenarioError(f"{where}: give at least two answers")
    rest = (_text(body, key, where) for key in ("rule", "source", "void"))
    ident, title = _text(body, "id", where), _text(body, "title", where)
    return Question(ident, title, measure, tuple(answers), *rest)


def _condition(body: Any, where: str) -> Condition:
    if not isinstance(body, dict):
        raise ScenarioError(f"{where}: {body!r} is not a condition; write {{ measure = , of = }}")
    _keys(body, ("measure", "of", "at_least", "below", "is", "last"), where)
    measure = _text(body, "measure", where)
    if measure not in MEASURES:
        raise ScenarioError(f"{where}: measure {measure!r}: {nearest(measure, MEASURES)}")
    at_least, below = _bounds(body, where)
    if "is" in body:
        alone = "at_least" not in body and "below" not in body
        if measure != "status" or not isinstance(body["is"], bool) or not alone:
            raise ScenarioError(
                f"{where}: 'is' is {body['is']!r}; it goes with measure 'status' and no other "
                "bound, and is true or false"
            )
        at_least, below = (0.5, math.inf) if body["is"] else (-math.inf, 0.5)
    last = body.get("last", 0)
    if isinstance(last, bool) or not isinstance(last, int) or last < 0:
        raise ScenarioError(f"{where}: 'last' is {last!r}; write a number of months")
    if last and measure not in WINDOWED:
        raise ScenarioError(f"{where}: 'last' goes with {', '.join(WINDOWED)}, not with {measure}")
    return Condition(measure, _text(body, "of", where), at_least, below, last)


def _bounds(body: Mapping[str, Any], where: str) -> tuple[float, float]:
    at_least = _number(body, "at_least", where) if "at_least" in body else -math.inf
    below = _number(body, "below", where) if "below" in body else math.inf
    if at_least >= below:
        raise ScenarioError(
            f"{where}: nothing is at_least {at_least:g} and below {below:g}; swap the bounds"
        )
    return at_least, below


def _number(body: Mapping[str, Any], key: str, where: str) -> float:
    value = body[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ScenarioError(f"{where}: {key!r} is {value!r}; write a number")
    return float(value)


# --------------------------------------------------------------------------- resolution


def measure(condition: Condition, futures: xr.Dataset, graph: CausalGraph, shares: Any) -> Array:
    """The measure of a condition on every path at every month, shape (chain, draw, path, month).

    Raises
    ------
    ScenarioError
        If the futures do not hold such a series.
    """
    kind, of = condition.measure, condition.of
    if kind == "status":
        values = _pick(futures, "status", names.STATE, of)
        return np.asarray(holds(graph.node[of], values.astype(float)))
    if kind in ("share", "change"):
        values = _pick(futures, "share", names.SHARE, of)
        return values - shares[of][..., None] if kind == "change" else values
    if of == names.DEATHS:
        values = futures[of].to_numpy()
    else:
        values = _pick(futures, "count", names.NODE, of)
    return _windowed(values, kind, condition.last)


def _pick(futures: xr.Dataset, variable: str, dim: str, name: str) -> Array:
    available = [str(x) for x in futures[dim].to_numpy()]
    if name not in available:
        raise ScenarioError(f"no {variable} of {name!r} in the futures; {nearest(name, available)}")
    return futures[variable].isel({dim: available.index(name)}).to_numpy()


def _windowed(values: Array, kind: str, last: int) -> Array:
    months = values.shape[-1]
    out = np.empty(values.shape, float)
    for h in range(months):
        window = values[..., max(0, h + 1 - last) if last else 0 : h + 1]
        out[..., h] = getattr(window, {"max": "max", "total": "sum", "mean": "mean"}[kind])(-1)
    return out


def resolve(chosen: ScenarioSet, futures: xr.Dataset, graph: CausalGraph, shares: Any) -> Array:
    """Index of the resolved scenario on every path at every month, (chain, draw, path, month).

    Raises
    ------
    ScenarioError
        If a future resolves to none, or in an unordered set to several, with that future shown.
    """
    met = []
    for s in chosen.scenarios:
        true = [c.holds(measure(c, futures, graph, shares)) for c in s.when]
        met.append(
            np.logical_and.reduce(true) if true else np.ones(futures[names.TENSION].shape, bool)
        )
    stacked = np.stack(met)
    hits = stacked.sum(0)
    wrong = (hits == 0) if chosen.ordered else (hits != 1)
    if wrong.any():
        where = tuple(int(i[0]) for i in np.nonzero(wrong))
        ids = [s.id for s, m in zip(chosen.scenarios, met, strict=True) if m[where]]
        raise ScenarioError(
            f"scenario set {chosen.name!r} is not {'exclusive' if ids else 'exhaustive'}: "
            f"the future chain {where[0]}, draw {where[1]}, path {where[2]} resolves to "
            f"{' and '.join(ids) or 'no scenario'} at month {where[3] + 1} "
            f"({_shown(chosen, futures, graph, shares, where)}). "
            + ("Make the conditions disjoint, or set ordered = true" if ids else
               "Add a last scenario with when = []"
               + ("" if chosen.ordered else ", and set ordered = true"))
        )  # fmt: skip
    return stacked.argmax(0).astype(np.int8)


def _shown(
    chosen: ScenarioSet,
    futures: xr.Dataset,
    graph: CausalGraph,
    shares: Any,
    where: tuple[int, ...],
) -> str:
    conditions = {(c.measure, c.of, c.last): c for s in chosen.scenarios for c in s.when}
    values = (
        f"{c.measure} of {c.of} = {measure(c, futures, graph, shares)[where]:g}"
        for c in conditions.values()
    )
    return ", ".join(values)


# --------------------------------------------------------------------------- probabilities


def summarise(
    chosen: ScenarioSet, resolved: Array, months: Array, share: Array | None = None
) -> xr.Dataset:
    """Probabilities of every scenario.

    Parameters
    ----------
    chosen
        The set.
    resolved
        From `resolve`.
    months
        The months of the horizon.
    share
        What each draw counts for (default: all the same).

    Returns
    -------
    On ``scenario``: probability, mcse, lower, upper, title. On (scenario, month): ``by_month``, the
    probability that the set would resolve so if the horizon were that month, and
    ``first_passage``, that it has resolved so in some month up to it.
    """
    ids = [s.id for s in chosen.scenarios]
    everywhere = Sample(np.ones(resolved.shape[:3], bool), share)
    rows = [probability(resolved[..., -1] == i, everywhere) for i in range(len(ids))]
    states = np.stack([resolved == i for i in range(len(ids))])
    passed = np.logical_or.accumulate(states, axis=-1)
    return xr.Dataset(
        {key: (names.SCENARIO, [r[key] for r in rows]) for key in rows[0]}
        | {
            "by_month": ((names.SCENARIO, names.MONTH), _over_paths(states, share)),
            "first_passage": ((names.SCENARIO, names.MONTH), _over_paths(passed, share)),
            "title": (names.SCENARIO, [s.name for s in chosen.scenarios]),
            "rule": (names.SCENARIO, [s.rule for s in chosen.scenarios]),
            "source": (names.SCENARIO, [s.source for s in chosen.scenarios]),
            "void": (names.SCENARIO, [s.void for s in chosen.scenarios]),
        },
        coords={names.SCENARIO: ids, names.MONTH: months.astype("datetime64[ns]")},
        attrs={"set": chosen.name, "interval_mass": names.INTERVAL_MASS},
    )


def _over_paths(states: Array, share: Array | None) -> Array:
    """Mean over (chain, draw, path) of (scenario, chain, draw, path, month)."""
    rate = states.mean(3)
    return rate.mean((1, 2)) if share is None else np.einsum("scdm,cd->sm", rate, share)


def answer(
    chosen: ScenarioSet, futures: xr.Dataset, graph: CausalGraph, shares: Any,
    share: Array | None = None,
) -> xr.Dataset:  # fmt: skip
    """Probabilities of every answer of every side question, on ``answer``, at the horizon.

    `share` is what each draw counts for.

    Raises
    ------
    ScenarioError
        If the answers of a question overlap or leave a gap on a simulated future.
    """
    ids, labels, titles, rows = [], [], [], []
    for q in chosen.questions:
        value = measure(q.measure, futures, graph, shares)[..., -1]
        hits = [a.holds(value) for _, a in q.answers]
        wrong = np.sum(hits, axis=0) != 1
        if wrong.any():
            raise ScenarioError(
                f"scenario set {chosen.name!r}, {q.id}: the value {value[wrong].flat[0]:g} has "
                f"{int(np.sum(hits, axis=0)[wrong].flat[0])} answers; make the bins touch"
            )
        for (label, _), hit in zip(q.answers, hits, strict=True):
            ids.append(q.id)
            labels.append(label)
            titles.append(q.title)
            rows.append(probability(hit, Sample(np.ones(hit.shape, bool), share)))
    keys = ("probability", "mcse", "lower", "upper")
    return xr.Dataset(
        {key: (names.ANSWER, [r[key] for r in rows]) for key in keys}
        | {"title": (names.ANSWER, titles), "label": (names.ANSWER, labels)},
        coords={names.QUESTION: (names.ANSWER, ids)},
        attrs={"set": chosen.name, "interval_mass": names.INTERVAL_MASS},
    )


# --------------------------------------------------------------------------- tables


def percent(value: float, mcse: float) -> str:
    """A probability with no digit below its Monte Carlo error.

    Examples
    --------
    >>> percent(0.1234, 0.004), percent(0.1234, 0.0001), percent(0.0, 0.00005)
    ('12 %', '12.3 %', '< 0.1 %')
    """
    error = max(mcse, 0.0005)
    digit = 0.1 if error < 0.001 else 1 if error <= 0.01 else 10
    steps = round(100 * value / digit)
    bound = max(digit, math.ceil(1000 * error) / 10)
    if value < error or steps == 0:
        return f"< {bound:g} %"
    if value > 1 - error or steps == round(100 / digit):
        return f"> {100 - bound:g} %"
    return f"{steps * digit:.{digit < 1:d}f} %"


@dataclass(frozen=True)
class Table:
    """Rows for people: prints as aligned text, shows as HTML in a notebook.

    `data` is the dataset behind it, `notes` the lines a reader must not miss.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    data: xr.Dataset
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        cells = [self.header, *self.rows]
        width = [max(len(r[i]) for r in cells) for i in range(len(self.header))]
        lines = [
            "  ".join(_pad(r[i], width[i], i) for i in range(len(width))).rstrip() for r in cells
        ]
        rule = "-" * max(len(x) for x in lines)
        return "\n".join([self.title, rule, lines[0], rule, *lines[1:], rule, *self.notes])

    def _repr_html_(self) -> str:
        escape = html.escape
        head = "".join(f"<th>{escape(h)}</th>" for h in self.header)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in self.rows
        )
        notes = "".join(f"<p>{escape(n)}</p>" for n in self.notes)
        return (
            f"<table><caption>{escape(self.title)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>{notes}"
        )


def _pad(text: str, width: int, column: int) -> str:
    return text.ljust(width) if column < 2 else text.rjust(width)


def interval(lower: float, upper: float) -> str:
    """Two probabilities as a range in percent, with a decimal where the range is narrow.

    Examples
    --------
    >>> interval(0.104, 0.312), interval(0.0008, 0.0064)
    ('10-31 %', '0.1-0.6 %')
    """
    digits = 1 if upper - lower < 0.02 else 0
    return f"{100 * lower:.{digits}f}-{100 * upper:.{digits}f} %"
