"""Rows of ACLED: what each says, as far as it is counted, and which of two is the later word.

ACLED's terms keep its rows with the user who fetched them. So an event here holds what a count
needs and nothing else, and messages show no cell but a number, a date or a code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from ..errors import SourceError, nearest
from ..evidence.cells import LARGEST
from ..evidence.formats import parsed
from .cells import CHANGED, checked, day, whole

FIRST_DAY = date(1997, 1, 1)
VIOLENCE = ("Battles", "Explosions/Remote violence", "Violence against civilians")
TYPES = (*VIOLENCE, "Protests", "Riots", "Strategic developments")
NEEDED = ("event_id_cnty", "event_date", "event_type", "country", "fatalities")
FIELDS = (*NEEDED, "time_precision", "timestamp")
COLUMNS = (
    "event_id_cnty", "event_date", "year", "time_precision", "disorder_type", "event_type",
    "sub_event_type", "actor1", "assoc_actor_1", "inter1", "actor2", "assoc_actor_2", "inter2",
    "interaction", "civilian_targeting", "iso", "region", "country", "admin1", "admin2", "admin3",
    "location", "latitude", "longitude", "geo_precision", "source", "source_scale", "notes",
    "fatalities", "tags", "timestamp",
)  # fmt: skip
EDITED = (
    "the file was edited, or saved by a spreadsheet: download it again from ACLED; if it says the "
    f"same then, {CHANGED}"
)
WRITTEN = "%d %B %Y"  # as some exports write days
Lines = Iterable[tuple[int, Sequence[Any]]]


@dataclass(frozen=True, slots=True)
class AcledEvent:
    """One event, as far as it is counted.

    Parameters
    ----------
    id
        ACLED's, the same as long as the event is in its data.
    day
        As ACLED dates it.
    event_type, country
        In ACLED's words.
    fatalities
        As reported.
    exact
        Whether the day is known, not just the week or the month.
    edited
        When ACLED last changed the row, in seconds; 0 where it is not said.
    """

    id: str
    day: date
    event_type: str
    country: str
    fatalities: int
    exact: bool = True
    edited: int = 0


@dataclass(frozen=True, slots=True)
class Rows:
    """Events, each once.

    Parameters
    ----------
    events
        In order of time.
    repeated
        How many rows told of an event that another one tells of.
    notes
        What is unusual about the columns.
    """

    events: tuple[AcledEvent, ...]
    repeated: int = 0
    notes: tuple[str, ...] = ()


def read(
    where: str, columns: Sequence[str], lines: Lines, usual: Sequence[str] = COLUMNS,
    cure: str = EDITED,
) -> tuple[list[AcledEvent], list[str]]:  # fmt: skip
    """The events of a table, as they stand, and what is unusual about its columns.

    Parameters
    ----------
    where
        The reply or the file, for messages.
    columns
        Names of the columns, in lower case and in whatever order.
    lines
        Numbered rows of cells.
    usual
        The columns that are to be expected.
    cure
        What to do about a cell that cannot be read.

    Raises
    ------
    SourceError
        For a needed column that is not there, a row of another length, an event type that ACLED
        did not have, or a cell that is no number or no day, or too large a number.
    """
    notes = checked(where, columns, NEEDED, usual)
    at = {name: columns.index(name) for name in FIELDS if name in columns}
    events = []
    for n, cells in lines:
        if len(cells) != len(columns):
            raise SourceError(
                f"{where}, row {n}: {len(cells)} cells under {len(columns)} columns; the file is "
                "cut off or damaged, get it again"
            )
        row = {k: _text(cells[i]) for k, i in at.items()}
        events.append(_event(row, f"{where}, row {n}", cure))
    return events, notes


def single(events: Iterable[AcledEvent], where: str, notes: Iterable[str] = ()) -> Rows:
    """Events without doubles: of two rows of one event, the one that ACLED changed last.

    Raises
    ------
    SourceError
        If two rows differ and neither is said to be later.
    """
    told: dict[str, list[AcledEvent]] = {}
    for event in events:
        told.setdefault(event.id, []).append(event)
    ordered = sorted((_last(rows, where) for rows in told.values()), key=lambda e: (e.day, e.id))
    repeated = sum(len(rows) - 1 for rows in told.values())
    return Rows(tuple(ordered), repeated, tuple(notes))


def _last(told: Sequence[AcledEvent], where: str) -> AcledEvent:
    edited = max(e.edited for e in told)
    last = {e for e in told if e.edited == edited}
    if len(last) > 1:
        raise SourceError(
            f"{where}: the event {told[0].id} is there twice with different values, and neither "
            "is later (timestamp); get it again"
        )
    return last.pop()


def of_countries(rows: Rows, countries: Sequence[str]) -> Rows:
    """The events in some countries; how many are elsewhere is noted.

    An event may move to another country. So doubles are taken out before, and not after.

    Raises
    ------
    SourceError
        For a country without any event of any type: a misspelt one would count as peace.
    """
    every = rows.events
    asked = {c.casefold(): c for c in countries}
    ours = tuple(e for e in every if e.country.casefold() in asked)
    there = {e.country.casefold() for e in ours}
    for plain, country in asked.items():
        if every and plain not in there:
            raise SourceError(
                f"ACLED: no event of any type in {country!r}; write the country as ACLED does "
                f"({nearest(country, {e.country for e in every})}), or begin earlier (first)"
            )
    left_out = len(every) - len(ours)
    notes = [f"rows of other countries, left out: {left_out}"] * bool(left_out)
    return replace(rows, events=ours, notes=(*rows.notes, *notes))


# ------------------------------------------------------------------------------------ one row


def _event(row: Mapping[str, str], where: str, cure: str) -> AcledEvent:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", row["event_id_cnty"]):
        raise SourceError(f"{where}: event_id_cnty is {shown(row['event_id_cnty'])}; {cure}")
    if row["event_type"] not in TYPES:
        allowed = nearest(row["event_type"], TYPES)
        raise SourceError(
            f"{where}: event_type is {shown(row['event_type'])}; {allowed}; the types changed, "
            "look for a newer version of this library"
        )
    if not row["country"]:
        raise SourceError(f"{where}: country is blank; {cure}")
    return AcledEvent(
        id=row["event_id_cnty"].upper(),
        day=_day(row["event_date"], where, cure),
        event_type=row["event_type"],
        country=row["country"],
        fatalities=_number(row, "fatalities", where, cure, LARGEST),
        exact=whole(row.get("time_precision") or "1") == 1,
        edited=_number(row, "timestamp", where, cure) if row.get("timestamp") else 0,
    )


def _number(
    row: Mapping[str, str], key: str, where: str, cure: str, most: int | None = None
) -> int:
    number = whole(row[key])
    if number is None:
        raise SourceError(
            f"{where}: {key} is {shown(row[key])}, not a whole number, 0 or more; {cure}"
        )
    if most is not None and number > most:
        raise SourceError(f"{where}: {key} is {shown(row[key])}, over {most:,}; {cure}")
    return number


def _day(cell: str, where: str, cure: str) -> date:
    found = day(cell) or parsed(cell, WRITTEN)
    if found is None:
        raise SourceError(
            f"{where}: event_date is {shown(cell)}, not a day as 2024-02-01 or 1 February 2024; "
            f"{cure}"
        )
    if found < FIRST_DAY:
        raise SourceError(
            f"{where}: event_date is {found}, and ACLED begins on {FIRST_DAY}; tell ACLED, or "
            "correct it in a copy of the export"
        )
    return found


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()


def shown(cell: str) -> str:
    """A cell for a message: a number, a date or a code as it stands, of other text the length.

    Examples
    --------
    >>> shown("2.5"), shown("27/09/2020"), shown("Clashes"), shown("Shots were heard near a post")
    ("'2.5'", "'27/09/2020'", "'Clashes'", 'a text of 28 characters')
    """
    plain = re.fullmatch(r"[\w.,:/+-]{0,20}", cell)
    return repr(cell) if plain else f"a text of {len(cell)} characters"
