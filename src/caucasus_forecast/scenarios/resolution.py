"""Which scenario a future is, and how probable each is."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from .. import names
from ..errors import ScenarioError, nearest
from ..estimate import Sample, probability
from ..graph import CausalGraph, holds
from .rules import Condition, ScenarioSet

Array = np.ndarray


def measure(condition: Condition, futures: xr.Dataset, graph: CausalGraph, shares: Any) -> Array:
    """The measure of a condition on every path at every month, shape (chain, draw, path, month).

    Raises
    ------
    ScenarioError
        If the futures do not hold such a series.
    """
    kind, of = condition.measure, condition.of
    if kind == "status":
        values = _pick(futures, "status", names.STATE, of)
        return np.asarray(holds(graph.node[of], values.astype(float)))
    if kind in ("share", "change"):
        values = _pick(futures, "share", names.SHARE, of)
        return values - shares[of][..., None] if kind == "change" else values
    if of == names.DEATHS:
        values = futures[of].to_numpy()
    else:
        values = _pick(futures, "count", names.NODE, of)
    return _windowed(values, kind, condition.last)


def _pick(futures: xr.Dataset, variable: str, dim: str, name: str) -> Array:
    available = [str(x) for x in futures[dim].to_numpy()]
    if name not in available:
        raise ScenarioError(f"no {variable} of {name!r} in the futures; {nearest(name, available)}")
    return futures[variable].isel({dim: available.index(name)}).to_numpy()


def _windowed(values: Array, kind: str, last: int) -> Array:
    """Maximum, total or mean of the last months at every month, or of all so far (`last` 0)."""
    if kind == "max":
        if not last:
            return np.maximum.accumulate(values, axis=-1).astype(float)
        found = values.astype(float)
        for back in range(1, min(last, values.shape[-1])):
            found[..., back:] = np.maximum(found[..., back:], values[..., :-back])
        return found
    total = np.cumsum(values, axis=-1, dtype=float)
    if last:
        total[..., last:] -= total[..., :-last].copy()
    months = np.arange(1, values.shape[-1] + 1)
    return total / np.minimum(months, last or len(months)) if kind == "mean" else total


def resolve(chosen: ScenarioSet, futures: xr.Dataset, graph: CausalGraph, shares: Any) -> Array:
    """Index of the resolved scenario on every path at every month, (chain, draw, path, month).

    Raises
    ------
    ScenarioError
        If a future resolves to none, or in an unordered set to several, with that future shown.
    """
    each = met(chosen, futures, graph, shares)
    hits = each.sum(0)
    wrong = (hits == 0) if chosen.ordered else (hits != 1)
    if wrong.any():
        where = first(wrong)
        ids = [s.id for s, m in zip(chosen.scenarios, each, strict=True) if m[where]]
        raise ScenarioError(
            f"scenario set {chosen.name!r} is not {'exclusive' if ids else 'exhaustive'}: "
            f"the future chain {where[0]}, draw {where[1]}, path {where[2]} resolves to "
            f"{' and '.join(ids) or 'no scenario'} at month {where[3] + 1} "
            f"({values_at(chosen, futures, graph, shares, where)}). "
            + ("Make the conditions disjoint, or set ordered = true" if ids else
               "Add a last scenario with when = []"
               + ("" if chosen.ordered else ", and set ordered = true"))
        )  # fmt: skip
    return each.argmax(0).astype(np.int8)


def met(chosen: ScenarioSet, futures: xr.Dataset, graph: CausalGraph, shares: Any) -> Array:
    """Whether all conditions of each scenario hold, (scenario, chain, draw, path, month)."""
    every = np.ones(futures[names.TENSION].shape, bool)
    return np.stack(
        [
            np.logical_and.reduce([every, *(_true(c, futures, graph, shares) for c in s.when)])
            for s in chosen.scenarios
        ]
    )


def _true(condition: Condition, futures: xr.Dataset, graph: CausalGraph, shares: Any) -> Array:
    return condition.holds(measure(condition, futures, graph, shares))


def first(true: Array) -> tuple[int, ...]:
    """Where an array is first true."""
    return tuple(int(i) for i in np.unravel_index(true.argmax(), true.shape))


def values_at(
    chosen: ScenarioSet,
    futures: xr.Dataset,
    graph: CausalGraph,
    shares: Any,
    where: tuple[int, ...],
) -> str:
    """The value of every measure of a set on one future at one month, as text."""
    conditions = {(c.measure, c.of, c.last): c for s in chosen.scenarios for c in s.when}
    values = (
        f"{c.measure} of {c.of} = {measure(c, futures, graph, shares)[where]:g}"
        for c in conditions.values()
    )
    return ", ".join(values)


# --------------------------------------------------------------------------- probabilities


def summarise(
    chosen: ScenarioSet, resolved: Array, months: Array, share: Array | None = None
) -> xr.Dataset:
    """Probabilities of every scenario.

    Parameters
    ----------
    chosen
        The set.
    resolved
        From `resolve`.
    months
        The months of the horizon.
    share
        What each draw counts for (default: all the same).

    Returns
    -------
    On ``scenario``: probability, mcse, lower, upper, title. On (scenario, month): ``by_month``, the
    probability that the set would resolve so if the horizon were that month, and
    ``first_passage``, that it has resolved so in some month up to it.
    """
    ids = [s.id for s in chosen.scenarios]
    everywhere = Sample(np.ones(resolved.shape[:3], bool), share)
    rows = [probability(resolved[..., -1] == i, everywhere) for i in range(len(ids))]
    states = np.stack([resolved == i for i in range(len(ids))])
    passed = np.logical_or.accumulate(states, axis=-1)
    return xr.Dataset(
        {key: (names.SCENARIO, [r[key] for r in rows]) for key in rows[0]}
        | {
            "by_month": ((names.SCENARIO, names.MONTH), _over_paths(states, share)),
            "first_passage": ((names.SCENARIO, names.MONTH), _over_paths(passed, share)),
            "title": (names.SCENARIO, [s.name for s in chosen.scenarios]),
            "rule": (names.SCENARIO, [s.rule for s in chosen.scenarios]),
            "source": (names.SCENARIO, [s.source for s in chosen.scenarios]),
            "void": (names.SCENARIO, [s.void for s in chosen.scenarios]),
        },
        coords={names.SCENARIO: ids, names.MONTH: months.astype("datetime64[ns]")},
        attrs={"set": chosen.name, "interval_mass": names.INTERVAL_MASS},
    )


def _over_paths(states: Array, share: Array | None) -> Array:
    """Mean over (chain, draw, path) of (scenario, chain, draw, path, month)."""
    rate = states.mean(3)
    return rate.mean((1, 2)) if share is None else np.einsum("scdm,cd->sm", rate, share)


def answer(
    chosen: ScenarioSet, futures: xr.Dataset, graph: CausalGraph, shares: Any,
    share: Array | None = None,
) -> xr.Dataset:  # fmt: skip
    """Probabilities of every answer of every side question, on ``answer``, at the horizon.

    `share` is what each draw counts for.

    Raises
    ------
    ScenarioError
        If the answers of a question overlap or leave a gap on a simulated future.
    """
    ids, labels, titles, rows = [], [], [], []
    for q in chosen.questions:
        value = measure(q.measure, futures, graph, shares)[..., -1]
        hits = [a.holds(value) for _, a in q.answers]
        wrong = np.sum(hits, axis=0) != 1
        if wrong.any():
            raise ScenarioError(
                f"scenario set {chosen.name!r}, {q.id}: the value {value[wrong].flat[0]:g} has "
                f"{int(np.sum(hits, axis=0)[wrong].flat[0])} answers; make the bins touch"
            )
        for (label, _), hit in zip(q.answers, hits, strict=True):
            ids.append(q.id)
            labels.append(label)
            titles.append(q.title)
            rows.append(probability(hit, Sample(np.ones(hit.shape, bool), share)))
    keys = ("probability", "mcse", "lower", "upper")
    return xr.Dataset(
        {key: (names.ANSWER, [r[key] for r in rows]) for key in keys}
        | {"title": (names.ANSWER, titles), "label": (names.ANSWER, labels)},
        coords={names.QUESTION: (names.ANSWER, ids)},
        attrs={"set": chosen.name, "interval_mass": names.INTERVAL_MASS},
    )
