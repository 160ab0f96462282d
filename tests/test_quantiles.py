"""Draws as quantiles: against SciPy, and back again from what was drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from caucasus_forecast.quantiles import (
    behind_category,
    behind_negative_binomial,
    category,
    negative_binomial,
)

POSITIVE = st.floats(1e-6, 5e4)


@given(st.floats(1e-12, 1 - 1e-9), POSITIVE, POSITIVE)
def test_a_count_is_the_quantile_of_scipy(u, mean, size):
    found = int(negative_binomial(np.array(u), np.array(mean), np.array(size)))
    law = stats.nbinom(size, size / (size + mean))
    near = 1e-9  # two ways of summing differ in the last digits
    assert law.cdf(found - 1) <= u + near
    assert law.cdf(found) >= u - near


@given(st.integers(0, 400), st.floats(0.05, 3e3), st.floats(0.05, 1e3), st.floats(0, 1))
def test_every_number_behind_a_count_gives_it_back(count, mean, size, where):
    one = np.array([count]), np.array([mean]), np.array([size])
    low, high = behind_negative_binomial(*one)
    assert 0.0 <= low[0] <= high[0] <= 1.0 + 1e-12
    u = low + where * (high - low)
    if low[0] < u[0] < high[0]:
        assert negative_binomial(u, *one[1:])[0] == count


def test_a_mean_too_large_to_sum_from_zero_is_left_to_scipy():
    u, mean, size = np.array([0.03, 0.5, 0.97]), np.full(3, 5e4), np.full(3, 5e5)
    exact = stats.nbinom.ppf(u, 5e5, 5e5 / 5.5e5)
    np.testing.assert_array_equal(negative_binomial(u, mean, size), exact)
    low, high = behind_negative_binomial(exact, mean, size)
    assert (low <= u).all()
    assert (u <= high).all()


@given(st.lists(st.floats(1e-6, 10), min_size=2, max_size=8), st.floats(0, 1), st.data())
def test_every_number_behind_a_category_gives_it_back(weight, where, data):
    weight = np.array([weight])
    chosen = np.array([data.draw(st.integers(0, weight.shape[1] - 1))])
    low, high = behind_category(weight, chosen)
    assert high[0] - low[0] == pytest.approx(weight[0, chosen[0]] / weight.sum(), abs=1e-12)
    u = low + where * (high - low)
    if low[0] + 1e-12 < u[0] < high[0] - 1e-12:
        assert category(weight, u)[0] == chosen[0]
