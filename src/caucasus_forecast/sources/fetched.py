"""What a fetch gives: counts, the days they were looked for on, and where it all came from."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from .. import atomic
from ..evidence import ONE_DAY, Event, Observation, Window, monthly
from ..text import csv_text

COLUMNS = ("start", "end", "series", "count", "source")
STALE = timedelta(days=120)


@dataclass(frozen=True, slots=True)
class Used:
    """What was read: a release, a reply, a file.

    Parameters
    ----------
    name, kind
        Which, and of what kind.
    coverage
        The days it tells of.
    published
        The day its bytes were out.
    assumed
        Whether that day is assumed, for want of a better one.
    retrieved
        When they came, ISO, UTC.
    url, sha256
        From where, and the mark of the bytes.
    rows
        Of all of it, counted or not.
    """

    name: str
    kind: str
    coverage: Window
    published: date
    assumed: bool
    retrieved: str
    url: str
    sha256: str
    rows: int


@dataclass(frozen=True)
class Fetched:
    """Monthly counts of a source; `cf.forecast` and `Forecast.update` take it as counts.

    Parameters
    ----------
    source
        Its name.
    observations
        One a month covered, zeros included; months that one event spans are one total. Each names
        the `attribution` as its source.
    coverage
        The days that were looked at; outside them nothing is known.
    chosen
        What was counted: the series, and what makes its numbers.
    totals
        What the events sum to by place and kind, most first.
    releases
        What was read, oldest first.
    attribution
        One line for every row that is made of it.
    references
        The works to cite besides.
    notes
        Everything unusual.
    """

    source: str
    observations: tuple[Observation, ...]
    coverage: tuple[Window, ...]
    chosen: Mapping[str, Any]
    totals: tuple[Mapping[str, Any], ...]
    releases: tuple[Used, ...]
    attribution: str
    references: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def release(self) -> str:
        """What was read, by name, newest last."""
        return ", ".join(u.name for u in self.releases)

    @property
    def published(self) -> date:
        """The day the newest of it was out."""
        return max(u.published for u in self.releases)

    @property
    def citation(self) -> str:
        """How to cite it: show it where you show numbers made of it."""
        return "\n".join([self.attribution, *self.references])

    @property
    def repairs(self) -> tuple[str, ...]:
        """What a forecast made of it says of it."""
        return self.attribution, *self.notes

    def to_csv(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the counts as a table that `run` and `cf.forecast` read.

        Raises
        ------
        StorageError
            If the file exists (and `overwrite` is false) or cannot be written.
        """
        rows = (
            (o.window.start, o.window.end, o.series, int(o.count), o.source)
            for o in self.observations
        )
        return atomic.write(path, csv_text(COLUMNS, rows).encode(), overwrite=overwrite)

    def to_json(self) -> dict[str, Any]:
        """Everything but events, as JSON has it."""
        return {
            "source": self.source,
            "releases": [
                asdict(u) | {"coverage": _ends(u.coverage), "published": str(u.published)}
                for u in self.releases
            ],
            "coverage": [_ends(w) for w in self.coverage],
            "chosen": dict(self.chosen),
            "totals": [dict(row) for row in self.totals],
            "counts": [
                {"start": str(o.window.start), "end": str(o.window.end), "count": int(o.count)}
                for o in self.observations
            ],
            "citation": self.citation,
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        chosen = (
            f"{k} {v if isinstance(v, str) else ', '.join(v)}" for k, v in self.chosen.items()
        )
        lines = [
            f"{self.source}: {_all(self.totals)}",
            f"  releases  {self.release}",
            f"  covered   {'; '.join(map(str, self.coverage))}",
            f"  counts    {len(self.observations)} rows, {'; '.join(chosen)}",
            *(f"  note      {note}" for note in self.notes),
            *(f"  cite      {line}" for line in self.citation.splitlines()),
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


# --------------------------------------------------------------------------------- counts and sums


def counted(
    events: Iterable[Event], coverage: Sequence[Window], series: str, source: str
) -> tuple[Observation, ...]:
    """Totals of months over the days covered; an event that reaches past them is cut to them.

    Examples
    --------
    >>> may = Window(date(2026, 5, 1), date(2026, 5, 31))
    >>> late = Event(Window(date(2026, 5, 30), date(2026, 6, 2)), 4)
    >>> [(o.count, o.source) for o in counted([late], [may], "battle_deaths", "a list")]
    [(4.0, 'a list')]
    """
    inside = [
        replace(e, window=window)
        for e in events
        if (window := within(e.window, coverage)) is not None
    ]
    return tuple(replace(o, source=source) for o in monthly(inside, coverage, series))


def totals(
    events: Iterable[Any], by: Sequence[str], of: Sequence[str], rank: str
) -> tuple[dict[str, Any], ...]:
    """The number of events and the sums of some fields, by the values of others.

    Parameters
    ----------
    events
        Values with fields.
    by, of
        Fields that are compared, and fields that are summed.
    rank
        The sum by which the rows are in order, most first.

    Examples
    --------
    >>> from types import SimpleNamespace as Row
    >>> rows = [Row(place="a", deaths=1), Row(place="b", deaths=5), Row(place="a", deaths=2)]
    >>> totals(rows, ["place"], ["deaths"], "deaths")
    ({'place': 'b', 'events': 1, 'deaths': 5}, {'place': 'a', 'events': 2, 'deaths': 3})
    """
    sums: dict[tuple[str, ...], list[int]] = {}
    for event in events:
        row = sums.setdefault(tuple(getattr(event, name) for name in by), [0] * (len(of) + 1))
        row[0] += 1
        for i, name in enumerate(of, start=1):
            row[i] += getattr(event, name)
    named = ("events", *of)
    rows = [
        dict(zip(by, key, strict=True)) | dict(zip(named, row, strict=True))
        for key, row in sums.items()
    ]
    return tuple(sorted(rows, key=lambda r: (-r[rank], *(r[name] for name in by))))


def _all(rows: Sequence[Mapping[str, Any]]) -> str:
    """The sums of all rows: ``events 8, deaths 21``."""
    if not rows:
        return "no events"
    names = [name for name, value in rows[0].items() if isinstance(value, int)]
    return ", ".join(f"{name} {sum(row[name] for row in rows)}" for name in names)


# ------------------------------------------------------------------------------------------- days


def stale(what: str, newest: date, today: date) -> list[str]:
    """A note where the newest day is long ago.

    Examples
    --------
    >>> stale("the newest event is of", date(2026, 1, 1), date(2026, 5, 2))
    ['stale: the newest event is of 2026-01-01, over 120 days before 2026-05-02']
    """
    old = today - newest > STALE
    return [f"stale: {what} {newest}, over {STALE.days} days before {today}"] if old else []


def within(window: Window, coverage: Sequence[Window]) -> Window | None:
    """The part of a window that lies in one covered piece, the largest; None if there is none.

    Examples
    --------
    >>> may = Window(date(2026, 5, 1), date(2026, 5, 31))
    >>> print(within(Window(date(2026, 5, 30), date(2026, 6, 2)), [may]))
    2026-05-30 to 2026-05-31
    """
    best = max(coverage, key=window.overlap, default=None)
    if best is None or not window.overlap(best):
        return None
    return Window(max(window.start, best.start), min(window.end, best.end))


def joined(windows: Iterable[Window]) -> tuple[Window, ...]:
    """Windows of which those that touch or overlap are one.

    Examples
    --------
    >>> day = Window(date(2026, 5, 1), date(2026, 5, 1)), Window(date(2026, 5, 2), date(2026, 5, 4))
    >>> print(*joined(day))
    2026-05-01 to 2026-05-04
    """
    pieces: list[Window] = []
    for window in sorted(windows):
        if pieces and window.start <= pieces[-1].end + ONE_DAY:
            pieces[-1] = Window(pieces[-1].start, max(window.end, pieces[-1].end))
        else:
            pieces.append(window)
    return tuple(pieces)


def _listed(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _ends(window: Window) -> list[str]:
    return [str(window.start), str(window.end)]
