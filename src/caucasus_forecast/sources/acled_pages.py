"""ACLED's API, page by page.

An answer is ``{"status", "success", "count", "total_count", "messages", "data": [...],
"data_query_restrictions"}``. The counts may be null, so a page with fewer rows than were asked for
is the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import SourceError
from .acled_login import NO_ACCESS, Login
from .http import Client, as_json
from .paging import refuse_partial, same_total, steady
from .replies import Reply

LIMIT = 5000
MOST_PAGES = 400


def whole(
    login: Login, path: str, params: Mapping[str, str], accept: tuple[int, ...] = (200,)
) -> tuple[Reply, list[Any], Mapping[str, Any]]:
    """All rows of a query: the last reply, the rows, and the restrictions of the account.

    Parameters
    ----------
    login
        Asks.
    path, params
        What is asked.
    accept
        Statuses that are an answer; without a 200 there are no rows.

    Raises
    ------
    SourceError
        If the account may not read, or what came is not whole or not as expected.
    """
    return steady(f"ACLED: {path}", lambda: _pages(login, path, params, accept))


def _pages(
    login: Login, path: str, params: Mapping[str, str], accept: tuple[int, ...]
) -> tuple[Reply, list[Any], Mapping[str, Any]]:
    rows: list[Any] = []
    seen, total = set[str](), None
    for number in range(1, MOST_PAGES + 1):
        asked = {"_format": "json", **params, "limit": str(LIMIT), "page": str(number)}
        client, reply = login.get(path, asked, accept)
        if reply.status != 200:
            return reply, [], {}
        page = _envelope(client, reply)
        ids = [_id(client, reply, row) for row in page["data"]]
        if ids and seen.issuperset(ids):
            raise SourceError(
                f"ACLED: {path}: page {number} says what the pages before it said; try again later"
            )
        total = same_total(total, _announced(page))
        seen.update(ids)
        rows += page["data"]
        if len(ids) < LIMIT:
            refuse_partial(f"ACLED: {path}", len(seen), total)
            limits = page.get("data_query_restrictions") or {}
            return reply, rows, {name: limit for name, limit in limits.items() if limit}
    raise SourceError(f"ACLED: {path}: over {MOST_PAGES} pages; ask for fewer countries or days")


def _envelope(client: Client, reply: Reply) -> dict[str, Any]:
    page = as_json(client, reply)
    if isinstance(page, dict):
        status = str(page.get("status"))
        if status in ("401", "403"):
            raise SourceError(f"ACLED: {reply.url}: status {status} in the answer; {NO_ACCESS}")
        if page.get("success") is False or status not in ("None", "0", "200"):
            raise SourceError(
                f"ACLED: {reply.url}: ACLED says that it did not succeed (status {status[:10]}); "
                "try again later"
            )
        restrictions = page.get("data_query_restrictions") or {}
        if isinstance(page.get("data"), list) and isinstance(restrictions, dict):
            return page
    raise client.refuse(
        reply.url, reply.body, "the answer is not the usual envelope; the API changed"
    )


def _announced(page: Mapping[str, Any]) -> int | None:
    """How many rows there are in all, where the page says so.

    `count` is the number of rows of the page or of the query, whichever; null where it is not said.
    """
    total, count = page.get("total_count"), page.get("count")
    if type(total) is int:
        return total
    return count if type(count) is int and count != len(page["data"]) else None


def _id(client: Client, reply: Reply, row: Any) -> str:
    if isinstance(row, dict) and isinstance(row.get("event_id_cnty"), str):
        return str(row["event_id_cnty"])
    raise client.refuse(reply.url, reply.body, "a row has no event_id_cnty; the API changed")
