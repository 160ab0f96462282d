"""The contest: one-step scores against closed forms and refits, and nothing later is seen."""

import itertools
import json
import math
import re
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

import caucasus_forecast as cf
from caucasus_forecast import evidence as rows
from caucasus_forecast import names, plots, posterior, priors, scoring, tension
from caucasus_forecast import panel as panels
from caucasus_forecast.case import Case
from caucasus_forecast.contesting import contest, links, months, named, outcomes, scored_months
from caucasus_forecast.contesting import entrants as who
from caucasus_forecast.contesting import run as hold
from caucasus_forecast.contesting import weights as mixing
from caucasus_forecast.contesting.entrants import NO_ARROWS, REFERENCE, Entrant, Fit
from caucasus_forecast.contesting.result import Contest
from caucasus_forecast.errors import CaseError, PriorError
from caucasus_forecast.estimate import mcse
from caucasus_forecast.evidence import Evidence, Observation, Window
from caucasus_forecast.likelihood import plan
from caucasus_forecast.models import reference
from caucasus_forecast.priors import Normal, PriorSet

EVE, SPAN = date(2020, 11, 30), np.arange("2020-12", "2021-04", dtype="M8[M]")


@pytest.fixture(scope="module")
def embedded():
    return rows.load().as_of(date(2021, 11, 30))


@pytest.fixture(scope="module")
def own():
    return Entrant("alyarli-2021", priors.load("alyarli-2021"))


@pytest.fixture(scope="module")
def bare():
    return Entrant(NO_ARROWS, priors.load("alyarli-2021"), arrows=False)


def from_prior(entrant, size=40, chains=2):
    """Draws of the prior in the shape of a fit: no sampler needed."""
    found = posterior.prior_draws(entrant.priors, entrant.graph, "ladder", size * chains, seed=3)
    parts = [found.isel(draw=slice(c * size, (c + 1) * size)) for c in range(chains)]
    draws = xr.concat(parts, names.CHAIN)
    return Fit(draws.assign_coords(chain=range(chains)), 1.0, passed=True, rhat=1.0)


@pytest.fixture
def patient(monkeypatch):
    """Never fit again."""
    monkeypatch.setattr(months, "MAX_K", np.inf)
    monkeypatch.setattr(months, "LEAST_LEFT", 0.0)


# --------------------------------------------------------------------------- what a month is asked


def test_the_bins_of_a_month_have_probability_one_at_every_level(embedded, own):
    ladder = who.ladder_of(embedded, own.graph, EVE)
    parts = [months.log_bin(ladder, first, 31.0) for first in scoring.BINS]
    np.testing.assert_allclose(special.logsumexp(parts, axis=0), 0.0, atol=1e-6)


def test_a_bin_is_the_sum_of_its_counts(embedded, own):
    ladder = who.ladder_of(embedded, own.graph, EVE)
    counts = np.arange(6, 11)
    plain = np.exp(ladder.log_deaths(counts, np.full(5, 30.0))).sum(0)
    np.testing.assert_allclose(np.exp(months.log_bin(ladder, 8, 30.0)), plain)


def with_deaths(evidence, month, count):
    """The same evidence, with another count in one month."""
    kept = [
        replace(o, count=float(count))
        if o.series == names.DEATHS and str(o.window.start)[:7] == month and o.window.whole_month
        else o
        for o in evidence.observations
    ]
    return Evidence(evidence.series, tuple(kept))


def alone(evidence):
    """The battle deaths, and what became of the event nodes before they could change."""
    kept = {names.DEATHS: evidence.series[names.DEATHS]}
    return Evidence(kept, tuple(o for o in evidence.observations if o.series == names.DEATHS))


def test_a_month_of_deaths_is_a_probability_over_bins(embedded, own):
    """Σ over bins of p(bin | before, θ) is one, for every draw."""
    deaths, draws = alone(embedded), from_prior(own, 20, 1).draws
    month = np.datetime64("2021-01")
    ladder = who.ladder_of(deaths, own.graph, EVE)
    before = who.log_likelihood(
        draws, who.record(deaths, own.graph, ladder, months.last_day(month - months.ONE_MONTH))
    )
    told = [
        who.log_likelihood(
            draws, months.asked(with_deaths(deaths, "2021-01", first), own, ladder, month)
        )
        - before
        for first in scoring.BINS
    ]
    np.testing.assert_allclose(special.logsumexp(told, axis=0), 0.0, atol=1e-6)


def test_a_month_without_a_row_of_its_own_is_not_asked_of_deaths(embedded, own):
    panel = panels.build(embedded, own.graph, EVE)
    assert months.deaths_of(panel, np.datetime64("2020-11")) is None
    december = panels.build(embedded, own.graph, date(2020, 12, 31))
    assert months.deaths_of(december, np.datetime64("2020-12")) == 27.0


def test_without_arrows_the_nodes_are_those_of_the_reference_model(embedded, bare):
    """The ladder adds to each draw what only its own parameters decide; the rest is equal."""
    fit = from_prior(bare, 12, 1)
    draws = fit.draws.assign(
        ladder_drift=0.0 * fit.draws["ladder_drift"],
        ladder_mobility=0.0 * fit.draws["ladder_mobility"],
    )
    ladder = who.ladder_of(embedded, bare.graph, EVE)
    found = who.log_likelihood(draws, who.record(embedded, bare.graph, ladder, EVE))[0]
    panel = panels.build(embedded, bare.graph, EVE)
    laid = plan(panel, bare.graph)
    p, mine = posterior.parameters(draws, bare.graph, "reference")
    process = reference.process(panel, laid)
    history = {"history_weight": np.ones((12, len(process.history)))}
    again = process.replay(laid, posterior.columns(p), mine | history, np.random.default_rng(0))
    told = again.log_likelihood.sum(1)
    np.testing.assert_allclose(found - found[0], told - told[0], atol=1e-8)
    assert np.ptp(told) > 1.0


def test_history_gives_each_bin_its_share_of_the_last_36_months(embedded, bare):
    march = np.datetime64("2021-03")
    laid = plan(panels.build(embedded, bare.graph, date(2021, 2, 28)), bare.graph)
    past = tension.own_history(laid.deaths, laid.months).history
    assert len(past) == 36
    bins = len(scoring.BINS)
    expected = math.log((1000 * (past == 0).mean() + 1) / (1000 + bins))
    assert months.log_bin_of_history(embedded, bare.graph, march) == pytest.approx(expected)
    law = scoring.class_probability(past, scoring.BINS)
    bits = scoring.ignorance(law, 0.0)
    assert -expected / math.log(2) == pytest.approx(float(bits))
    silent = alone(embedded).as_of(date(2020, 11, 30))
    assert months.log_bin_of_history(silent, bare.graph, np.datetime64("2020-11")) == 0.0


# --------------------------------------------------------------------------- nothing later is seen


@pytest.mark.parametrize("arrows", [True, False], ids=["view", "reference"])
def test_what_comes_after_a_month_does_not_change_its_score(embedded, own, patient, arrows):
    entrant = own if arrows else Entrant(REFERENCE, own.priors, arrows=False, history=True)
    changed = with_deaths(embedded, "2021-03", 400)
    late = Observation(
        Window(date(2021, 3, 2), date(2021, 3, 3)), "france", 3.0, id="not-in-the-tables"
    )
    changed = Evidence(changed.series, (*changed.observations, late))
    totals = []
    for evidence in (embedded, changed):
        epoch = next(iter(months.epochs(evidence, own.graph, SPAN)))
        steps = months.follow(entrant, epoch, from_prior(entrant), Case())
        steps = months._with_deaths(steps, entrant, epoch) if entrant.history else steps
        totals.append([s.score for s in steps])
    assert totals[0][:3] == totals[1][:3]
    assert totals[0][3] != totals[1][3]


def test_a_total_is_asked_of_the_month_in_which_it_ends(embedded, own):
    """How many meetings there were from January to May says nothing before the end of May."""
    total = next(o for o in embedded.observations if o.series == "working_group_meetings")
    assert str(total.window) == "2021-01-30 to 2021-05-31"
    more = Evidence(
        embedded.series,
        tuple(replace(o, count=50.0) if o is total else o for o in embedded.observations),
    )
    ladder, draws = who.ladder_of(embedded, own.graph, EVE), from_prior(own, 10, 1).draws

    def told(evidence, month):
        facts = months.asked(evidence, own, ladder, np.datetime64(month))
        return who.log_likelihood(draws, facts)

    np.testing.assert_array_equal(told(embedded, "2021-04"), told(more, "2021-04"))
    assert (told(embedded, "2021-05") != told(more, "2021-05")).all()


# --------------------------------------------------------------------------- leave-future-out


def test_the_weighted_mean_of_densities():
    values = np.log([[1.0, 2.0], [3.0, 6.0]])
    share = np.array([[0.1, 0.2], [0.3, 0.4]])
    score, influence = months.log_mean(values, share)
    assert score == pytest.approx(math.log(0.1 + 0.4 + 0.9 + 2.4))
    assert influence.mean() == pytest.approx(0.0, abs=1e-12)


def test_weights_are_the_likelihood_since_the_fit(embedded, own, patient):
    """A draw counts by the likelihood of what came since the fit; the tail alone is smoothed."""
    epoch = next(iter(months.epochs(embedded, own.graph, SPAN)))
    fit = from_prior(own)
    known = [who.log_likelihood(fit.draws, f) for f in epoch.known(own)]
    steps = months.follow(own, epoch, fit, Case())
    for i, step in enumerate(steps):
        ratio = known[i] - known[0]
        plain = np.exp(ratio - special.logsumexp(ratio))
        if i == 0:
            np.testing.assert_allclose(step.weights.share, 1 / ratio.size)
        assert step.weights.share.sum() == pytest.approx(1.0)
        order = np.argsort(ratio.ravel())
        assert (np.diff(step.weights.share.ravel()[order]) >= -1e-12).all()
        middle = order[: len(order) // 2]
        part, whole = step.weights.share.ravel()[middle], plain.ravel()[middle]
        np.testing.assert_allclose(part / part.sum(), whole / whole.sum(), rtol=1e-8)


def test_a_view_is_fitted_again_where_the_weights_fail(embedded, own, monkeypatch):
    asked = []

    def fake(entrant, facts, case):
        asked.append(len(facts.emission))
        return from_prior(entrant)

    monkeypatch.setattr(months, "fit", fake)
    monkeypatch.setattr(months, "LEAST_LEFT", 0.999)
    epoch = next(iter(months.epochs(embedded, own.graph, SPAN)))
    steps = months.follow(own, epoch, from_prior(own), Case())
    assert asked == [84, 85, 86]  # months of evidence: to December, January, February
    assert len({id(s.fit) for s in steps}) == 4
    monkeypatch.setattr(months, "LEAST_LEFT", 0.0)
    monkeypatch.setattr(months, "MAX_K", -10.0)
    assert len({id(s.fit) for s in months.follow(own, epoch, from_prior(own), Case())}) == 4


def test_weighted_draws_agree_with_a_fit_to_the_month_before(embedded, own):
    case = Case(draws=250, tune=400, seed=5)
    epoch = next(iter(months.epochs(embedded, own.graph, SPAN[:3])))
    weighted = months.follow(own, epoch, who.fit(own, epoch.known(own)[0], case), case)[2]
    assert weighted.weights.effective < 900  # it is the old fit that was weighed
    fresh = who.fit(own, epoch.known(own)[2], case)
    step = who.log_likelihood(fresh.draws, epoch.asked(own)[2]) - who.log_likelihood(
        fresh.draws, epoch.known(own)[2]
    )
    score, influence = months.log_mean(step, np.full(step.shape, 1 / step.size))
    error = math.hypot(weighted.mcse, mcse(influence))
    assert abs(weighted.score - score) < 4 * error
    assert error < 0.2


def test_epochs_are_years_and_read_by_the_ladder_of_their_eve(embedded, own):
    span = np.arange("2020-12", "2022-02", dtype="M8[M]")
    every = rows.load()
    first, second = months.epochs(every, own.graph, span)
    assert (len(first.months), len(second.months)) == (12, 2)
    assert (first.eve, second.eve) == (EVE, date(2021, 11, 30))
    np.testing.assert_array_equal(
        second.process.score, who.ladder_of(embedded, own.graph, second.eve).score
    )


# --------------------------------------------------------------------------- weights of the views


def brute_force(scores, steps=60):
    """Best weights of three views on a grid of the simplex."""
    density = np.exp(scores)
    grid = [
        np.array([a, b, steps - a - b]) / steps
        for a, b in itertools.product(range(steps + 1), repeat=2)
        if a + b <= steps
    ]
    return max(grid, key=lambda w: np.log(w @ density).sum())


def shortfall(scores, weights):
    """How far, at most, the mean log score of a mixture is below the best: it is concave."""
    density = np.exp(scores - scores.max(0))
    return np.log((density / (weights @ density)).mean(1).max())


@pytest.mark.parametrize("seed", range(5))
def test_stacking_is_the_best_mixture(seed):
    rng = np.random.default_rng(seed)
    scores = rng.normal(-3, 1, (3, 12))
    found, grid = mixing.stacking(scores), brute_force(scores)

    def total(w):
        return np.log(w @ np.exp(scores)).sum()

    assert total(found) >= total(grid) - 1e-9
    np.testing.assert_allclose(found, grid, atol=2 / 60)
    assert shortfall(scores, found) < 1e-5
    assert shortfall(scores, grid) * 12 >= total(found) - total(grid)


@given(st.integers(2, 8), st.integers(1, 30), st.integers(0, 1000))
def test_stacking_weights_are_weights_and_leave_nothing(views, count, seed):
    scores = np.random.default_rng(seed).normal(-5, 3, (views, count))
    found = mixing.stacking(scores)
    assert found.sum() == pytest.approx(1.0)
    assert (found >= 0).all()
    assert shortfall(scores, found) < 1e-4


def test_a_level_shared_by_all_views_changes_no_weight():
    scores = np.random.default_rng(1).normal(-3, 1, (4, 10))
    level = np.random.default_rng(2).normal(-600, 90, 10)
    np.testing.assert_allclose(mixing.stacking(scores), mixing.stacking(scores + level), atol=1e-6)
    np.testing.assert_allclose(
        mixing.posterior_weights(scores), mixing.posterior_weights(scores + level)
    )


def test_posterior_weights_are_bayes():
    scores = np.log([[0.5, 0.2], [0.25, 0.8]])
    np.testing.assert_allclose(mixing.posterior_weights(scores), [1 / 3, 2 / 3])


def test_bootstrap_draws_months_again_the_same_way_every_time():
    scores = np.random.default_rng(1).normal(-3, 1, (3, 6))
    first, second = mixing.resampled(scores, 7), mixing.resampled(scores, 7)
    np.testing.assert_array_equal(first[0], second[0])
    assert first[0].shape == first[1].shape == (mixing.RESAMPLES, 3)
    np.testing.assert_allclose(first[1].sum(1), 1.0)
    assert np.ptp(first[0][:, 0]) > 0


# --------------------------------------------------------------------------- links


def test_bayes_factors_match_conjugate_normals():
    """θ ~ N(0, 0.5²) and y | θ ~ N(θ, 1): each prior's evidence for y = 0.8 is known."""
    rng, y, base = np.random.default_rng(11), 0.8, Normal(0, 0.5)
    shrink = 0.25 / 1.25
    slope = rng.normal(shrink * y, math.sqrt(shrink), (4, 1000))
    views = [Normal(0, 0.1), Normal(0.65, 0.2), Normal(0.2, 0.5), base]
    found = links._link(slope, base, views)

    def evidence(prior):
        k = prior.kwargs
        return stats.norm(k["mu"], math.hypot(1, k["sigma"])).logpdf(y)

    exact = np.array([evidence(v) - evidence(base) for v in views])
    np.testing.assert_array_less(np.abs(found.log_factor - exact)[:3], 4 * found.mcse[:3])
    assert (found.log_factor[3], found.mcse[3]) == pytest.approx((0.0, 0.0), abs=1e-12)
    assert abs(found.log_range - np.ptp(exact)) < 4 * found.range_mcse
    assert found.k < 0.5


def test_a_ratio_with_a_heavy_tail_is_not_believed():
    slope = np.random.default_rng(2).normal(0, 0.1, (4, 500))
    found = links._link(slope, Normal(0, 0.1), [Normal(0, 1.0), Normal(0, 0.1)])
    assert found.k > 0.5
    assert links.verdict(5.0, 0.1, found.k) == links.UNSURE


def test_told_apart_begins_where_a_factor_of_three_is_sure():
    three = math.log(3)
    assert links.verdict(three + 0.2, 0.1, 0.0) == links.APART
    assert links.verdict(three + 0.1, 0.1, 0.0) == links.SAME
    assert links.verdict(three - 0.1, 0.0, 0.0) == links.SAME


def test_links_name_the_extremes_and_those_no_evidence_reaches(own):
    draws = from_prior(own, 100).draws
    views = {"a": priors.load("alyarli-2021"), "s": priors.load("sceptical")}
    reached = own.graph.slopes[:5]
    found = links.factors(draws, views["a"], views, reached)
    assert set(found["verdict"].values[5:]) == {links.SILENT}
    assert links.SILENT not in set(found["verdict"].values[:5])
    np.testing.assert_allclose(found["log_factor"].sel(view="a"), 0.0, atol=1e-12)
    ranked = found["log_factor"].values
    np.testing.assert_allclose(found["log_range"], ranked.max(1) - ranked.min(1))
    for e in found[names.EDGE].values[:5]:
        one = found.sel(edge=e)
        gap = one["log_factor"].sel(view=one["most"].item()) - one["log_factor"].sel(
            view=one["least"].item()
        )
        assert float(gap) == pytest.approx(float(one["log_range"]))


# --------------------------------------------------------------------------- scenarios


def test_only_what_has_come_due_is_scored():
    assert outcomes.settled("alyarli-2021", date(2021, 11, 29)) == ()
    assert [r.states for r in outcomes.settled("alyarli-2021", date(2022, 11, 30))] == [
        ("S7", "S8"), ("S1",),
    ]  # fmt: skip
    assert outcomes.settled("another", date(2030, 1, 1)) == ()
    assert {r.horizon for r in outcomes.resolutions()} == {12}


def test_counts_and_conflicts_of_ones_own_have_no_outcome_on_record():
    late = date(2026, 1, 1)
    assert len(outcomes.due(Case(), late)) == 5
    assert outcomes.due(Case(evidence="mine.csv"), late) == ()
    assert outcomes.due(Case(scenarios="mine.toml"), late) == ()


def test_a_scenario_score_is_the_log_of_the_probability_of_what_came(embedded, own):
    case = Case(draws=40, chains=2, as_of=date(2021, 11, 30))
    entered = who.line_up({"alyarli-2021": own.priors})
    fits = {e.name: from_prior(e) for e in entered}
    asked = []

    def fitted(entrant, day):
        asked.append(day)
        return fits[entrant.name]

    found = outcomes.score(entered, embedded, case, date(2021, 11, 30), fitted, lambda _: None)
    assert asked == [EVE] * 3
    told = found["probability"].values
    np.testing.assert_allclose(
        found["log_score"], np.log(np.maximum(told, 0.5 / (2 * 40 * case.paths)))
    )
    assert ((told >= 0) & (told <= 1)).all()
    assert (found["mcse"] > 0).all()
    assert found["states"].item() == "S7 or S8"


# --------------------------------------------------------------------------- the result


def made(scores, failed=0, due=1):
    """A contest of invented numbers: rows own, other, no arrows, reference."""
    views = {n: priors.load(n) for n in ("alyarli-2021", "sceptical")}
    labels = [*views, NO_ARROWS, REFERENCE]
    scores = np.asarray(scores, float)
    span = SPAN[: scores.shape[1]]
    month = {"view": labels, names.MONTH: span.astype("M8[ns]")}
    dims = ("view", names.MONTH)
    one_step = xr.Dataset(
        {
            "log_score": (dims, scores),
            "mcse": (dims, np.full(scores.shape, 0.01)),
            "k": (dims, np.full(scores.shape, -np.inf)),
            "total_mcse": ("view", np.full(4, 0.03)),
            "fits": ("view", [2, 2, 1, 1]),
            "failed": ("view", [failed, 0, 0, 0]),
            "max_rhat": ("view", [1.004, 1.002, 1.0, 1.0]),
        },
        coords=month,
    )
    edges = ["tension->pressure", "tension->mediation", "treaty->tension"]
    factors = xr.Dataset(
        {
            "log_factor": ((names.EDGE, "view"), [[0.1, 0.2], [0, 2.0], [0, 9.0]]),
            "least": (names.EDGE, ["alyarli-2021"] * 3),
            "most": (names.EDGE, ["sceptical"] * 3),
            "log_range": (names.EDGE, [0.1, 2.0, 9.0]),
            "range_mcse": (names.EDGE, [0.01, 0.1, 0.1]),
            "verdict": (names.EDGE, [links.SAME, links.APART, links.SILENT]),
        },
        coords={names.EDGE: edges, "view": list(views)},
    )
    origins = np.array(["2020-11-30", "2021-11-30"][:due], "M8[ns]")
    outcome = xr.Dataset(
        {
            "log_score": (("view", names.ORIGIN), np.log([[0.3] * due, [0.2] * due] * 2)),
            "mcse": (("view", names.ORIGIN), np.full((4, due), 0.02)),
            "probability": (("view", names.ORIGIN), np.array([[0.3] * due, [0.2] * due] * 2)),
            "states": (names.ORIGIN, ["S7 or S8", "S1"][:due]),
        },
        coords={"view": labels, names.ORIGIN: origins},
    )
    about = {"as_of": "2021-03-31", "seed": 1, "draws": 500, "chains": 4, "fits": 1, "failed": 0,
             "max_rhat": 1.001}  # fmt: skip
    return Contest(views, one_step, factors, outcome, about)


SCORES = [[-1.0, -2.0, -3.0, -2.0], [-2.0, -2.0, -2.0, -2.5], [-2.0] * 4, [-3.0] * 4]


def test_differences_carry_the_spread_over_months_and_the_monte_carlo_error():
    data = made(SCORES).scores.data.sel(view="sceptical")
    gap = np.array(SCORES[1]) - np.array(SCORES[0])
    half = stats.norm.ppf(0.95) * math.sqrt(4 * gap.var(ddof=1) + 2 * 0.03**2)
    assert float(data["less_own"]) == pytest.approx(gap.sum())
    assert float(data["less_own_lower"]) == pytest.approx(gap.sum() - half)
    assert float(data["less_own_upper"]) == pytest.approx(gap.sum() + half)
    np.testing.assert_allclose(data["cumulative"], np.cumsum(SCORES[1]))


def test_one_month_has_no_interval():
    shown = made([row[:1] for row in SCORES])
    assert np.isnan(shown.scores.data["less_own_lower"]).all()
    assert "nan" not in repr(shown)
    json.dumps(shown.to_json(), allow_nan=False)


def test_tables_rank_and_say_what_they_are():
    done = made(SCORES)
    assert [r[0] for r in done.scores.rows] == [
        "alyarli-2021", NO_ARROWS, "sceptical", REFERENCE,
    ]  # fmt: skip
    assert done.scores.rows[0][2] == "-8.00 ± 0.03"
    assert done.scores.rows[0][5] == ""
    assert [r[0] for r in done.links.rows] == [
        "tension -> mediation", "tension -> pressure", "treaty -> tension",
    ]  # fmt: skip
    assert done.links.rows[0][1] == links.APART
    assert (
        "told apart: 1, cannot tell them apart: 1, no evidence reaches it: 1"
        in (done.links.notes[0])
    )
    assert done.scenarios.header[-1] == "2020-11-30: S7 or S8"
    text = repr(done)
    assert "WARNING" not in text
    assert text.count("7 fits of 4 x 500 draws") == 1
    assert done._repr_html_().count("<table>") == 4


def test_nothing_due_is_said():
    assert "is not on record by then" in repr(made(SCORES, due=0).scenarios)


def test_failed_fits_are_said_everywhere():
    done = made(SCORES, failed=1)
    assert not done.passed
    for table in done.tables:
        assert "WARNING: 1 of 7 fits failed their checks (largest R-hat 1.004)" in repr(table)
    assert done.to_json()["about"]["passed"] is False


def test_the_mixture_is_the_pool_of_the_stacking_weights():
    done = made(SCORES)
    scores = np.array(SCORES[:2])
    weights = mixing.stacking(scores)
    assert 0.05 < weights[0] < 0.95
    expected = priors.pool({"alyarli-2021": weights[0], "sceptical": weights[1]})
    assert isinstance(done.mixture, PriorSet)
    for key, prior in expected.items():
        assert prior.kwargs == pytest.approx(done.mixture[key].kwargs, rel=1e-5)


def test_json_holds_every_number():
    body = made(SCORES).to_json()
    text = json.loads(json.dumps(body, allow_nan=False))
    assert text["scores"]["view"][0] == "alyarli-2021"
    assert text["scores"]["month"][0] == "2020-12-01"
    assert text["scores"]["k"][0][0] is None
    assert text["links"]["verdict"][0] == links.APART
    assert text["mixture"]["name"] == made(SCORES).mixture.name


def test_the_picture_shows_the_lead_over_the_benchmark():
    figure = plots.contest(made(SCORES))
    axes = figure.axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    np.testing.assert_allclose(
        lines["alyarli-2021"].get_ydata(), np.cumsum(np.array(SCORES[0]) + 2.0)
    )
    assert REFERENCE in lines
    assert "nats" in axes.get_ylabel()
    assert not any("CHECKS FAILED" in t.get_text() for t in figure.texts)
    failed = plots.contest(made(SCORES, failed=1))
    assert any("CHECKS FAILED" in t.get_text() for t in failed.texts)
    assert plots.render(figure)[1:4] == b"PNG"


# --------------------------------------------------------------------------- the front door


def test_the_whole_contest_of_a_later_day():
    """Two views, as of the end of 2023: four years of forecasts have come due by then, or three."""
    case = Case(as_of=date(2023, 12, 31), draws=30, tune=60, chains=2, paths=2)
    views = named(case, ["sceptical"])
    lines = []
    done = hold(case, views, rows.load().as_of(case.as_of), case.as_of, "2023-11", lines.append)
    assert list(done.views) == ["alyarli-2021", "sceptical"]
    assert [str(m)[:7] for m in done.months[names.MONTH].values] == ["2023-11", "2023-12"]
    assert done.outcomes.sizes[names.ORIGIN] == 3
    assert np.isfinite(done.months["log_score"]).all()
    assert np.isfinite(done.outcomes["log_score"]).all()
    assert set(done.factors["verdict"].values) <= {
        links.APART, links.SAME, links.UNSURE, links.SILENT,
    }  # fmt: skip
    assert links.SILENT in done.factors["verdict"].values
    assert not done.passed  # thirty draws
    assert "2023-11 to 2023-12: alyarli-2021 (1 of 4)" in lines
    json.dumps(done.to_json(), allow_nan=False)


def test_the_public_name_is_the_function():
    assert cf.contest is contest
    assert cf.Contest is Contest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"views": "sceptical"}, "views is 'sceptical'; give a list, as ['sceptical']"),
        ({"views": ["alyarli-2021"]}, "'alyarli-2021' alone; give at least one other view"),
        ({"views": [], "case": Case(model="drift")}, "model 'drift'; use one with 'ladder'"),
        ({"start": "December"}, "start: 'December' is not a month; write it as 2020-12"),
        ({"start": "2020-13"}, "start: '2020-13' is not a month"),
        ({"start": "2022-01"}, "2022-01 to 2021-11-30 holds no whole month; give an earlier"),
        ({"start": "2010-01"}, "no evidence on tension before 2010-01; give a month after 2014"),
        ({"as_of": "2020-12-30"}, "holds no whole month"),
        ({"draws": 2}, "draws is 2"),
        ({"case": "alyarly"}, "did you mean 'alyarli-2021'"),
    ],
)
def test_what_is_no_contest_is_refused(arguments, message):
    with pytest.raises(CaseError, match=re.escape(message)):
        contest(**arguments)


def test_names_of_views_are_their_own():
    twin = priors.load("sceptical").replace({"tension->pressure": Normal(0, 1)})
    renamed = PriorSet("sceptical", dict(twin))
    with pytest.raises(CaseError, match="two views are called 'sceptical'; rename one"):
        contest(["sceptical", renamed])
    with pytest.raises(CaseError, match="a view is called 'no arrows', as a benchmark is"):
        contest([PriorSet("no arrows", dict(twin))])
    twice = named(Case(), ["sceptical", "sceptical", "alyarli-2021"])
    assert list(twice) == ["alyarli-2021", "sceptical"]


def test_views_are_the_shipped_sets_that_disagree_about_a_link():
    own = priors.load("alyarli-2021")
    found = named(Case(), None)
    assert next(iter(found)) == "alyarli-2021"
    for name in priors.list():
        other = priors.load(name)
        apart = any(other[e] != own[e] for e in own.graph.slopes)
        assert (name in found) == (apart or name == "alyarli-2021")
    assert {"agnostic", "sceptical", "de-waal-2021"} < set(found)


def test_views_that_cannot_be_pooled_are_refused_before_any_fit(monkeypatch):
    def unwanted(*_):
        raise AssertionError

    monkeypatch.setattr(months, "one_step", unwanted)
    heavy = {"tension->pressure": priors.Prior("StudentT", {"nu": 2.0, "mu": 0.0, "sigma": 1.0})}
    case, view = Case(), priors.load("sceptical").replace(heavy)
    day = date(2021, 11, 30)
    with pytest.raises(PriorError, match="tension->pressure has no variance"):
        hold(case, named(case, [view]), rows.load().as_of(day), day, "2021-01", lambda _: None)


def test_a_day_inside_a_month_leaves_that_month_out():
    assert [str(m) for m in scored_months("2021-10", date(2021, 12, 30))] == ["2021-10", "2021-11"]


def test_no_evidence_on_tension_is_refused():
    silent = Evidence({}, ())
    with pytest.raises(CaseError, match="no evidence on tension before 2020-10; give counts"):
        hold(Case(), named(Case(), ["sceptical"]), silent, EVE, "2020-10", lambda _: None)


# --------------------------------------------------------------------------- on the command line


@pytest.fixture
def held(monkeypatch):
    """The command, with a contest of invented numbers."""
    asked = {}

    def fake(views, **options):
        asked.update(options, views=views)
        return made(SCORES, failed=asked.get("failed", 0))

    monkeypatch.setattr("caucasus_forecast.contesting.contest", fake)
    return asked


def test_the_command_prints_tables(held, capsys):
    from caucasus_forecast import cli

    assert cli.main(["contest", "sceptical", "--as-of", "2023-12-31", "--start", "2021-01"]) == 0
    assert held["views"] == ["sceptical"]
    assert held["as_of"] == date(2023, 12, 31)
    assert held["start"] == "2021-01"
    out = capsys.readouterr().out
    assert "One month ahead" in out
    assert "Weights of the views" in out


def test_the_command_writes_json_mixture_and_picture(held, capsys, tmp_path):
    from caucasus_forecast import cli

    saved, drawn = tmp_path / "mixture.toml", tmp_path / "contest.svg"
    assert cli.main(["contest", "--json", "--save", str(saved), "--plot", str(drawn)]) == 0
    assert held["views"] is None
    body = json.loads(capsys.readouterr().out)
    assert body["about"]["own"] == "alyarli-2021"
    assert priors.load(saved).digest == made(SCORES).mixture.digest
    assert drawn.read_bytes().startswith(b"<?xml")


def test_the_command_says_that_checks_failed(held, capsys):
    from caucasus_forecast import cli

    held["failed"] = 1
    assert cli.main(["contest"]) == 3
    assert "warning: 1 of 7 fits failed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--save", "mixture.json"], "--save mixture.json: the name must end in .toml"),
        (["--plot", "picture.pdf"], "--plot picture.pdf: the name must end in .svg or .png"),
        (["--save", "there.toml"], "there.toml: exists; name another file with --save"),
        (["--save", "no/such.toml"], "no/such.toml: there is no folder no; make it"),
    ],
)
def test_the_command_refuses_files_before_anything_slow(
    held, capsys, tmp_path, monkeypatch, options, message
):
    from caucasus_forecast import cli

    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.toml").write_text("")
    assert cli.main(["contest", *options]) == 2
    assert message in capsys.readouterr().err
    assert "views" not in held
