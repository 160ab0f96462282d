"""Every link before and after the evidence."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .. import names, reweighting
from ..forecasting import Forecast
from ..links import CORE_LINKS, PRIOR_LED, link_summary
from .style import (
    BLUE,
    GREY,
    INK,
    PALE,
    cut,
    frame,
    new_figure,
    nothing,
    picture,
)

Array = np.ndarray


@picture
def links(forecast: Forecast) -> Figure:
    """Draw the 90 % interval of each link before (grey) and after (blue) the evidence.

    The core links come first, then the others, those the evidence moved most first. A hollow dot
    marks a link that is prior-led: what is shown for it is almost wholly the prior set.
    """
    tree = forecast.tree
    if "slope" not in tree[names.POSTERIOR]:
        return nothing("This model has no links: nothing in it moves anything else.")
    data = link_summary(tree)
    core, others = _ordered(data)
    rows = [*core, *others]
    half = (1 - names.INTERVAL_MASS) / 2
    over = [names.CHAIN, names.DRAW]
    prior, drawn = (tree[g]["slope"].sel(edge=rows) for g in (names.PRIOR, names.POSTERIOR))
    before, after = (
        values.quantile([half, 1 - half], dim=over).to_numpy()
        for values in (prior, reweighting.weighted(tree, drawn))
    )
    shown = data.sel({names.EDGE: rows})
    led = shown["prior_led"].to_numpy() > PRIOR_LED
    at = np.arange(len(rows)) + 1.2 * (np.arange(len(rows)) >= len(core))
    figure = new_figure(10.5, 2.0 + 0.215 * (len(rows) + 1))
    axes = figure.subplots()
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.hlines(at, *before, color=PALE, linewidth=7)
    axes.hlines(at, *after, color=BLUE, linewidth=1.8)
    mean = shown["mean"].to_numpy()
    for hollow in (False, True):
        which = led == hollow
        axes.plot(
            mean[which], at[which], "o", ms=5.2, color=BLUE, mfc="white" if hollow else BLUE,
            mew=1.4, linestyle="none",
        )  # fmt: skip
    axes.set_yticks(at, [cut(e.replace("->", " → ").replace("_", " "), 52) for e in rows])
    axes.set_ylim(at[-1] + 0.8 if len(at) else 1, -1.0)
    _learnt(axes, at, shown["prior_led"].to_numpy(), led)
    if core and others:
        axes.axhline((at[len(core) - 1] + at[len(core)]) / 2, color=PALE, linewidth=0.8)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_title(_links_title(data), loc="left")
    axes.set_xlabel("effect of one standard deviation of the cause, in units of the effect")
    frame(figure, forecast, [
        Line2D([], [], color=PALE, lw=7, label="prior, 90 %"),
        Line2D([], [], color=BLUE, lw=1.8, label="posterior, 90 %"),
        Line2D([], [], color=BLUE, marker="o", ls="none", label="moved by the evidence"),
        Line2D([], [], color=BLUE, marker="o", mfc="white", mew=1.4, ls="none", label="prior-led"),
    ])  # fmt: skip
    return figure


def _ordered(data: xr.Dataset) -> tuple[list[str], list[str]]:
    """Order the links: the core ones, then the others, those the evidence moved most first."""
    edges = [str(e) for e in data[names.EDGE].to_numpy()]
    core = [e for e in CORE_LINKS if e in edges]
    learnt = 1 - data["prior_led"].to_numpy()
    strongest = sorted(zip(-learnt, edges, strict=True))
    return core, [e for _, e in strongest if e not in core]


def _learnt(axes: Axes, at: Array, share: Array, led: Array) -> None:
    """Write on the right how much of each prior's variance is left."""
    place = axes.get_yaxis_transform()
    axes.text(1.015, -0.75, "prior variance left", transform=place, fontsize=8, color=GREY)
    for y, value, mark in zip(at, share, led, strict=True):
        axes.text(
            1.015, y, f"{100 * value:.0f} %" + ("  prior-led" if mark else ""), transform=place,
            va="center", fontsize=8, color=GREY if mark else INK, weight=None if mark else "bold",
        )  # fmt: skip


def _links_title(data: xr.Dataset) -> str:
    led = int((data["prior_led"] > PRIOR_LED).sum())
    every = data.sizes[names.EDGE]
    return f"{led} of {every} links are prior-led: the evidence says little about them"
