"""One contract over every model and every prior set; nothing is sampled."""

from datetime import date

import numpy as np
import pymc as pm
import pytest

from caucasus_forecast import evidence, models, panel, posterior, priors
from caucasus_forecast.errors import CaseError
from caucasus_forecast.models._declare import prior_arguments
from caucasus_forecast.priors import Prior

AS_OF = date(2021, 11, 30)


@pytest.fixture(scope="module", params=models.MODELS)
def built(request):
    module = models.get(request.param)
    data = panel.build(evidence.load(), module.GRAPH, AS_OF)
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
    for variable, (dim, keys) in posterior.layout(models.get(name).GRAPH, name).items():
        assert model.named_vars_to_dims.get(variable, ()) == ((dim,) if dim else ())
        if dim:
            assert len(model.coords[dim]) == len(keys)


def test_slopes_out_of_reach_of_the_evidence_feel_only_their_prior(built):
    name, model, fn = built
    if name == "reference":
        assert "slope" not in model.named_vars
        return
    theory = models.get(name)
    reached = {e.name for e in models.ladder.plan(panel.build(evidence.load(), theory.GRAPH, AS_OF),
                                                  theory.GRAPH).graph.edges}  # fmt: skip
    point = model.initial_point()
    if "tension_path" in point:
        point["tension_path"] = np.linspace(-1.0, 1.0, len(point["tension_path"]))
    _, gradient = fn(point)
    slopes = dict(zip(theory.GRAPH.slopes, gradient[: len(theory.GRAPH.slopes)], strict=True))
    outside = {n: g for n, g in slopes.items() if n not in reached}
    # the initial point is the prior mean, where the prior itself has no slope
    assert outside
    assert all(abs(g) < 1e-9 for g in outside.values())
    assert sum(abs(g) > 1e-9 for n, g in slopes.items() if n in reached) > 10


def test_another_distribution_is_another_part_of_the_same_vector():
    chosen = priors.load("agnostic").replace(
        {"tension->pressure": Prior("StudentT", {"nu": 4, "mu": 0, "sigma": 0.5})}
    )
    data = panel.build(evidence.load(), models.ladder.GRAPH, AS_OF)
    model = models.ladder.build(data, chosen)
    assert {"slope_normal", "slope_studentt"} <= set(model.named_vars)
    value = model.compile_fn(model.logp(), mode="FAST_COMPILE")(model.initial_point())
    assert np.isfinite(value)


@pytest.mark.parametrize("name", ["alyarli-2021", "agnostic", "sceptical", "de-waal-2021"])
def test_log_prior_is_pymcs(name):
    chosen = priors.load(name)
    graph = models.ladder.GRAPH
    data = panel.build(evidence.load(), graph, AS_OF)
    model = models.ladder.build(data, chosen)
    drawn = posterior.prior_draws(chosen, graph, "ladder", 5, seed=1)
    ours = posterior.log_prior(drawn, chosen, graph, "ladder")
    total = sum(float(ours[v].isel(chain=0, draw=2).sum()) for v in ours)
    point = {v.name: drawn[v.name].isel(chain=0, draw=2).to_numpy() for v in model.free_RVs}
    logps = [pm.logp(v, point[v.name]).sum() for v in model.free_RVs]
    theirs = sum(float(x.eval()) for x in logps)
    assert total == pytest.approx(theirs, abs=1e-6)


def test_an_unknown_model_is_refused_with_the_nearest():
    with pytest.raises(CaseError, match="did you mean 'ladder'"):
        models.get("lader")
