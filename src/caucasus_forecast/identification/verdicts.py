"""Whether what is measured settles an effect, and how: verdicts that are theorems."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from functools import partial
from typing import Final

import networkx as nx
import numpy as np
import xarray as xr

from .. import names
from ..errors import GraphError, nearest
from ..graph import CausalGraph
from ..graph.separation import earlier, refuse_same
from ..scenarios import Table
from . import readings
from .readings import at_all, measurable, measured, reading, seen_by, window

VERDICTS: Final = (
    "no effect", "back-door", "front-door", "other formula", "not identified", "too large",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Identification:
    """Whether an effect is identified, and by what.

    Parameters
    ----------
    cause, effect
        Nodes of the unrolled graph.
    verdict
        ``no effect``: no directed path. ``back-door``: by adjusting for any one of `adjustment`.
        ``front-door``: through `mediators`. ``other formula``: by the general algorithm only.
        ``not identified``: by no formula, a theorem and not a failed search. ``too large``: not
        examined.
    adjustment
        Back-door sets, smallest first; one may be empty.
    mediators
        A front-door set from which none can be spared.
    hedge
        When not identified though both are measured: the nodes tied by hidden common causes from
        which the effect cannot be untangled.
    hidden
        Which of the two is not measured.

    Raises
    ------
    GraphError
        If the verdict is not one of these, or its grounds are missing or those of another.

    Examples
    --------
    >>> Identification("a", "b", "no effect").words
    'no effect: no arrows lead from a to b'
    """

    cause: str
    effect: str
    verdict: str
    adjustment: tuple[frozenset[str], ...] = ()
    mediators: frozenset[str] = frozenset()
    hedge: frozenset[str] = frozenset()
    hidden: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise GraphError(f"verdict {self.verdict!r}: {nearest(self.verdict, VERDICTS)}")
        grounds = {
            "back-door": self.adjustment,
            "front-door": self.mediators,
            "not identified": self.hedge or self.hidden,
        }
        for verdict, ground in grounds.items():
            if bool(ground) != (self.verdict == verdict):
                raise GraphError(
                    f"verdict {self.verdict!r} {'with' if ground else 'without'} the grounds of "
                    f"{verdict!r}; give each verdict its own grounds"
                )

    @property
    def identified(self) -> bool:
        """Whether data on what is measured would settle the effect."""
        return self.verdict not in ("not identified", "too large")

    @property
    def words(self) -> str:
        """The verdict as a sentence."""
        return f"{self.verdict}: {self._reason()}"

    def _reason(self) -> str:
        match self.verdict:
            case "no effect":
                return f"no arrows lead from {self.cause} to {self.effect}"
            case "back-door" if not self.adjustment[0]:
                return "nothing confounds the two; compare the months as they are"
            case "back-door":
                return f"compare months alike in {_listed(self.adjustment[0])}"
            case "front-door":
                return f"the whole effect runs through {_listed(self.mediators)}"
            case "other formula":
                return "by the general algorithm, though by neither the back nor the front door"
            case "too large":
                most = readings.LARGEST
                return f"the unrolled graph has more than {most} nodes; it was not examined"
        if self.hidden:
            return f"{' and '.join(self.hidden)} {'are' if self.hidden[1:] else 'is'} not measured"
        tied = {name.partition("@-")[0] for name in self.hedge}
        return f"hidden common causes tie the effect to the cause, among {_listed(tied)}"


def _listed(found: Iterable[str]) -> str:
    several = sorted(found)
    more = f" and {len(several) - 6} more" if len(several) > 6 else ""
    return ", ".join(several[:6]) + more


def identify(
    graph: CausalGraph,
    cause: str,
    effect: str,
    observed: str | Iterable[str] | None = None,
    lag: int = 0,
) -> Identification:
    """Say whether the total effect of `cause` on `effect`, `lag` months later, is identified.

    The intervention sets the cause in one month and leaves all others. The verdict is
    nonparametric: it uses arrows only, neither the linear links, nor the priors, nor a completeness
    condition on noisy readings, and it presumes positive probabilities. It covers the window in
    which every lagged arrow can be followed once before the month of the cause.

    Parameters
    ----------
    cause
        A node, set from outside.
    effect
        A node, or a reading. A hidden level with a measured reading is asked about by its reading.
    observed
        What is measured in every month, out of `measurable`: a node itself, without error, or a
        reading. Default: what the embedded evidence measures.
    lag
        Months between cause and effect.

    Raises
    ------
    GraphError
        If a name is unknown, cause and effect are the same, or the lag is not 0 to 99 months.

    Examples
    --------
    >>> from caucasus_forecast.graph import load
    >>> identify(load(), "tension", "pressure").words
    'not identified: tension is not measured'
    >>> every = [n.name for n in load().nodes]
    >>> identify(load(), "tension", "transport_security_fear", observed=every).verdict
    'back-door'
    """
    seen = seen_by(graph, observed)
    if isinstance(lag, bool) or not isinstance(lag, int) or not 0 <= lag <= 99:
        raise GraphError(f"lag is {lag!r}; give a whole number of months, 0 to 99")
    graph._known(cause)
    if effect not in measurable(graph):
        raise GraphError(f"no effect {effect!r}; {nearest(effect, measurable(graph))}")
    cause = earlier(cause, lag)
    refuse_same(cause, effect)
    if effect not in seen and reading(effect) in seen:
        effect = reading(effect)
    months = window(graph, lag)
    if months * len(measurable(graph)) > readings.LARGEST:
        return Identification(cause, effect, "too large")
    return examine(measured(graph, months), cause, effect, at_all(seen, months))


def examine(dag: nx.DiGraph, cause: str, effect: str, seen: Set[str]) -> Identification:
    """Say whether P(effect | do(cause)) is identified in any directed acyclic graph.

    Parameters
    ----------
    dag
        Nodes and arrows, hidden nodes included.
    seen
        The measured nodes.

    Raises
    ------
    GraphError
        If the graph has a cycle, or lacks one of the nodes.

    Examples
    --------
    >>> smoking = nx.DiGraph(["us", "uc", "st", "tc"])
    >>> examine(smoking, "s", "c", {"s", "t", "c"}).words
    'front-door: the whole effect runs through t'
    """
    for name in (cause, effect, *seen):
        if name not in dag:
            raise GraphError(f"the graph has no node {name!r}; {nearest(name, dag)}")
    if not nx.is_directed_acyclic_graph(dag):
        raise GraphError("the graph has a cycle; remove or reverse an arrow")
    refuse_same(cause, effect)
    found = partial(Identification, cause, effect)
    if effect not in nx.descendants(dag, cause):
        return found("no effect")
    if hidden := tuple(n for n in (cause, effect) if n not in seen):
        return found("not identified", hidden=hidden)
    dag = dag.subgraph(nx.ancestors(dag, effect) | {effect}).copy()
    seen = frozenset(seen) & dag.nodes
    if adjustment := _back_door(dag, cause, effect, seen):
        return found("back-door", adjustment=adjustment)
    if hedge := _hedge(dag, cause, effect, seen):
        return found("not identified", hedge=hedge)
    if mediators := _front_door(dag, cause, effect, seen):
        return found("front-door", mediators=mediators)
    return found("other formula")


def _without_arrows_out(dag: nx.DiGraph, of: Iterable[str]) -> nx.DiGraph:
    g = dag.copy()
    g.remove_edges_from(list(dag.out_edges(of)))
    return g


def _back_door(dag: nx.DiGraph, x: str, y: str, seen: Set[str]) -> tuple[frozenset[str], ...]:
    """Back-door sets: a minimal one, and the direct causes where all are measured."""
    cut = _without_arrows_out(dag, [x])
    allowed = seen - nx.descendants(dag, x) - {x, y}
    minimal = nx.find_minimal_d_separator(cut, {x}, {y}, restricted=set(allowed))
    causes = frozenset(dag.predecessors(x))
    sets = {frozenset(minimal)} if minimal is not None else set()
    sets |= {causes} if causes <= allowed else set()
    return tuple(sorted(sets, key=lambda z: (len(z), sorted(z))))


def _front_door(dag: nx.DiGraph, x: str, y: str, seen: Set[str]) -> frozenset[str]:
    """A front-door set, none if there is none.

    Of the nodes that nothing confounds with `x`, those confounded with `y` given `x` once the
    arrows out of the set are cut are removed until none is left. Removal only restores arrows, so
    it never mends another node: what remains is the largest set that meets both conditions, and it
    catches every path from `x` to `y` if any such set does.
    """
    cut = _without_arrows_out(dag, [x])
    most = frozenset(m for m in seen - {x, y} if nx.is_d_separator(cut, {x}, {m}, set()))
    while _catches(dag, most, x, y) and (bad := _confounded(dag, most, x, y)):
        most -= bad
    if not _catches(dag, most, x, y):
        return frozenset()
    for m in sorted(most):
        fewer = most - {m}
        if _catches(dag, fewer, x, y) and not _confounded(dag, fewer, x, y):
            most = fewer
    return most


def _confounded(dag: nx.DiGraph, mediators: frozenset[str], x: str, y: str) -> frozenset[str]:
    cut = _without_arrows_out(dag, mediators)
    return frozenset(m for m in mediators if not nx.is_d_separator(cut, {m}, {y}, {x}))


def _catches(dag: nx.DiGraph, mediators: frozenset[str], x: str, y: str) -> bool:
    return not nx.has_path(dag.subgraph(dag.nodes - mediators), x, y)


def _hedge(dag: nx.DiGraph, x: str, y: str, seen: Set[str]) -> frozenset[str]:
    """A set that forbids identification, empty when P(y | do(x)) is identified.

    Tian's algorithm, complete by Huang & Valtorta (2006): with D the ancestors of `y` once `x` is
    removed, each district of D must be reached from the district of all nodes that holds it by
    turns of *keep its ancestors* and *keep its district*. Where neither makes it smaller, no
    formula exists.
    """
    shown, shared = projected(dag, seen)
    everything = frozenset(shown)
    whole = {n: district for district in _districts(everything, shared) for n in district}
    for part in _districts(_upstream(shown, everything - {x}, {y}), shared):
        within = whole[next(iter(part))]
        while (above := _upstream(shown, within, part)) != part:
            if above == within:
                return within
            within = _district(part, above, shared)
    return frozenset()


def projected(dag: nx.DiGraph, seen: Set[str]) -> tuple[nx.DiGraph, list[frozenset[str]]]:
    """Latent projection: arrows among measured nodes, and the sets that share a hidden cause."""
    meets: dict[str, frozenset[str]] = {}
    for node in reversed(list(nx.topological_sort(dag))):
        meets[node] = frozenset().union(*({c} if c in seen else meets[c] for c in dag[node]))
    shown = nx.DiGraph((a, b) for a in seen for b in meets[a])
    shown.add_nodes_from(seen)
    roots = (u for u in dag if u not in seen and all(p in seen for p in dag.predecessors(u)))
    return shown, [meets[u] for u in roots if len(meets[u]) > 1]


def _upstream(shown: nx.DiGraph, among: Set[str], of: Set[str]) -> frozenset[str]:
    """The nodes of `of` and their ancestors inside `among`."""
    g, found = shown.subgraph(among), set(of)
    waiting = list(of)
    while waiting:
        new = set(g.predecessors(waiting.pop())) - found
        found |= new
        waiting += new
    return frozenset(found)


def _districts(among: Set[str], shared: list[frozenset[str]]) -> list[frozenset[str]]:
    """Parts of `among` that chains of shared hidden causes tie together."""
    left, parts = set(among), []
    while left:
        parts.append(_district({min(left)}, among, shared))
        left -= parts[-1]
    return parts


def _district(of: Set[str], among: Set[str], shared: list[frozenset[str]]) -> frozenset[str]:
    """The district of `among` that holds the nodes of `of`."""
    found = set(of)
    while tied := {n for group in shared if group & found for n in group & among} - found:
        found |= tied
    return frozenset(found)


def to_measure(
    graph: CausalGraph,
    cause: str,
    effect: str,
    observed: str | Iterable[str] | None = None,
    lag: int = 0,
) -> tuple[str, ...]:
    """Nodes that would have to be measured as well, without error and every month.

    None of them can be spared: without any one of the set the effect is not identified. Another
    such set may exist; here background inputs are spared first, then secondary nodes.

    Examples
    --------
    >>> from caucasus_forecast.graph import load
    >>> to_measure(load(), "tension", "pressure")
    ('statement_gap', 'peacekeeper_inefficacy', 'tension')
    """
    verdict = identify(graph, cause, effect, observed, lag)
    if verdict.identified or verdict.verdict == "too large":
        return ()
    months, have = window(graph, lag), seen_by(graph, observed)
    full = measured(graph, months)
    dag = full.subgraph(nx.ancestors(full, verdict.effect) | {verdict.effect}).copy()
    inside = {name.partition("@-")[0] for name in dag}
    more = [n for n in reversed(graph.nodes) if n.name in inside and n.name not in have]
    for spared in sorted(more, key=lambda n: _TIERS.get(n.tier, 0)):
        fewer = [n for n in more if n is not spared]
        seen = at_all((*have, *(n.name for n in fewer)), months) & dag.nodes
        asked = {verdict.cause, verdict.effect} <= seen
        if asked and not _hedge(dag, verdict.cause, verdict.effect, seen):
            more = fewer
    return tuple(n.name for n in reversed(more))


_TIERS = {"exogenous": 0, "secondary": 1, "core": 2}


def summary(
    graph: CausalGraph,
    observed: str | Iterable[str] | None,
    pairs: Iterable[str],
) -> Table:
    """Say for several links what is identified, and what would have to be measured.

    Parameters
    ----------
    graph
        The causal graph.
    observed
        As in `identify`; `None` is what the embedded evidence measures.
    pairs
        Links written ``cause->effect``. The lag is that of the arrow of this name, else 0.

    Raises
    ------
    GraphError
        If a pair is not written so, or names an unknown node.

    Examples
    --------
    >>> from caucasus_forecast.graph import load
    >>> table = summary(load(), None, ["tension->transport_security_fear"])
    >>> table.rows[0][1]
    'not identified'
    """
    seen = seen_by(graph, observed)
    found = [(*_pair(graph, text), text) for text in pairs]
    verdicts = [identify(graph, a, b, seen, lag) for a, b, lag, _ in found]
    needs = [to_measure(graph, a, b, seen, lag) for a, b, lag, _ in found]
    cells = tuple(
        (text.replace("->", " -> "), v.verdict, v._reason(), ", ".join(need) or "nothing more")
        for (*_, text), v, need in zip(found, verdicts, needs, strict=True)
    )
    data = xr.Dataset(
        {
            "verdict": (names.EDGE, np.array([v.verdict for v in verdicts], object)),
            "reason": (names.EDGE, np.array([v._reason() for v in verdicts], object)),
            "to_measure": (names.EDGE, np.array([", ".join(n) for n in needs], object)),
        },
        coords={names.EDGE: np.array([text for *_, text in found], object)},
    )
    header = ("effect of", "verdict", "because", "to measure as well")
    note = "measured: " + (", ".join(seen) or "nothing")
    return Table("What the graph lets these data identify", header, cells, data, (note,))


def _pair(graph: CausalGraph, text: str) -> tuple[str, str, int]:
    cause, arrow, effect = text.partition("->")
    if not arrow:
        raise GraphError(f"pair {text!r}: write it 'cause->effect'")
    return cause, effect, graph.edge[text].lag if text in graph.edge else 0
