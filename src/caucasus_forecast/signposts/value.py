"""What all the data of the next months are worth together, in bits.

The months to come hold too many numbers to count their combinations. So a classifier q is trained
to name the scenario S from what the first k months show, X, on half of the draws, and judged on
the other half, both ways round:

    H(S) − E[−log2 q(S | X)]  ≤  I(X; S),

with equality where q is the true p(S | X): a lower bound, which a better classifier could only
raise. H(S) is the plug-in entropy of all the futures, which is not above the true one on average.
The draws are split, not their paths: a classifier that knew the paths of a draw would know its
parameters.

q is multinomial logistic in x: the total and the last month of every count as log(1 + count), the
deadliest month, every state, and where the scenario set would resolve if the horizon were month k.
With x standardised, its coefficients β maximise

    Σ w log q(s | x) − ½ λ ‖β − β⁰‖²,      λ = 10,

where β⁰ says the base rates and nothing else.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import optimize, special

from .. import names
from ..estimate import Sample
from ..questions import World

Array = np.ndarray

RIDGE: Final = 10.0


def known(world: World, weight: Array | None, months: int) -> tuple[float, float]:
    """At least how many bits the first months tell of the scenario at the horizon, and the error.

    Parameters
    ----------
    world
        The futures, resolved.
    weight
        Of each draw, (chain, draw) (default: equal).
    months
        How many.
    """
    scenario = np.asarray(world.resolved)[..., -1].astype(int)
    seen = features(world, months)
    everywhere = Sample(np.ones(scenario.shape, bool), weight)
    counted = np.broadcast_to(everywhere.weights[..., None], scenario.shape)
    rate = np.bincount(scenario.ravel(), counted.ravel(), minlength=len(world.scenarios))
    rate = rate / rate.sum()
    early = np.arange(scenario.shape[1]) < scenario.shape[1] // 2
    gain = np.empty(scenario.shape)
    for train in (early, ~early):
        x, s, w = (a[:, train].reshape(-1, *a.shape[3:]) for a in (seen, scenario, counted))
        held = scenario[:, ~train]
        log_q = trained(x, s, w, seen[:, ~train].reshape(held.size, -1), len(rate))
        told = log_q[np.arange(held.size), held.ravel()] - np.log(rate[held.ravel()])
        gain[:, ~train] = told.reshape(held.shape) / np.log(2)
    return everywhere.mean(gain)


def features(world: World, months: int) -> Array:
    """What the first months show of each path, (chain, draw, path, feature)."""
    first = world.futures.isel({names.MONTH: slice(0, months)})
    deaths = first[names.DEATHS].to_numpy()[..., None, :].astype(float)
    counts = np.concatenate([first["count"].to_numpy().astype(float), deaths], axis=-2)
    sizes = np.concatenate([counts.sum(-1), counts[..., -1], deaths.max(-1)], axis=-1)
    now = np.asarray(world.resolved)[..., months - 1, None] == np.arange(len(world.scenarios))
    states = first["status"].to_numpy()[..., -1] != 0
    return np.concatenate([np.log1p(sizes), states, now], axis=-1)


def trained(x: Array, s: Array, weight: Array, new: Array, classes: int) -> Array:
    """Log probability of every class for new features, (n, C), by ridge multinomial logistic.

    Parameters
    ----------
    x, s, weight
        Features (N, F), class (N,) and weight (N,) of what is learned from.
    new
        Features of what is judged, (n, F).
    classes
        How many there are.

    Examples
    --------
    >>> x, s = np.array([[0.0], [1.0]] * 500), np.array([0, 1] * 500)
    >>> np.exp(trained(x, s, np.ones(1000), np.array([[1.0]]), 2)).round(1).tolist()
    [[0.0, 1.0]]
    """
    weight = weight * len(s) / weight.sum()
    mean, scale = x.mean(0), x.std(0)
    scale = np.where(scale > 0, scale, np.inf)

    def design(values: Array) -> Array:
        return np.hstack([np.ones((len(values), 1)), (values - mean) / scale])

    z, hit = design(x), np.eye(classes)[s]
    start = np.zeros((z.shape[1], classes))
    start[0] = np.log(np.bincount(s, weight, classes) + 0.5)

    def loss(flat: Array) -> tuple[float, Array]:
        beta = flat.reshape(start.shape)
        log_q = special.log_softmax(z @ beta, axis=1)
        away = beta - start
        value = -(weight[:, None] * hit * log_q).sum() + RIDGE * (away**2).sum() / 2
        slope = z.T @ (weight[:, None] * (np.exp(log_q) - hit)) + RIDGE * away
        return float(value), slope.ravel()

    found = optimize.minimize(
        loss, start.ravel(), jac=True, method="L-BFGS-B", options={"ftol": 1e-6}
    )
    return special.log_softmax(design(new) @ found.x.reshape(start.shape), axis=1)
