"""`sensitivity`: what the scenarios hang on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .common import (
    draw_to,
    leave,
    made,
    print_json,
    printable,
    refuse_picture,
    told,
)
from .options import AsJson, FromForecast, Plot, TablesOnly
from .watch import records

if TYPE_CHECKING:
    import xarray as xr


def sensitivity(
    source: FromForecast = None,
    scenario: Annotated[
        str | None, typer.Option(metavar="ID", help="Such as S1 [default: the likeliest].")
    ] = None,
    links: Annotated[
        list[str] | None,
        typer.Option("--link", metavar="CAUSE->EFFECT", help="A link to look at; may come again."),
    ] = None,
    picture: Plot = None,
    as_json: AsJson = False,
    quiet: TablesOnly = False,
) -> None:
    """Show what the scenarios hang on: priors or evidence, and which link."""
    from ..sensitivity import chosen_of

    if picture is not None:
        refuse_picture(picture)
    with told(sys.stderr.isatty() and not quiet, quiet or as_json):
        forecast = made(source, lambda study: chosen_of(study, scenario, links or None))
        found = forecast.sensitivity(scenario=scenario, links=links or None)
    if picture is not None:
        from .. import plots

        draw_to(picture, plots.tornado(forecast, found.tornado))
    if as_json:
        print_json(forecast, _body(found))
    else:
        print(printable(repr(found)))
    leave(forecast.passed, forecast.notes[0])


def _body(found: Any) -> dict[str, Any]:
    power = found.scenarios.data
    return {
        "scenarios": records(power, "scenario"),
        "parameters": records(power, "parameter"),
        "priors_of_links": _grid(power, "edge", "scenario"),
        "tornado": found.tornado.data.attrs | {"links": _rows(found.tornado.data)},
        "break_even": found.break_even.data.attrs
        | {"links": _grid(found.break_even.data, "edge", "side")},
        "notes": {
            "tornado": list(found.tornado.notes), "break_even": list(found.break_even.notes),
        },
    }  # fmt: skip


def _rows(data: xr.Dataset) -> list[dict[str, Any]]:
    return records(data, "edge") if "edge" in data.sizes else []


def _grid(data: xr.Dataset, first: str, second: str) -> list[dict[str, Any]]:
    """What is on two dimensions as rows."""
    if first not in data.sizes:
        return []
    kept = [v for v in data.data_vars if data[v].dims == (first, second)]
    return records(data[kept].stack(row=(first, second), create_index=False), "row")
