"""What a forecast says of itself, in sentences: what made it, what is unusual, what failed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import xarray as xr

from . import delays, names
from .evidence import between, month_from, spans

REPAIRS_SHOWN = 4  # of the user's counts, in the notes
MEASURED = 12  # months ahead up to which forecasts were scored
UNSEEN = 2  # months of tension before the day, from which it is said


def labels(tree: xr.DataTree) -> tuple[str, ...]:
    """Whether the futures are those of an intervention or of a counterfactual, and which."""
    kinds = ("intervention", "counterfactual")
    return tuple(f"{k}: {tree.attrs[k]}" for k in kinds if k in tree.attrs)


def remarks(tree: xr.DataTree) -> tuple[str, ...]:
    """What is unusual about a forecast, its counts, or how it was made."""
    a = tree.attrs
    told = ("graph_note", "swapped", "updated", "unverified", "prior_note")
    said = [*labels(tree), *(a[key] for key in told if key in a), *_counts_notes(a)]
    panel = tree[names.OBSERVED_DATA].to_dataset()
    late = delays.sentence(panel)
    return (*said, *[late] * bool(late), *_unseen(panel), *_run_notes(a))


def notes(tree: xr.DataTree) -> tuple[str, ...]:
    """What made a forecast, and whether it may be trusted: a failure first, provenance last."""
    a, gate = tree.attrs, tree[names.DIAGNOSTICS].attrs
    passed = bool(gate["passed"])
    failed = [] if passed else [f"WARNING: {gate['verdict']}. Remedy: {gate['remedy']}."]
    made = (
        f"model {a['model']}, priors {a['prior_set']}, as of {a['as_of']}, seed {a['seed']}; "
        f"{gate['verdict'] if passed else 'checks failed'} (max R-hat "
        f"{gate['max_rhat']:.3f}, min ESS {gate['min_ess_bulk']:.0f})"
    )
    return (*failed, *remarks(tree), made)


def _counts_notes(attrs: Mapping[Any, Any]) -> list[str]:
    """What was said of the user's counts: all that deserves a second look, the first repairs."""
    repairs = json.loads(attrs.get("repairs", "[]"))
    lines = [*json.loads(attrs.get("cautions", "[]")), *repairs[:REPAIRS_SHOWN]]
    if more := len(repairs) - REPAIRS_SHOWN:
        lines += [f"and {more} more (tree.attrs['repairs'])"] * (more > 0)
    return [f"counts: {line}" for line in lines]


def _unseen(panel: xr.Dataset) -> list[str]:
    """The months of which no count of tension tells, since the first of which one does."""
    tense = panel["node"].astype(str) == names.TENSION
    seen = panel["days"].where(tense, 0.0).sum(names.OBSERVATION).to_numpy() > 0
    known = panel[names.MONTH].to_numpy()[seen].astype("datetime64[D]").tolist()
    holes = between([month_from(day) for day in known])
    said = [f"no count of tension for {spans(holes)}: its level then is inferred"] * bool(holes)
    if (months := int(seen[::-1].argmax())) >= UNSEEN:
        said.append(
            f"no count of tension after {known[-1]:%Y-%m}: its level in the {months} months up to "
            "the day of the forecast is inferred"
        )
    return said


def _run_notes(attrs: Mapping[Any, Any]) -> list[str]:
    """What is unusual about how it was made."""
    sampler, horizon = json.loads(attrs["sampler"]), int(attrs["horizon"])
    lines = []
    if sampler["sampler"] != sampler["used"]:
        lines.append(f"{sampler['sampler']} could not be used, so {sampler['used']} sampled")
    if horizon > MEASURED:
        lines.append(
            f"the horizon of {horizon} months is an extrapolation: the skill of the method was "
            f"measured up to {MEASURED} months (docs/skill.md)"
        )
    if (thinned := int(sampler.get("thinned", 1))) > 1:
        lines.append(
            f"a first run failed its checks; these are every {thinned}th draw of a longer one"
        )
    return lines
