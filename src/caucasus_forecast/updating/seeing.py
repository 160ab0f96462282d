"""The draws of a forecast beside other evidence: the months seen again, and what to weigh by."""

from __future__ import annotations

import numpy as np
import xarray as xr

from .. import names
from ..study import Study
from ..tension import Replay

Array = np.ndarray


def seen_again(tree: xr.DataTree, new: Study) -> tuple[Replay, Array]:
    """The months of another study under the draws of a forecast, and the log ratio, (chain, draw).

    The ratio is that of the likelihood there to the one the forecast's draws count for.
    """
    replay = new.replay(tree[names.POSTERIOR].to_dataset())
    before = tree[names.LOG_LIKELIHOOD]["evidence"].sum(names.MONTH, dtype=float).to_numpy()
    return replay, replay.log_likelihood.sum(-1).reshape(before.shape) - before
