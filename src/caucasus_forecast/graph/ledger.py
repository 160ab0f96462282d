"""The tables of the article's graph: nodes, arrows, and the ledger of its claims."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ..shipped import table
from .causal import CausalGraph, Edge, Node

ARTICLE = "alyarli-2021"


@cache
def article() -> CausalGraph:
    """The graph read from Alyarli (2021).

    Examples
    --------
    >>> article()
    CausalGraph 'alyarli-2021': 67 nodes, 111 edges (8 of them lagged by a month)
    """
    nodes = tuple(
        Node(
            name=r["node"],
            kind=r["kind"],  # type: ignore[arg-type]
            reading=int(r["reading"] or 1),
            tier=r["tier"],
            unit=r["unit"],
            meaning=r["meaning"],
        )
        for r in table("nodes.csv")
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
        for r in table("edges.csv")
    )
    return CausalGraph(ARTICLE, nodes, edges)


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
        for r in table("claims.csv")
    )
