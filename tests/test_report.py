"""The page: whole, closed to the network, escaped, and honest about a failed fit."""

import re
from itertools import pairwise

import pytest
import xarray as xr
from pages import Page

from caucasus_forecast import names, plots, report
from caucasus_forecast.forecasting import Forecast
from caucasus_forecast.links import PRIOR_LED, link_summary

SVG = dict.fromkeys(plots.PICTURES, b"<svg/>")


@pytest.fixture(scope="module")
def whole(altered):
    return report.page(altered())


@pytest.fixture(scope="module")
def parsed(whole):
    return Page(whole)


def test_it_loads_nothing_and_runs_nothing(whole, parsed):
    assert parsed.live == []
    assert "@import" not in whole
    assert parsed.policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_it_is_small_enough_to_send(whole):
    assert len(whole.encode()) < 2_000_000


def test_headings_are_in_order_and_links_lead_somewhere(parsed):
    levels = [int(tag[1]) for tag, _ in parsed.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    ids = [attrs["id"] for _, attrs in parsed.tags if attrs.get("id")]
    assert {a["href"][1:] for a in parsed.all("a")} <= set(ids)
    assert len(ids) == len(set(ids))


def test_every_picture_says_what_it_shows(parsed):
    assert len(parsed.all("img")) == len(plots.PICTURES)
    assert all(len(img["alt"]) > 40 for img in parsed.all("img"))


def test_it_carries_the_numbers_and_where_they_come_from(altered, parsed):
    forecast = altered()
    for row in (*forecast.scenarios.rows, *forecast.questions.rows):
        assert all(cell in parsed.words for cell in row)
    for key in ("data_digest", "prior_digest", "graph_digest", "prior_set", "model", "seed"):
        assert str(forecast.tree.attrs[key]) in parsed.words
    assert "not the library’s opinion" in parsed.words
    assert "CC BY 4.0" in parsed.words
    assert "100 or more deaths" in parsed.words  # the rules, in words
    assert "7,997" in parsed.words  # the deaths the model saw


def test_it_counts_the_prior_led_links(altered, parsed):
    led = link_summary(altered().tree)["prior_led"] > PRIOR_LED
    assert f"{int(led.sum())} of {led.size} links are prior-led" in parsed.words


def test_a_failed_fit_is_said_first_and_in_red(altered):
    page = Page(report.page(altered(passed=False), SVG))
    assert [d["class"] for d in page.all("div") if d.get("role") == "alert"] == ["failed"]
    assert page.words.index("CHECKS FAILED") < page.words.index("As of 30 November 2021")
    assert "Remedy: Run more draws" in page.words


def test_a_good_fit_carries_no_banner(parsed):
    assert "CHECKS FAILED" not in parsed.words
    assert "All checks passed." in parsed.words


def test_a_missing_picture_is_said_to_be_missing(altered):
    page = Page(report.page(altered(), {k: v for k, v in SVG.items() if k != "history"}))
    assert len(page.all("img")) == len(SVG) - 1
    assert "This picture could not be drawn" in page.words


def test_a_model_without_links_has_no_graph(altered):
    tree = altered().tree
    for group in (names.POSTERIOR, names.PRIOR, names.LOG_PRIOR):
        tree[group] = xr.DataTree(tree[group].to_dataset().drop_vars("slope"))
    words = Page(report.page(Forecast(tree), SVG)).words
    assert "This model has no links" in words
    assert "This model has no causal graph" in words


def test_another_version_of_the_graph_is_not_drawn(altered):
    words = Page(report.page(altered(graph_digest="0" * 64), SVG)).words
    assert "the graph of another version" in words


def test_the_headline_names_the_likeliest(altered):
    forecast = altered()
    table = forecast.tree[names.SCENARIOS].to_dataset()
    likeliest = str(table["title"][table["probability"].to_numpy().argmax()].item())
    assert f"is “{likeliest}”: " in report.headline(forecast)
