"""The ladder of one dyad: the reference class made its own, standardised on its history."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import special

from .. import learning, markov
from ..learning import Reference
from ..likelihood import Cells
from ..names import DAYS_PER_MONTH
from . import reports
from .common import bounded, stationary
from .ladder import Ladder, Monthly, is_month, plain_steps

Array = np.ndarray

PSEUDO_MONTHS = 12.0  # weight of the reference class when a history is short
TILT = 0.02  # of the step of a numerical derivative


def fit_ladder(learned: Reference, cells: Cells, months: int) -> Ladder:
    """The ladder of one dyad: the reference class made its own, standardised on its history.

    `caucasus_forecast.learning` gives the dyad's own transitions and monthly counts, as they stand
    at the origin. The levels are smoothed under them; the mean and standard deviation of log(1 +
    deaths a month) over the smoothed months (with `PSEUDO_MONTHS` of the reference class's long-run
    distribution, for short histories) are the zero and the unit of the tension score.

    Parameters
    ----------
    learned
        The reference class.
    cells
        The dyad's battle deaths.
    months
        Length of the panel.
    """
    plain = Ladder(
        mean=learned.mean,
        size=learned.size,
        log_reference=np.log(learned.transition),
        log_initial=np.log(learned.initial),
        score=np.zeros_like(learned.mean),
        centre=0.0,
        spread=1.0,
        response=1.0,
        vintage=learned.vintage,
        robust=learned.own.robust,
    )
    emission, pairs = plain.death_terms(cells, months)
    for month, weight in pairs:
        for t, axis in ((month, 1), (month + 1, 0)):
            emission[t] += 0.5 * special.logsumexp(weight, axis=axis)
    followed = learning.follow(learned, emission, whole_months(cells, months))
    monthly = Monthly.of(learned, followed.bins[-1])
    own = replace(
        plain,
        log_reference=np.log(followed.transition[-1]),
        monthly=monthly,
        temper=learned.own.temper,
    )
    raw = np.einsum("kg,g->k", monthly.probability, np.log1p(monthly.grid))
    emission, pairs = own.death_terms(cells, months)
    steps, which = plain_steps(own.log_reference, pairs, months)
    smoothed = markov.value_and_gradient(own.log_initial, steps, which, emission)[3]
    weight = smoothed.sum(0) + PSEUDO_MONTHS * stationary(learned.transition)
    weight /= weight.sum()
    centre = float(weight @ raw)
    spread = float(np.sqrt(weight @ (raw - centre) ** 2))
    score = bounded((raw - centre) / spread)
    response = _response(plain.log_reference, score)
    return replace(own, score=score, centre=centre, spread=spread, response=response)


def whole_months(cells: Cells, months: int) -> Array:
    """Deaths of each month that is known exactly, -1 for the others; a zero total is zeros.

    A month that is told in part is not known exactly.
    """
    known = np.full(months, -1.0)
    days = cells.months[:, 0] * DAYS_PER_MONTH
    alone = (cells.months[:, 0] == cells.total[:, 0]) | (cells.value[:, 0] == 0.0)
    rows = alone & is_month(days) & reports.whole(cells)
    known[cells.month[rows]] = cells.value[rows, 0]
    return known


def _response(log_reference: Array, score: Array) -> float:
    def long_run_mean(tilt: float) -> float:
        logits = log_reference + tilt * (score[None, :] - score[:, None])
        step = np.exp(logits - special.logsumexp(logits, axis=1, keepdims=True))
        return float(stationary(step) @ score)

    return (long_run_mean(TILT) - long_run_mean(-TILT)) / (2 * TILT)
