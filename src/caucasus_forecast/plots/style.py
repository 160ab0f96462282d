"""The house style: colours, frames, the banner of a failed fit, and bytes of a figure."""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from ..forecasting import Forecast

# Okabe and Ito's colours, which readers with any colour vision can tell apart
BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, SKY, INK, GREY, PALE = "#CC79A7", "#56B4E9", "#222222", "#767676", "#D9D9D9"
CYCLE = (BLUE, VERMILION, GREEN, PURPLE)
ALARM = "#B00020"

BANNER = 0.5  # inches
DPI = 160
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


def picture(draw: Callable[[Forecast], Figure]) -> Callable[[Forecast], Figure]:
    """Draw in the house style, and put the banner on if the checks failed."""

    @wraps(draw)
    def styled(forecast: Forecast) -> Figure:
        with mpl.rc_context(STYLE):
            figure = draw(forecast)
            if not forecast.passed:
                banner(figure)
        return figure

    return styled


def banner(figure: Figure) -> None:
    """Add room at the top, above all else, and say there that the checks failed."""
    width, height = figure.get_size_inches()
    whole = height + BANNER
    figure.set_size_inches(width, whole)
    layout = engine(figure)
    layout.set(rect=(0, 0, 1, layout.get()["rect"][3] * height / whole))
    figure.text(
        0.012, 1 - BANNER / 2 / whole, "CHECKS FAILED: do not rely on this forecast", ha="left",
        va="center", color="white", weight="bold", size=12,
        bbox={"boxstyle": "square,pad=0.35", "facecolor": ALARM, "edgecolor": ALARM},
    )  # fmt: skip


def engine(figure: Figure) -> Any:
    """What places the parts of a figure."""
    return figure.get_layout_engine()


def render(figure: Figure, kind: str = "png") -> bytes:
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
        figure.savefig(out, format=kind, dpi=DPI, metadata=metadata)
    return out.getvalue()


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    engine(figure).set(w_pad=0.08, h_pad=0.06, wspace=0.03, hspace=0.03)
    return figure


def frame(figure: Figure, forecast: Forecast, key: list[Artist]) -> None:
    """Put the title above, what made the picture below, and the key between them."""
    a = forecast.tree.attrs
    title = textwrap.wrap(str(a["title"]), 84, max_lines=2, placeholder=" …") or [""]
    height, room = figure.get_size_inches()[1], 0.0 if forecast.passed else BANNER
    engine(figure).set(rect=(0, 0, 1, 1 - (0.15 + 0.25 * len(title)) / height))
    figure.suptitle(
        "\n".join(title), x=0.012, y=1 - (room + 0.1) / (height + room), ha="left", va="top",
        size=13, weight="bold",
    )  # fmt: skip
    made = (
        f"model {a['model']}, priors {cut(str(a['prior_set']), 60)}, as of {long_day(a['as_of'])}"
    )
    figure.supxlabel(made, x=0.012, ha="left", size=8, color=GREY)
    figure.legend(
        handles=key, loc="outside lower right", ncols=len(key), fontsize=8.5, handlelength=1.6,
        columnspacing=1.8, borderaxespad=0.2,
    )  # fmt: skip


def long_day(day: Any) -> str:
    """Write a day as people do: 30 November 2021."""
    value = date.fromisoformat(str(day)[:10])
    return f"{value.day} {value:%B %Y}"


def month_words(stamp: Any) -> str:
    """Write a month as people do: November 2021."""
    return f"{date.fromisoformat(str(stamp)[:10]):%B %Y}"


def cut(text: str, length: int) -> str:
    """Text no longer than a length."""
    return text if len(text) <= length else text[: length - 1] + "…"


def nothing(words: str) -> Figure:
    """A figure that says why there is no picture."""
    figure = new_figure(8, 1.6)
    figure.text(0.5, 0.5, words, ha="center", va="center")
    return figure
