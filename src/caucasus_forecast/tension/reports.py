"""What a count that is told in part says about the level: counts are thinned, exactly.

At a level, the deaths of a month are y ~ NegBinomial(mean, size), and of them r are told. With the
ratio x (`caucasus_forecast.delays`), r ~ NegBinomial(x · mean, size), and given r, with what is
learned from r about the rate behind both,

    x ≤ 1:  y − r | r ~ NegBinomial of size (size + r) and chance (size + x · mean) / (size + mean)
    x > 1:  y | r     ~ Binomial(r, 1 / x).

A dyad that has learned its own counts of a level is likelier, by bin of `y`, to have one count than
another (`caucasus_forecast.learning`). So the bins are kept apart, and summed under those weights:

    log_joint[j, k, b] = log P(r told, y in bin b | level k, ratio x_j).
"""

from __future__ import annotations

import numpy as np
from scipy import special

from ..equations import log_negative_binomial
from ..likelihood import Cells

Array = np.ndarray


def whole(cells: Cells) -> Array:
    """Which cells are told whole, (n,)."""
    if cells.reported is None:
        return np.ones(len(cells.month), bool)
    found: Array = (cells.reported == 1.0).all(1)
    return found


def of(cells: Cells, rows: Array) -> Array | None:
    """The ratios of some cells, (n, J); None where they are told whole."""
    if cells.reported is None or whole(cells)[rows].all():
        return None
    return cells.reported[rows]


def log_joint(count: Array, ratio: Array, mean: Array, size: Array, ends: Array) -> Array:
    """Log probability of what is told, with each bin of what there is: (n, J, K, B).

    Parameters
    ----------
    count
        Shape (n,), told.
    ratio
        Shape (n, J).
    mean, size
        Shape (n, 1, K), deaths of the exposure at each level.
    ends
        Shape (B - 1,), last count of every bin but the last.

    Examples
    --------
    >>> one = np.ones((1, 1, 1))
    >>> joint = log_joint(np.array([0.0]), np.array([[0.5]]), 2.0 * one, one, np.array([0.0]))
    >>> np.exp(joint).round(6).ravel().tolist()  # none at all, and some that are not told of yet
    [0.333333, 0.166667]
    """
    told, x = count[:, None, None], ratio[:, :, None]
    plain: Array = log_negative_binomial(told, x * mean, size)
    if not len(ends):
        return plain[..., None]
    told, x, mean, size = (a[..., None] for a in (told, x, mean, size))
    below, above = _more(told, x, mean, size, ends)
    less = _fewer(told, x, ends)
    below, above = np.where(x > 1.0, less[0], below), np.where(x > 1.0, less[1], above)
    edge = np.zeros((*plain.shape, 1))
    low, high = np.concatenate([edge, below], -1), np.concatenate([below, edge + 1.0], -1)
    over, past = np.concatenate([edge + 1.0, above], -1), np.concatenate([above, edge], -1)
    mass = np.where(low > 0.5, over - past, high - low)
    with np.errstate(divide="ignore"):
        return plain[..., None] + np.log(np.maximum(mass, 0.0))


def mixed(told: Array, robust: Array) -> Array:
    """Log joint probabilities, (n, J, K, B), where a share of each level's counts is any level's.

    Examples
    --------
    >>> apart = np.log([0.5, 0.1])[None, None, :, None]
    >>> np.exp(mixed(apart, np.array([0.2]))).round(3).ravel().tolist()
    [0.46, 0.14]
    """
    with np.errstate(divide="ignore"):
        own, any_ = (np.log(x)[:, None, None, None] for x in (1.0 - robust, robust))
    level = special.logsumexp(told, axis=2, keepdims=True) - np.log(told.shape[2])
    found: Array = np.logaddexp(own + told, any_ + level)
    return found


def _more(told: Array, x: Array, mean: Array, size: Array, ends: Array) -> tuple[Array, Array]:
    """P(y <= end) and P(y > end) where some are still to come."""
    chance = np.minimum((size + x * mean) / (size + mean), 1.0)
    left, enough = ends - told + 1.0, ends >= told
    parts = size + told, np.where(enough, left, 1.0), chance
    return (
        np.where(enough, special.betainc(*parts), 0.0),
        np.where(enough, special.betaincc(*parts), 1.0),
    )


def _fewer(told: Array, x: Array, ends: Array) -> tuple[Array, Array]:
    """P(y <= end) and P(y > end) where some will be withdrawn."""
    left, some = told - ends, ends < told
    parts = np.where(some, left, 1.0), ends + 1.0, 1.0 - 1.0 / np.maximum(x, 1.0)
    return (
        np.where(some, special.betainc(*parts), 1.0),
        np.where(some, special.betaincc(*parts), 0.0),
    )
