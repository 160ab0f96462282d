"""The choices that a user's table may need: each explicit, none made for the user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any

from ..errors import EvidenceError, nearest
from .cells import TYPING_ERROR, odd_year
from .events import SPANNING
from .formats import pattern
from .problems import quoted
from .rows import Window

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}
ROLES = ("month", "date", "start", "end", "count", "series", "source", "id")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "gaps": ("error", "missing", "zero"),
    "duplicates": ("error", "sum", "last"),
    "incomplete": ("exclude", "keep"),
    "unknown": ("error", "ignore"),
    "estimate": ("best", "low", "high"),
    "spanning": SPANNING,
    "separator": tuple(SEPARATORS),
    "aggregate": ("month",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a table of counts is to be read where it could be read in more than one way.

    Parameters
    ----------
    series
        The series of a table without a column ``series``.
    columns
        Role → name of the column, where it has another name. The roles are ``month``, ``date``,
        ``start``, ``end``, ``count``, ``series``, ``source`` and ``id``.
    separator
        ``comma``, ``semicolon`` or ``tab`` (default: the one that fits, if only one does).
    sheet
        Name of the sheet of a workbook that has several.
    date_format
        Of dates that are not ISO dates, such as ``%d/%m/%Y``; months have English names.
    gaps
        Months without a row between the first and the last: ``error``, ``missing`` (unknown) or
        ``zero`` (nothing happened).
    duplicates
        An interval listed twice: ``error``, ``sum`` or ``last``.
    aggregate
        ``month``: rows that are dated within a month are added up to its total.
    incomplete
        The month that today is in: ``exclude`` or ``keep``.
    unknown
        Series that the graph does not have: ``error`` or ``ignore``.
    events
        Whether each row is one event (default: told by the columns).
    estimate
        Of the deaths of an event: ``best``, ``low`` or ``high``.
    spanning
        An event that spans months: see `monthly`.
    first, last
        The days from and to which events were looked for (default: from the first month that has
        one to the last).

    Raises
    ------
    EvidenceError
        For a choice that is not one, with the nearest.

    Examples
    --------
    >>> Reading(gaps="zero", first="2024-01-01").chosen
    {'gaps': 'zero', 'first': datetime.date(2024, 1, 1)}
    """

    series: str | None = None
    columns: Mapping[str, str] | tuple[tuple[str, str], ...] = ()
    separator: str | None = None
    sheet: str | None = None
    date_format: str | None = None
    gaps: str = "error"
    duplicates: str = "error"
    aggregate: str | None = None
    incomplete: str = "exclude"
    unknown: str = "error"
    events: bool | None = None
    estimate: str = "best"
    spanning: str = "total"
    first: date | None = None
    last: date | None = None

    def __post_init__(self) -> None:
        for option, allowed in CHOICES.items():
            value = getattr(self, option)
            if value not in allowed and not (value is None and _default(option) is None):
                raise EvidenceError(f"{option} is {quoted(value)}; {nearest(value, allowed)}")
        for option in ("series", "sheet", "date_format"):
            value = getattr(self, option)
            if value is not None and not (isinstance(value, str) and value.strip()):
                raise EvidenceError(f"{option} is {quoted(value)}; write a text")
        if self.date_format is not None:
            pattern(self.date_format)
        if self.events not in (None, True, False):
            raise EvidenceError(f"events is {quoted(self.events)}; write true or false")
        object.__setattr__(self, "columns", _columns(self.columns))
        for option in ("first", "last"):
            object.__setattr__(self, option, _day(getattr(self, option), option))
        if self.first and self.last:
            Window(self.first, self.last)

    @property
    def chosen(self) -> dict[str, Any]:
        """The choices that are not the defaults; `Reading(**chosen)` is this one."""
        found = asdict(self) | {"columns": dict(self.columns)}
        default = asdict(_NOTHING) | {"columns": {}}
        return {k: v for k, v in found.items() if v != default[k]}


def reading_of(given: Reading | Mapping[str, Any] | None) -> Reading:
    """A reading from one, from a mapping of choices, or from nothing.

    Raises
    ------
    EvidenceError

    Examples
    --------
    >>> reading_of({"gaps": "zero"}).gaps
    'zero'
    """
    if given is None:
        return _NOTHING
    if isinstance(given, Reading):
        return given
    if not isinstance(given, Mapping):
        kind = type(given).__name__
        raise EvidenceError(f"reading is given as {kind}; give a Reading or a table of choices")
    known = [f.name for f in fields(Reading)]
    for option in given:
        if option not in known:
            raise EvidenceError(f"unknown choice {quoted(option)}; {nearest(option, known)}")
    return Reading(**given)


_DEFAULTS = {f.name: f.default for f in fields(Reading)}


def _default(option: str) -> Any:
    return _DEFAULTS[option]


def _columns(given: Any) -> tuple[tuple[str, str], ...]:
    try:
        pairs = dict(given)
    except (TypeError, ValueError):
        raise EvidenceError(
            f"columns is {quoted(given)}; write a table, as columns = {{ count = 'deaths' }}"
        ) from None
    _refuse_roles(pairs)
    for role, name in pairs.items():
        if not isinstance(name, str) or not name.strip():
            raise EvidenceError(f"columns: {role} is {quoted(name)}; write the name of a column")
    return tuple(sorted(pairs.items()))


def _refuse_roles(roles: Iterable[Any]) -> None:
    for role in roles:
        if role not in ROLES:
            raise EvidenceError(f"columns: unknown role {quoted(role)}; {nearest(role, ROLES)}")


def _day(value: Any, option: str) -> date | None:
    if value is None:
        return None
    day = _date(value, option)
    if problem := odd_year(day, option):
        raise EvidenceError(f"{problem}; {TYPING_ERROR}")
    return day


def _date(value: Any, option: str) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise EvidenceError(f"{option} is {quoted(value)}; write a day as 2024-02-01") from None


_NOTHING = Reading()
