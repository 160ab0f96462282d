"""`ladder`: hidden Markov levels, marginalised exactly, with the whole theory in one likelihood.

Question: given counts of incidents and the dated events around them, at which level is tension, how
strongly does it move the other nodes, and how does it move itself?

    k[t] | k[t-1]        ~ A(k[t-1], ·),  A tilted by ladder_drift, ladder_mobility and the pull of
                           tension's causes (`caucasus_forecast.tension.Ladder`)
    deaths[t] | k[t]     ~ NegBinomial(mean[k] · m, size[k] · m)
    η[n, t] | k[t]       = Σ slope[e] · cause                      (`caucasus_forecast.equations`)
    counts, events, shares | η as in `caucasus_forecast.equations`

The levels are summed out by a forward pass, so the posterior is over smooth parameters only:
``slope[edge]``, ``base[node]``, ``noise[share]``, ``overdispersion``, ``ladder_drift``,
``ladder_mobility``.

Assumptions: the levels' death counts and transitions are those of the reference class; slopes act
linearly on a bounded score; index nodes have no noise of their own; causes without a series stay at
the status quo. What would falsify it: counts that the smoothed level does not predict (see the
one-step scores in ``log_likelihood``), or slopes pushed against their priors by every new month.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from .. import density as densities
from .. import kernel
from ..density import Density
from ..graph import CausalGraph
from ..learning import reference
from ..likelihood import Parameters, Plan, ladder_terms, plan
from ..priors import PriorSet, layout
from ..tension import Ladder, fit_ladder

if TYPE_CHECKING:
    import pymc as pm
    import pytensor.tensor as pt


def graph(theory: CausalGraph) -> CausalGraph:
    """The model's graph: all of the theory's."""
    return theory


def process(panel: xr.Dataset, plan: Plan) -> Ladder:
    """The ladder of a panel: the newest reference class that ends before its as-of date."""
    as_of = date.fromisoformat(panel.attrs["as_of"])
    complete = as_of.year if (as_of.month, as_of.day) == (12, 31) else as_of.year - 1
    return fit_ladder(reference(complete), plan.deaths, plan.months)


def density(panel: xr.Dataset, priors: PriorSet) -> Density:
    """The log density of `build`, compiled once for all evidence and all priors.

    Parameters
    ----------
    panel
        From `caucasus_forecast.panel.build`.
    priors
        A complete set; the graph is the one it is complete for.
    """
    own = graph(priors.graph)
    cells = plan(panel, own)
    return densities.density(priors, layout(own, "ladder"), process(panel, cells).facts(cells))


def build(panel: xr.Dataset, priors: PriorSet) -> pm.Model:
    """The PyMC model of a panel under a prior set.

    The evidence is one compiled operation, `caucasus_forecast.kernel`; `log_evidence` is the same
    likelihood in plain tensors.

    Parameters
    ----------
    panel
        From `caucasus_forecast.panel.build`.
    priors
        A complete set; the graph is the one it is complete for.
    """
    import pymc as pm

    from ._declare import declare, scalar
    from ._ops import ladder_evidence

    own = graph(priors.graph)
    cells = plan(panel, own)
    ladder = process(panel, cells)
    with pm.Model() as model:
        p = declare(own, priors)
        drift, mobility = scalar("ladder.drift", priors), scalar("ladder.mobility", priors)
        packed = pm.Data("packed_evidence", kernel.pack(ladder.facts(cells)))
        base, noise = (model.named_vars.get(k, np.zeros(0)) for k in ("base", "noise"))
        over = model["overdispersion"]
        log_evidence = ladder_evidence(p.slope, base, noise, over, drift, mobility, packed)[0]
        pm.Potential("evidence", log_evidence)
    return model


def log_evidence(
    plan: Plan, ladder: Ladder, p: Parameters, drift: Any, mobility: Any
) -> pt.TensorVariable:
    """The likelihood of `build`, written with plain tensors: the reading the kernel is held to."""
    from ._declare import TENSOR, levels_of
    from ._ops import markov_log_likelihood

    deaths, pairs = ladder.death_terms(plan.deaths, plan.months)
    levels = levels_of(plan, p, ladder.score)
    emission, node_pairs = ladder_terms(levels, p, TENSOR)
    shared = ladder.shared(plan)
    steps = ladder.log_steps(drift, mobility, levels.pull(), [*pairs, *node_pairs], shared, TENSOR)
    return markov_log_likelihood(ladder.log_initial, steps, shared[1], emission + deaths)[0]
