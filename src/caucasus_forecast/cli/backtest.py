"""`backtest`: what would have been forecast, and how it scored."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import CaseError
from .common import (
    listed,
    printable,
    told,
)
from .options import AsJson, ErrorsOnly

if TYPE_CHECKING:
    pass


def backtest(
    counts: Annotated[
        str | None,
        typer.Argument(
            metavar="[COUNTS]",
            help="A CSV of counts, or a panel with a month column and a column for each unit.",
        ),
    ] = None,
    models: Annotated[
        str, typer.Option(metavar="A,B,...", help="tension, baselines, ladder, drift, reference.")
    ] = "tension,conflictology12,own36",
    priors: Annotated[
        str, typer.Option(metavar="A,B,...", help="Prior sets of the whole models.")
    ] = "alyarli-2021",
    first: Annotated[
        str | None, typer.Option(metavar="MONTH", help="First origin, as 2015-12.")
    ] = None,
    last: Annotated[str | None, typer.Option(metavar="MONTH", help="Last origin.")] = None,
    every: Annotated[int, typer.Option(metavar="N", help="Months between origins.")] = 1,
    horizons: Annotated[
        str, typer.Option(metavar="N,N,...", help="Months from origin to target.")
    ] = "1,3,6,12",
    lag: Annotated[int, typer.Option(metavar="N", help="Months of reporting delay.")] = 0,
    draws: Annotated[int, typer.Option(metavar="N", help="Kept draws of each chain.")] = 250,
    seed: Annotated[int, typer.Option(metavar="N", help="Decides every draw.")] = 2021,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep each origin here; a stopped run goes on."),
    ] = None,
    workers: Annotated[int, typer.Option(metavar="N", help="Processes.")] = 1,
    as_json: AsJson = False,
    quiet: ErrorsOnly = False,
) -> None:
    """Forecast again from past months, and score what would have been said."""
    from concurrent.futures import ProcessPoolExecutor

    from ..backtesting import backtest as rolling

    if workers < 1:
        raise CaseError(f"--workers {workers}: give at least 1")
    with told(sys.stderr.isatty() and not quiet, quiet or as_json):
        pool = ProcessPoolExecutor(workers) if workers > 1 else None
        try:
            done = rolling(
                counts, models=listed(models), priors=listed(priors), first=first, last=last,
                every=every, horizons=[_number(h) for h in listed(horizons)], lag=lag,
                draws=draws, seed=seed, folder=out, executor=pool,
            )  # fmt: skip
        finally:
            if pool is not None:
                pool.shutdown(cancel_futures=True)
    names = [str(m) for m in done.data["model"].to_numpy()]
    done = done if done.reference in names else done.against(names[0])
    if as_json:
        lines = [dict(zip(done.table.header[1:], r[1:], strict=True)) for r in done.table.rows]
        print(json.dumps({"models": lines, "notes": done.table.notes}, ensure_ascii=False))
    elif not quiet:
        print(printable(repr(done)))


def _number(text: str) -> int:
    if not text.isdigit():
        raise CaseError(f"--horizons: {text!r} is not a whole number of months; write 1,3,6,12")
    return int(text)
