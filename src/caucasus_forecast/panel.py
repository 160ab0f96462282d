"""Rows to one labelled dataset: calendar, exposure, what is missing, and the horizon.

All counting and calendar decisions live here. The panel is an `xarray.Dataset` on a monthly grid:

- ``days[observation, month]``: exposure, the days of an observation's interval in each month;
- ``count[observation]`` with ``series``, ``node``, ``start``, ``end``: the numbers;
- ``status[state, month]``: the state of each event node at the end of the month, as a departure
  from the article's status quo (0: peacekeepers there, no treaty; -1 or +1 after the change);
- ``at_risk[state, month]``: covered days in which the change could still happen, 0 when unknown,
  and 0 while a gate is shut (by the status of its cause at the end of the month before; a change in
  the very month in which its gate opens is believed);
- ``changed[state, month]``: 1 in the month of the change.

Exposure conserves counts: the days of an observation sum to the length of its interval.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import xarray as xr

from .errors import CaseError, EvidenceError, nearest
from .evidence import (
    ONE_DAY,
    Evidence,
    Observation,
    Series,
    TableError,
    Window,
    is_total,
    out_of_reach,
    without,
)
from .graph import CausalGraph, Edge, holds
from .names import MONTH, OBSERVATION, STATE, TENSION

Array = np.ndarray
ONE_MONTH = np.timedelta64(1, "M")


@dataclass(frozen=True, slots=True)
class Horizon:
    """The months to forecast: the `length` whole months after the month of `origin`.

    Raises
    ------
    CaseError
        If it is not at least one month long.

    Examples
    --------
    >>> Horizon(date(2021, 11, 30), 2).months
    array(['2021-12', '2022-01'], dtype='datetime64[M]')
    """

    origin: date
    length: int

    def __post_init__(self) -> None:
        if not isinstance(self.length, int) or isinstance(self.length, bool) or self.length < 1:
            raise CaseError(f"horizon is {self.length!r}; give a whole number of months, 1 or more")

    @property
    def months(self) -> Array:
        """The forecast months."""
        first = np.datetime64(self.origin, "M") + ONE_MONTH
        return np.arange(first, first + self.length * ONE_MONTH, ONE_MONTH)

    @property
    def days(self) -> Array:
        """Days in each forecast month."""
        return month_days(self.months)


def month_days(months: Array) -> Array:
    """Days in each calendar month, shape (T,)."""
    first = months.astype("datetime64[M]")
    length = (first + ONE_MONTH).astype("datetime64[D]") - first.astype("datetime64[D]")
    return length.astype(float)


def build(evidence: Evidence, graph: CausalGraph, as_of: date) -> xr.Dataset:
    """Build the panel of a graph as of a day.

    Parameters
    ----------
    evidence
        Any evidence; whatever ends after `as_of` is removed first.
    graph
        The graph whose nodes the series inform.
    as_of
        The last day that may be known.

    Raises
    ------
    EvidenceError
        If a series informs no node of the graph, a node has two status series, nothing is left on
        tension, or what is left is out of reach (`caucasus_forecast.evidence.out_of_reach`).
    """
    evidence = evidence.as_of(as_of)
    _check_nodes(evidence, graph)
    found = cells(evidence)
    tension = [c for s, c in found if s.node == TENSION and graph.node[s.node].kind == "process"]
    if problem := out_of_reach(tension, as_of):
        raise TableError(problem)
    first = min(c.window.start for _, c in found)
    months = np.arange(np.datetime64(first, "M"), np.datetime64(as_of, "M") + ONE_MONTH, ONE_MONTH)
    states = tuple(n.name for n in graph.nodes if n.kind == "event")
    status, at_risk, changed = _states(evidence, graph, states, months)
    windows = [c.window for _, c in found]
    return xr.Dataset(
        {
            "days": ((OBSERVATION, MONTH), exposure(windows, months)),
            "count": (OBSERVATION, np.array([c.count for _, c in found])),
            "status": ((STATE, MONTH), status),
            "at_risk": ((STATE, MONTH), at_risk),
            "changed": ((STATE, MONTH), changed),
        },
        coords={
            MONTH: months.astype("datetime64[ns]"),
            STATE: np.array(states, dtype=object),
            "series": (OBSERVATION, np.array([s.name for s, _ in found], dtype=object)),
            "node": (OBSERVATION, np.array([s.node for s, _ in found], dtype=object)),
            "start": (OBSERVATION, np.array([w.start for w in windows], "datetime64[ns]")),
            "end": (OBSERVATION, np.array([w.end for w in windows], "datetime64[ns]")),
        },
        attrs={"as_of": str(as_of), "digest": evidence.digest},
    )


def exposure(windows: list[Window], months: Array) -> Array:
    """Days of each window in each month, shape (O, T).

    Examples
    --------
    >>> turn = Window(date(2021, 1, 31), date(2021, 2, 2))
    >>> exposure([turn], np.array(["2021-01", "2021-02"], "M8[M]"))
    array([[1., 2.]])
    """
    first = months.astype("datetime64[D]")
    after = (months + ONE_MONTH).astype("datetime64[D]")
    start = np.array([w.start for w in windows], "datetime64[D]")[:, None]
    end = np.array([w.end for w in windows], "datetime64[D]")[:, None] + np.timedelta64(1, "D")
    shared = np.minimum(end, after) - np.maximum(start, first)
    return np.clip(shared.astype(int), 0, None).astype(float)


def _check_nodes(evidence: Evidence, graph: CausalGraph) -> None:
    needs = {"status": ("event",), "share": ("share",)}
    for s in evidence.series.values():
        if s.node not in graph.node:
            raise EvidenceError(
                f"series {s.name!r} informs node {s.node!r}, which the graph does not have; "
                f"{nearest(s.node, graph.node)}"
            )
        kind = graph.node[s.node].kind
        allowed = needs.get(s.mode, ("count", "process"))
        if kind not in allowed:
            raise EvidenceError(
                f"series {s.name!r} ({s.mode}) informs {s.node!r}, which is of kind {kind}; "
                f"a {s.mode} series can inform: {', '.join(allowed)}"
            )
    status = sorted((s.node, s.name) for s in evidence.series.values() if s.mode == "status")
    for (node, first), (same, second) in pairwise(status):
        if node == same:
            raise EvidenceError(
                f"{node!r} has two status series, {first!r} and {second!r}; keep one"
            )


def cells(evidence: Evidence) -> list[tuple[Series, Observation]]:
    """The intervals and numbers that a likelihood reads, by series: events counted by month."""
    found: list[tuple[Series, Observation]] = []
    for s in sorted(evidence.series.values(), key=lambda s: s.name):
        rows = sorted(
            (o for o in evidence.observations if o.series == s.name), key=lambda o: o.window
        )
        if s.mode in ("counts", "share"):
            found += [(s, o) for o in rows]
        elif s.mode == "events":
            found += [(s, o) for o in _listed(s, rows)]
    return found


def _listed(series: Series, rows: list[Observation]) -> list[Observation]:
    totals = [o for o in rows if is_total(series, o)]
    free = without(series.coverage, [o.window for o in totals])
    found = {piece: 0.0 for window in free for piece in _months_of(window)}
    for o in rows:
        if is_total(series, o):
            continue
        homes = [piece for piece in found if piece.overlap(o.window) == o.window.days]
        if not homes:
            raise EvidenceError(
                f"series {series.name!r}: {o.id or o.window} falls inside the interval of a total, "
                "or across two pieces of coverage; list the total or its parts, not both"
            )
        found[homes[0]] += o.count
    listed = [Observation(piece, series.name, count) for piece, count in found.items()]
    return sorted([*totals, *listed], key=lambda o: o.window)


def _months_of(window: Window) -> list[Window]:
    """Cut a window at the ends of its months."""
    pieces = []
    start = window.start
    while start <= window.end:
        month_end = start.replace(day=calendar.monthrange(start.year, start.month)[1])
        pieces.append(Window(start, min(month_end, window.end)))
        start = month_end + ONE_DAY
    return pieces


def _states(
    evidence: Evidence, graph: CausalGraph, states: tuple[str, ...], months: Array
) -> tuple[Array, Array, Array]:
    shape = (len(states), len(months))
    status, at_risk, changed, before = (np.zeros(shape) for _ in range(4))
    for row, name in enumerate(states):
        quo = 1.0 if graph.node[name].reading < 0 else 0.0
        series = [s for s in evidence.series.values() if s.node == name and s.mode == "status"]
        if not series:
            continue
        dated = sorted(
            (o.window.start, o.count) for o in evidence.observations if o.series == series[0].name
        )
        initial = 1.0 - dated[0][1] - quo if dated else 0.0
        status[row] = initial
        for day, value in dated:
            status[row, months >= np.datetime64(day, "M")] = value - quo
        before[row] = np.r_[initial, status[row, :-1]]
        covered = exposure(list(series[0].coverage), months).sum(0)
        at_risk[row] = np.where(before[row] == 0, covered, 0.0)
        changed[row] = (before[row] == 0) & (status[row] != 0) & (covered > 0)
    for edge in (e for e in graph.edges if e.role == "gate"):
        gate, row = states.index(edge.cause), states.index(edge.effect)
        opened, now = (holds(graph.node[edge.cause], x[gate]) > 0.5 for x in (before, status))
        possible = opened | (now & (changed[row] > 0))
        _refuse_shut(edge, months[(changed[row] > 0) & ~possible])
        at_risk[row] = np.where(possible, at_risk[row], 0.0)
    return status, at_risk, changed


def _refuse_shut(edge: Edge, months: Array) -> None:
    """Refuse a change that its gate makes impossible."""
    if len(months):
        raise EvidenceError(
            f"{edge.effect!r} changes in {months[0]}, while {edge.cause!r} does not hold, and in "
            "the graph it can only change while that holds; correct the days, or leave the gate "
            f"{edge.name} out of the graph"
        )
