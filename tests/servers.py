"""A local HTTP server for tests: it answers from a script and remembers what it was asked.

    with server(routes) as there:
        there.base                       "http://127.0.0.1:PORT/"
        there.asked                      every request: method, path, query, headers, form

`routes` maps a path to an answer, a list of answers (one a request, the last for good), or a
function of the request. An answer is an `Answer`; text, bytes and dicts are made into one.
"""

import csv
import gzip
import io
import json
import socket
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from caucasus_forecast.sources.http import Client
from caucasus_forecast.sources.replies import Patience
from caucasus_forecast.sources.ucdp_cells import COLUMNS

NOW = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
LOGIN = "<!DOCTYPE html>\n<html><body><form>Log in</form></body></html>"


@dataclass(frozen=True)
class Answer:
    """`cut` sends that many bytes less than promised; `silent` sends nothing at all."""

    body: bytes = b""
    status: int = 200
    headers: dict = field(default_factory=dict)
    cut: int = 0
    silent: bool = False
    drop: bool = False


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict
    headers: dict
    form: dict


def answer(what):
    if isinstance(what, Answer):
        return what
    if isinstance(what, dict | list):
        return Answer(json.dumps(what).encode(), headers={"Content-Type": "application/json"})
    return Answer(what if isinstance(what, bytes) else what.encode())


def status(code, **headers):
    return Answer(status=code, headers={k.replace("_", "-"): v for k, v in headers.items()})


def zipped(text):
    return Answer(gzip.compress(text.encode()), headers={"Content-Encoding": "gzip"})


@dataclass
class There:
    base: str
    asked: list
    routes: dict

    def paths(self):
        return [a.path for a in self.asked]


@contextmanager
def server(routes):
    there = There("", [], dict(routes))
    turn = {}
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self):
            parts = urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            form = dict(parse_qsl(self.rfile.read(size).decode())) if size else {}
            asked = Asked(
                self.command, parts.path, dict(parse_qsl(parts.query)), dict(self.headers), form
            )
            there.asked.append(asked)
            route = there.routes.get(parts.path, status(404))
            if isinstance(route, list):
                n = turn[parts.path] = turn.get(parts.path, -1) + 1
                route = route[min(n, len(route) - 1)]
            self._send(answer(route(asked) if callable(route) else route))

        do_GET = do_POST = _reply  # noqa: N815

        def _send(self, reply):
            self.close_connection = True
            if reply.drop:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if reply.silent:
                over.wait(10)
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in reply.headers:
                self.send_header("Content-Length", str(len(reply.body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(reply.body[: len(reply.body) - reply.cut])

        def log_message(self, *_):
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = False

        def handle_error(self, request, client_address):
            pass

    with Quiet(("127.0.0.1", 0), Handler) as listening:
        there.base = f"http://127.0.0.1:{listening.server_address[1]}/"
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield there
        finally:
            over.set()
            listening.shutdown()
            thread.join()


class Waits:
    """Time that passes only when somebody waits."""

    def __init__(self, now=NOW):
        self.now, self.waited = now, []

    def sleep(self, seconds):
        self.waited.append(seconds)
        self.now += timedelta(seconds=seconds)

    def patience(self, **changes):
        fixed = {"sleep": self.sleep, "now": lambda: self.now, "connect": 5.0, "read": 5.0}
        return Patience(**fixed | changes)


def client(there, waits=None, **changes):
    patience = changes.pop("patience", (waits or Waits()).patience())
    return Client("UCDP", there.base, patience=patience, **changes)


# ------------------------------------------------------------------- what UCDP says: invented rows

AZE = {"country": "Azerbaijan", "country_id": "373"}
ARM = {"country": "Armenia", "country_id": "371"}
GEO = {"country": "Georgia", "country_id": "372"}
BETWEEN = {
    "dyad_name": "Government of Armenia - Government of Azerbaijan", "dyad_new_id": "9001",
    "side_a": "Government of Armenia", "side_b": "Government of Azerbaijan",
    "gwnoa": "371", "gwnob": "373",
}  # fmt: skip


def ged_row(number, start, end=None, best=1, **changes):
    """An invented event, with the columns and the spelling of a release."""
    row = dict.fromkeys(COLUMNS, "")
    row |= {
        "id": str(number), "relid": f"AZE-{number}", "year": start[:4], "active_year": "TRUE",
        "code_status": "Clear", "type_of_violence": "1", "dyad_new_id": "9002",
        "dyad_name": "Government of Azerbaijan - Side X", "side_a": "Government of Azerbaijan",
        "side_b": "Side X", "where_prec": "1", "event_clarity": "1", "date_prec": "1",
        "date_start": f"{start} 00:00:00.000", "date_end": f"{end or start} 00:00:00.000",
        "low": str(best), "best": str(best), "high": str(best), "gwnoa": "373", **AZE,
    }  # fmt: skip
    return row | changes


def ged_csv(rows, columns=COLUMNS, header=True):
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    if header:
        writer.writerow(columns)
    writer.writerows([row.get(c, "") for c in columns] for row in rows)
    return out.getvalue().encode()


def ged_zip(body, name="GEDEvent_v26_1.csv"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, body)
    return out.getvalue()


def ucdp_routes(**releases):
    """Routes of the downloads: `ged261` a list of rows or bytes, `v26_0_8` the same."""
    routes = {"/": "<html><a href='/downloads/ged/ged.pdf'>codebook</a></html>"}
    for name, what in releases.items():
        if name.startswith("ged"):
            body = ged_zip(ged_csv(what)) if isinstance(what, list) else what
            routes[f"/ged/{name}-csv.zip"] = body
        else:
            body = ged_csv(what) if isinstance(what, list) else what
            routes[f"/candidateged/GEDEvent_{name}.csv"] = body
    return routes


def typed(row):
    """A row as the API has it: numbers as numbers, blanks as null, the T of ISO in a time."""
    numbers = {
        "id", "dyad_new_id", "country_id", "low", "best", "high", "where_prec", "date_prec",
        "event_clarity", "type_of_violence",
    }  # fmt: skip
    return {
        k: int(v) if k in numbers else None if v == "" else v.replace(" 00:00:00.000", "T00:00:00")
        for k, v in row.items()
    }


def api_route(rows, page=2, change=None):
    """A route of the API that pages as UCDP does; `change(asked, envelope)` may spoil a page."""

    def answer_to(asked):
        query = asked.query
        countries = set(query.get("Country", "").split(",")) - {""}
        dyads = set(query.get("Dyad", "").split(",")) - {""}
        found = [
            r for r in rows
            if (not countries or r["country_id"] in countries)
            and (not dyads or r["dyad_new_id"] in dyads)
            and query.get("StartDate", "") <= r["date_end"][:10]
            and r["date_start"][:10] <= query.get("EndDate", "9999")
        ]  # fmt: skip
        n, size = int(query.get("page", 0)), min(page, int(query["pagesize"]))
        last = (n + 1) * size >= len(found)
        kept = "&".join(f"{k}={v}" for k, v in query.items() if k != "page")
        link = f"http://{asked.headers['Host']}{asked.path}?{kept}&page="
        envelope = {
            "TotalCount": len(found), "TotalPages": -(-len(found) // size),
            "PreviousPageUrl": f"{link}{n - 1}" if n else "",
            "NextPageUrl": "" if last else f"{link}{n + 1}",
            "Result": [typed(r) for r in found[n * size : (n + 1) * size]],
        }  # fmt: skip
        return change(asked, envelope) if change else envelope

    return answer_to


# ------------------------------------------------------------------ what ACLED says: invented rows

EMAIL, PASSWORD = "analyst@example.org", "canary-pass-5e1d77"
TEXT = "canary-text-c0ffee, as reported near a post"


def acled_row(number, day, event_type="Battles", fatalities=0, country="Azerbaijan", **changes):
    """An invented event, as the API has it: numbers as numbers, coordinates as text."""
    return {
        "event_id_cnty": f"{country[:3].upper()}{number}", "event_date": day, "year": int(day[:4]),
        "time_precision": 1, "disorder_type": "Political violence", "event_type": event_type,
        "sub_event_type": "Armed clash", "actor1": f"Side A {TEXT}", "assoc_actor_1": "",
        "inter1": "State forces", "actor2": "Side B", "assoc_actor_2": "", "inter2": "State forces",
        "interaction": "State forces-State forces", "civilian_targeting": "", "iso": 31,
        "region": "Caucasus and Central Asia", "country": country, "admin1": "Somewhere",
        "admin2": "", "admin3": "", "location": "A post", "latitude": "40.0000",
        "longitude": "47.0000", "geo_precision": 1, "source": "A paper", "source_scale": "National",
        "notes": TEXT, "fatalities": fatalities, "tags": "", "timestamp": 1764000000, **changes,
    }  # fmt: skip


def acled_csv(rows, columns=None, separator=","):
    out = io.StringIO(newline="")
    names = columns or list(rows[0])
    writer = csv.writer(out, delimiter=separator)
    writer.writerow(names)
    writer.writerows([row.get(c, "") for c in names] for row in rows)
    return out.getvalue().encode()


class Acled:
    """ACLED's website: it knows one account, gives tokens, and pages as ACLED does.

    `change(asked, envelope)` may spoil a page; `expire` ends the access tokens that were given,
    `forget` the refresh tokens too.
    """

    def __init__(self, rows, deleted=(), change=None):
        self.rows, self.deleted, self.change = list(rows), list(deleted), change
        self.access, self.refresh, self.grants = set(), set(), []

    def routes(self):
        return {
            "/oauth/token": self.token,
            "/api/acled/read": lambda asked: self.read(asked, self.rows),
            "/api/deleted/read": lambda asked: self.read(asked, self.deleted),
        }

    def expire(self):
        self.access.clear()

    def forget(self):
        self.access.clear()
        self.refresh.clear()

    def token(self, asked):
        form = asked.form
        self.grants.append(form.get("grant_type"))
        mine = (form.get("username"), form.get("password")) == (EMAIL, PASSWORD)
        again = form.get("refresh_token") in self.refresh
        if form.get("client_id") != "acled" or not (mine or again):
            return status(400)
        n = len(self.grants)
        given = {"access_token": f"canary-access-{n}", "refresh_token": f"canary-refresh-{n}"}
        self.access.add(given["access_token"])
        self.refresh.add(given["refresh_token"])
        return {"token_type": "Bearer", "expires_in": 86400, **given}

    def read(self, asked, rows):
        if asked.headers.get("Authorization", "").removeprefix("Bearer ") not in self.access:
            return status(401)
        query = asked.query
        places = query.get("country", "").split("|")
        first, _, last = query.get("event_date", "0|9").partition("|")
        fields = query.get("fields", "").split("|")
        found = [
            {k: v for k, v in r.items() if fields == [""] or k in fields}
            for r in rows
            if "event_date" not in r
            or (r["country"] in places and first <= r["event_date"] <= last)
        ]
        size, page = int(query["limit"]), int(query["page"])
        envelope = {
            "status": 200, "success": True, "last_update": None, "count": None,
            "total_count": None, "messages": [], "filename": "data",
            "data": found[(page - 1) * size : page * size], "data_query_restrictions": {},
        }  # fmt: skip
        return self.change(asked, envelope) if self.change else envelope
