"""What a forecast knew, what is new, and both together.

A forecast holds its panel, not the rows behind it. Series whose cells are those of the theory's own
evidence are the theory's; any other series was given by the user, and its cells are its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import xarray as xr

from .. import names
from .. import panel as panels
from ..errors import EvidenceError, nearest
from ..evidence import ONE_DAY, Evidence, Observation, Series, Window, filled, gaps, spans
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
    series_of = panel["series"].to_numpy().astype(str).tolist()
    for series, start, end, count in zip(series_of, *days, panel["count"].to_numpy(), strict=True):
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


def joined(
    study: Study, new: Sequence[Observation], as_of: date, holes: str | None = None
) -> tuple[Evidence, list[str]]:
    """What was known, what the theory's own evidence adds by a day, and new rows.

    A new row with the interval of a row that is known takes its place; rows that say what is known
    already are left out. Within the span of the new rows of a series only they count; what the
    theory's own evidence adds besides is said.

    Parameters
    ----------
    study
        The forecast's.
    new
        Rows of counts.
    as_of
        Last day that may now be known.
    holes
        What an interval is that no row tells of, between what was known and the new rows:
        ``missing`` or ``zero``.

    Returns
    -------
    The evidence, and what was understood or left out.

    Raises
    ------
    EvidenceError
        If nothing in `new` is new or ends by that day, a series is unknown or is not one of counts,
        a row overlaps a known one without being the same interval, or an interval is left of which
        nothing is said.
    """
    before = known(study)
    now = _carried_on(study, before, as_of)
    used, said = _by_then(new, as_of)
    fresh = 0
    for name in dict.fromkeys(o.series for o in used):
        _refuse_strange(study, now, name)
        rows, changed, told = _merged([o for o in used if o.series == name], before, now, name)
        fresh += changed
        rows, more = _filled(rows, before, now, name, holes)
        said += [*told, *more]
        now = now.with_counts(rows)
    if new and not fresh:
        raise EvidenceError(
            f"{_listed(new)}: already in this forecast, with the same count; give months that are "
            "new, or counts that were revised"
        )
    return now.as_of(as_of), said


def _by_then(new: Sequence[Observation], as_of: date) -> tuple[list[Observation], list[str]]:
    """The rows that end by a day, and a word on the others."""
    used = [o for o in new if o.window.end <= as_of]
    late = [o for o in new if o.window.end > as_of]
    if late and not used:
        raise EvidenceError(f"{_listed(late)}: no new count ends by {as_of}; give a later as_of")
    return used, [f"{_listed(late)}: after {as_of}, left out"] * bool(late)


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


def _refuse_strange(study: Study, evidence: Evidence, name: str) -> None:
    takes = [n for n, s in evidence.series.items() if s.mode in ("counts", "events")]
    if name in takes:
        return
    if name in evidence.series or name in study.graph.node:
        raise EvidenceError(
            f"{name!r} is not counted, so a table of counts cannot tell of it; give all the "
            "evidence: forecast.update(evidence=...)"
        )
    raise EvidenceError(f"unknown series {name!r} in the new counts; {nearest(name, takes)}")


def _merged(
    new: Sequence[Observation], before: Evidence, now: Evidence, name: str
) -> tuple[list[Observation], int, list[str]]:
    """Rows of one series, how many of the new ones change anything, and what was added besides."""
    first = {o.window for o in _cells_of(before, name)}
    span = Window(min(o.window.start for o in new), max(o.window.end for o in new))
    held = {
        o.window: o for o in _cells_of(now, name) if o.window in first or not o.window.overlap(span)
    }
    added = [w for w in held if w not in first and w.end < span.start]
    changed = 0
    for row in new:
        there = held.get(row.window)
        if there is not None and there.count == row.count and row.window in first:
            continue
        clash = next((w for w in held if w != row.window and w.overlap(row.window)), None)
        if clash is not None:
            raise EvidenceError(
                f"series {name!r}: {row.id or row.window} overlaps {clash}, which the forecast "
                "knows; give the same interval to revise it, or only what comes after it"
            )
        held[row.window] = row
        changed += 1
    told = [f"{name}: {spans(added)} from the embedded evidence"] * bool(added)
    return sorted(held.values(), key=lambda o: o.window), changed, told


def _filled(
    rows: list[Observation], before: Evidence, now: Evidence, name: str, holes: str | None
) -> tuple[list[Observation], list[str]]:
    """The rows without a hole that was not there before, or with it as it is said to be.

    Only counts of tension, and series that are the user's, are expected to go on without one; in
    others it is left unknown.
    """
    mine = name in before.series and before.series[name].source == "user"
    choice = holes if mine or now.series[name].node == names.TENSION else "missing"
    held = _cells_of(before, name)
    fresh = {o.window for o in rows} - {o.window for o in held}
    edges = {w.start for w in fresh} | {w.end for w in fresh}
    inside = Window(min(edges), max(edges)) if edges else None
    new = [
        w for w in gaps(rows)
        if w not in gaps(held) and inside is not None
        and (w.end + ONE_DAY == inside.start or w.start - ONE_DAY == inside.end)
    ]  # fmt: skip
    if not new:
        return rows, []
    if choice in ("missing", "zero"):
        rows, said = filled(name, rows, new, choice)
        return rows, [said]
    raise EvidenceError(
        f"series {name!r}: no row for {spans(new)}, between what the forecast knows and the new "
        "counts; give them, or choose gaps='missing' if they are unknown, gaps='zero' if nothing "
        "happened"
    )


def _cells_of(evidence: Evidence, name: str) -> list[Observation]:
    return [o for s, o in panels.cells(evidence) if s.name == name]


def _listed(rows: Sequence[Observation]) -> str:
    shown = "; ".join(f"{o.series} {o.window}" for o in rows[:3])
    return shown + (f" and {len(rows) - 3} more" if len(rows) > 3 else "")
