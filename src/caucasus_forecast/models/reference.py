"""`reference`: own history, no causal content. The benchmark every model must beat.

    weight    ~ Dirichlet(1, ..., 1)
    deaths[t] = one of the last 36 months, drawn with these weights  (the Bayesian bootstrap)
    every other node at its own base rate: no arrows

Assumption: the recent past repeats, and nothing moves anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from ..graph import CausalGraph
from ..likelihood import Plan, path_terms, plan
from ..names import HISTORY
from ..priors import PriorSet
from ..tension import OwnHistory, own_history

if TYPE_CHECKING:
    import pymc as pm


def graph(theory: CausalGraph) -> CausalGraph:
    """The model's graph: the nodes of the theory, and its gates."""
    gates = tuple(e for e in theory.edges if e.role == "gate")
    return CausalGraph("reference", theory.nodes, gates)


def process(panel: xr.Dataset, plan: Plan) -> OwnHistory:
    """The last months of the panel."""
    return own_history(plan.deaths, plan.months)


def build(panel: xr.Dataset, priors: PriorSet) -> pm.Model:
    """The PyMC model of a panel under a prior set.

    Parameters
    ----------
    panel
        From `caucasus_forecast.panel.build`.
    priors
        A complete set; the graph is the one it is complete for. Only base rates, noises and
        overdispersion are used.
    """
    import pymc as pm

    from ._declare import TENSOR, declare, levels_of

    own = graph(priors.graph)
    cells = plan(panel, own)
    history = process(panel, cells).history
    with pm.Model(coords={HISTORY: np.arange(-len(history), 0)}) as model:
        p = declare(own, priors)
        pm.Dirichlet("history_weight", np.ones(len(history)), dims=HISTORY)
        nodes, _ = path_terms(levels_of(cells, p, np.zeros((cells.months, 1))), p, TENSOR)
        pm.Potential("evidence", nodes.sum())
    return model
