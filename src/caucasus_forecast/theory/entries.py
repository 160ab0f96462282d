"""Priors, series and observations of a graph file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from .. import evidence as rows
from .. import priors as prior_sets
from ..errors import EvidenceError, GraphError, PriorError, nearest
from ..evidence import Evidence, Observation, Series, Window
from ..graph import GraphFile
from ..graph.fields import known, tables, text, texts
from ..names import DEATHS, TENSION
from ..priors import Prior, parameters

SERIES_KEYS = ("name", "node", "mode", "unit", "coverage", "source", "note")
OBSERVATION_KEYS = ("start", "end", "series", "count", "source", "what")


def priors_of(file: GraphFile) -> dict[str, Prior | None]:
    """Parameter → the prior its entry gives, none where it gives none."""
    allowed = parameters(file.graph)
    found: dict[str, Prior | None] = {}
    for where, body in tables(file.fields, "node", file.where):
        for key, parameter in (("base_rate", "base"), ("noise", "noise")):
            found |= _prior(body, key, f"{body['name']}.{parameter}", allowed, where)
    for where, body in tables(file.fields, "edge", file.where):
        found |= _prior(body, "prior", f"{body['cause']}->{body['effect']}", allowed, where)
    return found


def _prior(
    body: Mapping[str, Any], key: str, parameter: str, allowed: Mapping[str, str], where: str
) -> dict[str, Prior | None]:
    if parameter not in allowed:
        if key in body:
            raise PriorError(f"{where}: {_needless(key, body)}; remove {key!r}")
        return {}
    if key not in body:
        return {parameter: None}
    try:
        prior = prior_sets.as_prior(body[key])
        prior_sets.check_support(parameter, prior, allowed[parameter])
    except PriorError as error:
        raise PriorError(f"{where}: {key!r} ({parameter}): {error}") from None
    return {parameter: prior}


def _needless(key: str, body: Mapping[str, Any]) -> str:
    if key == "prior":
        return f"{body['cause']}->{body['effect']} is a gate and has no slope"
    return f"{body['name']!r} is of kind {body['kind']} and has no {key.replace('_', ' ')}"


# --------------------------------------------------------------------------- evidence of a file


def evidence_of(file: GraphFile, base: Evidence | None) -> tuple[Evidence, list[str]]:
    """The base's evidence on the nodes that remain, with the file's; and the series left out.

    A series of the base says nothing of a node that the file declares anew under the same name.
    """
    there = Evidence({DEATHS: _deaths()}, ()) if base is None else base
    anew = {body["name"] for _, body in tables(file.fields, "node", file.where) if base is not None}
    kept = {name: s for name, s in there.series.items() if s.node in file.graph.node.keys() - anew}
    series, taken = dict(kept), set() if base is None else set(kept)
    for where, body in tables(file.fields, "series", file.where):
        own = _series(file, where, body)
        if own.name in taken:
            raise EvidenceError(f"{where}: series {own.name!r} is there already; rename yours")
        series[own.name] = own
        taken.add(own.name)
    found = [o for o in there.observations if o.series in kept]
    for where, body in tables(file.fields, "observation", file.where):
        row = _observation(body, series, where)
        found += rows.by_month(row) if series[row.series].mode == "counts" else [row]
    try:
        return Evidence(series, tuple(found)), sorted(there.series.keys() - kept.keys())
    except EvidenceError as error:
        raise EvidenceError(f"{file.where}: {error}") from None


def _deaths() -> Series:
    return Series(DEATHS, TENSION, "counts", "deaths", source="user")


def _series(file: GraphFile, where: str, body: Mapping[str, Any]) -> Series:
    known(body, SERIES_KEYS, where)
    name, node = text(body, "name", where), text(body, "node", where)
    place = f"{where} ({name})"
    if node not in file.graph.node:
        raise GraphError(f"{place}: unknown node {node!r}; {nearest(node, file.graph.node)}")
    if name == DEATHS and node != TENSION:
        raise GraphError(f"{place}: informs {node!r}; {DEATHS!r} are what {TENSION!r} is read from")
    said = {key: text(body, key, place, "") for key in ("unit", "source", "note")}
    coverage = tuple(_window(w, place) for w in texts(body, "coverage", place))
    try:
        return Series(name, node, text(body, "mode", place, "counts"), coverage=coverage, **said)
    except EvidenceError as error:
        raise EvidenceError(f"{where}: {error}") from None


def _window(written: str, where: str) -> Window:
    start, _, end = written.partition("/")
    try:
        return Window(date.fromisoformat(start.strip()), date.fromisoformat(end.strip()))
    except EvidenceError as error:
        raise EvidenceError(f"{where}: {error}") from None
    except ValueError:
        raise EvidenceError(
            f"{where}: coverage {written!r}; write two days, as '2024-01-01/2024-12-31'"
        ) from None


def _observation(body: Mapping[str, Any], series: Mapping[str, Series], where: str) -> Observation:
    known(body, OBSERVATION_KEYS, where)
    name = text(body, "series", where)
    if name not in series:
        raise EvidenceError(f"{where}: unknown series {name!r}; {nearest(name, series)}")
    count = body.get("count")
    if isinstance(count, bool) or not isinstance(count, int | float) or not math.isfinite(count):
        raise EvidenceError(f"{where} ({name}): 'count' is {count!r}; write a number")
    try:
        window = Window(_day(body, "start", where), _day(body, "end", where))
    except EvidenceError as error:
        told = str(error)
        raise EvidenceError(told if told.startswith(where) else f"{where}: {told}") from None
    source, what = (text(body, key, where, "") for key in ("source", "what"))
    return Observation(window, name, float(count), source, where, what)


def _day(body: Mapping[str, Any], key: str, where: str) -> date:
    value = body.get(key)
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise EvidenceError(f"{where}: {key!r} is {value!r}; write a day, as 2024-02-22")
