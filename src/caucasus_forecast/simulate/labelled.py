"""Futures as labelled arrays, and their quantiles."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from .. import names
from ..estimate import resampled
from ..graph import CausalGraph
from ..jit import each
from ..names import DEATHS, TENSION

Array = np.ndarray


def as_dataset(
    drawn: Mapping[str, Array], graph: CausalGraph, months: Array, shape: tuple[int, int, int]
) -> xr.Dataset:
    """Futures as one labelled dataset on (chain, draw, path, month).

    Variables: ``tension`` (score), ``battle_deaths``, ``count[node]``, ``status[state]`` (0 in the
    article's status quo, ±1 after the change), ``share[share]``.
    """
    dims = (names.CHAIN, names.DRAW, names.PATH)
    sizes = (*shape, len(months))

    def whole(name: str, dtype: str) -> Array:
        return drawn[name].astype(dtype, order="C").reshape(sizes)

    def group(kind: str, dtype: str) -> tuple[list[str], Array]:
        found = [n.name for n in graph.nodes if n.kind == kind and n.name in drawn]
        stacked = np.zeros((np.prod(shape), len(found), len(months)), dtype)

        def fill(i: int) -> None:
            stacked[:, i] = drawn[found[i]]

        each(fill, range(len(found)))
        return found, stacked.reshape(*shape, len(found), len(months))

    counts, count = group("count", "int32")
    states, status = group("event", "int8")
    shares, share = group("share", "float32")
    return xr.Dataset(
        {
            TENSION: ((*dims, names.MONTH), whole(TENSION, "float32")),
            DEATHS: ((*dims, names.MONTH), whole(DEATHS, "int32")),
            "count": ((*dims, names.NODE, names.MONTH), count),
            "status": ((*dims, names.STATE, names.MONTH), status),
            "share": ((*dims, names.SHARE, names.MONTH), share),
        },
        coords={
            names.CHAIN: np.arange(shape[0]),
            names.DRAW: np.arange(shape[1]),
            names.PATH: np.arange(shape[2]),
            names.MONTH: months.astype("datetime64[ns]"),
            names.NODE: counts,
            names.STATE: states,
            names.SHARE: shares,
        },
    )


def fans(futures: xr.Dataset, share: Array | None = None) -> xr.Dataset:
    """Posterior predictive quantiles of every series, ``fan[series, month, quantile]``.

    Tension in standard deviations, counts a month, shares as proportions; the probability of a
    change of state is ``changed[state, month]``. With `share`, (chain, draw), what each draw counts
    for, they are those of a systematic resample of the draws.
    """
    if share is not None:
        futures = _resampled(futures, share)
    series = {TENSION: futures[TENSION], DEATHS: futures[DEATHS]}
    series |= {str(n): futures["count"].sel(node=n) for n in futures[names.NODE].to_numpy()}
    series |= {str(n): futures["share"].sel(indicator=n) for n in futures[names.SHARE].to_numpy()}
    over = (names.CHAIN, names.DRAW, names.PATH)
    months = futures.sizes[names.MONTH]

    def quantiles(values: Array) -> Array:
        along = values.reshape(-1, months).T.copy()
        return np.quantile(along, names.FAN_QUANTILES, axis=1, overwrite_input=True).T

    rows = each(quantiles, (x.to_numpy() for x in series.values()))
    return xr.Dataset(
        {
            "fan": ((names.SERIES, names.MONTH, names.QUANTILE), np.stack(rows)),
            "changed": (futures["status"] != 0).mean(over),
        },
        coords={
            names.SERIES: list(series),
            names.MONTH: futures[names.MONTH],
            names.QUANTILE: list(names.FAN_QUANTILES),
        },
    )


def _resampled(futures: xr.Dataset, share: Array) -> xr.Dataset:
    """As many draws again, each as often as it counts, by systematic resampling."""
    picked = np.divmod(resampled(share), share.shape[1])
    futures = futures[[TENSION, DEATHS, "count", "share", "status"]]
    chain, draw = (xr.DataArray(x, dims=names.DRAW) for x in picked)
    found = futures.isel({names.CHAIN: chain, names.DRAW: draw})
    return found.drop_vars(names.CHAIN).expand_dims(names.CHAIN)
