"""The program `caucasus-forecast`: arguments in, a folder of results out.

Exit codes: 0; 1 for a fault of the program; 2 for input that cannot be used, or a place that cannot
be written; 3 for a forecast whose checks failed (it is written all the same); 130 after Ctrl-C and
143 after SIGTERM. Results go to standard output, everything else to standard error.

Heavy imports happen inside the commands that need them: `--help`, `--version` and `validate` wait
for neither NumPy nor the sampler.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from traceback import extract_tb
from typing import Annotated

import typer

from .. import __version__, stopping
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
from .common import BROKEN, INTERRUPTED, PROGRAM, UNREAD, UNUSABLE, printable

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
        code = _code_of(arguments)
    except (KeyboardInterrupt, stopping.Stopped):
        code = INTERRUPTED
    except CaucasusForecastError as error:
        code = _told(str(error), UNUSABLE)
    except BrokenPipeError:
        code = UNREAD
    except OSError as error:
        code = _told(f"{error}; check the place and its free space", UNUSABLE)
    except MemoryError:
        code = _told("not enough memory; ask for fewer draws, paths or months", UNUSABLE)
    except Exception as error:
        code = _told(_where_it_broke(error), BROKEN)
    if number := stopping.asked():  # whatever came of it on the way out
        code = 128 + number
    if code > 128 and code != UNREAD:
        print(stopping.WORDS, file=sys.stderr)
    return code


def _code_of(arguments: Sequence[str] | None) -> int:
    out = sys.stdout
    try:
        app(args=arguments, prog_name=PROGRAM)
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else int(done.code is not None)
    else:
        code = 0
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more
        raise
    if sys.stdout is not out:  # typer puts another in its place when nobody reads on
        return UNREAD
    return code


def _told(words: str, code: int) -> int:
    if not stopping.asked():
        print(f"error: {printable(words)}", file=sys.stderr)
    return code


def _where_it_broke(error: Exception) -> str:
    """What is to be said of an error that nobody foresaw: the last line of ours it came from."""
    ours = [f for f in extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(_OURS)]
    at = f", {Path(ours[-1].filename).relative_to(_OURS)} line {ours[-1].lineno}" if ours else ""
    words = str(error).partition("\n")[0][:200]
    return (
        f"this is a fault of the program ({type(error).__name__}: {words}{at}); please report it, "
        "with the command"
    )


_OURS = Path(__file__).parents[1]


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
