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
from ..errors import StorageError
from ..evidence import Evidence, Reading
from ..forecasting import Forecast
from ..scenarios import Table
from . import book, resolving, tables, track
from .adding import made
from .book import Row, location, refuse_unwritable
from .tables import Rulings
from .track import Scores
from .values import Asked, Entry, Made, Option, Ruled, joined, read, written

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
    reading: Reading | Mapping[str, Any] | None = None, graph: str | Path | None = None,
    evidence: Evidence | None = None, as_of: date | str | None = None, row: int | None = None,
    void: Mapping[str, str] | None = None,
) -> Rulings:  # fmt: skip
    """Rule on every question by its own rules, and add what is new.

    Parameters
    ----------
    path
        The ledger.
    counts, reading
        Later counts, read as `caucasus_forecast.forecast` reads them, in place of the embedded
        series of the same name.
    graph
        A graph file as it stands now, for the forecasts of that graph alone.
    evidence
        All the evidence, in place of what the package or the graph file carries.
    as_of
        Last day that may be known (default: the last day of the counts, or else of the rest).
    row
        Only the forecast of that row, and also on evidence that is earlier than what the ruling
        that stands rests on.
    void
        Scenario or side question → why it is void by what its rule says in words, of the forecasts
        ruled on that have it. It stays void; an empty reason takes that back.

    Returns
    -------
    Every question, how it stands, and what decided it.

    Raises
    ------
    EvidenceError, CaseError
        For counts that cannot be used, a day that is none, a row that is no forecast, an id that no
        forecast has, or counts when forecasts are about different conflicts.
    CorruptResultError, StorageError
        As `entries`; also if the ledger cannot be written.
    """
    where = location(path)
    day = None if as_of is None else cases.make("resolve", {"as_of": as_of}).as_of
    later = resolving.Later(counts, reading, graph, evidence, day, void or {})
    book.rows(where)  # refuses where there is none, which `append` would make
    refuse_unwritable(where)
    found: dict[int, Ruled | str] = {}

    def new(held: tuple[Row, ...]) -> builtins.list[book.New]:
        asked = resolving.chosen(_entries(held, where), later, row, where)
        found.update({e.row: resolving.ruled(e, later, again=row is not None) for e in asked})
        return [
            (RULING, e.made.digest, written(ruled))
            for e in asked
            if isinstance(ruled := found[e.row], Ruled) and resolving.changed(e, ruled)
        ]

    added = {r.number for r in book.append(where, new)}
    asked = tuple(e for e in entries(where) if e.row in found)
    return tables.rulings(asked, found, added, where, day)


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
        place = f"{where}: row {row.number}"
        value = read(row.kind, row.content, place)
        found[row.subject] = joined(found.get(row.subject), row, value, place)
    return tuple(found.values())
