"""Counts that are valid and still deserve a second look: said beside the forecast, never mended."""

from __future__ import annotations

from collections.abc import Sequence

from .rows import Observation
from .settling import label

OUTLIER = 10  # times the next largest
LARGE = 100  # below it no count is an outlier


def cautions(rows: Sequence[Observation], ceiling: float = float("inf")) -> tuple[str, ...]:
    """A sentence for each thing about valid counts that a reader should know.

    Parameters
    ----------
    rows
        Observations of any series.
    ceiling
        Deaths a month at the highest level of the reference class.

    Examples
    --------
    >>> from datetime import date
    >>> from caucasus_forecast.evidence import Window
    >>> quiet = Observation(Window(date(2024, 1, 1), date(2024, 1, 31)), "fires", 0.0)
    >>> cautions([quiet])
    ('fires: every count is 0, so the counts say little about how it rises (weakly informed)',)
    """
    return tuple(
        line
        for name in dict.fromkeys(o.series for o in rows)
        for line in _of_one(name, [o for o in rows if o.series == name], ceiling)
    )


def _of_one(name: str, rows: Sequence[Observation], ceiling: float) -> list[str]:
    if all(o.count == 0 for o in rows):
        return [
            f"{name}: every count is 0, so the counts say little about how it rises (weakly "
            "informed)"
        ]
    ordered = sorted(rows, key=lambda o: o.count)
    top, found = ordered[-1], []
    if len(rows) > 2 and top.count >= max(LARGE, OUTLIER * ordered[-2].count):
        found.append(
            f"{name}: {label(top.window)} has {top.count:,.0f}, and the next largest count is "
            f"{ordered[-2].count:,.0f}; if it is no slip, see what hangs on it: make the forecast "
            "without that row, and with the model 'reference'"
        )
    if top.count > ceiling * max(1.0, top.window.days / 31):
        found.append(
            f"{name}: {label(top.window)} has {top.count:,.0f}, above the {ceiling:,.0f} a month "
            "of the highest level in the reference class; forecasts hardly go beyond that level"
        )
    return found
