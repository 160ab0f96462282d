import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import caucasus_forecast as cf
from caucasus_forecast import assumptions, names, reweighting, study, transport, updating
from caucasus_forecast.density import density
from caucasus_forecast.errors import CaseError, EvidenceError

DECEMBER = pd.DataFrame({"month": ["2021-12"], "count": [5]})


@pytest.fixture(scope="module")
def embedded():
    """The embedded case with enough draws for them to be reweighted."""
    return cf.forecast(horizon=6)


@pytest.fixture(scope="module")
def december(embedded):
    return embedded.update(as_of="2021-12-31")


def probabilities(forecast):
    table = forecast.tree[names.SCENARIOS]
    return table["probability"].to_numpy(), table["mcse"].to_numpy()


def counts(**by_month):
    return pd.DataFrame({"month": list(by_month), "count": list(by_month.values())})


# --------------------------------------------------------------------------- what is weighed


def test_the_ratio_is_that_of_the_compiled_densities(embedded, december):
    _, ratio = updating.seen_again(embedded.tree, december.study)
    priors, found = assumptions.own(embedded.tree), []
    draws = embedded.tree[names.POSTERIOR].to_dataset().isel(draw=slice(None, None, 200))
    for which in (embedded.study, december.study):
        target = density(priors, which.layout, which.process.facts(which.plan))
        x = transport.coordinates(draws, target)
        found.append(np.array([target(row)[0] for row in x]))
    expected = (found[1] - found[0]).reshape(4, -1)
    shown = ratio[:, ::200]
    np.testing.assert_allclose(shown - shown.mean(), expected - expected.mean(), atol=2e-3)


def test_an_update_agrees_with_a_fit(embedded, december):
    again = embedded.update(as_of="2021-12-31", refit=True)
    assert "reweighted" in december.tree.attrs["updated"]
    assert assumptions.SAMPLED in again.tree.attrs["updated"]
    over = (names.CHAIN, names.DRAW)
    for variable in ("slope", "base", "ladder_drift", "ladder_mobility", "overdispersion"):
        one = reweighting.weighted(december.tree, december.tree[names.POSTERIOR][variable])
        two = again.tree[names.POSTERIOR][variable]
        gap = abs(one.mean(over) - two.mean(over)) / two.std(over)
        assert float(gap.max()) < 0.1
    (p, e), (q, f) = probabilities(december), probabilities(again)
    assert (abs(p - q) < 4 * np.hypot(e, f)).all()


def test_the_origin_and_the_panel_are_those_of_a_forecast_made_then(december):
    case = december.study.case
    made = study.lay_out(case)
    assert case.as_of == date(2021, 12, 31)
    assert made.panel.attrs["digest"] == december.study.panel.attrs["digest"]
    xr.testing.assert_equal(made.panel["count"], december.study.panel["count"])
    months = december.tree[names.PREDICTIONS][names.MONTH].to_numpy()
    assert str(months[0])[:7] == "2022-01"
    assert len(months) == 6


# --------------------------------------------------------------------------- which way


@pytest.mark.parametrize("count", [150, 3000])
def test_a_tenfold_jump_asks_for_a_fit(embedded, count):
    new = updating.extended(embedded.study, cf.evidence.read_counts(counts(**{"2021-12": count})))
    assert updating.jump(embedded.study.panel, new.panel) == (
        f"battle_deaths jumps to {count:,} in 2021-12"
    )


@pytest.mark.parametrize("count", [0, 9, 30])
def test_less_than_a_jump_does_not(embedded, count):
    new = updating.extended(embedded.study, cf.evidence.read_counts(counts(**{"2021-12": count})))
    assert updating.jump(embedded.study.panel, new.panel) == ""


def test_a_jump_is_sampled_again_and_says_so(small_forecast):
    war = small_forecast.update(counts(**{"2021-12": 900}))
    assert "sampled again: battle_deaths jumps to 900 in 2021-12" in war.tree.attrs["updated"]
    assert names.WEIGHT not in war.tree[names.SAMPLE_STATS]


def test_too_few_effective_draws_are_sampled_again(small_forecast):
    found = small_forecast.update(DECEMBER)
    assert "sampled again: reweighting was not safe" in found.tree.attrs["updated"]


def test_a_model_whose_parameters_are_months_is_sampled_again():
    made = cf.forecast(model="reference", draws=60, horizon=2)
    assert "the model 'reference' has parameters" in made.update(DECEMBER).tree.attrs["updated"]


# --------------------------------------------------------------------------- order, revisions


def test_the_order_of_rows_does_not_matter(embedded):
    rows = counts(**{"2021-12": 5, "2022-01": 4, "2022-02": 0})
    one, two = embedded.update(rows), embedded.update(rows.iloc[::-1])
    np.testing.assert_array_equal(*(f.tree[names.SAMPLE_STATS]["weight"] for f in (one, two)))
    np.testing.assert_array_equal(probabilities(one)[0], probabilities(two)[0])


def test_the_order_of_two_updates_does_not_matter(embedded):
    deaths = counts(**{"2021-12": 7}).assign(series="battle_deaths")
    guards = pd.DataFrame({"month": ["2021-12"], "count": [1], "series": ["border_guards"]})
    day = "2021-12-31"
    one = embedded.update(deaths, as_of=day).update(guards, as_of=day)
    two = embedded.update(guards, as_of=day).update(deaths, as_of=day)
    assert one.tree.attrs["data_digest"] == two.tree.attrs["data_digest"]
    weights = [f.tree[names.SAMPLE_STATS]["weight"].to_numpy() for f in (one, two)]
    # smoothing goes by rank, so two draws of all but the same weight may change places
    np.testing.assert_allclose(*map(np.sort, map(np.ravel, weights)), rtol=1e-3)
    np.testing.assert_allclose(*weights, rtol=0.02)
    np.testing.assert_allclose(probabilities(one)[0], probabilities(two)[0], atol=1e-5)


def test_updates_and_swaps_of_priors_add_up(embedded):
    change = {"tension->transport_delay": cf.Normal(0.6, 0.2)}
    one = embedded.update(DECEMBER).with_priors(change)
    two = embedded.with_priors(change).update(DECEMBER)
    assert one.tree.attrs["priors"] == two.tree.attrs["priors"]
    np.testing.assert_allclose(probabilities(one)[0], probabilities(two)[0], atol=1e-5)


def test_a_late_revision_takes_the_place_of_what_it_revises(embedded):
    once = embedded.update(counts(**{"2021-12": 9}))
    first = embedded.update(DECEMBER)
    again = first.update(counts(**{"2021-12": 9}))
    assert again.tree.attrs["data_digest"] == once.tree.attrs["data_digest"]
    np.testing.assert_allclose(probabilities(again)[0], probabilities(once)[0], atol=1e-5)
    assert "battle_deaths 2021-12: 9 (was 5)" in again.tree.attrs["updates"]


def test_the_same_month_twice_is_refused(embedded):
    first = embedded.update(DECEMBER)
    with pytest.raises(EvidenceError, match=r"battle_deaths 2021-12-01 to 2021-12-31: already in"):
        first.update(DECEMBER)
    cumulative = counts(**{"2021-12": 5, "2022-01": 2})
    assert first.update(cumulative).study.as_of == date(2022, 1, 31)


# --------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("start,end,series,count\n2021-11-20,2021-12-10,battle_deaths,3\n", "overlaps 2021-11-01"),
        ("month,series,count\n2021-12,battle_death,3\n", "did you mean 'battle_deaths'"),
        ("month,series,count\n2021-12,treaty,1\n", "unknown series 'treaty'"),
        ("month,count\n2021-12,-3\n", "cannot be negative"),
    ],
)
def test_rows_that_cannot_be_taken(embedded, tmp_path, rows, message):
    path = tmp_path / "new.csv"
    path.write_text(rows)
    with pytest.raises(EvidenceError, match=message):
        embedded.update(path)


def test_days_that_cannot_be_taken(embedded):
    with pytest.raises(CaseError, match="before the forecast's 2021-11-30"):
        embedded.update(as_of="2021-10-31")
    with pytest.raises(CaseError, match="nothing is new up to 2021-11-30"):
        embedded.update(as_of="2021-11-30")
    with pytest.raises(CaseError, match="2021-13-01"):
        embedded.update(as_of="2021-13-01")


def test_a_declared_hole_stays_one_and_what_is_added_besides_is_said(embedded):
    new = counts(**{"2021-12": 4, "2022-02": 3})
    holed = embedded.update(new, reading={"gaps": "missing"})
    held = updating.evidence.cells(holed.study.panel)["battle_deaths"]
    assert [o.count for o in held if o.window.start >= date(2021, 12, 1)] == [4, 3]
    assert any("2022-01, left unknown" in note for note in holed.notes)
    later = embedded.update(counts(**{"2022-01": 4}))
    assert any("battle_deaths: 2021-12 from the embedded evidence" in n for n in later.notes)


@pytest.mark.parametrize(
    ("gaps", "told", "months"), [("missing", "left unknown", 0), ("zero", "counted as zero", 2)]
)
def test_a_hole_between_known_and_new_counts_needs_a_word(gaps, told, months):
    mine = counts(**{f"2021-{m:02d}": m % 3 for m in range(1, 13)})
    made, new = cf.forecast(mine, draws=20, horizon=2), counts(**{"2022-03": 5})
    with pytest.raises(EvidenceError, match=r"no row for 2022-01 to 2022-02.*gaps='missing'"):
        made.update(new)
    done = made.update(new, reading={"gaps": gaps})
    assert any(told in note for note in done.notes)
    held = updating.evidence.cells(done.study.panel)["battle_deaths"]
    assert len(held) == 13 + months


def test_a_hole_in_counts_of_reports_is_said_too():
    made = study.lay_out(cf.Case(as_of="2021-11-30"))
    new = counts(**{"2022-01": 5}).assign(series="reports_azerbaijan")
    told = updating.extended(made, cf.evidence.read_counts(new)).panel.attrs["repairs"]
    said = "reports_azerbaijan: no row for 2021-08-25 to 2021-12-31, left unknown"
    assert said in json.loads(told)


def test_months_without_any_count_of_tension_are_said():
    made = cf.forecast(as_of="2024-12-31", draws=20, horizon=1)
    assert "no count of tension for 2024-02: its level then is inferred" in made.notes
    assert not any("of tension after" in note for note in made.notes)
    mine = counts(**{"2024-01": 1, "2024-02": 0})
    late = cf.forecast(mine, as_of="2024-04-30", draws=20, horizon=1)
    assert any("no count of tension after 2024-02: its level in the 2 mo" in n for n in late.notes)
    assert not any("of tension for" in note for note in late.notes)


def test_an_unusual_new_count_is_cautioned_about(embedded):
    def noted(count):
        new = cf.evidence.read_counts(counts(**{"2021-12": count}))
        return updating.extended(embedded.study, new).panel.attrs.get("cautions", "")

    assert "2021-12 has 100,000, and the next largest count is 7,593" in noted(100_000)
    assert "above the" in noted(100_000)
    assert "next largest" not in noted(40)


def test_a_count_revised_downwards_does_not_jump(embedded):
    """15 deaths in November 2021 follow one in October; 14 are no news of a war."""
    less = updating.extended(embedded.study, cf.evidence.read_counts(counts(**{"2021-11": 14})))
    more = updating.extended(embedded.study, cf.evidence.read_counts(counts(**{"2021-11": 16})))
    assert updating.jump(embedded.study.panel, less.panel) == ""
    assert "jumps to 16 in 2021-11" in updating.jump(embedded.study.panel, more.panel)


def test_rows_after_the_day_are_said_to_be_left_out(embedded):
    new = counts(**{"2021-12": 4, "2022-01": 150})
    cut = embedded.update(new, as_of="2021-12-31")
    assert any("after 2021-12-31, left out" in note for note in cut.notes)
    with pytest.raises(EvidenceError, match="no new count ends by 2021-12-15"):
        embedded.update(DECEMBER, as_of="2021-12-15")


def test_days_of_publication_that_cannot_be(embedded):
    with pytest.raises(CaseError, match="published is 2021-01-03, before the counts end"):
        embedded.update(DECEMBER, published="2021-01-03")
    with pytest.raises(CaseError, match="published is 2999-01-03, and today is"):
        embedded.update(DECEMBER, published="2999-01-03")
    with pytest.raises(EvidenceError, match="95 years after the last that is known of tension"):
        embedded.update(as_of="2121-10-31")
    with pytest.raises(EvidenceError, match=r"evidence is given as str; .*update\(counts\)"):
        embedded.update(evidence="x.csv")


def test_a_revision_is_not_told_as_the_passing_of_time(embedded):
    revised = embedded.update(counts(**{"2021-03": 4}))
    told = revised.changes.data
    np.testing.assert_allclose(told["change"].isel(news=0), 0.0, atol=1e-6)
    before, after = probabilities(embedded)[0], probabilities(revised)[0]
    np.testing.assert_allclose(told["change"].isel(news=1), after - before, atol=1e-3)


def test_futures_of_an_intervention_are_not_updated(small_forecast):
    with pytest.raises(cf.InterventionError, match="update\\(\\) starts from"):
        small_forecast.do(tension="calm").update(DECEMBER)


# --------------------------------------------------------------------------- one's own counts


def test_ones_own_counts_go_on(tmp_path):
    months = [f"2020-{m:02d}" for m in range(1, 13)] + [f"2021-{m:02d}" for m in range(1, 7)]
    mine = pd.DataFrame({"month": months, "count": [3, 0, 1, 4, 2, 0] * 3})
    made = cf.forecast(mine, draws=60, horizon=2)
    new = counts(**{"2021-07": 2})
    path = tmp_path / "july.csv"
    new.to_csv(path, index=False)
    together = study.lay_out(made.study.case.model_copy(update={"as_of": None}),
                             counts=pd.concat([mine, new]))  # fmt: skip
    updated = updating.extended(made.study, cf.evidence.read_counts(path))
    assert updated.panel.attrs["digest"] == together.panel.attrs["digest"]
    assert updated.as_of == date(2021, 7, 31)
    rows = updating.own_counts(updated)
    assert len(rows) == len(mine) + 1


def test_other_evidence_takes_the_place_of_all(small_forecast):
    evidence = cf.evidence.load().as_of(date(2021, 12, 31))
    new = updating.extended(small_forecast.study, evidence=evidence, as_of=date(2021, 12, 31))
    assert new.panel.attrs["digest"] == evidence.digest


# --------------------------------------------------------------------------- what changed and why


def test_changes_tell_each_piece_of_news(december):
    table = december.changes
    labels = [str(x) for x in table.data["news"].to_numpy()]
    assert labels[0] == "time passes, nothing new is known"
    assert "battle_deaths 2021-12: 5" in labels
    assert any(x.startswith("no change: ") and "peacekeepers" in x for x in labels)
    np.testing.assert_allclose(
        table.data["without"][1:] + table.data["change"][1:],
        np.broadcast_to(table.data["after"], table.data["change"][1:].shape),
    )
    np.testing.assert_allclose(table.data["change"].sum(names.SCENARIO), 0.0, atol=1e-9)


def test_surprise_is_that_of_a_distribution(embedded, december):
    """Over all the counts a month could have had, the probabilities behind it sum to one."""
    news = updating.news(embedded.study, december.study)
    item = next(i for i in news if i.words.startswith("working_group_meetings"))
    draws = december.tree[names.POSTERIOR].to_dataset().isel(draw=slice(0, 3))

    def log_likelihood(panel):
        return december.study.seeing(panel).replay(draws).log_likelihood.sum(-1)

    alone = log_likelihood(updating.without(december.study, embedded.study, [item]))
    total = np.zeros_like(alone)
    for count in range(25):
        panel = december.study.panel.copy(deep=True)
        panel["count"][item.row] = count
        total += np.exp(log_likelihood(panel) - alone)
    np.testing.assert_allclose(total, 1.0, atol=1e-6)


def test_before_and_after_stand_side_by_side(embedded, december):
    data = december.moved.data
    np.testing.assert_array_equal(data["before"], probabilities(embedded)[0])
    np.testing.assert_array_equal(data["after"], probabilities(december)[0])
    assert december.before is embedded


def test_an_update_is_written_with_the_forecast(december, tmp_path):
    december.save(tmp_path / "december.nc")
    loaded = cf.load(tmp_path / "december.nc")
    assert any(note.startswith("updated from 2021-11-30 to 2021-12-31") for note in loaded.notes)
    (entry,) = json.loads(loaded.tree.attrs["updates"])
    assert entry["to"] == "2021-12-31"
    np.testing.assert_array_equal(
        loaded.update(counts(**{"2022-01": 4})).tree[names.SCENARIOS]["probability"],
        december.update(counts(**{"2022-01": 4})).tree[names.SCENARIOS]["probability"],
    )


def test_new_counts_are_read_with_the_same_choices_and_their_repairs_are_kept(
    small_forecast, tmp_path
):
    table = tmp_path / "december.csv"
    table.write_text("Month;Killed\n31/12/2021;2\n", encoding="utf-8")
    reading = {"columns": {"date": "Month", "count": "Killed"}, "date_format": "%d/%m/%Y",
               "aggregate": "month"}  # fmt: skip
    with pytest.raises(EvidenceError, match="needed"):
        small_forecast.update(table)
    updated = small_forecast.update(table, reading=reading)
    said = json.loads(updated.tree.attrs["repairs"])
    assert "dates were read as %d/%m/%Y" in said
    again = updated.update(pd.DataFrame({"month": ["2022-01"], "count": [1]}))
    assert json.loads(again.tree.attrs["repairs"])[: len(said)] == said
