"""Power-scaling: what happens when the prior, or the evidence, is raised to a power.

With p(θ) the prior, or one factor of it, and L(θ) the likelihood, the posteriors ∝ p(θ)^α L(θ) and
∝ p(θ) L(θ)^α, α near 1, are read from the draws in hand by importance weights (Kallioinen,
Paananen, Bürkner & Vehtari 2024, Statistics and Computing 34:57). Two readings of a quantity g(θ):

    sensitivity = ½ Σ± CJS(posterior, posterior at α±) / |log₂ α±|         (ArviZ; α± = 0.99, 1.01)
    change      = d E[g] / d log₂ α at α = 1 = log 2 · Cov(g, log p)       (or log L)

The first is a distance between distributions, the cumulative Jensen-Shannon one; above 0.05 it is
called sensitive. The second is what doubling the weight of that part would do, to first order, in
the unit of g, with its Monte Carlo error. For a scenario g is the share of a draw's paths that
resolve so: its mean is the probability, and the few paths of a draw add noise to its distribution,
which blunts the distance and leaves the change unbiased.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from arviz_stats.base import array_stats
from scipy import special

from .. import names, reweighting, transport
from ..estimate import mcse, resampled
from ..study import Study

Array = np.ndarray
ALPHAS = (0.99, 1.01)
SENSITIVE = 0.05
FEWEST = 25
CONFLICT, STRONG, NEITHER = "prior-data conflict", "strong prior / weak likelihood", "-"


def distance(values: Array, log_part: Array, share: Array | None = None) -> Array:
    """ArviZ's power-scaling sensitivity of each quantity to one part of the posterior.

    Parameters
    ----------
    values
        Shape (Q, chain, draw).
    log_part
        Log density of the part at each draw, (chain, draw).
    share
        What each draw counts for (default: all the same); the draws are then resampled.

    Returns
    -------
    Shape (Q,); NaN for a quantity that is the same at every draw, and for all where there are fewer
    than `FEWEST` draws, whose tail cannot be smoothed.

    Examples
    --------
    >>> z = np.linspace(-2, 2, 400).reshape(4, 100)
    >>> bool(distance(z[None], -z * z / 2)[0] > SENSITIVE)
    True
    """
    if log_part.size < FEWEST:
        return np.full(len(values), np.nan)
    if share is not None:
        picked = resampled(share)
        values, log_part = (
            x.reshape(*x.shape[:-2], 1, -1)[..., picked] for x in (values, log_part)
        )
    found = [array_stats.power_scale_lw(log_part, alpha=a, axis=(0, 1)) for a in ALPHAS]
    low, high = (special.softmax(w) for w in found)
    return np.array([_distance(x, low, high) for x in values])


def _distance(values: Array, low: Array, high: Array) -> float:
    if np.ptp(values) == 0.0:
        return float("nan")
    return float(array_stats.power_scale_sense(values, low, high, *ALPHAS))


def change(values: Array, log_part: Array, share: Array | None = None) -> tuple[Array, Array]:
    """Change of each quantity for each doubling of a part, and its Monte Carlo error, both (Q,).

    Parameters are those of `distance`.

    Examples
    --------
    >>> g = np.array([[[0.0, 1.0, 0.0, 1.0]]])
    >>> change(g, np.zeros((1, 4)))[0]
    array([0.])
    """
    weight = np.full(log_part.shape, 1.0 / log_part.size) if share is None else share
    about = log_part - (weight * log_part).sum()
    off = values - (weight * values).sum((-2, -1), keepdims=True)
    each = np.log(2.0) * off * about
    slope = (weight * each).sum((-2, -1))
    influence = weight.size * weight * (each - slope[:, None, None])
    return slope, np.array([mcse(x) for x in influence])


def diagnosis(prior: float, likelihood: float) -> str:
    """ArviZ's reading of the two sensitivities.

    Examples
    --------
    >>> diagnosis(0.2, 0.01), diagnosis(0.2, 0.2), diagnosis(0.01, 0.2)
    ('strong prior / weak likelihood', 'prior-data conflict', '-')
    """
    if not prior >= SENSITIVE:
        return NEITHER
    return CONFLICT if likelihood >= SENSITIVE else STRONG


# --------------------------------------------------------------------------- of a forecast


def shares(resolved: xr.DataArray, scenarios: int) -> Array:
    """Share of each draw's paths that resolve to each scenario at the horizon, (S, chain, draw).

    `resolved` holds the number of a scenario on (chain, draw, path, month), in that order but for
    the month.
    """
    last = resolved.isel({names.MONTH: -1}).to_numpy()
    return np.stack([(last == i).mean(-1) for i in range(scenarios)])


def scenario_shares(tree: xr.DataTree) -> Array:
    """The `shares` of a forecast."""
    resolved = tree[names.PREDICTIONS].to_dataset()[names.RESOLVED]
    return shares(resolved, tree[names.SCENARIOS].sizes[names.SCENARIO])


def diagnoses(tree: xr.DataTree, study: Study) -> dict[str, str]:
    """ArviZ's reading of every parameter of a forecast; it costs weights only."""
    share = reweighting.share_of(tree)
    keys, values, log_prior = _parameters(tree, study)
    parts = log_prior.sum(0), transport.log_likelihood(tree)
    both = zip(*(distance(values, part, share) for part in parts), strict=True)
    return {key: diagnosis(p, q) for key, (p, q) in zip(keys, both, strict=True)}


def of_forecast(tree: xr.DataTree, study: Study) -> xr.Dataset:
    """Power-scaling of every parameter and every scenario.

    Returns
    -------
    On ``parameter`` and on ``scenario`` (the latter as ``scenario_...``): ``prior`` and
    ``likelihood``, the sensitivities, and ``diagnosis``. On ``parameter``: ``own``, sensitivity to
    its own prior alone. On ``scenario``: ``change_prior``, ``change_likelihood`` and their
    ``..._mcse``. On (``edge``, ``scenario``): ``link``, the sensitivity of a scenario to the prior
    of one link, ``link_change`` and ``link_change_mcse``.
    """
    share = reweighting.share_of(tree)
    keys, values, log_prior = _parameters(tree, study)
    scenarios = scenario_shares(tree)
    parts = {"prior": log_prior.sum(0), "likelihood": transport.log_likelihood(tree)}
    found: dict[str, tuple[Any, Any]] = {}
    for part, log_part in parts.items():
        found[part] = ("parameter", distance(values, log_part, share))
        found[f"scenario_{part}"] = (names.SCENARIO, distance(scenarios, log_part, share))
        slope, error = change(scenarios, log_part, share)
        found |= {f"change_{part}": (names.SCENARIO, slope)}
        found |= {f"change_{part}_mcse": (names.SCENARIO, error)}
    own = [distance(v[None], p, share)[0] for v, p in zip(values, log_prior, strict=True)]
    found["own"] = ("parameter", own)
    for on, head in (("parameter", ""), (names.SCENARIO, "scenario_")):
        both = zip(found[f"{head}prior"][1], found[f"{head}likelihood"][1], strict=True)
        found[f"{head}diagnosis"] = (on, [diagnosis(p, q) for p, q in both])
    return xr.Dataset(
        found | _links(study, scenarios, dict(zip(keys, log_prior, strict=True)), share),
        coords={
            "parameter": keys,
            names.SCENARIO: tree[names.SCENARIOS][names.SCENARIO].to_numpy(),
            names.EDGE: list(study.graph.slopes),
        },
    )


def _parameters(tree: xr.DataTree, study: Study) -> tuple[list[str], Array, Array]:
    """Keys, values (P, chain, draw) and log prior densities (P, chain, draw) of the parameters."""
    keys: list[str] = []
    values: list[Array] = []
    densities: list[Array] = []
    for variable, (dim, along) in study.layout.items():
        keys += along
        for group, kept in ((names.POSTERIOR, values), (names.LOG_PRIOR, densities)):
            x = tree[group][variable].to_numpy().astype(float)
            kept.append(np.moveaxis(x, -1, 0) if dim else x[None])
    return keys, np.concatenate(values), np.concatenate(densities)


def _links(
    study: Study, scenarios: Array, log_prior: dict[str, Array], share: Array | None
) -> dict[str, Any]:
    dims = (names.EDGE, names.SCENARIO)
    blank = np.zeros((len(study.graph.slopes), len(scenarios)))
    far, slope, error = blank, blank.copy(), blank.copy()
    for i, edge in enumerate(study.graph.slopes):
        far[i] = distance(scenarios, log_prior[edge], share)
        slope[i], error[i] = change(scenarios, log_prior[edge], share)
    return {"link": (dims, far), "link_change": (dims, slope), "link_change_mcse": (dims, error)}
