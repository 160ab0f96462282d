"""Questions a graph answers: its paths, what is independent of what, what to adjust for."""

from __future__ import annotations

import re
from collections.abc import Iterable

import networkx as nx

from ..errors import GraphError
from .causal import PERSISTENT, CausalGraph


def paths(
    graph: CausalGraph, cause: str, effect: str, cutoff: int | None = None
) -> tuple[str, ...]:
    """List every directed path, shortest first, as ``a -> b -[1]-> c`` (a lag of one month).

    Examples
    --------
    >>> from caucasus_forecast.graph import load
    >>> paths(load(), "tension", "accession", cutoff=2)
    ('tension -> pressure -> accession', 'tension -> baku_dependence -> accession')
    """
    refuse_same(cause, effect)
    found = nx.all_simple_paths(graph.summary, graph._known(cause), graph._known(effect), cutoff)
    lagged = {(e.cause, e.effect) for e in graph.edges if e.lag}

    def written(path: list[str]) -> str:
        arrows = (" -[1]-> " if step in lagged else " -> " for step in nx.utils.pairwise(path))
        return path[0] + "".join(a + b for a, b in zip(arrows, path[1:], strict=True))

    return tuple(written(p) for p in sorted(found, key=len))


def unroll(graph: CausalGraph, months: int = 4) -> nx.DiGraph:
    """Lay the graph out over several months: ``x`` now, ``x@-1`` last month, and so on.

    Nodes that persist (processes, events, shares) get an arrow from their own last month. A
    moderator acts in the month of the effect, whatever the lag of its edge.
    """
    g = nx.DiGraph()
    for back in range(months):
        g.add_nodes_from(earlier(n.name, back) for n in graph.nodes)
    for edge in graph.edges:
        for back in range(months):
            if back + edge.lag < months:
                g.add_edge(earlier(edge.cause, back + edge.lag), earlier(edge.effect, back))
            if edge.moderator:
                g.add_edge(earlier(edge.moderator, back), earlier(edge.effect, back))
    for node in graph.nodes:
        if node.kind in PERSISTENT:
            g.add_edges_from(
                (earlier(node.name, b + 1), earlier(node.name, b)) for b in range(months - 1)
            )
    return g


def earlier(name: str, back: int) -> str:
    """The name of a node so many months back.

    Examples
    --------
    >>> earlier("tension", 1), earlier("tension", 0)
    ('tension@-1', 'tension')
    """
    return f"{name}@-{back}" if back else name


def _unroll_for(graph: CausalGraph, names: Iterable[str]) -> nx.DiGraph:
    """Unroll far enough back to follow every lagged arrow once before the oldest month named."""
    deepest = 0
    for name in names:
        base, mark, back = name.partition("@-")
        graph._known(base)
        if mark and not re.fullmatch(r"[1-9]\d?", back, re.ASCII):
            raise GraphError(
                f"node {name!r}: write {base!r} for this month, '{base}@-1' for the last, "
                f"down to '{base}@-99'"
            )
        deepest = max(deepest, int(back or 0))
    return unroll(graph, deepest + sum(e.lag for e in graph.edges) + 2)


def refuse_same(a: str, b: str, given: Iterable[str] = ()) -> None:
    """Refuse a question about one node, or about one that is given.

    Raises
    ------
    GraphError
    """
    if a == b:
        raise GraphError(f"{a!r} is given twice; ask about two different nodes")
    if asked := {a, b} & set(given):
        raise GraphError(f"{min(asked)!r} is both asked about and given; leave it out of one")


def several(names: str | Iterable[str]) -> tuple[str, ...]:
    """One name or several, as several."""
    return (names,) if isinstance(names, str) else tuple(names)


def d_separated(graph: CausalGraph, a: str, b: str, given: str | Iterable[str] = ()) -> bool:
    """Whether the graph implies that `a` and `b` are independent given the other nodes.

    Raises
    ------
    GraphError
        If a name is unknown, or is asked about twice.

    Examples
    --------
    >>> from caucasus_forecast.graph import load
    >>> d_separated(load(), "transport_delay", "border_guards")
    False
    >>> d_separated(load(), "transport_delay", "border_guards", given=["tension"])
    True
    """
    given = several(given)
    refuse_same(a, b, given)
    g = _unroll_for(graph, (a, b, *given))
    return bool(nx.is_d_separator(g, {a}, {b}, set(given)))


def adjustment_sets(
    graph: CausalGraph, cause: str, effect: str, observed: str | Iterable[str] | None = None
) -> tuple[frozenset[str], ...]:
    """Find back-door adjustment sets of the total effect of `cause` on `effect`.

    The direct causes of `cause`, and one minimal set, each without descendants of `cause`. An empty
    tuple means: not identified by adjustment with the nodes that may be used.

    Parameters
    ----------
    observed
        Nodes that may be adjusted for (default: all). Names may carry a lag, ``"tension@-1"``.

    Raises
    ------
    GraphError
        If a name is unknown, or cause and effect are the same.

    References
    ----------
    Pearl (2009), *Causality*, section 3.3; van der Zander & Liśkiewicz (2020), minimal separators.
    """
    usable = None if observed is None else several(observed)
    refuse_same(cause, effect)
    g = _unroll_for(graph, (cause, effect, *(usable or ())))
    allowed = set(g) if usable is None else set(usable)
    allowed -= nx.descendants(g, cause) | {cause, effect}
    backdoor = g.copy()
    backdoor.remove_edges_from(list(g.out_edges(cause)))
    candidates = (
        set(g.predecessors(cause)),
        nx.find_minimal_d_separator(backdoor, {cause}, {effect}, restricted=allowed),
    )
    good = (
        frozenset(z)
        for z in candidates
        if z is not None and z <= allowed and nx.is_d_separator(backdoor, {cause}, {effect}, z)
    )
    return tuple(sorted(set(good), key=lambda z: (len(z), sorted(z))))
