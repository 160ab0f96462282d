"""Rows to one labelled dataset: calendar, exposure, what is missing, and the horizon.

All counting and calendar decisions live here. The panel is an `xarray.Dataset` on a monthly grid:

- ``days[observation, month]``: exposure, the days of an observation's interval in each month;
- ``count[observation]`` with ``series``, ``node``, ``start``, ``end``: the numbers;
- ``status[state, month]``: the state of each event node at the end of the month, as a departure
  from the article's status quo (0: peacekeepers there, no treaty; -1 or +1 after the change);
- ``at_risk[state, month]``: covered days in which the change could still happen, 0 when unknown;
- ``changed[state, month]``: 1 in the month of the change.

Exposure conserves counts: the days of an observation sum to the length of its interval.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date

import numpy as np
import xarray as xr

from .errors import EvidenceError, nearest
from .evidence import Evidence, Observation, Series, Window, is_total
from .graph import CausalGraph
from .names import MONTH, OBSERVATION, STATE, TENSION

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Horizon:
    """The months to forecast: the `length` whole months after the month of `origin`.

    Examples
    --------
    >>> Horizon(date(2021, 11, 30), 2).months
    array(['2021-12', '2022-01'], dtype='datetime64[M]')
    """

    origin: date
    length: int

    @property
    def months(self) -> Array:
        """The forecast months."""
        first = np.datetime64(self.origin, "M") + 1
        return np.arange(first, first + self.length)

    @property
    def days(self) -> Array:
        """Days in each forecast month."""
        return month_days(self.months)


def month_days(months: Array) -> Array:
    """Days in each calendar month, shape (T,)."""
    return np.array([calendar.monthrange(m.year, m.month)[1] for m in months.astype(object)], float)


def build(evidence: Evidence, graph: CausalGraph, as_of: date) -> xr.Dataset:
    """The panel of a graph as of a day.

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
        If a series informs no node of the graph, or nothing is left on tension.
    """
    evidence = evidence.as_of(as_of)
    _check_nodes(evidence, graph)
    cells = _cells(evidence)
    tension = [c for s, c in cells if s.node == TENSION and graph.node[s.node].kind == "process"]
    if not tension:
        raise EvidenceError(f"no observation of tension ends by {as_of}; give earlier counts")
    first = min(c.window.start for _, c in cells)
    months = np.arange(np.datetime64(first, "M"), np.datetime64(as_of, "M") + 1)
    states = tuple(n.name for n in graph.nodes if n.kind == "event")
    status, at_risk, changed = _states(evidence, graph, states, months)
    windows = [c.window for _, c in cells]
    return xr.Dataset(
        {
            "days": ((OBSERVATION, MONTH), exposure(windows, months)),
            "count": (OBSERVATION, np.array([c.count for _, c in cells])),
            "status": ((STATE, MONTH), status),
            "at_risk": ((STATE, MONTH), at_risk),
            "changed": ((STATE, MONTH), changed),
        },
        coords={
            MONTH: months.astype("datetime64[ns]"),
            STATE: np.array(states, dtype=object),
            "series": (OBSERVATION, np.array([s.name for s, _ in cells], dtype=object)),
            "node": (OBSERVATION, np.array([s.node for s, _ in cells], dtype=object)),
            "start": (OBSERVATION, np.array([w.start for w in windows], "datetime64[ns]")),
            "end": (OBSERVATION, np.array([w.end for w in windows], "datetime64[ns]")),
        },
        attrs={"as_of": str(as_of), "digest": evidence.digest},
    )


def exposure(windows: list[Window], months: Array) -> Array:
    """Days of each window in each month, shape (O, T).

    Examples
    --------
    >>> exposure([Window(date(2021, 1, 31), date(2021, 2, 2))], np.arange("2021-01", "2021-03", dtype="M8[M]"))
    array([[1., 2.]])
    """
    first = months.astype("datetime64[D]")
    last = (months + 1).astype("datetime64[D]")
    start = np.array([w.start for w in windows], "datetime64[D]")[:, None]
    end = np.array([w.end for w in windows], "datetime64[D]")[:, None] + 1
    shared = np.minimum(end, last) - np.maximum(start, first)
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


def _cells(evidence: Evidence) -> list[tuple[Series, Observation]]:
    cells: list[tuple[Series, Observation]] = []
    for s in sorted(evidence.series.values(), key=lambda s: s.name):
        rows = sorted(
            (o for o in evidence.observations if o.series == s.name), key=lambda o: o.window
        )
        if s.mode in ("counts", "share"):
            cells += [(s, o) for o in rows]
        elif s.mode == "events":
            cells += [(s, o) for o in _listed(s, rows)]
    return cells


def _listed(series: Series, rows: list[Observation]) -> list[Observation]:
    totals = [o for o in rows if is_total(series, o)]
    events = [o for o in rows if not is_total(series, o)]
    cells = list(totals)
    for piece in _months_of(series.coverage, [o.window for o in totals]):
        inside = [o for o in events if piece.overlap(o.window)]
        cells.append(Observation(piece, series.name, float(sum(o.count for o in inside))))
    placed = sum(c.count for c in cells)
    if placed != sum(o.count for o in rows):
        raise EvidenceError(
            f"series {series.name!r}: an event falls inside the interval of a total, or across "
            "two pieces of coverage; list the total or its parts, not both"
        )
    return sorted(cells, key=lambda o: o.window)


def _months_of(coverage: tuple[Window, ...], holes: list[Window]) -> list[Window]:
    """Coverage cut at month ends and around the holes."""
    pieces: list[Window] = []
    for window in coverage:
        days = np.arange(np.datetime64(window.start), np.datetime64(window.end) + 1)
        free = np.ones(len(days), bool)
        for hole in holes:
            free &= (days < np.datetime64(hole.start)) | (days > np.datetime64(hole.end))
        months = days.astype("datetime64[M]")
        kept, months = days[free], months[free]
        if not len(kept):
            continue
        breaks = (np.diff(kept).astype(int) > 1) | (np.diff(months).astype(int) > 0)
        for part in np.split(kept, np.flatnonzero(breaks) + 1):
            pieces.append(Window(part[0].item(), part[-1].item()))
    return pieces


def _states(
    evidence: Evidence, graph: CausalGraph, states: tuple[str, ...], months: Array
) -> tuple[Array, Array, Array]:
    shape = (len(states), len(months))
    status, at_risk, changed = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for row, name in enumerate(states):
        reading = graph.node[name].reading
        quo = 1.0 if reading < 0 else 0.0
        series = [s for s in evidence.series.values() if s.node == name and s.mode == "status"]
        if not series:
            continue
        dated = sorted(
            ((o.window.start, o.count) for o in evidence.observations if o.series == series[0].name)
        )
        if dated:
            status[row] = 1.0 - dated[0][1] - quo
        for day, value in dated:
            status[row, months >= np.datetime64(day, "M")] = value - quo
        before = np.concatenate([status[row, :1], status[row, :-1]])
        covered = exposure(list(series[0].coverage), months).sum(0)
        at_risk[row] = np.where(before == 0, covered, 0.0)
        changed[row] = (before == 0) & (status[row] != 0) & (covered > 0)
    return status, at_risk, changed
