"""What ACLED's API says to a query, what has changed since, and what of it is kept.

Everything is asked for anew each time: what ACLED has changed or deleted since is changed or gone
here too. Rows that are gone are looked up in its list of deleted events, since otherwise a page may
have been lost.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from ..errors import SourceError
from .acled_login import NO_ACCESS, Login
from .acled_pages import whole
from .acled_rows import FIELDS, AcledEvent, Rows, of_countries, read, single
from .cache import Cache
from .cells import CHANGED, day, json_lines
from .manifests import MANIFEST, Entry, Facts, fingerprint
from .replies import Reply

READ, DELETED = "api/acled/read", "api/deleted/read"
UNEXPLAINED, FEW = 0.01, 10
RECENCY = "date_recency"


@dataclass(frozen=True, slots=True)
class Query:
    """Every event in some countries from a day on.

    Parameters
    ----------
    countries
        In ACLED's words.
    first
        The first day.
    """

    countries: tuple[str, ...]
    first: date

    def params(self, today: date) -> dict[str, str]:
        """The query of the address."""
        return {
            "country": "|".join(self.countries),
            "event_date": f"{self.first}|{today}",
            "event_date_where": "BETWEEN",
            "fields": "|".join(FIELDS),
        }

    @property
    def name(self) -> str:
        """The name of what is kept of it."""
        asked = repr(sorted(c.casefold() for c in self.countries))
        return f"events-{self.first}-{hashlib.sha256(asked.encode()).hexdigest()[:8]}.json"


@dataclass(frozen=True, slots=True)
class Told:
    """What ACLED says to a query.

    Parameters
    ----------
    rows
        The events.
    restrictions
        Of the account, as ACLED tells them.
    notes
        What has changed since the fetch before.
    """

    rows: Rows
    restrictions: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def until(self) -> date | None:
        """The last day that the account may read of; None where nothing is said of one."""
        recency = self.restrictions.get(RECENCY)
        return day(str(recency.get("date"))) if isinstance(recency, dict) else None

    @property
    def limits(self) -> tuple[str, ...]:
        """What the account may not read, as a note."""
        if not self.restrictions:
            return ()
        until = "" if self.until is None else f", up to {self.until}"
        names = ", ".join(map(str, self.restrictions))
        return (f"ACLED restricts what this account may read ({names}{until})",)


def fetch(login: Login, cache: Cache, query: Query) -> tuple[Entry, Told]:
    """Ask for everything anew, and keep it in the place of what was there.

    Raises
    ------
    SourceError
        For a wrong login, an account without access, an empty reply, or one that is not whole.
    """
    today = cache.now().date()
    reply, rows, restrictions = whole(login, READ, query.params(today))
    document = {"data": rows, "restrictions": restrictions}
    told, old = _told(document, query), cache.entry(query.name)
    events = told.rows.events
    if not events:
        raise _empty(query, told, old)
    _refuse_odd(query, events, today)
    notes = () if old is None else _since(login, cache, query, events)
    body = json.dumps(document, ensure_ascii=False, sort_keys=True).encode()
    facts = Facts(len(events), str(events[0].day), str(events[-1].day), fingerprint(list(rows[0])))
    entry = cache.put(query.name, Reply(reply.url, 200, body), facts)
    return entry, replace(told, notes=notes)


def stored(cache: Cache, query: Query) -> tuple[Entry, Told]:
    """What is kept of a query.

    Raises
    ------
    SourceError
        If it is not there, or altered.
    """
    entry, body = cache.read(query.name)
    return entry, _told(json.loads(body), query)


def _told(document: Mapping[str, Any], query: Query) -> Told:
    """The events of the countries asked for; ACLED may take a name for a part of others."""
    restrictions = document["restrictions"]
    if not document["data"]:
        return Told(Rows(()), restrictions)
    columns, *lines = json_lines("ACLED", document["data"])
    events, notes = read("ACLED", columns, enumerate(lines, start=1), FIELDS, CHANGED)
    rows = of_countries(single(events, "ACLED", notes), query.countries)
    return Told(rows, restrictions)


# ---------------------------------------------------------------------------------- what is amiss


def _empty(query: Query, told: Told, old: Entry | None) -> SourceError:
    places = ", ".join(query.countries)
    kept = "" if old is None else (
        f" (it has {old.facts.rows} events, fetched on {old.retrieved[:10]}: offline=True, "
        "--offline)"
    )  # fmt: skip
    what = f"no event in {places} since {query.first} came; nothing in the cache was replaced{kept}"
    if told.restrictions:
        return SourceError(f"ACLED: {what}; {told.limits[0]}. {NO_ACCESS}")
    return SourceError(
        f"ACLED: an empty reply: the login is right and {what}; check the names of the countries, "
        "and see at https://acleddata.com whether the account has API access"
    )


def _refuse_odd(query: Query, events: Sequence[AcledEvent], today: date) -> None:
    """Refuse days that were not asked for: ACLED has had rows of the year 25, and of days to come.

    Raises
    ------
    SourceError
    """
    if events[0].day < query.first or events[-1].day > today:
        raise SourceError(
            f"ACLED: the days asked for are {query.first} to {today}, and those that came are "
            f"{events[0].day} to {events[-1].day}; tell ACLED"
        )


def _since(
    login: Login, cache: Cache, query: Query, events: Iterable[AcledEvent]
) -> tuple[str, ...]:
    """What has changed since the fetch before.

    Raises
    ------
    SourceError
        If more events are gone than ACLED has deleted.
    """
    entry, before = stored(cache, query)
    was, now = {e.id: e for e in before.rows.events}, {e.id: e for e in events}
    gone = was.keys() - now.keys()
    listed = _deleted(login, entry) if gone else set()
    lost = gone - (listed or set())
    if listed is not None and len(lost) > max(FEW, UNEXPLAINED * len(was)):
        raise SourceError(
            f"ACLED: {len(lost)} of {len(was)} events of {entry.retrieved[:10]} did not come again "
            "and are not on ACLED's list of deleted ones, so a page may be missing; nothing was "
            "replaced. Try again later; if the loss is meant, delete "
            f"{cache.folder / query.name}{MANIFEST} and fetch again"
        )
    counted = {
        "new": len(now.keys() - was.keys()),
        "changed": sum(now[i] != was[i] for i in now.keys() & was.keys()),
        "deleted by ACLED": len(gone) - len(lost),
        "gone": len(lost),
    }
    said = ", ".join(f"{words}: {n}" for words, n in counted.items() if n)
    return (f"events since the fetch of {entry.retrieved[:10]}: {said}",) if said else ()


def _deleted(login: Login, entry: Entry) -> set[str] | None:
    """The events that ACLED has deleted since; None where the account may not read the list."""
    since = int(datetime.fromisoformat(entry.retrieved).timestamp())
    params = {"deleted_timestamp": str(since), "deleted_timestamp_where": ">="}
    reply, rows, _ = whole(login, DELETED, params, accept=(200, 403, 404))
    return {row["event_id_cnty"] for row in rows} if reply.status == 200 else None
