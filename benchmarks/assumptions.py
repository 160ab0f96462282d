"""Prior swaps: which are safe to reweight, whether they agree with a fit, and what they cost.

Fits the embedded case under every shipped set, then weighs every ordered pair. Where reweighting is
accepted, the scenario probabilities of the reweighted draws stand beside those of the fit, with the
difference in units of its Monte Carlo error. Times are ratios to the first fit, in one process.

    python benchmarks/assumptions.py [--draws 1000] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from caucasus_forecast import assumptions, forecasting, names, priors
from caucasus_forecast.case import load
from caucasus_forecast.forecasting import Forecast

SMALL_CHANGE = {"tension->transport_delay": priors.Normal(0.6, 0.2)}


def probability(forecast: Forecast) -> tuple[np.ndarray, np.ndarray]:
    """Scenario probabilities and their Monte Carlo errors."""
    table = forecast.tree[names.SCENARIOS]
    return table["probability"].to_numpy(), table["mcse"].to_numpy()


def timed(work: Any) -> tuple[Any, float]:
    """What a call returns, and its seconds."""
    start = perf_counter()
    found = work()
    return found, perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    case = load("alyarli-2021").model_copy(update={"draws": options.draws})
    forecasting.run(case.model_copy(update={"draws": 10}))  # compiles
    first, seconds = timed(lambda: forecasting.run(case))
    first.study.process  # noqa: B018  laid out once a forecast
    swapped, quick = timed(lambda: first.with_priors(SMALL_CHANGE))
    again, slow = timed(lambda: first.with_priors(SMALL_CHANGE, refit=True))
    asked, answer = timed(lambda: first.ask("battle_deaths >= 100 within 6 months"))
    cost = {
        "first fit, seconds": seconds,
        "reweighting, ratio": quick / seconds,
        "refit, ratio": slow / seconds,
        "a question, ratio": answer / seconds,
    }
    print("; ".join(f"{k} {v:.4f}" for k, v in cost.items()), flush=True)
    print(swapped.tree.attrs["swapped"], "|", again.tree.attrs["swapped"], "|", asked, flush=True)
    fitted = {
        n: first if n == case.priors else first.with_priors(n, refit=True) for n in priors.list()
    }
    pairs = []
    for a, b in ((a, b) for a in fitted for b in fitted if a != b):
        found = assumptions.weigh(fitted[a].tree, fitted[a].study, fitted_set(fitted[b]))
        pair: dict[str, Any] = {"from": a, "to": b, "k": found.k, "effective": found.effective}
        if found.safe:
            (one, e1), (two, e2) = map(probability, (fitted[a].with_priors(b), fitted[b]))
            pair["z"] = ((one - two) / np.hypot(e1, e2)).round(2).tolist()
            print(f"{a} -> {b}: k {found.k:.2f}, {found.effective:.0f} effective, z {pair['z']}")
        pairs.append(pair)
    z = np.abs([x for p in pairs for x in p.get("z", [])])
    summary = {
        "pairs": len(pairs),
        "accepted": sum("z" in p for p in pairs),
        "within 2 errors": float((z <= 2).mean()) if len(z) else None,
        "largest": float(z.max()) if len(z) else None,
        "fits that passed": sum(f.passed for f in fitted.values()),
    }
    print(summary)
    if options.out:
        body = {"draws": options.draws, "cost": cost, "summary": summary, "pairs": pairs}
        options.out.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")


def fitted_set(forecast: Forecast) -> priors.PriorSet:
    """The prior set of a forecast."""
    return assumptions.own(forecast.tree)


if __name__ == "__main__":
    main()
