"""What a forecast knew, what is new, and both together.

A forecast holds its panel, not the rows behind it. Series whose cells are those of the theory's own
evidence are the theory's; any other series was given by the user, and its cells are its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import xarray as xr

from .. import panel as panels
from ..errors import EvidenceError, nearest
from ..evidence import Evidence, Observation, Series, Window
from ..study import Study


def known(study: Study) -> Evidence:
    """The evidence a forecast was made from.

    Raises
    ------
    EvidenceError
        If it cannot be told from the panel: statuses or coverage that are not the theory's.
    """
    evidence = study.theory.evidence.as_of(study.as_of)
    held, theirs = cells(study.panel), _by_series(panels.cells(evidence))
    for name in {*held, *theirs}:
        if held.get(name) == theirs.get(name):
            continue
        if name not in held:
            evidence = _dropped(evidence, name)
        else:
            evidence = evidence.with_series(_own(study, name), held[name])
    if evidence.digest != study.panel.attrs["digest"]:
        raise EvidenceError(
            "this forecast was made from evidence that its panel does not tell whole (states or "
            "coverage of the user's own); give all the evidence anew: update(evidence=...)"
        )
    return evidence


def own_counts(study: Study) -> tuple[Observation, ...]:
    """The counts of a forecast that are the user's, not the theory's."""
    evidence = known(study)
    mine = {name for name, s in evidence.series.items() if s.source == "user"}
    return tuple(o for o in evidence.observations if o.series in mine)


def own_series(study: Study) -> tuple[str, ...]:
    """Series that the user counted; all of the theory's, where that cannot be told."""
    try:
        return tuple(dict.fromkeys(o.series for o in own_counts(study)))
    except EvidenceError:
        return tuple(study.theory.evidence.series)


def cells(panel: xr.Dataset) -> dict[str, list[Observation]]:
    """The observations of a panel by series, in order of their intervals."""
    found: dict[str, list[Observation]] = {}
    days = (panel[k].to_numpy().astype("datetime64[D]").tolist() for k in ("start", "end"))
    names = panel["series"].to_numpy().astype(str).tolist()
    for series, start, end, count in zip(names, *days, panel["count"].to_numpy(), strict=True):
        row = Observation(Window(start, end), series, float(count))
        found.setdefault(series, []).append(row)
    return found


def _by_series(found: Sequence[tuple[Series, Observation]]) -> dict[str, list[Observation]]:
    grouped: dict[str, list[Observation]] = {}
    for series, o in found:
        grouped.setdefault(series.name, []).append(Observation(o.window, o.series, o.count))
    return grouped


def _own(study: Study, name: str) -> Series:
    panel = study.panel
    node = str(panel["node"].to_numpy()[panel["series"].to_numpy() == name][0])
    theirs = study.theory.evidence.series.get(name)
    mode = "share" if theirs is not None and theirs.mode == "share" else "counts"
    return Series(name, node, mode, source="user")


def _dropped(evidence: Evidence, name: str) -> Evidence:
    series = {k: s for k, s in evidence.series.items() if k != name}
    return Evidence(series, tuple(o for o in evidence.observations if o.series != name))


def joined(study: Study, new: Sequence[Observation], as_of: date) -> Evidence:
    """What was known, what the theory's own evidence adds by a day, and new rows.

    A new row with the interval of a row that is known takes its place; rows that say what is known
    already are left out.

    Parameters
    ----------
    study
        The forecast's.
    new
        Rows of counts.
    as_of
        Last day that may now be known.

    Raises
    ------
    EvidenceError
        If nothing in `new` is new, a series is unknown or is not one of counts, or a row overlaps
        a known one without being the same interval.
    """
    before = known(study)
    now = _carried_on(study, before, as_of)
    fresh = 0
    for name in dict.fromkeys(o.series for o in new):
        _refuse_strange(now, name)
        rows, changed = _merged([o for o in new if o.series == name], before, now, name)
        fresh += changed
        series = replace(now.series[name], mode="counts", coverage=(), source="user")
        now = now.with_series(series, rows)
    if new and not fresh:
        raise EvidenceError(
            f"{_listed(new)}: already in this forecast, with the same count; give months that are "
            "new, or counts that were revised"
        )
    return now.as_of(as_of)


def _carried_on(study: Study, before: Evidence, as_of: date) -> Evidence:
    """The theory's evidence as of a later day, the user's own series as they were."""
    theirs = study.theory.evidence
    now = theirs.as_of(as_of)
    earlier = theirs.as_of(study.as_of)
    for name in {*before.series, *earlier.series}:
        mine = before.series.get(name)
        if mine is None:
            now = _dropped(now, name)
        elif mine != earlier.series.get(name) or _rows(before, name) != _rows(earlier, name):
            now = now.with_series(mine, _rows(before, name))
    return now


def _rows(evidence: Evidence, name: str) -> list[Observation]:
    return [o for o in evidence.observations if o.series == name]


def _refuse_strange(evidence: Evidence, name: str) -> None:
    takes = [n for n, s in evidence.series.items() if s.mode in ("counts", "events")]
    if name not in takes:
        raise EvidenceError(f"unknown series {name!r} in the new counts; {nearest(name, takes)}")


def _merged(
    new: Sequence[Observation], before: Evidence, now: Evidence, name: str
) -> tuple[list[Observation], int]:
    """Rows of one series, and how many of the new ones change anything."""
    first = {o.window for o in _cells_of(before, name)}
    held = {o.window: o for o in _cells_of(now, name)}
    changed = 0
    for row in new:
        there = held.get(row.window)
        if there is not None and there.count == row.count and row.window in first:
            continue
        held = {
            w: o for w, o in held.items()
            if w == row.window or w in first or not w.overlap(row.window)
        }  # fmt: skip
        clash = next((w for w in held if w != row.window and w.overlap(row.window)), None)
        if clash is not None:
            raise EvidenceError(
                f"series {name!r}: {row.id or row.window} overlaps {clash}, which the forecast "
                "knows; give the same interval to revise it, or only what comes after it"
            )
        held[row.window] = row
        changed += 1
    return sorted(held.values(), key=lambda o: o.window), changed


def _cells_of(evidence: Evidence, name: str) -> list[Observation]:
    return [o for s, o in panels.cells(evidence) if s.name == name]


def _listed(rows: Sequence[Observation]) -> str:
    shown = "; ".join(f"{o.series} {o.window}" for o in rows[:3])
    return shown + (f" and {len(rows) - 3} more" if len(rows) > 3 else "")
