"""What can be tried before any fit: a scenario set on prior predictive futures, and questions.

For a scenario set slopes and rates are drawn from their priors. Where tension stands at the origin
is inferred from the evidence under those draws, so that the futures start where a forecast's would.
A question is read on one future in which nothing happens.
"""

from __future__ import annotations

import numpy as np

from . import names, posterior, scenarios, simulate
from .case import Case, make
from .questions import World
from .scenarios import Check
from .study import Study, lay_out

SIZE = {"chains": 1, "draws": 800, "paths": 5}


def rehearse(case: Case) -> Check:
    """What the scenario set of a case makes of 4,000 futures from its priors.

    Parameters
    ----------
    case
        Its evidence, graph, priors, horizon and seed are used; its sampler is not.

    Raises
    ------
    ScenarioError
        If the set cannot be read, or asks about a series the graph does not have.
    EvidenceError, CaseError, GraphError, PriorError
        For anything else that cannot be used as given.

    See Also
    --------
    caucasus_forecast.scenarios.check : the check itself.
    """
    small = make("the case", case.model_dump() | SIZE)
    study = lay_out(small)
    priors = study.theory.beliefs(small.priors)
    drawn = posterior.prior_draws(priors, study.graph, small.model, small.draws, small.seed)
    _, own = posterior.parameters(drawn, study.graph, small.model)
    start = study.origin(drawn, study.replay(drawn).state, own)
    paths = simulate.futures(study.graph, study.process, start, study.months, small.seed)
    futures = simulate.as_dataset(paths, study.graph, study.months, study.shape)
    shares = {name: x.reshape(study.shape) for name, x in start.shares.items()}
    return scenarios.check(study.partition, futures, study.graph, shares)


def quiet(study: Study) -> World:
    """One future in which nothing happens; what does not fit it fits no forecast of the study."""
    nodes = [names.DEATHS, *study.graph.node]
    still = dict.fromkeys(nodes, np.zeros((1, len(study.months))))
    futures = simulate.as_dataset(still, study.graph, study.months, (1, 1, 1))
    ids = tuple(s.id for s in study.partition.scenarios)
    return World(futures, study.graph, np.zeros((1, 1, 1, len(study.months)), int), ids)
