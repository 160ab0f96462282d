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
from numba import njit

Array = np.ndarray


@njit(cache=True)
def _forward(
    log_initial: Array, log_step: Array, which: Array, log_emission: Array
) -> tuple[Array, Array, Array, Array, float]:
    months, levels = log_emission.shape
    step = np.exp(log_step)
    weight = np.empty((months, levels))
    filtered = np.empty((months, levels))
    increment = np.empty(months)
    for t in range(months):
        top = -np.inf
        for k in range(levels):
            top = max(top, log_emission[t, k])
        total = 0.0
        for j in range(levels):
            weight[t, j] = np.exp(log_emission[t, j] - top)
            if t == 0:
                predicted = np.exp(log_initial[j])
            else:
                predicted = 0.0
                for i in range(levels):
                    predicted += filtered[t - 1, i] * step[which[t - 1], i, j]
            filtered[t, j] = predicted * weight[t, j]
            total += filtered[t, j]
        for j in range(levels):
            filtered[t, j] /= total
            weight[t, j] /= total
        increment[t] = np.log(total) + top
    logp = 0.0
    for t in range(months):
        logp += increment[t]
    return step, weight, filtered, increment, logp


@njit(cache=True)
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
    step, weight, filtered, _, logp = _forward(log_initial, log_step, which, log_emission)
    months, levels = log_emission.shape
    d_step = np.zeros_like(log_step)
    d_emission = np.empty((months, levels))
    backward = np.ones(levels)
    ahead = np.empty(levels)
    for k in range(levels):
        d_emission[months - 1, k] = filtered[months - 1, k]
    for t in range(months - 1, 0, -1):
        u = which[t - 1]
        for j in range(levels):
            ahead[j] = weight[t, j] * backward[j]
        for i in range(levels):
            total = 0.0
            for j in range(levels):
                joint = step[u, i, j] * ahead[j]
                total += joint
                d_step[u, i, j] += filtered[t - 1, i] * joint
            backward[i] = total
            d_emission[t - 1, i] = filtered[t - 1, i] * total
    return logp, d_emission[0].copy(), d_step, d_emission


@njit(cache=True)
def filter_draws(
    log_initial: Array, log_step: Array, which: Array, log_emission: Array
) -> tuple[Array, Array, Array]:
    """Filter and smooth the same months under many parameter draws.

    Parameters
    ----------
    log_initial
        Shape (K,).
    log_step
        Shape (D, U, K, K), one set of steps a draw.
    which
        Shape (T - 1,).
    log_emission
        Shape (D, T, K).

    Returns
    -------
    filtered (D, K), smoothed (D, T, K), increment (D, T)
        The level at the origin given all evidence; the level of every month given all evidence;
        log p(evidence of month t | evidence before it), which sums to the log-likelihood.
    """
    draws, months, levels = log_emission.shape
    filtered = np.empty((draws, levels))
    smoothed = np.empty((draws, months, levels))
    increment = np.empty((draws, months))
    for d in range(draws):
        _, _, forward, steps, _ = _forward(log_initial, log_step[d], which, log_emission[d])
        filtered[d] = forward[months - 1]
        increment[d] = steps
        smoothed[d] = value_and_gradient(log_initial, log_step[d], which, log_emission[d])[3]
    return filtered, smoothed, increment
