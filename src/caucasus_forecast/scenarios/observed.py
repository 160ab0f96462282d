"""What a scenario set came to, by its own rules, on evidence as it stood on a day.

The evidence leaves a range of every measure (`known`). The bounds of the conditions cut it into
cells, and on a cell of their product every condition is true or false throughout (`paper`). What
the rules come to on the cells that are left is what is still possible. Where that is one thing, it
is the outcome, whatever the unknown values were and however long the horizon has still to run.

Measures count as independent of each other. Two of one series are not, so what they exclude only
together is kept as possible; nothing is excluded that some value of the unknown leads to. More
evidence narrows the ranges, so what is decided stays decided unless a row is revised.

What a rule says of VOID in words, such as that a signatory disputes the text, no row tells. Someone
has to say it, with a reason: then whether that scenario came counts as unknown for good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from ..graph import CausalGraph
from .known import VOIDED, Cells, Known, Record, between, known
from .paper import Grid
from .rules import Condition, Question, ScenarioSet

Option = tuple[str, tuple[Condition, ...]]
Ranges = dict[Condition, tuple[Known, tuple[float, ...]]]
Left = dict[Condition, Cells]
YES, NO, OPEN, VOID = "YES", "NO", "OPEN", "VOID"
STATES = (YES, NO, OPEN, VOID)
NOTHING: Mapping[str, str] = MappingProxyType({})


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


def scenarios(
    chosen: ScenarioSet, record: Record, given: Sequence[Condition] = (),
    void: Mapping[str, str] = NOTHING,
) -> Ruling:  # fmt: skip
    """What a set came to; with `given`, where those conditions hold, and VOID where they do not.

    Parameters
    ----------
    chosen
        The set.
    record
        What is known.
    given
        Conditions without which the question is annulled.
    void
        Scenario → why it is void; whether it came is then not told by any row.

    Examples
    --------
    >>> from caucasus_forecast import evidence, graph, scenarios as sets
    >>> months = np.arange("2021-12", "2022-12", dtype="M8[M]")
    >>> record = Record(evidence.load(), graph.load(), months)
    >>> found = scenarios(sets.load("alyarli-2021"), record)
    >>> found.outcome, found.why  # doctest: +ELLIPSIS
    ('S1', 'max of battle_deaths is 294 (deaths-2022-09: 294; deaths-2021-12: 5; ...)')
    """
    options = [(s.id, unless_void(s.id, s.when, void)) for s in chosen.scenarios]
    return rule(options, record, ordered=chosen.ordered, given=given, void=void)


def answers(question: Question, record: Record, void: Mapping[str, str] = NOTHING) -> Ruling:
    """Which answer a side question came to; `void` as for `scenarios`, by question."""
    options = [(label, unless_void(question.id, (c,), void)) for label, c in question.answers]
    return rule(options, record, ordered=False, void=void)


def unless_void(
    ident: str, when: tuple[Condition, ...], void: Mapping[str, str]
) -> tuple[Condition, ...]:
    """Conditions, or one that nothing tells of where what they are of is void."""
    return (Condition(VOIDED, ident, 0.5),) if ident in void else when


def rule(
    options: Sequence[Option], record: Record, *, ordered: bool, given: Sequence[Condition] = (),
    void: Mapping[str, str] = NOTHING,
) -> Ruling:  # fmt: skip
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
    void
        What is void → why, for conditions of `unless_void`.

    Returns
    -------
    With one possibility left, it is YES and the others are NO. With several, those excluded are NO
    and the others OPEN, or VOID when what is unknown will stay so: it is void, or the evidence has
    had its time (`Record.spent`). Where `given` is false all are VOID, and while it is open none is
    decided.

    Raises
    ------
    ScenarioError
        For a measure of what the graph does not have.
    """
    ranges = _ranges(options, given, record, void)
    rules = _Rules(tuple(options), record.graph, ordered, tuple(given))
    left = {axis: told.cells(cuts) for axis, (told, cuts) in ranges.items()}
    holding, failing, possible = rules.possible(left)
    every = dict.fromkeys((k for k, _ in options), VOID)
    if not holding:
        return Ruling(every, f"annulled: {_said(ranges, _needed(rules, ranges, left))}")
    if failing:
        unknown = [axis for axis in _cuts(given) if len(left[axis]) > 1]
        state, why = _wanting(record, unknown)
        told = _said(ranges, unknown)
        return Ruling(dict.fromkeys(every, state), f"{why} whether the condition came: {told}")
    if len(possible) == 1 and "" not in possible:
        states = {k: YES if k in possible else NO for k in every}
        return Ruling(states, _said(ranges, _needed(rules, ranges, left)))
    unknown = _deciding(rules, left)
    state, why = _wanting(record, unknown)
    kept = every.keys() if possible == {""} else possible
    return Ruling(
        {k: state if k in kept else NO for k in every}, f"{why}: {_said(ranges, unknown)}"
    )


def _wanting(record: Record, unknown: Sequence[Condition]) -> tuple[str, str]:
    """What is not decided is OPEN, or VOID where nothing will tell; and why."""
    if unknown and all(axis.measure == VOIDED for axis in unknown):
        return VOID, "nothing can tell"
    if record.spent:
        return VOID, f"by {record.until} nothing tells"
    return OPEN, "undecided"


def _ranges(
    options: Sequence[Option], given: Sequence[Condition], record: Record, void: Mapping[str, str]
) -> Ranges:
    """What is known of every measure that is asked of, and where the conditions cut it."""
    asked = _cuts([*(c for _, when in options for c in when), *given])
    return {
        axis: (
            Known(axis, 0.0, 1.0, void[axis.of]) if axis.measure == VOIDED else known(axis, record),
            cuts,
        )
        for axis, cuts in asked.items()
    }


def _cuts(conditions: Sequence[Condition]) -> dict[Condition, tuple[float, ...]]:
    found: dict[Condition, set[float]] = {}
    for c in conditions:
        axis = Condition(c.measure, c.of, last=c.last)
        found.setdefault(axis, set()).update(c.bounds().values())
    return {axis: tuple(sorted(cuts)) for axis, cuts in found.items()}


# --------------------------------------------------------------------------- what is possible


@dataclass(frozen=True)
class _Rules:
    options: tuple[Option, ...]
    graph: CausalGraph
    ordered: bool
    given: tuple[Condition, ...]

    def possible(self, left: Left) -> tuple[bool, bool, set[str]]:
        """Whether `given` can hold, whether it can fail, and what can come where it holds.

        ``""`` stands for none, or in an unordered set several, of the possibilities.
        """
        grid = Grid(tuple(left), tuple(left.values()), self.graph)
        if not grid.small:
            return self._by_parts(left)
        inside = grid.box(self.given)
        each = np.stack([grid.box(when) & inside for _, when in self.options])
        if self.ordered:
            each &= np.cumsum(each, axis=0) == 1
        ways = each.reshape(len(each), -1)
        alone = ways[:, ways.sum(0) == 1]
        found = {k for (k, _), way in zip(self.options, alone, strict=True) if way.any()}
        astray = (each.sum(0) != 1) & inside
        return bool(inside.any()), not inside.all(), found | ({""} if astray.any() else set())

    def _by_parts(self, left: Left) -> tuple[bool, bool, set[str]]:
        """The same by Kleene's logic, condition by condition: nothing is excluded wrongly."""
        holding, failing = _truth(self.given, left)
        found: set[str] = set()
        for name, when in self.options:
            can, can_fail = _truth(when, left)
            found |= {name} if can else set()
            if self.ordered and not can_fail:
                return holding, failing, found
        return holding, failing, found | {""}


def _truth(when: Sequence[Condition], left: Left) -> tuple[bool, bool]:
    """Whether all conditions can hold, and whether one can fail."""
    each = [
        [low >= c.at_least and high <= c.below for low, high in left[axis]]
        for c in when
        for axis in [Condition(c.measure, c.of, last=c.last)]
    ]
    return all(map(any, each)), not all(map(all, each))


def _needed(rules: _Rules, ranges: Ranges, left: Left) -> list[Condition]:
    """The measures without which the ruling would not stand."""
    ruled, kept = rules.possible(left), dict(left)
    free = {axis: between(cuts) for axis, (_, cuts) in ranges.items()}
    for axis in reversed(ranges):
        freed = kept | {axis: free[axis]}
        if rules.possible(freed) == ruled:
            kept = freed
    return [axis for axis in ranges if kept[axis] != free[axis]]


def _deciding(rules: _Rules, left: Left) -> list[Condition]:
    """The unknown measures of which a value would exclude something; all, where none alone does."""
    ruled = rules.possible(left)
    unknown = [axis for axis, cells in left.items() if len(cells) > 1]
    found = [
        axis
        for axis in unknown
        if any(rules.possible(left | {axis: (cell,)}) != ruled for cell in left[axis])
    ]
    return found or unknown


def _said(ranges: Ranges, axes: Sequence[Condition]) -> str:
    return "; ".join(str(ranges[axis][0]) for axis in axes)
