"""Forward simulation: posterior draws to futures, one vectorised step a month.

Each path walks the graph month by month with the equations of `caucasus_forecast.equations`, and
draws what inference conditions on: the next tension level, counts, whether events happen, readings
of shares. Feedback acts through what happened the month before. ``do`` sets nodes from outside:
their causes are cut, their effects follow; ``shift`` adds to what their causes say.

Every outcome is a quantile, Q(u), of one uniform number of its node, month and path
(`caucasus_forecast.quantiles`). Two runs with the same numbers differ only by what was changed, and
what is known to have happened (``known``) says in which interval its number lies.
"""

from .labelled import as_dataset, fans
from .month import Acts, Month
from .start import Noise, Origin, fresh, origin
from .walking import Along, futures, gathered, walk_months

__all__ = [
    "Acts",
    "Along",
    "Month",
    "Noise",
    "Origin",
    "as_dataset",
    "fans",
    "fresh",
    "futures",
    "gathered",
    "origin",
    "walk_months",
]
