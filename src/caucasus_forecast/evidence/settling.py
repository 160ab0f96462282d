"""Rows of one series made consistent: each repair chosen by the user, and each one said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise

from .cells import LARGEST, TOO_LARGE
from .embedded import by_month
from .events import Event
from .problems import SHOWN, Problem, listed, offered
from .reading import Reading
from .rows import ONE_DAY, Observation, Window, month_from

FAR = 730  # days between a row and all others, beyond which it may be a slip


def today() -> date:
    """The day it is; the month it is in is not over."""
    return date.today()


@dataclass(slots=True)
class Findings:
    """What reading comes to say: repairs that were made, and problems that were found."""

    where: str
    repairs: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    dates: int = 0  # cells that were dates before a format was asked

    def add(self, place: str, problem: str, cure: str) -> None:
        """Add a problem of no one row."""
        self.problems.append(Problem(place, problem, cure))

    def of(self, series: str, problem: str, cure: str) -> None:
        """Add a problem of a series as a whole."""
        self.add(f"{self.where}, series {series!r}", problem, cure)


def settled(
    name: str,
    given: Sequence[Observation],
    reading: Reading,
    found: Findings,
    *,
    complete: bool,
    dated: bool,
) -> list[Observation]:
    """The rows of one series in order of time, without doubles, overlaps or unspoken gaps.

    Parameters
    ----------
    given
        Rows as they stood in the table.
    found
        Takes the repairs and the problems.
    complete
        Whether every row of the table could be read, so that what is between rows is a gap.
    dated
        Whether the rows are months or days, so that one without a row is a slip. Intervals say
        themselves which days they cover, unless all are whole months.
    """
    rows = sorted(given, key=lambda o: o.window)
    if [o.window for o in rows] != [o.window for o in given]:
        found.repairs.append(f"{name}: rows were not in order of time, sorted")
    rows = _single(name, _begun(rows, found), reading, found)
    if reading.aggregate == "month":
        rows = _aggregated(name, rows, found)
    _find_overlaps(name, rows, found)
    rows = _past(name, rows, reading, found)
    asked = complete and (dated or all(o.window.whole_month for o in rows))
    if not (asked and reading.gaps == "error"):
        found.repairs += [f"{name}: {said}; is its date a slip?" for said in far(rows)]
    return _without_gaps(name, rows, reading, found) if asked else rows


def label(window: Window) -> str:
    """A window as people write it: a month by its name.

    Examples
    --------
    >>> label(Window(date(2024, 2, 1), date(2024, 2, 29)))
    '2024-02'
    """
    return f"{window.start:%Y-%m}" if window.whole_month else str(window)


# --------------------------------------------------------------------------- doubles, overlaps


def _single(
    name: str, rows: list[Observation], reading: Reading, found: Findings
) -> list[Observation]:
    groups: dict[Window, list[Observation]] = {}
    for o in rows:
        groups.setdefault(o.window, []).append(o)
    return [
        group[0] if len(group) == 1 else _one(name, group, reading, found)
        for group in groups.values()
    ]


def _one(name: str, group: Sequence[Observation], reading: Reading, found: Findings) -> Observation:
    window, ids = group[0].window, "; ".join(o.id for o in group[:SHOWN])
    times = "twice" if len(group) == 2 else f"{len(group)} times"
    if reading.duplicates == "error":
        cure = "keep one, or add them up: " + offered(
            "duplicates", ("sum", "added up"), ("last", "the last row is kept")
        )
        found.of(name, f"{window} is listed {times} ({ids})", cure)
        return group[0]
    counts = "; ".join(f"{o.count:.0f}" for o in group[:SHOWN])
    said = f"{name}: {label(window)} is listed {times} ({ids}: {counts})"
    if reading.duplicates == "last":
        found.repairs.append(f"{said}, the last is kept")
        return group[-1]
    total = _sum(name, window, group, found)
    found.repairs.append(f"{said}, added up to {total:.0f}")
    return replace(group[0], count=total, id=ids, source=_sources(group))


def _sum(name: str, window: Window, group: Sequence[Observation], found: Findings) -> float:
    """The sum of rows; a problem where it is larger than a count may be, and none of them is."""
    total = sum(o.count for o in group)
    if total > LARGEST >= max(o.count for o in group):
        rows = listed(o.id for o in group)
        found.of(name, f"{label(window)} adds up to {total:.0f} ({rows})", TOO_LARGE)
    return total


def _sources(group: Iterable[Observation]) -> str:
    return "; ".join(dict.fromkeys(o.source for o in group if o.source))


def _aggregated(name: str, rows: list[Observation], found: Findings) -> list[Observation]:
    months: dict[Window, list[Observation]] = {}
    for o in rows:
        months.setdefault(month_from(o.window.start), []).append(o)
    if all(months.get(o.window) == [o] for o in rows):
        return rows
    for month, group in months.items():
        if len(group) > 1 and (total := next((o for o in group if o.window == month), None)):
            problem = f"{label(month)} ({total.id}) is a whole month, and other rows lie within it"
            others = listed(o.id for o in group if o is not total)
            found.of(name, problem, f"keep the month, or its days ({others})")
    found.repairs.append(f"{name}: {_added_up(rows, list(months))}")
    return [
        replace(
            group[0], window=month, count=_sum(name, month, group, found),
            id=listed(o.id for o in group), source=_sources(group),
        )
        for month, group in months.items()
    ]  # fmt: skip


def _added_up(rows: Sequence[Observation], months: Sequence[Window]) -> str:
    """What was added up, and how far the rows are from filling their months."""
    first, last = rows[0].window, rows[-1].window
    said = f"{len(rows)} dated rows are added up to {len(months)} whole month"
    said += "s" * (len(months) != 1)
    if first.start != months[0].start:
        said += f", from the start of {first.start:%Y-%m} though the first row is of {label(first)}"
    if last.end != months[-1].end:
        said += f", to the end of {last.end:%Y-%m} though the last row is of {label(last)}"
    days = sum(month.days for month in months) - sum(o.window.days for o in rows)
    if days > 0:
        said += f"; {days} day{'s' * (days != 1)} without a row count as zero"
    return said


def _find_overlaps(name: str, rows: Sequence[Observation], found: Findings) -> None:
    for a, b in pairwise(rows):
        if a.window.overlap(b.window):
            problem = f"{a.window} ({a.id}) overlaps {b.window} ({b.id})"
            found.of(name, problem, "keep one, or split the interval")


# --------------------------------------------------------------------------- what is not over


def _begun(rows: Sequence[Observation], found: Findings) -> list[Observation]:
    """The rows that have begun; the others are problems, whatever is chosen."""
    for o in rows:
        if o.window.start > today():
            problem = f"{label(o.window)} has not begun (today is {today()})"
            found.add(o.id, problem, "correct the date, or drop the row")
    return [o for o in rows if o.window.start <= today()]


def _past(
    name: str, rows: list[Observation], reading: Reading, found: Findings
) -> list[Observation]:
    if reading.incomplete == "keep":
        if rows and rows[-1].window.end >= today():
            found.repairs.append(f"{name}: {label(rows[-1].window)} is kept, though not over")
        return rows
    ended = [o for o in rows if o.window.end < today()]
    if open_ := [label(o.window) for o in rows[len(ended) :]]:
        found.repairs.append(
            f"{name}: {listed(open_)} is not over (today is {today()}) and is left out; "
            "incomplete='keep' keeps it"
        )
    return ended


# --------------------------------------------------------------------------- gaps


def gaps(rows: Sequence[Observation]) -> list[Window]:
    """The intervals between rows, which are in order of time, that no row tells of.

    Examples
    --------
    >>> year = [Observation(Window(date(y, 1, 1), date(y, 12, 31)), "x", 0) for y in (2020, 2022)]
    >>> print(*gaps(year))
    2021-01-01 to 2021-12-31
    """
    return between([o.window for o in rows])


def between(windows: Sequence[Window]) -> list[Window]:
    """The intervals that lie between windows, which are in order of time.

    Examples
    --------
    >>> print(*between([month_from(date(2024, m, 1)) for m in (1, 2, 4)]))
    2024-03-01 to 2024-03-31
    """
    return [
        Window(a.end + ONE_DAY, b.start - ONE_DAY)
        for a, b in pairwise(windows)
        if a.end + ONE_DAY < b.start
    ]


def filled(
    name: str, rows: list[Observation], holes: Sequence[Window], choice: str
) -> tuple[list[Observation], str]:
    """The rows of a series with the intervals that no row tells of, and a sentence on them.

    Parameters
    ----------
    name, rows, holes
        The series, its rows in order of time, and the intervals.
    choice
        ``missing``: they are unknown; ``zero``: nothing happened.

    Examples
    --------
    >>> hole = Window(date(2024, 2, 1), date(2024, 3, 31))
    >>> more, said = filled("x", [], [hole], "zero")
    >>> [label(o.window) for o in more], said
    (['2024-02', '2024-03'], 'x: no row for 2024-02 to 2024-03, counted as zero')
    """
    if choice == "missing":
        return rows, f"{name}: no row for {spans(holes)}, left unknown"
    zeros = (Observation(hole, name, 0.0, id="filled with zero") for hole in holes)
    parts = [part for zero in zeros for part in by_month(zero)]
    said = f"{name}: no row for {spans(holes)}, counted as zero"
    return sorted([*rows, *parts], key=lambda o: o.window), said


def _without_gaps(
    name: str, rows: list[Observation], reading: Reading, found: Findings
) -> list[Observation]:
    holes = gaps(rows)
    if not holes:
        return rows
    if reading.gaps != "error":
        rows, said = filled(name, rows, holes, reading.gaps)
        found.repairs.append(said)
        return rows
    shown = spans(holes)
    problem, cure = f"no row for {shown}", ""
    if not rows[0].window.whole_month:
        many = sum(w.days for w in holes)
        problem = f"its rows are single days, and {many} days between them have none ({shown})"
        cure = offered("aggregate", ("month", "each month is the sum of its rows")) + "; or "
        if all(o.window.start.day == 1 for o in rows):
            cure += "name the column month if each date is its whole month; or "
    for said in far(rows):
        cure = f"{said}: is its date a slip? else {cure}"
    cure += offered("gaps", ("missing", "they are unknown"), ("zero", "nothing happened"))
    found.of(name, problem, cure)
    return rows


def far(rows: Sequence[Observation | Event]) -> list[str]:
    """How far a first or last row stands from the others, if that is further than they stand apart.

    Examples
    --------
    >>> days = (date(1919, 6, 7), date(2019, 5, 7), date(2019, 7, 7))
    >>> far([Event(Window(day, day), 1, f"row {n}") for n, day in enumerate(days, 2)])
    ['1919-06-07 (row 2) stands 1,199 months from all others']
    """
    holes = [(b.window.start - a.window.end).days for a, b in pairwise(rows)]
    if len(holes) < 2:
        return []
    return [
        f"{label(row.window)} ({row.id}) stands {_months_from(*pair):,} months from all others"
        for row, hole, pair, others in (
            (rows[0], holes[0], rows[:2], holes[1:]),
            (rows[-1], holes[-1], rows[-2:], holes[:-1]),
        )
        if hole > max(FAR, *others)
    ]


def _months_from(a: Observation | Event, b: Observation | Event) -> int:
    """Months from the end of one to the start of another."""
    end, start = a.window.end, b.window.start
    return 12 * (start.year - end.year) + start.month - end.month


def spans(windows: Iterable[Window]) -> str:
    """The first few of several intervals, whole months by their names.

    Examples
    --------
    >>> spans([Window(date(2024, 2, 1), date(2024, 3, 31))])
    '2024-02 to 2024-03'
    """
    return listed(map(_months, sorted(windows)))


def _months(window: Window) -> str:
    whole = window.start.day == 1 and (window.end + ONE_DAY).day == 1
    if not whole or window.whole_month:
        return label(window)
    return f"{window.start:%Y-%m} to {window.end:%Y-%m}"
