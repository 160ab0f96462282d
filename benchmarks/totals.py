"""The 2020 war, one total over three months, beside the exact sum over all paths of levels.

A total of deaths over several months is held as weights on the steps between them
(`caucasus_forecast.tension.totals`), made for the dyad's chain as it is. The links and the
parameters of the ladder pull the chain elsewhere. Under draws of the embedded posterior, the levels
of the three months and the log-likelihood are compared with those of all 20 x 20 x 20 paths.

    python benchmarks/totals.py [--draws 200]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

import caucasus_forecast as cf
from caucasus_forecast import affine, kernel, markov, names, posterior, study
from caucasus_forecast.names import DAYS_PER_MONTH

Array = np.ndarray
WAR = 500.0  # deaths a month from which a level is one of war
FLOOR = 1e-16


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=200)
    asked = parser.parse_args()
    forecast = cf.forecast()
    laid = study.of(forecast.tree)
    plan = laid.plan
    ladder: Any = laid.process
    rows = the_total(plan.deaths)
    first, count = int(plan.deaths.month[rows[0]]), plan.deaths.value[rows[0], 0]
    days = (plan.deaths.months[rows, 0] * DAYS_PER_MONTH).tolist()
    likely = all_paths(replace(ladder, robust=0.0), int(count), days) ** ladder.temper
    facts = ladder.facts(plan)
    bare = facts._replace(pair_weight=np.zeros_like(facts.pair_weight))
    found = []
    for draw in draws(laid, forecast.tree[names.POSTERIOR].to_dataset(), asked.draws):
        logp, level, *_ = seen(draw, facts)
        rest, other, step, weight, ahead = seen(draw, bare)
        one, two, three = range(first, first + 3)
        come = ahead[one - 1] @ step[bare.which[one - 1]] * weight[one]
        after = np.divide(
            other[three], ahead[three], out=np.zeros(ladder.levels), where=ahead[three] > 0.0
        )
        path = np.einsum(
            "i,ij,j,jk,k->ijk",
            come,
            step[bare.which[one]],
            weight[two],
            step[bare.which[two]],
            weight[three] * after,
        )
        exact = path * likely
        whole = exact.sum()
        months = [exact.sum(axes) / whole for axes in ((1, 2), (0, 2), (0, 1))]
        war = [x[ladder.mean > WAR].sum() for x in (*months, *level[one : three + 1])]
        found.append([logp - rest - np.log(whole / path.sum()), *war])
    gap, *shares = np.array(found).T
    print(
        f"{asked.draws} draws; log-likelihood less the exact one: {gap.mean():+.3f} "
        f"(sd {gap.std():.3f})"
    )
    for i, month in enumerate(laid.panel[names.MONTH].to_numpy()[first : first + 3]):
        apart = np.sqrt(np.mean((shares[i] - shares[i + 3]) ** 2))
        print(
            f"{str(month)[:7]}: at a level of war {shares[i + 3].mean():.3f}, exactly "
            f"{shares[i].mean():.3f}; root mean square difference {apart:.3f}"
        )


def the_total(cells: Any) -> Array:
    """Rows of the total over three months."""
    rows = [np.flatnonzero(cells.observation == o) for o in np.unique(cells.observation)]
    return next(r for r in rows if len(r) == 3)


def all_paths(ladder: Any, count: int, days: list[float]) -> Array:
    """P(total | levels of the three months), shape (K, K, K)."""
    every = np.arange(count + 1)
    one, two, three = (np.exp(p).T for p in ladder._log_parts(every, days, None))
    size = 2 * count + 1
    both = np.fft.irfft(np.fft.rfft(one, size)[:, None] * np.fft.rfft(two, size)[None], size)[
        ..., : count + 1
    ]
    found = np.einsum("ijs,ks->ijk", np.maximum(both, 0.0), three[:, ::-1])
    return np.maximum(found, FLOOR * found.max())


def draws(laid: Any, drawn: Any, many: int) -> Iterator[tuple[Any, ...]]:
    """Slopes, base rates, noises, overdispersion, drift and mobility of some of the draws."""
    p, own = posterior.parameters(drawn, laid.graph, laid.case.model)
    p = posterior.columns(p)
    count = len(own["ladder.drift"])

    def stacked(parts: Any, along: Any) -> Array:
        return np.stack([parts[n].reshape(count) for n in along], axis=-1)

    base, noise = stacked(p.base, laid.plan.based), stacked(p.noise, laid.plan.noisy)
    slope, over = np.ascontiguousarray(p.slope), p.overdispersion.reshape(count)
    for i in np.linspace(0, count - 1, many).astype(int):
        yield (
            slope[i],
            base[i],
            noise[i],
            over[i],
            own["ladder.drift"][i],
            own["ladder.mobility"][i],
        )


def seen(draw: tuple[Any, ...], facts: kernel.Facts) -> tuple[Any, ...]:
    """Log-likelihood, smoothed levels, steps, scaled emissions and filtered levels of a draw."""
    slope, base, noise, over, drift, mobility = draw
    level = affine.forward(slope, kernel._carried(base, facts), facts.edges)
    log_emission, *_ = kernel._readings(base, noise, over, level, facts)
    pair_weight, *_ = kernel._pairs(base, over, level, facts)
    step, top = kernel._steps(kernel._moves(drift, mobility, level, facts), pair_weight)
    weight, ahead, news = markov.filtered(facts.initial, step, facts.which, log_emission)
    _, smoothed = markov.smoothed(step, facts.which, weight, ahead)
    return news.sum() + top[facts.which].sum(), smoothed, step, weight, ahead


if __name__ == "__main__":
    main()
