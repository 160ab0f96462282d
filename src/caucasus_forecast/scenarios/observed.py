"""What a scenario set came to, by its own rules, on evidence as it stood on a day.

The evidence leaves a range of every measure (`known`). The bounds of the conditions cut it into
cells, and on a cell of their product every condition is true or false throughout (`paper`). What
the rules come to on the cells that are left is what is still possible. Where that is one thing, it
is the outcome, whatever the unknown values were and however long the horizon has still to run.

Measures count as independent of each other. Two of one series are not, so what they exclude only
together is kept as possible; nothing is excluded that some value of the unknown leads to. More
evidence narrows the ranges, so what is decided stays decided unless a row is revised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..graph import CausalGraph
from .known import Cells, Known, Record, between, known, reaches
from .paper import Grid
from .rules import Condition, Question, ScenarioSet

Option = tuple[str, tuple[Condition, ...]]
YES, NO, OPEN, VOID = "YES", "NO", "OPEN", "VOID"
STATES = (YES, NO, OPEN, VOID)


@dataclass(frozen=True)
class Ruling:
    """What each possibility of a question has become.

    Attributes
    ----------
    states
        Possibility → YES, NO, OPEN or VOID.
    why
        The values and rows that decided it, or that are wanting.

    Examples
    --------
    >>> Ruling({"S1": "YES", "S2": "NO"}, "").outcome
    'S1'
    """

    states: dict[str, str]
    why: str

    @property
    def outcome(self) -> str:
        """What came; nothing while that is open or void."""
        return next((k for k, v in self.states.items() if v == YES), "")

    @property
    def state(self) -> str:
        """YES where something came, else OPEN or VOID."""
        if self.outcome:
            return YES
        return OPEN if OPEN in self.states.values() else VOID

    @property
    def possible(self) -> tuple[str, ...]:
        """What is not excluded."""
        return tuple(k for k, v in self.states.items() if v != NO)


def scenarios(chosen: ScenarioSet, record: Record, given: Sequence[Condition] = ()) -> Ruling:
    """What a set came to; with `given`, where those conditions hold, and VOID where they do not.

    Examples
    --------
    >>> from caucasus_forecast import evidence, graph, scenarios as sets
    >>> months = np.arange("2021-12", "2022-12", dtype="M8[M]")
    >>> record = Record(evidence.load(), graph.load(), months)
    >>> found = scenarios(sets.load("alyarli-2021"), record)
    >>> found.outcome, found.why  # doctest: +ELLIPSIS
    ('S1', 'max of battle_deaths is 294 (deaths-2022-09: 294; deaths-2021-12: 5; ...)')
    """
    options = [(s.id, s.when) for s in chosen.scenarios]
    return rule(options, record, ordered=chosen.ordered, given=given)


def answers(question: Question, record: Record) -> Ruling:
    """Which answer a side question came to."""
    return rule([(label, (c,)) for label, c in question.answers], record, ordered=False)


def rule(
    options: Sequence[Option], record: Record, *, ordered: bool, given: Sequence[Condition] = ()
) -> Ruling:
    """Rule on possibilities that exclude each other.

    Parameters
    ----------
    options
        Each possibility and its conditions, all of which must hold.
    record
        What is known.
    ordered
        Whether the first that holds decides.
    given
        Conditions without which the question is annulled.

    Returns
    -------
    With one possibility left, it is YES and the others are NO. With several, those excluded are NO
    and the others OPEN, or VOID when the evidence has had its time (`Record.spent`). Where `given`
    is false all are VOID, and while it is open none is decided.

    Raises
    ------
    ScenarioError
        For a measure of what the graph does not have.
    """
    ranges = {
        axis: (known(axis, record), cuts)
        for axis, cuts in _cuts([*(c for _, when in options for c in when), *given]).items()
    }
    left = {axis: told.cells(cuts) for axis, (told, cuts) in ranges.items()}
    holding, failing, possible = _possible(options, left, record.graph, ordered, given)
    wanting = VOID if record.spent else OPEN
    why = f"by {reaches(record.evidence)} nothing tells" if record.spent else "undecided"
    if not holding:
        because = _needed(options, ranges, left, record.graph, ordered, given)
        return Ruling(dict.fromkeys((k for k, _ in options), VOID), f"annulled: {because}")
    if failing:
        told = _unknown(ranges, left, given)
        states = dict.fromkeys((k for k, _ in options), wanting)
        return Ruling(states, f"{why} whether the condition came: {told}")
    if len(possible) == 1 and "" not in possible:
        states = {k: YES if k in possible else NO for k, _ in options}
        return Ruling(states, _needed(options, ranges, left, record.graph, ordered, given))
    kept = {k for k, _ in options} if possible == {""} else possible
    states = {k: wanting if k in kept else NO for k, _ in options}
    return Ruling(states, f"{why}: {_unknown(ranges, left)}")


# --------------------------------------------------------------------------- what is possible


def _cuts(conditions: Sequence[Condition]) -> dict[Condition, tuple[float, ...]]:
    found: dict[Condition, set[float]] = {}
    for c in conditions:
        axis = Condition(c.measure, c.of, last=c.last)
        found.setdefault(axis, set()).update(c.bounds().values())
    return {axis: tuple(sorted(cuts)) for axis, cuts in found.items()}


def _possible(
    options: Sequence[Option], left: dict[Condition, Cells], graph: CausalGraph, ordered: bool,
    given: Sequence[Condition],
) -> tuple[bool, bool, set[str]]:  # fmt: skip
    """Whether `given` can hold, whether it can fail, and what can come where it holds.

    ``""`` stands for none, or in an unordered set several, of the possibilities.
    """
    grid = Grid(tuple(left), tuple(left.values()), graph)
    if not grid.small:
        return _by_parts(options, left, ordered, given)
    inside = grid.box(given)
    each = np.stack([grid.box(when) & inside for _, when in options])
    if ordered:
        each &= np.cumsum(each, axis=0) == 1
    ways = each.reshape(len(each), -1)
    found = {k for (k, _), way in zip(options, ways[:, ways.sum(0) == 1], strict=True) if way.any()}
    astray = (each.sum(0) != 1) & inside
    return bool(inside.any()), not inside.all(), found | ({""} if astray.any() else set())


def _by_parts(
    options: Sequence[Option], left: dict[Condition, Cells], ordered: bool,
    given: Sequence[Condition],
) -> tuple[bool, bool, set[str]]:  # fmt: skip
    """The same by Kleene's logic, condition by condition: less is excluded, nothing wrongly."""

    def truth(when: Sequence[Condition]) -> tuple[bool, bool]:
        each = [
            [low >= c.at_least and high <= c.below for low, high in left[axis]]
            for c in when
            for axis in [Condition(c.measure, c.of, last=c.last)]
        ]
        return all(map(any, each)), not all(map(all, each))

    holding, failing = truth(given)
    found: set[str] = set()
    for name, when in options:
        can, can_fail = truth(when)
        found |= {name} if can else set()
        if ordered and not can_fail:
            return holding, failing, found
    return holding, failing, found | {""}


def _needed(
    options: Sequence[Option], ranges: dict[Condition, tuple[Known, tuple[float, ...]]],
    left: dict[Condition, Cells], graph: CausalGraph, ordered: bool, given: Sequence[Condition],
) -> str:  # fmt: skip
    """The ranges without which the ruling would not stand, in words."""
    ruled, kept = _possible(options, left, graph, ordered, given), dict(left)
    free = {axis: between(cuts) for axis, (_, cuts) in ranges.items()}
    for axis in reversed(ranges):
        freed = kept | {axis: free[axis]}
        if _possible(options, freed, graph, ordered, given) == ruled:
            kept = freed
    return "; ".join(str(ranges[axis][0]) for axis in ranges if kept[axis] != free[axis])


def _unknown(
    ranges: dict[Condition, tuple[Known, tuple[float, ...]]], left: dict[Condition, Cells],
    among: Sequence[Condition] = (),
) -> str:  # fmt: skip
    """The ranges that leave it open, in words."""
    asked = _cuts(among) if among else ranges
    return "; ".join(str(ranges[axis][0]) for axis in asked if len(left[axis]) > 1)
