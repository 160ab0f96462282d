"""What may come back from a source, and how long to wait for it."""

from __future__ import annotations

import email.utils
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def utc_now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer.

    Parameters
    ----------
    url
        What was asked, without secrets.
    status
        The HTTP status.
    body
        Bytes, decompressed.
    modified, tag
        The headers ``Last-Modified`` and ``ETag``; empty where there was none.
    """

    url: str
    status: int
    body: bytes = b""
    modified: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, and how often.

    Parameters
    ----------
    tries
        How often one reply is asked for.
    longest_wait, total_wait
        Seconds: the longest one wait, and all waits for one reply together.
    connect, read, whole
        Seconds until a connection stands, between two pieces of a reply, and for all of it.
    sleep, clock, now
        How to wait, seconds that only grow, and the time of day.
    """

    tries: int = 5
    longest_wait: float = 120.0
    total_wait: float = 400.0
    connect: float = 10.0
    read: float = 60.0
    whole: float = 900.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = utc_now


@dataclass(frozen=True, slots=True)
class Moved:
    """A redirect, and where to."""

    to: str


@dataclass(frozen=True, slots=True)
class Again:
    """A trouble that may pass, the first wait for it, and the wait the source asked for."""

    trouble: str
    first: float = 1.0
    asked: float | None = None

    def wait(self, attempt: int, longest: float) -> float:
        """Seconds before the next attempt: what was asked for, or twice as long each time."""
        return min(self.first * 2 ** (attempt - 1), longest) if self.asked is None else self.asked


def misfit(body: bytes, wanted: str) -> str:
    """Why a body is not of the wanted kind, with the cure; empty if it is.

    Examples
    --------
    >>> misfit(b"<html>Log in", "json")  # doctest: +ELLIPSIS
    'a web page came where JSON was wanted (a login, or maintenance?); ...'
    >>> misfit(b"id,best", "csv")
    ''
    """
    start = body[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        return "an empty reply; try again later"
    if start.startswith(b"<") and wanted != "html":
        return (
            f"a web page came where {wanted.upper()} was wanted (a login, or maintenance?); open "
            "the address in a browser"
        )
    if wanted == "zip" and not start.startswith(b"PK\x03\x04"):
        return "not a ZIP file; try again later"
    return ""


def unzipped(body: bytes, largest: int) -> bytes:
    """Bytes from gzip, whole and no more than `largest`.

    Raises
    ------
    ValueError
        Saying ``damaged``, ``cut off`` or ``too large``.

    Examples
    --------
    >>> import gzip
    >>> unzipped(gzip.compress(b"abc"), 10)
    b'abc'
    """
    reader = zlib.decompressobj(wbits=31)
    try:
        out = reader.decompress(body, largest + 1)
    except zlib.error:
        raise ValueError("damaged") from None
    if len(out) > largest:
        raise ValueError("too large")
    if not reader.eof:
        raise ValueError("cut off")
    if reader.unused_data:
        raise ValueError("damaged")
    return out


def asked_wait(header: str | None, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` header asks for: a number, or a date."""
    if not header:
        return None
    if header.isascii() and header.strip().isdigit():
        return float(header.strip()[:9])
    try:
        until = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max((until - now).total_seconds(), 0.0)


def length(header: str | None) -> int:
    """What a ``Content-Length`` header says; 0 where it says nothing."""
    return int(header) if header and header.isdigit() and len(header) < 16 else 0
