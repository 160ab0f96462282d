"""Rows that are events: read, and counted by month over the days that were looked at."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from ..errors import EvidenceError
from . import settling
from .cells import LARGEST, TOO_LARGE
from .events import Event, monthly
from .problems import Problem, listed, offered, quoted
from .reading import Reading
from .rows import ONE_DAY, Observation, Window, month_from, within_a_month
from .settling import Findings


@dataclass(frozen=True, slots=True)
class EventRow:
    """One row: its event, the key that only it should have, its series, and who told of it."""

    event: Event
    key: str
    series: str
    source: str = ""


def counted(
    name: str, rows: Sequence[EventRow], reading: Reading, found: Findings
) -> list[Observation]:
    """The totals of one series of events; `found` takes the repairs and the problems."""
    events = _over(name, _single(name, rows, reading, found), reading, found)
    if not events:
        return []
    first, last = _looked_at(events, reading)
    if reading.last is not None and reading.last >= settling.today():
        cure = "give a day that is over, at the end of what was looked at"
        found.of(name, f"last is {reading.last}, today is {settling.today()}", cure)
        return []
    if last < first:
        cure = "give the days that were looked at, as first and last"
        found.of(name, f"first is {first}, after the last day with events, {last}", cure)
        return []
    found.repairs += _assumed(name, first, last, reading)
    ordered = sorted(events, key=lambda e: e.window)
    found.repairs += [f"{name}: {said}; is its date a slip?" for said in settling.far(ordered)]
    try:
        read = monthly(events, [Window(first, last)], name, spanning=reading.spanning)
    except EvidenceError as error:
        found.problems.append(Problem(f"{found.where}, series {name!r}", str(error), ""))
        return []
    _find_too_large(name, read, events, reading, found)
    found.repairs += _said(name, events, read, reading)
    return _cited(read, events, {row.event.id: row.source for row in rows}, reading)


def _find_too_large(
    name: str,
    read: Sequence[Observation],
    events: Sequence[Event],
    reading: Reading,
    found: Findings,
) -> None:
    """Find totals that are larger than a count may be, and name their rows."""
    for o in read:
        if o.count > LARGEST:
            rows = listed(e.id for e in events if o.window.overlap(_counted_on(e, reading)))
            problem = f"{settling.label(o.window)} adds up to {o.count:.0f} ({rows})"
            found.of(name, problem, TOO_LARGE)


def _counted_on(event: Event, reading: Reading) -> Window:
    window = event.window
    return Window(window.start, window.start) if reading.spanning == "start" else window


def _cited(
    read: Sequence[Observation], events: Sequence[Event], sources: dict[str, str], reading: Reading
) -> list[Observation]:
    """The totals with the sources of the events in each."""
    starts = [o.window.start for o in read]
    told: list[dict[str, None]] = [{} for _ in read]
    for event in events:
        window = _counted_on(event, reading)
        first, last = (bisect_right(starts, day) for day in (window.start, window.end))
        for said in told[first - 1 : last] if sources[event.id] else ():
            said[sources[event.id]] = None
    return [
        replace(o, source="; ".join(said)) if said else o
        for o, said in zip(read, told, strict=True)
    ]


def _single(name: str, rows: Sequence[EventRow], reading: Reading, found: Findings) -> list[Event]:
    """Events without doubles; their keys are ids, or all their cells."""
    kept: dict[str, Event] = {}
    again: list[Event] = []
    for row in rows:
        if row.key not in kept or reading.duplicates == "last":
            if row.key in kept:
                again.append(kept[row.key])
            kept[row.key] = row.event
        elif reading.duplicates == "sum":
            again.append(row.event)
        else:
            choices = offered("duplicates", ("last", "the last is kept"), ("sum", "all count"))
            problem = f"the event {quoted(row.key)} is listed twice"
            found.add(row.event.id, problem, f"see {kept[row.key].id}; keep one, or {choices}")
    if again:
        one, places = len(again) == 1, listed(e.id for e in again)
        done = f"{'is' if one else 'are'} listed again later and left out"
        if reading.duplicates == "sum":
            done = f"repeat{'s' * one} another, all are counted"
        found.repairs.append(
            f"{name}: {len(again)} row{'s' * (not one)} of events {done} ({places})"
        )
    return [*kept.values(), *(again if reading.duplicates == "sum" else [])]


def _events(number: int) -> str:
    return f"{number} event{'s' * (number != 1)}"


def _over(name: str, events: Sequence[Event], reading: Reading, found: Findings) -> list[Event]:
    """Events that began before this month, which is not over; all, where that was chosen."""
    now = settling.today()
    for event in events:
        if event.window.end > now:
            problem = f"{event.window} is not over (today is {now})"
            found.add(event.id, problem, "correct the date")
    if reading.incomplete == "keep" or reading.last is not None:
        return list(events)
    ended = [e for e in events if e.window.start < month_from(now).start]
    if left_out := len(events) - len(ended):
        found.repairs.append(
            f"{name}: {now:%Y-%m} is not over (today is {now}); {_events(left_out)} of it left "
            "out, incomplete='keep' keeps them"
        )
    return ended


def _looked_at(events: Sequence[Event], reading: Reading) -> tuple[date, date]:
    begin = min(e.window.start for e in events)
    end = max((e.window.start if reading.spanning == "start" else e.window.end) for e in events)
    last = month_from(end).end
    if last >= settling.today():
        kept = reading.incomplete == "keep"
        last = settling.today() - ONE_DAY if kept else month_from(settling.today()).start - ONE_DAY
        last = max(last, end) if kept else last
    return reading.first or month_from(begin).start, reading.last or last


def _assumed(name: str, first: date, last: date, reading: Reading) -> list[str]:
    """A sentence on the days looked at, if not both ends of them were chosen."""
    said = f"{name}: days from {first} to {last} are taken as looked at"
    open_ = [end for end in ("first", "last") if getattr(reading, end) is None]
    if len(open_) == 2:
        return [f"{said}, from the events themselves; first and last say otherwise"]
    return [f"{said}, the {end} day from the events; {end} says otherwise" for end in open_]


def _said(
    name: str, events: Sequence[Event], read: Sequence[Observation], reading: Reading
) -> list[str]:
    total = sum(o.count for o in read)
    lines = [f"{name}: {_events(len(events))} counted, {total:.0f} in all"]
    spanning = sum(not within_a_month(e.window) for e in events)
    if spanning:
        how = {
            "total": "the months of each are joined to one total",
            "start": "counted on the first day",
            "days": "shared among the months in proportion to the days",
        }[reading.spanning]
        lines.append(
            f"{name}: {_events(spanning)} spanning months: {how} (spanning={reading.spanning!r})"
        )
    return lines
