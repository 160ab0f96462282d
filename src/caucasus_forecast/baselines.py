"""Baselines: forecasts that need no model, and that a model must beat.

Each takes the counts of a series up to and including the last known month, and the pool of all
series up to the same month, and returns the predictive distribution of one month; it is the same
for every horizon. They are exact: nothing is drawn until someone asks for draws.

    zero                  no deaths
    last_poisson          Poisson with the mean of the last month
    conflictology12       one of the own last 12 months
    own36                 one of the own last 36 months
    own36_global5         own36, and with probability 5 % any positive month of the pool
    negative_binomial24   negative binomial with the mean and variance of the own last 24 months
    global240             any month of the pool

A series shorter than its window gives all it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np
from scipy import stats

from .errors import CaseError, EvidenceError, nearest

Array = np.ndarray

POOL_MONTHS: Final = 240
"""Months of all series that make the pool."""
GLOBAL_SHARE: Final = 0.05
"""Weight of the pool in `own36_global5`."""
TAIL: Final = 1e-12
WIDEST: Final = 2**16


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """A distribution of counts on a finite support.

    Parameters
    ----------
    values
        Counts of the support, increasing; shape (K,).
    probability
        Probability of each, shape (K,); sums to 1.

    Raises
    ------
    EvidenceError
        If values are not increasing counts, or probabilities do not sum to 1.

    Examples
    --------
    >>> d = Distribution(np.array([0, 2]), np.array([0.75, 0.25]))
    >>> d.cdf([0, 1, 2]), d.quantile([0.5, 0.9])
    (array([0.75, 0.75, 1.  ]), array([0, 2]))
    """

    values: Array
    probability: Array

    def __post_init__(self) -> None:
        values, probability = _counts(self.values), np.array(self.probability, dtype=float)
        if values.shape != probability.shape:
            raise EvidenceError(
                f"{values.size} values and {probability.size} probabilities; give one for each"
            )
        if (np.diff(values) <= 0).any():
            raise EvidenceError("the values of a distribution are not increasing; sort them")
        if not ((probability >= 0).all() and abs(probability.sum() - 1.0) < 1e-6):
            raise EvidenceError(
                f"probabilities sum to {probability.sum():g} or one is negative; divide by the sum"
            )
        for name, array in (("values", values), ("probability", probability)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    def cdf(self, count: Any) -> Array:
        """F(count), the probability of this count or fewer; 1 − cdf(k − 1) is that of k or more."""
        reached = np.r_[0.0, np.minimum(np.cumsum(self.probability), 1.0)]
        reached[-1] = 1.0
        return reached[np.searchsorted(self.values, np.asarray(count), side="right")]

    def quantile(self, mass: Any) -> Array:
        """The least count whose distribution function reaches `mass`, between 0 and 1.

        Raises
        ------
        CaseError
            If a mass is outside 0 to 1.
        """
        q = np.asarray(mass, dtype=float)
        if not ((q >= 0) & (q <= 1)).all():
            raise CaseError(f"a quantile is asked at {mass}; give probabilities between 0 and 1")
        reached = np.cumsum(self.probability) + TAIL
        place = np.searchsorted(reached, q, side="left")
        return self.values[np.minimum(place, len(self.values) - 1)]

    def class_probability(self, starts: Sequence[int]) -> Array:
        """Probability of each class of counts, given the first count of each, from 0 up.

        Raises
        ------
        CaseError
            If `starts` does not rise from 0.

        Examples
        --------
        >>> empirical([0, 0, 3, 30]).class_probability((0, 1, 25))
        array([0.5 , 0.25, 0.25])
        """
        first = np.asarray(starts)
        if not first.size or first[0] != 0 or (np.diff(first) <= 0).any():
            raise CaseError(f"starts is {starts}; give the first count of each class, from 0 up")
        return np.diff(np.r_[0.0, self.cdf(first[1:] - 1), 1.0])

    def draws(self, number: int, rng: np.random.Generator) -> Array:
        """Independent draws, shape (number,)."""
        return rng.choice(self.values, size=number, p=self.probability / self.probability.sum())


def empirical(counts: Any) -> Distribution:
    """Each of these counts equally likely.

    Raises
    ------
    EvidenceError
        If there are none, or one is not a whole number, 0 or more.

    Examples
    --------
    >>> empirical([3, 0, 0, 3]).values
    array([0, 3])
    """
    values, often = np.unique(_counts(counts), return_counts=True)
    return Distribution(values, often / often.sum())


def global_pool(panel: Any, months: int = POOL_MONTHS) -> Distribution:
    """The counts of all series in the last months, each equally likely.

    Parameters
    ----------
    panel
        Counts of all series up to the last known month; the last axis holds the months.
    months
        Number of months to look back.

    Raises
    ------
    EvidenceError
        As `empirical`.

    Examples
    --------
    >>> global_pool([[9, 0, 1], [9, 0, 0]], months=2).probability
    array([0.75, 0.25])
    """
    return empirical(np.asarray(panel)[..., -months:].ravel())


def mixture(parts: Sequence[tuple[float, Distribution]]) -> Distribution:
    """Distribution of a count drawn from one of several, by weight.

        P(x) = Σ_i w_i P_i(x)

    Raises
    ------
    EvidenceError
        If the weights do not sum to 1.

    Examples
    --------
    >>> mixture([(0.5, empirical([0])), (0.5, empirical([0, 4]))]).probability
    array([0.75, 0.25])
    """
    values, place = np.unique(
        np.concatenate([part.values for _, part in parts]), return_inverse=True
    )
    weighted = np.concatenate([weight * part.probability for weight, part in parts])
    return Distribution(values, np.bincount(place, weights=weighted, minlength=len(values)))


def positive_part(distribution: Distribution) -> Distribution:
    """Distribution given that the count is above 0; one that is always 0 stays as it is.

    Examples
    --------
    >>> positive_part(empirical([0, 0, 2, 5])).probability
    array([0.5, 0.5])
    """
    above = distribution.values > 0
    total = distribution.probability[above].sum()
    if total <= 0:
        return distribution
    return Distribution(distribution.values[above], distribution.probability[above] / total)


def poisson(mean: float) -> Distribution:
    """Poisson distribution; at mean 0 always 0.

    Examples
    --------
    >>> round(float(poisson(2.0).cdf(0)), 6)
    0.135335
    """
    return empirical([0]) if mean == 0 else _discretised(stats.poisson(mean))


def negative_binomial(mean: float, variance: float) -> Distribution:
    """Negative binomial with a given mean and variance.

        size = mean² / (variance − mean)

    Where the variance is not above the mean, it is Poisson.

    Examples
    --------
    >>> round(float(negative_binomial(1.0, 2.0).cdf(0)), 6)
    0.5
    """
    if variance <= mean:
        return poisson(mean)
    return _discretised(stats.nbinom(mean**2 / (variance - mean), mean / variance))


# ------------------------------------------------------------------------------------ the baselines


class Baseline(Protocol):
    """A forecast from a series and the pool.

    Parameters
    ----------
    history
        Counts of the series by month, the last one the last known month; shape (T,).
    pool
        Distribution of the counts of all series up to the same month (`global_pool`).
    horizon
        Months from the last known month to the target; no baseline depends on it.
    """

    def __call__(self, history: Any, pool: Distribution, horizon: int) -> Distribution:
        """The predictive distribution of the count of one month."""
        ...


def zero(history: Any, pool: Distribution, horizon: int) -> Distribution:
    """No deaths."""
    return empirical([0])


def last_poisson(history: Any, pool: Distribution, horizon: int) -> Distribution:
    """Poisson with the mean of the last month."""
    return poisson(float(_last(history, 1)[0]))


def conflictology12(history: Any, pool: Distribution, horizon: int) -> Distribution:
    """One of the own last 12 months: the benchmark of the VIEWS challenge.

    Examples
    --------
    >>> d = conflictology12([7, *[0] * 9, 1, 1, 4], empirical([0]), horizon=3)
    >>> d.values, d.probability * 12
    (array([0, 1, 4]), array([9., 2., 1.]))
    """
    return empirical(_last(history, 12))


def own36(history: Any, pool: Distribution, horizon: int) -> Distribution:
    """One of the own last 36 months."""
    return empirical(_last(history, 36))


def own36_global5(history: Any, pool: Distribution, horizon: int) -> Distribution:
    """One of the own last 36 months, and with probability 5 % any positive month of the pool."""
    own = own36(history, pool, horizon)
    return mixture([(1.0 - GLOBAL_SHARE, own), (GLOBAL_SHARE, positive_part(pool))])


def negative_binomial24(history: Any, pool: Distribution, horizon: int) -> Distribution:
    """Negative binomial with the mean and the sample variance of the own last 24 months."""
    window = _last(history, 24)
    variance = float(window.var(ddof=1)) if len(window) > 1 else 0.0
    return negative_binomial(float(window.mean()), variance)


def global240(history: Any, pool: Distribution, horizon: int) -> Distribution:
    """Any month of the pool."""
    return pool


BASELINES: Final[Mapping[str, Baseline]] = MappingProxyType(
    {
        "zero": zero,
        "last_poisson": last_poisson,
        "conflictology12": conflictology12,
        "own36": own36,
        "own36_global5": own36_global5,
        "negative_binomial24": negative_binomial24,
        "global240": global240,
    }
)


def find(name: str) -> Baseline:
    """The baseline of this name.

    Raises
    ------
    CaseError
        If there is none.

    Examples
    --------
    >>> find("conflictology12") is conflictology12
    True
    """
    if name not in BASELINES:
        raise CaseError(f"no baseline {name!r}; {nearest(name, BASELINES)}")
    return BASELINES[name]


# ---------------------------------------------------------------------------------------- helpers


def _counts(counts: Any) -> Array:
    """Counts as whole numbers, after a check."""
    x = np.asarray(counts)
    if x.ndim != 1 or not x.size:
        raise EvidenceError(f"counts have shape {x.shape}; give a row of at least one count")
    if x.dtype.kind not in "buif":
        raise EvidenceError(f"counts hold {x.dtype}, not numbers; convert them first")
    absent = int(np.isnan(x).sum())
    if absent:
        raise EvidenceError(
            f"{absent} of {x.size} counts are missing (NaN); leave those months out, or fill them"
        )
    wrong = x[~np.isfinite(x) | (x < 0) | (x != np.floor(x))]
    if wrong.size:
        raise EvidenceError(
            f"{wrong[0]} is not a count ({wrong.size} of {x.size} are not); "
            "give whole numbers, 0 or more"
        )
    return x.astype(np.int64)


def _last(history: Any, months: int) -> Array:
    return _counts(np.asarray(history)[-months:])


def _discretised(law: Any) -> Distribution:
    """A law of counts on a finite support, without its outermost tails.

    Every count up to a width of 65,536; beyond, cells that widen in proportion, each at its last
    count, so that the distribution function is exact at every value of the support.
    """
    low, high = int(law.ppf(TAIL)), int(law.isf(TAIL))
    dense = np.arange(low, min(high, low + WIDEST) + 1)
    values = dense
    if high > dense[-1]:
        sparse = np.geomspace(dense[-1], high, WIDEST)
        values = np.unique(np.r_[dense, np.ceil(sparse).astype(np.int64)])
    reached = law.cdf(values)
    reached[-1] = 1.0
    return Distribution(values, np.diff(reached, prepend=0.0))
