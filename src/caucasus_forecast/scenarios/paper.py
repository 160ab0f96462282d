"""The finite grid into which the bounds of conditions cut the future."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise

import numpy as np

from ..graph import CausalGraph
from .rules import Condition, ScenarioSet

Array = np.ndarray
MOST_TRIED, MOST_CELLS, MOST_AXES = 1000, 2**20, 60  # an array has no more than 64 axes


@dataclass(frozen=True)
class Grid:
    """The cells into which the bounds of some conditions cut their measures.

    `axes` are the measures, `cells` the half-open ranges along each that it can take, `graph` tells
    which measures depend on each other.
    """

    axes: tuple[Condition, ...]
    cells: tuple[tuple[tuple[float, float], ...], ...]
    graph: CausalGraph

    @classmethod
    def of(
        cls, conditions: Iterable[Condition], graph: CausalGraph, settled: Mapping[str, float]
    ) -> Grid:
        """The grid of some conditions; `settled` are the events whose status cannot change."""
        cuts: dict[Condition, set[float]] = {}
        for c in conditions:
            bounds = {b for b in (c.at_least, c.below) if math.isfinite(b)}
            cuts.setdefault(Condition(c.measure, c.of, last=c.last), set()).update(bounds)
        cells = (
            tuple(
                (low, high)
                for low, high in pairwise((-math.inf, *sorted(found), math.inf))
                if _attainable(axis, low, high, settled)
            )
            for axis, found in cuts.items()
        )
        return cls(tuple(cuts), tuple(cells), graph)

    @property
    def size(self) -> int:
        """Number of cells."""
        return math.prod(map(len, self.cells))

    @property
    def small(self) -> bool:
        """Whether the grid can be made."""
        return self.size <= MOST_CELLS and len(self.axes) <= MOST_AXES

    def met(self, chosen: ScenarioSet) -> Array:
        """On which cells each scenario holds, (scenario, cells of each axis)."""
        return np.stack([self.box(s.when) for s in chosen.scenarios])

    def box(self, conditions: Iterable[Condition]) -> Array:
        """On which cells all conditions hold."""
        true = np.ones(tuple(map(len, self.cells)), bool)
        for c in conditions:
            axis = self.axes.index(Condition(c.measure, c.of, last=c.last))
            along = [low >= c.at_least and high <= c.below for low, high in self.cells[axis]]
            shape = [1] * true.ndim
            shape[axis] = len(along)
            true &= np.reshape(along, shape)
        return true

    def example(self, true: Array) -> tuple[str, bool]:
        """A true cell in words, and whether it can happen.

        It can if, without the measures that do not matter to it, no two of its measures depend on
        each other. The first such cell is taken, among the first `MOST_TRIED`; else the first cell.
        """
        tried = [self._widest(true, place) for place in np.argwhere(true)[:MOST_TRIED]]
        certain = next((cell for cell in tried if self._independent(cell)), None)
        shown = tried[0] if certain is None else certain
        said = [_said(self.axes[a], *self.cells[a][i]) for a, i in shown.items()]
        return " and ".join(said) or "any value", certain is not None

    def _widest(self, true: Array, place: Array) -> dict[int, int]:
        """A true cell as axis → cell, without the axes along which all is true."""
        index: list[int | slice] = [int(i) for i in place]
        for axis in sorted(range(true.ndim), key=lambda a: a not in self._dependent):
            trial = [*index[:axis], slice(None), *index[axis + 1 :]]
            if true[tuple(trial)].all():
                index = trial
        return {a: i for a, i in enumerate(index) if isinstance(i, int)}

    @cached_property
    def _pairs(self) -> set[frozenset[int]]:
        """Axes that depend on each other: of one series, or of an event and its gate."""
        gates = {frozenset((e.cause, e.effect)) for e in self.graph.edges if e.role == "gate"}
        return {
            frozenset((i, j))
            for (i, a), (j, b) in combinations(enumerate(self.axes), 2)
            if a.of == b.of or frozenset((a.of, b.of)) in gates
        }

    @cached_property
    def _dependent(self) -> frozenset[int]:
        return frozenset().union(*self._pairs)

    def _independent(self, cell: Iterable[int]) -> bool:
        return not any(pair <= set(cell) for pair in self._pairs)


def _attainable(axis: Condition, low: float, high: float, settled: Mapping[str, float]) -> bool:
    """Whether a measure can lie in [low, high)."""
    match axis.measure:
        case "status":
            values = (settled[axis.of],) if axis.of in settled else (0.0, 1.0)
            return any(low <= v < high for v in values)
        case "max" | "total":
            return math.ceil(max(low, 0.0)) < high
        case "mean":
            return high > 0.0
        case "share":
            return high > 0.0 and low < 1.0
    return high > -1.0 and low < 1.0


def _said(axis: Condition, low: float, high: float) -> str:
    if axis.measure == "status":
        return f"{axis.of} {'holding' if low <= 1.0 < high else 'not holding'}"
    return Condition(axis.measure, axis.of, low, high, axis.last).words()
