"""A forecast made again from what its file holds, and compared with it bit by bit.

The file has all that is needed: the panel, the priors, the graph, the scenarios, the case with its
seed and settings, and what was done. A forecast whose draws were reweighted or moved also holds its
*road*: for each forecast before it, the priors and the evidence it had, and how the next one was
asked for. The road is walked again from its first fit.

Bit-equal is promised for the same versions on the same kind of processor, whatever the number of
cores. Elsewhere the last bits of a sum may differ, and from there the draws; scenario
probabilities then agree within their Monte Carlo error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import xarray as xr

from . import (
    assumptions,
    delays,
    fitting,
    interventions,
    names,
    panel,
    posterior,
    storage,
    updating,
)
from . import study as studies
from .errors import EvidenceError, StorageError
from .evidence import Evidence, Observation, Window
from .interventions import Act
from .priors import PriorSet
from .study import Study

# attributes of the root that a rerun takes from the file: what reading the evidence said, the road,
# and the words on a swap or an update that led to a fit of its own
TAKEN = ("citation", "repairs", "reading", "road", "swapped", "updated", "updates", "title")


@dataclass(frozen=True)
class Reproduced:
    """What came of making a forecast again.

    Attributes
    ----------
    tree
        The forecast made again.
    differences
        Part → how it differs; empty if the two are equal in every bit.
    machine
        What made the draws, where it differs: name → then and now.
    scenarios
        Largest change of a scenario probability, and the Monte Carlo error of that change.
    """

    tree: xr.DataTree
    differences: Mapping[str, str]
    machine: Mapping[str, tuple[str, str]]
    scenarios: tuple[float, float]

    @property
    def equal(self) -> bool:
        """Whether it is bit-equal."""
        return not self.differences


def step(before: xr.DataTree, after: xr.DataTree, refit: bool | None) -> dict[str, str]:
    """The road of a forecast that a swap or an update made of another: an attribute, or none.

    Parameters
    ----------
    before, after
        Trees.
    refit
        As the swap or update was asked for.
    """
    if names.WEIGHT not in after[names.SAMPLE_STATS]:
        return {}
    a = before.attrs
    here = {
        "prior_set": a["prior_set"], "priors": json.loads(a["priors"]), "as_of": a["as_of"],
        "data_digest": a["data_digest"], "refit": refit,
    }  # fmt: skip
    if ages := delays.ages(before[names.OBSERVED_DATA].to_dataset()):
        here["ages"] = ages
    if not _tells(studies.of(after), here):
        own = updating.own_counts(studies.of(before))
        here["counts"] = [[str(o.window.start), str(o.window.end), o.series, o.count] for o in own]
    return {"road": json.dumps([*json.loads(a.get("road", "[]")), here])}


def reproduce(tree: xr.DataTree, say: Callable[[str], None] = lambda _: None) -> Reproduced:
    """Make a forecast again from its tree, and compare.

    Parameters
    ----------
    tree
        A saved forecast.
    say
        Called with a line at the start of each stage.

    Raises
    ------
    StorageError
        If the tree does not tell how it was made: a counterfactual, draws that were reweighted by
        an earlier version, or evidence that was revised on the road.
    """
    made = again(tree, say)
    found = storage.differences(tree, made)
    then, now = json.loads(tree.attrs["versions"]), json.loads(posterior.versions())
    machine = {
        k: (str(then.get(k, "not said")), str(now.get(k, "not said")))
        for k in dict.fromkeys([*then, *now])
        if then.get(k) != now.get(k)
    }
    return Reproduced(made, found, machine, _moved(tree, made))


def again(tree: xr.DataTree, say: Callable[[str], None] = lambda _: None) -> xr.DataTree:
    """The forecast of a tree made anew, from its first fit on."""
    if "counterfactual" in tree.attrs:
        raise StorageError(
            "this forecast is of a counterfactual, which starts from another; reproduce that one "
            "and ask again"
        )
    study, road = studies.of(tree), json.loads(tree.attrs.get("road", "[]"))
    if names.WEIGHT in tree[names.SAMPLE_STATS] and not road:
        raise StorageError(
            "the draws of this forecast were reweighted or moved, and the file does not say from "
            "which priors; reproduce the forecast it was made from"
        )
    held = [*(_place(study, tree, s) for s in road), (study, assumptions.own(tree))]
    first, priors = held[0]
    case = first.case
    say(f"sampling {case.chains} chains of {case.draws} draws")
    done = fitting.complete(fitting.draw(first, priors), first, priors)
    before = first
    for (now, wanted), was in zip(held[1:], road, strict=True):
        say(f"going on to {wanted.name}, as of {now.as_of}")
        done = _gone_on(done, before, now, wanted, was["refit"])
        before = now
    if "acts" in tree.attrs:
        acts = _acts(tree.attrs["acts"])
        done = interventions.acted(done, study, interventions.origin(done, study), acts)
    done.attrs |= {k: tree.attrs[k] for k in TAKEN if k in tree.attrs}
    return done


def _place(study: Study, tree: xr.DataTree, held: Mapping[str, Any]) -> tuple[Study, PriorSet]:
    """The study and the priors of a forecast on the road."""
    as_of = date.fromisoformat(held["as_of"])
    case = study.case.model_copy(update={"as_of": as_of, "priors": held["prior_set"]})
    priors = PriorSet(held["prior_set"], held["priors"], graph=study.theory.graph)
    if _is_at(study, held):
        return replace(study, case=case), priors
    try:
        seen = _evidence(study, held)
    except EvidenceError as why:
        raise StorageError(f"the evidence as of {as_of} cannot be told: {why}") from None
    if seen.digest != held["data_digest"]:
        raise StorageError(
            f"the evidence as of {as_of} was revised since, and the file does not hold what it "
            "was; reproduce the forecast of that day"
        )
    built = panel.build(seen, study.graph, as_of)
    if (delay := delays.of(study.panel)) is not None:
        built = delays.aged(built, delay, held.get("ages", {}))
    return replace(study, case=case, panel=built), priors


def _is_at(study: Study, held: Mapping[str, Any]) -> bool:
    """Whether a study has the day and the evidence of a forecast on the road."""
    same = held["data_digest"] == study.panel.attrs["digest"]
    return same and held["as_of"] == str(study.as_of)


def _evidence(study: Study, held: Mapping[str, Any]) -> Evidence:
    """What a forecast on the road knew: by its day, or by the counts that the road holds."""
    as_of = date.fromisoformat(held["as_of"])
    if "counts" not in held:
        return updating.known(study).as_of(as_of)
    rows = [
        Observation(Window(*map(date.fromisoformat, (start, end))), series, float(count))
        for start, end, series, count in held["counts"]
    ]
    return study.theory.evidence.as_of(as_of).with_counts(rows).as_of(as_of)


def _tells(study: Study, held: Mapping[str, Any]) -> bool:
    """Whether a later study tells, by the day alone, what a forecast on the road knew."""
    if _is_at(study, held):
        return True
    try:
        return _evidence(study, held).digest == held["data_digest"]
    except EvidenceError:
        return True  # and nothing else would tell it


def _gone_on(
    tree: xr.DataTree, before: Study, now: Study, priors: PriorSet, refit: bool | None
) -> xr.DataTree:
    """The next forecast on the road: under new evidence, or under other priors."""
    if now.panel.attrs["digest"] != before.panel.attrs["digest"] or now.as_of != before.as_of:
        return updating.update(tree, before, now, refit=refit)
    return assumptions.swap(tree, before, priors, refit=refit)


def _acts(said: str) -> tuple[Act, ...]:
    return tuple(
        Act(a["node"], a["kind"], np.array([np.nan if x is None else x for x in a["value"]]),
            a["words"])
        for a in json.loads(said)
    )  # fmt: skip


def _moved(one: xr.DataTree, two: xr.DataTree) -> tuple[float, float]:
    tables = [t[names.SCENARIOS].to_dataset() for t in (one, two)]
    change = np.abs(np.subtract(*(t["probability"].to_numpy() for t in tables)))
    error = np.hypot(*(t["mcse"].to_numpy() for t in tables))
    worst = int(change.argmax())
    return float(change[worst]), float(error[worst])
