r"""How the forecasts of a ledger did: Brier and log scores, and calibration.

A question with possibilities k and probabilities p_k, of which o came, scores

.. math:: \mathrm{BS} = \sum_k (p_k - 1\{k = o\})^2, \qquad \mathrm{LS} = -\log_2 p_o

(bits; lower is better; Brier from 0 to 2). LS is infinite where p_o is 0, and is left so: beside it
stands the bound that so many simulated futures can show. The Monte Carlo errors are

.. math:: \Delta\mathrm{BS} \le \sum_k 2 |p_k - 1\{k = o\}| \Delta p_k, \qquad
   \Delta\mathrm{LS} = \Delta p_o / (p_o \ln 2).

Beside each is the score of what anyone could have said then: 1/K for each possibility; and, where
the forecast has it, its own prior without the evidence on the links.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from .. import names, scoring
from ..streams import stream
from .values import Asked, Entry

Array = np.ndarray
FEW = 10
"""Days of forecasts, below which no interval of a mean is given."""
RESAMPLES = 2000


@dataclass(frozen=True)
class Scored:
    """A resolved question of a forecast.

    `brier` and `log` are of the forecast, ``uniform_…`` of 1/K each, ``prior_…`` of the forecast's
    own prior (NaN where it has none); ``…_mcse`` are Monte Carlo errors.
    """

    entry: Entry
    asked: Asked
    outcome: str
    brier: float
    brier_mcse: float
    log: float
    log_mcse: float
    uniform_brier: float
    uniform_log: float
    prior_brier: float
    prior_log: float

    @property
    def bound(self) -> float:
        """Bits that the log score is known to exceed, where it is infinite."""
        taken = next(o for o in self.asked.options if o.id == self.outcome)
        return -math.log2(taken.mcse) if math.isinf(self.log) else self.log


def scored(entry: Entry, asked: Asked) -> Scored | None:
    """The scores of a question, if it is resolved."""
    outcome = entry.standing[asked.id].outcome
    if not outcome:
        return None
    place = [o.id for o in asked.options].index(outcome)
    p = np.array([o.probability for o in asked.options])
    mcse = np.array([o.mcse for o in asked.options])
    came = np.arange(len(p)) == place
    log = float(scoring.partition_log(p, place))
    prior = _prior(asked)
    return Scored(
        entry, asked, outcome,
        brier=float(scoring.partition_brier(p, place)),
        brier_mcse=float((2 * np.abs(p - came) * mcse).sum()),
        log=log,
        log_mcse=float(mcse[place] / p[place] / math.log(2)) if math.isfinite(log) else math.inf,
        uniform_brier=1.0 - 1.0 / len(p),
        uniform_log=math.log2(len(p)),
        prior_brier=math.nan if prior is None else float(scoring.partition_brier(prior, place)),
        prior_log=math.nan if prior is None else float(scoring.partition_log(prior, place)),
    )  # fmt: skip


def _prior(asked: Asked) -> Array | None:
    values = [o.prior for o in asked.options]
    return None if None in values else np.array(values, float)


# --------------------------------------------------------------------------- means


class Mean(NamedTuple):
    """A mean score, its Monte Carlo error (at most), and the ends of its 90 % interval."""

    value: float
    mcse: float
    lower: float
    upper: float


def mean(found: Sequence[Scored], key: str) -> Mean:
    """The mean of a score, with an interval by a bootstrap of the days of the forecasts.

    Forecasts of one day stay together. The interval is NaN where there are fewer days than `FEW`,
    or a score is infinite.

    Parameters
    ----------
    found
        Any number of them.
    key
        ``brier`` or ``log``.
    """
    if not found:
        return Mean(*[math.nan] * 4)
    value = float(np.mean([getattr(s, key) for s in found]))
    error = float(np.mean([getattr(s, f"{key}_mcse") for s in found]))
    if days_of(found) < FEW or not math.isfinite(value):
        return Mean(value, error, math.nan, math.nan)
    by_day: dict[object, list[float]] = {}
    for s in found:
        by_day.setdefault(s.entry.made.as_of, []).append(getattr(s, key))
    total, size = (np.array([f(x) for x in by_day.values()]) for f in (sum, len))
    chosen = stream(0, "ledger").integers(0, len(by_day), (RESAMPLES, len(by_day)))
    tail = (1 - names.INTERVAL_MASS) / 2
    ends = np.quantile(total[chosen].sum(1) / size[chosen].sum(1), [tail, 1 - tail])
    return Mean(value, error, *map(float, ends))


def days_of(found: Sequence[Scored]) -> int:
    """Number of days that the forecasts were made as of."""
    return len({s.entry.made.as_of for s in found})


def overlapping(found: Sequence[Scored]) -> bool:
    """Whether horizons of different forecasts share a month."""
    made = {s.entry.row: s.entry.made for s in found}
    spans = [m.months for m in made.values()]
    return any(a[0] <= b[-1] and b[0] <= a[-1] for a, b in combinations(spans, 2))
