"""The months that were beside the months that would have been, as a table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from .. import names, reweighting
from ..estimate import Sample
from ..graph import CausalGraph
from ..names import MONTH, TENSION
from ..scenarios import Table, percent
from .counterfactual import Past
from .worlds import failed

Array = np.ndarray


def history(past: Past, seen: Mapping[str, Array], words: str, tree: xr.DataTree) -> Table:
    """What happened and what would have happened, for tension and everything that was counted.

    Parameters
    ----------
    past
        The months that were.
    seen
        The months walked again, from `Past.again`.
    words
        What is done.
    tree
        The forecast; its weights count.

    Returns
    -------
    A table whose data are on (``series``, ``month``, ``quantile``): ``happened``, ``would``.
    """
    study = past.study
    sample = Sample(np.ones(study.shape, bool), reweighting.share_of(tree))
    shown = [TENSION, *(n for n in seen if n != TENSION and past.counted.get(n, np.zeros(1)).any())]

    def monthly(world: Mapping[str, Array]) -> Array:
        return np.array([[_quantiles(sample, x) for x in world[n].T] for n in shown])

    data = xr.Dataset(
        {
            "happened": ((names.SERIES, MONTH, names.QUANTILE), monthly(past.seen)),
            "would": ((names.SERIES, MONTH, names.QUANTILE), monthly(seen)),
        },
        coords={
            names.SERIES: shown,
            MONTH: past.months.astype("datetime64[ns]"),
            names.QUANTILE: list(names.FAN_QUANTILES),
        },
        attrs={"label": "counterfactual"},
    )
    moved = [n for n in shown if (past.seen[n] != seen[n]).any()]
    rows = tuple((n, *_row(study.graph, sample, n, past.seen[n], seen[n])) for n in moved)
    still = [n for n in shown if n not in moved]
    notes = [
        "counterfactual: the same parameters and the same chance as in the months that were",
        "median, and 90 % range where it is not known; by month in .data",
    ]
    notes += [f"unchanged: {', '.join(still)}"] if still else []
    notes += (
        [f"taken as given, no arrow explains it: {', '.join(past.given)}"] if past.given else []
    )
    notes += failed(tree)
    header = ("series", "", "happened", "would have")
    return Table(f"Had it been that {words}", header, rows, data, tuple(notes))


def _quantiles(sample: Sample, value: Array) -> tuple[float, ...]:
    return sample.quantiles(value.reshape(sample.given.shape).astype(float), names.FAN_QUANTILES)


def _row(graph: CausalGraph, sample: Sample, name: str, one: Array, two: Array) -> tuple[str, ...]:
    """A series over all its months: a mean, a total, or whether the state has changed."""
    if name == TENSION:
        return ("mean, sd", *(_cell(_quantiles(sample, x.mean(1))) for x in (one, two)))
    if name in graph.node and graph.node[name].kind == "event":
        changed = ((x[:, -1] != 0).reshape(sample.given.shape) for x in (one, two))
        return ("changed by the end", *(_chance(sample, x) for x in changed))
    if name in graph.node and graph.node[name].kind == "share":
        return ("mean", *(_cell(_quantiles(sample, x.mean(1))) for x in (one, two)))
    return ("total", *(_cell(_quantiles(sample, x.sum(1))) for x in (one, two)))


def _chance(sample: Sample, hit: Array) -> str:
    """A share of the paths; what is the same on all is known."""
    return percent(*sample.mean(hit)) if 0 < hit.mean() < 1 else f"{100 * hit.flat[0]:.0f} %"


def _cell(quantiles: tuple[float, ...]) -> str:
    low, middle, high = quantiles[0], quantiles[len(quantiles) // 2], quantiles[-1]
    return f"{middle:.3g}" if low == high else f"{middle:.3g} ({low:.3g} to {high:.3g})"
