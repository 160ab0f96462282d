"""Rows for people: probabilities as percent, and tables that print themselves."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass

import xarray as xr


def percent(value: float, mcse: float) -> str:
    """A probability with no digit below its Monte Carlo error.

    Examples
    --------
    >>> percent(0.1234, 0.004), percent(0.1234, 0.0001), percent(0.0, 0.00005)
    ('12 %', '12.3 %', '< 0.1 %')
    """
    error = max(mcse, 0.0005)
    digit = 0.1 if error < 0.001 else 1 if error <= 0.01 else 10
    steps = round(100 * value / digit)
    bound = max(digit, math.ceil(1000 * error) / 10)
    if value < error or steps == 0:
        return f"< {bound:g} %"
    if value > 1 - error or steps == round(100 / digit):
        return f"> {100 - bound:g} %"
    return f"{steps * digit:.{digit < 1:d}f} %"


def points(change: float, mcse: float) -> str:
    """A change of a probability in percentage points, with its Monte Carlo error.

    Examples
    --------
    >>> points(0.0204, 0.006), points(-0.0001, 0.0004)
    ('+2.0 ± 0.6', '+0.0 ± 0.0')
    """
    return f"{100 * change:+z.1f} ± {100 * mcse:.1f}"


@dataclass(frozen=True)
class Table:
    """Rows for people: prints as aligned text, shows as HTML in a notebook.

    `data` is the dataset behind it, `notes` the lines a reader must not miss.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    data: xr.Dataset
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        cells = [self.header, *self.rows]
        width = [max(len(r[i]) for r in cells) for i in range(len(self.header))]
        lines = [
            "  ".join(_pad(r[i], width[i], i) for i in range(len(width))).rstrip() for r in cells
        ]
        rule = "-" * max(len(x) for x in lines)
        return "\n".join([self.title, rule, lines[0], rule, *lines[1:], rule, *self.notes])

    def _repr_html_(self) -> str:
        escape = html.escape
        head = "".join(f"<th>{escape(h)}</th>" for h in self.header)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in self.rows
        )
        notes = "".join(f"<p>{escape(n)}</p>" for n in self.notes)
        return (
            f"<table><caption>{escape(self.title)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>{notes}"
        )


def _pad(text: str, width: int, column: int) -> str:
    return text.ljust(width) if column < 2 else text.rjust(width)


def interval(lower: float, upper: float) -> str:
    """Two probabilities as a range in percent, with a decimal where the range is narrow.

    Examples
    --------
    >>> interval(0.104, 0.312), interval(0.0008, 0.0064)
    ('10-31 %', '0.1-0.6 %')
    """
    digits = 1 if upper - lower < 0.02 else 0
    return f"{100 * lower:.{digits}f}-{100 * upper:.{digits}f} %"
