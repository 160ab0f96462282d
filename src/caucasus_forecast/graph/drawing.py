"""A graph as Mermaid text and as SVG."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import replace

import networkx as nx

from .causal import CausalGraph, Edge, Node
from .separation import several


def to_mermaid(graph: CausalGraph) -> str:
    """Write the graph as Mermaid text: a dotted arrow acts a month later, `x` marks a minus.

    Examples
    --------
    >>> from caucasus_forecast.graph import Edge, Node
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
    names = set(several(focus))
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
