"""One link's prior moved, its spread kept: the same draws, the same random numbers, another world.

A prior that moves by δ of its sd carries each draw of that slope by δ · sd
(`caucasus_forecast.transport`), and the draws count by L(θ') / L(θ); where that leaves too few, by
the affine map there. Not every prior has a mean and a standard deviation (a StudentT with few
degrees of freedom has none), so its place and its unit are read from its quantile function Q,

    median = Q(½),     sd = ½ (Q(Φ(1)) − Q(Φ(−1))),     Φ the standard normal distribution,

half of its middle 68 %; for a normal prior these are its mean and its standard deviation. Nothing
is sampled again, and worlds that differ in one link share every random number, so that their
difference is told far more exactly than either. A fixed part of the draws is used. Weights are
trusted with a Pareto k below 0.7, the practical limit of Vehtari et al. (2024), and 50 effective
draws, or if they are all but equal; the error shown is theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from scipy import stats

from .. import assumptions, names, posterior, reweighting, transport
from ..priors import REAL, Prior, PriorSet, frozen
from ..reweighting import Weights
from ..study import Study
from ..tension import Ladder
from ..transport import Moved
from . import power

Array = np.ndarray
DRAWS = 125  # of each chain, and fewer than twice as many
MAX_TAIL, FEWEST, EQUAL = 0.7, 50.0, 0.9
Shift = tuple[str, float]


@dataclass(frozen=True)
class World:
    """What comes of one shift.

    Attributes
    ----------
    shares
        Share of each draw's paths in each scenario at the horizon, (S, chain, draw); NaN where the
        weights cannot be trusted, and nothing was simulated.
    weights
        What each draw counts for.
    """

    shares: Array
    weights: Weights

    @property
    def safe(self) -> bool:
        """Whether the weights could be trusted."""
        return not bool(np.isnan(self.shares).any())

    @property
    def probability(self) -> Array:
        """Of each scenario, (S,)."""
        return (self.weights.share * self.shares).sum((-2, -1))

    def influence(self, scenario: Array) -> Array:
        """What each draw adds to a weighted sum of scenario probabilities, (chain, draw).

        `scenario` holds the weights of the sum, (S,).
        """
        each = np.tensordot(scenario, self.shares, 1)
        share = self.weights.share
        return share.size * share * (each - scenario @ self.probability)


def trusted(weights: Weights) -> bool:
    """Whether weights may tell what comes of a shift.

    Examples
    --------
    >>> share = np.full((1, 400), 1 / 400)
    >>> trusted(Weights(share, 0.9, 390.0)), trusted(Weights(share, 0.9, 200.0))
    (True, False)
    """
    even = weights.effective >= EQUAL * weights.share.size
    return even or (weights.k < MAX_TAIL and weights.effective >= FEWEST)


def standing(prior: Prior) -> tuple[float, float]:
    """Median of a prior, and half of its middle 68 %, both in the unit of the parameter.

    Examples
    --------
    >>> standing(Prior("Normal", {"mu": 2.0, "sigma": 0.5}))
    (2.0, 0.5)
    """
    low, middle, high = frozen(prior).ppf(stats.norm.cdf([-1.0, 0.0, 1.0]))
    return round(float(middle), 12), round(float(high - low) / 2.0, 12)


@dataclass(frozen=True)
class Worlds:
    """A forecast and its study, thinned, from which worlds are made."""

    tree: xr.DataTree
    study: Study
    priors: PriorSet

    @classmethod
    def of(cls, tree: xr.DataTree, study: Study) -> Worlds:
        """Of a forecast."""
        step = max(1, study.case.draws // DRAWS)
        groups = (names.POSTERIOR, names.SAMPLE_STATS, names.LOG_LIKELIHOOD)
        thin = {g: tree[g].to_dataset().isel({names.DRAW: slice(None, None, step)}) for g in groups}
        thin[names.DIAGNOSTICS] = tree[names.DIAGNOSTICS].to_dataset()
        draws = thin[names.POSTERIOR].sizes[names.DRAW]
        case = study.case.model_copy(update={"draws": draws})
        return cls(xr.DataTree.from_dict(thin), replace(study, case=case), assumptions.own(tree))

    def median(self, edge: str) -> float:
        """Prior median of a link."""
        return standing(self.priors[edge])[0]

    def sd(self, edge: str) -> float:
        """Half of the middle 68 % of a link's prior."""
        return standing(self.priors[edge])[1]

    def base(self) -> World:
        """The world in which nothing moved: draws count for what they do in the forecast.

        No draw is reweighted, so there are no weights to distrust; whether the draws themselves
        are to be trusted is said by the checks of the forecast.
        """
        draws = self.tree[names.POSTERIOR].to_dataset()
        shares = self._shares(draws, self.study.replay(draws).state)
        own = reweighting.share_of(self.tree)
        count = np.ones(shares.shape[1:]) if own is None else own
        share = count / count.sum()
        return World(shares, Weights(share, -np.inf, 1.0 / float((share**2).sum())))

    def made(self, shifts: Sequence[Shift]) -> list[World]:
        """The worlds of several shifts, each of one link by so many of its prior sd.

        The panel is seen again under all of them at once.
        """
        if not shifts:
            return []
        drawn = self.tree[names.POSTERIOR].to_dataset()
        moved = [transport.shifted(drawn, edge, by * self.sd(edge)) for edge, by in shifts]
        together = xr.concat(moved, names.DRAW, join="override", combine_attrs="override")
        replay = self.study.replay(together)
        apart = (self.study.case.chains, len(shifts), self.study.case.draws)
        likelihood = replay.log_likelihood.sum(-1).reshape(apart)
        state = replay.state.reshape(*apart, *replay.state.shape[1:])
        before = transport.log_likelihood(self.tree)
        return [
            self._world(
                shift, draws, state[:, i].reshape(-1, *state.shape[3:]),
                reweighting.of_tree(self.tree, likelihood[:, i] - before),
            )
            for i, (shift, draws) in enumerate(zip(shifts, moved, strict=True))
        ]  # fmt: skip

    def _world(self, shift: Shift, draws: xr.Dataset, state: Array, weights: Weights) -> World:
        if not trusted(weights):
            again = self._again(shift, draws)
            if again is None or not trusted(again.weights):
                scenarios = len(self.study.partition.scenarios)
                return World(np.full((scenarios, *weights.share.shape), np.nan), weights)
            draws, state, weights = again.draws, again.replay.state, again.weights
        return World(self._shares(draws, state), weights)

    def _again(self, shift: Shift, draws: xr.Dataset) -> Moved | None:
        """Shifted draws moved once more by the affine map, where the prior can be written down."""
        edge, by = shift
        prior, process = self.priors[edge], self.study.process
        if "mu" not in prior.kwargs or prior.support != REAL or not isinstance(process, Ladder):
            return None
        placed = dict(prior.kwargs) | {"mu": prior.kwargs["mu"] + by * self.sd(edge)}
        new = self.priors.replace({edge: Prior(prior.dist, placed)})
        moved, more = transport.refitted(draws, self.study, process, self.priors, new)
        return transport.weighed(self.tree, self.study, moved, more)

    def _shares(self, draws: xr.Dataset, state: Array) -> Array:
        study = self.study
        _, own = posterior.parameters(draws, study.graph, study.case.model)
        futures = study.futures(study.origin(draws, state, own))
        return power.shares(futures[names.RESOLVED], len(study.partition.scenarios))


def reached(study: Study) -> frozenset[str]:
    """Links that can matter to a scenario or a question: the graph says that others cannot.

    A link matters if it leads, by whatever way, to something measured or to something observed.
    """
    graph, p = study.graph, study.partition
    conditions = [c for s in p.scenarios for c in s.when] + [q.measure for q in p.questions]
    ends = {names.TENSION if c.of == names.DEATHS else c.of for c in conditions} | {names.TENSION}
    groups: tuple[Any, ...] = (study.plan.counts, study.plan.events, study.plan.shares)
    ends |= {str(c.node) for group in groups for c in group} | {
        str(c.node) for c in study.plan.pairs
    }
    before = graph.ancestors(*(e for e in ends if e in graph.node)) | ends
    return frozenset(e for e in graph.slopes if graph.edge[e].effect in before)


def screened(tree: xr.DataTree, study: Study, scenario: int, shares: Array) -> dict[str, float]:
    """Roughly how far a prior one sd down and one sd up move a scenario, for every link.

    By importance weights on all draws, at the cost of no simulation; 1, the farthest there is,
    where no draw is left to tell.
    """
    priors, share = assumptions.own(tree), reweighting.share_of(tree)
    base = 0.0 if share is None else np.log(np.maximum(share, 1e-300))
    found = {}
    for edge in study.graph.slopes:
        value = tree[names.POSTERIOR]["slope"].sel({names.EDGE: edge}).to_numpy()
        prior = frozen(priors[edge])
        now, (_, sd) = prior.logpdf(value), standing(priors[edge])
        ends = []
        for by in (-sd, sd):
            log_weight = prior.logpdf(value - by) - now + base
            if np.isneginf(log_weight).all():
                continue
            weight = np.exp(log_weight - log_weight.max())
            ends.append(float((weight * shares[scenario]).sum() / weight.sum()))
        found[edge] = ends[1] - ends[0] if len(ends) == 2 else 1.0
    return found
