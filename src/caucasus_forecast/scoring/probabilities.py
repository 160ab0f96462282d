"""Scores of the probabilities of classes, of events, and of partitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from ..errors import CaseError, EvidenceError
from ..names import CLASS
from ._arrays import (
    Array,
    Keep,
    Labelled,
    check_counts,
    check_range,
    check_starts,
    refuse,
    score,
)
from .draws import CLASSES

BINS: Final = (0, 1, 3, 6, 11, 26, 51, 101, 251, 501, 1001)
"""First count of each bin of the ignorance score."""
THRESHOLDS: Final = (1, 25, 100)
"""Counts whose exceedance is scored by Brier."""


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
    >>> from caucasus_forecast.scoring import class_probability
    >>> p = class_probability(np.zeros(1000), BINS)
    >>> round(ignorance(p, 0).item(), 4), round(ignorance(p, 5).item(), 4)
    (0.0143, 9.9816)
    """
    check_starts(starts)
    if not worth > 0:
        raise CaseError(f"worth is {worth}; give the number of draws, above 0")

    def bits(p: Array, y: Array) -> Array:
        happened = _taken(p, _class_of(y, starts, p))
        return -np.log2((worth * happened + 1) / (worth + len(starts)))

    return score(bits, missing, probability=(probability, dim), observed=(observed, None))


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
    check_starts(starts)
    if len(starts) < 2:
        raise CaseError(f"starts is {starts}; a ranked score needs at least two classes")

    def ranked(p: Array, y: Array) -> Array:
        below = _class_of(y, starts, p)[:, None] <= np.arange(len(starts) - 1)
        return ((np.cumsum(p, -1)[:, :-1] - below) ** 2).mean(-1)

    return score(ranked, missing, probability=(probability, dim), observed=(observed, None))


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

    def squared(p: Array, o: Array) -> Array:
        check_range("probability", p)
        wrong = o[(o != 0) & (o != 1)]
        refuse("happened", wrong, "neither 0 nor 1; give the outcome, not a count")
        return (p - o) ** 2

    return score(squared, missing, probability=(probability, None), happened=(happened, None))


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
        happened = _place(o, p)[:, None] == np.arange(p.shape[-1])
        return ((p - happened) ** 2).sum(-1)

    return score(squared, missing, probability=(probability, dim), outcome=(outcome, None))


def partition_log(
    probability: Labelled, outcome: Labelled, *, dim: str = CLASS, missing: Keep = "refuse"
) -> Labelled:
    """Logarithmic score in bits of exclusive and exhaustive possibilities.

        LS = −log2 p_k,  k the one that happened

    infinite if that had probability 0. Arguments and errors are those of `partition_brier`.

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

    return score(bits, missing, probability=(probability, dim), outcome=(outcome, None))


def _check_sum(probability: Array) -> None:
    refuse("probability", probability[probability < -1e-9], "negative; give probabilities")
    total = probability.sum(-1)
    wrong = total[np.abs(total - 1.0) > 1e-6]
    refuse("probability", wrong, "the sum over the classes; divide by it, so that it is 1")


def _class_of(count: Array, starts: Sequence[int], probability: Array) -> Array:
    """Place of the class of each count, after a check of both."""
    if probability.shape[-1] != len(starts):
        raise EvidenceError(
            f"probability has {probability.shape[-1]} classes, starts has {len(starts)}; "
            "make both from the same starts"
        )
    check_counts("observed", count)
    _check_sum(probability)
    return np.searchsorted(starts, count, side="right") - 1


def _place(outcome: Array, probability: Array) -> Array:
    """Outcomes as places, after a check of both."""
    _check_sum(probability)
    last = probability.shape[-1] - 1
    wrong = (outcome < 0) | (outcome > last) | (outcome != np.floor(outcome))
    refuse("outcome", outcome[wrong], f"not a place; the possibilities are 0 to {last}")
    return outcome.astype(int)


def _taken(probability: Array, place: Array) -> Array:
    return np.take_along_axis(probability, place[:, None], axis=-1)[:, 0]
