"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Saved = Annotated[
    Path, typer.Argument(metavar="FORECAST", help="A saved forecast, or the folder of a run.")
]
FromForecast = Annotated[
    Path | None,
    typer.Option(
        "--forecast",
        metavar="FILE | FOLDER",
        help="A saved forecast, or the folder of a run [default: make the embedded case now].",
    ),
]
Refit = Annotated[
    bool, typer.Option("--refit", help="Sample again even where reweighting is safe.")
]
Countries = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME | NUMBER", help="Again for more [default: the two]."),
]
Estimate = Annotated[str, typer.Option(metavar="NAME", help="low, best or high.")]
Plot = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="Draw it too: .svg or .png."),
]
ReplaceFolder = Annotated[
    bool, typer.Option("--overwrite", help="Replace a folder this program wrote.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
TableOnly = Annotated[bool, typer.Option("--quiet", "-q", help="Print the table only.")]
TablesOnly = Annotated[bool, typer.Option("--quiet", "-q", help="Print the tables only.")]
ErrorsOnly = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
