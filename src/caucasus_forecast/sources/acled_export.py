"""The road without the API: files that the user has downloaded from ACLED's Data Export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from ..errors import SourceError
from ..evidence import Window
from ..evidence.tables import open_table
from .acled_rows import AcledEvent, Rows, of_countries, read, single
from .fetched import Used


@dataclass(frozen=True, slots=True)
class Exported:
    """What export files say.

    Parameters
    ----------
    rows
        The events of the countries asked for.
    first
        The first day that any row of theirs is of, also one that is no longer ACLED's word.
    used
        The files.
    accessed
        The day on which they were downloaded.
    notes
        What is unusual.
    """

    rows: Rows
    first: date
    used: tuple[Used, ...]
    accessed: date
    notes: tuple[str, ...]

    @property
    def names(self) -> str:
        """The files by name."""
        return ", ".join(u.name for u in self.used)


def exported(
    files: Sequence[str | Path], countries: Sequence[str], accessed: date | None, today: date
) -> Exported:
    """Read export files, of two rows of one event the one that ACLED changed last.

    Parameters
    ----------
    files
        CSV, also in gzip; Parquet or Excel.
    countries
        Those that are counted.
    accessed
        The day on which they were downloaded, where the user says so.
    today
        No day may be later.

    Raises
    ------
    SourceError
        For a needed column that is not there, a row that cannot be read, a file without rows, an
        event after the day of access, or a country without any event.
    EvidenceError
        If a file is no table, or cannot be opened.
    """
    read_files = [_file(Path(file), accessed, today) for file in files]
    used = tuple(u for u, _, _ in read_files)
    day = max(u.published for u in used)
    told = [e for _, events, _ in read_files for e in events]
    rows = of_countries(single(told, "the export"), countries)
    asked = {c.casefold() for c in countries}
    first = min(e.day for e in told if e.country.casefold() in asked)
    if rows.events[-1].day > day:
        raise SourceError(
            f"ACLED: an event is of {rows.events[-1].day}, after the day of access, {day}; say on "
            "which day the files came: accessed=..., --accessed"
        )
    notes = [note for _, _, said in read_files for note in said]
    if accessed is None:
        notes.append(f"day of access taken from the files: {day}; accessed says otherwise")
    return Exported(rows, first, used, day, tuple(notes))


def _file(
    path: Path, accessed: date | None, today: date
) -> tuple[Used, list[AcledEvent], list[str]]:
    table = open_table(path)
    events, notes = read(table.where, table.columns, table.cells)
    if not events:
        raise SourceError(
            f"{table.where}: no rows of events; export it again at https://acleddata.com, with all "
            "the days and types of event that are to be counted"
        )
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
    day = accessed or min(changed, today)
    days = [e.day for e in events]
    used = Used(
        name=path.name,
        kind="export",
        coverage=Window(min(days), max(days)),
        published=day,
        assumed=accessed is None,
        retrieved=str(day),
        url="",
        sha256=table.digest,
        rows=len(events),
    )
    told = [*table.notes, *table.passed_over()]
    return used, events, [*told, *(f"{table.where}: {note}" for note in notes)]
