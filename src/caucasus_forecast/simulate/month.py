"""One month of all paths: each node realised in causal order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import special

from ..equations import count_mean, excess, walk
from ..errors import GraphError, nearest
from ..graph import CausalGraph, holds
from ..names import DEATHS, TENSION
from ..quantiles import behind_negative_binomial, negative_binomial
from ..tension import Ladder, Process
from .start import Noise, Origin, rows_of, share_at

Array = np.ndarray


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
        return Acts(rows_of(self.do, at), rows_of(self.shift, at))

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


class Step:
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
            self.seen[name] = share_at(self.start.parameters, name, level, z)
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
