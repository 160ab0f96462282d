"""Random variables from a prior set: one stacked variable for each family of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from ..equations import Functions
from ..graph import CausalGraph
from ..likelihood import Levels, Parameters, Plan, carried_before
from ..names import EDGE, NODE, SHARE
from ..priors import PriorSet
from ._ops import sweep

TENSOR: Functions = SimpleNamespace(
    exp=pt.exp,
    log=pt.log,
    log1p=pt.log1p,
    expm1=pt.expm1,
    gammaln=pt.gammaln,
    logsumexp=pt.logsumexp,
    concatenate=pt.concatenate,
    stack=pt.stack,
)


def prior_arguments(priors: PriorSet) -> tuple[np.ndarray, dict[tuple[str, str], int]]:
    """Every argument of every prior as one vector, and where each (key, argument) is in it."""
    flat = [(k, a, value) for k, p in priors.items() for a, value in p.kwargs.items()]
    return np.array([v for *_, v in flat]), {(k, a): i for i, (k, a, _) in enumerate(flat)}


def _arguments(keys: Sequence[str], priors: PriorSet, *, vector: bool = True) -> dict[str, Any]:
    """Arguments of one family for some keys, read from the model's data ``prior_arguments``.

    They are data, so that another set of the same distributions needs no new compilation.
    """
    model = pm.modelcontext(None)
    values, where = prior_arguments(priors)
    if "prior_arguments" not in model.named_vars:
        pm.Data("prior_arguments", values)
    data = model["prior_arguments"]
    names = priors[keys[0]].kwargs
    place = {a: np.array([where[k, a] for k in keys]) for a in names}
    return {a: data[rows] if vector else data[int(rows[0])] for a, rows in place.items()}


def scalar(key: str, priors: PriorSet) -> Any:
    """One scalar variable, named after its key with underscores."""
    family = getattr(pm, priors[key].dist)
    return family(key.replace(".", "_"), **_arguments([key], priors, vector=False))


def stacked(
    name: str, keys: Sequence[str], labels: Sequence[str], dim: str, priors: PriorSet
) -> Any:
    """One vector variable for many keys; one part for each distribution if they differ."""
    if not keys:
        return np.zeros(0)
    families = list(dict.fromkeys(priors[k].dist for k in keys))
    if len(families) == 1:
        return getattr(pm, families[0])(name, **_arguments(keys, priors), dims=dim)
    model = pm.modelcontext(None)
    parts, places = [], []
    for family in families:
        place = [i for i, k in enumerate(keys) if priors[k].dist == family]
        part, part_dim = f"{name}_{family.lower()}", f"{dim}_{family.lower()}"
        model.add_coord(part_dim, [labels[i] for i in place])
        arguments = _arguments([keys[i] for i in place], priors)
        parts.append(getattr(pm, family)(part, **arguments, dims=part_dim))
        places += place
    return pm.Deterministic(name, pt.concatenate(parts)[np.argsort(places)], dims=dim)


def declare(graph: CausalGraph, priors: PriorSet) -> Parameters:
    """Slopes, base rates, noises and overdispersion of a graph, as tensors by name.

    Must run inside a `pm.Model`. Posterior variables: ``slope[edge]``, ``base[node]``,
    ``noise[share]``, ``overdispersion``.
    """
    model = pm.modelcontext(None)
    rated, proportions = graph.based, graph.shares
    for dim, labels in ((EDGE, graph.slopes), (NODE, rated), (SHARE, proportions)):
        if labels:
            model.add_coord(dim, labels)
    slope = stacked("slope", graph.slopes, graph.slopes, EDGE, priors)
    base = stacked("base", [f"{n}.base" for n in rated], rated, NODE, priors)
    noise = stacked("noise", [f"{n}.noise" for n in proportions], proportions, SHARE, priors)
    return Parameters(
        slope=slope,
        base=_unstack(base, rated),
        noise=_unstack(noise, proportions),
        overdispersion=scalar("overdispersion", priors)[None, None],
    )


def _unstack(vector: Any, labels: Sequence[str]) -> dict[str, Any]:
    return {label: vector[i][None, None] for i, label in enumerate(labels)}


def levels_of(plan: Plan, p: Parameters, score: Any) -> Levels:
    """Levels of every node and month, as tensors; `score` as in `likelihood.Levels`."""
    affine = sweep(p.slope, carried_before(plan, p, TENSOR), *plan.sweep.edges)
    return Levels(plan, affine, score)
