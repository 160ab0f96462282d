"""Means and spreads over weighted draws with several paths each."""

import numpy as np
import pytest

from caucasus_forecast.estimate import Sample


@pytest.mark.parametrize("weighted", [False, True])
def test_the_spread_between_draws_is_free_of_the_noise_of_paths(weighted, rng):
    chains, draws, paths, between, within = 4, 3000, 4, 0.7, 2.0
    weight = rng.gamma(8.0, 1.0, (chains, draws)) if weighted else None
    mean = rng.normal(0.0, between, (chains, draws, 1))
    value = mean + rng.normal(0.0, within, (chains, draws, paths))
    found = Sample(np.ones(value.shape, bool), weight).spread(value)
    # four standard errors of a variance that is a difference of two
    error = 4 * np.sqrt(2 / (chains * draws)) * (between**2 + within**2 / paths)
    assert found**2 == pytest.approx(between**2, abs=error)


def test_a_spread_under_a_condition_counts_only_its_paths(rng):
    value = np.repeat(rng.normal(size=(4, 500, 1)), 3, axis=2)
    given = np.ones(value.shape, bool)
    given[..., 2] = False
    value[..., 2] += 100.0
    assert Sample(given).spread(value) == pytest.approx(value[..., 0].std(), rel=1e-3)


def test_no_spread_is_told_from_one_path_a_draw():
    assert np.isnan(Sample(np.ones((2, 10, 1), bool)).spread(np.zeros((2, 10, 1))))
