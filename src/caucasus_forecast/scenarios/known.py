"""The range that evidence leaves a measure: the least and the greatest it can have been.

A row within a month adds its count there. A row over several months adds it to them in any split. A
day without a row can have had any number. A figure in doubt lies between none and itself. A state
is known when reports reach the last day of the horizon, since it can change back; a share, by a row
of that very month.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from .. import names
from ..errors import ScenarioError, nearest
from ..evidence import ONE_DAY, Evidence, Observation, Series, Window, is_total, without
from ..graph import CausalGraph
from ..panel import ONE_MONTH, cells
from .rules import WINDOWED, Condition

Array = np.ndarray
Cells = tuple[tuple[float, float], ...]
GRACE = 18
"""Months that evidence has after the horizon before it is held that it will never tell."""
VOIDED = "void"
"""The measure of whether what was said to be void came; nothing tells."""
_SHOWN = 3  # rows that one sentence names


@dataclass(frozen=True)
class Record:
    """What was on record of the months of a forecast.

    Attributes
    ----------
    evidence
        As it stood on the last day that may be known.
    graph
        The graph whose nodes the rules are about.
    months
        The months of the horizon, ``datetime64[M]``.
    doubtful
        Rows of counts whose figure is in doubt: between none and that figure.
    heard
        Last day that every source of the evidence tells of (default: that any of it tells of).
    """

    evidence: Evidence
    graph: CausalGraph
    months: Array
    doubtful: tuple[Observation, ...] = ()
    heard: date = date.max

    @classmethod
    def of(
        cls, evidence: Evidence, graph: CausalGraph, months: Array, day: date | None = None,
        doubtful: Sequence[Observation] = (), heard: date = date.max,
    ) -> Record:  # fmt: skip
        """What was on record on a day (default: the last that the evidence tells of)."""
        last = day or reaches(evidence)
        doubt = tuple(o for o in doubtful if o.window.end <= last)
        return cls(evidence.as_of(last), graph, months, doubt, heard)

    @property
    def end(self) -> date:
        """Last day of the horizon."""
        return span(self.months).end

    @property
    def until(self) -> date:
        """Last day that the evidence tells of."""
        return min(reaches(self.evidence), self.heard)

    @property
    def spent(self) -> bool:
        """Whether the evidence has had its time: it reaches `GRACE` months past the horizon."""
        next_day = np.array([self.until, self.end], "M8[D]") + np.timedelta64(1, "D")
        last, end = next_day.astype("M8[M]")
        return bool(last - end >= GRACE * ONE_MONTH)


def reaches(evidence: Evidence) -> date:
    """Last day that any row, or any look without a find, tells of.

    Examples
    --------
    >>> from caucasus_forecast import evidence
    >>> reaches(evidence.load())
    datetime.date(2026, 5, 31)
    """
    ends = [o.window.end for o in evidence.observations]
    ends += [w.end for s in evidence.series.values() for w in s.coverage]
    return max(ends, default=date.min)


@dataclass(frozen=True)
class Known:
    """The range that the evidence leaves a measure at the horizon, and the rows it rests on."""

    measure: Condition
    low: float
    high: float
    rows: str

    def __str__(self) -> str:
        if self.measure.measure == VOIDED:
            return f"{self.measure.of} is void ({self.rows})"
        what = Condition(self.measure.measure, self.measure.of, last=self.measure.last).words()
        if self.measure.measure == "status":
            held = "holds" if self.low else "does not hold"
            said = "is not known" if self.low < self.high else held
        elif self.low == self.high:
            said = f"is {self.low:g}"
        elif math.isfinite(self.high):
            said = f"is {self.low:g} to {self.high:g}"
        else:
            said = f"is {self.low:g} or more" if self.low > 0 else "is not known"
        return f"{what.strip()} {said} ({self.rows})"

    def cells(self, cuts: Sequence[float]) -> Cells:
        """The ranges between the cuts that the measure can lie in."""
        return tuple(c for c in between(cuts) if self._meets(*c))

    def _meets(self, low: float, high: float) -> bool:
        least = max(low, self.low)
        if self.measure.measure in ("max", "total"):
            least = math.ceil(least)
        return least <= self.high and least < high


def between(cuts: Sequence[float]) -> Cells:
    """The ranges into which cuts divide the line.

    Examples
    --------
    >>> between([0.5])
    ((-inf, 0.5), (0.5, inf))
    """
    return tuple(pairwise((-math.inf, *cuts, math.inf)))


def known(measure: Condition, record: Record) -> Known:
    """The range of a measure at the end of the horizon.

    Raises
    ------
    ScenarioError
        If it is of a node that the graph does not have.
    """
    of = measure.of
    if of not in record.graph.node and of != names.DEATHS:
        told = nearest(of, [*record.graph.node, names.DEATHS])
        raise ScenarioError(f"no {of!r} in the graph {record.graph.name!r}; {told}")
    if measure.measure == "status":
        return _status(measure, record)
    if measure.measure in WINDOWED:
        return _count(measure, record)
    return _share(measure, record)


def span(months: Array) -> Window:
    """From the first day of the first month to the last day of the last.

    Examples
    --------
    >>> print(span(np.array(["2021-12", "2022-02"], "M8[M]")))
    2021-12-01 to 2022-02-28
    """
    first = months[0].astype("datetime64[D]").item()
    return Window(first, (months[-1] + ONE_MONTH).astype("datetime64[D]").item() - ONE_DAY)


def _informing(record: Record, of: str, *modes: str) -> list[Series]:
    series = record.evidence.series.values()
    named = (lambda s: s.name == of) if of == names.DEATHS else (lambda s: s.node == of)
    return [s for s in series if s.mode in modes and named(s)]


def _status(measure: Condition, record: Record) -> Known:
    end, found = record.end, _informing(record, measure.of, "status")
    seen = [(s, w) for s in found for w in s.coverage if w.start <= end <= w.end]
    if not seen:
        last = max((w.end for s in found for w in s.coverage if w.end < end), default=None)
        until = f"reports reach {last}, not {end}" if last else f"no reports reach {end}"
        return Known(measure, 0.0, 1.0, until)
    series, coverage = seen[0]
    rows = sorted(
        (o for o in record.evidence.observations if o.series == series.name),
        key=lambda o: o.window.start,
    )
    before = [o for o in rows if o.window.start <= end]
    if before and before[-1].window.end > end:
        return Known(measure, 0.0, 1.0, f"{_called(before[-1])} may lie before {end} or after")
    if before:
        return Known(measure, before[-1].count, before[-1].count, _called(before[-1]))
    quo = 1.0 if record.graph.node[measure.of].reading < 0 else 0.0
    value = 1.0 - rows[0].count if rows else quo
    return Known(measure, value, value, f"no change reported from {coverage.start} to {end}")


def _share(measure: Condition, record: Record) -> Known:
    found = {s.name for s in _informing(record, measure.of, "share")}
    rows = {o.window: o for o in record.evidence.observations if o.series in found}
    last = rows.get(span(record.months[-1:]))
    first = rows.get(span(record.months[:1] - ONE_MONTH))
    if measure.measure == "share" and last is not None:
        return Known(measure, last.count, last.count, _called(last))
    if last is not None and first is not None:
        change = last.count - first.count
        return Known(measure, change, change, f"{_called(first)}; {_called(last)}")
    low = 0.0 if measure.measure == "share" else -1.0
    return Known(measure, low, 1.0, f"no row of {record.months[-1]!s} alone")


def _count(measure: Condition, record: Record) -> Known:
    """The range over every series that counts the node, where there are several."""
    window = span(record.months[-measure.last :])
    each = [
        found
        for s in _informing(record, measure.of, "counts", "events")
        if (found := _counted(measure, record, s, window)) is not None
    ]
    if not each:
        return Known(measure, 0.0, math.inf, f"no row from {window}")
    rows = "; ".join(dict.fromkeys(k.rows for k in each))
    return Known(measure, min(k.low for k in each), max(k.high for k in each), rows)


def _counted(measure: Condition, record: Record, series: Series, window: Window) -> Known | None:
    rows = [o for s, o in cells(record.evidence) if s.name == series.name]
    sure = [o for o in rows if o.window.overlap(window)]
    doubt = [
        o
        for o in record.doubtful
        if o.series == series.name and is_total(series, o) and o.window.overlap(window)
        and not any(o.window.overlap(r.window) for r in rows)
    ]  # fmt: skip
    if not sure and not doubt:
        return None
    unseen = without([window], [o.window for o in (*sure, *doubt)])
    least = _least_max if measure.measure == "max" else _least_total
    low = least([o for o in sure if window.overlap(o.window) == o.window.days])
    high = math.inf
    if not unseen:
        total = sum(o.count for o in (*sure, *doubt))
        high = _greatest_max([*sure, *doubt], window) if measure.measure == "max" else total
    if measure.measure == "mean":
        months = len(record.months[-measure.last :])
        low, high = low / months, high / months
    return Known(measure, low, high, _rows(sure, doubt, unseen))


def _least_total(rows: Sequence[Observation]) -> float:
    return sum(o.count for o in rows)


def _least_max(rows: Sequence[Observation]) -> float:
    r"""The least that the greatest month can be, each row split over its months at will.

    As in scheduling of unit jobs with release times and deadlines (Hall's condition): with row
    counts y over months [a, b] of the rows that lie within,

        max over a <= b of  ceil( Σ y / (b − a + 1) ).

    Only single months, and stretches from where some row starts to where one ends, can bind.
    """
    spans = [(_month(o.window.start), _month(o.window.end), o.count) for o in rows]
    starts, ends = ({s[i] for s in spans} for i in (0, 1))
    return max(
        (
            math.ceil(sum(y for i, j, y in spans if a <= i and j <= b) / (b - a + 1))
            for a in starts
            for b in ends
            if a <= b
        ),
        default=0,
    )


def _greatest_max(rows: Sequence[Observation], window: Window) -> float:
    months = range(_month(window.start), _month(window.end) + 1)
    spans = [(_month(o.window.start), _month(o.window.end), o.count) for o in rows]
    return max(sum(y for i, j, y in spans if i <= m <= j) for m in months)


def _month(day: date) -> int:
    return 12 * day.year + day.month


def _called(row: Observation) -> str:
    return row.id or str(row.window)


def _rows(
    sure: Sequence[Observation], doubt: Sequence[Observation], unseen: Sequence[Window]
) -> str:
    """The greatest rows, those in doubt, and the days without a row."""
    ranked = sorted(sure, key=lambda o: (-o.count, o.window))
    shown = [o for o in ranked if o.count][:_SHOWN]
    said = [f"{_called(o)}: {o.count:g}" for o in shown]
    if more := len(sure) - len(shown):
        most = ranked[len(shown)].count
        rows = f"{'more ' * bool(shown)}row{'s' * (more > 1)}"
        said.append(f"{more} {rows} of {most:g}{' or fewer' * bool(most and more > 1)}")
    said += [f"{_called(o)}: in doubt, at most {o.count:g}" for o in doubt]
    said += [f"no row for {w}" for w in unseen[:_SHOWN]]
    said += [f"and {len(unseen) - _SHOWN} more gaps"] * (len(unseen) > _SHOWN)
    return "; ".join(said)
