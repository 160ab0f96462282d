"""What the one-step scores say about mixtures of views.

Stacking (Yao, Vehtari, Simpson & Gelman 2018) takes the mixture that would have predicted best,

    max over the simplex of  Σ_t log Σ_v w_v p_tv,        p_tv = exp(score of month t, view v),

a convex problem. Posterior weights from equal prior weights take the view that would have
predicted best, w_v ∝ exp(Σ_t log p_tv). How unsure both are is shown by drawing the months again.
"""

from __future__ import annotations

import numpy as np
from scipy import optimize, special

from .. import names
from ..streams import stream

Array = np.ndarray
RESAMPLES = 200


def stacking(scores: Array) -> Array:
    """Weights of the mixture with the best sum of log scores, shape (V,).

    Parameters
    ----------
    scores
        Shape (V, T), log predictive densities.

    References
    ----------
    Yao, Vehtari, Simpson and Gelman (2018), Bayesian Anal. 13, 917-1007, doi:10.1214/17-BA1091.

    Examples
    --------
    >>> stacking(np.log([[0.5, 0.5], [0.1, 0.1]])).round(6)
    array([1., 0.])
    """
    density = np.exp(scores - scores.max(0))
    views, months = density.shape

    def loss(w: Array) -> tuple[float, Array]:
        mixed = np.maximum(w @ density, 1e-300)
        return -float(np.log(mixed).sum()) / months, -(density / mixed).sum(1) / months

    found = optimize.minimize(
        loss, np.full(views, 1.0 / views), jac=True, method="SLSQP", bounds=[(0.0, 1.0)] * views,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": np.ones_like},
        options={"maxiter": 1000, "ftol": 1e-12},
    )  # fmt: skip
    weights = np.where(found.x > 1e-9, found.x, 0.0)
    return np.asarray(weights / weights.sum())


def posterior_weights(scores: Array) -> Array:
    """Weights of views believed equally before, shape (V,): softmax of the sums over months."""
    return np.asarray(special.softmax(scores.sum(1)))


def resampled(scores: Array, seed: int) -> tuple[Array, Array]:
    """Stacking and posterior weights of `RESAMPLES` bootstraps of the months, each (R, V)."""
    rng, months = stream(seed, "contest", "months"), scores.shape[1]
    picks = [rng.integers(0, months, months) for _ in range(RESAMPLES)]
    return (
        np.array([stacking(scores[:, p]) for p in picks]),
        np.array([posterior_weights(scores[:, p]) for p in picks]),
    )


def middle(values: Array) -> tuple[Array, Array]:
    """Ends of the equal-tailed interval of each column."""
    tail = (1.0 - names.INTERVAL_MASS) / 2.0
    low, high = np.quantile(values, [tail, 1.0 - tail], axis=0)
    return low, high
