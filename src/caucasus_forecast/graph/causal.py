"""What a causal graph is: nodes, arrows, and the checks that make them one."""

from __future__ import annotations

import hashlib
import html
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import networkx as nx

from ..errors import GraphError, nearest

Kind = Literal["process", "index", "count", "event", "share"]
Sign = Literal["+", "-", "0", "conditional"]
Role = Literal["effect", "definition", "gate"]
KINDS: tuple[str, ...] = ("process", "index", "count", "event", "share")
SIGNS: tuple[str, ...] = ("+", "-", "0", "conditional")
ROLES: tuple[str, ...] = ("effect", "definition", "gate")
PERSISTENT: tuple[str, ...] = ("process", "event", "share")


@dataclass(frozen=True, slots=True)
class Node:
    """One variable of the theory.

    Parameters
    ----------
    name
        Its name everywhere in the library: letters, digits and underscores.
    kind
        ``process``, ``index``, ``count``, ``event`` or ``share``.
    reading
        +1 when a high node means more counts, or an event that raises it; -1 when it means fewer
        counts (a slow-down read from meetings), or an event that ends it (a withdrawal).
    tier
        ``core``, ``secondary`` or ``exogenous``.
    unit, meaning
        For people.
    """

    name: str
    kind: Kind
    reading: int = 1
    tier: str = "secondary"
    unit: str = ""
    meaning: str = ""

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise GraphError(
                f"node {self.name!r}: a name is made of letters, digits and underscores"
            )
        if self.kind not in KINDS:
            raise GraphError(f"node {self.name!r}: kind {self.kind!r}: {nearest(self.kind, KINDS)}")
        if self.reading not in (-1, 1):
            raise GraphError(f"node {self.name!r}: reading is {self.reading}; it must be 1 or -1")


def holds(node: Node, status: Any) -> Any:
    """1 while an event node's state holds, 0 otherwise.

    A state that the article's status quo has (peacekeepers present) holds at status 0, one that it
    lacks (a treaty) at status 1.

    Examples
    --------
    >>> holds(Node("peacekeepers", "event", reading=-1), 0.0)
    1.0
    """
    return status if node.reading > 0 else 1.0 + status


@dataclass(frozen=True, slots=True)
class Edge:
    """One arrow of the theory.

    Parameters
    ----------
    cause, effect
        Node names.
    sign
        ``+``, ``-``, ``0`` (claimed absent) or ``conditional`` (the sources differ, or it depends).
    lag
        0: the same month; 1: the next month.
    moderator
        An event node that must hold for the arrow to act (tension *while peacekeepers are there*).
    role
        ``effect``: a slope of the theory; ``definition``: fixes a unit or an aggregate;
        ``gate``: the effect can only happen while the cause holds (no slope).
    claims, reason
        The claim ids it rests on, and why it is here.
    """

    cause: str
    effect: str
    sign: Sign = "+"
    lag: int = 0
    tier: str = "secondary"
    moderator: str = ""
    role: Role = "effect"
    claims: tuple[str, ...] = ()
    reason: str = ""

    def __post_init__(self) -> None:
        if self.cause == self.effect:
            raise GraphError(f"edge {self.name}: a node cannot cause itself; remove the edge")
        if self.sign not in SIGNS:
            raise GraphError(f"edge {self.name}: sign {self.sign!r}: {nearest(self.sign, SIGNS)}")
        if self.role not in ROLES:
            raise GraphError(f"edge {self.name}: role {self.role!r}: {nearest(self.role, ROLES)}")
        if self.lag not in (0, 1):
            raise GraphError(f"edge {self.name}: lag is {self.lag}; it must be 0 or 1 month")

    @property
    def name(self) -> str:
        """``cause->effect``, the key of the edge's slope everywhere."""
        return f"{self.cause}->{self.effect}"


@dataclass(frozen=True)
class CausalGraph:
    """Nodes and edges, validated once.

    Examples
    --------
    >>> g = CausalGraph("toy", (Node("a", "index"), Node("b", "index")), (Edge("a", "b"),))
    >>> g.parents("b")
    ('a',)
    >>> sorted(g.descendants("a"))
    ['b']
    """

    name: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", tuple(self.nodes))
        object.__setattr__(self, "edges", tuple(self.edges))
        names = [n.name for n in self.nodes]
        _refuse_duplicates(names, "node")
        _refuse_spellings(names)
        _refuse_duplicates([e.name for e in self.edges], "edge")
        for edge in self.edges:
            for end in (edge.cause, edge.effect, edge.moderator):
                if end and end not in self.node:
                    raise GraphError(
                        f"edge {edge.name}: unknown node {end!r}; {nearest(end, names)}"
                    )
            if edge.moderator and self.node[edge.moderator].kind != "event":
                raise GraphError(f"edge {edge.name}: moderator {edge.moderator!r} is not an event")
            if edge.role == "gate" and self.node[edge.cause].kind != "event":
                raise GraphError(f"edge {edge.name}: a gate needs an event as its cause")
            if edge.role == "gate" and self.node[edge.effect].kind != "event":
                raise GraphError(f"edge {edge.name}: a gate needs an event as its effect")
        try:
            cycle = nx.find_cycle(self._contemporaneous)
        except nx.NetworkXNoCycle:
            return
        loop = " -> ".join([cycle[0][0], *(b for _, b in cycle)])
        raise GraphError(
            f"graph {self.name!r} has a cycle within one month: {loop}. "
            "Remove or reverse an edge, or give one of them lag 1"
        )

    @cached_property
    def node(self) -> dict[str, Node]:
        """Nodes by name."""
        return {n.name: n for n in self.nodes}

    @cached_property
    def edge(self) -> dict[str, Edge]:
        """Edges by ``cause->effect``."""
        return {e.name: e for e in self.edges}

    @cached_property
    def slopes(self) -> tuple[str, ...]:
        """Names of the edges that carry a slope, in table order."""
        return tuple(e.name for e in self.edges if e.role != "gate")

    @cached_property
    def based(self) -> tuple[str, ...]:
        """Names of the nodes with a base rate: counts, events and shares, in table order."""
        return tuple(n.name for n in self.nodes if n.kind in ("count", "event", "share"))

    @cached_property
    def shares(self) -> tuple[str, ...]:
        """Names of the shares, in table order."""
        return tuple(n.name for n in self.nodes if n.kind == "share")

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Node names so that every cause of the same month comes before its effects."""
        rank = {n.name: i for i, n in enumerate(self.nodes)}
        return tuple(nx.lexicographical_topological_sort(self._contemporaneous, key=rank.get))

    @cached_property
    def into(self) -> dict[str, tuple[Edge, ...]]:
        """Edges that end in each node, in table order."""
        return {n.name: tuple(e for e in self.edges if e.effect == n.name) for n in self.nodes}

    @cached_property
    def _contemporaneous(self) -> nx.DiGraph:
        g = nx.DiGraph()
        g.add_nodes_from(n.name for n in self.nodes)
        for e in self.edges:
            if e.lag == 0:
                g.add_edge(e.cause, e.effect)
            if e.moderator:
                g.add_edge(e.moderator, e.effect)
        return nx.freeze(g)

    @cached_property
    def summary(self) -> nx.DiGraph:
        """Every arrow, whatever its lag, moderators included."""
        g = self._contemporaneous.copy()
        g.add_edges_from((e.cause, e.effect) for e in self.edges)
        return nx.freeze(g)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the nodes and of the edges that carry meaning for the model."""
        text = repr([(n.name, n.kind, n.reading) for n in self.nodes]) + repr(
            [(e.name, e.sign, e.lag, e.moderator, e.role) for e in self.edges]
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def parents(self, name: str) -> tuple[str, ...]:
        """Direct causes, of this month or the last, moderators included."""
        return tuple(self.summary.predecessors(self._known(name)))

    def descendants(self, name: str, lag: int | None = None) -> frozenset[str]:
        """Everything the node moves; with ``lag=0``, within the same month only."""
        g = self._contemporaneous if lag == 0 else self.summary
        return frozenset(nx.descendants(g, self._known(name)))

    def ancestors(self, *names: str) -> frozenset[str]:
        """Everything that moves any of the named nodes, at any lag."""
        return frozenset().union(*(nx.ancestors(self.summary, self._known(n)) for n in names))

    def _known(self, name: str) -> str:
        if name not in self.node:
            raise GraphError(
                f"graph {self.name!r} has no node {name!r}; {nearest(name, self.node)}"
            )
        return name

    def __repr__(self) -> str:
        lagged = sum(e.lag for e in self.edges)
        return (
            f"CausalGraph {self.name!r}: {len(self.nodes)} nodes, {len(self.edges)} edges "
            f"({lagged} of them lagged by a month)"
        )

    def _repr_html_(self) -> str:
        from .drawing import to_svg

        return f"<figure>{to_svg(self)}<figcaption>{html.escape(repr(self))}</figcaption></figure>"


def _refuse_spellings(names: list[str]) -> None:
    """Refuse two names that a reader takes for one."""
    seen: dict[str, str] = {}
    for name in names:
        plain = name.casefold().replace("_", "")
        if plain in seen:
            raise GraphError(
                f"nodes {seen[plain]!r} and {name!r} are two spellings of one name; keep one, or "
                "rename one"
            )
        seen[plain] = name


def _refuse_duplicates(names: list[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise GraphError(f"{what} {name!r} is listed twice; keep one")
        seen.add(name)
