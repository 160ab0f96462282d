"""What was fetched, kept in the user's cache directory with a manifest beside each file.

    <cache>/ucdp/GEDEvent_v26_0_8.csv.manifest        where and when it came from, SHA-256, rows
    <cache>/ucdp/4be1c8a90d12-GEDEvent_v26_0_8.csv    the reply, byte for byte
    <cache>/ucdp/refused/...                          replies that could not be used

The cache is `platformdirs.user_cache_path("caucasus-forecast")`, or the folder that the variable
``CAUCASUS_FORECAST_CACHE`` names. Files are written whole or not at all, the manifest last,
and the older reply goes when the newer one is complete. One process at a time writes a source's
folder. What is read is compared with its SHA-256.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from .. import atomic
from ..errors import CaucasusForecastError, SourceError, expect
from .manifests import MANIFEST, Entry, Facts, manifest_bytes, read_manifest
from .replies import Reply, utc_now

VARIABLE = "CAUCASUS_FORECAST_CACHE"
SHRINKAGE = 0.1
REFUSED = "refused"
KEPT_BYTES = 1_000_000
KEPT_FILES = 20


def home() -> Path:
    """The folder all sources are cached in.

    Raises
    ------
    SourceError
        If the environment variable names no whole path.
    """
    named = os.environ.get(VARIABLE, "")
    if not named:
        from platformdirs import user_cache_path

        return user_cache_path("caucasus-forecast", appauthor=False)
    if not Path(named).is_absolute():
        raise SourceError(f"{VARIABLE} is {named!r}, which is not a whole path; begin it with /")
    return Path(named)


@dataclass(frozen=True)
class Cache:
    """The folder of one source.

    Parameters
    ----------
    source
        Its name, one safe part of a path.
    now
        The time of day.
    private
        Whether nobody but the user may look into it.

    Examples
    --------
    >>> Cache("ucdp").folder.name
    'ucdp'
    """

    source: str
    now: Callable[[], datetime] = utc_now
    private: bool = False

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return home() / atomic.component(self.source, "source")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make the folder, see that it can be written to, and be alone in it.

        Raises
        ------
        SourceError
            If it cannot be written to, or another process is at work there.
        """
        cure = f"set {VARIABLE} to a folder that can be written to"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if self.private:
                self.folder.chmod(0o700)
            lock = FileLock(self.folder / ".lock")
            lock.acquire(timeout=60)
        except Timeout:
            raise SourceError(
                f"{self.folder}: another process is fetching; wait for it to end"
            ) from None
        except (OSError, NotImplementedError) as error:
            why = getattr(error, "strerror", None) or error
            raise SourceError(
                f"{self.folder}: the cache cannot be written to ({why}); {cure}"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def entries(self) -> tuple[Entry, ...]:
        """The manifests of all stored replies, by name.

        Raises
        ------
        SourceError
            If one cannot be read.
        """
        return tuple(read_manifest(path) for path in sorted(self.folder.glob(f"*{MANIFEST}")))

    def entry(self, name: str) -> Entry | None:
        """The manifest of a stored reply; None if it is not there.

        Raises
        ------
        SourceError
            If it cannot be read.
        """
        manifest = self._manifest(name)
        return read_manifest(manifest) if manifest.exists() else None

    def read(self, name: str) -> tuple[Entry, bytes]:
        """A stored reply, compared with its SHA-256.

        Raises
        ------
        SourceError
            If it is not there, or altered.
        """
        entry, manifest = self.entry(name), self._manifest(name)
        if entry is None:
            raise SourceError(f"{name}: not in the cache ({self.folder}); fetch it once online")
        path = self._body(name, entry.sha256)
        try:
            body = path.read_bytes()
        except OSError as error:
            raise SourceError(
                f"{path}: cannot be read ({error.strerror or error}); delete {manifest} and fetch "
                "again"
            ) from None
        if hashlib.sha256(body).hexdigest() != entry.sha256:
            raise SourceError(
                f"{path}: was altered since it was fetched (its SHA-256 differs); delete "
                f"{manifest} and fetch again"
            )
        return entry, body

    def put(self, name: str, reply: Reply, facts: Facts) -> Entry:
        """Store a reply in the place of an older one, unless rows got lost.

        Call it inside `writing`.

        Parameters
        ----------
        name
            One safe part of a path.
        reply
            As it came.
        facts
            What is in it.

        Raises
        ------
        SourceError
            If it holds no rows and the older one does, or more than a tenth fewer.
        """
        old = self.entry(name)
        digest = hashlib.sha256(reply.body).hexdigest()
        if old is not None:
            self.refuse_shrunken(name, facts, old)
        same = old is not None and old.sha256 == digest
        entry = Entry(
            name=name,
            url=reply.url,
            retrieved=old.retrieved if old and same else self.now().isoformat(timespec="seconds"),
            modified=reply.modified,
            tag=reply.tag,
            sha256=digest,
            bytes=len(reply.body),
            facts=facts,
            replaced=old.replaced if old and same else old.sha256 if old else "",
        )
        _write(self._body(name, digest), reply.body)
        _write(self._manifest(name), manifest_bytes(entry))
        if old is not None and not same:
            with suppress(OSError):
                self._body(name, old.sha256).unlink()
        return entry

    def refuse_shrunken(self, name: str, facts: Facts, old: Entry) -> None:
        """Refuse what holds fewer rows than there were: none, or over a tenth fewer.

        Raises
        ------
        SourceError
            Naming the file to delete where the loss is meant.
        """
        if facts.rows < old.facts.rows * (1 - SHRINKAGE):
            raise SourceError(
                f"{name}: {facts.rows} rows came where the cache has {old.facts.rows} (of "
                f"{old.name}, {old.retrieved[:10]}); nothing was replaced. If the loss is meant, "
                f"delete {self._manifest(old.name)} and fetch again"
            )

    def keep_refused(self, name: str, body: bytes) -> Path | None:
        """Keep a reply that could not be used, its first megabyte, for a bug report.

        The newest few are kept; None if it cannot be written.
        """
        folder = self.folder / REFUSED
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".")[-60:] or "reply"
        path = folder / f"{self.now():%Y%m%dT%H%M%S%f}-{safe}.txt"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            atomic.write(path, body[:KEPT_BYTES], overwrite=True)
            for old in sorted(folder.glob("*.txt"))[:-KEPT_FILES]:
                old.unlink(missing_ok=True)
        except (OSError, CaucasusForecastError):
            return None
        return path

    def spend(self, most: int) -> None:
        """Count one request against a quota of `most` a day (UTC), across processes.

        Raises
        ------
        SourceError
            If the day's requests are used up.
        """
        path, today = self.folder / ".requests", self.now().date().isoformat()
        try:
            day, sent = path.read_text(encoding="ascii").split()
            used = int(sent) if day == today else 0
        except (OSError, ValueError):
            used = 0
        if used >= most:
            raise SourceError(
                f"{self.source}: {used} requests were sent today, and the source allows few more; "
                "go on tomorrow, or take the downloads, which need no token"
            )
        _write(path, f"{today} {used + 1}\n".encode())

    def _manifest(self, name: str) -> Path:
        return self.folder / f"{atomic.component(name, 'file')}{MANIFEST}"

    def _body(self, name: str, digest: str) -> Path:
        return self.folder / f"{digest[:12]}-{atomic.component(name, 'file')}"


def usable(cache: Cache | None) -> Cache | None:
    """A cache that a caller gives, if any.

    Raises
    ------
    SourceError
        If it is something else.

    Examples
    --------
    >>> usable("folder")
    Traceback (most recent call last):
    ...
    caucasus_forecast.errors.SourceError: cache is given as str; leave it out, and name a folder \
with the variable CAUCASUS_FORECAST_CACHE
    """
    cure = f"leave it out, and name a folder with the variable {VARIABLE}"
    expect(cache, (Cache, type(None)), "cache", cure, SourceError)
    return cache


def _write(path: Path, body: bytes) -> None:
    try:
        atomic.write(path, body, overwrite=True)
    except CaucasusForecastError as error:
        raise SourceError(str(error)) from None
