"""Exact inference for a hidden Markov chain with time-varying steps.

The chain has `K` levels and `T` months. With initial log probabilities ``log_initial[k]``,
log weights of one step ``log_step[which[t - 1], i, j]`` from level *i* in month *t - 1* to level
*j* in month *t*, and log emissions ``log_emission[t, k]``, the marginal likelihood is

    logp = log Σ_path exp( log_initial[k_0] + Σ_t log_emission[t, k_t]
                           + Σ_{t≥1} log_step[which[t-1], k_{t-1}, k_t] ).

A step weight need not be a probability: evidence that depends on two consecutive levels is added
to it. The gradient of `logp` is the forward-backward posterior: with respect to an emission the
smoothed level probability, to a step the expected number of times it was taken.

Source: Baum, Petrie, Soules & Weiss (1970), doi:10.1214/aoms/1177697196.
"""

import numpy as np

from .jit import compiled

Array = np.ndarray


@compiled
def filtered(
    initial: Array, step: Array, which: Array, log_emission: Array
) -> tuple[Array, Array, Array]:
    """The forward pass, on weights instead of their logarithms.

    Parameters
    ----------
    initial
        Shape (K,), probability of each level in the first month.
    step
        Shape (U, K, K), the distinct weights of a step.
    which, log_emission
        As in `value_and_gradient`.

    Returns
    -------
    weight (T, K), ahead (T, K), increment (T,)
        Emissions scaled so that every month sums to one; level of each month given the evidence up
        to it; log p(evidence of month t | evidence before it), which sums to the log-likelihood.
    """
    months, levels = log_emission.shape
    weight = np.empty((months, levels))
    ahead = np.empty((months, levels))
    increment = np.empty(months)
    predicted = initial.copy()
    for t in range(months):
        if t > 0:
            predicted[:] = 0.0
            move = step[which[t - 1]]
            for i in range(levels):
                come, row = ahead[t - 1, i], move[i]
                for j in range(levels):
                    predicted[j] += come * row[j]
        top = log_emission[t].max()
        total = 0.0
        for j in range(levels):
            weight[t, j] = np.exp(log_emission[t, j] - top)
            ahead[t, j] = predicted[j] * weight[t, j]
            total += ahead[t, j]
        for j in range(levels):
            ahead[t, j] /= total
            weight[t, j] /= total
        increment[t] = np.log(total) + top
    return weight, ahead, increment


@compiled
def smoothed(step: Array, which: Array, weight: Array, ahead: Array) -> tuple[Array, Array]:
    """The backward pass after `filtered`.

    Returns
    -------
    taken (U, K, K), level (T, K)
        Expected number of times each step was taken; level of each month given all evidence.
    """
    months, levels = weight.shape
    taken = np.zeros(step.shape)
    level = np.empty((months, levels))
    level[months - 1] = ahead[months - 1]
    across = step.transpose((0, 2, 1)).copy()
    backward, before = np.ones(levels), np.empty(levels)
    for t in range(months - 1, 0, -1):
        u = which[t - 1]
        before[:] = 0.0
        for j in range(levels):
            backward[j] *= weight[t, j]
            come, row = backward[j], across[u, j]
            for i in range(levels):
                before[i] += come * row[i]
        for i in range(levels):
            come, row = ahead[t - 1, i], taken[u, i]
            level[t - 1, i] = come * before[i]
            for j in range(levels):
                row[j] += come * backward[j]
        backward[:] = before
    return taken * step, level


@compiled
def path(step: Array, which: Array, ahead: Array, uniform: Array) -> Array:
    """One path of levels given all evidence, drawn backwards after `filtered`, shape (T,).

        p(level[t] | level[t + 1], evidence) ∝ ahead[t, ·] · step[which[t], ·, level[t + 1]]

    Parameters
    ----------
    uniform
        Shape (T,), decides the draw.
    """
    months, levels = ahead.shape
    drawn = np.empty(months, np.int64)
    chance = ahead[months - 1].copy()
    for t in range(months - 1, -1, -1):
        left, k = uniform[t] * chance.sum(), 0
        while k < levels - 1 and left >= chance[k]:
            left -= chance[k]
            k += 1
        drawn[t] = k
        if t > 0:
            chance = ahead[t - 1] * step[which[t - 1], :, k]
    return drawn


@compiled
def value_and_gradient(
    log_initial: Array, log_step: Array, which: Array, log_emission: Array
) -> tuple[float, Array, Array, Array]:
    """Marginal log-likelihood and its gradient.

    Parameters
    ----------
    log_initial
        Shape (K,), log probability of each level in the first month.
    log_step
        Shape (U, K, K), the distinct log weights of a step.
    which
        Shape (T - 1,), integer: which of the `U` steps leads into month t + 1.
    log_emission
        Shape (T, K), log likelihood of each month's evidence given the level.

    Returns
    -------
    logp, d_initial (K,), d_step (U, K, K), d_emission (T, K)
        `d_emission` is the smoothed level distribution of each month.
    """
    step = np.exp(log_step)
    weight, ahead, increment = filtered(np.exp(log_initial), step, which, log_emission)
    taken, level = smoothed(step, which, weight, ahead)
    return increment.sum(), level[0].copy(), taken, level
