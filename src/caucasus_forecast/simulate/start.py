"""Where the paths start, and the uniform numbers they take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import special

from ..equations import excess, walk
from ..graph import CausalGraph
from ..likelihood import Parameters, Plan, monthly
from ..names import TENSION
from ..streams import stream
from ..tension import Process

Array = np.ndarray
# (node, month) -> a uniform number for each path
Noise = Callable[[str, int], Array]


@dataclass(frozen=True)
class Origin:
    """Where the paths start: what each node carried, the process's state, and the parameters.

    Attributes
    ----------
    parameters
        Slopes (P, S); bases, noises and overdispersion (P,).
    own
        Parameters of the tension process, (P,).
    state
        The process at the origin, first axis P.
    last
        What each node carried in the origin month, (P,).
    status
        Status of each event node at the origin, (P,).
    shares
        A reading of each share at the origin, (P,).
    """

    parameters: Parameters
    own: Mapping[str, Array]
    state: Array
    last: Mapping[str, Array]
    status: Mapping[str, Array]
    shares: Mapping[str, Array]

    @property
    def paths(self) -> int:
        """Number of paths."""
        return len(self.state)

    def rows(self, at: slice) -> Origin:
        """Some of the paths."""
        p = self.parameters
        base, noise = rows_of(p.base, at), rows_of(p.noise, at)
        some = Parameters(p.slope[at], base, noise, p.overdispersion[at])
        parts = (rows_of(x, at) for x in (self.last, self.status, self.shares))
        return Origin(some, rows_of(self.own, at), self.state[at], *parts)


def rows_of(arrays: Mapping[str, Array], at: slice) -> dict[str, Array]:
    """Some of the paths of each array."""
    return {name: x[at] for name, x in arrays.items()}


def origin(
    plan: Plan,
    graph: CausalGraph,
    process: Process,
    parameters: Parameters,
    own: Mapping[str, Array],
    state: Array,
    status: Mapping[str, Array],
    seed: int,
    month: int = -1,
) -> Origin:
    """The origin month seen by every path.

    Parameters
    ----------
    plan
        The panel's plan.
    parameters, own, state
        One row a path; `state` as `process.start` takes it.
    status
        Status of each event node over the panel, (T,).
    month
        Which month of the panel is the origin (default: the last).
    """
    paths, parameters = len(state), _bounded(parameters)
    at = month % plan.months
    noise = fresh(seed, paths, "origin")
    state = process.start(state, noise(TENSION, at))
    counts = {c.node: monthly(c, plan.months) for c in plan.counts}
    ones = np.ones(paths)
    now_status = {n: x[at] * ones for n, x in status.items()}
    last: dict[str, Array] = {n: np.zeros(paths) for n in graph.node}
    last |= {n: x[max(at - 1, 0)] * ones for n, x in status.items()}
    last |= {n: _excess(counts[n], parameters, n, at - 1) * ones for n in counts}
    shares: dict[str, Array] = {}

    def realise(name: str, level: Any) -> Any:
        kind = graph.node[name].kind
        if kind == "process":
            return process.score_of(state)
        if kind == "event":
            return now_status[name]
        if kind == "share":
            shares[name] = share_at(parameters, name, level, special.ndtri(noise(name, at)))
        return level * ones

    now = walk(graph, slopes(graph, parameters), last, realise)
    carried = dict(now)
    for node in graph.nodes:
        if node.kind == "count":
            seen = counts.get(node.name)
            carried[node.name] = _excess(seen, parameters, node.name, at) * ones
    return Origin(parameters, own, state, carried, now_status, shares)


def _bounded(p: Parameters) -> Parameters:
    """Parameters within what exponentials can take; a prior that is no belief may go beyond."""
    base = {n: np.clip(x, -50.0, 21.0) for n, x in p.base.items()}
    return replace(p, base=base, overdispersion=np.clip(p.overdispersion, 1e-9, 1e9))


def _excess(counts: tuple[Array, Array] | None, p: Parameters, name: str, month: int) -> Any:
    if counts is None or month < 0 or counts[1][month] == 0:
        return 0.0
    return excess(counts[0][month], p.base[name], counts[1][month])


def slopes(graph: CausalGraph, p: Parameters) -> dict[str, Array]:
    """The slopes by edge, (P,), each one lying together in memory."""
    along = np.ascontiguousarray(p.slope.T)
    return {name: along[i] for i, name in enumerate(graph.slopes)}


def share_at(p: Parameters, name: str, level: Any, z: Array) -> Array:
    """A reading of a share at a standard normal number z: logit⁻¹(base + level + noise z)."""
    return special.expit(p.base[name] + level + p.noise[name] * z)


def fresh(seed: int, paths: int, label: str = "future", skip: int = 0) -> Noise:
    """A stream of its own for each node and month, from which other paths take the first `skip`.

    Without the zero, at which a normal quantile is infinite.
    """

    def noise(name: str, h: int) -> Array:
        u = stream(seed, label, name, h, skip=skip).random(paths)
        return np.maximum(u, 1e-300, out=u)

    return noise
