"""A complete, named set of priors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from types import MappingProxyType
from typing import Any

from ..errors import PriorError, nearest
from ..graph import CausalGraph
from ..graph import load as load_graph
from .distributions import Prior, check_support, entry
from .keys import parameters


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
    >>> from caucasus_forecast.priors import load
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
            entries[key] = entry(key, value)
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
        >>> from caucasus_forecast.priors import Normal, load
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
            entries[key] = entry(key, value)
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
