"""Rulings on the questions of a ledger, from later evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from .. import evidence as rows
from .. import names, posterior
from .. import theory as theories
from ..errors import CaseError, EvidenceError, expect, nearest
from ..evidence import Evidence, Observation, Reading
from ..scenarios import Condition, observed
from ..scenarios.known import Record, reaches
from ..scenarios.observed import Ruling, unless_void
from ..theory import Theory
from .adding import now
from .values import EMBEDDED, Asked, Entry, Made, Ruled


class Told(NamedTuple):
    """What later evidence tells.

    `given` are the series that came with it, `last` is its last day, and `heard` the last day that
    every source of it tells of.
    """

    evidence: Evidence
    given: frozenset[str]
    last: date
    heard: date


@dataclass(frozen=True)
class Later:
    """Evidence to rule on.

    Attributes
    ----------
    counts, reading
        A table of counts, and the choices it needs, as `caucasus_forecast.forecast` takes them.
    graph
        A graph file as it stands now, with its later observations and coverage.
    evidence
        All the evidence, in place of what the package or the graph file carries.
    as_of
        Last day that may be known (default: the last of the counts, or else of the rest).
    void
        Scenario or side question → why it is void; an empty reason takes back an earlier one.

    Raises
    ------
    EvidenceError
        If evidence is given beside counts or a graph file.
    """

    counts: Any = None
    reading: Reading | Mapping[str, Any] | None = None
    graph: str | Path | None = None
    evidence: Evidence | None = None
    as_of: date | None = None
    void: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.evidence is not None:
            expect(
                self.evidence, Evidence, "evidence", "a table of counts is counts=", EvidenceError
            )
        expect(self.void, Mapping, "void", "give {id: reason}", CaseError)
        for name in ("counts", "graph"):
            if self.evidence is not None and getattr(self, name) is not None:
                raise EvidenceError(f"{name} and evidence are both given; leave one out")

    @cached_property
    def theory(self) -> Theory | None:
        """What the graph file says now."""
        return None if self.graph is None else theories.load(self.graph)

    def source(self, made: Made) -> str:
        """Where the evidence on a forecast came from, in words."""
        if self.evidence is not None:
            return "evidence given in full"
        carried = f"the {made.about}" if made.about == EMBEDDED else f"the graph {made.about}"
        carried = carried if self.graph is None else Path(self.graph).name
        if self.counts is None:
            return carried
        name = Path(self.counts).name if isinstance(self.counts, str | Path) else "a table"
        return f"{name} and {carried}"

    def told(self, theory: Theory) -> Told:
        """What it tells of the nodes of a theory."""
        whole = theory.evidence if self.evidence is None else self.evidence
        reach = reaches(whole)
        given = frozenset(whole.series if self.evidence is not None else ())
        if self.theory is not None:
            seen = {o.series for o in whole.observations}
            given = frozenset(n for n in theory.own if n in seen or whole.series[n].coverage)
        if self.counts is None:
            return Told(whole, given, reach, reach)
        read = rows.read(self.counts, reading=self.reading, known=whole.series).strict()
        last = max(o.window.end for o in read)
        heard = last if reach == date.min else min(reach, last)
        return Told(theory.with_counts(read), given | {o.series for o in read}, last, heard)


def chosen(held: Sequence[Entry], later: Later, row: int | None, where: Path) -> tuple[Entry, ...]:
    """The forecasts to rule on: that of a row, those of a graph, or all.

    Raises
    ------
    CaseError
        For a row that is no forecast, a graph or something void that none has, and for counts when
        the forecasts are not about the same.
    """
    found = tuple(e for e in held if row in (None, e.row))
    if not found:
        if not held:
            raise CaseError(f"{where}: no forecast is in it; add one first")
        rows_ = ", ".join(str(e.row) for e in held)
        raise CaseError(f"{where}: row {row} is no forecast; rows of forecasts: {rows_}")
    if later.theory is not None:
        name = later.theory.graph.name
        graphs = {e.made.graph for e in found}
        found = tuple(e for e in found if e.made.graph == name)
        if not found:
            raise CaseError(f"{where}: no forecast of the graph {name!r}; {nearest(name, graphs)}")
    about = {e.made.about: e.row for e in found}
    if len(about) > 1 and (later.counts is not None or later.evidence is not None):
        told = "; ".join(f"{name}: row {n}" for name, n in about.items())
        raise CaseError(
            f"{where}: its forecasts are not all about the same ({told}); say with row which one "
            "this evidence is of"
        )
    _refuse_strange(later.void, found)
    return found


def _refuse_strange(void: Mapping[str, str], found: Sequence[Entry]) -> None:
    """Refuse to call void what no forecast has, or without a reason what was not void before."""
    ids = {i for e in found for i in e.made.ids}
    before = {i for e in found for i in e.void}
    for ident, why in void.items():
        if ident not in ids:
            raise CaseError(f"void: no scenario or question {ident!r}; {nearest(ident, ids)}")
        if not why and ident not in before:
            raise CaseError(f"void: {ident!r} comes without a reason; write '{ident}: the reason'")


def ruled(entry: Entry, later: Later, *, again: bool = False) -> Ruled | str:
    """The rulings on a forecast; or, in words, why there are none.

    Parameters
    ----------
    entry
        The forecast, with the rulings so far.
    later
        The evidence.
    again
        Whether evidence may be earlier than that of the ruling that stands.

    Raises
    ------
    EvidenceError
        For counts that cannot be used.
    """
    made = entry.made
    theory = later.theory or _theory(made)
    told = later.told(theory)
    if wanting := _wanting(made, theory, told):
        return (
            f"{', '.join(wanting)}: counted by the forecaster; give the later counts to resolve it"
            + (", or the graph file as it stands now" if theory.whole else "")
        )
    day = min(later.as_of or told.last, reaches(told.evidence))
    if entry.ruled and not again and (last := entry.ruled[-1][1].evidence_as_of) > day:
        return (
            f"row {entry.ruled[-1][0]} rests on later evidence ({last}) than this ({day}); to rule "
            f"on this all the same, name the forecast: row {entry.row}"
        )
    void = _void(entry, later)
    record = _record(made, theory, told, day)
    found = {q.id: _ruling(made, q, record, void) for q in made.questions}
    version = str(json.loads(posterior.versions())["caucasus-forecast"])
    digest = record.evidence.digest
    return Ruled(entry.row, now(), version, later.source(made), day, digest, found, void)


def _theory(made: Made) -> Theory:
    return theories.from_json(made.theory) if made.theory else theories.load(made.graph)


def _wanting(made: Made, theory: Theory, told: Told) -> list[str]:
    """Series that the rules ask of, that the forecaster counted, and that are not given anew."""
    asked = {
        c.of for s in made.partition.scenarios for c in s.when
    } | {q.measure.of for q in made.partition.questions}  # fmt: skip
    return [
        n
        for n, s in theory.evidence.series.items()
        if n in made.own and n not in told.given and (n if n == names.DEATHS else s.node) in asked
    ]


def _record(made: Made, theory: Theory, told: Told, day: date) -> Record:
    """What is on record of a forecast's months: its own series as given anew, or not at all."""
    kept = {n: s for n, s in told.evidence.series.items() if n not in made.own or n in told.given}
    evidence = Evidence(kept, tuple(o for o in told.evidence.observations if o.series in kept))
    doubtful: list[Observation] = [] if theory.whole else [
        o for o in rows.table()
        if o.suspect and o.count >= 0 and o.series in kept and o.series not in told.given
    ]  # fmt: skip
    return Record.of(evidence, made.known_graph, made.months, day, doubtful, told.heard)


def _void(entry: Entry, later: Later) -> dict[str, str]:
    """What is void of a forecast: as said before, and as said now."""
    ids = entry.made.ids
    both = entry.void | {k: v for k, v in later.void.items() if k in ids}
    return {k: v for k, v in both.items() if v}


def _ruling(made: Made, asked: Asked, record: Record, void: Mapping[str, str]) -> Ruling:
    partition = made.partition
    questions = {q.id: q for q in partition.questions}
    if asked.kind == "answers":
        return observed.answers(questions[asked.id], record, void)
    holds: tuple[Condition, ...] = ()
    if asked.kind == "branch":
        answer = dict(questions[asked.given].answers)[asked.answer]
        holds = unless_void(asked.given, (answer,), void)
    return observed.scenarios(partition, record, holds, void)


def changed(entry: Entry, new: Ruled) -> bool:
    """Whether rulings say anything else than those that stand.

    So they do if a state is another, if what came rests on other rows, if something else is void,
    or if the evidence now reaches the end of the horizon.
    """
    before, after = entry.standing, new.rulings
    return (
        any(after[k].states != r.states for k, r in before.items())
        or any(r.outcome and after[k].why != r.why for k, r in before.items())
        or entry.void != new.void
        or (new.evidence_as_of >= entry.made.end and not entry.ended)
    )
