"""What the evidence says about each tension level: the panel as cells, the cells as log weights.

`plan` turns a panel into index arrays once. Levels come from one sweep of the graph
(`caucasus_forecast.affine`), observation equations from `caucasus_forecast.equations`. On top:

- `ladder_terms`: log weights of a hidden Markov chain. An interval inside one month is exact. A
  count over two months is exact too, as a weight on pairs of levels. A longer interval lets each of
  its months vote with its share of the days, ``share · log p(total | level, whole exposure)``,
  which is exact when the level does not change inside the interval. (Battle deaths are read by the
  tension process: `caucasus_forecast.tension.totals`.)
- `path_terms`: log likelihood of each observation along one tension path; exact for every count.

Both work on arrays with any leading draw dimensions, and on tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from . import affine, delays
from .equations import NUMPY, Functions, Number, count_mean, excess, log_count, log_event, log_share
from .errors import GraphError
from .graph import CausalGraph
from .names import DAYS_PER_MONTH, MONTH, STATE, TENSION

Array = np.ndarray


@dataclass(frozen=True)
class Cells:
    """Parts of observations, one row for each month an observation touches.

    Attributes
    ----------
    node
        Name of the node read.
    month
        Shape (n,), month index.
    value
        Shape (n, 1), the observed number (of the whole observation).
    months, total
        Shape (n, 1), exposure in this month, and of the whole observation, in months.
    observation
        Shape (n,), index of the observation within the node.
    reported
        Shape (n, J), equally likely ratios of what is told to what there is
        (`caucasus_forecast.delays`); None where all of it is.
    """

    node: str
    month: Array
    value: Array
    months: Array
    total: Array
    observation: Array
    reported: Array | None = None

    def rows(self, keep: Array) -> Cells:
        """Keep some of the rows."""
        fields = (self.month, self.value, self.months, self.total, self.observation)
        return Cells(self.node, *(f[keep] for f in fields))


@dataclass(frozen=True)
class Plan:
    """A panel as index arrays; `graph` holds only what the evidence can reach.

    Attributes
    ----------
    slopes, based, noisy
        Names along the vectors of slopes, base rates and noises of the whole graph.
    counts, pairs, shares, events
        Cells of count nodes (one month, or three and more), of counts over two months, of shares,
        and of months at risk of an event.
    before
        Shape (T,) by node: last month's count and exposure, of counts that act a month later.
    deaths
        The battle deaths, which the tension process reads itself.
    """

    graph: CausalGraph
    slopes: tuple[str, ...]
    based: tuple[str, ...]
    noisy: tuple[str, ...]
    months: int
    counts: tuple[Cells, ...]
    pairs: tuple[Cells, ...]
    shares: tuple[Cells, ...]
    events: tuple[Cells, ...]
    before: Mapping[str, tuple[Array, Array]]
    deaths: Cells
    sweep: affine.Sweep


@dataclass(frozen=True)
class Parameters:
    """Parameters of a graph: a slope vector (..., S), the rest (..., 1, 1) or tensors, by name."""

    slope: Number
    base: Mapping[str, Number]
    noise: Mapping[str, Number]
    overdispersion: Number


def plan(panel: xr.Dataset, graph: CausalGraph) -> Plan:
    """Index arrays of a panel for a graph.

    Raises
    ------
    GraphError
        If a lagged arrow runs from a hidden cause into a node that is read in the same month: last
        month's level of such a cause is not data. Only an event may read last month as a whole.
    """
    days = panel["days"].to_numpy()
    node = panel["node"].to_numpy()
    count = panel["count"].to_numpy()
    months = panel.sizes[MONTH]
    cells = {n: _cells(n, np.flatnonzero(node == n), days, count) for n in dict.fromkeys(node)}
    states = [str(n) for n in panel[STATE].to_numpy()]
    events = [_event_cells(n, panel, graph) for n in states]
    counted = [c for n, c in cells.items() if graph.node[n].kind == "count"]
    status = {n: panel["status"].sel(state=n).to_numpy() for n in states}
    changed = {n: panel["changed"].sel(state=n).to_numpy() for n in states}
    previous = {n: np.r_[x[0] * (1.0 - changed[n][0]), x[:-1]] for n, x in status.items()}
    used = tuple(c for c in events if len(c.month))
    observed = {n for n in cells if graph.node[n].kind != "process"} | {c.node for c in used}
    reached = graph.ancestors(*observed, TENSION) | observed | {TENSION}
    small = subgraph(graph, reached)
    for n in small.nodes:
        if n.kind != "event" or n.name in observed:  # the other events carry a known status
            _refuse_lagged_hidden_causes(small, n.name)
    return Plan(
        graph=small,
        slopes=graph.slopes,
        based=graph.based,
        noisy=graph.shares,
        months=months,
        counts=tuple(p for c in counted if len((p := _parts(c, pair=False)).month)),
        pairs=tuple(p for c in counted if len((p := _parts(c, pair=True)).month)),
        shares=tuple(c for n, c in cells.items() if graph.node[n].kind == "share"),
        events=used,
        before=_counts_before(small, cells, months),
        deaths=replace(cells[TENSION], reported=_reported(panel, cells[TENSION])),
        sweep=affine.sweep(small, graph.slopes, status, previous, months),
    )


def subgraph(graph: CausalGraph, names: frozenset[str] | set[str]) -> CausalGraph:
    """Restrict a graph to some nodes."""
    return CausalGraph(
        graph.name,
        tuple(n for n in graph.nodes if n.name in names),
        tuple(e for e in graph.edges if e.cause in names and e.effect in names),
    )


def _cells(node: str, rows: Array, days: Array, count: Array) -> Cells:
    which, month = np.nonzero(days[rows])
    return Cells(
        node=node,
        month=month,
        value=count[rows][which][:, None],
        months=days[rows][which, month][:, None] / DAYS_PER_MONTH,
        total=days[rows].sum(1)[which][:, None] / DAYS_PER_MONTH,
        observation=which,
    )


def _reported(panel: xr.Dataset, deaths: Cells) -> Array | None:
    """Ratios of each month of the deaths; in a total, earlier months are older."""
    delay = delays.of(panel)
    if delay is None:
        return None
    age = panel[delays.AGE].to_numpy()[panel["node"].to_numpy() == TENSION]
    last = np.zeros(len(age), int)
    np.maximum.at(last, deaths.observation, deaths.month)
    own = age[deaths.observation]
    found = delay.at(np.where(own < 0, own, own + last[deaths.observation] - deaths.month))
    return None if (found == 1.0).all() else found


def _parts(cells: Cells, *, pair: bool) -> Cells:
    parts = np.bincount(cells.observation)[cells.observation]
    return cells.rows((parts == 2) if pair else (parts != 2))


def _event_cells(node: str, panel: xr.Dataset, graph: CausalGraph) -> Cells:
    risk = panel["at_risk"].sel(state=node).to_numpy()
    changed = panel["changed"].sel(state=node).to_numpy()
    month = np.flatnonzero(risk)
    exposure = risk[month][:, None] / DAYS_PER_MONTH
    late = int(affine.reads_last_month(graph, node))
    rows = month - late
    cells = Cells(node, rows, changed[month][:, None], exposure, exposure, np.arange(len(month)))
    return cells.rows(rows >= 0)


def _refuse_lagged_hidden_causes(graph: CausalGraph, node: str) -> None:
    hidden = ("index", "process", "share")
    into = affine.slopes_into(graph, node)
    late = [e.cause for e in into if e.lag and graph.node[e.cause].kind in hidden]
    if late and not affine.reads_last_month(graph, node):
        raise GraphError(
            f"{node!r} has the lagged hidden cause {late[0]!r}; only an event all of whose causes "
            "have lag 1 and are no counts can have one: give the arrow lag 0, or route it through "
            "an event or a count"
        )


def _counts_before(
    graph: CausalGraph, cells: Mapping[str, Cells], months: int
) -> dict[str, tuple[Array, Array]]:
    carriers = {e.cause for e in graph.edges if e.lag and graph.node[e.cause].kind == "count"}
    found = {}
    for name in sorted(carriers):
        count, exposure = monthly(cells.get(name), months)
        found[name] = (np.r_[0.0, count[:-1]], np.r_[0.0, exposure[:-1]])
    return found


def monthly(cells: Cells | None, months: int) -> tuple[Array, Array]:
    """Count one node month by month, with exposure; longer intervals are left unseen."""
    count, exposure = np.zeros(months), np.zeros(months)
    if cells is not None:
        whole = np.isclose(cells.months[:, 0], cells.total[:, 0])
        np.add.at(count, cells.month[whole], cells.value[whole, 0])
        np.add.at(exposure, cells.month[whole], cells.months[whole, 0])
    return count, exposure


# --------------------------------------------------------------------------- levels


def carried_before(plan: Plan, p: Parameters, xp: Functions = NUMPY) -> Number:
    """Stack what each node carried the month before, (..., N, T): status, or excess of a count."""
    rows = []
    for i, name in enumerate(plan.sweep.nodes):
        row: Number = plan.sweep.last[i]
        if name in plan.before:
            count, exposure = plan.before[name]
            seen = (exposure > 0).astype(float)
            row = seen * excess(count, p.base[name][..., 0], exposure, xp)
        rows.append(row + 0.0 * p.overdispersion[..., 0])
    return xp.stack(rows, axis=-2)


def sweep_draws(plan: Plan, p: Parameters) -> Array:
    """Levels of every node and month as (constant, gain), for arrays of draws: (D, N, T, 2)."""
    last = np.ascontiguousarray(carried_before(plan, p))
    return affine.forward_draws(np.ascontiguousarray(p.slope), last, plan.sweep.edges)


@dataclass(frozen=True)
class Levels:
    """Levels as functions of the tension score: ``constant + gain · score``.

    Attributes
    ----------
    affine
        Shape (..., N, T, 2), from the sweep.
    score
        Shape (K,) for the levels of a ladder, (..., T, 1) for a path.
    """

    plan: Plan
    affine: Number
    score: Number

    def at(self, node: str, month: Array) -> Number:
        """Level of a node at some months, shape (..., n, K)."""
        part = self.affine[..., self.plan.sweep.position(node), :, :][..., month, :]
        score = self.score if self.score.ndim == 1 else self.score[..., month, :]
        return part[..., 0][..., None] + part[..., 1][..., None] * score

    def pull(self) -> Number:
        """Weighted sum of tension's causes, shape (..., T)."""
        return self.affine[..., self.plan.sweep.position(TENSION), :, 0]


def _eta(levels: Levels, p: Parameters, cells: tuple[Cells, ...], xp: Functions) -> Number:
    """Evaluate ``base + reading · level`` at every cell, shape (..., n, K)."""
    parts = [
        p.base[c.node] + levels.plan.graph.node[c.node].reading * levels.at(c.node, c.month)
        for c in cells
    ]
    return xp.concatenate(parts, axis=-2)


def joined(cells: tuple[Cells, ...]) -> Cells:
    """Cells of several nodes as one."""
    fields = ("month", "value", "months", "total", "observation")
    return Cells("", *(np.concatenate([getattr(c, f) for c in cells]) for f in fields))


def _log_shares_and_events(
    levels: Levels, p: Parameters, xp: Functions
) -> list[tuple[Cells, Number]]:
    """Log likelihood of every share and event cell, shape (..., n, K)."""
    plan, terms = levels.plan, []
    for c in plan.shares:
        eta = _eta(levels, p, (c,), xp)
        terms.append((c, log_share(c.value, 0.0, eta, p.noise[c.node], xp)))
    if plan.events:
        all_cells = joined(plan.events)
        eta = _eta(levels, p, plan.events, xp)
        terms.append((all_cells, log_event(all_cells.value, 0.0, eta, all_cells.months, xp)))
    return terms


def ladder_terms(
    levels: Levels, p: Parameters, xp: Functions = NUMPY
) -> tuple[Number, list[tuple[int, Number]]]:
    """Log weights of the nodes' evidence for a ladder.

    Returns
    -------
    log_emission
        Shape (..., T, K), without the battle deaths.
    log_pairs
        For each two-month count, its first month and log weights of shape (..., K, K).
    """
    plan = levels.plan
    terms = _log_shares_and_events(levels, p, xp)
    if plan.counts:
        c = joined(plan.counts)
        mean = count_mean(0.0, _eta(levels, p, plan.counts, xp), c.total, xp)
        terms.append((c, log_count(c.value, mean, p.overdispersion, xp)))
    emission: Number = np.zeros(len(levels.score)) + 0.0 * levels.pull()[..., None]
    for c, value in terms:
        vote = np.zeros((plan.months, len(c.month)))
        vote[c.month, np.arange(len(c.month))] = (c.months / c.total)[:, 0]
        emission = emission + vote @ value
    return emission, [pair for c in plan.pairs for pair in _pairs(levels, p, c, xp)]


def _pairs(levels: Levels, p: Parameters, c: Cells, xp: Functions) -> list[tuple[int, Number]]:
    mean = count_mean(0.0, _eta(levels, p, (c,), xp), c.months, xp)
    pairs = []
    for o in np.unique(c.observation):
        a, b = np.flatnonzero(c.observation == o)
        total = mean[..., a, :][..., :, None] + mean[..., b, :][..., None, :]
        spread = p.overdispersion
        pairs.append((int(c.month[a]), log_count(float(c.value[a, 0]), total, spread, xp)))
    return pairs


def path_terms(levels: Levels, p: Parameters, xp: Functions = NUMPY) -> tuple[Number, Array]:
    """Log likelihood of the nodes' evidence along one tension path.

    Returns
    -------
    terms
        Shape (..., n): one for each observation (counts), month (shares) or month at risk (events).
    month
        Shape (n,): the last month each term speaks about.
    """
    plan = levels.plan
    terms, months = [0.0 * levels.pull()[..., :0]], [np.zeros(0, int)]
    for c, value in _log_shares_and_events(levels, p, xp):
        terms.append(((c.months / c.total) * value)[..., 0])
        months.append(c.month)
    for c in (*plan.counts, *plan.pairs):
        rate = count_mean(0.0, _eta(levels, p, (c,), xp), c.months, xp)
        observation, first = np.unique(c.observation, return_index=True)
        member = (c.observation == observation[:, None]).astype(float)
        terms.append(log_count(c.value[first], member @ rate, p.overdispersion, xp)[..., 0])
        months.append(np.array([c.month[c.observation == o].max() for o in observation]))
    return xp.concatenate(terms, axis=-1), np.concatenate(months)


def shared_steps(plan: Plan, paired: list[int]) -> tuple[Array, Array]:
    """Months that no parameter can tell apart share one transition matrix.

    Parameters
    ----------
    paired
        Months that carry a weight on the step into the next month, which is then its own.

    Returns
    -------
    first
        Shape (U,), a month for each distinct step.
    which
        Shape (T - 1,), the step into each month after the first.
    """
    rng = np.random.default_rng(0)
    probe = Parameters(
        slope=rng.normal(size=(1, len(plan.slopes))),
        base={n: rng.normal(size=(1, 1, 1)) for n in plan.graph.node},
        noise={},
        overdispersion=np.ones((1, 1, 1)),
    )
    pull = sweep_draws(plan, probe)[0, plan.sweep.position(TENSION), 1:, 0]
    own = np.isin(np.arange(plan.months - 1), paired)
    label = np.where(own, np.arange(plan.months - 1), -1)
    key = np.stack([pull, label], axis=1)
    _, first, which = np.unique(key, axis=0, return_index=True, return_inverse=True)
    return first + 1, which.ravel()
