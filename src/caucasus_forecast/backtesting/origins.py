"""One origin: what was known then, what each model forecasts from it, and how that scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import baselines, learning, names, scoring
from ..baselines import Distribution
from ..case import Case
from .counts import STEP, Counts, last_day

Array = np.ndarray
HORIZONS = (1, 3, 6, 12)
TENSION = "tension"
LEVELS = tuple(f"{100 * m:g}" for m in scoring.MASSES)
SCORES = (
    "ignorance", "rps", "crps", "log1p_crps", "threshold_crps",
    *(f"brier_{k}" for k in scoring.THRESHOLDS),
    *(f"{kind}_{level}" for level in LEVELS for kind in ("covered", "interval_score")),
    "pit_below", "pit_upto", "zero",
)  # fmt: skip
COLUMNS = ("model", "unit", "horizon", "observed", "past_year", *SCORES)


@dataclass(frozen=True)
class Settings:
    """What is asked of every origin.

    Attributes
    ----------
    models
        Names: `tension`, a baseline, or a model, with its prior set after a colon.
    horizons
        Months from the origin to the target.
    lag
        Months of reporting delay.
    seed, draws
        Of the sampler, for whole models.
    """

    models: tuple[str, ...]
    horizons: tuple[int, ...] = HORIZONS
    lag: int = 0
    seed: int = 2021
    draws: int = 250


@dataclass(frozen=True)
class Job:
    """One origin: what was known then, and what came of it.

    Attributes
    ----------
    origin
        The last month that could be known.
    known
        The counts up to `lag` months before it; nothing later is in here.
    observed
        Shape (H, U), counts of the target months, for scoring only.
    settings
        What is asked.
    """

    origin: np.datetime64
    known: Counts
    observed: Array
    settings: Settings


def jobs(counts: Counts, origins: Array, settings: Settings) -> Iterator[Job]:
    """One job for each origin."""
    first = counts.months[0]
    for origin in origins:
        place = [int((origin - first) / STEP) + h for h in settings.horizons]
        inside = [p < len(counts.months) for p in place]
        blank = np.full(len(counts.units), np.nan)
        observed = [counts.values[p] if ok else blank for p, ok in zip(place, inside, strict=True)]
        yield Job(origin, counts.until(origin - settings.lag * STEP), np.array(observed), settings)


def forecasts(job: Job, model: str) -> list[list[Distribution | None]]:
    """What a model forecasts at an origin: for each horizon, for each unit."""
    known, steps = job.known, [h + job.settings.lag for h in job.settings.horizons]
    if model == TENSION:
        learned = learning.references(_complete(known.months[-1]))
        followed = [[learning.counts(a, history) for a in learned] for history in known.values.T]
        return [[learning.pooled(learned, f, h) for f in followed] for h in steps]
    if model in baselines.BASELINES:
        pooled = known.values[-baselines.POOL_MONTHS :]
        pool = baselines.empirical(pooled[np.isfinite(pooled)])
        every = [
            baselines.find(model)(h, pool, 1) if len(h) else None
            for h in (x[np.isfinite(x)] for x in known.values.T)
        ]
        return [every for _ in steps]
    return [[d] for d in _whole(job, model, steps)]


def _complete(month: np.datetime64) -> int:
    """The last year of which every month is known."""
    return int((month + STEP).astype("datetime64[Y]").astype(int)) + 1969


def _whole(job: Job, model: str, steps: Sequence[int]) -> list[Distribution]:
    """Battle deaths of the dyad under a whole model, from its simulated futures."""
    from .. import forecasting

    name, _, priors = model.partition(":")
    case = Case(
        as_of=last_day(job.known.months[-1]), horizon=max(steps), model=name, priors=priors,
        seed=job.settings.seed, draws=job.settings.draws,
    )  # fmt: skip
    done = forecasting.run(case, evidence=job.known.evidence, progress=lambda _: None)
    deaths = done.tree[names.PREDICTIONS][names.DEATHS].to_numpy()
    return [baselines.empirical(deaths[..., h - 1].ravel()) for h in steps]


def score(job: Job) -> list[dict[str, Any]]:
    """Every score of every model, unit and horizon at one origin, in a fixed order."""
    found = []
    recent = job.known.values[-12:]
    for model in job.settings.models:
        told = forecasts(job, model)
        for h, horizon in enumerate(job.settings.horizons):
            y = job.observed[h]
            here = [u for u in range(len(y)) if np.isfinite(y[u]) and told[h][u] is not None]
            if not here:
                continue
            scores = _scores([told[h][u] for u in here], y[here])
            for i, u in enumerate(here):
                head = (model, job.known.units[u], horizon, int(y[u]), float(recent[:, u].sum()))
                values = (float(scores[s][i]) for s in SCORES)
                found.append(dict(zip(COLUMNS, (*head, *values), strict=True)))
    return found


def _scores(told: list[Any], y: Array) -> dict[str, Array]:
    """Scores of distributions, shape (n,) each."""
    widest = max(len(d.values) for d in told)
    values, weight = np.zeros((len(told), widest)), np.zeros((len(told), widest))
    for i, d in enumerate(told):
        values[i, : len(d.values)], weight[i, : len(d.values)] = d.values, d.probability
    bins = np.array([d.class_probability(scoring.BINS) for d in told])
    classes = np.array([d.class_probability(scoring.CLASSES) for d in told])
    found = {
        "ignorance": scoring.ignorance(bins, y),
        "rps": scoring.rps(classes, y),
        "crps": scoring.crps(values, y, weight=weight),
        "log1p_crps": scoring.log1p_crps(values, y, weight=weight),
        "threshold_crps": scoring.threshold_crps(values, y, weight=weight),
        "pit_below": np.array([d.cdf(k - 1) for d, k in zip(told, y, strict=True)], float),
        "pit_upto": np.array([d.cdf(k) for d, k in zip(told, y, strict=True)], float),
        "zero": np.array([d.cdf(0) for d in told], float),
    }
    for k in scoring.THRESHOLDS:
        chance = np.array([1.0 - d.cdf(k - 1) for d in told], float)
        found[f"brier_{k}"] = scoring.brier(np.clip(chance, 0.0, 1.0), (y >= k).astype(float))
    for mass, level in zip(scoring.MASSES, LEVELS, strict=True):
        ends = np.array([d.quantile([0.5 - mass / 2, 0.5 + mass / 2]) for d in told], float)
        found[f"covered_{level}"] = scoring.covered(ends[:, 0], ends[:, 1], y)
        found[f"interval_score_{level}"] = scoring.interval_score(ends[:, 0], ends[:, 1], y, mass)
    return found
