"""Calibration of forecast counts on data that the model itself made.

Units are drawn from a reference class: a hidden level, its moves, and the deaths of each month.
Each is forecast from its last known month, 1, 3, 6 and 12 months ahead, and what came is compared
with what was said: coverage of the 50, 80, 90 and 95 % intervals beside the probability that they
hold (intervals of counts hold more than their name), and uniformity of the non-randomised PIT.

Twice: with the exact filter of the class (no learning, no tempering), where every departure is a
fault of the program; and with the shipped settings, which learn each unit's own tables and are not
made for units that have none. The difference is the price of learning where there is nothing to
learn.

    python benchmarks/calibration.py [--units 4000] [--months 180] [--vintage 2020] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from caucasus_forecast import learning, scoring
from caucasus_forecast.learning import Reference
from caucasus_forecast.streams import stream

HORIZONS = (1, 3, 6, 12)
ENDLESS = 1e12  # months that a class is worth when nothing is learned


def simulated(learned: Reference, months: int, rng: np.random.Generator) -> np.ndarray:
    """Deaths of one unit of the class."""
    levels = len(learned.mean)
    level = rng.choice(levels, p=learned.initial / learned.initial.sum())
    deaths = np.empty(months, np.int64)
    for t in range(months):
        read = rng.integers(levels) if rng.random() < learned.own.robust else level
        size, mean = learned.size[read], learned.mean[read]
        deaths[t] = rng.negative_binomial(size, size / (size + mean))
        level = rng.choice(levels, p=learned.transition[level])
    return deaths


def measured(learned: Reference, units: np.ndarray) -> dict[str, Any]:
    """PIT and coverage of forecasts from the month that is 12 before the last, by horizon."""
    ends = {h: [] for h in HORIZONS}
    for deaths in units:
        origin = len(deaths) - max(HORIZONS)
        followed = learning.counts(learned, deaths[:origin])
        for h in HORIZONS:
            told, y = learning.distribution(learned, followed, h), deaths[origin + h - 1]
            line = [float(told.cdf(y - 1)), float(told.cdf(y))]
            for mass in scoring.MASSES:
                low, high = told.quantile([0.5 - mass / 2, 0.5 + mass / 2])
                line += [float(low <= y <= high), float(told.cdf(high) - told.cdf(low - 1))]
            ends[h].append(line)
    found = {}
    for h, lines in ends.items():
        values = np.array(lines)
        inside = {
            f"{100 * m:g} %": [round(float(x), 4) for x in values[:, 2 + 2 * i : 4 + 2 * i].mean(0)]
            for i, m in enumerate(scoring.MASSES)
        }
        p = scoring.pit_uniformity(values[:, 0], values[:, 1])
        found[str(h)] = {"PIT p": round(float(p), 4), "held, and said to hold": inside}
    return found


def main() -> None:
    """Simulate, forecast and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=4000)
    parser.add_argument("--months", type=int, default=180)
    parser.add_argument("--vintage", type=int, default=2020)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    shipped = learning.reference(options.vintage)
    own = replace(shipped.own, move_prior=ENDLESS, bin_prior=ENDLESS, temper=1.0)
    units = np.array([
        simulated(shipped, options.months, stream(1, "calibration", i))
        for i in range(options.units)
    ])  # fmt: skip
    found = {
        "exact filter": measured(replace(shipped, own=own), units),
        "shipped settings": measured(shipped, units),
    }
    for name, rows in found.items():
        for h, row in rows.items():
            print(f"{name}, {h} months: {row}", flush=True)
    if options.out:
        body = {"units": options.units, "months": options.months, "vintage": options.vintage}
        options.out.write_text(json.dumps(body | found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
