"""Draws as quantiles: an outcome is a function of its cause and of one uniform number.

Every draw of the simulator is Q(u) with u uniform on (0, 1), so that two runs which share their u
differ only by what was changed, and an outcome tells which u it may have come from: the interval
[F(y − 1), F(y)) for a count y with distribution function F.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from .jit import compiled

Array = np.ndarray

DEEPEST = -700.0  # log probability of a zero below which the sum from zero would underflow
WIDEST = 1e5  # standard deviation above which a count is as good as continuous
MOST = 2_000_000_000  # a count is no larger, whatever the mean: it fits in 32 bits


@compiled
def _sum_up(u: Array, mean: Array, size: Array, wanted: Array) -> tuple[Array, Array, Array]:
    """Counts by summing from zero: the first above u, or `wanted` where that is not negative.

    Returns counts, and the distribution function before and at each.
    """
    n = len(u)
    count, before, at = np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(n):
        odds = mean[i] / (size[i] + mean[i])
        p = np.exp(-size[i] * np.log1p(mean[i] / size[i]))
        k, low, high = 0.0, 0.0, p
        last = mean[i] + 60.0 * np.sqrt(mean[i] * (1.0 + mean[i] / size[i])) + 100.0
        while k < last and (high <= u[i] if wanted[i] < 0.0 else k < wanted[i]):
            p *= odds * (size[i] + k) / (k + 1.0)
            k += 1.0
            low, high = high, high + p
        count[i], before[i], at[i] = k, low, high
    return count, before, at


def negative_binomial(u: Array, mean: Array, size: Array) -> Array:
    """The count of variance mean + mean² / size at which the distribution function passes u.

    Parameters
    ----------
    u
        Uniform numbers in (0, 1), any shape.
    mean, size
        Positive, of the same shape.

    Examples
    --------
    >>> negative_binomial(np.array([0.1, 0.6, 0.99]), np.ones(3), np.ones(3))
    array([0, 1, 6])
    """
    u, mean, size = np.broadcast_arrays(*(np.asarray(x, float) for x in (u, mean, size)))
    mean = np.minimum(mean, MOST)
    far, deep, near = _roads(mean, size)
    found = np.empty(u.shape)
    flat = [x[near] for x in (u, mean, size)]
    found[near] = _sum_up(*flat, np.full(len(flat[0]), -1.0))[0]
    found[far] = stats.gamma.ppf(u[far], *_gamma(mean[far], size[far]))
    u, mean, size = (x[deep] for x in (u, mean, size))
    found[deep] = stats.nbinom.ppf(u, size, size / (size + mean))
    return np.minimum(found, MOST).astype(np.int64)


def _roads(mean: Array, size: Array) -> tuple[Array, Array, Array]:
    """Where counts are as good as continuous, where a sum would underflow, and the rest."""
    far = mean * (1.0 + mean / size) > WIDEST**2
    deep = ~far & (-size * np.log1p(mean / size) < DEEPEST)
    return far, deep, ~far & ~deep


def _gamma(mean: Array, size: Array) -> tuple[Array, float, Array]:
    """Shape, place and scale of the gamma distribution with the mean and variance of the count."""
    scale = 1.0 + mean / size
    return mean / scale, 0.0, scale


def behind_negative_binomial(count: Array, mean: Array, size: Array) -> tuple[Array, Array]:
    """The interval of u at which `negative_binomial` gives a count.

    Examples
    --------
    >>> low, high = behind_negative_binomial(np.array([1]), np.ones(1), np.ones(1))
    >>> float(low[0]), float(high[0])
    (0.5, 0.75)
    """
    arrays = (np.asarray(x, float) for x in (count, mean, size))
    count, mean, size = np.broadcast_arrays(*arrays)
    mean = np.minimum(mean, MOST)
    far, deep, near = _roads(mean, size)
    low, high = np.empty(count.shape), np.empty(count.shape)
    flat = [x[near] for x in (mean, size, count)]
    _, low[near], high[near] = _sum_up(np.zeros(len(flat[0])), *flat)
    wide = _gamma(mean[far], size[far])
    low[far], high[far] = (stats.gamma.cdf(count[far] + step, *wide) for step in (0.0, 1.0))
    count, mean, size = (x[deep] for x in (count, mean, size))
    p = size / (size + mean)
    low[deep], high[deep] = stats.nbinom.cdf(count - 1, size, p), stats.nbinom.cdf(count, size, p)
    return low, high


def category(weight: Array, u: Array) -> Array:
    """Category of each row of (unnormalised) weights at a uniform number.

    Examples
    --------
    >>> category(np.array([[0.2, 0.8], [0.2, 0.8]]), np.array([0.1, 0.9]))
    array([0, 1])
    """
    cumulative = np.cumsum(weight, axis=-1)
    return (u[..., None] * cumulative[..., -1:] >= cumulative).sum(-1)


def behind_category(weight: Array, chosen: Array) -> tuple[Array, Array]:
    """The interval of u at which `category` gives what was chosen.

    Examples
    --------
    >>> low, high = behind_category(np.array([[1.0, 3.0]]), np.array([1]))
    >>> float(low[0]), float(high[0])
    (0.25, 1.0)
    """
    cumulative = np.cumsum(weight, axis=-1) / weight.sum(-1, keepdims=True)
    high = np.take_along_axis(cumulative, chosen[..., None], -1)[..., 0]
    low = np.take_along_axis(cumulative, np.maximum(chosen - 1, 0)[..., None], -1)[..., 0]
    return np.where(chosen > 0, low, 0.0), high
