"""The months of a horizon, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from ..equations import level as level_of
from ..graph import CausalGraph
from ..jit import each
from ..names import DAYS_PER_MONTH
from ..panel import month_days
from ..tension import Process
from .month import Acts, Month, Step
from .start import Noise, Origin, fresh, slopes

Array = np.ndarray
BLOCK = 10_000  # paths walked together


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
    slope = slopes(graph, start.parameters)
    for h, days in enumerate(month_days(months)):
        step = Step(
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

    def walk(self, step: Step) -> Month:
        """One month of the path-specific world."""
        other = next(self.undisturbed)
        step.gates = other.last
        rest = {
            n: level_of(self.rest, n, step.slope, other.now, other.last) for n in self.rest.order
        }
        month = step.walk(self.felt, rest)
        seen = {n: (other if n in self.unseen else month).seen[n] for n in month.seen}
        return replace(month, seen=seen)
