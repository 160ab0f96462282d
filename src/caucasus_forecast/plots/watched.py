"""What to watch, and why it is wide."""

from __future__ import annotations

import textwrap

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from .. import names
from ..forecasting import Forecast
from ..scenarios import Table, percent
from ..signposts import SHOWN, leading
from .style import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PALE,
    PURPLE,
    VERMILION,
    cut,
    frame,
    new_figure,
    nothing,
    picture,
)

Array = np.ndarray


def signposts(forecast: Forecast, table: Table) -> Figure:
    """Draw where each signpost would move its scenario, and what it is expected to tell.

    Hollow dots are the probabilities now, full ones those once the thing is seen, with two Monte
    Carlo errors either side. `table` is that of `Forecast.signposts`.
    """
    return picture(lambda it: _signposts(it, table))(forecast)


def _signposts(forecast: Forecast, table: Table) -> Figure:
    told = leading(table.data)
    told = told.isel(outcome=np.flatnonzero(told["scenario"] != "")[:SHOWN])
    at = np.arange(told.sizes["outcome"])
    if not len(at):
        return nothing("No observable tells more than noise.")
    figure = new_figure(10.5, 1.9 + 0.36 * len(at))
    left, right = figure.subplots(1, 2, width_ratios=(2.6, 1), sharey=True)
    now, then = (told[f"{k}_probability"].to_numpy() for k in ("now", "then"))
    error = 2 * np.where(told["by_rule"], 0.0, told["then_mcse"])
    colours = np.where(then > now, VERMILION, BLUE)
    left.hlines(at, now, then, color=colours, linewidth=2, alpha=0.5)
    left.errorbar(then, at, xerr=error, fmt="none", ecolor=INK, elinewidth=1.2)
    left.plot(now, at, "o", mfc="white", mec=INK, ms=6)
    left.scatter(then, at, c=colours, s=44, zorder=3)
    ends = np.maximum(now, then + error)
    for y, v, end in zip(at, told["scenario"].to_numpy(), ends, strict=True):
        left.annotate(str(v), (end, y), (8, 0), textcoords="offset points", va="center")
    left.set_yticks(at, [_watched(told.isel(outcome=int(i))) for i in at])
    left.set_ylim(len(at) - 0.5, -0.5)
    left.set_xlim(0, 1.08)
    left.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    left.set_title("What would move which scenario")
    left.set_xlabel("probability of the scenario")
    bits, unsure = told["bits"].to_numpy(), told["bits_mcse"].to_numpy()
    right.barh(at, bits, height=0.55, color=PALE, xerr=unsure, ecolor=INK)
    right.set_xlim(0, None)
    right.set_title("What is learned")
    right.set_xlabel(f"bits, of {table.data.attrs['entropy']:.2f} unknown")
    for axes in (left, right):
        axes.grid(axis="x", color=PALE, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
    frame(figure, forecast, [
        Line2D([], [], color=INK, marker="o", mfc="white", ls="none", label="now"),
        Line2D([], [], color=VERMILION, marker="o", ls="none", label="once it is seen: up"),
        Line2D([], [], color=BLUE, marker="o", ls="none", label="down"),
    ])  # fmt: skip
    return figure


def _watched(told: xr.Dataset) -> str:
    """What is watched for, by when, and how likely that is."""
    chance = percent(float(told["chance"]), float(told["chance_mcse"]))
    rule = ", by rule" if bool(told["by_rule"]) else ""
    months = int(told["within"])
    when = f"within {months} month{'s' * (months > 1)}, {chance}{rule}"
    return f"{cut(str(told['words'].item()), 48)}\n{when}"


def spread(forecast: Forecast, table: Table) -> Figure:
    """Draw how the variance of each answer is divided among the kinds of not knowing.

    `table` is that of `Forecast.spread`. Parts that were not computed are not drawn.
    """
    return picture(lambda it: _spread(it, table))(forecast)


def _spread(forecast: Forecast, table: Table) -> Figure:
    data = table.data
    asked = [str(q) for q in data[names.QUESTION].to_numpy()]
    computed = data["variance"].notnull().any(names.QUESTION)
    parts = [str(p) for p in data["part"].to_numpy()[computed.to_numpy()]]
    colours = dict(zip(data["part"].to_numpy(), (BLUE, ORANGE, PALE, GREEN, PURPLE), strict=True))
    at, begun = np.arange(len(asked)), np.zeros(len(asked))
    figure = new_figure(10.5, 1.9 + 0.5 * len(asked))
    axes = figure.subplots()
    for part in parts:
        one = data.sel(part=part)
        share = one["share"].fillna(0.0).clip(0.0).to_numpy()
        axes.barh(at, share, left=begun, height=0.6, color=colours[part], edgecolor="white")
        ink = "white" if colours[part] == BLUE else INK
        for y, x, width, error in zip(at, begun, share, one["share_mcse"].to_numpy(), strict=True):
            if width >= 0.035:
                words = f"{100 * width:.0f}±{100 * error:.{int(error < 0.005)}f}"
                axes.text(x + width / 2, float(y), words, ha="center", va="center", color=ink,
                          size=8.5)  # fmt: skip
        begun = begun + share
    axes.set_yticks(at, [textwrap.fill(q, 44, max_lines=2, placeholder=" …") for q in asked])
    axes.set_ylim(len(asked) - 0.5, -0.5)
    axes.set_xlim(0, 1.02)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.set_xlabel("share of the variance of the answer (± Monte Carlo error)")
    axes.tick_params(axis="y", length=0)
    missing = [str(p) for p in data["part"].to_numpy() if p not in parts]
    axes.set_title(f"Why it is wide (not computed: {', '.join(missing)})" if missing else
                   "Why it is wide")  # fmt: skip
    frame(figure, forecast, [Patch(color=colours[p], lw=0, label=p) for p in parts])
    return figure
