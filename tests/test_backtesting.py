"""Rolling backtests: nothing leaks, a stopped run goes on, every road gives the same numbers."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import caucasus_forecast as cf
from caucasus_forecast import backtesting, baselines, learning, scoring
from caucasus_forecast.backtesting import DYAD, Counts, Settings, backtest, jobs, read
from caucasus_forecast.errors import CaseError, EvidenceError, StorageError

MODELS = ("tension", "conflictology12", "own36")
MONTHS = np.arange("2009-01", "2014-01", dtype="datetime64[M]")


@pytest.fixture(scope="module")
def panel():
    """Three made-up units over five years: quiet, sporadic, at war."""
    rng = np.random.default_rng(3)
    quiet = np.zeros(60)
    sporadic = np.where(rng.random(60) < 0.3, rng.poisson(6, 60), 0)
    war = rng.negative_binomial(2, 0.01, 60)
    values = np.stack([quiet, sporadic, war], axis=1).astype(float)
    return Counts(MONTHS, ("quiet", "sporadic", "war"), values)


@pytest.fixture(scope="module")
def done(panel):
    return backtest(panel, models=MODELS, first="2011-01", last="2013-11")


def test_every_target_is_scored_once_and_as_its_distribution_says(panel, done):
    assert dict(done.data.sizes) == {"model": 3, "origin": 35, "unit": 3, "horizon": 4}
    history, y = panel.values[:31, 1], panel.values[33, 1]
    told = baselines.conflictology12(history, baselines.empirical([0]), 3)
    cell = done.data.sel(model="conflictology12", origin="2011-07-01", unit="sporadic", horizon=3)
    assert cell["observed"] == y
    assert float(cell["crps"]) == pytest.approx(
        float(scoring.crps(told.values, y, weight=told.probability))
    )
    bins = told.class_probability(scoring.BINS)
    assert float(cell["ignorance"]) == pytest.approx(float(scoring.ignorance(bins, np.array(y))))
    assert float(cell["pit_upto"]) == pytest.approx(float(told.cdf(y)))
    assert cell["past_year"] == history[-12:].sum()


def test_targets_beyond_the_counts_are_left_out(panel, done):
    last = done.data["observed"].sel(origin="2013-11-01")
    assert np.isfinite(last.sel(horizon=1)).all()
    assert np.isnan(last.sel(horizon=[3, 6, 12])).all()


def test_the_tension_process_is_the_learning_ladder(panel, done):
    learned = learning.references(2011)
    told = learning.pooled(learned, [learning.counts(a, panel.values[:36, 2]) for a in learned], 6)
    cell = done.data.sel(model="tension", origin="2011-12-01", unit="war", horizon=6)
    bins = told.class_probability(scoring.BINS)
    y = panel.values[41, 2]
    assert float(cell["ignorance"]) == pytest.approx(float(scoring.ignorance(bins, np.array(y))))


def test_no_month_after_the_origin_changes_a_bit_of_a_forecast(panel):
    """The leak canary: every value after the origin is changed, for every model."""
    origin = np.datetime64("2012-06", "M")
    changed = panel.values.copy()
    changed[42:] = 7777.0
    settings = Settings(MODELS)
    one, two = (
        next(jobs(c, np.array([origin]), settings)) for c in (panel, replace(panel, values=changed))
    )
    for model in MODELS:
        for a, b in zip(
            backtesting.forecasts(one, model), backtesting.forecasts(two, model), strict=True
        ):
            for x, y in zip(a, b, strict=True):
                np.testing.assert_array_equal(x.values, y.values)
                np.testing.assert_array_equal(x.probability, y.probability)


def test_the_evidence_of_a_whole_model_ends_at_the_origin():
    counts = read()
    (job,) = jobs(counts, np.array([np.datetime64("2021-11", "M")]), Settings(("ladder:agnostic",)))
    assert str(job.known.months[-1]) == "2021-11"
    last = max(o.window.end for o in job.known.evidence.observations)
    assert str(last) <= "2021-11-30"


def test_a_lag_hides_the_last_months_and_lengthens_the_way(panel):
    origin = np.array([np.datetime64("2012-06", "M")])
    (late,) = jobs(panel, origin, Settings(("tension",), lag=2))
    (prompt,) = jobs(
        panel, origin - np.timedelta64(2, "M"), Settings(("tension",), horizons=(3, 5, 8, 14))
    )
    assert str(late.known.months[-1]) == "2012-04"
    np.testing.assert_array_equal(late.observed, prompt.observed)
    for a, b in zip(
        backtesting.forecasts(late, "tension"), backtesting.forecasts(prompt, "tension"),
        strict=True,
    ):  # fmt: skip
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x.probability, y.probability)


# ------------------------------------------------------------------------------- stopping, clusters


def _files(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_a_stopped_run_goes_on_and_ends_in_the_same_bytes(panel, tmp_path):
    settings = {"models": MODELS, "first": "2012-01", "last": "2012-06"}
    whole = backtest(panel, folder=tmp_path / "whole", **settings)

    class StopError(Exception):
        pass

    def stop(line):
        if line.startswith("3 of 6"):
            raise StopError

    with pytest.raises(StopError):
        backtest(panel, folder=tmp_path / "cut", progress=stop, **settings)
    assert len(_files(tmp_path / "cut")) == 4  # three origins and the manifest
    seen = []
    resumed = backtest(panel, folder=tmp_path / "cut", progress=seen.append, **settings)
    assert len(seen) == 3
    assert _files(tmp_path / "cut") == _files(tmp_path / "whole")
    assert resumed.data.identical(whole.data)
    again = backtest(panel, folder=tmp_path / "whole", **settings)
    assert again.data.identical(whole.data)


def test_a_folder_of_another_backtest_is_refused(panel, tmp_path):
    settings = {"models": ["own36"], "first": "2012-01", "last": "2012-02"}
    backtest(panel, folder=tmp_path / "a", **settings)
    with pytest.raises(StorageError, match="other settings or data"):
        backtest(panel, folder=tmp_path / "a", lag=1, **settings)
    changed = replace(panel, values=panel.values + 1)
    with pytest.raises(StorageError, match="other settings or data"):
        backtest(changed, folder=tmp_path / "a", **settings)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "thesis.docx").write_text("")
    with pytest.raises(StorageError, match="not empty"):
        backtest(panel, folder=tmp_path / "b", **settings)


def test_an_executor_gives_the_same_numbers(panel):
    settings = {"models": ["own36", "conflictology12"], "first": "2012-01", "last": "2012-04"}
    alone = backtest(panel, **settings)
    with ProcessPoolExecutor(2) as pool:
        together = backtest(panel, executor=pool, **settings)
    assert alone.data.identical(together.data)


@pytest.mark.filterwarnings("ignore")  # what the cluster's own start and stop may say
def test_a_dask_cluster_serves_as_it_is(panel):
    distributed = pytest.importorskip("distributed")
    settings = {"models": ["own36"], "first": "2012-01", "last": "2012-03"}
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        there = backtest(panel, executor=client.get_executor(), **settings)
    assert there.data.identical(backtest(panel, **settings).data)


def test_progress_says_how_long_it_will_take(panel):
    seen = []
    backtest(panel, models=["own36"], first="2012-01", last="2012-03", progress=seen.append)
    assert [line.split(",")[0] for line in seen] == [f"{i} of 3 origins" for i in (1, 2, 3)]
    assert seen[-1].endswith("about 0 s left")


# ---------------------------------------------------------------------------------------- comparing


def test_skill_is_what_is_saved_of_the_references_loss(done):
    bits = done.mean("ignorance")
    saved = done.skill("ignorance", "own36")
    exact = 1 - float(bits.sel(model="own36") / bits.sel(model="conflictology12"))
    assert saved.value == pytest.approx(exact, abs=0.02)
    assert saved.lower <= saved.value <= saved.upper
    assert done.against("own36").skill("ignorance", "own36").value == 0.0


def test_a_mean_can_be_of_some_targets_only(done):
    war = done.data["unit"] == "war"
    direct = done.data["crps"].sel(unit="war").mean("origin").mean("horizon")
    assert np.allclose(done.mean("crps", war), direct)


def test_models_scored_on_different_targets_are_not_compared(done):
    broken = done.data.copy(deep=True)
    broken["ignorance"][0, 3, 1, 0] = np.nan
    with pytest.raises(CaseError, match=r"different targets \(tension: 365, conflictology12: 366"):
        replace(done, data=broken).mean("ignorance")


def test_backtests_of_the_same_targets_join_and_others_do_not(panel, done):
    more = backtest(panel, models=["zero"], first="2011-01", last="2013-11")
    both = done.beside(more)
    assert both.data["model"].to_numpy().tolist() == [*MODELS, "zero"]
    assert both.mean("crps").sel(model="zero") == more.mean("crps").sel(model="zero")
    with pytest.raises(CaseError, match="both backtests hold"):
        done.beside(done)
    other = backtest(panel, models=["zero"], first="2011-01", last="2013-10")
    with pytest.raises(CaseError, match="other origins"):
        done.beside(other)
    changed = replace(panel, values=panel.values + 1)
    with pytest.raises(CaseError, match="different counts"):
        done.beside(backtest(changed, models=["zero"], first="2011-01", last="2013-11"))


def test_the_table_says_what_was_compared(done):
    text = repr(done)
    assert "conflictology12" in text
    assert "reference" in text
    assert "origins 2011-01 to 2013-11, 3 unit(s), horizons 1, 3, 6, 12 months, 366 tar" in text
    assert "<table>" in done._repr_html_()


# --------------------------------------------------------------------------------- reading


def test_the_embedded_deaths_are_read_with_what_is_not_known():
    counts = read()
    assert counts.units == (DYAD,)
    assert str(counts.months[0]) == "2014-01"
    values = dict(zip(counts.months.astype(str), counts.values[:, 0], strict=True))
    assert values["2021-12"] == 5
    assert values["2024-05"] == 0  # a total of zero over ten months
    assert np.isnan(values["2020-10"])  # part of a total over several months


def test_a_wide_panel_keeps_blanks_unknown(tmp_path):
    path = tmp_path / "panel.csv"
    path.write_text("month,Alpha,Beta\n2020-01,1,\n2020-02,0,3\n")
    counts = read(path)
    assert counts.units == ("Alpha", "Beta")
    np.testing.assert_array_equal(counts.values, [[1, np.nan], [0, 3]])
    frame = pd.DataFrame({"month": ["2020-01", "2020-02"], "Alpha": [1, 0], "Beta": [None, 3]})
    np.testing.assert_array_equal(read(frame).values, counts.values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("month,a\n2020-01,1\n2020-03,2\n", "2020-03 follows 2020-01"),
        ("month,a\n2020-01,1\n2020-01,2\n", "2020-01 follows 2020-01"),
        ("month,a\n2020-01,-1\n", "row 2, a"),
        ("month,a,a\n2020-01,1,1\n", "column 'a' appears twice"),
        ("month,a\n", "no rows"),
    ],
)
def test_a_panel_that_cannot_be_used_is_refused(text, message, tmp_path):
    path = tmp_path / "panel.csv"
    path.write_text(text)
    with pytest.raises(EvidenceError, match=message):
        read(path)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"models": ["tenson"]}, "did you mean 'tension'"),
        ({"models": ["ladder"]}, f"is a model of {DYAD}"),
        ({"models": "tension"}, "lists of names"),
        ({"models": []}, "no model is named"),
        ({"horizons": [0]}, "horizons: 0"),
        ({"lag": -1}, "lag: -1"),
        ({"first": "1999-01"}, "the counts allow 2009-01 to 2013-11"),
        ({"first": "soon"}, "'soon' is not a month"),
    ],
)
def test_what_cannot_be_backtested_is_refused_with_the_cure(panel, asked, message):
    with pytest.raises(CaseError, match=message):
        backtest(panel, **{"first": "2012-01", "last": "2012-02", **asked})


def test_whole_models_are_backtested_on_the_dyad():
    done = cf.backtest(
        models=["reference", "conflictology12"], priors=["agnostic"], first="2021-11",
        last="2021-11", horizons=[1, 3], draws=30,
    )  # fmt: skip
    assert done.data["model"].to_numpy().tolist() == ["reference:agnostic", "conflictology12"]
    assert np.isfinite(done.data["ignorance"]).all()


# --------------------------------------------------------------------- calibration of the whole


def test_forecasts_are_calibrated_on_data_simulated_from_the_model():
    """Units drawn from a known ladder and forecast by its exact filter: the PIT is uniform."""
    rng = np.random.default_rng(11)
    own = learning.Own(1e12, 1e12, 0.975, 1.0, 1e-9, (0, 2, 5, 10, 25, 50, 100), 0.0, 1.0)
    learned = learning.Reference(
        "2000-12-31", np.array([0.1, 4.0, 60.0]), np.array([0.5, 2.0, 1.0]),
        np.array([[0.9, 0.08, 0.02], [0.15, 0.75, 0.1], [0.05, 0.25, 0.7]]),
        np.array([0.5, 0.3, 0.2]), own,
    )  # fmt: skip
    units, months, horizons = 400, 40, (1, 3, 6, 12)
    below, upto = {h: [] for h in horizons}, {h: [] for h in horizons}
    inside = {h: [] for h in horizons}
    for _ in range(units):
        level = rng.choice(3, p=learned.initial)
        y = []
        for _ in range(months):
            size, mean = learned.size[level], learned.mean[level]
            y.append(int(rng.negative_binomial(size, size / (size + mean))))
            level = rng.choice(3, p=learned.transition[level])
        followed = learning.counts(learned, y[:28])
        for h in horizons:
            told, seen = learning.distribution(learned, followed, h), y[27 + h]
            below[h].append(float(told.cdf(seen - 1)))
            upto[h].append(float(told.cdf(seen)))
            low, high = told.quantile([0.05, 0.95])
            inside[h].append((low <= seen <= high, told.cdf(high) - told.cdf(low - 1)))
    for h in horizons:
        assert scoring.pit_uniformity(np.array(below[h]), np.array(upto[h])) > 0.001
        hit, nominal = np.array(inside[h], float).T
        error = np.sqrt(nominal.mean() * (1 - nominal.mean()) / units)
        assert hit.mean() == pytest.approx(nominal.mean(), abs=4 * error)
