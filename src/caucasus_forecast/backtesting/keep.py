"""A folder with one file for each origin, so that a run that is stopped goes on from there."""

from __future__ import annotations

import csv
import io
import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__, atomic
from ..errors import CorruptResultError, StorageError
from .counts import Counts
from .origins import COLUMNS, Settings

log = logging.getLogger("caucasus_forecast")


@dataclass(frozen=True)
class Keep:
    """A folder with one table for each origin, and a manifest that says what it is for."""

    folder: Path
    settings: Settings
    counts: Counts

    def __post_init__(self) -> None:
        wanted = {
            "version": __version__, "data": self.counts.digest, **asdict(self.settings),
        }  # fmt: skip
        body = json.dumps(wanted, sort_keys=True, indent=1) + "\n"
        manifest = self.folder / "backtest.json"
        if manifest.exists():
            if _bytes(manifest) != body.encode():
                raise StorageError(
                    f"{self.folder}: holds a backtest with other settings or data; choose another "
                    "folder, or ask for the same"
                )
            return
        with atomic.worded(self.folder):
            if self.folder.exists() and any(self.folder.iterdir()):
                raise StorageError(f"{self.folder}: is not empty; choose another folder")
            self.folder.mkdir(parents=True, exist_ok=True)
        atomic.write(manifest, body.encode())
        log.info(f"every origin is kept in {self.folder}; a run that is stopped goes on from there")

    def load(self, origin: np.datetime64) -> list[dict[str, Any]] | None:
        """The rows of an origin that was done before."""
        path = self.folder / f"{origin}.csv"
        if not path.exists():
            return None
        try:
            read = csv.DictReader(io.StringIO(_bytes(path).decode(), newline=""), strict=True)
            found = [_typed(row) for row in read]
        except (ValueError, KeyError, TypeError, csv.Error) as why:
            raise _damaged(path, str(why)) from None
        if {row["model"] for row in found} != set(self.settings.models):
            raise _damaged(path, "its models are others")
        return found

    def save(self, origin: np.datetime64, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Write the rows of an origin, whole or not at all."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
        atomic.write(self.folder / f"{origin}.csv", text.getvalue().encode(), overwrite=True)
        return found


def _typed(row: dict[str, str]) -> dict[str, Any]:
    kinds = {"model": str, "unit": str, "horizon": int, "observed": int}
    return {k: kinds.get(k, float)(row[k]) for k in COLUMNS}


def _damaged(path: Path, why: str) -> CorruptResultError:
    return CorruptResultError(
        f"{path}: damaged ({why[:100]}); remove it, and its origin is done anew"
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as why:
        raise StorageError(f"{path}: cannot be read ({why.strerror or why})") from None
