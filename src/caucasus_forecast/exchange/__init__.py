"""Forecasts for other programs: hubverse model output, one long CSV, JSON with a schema.

Every export carries vintage, digests, the verdict of the checks and licence lines: CSV in columns,
JSON in the object, hubverse in the sidecar of the round and in the metadata of Parquet.

The parts: ``naming`` (which forecast is which ``scenario_id``), ``facts`` (what is carried),
``document`` (JSON), ``tidy`` (CSV), ``hub`` and ``hubfiles`` (hubverse), ``thinning`` (weighted
futures → equal samples), ``text`` (CSV and YAML).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from .. import atomic
from ..errors import CaseError, nearest
from . import hubfiles, tidy
from .document import document, schema
from .hub import Submission

__all__ = ["FORMATS", "Submission", "document", "export", "schema"]

FORMATS: Final = ("csv", "hubverse", "json")


def export(
    forecasts: Any,
    out: str | Path,
    kind: str,
    *,
    submission: Submission | None = None,
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Write forecasts in an exchange format.

    Parameters
    ----------
    forecasts
        A forecast, several, or scenario_id → forecast. Without ids, a forecast in which nothing was
        done is ``baseline``, and any other has an id from what was done. Where the checks of the
        fit failed, ``_checks_failed`` is added to the id.
    out
        The file (``.csv`` or ``.json``), or the folder of the hub.
    kind
        ``csv``, ``hubverse`` or ``json``.
    submission
        Under which names, for ``hubverse``.
    overwrite
        Whether files that are there may be replaced.

    Returns
    -------
    The files written.

    Raises
    ------
    CaseError
        For an unknown format, a name that is not safe, or an argument that does not go with the
        format.
    StorageError
        If a file is in the way or cannot be written.
    """
    if kind not in FORMATS:
        raise CaseError(f"format is {kind!r}; {nearest(kind, FORMATS)}")
    if (submission is not None) != (kind == "hubverse"):
        raise CaseError(
            "format 'hubverse' needs a submission: the abbreviations of the team and the model"
            if submission is None
            else f"format {kind!r} goes without a submission (team, model); they are of hubverse"
        )
    if submission is not None:
        return hubfiles.write(forecasts, out, submission, overwrite=overwrite)
    path = atomic.place(out)
    if path.suffix.lower() != f".{kind}":
        raise CaseError(f"{path}: the name must end in .{kind}")
    atomic.refuse_taken(path, overwrite)
    text = tidy.table(forecasts) if kind == "csv" else _json(forecasts)
    return (atomic.write(path, text.encode(), overwrite=overwrite),)


def _json(forecasts: Sequence[Any]) -> str:
    return json.dumps(document(forecasts), ensure_ascii=False, allow_nan=False, indent=1) + "\n"
