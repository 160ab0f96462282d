"""Draws in hand moved to where other beliefs put them: exact where reweighting has no draws.

Where the evidence taught little, a posterior is its prior, and two distant priors have no draws in
common although one is easily made of the other. So each parameter whose prior changed from F to G
is moved by the monotone map that carries the one prior to the other,

    θ' = G⁻¹(F(θ)),

and every other parameter stays. With p and q the two priors, T the map and L the likelihood, a draw
of the density ∝ p(θ) L(θ) becomes one of the density ∝ q(θ') L(T⁻¹(θ')), so that it stands for the
new posterior ∝ q(θ') L(θ') when it counts for

    w ∝ L(θ') / L(θ).

Where that is not safe and the model has a compiled density, the draws are moved once more, on the
unconstrained coordinates x of the new priors, by the affine map between the two posteriors' normal
approximations (m: mode, C Cᵀ: inverse of minus the Hessian there),

    x'' = m_new + C_new C_old⁻¹ (x' − m_old),     w ∝ q(x'') L(x'') / ( q(x') L(θ) ),

which is exact whatever m and C are: they decide only how equal the weights come out. Weights are
smoothed as in `caucasus_forecast.reweighting`, and judged more strictly, k < 0.4: beyond it, moves
from narrow priors to wide ones were up to four errors off (`docs/calibration.md`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy import linalg, optimize, special

from . import names, reweighting
from .density import Density, density, log_prior_at
from .priors import Layout, Prior, PriorSet, frozen
from .reweighting import Weights
from .study import Study
from .tension import Drift, Ladder, Replay

Array = np.ndarray

# families that a change of place and scale carries into themselves, and how they are placed
_PLACED = {"Normal": ("mu", "sigma"), "Laplace": ("mu", "b")}
_SCALED = {"HalfNormal": "sigma", "Exponential": "lam"}
_STEP = 1e-3  # of a central difference, in prior standard deviations
MAX_K = 0.4
_FLATTEST = 0.1  # smallest curvature of a normal approximation; a prior alone has about 1


def carried(values: Array, old: Prior, new: Prior) -> Array:
    """Values of one prior as the values of another at the same probability.

    Increasing; the closed form where there is one, elsewhere through the nearer tail.

    Parameters
    ----------
    values
        Of the old prior, any shape.

    Examples
    --------
    >>> from caucasus_forecast.priors import Normal
    >>> carried(np.array([0.0, 1.0]), Normal(0, 1), Normal(3, 2))
    array([3., 5.])
    """
    if old == new:
        return values
    a, b = old.kwargs, new.kwargs
    if old.dist == new.dist and old.dist in _PLACED:
        place, scale = _PLACED[old.dist]
        return b[place] + b[scale] / a[scale] * (values - a[place])
    if old.dist == new.dist == "LogNormal":
        return np.exp(b["mu"] + b["sigma"] / a["sigma"] * (np.log(values) - a["mu"]))
    if old.dist == new.dist and old.dist in _SCALED:
        ratio = b[_SCALED[old.dist]] / a[_SCALED[old.dist]]
        return values / ratio if old.dist == "Exponential" else values * ratio
    before, after = frozen(old), frozen(new)
    below = before.cdf(values)
    return np.where(below < 0.5, after.ppf(below), after.isf(before.sf(values)))


def by_priors(draws: xr.Dataset, old: PriorSet, new: PriorSet, layout: Layout) -> xr.Dataset:
    """The draws with every parameter of the layout carried from its old prior to its new one."""
    moved = draws.copy()
    for variable, (dim, keys) in layout.items():
        values = draws[variable].to_numpy()
        parts = [
            carried(values[..., i] if dim else values, old[key], new[key])
            for i, key in enumerate(keys)
        ]
        moved[variable] = (draws[variable].dims, np.stack(parts, axis=-1) if dim else parts[0])
    return moved


def shifted(draws: xr.Dataset, edge: str, by: float) -> xr.Dataset:
    """The draws with one slope moved by a constant: its prior moved so, its spread kept."""
    moved = draws.copy()
    moved["slope"] = draws["slope"] + by * (draws[names.EDGE] == edge)
    return moved


# --------------------------------------------------------------------------- a posterior moved


@dataclass(frozen=True)
class Moved:
    """Draws that were moved, the panel seen again under them, and what each counts for."""

    draws: xr.Dataset
    replay: Replay
    weights: Weights

    @property
    def safe(self) -> bool:
        """Whether estimates from these draws may stand for a fit."""
        return self.weights.safe and self.weights.k < MAX_K


def log_likelihood(tree: xr.DataTree) -> Array:
    """Log likelihood of every draw of a forecast, (chain, draw)."""
    return tree[names.LOG_LIKELIHOOD]["evidence"].sum(names.MONTH, dtype=float).to_numpy()


def weighed(
    tree: xr.DataTree, study: Study, draws: xr.Dataset, more: Array | None = None
) -> Moved | None:
    """Moved draws with their weights; none where a draw was moved out of the numbers.

    Parameters
    ----------
    tree
        The forecast whose draws were moved.
    draws
        Where they are now.
    more
        What their log weights have besides the likelihoods, (chain, draw).
    """
    if not all(np.isfinite(v).all() for v in draws.data_vars.values() if v.dtype.kind == "f"):
        return None
    replay = study.replay(draws)
    before = log_likelihood(tree)
    ratio = replay.log_likelihood.sum(-1).reshape(before.shape) - before
    if more is not None:
        ratio = ratio + more
    if not np.isfinite(ratio).all():
        return None
    return Moved(draws, replay, reweighting.of_tree(tree, ratio))


def move(tree: xr.DataTree, study: Study, old: PriorSet, new: PriorSet) -> Moved | None:
    """The draws of a forecast moved from one prior set to another.

    None where they cannot be moved: the path of the `drift` model is drawn with its parameters, and
    has no prior of its own to be carried by.

    Parameters
    ----------
    tree, study
        The forecast, and its case laid out.
    old, new
        The prior set it was made with, and the one wanted.
    """
    if isinstance(study.process, Drift):
        return None
    draws = by_priors(tree[names.POSTERIOR].to_dataset(), old, new, study.layout)
    found = weighed(tree, study, draws)
    if found is None or found.safe or not isinstance(study.process, Ladder):
        return found
    again, more = refitted(draws, study, study.process, old, new)
    return weighed(tree, study, again, more) or found


# --------------------------------------------------------------------------- normal approximations


def refitted(
    draws: xr.Dataset, study: Study, process: Ladder, old: PriorSet, new: PriorSet
) -> tuple[xr.Dataset, Array]:
    """Draws, as `by_priors` leaves them, moved by the affine map.

    The second part is the log ratio of the new prior there and where they were, as densities of the
    coordinates, (chain, draw).
    """
    facts = process.facts(study.plan)
    before, after = (density(priors, study.layout, facts) for priors in (old, new))
    x = coordinates(draws, after)
    (m_old, c_old), (m_new, c_new) = (_normal(target, x.mean(0)) for target in (before, after))
    moved = m_new + (x - m_old) @ linalg.solve_triangular(c_old, c_new.T, trans="T", lower=True)
    more = [log_prior_at(b, after.table)[0] - log_prior_at(a, after.table)[0]
            for a, b in zip(x, moved, strict=True)]  # fmt: skip
    shape = (draws.sizes[names.CHAIN], draws.sizes[names.DRAW])
    return _placed(draws, moved, after), np.array(more).reshape(shape)


def _normal(target: Density, start: Array) -> tuple[Array, Array]:
    """Mode of a density, (P,), and the lower Cholesky factor of its normal approximation there."""
    mode = optimize.minimize(lambda x: _minus(*target(x)), start, jac=True, method="L-BFGS-B").x
    curvature, axes = np.linalg.eigh(_precision(target, mode))
    return mode, np.linalg.cholesky((axes / np.maximum(curvature, _FLATTEST)) @ axes.T)


def _minus(value: float, gradient: Array) -> tuple[float, Array]:
    return -value, -gradient


def _precision(target: Density, x: Array) -> Array:
    """Minus the Hessian of a log density, by central differences of its gradient, (P, P)."""
    steps = _STEP * np.eye(target.size)
    rows = np.stack([target(x - e)[1] - target(x + e)[1] for e in steps]) / (2 * _STEP)
    return (rows + rows.T) / 2


def coordinates(draws: xr.Dataset, target: Density) -> Array:
    """The unconstrained coordinates of draws, (D, P): the inverse of `Density.values`."""
    count = draws.sizes[names.CHAIN] * draws.sizes[names.DRAW]
    found = [draws[name].to_numpy().reshape(count, -1) for name in target.layout]
    theta, (_, support, centre, scale) = np.concatenate(found, axis=1), target.table.T[:4]
    kinds: dict[int, Any] = {0: np.asarray, 1: np.log, 2: special.logit}
    for kind, to in kinds.items():
        theta[:, support == kind] = to(theta[:, support == kind])
    return (theta - centre) / scale


def _placed(draws: xr.Dataset, x: Array, target: Density) -> xr.Dataset:
    """Draws like the given ones at other coordinates."""
    theta, moved, at = np.array([target.values(row) for row in x]), draws.copy(), 0
    for name in target.layout:
        shape = draws[name].shape
        width = int(np.prod(shape[2:]))
        moved[name] = (draws[name].dims, theta[:, at : at + width].reshape(shape))
        at += width
    return moved
