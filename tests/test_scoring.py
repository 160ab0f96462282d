"""Labels meet by name, what cannot be scored is refused, published figures come out."""

import re
from inspect import isfunction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from caucasus_forecast import scoring
from caucasus_forecast.errors import CaseError, EvidenceError
from caucasus_forecast.scoring import (
    BINS,
    CLASSES,
    at_least,
    brier,
    class_probability,
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
    threshold_crps,
)


def test_every_public_name_is_listed_and_every_function_tested():
    assert set(scoring.__all__) <= set(dir(scoring))
    text = "".join(f.read_text("utf-8") for f in Path(__file__).parent.glob("test_scoring*.py"))
    functions = [n for n in scoring.__all__ if isfunction(getattr(scoring, n))]
    assert [n for n in functions if not re.search(rf"\b{n}\(", text)] == []


# -------------------------------------------------------------------------------- labels and arrays

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


def test_one_weight_is_for_all_draws():
    draws = np.array([0.0, 1.0, 5.0])
    assert crps(draws, 2, weight=np.array([3.0])) == crps(draws, 2)


def test_one_forecast_meets_many_outcomes_and_a_weight_by_name(labelled):
    draws, observed = labelled
    one = draws.isel(country=0, month=0, drop=True)
    weight = xr.DataArray(np.arange(40.0), dims="draw")
    found = crps(one, observed, weight=weight)
    assert found.sizes == observed.sizes
    expected = crps(one.values, observed.values[2, 1], weight=weight.values)
    assert found[2, 1].item() == pytest.approx(expected)


@pytest.mark.parametrize("name", OF_DRAWS)
def test_a_missing_value_is_refused_or_kept(name, rng):
    draws, observed = (rng.poisson(30, size=s).astype(float) for s in ((6, 37), 6))
    whole = OF_DRAWS[name](draws, observed)
    draws[2, 5] = np.nan
    with pytest.raises(EvidenceError, match="1 of 222 values are missing"):
        OF_DRAWS[name](draws, observed)
    if name != "brier":
        kept = OF_DRAWS[name](draws, observed, missing="keep")
        np.testing.assert_array_equal(np.isnan(kept), np.arange(6) == 2)
        np.testing.assert_allclose(np.delete(kept, 2), np.delete(whole, 2))


def test_a_missing_observation_is_refused_or_kept(rng):
    draws, observed = (rng.poisson(30, size=s).astype(float) for s in ((1000, 37), 1000))
    observed[[3, 7]] = np.nan
    with pytest.raises(
        EvidenceError, match=r"observed: 2 of 1000 values are missing \(NaN\); .*mis"
    ):
        crps(draws, observed)
    kept = crps(draws, observed, missing="keep")
    assert set(np.flatnonzero(np.isnan(kept))) == {3, 7}


REFUSED = {
    "infinite": (lambda: crps(np.array([1.0, np.inf]), 1), "draws: inf is infinite"),
    "negative draw": (lambda: log1p_crps(np.array([-2, 1]), 1), "draws: -2 is negative"),
    "negative count": (lambda: ignorance(np.full(11, 1 / 11), -1), "observed: -1 is negative"),
    "negative class": (lambda: class_probability(np.array([-1, -1, 0])), "-1 and 1 more is neg"),
    "text": (lambda: crps(np.array(["a"]), 1), "draws holds <U1, not numbers"),
    "text for counts": (lambda: log1p_crps(np.array(["a"]), 1), "draws holds <U1, not numbers"),
    "text above a threshold": (lambda: threshold_crps(np.array(["a"]), 1), "draws holds <U1"),
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
    "weights for one draw": (
        lambda: crps(np.ones(1), 1, weight=np.ones(9)),
        "weight has 9 values along 'draw', the others 1",
    ),
    "weights of other draws": (
        lambda: crps(
            xr.DataArray(np.ones(2), dims="draw", coords={"draw": [0, 1]}),
            1,
            weight=xr.DataArray(np.ones(2), dims="draw", coords={"draw": [0, 2]}),
        ),
        "labels of the targets differ",
    ),
    "draws of what happened": (
        lambda: crps(xr.DataArray(np.ones(2), dims="draw"), xr.DataArray(np.ones(2), dims="draw")),
        "observed has the dimension 'draw'; give one for each target",
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


# -------------------------------------------------------------------------------- published figures


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
