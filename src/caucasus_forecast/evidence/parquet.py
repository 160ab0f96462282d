"""Parquet files: their sizes are looked at before anything is unpacked."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import EvidenceError
from .files import MOST_BYTES, MOST_ROWS, too_large, too_long
from .problems import refused

_BATCH = 10_000


def opened(body: bytes, where: str) -> tuple[list[str], Iterator[tuple[int, Sequence[Any]]]]:
    """Names of the columns, and numbered rows.

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
        file = pq.ParquetFile(io.BytesIO(body))
        about = file.metadata
        groups = [about.row_group(i) for i in range(about.num_row_groups)]
        size = sum(group.total_byte_size for group in groups)
        columns = [str(name) for name in file.schema_arrow.names]
    except Exception as error:  # whatever damage does to it
        raise _damaged(where, error) from None
    if about.num_rows > MOST_ROWS:
        raise too_long(where)
    if size > MOST_BYTES:
        raise too_large(where, "unpacked it is")
    return columns, _rows(file, where, columns)


def _rows(file: Any, where: str, columns: list[str]) -> Iterator[tuple[int, Sequence[Any]]]:
    n = 0
    try:
        for batch in file.iter_batches(_BATCH):
            if batch.num_rows and batch.nbytes > MOST_BYTES:
                raise too_large(where, "unpacked it is")
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                n += 1
                yield n, row
    except EvidenceError:
        raise
    except Exception as error:
        raise _damaged(where, error) from None


def _damaged(where: str, error: Exception) -> Exception:
    said = str(error).partition("\n")[0][:120]
    return refused(where, f"the Parquet file is damaged ({said})", "make it again")
