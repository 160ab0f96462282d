"""Probabilities and means over weighted draws, with their Monte Carlo error.

Draw *d* of *N* has weight w_d (they sum to 1) and several paths. With a_d the mean over its paths
of x · 1[condition], and c_d that of 1[condition], the estimate and its influence are

    θ = Σ w_d a_d / Σ w_d c_d        z_d = N w_d (a_d − θ c_d) / Σ w_d c_d

and the Monte Carlo error of θ is that of the mean of z, from the effective sample size of z over
chains and draws (the delta method). Without condition and weights z_d = a_d − θ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from arviz_stats.base import array_stats
from scipy import special

from . import names
from .errors import CaseError

Array = np.ndarray
FEWEST_DRAWS = 4


@dataclass(frozen=True, eq=False)
class Sample:
    """The paths that count, and what each draw weighs.

    Parameters
    ----------
    given
        Where the condition holds, (chain, draw, path).
    weight
        Of each draw, (chain, draw), of any sum (default: equal).

    Raises
    ------
    CaseError
        If the weights are not non-negative numbers of that shape, or a chain has too few draws.

    Examples
    --------
    >>> sample = Sample(np.array([[[True, False]] * 4]))
    >>> sample.share, sample.paths, sample.effective
    (0.5, 4, 4.0)
    """

    given: Array
    weight: Array | None = None

    def __post_init__(self) -> None:
        shape = self.given.shape[:2]
        if shape[1] < FEWEST_DRAWS:
            raise CaseError(
                f"{shape[1]} draws a chain; a Monte Carlo error needs {FEWEST_DRAWS} or more"
            )
        weight = np.ones(shape) if self.weight is None else np.asarray(self.weight, float)
        if weight.shape != shape:
            raise CaseError(f"weights of shape {weight.shape}; one for each draw is {shape}")
        if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.sum() > 0):
            raise CaseError("weights must be finite, not negative, and not all zero")
        object.__setattr__(self, "weight", weight / weight.sum())

    @property
    def weights(self) -> Array:
        """Weight of each draw; they sum to 1."""
        return np.asarray(self.weight)

    @property
    def each(self) -> Array:
        """Share of each draw's paths on which the condition holds, (chain, draw)."""
        return self.given.mean(-1)

    @property
    def share(self) -> float:
        """Weighted share of the paths on which the condition holds."""
        return float((self.weights * self.each).sum())

    @property
    def paths(self) -> int:
        """Number of paths on which the condition holds, in draws of positive weight."""
        return int(self.given[self.weights > 0].sum())

    @property
    def effective(self) -> float:
        """Kish's number of equally weighted paths on which the condition holds."""
        squares = float((self.weights**2 * self.each).sum())
        return self.share**2 * self.given.shape[-1] / squares if squares > 0 else 0.0

    def mean(self, value: Array) -> tuple[float, float]:
        """The mean of a value given the condition, and its Monte Carlo error.

        Examples
        --------
        >>> value = np.array([[[1.0, 9.0]] * 4])
        >>> Sample(value < 5).mean(value)[0]
        1.0
        """
        mean, influence = self.influence(value)
        return mean, mcse(influence)

    def influence(self, value: Array) -> tuple[float, Array]:
        """The mean of a value given the condition, and what each draw adds to its error, z_d.

        Two estimates from the same draws differ with the error of the difference of their z.

        Examples
        --------
        >>> mean, z = Sample(np.ones((1, 4, 1), bool)).influence(np.arange(4.0).reshape(1, 4, 1))
        >>> mean, z.tolist()
        (1.5, [[-1.5, -0.5, 0.5, 1.5]])
        """
        above = np.where(self.given, value, 0.0).mean(-1)
        mean = float((self.weights * above).sum()) / self.share
        return mean, self.weights.size * self.weights * (above - mean * self.each) / self.share

    def spread(self, value: Array) -> float:
        """Standard deviation between draws of a value's mean, the paths' noise removed.

        With v_d ∝ w_d c_d, and m_d and s_d² the mean and variance over the n_d paths of draw d on
        which the condition holds, Var = (Σ v_d (m_d − m)² − Σ v_d (1 − v_d) s_d² / n_d) /
        (1 − Σ v_d²), never less than zero; NaN where no draw has two paths.

        Examples
        --------
        >>> value = np.array([[[1.0, 1.0], [3.0, 3.0], [1.0, 1.0], [3.0, 3.0]]])
        >>> round(Sample(value > 0).spread(value) ** 2, 3)
        1.333
        """
        paths = self.given.sum(-1)
        usable = (paths >= 2) & (self.weights > 0)
        if not usable.any():
            return math.nan
        weight = np.where(usable, self.weights * self.each, 0.0)
        weight = weight / weight.sum()
        kept = np.where(self.given, value, 0.0)
        mean = kept.sum(-1) / np.maximum(paths, 1)
        off = np.where(self.given, value - mean[..., None], 0.0)
        within = (off**2).sum(-1) / np.maximum(paths - 1, 1) / np.maximum(paths, 1)
        about = mean - (weight * mean).sum()
        between = float((weight * about**2).sum() - (weight * (1 - weight) * within).sum())
        return math.sqrt(max(between, 0.0) / max(1.0 - float((weight**2).sum()), 1e-12))

    def quantiles(self, value: Array, levels: tuple[float, ...]) -> tuple[float, ...]:
        """Quantiles of a value given the condition: the smallest value that reaches each level.

        Examples
        --------
        >>> Sample(np.ones((1, 4, 1), bool)).quantiles(np.array([[[1.0], [2], [3], [np.inf]]]),
        ...                                            (0.5, 0.9))
        (2.0, inf)
        """
        weight = np.broadcast_to(self.weights[..., None], self.given.shape)
        chosen = self.given & (weight > 0)
        order = np.argsort(value[chosen], kind="stable")
        reached = weight[chosen][order].cumsum()
        place = np.searchsorted(reached, np.array(levels) * reached[-1] * (1 - 1e-12))
        return tuple(float(x) for x in value[chosen][order][place])


def mcse(influence: Array) -> float:
    """Monte Carlo error of the mean that an influence, (chain, draw), belongs to.

    Zero where nothing varies, but for rounding; NaN where the influence is.

    Examples
    --------
    >>> mcse(np.full((4, 100), 0.5))
    0.0
    """
    if np.isnan(influence).any():
        return math.nan
    if np.ptp(influence) < 1e-12:
        return 0.0
    return float(array_stats.mcse(influence, chain_axis=0, draw_axis=1, method="mean"))


def resampled(share: Array, count: int | None = None) -> Array:
    """So many draws (default: as many), each as often as it counts, by systematic resampling.

    With W the running sum of `share`, scaled to end at one, the *k*-th taken is the first *i* where

        W_i >= (k + 1/2) / count,     k = 0 … count − 1,

    so each is taken floor(count · share_i) or ceil(count · share_i) times. Nothing is random.

    Parameters
    ----------
    share
        What each draw counts for, any shape.
    count
        How many.

    Returns
    -------
    Flat indices, in order.

    Examples
    --------
    >>> resampled(np.array([[0.5, 0.0], [0.25, 0.25]]))
    array([0, 0, 2, 3])
    """
    size = count or share.size
    reached = share.cumsum()
    at = (np.arange(size) + 0.5) / size * (1 - 1e-12)
    return np.searchsorted(reached / reached[-1], at).clip(max=share.size - 1)


def probability(hit: Array, sample: Sample) -> dict[str, float]:
    """Probability of an event given the condition, Monte Carlo error, interval over draws.

    The interval over parameter draws is that of a beta distribution with the variance between
    draws, from which the noise of the finite number of paths of each is removed. With p̂_d the share
    of the paths of draw d on which the event happens, and draws counting by v_d ∝ w_d c_d,

        Var(p_d) = Var(p̂_d) − E[ p̂_d (1 − p̂_d) / (paths_d − 1) ],

    and never less than the standard error of Var(p̂_d): a spread too small to be seen is not zero.
    Only draws with two paths or more can tell; where none can, the interval is 0 to 1.

    Parameters
    ----------
    hit
        Boolean, (chain, draw, path).
    sample
        The condition and the weights.

    Examples
    --------
    >>> hit = np.zeros((4, 100, 5), bool)
    >>> sorted(probability(hit, Sample(~hit)))
    ['lower', 'mcse', 'probability', 'upper']
    """
    rate, error = sample.mean(hit)
    lower, upper = _interval(hit, sample, rate)
    return {
        "probability": rate,
        "mcse": error if 0.0 < rate < 1.0 and error > 1e-12 else 1.0 / max(sample.effective, 1.0),
        "lower": lower,
        "upper": upper,
    }


def _interval(hit: Array, sample: Sample, mean: float) -> tuple[float, float]:
    if mean <= 0.0 or mean >= 1.0:
        return mean, mean
    paths = sample.given.sum(-1)
    usable = (paths >= min(2, sample.given.shape[-1])) & (sample.weights > 0)
    weight = np.where(usable, sample.weights * sample.each, 0.0)
    spread = 1.0 - float((weight**2).sum()) / float(weight.sum()) ** 2 if usable.any() else 0.0
    if spread <= 1e-12:
        return 0.0, 1.0
    weight = weight / weight.sum()
    rate = (hit & sample.given).sum(-1) / np.maximum(paths, 1)
    variance = float((weight * (rate - mean) ** 2).sum()) / spread
    within = float((weight * rate * (1 - rate) / np.maximum(paths - 1, 1)).sum())
    fourth = float((weight * (rate - mean) ** 4).sum())
    unsure = math.sqrt(max(fourth - variance**2, 0.0) * float((weight**2).sum()))
    return _beta_interval(mean, max(variance - within, unsure))


def _beta_interval(mean: float, variance: float) -> tuple[float, float]:
    if variance <= 1e-12:
        return mean, mean
    size = max(mean * (1 - mean) / variance - 1.0, 1e-3)
    tail = (1.0 - names.INTERVAL_MASS) / 2
    lower, upper = special.betaincinv(mean * size, (1 - mean) * size, [tail, 1 - tail])
    return float(lower), float(upper)
