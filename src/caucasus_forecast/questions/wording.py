"""A question in plain words, in one canonical spelling that parses back to the same meaning."""

from __future__ import annotations

import re

from .grammar import MONTHS, RESERVED
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
    Timing,
    Until,
    Window,
    Windowed,
    Within,
)

WORDS = {
    ">=": "at least", ">": "more than", "<=": "at most", "<": "less than", "==": "exactly",
    "!=": "other than",
}  # fmt: skip
TIMINGS = {"until": "months until", "with": "months with", "run": "longest run of"}


def restate(question: Question) -> str:
    """The question in its canonical spelling; ``parse(restate(q)) == q``.

    Examples
    --------
    >>> from caucasus_forecast.questions import parse
    >>> restate(parse("battle_deaths >= 100 given no more than 5 reports_azerbaijan a month"))
    'battle_deaths at least 100 in any month given reports_azerbaijan at most 5 in every month'
    """
    given = "" if question.given is None else f" given {_said(question.given)}"
    return _said(question.asked) + given


def _said(node: Event | Number) -> str:
    match node:
        case Holds(name, kind):
            return f"{kind} {_name(name)}".strip()
        case Measure():
            return _measure(node)
        case Compare(measure, operator, number):
            return f"{_measure(measure)} {WORDS[operator]} {_number(number)}"
        case Quantified(body=body):
            return f"{_inside(body, And, Or, Not)} {_quantifier(node)}"
        case Not(body):
            return f"not {_inside(body, And, Or, Before, Windowed, Quantified)}"
        case And(parts):
            return " and ".join(_inside(part, Or, Windowed) for part in parts)
        case Or(parts):
            return " or ".join(_inside(part, Windowed) for part in parts)
        case Before(first, second):
            sides = (_inside(side, And, Or, Not, Before) for side in (first, second))
            return " before ".join(sides)
        case Timing(kind, body):
            return f"{TIMINGS[kind]} {_inside(body, And, Or, Before)}"
        case Windowed(body, window):
            return f"{_inside(body, And, Or, Windowed)} {_window(window)}"


def _inside(node: Event | Number, *weaker: type) -> str:
    """The node, in parentheses where it binds more weakly than what is around it."""
    return f"({_said(node)})" if isinstance(node, weaker) else _said(node)


def _measure(measure: Measure) -> str:
    if not measure.aggregate:
        return _name(measure.series)
    month = "" if measure.aggregate in ("total", "mean", "change") else "month "
    return f"{measure.aggregate} {month}of {_name(measure.series)}"


def _quantifier(node: Quantified) -> str:
    months = f"{node.months} month{'s' * (node.months != 1)}"
    if node.quantifier == "run":
        return f"for {months} in a row"
    if node.quantifier == "count":
        return f"for {WORDS[node.operator]} {months}"
    return f"in {node.quantifier} month"


def _window(window: Window) -> str:
    match window:
        case Within(months):
            return f"within {months} month{'s' * (months != 1)}"
        case Until(last, first):
            return f"{f'from {_moment(first)} ' if first else ''}until {_moment(last)}"
        case In(month):
            return f"in {_moment(month)}"


def _moment(moment: Moment) -> str:
    return f"{MONTHS[moment.month - 1]}{f' {moment.year}' if moment.year else ''}"


def _name(name: str) -> str:
    plain = re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) and name.lower() not in RESERVED
    return name if plain else f'"{name}"'


def _number(number: float) -> str:
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
