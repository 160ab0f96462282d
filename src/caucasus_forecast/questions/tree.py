"""The meaning of a question as a tree, and the error that points into its text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from ..errors import QuestionError

Span = tuple[int, int]
SHOWN = 100


def refusal(text: str, at: Span, problem: str, allowed: str = "") -> QuestionError:
    """The error that shows `text` with a caret under characters ``at[0]`` to ``at[1]``.

    Examples
    --------
    >>> print(refusal("treaty !", (7, 8), "unexpected '!'", "Allowed: the end"))
    unexpected '!'
      treaty !
             ^
    Allowed: the end
    """
    start, end = at
    left = max(0, start - SHOWN // 2)
    part = "".join(c if c.isprintable() else " " for c in text[left : left + SHOWN])
    before, after = "…" * (left > 0), "…" * (left + SHOWN < len(text))
    caret = " " * (len(before) + start - left) + "^" * max(1, min(end, left + SHOWN) - start)
    lines = [problem, f"  {before}{part}{after}", f"  {caret}", allowed]
    return QuestionError("\n".join(line for line in lines if line))


@dataclass(frozen=True, slots=True)
class Moment:
    """A month, of a year or (``year`` 0) the first of its name."""

    month: int
    year: int = 0
    at: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Within:
    """The first `months` months."""

    months: int
    at: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Until:
    """From `first` (or the first month there is) until `last`, both included."""

    last: Moment
    first: Moment | None = None
    at: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class In:
    """One month."""

    month: Moment
    at: Span = field(default=(0, 0), compare=False, repr=False)


Window = Within | Until | In


@dataclass(frozen=True, slots=True)
class Holds:
    """A state of an event node, or a scenario; `kind` is empty where the text does not say."""

    name: str
    kind: Literal["", "state", "scenario"] = ""
    at: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Measure:
    """A series month by month (`aggregate` empty), or one number for the months so far."""

    series: str
    aggregate: str = ""
    at: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Compare:
    """A measure compared with a number."""

    measure: Measure
    operator: str
    number: float
    at: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Quantified:
    """In how many months `body` holds: ``any``, ``every``, a ``run`` of `months`, or a ``count``.

    A count is compared with `months` by `operator`.
    """

    quantifier: Literal["any", "every", "run", "count"]
    body: Event
    operator: str = ""
    months: int = 0
    at: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Not:
    """Negation."""

    body: Event
    at: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class And:
    """All parts."""

    parts: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part."""

    parts: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Before:
    """`first` comes true in an earlier month than `second`, which may never."""

    first: Event
    second: Event
    at: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Windowed:
    """An event, or an amount, over a window of its own."""

    body: Event | Number
    window: Window


@dataclass(frozen=True, slots=True)
class Timing:
    """``until``: the month `body` comes true; ``with``: in how many; ``run``: in a row."""

    kind: Literal["until", "with", "run"]
    body: Event
    at: Span = field(default=(0, 0), compare=False, repr=False)


Event = Holds | Compare | Quantified | Not | And | Or | Before | Windowed
Number = Timing | Measure | Windowed


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and the condition under which.

    Examples
    --------
    >>> from caucasus_forecast.questions import parse
    >>> parse("months until treaty").is_number, parse("treaty given corridor").is_number
    (True, False)
    """

    asked: Event | Number
    given: Event | None = None
    text: str = field(default="", compare=False)

    @property
    def is_number(self) -> bool:
        """Whether the answer is a number on each path, and not true or false."""
        asked = self.asked.body if isinstance(self.asked, Windowed) else self.asked
        return isinstance(asked, Timing | Measure)


def parts(node: Event | Number | Measure) -> tuple[Event, ...]:
    """The events directly inside a node of the tree.

    Examples
    --------
    >>> parts(Not(Holds("treaty")))
    (Holds(name='treaty', kind=''),)
    """
    match node:
        case And(inside) | Or(inside):
            return inside
        case Not(body) | Quantified(_, body) | Timing(_, body):
            return (body,)
        case Windowed(body) if not isinstance(body, Timing | Measure):
            return (body,)
        case Windowed(body):
            return parts(body)
        case Before(first, second):
            return first, second
    return ()


def every(node: Event | Number | Measure) -> Iterator[Event | Number | Measure]:
    """The node and all nodes inside it, outer ones first.

    Examples
    --------
    >>> [type(x).__name__ for x in every(Not(Holds("treaty")))]
    ['Not', 'Holds']
    """
    yield node
    for part in parts(node):
        yield from every(part)


def standing(node: Event | Number | None) -> Iterator[Holds]:
    """The states and scenarios that are read in the last month of the window of the node.

    Examples
    --------
    >>> [x.name for x in standing(Or((Holds("treaty"), Quantified("any", Holds("corridor")))))]
    ['treaty']
    """
    if isinstance(node, Holds):
        yield node
    elif isinstance(node, And | Or | Not):
        for part in parts(node):
            yield from standing(part)


def is_open(node: Event | Number | Measure) -> bool:
    """Whether a window from outside reaches anything inside the node.

    Examples
    --------
    >>> is_open(Windowed(Holds("treaty"), Within(6))), is_open(Holds("treaty"))
    (False, True)
    """
    if isinstance(node, Windowed):
        return False
    inside = parts(node)
    return not inside or any(is_open(part) for part in inside)
