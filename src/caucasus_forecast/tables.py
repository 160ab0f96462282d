"""The tables of a forecast that print themselves: scenarios, side questions, series."""

from __future__ import annotations

import xarray as xr

from . import names
from .scenarios import Table, interval, percent


def scenarios(tree: xr.DataTree, notes: tuple[str, ...]) -> Table:
    """Probability of every scenario at the horizon, each beside what the priors alone say."""
    data = tree[names.SCENARIOS].to_dataset()
    alone = "prior_probability" in data
    error = "prior_mcse" if "prior_mcse" in data else "mcse"  # older files have only one
    rows = tuple(
        (
            str(s),
            str(v["title"].item()),
            percent(float(v["probability"]), float(v["mcse"])),
            interval(float(v["lower"]), float(v["upper"])),
            *([percent(float(v["prior_probability"]), float(v[error]))] if alone else []),
        )
        for s in data[names.SCENARIO].to_numpy()
        if (v := data.sel(scenario=s)) is not None
    )
    end = str(data[names.MONTH].to_numpy()[-1])[:7]
    header = ("", "scenario", "probability", "90 % interval", *["prior alone"] * alone)
    title = f"{tree.attrs['title']}: where it stands at the end of {end}"
    return Table(title, header, rows, data, notes)


def questions(tree: xr.DataTree, notes: tuple[str, ...]) -> Table:
    """Probability of every answer to the side questions."""
    data = tree[names.QUESTIONS].to_dataset()
    rows, shown = [], ""
    for i, q in enumerate(data[names.QUESTION].to_numpy()):
        v = data.isel(answer=i)
        head = "" if str(q) == shown else str(v["title"].item())
        shown = str(q)
        rows.append(
            (
                str(q) if head else "",
                head,
                str(v["label"].item()),
                percent(float(v["probability"]), float(v["mcse"])),
                interval(float(v["lower"]), float(v["upper"])),
            )
        )
    header = ("", "question", "answer", "probability", "90 % interval")
    return Table("Side questions", header, tuple(rows), data, notes)


def fans(tree: xr.DataTree, notes: tuple[str, ...]) -> Table:
    """Every series at the horizon: median, and 50 % and 90 % bands."""
    data = tree[names.FANS].to_dataset()
    last = data["fan"].isel(month=-1)
    rows = tuple(
        (str(s), *(f"{x:.3g}" for x in last.sel(series=s).to_numpy()))
        for s in data[names.SERIES].to_numpy()
    )
    header = ("series", *(f"{100 * q:g} %" for q in names.FAN_QUANTILES))
    end = str(data[names.MONTH].to_numpy()[-1])[:7]
    title = f"Every series in {end}: posterior predictive quantiles"
    return Table(title, header, rows, data, notes)
