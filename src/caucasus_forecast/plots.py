"""Pictures of a forecast: pure functions from a forecast to a Matplotlib `Figure`.

- `scenarios`: the probability of each scenario, and how it builds up month by month;
- `history`: tension and counts, past and future in one picture;
- `links`: every link before and after the evidence.

Nothing here touches `pyplot`. Words that come from data are never read as mathematics, and a
forecast whose fit failed its checks says so in red on every picture.
"""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import wraps
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib import dates as mdates
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, PercentFormatter

from . import names, reweighting
from .contesting import Contest
from .contesting.entrants import NO_ARROWS, REFERENCE
from .forecasting import CORE_LINKS, PRIOR_LED, Forecast, link_summary
from .scenarios import Table, percent
from .signposts import SHOWN, leading

Array = np.ndarray

# Okabe and Ito's colours, which readers with any colour vision can tell apart
BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, SKY, INK, GREY, PALE = "#CC79A7", "#56B4E9", "#222222", "#767676", "#D9D9D9"
CYCLE = (BLUE, VERMILION, GREEN, PURPLE)
ALARM = "#B00020"

BANNER = 0.5  # inches
ONE_DAY, ONE_MONTH = np.timedelta64(1, "D"), np.timedelta64(1, "M")
REPORTS = "reports_azerbaijan"
STYLE: dict[Any, Any] = {
    "text.parse_math": False,
    "text.usetex": False,
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.unicode_minus": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "caucasus-forecast",
}


def _picture(draw: Callable[[Forecast], Figure]) -> Callable[[Forecast], Figure]:
    """Draw in the house style, and put the banner on if the checks failed."""

    @wraps(draw)
    def styled(forecast: Forecast) -> Figure:
        with mpl.rc_context(STYLE):
            figure = draw(forecast)
            if not forecast.passed:
                _banner(figure)
        return figure

    return styled


def _banner(figure: Figure) -> None:
    """Add room at the top, above all else, and say there that the checks failed."""
    width, height = figure.get_size_inches()
    whole = height + BANNER
    figure.set_size_inches(width, whole)
    engine = _engine(figure)
    engine.set(rect=(0, 0, 1, engine.get()["rect"][3] * height / whole))
    figure.text(
        0.012, 1 - BANNER / 2 / whole, "CHECKS FAILED: do not rely on this forecast", ha="left",
        va="center", color="white", weight="bold", size=12,
        bbox={"boxstyle": "square,pad=0.35", "facecolor": ALARM, "edgecolor": ALARM},
    )  # fmt: skip


def _engine(figure: Figure) -> Any:
    return figure.get_layout_engine()


def render(figure: Figure, kind: str = "png", dpi: int = 160) -> bytes:
    """Write a figure as the bytes of a ``png`` or ``svg`` file, the same ones every time.

    Examples
    --------
    >>> render(Figure())[1:4]
    b'PNG'
    """
    out = io.BytesIO()
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a title may use any script
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(out, format=kind, dpi=dpi, metadata=metadata)
    return out.getvalue()


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    _engine(figure).set(w_pad=0.08, h_pad=0.06, wspace=0.03, hspace=0.03)
    return figure


def _frame(figure: Figure, forecast: Forecast, key: list[Artist]) -> None:
    """Put the title above, what made the picture below, and the key between them."""
    a = forecast.tree.attrs
    title = textwrap.wrap(str(a["title"]), 84, max_lines=2, placeholder=" …") or [""]
    height, room = figure.get_size_inches()[1], 0.0 if forecast.passed else BANNER
    _engine(figure).set(rect=(0, 0, 1, 1 - (0.15 + 0.25 * len(title)) / height))
    figure.suptitle(
        "\n".join(title), x=0.012, y=1 - (room + 0.1) / (height + room), ha="left", va="top",
        size=13, weight="bold",
    )  # fmt: skip
    made = f"model {a['model']}, priors {_cut(str(a['prior_set']), 60)}, as of {_long(a['as_of'])}"
    figure.supxlabel(made, x=0.012, ha="left", size=8, color=GREY)
    figure.legend(
        handles=key, loc="outside lower right", ncols=len(key), fontsize=8.5, handlelength=1.6,
        columnspacing=1.8, borderaxespad=0.2,
    )  # fmt: skip


def _long(day: Any) -> str:
    """Write a day as people do: 30 November 2021."""
    value = date.fromisoformat(str(day)[:10])
    return f"{value.day} {value:%B %Y}"


def _month(stamp: Any) -> str:
    return f"{date.fromisoformat(str(stamp)[:10]):%B %Y}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


# --------------------------------------------------------------------------- scenarios


@_picture
def scenarios(forecast: Forecast) -> Figure:
    """Draw the probability of each scenario at the horizon, and by month.

    Bars are probabilities, whiskers the 90 % interval over parameter draws, and hollow diamonds
    what the priors alone say.
    """
    data = forecast.tree[names.SCENARIOS].to_dataset()
    count = data.sizes[names.SCENARIO]
    colours = _colours(data)
    figure = _figure(10.5, max(3.4, 1.75 + 0.4 * count))
    left, right = figure.subplots(1, 2, width_ratios=(1.75, 1))
    _bars(left, data, colours)
    _months(right, data, colours)
    key: list[Artist] = [
        Patch(color=BLUE, alpha=0.55, lw=0, label="probability"),
        Line2D([], [], color=INK, lw=1.4, marker="|", ms=7, label="90 % interval over the draws"),
        Line2D([], [], color=INK, marker="D", mfc="white", ls="none", label="the priors alone"),
    ]
    _frame(figure, forecast, key)
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
    end = _month(data[names.MONTH].to_numpy()[-1])
    axes.set_title(f"Where it stands at the end of {end}")
    axes.set_xlabel("probability")


def _name(data: xr.Dataset, row: int) -> str:
    ident = str(data[names.SCENARIO].to_numpy()[row])
    words = f"{_cut(ident, 12)}  {data['title'].to_numpy()[row]}"
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
        ident = _cut(str(data[names.SCENARIO].to_numpy()[i]), 12)
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


# --------------------------------------------------------------------------- past and future


@dataclass(frozen=True)
class _Span:
    """Months to draw, and the day that divides past from future."""

    first: np.datetime64
    origin: np.datetime64
    last: np.datetime64


@_picture
def history(forecast: Forecast) -> Figure:
    """Draw tension, deaths and reports of fire: what was seen, and what is simulated.

    Bands hold the middle 50 % and 90 % of the draws before the origin, and of the simulated futures
    after it. The last three years or more are drawn; the saved forecast holds every month.
    """
    tree = forecast.tree
    future = tree[names.PREDICTIONS].to_dataset()
    span = _span(tree)
    reports = REPORTS in future[names.NODE].to_numpy()
    figure = _figure(10.5, 7.6 if reports else 5.8)
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
    _frame(figure, forecast, [
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


# --------------------------------------------------------------------------- links


@_picture
def links(forecast: Forecast) -> Figure:
    """Draw the 90 % interval of each link before (grey) and after (blue) the evidence.

    The core links come first, then the others, those the evidence moved most first. A hollow dot
    marks a link that is prior-led: what is shown for it is almost wholly the prior set.
    """
    tree = forecast.tree
    if "slope" not in tree[names.POSTERIOR]:
        return _nothing("This model has no links: nothing in it moves anything else.")
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
    figure = _figure(10.5, 2.0 + 0.215 * (len(rows) + 1))
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
    axes.set_yticks(at, [_cut(e.replace("->", " → ").replace("_", " "), 52) for e in rows])
    axes.set_ylim(at[-1] + 0.8 if len(at) else 1, -1.0)
    _learnt(axes, at, shown["prior_led"].to_numpy(), led)
    if core and others:
        axes.axhline((at[len(core) - 1] + at[len(core)]) / 2, color=PALE, linewidth=0.8)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_title(_links_title(data), loc="left")
    axes.set_xlabel("effect of one standard deviation of the cause, in units of the effect")
    _frame(figure, forecast, [
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


def _nothing(words: str) -> Figure:
    figure = _figure(8, 1.6)
    figure.text(0.5, 0.5, words, ha="center", va="center")
    return figure


PICTURES: dict[str, Callable[[Forecast], Figure]] = {
    "scenarios": scenarios,
    "history": history,
    "links": links,
}


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
        figure = _figure(10.5, 1.6 + max(0.42, 0.11 * len(sets)) * len(rows) + 0.18 * len(sets))
        axes = figure.subplots()
        for i, name in enumerate(sets):
            colour, mark = CYCLE[i % len(CYCLE)], marks[i % len(marks)]
            at = np.arange(len(rows)) + 0.7 * ((i + 0.5) / len(sets) - 0.5)
            one = data.isel(priors=i)
            axes.hlines(at, one["lower"], one["upper"], color=colour, alpha=0.35, linewidth=2)
            label = name + ("" if bool(one["passed"]) else " (CHECKS FAILED)")
            axes.plot(one["probability"], at, mark, color=colour, ms=5, label=_cut(label, 60))
        axes.set_yticks(np.arange(len(rows)), [_cut(r, 44) for r in rows])
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


def files(forecast: Forecast) -> tuple[dict[str, bytes], dict[str, str]]:
    """Draw every picture as ``name.png`` and ``name.svg``.

    The second part names the pictures that could not be drawn, and why: a picture must not cost its
    reader the numbers.
    """
    drawn: dict[str, bytes] = {}
    faults: dict[str, str] = {}
    for name, draw in PICTURES.items():
        try:
            figure = draw(forecast)
            drawn |= {f"{name}.{kind}": render(figure, kind) for kind in ("png", "svg")}
        except Exception as error:
            faults[name] = f"{type(error).__name__}: {error}"
    return drawn, faults


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
        figure = _figure(10.5, 5.2)
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
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _month(mdates.num2date(x))))
        axes.grid(axis="y", color=PALE, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.set_title(f"{done.scores.title}: views against the same model without arrows", pad=10)
        figure.legend(loc="outside lower left", ncols=4, fontsize=8.5)
        if not done.passed:
            _banner(figure)
    return figure


def signposts(forecast: Forecast, table: Table) -> Figure:
    """Draw where each signpost would move its scenario, and what it is expected to tell.

    Hollow dots are the probabilities now, full ones those once the thing is seen, with two Monte
    Carlo errors either side. `table` is that of `Forecast.signposts`.
    """
    return _picture(lambda it: _signposts(it, table))(forecast)


def _signposts(forecast: Forecast, table: Table) -> Figure:
    told = leading(table.data)
    told = told.isel(outcome=np.flatnonzero(told["scenario"] != "")[:SHOWN])
    at = np.arange(told.sizes["outcome"])
    if not len(at):
        return _nothing("No observable tells more than noise.")
    figure = _figure(10.5, 1.9 + 0.36 * len(at))
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
    _frame(figure, forecast, [
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
    return f"{_cut(str(told['words'].item()), 48)}\n{when}"


def spread(forecast: Forecast, table: Table) -> Figure:
    """Draw how the variance of each answer is divided among the kinds of not knowing.

    `table` is that of `Forecast.spread`. Parts that were not computed are not drawn.
    """
    return _picture(lambda it: _spread(it, table))(forecast)


def _spread(forecast: Forecast, table: Table) -> Figure:
    data = table.data
    asked = [str(q) for q in data[names.QUESTION].to_numpy()]
    computed = data["variance"].notnull().any(names.QUESTION)
    parts = [str(p) for p in data["part"].to_numpy()[computed.to_numpy()]]
    colours = dict(zip(data["part"].to_numpy(), (BLUE, ORANGE, PALE, GREEN, PURPLE), strict=True))
    at, begun = np.arange(len(asked)), np.zeros(len(asked))
    figure = _figure(10.5, 1.9 + 0.5 * len(asked))
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
    _frame(figure, forecast, [Patch(color=colours[p], lw=0, label=p) for p in parts])
    return figure


def tornado(forecast: Forecast, table: Table) -> Figure:
    """Draw how far each link's prior moves one scenario, the widest first.

    `table` is the ``tornado`` of `Forecast.sensitivity`. Links that could not be told are not
    drawn.
    """
    return _picture(lambda it: _tornado(it, table))(forecast)


def _tornado(forecast: Forecast, table: Table) -> Figure:
    if names.EDGE not in table.data.sizes:
        return _nothing("This model has no links whose priors could be moved.")
    data = table.data.isel({names.EDGE: table.data["swing"].notnull().to_numpy()})
    links_ = [str(e) for e in data[names.EDGE].to_numpy()]
    if not links_:
        return _nothing("The draws are too few to tell what moving a link's prior would do.")
    base, scenario = data.attrs["base"], data.attrs["scenario"]
    at = np.arange(len(links_))
    figure = _figure(10.5, max(3.4, 2.1 + 0.3 * len(links_)))
    axes = figure.subplots()
    for end, colour in (("low", SKY), ("high", ORANGE)):
        axes.barh(at, data[end] - base, left=base, height=0.62, color=colour, linewidth=0)
    axes.axvline(base, color=INK, linewidth=1)
    reach = float(np.abs(data[["low", "high"]].to_array() - base).max())
    reach = max(reach, 0.01) * 1.1
    for y, swing, doubt in zip(
        at.tolist(), data["swing"].to_numpy(), data["swing_mcse"].to_numpy(), strict=True
    ):
        words = f"{100 * swing:+.1f} ± {100 * doubt:.1f}"
        axes.text(
            1.015, y, words, transform=axes.get_yaxis_transform(), va="center", fontsize=8.5,
            color=GREY if abs(swing) <= 2 * doubt else INK,
        )  # fmt: skip
    axes.text(
        1.015, -0.85, "swing, points", transform=axes.get_yaxis_transform(), fontsize=8, color=GREY
    )
    axes.set_yticks(at, [_cut(e.replace("->", " → ").replace("_", " "), 52) for e in links_])
    axes.set_ylim(len(links_) - 0.4, -0.6)
    axes.set_xlim(max(base - reach, 0.0), min(base + reach, 1.0))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=int(reach < 0.03), symbol=" %"))
    axes.set_xlabel(f"probability of {scenario}")
    axes.grid(axis="x", color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.set_title(textwrap.fill(table.title, 90), pad=14)
    _frame(figure, forecast, [
        Patch(color=SKY, lw=0, label="prior mean one sd lower"),
        Patch(color=ORANGE, lw=0, label="prior mean one sd higher"),
    ])  # fmt: skip
    return figure
