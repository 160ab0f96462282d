"""What stands in the folder of a run: its tables, pictures and page, and what it was made from."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from .common import PROGRAM, attrs_of, rows_of, storing, verdict_of

if TYPE_CHECKING:
    from ..case import Case
    from ..forecasting import Forecast

RERUN = f"{PROGRAM} run case.toml"


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


def write_input(key: str, name: str, text: str, folder: Path) -> dict[str, str]:
    """Write what a run was made from beside its result; return where, by what it is for."""
    with storing(folder):
        (folder / "inputs" / key).mkdir(parents=True)
        (folder / "inputs" / key / name).write_text(text, "utf-8")
    return {key: f"inputs/{key}/{name}"}
