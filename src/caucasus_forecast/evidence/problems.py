"""What is wrong with a user's table: one problem a place, with its value and its cure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import EvidenceError

SHOWN = 3  # months or rows that one sentence names


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that cannot be used as it stands.

    Attributes
    ----------
    place
        File, and row if it is one: how a message begins.
    problem, cure
        What is wrong, and what to do about it.
    row, column, value
        Number of the row as the user counts them, name of the column, and what stands there.
    """

    place: str
    problem: str
    cure: str
    row: int | None = None
    column: str = ""
    value: str = ""

    def __str__(self) -> str:
        said = f"{self.place}: {self.problem}" if self.problem else self.place
        return f"{said}; {self.cure}" if self.cure else said


class TableError(EvidenceError):
    """A table that cannot be used, with the first of its problems.

    Examples
    --------
    >>> print(TableError(Problem("a.csv, row 2", "the count is blank", "write 0 if none"), more=3))
    a.csv, row 2: the count is blank; write 0 if none (and 3 more: caucasus-forecast validate)
    """

    def __init__(self, problem: Problem, more: int = 0) -> None:
        super().__init__(problem, more)
        self.problem, self.more = problem, more

    def __str__(self) -> str:
        rest = f" (and {self.more} more: caucasus-forecast validate)" if self.more else ""
        return f"{self.problem}{rest}"


def refused(place: str, problem: str, cure: str = "", **where: Any) -> TableError:
    """The error of one problem; `where` has its row, column and value."""
    return TableError(Problem(place, problem, cure, **where))


def offered(option: str, *choices: tuple[object, str]) -> str:
    """Offer the choices of an option of `Reading`, each with what it means, if that must be said.

    Examples
    --------
    >>> offered("gaps", ("missing", "unknown"), ("zero", "none happened"))
    "choose gaps='missing' (unknown) or gaps='zero' (none happened), --gaps on the command line"
    """
    said = " or ".join(f"{option}={v!r}" + (f" ({means})" if means else "") for v, means in choices)
    return f"choose {said}, --{option.replace('_', '-')} on the command line"


def listed(words: Iterable[str]) -> str:
    """The first few words, and how many more there are.

    Examples
    --------
    >>> listed("abcde")
    'a, b, c and 2 more'
    """
    every = list(words)
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return ", ".join(every[:SHOWN]) + more


def quoted(value: object) -> str:
    """Quote what was given, not more than a line of it."""
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= 60 else text[:60] + "…")
