"""Tension as a continuous log intensity around a moving mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import special

from ..equations import NUMPY, Functions, Number, log_negative_binomial
from ..likelihood import Cells, Levels, Parameters, Plan, path_terms, sweep_draws
from ..quantiles import negative_binomial
from .common import BOUND, Replay, add_by_month, bounded

Array = np.ndarray


@dataclass(frozen=True)
class Drift:
    """Continuous log intensity around a moving mean.

        x[t]      = mean[t] + a[t],   a an AR(1) with unit long-run variance
        mean[t]   = persistence · mean[t-1] + (1 − persistence) · pull[t],   mean[0] = pull[0]
        deaths[t] ~ NegBinomial(exp(level + loading · x[t]) · m, size)
        score[t]  = 2 tanh(x[t] / 2)

    The size is that of one observation, however long.
    """

    @staticmethod
    def mean_path(persistence: Number, pull: Number, months: int) -> Number:
        """The moving mean of a pull of shape (..., T), as a weighted sum of past pulls."""
        lag = np.arange(months)[:, None] - np.arange(months)[None, :]
        past = (lag >= 0).astype(float)
        kept = persistence[..., None, None] ** np.clip(lag, 0, None) * past
        first = (np.arange(months) == 0).astype(float)
        weight = kept * (first + (1.0 - first) * (1.0 - persistence[..., None, None]))
        return (weight * pull[..., None, :]).sum(-1)

    def replay(
        self, plan: Plan, p: Parameters, own: Mapping[str, Array], rng: np.random.Generator
    ) -> Replay:
        """Log likelihood of each month along the sampled paths; `own` holds the path, (D, T)."""
        x = own["drift.path"]
        score = bounded(x)
        levels = Levels(plan, sweep_draws(plan, p), score[..., None])
        increment = np.zeros_like(x)
        terms, month = path_terms(levels, p)
        add_by_month(increment, month, terms)
        rate = np.exp(own["drift.level"][:, None] + own["drift.loading"][:, None] * x)
        terms, month = death_path_terms(plan.deaths, rate, own["drift.size"][:, None])
        add_by_month(increment, month, terms)
        return Replay(increment, score, np.stack([x[:, -1], own["drift.mean"]], axis=-1))

    def start(self, state: Array, u: Array) -> Array:
        """The path's last value and its moving mean, shape (P, 2)."""
        return state

    def advance(self, state: Array, pull: Array, own: Mapping[str, Array], u: Array) -> Array:
        """Next month's value and moving mean of each path."""
        kept = own["drift.persistence"]
        mean = kept * state[:, 1] + (1.0 - kept) * pull
        noise = np.sqrt(1.0 - kept**2) * special.ndtri(u)
        return np.stack([mean + kept * (state[:, 0] - state[:, 1]) + noise, mean], axis=-1)

    def score_of(self, state: Array) -> Array:
        """Tension score of each path."""
        return bounded(state[:, 0])

    def at_score(self, score: Array) -> Array:
        """The value at a score, for interventions."""
        raw = BOUND * np.arctanh(np.clip(np.asarray(score, float) / BOUND, -0.9999, 0.9999))
        return np.stack([raw, np.zeros_like(raw)], axis=-1)

    def draw_deaths(self, state: Array, months: float, own: Mapping[str, Array], u: Array) -> Array:
        """Battle deaths of each path over an exposure."""
        rate = np.exp(np.clip(own["drift.level"] + own["drift.loading"] * state[:, 0], None, 14.0))
        return negative_binomial(u, rate * months, own["drift.size"])


def whole_observations(cells: Cells) -> tuple[Array, Array, Array]:
    """Value, total exposure in months, and last month of each observation, shape (n,)."""
    order = np.unique(cells.observation)
    rows = [np.flatnonzero(cells.observation == o) for o in order]
    first = np.array([r[0] for r in rows], int)
    last = np.array([cells.month[r].max() for r in rows], int)
    return cells.value[first, 0], cells.total[first, 0], last


def death_path_terms(
    cells: Cells, rate: Number, size: Number, xp: Functions = NUMPY
) -> tuple[Number, Array]:
    """Log likelihood of each death count along a path of monthly rates, and its last month.

    A count that is told in part has the same size and a smaller mean, for each of its ratios.

    Parameters
    ----------
    rate
        Shape (..., T), deaths a month.
    size
        Shape (..., 1), negative-binomial size of one observation.
    """
    value, _, last = whole_observations(cells)
    weight = np.zeros((len(value), int(last.max()) + 1))
    row = np.searchsorted(np.unique(cells.observation), cells.observation)
    weight[row, cells.month] = cells.months[:, 0]
    if cells.reported is None:
        mean = (rate[..., None, : weight.shape[1]] * weight).sum(-1)
        return log_negative_binomial(value, mean, size, xp), last
    told = np.zeros((cells.reported.shape[1], *weight.shape))
    told[:, row, cells.month] = cells.reported.T * cells.months[:, 0]
    mean = (rate[..., None, None, : weight.shape[1]] * told).sum(-1)
    each = log_negative_binomial(value, mean, size[..., None], xp)
    return xp.logsumexp(each, axis=-2) - np.log(len(told)), last
