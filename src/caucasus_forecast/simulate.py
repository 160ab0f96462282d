"""Forward simulation: posterior draws to futures, one vectorised step a month.

Each path walks the graph month by month with the equations of `caucasus_forecast.equations`, and
draws what inference conditions on: the next tension level, counts, whether events happen, readings
of shares. Feedback acts through what happened the month before. ``do`` sets nodes from outside:
their causes are cut, their effects follow; ``shift`` adds to what their causes say.

Every outcome is a quantile, Q(u), of one uniform number of its node, month and path
(`caucasus_forecast.quantiles`). Two runs with the same numbers differ only by what was changed, and
what is known to have happened (``known``) says in which interval its number lies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from scipy import special

from . import names
from .equations import count_mean, excess, holds, walk
from .equations import level as level_of
from .errors import GraphError, nearest
from .estimate import resampled
from .graph import CausalGraph
from .jit import each
from .likelihood import Parameters, Plan, monthly
from .names import DAYS_PER_MONTH, DEATHS, TENSION
from .panel import month_days
from .quantiles import behind_negative_binomial, negative_binomial
from .streams import stream
from .tension import Ladder, Process

Array = np.ndarray
BLOCK = 10_000  # paths walked together
# (node, month) -> a uniform number for each path
Noise = Callable[[str, int], Array]


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

    def rows(self, at: slice) -> Origin:
        """Some of the paths."""
        p = self.parameters
        some = Parameters(p.slope[at], _rows(p.base, at), _rows(p.noise, at), p.overdispersion[at])
        parts = (_rows(x, at) for x in (self.last, self.status, self.shares))
        return Origin(some, _rows(self.own, at), self.state[at], *parts)


def _rows(arrays: Mapping[str, Array], at: slice) -> dict[str, Array]:
    return {name: x[at] for name, x in arrays.items()}


def origin(
    plan: Plan,
    graph: CausalGraph,
    process: Process,
    parameters: Parameters,
    own: Mapping[str, Array],
    state: Array,
    status: Mapping[str, Array],
    seed: int,
    month: int = -1,
) -> Origin:
    """The origin month seen by every path.

    Parameters
    ----------
    plan
        The panel's plan.
    parameters, own, state
        One row a path; `state` as `process.start` takes it.
    status
        Status of each event node over the panel, (T,).
    month
        Which month of the panel is the origin (default: the last).
    """
    paths, parameters = len(state), _bounded(parameters)
    at = month % plan.months
    noise = fresh(seed, paths, "origin")
    state = process.start(state, noise(TENSION, at))
    counts = {c.node: monthly(c, plan.months) for c in plan.counts}
    ones = np.ones(paths)
    now_status = {n: x[at] * ones for n, x in status.items()}
    last: dict[str, Array] = {n: np.zeros(paths) for n in graph.node}
    last |= {n: x[max(at - 1, 0)] * ones for n, x in status.items()}
    last |= {n: _excess(counts[n], parameters, n, at - 1) * ones for n in counts}
    shares: dict[str, Array] = {}

    def realise(name: str, level: Any) -> Any:
        kind = graph.node[name].kind
        if kind == "process":
            return process.score_of(state)
        if kind == "event":
            return now_status[name]
        if kind == "share":
            shares[name] = _share(parameters, name, level, special.ndtri(noise(name, at)))
        return level * ones

    now = walk(graph, _slopes(graph, parameters), last, realise)
    carried = dict(now)
    for node in graph.nodes:
        if node.kind == "count":
            seen = counts.get(node.name)
            carried[node.name] = _excess(seen, parameters, node.name, at) * ones
    return Origin(parameters, own, state, carried, now_status, shares)


def _bounded(p: Parameters) -> Parameters:
    """Parameters within what exponentials can take; a prior that is no belief may go beyond."""
    base = {n: np.clip(x, -50.0, 21.0) for n, x in p.base.items()}
    return replace(p, base=base, overdispersion=np.clip(p.overdispersion, 1e-9, 1e9))


def _excess(counts: tuple[Array, Array] | None, p: Parameters, name: str, month: int) -> Any:
    if counts is None or month < 0 or counts[1][month] == 0:
        return 0.0
    return excess(counts[0][month], p.base[name], counts[1][month])


def _slopes(graph: CausalGraph, p: Parameters) -> dict[str, Array]:
    """The slopes by edge, (P,), each one lying together in memory."""
    along = np.ascontiguousarray(p.slope.T)
    return {name: along[i] for i, name in enumerate(graph.slopes)}


def _share(p: Parameters, name: str, level: Any, z: Array) -> Array:
    return special.expit(p.base[name] + level + p.noise[name] * z)


def fresh(seed: int, paths: int, label: str = "future", skip: int = 0) -> Noise:
    """A stream of its own for each node and month, from which other paths take the first `skip`.

    Without the zero, at which a normal quantile is infinite.
    """

    def noise(name: str, h: int) -> Array:
        u = stream(seed, label, name, h, skip=skip).random(paths)
        return np.maximum(u, 1e-300, out=u)

    return noise


def futures(
    graph: CausalGraph,
    process: Process,
    start: Origin,
    months: Array,
    seed: int,
    do: Mapping[str, Any] | None = None,
    shift: Mapping[str, Any] | None = None,
    record: tuple[str, ...] = (),
) -> dict[str, Array]:
    """Simulate the months of a horizon.

    Parameters
    ----------
    months
        The months to simulate, (H,), ``datetime64[M]``.
    do
        Node → what it is set to: a number, or (H,) or (P, H) values, NaN where it is left alone.
        For tension a score, for an event its status, for anything else its level.
    shift
        Node → what is added to the sum of its causes, alike.
    record
        Nodes whose levels are wanted besides what is observable.

    Returns
    -------
    By node name, (P, H): counts, event statuses, shares; ``tension`` (score), ``battle_deaths``;
    ``level:<node>`` for each recorded node.

    Raises
    ------
    GraphError
        If `do`, `shift` or `record` names an unknown node.
    """
    acts = Acts.of(graph, start.paths, len(months), do, shift)

    def walked(at: slice) -> dict[str, Array]:
        some = start.rows(at)
        noise = fresh(seed, some.paths, skip=at.start)
        found = walk_months(graph, process, some, months, noise, acts.rows(at))
        return gathered(found, graph, record)

    ends = np.linspace(0, start.paths, -(-start.paths // BLOCK) + 1).astype(int).tolist()
    parts = each(walked, (slice(a, b) for a, b in pairwise(ends)))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def gathered(
    found: Iterator[Month], graph: CausalGraph, record: tuple[str, ...] = ()
) -> dict[str, Array]:
    """The months of a walk side by side, as `futures` returns them."""
    for name in record:
        graph.parents(name)
    out: dict[str, list[Array]] = {}
    for month in found:
        levels = {f"level:{name}": month.level[name] for name in record}
        for name, value in (dict(month.seen) | levels).items():
            out.setdefault(name, []).append(value)
    return {name: np.stack(values).T for name, values in out.items()}


@dataclass(frozen=True)
class Acts:
    """What is done from outside: by node, (P, H) values, NaN where the node is left alone."""

    do: Mapping[str, Array] = field(default_factory=dict)
    shift: Mapping[str, Array] = field(default_factory=dict)

    @classmethod
    def of(
        cls, graph: CausalGraph, paths: int, months: int, do: Mapping[str, Any] | None = None,
        shift: Mapping[str, Any] | None = None,
    ) -> Acts:  # fmt: skip
        """From anything that spreads over the paths and months.

        Raises
        ------
        GraphError
            For an unknown node, or an event that is shifted in its status.
        """
        size = (paths, months)
        spread = {
            what: {name: _spread(graph, what, name, v, size) for name, v in (given or {}).items()}
            for what, given in (("do", do), ("shift", shift))
        }
        return cls(**spread)

    def rows(self, at: slice) -> Acts:
        """The acts on some of the paths."""
        return Acts(_rows(self.do, at), _rows(self.shift, at))

    def at(self, h: int) -> Acts:
        """The acts of one month, (P,)."""
        return Acts(*({n: x[:, h] for n, x in part.items()} for part in (self.do, self.shift)))


def _spread(graph: CausalGraph, what: str, name: str, value: Any, size: tuple[int, int]) -> Array:
    if name not in graph.node:
        raise GraphError(f"{what}: no node {name!r}; {nearest(name, graph.node)}")
    return np.broadcast_to(np.asarray(value, float), size)


@dataclass(frozen=True)
class Month:
    """One month of all paths.

    Attributes
    ----------
    seen
        What is observable, and the tension score, by name, (P,).
    level
        Level of every node, (P,).
    last, now, carried
        What each node carried into the month, carries within it, and carries into the next.
    noise
        The uniform number behind each outcome.
    state, status
        The tension process, and the status of each event, at its end.
    """

    seen: Mapping[str, Array]
    level: Mapping[str, Array]
    last: Mapping[str, Array]
    now: Mapping[str, Array]
    carried: Mapping[str, Array]
    noise: Mapping[str, Array]
    state: Array
    status: Mapping[str, Array]

    def origin(self, before: Origin) -> Origin:
        """Paths that start at the end of this month."""
        shares = {n: self.seen[n] for n in before.shares}
        return replace(
            before, state=self.state, last=self.carried, status=self.status, shares=shares
        )


def walk_months(
    graph: CausalGraph,
    process: Process,
    start: Origin,
    months: Array,
    noise: Noise,
    acts: Acts | None = None,
    known: Mapping[str, Array] | None = None,
    along: Along | None = None,
) -> Iterator[Month]:
    """Walk the graph month by month.

    Parameters
    ----------
    months
        The months, (H,), ``datetime64[M]``.
    noise
        The uniform numbers.
    acts
        What is set and shifted.
    known
        Outcomes by node, (P, H), NaN where unknown: the uniform number behind a known outcome is
        drawn from the interval that gives it. For tension the level of a ladder.
    along
        For a path-specific effect: the arrows along which the acts are felt.
    """
    acts, known = acts or Acts(), known or {}
    last, status, state = start.last, start.status, start.state
    slope = _slopes(graph, start.parameters)
    for h, days in enumerate(month_days(months)):
        step = _Step(
            graph, process, start, slope, h, float(days) / DAYS_PER_MONTH, noise,
            acts.at(h), {n: x[:, h] for n, x in known.items()}, last, status, state,
        )  # fmt: skip
        month = step.walk(graph) if along is None else along.walk(step)
        last, status, state = month.carried, month.status, month.state
        yield month


@dataclass(frozen=True)
class Along:
    """Arrows that feel what is done; along every other the undisturbed world is felt.

    The level of a node is a sum over the arrows into it, so that of a path-specific world is the
    sum over `felt`, of what its own causes carry, and over the rest, of what they carry in
    `undisturbed`, which has the same uniform numbers (Avin, Shpitser & Pearl 2005). Gates are those
    of the undisturbed world.

    Attributes
    ----------
    felt, rest
        The graph with only those arrows, and with only the others.
    undisturbed
        The months of the other world.
    unseen
        Names whose observable is that of the other world: what is done, but not felt in itself.
    """

    felt: CausalGraph
    rest: CausalGraph
    undisturbed: Iterator[Month]
    unseen: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, graph: CausalGraph, felt: frozenset[str], undisturbed: Iterator[Month],
        unseen: frozenset[str] = frozenset(),
    ) -> Along:  # fmt: skip
        """Of the names of the arrows felt."""
        own = tuple(e for e in graph.edges if e.name in felt)
        other = tuple(e for e in graph.edges if e.name not in felt)
        return cls(replace(graph, edges=own), replace(graph, edges=other), undisturbed, unseen)

    def walk(self, step: _Step) -> Month:
        """One month of the path-specific world."""
        other = next(self.undisturbed)
        step.gates = other.last
        rest = {
            n: level_of(self.rest, n, step.slope, other.now, other.last) for n in self.rest.order
        }
        month = step.walk(self.felt, rest)
        seen = {n: (other if n in self.unseen else month).seen[n] for n in month.seen}
        return replace(month, seen=seen)


class _Step:
    """One month of all paths: realises each node in causal order."""

    def __init__(
        self, graph: CausalGraph, process: Process, start: Origin, slope: Mapping[str, Array],
        h: int, exposure: float, noise: Noise, acts: Acts, known: Mapping[str, Array],
        last: Mapping[str, Array], status: Mapping[str, Array], state: Array,
    ) -> None:  # fmt: skip
        self.graph, self.process, self.start, self.slope = graph, process, start, slope
        self.h, self.exposure, self.fresh = h, exposure, noise
        self.acts, self.known, self.gates = acts, known, last
        self.last, self.status, self.state = last, status, state
        self._zero = np.zeros(start.paths)
        self.seen: dict[str, Array] = {}
        self.levels: dict[str, Array] = {}
        self.excess: dict[str, Array] = {}
        self.noise: dict[str, Array] = {}

    def walk(self, graph: CausalGraph, extra: Mapping[str, Any] | None = None) -> Month:
        """Realise every node; `extra` adds to the levels the arrows of `graph` give."""
        added = extra or {}

        def realise(name: str, level: Any) -> Any:
            return self._realise(name, level + added.get(name, 0.0))

        now = walk(graph, self.slope, self.last, realise)
        return Month(
            self.seen, self.levels, self.last, now, {**now, **self.excess}, self.noise, self.state,
            {n: now[n] for n in self.status},
        )  # fmt: skip

    def _realise(self, name: str, level: Any) -> Any:
        """Draw a node from its level, or take what do() sets; return what its effects see."""
        kind = self.graph.node[name].kind
        level = self._shifted(name, level)
        if kind not in ("process", "event"):
            level = self._held(name, level)
        self.levels[name] = level
        if kind == "process":
            return self._tension(level)
        if kind == "event":
            return self._event(name, level)
        if kind == "count":
            self._count(name, level)
        elif kind == "share":
            z = special.ndtri(self._uniform(name, self._behind_share(name, level)))
            self.seen[name] = _share(self.start.parameters, name, level, z)
        return level

    def _shifted(self, name: str, level: Any) -> Array:
        given = self.acts.shift.get(name)
        shift = 0.0 if given is None else np.where(np.isnan(given), 0.0, given)
        return level if np.ndim(level) and given is None else level + shift + self._zero

    def _held(self, name: str, value: Array) -> Array:
        given = self.acts.do.get(name)
        return value if given is None else np.where(np.isnan(given), value, given)

    def _uniform(self, name: str, behind: tuple[Array, Array] | None = None) -> Array:
        """The uniform number of a node, within the interval behind what is known of it."""
        u = self.fresh(name, self.h)
        if behind is not None:
            seen = ~np.isnan(self.known[name])
            u = np.where(seen, behind[0] + u * (behind[1] - behind[0]), u)
        self.noise[name] = u
        return u

    def _tension(self, pull: Array) -> Array:
        process, own, state = self.process, self.start.own, self.state
        behind = None
        if TENSION in self.known and isinstance(process, Ladder):
            after = np.nan_to_num(self.known[TENSION]).astype(np.int64)
            behind = process.behind_advance(state, after, pull, own)
        self.state = process.advance(state, pull, own, self._uniform(TENSION, behind))
        score = process.score_of(self.state)
        given = self.acts.do.get(TENSION)
        if given is not None:
            held = ~np.isnan(given)
            at = process.at_score(np.where(held, given, score))
            self.state = np.where(held.reshape(-1, *[1] * (at.ndim - 1)), at, self.state)
            score = np.where(held, given, score)
        behind = None
        if DEATHS in self.known and isinstance(process, Ladder):
            count = np.nan_to_num(self.known[DEATHS]).astype(np.int64)
            behind = process.behind_deaths(self.state, count)
        u = self._uniform(DEATHS, behind)
        deaths = process.draw_deaths(self.state, self.exposure, own, u)
        self.seen |= {TENSION: score, DEATHS: deaths}
        return score

    def _event(self, name: str, level: Array) -> Array:
        node, before = self.graph.node[name], self.status[name]
        free = before == 0
        for edge in self.graph.into[name]:
            if edge.role == "gate":
                gate = self.graph.node[edge.cause]
                free = free & (holds(gate, self.gates[edge.cause]) > 0.5)
        base, eta = self.start.parameters.base[name], np.minimum(node.reading * level, 50.0)
        hazard = count_mean(base, eta, self.exposure)
        chance = -np.expm1(-hazard)
        behind = None
        if name in self.known:
            happened = self.known[name] != before
            behind = (
                np.where(free & ~happened, chance, 0.0),
                np.where(free & happened, chance, 1.0),
            )
        happens = free & (self._uniform(name, behind) < chance)
        after = self._held(name, np.where(happens, float(node.reading), before))
        self.seen[name] = after
        return after

    def _count(self, name: str, level: Array) -> None:
        p, reading = self.start.parameters, self.graph.node[name].reading
        mean = count_mean(p.base[name], np.clip(reading * level, -50.0, 15.0), self.exposure)
        size = mean / p.overdispersion
        behind = None
        if name in self.known:
            behind = behind_negative_binomial(np.nan_to_num(self.known[name]), mean, size)
        count = negative_binomial(self._uniform(name, behind), mean, size)
        self.seen[name] = count
        self.excess[name] = excess(count, p.base[name], self.exposure)

    def _behind_share(self, name: str, level: Array) -> tuple[Array, Array] | None:
        if name not in self.known:
            return None
        p, share = self.start.parameters, self.known[name]
        z = (special.logit(share) - p.base[name] - level) / p.noise[name]
        u = np.nan_to_num(special.ndtr(z))
        return u, u


def as_dataset(
    drawn: Mapping[str, Array], graph: CausalGraph, months: Array, shape: tuple[int, int, int]
) -> xr.Dataset:
    """Futures as one labelled dataset on (chain, draw, path, month).

    Variables: ``tension`` (score), ``battle_deaths``, ``count[node]``, ``status[state]`` (0 in the
    article's status quo, ±1 after the change), ``share[share]``.
    """
    dims = (names.CHAIN, names.DRAW, names.PATH)
    sizes = (*shape, len(months))

    def whole(name: str, dtype: str) -> Array:
        return drawn[name].astype(dtype, order="C").reshape(sizes)

    def group(kind: str, dtype: str) -> tuple[list[str], Array]:
        found = [n.name for n in graph.nodes if n.kind == kind and n.name in drawn]
        stacked = np.zeros((np.prod(shape), len(found), len(months)), dtype)

        def fill(i: int) -> None:
            stacked[:, i] = drawn[found[i]]

        each(fill, range(len(found)))
        return found, stacked.reshape(*shape, len(found), len(months))

    counts, count = group("count", "int32")
    states, status = group("event", "int8")
    shares, share = group("share", "float32")
    return xr.Dataset(
        {
            TENSION: ((*dims, names.MONTH), whole(TENSION, "float32")),
            DEATHS: ((*dims, names.MONTH), whole(DEATHS, "int32")),
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

    def quantiles(values: Array) -> Array:
        along = values.reshape(-1, months).T.copy()
        return np.quantile(along, names.FAN_QUANTILES, axis=1, overwrite_input=True).T

    rows = each(quantiles, (x.to_numpy() for x in series.values()))
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
    picked = np.divmod(resampled(share), share.shape[1])
    futures = futures[[TENSION, DEATHS, "count", "share", "status"]]
    chain, draw = (xr.DataArray(x, dims=names.DRAW) for x in picked)
    found = futures.isel({names.CHAIN: chain, names.DRAW: draw})
    return found.drop_vars(names.CHAIN).expand_dims(names.CHAIN)
