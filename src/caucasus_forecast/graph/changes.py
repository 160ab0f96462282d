"""A graph changed: nodes held from outside, edges dropped, reversed or added."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..errors import GraphError, nearest
from .causal import CausalGraph, Edge, Node


def cut(graph: CausalGraph, *names: str) -> CausalGraph:
    """Cut the graph as do(names) does: no arrow enters a node that is set from outside."""
    held = {graph._known(name) for name in names}
    return replace(graph, edges=tuple(e for e in graph.edges if e.effect not in held))


def drop(graph: CausalGraph, *names: str) -> CausalGraph:
    """Leave out edges, and nodes with all their edges.

    Parameters
    ----------
    names
        Edges as ``cause->effect``, or nodes.

    Raises
    ------
    GraphError
        If a name is unknown or given twice, or a dropped node still moderates an edge.

    Examples
    --------
    >>> g = CausalGraph("toy", (Node("a", "index"), Node("b", "index")), (Edge("a", "b"),))
    >>> drop(g, "a->b").edges, [n.name for n in drop(g, "a").nodes]
    ((), ['b'])
    """
    gone = _named(graph, names, "drop", {**graph.node, **graph.edge})
    kept = tuple(e for e in graph.edges if not {e.name, e.cause, e.effect} & gone)
    for edge in kept:
        if edge.moderator in gone:
            raise GraphError(
                f"drop: edge {edge.name} acts only while {edge.moderator!r} holds; drop the edge "
                "too, and give it again without a moderator if it is to stay"
            )
    return replace(graph, nodes=tuple(n for n in graph.nodes if n.name not in gone), edges=kept)


def reverse(graph: CausalGraph, *names: str) -> CausalGraph:
    """Turn edges round, each in its place, with its sign and lag.

    The claims of an edge speak of the way it pointed: they do not turn with it.

    Raises
    ------
    GraphError
        If an edge is unknown, given twice, or its turn makes a cycle or a double.

    Examples
    --------
    >>> g = CausalGraph("toy", (Node("a", "index"), Node("b", "index")), (Edge("a", "b"),))
    >>> reverse(g, "a->b").slopes, reverse(reverse(g, "a->b"), "b->a").digest == g.digest
    (('b->a',), True)
    """
    turned = _named(graph, names, "reverse", graph.edge)
    staying = {e.name for e in graph.edges} - turned
    for edge in graph.edges:
        if edge.name in turned and (opposite := _turned(edge).name) in staying:
            raise GraphError(
                f"reverse: {edge.name} turned is {opposite}, which is there already; drop one"
            )
    return replace(graph, edges=tuple(_turned(e) if e.name in turned else e for e in graph.edges))


def add(graph: CausalGraph, nodes: Iterable[Node] = (), edges: Iterable[Edge] = ()) -> CausalGraph:
    """Put more nodes and edges after those that are there.

    Raises
    ------
    GraphError
        For one that is there already, an edge between unknown nodes, or a cycle.

    Examples
    --------
    >>> g = CausalGraph("toy", (Node("a", "index"),), ())
    >>> add(g, [Node("b", "index")], [Edge("a", "b")]).parents("b")
    ('a',)
    """
    return replace(graph, nodes=(*graph.nodes, *nodes), edges=(*graph.edges, *edges))


def _turned(edge: Edge) -> Edge:
    reason = f"The reverse of {edge.name}."
    return replace(edge, cause=edge.effect, effect=edge.cause, claims=(), reason=reason)


def _named(
    graph: CausalGraph, names: Iterable[str], what: str, known: Iterable[str]
) -> frozenset[str]:
    found: set[str] = set()
    for name in names:
        if name in found:
            raise GraphError(f"{what}: {name!r} is listed twice; keep one")
        if name not in known:
            near = nearest(name, [k for k in known if ("->" in k) == ("->" in name)])
            raise GraphError(f"{what}: graph {graph.name!r} has no {name!r}; {near}")
        found.add(name)
    return frozenset(found)
