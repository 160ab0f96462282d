"""What the commands share: reading a case, telling what happens, lining up text."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .. import atomic
from ..errors import CaseError, CaucasusForecastError, StorageError, nearest

if TYPE_CHECKING:
    import xarray as xr

    from ..case import Case
    from ..forecasting import Forecast
    from ..study import Study

PROGRAM = "caucasus-forecast"
DEFAULT_CASE = "alyarli-2021"
BROKEN, UNUSABLE, FAILED, INTERRUPTED, UNREAD = 1, 2, 3, 130, 141
log = logging.getLogger("caucasus_forecast")


def read_case(
    what: str, changes: Mapping[str, Any], reading: Mapping[str, Any] | None = None
) -> Case:
    """Read what `run` was given as a case: a shipped name, a case file, or counts.

    `changes` are fields of it, and `reading` are choices beside those it has.
    """
    from .. import case as cases

    path = Path(what)
    if what in cases.available() or path.suffix.lower() == ".toml":
        base = cases.load(what)
    elif path.suffix or path.exists():
        name = re.sub(r"[^A-Za-z0-9._+-]+", "-", path.stem).strip("-._+")[:60] or "counts"
        base = cases.make(path.name, {"name": name, "evidence": what})
    else:
        raise CaseError(
            f"no case {what!r}; {nearest(what, cases.available())}. For a file give its path"
        )
    choices = base.reading.chosen
    for key, value in (reading or {}).items():
        choices[key] = {**choices.get(key, {}), **value} if key == "columns" else value
    return cases.make("the options", base.model_dump() | dict(changes) | {"reading": choices})


def check_counts(case: Case) -> None:
    """Refuse counts, or a delay, that cannot be used before anything slow begins."""
    from .. import delays, evidence, theory
    from ..case import EMBEDDED

    known = theory.load(case.graph)
    if case.delays is not None:
        delays.load(case.delays)
    if case.evidence != EMBEDDED:
        read = evidence.read(case.evidence, reading=case.reading, known=known.evidence.series)
        known.with_counts(read.strict())


@contextmanager
def told(terminal: bool, quiet: bool) -> Iterator[None]:
    """Show the library's log on standard error: with the time on a terminal, plain elsewhere."""
    handler = _Terminal() if terminal else logging.StreamHandler(sys.stderr)
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.ERROR if quiet else logging.INFO)
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells at length where it caches
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


class _Terminal(logging.Handler):
    """Log lines for people who watch: how long it has been, and what begins now."""

    def __init__(self) -> None:
        from rich.console import Console

        super().__init__()
        self.console, self.began = Console(stderr=True, highlight=False), time.perf_counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line."""
        from rich.text import Text

        elapsed = f"{time.perf_counter() - self.began:5.1f} s  "
        self.console.print(Text(elapsed, style="dim"), Text(record.getMessage()), sep="")


def printable(words: str) -> str:
    """Keep control characters out of the terminal.

    Examples
    --------
    >>> printable("a" + chr(27) + "[31mb")
    'a�[31mb'
    """
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in words)


@contextmanager
def storing(target: Path) -> Iterator[None]:
    """Say which file it was that could not be written."""
    try:
        yield
    except CaucasusForecastError:
        raise
    except OSError as error:
        raise StorageError(
            f"{target}: cannot be written ({error.strerror or error}); choose another folder "
            "with --out"
        ) from error


def rows_of(data: xr.Dataset, key: str) -> list[dict[str, Any]]:
    """List a table of probabilities as rows, every number with the Monte Carlo error beside it."""
    columns = [key, "title", "label", "probability", "mcse", "lower", "upper"]
    columns += ["prior_probability", "prior_mcse"]
    names = [c for c in columns if c in data.variables]
    values = (data[c].to_numpy() for c in names)
    return [
        {
            c: float(x) if c not in columns[:3] and c != key else str(x)
            for c, x in zip(names, row, strict=True)
        }
        for row in zip(*values, strict=True)
    ]


def plain_values(data: xr.DataArray) -> Any:
    """Nested lists of what JSON has: months as text, None for what is not finite."""
    import numpy as np

    values = data.to_numpy()
    if values.dtype.kind == "M":
        return values.astype("datetime64[M]").astype(str).tolist()
    if values.dtype.kind == "f":
        kept = values.astype(object)
        kept[~np.isfinite(values)] = None
        return kept.tolist()
    return values.tolist()


def plain_data(data: xr.Dataset) -> dict[str, Any]:
    """Every variable of a dataset by its dimensions and values.

    Examples
    --------
    >>> import xarray as xr
    >>> plain_data(xr.Dataset({"x": ("row", [1.0, float("nan")])}))
    {'x': {'dims': ['row'], 'values': [1.0, None]}}
    """
    return {
        str(name): {"dims": list(map(str, data[name].dims)), "values": plain_values(data[name])}
        for name in (*data.coords, *data.data_vars)
    }


def records(data: xr.Dataset, dim: str) -> list[dict[str, Any]]:
    """What is on one dimension alone as rows; None where there is nothing to say.

    Examples
    --------
    >>> import xarray as xr
    >>> records(xr.Dataset({"x": ("row", [1.0, float("nan")]), "y": 2}), "row")
    [{'x': 1.0}, {'x': None}]
    """
    kept = [v for v in (*data.coords, *data.data_vars) if data[v].dims == (dim,)]
    columns = {str(v): plain_values(data[v]) for v in kept}
    return [{v: column[i] for v, column in columns.items()} for i in range(data.sizes[dim])]


def plain(value: Any) -> Any:
    """A NumPy scalar as a number."""
    return value.item() if hasattr(value, "item") else value


def attrs_of(tree: xr.DataTree) -> dict[str, Any]:
    """What made a forecast."""
    nested = ("case", "sampler", "versions", "scenarios", "theory", "repairs", "cautions", "delays")
    return {str(k): json.loads(v) if k in nested else plain(v) for k, v in tree.attrs.items()}


def verdict_of(tree: xr.DataTree) -> dict[str, Any]:
    """What the checks said, with no number that JSON does not have."""
    gate = {str(k): plain(v) for k, v in tree["diagnostics"].attrs.items()}
    finite = {
        k: None if isinstance(v, float) and abs(v) == float("inf") else v for k, v in gate.items()
    }
    return finite | {"passed": bool(gate["passed"])}


def listed(text: str) -> list[str]:
    """The parts of `A,B,C`."""
    return [part.strip() for part in text.split(",") if part.strip()]


def aligned(rows: Sequence[Sequence[str]], text_columns: int = 2) -> list[str]:
    """Line up columns: the first ones to the left, the rest to the right."""
    width = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(
            cell.ljust(w) if i < text_columns else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, width, strict=True))
        ).rstrip()
        for row in rows
    ]  # fmt: skip


def made(source: Path | None, fits: Callable[[Study], object] = lambda study: None) -> Forecast:
    """A saved forecast, or the embedded case made now, once what is asked of it `fits`."""
    from .. import case, forecasting, study

    if source is not None:
        return forecasting.load(source)
    chosen = case.load(DEFAULT_CASE)
    fits(study.lay_out(chosen))
    return forecasting.run(chosen)


def refuse_picture(path: Path) -> None:
    """Refuse a picture that could not be drawn, before anything slow begins."""
    refuse_file(path, "--plot", ".svg", ".png")


def refuse_file(path: Path, option: str, *kinds: str) -> None:
    """Refuse a file that could not be written, before anything slow begins."""
    if kinds and path.suffix not in kinds:
        raise CaseError(f"{option} {path}: the name must end in {' or '.join(kinds)}")
    with atomic.worded(path):
        if path.exists() or path.is_symlink():
            raise StorageError(f"{path}: exists; name another file with {option}")
    if not path.parent.is_dir():
        raise StorageError(f"{path}: there is no folder {path.parent}; make it, or name another")
    if not os.access(path.parent, os.W_OK):
        raise StorageError(f"{path}: {path.parent} may not be written; name another with {option}")


def draw_to(path: Path, figure: Any) -> None:
    """Write a figure, whole or not at all."""
    from .. import plots

    atomic.write(path, plots.render(figure, path.suffix[1:]))


def print_json(forecast: Forecast, body: dict[str, Any]) -> None:
    """Print one JSON object: what the checks of the forecast said, and the rest."""
    whole = {"verdict": verdict_of(forecast.tree)} | body
    print(json.dumps(whole, ensure_ascii=False, allow_nan=False))


def warn(line: str) -> None:
    """Say a line on standard error, once that it is a warning."""
    print(f"warning: {printable(line.removeprefix('WARNING: '))}", file=sys.stderr)


def leave(passed: bool, why: str) -> None:
    """End with a warning where a forecast failed its checks."""
    if not passed:
        warn(why)
        raise typer.Exit(FAILED)
