"""The road without a key: the CSV files on UCDP's page of downloads."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from ..errors import SourceError
from .cache import Cache
from .http import Client
from .manifests import Entry
from .replies import Patience
from .ucdp_releases import Release, linked
from .ucdp_rows import Table, Wanted, csv_lines, read

DOWNLOADS = "https://ucdp.uu.se/downloads/"
LARGEST = 300_000_000
LARGEST_CSV = 2_000_000_000


def downloads(cache: Cache) -> Client:
    """How the downloads are asked for."""
    return Client(
        "UCDP",
        DOWNLOADS,
        cures={
            403: "UCDP refuses downloads from here; try from another network, or the API (--api)",
            404: "there is no such release; look at https://ucdp.uu.se/downloads/",
        },
        patience=Patience(now=cache.now),
        largest=LARGEST,
        keep=cache.keep_refused,
    )


@dataclass(frozen=True)
class Downloads:
    """Releases as files.

    Parameters
    ----------
    client
        Asks; None to take what is in the cache.
    cache
        Keeps.
    wanted
        Which events.
    """

    client: Client | None
    cache: Cache
    wanted: Wanted

    def offered(self) -> set[Release]:
        """The releases that the page of downloads links to; none if there is no such page."""
        if self.client is None:
            return linked(" ".join(f"{p}/{e.name}" for e in self.cache.entries() for p in FOLDERS))
        reply = self.client.get("", "html", accept=(200, 404))
        return linked(reply.body.decode("utf-8", errors="replace"))

    def table(self, release: Release) -> tuple[Entry, Table] | None:
        """A release, fetched or from the cache; None if there is none, or no row in it.

        Raises
        ------
        SourceError
            If it cannot be read, or would replace better data.
        """
        old = self.cache.entry(release.file)
        if self.client is None:
            return None if old is None else self._cached(release)
        wanted = "zip" if release.final else "csv"
        known = {} if old is None else _conditions(old)
        reply = self.client.get(release.path, wanted, accept=(200, 304, 404), known=known)
        if reply.status == 304 or (reply.status == 404 and old is not None):
            return self._cached(release)
        if reply.status == 404:
            return None
        try:
            table = self._read(release, reply.body)
        except SourceError as error:
            raise self.client.refuse(reply.url, reply.body, str(error)) from None
        if table.facts.rows == 0 and old is None:
            return None
        if release.final:
            self._refuse_smaller_than_before(release, table)
        return self.cache.put(release.file, reply, table.facts), table

    def _cached(self, release: Release) -> tuple[Entry, Table]:
        entry, body = self.cache.read(release.file)
        return entry, self._read(release, body)

    def _read(self, release: Release, body: bytes) -> Table:
        with _text(release, body) as text:
            return read(release, self.wanted, release.file, csv_lines(release.file, text))

    def _refuse_smaller_than_before(self, release: Release, table: Table) -> None:
        """A final release holds all years: one with fewer rows than an older one is not whole."""
        for entry in self.cache.entries():
            older = linked(f"ged/{entry.name}")
            if any(r.final and r.order < release.order for r in older):
                self.cache.refuse_shrunken(release.file, table.facts, entry)


FOLDERS = ("ged", "candidateged")


def _conditions(entry: Entry) -> dict[str, str]:
    marks = {"If-None-Match": entry.tag, "If-Modified-Since": entry.modified}
    return {name: value for name, value in marks.items() if value}


@contextmanager
def _text(release: Release, body: bytes) -> Iterator[TextIO]:
    """The CSV text of a download, taken out of its ZIP file while it is read."""
    if not release.final:
        yield io.TextIOWrapper(io.BytesIO(body), "utf-8-sig", errors="replace", newline="")
        return
    damaged = f"{release.file}: the ZIP file is cut off or damaged; fetch it again"
    try:
        with (
            zipfile.ZipFile(io.BytesIO(body)) as archive,
            archive.open(_member(release, archive.infolist())) as file,
        ):
            yield io.TextIOWrapper(file, "utf-8-sig", errors="replace", newline="")
    except SourceError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError):
        raise SourceError(damaged) from None


def _member(release: Release, members: Sequence[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    tables = [m for m in members if m.filename.lower().endswith(".csv")]
    if len(tables) != 1:
        raise SourceError(
            f"{release.file}: holds {len(tables)} CSV files, not one; the layout changed, look for "
            "a newer version of this library"
        )
    if tables[0].file_size > LARGEST_CSV:
        raise SourceError(
            f"{release.file}: would unpack to {tables[0].file_size / 1e6:.0f} MB; refused"
        )
    return tables[0]
