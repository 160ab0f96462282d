"""Which column of a user's table is which: months, days, intervals, or events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from ..errors import nearest
from ..names import DEATHS
from .problems import offered, quoted, refused
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
_OF_EVENTS = {"date_start", "event_date", "best", "low", "high"}
_EVENTS_ONLY = ("estimate", "spanning", "first", "last")
_COUNTS_ONLY = ("gaps", "aggregate")
_ROLES = ("month", "date", "start", "end", "count", "series", "source")


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
    events = _events(table, there, chosen, reading)
    if events is not None:
        _refuse_unfit(table, reading, _COUNTS_ONLY, events=True)
        return _made("events", events, table, chosen, reading)
    at = {role: i for role, i in there.items() if role in _ROLES} | chosen
    kind = _counted(table, at, chosen, reading)
    _refuse_unfit(table, reading, _EVENTS_ONLY, events=False)
    if kind == "interval" and reading.aggregate is not None:
        cure = "leave out aggregate: each row is the total of its interval"
        raise refused(table.where, "its rows are intervals, which are not added up", cure)
    days = {"interval": ("start", "end")}.get(kind, (kind,))
    used = {role: i for role, i in at.items() if role in (*days, "count", "series", "source")}
    return _made(kind, used, table, chosen, reading)


def _made(
    kind: str, at: Mapping[str, int], table: Table, chosen: Mapping[str, int], reading: Reading
) -> Layout:
    """The layout, if it uses all that was chosen."""
    name = {role: table.columns[i] for role, i in at.items()}
    read = ", ".join(f"{role} from {column!r}" for role, column in name.items())
    for role, i in chosen.items():
        if i != at.get("start" if (kind, role) == ("events", "date") else role):
            problem = (
                f"column {quoted(table.columns[i])} is chosen for {role} and would not be used"
            )
            both = " or choose start and end both," if role in ("start", "end") else ""
            cure = f"leave the choice out,{both} as the rows are read as {kind}: {read}"
            raise refused(table.where, problem, cure, column=role)
    if reading.series is not None and "series" in at:
        problem = (
            f"series={reading.series!r} is chosen, and the column {name['series']!r} has its own"
        )
        raise refused(table.where, problem, "leave out series, or drop the column", column="series")
    if kind == "events" and "count" in chosen and "estimate" in reading.chosen:
        problem = f"estimate={reading.estimate!r} and the column {name['count']!r} are both chosen"
        raise refused(table.where, problem, "leave out one of the two", column="count")
    return Layout(kind, at, name)


def _chosen(table: Table, role: str, name: str) -> int:
    folded = name.strip().lower()
    if folded not in table.columns:
        near = nearest(folded, filter(None, table.columns))
        raise refused(table.where, f"no column {quoted(name)} for {role}", near, column=role)
    return table.columns.index(folded)


def _events(
    table: Table, there: Mapping[str, int], chosen: Mapping[str, int], reading: Reading
) -> dict[str, int] | None:
    """Where the parts of event rows stand, if the rows are events."""
    roles = {*there} | {*chosen}
    days = _event_days(there, chosen)
    ids = [chosen["id"]] if "id" in chosen else [there[c] for c in EVENT_IDS if c in there]
    if reading.events is False:
        return None
    if reading.events is None and {"count", "month"} & roles:
        if days and ids and "count" in roles and not _told(roles, reading):
            _refuse_counted_ids(table, roles)
        return None
    deaths = _event_deaths(table, there, chosen, reading)
    if not days or (reading.events is None and not (deaths or ids)):
        return None
    if reading.events is None and not ids:
        _refuse_unclear(table, {*days[0].values(), *deaths})
    _refuse_several(table, "days", [_roles_of_days(table, each) for each in days])
    also = ("", "") if reading.events else (" with events=True", " with --events")
    _refuse_several(table, "deaths", [{"count": table.columns[i]} for i in deaths], also)
    _refuse_several(table, "ids", [{"id": table.columns[i]} for i in ids])
    said = {role: i for role, i in {**there, **chosen}.items() if role in ("series", "source")}
    rest = {"count": deaths, "id": ids}
    return days[0] | said | {role: columns[0] for role, columns in rest.items() if columns}


def _told(roles: set[str], reading: Reading) -> bool:
    """Whether the columns say by themselves that the rows are months or intervals."""
    named = roles | ({"series"} if reading.series else set())
    return "month" in roles or {"start", "end", "series"} <= named


def _refuse_counted_ids(table: Table, roles: set[str]) -> None:
    """Refuse rows with an id and a count, which may be events or totals."""
    problem = f"with the columns {','.join(filter(None, table.columns))} a row looks like one event"
    choices = [(True, "each row is one event")]
    if "date" in roles or {"start", "end"} <= roles:
        problem += ", or a total of its days"
        choices.append((False, "a total"))
    also = ", --no-events" * (len(choices) - 1)
    raise refused(table.where, problem, f"{offered('events', *choices)}{also}")


def _event_deaths(
    table: Table, there: Mapping[str, int], chosen: Mapping[str, int], reading: Reading
) -> list[int]:
    """The columns of deaths; one, where it is chosen."""
    if "count" in chosen:
        return [chosen["count"]]
    found = [there[c] for c in (*EVENT_DEATHS[reading.estimate], "count") if c in there]
    if not found and any(c in there for c in EVENT_DEATHS["best"]):
        cure = "leave out estimate, or choose columns={'count': ...}, --count-col"
        raise refused(table.where, f"no column {reading.estimate!r} of deaths", cure)
    return found if reading.estimate == "best" else found[:1]


def _refuse_unclear(table: Table, columns: set[int]) -> None:
    """Refuse rows that may be events or totals, as the names of their columns do not say which."""
    names = [table.columns[i] for i in sorted(columns)]
    if not _OF_EVENTS.isdisjoint(names):
        return
    problem = f"with the columns {','.join(names)} a row may be one event, or a total of its days"
    choices = offered("events", (True, "each row is one event"))
    raise refused(table.where, problem, f"{choices}; or for totals name the last column count")


def _event_days(there: Mapping[str, int], chosen: Mapping[str, int]) -> list[dict[str, int]]:
    """Each set of columns that the days of events may be read by; one, where it is chosen."""
    either = {role: i for role, i in {**there, **chosen}.items() if role in ("start", "end")}
    if len(either) == 2 and not either.keys().isdisjoint(chosen):
        return [either]
    if "date" in chosen:
        return [{"start": chosen["date"], "end": chosen["date"]}]
    return [
        {"start": there[names[0]], "end": there[names[-1]]}
        for names in EVENT_DAYS
        if all(name in there for name in names)
    ]


def _roles_of_days(table: Table, days: Mapping[str, int]) -> dict[str, str]:
    """The choice of columns that reads the days of events by these."""
    names = {role: table.columns[i] for role, i in days.items()}
    return names if names["start"] != names["end"] else {"date": names["start"]}


def _refuse_several(
    table: Table, what: str, choices: Sequence[Mapping[str, str]], also: Sequence[str] = ("", "")
) -> None:
    """Refuse columns that each say the same of an event, unless there is one choice of them.

    `also` is what a choice needs besides, in Python and on the command line.
    """
    if len(choices) < 2:
        return
    stand = " and in ".join(" with ".join(map(repr, names.values())) for names in choices)
    said = " or ".join(f"columns={dict(names)}" for names in choices)
    options = (" and ".join(f"--{role}-col" for role in names) for names in choices)
    cure = (
        f"choose {said}{also[0]}, {' or '.join(dict.fromkeys(options))}{also[1]} on the command "
        "line, or drop one"
    )
    raise refused(table.where, f"{what} stand in {stand}", cure)


def _counted(
    table: Table, at: Mapping[str, int], chosen: Mapping[str, int], reading: Reading
) -> str:
    roles = {*at} | ({"series"} if reading.series else set())
    days = _days_of_counts(table, at, chosen)
    for needed in LAYOUTS:
        if set(needed) <= roles and needed[0] == days:
            return {"start": "interval"}.get(needed[0], needed[0])
    if days == "start" and "count" in roles:
        cure = f"add a column series, or choose series={DEATHS!r}, --series on the command line"
        raise refused(table.where, "start,end,count without a series", cure)
    wanted = " or ".join(",".join(x) for x in LAYOUTS)
    hints = {hint: c for c in table.columns if (hint := _similar(c)) and hint not in at}
    close = "".join(f"; {column!r} looks like {role!r}" for role, column in hints.items())
    lacking = [role for role in ("month", "count") if role not in roles]
    wanting = hints or {r: "..." for r in lacking if not (r == "month" and "date" in roles)}
    options = " and ".join(f"--{role}-col" for role in wanting)
    cure = (
        f"needed: {wanted}, in the first line{close}; rename them, or choose columns={wanting}, "
        f"{options} on the command line"
    )
    if table.labelled and "month" in wanting:
        cure += "; row labels without a name are no column, reset_index() makes them one"
    there = {name: i for i, name in enumerate(table.columns)}
    if reading.events is None and _event_days(there, chosen):
        deaths = "count" in roles or any(c in there for c in EVENT_DEATHS["best"])
        also = "" if deaths else " and a series"
        cure += f"; or, where each row is one event, choose events=True{also}, --events"
    raise refused(table.where, f"columns are {quoted(','.join(table.columns))}", cure)


def _days_of_counts(table: Table, at: Mapping[str, int], chosen: Mapping[str, int]) -> str:
    """The first role of the days that rows of counts are read by: `month`, `date` or `start`."""
    every = (("month",), ("date",), ("start", "end"))
    there = [roles for roles in every if all(role in at for role in roles)]
    picked = [roles for roles in there if any(role in chosen for role in roles)]
    if len(there) > 1 and "count" in at and len(picked) != 1:
        names = [" with ".join(repr(table.columns[at[r]]) for r in roles) for roles in there]
        options = " or ".join(f"--{roles[0]}-col" for roles in there)
        cure = (
            f"choose columns={{{there[0][0]!r}: {table.columns[at[there[0][0]]]!r}}} or the other, "
            f"{options} on the command line, or drop one"
        )
        raise refused(table.where, f"days stand in {' and in '.join(names)}", cure)
    return (picked or there or [("",)])[0][0]


def _similar(column: str) -> str:
    known = dict.fromkeys(("n", "value", "best", "deaths", "killed", "fatalities"), "count")
    known |= {"day": "date", "from": "start", "to": "end"}
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
