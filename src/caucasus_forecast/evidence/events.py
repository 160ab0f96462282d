"""Dated events as totals of months: every day that was looked at counts, with a zero if need be."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from ..errors import EvidenceError, nearest
from ..names import DEATHS
from .rows import ONE_DAY, Observation, Window, month_from

SPANNING = ("total", "start", "days")


@dataclass(frozen=True, slots=True)
class Event:
    """One event: the days it may have happened on, and its deaths.

    Raises
    ------
    EvidenceError
        If the deaths are not a whole number, 0 or more.
    """

    window: Window
    deaths: float
    id: str = ""

    def __post_init__(self) -> None:
        whole = math.isfinite(self.deaths) and self.deaths >= 0 and self.deaths % 1 == 0
        if not whole:
            raise EvidenceError(
                f"event {self.id or self.window}: deaths are {self.deaths}; write a whole number, "
                "0 or more"
            )


def monthly(
    events: Iterable[Event],
    coverage: Sequence[Window],
    series: str = DEATHS,
    *,
    spanning: str = "total",
) -> tuple[Observation, ...]:
    """Count events by calendar month, over all the days that were looked at.

    Coverage is cut where a month begins, and each piece is one observation, zeros included. An
    event that spans pieces has no month of its own, so nothing is known but the sum: its pieces
    are joined to one total over all their days, and so on where such events form a chain.

    Parameters
    ----------
    events
        In any order.
    coverage
        The days looked at; pieces that touch are one, and none may overlap.
    series
        The series that is counted.
    spanning
        ``"total"`` as above; ``"start"`` counts an event on its first day; ``"days"`` shares its
        deaths among the months in proportion to its days in each, rounded to whole numbers by
        largest remainder, so that they add up.

    Returns
    -------
    tuple of Observation
        In order of time. Together their windows are the coverage and their counts the deaths.

    Raises
    ------
    EvidenceError
        For pieces that overlap, or an event with a day outside the coverage (with ``"start"``: its
        first day).

    Examples
    --------
    >>> from datetime import date
    >>> year = Window(date(2024, 1, 1), date(2024, 4, 30))
    >>> storm = Event(Window(date(2024, 2, 28), date(2024, 3, 2)), 7)
    >>> [(str(o.window), o.count) for o in monthly([storm], [year])][1]
    ('2024-02-01 to 2024-03-31', 7.0)
    >>> [o.count for o in monthly([storm], [year], spanning="days")]
    [0.0, 4.0, 3.0, 0.0]
    """
    if spanning not in SPANNING:
        raise EvidenceError(f"spanning is {spanning!r}; {nearest(spanning, SPANNING)}")
    pieces = _joined(coverage)
    cells = [cell for piece in pieces for cell in _by_month(piece)]
    starts = [cell.start for cell in cells]
    counts, happened, tied = [0] * len(cells), [0] * len(cells), [False] * len(cells)
    for event in events:
        window = event.window if spanning != "start" else _first_day(event.window)
        first, last = _place(starts, window.start), _place(starts, window.end)
        _refuse_outside(event, window, cells, first, last, pieces)
        shares = _shares(int(event.deaths), window, cells[first : last + 1])
        if spanning == "total":
            shares = [int(event.deaths)] + [0] * (last - first)
            tied[first + 1 : last + 1] = [True] * (last - first)
        happened[first] += 1
        for n, share in enumerate(shares, start=first):
            counts[n] += share
    return tuple(_observations(cells, counts, happened, tied, series))


def _joined(coverage: Sequence[Window]) -> list[Window]:
    pieces: list[Window] = []
    for window in sorted(coverage):
        if pieces and window.start <= pieces[-1].end:
            raise EvidenceError(f"coverage {pieces[-1]} overlaps coverage {window}; join them")
        if pieces and window.start == pieces[-1].end + ONE_DAY:
            pieces[-1] = Window(pieces[-1].start, window.end)
        else:
            pieces.append(window)
    return pieces


def _by_month(piece: Window) -> Iterable[Window]:
    first = piece.start
    while first <= piece.end:
        last = min(month_from(first).end, piece.end)
        yield Window(first, last)
        first = last + ONE_DAY


def _first_day(window: Window) -> Window:
    return Window(window.start, window.start)


def _place(starts: list[date], day: date) -> int:
    return bisect_right(starts, day) - 1


def _refuse_outside(
    event: Event, window: Window, cells: list[Window], first: int, last: int, pieces: list[Window]
) -> None:
    covered = first >= 0 and sum(window.overlap(c) for c in cells[first : last + 1]) == window.days
    if not covered:
        cure = "widen the coverage, or leave the event out"
        if window.days > 1:
            cure += ", or count it on its first day (spanning 'start')"
        shown = "; ".join(map(str, pieces[:3])) + ("; …" if len(pieces) > 3 else "")
        raise EvidenceError(
            f"event {event.id or event.window}: {window} is not all within the days looked at "
            f"({shown or 'none'}); {cure}"
        )


def _shares(deaths: int, window: Window, cells: list[Window]) -> list[int]:
    """Share `deaths` in proportion to days, by largest remainder, the earlier first in a tie."""
    days = [window.overlap(cell) for cell in cells]
    shares = [deaths * d // window.days for d in days]
    rest = sorted(range(len(days)), key=lambda n: -(deaths * days[n] % window.days))
    for n in rest[: deaths - sum(shares)]:
        shares[n] += 1
    return shares


def _observations(
    cells: list[Window], counts: list[int], happened: list[int], tied: list[bool], series: str
) -> Iterable[Observation]:
    first = 0
    for last in range(len(cells)):
        if last + 1 < len(cells) and tied[last + 1]:
            continue
        window = Window(cells[first].start, cells[last].end)
        number = sum(happened[first : last + 1])
        yield Observation(
            window,
            series,
            float(sum(counts[first : last + 1])),
            id=f"{number} event{'s' * (number != 1)} of {window}",
        )
        first = last + 1
