"""The ladder's evidence, value and gradient, in one compiled pass.

A second reading of `likelihood.ladder_terms` and `tension.Ladder.log_step`, made from the same
plan, because a graph of small tensors takes a minute to compile. It adds nothing: tests hold it to
the plain reading, value and gradient, to 1e-8.

With γ[t, k] the smoothed level probabilities and N[u, i, j] the expected transition counts (both
from `markov.value_and_gradient`), the chain rule runs backwards through the observation equations
(d/dη), the tilt (d/dγ, d/dω), the sweep (d/dslope) and the excess of last month's counts (d/dbase).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from scipy.special import gammaln

from . import affine, markov
from .likelihood import Plan, joined
from .names import TENSION
from .tension import Ladder

Array = np.ndarray


@njit(cache=True)
def _count(count: float, mean: float, over: float, log1p_over: float) -> tuple[float, float, float]:
    """`equations.log_count` up to a constant, with d/dη (mean ∝ exp η) and d/doverdispersion."""
    size = mean / over
    rising, slope = 0.0, 0.0
    for i in range(int(count)):
        rising += np.log(size + i)
        slope += 1.0 / (size + i)
    slope -= log1p_over
    value = rising - size * log1p_over
    if count > 0.0:
        value += count * (np.log(over) - log1p_over)
    d_over = -slope * size / over - size / (1.0 + over) + count * (1.0 / over - 1.0 / (1.0 + over))
    return value, slope * size, d_over


@njit(cache=True)
def _event(happened: float, hazard: float) -> tuple[float, float]:
    """`equations.log_event` with d/dη (hazard ∝ exp η)."""
    if happened > 0.0:
        return np.log(-np.expm1(-hazard)), hazard / np.expm1(hazard)
    return -hazard, -hazard


@njit(cache=True)
def evidence(
    slope: Array,
    base: Array,
    noise: Array,
    over: float,
    drift: float,
    mobility: float,
    sweep: Any,
    last: Array,
    carriers: Array,
    counts_before: Array,
    index: Array,
    number: Array,
    pair_index: Array,
    pair_number: Array,
    emission: Array,
    log_initial: Array,
    log_reference: Array,
    score: Array,
    response: float,
    pair_weight: Array,
    first: Array,
    which: Array,
    tension: int,
) -> tuple[float, Array, Array, Array, float, float, float]:
    """Log evidence and its gradient.

    Parameters
    ----------
    slope, base, noise, over, drift, mobility
        The parameters.
    sweep
        `affine.arrays`.
    last, carriers, counts_before
        (N, T) status carried; (R, 2) rows of nodes whose counts act a month later, with their base;
        (R, 2, T) their count and exposure in the month before.
    index, number
        (n, 5) kind (0 count, 1 event, 2 share), level row, base, month, reading (or noise row for
        shares); (n, 3) value, exposure, vote.
    pair_index, pair_number
        The same for two-month counts: (q, 6) row, base, two months, reading, step; (q, 3) value and
        the two exposures.
    emission
        (T, K) log weights of the battle deaths.
    log_initial, log_reference, score, response
        Of the ladder.
    pair_weight
        (U, K, K) log weights of two-month deaths.
    first, which, tension
        The shared steps, and the row of tension.
    """
    cause, effect, edge_slope, lagged, gain, carried, fixed = sweep
    levels, months = len(score), emission.shape[0]
    last = last.copy()
    for r in range(len(carriers)):
        rate = np.exp(base[carriers[r, 1]])
        for t in range(months):
            if counts_before[r, 1, t] > 0.0:
                expected = rate * counts_before[r, 1, t] + 0.5
                last[carriers[r, 0], t] = np.log((counts_before[r, 0, t] + 0.5) / expected)
    level = affine.forward(slope, last, cause, effect, edge_slope, lagged, gain, carried, fixed)

    log1p_over = np.log1p(over)
    log_emission = emission.copy()
    n = len(index)
    d_eta, d_spread = np.empty((n, levels)), np.zeros((n, levels))
    for i in range(n):
        kind, row, b, t, r = index[i]
        value, exposure, vote = number[i]
        reading = 1.0 if kind == 2 else float(r)
        for k in range(levels):
            eta = base[b] + reading * (level[row, t, 0] + level[row, t, 1] * score[k])
            if kind == 0:
                lp, d, s = _count(value, np.exp(eta) * exposure, over, log1p_over)
            elif kind == 1:
                lp, d = _event(value, np.exp(eta) * exposure)
                s = 0.0
            else:
                z = (np.log(value) - np.log1p(-value) - eta) / noise[r]
                lp = -0.5 * z * z - np.log(noise[r]) - 0.5 * np.log(2.0 * np.pi)
                d, s = z / noise[r], (z * z - 1.0) / noise[r]
            log_emission[t, k] += vote * lp
            d_eta[i, k], d_spread[i, k] = vote * d, vote * s

    steps = len(first)
    plain, move = np.empty((steps, levels, levels)), np.empty((steps, levels, levels))
    for u in range(steps):
        tilt = (drift + level[tension, first[u], 0]) / response
        for i in range(levels):
            top = -np.inf
            for j in range(levels):
                gap = score[j] - score[i]
                plain[u, i, j] = log_reference[i, j] + tilt * gap - mobility * abs(gap)
                top = max(top, plain[u, i, j])
            total = 0.0
            for j in range(levels):
                move[u, i, j] = np.exp(plain[u, i, j] - top)
                total += move[u, i, j]
            shift = top + np.log(total)
            for j in range(levels):
                plain[u, i, j] -= shift
                move[u, i, j] /= total
    log_step = plain + pair_weight
    q = len(pair_index)
    d_one, d_two = np.empty((q, levels, levels)), np.empty((q, levels, levels))
    d_pair = np.empty((q, levels, levels))
    for i in range(q):
        row, b, t, t2, r, u = pair_index[i]
        value, one, two = pair_number[i]
        for k in range(levels):
            a = one * np.exp(base[b] + r * (level[row, t, 0] + level[row, t, 1] * score[k]))
            for j in range(levels):
                c = two * np.exp(base[b] + r * (level[row, t2, 0] + level[row, t2, 1] * score[j]))
                lp, d, s = _count(value, a + c, over, log1p_over)
                log_step[u, k, j] += lp
                d_one[i, k, j], d_two[i, k, j] = d * a / (a + c), d * c / (a + c)
                d_pair[i, k, j] = s

    logp, _, taken, smoothed = markov.value_and_gradient(log_initial, log_step, which, log_emission)

    d_level = np.zeros(level.shape)
    d_base, d_noise, d_over = np.zeros(base.shape), np.zeros(noise.shape), 0.0
    for i in range(n):
        kind, row, b, t, r = index[i]
        reading = 1.0 if kind == 2 else float(r)
        for k in range(levels):
            g = smoothed[t, k] * d_eta[i, k]
            d_base[b] += g
            d_level[row, t, 0] += reading * g
            d_level[row, t, 1] += reading * g * score[k]
            if kind == 0:
                d_over += smoothed[t, k] * d_spread[i, k]
            elif kind == 2:
                d_noise[r] += smoothed[t, k] * d_spread[i, k]
    for i in range(q):
        row, b, t, t2, r, u = pair_index[i]
        for k in range(levels):
            for j in range(levels):
                g, h = taken[u, k, j] * d_one[i, k, j], taken[u, k, j] * d_two[i, k, j]
                d_base[b] += g + h
                d_level[row, t, 0] += r * g
                d_level[row, t, 1] += r * g * score[k]
                d_level[row, t2, 0] += r * h
                d_level[row, t2, 1] += r * h * score[j]
                d_over += taken[u, k, j] * d_pair[i, k, j]
    d_drift, d_mobility = 0.0, 0.0
    for u in range(steps):
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
        d_drift += d_tilt / response
        d_level[tension, first[u], 0] += d_tilt / response
    d_slope, d_last = affine.backward(
        d_level, level, slope, last, cause, effect, edge_slope, lagged, gain, carried, fixed
    )
    for r in range(len(carriers)):
        rate = np.exp(base[carriers[r, 1]])
        for t in range(months):
            if counts_before[r, 1, t] > 0.0:
                expected = rate * counts_before[r, 1, t]
                d_base[carriers[r, 1]] -= d_last[carriers[r, 0], t] * expected / (expected + 0.5)
    return logp, d_slope, d_base, d_noise, d_over, d_drift, d_mobility


_HEADER = 4  # rank and three sizes


def pack(arrays: dict[str, Array]) -> Array:
    """The data of `evidence` as one vector: for each array its rank, its sizes, its numbers."""
    parts = []
    for values in arrays.values():
        header = [values.ndim, *values.shape, *[1] * (3 - values.ndim)]
        parts += [np.array(header, float), np.asarray(values, float).ravel()]
    return np.concatenate(parts)


@njit(cache=True)
def _take(packed: Array, at: int) -> tuple[Array, int]:
    """The numbers of the array that starts at a position, as rank 3, and where the next starts."""
    a, b, c = int(packed[at + 1]), int(packed[at + 2]), int(packed[at + 3])
    start = at + _HEADER
    return packed[start : start + a * b * c].reshape(a, b, c), start + a * b * c


@njit(cache=True)
def evidence_packed(
    slope: Array,
    base: Array,
    noise: Array,
    over: float,
    drift: float,
    mobility: float,
    packed: Array,
) -> tuple[float, Array, Array, Array, float, float, float]:
    """`evidence` with its data packed into one vector by `pack`."""
    at = 0
    cause, at = _take(packed, at)
    effect, at = _take(packed, at)
    edge_slope, at = _take(packed, at)
    lagged, at = _take(packed, at)
    gain, at = _take(packed, at)
    carried, at = _take(packed, at)
    fixed, at = _take(packed, at)
    last, at = _take(packed, at)
    carriers, at = _take(packed, at)
    counts_before, at = _take(packed, at)
    index, at = _take(packed, at)
    number, at = _take(packed, at)
    pair_index, at = _take(packed, at)
    pair_number, at = _take(packed, at)
    emission, at = _take(packed, at)
    log_initial, at = _take(packed, at)
    log_reference, at = _take(packed, at)
    score, at = _take(packed, at)
    response, at = _take(packed, at)
    pair_weight, at = _take(packed, at)
    first, at = _take(packed, at)
    which, at = _take(packed, at)
    tension, at = _take(packed, at)
    sweep = (
        cause[:, 0, 0].astype(np.int64),
        effect[:, 0, 0].astype(np.int64),
        edge_slope[:, 0, 0].astype(np.int64),
        lagged[:, 0, 0].astype(np.int64),
        gain[:, :, 0].copy(),
        carried,
        fixed[:, 0, 0].astype(np.int64),
    )
    return evidence(
        slope,
        base,
        noise,
        over,
        drift,
        mobility,
        sweep,
        last[:, :, 0].copy(),
        carriers[:, :, 0].astype(np.int64),
        counts_before,
        index[:, :, 0].astype(np.int64),
        number[:, :, 0].copy(),
        pair_index[:, :, 0].astype(np.int64),
        pair_number[:, :, 0].copy(),
        emission[:, :, 0].copy(),
        log_initial[:, 0, 0].copy(),
        log_reference[:, :, 0].copy(),
        score[:, 0, 0].copy(),
        response[0, 0, 0],
        pair_weight,
        first[:, 0, 0].astype(np.int64),
        which[:, 0, 0].astype(np.int64),
        int(tension[0, 0, 0]),
    )


def data(
    plan: Plan, ladder: Ladder, based: tuple[str, ...], shares: tuple[str, ...]
) -> dict[str, Array]:
    """The data of `evidence`, from `sweep` on, flat and in order.

    Parameters
    ----------
    based, shares
        Names along the `base` and `noise` vectors.
    """
    emission, death_pairs = ladder.death_terms(plan.deaths, plan.months)
    first, which = ladder.shared(plan)
    index, number = [], []
    for kind, group in enumerate((plan.counts, plan.events, plan.shares)):
        for c in group:
            reading = shares.index(c.node) if kind == 2 else plan.graph.node[c.node].reading
            row, b = plan.sweep.position(c.node), based.index(c.node)
            exposure = c.total if kind == 0 else c.months
            for i in range(len(c.month)):
                index.append((kind, row, b, c.month[i], reading))
                number.append((c.value[i, 0], exposure[i, 0], c.months[i, 0] / c.total[i, 0]))
    if plan.counts:
        c = joined(plan.counts)
        constant = (c.months / c.total) * gammaln(c.value + 1.0)
        np.subtract.at(emission, c.month, constant)
    pair_weight = np.zeros((len(first), ladder.levels, ladder.levels))
    for month, weight in death_pairs:
        pair_weight[which[month]] += weight
    pair_index, pair_number = _pair_cells(plan, based, which)
    for (*_, u), (value, *_) in zip(pair_index, pair_number, strict=True):
        pair_weight[u] -= gammaln(value + 1.0)
    carriers = [(plan.sweep.position(n), based.index(n)) for n in plan.before]
    before = [np.stack(pair) for pair in plan.before.values()]
    swept = ("cause", "effect", "edge_slope", "lagged", "gain", "carried", "fixed")
    return dict(zip(swept, affine.arrays(plan.sweep), strict=True)) | {
        "last": plan.sweep.last,
        "carriers": np.array(carriers, np.int64).reshape(-1, 2),
        "counts_before": np.array(before, float).reshape(-1, 2, plan.months),
        "index": np.array(index, np.int64).reshape(-1, 5),
        "number": np.array(number, float).reshape(-1, 3),
        "pair_index": np.array(pair_index, np.int64).reshape(-1, 6),
        "pair_number": np.array(pair_number, float).reshape(-1, 3),
        "emission": emission,
        "log_initial": ladder.log_initial,
        "log_reference": ladder.log_reference,
        "score": ladder.score,
        "response": np.array(ladder.response),
        "pair_weight": pair_weight,
        "first": first,
        "which": which,
        "tension": np.array(plan.sweep.position(TENSION)),
    }


def _pair_cells(
    plan: Plan, based: tuple[str, ...], which: Array
) -> tuple[list[tuple[int, ...]], list[tuple[float, ...]]]:
    index: list[tuple[int, ...]] = []
    number: list[tuple[float, ...]] = []
    for c in plan.pairs:
        row, b = plan.sweep.position(c.node), based.index(c.node)
        reading = plan.graph.node[c.node].reading
        for o in np.unique(c.observation):
            one, two = np.flatnonzero(c.observation == o)
            month = int(c.month[one])
            index.append((row, b, month, int(c.month[two]), reading, int(which[month])))
            number.append((c.value[one, 0], c.months[one, 0], c.months[two, 0]))
    return index, number
