"""False alarms of the signposts: observables set against the scenarios of other draws.

Of an unrelated scenario an observable can know nothing, so all that passes as a signpost is noise.
The bits of each should have mean zero; the share that passes is the rate of false alarms.

    python benchmarks/signposts.py [--draws 1000] [--turns 10] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

import caucasus_forecast as cf
from caucasus_forecast import names, signposts
from caucasus_forecast.questions import World


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=10, help="other draws to set them against")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    forecast = cf.forecast(draws=options.draws)
    study = forecast.study
    futures = forecast.tree[names.PREDICTIONS].to_dataset()
    resolved = futures[names.RESOLVED].to_numpy()
    ids = tuple(s.id for s in study.partition.scenarios)
    world = World(futures, study.graph, resolved, ids)
    passed, bits = [], []
    for turn in range(1, options.turns + 1):
        moved = np.roll(resolved, (turn * options.draws // (options.turns + 1), 1), axis=(1, 0))
        other = replace(world, resolved=moved)
        data = signposts.signposts(other, study.partition, polled={"arms_share"}).data
        passed.append(data["telling"].to_numpy())
        bits.append(data["bits"].to_numpy())
    found = {
        "observables": int(np.size(passed)),
        "passed": int(np.sum(passed)),
        "mean bits": float(np.nanmean(bits)),
        "largest bits": float(np.nanmax(bits)),
    }
    print("\n".join(f"{key:<14}{value:.4g}" for key, value in found.items()))
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
