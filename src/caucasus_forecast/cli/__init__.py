"""The program `caucasus-forecast`: arguments in, a folder of results out.

Exit codes: 0; 2 for input that cannot be used; 3 for a forecast whose checks failed (it is written
all the same); 130 after Ctrl-C. Results go to standard output, everything else to standard error.

Heavy imports happen inside the commands that need them: `--help`, `--version` and `validate` wait
for neither NumPy nor the sampler.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from .. import __version__
from ..errors import CaucasusForecastError
from . import (
    ask,
    backtest,
    contest,
    delays,
    export,
    fetch,
    interventions,
    ledger,
    reproduce,
    run,
    scenarios,
    sensitivity,
    show,
    update,
    validate,
    watch,
)
from .common import INTERRUPTED, PROGRAM, UNUSABLE, printable

app = typer.Typer(
    help="Bayesian scenario forecasts from a causal theory of the Armenia-Azerbaijan conflict.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
priors_app = typer.Typer(help="List, show and compare prior sets.", no_args_is_help=True)
app.add_typer(priors_app, name="priors", rich_help_panel=None)
app.add_typer(scenarios.app, name="scenarios", rich_help_panel=None)
app.add_typer(fetch.app, name="fetch", rich_help_panel=None)
app.add_typer(ledger.app, name="ledger", rich_help_panel=None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code.

    Examples
    --------
    >>> main(["--version"])
    caucasus-forecast 0.1.0
    0
    """
    try:
        app(args=arguments, prog_name=PROGRAM)
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else int(done.code is not None)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except CaucasusForecastError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        code = UNUSABLE
    else:
        code = 0
    if code == INTERRUPTED:
        print("interrupted: nothing was written", file=sys.stderr)
    return code


def _version(wanted: bool) -> None:
    if wanted:
        print(PROGRAM, __version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None: ...


app.command()(run.run)
app.command()(ask.ask)
app.command()(ask.compare)
app.command()(export.export)
app.command()(interventions.do)
app.command()(interventions.paths)
app.command()(contest.contest)
app.command()(update.update)
app.command()(delays.delays)
app.command()(sensitivity.sensitivity)
app.command()(watch.signposts)
app.command()(watch.spread)
app.command()(backtest.backtest)
app.command()(reproduce.reproduce)
app.command()(validate.validate)
app.command("cases")(show.list_cases)
app.command("models")(show.list_models)
app.command("graph")(show.show_graph)
priors_app.command("list")(show.list_priors)
priors_app.command("show")(show.show_priors)
priors_app.command("diff")(show.diff_priors)
