"""Counts of nodes over three months and more, which vote, beside the exact sum over paths.

Each month of such a count votes with its share of the days for what the whole count would be at its
own level (`caucasus_forecast.likelihood.ladder_terms`); exactly, the count reads the sum of the
months. Under a draw θ of the embedded posterior, with tension paths drawn given θ and all evidence
as it is read,

    Δ(θ) = log E_paths [ p(counts | path) / votes(path) ]

is what the votes lack, and draws that count for exp Δ(θ) are draws of the exact posterior.

    python benchmarks/votes.py [--draws 4000] [--paths 200] [--out FILE]

Prints Δ, the parameters that it would move by more than a tenth of their standard deviation, and
the scenario that it would move most.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.special import logsumexp
from totals import draws, seen

import caucasus_forecast as cf
from caucasus_forecast import affine, kernel, markov, names, study
from caucasus_forecast.equations import log_count
from caucasus_forecast.likelihood import Plan

Array = np.ndarray
MOVED = 0.1  # standard deviations from which a parameter is named


class Total(NamedTuple):
    """A count over some months: rows of its level and base, reading, count and exposures."""

    row: int
    base: int
    reading: int
    month: Array
    count: Array
    months: Array
    total: Array


def long_totals(plan: Plan) -> list[Total]:
    """The counts that vote."""
    return [
        Total(
            plan.sweep.position(c.node), plan.based.index(c.node), plan.graph.node[c.node].reading,
            c.month[rows], c.value[rows[0]], c.months[rows, 0], c.total[rows, 0],
        )
        for c in plan.counts
        for o in np.unique(c.observation)
        if len(rows := np.flatnonzero(c.observation == o)) > 2
    ]  # fmt: skip


def lacking(
    draw: tuple[Any, ...], facts: kernel.Facts, totals: list[Total], uniform: Array
) -> float:
    """Δ of a draw; `uniform` decides the paths, (paths, months)."""
    slope, base, _, over, *_ = draw
    level = affine.forward(slope, kernel._carried(base, facts), facts.edges)
    _, _, step, _, ahead = seen(draw, facts)
    path = np.array([markov.path(step, facts.which, ahead, u) for u in uniform])
    found = np.zeros(len(path))
    for t in totals:
        at = level[t.row, t.month]
        eta = base[t.base] + t.reading * (at[:, 0] + at[:, 1] * facts.score[path[:, t.month]])
        rate, spread = np.exp(eta), np.asarray(over)
        votes = log_count(t.count, rate * t.total, spread) * (t.months / t.total)
        found += log_count(t.count, (rate * t.months).sum(1), spread) - votes.sum(1)
    return float(logsumexp(found) - np.log(len(found)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--paths", type=int, default=200)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    forecast = cf.forecast()
    laid = study.of(forecast.tree)
    plan, process = laid.plan, laid.process
    facts: kernel.Facts = process.facts(plan)  # type: ignore[union-attr]
    drawn = forecast.tree[names.POSTERIOR].to_dataset()
    totals, rng = long_totals(plan), np.random.default_rng(1)
    gap = np.array(
        [
            lacking(draw, facts, totals, rng.random((asked.paths, plan.months)))
            for draw in draws(laid, drawn, asked.draws)
        ]
    )
    share = np.exp(gap - logsumexp(gap))
    size = drawn.sizes[names.CHAIN] * drawn.sizes[names.DRAW]
    chosen = np.linspace(0, size - 1, asked.draws).astype(int)
    moved = {}
    for name, values in drawn.data_vars.items():
        flat = values.to_numpy().reshape(size, -1)[chosen]
        keys = values[values.dims[2]].to_numpy().tolist() if values.ndim > 2 else [name]
        for key, x in zip(keys, flat.T, strict=True):
            by = (share @ x - x.mean()) / x.std()
            if abs(by) > MOVED:
                moved[f"{name} {key}"] = [round(float(v), 2) for v in (x.mean(), share @ x, by)]
    resolved = forecast.tree[names.PREDICTIONS][names.RESOLVED].to_numpy()[..., -1]
    said = (resolved.reshape(size, -1, 1)[chosen] == range(len(laid.partition.scenarios))).mean(1)
    found = {
        "counts": len(totals),
        "lacking: mean, sd": [round(float(x), 2) for x in (gap.mean(), gap.std())],
        "effective share of the draws": round(float(1.0 / (share**2).sum() / asked.draws), 2),
        "moved: as read, exactly, in sd": dict(sorted(moved.items(), key=lambda m: -abs(m[1][2]))),
        "largest move of a scenario": round(float(np.abs(share @ said - said.mean(0)).max()), 3),
    }
    print(json.dumps(found, indent=1))
    if asked.out:
        asked.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
