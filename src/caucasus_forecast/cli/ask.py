"""`ask`, `compare`: questions to a forecast, and the same forecast under other beliefs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .common import draw_to, leave, made, print_json, printable, refuse_picture, told
from .options import AsJson, FromForecast, Plot, Refit, TableOnly

if TYPE_CHECKING:
    import xarray as xr

    from ..study import Study


def ask(
    questions: Annotated[
        list[str], typer.Argument(metavar="QUESTION...", help='Such as "treaty within 6 months".')
    ],
    source: FromForecast = None,
    within: Annotated[
        str | None, typer.Option(metavar="TIME", help='Of questions that name none: "6 months".')
    ] = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print answers only.")] = False,
) -> None:
    """Ask a forecast about its futures."""
    from .. import rehearsal
    from ..questions import parse, refuse

    asked = [parse(text) for text in questions]

    def fits(study: Study) -> None:
        for question in asked:
            refuse(question, rehearsal.quiet(study), within)

    with told(sys.stderr.isatty() and not quiet, quiet or as_json):
        forecast = made(source, fits)
        answers = [forecast.ask(q, within=within) for q in asked]
    if as_json:
        print_json(forecast, {"answers": [a.to_json() for a in answers]})
    else:
        print(printable("\n".join(map(repr, answers))))
    leave(forecast.passed, forecast.notes[0])


def compare(
    sets: Annotated[
        list[str],
        typer.Argument(metavar="NAME | FILE...", help="Shipped prior sets, or TOML files."),
    ],
    source: FromForecast = None,
    refit: Refit = False,
    picture: Plot = None,
    as_json: AsJson = False,
    quiet: TableOnly = False,
) -> None:
    """Compare the scenarios under several prior sets with those of a forecast."""
    from .. import priors

    # refused now, not after a fit; a saved forecast reads them for its own graph
    chosen = sets if source else [priors.load(name) for name in sets]
    if picture is not None:
        refuse_picture(picture)
    with told(sys.stderr.isatty() and not quiet, quiet or as_json):
        from ..forecasting import compare_priors

        forecast = made(source)
        table = compare_priors(forecast, chosen, refit=refit or None)
    if picture is not None:
        from .. import plots

        draw_to(picture, plots.comparison(table))
    if as_json:
        print_json(forecast, {"comparison": _by_set(table.data), "notes": table.notes})
    else:
        print(printable(repr(table)))
    leave(bool(table.data["passed"].all()), "a fit failed its checks")


def _by_set(data: xr.Dataset) -> list[dict[str, Any]]:
    columns = ("probability", "mcse", "change", "change_mcse")
    return [
        {
            "priors": str(name),
            "method": str(data["method"][i].item()),
            "passed": bool(data["passed"][i]),
            "scenarios": [
                {"scenario": str(s)} | {c: float(data[c][i, j]) for c in columns}
                for j, s in enumerate(data["scenario"].to_numpy())
            ],
        }
        for i, name in enumerate(data["priors"].to_numpy())
    ]
