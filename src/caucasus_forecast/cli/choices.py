"""Options of the commands that read a table of counts: the choices of `evidence.Reading`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

_TEXTS = {
    "series": ("NAME", "Series of a table without a column of them."),
    "separator": ("comma|semicolon|tab", "What separates the columns of a text file."),
    "sheet": ("NAME", "Sheet of a workbook that has several."),
    "date_format": ("FORMAT", "Of dates that are not ISO dates, as %d/%m/%Y."),
    "gaps": ("missing|zero", "Months without a row: unknown, or nothing happened."),
    "duplicates": ("sum|last", "An interval listed twice: added up, or the last row."),
    "aggregate": ("month", "Add the dated rows of a month up to its total."),
    "incomplete": ("exclude|keep", "The month that today is in."),
    "unknown": ("ignore", "Leave out the rows of series that the graph does not have."),
    "estimate": ("best|low|high", "Which estimate of an event's deaths."),
    "spanning": ("total|start|days", "An event that spans months."),
    "first": ("DAY", "Day from which events were looked for."),
    "last": ("DAY", "Day to which events were looked for."),
}
_COLUMNS = ("month", "date", "start", "end", "count", "series", "id")
_EVENTS = typer.Option("--events/--no-events", help="Whether each row is one event.")


def reads_counts(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of reading; it takes those that were given as `reading`."""
    texts = {
        name: Annotated[str | None, typer.Option(metavar=metavar, help=f"Counts: {words}")]
        for name, (metavar, words) in _TEXTS.items()
    }
    columns = {
        f"{role}_col": Annotated[
            str | None, typer.Option(metavar="NAME", help=f"Counts: name of the column of {role}.")
        ]
        for role in _COLUMNS
    }
    options: dict[str, Any] = columns | texts | {"events": Annotated[bool | None, _EVENTS]}

    @wraps(command)
    def with_choices(**given: Any) -> None:
        chosen = {k: given.pop(k) for k in options}
        command(**given, reading=_reading(chosen))

    own = inspect.signature(command, eval_str=True).parameters
    added = [
        inspect.Parameter(k, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for k, kind in options.items()
    ]
    kept = [
        p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own.values() if p.name != "reading"
    ]
    with_choices.__signature__ = inspect.Signature([*kept, *added])  # type: ignore[attr-defined]
    with_choices.__annotations__ = {p.name: p.annotation for p in [*kept, *added]}
    return with_choices


def _reading(chosen: dict[str, Any]) -> dict[str, Any]:
    named = {role: chosen.pop(f"{role}_col") for role in _COLUMNS}
    columns = {role: name for role, name in named.items() if name is not None}
    given = {k: v for k, v in chosen.items() if v is not None}
    return given | ({"columns": columns} if columns else {})
