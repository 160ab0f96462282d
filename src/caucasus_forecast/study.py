"""A case laid out: its evidence as a panel, its graph, its tension process, its futures.

Everything here is fixed before a prior is chosen, so that a forecast can be made again with other
priors, or with nodes set from outside, from the same study.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
import xarray as xr

from . import case as cases
from . import delays, models, names, posterior, scenarios, simulate, streams
from . import evidence as rows
from . import graph as graphs
from . import panel as panels
from . import theory as theories
from .case import EMBEDDED, Case
from .delays import ReportingDelay
from .errors import CaseError, CorruptResultError, StorageError
from .evidence import Evidence, Observation, Read
from .graph import CausalGraph
from .likelihood import Plan, plan
from .priors import Layout, coordinates, layout
from .scenarios import ScenarioSet
from .simulate import Origin
from .tension import Ladder, Process, Replay
from .theory import Theory

Array = np.ndarray
MOST_SAID = 50  # repairs, or sources, that a forecast lists


@dataclass(frozen=True)
class Study:
    """A case laid out.

    Attributes
    ----------
    case
        What is to be forecast.
    graph
        The model's graph: what the model keeps of the theory's.
    panel
        The evidence as of the day, from `caucasus_forecast.panel.build`.
    partition
        The scenarios.
    theory
        The graph of the case, with the priors and evidence of its file.

    Examples
    --------
    >>> study = lay_out(Case(as_of="2021-11-30"))
    >>> str(study.as_of), study.months[-1]
    ('2021-11-30', np.datetime64('2022-11'))
    """

    case: Case
    graph: CausalGraph
    panel: xr.Dataset
    partition: ScenarioSet
    theory: Theory

    @property
    def as_of(self) -> date:
        """Last day that may be known."""
        return date.fromisoformat(self.panel.attrs["as_of"])

    @property
    def months(self) -> Array:
        """The months to forecast, ``datetime64[M]``."""
        return panels.Horizon(self.as_of, self.case.horizon).months

    @property
    def model(self) -> ModuleType:
        """The model."""
        return models.get(self.case.model)

    @property
    def layout(self) -> Layout:
        """Posterior variable → its dimension and the prior keys along it."""
        return layout(self.graph, self.case.model)

    @cached_property
    def plan(self) -> Plan:
        """The panel as index arrays."""
        return plan(self.panel, self.graph)

    @cached_property
    def process(self) -> Process:
        """The tension process of the panel."""
        process: Process = self.model.process(self.panel, self.plan)
        return process

    def cautions(self, counts: Sequence[Observation]) -> tuple[str, ...]:
        """What deserves a second look in counts; those of tension beside the highest level."""
        series, process = self.theory.evidence.series, self.process
        tense = [o for o in counts if series[o.series].node == names.TENSION]
        others = [o for o in counts if series[o.series].node != names.TENSION]
        ceiling = float(process.mean.max()) if isinstance(process, Ladder) else float("inf")
        return (*rows.cautions(tense, ceiling), *rows.cautions(others))

    def seeing(self, panel: xr.Dataset) -> Study:
        """The same study with another panel, tension on the same scale."""
        found = replace(self, panel=panel)
        found.__dict__["process"] = self.process
        return found

    @property
    def provenance(self) -> dict[str, str]:
        """What a saved forecast says of its graph, so that `of` can lay it out again."""
        said = {"graph": self.theory.graph.name, "graph_digest": self.graph.digest}
        if self.theory.notes:
            said["graph_note"] = "; ".join(self.theory.notes)
        if self.case.graph not in graphs.available():
            said["theory"] = self.theory.to_json()
        return said

    @property
    def status(self) -> dict[str, Array]:
        """Status of each event node over the panel."""
        found = self.panel["status"]
        return {str(n): found.sel(state=n).to_numpy() for n in self.panel[names.STATE].to_numpy()}

    @property
    def shape(self) -> tuple[int, int, int]:
        """Chains, draws, paths."""
        return self.case.chains, self.case.draws, self.case.paths

    def replay(self, draws: xr.Dataset) -> Replay:
        """The months of the panel seen again under posterior draws."""
        p, own = posterior.parameters(draws, self.graph, self.case.model)
        rng = streams.stream(self.case.seed, "replay")
        return self.process.replay(self.plan, posterior.columns(p), own, rng)

    def origin(
        self, draws: xr.Dataset, state: Array, own: Mapping[str, Array], paths: int | None = None
    ) -> Origin:
        """The origin month seen by every path.

        Parameters
        ----------
        draws
            Slopes, base rates and noises; (chain, draw).
        state
            The process at the origin, one row a draw.
        own
            Parameters of the tension process, (D,).
        paths
            Futures of each draw (default: as many as the case has).
        """
        p, _ = posterior.parameters(draws, self.graph, self.case.model)
        times = paths or self.case.paths
        many, many_own = posterior.repeated(p, own, times)
        states = np.repeat(state, times, axis=0)
        return simulate.origin(
            self.plan, self.graph, self.process, many, many_own, states, self.status,
            self.case.seed,
        )  # fmt: skip

    def futures(
        self,
        start: Origin,
        do: Mapping[str, Any] | None = None,
        shift: Mapping[str, Any] | None = None,
    ) -> xr.Dataset:
        """Simulated futures of all paths, on (chain, draw, path, month), each resolved.

        Besides what `caucasus_forecast.simulate.as_dataset` gives: ``resolved``, the index of the
        scenario at every month, and ``share_at_origin``.
        """
        drawn = simulate.futures(
            self.graph, self.process, start, self.months, self.case.seed, do, shift
        )
        return self.labelled(drawn, start)

    def labelled(self, drawn: Mapping[str, Array], start: Origin) -> xr.Dataset:
        """Simulated futures that start there, as `futures` gives them."""
        chains, draws, _ = self.shape
        shape = (chains, draws, start.paths // (chains * draws))
        found = simulate.as_dataset(drawn, self.graph, self.months, shape)
        along = [str(n) for n in found[names.SHARE].to_numpy()]
        at_origin = np.zeros((*shape, len(along)), "float32")
        for i, name in enumerate(along):
            at_origin[..., i] = start.shares[name].reshape(shape)
        paths = (names.CHAIN, names.DRAW, names.PATH)
        found[names.AT_ORIGIN] = ((*paths, names.SHARE), at_origin)
        found[names.RESOLVED] = ((*paths, names.MONTH), self._resolve(found))
        return found

    def _resolve(self, futures: xr.Dataset) -> Array:
        shares = self.saved_shares(futures)
        return scenarios.resolve(self.partition, futures, self.graph, shares)

    def saved_shares(self, futures: xr.Dataset) -> dict[str, Array]:
        """Each share at the origin, (chain, draw, path)."""
        found = futures[names.AT_ORIGIN]
        return {str(n): found.sel({names.SHARE: n}).to_numpy() for n in found[names.SHARE].values}


def lay_out(
    case: Case, *, counts: Any = None, evidence: Evidence | None = None,
    delay: ReportingDelay | None = None,
) -> Study:  # fmt: skip
    """The study of a case.

    Parameters
    ----------
    case
        What to forecast.
    counts, evidence
        Counts, or all the evidence, where they are not files the case can name.
    delay
        A reporting delay, where it is not a file the case can name.

    Raises
    ------
    EvidenceError, CaseError, GraphError, PriorError, ScenarioError
        For anything that cannot be used as given; also for a scenario on a node that the graph
        does not have.
    """
    theory, read = theories.load(case.graph), None
    if evidence is None:
        evidence, as_of, read = _gathered(case, counts, theory)
    else:
        as_of = case.as_of or _last_day(evidence)
        evidence = evidence.as_of(as_of)
    graph = models.get(case.model).graph(theory.graph)
    panel = panels.build(evidence, graph, as_of)
    day = case.published or told_on(counts, () if read is None else read.rows)
    if delay is not None or case.delays is not None:
        panel = _delayed(panel, case, delay, day)
        case = case.model_copy(update={"published": day})
    partition = scenarios.load(case.scenarios)
    scenarios.refuse_unknown(partition, graph)
    study = Study(case, graph, panel, partition, theory)
    own = () if read is None else [o for o in read.rows if o.window.end <= as_of]
    rows.refuse_untimely(own, case.published)
    if read is not None:
        panel.attrs |= _said(read, study, day)
    return study


def told_on(counts: Any, own: Sequence[Observation]) -> date | None:
    """The day on which counts were published, or fetched, as they say themselves; None if not."""
    day = getattr(counts, "published", None)
    return day if type(day) is date else rows.retrieved(own)


def _delayed(
    panel: xr.Dataset, case: Case, delay: ReportingDelay | None, day: date | None
) -> xr.Dataset:
    """The panel with the reporting delay that is asked for."""
    if case.model == "reference":
        raise CaseError(
            "a delay is switched on, and the model 'reference' takes past months as they were "
            "told; use 'ladder' or 'drift', or leave the delay out"
        )
    return delays.published(panel, delay or delays.load(str(case.delays)), day)


def of(tree: xr.DataTree) -> Study:
    """The study of a forecast, from what its tree holds.

    Raises
    ------
    StorageError
        If the forecast was made with a graph this version does not have.
    """
    case = cases.make("the saved case", json.loads(tree.attrs["case"]))
    theory = theories.saved(tree)
    graph = models.get(case.model).graph(theory.graph)
    if graph.digest != tree.attrs["graph_digest"]:
        raise StorageError(
            f"this forecast was made with another version of the graph {graph.name!r}; make it "
            "again with this version"
        )
    _refuse_unlike(tree, layout(graph, case.model), case)
    panel = tree[names.OBSERVED_DATA].to_dataset()
    partition = scenarios.from_json(tree.attrs["scenarios"], "the saved scenarios")
    return Study(case, graph, panel, partition, theory)


def _refuse_unlike(tree: xr.DataTree, wanted: Layout, case: Case) -> None:
    """Refuse draws that are not those of the case and its graph."""
    sampler, drawn = json.loads(tree.attrs["sampler"]), tree[names.POSTERIOR].to_dataset()
    labels = coordinates(wanted)
    for name, (dim, _) in wanted.items():
        fits = name in drawn and (dim is None or list(drawn[dim].values) == labels[dim])
        if not fits:
            raise CorruptResultError(
                f"the draws of {name!r} are not those of the graph; take another copy of the "
                "forecast, or make it again"
            )
    if [sampler[k] for k in ("chains", "draws", "paths")] != [case.chains, case.draws, case.paths]:
        raise CorruptResultError("the draws are not as many as the case says; make it again")


def gather(case: Case, counts: Any = None, theory: Theory | None = None) -> tuple[Evidence, date]:
    """The evidence of a case as of its day, the user's counts in place of the embedded ones.

    Parameters
    ----------
    case
        What to forecast.
    counts
        Counts that are not a file the case can name.
    theory
        That of the case's graph, if it has been read.

    Raises
    ------
    EvidenceError
        For a series the graph's evidence does not know, or one that counts cannot give; or if
        nothing, or one month alone, is known of tension.
    """
    evidence, as_of, _ = _gathered(case, counts, theory or theories.load(case.graph))
    return evidence, as_of


def _gathered(case: Case, counts: Any, theory: Theory) -> tuple[Evidence, date, Read | None]:
    evidence = theory.evidence
    source = counts if counts is not None else case.evidence
    if counts is None and case.evidence == EMBEDDED:
        evidence = theory.alone()
        if chosen := ", ".join(case.reading.chosen):
            raise CaseError(
                f"reading chooses {chosen}, and the embedded evidence needs no choice; give "
                "counts, or leave it out"
            )
        as_of = case.as_of or _last_day(evidence)
        return evidence.as_of(as_of), as_of, None
    read = rows.read(source, reading=case.reading, known=evidence.series)
    own = read.strict()
    as_of = case.as_of or max(o.window.end for o in own)
    if short := rows.too_short(read.where, own, evidence.series, as_of):
        raise rows.TableError(short)
    return theory.with_counts(own).as_of(as_of), as_of, read


def _said(read: Read, study: Study, day: date | None) -> dict[str, str]:
    """What reading the counts said, as attributes of the panel."""
    used = [o for o in read.rows if o.window.end <= study.as_of]
    delay = delays.of(study.panel)
    untreated = [o for o in used if delay is None or o.series != delay.series]
    said = {
        "repairs": json.dumps(_shortened(read.repairs), ensure_ascii=False),
        "cautions": json.dumps([*study.cautions(used), *rows.fresh(untreated, day)]),
        "sources": cited(used),
        "evidence_sha256": read.digest,
    }
    return {k: v for k, v in said.items() if v not in ("", "[]")}


def cited(rows: Sequence[Observation], before: str = "") -> str:
    """The sources that rows name, after those that were named before.

    Examples
    --------
    >>> month = rows.Window(date(2024, 1, 1), date(2024, 1, 31))
    >>> cited([Observation(month, "battle_deaths", 3.0, source="a list")], before="a book")
    'a book; a list'
    """
    named = dict.fromkeys(o.source for o in rows if o.source and o.source not in before)
    return "; ".join(filter(None, (before, *_shortened(list(named)))))


def _shortened(lines: Sequence[str]) -> list[str]:
    shown = [line if len(line) <= 300 else f"{line[:300]}…" for line in lines[:MOST_SAID]]
    return shown + [f"and {len(lines) - MOST_SAID} more"] * (len(lines) > MOST_SAID)


def _last_day(evidence: Evidence) -> date:
    return max(o.window.end for o in evidence.observations)
