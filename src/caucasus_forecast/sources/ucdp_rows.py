"""Rows of a UCDP release: which are wanted, what they say, and which supersede which."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from ..errors import SourceError, nearest
from ..evidence import Window
from .manifests import Facts, fingerprint
from .ucdp_cells import NEEDED, NUMBERS, codes_of, day_of, header_of, number_of, plain
from .ucdp_releases import Release


@dataclass(frozen=True, slots=True)
class UcdpEvent:
    """One event as a release tells it.

    Parameters
    ----------
    id
        UCDP's, the same in every release.
    window
        From `date_start` to `date_end`.
    low, best, high
        Deaths, as UCDP estimates them.
    country, country_id
        Where, with the Gleditsch-Ward number.
    dyad, dyad_id
        Between whom.
    governments
        Gleditsch-Ward numbers of the sides that are governments.
    kind
        1 state-based, 2 non-state, 3 one-sided violence.
    where_prec, date_prec
        Precision: 1 is exact; place 6 and 7 are no better than a country, date 5 is over a month.
    clarity
        1 a single event, 2 the sum of several.
    status
        UCDP's word on the coding; ``Clear`` where it is done.
    release
        Version of the release the row is from.
    final
        Whether that is a final one.
    """

    id: int
    window: Window
    low: int
    best: int
    high: int
    country: str
    country_id: int
    dyad: str
    dyad_id: int
    governments: tuple[int, ...]
    kind: int
    where_prec: int
    date_prec: int
    clarity: int
    status: str
    release: str
    final: bool

    @property
    def ordered(self) -> bool:
        """Whether low <= best <= high."""
        return self.low <= self.best <= self.high


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events: those in a country, those of a dyad, and those between governments of both.

    An event is wanted if it is in one of `countries`, or of one of `dyads`, or state-based between
    two governments that are both among `countries`, wherever it is.

    Parameters
    ----------
    countries, dyads
        Names (in whatever case) and numbers.
    """

    countries: tuple[str | int, ...]
    dyads: tuple[str | int, ...] = ()

    def __post_init__(self) -> None:
        for what, asked in (("countries", self.countries), ("dyads", self.dyads)):
            for x in asked:
                if isinstance(x, bool) or not isinstance(x, str | int) or x in ("", 0):
                    raise SourceError(f"{what} has {x!r}; write names, or UCDP's numbers")
        if not (self.countries or self.dyads):
            raise SourceError("neither a country nor a dyad is asked for; name one")

    def chooser(self, columns: Sequence[str]) -> Callable[[Sequence[str]], bool]:
        """Tell wanted rows from others, by their cells in the order of `columns`."""
        at = {name: columns.index(name) for name in NEEDED}
        places, dyads = _folded(self.countries), _folded(self.dyads)
        numbers = places | {str(NUMBERS[x]) for x in places & set(NUMBERS)}
        governments = {f"government of {x}" for x in places}

        def ours(cells: Sequence[str], side: str, number: str) -> bool:
            codes = set(codes_of(cells[at[number]]))
            return bool(codes & numbers) or cells[at[side]].casefold() in governments

        def wanted(cells: Sequence[str]) -> bool:
            return (
                cells[at["country"]].casefold() in places
                or plain(cells[at["country_id"]]) in places
                or cells[at["dyad_name"]].casefold() in dyads
                or plain(cells[at["dyad_new_id"]]) in dyads
                or (
                    plain(cells[at["type_of_violence"]]) == "1"
                    and ours(cells, "side_a", "gwnoa")
                    and ours(cells, "side_b", "gwnob")
                )
            )

        return wanted


@dataclass(frozen=True, slots=True)
class Table:
    """What one release says of what is wanted.

    Parameters
    ----------
    release
        Which.
    facts
        Of all its rows.
    events
        The wanted ones.
    names
        Every country and dyad of the release, for messages: ``{"country": {...}, "dyad": {...}}``.
    complete
        Whether it has rows in the last part of what its name says it covers.
    notes
        What is unusual about its columns.
    elsewhere
        Ids of its other rows; none of a final release, which no other one is older than.
    """

    release: Release
    facts: Facts
    events: tuple[UcdpEvent, ...]
    names: Mapping[str, frozenset[str]]
    complete: bool
    notes: tuple[str, ...] = ()
    elsewhere: frozenset[str] = frozenset()


def read(release: Release, wanted: Wanted, where: str, lines: Iterable[Sequence[str]]) -> Table:
    """Read a release: a header and rows of cells.

    Parameters
    ----------
    release
        Which.
    wanted
        Which events to keep.
    where
        The file, for messages.
    lines
        The header, then the rows.

    Raises
    ------
    SourceError
        For a needed column that is not there, a row of another length, or a wanted row with a cell
        that is no number or no day.
    """
    counter = iter(lines)
    columns, notes, start = header_of(where, next(counter, ()))
    at = {name: columns.index(name) for name in NEEDED}
    chosen = wanted.chooser(columns)
    rows, days, events = 0, set(), []
    names: dict[str, set[str]] = {"country": set(), "dyad": set()}
    elsewhere: set[str] = set()
    for n, cells in enumerate(chain(start, counter), start=1):
        if len(cells) != len(columns):
            raise SourceError(
                f"{where}, row {n}: {len(cells)} cells under {len(columns)} columns; the file is "
                "cut off or damaged, fetch it again"
            )
        rows += 1
        days.add(cells[at["date_start"]])
        days.add(cells[at["date_end"]])
        names["country"].add(cells[at["country"]])
        names["dyad"].add(cells[at["dyad_name"]])
        if chosen(cells):
            row = {name: cells[i] for name, i in at.items()}
            events.append(_event(row, release, f"{where}, row {n}"))
        elif not release.final:
            elsewhere.add(plain(cells[at["id"]]))
    span = sorted({day_of(day, where, "date") for day in days})
    _refuse_twice(events, where)
    facts = Facts(
        rows,
        first=str(span[0]) if span else "",
        last=str(span[-1]) if span else "",
        columns=fingerprint(list(columns)),
    )
    known = {key: frozenset(found) for key, found in names.items()}
    part = release.last_part
    complete = any(part.start <= day <= part.end for day in span)
    return Table(release, facts, tuple(events), known, complete, tuple(notes), frozenset(elsewhere))


def csv_lines(where: str, text: Iterable[str]) -> Iterator[list[str]]:
    """The rows of a CSV file.

    Raises
    ------
    SourceError
        If its quotes do not close.
    """
    reader = csv.reader(text, strict=True)
    try:
        yield from filter(None, reader)
    except csv.Error as error:
        raise SourceError(
            f"{where}, line {reader.line_num}: {error}; the file is cut off or damaged, fetch it "
            "again"
        ) from None


def superseded(tables: Iterable[Table]) -> tuple[tuple[UcdpEvent, ...], int, int]:
    """The events of several releases, the latest word on each.

    From the oldest release to the newest: its rows replace those with the same id, also where one
    is now of a place or a dyad that is not wanted, and rows of older releases that end within its
    coverage are gone, since it tells those months anew.

    Returns
    -------
    events
        In order of time.
    revised, withdrawn
        How many rows were replaced, and how many are gone.
    """
    kept: dict[int, UcdpEvent] = {}
    revised = withdrawn = 0
    for table in sorted(tables, key=lambda t: t.release.order):
        own = {e.id: e for e in table.events}
        moved = {i for i in kept if i not in own and str(i) in table.elsewhere}
        revised += len(own.keys() & kept.keys()) + len(moved)
        again = table.release.coverage
        gone = {
            i for i, e in kept.items() if i not in own and again.start <= e.window.end <= again.end
        } - moved
        withdrawn += len(gone)
        kept = {i: e for i, e in kept.items() if i not in gone | moved} | own
    events = sorted(kept.values(), key=lambda e: (e.window, e.id))
    return tuple(events), revised, withdrawn


def refuse_unknown(wanted: Wanted, tables: Sequence[Table]) -> None:
    """Refuse a name that no row of any release has: a misspelt one would count as peace.

    Raises
    ------
    SourceError
        With the nearest name.
    """
    for key, asked in (("country", wanted.countries), ("dyad", wanted.dyads)):
        found = frozenset[str]().union(*(t.names[key] for t in tables))
        plain_names = {name.casefold() for name in found}
        for name in asked:
            if isinstance(name, str) and not name.isdigit() and name.casefold() not in plain_names:
                raise SourceError(
                    f"no {key} {name!r} in the releases; {nearest(name, found)}; or its number"
                )


# ------------------------------------------------------------------------------------ one row


def _event(row: Mapping[str, str], release: Release, where: str) -> UcdpEvent:
    start, end = (day_of(row[k], where, k) for k in ("date_start", "date_end"))
    if end < start:
        raise SourceError(f"{where}: date_end {end} is before date_start {start}; tell UCDP")
    sides = sorted({int(x) for k in ("gwnoa", "gwnob") for x in codes_of(row[k])})
    return UcdpEvent(
        id=number_of(row, "id", where),
        window=Window(start, end),
        low=number_of(row, "low", where),
        best=number_of(row, "best", where),
        high=number_of(row, "high", where),
        country=row["country"],
        country_id=number_of(row, "country_id", where),
        dyad=row["dyad_name"],
        dyad_id=number_of(row, "dyad_new_id", where),
        governments=tuple(sides),
        kind=number_of(row, "type_of_violence", where),
        where_prec=number_of(row, "where_prec", where),
        date_prec=number_of(row, "date_prec", where),
        clarity=number_of(row, "event_clarity", where),
        status=row["code_status"],
        release=release.version,
        final=release.final,
    )


def _refuse_twice(events: Sequence[UcdpEvent], where: str) -> None:
    by_id: dict[int, UcdpEvent] = {}
    for event in events:
        if by_id.setdefault(event.id, event) != event:
            raise SourceError(
                f"{where}: id {event.id} is there twice with different rows; fetch it again"
            )


def _folded(asked: Iterable[str | int]) -> set[str]:
    return {str(x).casefold() for x in asked}
