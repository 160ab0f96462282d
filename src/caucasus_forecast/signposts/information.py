"""Bits: what an outcome is expected to tell of the scenario, with its error.

With S the scenario at the horizon and O the outcome of an observable, over the weighted futures,

    H(S)    = − Σ_s p(s) log2 p(s)                                  what is unknown now
    I(O; S) = Σ_o Σ_s p(o, s) log2( p(o, s) / p(o) p(s) )           what O is expected to tell

The plug-in estimate of I from N independent futures is too high by about
(|O| − 1)(|S| − 1) / (2 N ln 2) (Miller 1955). The jackknife removes this, and needs no N: with θ
from all the draws, and θ_b from all but block b of B blocks of consecutive draws,

    estimate = B θ − (B − 1) mean θ_b,      error² = (B − 1) / B Σ_b (θ_b − mean θ)²

(Efron & Stein 1981). The paths of a draw, and neighbouring draws, count as alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from scipy import special

Array = np.ndarray

# of all chains: enough of them for an error, long enough for the memory of a chain
BLOCKS: Final = 40


def entropy(weight: Array) -> Array:
    """Entropy of (unnormalised) weights along the last axis, in bits.

    Examples
    --------
    >>> float(entropy(np.array([2.0, 2.0, 0.0])))
    1.0
    """
    share = weight / weight.sum(-1, keepdims=True)
    return special.entr(share).sum(-1) / np.log(2)


def information(joint: Array) -> Array:
    """Mutual information of joint weights (..., O, S), in bits.

    Examples
    --------
    >>> float(information(np.eye(2))), float(information(np.ones((2, 2))))
    (1.0, 0.0)
    """
    both = entropy(joint.reshape(*joint.shape[:-2], -1))
    return entropy(joint.sum(-1)) + entropy(joint.sum(-2)) - both


def shift(joint: Array) -> Array:
    """How far each outcome moves each scenario: p(s | o) − p(s), of joint weights (..., O, S).

    Examples
    --------
    >>> shift(np.array([[3.0, 1.0], [1.0, 3.0]])).tolist()
    [[0.25, -0.25], [-0.25, 0.25]]
    """
    seen = joint.sum(-1, keepdims=True)
    given = np.divide(joint, seen, out=np.zeros_like(joint), where=seen > 0)
    return given - joint.sum(-2, keepdims=True) / joint.sum((-1, -2), keepdims=True)


def by_block(outcome: Array, scenario: Array, weight: Array, sizes: tuple[int, int]) -> Array:
    """Weight of every outcome and scenario in every block of draws, (B, O, S).

    Parameters
    ----------
    outcome, scenario
        Index on every path, (chain, draw, path).
    weight
        Of each draw, (chain, draw); they sum to 1.
    sizes
        Numbers of outcomes and of scenarios.

    Examples
    --------
    >>> paths = np.zeros((4, 20, 2), int)
    >>> by_block(paths, paths, np.full((4, 20), 1 / 80), (1, 1)).shape
    (40, 1, 1)
    """
    chains, draws = weight.shape
    each = max(1, min(BLOCKS // chains, draws))
    block = np.arange(chains)[:, None] * each + np.arange(draws)[None, :] * each // draws
    cell = (block[..., None] * sizes[0] + outcome) * sizes[1] + scenario
    counted = np.broadcast_to(weight[..., None] / outcome.shape[-1], outcome.shape)
    size = chains * each * sizes[0] * sizes[1]
    return np.bincount(cell.ravel(), counted.ravel(), minlength=size).reshape(-1, *sizes)


def jackknife(statistic: Callable[[Array], Array], tables: Array) -> tuple[Array, Array]:
    """A statistic of summed tables without its bias, and its error, one block left out at a time.

    Parameters
    ----------
    statistic
        Of tables (..., O, S), whatever their sum.
    tables
        One for each block, (B, O, S).

    Examples
    --------
    >>> value, error = jackknife(information, np.stack([np.eye(2)] * 4))
    >>> float(value), float(error)
    (1.0, 0.0)
    """
    count, whole = len(tables), tables.sum(0)
    each = statistic(np.maximum(whole - tables, 0.0))
    value = count * statistic(whole) - (count - 1) * each.mean(0)
    return value, np.sqrt((count - 1) / count * ((each - each.mean(0)) ** 2).sum(0))
