"""What came, by the rules: never more than every way of filling in the unknown agrees on."""

import csv
import itertools
from datetime import date, timedelta

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import caucasus_forecast as cf
from caucasus_forecast import names, panel, scenarios
from caucasus_forecast.errors import ScenarioError
from caucasus_forecast.evidence import Evidence, Observation, Series, Window, table
from caucasus_forecast.graph import CausalGraph, Node, load
from caucasus_forecast.panel import Horizon
from caucasus_forecast.scenarios import Condition, Question, Scenario, ScenarioSet, observed, paper
from caucasus_forecast.scenarios.known import GRACE, Record, known, reaches
from caucasus_forecast.scenarios.observed import NO, OPEN, VOID, YES

ORIGIN = date(2020, 12, 31)
MONTHS = Horizon(ORIGIN, 3).months
GRAPH = CausalGraph(
    "toy",
    (
        Node("tension", "process"),
        Node("a", "count"),
        Node("b", "count"),
        Node("state", "event"),
        Node("held", "event", reading=-1),
        Node("view", "share"),
    ),
    (),
)
MOST = 5  # counts of a fill-in: above every bound that is drawn


def month(m, until=None):
    """The window of month m of the horizon, or of months m to until."""
    return Window(*(panel_window(m)[0], panel_window(until if until is not None else m)[1]))


def panel_window(m):
    first = (MONTHS[0] + m * np.timedelta64(1, "M")).astype("M8[D]").item()
    after = (MONTHS[0] + (m + 1) * np.timedelta64(1, "M")).astype("M8[D]").item()
    return first, after - timedelta(days=1)


def evidence(rows=(), coverage=(), **extra):
    """Evidence of counts ``(series, window, count)``, and of the days a state was looked at."""
    series = {n: Series(n, n) for n in ("a", "b")}
    series["state"] = Series("state", "state", "status", coverage=coverage)
    series |= extra.get("series", {})
    return Evidence(series, tuple(Observation(w, s, float(c)) for s, w, c in rows))


def record(rows=(), coverage=(), **extra):
    return Record(evidence(rows, coverage, **extra), GRAPH, MONTHS, tuple(extra.get("doubt", ())))


LATER = [("b", month(GRACE + 3), 0)]  # evidence that reaches far past the horizon


# --------------------------------------------------------------------------- what is known


def test_a_month_without_a_row_is_unknown_not_zero():
    found = known(Condition("total", "a"), record([("a", month(0), 2), ("a", month(1), 0)]))
    assert (found.low, found.high) == (2, np.inf)
    assert "no row for 2021-03-01 to 2021-03-31" in str(found)
    assert known(Condition("total", "a"), record()).high == np.inf


def test_a_day_without_a_row_is_unknown_too():
    part = Window(date(2021, 3, 1), date(2021, 3, 30))
    rows = [("a", month(0, 1), 0), ("a", part, 0)]
    assert known(Condition("max", "a"), record(rows)).high == np.inf


@pytest.mark.parametrize(
    ("measure", "last", "expected"),
    [("max", 0, (4, 7)), ("total", 0, (9, 9)), ("mean", 0, (3, 3)), ("total", 2, (2, 9)),
     ("max", 1, (2, 2))],
)  # fmt: skip
def test_a_total_over_months_is_split_in_any_way(measure, last, expected):
    rows = [("a", month(0, 1), 7), ("a", month(2), 2)]
    found = known(Condition(measure, "a", last=last), record(rows))
    assert (found.low, found.high) == expected


def test_a_total_that_begins_before_the_horizon_may_all_lie_before_it():
    found = known(Condition("max", "a"), record([("a", month(-1, 1), 9), ("a", month(2), 1)]))
    assert (found.low, found.high) == (1, 9)


def splits(total, parts):
    if parts == 1:
        return [(total,)]
    return [(i, *rest) for i in range(total + 1) for rest in splits(total - i, parts - 1)]


def half_months(start, stop):
    """The window of half-months start to stop (excluded) of the horizon."""
    middle = timedelta(days=14)
    first = month(start // 2).start + middle * (start % 2)
    last = month((stop - 1) // 2)
    return Window(first, last.end if stop % 2 == 0 else last.start + middle - timedelta(days=1))


@given(
    st.sets(st.integers(1, 7)), st.lists(st.integers(0, 4), min_size=8, max_size=8)
)  # fmt: skip
def test_the_ends_of_the_greatest_month_are_those_of_all_splits(cuts, counts):
    blocks = [*itertools.pairwise([0, *sorted(cuts), 8])]
    rows = [("a", half_months(i, j), c) for (i, j), c in zip(blocks, counts, strict=False)]
    horizon = Horizon(ORIGIN, 4).months
    found = known(Condition("max", "a"), Record(evidence(rows), GRAPH, horizon))
    spans = [range(i // 2, (j - 1) // 2 + 1) for i, j in blocks]
    ways = (splits(c, len(r)) for r, (_, _, c) in zip(spans, rows, strict=True))
    greatest = set()
    for way in itertools.product(*ways):
        total = [0, 0, 0, 0]
        for span, parts in zip(spans, way, strict=True):
            for m, part in zip(span, parts, strict=True):
                total[m] += part
        greatest.add(max(total))
    assert (found.low, found.high) == (min(greatest), max(greatest))


def test_a_figure_in_doubt_lies_between_none_and_itself():
    doubt = [Observation(month(1), "a", 4.0, id="maybe", suspect="releases disagree")]
    rows = [("a", month(0), 1), ("a", month(2), 0)]
    found = known(Condition("max", "a"), record(rows, doubt=doubt))
    assert (found.low, found.high) == (1, 4)
    assert "maybe: in doubt, at most 4" in str(found)


def test_a_state_is_known_when_reports_reach_the_last_day():
    short, whole = (Window(ORIGIN, date(2021, 3, d)) for d in (30, 31))
    rows = [("state", Window(date(2021, 2, 5), date(2021, 2, 5)), 1)]
    before = known(Condition("status", "state"), record(rows, [short]))
    after = known(Condition("status", "state"), record(rows, [whole]))
    assert (before.low, before.high) == (0, 1)
    assert "reports reach 2021-03-30, not 2021-03-31" in str(before)
    assert (after.low, after.high) == (1, 1)
    assert "holds" in str(after)


def test_a_change_that_may_lie_before_the_end_or_after_is_not_known():
    around = Window(date(2021, 3, 20), date(2021, 4, 10))
    seen = [Window(ORIGIN, date(2021, 6, 30))]
    found = known(Condition("status", "state"), record([("state", around, 1)], seen))
    assert (found.low, found.high) == (0, 1)
    assert "may lie before 2021-03-31 or after" in str(found)


def test_a_state_nobody_saw_change_is_as_it_was():
    whole = Window(ORIGIN, month(2).end)
    series = {"held": Series("held", "held", "status", coverage=[whole])}
    found = known(Condition("status", "held"), record(series=series))
    assert (found.low, found.high) == (1, 1)
    later = [("state", Window(month(4).start, month(4).start), 0)]
    far = Window(ORIGIN, month(5).end)
    assert known(Condition("status", "state"), record(later, [far])).low == 1


def test_states_are_those_of_the_panel():
    embedded, graph = cf.evidence.load(), load()
    built = panel.build(embedded, graph, reaches(embedded))
    looked = [s for s in embedded.series.values() if s.mode == "status"]
    for origin in (date(2021, 11, 30), date(2023, 11, 30), date(2025, 1, 31)):
        months = Horizon(origin, 12).months
        for s in looked:
            seen = built["status"].sel(state=s.node, month=months[-1].astype("M8[ns]")).item()
            held = seen if graph.node[s.node].reading > 0 else 1.0 + seen
            found = known(Condition("status", s.node), Record(embedded, graph, months))
            assert (found.low, found.high) == (held, held)


def test_a_share_is_known_by_a_row_of_that_month():
    series = {"view": Series("view", "view", "share")}
    rows = [("view", month(-1), 0.5), ("view", month(2), 0.3)]
    share = known(Condition("share", "view"), record(rows, series=series))
    change = known(Condition("change", "view"), record(rows, series=series))
    assert (share.low, share.high) == (0.3, 0.3)
    assert change.low == change.high == pytest.approx(-0.2)
    wide = [("view", month(0, 2), 0.3)]
    unknown = known(Condition("share", "view"), record(wide, series=series))
    assert (unknown.low, unknown.high) == (0, 1)


def test_a_node_that_two_series_count_has_the_range_of_both():
    series = {"again": Series("again", "a")}
    rows = [("a", month(0, 2), 3), ("again", month(0, 2), 5)]
    found = known(Condition("total", "a"), record(rows, series=series))
    assert (found.low, found.high) == (3, 5)


def test_a_node_that_is_not_there_is_refused():
    with pytest.raises(ScenarioError, match="no 'stat' in the graph 'toy'; did you mean 'state'"):
        known(Condition("status", "stat"), record())


# --------------------------------------------------------------------------- brute force

SHORT = MONTHS[:2]


@st.composite
def sets(draw, axes):
    """A scenario set over some axes."""

    def condition():
        measure, of, last = draw(st.sampled_from(axes))
        if measure == "status":
            return Condition(measure, of, *draw(st.sampled_from([(0.5, np.inf), (-np.inf, 0.5)])))
        low = draw(st.integers(0, 3))
        high = draw(st.sampled_from([low + 1, low + 2, np.inf]))
        return Condition(measure, of, low, high, last)

    count = draw(st.integers(1, 3))
    made = [
        Scenario(f"S{i}", "", tuple(condition() for _ in range(draw(st.integers(1, 2)))))
        for i in range(count)
    ]
    return ScenarioSet("drawn", "", (*made, Scenario("rest", "", ())))


@st.composite
def pasts(draw):
    """Rows of two months of two series, and whether the state was looked at."""
    rows = []
    for s in ("a", "b"):
        kind = draw(st.sampled_from(["none", "each", "both"]))
        if kind == "both":
            rows.append((s, month(0, 1), draw(st.integers(0, 4))))
        if kind == "each":
            seen = [m for m in range(2) if draw(st.booleans())]
            rows += [(s, month(m), draw(st.integers(0, 4))) for m in seen]
    seen = draw(st.sampled_from([None, 0, 1]))
    coverage = [] if seen is None else [Window(ORIGIN, month(1).end)]
    rows += [("state", Window(ORIGIN, ORIGIN), seen)] if seen == 1 else []
    return rows, coverage


def fill_ins(rows, coverage):
    """Every way to fill in what is unknown, as futures."""
    ways = {}
    for s in ("a", "b"):
        mine = [(w, int(c)) for name, w, c in rows if name == s]
        if any(w == month(0, 1) for w, _ in mine):
            ways[s] = splits(mine[0][1], 2)
        else:
            held = dict(mine)
            each = [[held[month(m)]] if month(m) in held else range(MOST + 1) for m in range(2)]
            ways[s] = [*itertools.product(*each)]
    held = [c for name, _, c in rows if name == "state"]
    state = [1 if held else 0] if coverage else [0, 1]
    paths = [*itertools.product(ways["a"], ways["b"], state)]
    shape = (1, 1, len(paths))
    dims = (names.CHAIN, names.DRAW, names.PATH)
    counts = np.array([[p[0], p[1]] for p in paths]).reshape(*shape, 2, 2)
    status = np.array([[[p[2]] * 2] for p in paths]).reshape(*shape, 1, 2)
    return xr.Dataset(
        {
            names.TENSION: ((*dims, names.MONTH), np.zeros((*shape, 2))),
            "count": ((*dims, names.NODE, names.MONTH), counts),
            "status": ((*dims, names.STATE, names.MONTH), status),
        },
        coords={names.NODE: ["a", "b"], names.STATE: ["state"]},
    )


def by_force(chosen, rows, coverage):
    met = scenarios.resolve(chosen, fill_ins(rows, coverage), GRAPH, {})[..., -1]
    return {chosen.scenarios[i].id for i in np.unique(met)}


@pytest.mark.parametrize("measure", ["max", "total"])
@given(data=st.data())
def test_what_is_possible_is_what_some_fill_in_leads_to(measure, data):
    axes = [(measure, "a", 0), ("total", "b", 0), ("status", "state", 0)]
    chosen, (rows, coverage) = data.draw(sets(axes)), data.draw(pasts())
    found = observed.scenarios(chosen, Record(evidence(rows, coverage), GRAPH, SHORT))
    assert set(found.possible) == by_force(chosen, rows, coverage)


@given(data=st.data())
def test_nothing_is_decided_on_which_fill_ins_differ(data):
    axes = [("max", "a", 0), ("total", "a", 0), ("total", "a", 1), ("mean", "b", 0),
            ("max", "b", 1), ("status", "state", 0)]  # fmt: skip
    chosen, (rows, coverage) = data.draw(sets(axes)), data.draw(pasts())
    found = observed.scenarios(chosen, Record(evidence(rows, coverage), GRAPH, SHORT))
    truth = by_force(chosen, rows, coverage)
    assert truth <= set(found.possible)
    if found.outcome:
        assert truth == {found.outcome}
    assert truth.isdisjoint(k for k, v in found.states.items() if v == NO)


@given(data=st.data())
def test_a_grid_too_large_excludes_less_and_nothing_wrongly(data):
    axes = [("max", "a", 0), ("total", "b", 0), ("status", "state", 0)]
    chosen, (rows, coverage) = data.draw(sets(axes)), data.draw(pasts())
    past = Record(evidence(rows, coverage), GRAPH, SHORT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper, "MOST_CELLS", 0)
        found = observed.scenarios(chosen, past)
    truth = by_force(chosen, rows, coverage)
    assert truth <= set(found.possible)
    assert not found.outcome or truth == {found.outcome}


@given(data=st.data())
def test_more_evidence_never_takes_back_what_was_decided(data):
    axes = [("max", "a", 0), ("total", "a", 2), ("mean", "b", 0), ("status", "state", 0)]
    chosen = data.draw(sets(axes))
    rows = [
        (s, month(m), data.draw(st.integers(0, 4)))
        for s in ("a", "b") for m in range(3) if data.draw(st.booleans())
    ]  # fmt: skip
    change = data.draw(st.integers(0, 89))
    day = MONTHS[0].astype("M8[D]").item() + timedelta(days=change)
    rows += [("state", Window(day, day), 1)] * data.draw(st.integers(0, 1))
    whole = evidence([*rows, *LATER], [Window(ORIGIN, month(2).end)])
    settled = {}
    for last in (month(-1).end, *(month(m).end for m in range(3)), reaches(whole)):
        found = observed.scenarios(chosen, Record.of(whole, GRAPH, MONTHS, last))
        for k, state in settled.items():
            assert found.states[k] == state
        settled = {k: v for k, v in found.states.items() if v in (YES, NO)}


# --------------------------------------------------------------------------- the four states

WAR = Scenario("war", "", (Condition("max", "a", at_least=3),))
SIGNED = Scenario("signed", "", (Condition("status", "state", at_least=0.5),))
REST = Scenario("rest", "", ())
SET = ScenarioSet("toy", "", (WAR, SIGNED, REST))
SEEN = [Window(ORIGIN, month(2).end)]


def test_the_first_rule_can_decide_before_the_horizon_ends():
    found = observed.scenarios(SET, record([("a", month(0), 5)]))
    assert found.states == {"war": YES, "signed": NO, "rest": NO}
    assert found.why == (
        "max of a is 5 or more (2021-01-01 to 2021-01-31: 5; no row for 2021-02-01 to 2021-03-31)"
    )


def test_nothing_else_is_decided_before_the_horizon_ends():
    rows = [("a", month(0), 0), ("a", month(1), 0)]
    found = observed.scenarios(SET, record(rows, [Window(ORIGIN, month(1).end)]))
    assert set(found.states.values()) == {OPEN}
    assert found.state == OPEN


def test_one_that_is_excluded_is_no_while_the_others_are_open():
    rows = [("a", month(m), 0) for m in range(3)]
    found = observed.scenarios(SET, record(rows))
    assert found.states == {"war": NO, "signed": OPEN, "rest": OPEN}
    assert found.why == "undecided: status of state is not known (no reports reach 2021-03-31)"


def test_what_evidence_does_not_tell_in_its_time_is_void():
    rows = [("a", month(m), 0) for m in range(3)]
    early, late = ([*rows, ("b", month(2 + g), 0)] for g in (GRACE - 1, GRACE))
    assert observed.scenarios(SET, record(early)).states["rest"] == OPEN
    found = observed.scenarios(SET, record(late))
    assert found.states == {"war": NO, "signed": VOID, "rest": VOID}
    assert found.state == VOID
    assert "nothing tells" in found.why


def test_evidence_has_had_its_time_when_every_source_has():
    rows = [*((s, month(m), 0) for s in "ab" for m in range(3)), ("b", month(2 + GRACE), 0)]
    told, silent = (Record.of(evidence(rows), GRAPH, MONTHS, heard=d)
                    for d in (date.max, month(2).end))  # fmt: skip
    assert observed.scenarios(SET, told).state == VOID
    assert observed.scenarios(SET, silent).state == OPEN


def test_a_scenario_that_is_void_leaves_it_and_those_below_it_untold():
    rows = [("a", month(m), 0) for m in range(3)]
    void = {"signed": "the text is disputed"}
    for state in ([], [("state", Window(ORIGIN, ORIGIN), 1)]):
        found = observed.scenarios(SET, record([*rows, *state], SEEN), void=void)
        assert found.states == {"war": NO, "signed": VOID, "rest": VOID}
        assert found.why == "nothing can tell: signed is void (the text is disputed)"
    war = observed.scenarios(SET, record([("a", month(0), 5)], SEEN), void=void)
    assert war.outcome == "war", "what stands before it is decided without it"
    early = observed.scenarios(SET, record(rows[:1]), void=void)
    assert set(early.states.values()) == {OPEN}


def test_only_what_would_decide_is_wanting():
    rows = [("a", month(m), 0) for m in range(3)]
    third = Scenario("b", "", (Condition("total", "b", at_least=3),))
    chosen = ScenarioSet("both", "", (WAR, SIGNED, third, REST))
    held = observed.scenarios(chosen, record([*rows, ("state", Window(ORIGIN, ORIGIN), 1)]))
    assert "status of state" in held.why
    assert "total of b" in held.why
    known_b = observed.scenarios(chosen, record([*rows, ("b", month(0), 4)]))
    assert known_b.states == {"war": NO, "signed": OPEN, "b": OPEN, "rest": NO}
    assert "total of b" not in known_b.why


def test_the_last_scenario_takes_all_rows_that_exclude_the_others():
    found = observed.scenarios(SET, record([("a", month(0, 2), 2)], SEEN))
    assert found.outcome == "rest"
    assert "max of a is 1 to 2" in found.why
    assert "status of state does not hold" in found.why


def test_a_gap_in_the_rules_is_not_decided():
    chosen = ScenarioSet("gap", "", (WAR, SIGNED))
    rows = [("a", month(m), 0) for m in range(3)]
    found = observed.scenarios(chosen, record(rows, SEEN))
    assert found.outcome == ""
    assert set(found.states.values()) == {OPEN}


def test_an_overlap_of_an_unordered_set_is_not_decided():
    chosen = ScenarioSet("overlap", "", (WAR, SIGNED), ordered=False)
    rows = [("a", month(0), 5), ("state", Window(ORIGIN, ORIGIN), 1)]
    assert observed.scenarios(chosen, record(rows, SEEN)).outcome == ""


def test_the_answers_of_a_question():
    axis = Condition("total", "a")
    bins = (("few", Condition("total", "a", below=3)), ("many", Condition("total", "a", 3)))
    question = Question("Q", "", axis, bins)
    assert observed.answers(question, record([("a", month(0), 4)])).outcome == "many"
    rows = [("a", month(0), 1), ("a", month(1, 2), 1)]
    assert observed.answers(question, record(rows)).outcome == "few"
    assert observed.answers(question, record(rows[:1])).state == OPEN


# --------------------------------------------------------------------------- branches

GIVEN = [Condition("status", "state", at_least=0.5)]


def test_a_branch_is_annulled_when_its_condition_did_not_come():
    found = observed.scenarios(SET, record([("a", month(0), 5)], SEEN), GIVEN)
    assert set(found.states.values()) == {VOID}
    assert found.why.startswith("annulled: status of state does not hold")


def test_a_branch_is_ruled_on_when_its_condition_came():
    rows = [("a", month(0), 5), ("state", Window(ORIGIN, ORIGIN), 1)]
    assert observed.scenarios(SET, record(rows, SEEN), GIVEN).outcome == "war"


def test_a_branch_is_open_while_its_condition_is():
    rows = [("a", month(0), 5)]
    assert observed.scenarios(SET, record(rows), GIVEN).state == OPEN
    found = observed.scenarios(SET, record([*rows, *LATER]), GIVEN)
    assert found.state == VOID
    assert "whether the condition came: status of state is not known" in found.why


# --------------------------------------------------------------------------- what happened

FILE = "src/caucasus_forecast/data/resolutions.csv"


def resolutions(root):
    with (root / FILE).open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file)]


def test_the_embedded_evidence_resolves_to_what_is_written_down(request):
    rows = resolutions(request.config.rootpath)
    assert len(rows) == 5
    doubt = [o for o in table() if o.suspect and o.count >= 0]
    for row in rows:
        months = Horizon(date.fromisoformat(row["origin"]), 12).months
        past = Record.of(cf.evidence.load(), load(), months, None, doubt)
        found = observed.scenarios(scenarios.load(row["scenarios"]), past)
        assert found.possible == tuple(row["state"].split(";"))


def test_one_doubt_alone_would_leave_a_year_open():
    months = Horizon(date(2023, 11, 30), 12).months
    past = Record.of(cf.evidence.load(), load(), months)
    assert observed.scenarios(scenarios.load("alyarli-2021"), past).possible == ("S1", "S4")
