"""Draws of a study in, a finished tree out: everything that follows from them.

The months seen again, the futures, the scenarios, the checks, and what made them. The draws come
from `caucasus_forecast.drawing`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from . import names, posterior, reweighting, scenarios, simulate, storage
from .case import EMBEDDED
from .drawing import draw as draw
from .estimate import Sample, probability
from .priors import PriorSet
from .study import Study
from .tension import Ladder, Process, Replay

Array = np.ndarray
TOO_MANY, WORTH_SAYING = 1_000_000, 0.01  # counts of a month, share of the futures


def complete(
    tree: xr.DataTree, study: Study, priors: PriorSet, replay: Replay | None = None
) -> xr.DataTree:
    """Everything that follows from the draws: replayed history, futures, scenarios, provenance.

    Parameters
    ----------
    tree
        Groups ``posterior`` and ``sample_stats``, whose ``weight`` is honoured; ``diagnostics``,
        ``prior`` and ``log_prior`` too, where they are known already.
    study, priors
        What the draws were made from.
    replay
        The panel seen again under them, where it is at hand.
    """
    case, graph = study.case, study.graph
    drawn, stats = (tree[k].to_dataset() for k in (names.POSTERIOR, names.SAMPLE_STATS))
    before = _known(tree, names.PRIOR) or posterior.prior_draws(
        priors, graph, case.model, case.chains * case.draws, case.seed
    )
    _, own = posterior.parameters(drawn, graph, case.model)
    replay = replay or study.replay(drawn)
    share = reweighting.share_of(tree)
    ahead = follow(study, study.futures(study.origin(drawn, replay.state, own)), share)
    alone = _prior_futures(study, before, own, replay)
    shape = (case.chains, case.draws)
    history = study.panel[names.MONTH].to_numpy()
    groups = ahead | {
        names.POSTERIOR: drawn,
        names.SAMPLE_STATS: stats,
        names.PRIOR: before,
        names.LOG_LIKELIHOOD: _by_month("evidence", replay.log_likelihood, shape, history),
        names.LOG_PRIOR: _known(tree, names.LOG_PRIOR)
        or posterior.log_prior(drawn, priors, graph, case.model),
        names.SMOOTHED: _by_month(names.TENSION, replay.score, shape, history),
        names.OBSERVED_DATA: _observed(study.panel),
        names.CONSTANT_DATA: _constants(study.process),
        names.SCENARIOS: ahead[names.SCENARIOS].assign(_prior_probability(study, alone, share)),
        names.DIAGNOSTICS: _known(tree, names.DIAGNOSTICS)
        or posterior.diagnose(tree, graph, case.model),
    }
    done = xr.DataTree.from_dict({k: groups[k] for k in names.GROUPS})
    done[names.SMOOTHED].attrs = reports(done)
    done.attrs = _provenance(study, priors, stats) | _prior_note(alone)
    done.attrs["citation"] = citation(study)
    return done


def follow(study: Study, futures: xr.Dataset, share: Array | None) -> dict[str, xr.Dataset]:
    """The futures, and the groups that follow from them: fans, scenarios, side questions.

    Parameters
    ----------
    share
        What each draw counts for, (chain, draw), where they do not count alike.
    """
    partition, months = study.partition, study.months
    resolved, at_origin = futures[names.RESOLVED].to_numpy(), study.saved_shares(futures)
    return {
        names.PREDICTIONS: futures,
        names.FANS: simulate.fans(futures, share),
        names.SCENARIOS: scenarios.summarise(partition, resolved, months, share),
        names.QUESTIONS: scenarios.answer(partition, futures, study.graph, at_origin, share),
    }


def _provenance(study: Study, priors: PriorSet, stats: xr.Dataset) -> dict[str, Any]:
    """What a forecast was made from, and with what."""
    case, partition = study.case, study.partition
    settings = {k: getattr(case, k) for k in ("sampler", "chains", "draws", "tune", "paths")}
    used = {"used": str(stats.attrs["sampler"]), "thinned": int(stats.attrs.get("thinned", 1))}
    return {
        "schema": storage.SCHEMA,
        "title": case.title or case.name,
        "case": case.to_json(),
        "model": case.model,
        "prior_set": priors.name,
        "priors": priors.to_json(),
        "scenario_set": partition.name,
        "scenarios": partition.to_json(),
        "as_of": str(study.as_of),
        "horizon": case.horizon,
        "seed": case.seed,
        "data_digest": study.panel.attrs["digest"],
        "prior_digest": priors.digest,
        **study.provenance,
        "reference_class": study.process.vintage if isinstance(study.process, Ladder) else "none",
        "sampler": json.dumps(settings | used),
        "versions": posterior.versions(),
        **reading(study.panel),
    }


LICENCE = "(CC BY 4.0)"
DATA = (
    "Deaths: UCDP GED (Sundberg and Melander 2013; Davies, Pettersson, Sollenberg and Öberg 2025) "
    "and UCDP Candidate (Hegre et al. 2020), CC BY 4.0"
)
CITATION = f"Theory: Alyarli (2021). {DATA}"


def reading(panel: xr.Dataset) -> dict[str, str]:
    """What reading the user's counts said of them, for the attributes of a forecast."""
    kept = ("repairs", "cautions", "evidence_sha256", "delays")
    return {k: panel.attrs[k] for k in kept if k in panel.attrs}


def citation(study: Study) -> str:
    """The works a forecast rests on, with the releases of its deaths, and the user's sources."""
    said = DATA if study.theory.whole else CITATION
    deaths = study.theory.evidence.series.get(names.DEATHS)
    if not study.theory.whole and study.case.evidence == EMBEDDED and deaths and deaths.source:
        said = f"{said}; releases: {deaths.source.removesuffix(LICENCE).rstrip()}"
    own = study.panel.attrs.get("sources")
    return f"{said}. The user's counts: {own}" if own else said


def _known(tree: xr.DataTree, group: str) -> xr.Dataset | None:
    """A group that needs no making."""
    return tree[group].to_dataset() if group in tree.children else None


def _prior_futures(
    study: Study, before: xr.Dataset, own: Mapping[str, Array], replay: Replay
) -> xr.Dataset:
    """Futures with slopes and rates from the prior, tension as it was inferred.

    One future of each draw: draws of a prior are independent, and more futures would tell little.
    """
    return study.futures(study.origin(before, replay.state, own, paths=1))


def _prior_note(alone: xr.Dataset) -> dict[str, str]:
    """A warning where the priors alone expect counts that no month can have."""
    over = {names.DEATHS: float((alone[names.DEATHS] > TOO_MANY).any(names.MONTH).mean())}
    every = alone["count"].to_numpy().max(-1, initial=0) > TOO_MANY
    rates = every.mean(tuple(range(every.ndim - 1))).tolist()
    over |= dict(zip(alone[names.NODE].to_numpy().astype(str).tolist(), rates, strict=True))
    node, share = max(over.items(), key=lambda item: item[1])
    if share < WORTH_SAYING:
        return {}
    return {
        "prior_note": f"with the priors alone {share:.0%} of the futures have a month of more than "
        f"{TOO_MANY:,} {node}; narrow its base rate and the slopes into it"
    }


def _prior_probability(study: Study, alone: xr.Dataset, share: Array | None) -> xr.Dataset:
    """Scenario probabilities in such futures, and their Monte Carlo errors."""
    resolved = alone[names.RESOLVED].to_numpy()[..., -1]
    sample = Sample(np.ones(resolved.shape, bool), share)
    told = [probability(resolved == i, sample) for i in range(len(study.partition.scenarios))]
    keys = {"prior_probability": "probability", "prior_mcse": "mcse"}
    return xr.Dataset({k: (names.SCENARIO, [t[v] for t in told]) for k, v in keys.items()})


def _by_month(name: str, values: Array, shape: tuple[int, int], months: Array) -> xr.Dataset:
    return xr.Dataset(
        {
            name: (
                (names.CHAIN, names.DRAW, names.MONTH),
                values.reshape(*shape, -1).astype("float32"),
            )
        },
        coords={names.CHAIN: range(shape[0]), names.DRAW: range(shape[1]), names.MONTH: months},
    )


def _observed(panel: xr.Dataset) -> xr.Dataset:
    return panel.assign_coords({k: panel[k].astype(str) for k in ("series", "node", names.STATE)})


def reports(tree: xr.DataTree) -> dict[str, float]:
    """What tension is in reports a month: posterior medians at average tension and at one sd."""
    drawn = tree[names.POSTERIOR].to_dataset()
    node, edge = "reports_azerbaijan", "tension->reports_azerbaijan"
    if "slope" not in drawn or edge not in drawn[names.EDGE]:
        return {}
    base, slope = drawn["base"].sel(node=node), drawn["slope"].sel(edge=edge)

    share = reweighting.share_of(tree)

    def middle(log_rate: xr.DataArray) -> float:
        values = np.exp(log_rate.to_numpy())
        sample = Sample(np.ones((*values.shape, 1), bool), share)
        return sample.quantiles(values[..., None], (0.5,))[0]

    return {
        "reports_at_average_tension": middle(base),
        "reports_at_one_sd": middle(base + slope),
    }


def _constants(process: Process) -> xr.Dataset:
    if not isinstance(process, Ladder):
        return xr.Dataset(attrs={"process": type(process).__name__})
    return xr.Dataset(
        {
            "score": (names.LEVEL, process.score),
            "deaths_per_month": (names.LEVEL, process.mean),
            "size": (names.LEVEL, process.size),
        },
        attrs={
            "process": "Ladder",
            "centre": process.centre,
            "spread": process.spread,
            "response": process.response,
            "deaths_at_average_tension": process.deaths_at(0.0),
            "deaths_at_one_sd": process.deaths_at(1.0),
            "vintage": process.vintage,
        },
    )
