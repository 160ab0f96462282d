"""Monthly updates beside full fits: agreement, when a fit is made, and what it costs.

The embedded case is updated month by month. Beside each update stand two fits of their own as of
the same day, one with the same seed and one with another: means of every parameter in posterior
standard deviations, and scenario probabilities in units of the Monte Carlo error of their
difference.

    python benchmarks/updating.py [--months 30] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from caucasus_forecast import assumptions, forecasting, names, reweighting
from caucasus_forecast.case import load
from caucasus_forecast.forecasting import Forecast

SEEDS = {"same seed": 2021, "another seed": 1}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--months", type=int, default=30)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    case = load("alyarli-2021")
    forecasting.run(case.model_copy(update={"draws": 10}))  # compiles
    start = perf_counter()
    now = forecasting.run(case)
    fit = perf_counter() - start
    rows = []
    day = case.as_of
    for _ in range(options.months):
        day = end_of_next_month(day)
        start = perf_counter()
        now = now.update(as_of=day)
        spent = perf_counter() - start
        how = now.tree.attrs["updated"].split(": ", 1)[1]
        row: dict[str, Any] = {
            "as_of": str(day),
            "ratio": spent / fit,
            "reweighted": not how.startswith(assumptions.SAMPLED),
            "how": how,
        }
        for name, seed in SEEDS.items():
            other = forecasting.run(case.model_copy(update={"as_of": day, "seed": seed}))
            row[name] = beside(now, other)
        rows.append(row)
        print(json.dumps(row), flush=True)
    summary = summed(rows) | {"first fit, seconds": fit}
    print(json.dumps(summary, indent=1))
    if options.out:
        body = {"summary": summary, "rows": rows}
        options.out.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")


def end_of_next_month(day: date) -> date:
    """The last day of the month after that of a last day."""
    after = (day + timedelta(days=1)).replace(day=1)
    return (after.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def beside(one: Forecast, two: Forecast) -> dict[str, Any]:
    """An updated forecast beside a fit of its own."""
    tables = [f.tree[names.SCENARIOS] for f in (one, two)]
    p, q = (t["probability"].to_numpy() for t in tables)
    error = np.hypot(*(t["mcse"].to_numpy() for t in tables))
    gaps = np.concatenate([gap(one, two, str(v)) for v in two.tree[names.POSTERIOR].data_vars])
    return {
        "largest gap of a mean, sd": float(np.abs(gaps).max()),
        "gaps over 0.1 sd": int((np.abs(gaps) > 0.1).sum()),
        "parameters": len(gaps),
        "z": ((p - q) / error).round(2).tolist(),
    }


def gap(one: Forecast, two: Forecast, variable: str) -> np.ndarray:
    """Difference of the means of a variable, in standard deviations of the second."""
    over = (names.CHAIN, names.DRAW)
    a, b = (reweighting.weighted(f.tree, f.tree[names.POSTERIOR][variable]) for f in (one, two))
    found: np.ndarray = ((a.mean(over) - b.mean(over)) / b.std(over)).to_numpy()
    return np.atleast_1d(found)


def summed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What the months come to, for the reweighted ones."""
    kept = [r for r in rows if r["reweighted"]]
    ratios = [r["ratio"] for r in kept]
    found: dict[str, Any] = {
        "updates": len(rows),
        "reweighted": len(kept),
        "ratio, median": float(np.median(ratios)),
        "ratio, largest": float(max(ratios)),
    }
    for name in SEEDS:
        z = np.abs([x for r in kept for x in r[name]["z"]])
        found[name] = {
            "largest gap of a mean, sd": max(r[name]["largest gap of a mean, sd"] for r in kept),
            "gaps over 0.1 sd": sum(r[name]["gaps over 0.1 sd"] for r in kept),
            "means compared": sum(r[name]["parameters"] for r in kept),
            "within 2 errors": float((z <= 2).mean()),
            "root mean square": float(np.sqrt((z**2).mean())),
            "largest": float(z.max()),
        }
    return found


if __name__ == "__main__":
    main()
