"""What the package carries: its table of dated rows, and the evidence made of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache

from .. import shipped
from .rows import ONE_DAY, Evidence, Observation, Series, Window, month_from, within_a_month


@cache
def table() -> tuple[Observation, ...]:
    """List every dated row the package carries, usable or not, with its source.

    Examples
    --------
    >>> sum(bool(row.suspect) for row in table()) > 0
    True
    """
    return tuple(
        Observation(
            window=Window(date.fromisoformat(r["start"]), date.fromisoformat(r["end"])),
            series=r["series"],
            count=float(r["count"] or "nan"),
            source=r["source"],
            id=r["id"],
            what=r["what"],
            suspect=r["suspect"],
            use=r["use"] == "yes",
        )
        for r in shipped.table("observations.csv")
        if r["start"]
    )


@cache
def load() -> Evidence:
    """Load the embedded evidence: the article's facts, UCDP deaths, later dated events.

    Suspect rows, totals whose parts are listed, and rows that inform no series stay in `table`.
    """
    series = {
        r["series"]: Series(
            name=r["series"],
            node=r["node"],
            mode=r["mode"],
            unit=r["unit"],
            coverage=tuple(_window(w) for w in r["coverage"].split(";") if w),
            source=r["source"],
            note=r["note"],
        )
        for r in shipped.table("series.csv")
    }
    used = [o for o in table() if o.use and o.series and not o.suspect]
    rows = [
        part for o in used for part in (by_month(o) if series[o.series].mode == "counts" else [o])
    ]
    return Evidence(series, tuple(rows))


def by_month(row: Observation) -> list[Observation]:
    """A total of zero as a zero in each month, known when the month ends; other rows as they are.

    Examples
    --------
    >>> row = Observation(Window(date(2024, 3, 1), date(2024, 4, 15)), "fires", 0.0, id="quiet")
    >>> [str(part.window) for part in by_month(row)]
    ['2024-03-01 to 2024-03-31', '2024-04-01 to 2024-04-15']
    """
    if row.count != 0.0 or within_a_month(row.window):
        return [row]
    first, parts = row.window.start, []
    while first <= row.window.end:
        end = min(month_from(first).end, row.window.end)
        parts.append(replace(row, window=Window(first, end), id=f"{row.id}/{first:%Y-%m}"))
        first = end + ONE_DAY
    return parts


def _window(text: str) -> Window:
    start, end = text.strip().split("/")
    return Window(date.fromisoformat(start), date.fromisoformat(end))
