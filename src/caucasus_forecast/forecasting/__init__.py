"""The front door: a case in, a forecast out.

`run` is the whole argument in order: evidence → panel → graph → priors → model → posterior →
simulated futures → scenario probabilities. `Forecast` holds the resulting tree and shows it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

from .. import assumptions, names, storage
from .. import case as cases
from .. import theory as theories
from ..case import Case
from ..delays import ReportingDelay
from ..errors import CaseError, expect
from ..evidence import Evidence, Reading
from ..fitting import complete, draw
from ..priors import PriorSet
from ..scenarios import Table
from ..study import lay_out
from .result import Counterfactual, Forecast, Intervened, Updated

__all__ = [
    "Counterfactual",
    "Forecast",
    "Intervened",
    "Updated",
    "compare_priors",
    "counterfactual",
    "forecast",
    "load",
    "run",
]

log = logging.getLogger("caucasus_forecast")


def forecast(
    counts: Any = None,
    *,
    horizon: int = 12,
    priors: Any = "alyarli-2021",
    model: str = "ladder",
    as_of: date | str | None = None,
    scenarios: str = "alyarli-2021",
    graph: str | Path = "alyarli-2021",
    seed: int = 2021,
    draws: int = 1000,
    sampler: str = "nutpie",
    reading: Reading | Mapping[str, Any] | None = None,
    delays: ReportingDelay | str | Path | None = None,
    published: date | str | None = None,
) -> Forecast:
    """Forecast the scenarios from incident counts.

    Parameters
    ----------
    counts
        CSV path or data frame of counts (see `caucasus_forecast.evidence.read_counts`); they
        replace the embedded series of the same name. Nothing: the embedded case as of 2021-11-30.
    horizon
        Whole months to forecast.
    priors
        Name of a shipped set, path of a TOML file, a `PriorSet`, or a dict of changes.
    model
        ``ladder``, ``drift`` or ``reference``.
    as_of
        Last day that may be known (default: the last day of the counts).
    scenarios
        Name of a shipped scenario set, or the path of a TOML file.
    graph
        Name of a shipped graph, or the path of a graph file (`docs/own-graph.md`).
    seed, draws, sampler
        Of the sampler.
    reading
        Choices that the table of counts needs, such as ``{"gaps": "missing"}``
        (`caucasus_forecast.evidence.Reading`).
    delays
        A measured reporting delay, or the path of one (`caucasus_forecast.delays`): fresh counts
        are then read as told in part. Off by default.
    published
        The day on which the counts were published or fetched, where they do not say so themselves.

    Raises
    ------
    EvidenceError, PriorError, ScenarioError, GraphError, CaseError
        For anything that cannot be used as given.
    """
    if not isinstance(delays, ReportingDelay | str | Path | None):
        raise CaseError(
            f"delays is given as {type(delays).__name__}; give a ReportingDelay, or the path of one"
        )
    base = cases.load("alyarli-2021")
    chosen = theories.load(graph).beliefs(priors)
    last = as_of if as_of is not None else (base.as_of if counts is None else None)
    case = cases.make(
        "forecast",
        {
            "name": base.name if counts is None else "forecast",
            "evidence": cases.EMBEDDED if counts is None else _named(counts),
            "as_of": last,
            "horizon": horizon,
            "priors": chosen.name if not isinstance(priors, str | Path) else str(priors),
            "model": model,
            "scenarios": scenarios,
            "graph": str(graph),
            "seed": seed,
            "draws": draws,
            "sampler": sampler,
            "reading": reading,
            "delays": str(delays) if isinstance(delays, str | Path) else None,
            "published": published,
        },
    )
    delay = delays if isinstance(delays, ReportingDelay) else None
    return run(case, counts=counts, priors=chosen, delay=delay)


def _named(counts: Any) -> str:
    return str(counts) if isinstance(counts, str | Path) else "data frame"


def run(
    case: Case,
    *,
    counts: Any = None,
    evidence: Evidence | None = None,
    priors: PriorSet | None = None,
    delay: ReportingDelay | None = None,
    progress: Callable[[str], None] | None = None,
    cores: int | None = None,
    bar: bool = False,
) -> Forecast:
    """Make the forecast of a case.

    Parameters
    ----------
    case
        What to forecast.
    counts, evidence, priors, delay
        Counts, all the evidence, priors or a reporting delay themselves, where they are not files
        the case can name.
    progress
        Called with a line at the start of each stage.
    cores
        Chains sampled at once (default: as many as there are processors). Draws do not depend on
        it.
    bar
        Whether the sampler may draw its progress bar.

    Raises
    ------
    CaseError, EvidenceError, GraphError, PriorError, ScenarioError
        For anything that cannot be used as given.
    SamplingError
        If the sampler breaks off twice.
    """
    say = progress or log.info
    chosen = theories.load(case.graph).beliefs(priors or case.priors)
    study = lay_out(case, counts=counts, evidence=evidence, delay=delay)
    observed = study.panel.sizes[names.OBSERVATION]
    say(f"reading {observed} observations with the model {case.model!r}")
    clock = perf_counter()
    say(f"sampling {case.chains} chains of {case.draws} draws")
    tree = draw(study, chosen, cores=cores, bar=bar)
    elapsed = perf_counter() - clock
    say("simulating the futures")
    done = complete(tree, study, chosen)
    done.attrs["sampling_seconds"] = round(elapsed, 3)
    return Forecast(done)


def counterfactual(
    observed: Forecast, do: Mapping[str, Any], *, since: Any, until: Any = None
) -> Counterfactual:
    """What would have been, had `do` been done since a month; see `Forecast.counterfactual`.

    Parameters
    ----------
    observed
        A forecast: what happened, and the posterior given it.
    do
        Node → what is done.
    since, until
        Months.

    Raises
    ------
    InterventionError
        For a node, value or month that cannot be set, and for models other than the ladder.
    """
    return observed.counterfactual(do, since=since, until=until)


def compare_priors(
    forecast: Forecast,
    sets: Sequence[Any],
    *,
    refit: bool | None = None,
    progress: Callable[[str], None] | None = None,
) -> Table:
    """Scenario probabilities of a forecast under several prior sets.

    Parameters
    ----------
    forecast
        The forecast in hand, the first column.
    sets
        Anything `Forecast.with_priors` takes.
    refit
        As there.
    progress
        Called with a line at the start of each set.

    Raises
    ------
    PriorError
        For priors that cannot be used as given.
    """
    expect(forecast, Forecast, "forecast", "give one that forecast() made", CaseError)
    forecast._refuse_acted("compare_priors()")
    return assumptions.compare(
        forecast.tree, forecast.study, sets, refit=refit, progress=progress or log.info
    )


def load(path: str | Path) -> Forecast:
    """A saved forecast, equal in every bit to what was saved.

    Parameters
    ----------
    path
        A file, or the folder of a run.

    Raises
    ------
    CorruptResultError
        If it is truncated, altered, swapped, or made to do harm.
    StorageError
        If it is missing, not a forecast, or written by a newer version.
    """
    tree = storage.load(path)
    storage.refuse_unlike(tree, path)
    return Forecast(tree)
