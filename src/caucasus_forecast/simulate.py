"""Forward simulation: posterior draws to futures, one vectorised step a month.

Each path walks the graph month by month with the equations of `caucasus_forecast.equations`, and
draws what inference conditions on: the next tension level, counts, whether events happen, readings
of shares. Feedback acts through what happened the month before. ``do`` sets nodes from outside:
their causes are cut, their effects follow.

Every random number comes from a stream of its own for each node and month, so that two runs that
differ in one assumption share all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy import special

from . import names
from .equations import count_mean, excess, holds, walk
from .errors import GraphError, nearest
from .graph import CausalGraph
from .likelihood import Parameters, Plan, monthly
from .names import DAYS_PER_MONTH, DEATHS, TENSION
from .panel import month_days
from .streams import stream
from .tension import Process

Array = np.ndarray


@dataclass(frozen=True)
class Origin:
    """Where the paths start: what each node carried, the process's state, and the parameters.

    Attributes
    ----------
    parameters
        Slopes (P, S); bases, noises and overdispersion (P,).
    own
        Parameters of the tension process, (P,).
    state
        The process at the origin, first axis P.
    last
        What each node carried in the origin month, (P,).
    status
        Status of each event node at the origin, (P,).
    shares
        A reading of each share at the origin, (P,).
    """

    parameters: Parameters
    own: Mapping[str, Array]
    state: Array
    last: Mapping[str, Array]
    status: Mapping[str, Array]
    shares: Mapping[str, Array]

    @property
    def paths(self) -> int:
        """Number of paths."""
        return len(self.state)


def origin(
    plan: Plan,
    graph: CausalGraph,
    process: Process,
    parameters: Parameters,
    own: Mapping[str, Array],
    state: Array,
    status: Mapping[str, Array],
    seed: int,
) -> Origin:
    """The origin month seen by every path.

    Parameters
    ----------
    plan
        The panel's plan.
    parameters, own, state
        One row a path.
    status
        Status of each event node over the panel, (T,).
    """
    paths = len(state)
    state = process.start(state, stream(seed, "origin"))
    counts = {c.node: monthly(c, plan.months) for c in plan.counts}
    ones = np.ones(paths)
    now_status = {n: x[-1] * ones for n, x in status.items()}
    before = {n: x[-2 if len(x) > 1 else -1] * ones for n, x in status.items()}
    last: dict[str, Array] = {n: np.zeros(paths) for n in graph.node}
    last |= before
    last |= {n: _excess(counts.get(n), parameters, n, -2) * ones for n in counts}
    shares: dict[str, Array] = {}

    def realise(name: str, level: Any) -> Any:
        kind = graph.node[name].kind
        if kind == "process":
            return process.score_of(state)
        if kind == "event":
            return now_status[name]
        if kind == "share":
            shares[name] = _share(parameters, name, level, stream(seed, "origin", name))
        return level * ones

    now = walk(graph, _slopes(graph, parameters), last, realise)
    carried = dict(now)
    for node in graph.nodes:
        if node.kind == "count":
            carried[node.name] = _excess(counts.get(node.name), parameters, node.name, -1) * ones
    return Origin(parameters, own, state, carried, now_status, shares)


def _excess(counts: tuple[Array, Array] | None, p: Parameters, name: str, month: int) -> Any:
    if counts is None or len(counts[0]) < -month or counts[1][month] == 0:
        return 0.0
    return excess(counts[0][month], p.base[name], counts[1][month])


def _slopes(graph: CausalGraph, p: Parameters) -> dict[str, Array]:
    return {name: p.slope[:, i] for i, name in enumerate(graph.slopes)}


def _share(p: Parameters, name: str, level: Any, rng: np.random.Generator) -> Array:
    noise = p.noise[name] * rng.normal(size=len(p.noise[name]))
    return special.expit(p.base[name] + level + noise)


def futures(
    graph: CausalGraph,
    process: Process,
    start: Origin,
    months: Array,
    seed: int,
    do: Mapping[str, Any] | None = None,
    record: tuple[str, ...] = (),
) -> dict[str, Array]:
    """Simulate the months of a horizon.

    Parameters
    ----------
    months
        The months to simulate, (H,), ``datetime64[M]``.
    do
        Node → what it is set to: a number, or (H,) or (P, H) values. For tension a score, for an
        event its status, for anything else its level.
    record
        Nodes whose levels are wanted besides what is observable.

    Returns
    -------
    By node name, (P, H): counts, event statuses, shares; ``tension`` (score), ``battle_deaths``;
    ``level:<node>`` for each recorded node.

    Raises
    ------
    GraphError
        If `do` or `record` names an unknown node.
    """
    size = (start.paths, len(months))
    given = {name: _path_values(graph, name, v, size) for name, v in (do or {}).items()}
    for name in record:
        graph.parents(name)
    slope, last = _slopes(graph, start.parameters), dict(start.last)
    state, status = start.state, dict(start.status)
    out: dict[str, list[Array]] = {}
    for h, days in enumerate(month_days(months)):
        exposure = float(days) / DAYS_PER_MONTH
        fixed = {name: values[:, h] for name, values in given.items()}
        step = _Step(graph, process, start, exposure, seed, h, fixed, last, status, state, record)
        now = walk(graph, slope, last, step.realise)
        state = step.state
        status = {n: now[n] for n in status}
        last = {**now, **step.carried}
        for name, value in step.seen.items():
            out.setdefault(name, []).append(value)
    return {name: np.stack(values, axis=1) for name, values in out.items()}


def _path_values(graph: CausalGraph, name: str, value: Any, size: tuple[int, int]) -> Array:
    if name not in graph.node:
        raise GraphError(f"do: no node {name!r}; {nearest(name, graph.node)}")
    return np.broadcast_to(np.asarray(value, float), size)


class _Step:
    """One month of all paths: realises each node in causal order."""

    def __init__(
        self, graph: CausalGraph, process: Process, start: Origin, exposure: float, seed: int,
        h: int, fixed: Mapping[str, Array], last: Mapping[str, Array], status: Mapping[str, Array],
        state: Array, record: tuple[str, ...],
    ) -> None:  # fmt: skip
        self.graph, self.process, self.start = graph, process, start
        self.exposure, self.seed, self.h = exposure, seed, h
        self.fixed, self.last, self.status, self.state = fixed, last, status, state
        self.record = record
        self.seen: dict[str, Array] = {}
        self.carried: dict[str, Array] = {}

    def rng(self, name: str) -> np.random.Generator:
        return stream(self.seed, "future", name, self.h)

    def realise(self, name: str, level: Any) -> Any:
        """Draw a node from its level, or take what do() sets; return what its effects see."""
        kind = self.graph.node[name].kind
        level = level + np.zeros(self.start.paths)
        if kind == "process":
            return self._tension(level)
        if kind == "event":
            return self._event(name, level)
        level = self.fixed.get(name, level)
        if kind == "count":
            self._count(name, level)
        elif kind == "share":
            self.seen[name] = _share(self.start.parameters, name, level, self.rng(name))
        self._note(name, level)
        return level

    def _tension(self, pull: Array) -> Array:
        if TENSION in self.fixed:
            self.state = self.process.at_score(self.fixed[TENSION])
            score = self.fixed[TENSION]
        else:
            self.state = self.process.advance(self.state, pull, self.start.own, self.rng(TENSION))
            score = self.process.score_of(self.state)
        rng = self.rng(DEATHS)
        deaths = self.process.draw_deaths(self.state, self.exposure, self.start.own, rng)
        self.seen |= {TENSION: score, DEATHS: deaths}
        self._note(TENSION, score)
        return score

    def _event(self, name: str, level: Array) -> Array:
        self._note(name, level)
        if name in self.fixed:
            self.seen[name] = self.fixed[name]
            return self.fixed[name]
        node, before = self.graph.node[name], self.status[name]
        open_gate = np.ones(len(level), bool)
        for edge in self.graph.into[name]:
            if edge.role == "gate":
                gate = self.graph.node[edge.cause]
                open_gate &= holds(gate, self.last[edge.cause]) > 0.5
        hazard = count_mean(self.start.parameters.base[name], node.reading * level, self.exposure)
        happens = self.rng(name).random(len(level)) < -np.expm1(-hazard)
        after = np.where(open_gate & (before == 0) & happens, float(node.reading), before)
        self.seen[name] = after
        return after

    def _count(self, name: str, level: Array) -> None:
        p, reading = self.start.parameters, self.graph.node[name].reading
        mean = count_mean(p.base[name], np.clip(reading * level, -50.0, 15.0), self.exposure)
        count = draw_count(mean, p.overdispersion, self.rng(name))
        self.seen[name] = count
        self.carried[name] = excess(count, p.base[name], self.exposure)

    def _note(self, name: str, level: Array) -> None:
        if name in self.record:
            self.seen[f"level:{name}"] = level


def draw_count(mean: Array, overdispersion: Array, rng: np.random.Generator) -> Array:
    """NB1 counts with variance mean · (1 + overdispersion)."""
    size = np.maximum(mean / overdispersion, 1e-12)
    return rng.negative_binomial(size, 1.0 / (1.0 + overdispersion))


def as_dataset(
    drawn: Mapping[str, Array], graph: CausalGraph, months: Array, shape: tuple[int, int, int]
) -> xr.Dataset:
    """Futures as one labelled dataset on (chain, draw, path, month).

    Variables: ``tension`` (score), ``battle_deaths``, ``count[node]``, ``status[state]`` (0 in the
    article's status quo, ±1 after the change), ``share[share]``.
    """
    dims = (names.CHAIN, names.DRAW, names.PATH)
    sizes = (*shape, len(months))

    def group(kind: str, dtype: str) -> tuple[list[str], Array]:
        found = [n.name for n in graph.nodes if n.kind == kind and n.name in drawn]
        stacked = np.stack([drawn[n] for n in found], axis=1).astype(dtype)
        return found, stacked.reshape(*shape, len(found), len(months))

    counts, count = group("count", "int32")
    states, status = group("event", "int8")
    shares, share = group("share", "float32")
    return xr.Dataset(
        {
            TENSION: ((*dims, names.MONTH), drawn[TENSION].astype("float32").reshape(sizes)),
            DEATHS: ((*dims, names.MONTH), drawn[DEATHS].astype("int32").reshape(sizes)),
            "count": ((*dims, names.NODE, names.MONTH), count),
            "status": ((*dims, names.STATE, names.MONTH), status),
            "share": ((*dims, names.SHARE, names.MONTH), share),
        },
        coords={
            names.CHAIN: np.arange(shape[0]),
            names.DRAW: np.arange(shape[1]),
            names.PATH: np.arange(shape[2]),
            names.MONTH: months.astype("datetime64[ns]"),
            names.NODE: counts,
            names.STATE: states,
            names.SHARE: shares,
        },
    )


def fans(futures: xr.Dataset, share: Array | None = None) -> xr.Dataset:
    """Posterior predictive quantiles of every series, ``fan[series, month, quantile]``.

    Tension in standard deviations, counts a month, shares as proportions; the probability of a
    change of state is ``changed[state, month]``. With `share`, (chain, draw), what each draw counts
    for, they are those of a systematic resample of the draws.
    """
    if share is not None:
        futures = _resampled(futures, share)
    series = {TENSION: futures[TENSION], DEATHS: futures[DEATHS]}
    series |= {str(n): futures["count"].sel(node=n) for n in futures[names.NODE].to_numpy()}
    series |= {str(n): futures["share"].sel(indicator=n) for n in futures[names.SHARE].to_numpy()}
    over = (names.CHAIN, names.DRAW, names.PATH)
    months = futures.sizes[names.MONTH]
    rows = [
        np.quantile(x.to_numpy().reshape(-1, months), names.FAN_QUANTILES, axis=0).T
        for x in series.values()
    ]
    return xr.Dataset(
        {
            "fan": ((names.SERIES, names.MONTH, names.QUANTILE), np.stack(rows)),
            "changed": (futures["status"] != 0).mean(over),
        },
        coords={
            names.SERIES: list(series),
            names.MONTH: futures[names.MONTH],
            names.QUANTILE: list(names.FAN_QUANTILES),
        },
    )


def _resampled(futures: xr.Dataset, share: Array) -> xr.Dataset:
    """As many draws again, each as often as it counts, by systematic resampling."""
    at = (np.arange(share.size) + 0.5) / share.size
    picked = np.searchsorted(np.cumsum(share.ravel()), at).clip(max=share.size - 1)
    chain, draw = (xr.DataArray(x, dims=names.DRAW) for x in np.divmod(picked, share.shape[1]))
    found = futures.isel({names.CHAIN: chain, names.DRAW: draw})
    return found.drop_vars(names.CHAIN).expand_dims(names.CHAIN)
