"""The compiled density is PyMC's: value up to a constant, gradient, and every family."""

from datetime import date

import numpy as np
import pytest
from scipy import stats

from caucasus_forecast import density as dens
from caucasus_forecast import evidence, models, panel, priors
from caucasus_forecast.graph import load as load_graph
from caucasus_forecast.priors import Prior

AS_OF = date(2021, 11, 30)
GRAPH = load_graph()
FAMILIES = {
    "Normal": Prior("Normal", {"mu": 0.3, "sigma": 0.7}),
    "StudentT": Prior("StudentT", {"nu": 4.0, "mu": 0.3, "sigma": 0.7}),
    "Laplace": Prior("Laplace", {"mu": 0.3, "b": 0.7}),
    "LogNormal": Prior("LogNormal", {"mu": 0.3, "sigma": 0.7}),
    "HalfNormal": Prior("HalfNormal", {"sigma": 0.7}),
    "Exponential": Prior("Exponential", {"lam": 1.3}),
    "Gamma": Prior("Gamma", {"alpha": 2.0, "beta": 1.5}),
    "InverseGamma": Prior("InverseGamma", {"alpha": 3.0, "beta": 1.5}),
    "Beta": Prior("Beta", {"alpha": 2.0, "beta": 3.0}),
}


@pytest.fixture(scope="module")
def data():
    return panel.build(evidence.load(), GRAPH, AS_OF)


def _point(model, values, layout):
    """PyMC's unconstrained point at values given in the order of a layout."""
    point, at = {}, 0
    for name, (dim, keys) in layout.items():
        part = values[at : at + len(keys)]
        at += len(keys)
        variable = model.rvs_to_values[model[name]]
        raw = np.log(part) if variable.name.endswith("log__") else part
        point[variable.name] = raw if dim else raw[0]
    return point


@pytest.mark.parametrize("name", ["alyarli-2021", "agnostic"])
def test_the_compiled_density_is_pymcs(name, data, rng):
    chosen = priors.load(name)
    ours, model = models.ladder.density(data, chosen), models.ladder.build(data, chosen)
    outputs = [model.logp(), model.dlogp()]
    theirs = model.compile_fn(outputs, inputs=model.value_vars, mode="FAST_COMPILE")
    gaps = []
    for _ in range(4):
        x = rng.uniform(-1.5, 1.5, ours.size)
        value, gradient = ours(x)
        expected, slope = theirs(_point(model, ours.values(x), ours.layout))
        gaps.append(value - float(expected))
        np.testing.assert_allclose(gradient, slope * ours.table[:, 3], rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(gaps, gaps[0], atol=1e-8 * abs(float(expected)))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_scipys(family, rng):
    """On its unconstrained line: log density up to a constant, and derivative."""
    prior = FAMILIES[family]
    table = dens.prior_table([prior])
    x = rng.uniform(-1.5, 1.5, 7)
    points = [dens.log_prior_at(np.array([one]), table) for one in x]
    value = np.array([float(dens.values(np.array([one]), table)[0]) for one in x])
    up, down = (
        np.array([float(dens.values(np.array([one + h]), table)[0]) for one in x])
        for h in (1e-6, -1e-6)
    )
    exact = priors.frozen(prior).logpdf(value) + np.log((up - down) / 2e-6)
    found = np.array([p[0] for p in points])
    np.testing.assert_allclose(found - found[0], exact - exact[0], atol=1e-6)
    for one, (_, slope) in zip(x, points, strict=True):
        a, b = (dens.log_prior_at(np.array([one + h]), table)[0] for h in (1e-6, -1e-6))
        assert slope[0] == pytest.approx((a - b) / 2e-6, abs=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_coordinates_are_roughly_standard_normal(family):
    prior = FAMILIES[family]
    quantile = stats.norm.cdf([-1.0, 0.0, 1.0])
    exact = priors.frozen(prior).ppf(quantile)
    found = [
        float(dens.values(np.array([z]), dens.prior_table([prior]))[0]) for z in (-1.0, 0.0, 1.0)
    ]
    assert found[1] == pytest.approx(exact[1])
    spread = np.diff(found)
    assert (spread > 0).all()
    assert (spread < 2.5 * np.diff(exact)).all()


def test_any_family_can_replace_any_other(data):
    """A swap of families samples at once, and its posterior follows the prior."""
    edge = GRAPH.slopes[0]
    swapped = priors.load("alyarli-2021").replace(
        {
            edge: Prior("Laplace", {"mu": -3.0, "b": 0.001}),
            "overdispersion": Prior("Gamma", {"alpha": 4.0, "beta": 4.0}),
        }
    )
    density = models.ladder.density(data, swapped)
    assert np.isfinite(density(np.zeros(density.size))[0])
    assert density.values(np.zeros(density.size))[0] == pytest.approx(-3.0)


def test_the_compiled_functions_refuse_a_wrong_size(data):
    import ctypes

    density = models.ladder.density(data, priors.load("alyarli-2021"))
    entry, _ = dens.entries()
    call = ctypes.CFUNCTYPE(
        ctypes.c_int64, ctypes.c_uint64, *[ctypes.c_void_p] * 4
    )(entry.address)  # fmt: skip
    x, gradient, value = np.zeros(density.size), np.zeros(density.size), np.zeros(1)
    body = density.data()

    def run(size):
        return call(size, x.ctypes.data, gradient.ctypes.data, value.ctypes.data, body.ctypes.data)

    assert run(density.size) == 0
    expected, slope = density(x)
    assert value[0] == expected
    np.testing.assert_array_equal(gradient, slope)
    assert run(density.size - 1) == -1
    for far in (np.nan, 1e4, -1e4):
        x[:] = far
        assert run(density.size) == 3  # and nothing is raised inside the callback
