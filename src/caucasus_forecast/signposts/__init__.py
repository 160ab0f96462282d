"""What to watch: which observation of the next months would move which scenario, and how far.

An *observable* is what can be seen in the first m months of the horizon: the total of a count, the
deadliest month, whether a state has changed, a reading of a share. It is cut into outcomes, each an
event of the language of `caucasus_forecast.questions`, so that what is shown can be asked:

    forecast.ask("S1 given worst month of battle_deaths at least 38 within 3 months")

Numbers are cut where the futures say: counts at the smallest whole numbers above their 10 %, 33 %,
67 % and 90 % points, shares at these points. Where a rule of the scenario set cuts the deadliest
month, its cuts take the place of those beyond. An observable is worth its expected information on
the scenario at the horizon, in bits (`information`); all that the next months show is worth at
least what a classifier makes of it (`value`).

An outcome selects futures, and with them the parameters and the level of tension that made them:
what would be learned about those is included. It is something observed, not something done. What to
do about it, and what it is worth to whom, is left out.

References
----------
Lindley (1956), *On a measure of the information provided by an experiment*.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from numbers import Integral
from typing import Any, Final, TypeGuard

import numpy as np
import xarray as xr

from .. import names
from ..errors import CaseError
from ..estimate import Sample, probability
from ..questions import Question, World, evaluate, parse, restate
from ..questions.tree import Holds
from ..scenarios import ScenarioSet, Table, percent
from .information import by_block, entropy, information, jackknife, shift
from .ruling import by_rule
from .value import known
from .watching import Observable, Outcome, observables

Array = np.ndarray

WITHIN: Final = (1, 3, 6)
# futures of equal weight, below which an outcome is too rare to say what follows it
FEWEST: Final = 30
# bits that are none, whatever the rounding
LEAST: Final = 1e-6
# rows of the table; its data have them all
SHOWN: Final = 15
SIGNPOST: Final = "signpost"
OUTCOME: Final = "outcome"

__all__ = [
    "Observable", "Outcome", "horizons", "known", "observables", "signposts", "value_of_data",
]  # fmt: skip


def signposts(
    world: World,
    partition: ScenarioSet,
    *,
    weight: Array | None = None,
    within: int | Sequence[int] | None = None,
    polled: Collection[str] = (),
) -> Table:
    """Every observable that tells more than noise, the most telling first.

    Parameters
    ----------
    world
        The futures, resolved.
    partition
        The scenarios.
    weight
        Of each draw, (chain, draw) (default: equal).
    within
        Months, or several numbers of them (default: 1, 3 and 6, as far as the horizon goes).
    polled
        The shares that have readings.

    Returns
    -------
    A row for each observable: the outcome that moves a scenario most, by more than two Monte Carlo
    errors; how likely that outcome is; the scenario before and after; the bits of the observable.
    The data hold every observable on ``signpost`` and each of its outcomes on ``outcome``.

    Raises
    ------
    CaseError
        If `within` is not whole months of the horizon, nothing varies, or every future resolves
        alike.
    """
    scenario = np.asarray(world.resolved)[..., -1].astype(int)
    everywhere = Sample(np.ones(scenario.shape, bool), weight)
    weighed = _weighed(world, scenario, everywhere)
    now = [probability(scenario == i, everywhere) for i in range(len(partition.scenarios))]
    posts: list[dict[str, Any]] = []
    outcomes: list[dict[str, Any]] = []
    for months in horizons(within, len(world.months)):
        for seen in observables(world, partition, everywhere, months, polled):
            bits, error, rows = _read(seen, world, partition, scenario, everywhere, now)
            if len(rows) > 1:
                outcomes += [{"of": len(posts)} | row for row in rows]
                post = {"series": seen.series, "within": months, "bits": bits, "bits_mcse": error}
                posts.append(post)
    if not posts:
        raise CaseError("nothing that can be seen turns out in more than one way; draw more paths")
    data = _dataset(posts, SIGNPOST).merge(_dataset(outcomes, OUTCOME))
    data["telling"] = data["bits"] > np.maximum(2 * data["bits_mcse"], LEAST)
    unknown, unsure = jackknife(lambda t: entropy(t[..., 0, :]), weighed)
    data.attrs = {"entropy": float(unknown), "entropy_mcse": float(unsure)}
    data.attrs["month"] = str(world.months[-1])
    return _table(data)


def horizons(within: int | Sequence[int] | None, longest: int) -> tuple[int, ...]:
    """The numbers of months to look ahead.

    Raises
    ------
    CaseError
        If one is not a whole number of months of the horizon.

    Examples
    --------
    >>> horizons(None, 4), horizons(2, 4)
    ((1, 3, 4), (2,))
    """
    if within is None:
        return tuple(sorted({min(m, longest) for m in WITHIN}))
    asked = tuple(within) if isinstance(within, Sequence) else (within,)
    for m in asked:
        if not _whole(m) or m > longest:
            raise CaseError(f"within is {m!r}; write whole months, 1 to {longest}")
    if not asked:
        raise CaseError(f"within is empty; write whole months, 1 to {longest}")
    return tuple(sorted(set(asked)))


def _whole(months: Any) -> TypeGuard[int]:
    return isinstance(months, Integral) and not isinstance(months, bool) and int(months) >= 1


def _weighed(world: World, scenario: Array, everywhere: Sample) -> Array:
    """Weight of every scenario in every block of draws, (B, 1, S); two of them have some."""
    sizes = 1, len(world.scenarios)
    found = by_block(scenario * 0, scenario, everywhere.weights, sizes)
    happens = np.flatnonzero(found.sum((0, 1)))
    if len(happens) < 2:
        raise CaseError(
            f"every future resolves as {world.scenarios[happens[0]]!r}: nothing is unknown that "
            "data could tell; draw more paths"
        )
    return found


def _read(
    seen: Observable,
    world: World,
    partition: ScenarioSet,
    scenario: Array,
    everywhere: Sample,
    now: Sequence[dict[str, float]],
) -> tuple[float, float, list[dict[str, Any]]]:
    """Bits of an observable, their error, and what each of its outcomes says."""
    hits = {o: evaluate(o.question, world).value for o in seen.outcomes}
    met = [o for o, hit in hits.items() if hit.any()]
    outcome = np.argmax([hits[o] for o in met], axis=0)
    tables = by_block(outcome, scenario, everywhere.weights, (len(met), len(now)))
    bits, error = jackknife(information, tables)
    moved, unsure = shift(tables.sum(0)), jackknife(shift, tables)[1]
    clear = np.where(np.abs(moved) > 2 * unsure, np.abs(moved), 0.0)
    rows = []
    for o, size in zip(met, clear, strict=True):
        sample = Sample(hits[o], everywhere.weight)
        chance = probability(hits[o], everywhere)
        row = {"words": o.words, "question": o.text, "chance": chance["probability"],
               "chance_mcse": chance["mcse"], "scenario": "", "by_rule": False}  # fmt: skip
        before = after = dict.fromkeys(now[0], np.nan)
        if size.any() and sample.effective >= FEWEST:
            i = int(size.argmax())
            before, after = now[i], probability(scenario == i, sample)
            row |= {"scenario": world.scenarios[i]}
            sure = after["probability"] in (0.0, 1.0)
            row["by_rule"] = sure and by_rule(seen, o, partition, i, len(world.months))
        row |= {f"now_{k}": v for k, v in before.items()}
        rows.append(row | {f"then_{k}": v for k, v in after.items()})
    return float(bits), float(error), rows


def _dataset(rows: Sequence[dict[str, Any]], dim: str) -> xr.Dataset:
    return xr.Dataset({key: (dim, [row[key] for row in rows]) for key in rows[0]})


def leading(data: xr.Dataset) -> xr.Dataset:
    """The outcome of each telling observable that moves a scenario most, the most telling first.

    Parameters
    ----------
    data
        Of the table that `signposts` makes.
    """
    now, then = (data[f"{k}_probability"].to_numpy() for k in ("now", "then"))
    moved = np.nan_to_num(np.abs(then - now))
    of, bits = data["of"].to_numpy(), data["bits"].to_numpy()
    ranked = [i for i in np.argsort(-bits, kind="stable") if data["telling"][i]]
    first = [int(np.where(of == i, moved, -1.0).argmax()) for i in ranked]
    told = data.drop_dims(SIGNPOST).isel({OUTCOME: first})
    posts = data[["within", "bits", "bits_mcse"]].isel({SIGNPOST: ranked})
    return told.merge(posts.rename({SIGNPOST: OUTCOME}))


def _table(data: xr.Dataset) -> Table:
    told = leading(data)
    shown = [told.isel({OUTCOME: i}) for i in range(min(told.sizes[OUTCOME], SHOWN))]
    noise, hidden = data.sizes[SIGNPOST] - told.sizes[OUTCOME], told.sizes[OUTCOME] - len(shown)
    notes = [
        f"unknown now: {data.attrs['entropy']:.2f} bits; "
        "bits are what an observable is expected to tell, whichever way it turns out"
    ]
    notes += [f"{hidden} more that tell less are in the data"] if hidden else []
    if noise:
        notes.append(f"{noise} of {data.sizes[SIGNPOST]} observables tell no more than noise")
    if asked := [v for v in shown if v["scenario"].item()]:
        notes.append(f'each can be asked for, as "{_asked(asked[0])}"')
    title = f"What to watch for where it stands at the end of {data.attrs['month']}"
    header = ("watch for", "within", "chance", "moves", "from", "to", "", "bits")
    return Table(title, header, tuple(map(_row, shown)), data, tuple(notes))


def _asked(told: xr.Dataset) -> str:
    """The scenario given the outcome, as a question."""
    seen = parse(str(told["question"].item())).asked
    return restate(Question(Holds(str(told["scenario"].item())), seen))  # type: ignore[arg-type]


def _row(told: xr.Dataset) -> tuple[str, ...]:
    months, scenario = int(told["within"]), str(told["scenario"].item())
    ruled = bool(told["by_rule"])
    bits, error = float(told["bits"]), float(told["bits_mcse"])
    moves = ("", "", "")
    if scenario:
        now = percent(float(told["now_probability"]), float(told["now_mcse"]))
        then, unsure = float(told["then_probability"]), float(told["then_mcse"])
        moves = (scenario, now, f"{100 * then:.0f} %" if ruled else _with_error(then, unsure))
    return (
        str(told["words"].item()),
        f"{months} month{'s' * (months > 1)}",
        percent(float(told["chance"]), float(told["chance_mcse"])),
        *moves,
        "by rule" if ruled else "",
        f"{bits:.3f} ± {error:.3f}",
    )


def _with_error(value: float, mcse: float) -> str:
    """A probability beside its Monte Carlo error: for the few futures of an outcome.

    Examples
    --------
    >>> _with_error(0.234, 0.021), _with_error(1.0, 0.003)
    ('23 ± 2 %', '> 99 %')
    """
    if value in (0.0, 1.0):
        return percent(value, mcse)
    digits = int(mcse < 0.005)
    return f"{100 * value:.{digits}f} ± {100 * mcse:.{digits}f} %"


def value_of_data(world: World, *, weight: Array | None = None, months: int = 6) -> Table:
    """At least how much of what is unknown the next months of data would tell, month by month.

    Parameters
    ----------
    world
        The futures, resolved.
    weight
        Of each draw, (chain, draw) (default: equal).
    months
        How many, as far as the horizon goes.

    Returns
    -------
    A row for each month: bits by the end of it, their Monte Carlo error, and as a share of what is
    unknown now; a lower bound each (`caucasus_forecast.signposts.value`).

    Raises
    ------
    CaseError
        If `months` is not a whole number of months, or every future resolves alike.
    """
    if not _whole(months):
        raise CaseError(f"months is {months!r}; write whole months, 1 or more")
    last = min(months, len(world.months))
    scenario = np.asarray(world.resolved)[..., -1].astype(int)
    everywhere = Sample(np.ones(scenario.shape, bool), weight)
    unknown = float(entropy(_weighed(world, scenario, everywhere).sum((0, 1))))
    found = np.array([known(world, weight, m) for m in range(1, last + 1)])
    data = xr.Dataset(
        {"bits": (names.MONTH, found[:, 0]), "bits_mcse": (names.MONTH, found[:, 1])},
        coords={names.MONTH: world.futures[names.MONTH][:last]},
        attrs={"entropy": unknown},
    )
    rows = tuple(
        (str(month), f"{bits:.3f} ± {error:.3f}", f"{100 * bits / unknown:.0f} %")
        for month, (bits, error) in zip(world.months, found, strict=False)
    )
    note = f"unknown now: {unknown:.2f} bits; a better reader of the same data could only know more"
    return Table("What the next months of data are worth", ("data to the end of", "at least (bits)",
                 "of the unknown"), rows, data, (note,))  # fmt: skip
