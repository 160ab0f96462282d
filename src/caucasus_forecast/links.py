"""Every link before and after the evidence: what the evidence taught, and what is still prior."""

from __future__ import annotations

import json

import numpy as np
import xarray as xr

from . import names, reweighting
from . import priors as prior_sets
from .scenarios import Table
from .sensitivity.shifts import standing as standing_of

CORE_LINKS = (
    "tension->mission_extension", "stagnation->mission_extension", "tension->pressure",
    "bargaining->pressure", "tension->transport_delay", "transport_delay->bargaining",
    "tension->working_group_halt", "tension->border_guards", "tension->armenian_policy",
    "tension->armenian_arms", "pressure->accession", "stagnation->treaty",
)  # fmt: skip
# a link is prior-led when the evidence left more than this share of its prior variance
PRIOR_LED = 0.8


def link_summary(tree: xr.DataTree) -> xr.Dataset:
    """Prior and posterior mean and sd of every slope, on ``edge``, and ``prior_led``.

    ``prior_led`` is the posterior variance as a share of the prior variance, at most 1: 1 where the
    evidence taught nothing. A prior without a variance (a StudentT of few degrees) has the median
    and half of the middle 68 % in place of mean and sd, before and after.
    """
    after = tree[names.POSTERIOR]["slope"]
    entries = json.loads(tree.attrs["priors"])
    beliefs = [prior_sets.as_prior(entries[str(e)]) for e in after[names.EDGE].to_numpy()]
    before = [prior_sets.frozen(b) for b in beliefs]
    over = (names.CHAIN, names.DRAW)
    data = xr.Dataset(
        {
            "prior_mean": (names.EDGE, [float(d.mean()) for d in before]),
            "prior_sd": (names.EDGE, [float(d.std()) for d in before]),
            "mean": reweighting.weighted(tree, after).mean(over),
            "sd": reweighting.weighted(tree, after).std(over),
        }
    )
    if wide := [i for i, d in enumerate(before) if not np.isfinite(d.std())]:
        edges = data[names.EDGE].isel(edge=wide)
        low, middle, high = reweighting.weighted(tree, after.isel(edge=wide)).quantile(
            [0.1587, 0.5, 0.8413], dim=over
        )
        standing = [standing_of(beliefs[i]) for i in wide]
        data["prior_mean"].loc[{names.EDGE: edges}] = [m for m, _ in standing]
        data["prior_sd"].loc[{names.EDGE: edges}] = [s for _, s in standing]
        data["mean"].loc[{names.EDGE: edges}] = middle.to_numpy()
        data["sd"].loc[{names.EDGE: edges}] = (high - low).to_numpy() / 2
    data["prior_led"] = np.minimum((data["sd"] / data["prior_sd"]) ** 2, 1.0)
    data["shift"] = (data["mean"] - data["prior_mean"]) / data["prior_sd"]
    return data


def table(tree: xr.DataTree, notes: tuple[str, ...]) -> Table:
    """Every link before and after the evidence, the core ones first."""
    header = ("link", "", "prior", "posterior", "shift in prior sd", "share of prior")
    if "slope" not in tree[names.POSTERIOR]:
        return Table("Links", header, (), xr.Dataset(), ("this model has no links", *notes))
    data = link_summary(tree)
    edges = [str(e) for e in data[names.EDGE].to_numpy()]
    ordered = [e for e in CORE_LINKS if e in edges] + [e for e in edges if e not in CORE_LINKS]
    rows_ = []
    for e in ordered:
        v = data.sel(edge=e)
        led = float(v["prior_led"])
        rows_.append(
            (
                e.replace("->", " -> "),
                "prior-led" if led > PRIOR_LED else "",
                f"{float(v['prior_mean']):.2f} ± {float(v['prior_sd']):.2f}",
                f"{float(v['mean']):.2f} ± {float(v['sd']):.2f}",
                f"{float(v['shift']):+.1f}",
                f"{100 * led:.0f} %",
            )
        )
    return Table("Links: effect of one sd of the cause", header, tuple(rows_), data, notes)
