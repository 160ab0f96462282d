"""The transform of counts: its parts by hand, and the test of it as often wrong as stated."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from caucasus_forecast.errors import EvidenceError
from caucasus_forecast.scoring import (
    pit,
    pit_given_positive,
    pit_histogram,
    pit_uniformity,
)


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
