"""Prior swaps: which draws may be reweighted or moved, how well that agrees, what it all costs.

Fits the embedded case under every shipped set, then takes every ordered pair. Where draws may be
reweighted, or else moved, the scenario probabilities stand beside those of the fit, with the
difference in units of its Monte Carlo error. Times are ratios to the first fit, in one process.

    python benchmarks/assumptions.py [--parts cost pairs] [--draws 1000] [--every 1] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import xarray as xr

from caucasus_forecast import assumptions, forecasting, names, priors, transport
from caucasus_forecast.case import Case, load
from caucasus_forecast.forecasting import Forecast

FAR = "sceptical"  # from the article's set in all links; its draws can be moved
SMALL_CHANGE = {"tension->transport_delay": priors.Normal(0.6, 0.2)}


def probability(tree: xr.DataTree) -> tuple[np.ndarray, np.ndarray]:
    """Scenario probabilities and their Monte Carlo errors."""
    table = tree[names.SCENARIOS]
    return table["probability"].to_numpy(), table["mcse"].to_numpy()


def timed(work: Any) -> tuple[Any, float]:
    """What a call returns, and its seconds."""
    start = perf_counter()
    found = work()
    return found, perf_counter() - start


def cost(case: Case) -> dict[str, float]:
    """Seconds of a first fit, and of each operation as a ratio to it; wants a quiet machine."""
    first, seconds = timed(lambda: forecasting.run(case))
    first.study.process  # noqa: B018  laid out once a forecast
    operations = {
        "reweighting": lambda: first.with_priors(SMALL_CHANGE),
        "refit": lambda: first.with_priors(SMALL_CHANGE, refit=True),
        "moving the draws": lambda: first.with_priors(FAR),
        "sensitivity": first.sensitivity,
        "do": lambda: first.do(tension="calm"),
        "effects of do": lambda: first.do(tension="calm").effects,
        "counterfactual": lambda: first.counterfactual(tension="calm", since="2021-05"),
        "signposts": first.signposts,
        "value of the data to come": first.value_of_data,
        "spread": lambda: first.spread("S1"),
        "a question": lambda: first.ask("battle_deaths >= 100 within 6 months"),
    }
    spent, found = {"first fit, seconds": seconds}, {}
    for name, work in operations.items():
        found[name], took = timed(work)
        spent[f"{name}, ratio"] = took / seconds
    print("; ".join(f"{k} {v:.4f}" for k, v in spent.items()), flush=True)
    ways = [found[n].tree.attrs["swapped"] for n in ("reweighting", "moving the draws", "refit")]
    print(*ways, sep=" | ", flush=True)
    return spent


def agreement(case: Case, every: int) -> dict[str, Any]:
    """Every n-th ordered pair of shipped sets: draws carried over, beside the fit."""
    chosen = [(a, b) for a in priors.list() for b in priors.list() if a != b][::every]
    first = forecasting.run(case)
    fitted, pairs = {case.priors: first}, []
    for a, b in chosen:
        for n in (a, b):
            fitted[n] = fitted[n] if n in fitted else first.with_priors(n, refit=True)
        pairs.append(beside(a, fitted[a], b, fitted[b]))
    summary = {
        "pairs": len(pairs),
        **{f"{way}, accepted": sum(p["way"] == way for p in pairs) for way in (REWEIGHTED, MOVED)},
        "fits that passed": sum(f.passed for f in fitted.values()),
        "fits": len(fitted),
    }
    for way in (REWEIGHTED, MOVED):
        z = np.abs([x for p in pairs if p["way"] == way for x in p["z"]])
        if len(z):
            summary |= {
                f"{way}, within 2 errors": float((z <= 2).mean()),
                f"{way}, root mean square": float(np.sqrt((z**2).mean())),
                f"{way}, largest": float(z.max()),
            }
    print(summary)
    return {"summary": summary, "pairs": pairs}


def main() -> None:
    """Measure, print, and write what was measured over the same parts of the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--every", type=int, default=1, help="take every n-th pair")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    case = load("alyarli-2021").model_copy(update={"draws": options.draws})
    forecasting.run(case.model_copy(update={"draws": 10}))  # compiles
    found: dict[str, Any] = {"draws": options.draws}
    if "cost" in options.parts:
        found["cost"] = cost(case)
    if "pairs" in options.parts:
        found |= agreement(case, options.every)
    if options.out:
        kept = json.loads(options.out.read_text("utf-8")) if options.out.is_file() else {}
        options.out.write_text(json.dumps(kept | found, indent=1) + "\n", encoding="utf-8")


PARTS = ("cost", "pairs")
REWEIGHTED, MOVED, NEITHER = "reweighted", "moved", "neither"


def beside(a: str, one: Forecast, b: str, two: Forecast) -> dict[str, Any]:
    """One set's forecast carried to another set, beside the fit of that one."""
    tree, study, new = one.tree, one.study, assumptions.own(two.tree)
    found, way, carried = assumptions.weigh(tree, study, new), NEITHER, None
    if found.safe:
        way, carried = REWEIGHTED, assumptions.reweighted(tree, study, new, found)
    elif moved := transport.move(tree, study, assumptions.own(tree), new):
        found = moved.weights
        if moved.safe:
            way, carried = MOVED, assumptions.moved(tree, study, new, moved)
    pair: dict[str, Any] = {
        "from": a, "to": b, "way": way, "k": found.k, "effective": found.effective,
    }  # fmt: skip
    if carried is not None:
        (p, e), (q, f) = map(probability, (carried, two.tree))
        pair["z"] = ((p - q) / np.hypot(e, f)).round(2).tolist()
    print(f"{a} -> {b}: {way}, {found.words()}, z {pair.get('z')}", flush=True)
    return pair


if __name__ == "__main__":
    main()
