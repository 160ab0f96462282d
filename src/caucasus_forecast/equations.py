"""The equations, written once: read by inference (as tensors) and by simulation (as arrays).

Level of a node in a month, a weighted sum of its causes:

    η[n] = Σ_{lag 0} b[e] · now[cause] · holds[moderator] + Σ_{lag 1} b[e] · last[cause]

An edge carries, from a process, an index, a count or a share, its level; from an event, its status
(0 in the article's status quo, ±1 after the change). A lagged edge carries what happened last
month: the level of an index, the status of an event, and for a count its excess

    z = log( (count + ½) / (exp(base) · months + ½) ).

What is observed, with ``r`` the node's reading (±1) and ``m`` the exposure in months:

    count   NB1 with mean μ = exp(base + r η) · m and variance μ (1 + overdispersion)
    event   happens in the exposure with probability 1 − exp(−exp(base + r η) · m)
    share   logit(share) ~ Normal(base + η, noise)

NB1 is closed under aggregation (the sum of NB1 counts with one overdispersion is NB1 with the sum
of the means), so days, weeks and odd ranges enter one likelihood exactly through their exposure.

Every function works on anything with arithmetic; those that need transcendental functions take
them as `xp` (`NUMPY` here, its tensor twin in `models`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np
from scipy import special

from .graph import CausalGraph, holds

Number = Any  # a float, an array or a tensor


class Functions(Protocol):
    """The transcendental functions an equation may use."""

    exp: Callable[..., Any]
    log: Callable[..., Any]
    log1p: Callable[..., Any]
    expm1: Callable[..., Any]
    gammaln: Callable[..., Any]
    logsumexp: Callable[..., Any]
    concatenate: Callable[..., Any]
    stack: Callable[..., Any]


NUMPY: Functions = SimpleNamespace(
    exp=np.exp,
    log=np.log,
    log1p=np.log1p,
    expm1=np.expm1,
    gammaln=special.gammaln,
    logsumexp=special.logsumexp,
    concatenate=np.concatenate,
    stack=np.stack,
)


def level(
    graph: CausalGraph,
    name: str,
    slope: Mapping[str, Number],
    now: Mapping[str, Number],
    last: Mapping[str, Number],
) -> Number:
    """Level of one node from its causes (the first equation above).

    Parameters
    ----------
    slope
        Slope of each edge by ``cause->effect``.
    now, last
        What the causes carry this month and carried last month.

    Examples
    --------
    >>> from caucasus_forecast.graph import Edge, Node
    >>> g = CausalGraph("toy", (Node("a", "index"), Node("b", "index")), (Edge("a", "b"),))
    >>> level(g, "b", {"a->b": 0.5}, {"a": 2.0}, {})
    1.0
    """
    total: Number = 0.0
    for edge in graph.into[name]:
        if edge.role == "gate":
            continue
        carried = last[edge.cause] if edge.lag else now[edge.cause]
        if edge.moderator:
            carried = carried * holds(graph.node[edge.moderator], now[edge.moderator])
        total = total + slope[edge.name] * carried
    return total


def walk(
    graph: CausalGraph,
    slope: Mapping[str, Number],
    last: Mapping[str, Number],
    realise: Callable[[str, Number], Number],
) -> dict[str, Number]:
    """One month of the whole graph, causes before effects.

    `realise` is given each node's level and returns what its effects see: inference returns data
    for events and the level scores for tension, simulation draws them, do() returns what is set.
    """
    now: dict[str, Number] = {}
    for name in graph.order:
        now[name] = realise(name, level(graph, name, slope, now, last))
    return now


def excess(count: Number, base: Number, months: Number, xp: Functions = NUMPY) -> Number:
    """What a count carries to the next month: its log ratio to the base rate, 0 when unseen.

    Examples
    --------
    >>> round(float(excess(6.5, np.log(3.0), 1.0)), 6)
    0.693147
    """
    return xp.log((count + 0.5) / (xp.exp(base) * months + 0.5))


def count_mean(base: Number, level: Number, months: Number, xp: Functions = NUMPY) -> Number:
    """Expected count over an exposure; `level` already carries the node's reading."""
    return xp.exp(base + level) * months


def log_count(count: Number, mean: Number, overdispersion: Number, xp: Functions = NUMPY) -> Number:
    """Log probability of an NB1 count.

    Parameters
    ----------
    count
        Non-negative whole number.
    mean
        Expected count over its exposure.
    overdispersion
        Variance over mean, minus one; positive.

    Examples
    --------
    >>> round(float(log_count(2.0, 1.5, 0.5)), 6)
    -1.62186
    """
    size = mean / overdispersion
    log_odds = xp.log(overdispersion) - xp.log1p(overdispersion)
    return (
        xp.gammaln(count + size)
        - xp.gammaln(size)
        - xp.gammaln(count + 1.0)
        - size * xp.log1p(overdispersion)
        + count * log_odds
    )


def log_event(
    happened: Number, base: Number, level: Number, months: Number, xp: Functions = NUMPY
) -> Number:
    """Log probability that an event happened, or not, in an exposure (complementary log-log)."""
    hazard = xp.exp(base + level) * months
    return happened * xp.log(-xp.expm1(-hazard)) - (1.0 - happened) * hazard


def log_share(
    share: Number, base: Number, level: Number, noise: Number, xp: Functions = NUMPY
) -> Number:
    """Log density of a proportion on the log-odds scale."""
    z = (xp.log(share) - xp.log1p(-share) - base - level) / noise
    return -0.5 * z * z - xp.log(noise) - 0.5 * np.log(2.0 * np.pi)


def log_negative_binomial(
    count: Number, mean: Number, size: Number, xp: Functions = NUMPY
) -> Number:
    """Log probability of a negative binomial with variance mean + mean² / size.

    Examples
    --------
    >>> round(float(log_negative_binomial(np.array(0.0), np.array(1.0), np.array(1.0))), 6)
    -0.693147
    """
    return (
        xp.gammaln(count + size)
        - xp.gammaln(size)
        - xp.gammaln(count + 1.0)
        - size * xp.log1p(mean / size)
        - count * xp.log1p(size / mean)
    )
