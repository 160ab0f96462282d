"""One contract over every model and every prior set; nothing is sampled."""

from datetime import date

import numpy as np
import pymc as pm
import pytest

from caucasus_forecast import evidence, models, panel, posterior, priors, simulate, streams
from caucasus_forecast.errors import CaseError
from caucasus_forecast.graph import load as load_graph
from caucasus_forecast.likelihood import plan
from caucasus_forecast.models._declare import prior_arguments
from caucasus_forecast.names import DEATHS
from caucasus_forecast.priors import Prior
from caucasus_forecast.tension import Drift, Ladder, OwnHistory

AS_OF = date(2021, 11, 30)
GRAPH = load_graph()


@pytest.fixture(scope="module", params=models.MODELS)
def built(request):
    module = models.get(request.param)
    data = panel.build(evidence.load(), GRAPH, AS_OF)
    model = module.build(data, priors.load("alyarli-2021"))
    outputs = [model.logp(), model.dlogp()]
    # hyperparameters are data: one compilation serves every set of the same distributions
    return (
        request.param,
        model,
        model.compile_fn(outputs, inputs=model.value_vars, mode="FAST_COMPILE"),
    )


@pytest.mark.parametrize("name", priors.list())
def test_every_prior_set_gives_a_finite_density_and_gradient(built, name):
    _, model, fn = built
    with model:
        pm.set_data({"prior_arguments": prior_arguments(priors.load(name))[0]})
    value, gradient = fn(model.initial_point())
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


def test_variables_have_the_documented_dims(built):
    name, model, _ = built
    for variable, (dim, keys) in priors.layout(models.get(name).graph(GRAPH), name).items():
        assert model.named_vars_to_dims.get(variable, ()) == ((dim,) if dim else ())
        if dim:
            assert len(model.coords[dim]) == len(keys)


def test_slopes_out_of_reach_of_the_evidence_feel_only_their_prior(built):
    name, model, fn = built
    if name == "reference":
        assert "slope" not in model.named_vars
        return
    cells = plan(panel.build(evidence.load(), GRAPH, AS_OF), GRAPH)
    reached = {e.name for e in cells.graph.edges}
    point = model.initial_point()
    if "tension_path" in point:
        point["tension_path"] = np.linspace(-1.0, 1.0, len(point["tension_path"]))
    _, gradient = fn(point)
    slopes = dict(zip(GRAPH.slopes, gradient[: len(GRAPH.slopes)], strict=True))
    outside = {n: g for n, g in slopes.items() if n not in reached}
    # the initial point is the prior mean, where the prior itself has no slope
    assert outside
    assert all(abs(g) < 1e-9 for g in outside.values())
    assert sum(abs(g) > 1e-9 for n, g in slopes.items() if n in reached) > 10


def test_another_distribution_is_another_part_of_the_same_vector():
    chosen = priors.load("agnostic").replace(
        {"tension->pressure": Prior("StudentT", {"nu": 4, "mu": 0, "sigma": 0.5})}
    )
    data = panel.build(evidence.load(), GRAPH, AS_OF)
    model = models.ladder.build(data, chosen)
    assert {"slope_normal", "slope_studentt"} <= set(model.named_vars)
    value = model.compile_fn(model.logp(), mode="FAST_COMPILE")(model.initial_point())
    assert np.isfinite(value)


@pytest.mark.parametrize("name", ["alyarli-2021", "agnostic", "sceptical", "de-waal-2021"])
def test_log_prior_is_pymcs(name):
    chosen = priors.load(name)
    data = panel.build(evidence.load(), GRAPH, AS_OF)
    model = models.ladder.build(data, chosen)
    drawn = posterior.prior_draws(chosen, GRAPH, "ladder", 5, seed=1)
    ours = posterior.log_prior(drawn, chosen, GRAPH, "ladder")
    total = sum(float(ours[v].isel(chain=0, draw=2).sum()) for v in ours)
    point = {v.name: drawn[v.name].isel(chain=0, draw=2).to_numpy() for v in model.free_RVs}
    logps = [pm.logp(v, point[v.name]).sum() for v in model.free_RVs]
    theirs = sum(float(x.eval()) for x in logps)
    assert total == pytest.approx(theirs, abs=1e-6)


def test_an_unknown_model_is_refused_with_the_nearest():
    with pytest.raises(CaseError, match="did you mean 'ladder'"):
        models.get("lader")


# What a prior may say before any evidence: an upper bound on the 95 % quantile of a month's count,
# and on how often a state changes within a year. Orders of magnitude, from what the series measure.
BUSIEST = {DEATHS: 20_000, "reports_azerbaijan": 3000, "reports_armenia": 1500}
BUSIEST_OTHER = 100
MOST_OFTEN = {"demarcation_failure": 0.9}
MOST_OFTEN_OTHER = 0.35


def _prior_futures(name, chosen, draws=400):
    theory = models.get(name)
    graph = theory.graph(GRAPH)
    data = panel.build(evidence.load(), graph, AS_OF)
    process = theory.process(data, plan(data, graph))
    drawn = posterior.prior_draws(chosen, graph, name, draws, seed=5)
    p, own = posterior.parameters(drawn, graph, name)
    state = np.zeros((draws, 2))
    if isinstance(process, OwnHistory):
        weight = streams.stream(5).dirichlet(np.ones(len(process.history)), size=draws)
        own, state = own | {"history_weight": weight}, np.zeros(draws, int)
    if isinstance(process, Ladder):
        state = process.start(
            np.tile(np.exp(process.log_initial), (draws, 1)), streams.stream(5).random(draws)
        )
    elif isinstance(process, Drift):
        state[:, 0] = streams.stream(5).normal(size=draws)
    zero = np.zeros(draws)
    events = [n.name for n in graph.nodes if n.kind == "event"]
    start = simulate.Origin(
        p, own, state, dict.fromkeys(graph.node, zero), dict.fromkeys(events, zero), {}
    )
    months = panel.Horizon(AS_OF, 12).months
    return graph, simulate.futures(graph, process, start, months, seed=5)


@pytest.mark.parametrize("model", models.MODELS)
@pytest.mark.parametrize("name", priors.list())
def test_the_prior_predictive_is_sane(model, name):
    graph, futures = _prior_futures(model, priors.load(name))
    for series, values in futures.items():
        assert np.isfinite(values).all(), series
        kind = graph.node[series].kind if series in graph.node else "count"
        if kind == "count":
            bound = BUSIEST.get(series, BUSIEST_OTHER)
            assert np.quantile(values, 0.95) <= bound, series
        elif kind == "event":
            bound = MOST_OFTEN.get(series, MOST_OFTEN_OTHER)
            assert (values[:, -1] != 0).mean() <= bound, series
        elif kind == "share":
            assert 0.0 < values.min() <= values.max() < 1.0, series
