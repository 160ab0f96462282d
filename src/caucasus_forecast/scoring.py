"""Scores of count forecasts, and how sure one may be of them.

A forecast is an ensemble of draws (optionally weighted), or the probabilities of classes. Scores
are losses: lower is better. Every score is proper: in expectation no forecast beats the true
distribution (the pseudo-counts of `ignorance` leave a gain of less than 0.01 bits). All work alike
on arrays, whose last axis holds the draws or the classes, and on `xarray.DataArray`, whose
dimensions meet by name; the score has one value for each target.

A missing value (NaN) is refused unless `missing` says otherwise: ``"keep"`` gives the target a
missing score, ``"drop"``, where targets are summed up, leaves it out. An infinite value is refused.

    of draws          crps  log1p_crps  threshold_crps  interval  pit
    of probabilities  ignorance  rps  brier  partition_brier  partition_log
    of an interval    interval_score  covered
    of many targets   pit_histogram  pit_uniformity  skill  skill_interval

`class_probability` and `at_least` lead from draws to probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import xarray as xr
from scipy import special

from .errors import CaseError, EvidenceError, nearest
from .names import DRAW
from .streams import stream

Array = np.ndarray
Labelled = Any  # an xr.DataArray, an array, or a number
Keep = Literal["refuse", "keep"]
Drop = Literal["refuse", "drop"]

CLASS: Final = "class"
ORIGIN: Final = "origin"

BINS: Final = (0, 1, 3, 6, 11, 26, 51, 101, 251, 501, 1001)
"""First count of each bin of the ignorance score."""
CLASSES: Final = (0, 1, 25, 100, 1000)
"""First count of each class of the ranked probability score."""
THRESHOLDS: Final = (1, 25, 100)
"""Counts whose exceedance is scored by Brier."""
MASSES: Final = (0.5, 0.8, 0.9, 0.95)
"""Masses of the intervals that are scored."""

MOMENTS = 3
LEAST_BLOCKS = 10


class Skill(NamedTuple):
    """A skill and the ends of its interval."""

    value: float
    lower: float
    upper: float


# --------------------------------------------------------------------------------- scores of draws


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
    from scoringrules import crps_ensemble  # compiles for seconds when imported

    if weight is None:
        cells = {"draws": (draws, (dim,)), "observed": (observed, ())}
        return _score(lambda x, y: crps_ensemble(y, x), cells, missing)

    def weighted(x: Array, y: Array, w: Array) -> Array:
        return crps_ensemble(y, x, ens_w=_normalised(w))

    cells = {"draws": (draws, (dim,)), "observed": (observed, ()), "weight": (weight, (dim,))}
    return _score(weighted, cells, missing)


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
    x, y = _counts("draws", draws), _counts("observed", observed)
    return crps(np.log1p(x), np.log1p(y), weight=weight, dim=dim, missing=missing)


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
    CRPS after the chaining function

        v(x) = max(x, threshold).

    Other arguments are those of `crps`.

    Raises
    ------
    EvidenceError
        As `crps`.

    References
    ----------
    Allen, Ginsbourger and Ziegel (2023), SIAM/ASA J. Uncertain. Quantif. 11, 906-940,
    doi:10.1137/22M1532184.

    Examples
    --------
    >>> threshold_crps(np.array([0.0, 20.0]), 5.0).item()
    0.0
    """
    x, y = np.maximum(_array(draws), threshold), np.maximum(_array(observed), threshold)
    return crps(x, y, weight=weight, dim=dim, missing=missing)


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
    _check_starts(starts)
    x = _counts("draws", draws)

    def shares(x: Array, w: Array) -> Array:
        reached = [np.ones(len(x)), *(_mean(x >= k, w) for k in starts[1:]), np.zeros(len(x))]
        return -np.diff(np.stack(reached, -1))

    cells = {"draws": (x, (dim,)), "weight": _weight(weight, dim)}
    found = _score(shares, cells, missing, tail=(CLASS,))
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
    cells = {"draws": (draws, (dim,)), "weight": _weight(weight, dim)}
    return _score(lambda x, w: _mean(x >= threshold, w), cells, missing)


# ------------------------------------------------------------------------- scores of probabilities


def ignorance(
    probability: Labelled,
    observed: Labelled,
    starts: Sequence[int] = BINS,
    *,
    worth: float = 1000,
    dim: str = CLASS,
    missing: Keep = "refuse",
) -> Labelled:
    """Ignorance in bits, over bins of counts, with one pseudo-count in each of the K bins.

        IGN = −log2( (n p + 1) / (n + K) )

    where p is the probability of the bin that happened. For a forecast of n draws, `worth` = n
    makes n p the number of draws in the bin; exact probabilities, and ensembles that are to be read
    as such, are worth 1000 draws.

    Parameters
    ----------
    probability
        Probability of each bin, shape (..., K).
    observed
        The count that happened, shape (...).
    starts
        First count of each bin.
    worth
        Number of draws n that the forecast is worth.
    dim
        Dimension of the bins, for a `DataArray`.
    missing
        As in `crps`.

    Raises
    ------
    CaseError
        If `starts` does not rise from 0, or `worth` is not positive.
    EvidenceError
        If the probabilities are not of these bins or do not sum to 1, or a count is negative.

    References
    ----------
    Roulston and Smith (2002), Mon. Weather Rev. 130, 1653-1660,
    doi:10.1175/1520-0493(2002)130<1653:EPFUIT>2.0.CO;2.

    Examples
    --------
    >>> p = class_probability(np.zeros(1000), BINS)
    >>> round(ignorance(p, 0).item(), 4), round(ignorance(p, 5).item(), 4)
    (0.0143, 9.9816)
    """
    if not worth > 0:
        raise CaseError(f"worth is {worth}; give the number of draws, above 0")

    def bits(p: Array, y: Array) -> Array:
        k = _class_of(y, starts, p)
        return -np.log2((worth * _taken(p, k) + 1) / (worth + len(starts)))

    return _score(bits, _classes(probability, observed, dim), missing)


def rps(
    probability: Labelled,
    observed: Labelled,
    starts: Sequence[int] = CLASSES,
    *,
    dim: str = CLASS,
    missing: Keep = "refuse",
) -> Labelled:
    """Ranked probability score over K ordered classes of counts, between 0 and 1.

        RPS = 1/(K − 1) Σ_{k<K} ( F_k − 1{y in class k or below} )²

    the mean Brier score of the K − 1 questions "above class k?". Arguments are those of
    `ignorance`.

    Raises
    ------
    CaseError
        If `starts` does not rise from 0, or there is only one class.
    EvidenceError
        If the probabilities are not of these classes or do not sum to 1, or a count is negative.

    References
    ----------
    Epstein (1969), J. Appl. Meteorol. 8, 985-987.

    Examples
    --------
    >>> rps(np.array([0.5, 0.5, 0.0]), 0, starts=(0, 1, 25)).item()
    0.125
    """
    from scoringrules import rps_score

    if len(starts) < 2:
        raise CaseError(f"starts is {starts}; a ranked score needs at least two classes")

    def ranked(p: Array, y: Array) -> Array:
        k = _class_of(y, starts, p)
        return rps_score(k + 1, np.clip(p, 0.0, 1.0), backend="numpy") / (len(starts) - 1)

    return _score(ranked, _classes(probability, observed, dim), missing)


def brier(probability: Labelled, happened: Labelled, *, missing: Keep = "refuse") -> Labelled:
    """Brier score of the probability of an event, between 0 and 1.

        BS = (p − o)²

    Parameters
    ----------
    probability
        Probability p of the event.
    happened
        Outcome o: 1 or True if it happened, 0 or False if not.
    missing
        As in `crps`.

    Raises
    ------
    EvidenceError
        If a probability is outside 0 to 1 or an outcome is neither 0 nor 1.

    References
    ----------
    Brier (1950), Mon. Weather Rev. 78, 1-3.

    Examples
    --------
    >>> brier(np.array([0.25, 0.5]), np.array([True, False]))
    array([0.5625, 0.25  ])
    """
    from scoringrules import brier_score

    def squared(p: Array, o: Array) -> Array:
        _check_range("probability", p)
        _refuse(
            "happened", o[(o != 0) & (o != 1)], "neither 0 nor 1; give the outcome, not a count"
        )
        return brier_score(o, p, backend="numpy")

    cells = {"probability": (probability, ()), "happened": (happened, ())}
    return _score(squared, cells, missing)


def partition_brier(
    probability: Labelled, outcome: Labelled, *, dim: str = CLASS, missing: Keep = "refuse"
) -> Labelled:
    """Brier score of exclusive and exhaustive possibilities, between 0 and 2.

        BS = Σ_k ( p_k − 1{k happened} )²

    With two possibilities it is twice the Brier score of either.

    Parameters
    ----------
    probability
        Probability p of each possibility, such as a scenario; shape (..., K).
    outcome
        Place, from 0, of the one that happened; shape (...).
    dim
        Dimension of the possibilities, for a `DataArray`.
    missing
        As in `crps`.

    Raises
    ------
    EvidenceError
        If the probabilities do not sum to 1, or there is no such possibility.

    References
    ----------
    Brier (1950), Mon. Weather Rev. 78, 1-3.

    Examples
    --------
    >>> round(partition_brier(np.array([0.2, 0.7, 0.1]), 1).item(), 6)
    0.14
    """

    def squared(p: Array, o: Array) -> Array:
        return ((p - (_place(o, p)[:, None] == np.arange(p.shape[-1]))) ** 2).sum(-1)

    return _score(squared, _classes(probability, outcome, dim, "outcome"), missing)


def partition_log(
    probability: Labelled, outcome: Labelled, *, dim: str = CLASS, missing: Keep = "refuse"
) -> Labelled:
    """Logarithmic score in bits of exclusive and exhaustive possibilities.

        LS = −log2 p_k,  k the one that happened

    infinite if that had probability 0. Arguments are those of `partition_brier`.

    Raises
    ------
    EvidenceError
        If the probabilities do not sum to 1, or there is no such possibility.

    References
    ----------
    Good (1952), J. R. Stat. Soc. B 14, 107-114.

    Examples
    --------
    >>> partition_log(np.array([0.25, 0.5, 0.25]), 2).item()
    2.0
    """

    def bits(p: Array, o: Array) -> Array:
        with np.errstate(divide="ignore"):
            return 0.0 - np.log2(np.clip(_taken(p, _place(o, p)), 0.0, None))

    return _score(bits, _classes(probability, outcome, dim, "outcome"), missing)


# --------------------------------------------------------------------------------------- intervals


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
    alpha = _alpha(mass)

    def quantile(q: float) -> Labelled:
        def rule(x: Array) -> Array:
            return np.quantile(x, q, axis=-1, method="inverted_cdf")

        return _score(rule, {"draws": (draws, (dim,))}, missing)

    return quantile(round(alpha / 2, 12)), quantile(round(1 - alpha / 2, 12))


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
    from scoringrules import interval_score as score

    alpha = _alpha(mass)

    def rule(low: Array, high: Array, y: Array) -> Array:
        _check_ends(low, high)
        return score(y, low, high, alpha, backend="numpy")

    return _score(rule, _ends(lower, upper, observed), missing)


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

    return _score(rule, _ends(lower, upper, observed), missing)


# ------------------------------------------------------------------ probability integral transform


def pit(
    draws: Labelled,
    observed: Labelled,
    *,
    weight: Labelled = None,
    dim: str = DRAW,
    missing: Keep = "refuse",
) -> tuple[Labelled, Labelled]:
    """Interval of the probability integral transform of a count: F(y − 1) and F(y).

    Arguments are those of `crps`. For a discrete forecast the transform is not a number but an
    interval; the functions below use the interval whole, without drawing from it.

    Raises
    ------
    EvidenceError
        As `crps`.

    References
    ----------
    Czado, Gneiting and Held (2009), Biometrics 65, 1254-1261,
    doi:10.1111/j.1541-0420.2009.01191.x.

    Examples
    --------
    >>> tuple(end.item() for end in pit(np.array([0, 0, 1, 3]), 1))
    (0.5, 0.75)
    """
    cells = {
        "draws": (draws, (dim,)),
        "observed": (observed, ()),
        "weight": _weight(weight, dim),
    }
    below = _score(lambda x, y, w: _mean(x < y[:, None], w), cells, missing)
    return below, _score(lambda x, y, w: _mean(x <= y[:, None], w), cells, missing)


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
    >>> tuple(float(end) for end in pit_given_positive(0.5, 0.75, 0.5))
    (0.0, 0.5)
    """

    def given(end: Array, zero: Array) -> Array:
        _refuse("below or upto", end[end < zero - 1e-9], "under F(0); give targets with y > 0 only")
        rest = 1.0 - zero
        share = (end - zero) / np.where(rest > 0, rest, 1.0)
        return np.where(rest > 0, np.clip(share, 0.0, 1.0), 1.0)

    return (
        _score(given, {"below": (below, ()), "zero": (zero, ())}, missing),
        _score(given, {"upto": (upto, ()), "zero": (zero, ())}, missing),
    )


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
    low, high, _ = _intervals(below, upto, None, missing)
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

    Targets may depend on each other within a block, in any way; blocks are independent. Without
    `block` every target is its own. Overlapping horizons, and the same country in neighbouring
    months, are dependent: use the country, or stretches of 12 months, as the block. Tests that take
    one number for each target, such as the pointwise order test of ArviZ, do not apply: the middle
    of the interval is not uniform for counts, and a draw from it makes p a matter of luck.

    In simulations of right forecasts, 4 to 9 % are rejected at p < 0.05, with 50 targets or more,
    or 10 blocks or more. Where no more than some 50 targets are above 0 among many that are not,
    up to 30 % are: test those above 0 alone, through `pit_given_positive`.

    Parameters
    ----------
    below, upto
        F(y − 1) and F(y) of each target.
    block
        Label of the block of each target, broadcast against `below`.
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
    low, high, label = _intervals(below, upto, block, missing)
    score = _legendre(low, high)
    if label is not None:
        names, place = np.unique(label, return_inverse=True)
        total = np.zeros((len(names), MOMENTS))
        np.add.at(total, place.ravel(), score)
        score = total
    blocks = len(score)
    if blocks < LEAST_BLOCKS:
        raise EvidenceError(
            f"{blocks} independent blocks are too few to test; give {LEAST_BLOCKS} or more, such "
            "as more targets or shorter blocks"
        )
    mean = score.mean(0)
    covariance = np.atleast_2d(np.cov(score.T))
    statistic = blocks * mean @ np.linalg.pinv(covariance, rcond=1e-10, hermitian=True) @ mean
    scaled = statistic * (blocks - MOMENTS) / (MOMENTS * (blocks - 1))
    return float(special.fdtrc(MOMENTS, blocks - MOMENTS, scaled))


# ------------------------------------------------------------------------------------------- skill


def skill(score: Labelled, reference: Labelled, *, missing: Drop = "refuse") -> float:
    """Share of the reference's loss that a forecast saves: 1 − Σ score / Σ reference.

    Parameters
    ----------
    score, reference
        Scores of the forecast and of the reference on the same targets, of one shape.
    missing
        ``"refuse"`` raises on NaN, ``"drop"`` leaves out targets that neither has scored.

    Raises
    ------
    EvidenceError
        If the targets are not the same, a value is missing, or the reference loses nothing.

    Examples
    --------
    >>> skill(np.array([1.0, 2.0]), np.array([2.0, 4.0]))
    0.5
    """
    own, other = (x.ravel() for x in _same_targets(score, reference, missing))
    return float(_saved(np.nansum(own), np.nansum(other)))


def skill_interval(
    score: Labelled,
    reference: Labelled,
    *,
    seed: int,
    dim: str = ORIGIN,
    block: int = 12,
    resamples: int = 2000,
    mass: float = 0.9,
    missing: Drop = "refuse",
) -> Skill:
    """Skill with a moving-block bootstrap interval over the origins.

    Stretches of `block` consecutive origins are drawn with replacement, anywhere in the series, and
    joined to its length; the skill is taken anew, forecast and reference on the same stretches. So
    what is correlated within a stretch, and all targets of one origin, stay together. The interval
    holds the middle `mass` of the resampled skills.

    It is somewhat short when dependence reaches as far as a block. In simulations with 144 origins
    the 90 % interval held the true skill in 88 % of cases when origins were independent, in 83 %
    when each was correlated 0.5 with the one before, and in 75 % of 12-month moving averages.

    Parameters
    ----------
    score, reference
        Scores on the same targets; the last axis, or `dim`, holds the origins in order of time,
        other axes are summed.
    seed
        Decides the resamples.
    dim
        Dimension of the origins, for a `DataArray`.
    block
        Origins in one block; 12 for monthly origins.
    resamples
        Number of bootstrap samples.
    mass
        Probability inside the interval, between 0 and 1.
    missing
        As in `skill`.

    Raises
    ------
    CaseError
        If `block`, `resamples` or `mass` is out of range.
    EvidenceError
        As `skill`; if origins are fewer than two blocks, or out of order.

    References
    ----------
    Künsch (1989), Ann. Stat. 17, 1217-1241, doi:10.1214/aos/1176347265.

    Examples
    --------
    >>> reference = np.tile([1.0, 3.0], 24)
    >>> round(skill_interval(0.9 * reference, reference, seed=1).lower, 6)
    0.1
    """
    alpha = _alpha(mass)
    for name, value in (("block", block), ("resamples", resamples)):
        if value < 1:
            raise CaseError(f"{name} is {value}; give a whole number, 1 or more")
    pair = [np.nansum(x, axis=1) for x in _same_targets(score, reference, missing, dim)]
    origins = len(pair[0])
    if origins < 2 * block:
        raise EvidenceError(
            f"{origins} origins are fewer than two blocks of {block}; "
            "give more origins, or a shorter block"
        )
    starts = stream(seed, "skill").integers(
        0, origins - block + 1, size=(resamples, -(-origins // block))
    )
    chosen = (starts[..., None] + np.arange(block)).reshape(resamples, -1)[:, :origins]
    again = _saved(*(x[chosen].sum(1) for x in pair))
    lower, upper = np.quantile(again, [alpha / 2, 1 - alpha / 2])
    return Skill(float(_saved(*(x.sum() for x in pair))), float(lower), float(upper))


# ------------------------------------------------------------------------------- arrays and labels


def _score(
    rule: Callable[..., Array],
    cells: Mapping[str, tuple[Labelled, tuple[str, ...]]],
    missing: str,
    tail: tuple[str, ...] = (),
) -> Labelled:
    """Apply a rule written for rows of targets to arrays and labelled arrays alike.

    `cells` gives each argument by name with the dimensions its rule consumes, last in the array.
    The rule sees arrays of floats of shape (targets, ...), without missing values.
    """
    _check_policy(missing, ("refuse", "keep"))
    arrays = [_array(x) for x, _ in cells.values()]
    core = [dims for _, dims in cells.values()]
    for (name, (_, dims)), x in zip(cells.items(), arrays, strict=True):
        _check_dims(name, x, dims)
        _check_values(name, x, missing)
    _check_labels(arrays, [d for dims in core for d in dims])
    _check_mixed(arrays, [len(dims) for dims in core])

    def rows(*values: Array) -> Array:
        values = tuple(np.asarray(v, dtype=float) for v in values)
        lead = _lead(values, core, list(cells))
        _check_sizes(values, core, list(cells))
        flat = []
        for v, dims in zip(values, core, strict=True):
            own = v.shape[v.ndim - len(dims) :]
            flat.append(np.broadcast_to(v, lead + own).reshape((-1, *own)))
        gone = np.any([np.isnan(v).reshape(len(v), -1).any(1) for v in flat], axis=0)
        kept = rule(*(v[~gone] if gone.any() else v for v in flat))
        scores = np.full((len(gone), *np.shape(kept)[1:]), np.nan)
        scores[~gone] = kept
        return scores.reshape(lead + scores.shape[1:])

    return xr.apply_ufunc(
        rows,
        *arrays,
        input_core_dims=[list(dims) for dims in core],
        output_core_dims=[list(tail)],
    )


def _lead(values: Sequence[Array], core: Sequence[tuple[str, ...]], names: list[str]) -> Any:
    """Shape of the targets that the arguments have in common."""
    shapes = [v.shape[: v.ndim - len(dims)] for v, dims in zip(values, core, strict=True)]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        told = ", ".join(f"{name} {shape}" for name, shape in zip(names, shapes, strict=True))
        raise EvidenceError(
            f"the targets do not match: {told}; give one observed value for each forecast, "
            "draws or classes on the last axis"
        ) from None


def _array(x: Labelled) -> Labelled:
    return x if isinstance(x, xr.DataArray) else np.asarray(x)


def _counts(name: str, x: Labelled) -> Labelled:
    x = _array(x)
    values = np.asarray(x)
    _refuse(name, values[values < 0], "negative; a count is 0 or more")
    return x


def _weight(weight: Labelled, dim: str) -> tuple[Labelled, tuple[str, ...]]:
    """Equal weights when none are given: one number, to be broadcast."""
    return (np.ones(1), (dim,)) if weight is None else (weight, (dim,))


def _normalised(weight: Array) -> Array:
    _refuse("weight", weight[weight < 0], "negative; a weight is 0 or more")
    total = weight.sum(-1, keepdims=True)
    _refuse("weight", total[total <= 0], "the sum of a forecast's weights; give one above 0")
    return weight / total


def _mean(inside: Array, weight: Array) -> Array:
    if weight.shape[-1] == 1:
        return inside.mean(-1)
    return np.minimum((inside * _normalised(weight)).sum(-1), 1.0)


def _classes(
    probability: Labelled, observed: Labelled, dim: str, name: str = "observed"
) -> dict[str, tuple[Labelled, tuple[str, ...]]]:
    return {"probability": (probability, (dim,)), name: (observed, ())}


def _ends(
    lower: Labelled, upper: Labelled, observed: Labelled
) -> dict[str, tuple[Labelled, tuple[str, ...]]]:
    return {"lower": (lower, ()), "upper": (upper, ()), "observed": (observed, ())}


def _taken(probability: Array, place: Array) -> Array:
    return np.take_along_axis(probability, place[:, None], axis=-1)[:, 0]


def _class_of(count: Array, starts: Sequence[int], probability: Array) -> Array:
    """Place of the class of each count."""
    _check_starts(starts)
    if probability.shape[-1] != len(starts):
        raise EvidenceError(
            f"probability has {probability.shape[-1]} classes, starts has {len(starts)}; "
            "make both from the same starts"
        )
    _refuse("observed", count[count < 0], "negative; a count is 0 or more")
    _check_sum(probability)
    return np.searchsorted(starts, count, side="right") - 1


def _place(outcome: Array, probability: Array) -> Array:
    """Outcomes as places, after a check."""
    _check_sum(probability)
    last = probability.shape[-1] - 1
    wrong = (outcome < 0) | (outcome > last) | (outcome != np.floor(outcome))
    _refuse("outcome", outcome[wrong], f"not a place; the possibilities are 0 to {last}")
    return outcome.astype(int)


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


def _intervals(
    below: Labelled, upto: Labelled, block: Labelled, missing: str
) -> tuple[Array, Array, Array | None]:
    """Ends of the transform and block of each target, flat and checked."""
    low, high = _same_targets(below, upto, missing, names=("below", "upto"))
    label = None
    if block is not None:
        if isinstance(below, xr.DataArray) and isinstance(block, xr.DataArray):
            _check_labels([below, block], [])
            block = block.broadcast_like(below).transpose(*below.dims)
        try:
            label = np.broadcast_to(np.asarray(block), low.shape).ravel()
        except ValueError:
            raise EvidenceError(
                f"block has shape {np.shape(block)}, the targets {low.shape}; "
                "give one label for each target"
            ) from None
    low, high = low.ravel(), high.ravel()
    here = ~np.isnan(low)
    low, high = low[here], high[here]
    if not len(low):
        raise EvidenceError("no target is left; give at least one that is not missing")
    _check_range("below", low)
    _check_range("upto", high)
    _refuse("below", low[low > high], "above upto; give F(y − 1), then F(y)")
    return low, high, None if label is None else label[here]


def _same_targets(
    first: Labelled,
    second: Labelled,
    missing: str,
    dim: str | None = None,
    names: tuple[str, str] = ("score", "reference"),
) -> tuple[Array, Array]:
    """Two arrays of the same targets; with `dim`, as (origins, targets)."""
    _check_policy(missing, ("refuse", "drop"))
    a, b = _array(first), _array(second)
    for name, x in zip(names, (a, b), strict=True):
        _check_values(name, x, missing)
    _check_mixed([a, b], [0, 0])
    if isinstance(a, xr.DataArray) and isinstance(b, xr.DataArray):
        _check_labels([a, b], [])
        if set(a.dims) == set(b.dims):
            b = b.transpose(*a.dims)
        if dim is not None:
            for name, x in zip(names, (a, b), strict=True):
                _check_dims(name, x, (dim,))
            _check_order(a, dim)
            a, b = (x.transpose(..., dim) for x in (a, b))
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if x.shape != y.shape:
        raise EvidenceError(
            f"{names[0]} has shape {x.shape}, {names[1]} {y.shape}; give both for the same targets"
        )
    apart = int((np.isnan(x) != np.isnan(y)).sum())
    if apart:
        raise EvidenceError(
            f"{apart} targets are missing in one of {names[0]} and {names[1]} only; "
            "compare on targets that both have"
        )
    if dim is None:
        return x, y
    return x.reshape(-1, x.shape[-1]).T, y.reshape(-1, y.shape[-1]).T


def _saved(score: Array, reference: Array) -> Array:
    total = np.asarray(reference)
    if not (total > 0).all():
        raise EvidenceError(
            "the reference loses nothing on some stretch, so skill has no meaning; "
            "compare the scores themselves, or give more targets"
        )
    return 1.0 - score / total


# ------------------------------------------------------------------------------------------ checks


def _refuse(name: str, wrong: Array, why: str) -> None:
    """Raise if there are wrong values, saying how many, the first, and why."""
    if wrong.size:
        more = f" and {wrong.size - 1} more" if wrong.size > 1 else ""
        raise EvidenceError(f"{name}: {wrong.flat[0]:g}{more} is {why}")


def _check_policy(missing: str, allowed: tuple[str, ...]) -> None:
    if missing not in allowed:
        raise CaseError(f"missing is {missing!r}; {nearest(missing, allowed)}")


def _check_dims(name: str, x: Labelled, dims: tuple[str, ...]) -> None:
    if not isinstance(x, xr.DataArray):
        if x.ndim < len(dims):
            raise EvidenceError(f"{name} is a single number; give {dims[0]} values on an axis")
        return
    for dim in dims:
        if dim not in x.dims:
            raise EvidenceError(
                f"{name} has no dimension {dim!r}, name it with dim=; "
                f"{nearest(dim, map(str, x.dims))}"
            )


def _check_values(name: str, x: Labelled, missing: str) -> None:
    values = np.asarray(x)
    if values.dtype.kind not in "buif":
        raise EvidenceError(f"{name} holds {values.dtype}, not numbers; convert it first")
    if not values.size:
        raise EvidenceError(f"{name} is empty; give at least one value")
    if values.dtype.kind != "f":
        return
    absent = int(np.isnan(values).sum())
    if absent and missing == "refuse":
        other = "leave those targets out of forecast and observation alike, or say what to do"
        raise EvidenceError(
            f"{name}: {absent} of {values.size} values are missing (NaN); {other} with missing="
        )
    _refuse(name, values[np.isinf(values)], "infinite; give finite values")


def _check_labels(arrays: Sequence[Labelled], exclude: Sequence[str]) -> None:
    labelled = [x for x in arrays if isinstance(x, xr.DataArray)]
    try:
        xr.align(*labelled, join="exact", copy=False, exclude=frozenset(exclude))
    except ValueError as trouble:
        first = str(trouble).splitlines()[0]
        raise EvidenceError(
            f"the labels of the targets differ ({first}); give the same targets in both"
        ) from None


def _check_mixed(arrays: Sequence[Labelled], core: Sequence[int]) -> None:
    labelled = [isinstance(x, xr.DataArray) for x in arrays]
    plain = any(
        not is_labelled and x.ndim > own
        for x, own, is_labelled in zip(arrays, core, labelled, strict=True)
    )
    if any(labelled) and plain:
        raise EvidenceError(
            "some targets have named dimensions and others not; give all as DataArray, or none"
        )


def _check_sizes(
    values: Sequence[Array], core: Sequence[tuple[str, ...]], names: Sequence[str]
) -> None:
    sizes: dict[str, int] = {}
    for v, dims, name in zip(values, core, names, strict=True):
        for dim in dims:
            size = v.shape[-1]
            if size > 1 and sizes.setdefault(dim, size) not in (1, size):
                raise EvidenceError(
                    f"{name} has {size} values along {dim!r}, the others {sizes[dim]}; "
                    "give one for each"
                )


def _check_order(x: xr.DataArray, dim: str) -> None:
    if dim in x.coords and not x.indexes[dim].is_monotonic_increasing:
        raise EvidenceError(f"{dim!r} is not in order of time; sort by it first")


def _check_starts(starts: Sequence[int]) -> None:
    if not len(starts) or starts[0] != 0 or (np.diff(starts) <= 0).any():
        raise CaseError(f"starts is {tuple(starts)}; give the first count of each class, from 0 up")


def _check_range(name: str, x: Array) -> None:
    _refuse(name, x[(x < 0) | (x > 1)], "outside 0 to 1; give a probability")


def _check_sum(probability: Array) -> None:
    _refuse("probability", probability[probability < -1e-9], "negative; give probabilities")
    total = probability.sum(-1)
    wrong = total[np.abs(total - 1.0) > 1e-6]
    _refuse("probability", wrong, "the sum over the classes; divide by it, so that it is 1")


def _check_ends(lower: Array, upper: Array) -> None:
    _refuse("lower", lower[lower > upper], "above its upper end; exchange them")


def _alpha(mass: float) -> float:
    if not 0 < mass < 1:
        raise CaseError(f"mass is {mass}; give a probability between 0 and 1, such as 0.9")
    return 1.0 - mass
