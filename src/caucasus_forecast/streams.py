"""Random streams: one of its own for each purpose, all from one seed."""

from zlib import crc32

import numpy as np


def stream(seed: int, *labels: int | str) -> np.random.Generator:
    """A random stream of its own for each (seed, labels).

    Examples
    --------
    >>> bool(stream(1, "a").random() == stream(1, "a").random())
    True
    """
    keys = [x if isinstance(x, int) else crc32(x.encode()) for x in labels]
    return np.random.default_rng([seed, *keys])
