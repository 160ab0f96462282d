"""The recent past comes again: the naive benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import CaseError
from ..likelihood import Cells, Levels, Parameters, Plan, path_terms, sweep_draws
from ..names import DAYS_PER_MONTH
from ..quantiles import category
from .common import Replay, add_by_month

Array = np.ndarray


@dataclass(frozen=True)
class OwnHistory:
    """The recent past comes again: each future month is one of the last, drawn with weights.

        weight    ~ Dirichlet(1, ..., 1)
        deaths[t] = history[j] with probability weight[j]

    The Bayesian bootstrap of own history, the benchmark hard to beat in conflict forecasting.
    Tension has no score.

    Attributes
    ----------
    history
        Shape (W,), deaths a month in the last months seen; totals are spread over their days.
    """

    history: Array

    def replay(
        self, plan: Plan, p: Parameters, own: Mapping[str, Array], rng: np.random.Generator
    ) -> Replay:
        """Log likelihood of each month's nodes; the deaths are given."""
        draws = len(own["history_weight"])
        score = np.zeros((draws, plan.months))
        levels = Levels(plan, sweep_draws(plan, p), score[..., None])
        increment = np.zeros_like(score)
        terms, month = path_terms(levels, p)
        add_by_month(increment, month, terms)
        return Replay(increment, score, np.zeros(draws, int))

    def start(self, state: Array, u: Array) -> Array:
        """Nothing to carry."""
        return state

    def advance(self, state: Array, pull: Array, own: Mapping[str, Array], u: Array) -> Array:
        """Which past month comes again on each path."""
        return category(own["history_weight"], u)

    def score_of(self, state: Array) -> Array:
        """No score: zero."""
        return np.zeros(len(state))

    def at_score(self, score: Array) -> Array:
        """Refused: tension has no score to set."""
        raise CaseError(
            "do(tension): the model 'reference' has no tension to set; use 'ladder' or 'drift'"
        )

    def draw_deaths(self, state: Array, months: float, own: Mapping[str, Array], u: Array) -> Array:
        """Battle deaths of each path: those of the month that comes again."""
        return self.history[state].astype(np.int64)


def own_history(cells: Cells, months: int, window: int = 36) -> OwnHistory:
    """The last `window` months seen for ten days or more, as deaths a whole month."""
    count, seen = np.zeros(months), np.zeros(months)
    np.add.at(count, cells.month, (cells.value * cells.months / cells.total)[:, 0])
    np.add.at(seen, cells.month, cells.months[:, 0])
    kept = np.flatnonzero(seen * DAYS_PER_MONTH >= 10.0)[-window:]
    return OwnHistory(np.rint(count[kept] / np.minimum(seen[kept], 1.0)))
