"""Saved forecasts: one netCDF file that is whole, says so itself, and runs nothing.

A file is three things in one (`docs/storage.md`):

- the tree as netCDF 4, which any netCDF or HDF5 reader opens;
- its *manifest*, the attribute ``manifest`` of the root: the SHA-256 of every part, that is of
  every variable and of the attributes of every group (`parts`);
- its *seal*, the last line: the SHA-256 of every byte before it (`image`).

Writing is `caucasus_forecast.atomic`: under a temporary name, synced, renamed. Reading goes from
the outside in, and nothing is looked at before what guards it was: size, seal, structure
(`guard`: no links, no references, no filters but the usual, no sizes beyond the file's), values,
manifest.
"""

from __future__ import annotations

import stat
from pathlib import Path

import xarray as xr

from .. import atomic
from ..errors import CorruptResultError, StorageError
from . import contents, folder
from .digests import RUN, Unfit, differences, digest, parts
from .netcdf import SCHEMA, Damaged, Foreign, Newer, image, tree_of
from .space import estimate

__all__ = [
    "RUN",
    "SCHEMA",
    "differences",
    "digest",
    "estimate",
    "folder",
    "image",
    "load",
    "parts",
    "refuse_unlike",
    "save",
    "tree_of",
]

LARGEST = 4 * 2**30  # bytes of a file; the default forecast has 18 million
CURE = "take another copy of it, or make the forecast again"


def save(tree: xr.DataTree, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a tree as one file, whole or not at all.

    Parameters
    ----------
    tree
        Groups of variables (numbers, text, dates) whose attributes are text or numbers.
    path
        The file to be.
    overwrite
        Whether a file that is there may be replaced.

    Raises
    ------
    StorageError
        If the file exists (and `overwrite` is false), cannot be written, or the tree has something
        in it that a saved forecast cannot hold.
    """
    target = atomic.place(path)
    with atomic.replacing(target, overwrite=overwrite) as temporary:
        try:
            body = image(tree)
        except Unfit as why:
            raise StorageError(f"{target}: cannot be saved: {why}") from None
        temporary.write_bytes(body)
    return target


def load(path: str | Path) -> xr.DataTree:
    """Read a saved tree whole: equal in every bit to what was saved.

    Parameters
    ----------
    path
        A file, or the folder of a run, whose ``manifest.json`` then must list the file as it is.

    Raises
    ------
    CorruptResultError
        If it is truncated, altered, swapped, or made to do harm.
    StorageError
        If it is missing, not a saved forecast, or written by a newer version.
    """
    given = atomic.place(path)
    listed = folder.listed(given) if given.is_dir() else None
    target = given / folder.FORECAST if listed else given
    body = _bytes(target)
    if listed and (found := folder.sha256(body)) != listed:
        raise CorruptResultError(
            f"{target}: is not the file that {folder.MANIFEST} lists (SHA-256 {found[:12]}…, not "
            f"{listed[:12]}…): one of them was changed or swapped; {CURE}"
        )
    try:
        return tree_of(body)
    except Damaged as why:
        raise CorruptResultError(f"{target}: damaged: {why}; {CURE}") from None
    except Newer as why:
        raise StorageError(f"{target}: {why}; update caucasus-forecast") from None
    except Foreign as why:
        raise StorageError(f"{target}: not a saved forecast: {why}; check the path") from None


def refuse_unlike(tree: xr.DataTree, where: str | Path) -> None:
    """Refuse a tree that is not a whole forecast; `where` is how the error names it.

    Raises
    ------
    CorruptResultError
        Naming what is missing, or does not fit.
    """
    try:
        contents.check(tree)
    except contents.Unlike as why:
        raise CorruptResultError(f"{where}: not a whole forecast: {why}; {CURE}") from None


def _bytes(path: Path) -> bytes:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise StorageError(f"{path}: not a file; check the path")
        if found.st_size > LARGEST:
            raise StorageError(
                f"{path}: {found.st_size / 1e9:.1f} GB, and no forecast has more than "
                f"{LARGEST / 1e9:.1f} GB; check the path"
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise StorageError(f"{path}: no such file; check the path") from None
    except StorageError:
        raise
    except (OSError, ValueError) as error:
        raise StorageError(f"{path}: cannot be read ({error}); check the path") from None
