"""Some of many weighted futures, each counting the same."""

from __future__ import annotations

import numpy as np

from ..errors import CaseError
from ..estimate import resampled

Array = np.ndarray


def thinned(share: Array | None, shape: tuple[int, int, int], count: int) -> Array:
    """Flat indices of `count` futures, by systematic sampling.

    With N = chains · draws · paths futures in their saved order, a future of draw *d* weighs
    share_d / paths (`caucasus_forecast.estimate.resampled`). Without weights these are every
    N / count-th, and no future comes twice.

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
    return resampled(np.repeat(each.ravel(), shape[2]), count)
