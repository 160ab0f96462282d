"""The ladder: hidden levels, their moves, and how battle deaths read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import special

from .. import kernel, markov
from ..equations import NUMPY, Functions, Number, log_negative_binomial
from ..jit import by_rows, compiled
from ..kernel import Facts
from ..learning import Reference
from ..likelihood import Cells, Parameters, Plan, joined, shared_steps
from ..names import DAYS_PER_MONTH, TENSION
from ..quantiles import behind_category, behind_negative_binomial, category, negative_binomial
from . import reports, totals
from .common import BOUND, Replay

Array = np.ndarray

SHORTEST_MONTH, LONGEST_MONTH = 27.5, 31.5  # days of a calendar month, with room for rounding


def is_month(days: Array) -> Array:
    """Whether an exposure is a calendar month."""
    return (days >= SHORTEST_MONTH) & (days <= LONGEST_MONTH)


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
        """The distinct steps of a panel, (..., U, K, K), with the weights of counts over months.

        Parameters
        ----------
        pull
            Shape (..., T).
        pairs
            First month and log weights (..., K, K) of each step that carries a count.
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

    def log_deaths(self, count: Array, days: Array, ratio: Array | None = None) -> Array:
        """Log probability of death counts at each level, shape (..., K).

        Any level may give one odd month (`robust`), but not a total of several. Counts that are
        told in part, (n,), have equally likely ratios (n, J).
        """
        if ratio is not None:
            return self._log_told(np.asarray(count, float), np.asarray(days, float), ratio)
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

    def _log_told(self, count: Array, days: Array, ratio: Array) -> Array:
        """`log_deaths` of counts that are told in part, (n,), exactly; see `reports`."""
        whole, odd = is_month(days), days <= LONGEST_MONTH
        months = np.where(whole, 1.0, days / DAYS_PER_MONTH)[:, None, None]
        ends, share = np.zeros(0), np.zeros((len(days), self.levels, 1))
        if self.monthly is not None and whole.any():
            ends = self.monthly.ends
            share = np.where(whole[:, None, None], self.monthly.log_share, 0.0)
        told = reports.log_joint(count, ratio, self.mean * months, self.size * months, ends)
        told = reports.mixed(told, np.where(odd, self.robust, 0.0))
        found: Array = special.logsumexp(told + share[:, None], axis=(1, 3))
        return found - np.log(ratio.shape[1])

    def log_deaths_pair(
        self, count: float, first: float, second: float, ratio: Array | None = None
    ) -> Array:
        """Log probability of one total over two months of given days, shape (K, K), exactly."""
        total = np.arange(int(count) + 1)
        one, two = map(np.exp, self._log_parts(total, (first, second), ratio))
        return np.log(np.maximum(one.T @ two[::-1], 1e-300))

    def _log_parts(self, counts: Array, days: Sequence[float], ratio: Array | None) -> list[Array]:
        """`log_deaths` of all that each month of a total may have had, at its mean ratio."""
        found = []
        for i, length in enumerate(days):
            every, told = np.full(len(counts), length), None
            if ratio is not None and (ratio[i] != 1.0).any():
                told = np.full((len(counts), 1), ratio[i].mean())
            found.append(self.log_deaths(counts, every, told))
        return found

    def death_terms(self, cells: Cells, months: int) -> tuple[Array, list[tuple[int, Array]]]:
        """Log weights of the battle deaths: (T, K), and (K, K) on each step within a total.

        A total of zero is a zero in each of its months. A total over two months is exact; for a
        longer one see `caucasus_forecast.tension.totals`. A month that is told in part has its
        ratios; the months of a total, each the mean of its own.
        """
        emission = np.zeros((months, self.levels))
        pairs: list[tuple[int, Array]] = []
        longer: list[tuple[Array, Array, float, Array | None]] = []
        days, alone = cells.months[:, 0] * DAYS_PER_MONTH, _alone(cells)
        told = reports.whole(cells)
        for rows in (np.flatnonzero(alone & told), np.flatnonzero(alone & ~told)):
            ratio = reports.of(cells, rows)
            weight = self.temper * self.log_deaths(cells.value[rows, 0], days[rows], ratio)
            np.add.at(emission, cells.month[rows], weight)
        for o in np.unique(cells.observation[~alone]):
            rows = np.flatnonzero(cells.observation == o)
            count, month = cells.value[rows[0], 0], cells.month[rows]
            ratio = reports.of(cells, rows)
            if len(rows) == 2:
                weight = self.log_deaths_pair(count, days[rows[0]], days[rows[1]], ratio)
                pairs.append((int(month[0]), self.temper * weight))
            else:
                longer.append((month, days[rows], count, ratio))
        for month, days, count, ratio in longer:
            weight = self._log_total(count, month, days, ratio, emission, pairs)
            pairs += [(int(t), self.temper * w) for t, w in zip(month[:-1], weight, strict=True)]
        return emission, pairs

    def _log_total(
        self,
        count: float,
        month: Array,
        days: Array,
        ratio: Array | None,
        emission: Array,
        pairs: list[tuple[int, Array]],
    ) -> Array:
        """Log weights of one total on each step between its months, shape (n - 1, K, K)."""
        steps, which = plain_steps(self.log_reference, pairs, len(emission))
        step, first, last = np.exp(steps), int(month[0]), int(month[-1])
        weight, ahead, _ = markov.filtered(np.exp(self.log_initial), step, which, emission)
        level = markov.smoothed(step, which, weight, ahead)[1]
        forward = ahead[first - 1] @ step[which[first - 1]] if first else np.exp(self.log_initial)
        backward = np.divide(
            level[last], ahead[last], out=np.ones(self.levels), where=level[last] > 0
        )
        between, other = step[which[first:last]], weight[month]
        every, plain = np.arange(int(count) + 1), replace(self, robust=0.0)
        counts = [np.exp(part).T for part in plain._log_parts(every, days.tolist(), ratio)]
        return np.log(totals.weights(forward, between, backward, other, np.stack(counts)))

    def shared(self, plan: Plan) -> tuple[Array, Array]:
        """`likelihood.shared_steps` of a plan, with the steps that carry deaths apart."""
        nodes = [
            int(c.month[c.observation == o].min()) for c in plan.pairs for o in set(c.observation)
        ]
        return shared_steps(plan, steps_within(plan.deaths) + nodes)

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

        draws, facts = len(own["ladder.drift"]), self.facts(plan)
        columns = (
            np.ascontiguousarray(p.slope),
            stacked(p.base, plan.based),
            stacked(p.noise, plan.noisy),
            p.overdispersion.reshape(draws),
            own["ladder.drift"],
            own["ladder.mobility"],
            rng.random((draws, plan.months)),
        )
        increment, drawn, filtered = by_rows(lambda *c: kernel.replay(*c, facts), *columns)
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

    def start(self, state: Array, u: Array) -> Array:
        """A level at the origin for each path, from (P, K) probabilities."""
        return category(state, u)

    def advance(self, level: Array, pull: Array, own: Mapping[str, Array], u: Array) -> Array:
        """Next month's level of each path, shape (P,)."""
        return category(self._ahead(level, pull, own), u)

    def behind_advance(
        self, level: Array, after: Array, pull: Array, own: Mapping[str, Array]
    ) -> tuple[Array, Array]:
        """The interval of u at which `advance` goes from a level to the next."""
        return behind_category(self._ahead(level, pull, own), after)

    def _ahead(self, level: Array, pull: Array, own: Mapping[str, Array]) -> Array:
        tilt = (own["ladder.drift"] + pull) / self.response
        mobility = np.broadcast_to(own["ladder.mobility"], tilt.shape)
        found: Array = _ahead(level, tilt, mobility, self.log_reference, self.score)
        return found

    def score_of(self, level: Array) -> Array:
        """Tension score of each path."""
        return self.score[level]

    def at_score(self, score: Array) -> Array:
        """The level nearest to a score, for interventions."""
        return np.abs(self.score - np.asarray(score)[..., None]).argmin(-1)

    def draw_deaths(self, level: Array, months: float, own: Mapping[str, Array], u: Array) -> Array:
        """Battle deaths of each path over an exposure."""
        whole = is_month(np.array(months * DAYS_PER_MONTH))
        if self.monthly is not None and whole:
            return self.monthly.draw(level, u)
        if self.robust:
            odd, share = u < self.robust, u / self.robust * self.levels
            level = np.where(odd, np.minimum(share.astype(int), self.levels - 1), level)
            u = np.where(odd, share % 1.0, (u - self.robust) / (1.0 - self.robust))
        exposure = 1.0 if whole else months
        return negative_binomial(u, self.mean[level] * exposure, self.size[level] * exposure)

    def behind_deaths(self, level: Array, deaths: Array) -> tuple[Array, Array]:
        """The interval of u at which `draw_deaths` gives the deaths of a month."""
        if self.monthly is not None:
            return self.monthly.behind(level, deaths)
        low, high = behind_negative_binomial(deaths, self.mean[level], self.size[level])
        return tuple(self.robust + (1.0 - self.robust) * x for x in (low, high))  # type: ignore[return-value]


@compiled
def _ahead(level: Array, tilt: Array, mobility: Array, log_reference: Array, score: Array) -> Array:
    """Weight of each level next month, (P, K), at most 1."""
    out = np.empty((len(level), len(score)))
    for p in range(len(level)):
        row, at, top = out[p], score[level[p]], -np.inf
        for j in range(len(score)):
            gap = score[j] - at
            row[j] = log_reference[level[p], j] + tilt[p] * gap - mobility[p] * abs(gap)
            top = max(top, row[j])
        for j in range(len(score)):
            row[j] = np.exp(row[j] - top)
    return out


def plain_steps(
    log_step: Array, pairs: list[tuple[int, Array]], months: int
) -> tuple[Array, Array]:
    """One step for every month, plus one for each that carries a total."""
    steps, which = [log_step], np.zeros(max(months - 1, 0), np.int64)
    for month, weight in pairs:
        which[month] = len(steps)
        steps.append(log_step + weight)
    return np.stack(steps), which


def _alone(cells: Cells) -> Array:
    """Which cells read their month by itself: of one month, or of a total of zero."""
    _, place, size = np.unique(cells.observation, return_inverse=True, return_counts=True)
    found: Array = (size[place] == 1) | (cells.value[:, 0] == 0.0)
    return found


def steps_within(cells: Cells) -> list[int]:
    """The months, but the last, of every total that is not zero."""
    rows = [np.flatnonzero(cells.observation == o) for o in np.unique(cells.observation)]
    return [int(t) for r in rows if cells.value[r[0], 0] > 0.0 for t in cells.month[r[:-1]]]


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

    def draw(self, level: Array, u: Array) -> Array:
        """Deaths of a month at each level of an array; evenly inside the wide cells of the tail."""
        size = len(self.grid)
        place = np.searchsorted(self._reached, level + u, side="right")
        cell = np.clip(place - level * size, 0, size - 1)
        low, high = self._edges(level, cell)
        width = self._width[cell]
        step = np.clip((level + u - low) / (high - low) * width, 0, width - 1).astype(np.int64)
        return self.grid[cell].astype(np.int64) - width + 1 + step

    def behind(self, level: Array, deaths: Array) -> tuple[Array, Array]:
        """The interval of u at which `draw` gives the deaths."""
        cell = np.searchsorted(self.grid, deaths)
        low, high = self._edges(level, cell)
        width = self._width[cell]
        step = deaths - (self.grid[cell] - width + 1)
        one = (high - low) / width
        return low + step * one - level, low + (step + 1) * one - level

    @cached_property
    def _width(self) -> Array:
        """Number of counts in each cell."""
        return np.diff(self.grid, prepend=self.grid[0] - 1).astype(np.int64)

    def _edges(self, level: Array, cell: Array) -> tuple[Array, Array]:
        """Where a level's cell begins and ends along `_reached`."""
        place = level * len(self.grid) + cell
        return np.where(cell > 0, self._reached[place - 1], level), self._reached[place]
