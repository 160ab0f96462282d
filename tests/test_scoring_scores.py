"""Scores by two routes, by hand, and proper in expectation."""

import numpy as np
import pytest
import scoringrules as sr
from scipy import stats

from caucasus_forecast.scoring import (
    BINS,
    CLASSES,
    MASSES,
    THRESHOLDS,
    at_least,
    brier,
    class_probability,
    covered,
    crps,
    ignorance,
    interval,
    interval_score,
    log1p_crps,
    partition_brier,
    partition_log,
    rps,
    threshold_crps,
)


def energy(x, y, w=None):
    """CRPS over all pairs, for one target."""
    w = np.full(len(x), 1 / len(x)) if w is None else w / w.sum()
    spread = (w[:, None] * w * np.abs(x[:, None] - x)).sum()
    return (w * np.abs(x - y)).sum() - 0.5 * spread


@pytest.fixture
def case(rng):
    """A thousand forecasts of 37 draws, and what happened."""
    mean = rng.gamma(0.5, 40, size=(1000, 1))
    return rng.poisson(rng.gamma(1.0, mean, size=(1000, 37))), rng.poisson(mean[:, 0])


# ---------------------------------------------------------------------------------- scores of draws


def test_crps_is_the_sum_over_all_pairs(case):
    expected = [energy(x, y) for x, y in zip(*case, strict=True)]
    np.testing.assert_allclose(crps(*case), expected, atol=1e-10, rtol=0)


def test_weighted_crps_is_the_weighted_sum_over_all_pairs(case, rng):
    weight = rng.dirichlet(np.ones(37), size=1000)
    expected = [energy(x, y, w) for x, y, w in zip(*case, weight, strict=True)]
    np.testing.assert_allclose(crps(*case, weight=7 * weight), expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("estimator", ["nrg", "qd", "int"])
def test_crps_agrees_with_every_estimator_of_the_library(case, estimator):
    expected = sr.crps_ensemble(case[1], case[0], estimator=estimator, backend="numpy")
    np.testing.assert_allclose(crps(*case), expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("y", [0, 3, 9])
def test_crps_of_a_whole_distribution_is_its_closed_form(y):
    count = np.arange(200)
    law = stats.poisson(3.5)
    closed = ((law.cdf(count) - (y <= count)) ** 2).sum()
    assert crps(count, y, weight=law.pmf(count)) == pytest.approx(closed, abs=1e-10)
    assert closed == pytest.approx(float(sr.crps_poisson(y, 3.5)), abs=1e-10)


def test_weight_zero_pads_and_repeats_are_weights():
    assert crps(np.array([2, 5, 99]), 4, weight=np.array([1, 1, 0])) == crps(np.array([2, 5]), 4)
    repeated = crps(np.array([2, 2, 2, 5]), 4)
    assert crps(np.array([2, 5]), 4, weight=np.array([3, 1])) == pytest.approx(repeated)


def test_log1p_crps_is_the_crps_of_the_logs(case):
    expected = [energy(np.log1p(x), np.log1p(y)) for x, y in zip(*case, strict=True)]
    np.testing.assert_allclose(log1p_crps(*case), expected, atol=1e-10, rtol=0)


def test_threshold_crps_is_the_squared_error_above_the_threshold(case):
    count = np.arange(25, 20000)
    for x, y in zip(case[0][:50], case[1][:50], strict=True):
        cdf = np.searchsorted(np.sort(x), count, side="right") / len(x)
        expected = ((cdf - (y <= count)) ** 2).sum()
        assert threshold_crps(x, y) == pytest.approx(expected, abs=1e-8)


def test_threshold_crps_agrees_with_the_library(case):
    x, y = (part.astype(float) for part in case)
    expected = sr.twcrps_ensemble(y, x, a=25.0, estimator="nrg", backend="numpy")
    np.testing.assert_allclose(threshold_crps(x, y), expected, atol=1e-10, rtol=0)


# -------------------------------------------------------------------------- scores of probabilities


def test_classes_begin_at_their_starts():
    draws = np.array([0, 1, 24, 25, 99, 100, 999, 1000, 10**7, 0])
    np.testing.assert_allclose(class_probability(draws), np.array([2, 2, 2, 2, 2]) / 10)


def test_class_probabilities_sum_to_one_and_know_weights(case, rng):
    weight = rng.random((1000, 37))
    p = class_probability(case[0], BINS, weight=weight)
    np.testing.assert_allclose(p.sum(-1), 1.0, atol=1e-12)
    heavy = (weight * (case[0] == 0)).sum(1) / weight.sum(1)
    np.testing.assert_allclose(p[:, 0], heavy, atol=1e-12)


def test_ignorance_of_draws_adds_one_draw_to_each_bin():
    draws = np.r_[np.zeros(390), np.full(10, 7)]
    p = class_probability(draws, BINS)
    assert ignorance(p, 6, worth=400) == pytest.approx(-np.log2(11 / 411), abs=1e-12)
    assert ignorance(p, 1001, worth=400) == pytest.approx(-np.log2(1 / 411), abs=1e-12)


def test_ignorance_of_exact_probabilities_is_worth_a_thousand_draws():
    p = np.full(11, 0.05)
    p[0] = 0.5
    assert ignorance(p, 0) == pytest.approx(-np.log2(501 / 1011), abs=1e-12)


@pytest.mark.parametrize(
    ("count", "place"), [(0, 0), (2, 1), (3, 2), (1000, 9), (1001, 10), (113_554, 10)]
)
def test_ignorance_reads_the_bin_of_the_count(count, place):
    p = np.arange(1, 12) / 66
    assert ignorance(p, count) == pytest.approx(-np.log2((1000 * p[place] + 1) / 1011))


def test_rps_is_the_mean_brier_score_of_the_thresholds(case):
    p = class_probability(case[0])
    asked = [brier(at_least(case[0], k), case[1] >= k) for k in CLASSES[1:]]
    np.testing.assert_allclose(rps(p, case[1]), np.mean(asked, 0), atol=1e-10, rtol=0)


def test_rps_agrees_with_the_library_up_to_its_scale(case):
    p = class_probability(case[0])
    place = np.searchsorted(CLASSES, case[1], side="right")
    np.testing.assert_allclose(4 * rps(p, case[1]), sr.rps_score(place, p), atol=1e-10, rtol=0)


def test_brier_agrees_with_the_library(case):
    for threshold in THRESHOLDS:
        p, o = at_least(case[0], threshold), case[1] >= threshold
        np.testing.assert_allclose(brier(p, o), (p - o) ** 2, atol=1e-10, rtol=0)
        np.testing.assert_allclose(brier(p, o), sr.brier_score(o.astype(int), p), atol=1e-10)


def test_scores_of_a_partition_of_two_are_those_of_the_event(rng):
    p, o = rng.random(100), rng.integers(0, 2, 100)
    both = np.stack([1 - p, p], -1)
    np.testing.assert_allclose(partition_brier(both, o), 2 * brier(p, o), atol=1e-12)
    expected = sr.log_score(o, p) / np.log(2)
    np.testing.assert_allclose(partition_log(both, o), expected, atol=1e-10)


def test_what_was_held_impossible_costs_without_bound():
    assert partition_log(np.array([1.0, 0.0]), 1) == np.inf
    assert partition_brier(np.array([1.0, 0.0]), 1) == 2.0


# ---------------------------------------------------------------------------------------- intervals


@pytest.mark.parametrize("mass", MASSES)
def test_an_interval_holds_its_mass_of_the_draws(mass):
    draws = np.arange(1, 1001)
    lower, upper = interval(draws, mass)
    assert (lower, upper) == (round(500 * (1 - mass)), round(500 * (1 + mass)))
    assert covered(lower, upper, draws).mean() == pytest.approx(mass, abs=0.002)


@pytest.mark.parametrize("mass", MASSES)
def test_interval_score_agrees_with_the_formula_and_the_library(case, mass):
    lower, upper = interval(case[0], mass)
    y, alpha = case[1], 1 - mass
    outside = np.maximum(lower - y, 0) + np.maximum(y - upper, 0)
    found = interval_score(lower, upper, y, mass)
    np.testing.assert_allclose(found, upper - lower + 2 / alpha * outside, atol=1e-10, rtol=1e-12)
    library = sr.interval_score(y, lower, upper, alpha)
    np.testing.assert_allclose(found, library, atol=1e-10, rtol=0)


@pytest.mark.parametrize("mass", MASSES)
def test_a_right_forecast_covers_its_mass_or_more(rng, mass):
    draws = rng.negative_binomial(0.5, 0.02, size=(4000, 400))
    y = rng.negative_binomial(0.5, 0.02, size=4000)
    law = stats.nbinom(0.5, 0.02)
    lower, upper = law.ppf([round((1 - mass) / 2, 12), round((1 + mass) / 2, 12)])
    exact = law.cdf(upper) - law.cdf(lower - 1)
    assert exact >= mass
    assert covered(*interval(draws, mass), y).mean() == pytest.approx(exact, abs=0.03)


# ---------------------------------------------------------------------------------------- propriety

SUPPORT = np.arange(1500)


def laws():
    """The truth, and forecasts that are off in place, spread, shape or zeros."""
    truth = stats.nbinom(0.5, 0.5 / 40.5).pmf(SUPPORT)
    others = {
        "shifted": stats.nbinom(0.5, 0.5 / 55.5).pmf(SUPPORT),
        "lower": stats.nbinom(0.5, 0.5 / 30.5).pmf(SUPPORT),
        "wider": stats.nbinom(0.3, 0.3 / 40.3).pmf(SUPPORT),
        "narrower": stats.nbinom(0.8, 0.8 / 40.8).pmf(SUPPORT),
        "poisson": stats.poisson(40).pmf(SUPPORT),
        "more zeros": 0.9 * truth + 0.1 * (SUPPORT == 0),
        "a fat tail": 0.97 * truth + 0.03 / len(SUPPORT),
    }
    return truth / truth.sum(), {name: p / p.sum() for name, p in others.items()}


def ends(p, mass):
    reached = np.cumsum(p) + 1e-12
    return [np.searchsorted(reached, q) for q in ((1 - mass) / 2, (1 + mass) / 2)]


def exceeds(p, k):
    return min(p[k <= SUPPORT].sum(), 1.0)


PROPER = {
    "crps": lambda p: crps(SUPPORT, SUPPORT, weight=p),
    "log1p_crps": lambda p: log1p_crps(SUPPORT, SUPPORT, weight=p),
    "threshold_crps": lambda p: threshold_crps(SUPPORT, SUPPORT, weight=p),
    "ignorance": lambda p: ignorance(class_probability(SUPPORT, BINS, weight=p), SUPPORT),
    "rps": lambda p: rps(class_probability(SUPPORT, weight=p), SUPPORT),
    "partition_brier": lambda p: partition_brier(
        class_probability(SUPPORT, weight=p), np.searchsorted(CLASSES, SUPPORT, side="right") - 1
    ),
    "partition_log": lambda p: partition_log(
        class_probability(SUPPORT, weight=p), np.searchsorted(CLASSES, SUPPORT, side="right") - 1
    ),
    **{
        f"brier {k}": lambda p, k=k: brier(np.array(exceeds(p, k)), k <= SUPPORT)
        for k in THRESHOLDS
    },
    **{
        f"interval_score {mass}": lambda p, mass=mass: interval_score(*ends(p, mass), SUPPORT, mass)
        for mass in MASSES
    },
}


@pytest.mark.parametrize("name", PROPER)
def test_no_forecast_beats_the_truth_in_expectation(name):
    truth, others = laws()

    def expected(p):
        score = PROPER[name](p)
        return (truth[truth > 0] * score[truth > 0]).sum()

    best = expected(truth)
    for other, p in others.items():
        assert expected(p) > best - 1e-12, other
    assert expected(others["poisson"]) > best + 1e-4


def test_the_pseudo_count_costs_propriety_next_to_nothing(rng):
    gains = []
    for p in rng.dirichlet(np.full(11, 0.3), size=500):
        sharper = np.maximum(p * 1011 - 1, 0)
        sharper /= sharper.sum()
        bits = [-np.log2((1000 * q + 1) / 1011) @ p for q in (p, sharper)]
        gains.append(bits[0] - bits[1])
    assert max(gains) < 0.01
