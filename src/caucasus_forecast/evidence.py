"""Rows in, validated once: series, dated observations, and the tables the package carries.

An observation is ``(start, end, series, count)``: a number over an interval of whole days, both
ends included. A series says which node it informs, how its rows are to be read and in which windows
its source looked; outside those windows it is missing, never zero.

Modes of a series:

- ``counts``: each row is a total over its own interval, and the rows are the coverage;
- ``events``: each row is one dated event, and a covered day without a row is a zero. A row that
  spans months is the total of its own interval;
- ``status``: each row is the day a yes/no state took the value `count`;
- ``share``: each row is a proportion over its interval.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw

from .errors import EvidenceError, nearest
from .names import DEATHS

MODES = ("counts", "events", "status", "share")
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Whole days, both ends included."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise EvidenceError(f"interval {self.start} to {self.end} ends before it starts")

    @property
    def days(self) -> int:
        """Length in days."""
        return (self.end - self.start).days + 1

    def overlap(self, other: Window) -> int:
        """Days in common."""
        shared = (min(self.end, other.end) - max(self.start, other.start)).days + 1
        return max(shared, 0)

    def until(self, last: date) -> Window | None:
        """The part that ends no later than `last`, if any."""
        return None if self.start > last else Window(self.start, min(self.end, last))

    def __str__(self) -> str:
        return str(self.start) if self.start == self.end else f"{self.start} to {self.end}"


@dataclass(frozen=True, slots=True)
class Series:
    """What one stream of observations measures, and where it was looked for."""

    name: str
    node: str
    mode: str = "counts"
    unit: str = ""
    coverage: tuple[Window, ...] = ()
    source: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise EvidenceError(
                f"series {self.name!r}: mode {self.mode!r}: {nearest(self.mode, MODES)}"
            )


@dataclass(frozen=True, slots=True)
class Observation:
    """One number over one interval.

    `suspect` is the doubt about the row, empty if there is none; suspect rows, rows without a
    series and rows with ``use=False`` are carried but never enter a likelihood.
    """

    window: Window
    series: str
    count: float
    source: str = ""
    id: str = ""
    what: str = ""
    suspect: str = ""
    use: bool = True


@dataclass(frozen=True)
class Evidence:
    """Series and their observations, consistent with each other.

    Raises
    ------
    EvidenceError
        For an unknown series, two totals of one series that overlap, or an event outside its
        series' coverage.

    Examples
    --------
    >>> evidence = load().as_of(date(2021, 11, 30))
    >>> evidence.series["battle_deaths"].node
    'tension'
    """

    series: Mapping[str, Series]
    observations: tuple[Observation, ...]

    def __post_init__(self) -> None:
        for o in self.observations:
            if o.series not in self.series:
                raise EvidenceError(
                    f"observation {o.id or o.window}: unknown series {o.series!r}; "
                    f"{nearest(o.series, self.series)}"
                )
        for name, s in self.series.items():
            rows = [o for o in self.observations if o.series == name]
            _refuse_overlaps([(o.window, o.id) for o in rows if is_total(s, o)], name)
            if s.mode == "events":
                _refuse_uncovered(s, rows)

    def as_of(self, last: date) -> Evidence:
        """What was on record on a day: nothing that ends later remains, coverage included."""
        kept = tuple(o for o in self.observations if o.window.end <= last)
        informed = {o.series for o in kept}
        series = {}
        for name, s in self.series.items():
            seen = tuple(w for c in s.coverage if (w := c.until(last)))
            if seen or name in informed:
                series[name] = replace(s, coverage=seen)
        return Evidence(series, kept)

    def with_series(self, series: Series, rows: Sequence[Observation]) -> Evidence:
        """The same evidence with one series replaced, whole, by other rows."""
        others = tuple(o for o in self.observations if o.series != series.name)
        return Evidence({**self.series, series.name: series}, (*others, *rows))

    @property
    def digest(self) -> str:
        """SHA-256 of everything a likelihood can see, in a fixed order."""
        lines = [
            f"{s.name}|{s.node}|{s.mode}|{';'.join(map(str, s.coverage))}"
            for s in sorted(self.series.values(), key=lambda s: s.name)
        ]
        lines += sorted(f"{o.series}|{o.window}|{o.count!r}" for o in self.observations)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def __repr__(self) -> str:
        return _summary(self, "\n")

    def _repr_html_(self) -> str:
        return f"<pre>{repr(self)}</pre>"


def _summary(evidence: Evidence, newline: str) -> str:
    lines = [f"Evidence: {len(evidence.series)} series, {len(evidence.observations)} observations"]
    for s in evidence.series.values():
        rows = [o for o in evidence.observations if o.series == s.name]
        windows = [o.window for o in rows] + list(s.coverage)
        span = f"{min(w.start for w in windows)} to {max(w.end for w in windows)}" if windows else "-"
        lines.append(f"  {s.name:<24}{len(rows):>4} rows  {span}  -> {s.node}")
    return newline.join(lines)


def is_total(series: Series, row: Observation) -> bool:
    """Whether a row is the total of its interval (not one dated event)."""
    return series.mode in ("counts", "share") or (
        series.mode == "events" and not _within_a_month(row.window)
    )


def _within_a_month(window: Window) -> bool:
    return (window.start.year, window.start.month) == (window.end.year, window.end.month)


def _refuse_overlaps(rows: list[tuple[Window, str]], series: str) -> None:
    rows = sorted(rows)
    for (a, first), (b, second) in zip(rows, rows[1:], strict=False):
        if a.overlap(b):
            kind = "is listed twice" if a == b else f"overlaps {b} ({second})"
            raise EvidenceError(
                f"series {series!r}: {a} ({first}) {kind}; keep one, or split the interval"
            )


def _refuse_uncovered(series: Series, rows: list[Observation]) -> None:
    for o in rows:
        if sum(o.window.overlap(c) for c in series.coverage) < o.window.days:
            raise EvidenceError(
                f"series {series.name!r}: {o.id or o.window} lies outside its coverage "
                f"({'; '.join(map(str, series.coverage)) or 'none'}); widen the coverage or drop it"
            )


# --------------------------------------------------------------------------- what the package carries


@cache
def table() -> tuple[Observation, ...]:
    """Every row the package carries, usable or not, with its source.

    Examples
    --------
    >>> sum(bool(row.suspect) for row in table()) > 0
    True
    """
    return tuple(
        Observation(
            window=Window(date.fromisoformat(r["start"]), date.fromisoformat(r["end"])),
            series=r["series"],
            count=float(r["count"] or "nan"),
            source=r["source"],
            id=r["id"],
            what=r["what"],
            suspect=r["suspect"],
            use=r["use"] == "yes",
        )
        for r in _table("observations.csv")
        if r["start"]
    )


@cache
def load() -> Evidence:
    """The embedded evidence: the article's facts, UCDP deaths, later dated events.

    Suspect rows, totals whose parts are listed, and rows that inform no series stay in `table`.
    """
    series = {
        r["series"]: Series(
            name=r["series"],
            node=r["node"],
            mode=r["mode"],
            unit=r["unit"],
            coverage=tuple(_window(w) for w in r["coverage"].split(";") if w),
            source=r["source"],
            note=r["note"],
        )
        for r in _table("series.csv")
    }
    return Evidence(series, tuple(o for o in table() if o.use and o.series and not o.suspect))


def _window(text: str) -> Window:
    start, end = text.strip().split("/")
    return Window(date.fromisoformat(start), date.fromisoformat(end))


def _table(name: str) -> list[dict[str, str]]:
    text = files("caucasus_forecast").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


# --------------------------------------------------------------------------- the user's own counts


def read_counts(source: Any, series: str = DEATHS) -> tuple[Observation, ...]:
    """A user's counts, from a CSV path or any data frame, every row checked.

    Parameters
    ----------
    source
        Path of a comma-separated UTF-8 file, or a pandas, polars, arrow... frame, with the columns
        ``month,count`` or ``date,count`` (optionally ``series``), or ``start,end,series,count``.
    series
        The series a table without a ``series`` column is read as.

    Raises
    ------
    EvidenceError
        Naming the file, the row, the value and the cure.

    Examples
    --------
    >>> import pandas as pd
    >>> read_counts(pd.DataFrame({"month": ["2024-01"], "count": [3]}))[0].window
    Window(start=datetime.date(2024, 1, 1), end=datetime.date(2024, 1, 31))
    """
    if isinstance(source, str | Path):
        where, columns, rows = _csv_rows(Path(source))
    else:
        where, columns, rows = _frame_rows(source)
    layout = _layout(columns, where)
    read = [_observation(layout, row, f"{where}, row {n}", series) for n, row in rows]
    if not read:
        raise EvidenceError(f"{where}: no rows of counts; add at least one row below the header")
    for name in dict.fromkeys(o.series for o in read):
        same = [(o.window, o.id) for o in read if o.series == name]
        _refuse_overlaps(same, name)
    return tuple(sorted(read, key=lambda o: (o.series, o.window)))


_LAYOUTS: tuple[tuple[str, ...], ...] = (
    ("start", "end", "series", "count"),
    ("month", "count"),
    ("date", "count"),
)
Row = Mapping[str, Any]


def _csv_rows(path: Path) -> tuple[str, list[str], Iterable[tuple[int, Row]]]:
    where = path.name
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise EvidenceError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise EvidenceError(f"{path}: is a folder; name the CSV file in it") from None
    except UnicodeDecodeError as error:
        raise EvidenceError(
            f"{where}: not UTF-8 text at byte {error.start}; save it as 'CSV UTF-8'"
        ) from None
    if "\0" in text:
        raise EvidenceError(f"{where}: holds binary data, not text; save it as 'CSV UTF-8'")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        numbered = [(reader.line_num, row) for row in reader if any(c.strip() for c in row)]
    except csv.Error as error:
        raise EvidenceError(f"{where}, row {reader.line_num}: {error}; check the quotes") from None
    if not numbered:
        raise EvidenceError(f"{where}: the file is empty; it needs a header and rows")
    header = [c.strip().lower() for c in numbered[0][1]]
    for mark, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and mark in header[0]:
            raise EvidenceError(f"{where}: columns are separated by {name}; save it with commas")
    return where, header, _aligned(where, header, numbered[1:])


def _aligned(
    where: str, header: list[str], rows: list[tuple[int, list[str]]]
) -> Iterator[tuple[int, Row]]:
    for n, cells in rows:
        if len(cells) != len(header):
            raise EvidenceError(
                f"{where}, row {n}: {len(cells)} cells under {len(header)} columns "
                f"({', '.join(header)}); a thousands separator or a stray comma?"
            )
        yield n, dict(zip(header, (c.strip() for c in cells), strict=True))


def _frame_rows(source: Any) -> tuple[str, list[str], Iterable[tuple[int, Row]]]:
    try:
        native = nw.from_native(source)
    except TypeError:
        raise EvidenceError(
            f"counts given as {type(source).__name__}; pass a CSV path or a data frame"
        ) from None
    frame = native.collect() if isinstance(native, nw.LazyFrame) else native
    columns = [str(c).strip().lower() for c in frame.columns]
    values = frame.rows()
    rows = (
        (n, dict(zip(columns, cells, strict=True))) for n, cells in enumerate(values, start=1)
    )
    return "data frame", columns, rows


def _layout(columns: list[str], where: str) -> tuple[str, ...]:
    for name in columns:
        if columns.count(name) > 1:
            raise EvidenceError(f"{where}: column {name!r} appears twice; keep one")
    for layout in _LAYOUTS:
        if set(layout) <= set(columns):
            return layout
    wanted = " or ".join(",".join(x) for x in _LAYOUTS)
    close = "".join(
        f"; {found!r} looks like {hint!r}"
        for found in columns
        if (hint := _similar(found)) and hint not in columns
    )
    raise EvidenceError(f"{where}: columns are {','.join(columns)}; needed: {wanted}{close}")


def _similar(column: str) -> str:
    known = {"n": "count", "counts": "count", "value": "count", "deaths": "count", "day": "date"}
    known |= {"months": "month", "dates": "date", "from": "start", "to": "end"}
    return known.get(column, "")


def _observation(layout: tuple[str, ...], row: Row, where: str, default: str) -> Observation:
    if layout[0] == "month":
        window = _month(row["month"], where)
    elif layout[0] == "date":
        day = _day(row["date"], where, "date")
        window = Window(day, day)
    else:
        start, end = _day(row["start"], where, "start"), _day(row["end"], where, "end")
        if end < start:
            raise EvidenceError(f"{where}: end {end} is before start {start}; swap them")
        window = Window(start, end)
    series = str(row.get("series") or "").strip()
    if "series" in row and not series:
        raise EvidenceError(f"{where}: the series is blank; name it")
    return Observation(window, series or default, _count(row["count"], where), id=where)


def _count(value: Any, where: str) -> float:
    if isinstance(value, str):
        return _count_text(value, where)
    if value is None or (isinstance(value, Real) and math.isnan(float(value))) or value != value:
        raise EvidenceError(f"{where}: the count is blank; drop the row if it is unknown, 0 if none")
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        raise EvidenceError(f"{where}: the count is {value}; write a whole number")
    if not isinstance(value, Real):
        raise EvidenceError(f"{where}: the count is {value!r}; write a whole number, 0 or more")
    return _whole(float(value), value, where)


def _count_text(text: str, where: str) -> float:
    if not text:
        raise EvidenceError(f"{where}: the count is blank; drop the row if it is unknown, 0 if none")
    if re.fullmatch(r"\d{1,3}([,' \u00a0]\d{3})+", text):
        plain = re.sub(r"\D", "", text)
        raise EvidenceError(f"{where}: the count is {text!r}; write {plain} without separators")
    if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", text, re.I):
        raise EvidenceError(f"{where}: the count is {text!r}; write a whole number, 0 or more")
    return _whole(float(text), text, where)


def _whole(number: float, shown: Any, where: str) -> float:
    if math.isinf(number):
        raise EvidenceError(f"{where}: the count is {shown!r}, which is infinite; write the number")
    if number < 0:
        raise EvidenceError(f"{where}: the count is {shown!r}; a count cannot be negative")
    if number != int(number):
        raise EvidenceError(f"{where}: the count is {shown!r}; a count is whole, not fractional")
    return float(int(number))


_ISO_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})([T ]00:00(:00(\.0+)?)?)?")
_ISO_MONTH = re.compile(r"(\d{4})-?(\d{2})")


def _day(value: Any, where: str, column: str) -> date:
    if isinstance(value, datetime) or hasattr(value, "to_pydatetime"):
        return _midnight(value, where, column)
    if isinstance(value, date):
        return _plausible(value, where, column)
    if hasattr(value, "astype") and type(value).__name__ == "datetime64":
        return _day(value.astype("datetime64[us]").item(), where, column)
    text = "" if value is None else str(value).strip()
    if match := _ISO_DAY.fullmatch(text):
        return _calendar(match.group(1, 2, 3), text, where, column)
    raise EvidenceError(f"{where}: {column} {_date_trouble(text)}; write it as 2024-02-01")


def _month(value: Any, where: str) -> Window:
    if hasattr(value, "start_time"):
        value = value.start_time
    text = str(value).strip() if isinstance(value, str | Integral) else ""
    if match := _ISO_MONTH.fullmatch(text):
        first = _calendar((*match.group(1, 2), "01"), text, where, "month")
    else:
        if text and not _ISO_DAY.fullmatch(text):
            trouble = _date_trouble(text)
            raise EvidenceError(f"{where}: month {trouble}; write it as 2024-02")
        first = _day(value, where, "month")
        if first.day != 1:
            raise EvidenceError(
                f"{where}: month {first} is not the first of a month; write it as "
                f"{first:%Y-%m}, or use the columns start,end,series,count"
            )
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return Window(first, following - ONE_DAY)


def _midnight(value: Any, where: str, column: str) -> date:
    if value != value:
        raise EvidenceError(f"{where}: {column} is blank; write it as 2024-02-01")
    if value.tzinfo is not None:
        raise EvidenceError(
            f"{where}: {column} {value} has a time zone; convert it to a local date first"
        )
    if (value.hour, value.minute, value.second) != (0, 0, 0):
        raise EvidenceError(f"{where}: {column} {value} has a time of day; give the date alone")
    return _plausible(value.date(), where, column)


def _calendar(parts: tuple[str, ...], text: str, where: str, column: str) -> date:
    try:
        return _plausible(date(*map(int, parts)), where, column)
    except ValueError as error:
        if isinstance(error, EvidenceError):
            raise
        raise EvidenceError(f"{where}: {column} {text!r} is not a date ({error})") from None


def _plausible(day: date, where: str, column: str) -> date:
    if not 1900 <= day.year <= 2100:
        raise EvidenceError(f"{where}: {column} {day} has the year {day.year}; is it a typing error?")
    return day


def _date_trouble(text: str) -> str:
    if not text or text.lower() in ("nan", "nat", "none"):
        return "is blank"
    if re.fullmatch(r"[2-6]\d{4}(\.\d+)?", text):
        return f"{text!r} looks like an Excel serial date"
    if match := re.fullmatch(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{2}|\d{4})", text):
        both = all(1 <= int(x) <= 12 for x in match.group(1, 2))
        if both and match.group(1) != match.group(2):
            return f"{text!r} is ambiguous: day or month first?"
        return f"{text!r} is not an ISO date"
    return f"{text!r} cannot be read as a date"
