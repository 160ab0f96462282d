"""Rolling backtests: what would have been forecast, month after month, and how it scored.

An *origin* is the last month that could be known. From each origin every model forecasts the count
of the month `h` months later, for each horizon `h`, from what was known then and nothing else: the
months after the origin are cut off before a model sees them. With ``lag`` months of reporting delay
the last `lag` months before the origin are unknown too. Models are

    tension                 the tension process on the counts alone (`caucasus_forecast.learning`)
    a baseline              of `caucasus_forecast.baselines`
    ladder, drift, reference    the whole model with its priors, for the dyad of the library only

Every score is a loss (`caucasus_forecast.scoring`). Skill is what a model saves of the loss of the
`reference`, with an interval from a 12-month moving-block bootstrap over origins.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np

from .. import baselines
from ..case import MODEL_NAMES
from ..errors import CaseError, SamplingError, nearest
from .counts import DYAD, STEP, Counts, read
from .keep import Keep
from .origins import HORIZONS, TENSION, Job, Settings, forecasts, jobs, score
from .result import Backtest, dataset

__all__ = [
    "DYAD", "Backtest", "Counts", "Job", "Settings", "backtest", "forecasts", "jobs", "read",
    "score",
]  # fmt: skip

log = logging.getLogger("caucasus_forecast")


def backtest(
    counts: Any = None,
    *,
    models: Sequence[str] = (TENSION, "conflictology12", "own36"),
    priors: Sequence[str] = ("alyarli-2021",),
    first: str | None = None,
    last: str | None = None,
    every: int = 1,
    horizons: Sequence[int] = HORIZONS,
    lag: int = 0,
    seed: int = 2021,
    draws: int = 250,
    folder: str | Path | None = None,
    executor: Executor | None = None,
    progress: Callable[[str], None] | None = None,
) -> Backtest:
    """Forecast again from every origin, and score.

    Parameters
    ----------
    counts
        As `read` takes it; nothing: the embedded battle deaths.
    models
        `tension`, names of baselines, or of whole models (the library's dyad only).
    priors
        Prior sets of the whole models: each model is run with each.
    first, last
        First and last origin, as ``2015-12`` (default: 36 months in, and the month before the
        last).
    every
        Months between origins.
    horizons, lag, seed, draws
        See `Settings`.
    folder
        Where each origin is kept as it is done; a run that was stopped goes on from there.
    executor
        Any `concurrent.futures` executor, also that of a cluster (default: one origin at a time).
    progress
        Called with a line after each origin.

    Raises
    ------
    CaseError
        For unknown models, origins outside the counts, or whole models on other units.
    StorageError
        If the folder holds a backtest with other settings or data, or what it keeps is damaged.
    SamplingError
        If two processes that worked on one origin died.

    Examples
    --------
    >>> done = backtest(models=["own36", "conflictology12"], first="2019-01", last="2019-06")
    >>> done.data.sizes["origin"]
    6
    """
    read_counts = counts if isinstance(counts, Counts) else read(counts)
    settings = Settings(
        _models(models, priors, read_counts), tuple(sorted({int(h) for h in horizons})), lag, seed,
        draws,
    )  # fmt: skip
    _check(settings, every)
    origins = _origins(read_counts, settings, first, last, every)
    keep = Keep(Path(folder), settings, read_counts) if folder is not None else None
    say = progress or log.info
    done = {o: found for o in origins if keep and (found := keep.load(o)) is not None}
    began = time.monotonic()
    todo = jobs(read_counts, np.array([o for o in origins if o not in done]), settings)
    for fresh, (origin, found) in enumerate(_run(todo, executor), start=1):
        done[origin] = keep.save(origin, found) if keep else found
        left = (len(origins) - len(done)) * (time.monotonic() - began) / fresh
        say(f"{len(done)} of {len(origins)} origins, about {_duration(left)} left")
    return Backtest(dataset(done, origins, read_counts, settings))


def _run(todo: Iterator[Job], executor: Executor | None) -> Iterator[tuple[Any, Any]]:
    if executor is None:
        for job in todo:
            yield job.origin, score(job)
        return
    left = {job.origin: job for job in todo}
    try:
        waiting = {executor.submit(score, job): job.origin for job in left.values()}
        for future in as_completed(waiting):
            found = future.result()
            del left[waiting[future]]
            yield waiting[future], found
    except BrokenExecutor:
        log.warning(f"a process died; the other {len(left)} origins are done one at a time")
        yield from _one_at_a_time(left.values())


def _one_at_a_time(left: Iterable[Job]) -> Iterator[tuple[Any, Any]]:
    """In a process of their own, since one has died of them."""
    with ProcessPoolExecutor(1) as alone:
        for job in left:
            try:
                yield job.origin, alone.submit(score, job).result()
            except BrokenExecutor:
                raise SamplingError(
                    f"the process died again, at the origin {job.origin}; is there memory enough? "
                    "Origins that are done are kept where a folder is given (--out)"
                ) from None


def _models(models: Sequence[str], priors: Sequence[str], counts: Counts) -> tuple[str, ...]:
    if isinstance(models, str) or isinstance(priors, str):
        raise CaseError("models and priors are lists of names; write models=['tension']")
    known = (TENSION, *baselines.BASELINES, *MODEL_NAMES)
    found: list[str] = []
    for name in models:
        base = name.partition(":")[0]
        if base not in known:
            raise CaseError(f"no model {name!r}; {nearest(base, known)}")
        if base in MODEL_NAMES and counts.evidence is None:
            raise CaseError(
                f"{name!r} is a model of {DYAD}; a panel of other units can be forecast by "
                f"{TENSION!r} and the baselines"
            )
        whole = base in MODEL_NAMES and ":" not in name
        found += [f"{name}:{p}" for p in priors] if whole else [name]
    if not found:
        raise CaseError(f"no model is named; choose among {', '.join(known)}")
    return tuple(dict.fromkeys(found))


def _check(settings: Settings, every: int) -> None:
    for name, value, least in (
        ("horizons", min(settings.horizons, default=0), 1), ("lag", settings.lag, 0),
        ("every", every, 1), ("draws", settings.draws, 4), ("seed", settings.seed, 0),
    ):  # fmt: skip
        if value < least:
            raise CaseError(f"{name}: {value}; give at least {least}")


def _origins(
    counts: Counts, settings: Settings, first: str | None, last: str | None, every: int
) -> list[np.datetime64]:
    months = counts.months
    least = months[min(settings.lag, len(months) - 1)]
    latest = months[-1] - min(settings.horizons) * STEP
    begin = (
        _month(first, "first") if first else months[min(35, len(months) - 1)] + settings.lag * STEP
    )
    end = _month(last, "last") if last else latest
    if begin < least or end > latest or begin > end:
        raise CaseError(
            f"origins {begin} to {end}; the counts allow {least} to {latest} "
            f"(with a lag of {settings.lag} and a horizon of {min(settings.horizons)})"
        )
    return list(np.arange(begin, end + STEP, every * STEP))


def _month(text: str, name: str) -> np.datetime64:
    try:
        return np.datetime64(str(text)[:7], "M")
    except ValueError:
        raise CaseError(f"{name}: {text!r} is not a month; write it as 2015-12") from None


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
