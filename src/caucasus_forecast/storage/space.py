"""How much room a forecast will take, before it is made."""

from __future__ import annotations

from ..graph import CausalGraph

MONTHS = 240  # of evidence, at most, so far
REST = 8_000_000  # pictures, report, tables


def estimate(graph: CausalGraph, *, chains: int, draws: int, paths: int, horizon: int) -> int:
    r"""Bytes that a forecast takes unpacked, with the pictures and tables of its folder.

    With :math:`D` draws in all, :math:`P` paths and :math:`H` months, the futures take
    :math:`DPH(9 + 4c + s + 4r)` bytes for :math:`c` counts, :math:`s` states and :math:`r` shares,
    and the parameters and past months what their numbers take. Packed it is about half of that.

    Parameters
    ----------
    graph
        Of the case.
    chains, draws, paths, horizon
        Of the case.

    Examples
    --------
    >>> from caucasus_forecast.graph import load
    >>> estimate(load(), chains=4, draws=1000, paths=5, horizon=12) // 10**6
    49
    """
    kinds = [node.kind for node in graph.nodes]
    counts, states, shares = (kinds.count(k) for k in ("count", "event", "share"))
    every = chains * draws
    futures = every * paths * (horizon * (9 + 4 * counts + states + 4 * shares) + 4 * shares)
    parameters = 3 * 8 * every * (len(graph.slopes) + counts + states + 2 * shares + 8)
    past = 2 * 4 * every * MONTHS
    return futures + parameters + past + REST
