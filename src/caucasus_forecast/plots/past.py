"""Past and future of tension and counts in one picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter

from .. import names, reweighting
from ..forecasting import Forecast
from .style import (
    BLUE,
    GREY,
    INK,
    ONE_DAY,
    ONE_MONTH,
    PALE,
    REPORTS,
    VERMILION,
    frame,
    new_figure,
    picture,
)

Array = np.ndarray


@dataclass(frozen=True)
class _Span:
    """Months to draw, and the day that divides past from future."""

    first: np.datetime64
    origin: np.datetime64
    last: np.datetime64


@picture
def history(forecast: Forecast) -> Figure:
    """Draw tension, deaths and reports of fire: what was seen, and what is simulated.

    Bands hold the middle 50 % and 90 % of the draws before the origin, and of the simulated futures
    after it. The last three years or more are drawn; the saved forecast holds every month.
    """
    tree = forecast.tree
    future = tree[names.PREDICTIONS].to_dataset()
    span = _span(tree)
    reports = REPORTS in future[names.NODE].to_numpy()
    figure = new_figure(10.5, 7.6 if reports else 5.8)
    panels = figure.subplots(
        3 if reports else 2, 1, sharex=True, height_ratios=(1.25, 1.1, 0.8)[: 3 if reports else 2]
    )
    _tension(panels[0], tree, span)
    _counts(panels[1], tree, future[names.DEATHS], names.TENSION, span)
    panels[1].set(title="Battle deaths", ylabel="deaths a month\n(log scale)")
    if reports:
        fan = future["count"].sel({names.NODE: REPORTS})
        _counts(panels[2], tree, fan, REPORTS, span)
        title = "Exchanges of fire reported by the Azerbaijani Ministry of Defence"
        panels[2].set(title=title, ylabel="reports a month\n(log scale)")
    for axes in panels:
        axes.axvline(span.origin, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.grid(axis="y", color=PALE, linewidth=0.6)
        axes.set_axisbelow(True)
    panels[0].set_xlim(span.first, span.last)
    locator = mdates.AutoDateLocator(minticks=4, maxticks=9)
    panels[-1].xaxis.set_major_locator(locator)
    panels[-1].xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))
    figure.align_ylabels(panels)
    frame(figure, forecast, [
        Line2D([], [], color=BLUE, marker="o", ms=4, lw=1.6, label="counted"),
        Line2D([], [], color=INK, lw=1.8, label="median"),
        Patch(color=INK, alpha=0.40, lw=0, label="middle 50 %"),
        Patch(color=INK, alpha=0.17, lw=0, label="middle 90 %"),
    ])  # fmt: skip
    return figure


def _span(tree: xr.DataTree) -> _Span:
    future = tree[names.PREDICTIONS][names.MONTH].to_numpy().astype("datetime64[M]")
    past = tree[names.SMOOTHED][names.MONTH].to_numpy().astype("datetime64[M]")
    kept = min(len(past), max(36, 4 * len(future)))
    day = "datetime64[D]"
    first, origin, last = past[-kept], future[0], future[-1] + ONE_MONTH
    return _Span(first.astype(day), origin.astype(day), last.astype(day))


def _quantiles(tree: xr.DataTree, values: xr.DataArray) -> Array:
    """5, 25, 50, 75 and 95 % points over everything but the month, shape (5, months)."""
    over = [d for d in values.dims if d != names.MONTH]
    half = (1 - names.INTERVAL_MASS) / 2
    counted = reweighting.weighted(tree, values)
    points = counted.quantile([half, 0.25, 0.5, 0.75, 1 - half], dim=over)
    return points.transpose("quantile", names.MONTH).to_numpy()


def _fan(axes: Axes, months: Array, points: Array, colour: str) -> None:
    """Draw bands and median as steps, each as wide as its month."""
    at = months.astype("datetime64[M]").astype("datetime64[D]")
    edges = np.append(at, (months[-1].astype("datetime64[M]") + ONE_MONTH).astype("datetime64[D]"))
    low, lower, middle, upper, high = (np.append(x, x[-1]) for x in points)
    axes.fill_between(edges, low, high, step="post", color=colour, alpha=0.17, linewidth=0)
    axes.fill_between(edges, lower, upper, step="post", color=colour, alpha=0.30, linewidth=0)
    axes.step(edges, middle, where="post", color=colour, linewidth=1.8)


def _tension(axes: Axes, tree: xr.DataTree, span: _Span) -> None:
    past, future = (
        tree[group].to_dataset()[names.TENSION] for group in (names.SMOOTHED, names.PREDICTIONS)
    )
    seen, ahead = _quantiles(tree, past), _quantiles(tree, future)
    _fan(axes, past[names.MONTH].to_numpy(), seen, BLUE)
    _fan(axes, future[names.MONTH].to_numpy(), ahead, VERMILION)
    axes.axhline(0, color=GREY, linewidth=0.7)
    axes.set_ylabel("standard deviations")
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, -1.0), max(high, 1.2))
    if not np.ptp(np.hstack([seen, ahead])):
        axes.text(0.02, 0.85, "this model carries no tension", transform=axes.transAxes)
    axes.set_title("Tension", pad=16)
    for words, shift, side, colour in (
        ("inferred from the evidence", -5, "right", BLUE),
        ("simulated", 5, "left", VERMILION),
    ):
        axes.annotate(
            words, (span.origin, 1), (shift, 3), xycoords=("data", "axes fraction"), ha=side,
            textcoords="offset points", va="bottom", color=colour,
        )  # fmt: skip
    _in_deaths(axes, tree)


def _in_deaths(axes: Axes, tree: xr.DataTree) -> None:
    """Say on the right what average tension and one standard deviation more are in deaths."""
    units = tree[names.CONSTANT_DATA].attrs
    known = {0.0: "deaths_at_average_tension", 1.0: "deaths_at_one_sd"}
    if not all(key in units for key in known.values()):
        return
    right = axes.secondary_yaxis("right")
    right.set_yticks(
        list(known), [f"{words}:\n{float(units[k]):.0f} deaths\na month" for words, k in
                      zip(("average", "+1 sd"), known.values(), strict=True)],
        fontsize=8, color=GREY,
    )  # fmt: skip
    right.tick_params(length=3, color=GREY)
    right.spines["right"].set_visible(False)


def _counts(axes: Axes, tree: xr.DataTree, ahead: xr.DataArray, node: str, span: _Span) -> None:
    points = _quantiles(tree, ahead)
    axes.set_yscale("function", functions=(_log1p, _expm1))
    _stems(axes, tree[names.OBSERVED_DATA].to_dataset(), node, span)
    _fan(axes, ahead[names.MONTH].to_numpy(), points, VERMILION)
    drawn = [float(y) for line in axes.lines for y in np.asarray(line.get_ydata(), float)]
    top = max(float(points.max()), *drawn, 9.0)
    axes.set_ylim(0, np.expm1(np.log1p(top) * 1.08))
    decades = [0, 1, *(10.0**k for k in range(1, 9))]
    axes.yaxis.set_major_locator(FixedLocator([x for x in decades if x <= top * 1.3]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.yaxis.set_minor_locator(FixedLocator([]))


def _log1p(x: Any) -> Any:
    return np.log1p(np.maximum(x, 0))


def _expm1(x: Any) -> Any:
    return np.expm1(x)


def _stems(axes: Axes, observed: xr.Dataset, node: str, span: _Span) -> None:
    """Draw each observation as its monthly rate over its own days; an unseen day stays empty."""
    mine = observed.isel({names.OBSERVATION: np.flatnonzero(observed["node"].to_numpy() == node)})
    start = mine["start"].to_numpy().astype("datetime64[D]")
    end = mine["end"].to_numpy().astype("datetime64[D]") + ONE_DAY
    shown = end > span.first
    start, end = np.maximum(start[shown], span.first), end[shown]
    days = (end - start).astype(float)
    rate = mine["count"].to_numpy()[shown] / days * names.DAYS_PER_MONTH
    middle = start + (end - start) // 2
    axes.vlines(middle, 0, rate, color=BLUE, linewidth=1.1, alpha=0.75)
    axes.hlines(rate, start, end, color=BLUE, linewidth=1.6)
    axes.plot(middle, rate, "o", ms=3.4, color=BLUE, clip_on=False, zorder=3)
    for x, y, n, length in zip(middle, rate, mine["count"].to_numpy()[shown], days, strict=True):
        if length > 35 and n > 0:
            axes.annotate(
                f"{n:,.0f} in {length:.0f} days", (x, y), (0, 5), textcoords="offset points",
                ha="center", fontsize=8, color=BLUE,
            )  # fmt: skip
