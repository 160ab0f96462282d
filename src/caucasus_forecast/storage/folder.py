"""The folder of a run: its manifest lists every file, and itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import CorruptResultError, StorageError

FORECAST, MANIFEST = "forecast.nc", "manifest.json"


def sha256(body: bytes) -> str:
    """SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def manifest(fields: Mapping[str, Any], folder: Path) -> bytes:
    """The manifest of a folder, as JSON: some fields, every file there is, and its own SHA-256.

    Parameters
    ----------
    fields
        What else it says.
    folder
        Its files are listed with name, SHA-256 and size.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "a.txt").write_text("a")
    ...     body = manifest({"program": "x"}, Path(folder))
    >>> [entry["name"] for entry in json.loads(body)["files"]]
    ['a.txt']
    """
    found = sorted(p for p in folder.rglob("*") if p.is_file())
    files = [
        {
            "name": p.relative_to(folder).as_posix(),
            "sha256": sha256(p.read_bytes()),
            "bytes": p.stat().st_size,
        }
        for p in found
    ]
    body = {**fields, "files": files}
    return _text(body | {"sha256": _own(body)}).encode()


def listed(folder: Path) -> str:
    """The SHA-256 that the manifest of a folder gives for its forecast.

    Raises
    ------
    CorruptResultError
        If the manifest does not parse, was edited, or does not list the forecast.
    StorageError
        If there is none.
    """
    path = folder / MANIFEST
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        entries = {entry["name"]: entry["sha256"] for entry in body["files"]}
        own = body.pop("sha256", None)  # the version before this one wrote none
    except FileNotFoundError:
        raise StorageError(
            f"{folder}: no {MANIFEST} in this folder; name the folder of a run, or a saved file"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as why:
        raise CorruptResultError(
            f"{path}: does not parse ({str(why)[:200]}); take another copy, or name the file itself"
        ) from None
    if own is not None and own != _own(body):
        raise CorruptResultError(
            f"{path}: was edited after it was written (SHA-256 differs); take another copy, or "
            "name the file itself"
        )
    if not isinstance(found := entries.get(FORECAST), str):
        raise CorruptResultError(f"{path}: does not list {FORECAST}; name the file itself")
    return found


def _own(body: Mapping[str, Any]) -> str:
    return sha256(_text(body).encode())


def _text(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, indent=2) + "\n"
