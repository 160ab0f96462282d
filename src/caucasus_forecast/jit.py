"""How the library compiles numerical code: cached on disk, IEEE division, free of Python's lock.

Division by zero gives an infinity or NaN, as in NumPy. A compiled function that a sampler calls
through its address cannot raise: a value that is not finite is how it says no.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit

compiled = njit(cache=True, error_model="numpy", nogil=True)

SMALLEST = 256  # rows below which a second thread costs more than it brings


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1)


if hasattr(os, "register_at_fork"):  # a child process has none of the threads
    os.register_at_fork(after_in_child=_pool.cache_clear)


def each(work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """What `work` makes of every item, several at a time.

    Examples
    --------
    >>> each(lambda x: 2 * x, [1, 2, 3])
    [2, 4, 6]
    """
    return list(_pool().map(work, items))


def by_rows(work: Callable[..., tuple[Any, ...]], *columns: Any) -> tuple[Any, ...]:
    """What `work` makes of rows, some of them in each thread, one after the other again.

    Parameters
    ----------
    work
        A compiled function of arrays that looks at each row by itself.
    columns
        Arrays with the same first axis.

    Examples
    --------
    >>> by_rows(lambda x: (2 * x, x + 1), np.arange(3))
    (array([0, 2, 4]), array([1, 2, 3]))
    """
    rows = len(columns[0])
    parts = min(os.cpu_count() or 1, max(rows // SMALLEST, 1))
    if parts == 1:
        return tuple(work(*columns))
    ends = np.linspace(0, rows, parts + 1).astype(int)
    slices = [slice(a, b) for a, b in pairwise(ends)]
    found = each(lambda at: work(*(c[at] for c in columns)), slices)
    return tuple(np.concatenate(x) for x in zip(*found, strict=True))
