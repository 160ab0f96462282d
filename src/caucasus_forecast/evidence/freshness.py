"""When counts were told: not before they end, nor after today; fresh ones change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from ..errors import CaseError
from . import settling
from .problems import Problem
from .rows import ONE_DAY, Observation

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


def refuse_untimely(counts: Iterable[Observation], published: date | None) -> None:
    """Refuse a day of publication before the end of the counts, or after today.

    Raises
    ------
    CaseError

    Examples
    --------
    >>> from caucasus_forecast.evidence import Window
    >>> month = Window(date(2024, 1, 1), date(2024, 1, 31))
    >>> refuse_untimely([Observation(month, "battle_deaths", 3.0)], date(2024, 1, 2))
    Traceback (most recent call last):
    caucasus_forecast.errors.CaseError: published is 2024-01-02, before the counts end \
(2024-01-31); give the day they came out
    """
    last, now = max((o.window.end for o in counts), default=date.min), settling.today()
    if published is None or last <= published <= now:
        return
    wrong = f"before the counts end ({last})" if published < last else f"and today is {now}"
    raise CaseError(f"published is {published}, {wrong}; give the day they came out")


def to_come(day: date, what: str) -> str:
    """What is wrong with a day that has not come anywhere on earth; empty if it has.

    Examples
    --------
    >>> to_come(date(2999, 6, 21), "published is")  # doctest: +ELLIPSIS
    'published is 2999-06-21, and today is ...'
    """
    now = settling.today()
    return f"{what} {day}, and today is {now}" if day > now + ONE_DAY else ""


def told_ahead(rows: Sequence[Observation]) -> Problem | None:
    """What is wrong with rows whose source was retrieved on a day that has not come anywhere.

    Examples
    --------
    >>> from caucasus_forecast.evidence import Window
    >>> may = Window(date(2026, 5, 1), date(2026, 5, 31))
    >>> row = Observation(may, "x", 0, source="UCDP, retrieved 2999-06-21", id="a.csv, row 2")
    >>> print(told_ahead([row]))  # doctest: +ELLIPSIS
    a.csv, row 2: its source was retrieved on 2999-06-21, and today is ...; correct the day
    """
    day = retrieved(rows)
    if day is None or not (problem := to_come(day, "its source was retrieved on")):
        return None
    row = next(o for o in rows if retrieved([o]) == day)
    return Problem(row.id or str(row.window), problem, "correct the day", column="source")


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
