"""A finished contest: what was scored, as tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from .. import names
from ..priors import PriorSet, pool
from ..scenarios import Table, percent
from . import links as bayes
from . import weights
from .entrants import NO_ARROWS, REFERENCE
from .links import QUANTILE

Array = np.ndarray
SHOWN = 12  # links that the printed table holds


@dataclass(frozen=True, eq=False)
class Contest:
    """Views scored on the evidence of each month.

    Attributes
    ----------
    views
        The prior sets, by name; the case's own comes first.
    months
        One-step scores of the views and the benchmarks, from `contesting.months.one_step`.
    factors
        Bayes factors by link, from `contesting.links.factors`.
    outcomes
        Scenario scores, from `contesting.outcomes.score`.
    about
        ``as_of``, ``seed``, ``draws`` and so on, for people.
    """

    views: Mapping[str, PriorSet]
    months: xr.Dataset
    factors: xr.Dataset
    outcomes: xr.Dataset
    about: Mapping[str, Any]

    @property
    def own(self) -> str:
        """Name of the case's own set."""
        return next(iter(self.views))

    @property
    def passed(self) -> bool:
        """Whether every fit passed its checks."""
        return int(self.months["failed"].sum()) + int(self.about["failed"]) == 0

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What made the contest, and whether it may be trusted."""
        failed = int(self.months["failed"].sum()) + int(self.about["failed"])
        fits = int(self.months["fits"].sum()) + int(self.about["fits"])
        rhat = max(float(self.months["max_rhat"].max()), float(self.about["max_rhat"]))
        warning = (
            f"WARNING: {failed} of {fits} fits failed their checks (largest R-hat {rhat:.3f}). "
            "Remedy: run more draws (--draws)."
        )
        a = self.about
        return (
            *([warning] if failed else []),
            f"as of {a['as_of']}, {fits} fits of {a['chains']} x {a['draws']} draws, seed "
            f"{a['seed']}",
        )

    # ----------------------------------------------------------------------- one step ahead

    @cached_property
    def scores(self) -> Table:
        """Sums of the one-step log scores, over those of the benchmarks and of the own view."""
        data = self.months.assign(
            cumulative=self.months["log_score"].cumsum(names.MONTH),
            total=self.months["log_score"].sum(names.MONTH),
        )
        rivals = {"reference": REFERENCE, "no_arrows": NO_ARROWS, "own": self.own}
        for label, other in rivals.items():
            data = data.assign(_against(data, other, label))
        ranked = data.isel(view=np.argsort(-data["total"].to_numpy(), kind="stable"))
        rows = tuple(
            (
                str(v),
                "",
                _number(float(one["total"]), float(one["total_mcse"])),
                *("" if v == other else _difference(one, r) for r, other in rivals.items()),
            )
            for v in ranked["view"].to_numpy()
            if (one := ranked.sel(view=v)) is not None
        )
        first, last = (str(m)[:7] for m in data[names.MONTH].to_numpy()[[0, -1]])
        header = ("view", "", "log score", *(f"over {other}" for other in rivals.values()))
        notes = (
            "log score: sum of the months' log predictive probabilities, nats, higher is better, "
            "± Monte Carlo error",
            f"in brackets: 90 % interval from the spread over {data.sizes[names.MONTH]} months, "
            "Monte Carlo error included",
            *self.notes,
        )
        return Table(f"One month ahead, {first} to {last}", header, rows, ranked, notes)

    @cached_property
    def weights(self) -> Table:
        """Stacking weights and posterior weights of the views, with their bootstrap intervals."""
        scores = self.months["log_score"].sel(view=list(self.views)).to_numpy()
        again = weights.resampled(scores, int(self.about["seed"]))
        data = xr.Dataset(coords={"view": list(self.views)})
        found = (weights.stacking(scores), weights.posterior_weights(scores))
        for name, value, drawn in zip(("stacking", "posterior"), found, again, strict=True):
            low, high = weights.middle(drawn)
            data[name] = ("view", value)
            data[f"{name}_lower"], data[f"{name}_upper"] = ("view", low), ("view", high)
        ranked = data.isel(view=np.argsort(-data["stacking"].to_numpy(), kind="stable"))
        rows = tuple(
            (str(v), "", *(_share(ranked.sel(view=v), kind) for kind in ("stacking", "posterior")))
            for v in ranked["view"].to_numpy()
        )
        notes = (
            "stacking: the mixture with the best sum of log scores; posterior: from equal prior "
            "weights",
            f"in brackets: 90 % of {weights.RESAMPLES} bootstraps of the "
            f"{self.months.sizes[names.MONTH]} months",
            *self.notes,
        )
        header = ("view", "", "stacking weight", "posterior weight")
        return Table("Weights of the views", header, rows, ranked, notes)

    @cached_property
    def mixture(self) -> PriorSet:
        """The views pooled by their stacking weights: a prior set like any other."""
        data = self.weights.data
        share = dict(zip(data["view"].values, data["stacking"].values, strict=True))
        return pool({self.views[str(v)]: float(w) for v, w in share.items()})

    # ----------------------------------------------------------------------- links, scenarios

    @cached_property
    def links(self) -> Table:
        """Bayes factor of the most over the least favoured view of every link, widest first."""
        order = np.argsort(-self.factors["log_range"].to_numpy(), kind="stable")
        silent = self.factors["verdict"].to_numpy()[order] == bayes.SILENT
        data = self.factors.isel(edge=order[np.argsort(silent, kind="stable")])
        edges = data[names.EDGE].to_numpy()
        rows = tuple(
            (
                str(e).replace("->", " -> "),
                str(one["verdict"].item()),
                str(one["least"].item()),
                str(one["most"].item()),
                _factor(float(one["log_range"]), float(one["range_mcse"])),
            )
            for e in edges[:SHOWN]
            if (one := data.sel(edge=e)) is not None
        )
        count = {
            v: int((data["verdict"] == v).sum()) for v in dict.fromkeys(data["verdict"].values)
        }
        notes = (
            f"{len(rows)} of {len(edges)} links shown; "
            + ", ".join(f"{v}: {n}" for v, n in count.items()),
            f"Bayes factor with its Monte Carlo interval; told apart: above {bayes.MENTION:g} with "
            "that interval (Kass and Raftery 1995); all else held at the pool of the views",
            *self.notes,
        )
        header = ("link", "", "least favoured", "most favoured", "Bayes factor")
        return Table("What the evidence says of each link alone", header, rows, data, notes)

    @cached_property
    def scenarios(self) -> Table:
        """Probability that each view gave to what the scenarios resolved to."""
        data = self.outcomes.assign(
            total=self.outcomes["log_score"].sum(names.ORIGIN),
            total_mcse=np.sqrt((self.outcomes["mcse"] ** 2).sum(names.ORIGIN)),
        )
        ranked = data.isel(view=np.argsort(-data["total"].to_numpy(), kind="stable"))
        due = [str(o)[:10] for o in data[names.ORIGIN].to_numpy()]
        rows = tuple(
            (
                str(v),
                "",
                _number(float(one["total"]), float(one["total_mcse"])),
                *(
                    percent(p, p * e)
                    for p, e in zip(one["probability"].values, one["mcse"].values, strict=True)
                ),
            )
            for v in ranked["view"].to_numpy()
            if due and (one := ranked.sel(view=v)) is not None
        )
        came = zip(due, data["states"].values, strict=True)
        header = ("view", "", "log score", *(f"{o}: {s}" for o, s in came))
        notes = (
            "log score: sum over the origins, nats, higher is better, ± Monte Carlo error"
            if due
            else "what came of this case's scenarios is not on record by then",
            f"{len(due)} case(s): too few to rank views by" if due else "",
            *self.notes,
        )
        title = "Twelve months ahead: probability given to the scenario that came"
        return Table(title, header, rows, ranked, tuple(n for n in notes if n))

    # ----------------------------------------------------------------------- showing

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table."""
        return self.scores, self.weights, self.scenarios, self.links

    def to_json(self) -> dict[str, Any]:
        """Every number as plain data; NaN is None."""
        parts = {
            "scores": self.scores, "weights": self.weights, "scenarios": self.scenarios,
            "links": self.links,
        }  # fmt: skip
        return {
            "about": dict(self.about) | {"passed": self.passed, "own": self.own},
            **{name: _plain(table.data) for name, table in parts.items()},
            "mixture": {"name": self.mixture.name, "title": self.mixture.title},
            "notes": list(self.notes),
        }

    @property
    def text(self) -> str:
        """Every table, and once what they share."""
        parts = (replace(t, notes=tuple(n for n in t.notes if n not in self.notes))
                 for t in self.tables)  # fmt: skip
        return "\n\n".join([*map(repr, parts), "\n".join(self.notes)])

    def __repr__(self) -> str:
        return f"{self.text}\n\nContest: .scores .weights .scenarios .links .mixture .to_json()"

    def _repr_html_(self) -> str:
        return f"<section>{''.join(t._repr_html_() for t in self.tables)}</section>"


def _against(data: xr.Dataset, other: str, label: str) -> dict[str, xr.DataArray]:
    """Difference of each view's total to another's, and its interval from the months' spread."""
    gap = data["log_score"] - data["log_score"].sel(view=other, drop=True)
    months = gap.sizes[names.MONTH]
    spread = gap.var(names.MONTH, ddof=1) if months > 1 else gap.sum(names.MONTH) * np.nan
    noise = data["total_mcse"] ** 2 + data["total_mcse"].sel(view=other, drop=True) ** 2
    half = QUANTILE * np.sqrt(months * spread + noise)
    total = gap.sum(names.MONTH)
    return {
        f"less_{label}": total,
        f"less_{label}_lower": total - half,
        f"less_{label}_upper": total + half,
    }


def _number(value: float, mcse: float) -> str:
    digits = max(0, -math.floor(math.log10(mcse))) if mcse > 0 else 2
    return f"{value:.{digits}f} ± {mcse:.{digits}f}"


def _difference(one: xr.Dataset, label: str) -> str:
    low, high = float(one[f"less_{label}_lower"]), float(one[f"less_{label}_upper"])
    bracket = f" ({low:+.1f} to {high:+.1f})" if math.isfinite(low) else ""
    return f"{float(one[f'less_{label}']):+.2f}{bracket}"


def _share(one: xr.Dataset, kind: str) -> str:
    value, low, high = (100 * float(one[f"{kind}{end}"]) for end in ("", "_lower", "_upper"))
    return f"{value:.0f} % ({low:.0f}-{high:.0f})"


def _factor(log_range: float, mcse: float) -> str:
    low, high = (math.exp(log_range + sign * QUANTILE * mcse) for sign in (-1.0, 1.0))
    return f"{math.exp(log_range):.2f} ({low:.2f}-{high:.2f})"


def _plain(data: xr.Dataset) -> dict[str, Any]:
    columns = {**data.coords, **data.data_vars}
    return {str(name): _finite(column.to_numpy()) for name, column in columns.items()}


def _finite(values: Array) -> Any:
    if values.dtype.kind == "M":
        return [str(v)[:10] for v in values]
    if values.dtype.kind == "f":
        plain = values.astype(object)
        plain[~np.isfinite(values)] = None
        return plain.tolist()
    return values.tolist()
