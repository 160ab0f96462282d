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

import csv
import hashlib
import io
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from . import __version__, atomic, baselines, learning, names, scoring
from . import evidence as rows
from .baselines import Distribution
from .case import MODEL_NAMES, Case
from .errors import (
    CaseError,
    CorruptResultError,
    EvidenceError,
    SamplingError,
    StorageError,
    nearest,
)
from .evidence import Evidence
from .scenarios import Table

Array = np.ndarray
log = logging.getLogger("caucasus_forecast")

HORIZONS = (1, 3, 6, 12)
TENSION = "tension"
DYAD = "Armenia-Azerbaijan"
BLOCK = 12
STEP = np.timedelta64(1, "M")
LEVELS = tuple(f"{100 * m:g}" for m in scoring.MASSES)
SCORES = (
    "ignorance", "rps", "crps", "log1p_crps", "threshold_crps",
    *(f"brier_{k}" for k in scoring.THRESHOLDS),
    *(f"{kind}_{level}" for level in LEVELS for kind in ("covered", "interval_score")),
    "pit_below", "pit_upto", "zero",
)  # fmt: skip
COLUMNS = ("model", "unit", "horizon", "observed", "past_year", *SCORES)


# --------------------------------------------------------------------------- what is forecast


@dataclass(frozen=True)
class Counts:
    """Monthly counts of one or many units.

    Attributes
    ----------
    months
        Shape (T,), consecutive calendar months.
    units
        Names.
    values
        Shape (T, U), NaN where a month is not known.
    evidence
        All the evidence, where the counts are the library's own dyad.
    """

    months: Array
    units: tuple[str, ...]
    values: Array
    evidence: Evidence | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of months, names and counts, and of the evidence behind them."""
        body = hashlib.sha256(self.values.tobytes())
        body.update("|".join([*self.months.astype(str), *self.units]).encode())
        body.update((self.evidence.digest if self.evidence else "").encode())
        return body.hexdigest()

    def until(self, month: np.datetime64) -> Counts:
        """What was known at the end of a month."""
        stop = int(np.searchsorted(self.months, month, side="right"))
        known = None
        if self.evidence is not None:
            known = self.evidence.as_of(_last_day(month))
        return Counts(self.months[:stop], self.units, self.values[:stop], known)


def _last_day(month: np.datetime64) -> date:
    return ((month + STEP).astype("datetime64[D]") - np.timedelta64(1, "D")).astype(object)


def read(source: Any = None) -> Counts:
    """Counts to backtest on.

    Parameters
    ----------
    source
        Nothing: the embedded battle deaths. Otherwise the path of a CSV (``.gz`` too) or a data
        frame: either a table of counts as `caucasus_forecast.evidence.read_counts` takes it, which
        replaces the embedded series of the same name, or a wide panel with a column ``month`` and a
        column of counts for each unit, where a blank is unknown.

    Raises
    ------
    EvidenceError
        For a table that cannot be read, months that are not consecutive, or a count that is none.
    """
    if source is None:
        return _own(rows.load())
    where, columns, table = rows.table_rows(source, fold=False)
    folded = [c.lower() for c in columns]
    if "count" in folded or "month" not in folded:
        return _own(rows.load().with_counts(rows.read_counts(source)))
    for name in columns:
        if columns.count(name) > 1:
            raise EvidenceError(f"{where}: column {name!r} appears twice; keep one")
    calendar = columns[folded.index("month")]
    units = tuple(c for c in columns if c != calendar)
    months, values = [], []
    for n, row in table:
        at = f"{where}, row {n}"
        months.append(np.datetime64(rows.month_of(row[calendar], at).start, "M"))
        values.append([
            np.nan if rows.blank(row[u]) else rows.count_of(row[u], f"{at}, {u}") for u in units
        ])  # fmt: skip
    if not months:
        raise EvidenceError(f"{where}: no rows of counts; add at least one row below the header")
    found = np.array(months)
    if gaps := np.flatnonzero(np.diff(found) != STEP).tolist():
        raise EvidenceError(
            f"{where}: {found[gaps[0] + 1]} follows {found[gaps[0]]}; give every month once, in "
            "order (a blank cell is an unknown month)"
        )
    return Counts(found, units, np.array(values))


def _own(evidence: Evidence) -> Counts:
    """The months of battle deaths that are known exactly; a zero total is a zero in each month."""
    seen = [o for o in evidence.observations if o.series == names.DEATHS]
    found = {
        np.datetime64(part.window.start, "M"): float(part.count)
        for o in seen
        for part in rows.by_month(o)
        if part.window.whole_month
    }
    if not found:
        raise EvidenceError(f"no whole month of {names.DEATHS}; give monthly counts")
    months = np.arange(min(found), max(found) + STEP)
    values = np.array([[found.get(m, np.nan)] for m in months])
    return Counts(months, (DYAD,), values, evidence)


# --------------------------------------------------------------------------- one origin


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
    from . import forecasting

    name, _, priors = model.partition(":")
    case = Case(
        as_of=_last_day(job.known.months[-1]), horizon=max(steps), model=name, priors=priors,
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


# --------------------------------------------------------------------------- the product


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
    keep = _Keep(Path(folder), settings, read_counts) if folder is not None else None
    say = progress or log.info
    done = {o: found for o in origins if keep and (found := keep.load(o)) is not None}
    began = time.monotonic()
    todo = jobs(read_counts, np.array([o for o in origins if o not in done]), settings)
    for fresh, (origin, found) in enumerate(_run(todo, executor), start=1):
        done[origin] = keep.save(origin, found) if keep else found
        left = (len(origins) - len(done)) * (time.monotonic() - began) / fresh
        say(f"{len(done)} of {len(origins)} origins, about {_duration(left)} left")
    return Backtest(_dataset(done, origins, read_counts, settings))


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


# --------------------------------------------------------------------------- one file an origin


@dataclass(frozen=True)
class _Keep:
    """A folder with one table for each origin, and a manifest that says what it is for."""

    folder: Path
    settings: Settings
    counts: Counts

    def __post_init__(self) -> None:
        wanted = {
            "version": __version__, "data": self.counts.digest, **asdict(self.settings),
        }  # fmt: skip
        body = json.dumps(wanted, sort_keys=True, indent=1) + "\n"
        manifest = self.folder / "backtest.json"
        if manifest.exists():
            if _bytes(manifest) != body.encode():
                raise StorageError(
                    f"{self.folder}: holds a backtest with other settings or data; choose another "
                    "folder, or ask for the same"
                )
            return
        with atomic.worded(self.folder):
            if self.folder.exists() and any(self.folder.iterdir()):
                raise StorageError(f"{self.folder}: is not empty; choose another folder")
            self.folder.mkdir(parents=True, exist_ok=True)
        atomic.write(manifest, body.encode())
        log.info(f"every origin is kept in {self.folder}; a run that is stopped goes on from there")

    def load(self, origin: np.datetime64) -> list[dict[str, Any]] | None:
        """The rows of an origin that was done before."""
        path = self.folder / f"{origin}.csv"
        if not path.exists():
            return None
        try:
            read = csv.DictReader(io.StringIO(_bytes(path).decode(), newline=""), strict=True)
            found = [_typed(row) for row in read]
        except (ValueError, KeyError, TypeError, csv.Error) as why:
            raise _damaged(path, str(why)) from None
        if {row["model"] for row in found} != set(self.settings.models):
            raise _damaged(path, "its models are others")
        return found

    def save(self, origin: np.datetime64, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Write the rows of an origin, whole or not at all."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
        atomic.write(self.folder / f"{origin}.csv", text.getvalue().encode(), overwrite=True)
        return found


def _typed(row: dict[str, str]) -> dict[str, Any]:
    kinds = {"model": str, "unit": str, "horizon": int, "observed": int}
    return {k: kinds.get(k, float)(row[k]) for k in COLUMNS}


def _damaged(path: Path, why: str) -> CorruptResultError:
    return CorruptResultError(
        f"{path}: damaged ({why[:100]}); remove it, and its origin is done anew"
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as why:
        raise StorageError(f"{path}: cannot be read ({why.strerror or why})") from None


# --------------------------------------------------------------------------- the result


def _dataset(
    done: dict[Any, list[dict[str, Any]]], origins: list[Any], counts: Counts, settings: Settings
) -> xr.Dataset:
    models, units, horizons = settings.models, counts.units, settings.horizons
    shape = (len(models), len(origins), len(units), len(horizons))
    place = [{x: i for i, x in enumerate(axis)} for axis in (models, units, horizons)]
    columns = {name: np.full(shape, np.nan) for name in SCORES}
    observed = np.full(shape[1:], np.nan)
    past = np.full(shape[1:3], np.nan)
    for o, origin in enumerate(origins):
        for row in done[origin]:
            m, u, h = (p[row[k]] for p, k in zip(place, ("model", "unit", "horizon"), strict=True))
            observed[o, u, h], past[o, u] = row["observed"], row["past_year"]
            for name in SCORES:
                columns[name][m, o, u, h] = row[name]
    dims = ("model", names.ORIGIN, "unit", "horizon")
    data = {name: (dims, values) for name, values in columns.items()}
    return xr.Dataset(
        {**data, "observed": (dims[1:], observed), "past_year": (dims[1:3], past)},
        coords={
            "model": list(models), names.ORIGIN: np.array(origins, "datetime64[ns]"),
            "unit": list(units), "horizon": list(horizons),
        },
        attrs={"data_digest": counts.digest, "lag": settings.lag, "seed": settings.seed,
               "draws": settings.draws, "version": __version__},
    )  # fmt: skip


@dataclass(frozen=True)
class Backtest:
    """A finished backtest.

    Attributes
    ----------
    data
        Every score on (model, origin, unit, horizon); ``observed`` and ``past_year``, the sum of
        the 12 months known last.
    reference
        The model that skill is measured against.
    """

    data: xr.Dataset
    reference: str = "conflictology12"
    seed: int = field(default=2021, repr=False)

    def against(self, reference: str) -> Backtest:
        """The same backtest with another reference.

        Raises
        ------
        CaseError
            If it is not among the models.
        """
        return replace(self, reference=self._known(reference))

    def _known(self, model: str) -> str:
        models = [str(m) for m in self.data["model"].to_numpy()]
        if model not in models:
            raise CaseError(f"{model!r} was not backtested; {nearest(model, models)}")
        return model

    def beside(self, other: Backtest) -> Backtest:
        """Both backtests as one.

        Raises
        ------
        CaseError
            If they were scored on different targets, or share a model.
        """
        for name in ("origin", "unit", "horizon"):
            if not self.data[name].equals(other.data[name]):
                raise CaseError(
                    f"the two backtests have other {name}s; a comparison needs the same"
                )
        if not self.data["observed"].equals(other.data["observed"]):
            raise CaseError("the two backtests were scored on different counts; use the same data")
        both = set(self.data["model"].to_numpy()) & set(other.data["model"].to_numpy())
        if both:
            raise CaseError(f"both backtests hold {', '.join(sorted(both))}; drop one")
        kept = {k: v for k, v in self.data.attrs.items() if other.data.attrs.get(k) == v}
        joined = xr.concat([self.data, other.data], "model", data_vars="minimal", join="exact",
                           compat="equals", coords="minimal", combine_attrs="override")  # fmt: skip
        return Backtest(joined.assign_attrs(kept), self.reference, self.seed)

    def mean(self, name: str, where: Any = True) -> xr.DataArray:
        """Mean of a score over the targets, then over horizons, for each model.

        Parameters
        ----------
        name
            A score of `SCORES`.
        where
            Targets to keep, over any of (origin, unit, horizon).

        Raises
        ------
        CaseError
            For a score that does not exist, or where models were not scored on the same targets.
        """
        return self._cells(name).where(where).mean((names.ORIGIN, "unit")).mean("horizon")

    def skill(self, name: str, model: str, where: Any = True) -> scoring.Skill:
        """What a model saves of the reference's loss, with its 90 % interval.

        The interval comes from a 12-month moving-block bootstrap over origins; with fewer than two
        blocks there is none (NaN).
        """
        cells = self._cells(name).where(where)
        ours, theirs = (cells.sel(model=self._known(m)) for m in (model, self.reference))
        mean = [x.mean((names.ORIGIN, "unit")).mean("horizon").item() for x in (ours, theirs)]
        if self.data.sizes[names.ORIGIN] < 2 * BLOCK:
            return scoring.Skill(1.0 - mean[0] / mean[1], np.nan, np.nan)
        kept = ours.notnull()
        weight = kept / kept.sum((names.ORIGIN, "unit"))  # each horizon counts the same
        share = [(x * weight).sum(("unit", "horizon")).to_numpy() for x in (ours, theirs)]
        lines = [xr.DataArray(x, dims=names.ORIGIN) for x in share]
        return scoring.skill_interval(*lines, seed=self.seed, block=BLOCK)

    def _cells(self, name: str) -> xr.DataArray:
        if name not in SCORES:
            raise CaseError(f"no score {name!r}; {nearest(name, SCORES)}")
        cells = self.data[name]
        seen = cells.notnull()
        uneven = seen.any("model") & ~seen.all("model")
        if uneven.any():
            count = {str(m): int(seen.sel(model=m).sum()) for m in cells["model"].to_numpy()}
            raise CaseError(
                "the models were scored on different targets "
                f"({', '.join(f'{m}: {n}' for m, n in count.items())}); begin later, where all "
                "have a history"
            )
        return cells

    @cached_property
    def table(self) -> Table:
        """Every model beside the reference."""
        header = (
            "", "model", "ignorance, bits", "saved (90 %)", "RPS saved (90 %)",
            "log1p-CRPS saved (90 %)", "in the 90 % interval",
        )  # fmt: skip
        covered = self.mean("covered_90", self.data["observed"] > 0)
        bits = self.mean("ignorance")
        lines = []
        for m in (str(x) for x in self.data["model"].to_numpy()):
            saved = [
                "reference" if m == self.reference else _saved(self.skill(s, m))
                for s in ("ignorance", "rps", "log1p_crps")
            ]
            inside = float(covered.sel(model=m))
            lines.append(("", m, f"{float(bits.sel(model=m)):.3f}", *saved,
                          f"{100 * inside:.0f} %" if np.isfinite(inside) else "-"))  # fmt: skip
        sizes = self.data.sizes
        scored = int(np.isfinite(self.data["observed"]).sum())
        span = [str(x)[:7] for x in self.data[names.ORIGIN].to_numpy()[[0, -1]]]
        notes = (
            f"origins {span[0]} to {span[1]}, {sizes['unit']} unit(s), horizons "
            f"{', '.join(str(h) for h in self.data['horizon'].to_numpy())} months, "
            f"{scored} targets; lag {self.data.attrs.get('lag', 0)}",
            "saved: share of the reference's loss; interval: 12-month blocks of origins; "
            "in the 90 % interval: months with deaths only",
        )
        return Table("Backtest", header, tuple(lines), self.data, notes)

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


def _saved(skill: scoring.Skill) -> str:
    text = f"{100 * skill.value:+.1f} %"
    if not np.isfinite(skill.lower):
        return text
    return f"{text} ({100 * skill.lower:+.1f} to {100 * skill.upper:+.1f})"
