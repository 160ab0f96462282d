"""The learning ladder against its own equations, limits and invariances."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from caucasus_forecast.learning import (
    Own,
    Reference,
    counts,
    distribution,
    follow,
    past,
    pooled,
    reference,
)

OWN = Own(
    move_prior=2.0, bin_prior=3.0, fade=0.9, temper=0.7, robust=0.05, bins=(0, 2, 10), recent=0.25,
    recent_fade=0.5,
)  # fmt: skip
TOY = Reference(
    "2000-12-31",
    np.array([0.2, 3.0, 40.0]),
    np.array([1.0, 2.0, 0.5]),
    np.array([[0.8, 0.15, 0.05], [0.3, 0.6, 0.1], [0.1, 0.3, 0.6]]),
    np.array([0.5, 0.3, 0.2]),
    OWN,
)
HISTORY = [0, 3, 0, 60, 12, 2, 0, 0]


def pmf(y):
    plain = stats.nbinom.pmf(y, TOY.size, TOY.size / (TOY.size + TOY.mean))
    return (1 - OWN.robust) * plain + OWN.robust * plain.mean()


def by_hand(history):
    """The equations of the module's docstring, one month at a time."""
    ends = [-1, *OWN.bins, 4000]
    reference = np.stack([
        sum(pmf(y) for y in range(a + 1, b + 1)) for a, b in itertools.pairwise(ends)
    ], axis=1)  # fmt: skip
    move, table = TOY.transition, reference
    moves, seen = np.zeros((3, 3)), np.zeros(reference.shape)
    filtered = None
    for y in history:
        b = int(np.searchsorted(OWN.bins, y))
        news = (pmf(y) * table[:, b] / reference[:, b]) ** OWN.temper
        predicted = TOY.initial if filtered is None else filtered @ move
        joint = predicted * news
        after = joint / joint.sum()
        if filtered is not None:
            pair = filtered[:, None] * move * news[None, :] / joint.sum()
            moves = OWN.fade * moves + pair
        seen = OWN.fade * seen
        seen[:, b] += after
        filtered = after
        move = OWN.move_prior * TOY.transition + moves
        move /= move.sum(1, keepdims=True)
        table = OWN.bin_prior * reference + seen
        table /= table.sum(1, keepdims=True)
    return filtered, move, table


def test_following_is_the_equations():
    found = counts(TOY, HISTORY)
    filtered, move, table = by_hand(HISTORY)
    np.testing.assert_allclose(found.filtered[-1], filtered, atol=1e-9)
    np.testing.assert_allclose(found.transition[-1], move, atol=1e-9)
    np.testing.assert_allclose(found.bins[-1], table, atol=1e-9)


@pytest.mark.parametrize("horizon", [1, 4])
def test_a_forecast_is_the_mixture_of_the_levels(horizon):
    filtered, move, table = by_hand(HISTORY)
    level = filtered @ np.linalg.matrix_power(move, horizon)
    found = distribution(TOY, counts(TOY, HISTORY), horizon)
    np.testing.assert_allclose(found.class_probability((0, 1, 3, 11)), level @ table, atol=1e-9)
    reference = sum(pmf(y) for y in (1, 2))
    exact = (level * table[:, 1] * pmf(2) / reference).sum()
    assert found.cdf(2) - found.cdf(1) == pytest.approx(exact, abs=1e-9)


def test_with_endless_priors_and_no_temper_it_is_the_exact_filter():
    own = replace(OWN, move_prior=1e12, bin_prior=1e12, temper=1.0)
    found = counts(replace(TOY, own=own), HISTORY)
    alpha = TOY.initial * pmf(HISTORY[0])
    for y in HISTORY[1:]:
        alpha = (alpha / alpha.sum()) @ TOY.transition * pmf(y)
    np.testing.assert_allclose(found.filtered[-1], alpha / alpha.sum(), atol=1e-8)


def test_nothing_after_a_month_changes_what_was_known_then():
    early, late = counts(TOY, HISTORY[:5]), counts(TOY, [*HISTORY[:5], 900, 0, 7])
    for name in ("filtered", "transition", "bins"):
        np.testing.assert_array_equal(getattr(early, name), getattr(late, name)[:5])


def test_an_unknown_month_teaches_nothing():
    found = counts(TOY, [0, 3, np.nan, 5])
    np.testing.assert_array_equal(found.transition[2], found.transition[1])
    np.testing.assert_array_equal(found.bins[2], found.bins[1])
    np.testing.assert_allclose(found.filtered[2], found.filtered[1] @ found.transition[1])


def test_a_quiet_unit_and_a_unit_at_war_get_forecasts_of_their_own():
    learned = reference(2020)
    quiet = distribution(learned, counts(learned, [0] * 120), 12)
    war = distribution(learned, counts(learned, [400, 700, 300, 900] * 30), 12)
    new = distribution(
        learned, follow(learned, np.zeros((1, len(learned.mean))), np.array([-1])), 1
    )
    assert 1 - quiet.cdf(0) < 0.02
    assert 1 - war.cdf(99) > 0.7
    assert 0.02 < 1 - new.cdf(0) < 0.5


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 30_000), min_size=1, max_size=40), st.sampled_from([1, 6, 24]))
def test_every_history_gives_a_distribution(history, horizon):
    learned = reference(2015)
    found = distribution(learned, counts(learned, history), horizon)
    assert (np.diff(found.values) > 0).all()
    assert found.probability.sum() == pytest.approx(1.0)
    assert (found.probability >= 0).all()


def test_the_cells_of_a_bin_are_a_distribution():
    learned = reference(2020)
    total = np.zeros((len(learned.mean), len(learned.own.bins) + 1))
    np.add.at(total.T, learned.bin_of, learned.cells.T)
    np.testing.assert_allclose(total, 1.0, atol=1e-9)
    np.testing.assert_allclose(learned.bin_probability.sum(1), 1.0, atol=1e-12)


def test_log_count_is_the_robust_mixture():
    np.testing.assert_allclose(TOY.log_count(np.array([7.0]))[0], np.log(pmf(7)), atol=1e-10)


TWO = Reference(
    "2000-12-31",
    TOY.mean,
    TOY.size,
    np.kron([[0.9, 0.1], [0.2, 0.8]], TOY.transition),
    np.kron([0.6, 0.4], TOY.initial),
    OWN,
)


def test_classes_that_move_alike_are_one_class():
    endless = replace(OWN, move_prior=1e12)
    one, two = (replace(a, own=endless) for a in (TOY, TWO))
    found, plain = counts(two, HISTORY), counts(one, HISTORY)
    np.testing.assert_allclose(found.filtered.reshape(-1, 2, 3).sum(1), plain.filtered, atol=1e-8)
    np.testing.assert_allclose(found.bins, plain.bins, atol=1e-8)
    for h in (1, 5):
        np.testing.assert_allclose(
            distribution(two, found, h).probability, distribution(one, plain, h).probability,
            atol=1e-8,
        )  # fmt: skip


def test_the_class_is_learned_from_how_a_unit_moves():
    restless, settled = np.full((3, 3), 1 / 3), 0.99 * np.eye(3) + 0.01 / 3
    blocks = np.block([[0.99 * restless, 0.01 * restless], [0.01 * settled, 0.99 * settled]])
    classes = replace(TWO, transition=blocks, own=replace(OWN, move_prior=1e12))
    for history, mine in (([40, 0, 3, 55, 0, 2] * 4, 0), ([0] * 24, 1)):
        share = counts(classes, history).filtered[-1].reshape(2, 3).sum(1)
        assert share[mine] > 0.8


@pytest.mark.parametrize("month", [-1, 7, -3, 5])
def test_pooled_is_the_mean_of_its_ladders_and_now_and_then_a_past_month(month):
    followed = [counts(a, HISTORY) for a in (TOY, TWO)]
    found = pooled((TOY, TWO), followed, 3, month)
    parts = [distribution(a, f, 3, month) for a, f in zip((TOY, TWO), followed, strict=True)]
    seen = HISTORY[: month + 1 or None]
    weight = 0.5 ** np.arange(len(seen))[::-1]
    for y in (0, 2, 11, 59, 60, 5000):
        again = weight[np.array(seen) <= y].sum() / weight.sum()
        expected = 0.75 * (parts[0].cdf(y) + parts[1].cdf(y)) / 2 + 0.25 * again
        assert found.cdf(y) == pytest.approx(expected, abs=1e-12)


def test_a_month_that_is_not_known_does_not_come_again():
    told = past(np.array([-1, 4, -1]), 0.5)
    np.testing.assert_array_equal(told.values, [4])
    assert past(np.array([-1, -1]), 0.5) is None
    blank = counts(TOY, [np.nan, np.nan])
    alone = distribution(TOY, blank, 2)
    np.testing.assert_array_equal(pooled((TOY,), [blank], 2).probability, alone.probability)
