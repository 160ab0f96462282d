"""What a fetch from UCDP gives: counts, and the events behind them, which its licence allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import atomic
from ..evidence import Event, Window
from ..names import DEATHS
from ..text import csv_text
from .fetched import Fetched, Used, counted, totals
from .ucdp_cells import ESTIMATES
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


@dataclass(frozen=True, repr=False)
class UcdpFetched(Fetched):
    """Counts of UCDP, with their events.

    Parameters
    ----------
    events
        In order of time, each with low, best and high deaths and the release it is from.
    """

    events: tuple[UcdpEvent, ...]

    def only(self, wanted: Callable[[UcdpEvent], bool]) -> UcdpFetched:
        """The same of some of the events, counted anew."""
        some = tuple(filter(wanted, self.events))
        return of_events(some, self.coverage, self.chosen["estimate"], self.releases, self.notes)

    def frame(self) -> Any:
        """The events as a pandas data frame."""
        import pandas as pd

        frame = pd.DataFrame(self._rows(), columns=list(EVENT_COLUMNS))
        return frame.assign(start=pd.to_datetime(frame["start"]), end=pd.to_datetime(frame["end"]))

    def events_to_csv(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the events as a table.

        Raises
        ------
        StorageError
            As `to_csv`.
        """
        body = csv_text(EVENT_COLUMNS, self._rows()).encode()
        return atomic.write(path, body, overwrite=overwrite)

    def _rows(self) -> list[list[Any]]:
        return [
            [getattr(e.window if c in ("start", "end") else e, c) for c in EVENT_COLUMNS]
            for e in self.events
        ]


def of_events(
    events: tuple[UcdpEvent, ...],
    coverage: tuple[Window, ...],
    estimate: str,
    releases: tuple[Used, ...],
    notes: Sequence[str],
) -> UcdpFetched:
    """Events counted by month, with the citation that the releases ask for."""
    name = ", ".join(u.name for u in releases)
    newest = max(u.retrieved for u in releases)[:10]
    attribution = f"UCDP {name} ({estimate} estimates), CC BY 4.0, retrieved {newest}"
    rows = (Event(e.window, getattr(e, estimate), id=str(e.id)) for e in events)
    return UcdpFetched(
        source="UCDP",
        observations=counted(rows, coverage, DEATHS, attribution),
        coverage=coverage,
        chosen={"series": DEATHS, "estimate": estimate},
        totals=totals(events, ("country", "dyad"), ESTIMATES, "best"),
        releases=releases,
        attribution=attribution,
        references=_references(releases),
        notes=tuple(notes),
        events=events,
    )


def _references(releases: Sequence[Used]) -> tuple[str, ...]:
    yearly = [
        "The yearly report on organized violence in the Journal of Peace Research that goes with "
        f"UCDP {u.name}."
        for u in releases
        if u.kind == "final"
    ]
    candidate = any(u.kind != "final" for u in releases)
    return GED, *yearly, *[CANDIDATE] * candidate
