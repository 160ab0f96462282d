"""`fetch`: counts from public sources, the only command that uses the network."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import StorageError
from .common import aligned, printable, told

if TYPE_CHECKING:
    from ..sources import Fetched

app = typer.Typer(
    help="Fetch counts from public sources; nothing else here uses the network.",
    no_args_is_help=True,
)


@app.callback()
def _root() -> None: ...


@app.command()
def ucdp(
    country: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME | NUMBER", help="Again for more [default: the two]."),
    ] = None,
    dyad: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME | NUMBER", help="A dyad, wherever it fights; again for more."),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="DAY", help="Only releases published by that day.")
    ] = None,
    first: Annotated[
        str | None, typer.Option(metavar="DAY", help="First day to count [default: 2014-01-01].")
    ] = None,
    estimate: Annotated[str, typer.Option(metavar="NAME", help="low, best or high.")] = "best",
    api: Annotated[
        bool,
        typer.Option("--api", help="Ask the API, with the token in UCDP_ACCESS_TOKEN."),
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Take what is in the cache, and ask nobody.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Write the monthly counts, for `run`.")
    ] = None,
    events: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Write the events.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that exist.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress.")] = False,
) -> None:
    """Fetch deaths in organised violence from UCDP: Armenia and Azerbaijan, or what is named.

    Needs no key. With `--dyad` and no `--country`, dyads alone.
    """
    refuse_taken(out, events, overwrite=overwrite)
    from ..sources import ucdp as fetch
    from ..sources.ucdp import FIRST

    with told(sys.stderr.isatty() and not quiet, quiet or as_json):
        found = fetch(
            None if country is None else [number(c) for c in country],
            [number(d) for d in dyad or ()],
            as_of=as_of,
            first=first or FIRST,
            estimate=estimate,
            road="api" if api else "downloads",
            offline=offline,
        )
    if out is not None:
        found.to_csv(out, overwrite=overwrite)
    if events is not None:
        found.events_to_csv(events, overwrite=overwrite)
    if as_json:
        print(json.dumps(found.to_json(), ensure_ascii=False, allow_nan=False))
        return
    print(printable(summary(found)))
    for written in filter(None, (out, events)):
        print(f"wrote {printable(str(written))}")


def summary(found: Fetched) -> str:
    """What was fetched, for people: releases, span, deaths by country and dyad, notes, citation."""
    releases = [
        (
            str(u.release),
            f"{u.release.coverage}",
            f"published {u.published}{' (by the calendar)' if u.assumed else ''}",
            f"{u.rows} rows",
        )
        for u in found.releases
    ]
    totals = [("country", "dyad", "events", "low", "best", "high")] + [
        (r["country"], r["dyad"], *(str(r[k]) for k in ("events", "low", "best", "high")))
        for r in found.totals()
    ]
    parts = [
        ["releases", *aligned(releases, 3)],
        ["deaths since " + str(found.coverage[0].start), *aligned(totals)],
        ["covered", *(f"  {w}" for w in found.coverage)],
        ["notes", *(f"  {note}" for note in found.notes)],
        ["cite", *(f"  {line}" for line in found.citation.splitlines())],
    ]
    return "\n".join(line for part in parts for line in part)


def refuse_taken(*paths: Path | None, overwrite: bool) -> None:
    """Refuse files that exist, before anything is fetched.

    Raises
    ------
    StorageError
    """
    for path in filter(None, paths):
        if path.exists() and not overwrite:
            raise StorageError(f"{path}: exists; name another file, or allow it with --overwrite")


def number(name: str) -> str | int:
    """A number where it is one.

    Examples
    --------
    >>> number("371"), number("Armenia")
    (371, 'Armenia')
    """
    return int(name) if name.isascii() and name.isdigit() else name
