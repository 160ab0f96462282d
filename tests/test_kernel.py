"""The compiled evidence is held to the plain reading, and the operations to finite differences."""

from datetime import date

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest

from caucasus_forecast import evidence, panel, priors
from caucasus_forecast.evidence import Observation, Series, Window
from caucasus_forecast.graph import load as load_graph
from caucasus_forecast.models import ladder
from caucasus_forecast.models._declare import declare, scalar
from caucasus_forecast.models._ops import markov_log_likelihood

PRIORS = priors.load("alyarli-2021")
GRAPH = load_graph()


def _embedded(as_of: date):
    return panel.build(evidence.load(), GRAPH, as_of)


def _with_pairs():
    """The embedded panel with count series over one, two and three months."""
    rows = [
        Observation(Window(date(2021, 1, 1), date(2021, 2, 28)), "mediation", 3.0),
        Observation(Window(date(2021, 3, 1), date(2021, 3, 31)), "mediation", 0.0),
        Observation(Window(date(2021, 4, 20), date(2021, 5, 10)), "mediation", 1.0),
        Observation(Window(date(2021, 6, 1), date(2021, 8, 24)), "mediation", 4.0),
    ]
    data = evidence.load().with_series(Series("mediation", "mediation", "counts"), rows)
    return panel.build(data, GRAPH, date(2021, 11, 30))


def _with_large():
    """The embedded panel with counts on both sides of where the kernel turns to gamma functions."""
    rows = [
        Observation(Window(date(2021, 1, 1), date(2021, 1, 31)), "mediation", 1_000.0),
        Observation(Window(date(2021, 2, 1), date(2021, 2, 28)), "mediation", 1_001.0),
        Observation(Window(date(2021, 3, 1), date(2021, 3, 31)), "mediation", 5_000_000.0),
    ]
    data = evidence.load().with_series(Series("mediation", "mediation", "counts"), rows)
    return panel.build(data, GRAPH, date(2021, 11, 30))


PANELS = {
    "article": lambda: _embedded(date(2021, 11, 30)),
    "after-changes": lambda: _embedded(date(2024, 12, 31)),
    "two-month-counts": _with_pairs,
    "large-counts": _with_large,
}


def _plain(data):
    cells = ladder.plan(data, GRAPH)
    process = ladder.process(data, cells)
    with pm.Model() as model:
        p = declare(GRAPH, PRIORS)
        drift, mobility = scalar("ladder.drift", PRIORS), scalar("ladder.mobility", PRIORS)
        pm.Potential("evidence", ladder.log_evidence(cells, process, p, drift, mobility))
    return model


def _points(model, rng, count=3):
    start = model.initial_point()
    return [
        {k: v + 0.4 * rng.normal(size=np.shape(v)) for k, v in start.items()} for _ in range(count)
    ]


def _value_and_gradient(model, mode):
    outputs = [model.logp(), model.dlogp()]
    return model.compile_fn(outputs, inputs=model.value_vars, mode=mode)


@pytest.mark.parametrize("name", PANELS)
def test_the_kernel_is_the_plain_reading(name, rng):
    data = PANELS[name]()
    fast = ladder.build(data, PRIORS)
    one = _value_and_gradient(fast, "FAST_COMPILE")
    two = _value_and_gradient(_plain(data), "FAST_COMPILE")
    for point in _points(fast, rng):
        (value, gradient), (expected, slope) = one(point), two(point)
        assert value == pytest.approx(expected, rel=1e-8)
        np.testing.assert_allclose(gradient, slope, rtol=1e-8, atol=1e-8)


def test_the_gradient_of_the_kernel_is_its_finite_difference(rng):
    model = ladder.build(PANELS["two-month-counts"](), PRIORS)
    fn = _value_and_gradient(model, "FAST_COMPILE")
    (point,) = _points(model, rng, count=1)
    _, gradient = fn(point)
    place, step = 0, 1e-5
    for name in [v.name for v in model.value_vars]:
        size = int(np.size(point[name]))
        for i in range(0, size, 11):
            bump = np.zeros(size)
            bump[i] = step
            bump = bump.reshape(np.shape(point[name]))
            up, down = (fn(point | {name: point[name] + s * bump})[0] for s in (1, -1))
            assert gradient[place + i] == pytest.approx((up - down) / (2 * step), abs=2e-5)
        place += size


def test_the_numba_linker_gives_what_python_gives(rng):
    model = ladder.build(PANELS["article"](), PRIORS)
    python, numba = (_value_and_gradient(model, m) for m in ("FAST_COMPILE", "NUMBA"))
    for point in _points(model, rng):
        for a, b in zip(python(point), numba(point), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-9)


def _scan(log_initial, log_step, which, log_emission):
    """The same forward pass with `scan`, step by step in log space."""

    def forward(step, emission, before):
        return emission + pt.logsumexp(before[:, None] + step, axis=0)

    first = log_initial + log_emission[0]
    after = pytensor.scan(
        forward, sequences=[log_step[which], log_emission[1:]], outputs_info=[first],
        return_updates=False,
    )  # fmt: skip
    return pt.logsumexp(after[-1])


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "NUMBA"])
def test_the_forward_backward_operation_is_scan_and_finite_differences(mode, rng):
    levels, months, steps = 4, 6, 2
    which = np.array([0, 1, 0, 1, 1])
    values = [
        np.log(rng.dirichlet(np.ones(levels))),
        np.log(rng.dirichlet(np.ones(levels), size=(steps, levels))),
        rng.normal(size=(months, levels)),
    ]
    inputs = [pt.dvector(), pt.dtensor3(), pt.dmatrix()]

    def compiled(build):
        logp = build(inputs[0], inputs[1], which, inputs[2])
        return pytensor.function(inputs, [logp, *pt.grad(logp, inputs)], mode=mode)

    op = compiled(lambda *a: markov_log_likelihood(*a)[0])(*values)
    scan = compiled(_scan)(*values)
    for a, b in zip(op, scan, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    value = pytensor.function(
        inputs, markov_log_likelihood(inputs[0], inputs[1], which, inputs[2])[0]
    )
    for i, gradient in enumerate(op[1:]):
        bump = rng.normal(size=values[i].shape)
        up, down = (
            value(*[v + s * 1e-6 * bump if j == i else v for j, v in enumerate(values)])
            for s in (1, -1)
        )
        assert (gradient * bump).sum() == pytest.approx((up - down) / 2e-6, abs=1e-6)
