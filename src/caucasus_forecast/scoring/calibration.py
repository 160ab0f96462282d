"""Calibration: the probability integral transform of counts, and whether it is uniform."""

from __future__ import annotations

from typing import Final

import numpy as np
import xarray as xr
from scipy import special

from ..errors import CaseError, EvidenceError
from ..names import DRAW
from ._arrays import (
    Array,
    Drop,
    Keep,
    Labelled,
    check_labels,
    check_range,
    refuse,
    same_targets,
    score_ends,
    share,
    weights,
)

MOMENTS: Final = 3
LEAST_BLOCKS: Final = 10


def pit(
    draws: Labelled,
    observed: Labelled,
    *,
    weight: Labelled = None,
    dim: str = DRAW,
    missing: Keep = "refuse",
) -> tuple[Labelled, Labelled]:
    """Interval of the probability integral transform of a count: F(y − 1) and F(y).

    For a discrete forecast the transform is not a number but an interval; the functions below use
    it whole, without drawing from it. Arguments and errors are those of `crps`.

    References
    ----------
    Czado, Gneiting and Held (2009), Biometrics 65, 1254-1261,
    doi:10.1111/j.1541-0420.2009.01191.x.

    Examples
    --------
    >>> tuple(end.item() for end in pit(np.array([0, 0, 1, 3]), 1))
    (0.5, 0.75)
    """

    def ends(x: Array, y: Array, w: Array) -> Array:
        return np.stack([share(x < y[:, None], w), share(x <= y[:, None], w)], axis=-1)

    return score_ends(
        ends, missing, draws=(draws, dim), observed=(observed, None), weight=(weights(weight), dim)
    )


def pit_given_positive(
    below: Labelled, upto: Labelled, zero: Labelled, *, missing: Keep = "refuse"
) -> tuple[Labelled, Labelled]:
    """Interval of the transform of a count that is known to be above 0.

        F(y | y > 0) = ( F(y) − F(0) ) / ( 1 − F(0) )

    To judge a forecast on the targets with deaths is to choose targets by their outcome, and there
    the plain transform of a right forecast is not uniform; this one is. Give it those targets only.

    Parameters
    ----------
    below, upto
        F(y − 1) and F(y), for targets with y > 0.
    zero
        F(0), the probability of no deaths; where it is 1 the count was held impossible and the
        transform is 1.
    missing
        As in `crps`.

    Raises
    ------
    EvidenceError
        If a value is missing, or F(0) is above F(y − 1) or F(y).

    Examples
    --------
    >>> tuple(end.item() for end in pit_given_positive(0.5, 0.75, 0.5))
    (0.0, 0.5)
    """

    def given(low: Array, high: Array, zero: Array) -> Array:
        ends, zero = np.stack([low, high], axis=-1), zero[:, None]
        wrong = ends[ends < zero - 1e-9]
        refuse("below or upto", wrong, "under F(0); give targets with y > 0 only")
        rest = 1.0 - zero
        within = np.clip((ends - zero) / np.where(rest > 0, rest, 1.0), 0.0, 1.0)
        return np.where(rest > 0, within, 1.0)

    return score_ends(given, missing, below=(below, None), upto=(upto, None), zero=(zero, None))


def pit_histogram(
    below: Labelled, upto: Labelled, bins: int = 10, *, missing: Drop = "refuse"
) -> Array:
    """Non-randomised histogram of the transform, shape (bins,), of mean 1 if all is well.

    Each target contributes the distribution function of the uniform on its interval,

        F_t(u) = min(1, max(0, (u − F(y − 1)) / (F(y) − F(y − 1)))),

    and the height of bin j is J · mean_t ( F_t(j/J) − F_t((j − 1)/J) ). A hump is a forecast too
    wide, a U one too narrow, a slope one that is off to a side.

    Parameters
    ----------
    below, upto
        F(y − 1) and F(y) of each target, of one shape.
    bins
        Number of bins J.
    missing
        ``"refuse"`` raises on NaN, ``"drop"`` leaves those targets out.

    Raises
    ------
    CaseError
        If `bins` is below 1.
    EvidenceError
        If a value is missing, the ends are out of order or outside 0 to 1, or no target is left.

    References
    ----------
    Czado, Gneiting and Held (2009), Biometrics 65, 1254-1261,
    doi:10.1111/j.1541-0420.2009.01191.x.

    Examples
    --------
    >>> pit_histogram(np.array([0.0, 0.5]), np.array([0.5, 0.5]), bins=4)
    array([1., 1., 2., 0.])
    """
    if bins < 1:
        raise CaseError(f"bins is {bins}; give a number of bins, 1 or more")
    low, high, _ = _transforms(below, upto, None, missing)
    edges = np.linspace(0.0, 1.0, bins + 1)
    width = (high - low)[:, None]
    part = np.clip((edges - low[:, None]) / np.where(width > 0, width, 1.0), 0.0, 1.0)
    reached = np.where(width > 0, part, edges > low[:, None])
    reached[:, 0], reached[:, -1] = 0.0, 1.0
    return bins * np.diff(reached).mean(0)


def pit_uniformity(
    below: Labelled, upto: Labelled, block: Labelled = None, *, missing: Drop = "refuse"
) -> float:
    """Probability of so uneven a transform if the forecasts are right: Neyman's smooth test.

    If the forecasts are right, the transform is uniform on average over its interval, so each
    shifted Legendre polynomial (mean, spread, skewness of the transform) has mean 0:

        s_tk = 1/(F(y) − F(y−1)) ∫_{F(y−1)}^{F(y)} √(2k+1) P_k(2u − 1) du,  k = 1, 2, 3.

    Let S_g be the sum of s_t over the targets of block g, m and V the mean and covariance of the G
    sums. Then T = G mᵀ V⁻¹ m, and T (G − 3) / (3 (G − 1)) is referred to F(3, G − 3).

    Targets may depend on each other within a block, in any way; blocks are independent. Overlapping
    horizons, and the same country in neighbouring months, are dependent: use the country, or
    stretches of 12 months, as the block. Tests that take one number for each target do not apply:
    the middle of the interval is not uniform for counts, and a draw from it makes p a matter of
    luck.

    In simulations of right forecasts, 4 to 9 % are rejected at p < 0.05, with 50 targets or more,
    or 10 blocks or more. Where no more than some 50 targets are above 0 among many that are not,
    up to 30 % are: test those above 0 alone, through `pit_given_positive`.

    Parameters
    ----------
    below, upto
        F(y − 1) and F(y) of each target.
    block
        Label of the block of each target, broadcast against `below`; without it, every target is
        its own.
    missing
        ``"refuse"`` raises on NaN, ``"drop"`` leaves those targets out.

    Raises
    ------
    EvidenceError
        As `pit_histogram`, and if there are fewer than 10 blocks.

    References
    ----------
    Neyman (1937), Skand. Aktuarietidskr. 20, 149-199. Knüppel (2015), J. Bus. Econ. Stat. 33,
    270-281, doi:10.1080/07350015.2014.948175, for moments of the transform under dependence.

    Examples
    --------
    >>> even = np.arange(20) / 20
    >>> pit_uniformity(even, even + 1 / 20) > 0.9, pit_uniformity(even**3, even**3) < 0.001
    (True, True)
    """
    low, high, label = _transforms(below, upto, block, missing)
    sums = _legendre(low, high)
    if label is not None:
        names, place = np.unique(label, return_inverse=True)
        each, sums = sums, np.zeros((len(names), MOMENTS))
        np.add.at(sums, place, each)
    blocks = len(sums)
    if blocks < LEAST_BLOCKS:
        raise EvidenceError(
            f"{blocks} independent blocks are too few to test; give {LEAST_BLOCKS} or more, such "
            "as more targets or shorter blocks"
        )
    mean, covariance = sums.mean(0), np.cov(sums.T)
    statistic = blocks * mean @ np.linalg.pinv(covariance, rcond=1e-10, hermitian=True) @ mean
    scaled = statistic * (blocks - MOMENTS) / (MOMENTS * (blocks - 1))
    return float(special.fdtrc(MOMENTS, blocks - MOMENTS, scaled))


def _legendre(low: Array, high: Array) -> Array:
    """Mean of the first shifted Legendre polynomials over each interval, shape (targets, 3)."""
    width = high - low
    narrow = width < 1e-8
    middle = low + high - 1.0

    def mean(k: int) -> Array:
        def antiderivative(u: Array) -> Array:
            x = 2.0 * u - 1.0
            return (special.eval_legendre(k + 1, x) - special.eval_legendre(k - 1, x)) / (4 * k + 2)

        slope = (antiderivative(high) - antiderivative(low)) / np.where(narrow, 1.0, width)
        return np.sqrt(2 * k + 1) * np.where(narrow, special.eval_legendre(k, middle), slope)

    return np.stack([mean(k) for k in range(1, MOMENTS + 1)], axis=-1)


def _transforms(
    below: Labelled, upto: Labelled, block: Labelled, missing: str
) -> tuple[Array, Array, Array | None]:
    """Ends of the transform and block of each target, flat and checked."""
    low, high = same_targets(missing, below=below, upto=upto)
    here = ~np.isnan(low)
    label = None if block is None else _blocks(block, below, low.shape)[here]
    low, high = low[here], high[here]
    if not len(low):
        raise EvidenceError("no target is left; give at least one that is not missing")
    check_range("below", low)
    check_range("upto", high)
    refuse("below", low[low > high], "above upto; give F(y − 1), then F(y)")
    return low, high, label


def _blocks(block: Labelled, targets: Labelled, shape: tuple[int, ...]) -> Array:
    """Label of each target, in the shape of the targets."""
    if isinstance(targets, xr.DataArray) and isinstance(block, xr.DataArray):
        check_labels([targets, block], [None, None])
        block = block.broadcast_like(targets).transpose(*targets.dims)
    try:
        return np.broadcast_to(np.asarray(block), shape)
    except ValueError:
        raise EvidenceError(
            f"block has shape {np.shape(block)}, the targets {shape}; "
            "give one label for each target"
        ) from None
