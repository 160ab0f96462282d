"""What evidence is: windows of days, series, observations; checked at birth."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from ..errors import EvidenceError, nearest

MODES = ("counts", "events", "status", "share")
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Whole days, both ends included."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise EvidenceError(f"interval {self.start} to {self.end} ends before it starts")

    @property
    def days(self) -> int:
        """Length in days."""
        return (self.end - self.start).days + 1

    @property
    def whole_month(self) -> bool:
        """Whether it is a calendar month, no more and no less."""
        return self == month_from(self.start)

    def overlap(self, other: Window) -> int:
        """Days in common."""
        shared = (min(self.end, other.end) - max(self.start, other.start)).days + 1
        return max(shared, 0)

    def until(self, last: date) -> Window | None:
        """Keep the part that ends no later than `last`, if any."""
        return None if self.start > last else Window(self.start, min(self.end, last))

    def __str__(self) -> str:
        return str(self.start) if self.start == self.end else f"{self.start} to {self.end}"


def month_from(first: date) -> Window:
    """The calendar month of a day."""
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return Window(first.replace(day=1), following - ONE_DAY)


def without(windows: Iterable[Window], holes: Iterable[Window]) -> tuple[Window, ...]:
    """Cut holes out of windows: the days of `windows` that are in none of `holes`.

    Examples
    --------
    >>> may, day = Window(date(2021, 5, 1), date(2021, 5, 31)), date(2021, 5, 13)
    >>> print(*without([may], [Window(day, day)]), sep="; ")
    2021-05-01 to 2021-05-12; 2021-05-14 to 2021-05-31
    """
    left = sorted(windows)
    for hole in holes:
        parts = []
        for window in left:
            if not window.overlap(hole):
                parts.append(window)
                continue
            if window.start < hole.start:
                parts.append(Window(window.start, hole.start - ONE_DAY))
            if hole.end < window.end:
                parts.append(Window(hole.end + ONE_DAY, window.end))
        left = parts
    return tuple(left)


@dataclass(frozen=True, slots=True)
class Series:
    """What one stream of observations measures, and where it was looked for."""

    name: str
    node: str
    mode: str = "counts"
    unit: str = ""
    coverage: tuple[Window, ...] = ()
    source: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise EvidenceError(
                f"series {self.name!r}: mode {self.mode!r}: {nearest(self.mode, MODES)}"
            )
        object.__setattr__(self, "coverage", tuple(sorted(self.coverage)))
        for a, b in pairwise(self.coverage):
            if a.overlap(b):
                raise EvidenceError(
                    f"series {self.name!r}: coverage {a} overlaps coverage {b}; join them"
                )


@dataclass(frozen=True, slots=True)
class Observation:
    """One number over one interval.

    `suspect` is the doubt about the row, empty if there is none. Suspect rows, rows without a
    series and rows with ``use=False`` are carried by `table`; `Evidence` refuses them.
    """

    window: Window
    series: str
    count: float
    source: str = ""
    id: str = ""
    what: str = ""
    suspect: str = ""
    use: bool = True


@dataclass(frozen=True)
class Evidence:
    """Series and their observations, consistent with each other.

    Raises
    ------
    EvidenceError
        For an unknown series, a number its series cannot hold, a row marked as suspect or not for
        use, two totals of one series that overlap, or an event outside its series' coverage.

    Examples
    --------
    >>> from caucasus_forecast.evidence import load
    >>> evidence = load().as_of(date(2021, 11, 30))
    >>> evidence.series["battle_deaths"].node
    'tension'
    """

    series: Mapping[str, Series]
    observations: tuple[Observation, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "series", MappingProxyType(dict(self.series)))
        object.__setattr__(self, "observations", tuple(self.observations))
        for o in self.observations:
            if o.series not in self.series:
                raise EvidenceError(
                    f"observation {o.id or o.window}: unknown series {o.series!r}; "
                    f"{nearest(o.series, self.series)}"
                )
            _refuse_unusable(self.series[o.series], o)
        for name, s in self.series.items():
            if name != s.name:
                raise EvidenceError(f"series {s.name!r} is filed under {name!r}; use one name")
            rows = [o for o in self.observations if o.series == name]
            refuse_overlaps([(o.window, o.id) for o in rows if is_total(s, o)], name)
            if s.mode == "events":
                _refuse_uncovered(s, rows)

    def __reduce__(self) -> tuple[Any, ...]:
        return Evidence, (dict(self.series), self.observations)

    def as_of(self, last: date) -> Evidence:
        """Keep what was on record on a day: nothing that ends later remains, coverage included.

        The days of a row that is still open on that day are unknown, not empty: they leave the
        coverage, with the dated events that fell on them.
        """
        series, kept = {}, set()
        for name, s in self.series.items():
            rows = [o for o in self.observations if o.series == name]
            still_open = [o.window for o in rows if o.window.end > last]
            seen = without((w for c in s.coverage if (w := c.until(last))), still_open)
            ended = [o for o in rows if o.window.end <= last]
            if s.mode == "events":
                ended = [o for o in ended if not any(o.window.overlap(w) for w in still_open)]
            if seen or ended:
                series[name] = replace(s, coverage=seen)
                kept.update(ended)
        return Evidence(series, tuple(o for o in self.observations if o in kept))

    def with_series(self, series: Series, rows: Sequence[Observation]) -> Evidence:
        """Replace one series, whole, by other rows."""
        others = tuple(o for o in self.observations if o.series != series.name)
        return Evidence({**self.series, series.name: series}, (*others, *rows))

    def with_counts(self, rows: Sequence[Observation]) -> Evidence:
        """Replace every series the rows name, whole, by a user's own counts of it.

        Raises
        ------
        EvidenceError
            For a series that is not here, or that does not hold counts.
        """
        known = {n: s for n, s in self.series.items() if s.mode in ("counts", "events")}
        changed = self
        for name in dict.fromkeys(o.series for o in rows):
            if name not in known:
                raise EvidenceError(
                    f"unknown series {name!r} in the counts; {nearest(name, known)}"
                )
            note = "replaced by the user's counts"
            own = replace(known[name], mode="counts", coverage=(), source="user", note=note)
            changed = changed.with_series(own, [o for o in rows if o.series == name])
        return changed

    @property
    def digest(self) -> str:
        """SHA-256 of everything a likelihood can see, in a fixed order."""
        series = sorted(
            (s.name, s.node, s.mode, [str(w) for w in s.coverage]) for s in self.series.values()
        )
        rows = sorted((o.series, str(o.window), float(o.count)) for o in self.observations)
        return hashlib.sha256(repr((series, rows)).encode()).hexdigest()

    def __repr__(self) -> str:
        lines = [f"Evidence: {len(self.series)} series, {len(self.observations)} observations"]
        for s in self.series.values():
            rows = [o for o in self.observations if o.series == s.name]
            windows = [o.window for o in rows] + list(s.coverage)
            span = "-"
            if windows:
                span = f"{min(w.start for w in windows)} to {max(w.end for w in windows)}"
            lines.append(f"  {s.name:<24}{len(rows):>4} rows  {span}  -> {s.node}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


def _refuse_unusable(series: Series, row: Observation) -> None:
    place = f"series {series.name!r}: {row.id or row.window}"
    if row.suspect or not row.use:
        raise EvidenceError(
            f"{place} is not for use ({row.suspect or 'use is False'}); leave it out, or clear "
            "the mark"
        )
    allowed, holds = {
        "status": ("0 or 1", row.count in (0, 1)),
        "share": ("a share between 0 and 1", 0 <= row.count <= 1),
    }.get(series.mode, ("a whole number, 0 or more", row.count >= 0 and row.count % 1 == 0))
    if not holds:
        raise EvidenceError(
            f"{place}: the count is {row.count}; a {series.mode} row takes {allowed}"
        )


def is_total(series: Series, row: Observation) -> bool:
    """Whether a row is the total of its interval (not one dated event)."""
    return series.mode in ("counts", "share") or (
        series.mode == "events" and not within_a_month(row.window)
    )


def within_a_month(window: Window) -> bool:
    """Whether a window begins and ends in one calendar month."""
    return (window.start.year, window.start.month) == (window.end.year, window.end.month)


def refuse_overlaps(rows: list[tuple[Window, str]], series: str) -> None:
    """Refuse two totals of one series that share a day; each row is a window and its id.

    Raises
    ------
    EvidenceError
    """
    rows = sorted(rows)
    for (a, first), (b, second) in pairwise(rows):
        if a == b:
            raise EvidenceError(
                f"series {series!r}: {a} is listed twice ({first}; {second}); "
                "keep one, or add them up"
            )
        if a.overlap(b):
            raise EvidenceError(
                f"series {series!r}: {a} ({first}) overlaps {b} ({second}); "
                "keep one, or split the interval"
            )


def _refuse_uncovered(series: Series, rows: list[Observation]) -> None:
    for o in rows:
        if sum(o.window.overlap(c) for c in series.coverage) < o.window.days:
            raise EvidenceError(
                f"series {series.name!r}: {o.id or o.window} lies outside its coverage "
                f"({'; '.join(map(str, series.coverage)) or 'none'}); widen the coverage or drop it"
            )
