"""Whether the stated Monte Carlo errors hold: the embedded case under many seeds.

The spread of a scenario's probability over seeds, beside the error that each run states. Of runs
whose errors are right the ratio is one, give or take 0.7 / sqrt(seeds).

    python benchmarks/monte_carlo_error.py [--seeds 48] [--draws 500] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from caucasus_forecast import forecasting, names
from caucasus_forecast.case import load

FIRST = 201


def main() -> None:
    """Run under every seed and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=48)
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    case = load("alyarli-2021").model_copy(update={"draws": options.draws})
    told = []
    for seed in range(FIRST, FIRST + options.seeds):
        tree = forecasting.run(case.model_copy(update={"seed": seed})).tree
        told.append(tree[names.SCENARIOS].to_dataset()[["probability", "mcse"]])
    probability, error = (
        np.stack([t[k].to_numpy() for t in told]) for k in ("probability", "mcse")
    )
    ids = told[0][names.SCENARIO].to_numpy().astype(str).tolist()
    found = summed(ids, probability, error) | {"seeds": options.seeds, "draws": options.draws}
    print(json.dumps(found, indent=1))
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def summed(ids: list[str], probability: np.ndarray, error: np.ndarray) -> dict[str, Any]:
    """By scenario: mean, spread over seeds, root mean square of the stated errors, their ratio."""
    spread, stated = probability.std(0, ddof=1), np.sqrt((error**2).mean(0))
    rows = {
        name: {
            "mean": float(m),
            "sd over seeds": float(s),
            "stated": float(e),
            "ratio": float(s / e),
        }
        for name, m, s, e in zip(ids, probability.mean(0), spread, stated, strict=True)
    }
    ratio = float(np.sqrt(((spread / stated) ** 2).mean()))
    return {"scenarios": rows, "ratio, root mean square": ratio}


if __name__ == "__main__":
    main()
