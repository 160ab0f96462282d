"""Cells and votes: what is exact is held to enumeration, what is not is measured and bounded."""

import itertools
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from caucasus_forecast.equations import log_count, log_event, walk
from caucasus_forecast.errors import GraphError
from caucasus_forecast.evidence import Evidence, Observation, Series, Window
from caucasus_forecast.graph import CausalGraph, Edge, Node
from caucasus_forecast.likelihood import (
    Levels,
    Parameters,
    ladder_terms,
    path_terms,
    plan,
    shared_steps,
    sweep_draws,
)
from caucasus_forecast.markov import value_and_gradient
from caucasus_forecast.names import DAYS_PER_MONTH, DEATHS, TENSION
from caucasus_forecast.panel import build

SCORE = np.array([-1.0, 0.2, 1.3])
OVER = 0.6
SMALL = CausalGraph("small", (Node(TENSION, "process"), Node("offers", "count")),
                    (Edge(TENSION, "offers"),))  # fmt: skip
WIDE = CausalGraph(
    "wide",
    (
        Node(TENSION, "process"),
        Node("idle", "index"),
        Node("offers", "count"),
        Node("answers", "count"),
        Node("talks", "count", reading=-1),
        Node("troops", "event", reading=-1),
        Node("treaty", "event"),
        Node("view", "share"),
        Node("unread", "index"),
    ),
    (
        Edge(TENSION, "offers"),
        Edge("offers", "answers", lag=1),
        Edge("answers", TENSION, lag=1),
        Edge(TENSION, "talks"),
        Edge(TENSION, "idle"),
        Edge("idle", "troops", lag=1),
        Edge(TENSION, "treaty", "-"),
        Edge(TENSION, "view", moderator="troops"),
        Edge("view", "unread"),
    ),
)


def window(first, last=None):
    return Window(date(2021, *first), date(2021, *(last or first)))


def month(number):
    return window((number, 1), (number, (31, 28, 31, 30, 31, 30)[number - 1]))


def planned(graph, *rows, covered=(), until=(6, 30)):
    """Plan of rows (series, window, count); `covered` series are a status watched all the time."""
    whole = (window((1, 1), until),)
    series = {DEATHS: Series(DEATHS, TENSION)}
    series |= {n: Series(n, n, "status", coverage=whole) for n in covered}
    for name, *_ in rows:
        if name not in series:
            mode = "share" if graph.node[name].kind == "share" else "counts"
            series[name] = Series(name, name, mode)
    first = Observation(window((1, 1)), DEATHS, 0.0)
    seen = [Observation(w, name, float(count)) for name, w, count in rows]
    return plan(build(Evidence(series, (first, *seen)), graph, date(2021, *until)), graph)


def parameters(graph, slope=0.8, base=-0.2):
    one = np.ones((1, 1, 1))
    return Parameters(
        slope=slope * np.linspace(1.0, 0.5, len(graph.slopes))[None],
        base={n.name: base * one for n in graph.nodes if n.kind in ("count", "event", "share")},
        noise={n.name: 0.4 * one for n in graph.nodes if n.kind == "share"},
        overdispersion=OVER * one,
    )


def on_ladder(cells, p, score=SCORE):
    return ladder_terms(Levels(cells, sweep_draws(cells, p), score), p)


def along(cells, p, path):
    """Log likelihood of each observation along one path of scores."""
    return path_terms(Levels(cells, sweep_draws(cells, p), np.array(path)[:, None]), p)


def moving(stay):
    """Transitions between three levels that are kept with probability `stay`."""
    away = 1.0 - stay
    return np.array(
        [
            [stay, 0.75 * away, 0.25 * away],
            [0.5 * away, stay, 0.5 * away],
            [0.25 * away, 0.75 * away, stay],
        ]
    )


def voted(cells, p, transition, start):
    """Marginal log likelihood with the ladder's weights."""
    emission, pairs = on_ladder(cells, p)
    with np.errstate(divide="ignore"):
        steps = np.tile(np.log(transition), (max(cells.months - 1, 1), 1, 1))
    for t, weight in pairs:
        steps[t] += weight[0]
    which = np.arange(cells.months - 1)
    return value_and_gradient(np.log(start), steps, which, emission[0])[0]


def enumerated(cells, p, transition, start):
    """Marginal log likelihood as the sum over every path of levels; counts are exact along one."""
    total = []
    for path in itertools.product(range(3), repeat=cells.months):
        chance = start[path[0]] * np.prod([transition[a, b] for a, b in itertools.pairwise(path)])
        if chance > 0:
            total.append(np.log(chance) + along(cells, p, SCORE[list(path)])[0].sum())
    return np.logaddexp.reduce(total)


# -------------------------------------------------------------------------------------------- votes


@pytest.mark.parametrize(
    ("first", "last"), [((1, 1), (3, 31)), ((1, 31), (6, 1)), ((2, 10), (4, 20)), ((5, 3), (5, 3))]
)
def test_the_votes_of_an_interval_sum_to_one(first, last):
    (cells,) = planned(SMALL, ("offers", window(first, last), 3)).counts
    assert (cells.months / cells.total).sum() == pytest.approx(1.0)
    assert cells.months.sum() * DAYS_PER_MONTH == pytest.approx(window(first, last).days)
    assert (cells.total == cells.total[0]).all()


@pytest.mark.parametrize("count", [0, 1, 7])
def test_a_count_inside_one_month_is_exact(count):
    p = parameters(SMALL)
    cells = planned(SMALL, ("offers", window((3, 5), (3, 20)), count))
    emission, pairs = on_ladder(cells, p)
    mean = np.exp(-0.2 + 0.8 * SCORE) * 16 / DAYS_PER_MONTH
    np.testing.assert_allclose(emission[0, 2], log_count(float(count), mean, OVER), atol=1e-12)
    assert not emission[0, [0, 1, 3, 4, 5]].any()
    assert pairs == []


@pytest.mark.parametrize("node", ["offers", "talks"])
@pytest.mark.parametrize("count", [0, 1, 6])
def test_a_count_over_two_months_is_the_sum_over_both_months_counts(node, count):
    p, sign = parameters(WIDE), WIDE.node[node].reading
    slope = p.slope[0, WIDE.slopes.index(f"{TENSION}->{node}")]
    cells = planned(WIDE, (node, window((2, 20), (3, 12)), count))
    _, ((first, weight),) = on_ladder(cells, p)
    assert first == 1
    mean = np.exp(-0.2 + sign * slope * SCORE) / DAYS_PER_MONTH
    for i, j in itertools.product(range(3), repeat=2):
        parts = [
            log_count(float(y), 9 * mean[i], OVER) + log_count(float(count - y), 12 * mean[j], OVER)
            for y in range(count + 1)
        ]
        assert weight[0, i, j] == pytest.approx(np.logaddexp.reduce(parts), abs=1e-10)


@pytest.mark.parametrize("stay", [1.0, 0.9, 0.5])
def test_months_and_pairs_of_months_are_exact_on_the_whole_chain(stay):
    rows = [
        ("offers", month(1), 1),
        ("offers", window((2, 1), (3, 31)), 4),
        ("offers", window((4, 10), (5, 5)), 0),
    ]
    cells = planned(SMALL, *rows, until=(5, 31))
    arguments = cells, parameters(SMALL), moving(stay), np.array([0.5, 0.3, 0.2])
    assert voted(*arguments) == pytest.approx(enumerated(*arguments), abs=1e-10)


# --------------------------------------------------------------------------- the bias of the votes

LONG = {3: window((1, 1), (3, 31)), 5: window((1, 1), (5, 31))}


def long_total(months, count):
    return planned(SMALL, ("offers", LONG[months], count), until=(LONG[months].end.month, 31))


def simulated_totals(months, transition, start, p, slope, draws=2000):
    """Totals over the months along level paths drawn from the chain."""
    rng = np.random.default_rng(1)
    level = rng.choice(3, size=draws, p=start)
    days = np.array([31, 28, 31, 30, 31])[:months] / DAYS_PER_MONTH
    mean = np.zeros(draws)
    for exposure in days:
        mean += np.exp(-0.2 + slope * SCORE[level]) * exposure
        level = (rng.random(draws)[:, None] > transition[level].cumsum(1)).sum(1)
    return rng.negative_binomial(mean / OVER, 1.0 / (1.0 + OVER))


@pytest.mark.parametrize("months", LONG)
@pytest.mark.parametrize("count", [0, 2, 30])
def test_votes_are_exact_when_the_level_cannot_change(months, count):
    arguments = long_total(months, count), parameters(SMALL), np.eye(3), np.array([0.5, 0.3, 0.2])
    assert voted(*arguments) == pytest.approx(enumerated(*arguments), abs=1e-10)


@pytest.mark.parametrize("months", LONG)
def test_votes_are_exact_for_a_total_of_none(months):
    # the log probability of no count at all is linear in the mean
    arguments = long_total(months, 0), parameters(SMALL), moving(0.5), np.array([0.5, 0.3, 0.2])
    assert voted(*arguments) == pytest.approx(enumerated(*arguments), abs=1e-10)


# measured (nats of one total): mean bias -0.021, -0.057, -0.043, -0.113, -0.334; worst -0.038,
# -0.099, -0.074, -0.187, -1.48; the bounds are those with about a tenth to spare
@pytest.mark.parametrize(
    ("stay", "slope", "months", "mean", "worst"),
    [
        (0.95, 0.8, 3, 0.024, 0.042),
        (0.95, 0.8, 5, 0.064, 0.11),
        (0.90, 0.8, 3, 0.048, 0.082),
        (0.90, 0.8, 5, 0.125, 0.21),
        (0.90, 1.5, 5, 0.37, 1.7),
    ],
)
def test_the_votes_of_a_long_total_understate_it_by_little(stay, slope, months, mean, worst):
    transition, p = moving(stay), parameters(SMALL, slope)
    start = np.linalg.matrix_power(transition, 500)[0]
    totals = simulated_totals(months, transition, start, p, slope)
    bias = {}
    for count in np.unique(totals):
        cells = long_total(months, count)
        bias[count] = voted(cells, p, transition, start) - enumerated(cells, p, transition, start)
    seen = np.array([bias[count] for count in totals])
    # Jensen: the log probability of a total is concave in its mean, so votes never overstate
    assert seen.max() <= 1e-10
    assert seen.min() >= -worst
    assert -mean <= seen.mean() < 0


# -------------------------------------------------------------------------------------------- paths

EVERYTHING = [
    ("offers", month(1), 2),
    ("offers", window((2, 1), (3, 31)), 3),
    ("talks", window((2, 1), (6, 30)), 4),
    ("view", window((1, 1), (4, 30)), 0.3),
    ("treaty", window((5, 9)), 1),
]


@pytest.mark.parametrize("score", [-0.7, 0.0, 1.9])
def test_a_ladder_of_one_level_is_a_flat_path(score):
    graph = replace(WIDE, edges=tuple(e for e in WIDE.edges if not e.lag))
    cells = planned(graph, *EVERYTHING, covered=("treaty",))
    p = parameters(graph)
    emission, pairs = on_ladder(cells, p, np.array([score]))
    ladder = emission.sum() + sum(weight.sum() for _, weight in pairs)
    terms, _ = along(cells, p, [score] * cells.months)
    assert terms.sum() == pytest.approx(ladder, abs=1e-10)


def test_each_term_of_a_path_speaks_about_its_last_month():
    cells = planned(WIDE, *EVERYTHING, covered=("treaty",))
    terms, months = along(cells, parameters(WIDE), np.linspace(-1, 1, cells.months))
    assert terms.shape == (1, len(months))
    shares, events, counts = [0, 1, 2, 3], [0, 1, 2, 3, 4], [0, 5, 2]
    assert months.tolist() == shares + events + counts


def test_a_path_without_any_evidence_but_deaths_has_no_terms():
    cells = planned(WIDE)
    terms, months = along(cells, parameters(WIDE), np.zeros(cells.months))
    assert terms.shape == (1, 0)
    assert months.shape == (0,)


# --------------------------------------------------------------------------------------------- lags


def test_an_event_decided_last_month_speaks_about_last_month():
    cells = planned(WIDE, ("troops", window((4, 9)), 0), covered=("troops",))
    (troops,) = cells.events
    # January's chance hangs on December, which the panel does not hold
    assert troops.month.tolist() == [0, 1, 2]
    assert troops.value[:, 0].tolist() == [0, 0, 1]
    p = parameters(WIDE)
    emission, _ = on_ladder(cells, p)
    to = dict(zip(WIDE.slopes, p.slope[0], strict=True))
    level = to["idle->troops"] * to["tension->idle"] * SCORE
    exposure = np.array([28, 31, 30]) / DAYS_PER_MONTH
    for row, happened in enumerate((0.0, 0.0, 1.0)):
        exact = log_event(happened, -0.2, -level, exposure[row])
        np.testing.assert_allclose(emission[0, row], exact, atol=1e-12)
    assert not emission[0, 3:].any()


def test_a_lagged_arrow_acts_while_its_moderator_holds():
    graph = CausalGraph(
        "moderated",
        (Node(TENSION, "process"), Node("offers", "count"), Node("answers", "count"),
         Node("troops", "event", reading=-1)),
        (Edge(TENSION, "offers"), Edge("offers", "answers", lag=1, moderator="troops")),
    )  # fmt: skip
    rows = [("offers", month(m), 2 * m) for m in (1, 2, 3)] + [("answers", month(4), 1)]
    leave = ("troops", window((3, 10)), 0)
    cells = planned(graph, *rows, leave, covered=("troops",), until=(4, 30))
    p = parameters(graph)
    level = sweep_draws(cells, p)[0, cells.sweep.position("answers"), :, 0]
    assert np.flatnonzero(level).tolist() == [1]
    slope = dict(zip(graph.slopes, p.slope[0], strict=True))
    carried = np.log(2.5 / (np.exp(-0.2) * 31 / DAYS_PER_MONTH + 0.5))
    last = {"offers": carried}
    plain = walk(graph, slope, last, lambda name, level: 0.0 if name == "troops" else level)
    assert level[1] == pytest.approx(plain["answers"])


def test_a_moderator_acts_in_the_month_that_is_decided():
    nodes = (Node(TENSION, "process"), Node("troops", "event", reading=-1), Node("treaty", "event"))
    graph = CausalGraph("late", nodes, (Edge(TENSION, "treaty", lag=1, moderator="troops"),))
    leave = ("troops", window((3, 10)), 0)
    cells = planned(graph, leave, covered=("troops", "treaty"), until=(4, 30))
    gain = sweep_draws(cells, parameters(graph))[0, cells.sweep.position("treaty"), :, 1]
    # January's tension decides February; from March on there are no troops to make it act
    assert gain.tolist() == [0.8, 0, 0, 0]


def lagged(cause, effect, *others):
    """A graph with a lagged arrow between two kinds of node, and more arrows into the effect."""
    kinds = {"slow": "index", "poll": "share", "tally": "count", "quick": "index", "view": "share"}
    kinds |= {"offers": "count", "treaty": "event", "other": "index"}
    nodes = (Node(TENSION, "process"), *(Node(n, k) for n, k in kinds.items()))
    edges = tuple(Edge(c, effect, lag=lag) for c, lag in others)
    return CausalGraph("lagged", nodes, (Edge(cause, effect, lag=1), *edges))


@pytest.mark.parametrize(
    ("graph", "told"),
    [
        (lagged("slow", "treaty", ("quick", 0)), "'treaty' has the lagged hidden cause 'slow'"),
        (lagged("slow", "treaty", ("tally", 1)), "'treaty' has the lagged hidden cause 'slow'"),
        (lagged(TENSION, "offers"), "'offers' has the lagged hidden cause 'tension'"),
        (lagged("poll", "view"), "'view' has the lagged hidden cause 'poll'"),
        (lagged("slow", TENSION), "'tension' has the lagged hidden cause 'slow'"),
    ],
)
def test_last_months_hidden_level_is_refused_where_it_would_be_forgotten(graph, told):
    rows = [("offers", month(1), 1), ("view", month(1), 0.5)]
    with pytest.raises(GraphError, match=told):
        planned(graph, *rows, covered=("treaty",))


@pytest.mark.parametrize(
    "graph",
    [lagged("slow", "treaty", ("quick", 1)), lagged("tally", "treaty", ("quick", 0)),
     lagged("tally", "offers")],
)  # fmt: skip
def test_what_last_month_is_known_or_read_whole_is_accepted(graph):
    cells = planned(graph, ("offers", month(1), 1), covered=("treaty",))
    assert [c.node for c in cells.events] == ["treaty"]


def test_the_causes_of_an_unwatched_event_do_not_matter():
    graph = lagged("slow", "treaty", ("quick", 0))
    assert planned(graph, ("offers", month(1), 1)).events == ()


# ------------------------------------------------------------------------------------ shared steps


def test_months_that_differ_in_pull_have_their_own_step():
    # answers act on tension a month later: those of February on March, those of April on May
    rows = [("answers", month(2), 3), ("answers", month(4), 0)]
    first, which = shared_steps(planned(WIDE, *rows), [])
    february, march, april, may, june = which
    assert february == april == june
    assert len({february, march, may}) == len(first) == 3
    assert which[first - 1].tolist() == [0, 1, 2]


def test_equal_pulls_share_a_step_and_a_pair_keeps_its_own():
    cells = planned(WIDE, ("offers", month(1), 1))
    first, which = shared_steps(cells, [])
    assert (len(first), set(which)) == (1, {0})
    first, which = shared_steps(cells, [2])
    assert len(first) == 2
    assert (which == which[2]).tolist() == [False, False, True, False, False]


def test_one_month_has_no_step():
    first, which = shared_steps(planned(WIDE, until=(1, 31)), [])
    assert (len(first), len(which)) == (0, 0)


# -------------------------------------------------------------------------------------------- reach


def test_a_plan_leaves_out_what_the_evidence_cannot_reach():
    cells = planned(WIDE, ("view", month(2), 0.4))
    # answers pull on tension and offers on answers; the moderator of the view is kept with it
    assert set(cells.graph.node) == {TENSION, "view", "offers", "answers", "troops", "idle"}
    assert cells.slopes == WIDE.slopes
    assert {e.name for e in WIDE.edges} - {e.name for e in cells.graph.edges} == {
        "tension->talks",
        "tension->treaty",
        "view->unread",
    }
