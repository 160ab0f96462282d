"""What a later panel says that an earlier one did not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from .. import delays, names
from ..study import Study
from .evidence import cells

Array = np.ndarray


@dataclass(frozen=True)
class Item:
    """One thing that is new: a count, a revised count, or more months of event nodes.

    Attributes
    ----------
    words
        What is new, for people.
    row
        Place of the new observation in the panel, if it is one.
    was
        Its count before it was revised, if it was.
    nodes
        Event nodes.
    """

    words: str
    row: int | None = None
    was: float | None = None
    nodes: tuple[str, ...] = ()


def news(before: Study, after: Study) -> tuple[Item, ...]:
    """Everything new, counts first, in order of series and time."""
    return (*_counts(before.panel, after.panel), *_states(before, after))


def _counts(before: xr.Dataset, after: xr.Dataset) -> Sequence[Item]:
    held = {n: {o.window: o.count for o in rows} for n, rows in cells(before).items()}
    series, found = after["series"].to_numpy().astype(str), []
    for name, rows in cells(after).items():
        for place, o in zip(np.flatnonzero(series == name), rows, strict=True):
            was = held.get(name, {}).get(o.window)
            if was == o.count:
                continue
            span = f"{o.window.start:%Y-%m}" if o.window.whole_month else str(o.window)
            tail = "" if was is None else f" (was {was:g})"
            found.append(Item(f"{name} {span}: {o.count:g}{tail}", int(place), was))
    return found


def _states(before: Study, after: Study) -> Sequence[Item]:
    fresh = _fresh(before, after.panel)
    found, quiet = [], []
    for node in map(str, after.panel[names.STATE].to_numpy()):
        row = after.panel.sel({names.STATE: node})
        when = np.flatnonzero(row["changed"].to_numpy() * fresh)
        if len(when):
            month = str(row[names.MONTH].to_numpy()[when[0]])[:7]
            found.append(Item(f"{node} changed in {month}", nodes=(node,)))
        elif (row["at_risk"].to_numpy() * fresh).any():
            quiet.append(node)
    if quiet:
        found.append(Item(f"no change: {', '.join(quiet)}", nodes=tuple(quiet)))
    return found


def _fresh(before: Study, panel: xr.Dataset) -> Array:
    """Which months of a panel come after those of the earlier one."""
    found: Array = panel[names.MONTH].to_numpy() > before.panel[names.MONTH].to_numpy()[-1]
    return found


def without(after: Study, before: Study, items: Sequence[Item]) -> xr.Dataset:
    """The later panel as if some of the news had not come: unknown, or not revised."""
    panel, gone = after.panel.copy(deep=True), []
    for item in items:
        if item.row is not None and item.was is not None:
            panel["count"][item.row] = item.was
            panel = delays.as_before(panel, before.panel, item.row)
        elif item.row is not None:
            gone.append(item.row)
        for node in item.nodes:
            _unsaid(panel, before, node)
    return panel.isel(observation=np.setdiff1d(np.arange(panel.sizes[names.OBSERVATION]), gone))


def _unsaid(panel: xr.Dataset, before: Study, node: str) -> None:
    """Months of an event node that the earlier panel did not have become unknown."""
    where, fresh = {names.STATE: node}, _fresh(before, panel)
    stood = before.panel["status"].sel(where).to_numpy()[-1]
    for name, value in (("at_risk", 0.0), ("changed", 0.0), ("status", stood)):
        row = panel[name].sel(where).to_numpy().copy()
        row[fresh] = value
        panel[name].loc[where] = row
