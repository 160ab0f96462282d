"""Which links the evidence can tell the views apart on.

What a view believes of one link alone, p_v(θ_e), all else held alike, is supported by the evidence
*y* by the factor

    p(y | p_v on e) / p(y | p_0 on e) = E[ p_v(θ_e) / p_0(θ_e) ],      θ ~ p(θ | y) under p_0

So one fit gives every pair of views on every link: the Bayes factor of two views is the ratio of
their two means. Here p_0 is the pool of all views with equal weights
(`caucasus_forecast.priors.pool`). It is about as wide as the widest of them, so that the ratios
have light tails and their means a small error; over a narrow view the ratio of a wider one need not
have a variance. And what is held alike on the other links is then nobody's view in particular. The
Pareto shape of the ratios is looked at, and from 0.5 on the link is called not reliable.

The evidence tells a link apart when the Bayes factor of the most over the least favoured view is
above 3 with its Monte Carlo error: below, it is "not worth more than a bare mention" (Kass &
Raftery 1995, p. 777).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import stats

from .. import names, reweighting
from ..estimate import mcse
from ..priors import Prior, PriorSet, frozen
from .months import log_mean

Array = np.ndarray
MENTION = 3.0
QUANTILE = float(stats.norm.ppf(0.5 + names.INTERVAL_MASS / 2.0))
APART, SAME, UNSURE, SILENT = (
    "told apart",
    "cannot tell them apart",
    "not reliable",
    "no evidence reaches it",
)


def factors(
    draws: xr.Dataset, base: PriorSet, views: Mapping[str, PriorSet], reached: Sequence[str]
) -> xr.Dataset:
    """Bayes factors of every view on every link.

    Parameters
    ----------
    draws
        Posterior under `base`.
    base
        The pool of the views.
    views
        By name.
    reached
        The links that the likelihood reads.

    Returns
    -------
    On (edge, view): ``log_factor``, log Bayes factor over `base`, nats, and ``mcse``. On ``edge``:
    ``least``, ``most`` (names), ``log_range`` between them with ``range_mcse``, the worst Pareto
    shape ``k`` of any view, and ``verdict``.
    """
    edges, labels = [str(e) for e in draws[names.EDGE].to_numpy()], list(views)
    rows = [
        _link(draws["slope"].sel(edge=e).to_numpy(), base[e], [v[e] for v in views.values()])
        for e in edges
    ]
    said = [
        verdict(r.log_range, r.range_mcse, r.k) if e in reached else SILENT
        for e, r in zip(edges, rows, strict=True)
    ]
    numbers = ("log_range", "range_mcse", "k")
    return xr.Dataset(
        {
            "log_factor": ((names.EDGE, "view"), np.array([r.log_factor for r in rows])),
            "mcse": ((names.EDGE, "view"), np.array([r.mcse for r in rows])),
            "least": (names.EDGE, [labels[int(r.log_factor.argmin())] for r in rows]),
            "most": (names.EDGE, [labels[int(r.log_factor.argmax())] for r in rows]),
            **{key: (names.EDGE, [getattr(r, key) for r in rows]) for key in numbers},
            "verdict": (names.EDGE, said),
        },
        coords={names.EDGE: edges, "view": labels},
    )


def verdict(log_range: float, mcse: float, k: float) -> str:
    """What may be said of a link.

    Examples
    --------
    >>> verdict(2.0, 0.1, 0.2), verdict(0.4, 0.1, 0.2), verdict(2.0, 0.1, 0.9)
    ('told apart', 'cannot tell them apart', 'not reliable')
    """
    if k >= reweighting.MAX_K:
        return UNSURE
    return APART if log_range - QUANTILE * mcse > math.log(MENTION) else SAME


@dataclass(frozen=True, eq=False)
class _Link:
    """Log Bayes factors (V,) of the views over the base, and the widest gap between two of them."""

    log_factor: Array
    mcse: Array
    log_range: float
    range_mcse: float
    k: float


def _link(slope: Array, base: Prior, priors: Sequence[Prior]) -> _Link:
    below = frozen(base).logpdf(slope)
    told = {p: _over(frozen(p).logpdf(slope) - below) for p in dict.fromkeys(priors)}
    log_factor = np.array([told[p][0] for p in priors])
    influence = [told[p][1] for p in priors]
    low, high = int(log_factor.argmin()), int(log_factor.argmax())
    return _Link(
        log_factor,
        np.array([mcse(z) for z in influence]),
        float(log_factor[high] - log_factor[low]),
        mcse(influence[high] - influence[low]),
        max(k for _, _, k in told.values()),
    )


def _over(log_ratio: Array) -> tuple[float, Array, float]:
    """Log mean of a ratio of densities, its influence, and the shape of the ratio's tail."""
    even = np.full(log_ratio.shape, 1.0 / log_ratio.size)
    mean, influence = log_mean(log_ratio, even)
    return mean, influence, reweighting.weights(log_ratio).k
