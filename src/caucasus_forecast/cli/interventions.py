"""`do`, `paths`: nodes set from outside, and what they move."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InterventionError
from .common import (
    draw_to,
    leave,
    made,
    plain_data,
    print_json,
    printable,
    refuse_picture,
    told,
)
from .options import AsJson, FromForecast, Plot, TableOnly, TablesOnly

if TYPE_CHECKING:
    from ..forecasting import Forecast
    from ..scenarios import Table
    from ..study import Study

ACT = re.compile(r"\s*(\w+)\s*(=|\+=|-=|\*=)\s*(.+?)\s*", re.ASCII)


def do(
    acts: Annotated[
        list[str],
        typer.Argument(
            metavar="NODE=VALUE...",
            help='Such as tension=-1, corridor=open, "tension+=0.5" (shift), "pressure*=2".',
        ),
    ],
    source: FromForecast = None,
    start: Annotated[
        str | None, typer.Option(metavar="MONTH", help="First month, as 2022-03.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="MONTH", help="Last month.")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="MONTH", help="What would have been: do it from this past month on instead."
        ),
    ] = None,
    on: Annotated[
        str | None,
        typer.Option(metavar="SCENARIO | NODE", help="Show this effect arrow by arrow."),
    ] = None,
    picture: Plot = None,
    as_json: AsJson = False,
    quiet: TablesOnly = False,
) -> None:
    """Set nodes from outside, and show what changes."""
    read = [_act(text) for text in acts]
    wanted = dict(read)
    if len(wanted) < len(read):
        raise InterventionError("a node is given twice; keep one act for each")
    if since and (start or on):
        raise InterventionError(
            "--since asks what would have been; it goes with --until, not with --start or --on"
        )
    if picture is not None:
        if on:
            raise InterventionError("--plot draws the scenarios; leave out --on")
        refuse_picture(picture)

    def fits(study: Study) -> None:
        from .. import interventions

        if since:
            interventions.divided(study, wanted, since, until)
            return
        acted = interventions.read(study.graph, study.months, wanted, start=start, until=until)
        if on is not None:
            interventions.refuse_on(study, acted, on)

    with told(sys.stderr.isatty() and not quiet, quiet or as_json):
        forecast = made(source, fits)
        tables = _tables(forecast, wanted, start, until, since, on)
    if picture is not None:
        from .. import plots

        drawn = plots.effects(forecast, tables["scenarios" if since else "effects"])
        draw_to(picture, drawn)
    if as_json:
        print_json(forecast, {name: _plain(t) for name, t in tables.items()})
    else:
        print("\n\n".join(printable(repr(t)) for t in tables.values()))
    leave(forecast.passed, forecast.notes[0])


def paths(
    cause: Annotated[str, typer.Argument(metavar="CAUSE", help="A node.")],
    effect: Annotated[str, typer.Argument(metavar="EFFECT", help="Another node.")],
    source: FromForecast = None,
    as_json: AsJson = False,
    quiet: TableOnly = False,
) -> None:
    """Show every path from a cause to an effect within a month, and their sum."""
    from .. import interventions

    with told(sys.stderr.isatty() and not quiet, quiet or as_json):
        forecast = made(source, lambda study: interventions.refuse_ends(study.graph, cause, effect))
        table = forecast.paths(cause, effect)
    if as_json:
        print_json(forecast, {"paths": _plain(table)})
    else:
        print(printable(repr(table)))
    leave(forecast.passed, forecast.notes[0])


def _act(text: str) -> tuple[str, Any]:
    from ..interventions import Shift, Times

    found = ACT.fullmatch(text)
    if found is None:
        raise InterventionError(
            f"{text!r}: write NODE=VALUE, NODE+=SHIFT, NODE-=SHIFT or NODE*=FACTOR"
        )
    node, operator, given = found.groups()
    if operator == "=":
        return node, {"true": True, "false": False}.get(given.lower(), _number(given))
    number = _number(given)
    if isinstance(number, str):
        raise InterventionError(f"{text!r}: {given!r} is not a number")
    return node, Times(number) if operator == "*=" else Shift(
        number if operator == "+=" else -number
    )


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _tables(
    forecast: Forecast,
    acts: dict[str, Any],
    start: str | None,
    until: str | None,
    since: str | None,
    on: str | None,
) -> dict[str, Table]:
    if since is not None:
        other = forecast.counterfactual(acts, since=since, until=until)
        return {"history": other.history, "scenarios": other.changed}
    other_ = forecast.do(acts, start=start, until=until)
    return {"effects": other_.effects} if on is None else {"along": other_.along(on)}


def _plain(table: Table) -> dict[str, Any]:
    head = {"title": table.title, "notes": list(table.notes)}
    return head | {"data": {"label": table.data.attrs["label"]} | plain_data(table.data)}
