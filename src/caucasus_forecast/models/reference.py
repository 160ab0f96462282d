"""`reference`: own history, no causal content. The benchmark every model must beat.

    deaths[t] ~ NegBinomial(exp(reference_level) · m, reference_size · m),  the last 36 months
    every other node at its own base rate: no arrows

Assumption: the recent past repeats, and nothing moves anything.
"""

from __future__ import annotations

import pymc as pm
import xarray as xr

from ..graph import CausalGraph
from ..graph import load as load_graph
from ..likelihood import Plan, path_terms, plan
from ..priors import PriorSet
from ..tension import OwnHistory
from ._declare import TENSOR, declare, levels_of, scalar

_FULL = load_graph("alyarli-2021")
GRAPH: CausalGraph = CausalGraph(
    "reference", _FULL.nodes, tuple(e for e in _FULL.edges if e.role == "gate")
)


def process(panel: xr.Dataset, plan: Plan) -> OwnHistory:
    """The process; it learns nothing before the fit."""
    return OwnHistory()


def build(panel: xr.Dataset, priors: PriorSet) -> pm.Model:
    """The PyMC model of a panel under a prior set.

    Parameters
    ----------
    panel
        From `caucasus_forecast.panel.build`.
    priors
        A complete prior set; only base rates, noises and the reference's own entries are used.
    """
    cells = plan(panel, GRAPH)
    with pm.Model() as model:
        p = declare(GRAPH, priors)
        keys = ("reference.level", "reference.size")
        own = {k: scalar(k, priors) for k in keys}
        levels = levels_of(cells, p, panel["days"].to_numpy().sum(0)[:, None] * 0.0)
        deaths, _ = OwnHistory().death_terms(cells, own, TENSOR)
        nodes, _ = path_terms(levels, p, TENSOR)
        pm.Potential("evidence", deaths.sum() + nodes.sum())
    return model
