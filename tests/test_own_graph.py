"""A graph of one's own: changed, or brought whole; what comes with it, and what is refused."""

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import caucasus_forecast as cf
from caucasus_forecast import case as cases
from caucasus_forecast import density as dens
from caucasus_forecast import evidence as rows
from caucasus_forecast import (
    forecasting,
    links,
    models,
    names,
    plots,
    priors,
    report,
    study,
    theory,
)
from caucasus_forecast import graph as graphs
from caucasus_forecast.case import Case
from caucasus_forecast.cli import main
from caucasus_forecast.errors import (
    CaseError,
    EvidenceError,
    GraphError,
    PriorError,
    ScenarioError,
    StorageError,
)
from caucasus_forecast.graph import CausalGraph, Edge, Node, add, drop, load, reverse
from caucasus_forecast.priors import Normal, Prior, PriorSet, parameters

NORTHLAND = Path(__file__).resolve().parents[1] / "docs" / "examples" / "northland"
ARTICLE = load()
SMALL = {"draws": 40, "tune": 60, "chains": 2, "horizon": 3}
SHARED = tuple(priors.SHARED_PARAMETERS)


def refusal(call, *arguments, kind=GraphError):
    with pytest.raises(kind) as caught:
        call(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message


def complaint(call, *arguments):
    """What is said against it; its file's name if nothing is."""
    try:
        call(*arguments)
    except (GraphError, PriorError, EvidenceError) as error:
        return str(error)
    return "any.toml: "


@pytest.fixture
def written(tmp_path):
    """Write a graph file, and say where it is."""

    def write(text, name="mine.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def toml(graph, chosen, name="copy", series=()):
    """A whole graph as the text of its file, with priors from a set."""

    def prior(key):
        p = chosen[key]
        inside = ", ".join(f"{k} = {v!r}" for k, v in p.kwargs.items())
        return f'{{ dist = "{p.dist}", kwargs = {{ {inside} }} }}'

    lines = [f'name = "{name}"']
    for n in graph.nodes:
        lines += ["[[node]]", f'name = "{n.name}"', f'kind = "{n.kind}"', f"reading = {n.reading}"]
        lines += [f'tier = "{n.tier}"', f"unit = {json.dumps(n.unit)}"]
        lines += [f"meaning = {json.dumps(n.meaning)}"]
        for key, parameter in (("base_rate", "base"), ("noise", "noise")):
            if f"{n.name}.{parameter}" in chosen:
                lines.append(f"{key} = {prior(f'{n.name}.{parameter}')}")
    for e in graph.edges:
        lines += ["[[edge]]", f'cause = "{e.cause}"', f'effect = "{e.effect}"', f"lag = {e.lag}"]
        lines += [f'sign = "{e.sign}"', f'tier = "{e.tier}"', f'moderator = "{e.moderator}"']
        lines += [f'role = "{e.role}"', f"reason = {json.dumps(e.reason)}"]
        lines += [f"claims = {json.dumps(e.claims)}"]
        if e.role != "gate":
            lines.append(f"prior = {prior(e.name)}")
    return "\n".join([*lines, *series, ""])


CHANGED = """
name = "changed"
base = "alyarli-2021"
drop = ["tension->border_guards", "guard_requests"]
reverse = ["tension->working_group_halt"]
[[node]]
name = "envoys"
kind = "count"
base_rate = { dist = "Normal", kwargs = { mu = 0.0, sigma = 0.7 } }
[[edge]]
cause = "tension"
effect = "envoys"
prior = { dist = "Normal", kwargs = { mu = 0.3, sigma = 0.2 } }
[[series]]
name = "envoys"
node = "envoys"
mode = "events"
coverage = ["2021-01-01/2021-06-30"]
[[observation]]
start = 2021-02-03
end = 2021-02-03
series = "envoys"
count = 1
"""


# --------------------------------------------------------------------------- a graph changed


@given(name=st.sampled_from(ARTICLE.slopes))
def test_an_edge_that_is_dropped_has_no_slope(name):
    smaller = drop(ARTICLE, name)
    assert name not in parameters(smaller)
    assert set(parameters(ARTICLE)) - set(parameters(smaller)) == {name}
    assert name not in priors.layout(smaller, "ladder")["slope"][1]


@given(name=st.sampled_from(sorted(set(ARTICLE.node) - {e.moderator for e in ARTICLE.edges})))
def test_a_node_that_is_dropped_takes_its_edges_and_nothing_else(name):
    smaller = drop(ARTICLE, name)
    assert set(ARTICLE.node) - set(smaller.node) == {name}
    gone = set(ARTICLE.edge) - set(smaller.edge)
    assert gone == {e.name for e in ARTICLE.edges if name in (e.cause, e.effect)}


def turns(name):
    """Whether an edge can be turned round alone."""
    try:
        reverse(ARTICLE, name)
    except GraphError:
        return False
    return True


TURNING = [e.name for e in ARTICLE.edges if turns(e.name)]


@given(name=st.sampled_from(TURNING))
def test_an_edge_turned_twice_is_the_edge_it_was(name):
    cause, effect = name.split("->")
    once = reverse(ARTICLE, name)
    assert once.digest != ARTICLE.digest
    assert once.edge[f"{effect}->{cause}"].claims == ()
    assert reverse(once, f"{effect}->{cause}").digest == ARTICLE.digest


def test_what_is_dropped_and_added_again_is_the_same_but_for_its_place():
    name = "tension->border_guards"
    again = add(drop(ARTICLE, name), edges=[ARTICLE.edge[name]])
    assert again.edge == ARTICLE.edge
    assert again.digest != ARTICLE.digest


def toy(*edges):
    return CausalGraph("toy", tuple(Node(n, "index") for n in "abc"), edges)


CHAIN = toy(Edge("a", "b"), Edge("b", "c"), Edge("a", "c"))
CHANGES = {
    "a cycle": (reverse, CHAIN, "a->c", "cycle within one month: a -> b -> c -> a"),
    "an edge that is there": (
        reverse, toy(Edge("a", "b"), Edge("b", "a", lag=1)), "a->b",
        "reverse: a->b turned is b->a, which is there already; drop one",
    ),
    "an unknown node": (drop, ARTICLE, "tensoin", "has no 'tensoin'; did you mean 'tension'"),
    "an unknown edge": (drop, ARTICLE, "tension->fears", "did you mean 'tension->fear'"),
    "a node to reverse": (reverse, ARTICLE, "tension", "has no 'tension'; Allowed"),
    "a moderator": (
        drop, ARTICLE, "peacekeepers", "acts only while 'peacekeepers' holds; drop the edge too",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "graph", "name", "told"), CHANGES.values(), ids=CHANGES)
def test_a_change_that_cannot_be_made_is_refused(change, graph, name, told):
    assert told in refusal(change, graph, name)


def test_a_name_given_twice_is_refused():
    assert "'a->b' is listed twice" in refusal(drop, CHAIN, "a->b", "a->b")


# --------------------------------------------------------------------------- the file


def test_the_shipped_graph_is_found_by_name():
    assert graphs.load("alyarli-2021") == ARTICLE
    assert "alyarli-2021" in graphs.available()


def test_every_shipped_graph_has_its_priors():
    for name in graphs.available():
        loaded = theory.load(name)
        assert loaded.graph.name == name
        assert set(loaded.beliefs("alyarli-2021")) == set(parameters(loaded.graph))


def test_a_file_changes_the_graph_it_names(written):
    graph = graphs.load(written(CHANGED))
    assert set(ARTICLE.node) - set(graph.node) == {"guard_requests"}
    assert set(graph.node) - set(ARTICLE.node) == {"envoys"}
    assert "tension->border_guards" not in graph.edge
    assert {"working_group_halt->tension", "tension->envoys"} <= set(graph.edge)


def test_a_file_without_a_name_is_called_after_itself(written):
    assert graphs.load(written('base = "alyarli-2021"', "calm.toml")).name == "calm"


BASE = 'base = "alyarli-2021"\n'
TENSION = '[[node]]\nname = "tension"\nkind = "process"\n'
COUNT = '[[node]]\nname = "x"\nkind = "count"\n'
NORMAL = '{ dist = "Normal", kwargs = { mu = 0, sigma = 1 } }'
SERIES = '[[series]]\nname = "s"\nnode = "x"\n'
FILES = {
    "no TOML": ("name = ", GraphError, "check the TOML"),
    "an unknown key": ("bases = 1", GraphError, "unknown key 'bases'; did you mean 'base'"),
    "an unknown base": ('base = "alyarli-2020"', GraphError, "did you mean 'alyarli-2021'"),
    "a change of nothing": ('drop = ["a"]', GraphError, "'drop' changes another graph; name it"),
    "a text for a list": (BASE + 'drop = "fear"', GraphError, "'drop' is 'fear'; write a list"),
    "tables that are none": (BASE + "node = 3", GraphError, "'node' must be tables, written [[no"),
    "no tension": (COUNT, GraphError, "'process' are: none; a graph has exactly one, named 'ten"),
    "two processes": (
        TENSION + TENSION.replace("tension", "heat"), GraphError, "'process' are: tension, heat;",
    ),
    "tension dropped": (BASE + 'drop = ["tension"]', GraphError, "'process' are: none"),
    "a node's key": (BASE + COUNT + "base = 1", GraphError, "node 1: unknown key 'base'; did you"),
    "a node's kind": (
        BASE + COUNT.replace("count", "cuont"), GraphError, "node 1: node 'x': kind 'cuont': did y",
    ),
    "a nameless node": (BASE + '[[node]]\nkind = "count"', GraphError, "node 1: 'name' is None"),
    "a reading": (BASE + COUNT + "reading = true", GraphError, "(x): 'reading' is True; write a w"),
    "an edge's end": (
        BASE + '[[edge]]\ncause = "tensoin"\neffect = "fear"', GraphError,
        "edge tensoin->fear: unknown node 'tensoin'; did you mean 'tension'",
    ),
    "an edge's sign": (
        BASE + '[[edge]]\ncause = "a"\neffect = "b"\nsign = "minus"', GraphError,
        "edge 1: edge a->b: sign 'minus'",
    ),
    "an edge twice": (
        BASE + '[[edge]]\ncause = "tension"\neffect = "fear"', GraphError, "is listed twice",
    ),
    "a cycle": (
        BASE + '[[edge]]\ncause = "fear"\neffect = "tension"', GraphError,
        "cycle within one month: ",
    ),
    "a prior's distribution": (
        BASE + COUNT + 'base_rate = { dist = "Norml", kwargs = {} }', PriorError,
        "node 1: 'base_rate' (x.base): unknown distribution 'Norml'; did you mean 'Normal'",
    ),
    "a prior's support": (
        BASE + COUNT.replace("count", "share") + f"noise = {NORMAL}", PriorError,
        "'noise' (x.noise): x.noise takes positive numbers, but Normal(mu=0, sigma=1) draws any",
    ),
    "a rate of an index": (
        BASE + COUNT.replace("count", "index") + f"base_rate = {NORMAL}", PriorError,
        "node 1: 'x' is of kind index and has no base rate; remove 'base_rate'",
    ),
    "a prior of a gate": (
        BASE + '[[edge]]\ncause = "treaty"\neffect = "corridor"\nrole = "gate"\n'
        f"prior = {NORMAL}", PriorError, "treaty->corridor is a gate and has no slope",
    ),
    "a series' node": (
        BASE + SERIES.replace('"x"', '"frnce"'), GraphError, "(s): unknown node 'frnce'; did you",
    ),
    "a series' mode": (
        BASE + COUNT + SERIES + 'mode = "count"', EvidenceError, "mode 'count': did you mean 'cou",
    ),
    "a series' coverage": (
        BASE + COUNT + SERIES + 'coverage = ["2024"]', EvidenceError, "coverage '2024'; write two",
    ),
    "a coverage backwards": (
        BASE + COUNT + SERIES + 'coverage = ["2024-02-01/2024-01-01"]', EvidenceError,
        "series 1 (s): interval 2024-02-01 to 2024-01-01 ends before it starts",
    ),
    "a series that is there": (
        BASE + SERIES.replace('"s"', '"pressure"').replace('"x"', '"pressure"'), EvidenceError,
        "series 1: series 'pressure' is there already; rename yours",
    ),
    "a series twice": (
        BASE + COUNT + SERIES + SERIES, EvidenceError,
        "series 2: series 's' is there already; rename yours",
    ),
    "deaths twice": (
        TENSION + 2 * SERIES.replace('"s"', '"battle_deaths"').replace('"x"', '"tension"'),
        EvidenceError, "series 2: series 'battle_deaths' is there already",
    ),
    "deaths of another node": (
        TENSION + COUNT + SERIES.replace('"s"', '"battle_deaths"'), GraphError,
        "informs 'x'; 'battle_deaths' are what 'tension' is read from",
    ),
    "an unknown series": (
        BASE + '[[observation]]\nstart = 2024-01-01\nend = 2024-01-01\nseries = "presure"\ncount=1',
        EvidenceError, "observation 1: unknown series 'presure'; did you mean 'pressure'",
    ),
    "no count": (
        BASE + COUNT + SERIES + '[[observation]]\nstart = 2024-01-01\nend = 2024-01-01\n'
        'series = "s"', EvidenceError, "observation 1 (s): 'count' is None; write a number",
    ),
    "no day": (
        BASE + COUNT + SERIES + '[[observation]]\nstart = "2024"\nend = 2024-01-01\n'
        'series = "s"\ncount = 1', EvidenceError, "'start' is '2024'; write a day",
    ),
    "half a count": (
        BASE + COUNT + SERIES + '[[observation]]\nstart = 2024-01-01\nend = 2024-01-01\n'
        'series = "s"\ncount = 1.5', EvidenceError, "the count is 1.5; a counts row takes a whole",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "told"), FILES.values(), ids=FILES)
def test_a_file_that_is_no_graph_is_refused_with_its_place(written, text, kind, told):
    message = refusal(theory.load, written(text), kind=kind)
    assert message.startswith("mine.toml: ")
    assert told in message


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("alyarli-2012", "no graph 'alyarli-2012'; did you mean 'alyarli-2021'"),
        ("nowhere.toml", "nowhere.toml: no such file; check the path"),
        (".", "not a TOML text file"),
    ],
)
def test_a_graph_that_is_not_there_is_refused(name, told):
    assert told in refusal(graphs.load, name)


@given(text=st.text(max_size=60))
def test_any_text_is_a_graph_or_is_refused(text):
    assert complaint(graphs.read, text, "any.toml", "any").startswith("any.toml: ")


keys = st.sampled_from([*graphs.files.FILE_KEYS, "other"])
inner_keys = st.sampled_from(
    [
        *graphs.files.NODE_KEYS,
        *graphs.files.EDGE_KEYS,
        *theory.entries.SERIES_KEYS,
        *theory.entries.OBSERVATION_KEYS,
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("tension"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(inner_keys, inner),
    max_leaves=8,
)


@given(fields=st.dictionaries(keys, values, max_size=5))
@settings(max_examples=300)
def test_any_fields_are_a_theory_or_are_refused(fields):
    def read():
        return theory.of(graphs.from_fields(fields, "any.toml", "any"))

    assert complaint(read).startswith("any.toml: ")


# --------------------------------------------------------------------------- priors


def own(text, where="mine.toml"):
    return theory.of(graphs.read(text, where, "mine"))


def test_the_shipped_theory_takes_every_shipped_set_as_it_is():
    shipped = theory.load()
    for name in priors.list():
        assert shipped.beliefs(name) is priors.load(name)


def test_a_set_speaks_for_what_is_left_and_the_file_for_what_is_new():
    mine, article = own(CHANGED), priors.load("alyarli-2021")
    found = mine.beliefs("alyarli-2021")
    assert set(found) == set(parameters(mine.graph))
    assert found.graph == mine.graph
    assert found["tension->envoys"] == Normal(0.3, 0.2)
    assert found["envoys.base"] == Normal(0.0, 0.7)
    turned = "working_group_halt->tension"
    assert found[turned] == article["tension->working_group_halt"]
    new = {"tension->envoys", "envoys.base", turned}
    assert all(found[key] == article[key] for key in set(found) - new)


@pytest.mark.parametrize("name", priors.list())
def test_sets_swap_under_a_changed_graph(name):
    mine = own(CHANGED)
    found, shipped = mine.beliefs(name), priors.load(name)
    assert found.name == name
    assert all(found[key] == shipped[key] for key in set(found) & set(shipped))


def test_a_reversed_edge_takes_the_prior_that_the_file_gives():
    text = CHANGED.replace('reverse = ["tension->working_group_halt"]', "").replace(
        'drop = ["', 'drop = ["tension->working_group_halt", "'
    )
    edge = f'[[edge]]\ncause = "working_group_halt"\neffect = "tension"\nprior = {NORMAL}\n'
    mine = own(text + edge)
    assert mine.beliefs("alyarli-2021")["working_group_halt->tension"] == Normal(0, 1)


def test_a_set_of_ones_own_wins_over_the_file(written, tmp_path):
    mine = own(CHANGED)
    article = mine.beliefs("alyarli-2021")
    body = "\n".join(
        f'["{key}"]\ndist = "{p.dist}"\nkwargs = {json.dumps(dict(p.kwargs)).replace(":", " =")}'
        for key, p in article.items()
        if key != "envoys.base"
    )
    body = body.replace(
        '["tension->envoys"]\ndist = "Normal"\nkwargs = {"mu" = 0.3, "sigma" = 0.2}',
        '["tension->envoys"]\ndist = "Normal"\nkwargs = {"mu" = 9.0, "sigma" = 0.2}',
    )
    found = mine.beliefs(written(body, "beliefs.toml"))
    assert found["tension->envoys"] == Normal(9, 0.2)
    assert found["envoys.base"] == Normal(0, 0.7)
    assert set(found) == set(parameters(mine.graph))
    # entries for what the base has and the changed graph has not are let pass
    more = body + '\n["tension->border_guards"]\ndist = "Normal"\nkwargs = { mu = 0, sigma = 1 }'
    assert dict(mine.beliefs(written(more, "more.toml"))) == dict(found)
    wrong = body + '\n["tension->envoy"]\ndist = "Normal"\nkwargs = { mu = 0, sigma = 1 }'
    told = refusal(mine.beliefs, written(wrong, "wrong.toml"), kind=PriorError)
    assert told.startswith("wrong.toml: unknown parameter 'tension->envoy' of the graph 'changed'")
    assert "did you mean 'tension->envoys'" in told


def test_changes_are_changes_of_the_article_s_set_for_this_graph():
    mine = own(CHANGED)
    found = mine.beliefs({"tension->envoys": Normal(1, 1)})
    assert found["tension->envoys"] == Normal(1, 1)
    assert found.name == "alyarli-2021+tension->envoys"
    told = refusal(mine.beliefs, {"tension->border_guards": Normal(0, 1)}, kind=PriorError)
    assert "unknown parameter 'tension->border_guards'" in told


def test_every_parameter_without_a_prior_is_named():
    bare = CHANGED.replace("prior = { dist", "# ").replace("base_rate = { dist", "# ")
    told = refusal(own(bare).beliefs, "agnostic", kind=PriorError)
    assert "leave 2 of " in told
    assert "tension->envoys, envoys.base" in told
    assert "give an edge its 'prior'" in told


def test_what_the_file_declares_anew_does_not_take_the_old_prior():
    # a count of the base, dropped and declared an event: log rates are no log hazards
    text = BASE + 'drop = ["france"]\n[[node]]\nname = "france"\nkind = "event"\n'
    told = refusal(own(text).beliefs, "alyarli-2021", kind=PriorError)
    assert "leave 1 of " in told
    assert "france.base" in told


def test_a_whole_graph_takes_of_another_set_only_what_every_graph_has():
    whole = theory.load(NORTHLAND / "graph.toml")
    article, found = priors.load("alyarli-2021"), whole.beliefs("alyarli-2021")
    assert all(found[key] == article[key] for key in SHARED)
    assert found["ceasefire->tension"] == Normal(-0.6, 0.3)
    assert set(found) == set(parameters(whole.graph))
    # also where the names are the same: a treaty elsewhere is another treaty
    text = TENSION + '[[node]]\nname = "treaty"\nkind = "event"\n'
    assert "treaty.base" in refusal(own(text).beliefs, "alyarli-2021", kind=PriorError)


def test_the_file_speaks_for_what_it_declares_though_the_graph_is_the_same():
    last = ARTICLE.edges[-1]
    text = f'{BASE}drop = ["{last.name}"]\n[[edge]]\ncause = "{last.cause}"\n'
    text += f'effect = "{last.effect}"\nsign = "{last.sign}"\nprior = {NORMAL}\n'
    mine = own(text)
    assert mine.graph.digest == ARTICLE.digest
    assert mine.beliefs("alyarli-2021")[last.name] == Normal(0, 1)


def test_a_set_for_another_graph_is_refused():
    elsewhere = theory.load(NORTHLAND / "graph.toml").beliefs("alyarli-2021")
    told = refusal(theory.load().beliefs, elsewhere, kind=PriorError)
    assert "is for the graph 'northland-2024', not for 'alyarli-2021'" in told


def test_a_set_knows_its_graph_through_copies():
    import pickle

    chosen = own(CHANGED).beliefs("agnostic")
    assert chosen.replace({"tension->envoys": Normal(0, 1)}).graph == chosen.graph
    back = pickle.loads(pickle.dumps(chosen))  # noqa: S301 - our own bytes
    assert (back, back.graph) == (chosen, chosen.graph)
    with pytest.raises(PriorError, match="lacks"):
        PriorSet("less", {"tension->envoys": Prior("Normal", {"mu": 0, "sigma": 1})},
                 graph=chosen.graph)  # fmt: skip


# --------------------------------------------------------------------------- evidence


def test_evidence_follows_the_nodes_that_remain():
    mine, embedded = own(CHANGED), rows.load()
    assert set(embedded.series) - set(mine.evidence.series) == {"guard_requests"}
    assert mine.notes == (
        "graph 'changed' is 'alyarli-2021' changed; embedded series left out: guard_requests",
    )
    assert [o.window.start for o in mine.evidence.observations if o.series == "envoys"] == [
        date(2021, 2, 3)
    ]
    kept = [o for o in embedded.observations if o.series != "guard_requests"]
    assert [o for o in mine.evidence.observations if o.series != "envoys"] == kept


def test_evidence_on_a_node_is_none_on_a_namesake():
    text = BASE + 'drop = ["france"]\n[[node]]\nname = "france"\nkind = "event"\n'
    mine = own(text + f"base_rate = {NORMAL}\n")
    assert "france" not in mine.evidence.series
    assert "left out: france" in mine.notes[0]


def test_a_file_may_give_its_own_deaths():
    text = TENSION + (
        '[[series]]\nname = "battle_deaths"\nnode = "tension"\nsource = "a book"\n'
        '[[observation]]\nstart = 2020-01-01\nend = 2020-01-31\nseries = "battle_deaths"\n'
        "count = 4\n"
    )  # fmt: skip
    found = own(text).evidence
    assert found.series["battle_deaths"].source == "a book"
    assert [o.count for o in found.observations] == [4.0]


def test_a_whole_graph_uses_no_embedded_evidence():
    whole = theory.load(NORTHLAND / "graph.toml")
    assert {o.series for o in whole.evidence.observations} == {"polls"}
    assert set(whole.evidence.series) == {
        "battle_deaths", "clashes", "talks", "ceasefire", "monitors", "dam_open", "polls",
    }  # fmt: skip


def test_counts_give_the_series_the_file_declares():
    whole = theory.load(NORTHLAND / "graph.toml")
    found = whole.with_counts(rows.read_counts(NORTHLAND / "counts.csv"))
    assert found.series["talks"].mode == "status"
    assert found.series["talks"].coverage == whole.evidence.series["talks"].coverage
    assert [o.count for o in found.observations if o.series == "talks"] == [1.0]
    assert sum(o.series == "battle_deaths" for o in found.observations) == 48
    assert sum(o.series == "clashes" for o in found.observations) == 36
    assert sum(o.series == "polls" for o in found.observations) == 2


def test_counts_of_a_series_the_graph_does_not_have_are_refused(tmp_path):
    whole = theory.load(NORTHLAND / "graph.toml")
    path = tmp_path / "c.csv"
    path.write_text("start,end,series,count\n2021-01-01,2021-01-31,pressure,3\n")
    told = refusal(whole.with_counts, rows.read_counts(path), kind=EvidenceError)
    assert "unknown series 'pressure' in the counts; Allowed: battle_deaths, clashes" in told


def test_a_whole_graph_without_deaths_asks_for_them():
    told = refusal(study.lay_out, Case(graph=str(NORTHLAND / "graph.toml")), kind=EvidenceError)
    assert "'northland-2024' comes without battle_deaths; give counts" in told


def test_totals_of_zero_are_known_month_by_month():
    text = BASE + COUNT + SERIES + (
        'mode = "counts"\n[[observation]]\nstart = 2021-01-01\nend = 2021-03-31\nseries = "s"\n'
        "count = 0\n"
    )  # fmt: skip
    mine = [o for o in own(text).evidence.observations if o.series == "s"]
    assert [o.window.start.month for o in mine] == [1, 2, 3]


# --------------------------------------------------------------------------- laid out


def test_a_scenario_on_a_node_that_is_gone_is_refused_before_sampling(written):
    path = written(BASE + 'drop = ["corridor"]')
    told = refusal(study.lay_out, Case(graph=str(path), as_of=date(2021, 11, 30)),
                   kind=ScenarioError)  # fmt: skip
    assert "'alyarli-2021', S6: no event of 'corridor' in the graph 'mine'" in told
    assert "Allowed: " in told


def test_a_case_names_its_graph_relative_to_itself(written, tmp_path):
    written('name = "g"\nbase = "alyarli-2021"\n', "g.toml")
    case = cases.load(written('graph = "g.toml"\n', "case.toml"))
    assert case.graph == str(tmp_path / "g.toml")
    assert study.lay_out(case).theory.graph.name == "g"
    assert cases.load(written('graph = "alyarli-2021"', "case.toml")).graph == "alyarli-2021"
    with pytest.raises(CaseError, match="unknown key 'grpah'; did you mean 'graph'"):
        cases.load(written('grpah = "g.toml"', "case.toml"))


@pytest.mark.parametrize("name", models.MODELS)
def test_a_model_keeps_its_part_of_any_graph(name):
    graph = own(CHANGED).graph
    kept = models.get(name).graph(graph)
    assert kept.nodes == graph.nodes
    assert kept.slopes == (() if name == "reference" else graph.slopes)


def test_one_compilation_serves_every_graph(written):
    chosen = [ARTICLE, graphs.load(written(CHANGED)), load(NORTHLAND / "graph.toml")]
    laid = [
        study.lay_out(Case(as_of=date(2021, 11, 30))),
        study.lay_out(Case(as_of=date(2021, 11, 30), graph=str(written(CHANGED)))),
        study.lay_out(cases.load(NORTHLAND / "case.toml")),
    ]
    compiled = set()
    for graph, one in zip(chosen, laid, strict=True):
        beliefs = one.theory.beliefs("alyarli-2021")
        density = models.ladder.density(one.panel, beliefs)
        assert (
            density.size == len(one.graph.slopes) + len(one.graph.based) + len(one.graph.shares) + 3
        )  # overdispersion, drift and mobility
        value, gradient = density(np.zeros(density.size))
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()
        compiled.add((len(dens.log_density.signatures), dens.entries()[0].address))
        assert one.graph.digest == graph.digest
    assert len(compiled) == 1


# --------------------------------------------------------------------------- whole forecasts


def made(case, **given):
    return forecasting.run(case.model_copy(update=SMALL), **given)


def _same(a, b, *groups):
    for group in groups:
        one, two = a.tree[group].to_dataset(), b.tree[group].to_dataset()
        assert one.drop_attrs().identical(two.drop_attrs()), group


@pytest.fixture(scope="module")
def article():
    return made(cases.load("alyarli-2021"))


FUTURES = (names.POSTERIOR, names.PRIOR, names.SMOOTHED, names.PREDICTIONS, names.SCENARIOS)


def test_a_file_that_says_what_the_tables_say_gives_the_same_futures(article, written):
    path = written(toml(ARTICLE, priors.load("alyarli-2021")))
    assert graphs.load(path) == replace(ARTICLE, name="copy")
    assert graphs.load(path).digest == ARTICLE.digest
    case = cases.load("alyarli-2021").model_copy(update={"graph": str(path)})
    _same(article, made(case, evidence=rows.load()), *FUTURES)


def test_a_file_that_changes_nothing_gives_the_same_futures(article, written):
    case = cases.load("alyarli-2021").model_copy(update={"graph": str(written(BASE, "same.toml"))})
    again = made(case)
    _same(article, again, *FUTURES)
    assert "graph 'same' is 'alyarli-2021' changed" in again.notes


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    path = tmp_path_factory.mktemp("graphs") / "changed.toml"
    path.write_text(CHANGED)
    case = cases.load("alyarli-2021").model_copy(update={"graph": str(path)})
    done = made(case)
    path.unlink()  # what is saved must not need the file again
    return done


def test_a_changed_graph_is_forecast_with_what_it_has(changed):
    edges = set(changed.tree[names.POSTERIOR][names.EDGE].to_numpy())
    assert edges == set(graphs.read(CHANGED, "c").graph.slopes)
    assert "envoys" in changed.tree[names.PREDICTIONS][names.NODE]
    assert "guard_requests" not in changed.tree[names.PREDICTIONS][names.NODE]
    assert set(changed.tree[names.OBSERVED_DATA]["series"].to_numpy()) >= {"envoys"}
    assert "tension -> envoys" in repr(changed.links)
    assert changed.ask("envoys >= 1 within 3 months").probability > 0


def test_a_changed_graph_is_saved_with_its_file(changed, tmp_path):
    back = cf.load(changed.save(tmp_path / "f.nc"))
    assert back.tree.identical(changed.tree)
    assert back.study.theory.graph == changed.study.theory.graph
    assert back.study.theory.graph.name == "changed"
    assert back.study.panel.attrs["digest"] == changed.tree.attrs["data_digest"]
    assert "tension->envoys" in json.loads(back.tree.attrs["priors"])


def test_beliefs_swap_under_a_changed_graph(changed):
    other = changed.with_priors("agnostic")
    kept = json.loads(other.tree.attrs["priors"])
    assert kept["tension->pressure"]["kwargs"] == {"mu": 0.0, "sigma": 0.5}
    assert kept["tension->envoys"]["kwargs"] == {"mu": 0.3, "sigma": 0.2}
    table = cf.compare_priors(changed, ["agnostic", {"tension->envoys": Normal(0, 0.1)}])
    assert [str(p) for p in table.data["priors"].to_numpy()] == [
        "alyarli-2021", "agnostic", "alyarli-2021+tension->envoys",
    ]  # fmt: skip
    assert np.isfinite(table.data["probability"]).all()


def test_a_changed_graph_is_drawn_and_reported(changed):
    pictures, faults = plots.files(changed)
    assert not faults
    page = report.page(changed, {k: pictures[f"{k}.svg"] for k in plots.PICTURES})
    assert "Alyarli" in page
    assert "envoys" in page
    assert "embedded series left out: guard_requests" in page


def test_another_file_under_the_same_name_is_not_the_saved_graph(changed):
    tree = changed.tree.copy()
    fields = json.loads(tree.attrs["theory"]) | {"drop": []}
    tree.attrs["theory"] = json.dumps(fields)
    with pytest.raises(StorageError, match="another version of the graph 'changed'"):
        study.of(tree)


def test_a_forecast_takes_a_graph_beside_its_other_arguments(written):
    path = written(BASE + 'drop = ["tension->border_guards"]')
    done = cf.forecast(graph=path, horizon=2, draws=20, priors={"tension->fear": Normal(0, 0.1)})
    assert "tension->border_guards" not in done.tree[names.POSTERIOR][names.EDGE]
    assert done.tree.attrs["graph"] == "mine"
    assert done.tree.attrs["prior_set"] == "alyarli-2021+tension->fear"


MINIMAL = """
name = "two"
ordered = true
[[scenario]]
id = "A"
name = "a"
when = [{ measure = "max", of = "battle_deaths", at_least = 20 }]
rule = "r"
source = "s"
void = "v"
[[scenario]]
id = "B"
name = "b"
when = []
rule = "r"
source = "s"
void = "v"
"""


@pytest.mark.parametrize("model", models.MODELS)
def test_tension_alone_is_a_graph(model, written, tmp_path):
    counts = "".join(f"{2018 + i // 12}-{i % 12 + 1:02d},{i * 7 % 11}\n" for i in range(36))
    case = Case(
        graph=str(written(TENSION, "g.toml")), scenarios=str(written(MINIMAL, "s.toml")),
        evidence=str(written("month,count\n" + counts, "c.csv")), model=model,
    )  # fmt: skip
    done = made(case)
    assert float(done.tree[names.SCENARIOS]["probability"].sum()) == pytest.approx(1.0)
    back = cf.load(done.save(tmp_path / "f.nc"))
    assert repr(back.scenarios) == repr(done.scenarios)
    assert "posterior predictive" in repr(back.fans)
    assert back.study.theory.whole


# --------------------------------------------------------------------------- the worked example


@pytest.fixture(scope="module")
def northland(tmp_path_factory):
    """The files of the documentation, run as the documentation runs them, with fewer draws."""
    out = tmp_path_factory.mktemp("northland") / "out"
    code = main(["run", str(NORTHLAND / "case.toml"), "--draws", "150", "--out", str(out), "-q"])
    assert code in (0, 3)
    return out


def test_the_other_conflict_is_forecast_from_its_files(northland):
    done = cf.load(northland / "forecast.nc")
    table = done.tree[names.SCENARIOS]
    assert [str(s) for s in table[names.SCENARIO].to_numpy()] == ["N1", "N2", "N3", "N4"]
    assert float(table["probability"].sum()) == pytest.approx(1.0)
    assert done.study.graph.digest == load(NORTHLAND / "graph.toml").digest
    assert "is a whole one: it uses no embedded evidence" in " ".join(done.notes)
    assert set(done.tree[names.OBSERVED_DATA]["series"].to_numpy()) == {
        "battle_deaths", "clashes", "polls",
    }  # fmt: skip
    talks = done.tree[names.OBSERVED_DATA]["changed"].sel({names.STATE: "talks"})
    assert str(talks[names.MONTH][int(np.argmax(talks.to_numpy()))].to_numpy())[:7] == "2022-10"


def test_the_clashes_teach_the_link_they_measure(northland):
    data = links.link_summary(cf.load(northland / "forecast.nc").tree)
    led = data["prior_led"].sel(edge="tension->patrol_clashes")
    assert float(led) < 0.8
    assert float(data["mean"].sel(edge="tension->patrol_clashes")) > 0.3


def test_the_other_conflict_does_not_speak_of_the_article(northland):
    page = (northland / "report.html").read_text(encoding="utf-8")
    words = page.replace("caucasus", "")
    assert "Alyarli (2021)" not in words
    assert "northland-2024" in words


def test_the_folder_of_the_other_conflict_runs_again(northland, tmp_path):
    again = tmp_path / "again"
    code = main(["run", str(northland / "case.toml"), "--out", str(again), "-q"])
    assert code in (0, 3)
    one, two = cf.load(northland / "forecast.nc"), cf.load(again / "forecast.nc")
    _same(one, two, *FUTURES)
    assert (northland / "inputs" / "graph" / "graph.toml").read_bytes() == (
        NORTHLAND / "graph.toml"
    ).read_bytes()


def test_files_of_the_other_conflict_are_validated(capsys):
    assert main(["validate", str(NORTHLAND / "case.toml")]) == 0
    assert "clashes        patrol_clashes" in capsys.readouterr().out
    assert main(["validate", str(NORTHLAND / "graph.toml")]) == 0
    shown = capsys.readouterr().out
    assert "9 nodes, 10 edges" in shown
    assert "series polls informs support" in shown
    assert main(["graph", str(NORTHLAND / "graph.toml")]) == 0
    assert "talks -> ceasefire" in capsys.readouterr().out


def test_the_option_is_the_case_s_graph(capsys, written):
    bad = written(BASE + 'drop = ["fears"]')
    assert main(["run", "--graph", str(bad), "-q"]) == 2
    assert "has no 'fears'; did you mean 'fear'" in capsys.readouterr().err


def test_a_comparison_reads_sets_for_the_graph_of_the_forecast(northland, capsys, written):
    mine = written('["tension->envoy"]\ndist = "Normal"\nkwargs = { mu = 0, sigma = 1 }')
    code = main(["compare", str(mine), "--forecast", str(northland)])
    assert code == 2
    assert "did you mean 'tension->envoys'" in capsys.readouterr().err


def test_the_example_of_a_change_is_the_one_in_the_page():
    page = (NORTHLAND.parents[1] / "own-graph.md").read_text(encoding="utf-8")
    text = (NORTHLAND.parent / "no-deal-first.toml").read_text(encoding="utf-8")
    assert f"```toml\n{text}```" in page
    for row in re.findall(r"^\d{4}-.*,invented$", page, re.M):
        assert row in (NORTHLAND / "counts.csv").read_text(encoding="utf-8")


def test_the_example_of_a_change_is_laid_out_beside_the_original():
    path = NORTHLAND.parent / "no-deal-first.toml"
    case = cases.load("alyarli-2021")
    laid = study.lay_out(case.model_copy(update={"graph": str(path)}))
    original = study.lay_out(case)
    assert set(laid.graph.slopes) ^ set(original.graph.slopes) == {
        "peacekeeper_inefficacy->tension", "tension->stagnation", "stagnation->tension",
        "treaty->tension",
    }  # fmt: skip
    assert laid.panel.attrs["digest"] == original.panel.attrs["digest"]
    beliefs, article = laid.theory.beliefs("de-waal-2021"), priors.load("de-waal-2021")
    assert beliefs["stagnation->tension"] == article["tension->stagnation"]
    assert beliefs["treaty->tension"] == Normal(-0.5, 0.3)
