from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caucasus_forecast import evidence as tables
from caucasus_forecast import graph as graphs
from caucasus_forecast.errors import CaseError, EvidenceError
from caucasus_forecast.evidence import Evidence, Observation, Series, Window
from caucasus_forecast.graph import CausalGraph, Edge, Node
from caucasus_forecast.panel import Horizon, build, exposure, month_days

ARTICLE = date(2021, 11, 30)
TODAY = date(2026, 5, 31)
FIRST = date(2020, 1, 1)


def months(first, last):
    return np.arange(np.datetime64(first, "M"), np.datetime64(last, "M") + np.timedelta64(1, "M"))


def day(month, number, year=2021):
    return Window(date(year, month, number), date(year, month, number))


def of(panel, series):
    return panel.isel(observation=np.flatnonzero(panel.series.values == series))


def cells(panel, series):
    """Start, end and count of each cell of a series."""
    own = of(panel, series)
    ends = (own[k].values.astype("M8[D]").astype(object) for k in ("start", "end"))
    return list(zip(*ends, own["count"].values, strict=True))


def state(panel, name, month, field="status"):
    return float(panel[field].sel(state=name, month=f"{month}-01"))


@pytest.fixture(scope="module")
def article():
    return build(tables.load(), graphs.load(), ARTICLE)


@pytest.fixture(scope="module")
def today():
    return build(tables.load(), graphs.load(), TODAY)


# ----------------------------------------------------------------------------------------- exposure


SPANS = st.lists(
    st.tuples(st.dates(FIRST, date(2023, 12, 31)), st.integers(0, 500)), min_size=1, max_size=5
)


@given(SPANS)
def test_exposure_conserves_days(spans):
    windows = [Window(start, start + timedelta(length)) for start, length in spans]
    grid = months(FIRST, max(w.end for w in windows))
    days = exposure(windows, grid)
    assert days.sum(1).tolist() == [w.days for w in windows]
    assert np.all(days <= month_days(grid))
    assert np.all(np.diff((days > 0).astype(int), axis=1).clip(0).sum(1) <= 1)


@given(SPANS)
def test_days_outside_the_months_are_not_counted(spans):
    windows = [Window(start, start + timedelta(length)) for start, length in spans]
    grid = months(date(2021, 3, 1), date(2021, 5, 1))
    spring = Window(date(2021, 3, 1), date(2021, 5, 31))
    assert exposure(windows, grid).sum(1).tolist() == [w.overlap(spring) for w in windows]


def test_the_summer_of_the_article_is_one_row_of_85_days(article):
    (row,) = cells(article, "reports_azerbaijan")
    assert row == (date(2021, 6, 1), date(2021, 8, 24), 55)
    days = of(article, "reports_azerbaijan")["days"].isel(observation=0)
    shared = days[days > 0]
    assert shared.values.tolist() == [30, 31, 24]
    assert [str(m)[:7] for m in shared.month.values] == ["2021-06", "2021-07", "2021-08"]


def test_a_leap_february_has_29_days():
    assert month_days(months(date(2024, 1, 1), date(2024, 3, 1))).tolist() == [31, 29, 31]


# ------------------------------------------------------------------------------------------- counts


def deaths(*rows):
    return Evidence(
        {"deaths": Series("deaths", "tension")}, [Observation(w, "deaths", c) for w, c in rows]
    )


@given(st.sets(st.dates(FIRST, date(2022, 12, 31)), min_size=2, max_size=12), st.data())
def test_a_panel_conserves_counts_and_days(toy_graph, ends, data):
    bounds = sorted(ends)
    windows = [Window(a, b - timedelta(1)) for a, b in pairwise(bounds)]
    counts = data.draw(st.lists(st.integers(0, 9999), min_size=len(windows), max_size=len(windows)))
    panel = build(deaths(*zip(windows, counts, strict=True)), toy_graph, date(2023, 1, 31))
    assert panel["count"].values.tolist() == counts
    assert panel["days"].sum("month").values.tolist() == [w.days for w in windows]
    assert str(panel.month.values[-1])[:7] == "2023-01"


def test_a_panel_says_what_it_knows_and_as_of_when(toy_graph):
    known = deaths((day(1, 1), 3), (day(2, 1), 4))
    panel = build(known, toy_graph, date(2021, 1, 31))
    assert panel.attrs == {"as_of": "2021-01-31", "digest": known.as_of(date(2021, 1, 31)).digest}
    assert panel["count"].values.tolist() == [3]


def test_the_embedded_panel_conserves_every_count(today):
    known = tables.load().as_of(TODAY)
    for name, series in known.series.items():
        if series.mode != "status":
            rows = [o.count for o in known.observations if o.series == name]
            assert of(today, name)["count"].sum() == pytest.approx(sum(rows)), name


def test_no_day_of_a_series_is_counted_twice(today):
    for name in set(today.series.values):
        assert np.all(of(today, name)["days"].sum("observation") <= month_days(today.month.values))


# ------------------------------------------------------------------------------------------- events


def offers(*rows, coverage):
    series = {
        "deaths": Series("deaths", "tension"),
        "offers": Series("offers", "offers", "events", coverage=coverage),
    }
    seen = [Observation(w, "offers", c) for w, c in rows]
    return Evidence(series, [Observation(day(1, 1), "deaths", 0), *seen])


SPRING = Window(date(2021, 2, 10), date(2021, 4, 20))


def test_a_covered_month_without_events_is_a_zero(toy_graph):
    panel = build(offers((day(3, 5), 1), (day(3, 9), 2), coverage=(SPRING,)), toy_graph, ARTICLE)
    assert cells(panel, "offers") == [
        (date(2021, 2, 10), date(2021, 2, 28), 0),
        (date(2021, 3, 1), date(2021, 3, 31), 3),
        (date(2021, 4, 1), date(2021, 4, 20), 0),
    ]


def test_outside_the_coverage_there_is_nothing(toy_graph):
    assert cells(build(offers(coverage=()), toy_graph, ARTICLE), "offers") == []


def test_a_hole_in_the_coverage_splits_its_month(toy_graph):
    halves = (
        Window(date(2021, 3, 1), date(2021, 3, 10)),
        Window(date(2021, 3, 12), date(2021, 3, 31)),
    )
    panel = build(offers((day(3, 12), 1), coverage=halves), toy_graph, ARTICLE)
    assert [c[2] for c in cells(panel, "offers")] == [0, 1]


def test_a_total_is_carved_out_of_the_coverage(toy_graph):
    total = Window(date(2021, 2, 10), date(2021, 3, 15))
    panel = build(offers((total, 5), (day(3, 20), 1), coverage=(SPRING,)), toy_graph, ARTICLE)
    assert cells(panel, "offers") == [
        (date(2021, 2, 10), date(2021, 3, 15), 5),
        (date(2021, 3, 16), date(2021, 3, 31), 1),
        (date(2021, 4, 1), date(2021, 4, 20), 0),
    ]


@pytest.mark.parametrize(
    "rows",
    [
        [(Window(date(2021, 2, 10), date(2021, 3, 15)), 5), (day(3, 10), 1)],
        [
            (Window(date(2021, 2, 10), date(2021, 3, 15)), 5),
            (Window(date(2021, 3, 15), date(2021, 3, 16)), 1),
        ],
    ],
    ids=["inside", "across its end"],
)
def test_an_event_inside_a_total_is_refused(toy_graph, rows):
    with pytest.raises(EvidenceError, match="list the total or its parts, not both"):
        build(offers(*rows, coverage=(SPRING,)), toy_graph, ARTICLE)


def test_two_misplaced_events_do_not_make_up_for_each_other(toy_graph):
    halves = (
        Window(date(2021, 1, 1), date(2021, 3, 10)),
        Window(date(2021, 3, 11), date(2021, 3, 31)),
    )
    rows = [
        (Window(date(2021, 1, 1), date(2021, 2, 15)), 5),
        (day(2, 1), 1),
        (Window(date(2021, 3, 10), date(2021, 3, 11)), 1),
    ]
    with pytest.raises(EvidenceError, match="2021-02-01 falls inside the interval of a total"):
        build(offers(*rows, coverage=halves), toy_graph, ARTICLE)


def test_the_first_five_meetings_are_one_total(article):
    first, *later = cells(article, "working_group_meetings")
    assert first == (date(2021, 1, 30), date(2021, 5, 31), 5)
    assert [c[2] for c in later] == [0, 0, 1, 0, 1, 0]


def test_before_the_total_ends_the_meetings_are_unknown():
    panel = build(tables.load(), graphs.load(), date(2021, 3, 31))
    assert cells(panel, "working_group_meetings") == []


# ------------------------------------------------------------------------------------------- states


@pytest.mark.parametrize(
    ("month", "status", "at_risk", "changed"),
    [
        ("2018-06", -1, 0, 0),
        ("2020-10", -1, 0, 0),
        ("2020-11", 0, 0, 0),
        ("2020-12", 0, 31, 0),
        ("2024-02", 0, 29, 0),
        ("2024-06", -1, 30, 1),
        ("2024-07", -1, 0, 0),
        ("2026-05", -1, 0, 0),
    ],
)
def test_the_peacekeepers_come_and_go(today, month, status, at_risk, changed):
    assert state(today, "peacekeepers", month) == status
    assert state(today, "peacekeepers", month, "at_risk") == at_risk
    assert state(today, "peacekeepers", month, "changed") == changed


def test_a_withdrawal_is_not_known_before_it_happens(article):
    panel = build(tables.load(), graphs.load(), date(2024, 6, 11))
    assert state(panel, "peacekeepers", "2024-06") == 0
    assert state(panel, "peacekeepers", "2024-06", "at_risk") == 11
    assert state(article, "peacekeepers", "2021-11") == 0


def test_the_border_commission_ends_the_failure_of_demarcation(today, article):
    assert not article["changed"].sum()
    assert state(article, "demarcation_failure", "2021-11") == 0
    assert state(today, "demarcation_failure", "2022-05", "changed") == 1
    assert state(today, "demarcation_failure", "2022-06") == -1


def gated(talks, ceasefire):
    """The panel of five months in which a ceasefire can only be signed once talks have opened."""
    graph = CausalGraph(
        "gated",
        (Node("tension", "process"), Node("talks", "event"), Node("ceasefire", "event")),
        (Edge("tension", "talks"), Edge("talks", "ceasefire", role="gate")),
    )
    whole = (Window(date(2021, 1, 1), date(2021, 5, 31)),)
    known = deaths((day(1, 1), 3), (day(5, 31), 3))
    for name, month in (("talks", talks), ("ceasefire", ceasefire)):
        rows = [Observation(day(month, 20), name, 1.0)] if month else []
        known = known.with_series(Series(name, name, "status", coverage=whole), rows)
    return build(known, graph, date(2021, 5, 31))


@pytest.mark.parametrize(
    ("talks", "ceasefire", "days"),
    [
        (None, None, [0, 0, 0, 0, 0]),
        (2, None, [0, 0, 31, 30, 31]),
        (2, 4, [0, 0, 31, 30, 0]),
        (2, 2, [0, 28, 0, 0, 0]),
    ],
)
def test_while_a_gate_is_shut_nothing_is_at_risk(talks, ceasefire, days):
    own = gated(talks, ceasefire).sel(state="ceasefire")
    assert own["at_risk"].values.tolist() == days
    assert own["changed"].values.sum() == (ceasefire is not None)


def test_a_change_behind_a_shut_gate_is_refused():
    with pytest.raises(EvidenceError, match=r"'ceasefire' changes in 2021-02, while 'talks' does"):
        gated(3, 2)


@pytest.mark.parametrize("name", ["treaty", "accession", "corridor"])
def test_what_has_not_happened_stays_at_risk(today, name):
    own = today.sel(state=name)
    covered = Window(date(2020, 11, 10), TODAY).days
    assert not own["status"].any()
    assert not own["changed"].any()
    assert own["at_risk"].sum() == covered


def test_a_state_nobody_watched_is_never_at_risk(today):
    assert not today["at_risk"].sel(state="fsb_post").any()


def test_each_state_changes_at_most_once_and_only_while_at_risk(today):
    assert np.all(today["changed"].sum("month") <= 1)
    assert np.all(today["at_risk"].values[today["changed"].values == 1] > 0)


# ----------------------------------------------------------------------------------------- refusals


def with_series(series, *rows):
    return Evidence(
        {"deaths": Series("deaths", "tension"), series.name: series},
        [Observation(day(1, 1), "deaths", 0), *rows],
    )


REFUSED = {
    "unknown node": (Series("s", "tensoin"), "does not have; did you mean 'tension'"),
    "counts of an index": (Series("s", "gap"), "of kind index; a counts series can inform: count"),
    "status of a count": (Series("s", "offers", "status"), "can inform: event"),
    "share of an event": (Series("s", "treaty", "share"), "can inform: share"),
    "events of a share": (Series("s", "view", "events"), "can inform: count, process"),
}


@pytest.mark.parametrize(("series", "told"), REFUSED.values(), ids=REFUSED)
def test_a_series_that_does_not_fit_its_node_is_refused(toy_graph, series, told):
    series = replace(series, coverage=(SPRING,))
    with pytest.raises(EvidenceError) as caught:
        build(with_series(series), toy_graph, ARTICLE)
    assert "series 's'" in str(caught.value)
    assert told in str(caught.value)


def test_two_status_series_of_one_node_are_refused(toy_graph):
    both = {n: Series(n, "treaty", "status", coverage=(SPRING,)) for n in ("a", "b")}
    known = Evidence({"d": Series("d", "tension"), **both}, [Observation(day(1, 1), "d", 0)])
    with pytest.raises(EvidenceError, match="two status series, 'a' and 'b'; keep one"):
        build(known, toy_graph, ARTICLE)


@pytest.mark.parametrize("known", [Evidence({}, ()), deaths((day(12, 1), 1))])
def test_a_panel_without_tension_is_refused(toy_graph, known):
    with pytest.raises(EvidenceError, match="no observation of tension ends by 2021-11-30"):
        build(known, toy_graph, ARTICLE)


# ------------------------------------------------------------------------------------------ horizon


@given(st.dates(date(1990, 1, 1), date(2090, 12, 31)), st.integers(1, 60))
def test_a_horizon_is_the_whole_months_after_its_origin(origin, length):
    horizon = Horizon(origin, length)
    assert len(horizon.months) == len(horizon.days) == length
    assert horizon.months[0] == np.datetime64(origin, "M") + np.timedelta64(1, "M")
    span = (horizon.months[-1] + np.timedelta64(1, "M")).astype("M8[D]") - horizon.months[0]
    assert horizon.days.sum() == span.astype(int)


@pytest.mark.parametrize("length", [0, -1, 2.5, "12", True, None])
def test_a_horizon_without_a_month_is_refused(length):
    with pytest.raises(CaseError, match="give a whole number of months, 1 or more"):
        Horizon(ARTICLE, length)


def test_a_total_that_cannot_be_divided_is_refused():
    rows = (
        Observation(Window(date(2020, 1, 1), date(2020, 12, 31)), "battle_deaths", 400_000.0),
        Observation(Window(date(2021, 1, 1), date(2021, 1, 31)), "battle_deaths", 400_000.0),
    )
    found = Evidence({"battle_deaths": Series("battle_deaths", "tension", "counts")}, rows)
    with pytest.raises(EvidenceError, match="400,000 over 12 months, and at most 83,333 can be"):
        build(found, graphs.load(), date(2021, 1, 31))
