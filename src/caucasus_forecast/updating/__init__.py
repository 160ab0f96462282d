"""A forecast with new evidence: its draws reweighted where that is safe, else a fit.

Draws θ_d from the posterior given evidence E are draws from the one given E' when each counts for

    w_d ∝ p(E' | θ_d) / p(E | θ_d).

Both likelihoods are exact: the levels of tension are filtered again over all months, on the scale
that the new evidence gives them (one standard deviation of the dyad's own history up to the new
origin), so that what is weighed is the posterior that a fit would draw from. Ratios of several
updates add up, so that the order of updates does not matter. The draws are kept while k < 0.5 and
at least 400 effective draws are left (`caucasus_forecast.reweighting`), and no new count jumps; the
futures then start from the new origin.

The count of a whole month jumps when it is ten or more, more than was known of that month, and ten
times the month before it or ten times the mean of the twelve months before it. Draws made before a
war say little about the parameters after it, and the shape of the weights' tail does not always
tell.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date

import numpy as np
import xarray as xr

from .. import assumptions, delays, fitting, names, panel, reweighting
from ..errors import CaseError
from ..evidence import Evidence, Observation, fresh
from ..priors import PriorSet
from ..study import Study, cited
from ..tension import Ladder, Replay
from .changes import beside, changed
from .evidence import cells, joined, known, own_counts
from .news import Item, news, without
from .seeing import seen_again

__all__ = [
    "Item", "beside", "changed", "extended", "jump", "known", "news", "own_counts", "seen_again",
    "update", "without",
]  # fmt: skip

Array = np.ndarray
JUMP, LEAST, BEFORE = 10.0, 10.0, 12


def extended(
    study: Study, rows: Sequence[Observation] = (), *, as_of: date | None = None,
    evidence: Evidence | None = None, published: date | None = None, repairs: Sequence[str] = (),
    holes: str | None = None,
) -> Study:  # fmt: skip
    """The study of a forecast with new evidence and a later origin.

    Parameters
    ----------
    study
        The forecast's.
    rows
        New counts, and revised ones.
    as_of
        Last day that may now be known (default: the last day of `rows`, or of `evidence`).
    evidence
        All the evidence, in place of what the forecast knew.
    published
        The day on which that came out, where a reporting delay is switched on.
    repairs
        What was understood or repaired in reading `rows`.
    holes
        What the time between what was known and `rows` is, where nothing tells of it: ``missing``
        or ``zero``.

    Raises
    ------
    EvidenceError, CaseError
        For rows that are not new, overlap what is known or name an unknown series, and for a day
        before the forecast's.
    """
    ends = [o.window.end for o in (evidence.observations if evidence else rows)]
    last = as_of or max([*ends, study.as_of])
    if last < study.as_of:
        raise CaseError(f"as_of is {last}, before the forecast's {study.as_of}; give a later day")
    now, said = (evidence, []) if evidence is not None else joined(study, rows, last, holes)
    built = panel.build(now, study.graph, last)
    given = [o for o in (evidence.observations if evidence else rows) if o.window.end <= last]
    built = delays.carried(study.panel, built, given, published)
    same = built.attrs["digest"] == study.panel.attrs["digest"]
    same = same and delays.ages(built) == delays.ages(study.panel)
    if same and last == study.as_of:
        raise CaseError(f"nothing is new up to {last}; give new counts, or a later as_of")
    if sources := cited(rows, study.panel.attrs.get("sources", "")):
        built.attrs["sources"] = sources
    before = json.loads(study.panel.attrs.get("repairs", "[]"))
    if heard := list(dict.fromkeys([*before, *repairs, *said])):
        built.attrs["repairs"] = json.dumps(heard, ensure_ascii=False)
    case = study.case.model_copy(update={"as_of": last})
    warned = _unusual(study, now, rows)
    if delays.of(built) is not None:
        case = case.model_copy(update={"published": published or case.published})
    else:
        warned += fresh(given, published)
    if warned:
        built.attrs["cautions"] = json.dumps(warned, ensure_ascii=False)
    return Study(case, study.graph, built, study.partition, study.theory)


def _unusual(study: Study, now: Evidence, rows: Sequence[Observation]) -> tuple[str, ...]:
    """Cautions about the series of new counts, where the largest of them is new."""
    new = {(o.series, o.window) for o in rows}
    found: list[str] = []
    for name in dict.fromkeys(o.series for o in rows):
        known = [o for o in now.observations if o.series == name]
        top = max(known, key=lambda o: o.count, default=None)
        if top is not None and top.count and (name, top.window) in new:
            found += study.cautions(known)
    return tuple(found)


def update(
    tree: xr.DataTree, study: Study, new: Study, *, refit: bool | None = None
) -> xr.DataTree:
    """A forecast given the evidence of another study of the same case.

    Parameters
    ----------
    tree, study
        The forecast.
    new
        From `extended`.
    refit
        True: sample again. None: reweight where that is safe. The attribute ``updated`` says which.
    """
    priors = assumptions.own(tree)
    done, how = _sampled(new, priors, "asked for") if refit else _cheapest(tree, study, new, priors)
    added = news(study, new)
    entry = {
        "from": str(study.as_of), "to": str(new.as_of), "how": how,
        "new": [item.words for item in added],
    }  # fmt: skip
    held = json.loads(tree.attrs.get("updates", "[]"))
    kept = {k: tree.attrs[k] for k in ("title", "swapped") if k in tree.attrs}
    done.attrs |= kept | {
        "updated": f"updated from {study.as_of} to {new.as_of}: {how}",
        "updates": json.dumps([*held, entry], ensure_ascii=False),
    }
    return done


def _cheapest(
    tree: xr.DataTree, study: Study, new: Study, priors: PriorSet
) -> tuple[xr.DataTree, str]:
    if not isinstance(new.process, Ladder):
        return _sampled(new, priors, f"the model {new.case.model!r} has parameters of its months")
    if words := jump(study.panel, new.panel):
        return _sampled(new, priors, words)
    replay, ratio = seen_again(tree, new)
    weights = reweighting.of_tree(tree, ratio)
    if not weights.safe:
        return _sampled(new, priors, f"reweighting was not safe ({weights.words()})")
    return _reweighted(tree, new, priors, weights, replay), f"draws reweighted ({weights.words()})"


def _sampled(new: Study, priors: PriorSet, why: str) -> tuple[xr.DataTree, str]:
    done = fitting.complete(fitting.draw(new, priors), new, priors)
    return done, f"{assumptions.SAMPLED}: {why}"


def _reweighted(
    tree: xr.DataTree, new: Study, priors: PriorSet, weights: reweighting.Weights, replay: Replay
) -> xr.DataTree:
    kept = (names.POSTERIOR, names.PRIOR, names.LOG_PRIOR, names.DIAGNOSTICS)
    draws = {group: tree[group].to_dataset() for group in kept}
    stats = tree[names.SAMPLE_STATS].to_dataset()
    draws[names.SAMPLE_STATS] = reweighting.noted(stats, weights)
    return fitting.complete(xr.DataTree.from_dict(draws), new, priors, replay)


def jump(before: xr.Dataset, after: xr.Dataset) -> str:
    """Which new count jumps, in words; nothing where none does.

    Parameters
    ----------
    before, after
        Panels of the forecast and of its update.
    """
    held = cells(before)
    for name, rows in cells(after).items():
        months = [o for o in rows if o.window.whole_month]
        seen = {o.window: o.count for o in held.get(name, ())}
        for i, o in enumerate(months):
            if o.count <= max(seen.get(o.window, 0.0), LEAST - 1.0) or not i:
                continue
            past = [p.count for p in months[max(i - BEFORE, 0) : i]]
            if o.count >= JUMP * min(past[-1], float(np.mean(past))):
                return f"{name} jumps to {o.count:,.0f} in {o.window.start:%Y-%m}"
    return ""
