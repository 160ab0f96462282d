"""`signposts`, `spread`: what to watch in the months to come, and why an answer is wide."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import CaseError
from .common import (
    draw_to,
    leave,
    listed,
    made,
    print_json,
    printable,
    records,
    refuse_picture,
    told,
)
from .options import AsJson, FromForecast, Plot, TableOnly, TablesOnly

if TYPE_CHECKING:
    from ..forecasting import Forecast
    from ..scenarios import Table
    from ..study import Study

EVERY = "all"


def signposts(
    source: FromForecast = None,
    within: Annotated[
        str | None,
        typer.Option(metavar="MONTHS", help="How far to look ahead: 3, or 1,3,6 [default: 1,3,6]."),
    ] = None,
    picture: Plot = None,
    as_json: AsJson = False,
    quiet: TablesOnly = False,
) -> None:
    """Show what to watch: which observation would move which scenario, and how far."""
    from ..signposts import horizons

    months = None if within is None else [_whole(part) for part in listed(within)]
    if picture is not None:
        refuse_picture(picture)
    with told(sys.stderr.isatty() and not quiet, quiet or as_json):
        forecast = made(source, lambda study: horizons(months, len(study.months)))
        posts = forecast.signposts(months)
        value = forecast.value_of_data(int(posts.data["within"].max()))
    if picture is not None:
        _draw("signposts", forecast, posts, picture)
    if as_json:
        unknown = {k: posts.data.attrs[k] for k in ("entropy", "entropy_mcse")}
        body = {d: records(posts.data, d) for d in ("signpost", "outcome")}
        body["value"] = records(value.data, "month")
        print_json(forecast, unknown | body | {"notes": posts.notes})
    else:
        print(printable(f"{posts!r}\n\n{value!r}"))
    leave(forecast.passed, forecast.notes[0])


def spread(
    questions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[QUESTION...]",
            help='Such as S1, or "total battle_deaths within 6 months" [default: each scenario].',
        ),
    ] = None,
    source: FromForecast = None,
    sets: Annotated[
        str | None,
        typer.Option(metavar="A,B | all", help="Prior sets whose choice is a part too."),
    ] = None,
    models: Annotated[
        str | None, typer.Option(metavar="A,B | all", help="Models whose choice is a part too.")
    ] = None,
    picture: Plot = None,
    as_json: AsJson = False,
    quiet: TableOnly = False,
) -> None:
    """Show why an answer is wide: parameters, unseen tension, chance, priors, model."""
    from .. import models as kinds
    from .. import priors, rehearsal
    from ..spread import asked

    def fits(study: Study) -> None:
        for text in questions or ():
            asked(text, rehearsal.quiet(study))

    by_set = priors.list() if sets == EVERY else listed(sets or "")
    by_model = tuple(kinds.MODELS) if models == EVERY else listed(models or "")
    for name in by_model:
        kinds.get(name)
    if source is None:
        for name in by_set:
            priors.load(name)
    if picture is not None:
        refuse_picture(picture)
    with told(sys.stderr.isatty() and not quiet, quiet or as_json):
        forecast = made(source, fits)
        table = forecast.spread(*questions or (), sets=by_set, models=by_model)
    if picture is not None:
        _draw("spread", forecast, table, picture)
    if as_json:
        told_ = [
            {"question": q["question"], "kind": q["kind"], "mean": q["mean"],
             "mean_mcse": q["mean_mcse"],
             "parts": records(table.data.isel(question=i).drop_dims("question", errors="ignore"),
                              "part")}
            for i, q in enumerate(records(table.data, "question"))
        ]  # fmt: skip
        print_json(forecast, {"spread": told_, "notes": table.notes})
    else:
        print(printable(repr(table)))
    leave(forecast.passed, forecast.notes[0])


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise CaseError(f"--within {text!r}: write months, as 3 or 1,3,6")
    return int(text)


def _draw(kind: str, forecast: Forecast, table: Table, target: Path) -> None:
    from .. import plots

    draw_to(target, getattr(plots, kind)(forecast, table))
