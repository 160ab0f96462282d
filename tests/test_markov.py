"""Forward and backward against brute force."""

import itertools

import numpy as np
import pytest

from caucasus_forecast.markov import filtered, value_and_gradient


@pytest.fixture
def chain(rng):
    levels, months, steps = 3, 5, 2
    return (
        np.log(rng.dirichlet(np.ones(levels))),
        rng.normal(size=(steps, levels, levels)),
        np.array([0, 1, 0, 0]),
        rng.normal(size=(months, levels)),
    )


def weight_of(path, log_initial, log_step, which, log_emission):
    total = log_initial[path[0]] + sum(log_emission[t, k] for t, k in enumerate(path))
    return total + sum(log_step[which[t - 1], path[t - 1], path[t]] for t in range(1, len(path)))


def test_the_likelihood_is_the_sum_over_all_paths(chain):
    paths = itertools.product(range(3), repeat=5)
    brute = np.logaddexp.reduce([weight_of(p, *chain) for p in paths])
    assert value_and_gradient(*chain)[0] == pytest.approx(brute, abs=1e-12)


def test_the_gradient_is_the_smoothed_path(chain):
    paths = list(itertools.product(range(3), repeat=5))
    weight = np.exp([weight_of(p, *chain) for p in paths])
    weight /= weight.sum()
    _, d_initial, d_step, d_emission = value_and_gradient(*chain)
    smoothed, taken = np.zeros((5, 3)), np.zeros((2, 3, 3))
    for p, w in zip(paths, weight, strict=True):
        for t, k in enumerate(p):
            smoothed[t, k] += w
        for t in range(1, 5):
            taken[chain[2][t - 1], p[t - 1], p[t]] += w
    np.testing.assert_allclose(d_emission, smoothed, atol=1e-12)
    np.testing.assert_allclose(d_step, taken, atol=1e-12)
    np.testing.assert_allclose(d_initial, smoothed[0], atol=1e-12)


def test_the_filter_sees_only_the_months_up_to_its_own(chain):
    log_initial, log_step, which, log_emission = chain
    initial, step = np.exp(log_initial), np.exp(log_step)
    _, ahead, increment = filtered(initial, step, which, log_emission)
    total = 0.0
    for t in range(5):
        value, *_, level = value_and_gradient(
            log_initial, log_step, which[:t], log_emission[: t + 1]
        )
        total += increment[t]
        assert total == pytest.approx(value)
        np.testing.assert_allclose(ahead[t], level[-1], atol=1e-12)


def test_extreme_weights_stay_finite():
    log_emission = np.array([[-2000.0, -1000.0], [-3000.0, -3500.0]])
    value, *rest = value_and_gradient(
        np.log([0.5, 0.5]), np.log(np.full((1, 2, 2), 0.5)), np.array([0]), log_emission
    )
    assert value == pytest.approx(-1000 - 3000 + 2 * np.log(0.5))
    assert all(np.isfinite(x).all() for x in rest)
