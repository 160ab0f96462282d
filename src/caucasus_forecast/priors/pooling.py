"""Several prior sets as one: the linear opinion pool, parameter by parameter.

A pool of views *v* with weights w_v that sum to one believes of a parameter θ

    p(θ) = Σ_v w_v p_v(θ)                                                       (Stone 1961)

An entry of a set is one distribution of a closed list, so the pool keeps the family of its parts
and the first two moments of the mixture,

    mean = Σ_v w_v mean_v        variance = Σ_v w_v (variance_v + (mean_v − mean)²),

taken of log θ for `LogNormal`, of 1/θ for `InverseGamma`, of θ for the others. `HalfNormal` and
`Exponential` have one argument: they keep the second moment and the mean. Parts of several families
become a `Normal`, or where every part is positive a `LogNormal`. Equal entries stay as they are.

Two things are lost. A mixture of views that disagree has several modes, one distribution has one.
And views that go together (who doubts one link doubts the next) make the slopes of a mixture
correlated, while the entries of a set are independent. `docs/contest.md` measures both.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import PriorError
from .distributions import REAL, Prior, frozen
from .files import resolve
from .sets import PriorSet

Array = np.ndarray
Arguments = Mapping[str, float]
Read = Callable[[Arguments], tuple[float, float]]
Write = Callable[[float, float, Arguments], dict[str, float]]
SUMS_TO = 1e-6
SPELT = 3  # parts that the name of a pool spells out


def pool(weights: Mapping[Any, float]) -> PriorSet:
    """One prior set that stands for a weighted mixture of several.

    Parameters
    ----------
    weights
        Set (a name, a path or a `PriorSet`) → its weight, not negative; they sum to one. A set of
        weight zero plays no part.

    Raises
    ------
    PriorError
        For weights that are no such numbers, sets for several graphs, or parts of a parameter that
        have no variance.

    References
    ----------
    Stone (1961), Ann. Math. Stat. 32, 1339-1342, doi:10.1214/aoms/1177704873.

    Examples
    --------
    >>> both = pool({"alyarli-2021": 0.5, "sceptical": 0.5})
    >>> both.name, both["tension->transport_delay"]
    ('0.5 alyarli-2021 + 0.5 sceptical', Normal(mu=0.325, sigma=0.361421))
    """
    parts = _parts(weights)
    named = " + ".join(f"{share:.3g} {part.name}" for share, part in parts)
    name = named if len(parts) <= SPELT else f"pool of {len(parts)} views"
    entries = {key: _entry(key, [(w, part[key]) for w, part in parts], name) for key in parts[0][1]}
    return PriorSet(name, entries, f"linear opinion pool: {named}", parts[0][1].graph)


def _parts(weights: Mapping[Any, float]) -> list[tuple[float, PriorSet]]:
    if not isinstance(weights, Mapping) or not weights:
        raise PriorError(
            f"a pool is made of {type(weights).__name__} {weights!r}; write "
            "{'alyarli-2021': 0.6, 'sceptical': 0.4}"
        )
    for given, weight in weights.items():
        number = isinstance(weight, int | float | np.floating) and not isinstance(weight, bool)
        if not number or not math.isfinite(weight) or weight < 0:
            label = given.name if isinstance(given, PriorSet) else given
            raise PriorError(f"pool: the weight of {label!r} is {weight!r}; write 0 or more")
    total = math.fsum(weights.values())
    if abs(total - 1.0) > SUMS_TO:
        raise PriorError(
            f"pool: the weights sum to {total:g}; divide them by that, so that it is 1"
        )
    parts = [(float(w), resolve(given)) for given, w in weights.items() if w > 0]
    first = parts[0][1]
    for _, part in parts:
        if part.graph.digest != first.graph.digest:
            raise PriorError(
                f"pool: {first.name!r} is for the graph {first.graph.name!r}, {part.name!r} for "
                f"{part.graph.name!r}; pool sets for one graph"
            )
    return parts


def _entry(key: str, parts: Sequence[tuple[float, Prior]], name: str) -> Prior:
    claims = tuple(dict.fromkeys(c for _, prior in parts for c in prior.claims))
    first = parts[0][1]
    if len({prior for _, prior in parts}) == 1:
        return Prior(first.dist, first.kwargs, first.why, claims)
    whys = dict.fromkeys(prior.why for _, prior in parts if prior.why)
    told = "; ".join([f"linear opinion pool, {name}", *list(whys)[:SPELT]])
    dist, kwargs = _match(key, parts)
    return Prior(dist, kwargs, told, claims)


def _match(key: str, parts: Sequence[tuple[float, Prior]]) -> tuple[str, dict[str, float]]:
    """Family and arguments with the moments of the mixture."""
    weight, priors = np.array([w for w, _ in parts]), [prior for _, prior in parts]
    family = _common(priors)
    if family is not None:
        read, write = _FAMILIES[family]
        mean, variance = _moments(weight, [read(p.kwargs) for p in priors])
        return family, write(mean, variance, priors[0].kwargs)
    if all(p.support != REAL for p in priors):
        mean, variance = _moments(weight, [_log_moments(p) for p in priors])
        return "LogNormal", {"mu": mean, "sigma": math.sqrt(variance)}
    found = [(float(frozen(p).mean()), float(frozen(p).var())) for p in priors]
    mean, variance = _moments(weight, found)
    if not math.isfinite(variance):
        raise PriorError(
            f"pool: a part of {key} has no variance ({', '.join(map(repr, priors))}); give it a "
            "distribution with one, such as StudentT with nu above 2"
        )
    return "Normal", {"mu": mean, "sigma": math.sqrt(variance)}


def _common(priors: Sequence[Prior]) -> str | None:
    """The family of all parts, if they have one whose moments can be matched."""
    kinds = {(p.dist, p.kwargs.get("nu")) for p in priors}
    if len(kinds) > 1:
        return None
    family, degrees = kinds.pop()
    return family if degrees is None or degrees > 2.0 else None


def _moments(weight: Array, parts: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Mean and variance of a mixture, from those of its parts."""
    means, variances = np.array(parts).T
    mean = weight @ means
    return float(mean), float(weight @ (variances + (means - mean) ** 2))


def _log_moments(prior: Prior) -> tuple[float, float]:
    law = frozen(prior)
    mean = float(law.expect(np.log))
    return mean, float(law.expect(lambda x: (np.log(x) - mean) ** 2))


def _gamma(mean: float, variance: float, _: Arguments) -> dict[str, float]:
    return {"alpha": mean**2 / variance, "beta": mean / variance}


def _beta(mean: float, variance: float, _: Arguments) -> dict[str, float]:
    size = mean * (1.0 - mean) / variance - 1.0
    return {"alpha": mean * size, "beta": (1.0 - mean) * size}


def _beta_moments(k: Arguments) -> tuple[float, float]:
    size = k["alpha"] + k["beta"]
    mean = k["alpha"] / size
    return mean, mean * (1.0 - mean) / (size + 1.0)


# family -> mean and variance of what is matched, in a part; and the arguments that have them
_FAMILIES: dict[str, tuple[Read, Write]] = {
    "Normal": (
        lambda k: (k["mu"], k["sigma"] ** 2),
        lambda m, v, _: {"mu": m, "sigma": math.sqrt(v)},
    ),
    "StudentT": (
        lambda k: (k["mu"], k["sigma"] ** 2 * k["nu"] / (k["nu"] - 2.0)),
        lambda m, v, k: {"nu": k["nu"], "mu": m, "sigma": math.sqrt(v * (1.0 - 2.0 / k["nu"]))},
    ),
    "Laplace": (
        lambda k: (k["mu"], 2.0 * k["b"] ** 2),
        lambda m, v, _: {"mu": m, "b": math.sqrt(v / 2.0)},
    ),
    "LogNormal": (
        lambda k: (k["mu"], k["sigma"] ** 2),
        lambda m, v, _: {"mu": m, "sigma": math.sqrt(v)},
    ),
    "HalfNormal": (
        lambda k: (k["sigma"] ** 2, 0.0), lambda m, v, _: {"sigma": math.sqrt(m)},
    ),
    "Exponential": (lambda k: (1.0 / k["lam"], 0.0), lambda m, v, _: {"lam": 1.0 / m}),
    "Gamma": (lambda k: (k["alpha"] / k["beta"], k["alpha"] / k["beta"] ** 2), _gamma),
    "InverseGamma": (
        lambda k: (k["alpha"] / k["beta"], k["alpha"] / k["beta"] ** 2), _gamma,
    ),
    "Beta": (_beta_moments, _beta),
}  # fmt: skip


# --------------------------------------------------------------------------- as a file


def to_toml(priors: PriorSet) -> str:
    """A prior set as the text of a file that `caucasus_forecast.priors.load` reads.

    Examples
    --------
    >>> from caucasus_forecast.priors import load, read
    >>> agnostic = load("agnostic")
    >>> read(to_toml(agnostic), "a file").digest == agnostic.digest
    True
    """
    head = [f"name = {_text(priors.name)}", f"title = {_text(priors.title)}"]
    return "\n".join([*head, *(_table(key, prior) for key, prior in priors.items())]) + "\n"


def _table(key: str, prior: Prior) -> str:
    arguments = ", ".join(f"{name} = {value!r}" for name, value in prior.kwargs.items())
    lines = [f"\n[{_text(key)}]", f"dist = {_text(prior.dist)}", f"kwargs = {{ {arguments} }}"]
    lines += [f"why = {_text(prior.why)}"] if prior.why else []
    lines += [f"claims = [{', '.join(map(_text, prior.claims))}]"] if prior.claims else []
    return "\n".join(lines)


def _text(words: str) -> str:
    """A TOML string: that of JSON, which leaves one control character as it is."""
    return json.dumps(words, ensure_ascii=False).replace("\x7f", "\\u007f")
