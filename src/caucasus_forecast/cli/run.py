"""`run`: a case in, a folder of results out."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import atomic
from ..errors import EvidenceError
from .choices import reads_counts
from .common import (
    DEFAULT_CASE,
    FAILED,
    PROGRAM,
    attrs_of,
    check_counts,
    log,
    printable,
    read_case,
    rows_of,
    told,
    verdict_of,
    warn,
)
from .folders import new_folder, place, refuse_too_large
from .options import ErrorsOnly, ReplaceFolder
from .results import copy_input, own_files, write

if TYPE_CHECKING:
    from ..case import Case
    from ..forecasting import Forecast


@reads_counts
def run(
    what: Annotated[
        str,
        typer.Argument(
            metavar="[COUNTS | CASE.toml | CASE]",
            help="A CSV of counts, a case file, or the name of a shipped case.",
        ),
    ] = DEFAULT_CASE,
    as_of: Annotated[
        str | None, typer.Option(metavar="DAY", help="Last day that may be known, as 2021-11-30.")
    ] = None,
    horizon: Annotated[
        int | None, typer.Option(metavar="MONTHS", help="Whole months to forecast.")
    ] = None,
    priors: Annotated[
        str | None, typer.Option(metavar="NAME | FILE", help="A shipped prior set, or a TOML file.")
    ] = None,
    graph: Annotated[
        str | None, typer.Option(metavar="NAME | FILE", help="A shipped graph, or a graph file.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="ladder, drift or reference.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Decides every draw.")] = None,
    draws: Annotated[
        int | None, typer.Option(metavar="N", help="Kept draws of each chain.")
    ] = None,
    sampler: Annotated[str | None, typer.Option(metavar="NAME", help="nutpie, or pymc.")] = None,
    delays: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A measured reporting delay, as `delays` writes it."),
    ] = None,
    published: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="When the counts were published or fetched."),
    ] = None,
    cores: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Chains sampled at once [default: all processors]."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help=f"Where to write [default: {PROGRAM}-NAME]."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
    quiet: ErrorsOnly = False,
    overwrite: ReplaceFolder = False,
    reading: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Make a forecast and write it to a folder.

    Without an argument: the embedded case, as of 30 November 2021, twelve months ahead.
    """
    changes = {
        "as_of": as_of, "horizon": horizon, "priors": priors, "graph": graph, "model": model,
        "seed": seed, "draws": draws, "sampler": sampler, "delays": delays, "published": published,
    }  # fmt: skip
    case = read_case(what, {k: v for k, v in changes.items() if v is not None}, reading)
    check_counts(case)
    atomic.component(case.name, "the case's name")
    target = place(out or Path(f"{PROGRAM}-{case.name}"))
    terminal = sys.stderr.isatty() and not (quiet or as_json)
    with told(terminal, quiet), new_folder(target, overwrite) as folder:
        inputs = _copy_inputs(case, folder)
        log.info("starting up")
        refuse_too_large(case, target)
        from .. import forecasting

        forecast = forecasting.run(case, cores=cores, bar=terminal)
        _refuse_changed(forecast, inputs, folder)
        log.info("drawing and writing")
        faults = write(forecast, case, inputs, folder)
    if as_json:
        print(json.dumps(_as_json(forecast, target), ensure_ascii=False, allow_nan=False))
    elif not quiet:
        print(printable(repr(forecast.scenarios)))
        print(f"wrote {printable(str(target))}")
    for line in faults:
        warn(line)
    if not forecast.passed and (quiet or as_json):
        warn(str(verdict_of(forecast.tree)["verdict"]))
    if faults or not forecast.passed:
        raise typer.Exit(FAILED)


def _copy_inputs(case: Case, folder: Path) -> dict[str, str]:
    """Copy the user's own files beside the result, so that it can be made again from the folder."""
    from .. import scenarios
    from .. import theory as theories

    theories.load(case.graph).beliefs(case.priors)  # refuse it now, not after the folder is made
    copied: dict[str, str] = {}
    for key, source in own_files(case).items():
        if key == "scenarios":
            scenarios.load(source)
        copied[key] = copy_input(key, Path(source), folder)
    return copied


def _refuse_changed(forecast: Forecast, inputs: Mapping[str, str], folder: Path) -> None:
    """Refuse a copy of the counts that is not what was read."""
    read = forecast.tree.attrs.get("evidence_sha256", "")
    copy = folder / inputs["evidence"] if "evidence" in inputs else None
    if copy and read and hashlib.sha256(copy.read_bytes()).hexdigest() != read:
        raise EvidenceError(f"{copy.name}: the file changed during the run; run it again")


def _as_json(forecast: Forecast, folder: Path) -> dict[str, Any]:
    tree = forecast.tree
    table = tree["scenarios"].to_dataset()
    months = [str(m)[:7] for m in table["month"].to_numpy()]
    curves = table["by_month"].to_numpy().tolist()
    scenarios = [
        row | {"by_month": dict(zip(months, curve, strict=True))}
        for row, curve in zip(rows_of(table, "scenario"), curves, strict=True)
    ]
    return {
        "folder": str(folder),
        "verdict": verdict_of(tree),
        "scenarios": scenarios,
        "questions": rows_of(tree["questions"].to_dataset(), "question"),
        "attrs": attrs_of(tree),
    }
