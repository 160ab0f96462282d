"""The bytes of a user's file: read once, up to a limit, and told apart by how they begin."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sized
from pathlib import Path

from ..errors import EvidenceError
from .problems import quoted, refused

MOST_BYTES = 200_000_000  # of a file, and of what it unpacks to
MOST_ROWS = 1_000_000
MOST_COLUMNS = 2_000
_PIECE = 1 << 20

GZIP, PARQUET, ZIP = b"\x1f\x8b", b"PAR1", b"PK\x03\x04"
OTHERS = {
    b"\xd0\xcf\x11\xe0": ("an old Excel file (.xls) or a locked one", "save it as .xlsx or CSV"),
    b"PK\x05\x06": ("an empty zip archive", "name the file with the rows"),
    b"%PDF": ("a PDF", "name the file its table was made from"),
    b"ARROW1": ("an Arrow file", "save it as Parquet or CSV"),
    b"BZh": ("compressed with bzip2", "unpack it first"),
    b"\xfd7zXZ": ("compressed with xz", "unpack it first"),
    b"\x28\xb5\x2f\xfd": ("compressed with zstd", "unpack it first"),
    b"7z\xbc\xaf": ("a 7z archive", "unpack it first"),
    b"Rar!": ("a RAR archive", "unpack it first"),
    b"\x89HDF": ("an HDF5 or netCDF file", "save its table as CSV"),
    b"SQLite format 3": ("an SQLite database", "save its table as CSV"),
    b"<?xml": ("an XML file", "save its table as CSV"),
    b"<!doctype": ("a web page", "download the table itself"),
    b"<html": ("a web page", "download the table itself"),
    b"\xff\xfe": ("not UTF-8 text at byte 0 but UTF-16", "save it as 'CSV UTF-8'"),
    b"\xfe\xff": ("not UTF-8 text at byte 0 but UTF-16", "save it as 'CSV UTF-8'"),
}  # fmt: skip


def body_of(path: Path) -> bytes:
    """All bytes of a file.

    Raises
    ------
    EvidenceError
        If it is missing, is no file, is too large, or cannot be read.
    """
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise refused(str(path), "not a file but a device or a pipe", "name a file")
        with path.open("rb") as file:
            body = file.read(MOST_BYTES + 1)
    except EvidenceError:
        raise
    except FileNotFoundError:
        web = re.match(r"(https?|ftp|s3):/", str(path))
        cure = "download the file and name that" if web else "check the path"
        raise refused(str(path), "no such file", cure) from None
    except IsADirectoryError:
        raise refused(str(path), "is a folder", "name the CSV file in it") from None
    except (OSError, ValueError) as error:
        place = f"{quoted(str(path))} cannot be read ({error})"
        raise refused(place, "", "check the path") from None
    if len(body) > MOST_BYTES:
        raise too_large(path.name, "the file is")
    return body


def unzipped(body: bytes, where: str) -> bytes:
    """What gzip packed, unpacked in pieces and never beyond the limit.

    Raises
    ------
    EvidenceError
        If it is too large, or damaged.
    """
    found, size, left = [], 0, body
    try:
        while left:
            unpacker = zlib.decompressobj(wbits=31)
            while not unpacker.eof:
                piece = unpacker.decompress(left, _PIECE)
                left = unpacker.unconsumed_tail or unpacker.unused_data
                size += len(piece)
                if size > MOST_BYTES:
                    raise too_large(where, "unpacked it is")
                if not piece and not left and not unpacker.eof:
                    raise zlib.error("the end is missing")
                found.append(piece)
            left = unpacker.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise refused(where, f"the gzip file is damaged ({error})", "make it again") from None
    return b"".join(found)


def refuse_other(body: bytes, where: str) -> None:
    """Refuse a kind of file that is known and cannot be read here.

    Raises
    ------
    EvidenceError
        Naming the kind and the cure.
    """
    for magic, (kind, cure) in OTHERS.items():
        if body.startswith(magic) or body[:64].lstrip().lower().startswith(magic):
            raise refused(where, kind if kind.startswith("not ") else f"is {kind}", cure)


def too_large(where: str, what: str) -> Exception:
    """The error of a file that is too large."""
    limit = f"{MOST_BYTES // 1_000_000} MB"
    return refused(where, f"{what} over {limit}", "keep the rows and columns that are needed")


def refuse_wide(columns: Sized, where: str) -> None:
    """Refuse a table with more columns than any has that people use.

    Raises
    ------
    EvidenceError
    """
    if len(columns) > MOST_COLUMNS:
        problem = f"{len(columns):,} columns; at most {MOST_COLUMNS:,} are read"
        raise refused(where, problem, "keep those that are needed")


def unreadable(what: str, error: BaseException) -> BaseException:
    """What a library says of values that it cannot give; an interrupt stays what it is."""
    if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
        return error
    lines = str(error).strip().splitlines() or [""]
    said = f"{type(error).__name__}: {lines[0][:120]}" if lines[0] else type(error).__name__
    cure = "correct or drop the column that it cannot hold, or save the table as CSV"
    return refused(what, f"cannot be read ({said})", cure)


def too_long(where: str) -> Exception:
    """The error of a table with too many rows."""
    cure = "keep those of the series and years that are needed"
    return refused(where, f"more than {MOST_ROWS:,} rows", cure)
