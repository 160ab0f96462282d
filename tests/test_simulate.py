"""Simulation and inference are one model: frequencies against exact probabilities, and do()."""

from datetime import date

import numpy as np
import pytest
from toys import LADDER

from caucasus_forecast import quantiles, simulate, streams
from caucasus_forecast.equations import count_mean, log_count, log_event, log_share, walk
from caucasus_forecast.errors import GraphError
from caucasus_forecast.evidence import Evidence, Observation, Series, Window
from caucasus_forecast.graph import CausalGraph, Edge, Node, load
from caucasus_forecast.learning import reference
from caucasus_forecast.likelihood import Levels, Parameters, ladder_terms, plan, sweep_draws
from caucasus_forecast.markov import value_and_gradient
from caucasus_forecast.names import DEATHS, TENSION
from caucasus_forecast.panel import Horizon, build
from caucasus_forecast.simulate import walking
from caucasus_forecast.tension import fit_ladder

PATHS = 200_000
TOY = CausalGraph(
    "toy",
    (
        Node(TENSION, "process"),
        Node("idle", "index"),
        Node("offers", "count"),
        Node("answers", "count"),
        Node("meetings", "count", reading=-1),
        Node("troops", "event", reading=-1),
        Node("treaty", "event"),
        Node("view", "share"),
    ),
    (
        Edge(TENSION, "offers"),
        Edge("offers", "answers", lag=1),
        Edge(TENSION, "meetings"),
        Edge(TENSION, "idle"),
        Edge("idle", "troops", lag=1),
        Edge(TENSION, "treaty", "-"),
        Edge("troops", "view"),
        Edge(TENSION, "view", moderator="troops"),
    ),
)
SLOPE = np.array([0.8, 0.5, 0.6, 1.0, 0.4, -0.7, 0.3, 0.5])
BASE = {
    "offers": -0.2,
    "answers": -0.7,
    "meetings": 0.1,
    "troops": -1.5,
    "treaty": -1.2,
    "view": 0.2,
}
SPREAD, NOISE = 0.6, 0.4
OWN = {"ladder.drift": 0.3, "ladder.mobility": 0.1}


def _rows(paths):
    return Parameters(
        slope=np.tile(SLOPE, (paths, 1)),
        base={n: np.full(paths, b) for n, b in BASE.items()},
        noise={"view": np.full(paths, NOISE)},
        overdispersion=np.full(paths, SPREAD),
    )


def _start(paths, level=None):
    """All paths at rest: nothing carried, quo status, at a level or at the initial distribution."""
    state = np.full(paths, level)
    if level is None:
        chance = np.tile(np.exp(LADDER.log_initial), (paths, 1))
        state = LADDER.start(chance, streams.stream(3, "start").random(paths))
    zeros = np.zeros(paths)
    return simulate.Origin(
        _rows(paths),
        {k: np.full(paths, v) for k, v in OWN.items()},
        state,
        dict.fromkeys(TOY.node, zeros),
        dict.fromkeys(("troops", "treaty"), zeros),
        {"view": np.full(paths, 0.5)},
    )


@pytest.fixture(scope="module")
def futures():
    months = np.arange("2021-01", "2021-04", dtype="datetime64[M]")
    return simulate.futures(TOY, LADDER, _start(PATHS), months, seed=11)


def _series(node, mode="events"):
    whole = (Window(date(2021, 1, 1), date(2021, 3, 31)),)
    return Series(node, node, mode, coverage=() if mode in ("counts", "share") else whole)


def _months(node, counts):
    ends = (31, 28, 31)
    return [
        Observation(Window(date(2021, m, 1), date(2021, m, ends[m - 1])), node, float(c))
        for m, c in enumerate(counts, start=1)
    ]


def _exact(observations, statuses=()):
    """Probability of observing this, from the log density: first step from `_start`'s levels."""
    series = {o.series: _series(o.series, "counts") for o in observations}
    series |= {DEATHS: Series(DEATHS, TENSION, "counts")}
    series |= {n: _series(n, "status") for n in statuses}
    deaths = [o for o in observations if o.series == DEATHS]
    if not deaths:  # tension needs a series: an empty far past, outside every likelihood term
        raise AssertionError("give deaths")
    data = build(Evidence(series, tuple(observations)), TOY, date(2021, 3, 31))
    cells = plan(data, TOY)
    p = Parameters(
        SLOPE[None], {n: np.full((1, 1, 1), b) for n, b in BASE.items()},
        {"view": np.full((1, 1, 1), NOISE)}, np.full((1, 1, 1), SPREAD),
    )  # fmt: skip
    levels = Levels(cells, sweep_draws(cells, p), LADDER.score)
    emission, pairs = ladder_terms(levels, p)
    deaths_emission, death_pairs = LADDER.death_terms(cells.deaths, cells.months)
    shared = LADDER.shared(cells)
    one = np.ones((1, 1))
    steps = LADDER.log_steps(
        OWN["ladder.drift"] * one, OWN["ladder.mobility"] * one, levels.pull(),
        [*death_pairs, *pairs], shared,
    )  # fmt: skip
    # futures advance once before the first month
    first = np.exp(LADDER.log_initial) @ np.exp(
        LADDER.log_step(
            np.array([OWN["ladder.drift"]]), np.array([OWN["ladder.mobility"]]), np.zeros(1)
        )[0]
    )
    weights = np.log(first), steps[0], shared[1], (emission + deaths_emission)[0]
    return float(np.exp(value_and_gradient(*weights)[0]))


def assert_as_often(hit, exact):
    error = 4.5 * np.sqrt(exact * (1 - exact) / PATHS)
    assert hit.mean() == pytest.approx(exact, abs=error)


@pytest.mark.parametrize("deaths", [(0, 0, 0), (1, 0, 2), (0, 3, 1)])
def test_deaths_come_as_often_as_their_likelihood_says(futures, deaths):
    hit = (futures[DEATHS] == deaths).all(1)
    assert_as_often(hit, _exact(_months(DEATHS, deaths)))


@pytest.mark.parametrize(
    ("node", "counts"),
    [
        ("offers", (0, 1, 0)),
        ("offers", (2, 0, 1)),
        ("meetings", (1, 0, 2)),
        ("meetings", (0, 0, 0)),
    ],
)
def test_counts_come_as_often_as_their_likelihood_says(futures, node, counts):
    deaths = (0, 1, 0)
    hit = (futures[DEATHS] == deaths).all(1) & (futures[node] == counts).all(1)
    assert_as_often(hit, _exact(_months(DEATHS, deaths) + _months(node, counts)))


def test_a_lagged_count_acts_through_what_happened(futures):
    deaths, offers, answers = (0, 0, 0), (2, 0, 0), (0, 1, 0)
    hit = np.ones(PATHS, bool)
    for node, counts in ((DEATHS, deaths), ("offers", offers), ("answers", answers)):
        hit &= (futures[node] == counts).all(1)
    rows = _months(DEATHS, deaths) + _months("offers", offers) + _months("answers", answers)
    assert_as_often(hit, _exact(rows))


@pytest.mark.parametrize("month", [1, 2, 3, None])
def test_an_event_comes_as_often_as_its_likelihood_says(futures, month):
    deaths = (0, 0, 1)
    hit = (futures[DEATHS] == deaths).all(1)
    after = np.array([month is not None and m >= month for m in (1, 2, 3)], float)
    hit &= (futures["treaty"] == after).all(1)
    change = (
        [] if month is None else [Observation(Window(*[date(2021, month, 9)] * 2), "treaty", 1.0)]
    )
    assert_as_often(hit, _exact(_months(DEATHS, deaths) + change, statuses=("treaty",)))


@pytest.mark.parametrize("month", [2, 3])
def test_an_event_decided_by_last_month_comes_as_often_as_its_likelihood_says(futures, month):
    # the panel knows no month before its first, so compare given that nothing happened in it
    deaths = (0, 0, 0)
    quiet = (futures["troops"][:, 0] == 0) & (futures[DEATHS] == deaths).all(1)
    hit = quiet & (futures["troops"][:, month - 1] == -1) & (futures["troops"][:, month - 2] == 0)
    change = [Observation(Window(*[date(2021, month, 9)] * 2), "troops", 0.0)]
    exact = _exact(_months(DEATHS, deaths) + change, statuses=("troops",))
    survived_first = np.exp(log_event(0.0, BASE["troops"], 0.0, 31 / 30.4375))
    assert_as_often(hit, exact * survived_first)


def test_a_share_has_the_density_of_its_likelihood(futures):
    quiet = futures["troops"][:, 0] == 0
    for level, score in enumerate(LADDER.score):
        at = quiet & np.isclose(futures[TENSION][:, 0], score)
        odds = np.log(futures["view"][at, 0] / (1 - futures["view"][at, 0]))
        centre = BASE["view"] + SLOPE[7] * score
        assert odds.mean() == pytest.approx(centre, abs=4.5 * NOISE / np.sqrt(at.sum()))
        grid = np.linspace(0.3, 0.8, 6)
        dens = np.exp(log_share(grid, BASE["view"], SLOPE[7] * score, NOISE))
        assert (dens > 0).all(), level


def test_many_counts_have_the_mean_and_variance_of_the_equation(rng):
    mean = np.full(PATHS, 2.5)
    drawn = quantiles.negative_binomial(rng.random(PATHS), mean, mean / SPREAD)
    assert drawn.mean() == pytest.approx(2.5, abs=0.02)
    assert drawn.var() == pytest.approx(2.5 * (1 + SPREAD), abs=0.08)
    for k in range(5):
        assert_as_often(drawn == k, float(np.exp(log_count(float(k), 2.5, SPREAD))))


def test_pymc_draws_the_same_prior_predictive():
    """Where PyMC can draw it: one month of each node kind, tension set, parameters from priors."""
    import pymc as pm
    import pytensor.tensor as pt

    score, days, size = 0.9, 31 / 30.4375, 40_000
    with pm.Model():
        b_offers, b_treaty, b_view = (
            pm.Normal(n, m, 0.3) for n, m in (("bo", 0.8), ("bt", -0.7), ("bv", 0.5))
        )
        base = {n: pm.Normal(f"base_{n}", BASE[n], 0.4) for n in ("offers", "treaty", "view")}
        mean = pm.math.exp(base["offers"] + b_offers * score) * days
        pm.NegativeBinomial("offers", mu=mean, alpha=mean / SPREAD)
        hazard = pm.math.exp(base["treaty"] + b_treaty * score) * days
        pm.Bernoulli("treaty", 1 - pm.math.exp(-hazard))
        pm.Deterministic(
            "view", pm.math.invlogit(pm.Normal("v", base["view"] + b_view * score, NOISE))
        )
        drawn = [pt.as_tensor(pm.modelcontext(None)[n]) for n in ("offers", "treaty", "view")]
        theirs = pm.draw(drawn, draws=size, random_seed=2)
    rng = np.random.default_rng(3)
    start = _start(size)
    slope = start.parameters.slope.copy()
    for place, centre in ((0, 0.8), (5, -0.7), (7, 0.5)):
        slope[:, place] = rng.normal(centre, 0.3, size)
    bases = {n: np.full(size, b) for n, b in BASE.items()}
    for n in ("offers", "treaty", "view"):
        bases[n] = rng.normal(BASE[n], 0.4, size)
    drawn = Parameters(slope, bases, start.parameters.noise, start.parameters.overdispersion)
    start = simulate.Origin(drawn, start.own, start.state, start.last, start.status, start.shares)
    months = np.arange("2021-01", "2021-02", dtype="datetime64[M]")
    ours = simulate.futures(TOY, LADDER, start, months, 6, do={TENSION: score, "troops": 0.0})
    for name, other in zip(("offers", "treaty", "view"), theirs, strict=True):
        mine = ours[name][:, 0].astype(float)
        error = 4.5 * np.hypot(mine.std(), other.std()) / np.sqrt(size)
        assert mine.mean() == pytest.approx(other.mean(), abs=error), name
        assert mine.std() == pytest.approx(other.std(), rel=0.05), name
    for k in range(6):
        _frequency_matches_two(ours["offers"][:, 0] == k, theirs[0] == k)


def _frequency_matches_two(one, two):
    error = 4.5 * np.sqrt((one.var() + two.var()) / len(one)) + 1e-12
    assert one.mean() == pytest.approx(two.mean(), abs=error)


def test_do_sets_a_node_and_cuts_its_causes():
    months = np.arange("2021-01", "2021-03", dtype="datetime64[M]")
    start = _start(5000)
    calm = simulate.futures(
        TOY, LADDER, start, months, 4, do={TENSION: -1.0}, record=("offers", "idle")
    )
    assert (calm[TENSION] == -1.0).all()
    np.testing.assert_allclose(calm["level:offers"], -SLOPE[0])
    fixed = simulate.futures(TOY, LADDER, start, months, 4, do={"offers": 2.0})
    free = simulate.futures(TOY, LADDER, start, months, 4)
    for node in (DEATHS, "meetings", "treaty", "troops", "view", TENSION):
        np.testing.assert_array_equal(fixed[node], free[node])  # not its effects: untouched
    assert fixed["offers"].mean() > 3 * free["offers"].mean()
    assert fixed["answers"][:, 1].mean() > free["answers"][:, 1].mean()


def test_do_on_a_state_holds_it():
    months = np.arange("2021-01", "2021-07", dtype="datetime64[M]")
    gone = simulate.futures(TOY, LADDER, _start(2000), months, 4, do={"troops": -1.0})
    assert (gone["troops"] == -1.0).all()


@pytest.mark.parametrize("cause", ["tension", "transport_delay", "stagnation", "turkey_alliance"])
def test_do_in_the_article_graph_is_the_sum_over_paths(cause):
    graph = load()
    rng = np.random.default_rng(8)
    slope = dict(zip(graph.slopes, rng.normal(size=len(graph.slopes)), strict=True))
    last = dict.fromkeys(graph.node, 0.0)

    def levels(value):
        found = {}

        def realise(name, level):
            found[name] = level
            if name == cause:
                return value
            return 0.0 if graph.node[name].kind in ("event", "process") else level

        walk(graph, slope, last, realise)
        return found

    moved = {n: levels(1.0)[n] - levels(0.0)[n] for n in graph.node}
    total = dict.fromkeys(graph.node, 0.0)
    total[cause] = 1.0
    for name in graph.order:
        if name != cause:
            total[name] = sum(
                slope[e.name] * total[e.cause]
                for e in graph.into[name]
                if e.lag == 0 and e.role != "gate" and graph.node[e.cause].kind not in ("event",)
                and (graph.node[e.cause].kind != "process" or e.cause == cause)
            )  # fmt: skip
    for name in graph.node:
        if name != cause:
            assert moved[name] == pytest.approx(total[name], abs=1e-10)


def test_an_unknown_node_is_refused_with_the_nearest():
    months = np.arange("2021-01", "2021-02", dtype="datetime64[M]")
    with pytest.raises(GraphError, match="did you mean 'offers'"):
        simulate.futures(TOY, LADDER, _start(10), months, 1, do={"ofers": 1.0})


def test_the_same_seed_gives_the_same_futures_and_another_does_not():
    months = Horizon(date(2021, 11, 30), 3).months
    one, two, other = (simulate.futures(TOY, LADDER, _start(500), months, s) for s in (1, 1, 2))
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])
    assert (one[DEATHS] != other[DEATHS]).any()


def test_futures_do_not_hang_on_how_many_paths_are_walked_together(monkeypatch):
    months = Horizon(date(2021, 11, 30), 3).months
    shifts = {"offers": np.linspace(0.0, 1.0, 700)[:, None]}
    together = simulate.futures(TOY, LADDER, _start(700), months, 1, shift=shifts)
    monkeypatch.setattr(walking, "BLOCK", 97)
    apart = simulate.futures(TOY, LADDER, _start(700), months, 1, shift=shifts)
    for name in together:
        np.testing.assert_array_equal(together[name], apart[name])


def test_fans_leave_the_futures_as_they_are():
    months = Horizon(date(2021, 11, 30), 3).months
    drawn = simulate.futures(TOY, LADDER, _start(600), months, 1)
    data = simulate.as_dataset(drawn, TOY, months, (2, 100, 3))
    for name in (TENSION, DEATHS):
        by_month = np.asfortranarray(drawn[name].astype("float32")).reshape(2, 100, 3, -1)
        data[name] = (data[name].dims, by_month)
    before = data.copy(deep=True)
    simulate.fans(data)
    assert data.identical(before)


def test_a_learned_ladder_moves_by_its_own_transitions():
    learned = reference(2020)
    rows = tuple(
        Observation(Window(date(y, 1, 1), date(y, 12, 31)), DEATHS, 20.0) for y in range(2015, 2021)
    )
    data = build(
        Evidence({DEATHS: Series(DEATHS, TENSION, "counts")}, rows),
        CausalGraph("t", (Node(TENSION, "process"),), ()), date(2020, 12, 31),
    )  # fmt: skip
    cells = plan(data, CausalGraph("t", (Node(TENSION, "process"),), ()))
    ladder = fit_ladder(learned, cells.deaths, cells.months)
    level = np.zeros(50_000, int)
    own = {"ladder.drift": np.zeros(50_000), "ladder.mobility": np.zeros(50_000)}
    for t in range(30):
        level = ladder.advance(level, np.zeros(50_000), own, streams.stream(1, t).random(50_000))
    exact = np.linalg.matrix_power(np.exp(ladder.log_reference), 30)[0]
    seen = np.bincount(level, minlength=len(exact)) / 50_000
    np.testing.assert_allclose(seen, exact, atol=0.012)
    assert count_mean(0.0, 0.0, 1.0) == 1.0
