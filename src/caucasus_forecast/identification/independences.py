"""The independences the graph implies among what is measured, and their tests."""

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

from .. import names
from ..errors import GraphError, nearest
from ..graph import CausalGraph
from ..graph.separation import earlier
from ..panel import month_days
from ..scenarios import Table
from ..streams import stream
from . import readings
from .readings import at_all, measurable, measured, reading, seen_by, window
from .verdicts import projected

Array = np.ndarray
HOLDS: Final = "holds so far"
CONTRADICTED: Final = "contradicted"
UNTESTED: Final = "cannot be tested with these data"
INDEPENDENCE: Final = "independence"

# months a test needs, and how many more for each separating variable
MONTHS, MONTHS_EACH = 36, 6
# months that must differ from a series' most frequent value
CHANGES = 6
ALPHA = 0.05


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
    seen, months = seen_by(graph, observed), window(graph, 1)
    if months * len(measurable(graph)) > readings.LARGEST:
        raise GraphError(
            f"graph {graph.name!r} has {months * len(measurable(graph))} nodes over {months} "
            f"months; at most {readings.LARGEST} can be searched; use fewer lagged edges"
        )
    dag, shown = measured(graph, months), at_all(seen, months)
    levels = {n.name for n in graph.nodes if n.kind in ("count", "share")}
    wider = frozenset(dag) - (levels - shown)
    separators = [partial(_separator, dag, _Ties(dag, some)) for some in (shown, wider)]
    same = [(a, b, separators) for a, b in combinations(seen, 2)]
    apart = [(earlier(a, 1), b, separators[:1]) for a, b in product(seen, seen)]
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
        self.arrows, self.shared = projected(dag, allowed)

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
