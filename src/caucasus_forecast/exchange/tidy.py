"""A forecast as one long table: a row for each number, with what it was made from beside it.

Comments in a CSV break readers, so vintage, digests, verdict, citation and licence are columns,
the same in every row of a forecast.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from ..text import csv_text
from .document import document

CARRIED: Final = (
    "kind", "done", "as_of", "reference_class", "model", "prior_set", "digest", "data_digest",
    "prior_digest", "graph_digest", "checks", "citation", "licence",
)  # fmt: skip
INTERVAL: Final = ("lower", "upper")


class Row(NamedTuple):
    """One number of a forecast.

    `group` is ``scenario``, ``question``, ``state`` or ``series``; `mcse` is None for the ends of
    intervals and for quantiles.
    """

    scenario_id: str
    group: str
    series: str
    outcome: str
    month: str
    statistic: str
    value: float | None
    mcse: float | None


HEADER: Final = (*Row._fields, *CARRIED)


def rows(found: Mapping[str, Any]) -> Iterator[Row]:
    """The numbers of a document (`caucasus_forecast.exchange.document`), one by one."""
    for one in found["forecasts"]:
        for group, series, outcome, month, statistic, value, mcse in _numbers(one):
            yield Row(one["scenario_id"], group, series, outcome, month, statistic, value, mcse)


def _numbers(one: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    for item in one["scenarios"]["items"]:
        for m in item["months"]:
            place = ("scenario", one["scenarios"]["set"], item["id"], m["month"])
            yield from _probability(place, m)
            first = m["first_passage"]
            yield (*place, "first_passage", first["probability"], first["mcse"])
    for question in one["questions"]:
        for answer in question["answers"]:
            place = ("question", question["id"], answer["label"], question["month"])
            yield from _probability(place, answer)
    for state in one["states"]:
        for m in state["months"]:
            yield from _probability(("state", state["name"], "yes", m["month"]), m)
    for series in one["series"]:
        for m in series["months"]:
            place = ("series", series["name"], "", m["month"])
            yield (*place, "mean", m["mean"], m["mcse"])
            yield from ((*place, f"q{q}", x, None) for q, x in m["quantiles"].items())
            for least in m.get("at_least", ()):
                label = f"at least {least['threshold']}"
                yield from _probability(("series", series["name"], label, m["month"]), least)


def _probability(place: tuple[str, ...], found: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    yield (*place, "probability", found["probability"], found["mcse"])
    yield from ((*place, end, found[end], None) for end in INTERVAL)


def table(forecasts: Any) -> str:
    """Forecasts as the text of one CSV.

    Parameters
    ----------
    forecasts
        A forecast, several, or scenario_id → forecast.

    Raises
    ------
    CaseError
        If an id is not safe, or used twice.
    """
    found = document(forecasts)
    beside = {one["scenario_id"]: _carried(one) for one in found["forecasts"]}
    return csv_text(HEADER, ((*row, *beside[row.scenario_id]) for row in rows(found)))


def _carried(one: Mapping[str, Any]) -> tuple[str, ...]:
    told = {
        "checks": "passed" if one["checks"]["passed"] else one["checks"]["verdict"],
        "licence": " | ".join(one["licences"]),
    }
    return tuple(told.get(key, one.get(key, "")) for key in CARRIED)
