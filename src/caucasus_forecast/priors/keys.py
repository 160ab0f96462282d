"""What a set must say: the parameters of a graph, and where the posterior keeps each of them."""

from __future__ import annotations

from typing import Any

from .. import names
from ..graph import CausalGraph
from ..graph import load as load_graph
from .distributions import POSITIVE, REAL, UNIT

# variable -> its dimension, and the keys along it
Layout = dict[str, tuple[str | None, tuple[str, ...]]]

# parameters of the tension processes and of the observation equations, with their support
SHARED_PARAMETERS: dict[str, str] = {
    "ladder.drift": REAL,
    "ladder.mobility": REAL,
    "drift.persistence": UNIT,
    "drift.level": REAL,
    "drift.loading": POSITIVE,
    "drift.size": POSITIVE,
    "overdispersion": POSITIVE,
}


def parameters(graph: CausalGraph | None = None) -> dict[str, str]:
    """Every parameter a set for a graph (default: the article's) must give, and its support.

    One slope per edge (``cause->effect``); ``node.base`` for each count (log monthly rate), event
    (log monthly cumulative hazard) and share (log odds), in the article's status quo;
    ``node.noise`` for each share; and the parameters of the tension processes.

    Examples
    --------
    >>> parameters()["tension->transport_delay"]
    'any real number'
    """
    graph = graph or load_graph()
    based = [n for n in graph.nodes if n.kind in ("count", "event", "share")]
    return {
        **dict.fromkeys(graph.slopes, REAL),
        **{f"{n.name}.base": REAL for n in based},
        **{f"{n.name}.noise": POSITIVE for n in based if n.kind == "share"},
        **SHARED_PARAMETERS,
    }


def layout(graph: CausalGraph, model: str) -> Layout:
    """Posterior variable → its dimension and the prior keys along it."""
    own = [k for k in SHARED_PARAMETERS if k.startswith(f"{model}.")]
    found: Layout = {}
    if graph.slopes:
        found["slope"] = (names.EDGE, graph.slopes)
    if graph.based:
        found["base"] = (names.NODE, tuple(f"{n}.base" for n in graph.based))
    if graph.shares:
        found["noise"] = (names.SHARE, tuple(f"{n}.noise" for n in graph.shares))
    found["overdispersion"] = (None, ("overdispersion",))
    return found | {k.replace(".", "_"): (None, (k,)) for k in own}


def coordinates(layout: Layout) -> dict[str, Any]:
    """Labels along each dimension of a layout."""
    strip = {names.EDGE: "", names.NODE: ".base", names.SHARE: ".noise"}
    return {dim: [k.removesuffix(strip[dim]) for k in keys] for dim, keys in layout.values() if dim}
