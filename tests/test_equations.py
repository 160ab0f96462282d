"""The equations: closed forms, and one equation read by two roads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from caucasus_forecast import affine
from caucasus_forecast.equations import excess, level, log_count, log_event, log_share, walk
from caucasus_forecast.graph import CausalGraph, Edge, Node, load
from caucasus_forecast.names import TENSION

GRAPH = load()


@given(
    count=st.integers(0, 300),
    mean=st.floats(0.01, 100),
    overdispersion=st.floats(0.01, 20),
)
def test_log_count_is_scipys_negative_binomial(count, mean, overdispersion):
    size, p = mean / overdispersion, 1 / (1 + overdispersion)
    expected = stats.nbinom(size, p).logpmf(count)
    assert log_count(float(count), mean, overdispersion) == pytest.approx(expected, abs=1e-6)


@given(a=st.floats(0.1, 5), b=st.floats(0.1, 5), overdispersion=st.floats(0.05, 3))
def test_the_sum_of_two_exposures_is_one_exposure(a, b, overdispersion):
    total = np.arange(400.0)
    one, two = (np.exp(log_count(total, m, overdispersion)) for m in (a, b))
    together = np.exp(log_count(total, a + b, overdispersion))
    np.testing.assert_allclose(np.convolve(one, two)[:200], together[:200], atol=1e-9)


@given(base=st.floats(-6, 1), eta=st.floats(-3, 3), months=st.floats(0.05, 3))
def test_an_event_happens_or_not(base, eta, months):
    yes, no = (np.exp(log_event(x, base, eta, months)) for x in (1.0, 0.0))
    assert yes + no == pytest.approx(1.0)
    assert no == pytest.approx(np.exp(-np.exp(base + eta) * months))


@given(base=st.floats(-6, 1), months=st.floats(0.1, 2), parts=st.integers(2, 6))
def test_surviving_the_parts_is_surviving_the_whole(base, months, parts):
    part = log_event(0.0, base, 0.0, months / parts)
    assert parts * part == pytest.approx(log_event(0.0, base, 0.0, months))


def test_log_share_is_a_normal_on_the_log_odds():
    expected = stats.norm(0.4, 0.3).logpdf(np.log(0.7 / 0.3))
    assert log_share(0.7, 0.1, 0.3, 0.3) == pytest.approx(expected)


def test_a_count_at_its_base_rate_carries_nothing():
    assert excess(4.0, np.log(4.0), 1.0) == pytest.approx(0.0)
    assert excess(0.0, np.log(4.0), 1.0) < 0 < excess(9.0, np.log(4.0), 1.0)


def _levels(
    push: str = "", slope: dict[str, float] | None = None, last: str = ""
) -> dict[str, float]:
    """Level of every node with one node pushed by 1 this month, or carried as 1 last month."""
    found: dict[str, float] = {}

    def realise(name: str, value: float) -> float:
        found[name] = value
        pushed = 1.0 if name == push else 0.0
        return pushed if GRAPH.node[name].kind in ("event", "process") else value + pushed

    carried = {n: float(n == last) for n in GRAPH.node}
    walk(GRAPH, slope or dict.fromkeys(GRAPH.slopes, 0.5), carried, realise)
    return found


def _reached(cause: str, lag: int) -> set[str]:
    """Nodes whose level a push moves: through levels, but not through events or tension's draw."""
    first = {
        e.effect for e in GRAPH.edges if e.cause == cause and e.lag == lag and e.role != "gate"
    }
    if lag == 0:
        first |= {e.effect for e in GRAPH.edges if e.moderator == cause and e.lag == 0}
    reached, queue = set(), list(first)
    while queue:
        node = queue.pop()
        if node in reached:
            continue
        reached.add(node)
        if GRAPH.node[node].kind not in ("event", "process"):
            queue += [
                e.effect for e in GRAPH.edges if e.cause == node and e.lag == 0 and e.role != "gate"
            ]
    return reached


@pytest.mark.parametrize("name", GRAPH.node)
def test_pushing_a_node_moves_exactly_its_declared_effects(name):
    base, now, late = _levels(), _levels(push=name), _levels(last=name)
    moved = {n for n in base if now[n] != base[n]}
    moderated = {e.effect for e in GRAPH.edges if e.moderator == name}
    assert moved == _reached(name, 0) - (moderated - moved)
    assert {n for n in base if late[n] != base[n]} == _reached(name, 1)


@pytest.mark.parametrize("edge", [e for e in GRAPH.edges if e.role != "gate"], ids=lambda e: e.name)
def test_the_articles_slopes_have_the_declared_sign(edge):
    from caucasus_forecast import priors

    mean = priors.load("alyarli-2021")[edge.name].kwargs["mu"]
    alone = dict.fromkeys(GRAPH.slopes, 0.0) | {edge.name: mean}
    moved = _levels(
        push="" if edge.lag else edge.cause, last=edge.cause if edge.lag else "", slope=alone
    )
    change = moved[edge.effect] - _levels(slope=alone)[edge.effect]
    assert change == pytest.approx(mean)
    if edge.sign == "+":
        assert change >= 0
    if edge.sign == "-":
        assert change <= 0


def test_the_sweep_is_the_walk():
    rng = np.random.default_rng(5)
    months = 4
    events = [n.name for n in GRAPH.nodes if n.kind == "event"]
    status = {n: rng.integers(-1, 1, months).astype(float) for n in events}
    before = {n: rng.integers(-1, 1, months).astype(float) for n in events}
    sweep = affine.sweep(GRAPH, GRAPH.slopes, status, before, months)
    slope = rng.normal(size=len(GRAPH.slopes))
    last = sweep.last.copy()
    for n in ("recrimination", "armenian_arms"):
        last[sweep.position(n)] = rng.normal(size=months)
    found = affine.forward(slope, last, sweep.edges)
    by_name = dict(zip(GRAPH.slopes, slope, strict=True))
    for t in range(months):
        for score in (-1.0, 0.7):
            walked: dict[str, float] = {}

            def realise(name, value, t=t, score=score, walked=walked):
                walked[name] = value
                if name == TENSION:
                    return score
                return status[name][t] if name in status else value

            carried = {n: last[sweep.position(n), t] for n in GRAPH.node}
            now = walk(GRAPH, by_name, carried, realise)
            for name in GRAPH.node:
                constant, gain = found[sweep.position(name), t]
                if affine.reads_last_month(GRAPH, name):
                    expected = level(GRAPH, name, by_name, now, now)
                else:
                    expected = walked[name]
                assert constant + gain * score == pytest.approx(expected, abs=1e-12)


def test_the_adjoint_sweep_is_the_gradient():
    rng = np.random.default_rng(6)
    months = 3
    status = {n.name: np.zeros(months) for n in GRAPH.nodes if n.kind == "event"}
    sweep = affine.sweep(GRAPH, GRAPH.slopes, status, status, months)
    slope, last = rng.normal(size=len(GRAPH.slopes)), rng.normal(size=sweep.last.shape)
    weight = rng.normal(size=sweep.edges.carried.shape)

    def value(slope, last):
        return (weight * affine.forward(slope, last, sweep.edges)).sum()

    found = affine.forward(slope, last, sweep.edges)
    d_slope, d_last = affine.backward(weight, found, slope, last, sweep.edges)
    step = 1e-6
    for i in range(0, len(slope), 7):
        bump = step * (np.arange(len(slope)) == i)
        rise = (value(slope + bump, last) - value(slope - bump, last)) / (2 * step)
        assert d_slope[i] == pytest.approx(rise, abs=1e-6)
    for row in range(0, len(last), 9):
        bump = np.zeros_like(last)
        bump[row, 1] = step
        rise = (value(slope, last + bump) - value(slope, last - bump)) / (2 * step)
        assert d_last[row, 1] == pytest.approx(rise, abs=1e-6)


def test_a_total_effect_is_the_sum_over_paths_of_products_of_slopes():
    nodes = tuple(Node(n, "index") for n in "abcd")
    edges = (Edge("a", "b"), Edge("a", "c"), Edge("b", "c"), Edge("b", "d"), Edge("c", "d"))
    toy = CausalGraph("toy", nodes, edges)
    slope = dict(zip(toy.slopes, (0.3, -0.2, 0.7, 1.1, 0.4), strict=True))

    def d_at(value):
        return walk(toy, slope, {}, lambda n, x: value if n == "a" else x)["d"]

    by_paths = 0.3 * 1.1 + 0.3 * 0.7 * 0.4 + -0.2 * 0.4
    assert d_at(1.0) - d_at(0.0) == pytest.approx(by_paths, abs=1e-12)
