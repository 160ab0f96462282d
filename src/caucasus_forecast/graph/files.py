"""A graph from a file: shipped, or one's own in TOML.

    name = "my-theory"
    base = "alyarli-2021"                 # a shipped graph; without it the file is the whole graph
    drop = ["tension->border_guards", "fear"]
    reverse = ["tension->armenian_arms"]

    [[node]]
    name = "armenia_csto"
    kind = "event"

    [[edge]]
    cause = "tension"
    effect = "armenia_csto"

What is dropped goes first, then edges turn, then nodes and edges are added. Priors, series and
observations of the same file are read by `caucasus_forecast.theory`; here they are only let pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from .. import shipped
from ..errors import GraphError, nearest
from ..named import read_text, toml
from ..names import TENSION
from .causal import CausalGraph, Edge, Node
from .changes import add, drop, reverse
from .fields import known, tables, text, texts, whole
from .ledger import ARTICLE, article

FILE_KEYS = ("name", "base", "drop", "reverse", "node", "edge", "series", "observation")
NODE_KEYS = ("name", "kind", "reading", "tier", "unit", "meaning", "base_rate", "noise")
EDGE_KEYS = (
    "cause", "effect", "sign", "lag", "tier", "moderator", "role", "claims", "reason", "prior",
)  # fmt: skip


@dataclass(frozen=True)
class GraphFile:
    """A graph, and the fields of the file it was read from.

    Attributes
    ----------
    graph
        The graph.
    base
        Name of the shipped graph it changes, empty for a whole graph.
    fields
        As in the file; none for the article's own tables.
    where
        How errors name the file.
    """

    graph: CausalGraph
    base: str
    fields: Mapping[str, Any]
    where: str


def available() -> tuple[str, ...]:
    """Names of the shipped graphs.

    Examples
    --------
    >>> "alyarli-2021" in available()
    True
    """
    return (ARTICLE, *shipped.listed("data/graphs"))


def load(name_or_path: str | Path = ARTICLE) -> CausalGraph:
    """Load a shipped graph by name, or a graph from a TOML file.

    Raises
    ------
    GraphError
        Naming the file, the entry, the key, the value and what is allowed.

    Examples
    --------
    >>> load()
    CausalGraph 'alyarli-2021': 67 nodes, 111 edges (8 of them lagged by a month)
    """
    return open_file(name_or_path).graph


def open_file(name_or_path: str | Path) -> GraphFile:
    """A shipped graph by name, or one from a TOML file, with the fields of its file.

    Raises
    ------
    GraphError
        Naming the file, the entry, the key, the value and what is allowed.
    """
    if str(name_or_path) in available():
        return _shipped(str(name_or_path))
    body = read_text(
        name_or_path, "graph", available(), GraphError, ". For a file of your own give its path"
    )
    path = Path(name_or_path)
    return read(body, path.name, path.stem)


@cache
def _shipped(name: str) -> GraphFile:
    if name == ARTICLE:
        return GraphFile(article(), "", {}, "the shipped tables")
    file = f"{name}.toml"
    return read(shipped.text(f"data/graphs/{file}"), file, name)


def read(body: str, where: str, stem: str = "") -> GraphFile:
    """A graph from the text of a TOML file; `where` is how errors name it.

    Raises
    ------
    GraphError
        Whatever is wrong with the text.
    """
    return from_fields(toml(body, where, GraphError), where, stem)


def from_fields(fields: Mapping[str, Any], where: str, stem: str = "") -> GraphFile:
    """A graph from the fields of its file; `where` is how errors name it.

    Raises
    ------
    GraphError
        Whatever is wrong with them.

    Examples
    --------
    >>> fields = {"name": "calm", "base": "alyarli-2021", "drop": ["tension->border_guards"]}
    >>> from_fields(fields, "calm.toml").graph
    CausalGraph 'calm': 67 nodes, 110 edges (8 of them lagged by a month)
    """
    known(fields, FILE_KEYS, where)
    name, base = text(fields, "name", where, stem or None), text(fields, "base", where, "")
    if base and base not in available():
        raise GraphError(
            f"{where}: base is {base!r}, which is no shipped graph; {nearest(base, available())}"
        )
    if not base and (needless := [key for key in ("drop", "reverse") if key in fields]):
        raise GraphError(
            f"{where}: {needless[0]!r} changes another graph; name it, as base = {ARTICLE!r}"
        )
    nodes = [_node(body, place) for place, body in tables(fields, "node", where)]
    edges = [_edge(body, place) for place, body in tables(fields, "edge", where)]
    start = replace(load(base), name=name) if base else CausalGraph(name, (), ())
    try:
        graph = drop(start, *texts(fields, "drop", where))
        graph = reverse(graph, *texts(fields, "reverse", where))
        graph = add(graph, nodes, edges)
    except GraphError as error:
        raise GraphError(f"{where}: {error}") from None
    _one_tension(graph, where)
    return GraphFile(graph, base, fields, where)


def _node(body: Mapping[str, Any], where: str) -> Node:
    known(body, NODE_KEYS, where)
    name = text(body, "name", where)
    place = f"{where} ({name})"
    rest = {key: text(body, key, place, "") for key in ("unit", "meaning")}
    kind, reading = text(body, "kind", place), whole(body, "reading", place, 1)
    try:
        return Node(
            name,
            kind,  # type: ignore[arg-type]
            reading,
            text(body, "tier", place, "secondary"),
            **rest,
        )
    except GraphError as error:
        raise GraphError(f"{where}: {error}") from None


def _edge(body: Mapping[str, Any], where: str) -> Edge:
    known(body, EDGE_KEYS, where)
    cause, effect = text(body, "cause", where), text(body, "effect", where)
    place = f"{where} ({cause}->{effect})"
    try:
        return Edge(
            cause,
            effect,
            sign=text(body, "sign", place, "+"),  # type: ignore[arg-type]
            lag=whole(body, "lag", place, 0),
            tier=text(body, "tier", place, "secondary"),
            moderator=text(body, "moderator", place, ""),
            role=text(body, "role", place, "effect"),  # type: ignore[arg-type]
            claims=texts(body, "claims", place),
            reason=text(body, "reason", place, ""),
        )
    except GraphError as error:
        told = str(error)
        raise GraphError(told if told.startswith(where) else f"{where}: {told}") from None


def _one_tension(graph: CausalGraph, where: str) -> None:
    """Refuse a graph that the tension process cannot drive."""
    processes = [n.name for n in graph.nodes if n.kind == "process"]
    if processes != [TENSION]:
        raise GraphError(
            f"{where}: the nodes of kind 'process' are: {', '.join(processes) or 'none'}; a graph "
            f"has exactly one, named {TENSION!r}, which battle deaths are read through"
        )
