"""Formats of a date, as an analyst chooses them: few directives, English names, no locale."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

from ..errors import EvidenceError

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
DIRECTIVES = {
    "%Y": r"(?P<year>\d{4})",
    "%y": r"(?P<year>\d{2})",
    "%m": r"(?P<month>\d{1,2})",
    "%b": r"(?P<month>[A-Za-z]{3})",
    "%B": r"(?P<month>[A-Za-z]{3,9})",
    "%d": r"(?P<day>\d{1,2})",
}
KINDS = {"%Y": "year", "%y": "year", "%m": "month", "%b": "month", "%B": "month", "%d": "day"}
_MIDNIGHT = r"(?:[T ]0?0:00(?::00(?:\.0+)?)?)?"
_COMMON = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m.%d.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y",
    "%d.%m.%y", "%m.%d.%y", "%d-%m-%y", "%m-%d-%y", "%Y/%m/%d", "%Y.%m.%d", "%d %B %Y", "%d %b %Y",
    "%d-%b-%Y", "%d-%b-%y", "%B %d, %Y", "%b %d, %Y", "%m/%Y", "%m.%Y", "%m-%Y", "%Y/%m", "%Y.%m",
    "%B %Y", "%b %Y", "%b-%y", "%b-%Y", "%Y-%b", "%Y-%m", "%Y-%m-%d", "%Y%m%d",
)  # fmt: skip


@lru_cache(maxsize=256)
def pattern(form: str) -> re.Pattern[str]:
    """A format as a regular expression with the groups year, month and, if it has one, day.

    Raises
    ------
    EvidenceError
        For another directive, or without exactly one year and one month.
    """
    parts = re.split(r"(%.?)", form)
    given = [part for part in parts if part.startswith("%")]
    kinds = sorted(KINDS.get(part, part) for part in given)
    if kinds not in (["month", "year"], ["day", "month", "year"]):
        raise EvidenceError(
            f"date_format is {form!r}; write one year (%Y, %y), one month (%m, %b, %B) and at most "
            "one day (%d), as in '%d/%m/%Y'"
        )
    body = "".join(DIRECTIVES.get(part, re.escape(part)) for part in parts)
    if re.search(r"%[Yymd]%[Yymd]", form):  # without a mark between them, the digits must be told
        body = body.replace(r"\d{1,2}", r"\d{2}")
    return re.compile(rf"\s*{body}{_MIDNIGHT}\s*", re.ASCII)


def parsed(text: str, form: str) -> date | None:
    """The day a text says in a format (the first of the month where the format has no day).

    ``%y`` is a year from 1969 to 2068, as in C.

    Examples
    --------
    >>> parsed("01/02/2024", "%d/%m/%Y"), parsed("31/02/2024", "%d/%m/%Y")
    (datetime.date(2024, 2, 1), None)
    >>> parsed("Jan-24", "%b-%y")
    datetime.date(2024, 1, 1)
    """
    match = pattern(form).fullmatch(text)
    if match is None:
        return None
    found = match.groupdict()
    year = int(found["year"])
    if len(found["year"]) == 2:
        year += 1900 if year >= 69 else 2000
    try:
        return date(year, _month(found["month"]), int(found.get("day") or 1))
    except ValueError:
        return None


def _month(text: str) -> int:
    if text.isdigit():
        return int(text)
    names = [n for n, name in enumerate(MONTHS, start=1) if text.lower() in (name, name[:3])]
    return names[0] if names else 0


def may_lack_zero(text: str, form: str) -> bool:
    """Whether a month after a dot has one digit: October as a number is 2024.1, like January.

    Examples
    --------
    >>> may_lack_zero("2024.1", "%Y.%m"), may_lack_zero("2024.10", "%Y.%m")
    (True, False)
    """
    dotted = re.search(r"%[Yy]\.%m$", form.strip())
    return dotted is not None and re.search(r"\.\d$", text.strip()) is not None


def possible(text: str) -> dict[str, date]:
    """The common formats a text may be in, and the day in each.

    Examples
    --------
    >>> list(possible("01/02/2024"))
    ['%d/%m/%Y', '%m/%d/%Y']
    """
    found = {form: parsed(text, form) for form in _COMMON if not may_lack_zero(text, form)}
    return {form: day for form, day in found.items() if day is not None}
