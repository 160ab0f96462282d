"""Baselines: their rules, their exact probabilities, and the published figures of the benchmark."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from caucasus_forecast import baselines, scoring
from caucasus_forecast.baselines import (
    BASELINES,
    Distribution,
    empirical,
    find,
    global_pool,
    mixture,
    negative_binomial,
    poisson,
    positive_part,
)
from caucasus_forecast.errors import CaseError, EvidenceError

HISTORY = np.r_[np.full(30, 100), np.arange(24), 0, 0, 5, 0, 0, 9, 0, 0, 0, 0, 0, 3]
POOL = empirical([0, 0, 0, 0, 0, 0, 2, 2, 40, 3000])


def forecast(name, history=HISTORY, pool=POOL, horizon=3):
    return find(name)(history, pool, horizon)


# ------------------------------------------------------------------------------------ distributions


def test_the_distribution_function_and_the_quantiles_are_inverse(rng):
    d = empirical(rng.poisson(8, size=200))
    for q in (0.001, 0.05, 0.25, 0.5, 0.95, 1.0):
        v = d.quantile(q)
        assert d.cdf(v) >= q - 1e-12
        assert d.cdf(v - 1) < q
    assert d.cdf(-1) == 0.0
    assert d.cdf(10**9) == 1.0


@pytest.mark.parametrize("mass", scoring.MASSES)
def test_quantiles_are_those_of_the_values_as_draws(rng, mass):
    counts = rng.poisson(8, size=240)
    tail = round((1 - mass) / 2, 12)
    assert tuple(empirical(counts).quantile([tail, 1 - tail])) == scoring.interval(counts, mass)


@pytest.mark.parametrize("starts", [scoring.BINS, scoring.CLASSES, (0,)])
def test_class_probabilities_are_those_of_the_weighted_values(starts):
    d = negative_binomial(30.0, 4000.0)
    expected = scoring.class_probability(d.values, starts, weight=d.probability)
    np.testing.assert_allclose(d.class_probability(starts), expected, atol=1e-12)
    assert d.class_probability(starts).sum() == pytest.approx(1.0, abs=1e-12)


def test_draws_follow_the_distribution(rng):
    d = empirical([0, 0, 0, 5])
    drawn = d.draws(10_000, rng)
    assert drawn.shape == (10_000,)
    assert set(drawn) == {0, 5}
    assert (drawn == 5).mean() == pytest.approx(0.25, abs=0.02)


def test_a_distribution_cannot_be_changed():
    d = empirical([1, 2])
    with pytest.raises(ValueError, match="read-only"):
        d.probability[0] = 1.0


@pytest.mark.parametrize("mean", [1e-9, 0.3, 7.0, 800.0, 1e7])
def test_poisson_is_exact(mean):
    d = poisson(mean)
    law = stats.poisson(mean)
    np.testing.assert_allclose(d.cdf(d.values), law.cdf(d.values), atol=1e-11)
    assert (d.values * d.probability).sum() == pytest.approx(mean, rel=1e-6)
    assert d.quantile(0.9) == law.ppf(0.9)


@pytest.mark.parametrize(("mean", "variance"), [(0.1, 0.2), (12.0, 300.0), (500.0, 3e6)])
def test_the_negative_binomial_has_the_moments_asked_for(mean, variance):
    d = negative_binomial(mean, variance)
    found = (d.values * d.probability).sum()
    assert found == pytest.approx(mean, rel=1e-3)
    spread = ((d.values - found) ** 2 * d.probability).sum()
    assert spread == pytest.approx(variance, rel=2e-3)


def test_a_long_tail_is_cut_in_cells_and_stays_exact_at_their_ends():
    mean, variance = 5e5, 3e12
    d = negative_binomial(mean, variance)
    assert len(d.values) < 3 * baselines.WIDEST
    law = stats.nbinom(mean**2 / (variance - mean), mean / variance)
    np.testing.assert_allclose(d.cdf(d.values), law.cdf(d.values), atol=1e-11)
    expected = np.diff(np.r_[0.0, law.cdf(np.array(scoring.BINS[1:]) - 1), 1.0])
    np.testing.assert_allclose(d.class_probability(scoring.BINS), expected, atol=1e-11)


def test_without_extra_variance_the_negative_binomial_is_poisson():
    np.testing.assert_array_equal(negative_binomial(4.0, 4.0).values, poisson(4.0).values)
    assert tuple(negative_binomial(0.0, 0.0).values) == (0,)


def test_a_mixture_weighs_its_parts():
    d = mixture([(0.25, empirical([0, 1])), (0.75, empirical([1, 9]))])
    assert tuple(d.values) == (0, 1, 9)
    np.testing.assert_allclose(d.probability, [0.125, 0.5, 0.375])
    with pytest.raises(EvidenceError, match=r"probabilities sum to 0.5"):
        mixture([(0.5, empirical([0]))])


def test_the_positive_part_of_quiet_is_quiet():
    assert tuple(positive_part(empirical([0, 0])).values) == (0,)


def test_the_pool_is_every_series_over_the_last_months(rng):
    panel = rng.poisson(1, size=(5, 300))
    expected = empirical(panel[:, 60:].ravel())
    np.testing.assert_array_equal(global_pool(panel).values, expected.values)
    np.testing.assert_array_equal(global_pool(panel).probability, expected.probability)


@pytest.mark.parametrize(
    ("values", "probability", "message"),
    [
        ([0, 1], [1.0], "2 values and 1 probabilities"),
        ([1, 0], [0.5, 0.5], "not increasing"),
        ([0, 0], [0.5, 0.5], "not increasing"),
        ([0, 1], [0.5, 0.6], "sum to 1.1"),
        ([0, 1], [1.5, -0.5], "sum to 1 or one is negative"),
        ([0, 0.5], [0.5, 0.5], "0.5 is not a count"),
    ],
)
def test_what_is_no_distribution_is_refused(values, probability, message):
    with pytest.raises(EvidenceError, match=message):
        Distribution(np.array(values), np.array(probability))


@pytest.mark.parametrize("mass", [-0.1, 1.1, np.nan])
def test_a_quantile_outside_is_refused(mass):
    with pytest.raises(CaseError, match="give probabilities between 0 and 1"):
        POOL.quantile(mass)


def test_classes_that_do_not_rise_from_zero_are_refused():
    with pytest.raises(CaseError, match="from 0 up"):
        POOL.class_probability((1, 5))


# ------------------------------------------------------------------------------------ the baselines


def test_zero_is_sure_of_zero():
    assert forecast("zero").cdf(0) == 1.0


def test_last_poisson_has_the_mean_of_the_last_month():
    d = forecast("last_poisson")
    np.testing.assert_allclose(d.cdf(np.arange(9)), stats.poisson(3).cdf(np.arange(9)), atol=1e-12)
    assert tuple(forecast("last_poisson", history=[5, 0]).values) == (0,)


def test_conflictology_is_the_own_last_twelve_months():
    d = forecast("conflictology12")
    assert tuple(d.values) == (0, 3, 5, 9)
    np.testing.assert_allclose(d.probability * 12, [9, 1, 1, 1])


def test_conflictology_scores_as_its_twelve_members():
    d = forecast("conflictology12")
    exact = scoring.crps(d.values, 4, weight=d.probability)
    assert exact == pytest.approx(scoring.crps(HISTORY[-12:], 4), abs=1e-12)


def test_own36_is_the_own_last_thirty_six_months():
    np.testing.assert_array_equal(forecast("own36").values, np.arange(24))
    assert forecast("own36").cdf(0) == pytest.approx(10 / 36)


def test_five_per_cent_of_the_mixture_are_positive_months_of_the_pool():
    d = forecast("own36_global5")
    assert d.cdf(0) == pytest.approx(0.95 * 10 / 36)
    assert 1 - d.cdf(2999) == pytest.approx(0.05 / 4)


def test_the_negative_binomial_has_the_moments_of_the_last_two_years():
    d = forecast("negative_binomial24")
    window = HISTORY[-24:]
    found = (d.values * d.probability).sum()
    assert found == pytest.approx(window.mean(), rel=1e-9)
    spread = ((d.values - found) ** 2 * d.probability).sum()
    assert spread == pytest.approx(window.var(ddof=1), rel=1e-6)


def test_the_global_bootstrap_is_the_pool():
    assert forecast("global240") is POOL


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize(
    "history", [[0], [7], [0] * 400, [10**7] * 40, [0, 10**7, 0], HISTORY], ids=str
)
def test_every_baseline_takes_every_history(name, history):
    d = forecast(name, history=history, pool=global_pool([history]))
    assert d.probability.sum() == pytest.approx(1.0)
    assert np.isfinite(d.class_probability(scoring.BINS)).all()
    same = forecast(name, history=history, pool=global_pool([history]), horizon=12)
    np.testing.assert_array_equal(d.probability, same.probability)


@pytest.mark.parametrize("name", sorted(set(BASELINES) - {"zero", "global240"}))
@pytest.mark.parametrize(
    ("history", "message"),
    [
        ([], "give a row of at least one count"),
        ([1.0, np.nan], r"1 of \d+ counts are missing \(NaN\)"),
        ([1, -1], "-1 is not a count"),
        ([1, 0.5], "0.5 is not a count"),
        ([1.0, np.inf], "inf is not a count"),
        (["many"], "not numbers"),
    ],
)
def test_what_is_no_history_is_refused(name, history, message):
    with pytest.raises(EvidenceError, match=message):
        forecast(name, history=history)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(CaseError, match="did you mean 'conflictology12'"):
        find("conflictology")


# ------------------------------------------------------------------------------ published figures


@pytest.fixture(scope="module")
def panel(shared):
    file = shared / "data" / "panel_1989_2021.csv.gz"
    if not file.is_file():
        pytest.skip(f"{file} is not there; set CAUCASUS_FORECAST_SHARED to its folder")
    return pd.read_csv(file, index_col=0)


def test_the_benchmark_scores_on_the_panel_as_published(panel):
    """First forecast months 2010-01 to 2021-12, the month before them the last known one."""
    counts = panel.to_numpy().T
    first = list(panel.index).index("2010-01")
    ahead = np.array([1, 3, 6, 12])
    score = np.full((len(counts), panel.shape[0] - first, len(ahead)), np.nan)
    for c, series in enumerate(counts):
        for t in range(first, panel.shape[0]):
            target = t - 1 + ahead[t - 1 + ahead < len(series)]
            p = find("conflictology12")(series[:t], POOL, 1).class_probability(scoring.BINS)
            score[c, t - first, : len(target)] = scoring.ignorance(p, series[target])
    each = np.nanmean(score, axis=(0, 1))
    assert each.mean().round(3) == 1.113
    for country, published in {"Azerbaijan": 2.712, "Armenia": 1.117}.items():
        own = score[list(panel.columns).index(country)]
        assert np.nanmean(own, axis=0).mean().round(3) == published
