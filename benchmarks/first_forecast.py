"""The first forecast beside a plain script that samples the same posterior.

The plain side writes the same likelihood with ordinary tensors, walks the graph node by node, runs
the forward pass with `scan`, and calls `pm.sample` with its defaults. Both sides make equally many
draws and paths and the same futures. Each side runs in a process of its own, once to fill the
compile caches ("cold": whatever the machine had) and once more ("warm"); the ratio is of warm wall
times, import to scenario table, and is printed last.

    python benchmarks/first_forecast.py [--draws 1000]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from datetime import date
from time import perf_counter
from typing import Any

AS_OF = date(2021, 11, 30)
CHAINS = 4


def ours(draws: int) -> dict[str, Any]:
    """The library's own road."""
    start = perf_counter()
    from caucasus_forecast.case import Case
    from caucasus_forecast.forecasting import run

    imported = perf_counter()
    forecast = run(Case(as_of=AS_OF, draws=draws, chains=CHAINS))
    table = forecast.scenarios.data["probability"].to_numpy()
    done = perf_counter()
    return _result(
        forecast.tree, start, imported, done, forecast.tree.attrs["sampling_seconds"], table
    )


def plain(draws: int) -> dict[str, Any]:
    """The plain script."""
    start = perf_counter()
    import pymc as pm
    import xarray as xr

    from caucasus_forecast import case, fitting, priors, study

    imported = perf_counter()
    chosen = priors.load("alyarli-2021")
    work = study.lay_out(case.Case(as_of=AS_OF, draws=draws, chains=CHAINS))
    with _plain_model(work.plan, work.process, chosen):
        clock = perf_counter()
        drawn = pm.sample(draws=draws, chains=CHAINS, random_seed=1, progressbar=False)
        sampling = perf_counter() - clock
    tree = xr.DataTree.from_dict(
        {
            "posterior": drawn["posterior"].to_dataset(),
            "sample_stats": drawn["sample_stats"].to_dataset(),
        }
    )
    tree["sample_stats"].attrs["sampler"] = "pm.sample"
    done_tree = fitting.complete(tree, work, chosen)
    table = done_tree["scenarios"]["probability"].to_numpy()
    return _result(done_tree, start, imported, perf_counter(), sampling, table)


def _plain_model(cells: Any, process: Any, chosen: Any) -> Any:
    import numpy as np
    import pymc as pm
    import pytensor
    import pytensor.tensor as pt

    from caucasus_forecast.affine import reads_last_month
    from caucasus_forecast.equations import level, walk
    from caucasus_forecast.likelihood import Levels, carried_before, ladder_terms
    from caucasus_forecast.models._declare import TENSOR, declare, scalar
    from caucasus_forecast.names import TENSION

    with pm.Model() as model:
        p = declare(chosen.graph, chosen)
        drift, mobility = scalar("ladder.drift", chosen), scalar("ladder.mobility", chosen)
        graph, sweep = cells.graph, cells.sweep
        slope = {e.name: p.slope[cells.slopes.index(e.name)] for e in graph.edges}
        before = carried_before(cells, p, TENSOR)
        last = {n: before[sweep.position(n)] for n in graph.node}

        def levels_at(score: float) -> list[Any]:
            found: dict[str, Any] = {}

            def realise(name: str, value: Any) -> Any:
                found[name] = value + np.zeros(cells.months)
                if name == TENSION:
                    return score
                if graph.node[name].kind == "event":
                    return sweep.edges.carried[sweep.position(name), :, 0]
                return value

            now = walk(graph, slope, last, realise)
            for name in graph.node:
                if reads_last_month(graph, name):
                    found[name] = level(graph, name, slope, now, now) + np.zeros(cells.months)
            return [found[n] for n in sweep.nodes]

        at_zero, at_one = (pt.stack(levels_at(s)) for s in (0.0, 1.0))
        affine = pt.stack([at_zero, at_one - at_zero], axis=-1)
        levels = Levels(cells, affine, process.score)
        emission, node_pairs = ladder_terms(levels, p, TENSOR)
        deaths, pairs = process.death_terms(cells.deaths, cells.months)
        shared = process.shared(cells)
        steps = process.log_steps(
            drift, mobility, levels.pull(), [*pairs, *node_pairs], shared, TENSOR
        )
        emission = emission + deaths

        def forward(step: Any, at: Any, previous: Any) -> Any:
            return at + pt.logsumexp(previous[:, None] + step, axis=0)

        path = pytensor.scan(
            forward,
            sequences=[steps[shared[1]], emission[1:]],
            outputs_info=[process.log_initial + emission[0]],
            return_updates=False,
        )
        pm.Potential("evidence", pt.logsumexp(path[-1]))
    return model


def _result(
    tree: Any, start: float, imported: float, done: float, sampling: float, table: Any
) -> dict[str, Any]:
    gate = tree["diagnostics"].attrs
    return {
        "import": imported - start,
        "compile and sample": sampling,
        "rest": done - imported - sampling,
        "total": done - start,
        "min bulk ESS": gate["min_ess_bulk"],
        "ESS per second": gate["min_ess_bulk"] / (done - start),
        "divergences": gate["divergences"],
        "scenarios": [round(float(x), 3) for x in table],
    }


def main() -> None:
    """Time both sides, warm, and print the ratio last."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--side", choices=("ours", "plain"))
    options = parser.parse_args()
    if options.side:
        print(json.dumps({"ours": ours, "plain": plain}[options.side](options.draws)))
        return
    warm: dict[str, dict[str, Any]] = {}
    for turn in ("cold", "warm"):
        for side in ("plain", "ours"):
            command = [sys.executable, __file__, "--side", side, "--draws", str(options.draws)]
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            warm[side] = json.loads(out.splitlines()[-1])
            shown = "  ".join(
                f"{k} {v:.1f}" for k, v in warm[side].items() if isinstance(v, int | float)
            )
            print(f"{turn}  {side:<6} {shown}  scenarios {warm[side]['scenarios']}", flush=True)
    ess = warm["ours"]["ESS per second"] / warm["plain"]["ESS per second"]
    print(f"ESS per second, ours over plain: {ess:.1f}")
    print(f"wall time, ours over plain: {warm['ours']['total'] / warm['plain']['total']:.3f}")


if __name__ == "__main__":
    main()
