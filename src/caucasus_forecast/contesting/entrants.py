"""Who takes part: the views, and two benchmarks without arrows; and a fit of each.

All take the same evidence through the same ladder. The benchmarks have the graph of
`caucasus_forecast.models.reference`, in which nothing moves anything: there the ladder tells
nothing about the other nodes, and their predictive densities are those of base rates alone. They
differ in the deaths:

    reference    one of the own last 36 months comes again, as in `models.reference`
    no arrows    the ladder, as in the views

So a view is ahead of the second by what its links tell, and the second of the first by the ladder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import xarray as xr

from .. import drawing, kernel, names, posterior
from .. import panel as panels
from ..case import Case
from ..density import density
from ..evidence import Evidence
from ..graph import CausalGraph
from ..kernel import Facts
from ..likelihood import plan
from ..models import ladder, reference
from ..priors import PriorSet, layout
from ..tension import Ladder

Array = np.ndarray
MODEL, REFERENCE, NO_ARROWS = "ladder", "reference", "no arrows"


@dataclass(frozen=True)
class Entrant:
    """A prior set on a graph.

    Attributes
    ----------
    arrows
        Whether the graph has its arrows.
    history
        Whether deaths are those of a past month, instead of the ladder's.

    Examples
    --------
    >>> from caucasus_forecast.priors import load
    >>> len(Entrant("no arrows", load("agnostic"), arrows=False).graph.slopes)
    0
    """

    name: str
    priors: PriorSet
    arrows: bool = True
    history: bool = False

    @property
    def graph(self) -> CausalGraph:
        """The causal graph, or what the reference keeps of it: no arrows."""
        model = ladder if self.arrows else reference
        return model.graph(self.priors.graph)


def line_up(views: Mapping[str, PriorSet]) -> tuple[Entrant, ...]:
    """Every view, and the benchmarks, whose base rates are those of the first view."""
    own = next(iter(views.values()))
    return (
        *(Entrant(name, priors) for name, priors in views.items()),
        Entrant(NO_ARROWS, own, arrows=False),
        Entrant(REFERENCE, own, arrows=False, history=True),
    )


@dataclass(frozen=True)
class Fit:
    """Posterior draws of an entrant.

    Attributes
    ----------
    draws
        The group ``posterior``, on (chain, draw).
    efficiency
        Least effective share of the draws, over the parameters.
    passed, rhat
        Whether the fit passed its checks, and its largest R-hat.
    """

    draws: xr.Dataset
    efficiency: float
    passed: bool
    rhat: float


def ladder_of(evidence: Evidence, graph: CausalGraph, day: date) -> Ladder:
    """The tension process of the evidence on record on a day."""
    panel = panels.build(evidence, graph, day)
    return ladder.process(panel, plan(panel, graph))


def record(evidence: Evidence, graph: CausalGraph, process: Ladder, day: date) -> Facts:
    """The evidence on record on a day, read by a ladder that may be older."""
    return process.facts(plan(panels.build(evidence, graph, day), graph))


def fit(entrant: Entrant, facts: Facts, case: Case) -> Fit:
    """Draws of an entrant given a record, with the case's seed, chains, draws and warm-up."""
    target = density(entrant.priors, layout(entrant.graph, MODEL), facts)

    def attempt(cores: int) -> xr.DataTree:
        def run(draws: int) -> xr.DataTree:
            return posterior.sample(
                target, seed=case.seed, draws=draws, tune=case.tune, chains=case.chains,
                cores=cores,
            )  # fmt: skip

        return posterior.checked(run, case.draws, entrant.graph, MODEL)

    tree = drawing.twice(attempt, entrant.priors, posterior.processors())
    checks = posterior.diagnose(tree, entrant.graph, MODEL)
    least = float(np.nan_to_num(checks["ess_bulk"].to_numpy()).min())
    return Fit(
        tree[names.POSTERIOR].to_dataset(),
        min(least / (case.chains * case.draws), 1.0),
        bool(checks.attrs["passed"]),
        float(checks.attrs["max_rhat"]),
    )


def log_likelihood(draws: xr.Dataset, facts: Facts) -> Array:
    """Log p(record | parameters) of every draw, shape (chain, draw)."""
    shape = draws.sizes[names.CHAIN], draws.sizes[names.DRAW]
    count = shape[0] * shape[1]

    def flat(name: str) -> Array:
        values = draws[name].to_numpy()
        return np.ascontiguousarray(values.reshape(count, *values.shape[2:]))

    def vector(name: str) -> Array:
        return flat(name) if name in draws else np.zeros((count, 0))

    increment, _, _ = kernel.replay(
        vector("slope"),
        vector("base"),
        vector("noise"),
        flat("overdispersion"),
        flat("ladder_drift"),
        flat("ladder_mobility"),
        np.zeros((count, len(facts.emission))),
        facts,
    )
    return np.asarray(increment.sum(1)).reshape(shape)
