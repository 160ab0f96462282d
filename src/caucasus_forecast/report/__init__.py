"""One plain HTML page that holds a forecast: tables, pictures, provenance, limits.

The page is a single file. It loads nothing, runs nothing, and opens from disk; every word that
comes from data is escaped.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import xarray as xr
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from .. import case as cases
from .. import graph as graphs
from .. import names, plots
from .. import scenarios as scenario_sets
from .. import theory as theories
from ..errors import StorageError
from ..forecasting import Forecast
from ..links import CORE_LINKS, PRIOR_LED, link_summary
from ..scenarios import interval, percent
from ..sensitivity import power

ENOUGH = 400  # draws, for power-scaling
GRAPH_SHOWN = (
    "statement_gap", "peacekeeper_inefficacy", "demarcation_failure", "tension", "stagnation",
    "mission_extension", "peacekeepers", "working_group_halt", "transport_delay", "corridor",
    "bargaining", "pressure", "accession", "treaty", "net_benefit",
)  # fmt: skip

ALT = {
    "scenarios": "Bars: the probability of each scenario with its 90 % interval and what the "
    "priors alone say. Lines: the probabilities for each month up to the horizon. The table above "
    "holds the numbers.",
    "history": "Tension, battle deaths and reported exchanges of fire: what was seen up to the "
    "starting date, and bands of simulated futures after it.",
    "links": "The 90 % interval of each link before and after the evidence. The table below holds "
    "the numbers.",
}


def page(forecast: Forecast, svg: Mapping[str, bytes] | None = None) -> str:
    """Make the page.

    Parameters
    ----------
    forecast
        What to show.
    svg
        The pictures by name, as SVG. Left out: they are drawn here. A picture that is missing is
        said to be missing.
    """
    if svg is None:
        drawn, _ = plots.files(forecast)
        svg = {name: drawn[f"{name}.svg"] for name in plots.PICTURES if f"{name}.svg" in drawn}
    environment = Environment(
        loader=PackageLoader("caucasus_forecast", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(_contents(forecast, svg))


def _contents(forecast: Forecast, svg: Mapping[str, bytes]) -> dict[str, Any]:
    tree = forecast.tree
    attrs = {str(k): v for k, v in tree.attrs.items()}
    gate = tree[names.DIAGNOSTICS].attrs
    case = json.loads(attrs["case"])
    return {
        "title": attrs["title"],
        "headline": headline(forecast),
        "passed": forecast.passed,
        "verdict": _sentence(str(gate["verdict"])),
        "remedy": _sentence(str(gate["remedy"])),
        "gate": (
            f"largest R-hat {gate['max_rhat']:.3f} (at most 1.01), smallest effective sample size "
            f"{min(gate['min_ess_bulk'], gate['min_ess_tail']):.0f} (at least 400), "
            f"{gate['divergences']} divergences"
        ),
        "remarks": [_sentence(r) for r in forecast.remarks if r != attrs.get("graph_note")],
        "repairs": json.loads(attrs.get("repairs", "[]")),
        "verdicts": _verdicts(forecast),
        "as_of": long_day(attrs["as_of"]),
        "end": long_month(tree[names.SCENARIOS][names.MONTH].to_numpy()[-1]),
        "horizon": int(attrs["horizon"]),
        "scenarios": _scenarios(forecast, case),
        "questions": _questions(forecast),
        "links": _links(forecast),
        "pictures": {name: _data_uri(svg.get(name)) for name in plots.PICTURES},
        "alt": ALT,
        "whole": theories.saved(tree).whole,
        "graph_note": _sentence(attrs.get("graph_note", "")),
        "graph": _graph(tree) if _slopes(forecast) else "",
        "evidence": _evidence(forecast, case),
        "units": _units(forecast),
        "provenance": _provenance(attrs),
        "citation": attrs["citation"],
    }


# --------------------------------------------------------------------------- words


def headline(forecast: Forecast) -> str:
    """Say in one sentence what the forecast says: the likeliest scenario, and the two after it."""
    data = forecast.tree[names.SCENARIOS].to_dataset()
    order = np.argsort(-data["probability"].to_numpy(), kind="stable")
    shown = [data.isel({names.SCENARIO: int(i)}) for i in order[:3]]
    first, *rest = (
        (str(s["title"].item()), percent(float(s["probability"]), float(s["mcse"]))) for s in shown
    )
    width = interval(float(shown[0]["lower"]), float(shown[0]["upper"]))
    others = " and ".join(f"“{name}” ({p})" for name, p in rest)
    return (
        f"As of {long_day(forecast.tree.attrs['as_of'])}, the likeliest scenario for the period to "
        f"the end of {long_month(data[names.MONTH].to_numpy()[-1])} is “{first[0]}”: {first[1]}, "
        f"with a 90 % interval of {width}; then {others}."
    )


def long_day(day: Any) -> str:
    """Write a day as people do.

    Examples
    --------
    >>> long_day("2021-11-30")
    '30 November 2021'
    """
    value = date.fromisoformat(str(day)[:10])
    return f"{value.day} {value:%B %Y}"


def long_month(stamp: Any) -> str:
    """Write the month of a day.

    Examples
    --------
    >>> long_month("2021-11-30")
    'November 2021'
    """
    return f"{date.fromisoformat(str(stamp)[:10]):%B %Y}"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "." if words else ""


# --------------------------------------------------------------------------- tables


def _scenarios(forecast: Forecast, case: Mapping[str, Any]) -> list[dict[str, Any]]:
    rules = _rules(case)
    columns = ("id", "name", "probability", "interval", "prior")
    return [  # the last column is not there where something was done
        {"prior": "", "rule": rules.get(row[0], "")} | dict(zip(columns, row, strict=False))
        for row in forecast.scenarios.rows
    ]


def _rules(case: Mapping[str, Any]) -> dict[str, str]:
    """Say the rule of each scenario, where the set is one the package carries."""
    if case["scenarios"] not in scenario_sets.available():
        return {}
    return {s.id: s.rule for s in scenario_sets.load(case["scenarios"]).scenarios}


def _questions(forecast: Forecast) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for ident, title, *answer in forecast.questions.rows:
        if ident:
            found.append({"id": ident, "title": title, "answers": []})
        found[-1]["answers"].append(
            dict(zip(("label", "probability", "interval"), answer, strict=True))
        )
    return found


def _verdicts(forecast: Forecast) -> dict[str, list[str]]:
    """Parameters whose prior and evidence pull apart, and those that owe what is said to priors.

    None if there are too few draws, or it was made with another version of the graph.
    """
    if forecast.tree[names.SAMPLE_STATS]["diverging"].size < ENOUGH:
        return {}
    try:
        found = power.diagnoses(forecast.tree, forecast.study)
    except StorageError:
        return {}
    return {
        name: [key for key, said in found.items() if said == kind]
        for name, kind in (("conflict", power.CONFLICT), ("strong", power.STRONG))
    }


def _slopes(forecast: Forecast) -> int:
    posterior = forecast.tree[names.POSTERIOR]
    return int(posterior.sizes[names.EDGE]) if "slope" in posterior else 0


def _links(forecast: Forecast) -> dict[str, Any]:
    if not _slopes(forecast):
        return {"rows": [], "core": 0, "total": 0, "led": 0, "threshold": ""}
    columns = ("link", "mark", "prior", "posterior", "shift", "left")
    shown = [dict(zip(columns, row, strict=True)) for row in forecast.links.rows]
    led = link_summary(forecast.tree)["prior_led"].to_numpy() > PRIOR_LED
    edges = {str(e) for e in forecast.tree[names.POSTERIOR][names.EDGE].to_numpy()}
    return {
        "rows": shown,
        "core": sum(e in edges for e in CORE_LINKS),
        "total": len(shown),
        "led": int(led.sum()),
        "threshold": f"{100 * PRIOR_LED:.0f} %",
    }


def _evidence(forecast: Forecast, case: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Sum up each series the likelihood saw: rows, span, total, source."""
    seen = forecast.tree[names.OBSERVED_DATA].to_dataset()
    embedded = case["evidence"] == cases.EMBEDDED
    sources = theories.saved(forecast.tree).evidence.series if embedded else {}
    table = []
    for series in dict.fromkeys(str(s) for s in seen["series"].to_numpy()):
        mine = seen.isel({names.OBSERVATION: np.flatnonzero(seen["series"].to_numpy() == series)})
        total = float(mine["count"].sum())
        table.append(
            {
                "series": series,
                "node": str(mine["node"].to_numpy()[0]),
                "rows": mine.sizes[names.OBSERVATION],
                "start": str(mine["start"].min().to_numpy())[:10],
                "end": str(mine["end"].max().to_numpy())[:10],
                "total": f"{total:,.0f}" if total % 1 == 0 else "share",
                "source": sources[series].source if series in sources else "",
            }
        )
    return table + _states(forecast)


def _states(forecast: Forecast) -> list[dict[str, Any]]:
    """Sum up each yes/no state that was watched: months watched, and changes."""
    seen = forecast.tree[names.OBSERVED_DATA].to_dataset()
    table = []
    for state in seen[names.STATE].to_numpy():
        mine = seen.sel({names.STATE: state})
        months = seen[names.MONTH].to_numpy()[mine["at_risk"].to_numpy() > 0]
        changes = int(mine["changed"].sum())
        if len(months):
            table.append(
                {
                    "series": str(state),
                    "node": str(state),
                    "rows": f"{len(months)} months",
                    "start": str(months[0])[:7],
                    "end": str(months[-1])[:7],
                    "total": "changed" if changes else "no change",
                    "source": "",
                }
            )
    return table


def _units(forecast: Forecast) -> str:
    known = forecast.tree[names.CONSTANT_DATA].attrs
    if "deaths_at_one_sd" not in known:
        return ""
    return (
        f"Average tension goes with about {known['deaths_at_average_tension']:.0f} battle deaths a "
        f"month, one standard deviation more with about {known['deaths_at_one_sd']:.0f}."
    )


def _provenance(attrs: Mapping[str, Any]) -> list[tuple[str, str]]:
    sampler, versions = json.loads(attrs["sampler"]), json.loads(attrs["versions"])
    case = json.loads(attrs["case"])
    return [
        ("Case", case["name"]),
        ("Evidence", f"{case['evidence']}, up to {attrs['as_of']}"),
        ("Evidence digest", attrs["data_digest"]),
        ("Horizon", f"{attrs['horizon']} whole months"),
        ("Model", attrs["model"]),
        ("Reference class up to", attrs["reference_class"]),
        ("Graph", attrs.get("graph", graphs.ARTICLE)),
        ("Graph digest", attrs["graph_digest"]),
        ("Prior set", attrs["prior_set"]),
        ("Prior digest", attrs["prior_digest"]),
        ("Scenario set", attrs["scenario_set"]),
        ("Seed", str(attrs["seed"])),
        (
            "Sampler",
            f"{sampler['used']}: {sampler['chains']} chains of {sampler['draws']} draws after "
            f"{sampler['tune']} of tuning, {sampler['paths']} futures for each draw",
        ),
        ("Versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
    ]


# --------------------------------------------------------------------------- pictures


def _data_uri(svg: bytes | None) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}" if svg else ""


def _graph(tree: xr.DataTree) -> Markup | str:
    """Draw the core of the graph, with what a graph of one's own has besides the article's.

    Nothing is drawn if the forecast was made with another version of the graph.
    """
    theory, article = theories.saved(tree), graphs.load()
    graph = theory.graph
    if graph.digest != tree.attrs["graph_digest"]:
        return ""
    new = {n.name for n in graph.nodes if theory.whole or n.name not in article.node}
    shown = new | (set(GRAPH_SHOWN) & graph.node.keys())
    nodes = tuple(n for n in graph.nodes if n.name in shown)
    edges = tuple(e for e in graph.edges if {e.cause, e.effect} <= shown)
    core = graphs.CausalGraph(graph.name, nodes, tuple(replace(e, moderator="") for e in edges))
    return Markup(graphs.to_svg(core))  # noqa: S704 - to_svg escapes every word
