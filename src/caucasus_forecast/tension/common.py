"""What the tension processes share: the bounded score, the replayed months, draws of a level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..equations import Number

Array = np.ndarray

BOUND = 2.0  # a score saturates at twice this


def bounded(raw: Number, xp: Any = np) -> Number:
    """The tension score: near the identity within one sd, never beyond ±2.

    Examples
    --------
    >>> float(np.round(bounded(3.8), 2))
    1.91
    """
    return BOUND * xp.tanh(raw / BOUND)


def stationary(transition: Array) -> Array:
    """Long-run distribution of a transition matrix, shape (K,)."""
    size = len(transition)
    system = np.vstack([transition.T - np.eye(size), np.ones(size)])
    return np.linalg.lstsq(system, np.r_[np.zeros(size), 1.0], rcond=None)[0]


@dataclass(frozen=True)
class Replay:
    """The months of a panel seen again under parameter draws.

    Attributes
    ----------
    log_likelihood
        Shape (D, T): log p(evidence of month t | evidence before it, parameters); a row sums to the
        log-likelihood of its draw.
    score
        Shape (D, T): tension score of each month, along one path drawn given all evidence.
    state
        The process at the origin given everything: (D, K) level probabilities, or (D,) values.
    """

    log_likelihood: Array
    score: Array
    state: Array


def add_by_month(increment: Array, month: Array, terms: Array) -> None:
    """Add terms of shape (D, n) to the months they speak about last, (D, T)."""
    np.add.at(increment.T, month, terms.T)
