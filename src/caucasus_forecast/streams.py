"""Random streams: one of its own for each purpose, all from one seed."""

from zlib import crc32

import numpy as np


def stream(seed: int, *labels: int | str, skip: int = 0) -> np.random.Generator:
    """A random stream of its own for each (seed, labels), after its first `skip` numbers.

    Examples
    --------
    >>> bool(stream(1, "a").random(3)[2] == stream(1, "a", skip=2).random())
    True
    """
    keys = [x if isinstance(x, int) else crc32(x.encode()) for x in labels]
    bits = np.random.PCG64([seed, *keys])
    return np.random.Generator(bits.advance(skip) if skip else bits)
