"""Rulings on the questions of a ledger, from later evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from .. import evidence as rows
from .. import posterior
from .. import theory as theories
from ..errors import EvidenceError
from ..evidence import Evidence, Observation, Reading
from ..scenarios import Condition, observed
from ..scenarios.known import Record, reaches
from ..scenarios.observed import Ruling
from ..theory import Theory
from .adding import now
from .values import Asked, Entry, Made, Ruled

EMBEDDED = "embedded evidence"


@dataclass(frozen=True)
class Later:
    """Evidence to rule on.

    Attributes
    ----------
    counts, reading
        A table of counts, and the choices it needs, as `caucasus_forecast.forecast` takes them.
    evidence
        All the evidence, in place of what the package carries.
    as_of
        Last day that may be known (default: the last day it tells of).
    """

    counts: Any = None
    reading: Reading | Mapping[str, Any] | None = None
    evidence: Evidence | None = None
    as_of: date | None = None

    def __post_init__(self) -> None:
        if self.counts is not None and self.evidence is not None:
            raise EvidenceError("counts and evidence are both given; leave one out")

    @property
    def source(self) -> str:
        """Where it came from, in words."""
        if self.evidence is not None:
            return "evidence given in full"
        if self.counts is None:
            return EMBEDDED
        name = Path(self.counts).name if isinstance(self.counts, str | Path) else "a table"
        return f"{name}, and the {EMBEDDED}"


def ruled(entry: Entry, later: Later) -> Ruled | str:
    """The rulings on a forecast; or, in words, why there are none.

    Raises
    ------
    EvidenceError
        For counts that cannot be used.
    """
    made = entry.made
    theory = theories.from_json(made.theory) if made.theory else theories.load(made.graph)
    evidence, doubtful = _evidence(made, theory, later)
    if absent := [name for name in made.own if name not in evidence.series]:
        return (
            f"{', '.join(absent)} was counted by the forecaster; give the later counts to resolve "
            "it"
        )
    day = later.as_of or reaches(evidence)
    if entry.ruled and entry.ruled[-1][1].evidence_as_of > day:
        row, last = entry.ruled[-1]
        return f"row {row} rests on later evidence ({last.evidence_as_of}) than this ({day})"
    record = Record.of(evidence, made.known_graph, made.months, day, doubtful)
    found = {q.id: _ruling(made, q, record) for q in made.questions}
    return Ruled(
        entry.row, now(), _version(), later.source, day, record.evidence.digest, found
    )  # fmt: skip


def _evidence(made: Made, theory: Theory, later: Later) -> tuple[Evidence, tuple[Observation, ...]]:
    """The evidence for one forecast, and its rows in doubt; the forecaster's series from counts."""
    if later.evidence is not None:
        return later.evidence, ()
    evidence, given = theory.evidence, frozenset[str]()
    if later.counts is not None:
        read = rows.read(later.counts, reading=later.reading, known=evidence.series).strict()
        evidence, given = theory.with_counts(read), frozenset(o.series for o in read)
    kept = {n: s for n, s in evidence.series.items() if n not in made.own or n in given}
    held = Evidence(kept, tuple(o for o in evidence.observations if o.series in kept))
    if theory.whole:
        return held, ()
    doubtful = (o for o in rows.table() if o.suspect and o.count >= 0)
    return held, tuple(o for o in doubtful if o.series in kept and o.series not in given)


def _version() -> str:
    return str(json.loads(posterior.versions())["caucasus-forecast"])


def _ruling(made: Made, asked: Asked, record: Record) -> Ruling:
    partition = made.partition
    questions = {q.id: q for q in partition.questions}
    if asked.kind == "scenarios":
        return observed.scenarios(partition, record)
    if asked.kind == "answers":
        return observed.answers(questions[asked.id], record)
    holds: Condition = dict(questions[asked.given].answers)[asked.answer]
    return observed.scenarios(partition, record, [holds])


def changed(entry: Entry, new: Ruled) -> bool:
    """Whether rulings say anything else than those that stand."""
    return {k: r.states for k, r in entry.standing.items()} != new.states
