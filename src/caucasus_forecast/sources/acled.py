"""Events of the Armed Conflict Location & Event Data, fetched with the user's account and counted.

ACLED lets a user work with its rows and show results, not hand the rows on. So what comes back from
here holds monthly counts and nothing else. The rows stay in the user's own cache, in a folder that
only the user can open, or in the user's own export files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from ..errors import SourceError, expect
from ..evidence import ONE_DAY, Window
from .acled_api import Query, Told, fetch, stored
from .acled_counts import Counting, by_month
from .acled_export import Exported, exported
from .acled_login import Login, account, website
from .acled_rows import FIRST_DAY, VIOLENCE
from .cache import Cache, usable
from .cells import given, several
from .fetched import STALE, Fetched, Used, stale
from .http import Client
from .manifests import Entry

COUNTRIES = ("Armenia", "Azerbaijan")
FIRST = date(2018, 1, 1)
SINCE = dict.fromkeys(("armenia", "azerbaijan", "georgia"), FIRST)  # ACLED looked at them


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
    what = Counting(count, several(event_types, "event_types"), series)
    places = _places(several(countries, "countries"))
    kept = usable(cache) or Cache("acled", private=True)
    today = kept.now().date()
    begin = None if first is None else given(first, "first", FIRST_DAY, today, "ACLED")
    end = None if last is None else given(last, "last", FIRST_DAY, today, "ACLED")
    files = _files(export)
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


def _files(export: str | Path | Sequence[str | Path]) -> list[str | Path]:
    """The export files by path.

    Raises
    ------
    SourceError
        For a data frame, or anything else that is no path.
    """
    cure = (
        "give the path of a file of ACLED's Data Export, or several; save a data frame as one "
        "first: frame.to_csv('export.csv', index=False)"
    )
    expect(export, (str, Path, list, tuple), "export", cure, SourceError)
    files = [export] if isinstance(export, str | Path) else list(export)
    for file in files:
        expect(file, (str, Path), "a file of export", cure, SourceError)
    return files


def _places(named: tuple[str, ...]) -> tuple[str, ...]:
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
    oldest = {e.country.casefold(): e.day for e in reversed(told.rows.events)}
    starts = {c: SINCE.get(c.casefold(), oldest[c.casefold()] - STALE) for c in query.countries}
    _refuse_early(query.first, starts)
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
    return by_month(told.rows, coverage, what, query.countries, (used,), notes)


def _of_files(
    found: Exported, what: Counting, places: tuple[str, ...], first: date | None,
    last: date | None, today: date,
) -> Fetched:  # fmt: skip
    events = found.rows.events
    begin = first or found.first.replace(day=1)
    _refuse_early(begin, {c: SINCE[c.casefold()] for c in places if c.casefold() in SINCE})
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
    return by_month(found.rows, coverage, what, places, found.used, notes)


def _refuse_early(first: date, starts: Mapping[str, date]) -> None:
    """Refuse days on which ACLED is not known to have looked at a country.

    Raises
    ------
    SourceError
    """
    for country, since in starts.items():
        if first < since:
            raise SourceError(
                f"first is {first}, and ACLED is not known to have looked at {country} before "
                f"{since}; earlier days are unknown, not zero; begin then or later"
            )


def _covered(
    first: date, last: date | None, newest: date, latest: date, limits: Sequence[str]
) -> Window:
    """The days that were looked at: up to the last month that was over by the newest event."""
    end = last or (newest + ONE_DAY).replace(day=1) - ONE_DAY
    if last is None and end < first <= newest:
        raise SourceError(
            f"the month {newest:%Y-%m} is not over: the newest event is of {newest}, and no month "
            f"from {first} on is whole; begin earlier (first), or say how far to count (last)"
        )
    if end > latest:
        said = "; ".join(["", *limits])
        raise SourceError(
            f"last is {end}, and nothing after {latest} is known{said}; later days are unknown, "
            "not zero; leave out last, or give an earlier day"
        )
    if end < first:
        raise SourceError(
            f"the days to count would be from {first} to {end}, which is none (the newest event is "
            f"of {newest}); begin earlier (first), or say how far to count (last)"
        )
    return Window(first, end)
