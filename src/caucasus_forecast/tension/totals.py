"""What one total over several months says about the level of each of them.

A total `Y` over months 1..n, whose months have levels k_1..k_n, has probability

    P(Y | k_1..k_n) = Σ_{y_1 + … + y_n = Y} Π_t p(y_t | k_t),

a weight on whole paths, which a chain cannot hold. It is replaced by a product of weights, one a
month, Π_t w_t(k_t), chosen so that under the chain and all its other evidence every month's level
keeps the distribution it has given the total,

    Σ_{paths with k_t = k} chain · Π w = Σ_{paths with k_t = k} chain · P(Y | path)   for all t, k.

The right side is summed exactly, over the level and the deaths so far; the left side is fitted to
it by iterative proportional fitting (Deming & Stephan 1940, doi:10.1214/aoms/1177731829). Both
sides have the same sum, so the log-likelihood is exact too, as long as the chain moves by itself.
"""

from __future__ import annotations

import numpy as np
from scipy import fft

from ..jit import compiled

Array = np.ndarray

FLOOR = 1e-13  # what the transforms can tell from nothing
SWEEPS, CLOSE = 500, 1e-10


def marginals(forward: Array, steps: Array, backward: Array, counts: Array) -> Array:
    """Weight of each level of each month together with the total, shape (n, K).

    The sums are those of `numpy.einsum`: the last bit of a matrix product depends on the number of
    threads.

    Parameters
    ----------
    forward
        Shape (K,), level of the first month given the evidence before it.
    steps
        Shape (n - 1, K, K), transitions between the months.
    backward
        Shape (K,), weight of the evidence after the last month, given its level.
    counts
        Shape (n, K, Y + 1), weight of every count from 0 to the total in each month, with that of
        the month's other evidence.
    """
    months, _, size = counts.shape
    length = fft.next_fast_len(2 * size - 1, real=True)
    spectrum = fft.rfft(counts, length)

    def plus(one: Array, month: int) -> Array:
        """Weights of the sum with the deaths of a month, up to the total."""
        product = fft.rfft(one, length) * spectrum[month]
        return np.maximum(fft.irfft(product, length)[:, :size], 0.0)

    so_far = [forward[:, None] * counts[0]]
    for t in range(1, months):
        so_far.append(plus(np.einsum("ij,is->js", steps[t - 1], so_far[-1]), t))
    nothing = np.zeros(size)
    nothing[0] = 1.0
    to_come = [backward[:, None] * nothing]
    for t in range(months - 1, 0, -1):
        to_come.append(np.einsum("ij,js->is", steps[t - 1], plus(to_come[-1], t)))
    return np.stack([(a * b[:, ::-1]).sum(1) for a, b in zip(so_far, to_come[::-1], strict=True)])


def weights(forward: Array, steps: Array, backward: Array, other: Array, target: Array) -> Array:
    """The weights of the months, shape (n, K), that give every level of every month its target.

    Parameters
    ----------
    forward, steps, backward
        As in `marginals`.
    other
        Shape (n, K), weight of each month's other evidence.
    target
        Shape (n, K), from `marginals`.

    Examples
    --------
    A chain that stays where it is leaves nothing to choose but the product of the weights:

    >>> even, stay = np.full(2, 0.5), np.eye(2)[None]
    >>> target = np.array([[0.1, 0.4], [0.1, 0.4]])
    >>> weights(even, stay, np.ones(2), np.ones((2, 2)), target).prod(0).round(6)
    array([0.2, 0.8])
    """
    target = np.maximum(target, FLOOR * target.max(1, keepdims=True))
    found: Array = _fitted(forward, steps, backward, other, target)
    return found


@compiled
def _fitted(forward: Array, steps: Array, backward: Array, other: Array, target: Array) -> Array:
    """`weights` by iterative proportional fitting: month by month, until nothing moves."""
    months, levels = target.shape
    found, after, before = np.ones(target.shape), np.empty(target.shape), np.empty(levels)
    for _ in range(SWEEPS):
        after[months - 1] = backward
        for t in range(months - 1, 0, -1):
            for i in range(levels):
                total = 0.0
                for j in range(levels):
                    total += steps[t - 1, i, j] * other[t, j] * found[t, j] * after[t, j]
                after[t - 1, i] = total
        before[:], gap = forward, 0.0
        for t in range(months):
            total = target[t].sum()
            for k in range(levels):
                held = before[k] * other[t, k] * found[t, k] * after[t, k]
                gap = max(gap, abs(held - target[t, k]) / total)
                if held > 0.0:
                    found[t, k] *= target[t, k] / held
            if t < months - 1:
                come = before * other[t] * found[t]
                for j in range(levels):
                    total = 0.0
                    for i in range(levels):
                        total += come[i] * steps[t, i, j]
                    before[j] = total
        if gap < CLOSE:
            break
    return found
