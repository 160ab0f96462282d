"""Which outcomes decide a scenario by definition, whatever the futures say.

An outcome says that what is watched is in [low, high) at the end of the first months. A rule of the
scenario set asks for a range [at_least, below) at the horizon. Until then a count can only grow and
a state can only change once, to what it was not; a share can go anywhere. So the outcome leaves a
range at the horizon,

    it is seen up to the horizon     [low, high)
    it can only grow                 [low, ∞)
    it can only fall                 (−∞, high)
    it can go anywhere               (−∞, ∞)

and a condition on the same measure of the same series holds if that range lies within the rule's,
and fails if it lies outside. Any other condition is left open.
"""

from __future__ import annotations

from math import inf

from ..scenarios import Condition, ScenarioSet
from .watching import Observable, Outcome

Range = tuple[float, float]


def by_rule(
    seen: Observable, outcome: Outcome, partition: ScenarioSet, i: int, horizon: int
) -> bool:
    """Whether an outcome makes the scenario of index i certain, or impossible, by definition.

    It is certain if all its conditions hold; in an ordered set, if also each scenario before it
    has a condition that fails. It is impossible if one of its conditions fails; in an ordered set,
    also if a scenario before it is certain to have all that it asks for.
    """
    left = reach(seen, outcome, horizon)
    several = partition.scenarios[: i + 1] if partition.ordered else (partition.scenarios[i],)
    verdicts = [_all([_holds(c, seen, left, horizon) for c in s.when]) for s in several]
    before, own = verdicts[:-1], verdicts[-1]
    if own is False or True in before:
        return True
    return own is True and all(v is False for v in before)


def reach(seen: Observable, outcome: Outcome, horizon: int) -> Range:
    """The range that an outcome leaves for what is watched at the horizon.

    Examples
    --------
    >>> from caucasus_forecast.questions.tree import Measure
    >>> from caucasus_forecast.signposts.watching import cut
    >>> seen = cut("deaths", Measure("battle_deaths", "worst"), 3, (25.0, 100.0))
    >>> reach(seen, seen.outcomes[1], 12), reach(seen, seen.outcomes[1], 3)
    ((25.0, inf), (25.0, 100.0))
    """
    if seen.months >= horizon:
        return float(outcome.low), float(outcome.high)
    return (
        float(outcome.low) if seen.direction > 0 else -inf,
        float(outcome.high) if seen.direction < 0 else inf,
    )


def _holds(condition: Condition, seen: Observable, left: Range, horizon: int) -> bool | None:
    """Whether a condition holds given the range; None where that is open."""
    whole = condition.last == 0 or condition.last >= horizon
    if (condition.measure, condition.of, whole) != (seen.measure, seen.series, True):
        return None
    low, high = left
    if condition.at_least <= low and high <= condition.below:
        return True
    return False if high <= condition.at_least or low >= condition.below else None


def _all(verdicts: list[bool | None]) -> bool | None:
    if False in verdicts:
        return False
    return None if None in verdicts else True
