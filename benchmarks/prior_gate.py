"""Can data simulated from a prior set be fitted? Fits and counts the verdicts.

Each data set is drawn from the set's own prior: parameters, then tension from the reference class,
deaths, counts and events of every month of the embedded case. It is fitted with the same priors and
put through the same gate as any forecast. Data sets that fail stay in the count.

    python benchmarks/prior_gate.py [--sets 60] [--priors alyarli-2021] [--out FILE]

Prints one line a data set and the number that pass; at least 57 of 60 must.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import xarray as xr

from caucasus_forecast import evidence as rows
from caucasus_forecast import graph as graphs
from caucasus_forecast import panel as panels
from caucasus_forecast import posterior, priors, simulate, streams, tension
from caucasus_forecast.density import Density
from caucasus_forecast.evidence import Evidence, Observation, Window
from caucasus_forecast.likelihood import plan
from caucasus_forecast.models import ladder
from caucasus_forecast.names import DEATHS, TENSION

AS_OF = date(2021, 11, 30)
DRAWS = 1000
MISSION = np.datetime64("2020-12")


def world(
    chosen: priors.PriorSet,
    graph: graphs.CausalGraph,
    process: tension.Process,
    model: str,
    months: np.ndarray,
    seed: int,
) -> tuple[xr.Dataset, dict[str, np.ndarray]]:
    """Parameters of one world, and what happens in it: by node, (1, months)."""
    truth = posterior.prior_draws(chosen, graph, model, 1, seed)
    parameters, own = posterior.parameters(truth, graph, model)
    zero = np.zeros(1)
    start = simulate.Origin(
        parameters,
        own,
        process.start(np.exp(process.log_initial)[None], streams.stream(seed, "start").random(1)),
        dict.fromkeys(graph.node, zero),
        {n.name: zero for n in graph.nodes if n.kind == "event"},
        {n.name: zero for n in graph.nodes if n.kind == "share"},
    )
    return truth, simulate.futures(graph, process, start, months, seed)


def simulated(
    chosen: priors.PriorSet, process: tension.Process, months: np.ndarray, seed: int
) -> Evidence:
    """One data set from the prior: every series of the embedded case, monthly."""
    _, happened = world(chosen, graphs.load(), process, "ladder", months, seed)
    return as_evidence(happened, months)


def as_evidence(futures: Mapping[str, np.ndarray], months: np.ndarray) -> Evidence:
    """The first path as observations, in the windows that the embedded series cover."""
    embedded = rows.load().as_of(AS_OF)
    series, observed = {}, []
    windows = [rows.month_from(m) for m in months.astype(date)]
    for name, s in embedded.series.items():
        values = futures[DEATHS if s.node == TENSION else s.node][0]
        late = [i for i, m in enumerate(months) if s.node == TENSION or m >= MISSION]
        if s.mode == "status":
            reading = graphs.load().node[s.node].reading
            changed = [i for i in late if values[i] != 0 and (i == 0 or values[i - 1] == 0)]
            series[name] = replace(s, coverage=(Window(windows[late[0]].start, windows[-1].end),))
            if not changed and late[0] > 0 and values[late[0]] != 0:
                del series[name]  # changed before anyone looked
            quo = 1.0 if reading < 0 else 0.0
            observed += [
                Observation(Window(windows[i].end, windows[i].end), name, values[i] + quo)
                for i in changed
            ]
        elif s.mode == "share":
            series[name] = s
            at = embedded_share(embedded, name)
            observed.append(Observation(at, name, float(np.clip(values[0], 0.001, 0.999))))
        else:
            series[name] = replace(s, mode="counts", coverage=())
            observed += [Observation(windows[i], name, float(values[i])) for i in late]
    return Evidence(series, tuple(observed))


def embedded_share(embedded: Evidence, name: str) -> Window:
    """The interval of the one reading of a share."""
    return next(o.window for o in embedded.observations if o.series == name)


def main() -> None:
    """Fit every data set and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=60)
    parser.add_argument("--priors", default="alyarli-2021")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    chosen = priors.load(options.priors)
    embedded = panels.build(rows.load(), graphs.load(), AS_OF)
    process = ladder.process(embedded, plan(embedded, graphs.load()))
    months = embedded["month"].to_numpy().astype("datetime64[M]")
    results = []
    for seed in range(1, options.sets + 1):
        data = panels.build(simulated(chosen, process, months, seed), graphs.load(), AS_OF)
        density = ladder.density(data, chosen)

        def run(draws: int, density: Density = density, seed: int = seed) -> xr.DataTree:
            return posterior.sample(density, draws=draws, seed=seed)

        tree = posterior.checked(run, DRAWS, graphs.load(), "ladder")
        verdict = posterior.diagnose(tree, graphs.load(), "ladder").attrs
        again = "thinned" in tree["sample_stats"].attrs
        results.append({"seed": seed, "sampled again": again, **verdict})
        print(
            f"{seed:3d}  R-hat {verdict['max_rhat']:.3f}  ESS {verdict['min_ess_bulk']:5.0f} / "
            f"{verdict['min_ess_tail']:5.0f}  divergences {verdict['divergences']}  "
            f"{verdict['verdict'][:60]}{' (sampled again)' if again else ''}",
            flush=True,
        )
    passed = sum(r["passed"] for r in results)
    if options.out:
        options.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"{sum(r['sampled again'] for r in results)} were sampled again, for longer")
    print(f"{passed} of {len(results)} data sets from {chosen.name!r} pass the gate")


if __name__ == "__main__":
    main()
