"""Verdicts against brute force, formulas against algebra, tests against simulation."""

from datetime import date
from itertools import chain, combinations
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from caucasus_forecast import evidence, names, panel
from caucasus_forecast.errors import GraphError
from caucasus_forecast.graph import CausalGraph, Edge, Node, load
from caucasus_forecast.identification import (
    CONTRADICTED,
    HOLDS,
    UNTESTED,
    Identification,
    Independence,
    check_independences,
    evidenced,
    examine,
    holm,
    identify,
    implied_independences,
    independences,
    measurable,
    measured,
    monthly,
    permutation_test,
    readings,
    residuals,
    summary,
    to_measure,
    verdicts,
)
from caucasus_forecast.links import CORE_LINKS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "identification.md"


def subsets(items):
    items = sorted(items)
    return (
        set(z) for z in chain.from_iterable(combinations(items, n) for n in range(len(items) + 1))
    )


def separated(dag, a, b, given):
    """D-separation by the moralised ancestral graph (Lauritzen et al. 1990)."""
    above = set().union({a, b}, given, *(nx.ancestors(dag, n) for n in {a, b, *given}))
    moral = dag.subgraph(above).to_undirected()
    for n in above:
        moral.add_edges_from(combinations(dag.predecessors(n), 2))
    moral.remove_nodes_from(given)
    return not nx.has_path(moral, a, b)


def without(dag, out_of):
    return nx.DiGraph((a, b) for a, b in dag.edges if a not in out_of)


def with_nodes(g, dag):
    g.add_nodes_from(dag)
    return g


@st.composite
def hidden_dags(draw, size=6):
    """A random DAG, two of its nodes as cause and effect, and the measured nodes."""
    letters = "abcdefg"[: draw(st.integers(2, size))]
    dag = nx.DiGraph()
    dag.add_nodes_from(letters)
    dag.add_edges_from(p for p in combinations(letters, 2) if draw(st.booleans()))
    x, y = draw(st.permutations(letters))[:2]
    return dag, x, y, {x, y} | {n for n in letters if draw(st.booleans())}


# ------------------------------------------------------------------------------- known answers

KNOWN = {
    "bow": ("xy ux uy", "xy", "not identified"),
    "back door": ("xy zx zy", "xyz", "back-door"),
    "front door": ("xm my ux uy", "xmy", "front-door"),
    "confounded mediator": ("xm my ux uy vm vy", "xmy", "not identified"),
    "instrument": ("zx xy ux uy", "zxy", "not identified"),
    "m-structure": ("xy ux uz vz vy", "xyz", "back-door"),
    "napkin": ("wz zx xy uw ux vw vy", "wzxy", "other formula"),
    "verma": ("xa ab by ua uy", "xaby", "back-door"),
    "no path": ("yx", "xy", "no effect"),
    "spoon": ("xa ay ux ua", "xay", "not identified"),
}


@pytest.mark.parametrize("name", KNOWN)
def test_the_textbook_graphs_get_their_textbook_verdict(name):
    arrows, seen, verdict = KNOWN[name]
    found = examine(nx.DiGraph(arrows.split()), "x", "y", set(seen))
    assert found.verdict == verdict
    assert found.words.startswith(verdict)
    assert found.identified == (verdict != "not identified")


def test_an_empty_adjustment_set_is_an_answer():
    found = examine(nx.DiGraph(["xy"]), "x", "y", {"x", "y"})
    assert found.adjustment == (frozenset(),)
    assert "nothing confounds" in found.words


def test_the_hedge_names_what_is_tied():
    found = examine(nx.DiGraph(["xy", "ux", "uy"]), "x", "y", {"x", "y"})
    assert found.hedge == {"x", "y"}
    assert found.words == (
        "not identified: hidden common causes tie the effect to the cause, among x, y"
    )


def test_a_hidden_cause_or_effect_is_said_to_be_hidden():
    dag = nx.DiGraph(["xy"])
    assert examine(dag, "x", "y", {"y"}).words == "not identified: x is not measured"
    assert examine(dag, "x", "y", set()).words == "not identified: x and y are not measured"


def test_a_verdict_is_one_of_the_verdicts():
    with pytest.raises(GraphError, match="verdict 'backdoor': did you mean 'back-door'"):
        Identification("a", "b", "backdoor")


GROUNDLESS = {
    "no set": ({"verdict": "back-door"}, "'back-door' without the grounds of 'back-door'"),
    "no mediator": ({"verdict": "front-door"}, "without the grounds of 'front-door'"),
    "no hedge": ({"verdict": "not identified"}, "without the grounds of 'not identified'"),
    "hidden all the same": (
        {"verdict": "other formula", "hidden": ("a",)}, "with the grounds of 'not identified'",
    ),
    "two doors": (
        {"verdict": "front-door", "mediators": {"m"}, "adjustment": (frozenset(),)},
        "'front-door' with the grounds of 'back-door'; give each verdict its own grounds",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GROUNDLESS)
def test_a_verdict_has_its_own_grounds(case):
    fields, message = GROUNDLESS[case]
    with pytest.raises(GraphError, match=message):
        Identification("a", "b", **fields)


def test_long_sets_are_cut_short_in_words():
    found = Identification("a", "b", "back-door", adjustment=(frozenset("stuvwxyz"),))
    assert found.words == "back-door: compare months alike in s, t, u, v, w, x and 2 more"


UNFIT = {
    "no such cause": (["xy"], ("x1", "y", {"x", "y"}), "the graph has no node 'x1'; did you mean"),
    "no such measurement": (["xy"], ("x", "y", {"z"}), "no node 'z'; Allowed: x, y"),
    "a cycle": (["xy", "yx"], ("x", "y", {"x", "y"}), "has a cycle; remove or reverse an arrow"),
    "the same twice": (["xy"], ("x", "x", {"x"}), "'x' is given twice"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_graph_that_does_not_fit_is_refused(case):
    arrows, arguments, message = UNFIT[case]
    with pytest.raises(GraphError, match=message):
        examine(nx.DiGraph(arrows), *arguments)


# --------------------------------------------------------------------------------- brute force


@given(hidden_dags())
def test_back_door_sets_are_those_of_brute_force(case):
    dag, x, y, seen = case
    assume(nx.has_path(dag, x, y))
    cut = with_nodes(without(dag, {x}), dag)
    allowed = seen - {x, y} - nx.descendants(dag, x)
    good = [z for z in subsets(allowed) if separated(cut, x, y, z)]
    found = examine(dag, x, y, seen)
    assert (found.verdict == "back-door") == bool(good)
    assert all(set(z) in good for z in found.adjustment)
    if good:
        assert any(not any(g < z for g in good) for z in map(set, found.adjustment))


def is_front_door(dag, x, y, z):
    """Pearl's three conditions, by brute force."""
    cut_x, cut_z = with_nodes(without(dag, {x}), dag), with_nodes(without(dag, z), dag)
    return (
        not nx.has_path(dag.subgraph(set(dag) - z), x, y)
        and all(separated(cut_x, x, m, set()) for m in z)
        and all(separated(cut_z, m, y, {x}) for m in z)
    )


@given(hidden_dags())
def test_front_door_sets_are_those_of_brute_force(case):
    dag, x, y, seen = case
    assume(nx.has_path(dag, x, y))
    good = [z for z in subsets(seen - {x, y}) if is_front_door(dag, x, y, z)]
    found = set(verdicts._front_door(dag, x, y, frozenset(seen)))
    assert bool(found) == bool(good)
    if found:
        assert found in good
        assert not any(found - {m} in good for m in found)


@given(hidden_dags())
def test_what_a_door_identifies_the_general_algorithm_identifies(case):
    dag, x, y, seen = case
    assume(nx.has_path(dag, x, y))
    seen = frozenset(seen)
    if verdicts._back_door(dag, x, y, seen) or verdicts._front_door(dag, x, y, seen):
        assert not verdicts._hedge(dag, x, y, seen)


@given(hidden_dags())
def test_measuring_more_never_loses_an_effect(case):
    dag, x, y, seen = case
    if examine(dag, x, y, seen).identified:
        assert all(examine(dag, x, y, seen | {n}).identified for n in dag)
    assert examine(dag, x, y, set(dag)).identified


@given(hidden_dags())
def test_fewer_arrows_never_lose_an_effect(case):
    dag, x, y, seen = case
    if examine(dag, x, y, seen).identified:
        for arrow in list(dag.edges):
            fewer = dag.copy()
            fewer.remove_edge(*arrow)
            assert examine(fewer, x, y, seen).identified


# ------------------------------------------------------------------------------------- algebra


def gaussian(dag, rng):
    """Covariance of a linear model on a DAG, and the total effects, both by node order."""
    order = list(nx.topological_sort(dag))
    slopes = np.zeros((len(order), len(order)))
    for a, b in dag.edges:
        slopes[order.index(b), order.index(a)] = rng.choice([-1, 1]) * rng.uniform(0.3, 1.0)
    total = np.linalg.inv(np.eye(len(order)) - slopes)
    covariance = total @ np.diag(rng.uniform(0.5, 2.0, len(order))) @ total.T
    return order, covariance, total


def regression(covariance, order, y, on):
    """Least-squares slopes of y on the nodes of `on`."""
    i, j = [order.index(n) for n in on], order.index(y)
    return np.linalg.solve(covariance[np.ix_(i, i)], covariance[i, j])


@given(hidden_dags(7), st.integers(0, 2**32 - 1))
def test_the_formula_of_a_door_gives_the_true_effect(case, seed):
    dag, x, y, seen = case
    assume(nx.has_path(dag, x, y))
    seen = frozenset(seen)
    order, covariance, total = gaussian(dag, np.random.default_rng(seed))
    true = total[order.index(y), order.index(x)]
    for z in verdicts._back_door(dag, x, y, seen):
        slope = regression(covariance, order, y, [x, *sorted(z)])[0]
        assert slope == pytest.approx(true, abs=1e-10)
    if mediators := sorted(verdicts._front_door(dag, x, y, seen)):
        first = [regression(covariance, order, m, [x])[0] for m in mediators]
        second = regression(covariance, order, y, [*mediators, x])[:-1]
        assert np.dot(first, second) == pytest.approx(true, abs=1e-10)


@given(hidden_dags(7), st.integers(0, 2**32 - 1))
def test_no_effect_means_an_effect_of_zero(case, seed):
    dag, x, y, seen = case
    order, _, total = gaussian(dag, np.random.default_rng(seed))
    none = examine(dag, x, y, seen).verdict == "no effect"
    assert none == (total[order.index(y), order.index(x)] == 0)


# ------------------------------------------------------------------------------------- months

LAGGED = CausalGraph(
    "lagged",
    (
        Node("tension", "process"),
        Node("troops", "event", reading=-1),
        Node("treaty", "event"),
        Node("arms", "count"),
        Node("offers", "count"),
        Node("view", "share"),
        Node("gap", "index"),
    ),
    (
        Edge("gap", "tension"),
        Edge("tension", "arms"),
        Edge("arms", "tension", lag=1),
        Edge("tension", "offers", moderator="troops"),
        Edge("treaty", "troops", "-", lag=1),
        Edge("troops", "treaty", role="gate", lag=1),
        Edge("arms", "view"),
    ),
)


def test_a_lagged_arrow_leaves_the_count_and_others_leave_the_level():
    g = measured(LAGGED, 3)
    assert set(g.successors("arms@-1")) == {"reading of arms@-1", "view@-1"}
    assert set(g.successors("reading of arms@-1")) == {"tension"}
    assert "reading of gap" not in g
    assert "reading of troops" not in g


def test_a_moderator_and_a_gate_are_causes():
    g = measured(LAGGED, 3)
    assert g.has_edge("troops", "offers")
    assert g.has_edge("troops@-1", "treaty")
    found = identify(LAGGED, "troops", "offers", observed=["troops", "treaty", "offers"])
    assert found.adjustment == (frozenset(), {"treaty@-1", "troops@-1"})


def test_readings_are_no_substitute_for_levels():
    readings = ["reading of tension", "reading of offers"]
    assert identify(LAGGED, "tension", "offers", readings).hidden == ("tension",)
    exact = identify(LAGGED, "tension", "offers", ["tension", "gap", "reading of offers"])
    assert exact.effect == "reading of offers"
    assert exact.verdict == "back-door"
    confounded = CausalGraph(
        "g",
        (Node("tension", "process"), Node("a", "event"), Node("b", "event")),
        (Edge("tension", "a"), Edge("tension", "b"), Edge("a", "b")),
    )
    assert identify(confounded, "a", "b", ["a", "b", "tension"]).identified
    assert not identify(confounded, "a", "b", ["a", "b", "reading of tension"]).identified


def test_a_lag_asks_about_an_earlier_cause():
    every = [n.name for n in LAGGED.nodes]
    assert identify(LAGGED, "treaty", "troops", every).verdict == "no effect"
    later = identify(LAGGED, "treaty", "troops", every, lag=1)
    assert (later.cause, later.effect, later.verdict) == ("treaty@-1", "troops", "back-door")
    assert identify(LAGGED, "tension", "tension", every, lag=2).cause == "tension@-2"


def test_an_effect_on_something_of_the_past_is_none():
    assert identify(LAGGED, "view", "tension", ["view", "tension"], lag=3).verdict == "no effect"


@st.composite
def lagged_graphs(draw):
    nodes = [Node(n, draw(st.sampled_from(["index", "event", "count"]))) for n in "abcd"]
    edges = [Edge(a, b) for a, b in combinations("abcd", 2) if draw(st.booleans())]
    edges += [Edge(b, a, lag=1) for a, b in combinations("abcd", 2) if draw(st.integers(0, 3)) == 0]
    return CausalGraph("made", tuple(nodes), tuple(edges))


@given(lagged_graphs(), st.sets(st.sampled_from("abcd")), st.integers(0, 1))
def test_a_longer_window_does_not_change_the_verdict(graph, seen, lag):
    short = identify(graph, "a", "d", seen | {"a", "d"}, lag)
    months = readings.window(graph, lag) + 3
    everywhere = readings.at_all(seen | {"a", "d"}, months)
    long = examine(measured(graph, months), short.cause, "d", everywhere)
    assert (long.verdict, long.adjustment) == (short.verdict, short.adjustment)


@pytest.mark.parametrize("pair", [*CORE_LINKS, "peacekeepers->mediation"])
@pytest.mark.parametrize("hidden", [(), ("statement_gap",), ("stagnation", "peacekeepers")])
def test_the_window_is_long_enough_for_the_shipped_graph(pair, hidden):
    graph = load()
    cause, effect = pair.split("->")
    seen = [n.name for n in graph.nodes if n.name not in hidden]
    found = identify(graph, cause, effect, seen)
    months = readings.window(graph, 0) + 2
    deeper = examine(measured(graph, months), cause, effect, readings.at_all(seen, months))
    assert (found.verdict, found.adjustment) == (deeper.verdict, deeper.adjustment)


def test_a_graph_too_large_is_not_examined(monkeypatch):
    monkeypatch.setattr(readings, "LARGEST", 10)
    found = identify(LAGGED, "tension", "offers", ["tension"])
    assert found.words == (
        "too large: the unrolled graph has more than 10 nodes; it was not examined"
    )
    assert not found.identified
    assert to_measure(LAGGED, "tension", "offers", ["tension"]) == ()
    with pytest.raises(GraphError, match="at most 10 can be searched; use fewer lagged edges"):
        implied_independences(LAGGED, ["tension"])


REFUSED = {
    "unknown cause": (("tensoin", "offers"), {}, "no node 'tensoin'; did you mean 'tension'"),
    "unknown effect": (("tension", "offer"), {}, "no effect 'offer'; did you mean 'offers'"),
    "unknown measurement": (
        ("tension", "offers", ["reading of gap"]), {},
        "observed: no node 'reading of gap'; did you mean 'reading of",
    ),
    "twice": (("tension", "tension"), {}, "'tension' is given twice"),
    "negative lag": (("tension", "offers"), {"lag": -1}, "lag is -1; give a whole number"),
    "broken lag": (("tension", "offers"), {"lag": 0.5}, "lag is 0.5; give a whole number"),
    "boolean lag": (("tension", "offers"), {"lag": True}, "lag is True; give a whole number"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_asked_is_refused(case):
    arguments, options, message = REFUSED[case]
    with pytest.raises(GraphError, match=message):
        identify(LAGGED, *arguments, **options)


# ------------------------------------------------------------------------------ the shipped graph


def test_the_embedded_evidence_measures_states_and_readings():
    found = evidenced(load())
    assert {"peacekeepers", "reading of tension", "reading of pressure"} <= set(found)
    assert not {"tension", "pressure", "stagnation"} & set(found)
    assert set(found) <= set(measurable(load()))


def test_other_evidence_measures_other_things():
    rows = evidence.load()
    few = evidence.Evidence(
        {"treaty": rows.series["treaty"]},
        tuple(o for o in rows.observations if o.series == "treaty"),
    )
    assert evidenced(load(), few) == ("treaty",)
    assert evidenced(PAIR) == ("reading of tension",)


def test_no_core_link_is_identified_by_the_embedded_evidence():
    table = summary(load(), None, CORE_LINKS)
    assert {row[1] for row in table.rows} == {"not identified"}
    assert table.data["to_measure"].sel(edge="tension->armenian_arms").item() == "tension"


@pytest.mark.parametrize("pair", ["tension->pressure", "stagnation->treaty", "pressure->accession"])
def test_what_would_have_to_be_measured_is_enough_and_not_too_much(pair):
    graph = load()
    cause, effect = pair.split("->")
    have, need = evidenced(graph), to_measure(graph, cause, effect)
    assert identify(graph, cause, effect, (*have, *need)).identified
    for spared in need:
        rest = [n for n in need if n != spared]
        assert not identify(graph, cause, effect, (*have, *rest)).identified


def test_nothing_more_is_needed_where_the_effect_is_identified():
    every = [n.name for n in load().nodes]
    assert to_measure(load(), "tension", "pressure", every) == ()
    row = summary(load(), every, ["tension->pressure"]).rows[0]
    assert row[1] == "back-door"
    assert row[3] == "nothing more"


def test_the_summary_takes_the_lag_of_the_arrow():
    every = [n.name for n in load().nodes]
    row = summary(load(), every, ["mission_extension->peacekeepers"]).rows[0]
    assert row[:2] == ("mission_extension -> peacekeepers", "back-door")


def test_a_pair_is_written_with_an_arrow():
    with pytest.raises(GraphError, match="pair 'tension': write it 'cause->effect'"):
        summary(load(), None, ["tension"])


def test_the_page_shows_the_table_of_the_core_links():
    assert repr(summary(load(), None, CORE_LINKS)) in PAGE.read_text("utf-8")


# ---------------------------------------------------------------------- implied independences


@given(lagged_graphs(), st.sets(st.sampled_from("abcd"), min_size=2))
def test_implied_independences_are_minimal_separations(graph, seen):
    dag = measured(graph, readings.window(graph, 1))
    for claim in implied_independences(graph, seen):
        assert separated(dag, claim.a, claim.b, claim.given)
        for spared in claim.given:
            assert not separated(dag, claim.a, claim.b, set(claim.given) - {spared})
        assert set(claim.hidden) == {n for n in claim.given if n.partition("@-")[0] not in seen}


@given(hidden_dags(5))
def test_every_separable_pair_of_a_month_is_listed(case):
    dag, _, _, seen = case
    nodes = tuple(Node(n, "index") for n in sorted(dag))
    graph = CausalGraph("made", nodes, tuple(Edge(a, b) for a, b in dag.edges))
    found = {(c.a, c.b): c for c in implied_independences(graph, seen) if "@" not in c.a}
    for a, b in combinations(sorted(seen), 2):
        ways = [z for z in subsets(set(dag) - {a, b}) if separated(dag, a, b, z)]
        assert ((a, b) in found) == bool(ways)
        if ways:
            assert bool(found[a, b].hidden) == (not any(z <= seen for z in ways))


@given(hidden_dags(6), st.integers(0, 2**32 - 1))
def test_an_implied_independence_is_a_partial_correlation_of_zero(case, seed):
    dag, _, _, seen = case
    nodes = tuple(Node(n, "index") for n in sorted(dag))
    graph = CausalGraph("made", nodes, tuple(Edge(a, b) for a, b in dag.edges))
    order, covariance, _ = gaussian(dag, np.random.default_rng(seed))
    for claim in implied_independences(graph, seen):
        if "@" not in claim.a:
            given = [n for n in claim.given if "@" not in n]
            slope = regression(covariance, order, claim.b, [claim.a, *given])[0]
            assert slope == pytest.approx(0.0, abs=1e-10)


def test_the_order_is_testable_first_then_small():
    claims = implied_independences(load())
    keys = [(bool(c.hidden), len(c.given)) for c in claims]
    assert keys == sorted(keys)
    assert not keys[0][0]
    assert keys[-1][0]


def test_the_words_of_an_independence():
    assert Independence("a", "b").words == "a is independent of b"


# ------------------------------------------------------------------------------------- the test


def remembering(rng, persistence, *size):
    noise = rng.normal(size=size)
    out = np.zeros(size)
    for t in range(size[-1]):
        out[..., t] = persistence * out[..., t - 1] + noise[..., t]
    return out


def rejections(x, y, given, rng):
    rows_ = (np.vstack([a, b, *z]) for a, b, z in zip(x, y, given, strict=True))
    return sum(permutation_test(*residuals(r), 99, rng)[1] <= 0.05 for r in rows_)


@pytest.mark.parametrize("persistence", [0.0, 0.6])
def test_the_size_is_nominal_for_series_that_remember(rng, persistence):
    trials = 400
    x, y = remembering(rng, persistence, 2, trials, 60)[:, :, 12:]
    found = rejections(x, y, np.empty((trials, 0, 48)), rng)
    assert found <= stats.binom.ppf(0.999, trials, 0.05)


def test_the_size_is_nominal_given_a_common_cause(rng):
    trials = 400
    z, u, v = remembering(rng, 0.5, 3, trials, 72)[:, :, 12:]
    x, y = np.round(3 * np.exp(0.5 * z + 0.5 * u)), z + v
    unadjusted = rejections(x, y, np.empty((trials, 0, 60)), rng)
    adjusted = rejections(x, y, z[:, None], rng)
    assert unadjusted > trials / 2
    assert adjusted <= stats.binom.ppf(0.999, trials, 0.05)


def test_an_arrow_the_graph_denies_is_found(rng):
    trials = 100
    x, noise = remembering(rng, 0.4, 2, trials, 72)[:, :, 12:]
    assert rejections(x, 0.8 * x + noise, np.empty((trials, 0, 60)), rng) > 0.9 * trials


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_is_the_step_down_rule(p):
    p = np.array(p)
    corrected = holm(p)
    for level in (0.01, 0.05, 0.3):
        rejected, order = set(), np.argsort(p, kind="stable")
        for step, i in enumerate(order):
            if p[i] * (len(p) - step) > level:
                break
            rejected.add(int(i))
        assert {i for i in range(len(p)) if corrected[i] <= level} == rejected


def test_block_orders_are_orders_that_keep_neighbours(rng):
    orders = independences._block_orders(50, 200, rng)
    assert (np.sort(orders, axis=1) == np.arange(50)).all()
    assert (np.diff(orders, axis=1) % 50 == 1).mean() > 0.8
    assert len(np.unique(orders, axis=0)) > 190


def test_the_spread_of_a_correlation_is_that_of_bartlett():
    x = np.array([[1.0, 2.0, -1.0, -2.0, 1.0, 3.0, -1.0, -3.0]])
    y = np.array([2.0, 1.0, -2.0, -1.0, 2.0, 1.0, -2.0, -1.0])
    r = (x[0] @ y) / np.sqrt((x[0] @ x[0]) * (y @ y))
    memory = [(x[0][k:] @ x[0][:-k]) * (y[k:] @ y[:-k]) / ((x[0] @ x[0]) * (y @ y)) for k in (1, 2)]
    inflation = max(1.0, 1 + 2 * sum((1 - k / 8) * m for k, m in zip((1, 2), memory, strict=True)))
    found = independences._studentised(x, y)
    assert found[0][0] == pytest.approx(r)
    assert found[1][0] == pytest.approx(abs(r) / np.sqrt(inflation))


# ---------------------------------------------------------------------------------- the panel

PAIR = CausalGraph(
    "pair",
    (Node("tension", "process"), Node("a", "count"), Node("b", "count"), Node("s", "event")),
    (),
)
CLAIM = Independence("reading of a", "reading of b")


def made(series, months=60, changed=None, covered=True):
    """A panel of monthly counts; NaN is a month without an observation."""
    month = np.datetime64("2015-01", "M") + np.arange(months)
    length = panel.month_days(month)
    node, count, days = [], [], []
    for name, values in series.items():
        for t in np.flatnonzero(np.isfinite(values)):
            node.append(name)
            count.append(values[t])
            days.append(np.where(np.arange(months) == t, length, 0.0))
    status = np.zeros((1, months))
    happened = np.zeros((1, months))
    at_risk = np.where(covered, length, 0.0)[None]
    if changed is not None:
        status[0, changed:], happened[0, changed], at_risk[0, changed + 1 :] = 1.0, 1.0, 0.0
    return xr.Dataset(
        {
            "days": ((names.OBSERVATION, names.MONTH), np.array(days).reshape(-1, months)),
            "count": (names.OBSERVATION, np.array(count, float)),
            "status": ((names.STATE, names.MONTH), status),
            "at_risk": ((names.STATE, names.MONTH), at_risk),
            "changed": ((names.STATE, names.MONTH), happened),
        },
        coords={
            names.MONTH: month.astype("datetime64[ns]"),
            names.STATE: np.array(["s"], object),
            "series": (names.OBSERVATION, np.array(node, object)),
            "node": (names.OBSERVATION, np.array(node, object)),
        },
    )


def verdict(data, claim=CLAIM):
    table = check_independences(data, PAIR, [claim])
    return table.rows[0][1], table.rows[0][-1]


def test_an_independence_that_holds_and_one_that_does_not(rng):
    a, c = rng.poisson(4, (2, 60)).astype(float)
    assert verdict(made({"a": a, "b": c})) == (HOLDS, "")
    assert verdict(made({"a": a, "b": a + rng.poisson(1, 60)})) == (CONTRADICTED, "")


def test_a_lagged_independence_is_tested_at_its_lag(rng):
    a = rng.poisson(4, 60).astype(float)
    b = np.r_[4.0, a[:-1]]
    late = Independence("reading of a@-1", "reading of b")
    assert verdict(made({"a": a, "b": b}), late)[0] == CONTRADICTED
    assert verdict(made({"a": a, "b": b}))[0] == HOLDS


def test_the_same_seed_gives_the_same_table(rng):
    a, b = rng.poisson(4, (2, 60)).astype(float)
    data = made({"a": a, "b": b})
    first, again = (check_independences(data, PAIR, [CLAIM], seed=3) for _ in range(2))
    xr.testing.assert_identical(first.data, again.data)


def test_by_default_everything_implied_is_listed(rng):
    a, b = rng.poisson(4, (2, 60)).astype(float)
    table = check_independences(made({"a": a, "b": b}), PAIR)
    words = [row[0] for row in table.rows]
    assert "reading of a is independent of reading of b" in words
    assert "reading of a@-1 is independent of reading of a" in words
    assert table.data.sizes == {"independence": len(words)}
    assert table.notes[0].startswith(f"{len(words)} independences: 0 contradicted")


REASONS = {
    "hidden": (
        {}, Independence("reading of a", "reading of b", ("tension",)), "not measured: tension"
    ),
    "no series": (
        {}, Independence("reading of a", "reading of tension"), "not measured: reading of tension"
    ),
    "few months": (
        {"b": slice(30, None)}, CLAIM, "30 months in which all were seen; 36 are needed"
    ),
    "few months for a set": (
        {"b": slice(40, None)}, Independence("reading of a", "reading of b", ("s",)),
        "40 months in which all were seen; 42 are needed",
    ),
    "a state": (
        {}, Independence("s", "reading of b"), "s can change only once, and one step looks like"
    ),
    "explained away": (
        {}, Independence("reading of a", "reading of b", ("reading of a",)),
        "the separating series leave nothing of one of the two to compare",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REASONS)
def test_what_cannot_be_tested_says_why(rng, case):
    unseen, claim, reason = REASONS[case]
    series = dict(zip("ab", rng.poisson(4, (2, 60)).astype(float), strict=True))
    for name, where in unseen.items():
        series[name][where] = np.nan
    found, why = verdict(made(series), claim)
    assert found == UNTESTED
    assert why.startswith(reason)


def test_a_series_that_hardly_changes_cannot_be_tested(rng):
    a = np.zeros(60)
    a[:5] = 1.0
    found = verdict(made({"a": a, "b": rng.poisson(4, 60).astype(float)}))
    assert found == (
        UNTESTED, "reading of a differs from its usual value in 5 months; 6 are needed"
    )  # fmt: skip


@pytest.mark.parametrize("name", ["x", "reading of s", "reading of a@-x"])
def test_an_independence_of_unknown_nodes_is_refused(rng, name):
    data = made({"a": rng.poisson(4, 60).astype(float)})
    with pytest.raises(GraphError, match="independence: no node"):
        check_independences(data, PAIR, [Independence(name, "reading of a")])


def test_a_status_is_known_while_followed_and_after_its_change():
    a = {"a": np.ones(6)}
    covered = np.array([0, 1, 0, 1, 0, 0], bool)
    assert np.isnan(monthly(made(a, 6, covered=covered), PAIR)["s"]).tolist() == [
        True, False, False, False, True, True,
    ]  # fmt: skip
    changed = monthly(made(a, 6, changed=3, covered=covered), PAIR)["s"]
    assert changed[1:].tolist() == [0, 0, 1, 1, 1]


def test_rates_are_those_of_the_panel():
    graph = load()
    data = panel.build(evidence.load(), graph, date(2021, 11, 30))
    found = monthly(data, graph)
    month = list(data[names.MONTH].to_numpy().astype("datetime64[M]").astype(str))
    deaths = found["reading of tension"]
    quiet = (data["series"] == "battle_deaths") & (data["days"].sum(names.MONTH) < 32)
    assert np.isfinite(deaths).sum() == int(quiet.sum())
    assert np.isnan(deaths[month.index("2020-10")])  # inside the total of the 2020 war
    assert np.isnan(found["reading of reports_armenia"]).all()  # one total of three months
    assert "reading of pressure" in found
    assert "fsb_post" not in found


def test_nothing_can_be_tested_with_the_embedded_evidence():
    graph = load()
    data = panel.build(evidence.load(), graph, date(2021, 11, 30))
    table = check_independences(data, graph)
    assert {row[1] for row in table.rows} == {UNTESTED}
    assert all(row[-1] for row in table.rows)
    assert table.notes[0].endswith(f"{len(table.rows)} cannot be tested with these data")
