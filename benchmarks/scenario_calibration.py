"""Scenario probabilities in worlds that the model itself made.

Each world is drawn from the prior set: parameters, then tension under the process of the embedded
case, and every node of every month, for a year up to the embedded day and a year beyond it. All
that is ever observed is observed, from the first month. Each world is forecast from its first year,
in one run of the sampler whatever its checks say, and what came is compared with what was said:

- scenarios: how often each came beside the sum of its probabilities, and Brier and log scores
  beside those that the forecasts expect of themselves, Σ p(1 − p) and −Σ p log₂ p;
- deaths 1, 3, 6 and 12 months ahead: uniformity of the PIT;
- parameters: uniformity of the rank of the truth among the draws (Talts et al. 2018), each in ten
  bins; of all the p values, how many are below 0.05, and the least, times their number.

A departure beyond chance is a fault of the program, once a month's deaths count whole and come from
their own level (`temper` 1, `robust` 0). With ``--shipped`` both are as in any forecast, and each
world's own history makes the reference class its own; these worlds have nothing of their own to
learn, so what that costs is seen. A unit of tension is then each world's own, so that parameters
are not compared.

With ``--sparse`` a world of three years is seen through the series and the intervals of the
embedded case, with its long totals, so that what inference approximates is seen too.

    python benchmarks/scenario_calibration.py [--worlds 200] [--shipped] [--sparse] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from prior_gate import world
from scipy import stats

from caucasus_forecast import fitting, names, panel, posterior, scenarios, scoring, simulate
from caucasus_forecast import study as studies
from caucasus_forecast.case import Case, load
from caucasus_forecast.density import density
from caucasus_forecast.evidence import Evidence, Observation, Series, Window, month_from
from caucasus_forecast.names import DEATHS
from caucasus_forecast.priors import PriorSet
from caucasus_forecast.study import Study

HORIZONS = (1, 3, 6, 12)
PAST, SPARSE = 12, 37  # months of a world before its day
MISSION = date(2020, 11, 1)
RANKS = 10  # bins of a rank


def every_month(study: Study, past: int) -> np.ndarray:
    """The last months of the panel, and those of the horizon."""
    panel_months = study.panel[names.MONTH].to_numpy().astype("datetime64[M]")
    return np.r_[panel_months[-past:], study.months]


def sparse(study: Study, happened: Mapping[str, np.ndarray]) -> Evidence:
    """As much of it as the embedded case has: its series and intervals in whole months, and events.

    An interval takes the months it touches, if they are three or more, else those of which it holds
    half; none is taken twice, and longer intervals come first.
    """
    months = every_month(study, SPARSE)[:SPARSE]
    every = seen(study, happened, SPARSE)
    series = {k: v for k, v in every.series.items() if v.mode == "status"}
    start = month_from(MISSION).start
    for name, s in series.items():
        series[name] = replace(s, coverage=(Window(start, s.coverage[-1].end),))
    rows = [o for o in every.observations if o.series in series]
    panel_ = study.panel
    days = panel_["days"].to_numpy()[:, -SPARSE:]
    length = panel.month_days(months)
    for name in dict.fromkeys(panel_["series"].to_numpy().tolist()):
        which = np.flatnonzero(panel_["series"].to_numpy() == name)
        node = str(panel_["node"].to_numpy()[which[0]])
        kind = study.graph.node[node].kind
        series[name] = Series(name, node, "share" if kind == "share" else "counts")
        if kind == "share":
            end = month_from(months[0].astype(date))
            rows.append(Observation(end, name, float(happened[node][0, 0])))
            continue
        values, free = happened[DEATHS if kind == "process" else node][0], np.ones(SPARSE, bool)
        for o in sorted(which, key=lambda o: -(days[o] > 0).sum()):
            touched = days[o] > 0
            took = np.flatnonzero(free & (touched if touched.sum() > 2 else days[o] > length / 2))
            if len(took):
                free[took] = False
                first, last = (month_from(months[i].astype(date)) for i in (took[0], took[-1]))
                rows.append(
                    Observation(Window(first.start, last.end), name, float(values[took].sum()))
                )
    return Evidence(series, tuple(rows))


def seen(study: Study, happened: Mapping[str, np.ndarray], past: int) -> Evidence:
    """The months up to the day as evidence: every node that can be observed, month by month."""
    months = every_month(study, past)[:past]
    windows = [month_from(m) for m in months.astype(date)]
    series, rows = {}, []
    for node in study.graph.nodes:
        name = DEATHS if node.kind == "process" else node.name
        if node.kind == "index":
            continue
        values = happened[name][0, : len(months)]
        if node.kind == "event":
            coverage = (Window(windows[0].start, windows[-1].end),)
            series[name] = Series(name, node.name, "status", coverage=coverage)
            quo = 1.0 if node.reading < 0 else 0.0
            for i in np.flatnonzero(np.diff(values, prepend=0.0)):
                end = windows[i].end
                rows.append(Observation(Window(end, end), name, float(values[i] + quo)))
        elif node.kind == "share":
            series[name] = Series(name, node.name, "share")
            rows.append(Observation(windows[-1], name, float(values[-1])))
        else:
            series[name] = Series(name, node.name)
            rows += [Observation(w, name, float(x)) for w, x in zip(windows, values, strict=True)]
    return Evidence(series, tuple(rows))


def came(study: Study, happened: Mapping[str, np.ndarray]) -> int:
    """The scenario that the world's own future resolves to."""
    months = len(study.months)
    future = {name: values[:, -months:] for name, values in happened.items()}
    dataset = simulate.as_dataset(future, study.graph, study.months, (1, 1, 1))
    shares = {
        n.name: happened[n.name][:, -months - 1].reshape(1, 1, 1)
        for n in study.graph.nodes
        if n.kind == "share"
    }
    return int(scenarios.resolve(study.partition, dataset, study.graph, shares)[0, 0, 0, -1])


def forecast(study: Study, priors: PriorSet, seed: int, shipped: bool, few: bool) -> dict[str, Any]:
    """One world: what was said, what came, and the ranks of its parameters."""
    past = SPARSE if few else PAST
    months = every_month(study, past)
    truth, happened = world(priors, study.graph, study.process, study.case.model, months, seed)
    known = sparse(study, happened) if few else seen(study, happened, past)
    built = panel.build(known, study.graph, study.as_of)
    case = study.case.model_copy(update={"seed": seed})
    now = replace(study, case=case, panel=built)
    if not shipped:
        now.__dict__["process"] = study.process
    target = density(priors, now.layout, now.process.facts(now.plan))
    drawn = posterior.sample(target, draws=case.draws, tune=case.tune, seed=seed)
    tree = fitting.complete(drawn, now, priors)
    deaths = tree[names.PREDICTIONS][DEATHS].to_numpy()
    steps = [h - 1 for h in HORIZONS]
    ahead = happened[DEATHS][0, past:][steps]
    found = tree[names.POSTERIOR].to_dataset()
    return {
        "said": tree[names.SCENARIOS]["probability"].to_numpy(),
        "came": came(study, happened),
        "below": (deaths[..., steps] < ahead).mean((0, 1, 2)),
        "upto": (deaths[..., steps] <= ahead).mean((0, 1, 2)),
        "rank": {key: x for k in found.data_vars for key, x in _ranks(found[k], truth[k])},
        "rhat": float(tree[names.DIAGNOSTICS].attrs["max_rhat"]),
    }  # fmt: skip


def _ranks(drawn: xr.DataArray, truth: xr.DataArray) -> Iterator[tuple[str, float]]:
    """Share of the draws below the truth, for each parameter of a variable."""
    below = drawn < truth.squeeze((names.CHAIN, names.DRAW), drop=True)
    share = below.mean((names.CHAIN, names.DRAW))
    if not share.ndim:
        yield str(drawn.name), float(share)
    for key in share[share.dims[0]].to_numpy() if share.ndim else ():
        yield f"{drawn.name} {key}", float(share.loc[key])


def summary(study: Study, worlds: list[dict[str, Any]]) -> dict[str, Any]:
    """What was said beside what came."""
    said = np.array([w["said"] for w in worlds])
    came_ = np.eye(said.shape[1])[[w["came"] for w in worlds]]
    ids = [s.id for s in study.partition.scenarios]
    sure = np.clip(said, 1e-12, 1.0)
    entropy = -(sure * np.log2(sure)).sum(1)
    log = -np.log2((sure * came_).sum(1))
    expected = (said * (1.0 - said)).sum(1)
    brier = ((said - came_) ** 2).sum(1)
    return {
        "worlds": len(worlds),
        "R-hat above 1.05": sum(w["rhat"] > 1.05 for w in worlds),
        "scenarios: said, came, z": {
            name: [
                round(float(p.sum()), 1), int(c.sum()),
                round(float((c - p).sum() / np.sqrt((p * (1.0 - p)).sum() + 1e-12)), 2),
            ]
            for name, p, c in zip(ids, said.T, came_.T, strict=True)
        },
        "Brier: expected, found, z": _beside(brier, expected),
        "log score, bits: expected, found, z": _beside(log, entropy),
        "deaths, PIT p": {
            str(h): round(
                float(
                    scoring.pit_uniformity(
                        np.array([w["below"][i] for w in worlds]),
                        np.array([w["upto"][i] for w in worlds]),
                    )
                ), 3,
            )
            for i, h in enumerate(HORIZONS)
        },
    }  # fmt: skip


def parameters(worlds: list[dict[str, Any]]) -> dict[str, Any]:
    """Where the true parameters lie among the draws."""
    rank = np.array([list(w["rank"].values()) for w in worlds])
    bins = np.clip((rank * RANKS).astype(int), 0, RANKS - 1)
    uniform = {
        key: float(stats.chisquare(np.bincount(column, minlength=RANKS)).pvalue)
        for key, column in zip(worlds[0]["rank"], bins.T, strict=True)
    }
    least = dict(sorted(uniform.items(), key=lambda item: item[1])[:5])
    return {
        "parameters": len(uniform),
        "ranks: p below 0.05": float(np.mean(np.array(list(uniform.values())) < 0.05)),
        "ranks: least p, times their number": {k: p * len(uniform) for k, p in least.items()},
        "in the 90 % interval": float(((rank > 0.05) & (rank < 0.95)).mean()),
    }


def _beside(found: np.ndarray, expected: np.ndarray) -> list[float]:
    """Means of what was expected and found, and their difference in its standard errors."""
    gap = found - expected
    z = gap.mean() / (gap.std(ddof=1) / np.sqrt(len(gap)))
    return [round(float(x), 3) for x in (expected.mean(), found.mean(), z)]


def main() -> None:
    """Make the worlds, forecast them and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=200)
    parser.add_argument("--shipped", action="store_true")
    parser.add_argument("--sparse", action="store_true")
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    case: Case = load("alyarli-2021").model_copy(update={"draws": options.draws, "tune": 500})
    study = studies.lay_out(case)
    if not options.shipped:
        study.__dict__["process"] = replace(study.process, temper=1.0, robust=0.0)
    priors = study.theory.beliefs(case.priors)
    worlds = []
    for seed in range(1, options.worlds + 1):
        worlds.append(forecast(study, priors, seed, options.shipped, options.sparse))
        if seed % 10 == 0:
            print(seed, "worlds", flush=True)
    found = summary(study, worlds) | ({} if options.shipped else parameters(worlds))
    print(json.dumps(found, indent=1))
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
