"""`scenarios`: what sets there are, whether a file is a partition, and the schema of a file."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .common import DEFAULT_CASE, UNUSABLE, aligned, plain, printable, read_case
from .options import AsJson

if TYPE_CHECKING:
    import xarray as xr

    from ..scenarios import Check

app = typer.Typer(help="List, check and describe scenario sets.", no_args_is_help=True)


@app.command("list")
def list_sets() -> None:
    """List the shipped scenario sets."""
    from .. import scenarios

    print("\n".join(aligned([(n, scenarios.load(n).title) for n in scenarios.available()])))


@app.command()
def check(
    file: Annotated[str, typer.Argument(metavar="NAME | FILE", help="A scenario set.")],
    case: Annotated[
        str,
        typer.Option(metavar="NAME | FILE", help="Case whose day, horizon and priors are used."),
    ] = DEFAULT_CASE,
    graph: Annotated[
        str | None, typer.Option(metavar="NAME | FILE", help="Graph [default: that of the case].")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that a scenario set reads, names what the graph has, and partitions the futures."""
    from .. import scenarios
    from ..rehearsal import rehearse

    scenarios.load(file)  # refused now, not after the case is laid out
    changes = {"scenarios": file} | ({} if graph is None else {"graph": graph})
    found = rehearse(read_case(case, changes))
    if as_json:
        print(json.dumps({"file": file} | _fields(found), ensure_ascii=False, allow_nan=False))
    else:
        print(printable(repr(found)))
    if not found.passed:
        wrong = next(f for f in found.faults if f.certain)
        print(f"error: {printable(f'{file}: not a partition: {wrong}')}", file=sys.stderr)
        raise typer.Exit(UNUSABLE)


@app.command()
def schema(
    kind: Annotated[str, typer.Argument(metavar="[scenario | case]")] = "scenario",
) -> None:
    """Print the JSON Schema of a scenario file or a case file, for an editor."""
    from .. import schemas

    print(json.dumps(schemas.of(kind), indent=2, ensure_ascii=False))


def _fields(found: Check) -> dict[str, Any]:
    return {
        "name": found.chosen.name,
        "ordered": found.chosen.ordered,
        "passed": found.passed,
        "futures": found.futures,
        "cells": found.cells,
        "scenarios": _rows(found.scenarios, "scenario"),
        "answers": _rows(found.answers, "question"),
        "faults": [asdict(f) for f in found.faults],
    }


def _rows(data: xr.Dataset, key: str) -> list[dict[str, Any]]:
    columns = [key, *map(str, data.data_vars)]
    values = (data[c].to_numpy() for c in columns)
    return [
        {c: plain(x) for c, x in zip(columns, row, strict=True)}
        for row in zip(*values, strict=True)
    ]
