"""The forecast when something is done: the same draws and random numbers, other futures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from .. import fitting, names, posterior, reweighting
from ..simulate import Origin
from ..study import Study
from .acts import Act, as_levels, sentence

Array = np.ndarray


def origin(tree: xr.DataTree, study: Study) -> Origin:
    """Where the futures of a forecast start: the origin month under its draws."""
    drawn = tree[names.POSTERIOR].to_dataset()
    _, own = posterior.parameters(drawn, study.graph, study.case.model)
    return study.origin(drawn, study.replay(drawn).state, own)


def acted(tree: xr.DataTree, study: Study, start: Origin, acts: Sequence[Act]) -> xr.DataTree:
    """The forecast of a tree when `acts` are done, from what `origin` gives.

    Everything that follows from the futures is made again; draws, checks and evidence stay.
    """
    futures = study.futures(start, *as_levels(acts, study.graph, start.parameters))
    return looked_ahead(tree, study, futures, {"intervention": f"do: {sentence(acts)}"}, acts)


def looked_ahead(
    tree: xr.DataTree,
    study: Study,
    futures: xr.Dataset,
    told: dict[str, str],
    acts: Sequence[Act],
) -> xr.DataTree:
    """A tree with other futures, and what follows from them."""
    groups = {name: tree[name].to_dataset() for name in names.GROUPS}
    groups |= fitting.follow(study, futures, reweighting.share_of(tree))
    done = xr.DataTree.from_dict(groups)
    done.attrs = tree.attrs | told | {"acts": json.dumps([_fields(a) for a in acts])}
    return done


def _fields(act: Act) -> dict[str, Any]:
    values = [None if np.isnan(x) else float(x) for x in act.value]
    return {"node": act.node, "kind": act.kind, "value": values, "words": act.words}
