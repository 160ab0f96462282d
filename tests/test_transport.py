"""Draws moved to other priors: the map exact for every family, the weights exact in closed form."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import caucasus_forecast as cf
from caucasus_forecast import assumptions, names, reweighting, transport
from caucasus_forecast.density import density
from caucasus_forecast.priors import DISTRIBUTIONS, POSITIVE, REAL, UNIT, Normal, Prior, frozen
from caucasus_forecast.tension import Drift

# two of each family, and of each support
FAMILIES = {
    "Normal": ({"mu": 0.5, "sigma": 0.2}, {"mu": -1.0, "sigma": 2.0}),
    "StudentT": ({"nu": 4.0, "mu": 0.0, "sigma": 1.0}, {"nu": 9.0, "mu": 1.0, "sigma": 0.5}),
    "Laplace": ({"mu": 0.0, "b": 1.0}, {"mu": 2.0, "b": 0.3}),
    "LogNormal": ({"mu": 0.0, "sigma": 0.5}, {"mu": 1.0, "sigma": 0.2}),
    "HalfNormal": ({"sigma": 1.0}, {"sigma": 0.3}),
    "Exponential": ({"lam": 2.0}, {"lam": 0.5}),
    "Gamma": ({"alpha": 2.0, "beta": 3.0}, {"alpha": 5.0, "beta": 1.0}),
    "InverseGamma": ({"alpha": 3.0, "beta": 2.0}, {"alpha": 5.0, "beta": 1.0}),
    "Beta": ({"alpha": 2.0, "beta": 5.0}, {"alpha": 8.0, "beta": 2.0}),
}
EVERY = [Prior(dist, kwargs) for dist, pair in FAMILIES.items() for kwargs in pair]
LINK = "tension->transport_delay"


def pairs(support):
    inside = [p for p in EVERY if p.support == support]
    return [(a, b) for a in inside for b in inside if a != b]


def test_every_family_is_tried():
    assert set(FAMILIES) == set(DISTRIBUTIONS)


@pytest.mark.parametrize(
    ("old", "new"), [*pairs(REAL), *pairs(POSITIVE), *pairs(UNIT)], ids=lambda p: repr(p)
)
def test_a_value_keeps_its_probability_in_both_tails(old, new):
    # no further: SciPy computes a half-normal quantile through (1 + p) / 2
    tail = np.array([1e-9, 1e-6, 0.01, 0.3, 0.5])
    low, high = frozen(old).ppf(tail), frozen(old).isf(tail)
    np.testing.assert_allclose(frozen(new).cdf(transport.carried(low, old, new)), tail, rtol=1e-5)
    np.testing.assert_allclose(frozen(new).sf(transport.carried(high, old, new)), tail, rtol=1e-5)
    every = np.concatenate([low, high[-2::-1]])
    assert (np.diff(transport.carried(every, old, new)) > 0).all()
    there_and_back = transport.carried(transport.carried(every, old, new), new, old)
    np.testing.assert_allclose(there_and_back, every, rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("prior", EVERY, ids=repr)
def test_what_is_believed_as_before_stays(prior):
    values = frozen(prior).ppf([0.1, 0.9])
    same = Prior(prior.dist, dict(prior.kwargs), why="another reason")
    assert transport.carried(values, prior, same) is values


@given(
    mu=st.floats(-3, 3), sigma=st.floats(0.05, 3), noise=st.floats(0.2, 3), seen=st.floats(-1, 1)
)
def test_a_normal_posterior_is_carried_to_the_posterior_of_another_prior(mu, sigma, noise, seen):
    # prior Normal(0, 1), one reading with a known noise: both posteriors in closed form
    def posterior(mean, sd):
        precision = 1 / sd**2 + 1 / noise**2
        return (mean / sd**2 + seen / noise**2) / precision, precision**-0.5

    before, after = posterior(0.0, 1.0), posterior(mu, sigma)
    draws = stats.norm.ppf((np.arange(4000) + 0.5) / 4000, *before).reshape(4, 1000)
    moved = transport.carried(draws, Normal(0, 1), Normal(mu, sigma))
    ratio = stats.norm.logpdf(seen, moved, noise) - stats.norm.logpdf(seen, draws, noise)
    found = reweighting.weights(ratio)
    if found.safe:
        mean = (found.share * moved).sum()
        spread = np.sqrt((found.share * (moved - mean) ** 2).sum())
        assert mean == pytest.approx(after[0], abs=4 * after[1] / np.sqrt(found.effective))
        assert spread == pytest.approx(after[1], rel=4 / np.sqrt(2 * found.effective))


def test_no_evidence_makes_every_draw_count_the_same(rng):
    draws = rng.normal(size=(4, 200))
    found = reweighting.weights(np.zeros((4, 200)))
    moved = transport.carried(draws, Normal(0, 1), Normal(40, 0.1))
    assert found.safe
    assert moved.mean() == pytest.approx(40, abs=0.02)


# ---------------------------------------------------------------------------------- of a forecast


@pytest.fixture(scope="module")
def fit(small_forecast):
    f = small_forecast
    return SimpleNamespace(
        tree=f.tree, study=f.study, own=assumptions.own(f.tree),
        draws=f.tree[names.POSTERIOR].to_dataset(),
    )  # fmt: skip


def test_only_what_is_believed_otherwise_is_moved(fit):
    new = fit.own.replace({LINK: Normal(-0.3, 0.4), "overdispersion": Prior("Gamma", {
        "alpha": 2.0, "beta": 1.0})})  # fmt: skip
    moved = transport.by_priors(fit.draws, fit.own, new, fit.study.layout)
    slope = moved["slope"].sel(edge=LINK)
    was, now = fit.own[LINK].kwargs, new[LINK].kwargs
    z = (fit.draws["slope"].sel(edge=LINK) - was["mu"]) / was["sigma"]
    np.testing.assert_allclose(slope, now["mu"] + now["sigma"] * z)
    others = moved["slope"].drop_sel(edge=LINK)
    np.testing.assert_array_equal(others, fit.draws["slope"].drop_sel(edge=LINK))
    np.testing.assert_array_equal(moved["base"], fit.draws["base"])
    assert (moved["overdispersion"] != fit.draws["overdispersion"]).all()
    same = transport.by_priors(fit.draws, fit.own, fit.own, fit.study.layout)
    assert same.equals(fit.draws)


def test_one_slope_is_shifted_alone(fit):
    moved = transport.shifted(fit.draws, LINK, 0.25)
    change = moved["slope"] - fit.draws["slope"]
    np.testing.assert_allclose(change.sel(edge=LINK), 0.25)
    assert (change.drop_sel(edge=LINK) == 0).all()


def test_the_saved_likelihood_is_that_of_the_months_seen_again(fit):
    again = fit.study.replay(fit.draws).log_likelihood.sum(-1)
    np.testing.assert_allclose(transport.log_likelihood(fit.tree).ravel(), again, atol=1e-3)


def test_coordinates_undo_the_values(fit):
    facts = fit.study.process.facts(fit.study.plan)
    target = density(fit.own, fit.study.layout, facts)
    x = transport.coordinates(fit.draws, target)
    keys = [k for _, along in fit.study.layout.values() for k in along]
    found = target.values(x[7])
    slope = fit.draws["slope"].to_numpy().reshape(len(x), -1)[7]
    np.testing.assert_allclose(found[: slope.size], slope, atol=1e-12)
    at = keys.index("overdispersion")
    assert found[at] == pytest.approx(fit.draws["overdispersion"].to_numpy().ravel()[7])


def test_the_affine_map_between_one_posterior_and_itself_moves_nothing(fit):
    moved, more = transport.refitted(fit.draws, fit.study, fit.study.process, fit.own, fit.own)
    for name in fit.study.layout:
        np.testing.assert_allclose(moved[name], fit.draws[name], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(more, 0.0, atol=1e-6)


def test_the_affine_map_leaves_weights_more_equal_and_the_same_mean(fit):
    new = cf.priors.load("sceptical")
    plain = transport.by_priors(fit.draws, fit.own, new, fit.study.layout)
    first = transport.weighed(fit.tree, fit.study, plain)
    again, more = transport.refitted(plain, fit.study, fit.study.process, fit.own, new)
    second = transport.weighed(fit.tree, fit.study, again, more)
    assert second.weights.effective > first.weights.effective
    edge = "recrimination->turkey_alliance"
    for found in (first, second):
        slope = found.draws["slope"].sel(edge=edge).to_numpy()
        mean = (found.weights.share * slope).sum()
        # a prior sd of 0.1 and little evidence
        assert mean == pytest.approx(0.0, abs=0.1)


def test_a_path_drawn_with_its_parameters_is_not_moved(fit):
    study = SimpleNamespace(process=Drift())
    assert transport.move(fit.tree, study, fit.own, fit.own) is None


def test_a_draw_moved_out_of_the_numbers_is_refused(fit):
    lost = fit.draws.copy()
    lost["slope"] = fit.draws["slope"].where(fit.draws["slope"] < 3, np.inf)
    lost["slope"][0, 0, 0] = np.inf
    assert transport.weighed(fit.tree, fit.study, lost) is None


def test_draws_that_count_differently_are_moved_with_what_they_count(fit):
    tree = fit.tree.copy()
    share = np.zeros((4, 150))
    share[:, ::2] = 1 / 300
    stats_ = tree[names.SAMPLE_STATS].to_dataset()
    stats_[names.WEIGHT] = ((names.CHAIN, names.DRAW), share)
    tree[names.SAMPLE_STATS] = stats_
    new = fit.own.replace({LINK: Normal(0.2, 0.2)})
    moved = transport.by_priors(fit.draws, fit.own, new, fit.study.layout)
    found = transport.weighed(tree, fit.study, moved)
    assert found.weights.share[:, 1::2].sum() < 1e-6
    assert found.weights.share.sum() == pytest.approx(1.0)
