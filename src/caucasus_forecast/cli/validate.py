"""`validate`: what a file is understood to say."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import shipped
from ..errors import CaseError, CaucasusForecastError, EvidenceError, nearest
from ..names import DAYS_PER_MONTH, TENSION
from .choices import reads_counts
from .common import (
    DEFAULT_CASE,
    UNUSABLE,
    aligned,
    printable,
)
from .options import AsJson

if TYPE_CHECKING:
    from ..case import Case
    from ..evidence import Evidence, Observation, Problem, Read, Series

EDGE = 3  # rows shown of the beginning and of the end of a series


@reads_counts
def validate(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Counts (CSV, Parquet, Excel), a case file, or a graph file."
        ),
    ],
    as_json: AsJson = False,
    reading: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Check a file of counts, a case or a graph, and say what was understood.

    Of counts: every series, its gaps, its first and last rows, what was repaired, and every problem
    with its cure. The choices a problem asks for can be tried here.
    """
    try:
        found = _validated(file, reading)
    except CaucasusForecastError as error:
        if not as_json:
            raise
        found = _refused(file, error)
    problems: list[dict[str, Any]] = found.get("problems", [])
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        print(printable(_understood(found)), file=sys.stderr if problems else sys.stdout)
    if problems:
        raise typer.Exit(UNUSABLE)


def _validated(file: Path, reading: Mapping[str, Any]) -> dict[str, Any]:
    from ..case import Case
    from ..evidence import reading_of

    kind = _kind(file)
    if kind == "graph":
        return _validated_graph(file)
    if kind == "case":
        return _validated_case(file, reading)
    counts = Case(evidence=str(file), reading=reading_of(reading))
    return {"file": str(file), "kind": kind, **_validated_counts(counts)}


def _refused(file: Path, error: CaucasusForecastError) -> dict[str, Any]:
    """What stopped everything, as the one problem."""
    from ..evidence import Problem

    said = Problem(str(file), str(error).removeprefix(f"{file}: "), "")
    return {"file": str(file), "kind": _kind(file), "problems": [_told(said, file.name)]}


def _told(problem: Problem, where: str) -> dict[str, Any]:
    """A problem as it is printed: with the last row that its words name, and as one sentence."""
    named = re.findall(rf"{re.escape(where)}, row (\d+)", f"{problem.place} {problem.problem}")
    row = int(named[-1]) if problem.row is None and named else problem.row
    return asdict(problem) | {"row": row, "message": str(problem)}


def _kind(file: Path) -> str:
    if file.suffix.lower() != ".toml":
        return "counts"
    return "graph" if _is_graph(file) else "case"


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


def _validated_case(file: Path, reading: Mapping[str, Any]) -> dict[str, Any]:
    from .. import case as cases
    from .common import read_case

    case = read_case(str(file), {}, reading)
    found = {"file": str(file), "kind": "case", "case": json.loads(case.to_json())}
    own_priors, own_scenarios = (
        _own(key, getattr(case, key), folder)
        for key, folder in (("priors", "priors"), ("scenarios", "data/scenarios"))
    )
    if case.graph != DEFAULT_CASE or own_priors:
        from .. import theory as theories

        theories.load(case.graph).beliefs(case.priors)
    if case.delays is not None:
        from .. import delays

        delays.load(case.delays)
    if own_scenarios:
        from .. import graph, models, scenarios

        known = models.get(case.model).graph(graph.load(case.graph))
        scenarios.refuse_unknown(scenarios.load(case.scenarios), known)
    if case.evidence == cases.EMBEDDED:
        _refuse_embedded(case, own_priors)
        return found
    return found | _validated_counts(case)


def _refuse_embedded(case: Case, own_priors: bool) -> None:
    """Refuse what a forecast from the embedded evidence would refuse first."""
    from .. import evidence

    evidence.refuse_untimely((), case.published)
    known = evidence.load()
    if case.graph != DEFAULT_CASE:
        from .. import theory as theories

        known = theories.load(case.graph).alone()
    last = case.as_of or max(o.window.end for o in known.observations)
    left = known.as_of(last)
    found = _out_of_reach(left, last)
    if own_priors:
        found += _beyond(left.observations, case, known.series, last)
    if found:
        raise evidence.TableError(found[0], len(found) - 1)


def _own(key: str, given: str, folder: str) -> bool:
    """Whether a set is the user's own file; a name that is neither is refused."""
    there = shipped.listed(folder)
    if given not in there and not Path(given).is_file():
        raise CaseError(
            f"{key} is {given!r}: no such set, and no such file; {nearest(given, there)}"
        )
    return given not in there


def _validated_counts(case: Case) -> dict[str, Any]:
    from .. import evidence

    known, rest = evidence.load(), "as embedded"
    replaced: Callable[[Sequence[Observation]], Evidence] = known.with_counts
    if case.graph != DEFAULT_CASE:
        from .. import theory as theories

        theory = theories.load(case.graph)
        known, replaced, rest = theory.evidence, theory.with_counts, f"as in the graph {case.graph}"
    read = evidence.read(case.evidence, reading=case.reading, known=known.series)
    last = case.as_of or max((o.window.end for o in read.rows), default=None)
    problems = list(read.problems)
    if last and not problems:
        problems += _unfit(read, replaced, known.series, last, case.published)
    if last and not problems:
        problems += _beyond(read.rows, case, known.series, last)
    each = [
        [o for o in read.rows if o.series == name]
        for name in dict.fromkeys(o.series for o in read.rows)
    ]
    used = [o for o in read.rows if last is not None and o.window.end <= last]
    timely = evidence.fresh(used, case.published or evidence.retrieved(read.rows))
    return {
        "rest": f"every other series stays {rest}",
        "as_of": str(last) if last else None,
        "rows": len(read.rows),
        "rows_after_as_of": sum(o.window.end > last for o in read.rows) if last else 0,
        "series": [_sum_up(rows, known.series[rows[0].series].node) for rows in each],
        "gaps": [
            {"series": rows[0].series, "start": str(w.start), "end": str(w.end), "days": w.days}
            for rows in each
            for w in evidence.gaps(rows)
        ],
        "excerpts": [row for rows in each for row in _edges(rows)],
        "repairs": list(read.repairs),
        "cautions": [*evidence.cautions(read.rows), *timely],
        "problems": [_told(p, read.where) for p in problems],
        "sha256": read.digest,
    }


def _unfit(
    read: Read, replaced: Callable[[Sequence[Observation]], Evidence], known: Mapping[str, Series],
    as_of: date, published: date | None,
) -> list[Problem]:  # fmt: skip
    """What is wrong with rows that could all be read: what a forecast would refuse first."""
    from .. import evidence

    if short := evidence.too_short(read.where, read.rows, known, as_of):
        return [short]
    try:
        left = replaced(read.rows).as_of(as_of)
        evidence.refuse_untimely([o for o in read.rows if o.window.end <= as_of], published)
    except (CaseError, EvidenceError) as error:
        return [evidence.Problem(read.where, str(error), "")]
    return _out_of_reach(left, as_of)


def _out_of_reach(left: Evidence, as_of: date) -> list[Problem]:
    """What is wrong with the tension that is known by a day, if anything is."""
    from .. import evidence

    tense = [o for o in left.observations if left.series[o.series].node == TENSION]
    far = evidence.out_of_reach(tense, as_of)
    return [far] if far else []


def _beyond(
    rows: Sequence[Observation], case: Case, known: Mapping[str, Series], as_of: date
) -> list[Problem]:
    """The counts that the priors all but rule out."""
    if all(known[o.series].node == TENSION for o in rows):
        return []
    from .. import theory as theories
    from ..priors.reach import beyond

    theory = theories.load(case.graph)
    believed = theory.beliefs(case.priors)
    node = {name: theory.graph.node[s.node] for name, s in known.items()}
    found = (
        beyond(
            o.id or str(o.window), node[o.series].name, o.count,
            o.window.days / DAYS_PER_MONTH, believed,
        )
        for o in rows
        if node[o.series].kind == "count" and o.window.end <= as_of
    )  # fmt: skip
    return [problem for problem in found if problem]


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


def _edges(rows: Sequence[Observation]) -> list[dict[str, Any]]:
    """The first and the last rows of a series, each with the place it was read from."""
    shown = rows if len(rows) <= 2 * EDGE else [*rows[:EDGE], *rows[-EDGE:]]
    return [
        {
            "series": o.series,
            "start": str(o.window.start),
            "end": str(o.window.end),
            "count": int(o.count),
            "read_from": o.id,
        }
        for o in shown
    ]


# --------------------------------------------------------------------------- as text


def _understood(found: Mapping[str, Any]) -> str:
    kind = "file of counts" if found["kind"] == "counts" else found["kind"]
    problems = found.get("problems", [])
    verdict = f"{found['file']}: a usable {kind}"
    if problems:
        s = "s" * (len(problems) != 1)
        verdict = f"error: {found['file']}: {len(problems)} problem{s} to mend or to choose about"
    lines = [verdict, *_problem_lines(problems)]
    if "graph" in found:
        lines += [f"  {found['graph']}", *(f"  {note}" for note in found["notes"])]
        lines += [f"  series {name} informs {node}" for name, node in found["declared"].items()]
    if "case" in found:
        lines += [
            f"  {key:<10} {value}"
            for key, value in found["case"].items()
            if value not in ("", None, {})
        ]
    if found.get("series"):
        lines += _series_lines(found, "what could be read" if problems else "")
    if found.get("repairs"):
        lines += ["  understood and repaired:", *(f"    {line}" for line in found["repairs"])]
    if found.get("cautions"):
        lines += ["  worth a second look:", *(f"    {line}" for line in found["cautions"])]
    return "\n".join(lines)


def _problem_lines(problems: Sequence[Mapping[str, Any]]) -> list[str]:
    """All problems as a table, and each cure once."""
    if not problems:
        return []
    cures = list(dict.fromkeys(p["cure"] for p in problems if p["cure"]))
    number = {cure: f"({n})" for n, cure in enumerate(cures, start=1)}
    rows = [
        (p["place"] if p["row"] is None else f"row {p['row']}", p["column"], p["value"],
         p["problem"], number.get(p["cure"], ""))
        for p in problems
    ]  # fmt: skip
    table = aligned([("where", "column", "value", "problem", "cure"), *rows], text_columns=5)
    return [*table, "  cures:", *(f"    {number[cure]} {cure}" for cure in cures)]


def _series_lines(found: Mapping[str, Any], title: str) -> list[str]:
    header = ("series", "informs", "rows", "from", "to", "days", "total")
    lines = [f"  {title}:"] * bool(title)
    lines += aligned([header, *(tuple(map(str, s.values())) for s in found["series"])])
    for gap in found["gaps"]:
        lines.append(f"  no row of {gap['series']} from {gap['start']} to {gap['end']}")
    lines += ["  first and last rows:"]
    edges = [tuple(map(str, row.values())) for row in found["excerpts"]]
    lines += aligned([("series", "from", "to", "count", "read from"), *edges], text_columns=3)
    lines.append(f"  as of {found['as_of']}; {found['rest']}")
    if late := found["rows_after_as_of"]:
        lines.append(f"  {late} of {found['rows']} rows end after that day and will not be used")
    return lines
