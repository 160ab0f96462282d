"""A theory: a graph, and the priors and evidence that come with it in one file.

The shipped graph comes with the embedded evidence, and every shipped prior set is complete for it.
A graph file (`caucasus_forecast.graph.files`) says more than the graph:

    [[node]]
    name = "envoys"
    kind = "count"
    base_rate = { dist = "Normal", kwargs = { mu = 0.0, sigma = 1.0 }, why = "one a month" }

    [[edge]]
    cause = "tension"
    effect = "envoys"
    prior = { dist = "Normal", kwargs = { mu = 0.3, sigma = 0.3 }, why = "..." }

    [[series]]
    name = "envoys"
    node = "envoys"
    mode = "counts"

    [[observation]]
    start = 2024-02-01
    end = 2024-02-29
    series = "envoys"
    count = 2

``base_rate`` is the prior ``envoys.base``, ``noise`` that of ``<share>.noise``, ``prior`` that of
the edge's slope. Where a prior set and the file both speak of a parameter, what was written for
this graph wins:

1. a set of one's own (a file, or changes to the forecast's set);
2. the graph file, for the nodes and edges it declares;
3. the set that is complete for the graph it changes; a reversed edge keeps the prior it had there.

A whole graph, one without a base, takes from a set made for another graph only the parameters that
every graph has (`priors.SHARED_PARAMETERS`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import evidence as rows
from .. import graph as graphs
from .. import priors as prior_sets
from ..errors import EvidenceError, GraphError, PriorError, nearest
from ..evidence import Evidence, Observation
from ..graph import CausalGraph, GraphFile
from ..graph.fields import tables
from ..named import strict_json
from ..names import DEATHS
from ..priors import SHARED_PARAMETERS, Prior, PriorSet, Written, parameters
from .entries import evidence_of, priors_of

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Theory:
    """A graph and what comes with it.

    Attributes
    ----------
    graph
        The graph.
    evidence
        Series of the graph's nodes, with the rows that are there without a user's counts.
    base
        The theory it changes; none for the article's and for a whole graph.
    priors
        Parameter → prior, for everything its file declares; none where the file gives no prior.
    moved
        Slope of a reversed edge → its name in the base.
    fields
        The fields of its file, as saved with a forecast.
    notes
        What a reader must not miss.

    Examples
    --------
    >>> load("alyarli-2021").beliefs("agnostic")["tension->pressure"]
    Normal(mu=0, sigma=0.5)
    """

    graph: CausalGraph
    evidence: Evidence
    base: Theory | None = None
    priors: Mapping[str, Prior | None] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether it is a graph file without a base: about another conflict, perhaps."""
        return self.base is None and bool(self.fields)

    @property
    def lineage(self) -> tuple[CausalGraph, ...]:
        """Its graph, the one that changes, and so on."""
        return (self.graph, *(self.base.lineage if self.base else ()))

    @property
    def own(self) -> tuple[str, ...]:
        """Series whose evidence is its file's, not the embedded one."""
        if self.whole:
            return tuple(self.evidence.series)
        return tuple(body["name"] for _, body in tables(self.fields, "series", ""))

    def alone(self) -> Evidence:
        """Its evidence, without a user's counts.

        Raises
        ------
        EvidenceError
            If there is no count of tension in it.
        """
        if not any(o.series == DEATHS for o in self.evidence.observations):
            raise EvidenceError(
                f"the graph {self.graph.name!r} comes without {DEATHS}; give counts: a CSV, or "
                "evidence = 'counts.csv' in the case"
            )
        return self.evidence

    def with_counts(self, read: Sequence[Observation]) -> Evidence:
        """Its evidence, a user's rows in place of every series they name, whole.

        Rows are totals of their intervals; those of a status series that its file declares are the
        days on which the state changed.

        Raises
        ------
        EvidenceError
            For a series that is not here, or that rows of counts cannot give.
        """
        declared = {body["name"] for _, body in tables(self.fields, "series", "")}
        changed, counts = self.evidence, list(read)
        for name, series in self.evidence.series.items():
            if name in declared and series.mode == "status":
                mine = [o for o in counts if o.series == name]
                changed = changed.with_series(series, mine) if mine else changed
                counts = [o for o in counts if o.series != name]
        return changed.with_counts(counts)

    def to_json(self) -> str:
        """The fields of its file as JSON, as saved with a forecast."""
        return json.dumps({**self.fields, "name": self.graph.name}, default=str)

    def beliefs(self, given: Any) -> PriorSet:
        """The complete prior set that a caller means for this graph.

        Parameters
        ----------
        given
            Name of a shipped set, path of a TOML file, a `PriorSet`, or a dict of changes to
            ``alyarli-2021``.

        Raises
        ------
        PriorError
            If it is none of these, names a parameter that no graph here has, or leaves one
            without a prior.
        """
        if isinstance(given, PriorSet):
            return self._fitted(given)
        if isinstance(given, str | Path) and str(given) not in prior_sets.list():
            return self._completed(prior_sets.open_file(given))
        if isinstance(given, Mapping):
            return self.beliefs("alyarli-2021").replace(given)
        return self._fitted(prior_sets.resolve(given))

    def _fitted(self, given: PriorSet) -> PriorSet:
        """A set that is complete for some graph, for this one."""
        if given.graph == self.graph:
            return given
        if given.graph not in self.lineage and not self.whole:
            raise PriorError(
                f"prior set {given.name!r} is for the graph {given.graph.name!r}, not for "
                f"{self.graph.name!r}; give a shipped set, or a file"
            )
        found = {key: self._entry(key, given) for key in parameters(self.graph)}
        return self._checked(given.name, found, given.title, f"prior set {given.name!r}")

    def _entry(self, key: str, given: Mapping[str, Prior]) -> Prior | None:
        if key in self.priors:
            return self.priors[key]
        if self.base is not None:
            return self.base._entry(self.moved.get(key, key), given)
        return given.get(key) if not self.whole or key in SHARED_PARAMETERS else None

    def _completed(self, given: Written) -> PriorSet:
        """A set of one's own, with the graph file's priors where it has none."""
        needed = parameters(self.graph)
        elsewhere = {key for graph in self.lineage for key in parameters(graph)}
        for key in given.entries:
            if key not in elsewhere:
                raise PriorError(
                    f"{given.where}: unknown parameter {key!r} of the graph {self.graph.name!r}; "
                    f"{nearest(key, needed)}"
                )
        found = {
            key: given.entries[key] if key in given.entries else self._entry(key, given.entries)
            for key in needed
        }
        return self._checked(given.name, found, given.title, given.where)

    def _checked(
        self, name: str, found: Mapping[str, Prior | None], title: str, where: str
    ) -> PriorSet:
        entries = {key: prior for key, prior in found.items() if prior is not None}
        if self.fields and (missing := [key for key in found if key not in entries]):
            raise PriorError(
                f"{where} and the file of the graph {self.graph.name!r} leave "
                f"{len(missing)} of {len(found)} parameters without a prior: "
                f"{', '.join(missing)}. In the file give an edge its 'prior', a count, event or "
                "share its 'base_rate' and a share its 'noise'; or name them in a prior set"
            )
        try:
            return PriorSet(name, entries, title, self.graph)
        except PriorError as error:
            raise PriorError(f"{where}: {error}") from None


# --------------------------------------------------------------------------- loading


def load(name_or_path: str | Path = graphs.ARTICLE) -> Theory:
    """The theory of a shipped graph, or of a graph file.

    Raises
    ------
    GraphError, PriorError, EvidenceError
        Naming the file, the entry, the key, the value and what is allowed.
    """
    if str(name_or_path) in graphs.available():
        return _shipped(str(name_or_path))
    return of(graphs.open_file(name_or_path))


@cache
def _shipped(name: str) -> Theory:
    return of(graphs.open_file(name))


def saved(tree: xr.DataTree) -> Theory:
    """The theory a saved forecast was made with."""
    if "theory" in tree.attrs:
        return from_json(tree.attrs["theory"])
    return load(json.loads(tree.attrs["case"]).get("graph", graphs.ARTICLE))


def from_json(body: str) -> Theory:
    """The theory of a graph file from what `Theory.to_json` wrote."""
    where = "the saved graph"
    return of(graphs.from_fields(strict_json(body, where, GraphError), where))


def of(file: GraphFile) -> Theory:
    """The theory of a graph file that has been read.

    Raises
    ------
    GraphError, PriorError, EvidenceError
        Whatever is wrong with its priors, series and observations.
    """
    if not file.fields:
        return Theory(file.graph, rows.load())
    base = _shipped(file.base) if file.base else None
    evidence, left_out = evidence_of(file, base.evidence if base else None)
    turned = (base.graph.edge[name] for name in file.fields.get("reverse", ())) if base else ()
    return Theory(
        graph=file.graph,
        evidence=evidence,
        base=base,
        priors=priors_of(file),
        moved={f"{e.effect}->{e.cause}": e.name for e in turned},
        fields=file.fields,
        notes=_notes(file, base, left_out),
    )


def _notes(file: GraphFile, base: Theory | None, left_out: Sequence[str]) -> tuple[str, ...]:
    name = file.graph.name
    if base is None:
        return (
            f"graph {name!r} is a whole one: it uses no embedded evidence, and of a prior set made "
            "for another graph only what every graph has",
        )
    unread = f"; embedded series left out: {', '.join(left_out)}" if left_out else ""
    return (f"graph {name!r} is {file.base!r} changed{unread}",)
