"""What can be seen in the next months, each cut into outcomes that questions can be asked of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from .. import names
from ..estimate import Sample
from ..graph import Node
from ..questions import Question, World, evaluate, restate
from ..questions.tree import And, Compare, Event, Holds, Measure, Not, Windowed, Within
from ..scenarios import ScenarioSet

Array = np.ndarray

CUTS: Final = (0.1, 1 / 3, 2 / 3, 0.9)
# what is watched → what rules call it, and whether it can only grow
RULED: Final = {"worst": ("max", 1), "total": ("total", 1), "last": ("share", 0)}


@dataclass(frozen=True)
class Outcome:
    """One thing that may be seen: for people, and as an event of the question language.

    `low` and `high` are the half-open range that what is watched is in by then; of a state, whether
    it holds: 0 or 1.
    """

    words: str
    question: Question
    low: float
    high: float

    @property
    def text(self) -> str:
        """The event as text, as `caucasus_forecast.questions.parse` takes it."""
        return restate(self.question)


@dataclass(frozen=True)
class Observable:
    """What is watched over the first months, cut into outcomes of which one comes true.

    Attributes
    ----------
    series, measure
        As the conditions of a scenario set have them.
    months
        The first months of the horizon.
    direction
        1 if it can only grow from month to month, −1 if it can only fall, 0 if it can do either.
    outcomes
        In the order of their ranges.

    Examples
    --------
    >>> found = cut("deadliest month", Measure("battle_deaths", "worst"), 3, (25.0, 100.0))
    >>> [o.words for o in found.outcomes][1:]
    ['deadliest month: 25 to 99', 'deadliest month: 100 or more']
    >>> found.outcomes[2].text
    'worst month of battle_deaths at least 100 within 3 months'
    """

    series: str
    measure: str
    months: int
    direction: int
    outcomes: tuple[Outcome, ...]


def observables(
    world: World,
    partition: ScenarioSet,
    everywhere: Sample,
    months: int,
    polled: Collection[str] = (),
) -> Iterator[Observable]:
    """Everything that can be seen in the first months, and may turn out in more than one way.

    Parameters
    ----------
    world
        The futures.
    partition
        The scenarios, whose rules cut the deadliest month too.
    everywhere
        All paths, and what each draw weighs.
    months
        How many.
    polled
        The shares that have readings.
    """

    def points(measure: Measure) -> Array:
        asked = Question(Windowed(measure, Within(months)))
        return np.array(everywhere.quantiles(evaluate(asked, world).value, CUTS))

    worst = Measure(names.DEATHS, "worst")
    label = f"{names.DEATHS}, deadliest month" if months > 1 else names.DEATHS
    ruled, free = _ruled(partition), np.floor(points(worst)) + 1
    yield cut(label, worst, months, [*free[free < min(ruled, default=np.inf)], *ruled])
    for name in world.labels(names.NODE):
        total, unit = Measure(name, "total"), world.graph.node[name].unit.partition(" a ")[0]
        yield cut(name, total, months, np.floor(points(total)) + 1, unit)
    for i, name in enumerate(world.labels(names.STATE)):
        if np.ptp(world.futures["status"].isel({names.STATE: i}).to_numpy()[..., :months]):
            yield change(world.graph.node[name], months)
    for name in world.labels(names.SHARE):
        if name in polled:
            last = Measure(name, "last")
            yield cut(f"{name}, a reading", last, months, np.round(points(last), 2))


def _ruled(partition: ScenarioSet) -> list[float]:
    """Where the rules of a set cut the deadliest month."""
    rules = (c for s in partition.scenarios for c in s.when)
    return [
        x for c in rules if (c.measure, c.of) == ("max", names.DEATHS) for x in c.bounds().values()
    ]


def cut(
    label: str, measure: Measure, months: int, at: Sequence[float] | Array, unit: str = ""
) -> Observable:
    """A number cut into outcomes.

    Parameters
    ----------
    label
        What the number is, for people.
    measure
        The number, as the question language has it; the ``last`` month is that of a share.
    months
        The first months of the horizon it is read over.
    at
        Where it is cut; an outcome holds its lower end.
    unit
        Of a count, in the plural.
    """
    said = _share_words if measure.aggregate == "last" else _count_words
    ends = [-np.inf, *np.unique(at), np.inf]
    outcomes = []
    for low, high in pairwise(ends):
        sides: list[Event] = [Compare(measure, ">=", float(low))] if np.isfinite(low) else []
        sides += [Compare(measure, "<", float(high))] if np.isfinite(high) else []
        body = And(tuple(sides)) if len(sides) > 1 else sides[0]
        asked = Question(Windowed(body, Within(months)))
        outcomes.append(Outcome(f"{label}: {said(low, high, unit)}", asked, low, high))
    kind, direction = RULED[measure.aggregate]
    return Observable(measure.series, kind, months, direction, tuple(outcomes))


def _count_words(low: float, high: float, unit: str) -> str:
    if np.isinf(high):
        words = f"{low:.0f} or more"
    elif np.isinf(low):
        words = "none" if high == 1 else f"fewer than {high:.0f}"
    else:
        words = f"{low:.0f} to {high - 1:.0f}" if high - low > 1 else f"{low:.0f}"
    one = words == "1"
    return (
        words if words == "none" else f"{words} {unit.removesuffix('s') if one else unit}".strip()
    )


def _share_words(low: float, high: float, _: str) -> str:
    if np.isinf(high):
        return f"{100 * low:.0f} % or more"
    return f"below {100 * high:.0f} %" if np.isinf(low) else f"{100 * low:.0f}-{100 * high:.0f} %"


def change(node: Node, months: int) -> Observable:
    """Whether a state has changed by the end of some months.

    Examples
    --------
    >>> gone = change(Node("troops", "event", -1), 3).outcomes[1]
    >>> gone.words, gone.text
    ('troops: no longer', 'not state troops within 3 months')
    """
    holds = Holds(node.name, "state")
    no: tuple[Event, float, float] = (Not(holds), 0.0, 0.5)
    yes: tuple[Event, float, float] = (holds, 0.5, np.inf)
    ends = (no, yes) if node.reading > 0 else (yes, no)
    said = ("not yet", "yes") if node.reading > 0 else ("still", "no longer")
    outcomes = (
        Outcome(f"{node.name}: {words}", Question(Windowed(event, Within(months))), low, high)
        for words, (event, low, high) in zip(said, ends, strict=True)
    )
    return Observable(node.name, "status", months, node.reading, tuple(outcomes))
