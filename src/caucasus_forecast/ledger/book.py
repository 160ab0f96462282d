r"""The file of a ledger: rows that are added and never changed, each sealed to the one before.

One SQLite table. Triggers refuse to change or remove a row, and the digest of row n is

.. math:: d_n = \mathrm{SHA256}(d_{n-1} \,\Vert\, n \,\Vert\, \text{kind} \,\Vert\,
   \text{subject} \,\Vert\, \text{content}),

the parts joined by line feeds, d_0 sixty-four zeros. Every reading checks them all, so a row that
was altered around the triggers is found and named. What no file can show from inside is that rows
were cut off its end, or that all was written anew; the last digest, kept elsewhere, does.

A writer holds SQLite's write lock from before it reads until it has written. Killed at any byte, it
leaves what was there: the journal beside the file is rolled back by whoever opens it next.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import CorruptResultError, StorageError

APPLICATION, VERSION = 0x43464C31, 1  # "CFL1"
PATIENCE = 10.0  # seconds that one waits for another process
LONGEST = 16_000_000  # bytes of a row
FIRST = "0" * 64
CURE = "take the ledger from a copy"
SCHEMA = (
    "CREATE TABLE entry (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, "
    "content TEXT NOT NULL, digest TEXT NOT NULL)",
    "CREATE TRIGGER entry_stays BEFORE UPDATE ON entry "
    "BEGIN SELECT RAISE(ABORT, 'a ledger is append-only'); END",
    "CREATE TRIGGER entry_is_kept BEFORE DELETE ON entry "
    "BEGIN SELECT RAISE(ABORT, 'a ledger is append-only'); END",
    "CREATE TRIGGER entry_is_next BEFORE INSERT ON entry "
    "WHEN NEW.number IS NOT (SELECT COUNT(*) + 1 FROM entry) "
    "BEGIN SELECT RAISE(ABORT, 'a ledger is append-only'); END",
)
_HEAD = (f"PRAGMA application_id = {APPLICATION}", f"PRAGMA user_version = {VERSION}")


@dataclass(frozen=True)
class Row:
    """One row: what it is of, and its seal."""

    number: int
    kind: str
    subject: str
    content: str
    digest: str


New = tuple[str, str, str]  # kind, subject, content


def location(path: str | Path | None) -> Path:
    """Where a ledger is: where it is said to be, or among the user's data."""
    if path is not None:
        return Path(path)
    from platformdirs import user_data_path

    return user_data_path("caucasus-forecast", appauthor=False) / "ledger.sqlite"


def refuse_unwritable(path: Path, *, default: bool = False) -> None:
    """Refuse a place where no ledger can be written, before anything slow begins.

    Parameters
    ----------
    path
        The file.
    default
        Whether it is where ledgers are by default, so that its folder may be made.

    Raises
    ------
    StorageError
    """
    with _worded(path):
        if default:
            path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise StorageError(f"{path}: is a folder; name a file with --ledger")
        if not path.parent.is_dir():
            raise StorageError(
                f"{path}: cannot be written: {path.parent} is not a folder; make it, or name "
                "another file with --ledger"
            )
        there = path.exists()
        if not os.access(path if there else path.parent, os.W_OK):
            raise StorageError(
                f"{path}: may not be written; allow it, or name another file with --ledger"
            )
        if there:
            with _opened(path, "rw") as connection, _transaction(connection, path, "IMMEDIATE"):
                _refuse_strange(connection, path)


def rows(path: Path) -> tuple[Row, ...]:
    """Every row, all seals checked.

    Raises
    ------
    CorruptResultError
        Naming the first row that is not as it was written.
    StorageError
        If there is no ledger, it is of a newer version, or it cannot be read.
    """
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "no such ledger"
        raise StorageError(
            f"{path}: {kind}; add a forecast first (caucasus-forecast ledger add), or name the "
            "file with --ledger"
        )
    with (
        _worded(path),
        _opened(path, "rw" if os.access(path, os.W_OK) else "ro") as connection,
        _transaction(connection, path, "DEFERRED"),
    ):
        _refuse_strange(connection, path)
        return _checked(connection, path)


def append(path: Path, make: Callable[[tuple[Row, ...]], Sequence[New]]) -> tuple[Row, ...]:
    """Add rows, whole or not at all; no other process writes between their making and adding.

    Parameters
    ----------
    path
        The ledger, made if it is not there.
    make
        What is there → kind, subject and content of what is to be added.

    Returns
    -------
    The rows that were added.

    Raises
    ------
    CorruptResultError, StorageError
        As `rows`; also if it cannot be written.
    """
    with (
        _worded(path),
        _opened(path, "rwc") as connection,
        _transaction(connection, path, "IMMEDIATE"),
    ):
        if _empty(connection):
            for line in (*SCHEMA, *_HEAD):
                connection.execute(line)
        _refuse_strange(connection, path)
        held = _checked(connection, path)
        last, added = held[-1].digest if held else FIRST, []
        for number, new in enumerate(make(held), start=len(held) + 1):
            if sum(len(part.encode()) for part in new) > LONGEST // 2:
                raise StorageError(f"{path}: a row of more than {LONGEST // 2:,} bytes; ask less")
            last = seal(last, number, *new)
            added.append(Row(number, *new, last))
            connection.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?)", (number, *new, last))
        return tuple(added)


def seal(before: str, number: int, kind: str, subject: str, content: str) -> str:
    """The digest of a row.

    Examples
    --------
    >>> seal(FIRST, 1, "forecast", "a", "{}")[:12]
    '8a37208cb6b2'
    """
    text = "\n".join([before, str(number), kind, subject, content])
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


# --------------------------------------------------------------------------- SQLite


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)
    with closing(connection):
        connection.text_factory = lambda body: body.decode(errors="surrogateescape")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA synchronous = EXTRA")
        yield connection


@contextmanager
def _transaction(connection: sqlite3.Connection, path: Path, kind: str) -> Iterator[None]:
    connection.execute(f"BEGIN {kind}")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _empty(connection: sqlite3.Connection) -> bool:
    return not connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]


def _refuse_strange(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that is no ledger, or not one of this version, or whose guards are gone."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if _empty(connection) and not application:
        return  # its writer was stopped before the first row
    if application != APPLICATION:
        raise StorageError(
            f"{path}: an SQLite file of another program; name another file with --ledger"
        )
    if version > VERSION:
        raise StorageError(
            f"{path}: a ledger of version {version}, and this program knows {VERSION}; use the "
            "newest version of caucasus-forecast"
        )
    held = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master")}
    if held != set(SCHEMA):
        raise CorruptResultError(
            f"{path}: the table or the triggers that keep its rows have been changed; {CURE}"
        )


def _checked(connection: sqlite3.Connection, path: Path) -> tuple[Row, ...]:
    if _empty(connection):
        return ()
    found, last = [], FIRST
    query = "SELECT number, kind, subject, content, digest FROM entry ORDER BY number"
    for n, fields in enumerate(connection.execute(query), start=1):
        if fields[0] != n:
            raise CorruptResultError(f"{path}: row {n} is missing; {CURE}")
        if not all(isinstance(x, str) for x in fields[1:]) or seal(last, *fields[:4]) != fields[4]:
            raise CorruptResultError(
                f"{path}: row {n} is not as it was written, or row {n - 1} was exchanged; {CURE}"
                if n > 1
                else f"{path}: row 1 is not as it was written; {CURE}"
            )
        found.append(Row(*fields))
        last = fields[4]
    return tuple(found)


@contextmanager
def _worded(path: Path) -> Iterator[None]:
    """Say which file it was, and what to do."""
    try:
        yield
    except StorageError:
        raise
    except sqlite3.Error as error:
        raise _told(path, error) from error
    except UnicodeDecodeError as error:  # in the words of SQLite about a damaged schema
        raise CorruptResultError(f"{path}: the file is damaged; {CURE}") from error
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be read or written ({error.strerror or error}); name another file "
            "with --ledger"
        ) from error


def _told(path: Path, error: sqlite3.Error) -> StorageError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StorageError(f"{path}: another process is writing it; wait for it, and try again")
    if code == sqlite3.SQLITE_NOTADB:
        return StorageError(f"{path}: not a ledger; name another file with --ledger")
    if code == sqlite3.SQLITE_FULL:
        return StorageError(f"{path}: the disk is full; free some space, and try again")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT):
        return CorruptResultError(f"{path}: the file is damaged ({error}); {CURE}")
    return StorageError(
        f"{path}: cannot be read or written ({error}); allow it, or name another file with --ledger"
    )
