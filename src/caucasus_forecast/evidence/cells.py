"""Cells of a user's table: a date, a month, a count, or the reason why it is none."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from numbers import Real
from typing import Any

from .formats import may_lack_zero, parsed, possible
from .problems import offered, quoted, refused
from .rows import Window, month_from

LARGEST = 1_000_000_000
TYPING_ERROR = "is it a typing error?"
TOO_LARGE = f"it is over {LARGEST:,}: {TYPING_ERROR}"
_WHOLE = "write a whole number, 0 or more"
_BLANKS = ("", "na", "n/a", "nan", "nat", "none", "null", "<na>")


def blank(value: Any) -> bool:
    """Whether a cell is empty, however its library says so."""
    if isinstance(value, str):
        return value.strip().lower() in _BLANKS
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas' NA is neither equal nor unequal to itself
        return True
    except Exception:  # an array, or whatever else a cell of objects may hold
        return False


# --------------------------------------------------------------------------------------- counts


def count_of(value: Any, where: str) -> float:
    """A count from a cell; `where` begins the message if it is none.

    Raises
    ------
    EvidenceError
    """
    if blank(value):
        cure = "drop the row if it is unknown, write 0 if none"
        raise refused(where, "the count is blank", cure, column="count")
    if isinstance(value, str):
        return _count_text(value.strip(), where)
    if type(value).__name__ in ("bool", "bool_") or not isinstance(value, Real | Decimal):
        raise _no_count(value, where, _WHOLE)
    try:
        number = float(value)
    except (TypeError, ValueError):  # a duration, a signalling NaN
        raise _no_count(value, where, _WHOLE) from None
    except OverflowError:
        problem = f"the count is over {LARGEST:,}"
        raise refused(where, problem, TYPING_ERROR, column="count") from None
    return _whole(number, str(value), where)


def _count_text(text: str, where: str) -> float:
    if re.fullmatch(r"\d{1,3}([,'\s\u00a0\u2009\u202f]\d{3})+", text):
        plain = re.sub(r"\D", "", text)
        raise _no_count(text, where, f"write {plain} without separators")
    if re.fullmatch(r"\d{1,3}(\.\d{3})+", text):
        plain = text.replace(".", "")
        raise _no_count(text, where, f"a count is whole, not fractional: is it {plain}?")
    if re.fullmatch(r"\d{1,15},\d{1,15}", text):
        raise _no_count(text, where, "a decimal comma? Write a whole number")
    if match := re.fullmatch(r"(\d{1,15})\s?[*†]+", text):
        raise _no_count(
            text, where, f"write a whole number, {match.group(1)}, and the mark in another column"
        )
    if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", text, re.I):
        raise _no_count(text, where, f"{_WHOLE}; drop the row if it is unknown")
    number = _whole(float(text), text, where)
    if "e" in text.lower():
        raise _no_count(text, where, "a spreadsheet may have rounded it: write all its digits")
    return number


def _no_count(value: Any, where: str, cure: str) -> Exception:
    shown = quoted(value)
    return refused(where, f"the count is {shown}", cure, column="count", value=shown[1:-1])


def _whole(number: float, text: str, where: str) -> float:
    if math.isinf(number):
        raise _no_count(text, where, "which is infinite: write the number")
    if number < 0:
        raise _no_count(text, where, "a count cannot be negative")
    if number % 1:
        raise _no_count(text, where, "a count is whole, not fractional")
    if number > LARGEST:
        raise _no_count(text, where, TOO_LARGE)
    return abs(number)


# ---------------------------------------------------------------------------------- days and months

_ISO_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})([T ]00:00(:00(\.0+)?)?)?")
_ISO_MONTH = re.compile(r"(\d{4})-?(\d{2})")


def day_of(value: Any, where: str, column: str, form: str | None = None) -> date:
    """A day from a cell of `column`, a text in the format `form` (ISO if it is None).

    Raises
    ------
    EvidenceError
        Its message begins with `where`.
    """
    if blank(value):
        raise refused(where, f"{column} is blank", "write it as 2024-02-01", column=column)
    if type(value).__name__ == "datetime64":
        value = value.astype("datetime64[us]").item()
    if isinstance(value, datetime):
        return _midnight(value, where, column)
    if isinstance(value, date):
        return _plausible(value, where, column)
    text = str(value).strip()
    if form is not None:
        return _formatted(text, form, where, column)
    if match := _ISO_DAY.fullmatch(text):
        return _calendar(match.group(1, 2, 3), text, where, column)
    raise _no_date(text, where, column)


def month_of(value: Any, where: str, form: str | None = None, *, whole: bool = True) -> Window:
    """A calendar month from a cell; `where` begins the message if it is none.

    Parameters
    ----------
    form
        Format of a text (ISO if it is None).
    whole
        Whether a day within the month is refused; else it is that day alone.

    Raises
    ------
    EvidenceError
    """
    if blank(value):
        raise refused(where, "month is blank", "write it as 2024-02", column="month")
    if hasattr(value, "start_time") and hasattr(value, "end_time"):
        return _period(value, where)
    text = str(value).strip() if isinstance(value, str | Real) else ""
    if form is None:
        if match := _ISO_MONTH.fullmatch(text):
            return month_from(_calendar((*match.group(1, 2), "01"), text, where, "month"))
        if text and not _ISO_DAY.fullmatch(text):
            raise _no_date(text, where, "month")
    first = day_of(value, where, "month", form)
    if not whole and (form is None or "%d" in form or not text):
        return Window(first, first)
    if first.day != 1:
        raise refused(
            where,
            f"month {first} is not the first of a month",
            f"write it as {first:%Y-%m}, or use the columns start,end,series,count, or "
            + offered("aggregate", ("month", "its days are added up")),
            column="month",
            value=str(first),
        )
    return month_from(first)


def _formatted(text: str, form: str, where: str, column: str) -> date:
    if column != "month" and "%d" not in form:
        cure = "choose one with %d, or name the column month"
        raise refused(where, f"the date_format {form!r} has no day", cure, column=column)
    if may_lack_zero(text, form):
        problem = (
            f"{column} {quoted(text)} has a month of one digit, and as a number 2024.10 is 2024.1"
        )
        cure = "write the month with two digits, as text: 2024.01 or 2024.10"
        raise refused(where, problem, cure, column=column, value=text[:60])
    day = parsed(text, form)
    if day is None:
        problem = f"{column} {quoted(text)} is not in the date_format {form!r}"
        cure = "write every date in one format"
        raise refused(where, problem, cure, column=column, value=text[:60])
    return _plausible(day, where, column)


def _period(value: Any, where: str) -> Window:
    _plausible(value, where, "month")
    window = Window(
        _plausible(value.start_time.date(), where, "month"),
        _plausible(value.end_time.date(), where, "month"),
    )
    if window.start.day != 1 or window != month_from(window.start):
        raise refused(
            where,
            f"month {str(value)!r} is {window}, not one month",
            "use months, or the columns start,end,series,count",
            column="month",
            value=str(value),
        )
    return window


def _midnight(value: datetime, where: str, column: str) -> date:
    at = {"column": column, "value": str(value)}
    if value.tzinfo is not None:
        cure = "convert it to a local date first"
        raise refused(where, f"{column} {value} has a time zone", cure, **at)
    if value.time() != time(0):
        raise refused(where, f"{column} {value} has a time of day", "give the date alone", **at)
    _plausible(value, where, column)  # pandas has years that no date has
    return value.date()


def _calendar(parts: tuple[str, ...], text: str, where: str, column: str) -> date:
    try:
        day = date(*map(int, parts))
    except ValueError as error:
        problem, cure = f"{column} {text!r} is not a date ({error})", "check it against its source"
        raise refused(where, problem, cure, column=column, value=text) from None
    return _plausible(day, where, column)


def _plausible[Day](day: Day, where: str, column: str) -> Day:
    if problem := odd_year(day, column):
        raise refused(where, problem, TYPING_ERROR, column=column, value=str(day))
    return day


def odd_year(day: Any, name: str) -> str:
    """What is wrong with the year of a day that is called `name`; empty if nothing is.

    Examples
    --------
    >>> odd_year(date(204, 1, 1), "date")
    'date 0204-01-01 has the year 204'
    """
    year = getattr(day, "year", 0)
    return "" if 1900 <= year <= 2100 else f"{name} {day} has the year {year}"


def _no_date(text: str, where: str, column: str) -> Exception:
    forms = {f: day for f, day in possible(text).items() if "%d" in f or column == "month"}
    days = list(dict.fromkeys(forms.values()))
    example = days[0] if len(days) == 1 else date(2024, 2, 1)
    cure = f"write it as {f'{example:%Y-%m}' if column == 'month' else example}"
    cure += "" if len(days) == 1 else ", year first"
    if forms:
        cure += ", or " + offered("date_format", *((form, "") for form in forms))
    elif re.search(r"[^\W\d_]{3}", text):
        cure += "; months have English names here, and --date-format says where, as %B %Y"
    problem = f"{column} {quoted(text)} {_date_trouble(text, days)}"
    return refused(where, problem, cure, column=column, value=text[:60])


def _date_trouble(text: str, days: Sequence[date]) -> str:
    if re.fullmatch(r"[2-6]\d{4}(\.\d+)?", text):
        return "looks like an Excel serial date"
    if len(days) > 1:
        return f"is ambiguous, day or month first ({' or '.join(map(str, days))})"
    if days:
        return "is not an ISO date"
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*", text):
        zoned = re.search(r"(Z|[+-]\d{2}:?\d{2})$", text)
        return f"has a time {'zone' if zoned else 'of day'}"
    return "cannot be read as a date"
