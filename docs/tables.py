"""The generated parts of the documentation: one Markdown fragment for each table of the package.

Run by `conf.py` at every build, so that no page can drift from the tables it describes.
"""

import csv
import io
import math
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path

from caucasus_forecast import graph as graphs
from caucasus_forecast import priors
from caucasus_forecast.priors import Prior, PriorSet

ARTICLE = "alyarli-2021"
SILENT = "no view reported"
SHARED = ("definition", "modelling choice", "as in alyarli-2021")


def write(folder: Path) -> None:
    """Write every fragment; leave a file that would not change alone."""
    folder.mkdir(exist_ok=True)
    for name, make in FRAGMENTS.items():
        path, text = folder / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Lay rows out as a Markdown table."""
    header = list(header)
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines) + "\n"


def cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ").replace("$", "\\$")


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def rows_of(name: str) -> list[dict[str, str]]:
    text = files("caucasus_forecast").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


# ------------------------------------------------------------------------------------- the graph


def nodes() -> str:
    graph = graphs.load()
    parts = []
    for kind in graphs.KINDS:
        found = [n for n in graph.nodes if n.kind == kind]
        body = ((code(n.name), n.tier, n.unit, n.meaning) for n in found)
        header = ("node", "tier", "unit", "meaning")
        parts.append(f"### {kind} ({len(found)})\n\n{table(header, body)}")
    return "\n".join(parts)


def edges() -> str:
    graph = graphs.load()
    parts = []
    for tier in ("core", "secondary"):
        found = [e for e in graph.edges if e.tier == tier]
        body = (
            (
                code(e.name),
                {"-": "−"}.get(e.sign, e.sign),
                e.lag,
                e.role + (f", while `{e.moderator}` holds" if e.moderator else ""),
                ", ".join(code(c) for c in e.claims) or "none",
                e.reason,
            )
            for e in found
        )
        header = ("link", "sign", "lag", "role", "claims", "reason")
        parts.append(f"### {tier.capitalize()} links ({len(found)})\n\n{table(header, body)}")
    return "\n".join(parts)


def counts() -> str:
    graph, claims = graphs.load(), graphs.claims()
    kinds, status = Counter(n.kind for n in graph.nodes), Counter(c.status for c in claims)
    lagged = sum(e.lag for e in graph.edges)
    return (
        f"The graph has {len(graph.nodes)} nodes ({_listed(kinds)}) and {len(graph.edges)} links, "
        f"{lagged} of which act a month later. {len(graph.slopes)} links carry a slope. "
        f"Of the {len(claims)} claims, {status['modelled']} are modelled, {status['folded']} are "
        f"folded into a link, and {status['not_modelled']} are not modelled.\n"
    )


def _listed(counted: Counter[str]) -> str:
    return ", ".join(f"{n} {name}" for name, n in counted.items())


def claims() -> str:
    parts = []
    for status, title in (("folded", "Folded"), ("not_modelled", "Not modelled")):
        found = [c for c in graphs.claims() if c.status == status]
        body = ((code(c.id), c.holder, ", ".join(map(code, c.edges)), c.note) for c in found)
        header = ("claim", "holder", "link", "what it says, and why it is treated so")
        parts.append(f"### {title} ({len(found)})\n\n{table(header, body)}")
    return "\n".join(parts)


# ------------------------------------------------------------------------------------ the priors


def prior_sets() -> str:
    article = priors.load(ARTICLE)
    slopes = graphs.load().slopes
    body = []
    for name in priors.list():
        chosen = priors.load(name)
        views = sum(_own(chosen, key) for key in slopes)
        changed = sum(chosen[key] != article[key] for key in slopes)
        body.append((code(name), chosen.title, views or "", changed or ""))
    header = ("set", "whose view", "links it speaks about", "slopes unlike the article's")
    return table(header, body)


def views() -> str:
    slopes = graphs.load().slopes
    parts = []
    for name in priors.list():
        chosen = priors.load(name)
        own = [key for key in slopes if _own(chosen, key)]
        if name == ARTICLE or not own:
            continue
        body = ((code(key), _spread(chosen[key]), chosen[key].why) for key in own)
        parts.append(f"### {name}\n\n{table(('link', 'slope', 'why'), body)}")
    return "\n".join(parts)


def _own(chosen: PriorSet, key: str) -> bool:
    """Whether a set's entry is a view of its own, and not a rule that fills the set."""
    why = chosen[key].why
    return chosen.name not in ("agnostic", "sceptical") and not why.startswith((SILENT, *SHARED))


def _spread(prior: Prior) -> str:
    mean, sd = prior.kwargs["mu"], prior.kwargs["sigma"]
    return f"{mean:.2f} ± {sd:.2f}".replace("-", "−")


def base_rates() -> str:
    chosen, graph = priors.load(ARTICLE), graphs.load()
    unit = {"count": "a month", "event": "a month (hazard)", "share": "(share)"}
    body = []
    for n in graph.nodes:
        if n.kind in unit:
            prior = chosen[f"{n.name}.base"]
            middle, spread = prior.kwargs["mu"], 1.645 * prior.kwargs["sigma"]
            back = _share if n.kind == "share" else math.exp
            low, mid, high = (f"{back(middle + d):.2g}" for d in (-spread, 0.0, spread))
            rate = f"{mid} {unit[n.kind]}"
            body.append((code(n.name), n.kind, rate, f"{low} to {high}", prior.why))
    return table(("node", "kind", "median", "90 %", "reference class and reason"), body)


def _share(odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-odds))


def process_priors() -> str:
    chosen = priors.load(ARTICLE)
    keys = [*priors.SHARED_PARAMETERS, *(k for k in chosen if k.endswith(".noise"))]
    body = ((code(k), repr(chosen[k]), chosen[k].why) for k in keys)
    return table(("parameter", "prior", "why"), body)


def distributions() -> str:
    body = (
        (code(name), ", ".join(f"`{k}` ({v})" for k, v in arguments.items()), support)
        for name, (arguments, support) in priors.DISTRIBUTIONS.items()
    )
    return table(("`dist`", "`kwargs`", "draws"), body)


# ---------------------------------------------------------------------------------- the evidence


def series() -> str:
    body = (
        (
            code(r["series"]),
            code(r["node"]),
            r["mode"],
            r["unit"],
            r["coverage"].replace(";", "; ").replace("/", " to ") or "its rows",
            r["source"],
            r["note"],
        )
        for r in rows_of("series.csv")
    )
    return table(("series", "node", "mode", "unit", "coverage", "source", "note"), body)


def suspect() -> str:
    found = [r for r in rows_of("observations.csv") if r["suspect"]]
    body = (
        (code(r["id"]), r["start"] or "undated", code(r["series"]), r["suspect"]) for r in found
    )
    return table(("row", "from", "series it would feed", "doubt"), body)


def evidence_counts() -> str:
    found = rows_of("observations.csv")
    used = sum(r["use"] == "yes" for r in found)
    doubt = sum(bool(r["suspect"]) for r in found)
    number = len(rows_of("series.csv"))
    return (
        f"The package carries {len(found)} rows and {number} series. {used} rows enter the "
        f"likelihood when nothing is cut off by date. {doubt} rows are marked as suspect and never "
        "enter.\n"
    )


# --------------------------------------------------------------------------------- the scenarios


def _scenario_file() -> dict[str, list[dict[str, str]]]:
    file = files("caucasus_forecast").joinpath("data", "scenarios", f"{ARTICLE}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def states() -> str:
    keys = ("id", "name", "rule", "source", "void")
    body = ([s[key] for key in keys] for s in _scenario_file()["scenario"])
    return table(("", "scenario", "rule", "source", "void if"), body)


def questions() -> str:
    body = (
        (q["id"], q["title"], "; ".join(a["label"] for a in q["answers"]), q["rule"], q["source"])
        for q in _scenario_file()["question"]
    )
    return table(("", "question", "answers", "rule", "source"), body)


FRAGMENTS: dict[str, Callable[[], str]] = {
    "nodes.md": nodes,
    "edges.md": edges,
    "graph-counts.md": counts,
    "claims.md": claims,
    "graph.svg": lambda: graphs.to_svg(graphs.load()),
    "prior-sets.md": prior_sets,
    "views.md": views,
    "base-rates.md": base_rates,
    "process-priors.md": process_priors,
    "distributions.md": distributions,
    "series.md": series,
    "suspect.md": suspect,
    "evidence-counts.md": evidence_counts,
    "states.md": states,
    "questions.md": questions,
}
