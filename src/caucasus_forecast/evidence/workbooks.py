"""Excel workbooks (.xlsx): every size is looked at before anything is unpacked."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime, time
from typing import Any

from ..errors import EvidenceError, nearest
from .files import MOST_BYTES, MOST_ROWS, too_large, too_long
from .problems import offered, quoted, refused

NO_VALUE = "no value (blank, an error such as #N/A, or a formula that was never calculated)"
MOST_CELLS = 20_000_000
_PIECE = 1 << 20
_CELL = re.compile(rb"\br\s*=\s*[\"']([A-Z]{1,3})(\d{1,7})[\"']")
_ROW = re.compile(rb"<(?:\w+:)?row\b[^>]*?\br\s*=\s*[\"'](\d{1,7})[\"']")
_TEXT = re.compile(rb"<(?:\w+:)?si[ >].*?</(?:\w+:)?si>", re.S)

Rows = Iterator[tuple[int, Sequence[Any]]]


def opened(body: bytes, where: str, sheet: str | None) -> tuple[list[str], Rows, tuple[str, ...]]:
    """Names of the columns, numbered rows, and what had to be understood.

    Parameters
    ----------
    sheet
        Name of the sheet; it may be left out where only one has cells, and that is not hidden.

    Raises
    ------
    EvidenceError
        If it is no workbook, too large, damaged, or has several sheets, or a hidden one, to choose;
        or if python-calamine is missing.
    """
    _refuse_unsafe(body, where)
    try:
        from python_calamine import CalamineWorkbook, SheetVisibleEnum
    except ImportError:
        cure = "pip install 'caucasus-forecast[tables]', or save the table as CSV"
        raise refused(where, "reading Excel needs python-calamine", cure) from None
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(body))
        every = {name: book.get_sheet_by_name(name) for name in book.sheet_names}
        filled = {name: page for name, page in every.items() if page.start is not None}
        hidden = {m.name for m in book.sheets_metadata if m.visible != SheetVisibleEnum.Visible}
    except BaseException as error:
        raise _damaged(where, error) from None
    name = _chosen(where, list(every), list(filled), hidden, sheet)
    try:
        rows = filled[name].to_python(skip_empty_area=False) if name in filled else []
    except BaseException as error:
        raise _damaged(where, error) from None
    numbered = [(n, [_plain(c) for c in row]) for n, row in enumerate(rows, start=1)]
    filled_rows = [(n, row) for n, row in numbered if any(c != "" for c in row)]
    if not filled_rows:
        raise refused(where, f"the sheet {quoted(name)} is empty", "it needs a header and rows")
    if len(filled_rows) > MOST_ROWS:
        raise too_long(where)
    concealed = ", which is hidden," if name in hidden else ""
    chosen = len(every) > 1 or bool(hidden)
    notes = (f"{where}: the sheet {quoted(name)}{concealed} was read",) * chosen
    first, header = filled_rows[0]
    return [str(c) for c in header], iter(numbered[first:]), notes


def _chosen(
    where: str, every: list[str], filled: list[str], hidden: set[str], sheet: str | None
) -> str:
    if sheet is not None:
        if sheet not in every:
            raise refused(where, f"no sheet {quoted(sheet)}", nearest(sheet, every))
        return sheet
    if len(filled) > 1:
        choices = [(name, "which is hidden" * (name in hidden)) for name in filled[:5]]
        cure = offered("sheet", *choices)
        raise refused(where, f"has {len(filled)} sheets with cells", cure)
    name = (filled or every or [""])[0]
    if name in hidden:
        cure = offered("sheet", (name, "it is read all the same"))
        raise refused(where, f"has cells only in a hidden sheet, {quoted(name)}", cure)
    return name


def _plain(value: Any) -> Any:
    """A number that is whole as a whole number; midnight as its day."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, datetime) and value.time() == time(0):
        return value.date()
    return value.strip() if isinstance(value, str) else value


def _damaged(where: str, error: BaseException) -> BaseException:
    """What the reader says of a damaged workbook; an interrupt stays what it is."""
    panicked = type(error).__name__ == "PanicException"
    if not isinstance(error, Exception) and not panicked:
        return error
    said = str(error).partition("\n")[0][:120]
    return refused(where, f"the workbook is damaged ({said})", "save it again, or as CSV")


# --------------------------------------------------------------------------- sizes


def _refuse_unsafe(body: bytes, where: str) -> None:
    """Refuse what is no workbook, or would take too much memory, from what it packs."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            names = archive.namelist()
            if "xl/workbook.xml" not in names:
                other = "mimetype" in names
                kind = "an OpenDocument file" if other else "a zip archive"
                cure = "save it as .xlsx or CSV" if other else "unpack it and name the file in it"
                raise refused(where, f"is {kind}", cure)
            if sum(info.file_size for info in archive.infolist()) > MOST_BYTES:
                raise too_large(where, "unpacked it is")
            _refuse_sheets(archive, where)
    except EvidenceError:
        raise
    except Exception as error:  # each kind of packing has errors of its own
        raise _damaged(where, error) from None


def _refuse_sheets(archive: zipfile.ZipFile, where: str) -> None:
    """Refuse far cells (the grid is laid out whole) and long texts that many cells share.

    Every part is unpacked, in pieces, so that its size and checksum are what they say.
    """
    longest = cells = 0
    for info in archive.infolist():
        name = info.filename.lower()
        if name.endswith("sharedstrings.xml"):
            longest = max(longest, _longest(archive, info))
        elif "sheet" in name and name.endswith(".xml"):
            last_row, last_column, found = _extent(archive, info)
            cells = max(cells, found)
            if last_row * last_column > MOST_CELLS:
                problem = f"a sheet reaches to row {last_row:,}, column {last_column:,}"
                raise refused(where, problem, "remove what is far outside the table")
        else:
            for _ in _pieces(archive, info):
                pass
    if longest * cells > 10 * MOST_BYTES:
        raise too_large(where, "with its texts laid out it is")


def _pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(info) as part:
        while piece := part.read(_PIECE):
            yield piece


def _extent(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[int, int, int]:
    """Last row, last column and number of the cells of a sheet, found without parsing it."""
    last_row = last_column = found = 0
    kept = b""
    for piece in _pieces(archive, info):
        text = kept + piece
        for column, row in _CELL.findall(text):
            last_row, last_column = max(last_row, int(row)), max(last_column, _column(column))
        found += piece.count(b"<c ") + piece.count(b":c ") + piece.count(b"<c>")
        last_row = max([last_row, *map(int, _ROW.findall(text))])
        kept = text[-200:]
    return max(last_row, 1), max(last_column, 1), found


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def _longest(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> int:
    body = b"".join(_pieces(archive, info))
    return max((len(match.group()) for match in _TEXT.finditer(body)), default=0)
