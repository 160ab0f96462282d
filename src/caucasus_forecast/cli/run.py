"""`run`: a case in, a folder of results out."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import __version__, atomic
from ..errors import EvidenceError, StorageError
from .choices import reads_counts
from .common import (
    DEFAULT_CASE,
    FAILED,
    PROGRAM,
    attrs_of,
    check_counts,
    log,
    printable,
    read_case,
    rows_of,
    storing,
    told,
    verdict_of,
    warn,
)

if TYPE_CHECKING:
    from ..case import Case
    from ..forecasting import Forecast

ASIDE = ".old"
RERUN = f"{PROGRAM} run case.toml"


@reads_counts
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
    graph: Annotated[
        str | None, typer.Option(metavar="NAME | FILE", help="A shipped graph, or a graph file.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="ladder, drift or reference.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Decides every draw.")] = None,
    draws: Annotated[
        int | None, typer.Option(metavar="N", help="Kept draws of each chain.")
    ] = None,
    sampler: Annotated[str | None, typer.Option(metavar="NAME", help="nutpie, or pymc.")] = None,
    delays: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A measured reporting delay, as `delays` writes it."),
    ] = None,
    published: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="When the counts were published or fetched."),
    ] = None,
    cores: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Chains sampled at once [default: all processors]."),
    ] = None,
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
    reading: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Make a forecast and write it to a folder.

    Without an argument: the embedded case, as of 30 November 2021, twelve months ahead.
    """
    changes = {
        "as_of": as_of, "horizon": horizon, "priors": priors, "graph": graph, "model": model,
        "seed": seed, "draws": draws, "sampler": sampler, "delays": delays, "published": published,
    }  # fmt: skip
    case = read_case(what, {k: v for k, v in changes.items() if v is not None}, reading)
    check_counts(case)
    atomic.component(case.name, "the case's name")
    target = place(out or Path(f"{PROGRAM}-{case.name}"))
    terminal = sys.stderr.isatty() and not (quiet or as_json)
    with told(terminal, quiet), new_folder(target, overwrite) as folder:
        inputs = _copy_inputs(case, folder)
        log.info("starting up")
        refuse_too_large(case, target)
        from .. import forecasting

        forecast = forecasting.run(case, cores=cores, bar=terminal)
        _refuse_changed(forecast, inputs, folder)
        log.info("drawing and writing")
        faults = write(forecast, case, inputs, folder)
    if as_json:
        print(json.dumps(_as_json(forecast, target), ensure_ascii=False, allow_nan=False))
    elif not quiet:
        print(printable(repr(forecast.scenarios)))
        print(f"wrote {printable(str(target))}")
    for line in faults:
        warn(line)
    if not forecast.passed and (quiet or as_json):
        warn(str(verdict_of(forecast.tree)["verdict"]))
    if faults or not forecast.passed:
        raise typer.Exit(FAILED)


def place(given: Path) -> Path:
    """Where a folder is to be, by its own name, whatever `..` and links lead there."""
    path = given.absolute()
    if path.name == "..":
        return Path(os.path.realpath(path))
    return Path(os.path.realpath(path.parent), path.name)


@contextmanager
def new_folder(target: Path, overwrite: bool) -> Iterator[Path]:
    """Offer a temporary folder beside the target, and rename it when all is well."""
    with storing(target):
        _refuse_taken(target, overwrite)
        target.parent.mkdir(parents=True, exist_ok=True)
    with atomic.alone(target):
        temporary = atomic.beside(target)
        with storing(target):
            _recover(target)
            _refuse_taken(target, overwrite)
            temporary.mkdir()
        try:
            yield temporary
            with storing(target):
                _put_in_place(temporary, target, overwrite)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def refuse_too_large(case: Case, target: Path) -> None:
    """Refuse a place without room for the result, before anything slow begins."""
    from .. import storage, theory

    sizes = {k: getattr(case, k) for k in ("chains", "draws", "paths", "horizon")}
    atomic.refuse_full(target, storage.estimate(theory.load(case.graph).graph, **sizes))


def _refuse_taken(target: Path, overwrite: bool) -> None:
    if Path.cwd().is_relative_to(target):
        raise StorageError(f"{target}: is the folder you work in; name a new one with --out")
    if target.is_symlink():
        raise StorageError(f"{target}: is a link; name the folder itself with --out")
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not overwrite:
        raise StorageError(
            f"{target}: exists; add --overwrite to replace it, or name another with --out"
        )
    if not target.is_dir():
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
    for path in (*temporary.rglob("*"), temporary):
        atomic.synced(path)
    _refuse_taken(target, overwrite)
    aside = temporary.with_suffix(ASIDE)
    if target.exists():
        target.rename(aside)
    try:
        temporary.rename(target)
    except OSError:
        if aside.exists():
            aside.rename(target)
        raise
    atomic.synced(target.parent)
    shutil.rmtree(aside, ignore_errors=True)


def _recover(target: Path) -> None:
    """Put back a folder that a run set aside and did not live to replace."""
    ours = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]+\{ASIDE}")
    for aside in [p for p in target.parent.iterdir() if ours.fullmatch(p.name)]:
        if target.exists():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.rename(target)


def _copy_inputs(case: Case, folder: Path) -> dict[str, str]:
    """Copy the user's own files beside the result, so that it can be made again from the folder."""
    from .. import scenarios
    from .. import theory as theories

    theories.load(case.graph).beliefs(case.priors)  # refuse it now, not after the folder is made
    copied: dict[str, str] = {}
    for key, source in own_files(case).items():
        if key == "scenarios":
            scenarios.load(source)
        copied[key] = copy_input(key, Path(source), folder)
    return copied


def own_files(case: Case) -> dict[str, str]:
    """The files of the user that a case names: what each is for, and where it is."""
    from .. import graph, scenarios
    from .. import priors as prior_sets
    from ..case import EMBEDDED

    shipped = {
        "evidence": (EMBEDDED,), "graph": graph.available(), "priors": prior_sets.list(),
        "scenarios": scenarios.available(),
    }  # fmt: skip
    own = {key: getattr(case, key) for key, known in shipped.items()
           if getattr(case, key) not in known}  # fmt: skip
    return own | ({"delays": case.delays} if case.delays else {})


def copy_input(key: str, source: Path, folder: Path) -> str:
    """Copy a file beside the result, under a safe name; return where."""
    name = re.sub(r"[^\w.+-]+", "-", source.name)
    with storing(folder):
        (folder / "inputs" / key).mkdir(parents=True)
        shutil.copyfile(source, folder / "inputs" / key / name)
    return f"inputs/{key}/{name}"


def _refuse_changed(forecast: Forecast, inputs: Mapping[str, str], folder: Path) -> None:
    """Refuse a copy of the counts that is not what was read."""
    read = forecast.tree.attrs.get("evidence_sha256", "")
    copy = folder / inputs["evidence"] if "evidence" in inputs else None
    if copy and read and hashlib.sha256(copy.read_bytes()).hexdigest() != read:
        raise EvidenceError(f"{copy.name}: the file changed during the run; run it again")


def write(
    forecast: Forecast, case: Case, inputs: Mapping[str, str], folder: Path, rerun: str = RERUN
) -> list[str]:
    """Write every file of a result; return what could not be drawn."""
    from .. import plots, report

    pictures, faults = plots.files(forecast)
    svg = {name: pictures[f"{name}.svg"] for name in plots.PICTURES if name not in faults}
    tree = forecast.tree
    texts = {
        "scenarios.csv": _csv(rows_of(tree["scenarios"].to_dataset(), "scenario")),
        "questions.csv": _csv(rows_of(tree["questions"].to_dataset(), "question")),
        "case.toml": _case_toml(case, inputs, str(tree.attrs["as_of"]), rerun),
        "report.html": report.page(forecast, svg),
    }
    with storing(folder):
        forecast.save(folder / "forecast.nc")
        for name, body in {**pictures, **{k: v.encode() for k, v in texts.items()}}.items():
            (folder / name).write_bytes(body)
        (folder / "manifest.json").write_bytes(_manifest(forecast, folder, rerun))
    return [f"the picture {name!r} could not be drawn ({why})" for name, why in faults.items()]


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as CSV whose text cells no spreadsheet takes for a formula.

    Examples
    --------
    >>> print(_csv([{"title": "=1+1", "probability": 0.25}]), end="")
    title,probability
    '=1+1,0.25
    """
    from ..text import csv_text

    return csv_text(list(rows[0]), (r.values() for r in rows), "{:.6g}".format) if rows else ""


def _case_toml(case: Case, inputs: Mapping[str, str], as_of: str, rerun: str = RERUN) -> str:
    """Write a case as TOML, its files those of the folder."""
    fields = (
        case.model_dump(exclude_none=True) | dict(inputs) | {"as_of": date.fromisoformat(as_of)}
    )
    choices = fields.pop("reading")
    lines = [f"{key} = {_toml(value)}" for key, value in fields.items()]
    if choices:
        lines += ["", "[reading]", *(f"{key} = {_toml(value)}" for key, value in choices.items())]
    return "\n".join([f"# {rerun}", *lines, ""])


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_toml(k)} = {_toml(v)}' for k, v in value.items())} }}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value)


def _manifest(forecast: Forecast, folder: Path, rerun: str) -> bytes:
    from .. import storage

    fields = {
        "program": PROGRAM,
        "version": __version__,
        "rerun": rerun,
        "digest": forecast.digest,
        "verdict": verdict_of(forecast.tree),
        "attrs": attrs_of(forecast.tree),
    }
    return storage.folder.manifest(fields, folder)


def _as_json(forecast: Forecast, folder: Path) -> dict[str, Any]:
    tree = forecast.tree
    table = tree["scenarios"].to_dataset()
    months = [str(m)[:7] for m in table["month"].to_numpy()]
    curves = table["by_month"].to_numpy().tolist()
    scenarios = [
        row | {"by_month": dict(zip(months, curve, strict=True))}
        for row, curve in zip(rows_of(table, "scenario"), curves, strict=True)
    ]
    return {
        "folder": str(folder),
        "verdict": verdict_of(tree),
        "scenarios": scenarios,
        "questions": rows_of(tree["questions"].to_dataset(), "question"),
        "attrs": attrs_of(tree),
    }
