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
LONGEST = 1000.0  # mean above which a search is faster than the sum
WIDEST = 1e5  # standard deviation above which a count is as good as continuous
MOST = 2_000_000_000  # a count is no larger, whatever the mean: it fits in 32 bits


@compiled
def _none(mean: float, size: float) -> tuple[float, int]:
    """The probability of none, and how a count is found.

    0: summed from zero. 1: as good as continuous. 2: the sum would take long, or begin at nothing.
    """
    ratio = mean / size
    if mean * (1.0 + ratio) > WIDEST**2:
        return 0.0, 1
    log_none = -size * np.log1p(ratio)
    return np.exp(log_none), 2 if log_none < DEEPEST or mean > LONGEST else 0


@compiled
def _summed(
    p: float, mean: float, size: float, u: float, most: float
) -> tuple[float, float, float]:
    """A count by summing from zero, and the distribution function before and at it.

    It is the first count whose distribution function is above u, but no more than `most`. `p` is
    the probability of none; the sum ends 60 standard deviations above the mean.
    """
    odds = mean / (size + mean)
    last = mean + 60.0 * np.sqrt(mean * (1.0 + mean / size)) + 100.0
    k, low, high = 0.0, 0.0, p
    while k < last and k < most and high <= u:
        p *= odds * (size + k) / (k + 1.0)
        k += 1.0
        low, high = high, high + p
    return k, low, high


@compiled
def _counted(u: Array, mean: Array, size: Array) -> tuple[Array, Array]:
    """The count at each u, and how it is found."""
    count, road = np.zeros(len(u)), np.zeros(len(u), np.int8)
    for i in range(len(u)):
        p, road[i] = _none(mean[i], size[i])
        if not road[i]:
            count[i] = _summed(p, mean[i], size[i], u[i], np.inf)[0]
    return count, road


@compiled
def _reached(count: Array, mean: Array, size: Array) -> tuple[Array, Array, Array]:
    """The distribution function before and at each count, and how the count is found."""
    before, at = np.zeros(len(count)), np.zeros(len(count))
    road = np.zeros(len(count), np.int8)
    for i in range(len(count)):
        p, road[i] = _none(mean[i], size[i])
        if not road[i]:
            _, before[i], at[i] = _summed(p, mean[i], size[i], np.inf, count[i])
    return before, at, road


def _flat(*values: Array) -> tuple[tuple[int, ...], list[Array]]:
    """The common shape of several arrays, and each of them along one axis."""
    spread = np.broadcast_arrays(*(np.asarray(x, float) for x in values))
    return spread[0].shape, [np.ascontiguousarray(x).ravel() for x in spread]


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
    shape, (u, mean, size) = _flat(u, np.minimum(mean, MOST), size)
    found, road = _counted(u, mean, size)
    if road.any():
        far, deep = road == 1, road == 2
        found[far] = stats.gamma.ppf(u[far], *_gamma(mean[far], size[far]))
        u, mean, size = (x[deep] for x in (u, mean, size))
        found[deep] = stats.nbinom.ppf(u, size, size / (size + mean))
    return np.minimum(found, MOST).astype(np.int64).reshape(shape)


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
    shape, (count, mean, size) = _flat(count, np.minimum(mean, MOST), size)
    low, high, road = _reached(count, mean, size)
    if road.any():
        far, deep = road == 1, road == 2
        wide = _gamma(mean[far], size[far])
        low[far], high[far] = (stats.gamma.cdf(count[far] + step, *wide) for step in (0.0, 1.0))
        count, mean, size = (x[deep] for x in (count, mean, size))
        p = size / (size + mean)
        low[deep] = stats.nbinom.cdf(count - 1, size, p)
        high[deep] = stats.nbinom.cdf(count, size, p)
    return low.reshape(shape), high.reshape(shape)


@compiled
def _category(weight: Array, u: Array) -> Array:
    chosen = np.zeros(len(u), np.int64)
    for i in range(len(u)):
        total = 0.0
        for k in range(weight.shape[1]):
            total += weight[i, k]
        reached = 0.0
        for k in range(weight.shape[1]):
            if weight[i, k] > 0.0:
                reached += weight[i, k]
                chosen[i] = k
                if u[i] * total < reached:
                    break
    return chosen


def category(weight: Array, u: Array) -> Array:
    """Category of each row of (unnormalised) weights at a uniform number.

    Examples
    --------
    >>> category(np.array([[0.2, 0.8], [0.2, 0.8]]), np.array([0.1, 0.9]))
    array([0, 1])
    """
    rows = np.broadcast_to(weight, (*u.shape, np.shape(weight)[-1]))
    flat = np.ascontiguousarray(rows, float).reshape(-1, rows.shape[-1])
    found: Array = _category(flat, np.ascontiguousarray(u, float).ravel()).reshape(u.shape)
    return found


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
