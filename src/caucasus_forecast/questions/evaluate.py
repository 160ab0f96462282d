"""What a question says of every simulated future.

An event has a truth at the end of each month *h* of its window, looking back to the window's first
month *l*; the answer is its truth at the last. With *x* a series:

    x >= 10                    x[h] >= 10
    x >= 10 in any month       x[i] >= 10 for some i in l..h   (every, runs and counts alike)
    total of x >= 10           x[l] + … + x[h] >= 10           (mean, highest, … alike)
    treaty, S1                 the state holds, or the set resolves so, at h
    not, and, or               month by month
    A before B                 A is true in some month up to h, and B in none up to A's first
"""

from __future__ import annotations

import operator as operators
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np
import xarray as xr

from .. import names
from ..errors import nearest
from ..graph import CausalGraph, holds
from .tree import (
    And,
    Before,
    Compare,
    Event,
    Holds,
    In,
    Measure,
    Moment,
    Not,
    Number,
    Or,
    Quantified,
    Question,
    Span,
    Timing,
    Until,
    Window,
    Windowed,
    Within,
    every,
    refusal,
    standing,
)

Array = np.ndarray
COMPARE: Mapping[str, Callable] = {
    ">=": operators.ge, ">": operators.gt, "<=": operators.le, "<": operators.lt,
    "==": operators.eq, "!=": operators.ne,
}  # fmt: skip
RUNNING: Mapping[str, Callable[[Array], Array]] = {
    "": lambda x: x,
    "total": lambda x: x.cumsum(-1),
    "mean": lambda x: x.cumsum(-1) / np.arange(1, x.shape[-1] + 1),
    "highest": lambda x: np.maximum.accumulate(x, -1),
    "worst": lambda x: np.maximum.accumulate(x, -1),
    "lowest": lambda x: np.minimum.accumulate(x, -1),
    "quietest": lambda x: np.minimum.accumulate(x, -1),
    "last": lambda x: x,
    "change": lambda x: x - x[..., :1],
}


class Outcome(NamedTuple):
    """What is asked on every path, (chain, draw, path), and whether the condition holds there."""

    value: Array
    given: Array | None


@dataclass(frozen=True, eq=False)
class World:
    """Simulated futures, and what is needed to read them.

    Parameters
    ----------
    futures
        Tension, counts, states and shares on (chain, draw, path, month), as from
        `caucasus_forecast.simulate.as_dataset`.
    graph
        The graph of the nodes.
    resolved
        Index of the scenario on every path at every month, (chain, draw, path, month), as from
        `caucasus_forecast.scenarios.resolve`.
    scenarios
        Ids of the scenarios, in the order of their index.
    """

    futures: xr.Dataset
    graph: CausalGraph
    resolved: Array | None = None
    scenarios: tuple[str, ...] = ()

    @property
    def months(self) -> Array:
        """The months, ``datetime64[M]``."""
        return self.futures[names.MONTH].to_numpy().astype("datetime64[M]")

    def labels(self, dim: str) -> tuple[str, ...]:
        """The labels of a dimension."""
        return tuple(str(x) for x in self.futures[dim].to_numpy())

    @property
    def series(self) -> dict[str, str]:
        """Each series that can be measured → its kind: ``tension``, ``count`` or ``share``."""
        found = {names.TENSION: "tension", names.DEATHS: "count"}
        found |= dict.fromkeys(self.labels(names.NODE), "count")
        return found | dict.fromkeys(self.labels(names.SHARE), "share")


def evaluate(question: Question, world: World, span: slice | None = None) -> Outcome:
    """What the question says of every path.

    Parameters
    ----------
    question
        From `caucasus_forecast.questions.parse`.
    world
        The futures.
    span
        The months of what has no window of its own (default: all).

    Returns
    -------
    Booleans for an event, numbers for an amount (``inf`` where a month never comes), and where the
    condition holds; (chain, draw, path) each.

    Raises
    ------
    QuestionError
        If a name, a number or a window does not fit these futures.
    """
    months = span or slice(0, len(world.months))
    reader = _Reader(world, question.text)
    for node in (question.asked, question.given):
        reader.starts(node, months)
    if question.is_number:
        value = reader.amount(question.asked, months)  # type: ignore[arg-type]
    else:
        value = reader.truth(question.asked, months)[..., -1]  # type: ignore[arg-type]
    given = None if question.given is None else reader.truth(question.given, months)[..., -1]
    return Outcome(value, given)


@dataclass(frozen=True, eq=False)
class _Reader:
    """Reads the tree of a question on the futures; `text` is what errors show."""

    world: World
    text: str

    def starts(self, node: Event | Number | None, span: slice) -> None:
        """Refuse a late start of a window for a state, which is read in its last month."""
        if span.start and span.stop - span.start > 1:
            for state in standing(node):
                problem = f"{state.name} is read in the last month of a window, whatever its first"
                cure = (
                    "say 'in any month', 'in every month' or 'for N months in a row', or 'in May'"
                )
                raise refusal(self.text, state.at, problem, cure)

    def truth(self, node: Event, span: slice) -> Array:
        """Truth at the end of each month of the span, or, of a window of its own, at its last."""
        match node:
            case Windowed(body, window):
                own = resolve(window, self.world.months, self.text)
                self.starts(body, own)
                return self.truth(body, own)[..., -1:]  # type: ignore[arg-type]
            case And(parts):
                return reduce(np.logical_and, [self.truth(part, span) for part in parts])
            case Or(parts):
                return reduce(np.logical_or, [self.truth(part, span) for part in parts])
            case Not(body):
                return ~self.truth(body, span)
            case Holds():
                return self.state(node)[..., span]
            case Compare(measure, operator, number):
                self.in_range(node)
                return COMPARE[operator](self.measured(measure, span), number)
            case Quantified(body=body):
                return self.quantified(node, self.truth(body, span))
            case Before(first, second):
                a, b = (first_month(self.truth(side, span)) for side in (first, second))
                return (a <= np.arange(span.stop - span.start)) & (a < b)

    def amount(self, node: Number, span: slice) -> Array:
        """The number asked for, on every path."""
        match node:
            case Windowed(body, window):
                own = resolve(window, self.world.months, self.text)
                return self.amount(body, own)  # type: ignore[arg-type]
            case Measure():
                return self.measured(node, span)[..., -1]
            case Timing("until", body):
                return first_month(self.truth(body, span))[..., 0] + span.start + 1
            case Timing("with", body):
                return self.truth(body, span).sum(-1).astype(float)
            case Timing(_, body):
                return runs(self.truth(body, span)).max(-1).astype(float)

    def quantified(self, node: Quantified, true: Array) -> Array:
        if node.quantifier == "any":
            return np.logical_or.accumulate(true, -1)
        if node.quantifier == "every":
            return np.logical_and.accumulate(true, -1)
        reached = np.maximum.accumulate(runs(true), -1) if node.quantifier == "run" else None
        count = true.cumsum(-1) if reached is None else reached
        compare, length = COMPARE[node.operator or ">="], true.shape[-1]
        possible = {bool(compare(k, node.months)) for k in range(length + 1)}
        if len(possible) == 1:
            verdict = "always" if possible.pop() else "never"
            problem = f"{verdict} true: the window has {length} months"
            raise refusal(self.text, node.at, problem, "ask for another number of months")
        return compare(count, node.months)

    def state(self, node: Holds) -> Array:
        """Truth of a state or a scenario in every month."""
        world, name = self.world, node.name
        state = node.kind != "scenario" and name in world.labels(names.STATE)
        scenario = node.kind != "state" and name in world.scenarios
        if state and scenario:
            cure = f"write 'state {name}' or 'scenario {name}'"
            raise refusal(self.text, node.at, f"{name!r} is a state and a scenario", cure)
        if state:
            status = world.futures["status"].isel(
                {names.STATE: world.labels(names.STATE).index(name)}
            )
            return np.asarray(holds(world.graph.node[name], status.to_numpy().astype(float)) > 0.5)
        if scenario:
            if world.resolved is None:
                problem = "no scenario was resolved on these futures"
                raise refusal(self.text, node.at, problem, "ask of states and series")
            return np.asarray(world.resolved == world.scenarios.index(name))
        if name in world.series and not node.kind:
            problem = f"{name} is a series, not a state"
            cure = f"compare it, such as {name} >= 1, or ask for its total, mean or highest month"
            raise refusal(self.text, node.at, problem, cure)
        states, ids = world.labels(names.STATE), world.scenarios
        known = {"": (*states, *ids), "state": states, "scenario": ids}[node.kind]
        raise self.unknown(name, node.at, node.kind or "state or scenario", known)

    def measured(self, measure: Measure, span: slice) -> Array:
        """The measure of the months of the span up to each of them."""
        world, name = self.world, measure.series
        if name in world.labels(names.STATE):
            cure = f"write '{name}' or 'not {name}', or 'months with {name}'"
            raise refusal(self.text, measure.at, f"{name} is a state, not a series", cure)
        if name not in world.series:
            raise self.unknown(name, measure.at, "series", tuple(world.series))
        self.makes_sense(measure, world.series[name], span)
        if name in (names.TENSION, names.DEATHS):
            values = world.futures[name]
        else:
            dim, of = (names.NODE, "count") if name in world.labels(names.NODE) else (
                names.SHARE, "share")  # fmt: skip
            values = world.futures[of].isel({dim: world.labels(dim).index(name)})
        return RUNNING[measure.aggregate](values.to_numpy().astype(float)[..., span])

    def makes_sense(self, measure: Measure, kind: str, span: slice) -> None:
        name, aggregate = measure.series, measure.aggregate
        node = self.world.graph.node.get(name)
        wrong = ""
        if aggregate == "total" and kind != "count":
            wrong = "a total is of counts; ask for the mean"
        if aggregate in ("worst", "quietest") and (kind == "share" or (node and node.reading < 0)):
            wrong = f"for {name} '{aggregate}' could be high or low; write highest or lowest"
        if aggregate == "change" and span.stop - span.start < 2:
            wrong = "a change needs a window of two months or more"
        if wrong:
            problem, _, cure = wrong.partition("; ")
            raise refusal(self.text, measure.at, problem, cure)

    def in_range(self, node: Compare) -> None:
        """Refuse a share compared with what no share can be, such as 40 for 40 %."""
        share = self.world.series.get(node.measure.series) == "share"
        least = -1 if node.measure.aggregate == "change" else 0
        if share and not least <= node.number <= 1:
            problem = f"{node.measure.series} is a share, between 0 and 1; {node.number:g} is not"
            raise refusal(self.text, node.at, problem, "40 % is written 0.4")

    def unknown(self, name: str, at: Span, what: str, known: tuple[str, ...]) -> Exception:
        node = self.world.graph.node.get(name)
        hidden = node is not None and node.kind == "index"
        problem = (
            f"{name!r} is an index, which no future holds" if hidden else f"no {what} {name!r}"
        )
        return refusal(self.text, at, problem, nearest(name, known))


def first_month(true: Array) -> Array:
    """Index of the first true month, ``inf`` where there is none; the last axis is kept.

    Examples
    --------
    >>> first_month(np.array([[False, True], [False, False]]))
    array([[ 1.],
           [inf]])
    """
    found = true.argmax(-1, keepdims=True).astype(float)
    return np.where(true.any(-1, keepdims=True), found, np.inf)


def runs(true: Array) -> Array:
    """Length of the run of true months that ends in each month.

    Examples
    --------
    >>> runs(np.array([True, True, False, True]))
    array([1, 2, 0, 1])
    """
    count = true.cumsum(-1)
    return count - np.maximum.accumulate(np.where(true, 0, count), -1)


# --------------------------------------------------------------------------- months


def resolve(window: Window, months: Array, text: str) -> slice:
    """The months of a window, as a slice of the horizon.

    Parameters
    ----------
    window
        From the parser.
    months
        The months of the horizon, (H,), ``datetime64[M]``.
    text
        What the window was written in, for errors.

    Raises
    ------
    QuestionError
        If the window leaves the horizon, or ends before it begins.

    Examples
    --------
    >>> resolve(Within(2), np.arange("2021-12", "2022-12", dtype="M8[M]"), "")
    slice(0, 2, None)
    """
    match window:
        case Within(length):
            if length > len(months):
                problem = f"{length} months is beyond the horizon of {len(months)}, {_span(months)}"
                raise refusal(text, window.at, problem, f"Allowed: 1 to {len(months)} months")
            return slice(0, length)
        case In(month):
            i = _index(month, months, text)
            return slice(i, i + 1)
        case Until(last, first):
            i = 0 if first is None else _index(first, months, text)
            j = _index(last, months, text, i)
            if j < i:
                problem = f"the window ends in {months[j]}, before it begins in {months[i]}"
                raise refusal(text, window.at, problem, "swap the months")
            return slice(i, j + 1)


def _index(moment: Moment, months: Array, text: str, after: int = 0) -> int:
    """Place of a month in the horizon; without a year the first of its name, not before `after`."""
    if moment.year:
        wanted = np.datetime64(f"{moment.year:04d}-{moment.month:02d}", "M")
        found = np.nonzero(months == wanted)[0]
    else:
        found = after + np.nonzero(months[after:].astype(int) % 12 + 1 == moment.month)[0]
    if not len(found):
        start, end = moment.at
        problem = f"{text[start:end]} is not in the horizon, {_span(months)}"
        late = f" from {months[after]} on" if after and not moment.year else ""
        raise refusal(text, moment.at, problem, f"Allowed: the months of the horizon{late}")
    return int(found[0])


def _span(months: Array) -> str:
    return f"{months[0]} to {months[-1]}"


def dated(question: Question, months: Array, span: slice | None = None) -> Question:
    """The question with every window written as months of the calendar.

    Parameters
    ----------
    question
        From `caucasus_forecast.questions.parse`.
    months
        The months of the horizon, (H,), ``datetime64[M]``.
    span
        The months of what has no window of its own (default: all).

    Raises
    ------
    QuestionError
        As `resolve`.

    Examples
    --------
    >>> from caucasus_forecast.questions import parse, restate
    >>> months = np.arange("2021-12", "2022-12", dtype="M8[M]")
    >>> restate(dated(parse("treaty"), months))
    'treaty until November 2022'
    """
    default = span or slice(0, len(months))

    def windowed(node: Event | Number, own: slice) -> Windowed:
        first, last = (_moment(months[i]) for i in (own.start, own.stop - 1))
        if own.stop - own.start == 1:
            return Windowed(node, In(last))
        return Windowed(node, Until(last, first if own.start else None))

    def walk(node: Event | Number, own: slice) -> Event | Number:
        if isinstance(node, Windowed):
            return walk(node.body, resolve(node.window, months, question.text))
        if not any(isinstance(inside, Windowed) for inside in every(node)):
            return windowed(node, own)
        if isinstance(node, And | Or):
            return type(node)(tuple(walk(part, own) for part in node.parts))  # type: ignore[misc]
        if isinstance(node, Not):
            return Not(walk(node.body, own))  # type: ignore[arg-type]
        return node

    given = None if question.given is None else walk(question.given, default)
    return Question(walk(question.asked, default), given, question.text)  # type: ignore[arg-type]


def _moment(month: np.datetime64) -> Moment:
    year, number = str(month).split("-")
    return Moment(int(number), int(year))
