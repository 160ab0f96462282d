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
    DEFAULT_CASE,
    aligned,
    printable,
)

if TYPE_CHECKING:
    from ..evidence import Observation


def validate(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A CSV of counts, a case file, or a graph file."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check a file of counts, a case or a graph, and say what was understood."""
    if file.suffix.lower() == ".toml":
        found = _validated_graph(file) if _is_graph(file) else _validated_case(file)
    else:
        found = {"file": str(file), "kind": "counts"} | _validated_counts(str(file))
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        print(printable(_understood(found)))


def _is_graph(file: Path) -> bool:
    """Whether a TOML file has what graph files have and cases do not."""
    import tomllib

    try:
        keys = tomllib.loads(file.read_text(encoding="utf-8-sig")).keys()
    except (OSError, ValueError, RecursionError):
        return False  # the reader of cases says what is wrong with it
    return bool(keys & {"base", "node", "edge", "drop", "reverse"})


def _validated_graph(file: Path) -> dict[str, Any]:
    from .. import theory as theories

    theory = theories.load(file)
    chosen = theory.beliefs(DEFAULT_CASE)
    return {
        "file": str(file),
        "kind": "graph",
        "graph": repr(theory.graph),
        "notes": [*theory.notes, f"{len(chosen)} parameters, each with a prior"],
        "declared": {
            s.name: s.node
            for s in theory.evidence.series.values()
            if any(s.name == body["name"] for body in theory.fields.get("series", ()))
        },
    }


def _validated_case(file: Path) -> dict[str, Any]:
    from .. import case as cases

    case = cases.load(file)
    found = {"file": str(file), "kind": "case", "case": json.loads(case.to_json())}
    for key, folder in (("priors", "priors"), ("scenarios", "data/scenarios")):
        _check_named(key, getattr(case, key), folder)
    if case.graph != DEFAULT_CASE:
        from .. import theory as theories

        theories.load(case.graph).beliefs(case.priors)
    if case.evidence == cases.EMBEDDED:
        return found
    return found | _validated_counts(case.evidence, case.as_of, case.graph)


def _check_named(key: str, given: str, folder: str) -> None:
    """Refuse the name of a set that is neither shipped nor a file; `run` reads the file itself."""
    there = files("caucasus_forecast").joinpath(*folder.split("/")).iterdir()
    shipped = [f.name[:-5] for f in there if f.name.endswith(".toml")]
    if given not in shipped and not Path(given).is_file():
        raise CaseError(
            f"{key} is {given!r}: no such set, and no such file; {nearest(given, shipped)}"
        )


def _validated_counts(
    source: str, as_of: date | None = None, graph: str = DEFAULT_CASE
) -> dict[str, Any]:
    from .. import evidence

    read = evidence.read_counts(source)
    if graph == DEFAULT_CASE:
        known, rest = evidence.load(), "every other series stays as embedded"
        known.with_counts(read)
    else:
        from .. import theory as theories

        theory = theories.load(graph)
        known, rest = theory.evidence, f"every other series stays as in the graph {graph}"
        theory.with_counts(read)
    last = as_of or max(o.window.end for o in read)
    return {
        "rest": rest,
        "as_of": str(last),
        "rows": len(read),
        "rows_after_as_of": sum(o.window.end > last for o in read),
        "series": [
            _sum_up([o for o in read if o.series == name], known.series[name].node)
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
    kind = "file of counts" if found["kind"] == "counts" else found["kind"]
    lines = [f"{found['file']}: a usable {kind}"]
    if "graph" in found:
        lines += [f"  {found['graph']}", *(f"  {note}" for note in found["notes"])]
        lines += [f"  series {name} informs {node}" for name, node in found["declared"].items()]
    if "case" in found:
        lines += [
            f"  {key:<10} {value}"
            for key, value in found["case"].items()
            if value not in ("", None)
        ]
    if "series" in found:
        header = ("series", "informs", "rows", "from", "to", "days", "total")
        lines += aligned([header, *(tuple(map(str, s.values())) for s in found["series"])])
        lines.append(f"  as of {found['as_of']}; {found['rest']}")
        if late := found["rows_after_as_of"]:
            lines.append(
                f"  {late} of {found['rows']} rows end after that day and will not be used"
            )
    return "\n".join(lines)
