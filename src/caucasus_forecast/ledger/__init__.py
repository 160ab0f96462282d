"""A ledger of forecasts: what was said, what came, and how good it was.

    add       a forecast, with its digest and its rules, once
    entries   everything in it, all seals checked; `list` as a table
    resolve   rule on the questions by their own rules, on later evidence
    score     Brier, log and calibration

The file is local and append-only (`caucasus_forecast.ledger.book`); nothing in it is ever edited.
A ruling from revised evidence is a row of its own that supersedes the one before. The path of every
function is that of the file (default: ``ledger.sqlite`` among the user's data).
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from .. import case as cases
from ..errors import CaseError, StorageError
from ..evidence import Evidence, Reading
from ..forecasting import Forecast
from ..scenarios import Table
from ..scenarios.observed import Ruling
from . import book, resolving, tables, track
from .adding import made
from .book import Row, location, refuse_unwritable
from .tables import Rulings, counted
from .track import Scores
from .values import Asked, Entry, Made, Option, Ruled, read, written

__all__ = [
    "Asked",
    "Entry",
    "Made",
    "Option",
    "Ruled",
    "Rulings",
    "Scores",
    "add",
    "entries",
    "list",
    "location",
    "refuse_unwritable",
    "resolve",
    "score",
]

FORECAST, RULING = "forecast", "ruling"


def add(
    forecast: Forecast, path: str | Path | None = None, *, given: Sequence[str] = (),
    file: str = "",
) -> Entry:  # fmt: skip
    """Add a forecast.

    Parameters
    ----------
    forecast
        In which nothing was done.
    path
        The ledger; made if it is not there.
    given
        Conditions of branches, each a side question and an answer, as ``"Q1: no"``: the scenarios
        given that. A branch whose condition does not come is annulled.
    file
        Name of the forecast's file, for people.

    Raises
    ------
    StorageError
        If the forecast is in the ledger already, or the ledger cannot be written.
    CorruptResultError
        If the ledger has been tampered with.
    InterventionError, QuestionError
        For a forecast in which something was done, and a condition that is none.
    """
    where = location(path)
    refuse_unwritable(where, default=path is None)
    found = made(forecast, file, given)

    def new(held: tuple[Row, ...]) -> builtins.list[book.New]:
        there = next((r for r in held if (r.kind, r.subject) == (FORECAST, found.digest)), None)
        if there is not None:
            raise StorageError(
                f"{where}: row {there.number} is this forecast already (sha256 "
                f"{found.digest[:12]}…); a forecast is added once"
            )
        return [(FORECAST, found.digest, written(found))]

    return Entry(book.append(where, new)[0].number, found)


def entries(path: str | Path | None = None) -> tuple[Entry, ...]:
    """Every forecast with the rulings on it, all seals checked.

    Raises
    ------
    CorruptResultError
        Naming the first row that is not as it was written.
    StorageError
        If there is no ledger, or it cannot be read.
    """
    where = location(path)
    return _entries(book.rows(where), where)


def list(path: str | Path | None = None) -> Table:
    """A table of `entries`, and the digest of the last row."""
    where = location(path)
    held = book.rows(where)
    return tables.listing(_entries(held, where), str(where), held[-1].digest if held else "")


def resolve(
    path: str | Path | None = None, *, counts: Any = None,
    reading: Reading | Mapping[str, Any] | None = None, evidence: Evidence | None = None,
    as_of: date | str | None = None, row: int | None = None,
) -> Rulings:  # fmt: skip
    """Rule on every question by its own rules, and add what is new.

    Parameters
    ----------
    path
        The ledger.
    counts, reading
        Later counts, read as `caucasus_forecast.forecast` reads them, in place of the embedded
        series of the same name.
    evidence
        All the evidence, in place of what the package carries.
    as_of
        Last day that may be known (default: the last day that the evidence tells of).
    row
        Only the forecast of that row.

    Returns
    -------
    Every question, how it stands, and what decided it.

    Raises
    ------
    EvidenceError, CaseError
        For counts that cannot be used, a day that is none, or a row that is no forecast.
    CorruptResultError, StorageError
        As `entries`; also if the ledger cannot be written.
    """
    where = location(path)
    day = None if as_of is None else cases.make("resolve", {"as_of": as_of}).as_of
    later = resolving.Later(counts, reading, evidence, day)
    _chosen(entries(where), row, where)
    refuse_unwritable(where)
    said: builtins.list[str] = []
    fresh: dict[int, Mapping[str, Ruling]] = {}

    def new(held: tuple[Row, ...]) -> builtins.list[book.New]:
        found = []
        for entry in _chosen(_entries(held, where), row, where):
            ruled = resolving.ruled(entry, later)
            if isinstance(ruled, str):
                said.append(f"row {entry.row} is left as it stands: {ruled}")
                continue
            fresh[entry.row] = ruled.rulings
            if resolving.changed(entry, ruled):
                found.append((RULING, entry.made.digest, written(ruled)))
        return found

    added = book.append(where, new)
    held = _entries(book.rows(where), where)
    again = sum(e.ruled[-1][0] in {r.number for r in added} and e.superseded > 0 for e in held
                if e.ruled)  # fmt: skip
    notes = (
        f"{counted(len(added), 'row')} of rulings added to {where}, {again} in place of an earlier "
        "one; where nothing changed, nothing was added",
        *said,
    )
    title = f"By their own rules, on {later.source}" + (f" as of {day}" if day else "")
    return Rulings(title, tuple(_chosen(held, row, where)), notes, fresh)


def score(path: str | Path | None = None) -> Scores:
    """Brier and log scores of the resolved questions, their means, and calibration.

    Raises
    ------
    CorruptResultError, StorageError
        As `entries`.
    """
    where = location(path)
    return track.scores(entries(where), str(where))


def _entries(held: Sequence[Row], where: Path) -> tuple[Entry, ...]:
    found: dict[str, Entry] = {}
    for row in held:
        value = read(row.kind, row.content, f"{where}: row {row.number}")
        if isinstance(value, Made):
            found[row.subject] = Entry(row.number, value)
        else:
            entry = found[row.subject]
            found[row.subject] = Entry(entry.row, entry.made, (*entry.ruled, (row.number, value)))
    return tuple(found.values())


def _chosen(held: Sequence[Entry], row: int | None, where: Path) -> builtins.list[Entry]:
    if row is None:
        return [*held]
    found = [e for e in held if e.row == row]
    if not found:
        rows = ", ".join(str(e.row) for e in held) or "none"
        raise CaseError(f"{where}: row {row} is no forecast; rows of forecasts: {rows}")
    return found
