"""The contest of views: which of them expected the evidence, and which links it can tell apart.

`contest` reads the evidence a month at a time under every shipped view, and under two benchmarks
without arrows:

    entrants    who takes part, and a fit of each
    months      log scores one month ahead (approximate leave-future-out)
    outcomes    log scores of the scenarios that have come due
    weights     stacking and posterior weights of the views
    links       Bayes factors of the views on each link alone

Nothing is fitted to the scores: views are read, not tuned. The result is a `Contest`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import numpy as np

from .. import case as cases
from .. import panel as panels
from .. import priors as prior_sets
from .. import study as studies
from .. import theory as theories
from ..case import Case
from ..errors import CaseError, as_list
from ..evidence import Evidence
from ..likelihood import plan
from ..names import TENSION
from ..priors import PriorSet, pool
from . import links, months, outcomes
from .entrants import (
    MODEL,
    NO_ARROWS,
    REFERENCE,
    Entrant,
    Fit,
    fit,
    ladder_of,
    line_up,
    record,
)
from .months import ONE_MONTH, last_day
from .result import Contest

__all__ = ["Contest", "contest"]

Array = np.ndarray
log = logging.getLogger("caucasus_forecast")

START = "2020-12"
"""The first month after the ceasefire of November 2020, when most series begin."""


def contest(
    views: Sequence[Any] | None = None,
    *,
    case: Any = "alyarli-2021",
    as_of: date | str | None = None,
    start: str = START,
    draws: int = 500,
    progress: Callable[[str], None] | None = None,
) -> Contest:
    """Score views on how well they expected the evidence.

    Parameters
    ----------
    views
        Prior sets: names, paths or `PriorSet` (default: every shipped one that disagrees with the
        case's own about a link). The case's own set takes part in any case, and is named first.
    case
        Name or path of a case, or a `Case`; its model is ``ladder``.
    as_of
        Last day that may be known (default: that of the case). A view of 2021 meets what followed
        with a later one.
    start
        First month to be scored.
    draws
        Of each of the case's chains, in every fit.
    progress
        Called with a line at the start of each fit.

    Raises
    ------
    CaseError
        For another model, months without evidence, or two views of one name.
    PriorError
        For a view that cannot be read, or pooled with the others.
    """
    base = case if isinstance(case, Case) else cases.load(case)
    changes = {"draws": draws} | ({"as_of": as_of} if as_of is not None else {})
    chosen = cases.make("contest", base.model_dump() | changes)
    evidence, day = studies.gather(chosen)
    return run(chosen, named(chosen, views), evidence, day, start, progress or log.info)


def named(case: Case, views: Sequence[Any] | None) -> dict[str, PriorSet]:
    """The views by name, the case's own first.

    Raises
    ------
    CaseError
        If the model has no links to believe anything of, or two sets have one name.
    """
    if case.model != MODEL:
        raise CaseError(f"contest: the case has model {case.model!r}; use one with {MODEL!r}")
    if case.delays is not None:
        raise CaseError(
            f"contest: delays is {case.delays!r}, and months are scored as they were told; leave "
            "delays out"
        )
    if views is not None:
        views = as_list(views, "contest: views", CaseError)
    theory = theories.load(case.graph)
    own = theory.beliefs(case.priors)
    given = [theory.beliefs(v) for v in (prior_sets.list() if views is None else views)]
    if views is None:
        given = [p for p in given if any(p[e] != own[e] for e in own.graph.slopes)]
    found = {own.name: own}
    for priors in given:
        if found.setdefault(priors.name, priors).digest != priors.digest:
            raise CaseError(f"contest: two views are called {priors.name!r}; rename one")
    if taken := {REFERENCE, NO_ARROWS} & set(found):
        raise CaseError(f"contest: a view is called {taken.pop()!r}, as a benchmark is; rename it")
    if len(found) < 2:
        raise CaseError(f"contest: {case.priors!r} alone; give at least one other view")
    return found


def scored_months(start: str, day: date) -> Array:
    """The whole months from the first to the day.

    Raises
    ------
    CaseError
        If it is not a month, or none is left.

    Examples
    --------
    >>> scored_months("2021-09", date(2021, 11, 20))
    array(['2021-09', '2021-10'], dtype='datetime64[M]')
    """
    try:
        first = np.datetime64(date.fromisoformat(f"{start}-01"), "M")
    except ValueError:
        raise CaseError(f"start: {start!r} is not a month; write it as 2020-12") from None
    here = np.datetime64(day, "M")
    last = here if last_day(here) == day else here - ONE_MONTH
    if first > last:
        raise CaseError(
            f"start: {start} to {day} holds no whole month; give an earlier start or a later as_of"
        )
    return np.arange(first, last + ONE_MONTH)


def run(
    case: Case, views: dict[str, PriorSet], evidence: Evidence, day: date, start: str,
    say: Callable[[str], None],
) -> Contest:  # fmt: skip
    """The contest of named views on given evidence."""
    span = scored_months(start, day)
    _refuse_silence(evidence, span[0])
    base = Entrant("pool", pool({p: 1.0 / len(views) for p in views.values()}))
    everyone = line_up(views)
    kept: dict[tuple[str, date], Fit] = {}
    others: list[Fit] = []
    origins = {r.origin for r in outcomes.due(case, day)}

    def keep(name: str, eve: date, done: Fit) -> None:
        if eve in origins:
            kept[name, eve] = done

    def fitted(entrant: Entrant, origin: date) -> Fit:
        if (entrant.name, origin) not in kept:
            process = ladder_of(evidence, everyone[0].graph, origin)
            facts = record(evidence, entrant.graph, process, origin)
            kept[entrant.name, origin] = fit(entrant, facts, case)
            others.append(kept[entrant.name, origin])
        return kept[entrant.name, origin]

    one_step = months.one_step(everyone, evidence, span, case, keep, say)
    came = outcomes.score(everyone, evidence, case, day, fitted, say)
    say("the pool of the views, for the links")
    process = ladder_of(evidence, base.graph, day)
    whole = fit(base, record(evidence, base.graph, process, day), case)
    reached = plan(panels.build(evidence, base.graph, day), base.graph).graph.slopes
    others.append(whole)
    about = {
        "as_of": str(day), "start": str(span[0]), "seed": case.seed, "draws": case.draws,
        "chains": case.chains, "fits": len(others), "failed": sum(not f.passed for f in others),
        "max_rhat": max(f.rhat for f in others),
    }  # fmt: skip
    return Contest(
        views, one_step, links.factors(whole.draws, base.priors, views, reached), came, about
    )


def _refuse_silence(evidence: Evidence, first: np.datetime64) -> None:
    """Refuse a first month before which tension has no evidence."""
    ends = [
        o.window.end for o in evidence.observations if evidence.series[o.series].node == TENSION
    ]
    if not ends or min(ends) > last_day(first - ONE_MONTH):
        cure = f"give a month after {min(ends):%Y-%m}" if ends else "give counts"
        raise CaseError(f"start: no evidence on tension before {first}; {cure}")
