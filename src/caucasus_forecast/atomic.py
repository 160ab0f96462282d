"""Files written whole or not at all.

What is written goes to a temporary name beside the target, is synced to the disk, and is renamed
over it. A process killed at any point leaves the old file whole, or none. One process at a time
writes a target: it holds a lock beside it, which the system lets go when the process ends, however
it ends. Who holds the lock knows that every temporary file of that target is a dead writer's, and
removes it.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile

from . import stopping
from .errors import StorageError, expect

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
RESERVED = {"con", "prn", "aux", "nul", *(f"{d}{i}" for d in ("com", "lpt") for i in range(1, 10))}


@contextmanager
def replacing(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A temporary name to write to; when the block ends well it takes the place of `path`.

    Parameters
    ----------
    path
        The file to be.
    overwrite
        Whether a file that is there may be replaced.

    Raises
    ------
    StorageError
        If the file exists (and `overwrite` is false), another process is writing it, or it cannot
        be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with replacing(Path(folder) / "a.txt") as temporary:
    ...         _ = temporary.write_text("whole")
    ...     (Path(folder) / "a.txt").read_text()
    'whole'
    """
    target = place(path)
    refuse_taken(target, overwrite)
    with worded(target), alone(target):
        temporary = beside(target)
        try:
            yield temporary
            synced(temporary)
            refuse_taken(target, overwrite)
            if target.is_file():
                shutil.copymode(target, temporary)
            temporary.replace(target)
            synced(target.parent)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def write(path: str | Path, body: bytes, *, overwrite: bool = False) -> Path:
    """Write bytes to a file, whole or not at all; see `replacing`.

    Raises
    ------
    StorageError
        As `replacing`.
    """
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(body)
    return Path(path)


def place(path: str | Path) -> Path:
    """Where a file is, or is to be.

    Raises
    ------
    StorageError
        If that is no path.

    Examples
    --------
    >>> place("forecast.nc").name
    'forecast.nc'
    """
    expect(path, (str, os.PathLike), "path", "give a text or a Path", StorageError)
    if "\0" in os.fspath(path):
        raise StorageError(f"{str(path)!r}: has a null character in it; choose another name")
    return Path(path)


def refuse_taken(path: Path, overwrite: bool) -> None:
    """Refuse a file that exists, unless it may be replaced, and what is no file.

    Raises
    ------
    StorageError
    """
    with worded(path):
        there, folder = path.exists() or path.is_symlink(), path.is_dir()
        strange = path.exists() and not (folder or path.is_file())
    if folder:
        raise StorageError(f"{path}: is a folder; name a file in it")
    if strange:
        raise StorageError(f"{path}: is a device or a pipe, not a file; choose another name")
    if there and not overwrite:
        raise StorageError(f"{path}: exists; choose another name or allow overwriting")


def refuse_full(path: Path, needed: int) -> None:
    """Refuse a place that is known to have too little room.

    Parameters
    ----------
    path
        What is to be written; it need not be there yet.
    needed
        Bytes.

    Raises
    ------
    StorageError
    """
    there = next(p for p in (path, *path.absolute().parents) if p.is_dir())
    if (free := shutil.disk_usage(there).free) < needed:
        raise StorageError(
            f"{path}: needs about {needed / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free; free "
            "some space or choose another place"
        )
    with worded(path):
        _reserve(there, needed // 2)  # of the largest file


def _reserve(folder: Path, size: int) -> None:
    """Ask for room and let it go: a quota, or a limit on files, is told in no other way."""
    if not hasattr(os, "posix_fallocate"):
        return
    with TemporaryFile(dir=folder) as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as why:
            if why.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise


def component(name: str, what: str = "name") -> str:
    """A name that is one safe part of a path on every system.

    Parameters
    ----------
    name
        One to 80 of the characters A-Z, a-z, 0-9, ``. _ + -``, not ending in a dot, and not a name
        that Windows keeps for a device.
    what
        What the name is of, for the message.

    Raises
    ------
    StorageError

    Examples
    --------
    >>> component("alyarli-2021")
    'alyarli-2021'
    """
    device = name.partition(".")[0].lower() in RESERVED
    if re.fullmatch(r"[A-Za-z0-9._+-]{1,80}", name) and not name.endswith(".") and not device:
        return name
    why = "is a device on Windows" if device else "is not one safe part of a path"
    shown = name if len(name) <= 80 else f"{name[:77]}..."
    raise StorageError(
        f"{what} {shown!r} {why}; write 1 to 80 of A-Z a-z 0-9 . _ + - without folders or a dot at "
        "the end"
    )


@contextmanager
def alone(target: Path) -> Iterator[None]:
    """Be the only process that writes a target, and clear away what dead ones left.

    Raises
    ------
    StorageError
        If another process is writing it.
    """
    from filelock import FileLock, Timeout  # not before something is written

    if not target.parent.is_dir():
        raise StorageError(
            f"{target}: cannot be written: {target.parent} is not a folder; make it, or choose "
            "another place"
        )
    lock = FileLock(target.with_name(f".{target.name}.lock"))

    def clear() -> None:
        for left in (*leftovers(target), Path(lock.lock_file)):
            _removed(left)

    with worded(target):
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise StorageError(
                f"{target}: another process is writing it; wait for it, or choose another name"
            ) from None
    try:
        for left in leftovers(target):
            _removed(left)
        with stopping.tidied_by(clear):
            yield
    finally:
        with suppress(OSError):  # Windows removes it on release
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def beside(target: Path) -> Path:
    """A temporary name for a target that nothing else has."""
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")


def leftovers(target: Path) -> list[Path]:
    """Temporary files and folders of a target, from writers that did not end well."""
    ours = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]+\.tmp")
    return [p for p in target.parent.iterdir() if ours.fullmatch(p.name)]


def _removed(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextmanager
def worded(target: Path) -> Iterator[None]:
    """Say which file could not be written, and what to do."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        full = "free some space, or " * (error.errno in FULL)
        raise StorageError(
            f"{target}: cannot be written ({error.strerror or error}); {full}choose another name "
            "or place"
        ) from error


def synced(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if os.name == "nt":
        if path.is_dir():
            return
        handle = os.open(path, os.O_RDWR)
    else:
        handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
