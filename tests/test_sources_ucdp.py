"""UCDP against a local server: which releases are taken, what they say, and what is refused."""

import gzip
import json
import logging
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib import import_module

import pytest
from servers import (
    ARM,
    BETWEEN,
    GEO,
    LOGIN,
    NOW,
    Answer,
    Waits,
    api_route,
    ged_csv,
    ged_row,
    ged_zip,
    server,
    status,
    ucdp_routes,
)

import caucasus_forecast as cf
from caucasus_forecast.cli import main
from caucasus_forecast.errors import EvidenceError, SourceError, StorageError
from caucasus_forecast.evidence import Window
from caucasus_forecast.sources import cache as caches
from caucasus_forecast.sources import ucdp, ucdp_api, ucdp_downloads
from caucasus_forecast.sources.cache import Cache
from caucasus_forecast.sources.fetched import counted, joined, within
from caucasus_forecast.sources.ucdp_cells import COLUMNS, NEEDED
from caucasus_forecast.sources.ucdp_releases import (
    consolidated,
    final,
    gaps,
    linked,
    may_be_out,
    monthly,
    on_calendar,
)

CANARY = "canary-7d02e5b1"
FINAL = [
    ged_row(1, "1992-05-01", best=9, **ARM, **BETWEEN),
    ged_row(2, "2020-09-27", "2020-11-10", best=500, event_clarity="2"),
    ged_row(3, "2025-02-03", best=2),
    ged_row(4, "2025-06-01", best=7, **GEO),
    ged_row(5, "2025-12-30", best=1, **ARM),
]
JUNE = [
    ged_row(11, "2026-01-15", best=3),
    ged_row(12, "2026-06-20", best=4, **GEO),
]
JULY = [ged_row(13, "2026-07-04", best=2, code_status="Check deaths"), ged_row(14, "2026-07-31")]
AUGUST = [
    ged_row(11, "2026-01-15", best=5),
    ged_row(15, "2026-08-09", best=0, low="0", high="3"),
    ged_row(16, "2026-08-20", best=6, **GEO, **BETWEEN),
    ged_row(17, "2026-08-31", best=50, dyad_name="A - B", dyad_new_id="7", **GEO),
]
ALL = {"ged261": FINAL, "v26_01_26_06": JUNE, "v26_0_7": JULY, "v26_0_8": AUGUST}
AFTER_AUGUST = datetime(2026, 9, 30, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def apart(tmp_path, monkeypatch):
    """No proxy, no token, and a cache of its own."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv(ucdp_api.TOKEN, raising=False)
    monkeypatch.setenv(caches.VARIABLE, str(tmp_path / "cache"))


def cache_at(now=AFTER_AUGUST):
    return Cache("ucdp", now=lambda: now)


def fetch(there, *args, now=AFTER_AUGUST, waits=None, **kwargs):
    """`ucdp` asking the local server, with time that passes only when somebody waits."""
    cache = cache_at(now)
    road = kwargs.get("road", "downloads")
    client = (ucdp_api.api if road == "api" else ucdp_downloads.downloads)(cache)
    patience = (waits or Waits(now)).patience()
    client = replace(client, base=there.base, patience=patience)
    return ucdp(*args, cache=cache, client=client, **kwargs)


def fetched(*args, releases=ALL, **kwargs):
    with server(ucdp_routes(**releases)) as there:
        return fetch(there, *args, **kwargs)


def refused(*args, releases=ALL, **kwargs):
    with pytest.raises(SourceError) as error:
        fetched(*args, releases=releases, **kwargs)
    assert "\n" not in str(error.value)
    return str(error.value)


def counts(found):
    return {str(o.window.start)[:7]: o.count for o in found.observations if o.count}


def note(found, words):
    (only,) = [n for n in found.notes if words in n]
    return only


# ------------------------------------------------------------------------------------- releases


def test_the_calendar_of_releases():
    assert str(final(2026).coverage) == "1989-01-01 to 2025-12-31"
    assert (final(2026).path, str(final(2026).due)) == ("ged/ged261-csv.zip", "2026-06-15")
    december = monthly(2025, 12)
    assert (december.version, str(december.due)) == ("25.0.12", "2026-01-20")
    half = consolidated(2026, 6)
    assert (half.version, half.file) == ("26.01.26.06", "GEDEvent_v26_01_26_06.csv")
    assert str(half.coverage) == "2026-01-01 to 2026-06-30"
    assert str(half.due) == "2026-08-20"
    assert str(half) == "Candidate 26.01.26.06"


def test_releases_are_read_off_links():
    page = """<a href="https://ucdp.uu.se/downloads/candidateged/GEDEvent_v26_0_7.csv">
      GEDevent_v26_0_8.xlsx candidateged/ucdp-candidate-codebook1.5.pdf
      candidateged/GEDEvent_v26_01_26_06.csv candidateged/GEDEvent_v26_01_25_06.csv
      candidateged/GEDEvent_v26_0_13.csv ged/ged261-csv.zip ged/ged172-csv.zip ged/ged260-csv.zip
      ged/ged261-xlsx.zip</a>"""
    assert {r.version for r in linked(page)} == {"26.0.7", "26.01.26.06", "26.1", "17.2"}


def test_nothing_is_asked_for_before_it_may_be_out():
    assert not may_be_out(monthly(2026, 9), date(2026, 9, 30))
    assert may_be_out(monthly(2026, 8), date(2026, 9, 1))
    assert final(2026) not in on_calendar(date(2026, 5, 1))
    assert final(2026) in on_calendar(date(2026, 5, 20))


def test_the_newest_releases_are_taken_and_named():
    found = fetched()
    assert found.release == "GED 26.1, Candidate 26.01.26.06, Candidate 26.0.7, Candidate 26.0.8"
    assert found.coverage == (Window(date(2014, 1, 1), date(2026, 8, 31)),)


def test_coverage_ends_with_the_newest_release_and_not_with_the_last_event():
    quiet = {**ALL, "v26_0_8": [ged_row(17, "2026-08-31", **GEO)]}
    found = fetched(releases=quiet)
    assert found.observations[-1].window == monthly(2026, 8).coverage
    assert found.observations[-1].count == 0
    assert max(e.window.end for e in found.events) == date(2026, 7, 31)


def test_fault_94_an_unknown_version_is_gone_past_to_the_newest_with_rows():
    with server(ucdp_routes(**ALL)) as there:
        found = fetch(there, now=NOW)
    assert found.releases[-1].name == "Candidate 26.0.8"
    asked = there.paths()
    for month in (9, 10):
        assert f"/candidateged/GEDEvent_v26_0_{month}.csv" in asked
    assert "/candidateged/GEDEvent_v26_01_26_09.csv" in asked
    assert "/candidateged/GEDEvent_v26_0_1.csv" not in asked, "the first half year is in one"


@pytest.mark.parametrize(
    "rows", [[], [ged_row(13, "2026-07-04", **GEO)], [ged_row(13, "2062-08-04", **GEO)]]
)
def test_fault_94_a_release_without_rows_of_its_month_is_not_the_newest(rows):
    found = fetched(releases={**ALL, "v26_0_8": rows})
    assert found.release.endswith("Candidate 26.0.7")
    assert found.coverage[-1].end == date(2026, 7, 31)
    if rows:
        assert "Candidate 26.0.8 has no rows in 2026-08-01 to 2026-08-31" in note(found, "no rows")


def test_fault_94_a_final_release_without_its_last_year_is_not_the_newest():
    old = [r for r in FINAL if r["year"] < "2025"] + [ged_row(6, "2024-03-01", **ARM)]
    whole = {"ged261": old, "ged251": old, "v25_01_25_12": [ged_row(30, "2025-12-01")]}
    found = fetched(releases=whole | {k: v for k, v in ALL.items() if k != "ged261"})
    assert found.release.startswith("GED 25.1, Candidate 25.01.25.12, Candidate 26.01.26.06")
    assert "GED 26.1 has no rows in 2025-01-01 to 2025-12-31" in note(found, "no rows")


def test_a_release_that_only_the_page_knows_is_taken():
    routes = ucdp_routes(**ALL, ged262=[*FINAL, ged_row(6, "2025-03-03")])
    routes["/"] = '<html><a href="/downloads/ged/ged262-csv.zip">26.2</a></html>'
    with server(routes) as there:
        assert fetch(there).release.startswith("GED 26.2")


def test_without_the_page_releases_are_found_by_name():
    routes = ucdp_routes(**ALL)
    del routes["/"]
    with server(routes) as there:
        assert fetch(there).release.endswith("26.0.8")


def test_a_month_that_no_release_covers_is_unknown():
    found = fetched(releases={k: v for k, v in ALL.items() if k != "v26_0_7"})
    assert note(found, "no release covers") == (
        "no release covers 2026-07-01 to 2026-07-31: unknown, not zero"
    )
    assert len(found.coverage) == 2
    assert "2026-07" not in {str(o.window.start)[:7] for o in found.observations}


def test_no_final_release_is_an_error():
    assert "no final release that was out on 2026-09-30" in refused(releases={"v26_0_8": AUGUST})


# ----------------------------------------------------------------------------- which, and how many


def test_the_default_is_both_countries_and_the_dyad_of_their_governments_wherever():
    found = fetched(first="1989-01-01")
    assert [e.id for e in found.events] == [1, 2, 3, 5, 11, 13, 14, 15, 16]
    assert next(e for e in found.events if e.id == 16).country == "Georgia"


@pytest.mark.parametrize("change", [{"type_of_violence": "3"}, {"gwnob": "365", "side_b": "C"}])
def test_a_dyad_with_others_elsewhere_is_not_of_the_two(change):
    row = ged_row(16, "2026-08-20", **GEO, **BETWEEN) | change
    found = fetched(releases={**ALL, "v26_0_8": [*AUGUST[:2], row, AUGUST[3]]})
    assert 16 not in {e.id for e in found.events}


def test_governments_are_known_by_name_where_the_number_is_missing():
    row = ged_row(16, "2026-08-20", **GEO, **BETWEEN) | {"gwnoa": "", "gwnob": "373.0"}
    found = fetched(releases={**ALL, "v26_0_8": [*AUGUST[:2], row, AUGUST[3]]})
    assert 16 in {e.id for e in found.events}


@pytest.mark.parametrize("country", ["Georgia", "georgia", 372])
def test_any_country_by_name_or_number(country):
    assert {e.id for e in fetched([country]).events} == {4, 12, 16, 17}


@pytest.mark.parametrize("dyad", ["A - B", "a - b", 7])
def test_any_dyad_by_name_or_number(dyad):
    assert {e.id for e in fetched(dyads=[dyad]).events} == {17}
    assert {e.id for e in fetched(["Armenia"], [dyad]).events} == {5, 17}


def test_a_misspelt_name_is_not_peace():
    assert "no country 'Armenai' in the releases; did you mean 'Armenia'?" in refused(["Armenai"])
    assert "no dyad 'A-B' in the releases; did you mean 'A - B'?" in refused(dyads=["A-B"])


def test_counts_are_sums_of_the_estimate_with_zeros_between():
    found = fetched()
    assert counts(found) == {
        "2020-09": 500.0, "2025-02": 2.0, "2025-12": 1.0, "2026-01": 5.0, "2026-07": 3.0,
        "2026-08": 6.0,
    }  # fmt: skip
    war = next(o for o in found.observations if o.count == 500)
    assert str(war.window) == "2020-09-01 to 2020-11-30"
    assert sum(o.window.days for o in found.observations) == found.coverage[0].days
    assert counts(fetched(estimate="high"))["2026-08"] == 9.0
    assert "2026-08" in counts(fetched(estimate="low"))


def test_the_first_day_moves_back_to_the_month_of_an_event_that_spans_it():
    found = fetched(first=date(2020, 10, 15))
    assert found.coverage[0].start == date(2020, 9, 1)
    assert "counted from 2020-09-01, not 2020-10-15" in note(found, "counted from")
    chain = [
        ged_row(2, "2020-09-27", "2020-11-10", best=500),
        ged_row(6, "2020-08-20", "2020-09-02"),
        *FINAL[2:],
    ]
    assert fetched(releases={**ALL, "ged261": chain}, first="2020-11-01").coverage[0].start == date(
        2020, 8, 1
    )


def test_an_event_that_reaches_past_the_coverage_is_counted_within_it():
    late = [*AUGUST, ged_row(18, "2026-08-30", "2026-09-03", best=8)]
    found = fetched(releases={**ALL, "v26_0_8": late})
    assert counts(found)["2026-08"] == 14.0
    assert note(found, "reach past").endswith("counted whole within them: 1 (id 18)")


def test_an_event_on_days_that_no_release_covers_is_left_out_and_said():
    releases = {k: v for k, v in ALL.items() if k != "v26_0_7"}
    releases["v26_0_8"] = [*AUGUST, ged_row(18, "2026-07-10", best=8)]
    found = fetched(releases=releases)
    assert 18 not in {e.id for e in found.events}
    assert "events on days that no release covers, left out: 1" in found.notes


def test_what_is_unusual_about_the_rows_is_said():
    odd = [
        ged_row(20, "2026-08-01", best=5, low="6"),
        ged_row(21, "2026-08-02", best=5, high="4", where_prec="6"),
        *AUGUST,
    ]
    found = fetched(releases={**ALL, "v26_0_8": odd})
    assert set(found.notes) >= {
        "events: 10; the newest ended on 2026-08-20",
        "events that break low <= best <= high, kept as they are: 2 (id 20, 21)",
        "events placed no better than in a country: 1",
        "events not coded Clear by UCDP, so provisional: 1",
        "events that sum up several (event_clarity 2): 1",
        "events that span months, which are one total: 1",
    }
    assert counts(found)["2026-08"] == 16.0


def test_fault_99_the_latest_release_of_an_id_wins_and_is_counted():
    found = fetched()
    revised = next(e for e in found.events if e.id == 11)
    assert (revised.best, revised.release, revised.final) == (5, "26.0.8", False)
    assert "rows replaced by a later release with the same id: 1" in found.notes


@pytest.mark.parametrize("change", [GEO, {**GEO, "id": "11.0"}])
def test_fault_99_an_event_that_a_later_release_moves_elsewhere_is_not_counted(change):
    moved = [ged_row(11, "2026-01-15", best=3, **change), *AUGUST[1:]]
    found = fetched(releases={**ALL, "v26_0_8": moved})
    assert 11 not in {e.id for e in found.events}
    assert "2026-01" not in counts(found)
    assert "rows replaced by a later release with the same id: 1" in found.notes


def test_fault_99_a_release_that_tells_months_anew_replaces_all_of_them():
    """A candidate row of December that the final release does not have is gone."""
    early = {
        "ged261": FINAL,
        "v26_0_1": [ged_row(40, "2025-12-31", best=70), ged_row(41, "2026-01-20")],
    }
    found = fetched(releases=early, now=NOW)
    assert {e.id for e in found.events} >= {5, 41}
    assert 40 not in {e.id for e in found.events}
    assert note(found, "gone").endswith("without them: 1")


def test_fault_99_an_id_twice_in_one_release_is_refused_unless_it_is_the_same_row():
    assert len(fetched(releases={**ALL, "v26_0_8": [*AUGUST, AUGUST[1]]}).events) == 8
    twice = [*AUGUST, ged_row(15, "2026-08-09", best=77)]
    assert "id 15 is there twice with different rows" in refused(
        releases={**ALL, "v26_0_8": twice}, now=AFTER_AUGUST + timedelta(days=1)
    )


def test_candidate_and_final_are_kept_apart():
    found = fetched()
    assert {e.id for e in found.events if e.final} == {2, 3, 5}
    assert {e.release for e in found.events if not e.final} == {"26.0.7", "26.0.8"}


# ------------------------------------------------------------------------------------- vintages


def test_as_of_takes_what_was_out_by_the_calendar_and_says_so():
    found = fetched(as_of="2026-09-01", now=NOW)
    assert found.release == "GED 26.1, Candidate 26.01.26.06, Candidate 26.0.7"
    assert found.coverage[-1].end == date(2026, 7, 31)
    assert "as of 2026-09-01" in note(found, "as of")
    assert "by the calendar, not told by UCDP: GED 26.1" in note(found, "by the calendar")
    assert next(e for e in found.events if e.id == 11).best == 3, "as it stood then"


def dated(routes, path, day):
    body = routes[path]
    return routes | {path: Answer(body, headers={"Last-Modified": day})}


def test_as_of_goes_by_the_day_the_file_was_last_changed_where_it_is_told():
    routes = ucdp_routes(**ALL)
    path = "/candidateged/GEDEvent_v26_0_7.csv"
    with server(dated(routes, path, "Mon, 21 Sep 2026 09:00:00 GMT")) as there:
        found = fetch(there, as_of="2026-09-01", now=NOW)
        assert found.release == "GED 26.1, Candidate 26.01.26.06"
        assert note(found, "left out") == (
            "Candidate 26.0.7 is left out: its file is of 2026-09-21, though the calendar has it "
            "on 2026-08-20"
        )
        later = fetch(there, as_of="2026-09-22", now=NOW)
    used = next(u for u in later.releases if u.name == "Candidate 26.0.7")
    assert (str(used.published), used.assumed) == ("2026-09-21", False)


def test_a_file_is_known_from_the_day_it_came_at_the_latest():
    with server(ucdp_routes(**ALL)) as there:
        early = fetch(there, now=datetime(2026, 9, 3, tzinfo=UTC))
        assert early.release.endswith("26.0.8")
        again = fetch(there, as_of="2026-09-04", now=NOW)
    assert again.release.endswith("26.0.8")


def test_an_older_final_release_serves_an_older_day():
    older = [r for r in FINAL if r["year"] < "2021"]
    found = fetched(releases=ALL | {"ged211": older}, as_of="2021-11-30", now=NOW)
    assert found.release == "GED 21.1"
    assert found.coverage[-1].end == date(2020, 12, 31)
    assert "stale: the newest release ends on 2020-12-31" in note(found, "stale")


def test_fault_102_a_stale_release_is_said_and_reaches_the_forecast():
    assert not [n for n in fetched().notes if n.startswith("stale")]
    found = fetched(now=datetime(2027, 1, 15, tzinfo=UTC))
    assert note(found, "stale") == (
        "stale: the newest release ends on 2026-08-31, over 120 days before 2027-01-15"
    )
    said = cf.evidence.read(found).repairs
    assert said[:2] == (found.attribution, note(found, "stale")), "first among what is shown"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"as_of": "2026-10-01"}, "as_of is 2026-10-01; UCDP has days from 1989-01-01, and it is"),
        ({"as_of": "1980-01-01"}, "as_of is 1980-01-01"),
        ({"as_of": "May"}, "as_of is 'May'; write a day as 2024-02-01"),
        ({"first": "01/02/2024"}, "first is '01/02/2024'; write a day"),
        ({"first": "2026-09-15"}, "first is 2026-09-15, after the last day covered (2026-08-31)"),
        ({"first": datetime(2020, 1, 1, tzinfo=UTC)}, "write a day as 2024-02-01"),
        ({"estimate": "bset"}, "estimate is 'bset'; did you mean 'best'?"),
        ({"road": "ftp"}, "road is 'ftp'; Allowed: api, downloads"),
        ({"countries": []}, "neither a country nor a dyad is asked for"),
        ({"countries": 3.5}, "countries is given as float; give a name, or a list of names"),
        ({"dyads": None}, "dyads is given as NoneType; give a name, or a list of names"),
        ({"countries": [True]}, "countries has True; write names, or UCDP's numbers"),
        ({"dyads": [2.5]}, "dyads has 2.5"),
        ({"as_of": "2016-05-05"}, "no final release that was out on 2016-05-05"),
    ],
)
def test_an_argument_that_is_not_usable_is_refused(change, said):
    assert said in refused(**change)


def test_a_cache_that_is_none_is_refused():
    with pytest.raises(SourceError, match="cache is given as str; leave it out, and name a folder"):
        ucdp(cache="folder")


# ------------------------------------------------------------------------------ replies not fit


def spoilt(body, name="v26_0_8"):
    return refused(releases={**ALL, name: body})


@pytest.mark.parametrize("name", NEEDED)
def test_fault_100_a_needed_column_that_is_gone_is_refused(name):
    said = spoilt(ged_csv(AUGUST, [c for c in COLUMNS if c != name]))
    assert f"the column {name!r} is not there" in said


def test_fault_100_a_renamed_column_is_recognised():
    renamed = ged_csv(AUGUST).replace(b"dyad_new_id", b"dyad_id", 1)
    assert "the column 'dyad_new_id' is not there ('dyad_id' is new: renamed?)" in spoilt(renamed)


def test_fault_100_a_column_that_is_there_twice_is_refused():
    assert "the column 'best' is twice" in spoilt(ged_csv(AUGUST, [*COLUMNS, "best"]))


def test_fault_100_new_and_missing_columns_that_are_not_needed_are_said():
    columns = [c for c in COLUMNS if c != "geom_wkt"] + ["deaths_other"]
    found = fetched(releases={**ALL, "v26_0_8": ged_csv(AUGUST, columns)})
    assert note(found, "new columns") == "Candidate 26.0.8: new columns, not read: 'deaths_other'"
    assert "columns no longer there, not needed: geom_wkt" in note(found, "no longer there")
    marks = {e.name: e.facts.columns for e in cache_at().entries()}
    assert marks["GEDEvent_v26_0_8.csv"] != marks["GEDEvent_v26_0_7.csv"]


def test_fault_100_columns_in_another_order_are_read():
    assert fetched(releases={**ALL, "v26_0_8": ged_csv(AUGUST, COLUMNS[::-1])}).notes == (
        fetched().notes
    )


def test_fault_100_a_file_without_a_header_is_read_in_the_usual_order_and_said():
    found = fetched(releases={**ALL, "v26_0_8": ged_csv(AUGUST, header=False)})
    assert {15, 16} <= {e.id for e in found.events}
    assert "it came without a header" in note(found, "header")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"best": "few"}, "row 1: best is 'few', not a whole number, 0 or more"),
        ({"best": ""}, "best is ''"),
        ({"low": "-1"}, "low is '-1'"),
        ({"high": "2.5"}, "high is '2.5'"),
        ({"id": "A1"}, "id is 'A1'"),
        ({"where_prec": "exact"}, "where_prec is 'exact'"),
        ({"date_start": "08/09/2026"}, "is '08/09/2026', not a day as 2024-02-01"),
        ({"date_end": "2026-02-30 00:00:00.000"}, "is '2026-02-30 00:00:00.000', not a day"),
        ({"date_end": "2026-08-01"}, "date_end 2026-08-01 is before date_start 2026-08-09"),
    ],
)
def test_fault_100_a_cell_of_another_type_is_refused(change, said):
    rows = [ged_row(15, "2026-08-09") | change, *AUGUST[2:]]
    assert said in spoilt(ged_csv(rows))


def test_numbers_with_a_point_and_days_without_a_time_are_read():
    row = ged_row(15, "2026-08-09") | {"best": "1.0", "date_start": "2026-08-09"}
    assert 15 in {e.id for e in fetched(releases={**ALL, "v26_0_8": [row, *AUGUST[2:]]}).events}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (LOGIN.encode(), "a web page came where CSV was wanted"),
        (b"", "an empty reply"),
        (ged_csv(AUGUST)[:-150], "the file is cut off or damaged"),
        (ged_csv(AUGUST) + b'"open', "the file is cut off or damaged"),
        (b"\x00\x01binary", "the column 'id' is not there"),
        (ged_csv(AUGUST).decode().encode("utf-16"), "the column 'id' is not there"),
    ],
)
def test_fault_96_a_damaged_candidate_file_is_refused_and_kept(body, said):
    told = spoilt(body)
    assert said in told
    assert not body or caches.REFUSED in told


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (ged_zip(ged_csv(FINAL))[:-40], "the ZIP file is cut off or damaged"),
        (ged_zip(ged_csv(FINAL), "readme.txt"), "holds 0 CSV files, not one"),
        (ged_csv(FINAL), "not a ZIP file"),
        (LOGIN.encode(), "a web page came where ZIP was wanted"),
        (ged_zip(ged_csv(FINAL)[:-60]), "the file is cut off or damaged"),
    ],
)
def test_fault_96_a_damaged_final_file_is_refused(body, said):
    assert said in spoilt(body, "ged261")


def test_fault_96_a_zip_with_flipped_bytes_is_refused():
    body = bytearray(ged_zip(ged_csv(FINAL * 50)))
    body[200] ^= 0xFF
    assert "the ZIP file is cut off or damaged" in spoilt(bytes(body), "ged261")


def test_a_zip_that_would_unpack_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(ucdp_downloads, "LARGEST_CSV", 100)
    assert "would unpack to" in spoilt(ged_zip(ged_csv(FINAL)), "ged261")


def test_fault_92_a_refused_download_names_another_road():
    said = refused(releases={**ALL, "ged261": status(403)})
    assert "status 403; UCDP refuses downloads from here" in said


# --------------------------------------------------------------------------------- the cache


def test_a_second_fetch_asks_whether_anything_changed():
    routes = ucdp_routes(**ALL)
    for path in [p for p in routes if p != "/"]:
        body = routes[path]
        routes[path] = lambda asked, body=body: (
            status(304) if asked.headers.get("If-None-Match") == '"a"'
            else Answer(body, headers={"ETag": '"a"'})
        )  # fmt: skip
    with server(routes) as there:
        first = fetch(there)
        second = fetch(there)
    assert [u.retrieved for u in first.releases] == [u.retrieved for u in second.releases]
    assert first.observations == second.observations
    assert sum(a.headers.get("If-None-Match") == '"a"' for a in there.asked) == 4


def test_offline_takes_what_is_in_the_cache_and_asks_nobody():
    with server(ucdp_routes(**ALL)) as there:
        online = fetch(there)
        before = len(there.asked)
        offline = fetch(there, offline=True)
        assert len(there.asked) == before
    assert offline == online


def test_offline_with_an_empty_cache_says_so():
    with pytest.raises(SourceError, match="no final release"):
        ucdp(offline=True, cache=cache_at())


@pytest.mark.parametrize("rows", [[], AUGUST[:1], AUGUST[:3]])
def test_an_empty_or_shrunken_release_never_replaces_good_data(rows):
    with server(ucdp_routes(**ALL)) as there:
        good = fetch(there)
        there.routes["/candidateged/GEDEvent_v26_0_8.csv"] = ged_csv(rows)
        with pytest.raises(
            SourceError, match=r"GEDEvent_v26_0_8\.csv: \d rows came where .* has 4"
        ):
            fetch(there)
    assert ucdp(offline=True, cache=cache_at()) == good


def test_a_new_final_release_with_fewer_rows_than_the_old_one_is_refused():
    many = [ged_row(100 + i, "2020-01-05") for i in range(50)]
    old = [*many, ged_row(7, "2024-05-05", **ARM)]
    with server(ucdp_routes(ged251=old)) as there:
        fetch(there, now=datetime(2025, 7, 1, tzinfo=UTC))
        there.routes |= ucdp_routes(**ALL)
        with pytest.raises(SourceError, match=r"ged261-csv\.zip: 5 rows came where .* has 51"):
            fetch(there)


def test_a_release_that_is_no_longer_offered_is_taken_from_the_cache():
    with server(ucdp_routes(**ALL)) as there:
        good = fetch(there)
        there.routes["/candidateged/GEDEvent_v26_0_7.csv"] = status(404)
        assert fetch(there).observations == good.observations


def test_an_unwritable_cache_is_told_before_anything_is_asked(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(caches.VARIABLE, str(tmp_path / "file"))
    with (
        server(ucdp_routes(**ALL)) as there,
        pytest.raises(SourceError, match="the cache cannot be written to"),
    ):
        fetch(there)
    assert there.asked == []


def test_a_release_that_changed_is_taken_and_its_forerunner_remembered():
    with server(ucdp_routes(**ALL)) as there:
        fetch(there)
        first = cache_at().entry("GEDEvent_v26_0_7.csv")
        more = [*JULY, ged_row(19, "2026-07-09", best=4)]
        there.routes["/candidateged/GEDEvent_v26_0_7.csv"] = ged_csv(more)
        found = fetch(there, now=NOW)
    assert counts(found)["2026-07"] == 7.0
    assert cache_at().entry("GEDEvent_v26_0_7.csv").replaced == first.sha256


# -------------------------------------------------------------- troubles that may pass, both roads


def once(routes, path, answer):
    """Routes that answer the first request for a path in another way."""
    normal, turn = routes[path], iter(range(1000))

    def reply(asked):
        if next(turn) == 0:
            return answer
        return normal(asked) if callable(normal) else normal

    return routes | {path: reply}


PASSING = pytest.mark.parametrize(
    ("answer", "waited"),
    [
        (status(429), [2.0]),
        (status(429, Retry_After="7"), [7.0]),
        (status(429, Retry_After="Wed, 30 Sep 2026 12:00:40 GMT"), [40.0]),
        (status(500), [2.0]),
        (status(503), [2.0]),
        (Answer(drop=True), [1.0]),
        (Answer(b"id,best" * 9, cut=20), [1.0]),
    ],
)


@PASSING
@pytest.mark.parametrize("path", ["/", "/ged/ged261-csv.zip", "/candidateged/GEDEvent_v26_0_8.csv"])
def test_fault_93_a_download_waits_for_a_trouble_that_may_pass(path, answer, waited):
    waits = Waits(AFTER_AUGUST)
    with server(once(ucdp_routes(**ALL), path, answer)) as there:
        found = fetch(there, waits=waits)
    assert waits.waited == waited
    assert found.observations == fetched().observations


@PASSING
def test_fault_93_the_api_waits_for_a_trouble_that_may_pass(token, answer, waited):
    waits = Waits(AFTER_AUGUST)
    found, _ = asked_api(once(api_routes(), "/gedevents/26.1", answer), waits=waits)
    assert waits.waited == waited
    assert found.observations == fetched().observations


def test_fault_93_a_download_that_may_not_be_asked_for_today_is_told_and_not_waited_for():
    waits = Waits(AFTER_AUGUST)
    said = refused(releases={**ALL, "ged261": status(429, Retry_After="86400")}, waits=waits)
    assert "status 429; the wait would be 86400 s more" in said
    assert waits.waited == []


def test_a_source_that_says_nothing_is_given_up():
    waits = Waits(AFTER_AUGUST)
    patience = waits.patience(read=0.1, tries=2)
    client = ucdp_downloads.downloads(cache_at())
    with server({"/": Answer(silent=True)}) as there:
        client = replace(client, base=there.base, patience=patience)
        with pytest.raises(SourceError, match="no answer in time, 2 times over"):
            ucdp(cache=cache_at(), client=client)


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_fault_98_a_download_that_is_sent_to_another_host_is_refused(code):
    with server(ucdp_routes(**ALL)) as other:
        moved = status(code, Location=f"{other.base}ged/ged261-csv.zip")
        assert "refused, nothing was asked there" in refused(releases={**ALL, "ged261": moved})
    assert other.asked == []


# ------------------------------------------------------------------------------------- the API

ROWS = {
    "26.1": FINAL, "26.01.26.06": JUNE, "26.0.7": JULY, "26.0.8": AUGUST,
}  # fmt: skip


@pytest.fixture
def token(monkeypatch):
    monkeypatch.setenv(ucdp_api.TOKEN, CANARY)


def api_routes(page=2, **changes):
    return {
        f"/gedevents/{version}": api_route(rows, page, changes.get(f"v{version.replace('.', '_')}"))
        for version, rows in ROWS.items()
    }


def asked_api(routes=None, **kwargs):
    with server(routes or api_routes()) as there:
        return fetch(there, road="api", **kwargs), there


def api_refused(routes, **kwargs):
    with pytest.raises(SourceError) as error:
        asked_api(routes, **kwargs)
    assert CANARY not in str(error.value)
    return str(error.value)


def test_both_roads_say_the_same(token):
    found, there = asked_api()
    plain = fetched()
    assert found.observations == plain.observations
    assert found.events == plain.events
    assert {a.headers["x-ucdp-access-token"] for a in there.asked} == {CANARY}
    assert any(a.query.get("page") == "1" for a in there.asked), "pages were followed"
    assert not any("page" in a.query for a in there.asked if a.query.get("pagesize") == "1")


@pytest.mark.parametrize("page", [1, 2, 3, 1000])
def test_pages_of_any_size_give_the_same(token, page):
    assert asked_api(api_routes(page))[0].observations == fetched().observations


def test_the_api_is_offline_too(token, monkeypatch):
    found, _ = asked_api()
    monkeypatch.delenv(ucdp_api.TOKEN)
    assert ucdp(road="api", offline=True, cache=cache_at()).events == found.events


def test_a_country_at_peace_is_zeros_and_not_a_misspelling(token):
    with server(api_routes()) as there:
        found = fetch(there, ["Iran"], road="api")
    assert found.events == ()
    assert {o.count for o in found.observations} == {0.0}


def test_the_api_takes_numbers(token):
    with server(api_routes()) as there:
        assert {e.id for e in fetch(there, [372], [7], road="api").events} == {4, 12, 16, 17}
        for wrong in ({"countries": ["Iceland"]}, {"dyads": ["A - B"]}):
            with pytest.raises(SourceError, match="the API takes UCDP's numbers"):
                fetch(there, **wrong, road="api")


def test_fault_92_no_token_names_where_to_get_one_and_the_other_road():
    with pytest.raises(SourceError) as error:
        ucdp(road="api", cache=cache_at())
    assert "set UCDP_ACCESS_TOKEN to a token" in str(error.value)
    assert "or take the downloads, which need none" in str(error.value)


@pytest.mark.parametrize("code", [401, 403])
def test_fault_92_a_refused_token_names_where_to_get_one_and_the_other_road(token, code):
    said = api_refused(dict.fromkeys(api_routes(), status(code)))
    assert f"status {code}; " in said
    assert "apidocs" in said
    assert "the downloads, which need none" in said


def after(pages, spoil):
    """Spoil the envelope of every full query once `pages` of its pages went well."""
    seen = []

    def change(asked, envelope):
        if "Country" in asked.query and "StartDate" not in asked.query:
            seen.append(asked)
            return spoil(asked, envelope) if len(seen) > pages else envelope
        return envelope

    return change


def test_fault_98_a_page_that_comes_twice_is_noticed(token):
    first = []

    def repeat(asked, envelope):
        first.append(envelope["Result"])
        return envelope | {"Result": first[0]}

    said = api_refused(api_routes(v26_1=after(0, repeat)))
    assert "2 different rows came of the 4 announced; a page is missing or came twice" in said


def test_fault_98_a_page_that_is_skipped_is_noticed(token):
    said = api_refused(api_routes(v26_1=after(0, lambda a, e: e | {"NextPageUrl": ""})))
    assert "2 different rows came of the 4 announced" in said


def test_fault_98_a_total_that_changes_once_begins_again(token):
    totals = iter([4, 5])
    spoil = after(0, lambda a, e: e | {"TotalCount": next(totals, 4)})
    found, there = asked_api(api_routes(v26_1=spoil))
    assert found.observations == fetched().observations
    firsts = [
        a for a in there.asked
        if a.path == "/gedevents/26.1" and "Country" in a.query and "page" not in a.query
    ]  # fmt: skip
    assert len(firsts) == 2


def test_fault_98_a_total_that_keeps_changing_is_refused(token):
    n = iter(range(4, 100))
    said = api_refused(api_routes(v26_1=after(0, lambda a, e: e | {"TotalCount": next(n)})))
    assert "the number of rows went from" in said
    assert "twice; the data is being changed" in said


def test_fault_98_links_in_a_circle_are_refused(token):
    def circle(asked, envelope):
        link = f"http://{asked.headers['Host']}{asked.path}?page=0&pagesize=2&Country=371,373"
        return envelope | {"NextPageUrl": link}

    said = api_refused(api_routes(v26_1=after(0, circle)))
    assert "the links to the next page go in a circle" in said


def test_fault_98_links_without_end_are_refused(token):
    pages = iter(range(10_000))

    def endless(asked, envelope):
        link = f"http://{asked.headers['Host']}{asked.path}?pagesize=2&Country=371,373&page="
        return envelope | {"NextPageUrl": f"{link}{next(pages)}&again={next(pages)}"}

    assert "go in a circle" in api_refused(api_routes(v26_1=after(0, endless)))


def test_fault_98_a_next_page_on_another_host_is_never_asked(token):
    with server({}) as other:
        elsewhere = after(0, lambda a, e: e | {"NextPageUrl": f"{other.base}gedevents/26.1"})
        assert "the next page is on another host" in api_refused(api_routes(v26_1=elsewhere))
    assert other.asked == []


def test_fault_98_one_id_with_two_rows_is_refused(token):
    def spoil(asked, envelope):
        first, *rest = envelope["Result"]
        return envelope | {"Result": [first, first | {"best": 99}, *rest]}

    assert "came with different rows" in api_refused(api_routes(v26_1=after(0, spoil)))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda a, e: {k: v for k, v in e.items() if k != "NextPageUrl"},
        lambda a, e: e | {"TotalCount": "4"},
        lambda a, e: e | {"Result": None},
        lambda a, e: {"message": "moved"},
        lambda a, e: [e],
    ],
)
def test_fault_100_another_envelope_is_refused(token, spoil):
    assert "not the usual envelope" in api_refused(api_routes(v26_1=after(0, spoil)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": "1"}, "a row has no id"),
        ({"best": None}, "best is ''"),
        ({"best": True}, "best is 'True'"),
        ({"best": 1.5}, "best is '1.5'"),
        ({"date_start": 45292}, "is '45292', not a day"),
        ({"country_id": 2, "country": "Elsewhere"}, "rows are of places or dyads that were not"),
        ({"extra": 1}, "its keys are not those of the rows before"),
    ],
)
def test_fault_100_a_row_of_another_kind_is_refused(token, change, said):
    def spoil(asked, envelope):
        first, *rest = envelope["Result"]
        return envelope | {"Result": [*rest, first | change]}

    assert said in api_refused(api_routes(v26_1=after(0, spoil)))


def test_fault_96_truncated_json_is_refused_and_kept_without_the_token(token):
    cut = Answer(f'{{"TotalCount": 1, "Result": [{{"token": "{CANARY}"'.encode())
    said = api_refused(dict.fromkeys(api_routes(), cut))
    assert "the JSON is cut off or damaged" in said
    kept = next((cache_at().folder / caches.REFUSED).glob("*.txt"))
    assert CANARY not in kept.read_text()
    assert "***" in kept.read_text()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (LOGIN, "a web page came where JSON was wanted"),
        (
            Answer(gzip.compress(b"{}" * 900)[:-9], headers={"Content-Encoding": "gzip"}),
            "the gzip data is cut off",
        ),
    ],
)
def test_fault_96_an_answer_of_the_api_that_is_no_json_is_refused_and_kept(token, answer, said):
    told = api_refused(dict.fromkeys(api_routes(), answer))
    assert said in told
    assert caches.REFUSED in told


def test_fault_98_the_api_sent_to_another_host_is_refused_and_the_token_not_sent(token):
    with server(api_routes()) as other:
        moved = status(302, Location=f"{other.base}gedevents/26.1")
        said = api_refused(api_routes() | {"/gedevents/26.1": moved})
        assert "refused, nothing was asked there" in said
    assert other.asked == []


def test_fault_93_the_burst_limit_is_waited_for_and_the_page_resumed(token):
    waits = Waits(AFTER_AUGUST)
    routes = api_routes()
    normal = routes["/gedevents/26.1"]
    turn = iter(range(1000))
    routes["/gedevents/26.1"] = lambda a: status(400) if next(turn) in (1, 2) else normal(a)
    found, _ = asked_api(routes, waits=waits)
    assert waits.waited == [30.0, 60.0]
    assert found.observations == fetched().observations


def test_fault_93_requests_stop_before_the_daily_quota(token, monkeypatch):
    monkeypatch.setattr(ucdp_api, "DAILY", 5)
    with server(api_routes()) as there:
        with pytest.raises(SourceError, match="5 requests were sent today"):
            fetch(there, road="api")
        assert len(there.asked) == 5
        with pytest.raises(SourceError, match="5 requests were sent today"):
            fetch(there, road="api")
        assert len(there.asked) == 5


def test_fault_94_the_newest_version_with_rows_is_chosen_through_the_api(token):
    routes = api_routes() | {"/gedevents/26.0.9": api_route([])}
    found, there = asked_api(routes, now=NOW)
    assert found.release.endswith("Candidate 26.0.8")
    assert "/gedevents/26.0.9" in there.paths()


def test_an_empty_answer_of_the_api_never_replaces_good_data(token):
    found, _ = asked_api()
    routes = api_routes(v26_0_7=after(0, lambda a, e: e | {"TotalCount": 0, "Result": []}))
    assert "0 rows came where the cache has 2" in api_refused(routes)
    assert ucdp(road="api", offline=True, cache=cache_at()).events == found.events


def test_fault_91_the_token_is_in_no_log_manifest_or_error(token, caplog):
    caplog.set_level(logging.DEBUG)
    found, _ = asked_api()
    api_refused(dict.fromkeys(api_routes(), status(401)))
    files = [p for p in cache_at().folder.rglob("*") if p.is_file()]
    assert len(files) > 8
    texts = [p.read_text(errors="replace") for p in files]
    texts += [repr(found), json.dumps(found.to_json()), caplog.text, *map(str, files)]
    assert CANARY not in "\n".join(texts)


# ------------------------------------------------------------------------------------ the result


def test_what_was_fetched_says_everything_about_itself():
    found = fetched()
    said = repr(found)
    assert said.startswith("UCDP: events 8, low 517, best 517, high 520\n")
    assert "series battle_deaths; estimate best" in said
    assert found.release in said
    assert "Sundberg, Ralph, and Erik Melander (2013)" in found.citation
    assert "Hegre, Håvard" in found.citation
    assert "CC BY 4.0" in found.attribution
    assert {o.source for o in found.observations} == {found.attribution}
    assert "&lt;" in replace(found, notes=("<script>",))._repr_html_()


def test_only_final_rows_do_not_cite_the_candidate_data():
    assert "Hegre" not in fetched(as_of="2026-06-20", releases={"ged261": FINAL}).citation


def test_totals_are_by_country_and_dyad():
    rows = fetched().totals
    assert rows[0] | {"dyad": ""} == {
        "country": "Azerbaijan", "dyad": "", "events": 6, "low": 510, "best": 510, "high": 513,
    }  # fmt: skip
    assert {r["country"] for r in rows} == {"Azerbaijan", "Armenia", "Georgia"}
    assert sum(r["best"] for r in rows) == 517


def test_the_frame_has_every_event():
    frame = fetched().frame()
    assert list(frame["id"]) == [2, 3, 5, 11, 13, 14, 15, 16]
    assert frame["start"].dtype.kind == "M"
    assert frame["final"].sum() == 3
    assert (frame["low"] <= frame["high"]).all()
    assert len(fetched(["Armenia"], first="2026-01-01").frame().columns) == frame.shape[1]


def test_counts_are_written_and_read_back(tmp_path):
    found = fetched()
    path = found.to_csv(tmp_path / "counts.csv")
    back = cf.evidence.read_counts(path)
    assert [(o.window, o.count) for o in back] == [(o.window, o.count) for o in found.observations]
    with pytest.raises(StorageError, match="exists"):
        found.to_csv(path)
    found.to_csv(path, overwrite=True)
    found.events_to_csv(tmp_path / "events.csv")
    assert len((tmp_path / "events.csv").read_text().splitlines()) == 9


def test_what_was_fetched_is_counts():
    found = fetched()
    read = cf.evidence.read_counts(found)
    assert [(o.window, o.count) for o in read] == [(o.window, o.count) for o in found.observations]


def test_cells_that_spreadsheets_run_are_quoted(tmp_path):
    odd = [ged_row(15, "2026-08-09", dyad_name="=cmd()"), *AUGUST[2:]]
    found = fetched(releases={**ALL, "v26_0_8": odd})
    assert ",'=cmd()," in found.events_to_csv(tmp_path / "events.csv").read_text()


def test_windows_are_joined_and_cut():
    a, b = Window(date(2026, 1, 1), date(2026, 1, 9)), Window(date(2026, 1, 5), date(2026, 2, 1))
    assert joined([b, a]) == (Window(date(2026, 1, 1), date(2026, 2, 1)),)
    assert within(a, [Window(date(2027, 1, 1), date(2027, 1, 2))]) is None
    assert gaps([a, b]) == []


def test_an_event_outside_what_was_looked_at_cannot_be_counted_by_accident():
    january = [Window(date(2025, 1, 1), date(2025, 1, 31))]
    far = cf.evidence.Event(FAR, 1)
    assert [o.count for o in counted([far], january, "battle_deaths", "")] == [0]
    with pytest.raises(EvidenceError):
        cf.evidence.monthly([far], january)


FAR = Window(date(2026, 1, 1), date(2026, 1, 2))


# ----------------------------------------------------------------------------------- the command


@pytest.fixture
def command(monkeypatch, capsys):
    """`fetch ucdp ...` against the local server: (exit code, standard output, standard error)."""

    def run(*arguments, routes=None):
        module = import_module("caucasus_forecast.sources.ucdp")
        monkeypatch.setattr(module, "Cache", lambda source: cache_at(NOW))
        with server(routes or ucdp_routes(**ALL)) as there:
            for module, name in ((ucdp_downloads, "DOWNLOADS"), (ucdp_api, "API")):
                monkeypatch.setattr(module, name, there.base)
            code = main(["fetch", "ucdp", *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_the_command_prints_releases_deaths_notes_and_citation(command):
    code, out, err = command("--quiet")
    assert (code, err) == (0, "")
    assert "Candidate 26.0.8" in out
    assert "2026-08-01 to 2026-08-31" in out
    assert "Government of Armenia - Government of Azerbaijan" in out
    assert "rows replaced by a later release with the same id: 1" in out
    assert "CC BY 4.0" in out
    assert "Sundberg" in out


def test_the_command_writes_counts_that_run_reads(command, tmp_path):
    counts_file, events_file = tmp_path / "counts.csv", tmp_path / "events.csv"
    code, out, _ = command("--out", counts_file, "--events", events_file)
    assert code == 0
    assert f"wrote {counts_file}" in out
    assert "source" in counts_file.read_text().splitlines()[0]
    assert sum(o.count for o in cf.evidence.read_counts(counts_file)) == 517
    code, _, err = command("--out", counts_file)
    assert (code, "exists" in err) == (2, True)
    assert command("--out", counts_file, "--overwrite")[0] == 0


def test_the_command_speaks_json(command):
    code, out, err = command("--json", "--estimate", "high", "--first", "2026-01-01")
    body = json.loads(out)
    assert (code, err) == (0, "")
    assert [r["name"] for r in body["releases"]][-1] == "Candidate 26.0.8"
    assert body["chosen"] == {"series": "battle_deaths", "estimate": "high"}
    assert body["releases"][-1]["coverage"] == ["2026-08-01", "2026-08-31"]
    assert len(body["counts"]) == 8
    assert body["citation"].startswith("UCDP GED 26.1")


def test_the_command_takes_countries_dyads_and_days(command):
    assert "A - B" in command("--dyad", "7", "-q")[1]
    out = command("--country", "Georgia", "--country", "371", "--as-of", "2026-09-20", "-q")[1]
    assert "Armenia" in out
    code, _, err = command("--country", "Gorgia", "-q")
    assert code == 2
    assert err.startswith("error: no country 'Gorgia'")


def test_the_command_goes_offline(command):
    online = command("-q")[1]
    assert command("-q", "--offline", routes={"/": "<html>"})[1] == online


def test_the_command_asks_the_api_only_with_a_token(command):
    code, _, err = command("--api", "-q")
    assert (code, "set UCDP_ACCESS_TOKEN" in err) == (2, True)


def test_the_command_tells_what_it_asks_and_not_the_token(command, token):
    code, out, err = command("--api", routes=api_routes())
    assert code == 0
    assert "UCDP: asking" in err
    assert CANARY not in out + err
