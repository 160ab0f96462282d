"""One-step scores: how likely each view found each month before it was on record.

Let E_t be the evidence on record at the end of month *t*, A_t what is asked of that month, and θ
the parameters of a view. The score of the month is

    log p(A_t | E_{t-1}) = log Σ_d w_d exp( log p(A_t, E_{t-1} | θ_d) − log p(E_{t-1} | θ_d) ),

over draws θ_d of a fit to E_s, s < t, that count for

    w_d ∝ p(E_{t-1} | θ_d) / p(E_s | θ_d),

smoothed with a generalised Pareto tail: approximate leave-future-out validation (Bürkner, Gabry &
Vehtari 2020). When the shape of the tail exceeds 0.7, or less than a tenth of the draws is left,
the view is fitted to E_{t-1} and w_d starts again as 1.

A row is asked of the month in which its interval ends, whole: that is when it can be known. Deaths
are asked of a month that one row covers, no more and no less, as the bin of
`caucasus_forecast.scoring.BINS` that happened: a resampling forecast gives a count that never was
no probability at all, but each bin a little. So the score of a month is a probability (density),
while the fit learns from every row, exact counts, in the ladder's tempered likelihood.

Nothing later is seen. The ladder that reads the months is that of the day before an *epoch* of
twelve months begins, for all views alike, also where a view is fitted again inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

import numpy as np
import xarray as xr
from scipy import special

from .. import names, reweighting
from .. import panel as panels
from ..case import Case
from ..estimate import mcse
from ..evidence import Evidence
from ..graph import CausalGraph
from ..kernel import Facts
from ..likelihood import plan
from ..reweighting import Weights
from ..scoring import BINS
from ..tension import Ladder, own_history
from .entrants import Entrant, Fit, fit, ladder_of, log_likelihood, record

Array = np.ndarray
EPOCH = 12  # months that one ladder reads
MAX_K, LEAST_LEFT = 0.7, 0.1
WORTH = 1000.0  # draws that exact bin probabilities are worth, as in `scoring.ignorance`
ONE_DAY, ONE_MONTH = np.timedelta64(1, "D"), np.timedelta64(1, "M")


def last_day(month: np.datetime64) -> date:
    """Last day of a month.

    Examples
    --------
    >>> last_day(np.datetime64("2020-11"))
    datetime.date(2020, 11, 30)
    """
    day: date = ((month + ONE_MONTH).astype("datetime64[D]") - ONE_DAY).astype(object)
    return day


# --------------------------------------------------------------------------- what is asked


def asked(evidence: Evidence, entrant: Entrant, process: Ladder, month: np.datetime64) -> Facts:
    """E_{t-1} and A_t: the record of the month before, and what the ladder is asked of the month.

    It is not asked of the deaths where those of a past month come again.
    """
    graph = entrant.graph
    panel = panels.build(evidence, graph, last_day(month))
    laid = plan(panel, graph)
    tension = panel["node"].to_numpy() == names.TENSION
    ends = panel["end"].to_numpy()[tension].astype("datetime64[M]")
    before = laid.deaths.rows(ends[laid.deaths.observation] < month)
    facts = process.facts(replace(laid, deaths=before))
    deaths = None if entrant.history else deaths_of(panel, month)
    if deaths is None:
        return facts
    emission = facts.emission.copy()
    emission[-1] += log_bin(process, deaths, panels.month_days(np.array([month]))[0])
    return facts._replace(emission=emission)


def deaths_of(panel: xr.Dataset, month: np.datetime64) -> float | None:
    """The deaths of a month that one row covers, no more and no less."""
    whole = (
        (panel["node"].to_numpy() == names.TENSION)
        & (panel["start"].to_numpy() == month.astype("datetime64[ns]"))
        & (panel["end"].to_numpy() == np.datetime64(last_day(month), "ns"))
    )
    return float(panel["count"].to_numpy()[whole][0]) if whole.any() else None


def log_bin(process: Ladder, deaths: float, days: float) -> Array:
    """Log probability, at each level, of the bin that a month's deaths fall into, shape (K,)."""
    ends = np.r_[BINS, np.inf]
    place = int(np.searchsorted(BINS, deaths, side="right")) - 1
    low, high = ends[place], ends[place + 1]
    counts = np.arange(low, high) if np.isfinite(high) else np.arange(low)
    told = process.log_deaths(counts, np.full(len(counts), days))
    reached = special.logsumexp(told, axis=0)
    if np.isfinite(high):
        return np.asarray(reached)
    return np.log(np.maximum(-np.expm1(np.minimum(reached, 0.0)), 1e-300))


def log_bin_of_history(evidence: Evidence, graph: CausalGraph, month: np.datetime64) -> float:
    """Log probability of the bin of a month's deaths if one of the last 36 months comes again.

    That is log( (n p + 1) / (n + B) ), where p is the share of the months in the bin, n = `WORTH`
    and B the number of bins; 0 where no deaths are asked.
    """
    deaths = deaths_of(panels.build(evidence, graph, last_day(month)), month)
    if deaths is None:
        return 0.0
    laid = plan(panels.build(evidence, graph, last_day(month - ONE_MONTH)), graph)
    history = own_history(laid.deaths, laid.months).history
    place = np.searchsorted(BINS, [deaths, *history], side="right")
    share = float((place[1:] == place[0]).mean())
    return float(np.log((WORTH * share + 1.0) / (WORTH + len(BINS))))


# --------------------------------------------------------------------------- month by month


@dataclass(frozen=True)
class Epoch:
    """Consecutive months, and the ladder of the day before that reads them."""

    evidence: Evidence
    months: Array
    process: Ladder

    @property
    def eve(self) -> date:
        """The day before."""
        return last_day(self.months[0] - ONE_MONTH)

    @cached_property
    def _read(self) -> dict[tuple[str, str, bool], list[Facts]]:
        return {}

    def known(self, entrant: Entrant) -> list[Facts]:
        """E_t on the eve and at the end of each month."""
        ends = [self.eve, *map(last_day, self.months)]
        return self._once("known", entrant, False, lambda: [
            record(self.evidence, entrant.graph, self.process, day) for day in ends
        ])  # fmt: skip

    def asked(self, entrant: Entrant) -> list[Facts]:
        """E_{t-1} and A_t of each month."""
        return self._once("asked", entrant, entrant.history, lambda: [
            asked(self.evidence, entrant, self.process, m) for m in self.months
        ])  # fmt: skip

    def _once(
        self, what: str, entrant: Entrant, history: bool, read: Callable[[], list[Facts]]
    ) -> list[Facts]:
        key = (what, entrant.graph.name, history)
        if key not in self._read:
            self._read[key] = read()
        return self._read[key]


def epochs(evidence: Evidence, graph: CausalGraph, months: Array) -> Iterator[Epoch]:
    """Months in stretches of `EPOCH`."""
    for i in range(0, len(months), EPOCH):
        span = months[i : i + EPOCH]
        yield Epoch(evidence, span, ladder_of(evidence, graph, last_day(span[0] - ONE_MONTH)))


@dataclass(frozen=True)
class Step:
    """The score of one month.

    Attributes
    ----------
    score
        Log predictive probability (density), nats.
    influence
        Shape (chain, draw): what each draw adds to the score; its mean is 0.
    k, effective
        Of the weights.
    fit
        The fit whose draws were weighed.
    """

    score: float
    influence: Array
    weights: Weights
    fit: Fit = field(repr=False)

    @property
    def mcse(self) -> float:
        """Monte Carlo error of the score."""
        return mcse(self.influence)


def log_mean(values: Array, share: Array) -> tuple[float, Array]:
    """Log Σ_d w_d exp(x_d), and the influence N w_d (exp(x_d − log Σ) − 1) of each draw.

    Examples
    --------
    >>> round(log_mean(np.log([[1.0, 3.0]]), np.array([[0.5, 0.5]]))[0], 6)
    0.693147
    """
    total = float(special.logsumexp(values, b=share))
    return total, share.size * share * np.expm1(values - total)


def follow(entrant: Entrant, epoch: Epoch, first: Fit, case: Case) -> list[Step]:
    """Score the months of an epoch in order, and fit again where the weights can not be trusted."""
    known, questions = epoch.known(entrant), epoch.asked(entrant)
    now, steps = first, []
    base = before = log_likelihood(now.draws, known[0])
    for i in range(len(epoch.months)):
        weights = reweighting.weights(before - base, now.efficiency)
        if weights.k > MAX_K or weights.effective < LEAST_LEFT * now.efficiency * base.size:
            now = fit(entrant, known[i], case)
            base = before = log_likelihood(now.draws, known[i])
            weights = reweighting.weights(before - base, now.efficiency)
        step = log_likelihood(now.draws, questions[i]) - before
        score, influence = log_mean(step, weights.share)
        steps.append(Step(score, influence, weights, now))
        before = log_likelihood(now.draws, known[i + 1])
    return steps


def one_step(
    entrants: Sequence[Entrant], evidence: Evidence, months: Array, case: Case,
    keep: Callable[[str, date, Fit], None], say: Callable[[str], None],
) -> xr.Dataset:  # fmt: skip
    """Score every month under every entrant.

    Parameters
    ----------
    keep
        Called with the name, the day and the fit of every epoch's eve.

    Returns
    -------
    On (view, month): ``log_score``, ``mcse``, ``k``, ``effective``, ``fitted`` (1 where the view
    was fitted for this month). On ``view``: ``total_mcse``, ``fits``, ``failed``, ``max_rhat``.
    """
    found: dict[str, list[Step]] = {e.name: [] for e in entrants}
    for epoch in epochs(evidence, entrants[0].graph, months):
        span = f"{epoch.months[0]} to {epoch.months[-1]}"
        for n, entrant in enumerate(entrants, start=1):
            say(f"{span}: {entrant.name} ({n} of {len(entrants)})")
            first = fit(entrant, epoch.known(entrant)[0], case)
            keep(entrant.name, epoch.eve, first)
            steps = follow(entrant, epoch, first, case)
            found[entrant.name] += _with_deaths(steps, entrant, epoch) if entrant.history else steps
    return _dataset(found, months)


def _with_deaths(steps: Sequence[Step], entrant: Entrant, epoch: Epoch) -> list[Step]:
    deaths = [log_bin_of_history(epoch.evidence, entrant.graph, m) for m in epoch.months]
    return [replace(s, score=s.score + d) for s, d in zip(steps, deaths, strict=True)]


def _dataset(found: dict[str, list[Step]], months: Array) -> xr.Dataset:
    dims = ("view", names.MONTH)
    rows = list(found.values())
    fits = [list({id(s.fit): s.fit for s in steps}.values()) for steps in rows]
    new = [[i == 0 or s.fit is not steps[i - 1].fit for i, s in enumerate(steps)] for steps in rows]
    return xr.Dataset(
        {
            "log_score": (dims, [[s.score for s in steps] for steps in rows]),
            "mcse": (dims, [[s.mcse for s in steps] for steps in rows]),
            "k": (dims, [[s.weights.k for s in steps] for steps in rows]),
            "effective": (dims, [[s.weights.effective for s in steps] for steps in rows]),
            "fitted": (dims, np.array(new, np.int8)),
            "total_mcse": ("view", [_total_error(steps) for steps in rows]),
            "fits": ("view", [len(f) for f in fits]),
            "failed": ("view", [sum(not x.passed for x in f) for f in fits]),
            "max_rhat": ("view", [max(x.rhat for x in f) for f in fits]),
        },
        coords={"view": list(found), names.MONTH: months.astype("datetime64[ns]")},
    )


def _total_error(steps: Sequence[Step]) -> float:
    """Monte Carlo error of the sum: months of one fit share its draws, fits are independent."""
    shared: dict[int, Array] = {}
    for s in steps:
        shared[id(s.fit)] = shared.get(id(s.fit), 0.0) + s.influence
    return float(np.sqrt(sum(mcse(x) ** 2 for x in shared.values())))
