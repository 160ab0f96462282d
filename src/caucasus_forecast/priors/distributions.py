"""One belief: a distribution from a closed list, read from whatever a user writes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from numbers import Real
from types import MappingProxyType
from typing import Any

from ..errors import PriorError, nearest
from ..named import shown

SMALLEST, LARGEST = 1e-9, 1e12  # of an argument
REAL, POSITIVE, UNIT = "any real number", "positive numbers", "numbers between 0 and 1"

# distribution -> its parameters and what each may be, and the values a draw may take
DISTRIBUTIONS: dict[str, tuple[dict[str, str], str]] = {
    "Normal": ({"mu": REAL, "sigma": POSITIVE}, REAL),
    "StudentT": ({"nu": POSITIVE, "mu": REAL, "sigma": POSITIVE}, REAL),
    "Laplace": ({"mu": REAL, "b": POSITIVE}, REAL),
    "LogNormal": ({"mu": REAL, "sigma": POSITIVE}, POSITIVE),
    "HalfNormal": ({"sigma": POSITIVE}, POSITIVE),
    "Exponential": ({"lam": POSITIVE}, POSITIVE),
    "Gamma": ({"alpha": POSITIVE, "beta": POSITIVE}, POSITIVE),
    "InverseGamma": ({"alpha": POSITIVE, "beta": POSITIVE}, POSITIVE),
    "Beta": ({"alpha": POSITIVE, "beta": POSITIVE}, UNIT),
}


@dataclass(frozen=True)
class Prior:
    """One distribution from a closed list, and why.

    Raises
    ------
    PriorError
        For an unknown distribution or argument, a missing one, or one out of range.

    Examples
    --------
    >>> Prior("Normal", {"mu": 0.65, "sigma": 0.2})
    Normal(mu=0.65, sigma=0.2)
    """

    dist: str
    kwargs: Mapping[str, float]
    why: str = field(default="", compare=False)
    claims: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.dist, str):
            raise PriorError(f"'dist' is {shown(self.dist)}; write the name of a distribution")
        if self.dist not in DISTRIBUTIONS:
            raise PriorError(
                f"unknown distribution {shown(self.dist)}; {nearest(self.dist, DISTRIBUTIONS)}"
            )
        domains, _ = DISTRIBUTIONS[self.dist]
        for name, value in self.kwargs.items():
            if name not in domains:
                raise PriorError(f"{self.dist} has no argument {name!r}; {nearest(name, domains)}")
            _check_argument(self.dist, name, value, domains[name])
        if missing := [name for name in domains if name not in self.kwargs]:
            raise PriorError(f"{self.dist} lacks {', '.join(missing)}; give every argument")
        ordered = {name: float(self.kwargs[name]) for name in domains}
        object.__setattr__(self, "kwargs", MappingProxyType(ordered))

    @property
    def support(self) -> str:
        """The values a draw may take."""
        return DISTRIBUTIONS[self.dist][1]

    def __hash__(self) -> int:
        return hash((self.dist, tuple(self.kwargs.items())))

    def __reduce__(self) -> tuple[Any, ...]:
        return Prior, (self.dist, dict(self.kwargs), self.why, self.claims)

    def __repr__(self) -> str:
        return f"{self.dist}({', '.join(f'{k}={v:g}' for k, v in self.kwargs.items())})"


def Normal(mu: float, sigma: float) -> Prior:
    """``Prior("Normal", ...)``, the usual one for a slope.

    Examples
    --------
    >>> Normal(0, 0.5)
    Normal(mu=0, sigma=0.5)
    """
    return Prior("Normal", {"mu": mu, "sigma": sigma})


@lru_cache(maxsize=4096)
def frozen(prior: Prior) -> Any:
    """A prior as a SciPy distribution.

    Examples
    --------
    >>> float(frozen(Prior("Normal", {"mu": 2.0, "sigma": 1.0})).mean())
    2.0
    """
    from scipy import stats

    k = prior.kwargs
    match prior.dist:
        case "Normal":
            return stats.norm(k["mu"], k["sigma"])
        case "StudentT":
            return stats.t(k["nu"], k["mu"], k["sigma"])
        case "Laplace":
            return stats.laplace(k["mu"], k["b"])
        case "LogNormal":
            return stats.lognorm(k["sigma"], scale=math.exp(k["mu"]))
        case "HalfNormal":
            return stats.halfnorm(scale=k["sigma"])
        case "Exponential":
            return stats.expon(scale=1.0 / k["lam"])
        case "Gamma":
            return stats.gamma(k["alpha"], scale=1.0 / k["beta"])
        case "InverseGamma":
            return stats.invgamma(k["alpha"], scale=k["beta"])
        case "Beta":
            return stats.beta(k["alpha"], k["beta"])
    raise AssertionError(prior.dist)


def as_prior(value: Any) -> Prior:
    """Read a prior: a `Prior`, a ``{"dist", "kwargs"}`` dict, or a ``pymc_extras`` `Prior`.

    Raises
    ------
    PriorError
        If it is none of these, or carries what cannot be honoured (dims, transforms, nesting).

    Examples
    --------
    >>> as_prior({"dist": "Normal", "kwargs": {"mu": 0, "sigma": 1}})
    Normal(mu=0, sigma=1)
    """
    if isinstance(value, Prior):
        return value
    if not isinstance(value, Mapping) and callable(getattr(value, "to_dict", None)):
        value = value.to_dict()
    if not isinstance(value, Mapping):
        raise PriorError(
            f"{shown(value)} is not a prior; give Prior(dist, kwargs), or a dict with 'dist' "
            "and 'kwargs'"
        )
    allowed = ("dist", "kwargs", "why", "claims")
    for key, given in value.items():
        if key == "centered" or (key in ("dims", "transform") and not given):
            continue  # what pymc_extras adds, and a scalar prior can do without
        if key in ("dims", "transform"):
            raise PriorError(f"{key!r} is {shown(given)}; a prior is one number: leave {key!r} out")
        if key not in allowed:
            raise PriorError(f"unknown key {key!r} in a prior; {nearest(key, allowed)}")
    if "dist" not in value:
        raise PriorError("a prior lacks 'dist'; name the distribution")
    kwargs = value.get("kwargs", {})
    if not isinstance(kwargs, Mapping):
        raise PriorError(f"'kwargs' is {shown(kwargs)}; write {{ mu = 0.0, sigma = 0.5 }}")
    claims = value.get("claims", ())
    if not isinstance(claims, list | tuple) or not all(isinstance(c, str) for c in claims):
        raise PriorError(f"'claims' is {shown(claims)}; write a list of claim ids")
    return Prior(value["dist"], kwargs, str(value.get("why", "")), tuple(claims))


def entry(key: str, value: Any) -> Prior:
    """Read a prior whose errors begin with its parameter."""
    try:
        return as_prior(value)
    except PriorError as error:
        raise PriorError(f"[{key}]: {error}") from None


def _check_argument(dist: str, name: str, value: Any, domain: str) -> None:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise PriorError(f"{dist}: {name} is {shown(value)}; write a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise PriorError(f"{dist}: {name} is {number}; it must be finite")
    if domain == POSITIVE and number <= 0:
        raise PriorError(f"{dist}: {name} is {number:g}; it must be greater than 0")
    if abs(number) > LARGEST or (domain == POSITIVE and number < SMALLEST):
        range_ = f"{SMALLEST:g} to {LARGEST:g}" if domain == POSITIVE else f"at most {LARGEST:g}"
        raise PriorError(f"{dist}: {name} is {number:g}, beyond what can be computed: {range_}")


_NESTED = {REAL: (REAL, POSITIVE, UNIT), POSITIVE: (POSITIVE, UNIT), UNIT: (UNIT,)}


def check_support(key: str, prior: Prior, support: str) -> None:
    """Refuse a prior that draws what its parameter cannot be.

    Raises
    ------
    PriorError
        With the distributions that fit.
    """
    if prior.support not in _NESTED[support]:
        fitting = (d for d, (_, s) in DISTRIBUTIONS.items() if s in _NESTED[support])
        raise PriorError(
            f"{key} takes {support}, but {prior!r} draws {prior.support}; use one of: "
            f"{', '.join(sorted(fitting))}"
        )
