"""A submission as the files of a hub.

    model-output/TEAM-MODEL/DATE-TEAM-MODEL.csv     the rows, or .parquet
    model-abstracts/TEAM-MODEL/DATE.md              vintage, digests, verdict and licence lines
    model-metadata/TEAM-MODEL.yml                   who and what; kept as it is where there is one

The columns of model output are fixed, so what an export carries is beside it; Parquet has it in the
metadata of its schema too.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from .. import atomic
from ..errors import CaseError, StorageError
from ..text import csv_text, yaml_text
from .facts import OWN, facts
from .hub import Row, Submission, origin_of, rows
from .naming import gather

METADATA_KEY: Final = b"caucasus_forecast"
METHODS: Final = (
    "Bayesian forecast of monthly battle deaths and related events from a causal theory of the "
    "conflict; simulated futures are resolved to named scenarios."
)


def write(
    forecasts: Any, folder: str | Path, submission: Submission, *, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write forecasts of one origin as a submission to a hub.

    Parameters
    ----------
    forecasts
        A forecast, several, or scenario_id → forecast.
    folder
        The hub, or a new folder.
    submission
        Under which names.
    overwrite
        Whether the same round of the same model may be replaced.

    Returns
    -------
    The files written: the rows, the sidecar, and the metadata where there were none.

    Raises
    ------
    CaseError
        If an id is not safe or used twice, the origins differ, there are fewer futures than
        samples, or pyarrow is missing for Parquet.
    StorageError
        If a file is in the way or cannot be written.
    """
    named = gather(forecasts)
    day, hub = origin_of(named).isoformat(), atomic.place(folder)
    name = f"{day}-{submission.model_id}"
    kinds = (".parquet", ".csv") if submission.parquet else (".csv", ".parquet")
    output, other = (_inside(hub, "model-output", submission.model_id, name + k) for k in kinds)
    abstract = _inside(hub, "model-abstracts", submission.model_id, f"{day}.md")
    metadata = _inside(hub, "model-metadata", f"{submission.model_id}.yml")
    if other.exists():
        raise StorageError(
            f"{other}: holds this round already, in another format; remove it, or write that one"
        )
    for path, replace in ((output, overwrite), (abstract, overwrite), (metadata, True)):
        atomic.refuse_taken(path, replace)
    told = [facts(n) for n in named]
    found = tuple(rows(named, submission))
    files = {
        metadata: yaml_text(model_metadata(submission, told)).encode(),
        abstract: sidecar(name, told).encode(),
        output: parquet_bytes(found, told) if submission.parquet else csv_bytes(found),
    }
    if metadata.exists():
        del files[metadata]
    for path, body in files.items():
        _make_folder(path.parent)
        atomic.write(path, body, overwrite=overwrite)
    return tuple(reversed(files))


def csv_bytes(found: Sequence[Row]) -> bytes:
    """Rows as CSV; a missing ``output_type_id`` is an empty cell."""
    return csv_text(Row._fields, found).encode()


def parquet_bytes(found: Sequence[Row], told: Sequence[dict[str, Any]]) -> bytes:
    """Rows as Parquet, with what they carry as JSON in the metadata of the schema.

    Raises
    ------
    CaseError
        If pyarrow is missing.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise CaseError(
            "Parquet needs pyarrow; pip install 'caucasus-forecast[tables]', or write CSV"
        ) from None
    text, day = pa.string(), pa.date32()
    types = (day, text, text, text, pa.int32(), day, text, text, pa.float64())
    carried = {METADATA_KEY: json.dumps(told, ensure_ascii=False, allow_nan=False).encode()}
    schema = pa.schema(list(zip(Row._fields, types, strict=True)), metadata=carried)
    columns = [list(column) for column in zip(*found, strict=True)]
    arrays = [pa.array(c, type=t) for c, t in zip(columns, types, strict=True)]
    out = io.BytesIO()
    parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), out)
    return out.getvalue()


def sidecar(name: str, told: Sequence[dict[str, Any]]) -> str:
    """What the rows of a round carry, as Markdown around one block of JSON.

    Examples
    --------
    >>> print(sidecar("2021-11-30-team-ladder", []).splitlines()[0])
    # 2021-11-30-team-ladder
    """
    failed = [one["scenario_id"] for one in told if not one["checks"]["passed"]]
    warning = [f"WARNING: the checks of the fit failed: {', '.join(failed)}.", ""] if failed else []
    terms = dict.fromkeys(line for one in told for line in one["licences"])
    block = json.dumps(list(told), ensure_ascii=False, allow_nan=False, indent=2)
    return "\n".join(
        [
            f"# {name}",
            "",
            *warning,
            *(f"- {line}" for line in terms),
            "",
            "What each scenario_id was made from:",
            "",
            "```json",
            block.replace("`", "\\u0060"),
            "```",
            "",
        ]
    )


def model_metadata(submission: Submission, told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The fields of the metadata of a model; a hub may ask for more, which the team adds."""
    terms = list(dict.fromkeys(line for one in told for line in one["licences"]))
    own = {} if OWN in terms else {"license": "CC-BY-4.0"}
    works = "; ".join(dict.fromkeys(one["citation"] for one in told))
    return {
        "team_name": submission.team,
        "team_abbr": submission.team,
        "model_name": f"caucasus-forecast {told[0]['model']}",
        "model_abbr": submission.model,
        "model_version": told[0]["versions"]["caucasus-forecast"],
        **own,
        "citation": works,
        "methods": METHODS,
        "licences": terms,
    }


def _inside(hub: Path, *parts: str) -> Path:
    """A path in the hub.

    Raises
    ------
    StorageError
        If a link would lead out of it.
    """
    path = hub.joinpath(*parts)
    if not path.resolve().is_relative_to(hub.resolve()):
        raise StorageError(f"{path}: leads out of {hub} by a link; remove the link")
    return path


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be made ({error.strerror or error}); choose another place"
        ) from error
