"""Exports say what the forecast says, carry what it was made from, and keep the rules of a hub.

The hub in `tests/hub` is made up. `hub/rules.py` checks a submission against it, and
`hub/tasks.schema.json` checks its configuration; both are our own reading of what hubverse
documents (version 6), not its validator.
"""

import csv
import io
import json
import math
import re
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
import yaml
from hub import rules
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from caucasus_forecast import cli, exchange, interventions, names, text
from caucasus_forecast.errors import CaseError, StorageError
from caucasus_forecast.exchange import Submission, facts, hub, hubfiles, naming
from caucasus_forecast.exchange.thinning import thinned
from caucasus_forecast.forecasting import Forecast
from caucasus_forecast.theory import Theory

DAY = "2021-11-30"
DIGESTS = ("digest", "data_digest", "prior_digest", "graph_digest")
KEY = [c for c in hub.Row._fields if c != "value"]


def small(**changes):
    return Submission(**({"team": "team", "model": "ladder", "samples": 100} | changes))


def copied(forecast, **attrs):
    tree = forecast.tree.copy(deep=True)
    tree.attrs |= attrs
    return Forecast(tree)


@pytest.fixture(scope="module")
def good(altered):
    """A forecast whose checks passed."""
    return altered()


@pytest.fixture(scope="module")
def acted(good):
    return good.do(treaty=True)


@pytest.fixture(scope="module")
def heavy(good):
    """A forecast whose draws count unequally, everything that follows made again from the start."""
    share = np.random.default_rng(7).gamma(0.3, size=(4, 150))
    tree = good.tree.copy(deep=True)
    tree[names.SAMPLE_STATS] = tree[names.SAMPLE_STATS].to_dataset().assign(
        {names.WEIGHT: (("chain", "draw"), share / share.sum())}
    )  # fmt: skip
    futures = tree[names.PREDICTIONS].to_dataset()
    return Forecast(interventions.looked_ahead(tree, good.study, futures, {}, ()))


def futures_of(forecast):
    """Every future as a row: its weight, and its battle deaths by month."""
    deaths = forecast.tree[names.PREDICTIONS][names.DEATHS].to_numpy()
    stats = forecast.tree[names.SAMPLE_STATS]
    share = stats[names.WEIGHT].to_numpy() if names.WEIGHT in stats else np.full((4, 150), 1 / 600)
    weight = np.repeat(share.ravel() / deaths.shape[2], deaths.shape[2])
    return weight, deaths.reshape(-1, deaths.shape[-1])


def submitted(folder, forecasts, submission):
    found = exchange.export(forecasts, folder, "hubverse", submission=submission)
    return found[0], rules.read(found[0])


# ---------------------------------------------------------------------------------- the made-up hub


def test_the_configuration_of_the_hub_is_one():
    schema = json.loads((rules.HERE / "tasks.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    assert rules.wrong(rules.config("tasks.json"), schema) == []
    broken = rules.config("tasks.json")
    del broken["rounds"][0]["model_tasks"][0]["output_type"]["cdf"]["value"]["maximum"]
    broken["rounds"][0]["model_tasks"][1]["target_metadata"][0]["target_id"] = "x" * 31
    assert any("31" in w or "too long" in w for w in rules.wrong(broken, schema))


@pytest.mark.parametrize("parquet", [False, True])
def test_a_submission_keeps_every_rule_of_the_hub(good, acted, tmp_path, parquet):
    both = {"baseline": good, "treaty-holds": acted}
    path, rows = submitted(tmp_path, both, small(parquet=parquet))
    assert rules.faults(tmp_path, path) == []
    assert set(rows["output_type"]) == {"sample", "quantile", "cdf", "mean", "median", "pmf"}
    assert set(rows["scenario_id"]) == set(both)


def test_a_submission_of_a_weighted_forecast_keeps_every_rule(heavy, tmp_path):
    path, _ = submitted(tmp_path, heavy, small())
    assert rules.faults(tmp_path, path) == []


def spoil(frame, kind, change):
    at = frame.index[frame["output_type"] == kind]
    return change(frame.copy(), at)


def put(column, value, which=slice(0, 1)):
    def change(frame, at):
        frame.loc[at[which], column] = value
        return frame

    return change


SPOILT = {
    "a column more": (lambda f: f.assign(note="x"), "columns"),
    "a row twice": (lambda f: pd.concat([f, f.tail(1)]), "rows come twice"),
    "a row less": (lambda f: spoil(f, "quantile", lambda g, at: g.drop(at[0])), "quantile of"),
    "an unknown target": (lambda f: spoil(f, "pmf", put("target", "war")), "rows of no task"),
    "another round": (lambda f: f.assign(origin_date="2021-10-31"), "not that of the file"),
    "a wrong last day": (
        lambda f: f.assign(target_end_date=f["target_end_date"].str[:8] + "28"), "target_end_date",
    ),
    "a falling quantile": (lambda f: spoil(f, "quantile", put("value", 1e6)), "values fall"),
    "a falling cdf": (lambda f: spoil(f, "cdf", put("value", 1.0)), "values fall"),
    "a pmf of more than one": (lambda f: spoil(f, "pmf", put("value", 0.999)), "sums to"),
    "a fraction of a death": (lambda f: spoil(f, "sample", put("value", 0.5)), "not whole"),
    "fewer than none": (lambda f: spoil(f, "mean", put("value", -1.0)), "out of bounds"),
    "no value": (lambda f: spoil(f, "mean", put("value", math.nan)), "missing"),
    "a sample of its own": (
        lambda f: spoil(f, "sample", put("output_type_id", "7777")), "does not cover",
    ),
    "a sample without a number": (
        lambda f: f.replace({"output_type_id": {"1": "one"}}), "positive whole number",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", SPOILT)
def test_the_rules_find_what_is_wrong(good, tmp_path, how):
    path, frame = submitted(tmp_path, good, small())
    change, expected = SPOILT[how]
    change(frame).to_csv(path, index=False)
    assert any(expected in fault for fault in rules.faults(tmp_path, path))


def test_too_few_samples_are_found(good, tmp_path):
    path, _ = submitted(tmp_path, good, small(samples=49))
    assert rules.faults(tmp_path, path) == ["sample: 49 to 49 samples of a task"]


# ---------------------------------------------------------------------- the numbers of a submission


def one(rows, target, horizon, kind):
    found = rows[(rows["target"] == target) & (rows["horizon"] == str(horizon))]
    return found[found["output_type"] == kind].set_index("output_type_id")["value"]


@pytest.mark.parametrize("which", ["good", "heavy"])
def test_counts_are_those_of_the_weighted_futures(request, tmp_path, which):
    forecast = request.getfixturevalue(which)
    weight, deaths = futures_of(forecast)
    _, rows = submitted(tmp_path, forecast, small())
    for h in (1, 6):
        y = deaths[:, h - 1]
        for at, value in one(rows, "battle deaths", h, "cdf").items():
            by_hand = math.fsum(w for w, x in zip(weight, y, strict=True) if x <= int(at))
            assert value == pytest.approx(by_hand, abs=1e-12)
        quantiles = one(rows, "battle deaths", h, "quantile")
        for level, value in quantiles.items():
            reached = weight[y <= value].sum()
            assert reached >= float(level) - 1e-9
            assert weight[y < value].sum() < float(level) + 1e-9
        assert one(rows, "battle deaths", h, "median").item() == quantiles["0.5"]
        assert one(rows, "battle deaths", h, "mean").item() == pytest.approx(weight @ y)


@pytest.mark.parametrize("which", ["good", "heavy"])
def test_probabilities_are_those_of_the_forecast(request, tmp_path, which):
    forecast = request.getfixturevalue(which)
    _, rows = submitted(tmp_path, forecast, small())
    tree = forecast.tree
    by_month = tree[names.SCENARIOS]["by_month"]
    for h in range(1, 7):
        found = one(rows, "scenario: alyarli-2021", h, "pmf")
        np.testing.assert_allclose(found, by_month[:, h - 1], atol=1e-12)
        assert list(found.index) == [str(s) for s in by_month["scenario"].to_numpy()]
    asked = tree[names.QUESTIONS].to_dataset()
    for q, label, p in zip(*(asked[c].to_numpy() for c in ("question", "label", "probability")),
                           strict=True):  # fmt: skip
        assert one(rows, f"question: {q}", 6, "pmf")[label] == pytest.approx(p, abs=1e-12)
        assert one(rows, f"question: {q}", 5, "pmf").empty
    changed = tree[names.FANS]["changed"]
    if which == "good":
        treaty = one(rows, "state: treaty", 6, "pmf")
        assert treaty["yes"] == pytest.approx(float(changed.sel(state="treaty")[-1]), abs=1e-12)
        kept = one(rows, "state: peacekeepers", 6, "pmf")
        assert kept["no"] == pytest.approx(float(changed.sel(state="peacekeepers")[-1]), abs=1e-12)
    mission = dict(zip(asked["label"].to_numpy(), asked["probability"].to_numpy(), strict=False))
    assert mission["yes"] >= 0


def test_all_futures_as_samples_give_the_quantiles_back(good, tmp_path):
    _, rows = submitted(tmp_path, good, small(samples=3000))
    for target in ("battle deaths", "reports armenia"):
        drawn = np.sort(one(rows, target, 6, "sample").to_numpy())
        for level, value in one(rows, target, 6, "quantile").items():
            assert drawn[math.ceil(float(level) * 3000 - 1e-9) - 1] == value


@pytest.mark.parametrize("which", ["good", "heavy"])
def test_samples_have_the_distribution_of_the_futures(request, tmp_path, which):
    forecast = request.getfixturevalue(which)
    _, rows = submitted(tmp_path, forecast, small(samples=1000))
    band = math.sqrt(math.log(2 / 1e-6) / 2000)  # Dvoretzky-Kiefer-Wolfowitz, one in a million
    for h in range(1, 7):
        drawn = one(rows, "battle deaths", h, "sample")
        for at, value in one(rows, "battle deaths", h, "cdf").items():
            assert abs((drawn <= int(at)).mean() - value) < band


def test_a_sample_is_one_future_of_every_series_and_month(good, tmp_path):
    _, rows = submitted(tmp_path, good, small(samples=60))
    drawn = rows[rows["output_type"] == "sample"]
    paths = good.tree[names.PREDICTIONS]
    series = {"battle deaths": paths[names.DEATHS].to_numpy().reshape(-1, 6)}
    for n in paths[names.NODE].to_numpy():
        flat = paths["count"].sel(node=n).to_numpy().reshape(-1, 6)
        series[str(n).replace("_", " ")] = flat
    whole = np.concatenate(list(series.values()), axis=1)
    for i in ("1", "30", "60"):
        mine = drawn[drawn["output_type_id"] == i].set_index(["target", "horizon"])["value"]
        told = [mine[t, str(h)] for t in series for h in range(1, 7)]
        assert (whole == told).all(axis=1).any()


def test_samples_of_several_forecasts_have_ids_of_their_own(good, acted, tmp_path):
    _, rows = submitted(tmp_path, [good, acted], small(samples=50))
    drawn = rows[rows["output_type"] == "sample"]
    ids = drawn.groupby("scenario_id")["output_type_id"].agg(set)
    assert ids.iloc[0].isdisjoint(ids.iloc[1])
    assert {int(i) for s in ids for i in s} == set(range(1, 101))


def test_csv_and_parquet_hold_the_same(good, tmp_path):
    _, one_ = submitted(tmp_path, good, small())
    path, two = submitted(tmp_path, good, small(model="other", parquet=True))
    pd.testing.assert_frame_equal(one_, two[list(one_)], check_dtype=False)
    types = {f.name: str(f.type) for f in pq.read_schema(path)}
    assert types == {
        "origin_date": "date32[day]", "scenario_id": "string", "location": "string",
        "target": "string", "horizon": "int32", "target_end_date": "date32[day]",
        "output_type": "string", "output_type_id": "string", "value": "double",
    }  # fmt: skip
    assert pq.read_table(path)["output_type_id"].null_count == 2 * 16 * 6


# ----------------------------------------------------------------------------------------- thinning


def by_hand(share, shape, count):
    """Systematic sampling in exact arithmetic: walk the futures, count what is passed."""
    total = sum(Fraction(float(x)) for x in share.ravel())
    reached, found, k = Fraction(0), [], 0
    for i in range(math.prod(shape)):
        reached += Fraction(float(share.ravel()[i // shape[2]])) / shape[2] / total
        while k < count and (k + Fraction(1, 2)) / count <= reached:
            found.append(i)
            k += 1
    return found


@given(
    st.integers(1, 3), st.integers(1, 6), st.integers(1, 4), st.data(),
)  # fmt: skip
def test_thinning_is_systematic_sampling(chains, draws, paths, data):
    weights = st.lists(st.integers(0, 64), min_size=chains * draws, max_size=chains * draws)
    share = np.array(data.draw(weights.filter(any)), float).reshape(chains, draws)
    share /= share.sum()
    count = data.draw(st.integers(1, chains * draws * paths))
    found = thinned(share, (chains, draws, paths), count)
    expected = np.array(by_hand(share, (chains, draws, paths), count))
    assert len(found) == count
    assert (np.diff(found) >= 0).all()
    times = np.bincount(found, minlength=chains * draws * paths)
    wanted = count * np.repeat(share.ravel() / paths, paths)
    assert (np.abs(times - wanted) < 1 + 1e-6).all()
    # a tie between two futures is decided by the last bit, so places may differ by one future
    assert (found != expected).mean() <= 0.5 or (np.abs(found - expected) <= paths).all()


@given(st.integers(1, 4), st.integers(1, 30), st.integers(1, 5), st.data())
def test_without_weights_no_future_comes_twice(chains, draws, paths, data):
    count = data.draw(st.integers(1, chains * draws * paths))
    found = thinned(None, (chains, draws, paths), count)
    assert len(set(found.tolist())) == count
    gaps = np.diff(found)
    assert gaps.size == 0 or gaps.max() - gaps.min() <= 1 + (chains * draws * paths % count > 0)


@pytest.mark.parametrize("count", [0, -1, 3001, 2.5, True, None])
def test_more_samples_than_futures_are_refused(count):
    message = f"samples is {count!r}; give a whole number from 1 to 3000, the number of simulated"
    with pytest.raises(CaseError, match=re.escape(message)):
        thinned(None, (4, 150, 5), count)


# ----------------------------------------------------------------------------------- the long table


def table(path):
    return pd.read_csv(path, keep_default_na=False, na_values={"value": [""], "mcse": [""]})


def test_the_long_table_says_what_the_forecast_says(good, tmp_path):
    (path,) = good.export(tmp_path / "f.csv", "csv")
    found = table(path).set_index(["group", "series", "outcome", "month", "statistic"])
    saved = good.tree[names.SCENARIOS].to_dataset()
    for s in saved["scenario"].to_numpy():
        place = ("scenario", "alyarli-2021", s)
        for key in ("probability", "lower", "upper"):
            value = found.loc[(*place, "2022-05", key), "value"]
            assert value == float(saved[key].sel(scenario=s))
        assert found.loc[(*place, "2022-05", "probability"), "mcse"] == float(
            saved["mcse"].sel(scenario=s)
        )
        for month in saved["month"].to_numpy():
            for key, variable in (("probability", "by_month"), ("first_passage", "first_passage")):
                value = found.loc[(*place, str(month)[:7], key), "value"]
                assert value == pytest.approx(
                    float(saved[variable].sel(scenario=s, month=month)), abs=1e-12
                )
    fan = good.tree[names.FANS]["fan"]
    for series in fan["series"].to_numpy():
        for q in fan["quantile"].to_numpy():
            value = found.loc[("series", series, "", "2021-12", f"q{q:g}"), "value"]
            assert value == float(fan.sel(series=series, quantile=q)[0])
    asked = good.tree[names.QUESTIONS].to_dataset()
    for q, label, p, e in zip(
        *(asked[c].to_numpy() for c in ("question", "label", "probability", "mcse")), strict=True
    ):
        row = found.loc[("question", q, label, "2022-05", "probability")]
        assert (row["value"], row["mcse"]) == (p, e)


def test_a_weighted_long_table_counts_the_draws(heavy, tmp_path):
    (path,) = heavy.export(tmp_path / "f.csv", "csv")
    weight, deaths = futures_of(heavy)
    found = table(path).set_index(["group", "series", "outcome", "month", "statistic"])["value"]
    for h, month in enumerate(("2021-12", "2022-05")):
        y = deaths[:, (0, 5)[h]]
        place = ("series", names.DEATHS)
        assert found[(*place, "", month, "mean")] == pytest.approx(weight @ y)
        for t in (1, 25, 100, 1000):
            p = found[(*place, f"at least {t}", month, "probability")]
            assert p == pytest.approx(weight[y >= t].sum(), abs=1e-12)


def test_every_probability_and_mean_has_its_error(good, tmp_path):
    (path,) = good.export(tmp_path / "f.csv", "csv")
    found = table(path)
    errors = found[found["statistic"].isin(["probability", "mean", "first_passage"])]["mcse"]
    assert errors.notna().all()
    assert (errors >= 0).all()
    probabilities = found[found["statistic"] == "probability"]
    assert (probabilities["mcse"] > 0).all()
    assert probabilities["value"].between(0, 1).all()


def test_the_long_table_is_read_the_same_by_polars(good, acted, tmp_path):
    both = {"baseline": good, "treaty-holds": acted}
    (path,) = exchange.export(both, tmp_path / "f.csv", "csv")
    one_, two = table(path), pl.read_csv(path, infer_schema_length=None)
    assert list(one_) == two.columns
    assert len(one_) == two.height
    np.testing.assert_array_equal(one_["value"], two["value"].cast(pl.Float64).to_numpy())
    assert set(one_["scenario_id"]) == set(both)
    done = one_[one_["scenario_id"] == "treaty-holds"]
    assert set(done["kind"]) == {"intervention"}
    assert set(done["done"]) == {"do: treaty holds from 2021-12 to 2022-05"}


def relabelled(forecast, label):
    tree = forecast.tree.copy(deep=True)
    asked = tree[names.QUESTIONS].to_dataset()
    labels = asked["label"].to_numpy().astype(object)
    labels[0] = label
    tree[names.QUESTIONS] = asked.assign(label=("answer", labels.astype(str)))
    return Forecast(tree)


@pytest.mark.parametrize("label", ["=cmd()", "+1", "-5 to 0", "@x", "\tx"])
def test_no_cell_is_a_formula(good, tmp_path, label):
    forecast = relabelled(good, label)
    (path,) = forecast.export(tmp_path / "f.csv", "csv")
    forecast.export(tmp_path, "hubverse", submission=small())
    forecast.export(tmp_path, "hubverse", submission=small(model="other", parquet=True))
    for file in [path, *tmp_path.rglob("*-ladder.csv")]:
        with file.open(encoding="utf-8", newline="") as opened:
            cells = {c for row in csv.reader(opened) for c in row}
        assert f"'{label}" in cells
        assert not [c for c in cells if c[:1] in "=+@\t\r" and c]
        assert not [c for c in cells if c.startswith("-") and not _number(c)]
    (parquet,) = tmp_path.rglob("*.parquet")
    assert f"'{label}" in pq.read_table(parquet)["output_type_id"].to_pylist()


def _number(cell):
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


# --------------------------------------------------------------------------------------- the object


def valid(found):
    schema = exchange.schema()
    Draft202012Validator.check_schema(schema)
    checker = Draft202012Validator(schema, format_checker=FormatChecker())
    return [f"{list(e.absolute_path)}: {e.message}" for e in checker.iter_errors(found)]


@pytest.mark.parametrize("which", ["small_forecast", "good", "acted", "heavy"])
def test_the_object_is_valid(request, tmp_path, which):
    forecast = request.getfixturevalue(which)
    (path,) = forecast.export(tmp_path / "f.json", "json")
    found = json.loads(path.read_text("utf-8"), parse_constant=pytest.fail)
    assert valid(found) == []
    assert found == json.loads(json.dumps(exchange.document(forecast)))
    (entry,) = found["forecasts"]
    for h in range(6):
        total = math.fsum(s["months"][h]["probability"] for s in entry["scenarios"]["items"])
        assert total == pytest.approx(1.0)
    for question in entry["questions"]:
        assert math.fsum(a["probability"] for a in question["answers"]) == pytest.approx(1.0)


def test_a_counterfactual_is_told(good):
    changed = good.counterfactual(tension="calm", since="2021-05")
    (entry,) = exchange.document(changed)["forecasts"]
    assert entry["kind"] == "counterfactual"
    assert entry["done"].startswith("had it been that")
    assert re.fullmatch(r"had-it-been-that-.*-[0-9a-f]{8}", entry["scenario_id"])
    assert valid(exchange.document([good, changed])) == []


BROKEN = {
    "a probability above one": lambda f: f["questions"][0]["answers"][0].update(probability=1.1),
    "no error": lambda f: f["questions"][0]["answers"][0].pop("mcse"),
    "no licence": lambda f: f.pop("licences"),
    "a short digest": lambda f: f.update(data_digest="abc"),
    "another key": lambda f: f.update(more=1),
    "an id with a space": lambda f: f.update(scenario_id="a b"),
    "no verdict": lambda f: f["checks"].pop("verdict"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_the_schema_refuses(good, how):
    found = exchange.document(good)
    assert valid(found) == []
    BROKEN[how](found["forecasts"][0])
    assert len(valid(found)) == 1


def test_what_is_not_finite_is_none(good):
    tree = good.tree.copy(deep=True)
    tree[names.DIAGNOSTICS].attrs |= {"max_rhat": math.inf}
    fans = tree[names.FANS].to_dataset()
    fans["fan"][0, 0, 0] = math.nan
    tree[names.FANS] = fans
    found = exchange.document(Forecast(tree))
    assert valid(found) == []
    (entry,) = found["forecasts"]
    assert entry["checks"]["max_rhat"] is None
    assert next(s for s in entry["series"] if s["name"] == names.TENSION)["months"][0]["quantiles"][
        "0.05"
    ] is None  # fmt: skip
    json.dumps(found, allow_nan=False)


def test_repairs_and_notes_are_carried(good):
    repairs = ["two months were put in order"]
    mended = copied(good, repairs=json.dumps(repairs))
    (entry,) = exchange.document(mended)["forecasts"]
    assert entry["repairs"] == repairs
    assert entry["notes"] == list(mended.notes)
    assert any(repairs[0] in note for note in mended.notes)


# ---------------------------------------------------------------------------------- what is carried


def written(forecast, folder, kind):
    """Everything one export writes, as text."""
    if kind == "parquet":
        found = forecast.export(folder, "hubverse", submission=small(parquet=True))
        return pq.read_schema(found[0]).metadata[hubfiles.METADATA_KEY].decode()
    if kind == "hubverse":
        found = forecast.export(folder, "hubverse", submission=small())
        return "".join(p.read_text("utf-8") for p in found)
    (path,) = forecast.export(folder / f"f.{kind}", kind)
    return path.read_text("utf-8")


EVERY = ("csv", "json", "hubverse", "parquet")


@pytest.mark.parametrize("kind", EVERY)
def test_every_export_carries_vintage_digests_and_licence_lines(good, tmp_path, kind):
    body = written(good, tmp_path, kind)
    attrs = good.tree.attrs
    for expected in (DAY, attrs["reference_class"], attrs["citation"], good.digest,
                     *(attrs[d] for d in DIGESTS[1:]), facts.SOFTWARE, facts.UCDP):  # fmt: skip
        assert expected in body
    assert "Apache" in facts.SOFTWARE
    assert "CC BY 4.0" in facts.UCDP


@pytest.mark.parametrize("kind", EVERY)
def test_the_terms_of_own_counts_are_said(good, tmp_path, kind):
    case = json.loads(good.tree.attrs["case"]) | {"evidence": "counts.csv"}
    body = written(copied(good, case=json.dumps(case)), tmp_path, kind)
    assert facts.OWN in body
    assert facts.OWN not in written(good, tmp_path / kind if kind[0] in "hp" else tmp_path,
                                    {"csv": "json", "json": "csv"}.get(kind, kind))  # fmt: skip


def test_own_counts_leave_the_licence_of_the_output_to_the_team(good, tmp_path):
    case = json.loads(good.tree.attrs["case"]) | {"evidence": "counts.csv"}
    *_, path = copied(good, case=json.dumps(case)).export(tmp_path, "hubverse", submission=small())
    assert "license" not in yaml.safe_load(path.read_text("utf-8"))


def test_own_counts_that_an_update_brought_are_the_users_too(small_forecast, tmp_path):
    updated = small_forecast.update(pd.DataFrame({"month": ["2021-12"], "count": [7]}))
    (entry,) = exchange.document(updated)["forecasts"]
    assert entry["licences"][-1] == facts.OWN
    paths = updated.export(tmp_path, "hubverse", submission=Submission("team", "own", samples=50))
    assert "license:" not in next(p for p in paths if p.suffix == ".yml").read_text("utf-8")


def test_a_graph_of_ones_own_is_about_a_place_of_its_own(good, monkeypatch):
    named = naming.gather(good)
    assert next(hub.rows(named, Submission("a", "b"))).location == "ARM-AZE"
    monkeypatch.setattr(Theory, "whole", property(lambda _: True))
    assert next(hub.rows(named, Submission("a", "b", location="N"))).location == "N"
    with pytest.raises(CaseError, match="is not about ARM-AZE; say what the hub calls its place"):
        next(hub.rows(named, Submission("a", "b")))


@pytest.mark.parametrize("kind", EVERY)
def test_a_failed_fit_is_marked_in_every_export(altered, tmp_path, kind):
    body = written(altered(passed=False), tmp_path, kind)
    assert "baseline_checks_failed" in body
    assert "the chains disagree" in body


def test_a_failed_fit_is_marked_in_every_row_and_refused_by_the_hub(altered, tmp_path):
    path, rows = submitted(tmp_path, altered(passed=False), small())
    assert set(rows["scenario_id"]) == {"baseline_checks_failed"}
    assert any("rows of no task" in f for f in rules.faults(tmp_path, path))
    (abstract,) = tmp_path.rglob(f"{DAY}.md")
    assert "WARNING: the checks of the fit failed: baseline_checks_failed." in abstract.read_text()


def test_the_sidecar_is_one_block_of_json(good, acted, tmp_path):
    odd = copied(good, title="a ``` fence\n# and a heading")
    submitted(tmp_path, {"baseline": odd, "treaty-holds": acted}, small())
    (abstract,) = tmp_path.rglob(f"{DAY}.md")
    (block,) = re.findall(r"^```json\n(.*?)^```$", abstract.read_text("utf-8"), re.S | re.M)
    told = json.loads(block)
    assert told == [
        facts.facts(naming.Named(i, f)) for i, f in (("baseline", odd), ("treaty-holds", acted))
    ]
    assert "\n# and" not in abstract.read_text("utf-8")


# ---------------------------------------------------------------------------------------- the names

SAFE = re.compile(r"[A-Za-z0-9._-]{1,80}")


@given(st.text(max_size=90))
def test_an_id_is_safe_or_refused(name):
    safe = SAFE.fullmatch(name) and not name.startswith((".", "-")) and not name.endswith(".")
    if safe:
        assert naming.safe(name, "scenario_id") == name == Path(name).name
        return
    with pytest.raises(CaseError) as found:
        naming.safe(name, "scenario_id")
    assert "\n" not in str(found.value)
    assert len(str(found.value)) < 700


@given(st.from_regex(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,78}[A-Za-z0-9_-])?", fullmatch=True))
def test_a_safe_id_is_taken(name):
    assert naming.safe(name, "scenario_id") == name


UNSAFE = [
    "../../etc/x", "/etc/x", "a/b", "a\\b", "..", ".", "", "a.", "-a", "a b", "é", "x" * 81, "a\n",
    5,
]  # fmt: skip


@pytest.mark.parametrize("name", UNSAFE)
def test_a_place_that_is_not_safe_is_refused(name):
    with pytest.raises(CaseError, match=r"^location is "):
        small(location=name)


@pytest.mark.parametrize("name", [*UNSAFE, None])
def test_a_name_that_is_not_safe_is_refused(good, tmp_path, name):
    with pytest.raises(CaseError, match=r"^team is .*; give 1 to 80 letters"):
        small(team=name)
    with pytest.raises(CaseError, match=r"^model is "):
        small(model=name)
    with pytest.raises(CaseError, match=r"^scenario_id is "):
        exchange.export({name: good}, tmp_path / "f.json", "json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a-b", "a.b"])
def test_an_abbreviation_has_no_hyphen(name):
    with pytest.raises(CaseError, match="team is"):
        small(team=name)


WORDS = st.text(min_size=0, max_size=120)


@given(WORDS, WORDS)
def test_the_ids_of_acts_are_safe_and_distinct(one_, two):
    class Done:
        def __init__(self, words):
            self.labels = (f"intervention: do: {words}",)
            self.tree = type("Tree", (), {"attrs": {"acts": words}})()

    ids = [naming.id_of(Done(w)) for w in (one_, two)]
    assert [naming.safe(i, "scenario_id") for i in ids] == ids
    assert (ids[0] == ids[1]) == (one_ == two)


def test_the_ids_of_a_forecast_and_of_an_act(good, acted):
    found = naming.gather([good, acted])
    assert found[0].id == "baseline"
    assert re.fullmatch(r"do-treaty-holds-from-2021-12-to-2022-05-[0-9a-f]{8}", found[1].id)


def test_a_long_id_of_a_failed_fit_keeps_its_mark(altered):
    marked = naming.Named("x" * 80, altered(passed=False)).marked
    assert marked == "x" * 66 + "_checks_failed"
    assert naming.safe(marked, "scenario_id") == marked


def test_two_forecasts_of_one_name_are_refused(good, altered, tmp_path):
    with pytest.raises(CaseError, match="two forecasts have the scenario_id 'baseline'; give each"):
        exchange.export([good, good], tmp_path / "f.csv", "csv")
    bad = altered(passed=False)
    with pytest.raises(CaseError, match="two forecasts have the scenario_id"):
        naming.gather({"x" * 80: bad, "x" * 79 + "y": bad})
    with pytest.raises(CaseError, match="no forecast to export"):
        naming.gather([])


# ---------------------------------------------------------------------------------------- the files


def test_arguments_that_do_not_fit_are_refused(good, tmp_path):
    with pytest.raises(CaseError, match="format is 'cvs'; did you mean 'csv'"):
        good.export(tmp_path / "f.cvs", "cvs")
    with pytest.raises(CaseError, match="format 'hubverse' needs a submission"):
        good.export(tmp_path, "hubverse")
    with pytest.raises(CaseError, match="format 'json' goes without a submission"):
        good.export(tmp_path / "f.json", "json", submission=small())
    with pytest.raises(CaseError, match=r"f\.txt: the name must end in \.csv"):
        good.export(tmp_path / "f.txt", "csv")
    later = copied(good, as_of="2021-12-31")
    with pytest.raises(CaseError, match=r"forecasts as of 2021-11-30, 2021-12-31; a round has one"):
        submitted(tmp_path, {"a": good, "b": later}, small())
    with pytest.raises(CaseError, match="samples is 5000; give a whole number from 1 to 3000"):
        submitted(tmp_path, good, small(samples=5000))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_file_that_is_there_stays(good, tmp_path, kind):
    path = tmp_path / f"f.{kind}"
    path.write_text("mine")
    with pytest.raises(StorageError, match="exists; choose another name or allow overwriting"):
        good.export(path, kind)
    assert path.read_text() == "mine"
    good.export(path, kind, overwrite=True)
    assert path.read_text() != "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_a_round_that_is_there_stays_and_so_do_the_metadata(good, tmp_path):
    output, abstract, metadata = good.export(tmp_path, "hubverse", submission=small())
    assert output == tmp_path / "model-output/team-ladder/2021-11-30-team-ladder.csv"
    assert abstract == tmp_path / "model-abstracts/team-ladder/2021-11-30.md"
    assert metadata == tmp_path / "model-metadata/team-ladder.yml"
    with pytest.raises(StorageError, match="exists"):
        good.export(tmp_path, "hubverse", submission=small())
    metadata.write_text("team_name: ours\n")
    again = good.export(tmp_path, "hubverse", submission=small(samples=50), overwrite=True)
    assert again == (output, abstract)
    assert metadata.read_text() == "team_name: ours\n"
    abstract.write_text("ours")
    output.unlink()
    with pytest.raises(StorageError, match=r"2021-11-30\.md: exists"):
        good.export(tmp_path, "hubverse", submission=small())
    assert not output.exists()


def test_a_round_is_not_written_in_two_formats(good, tmp_path):
    good.export(tmp_path, "hubverse", submission=small())
    with pytest.raises(StorageError, match=r"\.csv: holds this round already, in another format"):
        good.export(tmp_path, "hubverse", submission=small(parquet=True), overwrite=True)


def test_a_link_does_not_lead_out_of_the_hub(good, tmp_path):
    inside, outside = tmp_path / "hub", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "model-output").symlink_to(outside)
    with pytest.raises(StorageError, match=r"leads out of .* by a link; remove the link"):
        good.export(inside, "hubverse", submission=small())
    assert not list(outside.iterdir())
    assert [p.name for p in inside.iterdir()] == ["model-output"]


def test_a_folder_that_cannot_be_made_is_said(good, tmp_path):
    (tmp_path / "hub").write_text("a file")
    with pytest.raises(StorageError, match="cannot be made"):
        good.export(tmp_path / "hub", "hubverse", submission=small())


def test_parquet_without_pyarrow_names_the_extra(good, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CaseError, match=r"pip install 'caucasus-forecast\[tables\]', or write CSV"):
        good.export(tmp_path, "hubverse", submission=small(parquet=True))
    assert not list(tmp_path.iterdir())
    good.export(tmp_path, "hubverse", submission=small())


# --------------------------------------------------------------------------------------- plain text

PRINTED = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)


@given(PRINTED, st.lists(PRINTED, min_size=1, max_size=3))
def test_yaml_is_read_back(one_, many):
    assert yaml.safe_load(text.yaml_text({"a": one_, "b": many})) == {"a": one_, "b": many}


@given(st.lists(st.tuples(PRINTED, st.floats(allow_nan=False)), min_size=1, max_size=5))
def test_csv_is_read_back(rows):
    body = text.csv_text(["a", "b"], rows)
    found = list(csv.reader(io.StringIO(body, newline="")))[1:]
    plain = [a.replace("\r\n", "\n").replace("\r", "\n") for a, _ in rows]
    assert [a for a, _ in found] == [text.literal(a) for a in plain]
    assert [float(b) for _, b in found] == [b for _, b in rows]


# -------------------------------------------------------------------------------------- the program


@pytest.fixture
def saved(good, altered, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    good.save("good.nc")
    altered(passed=False).save("bad.nc")
    good.do(treaty=True).save("treaty.nc")


def test_the_program_writes_what_the_library_writes(saved, capsys):
    assert cli.main(["export", "good.nc", "--format", "json", "--out", "f.json"]) == 0
    assert capsys.readouterr().out == "wrote f.json\n"
    found = json.loads(Path("f.json").read_text("utf-8"))
    assert valid(found) == []
    arguments = ["export", "good.nc", "treaty.nc", "--format", "csv", "--out", "f.csv", "--json"]
    assert cli.main([*arguments, "--scenario-id", "baseline", "--scenario-id", "treaty"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"]["passed"] is True
    assert (told["format"], told["files"]) == ("csv", ["f.csv"])
    assert set(table("f.csv")["scenario_id"]) == {"baseline", "treaty"}


def test_the_program_writes_to_a_hub(saved, capsys):
    names_ = ["--team", "team", "--model", "ladder", "--samples", "100"]
    arguments = ["export", "good.nc", "--format", "hubverse", "--out", "hub", *names_]
    assert cli.main([*arguments, "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    path = Path("hub/model-output/team-ladder/2021-11-30-team-ladder.csv")
    assert rules.faults(Path("hub"), path) == []
    assert cli.main(arguments) == 2
    assert "exists" in capsys.readouterr().err
    assert cli.main([*arguments, "--overwrite", "--location", "X"]) == 0
    assert set(rules.read(path)["location"]) == {"X"}


def test_the_program_ends_with_three_where_a_fit_failed(saved, capsys):
    assert cli.main(["export", "good.nc", "bad.nc", "--format", "json", "--out", "f.json"]) == 3
    assert "checks failed" in capsys.readouterr().err
    ids = [f["scenario_id"] for f in json.loads(Path("f.json").read_text())["forecasts"]]
    assert ids == ["baseline", "baseline_checks_failed"]
    arguments = ["export", "bad.nc", "--format", "csv", "--out", "f.csv", "--json"]
    assert cli.main(arguments) == 3
    assert json.loads(capsys.readouterr().out)["verdict"]["passed"] is False


def test_the_program_prints_the_schema(capsys):
    assert cli.main(["export", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == exchange.schema()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "export needs a saved forecast, --format and --out"),
        (["good.nc"], "export needs a saved forecast, --format and --out"),
        (["good.nc", "--format", "jsn", "--out", "f"], "did you mean 'json'"),
        (["good.nc", "--format", "json", "--out", "f.csv"], "must end in .json"),
        (["good.nc", "--format", "hubverse", "--out", "h"], "needs --team and --model"),
        (["good.nc", "--format", "csv", "--out", "f.csv", "--parquet"], "--parquet goes with"),
        (["good.nc", "--format", "csv", "--out", "f.csv", "--team", "a"], "--team goes with"),
        (["good.nc", "--format", "csv", "--out", "f.csv", "--samples", "9"], "--samples goes with"),
        (
            ["good.nc", "--format", "csv", "--out", "f.csv", "--scenario-id", "a",
             "--scenario-id", "b"],
            "2 --scenario-id for 1 forecasts",
        ),
        (
            ["good.nc", "treaty.nc", "--format", "csv", "--out", "f.csv", "--scenario-id", "a",
             "--scenario-id", "a"],
            "a --scenario-id is given twice",
        ),
        (["missing.nc", "--format", "csv", "--out", "f.csv"], "missing.nc"),
        (
            ["good.nc", "--format", "hubverse", "--out", "h", "--team", "../x", "--model", "m"],
            "team is '../x'",
        ),
    ],
)  # fmt: skip
def test_the_program_refuses(saved, capsys, arguments, message):
    before = sorted(p.name for p in Path().iterdir())
    assert cli.main(["export", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert sorted(p.name for p in Path().iterdir()) == before


def test_what_is_no_forecast_is_not_exported(tmp_path, small_forecast):
    with pytest.raises(CaseError, match="a forecast to export is given as int; load it first"):
        exchange.export({"a": 5}, tmp_path / "a.csv", "csv")
    several = (f for f in [small_forecast])
    assert exchange.export(several, tmp_path / "b.csv", "csv")[0].exists()


def test_a_hub_names_every_licence(small_forecast):
    told = [facts.facts(n) for n in naming.gather({"a": small_forecast})]
    mixed = [told[0], told[0] | {"licences": [*told[0]["licences"], facts.OWN]}]
    own = hubfiles.model_metadata(Submission("t", "m"), mixed)
    assert "license" not in own
    assert facts.OWN in own["licences"]
    assert hubfiles.model_metadata(Submission("t", "m"), told)["license"] == "CC-BY-4.0"


def test_a_folder_in_the_way_of_the_rows_leaves_no_round_in_part(tmp_path, small_forecast):
    day = small_forecast.tree.attrs["as_of"]
    (tmp_path / "model-output" / "a-b" / f"{day}-a-b.csv").mkdir(parents=True)
    with pytest.raises(StorageError, match="is a folder; name a file in it"):
        exchange.export(small_forecast, tmp_path, "hubverse", submission=Submission("a", "b"),
                        overwrite=True)  # fmt: skip
    assert not (tmp_path / "model-metadata").exists()
