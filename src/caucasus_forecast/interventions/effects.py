"""What an intervention changes on every scenario and every node.

With the same parameters θ and random numbers u, a path has one value Y without and one with the
act, and the total effect is the mean of their difference,

    effect = E[ Y(do; θ, u) − Y(θ, u) ].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from .. import names, reweighting
from ..estimate import Sample
from ..graph import CausalGraph
from ..names import DEATHS, TENSION
from ..scenarios import Table, percent, points
from ..simulate import Origin
from ..study import Study
from .acts import Act, sentence
from .worlds import failed, last, levels_of, paired, reading, shown, unit_of, world

Array = np.ndarray

HALF_WIDTH = 1.6448536269514722  # standard deviations of a 90 % normal interval


def effects(
    study: Study, start: Origin, acts: Sequence[Act], before: xr.DataTree, after: xr.DataTree
) -> Table:
    """What the acts change on every scenario and node, at the end of the horizon.

    Parameters
    ----------
    start
        From `outlook.origin`.
    before, after
        The forecast without and with the acts.

    Returns
    -------
    A table whose data are on ``scenario`` (``scenario_effect``, ``scenario_mcse``, ``scenario_sd``
    between parameter draws; ``before``, ``after``, with their ``_mcse``) and on ``node``
    (``node_effect``, ``node_mcse``, ``node_sd``, ``node_before``, ``unit``).
    """
    share = reweighting.share_of(before)
    found = _on_scenarios(study, before, after, share)
    natural, done = (
        last(world(study, start)),
        last(world(study, start, levels_of(study, start, acts))),
    )
    moved = [n for n in (*study.graph.order, DEATHS) if _moves(study.graph, acts, n)]
    sample = Sample(np.ones(study.shape, bool), share)
    rows = {}
    for name in moved:
        one, two = (reading(study.graph, name, w).reshape(study.shape) for w in (natural, done))
        mean, error = paired(sample, two - one)
        rows[name] = (mean, error, sample.spread(two - one), paired(sample, one)[0])
    data = found.assign_coords({names.NODE: list(rows)})
    for i, key in enumerate(("node_effect", "node_mcse", "node_sd", "node_before")):
        data[key] = (names.NODE, [r[i] for r in rows.values()])
    data["unit"] = (names.NODE, [unit_of(study.graph, n) for n in rows])
    return _effects_table(study, acts, data, after)


def _moves(graph: CausalGraph, acts: Sequence[Act], name: str) -> bool:
    done = {a.node for a in acts}
    reached = done.union(*(graph.descendants(n) for n in done))
    return (TENSION if name == DEATHS else name) in reached


def _on_scenarios(
    study: Study, before: xr.DataTree, after: xr.DataTree, share: Array | None
) -> xr.Dataset:
    one, two = (t[names.PREDICTIONS][names.RESOLVED].to_numpy()[..., -1] for t in (before, after))
    one_table, two_table = (t[names.SCENARIOS].to_dataset() for t in (before, after))
    sample = Sample(np.ones(one.shape, bool), share)
    ids = [s.id for s in study.partition.scenarios]
    changes = [(two == i).astype(float) - (one == i) for i in range(len(ids))]
    rows = [(*paired(sample, change), sample.spread(change)) for change in changes]
    return xr.Dataset(
        {
            "scenario_effect": (names.SCENARIO, [r[0] for r in rows]),
            "scenario_mcse": (names.SCENARIO, [r[1] for r in rows]),
            "scenario_sd": (names.SCENARIO, [r[2] for r in rows]),
            "before": one_table["probability"],
            "before_mcse": one_table["mcse"],
            "after": two_table["probability"],
            "after_mcse": two_table["mcse"],
        },
        coords={names.SCENARIO: ids},
        attrs={"label": "intervention"},
    )


def _scenario_rows(study: Study, data: xr.Dataset) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    titles = {s.id: s.name for s in study.partition.scenarios}
    for s in data[names.SCENARIO].to_numpy():
        v = data.sel(scenario=s)
        error = float(v["scenario_mcse"])
        mean, sd = float(v["scenario_effect"]), float(np.hypot(v["scenario_sd"], error))
        change = f"{points(mean, error)} points"
        shown = " -> ".join(
            percent(float(v[k]), float(v[f"{k}_mcse"])) for k in ("before", "after")
        )
        rows.append((str(s), titles[str(s)], change, shown, _range("points", mean, sd)))
    return rows


def changed(study: Study, before: xr.DataTree, after: xr.DataTree, title: str) -> Table:
    """What differs between the scenarios of two worlds with the same parameters and chance."""
    data = _on_scenarios(study, before, after, reweighting.share_of(before))
    data.attrs["label"] = "counterfactual"
    rows = tuple(_scenario_rows(study, data))
    notes = ("counterfactual: change in probability ± Monte Carlo error", *failed(after))
    return Table(
        title, ("", "scenario", "change", "from -> to", "90 % over parameters"), rows, data, notes
    )


def _effects_table(
    study: Study, acts: Sequence[Act], data: xr.Dataset, after: xr.DataTree
) -> Table:
    rows, silent = _scenario_rows(study, data), []
    for i in np.argsort(-np.abs(data["node_effect"].to_numpy()), kind="stable"):
        v = data.isel({names.NODE: int(i)})
        name, mean = str(v[names.NODE].item()), float(v["node_effect"])
        if abs(mean) <= 2 * float(v["node_mcse"]):
            silent.append(name)
        else:
            rows.append(("", name, *_node_cells(v)))
    title = f"What changes by the end of {study.months[-1]} when {sentence(acts)}"
    header = ("", "on", "effect", "from -> to", "90 % over parameters")
    notes = (
        "intervention: the causes of what is set are cut; the same parameters and random numbers "
        "with and without it",
        "scenarios: change in probability ± Monte Carlo error",
        "nodes: change of the mean, of the logarithm for counts (x) and for 1 + deaths",
        *([f"no more than simulation noise: {', '.join(silent)}"] if silent else []),
        *failed(after),
    )
    return Table(title, header, tuple(rows), data, notes)


def _node_cells(v: xr.Dataset) -> tuple[str, str, str]:
    """The effect on a node, and its range over parameters."""
    unit, mean = str(v["unit"].item()), float(v["node_effect"])
    sd = float(np.hypot(v["node_sd"], v["node_mcse"]))
    tail = "" if unit.startswith("times") else f" {unit}"
    return f"{shown(unit, mean)}{tail}", "", _range(unit, mean, sd)


def _range(unit: str, mean: float, sd: float) -> str:
    """90 % of the effects over parameters, as if they were normal; no chance moves by more than 1.

    What a chance was without the act differs between the draws, so its mean bounds no draw's
    effect.
    """
    ends = [mean - HALF_WIDTH * sd, mean + HALF_WIDTH * sd]
    if unit.startswith("points"):
        ends = [min(max(x, -1.0), 1.0) for x in ends]
    return " to ".join(shown(unit, x) for x in ends)
