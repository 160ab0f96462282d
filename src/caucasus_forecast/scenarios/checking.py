"""Whether a scenario set is a partition: on simulated futures, and on paper.

On futures: at every month of every path exactly one scenario is resolved. On paper: the bounds of
all conditions cut each measure into cells, and their product is a finite grid on whose cells every
condition is true or false throughout; so gaps and overlaps are found without a future. Measures
count as independent of each other there. Two measures of one series are not, nor are two events of
which one is the other's gate, and a cell that rests on such a pair may be impossible.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import xarray as xr

from .. import names
from ..errors import ScenarioError, nearest
from ..estimate import Sample, probability
from ..graph import CausalGraph, holds
from .paper import Grid
from .resolution import first, measure, met, values_at
from .rules import WINDOWED, Question, ScenarioSet
from .tables import Table, percent

Array = np.ndarray


@dataclass(frozen=True)
class Fault:
    """One way in which a set, or the answers of a question, do not partition.

    Attributes
    ----------
    kind
        ``gap``: nothing is resolved; ``overlap``: several are, in an unordered set.
    between
        Ids of the scenarios, or labels of the answers, that overlap.
    at
        The values of the measures, in words.
    question
        Id of the side question whose answers these are; "" for the scenarios.
    share
        Share of the simulated months that show it; 0 if it was found on paper alone.
    certain
        Whether it can happen: a future shows it, or it rests on measures independent of each other.
    """

    kind: str
    between: tuple[str, ...]
    at: str
    question: str = ""
    share: float = 0.0
    certain: bool = True

    def __str__(self) -> str:
        head = f"{self.question}: " if self.question else ""
        who = f" of {' and '.join(self.between)}" if self.between else ""
        if self.share:
            seen = f"shown by {100 * self.share:.2g} % of the simulated months"
        else:
            seen = "on paper; no simulated future shows it"
            seen += "" if self.certain else ", and it may be impossible"
        return f"{head}{self.kind}{who} at {self.at}: {seen}"


@dataclass(frozen=True)
class Check:
    """What a scenario set makes of simulated futures.

    Attributes
    ----------
    chosen
        The set.
    futures
        Number of simulated futures.
    scenarios
        On ``scenario``: ``probability`` that it is resolved at the horizon and its ``mcse``;
        ``holds``, that its own conditions hold there, and ``holds_mcse``; ``ever``, the share of
        futures that are resolved so in some month; ``reachable``, whether on paper it can be.
    answers
        On ``answer``: ``probability``, ``mcse``, ``label``, ``title``, and ``question``.
    faults
        Every way in which the set is no partition.
    cells
        Size of the grid of the check on paper; 0 if it was too large to make.
    """

    chosen: ScenarioSet
    futures: int
    scenarios: xr.Dataset
    answers: xr.Dataset
    faults: tuple[Fault, ...]
    cells: int

    @property
    def passed(self) -> bool:
        """Whether no fault is certain."""
        return not any(f.certain for f in self.faults)

    @property
    def notes(self) -> tuple[str, ...]:
        """The verdict, the faults, and how they were looked for."""
        order = "the first that holds decides" if self.chosen.ordered else "they exclude each other"
        verdict = "a partition" if self.passed else "NOT a partition"
        paper = f"{self.cells:,} cells on paper" if self.cells else "too large to check on paper"
        return (
            f"{verdict} ({order}): {self.futures:,} simulated futures, {paper}",
            *map(str, self.faults),
        )

    @property
    def table(self) -> Table:
        """Every scenario with its share of the futures."""
        data = self.scenarios
        rows = tuple(
            (
                str(s),
                str(v["title"].item()),
                percent(float(v["probability"]), float(v["mcse"])),
                percent(float(v["holds"]), float(v["holds_mcse"])),
                self._remark(float(v["ever"]), bool(v["reachable"])),
            )
            for s in data[names.SCENARIO].to_numpy()
            if (v := data.sel(scenario=s)) is not None
        )
        title = f"{self.chosen.title or self.chosen.name}: simulated from the priors"
        header = ("", "scenario", "at the horizon", "conditions hold", "")
        return Table(title, header, rows, data, self.notes)

    def _remark(self, ever: float, reachable: bool) -> str:
        if not reachable:
            return "never first: others take all its cases"
        return "" if ever else f"never in {self.futures:,} futures"

    @property
    def questions(self) -> Table:
        """Every answer with its share of the futures."""
        data = self.answers
        ids = [str(q) for q in data[names.QUESTION].to_numpy()]
        rows = tuple(
            (
                q if i == 0 or ids[i - 1] != q else "",
                str(v["title"].item()) if i == 0 or ids[i - 1] != q else "",
                str(v["label"].item()),
                percent(float(v["probability"]), float(v["mcse"])),
            )
            for i, q in enumerate(ids)
            if (v := data.isel(answer=i)) is not None
        )
        return Table("Side questions", ("", "question", "answer", "at the horizon"), rows, data)

    def __repr__(self) -> str:
        parts = [self.table, self.questions] if self.chosen.questions else [self.table]
        return "\n\n".join(map(repr, parts))


def check(
    chosen: ScenarioSet, futures: xr.Dataset, graph: CausalGraph, shares: Mapping[str, Array]
) -> Check:
    """What a set makes of simulated futures, and on paper.

    Parameters
    ----------
    chosen
        The set.
    futures
        From `caucasus_forecast.study.Study.futures`.
    graph
        The graph they were simulated on.
    shares
        Each share at the origin, (chain, draw, path).

    Raises
    ------
    ScenarioError
        If a condition or a question is of a series that the graph does not have.
    """
    refuse_unknown(chosen, graph)
    each = met(chosen, futures, graph, shares)
    hits = each.sum(0)
    resolved = each & (np.cumsum(each, axis=0) == 1) if chosen.ordered else each
    grid = Grid.of([c for s in chosen.scenarios for c in s.when], graph, _settled(futures, graph))
    on_paper = grid.met(chosen) if grid.small else None
    shown = _shown(chosen, each, hits, futures, graph, shares)
    at = {(f.kind, f.between): f for f in (*_on_paper(chosen, grid, on_paper), *shown)}
    answers, of_answers = _answers(chosen, futures, graph, shares)
    return Check(
        chosen, int(hits[..., 0].size), _scenarios(chosen, each, resolved, on_paper), answers,
        (*at.values(), *of_answers), grid.size if on_paper is not None else 0,
    )  # fmt: skip


def refuse_unknown(chosen: ScenarioSet, graph: CausalGraph) -> None:
    """Refuse a set that asks about a series the graph does not have, before anything slow begins.

    Raises
    ------
    ScenarioError
        Naming the scenario or question, the series, and the nearest.

    Examples
    --------
    >>> from caucasus_forecast import graph, scenarios
    >>> scenarios.refuse_unknown(scenarios.load("alyarli-2021"), graph.load())
    """
    kinds = dict.fromkeys(WINDOWED, "count") | {"status": "event"}
    asked = [(s.id, c) for s in chosen.scenarios for c in s.when]
    for ident, c in [*asked, *((q.id, q.measure) for q in chosen.questions)]:
        kind = kinds.get(c.measure, "share")
        known = [n.name for n in graph.nodes if n.kind == kind]
        known += [names.DEATHS] if kind == "count" else []
        if c.of not in known:
            raise ScenarioError(
                f"scenario set {chosen.name!r}, {ident}: no {kind} of {c.of!r} in the graph "
                f"{graph.name!r} ({c.measure!r} needs: {kind}); {nearest(c.of, known)}. For "
                "another graph give its case (--case) or the graph (--graph)"
            )


# --------------------------------------------------------------------------- on paper


def _on_paper(chosen: ScenarioSet, grid: Grid, on_paper: Array | None) -> Iterable[Fault]:
    if on_paper is None:
        return
    none = ~on_paper.any(0)
    if none.any():
        where, certain = grid.example(none)
        yield Fault("gap", (), where, certain=certain)
    if chosen.ordered:
        return
    for (i, a), (j, b) in combinations(enumerate(chosen.scenarios), 2):
        both = on_paper[i] & on_paper[j]
        if both.any():
            where, certain = grid.example(both)
            yield Fault("overlap", (a.id, b.id), where, certain=certain)


# --------------------------------------------------------------------------- on futures


def _scenarios(
    chosen: ScenarioSet, each: Array, resolved: Array, on_paper: Array | None
) -> xr.Dataset:
    everywhere = Sample(np.ones(each.shape[1:4], bool))
    ends = [probability(r[..., -1], everywhere) for r in resolved]
    own = [probability(e[..., -1], everywhere) for e in each]
    reachable = np.ones(len(each), bool)
    if on_paper is not None:
        free = on_paper & (np.cumsum(on_paper, axis=0) == 1) if chosen.ordered else on_paper
        reachable = free.reshape(len(free), -1).any(1)
    return xr.Dataset(
        {
            "title": (names.SCENARIO, [s.name for s in chosen.scenarios]),
            "probability": (names.SCENARIO, [p["probability"] for p in ends]),
            "mcse": (names.SCENARIO, [p["mcse"] for p in ends]),
            "holds": (names.SCENARIO, [p["probability"] for p in own]),
            "holds_mcse": (names.SCENARIO, [p["mcse"] for p in own]),
            "ever": (names.SCENARIO, resolved.any(-1).reshape(len(each), -1).mean(1)),
            "reachable": (names.SCENARIO, reachable),
        },
        coords={names.SCENARIO: [s.id for s in chosen.scenarios]},
    )


def _shown(
    chosen: ScenarioSet, each: Array, hits: Array, futures: xr.Dataset, graph: CausalGraph,
    shares: Mapping[str, Array],
) -> Iterable[Fault]:  # fmt: skip
    """Faults that a simulated month shows, each with the first such month."""
    if (hits == 0).any():
        where = values_at(chosen, futures, graph, shares, first(hits == 0))
        yield Fault("gap", (), where, share=float((hits == 0).mean()))
    if chosen.ordered:
        return
    for (i, a), (j, b) in combinations(enumerate(chosen.scenarios), 2):
        both = each[i] & each[j]
        if both.any():
            where = values_at(chosen, futures, graph, shares, first(both))
            yield Fault("overlap", (a.id, b.id), where, share=float(both.mean()))


def _answers(
    chosen: ScenarioSet, futures: xr.Dataset, graph: CausalGraph, shares: Mapping[str, Array]
) -> tuple[xr.Dataset, list[Fault]]:
    rows: list[dict[str, float]] = []
    faults: list[Fault] = []
    for q in chosen.questions:
        value = measure(q.measure, futures, graph, shares)[..., -1]
        hits = np.array([a.holds(value) for _, a in q.answers])
        rows += [probability(h, Sample(np.ones(h.shape, bool))) for h in hits]
        faults += _of_question(q, value, hits, graph, _settled(futures, graph))
    named = [(q, label) for q in chosen.questions for label, _ in q.answers]
    found = xr.Dataset(
        {key: (names.ANSWER, [r[key] for r in rows]) for key in ("probability", "mcse")}
        | {
            "label": (names.ANSWER, [label for _, label in named]),
            "title": (names.ANSWER, [q.title for q, _ in named]),
        },
        coords={names.QUESTION: (names.ANSWER, [q.id for q, _ in named])},
    )
    return found, faults


def _of_question(
    q: Question, value: Array, hits: Array, graph: CausalGraph, settled: Mapping[str, float]
) -> Iterable[Fault]:
    """Where the answers of a question leave a gap or overlap: one measure, so always certain."""
    grid = Grid.of([c for _, c in q.answers], graph, settled)
    on_paper = np.array([grid.box([c]) for _, c in q.answers])
    cells, months = on_paper.sum(0), hits.sum(0)
    if (cells == 0).any():
        share = float((months == 0).mean())
        yield Fault("gap", (), grid.example(cells == 0)[0], q.id, share)
    for i, j in combinations(range(len(q.answers)), 2):
        both = on_paper[i] & on_paper[j]
        if both.any():
            pair = (q.answers[i][0], q.answers[j][0])
            share = float((hits[i] & hits[j]).mean())
            yield Fault("overlap", pair, grid.example(both)[0], q.id, share)


def _settled(futures: xr.Dataset, graph: CausalGraph) -> dict[str, float]:
    """Events that have happened in every future from the first month: a change is not undone."""
    status = futures["status"].to_numpy()
    states = [str(s) for s in futures[names.STATE].to_numpy()]
    return {
        s: float(holds(graph.node[s], status[0, 0, 0, i, 0]))
        for i, s in enumerate(states)
        if (status[:, :, :, i, 0] != 0).all()
    }
