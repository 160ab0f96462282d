"""The question language: held to a loop over paths, to its own spelling, and to its errors."""

import json
import math
import operator
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from caucasus_forecast import scenarios
from caucasus_forecast.errors import CaseError, CaucasusForecastError
from caucasus_forecast.graph import CausalGraph, Node, load
from caucasus_forecast.questions import (
    QuestionError,
    Sample,
    World,
    ask,
    dated,
    evaluate,
    parse,
    probability,
    restate,
)

GRAPH = CausalGraph(
    "asked",
    (
        Node("gap", "index"),
        Node("tension", "process"),
        Node("peacekeepers", "event", reading=-1),
        Node("treaty", "event"),
        Node("reports", "count"),
        Node("meetings", "count", reading=-1),
        Node("view", "share"),
    ),
    (),
)
DIMS = ("chain", "draw", "path", "month")
IDS = ("S1", "S2", "quiet year")
MONTHS = ("December 2021", "2022-01", "Feb", "march 2022", "Apr 2022")  # the months of the futures


def futures_of(tension, deaths, reports, meetings, held, left, view, first="2021-12"):
    """Futures from arrays of shape (chain, draw, path, month)."""
    start = np.datetime64(first, "M")
    months = np.arange(start, start + np.timedelta64(deaths.shape[-1], "M"))
    return xr.Dataset(
        {
            "tension": (DIMS, tension.astype("float32")),
            "battle_deaths": (DIMS, deaths.astype("int32")),
            "count": ((*DIMS[:3], "node", "month"), np.stack([reports, meetings], 3)),
            "status": ((*DIMS[:3], "state", "month"), np.stack([-left, held], 3).astype("int8")),
            "share": ((*DIMS[:3], "indicator", "month"), view[:, :, :, None].astype("float32")),
        },
        coords={
            "month": months.astype("datetime64[ns]"),
            "node": ["reports", "meetings"],
            "state": ["peacekeepers", "treaty"],
            "indicator": ["view"],
        },
    )


def random_futures(seed, shape=(1, 4, 2, 5)):
    """Small futures, and the scenario of each path at each month."""
    rng = np.random.default_rng(seed)

    def change():
        return np.maximum.accumulate(rng.random(shape) < 0.25, -1).astype(int)

    futures = futures_of(
        rng.normal(size=shape), rng.integers(0, 6, shape), rng.integers(0, 6, shape),
        rng.integers(0, 6, shape), change(), change(), rng.integers(0, 9, shape) / 8,
    )  # fmt: skip
    return futures, rng.integers(0, 3, shape)


def asked(text, seed=1, shape=(2, 20, 5, 12), **options):
    futures, resolved = random_futures(seed, shape)
    return ask(text, futures, GRAPH, resolved=resolved, scenarios=IDS, **options)


def refused(text, **options):
    with pytest.raises(QuestionError) as caught:
        asked(text, **options)
    return str(caught.value)


# -------------------------------------------------------------------- the oracle: a loop over paths
#
# Each strategy gives the text of an event and a function (path, l, h) -> bool: its truth at the end
# of month h when the window began in month l, written as a reader of the documentation would.

OPS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt,
       "==": operator.eq, "!=": operator.ne, "at least": operator.ge, "more than": operator.gt,
       "at most": operator.le, "no more than": operator.le, "fewer than": operator.lt,
       "less than": operator.lt, "exactly": operator.eq, "other than": operator.ne,
       "no fewer than": operator.ge, "no less than": operator.ge}  # fmt: skip
SERIES = ("battle_deaths", "reports", "meetings", "tension", "view")
COUNTS = SERIES[:3]
AGGREGATES = {
    "total": sum,
    "mean of": lambda x: sum(x) / len(x),
    "highest month of": max,
    "worst": max,
    "worst month of": max,
    "lowest": min,
    "quietest month of": min,
    "last": lambda x: x[-1],
    "change of": lambda x: x[-1] - x[0],
}


def paths_of(futures, resolved):
    """Every path as a dict of lists, in the order of the arrays."""
    for at in np.ndindex(resolved.shape[:3]):
        path = {s: futures[s].to_numpy()[at].astype(float).tolist() for s in SERIES[:1]}
        path["tension"] = futures["tension"].to_numpy()[at].astype(float).tolist()
        for i, name in enumerate(("reports", "meetings")):
            path[name] = futures["count"].to_numpy()[at][i].astype(float).tolist()
        path["view"] = futures["share"].to_numpy()[at][0].astype(float).tolist()
        path["peacekeepers"] = [s == 0 for s in futures["status"].to_numpy()[at][0]]
        path["treaty"] = [s == 1 for s in futures["status"].to_numpy()[at][1]]
        for i, name in enumerate(IDS):
            path[name] = [r == i for r in resolved[at]]
        yield path


def number_for(series):
    return st.sampled_from([0, 0.25, 0.5, 1] if series == "view" else [-0.5, 0, 1, 2, 3, 4])


@st.composite
def comparisons(draw, ops=tuple(OPS)):
    series, op = draw(st.sampled_from(SERIES)), draw(st.sampled_from(ops))
    number = draw(number_for(series))
    words = op.isascii() and op[0].isalpha()
    text = f"{series} {op} {number}"
    if words and draw(st.booleans()):
        text = f"{op} {number} {series}"
    return text, lambda path, low, h: OPS[op](path[series][h], number)


@st.composite
def standing(draw):
    text, name = draw(
        st.sampled_from(
            [
                ("treaty", "treaty"),
                ("peacekeepers", "peacekeepers"),
                ("S1", "S1"),
                ("state treaty", "treaty"),
                ("scenario S2", "S2"),
                ('"quiet year"', "quiet year"),
            ]
        )
    )
    return text, lambda path, low, h: path[name][h]


def joined(inner):
    """And, or, not of parts, in parentheses."""

    def both(pair, word):
        (a, f), (b, g) = pair
        if word == "and":
            return f"({a} and {b})", lambda p, low, h: f(p, low, h) and g(p, low, h)
        return f"({a} or {b})", lambda p, low, h: f(p, low, h) or g(p, low, h)

    def negated(part):
        a, f = part
        return f"(not ({a}))", lambda p, low, h: not f(p, low, h)

    pairs = st.tuples(inner, inner)
    return st.one_of(
        st.builds(both, pairs, st.sampled_from(["and", "or"])), st.builds(negated, inner)
    )


MONTHLY = st.recursive(comparisons() | standing(), joined, max_leaves=3)


def longest(flags):
    best = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        best = max(best, run)
    return best


@st.composite
def quantified(draw):
    text, f = draw(MONTHLY)
    kind = draw(st.sampled_from(["any", "every", "run", "count"]))
    n = draw(st.integers(1, 3))
    if kind == "any":
        tail, test = draw(st.sampled_from(["any month", "in any month"])), any
    elif kind == "every":
        tail, test = draw(st.sampled_from(["every month", "in every month", "a month"])), all
    elif kind == "run":
        tail = f"{draw(st.sampled_from(['', 'for ']))}{n} month{'s' * (n > 1)} in a row"

        def test(x):
            return longest(x) >= n
    else:
        op = draw(st.sampled_from(tuple(OPS)))
        tail = f"{draw(st.sampled_from(['', 'for ']))}{op} {n} months"

        def test(x):
            return OPS[op](sum(x), n)

    return f"({text}) {tail}", lambda p, low, h: test([f(p, i, i) for i in range(low, h + 1)])


@st.composite
def aggregated(draw):
    aggregate = draw(st.sampled_from(tuple(AGGREGATES)))
    series = draw(st.sampled_from(COUNTS if aggregate == "total" else SERIES))
    if aggregate.startswith(("worst", "quietest")):
        series = draw(st.sampled_from(["battle_deaths", "reports", "tension"]))
    op, number = draw(st.sampled_from(tuple(OPS))), draw(number_for(series))
    take = AGGREGATES[aggregate]
    text = f"{aggregate} {series} {op} {number}"
    return text, lambda p, low, h: OPS[op](take(p[series][low : h + 1]), number)


def first_month(f, path, low, h):
    return next((i for i in range(low, h + 1) if f(path, low, i)), math.inf)


@st.composite
def before(draw):
    happening = comparisons() | standing() | quantified() | aggregated() | joined(standing())
    (a, f), (b, g) = draw(happening), draw(happening)
    return (
        f"({a}) before ({b})",
        lambda p, low, h: first_month(f, p, low, h) < first_month(g, p, low, h),
    )


@st.composite
def reached(draw):
    """A bare comparison: reached in some month."""
    text, f = draw(comparisons(ops=(">=", ">", "at least", "more than")))
    return text, lambda p, low, h: any(f(p, i, i) for i in range(low, h + 1))


@st.composite
def windows(draw):
    """A window and its first and last month."""
    i, j = sorted((draw(st.integers(0, 4)), draw(st.integers(0, 4))))
    return draw(
        st.sampled_from(
            [
                (f"within {j + 1} month{'s' * (j > 0)}", 0, j),
                (f"until {MONTHS[j]}", 0, j),
                (f"from {MONTHS[i]} until {MONTHS[j]}", i, j),
                (f"in {MONTHS[j]}", j, j),
            ]
        )
    )


BASIC = st.one_of(reached(), standing(), quantified(), aggregated(), before())


@st.composite
def windowed(draw):
    (text, f), (window, i, j) = draw(st.recursive(BASIC, joined, max_leaves=2)), draw(windows())
    return f"(({text}) {window})", lambda p, low, h: f(p, i, j)


EVENTS = st.recursive(BASIC | windowed(), joined, max_leaves=4)


@st.composite
def amounts(draw):
    """A question for a number, and the number as a function of (path, l, h)."""
    kind = draw(st.sampled_from(["until", "with", "run", "aggregate"]))
    if kind == "aggregate":
        aggregate = draw(st.sampled_from(tuple(AGGREGATES)))
        series = draw(st.sampled_from(["battle_deaths", "reports"]))
        take = AGGREGATES[aggregate]
        return f"{aggregate} {series}", lambda p, low, h: take(p[series][low : h + 1])
    if kind == "until":
        text, f = draw(MONTHLY | quantified() | aggregated() | before())
        return f"months until ({text})", lambda p, low, h: 1 + first_month(f, p, low, h)
    text, f = draw(MONTHLY)
    take = sum if kind == "with" else longest
    words = "months with" if kind == "with" else "longest run of"
    return f"{words} ({text})", lambda p, low, h: take([f(p, i, i) for i in range(low, h + 1)])


LEGITIMATE = (
    "always true", "never true", "can cease to be true", "whatever its first", "covers nothing",
    "a change needs",
)  # fmt: skip


def outcome_or_refusal(text, futures, resolved):
    try:
        return evaluate(parse(text), World(futures, GRAPH, resolved, IDS))
    except QuestionError as error:
        assert any(reason in str(error) for reason in LEGITIMATE), error  # noqa: PT017
        return None


@given(EVENTS, EVENTS, st.integers(0, 99))
@settings(max_examples=400)
def test_an_event_is_what_a_loop_over_the_paths_finds(event, condition, seed):
    (text, f), (other, g) = event, condition
    futures, resolved = random_futures(seed)
    found = outcome_or_refusal(f"{text} given {other}", futures, resolved)
    if found is not None:
        paths = list(paths_of(futures, resolved))
        assert found.value.ravel().tolist() == [bool(f(p, 0, 4)) for p in paths], text
        assert found.given.ravel().tolist() == [bool(g(p, 0, 4)) for p in paths], other


@given(amounts(), windows(), st.integers(0, 99))
@settings(max_examples=300)
def test_a_number_is_what_a_loop_over_the_paths_finds(amount, window, seed):
    (text, f), (tail, i, j) = amount, window
    futures, resolved = random_futures(seed)
    found = outcome_or_refusal(f"{text} {tail}", futures, resolved)
    if found is not None:
        expected = [float(f(p, i, j)) for p in paths_of(futures, resolved)]
        assert found.value.ravel() == pytest.approx(expected)
        assert found.given is None


@given(EVENTS | amounts(), st.none() | EVENTS)
@settings(max_examples=300)
def test_a_question_restated_parses_back_to_itself(event, condition):
    tail = "" if condition is None else f" given {condition[0]}"
    try:
        question = parse(event[0] + tail)
    except QuestionError:
        return
    told = restate(question)
    assert parse(told) == question
    assert restate(parse(told)) == told


@given(EVENTS, EVENTS, st.integers(0, 99), st.integers(1, 5))
def test_a_question_with_dated_windows_means_the_same(event, condition, seed, months):
    futures, resolved = random_futures(seed)
    text = f"{event[0]} given {condition[0]}"
    if outcome_or_refusal(text, futures, resolved) is None:
        return
    world, question = World(futures, GRAPH, resolved, IDS), parse(text)
    told = parse(restate(dated(question, world.months, slice(0, months))))
    try:
        expected = evaluate(question, world, slice(0, months))
    except QuestionError:  # a count that the shorter window makes trivial
        return
    again = evaluate(told, world)
    assert np.array_equal(expected.value, again.value)
    assert np.array_equal(expected.given, again.given)


# ----------------------------------------------------------------------------- meanings by hand


def one_path(text, **path):
    """The answer on one path of six months from December 2021."""
    rest = np.zeros(6)
    given = {k: np.array(path.get(k, rest), float) for k in
             ("tension", "deaths", "reports", "meetings", "held", "left", "view")}  # fmt: skip
    futures = futures_of(**{k: v[None, None, None] for k, v in given.items()})
    return evaluate(parse(text), World(futures, GRAPH)).value.item()


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("battle_deaths >= 7", True),
        ("not battle_deaths >= 7", False),
        ("battle_deaths >= 8", False),
        ("battle_deaths >= 7 within 2 months", False),
        ("battle_deaths >= 7 until February", True),
        ("battle_deaths >= 7 in Feb 2022", True),
        ("battle_deaths <= 1 in 2022-03", True),
        ("battle_deaths >= 5 3 months in a row", True),
        ("battle_deaths >= 5 for 4 months in a row", False),
        ("total battle_deaths >= 20 from January until March", False),
        ("treaty", True),
        ("treaty within 4 months", False),
        ("treaty in any month", True),
        ("treaty for at least 2 months", True),
        ("not peacekeepers within 4 months", True),
        ("peacekeepers within 3 months", True),
        ("not peacekeepers before treaty", True),
        ("treaty before not peacekeepers", False),
        ("treaty before battle_deaths >= 99", True),
        ("treaty before treaty", False),
        ("battle_deaths >= 7 before treaty within 2 months", False),
        ("battle_deaths >= 5 and treaty", True),
        ("(battle_deaths >= 5 and treaty) in any month", False),
    ],
)
def test_what_a_construct_means(text, holds):
    path = {"deaths": [5, 6, 7, 1, 0, 0], "held": [0, 0, 0, 0, 1, 1], "left": [0, 0, 0, 1, 1, 1]}
    assert one_path(text, **path) is holds


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("months until treaty", 5),
        ("months until treaty from March until May", 5),
        ("months until battle_deaths >= 99", math.inf),
        ("months until battle_deaths <= 1", 4),
        ("months until not battle_deaths >= 5", 4),
        ("months until total battle_deaths >= 18", 3),
        ("months until battle_deaths >= 5 for 2 months in a row", 2),
        ("months with battle_deaths >= 5", 3),
        ("longest run of battle_deaths == 0", 2),
        ("worst month of battle_deaths", 7),
        ("worst battle_deaths from February until May", 7),
        ("quietest battle_deaths", 0),
        ("change battle_deaths", -5),
        ("last month of battle_deaths until March", 1),
    ],
)
def test_what_a_number_means(text, number):
    assert one_path(text, deaths=[5, 6, 7, 1, 0, 0], held=[0, 0, 0, 0, 1, 1]) == number


def test_a_month_without_a_year_is_the_first_of_its_name_after_the_first_of_the_window():
    futures, resolved = random_futures(0, (1, 4, 2, 30))
    world = World(futures, GRAPH, resolved, IDS)

    def told(text):
        return restate(dated(parse(text), world.months))

    assert told("treaty until March") == "treaty until March 2022"
    assert told("months with treaty from May until March") == (
        "months with treaty from May 2022 until March 2023"
    )
    assert told("treaty in 2024-05") == "treaty in May 2024"


@pytest.mark.parametrize("within", [6, "6 months", "within 6 months", "until May", "until 2022-05"])
def test_the_default_window_reaches_what_has_none_of_its_own(within):
    found = asked("treaty and (battle_deaths >= 5 until March) given S1", within=within)
    assert found.restated == (
        "(treaty until May 2022) and (battle_deaths at least 5 in any month until March 2022) "
        "given S1 until May 2022"
    )
    assert (
        found.probability
        == (
            asked("(treaty until May) and (battle_deaths >= 5 until March) given S1 until May")
        ).probability
    )


def test_scenarios_agree_with_the_table_of_a_forecast(small_forecast):
    futures = small_forecast.tree["predictions"].to_dataset()
    study, table = small_forecast.study, small_forecast.scenarios.data
    resolved = scenarios.resolve(study.partition, futures, study.graph, {})
    ids = tuple(s.id for s in study.partition.scenarios)
    for i in ids:
        found = ask(i, futures, study.graph, resolved=resolved, scenarios=ids)
        for key in ("probability", "mcse", "lower", "upper"):
            assert getattr(found, key) == pytest.approx(float(table[key].sel(scenario=i)), rel=1e-6)
    deaths = futures["battle_deaths"].to_numpy()
    found = ask("battle_deaths >= 10", futures, study.graph, within="3 months")
    assert found.probability == pytest.approx((deaths[..., :3] >= 10).any(-1).mean())
    left = ask("not peacekeepers", futures, study.graph).probability
    status = futures["status"].sel(state="peacekeepers").to_numpy()[..., -1]
    assert left == pytest.approx((status != 0).mean())


# ------------------------------------------------------------------------------------ the estimate


def drawn(rng, chains=4, draws=100, paths=5):
    """Correlated hits and conditions, and weights."""
    a = rng.beta(2, 3, (chains, draws, 1))
    given = rng.random((chains, draws, paths)) < a
    hit = rng.random((chains, draws, paths)) < np.where(given, a, a / 2)
    return hit, given, rng.gamma(2.0, size=(chains, draws))


def test_equal_weights_are_no_weights(rng):
    for paths in (1, 2, 5):
        hit, _, _ = drawn(rng, paths=paths)
        ours = probability(hit, Sample(np.ones_like(hit)))
        equal = probability(hit, Sample(np.ones_like(hit), np.full(hit.shape[:2], 7.0)))
        assert equal == pytest.approx(ours)


def test_the_ratio_is_that_of_a_loop_over_weighted_paths(rng):
    hit, given, weight = drawn(rng)
    sample = Sample(given, weight)
    both = only = squares = 0.0
    for c, d, p in np.ndindex(hit.shape):
        w = weight[c, d] / weight.sum() / hit.shape[2]
        only += w * given[c, d, p]
        both += w * (given[c, d, p] and hit[c, d, p])
        squares += w**2 * given[c, d, p]
    assert sample.mean(hit)[0] == pytest.approx(both / only)
    assert sample.share == pytest.approx(only)
    assert sample.effective == pytest.approx(only**2 / squares)
    assert sample.paths == given.sum()


def test_a_weight_of_two_is_as_good_as_a_draw_twice(rng):
    hit, given, _ = drawn(rng)
    weight = rng.integers(0, 3, hit.shape[:2])
    twice = np.repeat(np.arange(400), weight.ravel())
    value = rng.integers(0, 9, hit.shape).astype(float)
    many = [x.reshape(1, 400, -1)[:, twice] for x in (hit, given, value)]
    weighted, repeated = Sample(given, weight), Sample(many[1])
    assert weighted.mean(hit)[0] == pytest.approx(repeated.mean(many[0])[0])
    assert weighted.paths == given[weight > 0].sum()
    levels = (0.05, 0.31, 0.5, 0.777, 0.95)
    assert weighted.quantiles(value, levels) == repeated.quantiles(many[2], levels)


def test_quantiles_are_the_smallest_values_that_reach_their_level(rng):
    value = rng.integers(0, 20, (2, 30, 3)).astype(float)
    sample = Sample(np.ones(value.shape, bool))
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    expected = np.quantile(value, levels, method="inverted_cdf")
    assert sample.quantiles(value, levels) == tuple(expected)


def chained(rng, shape, stay):
    """A standard normal series along the draws of each chain, with memory."""
    x = rng.normal(size=shape)
    for i in range(1, shape[1]):
        x[:, i] = stay * x[:, i - 1] + math.sqrt(1 - stay**2) * x[:, i]
    return x


@pytest.mark.parametrize(("stay", "tilt"), [(0.0, 0.0), (0.7, 0.0), (0.0, 0.6), (0.5, 0.6)])
def test_the_error_of_a_conditional_probability_covers_the_truth(stay, tilt, rng):
    """P(hit | given) with x ~ N(tilt, 1): draws of N(0, 1) with weights exp(tilt x)."""
    grid = np.linspace(-8, 8, 4001)
    density = np.exp(-((grid - tilt) ** 2) / 2)

    def chances(x):
        given = 1 / (1 + np.exp(1.5 - x))
        return given, 0.2 + 0.6 / (1 + np.exp(-x))

    given, hit = chances(grid)
    truth = (density * given * hit).sum() / (density * given).sum()
    runs, covered = 300, 0
    for _ in range(runs):
        x = chained(rng, (4, 150), stay)
        pg, ph = chances(x[..., None])
        held = rng.random((4, 150, 3)) < pg
        found = probability(rng.random((4, 150, 3)) < ph, Sample(held, np.exp(tilt * x)))
        covered += abs(found["probability"] - truth) < 1.645 * found["mcse"]
    error = math.sqrt(0.9 * 0.1 / runs)
    assert abs(covered / runs - 0.9) < 3 * error + 0.01


def test_the_interval_given_a_condition_is_that_of_the_draws_without_the_noise_of_paths(rng):
    """With a condition that is a fair coin, the interval is that of the draws' own rates."""
    rate = rng.beta(8, 12, (4, 1000, 1))
    given = rng.random((4, 1000, 12)) < 0.5
    found = probability(rng.random((4, 1000, 12)) < rate, Sample(given))
    expected = np.quantile(rate, [0.05, 0.95])
    assert [found["lower"], found["upper"]] == pytest.approx(expected, abs=0.03)


def test_a_draw_with_one_path_tells_no_interval():
    given = np.zeros((1, 8, 3), bool)
    given[..., 0] = True
    hit = np.zeros((1, 8, 3), bool)
    hit[0, :4] = True
    found = probability(hit, Sample(given))
    assert (found["lower"], found["probability"], found["upper"]) == (0.0, 0.5, 1.0)


@pytest.mark.parametrize("happens", [True, False])
def test_what_always_or_never_happens_keeps_an_error(happens):
    given = np.zeros((2, 10, 4), bool)
    given[0, :5] = True
    hit = np.full(given.shape, happens)
    found = probability(hit, Sample(given))
    assert found["mcse"] == pytest.approx(1 / 20)
    assert {found["probability"], found["lower"], found["upper"]} == {float(happens)}


@pytest.mark.parametrize(
    ("weight", "told"),
    [
        (np.ones((2, 3)), "weights of shape (2, 3); one for each draw is (2, 20)"),
        (np.zeros((2, 20)), "not all zero"),
        (np.full((2, 20), np.nan), "finite"),
        (-np.ones((2, 20)), "not negative"),
    ],
)
def test_weights_that_are_none_are_refused(weight, told):
    with pytest.raises(CaseError) as caught:
        asked("treaty", weight=weight)
    assert told in str(caught.value)


def test_too_few_draws_are_refused():
    with pytest.raises(CaseError, match="3 draws a chain; a Monte Carlo error needs 4 or more"):
        asked("treaty", shape=(1, 3, 2, 5))


def test_weights_that_keep_some_draws_answer_for_those_alone():
    weight = np.zeros((2, 20))
    weight[1] = 3.0
    futures, resolved = random_futures(1, (2, 20, 5, 12))
    kept = ask("treaty within 3 months", futures.isel(chain=[1]), GRAPH, resolved=resolved[1:])
    found = asked("treaty within 3 months", weight=weight)
    assert found.probability == pytest.approx(kept.probability)


# -------------------------------------------------------------------------------------- the answer


def test_an_answer_says_how_often_its_condition_holds():
    found = asked("S1 given treaty until February", shape=(2, 50, 5, 12))
    futures, resolved = random_futures(1, (2, 50, 5, 12))
    held = futures["status"].sel(state="treaty").to_numpy()[..., 2] == 1
    assert found.given_paths == held.sum()
    assert found.given_share == pytest.approx(held.mean())
    assert found.probability == pytest.approx((resolved[..., -1] == 0)[held].mean())
    assert found.notes == (
        f"the condition holds on {100 * held.mean():.3g} % of the futures ({held.sum()} paths)",
    )
    assert repr(found).splitlines()[1:] == list(found.notes)


def test_few_paths_under_a_condition_are_said():
    found = asked("S1 given treaty in December")
    assert found.given_paths < 100
    assert found.notes[1] == (
        f"WARNING: only {found.given_paths} paths meet the condition; fewer than 100 say little"
    )
    weight = np.where(np.arange(40).reshape(2, 20) == 0, 1.0, 1e-6)
    assert "worth" in asked("S1 given not treaty in December", weight=weight).notes[1]


def test_a_condition_that_never_holds_is_refused():
    told = refused("treaty given battle_deaths >= 99")
    assert told == (
        "no path out of 200 meets the condition 'battle_deaths at least 99 in any month until "
        "November 2022', so nothing can be said given it; loosen the condition, or draw more paths"
    )


def test_an_answer_prints_in_a_line_and_goes_to_json():
    found = asked("battle_deaths >= 5", within=2)
    assert repr(found).startswith("battle_deaths at least 5 in any month until January 2022: ")
    assert "90 % interval" in repr(found)
    body = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert body["probability"] == found.probability
    assert body["text"] == "battle_deaths >= 5"
    assert body["given_share"] is None
    assert found == asked(parse("battle_deaths >= 5"), within=2)


def test_a_month_that_may_not_come_has_no_mean():
    found = asked("months until treaty within 4 months")
    futures, _ = random_futures(1, (2, 20, 5, 12))
    missing = (futures["status"].sel(state="treaty").to_numpy()[..., 3] == 0).mean()
    assert found.never == pytest.approx(missing)
    assert found.never_mcse > 0
    assert found.mean is None
    assert dict(found.quantiles)[0.95] == math.inf
    assert "to later); not within it: " in repr(found)
    body = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert body["quantiles"]["0.95"] is None


def test_a_month_that_always_comes_has_a_mean():
    found = asked("months until battle_deaths >= 0")
    assert (found.mean, found.median, found.never) == (1.0, 1.0, 0.0)


def test_a_number_has_the_mean_and_quantiles_of_the_paths():
    found = asked("total reports given treaty")
    futures, _ = random_futures(1, (2, 20, 5, 12))
    held = futures["status"].sel(state="treaty").to_numpy()[..., -1] == 1
    total = futures["count"].sel(node="reports").to_numpy().sum(-1)[held]
    assert found.mean == pytest.approx(total.mean())
    levels = [q for q, _ in found.quantiles]
    expected = np.quantile(total, levels, method="inverted_cdf")
    assert [x for _, x in found.quantiles] == list(expected)
    assert found.never is None
    assert found.given_paths == held.sum()


# -------------------------------------------------------------------------------------- the errors


@pytest.mark.parametrize(
    ("text", "word", "problem", "allowed"),
    [
        ("treaty witin 6 months", "witin", "unexpected 'witin'", "did you mean 'within'?"),
        ("treatty until May", "treatty", "no state or scenario", "did you mean 'treaty'?"),
        ("s1", "s1", "no state or scenario 's1'", "did you mean 'S1'?"),
        ("state S1", "S1", "no state 'S1'", "Allowed: peacekeepers, treaty"),
        ("scenario treaty", "treaty", "no scenario 'treaty'", "Allowed: S1, S2, quiet year"),
        ("report >= 1", "report", "no series 'report'", "did you mean 'reports'?"),
        ("gap >= 1", "gap", "'gap' is an index, which no future holds", "Allowed: battle_deaths"),
        ("gap", "gap", "'gap' is an index", "Allowed: S1"),
        ("treaty >= 1", "treaty", "treaty is a state, not a series", "'months with treaty'"),
        ("months until reports", "reports", "reports is a series, not a state", "reports >= 1"),
        ("reports at 5", "5", "unexpected '5'", "Allowed: most, least"),
        ("reports >= many", "many", "unexpected 'many'", "Allowed: a number"),
        ("reports >= 1e999", "1e999", "too large a number", ""),
        ("reports <= 5 until May", "<=", "in which months?", "in any month, in every month"),
        ("view >= 40", ">=", "view is a share, between 0 and 1; 40 is not", "written 0.4"),
        ("change view < -2", "<", "view is a share", "written 0.4"),
        ("total tension > 1", "tension", "a total is of counts", "ask for the mean"),
        ("worst meetings > 1", "meetings", "could be high or low", "write highest or lowest"),
        ("quietest view > 0.1", "view", "could be high or low", "write highest or lowest"),
        ("change reports in May", "reports", "a change needs a window", ""),
        ("total reports treaty", "treaty", "unexpected 'treaty'", "Allowed: within"),
        ("treaty and total reports", "", "the question ends where more is needed", ">="),
        ("treaty % 5", "%", "unexpected character '%'", "write a name"),
        ("traité", "é", "unexpected character 'é'", 'a name in other letters goes in "…"'),
        ("treaty = 5", "=", "unexpected character '='", "=="),
        ("(treaty or S1", "", "the question ends where more is needed", "Allowed: ), and, or"),
        ("treaty)", ")", "unexpected ')'", "the end"),
        ("", "", "the question ends where more is needed", "a state"),
        ("within", "within", "unexpected 'within'", "a state"),
        ("treaty given", "", "the question ends where more is needed", "a state"),
        ("treaty given S1 given S2", "given S2", "unexpected 'given'", "the end"),
        ("treaty until", "", "the question ends where more is needed", "January, February"),
        ("treaty until Mai", "Mai", "unexpected 'Mai'", "Allowed: January"),
        ("treaty until 2022-13", "2022-13", "no month 2022-13", "write 2022-05"),
        ("treaty until 2030-01", "2030-01", "not in the horizon, 2021-12 to 2022-11", "Allowed"),
        ("treaty in May 2031", "May 2031", "May 2031 is not in the horizon", "Allowed"),
        ("months with S1 from May until March", "March", "is not in the horizon", "2022-05 on"),
        ("total reports from May until 2022-03", "from May until 2022-03",
         "the window ends in 2022-03, before it begins in 2022-05", "swap the months"),
        ("treaty within 13 months", "within 13 months",
         "13 months is beyond the horizon of 12, 2021-12 to 2022-11", "Allowed: 1 to 12 months"),
        ("treaty within 0 months", "0", "unexpected '0'", "a whole number of months, 1 or more"),
        ("treaty within 1.5 months", "1.5", "unexpected '1.5'", "a whole number of months"),
        ("treaty within 6 weeks", "weeks", "unexpected 'weeks'", "Allowed: months"),
        ("treaty from March until May", "treaty", "treaty is read in the last month", "any month"),
        ("treaty for 13 months in a row", "for", "never true: the window has 12 months", "another"),
        ("treaty for at least 0 months", "for", "always true", "another"),
        ("treaty for a while", "a", "unexpected 'a'", "a number of months in a row"),
        ("treaty and S1 until May", "until May", "for all that is joined here, or for the last",
         "write (A and B) until May"),
        ("(treaty until May) within 6 months", "within 6 months", "covers nothing", "leave one"),
        ("(treaty until May) before S1", "until May", "a window inside 'before'", "write it after"),
        ("months until (S1 in May)", "in May", "a window inside 'months until'", "write it after"),
        ("months until treaty every month", "every", "can cease to be true", "the opposite"),
        ("total reports <= 9 before S1", "reports", "can cease to be true", "with 'not'"),
        ("S1 before S2 before treaty", "before treaty", "two 'before' in a row", "(A before B)"),
        ("(total reports > 9) every month", "reports", "'total' needs more than one month",
         "Allowed: states"),
        ("months with (S1 before S2)", "before", "needs more than one month", "'months with'"),
        ("longest run of S1 any month", "any", "needs more than one month", "'longest run of'"),
        ("months treaty", "treaty", "unexpected 'treaty'", "Allowed: until, with"),
        ("longest of treaty", "of", "unexpected 'of'", "Allowed: run"),
        ("worst month battle_deaths", "battle_deaths", "unexpected", "Allowed: of"),
        ("state and", "and", "unexpected 'and'", "the name of a state"),
        ('""', '""', "unexpected", "a state"),
    ],
)  # fmt: skip
def test_an_error_points_at_the_word_and_says_what_may_stand_there(text, word, problem, allowed):
    told = refused(text)
    lines = told.split("\n")
    assert problem in lines[0]
    place = next(i for i, line in enumerate(lines) if line.strip(" ") and set(line) <= {" ", "^"})
    assert lines[place - 1] == f"  {text}"
    start = lines[place].index("^") - 2
    expected = text.rindex(word) if word else len(text)
    assert start == expected
    if word and " " not in word:
        assert lines[place].count("^") == len(word)
    assert allowed in told


@pytest.mark.parametrize(
    ("within", "told"),
    [
        ("soon", "unexpected 'soon'\n  soon\n  ^^^^\nAllowed: a number of months"),
        ("7", "the question ends where more is needed\n  7\n   ^\nAllowed: months"),
        ("6 months or so", "unexpected 'or'"),
        ("99 months", "99 months is beyond the horizon of 12"),
        ("from May until July", "treaty is read in the last month"),
        (0, "within is 0 months; the horizon allows 1 to 12"),
        (13, "within is 13 months; the horizon allows 1 to 12"),
        pytest.param(10**5000, "within is a huge number; the horizon allows", id="huge"),
        (True, "within is True; write a number of months"),
        (2.5, "within is 2.5; write a number of months"),
    ],
)
def test_a_default_window_that_is_none_is_refused(within, told):
    assert told in refused("treaty", within=within)


def test_a_name_of_a_state_and_a_scenario_must_say_which():
    futures, resolved = random_futures(3)
    options = {"resolved": resolved, "scenarios": ("treaty", "B", "C")}
    with pytest.raises(QuestionError, match="'treaty' is a state and a scenario"):
        ask("treaty", futures, GRAPH, **options)
    state = ask("state treaty", futures, GRAPH, **options).probability
    assert state == (futures["status"].to_numpy()[..., 1, -1] == 1).mean()
    scenario = ask("scenario treaty", futures, GRAPH, **options).probability
    assert scenario == (resolved[..., -1] == 0).mean()


@pytest.mark.parametrize("name", ["A", "a", "row", "before", "Total", "a b", "_x1", "May"])
def test_any_scenario_id_can_be_asked_of(name):
    futures, resolved = random_futures(3)
    options = {"resolved": resolved, "scenarios": (name, "B", "C")}
    found = ask(f'"{name}" in any month', futures, GRAPH, **options)
    assert found.probability == (resolved == 0).any(-1).mean()
    told = found.restated
    assert ask(told, futures, GRAPH, **options).restated == told
    if name.isidentifier() and name not in ("before", "Total"):
        assert ask(f"{name} a month", futures, GRAPH, **options).probability == pytest.approx(
            (resolved == 0).all(-1).mean()
        )


def test_a_scenario_that_was_not_resolved_is_refused():
    futures, _ = random_futures(3)
    with pytest.raises(QuestionError, match="no scenario was resolved"):
        ask("S1", futures, GRAPH, scenarios=IDS)


def test_a_long_question_is_shown_around_the_fault():
    text = " or ".join(["treaty"] * 60) + " or oops or " + " or ".join(["treaty"] * 60)
    lines = refused(text).split("\n")
    assert len(lines[1]) < 110
    assert lines[1][lines[2].index("^") :].startswith("oops")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("(" * 900 + "treaty" + ")" * 900, "more than 32 parentheses and 'not' inside one another"),
        ("not " * 400 + "treaty", "more than 32 parentheses and 'not' inside one another"),
        ("(" * 10_000, "a question of 10000 characters; at most 2000 are read"),
        (None, "a question is None; write a text"),
        (b"treaty", "a question is b'treaty'; write a text"),
    ],
)
def test_what_is_too_deep_too_long_or_no_text_is_refused(text, told):
    assert told in refused(text)


def test_the_deepest_question_allowed_is_answered():
    assert asked("(" * 32 + "treaty" + ")" * 32).restated == "treaty until November 2022"
    assert asked(" or ".join(["treaty"] * 190)).probability == asked("treaty").probability


def test_an_error_is_of_the_family_and_survives_a_process():
    with pytest.raises(QuestionError) as caught:
        parse("treaty %")
    assert isinstance(caught.value, CaucasusForecastError)
    assert isinstance(caught.value, ValueError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301


def test_nothing_is_run_as_python():
    assert "unexpected character '.'" in refused("__import__('os').system".replace("('os')", ""))


WORDS = st.sampled_from(
    ["treaty", "S1", "reports", "battle_deaths", "view", "tension", "gap", "(", ")", ">=", "<",
     "5", "0.3", "-1", "2022-03", "May", "March 2022", "and", "or", "not", "given", "before",
     "within", "until", "from", "in", "any", "every", "a", "month", "months", "row", "for", "at",
     "least", "most", "no", "more", "than", "exactly", "total", "mean", "worst", "change", "last",
     "longest", "run", "of", "with", "state", "scenario", '"quiet year"', "%", "\n", "é", "1e9"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=14).map(" ".join) | st.text(max_size=40))
@settings(max_examples=1500)
def test_any_text_gives_an_answer_or_a_question_error(text):
    futures, resolved = random_futures(2)
    try:
        found = ask(text, futures, GRAPH, resolved=resolved, scenarios=IDS)
    except QuestionError as error:
        assert str(error)  # noqa: PT017
    else:
        assert repr(found)
        json.dumps(found.to_json(), allow_nan=False)
        assert parse(restate(parse(text))) == parse(text)


@given(st.text(max_size=30) | st.lists(WORDS, max_size=5).map(" ".join))
@settings(max_examples=300)
def test_any_default_window_gives_an_answer_or_a_question_error(within):
    futures, _ = random_futures(2)
    try:
        assert ask("treaty", futures, GRAPH, within=within).restated.startswith("treaty ")
    except QuestionError as error:
        assert str(error)  # noqa: PT017


# -------------------------------------------------------------------------------- the documentation


def test_every_worked_example_of_the_documentation_has_an_answer():
    page = (Path(__file__).resolve().parents[1] / "docs" / "questions.md").read_text("utf-8")
    examples = re.findall(r"^\| `([^`]+)` \|", page.split("## Examples")[1], re.M)
    assert len(examples) >= 12
    graph, rng, shape = load(), np.random.default_rng(5), (2, 60, 5, 12)

    def of(kind, draw):
        found = [n.name for n in graph.nodes if n.kind == kind]
        return found, np.stack([draw(graph.node[n]) for n in found], 3)

    counts, count = of("count", lambda n: rng.integers(0, 8, shape))
    states, status = of(
        "event", lambda n: n.reading * np.maximum.accumulate(rng.random(shape) < 0.1, -1)
    )
    shares, share = of("share", lambda n: rng.random(shape))
    futures = xr.Dataset(
        {
            "tension": (DIMS, rng.normal(size=shape)),
            "battle_deaths": (DIMS, rng.integers(0, 120, shape)),
            "count": ((*DIMS[:3], "node", "month"), count),
            "status": ((*DIMS[:3], "state", "month"), status),
            "share": ((*DIMS[:3], "indicator", "month"), share),
        },
        coords={
            "month": np.arange("2021-12", "2022-12", dtype="M8[M]").astype("M8[ns]"),
            "node": counts, "state": states, "indicator": shares,
        },
    )  # fmt: skip
    chosen = scenarios.load("alyarli-2021")
    resolved = scenarios.resolve(chosen, futures, graph, {})
    ids = tuple(s.id for s in chosen.scenarios)
    for text in examples:
        found = ask(text, futures, graph, resolved=resolved, scenarios=ids)
        assert found.text == text
        assert restate(parse(text))


def test_the_code_of_the_documentation_runs(capsys):
    page = (Path(__file__).resolve().parents[1] / "docs" / "questions.md").read_text("utf-8")
    exec(re.search(r"```python\n(.*?)```", page, re.S).group(1), {})  # noqa: S102
    shown = capsys.readouterr().out
    assert shown.startswith("battle_deaths at least 15 in any month until May 2022: ")


def test_the_error_of_the_documentation_is_the_one_that_is_raised():
    page = (Path(__file__).resolve().parents[1] / "docs" / "questions.md").read_text("utf-8")
    assert f"```text\n{refused('treaty witin 6 months')}\n```" in page
