"""The models, one file each: a docstring with the equations, `graph`, `process`, `build`.

A model is a tension process, and what it keeps of a theory's graph. Swap it by name, as a prior set
is swapped. A model that has a compiled density offers it as `density`; the others are sampled from
their PyMC graph. PyMC is imported where a graph is built: its import takes seconds that a compiled
density does without.
"""

from __future__ import annotations

from types import ModuleType

from ..errors import CaseError, nearest
from . import drift, ladder, reference

MODELS: dict[str, ModuleType] = {"ladder": ladder, "drift": drift, "reference": reference}


def get(name: str) -> ModuleType:
    """A model by name.

    Raises
    ------
    CaseError
        For an unknown name, with the nearest match.

    Examples
    --------
    >>> from caucasus_forecast.graph import load
    >>> get("reference").graph(load())
    CausalGraph 'reference': 67 nodes, 1 edges (1 of them lagged by a month)
    """
    if name not in MODELS:
        raise CaseError(f"no model {name!r}; {nearest(name, MODELS)}")
    return MODELS[name]
