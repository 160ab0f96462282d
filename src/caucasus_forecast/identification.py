"""What the graph lets data say about a cause, and what it forbids data to say at all.

**Identification.** Whether the total effect of a cause in month *t − lag* on an effect in month
*t*, the distribution P(effect | do(cause)), is a function of the distribution of what is measured,
whatever the hidden nodes do. The graph is unrolled over months (`caucasus_forecast.graph.unroll`),
and every hidden level is given its **reading**: battle deaths are ``"reading of tension"``, the
counted overtures ``"reading of pressure"``. A reading is a child of its level. It neither stands in
for the level nor blocks a path through it. As in `caucasus_forecast.equations`, arrows of the same
month leave the level and lagged arrows leave the count. A moderator and a gate are causes like any
other: an arrow says *may depend on*, in whatever form. An arrow claimed absent (sign 0) is an arrow
here, since the model gives it a slope.

**Falsification.** The conditional independences the graph implies among what is measured, each
tested where there are months enough: a rank correlation, a block permutation, Holm's correction.

References
----------
Pearl (2009), *Causality*, sections 3.3 and 3.4. Tian (2002), *Studies in Causal Reasoning and
Learning*, and Huang & Valtorta (2006), the general algorithm and its completeness. Holm (1979).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass
from functools import partial
from itertools import combinations, product
from typing import Any, Final

import networkx as nx
import numpy as np
import xarray as xr
from scipy import stats

from . import evidence as rows
from . import names
from .errors import GraphError, nearest
from .graph import CausalGraph, _at, _several, _two_nodes, unroll
from .panel import month_days
from .scenarios import Table
from .streams import stream

Array = np.ndarray
VERDICTS: Final = (
    "no effect", "back-door", "front-door", "other formula", "not identified", "too large",
)  # fmt: skip
HOLDS: Final = "holds so far"
CONTRADICTED: Final = "contradicted"
UNTESTED: Final = "cannot be tested with these data"
INDEPENDENCE: Final = "independence"

# kinds whose level is hidden behind a reading
READ: Final = ("process", "count", "share")
# nodes of the unrolled graph beyond which nothing is searched
LARGEST: Final = 20_000
# months a test needs, and how many more for each separating variable
MONTHS, MONTHS_EACH = 36, 6
# months that must differ from a series' most frequent value
CHANGES = 6
ALPHA = 0.05


# --------------------------------------------------------------------------- what is measured


def reading(name: str) -> str:
    """Name of what reads a hidden level.

    Examples
    --------
    >>> reading("tension")
    'reading of tension'
    """
    return f"reading of {name}"


def measurable(graph: CausalGraph) -> tuple[str, ...]:
    """Everything that could be measured: each node itself, and the readings of hidden levels.

    Examples
    --------
    >>> from caucasus_forecast.graph import Node
    >>> measurable(CausalGraph("toy", (Node("a", "index"), Node("b", "count")), ()))
    ('a', 'b', 'reading of b')
    """
    readings = (reading(n.name) for n in graph.nodes if n.kind in READ)
    return (*(n.name for n in graph.nodes), *readings)


def evidenced(graph: CausalGraph, evidence: rows.Evidence | None = None) -> tuple[str, ...]:
    """What a body of evidence measures: the states of events, and readings of hidden levels.

    Parameters
    ----------
    graph
        The graph whose nodes are informed; series of other nodes are left out.
    evidence
        Default: the embedded evidence.

    Examples
    --------
    >>> from caucasus_forecast.graph import load
    >>> evidenced(load())[0], "tension" in evidenced(load())
    ('demarcation_failure', False)
    """
    series = (evidence or rows.load()).series.values()
    found = {s.node if s.mode == "status" else reading(s.node) for s in series}
    return tuple(n for n in measurable(graph) if n in found)


def measured(graph: CausalGraph, months: int) -> nx.DiGraph:
    """Unroll a graph over `months` months, with a reading below every hidden level.

    A lagged arrow from a count leaves its reading: the next month sees what was counted.

    Examples
    --------
    >>> from caucasus_forecast.graph import Edge, Node
    >>> nodes = Node("a", "count"), Node("b", "index")
    >>> sorted(measured(CausalGraph("toy", nodes, (Edge("a", "b", lag=1),)), 2).edges)
    [('a', 'reading of a'), ('a@-1', 'reading of a@-1'), ('reading of a@-1', 'b')]
    """
    g = unroll(graph, months)
    for node in graph.nodes:
        if node.kind in READ:
            g.add_edges_from((_at(node.name, b), _at(reading(node.name), b)) for b in range(months))
    for edge in graph.edges:
        if edge.lag and graph.node[edge.cause].kind == "count":
            for back in range(months - 1):
                g.remove_edge(_at(edge.cause, back + 1), _at(edge.effect, back))
                g.add_edge(_at(reading(edge.cause), back + 1), _at(edge.effect, back))
    return g


def _window(graph: CausalGraph, lag: int) -> int:
    """Months that follow every lagged arrow once before the oldest month asked about."""
    return lag + sum(e.lag for e in graph.edges) + 2


def _seen(graph: CausalGraph, observed: str | Iterable[str] | None) -> tuple[str, ...]:
    if observed is None:
        return evidenced(graph)
    chosen, allowed = _several(observed), measurable(graph)
    for name in chosen:
        if name not in allowed:
            raise GraphError(f"observed: no node {name!r}; {nearest(name, allowed)}")
    return tuple(n for n in allowed if n in chosen)


# --------------------------------------------------------------------------- identification


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
                return f"the unrolled graph has more than {LARGEST} nodes; it was not examined"
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
    seen = _seen(graph, observed)
    if isinstance(lag, bool) or not isinstance(lag, int) or not 0 <= lag <= 99:
        raise GraphError(f"lag is {lag!r}; give a whole number of months, 0 to 99")
    graph._known(cause)
    if effect not in measurable(graph):
        raise GraphError(f"no effect {effect!r}; {nearest(effect, measurable(graph))}")
    cause = _at(cause, lag)
    _two_nodes(cause, effect)
    if effect not in seen and reading(effect) in seen:
        effect = reading(effect)
    months = _window(graph, lag)
    if months * len(measurable(graph)) > LARGEST:
        return Identification(cause, effect, "too large")
    return examine(measured(graph, months), cause, effect, _at_all(seen, months))


def _at_all(seen: Iterable[str], months: int) -> frozenset[str]:
    return frozenset(_at(n, back) for n in seen for back in range(months))


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
    _two_nodes(cause, effect)
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
    shown, shared = _projected(dag, seen)
    everything = frozenset(shown)
    whole = {n: district for district in _districts(everything, shared) for n in district}
    for part in _districts(_upstream(shown, everything - {x}, {y}), shared):
        within = whole[next(iter(part))]
        while (above := _upstream(shown, within, part)) != part:
            if above == within:
                return within
            within = _district(part, above, shared)
    return frozenset()


def _projected(dag: nx.DiGraph, seen: Set[str]) -> tuple[nx.DiGraph, list[frozenset[str]]]:
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
    months, have = _window(graph, lag), _seen(graph, observed)
    full = measured(graph, months)
    dag = full.subgraph(nx.ancestors(full, verdict.effect) | {verdict.effect}).copy()
    inside = {name.partition("@-")[0] for name in dag}
    more = [n for n in reversed(graph.nodes) if n.name in inside and n.name not in have]
    for spared in sorted(more, key=lambda n: _TIERS.get(n.tier, 0)):
        fewer = [n for n in more if n is not spared]
        seen = _at_all((*have, *(n.name for n in fewer)), months) & dag.nodes
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
    seen = _seen(graph, observed)
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


# --------------------------------------------------------------------------- falsification


@dataclass(frozen=True, slots=True)
class Independence:
    """A conditional independence that the graph implies.

    Parameters
    ----------
    a, b
        Measured nodes, in the same month, or `a` a month earlier (``"x@-1"``).
    given
        A separating set from which none can be spared.
    hidden
        The members of `given` that are not measured.

    Examples
    --------
    >>> Independence("a", "b", ("c@-1", "d"), ("d",)).words
    'a is independent of b given c@-1, d'
    """

    a: str
    b: str
    given: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The independence as a sentence."""
        given = f" given {', '.join(self.given)}" if self.given else ""
        return f"{self.a} is independent of {self.b}{given}"


def implied_independences(
    graph: CausalGraph, observed: str | Iterable[str] | None = None
) -> tuple[Independence, ...]:
    """List the independences the graph implies, those without hidden nodes first, small sets first.

    One for every two measured nodes, of the same month or one month apart, that some set separates:
    a minimal set of measured nodes where there is one; otherwise, for the same month, a minimal set
    that also uses hidden nodes, though not this month's level of a count or a share, which would
    separate its reading from everything.

    Raises
    ------
    GraphError
        If a name is unknown, or the unrolled graph is too large.

    Examples
    --------
    >>> from caucasus_forecast.graph import load
    >>> implied_independences(load(), ["reading of france", "reading of pressure"])[0].words
    'reading of pressure is independent of reading of france'
    """
    seen, months = _seen(graph, observed), _window(graph, 1)
    if months * len(measurable(graph)) > LARGEST:
        raise GraphError(
            f"graph {graph.name!r} has {months * len(measurable(graph))} nodes over {months} "
            f"months; at most {LARGEST} can be searched; use fewer lagged edges"
        )
    dag, shown = measured(graph, months), _at_all(seen, months)
    levels = {n.name for n in graph.nodes if n.kind in ("count", "share")}
    wider = frozenset(dag) - (levels - shown)
    separators = [partial(_separator, dag, _Ties(dag, some)) for some in (shown, wider)]
    same = [(a, b, separators) for a, b in combinations(seen, 2)]
    apart = [(_at(a, 1), b, separators[:1]) for a, b in product(seen, seen)]
    found = []
    for a, b, tries in same + apart:
        given = next((z for find in tries if (z := find(a, b)) is not None), None)
        if given is not None:
            found.append(Independence(a, b, given, tuple(n for n in given if n not in shown)))
    return tuple(sorted(found, key=lambda i: (bool(i.hidden), len(i.given))))


class _Ties:
    """The pairs of the allowed nodes that no set of them separates, as far as seen at a glance."""

    def __init__(self, dag: nx.DiGraph, allowed: Set[str]) -> None:
        self.allowed = allowed
        self.arrows, self.shared = _projected(dag, allowed)

    def __contains__(self, pair: tuple[str, str]) -> bool:
        arrow = self.arrows.has_edge(*pair) or self.arrows.has_edge(*pair[::-1])
        return arrow or any(group.issuperset(pair) for group in self.shared)


def _separator(dag: nx.DiGraph, ties: _Ties, a: str, b: str) -> tuple[str, ...] | None:
    if (a, b) in ties:
        return None
    usable = ties.allowed & (nx.ancestors(dag, a) | nx.ancestors(dag, b)) - {a, b}
    given = nx.find_minimal_d_separator(dag, {a}, {b}, restricted=usable)
    return None if given is None else tuple(sorted(given))


def check_independences(
    panel: xr.Dataset,
    graph: CausalGraph,
    independences: Iterable[Independence] | None = None,
    *,
    seed: int = 2021,
) -> Table:
    r"""Test on a panel what the graph implies; say plainly what cannot be tested.

    With ``x`` and ``y`` the ranks of the two monthly series, less their least-squares fit on the
    ranks of the separating series, ``n`` months and ``r`` their correlation,

        s = |r| / sqrt(τ),   τ = max(1, 1 + 2 Σ_{k=1}^{n/4} (1 − k/n) ρ_x(k) ρ_y(k)),

    is compared with the same of ``x`` cut into blocks of max(6, √n) months, around the calendar
    from a random month on, and put in random order. τ is Bartlett's variance of the correlation of
    two series that remember their past. Holm's correction covers all tests together.

    Parameters
    ----------
    panel
        As `caucasus_forecast.panel.build` makes it. A month counts as seen when half its days are
        covered by observations that lie within it; totals over several months say nothing here.
        Where several series read one node, the one with most months is used.
    graph
        The graph that is put at risk.
    independences
        Default: `implied_independences` of what the panel measures.
    seed
        Of the permutations.

    Raises
    ------
    GraphError
        If an independence names what the graph cannot measure.

    Returns
    -------
    One row each: ``verdict`` (``holds so far``, ``contradicted``, ``cannot be tested with these
    data``), ``months``, ``correlation``, ``p`` (Holm's; NaN where not tested), ``reason``.

    Examples
    --------
    >>> from datetime import date
    >>> from caucasus_forecast import evidence, graph, panel
    >>> g = graph.load()
    >>> p = panel.build(evidence.load(), g, date(2021, 11, 30))
    >>> claim = Independence("reading of france", "reading of pressure")
    >>> check_independences(p, g, [claim]).rows[0][:2]
    ('reading of france is independent of reading of pressure', 'cannot be tested with these data')
    """
    series = monthly(panel, graph)
    if independences is None:
        independences = implied_independences(graph, series)
    claims = tuple(independences)
    aligned = [_aligned(c, series, graph) for c in claims]
    reasons = [_why_not(c, series, graph, x) for c, x in zip(claims, aligned, strict=True)]
    tested = [i for i, reason in enumerate(reasons) if not reason]
    draws = max(1999, int(2 * len(tested) / ALPHA))
    r, p = np.full(len(claims), np.nan), np.full(len(claims), np.nan)
    for i in tested:
        c = claims[i]
        rng = stream(seed, INDEPENDENCE, c.a, c.b, *c.given)
        x, y = residuals(aligned[i])
        r[i], p[i] = permutation_test(x, y, draws, rng)
    p[tested] = holm(p[tested])
    verdicts = [
        UNTESTED if reason else CONTRADICTED if value <= ALPHA else HOLDS
        for reason, value in zip(reasons, p, strict=True)
    ]
    return _report(claims, verdicts, [x.shape[1] for x in aligned], r, p, reasons)


def monthly(panel: xr.Dataset, graph: CausalGraph) -> dict[str, Array]:
    """Monthly values of everything a panel measures, NaN where unseen; each (T,).

    Counts are rates for a month of average length. A status is known from the first month in which
    it was followed to the last, and ever after once it has changed.
    """
    days = panel["days"].to_numpy()
    within = np.isclose(days.max(1), days.sum(1)) & ((days > 0).sum(1) == 1)
    whole = month_days(panel[names.MONTH].to_numpy().astype("datetime64[M]"))
    node, source = (panel[k].to_numpy().astype(str) for k in ("node", "series"))
    found: dict[str, Array] = {}
    for name in graph.node:
        read = [
            _rates(panel, days, whole, within & (source == s), graph.node[name].kind == "share")
            for s in sorted(set(source[node == name]))
        ]
        if read:
            found[reading(name)] = max(read, key=lambda x: int(np.isfinite(x).sum()))
    for state in panel[names.STATE].to_numpy().astype(str):
        covered = panel["at_risk"].sel(state=state).to_numpy() > 0
        begun, ended = np.cumsum(covered) > 0, np.cumsum(covered[::-1])[::-1] == 0
        gone = np.cumsum(panel["changed"].sel(state=state).to_numpy()) > 0
        if covered.any():
            known = begun & (gone | ~ended)
            found[state] = np.where(known, panel["status"].sel(state=state), np.nan)
    return found


def _rates(panel: xr.Dataset, days: Array, whole: Array, rows_: Array, share: bool) -> Array:
    value = panel["count"].to_numpy()[rows_]
    covered = days[rows_].sum(0)
    total = (days[rows_] * value[:, None]).sum(0) if share else (days[rows_] > 0).T @ value
    unit = 1.0 if share else names.DAYS_PER_MONTH
    return np.where(covered >= whole / 2, unit * total / np.maximum(covered, 1.0), np.nan)


def _aligned(claim: Independence, series: dict[str, Array], graph: CausalGraph) -> Array:
    """Values of a, b and the separating set in the months in which all were seen, (2 + Z, n)."""
    wanted = [_split(name, graph) for name in (claim.a, claim.b, *claim.given)]
    if any(base not in series for base, _ in wanted):
        return np.empty((len(wanted), 0))
    length = len(next(iter(series.values())))
    table = np.full((len(wanted), length), np.nan)
    for row, (base, back) in zip(table, wanted, strict=True):
        row[back:] = series[base][: length - back]
    return table[:, np.isfinite(table).all(0)]


def _split(name: str, graph: CausalGraph) -> tuple[str, int]:
    base, _, back = name.partition("@-")
    if base not in measurable(graph) or not (back.isdecimal() or base == name):
        raise GraphError(f"independence: no node {name!r}; {nearest(base, measurable(graph))}")
    return base, int(back or 0)


def _why_not(claim: Independence, series: dict[str, Array], graph: CausalGraph, x: Array) -> str:
    """Why an independence cannot be tested, empty when it can."""
    bases = {name: _split(name, graph)[0] for name in (claim.a, claim.b, *claim.given)}
    if missing := sorted({b for b in bases.values() if b not in series}):
        return f"not measured: {', '.join(missing)}"
    if steps := sorted({bases[n] for n in (claim.a, claim.b) if bases[n] in graph.node}):
        return f"{', '.join(steps)} can change only once, and one step looks like any trend"
    need, n = MONTHS + MONTHS_EACH * len(claim.given), x.shape[1]
    if n < need:
        return f"{n} months in which all were seen; {need} are needed"
    for name, values in zip((claim.a, claim.b), x, strict=False):
        changes = n - max(Counter(values.tolist()).values())
        if changes < CHANGES:
            return f"{name} differs from its usual value in {changes} months; {CHANGES} are needed"
    if min(residuals(x).var(1)) < 1e-6 * n * n:
        return "the separating series leave nothing of one of the two to compare"
    return ""


def residuals(x: Array) -> Array:
    """Ranks of the first two rows, less their least-squares fit on the ranks of the rest; (2, n).

    Examples
    --------
    >>> residuals(np.array([[1.0, 2.0, 3.0], [5.0, 1.0, 9.0]]))
    array([[-1.,  0.,  1.],
           [ 0., -1.,  1.]])
    """
    ranks = stats.rankdata(x, axis=1)
    design = np.vstack([np.ones(x.shape[1]), ranks[2:]]).T
    fit, *_ = np.linalg.lstsq(design, ranks[:2].T)
    return ranks[:2] - (design @ fit).T


def permutation_test(
    x: Array, y: Array, draws: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Correlation of two centred series (n,), and its p from block permutations of the first.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=60)
    >>> r, p = permutation_test(x - x.mean(), x - x.mean(), 99, rng)
    >>> round(r, 6), p
    (1.0, 0.01)
    """
    shuffled = x[_block_orders(len(x), draws, rng)]
    r, s = _studentised(x[None], y)
    _, others = _studentised(shuffled, y)
    return float(r[0]), float((1 + (others >= s[0] - 1e-12).sum()) / (draws + 1))


def _studentised(x: Array, y: Array) -> tuple[Array, Array]:
    """Correlation of each row of x (D, n) with y (n,), and its size in units of Bartlett's sd."""
    n = len(y)
    r = x @ y / np.sqrt((x * x).sum(1) * (y @ y))
    k = np.arange(1, n // 4 + 1)
    inflation = 1 + 2 * (_memory(x) * _memory(y[None])) @ (1 - k / n)
    return r, np.abs(r) / np.sqrt(np.maximum(inflation, 1.0))


def _memory(x: Array) -> Array:
    """Autocorrelations of centred rows at lags 1 to n/4, (D, n // 4)."""
    n = x.shape[1]
    lagged = [(x[:, k:] * x[:, :-k]).sum(1) for k in range(1, n // 4 + 1)]
    return np.stack(lagged, axis=1) / (x * x).sum(1)[:, None]


def _block_orders(n: int, draws: int, rng: np.random.Generator) -> Array:
    """Orders of n months: around the circle from a random month on, in shuffled blocks; (D, n)."""
    length = max(6, int(np.ceil(np.sqrt(n))))
    block = np.arange(n) // length
    place = rng.permuted(np.tile(np.arange(block[-1] + 1), (draws, 1)), axis=1)
    order = np.argsort(place[:, block], axis=1, kind="stable")
    return (order + rng.integers(n, size=(draws, 1))) % n


def holm(p: Array) -> Array:
    """P-values corrected by Holm's step-down method.

    Examples
    --------
    >>> holm(np.array([0.04, 0.01, 0.5]))
    array([0.08, 0.03, 0.5 ])
    """
    order = np.argsort(p)
    scaled = p[order] * np.arange(len(p), 0, -1)
    out = np.empty(len(p))
    out[order] = np.minimum(np.maximum.accumulate(scaled), 1.0) if len(p) else scaled
    return out


def _report(
    claims: tuple[Independence, ...], verdicts: list[str], months: list[int], r: Array, p: Array,
    reasons: list[str],
) -> Table:  # fmt: skip
    columns: dict[str, Any] = {
        "a": [c.a for c in claims],
        "b": [c.b for c in claims],
        "given": [", ".join(c.given) for c in claims],
        "verdict": verdicts,
        "reason": reasons,
    }
    data = xr.Dataset(
        {k: (INDEPENDENCE, np.array(v, object)) for k, v in columns.items()}
        | {
            "months": (INDEPENDENCE, months),
            "correlation": (INDEPENDENCE, r),
            "p": (INDEPENDENCE, p),
        }
    )
    cells = tuple(
        (c.words, v, str(n), "" if why else f"{ri:+.2f}", "" if why else f"{pi:.3f}", why)
        for c, v, n, ri, pi, why in zip(claims, verdicts, months, r, p, reasons, strict=True)
    )
    counts = Counter(verdicts)
    notes = (
        f"{len(claims)} independences: "
        + ", ".join(f"{counts[v]} {v}" for v in (CONTRADICTED, HOLDS, UNTESTED)),
        "holds so far is no proof: few months see only strong dependence",
    )
    header = ("implied", "verdict", "months", "correlation", "p (Holm)", "why not tested")
    return Table("Independences the graph implies", header, cells, data, notes)
