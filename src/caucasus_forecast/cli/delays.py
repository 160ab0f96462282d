"""`delays`: how much of a month is told while it is fresh, measured from the cache."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from .common import printable, told
from .fetch import number, refuse_taken
from .options import AsJson, Countries, Estimate


def delays(
    country: Countries = None,
    settled: Annotated[
        int, typer.Option(metavar="MONTHS", help="Age from which a count is taken as final.")
    ] = 12,
    estimate: Estimate = "best",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Write it, for `run --delays`.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file that exists.")
    ] = False,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress.")] = False,
) -> None:
    """Measure the reporting delay of UCDP from the releases in the cache; nobody is asked.

    Each country is counted by itself, and all of them are taken to be alike. `fetch ucdp --as-of`
    brings the releases of past days.
    """
    refuse_taken(out, overwrite=overwrite)
    from ..delays import measure
    from ..sources import ucdp_vintages
    from ..sources.ucdp import COUNTRIES

    with told(sys.stderr.isatty() and not quiet, quiet or as_json):
        places = [number(c) for c in country or COUNTRIES]
        found = measure(*ucdp_vintages(places, estimate=estimate), settled=settled)
    if out is not None:
        found.save(out, overwrite=overwrite)
    if as_json:
        print(json.dumps(json.loads(found.to_json()), ensure_ascii=False))
        return
    print(printable(repr(found)))
    if out is not None:
        print(f"wrote {printable(str(out))}")
