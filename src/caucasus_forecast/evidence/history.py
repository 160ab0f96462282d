"""What a history of tension must be: long enough to see a change in, and not out of reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from ..names import TENSION
from .problems import Problem
from .rows import Observation, Series

MINIMUM_MONTHS = 2  # of a user's own counts of tension
MOST = 1_000_000  # deaths of a total, times its months
FARTHEST = 10  # years after the last count


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


def out_of_reach(tension: Iterable[Observation], as_of: date) -> Problem | None:
    """What is wrong with counts of tension whose months cannot be filled, or with none at all.

    A total is divided among its months in every way, which takes room for its deaths in each; and
    after ten years of which nothing is known, nothing is left to forecast from.

    Parameters
    ----------
    tension
        Counts of tension that end by then.
    as_of
        Last day that may be known.

    Examples
    --------
    >>> from caucasus_forecast.evidence import Window
    >>> war = Observation(Window(date(2020, 9, 27), date(2020, 11, 10)), "battle_deaths", 7593)
    >>> out_of_reach([war], date(2021, 11, 30))
    >>> print(out_of_reach([war], date(2031, 11, 30)))  # doctest: +ELLIPSIS
    as_of 2031-11-30: it is 11 years after the last that is known of tension (2020-11-10); give ...
    """
    rows = list(tension)
    if not rows:
        return Problem(f"no observation of tension ends by {as_of}", "", "give earlier counts")
    for row in rows:
        start, end = row.window.start, row.window.end
        months = 1 + end.month - start.month + 12 * (end.year - start.year)
        if months > 1 and row.count * months > MOST:
            return Problem(
                f"{row.series} {row.id or row.window}",
                f"a total of {row.count:,.0f} over {months} months, and at most "
                f"{MOST // months:,} can be divided among so many",
                "give the months one by one",
            )
    last = max(row.window.end for row in rows)
    if (years := as_of.year - last.year) > FARTHEST:
        return Problem(
            f"as_of {as_of}",
            f"it is {years} years after the last that is known of tension ({last})",
            f"give a day at most {FARTHEST} years after it",
        )
    return None
