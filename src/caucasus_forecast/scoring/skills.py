"""Skill against a reference, and how sure one may be of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import CaseError, EvidenceError
from ..names import ORIGIN
from ..streams import stream
from ._arrays import Array, Drop, Labelled, outside, same_targets


class Skill(NamedTuple):
    """A skill and the ends of its interval."""

    value: float
    lower: float
    upper: float


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
    own, other = same_targets(missing, score=score, reference=reference)
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
    alpha = outside(mass)
    for name, value in (("block", block), ("resamples", resamples)):
        if value < 1:
            raise CaseError(f"{name} is {value}; give a whole number, 1 or more")
    scores = same_targets(missing, dim, score=score, reference=reference)
    own, other = (np.nansum(x.reshape(-1, x.shape[-1]), axis=0) for x in scores)
    origins = len(own)
    if origins < 2 * block:
        raise EvidenceError(
            f"{origins} origins are fewer than two blocks of {block}; "
            "give more origins, or a shorter block"
        )
    starts = stream(seed, "skill").integers(
        0, origins - block + 1, size=(resamples, -(-origins // block))
    )
    chosen = (starts[..., None] + np.arange(block)).reshape(resamples, -1)[:, :origins]
    again = _saved(own[chosen].sum(1), other[chosen].sum(1))
    lower, upper = np.quantile(again, [alpha / 2, 1 - alpha / 2])
    return Skill(float(_saved(own.sum(), other.sum())), float(lower), float(upper))


def _saved(score: Array, reference: Array) -> Array:
    if not np.all(reference > 0):
        raise EvidenceError(
            "the reference loses nothing on some stretch, so skill has no meaning; "
            "compare the scores themselves, or give more targets"
        )
    return 1.0 - score / reference
