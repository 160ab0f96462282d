"""What a ledger holds: forecasts that were made, and rulings on their questions.

Both are written as JSON in a row of their own. A row of a forecast keeps everything that ruling on
it takes, its rules and its graph's nodes with them, so that no later version of a file or of the
package changes what was asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter, ValidationError

from .. import scenarios
from ..errors import CorruptResultError
from ..graph import CausalGraph, Node
from ..panel import Horizon
from ..scenarios import ScenarioSet
from ..scenarios.known import span
from ..scenarios.observed import OPEN, STATES, Ruling
from .book import CURE, Row

EMBEDDED = "embedded evidence"
Kind = Literal["scenarios", "answers", "branch"]
Array = np.ndarray


@dataclass(frozen=True)
class Option:
    """One possibility of a question, and what the forecast gave it.

    `lower` and `upper` are the 90 % interval over parameter draws; `prior` is the probability
    before the evidence on the links, where the forecast has one.
    """

    id: str
    title: str
    probability: float
    mcse: float
    lower: float
    upper: float
    prior: float | None = None


@dataclass(frozen=True)
class Asked:
    """A question of a forecast: possibilities that exclude each other.

    `kind` is ``scenarios`` (the set), ``answers`` (a side question) or ``branch``: the set, given
    that the side question `given` has the answer `answer`.
    """

    id: str
    kind: Kind
    title: str
    options: tuple[Option, ...]
    given: str = ""
    answer: str = ""


@dataclass(frozen=True)
class Made:
    """A forecast that was made.

    Attributes
    ----------
    digest
        `Forecast.digest`.
    file
        The name of its file, if it had one.
    added
        When it was added, UTC.
    title, model, priors, seed, versions
        As the forecast says of itself.
    as_of, horizon
        Last day that it knew, and the whole months that it looks ahead.
    data_digest
        SHA-256 of its evidence.
    own
        Series that the forecaster counted.
    passed, verdict
        What its checks said.
    scenarios
        The scenario set as JSON.
    graph, graph_digest, nodes
        The graph's name, digest, and the name, kind and reading of each node.
    theory
        The graph file as JSON; nothing for a shipped graph.
    questions
        The scenarios first.
    """

    digest: str
    file: str
    added: str
    title: str
    model: str
    priors: str
    seed: int
    versions: dict[str, str]
    as_of: date
    horizon: int
    data_digest: str
    own: tuple[str, ...]
    passed: bool
    verdict: str
    scenarios: str
    graph: str
    graph_digest: str
    nodes: tuple[tuple[str, str, int], ...]
    theory: str
    questions: tuple[Asked, ...]

    @property
    def months(self) -> Array:
        """The months of the horizon, ``datetime64[M]``."""
        return Horizon(self.as_of, self.horizon).months

    @property
    def end(self) -> date:
        """Last day of the horizon."""
        return span(self.months).end

    @property
    def late(self) -> int:
        """Months of the horizon that had ended when it was added, so that they could be known."""
        return int((self.months < np.datetime64(self.added[:10], "M")).sum())

    @property
    def about(self) -> str:
        """What its evidence is about: the package's conflict, or that of a whole graph of its own.

        Forecasts of one such world may be ruled on with the same counts.
        """
        own = bool(self.theory) and "base" not in json.loads(self.theory)
        return self.graph if own else EMBEDDED

    @cached_property
    def partition(self) -> ScenarioSet:
        """The scenario set it was about."""
        return scenarios.from_json(self.scenarios, "the rules of the ledger")

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of its scenarios and of its side questions."""
        kinds = (self.partition.scenarios, self.partition.questions)
        return tuple(x.id for kind in kinds for x in kind)

    @property
    def known_graph(self) -> CausalGraph:
        """The nodes of its graph."""
        nodes = (Node(name, kind, reading) for name, kind, reading in self.nodes)  # type: ignore[arg-type]
        return CausalGraph(self.graph, tuple(nodes), ())


@dataclass(frozen=True)
class Ruled:
    """Rulings on every question of a forecast.

    Attributes
    ----------
    forecast
        Row of the forecast.
    added
        When, UTC.
    version
        Of this package.
    evidence, evidence_as_of, evidence_digest
        Where the evidence came from, its last day, and its SHA-256.
    rulings
        Question → what each of its possibilities has become, and why.
    void
        Scenario or side question that someone said is void → why.
    """

    forecast: int
    added: str
    version: str
    evidence: str
    evidence_as_of: date
    evidence_digest: str
    rulings: dict[str, Ruling]
    void: dict[str, str]

    @property
    def states(self) -> dict[str, dict[str, str]]:
        """The rulings without their reasons."""
        return {k: r.states for k, r in self.rulings.items()}


@dataclass(frozen=True)
class Entry:
    """A forecast of the ledger, and all the rulings on it, the last of which stands."""

    row: int
    made: Made
    ruled: tuple[tuple[int, Ruled], ...] = ()

    @property
    def standing(self) -> dict[str, Ruling]:
        """Question → the ruling that stands; OPEN where there is none."""
        if self.ruled:
            return self.ruled[-1][1].rulings
        return {
            q.id: Ruling(dict.fromkeys((o.id for o in q.options), OPEN), "not resolved yet")
            for q in self.made.questions
        }

    @property
    def void(self) -> dict[str, str]:
        """Scenario or side question that was said to be void → why."""
        return self.ruled[-1][1].void if self.ruled else {}

    @property
    def ended(self) -> bool:
        """Whether it was ruled on with evidence that reaches the end of its horizon."""
        return bool(self.ruled) and self.ruled[-1][1].evidence_as_of >= self.made.end

    @property
    def superseded(self) -> int:
        """Number of rulings that a later one took the place of."""
        return max(len(self.ruled) - 1, 0)


_KINDS: Mapping[str, TypeAdapter[Any]] = {
    "forecast": TypeAdapter(Made), "ruling": TypeAdapter(Ruled)
}  # fmt: skip


def written(value: Made | Ruled) -> str:
    """A row's content, JSON."""
    return json.dumps(asdict(value), default=str, ensure_ascii=False, allow_nan=False)


def read(kind: str, content: str, where: str) -> Made | Ruled:
    """A row's content as a value; `where` is how an error names it.

    Raises
    ------
    CorruptResultError
    """
    try:
        value: Made | Ruled = _KINDS[kind].validate_json(content)
    except (KeyError, ValidationError) as error:
        said = f"kind {kind!r}" if isinstance(error, KeyError) else error.errors()[0]["msg"]
        raise CorruptResultError(
            f"{where} is not a row that this version writes ({said}); use the newest version, or "
            f"{CURE}"
        ) from None
    return value


def joined(entry: Entry | None, row: Row, value: Made | Ruled, where: str) -> Entry:
    """An entry, none as yet for a forecast, with one more row of the ledger.

    Raises
    ------
    CorruptResultError
        For a forecast that is there already, and rulings that are on no forecast, or on other
        questions than it has.
    """
    if isinstance(value, Made) and entry is None and value.digest == row.subject:
        return Entry(row.number, value)
    if isinstance(value, Ruled) and entry is not None and _fits(entry.made, value):
        return replace(entry, ruled=(*entry.ruled, (row.number, value)))
    raise CorruptResultError(f"{where} does not go with the rows before it; {CURE}")


def _fits(made: Made, ruled: Ruled) -> bool:
    """Whether rulings are on the questions of a forecast and their possibilities, no others."""
    asked = {q.id: {o.id for o in q.options} for q in made.questions}
    states = {s for each in ruled.states.values() for s in each.values()}
    return asked == {k: set(v) for k, v in ruled.states.items()} and states <= set(STATES)
