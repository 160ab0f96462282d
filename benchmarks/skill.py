"""Skill of the tension process on a panel of countries, beside the benchmarks.

Origins run from the last month before 2010 to the last month before the panel's end, so the first
target month is 2010-01; horizons 1, 3, 6 and 12. A forecast uses the newest shipped reference class
that ends before it, so nothing after its origin. Means are over countries and origins for each
horizon, then over horizons. Skill is against `conflictology12`, with 90 % intervals from a 12-month
moving-block bootstrap over origins.

The VIEWS windows (2018-2021, 191 countries, forecast from October of the year before, 3 to 14
months ahead) score state-based deaths: histories are the panel's up to 2016-10, then the official
state-based ones.

    python benchmarks/skill.py FOLDER [--workers 2] [--out benchmarks/results/skill.json]

FOLDER holds panel_1989_2021.csv.gz, views_actuals_2018_2021.csv.gz and
views_conflictology12_2018_2021.csv.gz.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import xarray as xr

from caucasus_forecast import learning, scoring
from caucasus_forecast.backtesting import Backtest, backtest, read

FIRST = "2009-12"
MODELS = ("tension", "conflictology12", "own36", "own36_global5")
PANEL = "panel_1989_2021.csv.gz"
HISTORY_ENDS = "2016-10"
# countries that the two sources spell differently
ALIASES = {
    "Antigua and Barbuda": "Antigua & Barbuda",
    "Bosnia and Herzegovina": "Bosnia and Herz.",
    "Central African Republic": "Central African Rep.",
    "Congo, DRC": "Dem. Rep. Congo",
    "Cote d'Ivoire": "Côte d'Ivoire",
    "Dominican Republic": "Dominican Rep.",
    "The Gambia": "Gambia",
    "South Sudan": "S. Sudan",
    "Solomon Is.": "Solomon Islands",
    "United States": "United States of America",
    "Swaziland": "eSwatini",
}


def groups(done: Backtest) -> dict[str, Any]:
    """Which targets each measure is about."""
    past, unit = done.data["past_year"], done.data["unit"]
    return {
        "all countries": True,
        "Azerbaijan": unit == "Azerbaijan",
        "Armenia": unit == "Armenia",
        "low-intensity": (past >= 1) & (past <= 100),
        "onset": past == 0,
    }


def measures(done: Backtest) -> dict[str, Any]:
    """Every figure of the skill table, by model."""
    found: dict[str, Any] = {}
    active = done.data["observed"] > 0
    for model in (str(m) for m in done.data["model"].to_numpy()):
        mine: dict[str, Any] = {}
        for name, where in groups(done).items():
            for score in ("ignorance", "rps", "log1p_crps"):
                mine[f"{score}, {name}"] = float(done.mean(score, where).sel(model=model))
                if model != done.reference:
                    saved = done.skill(score, model, where)
                    mine[f"{score}, {name}, saved"] = [float(x) for x in saved]
        for level in (50, 80, 90, 95):
            inside = done.mean(f"covered_{level}", active)
            mine[f"covered {level} %, active"] = float(inside.sel(model=model))
        sharp = done.mean("interval_score_90", active)
        mine["interval score 90 %, active"] = float(sharp.sel(model=model))
        for name, of in (("year with deaths", uniform_by_past), ("deaths", uniform_by_deaths)):
            mine[f"PIT p by horizon, {name}"] = [of(done, model, int(h)) for h in horizons(done)]
        found[model] = mine
    return found


def horizons(done: Backtest) -> Any:
    """The horizons of a backtest."""
    return done.data["horizon"].to_numpy()


def uniform_by_past(done: Backtest, model: str, horizon: int) -> float:
    """Uniformity of the PIT where the 12 months before the origin had deaths."""
    cells = done.data.sel(model=model, horizon=horizon)
    kept = (cells["past_year"] > 0) & cells["observed"].notnull()
    return _uniformity(cells["pit_below"], cells["pit_upto"], kept)


def uniform_by_deaths(done: Backtest, model: str, horizon: int) -> float:
    """Uniformity of the PIT given deaths, where there were deaths."""
    cells = done.data.sel(model=model, horizon=horizon)
    kept = (cells["observed"] > 0) & (cells["zero"] < 1)
    filled = [cells[k].where(kept, v) for k, v in (("pit_below", 0), ("pit_upto", 1), ("zero", 0))]
    return _uniformity(*scoring.pit_given_positive(*filled), kept)


def _uniformity(below: xr.DataArray, upto: xr.DataArray, kept: xr.DataArray) -> float:
    block = xr.DataArray(np.arange(below.sizes["origin"]) // 12, dims="origin")
    blocks = block.broadcast_like(below).transpose(*below.dims).to_numpy()[kept.to_numpy()]
    return scoring.pit_uniformity(
        below.to_numpy()[kept.to_numpy()], upto.to_numpy()[kept.to_numpy()], blocks
    )


# --------------------------------------------------------------------------- VIEWS


def table(path: Path) -> list[dict[str, str]]:
    """Rows of a gzipped CSV."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def views(folder: Path) -> dict[str, list[float]]:
    """CRPS of each window, ours and the official benchmark's."""
    counts = read(folder / PANEL)
    actual = {
        (r["month"], int(r["country_id"])): int(r["best_sb"])
        for r in table(folder / "views_actuals_2018_2021.csv.gz")
    }
    named = {
        int(r["country_id"]): r["country"] for r in table(folder / "views_actuals_2018_2021.csv.gz")
    }
    members: dict[tuple[int, int], dict[int, int]] = {}
    for r in table(folder / "views_conflictology12_2018_2021.csv.gz"):
        if r["month"].endswith("-01"):
            key = int(r["window"]), int(r["country_id"])
            members.setdefault(key, {})[int(r["draw"])] = int(r["outcome"])
    months = counts.months.astype(str).tolist()
    found: dict[str, list[float]] = {"tension": [], "conflictology12": []}
    for year in range(2018, 2022):
        end = months.index(f"{year - 1}-10") + 1
        learned = learning.references(year - 2)
        ours, theirs = [], []
        for country, name in named.items():
            history = _history(counts, months, members, actual, country, name)[:end]
            followed = [learning.counts(a, history) for a in learned]
            own = np.array(list(members[year, country].values()))
            for h in range(3, 15):
                y = np.array(actual[months[end - 1 + h], country])
                told = learning.pooled(learned, followed, h)
                ours.append(scoring.crps(told.values, y, weight=told.probability))
                theirs.append(scoring.crps(own, y))
        found["tension"].append(float(np.mean(ours)))
        found["conflictology12"].append(float(np.mean(theirs)))
    return found


def _history(
    counts: Any, months: list[str], members: Any, actual: Any, country: int, name: str
) -> np.ndarray:
    """Deaths of a country: the panel's, then the official state-based ones."""
    unit = ALIASES.get(name, name)
    history = np.zeros(len(months))
    if unit in counts.units:
        history = counts.values[:, counts.units.index(unit)].copy()
    after = months.index(HISTORY_ENDS) + 1
    for year in (2018, 2019):  # the benchmark's 12 members are November to October, in order
        for draw, deaths in members[year, country].items():
            history[after + 12 * (year - 2018) + draw] = deaths
    for t in range(after + 14, len(months)):
        history[t] = actual.get((months[t], country), history[t])
    return history


# --------------------------------------------------------------------------- cost


def cost(folder: Path) -> float:
    """Seconds to filter and forecast every country from every origin at every horizon."""
    counts = read(folder / PANEL)
    months = counts.months.astype(str).tolist()
    learning.counts(learning.reference(2009), counts.values[:24, 0])  # compiles
    start = perf_counter()
    for year in range(2009, 2021):
        learned = learning.references(year)
        first, last = months.index(f"{year}-12"), months.index(f"{year + 1}-11")
        for u in range(len(counts.units)):
            followed = [learning.counts(a, counts.values[: last + 1, u]) for a in learned]
            for t in range(first, last + 1):
                for h in (1, 3, 6, 12):
                    learning.pooled(learned, followed, h, t)
    return perf_counter() - start


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if not (options.folder / PANEL).is_file():
        sys.exit(f"no {PANEL} in {options.folder}: give the folder of the panel")
    seconds = cost(options.folder)
    print(f"filter and forecast, 144 origins, 4 horizons: {seconds:.1f} s", flush=True)
    windows = views(options.folder)
    for name, values in windows.items():
        shown = " ".join(f"{v:.3f}" for v in values)
        print(f"VIEWS CRPS 2018-2021, {name}: {shown}  mean {np.mean(values):.3f}", flush=True)
    with ProcessPoolExecutor(options.workers) as pool:
        done = backtest(
            options.folder / PANEL, models=MODELS, first=FIRST, executor=pool, progress=print
        )
    print(done)
    found = measures(done)
    for name in found["tension"]:
        print(
            f"{name}: " + "; ".join(f"{m} {_shown(v[name])}" for m, v in found.items() if name in v)
        )
    if options.out:
        body = {"seconds": round(seconds, 1), "views_crps": windows, "models": found}
        options.out.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")


def _shown(value: Any) -> str:
    return " ".join(f"{x:.4g}" for x in value) if isinstance(value, list) else f"{value:.4f}"


if __name__ == "__main__":
    main()
