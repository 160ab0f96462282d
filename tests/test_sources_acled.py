"""ACLED against a local server: logins, pages, what is counted, and what never leaves the cache."""

import gzip
import json
import logging
import os
from dataclasses import replace
from datetime import date, timedelta
from importlib import import_module

import pandas as pd
import pytest
from servers import (
    EMAIL,
    LOGIN,
    NOW,
    PASSWORD,
    TEXT,
    Acled,
    Answer,
    Waits,
    acled_csv,
    acled_row,
    server,
    status,
    zipped,
)

import caucasus_forecast as cf
from caucasus_forecast.cli import main
from caucasus_forecast.errors import EvidenceError, SourceError, StorageError
from caucasus_forecast.evidence import Window
from caucasus_forecast.sources import acled, acled_login, acled_pages
from caucasus_forecast.sources import cache as caches
from caucasus_forecast.sources.acled_login import Account
from caucasus_forecast.sources.acled_rows import COLUMNS, NEEDED, TYPES
from caucasus_forecast.sources.cache import Cache

REMOTE, CIVILIANS = "Explosions/Remote violence", "Violence against civilians"
ROWS = [
    acled_row(1, "2026-11-20", "Protests", country="Armenia"),
    acled_row(2, "2026-11-14", fatalities=3),
    acled_row(3, "2026-10-02", CIVILIANS, 1, "Armenia"),
    acled_row(4, "2020-10-01", REMOTE, 10),
    acled_row(5, "2020-09-27", fatalities=40, time_precision=2),
    acled_row(6, "2018-02-02", "Riots", 1, "Armenia"),
    acled_row(7, "2018-01-05", fatalities=2),
]
SECRETS = (EMAIL, PASSWORD, "canary-access", "canary-refresh")


@pytest.fixture(autouse=True)
def apart(tmp_path, monkeypatch):
    """No proxy, an account, a cache of its own, and pages of three rows."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv(acled_login.EMAIL, EMAIL)
    monkeypatch.setenv(acled_login.PASSWORD, PASSWORD)
    monkeypatch.setenv(caches.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(acled_pages, "LIMIT", 3)


def cache_at(now=NOW):
    return Cache("acled", now=lambda: now, private=True)


def fetch(there, *args, now=NOW, waits=None, **kwargs):
    """`acled` asking the local server, with time that passes only when somebody waits."""
    cache = cache_at(now)
    patience = (waits or Waits(now)).patience()
    client = replace(acled_login.website(cache), base=there.base, patience=patience)
    return acled(*args, cache=cache, client=client, **kwargs)


def fetched(*args, site=None, **kwargs):
    with server((site or Acled(ROWS)).routes()) as there:
        return fetch(there, *args, **kwargs)


def said_by(error):
    said = str(error.value)
    assert "\n" not in said
    assert not [s for s in (*SECRETS, TEXT) if s in said]
    return said


def refused(*args, routes=None, site=None, **kwargs):
    """What the error of a fetch says; it names the road without the API."""
    with (
        server(routes or (site or Acled(ROWS)).routes()) as there,
        pytest.raises(SourceError) as error,
    ):
        fetch(there, *args, **kwargs)
    assert "fetch acled --export export.csv" in said_by(error)
    return said_by(error)


def changed(**changes):
    """A site whose every page of events has other fields in its envelope."""
    return Acled(ROWS, change=lambda asked, envelope: envelope | changes)


def counts(found):
    return {str(o.window.start)[:7]: o.count for o in found.observations if o.count}


def note(found, words):
    (only,) = [n for n in found.notes if words in n]
    return only


# ---------------------------------------------------------------------------------- what is counted


def test_fatalities_of_organised_violence_by_month_with_zeros_between():
    found = fetched()
    assert counts(found) == {"2018-01": 2.0, "2020-09": 40.0, "2020-10": 10.0, "2026-10": 1.0}
    assert {o.series for o in found.observations} == {"battle_deaths"}
    assert len(found.observations) == 106
    assert sum(o.window.days for o in found.observations) == found.coverage[0].days


@pytest.mark.parametrize(
    ("newest", "end"),
    [
        ("2026-11-20", date(2026, 10, 31)),
        ("2026-11-01", date(2026, 10, 31)),
        ("2026-10-31", date(2026, 10, 31)),
        ("2026-10-30", date(2026, 9, 30)),
    ],
)
def test_counts_end_with_the_last_month_that_was_over_when_the_newest_event_happened(newest, end):
    site = Acled([acled_row(9, newest, "Protests"), *ROWS[2:]])
    assert fetched(site=site).coverage == (Window(date(2018, 1, 1), end),)


def test_days_can_be_chosen():
    found = fetched(first="2020-09-01", last="2026-11-15")
    assert found.coverage == (Window(date(2020, 9, 1), date(2026, 11, 15)),)
    assert counts(found)["2026-11"] == 3.0


def test_a_last_day_after_the_newest_event_is_unknown_and_refused():
    with server(Acled(ROWS).routes()) as there, pytest.raises(SourceError) as error:
        fetch(there, last="2026-11-22")
    assert "last is 2026-11-22, and nothing after 2026-11-20 is known" in said_by(error)
    assert "unknown, not zero" in said_by(error)


@pytest.mark.parametrize(
    ("country", "first", "since"),
    [
        ("Armenia", "2017-12-31", "2018-01-01"),
        ("Iran", "2016-09-01", "2016-09-03"),
    ],
)
def test_days_before_acled_looked_are_unknown_and_refused(country, first, since):
    site = Acled([*ROWS, acled_row(1, "2017-01-01", country="Iran")])
    with server(site.routes()) as there, pytest.raises(SourceError) as error:
        fetch(there, [country], first=first, last="2017-01-01" if country == "Iran" else None)
    assert f"not known to have looked at {country} before {since}; earlier days are unknown" in (
        said_by(error)
    )


def test_no_day_to_count_is_refused():
    with server(Acled(ROWS).routes()) as there, pytest.raises(SourceError) as error:
        fetch(there, first="2020-05-01", last="2020-04-01")
    assert "which is none (the newest event is of 2026-11-20); begin earlier" in said_by(error)


def test_a_month_that_is_not_over_is_told_as_one():
    with server(Acled(ROWS).routes()) as there, pytest.raises(SourceError) as error:
        fetch(there, first="2026-11-01")
    said = said_by(error)
    assert "the month 2026-11 is not over: the newest event is of 2026-11-20" in said
    assert "no month from 2026-11-01 on is whole" in said


def test_events_can_be_counted_instead_of_deaths():
    found = fetched(count="events", series="clashes", event_types="Battles")
    assert counts(found) == {"2018-01": 1.0, "2020-09": 1.0}
    assert {o.series for o in found.observations} == {"clashes"}


def test_other_types_can_be_counted_under_a_name():
    found = fetched(event_types=["Protests", "Riots"], series="unrest_deaths")
    assert counts(found) == {"2018-02": 1.0}
    assert found.chosen["event_types"] == ["Protests", "Riots"]


def test_one_country_may_be_asked_for():
    for country in (["Armenia"], "Armenia"):
        assert counts(fetched(country)) == {"2026-10": 1.0}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"count": "deaths"}, "count is 'deaths'; Allowed: events, fatalities"),
        ({"event_types": ["Battle"]}, "event type 'Battle': did you mean 'Battles'?"),
        ({"event_types": []}, "no event type is asked for; name one of Battles"),
        ({"count": "events"}, "these counts are not battle_deaths; name the series"),
        ({"event_types": ["Riots"]}, "these counts are not battle_deaths; name the series"),
        ({"count": "events", "series": "battle_deaths"}, "events are not deaths; name another"),
        ({"countries": []}, "no country is asked for"),
        ({"countries": ["Armenia|Iran"]}, "countries has 'Armenia|Iran'"),
        ({"countries": [371]}, "countries has 371; write names as ACLED has them"),
        ({"first": "1990-01-01"}, "first is 1990-01-01; ACLED has days from 1997-01-01"),
        ({"last": "2026-12-01"}, "last is 2026-12-01; ACLED has days"),
        ({"first": "01/02/2024"}, "first is '01/02/2024'; write a day as 2024-02-01"),
        ({"accessed": "2026-11-01"}, "accessed is the day on which export files came"),
        ({"countries": None}, "countries is given as NoneType; give a name, or a list of names"),
        ({"event_types": 3.5}, "event_types is given as float; give a name, or a list of names"),
        ({"email": 3}, "email is given as int; give a text, or leave it out"),
        ({"password": b"x"}, "password is given as bytes; give a text, or leave it out"),
    ],
)
def test_an_argument_that_is_not_usable_is_refused_before_anything_is_asked(change, said):
    with server({}) as there:
        with pytest.raises(SourceError) as error:
            fetch(there, **change)
        assert there.asked == []
    assert said in said_by(error)


def test_a_cache_that_is_none_is_refused():
    with pytest.raises(SourceError, match="cache is given as str; leave it out, and name a folder"):
        acled(cache="folder")


# ------------------------------------------------------------------------------------ the question


def test_what_is_asked_is_every_event_and_only_the_fields_of_a_count():
    with server(Acled(ROWS).routes()) as there:
        fetch(there)
    login, *pages = there.asked
    assert (login.method, login.path) == ("POST", "/oauth/token")
    assert login.form == {
        "grant_type": "password", "client_id": "acled", "username": EMAIL, "password": PASSWORD,
    }  # fmt: skip
    assert [p.query["page"] for p in pages] == ["1", "2", "3"]
    assert pages[0].query == {
        "_format": "json", "country": "Armenia|Azerbaijan",
        "event_date": "2018-01-01|2026-11-24", "event_date_where": "BETWEEN",
        "fields": "event_id_cnty|event_date|event_type|country|fatalities|time_precision|timestamp",
        "limit": "3", "page": "1",
    }  # fmt: skip
    assert {p.headers["Authorization"] for p in pages} == {"Bearer canary-access-1"}


def test_an_account_may_be_given_by_hand(monkeypatch):
    monkeypatch.delenv(acled_login.EMAIL)
    monkeypatch.delenv(acled_login.PASSWORD)
    assert counts(fetched(email=EMAIL, password=PASSWORD)) == counts_of_rows()


def counts_of_rows():
    return {"2018-01": 2.0, "2020-09": 40.0, "2020-10": 10.0, "2026-10": 1.0}


# ---------------------------------------------------------------------------------------- the login


@pytest.mark.parametrize("lacking", [acled_login.EMAIL, acled_login.PASSWORD])
def test_fault_92_no_account_says_which_variable_and_asks_nobody(monkeypatch, lacking):
    monkeypatch.delenv(lacking)
    with server({}) as there:
        with pytest.raises(SourceError) as error:
            fetch(there)
        assert there.asked == []
    assert f"ACLED: {lacking} not set" in said_by(error)
    assert "--export" in said_by(error)


@pytest.mark.parametrize("code", [400, 401])
def test_fault_92_a_wrong_login_is_told_as_one(code):
    said = refused(routes={"/oauth/token": status(code)})
    assert f"status {code}; wrong login: ACLED does not know this e-mail address" in said
    assert "set ACLED_EMAIL and ACLED_PASSWORD" in said


def test_fault_92_a_wrong_password_is_told_as_a_wrong_login_and_asked_once():
    site = Acled(ROWS)
    assert "wrong login" in refused(site=site, password="wrong")  # noqa: S106
    assert site.grants == ["password"]


def test_fault_92_no_access_is_told_apart_from_a_wrong_login():
    said = refused(routes=Acled(ROWS).routes() | {"/api/acled/read": status(403)})
    assert "status 403; no access: the login is right" in said
    assert "accept the terms, fill in the profile and ask for API access" in said
    assert "wrong login" not in said


@pytest.mark.parametrize("code", [401, 403])
def test_fault_92_no_access_in_an_answer_with_status_200_is_told_as_no_access(code):
    site = changed(status=code, success=False, data=[], messages=["Access denied"])
    assert f"status {code} in the answer; no access" in refused(site=site)


def test_an_expired_token_is_renewed_once_with_the_refresh_token():
    site = Acled(ROWS)

    def second_page_expires(asked, envelope):
        if asked.query["page"] == "2" and len(site.grants) == 1:
            site.expire()
            return status(401)
        return envelope

    site.change = second_page_expires
    with server(site.routes()) as there:
        assert counts(fetch(there)) == counts_of_rows()
    assert site.grants == ["password", "refresh_token"]
    (renewal,) = [a for a in there.asked if a.form.get("grant_type") == "refresh_token"]
    assert renewal.form == {
        "grant_type": "refresh_token", "client_id": "acled", "refresh_token": "canary-refresh-1",
    }  # fmt: skip
    pages = [a.query["page"] for a in there.asked if a.method == "GET"]
    assert pages == ["1", "2", "2", "3"], "the page is asked again, and no other"


def test_a_dead_refresh_token_is_followed_by_the_password():
    site = Acled(ROWS)
    site.change = lambda asked, envelope: (
        site.forget() or status(401) if len(site.grants) == 1 else envelope
    )
    assert counts(fetched(site=site)) == counts_of_rows()
    assert site.grants == ["password", "refresh_token", "password"]


def test_a_dead_refresh_token_and_a_changed_password_are_a_wrong_login():
    logins = [{"access_token": "canary-access-1", "refresh_token": "canary-refresh-1"}]
    routes = {"/oauth/token": [*logins, status(401), status(400)], "/api/acled/read": status(401)}
    assert "status 400; wrong login" in refused(routes=routes)


def test_a_login_without_a_refresh_token_is_renewed_with_the_password():
    given = [{"access_token": "canary-access-1"}, {"access_token": "canary-access-2"}]
    page = {"data": [{k: r[k] for k in acled_rows_fields()} for r in ROWS[:2]]}
    routes = {"/oauth/token": given, "/api/acled/read": [status(401), page]}
    with server(routes) as there:
        assert fetch(there, last="2026-11-14").coverage
    assert [a.form["grant_type"] for a in there.asked if a.form] == ["password", "password"]


def acled_rows_fields():
    return ("event_id_cnty", "event_date", "event_type", "country", "fatalities")


def test_a_token_that_is_refused_although_new_is_not_renewed_again():
    site = Acled(ROWS, change=lambda asked, envelope: status(401))
    said = refused(site=site)
    assert "status 401; the token that ACLED has just given is refused" in said
    assert site.grants == ["password", "refresh_token"], "renewed exactly once"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"token_type": "Bearer"}, "the login was answered without a token"),
        ({"access_token": ""}, "the login was answered without a token"),
        ({"access_token": 7}, "the login was answered without a token"),
        (b'["canary-access-1"]', "the login was answered without a token"),
        ({"access_token": "canary-access-1\nX: y"}, "the secret for 'Authorization' is empty, or"),
        (Answer(b'{"access_token": "canary-access-1'), "the JSON is cut off or damaged"),
        (LOGIN, "a web page came where JSON was wanted"),
        (status(302, Location="/api/acled/read"), "a redirect in answer to a login; refused"),
        (status(403), "status 403; no access"),
    ],
)
def test_a_login_that_is_answered_oddly_is_refused_and_not_kept(answer, said):
    assert said in refused(routes={"/oauth/token": answer})
    assert not list(cache_at().folder.glob("refused/*"))


# ---------------------------------------------------------------------------------------- the pages


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 5000])
def test_pages_of_any_size_give_the_same(monkeypatch, limit):
    monkeypatch.setattr(acled_pages, "LIMIT", limit)
    assert counts(fetched()) == counts_of_rows()


def test_a_short_page_is_the_last_and_a_full_one_is_not():
    with server(Acled(ROWS).routes()) as there:
        fetch(there)
        assert there.paths().count("/api/acled/read") == 3
    with server(Acled(ROWS[1:]).routes()) as there:
        fetch(there, first="2018-01-02")
        assert there.paths().count("/api/acled/read") == 3, "two full pages and an empty one"


def test_fault_98_a_page_that_comes_twice_is_refused():
    first = []

    def repeat(asked, envelope):
        first.append(envelope["data"])
        return envelope | {"data": first[0]}

    said = refused(site=Acled(ROWS, change=repeat))
    assert "page 2 says what the pages before it said" in said


def test_fault_98_a_page_that_is_missing_is_noticed_by_the_total():
    def skip(asked, envelope):
        return envelope | {"total_count": 7, "data": envelope["data"][: 2 if last(asked) else 3]}

    def last(asked):
        return asked.query["page"] == "2"

    said = refused(site=Acled(ROWS, change=skip))
    assert "5 different rows came of the 7 announced; a page is missing or came twice" in said


def test_fault_98_a_page_with_fewer_rows_than_it_says_is_refused():
    site = Acled(ROWS, change=lambda a, e: e | {"count": len(e["data"]), "data": e["data"][:2]})
    assert "2 different rows came of the 3 announced" in refused(site=site)


def test_fault_98_a_page_that_is_missing_is_noticed_by_the_fetch_before(monkeypatch):
    monkeypatch.setattr("caucasus_forecast.sources.acled_api.FEW", 0)
    site = Acled([*ROWS, *(acled_row(100 + i, "2019-03-01") for i in range(50))])
    with server(site.routes()) as there:
        good = fetch(there)
        site.rows = site.rows[:-3]
        with pytest.raises(SourceError) as error:
            fetch(there, now=NOW + timedelta(days=7))
    said = said_by(error)
    assert "3 of 57 events of 2026-11-24 did not come again" in said
    assert "not on ACLED's list of deleted ones, so a page may be missing" in said
    assert acled(offline=True, cache=cache_at()).observations == good.observations


def test_fault_98_a_total_that_changes_once_begins_again():
    totals = iter([7, 8])
    site = Acled(ROWS, change=lambda a, e: e | {"total_count": next(totals, 7)})
    with server(site.routes()) as there:
        assert counts(fetch(there)) == counts_of_rows()
    assert [a.query["page"] for a in there.asked if a.query] == ["1", "2", "1", "2", "3"]


def test_fault_98_a_total_that_keeps_changing_is_refused():
    n = iter(range(7, 99))
    said = refused(site=Acled(ROWS, change=lambda a, e: e | {"total_count": next(n)}))
    assert "the number of rows went from 9 to 10, twice" in said


@pytest.mark.parametrize("named", [{"total_count": 7}, {"count": 7}, {"count": None}, {}])
def test_totals_that_are_told_or_null_are_both_taken(named):
    assert counts(fetched(site=changed(**named))) == counts_of_rows()


def test_pages_without_end_are_given_up(monkeypatch):
    monkeypatch.setattr(acled_pages, "MOST_PAGES", 2)
    assert "over 2 pages; ask for fewer countries or days" in refused()


def test_a_row_that_comes_on_two_pages_is_counted_once_and_said():
    found = fetched(site=Acled([*ROWS[:4], ROWS[2], *ROWS[4:]]))
    assert counts(found) == counts_of_rows()
    assert note(found, "again").endswith("counted once: 1")


def test_of_two_rows_of_an_event_the_one_changed_last_counts():
    newer = ROWS[3] | {"fatalities": 12, "timestamp": ROWS[3]["timestamp"] + 9}
    for rows in ([*ROWS, newer], [newer, *ROWS]):
        assert counts(fetched(site=Acled(rows)))["2020-10"] == 12.0
    said = refused(site=Acled([*ROWS, ROWS[3] | {"fatalities": 12}]))
    assert "the event AZE4 is there twice with different values" in said


def test_an_event_whose_later_word_is_elsewhere_is_left_out():
    moved = fields(ROWS[3] | {"country": "Georgia", "timestamp": ROWS[3]["timestamp"] + 9})
    site = Acled(ROWS)
    site.change = lambda a, e: e | {"data": [*e["data"], *[moved] * (a.query["page"] == "3")]}
    found = fetched(site=site)
    assert counts(found) == {k: v for k, v in counts_of_rows().items() if k != "2020-10"}
    assert "rows of other countries, left out: 1" in found.notes


def test_two_early_words_that_differ_are_settled_by_a_later_one():
    other = ROWS[3] | {"fatalities": 11}
    newest = ROWS[3] | {"fatalities": 12, "timestamp": ROWS[3]["timestamp"] + 9}
    for rows in ([*ROWS, other, newest], [newest, other, *ROWS]):
        assert counts(fetched(site=Acled(rows)))["2020-10"] == 12.0


def test_rows_of_a_country_with_a_similar_name_are_left_out():
    near = fields(acled_row(9, "2020-09-28", fatalities=90)) | {"country": "South Azerbaijan"}
    site = Acled(ROWS)
    site.change = lambda a, e: e | {"data": [*e["data"], *[near] * (a.query["page"] == "3")]}
    found = fetched(site=site)
    assert counts(found) == counts_of_rows()
    assert "rows of other countries, left out: 1" in found.notes


def fields(row):
    wanted = (*acled_rows_fields(), "time_precision", "timestamp")
    return {k: row[k] for k in wanted}


def test_a_misspelt_country_is_not_peace():
    said = refused(["Azerbaijan", "Armenai"])
    assert "no event of any type in 'Armenai'; write the country as ACLED does" in said


# --------------------------------------------------------------------------- waiting, and giving up


def once(answer, path="/api/acled/read"):
    """Routes that answer the first request for a path in another way."""
    routes = Acled(ROWS).routes()
    normal, turn = routes[path], iter(range(1000))
    routes[path] = lambda asked: answer if next(turn) == 0 else normal(asked)
    return routes


@pytest.mark.parametrize("path", ["/api/acled/read", "/oauth/token"])
@pytest.mark.parametrize(
    ("answer", "waited"),
    [
        (status(429), [2.0]),
        (status(429, Retry_After="7"), [7.0]),
        (status(429, Retry_After="Tue, 24 Nov 2026 08:30:40 GMT"), [40.0]),
        (status(500), [2.0]),
        (status(503), [2.0]),
        (Answer(drop=True), [1.0]),
        (Answer(b"{" * 50, cut=20), [1.0]),
    ],
)
def test_fault_93_a_trouble_that_may_pass_is_waited_for_and_the_page_resumed(path, answer, waited):
    waits = Waits()
    with server(once(answer, path)) as there:
        assert counts(fetch(there, waits=waits)) == counts_of_rows()
    assert waits.waited == waited


def test_fault_93_a_wait_beyond_the_cap_is_told_and_not_waited_for():
    waits = Waits()
    said = refused(routes=once(status(429, Retry_After="86400")), waits=waits)
    assert "status 429; the wait would be 86400 s more" in said
    assert waits.waited == []


def test_fault_93_a_400_is_final():
    said = refused(routes=Acled(ROWS).routes() | {"/api/acled/read": status(400)})
    assert "status 400; ACLED does not take this question" in said


def test_a_404_is_an_api_that_moved():
    said = refused(routes=Acled(ROWS).routes() | {"/api/acled/read": status(404)})
    assert "status 404; ACLED's API has moved" in said


def test_a_site_that_stays_in_trouble_is_given_up():
    said = refused(routes=Acled(ROWS).routes() | {"/api/acled/read": status(502)})
    assert "status 502, 5 times over" in said


def test_a_site_that_says_nothing_is_given_up():
    cache = cache_at()
    patience = Waits().patience(read=0.1, tries=2)
    with server(Acled(ROWS).routes() | {"/api/acled/read": Answer(silent=True)}) as there:
        client = replace(acled_login.website(cache), base=there.base, patience=patience)
        with pytest.raises(SourceError, match="no answer in time, 2 times over"):
            acled(cache=cache, client=client)


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_fault_98_a_redirect_to_another_host_is_refused_and_no_credential_goes_there(code):
    with server({"/api/acled/read": {"data": []}, "/oauth/token": {"access_token": "x"}}) as other:
        for path in ("/api/acled/read", "/oauth/token"):
            elsewhere = status(code, Location=other.base.rstrip("/") + path)
            said = refused(routes=Acled(ROWS).routes() | {path: elsewhere})
            assert "refused" in said
    assert other.asked == []


# ---------------------------------------------------------------------------------- replies not fit


def spoilt(answer):
    return refused(routes=Acled(ROWS).routes() | {"/api/acled/read": answer})


def kept_files():
    return [p for p in cache_at().folder.rglob("*") if p.is_file() and p.suffix == ".txt"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (LOGIN, "a web page came where JSON was wanted"),
        (b'{"status": 200, "data": [{"event_id_cnty": "AZE1"', "the JSON is cut off or damaged"),
        (b"[" * 100_000, "the JSON is cut off or damaged"),
        (b"", "an empty reply; try again later"),
        (
            Answer(gzip.compress(b"{}" * 900)[:-9], headers={"Content-Encoding": "gzip"}),
            "the gzip data is cut off",
        ),
        (b"[]", "the answer is not the usual envelope; the API changed"),
        ({"status": 200, "data": None}, "the answer is not the usual envelope"),
        ({"status": 200, "data": {"0": {}}}, "the answer is not the usual envelope"),
        ({"data": [], "data_query_restrictions": ["x"]}, "the answer is not the usual envelope"),
        ({"data": [{"id": 1}]}, "a row has no event_id_cnty; the API changed"),
        ({"data": ["AZE1"]}, "a row has no event_id_cnty"),
        ({"success": False, "status": 200, "data": []}, "ACLED says that it did not succeed"),
        ({"status": 500, "data": []}, "ACLED says that it did not succeed (status 500)"),
    ],
)
def test_fault_96_a_reply_that_cannot_be_used_is_refused(answer, said):
    assert said in spoilt(answer)


def test_fault_96_what_was_refused_is_kept_in_the_users_cache_without_secrets():
    told = Answer(f'{{"data": [{{"notes": "{TEXT}", "t": "canary-access-1 {EMAIL}"'.encode())
    said = spoilt(told)
    (kept,) = kept_files()
    assert f"what came is kept in {kept}, its rows are for your eyes alone, so do not" in said
    assert TEXT in kept.read_text()
    assert not [s for s in SECRETS if s in kept.read_text()]


def test_gzip_is_taken_apart():
    site = Acled(ROWS, change=lambda a, e: zipped(json.dumps(e)))
    assert counts(fetched(site=site)) == counts_of_rows()


@pytest.mark.parametrize("name", NEEDED[1:])
def test_fault_100_a_needed_field_that_is_gone_is_refused_by_name(name):
    site = Acled([{k: v for k, v in r.items() if k != name or k == "country"} for r in ROWS])
    if name in ("country", "event_date"):
        site.change = lambda a, e: (
            e | {"data": [{k: v for k, v in r.items() if k != name} for r in e["data"]]}
        )
        site.rows = ROWS
    assert f"the column {name!r} is not there" in refused(site=site)


def test_fault_100_a_renamed_field_is_recognised():
    site = Acled(ROWS)
    site.change = lambda a, e: (
        e
        | {
            "data": [
                {k.replace("fatalities", "fatality"): v for k, v in r.items()} for r in e["data"]
            ]
        }
    )
    said = refused(site=site)
    assert "the column 'fatalities' is not there ('fatality' is new: renamed?)" in said


def test_fault_100_fields_that_were_not_asked_for_are_said_and_not_read():
    site = Acled(ROWS)
    site.change = lambda a, e: e | {"data": [r | {"mood": TEXT} for r in e["data"]]}
    found = fetched(site=site)
    assert counts(found) == counts_of_rows()
    assert "new columns, not read: 'mood'" in found.notes


def test_fault_100_rows_with_other_keys_than_the_first_are_refused():
    site = Acled(ROWS)
    site.change = lambda a, e: (
        e | {"data": [*e["data"][:1], *(r | {"x": 1} for r in e["data"][1:])]}
    )
    assert "its keys are not those of the rows before" in refused(site=site)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fatalities": None}, "row 2: fatalities is '', not a whole number, 0 or more"),
        ({"fatalities": -1}, "fatalities is '-1'"),
        ({"fatalities": 2.5}, "fatalities is '2.5'"),
        ({"fatalities": True}, "fatalities is 'True'"),
        ({"fatalities": 2.5}, "0 or more; the layout changed, look for a newer version"),
        ({"fatalities": 999999999999}, "fatalities is '999999999999', over 1,000,000,000"),
        ({"fatalities": TEXT}, f"fatalities is a text of {len(TEXT)} characters"),
        ({"event_type": "Clash"}, "event_type is 'Clash'; Allowed: Battles"),
        ({"event_type": "battles"}, "event_type is 'battles'; did you mean 'Battles'?"),
        ({"event_type": TEXT}, f"event_type is a text of {len(TEXT)} characters"),
        ({"event_id_cnty": TEXT}, f"event_id_cnty is a text of {len(TEXT)} characters"),
        ({"timestamp": "now"}, "timestamp is 'now'"),
        ({"country": ""}, "country is blank"),
    ],
)
def test_fault_100_a_cell_of_another_kind_is_refused_by_name_without_its_text(change, said):
    site = Acled(ROWS)
    site.change = lambda a, e: (
        e | {"data": [e["data"][0], e["data"][1] | change, *e["data"][2:]]}
        if a.query["page"] == "1" else e
    )  # fmt: skip
    assert said in refused(site=site)


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("27/09/2020", "event_date is '27/09/2020', not a day as 2024-02-01"),
        ("2020-09-31", "event_date is '2020-09-31', not a day"),
        ("0025-03-04", "event_date is 0025-03-04, and ACLED begins on 1997-01-01"),
        ("2017-12-31", "the days asked for are 2018-01-01 to 2026-11-24, and those that came are"),
        ("2062-01-01", "those that came are 2018-01-05 to 2062-01-01; tell ACLED"),
    ],
)
def test_fault_100_a_day_that_cannot_be_is_refused(day, said):
    site = Acled(ROWS)
    site.change = lambda a, e: (
        e | {"data": [e["data"][0] | {"event_date": day}, *e["data"][1:]]}
        if a.query["page"] == "2" else e
    )  # fmt: skip
    assert said in refused(site=site)


def test_fatalities_as_text_are_numbers():
    rows = [r | {"fatalities": str(r["fatalities"])} for r in ROWS]
    assert counts(fetched(site=Acled(rows))) == counts_of_rows()


# ----------------------------------------------------------- empty replies, restrictions, the cache


def test_an_empty_reply_is_told_apart_from_a_wrong_login_and_from_no_access():
    said = refused(site=Acled([]))
    assert "an empty reply: the login is right and no event in Armenia, Azerbaijan" in said
    assert "wrong login" not in said
    assert "no access" not in said


def test_an_empty_reply_never_replaces_good_data():
    site = Acled(ROWS)
    with server(site.routes()) as there:
        good = fetch(there)
        site.rows = []
        with pytest.raises(SourceError) as error:
            fetch(there, now=NOW + timedelta(days=9))
    said = said_by(error)
    assert "nothing in the cache was replaced (it has 7 events, fetched on 2026-11-24" in said
    assert "offline=True, --offline" in said
    assert acled(offline=True, cache=cache_at()) == good


def test_an_empty_reply_to_a_restricted_account_is_no_access():
    limits = {"date_recency": {"quantity": 12, "unit": "Months", "date": "2025-11-24"}}
    site = Acled([], change=lambda a, e: e | {"data_query_restrictions": limits})
    said = refused(site=site, first="2026-01-01")
    assert "restricts what this account may read (date_recency, up to 2025-11-24)" in said
    assert "no access" in said


def test_an_embargo_ends_what_is_known_and_is_said():
    limits = {"date_recency": {"quantity": 12, "unit": "Months", "date": "2025-11-24"}}
    old = [acled_row(9, "2025-11-23", "Protests"), acled_row(8, "2025-09-01", country="Armenia")]
    site = Acled([*old, *ROWS[3:]], change=lambda a, e: e | {"data_query_restrictions": limits})
    found = fetched(site=site)
    assert found.coverage[0].end == date(2025, 10, 31)
    assert "ACLED restricts what this account may read (date_recency, up to 2025-11-24)" in (
        found.notes
    )
    assert note(found, "stale").startswith(
        "stale: the newest event is of 2025-11-23, over 120 days"
    )
    with pytest.raises(SourceError, match="date_recency, up to 2025-11-24"):
        acled(offline=True, cache=cache_at(), last="2026-01-31")


@pytest.mark.parametrize("nothing", [None, [], {}, {"date_recency": None}])
def test_restrictions_may_be_empty(nothing):
    assert not [
        n for n in fetched(site=changed(data_query_restrictions=nothing)).notes if "restr" in n
    ]


def test_fault_102_stale_data_are_said_and_reach_the_forecast():
    assert not [n for n in fetched().notes if n.startswith("stale")]
    found = fetched(now=NOW + timedelta(days=130))
    said = "stale: the newest event is of 2026-11-20, over 120 days before 2027-04-03"
    assert note(found, "stale") == said
    assert said in cf.evidence.read(found).repairs


def test_a_shrunken_reply_never_replaces_good_data():
    site = Acled(ROWS)
    with server(site.routes()) as there:
        good = fetch(there)
        site.rows = ROWS[:5]
        with pytest.raises(SourceError, match="5 rows came where the cache has 7"):
            fetch(there)
    assert acled(offline=True, cache=cache_at()) == good


def many():
    return [*ROWS, *(acled_row(100 + i, "2019-03-01", fatalities=1) for i in range(50))]


def test_events_that_acled_deleted_and_changed_are_gone_changed_and_said():
    site = Acled(many())
    with server(site.routes()) as there:
        assert counts(fetch(there))["2019-03"] == 50.0
        assert "/api/deleted/read" not in there.paths(), "nothing was gone"
        site.deleted = [{"event_id_cnty": "AZE149", "deleted_timestamp": 1795600000}]
        site.rows = [
            r
            | ({"fatalities": 4, "timestamp": 1795600000} if r["event_id_cnty"] == "AZE100" else {})
            for r in [acled_row(900, "2019-03-05"), *many()[:-2]]
        ]
        found = fetch(there, now=NOW + timedelta(days=7))
    assert counts(found)["2019-03"] == 51.0
    assert note(found, "since the fetch") == (
        "events since the fetch of 2026-11-24: new: 1, changed: 1, deleted by ACLED: 1, gone: 1"
    )
    (asked,) = [a for a in there.asked if a.path == "/api/deleted/read"]
    assert asked.query["deleted_timestamp"] == str(int(NOW.timestamp()))
    assert asked.query["deleted_timestamp_where"] == ">="


@pytest.mark.parametrize("code", [403, 404])
def test_a_list_of_deleted_events_that_may_not_be_read_is_gone_without(code):
    site = Acled(many())
    with server(site.routes() | {"/api/deleted/read": status(code)}) as there:
        fetch(there)
        site.rows = many()[:-3]
        found = fetch(there, now=NOW + timedelta(days=7))
    assert note(found, "since the fetch").endswith("gone: 3")


def test_offline_takes_what_is_in_the_cache_and_asks_nobody(monkeypatch):
    with server(Acled(ROWS).routes()) as there:
        online = fetch(there)
        before = len(there.asked)
        for name in (acled_login.EMAIL, acled_login.PASSWORD):
            monkeypatch.delenv(name)
        assert fetch(there, offline=True) == online
        other = fetch(there, offline=True, count="events", event_types=TYPES, series="all")
        assert len(there.asked) == before
    assert sum(o.count for o in other.observations) == 5.0


def test_offline_with_an_empty_cache_says_so():
    with pytest.raises(SourceError, match="not in the cache"):
        acled(offline=True, cache=cache_at())


def test_the_cache_of_rows_can_be_opened_by_the_user_alone():
    fetched()
    assert cache_at().folder.stat().st_mode & 0o777 == 0o700


def test_an_altered_cache_is_refused():
    fetched()
    file = next(p for p in cache_at().folder.glob("*.json"))
    file.write_bytes(file.read_bytes().replace(b'"fatalities": 40', b'"fatalities": 41'))
    with pytest.raises(SourceError, match="was altered since it was fetched"):
        acled(offline=True, cache=cache_at())


# ------------------------------------------------------------------------------------- export files

DOWNLOADED = {"accessed": "2026-11-21", "cache": cache_at()}


@pytest.fixture
def export(tmp_path):
    """Write rows as an export file."""

    def write(rows=ROWS, name="export.csv", **kwargs):
        path = tmp_path / name
        path.write_bytes(acled_csv(rows, **kwargs))
        return path

    return write


def export_refused(path, error=SourceError, **kwargs):
    with pytest.raises(error) as raised:
        acled(export=path, **DOWNLOADED | kwargs)
    return said_by(raised)


def test_an_export_file_says_what_the_api_says(export):
    found = acled(export=export(), **DOWNLOADED)
    assert counts(found) == counts_of_rows()
    assert "accessed 2026-11-21: fatalities of Battles" in found.attribution
    assert (found.release, found.releases[0].url) == ("export.csv", "")
    assert "days 2018-01-01 to 2026-10-31 are taken as looked at" in note(found, "looked at")


@pytest.mark.parametrize("columns", [COLUMNS[::-1], NEEDED, ("fatalities", *NEEDED[:-1])])
def test_an_export_file_may_have_its_columns_in_any_order_and_fewer(export, columns):
    assert counts(acled(export=export(columns=columns), **DOWNLOADED)) == counts_of_rows()


def test_an_export_file_may_come_in_other_clothes(export, tmp_path):
    path = export(separator=";")
    assert counts(acled(export=path, **DOWNLOADED)) == counts_of_rows()
    packed = tmp_path / "export.csv.gz"
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbf" + acled_csv(ROWS).replace(b"\n", b"\r\n")))
    assert counts(acled(export=str(packed), **DOWNLOADED)) == counts_of_rows()


def test_an_empty_row_of_an_export_file_is_told(export):
    path = export()
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([header, "," * header.count(","), *lines]) + "\n")
    found = acled(export=path, **DOWNLOADED)
    assert counts(found) == counts_of_rows()
    assert note(found, "skipped") == "export.csv: row 2 skipped: nothing in it"


def test_days_may_be_written_out_in_an_export_file(export):
    rows = [r | {"event_date": f"{date.fromisoformat(r['event_date']):%d %B %Y}"} for r in ROWS]
    assert counts(acled(export=export(rows), **DOWNLOADED)) == counts_of_rows()


def test_several_export_files_are_one_and_the_later_word_counts(export):
    newer = ROWS[3] | {"fatalities": 12, "timestamp": ROWS[3]["timestamp"] + 9}
    files = [export([*ROWS[3:], newer], "old.csv"), export(ROWS[:5], "new.csv")]
    found = acled(export=files, **DOWNLOADED)
    assert counts(found) == counts_of_rows() | {"2020-10": 12.0}
    assert [u.name for u in found.releases] == ["old.csv", "new.csv"]
    assert note(found, "again").endswith("counted once: 3")


def test_an_event_that_a_later_export_file_moves_elsewhere_is_not_counted(export):
    moved = ROWS[2] | {"country": "Georgia", "timestamp": ROWS[2]["timestamp"] + 1}
    files = [export(ROWS, "old.csv"), export([moved], "new.csv")]
    found = acled(export=files, **DOWNLOADED)
    assert counts(found) == {k: v for k, v in counts_of_rows().items() if k != "2026-10"}
    assert "rows of other countries, left out: 1" in found.notes
    assert counts(acled(export=files[::-1], **DOWNLOADED)) == counts(found)


def test_a_month_that_an_event_has_left_counts_as_none(export):
    rows = [
        acled_row(1, "2024-01-10", fatalities=30, country="Armenia"),
        acled_row(2, "2024-02-29", fatalities=1, country="Armenia"),
    ]
    moved = rows[0] | {"country": "Georgia", "timestamp": rows[0]["timestamp"] + 1}
    found = acled("Armenia", export=[export(rows, "a.csv"), export([moved], "b.csv")], **DOWNLOADED)
    assert [o.count for o in found.observations] == [0.0, 1.0]


def test_an_event_is_the_same_in_small_letters(export):
    small = ROWS[3] | {"event_id_cnty": "aze4", "timestamp": ROWS[3]["timestamp"] + 1}
    found = acled(export=export([*ROWS, small]), **DOWNLOADED)
    assert counts(found) == counts_of_rows()
    assert note(found, "again").endswith("counted once: 1")


def test_an_export_that_is_no_path_is_refused_by_its_kind(export):
    frame = pd.read_csv(export())
    for given, words in (
        (frame, "export is given as DataFrame; give the path of a file"),
        ([frame], "a file of export is given as DataFrame; give the path of a file"),
        (None, "export is given as NoneType"),
        (b"export.csv", "export is given as bytes"),
    ):
        said = export_refused(given)
        assert words in said
        assert "save a data frame as one first: frame.to_csv('export.csv', index=False)" in said


def test_an_export_file_of_one_month_that_is_not_over_is_told_so(export):
    rows = [acled_row(1, "2024-01-15", fatalities=3)]
    said = export_refused(export(rows), countries="Azerbaijan")
    assert "the month 2024-01 is not over: the newest event is of 2024-01-15" in said
    assert "say how far to count (last)" in said


def test_an_export_file_may_be_counted_up_to_the_day_of_access(export):
    found = acled(export=export(), first="2026-10-01", last="2026-11-21", **DOWNLOADED)
    assert str(found.coverage[0]) == "2026-10-01 to 2026-11-21"
    assert counts(found) == {"2026-10": 1.0, "2026-11": 3.0}
    assert not [n for n in found.notes if "looked at" in n]
    assert "looked at Armenia before 2018-01-01" in export_refused(export(), first="2014-01-01")
    said = export_refused(export(), last="2026-11-22")
    assert "last is 2026-11-22, and nothing after 2026-11-21 is known" in said


def test_the_day_of_access_is_that_of_the_file_where_nothing_is_said(export):
    path = export()
    os.utime(path, (NOW.timestamp() - 3 * 86400,) * 2)
    found = acled(export=path, cache=cache_at())
    assert "accessed 2026-11-21" in found.attribution
    assert found.releases[0].assumed
    assert "day of access taken from the files: 2026-11-21" in note(found, "day of access")
    os.utime(path, (0, 0))
    with pytest.raises(SourceError, match="an event is of 2026-11-20, after the day of access"):
        acled(export=path, cache=cache_at())


def test_an_export_file_without_a_type_that_is_counted_is_refused_or_said(export):
    found = acled(export=export([r for r in ROWS if r["event_type"] != REMOTE]), **DOWNLOADED)
    assert note(found, REMOTE) == f"no {REMOTE} in export.csv: taken as none, if they were exported"
    said = export_refused(export([ROWS[0], ROWS[5] | {"country": "Azerbaijan"}]))
    assert "no Battles and no Explosions/Remote violence and no Violence against" in said
    assert "export these types of event too, or name others" in said


def test_an_export_file_without_a_country_that_is_counted_is_refused(export):
    said = export_refused(export([r for r in ROWS if r["country"] == "Azerbaijan"]))
    assert "no event of any type in 'Armenia'" in said
    found = acled(["Azerbaijan"], export=export(), **DOWNLOADED)
    assert "rows of other countries, left out: 3" in found.notes


@pytest.mark.parametrize("name", NEEDED)
def test_fault_100_an_export_file_without_a_needed_column_is_refused_by_name(export, name):
    said = export_refused(export(columns=[c for c in COLUMNS if c != name]))
    assert f"export.csv: the column {name!r} is not there" in said


def test_fault_100_a_renamed_column_of_an_export_file_is_recognised(export):
    path = export()
    path.write_bytes(path.read_bytes().replace(b"event_id_cnty", b"event_id_country", 1))
    assert "'event_id_cnty' is not there ('event_id_country' is new: renamed?)" in (
        export_refused(path)
    )


def test_a_note_names_the_export_file_once(export):
    said = note(acled(export=export(separator=";"), **DOWNLOADED), "semicolon")
    assert said == "export.csv: columns are separated by a semicolon"


def test_a_column_without_a_name_is_no_new_column(export):
    found = acled(export=export([r | {"": ""} for r in ROWS]), **DOWNLOADED)
    assert not [n for n in found.notes if "new columns" in n]


def test_fault_100_new_columns_of_an_export_file_are_said_and_not_read(export):
    found = acled(export=export([r | {"mood": TEXT} for r in ROWS]), **DOWNLOADED)
    assert "export.csv: new columns, not read: 'mood'" in found.notes


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fatalities": "3*"}, "export.csv, row 2: fatalities is a text of 2 characters"),
        ({"event_date": "14/11/2026"}, "row 2: event_date is '14/11/2026', not a day"),
        ({"event_type": "Clash"}, "row 2: event_type is 'Clash'"),
        ({"fatalities": 999999999999}, "'999999999999', over 1,000,000,000; the file was edited"),
    ],
)
def test_a_row_of_an_export_file_that_cannot_be_read_is_named(export, change, said):
    assert said in export_refused(export([ROWS[1] | change, *ROWS[2:]]))


@pytest.mark.parametrize(
    "change",
    [{"fatalities": v} for v in ("", "-3", "3.5", "NaN", "True")] + [{"event_date": "05/01/2024"}],
)
def test_a_cell_that_a_spreadsheet_made_is_to_be_downloaded_again(export, change):
    said = export_refused(export([ROWS[1] | change, *ROWS[2:]]))
    assert (
        "the file was edited, or saved by a spreadsheet: download it again from ACLED; if it says "
        "the same then, the layout changed" in said
    )


def test_an_export_file_that_is_cut_off_or_empty_is_refused(export, tmp_path):
    path = export()
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    assert "row 8: unexpected end of data" in export_refused(path, EvidenceError)
    path.write_bytes(whole[:-150])
    assert "row 8: 17 cells under 31 columns; the file is cut off" in export_refused(path)
    assert "no rows of events; export it again" in export_refused(export([], columns=COLUMNS))
    path.write_text(LOGIN)
    assert "a web page" in export_refused(path, EvidenceError)
    assert "no such file" in export_refused(tmp_path / "none.csv", EvidenceError)


def test_an_export_file_that_is_read_as_any_table_is_recognised(export):
    found = cf.evidence.read(export())
    assert [r for r in found.repairs if "sources.acled(export=...)" in r]


def test_an_export_file_needs_neither_account_nor_cache(export, monkeypatch):
    for name in (acled_login.EMAIL, acled_login.PASSWORD):
        monkeypatch.delenv(name)
    acled(export=export(), **DOWNLOADED)
    assert not cache_at().folder.exists()


# --------------------------------------------------------------------------------------- the result


def test_the_citation_with_the_day_of_access_is_added_by_itself(tmp_path):
    found = fetched()
    line = (
        "ACLED (Armed Conflict Location & Event Data), acleddata.com, accessed 2026-11-24: "
        "fatalities of Battles, Explosions/Remote violence, Violence against civilians in Armenia, "
        "Azerbaijan, summed by month"
    )
    assert found.attribution == line
    assert {o.source for o in found.observations} == {line}
    assert found.citation.startswith(line + "\nRaleigh, Clionadh")
    assert "do not pass its rows on" in found.citation
    back = cf.evidence.read_counts(found.to_csv(tmp_path / "counts.csv"))
    assert {o.source for o in back} == {line}
    assert [(o.window, o.count) for o in back] == [(o.window, o.count) for o in found.observations]


def test_what_was_counted_and_what_is_uncertain_is_said():
    found = fetched()
    assert found.chosen == {
        "series": "battle_deaths", "count": "fatalities",
        "event_types": ["Battles", REMOTE, CIVILIANS], "countries": ["Armenia", "Azerbaijan"],
    }  # fmt: skip
    assert found.totals[0] == {
        "country": "Azerbaijan", "event_type": "Battles", "events": 2, "fatalities": 42,
    }  # fmt: skip
    assert "events counted: 4; the newest of any type is of 2026-11-20" in found.notes
    assert note(found, "week or a month").endswith("counted on ACLED's day: 1")
    assert repr(found).startswith("ACLED: events 4, fatalities 53\n")


def test_a_result_holds_no_rows():
    """Counts, sums and words: nothing that a row says of its event."""
    found = fetched()
    assert not hasattr(found, "events")
    assert not hasattr(found, "events_to_csv")
    held = repr(found) + json.dumps(found.to_json()) + str(vars(found)) + found._repr_html_()
    assert not [s for s in (*SECRETS, TEXT, "AZE4", "ARM3") if s in held]


@pytest.fixture(scope="module")
def forecast(tmp_path_factory):
    """A forecast made of ACLED's counts, and an update of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setenv(acled_login.EMAIL, EMAIL)
        patch.setenv(acled_login.PASSWORD, PASSWORD)
        patch.setenv(caches.VARIABLE, str(tmp_path_factory.mktemp("cache")))
        whole = Acled(ROWS)
        whole.change = lambda a, e: e | {"data": [r | {"mood": TEXT} for r in e["data"]]}
        first = cf.forecast(
            fetched(site=whole, last="2026-10-31"), draws=60, horizon=2, priors="agnostic"
        )
        later = fetched(
            site=whole, now=NOW + timedelta(days=1), first="2026-11-01", last="2026-11-15"
        )
        return first, first.update(later)


def test_the_citation_goes_into_a_forecast_its_notes_its_update_and_its_exports(forecast, tmp_path):
    first, updated = forecast
    day, next_day = (
        f"acleddata.com, accessed 2026-11-{d}: fatalities of Battles" for d in (24, 25)
    )
    assert day in first.tree.attrs["citation"]
    assert [n for n in first.notes if day in n]
    assert day in updated.tree.attrs["citation"]
    assert next_day in updated.tree.attrs["citation"]
    for kind, name in (("csv", "f.csv"), ("json", "f.json")):
        first.export(tmp_path / name, kind)
        assert day in (tmp_path / name).read_text()
    first.save(tmp_path / "f.nc")
    assert day in cf.load(tmp_path / "f.nc").tree.attrs["citation"]


def test_fault_91_no_row_text_and_no_secret_is_in_a_forecast_or_an_export(forecast, tmp_path):
    for i, one in enumerate(forecast):
        one.save(tmp_path / f"{i}.nc")
        one.export(tmp_path / f"{i}.csv", "csv")
        one.export(tmp_path / f"{i}.json", "json")
        (tmp_path / f"{i}.txt").write_text(str(one.tree) + repr(one.scenarios) + str(one.notes))
    written = b"".join(p.read_bytes() for p in tmp_path.iterdir() if p.is_file())
    leaked = [s for s in (*SECRETS, TEXT, "AZE4", "ARM3", "canary") if s.encode() in written]
    assert not leaked


def test_fault_91_no_secret_and_no_row_text_is_in_a_log_a_file_or_an_error(caplog):
    caplog.set_level(logging.DEBUG)
    site = Acled(ROWS)
    site.change = lambda a, e: e | {"data": [r | {"mood": TEXT} for r in e["data"]]}
    said = [repr(fetched(site=site))]
    for answer in (status(401), status(403), LOGIN, Answer(b"{"), {"data": [TEXT]}, status(503)):
        said.append(spoilt(answer))
        said.append(refused(routes={"/oauth/token": answer if answer != status(401) else {}}))
    said.append(repr(acled_login.account(None, None)))
    said.append(repr(acled_login.Login(acled_login.website(cache_at()), Account(EMAIL, PASSWORD))))
    files = [p for p in cache_at().folder.rglob("*") if p.is_file()]
    assert len(files) > 3
    told = "\n".join([*said, caplog.text, *map(str, files)])
    kept = "\n".join(p.read_text(errors="replace") for p in files)
    assert not [s for s in (*SECRETS, TEXT) if s in told]
    assert not [s for s in SECRETS if s in kept]
    assert "ACLED: asking http://127.0.0.1" in caplog.text


# -------------------------------------------------------------------------------------- the command


@pytest.fixture
def command(monkeypatch, capsys):
    """`fetch acled ...` against the local server: (exit code, standard output, standard error)."""

    def run(*arguments, routes=None):
        module = import_module("caucasus_forecast.sources.acled")
        monkeypatch.setattr(module, "Cache", lambda source, private: cache_at())
        with server(routes or Acled(ROWS).routes()) as there:
            monkeypatch.setattr(acled_login, "BASE", there.base)
            code = main(["fetch", "acled", *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_the_command_prints_sums_notes_and_citation(command):
    code, out, err = command("--quiet")
    assert (code, err) == (0, "")
    assert "Violence against civilians" in out
    assert "counted since 2018-01-01" in out
    assert "accessed 2026-11-24" in out
    assert not [s for s in (*SECRETS, TEXT) if s in out]


def test_the_command_writes_counts_that_run_reads(command, tmp_path):
    target = tmp_path / "counts.csv"
    code, out, _ = command("--out", target, "--first", "2020-01-01", "--last", "2026-11-15")
    assert (code, f"wrote {target}" in out) == (0, True)
    assert sum(o.count for o in cf.evidence.read_counts(target)) == 54
    code, _, err = command("--out", target)
    assert (code, "exists" in err) == (2, True)
    assert command("--out", target, "--overwrite")[0] == 0


def test_the_command_speaks_json(command):
    code, out, err = command(
        "--json", "--count", "events", "--event-type", "Riots", "--series", "x"
    )
    body = json.loads(out)
    assert (code, err, body["source"], body["chosen"]["series"]) == (0, "", "ACLED", "x")
    assert sum(row["count"] for row in body["counts"]) == 1
    assert body["citation"].startswith("ACLED (Armed Conflict Location & Event Data)")


def test_the_command_takes_export_files_and_goes_offline(command, export):
    code, out, _ = command("--export", export(), "--accessed", "2026-11-21", routes={"/": "x"})
    assert (code, "accessed 2026-11-21" in out) == (0, True)
    online = command("-q", "--country", "Armenia")[1]
    assert command("-q", "--country", "Armenia", "--offline", routes={"/": "x"})[1] == online


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ({"/oauth/token": status(400)}, "error: ACLED: http"),
        ({"/oauth/token": {"access_token": "t"}, "/api/acled/read": status(403)}, "no access"),
        (Acled([]).routes(), "an empty reply"),
    ],
)
def test_the_command_ends_with_an_error_and_no_traceback(command, routes, said):
    code, out, err = command("-q", routes=routes)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert "fetch acled --export export.csv" in err


def test_the_command_tells_what_it_asks_and_no_secret(command):
    code, out, err = command()
    assert code == 0
    assert "ACLED: asking" in err
    assert not [s for s in (*SECRETS, TEXT) if s in out + err]


def test_a_file_that_exists_is_refused_before_anything_is_asked(tmp_path):
    (tmp_path / "counts.csv").write_text("mine")
    found = fetched()
    with pytest.raises(StorageError, match="exists"):
        found.to_csv(tmp_path / "counts.csv")
