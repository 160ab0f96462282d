"""Counts that no rate the priors hold possible comes near."""

from __future__ import annotations

import math

from ..evidence import Problem
from .distributions import frozen
from .sets import PriorSet

REACH, NEVER = 3.0, 1e-15


def beyond(where: str, node: str, count: float, months: float, priors: PriorSet) -> Problem | None:
    """What is wrong with a count that the priors all but rule out.

    That is one whose log rate a month, less `REACH` for what its causes may add, its base rate
    exceeds with a probability below `NEVER`. No sampler gets from one to the other.

    Parameters
    ----------
    where
        What messages call the row.
    node
        Node of counts that it informs.
    count, months
        The number, and over how long.
    priors
        With the base rate of the node.

    Examples
    --------
    >>> from caucasus_forecast.priors import load
    >>> believed = load("alyarli-2021")
    >>> beyond("row 2", "reports_azerbaijan", 60, 1.0, believed)
    >>> print(beyond("row 2", "reports_azerbaijan", 3e8, 1.0, believed))  # doctest: +ELLIPSIS
    row 2: 300,000,000 in 1.0 months, and the priors expect about 10 a month; check the count, ...
    """
    key = f"{node}.base"
    if count < 1.0:
        return None
    base = frozen(priors[key])
    if base.sf(math.log(count / months) - REACH) >= NEVER:
        return None
    return Problem(
        where,
        f"{count:,.0f} in {months:.1f} months, and the priors expect about "
        f"{math.exp(base.median()):.3g} a month",
        f"check the count, or widen {key!r}",
    )
