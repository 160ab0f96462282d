"""Pictures: what they show is what the forecast says, and they say when it must not be trusted."""

import re

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.text import Text

from caucasus_forecast import names, plots
from caucasus_forecast.forecasting import Forecast
from caucasus_forecast.links import PRIOR_LED, link_summary
from caucasus_forecast.plots import outcomes

DRAWN = sorted(plots.PICTURES)


def words(figure):
    return [t.get_text() for t in figure.findobj(Text) if t.get_text()]


def without_links(forecast):
    tree = forecast.tree.copy(deep=True)
    for group in (names.POSTERIOR, names.PRIOR, names.LOG_PRIOR):
        kept = tree[group].to_dataset().drop_vars("slope").drop_dims(names.EDGE, errors="ignore")
        tree[group] = xr.DataTree(kept)
    return Forecast(tree)


@pytest.mark.parametrize("name", DRAWN)
def test_every_picture_is_a_figure_of_its_own(altered, name):
    figure = plots.PICTURES[name](altered())
    assert isinstance(figure, Figure)
    assert figure.canvas.manager is None  # no window, no pyplot state
    assert plots.render(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_forecast_gives_the_same_bytes(altered, name):
    forecast = altered()
    first, second = (plots.render(plots.PICTURES[name](forecast), "svg") for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", DRAWN)
def test_failed_checks_are_said_on_every_picture(altered, name):
    banner = "CHECKS FAILED: do not rely on this forecast"
    assert banner in words(plots.PICTURES[name](altered(passed=False)))
    assert banner not in words(plots.PICTURES[name](altered()))


@pytest.mark.parametrize("name", DRAWN)
def test_words_from_data_are_not_read_as_mathematics(altered, name):
    title = "What $follows_{x}$ from 50 % of ${} 和平"
    figure = plots.PICTURES[name](altered(title=title, prior_set="my $\\alpha$"))
    assert title in words(figure)
    assert any("my $\\alpha$" in w for w in words(figure))
    assert not any(t.get_parse_math() for t in figure.findobj(Text) if "$" in t.get_text())
    plots.render(figure)  # a script without glyphs is no warning, and no error


def test_bars_and_diamonds_are_the_probabilities(altered):
    forecast = altered()
    data = forecast.tree[names.SCENARIOS].to_dataset()
    bars = plots.scenarios(forecast).axes[0]
    assert [p.get_width() for p in bars.patches] == pytest.approx(data["probability"].to_numpy())
    diamonds = next(line for line in bars.lines if line.get_marker() == "D")
    assert diamonds.get_xdata() == pytest.approx(data["prior_probability"].to_numpy())
    labels = [t.get_text() for t in bars.get_yticklabels()]
    assert [re.split(r"\s", label)[0] for label in labels] == list(data[names.SCENARIO].to_numpy())


def test_curves_by_month_end_where_the_bars_are(altered):
    forecast = altered()
    data = forecast.tree[names.SCENARIOS].to_dataset()
    curves = plots.scenarios(forecast).axes[1].lines
    assert [c.get_ydata()[-1] for c in curves] == pytest.approx(data["probability"].to_numpy())


def test_the_origin_divides_past_from_future(altered):
    figure = plots.history(altered())
    for panel in figure.axes:
        dashed = [line for line in panel.lines if line.get_linestyle() == "--"]
        assert [np.datetime64(line.get_xdata()[0], "D") for line in dashed] == [
            np.datetime64("2021-12-01")
        ]
    assert [p.get_ylabel().split("\n")[0] for p in figure.axes] == [
        "standard deviations",
        "deaths a month",
        "reports a month",
    ]


def test_an_interval_is_drawn_at_its_monthly_rate(altered):
    reports = plots.history(altered()).axes[2]
    dots = next(line for line in reports.lines if line.get_marker() == "o")
    assert dots.get_ydata() == pytest.approx([55 / 85 * names.DAYS_PER_MONTH])
    assert "55 in 85 days" in [t.get_text() for t in reports.texts]


def test_links_are_counted_and_marked(altered):
    forecast = altered()
    data = link_summary(forecast.tree)
    led = int((data["prior_led"] > PRIOR_LED).sum())
    axes = plots.links(forecast).axes[0]
    assert axes.get_title(loc="left").startswith(f"{led} of {data.sizes[names.EDGE]} links")
    assert len(axes.get_yticklabels()) == data.sizes[names.EDGE]
    filled, hollow = (line for line in axes.lines if line.get_marker() == "o")
    assert len(filled.get_xdata()) + len(hollow.get_xdata()) == data.sizes[names.EDGE]


def test_a_model_without_links_says_so(altered):
    assert any("no links" in w for w in words(plots.links(without_links(altered()))))


def test_labels_are_pushed_apart_in_order():
    placed = outcomes._apart(np.array([0.3, 0.1, 0.3, 0.9]), 0.1)
    assert np.diff(np.sort(placed)).min() >= 0.1 - 1e-6
    assert placed[1] < placed[0] < placed[2] < placed[3]


def test_a_picture_that_fails_is_named_and_the_rest_are_drawn(altered, monkeypatch):
    def broken(forecast):
        raise ZeroDivisionError("no axis")

    monkeypatch.setitem(plots.PICTURES, "history", broken)
    drawn, faults = plots.files(altered())
    assert faults == {"history": "ZeroDivisionError: no axis"}
    assert sorted(drawn) == ["links.png", "links.svg", "scenarios.png", "scenarios.svg"]


def test_a_series_never_observed_still_has_its_fan(altered):
    forecast = altered()
    observed = forecast.tree[names.OBSERVED_DATA].to_dataset()
    seen = observed["node"].to_numpy() != "reports_azerbaijan"
    kept = observed.isel({names.OBSERVATION: np.flatnonzero(seen)})
    tree = forecast.tree.copy(deep=True)
    tree[names.OBSERVED_DATA] = xr.DataTree(kept)
    assert isinstance(plots.history(Forecast(tree)), Figure)


def test_effects_show_every_scenario_with_and_without(altered):
    forecast = altered()
    done = forecast.do(corridor="open")
    figure = plots.effects(done, done.effects)
    axes = figure.axes[0]
    dots = next(line.get_xdata() for line in axes.lines if line.get_marker() == "o")
    np.testing.assert_array_equal(dots, done.effects.data["before"])
    assert len(axes.get_yticks()) == 8
