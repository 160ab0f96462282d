"""What is done from outside: read from what a person writes, turned into levels.

A node is *set*, whatever its causes say, or *shifted*: its causes still act and something is added
to what they say. Either way it may be for some months only, and differ from month to month.

What a node is set to, and what a `Shift` adds:

- tension: its score, from -2 to 2 standard deviations, or ``"calm"`` (-1), ``"usual"`` (0),
  ``"high"`` (1); a shift is of pull, as one more cause would send it;
- an index: its level in standard deviations, and the same;
- a count: its expected number a month; a shift is of the log rate, `Times` the factor of the rate;
- an event: whether its state holds (True, False, ``"open"``, ``"withdrawn"``); a shift is of the
  log hazard, `Times` the factor of the hazard;
- a share: the proportion it is read around; a shift is of its log odds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from scipy import special

from ..errors import InterventionError, nearest
from ..graph import CausalGraph, Node
from ..likelihood import Parameters
from ..tension import BOUND

Array = np.ndarray

SCORES = {"calm": -1.0, "usual": 0.0, "high": 1.0}
HOLDS = ("holds", "yes", "open", "present", "signed", "obtained", "working")
ENDS = ("ended", "no", "closed", "withdrawn", "unsigned", "absent", "halted")


@dataclass(frozen=True)
class Shift:
    """Something added to what the causes of a node say; they go on acting.

    Examples
    --------
    >>> Shift(-0.5)
    Shift(by=-0.5)
    """

    by: float

    def __post_init__(self) -> None:
        if isinstance(self.by, bool) or not isinstance(self.by, int | float):
            raise InterventionError(f"Shift({self.by!r}): write a number")
        if not math.isfinite(self.by):
            raise InterventionError(f"Shift({self.by!r}): write a finite number")


@dataclass(frozen=True)
class Times:
    """The rate of a count, or the hazard of an event, multiplied; its causes go on acting.

    Examples
    --------
    >>> Times(0.5)
    Times(factor=0.5)
    """

    factor: float

    def __post_init__(self) -> None:
        given = self.factor
        if isinstance(given, bool) or not isinstance(given, int | float) or not given > 0:
            raise InterventionError(f"Times({given!r}): a factor is a number above 0")
        if not math.isfinite(given):
            raise InterventionError(f"Times({given!r}): write a finite number")


@dataclass(frozen=True, eq=False)
class Act:
    """One node, what is done to it, and when.

    Attributes
    ----------
    node, kind
        A name, and ``set`` or ``shift``.
    value
        Shape (H,), in the units above (a shift in levels); NaN where left alone.
    words
        The act as a person would write it.
    """

    node: str
    kind: str
    value: Array
    words: str


def read(
    graph: CausalGraph,
    months: Array,
    acts: Mapping[str, Any],
    *,
    start: Any = None,
    until: Any = None,
) -> tuple[Act, ...]:
    """The acts a person asks for.

    Parameters
    ----------
    graph
        Whose nodes they are.
    months
        The months they may be in, (H,), ``datetime64[M]``.
    acts
        Node → a value, `Shift`, `Times`, one value for each month from `start` to `until`, or
        values by month, ``{"2022-03": "open"}``.
    start, until
        First and last month (default: all months).

    Raises
    ------
    InterventionError
        Naming the node, the value and what is allowed.

    Examples
    --------
    >>> from caucasus_forecast.graph import load
    >>> months = np.arange("2021-12", "2022-03", dtype="datetime64[M]")
    >>> [a.words for a in read(load(), months, {"corridor": "open"}, start="2022-02")]
    ['corridor holds in 2022-02']
    """
    if not acts:
        raise InterventionError("nothing is done; name a node and a value, such as tension=-1.0")
    window = _window(months, start, until)
    return tuple(_act(_node(graph, name), months, window, value) for name, value in acts.items())


def _node(graph: CausalGraph, name: str) -> Node:
    if name not in graph.node:
        hint = "; set tension, which they read" if name == "battle_deaths" else ""
        raise InterventionError(f"no node {name!r}; {nearest(name, graph.node)}{hint}")
    return graph.node[name]


def _window(months: Array, start: Any, until: Any) -> Array:
    first = 0 if start is None else _place(months, start, "start")
    last = len(months) - 1 if until is None else _place(months, until, "until")
    if last < first:
        raise InterventionError(f"until {until} is before start {start}; swap them")
    return np.arange(first, last + 1)


def as_month(given: Any, what: str) -> np.datetime64:
    """A month, from ``"2022-03"``, a day, or a NumPy date.

    Raises
    ------
    InterventionError
        For anything else.
    """
    text = given.isoformat() if isinstance(given, date) else str(given)
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])(-\d\d)?(T.*)?", text, re.ASCII):
        raise InterventionError(f"{what} {given!r} is not a month; write '2022-03'")
    return np.datetime64(text[:7], "M")


def _place(months: Array, given: Any, what: str) -> int:
    month = as_month(given, what)
    found = np.flatnonzero(months == month)
    if not len(found):
        raise InterventionError(
            f"{what} {given} is not among the months; allowed: {months[0]} to {months[-1]}"
        )
    return int(found[0])


def _act(node: Node, months: Array, window: Array, given: Any) -> Act:
    if isinstance(given, Mapping):
        places = [_place(months, m, node.name) for m in given]
        if not places:
            raise InterventionError(f"{node.name}: no months; write {{'2022-03': value}}")
        values = list(given.values())
    elif isinstance(given, Sequence | np.ndarray) and not isinstance(given, str):
        values, places = list(given), list(window)
        if len(values) != len(places):
            raise InterventionError(
                f"{node.name}: {len(values)} values for {len(places)} months "
                f"({months[window[0]]} to {months[window[-1]]}); give one for each"
            )
    else:
        values, places = [given] * len(window), list(window)
    kinds = {isinstance(v, Shift | Times) for v in values}
    if len(kinds) > 1:
        raise InterventionError(f"{node.name}: set and shifted at once; do one, then the other")
    shifted = kinds.pop()
    out = np.full(len(months), np.nan)
    out[places] = [_shift(node, v) if shifted else _value(node, v) for v in values]
    return Act(node.name, "shift" if shifted else "set", out, _words(node, months, out, values))


def _shift(node: Node, given: Shift | Times) -> float:
    if isinstance(given, Shift):
        return float(given.by) * (node.reading if node.kind in ("count", "event") else 1)
    if node.kind not in ("count", "event"):
        raise InterventionError(
            f"{node.name}: Times({given.factor:g}) is for counts and events; {node.name} is "
            f"{_article(node.kind)}, use Shift"
        )
    return node.reading * math.log(given.factor)


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _value(node: Node, given: Any) -> float:
    if isinstance(given, np.generic):
        given = given.item()
    if node.kind == "event":
        return float(_holds(node, given)) - (node.reading < 0)
    if node.kind == "process" and isinstance(given, str):
        if given not in SCORES:
            raise InterventionError(f"{node.name} = {given!r}: {nearest(given, SCORES)}")
        return SCORES[given]
    if isinstance(given, bool) or not isinstance(given, int | float) or math.isnan(given):
        raise InterventionError(f"{node.name} = {given!r}: write a number")
    low, high, what = {
        "process": (-BOUND, BOUND, f"a score from {-BOUND:g} to {BOUND:g}"),
        "index": (-100.0, 100.0, "standard deviations, from -100 to 100"),
        "count": (1e-6, 1e6, "an expected number a month, above 0 (for none, 0.01)"),
        "share": (1e-9, 1 - 1e-9, "a proportion between 0 and 1"),
    }[node.kind]
    if not low <= given <= high:
        raise InterventionError(f"{node.name} = {given:g}: write {what}")
    return float(given)


def _holds(node: Node, given: Any) -> bool:
    if isinstance(given, bool):
        return given
    if isinstance(given, str) and given.lower() in HOLDS + ENDS:
        return given.lower() in HOLDS
    if isinstance(given, str):
        words = nearest(given, HOLDS + ENDS)
        raise InterventionError(f"{node.name} = {given!r}: {words}, or True, False")
    raise InterventionError(
        f"{node.name} = {given!r}: it is an event ({node.meaning}); write True while it holds, "
        "False while it does not"
    )


def _words(node: Node, months: Array, value: Array, given: Sequence[Any]) -> str:
    places = np.flatnonzero(~np.isnan(value))
    first, last = months[places[0]], months[places[-1]]
    when = f"in {first}" if first == last else f"from {first} to {last}"
    several = len({repr(g) for g in given}) > 1
    if several:
        return f"{node.name} along a path of {len(places)} months {when}"
    one = given[0]
    if isinstance(one, Shift):
        return f"{node.name} shifted by {one.by:+g} {when}"
    if isinstance(one, Times):
        return f"{node.name} times {one.factor:g} {when}"
    if node.kind == "event":
        return f"{node.name} {'holds' if _holds(node, one) else 'does not hold'} {when}"
    unit = {"process": " sd", "index": " sd", "count": " a month", "share": ""}[node.kind]
    return f"{node.name} = {_value(node, one):g}{unit} {when}"


def as_levels(
    acts: Sequence[Act], graph: CausalGraph, p: Parameters
) -> tuple[dict[str, Array], dict[str, Array]]:
    """What `caucasus_forecast.simulate` takes: by node, what is set and what is shifted.

    A count set to *x* a month has the level reading · (log x − base); a share set to *x* the level
    logit(x) − base: bases differ from draw to draw, so that the observable is what was asked.

    Parameters
    ----------
    p
        Parameters of each path, (P,).
    """
    do: dict[str, Array] = {}
    shift: dict[str, Array] = {}
    for act in acts:
        node, value = graph.node[act.node], act.value
        if act.kind == "shift":
            shift[act.node] = value
        elif node.kind == "count":
            do[act.node] = node.reading * (np.log(value) - p.base[act.node][:, None])
        elif node.kind == "share":
            do[act.node] = special.logit(value) - p.base[act.node][:, None]
        else:
            do[act.node] = value
    return do, shift


def sentence(acts: Sequence[Act]) -> str:
    """All acts in one line."""
    return "; ".join(a.words for a in acts)
