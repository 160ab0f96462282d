"""What a well-formed question must not ask, because it has no one meaning."""

from __future__ import annotations

from dataclasses import replace

from .tree import (
    And,
    Before,
    Compare,
    Event,
    In,
    Measure,
    Not,
    Number,
    Or,
    Quantified,
    Span,
    Timing,
    Windowed,
    every,
    parts,
    refusal,
)


def settled(node: Event, text: str, single: bool = False) -> Event:
    """The event with its bare comparisons made explicit: ``any month``, where that is plain.

    Over several months ``>=`` and ``>`` ask whether the value is ever reached. The other operators
    could mean any month or every month, and must say so.

    Raises
    ------
    QuestionError
        If a comparison must say in which months.

    Examples
    --------
    >>> settled(Compare(Measure("battle_deaths"), ">=", 100.0), "").quantifier
    'any'
    """
    match node:
        case And(inside):
            return And(tuple(settled(part, text, single) for part in inside))
        case Or(inside):
            return Or(tuple(settled(part, text, single) for part in inside))
        case Not(body):
            return replace(node, body=settled(body, text, single))
        case Windowed(body, window) if not isinstance(body, Timing | Measure):
            return replace(node, body=settled(body, text, isinstance(window, In)))
        case Compare(measure, operator) if not measure.aggregate and not single:
            if operator not in (">", ">="):
                raise refusal(
                    text, node.at, f"{measure.series} {operator} … in which months?",
                    "Allowed after the comparison: in any month, in every month, "
                    "for N months in a row, for at least N months, in May",
                )  # fmt: skip
            return Quantified("any", node, at=node.at)
    return node


def _place(node: Event | Number | Measure) -> Span:
    if isinstance(node, Windowed):
        return node.window.at
    if isinstance(node, Compare):
        return node.measure.at
    return _place(parts(node)[0]) if isinstance(node, And | Or) else node.at


def monthly(body: Event, text: str, where: str) -> None:
    """Refuse what is not true or false in a month by itself.

    Parameters
    ----------
    body
        What is to be looked at in each month alone.
    text
        The question, for the error.
    where
        What looks at it.

    Raises
    ------
    QuestionError
        If it needs more than one month.

    Examples
    --------
    >>> from caucasus_forecast.questions.tree import Holds
    >>> monthly(Holds("treaty"), "treaty", "'months with'")
    """
    for node in every(body):
        aggregate = isinstance(node, Compare) and node.measure.aggregate
        if aggregate or isinstance(node, Windowed | Quantified | Before | Timing):
            what = f"'{node.measure.aggregate}'" if isinstance(node, Compare) else "this"
            problem = f"{what} needs more than one month, and {where} looks at each month alone"
            cure = "Allowed: states, scenarios and comparisons of a series, with and, or, not"
            raise refusal(text, _place(node), problem, cure)


def happening(body: Event, text: str, where: str) -> None:
    """Refuse what cannot come true in some month: windows, and what can only be lost.

    Parameters
    ----------
    body
        What is to come true.
    text
        The question, for the error.
    where
        What waits for it.

    Raises
    ------
    QuestionError
        If it has a window, or can only cease to be true.

    Examples
    --------
    >>> from caucasus_forecast.questions.tree import Holds
    >>> happening(Holds("treaty"), "treaty", "'months until'")
    """
    for node in every(body):
        if isinstance(node, Windowed):
            problem = f"a window inside {where}"
            raise refusal(text, node.window.at, problem, f"write it after {where} and its events")
    if _course(body) < 0:
        problem = f"this can cease to be true but not become true, so it has no {where}"
        raise refusal(text, _place(body), problem, "ask for the opposite, with 'not'")


def _course(node: Event) -> int:
    """1 for what stays true once it is, -1 for what stays false once it is, else 0."""
    sense = {">": 1, ">=": 1, "<": -1, "<=": -1}
    match node:
        case Not(body):
            return -_course(body)
        case Quantified("every"):
            return -1
        case Quantified("count", operator=operator):
            return sense.get(operator, 0)
        case Quantified() | Before():
            return 1
        case Compare(measure, operator) if measure.aggregate in ("total", "highest", "worst"):
            return sense.get(operator, 0)
        case Compare(measure, operator) if measure.aggregate in ("lowest", "quietest"):
            return -sense.get(operator, 0)
        case And(inside) | Or(inside):
            courses = {_course(part) for part in inside}
            return courses.pop() if len(courses) == 1 else 0
    return 0
