"""A pool has the mean and spread of the mixture it stands for, and can be used as any set."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

import caucasus_forecast as cf
from caucasus_forecast import priors
from caucasus_forecast.errors import PriorError
from caucasus_forecast.priors import Normal, Prior, PriorSet, frozen, pool, to_toml
from caucasus_forecast.priors.pooling import _match

SHARES = st.floats(0.05, 0.95)
SIZES = st.floats(0.1, 4.0)
PLACES = st.floats(-3.0, 3.0)
SHIPPED = tuple(n for n in priors.list() if n != "after-mission-2026")  # not a view


def mixture_moments(parts, read):
    """Mean and variance of read(x) under the mixture, by numerical integration."""

    def expected(f):
        return sum(w * frozen(p).expect(f) for w, p in parts)

    mean = expected(read)
    return mean, expected(lambda x: (read(x) - mean) ** 2)


def matched(first, second, share=0.3):
    parts = [(share, first), (1 - share, second)]
    dist, kwargs = _match("a", parts)
    return parts, Prior(dist, kwargs)


@given(PLACES, PLACES, SIZES, SIZES, SHARES)
def test_normals_match_the_mixture(a, b, s, t, share):
    _, found = matched(Normal(a, s), Normal(b, t), share)
    assert found.kwargs["mu"] == pytest.approx(share * a + (1 - share) * b, abs=1e-12)
    second = share * (s**2 + a**2) + (1 - share) * (t**2 + b**2)
    assert found.kwargs["sigma"] ** 2 == pytest.approx(second - found.kwargs["mu"] ** 2, rel=1e-6)
    assert found.dist == "Normal"


@pytest.mark.parametrize(
    ("first", "second", "read"),
    [
        (Prior("Laplace", {"mu": 0, "b": 1}), Prior("Laplace", {"mu": 2, "b": 0.5}), np.positive),
        (
            Prior("StudentT", {"nu": 5, "mu": 0, "sigma": 1}),
            Prior("StudentT", {"nu": 5, "mu": 1, "sigma": 2}),
            np.positive,
        ),
        (
            Prior("LogNormal", {"mu": 0, "sigma": 0.5}),
            Prior("LogNormal", {"mu": 1, "sigma": 0.2}),
            np.log,
        ),
        (
            Prior("Gamma", {"alpha": 2, "beta": 3}),
            Prior("Gamma", {"alpha": 5, "beta": 1}),
            np.positive,
        ),
        (
            Prior("InverseGamma", {"alpha": 3, "beta": 2}),
            Prior("InverseGamma", {"alpha": 6, "beta": 1}),
            np.reciprocal,
        ),
        (
            Prior("Beta", {"alpha": 2, "beta": 3}),
            Prior("Beta", {"alpha": 8, "beta": 2}),
            np.positive,
        ),
    ],
    ids=lambda x: x.dist if isinstance(x, Prior) else "",
)
def test_a_family_keeps_itself_and_two_moments(first, second, read):
    parts, found = matched(first, second)
    mean, variance = mixture_moments(parts, read)
    own_mean, own_variance = mixture_moments([(1.0, found)], read)
    assert found.dist == first.dist
    assert own_mean == pytest.approx(mean, rel=1e-6)
    assert own_variance == pytest.approx(variance, rel=1e-5)


def test_families_of_one_argument_keep_one_moment():
    parts, half = matched(Prior("HalfNormal", {"sigma": 1}), Prior("HalfNormal", {"sigma": 2}))
    square = sum(w * frozen(p).expect(np.square) for w, p in parts)
    assert frozen(half).expect(np.square) == pytest.approx(square)
    parts, waiting = matched(Prior("Exponential", {"lam": 1}), Prior("Exponential", {"lam": 4}))
    assert 1 / waiting.kwargs["lam"] == pytest.approx(0.3 / 1 + 0.7 / 4)


def test_several_families_become_one_with_the_same_moments():
    parts, real = matched(Normal(0, 1), Prior("Laplace", {"mu": 1, "b": 2}))
    assert real.dist == "Normal"
    assert mixture_moments([(1.0, real)], np.positive) == pytest.approx(
        mixture_moments(parts, np.positive), rel=1e-6
    )
    gamma = Prior("Gamma", {"alpha": 2, "beta": 1})
    parts, positive = matched(Prior("LogNormal", {"mu": 0, "sigma": 1}), gamma)
    assert positive.dist == "LogNormal"
    mean, variance = mixture_moments(parts, np.log)
    assert positive.kwargs["mu"] == pytest.approx(mean, rel=1e-5)
    assert positive.kwargs["sigma"] ** 2 == pytest.approx(variance, rel=1e-5)


def test_a_part_without_variance_is_refused():
    wild = Prior("StudentT", {"nu": 2, "mu": 0, "sigma": 1})
    calm = priors.load("agnostic").replace({"tension->pressure": Normal(0, 1)})
    with pytest.raises(PriorError, match=r"a part of tension->pressure has no variance .*nu above"):
        pool({calm: 0.5, priors.load("sceptical").replace({"tension->pressure": wild}): 0.5})


def test_equal_entries_stay_as_they_are_and_claims_are_joined():
    first, second = priors.load("alyarli-2021"), priors.load("de-waal-2021")
    both = pool({"alyarli-2021": 0.4, "de-waal-2021": 0.6})
    same = [key for key in first if first[key] == second[key]]
    assert same
    assert all(both[key] == first[key] and both[key].why == first[key].why for key in same)
    for key in both:
        assert set(both[key].claims) == {*first[key].claims, *second[key].claims}
    changed = next(key for key in first if first[key] != second[key])
    assert "0.4 alyarli-2021 + 0.6 de-waal-2021" in both[changed].why


def test_weight_one_is_the_set_itself_and_weight_zero_is_none():
    assert (
        pool({"alyarli-2021": 1.0, "sceptical": 0.0}).digest == priors.load("alyarli-2021").digest
    )


@given(st.lists(st.floats(0.01, 1.0), min_size=len(SHIPPED), max_size=len(SHIPPED)))
def test_any_mixture_of_the_shipped_sets_is_a_complete_set(weights):
    total = math.fsum(weights)
    found = pool({n: w / total for n, w in zip(SHIPPED, weights, strict=True)})
    assert set(found) == set(priors.load("agnostic"))
    assert found.name == f"pool of {len(SHIPPED)} views"


def test_the_pool_of_all_views_is_near_their_mixture():
    """Largest distance of the two distribution functions, over every link."""
    sets = [priors.load(name) for name in SHIPPED]
    found, x = pool({s: 1 / len(sets) for s in sets}), np.linspace(-6, 6, 2001)
    gaps = {
        e: np.abs(np.mean([frozen(s[e]).cdf(x) for s in sets], 0) - frozen(found[e]).cdf(x)).max()
        for e in found.graph.slopes
    }
    assert max(gaps.values()) < 0.04


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({}, "a pool is made of dict {}"),
        ("agnostic", "a pool is made of str 'agnostic'"),
        ({"agnostic": 0.5, "sceptical": 0.4}, "the weights sum to 0.9"),
        ({"agnostic": 1.5, "sceptical": -0.5}, "the weight of 'sceptical' is -0.5; write 0 or"),
        ({"agnostic": True}, "the weight of 'agnostic' is True"),
        ({"agnostic": "1"}, "the weight of 'agnostic' is '1'"),
        ({"agnostic": float("nan")}, "the weight of 'agnostic' is nan"),
        ({"agnostik": 1.0}, "did you mean 'agnostic'"),
    ],
)
def test_what_is_no_pool_is_refused(weights, message):
    with pytest.raises(PriorError, match=re.escape(message)):
        pool(weights)


def test_a_pool_can_be_written_and_read():
    strange = priors.load("agnostic").replace(
        {"tension->pressure": Prior("Normal", {"mu": 1e-7, "sigma": 0.1}, 'a "quote" \x7f \n é')}
    )
    for one in (pool({"agnostic": 0.25, "valiyev-2021": 0.75}), strange):
        again = priors.read(to_toml(one), "text")
        assert again.digest == one.digest
        assert (again.name, again.title) == (one.name, one.title)
        assert all(again[k].why == p.why and again[k].claims == p.claims for k, p in one.items())


def test_a_pool_can_be_forecast_with(tmp_path):
    both = pool({"de-waal-2021": 0.6, "alyarli-2021": 0.4})
    made = cf.forecast(priors=both, draws=40, horizon=2)
    assert made.tree.attrs["prior_digest"] == both.digest
    before = made.links.data["prior_mean"].sel(edge="tension->pressure")
    assert float(before) == pytest.approx(both["tension->pressure"].kwargs["mu"])
    again = cf.load(made.save(tmp_path / "pooled.nc"))
    assert again.tree.attrs["prior_set"] == "0.6 de-waal-2021 + 0.4 alyarli-2021"
    path = tmp_path / "both.toml"
    path.write_text(to_toml(both), encoding="utf-8")
    assert again.with_priors(path).tree.attrs["prior_digest"] == both.digest


def test_sets_for_two_graphs_are_not_pooled():
    own = priors.load("agnostic")
    graph = replace(own.graph, name="another", edges=own.graph.edges[:-1])
    kept = {k: v for k, v in own.items() if k in priors.parameters(graph)}
    other = PriorSet("other", kept, graph=graph)
    with pytest.raises(PriorError, match="'agnostic' is for the graph 'alyarli-2021', 'other' for"):
        pool({own: 0.5, other: 0.5})


def test_a_pooled_density_integrates_to_one():
    found = pool({"alyarli-2021": 0.5, "sceptical": 0.5})["tension->pressure"]
    assert integrate.quad(frozen(found).pdf, -5, 5)[0] == pytest.approx(1.0)
