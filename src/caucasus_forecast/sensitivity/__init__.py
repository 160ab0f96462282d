"""What an answer hangs on: the prior or the evidence, which link, and how much it would take.

- `power`: every parameter and every scenario when the prior, one link's prior, or the likelihood is
  raised to a power;
- `tornado`: a scenario when one link's prior is one sd (half of its middle 68 %) lower, and higher;
- `breakeven`: how far one link's prior would have to move for another scenario to lead.

The first costs weights only. The other two move the draws of one link at a time
(`caucasus_forecast.transport`) and simulate again, with the same random numbers, so they look at a
part of the draws and at the links that could matter most: those asked for, or the core ones and the
ones that a reweighting of all draws picks out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from .. import names
from ..errors import GraphError, ScenarioError, as_list, nearest
from ..scenarios import Table, percent, points
from ..study import Study
from ..tension import Ladder
from . import breakeven, power
from . import tornado as tornadoes
from .power import CONFLICT, SENSITIVE, STRONG
from .shifts import Worlds, reached, screened

Array = np.ndarray
PICKED = 6  # links that the reweighting picks out
SD = "sd is half of the middle 68 % of a prior"
SHOWN = 10  # parameters with a strong prior that are shown

__all__ = ["Sensitivity", "sensitivity"]


@dataclass(frozen=True)
class Sensitivity:
    """What an answer hangs on, as four tables.

    Attributes
    ----------
    scenarios
        Every scenario: what it owes to the prior and to the evidence.
    parameters
        Parameters that are sensitive to the priors; all of them in ``.data``.
    tornado
        One scenario: links by how far they move it.
    break_even
        Links by how little it takes for another scenario to lead.
    """

    scenarios: Table
    parameters: Table
    tornado: Table
    break_even: Table

    @property
    def tables(self) -> tuple[Table, ...]:
        """The four of them."""
        return self.scenarios, self.parameters, self.tornado, self.break_even

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self.tables))

    def _repr_html_(self) -> str:
        return "<section>" + "".join(t._repr_html_() for t in self.tables) + "</section>"


def sensitivity(
    tree: xr.DataTree,
    study: Study,
    *,
    scenario: str | None = None,
    links: Sequence[str] | None = None,
    core: Sequence[str] = (),
    notes: tuple[str, ...] = (),
) -> Sensitivity:
    """What the scenarios of a forecast hang on.

    Parameters
    ----------
    tree, study
        The forecast, and its case laid out.
    scenario
        Id of the scenario of the tornado (default: the likeliest).
    links
        Links of the tornado and of the break-even, each once (default: those of `core` that can
        matter, and the `PICKED` that move the scenario most when all draws are reweighted).
    core
        Links that are looked at unless `links` are given.
    notes
        Of the forecast, shown under every table.

    Raises
    ------
    ScenarioError, GraphError
        For an unknown scenario or link, or no link at all.
    """
    wanted, asked = chosen_of(study, scenario, links)
    at = _likeliest(tree) if wanted is None else wanted
    edges = study.graph.slopes
    data = power.of_forecast(tree, study)
    first = _scenarios(data, tree, notes), _parameters(data, notes)
    if not isinstance(study.process, Ladder) or not edges:
        why = f"the model {study.case.model!r} has no draws that a link's prior could move"
        none = Table("Link by link", ("link",), (), xr.Dataset(), (why, *notes))
        return Sensitivity(*first, none, none)
    alive, rough = reached(study), screened(tree, study, at, power.scenario_shares(tree))
    chosen = [e for e in core if e in alive] if asked is None else asked
    if asked is None:
        rest = sorted(alive - set(chosen), key=lambda e: (-abs(rough[e]), e))
        chosen += rest[:PICKED]
    worlds = Worlds.of(tree, study)
    left = [abs(rough[e]) for e in alive - set(chosen)]
    said = _said(worlds, len(edges) - len(alive), left)
    return Sensitivity(
        *first,
        tornadoes.table(tornadoes.tornado(worlds, chosen, at), (*said, *notes)),
        breakeven.table(breakeven.break_even(worlds, chosen), (_how(), *notes)),
    )


def chosen_of(
    study: Study, scenario: str | None, links: Sequence[str] | None
) -> tuple[int | None, list[str] | None]:
    """Index of the scenario asked for, and the links, each once; none where none were asked for.

    Raises
    ------
    ScenarioError, GraphError
        For an unknown scenario or link, or no link at all.
    """
    ids = [s.id for s in study.partition.scenarios]
    if scenario is not None and scenario not in ids:
        raise ScenarioError(f"no scenario {scenario!r}; {nearest(scenario, ids)}")
    at = None if scenario is None else ids.index(scenario)
    if links is None:
        return at, None
    links = as_list(links, "links", GraphError)
    if not links:
        raise GraphError("links is empty; name at least one, or leave it out for the core ones")
    edges = study.graph.slopes
    if unknown := [e for e in links if e not in edges]:
        raise GraphError(f"no link {unknown[0]!r}; {nearest(unknown[0], edges)}")
    return at, list(dict.fromkeys(links))


def _likeliest(tree: xr.DataTree) -> int:
    return int(np.argmax(tree[names.SCENARIOS]["probability"].to_numpy()))


def _said(worlds: Worlds, dead: int, left: list[float]) -> tuple[str, ...]:
    count = worlds.study.case.chains * worlds.study.case.draws
    lines = [
        f"each row moves the prior of one link and keeps its spread; {count} draws, and the same "
        f"random numbers in every row; {SD}; ± after a swing is its Monte Carlo error"
    ]
    if left:
        lines.append(
            f"{len(left)} more links: at most {100 * max(left):.0f} points, a rough figure by "
            "reweighting"
        )
    if dead:
        lines.append(
            f"{dead} more links: exactly none, because by the graph they lead to nothing that is "
            "observed, or measured by a scenario or question"
        )
    return tuple(lines)


def _how() -> str:
    grid = ", ".join(f"{x:g}" for x in breakeven.GRID)
    return (
        f"the prior is moved by {grid} sd, then the interval in which the lead changes is halved "
        f"{breakeven.HALVINGS} times; {SD}; ± after a shift is its Monte Carlo error and half of "
        "the last interval; a search ends where the weights of the draws can no longer be trusted"
    )


# --------------------------------------------------------------------------- tables of the power


def _scenarios(data: xr.Dataset, tree: xr.DataTree, notes: tuple[str, ...]) -> Table:
    probability = tree[names.SCENARIOS].to_dataset()
    rows = []
    for i, s in enumerate(data[names.SCENARIO].to_numpy()):
        p, v = probability.isel(scenario=i), data.isel(scenario=i)
        rows.append(
            (
                str(s),
                str(p["title"].item()),
                percent(float(p["probability"]), float(p["mcse"])),
                *(
                    points(float(v[f"change_{part}"]), float(v[f"change_{part}_mcse"]))
                    for part in ("prior", "likelihood")
                ),
                *(_number(float(v[f"scenario_{part}"])) for part in ("prior", "likelihood")),
                str(v["scenario_diagnosis"].item()),
            )
        )
    header = (
        "", "scenario", "probability", "if the priors counted double",
        "if the evidence counted double", "prior", "evidence", "diagnosis",
    )  # fmt: skip
    title = "What each scenario owes to the priors, and to the evidence"
    said = (
        "'counted double': points of probability, to first order; 'prior' and 'evidence': how far "
        f"the distribution moves when either is raised to a power, sensitive from {SENSITIVE:g}",
    )
    return Table(title, header, tuple(rows), data, (*said, *notes))


def _number(x: float) -> str:
    return "-" if np.isnan(x) else f"{x:.3f}"


def _parameters(data: xr.Dataset, notes: tuple[str, ...]) -> Table:
    found = data["diagnosis"].to_numpy()
    order = np.argsort(-data["own"].fillna(0.0).to_numpy(), kind="stable")
    shown = [i for i in order if found[i] == CONFLICT]
    shown += [i for i in order if found[i] == STRONG][:SHOWN]
    rows = tuple(
        (
            str(v["parameter"].item()).replace("->", " -> "),
            str(v["diagnosis"].item()),
            *(_number(float(v[part])) for part in ("own", "prior", "likelihood")),
        )
        for i in shown
        if (v := data.isel(parameter=i)) is not None
    )
    header = ("parameter", "diagnosis", "its own prior", "all priors", "evidence")
    count = {kind: int((found == kind).sum()) for kind in (CONFLICT, STRONG)}
    moving = sum(count.values())
    title = f"Parameters that move with their priors: {moving} of {len(found)}"
    more = f", the {SHOWN} most so shown" if count[STRONG] > SHOWN else ""
    said = (
        f"{count[STRONG]} with a {STRONG}{more}: what a forecast says of them is its prior; "
        f"{count[CONFLICT]} with a possible {CONFLICT}: both pull at them; sensitive from "
        f"{SENSITIVE:g}",
    )
    return Table(title, header, rows, data, (*said, *notes))
