"""`drift`: continuous log intensity instead of levels, with the same theory around it.

Question: does the answer change when tension drifts instead of jumping between levels?

    x[t]      = mean[t] + a[t],  a ~ AR(1) with unit long-run variance
    deaths[t] ~ NegBinomial(exp(drift_level + drift_loading · x[t]) · m, drift_size)
    score[t]  = 2 tanh(x[t] / 2)
    the other nodes as in `ladder`, along the path instead of over levels

The path is sampled, centred on its level because the deaths speak about it directly:
``tension_path[month]`` holds ``drift_level + drift_loading · a[t]``, ``drift_path`` holds `x`.

Assumptions: one speed of change, symmetric up and down; wars are the tail of the same process. What
would falsify it: one-step scores worse than the ladder's in months when fighting starts or stops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from ..graph import CausalGraph
from ..likelihood import Plan, path_terms, plan
from ..names import MONTH
from ..priors import PriorSet
from ..tension import Drift, bounded, death_path_terms

if TYPE_CHECKING:
    import pymc as pm


def graph(theory: CausalGraph) -> CausalGraph:
    """The model's graph: all of the theory's."""
    return theory


def process(panel: xr.Dataset, plan: Plan) -> Drift:
    """The process; it learns nothing before the fit."""
    return Drift()


def build(panel: xr.Dataset, priors: PriorSet) -> pm.Model:
    """The PyMC model of a panel under a prior set.

    Parameters
    ----------
    panel
        From `caucasus_forecast.panel.build`.
    priors
        A complete set; the graph is the one it is complete for.
    """
    import pymc as pm
    import pytensor.tensor as pt

    from ._declare import TENSOR, declare, levels_of, scalar

    own = graph(priors.graph)
    cells = plan(panel, own)
    with pm.Model(coords={MONTH: panel[MONTH].to_numpy().astype("datetime64[M]").astype(str)}):
        p = declare(own, priors)
        kept = scalar("drift.persistence", priors)
        level, loading = scalar("drift.level", priors), scalar("drift.loading", priors)
        size = scalar("drift.size", priors)
        intensity = pm.AR(
            "tension_path",
            rho=pt.stack([(1.0 - kept) * level, kept]),
            sigma=loading * pt.sqrt(1.0 - kept**2),
            init_dist=pm.Normal.dist(level, loading),
            constant=True,
            dims=MONTH,
        )
        pull = levels_of(cells, p, np.zeros((cells.months, 1))).pull()
        mean = Drift.mean_path(kept, pull, cells.months)
        path = pm.Deterministic("drift_path", mean + (intensity - level) / loading, dims=MONTH)
        pm.Deterministic("drift_mean", mean[-1])
        levels = levels_of(cells, p, bounded(path, pt)[:, None])
        rate = pt.exp(level + loading * path)
        deaths, _ = death_path_terms(cells.deaths, rate, size[None], TENSOR)
        nodes, _ = path_terms(levels, p, TENSOR)
        pm.Potential("evidence", deaths.sum() + nodes.sum())
        return pm.modelcontext(None)
