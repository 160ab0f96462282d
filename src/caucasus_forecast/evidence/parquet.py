"""Parquet files: their sizes are looked at before anything is unpacked."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

from .files import MOST_BYTES, MOST_ROWS, too_large, too_long, unreadable
from .problems import quoted, refused

_BATCH = 10_000  # rows
_LABELS = re.compile(r"__index_level_\d+__")


def opened(body: bytes, where: str) -> tuple[list[str], Iterator[tuple[int, Sequence[Any]]], bool]:
    """Names of the columns, numbered rows, and whether row labels without a name are left out.

    Raises
    ------
    EvidenceError
        If it is too large, is damaged, or pyarrow is missing.
    """
    try:
        import pyarrow.parquet as pq
    except ImportError:
        cure = "pip install 'caucasus-forecast[tables]', or save the table as CSV"
        raise refused(where, "reading Parquet needs pyarrow", cure) from None
    try:
        texts = _texts(pq.ParquetFile(io.BytesIO(body)).schema_arrow)
        file = pq.ParquetFile(io.BytesIO(body), read_dictionary=texts)
        about = file.metadata
        groups = [about.row_group(i) for i in range(about.num_row_groups)]
        size = sum(group.total_byte_size for group in groups)
        columns = _named(file.schema_arrow)
    except Exception as error:  # whatever damage does to it
        raise _damaged(where, error) from None
    if about.num_rows > MOST_ROWS:
        raise too_long(where)
    if size > MOST_BYTES:
        raise too_large(where, "unpacked it is")
    named = [name for name in columns if name is not None]
    return named, _rows(file, where, columns), len(named) < len(columns)


def _named(schema: Any) -> list[str | None]:
    """Names of the columns; of row labels that pandas saved without one, `date` if they are days.

    Other labels without a name are no column, as in a data frame.
    """
    import pyarrow.types as kinds

    days = {f.name for f in schema if kinds.is_timestamp(f.type) or kinds.is_date(f.type)}
    label = None if "date" in schema.names else "date"
    return [
        str(name) if not _LABELS.fullmatch(name) else label if name in days else None
        for name in schema.names
    ]


def _texts(schema: Any) -> list[str]:
    """Names of the columns of texts, which are read as each text once and its places."""
    import pyarrow.types as kinds

    return [
        field.name
        for field in schema
        if kinds.is_string(field.type)
        or kinds.is_large_string(field.type)
        or kinds.is_binary(field.type)
    ]


def _rows(file: Any, where: str, columns: list[str | None]) -> Iterator[tuple[int, Sequence[Any]]]:
    n = size = 0
    batches = file.iter_batches(_BATCH)
    while True:
        try:
            batch = next(batches, None)
        except Exception as error:
            raise _damaged(where, error) from None
        if batch is None:
            return
        size += sum(map(_size, batch.columns))
        if size > MOST_BYTES:
            raise too_large(where, "unpacked it is")
        named = [
            _values(column, name, where)
            for name, column in zip(columns, batch.columns, strict=True)
            if name is not None
        ]
        for row in zip(*named, strict=True):
            n += 1
            yield n, row


def _size(column: Any) -> int:
    """Bytes of a column once each row has its text."""
    import pyarrow.compute as pc

    if not hasattr(column, "dictionary"):
        return int(column.nbytes)
    try:
        lengths = pc.binary_length(column.dictionary)
    except NotImplementedError:  # a dictionary of no texts
        return int(column.nbytes)
    return int(pc.sum(lengths.cast("int64").take(column.indices)).as_py() or 0)


def _values(column: Any, name: str, where: str) -> list[Any]:
    try:
        plain = column.dictionary_decode() if hasattr(column, "dictionary") else column
        found: list[Any] = plain.to_pylist()
    except Exception as error:  # a date beyond the year 9999, say
        raise unreadable(f"{where}: column {quoted(name)}", error) from None
    return found


def _damaged(where: str, error: Exception) -> Exception:
    said = str(error).partition("\n")[0][:120]
    return refused(where, f"the Parquet file is damaged ({said})", "make it again")
