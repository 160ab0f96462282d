"""The manifest of a stored reply: where and when it came from, and what is in it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

from ..errors import SourceError

MANIFEST = ".manifest"


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found in a reply when it was read.

    Parameters
    ----------
    rows
        How many.
    first, last
        The first and last day told of, ISO; empty where there is none.
    columns
        Fingerprint of the names of its columns, see `fingerprint`.
    """

    rows: int
    first: str = ""
    last: str = ""
    columns: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """The manifest of a stored reply.

    Parameters
    ----------
    name
        Of the file.
    url
        Where it came from, without secrets.
    retrieved
        When these very bytes first came, ISO, UTC.
    modified, tag
        ``Last-Modified`` and ``ETag`` as the source told them.
    sha256, bytes
        Of the file.
    facts
        What is in it.
    replaced
        SHA-256 of the reply that it took the place of; empty for the first.
    """

    name: str
    url: str
    retrieved: str
    modified: str
    tag: str
    sha256: str
    bytes: int
    facts: Facts
    replaced: str = ""


def manifest_bytes(entry: Entry) -> bytes:
    """A manifest as it is written."""
    return (json.dumps(asdict(entry), ensure_ascii=False, indent=2) + "\n").encode()


def read_manifest(manifest: Path) -> Entry:
    """A manifest from its file.

    Raises
    ------
    SourceError
        If it cannot be read, or is that of another file.
    """
    try:
        fields = json.loads(manifest.read_text(encoding="utf-8"))
        facts = Facts(**fields.pop("facts"))
        entry = Entry(facts=facts, **fields)
        datetime.fromisoformat(entry.retrieved)
        for day in filter(None, (facts.first, facts.last)):
            date.fromisoformat(day)
        if not isinstance(facts.rows, int) or manifest.name != f"{entry.name}{MANIFEST}":
            raise ValueError("does not fit its file")
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise SourceError(
            f"{manifest}: the manifest cannot be read ({type(error).__name__}); delete it and "
            "fetch again"
        ) from None
    return entry


def fingerprint(columns: list[str]) -> str:
    """A short mark of the names of columns, the same in whatever order they stand.

    Examples
    --------
    >>> fingerprint(["id", "best"]) == fingerprint(["best", "id"]) != fingerprint(["id"])
    True
    """
    return hashlib.sha256("\n".join(sorted(columns)).encode()).hexdigest()[:16]
