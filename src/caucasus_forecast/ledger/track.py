"""The track record of a ledger, as tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from .. import names
from ..scenarios import Table, percent
from ..scenarios.observed import OPEN, VOID, YES, Ruling
from .calibration import calibration, each
from .scores import FEW, Mean, Scored, days_of, mean, overlapping, scored
from .tables import came, counted
from .values import Entry

KINDS = {"scenarios": "scenarios", "answers": "side questions", "branch": "branches"}


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
    """The track record of some entries; `where` names the ledger.

    Means, and what is counted by scenario or by bin, are of the forecasts whose checks passed and
    whose horizon has ended: before that, what comes is known, and what does not come is not.
    """
    found = [s for e in entries for q in e.made.questions if (s := scored(e, q)) is not None]
    passed = [e for e in entries if e.made.passed]
    over = [e for e in passed if e.ended]
    return Scores(
        _forecasts(entries, found, where), _overall(passed, found), each(over), calibration(over)
    )


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
        return (*head, _left(e, ruling), "", "", "", "", mark)
    prior = "" if math.isnan(s.prior_brier) else f"{s.prior_brier:.2f}, {s.prior_log:.1f}"
    given = next(o for o in s.asked.options if o.id == s.outcome)
    return (
        *head, percent(given.probability, given.mcse), f"{s.brier:.3f} ± {s.brier_mcse:.3f}",
        _log(s), f"{s.uniform_brier:.2f}, {s.uniform_log:.1f}", prior, mark,
    )  # fmt: skip


def _left(e: Entry, ruling: Ruling) -> str:
    """What was given to all that is not excluded; nothing where nothing is."""
    kept = [o for o in e.made.questions[0].options if o.id in ruling.possible]
    if len(kept) == len(ruling.states):
        return ""
    return percent(sum(o.probability for o in kept), sum(o.mcse for o in kept))


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
            "and count"
        )
    late = [f"{e.row} ({e.made.late} of {e.made.horizon})" for e in entries if e.made.late]
    if late:
        yield (
            f"added late, when so many months of the horizon had ended: row {', '.join(late)}; "
            "what came in them could be known: a test on the past, not a record of foresight"
        )
    infinite = [s for s in found if math.isinf(s.log)]
    for s in infinite:
        yield (
            f"row {s.entry.row}, {s.asked.id}: {s.outcome!r} came, and no simulated future had it; "
            f"the log score is infinite, and more than {s.bound:.1f} bits is all that the number "
            "of futures can show"
        )


def _overall(passed: Sequence[Entry], found: Sequence[Scored]) -> Table:
    groups = [(kind, late) for kind in KINDS for late in (False, True)]
    states: dict[str, list[str]] = {}
    mine: dict[str, list[Scored]] = {}
    for kind, late in groups:
        words = KINDS[kind] + ", added late" * late
        of = [e for e in passed if (e.made.late > 0) == late]
        asked = [e.standing[q.id].state for e in of for q in e.made.questions if q.kind == kind]
        if asked:
            states[words] = asked
            rows_of = {e.row for e in of if e.ended}
            mine[words] = [s for s in found if s.asked.kind == kind and s.entry.row in rows_of]
    data = [_means(states[words], mine[words]) for words in states]
    body = xr.Dataset(
        {k: ("question", [d[k] for d in data]) for k in (data[0] if data else ())},
        coords={"question": list(states)},
    )
    header = ("questions", "asked", "resolved", "open", "void", "scored", "Brier", "log, bits",
              "1/K each")  # fmt: skip
    rows = tuple((words, *_mean_cells(d)) for words, d in zip(states, data, strict=True))
    title = "Mean scores ± Monte Carlo error, at most (90 % interval)"
    return Table(title, header, rows, body, tuple(_overall_notes(mine, data)))


def _overall_notes(
    mine: Mapping[str, Sequence[Scored]], data: Sequence[Mapping[str, float]]
) -> Iterable[str]:
    if not mine:
        yield "no forecast whose checks passed"
    if any(d["resolved"] > d["scored"] for d in data):
        yield (
            "resolved, and not scored: the horizon has not ended; what comes is known before what "
            "does not come, so means would lean to what came"
        )
    few = [f"{words} ({days_of(found)})" for words, found in mine.items() if days_of(found) < FEW]
    if few:
        yield (
            f"too few to say how good the forecasts are, of fewer than {FEW} days: {', '.join(few)}"
        )
    if any(map(overlapping, mine.values())):
        yield OVERLAP


OVERLAP = (
    "horizons overlap, so forecasts are scored on the same months and are not independent; an "
    "interval is too narrow (forecasts of one day are drawn together, overlapping ones are not)"
)


def _means(states: Sequence[str], mine: Sequence[Scored]) -> dict[str, float]:
    found: dict[str, float] = {
        "asked": len(states), "resolved": states.count(YES), "open": states.count(OPEN),
        "void": states.count(VOID), "scored": len(mine),
    }  # fmt: skip
    for key in ("brier", "log"):
        value = mean(mine, key)
        found |= {key: value.value} | {f"{key}_{k}": getattr(value, k) for k in Mean._fields[1:]}
        uniform = [getattr(s, f"uniform_{key}") for s in mine]
        found[f"uniform_{key}"] = float(np.mean(uniform)) if mine else math.nan
    return found


def _mean_cells(d: dict[str, float]) -> tuple[str, ...]:
    numbers = (f"{d[k]:.0f}" for k in ("asked", "resolved", "open", "void", "scored"))
    if not d["scored"]:
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


def _log(s: Scored) -> str:
    if math.isinf(s.log):
        return f"inf (> {s.bound:.1f})"
    return f"{s.log:.3f} ± {s.log_mcse:.3f}"
