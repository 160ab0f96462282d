"""The ladder's evidence in one compiled pass: value, gradient, and the months seen again.

A second reading of `likelihood.ladder_terms` and `tension.Ladder.log_step`, made from the same
plan, because a graph of small tensors takes a minute to compile. It adds nothing: tests hold it to
the plain reading, value and gradient, to 1e-8.

The value runs sweep → readings → moves → forward pass. With γ[t, k] the smoothed level
probabilities and N[u, i, j] the expected transition counts (`markov.smoothed`), the chain rule runs
back through the observation equations (d/dη), the tilt (d/dγ, d/dω), the sweep (d/dslope) and the
excess of last month's counts (d/dbase).
"""

from __future__ import annotations

import hashlib
import math
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from . import affine, markov
from .affine import Edges
from .jit import compiled

Array = np.ndarray
ROOT_TAU = np.sqrt(2.0 * np.pi)
LARGE = 1000.0  # counts above which gamma functions are faster than their product


@cache
def code() -> str:
    """Digest of the compiled rooms: a compile cache watches one file, this code lives in five."""
    rooms = [Path(__file__).with_stem(n) for n in ("jit", "affine", "markov", "kernel", "density")]
    return hashlib.sha256(b"".join(room.read_bytes() for room in rooms)).hexdigest()


class Facts(NamedTuple):
    """What the evidence and the ladder fix, as arrays.

    Attributes
    ----------
    edges, last
        Of the sweep: `caucasus_forecast.affine`.
    carriers, counts_before
        (R, 2) rows of nodes whose counts act a month later, with their base; (R, 2, T) their count
        and exposure in the month before.
    cell_index, cell_number
        (n, 5) kind (0 count, 1 event, 2 share), level row, base, month, reading (or noise row for
        shares); (n, 3) value, exposure, vote.
    pair_index, pair_number
        The same for two-month counts: (q, 6) row, base, two months, reading, step; (q, 3) value and
        the two exposures.
    emission
        (T, K) log weights of the battle deaths.
    initial, reference, score, response
        Of the ladder: (K,) and (K, K) probabilities, (K,) scores, shape (1,).
    pair_weight
        (U, K, K) log weights of deaths known over several months.
    first, which, tension
        The shared steps, and the row of tension, shape (1,).
    """

    edges: Edges
    last: Array
    carriers: Array
    counts_before: Array
    cell_index: Array
    cell_number: Array
    pair_index: Array
    pair_number: Array
    emission: Array
    initial: Array
    reference: Array
    score: Array
    response: Array
    pair_weight: Array
    first: Array
    which: Array
    tension: Array


# --------------------------------------------------------------------------- the value, in order


@compiled
def _carried(base: Array, facts: Facts) -> Array:
    """What each node carried the month before, with the excess of last month's counts."""
    last = facts.last.copy()
    for r in range(len(facts.carriers)):
        row, rate = facts.carriers[r, 0], np.exp(base[facts.carriers[r, 1]])
        for t in range(last.shape[1]):
            count, exposure = facts.counts_before[r, 0, t], facts.counts_before[r, 1, t]
            if exposure > 0.0:
                last[row, t] = np.log((count + 0.5) / (rate * exposure + 0.5))
    return last


@compiled
def _digamma(x: float) -> float:
    """d/dx log Γ(x) of a positive number: recurrence to 8, then the asymptotic series."""
    found = 0.0
    while x < 8.0:
        found -= 1.0 / x
        x += 1.0
    y = 1.0 / (x * x)
    series = y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y / 132))))
    return found + np.log(x) - 0.5 / x - series


@compiled
def _count(
    count: float, mean: float, over: float, log1p_over: float, log_odds: float
) -> tuple[float, float, float]:
    """`equations.log_count` up to a constant, with d/dη (mean ∝ exp η) and d/doverdispersion."""
    size = mean / over
    if count == 0.0:
        slope = -log1p_over * size
        return slope, slope, -slope / over - size / (1.0 + over)
    rising, slope, product = 0.0, -log1p_over, 1.0
    if count > LARGE:
        rising = math.lgamma(size + count) - math.lgamma(size)
        slope += _digamma(size + count) - _digamma(size)
    else:
        for i in range(int(count)):
            product *= size + i
            slope += 1.0 / (size + i)
            if i % 8 == 7:  # one logarithm for eight factors
                rising += np.log(product)
                product = 1.0
        rising += np.log(product)
    value = rising - size * log1p_over + count * log_odds
    d_over = -slope * size / over - size / (1.0 + over) + count * (1.0 / over - 1.0 / (1.0 + over))
    return value, slope * size, d_over


@compiled
def _reading(
    kind: int, value: float, exposure: float, eta: float, rate: float, over: float,
    log1p_over: float, log_odds: float, noise: float, log_noise: float,
) -> tuple[float, float, float]:  # fmt: skip
    """Log likelihood of a reading (of a share: as log odds), d/dη, d/d(overdispersion or noise)."""
    if kind == 0:
        return _count(value, rate * exposure, over, log1p_over, log_odds)
    if kind == 1:
        hazard = rate * exposure
        if value > 0.0:
            return np.log(-np.expm1(-hazard)), hazard / np.expm1(hazard), 0.0
        return -hazard, -hazard, 0.0
    z = (value - eta) / noise
    return -0.5 * z * z - log_noise, z / noise, (z * z - 1.0) / noise


@compiled
def _readings(
    base: Array, noise: Array, over: float, level: Array, facts: Facts
) -> tuple[Array, Array, Array]:
    """Log emissions (T, K), and d/dη and d/dspread of every reading at every level (n, K)."""
    levels, n = len(facts.score), len(facts.cell_index)
    log_emission = facts.emission.copy()
    d_eta, d_spread = np.empty((n, levels)), np.empty((n, levels))
    log1p_over = np.log1p(over)
    log_odds = np.log(over) - log1p_over
    seen, eta, rate = (np.nan, np.nan), np.empty(levels), np.empty(levels)
    for i in range(n):
        kind, row, b, t, r = facts.cell_index[i]
        value, exposure, vote = facts.cell_number[i]
        reading = 1.0 if kind == 2 else float(r)
        spread, log_spread = 1.0, 0.0
        if kind == 2:
            spread = noise[r]
            value, log_spread = np.log(value) - np.log1p(-value), np.log(spread * ROOT_TAU)
        start, gain = base[b] + reading * level[row, t, 0], reading * level[row, t, 1]
        if start != seen[0] or gain != seen[1]:
            seen = (start, gain)
            for k in range(levels if gain != 0.0 else 1):
                eta[k] = start + gain * facts.score[k]
                rate[k] = np.exp(eta[k])
        lp, d, s = 0.0, 0.0, 0.0
        for k in range(levels):
            if k == 0 or gain != 0.0:
                lp, d, s = _reading(
                    kind, value, exposure, eta[k], rate[k], over, log1p_over, log_odds, spread,
                    log_spread,
                )  # fmt: skip
            log_emission[t, k] += vote * lp
            d_eta[i, k], d_spread[i, k] = vote * d, vote * s
    return log_emission, d_eta, d_spread


@compiled
def _moves(drift: float, mobility: float, level: Array, facts: Facts) -> Array:
    """The distinct transition matrices (U, K, K)."""
    score, levels = facts.score, len(facts.score)
    slow = np.empty((levels, levels))
    for i in range(levels):
        for j in range(levels):
            slow[i, j] = facts.reference[i, j] * np.exp(-mobility * abs(score[j] - score[i]))
    move = np.empty((len(facts.first), levels, levels))
    for u in range(len(facts.first)):
        tilt = (drift + level[facts.tension[0], facts.first[u], 0]) / facts.response[0]
        rise = np.exp(tilt * score - (tilt * score).max())
        for i in range(levels):
            total = 0.0
            for j in range(levels):
                move[u, i, j] = slow[i, j] * rise[j]
                total += move[u, i, j]
            for j in range(levels):
                move[u, i, j] /= total
    return move


@compiled
def _pairs(
    base: Array, over: float, level: Array, facts: Facts
) -> tuple[Array, Array, Array, Array]:
    """Log weights of two-month counts (U, K, K), and (q, K, K) d/dη of both months, d/dspread."""
    score, levels, q = facts.score, len(facts.score), len(facts.pair_index)
    weight, log1p_over = facts.pair_weight.copy(), np.log1p(over)
    log_odds = np.log(over) - log1p_over
    d_one, d_two = np.empty((q, levels, levels)), np.empty((q, levels, levels))
    d_spread = np.empty((q, levels, levels))
    for i in range(q):
        row, b, t, t2, r, u = facts.pair_index[i]
        value, one, two = facts.pair_number[i]
        for k in range(levels):
            a = one * np.exp(base[b] + r * (level[row, t, 0] + level[row, t, 1] * score[k]))
            for j in range(levels):
                c = two * np.exp(base[b] + r * (level[row, t2, 0] + level[row, t2, 1] * score[j]))
                lp, d, s = _count(value, a + c, over, log1p_over, log_odds)
                weight[u, k, j] += lp
                d_one[i, k, j], d_two[i, k, j] = d * a / (a + c), d * c / (a + c)
                d_spread[i, k, j] = s
    return weight, d_one, d_two, d_spread


@compiled
def _steps(move: Array, weight: Array) -> tuple[Array, Array]:
    """Transitions times pair weights, each scaled by its largest weight, and those logarithms."""
    step, top = move.copy(), np.zeros(len(move))
    for u in range(len(move)):
        top[u] = weight[u].max()
        if top[u] != 0.0 or weight[u].min() != 0.0:
            step[u] *= np.exp(weight[u] - top[u])
    return step, top


# --------------------------------------------------------------------------- value and gradient


@compiled
def evidence(
    slope: Array, base: Array, noise: Array, over: float, drift: float, mobility: float,
    facts: Facts,
) -> tuple[float, Array, Array, Array, float, float, float]:  # fmt: skip
    """Log evidence, and its gradient with respect to each of the parameters, in their order.

    Parameters
    ----------
    slope, base, noise
        Shape (S,), (B,), (H,): one for each edge, node with a base rate, and share.
    over, drift, mobility
        Overdispersion, and the two parameters of the ladder.
    facts
        Evidence and ladder.
    """
    last = _carried(base, facts)
    level = affine.forward(slope, last, facts.edges)
    log_emission, d_eta, d_spread = _readings(base, noise, over, level, facts)
    move = _moves(drift, mobility, level, facts)
    pair_weight, d_one, d_two, d_pair = _pairs(base, over, level, facts)
    step, top = _steps(move, pair_weight)
    weight, ahead, increment = markov.filtered(facts.initial, step, facts.which, log_emission)
    taken, smoothed = markov.smoothed(step, facts.which, weight, ahead)
    logp = increment.sum()
    for t in range(len(facts.which)):
        logp += top[facts.which[t]]

    d_level = np.zeros(level.shape)
    d_base, d_noise = np.zeros(base.shape), np.zeros(noise.shape)
    d_over = _back_readings(smoothed, d_eta, d_spread, facts, d_level, d_base, d_noise)
    d_over += _back_pairs(taken, d_one, d_two, d_pair, facts, d_level, d_base)
    d_drift, d_mobility = _back_moves(taken, move, facts, d_level)
    d_slope, d_last = affine.backward(d_level, level, slope, last, facts.edges)
    _back_carried(d_last, base, facts, d_base)
    return logp, d_slope, d_base, d_noise, d_over, d_drift, d_mobility


@compiled
def _back_readings(
    smoothed: Array, d_eta: Array, d_spread: Array, facts: Facts,
    d_level: Array, d_base: Array, d_noise: Array,
) -> float:  # fmt: skip
    """Adjoint of `_readings`; returns d/doverdispersion and adds to the other three."""
    d_over = 0.0
    for i in range(len(facts.cell_index)):
        kind, row, b, t, r = facts.cell_index[i]
        reading = 1.0 if kind == 2 else float(r)
        whole, tilted, spread = 0.0, 0.0, 0.0
        for k in range(len(facts.score)):
            g = smoothed[t, k] * d_eta[i, k]
            whole += g
            tilted += g * facts.score[k]
            spread += smoothed[t, k] * d_spread[i, k]
        d_base[b] += whole
        d_level[row, t, 0] += reading * whole
        d_level[row, t, 1] += reading * tilted
        if kind == 0:
            d_over += spread
        elif kind == 2:
            d_noise[r] += spread
    return d_over


@compiled
def _back_pairs(
    taken: Array, d_one: Array, d_two: Array, d_spread: Array, facts: Facts,
    d_level: Array, d_base: Array,
) -> float:  # fmt: skip
    """Adjoint of `_pairs`; returns d/doverdispersion and adds to the other two."""
    d_over = 0.0
    for i in range(len(facts.pair_index)):
        row, b, t, t2, r, u = facts.pair_index[i]
        for k in range(len(facts.score)):
            for j in range(len(facts.score)):
                g, h = taken[u, k, j] * d_one[i, k, j], taken[u, k, j] * d_two[i, k, j]
                d_base[b] += g + h
                d_level[row, t, 0] += r * g
                d_level[row, t, 1] += r * g * facts.score[k]
                d_level[row, t2, 0] += r * h
                d_level[row, t2, 1] += r * h * facts.score[j]
                d_over += taken[u, k, j] * d_spread[i, k, j]
    return d_over


@compiled
def _back_moves(taken: Array, move: Array, facts: Facts, d_level: Array) -> tuple[float, float]:
    """Adjoint of `_moves`: d/ddrift and d/dmobility; adds to the pull of tension's causes."""
    score, levels = facts.score, len(facts.score)
    d_drift, d_mobility = 0.0, 0.0
    for u in range(len(facts.first)):
        d_tilt = 0.0
        for i in range(levels):
            left = 0.0
            for j in range(levels):
                left += taken[u, i, j]
            for j in range(levels):
                gap = score[j] - score[i]
                d = taken[u, i, j] - left * move[u, i, j]
                d_tilt += d * gap
                d_mobility -= d * abs(gap)
        d_drift += d_tilt / facts.response[0]
        d_level[facts.tension[0], facts.first[u], 0] += d_tilt / facts.response[0]
    return d_drift, d_mobility


@compiled
def _back_carried(d_last: Array, base: Array, facts: Facts, d_base: Array) -> None:
    """Adjoint of `_carried`."""
    for r in range(len(facts.carriers)):
        row, b = facts.carriers[r]
        for t in range(d_last.shape[1]):
            if facts.counts_before[r, 1, t] > 0.0:
                expected = np.exp(base[b]) * facts.counts_before[r, 1, t]
                d_base[b] -= d_last[row, t] * expected / (expected + 0.5)


# --------------------------------------------------------------------------- the months again


@compiled
def replay(
    slope: Array, base: Array, noise: Array, over: Array, drift: Array, mobility: Array,
    uniform: Array, facts: Facts,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Filter and smooth the panel under every draw.

    Parameters
    ----------
    slope, base, noise, over, drift, mobility
        Parameters of each draw, (D, ·) or (D,).
    uniform
        Shape (D, T): decides the path drawn.
    facts
        Evidence and ladder.

    Returns
    -------
    increment (D, T), drawn (D, T), filtered (D, K)
        log p(evidence of month t | evidence before it); one path of levels given all evidence; the
        distribution of the level at the origin.
    """
    draws, (months, levels) = len(over), facts.emission.shape
    increment, drawn = np.empty((draws, months)), np.empty((draws, months), np.int64)
    filtered = np.empty((draws, levels))
    for d in range(draws):
        level = affine.forward(slope[d], _carried(base[d], facts), facts.edges)
        log_emission, _, _ = _readings(base[d], noise[d], over[d], level, facts)
        pair_weight, _, _, _ = _pairs(base[d], over[d], level, facts)
        step, top = _steps(_moves(drift[d], mobility[d], level, facts), pair_weight)
        _, ahead, increment[d] = markov.filtered(facts.initial, step, facts.which, log_emission)
        filtered[d] = ahead[months - 1]
        for t in range(1, months):
            increment[d, t] += top[facts.which[t - 1]]
        drawn[d] = markov.path(step, facts.which, ahead, uniform[d])
    return increment, drawn, filtered


# --------------------------------------------------------------------------- one vector of data

_HEADER = 3  # sizes


def pack(facts: Facts) -> Array:
    """`Facts` as one vector: for each array its sizes, then its numbers."""
    parts = []
    for values in (*facts.edges, *facts[1:]):
        parts.append(np.array([*values.shape, *[1] * (_HEADER - values.ndim)], float))
        parts.append(np.asarray(values, float).ravel())
    return np.concatenate(parts)


@compiled
def _next(packed: Array, at: int) -> tuple[Array, tuple[int, int, int], int]:
    """The numbers of the array whose header is at a position, its sizes, and where it ends."""
    a, b, c = int(packed[at]), int(packed[at + 1]), int(packed[at + 2])
    start = at + _HEADER
    return packed[start : start + a * b * c], (a, b, c), start + a * b * c


@compiled
def unpack(packed: Array) -> Facts:
    """What `pack` packed; the numbers are not copied."""
    cause, _, at = _next(packed, 0)
    effect, _, at = _next(packed, at)
    slope, _, at = _next(packed, at)
    lagged, _, at = _next(packed, at)
    gain, gains, at = _next(packed, at)
    carried, carries, at = _next(packed, at)
    fixed, _, at = _next(packed, at)
    last, lasts, at = _next(packed, at)
    carriers, carrier, at = _next(packed, at)
    before, befores, at = _next(packed, at)
    index, cells, at = _next(packed, at)
    number, numbers, at = _next(packed, at)
    pair_index, pairs, at = _next(packed, at)
    pair_number, pair, at = _next(packed, at)
    emission, months, at = _next(packed, at)
    initial, _, at = _next(packed, at)
    reference, levels, at = _next(packed, at)
    score, _, at = _next(packed, at)
    response, _, at = _next(packed, at)
    weight, steps, at = _next(packed, at)
    first, _, at = _next(packed, at)
    which, _, at = _next(packed, at)
    tension, _, at = _next(packed, at)
    return Facts(
        Edges(
            cause.astype(np.int64),
            effect.astype(np.int64),
            slope.astype(np.int64),
            lagged.astype(np.int64),
            gain.reshape(gains[:2]),
            carried.reshape(carries),
            fixed.astype(np.int64),
        ),
        last.reshape(lasts[:2]),
        carriers.astype(np.int64).reshape(carrier[:2]),
        before.reshape(befores),
        index.astype(np.int64).reshape(cells[:2]),
        number.reshape(numbers[:2]),
        pair_index.astype(np.int64).reshape(pairs[:2]),
        pair_number.reshape(pair[:2]),
        emission.reshape(months[:2]),
        initial,
        reference.reshape(levels[:2]),
        score,
        response,
        weight.reshape(steps),
        first.astype(np.int64),
        which.astype(np.int64),
        tension.astype(np.int64),
    )


@compiled
def evidence_packed(
    slope: Array, base: Array, noise: Array, over: float, drift: float, mobility: float,
    packed: Array,
) -> tuple[float, Array, Array, Array, float, float, float]:  # fmt: skip
    """`evidence` with its facts packed into one vector by `pack`."""
    return evidence(slope, base, noise, over, drift, mobility, unpack(packed))
