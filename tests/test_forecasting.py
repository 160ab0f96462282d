"""The front door: what may change a forecast, and what may not."""

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

import caucasus_forecast as cf
from caucasus_forecast import evidence as rows
from caucasus_forecast import forecasting, links, names, posterior, study
from caucasus_forecast.case import Case
from caucasus_forecast.errors import CaucasusForecastError, EvidenceError

README = Path(__file__).resolve().parents[1] / "README.md"
SMALL = {"draws": 60, "tune": 100}
AS_OF = date(2021, 11, 30)


def _same(a, b):
    """Whether two trees hold the same bits; the time it took is not a result."""
    a, b = a.copy(), b.copy()
    for tree in (a, b):
        tree.attrs.pop("sampling_seconds")
    return a.identical(b)


def _tampered(evidence):
    """Everything after the as-of day changed: numbers, dates, rows and coverage."""
    changed = []
    for o in evidence.observations:
        if o.window.end <= AS_OF:
            changed.append(o)
        elif evidence.series[o.series].mode == "counts":
            changed.append(replace(o, count=o.count * 3 + 17))
    later = date(2022, 5, 5)
    extra = rows.Observation(rows.Window(later, later), "treaty", 1.0, id="invented")
    series = dict(evidence.series)
    for name, s in series.items():
        cut = tuple(
            rows.Window(w.start, min(w.end, AS_OF + timedelta(days=200))) for w in s.coverage
        )
        series[name] = replace(s, coverage=cut)
    return rows.Evidence(series, (*changed, extra))


@pytest.fixture(scope="module")
def as_of_pair():
    """The same case with the embedded evidence, and with all later evidence changed."""
    case = Case(as_of=AS_OF, **SMALL)
    first = forecasting.run(case)
    patch = pytest.MonkeyPatch()
    altered = _tampered(rows.load())
    patch.setattr(rows, "load", lambda: altered)
    second = forecasting.run(case)
    patch.undo()
    return first, second


def test_nothing_after_the_as_of_day_changes_a_bit(as_of_pair):
    first, second = as_of_pair
    assert _same(first.tree, second.tree)


def test_the_tampering_is_seen_by_a_later_forecast():
    later = Case(as_of=date(2022, 12, 31))
    embedded, _ = study.gather(later)
    altered = _tampered(rows.load()).as_of(later.as_of)
    assert embedded.digest != altered.digest


def test_what_made_the_forecast_is_written_on_it(small_forecast):
    attrs = small_forecast.tree.attrs
    digests = ("data_digest", "prior_digest", "graph_digest")
    names_ = ("model", "prior_set", "seed", "as_of", "sampler", "versions", "case")
    for key in (*digests, *names_, "reference_class"):
        assert attrs[key] not in (None, ""), key
    assert attrs["reference_class"] <= attrs["as_of"]


def test_log_likelihood_and_log_prior_are_stored(small_forecast):
    tree = small_forecast.tree
    increments = tree[names.LOG_LIKELIHOOD]["evidence"]
    assert increments.dims == ("chain", "draw", "month")
    assert np.isfinite(increments).all()
    for name in tree[names.LOG_PRIOR].data_vars:
        assert np.isfinite(tree[names.LOG_PRIOR][name]).all()


def test_stored_log_likelihood_is_the_models_density(small_forecast):
    from caucasus_forecast import graph, models, panel, priors

    tree = small_forecast.tree
    data = panel.build(rows.load(), graph.load(), AS_OF)
    model = models.ladder.build(data, priors.load("alyarli-2021"))
    fn = model.compile_fn(model.potentiallogp, inputs=model.value_vars, mode="FAST_COMPILE")
    drawn = tree[names.POSTERIOR].isel(chain=1, draw=17)
    point = {}
    for v in model.free_RVs:
        value = model.rvs_to_values[v]
        raw = drawn[v.name].to_numpy()
        point[value.name] = np.log(raw) if value.name.endswith("log__") else raw
    stored = float(tree[names.LOG_LIKELIHOOD]["evidence"].isel(chain=1, draw=17).sum())
    assert stored == pytest.approx(float(fn(point)), abs=1e-3)  # stored in single precision


def test_scenarios_partition_the_future(small_forecast):
    table = small_forecast.tree[names.SCENARIOS]
    assert float(table["probability"].sum()) == pytest.approx(1.0)
    np.testing.assert_allclose(table["by_month"].sum("scenario"), 1.0)
    passage = table["first_passage"].to_numpy()
    assert (np.diff(passage, axis=1) >= 0).all()
    assert (passage >= table["by_month"].to_numpy() - 1e-12).all()


def test_answers_of_a_question_sum_to_one(small_forecast):
    answers = small_forecast.tree[names.QUESTIONS]
    for q in np.unique(answers[names.QUESTION]):
        rows_ = answers["probability"].to_numpy()[answers[names.QUESTION].to_numpy() == q]
        assert rows_.sum() == pytest.approx(1.0)


def test_counts_are_whole_and_never_negative(small_forecast):
    futures = small_forecast.tree[names.PREDICTIONS]
    for name in ("battle_deaths", "count"):
        assert futures[name].dtype.kind == "i"
        assert int(futures[name].min()) >= 0


def test_every_object_shows_itself(small_forecast):
    f = small_forecast
    shown = (f, f.scenarios, f.questions, f.links,
             cf.priors.load("agnostic"), cf.graph.load(), cf.evidence.load())  # fmt: skip
    for thing in shown:
        assert len(repr(thing)) > 60
        assert "<" in thing._repr_html_()


def test_a_failed_fit_is_marked_wherever_it_appears(small_forecast):
    from caucasus_forecast.forecasting import Forecast

    tree = small_forecast.tree.copy(deep=True)
    tree[names.DIAGNOSTICS].attrs |= {"passed": 0, "verdict": "checks failed: x", "remedy": "y"}
    failed = Forecast(tree)
    assert not failed.passed
    for table in (failed.scenarios, failed.questions, failed.links):
        assert "WARNING: checks failed: x. Remedy: y." in repr(table)
        assert "WARNING" in table._repr_html_()


def test_a_saved_forecast_is_the_same_forecast(small_forecast, tmp_path):
    back = cf.load(small_forecast.save(tmp_path / "f.nc"))
    assert back.tree.identical(small_forecast.tree)
    assert repr(back.scenarios) == repr(small_forecast.scenarios)


@pytest.mark.parametrize(("series", "near"), [("batle_deaths", "battle_deaths"), ("treaty", "")])
def test_counts_of_an_unknown_series_are_refused(tmp_path, series, near):
    path = tmp_path / "c.csv"
    path.write_text(f"start,end,series,count\n2021-01-01,2021-01-31,{series},3\n")
    with pytest.raises(EvidenceError, match=f"unknown series '{series}'.*{near}"):
        study.gather(Case(evidence=str(path)))


def test_the_users_counts_replace_the_series_whole(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("month,count\n2021-01,3\n2021-02,4\n")
    evidence, as_of = study.gather(Case(evidence=str(path)))
    mine = [o for o in evidence.observations if o.series == names.DEATHS]
    assert [o.count for o in mine] == [3.0, 4.0]
    assert as_of == date(2021, 2, 28)
    assert all(o.window.end <= as_of for o in evidence.observations)


def _readme_code():
    (block,) = re.findall(
        r"```python\n(import caucasus_forecast as cf\n.*?)```", README.read_text(), re.S
    )
    return [line for line in block.splitlines() if line.strip()]


def test_the_readme_needs_four_lines():
    assert len(_readme_code()) == 4


def test_the_readmes_lines_run(tmp_path, monkeypatch, capsys):
    months = [f"{y}-{m:02d}" for y in range(2018, 2022) for m in range(1, 13)]
    body = "\n".join(f"{m},{(i * 7) % 5}" for i, m in enumerate(months))
    (tmp_path / "counts.csv").write_text(f"month,count\n{body}\n")
    monkeypatch.chdir(tmp_path)
    fast = Case.model_fields["draws"].default  # the block itself names no draws: make them few
    assert fast >= 1000
    real = forecasting.run
    small = lambda case, **k: real(case.model_copy(update=SMALL), **k)  # noqa: E731
    monkeypatch.setattr(forecasting, "run", small)
    exec("\n".join(_readme_code()), {})  # noqa: S102
    assert "renewed war" in capsys.readouterr().out
    assert (tmp_path / "forecast.nc").stat().st_size > 10_000


def test_a_forecast_lays_its_case_out_again(small_forecast, tmp_path):
    saved = forecasting.load(small_forecast.save(tmp_path / "forecast.nc"))
    drawn = saved.tree[names.POSTERIOR].to_dataset()
    replay = saved.study.replay(drawn)
    own = posterior.parameters(drawn, saved.study.graph, "ladder")[1]
    start = saved.study.origin(drawn, replay.state, own)
    again = saved.study.futures(start)
    for name, values in small_forecast.tree[names.PREDICTIONS].to_dataset().items():
        np.testing.assert_array_equal(again[name], values, err_msg=name)


def test_a_link_whose_prior_has_no_variance_is_still_compared(altered):
    forecast = altered()
    entries = json.loads(forecast.tree.attrs["priors"])
    edge = "tension->pressure"
    entries[edge] = {"dist": "StudentT", "kwargs": {"nu": 1.0, "mu": 0.45, "sigma": 0.25}}
    wide = altered(priors=json.dumps(entries))
    one, two = (links.link_summary(f.tree).sel(edge=edge) for f in (forecast, wide))
    assert float(two["prior_mean"]) == pytest.approx(0.45)
    assert np.isfinite(two["prior_led"])
    assert float(two["sd"]) == pytest.approx(float(one["sd"]), rel=0.25)
    others = links.link_summary(wide.tree).drop_sel(edge=edge)
    same = links.link_summary(forecast.tree).drop_sel(edge=edge)
    np.testing.assert_array_equal(others["sd"], same["sd"])


def test_the_war_of_2020_is_in_the_tension_of_its_months(small_forecast):
    # its deaths are one total over three months: which of them fought is open, not whether
    tension = small_forecast.tree[names.SMOOTHED][names.TENSION]
    war = tension.sel(month=slice("2020-09", "2020-11"))
    assert float((war.max(names.MONTH) > 1.5).mean()) > 0.9
    assert float(war.sel(month="2020-10").median()) > 1.5


WRONG_KINDS = {
    "a graph": (lambda f: cf.graph.load(3), "graph is given as int; give the name of a shipped"),
    "no graph": (lambda f: cf.forecast(graph=None), "graph is given as NoneType; give the name"),
    "no priors": (lambda f: cf.priors.load(None), "prior set is given as NoneType"),
    "acts in a list": (lambda f: f.do(["corridor"]), "what is done is given as list; name each"),
    "acts in a text": (
        lambda f: f.counterfactual("corridor=open", since="2021-05"), "what is done is given as str"
    ),
    "a link": (
        lambda f: f.sensitivity(links="tension->pressure"), r"give a list, as \['tension->pressure'"
    ),
    "links": (lambda f: f.sensitivity(links=3), "links is given as int; give a list"),
    "a set": (lambda f: f.spread("S1", sets="agnostic"), r"sets is 'agnostic'; give a list, as"),
    "no models": (lambda f: f.spread("S1", models=None), "models is given as NoneType; give a"),
    "a set to compare": (lambda f: cf.compare_priors(f, "agnostic"), "sets is 'agnostic'; give a"),
    "no forecast": (lambda f: cf.compare_priors(None, ["agnostic"]), "forecast is given as None"),
    "views": (lambda f: cf.contest(3), "contest: views is given as int; give a list"),
    "counts and evidence": (
        lambda f: f.update([], evidence=cf.evidence.load()), "counts and evidence are both given"
    ),
    "a reading of nothing": (
        lambda f: f.update(as_of="2021-12-31", reading={"gaps": "zero"}), "reading chooses gaps"
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG_KINDS)
def test_arguments_of_another_kind_are_refused_by_name(small_forecast, wrong):
    call, words = WRONG_KINDS[wrong]
    with pytest.raises(CaucasusForecastError, match=words):
        call(small_forecast)


def test_what_follows_from_a_forecast_shows_itself_as_one(small_forecast):
    for other in (small_forecast.do(treaty="signed"), small_forecast.update(as_of="2021-12-31")):
        assert repr(other).startswith(str(other.scenarios)[:40])
        assert len(repr(other)) < 4000
