"""`ledger`: forecasts on record, what came of them, and how good they were."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .choices import reads_counts
from .common import leave, made, printable, records, told
from .options import AsJson, Saved

if TYPE_CHECKING:
    import xarray as xr

    from ..ledger import Entry

app = typer.Typer(
    help="Keep forecasts on record, rule on them, and score them.", no_args_is_help=True
)
LEDGER = typer.Option(
    "--ledger", metavar="FILE", help="The ledger [default: ledger.sqlite among your data]."
)
_LONG = ("scenarios", "nodes", "theory")  # of a forecast's row: what ruling takes, not for reading


@app.command()
def add(
    source: Saved,
    file: Annotated[Path | None, LEDGER] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--given",
            metavar='"QUESTION: ANSWER"',
            help="The scenarios given that answer, annulled if it does not come; again for more.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a forecast; it is kept as it is, once."""
    from ..ledger.book import location, refuse_unwritable

    where = location(file)
    refuse_unwritable(where, default=file is None)
    with told(sys.stderr.isatty(), as_json):
        forecast = made(source)
        from .. import ledger
        from ..ledger.tables import counted

        entry = ledger.add(forecast, file, given=given or (), file=_called(source))
    if as_json:
        _print({"ledger": str(where), **_entry(entry)})
    else:
        asked = len(entry.made.questions)
        name = entry.made.file
        print(printable(f"row {entry.row} of {where}: {name}, {counted(asked, 'question')}"))
        print(f"sha256 {entry.made.digest}")
    leave(forecast.passed, forecast.notes[0])


@app.command("list")
def list_entries(file: Annotated[Path | None, LEDGER] = None, as_json: AsJson = False) -> None:
    """List the forecasts, and how their questions stand; every row is checked."""
    from .. import ledger

    if as_json:
        where, held = ledger.location(file), ledger.entries(file)
        _print({"ledger": str(where), "forecasts": [_entry(e) for e in held]})
    else:
        print(printable(repr(ledger.list(file))))


@app.command()
@reads_counts
def resolve(
    counts: Annotated[
        Path | None,
        typer.Argument(
            metavar="[COUNTS]", help="Later counts, in place of the embedded series of that name."
        ),
    ] = None,
    file: Annotated[Path | None, LEDGER] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="DAY", help="Last day that may be known [default: the last of the evidence]."
        ),
    ] = None,
    graph: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A graph file as it stands now; only the forecasts of that graph."
        ),
    ] = None,
    row: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Only that forecast, and also on earlier evidence than before."
        ),
    ] = None,
    void: Annotated[
        list[str] | None,
        typer.Option(
            metavar='"ID: REASON"',
            help="A scenario or question that is void by its rule; without reason, take it back.",
        ),
    ] = None,
    as_json: AsJson = False,
    reading: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Rule on the questions, by their own rules, on later evidence.

    YES or NO where the rules come to that whatever is still unknown, OPEN while evidence may yet
    tell, VOID where it no longer will, a condition did not come, or --void says so.
    """
    from .. import ledger

    found = ledger.resolve(
        file, counts=counts, reading=reading or None, graph=graph, as_of=as_of, row=row,
        void=_reasons(void or ()),
    )  # fmt: skip
    if as_json:
        body = {"ledger": str(ledger.location(file)), "evidence": found.title}
        forecasts = [_entry(e) for e in found.entries]
        _print(body | {"forecasts": forecasts, "notes": found.notes})
    else:
        print(printable(repr(found)))


@app.command()
def score(file: Annotated[Path | None, LEDGER] = None, as_json: AsJson = False) -> None:
    """Score what is resolved: Brier, logarithm, calibration."""
    from .. import ledger

    found = ledger.score(file)
    if not as_json:
        print(printable(repr(found)))
        return
    tables = {
        "forecasts": "origin", "overall": "question", "each": "scenario", "calibration": "bin"
    }  # fmt: skip
    body: dict[str, Any] = {"ledger": str(ledger.location(file))}
    for name, dim in tables.items():
        table = getattr(found, name)
        body[name] = _rows(table.data, dim)
        body[f"{name}_notes"] = table.notes
    _print(body)


def _called(source: Path) -> str:
    """The name of a saved forecast; of the one in a folder of a run, with that of the folder."""
    from ..storage.folder import FORECAST

    whole = source.absolute()
    return f"{whole.parent.name}/{whole.name}" if whole.name == FORECAST else whole.name


def _reasons(void: Sequence[str]) -> dict[str, str]:
    """What is void, and why.

    Examples
    --------
    >>> _reasons(["Q1: no figure was published for 90 days"])
    {'Q1': 'no figure was published for 90 days'}
    """
    parts = (text.partition(":") for text in void)
    return {ident.strip(): why.strip() for ident, _, why in parts}


def _rows(data: xr.Dataset, dim: str) -> list[dict[str, Any]]:
    """Rows of a table; what is infinite is the text ``inf``, since JSON has no such number."""
    found = records(data, dim)
    for key in data.data_vars:
        values = data[key].to_numpy()
        if values.dtype.kind == "f":
            for row, value in zip(found, values, strict=True):
                row[str(key)] = "inf" if math.isinf(value) else row[str(key)]
    return found


def _entry(entry: Entry) -> dict[str, Any]:
    made = {k: v for k, v in asdict(entry.made).items() if k not in _LONG}
    standing = {
        k: {"state": r.state, "outcome": r.outcome, "states": r.states, "why": r.why}
        for k, r in entry.standing.items()
    }
    evidence = [
        {"row": n, "evidence": r.evidence, "as_of": r.evidence_as_of, "sha256": r.evidence_digest,
         "void": r.void}
        for n, r in entry.ruled
    ]  # fmt: skip
    rulings = {"rulings": evidence, "superseded": entry.superseded}
    return {"row": entry.row, **made, "standing": standing, **rulings}


def _print(body: Mapping[str, Any]) -> None:
    print(json.dumps(body, ensure_ascii=False, allow_nan=False, default=str))
