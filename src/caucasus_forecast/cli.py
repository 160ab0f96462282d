"""The program `caucasus-forecast`: arguments in, a folder of results out.

Exit codes: 0; 2 for input that cannot be used; 3 for a forecast whose checks failed (it is written
all the same); 130 after Ctrl-C. Results go to standard output, everything else to standard error.

Heavy imports happen inside the commands that need them: `--help`, `--version` and `validate` wait
for neither NumPy nor the sampler.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import __version__
from .errors import CaseError, CaucasusForecastError, GraphError, StorageError, nearest

if TYPE_CHECKING:
    import xarray as xr

    from .case import Case
    from .evidence import Observation
    from .forecasting import Forecast
    from .graph import CausalGraph

PROGRAM = "caucasus-forecast"
DEFAULT_CASE = "alyarli-2021"
FAILED, UNUSABLE, INTERRUPTED = 3, 2, 130
FORMATS = ("text", "mermaid", "svg")
log = logging.getLogger("caucasus_forecast")

app = typer.Typer(
    help="Bayesian scenario forecasts from a causal theory of the Armenia-Azerbaijan conflict.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
priors_app = typer.Typer(help="List, show and compare prior sets.", no_args_is_help=True)
app.add_typer(priors_app, name="priors", rich_help_panel=None)


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
        print(f"error: {_printable(str(error))}", file=sys.stderr)
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


# --------------------------------------------------------------------------- run


@app.command()
def run(
    what: Annotated[
        str,
        typer.Argument(
            metavar="[COUNTS | CASE.toml | CASE]",
            help="A CSV of counts, a case file, or the name of a shipped case.",
        ),
    ] = DEFAULT_CASE,
    as_of: Annotated[
        str | None, typer.Option(metavar="DAY", help="Last day that may be known, as 2021-11-30.")
    ] = None,
    horizon: Annotated[
        int | None, typer.Option(metavar="MONTHS", help="Whole months to forecast.")
    ] = None,
    priors: Annotated[
        str | None, typer.Option(metavar="NAME | FILE", help="A shipped prior set, or a TOML file.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="ladder, drift or reference.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Decides every draw.")] = None,
    draws: Annotated[
        int | None, typer.Option(metavar="N", help="Kept draws of each chain.")
    ] = None,
    sampler: Annotated[str | None, typer.Option(metavar="NAME", help="nutpie, or pymc.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help=f"Where to write [default: {PROGRAM}-NAME]."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a folder this program wrote.")
    ] = False,
) -> None:
    """Make a forecast and write it to a folder.

    Without an argument: the embedded case, as of 30 November 2021, twelve months ahead.
    """
    changes = {
        "as_of": as_of, "horizon": horizon, "priors": priors, "model": model, "seed": seed,
        "draws": draws, "sampler": sampler,
    }  # fmt: skip
    case = _case(what, {k: v for k, v in changes.items() if v is not None})
    _check_counts(case)
    target = (out or Path(f"{PROGRAM}-{case.name}")).absolute()
    terminal = sys.stderr.isatty() and not (quiet or as_json)
    with _told(terminal, quiet), _new_folder(target, overwrite) as folder:
        inputs = _copy_inputs(case, folder)
        log.info("starting up")
        from . import forecasting

        forecast = forecasting.run(case, bar=terminal)
        log.info("drawing and writing")
        faults = _write(forecast, case, inputs, folder)
    if as_json:
        print(json.dumps(_as_json(forecast, target), ensure_ascii=False, allow_nan=False))
    elif not quiet:
        print(_printable(repr(forecast.scenarios)))
        print(f"wrote {_printable(str(target))}")
    for line in faults:
        print(f"warning: {_printable(line)}", file=sys.stderr)
    if not forecast.passed and (quiet or as_json):
        print(f"warning: {_verdict(forecast.tree)['verdict']}", file=sys.stderr)
    if faults or not forecast.passed:
        raise typer.Exit(FAILED)


def _case(what: str, changes: Mapping[str, Any]) -> Case:
    """Read what `run` was given as a case: a shipped name, a case file, or counts."""
    from . import case as cases

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
    return cases.make("the options", base.model_dump() | dict(changes))


def _check_counts(case: Case) -> None:
    """Refuse counts that cannot be used before anything slow begins."""
    from . import evidence
    from .case import EMBEDDED

    if case.evidence != EMBEDDED:
        evidence.load().with_counts(evidence.read_counts(case.evidence))


@contextmanager
def _told(terminal: bool, quiet: bool) -> Iterator[None]:
    """Show the library's log on standard error: with the time on a terminal, plain elsewhere."""
    handler = _Terminal() if terminal else logging.StreamHandler(sys.stderr)
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.ERROR if quiet else logging.INFO)
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


def _printable(words: str) -> str:
    """Keep control characters out of the terminal.

    Examples
    --------
    >>> _printable("a" + chr(27) + "[31mb")
    'a�[31mb'
    """
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in words)


# --------------------------------------------------------------------------- the folder


@contextmanager
def _new_folder(target: Path, overwrite: bool) -> Iterator[Path]:
    """Offer a temporary folder beside the target, and rename it when all is well."""
    _refuse_taken(target, overwrite)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    with _storing(target):
        temporary.mkdir(parents=True)
    try:
        yield temporary
        with _storing(target):
            _put_in_place(temporary, target, overwrite)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _storing(target: Path) -> Iterator[None]:
    try:
        yield
    except CaucasusForecastError:
        raise
    except OSError as error:
        raise StorageError(
            f"{target}: cannot be written ({error.strerror or error}); choose another folder "
            "with --out"
        ) from error


def _refuse_taken(target: Path, overwrite: bool) -> None:
    if Path.cwd().is_relative_to(target):
        raise StorageError(f"{target}: is the folder you work in; name a new one with --out")
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not overwrite:
        raise StorageError(
            f"{target}: exists; add --overwrite to replace it, or name another with --out"
        )
    if not target.is_dir() or target.is_symlink():
        raise StorageError(f"{target}: is not a folder; name another with --out")
    if strange := _not_ours(target):
        raise StorageError(
            f"{target}: holds {strange!r}, which this program did not write; move it away, or name "
            "another folder with --out"
        )


def _not_ours(folder: Path) -> str:
    """Name something in the folder that is not in its manifest, if there is anything."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        listed = {entry["name"] for entry in manifest["files"]} | {"manifest.json"}
    except (OSError, ValueError, KeyError, TypeError):
        listed = set()
    found = (p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if not p.is_dir())
    return next((name for name in found if name not in listed), "")


def _put_in_place(temporary: Path, target: Path, overwrite: bool) -> None:
    if not target.exists():
        temporary.rename(target)
        return
    _refuse_taken(target, overwrite)
    aside = temporary.with_suffix(".old")
    target.rename(aside)
    try:
        temporary.rename(target)
    except OSError:
        aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _copy_inputs(case: Case, folder: Path) -> dict[str, str]:
    """Copy the user's own files beside the result, so that it can be made again from the folder."""
    from . import priors as prior_sets
    from . import scenarios
    from .case import EMBEDDED

    given = {
        "evidence": "" if case.evidence == EMBEDDED else case.evidence,
        "priors": "" if case.priors in prior_sets.list() else case.priors,
        "scenarios": "" if case.scenarios in scenarios.available() else case.scenarios,
    }
    copied: dict[str, str] = {}
    for key, source in given.items():
        if source:
            kind = {"priors": prior_sets.load, "scenarios": scenarios.load}.get(key)
            if kind is not None:
                kind(source)  # refuse it now, not after the folder is made
            name = re.sub(r"[^\w.+-]+", "-", Path(source).name)
            copied[key] = f"inputs/{key}/{name}"
            with _storing(folder):
                (folder / copied[key]).parent.mkdir(parents=True)
                shutil.copyfile(source, folder / copied[key])
    return copied


def _write(forecast: Forecast, case: Case, inputs: Mapping[str, str], folder: Path) -> list[str]:
    """Write every file of a result; return what could not be drawn."""
    from . import plots, report

    pictures, faults = plots.files(forecast)
    svg = {name: pictures[f"{name}.svg"] for name in plots.PICTURES if name not in faults}
    tree = forecast.tree
    texts = {
        "scenarios.csv": _csv(_rows(tree["scenarios"].to_dataset(), "scenario")),
        "questions.csv": _csv(_rows(tree["questions"].to_dataset(), "question")),
        "case.toml": _case_toml(case, inputs, str(tree.attrs["as_of"])),
        "report.html": report.page(forecast, svg),
    }
    with _storing(folder):
        forecast.save(folder / "forecast.nc")
        for name, body in {**pictures, **{k: v.encode() for k, v in texts.items()}}.items():
            (folder / name).write_bytes(body)
        manifest = json.dumps(_manifest(tree, folder), ensure_ascii=False, indent=2) + "\n"
        (folder / "manifest.json").write_bytes(manifest.encode())
    return [f"the picture {name!r} could not be drawn ({why})" for name, why in faults.items()]


def _rows(data: xr.Dataset, key: str) -> list[dict[str, Any]]:
    """List a table of probabilities as rows, every number with the Monte Carlo error beside it."""
    columns = [key, "title", "label", "probability", "mcse", "lower", "upper", "prior_probability"]
    names = [c for c in columns if c in data.variables]
    values = (data[c].to_numpy() for c in names)
    return [
        {
            c: float(x) if c not in columns[:3] and c != key else str(x)
            for c, x in zip(names, row, strict=True)
        }
        for row in zip(*values, strict=True)
    ]


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as CSV whose text cells no spreadsheet takes for a formula.

    Examples
    --------
    >>> print(_csv([{"title": "=1+1", "probability": 0.25}]), end="")
    title,probability
    '=1+1,0.25
    """
    import csv
    import io

    def safe(value: Any) -> Any:
        if isinstance(value, float):
            return f"{value:.6g}"
        return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value

    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    if rows:
        writer.writerow(rows[0])
        writer.writerows([safe(v) for v in row.values()] for row in rows)
    return out.getvalue()


def _case_toml(case: Case, inputs: Mapping[str, str], as_of: str) -> str:
    """Write a case as TOML, its files those of the folder."""
    fields = (
        case.model_dump(exclude_none=True) | dict(inputs) | {"as_of": date.fromisoformat(as_of)}
    )
    lines = [f"{key} = {_toml(value)}" for key, value in fields.items()]
    return "\n".join(["# caucasus-forecast run case.toml", *lines, ""])


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value)


def _manifest(tree: xr.DataTree, folder: Path) -> dict[str, Any]:
    import hashlib

    found = sorted(p for p in folder.rglob("*") if p.is_file())
    return {
        "program": PROGRAM,
        "version": __version__,
        "rerun": f"{PROGRAM} run case.toml",
        "verdict": _verdict(tree),
        "attrs": _attrs(tree),
        "files": [
            {
                "name": p.relative_to(folder).as_posix(),
                "sha256": hashlib.sha256(p.read_bytes()).hexdigest(),
                "bytes": p.stat().st_size,
            }
            for p in found
        ],
    }


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _attrs(tree: xr.DataTree) -> dict[str, Any]:
    nested = ("case", "sampler", "versions")
    return {str(k): json.loads(v) if k in nested else _plain(v) for k, v in tree.attrs.items()}


def _verdict(tree: xr.DataTree) -> dict[str, Any]:
    gate = {str(k): _plain(v) for k, v in tree["diagnostics"].attrs.items()}
    finite = {
        k: None if isinstance(v, float) and abs(v) == float("inf") else v for k, v in gate.items()
    }
    return finite | {"passed": bool(gate["passed"])}


def _as_json(forecast: Forecast, folder: Path) -> dict[str, Any]:
    tree = forecast.tree
    table = tree["scenarios"].to_dataset()
    months = [str(m)[:7] for m in table["month"].to_numpy()]
    curves = table["by_month"].to_numpy().tolist()
    scenarios = [
        row | {"by_month": dict(zip(months, curve, strict=True))}
        for row, curve in zip(_rows(table, "scenario"), curves, strict=True)
    ]
    return {
        "folder": str(folder),
        "verdict": _verdict(tree),
        "scenarios": scenarios,
        "questions": _rows(tree["questions"].to_dataset(), "question"),
        "attrs": _attrs(tree),
    }


# --------------------------------------------------------------------------- validate


# --------------------------------------------------------------------------- backtest


@app.command()
def backtest(
    counts: Annotated[
        str | None,
        typer.Argument(
            metavar="[COUNTS]",
            help="A CSV of counts, or a panel with a month column and a column for each unit.",
        ),
    ] = None,
    models: Annotated[
        str, typer.Option(metavar="A,B,...", help="tension, baselines, ladder, drift, reference.")
    ] = "tension,conflictology12,own36",
    priors: Annotated[
        str, typer.Option(metavar="A,B,...", help="Prior sets of the whole models.")
    ] = "alyarli-2021",
    first: Annotated[
        str | None, typer.Option(metavar="MONTH", help="First origin, as 2015-12.")
    ] = None,
    last: Annotated[str | None, typer.Option(metavar="MONTH", help="Last origin.")] = None,
    every: Annotated[int, typer.Option(metavar="N", help="Months between origins.")] = 1,
    horizons: Annotated[
        str, typer.Option(metavar="N,N,...", help="Months from origin to target.")
    ] = "1,3,6,12",
    lag: Annotated[int, typer.Option(metavar="N", help="Months of reporting delay.")] = 0,
    draws: Annotated[int, typer.Option(metavar="N", help="Kept draws of each chain.")] = 250,
    seed: Annotated[int, typer.Option(metavar="N", help="Decides every draw.")] = 2021,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep each origin here; a stopped run goes on."),
    ] = None,
    workers: Annotated[int, typer.Option(metavar="N", help="Processes.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Forecast again from past months, and score what would have been said."""
    from concurrent.futures import ProcessPoolExecutor

    from .backtesting import backtest as rolling

    if workers < 1:
        raise CaseError(f"--workers {workers}: give at least 1")
    with _told(sys.stderr.isatty() and not quiet, quiet or as_json):
        pool = ProcessPoolExecutor(workers) if workers > 1 else None
        try:
            done = rolling(
                counts, models=_listed(models), priors=_listed(priors), first=first, last=last,
                every=every, horizons=[_number(h) for h in _listed(horizons)], lag=lag,
                draws=draws, seed=seed, folder=out, executor=pool,
            )  # fmt: skip
        finally:
            if pool is not None:
                pool.shutdown(cancel_futures=True)
    names = [str(m) for m in done.data["model"].to_numpy()]
    done = done if done.reference in names else done.against(names[0])
    if as_json:
        lines = [dict(zip(done.table.header[1:], r[1:], strict=True)) for r in done.table.rows]
        print(json.dumps({"models": lines, "notes": done.table.notes}, ensure_ascii=False))
    elif not quiet:
        print(_printable(repr(done)))


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _number(text: str) -> int:
    if not text.isdigit():
        raise CaseError(f"--horizons: {text!r} is not a whole number of months; write 1,3,6,12")
    return int(text)


@app.command()
def validate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV of counts, or a case file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check a file of counts or a case, and say what was understood."""
    if file.suffix.lower() == ".toml":
        found = _validated_case(file)
    else:
        found = {"file": str(file), "kind": "counts"} | _validated_counts(str(file))
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        print(_printable(_understood(found)))


def _validated_case(file: Path) -> dict[str, Any]:
    from . import case as cases

    case = cases.load(file)
    found = {"file": str(file), "kind": "case", "case": json.loads(case.to_json())}
    for key, folder in (("priors", "priors"), ("scenarios", "data/scenarios")):
        _check_named(key, getattr(case, key), folder)
    if case.evidence == cases.EMBEDDED:
        return found
    return found | _validated_counts(case.evidence, case.as_of)


def _check_named(key: str, given: str, folder: str) -> None:
    """Refuse the name of a set that is neither shipped nor a file; `run` reads the file itself."""
    there = files("caucasus_forecast").joinpath(*folder.split("/")).iterdir()
    shipped = [f.name[:-5] for f in there if f.name.endswith(".toml")]
    if given not in shipped and not Path(given).is_file():
        raise CaseError(
            f"{key} is {given!r}: no such set, and no such file; {nearest(given, shipped)}"
        )


def _validated_counts(source: str, as_of: date | None = None) -> dict[str, Any]:
    from . import evidence

    read = evidence.read_counts(source)
    embedded = evidence.load()
    embedded.with_counts(read)
    last = as_of or max(o.window.end for o in read)
    return {
        "as_of": str(last),
        "rows": len(read),
        "rows_after_as_of": sum(o.window.end > last for o in read),
        "series": [
            _sum_up([o for o in read if o.series == name], embedded.series[name].node)
            for name in dict.fromkeys(o.series for o in read)
        ],
    }


def _sum_up(rows: Sequence[Observation], node: str) -> dict[str, Any]:
    return {
        "series": rows[0].series,
        "node": node,
        "rows": len(rows),
        "start": str(min(o.window.start for o in rows)),
        "end": str(max(o.window.end for o in rows)),
        "days": sum(o.window.days for o in rows),
        "total": int(sum(o.count for o in rows)),
    }


def _understood(found: Mapping[str, Any]) -> str:
    lines = [f"{found['file']}: a usable {'case' if found['kind'] == 'case' else 'file of counts'}"]
    if "case" in found:
        lines += [
            f"  {key:<10} {value}"
            for key, value in found["case"].items()
            if value not in ("", None)
        ]
    if "series" in found:
        header = ("series", "informs", "rows", "from", "to", "days", "total")
        lines += _aligned([header, *(tuple(map(str, s.values())) for s in found["series"])])
        lines.append(f"  as of {found['as_of']}; every other series stays as embedded")
        if late := found["rows_after_as_of"]:
            lines.append(
                f"  {late} of {found['rows']} rows end after that day and will not be used"
            )
    return "\n".join(lines)


def _aligned(rows: Sequence[Sequence[str]], text_columns: int = 2) -> list[str]:
    """Line up columns: the first ones to the left, the rest to the right."""
    width = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(
            cell.ljust(w) if i < text_columns else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, width, strict=True))
        ).rstrip()
        for row in rows
    ]  # fmt: skip


# --------------------------------------------------------------------------- what there is


@app.command("cases")
def list_cases() -> None:
    """List the shipped cases."""
    from . import case as cases

    found = [cases.load(name) for name in cases.available()]
    print("\n".join(_aligned([(c.name, f"as of {c.as_of}", c.title) for c in found], 3)))


@app.command("models")
def list_models() -> None:
    """List the models."""
    import ast

    from .case import MODEL_NAMES

    folder = files("caucasus_forecast").joinpath("models")
    for name in MODEL_NAMES:
        source = folder.joinpath(f"{name}.py").read_text(encoding="utf-8")
        print((ast.get_docstring(ast.parse(source)) or name).splitlines()[0].replace("`", ""))


@priors_app.command("list")
def list_priors() -> None:
    """List the shipped prior sets."""
    from . import priors

    print("\n".join(_aligned([(n, priors.load(n).title) for n in priors.list()])))


@priors_app.command("show")
def show_priors(name: Annotated[str, typer.Argument(metavar="NAME | FILE")]) -> None:
    """Show every entry of a prior set, and why it is there."""
    from . import priors

    found = priors.load(name)
    print(_printable(f"{found.name}: {found.title}"))
    rows = [(key, repr(prior), prior.why) for key, prior in found.entries.items()]
    print(_printable("\n".join(_aligned(rows, 3))))


@priors_app.command("diff")
def diff_priors(
    first: Annotated[str, typer.Argument(metavar="A")],
    second: Annotated[str, typer.Argument(metavar="B")],
) -> None:
    """Show where two prior sets differ."""
    from . import priors

    changes = priors.diff(first, second)
    if not changes:
        print("no differences")
        return
    rows = [(d.parameter, repr(d.first), repr(d.second)) for d in changes]
    print(_printable("\n".join(_aligned([("", first, second), *rows], 3))))


@app.command("graph")
def show_graph(
    form: Annotated[str, typer.Option("--format", metavar="text | mermaid | svg")] = "text",
    focus: Annotated[
        str | None,
        typer.Option(metavar="NODE", help="Only this node, its causes and its effects."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it here instead of printing it.")
    ] = None,
) -> None:
    """Print or draw the causal graph."""
    from . import graph as graphs

    if form not in FORMATS:
        raise GraphError(f"format {form!r}: {nearest(form, FORMATS)}")
    found = graphs.load()
    shown = _around(found, focus) if focus else found
    draw: dict[str, Callable[[CausalGraph], str]] = {
        "text": lambda g: _graph_text(g, focus),
        "mermaid": graphs.to_mermaid,
        "svg": graphs.to_svg,
    }
    text = draw[form](shown)
    if out is None:
        print(text)
        return
    if out.exists():
        raise StorageError(f"{out}: exists; name another file with --out")
    with _storing(out):
        out.write_text(text + "\n", encoding="utf-8")


def _around(graph: CausalGraph, name: str) -> CausalGraph:
    """Keep a node, its causes and its effects."""
    from dataclasses import replace

    kept = {name, *graph.parents(name), *(e.effect for e in graph.edges if e.cause == name)}
    edges = (e for e in graph.edges if name in (e.cause, e.effect))
    return replace(
        graph,
        nodes=tuple(n for n in graph.nodes if n.name in kept),
        edges=tuple(e if e.moderator in kept else replace(e, moderator="") for e in edges),
    )


def _graph_text(graph: CausalGraph, focus: str | None) -> str:
    """List the arrows by cause; of one node, with their reasons and claims."""
    lines = [repr(graph)] if focus is None else [f"{focus}: {graph.node[focus].meaning}"]
    rows = [
        (
            f"{e.cause} -> {e.effect}",
            e.sign,
            "next month" if e.lag else "",
            e.reason if focus else e.tier,
            f"[{', '.join(e.claims)}]" if focus and e.claims else "",
        )
        for e in graph.edges
    ]
    return "\n".join([*lines, *_aligned(rows, 5)] if rows else lines)
