"""Pictures of a forecast: pure functions from a forecast to a Matplotlib `Figure`.

- `scenarios`: the probability of each scenario, and how it builds up month by month;
- `history`: tension and counts, past and future in one picture;
- `links`: every link before and after the evidence.

Nothing here touches `pyplot`. Words that come from data are never read as mathematics, and a
forecast whose fit failed its checks says so in red on every picture.
"""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.figure import Figure

from ..forecasting import Forecast
from .beside import comparison, contest
from .hangs import effects, tornado
from .outcomes import scenarios
from .past import history
from .strengths import links
from .style import render
from .watched import signposts, spread

__all__ = [
    "PICTURES",
    "comparison",
    "contest",
    "effects",
    "files",
    "history",
    "links",
    "render",
    "scenarios",
    "signposts",
    "spread",
    "tornado",
]

PICTURES: dict[str, Callable[[Forecast], Figure]] = {
    "scenarios": scenarios,
    "history": history,
    "links": links,
}


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
