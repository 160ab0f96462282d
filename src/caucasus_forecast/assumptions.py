"""The same evidence under other beliefs: swap a prior set, and compare several.

The draws in hand are reweighted where that is safe (`caucasus_forecast.reweighting`), else moved
where that is (`caucasus_forecast.transport`), else the posterior is sampled again, from the same
compiled density. Every way the futures use the same random numbers, so that what differs comes from
the beliefs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from . import fitting, names, posterior, reweighting, scenarios, simulate, transport
from . import theory as theories
from .errors import PriorError, as_list
from .estimate import Sample, mcse
from .priors import PriorSet
from .reweighting import Weights
from .scenarios import Table, percent
from .study import Study
from .transport import Moved

Array = np.ndarray

SAMPLED = "sampled again"
# a scenario is prior-driven when two sets move it by more than this
PRIOR_DRIVEN = 0.10


def resolve(tree: xr.DataTree, given: Any) -> PriorSet:
    """The set a caller means: a set, a name, a path, or changes to the forecast's own set.

    Raises
    ------
    PriorError
        If it is none of these, or does not fit the graph.
    """
    if isinstance(given, dict):
        return own(tree).replace(given)
    return theories.saved(tree).beliefs(given)


def own(tree: xr.DataTree) -> PriorSet:
    """The prior set a forecast was made with."""
    entries = json.loads(tree.attrs["priors"])
    return PriorSet(tree.attrs["prior_set"], entries, graph=theories.saved(tree).graph)


def weigh(tree: xr.DataTree, study: Study, priors: PriorSet) -> Weights:
    """What each draw of a forecast counts for under another set."""
    draws = tree[names.POSTERIOR].to_dataset()
    ratio = reweighting.log_prior_ratio(draws, own(tree), priors, study.layout)
    return reweighting.of_tree(tree, ratio)


def swap(
    tree: xr.DataTree, study: Study, priors: PriorSet, *, refit: bool | None = None
) -> xr.DataTree:
    """The forecast of a study under another prior set.

    Parameters
    ----------
    refit
        True: sample again. None: reweight the draws where that is safe, else move them where that
        is, else sample again; the attribute ``swapped`` says which.
    """
    done, how = _sampled(study, priors, "asked for") if refit else _cheapest(tree, study, priors)
    case = study.case.model_copy(update={"priors": priors.name})
    done.attrs |= {"case": case.to_json(), "swapped": how}
    return done


def _cheapest(tree: xr.DataTree, study: Study, priors: PriorSet) -> tuple[xr.DataTree, str]:
    """The forecast by the first way that is safe, and which it was."""
    weights, held = weigh(tree, study, priors), tree.attrs["prior_set"]
    if weights.safe:
        how = f"draws of {held!r} reweighted ({weights.words()})"
        return reweighted(tree, study, priors, weights), how
    found = transport.move(tree, study, own(tree), priors)
    if found is None:
        return _sampled(study, priors, f"reweighting was not safe ({weights.words()})")
    if not found.safe:
        why = f"reweighting ({weights.words()}) and moving the draws ({found.weights.words()})"
        return _sampled(study, priors, f"{why} were not safe")
    how = f"draws of {held!r} moved to these priors ({found.weights.words()})"
    return moved(tree, study, priors, found), how


def _sampled(study: Study, priors: PriorSet, why: str) -> tuple[xr.DataTree, str]:
    done = fitting.complete(fitting.draw(study, priors), study, priors)
    return done, f"{SAMPLED}: {why}"


def moved(tree: xr.DataTree, study: Study, priors: PriorSet, found: Moved) -> xr.DataTree:
    """The forecast of draws that were moved to another set."""
    stats = reweighting.noted(tree[names.SAMPLE_STATS].to_dataset(), found.weights)
    draws = {names.POSTERIOR: found.draws, names.SAMPLE_STATS: stats}
    return fitting.complete(xr.DataTree.from_dict(draws), study, priors, found.replay)


def reweighted(tree: xr.DataTree, study: Study, priors: PriorSet, weights: Weights) -> xr.DataTree:
    """The forecast of a study's draws under another set, each counting for its weight."""
    case, share = study.case, weights.share
    futures = tree[names.PREDICTIONS].to_dataset()
    drawn = tree[names.POSTERIOR].to_dataset()
    table = scenarios.summarise(
        study.partition, futures[names.RESOLVED].to_numpy(), study.months, share
    )
    at_origin = study.saved_shares(futures)
    stats = reweighting.noted(tree[names.SAMPLE_STATS].to_dataset(), weights)
    groups = {name: tree[name].to_dataset() for name in names.GROUPS} | {
        names.SAMPLE_STATS: stats,
        names.PRIOR: posterior.prior_draws(
            priors, study.graph, case.model, case.chains * case.draws, case.seed
        ),
        names.LOG_PRIOR: posterior.log_prior(drawn, priors, study.graph, case.model),
        names.FANS: simulate.fans(futures, share),
        names.SCENARIOS: table,
        names.QUESTIONS: scenarios.answer(study.partition, futures, study.graph, at_origin, share),
    }
    done = xr.DataTree.from_dict(groups)
    done[names.SMOOTHED].attrs = fitting.reports(done)
    done.attrs = tree.attrs | {
        "prior_set": priors.name,
        "priors": priors.to_json(),
        "prior_digest": priors.digest,
    }
    return done


# --------------------------------------------------------------------------- several sets


@dataclass(frozen=True)
class Compared:
    """One forecast of a comparison: its set, its tree, and how it was come by."""

    name: str
    tree: xr.DataTree
    how: str


def compare(
    tree: xr.DataTree,
    study: Study,
    sets: Sequence[Any],
    *,
    refit: bool | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Table:
    """Scenario probabilities under several prior sets, beside those of the forecast.

    Returns
    -------
    A table whose data are on (``priors``, ``scenario``): ``probability``, ``mcse``, ``change``
    against the forecast in hand with its own ``change_mcse``; on ``priors``: ``method``,
    ``passed``; on ``scenario``: ``range`` and ``verdict``.
    """
    chosen = [own(tree), *(resolve(tree, given) for given in as_list(sets, "sets", PriorError))]
    found = [Compared(chosen[0].name, tree, "the forecast in hand")]
    for priors in chosen[1:]:
        progress(f"swapping to {priors.name}")
        other = swap(tree, study, priors, refit=refit)
        found.append(Compared(priors.name, other, other.attrs["swapped"]))
    return _table(found, study)


def _table(found: Sequence[Compared], study: Study) -> Table:
    data = _compared(found)
    ids = [str(s) for s in data[names.SCENARIO].to_numpy()]
    rows = tuple(
        (
            s,
            str(data["title"].sel(scenario=s).item()),
            *(_cell(data.sel(scenario=s), i) for i in range(len(found))),
            str(data["verdict"].sel(scenario=s).item()),
        )
        for s in ids
    )
    notes = tuple(
        f"{c.name}: {c.how}" + ("" if _passed(c.tree) else "; WARNING: its checks failed")
        for c in found
    )
    header = ("", "scenario", *(c.name for c in found), "")
    end = f"{study.months[-1]}"
    title = f"{found[0].tree.attrs['title']}: where it stands at the end of {end}, by prior set"
    return Table(title, header, rows, data, notes)


def _cell(data: xr.Dataset, i: int) -> str:
    v = data.isel(priors=i)
    shown = percent(float(v["probability"]), float(v["mcse"]))
    return shown if i == 0 else f"{shown} ({100 * float(v['change']):+.0f})"


def _passed(tree: xr.DataTree) -> bool:
    return bool(tree[names.DIAGNOSTICS].attrs["passed"])


def _compared(found: Sequence[Compared]) -> xr.Dataset:
    tables = [c.tree[names.SCENARIOS].to_dataset() for c in found]
    along = xr.DataArray(_distinct([c.name for c in found]), dims="priors", name="priors")
    data = xr.concat([t[["probability", "mcse", "lower", "upper"]] for t in tables], along)
    data["title"] = tables[0]["title"]
    data["change"] = data["probability"] - data["probability"].isel(priors=0)
    errors = [_change_error(found[0].tree, c.tree, i == 0) for i, c in enumerate(found)]
    data["change_mcse"] = (("priors", names.SCENARIO), np.stack(errors))
    data["range"] = data["probability"].max("priors") - data["probability"].min("priors")
    data["verdict"] = xr.where(data["range"] > PRIOR_DRIVEN, "prior-driven", "")
    data["method"] = ("priors", [c.how for c in found])
    data["passed"] = ("priors", [_passed(c.tree) for c in found])
    return data


def _change_error(one: xr.DataTree, two: xr.DataTree, same: bool) -> Array:
    """Monte Carlo error of the change of each scenario, (S,).

    Draws that were reweighted or moved are those of the first forecast, path by path; what is left
    of the error is that of the difference of their influences. Other draws err on their own.
    """
    tables = [t[names.SCENARIOS].to_dataset()["mcse"].to_numpy() for t in (one, two)]
    if same:
        return np.zeros_like(tables[0])
    if two.attrs["swapped"].startswith(SAMPLED):
        return np.hypot(*tables)
    influences = [_influences(t, len(tables[0])) for t in (one, two)]
    return np.array([mcse(z - y) for y, z in zip(*influences, strict=True)])


def _influences(tree: xr.DataTree, scenarios_: int) -> list[Array]:
    resolved = tree[names.PREDICTIONS][names.RESOLVED].to_numpy()[..., -1]
    sample = Sample(np.ones(resolved.shape, bool), reweighting.share_of(tree))
    return [sample.influence(resolved == i)[1] for i in range(scenarios_)]


def _distinct(labels: list[str]) -> list[str]:
    """The labels, a number added where one comes again."""
    return [n if labels.index(n) == i else f"{n} ({i})" for i, n in enumerate(labels)]
