"""Forecasts as hubverse model output: one row for each number, and one joint sample for each path.

Task ids: ``origin_date`` (the as-of day), ``scenario_id``, ``location``, ``target``, ``horizon``
(whole months after the origin's month) and ``target_end_date`` (the last day of that month, which
follows from origin and horizon). What a hub calls a scenario is what is assumed, so it is the id of
a forecast here; the scenarios of a set are outcomes, so they are the categories of a target.

| target                             | horizons | output types                           |
|------------------------------------|----------|----------------------------------------|
| `battle deaths`, each count series | 1..H     | sample, quantile, cdf, mean, median    |
| `state: NODE`                      | 1..H     | pmf over no, yes                       |
| `scenario: SET`                    | 1..H     | pmf over the ids of the set            |
| `question: ID`                     | H        | pmf over the answers                   |

With Y a count, F(y) = P(Y <= y) over the weighted futures:

    quantile at level a:  min { y : F(y) >= a }      cdf at y:  F(y)      P(Y >= t) = 1 − F(t − 1)

Samples all count the same (`caucasus_forecast.exchange.thinning`); a sample of one id is one
simulated future, so it is joint over targets and horizons of its ``scenario_id``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

import numpy as np

from .. import names
from ..errors import CaseError
from ..panel import ONE_MONTH
from ..text import literal
from .document import THRESHOLDS, Reader
from .naming import ABBREVIATION, Named, safe
from .thinning import thinned

Array = np.ndarray

PAIR: Final = "ARM-AZE"
# the levels that hubs ask for
LEVELS: Final = (0.01, 0.025, *(round(0.05 * i, 2) for i in range(1, 20)), 0.975, 0.99)
# every threshold t, and t − 1, from which P(Y >= t) is read
CDF_AT: Final = tuple(y for t in THRESHOLDS for y in (t - 1, t))


@dataclass(frozen=True)
class Submission:
    """Under which names a forecast goes to a hub.

    Parameters
    ----------
    team, model
        Their abbreviations, as the hub knows them: letters, digits and underscores. Hubs may want
        them shorter than the 80 that are allowed here.
    location
        What the hub calls the place (default: ``ARM-AZE``, for forecasts about that pair).
    samples
        How many joint samples of each forecast.
    parquet
        Whether to write Parquet instead of CSV; needs pyarrow (the extra ``tables``).

    Raises
    ------
    CaseError
        If a name is not safe.

    Examples
    --------
    >>> Submission("team", "ladder").model_id
    'team-ladder'
    """

    team: str
    model: str
    location: str | None = None
    samples: int = 1000
    parquet: bool = False

    def __post_init__(self) -> None:
        safe(self.team, "team", ABBREVIATION)
        safe(self.model, "model", ABBREVIATION)
        if self.location is not None:
            safe(self.location, "location")

    @property
    def model_id(self) -> str:
        """The name of the folder of the model."""
        return f"{self.team}-{self.model}"


class Row(NamedTuple):
    """One number of a submission; the fields are the columns, in this order."""

    origin_date: date
    scenario_id: str
    location: str
    target: str
    horizon: int
    target_end_date: date
    output_type: str
    output_type_id: str | None
    value: float


def rows(forecasts: Sequence[Named], submission: Submission) -> Iterator[Row]:
    """The rows of a submission, forecast by forecast.

    Sample ids count on from one forecast to the next, so that none is used twice.

    Raises
    ------
    CaseError
        If the forecasts have different origins, or fewer futures than samples are asked for.
    """
    origin_of(forecasts)
    for i, named in enumerate(forecasts):
        yield from _of_one(named, submission, 1 + i * submission.samples)


def origin_of(forecasts: Sequence[Named]) -> date:
    """The day all forecasts of one file start from.

    Raises
    ------
    CaseError
        If they start from different ones.
    """
    days = {str(n.forecast.tree.attrs["as_of"]) for n in forecasts}
    if len(days) > 1:
        raise CaseError(
            f"forecasts as of {', '.join(sorted(days))}; a round has one origin_date, so export "
            "each to its own file"
        )
    return date.fromisoformat(days.pop())


class _Task(NamedTuple):
    """What some rows are about: one outcome of one month."""

    origin: date
    scenario: str
    location: str
    target: str
    horizon: int
    end: date

    def row(self, kind: str, key: str | None, value: float) -> Row:
        return Row(*self, kind, key, value)

    def pmf(self, found: Mapping[str, float]) -> Iterator[Row]:
        """Probabilities of categories, which sum to one."""
        total = sum(found.values())
        for category, probability in found.items():
            yield self.row("pmf", literal(category), probability / total)


def _location(named: Named, submission: Submission) -> str:
    if submission.location is not None:
        return submission.location
    if named.forecast.study.theory.whole:
        raise CaseError(
            f"the graph {named.forecast.study.graph.name!r} is not about {PAIR}; say what the hub "
            "calls its place: location (--location)"
        )
    return PAIR


def _of_one(named: Named, submission: Submission, first: int) -> Iterator[Row]:
    world = Reader(named.forecast)
    place = (origin_of([named]), named.marked, _location(named, submission))
    ends = [_last_day(m) for m in world.months]

    def tasks(target: str) -> list[_Task]:
        return [_Task(*place, target, h, end) for h, end in enumerate(ends, 1)]

    chosen = thinned(world.share, world.shape, submission.samples)
    for name, values in world.counts.items():
        for h, task in enumerate(tasks(name.replace("_", " "))):
            yield from _count(task, values[..., h], world, chosen, first)
    for name, hit in world.states.items():
        for h, task in enumerate(tasks(f"state: {name}")):
            now = hit[..., h]
            yield from task.pmf({"no": world.rate(~now), "yes": world.rate(now)})
    partition = world.tree[names.SCENARIOS].to_dataset()
    ids = [str(s) for s in partition[names.SCENARIO].to_numpy()]
    for h, task in enumerate(tasks(f"scenario: {partition.attrs['set']}")):
        now = world.resolved[..., h]
        yield from task.pmf({s: world.rate(now == i) for i, s in enumerate(ids)})
    for question, found in _answers(world).items():
        yield from tasks(f"question: {question}")[-1].pmf(found)


def _count(task: _Task, values: Array, world: Reader, chosen: Array, first: int) -> Iterator[Row]:
    for i, value in enumerate(values.ravel()[chosen].tolist(), first):
        yield task.row("sample", str(i), value)
    levels = world.sample.quantiles(values, LEVELS)
    for level, value in zip(LEVELS, levels, strict=True):
        yield task.row("quantile", f"{level:g}", value)
    for at in CDF_AT:
        yield task.row("cdf", str(at), min(world.rate(values <= at), 1.0))
    yield task.row("mean", None, world.rate(values))
    yield task.row("median", None, levels[LEVELS.index(0.5)])


def _answers(world: Reader) -> dict[str, dict[str, float]]:
    """Question → answer → probability."""
    table = world.tree[names.QUESTIONS].to_dataset()
    columns = (table[c].to_numpy() for c in (names.QUESTION, "label", "probability"))
    found: dict[str, dict[str, float]] = {}
    for question, label, probability in zip(*columns, strict=True):
        found.setdefault(str(question), {})[str(label)] = float(probability)
    return found


def _last_day(month: str) -> date:
    """The last day of a month.

    Examples
    --------
    >>> _last_day("2024-02")
    datetime.date(2024, 2, 29)
    """
    after = np.datetime64(month, "M") + ONE_MONTH
    return date.fromisoformat(f"{after}-01") - timedelta(days=1)
