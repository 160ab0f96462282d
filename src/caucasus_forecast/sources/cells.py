"""Columns and cells of any source's rows, and days that a user gives."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from difflib import get_close_matches
from typing import Any

from ..errors import SourceError, expect

CHANGED = "the layout changed, look for a newer version of this library"
NUMBER = re.compile(r"(\d{1,12})(?:\.0+)?")
DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ]00:00(?::00(?:\.0+)?)?)?")


def checked(
    where: str, columns: Sequence[str], needed: Sequence[str], known: Sequence[str]
) -> list[str]:
    """What is unusual about the columns of a table.

    Parameters
    ----------
    where
        The table, for messages.
    columns
        As they stand in it, in whatever order.
    needed, known
        Those that must be there, each once, and all that are usual.

    Raises
    ------
    SourceError
        For a needed column that is not there, or there twice.

    Examples
    --------
    >>> checked("a.csv", ["id", "day", "mood"], needed=["id", "day"], known=["id", "day", "place"])
    ["new columns, not read: 'mood'", 'columns no longer there, not needed: place']
    """
    for name in needed:
        if columns.count(name) != 1:
            near = get_close_matches(name, set(columns) - set(known), n=1, cutoff=0.6)
            hint = f" ({near[0]!r} is new: renamed?)" if near else ""
            state = "twice" if name in columns else "not there"
            raise SourceError(f"{where}: the column {name!r} is {state}{hint}; {CHANGED}")
    notes = []
    if new := [c for c in columns if c and c not in known]:
        notes.append(f"new columns, not read: {', '.join(map(repr, new))}")
    if missing := [c for c in known if c not in columns]:
        notes.append(f"columns no longer there, not needed: {', '.join(missing)}")
    return notes


def whole(cell: str) -> int | None:
    """A cell that holds a whole number, 0 or more; None if it does not.

    Examples
    --------
    >>> whole("12"), whole("12.0"), whole("1.5"), whole("-1")
    (12, 12, None, None)
    """
    match = NUMBER.fullmatch(cell)
    return int(match[1]) if match else None


def day(cell: str) -> date | None:
    """A cell that holds a day, with or without a midnight; None if it does not.

    Examples
    --------
    >>> day("2024-02-01 00:00:00.000"), day("01/02/2024"), day("2024-02-30")
    (datetime.date(2024, 2, 1), None, None)
    """
    match = DAY.fullmatch(cell)
    try:
        return date.fromisoformat(match[1] if match else "")
    except ValueError:
        return None


def json_lines(where: str, rows: Sequence[Any]) -> Iterator[list[str]]:
    """The rows of an API's answer, as cells under one header.

    Raises
    ------
    SourceError
        If a row is no object, or has other keys than the first.
    """
    header: list[str] | None = None
    for n, row in enumerate(rows, start=1):
        if not isinstance(row, dict) or (header is not None and set(row) != set(header)):
            raise SourceError(
                f"{where}, row {n}: its keys are not those of the rows before; the API changed, "
                "look for a newer version of this library"
            )
        if header is None:
            header = list(row)
            yield header
        yield ["" if row[key] is None else str(row[key]) for key in header]


def several(named: Any, what: str) -> tuple[Any, ...]:
    """One name or number, or several, as a user gives them.

    Raises
    ------
    SourceError
        If it is neither.

    Examples
    --------
    >>> several("Armenia", "countries"), several(["Armenia", 373], "countries")
    (('Armenia',), ('Armenia', 373))
    """
    if isinstance(named, str | int):
        return (named,)
    expect(named, Iterable, what, "give a name, or a list of names", SourceError)
    return tuple(named)


def given(value: date | str, name: str, earliest: date, latest: date, source: str) -> date:
    """A day that a user gives.

    Raises
    ------
    SourceError
        If it is none, or out of reach.

    Examples
    --------
    >>> given("2026-05-01", "first", date(1989, 1, 1), date(2026, 11, 24), "UCDP")
    datetime.date(2026, 5, 1)
    """
    try:
        found = value if type(value) is date else date.fromisoformat(str(value))
    except ValueError:
        raise SourceError(f"{name} is {value!r}; write a day as 2024-02-01") from None
    if not earliest <= found <= latest:
        raise SourceError(
            f"{name} is {found}; {source} has days from {earliest}, and it is {latest}"
        )
    return found
