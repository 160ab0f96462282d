"""Intervals of an ensemble: their ends, their score, and what they cover."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..names import DRAW
from ._arrays import Array, Keep, Labelled, outside, refuse, score, score_ends

MASSES: Final = (0.5, 0.8, 0.9, 0.95)
"""Masses of the intervals that are scored."""


def interval(
    draws: Labelled, mass: float = 0.9, *, dim: str = DRAW, missing: Keep = "refuse"
) -> tuple[Labelled, Labelled]:
    """Lower and upper end of the equal-tailed interval of an ensemble.

    The ends are the quantiles α/2 and 1 − α/2, α = 1 − mass, by the inverse of the empirical
    distribution function: each is one of the draws, so the end of an interval of counts is a count.

    Parameters
    ----------
    draws
        Members, shape (..., draws).
    mass
        Probability inside, between 0 and 1.
    dim, missing
        As in `crps`.

    Raises
    ------
    CaseError
        If `mass` is not between 0 and 1.
    EvidenceError
        If a draw is missing or infinite.

    Examples
    --------
    >>> tuple(end.item() for end in interval(np.arange(100), 0.9))
    (4.0, 94.0)
    """
    tail = outside(mass) / 2
    ends = [round(tail, 12), round(1 - tail, 12)]

    def quantiles(x: Array) -> Array:
        return np.quantile(x, ends, axis=-1, method="inverted_cdf").T

    return score_ends(quantiles, missing, draws=(draws, dim))


def interval_score(
    lower: Labelled,
    upper: Labelled,
    observed: Labelled,
    mass: float = 0.9,
    *,
    missing: Keep = "refuse",
) -> Labelled:
    """Interval score: the width, and a penalty for what falls outside.

        IS = (u − l) + 2/α (l − y)⁺ + 2/α (y − u)⁺,  α = 1 − mass

    Parameters
    ----------
    lower, upper
        Ends l and u of the interval: quantiles α/2 and 1 − α/2, from `interval` or elsewhere.
    observed
        What happened, y.
    mass
        Probability inside, between 0 and 1.
    missing
        As in `crps`.

    Raises
    ------
    CaseError
        If `mass` is not between 0 and 1.
    EvidenceError
        If a value is missing or infinite, or a lower end is above its upper end.

    References
    ----------
    Gneiting and Raftery (2007), J. Am. Stat. Assoc. 102, 359-378, doi:10.1198/016214506000001437.

    Examples
    --------
    >>> interval_score(2.0, 6.0, 7.0, mass=0.5).item()
    8.0
    """
    alpha = outside(mass)

    def rule(low: Array, high: Array, y: Array) -> Array:
        _check_ends(low, high)
        missed = np.maximum(low - y, 0.0) + np.maximum(y - high, 0.0)
        return high - low + 2 / alpha * missed

    return score(rule, missing, lower=(lower, None), upper=(upper, None), observed=(observed, None))


def covered(
    lower: Labelled, upper: Labelled, observed: Labelled, *, missing: Keep = "refuse"
) -> Labelled:
    """1 where the interval holds what happened, ends included, 0 elsewhere; its mean is coverage.

    Counts put probability on the ends, so a right forecast covers its `mass` or more. Where targets
    are chosen by what happened (counts above 0, say), a right forecast need not.

    Raises
    ------
    EvidenceError
        If a value is missing or infinite, or a lower end is above its upper end.

    Examples
    --------
    >>> covered(0, 4, np.array([0, 4, 5]))
    array([1., 1., 0.])
    """

    def rule(low: Array, high: Array, y: Array) -> Array:
        _check_ends(low, high)
        return ((low <= y) & (y <= high)).astype(float)

    return score(rule, missing, lower=(lower, None), upper=(upper, None), observed=(observed, None))


def _check_ends(lower: Array, upper: Array) -> None:
    refuse("lower", lower[lower > upper], "above its upper end; exchange them")
