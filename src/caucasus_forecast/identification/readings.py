"""What is measured: readings of hidden levels, on the graph unrolled over months."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import networkx as nx

from .. import evidence as rows
from ..errors import GraphError, nearest
from ..graph import CausalGraph, unroll
from ..graph.separation import earlier, several

# kinds whose level is hidden behind a reading
READ: Final = ("process", "count", "share")
# nodes of the unrolled graph beyond which nothing is searched
LARGEST: Final = 20_000


def reading(name: str) -> str:
    """Name of what reads a hidden level.

    Examples
    --------
    >>> reading("tension")
    'reading of tension'
    """
    return f"reading of {name}"


def measurable(graph: CausalGraph) -> tuple[str, ...]:
    """Everything that could be measured: each node itself, and the readings of hidden levels.

    Examples
    --------
    >>> from caucasus_forecast.graph import Node
    >>> measurable(CausalGraph("toy", (Node("a", "index"), Node("b", "count")), ()))
    ('a', 'b', 'reading of b')
    """
    readings = (reading(n.name) for n in graph.nodes if n.kind in READ)
    return (*(n.name for n in graph.nodes), *readings)


def evidenced(graph: CausalGraph, evidence: rows.Evidence | None = None) -> tuple[str, ...]:
    """What a body of evidence measures: the states of events, and readings of hidden levels.

    Parameters
    ----------
    graph
        The graph whose nodes are informed; series of other nodes are left out.
    evidence
        Default: the embedded evidence.

    Examples
    --------
    >>> from caucasus_forecast.graph import load
    >>> evidenced(load())[0], "tension" in evidenced(load())
    ('demarcation_failure', False)
    """
    series = (evidence or rows.load()).series.values()
    found = {s.node if s.mode == "status" else reading(s.node) for s in series}
    return tuple(n for n in measurable(graph) if n in found)


def measured(graph: CausalGraph, months: int) -> nx.DiGraph:
    """Unroll a graph over `months` months, with a reading below every hidden level.

    A lagged arrow from a count leaves its reading: the next month sees what was counted.

    Examples
    --------
    >>> from caucasus_forecast.graph import Edge, Node
    >>> nodes = Node("a", "count"), Node("b", "index")
    >>> sorted(measured(CausalGraph("toy", nodes, (Edge("a", "b", lag=1),)), 2).edges)
    [('a', 'reading of a'), ('a@-1', 'reading of a@-1'), ('reading of a@-1', 'b')]
    """
    g = unroll(graph, months)
    for node in graph.nodes:
        if node.kind in READ:
            g.add_edges_from(
                (earlier(node.name, b), earlier(reading(node.name), b)) for b in range(months)
            )
    for edge in graph.edges:
        if edge.lag and graph.node[edge.cause].kind == "count":
            for back in range(months - 1):
                g.remove_edge(earlier(edge.cause, back + 1), earlier(edge.effect, back))
                g.add_edge(earlier(reading(edge.cause), back + 1), earlier(edge.effect, back))
    return g


def window(graph: CausalGraph, lag: int) -> int:
    """Months that follow every lagged arrow once before the oldest month asked about."""
    return lag + sum(e.lag for e in graph.edges) + 2


def seen_by(graph: CausalGraph, observed: str | Iterable[str] | None) -> tuple[str, ...]:
    """What is measured: as given, else what the embedded evidence measures."""
    if observed is None:
        return evidenced(graph)
    chosen, allowed = several(observed), measurable(graph)
    for name in chosen:
        if name not in allowed:
            raise GraphError(f"observed: no node {name!r}; {nearest(name, allowed)}")
    return tuple(n for n in allowed if n in chosen)


def at_all(seen: Iterable[str], months: int) -> frozenset[str]:
    """What is measured in every month of the unrolled graph."""
    return frozenset(earlier(n, back) for n in seen for back in range(months))
