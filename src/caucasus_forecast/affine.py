"""Every level of every month as an affine function of the tension score, by one sweep of the graph.

Given the slopes, and what events and counts carried (data), each level is
``constant + gain · score``, so one sweep over the edges in causal order replaces a walk for each
level of a ladder:

    level[n, t, :] = Σ_{lag 0} slope[e] · holds[e, t] · carried[cause, t, :]
                   + Σ_{lag 1} slope[e] · holds[e, t] · last[cause, t]

`carried` is the level itself, except for events, which carry their status ``(status, 0)``, and
tension, which carries ``(0, 1)``. The sweep is the equation of `caucasus_forecast.equations.level`
on arrays; `backward` is its adjoint (the same edges, in reverse).

An event whose causes all act with a lag is decided by last month: its row at month *t* holds the
level that decides month *t + 1*. (Counts act through their excess, which is data: an event that has
a count among its causes is not such an event.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numba import njit

from .equations import holds
from .graph import CausalGraph, Edge
from .names import TENSION

Array = np.ndarray


def slopes_into(graph: CausalGraph, node: str) -> list[Edge]:
    """Edges with a slope that end in a node."""
    return [e for e in graph.into[node] if e.role != "gate"]


def reads_last_month(graph: CausalGraph, node: str) -> bool:
    """Whether a node is an event all of whose causes act with a lag, none of them a count."""
    into = slopes_into(graph, node)
    late = all(e.lag and graph.node[e.cause].kind != "count" for e in into)
    return graph.node[node].kind == "event" and bool(into) and late


@dataclass(frozen=True)
class Sweep:
    """Edges of a graph as arrays, in causal order.

    Attributes
    ----------
    nodes
        Node names, in causal order: the first axis of the levels.
    cause, effect, slope
        Shape (E,): positions of each edge's ends in `nodes`, and of its slope in the slope vector.
    lagged
        Shape (E,): whether the edge acts a month later.
    gain
        Shape (E, T): 1, or whether the edge's moderator holds in each month.
    carried
        Shape (N, T, 2): what events and tension carry.
    fixed
        Shape (N,): 1 for the nodes that carry `carried`, 0 for those that carry their level.
    last
        Shape (N, T): what each node carried the month before, where that is data.
    """

    nodes: tuple[str, ...]
    cause: Array
    effect: Array
    slope: Array
    lagged: Array
    gain: Array
    carried: Array
    fixed: Array
    last: Array

    def position(self, name: str) -> int:
        """Row of a node in the levels."""
        return self.nodes.index(name)


def sweep(
    graph: CausalGraph, slopes: tuple[str, ...], status: Any, before: Any, months: int
) -> Sweep:
    """The edges of `graph` as arrays.

    Parameters
    ----------
    slopes
        Names of the edges in the order of the slope vector.
    status, before
        Status of each event node in each month, and in the month before, shape (T,) by name.
    months
        Length of the panel.
    """
    nodes = graph.order
    row = {n: i for i, n in enumerate(nodes)}
    late = [n for n in nodes if reads_last_month(graph, n)]
    edges = [e for n in nodes if n not in late for e in slopes_into(graph, n)]
    edges += [replace(e, lag=0) for n in late for e in slopes_into(graph, n)]
    gain = np.ones((len(edges), months))
    for i, e in enumerate(edges):
        if e.moderator:
            gain[i] = holds(graph.node[e.moderator], status[e.moderator])
            if e.effect in late:  # the moderator acts in the month that is decided
                gain[i] = np.r_[gain[i, 1:], gain[i, -1:]]
    carried, fixed = np.zeros((len(nodes), months, 2)), np.zeros(len(nodes), np.int64)
    last = np.zeros((len(nodes), months))
    for n in nodes:
        if n == TENSION:
            carried[row[n], :, 1] = 1.0
        elif graph.node[n].kind == "event":
            carried[row[n], :, 0] = status[n]
            last[row[n]] = before[n]
        else:
            continue
        fixed[row[n]] = 1
    return Sweep(
        nodes,
        np.array([row[e.cause] for e in edges], np.int64),
        np.array([row[e.effect] for e in edges], np.int64),
        np.array([slopes.index(e.name) for e in edges], np.int64),
        np.array([e.lag for e in edges], np.int64),
        gain,
        carried,
        fixed,
        last,
    )


@njit(cache=True)
def forward(
    slope: Array,
    last: Array,
    cause: Array,
    effect: Array,
    which: Array,
    lagged: Array,
    gain: Array,
    carried: Array,
    fixed: Array,
) -> Array:
    """Levels as ``(constant, gain)`` of the score, shape (N, T, 2)."""
    months = last.shape[1]
    level = np.zeros(carried.shape)
    for e in range(len(cause)):
        b, i, j = slope[which[e]], cause[e], effect[e]
        for t in range(months):
            if lagged[e] == 1:
                level[j, t, 0] += b * gain[e, t] * last[i, t]
            elif fixed[i] == 1:
                level[j, t, 0] += b * gain[e, t] * carried[i, t, 0]
                level[j, t, 1] += b * gain[e, t] * carried[i, t, 1]
            else:
                level[j, t, 0] += b * gain[e, t] * level[i, t, 0]
                level[j, t, 1] += b * gain[e, t] * level[i, t, 1]
    return level


@njit(cache=True)
def backward(
    d_level: Array,
    level: Array,
    slope: Array,
    last: Array,
    cause: Array,
    effect: Array,
    which: Array,
    lagged: Array,
    gain: Array,
    carried: Array,
    fixed: Array,
) -> tuple[Array, Array]:
    """Gradient with respect to the slopes and to `last`, given that of the levels."""
    months = last.shape[1]
    d_slope, d_last, d = np.zeros(slope.shape), np.zeros(last.shape), d_level.copy()
    for e in range(len(cause) - 1, -1, -1):
        b, i, j = slope[which[e]], cause[e], effect[e]
        total = 0.0
        for t in range(months):
            if lagged[e] == 1:
                total += gain[e, t] * d[j, t, 0] * last[i, t]
                d_last[i, t] += b * gain[e, t] * d[j, t, 0]
            elif fixed[i] == 1:
                total += gain[e, t] * (
                    d[j, t, 0] * carried[i, t, 0] + d[j, t, 1] * carried[i, t, 1]
                )
            else:
                total += gain[e, t] * (d[j, t, 0] * level[i, t, 0] + d[j, t, 1] * level[i, t, 1])
                d[i, t, 0] += b * gain[e, t] * d[j, t, 0]
                d[i, t, 1] += b * gain[e, t] * d[j, t, 1]
        d_slope[which[e]] += total
    return d_slope, d_last


@njit(cache=True)
def forward_draws(
    slope: Array,
    last: Array,
    cause: Array,
    effect: Array,
    which: Array,
    lagged: Array,
    gain: Array,
    carried: Array,
    fixed: Array,
) -> Array:
    """`forward` for many draws: slope (D, S) and last (D, N, T) give (D, N, T, 2)."""
    out = np.empty((slope.shape[0], *carried.shape))
    for d in range(slope.shape[0]):
        out[d] = forward(slope[d], last[d], cause, effect, which, lagged, gain, carried, fixed)
    return out


def arrays(s: Sweep) -> tuple[Array, ...]:
    """The constant arguments of the kernels, in their order."""
    return s.cause, s.effect, s.slope, s.lagged, s.gain, s.carried, s.fixed
