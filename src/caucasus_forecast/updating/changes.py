"""What changed and why: which observation moved which scenario, from what to what.

Each piece of news is left out in turn. Without it, draw d counts for

    w_d(without i) ∝ w_d · p(E' without i | θ_d) / p(E' | θ_d),

the futures start from the origin as it is seen without it, on the same random numbers. A count of
tension also moves the unit in which tension is measured, and that is part of what it changed: the
evidence without it is read on the scale that the rest gives. How surprising it was, given
everything else, is read on one scale, that of all the evidence:

    surprise_i = −log2 Σ_d v_d(without i) · p(E' | θ_d) / p(E' without i | θ_d)    bits,

v_d being w_d(without i) on that scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from scipy import special

from .. import names, posterior, reweighting
from ..estimate import Sample, mcse
from ..reweighting import Weights
from ..scenarios import Table, percent, points
from ..study import Study
from ..tension import Ladder, Process
from .news import Item, news, without
from .seeing import seen_again

Array = np.ndarray


@dataclass(frozen=True)
class _World:
    """The scenarios of every path without something, and what the draws count for there."""

    resolved: Array
    weights: Weights
    surprise: float


def changed(before: xr.DataTree, old: Study, after: xr.DataTree, new: Study) -> Table:
    """A table of the news: how surprising each was, and which scenario it moved most.

    Parameters
    ----------
    before, old
        The forecast that was updated.
    after, new
        The updated one.

    Returns
    -------
    A table whose data are on ``news`` and ``scenario``: ``without`` (probability without it),
    ``change``, ``change_mcse``; on ``news``: ``surprise`` (bits), ``k``, ``effective``; on
    ``scenario``: ``before``, ``after``. The first row is the passing of time: the new origin with
    none of the news. NaN where the draws cannot tell.
    """
    items = news(old, new)
    held = _World(
        after[names.PREDICTIONS][names.RESOLVED].to_numpy()[..., -1],
        reweighting.of_tree(after, np.zeros(new.shape[:2])), 0.0,
    )  # fmt: skip
    left_out = [items, *([item] for item in items)]
    worlds = [_without(after, old, new, one) for one in left_out]
    ids = [str(s.id) for s in new.partition.scenarios]
    data = _data(before, after, held, worlds, ids)
    labels = ["time passes, nothing new is known", *(item.words for item in items)]
    data = data.assign_coords(news=labels)
    return Table(
        f"What moved it, {old.as_of} to {new.as_of}",
        ("news", "surprise, bits", "moved most", "from", "to"),
        tuple(_row(data, i, ids) for i in range(len(labels))),
        data,
        ("each row: the updated forecast without that news, and with it; the first row: without "
         "any of it, beside the forecast before",),
    )  # fmt: skip


def beside(before: xr.DataTree, after: xr.DataTree) -> Table:
    """The scenarios of a forecast and of its update, each at its own horizon.

    Returns
    -------
    A table whose data are on ``scenario``: ``before`` and ``after``, with their ``_mcse``, and
    ``change_mcse``, their errors added as if the draws were not shared.
    """
    old, new = (t[names.SCENARIOS].to_dataset() for t in (before, after))
    data = xr.Dataset(
        {
            "title": new["title"],
            "before": old["probability"], "before_mcse": old["mcse"],
            "after": new["probability"], "after_mcse": new["mcse"],
            "change_mcse": np.hypot(old["mcse"], new["mcse"]),
        }
    )  # fmt: skip
    ends = [f"end of {str(t[names.MONTH].to_numpy()[-1])[:7]}" for t in (old, new)]
    rows = tuple(
        (
            str(s), str(v["title"].item()),
            *(percent(float(v[k]), float(v[f"{k}_mcse"])) for k in ("before", "after")),
            points(float(v["after"] - v["before"]), float(v["change_mcse"])),
        )
        for s in data[names.SCENARIO].to_numpy()
        if (v := data.sel(scenario=s)) is not None
    )  # fmt: skip
    title = (
        f"{after.attrs['title']}: known to {before.attrs['as_of']}, and to {after.attrs['as_of']}"
    )
    return Table(title, ("", "scenario", *ends, "points ± error"), rows, data, ())


def _without(after: xr.DataTree, old: Study, new: Study, items: Sequence[Item]) -> _World:
    panel = without(new, old, items)
    study = replace(new, panel=panel) if isinstance(new.process, Ladder) else new.seeing(panel)
    drawn = after[names.POSTERIOR].to_dataset()
    replay, ratio = seen_again(after, study)
    weights = reweighting.of_tree(after, ratio)
    _, own = posterior.parameters(drawn, study.graph, study.case.model)
    futures = study.futures(study.origin(drawn, replay.state, own))
    moved = _unit(study.process) != _unit(new.process)
    told = seen_again(after, new.seeing(panel))[1] if moved else ratio
    share = reweighting.of_tree(after, told).share if moved else weights.share
    likelihood = special.logsumexp(-told, b=share)
    return _World(
        futures[names.RESOLVED].to_numpy()[..., -1], weights, float(-likelihood / np.log(2.0))
    )


def _unit(process: Process) -> float:
    return process.spread if isinstance(process, Ladder) else 1.0


def _data(
    before: xr.DataTree, after: xr.DataTree, held: _World, worlds: Sequence[_World],
    ids: Sequence[str],
) -> xr.Dataset:  # fmt: skip
    was, now = (t[names.SCENARIOS]["probability"].to_numpy() for t in (before, after))
    share = reweighting.share_of(after)
    shape = (len(worlds), len(ids))
    apart, change, error = (np.full(shape, np.nan) for _ in range(3))
    for i, world in enumerate(worlds):
        if not world.weights.safe:
            continue
        for j in range(len(ids)):
            one = _influence(world.resolved == j, world.weights.share)
            two = _influence(held.resolved == j, share)
            apart[i, j], change[i, j] = one[0], two[0] - one[0]
            error[i, j] = mcse(two[1] - one[1])
    if worlds[0].weights.safe:
        change[0] = apart[0] - was
        error[0] = np.hypot(before[names.SCENARIOS]["mcse"].to_numpy(), error[0])
    return xr.Dataset(
        {
            "without": (("news", names.SCENARIO), apart),
            "change": (("news", names.SCENARIO), change),
            "change_mcse": (("news", names.SCENARIO), error),
            "surprise": ("news", [w.surprise if w.weights.safe else np.nan for w in worlds]),
            "k": ("news", [w.weights.k for w in worlds]),
            "effective": ("news", [w.weights.effective for w in worlds]),
            "before": (names.SCENARIO, was),
            "after": (names.SCENARIO, now),
        },
        coords={names.SCENARIO: list(ids)},
    )


def _influence(hit: Array, share: Array | None) -> tuple[float, Array]:
    return Sample(np.ones(hit.shape, bool), share).influence(hit)


def _row(data: xr.Dataset, i: int, ids: Sequence[str]) -> tuple[str, ...]:
    row = data.isel(news=i)
    label = str(row["news"].item())
    if not np.isfinite(row["change"]).all():
        return (label, "", "the draws cannot tell", "", "")
    j = int(np.abs(row["change"].to_numpy()).argmax())
    to = row["without"] if i == 0 else row["after"]
    start = row["before"] if i == 0 else row["without"]
    error = float(row["change_mcse"][j])
    surprise = "" if i == 0 else f"{float(row['surprise']):.1f}"
    return (label, surprise, ids[j], percent(float(start[j]), error), percent(float(to[j]), error))
