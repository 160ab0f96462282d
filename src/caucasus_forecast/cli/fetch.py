"""`fetch`: counts from public sources, the only command that uses the network."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import StorageError
from .common import aligned, printable, told
from .options import AsJson, Countries, Estimate

if TYPE_CHECKING:
    from ..sources import Fetched

app = typer.Typer(
    help="Fetch counts from public sources; nothing else here uses the network.",
    no_args_is_help=True,
)

OFFLINE = typer.Option("--offline", help="Take what is in the cache, and ask nobody.")
OUT = typer.Option(metavar="FILE.csv", help="Write the monthly counts, for `run`.")
OVERWRITE = typer.Option("--overwrite", help="Replace files that exist.")
QUIET = typer.Option("--quiet", "-q", help="Print no progress.")


@app.callback()
def _root() -> None: ...


@app.command()
def ucdp(
    country: Countries = None,
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
    estimate: Estimate = "best",
    api: Annotated[
        bool,
        typer.Option("--api", help="Ask the API, with the token in UCDP_ACCESS_TOKEN."),
    ] = False,
    offline: Annotated[bool, OFFLINE] = False,
    out: Annotated[Path | None, OUT] = None,
    events: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Write the events.")
    ] = None,
    overwrite: Annotated[bool, OVERWRITE] = False,
    as_json: AsJson = False,
    quiet: Annotated[bool, QUIET] = False,
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
    if events is not None:
        found.events_to_csv(events, overwrite=overwrite)
    deliver(found, out, overwrite=overwrite, as_json=as_json, written=[events])


@app.command()
def acled(
    country: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="As ACLED writes it; again for more [default: the two]."),
    ] = None,
    count: Annotated[
        str, typer.Option(metavar="NAME", help="What is counted: fatalities or events.")
    ] = "fatalities",
    event_type: Annotated[
        list[str] | None,
        typer.Option(metavar="TYPE", help="Again for more [default: the three of violence]."),
    ] = None,
    series: Annotated[
        str, typer.Option(metavar="NAME", help="The series that the counts are of.")
    ] = "",
    first: Annotated[
        str | None, typer.Option(metavar="DAY", help="First day to count [default: 2018-01-01].")
    ] = None,
    last: Annotated[
        str | None, typer.Option(metavar="DAY", help="Last day to count [default: a month's end].")
    ] = None,
    export: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="From ACLED's Data Export, not the API; again for more."),
    ] = None,
    accessed: Annotated[
        str | None, typer.Option(metavar="DAY", help="When the export files were downloaded.")
    ] = None,
    offline: Annotated[bool, OFFLINE] = False,
    out: Annotated[Path | None, OUT] = None,
    overwrite: Annotated[bool, OVERWRITE] = False,
    as_json: AsJson = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Fetch events from ACLED with your own account, and count them by month.

    The account is that of ACLED_EMAIL and ACLED_PASSWORD. Rows stay in your cache.
    """
    refuse_taken(out, overwrite=overwrite)
    from ..sources import acled as fetch
    from ..sources.acled import COUNTRIES, VIOLENCE

    with told(sys.stderr.isatty() and not quiet, quiet or as_json):
        found = fetch(
            country or COUNTRIES,
            count=count,
            event_types=event_type or VIOLENCE,
            series=series,
            first=first,
            last=last,
            export=export or (),
            accessed=accessed,
            offline=offline,
        )
    deliver(found, out, overwrite=overwrite, as_json=as_json)


def deliver(
    found: Fetched,
    out: Path | None,
    *,
    overwrite: bool,
    as_json: bool,
    written: Sequence[Path | None] = (),
) -> None:
    """Write the counts, and print what was fetched and which files were written."""
    if out is not None:
        found.to_csv(out, overwrite=overwrite)
    if as_json:
        print(json.dumps(found.to_json(), ensure_ascii=False, allow_nan=False))
        return
    print(printable(summary(found)))
    for path in filter(None, (out, *written)):
        print(f"wrote {printable(str(path))}")


def summary(found: Fetched) -> str:
    """What was fetched, for people: releases, span, sums, notes, citation."""
    releases = [
        (
            u.name,
            str(u.coverage),
            f"published {u.published}{' (assumed)' if u.assumed else ''}",
            f"{u.rows} rows",
        )
        for u in found.releases
    ]
    parts = [
        ["releases", *aligned(releases, 3)],
        [f"counted since {found.coverage[0].start}", *aligned(sums(found.totals))],
        ["covered", *(f"  {w}" for w in found.coverage)],
        ["notes", *(f"  {note}" for note in found.notes)],
        ["cite", *(f"  {line}" for line in found.citation.splitlines())],
    ]
    return "\n".join(line for part in parts for line in part)


def sums(totals: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Totals as rows of text below their names.

    Examples
    --------
    >>> sums([{"country": "Armenia", "events": 2}])
    [['country', 'events'], ['Armenia', '2']]
    """
    if not totals:
        return [["no events"]]
    return [list(totals[0]), *([str(value) for value in row.values()] for row in totals)]


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
