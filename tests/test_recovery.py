"""Parameters come back from data simulated with them."""

import sys
from pathlib import Path

import numpy as np
import pytest

from caucasus_forecast import evidence, panel, posterior, priors
from caucasus_forecast.graph import load as load_graph
from caucasus_forecast.likelihood import plan
from caucasus_forecast.models import ladder

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
import prior_gate

CHOSEN = priors.load("alyarli-2021")
GRAPH = load_graph()


@pytest.fixture(scope="module")
def fits():
    """Truth and posterior of a few data sets drawn from the default prior."""
    embedded = panel.build(evidence.load(), GRAPH, prior_gate.AS_OF)
    process = ladder.process(embedded, plan(embedded, GRAPH))
    months = embedded["month"].to_numpy().astype("datetime64[M]")
    # the unit of tension is the simulated one: re-standardising would change what the truth means
    patch = pytest.MonkeyPatch()
    patch.setattr(ladder, "process", lambda *_: process)
    found = []
    for seed in (101, 102, 103, 104):
        known = prior_gate.simulated(CHOSEN, process, months, seed)
        density = ladder.density(panel.build(known, GRAPH, prior_gate.AS_OF), CHOSEN)
        tree = posterior.sample(density, seed=seed, draws=250, tune=300)
        truth = posterior.prior_draws(CHOSEN, GRAPH, "ladder", 1, seed)
        found.append((truth, tree["posterior"]))
    patch.undo()
    return found


def test_nine_tenths_of_the_truth_lie_in_the_ninety_percent_intervals(fits):
    inside = []
    for truth, drawn in fits:
        for name in truth.data_vars:
            value = truth[name].isel(chain=0, draw=0)
            lower, upper = (drawn[name].quantile(q, ("chain", "draw")) for q in (0.05, 0.95))
            inside.append(((value >= lower) & (value <= upper)).to_numpy().ravel())
    share = np.concatenate(inside).mean()
    # 544 values, correlated within a data set: a generous four standard errors of 0.9
    assert share == pytest.approx(0.9, abs=0.06)


def test_base_rates_seen_often_are_learned(fits):
    """The reports' rates: the posterior is much narrower than the prior, and near the truth."""
    errors, spreads = [], []
    for truth, drawn in fits:
        for node in ("reports_azerbaijan", "reports_armenia", "working_group_halt"):
            value = float(truth["base"].sel(node=node).isel(chain=0, draw=0))
            after = drawn["base"].sel(node=node)
            errors.append((float(after.mean()) - value) / float(after.std()))
            spreads.append(float(after.std()) / CHOSEN[f"{node}.base"].kwargs["sigma"])
    assert np.mean(spreads) < 0.6
    assert np.sqrt(np.mean(np.square(errors))) < 2.0


def test_simulated_evidence_reads_as_it_was_drawn():
    embedded = panel.build(evidence.load(), GRAPH, prior_gate.AS_OF)
    process = ladder.process(embedded, plan(embedded, GRAPH))
    months = embedded["month"].to_numpy().astype("datetime64[M]")
    known = prior_gate.simulated(CHOSEN, process, months, 7)
    data = panel.build(known, GRAPH, prior_gate.AS_OF)
    assert data.sizes["month"] == len(months)
    assert float(data["count"].sum()) > 0
