"""Scenario scores: how likely each view found what the scenarios resolved to.

``data/resolutions.csv`` says what the shipped scenario set came to, twelve months after each of
some past days. A view forecasts on that day, with what was on record, and gets

    log P(the scenario that came; or one of those it can have been),

in nats, higher is better. A set that no simulated future met counts as half a future.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache

import numpy as np
import xarray as xr

from .. import names, posterior
from .. import theory as theories
from ..case import EMBEDDED, Case
from ..estimate import Sample, probability
from ..evidence import Evidence
from ..shipped import table
from ..streams import stream
from ..study import Study, lay_out
from ..tension import OwnHistory
from .entrants import REFERENCE, Entrant, Fit

Array = np.ndarray
HISTORY_WEIGHT = "history_weight"


@dataclass(frozen=True)
class Resolution:
    """What a scenario set came to.

    Attributes
    ----------
    scenarios
        Name of the set.
    origin, end
        The day of the forecast, and the last day of its horizon.
    states
        The scenario that came; several where what parts them was not observed.
    reason
        What decided it.
    """

    scenarios: str
    origin: date
    end: date
    states: tuple[str, ...]
    reason: str

    @property
    def horizon(self) -> int:
        """Months from the origin to the end."""
        return 12 * (self.end.year - self.origin.year) + self.end.month - self.origin.month


@cache
def resolutions() -> tuple[Resolution, ...]:
    """What the package says happened.

    Examples
    --------
    >>> resolutions()[1].states
    ('S1',)
    """
    return tuple(
        Resolution(
            row["scenarios"],
            date.fromisoformat(row["origin"]),
            date.fromisoformat(row["end"]),
            tuple(row["state"].split(";")),
            row["reason"],
        )
        for row in table("resolutions.csv")
    )


def settled(scenarios: str, as_of: date) -> tuple[Resolution, ...]:
    """Those of a set whose end is known on a day.

    Examples
    --------
    >>> len(settled("alyarli-2021", date(2021, 11, 30)))
    1
    """
    return tuple(r for r in resolutions() if r.scenarios == scenarios and r.end <= as_of)


def due(case: Case, day: date) -> tuple[Resolution, ...]:
    """Those that a case can be scored on: its scenario set, on the evidence the package carries.

    Counts of one's own may resolve a scenario otherwise, and a graph of one's own may be about
    another conflict; what came is not on record for either.
    """
    if case.evidence != EMBEDDED or theories.load(case.graph).whole:
        return ()
    return settled(case.scenarios, day)


def score(
    entrants: Sequence[Entrant], evidence: Evidence, case: Case, day: date,
    fitted: Callable[[Entrant, date], Fit], say: Callable[[str], None],
) -> xr.Dataset:  # fmt: skip
    """Score every entrant on every settled forecast.

    Parameters
    ----------
    day
        What came later is not known.
    fitted
        The fit of an entrant to the evidence of a day.

    Returns
    -------
    On (view, origin): ``log_score``, ``mcse``, ``probability``. On ``origin``: ``states``.
    """
    came = due(case, day)
    found = np.full((3, len(entrants), len(came)), np.nan)
    for j, resolution in enumerate(came):
        for i, entrant in enumerate(entrants):
            say(f"scenarios of {resolution.origin}: {entrant.name}")
            fit = fitted(entrant, resolution.origin)
            found[:, i, j] = _one(entrant, evidence, case, resolution, fit)
    dims = ("view", names.ORIGIN)
    return xr.Dataset(
        {
            "log_score": (dims, found[0]),
            "mcse": (dims, found[1]),
            "probability": (dims, found[2]),
            "states": (names.ORIGIN, [" or ".join(r.states) for r in came]),
        },
        coords={
            "view": [e.name for e in entrants],
            names.ORIGIN: np.array([r.origin for r in came], "datetime64[ns]"),
        },
    )


def _one(
    entrant: Entrant, evidence: Evidence, case: Case, resolution: Resolution, fit: Fit
) -> tuple[float, float, float]:
    model = REFERENCE if entrant.history else case.model
    known = case.model_copy(
        update={"as_of": resolution.origin, "horizon": resolution.horizon, "model": model}
    )
    study = replace(lay_out(known, evidence=evidence), graph=entrant.graph)
    draws = _with_history(fit.draws, study) if entrant.history else fit.draws
    _, own = posterior.parameters(draws, study.graph, model)
    start = study.origin(draws, study.replay(draws).state, own)
    resolved = study.futures(start)[names.RESOLVED].to_numpy()[..., -1]
    ids = [s.id for s in study.partition.scenarios]
    hit = np.isin(resolved, [ids.index(s) for s in resolution.states])
    told = probability(hit, Sample(np.ones(hit.shape, bool)))
    rate = max(told["probability"], 0.5 / hit.size)
    return float(np.log(rate)), told["mcse"] / rate, told["probability"]


def _with_history(draws: xr.Dataset, study: Study) -> xr.Dataset:
    """Draws of the reference model: base rates as they are, and weights of the past months."""
    shape = draws.sizes[names.CHAIN], draws.sizes[names.DRAW]
    process = study.process
    months = len(process.history) if isinstance(process, OwnHistory) else 0
    weight = stream(study.case.seed, "contest", "history").dirichlet(np.ones(months), size=shape)
    dims = (names.CHAIN, names.DRAW, names.HISTORY)
    return draws.assign({HISTORY_WEIGHT: (dims, weight)})
