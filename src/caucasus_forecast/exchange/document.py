"""A forecast as one JSON object, which the published schema describes.

Every probability and mean is that of `caucasus_forecast.estimate`, weights honoured, with its Monte
Carlo error; `lower` and `upper` are the 90 % interval over parameter draws. What is not finite is
None.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
import xarray as xr

from .. import estimate, names, reweighting
from ..estimate import Sample
from ..graph import CausalGraph, holds
from .facts import facts, finite
from .naming import Finished, Named, gather

Array = np.ndarray
FORMAT: Final = "caucasus-forecast"
VERSION: Final = 1
# counts a month at which the field asks how probable so many or more are
THRESHOLDS: Final = (1, 25, 100, 1000)


@cache
def _schema_text() -> str:
    return files(__package__).joinpath("forecast.schema.json").read_text(encoding="utf-8")


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of what `document` gives.

    Examples
    --------
    >>> schema()["required"]
    ['format', 'version', 'interval_mass', 'forecasts']
    """
    found: dict[str, Any] = json.loads(_schema_text())
    return found


def document(forecasts: Any) -> dict[str, Any]:
    """Forecasts as one object of what JSON has.

    Parameters
    ----------
    forecasts
        A forecast, several, or scenario_id → forecast.

    Raises
    ------
    CaseError
        If an id is not safe, or used twice.
    """
    return {
        "format": FORMAT,
        "version": VERSION,
        "interval_mass": names.INTERVAL_MASS,
        "forecasts": [_entry(named) for named in gather(forecasts)],
    }


def _entry(named: Named) -> dict[str, Any]:
    world = Reader(named.forecast)
    return facts(named) | {
        "months": list(world.months),
        "scenarios": _scenarios(world),
        "questions": _questions(named.forecast.tree[names.QUESTIONS].to_dataset(), world),
        "states": _states(world),
        "series": _series(world),
    }


# --------------------------------------------------------------------------- reading the futures


class Reader:
    """The futures of a forecast, what each draw of them counts for, and its estimates."""

    def __init__(self, forecast: Finished) -> None:
        self.tree = forecast.tree
        self.graph: CausalGraph = forecast.study.graph
        self.futures: xr.Dataset = self.tree[names.PREDICTIONS].to_dataset()
        shape = self.futures[names.DEATHS].shape
        self.shape: tuple[int, int, int] = (shape[0], shape[1], shape[2])
        self.share = reweighting.share_of(self.tree)
        self.sample = Sample(np.ones(self.shape, bool), self.share)

    @property
    def months(self) -> tuple[str, ...]:
        """The months, as ``2021-12``."""
        return tuple(str(m)[:7] for m in self.futures[names.MONTH].to_numpy())

    @property
    def resolved(self) -> Array:
        """Index of the scenario on every path at every month."""
        return self.futures[names.RESOLVED].to_numpy()

    @property
    def counts(self) -> dict[str, Array]:
        """Each simulated count series on (chain, draw, path, month), deaths first."""
        return {names.DEATHS: self.futures[names.DEATHS].to_numpy()} | self._along(
            "count", names.NODE
        )

    @property
    def states(self) -> dict[str, Array]:
        """Whether each event node's state holds, (chain, draw, path, month)."""
        found = self._along("status", names.STATE)
        return {n: np.asarray(holds(self.graph.node[n], x) == 1) for n, x in found.items()}

    @property
    def others(self) -> dict[str, Array]:
        """Tension and the readings of the shares, (chain, draw, path, month)."""
        tension = {names.TENSION: self.futures[names.TENSION].to_numpy()}
        return tension | self._along("share", names.SHARE)

    def _along(self, variable: str, dim: str) -> dict[str, Array]:
        found = self.futures[variable]
        return {str(n): found.sel({dim: n}).to_numpy() for n in found[dim].to_numpy()}

    def rate(self, value: Array) -> float:
        """Weighted mean of a value over all futures."""
        return float((self.sample.weights * value.mean(-1)).sum())

    def probability(self, hit: Array) -> dict[str, float]:
        """Probability of an event, its Monte Carlo error, and the interval over draws."""
        return estimate.probability(hit, self.sample)

    def mean(self, value: Array) -> dict[str, float | None]:
        """Mean of a value, and its Monte Carlo error; none for what never varies."""
        varies = np.ptp(value) > 0
        mean, error = self.sample.mean(value) if varies else (float(value.flat[0]), 0.0)
        return {"mean": finite(mean), "mcse": finite(error)}


def _scenarios(world: Reader) -> dict[str, Any]:
    table = world.tree[names.SCENARIOS].to_dataset()
    said = ("title", "rule", "source", "void")
    return {
        "set": str(table.attrs["set"]),
        "items": [
            {"id": str(s)}
            | {key: str(table[key].to_numpy()[i]) for key in said}
            | {"months": _passing(world.resolved == i, world)}
            for i, s in enumerate(table[names.SCENARIO].to_numpy())
        ],
    }


def _passing(hit: Array, world: Reader) -> list[dict[str, Any]]:
    """By month: whether it is so at its end, and whether it has been so by then."""
    passed = np.logical_or.accumulate(hit, axis=-1)
    firsts = [world.probability(passed[..., h]) for h in range(len(world.months))]
    return [
        now | {"first_passage": {k: first[k] for k in ("probability", "mcse")}}
        for now, first in zip(_monthly(hit, world), firsts, strict=True)
    ]


def _monthly(hit: Array, world: Reader) -> list[dict[str, Any]]:
    return [{"month": m} | world.probability(hit[..., h]) for h, m in enumerate(world.months)]


def _questions(table: xr.Dataset, world: Reader) -> list[dict[str, Any]]:
    columns = ("probability", "mcse", "lower", "upper")
    found: dict[str, dict[str, Any]] = {}
    for i, q in enumerate(table[names.QUESTION].to_numpy()):
        row = table.isel(answer=i)
        head = {"id": str(q), "title": str(row["title"].item()), "month": world.months[-1]}
        question = found.setdefault(str(q), head | {"answers": []})
        numbers = {c: float(row[c]) for c in columns}
        question["answers"].append({"label": str(row["label"].item())} | numbers)
    return list(found.values())


def _states(world: Reader) -> list[dict[str, Any]]:
    return [
        {"name": name, "meaning": world.graph.node[name].meaning, "months": _monthly(hit, world)}
        for name, hit in world.states.items()
    ]


def _series(world: Reader) -> list[dict[str, Any]]:
    fans = world.tree[names.FANS].to_dataset()["fan"]
    counts = world.counts
    return [
        _one_series(name, values, fans.sel(series=name), name in counts, world)
        for name, values in (counts | world.others).items()
    ]


def _one_series(
    name: str, values: Array, fan: xr.DataArray, is_count: bool, world: Reader
) -> dict[str, Any]:
    node = world.graph.node.get(name)
    kind = "count" if is_count else "process" if name == names.TENSION else "share"
    months = []
    for h, month in enumerate(world.months):
        one: dict[str, Any] = {"month": month} | world.mean(values[..., h].astype(float))
        one["quantiles"] = _quantiles(fan.isel(month=h))
        if is_count:
            one["at_least"] = [
                {"threshold": t} | world.probability(values[..., h] >= t) for t in THRESHOLDS
            ]
        months.append(one)
    unit = "deaths a month" if name == names.DEATHS else node.unit if node else ""
    return {"name": name, "kind": kind, "unit": unit, "months": months}


def _quantiles(fan: xr.DataArray) -> Mapping[str, float | None]:
    levels = fan[names.QUANTILE].to_numpy()
    return {f"{q:g}": finite(x) for q, x in zip(levels, fan.to_numpy(), strict=True)}
