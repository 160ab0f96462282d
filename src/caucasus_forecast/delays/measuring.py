"""A delay measured: what was told of a month at an age, beside what was told once it was settled.

For each age, month i had r_i deaths as told at that age, and has n_i settled ones. What was kept,
k_i = min(r_i, n_i), is an over-dispersed binomial, and what was withdrawn is a constant share:

    k_i | n_i ~ Binomial(n_i, p_i),     p_i ~ Beta(m κ, (1 − m) κ)
    f = Σ max(r_i − n_i, 0) / Σ n_i
    ratio of a month = p + f

with m ~ Beta(½, ½) and log κ uniform between 1 and 1,000. The posterior of (m, κ) is summed over a
grid, and the ratio of a fresh month is drawn from its posterior predictive distribution: it holds
both how months differ and how little a few of them tell. The distribution is kept as `VALUES`
equally likely values, the means of as many equal parts. Ages are measured one by one. `f` is a
point estimate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, runtime_checkable

import numpy as np
from scipy import special

from ..errors import EvidenceError, expect, nearest
from ..evidence import Observation, Window, to_come
from ..named import shown
from ..names import DEATHS
from .values import HIGHEST, OLDEST, ReportingDelay, age

Array = np.ndarray
VALUES, LEAST, SETTLED = 20, 8, 12
_MEANS = np.sin(np.pi * (2 * np.arange(64) + 1) / 256) ** 2  # equally likely under Beta(½, ½)
_CONCENTRATIONS = np.geomspace(1.0, 1000.0, 20)
_SHARES = np.sin(np.linspace(0.0, np.pi / 2, 501)) ** 2
_PARTS = 20  # points of each part whose mean is taken


@runtime_checkable
class Vintage(Protocol):
    """Counts as they were told on a day; `caucasus_forecast.sources.Fetched` is one."""

    @property
    def published(self) -> date:
        """The day."""

    @property
    def observations(self) -> tuple[Observation, ...]:
        """The counts."""

    @property
    def release(self) -> str:
        """What to call it."""


@dataclass(frozen=True, slots=True)
class Told:
    """A vintage of one's own: counts, and the day on which they were told.

    Parameters
    ----------
    published
        The day.
    observations
        The counts, all of which end before it.
    release
        What to call it.

    Raises
    ------
    EvidenceError
        If the day is none, or has not come, or a count ends on it or later.

    Examples
    --------
    >>> january = Observation(Window(date(2024, 1, 1), date(2024, 1, 31)), DEATHS, 3)
    >>> Told(date(2024, 1, 20), (january,))
    Traceback (most recent call last):
    ...
    caucasus_forecast.errors.EvidenceError: own counts: published is 2024-01-20, and battle_deaths \
has a count of 2024-01-01 to 2024-01-31; give the day on which it was told, or leave it out
    """

    published: date
    observations: tuple[Observation, ...]
    release: str = "own counts"

    def __post_init__(self) -> None:
        expect(self.release, str, "release", "give a text", EvidenceError)
        if not isinstance(self.published, date) or isinstance(self.published, datetime):
            raise EvidenceError(
                f"{self.release}: published is {shown(self.published)}; give a day, as "
                "datetime.date(2024, 3, 20)"
            )
        if problem := to_come(self.published, f"{self.release}: published is"):
            raise EvidenceError(f"{problem}; give the day on which it was told")
        what, cure = f"{self.release}: observations", "give what evidence.read_counts returns"
        expect(self.observations, (tuple, list), what, cure, EvidenceError)
        for o in self.observations:
            expect(o, Observation, f"{self.release}: an observation", cure, EvidenceError)
            if o.window.end >= self.published:
                raise EvidenceError(
                    f"{self.release}: published is {self.published}, and {o.series} has a count of "
                    f"{o.window}; give the day on which it was told, or leave it out"
                )
        object.__setattr__(self, "observations", tuple(self.observations))


def measure(
    *histories: Sequence[Vintage], series: str = DEATHS, settled: int = SETTLED
) -> ReportingDelay:
    """Measure a delay from vintages of the same months.

    Parameters
    ----------
    histories
        Of each place (a country, a dyad), the vintages of its counts, in any order. Months of all
        places are taken to be alike.
    series
        Which counts.
    settled
        Age in months from which a count is taken as final.

    Raises
    ------
    EvidenceError
        For a history that is no list of vintages, a series no vintage has, fewer than two
        vintages, or an age at which fewer than `LEAST` months with deaths were told of.

    Examples
    --------
    >>> from caucasus_forecast.evidence import read_counts
    >>> import pandas as pd
    >>> months = [f"{year}-{m:02d}" for year in (2020, 2021) for m in range(1, 13)]
    >>> def told(day, fresh):  # twenty deaths a month, of which the last month has `fresh`
    ...     known = [m for m in months if m < day[:7]]
    ...     counts = [20] * (len(known) - 1) + [fresh]
    ...     table = pd.DataFrame({"month": known, "count": counts})
    ...     return Told(date.fromisoformat(day), read_counts(table), day)
    >>> history = [told(f"{m}-20", 10 + i % 3) for i, m in enumerate(months[2:])]
    >>> delay = measure(history, settled=1)
    >>> delay.pairs, round(float(np.mean(delay.ratios[0])), 2)
    ((21,), 0.55)
    """
    if not isinstance(settled, int) or isinstance(settled, bool) or not 1 <= settled <= OLDEST:
        raise EvidenceError(f"settled is {settled!r}; give whole months, 1 to {OLDEST}")
    vintages = [v for history in histories for v in _listed(history)]
    _refuse_unknown(vintages, series)
    ages = compared(histories, series, settled)
    for months, pairs in enumerate(ages):
        if (seen := int((pairs[:, 1] > 0).sum())) < LEAST:
            raise EvidenceError(_too_few(series, months, seen))
    days = sorted({(v.published, v.release) for v in vintages})
    return ReportingDelay(
        series,
        tuple(ratios(pairs) for pairs in ages),
        f"measured from vintages of {days[0][0]} to {days[-1][0]}",
        tuple(f"{day}: {release}" for day, release in days),
        tuple(len(pairs) for pairs in ages),
        hashlib.sha256(repr([pairs.tolist() for pairs in ages]).encode()).hexdigest(),
    )


def compared(histories: Sequence[Sequence[Vintage]], series: str, settled: int) -> list[Array]:
    """For each age below `settled`, what was told then and what is settled, (n, 2).

    Whole months alone; of several vintages at one age, the last.
    """
    found: list[list[tuple[float, float]]] = [[] for _ in range(settled)]
    for history in histories:
        told: dict[Window, dict[int, float]] = {}
        for vintage in sorted(history, key=lambda v: v.published):
            for o in vintage.observations:
                if o.series == series and o.window.whole_month:
                    told.setdefault(o.window, {})[age(o.window.end, vintage.published)] = o.count
        for window in sorted(told):
            by_age = told[window]
            if (last := max(by_age)) >= settled:
                for months in by_age.keys() & set(range(settled)):
                    found[months].append((by_age[months], by_age[last]))
    return [np.array(pairs, float).reshape(-1, 2) for pairs in found]


def ratios(pairs: Array) -> tuple[float, ...]:
    """Equally likely ratios of the next month, from pairs of told and settled counts, (n, 2).

    Examples
    --------
    >>> found = ratios(np.tile([20.0, 20.0], (40, 1)))
    >>> len(found), round(min(found), 2)
    (20, 0.98)
    """
    told, final = pairs[pairs[:, 1] > 0].T
    withdrawn = np.maximum(pairs[:, 0] - pairs[:, 1], 0.0).sum() / pairs[:, 1].sum()
    kept = np.minimum(told, final)
    alpha = (_MEANS[:, None] * _CONCENTRATIONS).ravel()
    beta = ((1.0 - _MEANS)[:, None] * _CONCENTRATIONS).ravel()
    log_weight = (
        special.betaln(kept + alpha[:, None], final - kept + beta[:, None]).sum(1)
        - len(kept) * special.betaln(alpha, beta)
    )  # fmt: skip
    weight = special.softmax(log_weight)
    likely = weight > 1e-7
    reached = weight[likely] @ special.betainc(alpha[likely, None], beta[likely, None], _SHARES)
    places = (np.arange(VALUES * _PARTS) + 0.5) / (VALUES * _PARTS) * reached[-1]
    parts = np.interp(places, reached, _SHARES).reshape(VALUES, _PARTS).mean(1)
    return tuple(np.clip((parts + withdrawn).round(6), 1e-6, HIGHEST).tolist())


def _listed(history: Sequence[Vintage]) -> Sequence[Vintage]:
    cure = "give a list of vintages for each place: measure([Told(...), Told(...)])"
    expect(history, (list, tuple), "a history", cure, EvidenceError)
    for vintage in history:
        expect(vintage, Vintage, "a vintage", cure, EvidenceError)
    return history


def _refuse_unknown(vintages: Sequence[Vintage], series: str) -> None:
    known = sorted({o.series for v in vintages for o in v.observations})
    if len({v.published for v in vintages}) < 2:
        raise EvidenceError(
            f"{len(vintages)} vintage{'s' * (len(vintages) != 1)} to compare; give counts as they "
            "were told on several days, as sources.ucdp(as_of=...) fetches them"
        )
    if series not in known:
        raise EvidenceError(f"no vintage has the series {series!r}; {nearest(series, known)}")


def _too_few(series: str, months: int, seen: int) -> str:
    shorter = f", or take counts as settled from {months} months on (settled={months})"
    return (
        f"{series}: at {months} months of age, {seen} months with deaths can be compared with what "
        f"was told once they were settled, and {LEAST} are needed; fetch what was out on more past "
        f"days (ucdp(as_of=...), fetch ucdp --as-of), take more countries{shorter * (months > 0)}"
    )
