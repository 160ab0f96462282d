"""Skill, and an interval that covers it as often as stated."""

import numpy as np
import pytest
import xarray as xr
from scipy import signal

from caucasus_forecast.errors import CaseError, EvidenceError
from caucasus_forecast.scoring import (
    skill,
    skill_interval,
)


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


def test_a_single_score_has_no_origins():
    with pytest.raises(EvidenceError, match="score is a single number; give origin values"):
        skill_interval(1.0, 1.0, seed=1)


def test_other_targets_are_refused():
    score = xr.DataArray(np.ones(3), dims="country", coords={"country": ["a", "b", "c"]})
    with pytest.raises(EvidenceError, match="labels of the targets differ"):
        skill(score, score.assign_coords(country=["a", "b", "d"]))
    with pytest.raises(EvidenceError, match=r"score has shape \(3,\), reference \(4,\)"):
        skill(np.ones(3), np.ones(4))
    with pytest.raises(EvidenceError, match=r"dimensions \('country',\), reference \('month',\)"):
        skill(xr.DataArray(np.ones(3), dims="country"), xr.DataArray(np.ones(3), dims="month"))
