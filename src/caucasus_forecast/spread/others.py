"""The forecast under other prior sets and other models, and what a question comes to in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import xarray as xr

from .. import assumptions, fitting, names, reweighting
from ..estimate import Sample, mcse
from ..models import get
from ..questions import World
from ..study import Study
from .nesting import world_of
from .reading import Asked

Array = np.ndarray


@dataclass(frozen=True)
class Other:
    """The forecast under another set or model: its name, its futures, and how it was come by."""

    name: str
    world: World
    weight: Array | None
    how: str


def other(name: str, tree: xr.DataTree, study: Study, how: str) -> Other:
    """A tree as one of several forecasts."""
    passed = bool(tree[names.DIAGNOSTICS].attrs["passed"])
    world = world_of(tree[names.PREDICTIONS].to_dataset(), study)
    warning = "" if passed else "; WARNING: its checks failed"
    return Other(name, world, reweighting.share_of(tree), how + warning)


def under_sets(
    tree: xr.DataTree, study: Study, sets: Sequence[Any], progress: Callable[[str], None]
) -> list[Other]:
    """The forecast in hand and under other prior sets, each set once."""
    own = assumptions.own(tree)
    found = {own.digest: other(own.name, tree, study, "the forecast in hand")}
    for priors in (assumptions.resolve(tree, given) for given in sets):
        if priors.digest not in found:
            progress(f"swapping to {priors.name}")
            swapped = assumptions.swap(tree, study, priors)
            found[priors.digest] = other(priors.name, swapped, study, swapped.attrs["swapped"])
    return list(found.values())


def under_models(
    tree: xr.DataTree, study: Study, chosen: Sequence[str], progress: Callable[[str], None]
) -> list[Other]:
    """The forecast in hand and with other models, each model once."""
    own, priors = study.case.model, assumptions.own(tree)
    known = {name: get(name) for name in chosen}
    found = [other(own, tree, study, "the forecast in hand")]
    for name, model in known.items():
        if name != own:
            progress(f"fitting the model {name}")
            case = study.case.model_copy(update={"model": name})
            fitted = replace(study, case=case, graph=model.graph(priors.graph))
            done = fitting.complete(fitting.draw(fitted, priors), fitted, priors)
            found.append(other(name, done, fitted, "fitted to the same evidence"))
    return found


def means(asked: Asked, found: Sequence[Other]) -> tuple[Array, Array]:
    """E[Y] of each forecast, (n,), and the covariance of their Monte Carlo errors, (n, n).

    Forecasts that weigh the same futures share their errors,

        2 Cov(i, j) = Var(i) + Var(j) − Var(i − j),

    where Var(i − j) is that of the difference of their influences; other errors are independent.
    """
    values = [asked.values(one.world) for one in found]
    samples = (
        Sample(np.ones(y.shape, bool), one.weight) for y, one in zip(values, found, strict=True)
    )
    read = [sample.influence(y) for y, sample in zip(values, samples, strict=True)]
    influence = [z for _, z in read]
    noise = np.diag([mcse(z) ** 2 for z in influence])
    for i, j in combinations(range(len(found)), 2):
        if np.array_equal(values[i], values[j]):
            apart = mcse(influence[i] - influence[j]) ** 2
            noise[i, j] = noise[j, i] = (noise[i, i] + noise[j, j] - apart) / 2
    return np.array([mean for mean, _ in read]), noise
