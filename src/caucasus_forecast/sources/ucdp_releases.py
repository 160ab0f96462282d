"""Which releases UCDP makes, what each covers, and when it came out.

=============  =============  ==========================================  =====================
kind           version        covers                                      out, by the calendar
=============  =============  ==========================================  =====================
final          26.1           1989 to the end of 2025                     15 June 2026
consolidated   26.01.26.06    January to June 2026                        20 August 2026
monthly        26.0.8         August 2026                                 20 September 2026
=============  =============  ==========================================  =====================

The calendar is an assumption of this library. It gives the order in which releases supersede each
other, and the day of publication where the source does not tell when it last changed the file.
"""

from __future__ import annotations

import email.utils
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from ..evidence import ONE_DAY, Window
from .manifests import Entry

FIRST_DAY = date(1989, 1, 1)
FIRST_FINAL = 2017
FIRST_CANDIDATE = 2020
EARLIEST = timedelta(days=31)
LINK = re.compile(
    r"(?:ged/ged(?P<final>\d{3})-csv\.zip"
    r"|candidateged/GEDEvent_v(?P<year>\d\d)_0_(?P<month>\d\d?)\.csv"
    r"|candidateged/GEDEvent_v(?P<span>\d\d)_01_(?P=span)_(?P<until>\d\d)\.csv)"
)


@dataclass(frozen=True, slots=True)
class Release:
    """One release of the Georeferenced Event Dataset.

    Examples
    --------
    >>> august = monthly(2026, 8)
    >>> august.version, august.path, str(august.coverage), str(august.due)
    ('26.0.8', 'candidateged/GEDEvent_v26_0_8.csv', '2026-08-01 to 2026-08-31', '2026-09-20')
    """

    version: str
    path: str
    kind: str
    coverage: Window
    due: date

    @property
    def final(self) -> bool:
        """Whether it is of the yearly series, which UCDP has gone over."""
        return self.kind == "final"

    @property
    def file(self) -> str:
        """The name of its download."""
        return self.path.rpartition("/")[2]

    @property
    def last_part(self) -> Window:
        """The last year of a final release, the last month of another: it must have rows."""
        end = self.coverage.end
        return Window(date(end.year, 1 if self.final else end.month, 1), end)

    @property
    def order(self) -> tuple[date, date]:
        """Later releases are greater."""
        return self.due, self.coverage.end

    def published(self, entry: Entry) -> date:
        """The day its bytes in hand were out: as the source says, else by the calendar.

        Not after the day they came, and not before its coverage was over.
        """
        told = _day(entry.modified) or self.due
        came = datetime.fromisoformat(entry.retrieved).date()
        return max(min(told, came), self.coverage.end + ONE_DAY)

    def __str__(self) -> str:
        return f"{'GED' if self.final else 'Candidate'} {self.version}"


def final(year: int, number: int = 1) -> Release:
    """The yearly release of a year: everything to the end of the year before."""
    yy = year % 100
    return Release(
        f"{yy}.{number}",
        f"ged/ged{yy:02d}{number}-csv.zip",
        "final",
        Window(FIRST_DAY, date(year - 1, 12, 31)),
        date(year, 6, 15) + timedelta(days=number - 1),
    )


def monthly(year: int, month: int) -> Release:
    """The candidate release of one month."""
    yy = year % 100
    return Release(
        f"{yy}.0.{month}",
        f"candidateged/GEDEvent_v{yy:02d}_0_{month}.csv",
        "monthly",
        Window(date(year, month, 1), _ends(year, month)),
        _twentieth(year, month, 1),
    )


def consolidated(year: int, month: int) -> Release:
    """The candidate release of a year's first months."""
    yy = year % 100
    return Release(
        f"{yy:02d}.01.{yy:02d}.{month:02d}",
        f"candidateged/GEDEvent_v{yy:02d}_01_{yy:02d}_{month:02d}.csv",
        "consolidated",
        Window(date(year, 1, 1), _ends(year, month)),
        _twentieth(year, month, 2),
    )


def linked(text: str) -> set[Release]:
    """The releases that a page links to, or that file names tell of.

    Examples
    --------
    >>> sorted(r.version for r in linked('<a href="ged/ged261-csv.zip">, ged/ged261-xlsx.zip'))
    ['26.1']
    """
    found = set()
    for match in LINK.finditer(text):
        year = 2000 + int(match["year"] or match["span"] or match["final"][:2])
        month = int(match["month"] or match["until"] or 1)
        if not 1 <= month <= 12 or (match["final"] and match["final"][2] == "0"):
            continue
        if match["final"]:
            found.add(final(year, int(match["final"][2])))
        else:
            found.add((monthly if match["month"] else consolidated)(year, month))
    return found


def on_calendar(day: date) -> set[Release]:
    """Every release that the calendar knows, and that may have been out on a day.

    Consolidated ones are expected at the ends of quarters.
    """
    years = range(FIRST_CANDIDATE, day.year + 1)
    known = {final(y) for y in range(FIRST_FINAL, day.year + 1)}
    known |= {monthly(y, m) for y in years for m in range(1, 13)}
    known |= {consolidated(y, m) for y in years for m in (3, 6, 9, 12)}
    return {r for r in known if may_be_out(r, day)}


def may_be_out(release: Release, day: date) -> bool:
    """Whether its coverage is over, and the calendar is at most a month away."""
    return release.coverage.end < day and release.due - EARLIEST <= day


def finals(offered: Iterable[Release]) -> list[Release]:
    """The yearly ones, newest first."""
    return sorted((r for r in offered if r.final), key=lambda r: r.order, reverse=True)


def years_after(last: date, offered: Iterable[Release]) -> Iterator[list[Release]]:
    """The candidate releases of each year that begins after a day, the oldest year first."""
    after = [r for r in offered if not r.final and r.coverage.start > last]
    for year in sorted({r.coverage.start.year for r in after}):
        yield [r for r in after if r.coverage.start.year == year]


def gaps(windows: Iterable[Window]) -> list[Window]:
    """What lies uncovered between windows.

    Examples
    --------
    >>> january, march = monthly(2026, 1).coverage, monthly(2026, 3).coverage
    >>> print(*gaps([march, january]))
    2026-02-01 to 2026-02-28
    """
    return [
        Window(a.end + ONE_DAY, b.start - ONE_DAY)
        for a, b in pairwise(sorted(windows))
        if a.end + ONE_DAY < b.start
    ]


def _ends(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - ONE_DAY


def _twentieth(year: int, month: int, later: int) -> date:
    months = year * 12 + month - 1 + later
    return date(months // 12, months % 12 + 1, 20)


def _day(header: str) -> date | None:
    try:
        return email.utils.parsedate_to_datetime(header).date() if header else None
    except ValueError:
        return None
