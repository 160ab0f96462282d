"""Asking a source, against a local server, and keeping what it says."""

import gzip
import hashlib
import json
import logging
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from servers import LOGIN, NOW, Answer, Waits, client, server, status, zipped

from caucasus_forecast.errors import SourceError
from caucasus_forecast.sources import cache as caches
from caucasus_forecast.sources.cache import Cache
from caucasus_forecast.sources.http import Client, as_json
from caucasus_forecast.sources.manifests import Facts, fingerprint
from caucasus_forecast.sources.replies import Reply, asked_wait, unzipped

CANARY = "canary-4f9a1c77"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def cached(tmp_path, monkeypatch):
    monkeypatch.setenv(caches.VARIABLE, str(tmp_path / "cache"))
    return Cache("ucdp", now=lambda: NOW)


def got(answers, wanted="csv", waits=None, **changes):
    """What one request for /x gives, and the server that was asked."""
    with server({"/x": answers}) as there:
        return client(there, waits, **changes).get("x", wanted), there


def refused(answers, wanted="csv", waits=None, **changes):
    with pytest.raises(SourceError) as error:
        got(answers, wanted, waits, **changes)
    assert "\n" not in str(error.value)
    return str(error.value)


# ------------------------------------------------------------------------------- what is asked


def test_a_reply_comes_whole_with_its_marks():
    sent = Answer(b"id\n1\n", headers={"Last-Modified": "Sun, 20 Sep 2026 10:00:00 GMT"})
    reply, there = got(replace(sent, headers={**sent.headers, "ETag": '"a"'}))
    assert (reply.body, reply.status, reply.tag) == (b"id\n1\n", 200, '"a"')
    assert reply.modified == "Sun, 20 Sep 2026 10:00:00 GMT"
    assert there.asked[0].headers["User-Agent"] == "caucasus-forecast"


def test_the_query_and_the_conditions_are_sent():
    with server({"/x": status(304)}) as there:
        known = {"If-None-Match": '"a"'}
        reply = client(there).get("x", "csv", params={"page": "2"}, known=known, accept=(200, 304))
    assert reply.status == 304
    assert there.asked[0].query == {"page": "2"}
    assert there.asked[0].headers["If-None-Match"] == '"a"'


def test_gzip_is_taken_apart():
    assert got(zipped("id\n1\n"))[0].body == b"id\n1\n"


def test_one_connection_serves_a_block():
    with server({"/x": "a", "/y": "b"}) as there, client(there).opened() as one:
        assert one.session is not None
        assert (one.get("x", "csv").body, one.get("y", "csv").body) == (b"a", b"b")


@pytest.mark.parametrize(
    "base", ["http://ucdp.uu.se/", "ftp://x.org/", "ucdp", "http://[", "https://"]
)
def test_an_address_that_is_not_https_is_refused(base):
    with pytest.raises(SourceError, match="is not an https address; write https"):
        Client("UCDP", base)


# ------------------------------------------------------------------------------ trying again


def test_fault_93_a_burst_limit_waits_longer_each_time_and_then_goes_on():
    waits = Waits()
    reply, there = got([status(400)] * 3 + ["ok"], waits=waits, burst=30.0)
    assert reply.body == b"ok"
    assert waits.waited == [30.0, 60.0, 120.0]
    assert len(there.asked) == 4


def test_fault_93_a_400_is_final_where_the_source_has_no_burst_limit():
    assert "status 400; try again later" in refused(status(400))


def test_fault_93_too_many_requests_without_retry_after_waits_longer_each_time():
    waits = Waits()
    assert got([status(429)] * 3 + ["ok"], waits=waits)[0].body == b"ok"
    assert waits.waited == [2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("header", "waited"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("Tue, 24 Nov 2026 08:30:40 GMT", 40.0),
        ("Tue, 24 Nov 2026 08:29:00 GMT", 0.0),
        ("soon", 2.0),
        ("-5", 2.0),
        ("²", 2.0),
    ],
)
def test_fault_93_retry_after_is_honoured_as_seconds_or_as_a_date(header, waited):
    waits = Waits()
    encoded = header.encode().decode("latin-1")
    got([status(429, Retry_After=encoded), "ok"], waits=waits)
    assert waits.waited == [waited]


def test_fault_93_a_wait_beyond_the_cap_is_told_and_not_waited_for():
    waits = Waits()
    said = refused(status(429, Retry_After="86400"), waits=waits)
    assert "status 429; the wait would be 86400 s more" in said
    assert waits.waited == []


def test_fault_93_all_waits_together_have_a_cap():
    waits = Waits()
    said = refused(
        status(400), burst=100.0, patience=waits.patience(total_wait=250.0, tries=9), waits=waits
    )
    assert "the wait would be 120 s more" in said
    assert waits.waited == [100.0, 120.0]


def test_fault_93_every_request_is_counted_and_a_quota_stops_them(cached):
    with cached.writing():
        for _ in range(2):
            cached.spend(2)
        with pytest.raises(SourceError, match="ucdp: 2 requests were sent today"):
            cached.spend(2)
        tomorrow = replace(cached, now=lambda: NOW + timedelta(days=1))
        tomorrow.spend(2)
    spent = []
    got([status(500), status(429), "ok"], spend=lambda: spent.append(1))
    assert len(spent) == 3, "errors count"


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_a_server_in_trouble_is_asked_again(code):
    waits = Waits()
    assert got([status(code), "ok"], waits=waits)[0].body == b"ok"
    assert waits.waited == [2.0]


def test_a_server_that_stays_in_trouble_is_given_up():
    waits = Waits()
    said = refused(status(503), waits=waits)
    assert "status 503, 5 times over; try again later, or work from what is in the cache" in said
    assert waits.waited == [2.0, 4.0, 8.0, 16.0]


def test_a_connection_that_breaks_is_made_again():
    assert got([Answer(drop=True), "ok"])[0].body == b"ok"
    assert "the connection broke" in refused(Answer(drop=True))


def test_a_reply_that_ends_early_is_asked_for_again():
    assert got([Answer(b"id\n1\n2\n", cut=3), "ok"])[0].body == b"ok"
    assert "the connection broke (ProtocolError), 5 times over" in refused(Answer(b"12345", cut=3))


def test_a_server_that_says_nothing_is_not_waited_for_for_ever():
    waits = Waits()
    patience = waits.patience(read=0.2, tries=2)
    assert "no answer in time, 2 times over" in refused(Answer(silent=True), patience=patience)
    assert waits.waited == [1.0]


def test_nobody_listening_is_told():
    with server({}) as there:
        gone = client(there)
    with pytest.raises(
        SourceError, match=r"the connection broke \(ConnectionError\), 5 times over"
    ):
        gone.get("x", "csv")


def test_a_reply_that_trickles_is_given_up():
    ticks = iter(range(0, 10_000, 600))
    patience = Waits().patience(clock=lambda: next(ticks))
    said = refused("a" * 200_000, patience=patience)
    assert "still not whole after 900 s" in said


# --------------------------------------------------------------------------- credentials, places


@pytest.mark.parametrize("code", [401, 403, 404])
def test_fault_92_a_refusal_names_the_cure(code):
    assert f"status {code}; mail them" in refused(status(code), cures={code: "mail them"})
    assert f"status {code}; " in refused(status(code))


def test_a_redirect_on_the_same_host_is_followed_with_the_secret():
    with server({"/x": status(302, Location="/y"), "/y": "ok"}) as there:
        assert client(there, secrets={"x-token": CANARY}).get("x", "csv").body == b"ok"
    assert [a.headers.get("x-token") for a in there.asked] == [CANARY, CANARY]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_fault_98_a_redirect_to_another_host_is_refused_and_not_asked(code):
    with server({"/y": "stolen"}) as other, server({"/x": status(code, Location="?")}) as there:
        there.routes["/x"] = status(code, Location=other.base + "y")
        with pytest.raises(SourceError, match=r"sent on to http://127\.0\.0\.1, which is not"):
            client(there, secrets={"x-token": CANARY}).get("x", "csv")
    assert other.asked == []


@pytest.mark.parametrize(
    "to",
    ["https://evil.org/", "//evil.org/x", "http://127.0.0.1@evil.org/", "http://[", "file:///x"],
)
def test_a_redirect_elsewhere_is_refused_however_it_is_written(to):
    assert "refused, nothing was asked there" in refused(status(302, Location=to))


def test_a_redirect_in_a_circle_is_refused():
    assert "redirected six times; refused" in refused(status(302, Location="/x"))


def test_a_login_is_never_redirected():
    with (
        server({"/t": status(302, Location="/x"), "/x": "{}"}) as there,
        pytest.raises(SourceError, match="a redirect in answer to a login"),
    ):
        client(there).post("t", {"grant_type": "password"}, {"password": CANARY})
    assert there.paths() == ["/t"]


def test_a_form_is_sent_and_its_secrets_are_not_told(caplog):
    caplog.set_level(logging.DEBUG)
    answers = [status(500), {"access_token": "abc"}, status(403)]
    with server({"/t": answers}) as there:
        one = client(there)
        assert as_json(one, one.post("t", {"grant_type": "password"}, {"password": CANARY})) == {
            "access_token": "abc"
        }
        with pytest.raises(SourceError) as error:
            one.post("t", {"grant_type": "password"}, {"password": CANARY})
    assert there.asked[1].form == {"grant_type": "password", "password": CANARY}
    assert CANARY not in str(error.value) + caplog.text


@pytest.mark.parametrize("secret", ["", "Xy\nb", "Xy\r\nHost: x", " Xy", "Xyé", "Xy\0"])
def test_a_secret_that_cannot_be_a_header_is_refused_without_being_told(secret):
    with pytest.raises(SourceError, match="the secret for 'x-token' is empty, or has") as error:
        Client("UCDP", "https://x.org/", secrets={"x-token": secret})
    assert "Xy" not in str(error.value)


def test_fault_91_a_secret_is_in_no_message_log_or_kept_file(cached, caplog):
    caplog.set_level(logging.DEBUG)
    echo = [
        Answer(f"<html>{CANARY}</html>".encode()),
        Answer(f'{{"token": "{CANARY}"'.encode()),
        status(401),
        status(302, Location=f"https://evil.org/{CANARY}"),
        status(503),
    ]
    said = []
    for i, reply in enumerate(echo):
        cached = replace(cached, now=lambda i=i: NOW + timedelta(seconds=i))
        with server({f"/{CANARY}": reply}) as there, cached.writing():
            one = client(there, secrets={"x-token": CANARY}, keep=cached.keep_refused)
            said.append(repr(one))
            with pytest.raises(SourceError) as error:
                as_json(one, one.get(CANARY, "json"))
            said.append(str(error.value))
    kept = [p.read_text() for p in cached.folder.rglob("*") if p.is_file()]
    assert len(list((cached.folder / caches.REFUSED).glob("*.txt"))) == 2
    assert all("***" in text for text in said[1::2] if "/***" in text)
    names = [str(p) for p in cached.folder.rglob("*")]
    assert CANARY not in "\n".join([*said, *kept, *names])
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("caucasus_forecast")]
    assert ours
    assert CANARY not in "\n".join(ours)


def test_netrc_does_not_take_the_place_of_a_secret(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with server({"/x": "ok"}) as there:
        client(there, secrets={"Authorization": "Bearer t"}).get("x", "csv")
    assert there.asked[0].headers["Authorization"] == "Bearer t"


# ---------------------------------------------------------------------------- replies not fit


@pytest.mark.parametrize("wanted", ["csv", "json", "zip"])
def test_fault_96_a_login_page_with_status_200_is_refused_and_kept(cached, wanted):
    said = refused(LOGIN, wanted, keep=cached.keep_refused)
    assert f"a web page came where {wanted.upper()} was wanted" in said
    kept = next((cached.folder / caches.REFUSED).glob("*.txt"))
    assert str(kept) in said
    assert kept.read_text() == LOGIN


def test_fault_96_truncated_json_is_refused_and_kept(cached):
    with server({"/x": b'{"TotalCount": 2, "Result": [{"id": 1'}) as there:
        one = client(there, keep=cached.keep_refused)
        with pytest.raises(SourceError, match=r"the JSON is cut off or damaged.*kept in"):
            as_json(one, one.get("x", "json"))


def test_fault_96_json_that_nests_without_end_is_refused():
    with server({"/x": b"[" * 100_000}) as there:
        one = client(there)
        with pytest.raises(SourceError, match="the JSON is cut off or damaged"):
            as_json(one, one.get("x", "json"))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (gzip.compress(b"a" * 9000, mtime=0)[:-9], "the gzip data is cut off"),
        (b"not gzip at all", "the gzip data is damaged"),
        (gzip.compress(b"a", mtime=0) + b"rest", "the gzip data is damaged"),
    ],
)
def test_fault_96_broken_gzip_is_refused(body, why):
    assert why in refused(Answer(body, headers={"Content-Encoding": "gzip"}))


def test_another_compression_is_refused():
    assert "compressed as 'br'" in refused(Answer(b"x", headers={"Content-Encoding": "br"}))


@pytest.mark.parametrize("body", [b"", b" \r\n", b"\xef\xbb\xbf"])
def test_an_empty_reply_is_refused(body):
    assert "an empty reply; try again later" in refused(Answer(body))


def test_what_is_not_a_zip_is_refused():
    assert "not a ZIP file" in refused("id,best\n1,2\n", "zip")


def test_a_reply_that_is_too_large_is_refused_before_and_while_it_comes():
    assert "more than 0 MB; refused" in refused("a" * 2000, largest=1000)
    bomb = Answer(gzip.compress(b"0" * 10_000_000), headers={"Content-Encoding": "gzip"})
    assert "the gzip data is too large" in refused(bomb, largest=1_000_000)


def test_the_wait_in_a_header_without_a_zone_is_utc():
    assert asked_wait("Tue, 24 Nov 2026 08:31:00 -0000", NOW) == 60.0
    assert asked_wait("", NOW) is None


def test_gzip_up_to_the_cap_is_whole():
    assert unzipped(gzip.compress(b"abc"), 3) == b"abc"


# ------------------------------------------------------------------------------------ next page


def test_fault_98_a_next_page_elsewhere_is_refused():
    one = Client("UCDP", "https://ucdp.org/api/")
    here = "https://ucdp.org/api/x?page=1"
    assert one.following(here, "?page=2") == "https://ucdp.org/api/x?page=2"
    assert one.following(here, "http://ucdp.org/api/x?page=2") == "https://ucdp.org/api/x?page=2"
    for link in (
        "https://evil.org/x",
        "https://ucdp.org:444/",
        "https://ucdp.org@evil.org/",
        "//[",
    ):
        with pytest.raises(SourceError, match="the next page is on another host"):
            one.following(here, link)


# ---------------------------------------------------------------------------------------- cache


def stored(cached, body=b"id\n1\n2\n", rows=2, **changes):
    with cached.writing():
        return cached.put("a.csv", Reply("https://x.org/a.csv", 200, body, **changes), Facts(rows))


def test_what_is_stored_is_read_back_with_its_manifest(cached):
    entry = stored(cached, modified="Sun, 20 Sep 2026 10:00:00 GMT", tag='"a"')
    assert cached.read("a.csv") == (entry, b"id\n1\n2\n")
    assert cached.entries() == (entry,)
    assert entry.sha256 == hashlib.sha256(b"id\n1\n2\n").hexdigest()
    assert (entry.retrieved, entry.bytes) == ("2026-11-24T08:30:00+00:00", 7)


def test_the_same_bytes_keep_the_day_they_first_came(cached):
    first = stored(cached)
    later = Cache("ucdp", now=lambda: NOW + timedelta(days=9))
    assert stored(later).retrieved == first.retrieved
    changed = stored(later, b"id\n1\n3\n")
    assert (changed.retrieved[:10], changed.replaced) == ("2026-12-03", first.sha256)
    assert len(list(cached.folder.glob("*-a.csv"))) == 1


@pytest.mark.parametrize("rows", [0, 1, 89])
def test_an_empty_or_shrunken_reply_never_replaces_good_data(cached, rows):
    old = stored(cached, rows=100)
    manifest = cached.folder / "a.csv.manifest"
    with pytest.raises(SourceError, match="rows came where the cache has 100") as error:
        stored(cached, b"less", rows=rows)
    assert str(manifest) in str(error.value)
    assert cached.read("a.csv") == (old, b"id\n1\n2\n")
    manifest.unlink()
    stored(cached, b"less", rows=rows)


def test_a_tenth_fewer_rows_is_a_revision(cached):
    stored(cached, rows=100)
    assert stored(cached, b"less", rows=90).facts.rows == 90


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b[:-1] + b"9", lambda b: b + b"\n"])
def test_an_altered_file_is_refused(cached, change):
    stored(cached)
    file = next(cached.folder.glob("*-a.csv"))
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(SourceError, match="was altered since it was fetched"):
        cached.read("a.csv")


def test_a_missing_file_and_a_missing_entry_are_told_apart(cached):
    with pytest.raises(SourceError, match=r"a\.csv: not in the cache"):
        cached.read("a.csv")
    stored(cached)
    next(cached.folder.glob("*-a.csv")).unlink()
    with pytest.raises(SourceError, match=r"cannot be read \(No such file"):
        cached.read("a.csv")


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields | {"extra": 1},
        lambda fields: fields | {"retrieved": "yesterday"},
        lambda fields: fields | {"name": "b.csv"},
        lambda fields: fields | {"facts": {"rows": "many"}},
        lambda fields: fields | {"facts": {"rows": 1, "first": "1 May"}},
        lambda fields: [fields],
        lambda fields: {},
    ],
)
def test_a_damaged_manifest_is_refused(cached, change):
    stored(cached)
    path = cached.folder / "a.csv.manifest"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(SourceError, match=r"a\.csv\.manifest: the manifest cannot be read"):
        cached.read("a.csv")


def test_a_process_killed_before_the_manifest_leaves_the_old_reply(cached, monkeypatch):
    old = stored(cached)
    write = caches._write

    def killed(path, body):
        if path.name.endswith(".manifest"):
            raise KeyboardInterrupt
        write(path, body)

    monkeypatch.setattr(caches, "_write", killed)
    with pytest.raises(KeyboardInterrupt):
        stored(cached, b"id\n1\n2\n3\n", rows=3)
    assert cached.read("a.csv") == (old, b"id\n1\n2\n")


def test_a_cache_that_cannot_be_written_to_is_told_before_anything_is_asked(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv(caches.VARIABLE, str(file / "cache"))
    with (
        pytest.raises(
            SourceError, match=r"the cache cannot be written to.*CAUCASUS_FORECAST_CACHE"
        ),
        Cache("ucdp").writing(),
    ):
        pass


def test_a_relative_cache_is_refused(monkeypatch):
    monkeypatch.setenv(caches.VARIABLE, "here")
    with pytest.raises(SourceError, match="is 'here', which is not a whole path"):
        caches.home()


def test_the_cache_is_the_users_own_where_none_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv(caches.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert caches.home().name == "caucasus-forecast"


def test_another_process_at_work_is_told(cached, monkeypatch):
    class Held:
        def __init__(self, path):
            pass

        def acquire(self, timeout):
            raise caches.Timeout("")

    monkeypatch.setattr(caches, "FileLock", Held)
    with pytest.raises(SourceError, match="another process is fetching"), cached.writing():
        pass


def test_only_the_newest_refused_replies_are_kept(cached):
    for i in range(caches.KEPT_FILES + 5):
        later = replace(cached, now=lambda i=i: NOW + timedelta(seconds=i))
        later.keep_refused("../../x y", b"a" * (caches.KEPT_BYTES + 1))
    files = sorted((cached.folder / caches.REFUSED).glob("*.txt"))
    assert len(files) == caches.KEPT_FILES
    assert files[-1].stat().st_size == caches.KEPT_BYTES
    assert all(f.parent.name == caches.REFUSED for f in files)


def test_a_reply_that_cannot_be_kept_is_still_refused(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv(caches.VARIABLE, str(file))
    assert "kept in" not in refused(LOGIN, keep=Cache("ucdp").keep_refused)


def test_columns_have_a_mark():
    assert len(fingerprint(["id"])) == 16


def test_times_are_utc():
    assert Cache("ucdp").now().tzinfo is UTC


# ------------------------------------------------------------------------------------ no network

BLOCKED = """
import socket, sys
def refuse(*args, **kwargs):
    raise AssertionError("the network was touched")
class Socket(socket.socket):
    def __new__(cls, family=-1, *args, **kwargs):
        if family == getattr(socket, "AF_UNIX", None):
            return super().__new__(cls, family, *args, **kwargs)
        refuse()
socket.socket, socket.create_connection, socket.getaddrinfo = Socket, refuse, refuse
import caucasus_forecast as cf
for name in cf.__all__:
    getattr(cf, name)
from caucasus_forecast.sources.cache import Cache
assert Cache("ucdp").read("a.csv")[1] == b"id\\n1\\n2\\n"
forecast = cf.run(cf.Case(draws=4, tune=50, chains=1, paths=2, horizon=1))
print(forecast.tree.attrs["case"][:1], "done")
"""


def test_no_network_on_import_or_fit(cached):
    stored(cached)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BLOCKED],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("done")
