"""How the library compiles numerical code: cached on disk, IEEE division, free of Python's lock.

Division by zero gives an infinity or NaN, as in NumPy. A compiled function that a sampler calls
through its address cannot raise: a value that is not finite is how it says no.

Compiled code is kept beside the source, or in the user's cache, or in ``NUMBA_CACHE_DIR``. What is
kept there is sealed with its SHA-256; what is not as it was written, or cannot be read, is compiled
anew. Where nothing can be written the code is compiled for every process.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numba.core.caching import FunctionCache, IndexDataCacheFile, NullCache
from numba.core.ccallback import CFunc

log = logging.getLogger("caucasus_forecast")
_SEAL = 40  # bytes: a digest, and the length of what it is of


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function when it is first called, for the types it is called with."""
    made = njit(error_model="numpy", nogil=True)(function)
    made._cache = _cache_of(function)
    return made


def callback(signature: Any, function: Callable[..., Any]) -> Any:
    """A function compiled now, as one that C calls: ``.address``."""
    made: Any = CFunc(
        function, (signature.args, signature.return_type), {}, {"error_model": "numpy"}
    )
    made._cache = _cache_of(function)
    made.compile()
    return made


# --------------------------------------------------------------------------- what is kept


class _Sealed(IndexDataCacheFile):
    """The files of one function. Unpickling ends before the seal."""

    def _dump(self, kept: Any) -> bytes:
        body: bytes = super()._dump(kept)
        return body + sha256(body).digest() + len(body).to_bytes(8)

    def _load_index(self) -> Any:
        return super()._load_index() if _whole(Path(self._index_path)) else {}

    def _load_data(self, name: str) -> Any:
        if _whole(Path(self._data_path(name))):
            return super()._load_data(name)
        raise OSError(f"{name} is not whole")  # taken for a file that is missing


def _whole(path: Path) -> bool:
    if not path.exists():
        return False
    body = path.read_bytes()
    size = int.from_bytes(body[-8:])
    kept, digest = body[-size - _SEAL : -_SEAL], body[-_SEAL:-8]
    if len(kept) == size and sha256(kept).digest() == digest:
        return True
    _say_once(f"the compiled code in {path.parent} is not as it was written; it is compiled anew")
    return False


class _Kept(FunctionCache):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        where = self._impl.locator
        self._cache_file = _Sealed(
            where.get_cache_path(), self._impl.filename_base, where.get_source_stamp()
        )

    def load_overload(self, *of: Any) -> Any:
        try:
            return super().load_overload(*of)
        except Exception as why:  # whatever it is, the code can be compiled anew
            kind = type(why).__name__
            _say_once(
                f"the compiled code in {self.cache_path} cannot be read ({kind}); it is compiled "
                "anew"
            )

    def save_overload(self, *of: Any) -> None:
        try:
            super().save_overload(*of)
        except OSError as why:
            said = why.strerror or why
            _say_once(f"compiled code cannot be kept in {self.cache_path} ({said})")


def _cache_of(function: Callable[..., Any]) -> Any:
    try:
        return _Kept(function)
    except RuntimeError:  # no place that can be written
        _say_once(
            "no folder for compiled code can be written, so every run compiles it anew and takes a "
            "minute more; name one with NUMBA_CACHE_DIR"
        )
        return NullCache()


@cache
def _say_once(words: str) -> None:
    log.warning(words)


# --------------------------------------------------------------------------- several threads


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
