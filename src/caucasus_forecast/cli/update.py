"""`update`: a saved forecast and another month in, a folder of results out."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .choices import reads_counts
from .common import (
    FAILED,
    PROGRAM,
    plain_values,
    print_json,
    printable,
    records,
    told,
    warn,
)
from .common import made as opened
from .folders import new_folder, place, refuse_too_large
from .options import AsJson, ErrorsOnly, Refit, ReplaceFolder, Saved
from .results import RERUN, copy_input, own_files, write, write_input

if TYPE_CHECKING:
    import xarray as xr

    from ..case import Case
    from ..forecasting import Updated

REPRODUCE = f"{PROGRAM} reproduce forecast.nc"


@reads_counts
def update(
    source: Saved,
    counts: Annotated[
        Path | None, typer.Argument(metavar="[NEW]", help="A table of new or revised counts.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="Last day that may now be known [default: that of NEW]."),
    ] = None,
    published: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="When NEW was published or fetched (with a delay)."),
    ] = None,
    refit: Refit = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help=f"Where to write [default: {PROGRAM}-NAME-updated]."),
    ] = None,
    as_json: AsJson = False,
    quiet: ErrorsOnly = False,
    overwrite: ReplaceFolder = False,
    reading: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Take new counts into a forecast, and tell what they moved.

    The draws are reweighted where that is safe, else sampled again; it says which.
    """
    with told(sys.stderr.isatty() and not quiet, quiet or as_json):
        forecast = opened(source)
        target = place(out or Path(f"{PROGRAM}-{forecast.study.case.name}-updated"))
        with new_folder(target, overwrite) as folder:
            refuse_too_large(forecast.study.case, target)
            updated = forecast.update(
                counts, reading=reading or None, as_of=as_of, published=published,
                refit=refit or None,
            )  # fmt: skip
            changes = updated.changes
            inputs = _own_counts(updated, folder) | _delay(updated, folder)
            inputs |= _own_priors(updated, folder) | _copied(updated.study.case, source, folder)
            again = RERUN if _whole(updated.study.case, inputs) else REPRODUCE
            faults = write(updated, updated.study.case, inputs, folder, again)
    if as_json:
        body = {"folder": str(target), "updated": updated.tree.attrs["updated"]}
        moved = records(updated.moved.data, "scenario")
        print_json(updated, body | {"scenarios": moved, "news": _news(changes.data)})
    elif not quiet:
        print(printable(f"{updated.moved!r}\n\n{changes!r}"))
        print(f"wrote {printable(str(target))}")
    for line in faults:
        warn(line)
    if not updated.passed and (quiet or as_json):
        warn(updated.notes[0])
    if faults or not updated.passed:
        raise typer.Exit(FAILED)


def _news(data: xr.Dataset) -> list[dict[str, Any]]:
    """Each piece of news with what it changed, by scenario."""
    ids = [str(s) for s in data["scenario"].to_numpy()]
    columns = {k: plain_values(data[k]) for k in ("without", "change", "change_mcse")}
    return [
        row | {k: dict(zip(ids, values[i], strict=True)) for k, values in columns.items()}
        for i, row in enumerate(records(data, "news"))
    ]


def _own_counts(updated: Updated, folder: Path) -> dict[str, str]:
    """Write the user's counts, old and new, beside the result, so that it can be made again."""
    from .. import updating
    from ..text import csv_text

    rows = updating.own_counts(updated.study)
    if not rows:
        return {}
    sources = updated.study.panel.attrs.get("sources", "")
    cells = ((o.window.start, o.window.end, o.series, int(o.count), sources) for o in rows)
    header = ("start", "end", "series", "count", "source")
    return write_input("evidence", "counts.csv", csv_text(header, cells), folder)


def _own_priors(updated: Updated, folder: Path) -> dict[str, str]:
    """Write priors that are not a shipped set beside the result."""
    from .. import assumptions
    from .. import priors as prior_sets

    own = assumptions.own(updated.tree)
    if own.name in prior_sets.list() and prior_sets.load(own.name).digest == own.digest:
        return {}
    return write_input("priors", "priors.toml", prior_sets.to_toml(own), folder)


def _delay(updated: Updated, folder: Path) -> dict[str, str]:
    """Write the reporting delay that is switched on beside the result."""
    from .. import delays

    delay = delays.of(updated.study.panel)
    if delay is None:
        return {}
    return write_input("delays", "delays.json", f"{delay.to_json()}\n", folder)


def _copied(case: Case, source: Path, folder: Path) -> dict[str, str]:
    """Copy the graph and the scenarios of a user from the folder of the run before."""
    copied = {}
    for key in sorted(_needed(case)):
        found = sorted(source.glob(f"inputs/{key}/*")) if source.is_dir() else []
        if len(found) == 1 and found[0].is_file():
            copied[key] = copy_input(key, found[0], folder)
    return copied


def _needed(case: Case) -> set[str]:
    """What a saved forecast does not hold as the file it was."""
    return own_files(case).keys() & {"graph", "scenarios"}


def _whole(case: Case, inputs: Mapping[str, str]) -> bool:
    """Whether the folder has all that a run of its case needs."""
    return _needed(case) <= inputs.keys()
