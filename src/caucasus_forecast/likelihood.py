"""What the evidence says about each tension level: the panel as cells, the cells as log weights.

`plan` turns a panel into index arrays once. `levels` runs the graph over every month of it. The
two assemblers put observation equations on top:

- `ladder_terms`: log weights of a hidden Markov chain. An interval inside one month is exact. A
  count over two months is exact too, as a weight on pairs of levels. A longer interval lets each of
  its months vote with its share of the days, ``share · log p(total | level, whole exposure)``, which
  is exact when the level does not change inside the interval.
- `path_terms`: log likelihood of each observation along one tension path; always exact.

Both work on arrays (with any leading draw dimensions) and on tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from .equations import (
    NUMPY,
    Functions,
    Number,
    count_mean,
    excess,
    level,
    log_count,
    log_event,
    log_share,
    walk,
)
from .errors import GraphError
from .graph import CausalGraph
from .names import DAYS_PER_MONTH, MONTH, OBSERVATION, STATE, TENSION

Array = np.ndarray


@dataclass(frozen=True)
class Cells:
    """Parts of observations of one node, one row per (observation, month).

    Attributes
    ----------
    month
        Shape (n,), month index.
    value
        Shape (n, 1), the observed number (of the whole observation).
    months, total
        Shape (n, 1), exposure in this month, and of the whole observation, in months.
    observation
        Shape (n,), index of the observation within the node.
    """

    node: str
    month: Array
    value: Array
    months: Array
    total: Array
    observation: Array


@dataclass(frozen=True)
class Plan:
    """A panel as index arrays; `graph` holds only what the evidence can reach."""

    graph: CausalGraph
    months: int
    counts: tuple[Cells, ...]
    pairs: tuple[Cells, ...]
    shares: tuple[Cells, ...]
    events: tuple[Cells, ...]
    carried: Mapping[str, Array]
    status: Mapping[str, Array]
    last_counts: Mapping[str, tuple[Array, Array]]
    deaths: Cells


def plan(panel: xr.Dataset, graph: CausalGraph) -> Plan:
    """Index arrays of a panel for a graph.

    Raises
    ------
    GraphError
        If a lagged arrow runs from a hidden cause into a node that is read in the same month.
    """
    days = panel["days"].to_numpy()
    node = panel["node"].to_numpy()
    count = panel["count"].to_numpy()
    cells = {n: _cells(n, np.flatnonzero(node == n), days, count) for n in dict.fromkeys(node)}
    kind = {n: graph.node[n].kind for n in cells}
    events = tuple(
        c for n in panel[STATE].to_numpy() if len((c := _event_cells(n, panel, graph)).month)
    )
    observed = {n for n in cells if kind[n] != "process"} | {c.node for c in events}
    reached = graph.ancestors(*observed) | observed | {TENSION} | graph.ancestors(TENSION)
    small = subgraph(graph, reached)
    for c in events:
        _lagged_only(small, c.node)
    single = {n: _split(c, pair=False) for n, c in cells.items() if kind[n] == "count"}
    double = {n: _split(c, pair=True) for n, c in cells.items() if kind[n] == "count"}
    return Plan(
        graph=small,
        months=panel.sizes[MONTH],
        counts=tuple(c for c in single.values() if len(c.month)),
        pairs=tuple(c for c in double.values() if len(c.month)),
        shares=tuple(c for n, c in cells.items() if kind[n] == "share"),
        events=events,
        carried=_carried(panel),
        status={n: panel["status"].sel(state=n).to_numpy() for n in panel[STATE].to_numpy()},
        last_counts=_last_counts(small, cells, panel.sizes[MONTH]),
        deaths=cells[TENSION],
    )


def subgraph(graph: CausalGraph, names: frozenset[str] | set[str]) -> CausalGraph:
    """The graph restricted to some nodes."""
    return CausalGraph(
        graph.name,
        tuple(n for n in graph.nodes if n.name in names),
        tuple(e for e in graph.edges if e.cause in names and e.effect in names),
    )


def _cells(node: str, rows: Array, days: Array, count: Array) -> Cells:
    which, month = np.nonzero(days[rows])
    inside = days[rows][which, month]
    return Cells(
        node=node,
        month=month,
        value=count[rows][which][:, None],
        months=inside[:, None] / DAYS_PER_MONTH,
        total=days[rows].sum(1)[which][:, None] / DAYS_PER_MONTH,
        observation=which,
    )


def _event_cells(node: str, panel: xr.Dataset, graph: CausalGraph) -> Cells:
    risk = panel["at_risk"].sel(state=node).to_numpy()
    changed = panel["changed"].sel(state=node).to_numpy()
    month = np.flatnonzero(risk)
    exposure = risk[month][:, None] / DAYS_PER_MONTH
    happened = changed[month][:, None]
    if reads_last_month(graph, node):
        keep = month > 0
        month, exposure, happened = month[keep] - 1, exposure[keep], happened[keep]
    return Cells(node, month, happened, exposure, exposure, np.arange(len(month)))


def _split(cells: Cells, *, pair: bool) -> Cells:
    parts = np.bincount(cells.observation)[cells.observation]
    keep = (parts == 2) if pair else (parts != 2)
    rows = (cells.value, cells.months, cells.total)
    return Cells(
        cells.node, cells.month[keep], *(r[keep] for r in rows), cells.observation[keep]
    )


def reads_last_month(graph: CausalGraph, node: str) -> bool:
    """Whether every cause of an event node acts with a lag, so that last month decides its hazard."""
    into = [e for e in graph.into[node] if e.role != "gate"]
    return bool(into) and all(e.lag == 1 for e in into)


def _lagged_only(graph: CausalGraph, node: str) -> None:
    hidden = [e for e in graph.into[node] if e.lag and graph.node[e.cause].kind in ("index", "process")]
    if hidden and not reads_last_month(graph, node):
        raise GraphError(
            f"{node!r} has the lagged hidden cause {hidden[0].cause!r} beside causes of the same "
            "month; give all its causes lag 1, or route the lagged one through an event or a count"
        )


def _carried(panel: xr.Dataset) -> dict[str, Array]:
    """Status of each event node at the end of the month before, shape (T, 1)."""
    status = panel["status"].to_numpy()
    before = np.concatenate([status[:, :1], status[:, :-1]], axis=1)
    return {n: before[i][:, None] for i, n in enumerate(panel[STATE].to_numpy())}


def _last_counts(
    graph: CausalGraph, cells: Mapping[str, Cells], months: int
) -> dict[str, tuple[Array, Array]]:
    """Count and exposure of the month before, for counts with lagged effects; 0 where unseen."""
    carriers = {e.cause for e in graph.edges if e.lag and graph.node[e.cause].kind == "count"}
    found = {}
    for name in carriers:
        count, exposure = monthly(cells.get(name), months)
        found[name] = (np.r_[0.0, count[:-1]][:, None], np.r_[0.0, exposure[:-1]][:, None])
    return found


def monthly(cells: Cells | None, months: int) -> tuple[Array, Array]:
    """Counts of one node month by month, with exposure; longer intervals are left unseen."""
    count, exposure = np.zeros(months), np.zeros(months)
    if cells is not None:
        whole = np.isclose(cells.months[:, 0], cells.total[:, 0])
        np.add.at(count, cells.month[whole], cells.value[whole, 0])
        np.add.at(exposure, cells.month[whole], cells.months[whole, 0])
    return count, exposure


# --------------------------------------------------------------------------- levels


@dataclass(frozen=True)
class Parameters:
    """Parameters by name: arrays of shape (..., 1, 1) or tensors."""

    slope: Mapping[str, Number]
    base: Mapping[str, Number]
    noise: Mapping[str, Number]
    overdispersion: Number


def levels(
    plan: Plan, p: Parameters, score: Number, xp: Functions = NUMPY
) -> tuple[dict[str, Number], Number]:
    """Every node's level in every month, and the pull on tension.

    Parameters
    ----------
    score
        Tension score: (K,) for the levels of a ladder, (..., T, 1) for a path.

    Returns
    -------
    levels
        By node, broadcastable to (..., T, K).
    pull
        Weighted sum of tension's causes, broadcastable to (..., T, 1).
    """
    graph = plan.graph
    found: dict[str, Number] = {}
    last: dict[str, Number] = dict.fromkeys(graph.node, 0.0)
    last.update({n: x for n, x in plan.carried.items() if n in graph.node})
    for name, (count, exposure) in plan.last_counts.items():
        seen = (exposure > 0).astype(float)
        last[name] = seen * excess(count, p.base[name], exposure, xp)

    def realise(name: str, value: Number) -> Number:
        found[name] = value
        if name == TENSION:
            return score
        if graph.node[name].kind == "event":
            return plan.status[name][:, None]
        return value

    now = walk(graph, p.slope, last, realise)
    pull = found[TENSION]
    for cells in plan.events:
        if reads_last_month(graph, cells.node):
            found[cells.node] = level(graph, cells.node, p.slope, now, now)
    return found, pull


def _rows(value: Number, month: Array, shape: Number) -> Number:
    """Rows of a level at some months, broadcast to (..., n, K)."""
    return (value + shape)[..., month, :]


def _linear(plan: Plan, found: Mapping[str, Number], p: Parameters, c: Cells, zero: Number) -> Number:
    reading = plan.graph.node[c.node].reading
    return p.base[c.node] + reading * _rows(found[c.node], c.month, zero)


def _log_cells(
    plan: Plan, found: Mapping[str, Number], p: Parameters, zero: Number, xp: Functions
) -> list[tuple[Cells, Number]]:
    """Log likelihood of every share and event cell, shape (..., n, K) each."""
    terms: list[tuple[Cells, Number]] = []
    for c in plan.shares:
        eta = _linear(plan, found, p, c, zero)
        terms.append((c, log_share(c.value, 0.0, eta, p.noise[c.node], xp)))
    for c in plan.events:
        eta = _linear(plan, found, p, c, zero)
        terms.append((c, log_event(c.value, 0.0, eta, c.months, xp)))
    return terms


def ladder_terms(
    plan: Plan, p: Parameters, score: Array, xp: Functions = NUMPY
) -> tuple[Number, Number, list[tuple[int, Number]]]:
    """Log weights of the nodes' evidence for a ladder.

    Returns
    -------
    log_emission
        Shape (..., T, K), without the battle deaths.
    pull
        Shape (..., T, 1).
    log_pairs
        For each two-month count, its first month and log weights of shape (..., K, K).
    """
    found, pull = levels(plan, p, score, xp)
    zero = np.zeros((plan.months, len(score)))
    pull = pull + zero[:, :1]
    terms = _log_cells(plan, found, p, zero, xp)
    if plan.counts:
        eta = xp.concatenate([_linear(plan, found, p, c, zero) for c in plan.counts], axis=-2)
        joined = _joined(plan.counts)
        mean = count_mean(0.0, eta, joined.total, xp)
        terms.append((joined, log_count(joined.value, mean, p.overdispersion, xp)))
    emission: Number = zero
    for c, value in terms:
        vote = np.zeros((plan.months, len(c.month)))
        vote[c.month, np.arange(len(c.month))] = (c.months / c.total)[:, 0]
        emission = emission + vote @ value
    return emission, pull, [pair for c in plan.pairs for pair in _pairs(plan, found, p, c, zero, xp)]


def _joined(cells: tuple[Cells, ...]) -> Cells:
    return Cells(
        "",
        np.concatenate([c.month for c in cells]),
        np.concatenate([c.value for c in cells]),
        np.concatenate([c.months for c in cells]),
        np.concatenate([c.total for c in cells]),
        np.concatenate([c.observation for c in cells]),
    )


def _pairs(
    plan: Plan, found: Mapping[str, Number], p: Parameters, c: Cells, zero: Array, xp: Functions
) -> list[tuple[int, Number]]:
    rate = xp.exp(_linear(plan, found, p, c, zero)) * c.months
    pairs = []
    for o in np.unique(c.observation):
        a, b = np.flatnonzero(c.observation == o)
        mean = rate[..., a, :][..., :, None] + rate[..., b, :][..., None, :]
        weight = log_count(float(c.value[a, 0]), mean, p.overdispersion, xp)
        pairs.append((int(c.month[a]), weight))
    return pairs


def path_terms(plan: Plan, p: Parameters, score: Number, xp: Functions = NUMPY) -> Number:
    """Log likelihood of the nodes' evidence along one tension path.

    Parameters
    ----------
    score
        Shape (..., T, 1).

    Returns
    -------
    Shape (..., n): one term per observation (shares) or month at risk (events).
    """
    found, _ = levels(plan, p, score, xp)
    zero = np.zeros((plan.months, 1))
    terms = [
        ((c.months / c.total) * value)[..., 0] for c, value in _log_cells(plan, found, p, zero, xp)
    ]
    for c in (*plan.counts, *plan.pairs):
        rate = xp.exp(_linear(plan, found, p, c, zero)) * c.months
        observation, first = np.unique(c.observation, return_index=True)
        member = (c.observation == observation[:, None]).astype(float)
        terms.append(log_count(c.value[first], member @ rate, p.overdispersion, xp)[..., 0])
    return xp.concatenate(terms, axis=-1) if terms else np.zeros(0)


def shared_steps(plan: Plan, score: Array) -> tuple[Array, Array]:
    """Months whose step into them no parameter can tell apart.

    Returns
    -------
    first
        Shape (U,), one month for each distinct step.
    which
        Shape (T - 1,), the step into each month after the first.
    """
    rng = np.random.default_rng(0)

    def any_value(names: Any) -> dict[str, float]:
        return {name: float(rng.normal()) for name in names}

    probe = Parameters(any_value(plan.graph.slopes), any_value(plan.graph.node), {}, 1.0)
    _, pull = levels(plan, probe, score)
    key = (pull + np.zeros((plan.months, 1)))[1:, 0]
    paired = _first_months((*plan.pairs, _split(plan.deaths, pair=True)))
    unique = np.isin(np.arange(plan.months - 1), paired)
    label = np.where(unique, np.arange(plan.months - 1), -1)
    _, first, which = np.unique(
        np.stack([key, label], 1), axis=0, return_index=True, return_inverse=True
    )
    return first + 1, which.ravel()


def _first_months(cells: tuple[Cells, ...]) -> Array:
    found = [
        int(c.month[np.flatnonzero(c.observation == o)].min())
        for c in cells
        for o in np.unique(c.observation)
    ]
    return np.array(found, int)
