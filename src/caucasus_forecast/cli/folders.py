"""The folder of a run: written beside its place, and put there whole."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .. import atomic
from ..errors import StorageError
from .common import storing

if TYPE_CHECKING:
    from ..case import Case

ASIDE = ".old"


def place(given: Path) -> Path:
    """Where a folder is to be, by its own name, whatever `..` and links lead there."""
    path = given.absolute()
    if path.name == "..":
        return Path(os.path.realpath(path))
    return Path(os.path.realpath(path.parent), path.name)


@contextmanager
def new_folder(target: Path, overwrite: bool) -> Iterator[Path]:
    """Offer a temporary folder beside the target, and rename it when all is well."""
    with storing(target):
        _refuse_taken(target, overwrite)
        target.parent.mkdir(parents=True, exist_ok=True)
    with atomic.alone(target):
        temporary = atomic.beside(target)
        with storing(target):
            _recover(target)
            _refuse_taken(target, overwrite)
            temporary.mkdir()
        try:
            yield temporary
            with storing(target):
                _put_in_place(temporary, target, overwrite)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def refuse_too_large(case: Case, target: Path) -> None:
    """Refuse a place without room for the result, before anything slow begins."""
    from .. import storage, theory

    sizes = {k: getattr(case, k) for k in ("chains", "draws", "paths", "horizon")}
    atomic.refuse_full(target, storage.estimate(theory.load(case.graph).graph, **sizes))


def _refuse_taken(target: Path, overwrite: bool) -> None:
    if Path.cwd().is_relative_to(target):
        raise StorageError(f"{target}: is the folder you work in; name a new one with --out")
    if target.is_symlink():
        raise StorageError(f"{target}: is a link; name the folder itself with --out")
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not overwrite:
        raise StorageError(
            f"{target}: exists; add --overwrite to replace it, or name another with --out"
        )
    if not target.is_dir():
        raise StorageError(f"{target}: is not a folder; name another with --out")
    if strange := _not_ours(target):
        raise StorageError(
            f"{target}: holds {strange!r}, which this program did not write; move it away, or name "
            "another folder with --out"
        )


def _not_ours(folder: Path) -> str:
    """Name something in the folder that is not in its manifest, if there is anything."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        listed = {entry["name"] for entry in manifest["files"]} | {"manifest.json"}
    except (OSError, ValueError, KeyError, TypeError):
        listed = set()
    found = (p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if not p.is_dir())
    return next((name for name in found if name not in listed), "")


def _put_in_place(temporary: Path, target: Path, overwrite: bool) -> None:
    for path in (*temporary.rglob("*"), temporary):
        atomic.synced(path)
    _refuse_taken(target, overwrite)
    aside = temporary.with_suffix(ASIDE)
    if target.exists():
        target.rename(aside)
    try:
        temporary.rename(target)
    except OSError:
        if aside.exists():
            aside.rename(target)
        raise
    atomic.synced(target.parent)
    shutil.rmtree(aside, ignore_errors=True)


def _recover(target: Path) -> None:
    """Put back a folder that a run set aside and did not live to replace."""
    ours = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]+\{ASIDE}")
    for aside in [p for p in target.parent.iterdir() if ours.fullmatch(p.name)]:
        if target.exists():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.rename(target)
