"""What an answer hangs on, and what an intervention changes."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from .. import names
from ..forecasting import Forecast
from ..interventions import HALF_WIDTH
from ..scenarios import Table, points
from .style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    SKY,
    VERMILION,
    cut,
    frame,
    new_figure,
    nothing,
    picture,
)

Array = np.ndarray


def tornado(forecast: Forecast, table: Table) -> Figure:
    """Draw how far each link's prior moves one scenario, the widest first.

    `table` is the ``tornado`` of `Forecast.sensitivity`. Links that could not be told are not
    drawn.
    """
    return picture(lambda it: _tornado(it, table))(forecast)


def _tornado(forecast: Forecast, table: Table) -> Figure:
    if names.EDGE not in table.data.sizes:
        return nothing("This model has no links whose priors could be moved.")
    data = table.data.isel({names.EDGE: table.data["swing"].notnull().to_numpy()})
    links_ = [str(e) for e in data[names.EDGE].to_numpy()]
    if not links_:
        return nothing("The draws are too few to tell what moving a link's prior would do.")
    base, scenario = data.attrs["base"], data.attrs["scenario"]
    at = np.arange(len(links_))
    figure = new_figure(10.5, max(3.4, 2.1 + 0.3 * len(links_)))
    axes = figure.subplots()
    for end, colour in (("low", SKY), ("high", ORANGE)):
        axes.barh(at, data[end] - base, left=base, height=0.62, color=colour, linewidth=0)
    axes.axvline(base, color=INK, linewidth=1)
    reach = float(np.abs(data[["low", "high"]].to_array() - base).max())
    reach = max(reach, 0.01) * 1.1
    for y, swing, doubt in zip(
        at.tolist(), data["swing"].to_numpy(), data["swing_mcse"].to_numpy(), strict=True
    ):
        words = points(swing, doubt)
        axes.text(
            1.015, y, words, transform=axes.get_yaxis_transform(), va="center", fontsize=8.5,
            color=GREY if abs(swing) <= 2 * doubt else INK,
        )  # fmt: skip
    axes.text(
        1.015, -0.85, "swing, points", transform=axes.get_yaxis_transform(), fontsize=8, color=GREY
    )
    axes.set_yticks(at, [cut(e.replace("->", " → ").replace("_", " "), 52) for e in links_])
    axes.set_ylim(len(links_) - 0.4, -0.6)
    axes.set_xlim(max(base - reach, 0.0), min(base + reach, 1.0))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=int(reach < 0.03), symbol=" %"))
    axes.set_xlabel(f"probability of {scenario}")
    axes.grid(axis="x", color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.set_title(textwrap.fill(table.title, 90), pad=14)
    frame(figure, forecast, [
        Patch(color=SKY, lw=0, label="prior one sd lower"),
        Patch(color=ORANGE, lw=0, label="prior one sd higher"),
    ])  # fmt: skip
    return figure


def effects(forecast: Forecast, table: Table) -> Figure:
    """Draw what an intervention changes: hollow dots without it, full ones with it.

    The line behind is the 90 % interval over parameters of the probability without, moved by the
    effect. `table` is that of `Intervened.effects`, or of `Counterfactual.changed`.
    """
    return picture(lambda it: _effects(it, table))(forecast)


def _effects(forecast: Forecast, table: Table) -> Figure:
    data = table.data
    ids = [str(x) for x in data["scenario"].to_numpy()]
    titles = {s.id: s.name for s in forecast.study.partition.scenarios}
    before, after = (data[k].to_numpy() for k in ("before", "after"))
    unsure = HALF_WIDTH * np.hypot(data["scenario_sd"].to_numpy(), data["scenario_mcse"].to_numpy())
    at = np.arange(len(ids))
    low, high = (np.clip(after + side * unsure, 0, 1) for side in (-1, 1))
    figure = new_figure(10.5, 1.9 + 0.42 * len(ids))
    axes = figure.subplots()
    colours = np.where(after > before, VERMILION, BLUE)
    axes.hlines(at, low, high, color=PALE, linewidth=7)
    axes.hlines(at, before, after, color=colours, linewidth=2)
    axes.plot(before, at, "o", mfc="white", mec=INK, ms=6)
    axes.scatter(after, at, c=colours, s=44, zorder=3)
    for y, x, change in zip(at, np.maximum(np.maximum(before, after), high),
                            data["scenario_effect"].to_numpy(), strict=True):  # fmt: skip
        axes.annotate(
            f"{100 * change:+.1f}", (x, y), (8, 0), textcoords="offset points", va="center"
        )
    axes.set_yticks(at, [cut(f"{i}  {titles[i]}", 44) for i in ids])
    axes.set_ylim(len(at) - 0.5, -0.5)
    axes.set_xlim(0, 1.08)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.set_xlabel("probability of the scenario; the change in points beside it")
    axes.set_title(textwrap.fill(table.title, 88, max_lines=3, placeholder=" …"))
    axes.grid(axis="x", color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    frame(figure, forecast, [
        Line2D([], [], color=INK, marker="o", mfc="white", ls="none", label="without"),
        Line2D([], [], color=VERMILION, marker="o", ls="none", label="with: up"),
        Line2D([], [], color=BLUE, marker="o", ls="none", label="down"),
        Line2D([], [], color=PALE, linewidth=7, label="90 % of the change, over parameters"),
    ])  # fmt: skip
    return figure
