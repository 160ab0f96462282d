"""What would have been: the months that were, with the same chance, and something else done.

Three steps (Pearl 2009, *Causality*, section 7.1), on every posterior draw:

1. *abduction*: a path of tension is drawn given all evidence, and behind every outcome the uniform
   numbers that give it. A count seen is a quantile, so its number lies between F(y − 1) and F(y);
   the number behind what nobody counted is uniform.
2. *action*: the acts are done.
3. *prediction*: the months are walked again with those numbers.

Doing what happened therefore gives back what happened, exactly. A count of part of a month is
completed, and one over several months divided, at random given its total: for NB1 counts the rest
of a month is NB1 again and the division Dirichlet-multinomial with the monthly sizes. The sizes are
those of a first walk, in which only counts of whole months are known; a month before the first one
takes the size of that one. Counts that nobody made carry their drawn excess into the next month,
where the posterior lets them carry none. Changes of a
state that no arrow can make (a mission that comes back) are taken as given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from .. import posterior
from ..equations import count_mean
from ..errors import InterventionError
from ..graph import holds
from ..likelihood import Cells, Parameters, monthly
from ..names import DAYS_PER_MONTH, DEATHS, MONTH, TENSION
from ..panel import month_days
from ..simulate import Acts, Month, Noise, Origin, fresh, gathered, origin, walk_months
from ..streams import stream
from ..study import Study
from ..tension import Ladder
from .acts import Act, as_levels, as_month, read

Array = np.ndarray

WHOLE = 0.02  # months by which a whole month's exposure may differ from its length


@dataclass(frozen=True, eq=False)
class Past:
    """The months that were, and the chance behind them.

    Attributes
    ----------
    study, start
        The study, and the month before the first of them on every path.
    months
        The months, (H,), ``datetime64[M]``.
    noise
        Uniform numbers by node, (P, H).
    given
        Statuses that no arrow explains, (H,) by event, NaN elsewhere.
    seen
        What happened, by name, (P, H): counts, statuses, shares, tension, battle deaths.
    counted
        Which of it was counted, (H,) by name; the rest is drawn given the evidence.
    end
        The last month.
    """

    study: Study
    start: Origin
    months: Array
    noise: Mapping[str, Array]
    given: Mapping[str, Array]
    seen: Mapping[str, Array]
    counted: Mapping[str, Array]
    end: Month

    def again(self, acts: Sequence[Act] = ()) -> tuple[dict[str, Array], Month]:
        """The months walked again with the same chance while `acts` are done."""
        study, size = self.study, len(self.months)
        do, shift = as_levels(acts, study.graph, self.start.parameters)
        held = {n: _over(do.get(n), x) for n, x in self.given.items()}
        every = Acts.of(study.graph, self.start.paths, size, do | held, shift)
        walked = list(
            walk_months(
                study.graph, study.process, self.start, self.months, _kept(self.noise), every
            )
        )
        return gathered(iter(walked), study.graph), walked[-1]

    def futures(self, end: Month, acts: Sequence[Act] = ()) -> xr.Dataset:
        """The futures after a last month, on the random numbers of the study."""
        start = end.origin(self.start)
        levels = as_levels(acts, self.study.graph, start.parameters)
        return self.study.futures(start, *levels)


def _over(done: Array | None, given: Array) -> Array:
    return given if done is None else np.where(np.isnan(done), given, done)


def _kept(noise: Mapping[str, Array]) -> Noise:
    return lambda name, h: noise[name][:, h]


def divided(
    study: Study, acts: Mapping[str, Any], since: Any, until: Any
) -> tuple[tuple[Act, ...], tuple[Act, ...]]:
    """Acts over past months and the horizon, each part by itself.

    Raises
    ------
    InterventionError
        For a node, value or month that cannot be set, if a total of deaths spans several of the
        months, and for models other than the ladder.
    """
    _ladder(study)
    past_ = _months(study)[_first(study, since) :]
    last = past_[-1] if until is None else until
    found = read(study.graph, np.r_[past_, study.months], acts, start=since, until=last)
    cut = len(past_)
    before = tuple(Act(a.node, a.kind, a.value[:cut], a.words) for a in found)
    after = tuple(Act(a.node, a.kind, a.value[cut:], a.words) for a in found)
    return before, after


def past(study: Study, draws: xr.Dataset, since: Any) -> Past:
    """The months of the panel from `since` on, and the chance behind them.

    Parameters
    ----------
    draws
        Posterior draws on (chain, draw).
    since
        First month that may be changed.

    Raises
    ------
    InterventionError
        If the model is not a ladder, if the month is not one of the panel after its first, or if a
        total of deaths spans several of the months.
    """
    process, first = _ladder(study), _first(study, since)
    window = _months(study)[first:]
    paths, seed = study.case.paths, study.case.seed
    p, own = posterior.parameters(draws, study.graph, study.case.model)
    many, many_own = posterior.repeated(p, own, paths)
    level = process.at_score(np.repeat(study.replay(draws).score, paths, axis=0))
    before = np.eye(process.levels)[level[:, first - 1]]
    start = origin(
        study.plan, study.graph, process, many, many_own, before, study.status, seed,
        first - 1,
    )  # fmt: skip
    status = {n: x[first:] for n, x in study.status.items()}
    given = _unexplained(study, status, first)
    known = {n: np.broadcast_to(x, (start.paths, len(window))) for n, x in status.items()}
    known |= {TENSION: level[:, first:].astype(float), DEATHS: _deaths(study, first, len(level))}
    known |= _shares(study, first, len(level))
    acts = Acts.of(study.graph, start.paths, len(window), given)
    noise = fresh(seed, start.paths, "past")

    def walked(known: Mapping[str, Array]) -> list[Month]:
        return list(
            walk_months(study.graph, process, start, window, noise, acts, known)
        )  # fmt: skip

    known |= _counted_alone(study, first, len(level))
    known |= _counts(study, first, window, many, walked(known))
    found = walked(known)
    counted = {n: ~np.isnan(x).all(0) for n, x in known.items() if n != TENSION}
    kept = {n: np.stack([m.noise[n] for m in found], axis=1) for n in found[0].noise}
    return Past(study, start, window, kept, given, gathered(iter(found), study.graph), counted,
                found[-1])  # fmt: skip


def _months(study: Study) -> Array:
    found: Array = study.panel[MONTH].to_numpy().astype("datetime64[M]")
    return found


def _ladder(study: Study) -> Ladder:
    if not isinstance(study.process, Ladder):
        raise InterventionError(
            f"counterfactuals need the model 'ladder', which knows the chance behind each month; "
            f"this forecast was made with {study.case.model!r}"
        )
    return study.process


def _first(study: Study, since: Any) -> int:
    """Place of the first month that may be changed."""
    months = _months(study)
    found = np.flatnonzero(months == as_month(since, "since"))
    if not len(found) or found[0] == 0:
        raise InterventionError(
            f"since {since} is not among the months of evidence; allowed: {months[1]} to "
            f"{months[-1]}. For later months use do()"
        )
    first, cells = int(found[0]), study.plan.deaths
    for o in np.unique(cells.observation):
        rows = np.flatnonzero(cells.observation == o)
        month, value = cells.month[rows], float(cells.value[rows[0], 0])
        if len(rows) > 1 and value and month.max() >= first:
            raise InterventionError(
                f"a total of {value:g} deaths spans {months[month.min()]} to "
                f"{months[month.max()]}, so no month of it is known by itself; begin after it, "
                f"since {months[month.max()] + np.timedelta64(1, 'M')}"
            )
    return first


def _unexplained(study: Study, status: Mapping[str, Array], first: int) -> dict[str, Array]:
    """Statuses that the simulator could not have come to by itself."""
    found: dict[str, Array] = {}
    for name, now in status.items():
        before = np.r_[study.status[name][first - 1], now[:-1]]
        free = before == 0
        for edge in study.graph.into[name]:
            if edge.role == "gate":
                gate = study.status[edge.cause][first - 1 : -1]
                free = free & (holds(study.graph.node[edge.cause], gate) > 0.5)
        may = (now == before) | (free & (now == study.graph.node[name].reading))
        if not may.all():
            found[name] = np.where(may, np.nan, now)
    return found


def _deaths(study: Study, first: int, paths: int) -> Array:
    """Deaths of each whole month, NaN if told in part."""
    cells, months = study.plan.deaths, study.plan.months
    out = np.full(months, np.nan)
    for o in np.unique(cells.observation):
        rows = np.flatnonzero(cells.observation == o)
        month, value = cells.month[rows], float(cells.value[rows[0], 0])
        out[month] = np.nan_to_num(out[month]) + value
    seen = np.zeros(months)
    np.add.at(seen, cells.month, cells.months[:, 0])
    length = month_days(_months(study)) / DAYS_PER_MONTH
    out[np.abs(seen - length) > WHOLE] = np.nan
    if cells.reported is not None:
        out[cells.month[(cells.reported != 1.0).any(1)]] = np.nan
    return np.broadcast_to(out[first:], (paths, months - first))


def _counted_alone(study: Study, first: int, paths: int) -> dict[str, Array]:
    """Counts of whole months that rows of single months give, NaN elsewhere."""
    months = study.panel[MONTH].to_numpy().astype("datetime64[M]")
    length, found = month_days(months) / DAYS_PER_MONTH, {}
    for cells in study.plan.counts:
        value, seen = monthly(cells, study.plan.months)
        alone = np.where(np.abs(seen - length) < WHOLE, value, np.nan)[first:]
        if not np.isnan(alone).all():
            found[cells.node] = np.broadcast_to(alone, (paths, len(alone)))
    return found


def _shares(study: Study, first: int, paths: int) -> dict[str, Array]:
    """Proportions read in a single month."""
    found = {}
    for cells in study.plan.shares:
        out = np.full(study.plan.months, np.nan)
        alone = np.isclose(cells.months[:, 0], cells.total[:, 0])
        out[cells.month[alone]] = cells.value[alone, 0]
        if not np.isnan(out[first:]).all():
            found[cells.node] = np.broadcast_to(out[first:], (paths, len(out) - first))
    return found


def _counts(
    study: Study, first: int, window: Array, p: Parameters, walked: Sequence[Month]
) -> dict[str, Array]:
    """Each count of each month on every path, what was not counted of it drawn; NaN unseen."""
    graph, found = study.graph, {}
    length = month_days(window) / DAYS_PER_MONTH
    both = (*study.plan.counts, *study.plan.pairs)
    for name in dict.fromkeys(c.node for c in both):
        rng = stream(study.case.seed, "past", "divide", name)
        reading, paths = graph.node[name].reading, len(p.overdispersion)
        size = np.stack(
            [
                count_mean(p.base[name], np.clip(reading * m.level[name], -50, 15), 1.0)
                / p.overdispersion
                for m in walked
            ],
            axis=1,
        )
        total, seen = np.zeros((paths, len(window))), np.zeros(len(window))
        for cells in (c for c in both if c.node == name):
            _divide(cells, first, size, total, seen, rng)
        rest = np.clip(length - seen, 0.0, None)
        rest[rest < WHOLE] = 0.0
        more = _nb1(size * rest, p.overdispersion, rng)
        if seen.any():
            found[name] = np.where(seen > 0, total + more, np.nan)
    return found


def _nb1(size: Array, overdispersion: Array, rng: np.random.Generator) -> Array:
    chance = 1.0 / (1.0 + overdispersion[:, None])
    drawn = rng.negative_binomial(np.maximum(size, 1e-12), chance)
    return np.where(size > 0, drawn, 0)


def _divide(
    cells: Cells, first: int, size: Array, total: Array, seen: Array, rng: np.random.Generator
) -> None:
    """Add each observation to the months it covers, divided at random by the monthly sizes."""
    for o in np.unique(cells.observation):
        rows = np.flatnonzero(cells.observation == o)
        month = cells.month[rows] - first
        if month.max() < 0:
            continue
        exposure = cells.months[rows, 0]
        part = size[:, np.maximum(month, 0)] * exposure
        left = np.full(len(size), int(cells.value[rows[0], 0]))
        for i, m in enumerate(month):
            later = part[:, i + 1 :].sum(1)
            share = np.ones(len(size)) if i == len(month) - 1 else rng.beta(part[:, i], later)
            here = rng.binomial(left, share)
            left = left - here
            if m >= 0:
                total[:, m] += here
                seen[m] += exposure[i]
