"""Several prior sets, or several views, side by side."""

from __future__ import annotations

import textwrap

import matplotlib as mpl
import numpy as np
from matplotlib import dates as mdates
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from .. import names
from ..contesting import Contest
from ..contesting.entrants import NO_ARROWS, REFERENCE
from ..scenarios import Table
from .style import (
    CYCLE,
    INK,
    ONE_DAY,
    PALE,
    STYLE,
    banner,
    cut,
    month_words,
    new_figure,
)

Array = np.ndarray


def comparison(table: Table) -> Figure:
    """Draw the scenario probabilities of several prior sets: one row a scenario, one mark a set.

    The line behind a mark is the 90 % interval over the uncertain parameters. `table` is that of
    `caucasus_forecast.compare_priors`.
    """
    data = table.data
    sets = [str(x) for x in data["priors"].to_numpy()]
    rows = [f"{s}  {t}" for s, t in zip(data["scenario"].values, data["title"].values, strict=True)]
    marks = ("o", "s", "D", "^", "v", "P", "X")
    with mpl.rc_context(STYLE):
        figure = new_figure(10.5, 1.6 + max(0.42, 0.11 * len(sets)) * len(rows) + 0.18 * len(sets))
        axes = figure.subplots()
        for i, name in enumerate(sets):
            colour, mark = CYCLE[i % len(CYCLE)], marks[i % len(marks)]
            at = np.arange(len(rows)) + 0.7 * ((i + 0.5) / len(sets) - 0.5)
            one = data.isel(priors=i)
            axes.hlines(at, one["lower"], one["upper"], color=colour, alpha=0.35, linewidth=2)
            label = name + ("" if bool(one["passed"]) else " (CHECKS FAILED)")
            axes.plot(one["probability"], at, mark, color=colour, ms=5, label=cut(label, 60))
        axes.set_yticks(np.arange(len(rows)), [cut(r, 44) for r in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(0, None)
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_xlabel("probability")
        axes.grid(axis="x", color=PALE, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        figure.suptitle(textwrap.fill(table.title, 84), x=0.012, ha="left", size=13, weight="bold")
        figure.legend(loc="outside lower left", ncols=min(3, len(sets)), fontsize=8.5)
    return figure


def contest(done: Contest) -> Figure:
    """Draw how far each view is ahead of the benchmark without arrows, month by month.

    Bars at the right are 90 % intervals of the whole lead. Views between the best and the worst are
    grey.
    """
    data = done.scores.data
    ahead = data["cumulative"] - data["cumulative"].sel(view=NO_ARROWS)
    views = [v for v in map(str, data["view"].to_numpy()) if v in done.views]
    named = list(dict.fromkeys([done.own, views[0], views[-1], REFERENCE]))
    months = data[names.MONTH].to_numpy()
    with mpl.rc_context(STYLE):
        figure = new_figure(10.5, 5.2)
        axes = figure.subplots()
        axes.axhline(0.0, color=INK, linewidth=1.0, label=NO_ARROWS)
        for i, view in enumerate(v for v in views if v not in named):
            label = "" if i else "other views"
            axes.plot(months, ahead.sel(view=view), color=PALE, linewidth=1.0, label=label)
        for i, (view, colour) in enumerate(zip(named, CYCLE, strict=False)):
            one, at = data.sel(view=view), months[-1] + (8 + 6 * i) * ONE_DAY
            axes.plot(months, ahead.sel(view=view), "o-", color=colour, ms=3.5, label=view)
            low, high = float(one["less_no_arrows_lower"]), float(one["less_no_arrows_upper"])
            if np.isfinite(low):
                axes.vlines(at, low, high, color=colour, linewidth=2, alpha=0.6)
        axes.set_ylabel("log score ahead of no arrows,\nnats, sum so far")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: month_words(mdates.num2date(x))))
        axes.grid(axis="y", color=PALE, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.set_title(f"{done.scores.title}: views against the same model without arrows", pad=10)
        figure.legend(loc="outside lower left", ncols=4, fontsize=8.5)
        if not done.passed:
            banner(figure)
    return figure
