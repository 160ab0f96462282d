"""`export`: a saved forecast for other programs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import CaseError
from .common import leave, print_json, printable, told
from .common import made as opened
from .options import AsJson, ErrorsOnly

if TYPE_CHECKING:
    from ..exchange import Submission


def export(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FORECAST...", help="Saved forecasts, or folders of runs."),
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--format", metavar="NAME", help="csv, json or hubverse.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE | FOLDER", help="The file; for hubverse, the hub's folder."),
    ] = None,
    ids: Annotated[
        list[str] | None,
        typer.Option("--scenario-id", metavar="ID", help="One for each forecast, in their order."),
    ] = None,
    team: Annotated[
        str | None, typer.Option(metavar="T", help="Abbreviation of the team in the hub.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="M", help="Abbreviation of the model in the hub.")
    ] = None,
    location: Annotated[
        str | None, typer.Option(metavar="ID", help="The place in the hub [default: ARM-AZE].")
    ] = None,
    samples: Annotated[
        int | None, typer.Option(metavar="N", help="Joint samples in the hub [default: 1000].")
    ] = None,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="Write Parquet to the hub instead of CSV.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that are there.")
    ] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of --format json, and stop.")
    ] = False,
    as_json: AsJson = False,
    quiet: ErrorsOnly = False,
) -> None:
    """Write saved forecasts for other programs, with vintage, digests and licence lines."""
    from .. import exchange

    if schema:
        print(json.dumps(exchange.schema(), indent=2, ensure_ascii=False))
        return
    if not sources or kind is None or out is None:
        raise CaseError("export needs a saved forecast, --format and --out; see export --help")
    hub = {"team": team, "model": model, "location": location, "samples": samples}
    submission = _submission(kind, {k: v for k, v in hub.items() if v is not None}, parquet)
    if ids and len(ids) != len(sources):
        raise CaseError(
            f"{len(ids)} --scenario-id for {len(sources)} forecasts; give one for each, or none"
        )
    if ids and len(set(ids)) < len(ids):
        raise CaseError("a --scenario-id is given twice; give each forecast its own")
    with told(sys.stderr.isatty() and not quiet, quiet or as_json):
        forecasts = [opened(source) for source in sources]
        named = dict(zip(ids, forecasts, strict=True)) if ids else forecasts
        written = exchange.export(named, out, kind, submission=submission, overwrite=overwrite)
    failed = next((f for f in forecasts if not f.passed), None)
    if as_json:
        print_json(failed or forecasts[0], {"format": kind, "files": [str(p) for p in written]})
    elif not quiet:
        print("\n".join(f"wrote {printable(str(path))}" for path in written))
    leave(failed is None, "" if failed is None else failed.notes[0])


def _submission(kind: str, given: dict[str, Any], parquet: bool) -> Submission | None:
    """What the options say of the hub; none for a format that knows no hub."""
    from ..exchange import Submission

    if kind == "hubverse" and "team" in given and "model" in given:
        return Submission(**given, parquet=parquet)
    if kind == "hubverse":
        raise CaseError("--format hubverse needs --team and --model, as the hub knows them")
    if given or parquet:
        first = next(iter(given), "parquet")
        raise CaseError(f"--{first} goes with --format hubverse")
    return None
