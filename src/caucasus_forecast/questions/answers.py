"""A question asked of simulated futures, and the answer."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr

from .. import names
from ..estimate import Sample, probability
from ..graph import CausalGraph
from ..scenarios import interval, percent
from .evaluate import World, dated, evaluate, resolve
from .grammar import parse, parse_window
from .tree import Question, QuestionError, Timing, Windowed
from .wording import restate

Array = np.ndarray
FEW_PATHS = 100


@dataclass(frozen=True)
class Answer:
    """The probability of an event.

    Parameters
    ----------
    text, restated
        The question as asked, and in canonical words with every window dated.
    probability, mcse
        The estimate, and its Monte Carlo error.
    lower, upper
        90 % interval over parameter draws.
    given_share, given_paths
        Share and number of the paths on which the condition holds; nothing without a condition.
    notes
        What a reader must not miss.

    Examples
    --------
    >>> Answer("treaty", "treaty until May 2022", 0.25, 0.004, 0.2, 0.3)
    treaty until May 2022: 25 % (90 % interval 20-30 %)
    """

    text: str
    restated: str
    probability: float
    mcse: float
    lower: float
    upper: float
    given_share: float | None = None
    given_paths: int | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The fields, as JSON knows them."""
        return asdict(self) | {"notes": list(self.notes)}

    def __repr__(self) -> str:
        shown = percent(self.probability, self.mcse)
        range_ = f"90 % interval {interval(self.lower, self.upper)}"
        return "\n".join([f"{self.restated}: {shown} ({range_})", *self.notes])


@dataclass(frozen=True)
class Amount:
    """The distribution of a number over the futures.

    Parameters
    ----------
    text, restated
        The question as asked, and in canonical words with every window dated.
    mean, mcse
        The mean and its Monte Carlo error; nothing where the number is a month that may not come.
    quantiles
        (level, value) pairs; ``inf`` is a month not within the window.
    never, never_mcse
        Probability that the month does not come within the window, and its Monte Carlo error;
        nothing where the number is not a month.
    given_share, given_paths, notes
        As in `Answer`.

    Examples
    --------
    >>> Amount("total pressure", "total of pressure in May 2022", 2.5, 0.1,
    ...        ((0.05, 0.0), (0.5, 2.0), (0.95, 6.0)))
    total of pressure in May 2022: median 2, mean 2.5 (90 % of futures 0 to 6)
    """

    text: str
    restated: str
    mean: float | None
    mcse: float | None
    quantiles: tuple[tuple[float, float], ...]
    never: float | None = None
    never_mcse: float | None = None
    given_share: float | None = None
    given_paths: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def median(self) -> float:
        """The median."""
        return dict(self.quantiles)[0.5]

    def to_json(self) -> dict[str, Any]:
        """The fields, as JSON knows them; a month not within the window is null."""
        values = {f"{q:g}": x if math.isfinite(x) else None for q, x in self.quantiles}
        return asdict(self) | {"quantiles": values, "notes": list(self.notes)}

    def __repr__(self) -> str:
        known = dict(self.quantiles)
        low, middle, high = (_shown(known[q]) for q in (0.05, 0.5, 0.95))
        mean = "" if self.mean is None else f", mean {self.mean:.3g}"
        never = (
            ""
            if self.never is None or self.never_mcse is None
            else f"; not within it: {percent(self.never, self.never_mcse)}"
        )
        line = f"{self.restated}: median {middle}{mean} (90 % of futures {low} to {high}){never}"
        return "\n".join([line, *self.notes])


def _shown(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "later"


def ask(
    question: str | Question,
    futures: xr.Dataset,
    graph: CausalGraph,
    *,
    resolved: Array | None = None,
    scenarios: tuple[str, ...] = (),
    weight: Array | None = None,
    within: str | int | None = None,
) -> Answer | Amount:
    """Ask a question of simulated futures.

    Parameters
    ----------
    question
        Its text, or what `parse` made of it.
    futures
        Simulated futures on (chain, draw, path, month), as from
        `caucasus_forecast.simulate.as_dataset`.
    graph
        The graph of their nodes.
    resolved
        Index of the scenario on every path at every month, (chain, draw, path, month).
    scenarios
        Ids of the scenarios, in the order of their index.
    weight
        Of each draw, (chain, draw), of any sum (default: equal).
    within
        Window of what has none of its own: a number of months, ``"6 months"``, or ``"until May"``
        (default: the whole horizon).

    Raises
    ------
    QuestionError
        If the question does not parse, does not fit these futures, or its condition never holds.
    CaseError
        If the weights are not weights, or a chain has fewer than 4 draws.

    Examples
    --------
    >>> from caucasus_forecast.graph import Node
    >>> dims = ("chain", "draw", "path", "month")
    >>> months = np.array(["2022-01", "2022-02"], "M8[ns]")
    >>> data = xr.Dataset(
    ...     {
    ...         "tension": (dims, np.zeros((1, 4, 2, 2))),
    ...         "battle_deaths": (dims, np.array([[[[0, 3], [5, 0]]] * 4])),
    ...         "status": ((*dims[:3], "state", "month"), np.zeros((1, 4, 2, 0, 2))),
    ...     },
    ...     coords={"month": months, "node": [], "indicator": [], "state": []},
    ... )
    >>> ask("total battle_deaths", data, CausalGraph("none", (), ()))
    total of battle_deaths until February 2022: median 3, mean 4 (90 % of futures 3 to 5)
    """
    asked = question if isinstance(question, Question) else parse(question)
    world = World(futures, graph, resolved, tuple(scenarios))
    span = _default(within, world.months)
    found = evaluate(asked, world, span)
    held = np.ones(found.value.shape, bool) if found.given is None else found.given
    sample = Sample(held, weight)
    told = dated(asked, world.months, span)
    if not sample.paths:
        condition = restate(Question(told.given or told.asked))
        raise QuestionError(
            f"no path out of {held.size} meets the condition {condition!r}, so nothing can be said "
            "given it; loosen the condition, or draw more paths"
        )
    head: dict[str, Any] = {"text": asked.text, "restated": restate(told)}
    rest: dict[str, Any] = {} if found.given is None else _condition(sample)
    if not asked.is_number:
        return Answer(**head, **(probability(found.value, sample) | rest))
    return Amount(**head, **(_distribution(found.value, sample, _waits(asked)) | rest))


def refuse(question: str | Question, world: World, within: str | int | None = None) -> None:
    """Refuse a question that does not parse, or does not fit futures such as these; see `ask`."""
    asked = question if isinstance(question, Question) else parse(question)
    evaluate(asked, world, _default(within, world.months))


def _default(within: str | int | None, months: Array) -> slice | None:
    if within is None:
        return None
    if isinstance(within, str):
        return resolve(parse_window(within), months, within)
    if isinstance(within, bool) or not isinstance(within, int):
        raise QuestionError(
            f"within is {within!r}; write a number of months, '6 months' or 'until May'"
        )
    if not 1 <= within <= len(months):
        raise QuestionError(
            f"within is {within:.6g} months; the horizon allows 1 to {len(months)}"
            if abs(within) < 10**9
            else f"within is a huge number; the horizon allows 1 to {len(months)} months"
        )
    return slice(0, within)


def _condition(sample: Sample) -> dict[str, Any]:
    paths, effective = sample.paths, sample.effective
    told = f"the condition holds on {100 * sample.share:.3g} % of the futures ({paths} paths)"
    notes = [told]
    if effective < FEW_PATHS:
        worth = "" if round(effective) == paths else f", worth {effective:.0f} of equal weight"
        notes.append(
            f"WARNING: only {paths} paths{worth} meet the condition; "
            f"fewer than {FEW_PATHS} say little"
        )
    return {"given_share": sample.share, "given_paths": paths, "notes": tuple(notes)}


def _waits(question: Question) -> bool:
    asked = question.asked.body if isinstance(question.asked, Windowed) else question.asked
    return isinstance(asked, Timing) and asked.kind == "until"


def _distribution(value: Array, sample: Sample, waits: bool) -> dict[str, Any]:
    """Quantiles; the mean, unless a month waited for may not come; how often it does not."""
    levels = names.FAN_QUANTILES
    found: dict[str, Any] = {
        "quantiles": tuple(zip(levels, sample.quantiles(value, levels), strict=True)),
        "mean": None,
        "mcse": None,
    }
    missing = ~np.isfinite(value)
    if not (missing & sample.given).any():
        found |= dict(zip(("mean", "mcse"), sample.mean(value), strict=True))
    if waits:
        never = probability(missing, sample)
        found |= {"never": never["probability"], "never_mcse": never["mcse"]}
    return found
