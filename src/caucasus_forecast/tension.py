"""The tension processes: how tension moves, and how battle deaths read it.

Three processes share one interface; a model is a process and a graph.

`Ladder` (the default): ordered levels ``k`` with reference-class death counts and transitions, and
two dyad parameters that tilt them,

    A(i, j) ∝ A_ref(i, j) · exp( γ (s_j − s_i) − ω |s_j − s_i| ),    γ = (drift + pull) / response
    deaths | level k, m months  ~  NegBinomial(mean_k · m, size_k · m)

`s` is the tension score of a level in standard deviations of the dyad's own smoothed history up to
the origin, bounded so that a war does not decide every slope: ``s = 2 tanh(raw / 2)``. `pull` is
the weighted sum of tension's causes; `response` is how far the long-run mean score moves per unit
of γ under the reference class, so that a slope of 0.5 moves it by about half a standard deviation.

`Drift`: continuous log intensity, ``x[t] = persistence · x[t-1] + (1 − persistence) · pull + ε``
with unit long-run variance, score ``2 tanh(x / 2)``, deaths NB1-free negative binomial with mean
``exp(level + loading · x)``.

`OwnHistory`: the counts of one period are exchangeable, deaths ~ NegBinomial(exp(level), size), and
tension carries no score: the naive benchmark.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from scipy import special

from . import markov
from .equations import NUMPY, Functions, Number
from .errors import CaseError
from .likelihood import Cells
from .names import DAYS_PER_MONTH

Array = np.ndarray

BOUND = 2.0  # a score saturates at twice this
PSEUDO_MONTHS = 12.0  # weight of the reference class when a history is short


def bounded(raw: Number, xp: Any = np) -> Number:
    """The tension score: near the identity within one sd, never beyond ±2.

    Examples
    --------
    >>> float(np.round(bounded(3.8), 2))
    1.91
    """
    return BOUND * xp.tanh(raw / BOUND)


@dataclass(frozen=True)
class Reference:
    """What the ladder learned from other conflicts, up to its vintage."""

    vintage: str
    mean: Array
    size: Array
    transition: Array
    initial: Array
    provenance: dict[str, Any]


@cache
def reference(year: int) -> Reference:
    """The newest reference class fitted on data that end by the last day of `year`.

    Raises
    ------
    CaseError
        If every shipped vintage is later.

    Examples
    --------
    >>> reference(2020).vintage
    '2020-12-31'
    """
    folder = files("caucasus_forecast").joinpath("priors", "ladder")
    years = sorted(int(f.name[:4]) for f in folder.iterdir() if f.name.endswith(".json"))
    usable = [y for y in years if y <= year]
    if not usable:
        raise CaseError(
            f"no reference class was fitted on data that end by {year}; the earliest vintage is "
            f"{years[0]}: choose an as-of date after {years[0]}-12-31, or model='reference'"
        )
    body = json.loads(folder.joinpath(f"{usable[-1]}.json").read_text(encoding="utf-8"))
    return Reference(
        body["vintage"],
        *(np.array(body[k], float) for k in ("mean", "size", "transition", "initial")),
        body["provenance"],
    )


def stationary(transition: Array) -> Array:
    """Long-run distribution of a transition matrix, shape (K,)."""
    size = len(transition)
    system = np.vstack([transition.T - np.eye(size), np.ones(size)])
    return np.linalg.lstsq(system, np.r_[np.zeros(size), 1.0], rcond=None)[0]


@dataclass(frozen=True)
class Ladder:
    """Ordered levels, standardised on one dyad's history.

    Attributes
    ----------
    mean, size
        Shape (K,), deaths a month and negative-binomial size of each level.
    log_reference
        Shape (K, K), log transition probabilities of the reference class.
    log_initial
        Shape (K,), log probability of each level in the first month.
    score
        Shape (K,), tension score of each level, in standard deviations, bounded.
    centre, spread
        Mean and standard deviation of log(1 + deaths a month) over the smoothed history.
    response
        Long-run change of the mean score per unit of γ.
    """

    mean: Array
    size: Array
    log_reference: Array
    log_initial: Array
    score: Array
    centre: float
    spread: float
    response: float
    vintage: str

    @property
    def levels(self) -> int:
        """Number of levels."""
        return len(self.mean)

    def log_step(
        self, drift: Number, mobility: Number, pull: Number, xp: Functions = NUMPY
    ) -> Number:
        """Log transition probabilities, shape (..., K, K), for pulls of shape (...)."""
        gap = self.score[None, :] - self.score[:, None]
        tilt = ((drift + pull) / self.response)[..., None, None]
        speed = (mobility + 0.0 * pull)[..., None, None]
        logits = self.log_reference + tilt * gap - speed * np.abs(gap)
        return logits - xp.logsumexp(logits, axis=-1, keepdims=True)

    def log_deaths(self, count: Array, days: Array) -> Array:
        """Log probability of death counts at each level, shape (..., K)."""
        months = np.asarray(days, float)[..., None] / DAYS_PER_MONTH
        return log_negative_binomial(
            np.asarray(count, float)[..., None], self.mean * months, self.size * months
        )

    def log_deaths_pair(self, count: float, first: float, second: float) -> Array:
        """Log probability of one total over two months of given days, shape (K, K), exactly."""
        total = np.arange(int(count) + 1)
        one = np.exp(self.log_deaths(total, np.full(len(total), first)))
        two = np.exp(self.log_deaths(total[::-1].copy(), np.full(len(total), second)))
        return np.log(np.maximum(one.T @ two, 1e-300))

    def death_terms(self, cells: Cells, months: int) -> tuple[Array, list[tuple[int, Array]]]:
        """Log weights of the battle deaths: (T, K), and (K, K) for each two-month total."""
        emission = np.zeros((months, self.levels))
        pairs: list[tuple[int, Array]] = []
        for o in np.unique(cells.observation):
            rows = np.flatnonzero(cells.observation == o)
            days = cells.months[rows, 0] * DAYS_PER_MONTH
            count, month = cells.value[rows[0], 0], cells.month[rows]
            if len(rows) == 2:
                pairs.append((int(month[0]), self.log_deaths_pair(count, *days)))
            else:
                whole = self.log_deaths(np.full(len(rows), count), np.full(len(rows), days.sum()))
                emission[month] += (days / days.sum())[:, None] * whole
        return emission, pairs

    def deaths_at(self, score: float) -> float:
        """Expected deaths a month at a tension score."""
        raw = BOUND * np.arctanh(np.clip(score / BOUND, -0.999, 0.999))
        return float(max(np.expm1(self.centre + self.spread * raw), 0.0))


def log_negative_binomial(count: Array, mean: Array, size: Array) -> Array:
    """Log probability of a negative binomial with variance mean + mean² / size.

    Examples
    --------
    >>> round(float(log_negative_binomial(np.array(0.0), np.array(1.0), np.array(1.0))), 6)
    -0.693147
    """
    return (
        special.gammaln(count + size)
        - special.gammaln(size)
        - special.gammaln(count + 1.0)
        + size * np.log(size / (size + mean))
        + special.xlogy(count, mean / (size + mean))
    )


def fit_ladder(learned: Reference, cells: Cells, months: int) -> Ladder:
    """The ladder of one dyad: the reference class, standardised on the dyad's smoothed history.

    The levels are smoothed under the reference class alone; the mean and standard deviation of
    log(1 + deaths a month) over the smoothed months (with `PSEUDO_MONTHS` of the reference class's
    long-run distribution, for short histories) are the zero and the unit of the tension score.

    Parameters
    ----------
    learned
        The reference class.
    cells
        The dyad's battle deaths.
    months
        Length of the panel.
    """
    raw = np.log1p(learned.mean)
    long_run = stationary(learned.transition)
    plain = Ladder(
        mean=learned.mean,
        size=learned.size,
        log_reference=np.log(learned.transition),
        log_initial=np.log(long_run),
        score=np.zeros_like(raw),
        centre=0.0,
        spread=1.0,
        response=1.0,
        vintage=learned.vintage,
    )
    emission, pairs = plain.death_terms(cells, months)
    steps, which = plain_steps(plain.log_reference, pairs, months)
    smoothed = markov.value_and_gradient(plain.log_initial, steps, which, emission)[3]
    weight = smoothed.sum(0) + PSEUDO_MONTHS * long_run
    weight /= weight.sum()
    centre = float(weight @ raw)
    spread = float(np.sqrt(weight @ (raw - centre) ** 2))
    score = bounded((raw - centre) / spread)
    return Ladder(
        **{**vars(plain), "score": score, "centre": centre, "spread": spread}
        | {"response": _response(plain.log_reference, score)}
    )


def plain_steps(
    log_step: Array, pairs: list[tuple[int, Array]], months: int
) -> tuple[Array, Array]:
    """One step for every month, plus one for each two-month total."""
    steps, which = [log_step], np.zeros(max(months - 1, 0), np.int64)
    for month, weight in pairs:
        which[month] = len(steps)
        steps.append(log_step + weight)
    return np.stack(steps), which


def _response(log_reference: Array, score: Array, width: float = 0.02) -> float:
    def long_run_mean(tilt: float) -> float:
        logits = log_reference + tilt * (score[None, :] - score[:, None])
        step = np.exp(logits - special.logsumexp(logits, axis=1, keepdims=True))
        return float(stationary(step) @ score)

    return (long_run_mean(width) - long_run_mean(-width)) / (2 * width)
