"""Ladders that learn: the reference class, made one unit's own month by month.

A ladder has ``K`` levels and ``C`` classes of unit; its states are the pairs, state ``c K + k``
being level ``k`` in class ``c``. Counts depend on the level only, moves on the state. With one
class a state is a level. Below, ``k(i)`` is the level of state ``i``.

A unit starts with the reference class and departs from it as far as its history says. At month `t`,
before its count is known, with the moves it is expected to have made and the counts it is expected
to have had at each level, both faded by ``fade`` a month,

    A[i, j]   ∝ move_prior · A_ref[i, j] + moves[i, j]
    q[k, b]   ∝ bin_prior · p_k(bin b) + seen[k, b]
    p_own(y | k) = p_k(y) · q[k, b(y)] / p_k(bin b(y))

where ``p_k = (1 − robust) NegBinomial(mean_k, size_k) + robust · mean over levels`` is the count of
a level in the reference class. Inside a bin a level keeps its shape; the unit decides how often it
is in the bin. Then the month is seen,

    predicted[j] = Σ_i filtered[i] A[i, j]
    filtered[j]  ∝ predicted[j] · p_own(y | k(j))^temper
    moves[i, j]  ← fade · moves[i, j] + P(i, then j | counts so far)
    seen[k, b]   ← fade · seen[k, b] + Σ_{k(i) = k} filtered[i] · 1(b = b(y))

and `h` months after the origin, with the tables as they stand there,

    P(y[t + h] = y) = Σ_i (filtered A^h)[i] p_own(y | k(i)).

A forecast of counts is the mean of these over the ladders of a vintage, one of a single class and
one of three, except that with probability ``recent`` the month is one of the own past again, each
worth ``recent_fade`` of the next,

    P(y[t + h] = y) = (1 − recent) · mean over ladders + recent · Σ_s v[s] 1(y[s] = y)
    v[s]            ∝ recent_fade^(t − s) for every known month s ≤ t

since the deaths of a month at war repeat more closely than any level says. The causal model uses
the first ladder.

``temper`` below one keeps the filter from being too sure: the months of a unit are less independent
given the level than a chain has it. A month that is not counted by itself moves the level and
teaches nothing.

Measured against the alternatives in `docs/skill.md`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import numpy as np
from scipy import special

from .baselines import Distribution, mixture
from .equations import log_negative_binomial
from .errors import CaseError
from .jit import compiled

Array = np.ndarray

DENSE, WIDEST, CELLS = 1000, 1_000_000, 400


@dataclass(frozen=True)
class Own:
    """How far a unit departs from its reference class, and how long it remembers.

    Attributes
    ----------
    move_prior, bin_prior
        Months that the reference class is worth: in each row of the transitions, in each level's
        counts.
    fade
        What a month ago counts for, of what the last month does.
    temper
        Power of a month's likelihood.
    robust
        Share of each level's counts that come from any level.
    bins
        Last count of every bin but the last.
    recent, recent_fade
        Share of a forecast of counts that is a past month again, and what a month counts for there,
        of what the next one does.
    """

    move_prior: float
    bin_prior: float
    fade: float
    temper: float
    robust: float
    bins: tuple[int, ...]
    recent: float
    recent_fade: float


@dataclass(frozen=True)
class Reference:
    """What a ladder learned from other conflicts, up to its vintage.

    Attributes
    ----------
    vintage
        Last day of the data.
    mean, size
        Shape (K,), deaths a month and negative-binomial size of each level.
    transition, initial
        Shape (S, S) and (S,), probabilities of the states.
    own
        How a unit departs from it.
    provenance
        Panel, digest, months, units, who was held out, command.
    """

    vintage: str
    mean: Array
    size: Array
    transition: Array
    initial: Array
    own: Own
    provenance: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def level(self) -> Array:
        """Level of each state, shape (S,)."""
        return np.arange(len(self.initial)) % len(self.mean)

    @cached_property
    def grid(self) -> Array:
        """Counts at which distribution functions are kept: all up to 1,000, then ever sparser."""
        sparse = np.geomspace(DENSE, WIDEST, CELLS)[1:]
        return np.unique(np.r_[np.arange(DENSE + 1), np.ceil(sparse), self.own.bins].astype(int))

    @cached_property
    def bin_of(self) -> Array:
        """Bin of each cell of the grid, shape (G,)."""
        return np.searchsorted(self.own.bins, self.grid)

    @cached_property
    def cells(self) -> Array:
        """Probability of each cell of the grid given its bin, at each level, shape (K, G)."""
        mass = np.diff(self._cumulative(self.grid), prepend=0.0, axis=1)
        whole = self.bin_probability[:, self.bin_of]
        return np.divide(mass, whole, out=np.zeros_like(mass), where=whole > 0.0)

    @cached_property
    def bin_probability(self) -> Array:
        """Probability of each bin at each level, shape (K, B)."""
        ends = np.r_[self.own.bins, self.grid[-1]]
        return np.diff(self._cumulative(ends), prepend=0.0, axis=1)

    def _cumulative(self, counts: Array) -> Array:
        """P(y <= count) at each level, shape (K, G); the last count takes all beyond it."""
        mean, size = self.mean[:, None], self.size[:, None]
        reached = special.betainc(size, counts + 1.0, size / (size + mean))
        reached = (1.0 - self.own.robust) * reached + self.own.robust * reached.mean(0)
        reached[:, -1] = 1.0
        return reached

    def log_count(self, count: Array) -> Array:
        """Log probability of a month's counts at each level, shape (..., K)."""
        plain = log_negative_binomial(np.asarray(count, float)[..., None], self.mean, self.size)
        top = plain.max(-1, keepdims=True)
        likely = np.exp(plain - top)
        mixed = (1.0 - self.own.robust) * likely + self.own.robust * likely.mean(-1, keepdims=True)
        return np.log(mixed) + top


def reference(year: int) -> Reference:
    """The ladder of one class of the newest vintage that ends by the last day of `year`.

    Raises
    ------
    CaseError
        If every shipped vintage is later.

    Examples
    --------
    >>> reference(2020).vintage
    '2020-12-31'
    """
    return references(year)[0]


@cache
def references(year: int) -> tuple[Reference, ...]:
    """All ladders of the newest vintage that ends by the last day of `year`.

    Raises
    ------
    CaseError
        If every shipped vintage is later.

    Examples
    --------
    >>> [len(ladder.initial) for ladder in references(2020)]
    [20, 60]
    """
    folder = files("caucasus_forecast").joinpath("priors", "ladder")
    years = sorted(int(f.name[:4]) for f in folder.iterdir() if f.name.endswith(".json"))
    usable = [y for y in years if y <= year]
    if not usable:
        raise CaseError(
            f"no reference class was fitted on data that end by {year}; the earliest vintage is "
            f"{years[0]}: choose an as-of date after {years[0]}-12-31, or model='reference'"
        )
    return parse(json.loads(folder.joinpath(f"{usable[-1]}.json").read_text(encoding="utf-8")))


def parse(body: dict[str, Any]) -> tuple[Reference, ...]:
    """The ladders of a vintage from the content of its file."""
    own = Own(**{**body["own"], "bins": tuple(body["own"]["bins"])})
    found = []
    for ladder in body["ladders"]:
        mean, size, transition, initial = (
            np.array(ladder[k], float) for k in ("mean", "size", "transition", "initial")
        )
        found.append(
            Reference(body["vintage"], mean, size, transition, initial, own, body["provenance"])
        )
    return tuple(found)


# --------------------------------------------------------------------------- one unit


@dataclass(frozen=True)
class Followed:
    """A unit's own ladder after each month.

    Attributes
    ----------
    filtered
        Shape (T, S), state of each month given the evidence up to it.
    transition
        Shape (T, S, S), its own transitions after each month.
    bins
        Shape (T, K, B), its own probabilities of each bin after each month.
    count
        Shape (T,), the count of each month, negative where it is not known.
    """

    filtered: Array
    transition: Array
    bins: Array
    count: Array


def follow(
    learned: Reference, log_emission: Array, count: Array, own: Own | None = None
) -> Followed:
    """Follow one unit through its months.

    Parameters
    ----------
    learned
        The reference class.
    log_emission
        Shape (T, K), log likelihood of each month's evidence under the reference class; a row of
        equal numbers says nothing.
    count
        Shape (T,), the count of each whole month, negative where that is not known: such a month
        has a level, but teaches nothing.
    own
        How the unit departs from the class (default: as the class says).
    """
    own = own or learned.own
    place = np.where(count < 0, -1, np.searchsorted(own.bins, count))
    filtered, transition, bins = _follow(
        np.ascontiguousarray(log_emission, float), place, learned.level, learned.transition,
        learned.initial, learned.bin_probability, own.move_prior, own.bin_prior, own.fade,
        own.temper,
    )  # fmt: skip
    return Followed(filtered, transition, bins, np.asarray(count))


@compiled
def _follow(
    log_emission: Array, place: Array, level: Array, reference: Array, initial: Array, bins: Array,
    move_prior: float, bin_prior: float, fade: float, temper: float,
) -> tuple[Array, Array, Array]:  # fmt: skip
    months, (levels, states) = len(place), (len(bins), len(initial))
    filtered = np.empty((months, states))
    transitions = np.empty((months, states, states))
    tables = np.empty((months, levels, bins.shape[1]))
    moves, seen = np.zeros((states, states)), np.zeros(bins.shape)
    own_move, own_bin = reference.copy(), bins.copy()
    before, predicted, news = np.zeros(states), initial.copy(), np.empty(states)
    for t in range(months):
        b = place[t]
        weight = np.exp(temper * (log_emission[t] - log_emission[t].max()))
        if b >= 0:
            for k in range(levels):
                if bins[k, b] > 0.0:
                    weight[k] *= (own_bin[k, b] / bins[k, b]) ** temper
        total = 0.0
        for i in range(states):
            news[i] = weight[level[i]]
            total += predicted[i] * news[i]
        news /= total
        joint = predicted * news
        if b >= 0:
            if t > 0:
                for i in range(states):
                    come, whole = before[i], 0.0
                    for j in range(states):
                        moves[i, j] = fade * moves[i, j] + come * own_move[i, j] * news[j]
                        own_move[i, j] = move_prior * reference[i, j] + moves[i, j]
                        whole += own_move[i, j]
                    for j in range(states):
                        own_move[i, j] /= whole
            seen *= fade
            for i in range(states):
                seen[level[i], b] += joint[i]
            for k in range(levels):
                row = bin_prior * bins[k] + seen[k]
                own_bin[k] = row / row.sum()
        filtered[t], transitions[t], tables[t] = joint, own_move, own_bin
        before = joint
        predicted = joint @ own_move
    return filtered, transitions, tables


def counts(learned: Reference, history: Sequence[int] | Array) -> Followed:
    """Follow one unit whose months are all counted; NaN marks a month that is not known.

    Examples
    --------
    >>> counts(reference(2020), [0, 3, 0, 0]).filtered.shape
    (4, 20)
    """
    y = np.asarray(history, float)
    known = np.isfinite(y)
    place = np.where(known, y, -1.0)
    log_emission = np.where(known[:, None], learned.log_count(np.maximum(place, 0.0)), 0.0)
    return follow(learned, log_emission, place)


def distribution(
    learned: Reference, followed: Followed, horizon: int, month: int = -1
) -> Distribution:
    """The count of one month, `horizon` months after a month of the history.

    Examples
    --------
    >>> learned = reference(2020)
    >>> quiet = distribution(learned, counts(learned, [0] * 60), horizon=1)
    >>> float(quiet.cdf(0)) > 0.95
    True
    """
    state = followed.filtered[month]
    for _ in range(horizon):
        state = state @ followed.transition[month]
    level = state.reshape(-1, len(learned.mean)).sum(0)
    weight = level[:, None] * followed.bins[month]
    probability = (weight[:, learned.bin_of] * learned.cells).sum(0)
    return Distribution(learned.grid, probability / probability.sum())


def pooled(
    learned: Sequence[Reference], followed: Sequence[Followed], horizon: int, month: int = -1
) -> Distribution:
    """What several ladders and the own past say of one month.

    Examples
    --------
    >>> ladders = references(2020)
    >>> quiet = pooled(ladders, [counts(a, [0] * 60) for a in ladders], horizon=1)
    >>> float(quiet.cdf(0)) > 0.95
    True
    """
    told = [distribution(a, f, horizon, month) for a, f in zip(learned, followed, strict=True)]
    mean = Distribution(told[0].values, np.mean([d.probability for d in told], axis=0))
    own, count = learned[0].own, followed[0].count
    again = past(count[: len(count) + month + 1 if month < 0 else month + 1], own.recent_fade)
    return mean if again is None else mixture([(1.0 - own.recent, mean), (own.recent, again)])


def past(count: Array, fade: float) -> Distribution | None:
    """One of the known months again, each worth `fade` of the next; None where none is known.

    Examples
    --------
    >>> d = past(np.array([4, -1, 0]), fade=0.5)
    >>> d.values, d.probability
    (array([0, 4]), array([0.8, 0.2]))
    """
    known = count >= 0
    if not known.any():
        return None
    weight = fade ** np.arange(len(count) - 1, -1, -1.0)[known]
    values, place = np.unique(count[known].astype(np.int64), return_inverse=True)
    return Distribution(values, np.bincount(place, weight) / weight.sum())
