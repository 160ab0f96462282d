"""The entries of a ledger as rows for people."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from textwrap import fill

import numpy as np
import xarray as xr

from .. import names
from ..scenarios import Table
from ..scenarios.observed import NO, OPEN, VOID, YES, Ruling
from .values import Entry, Ruled


def listing(entries: Sequence[Entry], where: str, head: str) -> Table:
    """Every forecast, and how its questions stand.

    Parameters
    ----------
    entries
        Of the ledger.
    where
        Its file.
    head
        Digest of its last row.
    """
    rows = tuple(
        (
            str(e.row), e.made.file or e.made.title, f"{e.made.as_of} + {e.made.horizon}",
            e.made.added[:10], e.made.digest[:8], e.made.model, e.made.priors,
            "passed" if e.made.passed else "FAILED", came(e.standing[e.made.questions[0].id]),
            *(str(_standing(e).count(s)) for s in (YES, OPEN, VOID)), str(len(e.ruled)),
        )
        for e in entries
    )  # fmt: skip
    header = ("row", "forecast", "as of + months", "added", "sha256", "model", "priors", "checks",
              "scenarios", "resolved", "open", "void", "rulings")  # fmt: skip
    superseded = sum(e.superseded for e in entries)
    body = xr.Dataset(
        {
            "row": (names.ORIGIN, [e.row for e in entries]),
            "digest": (names.ORIGIN, [e.made.digest for e in entries]),
            "passed": (names.ORIGIN, [e.made.passed for e in entries]),
            "rulings": (names.ORIGIN, [len(e.ruled) for e in entries]),
        },
        coords={names.ORIGIN: [np.datetime64(e.made.as_of, "ns") for e in entries]},
    )
    rulings = sum(len(e.ruled) for e in entries)
    notes = (
        f"{counted(len(entries), 'forecast')} and {counted(rulings, 'row')} of rulings, of which "
        f"{superseded} superseded by a later one; every row is as it was written",
        f"last row: sha256 {head} (kept elsewhere, it tells if rows were cut off)"
        if head
        else "no row yet",
    )
    return Table(f"Forecasts in {where}", header, rows, body, notes)


def _standing(entry: Entry) -> list[str]:
    return [r.state for r in entry.standing.values()]


def came(ruling: Ruling) -> str:
    """How a question stands: what came, or its state and what is left.

    Examples
    --------
    >>> came(Ruling({"S1": "NO", "S7": "OPEN", "S8": "OPEN"}, ""))
    'OPEN (S7 or S8)'
    """
    left = ruling.possible
    if ruling.outcome or len(left) == len(ruling.states):
        return ruling.outcome or ruling.state
    return f"{ruling.state} ({' or '.join(left)})"


def said(ruling: Ruling) -> str:
    """The state of every possibility, in words.

    Examples
    --------
    >>> said(Ruling({"S1": "NO", "S7": "OPEN", "S8": "OPEN"}, ""))
    'S7, S8 OPEN; S1 NO'
    """
    groups = {s: [k for k, v in ruling.states.items() if v == s] for s in (YES, OPEN, VOID, NO)}
    return "; ".join(f"{', '.join(ids)} {s}" for s, ids in groups.items() if ids)


def counted(number: int, what: str) -> str:
    """A number of things.

    Examples
    --------
    >>> counted(1, "row"), counted(2, "row")
    ('1 row', '2 rows')
    """
    return f"{number} {what}{'s' * (number != 1)}"


def rulings(
    entries: tuple[Entry, ...], found: Mapping[int, Ruled | str], added: Set[int], where: Path,
    day: date | None,
) -> Rulings:  # fmt: skip
    """What was found for some forecasts.

    Parameters
    ----------
    entries
        The forecasts as they stand now.
    found
        Row of a forecast → the rulings, or why there are none.
    added
        Rows that were added to the ledger.
    where
        Its file.
    day
        Last day that was to be known, if one was said.
    """
    again = sum(e.superseded > 0 and e.ruled[-1][0] in added for e in entries)
    ruled = {n: r for n, r in found.items() if not isinstance(r, str)}
    sources = " and ".join(dict.fromkeys(r.evidence for r in ruled.values()))
    notes = (
        f"{counted(len(added), 'row')} of rulings added to {where}, {again} in place of an earlier "
        "one; where nothing changed, nothing was added",
        *(f"row {n} is left as it stands: {r}" for n, r in found.items() if isinstance(r, str)),
    )
    title = f"By their own rules, on {sources}" if ruled else "As they stand"
    title += f" as of {day}" * (day is not None and bool(ruled))
    return Rulings(title, entries, notes, {n: r.rulings for n, r in ruled.items()})


@dataclass(frozen=True)
class Rulings:
    """Every question of some forecasts: how it stands, and what decided it.

    Attributes
    ----------
    title
        What it was ruled on.
    entries
        The forecasts.
    notes
        What was added to the ledger, and what was left as it stands.
    fresh
        Row of a forecast → what was found now, also where it is what stood and was not added.
    """

    title: str
    entries: tuple[Entry, ...]
    notes: tuple[str, ...]
    fresh: Mapping[int, Mapping[str, Ruling]]

    def __repr__(self) -> str:
        lines = [self.title]
        for e in self.entries:
            name = e.made.file or e.made.title
            lines.append(f"\nrow {e.row}: {name}, as of {e.made.as_of}, until {e.made.months[-1]}")
            for question, ruling in self.fresh.get(e.row, e.standing).items():
                lines.append(f"  {question}: {said(ruling)}")
                lines.append(fill(ruling.why, 100, initial_indent=_IN, subsequent_indent=_IN))
        return "\n".join([*lines, "", *self.notes])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


_IN = " " * 6
