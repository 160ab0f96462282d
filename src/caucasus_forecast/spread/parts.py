"""The variance of nested values by parts, without bias, and what each part alone would say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import names
from ..estimate import mcse

Array = np.ndarray


@dataclass(frozen=True)
class Split:
    """Variance by parts, and what each part alone would make of the answer.

    Attributes
    ----------
    variance, mcse
        Of parameters, unseen tension and chance, (3,); they sum to the variance of Y.
    added
        What each draw adds to each of them, (D, 3).
    lower, upper
        5 % and 95 % points of the means that a part alone would give, (3,).
    """

    variance: Array
    mcse: Array
    added: Array
    lower: Array
    upper: Array


def split(y: Array) -> Split:
    """The three parts of the variance of nested values.

    Parameters
    ----------
    y
        Of each draw, start and path, (D, K, R); D and R are 2 or more.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> y = rng.normal(size=(2000, 1, 1)) + 2 * rng.normal(size=(2000, 4, 1))
    >>> split(y + rng.normal(size=(2000, 4, 4))).variance.round()
    array([1., 4., 1.])
    """
    draws, starts, paths = y.shape
    cell = y.mean(-1)
    mean = cell.mean(-1)
    chance = y.var(-1, ddof=1).mean(-1)
    between = cell.var(-1, ddof=1) if starts > 1 else chance / paths
    away = (mean - mean.mean()) ** 2 * draws / (draws - 1)
    added = np.stack([away - between / starts, between - chance / paths, chance], axis=-1)
    deviations = (mean - mean.mean(), cell - mean[:, None], y - cell[..., None])
    ends = [
        _points(deviation, variance) + y.mean()
        for deviation, variance in zip(deviations, added.mean(0), strict=True)
    ]
    lower, upper = np.transpose(ends)
    return Split(added.mean(0), errors(added), added, lower, upper)


def _points(deviation: Array, variance: float) -> Array:
    """5 % and 95 % points of deviations, scaled so that they have the variance."""
    seen = float((deviation**2).mean())
    scale = np.sqrt(max(variance, 0.0) / seen) if seen > 0 else 0.0
    tail = (1 - names.INTERVAL_MASS) / 2
    return scale * np.quantile(deviation, [tail, 1 - tail])


def errors(added: Array) -> Array:
    """Monte Carlo errors of means over draws, (D, n) → (n,)."""
    return np.array([mcse(x[None]) for x in added.T])


def among(mean: Array, noise: Array) -> tuple[float, float]:
    """Variance of means with equal weights, and its Monte Carlo error, at most.

    With m̂ = m + ε, Cov ε = C and K = I − 1/n, the estimate is unbiased,

        ( m̂ᵀ K m̂ − tr K C ) / n,        error² = ( 4 m̂ᵀ K C K m̂ + 2 tr K C K C ) / n²,

    and can come out below zero where the means differ by next to nothing.

    Parameters
    ----------
    mean
        E[Y] of each forecast, (n,).
    noise
        Covariance C of their Monte Carlo errors, (n, n).

    Examples
    --------
    >>> variance, error = among(np.array([0.2, 0.4]), np.zeros((2, 2)))
    >>> round(variance, 3), error
    (0.01, 0.0)
    """
    count = len(mean)
    away = mean - mean.mean()
    left = noise - noise.mean(0)
    squared = 4 * away @ noise @ away + 2 * np.trace(left @ left)
    value = (away @ away - np.trace(left)) / count
    return float(value), float(np.sqrt(max(squared, 0.0)) / count)
