"""The causal graph: nodes, edges and their reasons. Knows neither data nor PyMC.

An edge says that its cause moves its effect, with a sign, in the same month (``lag = 0``) or one
month later (``lag = 1``), and carries the ids of the claims it rests on and a reason. Edges of the
same month form a directed acyclic graph; feedback is lagged.

Node kinds:

- ``process``: the hidden tension ladder (or any other tension process);
- ``index``: a standardised level, a weighted sum of its causes;
- ``count``: a level read through monthly counts;
- ``event``: a yes/no state that changes once, at a monthly hazard;
- ``share``: a level read through a proportion.

Separation questions are answered on the graph unrolled over a few months, in which ``"tension"``
is this month's tension and ``"tension@-1"`` last month's; processes, events and shares persist
from one month to the next.
"""

from __future__ import annotations

import csv
import hashlib
import html
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib.resources import files
from typing import Literal

import networkx as nx

from .errors import GraphError, nearest

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
        return f"<figure>{to_svg(self)}<figcaption>{html.escape(repr(self))}</figcaption></figure>"


def _refuse_duplicates(names: list[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise GraphError(f"{what} {name!r} is listed twice; keep one")
        seen.add(name)


# --------------------------------------------------------------------------- questions


def paths(
    graph: CausalGraph, cause: str, effect: str, cutoff: int | None = None
) -> tuple[str, ...]:
    """List every directed path, shortest first, as ``a -> b -[1]-> c`` (a lag of one month).

    Examples
    --------
    >>> paths(load(), "tension", "accession", cutoff=2)
    ('tension -> pressure -> accession', 'tension -> baku_dependence -> accession')
    """
    _two_nodes(cause, effect)
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
        g.add_nodes_from(_at(n.name, back) for n in graph.nodes)
    for edge in graph.edges:
        for back in range(months):
            if back + edge.lag < months:
                g.add_edge(_at(edge.cause, back + edge.lag), _at(edge.effect, back))
            if edge.moderator:
                g.add_edge(_at(edge.moderator, back), _at(edge.effect, back))
    for node in graph.nodes:
        if node.kind in PERSISTENT:
            g.add_edges_from((_at(node.name, b + 1), _at(node.name, b)) for b in range(months - 1))
    return g


def _at(name: str, back: int) -> str:
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


def _two_nodes(a: str, b: str, given: Iterable[str] = ()) -> None:
    if a == b:
        raise GraphError(f"{a!r} is given twice; ask about two different nodes")
    if asked := {a, b} & set(given):
        raise GraphError(f"{min(asked)!r} is both asked about and given; leave it out of one")


def _several(names: str | Iterable[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def d_separated(graph: CausalGraph, a: str, b: str, given: str | Iterable[str] = ()) -> bool:
    """Whether the graph implies that `a` and `b` are independent given the other nodes.

    Raises
    ------
    GraphError
        If a name is unknown, or is asked about twice.

    Examples
    --------
    >>> d_separated(load(), "transport_delay", "border_guards")
    False
    >>> d_separated(load(), "transport_delay", "border_guards", given=["tension"])
    True
    """
    given = _several(given)
    _two_nodes(a, b, given)
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
    usable = None if observed is None else _several(observed)
    _two_nodes(cause, effect)
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


def cut(graph: CausalGraph, *names: str) -> CausalGraph:
    """Cut the graph as do(names) does: no arrow enters a node that is set from outside."""
    held = {graph._known(name) for name in names}
    return replace(graph, edges=tuple(e for e in graph.edges if e.effect not in held))


# --------------------------------------------------------------------------- tables


@cache
def load(name: str = "alyarli-2021") -> CausalGraph:
    """Load the graph read from Alyarli (2021), from the package's own tables.

    Examples
    --------
    >>> load()
    CausalGraph 'alyarli-2021': 67 nodes, 111 edges (8 of them lagged by a month)
    """
    if name != "alyarli-2021":
        raise GraphError(f"no graph {name!r}; {nearest(name, ['alyarli-2021'])}")
    nodes = tuple(
        Node(
            name=r["node"],
            kind=r["kind"],  # type: ignore[arg-type]
            reading=int(r["reading"] or 1),
            tier=r["tier"],
            unit=r["unit"],
            meaning=r["meaning"],
        )
        for r in _table("nodes.csv")
    )
    edges = tuple(
        Edge(
            cause=r["cause"],
            effect=r["effect"],
            sign=r["sign"],  # type: ignore[arg-type]
            lag=int(r["lag"]),
            tier=r["tier"],
            moderator=r["moderator"],
            role=r["role"],  # type: ignore[arg-type]
            claims=tuple(filter(None, r["claims"].split(";"))),
            reason=r["reason"],
        )
        for r in _table("edges.csv")
    )
    return CausalGraph(name, nodes, edges)


@dataclass(frozen=True, slots=True)
class Claim:
    """One causal claim of the article and what the model does with it.

    `status` is ``modelled`` (it is one of `edges`), ``folded`` (a finer or coarser form of `edges`)
    or ``not_modelled``; `note` says what it claims and why it is treated so.
    """

    id: str
    holder: str
    status: str
    edges: tuple[str, ...]
    note: str


@cache
def claims() -> tuple[Claim, ...]:
    """Load the ledger of all 150 claims.

    Examples
    --------
    >>> len(claims())
    150
    """
    return tuple(
        Claim(
            id=r["claim"],
            holder=r["holder"],
            status=r["status"],
            edges=tuple(filter(None, r["edges"].split(";"))),
            note=r["note"],
        )
        for r in _table("claims.csv")
    )


def _table(name: str) -> list[dict[str, str]]:
    text = files("caucasus_forecast").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


# --------------------------------------------------------------------------- drawing


def to_mermaid(graph: CausalGraph) -> str:
    """Write the graph as Mermaid text: a dotted arrow acts a month later, `x` marks a minus.

    Examples
    --------
    >>> g = CausalGraph("toy", (Node("a", "index"), Node("b", "count")), (Edge("a", "b", "-"),))
    >>> print(to_mermaid(g))
    flowchart LR
        a["a"]
        b(["b"])
        a --x b
    """
    outline = {"process": ("{{", "}}"), "index": ("[", "]"), "count": ("([", "])")}
    lines = ["flowchart LR"]
    for n in graph.nodes:
        left, right = outline.get(n.kind, ("[[", "]]"))
        lines.append(f'    {n.name}{left}"{n.name.replace("_", " ")}"{right}')
    for e in graph.edges:
        arrow = ("-.-" if e.lag else "--") + ("x" if e.sign == "-" else ">")
        lines.append(f"    {e.cause} {arrow} {e.effect}")
    return "\n".join(lines)


def to_svg(graph: CausalGraph, focus: str | Iterable[str] = ()) -> str:
    """Draw the graph as one self-contained SVG: layers from causes (left) to effects (right).

    Blue arrows raise, vermilion arrows lower, grey ones are conditional or claimed absent; dashed
    arrows act a month later. With `focus`, only those nodes, their causes and effects are drawn.
    """
    names = set(_several(focus))
    if names:
        names |= {x for n in names for x in (*graph.parents(n), *graph.summary.successors(n))}
        edges = tuple(e for e in graph.edges if e.cause in names and e.effect in names)
        nodes = tuple(n for n in graph.nodes if n.name in names)
        graph = CausalGraph(graph.name, nodes, tuple(replace(e, moderator="") for e in edges))
    place = _layout(graph)
    width = max((x for x, _ in place.values()), default=0) + 170
    height = max((y for _, y in place.values()), default=0) + 40
    body = [_svg_edge(e, place) for e in graph.edges] + [_svg_node(n, place) for n in graph.nodes]
    heads = "".join(
        f'<marker id="head-{colour[1:]}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" '
        f'markerHeight="6" orient="auto"><path d="M0 0L8 4L0 8z" fill="{colour}"/></marker>'
        for colour in dict.fromkeys(_COLOUR.values())
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'font-family="system-ui,sans-serif" font-size="11"><title>Causal graph '
        f"{_text(graph.name)}</title><defs>{heads}</defs>{''.join(body)}</svg>"
    )


_COLOUR = {"+": "#0072B2", "-": "#D55E00", "0": "#888888", "conditional": "#888888"}
_FILL = {
    "process": "#F0E442",
    "index": "#FFFFFF",
    "count": "#DCEBF5",
    "event": "#DDF0E6",
    "share": "#F5E6EF",
}


def _layout(graph: CausalGraph) -> dict[str, tuple[int, int]]:
    g = graph._contemporaneous
    layers = [sorted(layer) for layer in nx.topological_generations(g)]
    height: dict[str, float] = {}
    for layer in layers:
        centre = {
            n: sum(height[p] for p in g.predecessors(n)) / max(g.in_degree(n), 1) for n in layer
        }
        for i, n in enumerate(sorted(layer, key=lambda n: (centre[n], n))):
            height[n] = i - len(layer) / 2
    lowest = min(height.values(), default=0.0)
    return {
        n: (10 + 190 * x, int(12 + 34 * (height[n] - lowest)))
        for x, layer in enumerate(layers)
        for n in layer
    }


def _text(words: str) -> str:
    """Escape words for XML, which has no place for most control characters."""
    return html.escape(re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", words))


def _svg_node(node: Node, place: dict[str, tuple[int, int]]) -> str:
    x, y = place[node.name]
    label = _text(node.name.replace("_", " "))
    return (
        f'<g><title>{_text(node.meaning or node.name)}</title><rect x="{x}" y="{y}" rx="5" '
        f'width="150" height="22" fill="{_FILL[node.kind]}" stroke="#444"/>'
        f'<text x="{x + 75}" y="{y + 15}" text-anchor="middle">{label}</text></g>'
    )


def _svg_edge(edge: Edge, place: dict[str, tuple[int, int]]) -> str:
    (x1, y1), (x2, y2) = place[edge.cause], place[edge.effect]
    start, end = (x1 + 150, x2) if x2 > x1 else (x1, x2 + 150)
    bend = (start + end) / 2
    dash = ' stroke-dasharray="4 3"' if edge.lag else ""
    colour = _COLOUR[edge.sign]
    return (
        f'<path d="M{start} {y1 + 11}C{bend} {y1 + 11} {bend} {y2 + 11} {end} {y2 + 11}" '
        f'fill="none" stroke="{colour}" stroke-opacity=".65"{dash} '
        f'marker-end="url(#head-{colour[1:]})"><title>{_text(edge.name)}: '
        f"{_text(edge.reason)}</title></path>"
    )
