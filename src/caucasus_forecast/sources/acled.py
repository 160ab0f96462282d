"""Events of the Armed Conflict Location & Event Data, fetched with the user's account and counted.

ACLED lets a user work with its rows and show results, not hand the rows on. So what comes back from
here holds monthly counts and nothing else. The rows stay in the user's own cache, in a folder that
only the user can open, or in the user's own export files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ..errors import SourceError, nearest
from ..evidence import ONE_DAY, Event, Window
from ..names import DEATHS
from .acled_api import Query, Told, fetch, stored
from .acled_export import Exported, exported
from .acled_login import Login, account, website
from .acled_rows import FIRST_DAY, TYPES, VIOLENCE, AcledEvent, Rows
from .cache import Cache, Entry
from .cells import given
from .fetched import Fetched, Used, counted, stale, totals
from .http import Client

COUNTRIES = ("Armenia", "Azerbaijan")
FIRST = date(2018, 1, 1)
COUNTS = ("fatalities", "events")
REFERENCE = (
    "Raleigh, Clionadh, Roudabeh Kishi, and Andrew Linke (2023). Political instability patterns "
    "are obscured by conflict dataset scope conditions, sources, and coding choices. Humanities "
    "and Social Sciences Communications 10, 74. https://doi.org/10.1057/s41599-023-01559-4"
)
TERMS = (
    "ACLED's terms (https://acleddata.com): name ACLED with the day of access wherever you show "
    "numbers made of its data, say how they were made, and do not pass its rows on."
)


@dataclass(frozen=True, slots=True)
class Counting:
    """What is counted, of which types of event, as which series.

    Parameters
    ----------
    count
        ``fatalities`` or ``events``.
    event_types
        Some of ACLED's six.
    series
        Its name; fatalities of organised violence are ``battle_deaths`` where there is none.

    Raises
    ------
    SourceError
        If there is no such count or type, or the series needs a name.
    """

    count: str
    event_types: tuple[str, ...]
    series: str = ""

    def __post_init__(self) -> None:
        if self.count not in COUNTS:
            raise SourceError(f"count is {self.count!r}; {nearest(self.count, COUNTS)}")
        for name in self.event_types:
            if name not in TYPES:
                raise SourceError(f"event type {name!r}: {nearest(name, TYPES)}")
        if not self.event_types:
            raise SourceError(f"no event type is asked for; name one of {', '.join(TYPES)}")
        violent = self.count == "fatalities" and set(self.event_types) <= set(VIOLENCE)
        if not (self.series or violent):
            raise SourceError(
                f"these counts are not {DEATHS}; name the series that they are of: series=..., "
                "--series"
            )
        if self.series == DEATHS and self.count == "events":
            raise SourceError(f"series is {DEATHS!r}, and events are not deaths; name another")
        object.__setattr__(self, "series", self.series or DEATHS)

    def of(self, event: AcledEvent) -> Event:
        """An event as it is counted."""
        number = event.fatalities if self.count == "fatalities" else 1
        return Event(Window(event.day, event.day), number)


def acled(
    countries: Sequence[str] = COUNTRIES,
    *,
    count: str = "fatalities",
    event_types: Sequence[str] = VIOLENCE,
    series: str = "",
    first: date | str | None = None,
    last: date | str | None = None,
    export: str | Path | Sequence[str | Path] = (),
    accessed: date | str | None = None,
    offline: bool = False,
    email: str | None = None,
    password: str | None = None,
    cache: Cache | None = None,
    client: Client | None = None,
) -> Fetched:
    """Fetch events of ACLED with the user's own account, and count them month by month.

    ACLED changes and deletes what it has said before. So everything is read anew each time and
    takes the place of what was there; what ACLED said on an earlier day cannot be had. Its newest
    days are not complete: where `last` is not given, counts end with the last month that was over
    when the newest event of any type happened.

    Parameters
    ----------
    countries
        In ACLED's words.
    count
        ``fatalities`` sums the deaths that ACLED reports; ``events`` counts the events.
    event_types
        Which are counted. The default is organised violence, which is nearest to what UCDP counts:
        battles, explosions and remote violence, violence against civilians.
    series
        What the counts are a series of. Fatalities of organised violence are ``battle_deaths``
        where nothing is said; anything else needs a name.
    first
        First day to count. The default is 2018-01-01, since when ACLED covers Armenia and
        Azerbaijan; with `export`, the month of its first event.
    last
        Last day to count: not after the newest event; with `export`, not after the day of access.
    export
        Files from ACLED's Data Export, in place of the API; no account is needed. All types of
        event that are counted must have been exported.
    accessed
        The day on which they were downloaded, for the citation (default: the day on which the
        newest of them was last changed).
    offline
        Take what is in the cache, and ask nobody.
    email, password
        Of the account at ACLED (default: the variables ``ACLED_EMAIL``, ``ACLED_PASSWORD``).
    cache
        Where replies are kept (default: the user's cache directory).
    client
        How the source is asked (default: ACLED's own address).

    Returns
    -------
    Fetched
        Counts, coverage, notes and citation, without rows; `cf.forecast` takes it as counts.

    Raises
    ------
    SourceError
        If an argument is not usable; for a wrong login, an account without access, an empty reply,
        or one that is not whole, not as expected, or would replace better data.
    EvidenceError
        If an export file is no table.

    Examples
    --------
    >>> acled(count="events")
    Traceback (most recent call last):
    ...
    caucasus_forecast.errors.SourceError: these counts are not battle_deaths; name the series that \
they are of: series=..., --series
    """
    what, places = Counting(count, tuple(event_types), series), _places(countries)
    kept = cache or Cache("acled", private=True)
    today = kept.now().date()
    begin = None if first is None else given(first, "first", FIRST_DAY, today, "ACLED")
    end = None if last is None else given(last, "last", begin or FIRST_DAY, today, "ACLED")
    files = [export] if isinstance(export, str | Path) else list(export)
    if files:
        got = None if accessed is None else given(accessed, "accessed", FIRST_DAY, today, "ACLED")
        return _of_files(exported(files, places, got, today), what, places, begin, end, today)
    if accessed is not None:
        raise SourceError("accessed is the day on which export files came; give export, or no day")
    query = Query(places, begin or FIRST)
    if offline:
        return _of_reply(*stored(kept, query), query, what, end, today)
    with _or_by_export():
        mine = account(email, password)
        with kept.writing(), (client or website(kept)).opened() as opened:
            entry, told = fetch(Login(opened, mine), kept, query)
    return _of_reply(entry, told, query, what, end, today)


@contextmanager
def _or_by_export() -> Iterator[None]:
    """Name the road without the API besides the cure of an error."""
    try:
        yield
    except SourceError as error:
        raise SourceError(
            f"{error}. Or work from files of ACLED's Data Export, which need no API: "
            "acled(export='export.csv'), fetch acled --export export.csv"
        ) from None


def _places(countries: Sequence[str]) -> tuple[str, ...]:
    named = (countries,) if isinstance(countries, str) else tuple(countries)
    for name in named:
        if not isinstance(name, str) or not name.strip() or "|" in name or not name.isprintable():
            raise SourceError(f"countries has {name!r}; write names as ACLED has them")
    if not named:
        raise SourceError("no country is asked for; name one, as ACLED does")
    return named


# ------------------------------------------------------------------------------- what is looked at


def _of_reply(
    entry: Entry, told: Told, query: Query, what: Counting, last: date | None, today: date
) -> Fetched:
    newest = told.rows.events[-1].day
    coverage = _covered(query.first, last, newest, newest, told.limits)
    used = Used(
        name="ACLED API",
        kind="reply",
        coverage=Window(query.first, newest),
        published=date.fromisoformat(entry.retrieved[:10]),
        assumed=False,
        retrieved=entry.retrieved,
        url=entry.url,
        sha256=entry.sha256,
        rows=entry.facts.rows,
    )
    notes = [*stale("the newest event is of", newest, today), *told.limits, *told.notes]
    return _counts(told.rows, coverage, what, query.countries, (used,), notes)


def _of_files(
    found: Exported, what: Counting, places: tuple[str, ...], first: date | None,
    last: date | None, today: date,
) -> Fetched:  # fmt: skip
    events = found.rows.events
    begin = first or events[0].day.replace(day=1)
    coverage = _covered(begin, last, events[-1].day, found.accessed, ())
    notes = [*stale("the newest event is of", events[-1].day, today), *found.notes]
    if first is None or last is None:
        notes.append(f"days {coverage} are taken as looked at; first and last say otherwise")
    there = {e.event_type for e in events}
    if lacking := [name for name in what.event_types if name not in there]:
        said = f"no {' and no '.join(lacking)} in {found.names}"
        if len(lacking) == len(what.event_types):
            raise SourceError(f"ACLED: {said}; export these types of event too, or name others")
        notes.append(f"{said}: taken as none, if they were exported")
    return _counts(found.rows, coverage, what, places, found.used, notes)


def _covered(
    first: date, last: date | None, newest: date, latest: date, limits: Sequence[str]
) -> Window:
    """The days that were looked at: up to the last month that was over by the newest event."""
    end = last or (newest + ONE_DAY).replace(day=1) - ONE_DAY
    if end > latest:
        said = "; ".join(["", *limits])
        raise SourceError(
            f"last is {end}, and nothing after {latest} is known{said}; later days are unknown, "
            "not zero; leave out last, or give an earlier day"
        )
    if end < first:
        raise SourceError(
            f"no month from {first} on is over by {newest}, the day of the newest event; begin "
            "earlier (first), or say how far to count (last)"
        )
    return Window(first, end)


# -------------------------------------------------------------------------------------- the counts


def _counts(
    rows: Rows, coverage: Window, what: Counting, places: Sequence[str], used: tuple[Used, ...],
    notes: Sequence[str],
) -> Fetched:  # fmt: skip
    inside = [
        e
        for e in rows.events
        if e.event_type in what.event_types and coverage.start <= e.day <= coverage.end
    ]
    types = ", ".join(what.event_types)
    attribution = (
        f"ACLED (Armed Conflict Location & Event Data), acleddata.com, accessed "
        f"{max(u.retrieved for u in used)[:10]}: {what.count} of {types} in {', '.join(places)}, "
        "summed by month"
    )
    vague = sum(not e.exact for e in inside)
    said = [
        f"events counted: {len(inside)}; the newest of any type is of {rows.events[-1].day}",
        *[f"rows that told of an event again, counted once: {rows.repeated}"] * bool(rows.repeated),
        *[f"events dated to a week or a month, counted on ACLED's day: {vague}"] * bool(vague),
    ]
    return Fetched(
        source="ACLED",
        observations=counted(map(what.of, inside), [coverage], what.series, attribution),
        coverage=(coverage,),
        chosen={
            "series": what.series,
            "count": what.count,
            "event_types": list(what.event_types),
            "countries": list(places),
        },
        totals=totals(inside, ("country", "event_type"), ("fatalities",), "fatalities"),
        releases=used,
        attribution=attribution,
        references=(REFERENCE, TERMS),
        notes=(*notes, *rows.notes, *said),
    )
