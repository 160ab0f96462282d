"""Futures of thinned draws, of several starts of each, and of several paths of each start."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr

from .. import names, posterior, reweighting
from ..estimate import resampled
from ..questions import World
from ..streams import stream
from ..study import Study
from ..tension import Ladder

# draws, starts of each, paths of each start
DRAWS, STARTS, PATHS = 400, 8, 6


def nested(tree: xr.DataTree, study: Study) -> tuple[World, tuple[int, int, int]]:
    """Futures of thinned draws, several starts of each, several paths of each start.

    Returns
    -------
    The futures on chain (1), draw (D · K, the starts of a draw side by side) and path (R); and
    (D, K, R). A tension that the draws themselves hold, or that there is none of, has one start.
    """
    drawn = thinned(tree, DRAWS)
    kept = drawn.sizes[names.DRAW]
    state = study.replay(drawn).state
    starts = STARTS if isinstance(study.process, Ladder) else 1
    paths = PATHS * STARTS // starts
    many = drawn.isel({names.DRAW: np.repeat(np.arange(kept), starts)})
    state = np.repeat(state, starts, axis=0)
    if isinstance(study.process, Ladder):
        uniform = stream(study.case.seed, "spread").random(len(state))
        state = np.eye(state.shape[1])[study.process.start(state, uniform)]
    size = {"chains": 1, "draws": len(state), "paths": paths}
    wider = replace(study, case=study.case.model_copy(update=size))
    _, own = posterior.parameters(many, study.graph, study.case.model)
    return world_of(wider.futures(wider.origin(many, state, own)), study), (kept, starts, paths)


def thinned(tree: xr.DataTree, count: int) -> xr.Dataset:
    """So many draws of a posterior, evenly spaced, each as often as it counts, as one chain."""
    drawn = tree[names.POSTERIOR].to_dataset()
    shape = (drawn.sizes[names.CHAIN], drawn.sizes[names.DRAW])
    share = reweighting.share_of(tree)
    share = np.full(shape, 1 / (shape[0] * shape[1])) if share is None else share
    picked = np.divmod(resampled(share, min(count, share.size)), shape[1])
    chain, draw = (xr.DataArray(x, dims=names.DRAW) for x in picked)
    found = drawn.isel({names.CHAIN: chain, names.DRAW: draw})
    return found.drop_vars(names.CHAIN).expand_dims(names.CHAIN)


def world_of(futures: xr.Dataset, study: Study) -> World:
    """Futures as questions read them."""
    ids = tuple(s.id for s in study.partition.scenarios)
    return World(futures, study.graph, futures[names.RESOLVED].to_numpy(), ids)
