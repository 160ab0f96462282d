"""The user's own counts: a table as observations, every row checked, every repair said."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from ..errors import nearest
from ..names import DEATHS
from .cells import blank, count_of, day_of, month_of
from .embedded import load
from .eventrows import EventRow, counted
from .events import Event
from .freshness import told_ahead
from .layouts import Layout, layout
from .problems import Problem, TableError, offered, quoted, refused
from .reading import Reading, reading_of
from .rows import Observation, Series, Window
from .settling import Findings, settled
from .tables import Table, open_table

MOST_PROBLEMS = 1000
_SCOPES = ("conflict_name", "dyad_name", "country", "type_of_violence", "event_type")


@dataclass(frozen=True, slots=True)
class Read:
    """What was understood of a table of counts.

    Attributes
    ----------
    where
        What messages call it.
    rows
        Observations, by series and in order of time; where there are problems, those of the rows
        that could be read.
    repairs
        A sentence for each thing that was changed or understood on the way.
    problems
        Everything that must be mended or chosen before the table can be used.
    digest
        SHA-256 of the bytes that were read; empty where there was no file.
    """

    where: str
    rows: tuple[Observation, ...] = ()
    repairs: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    digest: str = ""

    def strict(self) -> tuple[Observation, ...]:
        """The rows, if nothing is wrong.

        Raises
        ------
        EvidenceError
            With the first problem, and the number of the others.
        """
        if self.problems:
            raise TableError(self.problems[0], len(self.problems) - 1)
        return self.rows


def read_counts(
    source: Any, series: str = DEATHS, reading: Reading | Mapping[str, Any] | None = None
) -> tuple[Observation, ...]:
    """Read a user's counts, every row checked; see `read`.

    Raises
    ------
    EvidenceError
        Naming the file, the row, the value and the cure of the first problem.

    Examples
    --------
    >>> import pandas as pd
    >>> read_counts(pd.DataFrame({"month": ["2024-01"], "count": [3]}))[0].window
    Window(start=datetime.date(2024, 1, 1), end=datetime.date(2024, 1, 31))
    """
    return read(source, series, reading).strict()


def read(
    source: Any,
    series: str = DEATHS,
    reading: Reading | Mapping[str, Any] | None = None,
    *,
    known: Iterable[str] | Mapping[str, Series] | None = None,
) -> Read:
    """Read a user's counts, with all repairs and all problems.

    Parameters
    ----------
    source
        Path of a CSV (also gzipped), Parquet or Excel file; a pandas, polars, arrow or duckdb
        table; or anything with an attribute ``observations``. The columns are ``month,count`` or
        ``date,count`` (optionally ``series``), or ``start,end,series,count``; or those of events:
        days (``date``, ``date_start,date_end``, ``event_date``) and an ``id``, or deaths (``best``,
        ``low``, ``high``; or ``deaths``, ``fatalities``).
    series
        The series of a table without a column ``series``.
    reading
        Choices, where the table could be read in more than one way.
    known
        Names of the series that may be given (default: any); of a mapping to series, those that
        rows can give: counts, and a status that a user's own graph declares.

    Raises
    ------
    EvidenceError
        For choices that are none. What is wrong with the table is in the result.

    Examples
    --------
    >>> import pandas as pd
    >>> found = read(pd.DataFrame({"month": ["2024-03", "2024-01"], "count": [4, 3]}))
    >>> print(found.problems[0])  # doctest: +ELLIPSIS
    data frame, series 'battle_deaths': no row for 2024-02; choose gaps='missing' ...
    """
    choices = reading_of(reading)
    if isinstance(known, Mapping):
        known = [name for name, series_ in known.items() if _given_by_rows(series_)]
    ready = getattr(source, "observations", None)
    if isinstance(ready, tuple):
        where = type(source).__name__
        found = Findings(where)
        if wrong := [type(o).__name__ for o in ready if not isinstance(o, Observation)]:
            found.add(where, f"observations hold {wrong[0]}", "give rows that are Observation")
            return Read(where, problems=tuple(found.problems))
        found.repairs += getattr(source, "repairs", ())
        given = {name: [o for o in ready if o.series == name] for name in _series_of(ready)}
        return _finished(
            Table(where, (), iter(())), given, choices, found, known, complete=False, dated=False
        )
    try:
        table = open_table(source, choices)
        plan = layout(table, choices)
    except TableError as error:
        return Read(str(error.problem.place), problems=(error.problem,))
    found = Findings(table.where, list(table.notes))
    if plan.kind == "events":
        return _of_events(table, plan, choices.series or series, choices, found, known)
    return _of_counts(table, plan, choices.series or series, choices, found, known)


def _given_by_rows(series: Series) -> bool:
    """Whether a user's rows can give a series: counts, or a status other than the package's."""
    declared = series.mode == "status" and load().series.get(series.name) != series
    return series.mode in ("counts", "events") or declared


def _series_of(rows: Iterable[Observation]) -> list[str]:
    return list(dict.fromkeys(o.series for o in rows))


# --------------------------------------------------------------------------------- rows of counts


def _of_counts(
    table: Table, plan: Layout, default: str, reading: Reading, found: Findings,
    known: Iterable[str] | None,
) -> Read:  # fmt: skip
    given: dict[str, list[Observation]] = {}
    run_together: list[str] = []

    def take(place: str, cells: Sequence[Any], attempt: Callable[..., Any]) -> None:
        window = attempt(_window, plan, cells, place, reading)
        name = attempt(_series, plan, cells, place, default)
        count = attempt(count_of, cells[plan.at["count"]], place)
        if plan.kind == "month" and reading.date_format is None and not run_together:
            run_together.extend(re.findall(r"^\s*(\d{6})\s*$", str(cells[plan.at["month"]])))
        if window is not None and name is not None and count is not None:
            said = _source(plan, cells)
            given.setdefault(name, []).append(Observation(window, name, count, said, place))

    if not _each(table, plan, found, take) and not found.problems:
        found.add(table.where, "no rows of counts", "add at least one row below the header")
    _say_format(reading, found)
    for text in run_together:
        found.repairs.append(f"months such as {text} were read as {text[:4]}-{text[4:]}")
    complete, dated = not found.problems, plan.kind != "interval"
    return _finished(table, given, reading, found, known, complete=complete, dated=dated)


def _finished(
    table: Table, given: Mapping[str, list[Observation]], reading: Reading, found: Findings,
    known: Iterable[str] | None, *, complete: bool, dated: bool,
) -> Read:  # fmt: skip
    rows: list[Observation] = []
    firsts = {name: (o[0].id, len(o)) for name, o in given.items()}
    for name in _known(firsts, known, reading, found):
        rows += settled(name, given[name], reading, found, complete=complete, dated=dated)
    return _result(table, rows, found)


def _result(table: Table, rows: Iterable[Observation], found: Findings) -> Read:
    ordered = tuple(sorted(rows, key=lambda o: (o.series, o.window)))
    if ahead := told_ahead(ordered):
        found.problems.append(ahead)
    if not ordered and not found.problems:
        found.add(
            table.where, "no row is left", "see what was left out: " + "; ".join(found.repairs)
        )
    if (more := len(found.problems) - MOST_PROBLEMS) > 1:
        del found.problems[MOST_PROBLEMS:]
        found.add(table.where, f"{more} more problems", "mend these first")
    return Read(table.where, ordered, tuple(found.repairs), tuple(found.problems), table.digest)


def _window(plan: Layout, cells: Sequence[Any], place: str, reading: Reading) -> Window:
    form = reading.date_format
    if plan.kind == "month":
        return month_of(cells[plan.at["month"]], place, form, whole=reading.aggregate is None)
    if plan.kind == "date":
        day = day_of(cells[plan.at["date"]], place, "date", form)
        return Window(day, day)
    start = day_of(cells[plan.at["start"]], place, "start", form)
    end = day_of(cells[plan.at["end"]], place, "end", form)
    if end < start:
        problem = f"end {end} is before start {start}"
        raise refused(place, problem, "swap them", column="end", value=str(end))
    return Window(start, end)


def _series(plan: Layout, cells: Sequence[Any], place: str, default: str) -> str:
    named = cells[plan.at["series"]] if "series" in plan.at else default
    if blank(named):
        raise refused(place, "the series is blank", "name it", column="series")
    return str(named).strip()


def _source(plan: Layout, cells: Sequence[Any]) -> str:
    at = plan.at.get("source")
    return "" if at is None or blank(cells[at]) else str(cells[at]).strip()


def _each(
    table: Table,
    plan: Layout,
    found: Findings,
    take: Callable[[str, Sequence[Any], Callable[..., Any]], None],
) -> int:
    """Take every row, and collect what is wrong with it; the number of rows."""
    n = seen = 0
    nameless: set[int] = set()
    days = {i for role, i in plan.at.items() if role in ("month", "date", "start", "end")}

    def attempt(reader: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return reader(*arguments)
        except TableError as error:
            wrong = error.problem
            if table.blanks and wrong.problem.endswith(" is blank"):
                wrong = replace(wrong, problem=f"{wrong.problem}: {table.blanks}")
            column = plan.name.get(wrong.column, wrong.column)
            found.problems.append(replace(wrong, row=n, column=column))
            return None

    try:
        for n, cells in table.cells:
            seen, before = seen + 1, len(found.problems)
            wrong = table.misaligned(n, cells)
            if wrong is None:
                for column, error in table.nameless(n, cells).items():
                    if column not in nameless:
                        nameless.add(column)
                        found.problems.append(error.problem)
                found.dates += sum(isinstance(cells[i], date) for i in days)
                take(f"{table.where}, row {n}", cells, attempt)
                wrong = table.comment(n, cells) if len(found.problems) > before else None
            if wrong is not None:
                found.problems[before:] = [wrong.problem]
            if len(found.problems) >= MOST_PROBLEMS:
                found.add(table.where, f"over {MOST_PROBLEMS} problems", "mend these first")
                break
    except TableError as error:
        found.problems.append(error.problem)
    found.repairs += table.passed_over()
    return seen


def _say_format(reading: Reading, found: Findings) -> None:
    if reading.date_format is not None:
        found.repairs.append(f"dates were read as {reading.date_format}")
        if found.dates:
            one = found.dates == 1
            said = "cell is a date already and was" if one else "cells are dates already and were"
            found.repairs.append(f"{found.dates} {said} taken as {'it is' if one else 'they are'}")


def _known(
    given: Mapping[str, tuple[str, int]],
    known: Iterable[str] | None,
    reading: Reading,
    found: Findings,
) -> list[str]:
    """The series that may be given; the others are problems, or are left out."""
    if known is None:
        return list(given)
    allowed = set(known)
    for name in given:
        first, rows = given[name]
        if name not in allowed and reading.unknown == "ignore":
            found.repairs.append(f"unknown series {quoted(name)}: its {rows} rows are left out")
        elif name not in allowed:
            near = nearest(name, allowed)
            cure = f"{near}; or {offered('unknown', ('ignore', 'its rows are left out'))}"
            found.problems.append(
                Problem(first, f"unknown series {quoted(name)} in the counts", cure)
            )
    return [name for name in given if name in allowed]


# --------------------------------------------------------------------------------- rows of events


def _of_events(
    table: Table, plan: Layout, default: str, reading: Reading, found: Findings,
    known: Iterable[str] | None,
) -> Read:  # fmt: skip
    if "count" not in plan.at and default == DEATHS and "series" not in plan.at:
        cure = (
            "name the column of deaths: choose columns={'count': ...}, --count-col on the command "
            "line; or name the series that each event is one of: choose series=..., --series"
        )
        found.add(table.where, f"events without deaths cannot be {DEATHS}", cure)
        return Read(table.where, problems=tuple(found.problems), digest=table.digest)
    given: dict[str, list[EventRow]] = {}
    scopes = {c: i for i, c in enumerate(table.columns) if c in _SCOPES}
    values: dict[str, set[str]] = {c: set() for c in scopes}

    def take(place: str, cells: Sequence[Any], attempt: Callable[..., Any]) -> None:
        window = attempt(_event_window, plan, cells, place, reading)
        name = attempt(_series, plan, cells, place, default)
        deaths = attempt(count_of, cells[plan.at["count"]], place) if "count" in plan.at else 1.0
        key = _key(plan, cells)
        for column, i in scopes.items():
            values[column].add(str(cells[i]))
        if window is not None and name is not None and deaths is not None:
            row = EventRow(Event(window, deaths, place), key, name, _source(plan, cells))
            given.setdefault(name, []).append(row)

    if not _each(table, plan, found, take) and not found.problems:
        found.add(table.where, "no rows of events", "add at least one row below the header")
    _say_format(reading, found)
    firsts = {name: (rows[0].event.id, len(rows)) for name, rows in given.items()}
    kept = _known(firsts, known, reading, found)
    deaths = plan.name.get("count")
    what = f"its deaths in {deaths!r}" if deaths else "each counts one"
    found.repairs.append(f"{table.where}: a row is one event, {what}")
    if "event_id_cnty" in table.columns:
        found.repairs.append(
            f"{table.where}: rows of ACLED, every type counted, nothing cited; "
            "sources.acled(export=...), fetch acled --export, chooses types and cites ACLED"
        )
    for column, several in values.items():
        if len(several) > 1:
            shown = ", ".join(sorted(several)[:5]) + (", …" if len(several) > 5 else "")
            found.repairs.append(f"{len(several)} values of {column} are counted: {shown}")
    rows = [] if found.problems else [o for n in kept for o in counted(n, given[n], reading, found)]
    return _result(table, rows, found)


def _key(plan: Layout, cells: Sequence[Any]) -> str:
    """What only this event should have: its id, or else all its cells."""
    own = cells[plan.at["id"]] if "id" in plan.at else None
    if not blank(own):
        return str(own).strip()
    return ", ".join("" if blank(c) else str(c).strip() for c in cells)


def _event_window(plan: Layout, cells: Sequence[Any], place: str, reading: Reading) -> Window:
    start = day_of(cells[plan.at["start"]], place, plan.name["start"], reading.date_format)
    end = day_of(cells[plan.at["end"]], place, plan.name["end"], reading.date_format)
    if end < start:
        raise refused(place, f"end {end} is before start {start}", "swap them", value=str(end))
    return Window(start, end)
