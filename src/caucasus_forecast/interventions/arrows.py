"""An effect, felt along one arrow at a time.

Along one arrow out of what is done, only that arrow feels it (`caucasus_forecast.simulate.Along`).
The sum over the arrows differs from the total effect by what they do together, which is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from .. import names, reweighting, simulate
from ..errors import InterventionError, nearest
from ..estimate import Sample
from ..graph import CausalGraph
from ..names import DEATHS, TENSION
from ..scenarios import Table
from ..simulate import Along, Origin
from ..study import Study
from .acts import Act, sentence
from .worlds import failed, last, levels_of, paired, reading, shown, unit_of, world

Array = np.ndarray


def refuse_on(study: Study, acts: Sequence[Act], on: str) -> None:
    """Refuse the effect on what is no node or scenario, or is what is done; see `arrows`."""
    known = [*(s.id for s in study.partition.scenarios), *study.graph.node, DEATHS]
    if on not in known:
        raise InterventionError(f"no {on!r}; {nearest(on, known)}")
    if on in {a.node for a in acts}:
        raise InterventionError(f"{on} is what is done; ask for the effect on something else")


def arrows(study: Study, start: Origin, acts: Sequence[Act], on: str, tree: xr.DataTree) -> Table:
    """The effect of the acts on one node or scenario, arrow by arrow.

    Parameters
    ----------
    on
        A node, ``battle_deaths``, or the id of a scenario.
    tree
        The forecast; its weights count.

    Raises
    ------
    InterventionError
        If `on` is none of these, or is what is done.
    """
    refuse_on(study, acts, on)
    graph, done = study.graph, {a.node for a in acts}
    ids = [s.id for s in study.partition.scenarios]
    out = [e for e in graph.edges if (e.cause in done or e.moderator in done) and e.role != "gate"]
    out = [e for e in out if on in ids or _leads(graph, e.effect, on)]
    every = levels_of(study, start, acts)
    undisturbed = list(world(study, start))
    base = _outcome(study, start, on, undisturbed)
    sample = Sample(np.ones(study.shape, bool), reweighting.share_of(tree))

    def change(months: Any) -> tuple[float, float, Array]:
        value = _outcome(study, start, on, months) - base
        return *paired(sample, value), value

    total = change(world(study, start, every))
    rest = frozenset(e.name for e in graph.edges) - {e.name for e in out}
    itself = done | ({DEATHS} if TENSION in done else set())
    ways = [(f"{n}, itself", rest, itself - {n}) for n in sorted(itself)]
    ways += [(e.name, rest | {e.name}, itself) for e in out]
    parts = []
    for name, felt, unseen in ways:
        along = Along.of(graph, frozenset(felt), iter(undisturbed), frozenset(unseen))
        parts.append((name, *change(world(study, start, every, along))))
    together = total[2] - sum((p[3] for p in parts), np.zeros(study.shape))
    unit = "points" if on in ids else unit_of(graph, on)
    kept = [(n, m, x) for n, m, x, _ in parts if m or x]
    kept.sort(key=lambda r: -abs(r[1]))
    gated = any(e.role == "gate" and e.cause in done for e in graph.edges)
    together_ = f"together{', and through gates,' if gated else ','} beyond the sum"
    lines = [*kept, (together_, *paired(sample, together)), ("total", *total[:2])]
    rows = tuple((n.replace("->", " -> "), _with_error(unit, m, x)) for n, m, x in lines)
    data = xr.Dataset(
        {"effect": ("along", [m for _, m, _ in lines]), "mcse": ("along", [x for *_, x in lines])},
        coords={"along": [n for n, *_ in lines]},
        attrs={"label": "intervention", "unit": unit},
    )
    signs = {np.sign(m) for _, m, x in kept if abs(m) > 2 * x}
    notes = ["intervention, felt along one arrow at a time; ± is the Monte Carlo error"]
    notes += ["the arrows pull both ways"] if len(signs - {0.0}) > 1 else []
    silent = len(parts) - len(kept)
    notes += [f"arrows that carry nothing: {silent}"] if silent else []
    title = f"Effect on {on} at the end of {study.months[-1]} when {sentence(acts)} ({unit})"
    return Table(title, ("felt along", "effect"), rows, data, (*notes, *failed(tree)))


def _with_error(unit: str, mean: float, error: float) -> str:
    if unit.startswith("times"):
        return f"{shown(unit, mean)} (log {mean:+.3f} ± {error:.3f})"
    scale = 100 if unit.startswith("points") else 1
    return f"{scale * mean:+.2f} ± {scale * error:.2f}"


def _leads(graph: CausalGraph, effect: str, on: str) -> bool:
    target = TENSION if on == DEATHS else on
    return effect == target or target in graph.descendants(effect)


def _outcome(study: Study, start: Origin, on: str, months: Any) -> Array:
    ids = [s.id for s in study.partition.scenarios]
    if on not in ids:
        return reading(study.graph, on, last(months)).reshape(study.shape)
    futures = study.labelled(simulate.gathered(months, study.graph), start)
    return (futures[names.RESOLVED].to_numpy()[..., -1] == ids.index(on)).astype(float)
