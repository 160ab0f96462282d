"""Which links an answer hangs on: each link's prior one sd down, and one sd up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from .. import names
from ..estimate import mcse
from ..scenarios import Table, percent, points
from .shifts import World, Worlds

Array = np.ndarray


def tornado(worlds: Worlds, edges: Sequence[str], scenario: int) -> xr.Dataset:
    """A scenario's probability when one link's prior is one sd lower, and one sd higher.

    sd is half of the middle 68 % of the prior (`caucasus_forecast.sensitivity.shifts`).
    The Monte Carlo error of the swing, high minus low, is that of the paired difference.

    Returns
    -------
    On ``edge``, widest swing first: ``low``, ``high``, ``swing``, ``swing_mcse`` (NaN where the
    weights cannot be trusted), ``k`` (the larger
    Pareto k of the two worlds), ``effective`` (the smaller), ``median`` and ``sd`` of the prior.
    Attributes: ``scenario``, and ``base`` with ``base_mcse``, the probability with no link moved.
    """
    made = worlds.made([(e, by) for e in edges for by in (-1.0, 1.0)])
    base = worlds.base()
    one = np.eye(len(worlds.study.partition.scenarios))[scenario]
    pairs = list(zip(made[::2], made[1::2], strict=True))
    rows = [_swing(low, high, one) for low, high in pairs]
    columns = ("low", "high", "swing", "swing_mcse", "k", "effective")
    data = xr.Dataset(
        {c: (names.EDGE, [row[i] for row in rows]) for i, c in enumerate(columns)}
        | {
            "median": (names.EDGE, [worlds.median(e) for e in edges]),
            "sd": (names.EDGE, [worlds.sd(e) for e in edges]),
        },
        coords={names.EDGE: list(edges)},
        attrs={
            "scenario": worlds.study.partition.scenarios[scenario].id,
            "base": float(base.probability[scenario]),
            "base_mcse": mcse(base.influence(one)),
        },
    )
    order = np.argsort(-np.abs(data["swing"].fillna(0.0).to_numpy()), kind="stable")
    return data.isel({names.EDGE: order})


def _swing(low: World, high: World, one: Array) -> tuple[float, ...]:
    p, q = (float(one @ w.probability) for w in (low, high))
    spread = mcse(high.influence(one) - low.influence(one))
    k, effective = (
        max(low.weights.k, high.weights.k),
        min(low.weights.effective, high.weights.effective),
    )
    return p, q, q - p, spread, k, effective


def table(data: xr.Dataset, notes: tuple[str, ...]) -> Table:
    """A tornado as a table for people."""
    rows: list[tuple[str, ...]] = []
    for edge in data[names.EDGE].to_numpy():
        v = {k: float(x) for k, x in data.sel({names.EDGE: edge}).data_vars.items()}
        if np.isnan(v["swing"]):
            rows.append((str(edge).replace("->", " -> "), "too few draws to say", "", "", "", ""))
            continue
        unclear = abs(v["swing"]) <= 2 * v["swing_mcse"]
        rows.append(
            (
                str(edge).replace("->", " -> "),
                "not told from zero" if unclear else "",
                f"{v['median']:.2f} ± {v['sd']:.2f}",
                *(f"{100 * (v[end] - data.attrs['base']):+z.1f}" for end in ("low", "high")),
                points(v["swing"], v["swing_mcse"]),
            )
        )
    header = ("link", "", "prior", "prior 1 sd lower", "prior 1 sd higher", "swing ± error")
    shown = percent(data.attrs["base"], data.attrs["base_mcse"])
    title = f"What moves {data.attrs['scenario']} ({shown} as it is), link by link, in points"
    return Table(title, header, tuple(rows), data, notes)
