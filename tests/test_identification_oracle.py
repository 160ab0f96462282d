"""Verdicts against an independent implementation: y0's ID algorithm (Shpitser & Pearl 2006)."""

from itertools import combinations, permutations

import networkx as nx
import numpy as np
import pytest

from caucasus_forecast.identification import VERDICTS, examine

pytest.importorskip(
    "y0", reason="y0 is not installed: an independent ID algorithm, a development dependency"
)


def through_hidden(dag, a, b, seen):
    """Whether a directed path leads from a to b with hidden nodes only between."""
    return nx.has_path(dag.subgraph((set(dag) - seen) | {a, b}), a, b)


def identifiable(dag, x, y, seen):
    """Whether y0 finds a formula for P(y | do(x)) on the latent projection, made by definition."""
    from y0.algorithm.identify import identify_outcomes
    from y0.dsl import Variable
    from y0.graph import NxMixedGraph

    name = {n: Variable(f"V{i}") for i, n in enumerate(dag)}
    mixed = NxMixedGraph()
    for n in seen:
        mixed.add_node(name[n])
    for a, b in permutations(seen, 2):
        if through_hidden(dag, a, b, seen):
            mixed.add_directed_edge(name[a], name[b])
    for a, b in combinations(seen, 2):
        hidden = set(dag) - seen
        if any(all(through_hidden(dag, u, n, seen) for n in (a, b)) for u in hidden):
            mixed.add_undirected_edge(name[a], name[b])
    return identify_outcomes(mixed, {name[x]}, {name[y]}) is not None


def random_case(rng):
    """Measured nodes in causal order, some arrows through a hidden node, hidden common causes."""
    seen = [f"n{i}" for i in range(rng.integers(3, 7))]
    dag = nx.DiGraph()
    dag.add_nodes_from(seen)
    arrows, confounding = rng.uniform(0.3, 0.8), rng.uniform(0.1, 0.5)
    for a, b in combinations(seen, 2):
        if rng.random() < arrows:
            nx.add_path(dag, [a, b] if rng.random() < 0.8 else [a, f"hidden {a}{b}", b])
        if rng.random() < confounding:
            dag.add_edges_from((f"shared {a}{b}", n) for n in (a, b))
    if rng.random() < 0.5:
        dag.add_edges_from(("root", n) for n in dag.copy() if n.startswith("shared"))
    x, y = sorted(rng.choice(len(seen), 2, replace=False))
    return dag, seen[x], seen[y], set(seen)


@pytest.fixture(scope="module")
def compared():
    """What both say of 600 random graphs."""
    rng = np.random.default_rng(2021)
    cases = [random_case(rng) for _ in range(600)]
    return [(case, examine(*case), identifiable(*case)) for case in cases]


def test_the_verdict_is_that_of_an_independent_algorithm(compared):
    for (dag, x, y, seen), found, there in compared:
        assert found.identified == there, (list(dag.edges), x, y, seen)


@pytest.mark.parametrize("verdict", [v for v in VERDICTS if v != "too large"])
def test_the_comparison_covers_every_verdict(compared, verdict):
    assert any(found.verdict == verdict for _, found, _ in compared)


@pytest.mark.parametrize("arrows", ["wz zx xy uw ux vw vy", "xm my ux uy", "xa ay ux uy va vy"])
def test_the_hard_textbook_graphs_agree(arrows):
    dag = nx.DiGraph(arrows.split())
    seen = set(dag) - {"u", "v"}
    assert examine(dag, "x", "y", seen).identified == identifiable(dag, "x", "y", seen)
