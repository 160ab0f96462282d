"""Deaths in organised violence from the Uppsala Conflict Data Program, fetched and counted.

The Georeferenced Event Dataset has a final release a year and candidate releases a month. The
newest final one is taken, and the candidate ones of the months after it; see `ucdp_releases`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Protocol

from ..errors import SourceError, nearest
from ..evidence import Window, without
from .cache import Cache, usable
from .cells import given, several
from .fetched import Used, joined, stale, within
from .http import Client
from .manifests import Entry
from .ucdp_api import Api, api
from .ucdp_cells import ESTIMATES
from .ucdp_downloads import Downloads, downloads
from .ucdp_fetched import UcdpFetched, of_events
from .ucdp_releases import (
    FIRST_DAY,
    Release,
    finals,
    gaps,
    may_be_out,
    on_calendar,
    years_after,
)
from .ucdp_rows import Table, UcdpEvent, Wanted, refuse_unknown, superseded

COUNTRIES = ("Armenia", "Azerbaijan")
FIRST = date(2014, 1, 1)
ROADS = ("downloads", "api")


class Road(Protocol):
    """A way to releases."""

    def offered(self) -> set[Release]:
        """Releases known of beyond those on the calendar."""

    def table(self, release: Release) -> tuple[Entry, Table] | None:
        """What a release says; None if it is not there, or has no rows."""


def ucdp(
    countries: Sequence[str | int] | None = None,
    dyads: Sequence[str | int] = (),
    *,
    as_of: date | str | None = None,
    first: date | str = FIRST,
    estimate: str = "best",
    road: str = "downloads",
    offline: bool = False,
    cache: Cache | None = None,
    client: Client | None = None,
) -> UcdpFetched:
    """Fetch deaths in organised violence, event by event and month by month.

    An event is taken if it is in one of `countries`, or of one of `dyads`, or state-based between
    the governments of two of `countries`, wherever it is. All three types of violence are taken.

    The newest final release with rows in its last year, and the candidate releases with rows in
    their last month that begin after it, are read from the oldest to the newest: a later row
    replaces an earlier one with the same id, and a release that tells months anew replaces all
    earlier rows that end in them. Months of no release are unknown. The count of a month is the
    sum of `estimate` over its events; months that one event spans are one total.

    Parameters
    ----------
    countries, dyads
        Names as UCDP has them, or its numbers; the API takes numbers, and names in the region.
        The default is Armenia and Azerbaijan, or no country where dyads are named.
    as_of
        Only releases that were published by that day: as the source tells when it last changed the
        file, or by the calendar of `ucdp_releases` where it does not.
    first
        First day to count. The default is the first day of the embedded counts; UCDP begins on
        1989-01-01. Moved back to the month in which an event that spans it begins.
    estimate
        ``low``, ``best`` or ``high``.
    road
        ``downloads``, which need no key, or ``api``, which needs a token in the environment
        variable ``UCDP_ACCESS_TOKEN``.
    offline
        Take what is in the cache, and ask nobody.
    cache
        Where replies are kept (default: the user's cache directory).
    client
        How the source is asked (default: UCDP's own address): for a mirror of the downloads.

    Returns
    -------
    UcdpFetched
        Events, counts, releases, notes and citation; `cf.forecast` takes it as counts.

    Raises
    ------
    SourceError
        If an argument is not usable, no release was out, a reply is not whole or not as expected,
        or it would replace better data.

    Examples
    --------
    >>> ucdp(estimate="bset")
    Traceback (most recent call last):
    ...
    caucasus_forecast.errors.SourceError: estimate is 'bset'; did you mean 'best'? Allowed: best, \
high, low
    """
    kept = usable(cache) or Cache("ucdp")
    today = kept.now().date()
    for name, value, allowed in (("estimate", estimate, ESTIMATES), ("road", road, ROADS)):
        if value not in allowed:
            raise SourceError(f"{name} is {value!r}; {nearest(value, allowed)}")
    last = today if as_of is None else given(as_of, "as_of", FIRST_DAY, today, "UCDP")
    begin = given(first, "first", FIRST_DAY, last, "UCDP")
    if countries is None:
        countries = () if dyads else COUNTRIES
    wanted = Wanted(several(countries, "countries"), several(dyads, "dyads"))
    way: type[Downloads | Api] = Downloads if road == "downloads" else Api
    if offline:
        found = chosen(way(None, kept, wanted), last)
    else:
        asking = client or (downloads(kept) if road == "downloads" else api(kept))
        with kept.writing(), asking.opened() as opened:
            found = chosen(way(opened, kept, wanted), last)
    if road == "downloads":  # the API gives the asked ones alone, and takes numbers
        refuse_unknown(wanted, [table for _, table in found.read])
    return fetched(found, begin, last, estimate, past=as_of is not None)


@dataclass
class Chosen:
    """Releases that were taken, and why others were not."""

    read: list[tuple[Entry, Table]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def take(self, road: Road, release: Release, day: date) -> bool:
        """Take a release if it is there, has rows where it should, and was out on `day`."""
        found = road.table(release)
        if found is None:
            return False
        entry, table = found
        if not table.complete:
            part = release.last_part
            self.notes.append(f"{release} has no rows in {part}, its last part; not used")
            return False
        if (out := release.published(entry)) > day:
            if release.due <= day:
                self.notes.append(
                    f"{release} is left out: its file is of {out}, though the calendar has it on "
                    f"{release.due}"
                )
            return False
        self.read.append((entry, table))
        return True


def chosen(road: Road, day: date) -> Chosen:
    """The newest final release with rows, and the candidate ones after it.

    Raises
    ------
    SourceError
        If there is no final release.
    """
    found = Chosen()
    offered = {r for r in road.offered() | on_calendar(day) if may_be_out(r, day)}
    whole = next((r for r in finals(offered) if found.take(road, r, day)), None)
    if whole is None:
        said = "; ".join(["", *found.notes])
        raise SourceError(
            f"UCDP: no final release that was out on {day}{said}; look at "
            "https://ucdp.uu.se/downloads/, or choose a later day"
        )
    for candidates in years_after(whole.coverage.end, offered):
        newest = sorted(candidates, key=lambda r: r.order, reverse=True)
        joint = (r for r in newest if r.kind == "consolidated")
        until = next((r.coverage.end for r in joint if found.take(road, r, day)), None)
        for release in newest:
            if release.kind == "monthly" and (until is None or release.coverage.start > until):
                found.take(road, release, day)
    return found


def fetched(found: Chosen, first: date, last: date, estimate: str, *, past: bool) -> UcdpFetched:
    """Events, coverage and notes of the releases that were taken."""
    tables = sorted((t for _, t in found.read), key=lambda t: t.release.order)
    entries = {t.release: e for e, t in found.read}
    events, revised, withdrawn = superseded(tables)
    begin = _moved_back(first, events)
    whole = joined(t.release.coverage for t in tables)
    before = [Window(FIRST_DAY, begin - timedelta(days=1))] if begin > FIRST_DAY else []
    coverage = without(whole, before)
    if not coverage:
        raise SourceError(f"first is {first}, after the last day covered ({whole[-1].end})")
    since = [e for e in events if e.window.end >= begin]
    kept = tuple(e for e in since if within(e.window, coverage) is not None)
    used = tuple(_used(entries[t.release], t) for t in tables)
    notes = [
        *_about_time(used, coverage, last, past=past),
        *found.notes,
        *(f"{t.release}: {note}" for t in tables for note in t.notes),
        *_about_rows(kept, coverage, revised, withdrawn, len(since) - len(kept)),
    ]
    if begin != first:
        notes.append(f"counted from {begin}, not {first}: an event spans the days before")
    return of_events(kept, coverage, estimate, used, notes)


def _used(entry: Entry, table: Table) -> Used:
    release = table.release
    return Used(
        name=str(release),
        kind=release.kind,
        coverage=release.coverage,
        published=release.published(entry),
        assumed=not entry.modified,
        retrieved=entry.retrieved,
        url=entry.url,
        sha256=entry.sha256,
        rows=table.facts.rows,
    )


def _about_time(
    used: Sequence[Used], coverage: Sequence[Window], last: date, *, past: bool
) -> list[str]:
    notes = [f"no release covers {gap}: unknown, not zero" for gap in gaps(coverage)]
    if past:
        notes.append(f"as of {last}: releases published by that day")
        assumed = [u.name for u in used if u.assumed]
        if assumed:
            notes.append(f"publication by the calendar, not told by UCDP: {', '.join(assumed)}")
    return [*stale("the newest release ends on", coverage[-1].end, last), *notes]


def _about_rows(
    events: Sequence[UcdpEvent],
    coverage: Sequence[Window],
    revised: int,
    withdrawn: int,
    outside: int,
) -> list[str]:
    broken = [e for e in events if not e.ordered]
    unclear = [e for e in events if e.status.casefold() != "clear"]
    spanning = [e for e in events if f"{e.window.start:%Y-%m}" != f"{e.window.end:%Y-%m}"]
    cut = [e for e in events if within(e.window, coverage) != e.window]
    newest = f"; the newest ended on {max(e.window.end for e in events)}" if events else ""
    counted = [
        ("rows replaced by a later release with the same id", revised, []),
        ("rows gone, since a later release tells their months anew without them", withdrawn, []),
        ("events that break low <= best <= high, kept as they are", len(broken), broken),
        ("events not coded Clear by UCDP, so provisional", len(unclear), []),
        ("events that sum up several (event_clarity 2)", sum(e.clarity == 2 for e in events), []),
        ("events placed no better than in a country", sum(e.where_prec >= 6 for e in events), []),
        ("events that span months, which are one total", len(spanning), []),
        ("events that reach past the days covered, counted whole within them", len(cut), cut),
        ("events on days that no release covers, left out", outside, []),
    ]
    return [f"events: {len(events)}{newest}"] + [
        f"{words}: {n}{_ids(named)}" for words, n, named in counted if n
    ]


def _ids(events: Sequence[UcdpEvent]) -> str:
    shown = ", ".join(str(e.id) for e in events[:5])
    return f" (id {shown}{', …' if len(events) > 5 else ''})" if events else ""


def _moved_back(first: date, events: Iterable[UcdpEvent]) -> date:
    """The first day, or that of the month in which an event that spans it begins, and so on."""
    for event in sorted(events, key=lambda e: e.window.start, reverse=True):
        if event.window.start < first <= event.window.end:
            first = max(event.window.start.replace(day=1), FIRST_DAY)
    return first
