"""`ledger`: forecasts on record, what came of them, and how good they were."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .choices import reads_counts
from .common import leave, made, printable, records, told

if TYPE_CHECKING:
    import xarray as xr

    from ..ledger import Entry

app = typer.Typer(
    help="Keep forecasts on record, rule on them, and score them.", no_args_is_help=True
)
LEDGER = typer.Option(
    "--ledger", metavar="FILE", help="The ledger [default: ledger.sqlite among your data]."
)
JSON = typer.Option("--json", help="Print one JSON object.")
_LONG = ("scenarios", "nodes", "theory")  # of a forecast's row: what ruling takes, not for reading


@app.command()
def add(
    source: Annotated[
        Path, typer.Argument(metavar="FORECAST", help="A saved forecast, or the folder of a run.")
    ],
    file: Annotated[Path | None, LEDGER] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--given",
            metavar='"QUESTION: ANSWER"',
            help="The scenarios given that answer, annulled if it does not come; again for more.",
        ),
    ] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Add a forecast; it is kept as it is, once."""
    from ..ledger.book import location, refuse_unwritable

    where = location(file)
    refuse_unwritable(where, default=file is None)
    with told(sys.stderr.isatty(), as_json):
        forecast = made(source)
        from .. import ledger

        entry = ledger.add(forecast, file, given=given or (), file=source.name)
    if as_json:
        _print({"ledger": str(where), **_entry(entry)})
    else:
        asked = len(entry.made.questions)
        print(printable(f"row {entry.row} of {where}: {source.name}, {asked} questions"))
        print(f"sha256 {entry.made.digest}")
    leave(forecast.passed, forecast.notes[0])


@app.command("list")
def list_entries(
    file: Annotated[Path | None, LEDGER] = None, as_json: Annotated[bool, JSON] = False
) -> None:
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
            metavar="[COUNTS]", help="Later counts, in place of the embedded ones of that name."
        ),
    ] = None,
    file: Annotated[Path | None, LEDGER] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="DAY", help="Last day that may be known [default: the last of the evidence]."
        ),
    ] = None,
    row: Annotated[int | None, typer.Option(metavar="N", help="Only that forecast.")] = None,
    as_json: Annotated[bool, JSON] = False,
    reading: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Rule on the questions, by their own rules, on later evidence.

    YES or NO where the rules come to that whatever is still unknown, OPEN while evidence may yet
    tell, VOID where it no longer will, or a condition did not come.
    """
    from .. import ledger

    found = ledger.resolve(file, counts=counts, reading=reading or None, as_of=as_of, row=row)
    if as_json:
        body = {"ledger": str(ledger.location(file)), "evidence": found.title}
        forecasts = [_entry(e) for e in found.entries]
        _print(body | {"forecasts": forecasts, "notes": found.notes})
    else:
        print(printable(repr(found)))


@app.command()
def score(
    file: Annotated[Path | None, LEDGER] = None, as_json: Annotated[bool, JSON] = False
) -> None:
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
        {"row": n, "evidence": r.evidence, "as_of": r.evidence_as_of, "sha256": r.evidence_digest}
        for n, r in entry.ruled
    ]
    rulings = {"rulings": evidence, "superseded": entry.superseded}
    return {"row": entry.row, **made, "standing": standing, **rulings}


def _print(body: Mapping[str, Any]) -> None:
    print(json.dumps(body, ensure_ascii=False, allow_nan=False, default=str))
