"""Rules are resolved on futures made by hand; probabilities and their errors are held to theory."""

import html
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from caucasus_forecast import graph as graphs
from caucasus_forecast import names, scenarios
from caucasus_forecast.errors import ScenarioError
from caucasus_forecast.estimate import Sample, probability
from caucasus_forecast.scenarios import (
    Condition,
    Question,
    Scenario,
    ScenarioSet,
    Table,
    answer,
    available,
    check,
    interval,
    load,
    measure,
    percent,
    read,
    refuse_unknown,
    resolve,
    summarise,
)

GRAPH = graphs.load()
ARTICLE = load("alyarli-2021")
MONTHS = 4
STATES = tuple(n.name for n in GRAPH.nodes if n.kind == "event")
COUNTS = tuple(n.name for n in GRAPH.nodes if n.kind == "count")
SHARES = tuple(n.name for n in GRAPH.nodes if n.kind == "share")
OVER_PATHS = (names.CHAIN, names.DRAW, names.PATH)


def futures_of(*paths, shape=None):
    """Futures with the named series of each path; everything else is at rest."""
    shape = shape or (1, 1, len(paths))

    def series(name, rest=0.0):
        rows = [np.broadcast_to(p.get(name, rest), (MONTHS,)) for p in paths]
        return np.array(rows, float).reshape(*shape, MONTHS)

    def group(every, rest=0.0):
        return np.stack([series(n, rest) for n in every], axis=3)

    return xr.Dataset(
        {
            names.TENSION: ((*OVER_PATHS, names.MONTH), series(names.TENSION)),
            names.DEATHS: ((*OVER_PATHS, names.MONTH), series(names.DEATHS)),
            "count": ((*OVER_PATHS, names.NODE, names.MONTH), group(COUNTS)),
            "status": ((*OVER_PATHS, names.STATE, names.MONTH), group(STATES)),
            "share": ((*OVER_PATHS, names.SHARE, names.MONTH), group(SHARES, 0.5)),
        },
        coords={
            names.NODE: list(COUNTS),
            names.STATE: list(STATES),
            names.SHARE: list(SHARES),
            names.MONTH: np.arange("2021-12", "2022-04", dtype="datetime64[M]").astype("M8[ns]"),
        },
    )


def at_origin(shape=(1, 1, 1)):
    return {name: np.full(shape, 0.5) for name in SHARES}


def resolved(path, chosen=ARTICLE):
    """Ids of the resolved scenario month by month."""
    found = resolve(chosen, futures_of(path), GRAPH, at_origin())
    return [chosen.scenarios[i].id for i in found[0, 0, 0]]


def refusal(body):
    with pytest.raises(ScenarioError) as caught:
        read(body, "own.toml")
    return str(caught.value)


# ---------------------------------------------------------------------------------- the shipped set


def test_the_shipped_set_has_eight_states_and_eight_questions():
    assert available() == ("after-mission", "alyarli-2021")
    assert [s.id for s in ARTICLE.scenarios] == [f"S{i}" for i in range(1, 9)]
    assert [q.id for q in ARTICLE.questions] == [f"Q{i}" for i in range(1, 9)]
    assert ARTICLE.ordered


@pytest.mark.parametrize("item", [*ARTICLE.scenarios, *ARTICLE.questions], ids=lambda x: x.id)
def test_every_rule_says_how_it_is_resolved_and_what_voids_it(item):
    assert all(len(text.strip()) > 3 for text in (item.rule, item.source, item.void))


@pytest.mark.parametrize("item", [*ARTICLE.scenarios, *ARTICLE.questions], ids=lambda x: x.id)
def test_every_measure_can_be_taken_on_a_future(item):
    conditions = item.when if isinstance(item, Scenario) else (item.measure,)
    for condition in conditions:
        values = measure(condition, futures_of({}), GRAPH, at_origin())
        assert values.shape == (1, 1, 1, MONTHS)


# --------------------------------------------------------------------------------------- resolution

WAR = {names.DEATHS: [0, 0, 150, 0]}
TREATY, ACCESSION, EXIT = (
    {"treaty": [0, 0, 1, 1]},
    {"accession": 1},
    {"peacekeepers": [0, -1, -1, -1]},
)
CORRIDOR, HOT = {"corridor": [0, 0, 0, 1]}, {"reports_azerbaijan": [0, 20, 12, 13]}


@pytest.mark.parametrize(
    ("path", "states"),
    [
        (WAR, "S8 S8 S1 S1"),
        (TREATY | ACCESSION, "S5 S5 S2 S2"),
        (TREATY, "S8 S8 S3 S3"),
        (EXIT, "S8 S4 S4 S4"),
        (ACCESSION, "S5 S5 S5 S5"),
        (CORRIDOR, "S8 S8 S8 S6"),
        (HOT, "S8 S8 S8 S7"),
        ({"reports_azerbaijan": [15, 45, 0, 0]}, "S7 S7 S7 S7"),
        ({"reports_azerbaijan": [45, 0, 0, 0]}, "S7 S7 S7 S8"),
        ({}, "S8 S8 S8 S8"),
        ({names.DEATHS: 99}, "S8 S8 S8 S8"),
    ],
)
def test_a_future_is_resolved_by_the_rules(path, states):
    assert resolved(path) == states.split()


@pytest.mark.parametrize("first", range(5))
def test_the_first_rule_that_holds_decides(first):
    order = [WAR, TREATY, EXIT, ACCESSION, CORRIDOR, HOT]
    expected = ["S1", "S2", "S4", "S5", "S6"]  # with an accession a treaty is S2
    path = {k: v for p in order[first:] for k, v in p.items()}
    assert resolved(path)[-1] == expected[first]


def test_a_status_reads_whether_the_state_holds():
    held = Condition("status", "peacekeepers", at_least=0.5)
    values = measure(held, futures_of(EXIT), GRAPH, at_origin())
    assert values[0, 0, 0].tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        (Condition("max", "pressure"), [3, 3, 5, 5]),
        (Condition("max", "pressure", last=2), [3, 3, 5, 5]),
        (Condition("max", "pressure", last=1), [3, 0, 5, 1]),
        (Condition("total", "pressure"), [3, 3, 8, 9]),
        (Condition("total", "pressure", last=2), [3, 3, 5, 6]),
        (Condition("mean", "pressure"), [3, 1.5, 8 / 3, 2.25]),
        (Condition("mean", "pressure", last=3), [3, 1.5, 8 / 3, 2]),
        (Condition("share", "public_view"), [0.4, 0.5, 0.6, 0.7]),
        (Condition("change", "public_view"), [-0.1, 0.0, 0.1, 0.2]),
    ],
)
def test_a_measure_is_taken_up_to_each_month(condition, values):
    path = {"pressure": [3, 0, 5, 1], "public_view": [0.4, 0.5, 0.6, 0.7]}
    found = measure(condition, futures_of(path), GRAPH, at_origin())
    np.testing.assert_allclose(found[0, 0, 0], values, atol=1e-12)


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (Condition("total", "presure"), "no count of 'presure' in the futures; did you mean 'pres"),
        (
            Condition("status", "treat"),
            "no status of 'treat' in the futures; did you mean 'treaty'",
        ),
        (Condition("share", "treaty"), "no share of 'treaty' in the futures; Allowed: arms_share"),
    ],
)
def test_a_series_the_futures_do_not_hold_is_refused_with_the_nearest(condition, told):
    with pytest.raises(ScenarioError, match=told):
        measure(condition, futures_of({}), GRAPH, at_origin())


def states(*conditions, ordered):
    scenarios = [Scenario(f"X{i}", "x", c) for i, c in enumerate(conditions, start=1)]
    return ScenarioSet("own", "", tuple(scenarios), ordered=ordered)


INF = np.inf
MANY = Condition("max", names.DEATHS, at_least=10)
SOME = Condition("max", names.DEATHS, at_least=5)
FEW = Condition("max", names.DEATHS, below=5)


@pytest.mark.parametrize("ordered", [True, False])
def test_a_partition_is_accepted(ordered):
    chosen = states((SOME,), (FEW,), ordered=ordered)
    assert resolved({names.DEATHS: [0, 4, 5, 0]}, chosen) == ["X2", "X2", "X1", "X1"]


def test_an_overlap_is_shown_with_a_counter_example():
    chosen = states((SOME,), (MANY,), (FEW,), ordered=False)
    futures = futures_of({}, {names.DEATHS: [0, 7, 12, 0]})
    with pytest.raises(ScenarioError) as caught:
        resolve(chosen, futures, GRAPH, at_origin())
    told = str(caught.value)
    assert (
        "'own' is not exclusive: the future chain 0, draw 0, path 1 resolves to X1 and X2" in told
    )
    assert "at month 3 (max of battle_deaths = 12)" in told
    assert "set ordered = true" in told
    assert resolve(replace(chosen, ordered=True), futures, GRAPH, at_origin())[0, 0, 1, 2] == 0


@pytest.mark.parametrize("ordered", [True, False])
def test_a_gap_is_shown_with_a_counter_example(ordered):
    chosen = states((MANY,), (FEW,), ordered=ordered)
    futures = futures_of({names.DEATHS: [0, 0, 0, 12]}, {names.DEATHS: [3, 7, 0, 0]})
    with pytest.raises(ScenarioError) as caught:
        resolve(chosen, futures, GRAPH, at_origin())
    told = str(caught.value)
    assert "'own' is not exhaustive: the future chain 0, draw 0, path 1" in told
    assert "no scenario at month 2 (max of battle_deaths = 7). Add a last scenario" in told


# ---------------------------------------------------------------------------------- checking a set


def checked(chosen, *paths):
    """The check of a set on as many futures as it takes to have four draws of two paths."""
    shape = (1, 4, 2)
    full = [*paths, *([{}] * (8 - len(paths)))]
    return check(chosen, futures_of(*full, shape=shape), GRAPH, at_origin(shape))


def faults(found):
    return [str(f) for f in found.faults]


@pytest.mark.parametrize("ordered", [True, False])
def test_a_partition_passes_its_check_with_its_shares(ordered):
    found = checked(states((SOME,), (FEW,), ordered=ordered), {names.DEATHS: [0, 4, 5, 0]})
    assert found.passed
    assert found.faults == ()
    assert found.cells == 2
    assert found.futures == 8
    assert found.scenarios["probability"].values.tolist() == [0.125, 0.875]
    assert found.scenarios["ever"].values.tolist() == [0.125, 1.0]
    assert found.scenarios["reachable"].values.all()
    assert "a partition" in repr(found)
    assert "8 simulated futures, 2 cells on paper" in repr(found)


def test_a_gap_that_a_future_shows_is_shown_with_it():
    found = checked(states((MANY,), (FEW,), ordered=True), {names.DEATHS: [3, 7, 0, 12]})
    assert not found.passed
    assert faults(found) == [
        "gap at max of battle_deaths = 7: shown by 6.2 % of the simulated months"
    ]
    assert found.faults[0].share == 2 / 32  # months 2 and 3 of one of eight futures
    assert "NOT a partition" in repr(found)


def test_a_gap_that_no_future_shows_is_found_on_paper():
    found = checked(states((MANY,), (FEW,), ordered=False))
    assert not found.passed
    assert faults(found) == [
        "gap at max of battle_deaths >= 5 and < 10: on paper; no simulated future shows it"
    ]


def test_every_overlap_of_an_unordered_set_is_named():
    chosen = states((SOME,), (MANY,), (FEW,), ordered=False)
    found = checked(chosen, {names.DEATHS: [0, 7, 12, 0]})
    (fault,) = found.faults
    assert (fault.kind, fault.between, fault.share) == ("overlap", ("X1", "X2"), 2 / 32)
    assert fault.at == "max of battle_deaths = 12"
    assert checked(replace(chosen, ordered=True)).passed


IMPOSSIBLE = {
    "two measures of one series": (
        (MANY,),
        (Condition("max", names.DEATHS, below=10), Condition("total", names.DEATHS, at_least=10)),
        (Condition("total", names.DEATHS, below=10),),
    ),
    "an event behind a gate": (
        (Condition("status", "corridor", below=0.5),),
        (Condition("status", "corridor", at_least=0.5), Condition("status", "fsb_post", below=0.5)),
        (Condition("status", "fsb_post", at_least=0.5),),
    ),
}


@pytest.mark.parametrize("conditions", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_an_overlap_of_measures_that_hang_together_may_be_impossible(conditions):
    found = checked(states(*conditions, ordered=False))
    assert found.passed
    (fault,) = found.faults
    assert fault.between == ("X1", "X3")
    assert str(fault).endswith("no simulated future shows it, and it may be impossible")


def test_a_gap_that_can_happen_is_found_behind_one_that_cannot():
    total = Condition("total", names.DEATHS, at_least=5)
    halves = ((FEW,), (SOME, total))  # what is left, 5 in a month and fewer in all, cannot be
    found = checked(states(*halves, ordered=True))
    assert (found.passed, [f.certain for f in found.faults]) == (True, [False])
    calm = Condition("total", "pressure", below=1)
    (fault,) = checked(states(*((calm, *half) for half in halves), ordered=True)).faults
    assert (fault.certain, fault.at) == (True, "total of pressure >= 1")


def test_what_has_happened_for_good_leaves_no_gap_on_paper():
    ended = Condition("status", "peacekeepers", below=0.5)
    chosen = states((ended, SOME), (ended, FEW), ordered=False)
    gone = [{"peacekeepers": -1}] * 8
    assert checked(chosen, *gone).passed
    assert faults(checked(chosen, *gone[:7])) == [
        "gap at status of peacekeepers = 1, max of battle_deaths = 0: shown by 12 % of the "
        "simulated months"
    ]


def test_a_scenario_that_cannot_come_first_is_pointed_out():
    chosen = states((SOME,), (MANY,), (), ordered=True)
    found = checked(chosen, {names.DEATHS: 12})
    assert found.passed
    assert found.scenarios["reachable"].values.tolist() == [True, False, True]
    assert found.scenarios["holds"].values.tolist() == [0.125, 0.125, 1.0]
    assert [row[-1] for row in found.table.rows] == [
        "",
        "never first: others take all its cases",
        "",
    ]


def test_a_scenario_that_never_happens_is_pointed_out():
    found = checked(states((MANY,), (), ordered=True))
    assert found.passed
    assert [row[-1] for row in found.table.rows] == ["never in 8 futures", ""]
    assert found.table.rows[0][2].startswith("< ")


def every(*conditions):
    return checked(states(conditions, (), ordered=True))


@pytest.mark.parametrize(
    "conditions",
    [
        [Condition("max", n, at_least=1) for n in COUNTS]
        + [Condition("status", n, at_least=0.5) for n in STATES],  # a million cells and more
        [Condition("total", names.DEATHS, at_least=0, last=n) for n in range(1, 71)],  # 70 axes
    ],
    ids=["cells", "axes"],
)
def test_a_set_too_large_for_paper_says_so(conditions):
    found = every(*conditions)
    assert (found.passed, found.cells) == (True, 0)
    assert "too large to check on paper" in found.notes[0]


def asking(measure, *answers):
    cut = tuple((label, replace(measure, at_least=a, below=b)) for label, a, b in answers)
    return replace(states((), (), ordered=True), questions=(Question("Q", "?", measure, cut),))


TOTAL, SHARE = Condition("total", "pressure"), Condition("share", "arms_share")


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        (asking(TOTAL, ("few", 0, 3), ("many", 3, INF)), []),
        (asking(TOTAL, ("few", 0, 2.5), ("many", 3, INF)), []),  # no count lies between
        (asking(SHARE, ("low", 0, 0.94), ("high", 0.94, 1)), []),
        (
            asking(TOTAL, ("few", -INF, 2), ("many", 6, INF)),
            ["Q: gap at total of pressure >= 2 and < 6: shown by 12 % of the simulated months"],
        ),
        (
            asking(SHARE, ("low", -INF, 0.3), ("high", 0.4, INF)),
            ["Q: gap at share of arms_share >= 0.3 and < 0.4: on paper; no simulated future "
             "shows it"],
        ),
        (
            asking(TOTAL, ("few", -INF, 6), ("many", 5, INF)),
            ["Q: overlap of few and many at total of pressure >= 5 and < 6: shown by 12 % of the "
             "simulated months"],
        ),
    ],
)  # fmt: skip
def test_answers_are_checked_on_their_one_measure(chosen, told):
    found = checked(chosen, {"pressure": [0, 2, 0, 3]})
    assert faults(found) == told
    assert found.passed == (not told)


def test_the_check_of_a_set_prints_its_questions():
    found = checked(ARTICLE)
    assert found.passed
    assert "Is the mission still present at the horizon?" in repr(found)
    assert found.questions.rows[0][0] == "Q1"
    assert len(found.questions.rows) == found.answers.sizes[names.ANSWER] == 19


edge = st.one_of(st.none(), st.integers(0, 5))


@st.composite
def box(draw):
    """Conditions on two independent counts, with whole bounds."""
    found = []
    for of in (names.DEATHS, "pressure"):
        low, high = draw(edge), draw(edge)
        if (low, high) != (None, None):
            low, high = -np.inf if low is None else low, np.inf if high is None else high
            found.append(Condition("max", of, low, high))
    return tuple(found)


@given(st.lists(box(), min_size=2, max_size=4), st.booleans())
def test_gaps_and_overlaps_on_paper_are_those_of_every_pair_of_counts(boxes, ordered):
    found = checked(states(*boxes, ordered=ordered))
    value = dict(zip((names.DEATHS, "pressure"), np.mgrid[0:8, 0:8], strict=True))
    true = np.array(
        [np.all([np.ones((8, 8)), *(c.holds(value[c.of]) for c in b)], axis=0) for b in boxes]
    )
    expected = {("gap", ())} if (~true.any(0)).any() else set()
    for i in range(len(boxes)):
        for j in range(i) if not ordered else ():
            if (true[i] & true[j]).any():
                expected.add(("overlap", (f"X{j + 1}", f"X{i + 1}")))
    assert {(f.kind, f.between) for f in found.faults} == expected
    assert found.passed == (not expected)
    first = true & (np.cumsum(true, axis=0) == 1) if ordered else true
    assert found.scenarios["reachable"].values.tolist() == first.any((1, 2)).tolist()


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (Condition("max", "presure", at_least=1), "no count of 'presure'.*mean 'pressure'"),
        (Condition("max", "treaty", at_least=1), "no count of 'treaty' in the graph 'aly"),
        (Condition("status", names.DEATHS, at_least=1), r"no event of 'battle_d.*\('status' needs"),
        (Condition("change", "arm_share", at_least=1), "no share of 'arm_.*mean 'arms_share'"),
    ],
)  # fmt: skip
def test_a_series_that_the_graph_lacks_is_refused_before_anything_slow(condition, told):
    with pytest.raises(ScenarioError, match=f"'own', X1: {told}"):
        refuse_unknown(states((condition,), (), ordered=True), GRAPH)
    asked = Question("Q", "?", condition, ())
    with pytest.raises(ScenarioError, match=f"'own', Q: {told}"):
        refuse_unknown(replace(states((), (), ordered=True), questions=(asked,)), GRAPH)


# -------------------------------------------------------------------------------------------- files

HEAD = 'name = "own"\ntitle = "Own"\n'
STATE = """[[scenario]]
id = "{id}"
name = "state"
when = {when}
rule = "a rule"
source = "a source"
void = "nothing"
"""
QUESTION = """[[question]]
id = "{id}"
title = "How many?"
measure = {measure}
answers = {answers}
rule = "a rule"
source = "a source"
void = "nothing"
"""
REST = STATE.format(id="S2", when="[]")
BINS = '[{ label = "few", below = 3 }, { label = "many", at_least = 3 }]'


def with_condition(condition):
    return HEAD + STATE.format(id="S1", when=f"[{condition}]") + REST


def with_question(measure='{ measure = "total", of = "pressure" }', answers=BINS, ident="Q1"):
    asked = QUESTION.format(id=ident, measure=measure, answers=answers)
    return with_condition(GOOD) + asked


GOOD = '{ measure = "max", of = "battle_deaths", at_least = 10 }'


def test_a_set_of_ones_own_is_read_from_a_file(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text("\ufeff" + with_question(), encoding="utf-8")
    chosen = load(path)
    assert (chosen.name, chosen.title, chosen.ordered) == ("own", "Own", True)
    assert chosen.scenarios[0].when == (MANY,)
    assert chosen.questions[0].answers[1] == ("many", Condition("total", "pressure", at_least=3))
    assert "S1  state: a rule" in repr(chosen)
    assert "Q1  How many?" in repr(chosen)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (HEAD, "own.toml: 0 scenarios; a partition needs at least two"),
        ("name = ", "own.toml: Invalid value"),
        ('titel = "x"\n', "own.toml: unknown key 'titel'; did you mean 'title'?"),
        ('scenario = "S1"', "own.toml: 'scenario' must be tables, written [[scenario]]"),
        ("question = [1]\n" + with_condition(GOOD), "'question' must be tables"),
        ('ordered = "no"\n' + with_condition(GOOD), "'ordered' is 'no'; write true or false"),
        (with_condition(GOOD).replace('"own"', "3"), "own.toml: 'name' is 3; write a text"),
        (with_condition(GOOD.replace("10", "1" + "0" * 400)), "'at_least' is 1000000000"),
        (
            with_condition(GOOD.replace("10", "1" + "0" * 5000)),
            "a whole number is beyond 64 bits",
        ),
        (with_condition(GOOD.replace('"max"', '["max"]')), "is ['max']; write max or total or"),
        (with_condition('{ of = "battle_deaths" }'), "'measure' is missing; write max or total"),
        (with_condition('{ measure = "status", of = "treaty", is = "yes" }'), "'is' is 'yes'; it"),
        (with_condition(GOOD) + STATE.format(id="S1", when="[]"), "id 'S1' is used twice"),
        (with_question(ident="S2"), "id 'S2' is used twice"),
        (
            with_condition(GOOD).replace("rule =", "rul ="),
            "unknown key 'rul'; did you mean 'rule'?",
        ),
        (with_condition(GOOD).replace('"nothing"', '" "'), "scenario 1 (S1): 'void' is ' '; write"),
        (with_condition(GOOD).replace('void = "nothing"', ""), "'void' is missing; write a text"),
        (with_condition(GOOD).replace('id = "S2"', "id = 2"), "scenario 2 (2): 'id' is 2"),
        (with_condition(GOOD).replace("when = []", ""), "'when' is missing; write a list"),
        (with_condition('"war"'), "scenario 1 (S1): 'war' is not a condition"),
        (with_condition(GOOD.replace("max", "meen")), "measure 'meen': did you mean 'mean'?"),
        (with_condition(GOOD.replace("at_least", "atleast")), "did you mean 'at_least'?"),
        (with_condition(GOOD.replace("10", '"10"')), "'at_least' is '10'; write a number"),
        (with_condition(GOOD.replace("10", "true")), "'at_least' is True; write a number"),
        (with_condition(GOOD.replace("10", "nan")), "'at_least' is nan; write a number"),
        (with_condition(GOOD.replace("10", "inf")), "'at_least' is inf; write a number"),
        (with_condition(GOOD.replace("10", "10, below = 5")), "nothing is at_least 10 and below 5"),
        (with_condition(GOOD.replace(", at_least = 10", "")), "on 'battle_deaths' has no bound"),
        (with_condition(GOOD.replace("at_least = 10", "is = true")), "'is' is True; it goes with"),
        (
            with_condition('{ measure = "status", of = "treaty", is = 1 }'),
            "'is' is 1; it goes with",
        ),
        (
            with_condition('{ measure = "status", of = "treaty", is = true, below = 1 }'),
            "no other bound",
        ),
        (
            with_condition(GOOD.replace("10", "10, last = -1")),
            "'last' is -1; write a number of mon",
        ),
        (with_condition(GOOD.replace("10", "10, last = 1.5")), "'last' is 1.5; write a number of"),
        (
            with_condition('{ measure = "status", of = "treaty", is = true, last = 3 }'),
            "'last' goes with max, total, mean, not with status",
        ),
        (with_question(answers="[]"), "question 1 (Q1): give at least two answers"),
        (with_question(answers="[1, 2]"), "question 1 (Q1): 'answers' must be tables"),
        (
            with_question(answers=BINS.replace("label", "lable", 1)),
            "unknown key 'lable'; did you me",
        ),
        (
            with_question(answers=BINS.replace("below = 3", "below = []")),
            "'below' is []; write a nu",
        ),
        (with_question(answers="{}"), "'answers' must be tables: [{ label = , below = }, {"),
        (with_question().replace("answers", "#"), "'answers' is missing; write [{ label = , be"),
        (with_question().replace("measure = {", "#"), "'measure' is missing; write { measure = "),
        (with_question(measure='"total"'), "question 1 (Q1): 'total' is not a condition"),
        (with_question(measure=GOOD), "'measure' has bounds; write them in the answers"),
    ],
)
def test_a_bad_set_is_refused_with_its_place_and_cure(body, told):
    assert told in refusal(body)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("alyarli-2012", "no scenario set 'alyarli-2012'; did you mean 'alyarli-2021'"),
        ("none.toml", "none.toml: no such file; check the path"),
        (".", ".: not a TOML text file"),
        ("x\0.toml", "cannot be read"),
        ("x" * 5000, "cannot be read"),
    ],
)
def test_a_set_that_is_not_there_is_refused(name, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScenarioError) as caught:
        load(name)
    assert told in str(caught.value)


def test_a_hostile_set_is_escaped_in_a_notebook():
    nasty = "<script>alert(1)</script>"
    chosen = replace(ARTICLE, title=nasty, scenarios=(Scenario("S1", nasty, (), nasty),) * 2)
    assert "<script>" not in chosen._repr_html_()
    assert chosen._repr_html_().count(html.escape(nasty)) == 5


# ------------------------------------------------------------------------------------ probabilities


def drawn(rng, a, b, draws=250, paths=5):
    """Events of independent draws whose probability is Beta(a, b)."""
    p = rng.beta(a, b, size=(4, draws, 1))
    return rng.random((4, draws, paths)) < p


def estimate_of(hit):
    """Without condition and weights."""
    return probability(hit, Sample(np.ones(hit.shape, bool)))


def test_the_monte_carlo_error_is_the_spread_of_the_estimate(rng):
    found = [estimate_of(drawn(rng, 2, 6)) for _ in range(300)]
    spread = np.std([f["probability"] for f in found], ddof=1)
    theory = np.sqrt((0.25 * 0.75 / 9 + 0.25 * 0.75 * (1 - 1 / 9) / 5) / 1000)
    assert spread == pytest.approx(theory, rel=0.12)  # of 300 replications: sd 4 %
    assert np.mean([f["mcse"] for f in found]) == pytest.approx(theory, rel=0.05)
    assert np.mean([f["probability"] for f in found]) == pytest.approx(0.25, abs=0.003)


@pytest.mark.parametrize(("a", "b"), [(2, 6), (8, 8), (0.7, 3), (40, 10)])
def test_the_interval_is_that_of_the_parameter_draws_without_the_noise_of_paths(a, b, rng):
    found = [estimate_of(drawn(rng, a, b, draws=1000)) for _ in range(20)]
    lower, upper = stats.beta.ppf([0.05, 0.95], a, b)
    assert np.mean([f["lower"] for f in found]) == pytest.approx(lower, abs=0.012)
    assert np.mean([f["upper"] for f in found]) == pytest.approx(upper, abs=0.012)


def test_without_uncertainty_of_parameters_the_interval_is_narrow(rng):
    found = estimate_of(rng.random((4, 1000, 5)) < 0.3)
    assert found["upper"] - found["lower"] < 0.25  # what is left is the noise of the variance
    assert found["lower"] <= found["probability"] <= found["upper"]


@pytest.mark.parametrize("happens", [True, False])
def test_what_always_or_never_happens_keeps_an_error(happens):
    found = estimate_of(np.full((4, 100, 5), happens))
    assert found["lower"] == found["upper"] == found["probability"] == float(happens)
    assert found["mcse"] == pytest.approx(1 / 2000)


def test_curves_by_month_and_first_passage_of_a_hand_example():
    # 8 futures: three have a war in the third month, one an exit in the second that ends later
    back = {"peacekeepers": [0, -1, 0, 0]}
    futures = futures_of(WAR, WAR, WAR, back, {}, {}, {}, {}, shape=(1, 4, 2))
    found = resolve(ARTICLE, futures, GRAPH, at_origin((1, 4, 2)))
    table = summarise(ARTICLE, found, futures[names.MONTH].to_numpy())
    by_month = {
        str(s): table["by_month"].sel(scenario=s).values.tolist() for s in ("S1", "S4", "S8")
    }
    assert by_month == {
        "S1": [0, 0, 0.375, 0.375],
        "S4": [0, 0.125, 0, 0],
        "S8": [1, 0.875, 0.625, 0.625],
    }
    passed = table["first_passage"]
    assert passed.sel(scenario="S4").values.tolist() == [0, 0.125, 0.125, 0.125]
    assert passed.sel(scenario="S8").values.tolist() == [1, 1, 1, 1]
    assert table["probability"].sum() == pytest.approx(1.0)
    assert table["by_month"].sum("scenario").values.tolist() == [1] * MONTHS
    np.testing.assert_allclose(table["probability"], table["by_month"][:, -1])


# ------------------------------------------------------------------------------------------ answers


def asked(answers, **path):
    chosen = read(with_question(answers=answers), "own.toml")
    paths = [{k: v + i for k, v in path.items()} for i in range(8)]
    return answer(chosen, futures_of(*paths, shape=(1, 4, 2)), GRAPH, at_origin((1, 4, 2)))


def test_answers_share_the_futures_among_them():
    found = asked(BINS, pressure=np.array([0, 0, 0, 1]))  # totals 1, 5, 9, ...
    assert found["label"].values.tolist() == ["few", "many"]
    assert found["probability"].values.tolist() == [0.125, 0.875]
    assert found[names.QUESTION].values.tolist() == ["Q1", "Q1"]


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ('[{ label = "a", below = 2 }, { label = "b", at_least = 6 }]', "value 5 has 0 answers"),
        ('[{ label = "a", below = 6 }, { label = "b", at_least = 4 }]', "value 5 has 2 answers"),
        ('[{ label = "a" }, { label = "b", at_least = 6 }]', "value 9 has 2 answers"),
    ],
)
def test_answers_that_overlap_or_leave_a_gap_are_refused_with_the_value(answers, told):
    with pytest.raises(ScenarioError, match=f"'own', Q1: the {told}; make the bins touch"):
        asked(answers, pressure=np.array([0, 0, 0, 1]))


def test_the_shipped_questions_have_answers_for_every_future(rng):
    shape = (2, 8, 5)
    paths = [
        {n: rng.poisson(2.0, MONTHS) for n in COUNTS}
        | {n: GRAPH.node[n].reading * (rng.random(MONTHS) < 0.4) for n in STATES}
        | {n: rng.random(MONTHS) for n in SHARES}
        for _ in range(80)
    ]
    found = answer(ARTICLE, futures_of(*paths, shape=shape), GRAPH, at_origin(shape))
    total = found["probability"].groupby(names.QUESTION).sum()
    np.testing.assert_allclose(total, np.ones(8))


def test_a_set_without_questions_has_no_answers():
    found = answer(replace(ARTICLE, questions=()), futures_of({}), GRAPH, at_origin())
    assert found.sizes[names.ANSWER] == 0


# ------------------------------------------------------------------------------------------- tables


@pytest.mark.parametrize(
    ("value", "mcse", "shown"),
    [
        (0.1234, 0.0001, "12.3 %"),
        (0.1234, 0.0009, "12.3 %"),
        (0.1234, 0.001, "12 %"),
        (0.1234, 0.01, "12 %"),
        (0.1234, 0.011, "10 %"),
        (0.5678, 0.05, "60 %"),
        (0.0, 0.00005, "< 0.1 %"),
        (0.0004, 0.0001, "< 0.1 %"),
        (0.004, 0.003, "< 1 %"),
        (0.004, 0.006, "< 1 %"),
        (0.04, 0.03, "< 10 %"),
        (0.0, 0.012, "< 10 %"),
        (1.0, 0.00005, "> 99.9 %"),
        (0.997, 0.004, "> 99 %"),
        (0.96, 0.03, "> 90 %"),
        (0.9994, 0.0001, "99.9 %"),
    ],
)
def test_a_percentage_withholds_the_digits_below_its_error(value, mcse, shown):
    assert percent(value, mcse) == shown


def test_a_range_is_whole_percents():
    assert interval(0.0, 1.0) == "0-100 %"


TABLE = Table(
    "Title",
    ("", "name", "probability"),
    (("S1", "short", "3 %"), ("S22", "a <b>long</b> & name", "12.3 %")),
    xr.Dataset(),
    ("a <note>",),
)


def test_a_table_prints_in_columns():
    title, rule, head, *rows, last, note = repr(TABLE).splitlines()
    assert (title, note) == ("Title", "a <note>")
    assert set(rule) == set(last) == {"-"}
    assert len(rule) == len(head) == len(rows[-1])
    rows = rows[1:]
    assert [r.index(n) for r, n in zip(rows, ("short", "a <b>"), strict=True)] == [5, 5]
    assert all(r.endswith(" %") and len(r) == len(head) for r in rows)
    assert head.endswith("probability")


def test_a_table_is_escaped_in_a_notebook():
    shown = TABLE._repr_html_()
    assert "a &lt;b&gt;long&lt;/b&gt; &amp; name" in shown
    assert "<p>a &lt;note&gt;</p>" in shown
    assert "<b>" not in shown
    assert (shown.count("<tr>"), shown.count("<td>"), shown.count("<th>")) == (3, 6, 3)


@pytest.mark.parametrize("name", scenarios.available())
def test_a_set_comes_back_from_its_json(name):
    chosen = scenarios.load(name)
    assert scenarios.from_json(chosen.to_json(), "saved") == chosen
