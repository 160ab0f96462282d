import csv
import re
from dataclasses import replace
from itertools import chain, combinations, pairwise, permutations
from xml.etree import ElementTree

import networkx as nx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from caucasus_forecast import shipped
from caucasus_forecast.errors import GraphError
from caucasus_forecast.graph import (
    CausalGraph,
    Edge,
    Node,
    adjustment_sets,
    claims,
    cut,
    d_separated,
    load,
    paths,
    to_mermaid,
    to_svg,
    unroll,
)

NAMES = "abcdef"


def made_of(arrows, names=NAMES, kind="index", lag=0):
    edges = [Edge(a, b, lag=lag) for a, b in arrows]
    return CausalGraph("made", tuple(Node(n, kind) for n in names), tuple(edges))


@st.composite
def small_graphs(draw):
    """Random graphs without lags; their arrows follow the alphabet, so that none is a cycle."""
    size = draw(st.integers(2, len(NAMES)))
    possible = list(combinations(NAMES[:size], 2))
    arrows = [pair for pair in possible if draw(st.booleans())]
    return made_of(draw(st.permutations(arrows)), NAMES[:size])


@st.composite
def questions(draw):
    """A small graph, two of its nodes and a set of others."""
    graph = draw(small_graphs())
    names = draw(st.permutations([n.name for n in graph.nodes]))
    return graph, names[0], names[1], set(draw(st.lists(st.sampled_from(names)))) - set(names[:2])


def as_networkx(graph):
    g = nx.DiGraph((e.cause, e.effect) for e in graph.edges)
    g.add_nodes_from(n.name for n in graph.nodes)
    return g


# --------------------------------------------------------------- the ledger of the article's claims


def test_the_ledger_holds_150_claims_with_a_reason_each():
    ledger = claims()
    assert len(ledger) == len({c.id for c in ledger}) == 150
    assert all(c.holder and c.note for c in ledger)
    assert {c.status for c in ledger} == {"modelled", "folded", "not_modelled"}


def test_the_ledger_and_the_edges_agree_in_both_directions():
    from_edges = {(c, e.name) for e in load().edges for c in e.claims}
    from_ledger = {(c.id, e) for c in claims() if c.status == "modelled" for e in c.edges}
    assert from_edges == from_ledger


def test_folded_claims_name_edges_and_the_others_do_not():
    for claim in claims():
        assert set(claim.edges) <= set(load().edge), claim.id
        assert bool(claim.edges) == (claim.status != "not_modelled"), claim.id


def test_every_edge_without_a_claim_says_that_it_is_a_choice():
    for edge in load().edges:
        assert edge.reason, edge.name
        assert edge.claims or edge.reason.startswith("Modelling choice"), edge.name


def test_every_node_has_a_meaning_and_a_unit():
    assert all(n.meaning and n.unit for n in load().nodes)


def test_the_claims_are_those_of_the_reference_material(shared):
    with (shared / "seed" / "claims.csv").open(encoding="utf-8", newline="") as file:
        assert [c.id for c in claims()] == [row["id"] for row in csv.DictReader(file)]


def seed_edges(shared):
    text = (shared / "seed" / "dag.md").read_text(encoding="utf-8")
    section = text.split("\n## 3. Edges")[1].split("\n## ")[0]
    row = r"^\| ([A-Z_]+) \| ([A-Z_]+) \| (\+|-|0|conditional) \| (\d) \| (\w+) \|"
    return re.findall(row, section, re.M)


def test_every_edge_of_the_reference_material_is_in_the_graph(shared):
    named = {r["code"]: r["node"] for r in shipped.table("nodes.csv")}
    seed = seed_edges(shared)
    assert len(seed) == 98
    split = {("DEMARC", "BG")}
    for cause, effect, sign, lag, tier in seed:
        if (cause, effect) not in split:
            edge = load().edge[f"{named[cause]}->{named[effect]}"]
            assert (edge.sign, edge.lag, edge.tier) == (sign, int(lag), tier), edge.name


def test_the_two_signs_of_the_border_are_two_paths():
    assert "demarcation_failure->border_guards" not in load().edge
    demand = "demarcation_failure->guard_demand", "guard_demand->border_guards"
    law = "demarcation_failure->border_legality", "border_legality->border_guards"
    assert [load().edge[name].sign for name in (*demand, *law)] == ["+", "+", "-", "+"]


# ----------------------------------------------------------------------------------------- refusals

A, B, C = (Node(n, "index") for n in "abc")
EVENT = Node("gone", "event")
REFUSED = {
    "node twice": (lambda: CausalGraph("g", (A, A), ()), "node 'a' is listed twice; keep one"),
    "edge twice": (
        lambda: CausalGraph("g", (A, B), (Edge("a", "b"), Edge("a", "b", "-", 1))),
        "edge 'a->b' is listed twice",
    ),
    "self-loop": (lambda: Edge("a", "a", lag=1), "a node cannot cause itself; remove the edge"),
    "unknown cause": (
        lambda: CausalGraph("g", (Node("tension", "process"), B), (Edge("Tension", "b"),)),
        "edge Tension->b: unknown node 'Tension'; did you mean 'tension'?",
    ),
    "unknown moderator": (
        lambda: CausalGraph("g", (A, B), (Edge("a", "b", moderator="c"),)),
        "unknown node 'c'; Allowed: a, b",
    ),
    "moderator that is no event": (
        lambda: CausalGraph("g", (A, B, C), (Edge("a", "b", moderator="c"),)),
        "moderator 'c' is not an event",
    ),
    "gate that is no event": (
        lambda: CausalGraph("g", (A, B), (Edge("a", "b", role="gate"),)),
        "a gate needs an event as its cause",
    ),
    "gate of no event": (
        lambda: CausalGraph("g", (Node("a", "event"), B), (Edge("a", "b", role="gate"),)),
        "a gate needs an event as its effect",
    ),
    "cycle": (
        lambda: made_of(["ab", "bc", "ca"]),
        "has a cycle within one month: a -> b -> c -> a. Remove or reverse an edge",
    ),
    "cycle through a moderator": (
        lambda: CausalGraph(
            "g", (A, B, EVENT), (Edge("a", "b", lag=1, moderator="gone"), Edge("b", "gone"))
        ),
        "cycle within one month: b -> gone -> b",
    ),
    "kind": (lambda: Node("a", "indx"), "kind 'indx': did you mean 'index'?"),
    "reading": (lambda: Node("a", "event", 0), "reading is 0; it must be 1 or -1"),
    "name": (lambda: Node("a->b", "index"), "letters, digits and underscores"),
    "lagged name": (lambda: Node("a@-1", "index"), "letters, digits and underscores"),
    "sign": (lambda: Edge("a", "b", "++"), "sign '++'"),
    "lag": (lambda: Edge("a", "b", lag=2), "lag is 2; it must be 0 or 1 month"),
    "role": (lambda: Edge("a", "b", role="efect"), "did you mean 'effect'?"),
    "unknown graph": (lambda: load("alyarli"), "did you mean 'alyarli-2021'?"),
}


@pytest.mark.parametrize(("build", "told"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_graph_is_refused(build, told):
    with pytest.raises(GraphError) as caught:
        build()
    assert told in str(caught.value)


ASKED = {
    "parents": lambda g: g.parents("Tension"),
    "descendants": lambda g: g.descendants("Tension"),
    "ancestors": lambda g: g.ancestors("Tension"),
    "paths": lambda g: paths(g, "Tension", "pressure"),
    "cut": lambda g: cut(g, "pressure", "Tension"),
    "separation": lambda g: d_separated(g, "pressure", "Tension@-1"),
    "condition": lambda g: d_separated(g, "pressure", "stagnation", "Tension"),
    "adjustment": lambda g: adjustment_sets(g, "Tension", "pressure"),
    "observed": lambda g: adjustment_sets(g, "tension", "pressure", ["Tension"]),
    "drawing": lambda g: to_svg(g, "Tension"),
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_an_unknown_node_is_refused_with_the_nearest(ask):
    with pytest.raises(GraphError, match="no node 'Tension'; did you mean 'tension'"):
        ask(load())


@pytest.mark.parametrize(
    "name", ["tension@-0", "tension@-x", "tension@-100", "tension@-", "tension@-²"]
)
def test_a_month_that_cannot_be_named_is_refused(name):
    with pytest.raises(GraphError, match="'tension@-1' for the last"):
        d_separated(load(), name, "pressure")


@pytest.mark.parametrize(
    "ask",
    [
        lambda g: d_separated(g, "tension", "tension"),
        lambda g: adjustment_sets(g, "tension", "tension"),
        lambda g: paths(g, "tension", "tension"),
    ],
)
def test_a_question_about_one_node_is_refused(ask):
    with pytest.raises(GraphError, match="ask about two different nodes"):
        ask(load())


def test_a_node_both_asked_about_and_given_is_refused():
    with pytest.raises(GraphError, match="'tension' is both asked about and given"):
        d_separated(load(), "tension", "pressure", ["tension"])


# ------------------------------------------------------------------------------- relations and laws


def test_moderators_are_parents_whatever_the_lag(toy_graph):
    assert set(toy_graph.parents("offers")) == {"tension", "troops"}
    late = CausalGraph("g", (A, B, EVENT), (Edge("a", "b", lag=1, moderator="gone"),))
    assert set(late.parents("b")) == {"a", "gone"}
    assert late.descendants("gone", lag=0) == {"b"}
    assert late.descendants("a", lag=0) == frozenset()
    assert late.order.index("gone") < late.order.index("b")


def test_descendants_follow_lags_unless_told_not_to(toy_graph):
    assert toy_graph.descendants("tension", lag=0) == {"offers", "view"}
    assert toy_graph.descendants("tension") == {"offers", "view", "treaty", "troops"}
    assert toy_graph.ancestors("offers", "view") == {"gap", "tension", "treaty", "troops"}


def test_gates_carry_no_slope():
    assert "corridor->fsb_post" in load().edge
    assert "corridor->fsb_post" not in load().slopes
    assert len(load().slopes) == len(load().edges) - 1


@given(small_graphs())
def test_causes_come_before_effects(graph):
    rank = {name: i for i, name in enumerate(graph.order)}
    assert sorted(rank) == sorted(n.name for n in graph.nodes)
    assert all(rank[e.cause] < rank[e.effect] for e in graph.edges)


@given(small_graphs())
def test_ancestors_and_descendants_mirror_each_other(graph):
    names = [n.name for n in graph.nodes]
    for a, b in permutations(names, 2):
        assert (a in graph.ancestors(b)) == (b in graph.descendants(a))


@given(small_graphs(), st.data())
def test_cutting_removes_exactly_the_arrows_into_the_nodes(graph, data):
    held = data.draw(st.sets(st.sampled_from([n.name for n in graph.nodes])))
    done = cut(graph, *held)
    assert set(graph.edges) - set(done.edges) == {e for e in graph.edges if e.effect in held}
    assert set(done.edges) <= set(graph.edges)
    assert done.nodes == graph.nodes


@given(small_graphs(), st.data())
def test_what_is_held_has_no_causes_and_moves_what_it_moved(graph, data):
    name = data.draw(st.sampled_from([n.name for n in graph.nodes]))
    done = cut(graph, name)
    assert done.ancestors(name) == frozenset()
    assert done.descendants(name) == graph.descendants(name)
    for other in graph.node:
        if other not in graph.descendants(name) | {name}:
            assert done.ancestors(other) == graph.ancestors(other)
    assert cut(done, name) == done


def test_cutting_the_effect_cuts_its_moderator_too(toy_graph):
    assert cut(toy_graph, "offers").parents("offers") == ()
    assert cut(toy_graph, "troops").edge["tension->offers"].moderator == "troops"


def test_what_was_loaded_cannot_be_changed_in_place():
    with pytest.raises(nx.NetworkXError, match=r"[Ff]rozen"):
        load().summary.add_edge("tension", "nothing")


def test_lists_of_nodes_and_edges_are_kept_as_tuples():
    nodes, edges = [A, B], [Edge("a", "b")]
    graph = CausalGraph("g", nodes, edges)
    edges.clear()
    assert graph.edges == (Edge("a", "b"),)


@pytest.mark.parametrize("change", [{"sign": "-"}, {"lag": 1}, {"role": "definition"}])
def test_the_digest_follows_what_the_model_reads(change):
    plain = CausalGraph("g", (A, B), (Edge("a", "b"),))
    other = CausalGraph("g", (A, B), (replace(Edge("a", "b"), **change),))
    told = CausalGraph("h", (A, B), (Edge("a", "b", reason="told", claims=("c",)),))
    assert plain.digest != other.digest
    assert plain.digest == told.digest


# --------------------------------------------------------------------------------------- separation


@given(questions())
def test_separation_agrees_with_networkx(question):
    graph, a, b, given_nodes = question
    expected = nx.is_d_separator(as_networkx(graph), {a}, {b}, given_nodes)
    assert d_separated(graph, a, b, given_nodes) == expected
    assert d_separated(graph, b, a, given_nodes) == expected


ORACLES = {
    "a chain is blocked by its middle": (["ab", "bc"], "a", "c", "b", True),
    "a chain is open": (["ab", "bc"], "a", "c", "", False),
    "a fork is blocked by its cause": (["ba", "bc"], "a", "c", "b", True),
    "a collider is blocked": (["ab", "cb"], "a", "c", "", True),
    "a collider is opened": (["ab", "cb"], "a", "c", "b", False),
    "a collider is opened by its effect": (["ab", "cb", "bd"], "a", "c", "d", False),
}


@pytest.mark.parametrize(("arrows", "a", "b", "known", "apart"), ORACLES.values(), ids=ORACLES)
def test_separation_in_textbook_cases(arrows, a, b, known, apart):
    assert d_separated(made_of(arrows), a, b, list(known)) == apart


def test_a_persistent_node_links_its_months():
    graph = made_of(["ab"], "ab", kind="process")
    assert not d_separated(graph, "a@-3", "a")
    assert d_separated(graph, "a@-2", "a", "a@-1")
    assert d_separated(made_of(["ab"], "ab"), "a@-3", "a")


def test_causes_many_months_back_are_seen():
    steps = "abcdefgh"
    late = made_of(pairwise(steps), steps, lag=1)
    beside = CausalGraph(
        "g", (*late.nodes, Node("z", "index")), (*late.edges, Edge("g", "z", lag=1))
    )
    assert not d_separated(beside, "a@-7", "h")
    assert not d_separated(beside, "h", "z")
    assert not d_separated(beside, "h@-9", "z@-9")
    assert d_separated(beside, "h", "z", "g@-1")


def test_a_moderator_acts_in_the_month_of_the_effect():
    g = unroll(CausalGraph("g", (A, B, EVENT), (Edge("a", "b", lag=1, moderator="gone"),)), 2)
    assert set(g.predecessors("b")) == {"a@-1", "gone"}
    assert set(g.predecessors("b@-1")) == {"gone@-1"}


def test_transport_and_border_guards_share_nothing_but_tension():
    assert not d_separated(load(), "transport_delay", "border_guards")
    assert d_separated(load(), "transport_delay", "border_guards", "tension")


# --------------------------------------------------------------------------------------- adjustment


def blocks(g, cause, effect, z):
    backdoor = g.copy()
    backdoor.remove_edges_from(list(g.out_edges(cause)))
    return not z & nx.descendants(g, cause) and nx.is_d_separator(backdoor, {cause}, {effect}, z)


@given(questions())
def test_adjustment_sets_block_and_are_found_when_there_are_any(question):
    graph, cause, effect, seen = question
    g = as_networkx(graph)
    found = adjustment_sets(graph, cause, effect, seen)
    assert all(z <= seen and blocks(g, cause, effect, set(z)) for z in found)
    every = chain.from_iterable(combinations(seen, k) for k in range(len(seen) + 1))
    assert bool(found) == any(blocks(g, cause, effect, set(z)) for z in every)


@given(questions())
def test_the_direct_causes_are_enough_unless_the_effect_is_one(question):
    graph, cause, effect, _ = question
    assume(effect not in graph.parents(cause))
    assert frozenset(graph.parents(cause)) in adjustment_sets(graph, cause, effect)


def test_an_effect_behind_a_hidden_common_cause_is_not_identified():
    confounded = made_of(["ca", "cb", "ab"], "abc")
    assert adjustment_sets(confounded, "a", "b", observed=()) == ()
    assert adjustment_sets(confounded, "a", "b") == (frozenset("c"),)


def test_last_month_is_adjusted_for_where_the_cause_persists():
    for months in ("", "@-5"):
        smallest, *_ = adjustment_sets(load(), f"tension{months}", f"pressure{months}")
        assert f"tension@-{6 if months else 1}" in smallest


# -------------------------------------------------------------------------------------------- paths


def test_paths_are_listed_shortest_first_with_their_lags(toy_graph):
    assert paths(toy_graph, "gap", "offers") == (
        "gap -> tension -> offers",
        "gap -> tension -[1]-> treaty -[1]-> troops -> offers",
    )
    assert paths(toy_graph, "gap", "offers", cutoff=2) == ("gap -> tension -> offers",)
    assert paths(toy_graph, "offers", "gap") == ()


# ------------------------------------------------------------------------------------------ drawing

HOSTILE = "<script>alert('1')</script>&\"\x00\x1b"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(params=["article", "focus", "toy", "hostile"])
def svg(request, toy_graph):
    if request.param == "hostile":
        nodes = (replace(A, meaning=HOSTILE), B)
        return to_svg(CausalGraph(HOSTILE, nodes, (Edge("a", "b", reason=HOSTILE),)))
    if request.param == "toy":
        return to_svg(toy_graph)
    return to_svg(load(), "tension" if request.param == "focus" else ())


def test_a_drawing_is_well_formed(svg):
    assert ElementTree.fromstring(svg).tag == f"{SVG}svg"  # noqa: S314 (our own text)


def test_a_drawing_refers_to_nothing_outside(svg):
    assert re.findall(r"https?://[^\"]*", svg) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"href|@import|url\((?!#)", svg)
    assert "<script" not in svg


def test_a_drawing_shows_every_node_and_edge():
    root = ElementTree.fromstring(to_svg(load()))  # noqa: S314 (our own text)
    assert len(root.findall(f"{SVG}g")) == len(load().nodes)
    assert len(root.findall(f"{SVG}path")) == len(load().edges)


def test_labels_are_escaped_and_kept():
    graph = CausalGraph("g", (replace(A, meaning=HOSTILE), B), ())
    root = ElementTree.fromstring(to_svg(graph))  # noqa: S314 (our own text)
    assert root.find(f"{SVG}g/{SVG}title").text == "<script>alert('1')</script>&\""


def test_a_focus_shows_a_node_with_its_causes_and_effects():
    near = {"transport_delay", *load().parents("transport_delay")}
    near |= set(load().summary.successors("transport_delay"))
    root = ElementTree.fromstring(to_svg(load(), ["transport_delay"]))  # noqa: S314 (our own text)
    labels = {t.text.replace(" ", "_") for t in root.iter(f"{SVG}text")}
    assert labels == near


def test_nodes_do_not_lie_on_each_other():
    root = ElementTree.fromstring(to_svg(load()))  # noqa: S314 (our own text)
    places = [(r.get("x"), r.get("y")) for r in root.iter(f"{SVG}rect")]
    assert len(set(places)) == len(places)


def test_an_empty_graph_can_be_drawn():
    root = ElementTree.fromstring(to_svg(CausalGraph("none", (), ())))  # noqa: S314 (our own text)
    assert root.find(f"{SVG}title").text == "Causal graph none"


def test_mermaid_tells_kinds_signs_and_lags_apart(toy_graph):
    assert to_mermaid(toy_graph).splitlines() == [
        "flowchart LR",
        '    gap["gap"]',
        '    tension{{"tension"}}',
        '    troops[["troops"]]',
        '    treaty[["treaty"]]',
        '    offers(["offers"])',
        '    view[["view"]]',
        "    gap --> tension",
        "    tension --> offers",
        "    tension --x view",
        "    tension -.-x treaty",
        "    treaty -.-x troops",
    ]


def test_a_graph_introduces_itself(toy_graph):
    assert repr(toy_graph) == "CausalGraph 'toy': 6 nodes, 5 edges (2 of them lagged by a month)"


def test_a_notebook_shows_the_drawing_and_the_words(toy_graph):
    shown = toy_graph._repr_html_()
    figure = ElementTree.fromstring(shown)  # noqa: S314 (our own text)
    assert figure.find(f"{SVG}svg") is not None
    assert figure.find("figcaption").text == repr(toy_graph)
