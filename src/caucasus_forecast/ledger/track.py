"""The track record of a ledger, as tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import stats

from .. import names, scoring
from ..scenarios import Table, interval, percent
from ..scenarios.observed import OPEN, VOID
from .scores import FEW, Mean, Scored, days_of, mean, overlapping, scored
from .tables import came, counted
from .values import Entry

KINDS = {"scenarios": "scenarios", "answers": "side questions", "branch": "branches"}
BINS = tuple(i / 10 for i in range(11))
"""Ends of the bins of probabilities."""


@dataclass(frozen=True)
class Scores:
    """The track record of a ledger.

    Attributes
    ----------
    forecasts
        The scenarios of every forecast: what came, and the scores.
    overall
        Means by kind of question, over the forecasts whose checks passed.
    each
        Each scenario as a question of its own: it came, or it did not.
    calibration
        How often what was given some probability came.
    """

    forecasts: Table
    overall: Table
    each: Table
    calibration: Table

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self._tables))

    def _repr_html_(self) -> str:
        return "".join(t._repr_html_() for t in self._tables)

    @property
    def _tables(self) -> tuple[Table, ...]:
        return self.forecasts, self.overall, self.each, self.calibration


def scores(entries: Sequence[Entry], where: str) -> Scores:
    """The track record of some entries; `where` names the ledger."""
    passed = [e for e in entries if e.made.passed]
    found = [s for e in entries for q in e.made.questions if (s := scored(e, q)) is not None]
    kept = [s for s in found if s.entry.made.passed]
    return Scores(_forecasts(entries, found, where), _overall(passed, kept), _each(kept),
                  _calibration(kept))  # fmt: skip


def _forecasts(entries: Sequence[Entry], found: Sequence[Scored], where: str) -> Table:
    of = {s.entry.row: s for s in found if s.asked.kind == "scenarios"}
    rows = tuple(_forecast_row(e, of.get(e.row)) for e in entries)
    values = {
        k: (names.ORIGIN, [getattr(of.get(e.row), k, math.nan) for e in entries]) for k in _NUMBERS
    }
    header = ("row", "forecast", "priors", "came", "given", "Brier", "log, bits",
              "1/K each", "prior alone", "")  # fmt: skip
    body = xr.Dataset(
        values
        | {
            "row": (names.ORIGIN, [e.row for e in entries]),
            "as_of": (names.ORIGIN, [str(e.made.as_of) for e in entries]),
            "passed": (names.ORIGIN, [e.made.passed for e in entries]),
            "outcome": (names.ORIGIN, [of[e.row].outcome if e.row in of else "" for e in entries]),
        },
        coords={names.ORIGIN: [np.datetime64(e.made.as_of, "ns") for e in entries]},
    )
    return Table(f"Scenarios of the forecasts in {where}", header, rows, body,
                 tuple(_forecast_notes(entries, found)))  # fmt: skip


def _forecast_row(e: Entry, s: Scored | None) -> tuple[str, ...]:
    ruling = e.standing[e.made.questions[0].id]
    head = (str(e.row), f"{e.made.as_of} + {counted(e.made.horizon, 'month')}", e.made.priors,
            came(ruling))  # fmt: skip
    mark = "" if e.made.passed else "CHECKS FAILED"
    if s is None:
        return (*head, "", "", "", "", "", mark)
    prior = "" if math.isnan(s.prior_brier) else f"{s.prior_brier:.2f}, {s.prior_log:.1f}"
    given = next(o for o in s.asked.options if o.id == s.outcome)
    return (
        *head, percent(given.probability, given.mcse), f"{s.brier:.3f} ± {s.brier_mcse:.3f}",
        _log(s), f"{s.uniform_brier:.2f}, {s.uniform_log:.1f}", prior, mark,
    )  # fmt: skip


_NUMBERS = ("brier", "brier_mcse", "log", "log_mcse", "uniform_brier", "uniform_log",
            "prior_brier", "prior_log", "bound")  # fmt: skip


def _forecast_notes(entries: Sequence[Entry], found: Sequence[Scored]) -> Iterable[str]:
    yield (
        "Brier: sum over the scenarios, 0 (best) to 2. Log: minus the base-2 logarithm of what was "
        "given to the scenario that came. ±: Monte Carlo error (of Brier, at most). The last two "
        "columns: Brier and log of 1/K for each, and of the forecast's prior alone."
    )
    if failed := [e.row for e in entries if not e.made.passed]:
        yield (
            f"row {', '.join(map(str, failed))}: checks failed; shown, and left out of every mean "
            "and of the calibration"
        )
    if late := [e.row for e in entries if e.made.late]:
        yield (
            f"row {', '.join(map(str, late))}: added after the horizon had ended, when what came "
            "could be known; a test on the past, not a record of foresight"
        )
    infinite = [s for s in found if math.isinf(s.log)]
    for s in infinite:
        yield (
            f"row {s.entry.row}, {s.asked.id}: {s.outcome!r} came, and no simulated future had it; "
            f"the log score is infinite, and more than {s.bound:.1f} bits is all that the number "
            "of futures can show"
        )


def _overall(entries: Sequence[Entry], kept: Sequence[Scored]) -> Table:
    asked = {
        kind: [e.standing[q.id].state for e in entries for q in e.made.questions if q.kind == kind]
        for kind in KINDS
    }
    asked = {kind: states for kind, states in asked.items() if states}
    mine = {kind: [s for s in kept if s.asked.kind == kind] for kind in asked}
    data = {kind: _means(asked[kind], mine[kind]) for kind in asked}
    notes = [_few(mine[kind], KINDS[kind]) for kind in asked if days_of(mine[kind]) < FEW]
    notes += ["no forecast whose checks passed"] * (not entries) + [OVERLAP] * overlapping(kept)
    columns = next(iter(data.values()), {})
    body = xr.Dataset(
        {k: ("question", [d[k] for d in data.values()]) for k in columns},
        coords={"question": [KINDS[kind] for kind in data]},
    )
    header = ("questions", "asked", "resolved", "open", "void", "Brier", "log, bits", "1/K each")
    rows = tuple((KINDS[kind], *_mean_cells(d)) for kind, d in data.items())
    title = "Mean scores ± Monte Carlo error, at most (90 % interval)"
    return Table(title, header, rows, body, tuple(notes))


OVERLAP = (
    "horizons overlap, so forecasts are scored on the same months and are not independent; an "
    "interval is too narrow (forecasts of one day are drawn together, overlapping ones are not)"
)


def _means(states: Sequence[str], mine: Sequence[Scored]) -> dict[str, float]:
    found: dict[str, float] = {
        "asked": len(states), "resolved": len(mine), "open": states.count(OPEN),
        "void": states.count(VOID),
    }  # fmt: skip
    for key in ("brier", "log"):
        value = mean(mine, key)
        found |= {key: value.value} | {f"{key}_{k}": getattr(value, k) for k in Mean._fields[1:]}
        uniform = [getattr(s, f"uniform_{key}") for s in mine]
        found[f"uniform_{key}"] = float(np.mean(uniform)) if mine else math.nan
    return found


def _mean_cells(d: dict[str, float]) -> tuple[str, ...]:
    numbers = (f"{d[k]:.0f}" for k in ("asked", "resolved", "open", "void"))
    if not d["resolved"]:
        return (*numbers, "", "", "")
    means = (
        _shown(Mean(d[key], *(d[f"{key}_{k}"] for k in Mean._fields[1:])))
        for key in ("brier", "log")
    )
    return (*numbers, *means, f"{d['uniform_brier']:.2f}, {d['uniform_log']:.1f}")


def _shown(found: Mean) -> str:
    if math.isinf(found.value):
        return "inf"
    ends = "" if math.isnan(found.lower) else f" ({found.lower:.3f} to {found.upper:.3f})"
    return f"{found.value:.3f} ± {found.mcse:.3f}{ends}"


def _few(mine: Sequence[Scored], words: str) -> str:
    return (
        f"{counted(len(mine), 'resolved question')} ({words}) from forecasts of "
        f"{counted(days_of(mine), 'day')}: too few to say how good the forecasts are"
    )


def _each(kept: Sequence[Scored]) -> Table:
    """The Brier score of each scenario, (p − o)², between 0 and 1."""
    groups: dict[tuple[str, str, str], list[tuple[float, bool, float]]] = {}
    for s in kept:
        for o in s.asked.options if s.asked.kind == "scenarios" else ():
            key = (s.asked.title, o.id, o.title)
            groups.setdefault(key, []).append((o.probability, o.id == s.outcome, o.mcse))
    rows, data = [], []
    for (_, ident, title), values in groups.items():
        p, came, mcse = (np.array(x, float) for x in zip(*values, strict=True))
        brier = float(np.mean(scoring.brier(p, came)))
        error = float(np.mean(2 * np.abs(p - came) * mcse))
        rows.append(
            (ident, title, str(len(p)), f"{100 * p.mean():.1f} %", f"{came.sum():.0f}",
             f"{brier:.3f} ± {error:.3f}")
        )  # fmt: skip
        data.append((len(p), float(p.mean()), int(came.sum()), brier, error))
    columns = ("number", "probability", "came", "brier", "brier_mcse")
    body = xr.Dataset(
        {k: (names.SCENARIO, [d[i] for d in data]) for i, k in enumerate(columns)},
        coords={
            names.SCENARIO: [ident for _, ident, _ in groups],
            "set": (names.SCENARIO, [title for title, _, _ in groups]),
        },
    )
    header = ("", "scenario", "number", "mean given", "came", "Brier")
    notes = ("Brier of each scenario alone: 0 (best) to 1",) if rows else ("nothing is resolved",)
    return Table("Each scenario", header, tuple(rows), body, notes)


def _calibration(kept: Sequence[Scored]) -> Table:
    pairs = [pair for s in kept if s.asked.kind != "branch" for pair in _events(s)]
    p, came = (np.array([pair[i] for pair in pairs], float) for i in (0, 1))
    place = np.clip(np.searchsorted(BINS, p, side="right") - 1, 0, len(BINS) - 2)
    rows, data = [], []
    for b in np.unique(place):
        inside = place == b
        number, hits = int(inside.sum()), int(came[inside].sum())
        ends = stats.binomtest(hits, number).proportion_ci(names.INTERVAL_MASS, "exact")
        bounds = f"{100 * BINS[b]:.0f} to {100 * BINS[b + 1]:.0f} %"
        rows.append(
            (bounds, str(number), f"{100 * p[inside].mean():.1f} %", str(hits),
             f"{100 * hits / number:.0f} %", interval(ends.low, ends.high))
        )  # fmt: skip
        data.append((number, float(p[inside].mean()), hits, ends.low, ends.high))
    body = xr.Dataset(
        {
            k: ("bin", [d[i] for d in data])
            for i, k in enumerate(("number", "probability", "came", "lower", "upper"))
        },
        coords={"bin": [r[0] for r in rows]},
    )
    notes = (
        "exact 90 % binomial intervals, as if what is in a bin were independent; the possibilities "
        "of one question are not",
        "of a question with two possibilities the second alone is counted, and of branches nothing",
    )
    header = ("given", "number", "mean given", "came", "share", "90 % interval")
    return Table("Calibration: possibilities of the resolved questions", header, tuple(rows), body,
                 notes if rows else ("no question is resolved",))  # fmt: skip


def _events(s: Scored) -> list[tuple[float, bool]]:
    options = s.asked.options if len(s.asked.options) > 2 else s.asked.options[-1:]
    return [(o.probability, o.id == s.outcome) for o in options]


def _log(s: Scored) -> str:
    if math.isinf(s.log):
        return f"inf (> {s.bound:.1f})"
    return f"{s.log:.3f} ± {s.log_mcse:.3f}"
