"""The probability of each scenario, and how it builds up."""

from __future__ import annotations

import textwrap

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from .. import names
from ..forecasting import Forecast
from ..scenarios import percent
from .style import (
    BLUE,
    CYCLE,
    GREY,
    INK,
    PALE,
    cut,
    frame,
    month_words,
    new_figure,
    picture,
)

Array = np.ndarray


@picture
def scenarios(forecast: Forecast) -> Figure:
    """Draw the probability of each scenario at the horizon, and by month.

    Bars are probabilities, whiskers the 90 % interval over parameter draws, and hollow diamonds
    what the priors alone say.
    """
    data = forecast.tree[names.SCENARIOS].to_dataset()
    count = data.sizes[names.SCENARIO]
    colours = _colours(data)
    figure = new_figure(10.5, max(3.4, 1.75 + 0.4 * count))
    left, right = figure.subplots(1, 2, width_ratios=(1.75, 1))
    _bars(left, data, colours)
    _months(right, data, colours)
    key: list[Artist] = [
        Patch(color=BLUE, alpha=0.55, lw=0, label="probability"),
        Line2D([], [], color=INK, lw=1.4, marker="|", ms=7, label="90 % interval over the draws"),
        Line2D([], [], color=INK, marker="D", mfc="white", ls="none", label="the priors alone"),
    ]
    frame(figure, forecast, key)
    return figure


def _colours(data: xr.Dataset) -> list[str]:
    """Give the likeliest scenarios a colour of their own, the others grey."""
    peak = data["by_month"].max(names.MONTH).to_numpy()
    strongest = [i for i in np.argsort(-peak, kind="stable")[: len(CYCLE)] if peak[i] >= 0.1]
    return [CYCLE[strongest.index(i)] if i in strongest else GREY for i in range(len(peak))]


def _bars(axes: Axes, data: xr.Dataset, colours: list[str]) -> None:
    p, low, high = (data[k].to_numpy() for k in ("probability", "lower", "upper"))
    rows = np.arange(len(p))
    axes.barh(rows, p, height=0.58, color=colours, alpha=0.55, linewidth=0)
    axes.hlines(rows, low, high, color=INK, linewidth=1.4)
    for edge in (low, high):
        axes.vlines(edge, rows - 0.13, rows + 0.13, color=INK, linewidth=1.4)
    if "prior_probability" in data:
        axes.plot(
            data["prior_probability"], rows, "D", ms=6.5, mfc="white", mec=INK, mew=1.2, zorder=3,
            linestyle="none",
        )  # fmt: skip
    reach = max(float(np.max(high)), float(np.max(p)), 0.05)
    for row, (value, error) in enumerate(zip(p, data["mcse"].to_numpy(), strict=True)):
        words = percent(float(value), float(error))
        axes.text(reach * 1.2, row, words, ha="right", va="center", weight="bold")
    axes.set_yticks(rows, [_name(data, int(i)) for i in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, reach * 1.22)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.grid(axis="x", color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    end = month_words(data[names.MONTH].to_numpy()[-1])
    axes.set_title(f"Where it stands at the end of {end}")
    axes.set_xlabel("probability")


def _name(data: xr.Dataset, row: int) -> str:
    ident = str(data[names.SCENARIO].to_numpy()[row])
    words = f"{cut(ident, 12)}  {data['title'].to_numpy()[row]}"
    return "\n".join(textwrap.wrap(words, 32, max_lines=2, placeholder=" …"))


def _months(axes: Axes, data: xr.Dataset, colours: list[str]) -> None:
    months = data[names.MONTH].to_numpy()
    at = np.arange(1, len(months) + 1)
    curves = data["by_month"].to_numpy()
    for curve, colour in zip(curves, colours, strict=True):
        grey = colour == GREY
        axes.plot(
            at, curve, color=PALE if grey else colour, linewidth=1.2 if grey else 2.2,
            marker="o", ms=0 if len(at) > 1 else 5, zorder=1 if grey else 2,
        )  # fmt: skip
    top = max(float(curves.max()), 0.05)
    shown = [i for i, c in enumerate(colours) if c != GREY]
    heights = _apart(curves[shown, -1], 0.062 * top)
    for i, y in zip(shown, heights, strict=True):
        ident = cut(str(data[names.SCENARIO].to_numpy()[i]), 12)
        x = at[-1] + 0.02 * len(at)
        axes.text(x, y, f" {ident}", color=colours[i], va="center", weight="bold")
    axes.set_xlim(1 - 0.02 * len(at), at[-1] * 1.02 + 0.01)
    axes.set_ylim(0, top * 1.08)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    ticks = sorted({1, *(int(x) for x in at if x % max(1, round(len(at) / 4)) == 0)})
    axes.set_xticks(ticks)
    axes.grid(axis="y", color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_title("If the horizon were sooner")
    axes.set_xlabel("months ahead")


def _apart(values: Array, gap: float) -> Array:
    """Move label heights apart until none are closer than `gap`, keeping their order.

    Examples
    --------
    >>> _apart(np.array([0.5, 0.5]), 0.1).round(2).tolist()
    [0.45, 0.55]
    """
    order = np.argsort(values, kind="stable")
    placed = np.asarray(values, float)[order]
    for _ in range(100):
        close = gap - np.diff(placed)
        if not (close > 1e-9).any():
            break
        push = np.clip(close, 0, None) / 2
        placed[:-1] -= push
        placed[1:] += push
    out = np.empty_like(placed)
    out[order] = placed
    return out
