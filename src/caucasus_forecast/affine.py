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
from typing import Any, NamedTuple

import numpy as np

from .graph import CausalGraph, Edge, holds
from .jit import compiled
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


class Edges(NamedTuple):
    """Edges of a graph as arrays, in causal order.

    Attributes
    ----------
    cause, effect, slope
        Shape (E,): rows of each edge's ends in the levels, and its place in the slope vector.
    lagged
        Shape (E,): whether the edge acts a month later.
    gain
        Shape (E, T): 1, or whether the edge's moderator holds in each month.
    carried
        Shape (N, T, 2): what events and tension carry.
    fixed
        Shape (N,): 1 for the nodes that carry `carried`, 0 for those that carry their level.
    """

    cause: Array
    effect: Array
    slope: Array
    lagged: Array
    gain: Array
    carried: Array
    fixed: Array


@dataclass(frozen=True)
class Sweep:
    """A graph ready to be swept.

    Attributes
    ----------
    nodes
        Node names, in causal order: the first axis of the levels.
    edges
        The edges, as arrays.
    last
        Shape (N, T): what each node carried the month before, where that is data.
    """

    nodes: tuple[str, ...]
    edges: Edges
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
    found = Edges(
        cause=np.array([row[e.cause] for e in edges], np.int64),
        effect=np.array([row[e.effect] for e in edges], np.int64),
        slope=np.array([slopes.index(e.name) for e in edges], np.int64),
        lagged=np.array([e.lag for e in edges], np.int64),
        gain=gain,
        carried=carried,
        fixed=fixed,
    )
    return Sweep(nodes, found, last)


@compiled
def forward(slope: Array, last: Array, edges: Edges) -> Array:
    """Levels as ``(constant, gain)`` of the score, shape (N, T, 2)."""
    level = np.zeros(edges.carried.shape)
    for e in range(len(edges.cause)):
        b, i, j = slope[edges.slope[e]], edges.cause[e], edges.effect[e]
        for t in range(last.shape[1]):
            push = b * edges.gain[e, t]
            if edges.lagged[e] == 1:
                level[j, t, 0] += push * last[i, t]
            elif edges.fixed[i] == 1:
                level[j, t, 0] += push * edges.carried[i, t, 0]
                level[j, t, 1] += push * edges.carried[i, t, 1]
            else:
                level[j, t, 0] += push * level[i, t, 0]
                level[j, t, 1] += push * level[i, t, 1]
    return level


@compiled
def backward(
    d_level: Array, level: Array, slope: Array, last: Array, edges: Edges
) -> tuple[Array, Array]:
    """Gradient with respect to the slopes and to `last`, given that of the levels."""
    d_slope, d_last, d = np.zeros(slope.shape), np.zeros(last.shape), d_level.copy()
    for e in range(len(edges.cause) - 1, -1, -1):
        b, i, j = slope[edges.slope[e]], edges.cause[e], edges.effect[e]
        total = 0.0
        for t in range(last.shape[1]):
            gain = edges.gain[e, t]
            if edges.lagged[e] == 1:
                total += gain * d[j, t, 0] * last[i, t]
                d_last[i, t] += b * gain * d[j, t, 0]
            elif edges.fixed[i] == 1:
                carried = edges.carried[i, t]
                total += gain * (d[j, t, 0] * carried[0] + d[j, t, 1] * carried[1])
            else:
                total += gain * (d[j, t, 0] * level[i, t, 0] + d[j, t, 1] * level[i, t, 1])
                d[i, t, 0] += b * gain * d[j, t, 0]
                d[i, t, 1] += b * gain * d[j, t, 1]
        d_slope[edges.slope[e]] += total
    return d_slope, d_last


@compiled
def forward_draws(slope: Array, last: Array, edges: Edges) -> Array:
    """`forward` for many draws: slope (D, S) and last (D, N, T) give (D, N, T, 2)."""
    out = np.empty((slope.shape[0], *edges.carried.shape))
    for d in range(slope.shape[0]):
        out[d] = forward(slope[d], last[d], edges)
    return out
