"""Some of many weighted futures, each counting the same."""

from __future__ import annotations

import numpy as np

from ..errors import CaseError

Array = np.ndarray


def thinned(share: Array | None, shape: tuple[int, int, int], count: int) -> Array:
    """Flat indices of `count` futures, by systematic sampling.

    With N = chains · draws · paths futures in their saved order, future *i* of draw *d* weighs
    w_i = share_d / paths, and with W its running sum the *k*-th chosen is the first *i* where

        W_i >= (k + 1/2) / count,     k = 0 … count − 1.

    A future is chosen floor(count · w_i) or ceil(count · w_i) times. Without weights these are
    every N / count-th, and no future comes twice. Nothing is random.

    Parameters
    ----------
    share
        What each draw counts for, (chain, draw); None where all count the same.
    shape
        Chains, draws, paths.
    count
        How many.

    Raises
    ------
    CaseError
        If `count` is not a whole number from 1 to the number of futures.

    Examples
    --------
    >>> thinned(None, (1, 4, 2), 4)
    array([0, 2, 4, 6])
    >>> thinned(np.array([[0.5, 0.0, 0.25, 0.25]]), (1, 4, 2), 8)
    array([0, 0, 1, 1, 4, 5, 6, 7])
    """
    futures = int(np.prod(shape))
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= futures:
        raise CaseError(
            f"samples is {count!r}; give a whole number from 1 to {futures}, the number of "
            "simulated futures"
        )
    each = np.ones(shape[:2]) if share is None else share
    weight = np.repeat(each.ravel() / (each.sum() * shape[2]), shape[2])
    reached = weight.cumsum()
    at = (np.arange(count) + 0.5) / count
    return np.searchsorted(reached / reached[-1], at * (1 - 1e-12)).clip(max=futures - 1)
