"""The ladder's whole log density, priors and evidence, compiled once for every forecast.

PyMC's model of the ladder (`caucasus_forecast.models.ladder`) is the definition; compiling its
graph costs more than sampling from it. Here the same density is a function of one vector `x` and
one vector of data, so that no evidence, no prior and no family of priors asks for a new
compilation. Each parameter has a coordinate that its prior makes roughly standard normal,

    value = to(centre + scale · x),     to = identity, exp or logistic, by the prior's support
    log p(x) = log prior(value) + log |d value / d x| + log evidence(values)

up to a constant. Tests hold it to PyMC, value and gradient, to 1e-8.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba import carray, types
from scipy import stats

from . import kernel
from .jit import callback, compiled
from .kernel import Facts
from .priors import DISTRIBUTIONS, POSITIVE, REAL, Layout, Prior, PriorSet, frozen

Array = np.ndarray

FAMILIES = tuple(DISTRIBUTIONS)
_SUPPORTS = {REAL: 0, POSITIVE: 1}  # 2: the unit interval
_WIDTH = 7  # family, support, centre, scale, and up to three arguments


@compiled
def _log_prior(family: int, value: float, a: float, b: float, c: float) -> tuple[float, float]:
    """Log density of a family (in the order of `FAMILIES`) up to a constant, and its derivative."""
    if family == 0:  # Normal(mu, sigma)
        z = (value - a) / b
        return -0.5 * z * z, -z / b
    if family == 1:  # StudentT(nu, mu, sigma)
        z = (value - b) / c
        return -0.5 * (a + 1.0) * np.log1p(z * z / a), -(a + 1.0) * z / (c * (a + z * z))
    if family == 2:  # Laplace(mu, b)
        return -abs(value - a) / b, -np.sign(value - a) / b
    if family == 3:  # LogNormal(mu, sigma)
        z = (np.log(value) - a) / b
        return -0.5 * z * z - np.log(value), -(z / b + 1.0) / value
    if family == 4:  # HalfNormal(sigma)
        return -0.5 * (value / a) ** 2, -value / (a * a)
    if family == 5:  # Exponential(lam)
        return -a * value, -a
    if family == 6:  # Gamma(alpha, beta)
        return (a - 1.0) * np.log(value) - b * value, (a - 1.0) / value - b
    if family == 7:  # InverseGamma(alpha, beta)
        return -(a + 1.0) * np.log(value) - b / value, -(a + 1.0) / value + b / value**2
    # Beta(alpha, beta)
    first, second = (a - 1.0) / value, (b - 1.0) / (1.0 - value)
    return (a - 1.0) * np.log(value) + (b - 1.0) * np.log1p(-value), first - second


@compiled
def _placed(x: float, support: int, centre: float, scale: float) -> tuple[float, ...]:
    """Value of a coordinate, d value / d x, log of that derivative, and its own derivative."""
    u = centre + scale * x
    if support == 0:
        return u, scale, 0.0, 0.0
    if support == 1:
        value = np.exp(u)
        return value, scale * value, u, scale
    value = 1.0 / (1.0 + np.exp(-u))
    rest = 1.0 - value
    return value, scale * value * rest, np.log(value) + np.log(rest), scale * (rest - value)


@compiled
def values(x: Array, table: Array) -> Array:
    """The parameters at a point, shape (P,); `table` (P, 7) is that of `Density`."""
    out = np.empty(len(x))
    for i in range(len(x)):
        out[i] = _placed(x[i], int(table[i, 1]), table[i, 2], table[i, 3])[0]
    return out


@compiled
def log_prior_at(x: Array, table: Array) -> tuple[float, Array]:
    """Log prior of the coordinates up to a constant, and its gradient."""
    logp, gradient = 0.0, np.empty(len(x))
    for i in range(len(x)):
        row = table[i]
        value, d_value, log_jacobian, d_jacobian = _placed(x[i], int(row[1]), row[2], row[3])
        prior, d_prior = _log_prior(int(row[0]), value, row[4], row[5], row[6])
        logp += prior + log_jacobian
        gradient[i] = d_prior * d_value + d_jacobian
    return logp, gradient


@compiled
def log_density(x: Array, table: Array, sizes: Array, packed: Array) -> tuple[float, Array]:
    """Log density at a point up to a constant, and its gradient.

    Parameters
    ----------
    x
        Shape (P,): slopes, base rates, noises, overdispersion, drift, mobility.
    table
        Shape (P, 7), the priors.
    sizes
        Shape (3,): number of slopes, base rates and noises.
    packed
        From `caucasus_forecast.kernel.pack`.
    """
    theta = values(x, table)
    a, b, c = int(sizes[0]), int(sizes[0] + sizes[1]), int(sizes.sum())
    logp, d_slope, d_base, d_noise, d_over, d_drift, d_mobility = kernel.evidence(
        theta[:a], theta[a:b], theta[b:c], theta[c], theta[c + 1], theta[c + 2],
        kernel.unpack(packed),
    )  # fmt: skip
    gradient = np.empty(len(x))
    gradient[:a], gradient[a:b], gradient[b:c] = d_slope, d_base, d_noise
    gradient[c], gradient[c + 1], gradient[c + 2] = d_over, d_drift, d_mobility
    for i in range(len(x)):
        gradient[i] *= _placed(x[i], int(table[i, 1]), table[i, 2], table[i, 3])[1]
    prior, d_prior = log_prior_at(x, table)
    return logp + prior, gradient + d_prior


# --------------------------------------------------------------------------- the object


def standard(prior: Prior) -> tuple[float, float]:
    """Centre and scale of a prior on its unconstrained line: its median and half its middle 68 %.

    Examples
    --------
    >>> standard(Prior("Normal", {"mu": 2.0, "sigma": 0.5}))
    (2.0, 0.5)
    """
    low, middle, high = frozen(prior).ppf(stats.norm.cdf([-1.0, 0.0, 1.0]))
    if prior.support != REAL:
        low, middle, high = np.log([low, middle, high])
    if prior.support not in _SUPPORTS:
        low, middle, high = (u - np.log1p(-np.exp(u)) for u in (low, middle, high))
    return round(float(middle), 12), round(float(high - low) / 2.0, 12)


@dataclass(frozen=True)
class Density:
    """The log density of a ladder under a prior set, ready to be sampled.

    Attributes
    ----------
    layout
        Posterior variable → its dimension and the prior keys along it, in the order of `x`.
    table
        Shape (P, 7): family, support, centre, scale and arguments of each prior.
    packed
        The evidence, from `caucasus_forecast.kernel.pack`.
    """

    layout: Layout
    table: Array
    packed: Array

    @property
    def sizes(self) -> Array:
        """Number of slopes, base rates and noises."""
        found = [len(self.layout[k][1]) if k in self.layout else 0 for k in _VECTORS]
        return np.array(found, float)

    @property
    def size(self) -> int:
        """Number of parameters."""
        return len(self.table)

    def __call__(self, x: Array) -> tuple[float, Array]:
        """Log density at a point up to a constant, and its gradient."""
        return log_density(np.asarray(x, float), self.table, self.sizes, self.packed)

    def values(self, x: Array) -> Array:
        """The parameters at a point, in the order of `layout`."""
        return values(np.asarray(x, float), self.table)

    def data(self) -> Array:
        """Everything the compiled functions read, as one vector that says its own length."""
        body = np.concatenate([[float(self.size)], self.sizes, self.table.ravel(), self.packed])
        return np.concatenate([[len(body) + 1.0], body])


_VECTORS = ("slope", "base", "noise")


def density(priors: PriorSet, layout: Layout, facts: Facts) -> Density:
    """The log density of evidence under a prior set.

    Parameters
    ----------
    priors
        A complete set.
    layout
        From `caucasus_forecast.priors.layout`.
    facts
        From `caucasus_forecast.tension.Ladder.facts`.
    """
    table = prior_table([priors[key] for _, keys in layout.values() for key in keys])
    return Density(layout, table, kernel.pack(facts))


def prior_table(priors: Sequence[Prior]) -> Array:
    """Priors as numbers, shape (P, 7): family, support, centre, scale, and their arguments."""
    rows = []
    for prior in priors:
        arguments = [*prior.kwargs.values(), 0.0, 0.0][:3]
        support = _SUPPORTS.get(prior.support, 2)
        rows.append([FAMILIES.index(prior.dist), support, *standard(prior), *arguments])
    return np.array(rows, float).reshape(-1, _WIDTH)


# --------------------------------------------------------------------------- for the sampler


@compiled
def _read(data: Array) -> tuple[Array, Array, Array]:
    """`table`, `sizes` and `packed` of what `Density.data` wrote."""
    size = int(data[1])
    end = 5 + size * _WIDTH
    return data[5:end].reshape((size, _WIDTH)), data[2:5], data[end:]


@cache
def entries() -> tuple[Any, Any]:
    """The log density and the parameters as C functions: ``.address`` is what a sampler calls.

    ``int64 log_density(uint64 size, double *x, double *gradient, double *logp, void *data)`` and
    ``int64 parameters(uint64 size, uint64 size, double *x, double *values, void *data)`` return
    zero, or the reason for failing; `data` points to `Density.data`. The first call on a machine
    compiles them, later ones read the cache.
    """
    number = types.CPointer(types.float64)
    first = types.int64(types.uint64, number, number, number, types.voidptr)
    second = types.int64(types.uint64, types.uint64, number, number, types.voidptr)
    density_, parameters_ = _bodies(kernel.code())
    return callback(first, density_), callback(second, parameters_)


def _bodies(version: str) -> tuple[Callable[..., int], Callable[..., int]]:
    """The bodies of `entries`; they name the version so that the cache knows it."""

    def log_density_at(size: Any, x_: Any, gradient_: Any, logp_: Any, data_: Any) -> int:
        if version == "":
            return -1
        head = carray(data_, (1,), np.float64)
        table, sizes, packed = _read(carray(data_, (int(head[0]),), np.float64))
        if len(table) != size:
            return -1
        x, out = carray(x_, (int(size),)), carray(gradient_, (int(size),))
        logp, gradient = log_density(x, table, sizes, packed)
        carray(logp_, (1,))[0] = logp
        out[:] = gradient
        if not np.isfinite(logp) or not np.all(np.isfinite(gradient)):
            return 3
        return 0

    def parameters_at(size: Any, expanded: Any, x_: Any, out_: Any, data_: Any) -> int:
        if version == "":
            return -1
        head = carray(data_, (1,), np.float64)
        table, _, _ = _read(carray(data_, (int(head[0]),), np.float64))
        if len(table) != size or size != expanded:
            return -1
        carray(out_, (int(size),))[:] = values(carray(x_, (int(size),)), table)
        return 0

    return log_density_at, parameters_at
