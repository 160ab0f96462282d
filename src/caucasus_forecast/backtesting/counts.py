"""Monthly counts of one or many units, to backtest on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from .. import evidence as rows
from .. import names
from ..errors import EvidenceError
from ..evidence import Evidence

Array = np.ndarray
DYAD = "Armenia-Azerbaijan"
STEP = np.timedelta64(1, "M")


@dataclass(frozen=True)
class Counts:
    """Monthly counts of one or many units.

    Attributes
    ----------
    months
        Shape (T,), consecutive calendar months.
    units
        Names.
    values
        Shape (T, U), NaN where a month is not known.
    evidence
        All the evidence, where the counts are the library's own dyad.
    """

    months: Array
    units: tuple[str, ...]
    values: Array
    evidence: Evidence | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of months, names and counts, and of the evidence behind them."""
        body = hashlib.sha256(self.values.tobytes())
        body.update("|".join([*self.months.astype(str), *self.units]).encode())
        body.update((self.evidence.digest if self.evidence else "").encode())
        return body.hexdigest()

    def until(self, month: np.datetime64) -> Counts:
        """What was known at the end of a month."""
        stop = int(np.searchsorted(self.months, month, side="right"))
        known = None
        if self.evidence is not None:
            known = self.evidence.as_of(last_day(month))
        return Counts(self.months[:stop], self.units, self.values[:stop], known)


def last_day(month: np.datetime64) -> date:
    """The last day of a month."""
    return ((month + STEP).astype("datetime64[D]") - np.timedelta64(1, "D")).astype(object)


def read(source: Any = None) -> Counts:
    """Counts to backtest on.

    Parameters
    ----------
    source
        Nothing: the embedded battle deaths. Otherwise the path of a CSV (``.gz`` too) or a data
        frame: either a table of counts as `caucasus_forecast.evidence.read_counts` takes it, which
        replaces the embedded series of the same name, or a wide panel with a column ``month`` and a
        column of counts for each unit, where a blank is unknown.

    Raises
    ------
    EvidenceError
        For a table that cannot be read, months that are not consecutive, or a count that is none.
    """
    if source is None:
        return _own(rows.load())
    where, columns, table = rows.table_rows(source, fold=False)
    folded = [c.lower() for c in columns]
    if "count" in folded or "month" not in folded:
        return _own(rows.load().with_counts(rows.read_counts(source)))
    for name in columns:
        if columns.count(name) > 1:
            raise EvidenceError(f"{where}: column {name!r} appears twice; keep one")
    calendar = columns[folded.index("month")]
    units = tuple(c for c in columns if c != calendar)
    months, values = [], []
    for n, row in table:
        at = f"{where}, row {n}"
        months.append(np.datetime64(rows.month_of(row[calendar], at).start, "M"))
        values.append([
            np.nan if rows.blank(row[u]) else rows.count_of(row[u], f"{at}, {u}") for u in units
        ])  # fmt: skip
    if not months:
        raise EvidenceError(f"{where}: no rows of counts; add at least one row below the header")
    found = np.array(months)
    if gaps := np.flatnonzero(np.diff(found) != STEP).tolist():
        raise EvidenceError(
            f"{where}: {found[gaps[0] + 1]} follows {found[gaps[0]]}; give every month once, in "
            "order (a blank cell is an unknown month)"
        )
    return Counts(found, units, np.array(values))


def _own(evidence: Evidence) -> Counts:
    """The months of battle deaths that are known exactly; a zero total is a zero in each month."""
    seen = [o for o in evidence.observations if o.series == names.DEATHS]
    found = {
        np.datetime64(part.window.start, "M"): float(part.count)
        for o in seen
        for part in rows.by_month(o)
        if part.window.whole_month
    }
    if not found:
        raise EvidenceError(f"no whole month of {names.DEATHS}; give monthly counts")
    months = np.arange(min(found), max(found) + STEP)
    values = np.array([[found.get(m, np.nan)] for m in months])
    return Counts(months, (DYAD,), values, evidence)
