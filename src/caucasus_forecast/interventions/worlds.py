"""Two worlds with the same parameters and random numbers, and what their difference is read on."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import xarray as xr

from .. import names
from ..estimate import Sample
from ..graph import CausalGraph
from ..names import DEATHS, TENSION
from ..simulate import Acts, Along, Month, Origin, fresh, walk_months
from ..study import Study
from .acts import Act, as_levels

Array = np.ndarray


def levels_of(study: Study, start: Origin, acts: Sequence[Act]) -> Acts:
    """The acts as levels, on every path and month of the horizon."""
    do, shift = as_levels(acts, study.graph, start.parameters)
    return Acts.of(study.graph, start.paths, len(study.months), do, shift)


def world(
    study: Study, start: Origin, acts: Acts | None = None, along: Along | None = None
) -> Iterator[Month]:
    """The months of the horizon, with the random numbers of the forecast."""
    noise = fresh(study.case.seed, start.paths)
    return walk_months(
        study.graph, study.process, start, study.months, noise, acts, along=along
    )  # fmt: skip


def last(months: Iterable[Month]) -> Month:
    """The last month of a world."""
    return deque(months, maxlen=1).pop()


def reading(graph: CausalGraph, name: str, month: Month) -> Array:
    """What an effect on a node is measured on: level, score, share, or whether it has changed."""
    if name == DEATHS:
        return np.log1p(month.seen[DEATHS])
    kind = graph.node[name].kind
    if kind == "process":
        return month.seen[TENSION]
    if kind == "event":
        return (month.seen[name] != 0).astype(float)
    if kind == "share":
        return month.seen[name]
    return graph.node[name].reading * month.level[name] if kind == "count" else month.level[name]


def unit_of(graph: CausalGraph, name: str) -> str:
    """The unit of an effect on a node."""
    if name == DEATHS:
        return "times as many deaths"
    return {
        "process": "sd",
        "index": "sd",
        "count": "times as many",
        "event": "points, chance that it has changed",
        "share": "points",
    }[graph.node[name].kind]


def shown(unit: str, value: float) -> str:
    """An effect as text, without its unit; what is a factor as one."""
    if unit.startswith("times"):
        return f"x {math.exp(value):.2f}"
    if unit.startswith("points"):
        return f"{100 * value:+z.1f}"
    return f"{value:+z.2f}"


def paired(sample: Sample, value: Array) -> tuple[float, float]:
    """Mean and Monte Carlo error; what never varies has none."""
    return sample.mean(value) if np.ptp(value) else (float(value.flat[0]), 0.0)


def failed(tree: xr.DataTree) -> tuple[str, ...]:
    """The warning of a forecast whose checks failed."""
    gate = tree[names.DIAGNOSTICS].attrs
    return () if gate["passed"] else (f"WARNING: {gate['verdict']}",)
