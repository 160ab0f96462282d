"""Every path from a cause to an effect within a month.

Within a month levels are linear in levels, so there the effect of one unit of a cause is exactly

    Σ_paths Π_{e on the path} slope[e] · holds[e].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
import xarray as xr

from .. import names, reweighting
from ..errors import InterventionError, nearest
from ..estimate import Sample
from ..graph import CausalGraph, holds
from ..scenarios import Table
from ..study import Study
from .worlds import failed

Array = np.ndarray

SHOWN = 12


@dataclass(frozen=True)
class Link:
    """One directed path within a month.

    Attributes
    ----------
    path
        Node names, cause first.
    effect
        Shape (chain, draw): product of the slopes along it, 0 while a moderator does not hold.
    """

    path: tuple[str, ...]
    effect: Array

    @property
    def words(self) -> str:
        """The path as text."""
        return " -> ".join(self.path)


def links(study: Study, tree: xr.DataTree, cause: str, effect: str) -> tuple[Link, ...]:
    """Every path from a cause to an effect within a month, at the status of the origin.

    A path ends where a level is realised by chance: it does not run through tension or an event.

    Raises
    ------
    InterventionError
        For an unknown node, or the same one twice.
    """
    graph = study.graph
    refuse_ends(graph, cause, effect)
    if "slope" not in tree[names.POSTERIOR]:
        return ()
    drawn = tree[names.POSTERIOR]["slope"]
    slope = {str(e): drawn.sel(edge=e).to_numpy() for e in drawn[names.EDGE].to_numpy()}
    within = nx.DiGraph((e.cause, e.effect) for e in graph.edges if not e.lag and e.role != "gate")
    hidden = [n.name for n in graph.nodes if n.kind in ("process", "event")]
    within.remove_nodes_from([n for n in hidden if n not in (cause, effect) and n in within])
    if cause not in within or effect not in within:
        return ()
    status = {n: float(x[-1]) for n, x in study.status.items()}
    found = []
    for path in nx.all_simple_paths(within, cause, effect):
        product = np.ones(drawn.shape[:2])
        for a, b in nx.utils.pairwise(path):
            edge = graph.edge[f"{a}->{b}"]
            product = product * slope[edge.name]
            if edge.moderator:
                product = product * float(holds(graph.node[edge.moderator], status[edge.moderator]))
        found.append(Link(tuple(path), product))
    return tuple(found)


def refuse_ends(graph: CausalGraph, cause: str, effect: str) -> None:
    """Refuse a path from or to an unknown node, or from a node to itself; see `links`."""
    for name in (cause, effect):
        if name not in graph.node:
            raise InterventionError(f"no node {name!r}; {nearest(name, graph.node)}")
    if cause == effect:
        raise InterventionError(f"{cause!r} is given twice; ask about two nodes")


def links_table(study: Study, tree: xr.DataTree, cause: str, effect: str) -> Table:
    """The paths of `links` as a table: those that raise, those that lower, and their sum."""
    found = sorted(links(study, tree, cause, effect), key=lambda x: -abs(float(x.effect.mean())))
    share = reweighting.share_of(tree)
    shape = study.shape[:2]
    sample = Sample(np.ones((*shape, 1), bool), share)

    def summed(parts: Sequence[Link]) -> tuple[float, float, float, float]:
        value = sum((p.effect for p in parts), np.zeros(shape))[..., None]
        low, high = sample.quantiles(value, (0.05, 0.95))
        return sample.mean(value)[0], low, high, sample.mean(value > 0)[0]

    means = [summed([x])[0] for x in found]
    plus = [x for x, m in zip(found, means, strict=True) if m > 0]
    minus = [x for x, m in zip(found, means, strict=True) if m < 0]
    lines = [(x.words, summed([x])) for x in found[:SHOWN]]
    if found[SHOWN:]:
        lines.append((f"{len(found) - SHOWN} more paths", summed(found[SHOWN:])))
    if plus and minus:
        lines += [("all that raise it", summed(plus)), ("all that lower it", summed(minus))]
    lines.append(("total", summed(found)))
    rows = tuple(
        (name, f"{m:+.3f}", f"{low:+.2f} to {high:+.2f}", f"{100 * above:.0f} %")
        for name, (m, low, high, above) in lines
    )
    keys = ("effect", "lower", "upper", "above_zero")
    data = xr.Dataset(
        {k: ("path", [v[i] for _, v in lines]) for i, k in enumerate(keys)},
        coords={"path": [n for n, _ in lines]},
        attrs={"label": "intervention"},
    )
    notes = [
        "intervention: levels per unit of the cause, within the month; paths through tension or "
        "an event are not in it"
    ]
    if plus and minus:
        notes.append("two-signed: some paths raise it and some lower it")
    if not found:
        notes.append("no path within a month; see the effect over the months with do()")
    title = f"Paths from {cause} to {effect} within a month"
    header = ("path", "effect", "90 % interval", "chance above 0")
    return Table(title, header, rows, data, (*notes, *failed(tree)))
