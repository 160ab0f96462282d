"""How far one link's prior would have to move for another scenario to lead.

The margin of the leader is its probability less that of the next likeliest. For each link and each
direction the margin is computed at the shifts of `GRID`, in prior sd (half of the middle 68 % of
the prior, `caucasus_forecast.sensitivity.shifts`); between the last shift at which the leader leads
and the first at which it does not, the interval is halved `HALVINGS` times, or until the weights
can no longer be trusted. Its middle is the break-even, and half of its width is a part of the
doubt. A change of leader that begins and ends between two shifts of the grid is not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from .. import names
from ..estimate import mcse
from ..scenarios import Table
from .shifts import World, Worlds

Array = np.ndarray
GRID = (2.0, 4.0)
HALVINGS = 3  # from 2 to 0.25 prior sd
SIDES = {"lower": -1.0, "higher": 1.0}


@dataclass
class _Search:
    """One link in one direction: the last shift at which the leader leads, the first without."""

    edge: str
    sign: float
    leads: float
    margin: float
    lost: float = np.nan
    world: World | None = None
    lost_margin: float = np.nan
    safe: bool = True

    @property
    def found(self) -> bool:
        return self.world is not None

    @property
    def middle(self) -> float:
        return (self.leads + self.lost) / 2

    @property
    def half_width(self) -> float:
        return (self.lost - self.leads) / 2

    def see(self, shift: float, world: World, margin: float) -> None:
        if not world.safe:
            self.safe = False
        elif margin <= 0.0:
            self.lost, self.world, self.lost_margin = shift, world, margin
        else:
            self.leads, self.margin = shift, margin


def margin(world: World, leader: int) -> tuple[float, int]:
    """How far a scenario leads, and the likeliest of the others."""
    p = world.probability
    rival = int(np.argmax(np.where(np.arange(len(p)) == leader, -np.inf, p)))
    return float(p[leader] - p[rival]), rival


def margin_error(world: World, leader: int, rival: int) -> float:
    """Monte Carlo error of a margin."""
    unit = np.eye(len(world.shares))
    return mcse(world.influence(unit[leader] - unit[rival]))


def break_even(worlds: Worlds, edges: Sequence[str]) -> xr.Dataset:
    """The break-even of each link in both directions.

    Returns
    -------
    On (``edge``, ``side``), side lower or higher: ``shift`` of the prior in prior sd (NaN where no
    other scenario leads within the grid), ``slope`` (the prior median there), ``leader`` (empty
    where none), ``shift_mcse``, ``half_width`` of the interval that the shift is the middle of, and
    ``reach``: how far the search went, in prior sd, before the weights could no longer be trusted.
    On ``edge``: ``median``, ``sd`` of the prior. Attributes: ``leader``, ``rival``, ``margin``,
    ``margin_mcse`` with nothing moved.
    """
    base = worlds.base()
    leader = int(np.argmax(base.probability))
    lead, rival = margin(base, leader)
    searches = [_Search(e, sign, 0.0, lead) for e in edges for sign in SIDES.values()]
    for shift in GRID:
        _look(worlds, [s for s in searches if s.safe and not s.found], leader, lambda s: shift)  # noqa: B023
    for _ in range(HALVINGS):
        _look(worlds, [s for s in searches if s.safe and s.found], leader, lambda s: s.middle)
    ids = [s.id for s in worlds.study.partition.scenarios]
    cells = [_cell(s, leader, ids, worlds) for s in searches]
    kinds = {"shift": float, "slope": float, "leader": str, "shift_mcse": float,
             "half_width": float, "reach": float}  # fmt: skip
    shape = (len(edges), len(SIDES))
    return xr.Dataset(
        {
            key: ((names.EDGE, "side"), np.array([c[i] for c in cells], kind).reshape(shape))
            for i, (key, kind) in enumerate(kinds.items())
        }
        | {
            "median": (names.EDGE, [worlds.median(e) for e in edges]),
            "sd": (names.EDGE, [worlds.sd(e) for e in edges]),
        },
        coords={names.EDGE: list(edges), "side": list(SIDES)},
        attrs={
            "leader": ids[leader],
            "rival": ids[rival],
            "margin": lead,
            "margin_mcse": margin_error(base, leader, rival),
            "grid": list(GRID),
        },
    )


def _look(
    worlds: Worlds, searches: list[_Search], leader: int, at: Callable[[_Search], float]
) -> None:
    """Make the world of each search at a shift, all at once, and note who leads there."""
    shifts = [at(s) for s in searches]
    made = worlds.made([(s.edge, s.sign * x) for s, x in zip(searches, shifts, strict=True)])
    for search, shift, world in zip(searches, shifts, made, strict=True):
        search.see(shift, world, margin(world, leader)[0])


def _cell(s: _Search, leader: int, ids: list[str], worlds: Worlds) -> tuple[float | str, ...]:
    if s.world is None:
        return np.nan, np.nan, "", np.nan, np.nan, s.leads
    shift = s.sign * s.middle
    _, rival = margin(s.world, leader)
    steepness = abs(s.margin - s.lost_margin) / (2 * s.half_width)
    doubt = margin_error(s.world, leader, rival) / steepness if steepness else np.inf
    slope = worlds.median(s.edge) + shift * worlds.sd(s.edge)
    return shift, slope, ids[rival], doubt, s.half_width, s.lost


def table(data: xr.Dataset, notes: tuple[str, ...]) -> Table:
    """Break-evens as a table for people, the nearest first."""
    nearest = abs(data["shift"]).min("side").fillna(np.inf).to_numpy()
    rows = tuple(
        (
            str(v[names.EDGE].item()).replace("->", " -> "),
            "",
            f"{float(v['median']):.2f} ± {float(v['sd']):.2f}",
            *(_words(v.sel(side=side)) for side in SIDES),
        )
        for i in np.argsort(nearest, kind="stable")
        if (v := data.isel({names.EDGE: i})) is not None
    )
    a = data.attrs
    lead = f"{100 * a['margin']:.0f} ± {100 * a['margin_mcse']:.0f} points"
    title = f"What would take the lead from {a['leader']} (now {lead} before {a['rival']})"
    header = ("link", "", "prior", "if it were lower", "if it were higher")
    tie = a["margin"] < 2 * a["margin_mcse"]
    said = (f"{a['leader']} and {a['rival']} are tied within the Monte Carlo error",) if tie else ()
    return Table(title, header, rows, data, (*said, *notes))


def _words(v: xr.Dataset) -> str:
    if np.isnan(v["shift"]):
        reach = float(v["reach"])
        return f"none within {reach:.0f} sd" if reach else "too few draws to say"
    doubt = float(v["shift_mcse"] + v["half_width"])
    shift = f"{float(v['shift']):+.1f} ± {doubt:.1f} sd" if np.isfinite(doubt) else "unclear"
    return f"{v['leader'].item()} at {float(v['slope']):+.2f} ({shift})"
