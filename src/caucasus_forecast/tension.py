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
with unit long-run variance, score ``2 tanh(x / 2)``, deaths negative binomial with mean
``exp(level + loading · x)``.

`OwnHistory`: the last 36 months come again, in any order, with Bayesian-bootstrap weights; tension
carries no score: the naive benchmark.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import special

from . import kernel, learning, markov
from .equations import NUMPY, Functions, Number, log_negative_binomial
from .kernel import Facts
from .learning import Reference
from .likelihood import (
    Cells,
    Levels,
    Parameters,
    Plan,
    joined,
    path_terms,
    shared_steps,
    sweep_draws,
)
from .names import DAYS_PER_MONTH, TENSION

Array = np.ndarray

BOUND = 2.0  # a score saturates at twice this
SHORTEST_MONTH, LONGEST_MONTH = 27.5, 31.5  # days of a calendar month, with room for rounding
PSEUDO_MONTHS = 12.0  # weight of the reference class when a history is short


def bounded(raw: Number, xp: Any = np) -> Number:
    """The tension score: near the identity within one sd, never beyond ±2.

    Examples
    --------
    >>> float(np.round(bounded(3.8), 2))
    1.91
    """
    return BOUND * xp.tanh(raw / BOUND)


def stationary(transition: Array) -> Array:
    """Long-run distribution of a transition matrix, shape (K,)."""
    size = len(transition)
    system = np.vstack([transition.T - np.eye(size), np.ones(size)])
    return np.linalg.lstsq(system, np.r_[np.zeros(size), 1.0], rcond=None)[0]


@dataclass(frozen=True)
class Replay:
    """The months of a panel seen again under parameter draws.

    Attributes
    ----------
    log_likelihood
        Shape (D, T): log p(evidence of month t | evidence before it, parameters); a row sums to the
        log-likelihood of its draw.
    score
        Shape (D, T): tension score of each month, one draw of its smoothed distribution.
    state
        The process at the origin given everything: (D, K) level probabilities, or (D,) values.
    """

    log_likelihood: Array
    score: Array
    state: Array


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
    robust, temper
        Share of each level's counts that come from any level; power of the likelihood of deaths.
    monthly
        The dyad's own counts of a whole month, where it has learned them.
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
    robust: float = 0.0
    temper: float = 1.0
    monthly: Monthly | None = None

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

    def log_steps(
        self,
        drift: Number,
        mobility: Number,
        pull: Number,
        pairs: list[tuple[int, Number]],
        shared: tuple[Array, Array],
        xp: Functions = NUMPY,
    ) -> Number:
        """The distinct steps of a panel, (..., U, K, K), with the weights of two-month counts.

        Parameters
        ----------
        pull
            Shape (..., T).
        pairs
            First month and log weights (..., K, K) of each two-month count.
        shared
            From `caucasus_forecast.likelihood.shared_steps`.
        """
        first, which = shared
        step = self.log_step(drift, mobility, pull[..., first], xp)
        if not pairs:
            return step
        into: dict[int, Number] = {}
        for month, weight in pairs:
            row = int(which[month])
            into[row] = into.get(row, 0.0) + weight
        none = np.zeros((self.levels, self.levels)) + 0.0 * step[..., 0, :, :]
        return step + xp.stack([none + into.get(u, 0.0) for u in range(len(first))], axis=-3)

    def log_deaths(self, count: Array, days: Array) -> Array:
        """Log probability of death counts at each level, shape (..., K).

        Any level may give one odd month (`robust`), but not a total of several.
        """
        days, count = np.asarray(days, float)[..., None], np.asarray(count, float)[..., None]
        months = np.where(is_month(days), 1.0, days / DAYS_PER_MONTH)
        plain = log_negative_binomial(count, self.mean * months, self.size * months)
        if self.robust:
            any_level = special.logsumexp(plain, axis=-1, keepdims=True) - np.log(self.levels)
            mixed = np.logaddexp(np.log1p(-self.robust) + plain, np.log(self.robust) + any_level)
            plain = np.where(days <= LONGEST_MONTH, mixed, plain)
        if self.monthly is None:
            return plain
        own = self.monthly.log_share.T[np.searchsorted(self.monthly.ends, count[..., 0])]
        return plain + np.where(is_month(days), own, 0.0)

    def log_deaths_pair(self, count: float, first: float, second: float) -> Array:
        """Log probability of one total over two months of given days, shape (K, K), exactly."""
        total = np.arange(int(count) + 1)
        one = np.exp(self.log_deaths(total, np.full(len(total), first)))
        two = np.exp(self.log_deaths(total[::-1].copy(), np.full(len(total), second)))
        return np.log(np.maximum(one.T @ two, 1e-300))

    def death_terms(self, cells: Cells, months: int) -> tuple[Array, list[tuple[int, Array]]]:
        """Log weights of the battle deaths: (T, K), and (K, K) for each two-month total.

        A total of zero is a zero in each of its months. A total over two months is exact; of a
        longer one each month votes with its share of the days.
        """
        emission = np.zeros((months, self.levels))
        pairs: list[tuple[int, Array]] = []
        for o in np.unique(cells.observation):
            rows = np.flatnonzero(cells.observation == o)
            days = cells.months[rows, 0] * DAYS_PER_MONTH
            count, month = cells.value[rows[0], 0], cells.month[rows]
            if count == 0.0:
                emission[month] += self.temper * self.log_deaths(np.zeros(len(rows)), days)
            elif len(rows) == 2:
                weight = self.temper * self.log_deaths_pair(count, *days)
                pairs.append((int(month[0]), weight))
            else:
                whole = self.log_deaths(np.full(len(rows), count), np.full(len(rows), days.sum()))
                emission[month] += self.temper * (days / days.sum())[:, None] * whole
        return emission, pairs

    def shared(self, plan: Plan) -> tuple[Array, Array]:
        """`likelihood.shared_steps` of a plan, with the two-month deaths of this ladder apart."""
        _, pairs = self.death_terms(plan.deaths, plan.months)
        nodes = [
            int(c.month[c.observation == o].min()) for c in plan.pairs for o in set(c.observation)
        ]
        return shared_steps(plan, [month for month, _ in pairs] + nodes)

    def deaths_at(self, score: float) -> float:
        """Expected deaths a month at a tension score."""
        raw = BOUND * np.arctanh(np.clip(score / BOUND, -0.999, 0.999))
        return float(max(np.expm1(self.centre + self.spread * raw), 0.0))

    def replay(
        self, plan: Plan, p: Parameters, own: Mapping[str, Array], rng: np.random.Generator
    ) -> Replay:
        """Filter and smooth the panel under every draw; `own` holds drift and mobility, (D,)."""

        def stacked(parts: Mapping[str, Number], nodes: tuple[str, ...]) -> Array:
            columns = [parts[n].reshape(draws) for n in nodes]
            return np.stack(columns, axis=-1) if columns else np.zeros((draws, 0))

        draws = len(own["ladder.drift"])
        increment, drawn, filtered = kernel.replay(
            np.ascontiguousarray(p.slope),
            stacked(p.base, plan.based),
            stacked(p.noise, plan.noisy),
            p.overdispersion.reshape(draws),
            own["ladder.drift"],
            own["ladder.mobility"],
            rng.random((draws, plan.months)),
            self.facts(plan),
        )
        return Replay(increment, self.score[drawn], filtered)

    def facts(self, plan: Plan) -> Facts:
        """The evidence of a plan and this ladder, as `caucasus_forecast.kernel` takes them."""
        emission, death_pairs = self.death_terms(plan.deaths, plan.months)
        first, which = self.shared(plan)
        index, number = [], []
        for kind, group in enumerate((plan.counts, plan.events, plan.shares)):
            for c in group:
                share = kind == 2
                reading = plan.noisy.index(c.node) if share else plan.graph.node[c.node].reading
                row, b = plan.sweep.position(c.node), plan.based.index(c.node)
                exposure = c.total if kind == 0 else c.months
                for i in range(len(c.month)):
                    index.append((kind, row, b, c.month[i], reading))
                    number.append((c.value[i, 0], exposure[i, 0], c.months[i, 0] / c.total[i, 0]))
        if plan.counts:
            c = joined(plan.counts)
            constant = (c.months / c.total) * special.gammaln(c.value + 1.0)
            np.subtract.at(emission, c.month, constant)
        pair_weight = np.zeros((len(first), self.levels, self.levels))
        for month, weight in death_pairs:
            pair_weight[which[month]] += weight
        pair_index, pair_number = _pair_cells(plan, which)
        for (*_, u), (value, *_) in zip(pair_index, pair_number, strict=True):
            pair_weight[u] -= special.gammaln(value + 1.0)
        carriers = [(plan.sweep.position(n), plan.based.index(n)) for n in plan.before]
        before = [np.stack(pair) for pair in plan.before.values()]
        return Facts(
            edges=plan.sweep.edges,
            last=plan.sweep.last,
            carriers=np.array(carriers, np.int64).reshape(-1, 2),
            counts_before=np.array(before, float).reshape(-1, 2, plan.months),
            cell_index=np.array(index, np.int64).reshape(-1, 5),
            cell_number=np.array(number, float).reshape(-1, 3),
            pair_index=np.array(pair_index, np.int64).reshape(-1, 6),
            pair_number=np.array(pair_number, float).reshape(-1, 3),
            emission=emission,
            initial=np.exp(self.log_initial),
            reference=np.exp(self.log_reference),
            score=self.score,
            response=np.array([self.response]),
            pair_weight=pair_weight,
            first=first,
            which=which,
            tension=np.array([plan.sweep.position(TENSION)]),
        )

    def start(self, state: Array, rng: np.random.Generator) -> Array:
        """A level at the origin for each path, from (P, K) probabilities."""
        return draw_category(state, rng.random(len(state)))

    def advance(
        self, level: Array, pull: Array, own: Mapping[str, Array], rng: np.random.Generator
    ) -> Array:
        """Next month's level of each path, shape (P,)."""
        gap = self.score[None, :] - self.score[level][:, None]
        tilt = (own["ladder.drift"] + pull) / self.response
        logits = self.log_reference[level] + tilt[:, None] * gap
        logits -= own["ladder.mobility"][:, None] * np.abs(gap)
        weight = np.exp(logits - logits.max(axis=1, keepdims=True))
        return draw_category(weight, rng.random(len(level)))

    def score_of(self, level: Array) -> Array:
        """Tension score of each path."""
        return self.score[level]

    def at_score(self, score: Array) -> Array:
        """The level nearest to a score, for interventions."""
        return np.abs(self.score - np.asarray(score)[..., None]).argmin(-1)

    def draw_deaths(
        self, level: Array, months: float, own: Mapping[str, Array], rng: np.random.Generator
    ) -> Array:
        """Battle deaths of each path over an exposure."""
        if self.monthly is not None and is_month(np.array(months * DAYS_PER_MONTH)):
            return self.monthly.draw(level, rng)
        whole = 1.0 if is_month(np.array(months * DAYS_PER_MONTH)) else months
        if self.robust:
            any_level = rng.integers(0, self.levels, len(level))
            level = np.where(rng.random(len(level)) < self.robust, any_level, level)
        mean, size = self.mean[level] * whole, self.size[level] * whole
        return rng.negative_binomial(size, size / (size + mean))


@dataclass(frozen=True)
class Monthly:
    """What a dyad has learned of the deaths of a whole month at each level.

    Attributes
    ----------
    grid
        Shape (G,), counts; a cell of the grid ends at its count.
    probability
        Shape (K, G), probability of each cell.
    ends
        Last count of every bin but the last.
    log_share
        Shape (K, B), log of how much likelier a bin is than in the reference class.
    """

    grid: Array
    probability: Array
    ends: Array
    log_share: Array

    @classmethod
    def of(cls, learned: Reference, bins: Array) -> Monthly:
        """From a reference class and a dyad's own bin probabilities, (K, B)."""
        probability = bins[:, learned.bin_of] * learned.cells
        share = np.log(bins) - np.log(learned.bin_probability)
        return cls(learned.grid, probability, np.array(learned.own.bins), share)

    @cached_property
    def _reached(self) -> Array:
        """Distribution functions one after the other, each one higher, shape (K · G,)."""
        cumulative = np.cumsum(self.probability, axis=1)
        cumulative /= cumulative[:, -1:]
        return (cumulative + np.arange(len(cumulative))[:, None]).ravel()

    def draw(self, level: Array, rng: np.random.Generator) -> Array:
        """Deaths of a month at each level of an array; evenly inside the wide cells of the tail."""
        size = len(self.grid)
        place = np.searchsorted(self._reached, level + rng.random(len(level)), side="right")
        cell = np.clip(place - level * size, 0, size - 1)
        before = np.where(cell > 0, self.grid[cell - 1], self.grid[0] - 1)
        return rng.integers(before + 1, self.grid[cell] + 1)


def draw_category(weight: Array, uniform: Array) -> Array:
    """Category of each row of (unnormalised) weights at a uniform number, by inversion.

    Examples
    --------
    >>> draw_category(np.array([[0.2, 0.8], [0.2, 0.8]]), np.array([0.1, 0.9]))
    array([0, 1])
    """
    cumulative = np.cumsum(weight, axis=-1)
    return (uniform[..., None] * cumulative[..., -1:] >= cumulative).sum(-1)


def _pair_cells(plan: Plan, which: Array) -> tuple[list[tuple[int, ...]], list[tuple[float, ...]]]:
    """The two-month counts of a plan, as `caucasus_forecast.kernel.Facts` holds them."""
    index: list[tuple[int, ...]] = []
    number: list[tuple[float, ...]] = []
    for c in plan.pairs:
        row, b = plan.sweep.position(c.node), plan.based.index(c.node)
        reading = plan.graph.node[c.node].reading
        for o in np.unique(c.observation):
            one, two = np.flatnonzero(c.observation == o)
            month = int(c.month[one])
            index.append((row, b, month, int(c.month[two]), reading, int(which[month])))
            number.append((c.value[one, 0], c.months[one, 0], c.months[two, 0]))
    return index, number


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
        _add_by_month(increment, month, terms)
        rate = np.exp(own["drift.level"][:, None] + own["drift.loading"][:, None] * x)
        terms, month = death_path_terms(plan.deaths, rate, own["drift.size"][:, None])
        _add_by_month(increment, month, terms)
        return Replay(increment, score, np.stack([x[:, -1], own["drift.mean"]], axis=-1))

    def start(self, state: Array, rng: np.random.Generator) -> Array:
        """The path's last value and its moving mean, shape (P, 2)."""
        return state

    def advance(
        self, state: Array, pull: Array, own: Mapping[str, Array], rng: np.random.Generator
    ) -> Array:
        """Next month's value and moving mean of each path."""
        kept = own["drift.persistence"]
        mean = kept * state[:, 1] + (1.0 - kept) * pull
        noise = np.sqrt(1.0 - kept**2) * rng.normal(size=len(state))
        return np.stack([mean + kept * (state[:, 0] - state[:, 1]) + noise, mean], axis=-1)

    def score_of(self, state: Array) -> Array:
        """Tension score of each path."""
        return bounded(state[:, 0])

    def at_score(self, score: Array) -> Array:
        """The value at a score, for interventions."""
        raw = BOUND * np.arctanh(np.clip(np.asarray(score, float) / BOUND, -0.9999, 0.9999))
        return np.stack([raw, np.zeros_like(raw)], axis=-1)

    def draw_deaths(
        self, state: Array, months: float, own: Mapping[str, Array], rng: np.random.Generator
    ) -> Array:
        """Battle deaths of each path over an exposure."""
        rate = np.exp(np.clip(own["drift.level"] + own["drift.loading"] * state[:, 0], None, 14.0))
        size = own["drift.size"]
        return rng.negative_binomial(size, size / (size + rate * months))


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
        _add_by_month(increment, month, terms)
        return Replay(increment, score, np.zeros(draws, int))

    def start(self, state: Array, rng: np.random.Generator) -> Array:
        """Nothing to carry."""
        return state

    def advance(
        self, state: Array, pull: Array, own: Mapping[str, Array], rng: np.random.Generator
    ) -> Array:
        """Which past month comes again on each path."""
        return draw_category(own["history_weight"], rng.random(len(state)))

    def score_of(self, state: Array) -> Array:
        """No score: zero."""
        return np.zeros(len(state))

    def at_score(self, score: Array) -> Array:
        """The quietest month: tension has no score to set."""
        return np.full(len(np.atleast_1d(score)), int(self.history.argmin()))

    def draw_deaths(
        self, state: Array, months: float, own: Mapping[str, Array], rng: np.random.Generator
    ) -> Array:
        """Battle deaths of each path: those of the month that comes again."""
        return self.history[state].astype(np.int64)


def own_history(cells: Cells, months: int, window: int = 36) -> OwnHistory:
    """The last `window` months seen for ten days or more, as deaths a whole month."""
    count, seen = np.zeros(months), np.zeros(months)
    np.add.at(count, cells.month, (cells.value * cells.months / cells.total)[:, 0])
    np.add.at(seen, cells.month, cells.months[:, 0])
    kept = np.flatnonzero(seen * DAYS_PER_MONTH >= 10.0)[-window:]
    return OwnHistory(np.rint(count[kept] / np.minimum(seen[kept], 1.0)))


Process = Ladder | Drift | OwnHistory


def _add_by_month(increment: Array, month: Array, terms: Array) -> None:
    """Add terms of shape (D, n) to the months they speak about last, (D, T)."""
    np.add.at(increment.T, month, terms.T)


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
    mean = (rate[..., None, : weight.shape[1]] * weight).sum(-1)
    return log_negative_binomial(value, mean, size, xp), last


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
    raw = monthly.probability @ np.log1p(monthly.grid)
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
    """Deaths of each month that is known exactly, -1 for the others; a zero total is zeros."""
    known = np.full(months, -1.0)
    days = cells.months[:, 0] * DAYS_PER_MONTH
    alone = (cells.months[:, 0] == cells.total[:, 0]) | (cells.value[:, 0] == 0.0)
    rows = alone & is_month(days)
    known[cells.month[rows]] = cells.value[rows, 0]
    return known


def is_month(days: Array) -> Array:
    """Whether an exposure is a calendar month."""
    return (days >= SHORTEST_MONTH) & (days <= LONGEST_MONTH)


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
