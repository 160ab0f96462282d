"""Beliefs are data: complete, named sets of priors, one TOML file each.

A set gives every parameter of every model one entry:

    ["tension->transport_delay"]
    dist = "Normal"
    kwargs = { mu = 0.65, sigma = 0.2 }
    why = "the article: clashes block the reopening"
    claims = ["tension-to-transport-delay"]

A file is whole: no inheritance, no pointers, nothing executed. `dist` and `kwargs` are spelt as in
``pymc_extras.prior.Prior.to_dict``, and such an object, or a dict, is accepted wherever a prior is.

A slope is the change of its effect, in the effect's own unit, for one standard deviation of its
cause: standard deviations of an index, log monthly rate of a count, log cumulative hazard of an
event, log odds of a share.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from html import escape
from importlib.resources import files
from numbers import Real
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .. import names
from ..errors import PriorError, nearest
from ..graph import CausalGraph
from ..graph import load as load_graph
from ..named import read_text, shown, toml

SEQUENCES = (list, tuple)  # before this module's own `list`
# variable -> its dimension, and the keys along it
Layout = dict[str, tuple[str | None, tuple[str, ...]]]
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

# parameters of the tension processes and of the observation equations, with their support
SHARED_PARAMETERS: dict[str, str] = {
    "ladder.drift": REAL,
    "ladder.mobility": REAL,
    "drift.persistence": UNIT,
    "drift.level": REAL,
    "drift.loading": POSITIVE,
    "drift.size": POSITIVE,
    "overdispersion": POSITIVE,
}


def parameters(graph: CausalGraph | None = None) -> dict[str, str]:
    """Every parameter a set for a graph (default: the article's) must give, and its support.

    One slope per edge (``cause->effect``); ``node.base`` for each count (log monthly rate), event
    (log monthly cumulative hazard) and share (log odds), in the article's status quo;
    ``node.noise`` for each share; and the parameters of the tension processes.

    Examples
    --------
    >>> parameters()["tension->transport_delay"]
    'any real number'
    """
    graph = graph or load_graph()
    based = [n for n in graph.nodes if n.kind in ("count", "event", "share")]
    return {
        **dict.fromkeys(graph.slopes, REAL),
        **{f"{n.name}.base": REAL for n in based},
        **{f"{n.name}.noise": POSITIVE for n in based if n.kind == "share"},
        **SHARED_PARAMETERS,
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
    if not isinstance(claims, SEQUENCES) or not all(isinstance(c, str) for c in claims):
        raise PriorError(f"'claims' is {shown(claims)}; write a list of claim ids")
    return Prior(value["dist"], kwargs, str(value.get("why", "")), tuple(claims))


def layout(graph: CausalGraph, model: str) -> Layout:
    """Posterior variable → its dimension and the prior keys along it."""
    own = [k for k in SHARED_PARAMETERS if k.startswith(f"{model}.")]
    found: Layout = {}
    if graph.slopes:
        found["slope"] = (names.EDGE, graph.slopes)
    if graph.based:
        found["base"] = (names.NODE, tuple(f"{n}.base" for n in graph.based))
    if graph.shares:
        found["noise"] = (names.SHARE, tuple(f"{n}.noise" for n in graph.shares))
    found["overdispersion"] = (None, ("overdispersion",))
    return found | {k.replace(".", "_"): (None, (k,)) for k in own}


def coordinates(layout: Layout) -> dict[str, Any]:
    """Labels along each dimension of a layout."""
    strip = {names.EDGE: "", names.NODE: ".base", names.SHARE: ".noise"}
    return {dim: [k.removesuffix(strip[dim]) for k in keys] for dim, keys in layout.values() if dim}


@dataclass(frozen=True)
class PriorSet(Mapping[str, Prior]):
    """A complete, named set of priors, checked against the parameters of a graph.

    Parameters
    ----------
    name, title
        For people.
    entries
        Parameter → prior, or anything `as_prior` reads.
    graph
        The graph it is complete for (default: that of the article).

    Raises
    ------
    PriorError
        For an unknown or missing parameter, or a prior whose support is not the parameter's.

    Examples
    --------
    >>> load("alyarli-2021")["tension->transport_delay"]
    Normal(mu=0.65, sigma=0.2)
    """

    name: str
    entries: Mapping[str, Prior]
    title: str = ""
    graph: CausalGraph = field(default_factory=load_graph, compare=False, repr=False)

    def __post_init__(self) -> None:
        needed = parameters(self.graph)
        entries = {}
        for key, value in self.entries.items():
            if key not in needed:
                raise PriorError(
                    f"prior set {self.name!r}: unknown parameter {key!r}; {nearest(key, needed)}"
                )
            entries[key] = _placed(key, value)
            try:
                check_support(key, entries[key], needed[key])
            except PriorError as error:
                raise PriorError(f"prior set {self.name!r}: {error}") from None
        if missing := [key for key in needed if key not in entries]:
            shown = ", ".join(missing[:8]) + (" …" if len(missing) > 8 else "")
            raise PriorError(
                f"prior set {self.name!r} lacks {len(missing)} of {len(needed)} parameters: "
                f"{shown}. A set is complete: copy a shipped file and change what you mean to"
            )
        ordered = MappingProxyType({key: entries[key] for key in needed})
        object.__setattr__(self, "entries", ordered)

    def __getitem__(self, key: str) -> Prior:
        return self.entries[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __hash__(self) -> int:
        return hash((self.name, self.digest))

    def __reduce__(self) -> tuple[Any, ...]:
        return PriorSet, (self.name, dict(self.entries), self.title, self.graph)

    @property
    def digest(self) -> str:
        """SHA-256 of the distributions; names and reasons do not enter."""
        body = {key: [p.dist, dict(p.kwargs)] for key, p in self.entries.items()}
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> str:
        """Every distribution as JSON, as saved with a forecast."""
        return json.dumps({k: {"dist": p.dist, "kwargs": dict(p.kwargs)} for k, p in self.items()})

    def replace(self, changes: Mapping[str, Any] | None = None, /, **more: Any) -> PriorSet:
        """Make a new set with some entries changed, named after what changed.

        Examples
        --------
        >>> load("agnostic").replace({"tension->transport_delay": Normal(0, 0.1)}).name
        'agnostic+tension->transport_delay'
        """
        entries = dict(self.entries)
        given = {**(changes or {}), **more}
        for key, value in given.items():
            if key not in entries:
                raise PriorError(
                    f"prior set {self.name!r}: unknown parameter {key!r}; {nearest(key, entries)}"
                )
            entries[key] = _placed(key, value)
        return PriorSet("+".join([self.name, *given]), entries, self.title, self.graph)

    def __repr__(self) -> str:
        head = f"PriorSet {self.name!r}" + (f": {self.title}" if self.title else "")
        width = max(len(k) for k in self.entries)
        return "\n".join([head, *(f"  {k:<{width}}  {p!r}" for k, p in self.entries.items())])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{escape(k)}</th><td>{escape(repr(p))}</td><td>{escape(p.why)}</td></tr>"
            for k, p in self.entries.items()
        )
        caption = escape(f"{self.name}: {self.title}")
        return f"<table><caption>{caption}</caption>{rows}</table>"


def _placed(key: str, value: Any) -> Prior:
    """Read a prior whose errors begin with its parameter."""
    try:
        return as_prior(value)
    except PriorError as error:
        raise PriorError(f"[{key}]: {error}") from None


def list() -> tuple[str, ...]:
    """Names of the shipped sets.

    Examples
    --------
    >>> "agnostic" in list()
    True
    """
    folder = files("caucasus_forecast").joinpath("priors")
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")))


def load(name_or_path: str | Path) -> PriorSet:
    """Load a shipped set by name, or a set from a TOML file.

    Raises
    ------
    PriorError
        Naming the file, the key, the value, what is allowed and the nearest match.

    Examples
    --------
    >>> len(load("agnostic")) == len(parameters())
    True
    """
    if str(name_or_path) in list():
        return _shipped(str(name_or_path))
    return _complete(open_file(name_or_path))


def open_file(path: str | Path) -> Written:
    """What a TOML file of priors says, for whatever graph it is meant.

    Raises
    ------
    PriorError
        Naming the file, the key, the value, what is allowed and the nearest match.
    """
    hint = ". For a file of your own give its path"
    body = read_text(path, "prior set", list(), PriorError, hint)
    return written(body, Path(path).name, Path(path).stem)


@cache
def _shipped(name: str) -> PriorSet:
    file = files("caucasus_forecast").joinpath("priors", f"{name}.toml")
    return read(file.read_text(encoding="utf-8"), file.name, name)


@dataclass(frozen=True)
class Written:
    """A file of priors as written: complete for no graph in particular."""

    name: str
    title: str
    entries: Mapping[str, Prior]
    where: str


def read(text: str, where: str, stem: str = "") -> PriorSet:
    """Read a set from the text of a TOML file; `where` is how errors name it.

    Raises
    ------
    PriorError
        Whatever is wrong with the text.
    """
    return _complete(written(text, where, stem))


def _complete(found: Written) -> PriorSet:
    try:
        return PriorSet(found.name, found.entries, found.title)
    except PriorError as error:
        raise PriorError(f"{found.where}: {error}") from None


def written(text: str, where: str, stem: str = "") -> Written:
    """What the text of a TOML file says; `where` is how errors name it.

    Raises
    ------
    PriorError
        Whatever is wrong with it, but for parameters that a graph lacks or needs.
    """
    body = toml(text, where, PriorError)
    name, title = body.pop("name", stem), body.pop("title", "")
    if not isinstance(name, str) or not isinstance(title, str):
        raise PriorError(
            f"{where}: name is {shown(name)}, title is {shown(title)}; write both as text"
        )
    for key, value in body.items():
        if not isinstance(value, dict):
            raise PriorError(
                f"{where}: {key!r} is {shown(value)}; each parameter is a table: "
                f'["{key}"] with dist, kwargs, why, claims. Other keys: name, title'
            )
    try:
        entries = {key: _placed(key, value) for key, value in body.items()}
    except PriorError as error:
        raise PriorError(f"{where}: {error}") from None
    return Written(name, title, entries, where)


def resolve(given: Any) -> PriorSet:
    """Make a set of whatever a caller may give: a set, a name, a path, or a dict of changes.

    A dict changes the set of the article, ``alyarli-2021``.

    Raises
    ------
    PriorError
        If it is none of these, or names nothing that exists.
    """
    if isinstance(given, PriorSet):
        return given
    if isinstance(given, str | Path):
        return load(given)
    if isinstance(given, Mapping):
        return load("alyarli-2021").replace(given)
    raise PriorError(
        f"priors given as {type(given).__name__}; give a name, a path, a PriorSet, or a dict of "
        "changes to 'alyarli-2021'"
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """A parameter on which two sets disagree."""

    parameter: str
    first: Prior
    second: Prior

    def __repr__(self) -> str:
        return f"{self.parameter}: {self.first!r} | {self.second!r}"


def diff(a: Any, b: Any) -> tuple[Difference, ...]:
    """List the parameters on which two sets differ.

    Examples
    --------
    >>> diff("agnostic", "agnostic")
    ()
    """
    first, second = resolve(a), resolve(b)
    return tuple(Difference(k, first[k], second[k]) for k in first if first[k] != second[k])


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


from .pooling import pool as pool  # noqa: E402
from .pooling import to_toml as to_toml  # noqa: E402
