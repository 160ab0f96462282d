"""The outcomes written down are those of the rules; a forecast knows what its day knew."""

import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from caucasus_forecast import evidence, scenarios
from caucasus_forecast.names import DEATHS

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
import causal_value as cv

RESOLVED = cv.resolutions()
IDS = [row.origin for row in RESOLVED]


def test_every_year_is_resolved_once():
    assert tuple(date.fromisoformat(row.origin) for row in RESOLVED) == cv.YEARS
    assert {row.scenarios for row in RESOLVED} == {cv.PARTITION}


@pytest.mark.parametrize("row", RESOLVED, ids=IDS)
def test_a_resolution_is_what_the_rules_say(row):
    origin = date.fromisoformat(row.origin)
    assert row.states == cv.happened(origin)
    assert row.settled == ("yes" if cv.settled(origin) else "no")
    assert date.fromisoformat(row.end) == origin.replace(year=origin.year + 1)


@pytest.mark.parametrize("row", RESOLVED, ids=IDS)
def test_a_resolution_names_its_rows_and_sources(row):
    known = {o.id: o for o in evidence.table()}
    assert row.reason
    assert row.source
    for name in row.rows.split(";"):
        assert known[name].source


def test_a_month_is_known_when_a_row_covers_it_and_no_more():
    known = cv.whole_months(DEATHS, cv.embedded().observations)
    assert known[np.datetime64("2020-05")] == 0  # inside a total of zero over three months
    assert known[np.datetime64("2022-09")] == 294
    unknown = {np.datetime64(m) for m in ("2020-09", "2020-10", "2020-11", "2024-02")}
    assert unknown.isdisjoint(known)


@pytest.mark.parametrize(
    ("year", "worst"), [(2021, 294.0), (2022, 434.0), (2023, 4.0), (2024, 4.0)]
)
def test_the_worst_month_is_known_to_its_class(year, worst):
    assert cv.worst_month(date(year, 11, 30)) == worst


def test_deaths_alone_are_alone():
    known = cv.Task(date(2022, 8, 31), known="deaths alone").evidence()
    assert set(known.series) == {DEATHS}
    assert max(o.window.end for o in known.observations) == date(2022, 8, 31)


def test_the_record_knows_only_years_that_had_ended():
    outcomes = {y: cv.happened(y) for y in cv.YEARS}
    states = [s.id for s in scenarios.load(cv.PARTITION).scenarios]
    table = cv.records(cv.YEARS, outcomes, len(states))
    assert np.allclose(table.sum(-1), 1.0)
    assert np.allclose(table[0], 1 / 8)
    assert table[2, states.index("S1")] == pytest.approx(2 / 10)
    assert table[4, states.index("S4")] == pytest.approx(2 / 12)


def test_states_that_cannot_be_told_apart_are_one():
    assert cv.joined([("a",), ("b", "c")], ["a", "b", "c"]) == [("a",), ("b", "c")]
    probability = np.array([[0.5, 0.25, 0.25]])
    found = cv.score_partition(probability, [("b", "c")], ["a", "b", "c"])
    assert found["log"].tolist() == [1.0]
    assert found["brier"].tolist() == [0.5]


def test_the_bootstrap_of_the_cases_is_exact():
    assert cv.resampled(np.array([0.0, 2.0])) == (0.0, 2.0)
    assert cv.resampled(np.full(5, 0.3)) == pytest.approx((0.3, 0.3))


def test_finished_fits_survive_an_interruption(tmp_path):
    path = tmp_path / "fits.part"
    cv.Shelf(path, {"draws": 1}).add("one", {"x": 1})
    with path.open("a", encoding="utf-8") as file:
        file.write('{"two": {"x"')
    assert cv.Shelf(path, {"draws": 1}).done == {"one": {"x": 1}}
    assert cv.Shelf(path, {"draws": 2}).done == {}
