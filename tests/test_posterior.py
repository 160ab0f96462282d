"""Sampling, the gate, the log prior, provenance."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import caucasus_forecast as cf
from caucasus_forecast import density as dens
from caucasus_forecast import evidence, models, names, panel, posterior, priors
from caucasus_forecast.errors import EvidenceError
from caucasus_forecast.graph import CausalGraph, Node
from caucasus_forecast.graph import load as load_graph
from caucasus_forecast.priors import layout

GRAPH = load_graph()


@pytest.fixture(scope="module")
def data():
    return panel.build(evidence.load(), GRAPH, date(2021, 11, 30))


@pytest.fixture(scope="module")
def density(data):
    return models.ladder.density(data, priors.load("alyarli-2021"))


def _sample(target, **options):
    settings = {"seed": 7, "draws": 60, "tune": 100} | options
    return posterior.sample(target, **settings)


def test_one_seed_decides_every_bit_for_any_number_of_cores(density):
    one, two = (_sample(density, cores=n) for n in (1, 2))
    for name in one["posterior"].data_vars:
        np.testing.assert_array_equal(one["posterior"][name], two["posterior"][name])
    other = _sample(density, seed=8)
    assert (one["posterior"]["slope"] != other["posterior"]["slope"]).any()


def test_other_priors_need_no_compilation(data):
    entries = dens.entries()
    tight = models.ladder.density(data, priors.load("sceptical"))
    tree = _sample(tight, draws=200, tune=200)
    assert dens.entries() is entries
    spread = tree["posterior"]["slope"].std(("chain", "draw"))
    effects = [e.name for e in GRAPH.edges if e.role == "effect"]
    assert float(spread.sel(edge=effects).max()) < 0.2


def test_the_density_and_the_pymc_model_have_one_posterior(data, density):
    """nutpie on the compiled density and on PyMC's graph: means agree within their errors."""
    ours = _sample(density, draws=500, tune=300)["posterior"]
    theirs = _sample(
        models.ladder.build(data, priors.load("alyarli-2021")), draws=500, tune=300, seed=8
    )["posterior"]
    over = ("chain", "draw")
    for name in ours.data_vars:
        gap = ours[name].mean(over) - theirs[name].mean(over)
        # at worst 600 of 2000 draws are effective; 134 comparisons
        error = np.sqrt((ours[name].var(over) + theirs[name].var(over)) / 600)
        assert float(np.abs(gap / error).max()) < 4.0


def _tree(values, divergences=0):
    layout = priors.layout(GRAPH, "ladder")
    chains, draws = values.shape
    sizes = {dim: len(keys) for dim, keys in layout.values() if dim}
    variables = {}
    for name, (dim, _) in layout.items():
        rng = np.random.default_rng(len(name))
        shape = (chains, draws, *((sizes[dim],) if dim else ()))
        variables[name] = (("chain", "draw", *((dim,) if dim else ())), rng.normal(size=shape))
    variables["overdispersion"] = (("chain", "draw"), values)
    diverging = np.zeros((chains, draws), bool)
    diverging[0, :divergences] = True
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(variables),
            "sample_stats": xr.Dataset({"diverging": (("chain", "draw"), diverging)}),
        }
    )


def test_good_draws_pass_the_gate(rng):
    verdict = posterior.diagnose(_tree(rng.normal(size=(4, 1000))), GRAPH, "ladder").attrs
    assert verdict["passed"] == 1
    assert verdict["verdict"] == "all checks passed"
    assert verdict["remedy"] == ""


@pytest.mark.parametrize(
    ("spoil", "divergences", "words"),
    [
        (lambda x: x + np.arange(4)[:, None], 0, "the chains disagree .* for overdispersion"),
        (lambda x: np.cumsum(x, axis=1), 0, "too few effective draws"),
        (lambda x: np.zeros_like(x), 0, "overdispersion"),
        (lambda x: x, 3, "3 divergent transitions"),
    ],
    ids=["stuck-chain", "slow-chain", "frozen", "divergences"],
)
def test_a_bad_fit_says_so_in_words_with_a_remedy(rng, spoil, divergences, words):
    tree = _tree(spoil(rng.normal(size=(4, 1000))), divergences)
    verdict = posterior.diagnose(tree, GRAPH, "ladder").attrs
    assert verdict["passed"] == 0
    assert verdict["remedy"]
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(verdict["verdict"])


def test_every_prior_draw_has_the_moments_of_its_distribution():
    chosen = priors.load("alyarli-2021")
    drawn = posterior.prior_draws(chosen, GRAPH, "ladder", 4000, seed=3)
    slope = drawn["slope"].isel(chain=0)
    for i, name in enumerate(GRAPH.slopes):
        mu, sigma = chosen[name].kwargs["mu"], chosen[name].kwargs["sigma"]
        assert float(slope[:, i].mean()) == pytest.approx(mu, abs=5 * sigma / 4000**0.5)
        assert float(slope[:, i].std()) == pytest.approx(sigma, rel=0.08)


@pytest.mark.parametrize("dist", priors.DISTRIBUTIONS)
def test_every_distribution_is_pymcs(dist, rng):
    import pymc as pm

    kwargs = {
        k: 2.5 if k in ("nu", "alpha", "beta") else 0.7 for k in priors.DISTRIBUTIONS[dist][0]
    }
    prior = priors.Prior(dist, kwargs)
    x = priors.frozen(prior).rvs(5, random_state=rng)
    theirs = pm.logp(getattr(pm, dist).dist(**kwargs), x).eval()
    np.testing.assert_allclose(priors.frozen(prior).logpdf(x), theirs, atol=1e-6, rtol=1e-5)


# --------------------------------------------------------------------------- provenance


def test_versions_name_what_made_the_draws():
    assert {"pymc", "pytensor", "nutpie", "caucasus-forecast"} <= set(
        json.loads(posterior.versions())
    )


def test_the_documented_groups_are_the_saved_ones(small_forecast):
    assert tuple(small_forecast.tree.children) == names.GROUPS


# ------------------------------------------------------------------------------ a longer run


def _chains(draws, sticky, seed=3):
    """Chains of every parameter of a model without arrows: independent draws, or slow ones."""
    rng = np.random.default_rng(seed)
    graph = CausalGraph("t", (Node("tension", "process"),), ())
    variables = {}
    for name, (dim, keys) in layout(graph, "ladder").items():
        noise = rng.normal(size=(4, draws, *((len(keys),) if dim else ())))
        for t in range(1, draws if sticky else 0):
            noise[:, t] = sticky * noise[:, t - 1] + np.sqrt(1 - sticky**2) * noise[:, t]
        variables[name] = (("chain", "draw", *((dim,) if dim else ())), noise)
    stats_ = xr.Dataset({"diverging": (("chain", "draw"), np.zeros((4, draws), bool))})
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset(variables), "sample_stats": stats_})
    return graph, tree


@pytest.mark.parametrize(("sticky", "runs"), [(0.0, [500]), (0.8, [500, 2000])])
def test_a_run_that_fails_is_made_again_four_times_as_long(sticky, runs):
    asked = []

    def run(draws):
        asked.append(draws)
        return _chains(draws, sticky)[1]

    graph, _ = _chains(10, 0.0)
    found = posterior.checked(run, 500, graph, "ladder")
    assert asked == runs
    assert found["posterior"].sizes["draw"] == 500
    assert found["sample_stats"].attrs.get("thinned", 1) == runs[-1] // 500
    if len(runs) > 1:
        whole = _chains(2000, sticky)[1]["posterior"]["overdispersion"].to_numpy()
        np.testing.assert_array_equal(found["posterior"]["overdispersion"], whole[:, 3::4])
        assert posterior.diagnose(found, graph, "ladder").attrs["passed"]


def test_a_divergence_anywhere_in_a_longer_run_counts():
    graph, _ = _chains(10, 0.0)

    def run(draws):
        tree = _chains(draws, 0.0)[1]
        tree["sample_stats"]["diverging"][2, 5] = True
        return tree

    found = posterior.checked(run, 500, graph, "ladder")
    assert found["sample_stats"]["diverging"].to_numpy()[2, 1]
    assert int(found["sample_stats"]["diverging"].sum()) == 1
    assert not posterior.diagnose(found, graph, "ladder").attrs["passed"]


def test_a_run_too_short_to_pass_is_not_made_again():
    graph, short = _chains(50, 0.9)
    found = posterior.checked(lambda draws: short, 50, graph, "ladder")
    assert found is short


def test_a_count_that_the_priors_rule_out_is_refused_before_the_sampling():
    rows = pd.DataFrame(
        {"month": ["2024-01", "2024-02"], "series": ["reports_armenia"] * 2, "count": [10**6, 0]}
    )
    with pytest.raises(EvidenceError, match=r"reports_armenia from 2024-01-01: 1,000,000 .*widen"):
        cf.forecast(rows, draws=4, horizon=1)
