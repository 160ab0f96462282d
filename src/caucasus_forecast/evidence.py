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
import gzip
import hashlib
import html
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from itertools import pairwise
from numbers import Real
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .errors import EvidenceError, nearest
from .names import DEATHS

MODES = ("counts", "events", "status", "share")
ONE_DAY = timedelta(days=1)
LARGEST = 1_000_000_000


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

    @property
    def whole_month(self) -> bool:
        """Whether it is a calendar month, no more and no less."""
        return self == _month_from(self.start)

    def overlap(self, other: Window) -> int:
        """Days in common."""
        shared = (min(self.end, other.end) - max(self.start, other.start)).days + 1
        return max(shared, 0)

    def until(self, last: date) -> Window | None:
        """Keep the part that ends no later than `last`, if any."""
        return None if self.start > last else Window(self.start, min(self.end, last))

    def __str__(self) -> str:
        return str(self.start) if self.start == self.end else f"{self.start} to {self.end}"


def without(windows: Iterable[Window], holes: Iterable[Window]) -> tuple[Window, ...]:
    """Cut holes out of windows: the days of `windows` that are in none of `holes`.

    Examples
    --------
    >>> may, day = Window(date(2021, 5, 1), date(2021, 5, 31)), date(2021, 5, 13)
    >>> print(*without([may], [Window(day, day)]), sep="; ")
    2021-05-01 to 2021-05-12; 2021-05-14 to 2021-05-31
    """
    left = sorted(windows)
    for hole in holes:
        parts = []
        for window in left:
            if not window.overlap(hole):
                parts.append(window)
                continue
            if window.start < hole.start:
                parts.append(Window(window.start, hole.start - ONE_DAY))
            if hole.end < window.end:
                parts.append(Window(hole.end + ONE_DAY, window.end))
        left = parts
    return tuple(left)


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
        object.__setattr__(self, "coverage", tuple(sorted(self.coverage)))
        for a, b in pairwise(self.coverage):
            if a.overlap(b):
                raise EvidenceError(
                    f"series {self.name!r}: coverage {a} overlaps coverage {b}; join them"
                )


@dataclass(frozen=True, slots=True)
class Observation:
    """One number over one interval.

    `suspect` is the doubt about the row, empty if there is none. Suspect rows, rows without a
    series and rows with ``use=False`` are carried by `table`; `Evidence` refuses them.
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
        For an unknown series, a number its series cannot hold, a row marked as suspect or not for
        use, two totals of one series that overlap, or an event outside its series' coverage.

    Examples
    --------
    >>> evidence = load().as_of(date(2021, 11, 30))
    >>> evidence.series["battle_deaths"].node
    'tension'
    """

    series: Mapping[str, Series]
    observations: tuple[Observation, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "series", MappingProxyType(dict(self.series)))
        object.__setattr__(self, "observations", tuple(self.observations))
        for o in self.observations:
            if o.series not in self.series:
                raise EvidenceError(
                    f"observation {o.id or o.window}: unknown series {o.series!r}; "
                    f"{nearest(o.series, self.series)}"
                )
            _refuse_unusable(self.series[o.series], o)
        for name, s in self.series.items():
            if name != s.name:
                raise EvidenceError(f"series {s.name!r} is filed under {name!r}; use one name")
            rows = [o for o in self.observations if o.series == name]
            _refuse_overlaps([(o.window, o.id) for o in rows if is_total(s, o)], name)
            if s.mode == "events":
                _refuse_uncovered(s, rows)

    def __reduce__(self) -> tuple[Any, ...]:
        return Evidence, (dict(self.series), self.observations)

    def as_of(self, last: date) -> Evidence:
        """Keep what was on record on a day: nothing that ends later remains, coverage included.

        The days of a row that is still open on that day are unknown, not empty: they leave the
        coverage, with the dated events that fell on them.
        """
        series, kept = {}, set()
        for name, s in self.series.items():
            rows = [o for o in self.observations if o.series == name]
            still_open = [o.window for o in rows if o.window.end > last]
            seen = without((w for c in s.coverage if (w := c.until(last))), still_open)
            ended = [o for o in rows if o.window.end <= last]
            if s.mode == "events":
                ended = [o for o in ended if not any(o.window.overlap(w) for w in still_open)]
            if seen or ended:
                series[name] = replace(s, coverage=seen)
                kept.update(ended)
        return Evidence(series, tuple(o for o in self.observations if o in kept))

    def with_series(self, series: Series, rows: Sequence[Observation]) -> Evidence:
        """Replace one series, whole, by other rows."""
        others = tuple(o for o in self.observations if o.series != series.name)
        return Evidence({**self.series, series.name: series}, (*others, *rows))

    def with_counts(self, rows: Sequence[Observation]) -> Evidence:
        """Replace every series the rows name, whole, by a user's own counts of it.

        Raises
        ------
        EvidenceError
            For a series that is not here, or that does not hold counts.
        """
        known = {n: s for n, s in self.series.items() if s.mode in ("counts", "events")}
        changed = self
        for name in dict.fromkeys(o.series for o in rows):
            if name not in known:
                raise EvidenceError(
                    f"unknown series {name!r} in the counts; {nearest(name, known)}"
                )
            note = "replaced by the user's counts"
            own = replace(known[name], mode="counts", coverage=(), source="user", note=note)
            changed = changed.with_series(own, [o for o in rows if o.series == name])
        return changed

    @property
    def digest(self) -> str:
        """SHA-256 of everything a likelihood can see, in a fixed order."""
        series = sorted(
            (s.name, s.node, s.mode, [str(w) for w in s.coverage]) for s in self.series.values()
        )
        rows = sorted((o.series, str(o.window), float(o.count)) for o in self.observations)
        return hashlib.sha256(repr((series, rows)).encode()).hexdigest()

    def __repr__(self) -> str:
        lines = [f"Evidence: {len(self.series)} series, {len(self.observations)} observations"]
        for s in self.series.values():
            rows = [o for o in self.observations if o.series == s.name]
            windows = [o.window for o in rows] + list(s.coverage)
            span = "-"
            if windows:
                span = f"{min(w.start for w in windows)} to {max(w.end for w in windows)}"
            lines.append(f"  {s.name:<24}{len(rows):>4} rows  {span}  -> {s.node}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


def _refuse_unusable(series: Series, row: Observation) -> None:
    place = f"series {series.name!r}: {row.id or row.window}"
    if row.suspect or not row.use:
        raise EvidenceError(
            f"{place} is not for use ({row.suspect or 'use is False'}); leave it out, or clear "
            "the mark"
        )
    allowed, holds = {
        "status": ("0 or 1", row.count in (0, 1)),
        "share": ("a share between 0 and 1", 0 <= row.count <= 1),
    }.get(series.mode, ("a whole number, 0 or more", row.count >= 0 and row.count % 1 == 0))
    if not holds:
        raise EvidenceError(
            f"{place}: the count is {row.count}; a {series.mode} row takes {allowed}"
        )


def is_total(series: Series, row: Observation) -> bool:
    """Whether a row is the total of its interval (not one dated event)."""
    return series.mode in ("counts", "share") or (
        series.mode == "events" and not _within_a_month(row.window)
    )


def _within_a_month(window: Window) -> bool:
    return (window.start.year, window.start.month) == (window.end.year, window.end.month)


def _refuse_overlaps(rows: list[tuple[Window, str]], series: str) -> None:
    rows = sorted(rows)
    for (a, first), (b, second) in pairwise(rows):
        if a == b:
            raise EvidenceError(
                f"series {series!r}: {a} is listed twice ({first}; {second}); "
                "keep one, or add them up"
            )
        if a.overlap(b):
            raise EvidenceError(
                f"series {series!r}: {a} ({first}) overlaps {b} ({second}); "
                "keep one, or split the interval"
            )


def _refuse_uncovered(series: Series, rows: list[Observation]) -> None:
    for o in rows:
        if sum(o.window.overlap(c) for c in series.coverage) < o.window.days:
            raise EvidenceError(
                f"series {series.name!r}: {o.id or o.window} lies outside its coverage "
                f"({'; '.join(map(str, series.coverage)) or 'none'}); widen the coverage or drop it"
            )


# ------------------------------------------------------------------------ what the package carries


@cache
def table() -> tuple[Observation, ...]:
    """List every dated row the package carries, usable or not, with its source.

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
    """Load the embedded evidence: the article's facts, UCDP deaths, later dated events.

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
    used = [o for o in table() if o.use and o.series and not o.suspect]
    rows = [
        part for o in used for part in (by_month(o) if series[o.series].mode == "counts" else [o])
    ]
    return Evidence(series, tuple(rows))


def by_month(row: Observation) -> list[Observation]:
    """A total of zero as a zero in each month, known when the month ends; other rows as they are.

    Examples
    --------
    >>> row = Observation(Window(date(2024, 3, 1), date(2024, 4, 15)), DEATHS, 0.0, id="quiet")
    >>> [str(part.window) for part in by_month(row)]
    ['2024-03-01 to 2024-03-31', '2024-04-01 to 2024-04-15']
    """
    if row.count != 0.0 or _within_a_month(row.window):
        return [row]
    first, parts = row.window.start, []
    while first <= row.window.end:
        end = min(_month_from(first).end, row.window.end)
        parts.append(replace(row, window=Window(first, end), id=f"{row.id}/{first:%Y-%m}"))
        first = end + ONE_DAY
    return parts


def _window(text: str) -> Window:
    start, end = text.strip().split("/")
    return Window(date.fromisoformat(start), date.fromisoformat(end))


def _table(name: str) -> list[dict[str, str]]:
    text = files("caucasus_forecast").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


# --------------------------------------------------------------------------- the user's own counts


def read_counts(source: Any, series: str = DEATHS) -> tuple[Observation, ...]:
    """Read a user's counts, from a CSV path or any data frame, every row checked.

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
    where, columns, rows = table_rows(source)
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


def table_rows(
    source: Any, *, fold: bool = True
) -> tuple[str, list[str], Iterable[tuple[int, Row]]]:
    """A user's table: its name for messages, its columns, and its numbered rows.

    Parameters
    ----------
    source
        Path of a comma-separated UTF-8 file (also gzipped, ``.gz``), or any data frame.
    fold
        Whether the names of the columns are given in lower case.

    Raises
    ------
    EvidenceError
        If it cannot be read.
    """
    if isinstance(source, str | Path):
        return _csv_rows(Path(source), fold)
    return _frame_rows(source, fold)


def _csv_rows(path: Path, fold: bool) -> tuple[str, list[str], Iterable[tuple[int, Row]]]:
    where = path.name
    try:
        body = path.read_bytes()
        text = (gzip.decompress(body) if path.suffix == ".gz" else body).decode("utf-8-sig")
    except FileNotFoundError:
        raise EvidenceError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise EvidenceError(f"{path}: is a folder; name the CSV file in it") from None
    except UnicodeDecodeError as error:
        raise EvidenceError(
            f"{where}: not UTF-8 text at byte {error.start}; save it as 'CSV UTF-8'"
        ) from None
    except (OSError, EOFError, ValueError) as error:
        raise EvidenceError(f"{str(path)!r} cannot be read ({error}); check the path") from None
    if "\0" in text:
        raise EvidenceError(f"{where}: holds binary data, not text; save it as 'CSV UTF-8'")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        numbered = [(reader.line_num, row) for row in reader if any(c.strip() for c in row)]
    except csv.Error as error:
        raise EvidenceError(f"{where}, row {reader.line_num}: {error}; check the quotes") from None
    if not numbered:
        raise EvidenceError(f"{where}: the file is empty; it needs a header and rows")
    header = [_folded(c, fold) for c in numbered[0][1]]
    for mark, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and mark in header[0]:
            raise EvidenceError(f"{where}: columns are separated by {name}; save it with commas")
    return where, header, _aligned(where, header, numbered[1:])


def _folded(name: str, fold: bool) -> str:
    return name.strip().lower() if fold else name.strip()


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


def _frame_rows(source: Any, fold: bool) -> tuple[str, list[str], Iterable[tuple[int, Row]]]:
    import narwhals.stable.v2 as nw  # only a data frame needs it: CSV stays light

    try:
        native = nw.from_native(source)
    except TypeError:
        raise EvidenceError(
            f"counts given as {type(source).__name__}; pass a CSV path or a data frame"
        ) from None
    except nw.exceptions.DuplicateError as error:
        raise EvidenceError(f"data frame: a column appears twice; keep one ({error})") from None
    frame = native.collect() if isinstance(native, nw.LazyFrame) else native
    columns = [_folded(str(c), fold) for c in frame.columns]
    values = frame.rows()
    rows = ((n, dict(zip(columns, cells, strict=True))) for n, cells in enumerate(values, start=1))
    return "data frame", columns, rows


def _layout(columns: list[str], where: str) -> tuple[str, ...]:
    for name in filter(None, columns):
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
    raise EvidenceError(
        f"{where}: columns are {_shown(','.join(columns))}; needed: {wanted}{close}"
    )


def _similar(column: str) -> str:
    known = {"n": "count", "value": "count", "deaths": "count", "fatalities": "count"}
    known |= {"day": "date", "from": "start", "to": "end"}
    wanted = {name for layout in _LAYOUTS for name in layout}
    close = get_close_matches(column, wanted - {column}, n=1, cutoff=0.75)
    return known.get(column) or (close[0] if close else "")


def _shown(text: str) -> str:
    """Quote what was given, not more than a line of it."""
    return repr(text if len(text) <= 60 else text[:60] + "…")


def _observation(layout: tuple[str, ...], row: Row, where: str, default: str) -> Observation:
    if layout[0] == "month":
        window = month_of(row["month"], where)
    elif layout[0] == "date":
        day = _day(row["date"], where, "date")
        window = Window(day, day)
    else:
        start, end = _day(row["start"], where, "start"), _day(row["end"], where, "end")
        if end < start:
            raise EvidenceError(f"{where}: end {end} is before start {start}; swap them")
        window = Window(start, end)
    named = row.get("series", default)
    if blank(named):
        raise EvidenceError(f"{where}: the series is blank; name it")
    return Observation(window, str(named).strip(), count_of(row["count"], where), id=where)


_BLANKS = ("", "na", "n/a", "nan", "nat", "none", "null", "<na>")


def blank(value: Any) -> bool:
    """Whether a cell is empty, however its library says so."""
    if isinstance(value, str):
        return value.strip().lower() in _BLANKS
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas' NA is neither equal nor unequal to itself
        return True
    except ValueError:  # an array
        return False


def count_of(value: Any, where: str) -> float:
    """A count from a cell; `where` begins the message if it is none."""
    if blank(value):
        raise EvidenceError(
            f"{where}: the count is blank; drop the row if it is unknown, write 0 if none"
        )
    if isinstance(value, str):
        return _count_text(value.strip(), where)
    if type(value).__name__ in ("bool", "bool_") or not isinstance(value, Real | Decimal):
        raise EvidenceError(
            f"{where}: the count is {_shown(str(value))}; write a whole number, 0 or more"
        )
    try:
        number = float(value)
    except OverflowError:
        raise EvidenceError(
            f"{where}: the count is over {LARGEST:,}; is it a typing error?"
        ) from None
    return _whole(number, str(value), where)


def _count_text(text: str, where: str) -> float:
    if re.fullmatch(r"\d{1,3}([,'\s\u00a0\u2009\u202f]\d{3})+", text):
        plain = re.sub(r"\D", "", text)
        raise EvidenceError(f"{where}: the count is {text!r}; write {plain} without separators")
    if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", text, re.I):
        raise EvidenceError(
            f"{where}: the count is {_shown(text)}; write a whole number, 0 or more"
        )
    return _whole(float(text), text, where)


def _whole(number: float, text: str, where: str) -> float:
    place = f"{where}: the count is {_shown(text)}"
    if math.isinf(number):
        raise EvidenceError(f"{place}, which is infinite; write the number")
    if number < 0:
        raise EvidenceError(f"{place}; a count cannot be negative")
    if number % 1:
        raise EvidenceError(f"{place}; a count is whole, not fractional")
    if number > LARGEST:
        raise EvidenceError(f"{place}, over {LARGEST:,}; is it a typing error?")
    return abs(number)


_ISO_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})([T ]00:00(:00(\.0+)?)?)?")
_ISO_MONTH = re.compile(r"(\d{4})-?(\d{2})")


def _day(value: Any, where: str, column: str) -> date:
    if blank(value):
        raise EvidenceError(f"{where}: {column} is blank; write it as 2024-02-01")
    if type(value).__name__ == "datetime64":
        value = value.astype("datetime64[us]").item()
    if isinstance(value, datetime):
        return _midnight(value, where, column)
    if isinstance(value, date):
        return _plausible(value, where, column)
    text = str(value).strip()
    if match := _ISO_DAY.fullmatch(text):
        return _calendar(match.group(1, 2, 3), text, where, column)
    raise EvidenceError(f"{where}: {column} {_date_trouble(text)}; write it as 2024-02-01")


def month_of(value: Any, where: str) -> Window:
    """A calendar month from a cell; `where` begins the message if it is none."""
    if blank(value):
        raise EvidenceError(f"{where}: month is blank; write it as 2024-02")
    if hasattr(value, "start_time") and hasattr(value, "end_time"):
        return _period(value, where)
    text = str(value).strip() if isinstance(value, str | Real) else ""
    if match := _ISO_MONTH.fullmatch(text):
        return _month_from(_calendar((*match.group(1, 2), "01"), text, where, "month"))
    if text and not _ISO_DAY.fullmatch(text):
        raise EvidenceError(f"{where}: month {_date_trouble(text)}; write it as 2024-02")
    first = _day(value, where, "month")
    if first.day != 1:
        raise EvidenceError(
            f"{where}: month {first} is not the first of a month; write it as "
            f"{first:%Y-%m}, or use the columns start,end,series,count"
        )
    return _month_from(first)


def _month_from(first: date) -> Window:
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return Window(first.replace(day=1), following - ONE_DAY)


def _period(value: Any, where: str) -> Window:
    window = Window(
        _plausible(value.start_time.date(), where, "month"),
        _plausible(value.end_time.date(), where, "month"),
    )
    if window.start.day != 1 or window != _month_from(window.start):
        raise EvidenceError(
            f"{where}: month {str(value)!r} is {window}, not one month; use months, or the "
            "columns start,end,series,count"
        )
    return window


def _midnight(value: datetime, where: str, column: str) -> date:
    if value.tzinfo is not None:
        raise EvidenceError(
            f"{where}: {column} {value} has a time zone; convert it to a local date first"
        )
    if value.time() != time(0):
        raise EvidenceError(f"{where}: {column} {value} has a time of day; give the date alone")
    return _plausible(value.date(), where, column)


def _calendar(parts: tuple[str, ...], text: str, where: str, column: str) -> date:
    try:
        day = date(*map(int, parts))
    except ValueError as error:
        raise EvidenceError(
            f"{where}: {column} {text!r} is not a date ({error}); check it against its source"
        ) from None
    return _plausible(day, where, column)


def _plausible(day: date, where: str, column: str) -> date:
    if not 1900 <= day.year <= 2100:
        raise EvidenceError(
            f"{where}: {column} {day} has the year {day.year}; is it a typing error?"
        )
    return day


def _date_trouble(text: str) -> str:
    shown = _shown(text)
    if re.fullmatch(r"[2-6]\d{4}(\.\d+)?", text):
        return f"{shown} looks like an Excel serial date"
    if match := re.fullmatch(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{2}|\d{4})", text):
        both = all(1 <= int(x) <= 12 for x in match.group(1, 2))
        if both and match.group(1) != match.group(2):
            return f"{shown} is ambiguous: day or month first?"
        return f"{shown} is not an ISO date"
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*", text):
        zoned = re.search(r"(Z|[+-]\d{2}:?\d{2})$", text)
        return f"{shown} has a time {'zone' if zoned else 'of day'}"
    return f"{shown} cannot be read as a date"
