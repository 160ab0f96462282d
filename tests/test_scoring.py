"""Scores by two routes, by hand, against published figures, and proper in expectation."""

import inspect

import numpy as np
import pandas as pd
import pytest
import scoringrules as sr
import xarray as xr
from scipy import signal, stats

from caucasus_forecast import scoring
from caucasus_forecast.errors import CaseError, EvidenceError
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
    pit,
    pit_given_positive,
    pit_histogram,
    pit_uniformity,
    rps,
    skill,
    skill_interval,
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


# --------------------------------------------------------------------------------- scores of draws


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


# ------------------------------------------------------------------------- scores of probabilities


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


# --------------------------------------------------------------------------------------- intervals


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


# -------------------------------------------------------------------------------------- propriety

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


# ------------------------------------------------------------------ probability integral transform


def transform(law, y):
    return law.cdf(y - 1), law.cdf(y)


def test_the_transform_of_draws_is_the_share_below_and_up_to():
    below, upto = pit(np.array([[0, 1, 1, 4], [2, 2, 2, 2]]), np.array([1, 9]))
    np.testing.assert_allclose(below, [0.25, 1.0])
    np.testing.assert_allclose(upto, [0.75, 1.0])
    weighted = pit(np.array([0, 1, 4]), 1, weight=np.array([1, 2, 1]))
    assert tuple(float(end) for end in weighted) == (0.25, 0.75)


def test_the_histogram_is_the_average_of_the_uniform_parts():
    below, upto = np.array([0.0, 0.1]), np.array([1.0, 0.35])
    expected = np.full(4, 0.5) + 0.5 * 4 * np.array([0.15, 0.1, 0, 0]) / 0.25
    np.testing.assert_allclose(pit_histogram(below, upto, 4), expected)


@pytest.mark.parametrize(("end", "place"), [(0.0, 0), (1.0, 3)])
def test_what_no_draw_reached_falls_in_the_last_bin(end, place):
    heights = pit_histogram(np.array([end]), np.array([end]), 4)
    np.testing.assert_allclose(heights, 4.0 * (np.arange(4) == place))


def test_the_histogram_of_a_right_forecast_is_flat_in_expectation():
    law = stats.nbinom(0.5, 0.1)
    y = np.arange(600)
    each = np.stack([pit_histogram(*(np.array([e]) for e in transform(law, k))) for k in y])
    np.testing.assert_allclose(law.pmf(y) @ each, 1.0, atol=1e-9)


def test_the_transform_given_positive_is_that_of_the_truncated_law():
    law, y = stats.nbinom(0.5, 0.1), np.array([1, 2, 30])
    below, upto = pit_given_positive(*transform(law, y), law.pmf(0))
    rest = 1 - law.pmf(0)
    np.testing.assert_allclose(upto, (law.cdf(y) - law.pmf(0)) / rest)
    np.testing.assert_allclose(below, (law.cdf(y - 1) - law.pmf(0)) / rest, atol=1e-15)


def test_a_count_held_impossible_has_the_transform_one():
    assert [float(e) for e in pit_given_positive(1.0, 1.0, 1.0)] == [1.0, 1.0]


def counts(rng, targets, mean=20.0, wrong=1.0, positive=False):
    """Transforms of right forecasts (or with the dispersion off by a factor) for random targets."""
    mu = rng.gamma(1.0, mean, targets)
    y = stats.nbinom(0.5, 0.5 / (0.5 + mu)).rvs(random_state=rng)
    law = stats.nbinom(0.5 * wrong, 0.5 * wrong / (0.5 * wrong + mu))
    below, upto = transform(law, y)
    if positive:
        return pit_given_positive(below[y > 0], upto[y > 0], law.pmf(0)[y > 0])
    return below, upto


@pytest.mark.parametrize(
    ("arguments", "most"),
    [
        ({"targets": 60}, 0.10),
        ({"targets": 500}, 0.08),
        ({"targets": 300, "mean": 1.0}, 0.09),
        ({"targets": 1000, "mean": 0.5, "positive": True}, 0.08),
    ],
)
def test_right_forecasts_are_rejected_as_often_as_stated(rng, arguments, most):
    p = np.array([pit_uniformity(*counts(rng, **arguments)) for _ in range(600)])
    assert 0.02 < (p < 0.05).mean() < most
    assert 0.4 < np.mean(p) < 0.6


def test_dependence_inside_a_block_is_allowed_for(rng):
    def one():
        shock = np.repeat(rng.normal(size=40), 12)
        z = np.sqrt(0.6) * shock + np.sqrt(0.4) * rng.normal(size=480)
        law = stats.nbinom(0.5, 0.05)
        ends = transform(law, law.ppf(stats.norm.cdf(z)))
        block = np.repeat(np.arange(40), 12)
        return pit_uniformity(*ends, block), pit_uniformity(*ends)

    blocked, alone = np.array([one() for _ in range(300)]).T
    assert 0.02 < (blocked < 0.05).mean() < 0.12
    assert (alone < 0.05).mean() > 0.3


@pytest.mark.parametrize("wrong", [0.5, 2.0])
def test_a_wrong_dispersion_is_found(rng, wrong):
    assert pit_uniformity(*counts(rng, 1000, wrong=wrong)) < 1e-4


def test_one_number_for_each_count_would_reject_right_forecasts(rng):
    from arviz_stats.base import array_stats

    below, upto = counts(rng, 2000, mean=1.0)
    p, *_ = array_stats.uniformity_test((below + upto) / 2, method="pot_c")
    assert p < 1e-6
    assert pit_uniformity(below, upto) > 0.01


def test_forecasts_that_are_sure_of_what_happens_are_uniform():
    assert pit_uniformity(np.zeros(50), np.ones(50)) == 1.0


def test_blocks_are_matched_by_name(rng):
    below, upto = (xr.DataArray(e.reshape(30, 20), dims=("origin", "country"))
                   for e in counts(rng, 600))  # fmt: skip
    country = xr.DataArray([f"c{i}" for i in range(20)], dims="country")
    flat = np.tile(country, 30)
    expected = pit_uniformity(below.values.ravel(), upto.values.ravel(), flat)
    assert pit_uniformity(below, upto, country) == pytest.approx(expected)
    assert pit_uniformity(below, upto.T, country) == pytest.approx(expected)


def test_too_few_blocks_are_refused():
    with pytest.raises(EvidenceError, match="9 independent blocks are too few"):
        pit_uniformity(np.zeros(90), np.ones(90), np.repeat(np.arange(9), 10))


# ------------------------------------------------------------------------------------------- skill


def test_skill_is_the_share_of_the_loss_that_is_saved():
    assert skill(np.array([[1.0, 2.0], [3.0, 0.0]]), np.full((2, 2), 3.0)) == 0.5
    assert skill(np.array([6.0]), np.array([3.0])) == -1.0


def test_targets_that_neither_scored_can_be_dropped():
    score, reference = np.array([1.0, np.nan, 2.0]), np.array([2.0, np.nan, 4.0])
    assert skill(score, reference, missing="drop") == 0.5
    with pytest.raises(EvidenceError, match="1 targets are missing in one of score and reference"):
        skill(score, np.array([2.0, 1.0, 4.0]), missing="drop")


def test_the_interval_is_that_of_block_resamples_of_both_alike(rng):
    reference = rng.gamma(1.0, 1.0, size=(5, 60))
    found = skill_interval(0.8 * reference, reference, seed=3)
    np.testing.assert_allclose(found, 0.2)
    again = skill_interval(0.8 * reference + 0.1, reference, seed=3)
    assert again.lower < again.value < again.upper
    assert again == skill_interval(0.8 * reference + 0.1, reference, seed=3)
    assert again != skill_interval(0.8 * reference + 0.1, reference, seed=4)


def test_a_block_is_a_stretch_of_consecutive_origins():
    """With score = 1 in the second of two years, whole blocks give all shares from 0 to 1."""
    score = np.r_[np.zeros(12), np.ones(12)]
    found = skill_interval(score, np.ones(24), seed=1, mass=0.999)
    assert found == (0.5, 0.0, 1.0)
    narrow = skill_interval(score, np.ones(24), seed=1, block=1)
    assert narrow.lower > 0.25


@pytest.mark.parametrize(("carried", "least"), [(0.0, 0.83), (0.5, 0.77)])
def test_the_interval_covers_the_skill_as_often_as_stated(rng, carried, least):
    def inside():
        drift = signal.lfilter([1.0], [1.0, -carried], rng.normal(size=200))[-144:]
        found = skill_interval(0.9 + 0.1 * drift, np.ones(144), seed=1, resamples=300)
        return found.lower <= 0.1 <= found.upper

    assert least < np.mean([inside() for _ in range(400)]) < 0.94


def test_labelled_scores_meet_by_name(rng):
    score = xr.DataArray(rng.random((48, 3)), dims=("origin", "country"))
    reference = xr.DataArray(rng.random((48, 3)) + 1, dims=("origin", "country"))
    expected = skill_interval(score.values.T, reference.values.T, seed=1)
    assert skill_interval(score, reference.T, seed=1) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"block": 0}, CaseError, "block is 0; give a whole number"),
        ({"resamples": 0}, CaseError, "resamples is 0"),
        ({"mass": 90}, CaseError, "mass is 90; give a probability"),
        ({"block": 30}, EvidenceError, "48 origins are fewer than two blocks of 30"),
        ({"missing": "keep"}, CaseError, "missing is 'keep'; .*Allowed: drop, refuse"),
    ],
)
def test_an_interval_that_means_nothing_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        skill_interval(np.ones(48), np.ones(48), seed=1, **arguments)


def test_a_reference_without_loss_is_refused():
    with pytest.raises(EvidenceError, match="the reference loses nothing"):
        skill(np.ones(3), np.zeros(3))


def test_origins_out_of_order_are_refused():
    score = xr.DataArray(np.ones(48), dims="origin", coords={"origin": np.arange(48)[::-1]})
    with pytest.raises(EvidenceError, match="not in order of time"):
        skill_interval(score, score, seed=1)


def test_other_targets_are_refused():
    score = xr.DataArray(np.ones(3), dims="country", coords={"country": ["a", "b", "c"]})
    with pytest.raises(EvidenceError, match="labels of the targets differ"):
        skill(score, score.assign_coords(country=["a", "b", "d"]))
    with pytest.raises(EvidenceError, match=r"score has shape \(3,\), reference \(4,\)"):
        skill(np.ones(3), np.ones(4))


# ------------------------------------------------------------------------------- labels and arrays

OF_DRAWS = {
    "crps": crps,
    "log1p_crps": log1p_crps,
    "threshold_crps": threshold_crps,
    "pit": lambda x, y, **k: pit(x, y, **k)[1],
    "interval": lambda x, y, **k: interval_score(*interval(x, **k), y, missing=policy(k)),
    "ignorance": lambda x, y, **k: ignorance(
        class_probability(x, BINS, **k), y, missing=policy(k)
    ),
    "rps": lambda x, y, **k: rps(class_probability(x, **k), y, missing=policy(k)),
    "brier": lambda x, y, **k: brier(at_least(x, 25, **k), 1.0 * (y >= 25), missing=policy(k)),
}  # fmt: skip


def policy(arguments):
    return arguments.get("missing", "refuse")


@pytest.fixture
def labelled(rng):
    draws = xr.DataArray(
        rng.poisson(30, size=(40, 3, 5)),
        dims=("draw", "country", "month"),
        coords={"country": ["a", "b", "c"], "month": np.arange(5)},
    )
    observed = xr.DataArray(
        rng.poisson(30, size=(5, 3)),
        dims=("month", "country"),
        coords={"country": ["a", "b", "c"], "month": np.arange(5)},
    )
    return draws, observed


@pytest.mark.parametrize("name", OF_DRAWS)
def test_labelled_draws_meet_what_happened_by_name(labelled, name):
    draws, observed = labelled
    found = OF_DRAWS[name](draws, observed)
    assert isinstance(found, xr.DataArray)
    plain = OF_DRAWS[name](draws.transpose("country", "month", "draw").values, observed.values.T)
    np.testing.assert_allclose(found.transpose("country", "month").values, plain)
    assert list(found.country.values) == ["a", "b", "c"]


def test_the_dimension_of_the_draws_may_have_another_name(labelled):
    draws, observed = labelled
    np.testing.assert_allclose(
        crps(draws.rename(draw="member"), observed, dim="member"), crps(draws, observed)
    )


def test_class_probabilities_carry_the_start_of_each_class(labelled):
    found = class_probability(labelled[0])
    assert found.dims == ("country", "month", "class")
    assert tuple(found["class"].values) == CLASSES


def test_one_forecast_meets_many_outcomes_and_a_weight_by_name(labelled):
    draws, observed = labelled
    one = draws.isel(country=0, month=0, drop=True)
    weight = xr.DataArray(np.arange(40.0), dims="draw")
    found = crps(one, observed, weight=weight)
    assert found.sizes == observed.sizes
    expected = energy(one.values, observed.values[2, 1], weight.values)
    assert found[2, 1].item() == pytest.approx(expected)


@pytest.mark.parametrize("name", OF_DRAWS)
def test_a_missing_value_is_refused_or_kept(name, case):
    draws, observed = case[0][:6].astype(float), case[1][:6].astype(float)
    whole = OF_DRAWS[name](draws, observed)
    draws[2, 5] = np.nan
    with pytest.raises(EvidenceError, match="1 of 222 values are missing"):
        OF_DRAWS[name](draws, observed)
    if name != "brier":
        kept = OF_DRAWS[name](draws, observed, missing="keep")
        np.testing.assert_array_equal(np.isnan(kept), np.arange(6) == 2)
        np.testing.assert_allclose(np.delete(kept, 2), np.delete(whole, 2))


def test_a_missing_observation_is_refused_or_kept(case):
    observed = case[1].astype(float)
    observed[[3, 7]] = np.nan
    with pytest.raises(
        EvidenceError, match=r"observed: 2 of 1000 values are missing \(NaN\); .*mis"
    ):
        crps(case[0], observed)
    kept = crps(case[0], observed, missing="keep")
    assert set(np.flatnonzero(np.isnan(kept))) == {3, 7}


def test_missing_transforms_are_refused_or_dropped(rng):
    below, upto = counts(rng, 100)
    holes = [np.r_[e, np.nan] for e in (below, upto)]
    with pytest.raises(EvidenceError, match="1 of 101 values are missing"):
        pit_histogram(*holes)
    np.testing.assert_allclose(pit_histogram(*holes, missing="drop"), pit_histogram(below, upto))
    label = np.arange(101) % 20
    expected = pit_uniformity(below, upto, label[:100])
    assert pit_uniformity(*holes, label, missing="drop") == pytest.approx(expected)
    with pytest.raises(EvidenceError, match="no target is left"):
        pit_histogram(np.array([np.nan]), np.array([np.nan]), missing="drop")


REFUSED = {
    "infinite": (lambda: crps(np.array([1.0, np.inf]), 1), "draws: inf is infinite"),
    "negative draw": (lambda: log1p_crps(np.array([-2, 1]), 1), "draws: -2 is negative"),
    "negative count": (lambda: ignorance(np.full(11, 1 / 11), -1), "observed: -1 is negative"),
    "negative class": (lambda: class_probability(np.array([-1, -1, 0])), "-1 and 1 more is neg"),
    "text": (lambda: crps(np.array(["a"]), 1), "draws holds <U1, not numbers"),
    "empty": (lambda: crps(np.array([]), 1), "draws is empty"),
    "a number for draws": (lambda: crps(3.0, 1), "draws is a single number"),
    "shapes": (
        lambda: crps(np.ones((3, 9)), np.ones(4)),
        r"targets do not match: draws \(3,\), observed \(4,\)",
    ),
    "weights": (
        lambda: crps(np.ones(9), 1, weight=np.ones(8)),
        "weight has 8 values along 'draw', the others 9",
    ),
    "negative weight": (
        lambda: crps(np.ones(2), 1, weight=np.array([2, -1])),
        "weight: -1 is negative",
    ),
    "no weight": (lambda: crps(np.ones(2), 1, weight=np.zeros(2)), "weight: 0 is the sum"),
    "no such dimension": (
        lambda: crps(xr.DataArray(np.ones(3), dims="draws"), 1),
        "draws has no dimension 'draw', name it with dim=; did you mean 'draws'",
    ),
    "named and not": (
        lambda: crps(xr.DataArray(np.ones((3, 2)), dims=("draw", "month")), np.ones(2)),
        "some targets have named dimensions and others not",
    ),
    "other labels": (
        lambda: crps(
            xr.DataArray(np.ones((3, 2)), dims=("draw", "month"), coords={"month": [1, 2]}),
            xr.DataArray(np.ones(2), dims="month", coords={"month": [1, 3]}),
        ),
        "labels of the targets differ",
    ),
    "other classes": (lambda: rps(np.full(11, 1 / 11), 1), "11 classes, starts has 5"),
    "sum": (lambda: rps(np.full(5, 0.25), 1), "probability: 1.25 is the sum"),
    "negative probability": (
        lambda: partition_log(np.array([1.5, -0.5]), 0),
        "probability: -0.5 is negative",
    ),
    "above one": (lambda: brier(1.2, 1), "probability: 1.2 is outside 0 to 1"),
    "a count for an outcome": (lambda: brier(0.2, 7), "happened: 7 is neither 0 nor 1"),
    "no such outcome": (
        lambda: partition_brier(np.array([0.5, 0.5]), 2),
        "outcome: 2 is not a place; the possibilities are 0 to 1",
    ),
    "crossed ends": (lambda: interval_score(3, 2, 1), "lower: 3 is above its upper end"),
    "crossed transform": (
        lambda: pit_histogram(np.array([0.5]), np.array([0.4])),
        "below: 0.5 is above upto",
    ),
    "a zero among positives": (
        lambda: pit_given_positive(0.0, 0.3, 0.3),
        r"0 is under F\(0\); give targets with y > 0 only",
    ),
    "block shape": (
        lambda: pit_uniformity(np.zeros(20), np.ones(20), np.arange(19)),
        r"block has shape \(19,\), the targets \(20,\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_scored_is_refused(what):
    call, message = REFUSED[what]
    with pytest.raises(EvidenceError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: interval(np.ones(3), 0.0), "mass is 0.0"),
        (lambda: ignorance(np.ones(1), 1, (0,), worth=0), "worth is 0"),
        (lambda: class_probability(np.ones(3), (1, 2)), r"starts is \(1, 2\); .* from 0 up"),
        (lambda: class_probability(np.ones(3), ()), r"starts is \(\)"),
        (lambda: rps(np.ones(1), 1, (0,)), "at least two classes"),
        (lambda: pit_histogram(np.zeros(1), np.ones(1), bins=0), "bins is 0"),
        (lambda: crps(np.ones(3), 1, missing="drop"), "missing is 'drop'; .*Allowed: keep, refuse"),
    ],
)
def test_an_argument_out_of_range_is_refused(call, message):
    with pytest.raises(CaseError, match=message):
        call()


def test_every_public_function_of_the_module_is_tested():
    public = {
        name
        for name, f in inspect.getmembers(scoring, inspect.isfunction)
        if f.__module__ == scoring.__name__ and not name.startswith("_")
    }
    assert public <= set(globals())


# ------------------------------------------------------------------------------ published figures


@pytest.fixture(scope="module")
def views(shared):
    """Official draws of the benchmark by month and country, and what happened, 2018 to 2021."""
    files = [
        shared / "data" / f"views_{name}_2018_2021.csv.gz"
        for name in ("actuals", "conflictology12")
    ]
    absent = [str(f) for f in files if not f.is_file()]
    if absent:
        pytest.skip(f"not there: {', '.join(absent)}; set CAUCASUS_FORECAST_SHARED to their folder")
    actual, draws = (pd.read_csv(f) for f in files)
    actual = actual.set_index(["month", "country_id"])["best_sb"].to_xarray()
    draws = draws.set_index(["month", "country_id", "draw"])["outcome"].to_xarray()
    return draws, actual


def by_year(score):
    year = [int(m[:4]) for m in score.month.values]
    return score.assign_coords(month=year).groupby("month").mean(...).values


def test_the_official_benchmark_scores_as_published(views):
    published = [14.483, 9.146, 21.339, 76.849]
    np.testing.assert_array_equal(by_year(crps(*views)).round(3), published)
    assert crps(*views).mean().item() == pytest.approx(30.454, abs=5e-4)


def test_the_official_interval_score_comes_out_of_interpolated_quantiles(views):
    draws, actual = views
    lower, upper = (draws.quantile(q, "draw").drop_vars("quantile") for q in (0.05, 0.95))
    assert by_year(interval_score(lower, upper, actual))[0].round(3) == 186.554


def test_the_ignorance_of_the_official_benchmark_is_that_of_its_twelve_values(views):
    draws, actual = views
    found = by_year(ignorance(class_probability(draws, BINS), actual))
    assert found[0].round(2) == 0.74
