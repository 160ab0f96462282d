"""Possibilities as questions of their own: how often what was given some probability came.

A possibility counts where it is YES or NO, whatever the others of its question are: that no war
came is known also where nothing tells which peace it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy import stats

from .. import names, scoring
from ..scenarios import Table, interval
from ..scenarios.observed import NO, VOID, YES
from .tables import counted
from .values import Asked, Entry, Option

BINS = tuple(i / 10 for i in range(11))
"""Ends of the bins of probabilities."""
NOTHING = "nothing is resolved of a forecast whose checks passed and whose horizon has ended"
UNSEEN = (
    "a scenario that nothing tells of is VOID where it might have come and NO where another came, "
    "so it looks too often given"
)


class Event(NamedTuple):
    """A possibility that is decided by itself: it came, or it did not."""

    asked: Asked
    option: Option
    came: bool


def events(entry: Entry) -> Iterator[Event]:
    """Every possibility of a forecast that is YES or NO, whatever the others are."""
    for asked in entry.made.questions:
        states = entry.standing[asked.id].states
        for option in asked.options:
            if states[option.id] in (YES, NO):
                yield Event(asked, option, states[option.id] == YES)


def each(over: Sequence[Entry]) -> Table:
    """The Brier score of each scenario, (p − o)², between 0 and 1."""
    groups: dict[tuple[str, str, str], list[Event]] = {}
    for event in (x for e in over for x in events(e) if x.asked.kind == "scenarios"):
        key = (event.asked.title, event.option.id, event.option.title)
        groups.setdefault(key, []).append(event)
    rows, data = [], []
    for (_, ident, title), found in groups.items():
        p, mcse = (np.array([getattr(x.option, k) for x in found]) for k in ("probability", "mcse"))
        came = np.array([x.came for x in found], float)
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
    notes = ["Brier of each scenario alone: 0 (best) to 1"] if rows else [NOTHING]
    notes += [UNSEEN] * any(e.standing[q.id].state == VOID for e in over for q in e.made.questions
                            if q.kind == "scenarios")  # fmt: skip
    return Table("Each scenario, where it is YES or NO", header, tuple(rows), body,
                 (*notes, *_late(over)))  # fmt: skip


def calibration(over: Sequence[Entry]) -> Table:
    """How often what was given a probability of some bin came."""
    found = [x for e in over for x in events(e) if _counts(x)]
    p = np.array([x.option.probability for x in found])
    came = np.array([x.came for x in found], float)
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
        *_late(over),
    )
    header = ("given", "number", "mean given", "came", "share", "90 % interval")
    return Table("Calibration: possibilities that are YES or NO", header, tuple(rows), body,
                 notes if rows else (NOTHING,))  # fmt: skip


def _counts(event: Event) -> bool:
    options = event.asked.options
    return event.asked.kind != "branch" and (len(options) > 2 or event.option == options[-1])


def _late(over: Sequence[Entry]) -> tuple[str, ...]:
    late = sum(e.made.late > 0 for e in over)
    return (f"{late} of the {counted(len(over), 'forecast')} were added late",) if late else ()
