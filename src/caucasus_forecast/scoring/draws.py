"""Scores of draws, and the way from draws to probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import xarray as xr

from ..names import CLASS, DRAW
from ._arrays import (
    Array,
    Keep,
    Labelled,
    check_counts,
    check_starts,
    normalised,
    score,
    share,
    weights,
)

CLASSES: Final = (0, 1, 25, 100, 1000)
"""First count of each class of the ranked probability score."""


def crps(
    draws: Labelled,
    observed: Labelled,
    *,
    weight: Labelled = None,
    dim: str = DRAW,
    missing: Keep = "refuse",
) -> Labelled:
    """Continuous ranked probability score of an ensemble, read as a distribution.

        CRPS = Σ_i w_i |x_i − y| − ½ Σ_i Σ_j w_i w_j |x_i − x_j|

    over all pairs, a member with itself included: the score of the empirical distribution, not the
    estimate that is fair to small ensembles. With the weights of a discrete distribution it is
    exact.

    Parameters
    ----------
    draws
        Members x, in the unit of what is observed; shape (..., draws).
    observed
        What happened, y; shape (...).
    weight
        Weight w of each member, any scale, broadcast against `draws`; equal when left out. Pad
        distributions of unequal length with weight 0.
    dim
        Dimension of the draws, for a `DataArray`.
    missing
        ``"refuse"`` raises on NaN, ``"keep"`` gives those targets the score NaN.

    Raises
    ------
    EvidenceError
        If a value is missing or infinite, or the labels of the two do not match.

    References
    ----------
    Gneiting and Raftery (2007), J. Am. Stat. Assoc. 102, 359-378, doi:10.1198/016214506000001437.

    Examples
    --------
    >>> crps(np.array([0.0, 2.0]), 1.0).item()
    0.5
    """
    return _scored(_crps, draws, observed, weight, dim, missing)


def log1p_crps(
    draws: Labelled,
    observed: Labelled,
    *,
    weight: Labelled = None,
    dim: str = DRAW,
    missing: Keep = "refuse",
) -> Labelled:
    """CRPS of log(1 + count): errors count by their ratio, so no single war decides.

    Arguments are those of `crps`, of non-negative counts.

    Raises
    ------
    EvidenceError
        As `crps`, and if a value is negative.

    References
    ----------
    Bosse et al. (2023), PLOS Comput. Biol. 19, e1011393, doi:10.1371/journal.pcbi.1011393.

    Examples
    --------
    >>> round(log1p_crps(np.array([0.0, 2.0]), 2.0).item(), 6)
    0.274653
    """

    def logs(x: Array, y: Array, w: Array) -> Array:
        check_counts("draws", x)
        check_counts("observed", y)
        return _crps(np.log1p(x), np.log1p(y), w)

    return _scored(logs, draws, observed, weight, dim, missing)


def threshold_crps(
    draws: Labelled,
    observed: Labelled,
    threshold: float = 25,
    *,
    weight: Labelled = None,
    dim: str = DRAW,
    missing: Keep = "refuse",
) -> Labelled:
    """CRPS that looks only above a threshold.

    The integral of the squared error of the distribution function over [threshold, ∞), which is the
    CRPS after the chaining function v(x) = max(x, threshold). Other arguments, and errors, are
    those of `crps`.

    References
    ----------
    Allen, Ginsbourger and Ziegel (2023), SIAM/ASA J. Uncertain. Quantif. 11, 906-940,
    doi:10.1137/22M1532184.

    Examples
    --------
    >>> threshold_crps(np.array([0.0, 20.0]), 5.0).item()
    0.0
    """

    def chained(x: Array, y: Array, w: Array) -> Array:
        return _crps(np.maximum(x, threshold), np.maximum(y, threshold), w)

    return _scored(chained, draws, observed, weight, dim, missing)


def class_probability(
    draws: Labelled,
    starts: Sequence[int] = CLASSES,
    *,
    weight: Labelled = None,
    dim: str = DRAW,
    missing: Keep = "refuse",
) -> Labelled:
    """Share of the draws in each class of counts, shape (..., classes).

    Parameters
    ----------
    draws
        Non-negative counts, shape (..., draws).
    starts
        First count of each class, from 0 up; the last class is open.
    weight, dim, missing
        As in `crps`.

    Raises
    ------
    CaseError
        If `starts` does not rise from 0.
    EvidenceError
        If a draw is missing, infinite or negative.

    Examples
    --------
    >>> class_probability(np.array([0, 0, 3, 30]), (0, 1, 25))
    array([0.5 , 0.25, 0.25])
    """
    check_starts(starts)

    def shares(x: Array, w: Array) -> Array:
        check_counts("draws", x)
        reached = [np.ones(len(x)), *(share(x >= k, w) for k in starts[1:]), np.zeros(len(x))]
        return -np.diff(np.stack(reached, -1))

    found = score(shares, missing, CLASS, draws=(draws, dim), weight=(weights(weight), dim))
    return found.assign_coords({CLASS: list(starts)}) if isinstance(found, xr.DataArray) else found


def at_least(
    draws: Labelled,
    threshold: float,
    *,
    weight: Labelled = None,
    dim: str = DRAW,
    missing: Keep = "refuse",
) -> Labelled:
    """Share of the draws at or above a threshold; other arguments as in `crps`.

    Examples
    --------
    >>> at_least(np.array([0, 24, 25, 300]), 25).item()
    0.5
    """

    def above(x: Array, w: Array) -> Array:
        return share(x >= threshold, w)

    return score(above, missing, draws=(draws, dim), weight=(weights(weight), dim))


def _scored(
    rule: Callable[..., Array],
    draws: Labelled,
    observed: Labelled,
    weight: Labelled,
    dim: str,
    missing: str,
) -> Labelled:
    return score(
        rule, missing, draws=(draws, dim), observed=(observed, None), weight=(weights(weight), dim)
    )


def _crps(x: Array, y: Array, weight: Array) -> Array:
    from scoringrules import crps_ensemble  # compiles for seconds when imported

    if weight.shape[-1] == 1:
        return crps_ensemble(y, x)
    return crps_ensemble(y, x, ens_w=normalised(weight))
