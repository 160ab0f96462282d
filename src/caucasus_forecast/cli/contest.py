"""`contest`: which views expected the evidence, and which links it can tell apart."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from .. import atomic
from .common import DEFAULT_CASE, FAILED, draw_to, printable, refuse_file, told, warn
from .options import AsJson, Plot


def contest(
    views: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME | FILE]...", help="Prior sets [default: all views]."),
    ] = None,
    case: Annotated[str, typer.Option(metavar="NAME | FILE", help="The case.")] = DEFAULT_CASE,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last day known [default: the case's]."),
    ] = None,
    start: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="First month scored [default: 2020-12].")
    ] = None,
    draws: Annotated[int, typer.Option(help="Draws of each chain in every fit.")] = 500,
    picture: Plot = None,
    mixture: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE", help="Write the stacked views as a prior set."),
    ] = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print tables only.")] = False,
) -> None:
    """Score prior sets on how well they expected the evidence, month by month."""
    for path, option, kinds in (
        (picture, "--plot", (".svg", ".png")),
        (mixture, "--save", (".toml",)),
    ):
        if path is not None:
            refuse_file(path, option, *kinds)
    with told(sys.stderr.isatty() and not quiet, quiet or as_json):
        from ..contesting import START
        from ..contesting import contest as held

        done = held(
            views or None, case=case, as_of=as_of.date() if as_of else None, start=start or START,
            draws=draws,
        )  # fmt: skip
    if picture is not None:
        from .. import plots

        draw_to(picture, plots.contest(done))
    if mixture is not None:
        from ..priors import to_toml

        atomic.write(mixture, to_toml(done.mixture).encode())
    if as_json:
        print(json.dumps(done.to_json(), ensure_ascii=False, allow_nan=False))
    else:
        print(printable(done.text))
    if not done.passed:
        warn(done.notes[0])
        raise typer.Exit(FAILED)
