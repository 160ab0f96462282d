"""`validate`: what a file is understood to say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import CaseError, nearest
from .common import (
    aligned,
    printable,
)

if TYPE_CHECKING:
    from ..evidence import Observation


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
        print(printable(_understood(found)))


def _validated_case(file: Path) -> dict[str, Any]:
    from .. import case as cases

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
    from .. import evidence

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
        lines += aligned([header, *(tuple(map(str, s.values())) for s in found["series"])])
        lines.append(f"  as of {found['as_of']}; every other series stays as embedded")
        if late := found["rows_after_as_of"]:
            lines.append(
                f"  {late} of {found['rows']} rows end after that day and will not be used"
            )
    return "\n".join(lines)
