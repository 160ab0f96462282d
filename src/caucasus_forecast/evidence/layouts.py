"""Which column of a user's table is which: months, days, intervals, or events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from ..errors import nearest
from .problems import quoted, refused
from .reading import Reading
from .tables import Table

LAYOUTS: tuple[tuple[str, ...], ...] = (
    ("start", "end", "series", "count"),
    ("month", "count"),
    ("date", "count"),
)
EVENT_DAYS: tuple[tuple[str, ...], ...] = (
    ("date_start", "date_end"),
    ("start", "end"),
    ("event_date",),
    ("date",),
)
EVENT_DEATHS = {"best": ("best", "deaths", "fatalities"), "low": ("low",), "high": ("high",)}
EVENT_IDS = ("id", "event_id_cnty", "event_id")
_EVENTS_ONLY = ("estimate", "spanning", "first", "last")
_COUNTS_ONLY = ("gaps", "aggregate")
_ROLES = ("month", "date", "start", "end", "count", "series", "source")
_ON_THE_COMMAND_LINE = ("month", "date", "count", "series")


@dataclass(frozen=True, slots=True)
class Layout:
    """What a row is, and where its parts stand.

    Attributes
    ----------
    kind
        ``month``, ``date``, ``interval`` or ``events``.
    at
        Role → number of the column; the roles are those of `Reading`.
    name
        Role → name of the column.
    """

    kind: str
    at: Mapping[str, int]
    name: Mapping[str, str]


def layout(table: Table, reading: Reading) -> Layout:
    """The layout of a table.

    Raises
    ------
    EvidenceError
        Saying which columns there are and which are needed, or which choices do not fit.
    """
    for name in filter(None, table.columns):
        if table.columns.count(name) > 1:
            raise refused(table.where, f"column {name!r} appears twice", "keep one", column=name)
    chosen = {role: _chosen(table, role, name) for role, name in dict(reading.columns).items()}
    there = {name: i for i, name in enumerate(table.columns) if i not in chosen.values()}
    events = _events(there, chosen, reading)
    if events is not None:
        _refuse_unfit(table, reading, _COUNTS_ONLY, events=True)
        return _made("events", events, table)
    at = {role: i for role, i in there.items() if role in _ROLES} | chosen
    kind = _counted(table, at, reading)
    _refuse_unfit(table, reading, _EVENTS_ONLY, events=False)
    if kind == "interval" and reading.aggregate is not None:
        cure = "leave out aggregate: each row is the total of its interval"
        raise refused(table.where, "its rows are intervals, which are not added up", cure)
    return _made(kind, at, table)


def _made(kind: str, at: Mapping[str, int], table: Table) -> Layout:
    return Layout(kind, at, {role: table.columns[i] for role, i in at.items()})


def _chosen(table: Table, role: str, name: str) -> int:
    folded = name.strip().lower()
    if folded not in table.columns:
        near = nearest(folded, filter(None, table.columns))
        raise refused(table.where, f"no column {quoted(name)} for {role}", near, column=role)
    return table.columns.index(folded)


def _events(
    there: Mapping[str, int], chosen: Mapping[str, int], reading: Reading
) -> dict[str, int] | None:
    """Where the parts of event rows stand, if the rows are events."""
    counted = "count" in there or "month" in there or "count" in chosen or "month" in chosen
    if reading.events is False or (reading.events is None and counted):
        return None
    days = _event_days(there, chosen)
    deaths = [there[c] for c in EVENT_DEATHS[reading.estimate] if c in there]
    ids = [there[c] for c in EVENT_IDS if c in there]
    deaths = (
        [chosen["count"]]
        if "count" in chosen
        else deaths or ([there["count"]] if "count" in there else [])
    )
    if days is None or (reading.events is None and not (deaths or ids)):
        return None
    found = days | {k: chosen[k] for k in ("id", "series") if k in chosen}
    found |= {"count": deaths[0]} if deaths else {}
    found |= {"id": ids[0]} if ids and "id" not in found else {}
    return found | ({"series": there["series"]} if "series" in there else {})


def _event_days(there: Mapping[str, int], chosen: Mapping[str, int]) -> dict[str, int] | None:
    if "start" in chosen and "end" in chosen:
        return {"start": chosen["start"], "end": chosen["end"]}
    if "date" in chosen:
        return {"start": chosen["date"], "end": chosen["date"]}
    for names in EVENT_DAYS:
        if all(name in there for name in names):
            return {"start": there[names[0]], "end": there[names[-1]]}
    return None


def _counted(table: Table, at: Mapping[str, int], reading: Reading) -> str:
    roles = {*at} | ({"series"} if reading.series else set())
    for needed in LAYOUTS:
        if set(needed) <= roles:
            return {"start": "interval"}.get(needed[0], needed[0])
    wanted = " or ".join(",".join(x) for x in LAYOUTS)
    hints = {hint: c for c in table.columns if (hint := _similar(c)) and hint not in at}
    close = "".join(f"; {column!r} looks like {role!r}" for role, column in hints.items())
    options = " and ".join(f"--{role}-col" for role in hints if role in _ON_THE_COMMAND_LINE)
    cure = (
        f"needed: {wanted}{close}; rename them, or choose columns="
        f"{hints or {'month': '...', 'count': '...'}}, {options or '--month-col and --count-col'} "
        "on the command line"
    )
    raise refused(table.where, f"columns are {quoted(','.join(table.columns))}", cure)


def _similar(column: str) -> str:
    known = {"n": "count", "value": "count", "deaths": "count", "fatalities": "count"}
    known |= {"best": "count", "day": "date", "from": "start", "to": "end"}
    wanted = {name for names in LAYOUTS for name in names}
    close = get_close_matches(column, wanted - {column}, n=1, cutoff=0.75)
    return known.get(column) or (close[0] if close else "")


def _refuse_unfit(table: Table, reading: Reading, options: tuple[str, ...], events: bool) -> None:
    for option in options:
        if option in reading.chosen:
            rows = "events" if events else "counts"
            cure = (
                f"leave out {option}, or choose events={not events}, --events on the command line"
            )
            raise refused(table.where, f"its rows are {rows}, which have no {option}", cure)
