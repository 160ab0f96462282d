"""How old counts were when they were told: fresh ones change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from . import settling
from .rows import Observation

FRESH = timedelta(days=62)
_RETRIEVED = re.compile(r"(?:retrieved|accessed) (\d{4}-\d\d-\d\d)")


def retrieved(rows: Iterable[Observation]) -> date | None:
    """The newest day on which the sources of rows say that they were retrieved, if any does.

    Examples
    --------
    >>> from caucasus_forecast.evidence import Window
    >>> may = Window(date(2026, 5, 1), date(2026, 5, 31))
    >>> retrieved([Observation(may, "x", 0, source="UCDP Candidate 26.0.5, retrieved 2026-06-21")])
    datetime.date(2026, 6, 21)
    """
    days = []
    for source in {o.source for o in rows}:
        for text in _RETRIEVED.findall(source):
            try:
                days.append(date.fromisoformat(text))
            except ValueError:
                continue
    return max(days, default=None)


def fresh(rows: Sequence[Observation], published: date | None) -> tuple[str, ...]:
    """A sentence for each series whose last count is fresh: it ended less than `FRESH` before.

    Parameters
    ----------
    rows
        Counts that are used.
    published
        When they were published, or fetched; None where nothing says so: not after today.

    Examples
    --------
    >>> from caucasus_forecast.evidence import Window
    >>> may = Observation(Window(date(2026, 5, 1), date(2026, 5, 31)), "battle_deaths", 3)
    >>> len(fresh([may], date(2026, 6, 20))), len(fresh([may], date(2026, 12, 20)))
    (1, 0)
    """
    told = "their publication" if published else "they were read"
    return tuple(
        f"{name}: the last count is fresh (to {end}, less than {FRESH.days} days before {told}), "
        "and fresh counts are often revised: switch on a measured delay (delays=...), or leave "
        "them out with an earlier as_of"
        for name, end in _last(rows).items()
        if end > (published or settling.today()) - FRESH
    )


def _last(rows: Iterable[Observation]) -> dict[str, date]:
    found: dict[str, date] = {}
    for o in rows:
        found[o.series] = max(o.window.end, found.get(o.series, date.min))
    return found
