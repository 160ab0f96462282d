"""Draws in hand under other beliefs: importance weights, and when they may be trusted.

Draws θ_d from a posterior with prior p are draws from the one with prior q when each counts for

    w_d ∝ q(θ_d) / p(θ_d),     Σ_d w_d = 1,

the likelihood being the same. The largest ratios are smoothed with a generalised Pareto tail whose
shape is k (Vehtari, Simpson, Gelman, Yao & Gabry 2024, arXiv:1507.02646). The weights are safe when
k < 0.5 and at least 400 effective draws are left, where

    effective = relative efficiency of the draws / Σ_d w_d²;

otherwise the draws have to be moved (`caucasus_forecast.transport`) or sampled again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from arviz_stats.base import array_stats

from . import names
from .priors import Layout, PriorSet, diff, frozen

Array = np.ndarray
MAX_K, MIN_EFFECTIVE = 0.5, 400.0


@dataclass(frozen=True)
class Weights:
    """What each draw counts for.

    Attributes
    ----------
    share
        Shape (chain, draw), sums to one.
    k
        Shape of the Pareto tail of the ratios; -inf where all draws count the same.
    effective
        Effective number of draws left.
    log_ratio
        Shape (chain, draw), the ratios before they were smoothed, up to a constant.
    """

    share: Array
    k: float
    effective: float
    log_ratio: Array = field(default_factory=lambda: np.zeros(()))

    @property
    def safe(self) -> bool:
        """Whether they may stand for a fit."""
        return self.k < MAX_K and self.effective >= MIN_EFFECTIVE

    def words(self) -> str:
        """How far they may be trusted, for people."""
        k = "no tail" if np.isneginf(self.k) else f"k = {self.k:.2f}"
        return f"{k}, {self.effective:.0f} effective draws"


def weights(log_ratio: Array, efficiency: float = 1.0) -> Weights:
    """Smoothed weights of draws.

    Parameters
    ----------
    log_ratio
        Shape (chain, draw), log of new over old density, up to a constant.
    efficiency
        Effective share of the draws before they are weighted, at most 1.

    Examples
    --------
    >>> same = weights(np.zeros((4, 250)))
    >>> same.safe, round(same.effective)
    (True, 1000)
    """
    flat = np.asarray(log_ratio, float).ravel()
    if np.ptp(flat) == 0.0:
        share, k = np.full(flat.size, 1.0 / flat.size), -np.inf
    else:
        smoothed, found = array_stats.psislw(-flat)  # takes log densities to be divided by
        share, k = np.exp(smoothed - np.logaddexp.reduce(smoothed)), float(found)
    effective = min(efficiency, 1.0) / float((share**2).sum())
    tail = np.inf if np.isnan(k) else k
    return Weights(share.reshape(log_ratio.shape), tail, effective, log_ratio)


def log_prior_ratio(draws: xr.Dataset, old: PriorSet, new: PriorSet, layout: Layout) -> Array:
    """Log of the new over the old prior density of every draw, shape (chain, draw).

    Only parameters of the layout whose prior changed enter.
    """
    shape = (draws.sizes[names.CHAIN], draws.sizes[names.DRAW])
    total, differ = np.zeros(shape), {d.parameter for d in diff(old, new)}
    for variable, (dim, keys) in layout.items():
        values = draws[variable].to_numpy()
        for i, key in enumerate(keys):
            if key in differ:
                value = values[..., i] if dim else values
                total += frozen(new[key]).logpdf(value) - frozen(old[key]).logpdf(value)
    return total


def of_tree(tree: xr.DataTree, log_ratio: Array) -> Weights:
    """What each draw of a forecast counts for, given the log ratios on top of what it counts now.

    Ratios add up before they are smoothed, so that the order of swaps and updates does not matter.
    The relative efficiency is that of the parameter with the fewest effective draws.
    """
    share = share_of(tree)
    if names.LOG_RATIO in tree[names.SAMPLE_STATS]:
        log_ratio = log_ratio + tree[names.SAMPLE_STATS][names.LOG_RATIO].to_numpy()
    elif share is not None:
        log_ratio = log_ratio + np.log(np.maximum(share, 1e-300))
    least = float(tree[names.DIAGNOSTICS]["ess_bulk"].min())
    return weights(log_ratio, least / log_ratio.size)


def noted(stats: xr.Dataset, found: Weights) -> xr.Dataset:
    """``sample_stats`` with what each draw counts for, and the log ratio behind it."""
    dims = (names.CHAIN, names.DRAW)
    return stats.assign(
        {names.WEIGHT: (dims, found.share), names.LOG_RATIO: (dims, found.log_ratio)}
    )


def share_of(tree: xr.DataTree) -> Array | None:
    """What each draw of a forecast counts for, (chain, draw); None where all count the same."""
    stats = tree[names.SAMPLE_STATS]
    return stats[names.WEIGHT].to_numpy() if names.WEIGHT in stats else None


def weighted(tree: xr.DataTree, values: Any) -> Any:
    """Values on (chain, draw, ...), to be summed up by ``.mean``, ``.std`` or ``.quantile``."""
    stats = tree[names.SAMPLE_STATS]
    return values.weighted(stats[names.WEIGHT]) if names.WEIGHT in stats else values
