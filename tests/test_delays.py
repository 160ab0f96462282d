"""Counts that are not final yet: measured, read exactly, switched on, kept, and warned of."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special, stats
from servers import GEO, Waits, ged_row, server, ucdp_routes
from toys import LADDER

import caucasus_forecast as cf
from caucasus_forecast import case as cases
from caucasus_forecast import cli, delays, fitting, names, posterior, reproducing, study, updating
from caucasus_forecast.delays import ReportingDelay, Told, age, measure
from caucasus_forecast.errors import CaseError, EvidenceError, SourceError, StorageError
from caucasus_forecast.evidence import Observation, Window, fresh, read_counts, retrieved, settling
from caucasus_forecast.learning import reference
from caucasus_forecast.models._declare import TENSOR
from caucasus_forecast.sources import cache as caches
from caucasus_forecast.sources import ucdp, ucdp_downloads, ucdp_vintages
from caucasus_forecast.sources.cache import Cache
from caucasus_forecast.tension import Monthly, death_path_terms, fit_ladder

PUBLISHED = "2021-12-20"
HALF = ReportingDelay("battle_deaths", ((0.4, 0.5), (0.8, 1.0), (1.0, 1.0)), "made up for a test")
NONE = ReportingDelay("battle_deaths", ((1.0, 1.0),) * 3, "nothing is late")


def table(first="2018-01", months=47, last=()):
    """Counts of a quiet dyad by month, to 2021-11, the last ones given."""
    span = [str(m) for m in pd.period_range(first, periods=months, freq="M")]
    counts = [(7 * i) % 5 for i in range(months - len(last))] + list(last)
    return pd.DataFrame({"month": span, "count": counts})


def laid_out(counts=None, delay=HALF, published=PUBLISHED, **fields):
    case = cf.Case(horizon=2, draws=100, chains=2, published=published, **fields)
    return study.lay_out(case, counts=table() if counts is None else counts, delay=delay)


@pytest.fixture(scope="module")
def forecast():
    """A forecast of counts whose last month is told in part."""
    return cf.forecast(table(), horizon=2, draws=150, delays=HALF, published=PUBLISHED)


# --------------------------------------------------------------------------------------- the value


@pytest.mark.parametrize(
    ("end", "published", "months"),
    [
        ("2026-08-31", "2026-09-01", 0),
        ("2026-08-31", "2026-09-30", 0),
        ("2026-08-31", "2026-10-01", 1),
        ("2026-12-31", "2027-06-15", 5),
        ("2026-08-15", "2026-08-20", 0),
    ],
)
def test_the_age_of_a_count(end, published, months):
    assert age(date.fromisoformat(end), date.fromisoformat(published)) == months


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"series": ""}, "series is ''; write a text"),
        ({"why": 3}, "why is 3; write a text"),
        ({"ratios": ()}, "ratios are of 0 ages; give 1 to 60, from age 0"),
        ({"ratios": 0.5}, "ratios is 0.5; give a list of numbers for each age"),
        ({"ratios": (0.5, 0.7)}, "give a list of numbers for each age"),
        ({"ratios": ((0.5,), (0.6, 0.7))}, "ratios has 1, 2 values an age; give each age as many"),
        ({"ratios": ((0.0,),)}, "a ratio is 0.0; give a number above 0, and 10 at most"),
        ({"ratios": ((float("nan"),),)}, "a ratio is nan"),
        ({"ratios": ((11,),)}, "a ratio is 11"),
        ({"ratios": ((True,),)}, "a ratio is True"),
        ({"ratios": (("x", "y"),)}, "a ratio is 'x'"),
        ({"ratios": ((10**400,),)}, "a ratio is 1000"),
        ({"ratios": ((10**5000,),)}, "a ratio is a number of more than 4300 digits"),
        ({"ratios": ((np.bool_(True),),)}, "a ratio is np.True_"),
        ({"ratios": ((1j,),)}, "a ratio is 1j"),
        ({"ratios": "0.5"}, "ratios is '0.5'; give a list of numbers for each age"),
        ({"ratios": ("0.5",)}, "ratios is ('0.5',); give a list of numbers for each age"),
        ({"ratios": {"0": [0.5]}}, "ratios is {'0': [0.5]}; give a list of numbers for each age"),
        ({"pairs": (3,)}, "pairs is [3]; give a number of months for each of the 3 ages"),
        ({"pairs": (3.5, 1, 1)}, "pairs is (3.5, 1, 1); give a list of whole numbers"),
        ({"releases": "26.1"}, "releases is '26.1'; give a list of texts"),
        ({"digest": "abc"}, "digest is 'abc'; give a SHA-256"),
    ],
)
def test_a_delay_that_is_none_is_refused(change, said):
    with pytest.raises(CaseError) as error:
        replace(HALF, **change)
    assert said in str(error.value)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.float16, Fraction])
def test_a_ratio_may_be_any_real_number(kind):
    found = ReportingDelay("battle_deaths", ((kind(0.5),), [kind(1)]), "numbers of another kind")
    assert found.ratios == ((0.5,), (1.0,))
    assert delays.from_json(found.to_json()) == found
    assert replace(HALF, ratios=np.array([[0.5, 1]], np.float32)).ratios == ((0.5, 1.0),)


def test_a_delay_is_saved_and_read_again(tmp_path):
    path = HALF.save(tmp_path / "delays.json")
    assert delays.load(path) == HALF
    assert delays.from_json(HALF.to_json()) == HALF
    with pytest.raises(StorageError, match="exists"):
        HALF.save(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "delays.json: Expecting value"),
        ("[1]", "delays.json: is no JSON object"),
        ('{"series": "battle_deaths", "ratio": [[1]], "why": "x"}', "did you mean 'ratios'?"),
        ('{"series": "battle_deaths", "why": "x"}', "delays.json: has no 'ratios'"),
        ('{"series": "x", "why": "x", "ratios": [[-1]]}', "delays.json: delay: a ratio is -1"),
        ('{"series": "x", "why": "x", "ratios": [[NaN]]}', "'NaN' is no JSON number"),
    ],
)
def test_a_file_that_is_no_delay_is_refused(tmp_path, text, said):
    path = tmp_path / "delays.json"
    path.write_text(text)
    with pytest.raises(CaseError) as error:
        delays.load(path)
    assert said in str(error.value)


@pytest.mark.parametrize("path", [None, 3, b"delays.json", HALF])
def test_a_path_of_another_kind_is_refused(path):
    with pytest.raises(CaseError, match=f"delays is given as {type(path).__name__}; give the path"):
        delays.load(path)


def test_json_of_another_kind_is_refused():
    with pytest.raises(CaseError, match="delay is given as NoneType; give the JSON as a text"):
        delays.from_json(None)


def test_a_file_that_is_not_there_is_refused_with_the_command_that_writes_one(tmp_path):
    with pytest.raises(CaseError, match=r"caucasus-forecast delays --out FILE"):
        delays.load(tmp_path / "none.json")


# --------------------------------------------------------------------------------------- measuring


def vintages(rng, places=6, months=60, share=0.6, concentration=12.0, extra=0.0, mean=25.0):
    """Histories in which a month is told by a share of its own at age 0, and whole after that."""
    span = [str(m) for m in pd.period_range("2018-01", periods=months, freq="M")]
    found = []
    for place in range(places):
        final = rng.negative_binomial(0.7, 0.7 / (0.7 + mean), months)
        part = rng.beta(share * concentration, (1 - share) * concentration, months)
        told = rng.binomial(final, part) + rng.poisson(extra * final)
        history = []
        for t in range(12, months):
            counts = np.r_[final[:t], told[t]]
            day = np.datetime64(span[t], "M").astype("datetime64[D]") + np.timedelta64(50, "D")
            data = pd.DataFrame({"month": span[: t + 1], "count": counts})
            history.append(Told(day.item(), read_counts(data), f"{place}"))
        found.append(history)
    return found


def test_the_share_and_its_spread_are_recovered(rng):
    found = measure(*vintages(rng), settled=1)
    ratio = np.array(found.ratios[0])
    assert ratio.mean() == pytest.approx(0.6, abs=0.03)
    assert ratio.std() == pytest.approx(np.sqrt(0.6 * 0.4 / 13), rel=0.2)
    assert found.pairs == (6 * 47,)
    assert len(found.digest) == 64
    assert found.releases[0] == "2019-02-20: 0"


def test_what_is_withdrawn_adds_to_the_ratio(rng):
    found = measure(*vintages(rng, share=0.999, concentration=500.0, extra=0.15), settled=1)
    assert np.mean(found.ratios[0]) == pytest.approx(1.15, abs=0.02)


def test_a_count_that_is_never_revised_is_told_whole(rng):
    found = measure(*vintages(rng, share=0.9999, concentration=1e6), settled=1)
    assert min(found.ratios[0]) > 0.99


def test_few_months_leave_the_ratio_uncertain(rng):
    pairs = np.tile([12.0, 20.0], (8, 1))
    few, many = np.array(delays.ratios(pairs)), np.array(delays.ratios(np.tile(pairs, (20, 1))))
    assert few.mean() == pytest.approx(0.6, abs=0.05)
    assert few.std() > 2 * many.std()


def test_the_predictive_distribution_is_that_of_the_exact_posterior():
    # with one known concentration, m has a posterior on a line, and the ratio a mixture of betas
    told, final = np.array([3.0, 5.0, 0.0, 7.0]), np.array([5.0, 9.0, 2.0, 7.0])
    found = np.array(delays.ratios(np.c_[told, final]))
    k = np.geomspace(1.0, 1000.0, 20)[:, None]
    m = (np.arange(20_000) + 0.5) / 20_000
    log = stats.beta.logpdf(m, 0.5, 0.5) + sum(
        stats.betabinom.logpmf(r, n, m * k, (1 - m) * k) for r, n in zip(told, final, strict=True)
    )
    weight = special.softmax(log)
    mean = (weight * m).sum()
    square = (weight * (m**2 + m * (1 - m) / (k + 1))).sum()
    assert found.mean() == pytest.approx(mean, abs=2e-3)
    assert found.std() == pytest.approx(np.sqrt(square - mean**2), abs=0.01)


def test_the_order_of_vintages_does_not_matter_and_the_last_of_an_age_counts(rng):
    (history,) = vintages(rng, places=1)
    one = measure(history, settled=1)
    late = history[20]
    nothing = tuple(replace(o, count=0.0) for o in late.observations)
    wrong = replace(late, published=late.published.replace(day=1), observations=nothing)
    again = measure([wrong, *history[::-1]], settled=1)
    assert (again.ratios, again.digest) == (one.ratios, one.digest)


def test_a_month_counts_only_once_it_is_settled(rng):
    (history,) = vintages(rng, places=1, months=30)
    (one,) = delays.compared([history], names.DEATHS, 1)
    several = delays.compared([history], names.DEATHS, 6)
    assert len(one) == 17
    assert [len(pairs) for pairs in several] == [12, 13, 14, 15, 16, 17]
    np.testing.assert_array_equal(several[1][:, 0], several[1][:, 1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"series": "battle_deths"}, "no vintage has the series 'battle_deths'; did you mean"),
        ({"settled": 0}, "settled is 0; give whole months, 1 to 60"),
        ({"settled": 1.5}, "settled is 1.5"),
        (
            {"settled": 59},
            "battle_deaths: at 0 months of age, 0 months with deaths can be compared",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused(rng, change, said):
    with pytest.raises(EvidenceError) as error:
        measure(*vintages(rng, places=1), **change)
    assert said in str(error.value)


ROWS = read_counts(pd.DataFrame({"month": ["2024-01", "2024-02"], "count": [3, 4]}))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"published": "2024-03-20"}, "own counts: published is '2024-03-20'; give a day"),
        ({"published": datetime(2024, 3, 20)}, "published is datetime.datetime(2024, 3, 20, 0, 0)"),
        ({"published": None}, "published is None; give a day, as datetime.date(2024, 3, 20)"),
        ({"published": date(2999, 3, 20)}, "own counts: published is 2999-03-20, and today is 2"),
        ({"observations": 3}, "own counts: observations is given as int; give what evidence"),
        ({"observations": [3]}, "own counts: an observation is given as int; give what evidence"),
        ({"release": 3}, "release is given as int; give a text"),
        (
            {"published": date(2024, 2, 28), "release": "early"},
            "early: published is 2024-02-28, and battle_deaths has a count of 2024-02",
        ),
        ({"published": date(2024, 2, 29)}, "give the day on which it was told, or leave it out"),
    ],
)
def test_a_vintage_that_cannot_be_is_refused(fields, said):
    with pytest.raises(EvidenceError) as error:
        Told(**{"published": date(2024, 3, 20), "observations": ROWS} | fields)
    assert said in str(error.value)


def test_counts_of_a_vintage_may_be_listed():
    assert Told(date(2024, 3, 1), list(ROWS)).observations == ROWS


@pytest.mark.parametrize(
    ("history", "said"),
    [
        (Told(date(2024, 3, 20), ROWS), "a history is given as Told; give a list of vintages"),
        ("told", "a history is given as str"),
        ([ROWS[0], ROWS[1]], "a vintage is given as Observation"),
        ([None], "a vintage is given as NoneType"),
    ],
)
def test_a_history_of_another_kind_is_refused(history, said):
    with pytest.raises(EvidenceError) as error:
        measure(history)
    assert said in str(error.value)
    assert "measure([Told(...), Told(...)])" in str(error.value)


def test_one_vintage_tells_nothing_of_a_delay(rng):
    (history,) = vintages(rng, places=1, months=20)
    with pytest.raises(EvidenceError, match="1 vintage to compare; give counts as they were told"):
        measure(history[:1])
    with pytest.raises(EvidenceError, match="0 vintages to compare"):
        measure()


def test_an_age_without_vintages_is_named_with_the_cure(rng):
    (history,) = vintages(rng, places=1)
    sparse = [v for v in history if v.published.month in (3, 9)]
    with pytest.raises(EvidenceError) as error:
        measure(sparse, settled=2)
    said = str(error.value)
    assert "at 0 months of age" in said or "at 1 months of age" in said
    assert "fetch ucdp --as-of" in said
    assert "8 are needed" in said


# ------------------------------------------------------------------------------ thinning is exact


def by_enumeration(ladder, told, ratio, most=4000):
    """P(told | level) by summing over all that there may have been, one ratio at most 1."""
    every = np.arange(most)
    there = np.exp(ladder.log_deaths(every, np.full(most, 31)))
    return np.log(stats.binom.pmf(told, every, ratio) @ there)


@given(st.integers(0, 60), st.floats(0.02, 1.0))
def test_a_thinned_count_of_a_level_is_exact(told, ratio):
    found = LADDER.log_deaths(np.array([told]), np.array([31.0]), np.array([[ratio]]))
    np.testing.assert_allclose(found[0], by_enumeration(LADDER, told, ratio), atol=1e-8)


@pytest.fixture(scope="module")
def own():
    """A ladder with odd months, and monthly counts that it has learned."""
    counts = [0, 3, 0, 40, 2, 0, 0, 11, 250, 8] * 6
    plan = laid_out(table(months=60, first="2016-12", last=counts), delay=None).plan
    return fit_ladder(reference(2017), plan.deaths, plan.months)


@pytest.mark.parametrize("told", [0, 1, 7, 60, 400])
@pytest.mark.parametrize("ratio", [0.15, 0.6, 0.97])
def test_thinning_is_exact_with_odd_months_and_learned_counts(own, told, ratio):
    found = own.log_deaths(np.array([told]), np.array([31.0]), np.array([[ratio]]))
    exact = by_enumeration(own, told, ratio, most=60_000)
    assert isinstance(own.monthly, Monthly)
    assert own.robust > 0
    np.testing.assert_allclose(np.exp(found[0]), np.exp(exact), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("told", [0, 4, 30])
def test_withdrawn_deaths_of_the_same_rate_are_exact(own, told):
    ratio, ends = 1.3, np.r_[-1, own.monthly.ends, np.inf]
    plain = replace(own, robust=0.0)

    def at(rate, level):
        """P(told, and a bin of those that stand | rate), weighted as the dyad has learned it."""
        stand = np.arange(told + 1)
        joint = stats.poisson.pmf(stand, rate) * stats.poisson.pmf(told - stand, rate * (ratio - 1))
        bins = np.searchsorted(ends[1:-1], stand)
        return joint @ np.exp(own.monthly.log_share[level, bins])

    found = plain.log_deaths(np.array([told]), np.array([31.0]), np.array([[ratio]]))[0]
    for level in (6, 10, 12):
        mean, size = plain.mean[level], plain.size[level]
        exact, _ = integrate.quad(
            lambda u, level=level, mean=mean, size=size: at(
                stats.gamma.ppf(u, size, scale=mean / size), level
            ),
            0, 1, limit=400,
        )  # fmt: skip
        assert np.exp(found[level]) == pytest.approx(exact, rel=1e-4)


def test_several_ratios_are_an_even_mixture(own):
    told, days = np.array([5.0, 0.0]), np.array([31.0, 12.0])
    both = own.log_deaths(told, days, np.array([[0.3, 0.9], [0.5, 1.2]]))
    one, two = (own.log_deaths(told, days, np.array(r)) for r in ([[0.3], [0.5]], [[0.9], [1.2]]))
    np.testing.assert_allclose(both, np.logaddexp(one, two) - np.log(2.0), atol=1e-10)


@pytest.mark.parametrize("told", [0, 3, 9, 250])
def test_a_count_told_whole_is_read_as_before(own, told):
    plain = own.log_deaths(np.array([told, told]), np.array([31.0, 17.0]))
    whole = own.log_deaths(np.array([told, told]), np.array([31.0, 17.0]), np.ones((2, 3)))
    np.testing.assert_allclose(whole, plain, atol=1e-9)


def test_a_total_of_two_months_is_thinned_month_by_month():
    ratio, total = np.array([[0.8, 1.0], [0.4, 0.6]]), 6
    found = LADDER.log_deaths_pair(float(total), 31.0, 30.0, ratio)
    first, second = (
        LADDER.log_deaths(np.arange(total + 1), np.full(total + 1, d), np.full((total + 1, 1), r))
        for d, r in ((31.0, 0.9), (30.0, 0.5))
    )
    exact = np.exp(first).T @ np.exp(second)[::-1]
    np.testing.assert_allclose(found, np.log(exact), atol=1e-10)


def test_a_count_along_a_path_is_thinned_in_arrays_and_in_tensors(rng):
    cells = laid_out(model="drift").plan.deaths
    rate = rng.gamma(2.0, 2.0, (3, cells.month.max() + 1))
    size = np.full((3, 1), 0.8)
    found, last = death_path_terms(cells, rate, size)
    expected = np.log(np.mean([
        np.exp(stats.nbinom.logpmf(cells.value[-1, 0], 0.8, 0.8 / (0.8 + m)))
        for m in (rate[:, -1] * cells.months[-1, 0])[None] * np.array([[0.4], [0.5]])
    ], axis=0))  # fmt: skip
    np.testing.assert_allclose(found[:, last.argmax()], expected, atol=1e-10)
    settled, _ = death_path_terms(replace(cells, reported=None), rate, size)
    np.testing.assert_allclose(found[:, :-3], settled[:, :-3], atol=1e-12)
    import pytensor.tensor as pt

    tensor, _ = death_path_terms(cells, pt.as_tensor(rate), pt.as_tensor(size), TENSOR)
    np.testing.assert_allclose(tensor.eval(), found, atol=1e-10)


# ---------------------------------------------------------------------------------- switched on


def test_off_by_default_nothing_is_asked_of_a_count():
    off = laid_out(delay=None, published=None)
    assert delays.AGE not in off.panel
    assert off.plan.deaths.reported is None
    assert "delays" not in json.loads(off.case.to_json())


def test_a_delay_that_is_none_changes_no_bit():
    one, two = laid_out(delay=None, published=None), laid_out(delay=NONE)
    assert two.panel[delays.AGE].max() == 2
    facts = [s.process.facts(s.plan) for s in (one, two)]
    for a, b in zip(*facts, strict=True):
        for x, y in zip(a, b, strict=True) if isinstance(a, tuple) else ((a, b),):
            np.testing.assert_array_equal(x, y)


def test_each_month_has_the_ratios_of_its_age():
    laid = laid_out()
    own_rows = laid.panel["series"].to_numpy() == names.DEATHS
    ages = laid.panel[delays.AGE].to_numpy()
    assert ages[own_rows][-4:].tolist() == [-1, 2, 1, 0]
    assert (ages[~own_rows] == -1).all()
    reported = laid.plan.deaths.reported
    np.testing.assert_array_equal(reported[-1], HALF.ratios[0])
    np.testing.assert_array_equal(reported[-2], HALF.ratios[1])
    assert (reported[:-2] == 1.0).all()


def test_the_months_of_a_fresh_total_are_each_of_their_age():
    rows = pd.DataFrame(
        {"start": ["2018-01-01", "2021-10-01"], "end": ["2021-09-30", "2021-11-30"],
         "series": names.DEATHS, "count": [4, 6]}
    )  # fmt: skip
    reported = laid_out(rows).plan.deaths.reported
    np.testing.assert_array_equal(reported[-2:], [HALF.ratios[1], HALF.ratios[0]])
    assert np.isfinite(laid_out(rows).process.score).all()


def test_a_fresh_month_teaches_the_dyad_nothing_of_its_own():
    late = replace(HALF, ratios=HALF.ratios[:1])
    on = laid_out(table(last=(9,)), late).process
    unknown = laid_out(table(months=46), delay=None, as_of=date(2021, 11, 30)).process
    np.testing.assert_array_equal(on.monthly.probability, unknown.monthly.probability)
    np.testing.assert_array_equal(on.log_reference, unknown.log_reference)


@pytest.mark.parametrize("told", [0, 4, 30])
def test_a_fresh_month_told_in_part_speaks_of_higher_tension(told):
    counts, rates = table(last=(told,)), []
    for laid in (laid_out(counts), laid_out(counts, delay=None)):
        priors = laid.theory.beliefs(laid.case.priors)
        drawn = posterior.prior_draws(priors, laid.graph, "ladder", 200, 1)
        rates.append((laid.replay(drawn).state @ np.log1p(laid.process.mean)).mean())
    assert rates[0] > rates[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"published": None}, "nothing says when the counts were published or fetched; give publ"),
        ({"published": date(2021, 11, 30)}, "published is 2021-11-30, and battle_deaths has a cou"),
        ({"model": "reference"}, "the model 'reference' takes past months as they were told"),
        ({"delay": replace(HALF, series="battle_deths")}, "did you mean 'battle_deaths'?"),
        ({"delay": replace(HALF, series="pressure")}, "which tension does not read here"),
    ],
)
def test_a_delay_that_cannot_be_used_is_refused(change, said):
    with pytest.raises(CaseError) as error:
        laid_out(**change)
    assert said in str(error.value)


def test_delays_are_a_value_or_a_path():
    with pytest.raises(CaseError, match="delays is given as dict; give a ReportingDelay"):
        cf.forecast(table(), delays={"battle_deaths": 0.5})


def test_rows_that_say_when_they_were_retrieved_need_no_day():
    counts = table().assign(source="Somebody, retrieved 2021-12-20")
    laid = laid_out(counts, published=None)
    assert laid.panel[delays.AGE].max() == 2
    assert laid.case.published == date(2021, 12, 20)


# ------------------------------------------------------------------------------------- a forecast


def test_the_delay_is_kept_with_the_forecast(forecast, tmp_path):
    assert delays.from_json(forecast.tree.attrs["delays"]) == HALF
    (said,) = [n for n in forecast.notes if n.startswith("reporting delay")]
    assert said == (
        "reporting delay of battle_deaths: fresh counts are read as told in part, from 2021-09-01 "
        "on (3 counts); made up for a test"
    )
    assert "is fresh" not in forecast.tree.attrs.get("cautions", "")
    again = cf.load(forecast.save(tmp_path / "f.nc"))
    assert again == forecast
    assert again.notes == forecast.notes
    np.testing.assert_array_equal(
        again.study.plan.deaths.reported, forecast.study.plan.deaths.reported
    )


def test_a_forecast_with_a_delay_is_made_again_bit_by_bit(forecast, tmp_path):
    found = reproducing.reproduce(cf.load(forecast.save(tmp_path / "f.nc")).tree)
    assert found.equal, found.differences


def test_an_update_makes_the_counts_it_gives_as_old_as_they_are_then(forecast):
    rows = read_counts(pd.DataFrame({"month": ["2021-11", "2021-12"], "count": [9, 2]}))
    new = updating.extended(forecast.study, rows, published=date(2022, 1, 20))
    assert delays.ages(new.panel) == {
        "2021-09-01": 2, "2021-10-01": 1, "2021-11-01": 1, "2021-12-01": 0,
    }  # fmt: skip
    assert new.case.published == date(2022, 1, 20)
    revised = next(i for i in updating.news(forecast.study, new) if i.was is not None)
    without = updating.without(new, forecast.study, [revised])
    assert delays.ages(without)["2021-11-01"] == 0
    with pytest.raises(CaseError, match="nothing says when the counts were published"):
        updating.extended(forecast.study, rows)


def test_an_update_that_reweights_keeps_the_ages_of_its_road(forecast, monkeypatch):
    monkeypatch.setattr("caucasus_forecast.reweighting.MIN_EFFECTIVE", 5.0)
    monkeypatch.setattr("caucasus_forecast.reweighting.MAX_K", 5.0)
    rows = pd.DataFrame({"month": ["2021-12"], "count": [2]})
    updated = forecast.update(rows, published="2022-01-20")
    assert "reweighted" in updated.tree.attrs["updated"]
    (step,) = json.loads(updated.tree.attrs["road"])
    assert step["ages"] == {"2021-09-01": 2, "2021-10-01": 1, "2021-11-01": 0}
    assert updated.changes.data.sizes["news"] > 1
    found = reproducing.reproduce(updated.tree)
    assert found.equal, found.differences


def test_past_deaths_told_in_part_are_drawn_in_a_counterfactual(forecast):
    found = forecast.counterfactual(tension="calm", since="2021-10")
    assert found.history.data is not None


def test_the_drift_model_reads_a_delay(monkeypatch):
    laid = laid_out(model="drift")
    priors = laid.theory.beliefs(laid.case.priors)
    model = laid.model.build(laid.panel, priors)
    point = model.initial_point()
    assert np.isfinite(model.compile_logp()(point))
    plain = laid_out(model="drift", delay=None)
    other = plain.model.build(plain.panel, priors)
    assert model.compile_logp()(point) != other.compile_logp()(point)


# -------------------------------------------------------------------------------------- fresh


def row(end, source="", series="battle_deaths"):
    last = date.fromisoformat(end)
    return Observation(Window(last.replace(day=1), last), series, 3, source=source)


def test_a_fresh_last_count_is_said():
    (said,) = fresh([row("2026-07-31"), row("2026-08-31")], date(2026, 9, 20))
    assert said == (
        "battle_deaths: the last count is fresh (to 2026-08-31, less than 62 days before their "
        "publication), and fresh counts are often revised: switch on a measured delay "
        "(delays=...), or leave them out with an earlier as_of"
    )
    assert not fresh([row("2026-07-20")], date(2026, 9, 20))


def test_without_a_day_a_count_is_fresh_when_it_ended_a_short_while_ago(monkeypatch):
    monkeypatch.setattr(settling, "today", lambda: date(2026, 9, 20))
    (said,) = fresh([row("2026-08-31")], None)
    assert "less than 62 days before they were read" in said
    assert not fresh([row("2026-06-30")], None)


def test_the_day_is_the_newest_that_the_sources_name():
    rows = [
        row("2026-07-31", "A, retrieved 2026-08-20"),
        row("2026-08-31", "B, accessed 2026-09-20"),
    ]
    assert retrieved(rows) == date(2026, 9, 20)
    assert retrieved([row("2026-08-31", "retrieved 2026-99-99"), row("2026-08-31", "x")]) is None


def cautions(laid):
    return json.loads(laid.panel.attrs.get("cautions", "[]"))


def test_fresh_counts_are_a_caution_of_a_forecast_unless_a_delay_reads_them():
    assert any("is fresh" in line for line in cautions(laid_out(delay=None)))
    assert not any("is fresh" in line for line in cautions(laid_out()))
    early = laid_out(delay=None, as_of=date(2021, 9, 30))
    assert not any("is fresh" in line for line in cautions(early))


def test_an_update_says_that_its_month_is_fresh(small_forecast):
    rows = read_counts(pd.DataFrame({"month": ["2021-12"], "count": [2]}))
    new = updating.extended(small_forecast.study, rows, published=date(2022, 1, 20))
    assert "2021-12-31" in cautions(new)[0]
    assert fitting.reading(new.panel)["cautions"] == new.panel.attrs["cautions"]


# ------------------------------------------------------------------------- UCDP, as it was told

AFTER = datetime(2026, 9, 30, 12, tzinfo=UTC)
RELEASES = {
    "ged261": [ged_row(3, "2025-02-03", best=2), ged_row(4, "2025-12-01", best=7)],
    "v26_01_26_06": [ged_row(11, "2026-01-15", best=3), ged_row(12, "2026-06-20", **GEO)],
    "v26_0_7": [ged_row(13, "2026-07-04", best=2)],
    "v26_0_8": [ged_row(11, "2026-01-15", best=5), ged_row(17, "2026-08-31", best=50)],
}  # fmt: skip


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """A cache with a few releases."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv(caches.VARIABLE, str(tmp_path / "cache"))
    cache = Cache("ucdp", now=lambda: AFTER)
    client = ucdp_downloads.downloads(cache)
    with server(ucdp_routes(**RELEASES)) as there:
        ucdp(
            ["Azerbaijan"],
            cache=cache,
            client=replace(client, base=there.base, patience=Waits(AFTER).patience()),
        )
    return cache


def test_vintages_are_what_was_told_on_the_days_of_the_releases(cached):
    (history,) = ucdp_vintages(["Azerbaijan"], cache=cached)
    days = [v.published for v in history]
    assert days == [date(2026, 6, 15), date(2026, 8, 20), date(2026, 9, 20)]
    for vintage in history:
        same = ucdp(["Azerbaijan"], as_of=vintage.published, offline=True, cache=cached)
        assert vintage.observations == same.observations
        assert vintage.release == same.release
    january = Window(date(2026, 1, 1), date(2026, 1, 31))
    told = [next((o.count for o in v.observations if o.window == january), None) for v in history]
    assert told == [None, 3, 5]
    (pairs,) = delays.compared([history], names.DEATHS, 7)[6:]
    assert pairs.tolist()[-1] == [3.0, 5.0]


def test_each_country_is_counted_by_itself(cached):
    both = ucdp_vintages(["Azerbaijan", 372], cache=cached)
    totals = [sum(o.count for o in history[-1].observations) for history in both]
    assert totals == [2 + 7 + 5 + 2 + 50, 1]
    assert ucdp_vintages("Azerbaijan", cache=cached) == ucdp_vintages(["Azerbaijan"], cache=cached)
    told, meant = (
        ucdp_vintages("Azerbaijan", first=day, cache=cached)
        for day in ("2025-02-01", date(2025, 2, 1))
    )
    assert told == meant


def test_vintages_that_are_not_there_are_refused(cached, tmp_path, monkeypatch):
    with pytest.raises(SourceError, match="did you mean 'Azerbaijan'"):
        ucdp_vintages(["Azerbaijn"], cache=cached)
    with pytest.raises(SourceError, match="did you mean 'best'"):
        ucdp_vintages(estimate="bset", cache=cached)
    with pytest.raises(SourceError, match="first is 'May'; write a day as 2024-02-01"):
        ucdp_vintages(first="May", cache=cached)
    with pytest.raises(SourceError, match="cache is given as str"):
        ucdp_vintages(cache="folder")
    monkeypatch.setenv(caches.VARIABLE, str(tmp_path / "empty"))
    with pytest.raises(SourceError, match="no release of UCDP is in the cache"):
        ucdp_vintages()


def test_what_is_fetched_says_when_it_came_out(cached):
    found = ucdp(["Azerbaijan"], offline=True, cache=cached)
    assert found.published == date(2026, 9, 20)
    assert study.told_on(found, ()) == found.published


# ------------------------------------------------------------------------------- the command line


def test_the_command_measures_from_the_cache(cached, monkeypatch, capsys, tmp_path, rng):
    assert cli.main(["delays", "--country", "Azerbaijan"]) == 2
    assert "fetch ucdp --as-of" in capsys.readouterr().err
    history = vintages(rng)
    monkeypatch.setattr("caucasus_forecast.sources.ucdp_vintages", lambda *_, **__: history)
    out = tmp_path / "delays.json"
    assert cli.main(["delays", "--settled", "1", "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "0 months old: 0.6" in shown
    assert delays.load(out) == measure(*history, settled=1)
    assert cli.main(["delays", "--settled", "1", "--out", str(out)]) == 2


@pytest.fixture
def folder(tmp_path):
    table().to_csv(tmp_path / "counts.csv", index=False)
    HALF.save(tmp_path / "delays.json")
    (tmp_path / "case.toml").write_text(
        'evidence = "counts.csv"\ndelays = "delays.json"\npublished = 2021-12-20\nhorizon = 2\n'
    )
    return tmp_path


def test_a_case_names_its_delay(folder, capsys):
    case = cases.load(folder / "case.toml")
    assert case.delays == str(folder / "delays.json")
    assert study.lay_out(case).plan.deaths.reported is not None
    assert cli.main(["validate", str(folder / "case.toml")]) == 0
    assert "fresh" in capsys.readouterr().out
    (folder / "delays.json").write_text("{}")
    assert cli.main(["validate", str(folder / "case.toml")]) == 2
    assert "has no 'series'" in capsys.readouterr().err


def test_run_keeps_the_delay_beside_the_result(folder, forecast, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    seen = []
    monkeypatch.setattr(
        "caucasus_forecast.forecasting.run", lambda case, **_: seen.append(case) or forecast
    )
    options = ["--delays", "delays.json", "--published", PUBLISHED, "--out", "o", "-q"]
    assert cli.main(["run", "counts.csv", *options]) in (0, 3)
    assert (seen[0].delays, seen[0].published) == ("delays.json", date(2021, 12, 20))
    kept = (folder / "o" / "case.toml").read_text()
    assert 'delays = "inputs/delays/delays.json"' in kept
    assert "published = 2021-12-20" in kept
    assert delays.load(folder / "o" / "inputs" / "delays" / "delays.json") == HALF
    manifest = json.loads((folder / "o" / "manifest.json").read_text())
    assert manifest["attrs"]["delays"]["why"] == "made up for a test"
    assert "Reporting delay of battle_deaths" in (folder / "o" / "report.html").read_text()
    capsys.readouterr()
    assert cli.main(["run", "counts.csv", "--delays", "none.json", "--out", "p"]) == 2
    assert "a delay cannot be read there" in capsys.readouterr().err


def test_update_keeps_the_delay_beside_the_result(folder, forecast, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    forecast.save("f.nc")
    table("2021-12", 1, (2,)).to_csv("new.csv", index=False)
    assert cli.main(["update", "f.nc", "new.csv"]) == 2
    assert "nothing says when the counts were published" in capsys.readouterr().err
    options = ["--published", "2022-01-20", "--out", "o", "--quiet"]
    assert cli.main(["update", "f.nc", "new.csv", *options]) in (0, 3)
    case = cases.load(folder / "o" / "case.toml")
    assert case.published == date(2022, 1, 20)
    assert delays.load(case.delays) == HALF
    assert len(study.lay_out(case).plan.deaths.value) == 48


def test_a_contest_refuses_a_delay():
    with pytest.raises(CaseError, match=r"delays is 'd.json', and months are scored as they were"):
        cf.contest(case=cf.Case(delays="d.json"))


def test_the_example_of_the_page_says_what_the_page_says(capsys):
    page = (Path(__file__).parents[1] / "docs" / "delays.md").read_text(encoding="utf-8")
    code, output = (
        re.search(rf"```{kind}\n(.*?)```", page, re.S)[1] for kind in ("python", "text")
    )
    made = {}
    exec(code, made)  # noqa: S102
    assert capsys.readouterr().out == output
    assert (int(made["final"][-1]), int(made["first"][-1])) == (15, 5)
