"""The road with a token: UCDP's REST API, page by page.

An answer is ``{"TotalCount", "TotalPages", "PreviousPageUrl", "NextPageUrl", "Result": [...]}``.
The first page is asked for without a number, since clients disagree on whether it is 0 or 1; every
other one by the link of the page before. What came is whole if its distinct ids are `TotalCount`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import SourceError
from .cache import Cache
from .cells import json_lines
from .http import Client, as_json
from .manifests import Entry, Facts
from .paging import refuse_partial, same_total, steady
from .replies import Patience, Reply
from .ucdp_cells import NUMBERS
from .ucdp_releases import Release
from .ucdp_rows import Table, Wanted, read

API = "https://ucdpapi.pcr.uu.se/api/"
TOKEN = "UCDP_ACCESS_TOKEN"  # noqa: S105 - the name of the variable, not the token
HEADER = "x-ucdp-access-token"
PAGE = "1000"
DAILY = 4500  # of 5000 a day; requests that fail count
FIRST_WAIT = 30.0
ASK = (
    f"set {TOKEN} to a token (UCDP gives one on request: https://ucdp.uu.se/apidocs/), or take the "
    "downloads, which need none"
)


def api(cache: Cache) -> Client:
    """How the API is asked.

    Raises
    ------
    SourceError
        If there is no token.
    """
    token = os.environ.get(TOKEN, "").strip()
    if not token:
        raise SourceError(f"UCDP: the API needs a token; {ASK}")
    return Client(
        "UCDP",
        API,
        secrets={HEADER: token},
        cures={
            401: f"the API does not know this token; {ASK}",
            403: f"this token may not read this; {ASK}",
            404: "there is no such release; take the downloads, or look at the API's page",
        },
        burst=FIRST_WAIT,
        patience=Patience(now=cache.now),
        spend=lambda: cache.spend(DAILY),
        keep=cache.keep_refused,
    )


@dataclass(frozen=True)
class Api:
    """Releases as pages of the API.

    Parameters
    ----------
    client
        Asks; None to take what is in the cache.
    cache
        Keeps.
    wanted
        Which events; countries by numbers, or by a name that this library knows the number of.
    between
        Numbers of the dyads met so far that are between governments of wanted countries. The API
        is asked for these wherever they are; of those it has never met, it cannot be.
    """

    client: Client | None
    cache: Cache
    wanted: Wanted
    between: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for key, asked in (("country", self.wanted.countries), ("dyad", self.wanted.dyads)):
            for x in asked:
                if not str(x).isdigit() and (key == "dyad" or str(x).casefold() not in NUMBERS):
                    raise SourceError(
                        f"{key} {x!r}: the API takes UCDP's numbers; write its number"
                    )

    def offered(self) -> set[Release]:
        """None beyond those on the calendar: the API has no list."""
        return set()

    def table(self, release: Release) -> tuple[Entry, Table] | None:
        """A release, fetched or from the cache; None if there is none, or no row in it.

        Raises
        ------
        SourceError
            If it cannot be read, or would replace better data.
        """
        name = self._name(release)
        if self.client is None:
            return None if self.cache.entry(name) is None else self._stored(release, name)
        within = {
            "StartDate": str(release.last_part.start), "EndDate": str(release.last_part.end)
        }  # fmt: skip
        path = f"gedevents/{release.version}"
        params = {"pagesize": "1", **within}
        reply = self.client.get(path, "json", params=params, accept=(200, 404))
        if reply.status == 404 or _envelope(self.client, reply)["TotalCount"] == 0:
            return None
        rows = self._rows(path)
        ordered = [rows[i] for i in sorted(rows)]
        document = {"version": release.version, "Result": ordered}
        body = json.dumps(document, ensure_ascii=False, sort_keys=True).encode()
        table = self._read(release, ordered)
        return self.cache.put(name, Reply(reply.url, 200, body), table.facts), table

    def _rows(self, path: str) -> dict[int, Any]:
        """All rows of the wanted countries and dyads, and of dyads between their governments."""
        countries = [str(NUMBERS.get(str(c).casefold(), c)) for c in self.wanted.countries]
        rows: dict[int, Any] = {}
        if countries:
            rows |= self._whole(path, {"Country": ",".join(countries)})
        met = (row for row in rows.values() if _between(row, set(countries)))
        self.between.update(str(row.get("dyad_new_id")) for row in met)
        if dyads := self.between | {str(d) for d in self.wanted.dyads}:
            rows |= self._whole(path, {"Dyad": ",".join(sorted(dyads))})
        return rows

    def _whole(self, path: str, query: Mapping[str, str]) -> dict[int, Any]:
        return steady(f"UCDP: {path}", lambda: self._pages(path, query))

    def _pages(self, path: str, query: Mapping[str, str]) -> dict[int, Any]:
        client = self._client
        rows: dict[int, Any] = {}
        total: int | None = None
        url, seen = path, set[str]()
        params: Mapping[str, str] | None = {"pagesize": PAGE, **query}
        while url:
            reply = client.get(url, "json", params=params)
            page = _envelope(client, reply)
            total = same_total(total, page["TotalCount"])
            for row in page["Result"]:
                i = _id(client, reply, row)
                if rows.setdefault(i, row) != row:
                    raise client.refuse(reply.url, reply.body, f"id {i} came with different rows")
            link = page["NextPageUrl"]
            url, params = client.following(reply.url, link) if link else "", None
            if url in seen or len(seen) > page["TotalPages"] + 1:
                raise SourceError(
                    f"UCDP: {reply.url}: the links to the next page go in a circle; try again later"
                )
            seen.add(url)
        refuse_partial(f"UCDP: {path}", len(rows), total)
        return rows

    @property
    def _client(self) -> Client:
        if self.client is None:
            raise SourceError("UCDP: offline; nothing is asked")
        return self.client

    def _name(self, release: Release) -> str:
        asked = repr((sorted(map(str, self.wanted.countries)), sorted(map(str, self.wanted.dyads))))
        mark = hashlib.sha256(asked.casefold().encode()).hexdigest()[:8]
        return f"api-{release.version}-{mark}.json"

    def _stored(self, release: Release, name: str) -> tuple[Entry, Table]:
        entry, body = self.cache.read(name)
        return entry, self._read(release, json.loads(body)["Result"])

    def _read(self, release: Release, rows: list[Any]) -> Table:
        where = f"API {release.version}"
        if not rows:
            return Table(release, Facts(0), (), {"country": frozenset(), "dyad": frozenset()}, True)
        table = read(release, self.wanted, where, json_lines(where, rows))
        if len(table.events) != len(rows):
            raise SourceError(
                f"{where}: {len(rows) - len(table.events)} rows are of places or dyads that were "
                "not asked for; the API changed, take the downloads"
            )
        return replace(table, complete=True)


def _envelope(client: Client, reply: Reply) -> dict[str, Any]:
    page = as_json(client, reply)
    wanted = {"TotalCount": int, "TotalPages": int, "Result": list}
    fits = isinstance(page, dict) and "NextPageUrl" in page
    if not fits or not all(type(page.get(key)) is kind for key, kind in wanted.items()):
        why = "the answer is not the usual envelope; the API changed, take the downloads"
        raise client.refuse(reply.url, reply.body, why)
    if not isinstance(page["NextPageUrl"], str | None):
        raise client.refuse(reply.url, reply.body, "NextPageUrl is no address; try again later")
    return page


def _id(client: Client, reply: Reply, row: Any) -> int:
    if isinstance(row, dict) and type(row.get("id")) is int:
        return int(row["id"])
    raise client.refuse(reply.url, reply.body, "a row has no id; the API changed")


def _between(row: Mapping[str, Any], numbers: set[str]) -> bool:
    sides = {str(row.get("gwnoa")), str(row.get("gwnob"))}
    return str(row.get("type_of_violence")) == "1" and len(sides) == 2 and sides <= numbers
