"""Why it is wide: the parts held to closed forms, and to the futures they are parts of."""

import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import caucasus_forecast as cf
from caucasus_forecast import cli, names, plots, priors, reweighting
from caucasus_forecast.errors import CaseError, InterventionError, PriorError, QuestionError
from caucasus_forecast.estimate import Sample
from caucasus_forecast.spread import CHANCE, MODELS, PARAMETERS, PARTS, PRIORS, TENSION, nesting
from caucasus_forecast.spread import others as others_
from caucasus_forecast.spread.nesting import nested, thinned, world_of
from caucasus_forecast.spread.parts import among, split
from caucasus_forecast.spread.reading import asked


def normal(rng, variances, sizes):
    """Nested normal values with known variances of draws, starts and paths."""
    draws, starts, _ = sizes
    theta, state, noise = (np.sqrt(v) for v in variances)
    return (
        theta * rng.normal(size=(draws, 1, 1))
        + state * rng.normal(size=(draws, starts, 1))
        + noise * rng.normal(size=sizes)
    )


@pytest.fixture(autouse=True)
def fewer_draws(monkeypatch):
    monkeypatch.setattr(nesting, "DRAWS", 80)


# ------------------------------------------------------------------------------- the split


@pytest.mark.parametrize("variances", [(1.0, 4.0, 2.0), (0.5, 0.0, 3.0), (0.0, 0.2, 1.0)])
@pytest.mark.parametrize("sizes", [(60, 4, 3), (40, 2, 8)])
def test_the_parts_are_unbiased(rng, variances, sizes):
    found = [split(normal(rng, variances, sizes)) for _ in range(400)]
    each = np.array([f.variance for f in found])
    noise = each.std(0) / np.sqrt(len(each))
    assert (np.abs(each.mean(0) - variances) < 4 * noise).all()
    told = np.array([f.mcse for f in found]).mean(0)
    assert told == pytest.approx(each.std(0), rel=0.25)  # the errors are those seen


def test_one_start_has_two_parts(rng):
    found = [split(normal(rng, (1.0, 0.0, 3.0), (60, 1, 12))) for _ in range(300)]
    each = np.array([f.variance for f in found])
    noise = each.std(0) / np.sqrt(len(each))
    assert each[:, 1] == pytest.approx(0.0, abs=1e-12)
    assert (np.abs(each.mean(0) - (1.0, 0.0, 3.0)) <= 4 * noise + 1e-12).all()


def test_an_event_with_known_parts(rng):
    """p = 0.3 ± 0.1 by draw, ± 0.2 by start: the parts of a Bernoulli outcome."""
    draw = 0.1 * rng.choice([-1, 1], (40_000, 1, 1))
    start = 0.2 * rng.choice([-1, 1], (40_000, 4, 1))
    y = (rng.random((40_000, 4, 4)) < 0.3 + draw + start).astype(float)
    found = split(y)
    chance = 0.3 * 0.7 - 0.1**2 - 0.2**2
    assert (np.abs(found.variance - (0.1**2, 0.2**2, chance)) < 4 * found.mcse).all()
    # what the draws alone would say: 0.2 or 0.4, spread by the finite number of paths
    assert found.lower[0] < 0.2 < 0.4 < found.upper[0]
    assert found.upper[0] - found.lower[0] < 4 * 0.1


@given(
    hnp.arrays(float, st.tuples(*(st.integers(2, 5) for _ in range(3))),
               elements=st.floats(-5, 5, width=32))
)  # fmt: skip
def test_the_parts_add_up_to_the_whole(y):
    """The variance of the mean of a draw, and within draws, put together without bias."""
    _, starts, paths = y.shape
    cell = y.mean(-1)
    within, starts_ = y.var(-1, ddof=1).mean(), cell.var(-1, ddof=1).mean()
    whole = cell.mean(-1).var(ddof=1) + starts_ * (1 - 1 / starts) + within * (1 - 1 / paths)
    assert split(y).variance.sum() == pytest.approx(whole, abs=1e-9)


@given(st.floats(-9, 9), st.floats(0.1, 9))
def test_parts_scale_and_do_not_move(shift, scale):
    y = np.random.default_rng(1).normal(size=(6, 3, 4))
    a, b = split(y), split(shift + scale * y)
    assert b.variance == pytest.approx(scale**2 * a.variance, rel=1e-9)
    assert b.lower == pytest.approx(shift + scale * a.lower, rel=1e-6, abs=1e-9)


def test_ranges_have_the_variance_of_the_part(rng):
    found = split(normal(rng, (1.0, 4.0, 2.0), (20_000, 4, 4)))
    z = 1.645
    assert found.upper == pytest.approx(z * np.sqrt(found.variance), rel=0.03)
    assert found.lower == pytest.approx(-z * np.sqrt(found.variance), rel=0.03)


def test_nothing_varies_where_nothing_varies():
    found = split(np.ones((5, 3, 2)))
    assert (found.variance == 0).all()
    assert (found.mcse == 0).all()
    assert (found.lower == 1).all()


def test_among_is_the_variance_of_equal_weights(rng):
    mean = rng.random(7)
    assert among(mean, np.zeros((7, 7))) == (pytest.approx(mean.var()), 0.0)


def test_the_error_among_few_is_the_one_seen(rng):
    mean, mcse = np.array([0.1, 0.3, 0.35]), np.full(3, 0.01)
    seen = [among(mean + mcse * rng.normal(size=3), np.diag(mcse**2)) for _ in range(4000)]
    value, error = np.transpose(seen)
    noise = 4 / np.sqrt(2 * len(value))  # of a standard deviation, relative
    assert (1 - noise) * value.std() < error.mean() < 1.5 * value.std()


@pytest.mark.parametrize("mean", [(0.2, 0.2, 0.2), (0.18, 0.2, 0.23)])
@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_among_is_unbiased(rng, mean, shared):
    """Errors of 0.01, 0.02 and 0.03, alone or in common."""
    mcse = np.array([0.01, 0.02, 0.03])
    noise = np.outer(mcse, mcse) * np.where(np.eye(3), 1.0, shared)
    root = np.linalg.cholesky(noise)
    seen = [among(mean + root @ rng.normal(size=3), noise) for _ in range(4000)]
    value, error = np.transpose(seen)
    assert value.mean() == pytest.approx(np.var(mean), abs=4 * value.std() / np.sqrt(4000))
    assert np.sqrt((error**2).mean()) > 0.95 * value.std()


def test_forecasts_of_the_same_futures_share_their_errors(altered):
    forecast = altered()
    one = others_.other("one", forecast.tree, forecast.study, "")
    q = asked("S7", one.world)
    y = q.values(one.world)
    weight = np.random.default_rng(3).gamma(5.0, 1.0, y.shape[:2])
    weighed = replace(one, weight=weight)
    drawn = y[:, ::-1]  # other futures
    world = replace(one.world, resolved=np.asarray(one.world.resolved)[:, ::-1])
    mean, noise = others_.means(q, [one, one, weighed, replace(one, world=world)])
    plain = Sample(np.ones(y.shape, bool))
    assert mean[0] == pytest.approx(plain.mean(y)[0])
    assert np.sqrt(np.diag(noise))[[0, 3]] == pytest.approx(
        [plain.mean(y)[1], plain.mean(drawn)[1]]
    )
    assert mean[2] == pytest.approx(Sample(np.ones(y.shape, bool), weight).mean(y)[0])
    assert noise[0, 1] == pytest.approx(
        noise[0, 0]
    )  # the same twice: no difference to be unsure of
    assert among(mean[:2], noise[:2, :2])[0] == pytest.approx(0.0, abs=1e-15)
    assert 0 < noise[0, 2] <= np.sqrt(noise[0, 0] * noise[2, 2]) * 1.2
    assert (noise[:3, 3] == 0).all()


# ------------------------------------------------------------------------------- the nested futures


def test_starts_of_a_draw_share_its_parameters_and_paths_of_a_start_its_level(altered):
    forecast = altered()
    world, (draws, starts, paths) = nested(forecast.tree, forecast.study)
    assert world.futures[names.DEATHS].shape == (1, draws * starts, paths, 6)
    assert (draws, starts, paths) == (80, 8, 6)
    resolved = forecast.tree[names.PREDICTIONS][names.RESOLVED].to_numpy()[..., -1]
    again = np.asarray(world.resolved)[0, ..., -1].reshape(draws, -1)
    for i in range(len(forecast.study.partition.scenarios)):
        hits, nests = (resolved == i).mean(-1).ravel(), (again == i).mean(-1)
        noise = np.hypot(hits.std() / np.sqrt(hits.size), nests.std() / np.sqrt(draws))
        assert nests.mean() == pytest.approx(hits.mean(), abs=5 * noise + 1e-3)


def test_starts_follow_the_filtered_distribution(altered, monkeypatch):
    forecast = altered()
    seen = {}
    study = forecast.study
    plain = type(study).origin

    def spy(self, draws, state, own):
        seen["state"] = state
        return plain(self, draws, state, own)

    monkeypatch.setattr(type(study), "origin", spy)
    _, (draws, starts, _) = nested(forecast.tree, study)
    told = study.replay(thinned(forecast.tree, draws)).state
    drawn = seen["state"].reshape(draws, starts, -1)
    assert (drawn.sum(-1) == 1).all()
    assert np.isin(drawn, (0.0, 1.0)).all()
    noise = np.sqrt((told * (1 - told)).sum(0) / starts) / draws
    assert (np.abs(drawn.mean((0, 1)) - told.mean(0)) <= 5 * noise + 1e-9).all()


def test_weighted_draws_are_thinned_as_often_as_they_count(altered):
    forecast = altered()
    tree = forecast.tree.copy(deep=True)
    stats = tree[names.SAMPLE_STATS].to_dataset()
    share = np.zeros((stats.sizes["chain"], stats.sizes["draw"]))
    share[1, 7], share[2, 3] = 0.25, 0.75
    stats[names.WEIGHT] = (("chain", "draw"), share)
    tree[names.SAMPLE_STATS] = xr.DataTree(stats)
    kept = thinned(tree, 40)["overdispersion"].to_numpy()[0]
    drawn = tree[names.POSTERIOR]["overdispersion"].to_numpy()
    assert (kept == drawn[1, 7]).sum() == 10
    assert (kept == drawn[2, 3]).sum() == 30


def test_plain_draws_are_thinned_evenly(altered):
    forecast = altered()
    drawn = forecast.tree[names.POSTERIOR]["overdispersion"].to_numpy().ravel()
    assert thinned(forecast.tree, 10**6)["overdispersion"].to_numpy()[0] == pytest.approx(drawn)
    kept = thinned(forecast.tree, 60)["overdispersion"].to_numpy()[0]
    place = [int(np.abs(drawn - x).argmin()) for x in kept]
    assert (np.abs(np.array(place) - np.arange(5, 600, 10)) <= 1).all()


# ------------------------------------------------------------------------------- the table


def test_three_parts_are_the_whole_of_one_set_and_model(altered):
    forecast = altered()
    data = forecast.spread("S7", "total reports_azerbaijan within 3 months").data
    assert list(data["part"].values) == list(PARTS)
    assert data["share"].sum("part").to_numpy() == pytest.approx([1.0, 1.0])
    event = data.isel(question=0)
    mean = float(event["mean"])
    told = forecast.probability("S7")
    assert mean == pytest.approx(told.probability)
    whole = float(event["variance"].sum())
    error = float(np.hypot.reduce(event["variance_mcse"].fillna(0.0).to_numpy()))
    assert whole == pytest.approx(mean * (1 - mean), abs=5 * error)


def test_the_range_of_an_event_is_one_of_probabilities(altered):
    data = altered().spread().data
    sizes = data[["lower", "upper"]].to_array().to_numpy()
    sizes = sizes[np.isfinite(sizes)]
    assert sizes.size
    assert ((sizes >= 0) & (sizes <= 1)).all()
    assert np.isnan(data["lower"].sel(part=CHANCE)).all()


def test_a_count_is_split_as_a_logarithm_and_shown_as_a_count(altered):
    forecast = altered()
    text = "total battle_deaths within 3 months"
    table = forecast.spread(text)
    data = table.data.isel(question=0)
    world = world_of(forecast.tree[names.PREDICTIONS].to_dataset(), forecast.study)
    q = asked(text, world)
    assert (q.kind, str(data["kind"].item())) == ("count", "count")
    assert float(data["mean"]) == pytest.approx(q.values(world).mean())
    total = world.futures["battle_deaths"].to_numpy()[..., :3].sum(-1)
    assert q.values(world) == pytest.approx(np.log1p(total))
    assert q.shown(np.log1p(7.0)) == pytest.approx(7.0)
    assert float(data["lower"].sel(part=CHANCE)) < np.expm1(float(data["mean"]))
    assert any("log(1 + count)" in n for n in table.notes)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("treaty within 3 months", "event"),
        ("S1", "event"),
        ("worst month of battle_deaths", "count"),
        ("total pressure within 2 months", "count"),
        ("mean tension", "number"),
        ("change of battle_deaths", "number"),
        ("last month of arms_share", "number"),
        ("months with battle_deaths >= 1", "number"),
    ],
)
def test_questions_are_split_in_their_own_way(altered, text, kind):
    forecast = altered()
    world = world_of(forecast.tree[names.PREDICTIONS].to_dataset(), forecast.study)
    assert asked(text, world).kind == kind
    assert np.isfinite(asked(text, world).values(world)).all()


def test_what_never_varies_has_no_variance_to_split(altered):
    table = altered().spread("battle_deaths >= 0 in every month")
    assert [row[2] for row in table.rows] == ["no variance"] * 3
    assert np.isnan(table.data["share"]).all()


def test_parts_that_were_not_computed_are_said_not_to_be(altered):
    table = altered().spread("S1")
    assert [row[1] for row in table.rows] == [PARAMETERS, TENSION, CHANCE]
    assert f"{PRIORS}: not computed; give prior sets" in table.notes
    assert f"{MODELS}: not computed; give models" in table.notes
    assert np.isnan(table.data["variance"].sel(part=[PRIORS, MODELS])).all()


def test_prior_choice_is_the_variance_between_the_sets(altered, monkeypatch):
    monkeypatch.setattr(reweighting, "MIN_EFFECTIVE", 20.0)  # few draws: reweight all the same
    forecast = altered()
    near = {"tension->pressure": priors.Normal(0.4, 0.2)}
    with_set = forecast.with_priors(near)
    table = forecast.spread("S7", "S8", sets=[near, forecast.tree.attrs["prior_set"]])
    means = [[f.probability(s).probability for f in (forecast, with_set)] for s in ("S7", "S8")]
    part = table.data.sel(part=PRIORS)
    noise = part["variance_mcse"].to_numpy()
    assert (np.abs(part["variance"].to_numpy() - np.var(means, axis=1)) <= noise).all()
    assert (part["variance"].to_numpy() < np.var(means, axis=1)).all()
    assert part["lower"].to_numpy() == pytest.approx(np.min(means, axis=1))
    assert part["upper"].to_numpy() == pytest.approx(np.max(means, axis=1))
    assert table.data["share"].sum("part").to_numpy() == pytest.approx([1.0, 1.0])
    assert any("the forecast in hand" in n for n in table.notes)
    assert any("reweighted" in n for n in table.notes)


def test_the_same_set_again_is_no_choice(altered):
    forecast = altered()
    data = forecast.spread("S7", sets=[forecast.tree.attrs["prior_set"]]).data
    assert float(data["variance"].sel(part=PRIORS).item()) == 0.0


def data_error(table):
    return table.data["mean_mcse"].isel(question=0)


def test_model_choice_is_the_variance_between_the_models(altered, monkeypatch):
    """Fits are slow: another model's tree is stood in for by the same one with other futures."""
    forecast = altered()
    other = forecast.tree.copy(deep=True)
    futures = other[names.PREDICTIONS].to_dataset()
    futures[names.RESOLVED][:] = 0  # war in every future
    other[names.PREDICTIONS] = xr.DataTree(futures)
    fits = []

    def fitted(tree, study, chosen):
        fits.append((study.case.model, study.graph.name, chosen.name))
        return other

    monkeypatch.setattr(others_.fitting, "draw", lambda study, chosen: None)
    monkeypatch.setattr(others_.fitting, "complete", fitted)
    table = forecast.spread("S1", models=["ladder", "reference"])
    assert fits == [("reference", "reference", forecast.tree.attrs["prior_set"])]
    part, now = table.data.sel(part=MODELS).isel(question=0), forecast.probability("S1").probability
    noise = float(data_error(table)) ** 2 / 4  # of war in every future there is none
    assert float(part["variance"]) == pytest.approx((1 - now) ** 2 / 4 - noise)
    assert (str(part["lowest"].item()), str(part["highest"].item())) == ("ladder", "reference")
    assert table.rows[-1][-1] == f"{100 * now:.0f} % (ladder) to 100 % (reference)"


def test_a_model_without_a_hidden_start_says_so(altered, monkeypatch):
    forecast = altered()
    world, (draws, starts, paths) = nested(forecast.tree, forecast.study)
    flat = world.futures.isel(draw=slice(0, draws))
    resolved = np.asarray(world.resolved)[:, :draws]
    one = replace(world, futures=flat, resolved=resolved)
    monkeypatch.setattr(
        "caucasus_forecast.spread.nested", lambda tree, study: (one, (draws, 1, paths))
    )
    table = forecast.spread("S7")
    assert [row[1] for row in table.rows] == [PARAMETERS, CHANCE]
    assert any(n.startswith(f"{TENSION}: not apart") for n in table.notes)
    assert float(table.data["share"].sum()) == pytest.approx(1.0)
    assert starts == nesting.STARTS


# ------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("S1 given treaty", "has a condition"),
        ("months until treaty", "has no variance; ask for the event"),
        ("S99", "no state or scenario 'S99'"),
        ("treaty witin 3 months", "did you mean 'within'"),
    ],
)
def test_questions_that_cannot_be_split_are_refused(altered, text, message):
    with pytest.raises(QuestionError, match=message):
        altered().spread(text)


def test_what_cannot_be_used_is_refused_before_anything_is_simulated(altered, monkeypatch):
    def unwanted(*_):
        raise AssertionError

    monkeypatch.setattr("caucasus_forecast.spread.nested", unwanted)
    with pytest.raises(PriorError, match="nobody"):
        altered().spread("S1", sets=["nobody"])
    with pytest.raises(CaseError, match="did you mean 'drift'"):
        altered().spread("S1", models=["dirft"])
    with pytest.raises(QuestionError, match="no state or scenario 'S99'"):
        altered().spread("S99", models=["drift"])
    with pytest.raises(QuestionError, match="has no variance"):
        altered().spread("S1", "months until treaty", sets=["sceptical"])


def test_futures_in_which_something_was_done_are_refused(altered):
    with pytest.raises(InterventionError, match=r"spread\(\)"):
        altered(intervention="corridor set").spread("S1")


# ------------------------------------------------------------------------------- shown


def test_failed_checks_are_said_with_the_parts(altered):
    forecast = altered(passed=False)
    table = forecast.spread("S1")
    assert any(n.startswith("WARNING") for n in table.notes)
    words = [t.get_text() for t in plots.spread(forecast, table).texts]
    assert any(w.startswith("CHECKS FAILED") for w in words)


def test_bars_are_the_shares(altered):
    forecast = altered()
    table = forecast.spread("S1", "S8")
    axes = plots.spread(forecast, table).axes[0]
    widths = np.array([p.get_width() for p in axes.patches]).reshape(3, 2).T
    shares = np.clip(table.data["share"].to_numpy()[:, :3], 0, None)
    assert widths == pytest.approx(shares)
    assert "not computed: prior choice, model choice" in axes.get_title("left")


def test_the_command_says_the_same(small_forecast, tmp_path, capsys):
    saved = str(small_forecast.save(tmp_path / "forecast.nc"))
    picture = tmp_path / "spread.png"
    cli.main(["spread", "S7", "mean tension", "--forecast", saved, "--json", "--plot",
              str(picture)])  # fmt: skip
    found = json.loads(capsys.readouterr().out)["spread"]
    data = cf.load(saved).spread("S7", "mean tension").data
    assert [q["question"] for q in found] == list(data["question"].values)
    for i, one in enumerate(found):
        assert [p["share"] for p in one["parts"][:3]] == pytest.approx(
            data["share"].to_numpy()[i, :3]
        )
        assert one["parts"][3]["share"] is None
    assert picture.read_bytes().startswith(b"\x89PNG")
    cli.main(["spread", "--forecast", saved])
    assert "Why it is wide" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["S1", "--models", "dirft"], "did you mean 'drift'"),
        (["S1", "--sets", "nobody"], "no prior set 'nobody'"),
        (["treaty witin 6 months"], "did you mean 'within'"),
        (["S1", "--plot", "x.pdf"], "must end in .svg or .png"),
    ],
)
def test_the_command_refuses_before_anything_is_made(arguments, message, capsys):
    assert cli.main(["spread", *arguments]) == 2
    assert message in capsys.readouterr().err
