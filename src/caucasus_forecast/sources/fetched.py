"""What a fetch gives: events, the months they were looked for in, and where it all came from."""

from __future__ import annotations

import csv
import html
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from .. import atomic
from ..evidence import ONE_DAY, Event, Observation, Window, monthly
from .ucdp_cells import ESTIMATES
from .ucdp_releases import Release
from .ucdp_rows import UcdpEvent

EVENT_COLUMNS = (
    "id", "start", "end", "low", "best", "high", "country", "country_id", "dyad", "dyad_id",
    "kind", "where_prec", "date_prec", "clarity", "status", "release", "final",
)  # fmt: skip

GED = (
    "Sundberg, Ralph, and Erik Melander (2013). Introducing the UCDP Georeferenced Event Dataset. "
    "Journal of Peace Research 50(4), 523-532. https://doi.org/10.1177/0022343313484347"
)
CANDIDATE = (
    "Hegre, Håvard, Mihai Croicu, Kristine Eck, and Stina Högbladh (2020). Introducing the UCDP "
    "Candidate Events Dataset. Research & Politics 7(3). https://doi.org/10.1177/2053168020935257"
)


@dataclass(frozen=True, slots=True)
class Used:
    """A release that was read.

    Parameters
    ----------
    release
        Which.
    published
        The day its bytes were out.
    assumed
        Whether that day is the calendar's, for want of a better one.
    retrieved
        When they came, ISO, UTC.
    url, sha256
        From where, and the mark of the bytes.
    rows
        Of all the release (of the query, where the API was asked).
    """

    release: Release
    published: date
    assumed: bool
    retrieved: str
    url: str
    sha256: str
    rows: int


@dataclass(frozen=True)
class Fetched:
    """Events of a source and their monthly counts; `cf.forecast` takes it as it takes a table.

    Parameters
    ----------
    events
        In order of time, each with low, best and high deaths and the release it is from.
    coverage
        The days that the releases cover; outside them nothing is known.
    estimate
        Which of low, best and high the counts are.
    releases
        What was read, oldest first.
    notes
        Everything unusual.
    """

    events: tuple[UcdpEvent, ...]
    coverage: tuple[Window, ...]
    estimate: str
    releases: tuple[Used, ...]
    notes: tuple[str, ...]

    @property
    def release(self) -> str:
        """The releases by name, newest last."""
        return ", ".join(str(u.release) for u in self.releases)

    @property
    def published(self) -> date:
        """The day the newest of the releases was out."""
        return max(u.published for u in self.releases)

    @property
    def attribution(self) -> str:
        """One line for every row that is made of it."""
        newest = max(u.retrieved for u in self.releases)[:10]
        return f"UCDP {self.release} ({self.estimate} estimates), CC BY 4.0, retrieved {newest}"

    @property
    def citation(self) -> str:
        """How to cite it: show it where you show numbers made of it."""
        candidate = any(not u.release.final for u in self.releases)
        yearly = [
            "The yearly report on organized violence in the Journal of Peace Research that goes "
            f"with UCDP {u.release}."
            for u in self.releases
            if u.release.final
        ]
        return "\n".join([self.attribution, GED, *yearly, *[CANDIDATE] * candidate])

    @cached_property
    def observations(self) -> tuple[Observation, ...]:
        """Deaths of every month covered; months that one event spans are one total."""
        counted = [
            Event(window, getattr(e, self.estimate), id=str(e.id))
            for e in self.events
            if (window := within(e.window, self.coverage)) is not None
        ]
        rows = monthly(counted, self.coverage)
        return tuple(replace(o, source=self.attribution) for o in rows)

    def totals(self) -> list[dict[str, Any]]:
        """Events and deaths by country and dyad, most deaths first."""
        events: Counter[tuple[str, str]] = Counter()
        deaths: dict[tuple[str, str], list[int]] = {}
        for e in self.events:
            key = (e.country, e.dyad)
            events[key] += 1
            sums = deaths.setdefault(key, [0, 0, 0])
            for i, name in enumerate(ESTIMATES):
                sums[i] += getattr(e, name)
        rows = [
            {"country": c, "dyad": d, "events": n} | dict(zip(ESTIMATES, deaths[c, d], strict=True))
            for (c, d), n in events.items()
        ]
        return sorted(rows, key=lambda r: (-r["best"], r["country"], r["dyad"]))

    def frame(self) -> Any:
        """The events as a pandas data frame."""
        import pandas as pd

        rows = self._event_rows()
        frame = pd.DataFrame(rows, columns=list(EVENT_COLUMNS))
        return frame.assign(start=pd.to_datetime(frame["start"]), end=pd.to_datetime(frame["end"]))

    def to_csv(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the counts as a table that `run` and `cf.forecast` read.

        Raises
        ------
        StorageError
            If the file exists (and `overwrite` is false) or cannot be written.
        """
        rows = [
            {
                "start": o.window.start, "end": o.window.end, "series": o.series,
                "count": int(o.count), "source": o.source,
            }
            for o in self.observations
        ]  # fmt: skip
        return atomic.write(path, csv_bytes(rows), overwrite=overwrite)

    def events_to_csv(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the events as a table.

        Raises
        ------
        StorageError
            As `to_csv`.
        """
        return atomic.write(path, csv_bytes(self._event_rows(), EVENT_COLUMNS), overwrite=overwrite)

    def to_json(self) -> dict[str, Any]:
        """Everything but the events, as JSON has it."""
        return {
            "releases": [
                {
                    "name": str(u.release),
                    "kind": u.release.kind,
                    "covers": [str(u.release.coverage.start), str(u.release.coverage.end)],
                    "published": str(u.published),
                    "published_assumed": u.assumed,
                    "retrieved": u.retrieved,
                    "url": u.url,
                    "sha256": u.sha256,
                    "rows": u.rows,
                }
                for u in self.releases
            ],
            "coverage": [[str(w.start), str(w.end)] for w in self.coverage],
            "estimate": self.estimate,
            "totals": self.totals(),
            "counts": [
                {"start": str(o.window.start), "end": str(o.window.end), "count": int(o.count)}
                for o in self.observations
            ],
            "citation": self.citation,
            "notes": list(self.notes),
        }

    def _event_rows(self) -> list[dict[str, Any]]:
        return [
            {c: getattr(e.window if c in ("start", "end") else e, c) for c in EVENT_COLUMNS}
            for e in self.events
        ]

    def __repr__(self) -> str:
        sums = [sum(getattr(e, name) for e in self.events) for name in ESTIMATES]
        lines = [
            f"UCDP: {len(self.events)} events, {sums[1]} deaths (best; low {sums[0]}, high "
            f"{sums[2]})",
            f"  releases  {self.release}",
            f"  covered   {'; '.join(map(str, self.coverage))}",
            f"  counts    {len(self.observations)} rows, {self.estimate} estimates",
            *(f"  note      {note}" for note in self.notes),
            *(f"  cite      {line}" for line in self.citation.splitlines()),
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


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


def csv_bytes(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> bytes:
    r"""Rows as CSV whose text cells no spreadsheet takes for a formula.

    Examples
    --------
    >>> csv_bytes([{"a": "=1+1", "b": 2}])
    b"a,b\n'=1+1,2\n"
    """

    def safe(value: Any) -> Any:
        risky = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
        return f"'{value}" if risky else value

    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns or (list(rows[0]) if rows else []))
    writer.writerows([safe(v) for v in row.values()] for row in rows)
    return out.getvalue().encode()
