"""Random variables from a prior set: one stacked variable for each family of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from ..affine import arrays
from ..equations import Functions
from ..graph import CausalGraph
from ..likelihood import Levels, Parameters, Plan, carried_before
from ..names import EDGE, NODE, SHARE
from ..priors import PriorSet
from ._ops import sweep

TENSOR: Functions = SimpleNamespace(  # type: ignore[assignment]
    exp=pt.exp,
    log=pt.log,
    log1p=pt.log1p,
    expm1=pt.expm1,
    gammaln=pt.gammaln,
    logsumexp=pt.logsumexp,
    concatenate=pt.concatenate,
    stack=pt.stack,
)


def scalar(key: str, priors: PriorSet) -> Any:
    """One scalar variable, named after its key with underscores."""
    prior = priors[key]
    name = key.replace(".", "_")
    return getattr(pm, prior.dist)(name, **_data(name, [prior]))


def stacked(name: str, keys: Sequence[str], labels: Sequence[str], dim: str, priors: PriorSet) -> Any:
    """One vector variable for many keys; one part for each distribution if they differ.

    The hyperparameters are data, so that another set of the same distributions needs no new
    compilation.
    """
    families = list(dict.fromkeys(priors[k].dist for k in keys))
    if len(families) == 1:
        rows = [priors[k] for k in keys]
        return getattr(pm, families[0])(name, **_data(name, rows, dim), dims=dim)
    model = pm.modelcontext(None)
    parts, places = [], []
    for family in families:
        place = [i for i, k in enumerate(keys) if priors[k].dist == family]
        part, part_dim = f"{name}_{family.lower()}", f"{dim}_{family.lower()}"
        model.add_coord(part_dim, [labels[i] for i in place])
        rows = [priors[keys[i]] for i in place]
        parts.append(getattr(pm, family)(part, **_data(part, rows, part_dim), dims=part_dim))
        places += place
    return pm.Deterministic(name, pt.concatenate(parts)[np.argsort(places)], dims=dim)


def _data(name: str, rows: Sequence[Any], dim: str | None = None) -> dict[str, Any]:
    arguments = {}
    for argument in rows[0].kwargs:
        values = np.array([p.kwargs[argument] for p in rows])
        value = values if dim else values[0]
        arguments[argument] = pm.Data(f"{name}_{argument}", value, dims=dim)
    return arguments


def based(graph: CausalGraph) -> tuple[str, ...]:
    """Nodes with a base rate, in the order of the ``base`` vector."""
    return tuple(n.name for n in graph.nodes if n.kind in ("count", "event", "share"))


def shares(graph: CausalGraph) -> tuple[str, ...]:
    """Nodes with a noise, in the order of the ``noise`` vector."""
    return tuple(n.name for n in graph.nodes if n.kind == "share")


def declare(graph: CausalGraph, priors: PriorSet) -> Parameters:
    """Slopes, base rates, noises and overdispersion of a graph, as tensors by name.

    Must run inside a `pm.Model`. Posterior variables: ``slope[edge]``, ``base[node]``,
    ``noise[share]``, ``overdispersion``.
    """
    model = pm.modelcontext(None)
    slope: Any = np.zeros(0)
    if graph.slopes:
        model.add_coord(EDGE, graph.slopes)
        slope = stacked("slope", graph.slopes, graph.slopes, EDGE, priors)
    rated, proportions = based(graph), shares(graph)
    model.add_coord(NODE, rated)
    model.add_coord(SHARE, proportions)
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
    affine = sweep(p.slope, carried_before(plan, p, TENSOR), *arrays(plan.sweep))
    return Levels(plan, affine, score)
