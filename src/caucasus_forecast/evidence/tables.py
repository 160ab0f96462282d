"""A user's table as it comes: a file or a data frame as a name, columns, and numbered rows."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import EvidenceError
from . import files
from .cells import blank
from .problems import TableError, listed, offered, quoted, refused
from .reading import SEPARATORS, Reading

_NO_COMMENTS = "remove the line; a CSV has none"
Row = Mapping[str, Any]
Cells = Iterator[tuple[int, Sequence[Any]]]


@dataclass(frozen=True, slots=True)
class Table:
    """A table before its cells are looked at.

    Attributes
    ----------
    where
        What messages call it.
    columns
        Names of its columns.
    cells
        Numbered rows with something in them, read while they are taken; one may have more or fewer
        cells than columns.
    skipped
        Numbers of the rows without anything in them, as far as rows have been taken.
    digest
        SHA-256 of the bytes it was read from; empty for a data frame.
    notes
        What had to be understood to read it.
    blanks
        What else a blank cell may have been, where it cannot be told.
    labelled
        Whether its rows have labels without a name, which are no column.
    """

    where: str
    columns: tuple[str, ...]
    cells: Cells
    digest: str = ""
    notes: tuple[str, ...] = ()
    blanks: str = ""
    labelled: bool = False
    skipped: list[int] = field(default_factory=list)

    def passed_over(self) -> list[str]:
        """A sentence on the rows without anything in them, as far as rows have been taken."""
        if not self.skipped:
            return []
        many = "s" * (len(self.skipped) > 1)
        why = self.blanks or "nothing in " + ("them" if many else "it")
        return [f"{self.where}: row{many} {listed(map(str, self.skipped))} skipped: {why}"]

    def misaligned(self, n: int, cells: Sequence[Any]) -> TableError | None:
        """The error of a row that has not one cell for each column, if it is that."""
        if len(cells) == len(self.columns):
            return None
        if comment := self.comment(n, cells):
            return comment
        names = ", ".join(self.columns[:12]) + (", …" if len(self.columns) > 12 else "")
        problem = f"{len(cells)} cells under {len(self.columns)} columns ({names})"
        cure = "a thousands separator or a stray comma?"
        return refused(f"{self.where}, row {n}", problem, cure, row=n)

    def nameless(self, n: int, cells: Sequence[Any]) -> dict[int, TableError]:
        """The errors of the cells of a row that stand under no name, by number of the column.

        A number in the first column is the number of its row, as data frames are written.
        """
        under = {i: cells[i] for i, name in enumerate(self.columns) if not name}
        if str(under.get(0, "")).isdigit():
            del under[0]
        return {i: self._nameless(n, i, value) for i, value in under.items() if not blank(value)}

    def _nameless(self, n: int, column: int, value: Any) -> TableError:
        problem = f"{quoted(value)} stands in column {column + 1}, which has no name"
        cure = "name the column, or drop its cells; a thousands separator splits a number in two"
        at = {"row": n, "column": f"column {column + 1}", "value": str(value)[:60]}
        return refused(f"{self.where}, row {n}", problem, cure, **at)

    def comment(self, n: int, cells: Sequence[Any]) -> TableError | None:
        """The error of a row that is a comment, if it is that."""
        first = str(cells[0]).strip()
        if not first.startswith("#"):
            return None
        problem = f"{quoted(first)} is a comment"
        return refused(f"{self.where}, row {n}", problem, _NO_COMMENTS, row=n, value=first[:60])


def table_rows(
    source: Any, *, fold: bool = True
) -> tuple[str, list[str], Iterable[tuple[int, Row]]]:
    """A user's table: its name for messages, its columns, and its numbered rows.

    Parameters
    ----------
    source
        Path of a CSV (also gzipped), Parquet or Excel file, or any data frame.
    fold
        Whether the names of the columns are given in lower case.

    Raises
    ------
    EvidenceError
        If it cannot be read.
    """
    table = open_table(source, fold=fold)
    return table.where, list(table.columns), _rows(table)


def _rows(table: Table) -> Iterator[tuple[int, Row]]:
    for n, cells in table.cells:
        if wrong := table.misaligned(n, cells):
            raise wrong
        for error in table.nameless(n, cells).values():
            raise error
        yield n, dict(zip(table.columns, cells, strict=True))


def open_table(source: Any, reading: Reading | None = None, *, fold: bool = True) -> Table:
    """Open a file or a data frame.

    Raises
    ------
    EvidenceError
        If it is of no kind that is read here, too large, or damaged.
    """
    reading = reading or Reading()
    if isinstance(source, str | Path):
        table = _file(Path(source), reading, fold)
    else:
        table = _frame(source, reading, fold)
    files.refuse_wide(table.columns, table.where)
    return replace(table, cells=_filled(table))


def _filled(table: Table) -> Cells:
    """The rows with more in them than a row number."""
    numbered = table.columns[:1] == ("",)
    for n, row in table.cells:
        own = row[1:] if numbered and str(row[0]).isdigit() else row
        if all(map(blank, own)):
            table.skipped.append(n)
        else:
            yield n, row


def named(columns: Iterable[Any], fold: bool) -> tuple[str, ...]:
    """Names of columns without the blanks around them."""
    return tuple(str(c).strip().lower() if fold else str(c).strip() for c in columns)


# --------------------------------------------------------------------------- files


def _file(path: Path, reading: Reading, fold: bool) -> Table:
    body, where = files.body_of(path), path.name
    digest = hashlib.sha256(body).hexdigest()
    if body.startswith(files.PARQUET):
        from .parquet import opened as parquet

        _refuse_choices(where, "a Parquet file", reading, "separator", "sheet")
        columns, cells, labelled = parquet(body, where)
        return Table(where, named(columns, fold), cells, digest, labelled=labelled)
    if body.startswith(files.ZIP):
        from .workbooks import NO_VALUE
        from .workbooks import opened as workbook

        _refuse_choices(where, "a workbook", reading, "separator")
        columns, cells, notes = workbook(body, where, reading.sheet)
        return Table(where, named(columns, fold), cells, digest, notes, NO_VALUE)
    files.refuse_other(body, where)
    _refuse_choices(where, "a text file", reading, "sheet")
    if body.startswith(files.GZIP):
        body = files.unzipped(body, where)
        if body.startswith((files.GZIP, files.PARQUET, files.ZIP)):
            raise refused(where, "gzip holds a packed file, not a text", "unpack it first")
    header, cells, notes = _csv(body, where, reading.separator)
    return Table(where, named(header, fold), cells, digest, notes)


def _refuse_choices(where: str, kind: str, reading: Reading, *options: str) -> None:
    for option in options:
        if getattr(reading, option) is not None:
            raise refused(where, f"is {kind}, which has no {option}", f"leave out {option}")


def _csv(
    body: bytes, where: str, separator: str | None
) -> tuple[Sequence[str], Cells, tuple[str, ...]]:
    _refuse_binary(body, where)
    line = next((x for x in _text(body) if x.strip(" ,;\t\r\n")), "").strip()
    if line.startswith("#"):
        raise refused(where, f"{quoted(line)} is a comment", _NO_COMMENTS, row=1, value=line[:60])
    if line.lower().startswith("sep="):
        cure = "remove the line; " + offered("separator", *((name, "") for name in SEPARATORS))
        raise refused(where, f"{quoted(line)} is a note to a spreadsheet", cure, row=1)
    mark = SEPARATORS[separator] if separator else _separator(line, body, where)
    rows = _split(body, where, mark)
    header = next((row for row in rows if any(row[1])), None)
    if header is None:
        raise refused(where, "the file is empty", "it needs a header and rows")
    if separator is not None or mark == ",":
        return header[1], rows, ()
    name = next(name for name, known in SEPARATORS.items() if known == mark)
    return header[1], rows, (f"{where}: columns are separated by a {name}",)


def _refuse_binary(body: bytes, where: str) -> None:
    try:
        body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = body.count(b"\n", 0, error.start) + 1
        problem = f"not UTF-8 text at byte {error.start}, in row {row}"
        raise refused(where, problem, "save it as 'CSV UTF-8'", row=row) from None
    if b"\0" in body:
        raise refused(where, "holds binary data, not text", "save it as 'CSV UTF-8'")


def _text(body: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(body), encoding="utf-8-sig", newline="")


def _split(body: bytes, where: str, mark: str) -> Cells:
    """Rows, numbered by their last line; an empty line is none."""
    reader = csv.reader(_text(body), delimiter=mark, strict=True)
    taken = 0
    try:
        for row in reader:
            cells = [c.strip() for c in row]
            if len(cells) > 1 or any(cells):
                if taken > files.MOST_ROWS:
                    raise files.too_long(where)
                taken += 1
                yield reader.line_num, cells
    except csv.Error as error:
        n = reader.line_num
        raise refused(f"{where}, row {n}", str(error), "check the quotes", row=n) from None


def _separator(line: str, body: bytes, where: str) -> str:
    """The separator of the header; where it has several, the one that fits all rows."""
    there = {name: mark for name, mark in SEPARATORS.items() if mark in line}
    fits = there if len(there) < 2 else {n: m for n, m in there.items() if _fits(body, where, m)}
    if len(fits) == 1:
        return next(iter(fits.values()))
    if not there:
        return ","
    problem = f"columns may be separated by {' or '.join(f'a {name}' for name in there)}"
    raise refused(where, problem, offered("separator", *((name, "") for name in there)), row=1)


def _fits(body: bytes, where: str, mark: str) -> bool:
    try:
        return len({len(cells) for _, cells in _split(body, where, mark) if any(cells)}) == 1
    except TableError:
        return False


# --------------------------------------------------------------------------- data frames

_FRAMES = ("to_frame", "to_dataframe")


def _frame(source: Any, reading: Reading, fold: bool) -> Table:
    import narwhals.stable.v2 as nw  # only a data frame needs it: CSV stays light

    _refuse_choices("data frame", "a data frame", reading, "separator", "sheet")
    try:
        native = _native(_with_columns(source))
        frame = native.collect() if isinstance(native, nw.LazyFrame) else native
        if len(frame) > files.MOST_ROWS:
            raise files.too_long("data frame")
        columns, cells = named(frame.columns, fold), enumerate(frame.rows(), start=1)
        return Table("data frame", columns, cells, labelled=_labelled(source))
    except EvidenceError:
        raise
    except nw.exceptions.DuplicateError as error:
        said = " ".join(str(error).split())[:160]
        problem, cure = "a column appears twice", f"keep one ({said})"
        raise refused("data frame", problem, cure) from None
    except BaseException as error:  # each library has errors of its own, and polars panics
        raise files.unreadable("data frame", error) from None


def _native(source: Any) -> Any:
    """A frame as narwhals has it."""
    import narwhals.stable.v2 as nw

    try:
        return nw.from_native(source)
    except TypeError:
        ways = [f", as {way}() gives" for way in _FRAMES if hasattr(source, way)]
        cure = "pass a CSV path or a data frame" + "".join(ways[:1])
        raise refused(f"counts given as {type(source).__name__}", "", cure) from None


def _with_columns(source: Any) -> Any:
    """A frame with every row label as a column: the named ones, and dates without a name."""
    if type(source).__name__ == "RecordBatch":
        import pyarrow as pa

        return pa.Table.from_batches([source])
    index = getattr(source, "index", None)
    if not hasattr(source, "reset_index") or not hasattr(source, "columns") or index is None:
        return source
    unnamed = {"PeriodIndex": "month", "DatetimeIndex": "date"}.get(type(index).__name__)
    labels = [unnamed if name is None else name for name in index.names]
    if None in labels or any(name in source.columns for name in labels):
        return source
    return source.rename_axis(index=labels).reset_index()


def _labelled(source: Any) -> bool:
    """Whether a frame has row labels without a name that are more than row numbers."""
    index = getattr(source, "index", None)
    if not hasattr(source, "reset_index") or type(index).__name__ == "RangeIndex":
        return False
    return None in getattr(index, "names", ())
