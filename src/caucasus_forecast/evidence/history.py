"""How long a history of counts must be before a change can be seen in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from ..names import TENSION
from .problems import Problem
from .rows import Observation, Series

MINIMUM_MONTHS = 2  # of a user's own counts of tension


def too_short(
    where: str, rows: Iterable[Observation], known: Mapping[str, Series], as_of: date
) -> Problem | None:
    """What is wrong with counts of tension in which nothing can have changed.

    Parameters
    ----------
    where
        What messages call the table.
    rows
        A user's counts.
    known
        Series by name; those that inform tension are looked at.
    as_of
        Last day that may be known.

    Examples
    --------
    >>> from caucasus_forecast.evidence import load, read_counts
    >>> import pandas as pd
    >>> rows = read_counts(pd.DataFrame({"month": ["2024-01"], "count": [3]}))
    >>> print(too_short("mine.csv", rows, load().series, date(2024, 12, 31)))
    mine.csv: 1 month of tension known by 2024-12-31; at least 2 are needed to see a change
    """
    mine = [o.window for o in rows if known[o.series].node == TENSION]
    ends = [day for w in mine if w.end <= as_of for day in (w.start, w.end)]
    months = len({(day.year, day.month) for day in ends})
    if not mine or months >= MINIMUM_MONTHS:
        return None
    problem = f"{months} month{'s' * (months != 1)} of tension known by {as_of}"
    return Problem(where, problem, f"at least {MINIMUM_MONTHS} are needed to see a change")
