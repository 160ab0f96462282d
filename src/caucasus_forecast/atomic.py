"""Files written whole or not at all.

What is written goes to a temporary name beside the target, is synced to the disk, and is renamed
over it. A process killed at any point leaves the old file whole, or none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import StorageError


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
        If the file exists (and `overwrite` is false) or cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with replacing(Path(folder) / "a.txt") as temporary:
    ...         _ = temporary.write_text("whole")
    ...     (Path(folder) / "a.txt").read_text()
    'whole'
    """
    target = Path(path)
    refuse_taken(target, overwrite)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        synced(temporary)
        refuse_taken(target, overwrite)
        temporary.replace(target)
        synced(target.parent)
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(
            f"{target}: cannot be written ({error.strerror or error}); free some space or choose "
            "another place"
        ) from error
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


def refuse_taken(path: Path, overwrite: bool) -> None:
    """Refuse a file that exists, unless it may be replaced.

    Raises
    ------
    StorageError
    """
    if path.exists() and not overwrite:
        raise StorageError(f"{path}: exists; choose another name or allow overwriting")


def synced(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
