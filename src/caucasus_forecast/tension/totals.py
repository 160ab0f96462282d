"""What one total over several months says about the levels of them.

A total `Y` over months 1..n, whose months have levels k_1..k_n, has probability

    P(Y | k_1..k_n) = Σ_{y_1 + … + y_n = Y} Π_t p(y_t | k_t),

a weight on whole paths, which a chain cannot hold. It is replaced by a product of weights, one on
each step between the months, Π_t w_t(k_t, k_{t+1}), such that under the chain and all its other
evidence every two months in a row have the levels they have given the total. Let

    M_t(i, j) = Σ_{paths with k_t = i, k_{t+1} = j} chain · P(Y | path),    m_t(i) = Σ_j M_t(i, j).

The joint distribution of the levels nearest to that of all paths, among those a chain can have, is
Π_t M_t / Π_{1 < t < n} m_t (Chow & Liu 1968, doi:10.1109/TIT.1968.1054142), so

    w_t(i, j) = Σ_s a_t(i, s) b_{t+1}(j, Y - s),

with `b_t(j, s)` the weight of all that follows month `t` on, and of `s` deaths from then on, given
its level `j`, less the other evidence of that month; and `a_t(i, s)` that of `s` deaths up to month
`t`, the other evidence included, less `m_t(i)`; in the first month, p(s | i).

Both sides have the same sum, so the log-likelihood is exact too, as long as the chain moves by
itself. A total over two months is held exactly.
"""

from __future__ import annotations

import numpy as np
from scipy import fft

Array = np.ndarray

FLOOR = 1e-13  # what the transforms can tell from nothing


def weights(forward: Array, steps: Array, backward: Array, other: Array, counts: Array) -> Array:
    """The weights of a total on the steps between its months, shape (n - 1, K, K).

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
    other
        Shape (n, K), weight of each month's other evidence.
    counts
        Shape (n, K, Y + 1), weight of every count from 0 to the total in each month.

    Examples
    --------
    In a chain that stays where it is, one death in three months came in any of them:

    >>> even, stay = np.full(2, 0.5), np.eye(2)
    >>> deaths = np.array([[[0.9, 0.1], [0.5, 0.5]]] * 3)
    >>> found = weights(even, np.stack([stay] * 2), np.ones(2), np.ones((3, 2)), deaths)
    >>> np.diagonal(found.prod(0)).round(6)
    array([0.243, 0.375])
    """
    months, _, size = counts.shape
    length = fft.next_fast_len(2 * size - 1, real=True)
    spectrum = fft.rfft(counts, length)

    def plus(one: Array, month: int) -> Array:
        """Weights of the sum with the deaths of a month, up to the total."""
        product = fft.rfft(one, length) * spectrum[month]
        return np.maximum(fft.irfft(product, length)[:, :size], 0.0)

    likely = other.copy()
    likely[-1] *= backward
    ahead, after = [counts[-1]], list[Array]()
    for t in range(months - 2, -1, -1):
        after.insert(0, np.einsum("ij,js->is", steps[t], likely[t + 1][:, None] * ahead[0]))
        if t > 0:
            ahead.insert(0, plus(after[0], t))
    found, given, so_far = [], counts[0], (forward * other[0])[:, None] * counts[0]
    for t in range(months - 1):
        if t > 0:
            so_far = other[t][:, None] * plus(np.einsum("ij,is->js", steps[t - 1], so_far), t)
            chance = (so_far * after[t][:, ::-1]).sum(1)
            possible = chance > FLOOR * chance.max()
            given = np.where(possible, 1.0 / np.where(possible, chance, 1.0), 0.0)[:, None] * so_far
        weight = np.einsum("is,js->ij", given, ahead[t][:, ::-1])
        found.append(np.maximum(weight, FLOOR * weight.max()))
    return np.stack(found)
