"""The age of each row of a panel, and what it says of the row's count.

``age[observation]``: whole months between a count's last day and the day it was published
(`caucasus_forecast.delays.age`), -1 where it is settled, or of another series. Only there where a
delay is switched on, which then is the attribute ``delays`` of the panel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import xarray as xr

from ..errors import CaseError, nearest
from ..evidence import Observation
from ..names import OBSERVATION, TENSION
from .values import ReportingDelay, age, from_json

Array = np.ndarray
AGE, DELAYS = "age", "delays"


def of(panel: xr.Dataset) -> ReportingDelay | None:
    """The delay that is switched on, if one is."""
    said = panel.attrs.get(DELAYS)
    return None if said is None else from_json(said, "the saved delay")


def published(panel: xr.Dataset, delay: ReportingDelay, day: date | None) -> xr.Dataset:
    """A panel all of whose counts were published, or fetched, on one day.

    Raises
    ------
    CaseError
        If the day is not known, the series is not one that tension reads, or a count ends later.
    """
    return aged(panel, delay, _on(panel, delay, day))


def _on(panel: xr.Dataset, delay: ReportingDelay, day: date | None) -> dict[str, int]:
    series, node = (panel[k].to_numpy().astype(str) for k in ("series", "node"))
    tense = sorted(set(series[node == TENSION].tolist()))
    if delay.series not in tense:
        raise CaseError(
            f"the delay is of {delay.series!r}, which tension does not read here; "
            f"{nearest(delay.series, tense)}"
        )
    if day is None:
        raise CaseError(
            "a delay is switched on, and nothing says when the counts were published or fetched; "
            "give published='2026-09-20' (--published, or published in the case)"
        )
    starts, ends = _days(panel, "start"), _days(panel, "end")
    rows = np.flatnonzero(series == delay.series)
    if late := [ends[i] for i in rows if ends[i] >= day]:
        raise CaseError(
            f"published is {day}, and {delay.series} has a count that ends on {max(late)}; give "
            "the day on which the counts were published, or an earlier as_of"
        )
    return {str(starts[i]): age(ends[i], day) for i in rows}


def aged(panel: xr.Dataset, delay: ReportingDelay, ages: Mapping[str, int]) -> xr.Dataset:
    """A panel whose rows of the delay's series, by their first day, have these ages."""
    series = panel["series"].to_numpy().astype(str)
    fresh = {start: a for start, a in ages.items() if a < delay.settled}
    values = [
        fresh.get(str(start), -1) if name == delay.series else -1
        for name, start in zip(series, _days(panel, "start"), strict=True)
    ]
    marked = panel.assign({AGE: (OBSERVATION, np.array(values, np.int64))})
    return marked.assign_attrs({DELAYS: delay.to_json()})


def carried(
    before: xr.Dataset, now: xr.Dataset, given: Sequence[Observation], day: date | None
) -> xr.Dataset:
    """A later panel with the delay of an earlier one, if one is switched on there.

    Counts that are given anew are as old as they were on the day; the others stay as they were.

    Raises
    ------
    CaseError
        If the day of counts that are given is not known, or before the end of one.
    """
    delay = of(before)
    if delay is None:
        return now
    if not (own := [o for o in given if o.series == delay.series]):
        return aged(now, delay, ages(before))
    starts = {str(o.window.start) for o in own}
    anew = {start: a for start, a in _on(now, delay, day).items() if start in starts}
    return aged(now, delay, ages(before) | anew)


def as_before(now: xr.Dataset, before: xr.Dataset, row: int) -> xr.Dataset:
    """A panel one of whose rows is as old as it was before it was revised."""
    if AGE not in now:
        return now
    start = str(_days(now, "start")[row])
    values = now[AGE].to_numpy().copy()
    values[row] = ages(before).get(start, -1)
    return now.assign({AGE: (OBSERVATION, values)})


def ages(panel: xr.Dataset) -> dict[str, int]:
    """The ages of rows that are not settled yet, by their first day."""
    if AGE not in panel:
        return {}
    found = zip(_days(panel, "start"), panel[AGE].to_numpy(), strict=True)
    return {str(start): int(a) for start, a in found if a >= 0}


def sentence(panel: xr.Dataset) -> str:
    """What a forecast should say of it; nothing where no delay is switched on."""
    delay = of(panel)
    if delay is None:
        return ""
    fresh = sorted(ages(panel))
    shown = f"from {fresh[0]} on ({len(fresh)} counts)" if fresh else "none here"
    return (
        f"reporting delay of {delay.series}: fresh counts are read as told in part, {shown}; "
        f"{delay.why}"
    )


def _days(panel: xr.Dataset, name: str) -> list[date]:
    days: list[date] = panel[name].to_numpy().astype("datetime64[D]").tolist()
    return days
