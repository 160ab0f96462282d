"""What an answer hangs on: power-scaling against ArviZ and closed forms, shifts against weights."""

import json
from dataclasses import replace
from types import SimpleNamespace

import arviz_stats
import numpy as np
import pytest
import xarray as xr
from scipy import stats

from caucasus_forecast import assumptions, names, plots, priors, reweighting
from caucasus_forecast import sensitivity as sensitivities
from caucasus_forecast.cli import main
from caucasus_forecast.errors import GraphError, InterventionError, ScenarioError
from caucasus_forecast.estimate import mcse
from caucasus_forecast.reweighting import Weights
from caucasus_forecast.sensitivity import breakeven, power, shifts, tornado
from caucasus_forecast.sensitivity.shifts import World, Worlds

REPORTS, HALT = "tension->reports_azerbaijan", "tension->working_group_halt"
ACCESSION = "pressure->accession"
DEAD = "benefit_iran_gateway->transport_loss"


# --------------------------------------------------------------------------------- power-scaling


def test_the_distance_is_that_of_arviz(small_forecast):
    tree, study = small_forecast.tree, small_forecast.study
    found = power.of_forecast(tree, study)
    shares = power.scenario_shares(tree)
    some = shares.std((1, 2)) > 0  # of a scenario that never came, theirs is 0 / 0
    assert some.sum() > 4
    told = xr.Dataset({"share": (("scenario", "chain", "draw"), shares[some])})
    groups = {g: tree[g].to_dataset() for g in (names.LOG_PRIOR, names.LOG_LIKELIHOOD)}
    likelihood = groups[names.LOG_LIKELIHOOD].astype(float).sum(names.MONTH)
    drawn = tree[names.POSTERIOR].to_dataset()[["slope", "ladder_drift"]].merge(told)
    whole = xr.DataTree.from_dict(groups | {
        names.LOG_LIKELIHOOD: likelihood, names.POSTERIOR: drawn})  # fmt: skip
    for part in ("prior", "likelihood"):
        theirs = arviz_stats.psense(whole, group=part)
        ours = found[part].sel(parameter=list(study.graph.slopes))
        np.testing.assert_allclose(ours, theirs["slope"], rtol=1e-6)
        drift = float(found[part].sel(parameter="ladder.drift"))
        assert drift == pytest.approx(float(theirs["ladder_drift"]), rel=1e-6)
        np.testing.assert_allclose(found[f"scenario_{part}"][some], theirs["share"], rtol=1e-6)
        assert np.isnan(found[f"scenario_{part}"][~some]).all()
    own = arviz_stats.psense(
        whole, group="prior", group_var_names=["slope"], group_coords={"edge": REPORTS}
    )
    np.testing.assert_allclose(found["link"].sel(edge=REPORTS)[some], own["share"], rtol=1e-6)
    mine = float(found["own"].sel(parameter=REPORTS))
    assert mine == pytest.approx(float(own["slope"].sel(edge=REPORTS)), rel=1e-6)


def test_the_diagnosis_is_that_of_arviz(small_forecast):
    found = power.of_forecast(small_forecast.tree, small_forecast.study)
    pairs = zip(found["prior"].values, found["likelihood"].values, strict=True)
    expected = [
        "-"
        if p < 0.05
        else "prior-data conflict"
        if q >= 0.05
        else "strong prior / weak likelihood"
        for p, q in pairs
    ]
    assert found["diagnosis"].values.tolist() == expected
    assert power.diagnosis(np.nan, np.nan) == "-"


@pytest.mark.parametrize(("tau", "sigma", "seen"), [(1.0, 1.0, 2.0), (0.3, 2.0, -1.0)])
def test_the_change_is_the_derivative_in_closed_form(rng, tau, sigma, seen):
    # prior Normal(0, τ), one reading with noise σ: E[θ] = (y/σ²) / (α/τ² + β/σ²) · β
    precision = tau**-2 + sigma**-2
    mean = seen / sigma**2 / precision
    draws = rng.normal(mean, precision**-0.5, size=(4, 5000))
    parts = {
        "prior": (-0.5 * (draws / tau) ** 2, -(seen / sigma**2) / tau**2 / precision**2),
        "likelihood": (-0.5 * ((draws - seen) / sigma) ** 2,
                       (seen / sigma**2) / tau**2 / precision**2),
    }  # fmt: skip
    for log_part, derivative in parts.values():
        slope, error = power.change(draws[None], log_part)
        assert slope[0] == pytest.approx(np.log(2) * derivative, abs=4 * error[0])
        assert 0 < error[0] < 0.1 * abs(np.log(2) * derivative) + 0.02


def test_weighted_draws_give_what_draws_of_the_target_give(rng):
    draws = rng.normal(size=(4, 4000))
    share = np.exp(stats.norm.logpdf(draws, 0.5, 0.8) - stats.norm.logpdf(draws))
    share /= share.sum()
    target = rng.normal(0.5, 0.8, size=(4, 4000))
    (one,), (doubt,) = power.change(draws[None], -0.5 * draws**2, share)
    (two,), (other,) = power.change(target[None], -0.5 * target**2)
    assert one == pytest.approx(two, abs=4 * np.hypot(doubt, other))
    near = power.distance(draws[None], -0.5 * draws**2, share)[0]
    assert near == pytest.approx(power.distance(target[None], -0.5 * target**2)[0], rel=0.15)


def test_what_never_varies_has_no_distance_and_no_change(rng):
    log_part = rng.normal(size=(4, 100))
    assert np.isnan(power.distance(np.ones((1, 4, 100)), log_part)).all()
    assert power.change(np.ones((1, 4, 100)), log_part)[0] == pytest.approx([0.0], abs=1e-12)


# ------------------------------------------------------------------------------------------ shifts


@pytest.fixture(scope="module")
def worlds(small_forecast):
    return Worlds.of(small_forecast.tree, small_forecast.study)


def test_a_world_in_which_nothing_moved_is_the_forecast(small_forecast, worlds):
    (world,) = worlds.made([(REPORTS, 0.0)])
    table = small_forecast.tree[names.SCENARIOS]["probability"]
    assert worlds.study.case.draws == small_forecast.study.case.draws  # not thinned
    np.testing.assert_allclose(world.probability, table, atol=1e-3)


def test_a_shift_agrees_with_weights_on_the_draws_where_they_are(small_forecast, worlds):
    tree, study = small_forecast.tree, small_forecast.study
    own, shares = assumptions.own(tree), power.scenario_shares(tree)
    for edge, by in ((REPORTS, -0.5), (HALT, 0.5)):
        prior = own[edge].kwargs
        new = priors.Normal(prior["mu"] + by * prior["sigma"], prior["sigma"])
        draws = tree[names.POSTERIOR].to_dataset()
        ratio = reweighting.log_prior_ratio(draws, own, own.replace({edge: new}), study.layout)
        plain = World(shares, reweighting.of_tree(tree, ratio))
        (moved,) = worlds.made([(edge, by)])
        for i in range(len(shares)):
            unit = np.eye(len(shares))[i]
            doubt = np.hypot(*(mcse(w.influence(unit)) for w in (plain, moved)))
            gap = plain.probability[i] - moved.probability[i]
            assert abs(gap) <= 4 * doubt + 1e-9


def test_the_graph_says_which_links_cannot_matter(worlds):
    alive = shifts.reached(worlds.study)
    assert {REPORTS, HALT, ACCESSION} <= alive
    assert DEAD not in alive
    found = tornado.tornado(worlds, [DEAD, ACCESSION], 6)
    dead = found.sel(edge=DEAD)
    assert (float(dead["swing"]), float(dead["swing_mcse"])) == (0.0, 0.0)
    assert float(dead["low"]) == pytest.approx(found.attrs["base"])
    assert abs(float(found.sel(edge=ACCESSION)["swing"])) > 0
    assert found["edge"].values.tolist() == [ACCESSION, DEAD]  # the widest first


def test_the_error_of_a_swing_is_that_of_the_paired_difference(worlds):
    found = tornado.tornado(worlds, [HALT], 6)
    assert float(found["swing_mcse"][0]) < found.attrs["base_mcse"]


def student(nu, mu, sigma):
    return priors.Prior("StudentT", {"nu": nu, "mu": mu, "sigma": sigma})


@pytest.mark.parametrize(
    ("prior", "median", "sd"),
    [
        (priors.Normal(0.65, 0.2), 0.65, 0.2),
        (student(1, 0.3, 0.2), 0.3, 0.2 * np.tan(np.pi * (stats.norm.cdf(1) - 0.5))),
        (
            student(2, 0.3, 0.2),
            0.3,
            0.2 * (2 * stats.norm.cdf(1) - 1) / np.sqrt(2 * stats.norm.cdf(1) * stats.norm.cdf(-1)),
        ),
        (priors.Prior("LogNormal", {"mu": 0.0, "sigma": 0.5}), 1.0, np.sinh(0.5)),
        (
            priors.Prior("Exponential", {"lam": 2.0}),
            np.log(2) / 2,
            np.log(stats.norm.cdf(1) / stats.norm.cdf(-1)) / 4,
        ),
    ],
)
def test_the_unit_of_a_prior_is_half_of_its_middle(prior, median, sd):
    assert shifts.standing(prior) == pytest.approx((median, sd), rel=1e-5)


def test_a_prior_without_a_standard_deviation_is_moved_all_the_same(small_forecast):
    heavy = small_forecast.with_priors({HALT: student(1, 0.3, 0.2)})
    assert not np.isfinite(priors.frozen(assumptions.own(heavy.tree)[HALT]).std())
    found = heavy.sensitivity(scenario="S7", links=[HALT])
    for data in (found.tornado.data, found.break_even.data):
        assert np.isfinite(data[["median", "sd"]].to_array()).all()
    assert np.isfinite(found.tornado.data["swing"]).all()
    rough = shifts.screened(heavy.tree, heavy.study, 6, power.scenario_shares(heavy.tree))
    assert np.isfinite(list(rough.values())).all()


def test_the_affine_map_takes_a_prior_without_a_standard_deviation(worlds, monkeypatch):
    prior = student(1.5, 0.3, 0.2)
    heavy = replace(worlds, priors=worlds.priors.replace({HALT: prior}))
    drawn = worlds.tree[names.POSTERIOR].to_dataset()
    asked = []
    monkeypatch.setattr(
        shifts.transport, "refitted", lambda *a: asked.append(a[-1][HALT]) or (drawn, None)
    )
    assert heavy._again((HALT, 2.0), drawn) is not None
    assert asked[0].kwargs["mu"] == pytest.approx(0.3 + 2 * heavy.sd(HALT))


def test_a_screening_without_a_draw_left_says_the_farthest(small_forecast, monkeypatch):
    tree = small_forecast.tree.copy(deep=True)
    slope = tree[names.POSTERIOR]["slope"]
    tree[names.POSTERIOR]["slope"] = abs(slope) + 0.01
    own = assumptions.own(tree).replace({HALT: priors.Prior("Exponential", {"lam": 1e-6})})
    monkeypatch.setattr(shifts.assumptions, "own", lambda tree: own)
    found = shifts.screened(tree, small_forecast.study, 6, power.scenario_shares(tree))
    assert found[HALT] == 1.0
    assert np.isfinite(list(found.values())).all()


@pytest.fixture
def starved(altered):
    """A forecast whose chains disagree so far that a handful of effective draws are left."""
    forecast = altered(passed=False)
    checks = forecast.tree[names.DIAGNOSTICS]
    checks["ess_bulk"] = checks["ess_bulk"] * 0 + 5.0
    return forecast


def test_the_world_in_which_nothing_moved_is_always_trusted(small_forecast, starved):
    found = starved.sensitivity(scenario="S7", links=[HALT])
    table = small_forecast.tree[names.SCENARIOS]["probability"].to_numpy()
    assert found.tornado.data.attrs["base"] == pytest.approx(table[6], abs=1e-3)
    assert found.tornado.rows[0][1] == "too few draws to say"
    assert found.break_even.data.attrs["leader"] == f"S{table.argmax() + 1}"
    assert found.break_even.rows[0][3:] == ("too few draws to say",) * 2


def test_in_the_base_world_draws_count_as_in_the_forecast(worlds, rng):
    share = rng.dirichlet(np.full(600, 0.02)).reshape(4, 150)  # a dozen draws have nearly all
    tree = worlds.tree.copy(deep=True)
    kept = tree[names.SAMPLE_STATS]
    part = 0.5 * share  # as of a part of the draws, which need not sum to one
    kept[names.WEIGHT] = xr.DataArray(part, dims=(names.CHAIN, names.DRAW))
    base = replace(worlds, tree=tree).base()
    assert base.safe
    assert not shifts.trusted(base.weights)
    np.testing.assert_allclose(base.weights.share, share)
    plain = worlds.base()
    np.testing.assert_array_equal(base.shares, plain.shares)
    np.testing.assert_allclose(base.probability, (share * plain.shares).sum((1, 2)))
    np.testing.assert_allclose(plain.probability, plain.shares.mean((1, 2)))


@pytest.mark.parametrize(("least", "kept"), [(80, 150), (75, 75), (40, 50)])
def test_a_part_of_the_draws_is_no_less_than_it_says(small_forecast, monkeypatch, least, kept):
    monkeypatch.setattr(shifts, "DRAWS", least)
    assert Worlds.of(small_forecast.tree, small_forecast.study).study.case.draws == kept


def test_shares_count_the_paths_of_each_draw_at_the_horizon():
    resolved = xr.DataArray(
        [[[[9, 0], [9, 1]], [[9, 1], [9, 1]]]],
        dims=(names.CHAIN, names.DRAW, names.PATH, names.MONTH),
    )
    np.testing.assert_array_equal(power.shares(resolved, 3), [[[0.5, 0.0]], [[0.5, 1.0]], [[0, 0]]])


def test_weights_are_trusted_by_tail_and_number_or_if_even():
    even = np.full((4, 100), 1 / 400)
    assert shifts.trusted(Weights(even, 0.5, 60.0))
    assert not shifts.trusted(Weights(even, 0.5, 40.0))
    assert not shifts.trusted(Weights(even, 0.75, 200.0))
    assert shifts.trusted(Weights(even, 0.75, 365.0))


# ------------------------------------------------------------------------------------- break-even


class Linear:
    """Worlds whose probabilities are straight lines in the shift, equal at every draw."""

    median = staticmethod(lambda edge: 1.0)
    sd = staticmethod(lambda edge: 0.5)

    def __init__(self, steep, trusted=lambda by: True):
        self.steep, self.trusted, self.asked = steep, trusted, []
        ids = [SimpleNamespace(id=name) for name in "ABC"]
        self.study = SimpleNamespace(
            partition=SimpleNamespace(scenarios=ids), graph=SimpleNamespace(slopes=["a->b"])
        )

    def made(self, moves):
        self.asked += [by for _, by in moves]
        return [self.at(by) for _, by in moves]

    def base(self):
        return self.at(0.0)

    def at(self, by):
        p = np.array([0.5 - self.steep * by, 0.3 + self.steep * by, 0.2])
        if not self.trusted(by):
            p = p * np.nan
        each = np.broadcast_to(p[:, None, None], (3, 2, 10))
        return World(each, Weights(np.full((2, 10), 0.05), 0.1, 20.0))


@pytest.mark.parametrize("steep", [0.03, 0.04, -0.06])
def test_the_break_even_is_where_the_lines_cross(steep):
    found = breakeven.break_even(Linear(steep), ["a->b"]).isel(edge=0)
    side, other = ("higher", "lower") if steep > 0 else ("lower", "higher")
    expected = 0.1 / steep
    assert float(found["shift"].sel(side=side)) == pytest.approx(expected, abs=0.125)
    assert found["leader"].sel(side=side).item() == "B"
    slope = float(found["slope"].sel(side=side))
    assert slope == pytest.approx(1.0 + 0.5 * float(found["shift"].sel(side=side)))
    assert (found.attrs["leader"], found.attrs["rival"]) == ("A", "B")
    # the other way round the third scenario stays behind as well
    assert np.isnan(float(found["shift"].sel(side=other)))
    assert float(found["reach"].sel(side=other)) == 4.0


@pytest.mark.parametrize(("wrong", "bracket"), [(3.0, (2, 4)), (3.5, (3, 4)), (3.25, (3, 3.5))])
def test_halving_ends_where_the_weights_do_and_the_bracket_is_shown(wrong, bracket):
    worlds = Linear(0.03, trusted=lambda by: by != wrong)  # the lines cross at 3.33
    found = breakeven.break_even(worlds, ["a->b"])
    there = found.isel(edge=0).sel(side="higher")
    low, high = bracket
    assert worlds.asked.count(wrong) == 1
    assert (float(there["shift"]), float(there["half_width"])) == (
        (low + high) / 2,
        (high - low) / 2,
    )
    assert float(there["shift_mcse"]) == 0.0
    shown = f"({(low + high) / 2:+.1f} ± {(high - low) / 2:.1f} sd)"
    assert breakeven.table(found, ()).rows[0][4].endswith(shown)


@pytest.mark.parametrize("steep", [0.026, 0.031, 0.045, 0.09])
def test_the_crossing_is_within_what_is_shown(steep):
    there = breakeven.break_even(Linear(steep), ["a->b"]).isel(edge=0).sel(side="higher")
    assert abs(float(there["shift"]) - 0.1 / steep) <= float(there["half_width"]) <= 0.125


def test_the_doubt_shown_is_the_monte_carlo_error_and_the_half_width():
    found = breakeven.break_even(Linear(0.03), ["a->b"])
    found["shift_mcse"] = found["shift_mcse"] + 0.4
    assert breakeven.table(found, ()).rows[0][4].endswith("± 0.5 sd)")


def test_a_search_ends_where_the_weights_do():
    found = breakeven.break_even(Linear(0.03, lambda by: abs(by) <= 2.0), ["a->b"])
    assert np.isnan(found["shift"]).all()
    assert (found["reach"] == 2.0).all()
    table = breakeven.table(found, ())
    assert table.rows[0][3:] == ("none within 2 sd", "none within 2 sd")
    nowhere = breakeven.break_even(Linear(0.03, lambda by: abs(by) <= 1.0), ["a->b"])
    assert breakeven.table(nowhere, ()).rows[0][3] == "too few draws to say"


def test_a_tie_is_called_a_tie():
    found = breakeven.break_even(Linear(0.0), ["a->b"])
    assert not any("tied" in note for note in breakeven.table(found, ()).notes)
    found.attrs["margin_mcse"] = 0.101  # of a margin of 0.2: within two errors
    assert "A and B are tied" in breakeven.table(found, ()).notes[0]
    found.attrs["margin_mcse"] = 0.099
    assert breakeven.table(found, ()).notes == ()


# -------------------------------------------------------------------------------------- the whole


@pytest.fixture(scope="module")
def whole(small_forecast):
    return small_forecast.sensitivity(links=[REPORTS, DEAD])


def test_the_tables_say_what_they_hold(small_forecast, whole):
    leading = small_forecast.tree[names.SCENARIOS]["probability"].to_numpy().argmax()
    assert whole.tornado.data.attrs["scenario"] == f"S{leading + 1}"
    assert whole.break_even.data.attrs["leader"].startswith("S")
    assert len(whole.scenarios.rows) == 8
    assert any("exactly none" in note for note in whole.tornado.notes)
    text = repr(whole)
    for note in small_forecast.notes:
        assert text.count(note) == 4
    assert whole._repr_html_().count("<table>") == 4


def test_a_failed_fit_is_marked_on_every_table(altered):
    failed = altered(passed=False).sensitivity(links=[DEAD])
    assert all(any("WARNING" in note for note in t.notes) for t in failed.tables)


def test_what_is_not_there_is_named(small_forecast):
    with pytest.raises(ScenarioError, match="no scenario 'S9'; Allowed: S1, S2"):
        small_forecast.sensitivity(scenario="S9")
    with pytest.raises(
        GraphError, match="no link 'tension->presure'; did you mean 'tension->press"
    ):
        small_forecast.sensitivity(links=["tension->presure"])


def test_a_link_given_twice_is_looked_at_once(small_forecast):
    found = small_forecast.sensitivity(links=[DEAD, ACCESSION, DEAD])
    assert sorted(found.tornado.data["edge"].values) == sorted([DEAD, ACCESSION])
    assert found.break_even.data["edge"].values.tolist() == [DEAD, ACCESSION]


def test_no_links_at_all_are_refused(small_forecast):
    with pytest.raises(GraphError, match="links is empty; name at least one, or leave it out"):
        small_forecast.sensitivity(links=[])


def test_of_the_core_only_links_that_can_matter_are_looked_at(small_forecast, monkeypatch):
    monkeypatch.setattr(sensitivities, "PICKED", 0)
    found = sensitivities.sensitivity(
        small_forecast.tree, small_forecast.study, core=[DEAD, ACCESSION]
    )
    assert found.tornado.data["edge"].values.tolist() == [ACCESSION]
    assert any("half of the middle 68 %" in note for note in found.tornado.notes)
    assert any("half of the last interval" in note for note in found.break_even.notes)


def test_an_intervention_is_refused(altered):
    with pytest.raises(InterventionError):
        altered(intervention="tension = 0").sensitivity()


def test_a_model_without_links_says_so(small_forecast, monkeypatch):
    study = SimpleNamespace(
        process=None, graph=small_forecast.study.graph, case=small_forecast.study.case,
        layout=small_forecast.study.layout, partition=small_forecast.study.partition,
    )  # fmt: skip
    found = sensitivities.sensitivity(small_forecast.tree, study)
    assert found.tornado.rows == ()
    assert "no draws that a link's prior could move" in found.break_even.notes[0]
    figure = plots.tornado(small_forecast, found.tornado)
    assert plots.render(figure)[1:4] == b"PNG"


def test_what_could_not_be_told_is_said_and_not_drawn(small_forecast, worlds):
    found = tornado.tornado(worlds, [ACCESSION], 0)
    blank = found.assign(swing=found["swing"] * np.nan)
    table = tornado.table(blank, ())
    assert table.rows[0][1] == "too few draws to say"
    assert plots.render(plots.tornado(small_forecast, table))[1:4] == b"PNG"


def test_the_picture_is_drawn(small_forecast, whole):
    assert plots.render(plots.tornado(small_forecast, whole.tornado), "svg").startswith(b"<?xml")


def test_the_command_prints_json(small_forecast, tmp_path, capsys):
    saved = small_forecast.save(tmp_path / "f.nc")
    picture = tmp_path / "t.png"
    code = main([
        "sensitivity", "--forecast", str(saved), "--scenario", "S1", "--link", ACCESSION, "--json",
        "--plot", str(picture),
    ])  # fmt: skip
    body = json.loads(capsys.readouterr().out)
    assert code == (0 if small_forecast.passed else 3)
    assert body["tornado"]["scenario"] == "S1"
    assert [row["edge"] for row in body["tornado"]["links"]] == [ACCESSION]
    assert {row["side"] for row in body["break_even"]["links"]} == {"lower", "higher"}
    assert len(body["scenarios"]) == 8
    assert len(body["priors_of_links"]) == 8 * len(small_forecast.study.graph.slopes)
    assert picture.read_bytes()[1:4] == b"PNG"
    assert main(["sensitivity", "--forecast", str(saved), "--scenario", "S9"]) == 2
    assert "no scenario 'S9'" in capsys.readouterr().err
