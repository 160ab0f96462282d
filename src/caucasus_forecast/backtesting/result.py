"""A finished backtest: every score, skill against a reference, and the table."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from .. import __version__, names, scoring
from ..errors import CaseError, nearest
from ..scenarios import Table
from .counts import Counts
from .origins import SCORES, Settings

BLOCK = 12


def dataset(
    done: dict[Any, list[dict[str, Any]]], origins: list[Any], counts: Counts, settings: Settings
) -> xr.Dataset:
    """Every score on (model, origin, unit, horizon)."""
    models, units, horizons = settings.models, counts.units, settings.horizons
    shape = (len(models), len(origins), len(units), len(horizons))
    place = [{x: i for i, x in enumerate(axis)} for axis in (models, units, horizons)]
    columns = {name: np.full(shape, np.nan) for name in SCORES}
    observed = np.full(shape[1:], np.nan)
    past = np.full(shape[1:3], np.nan)
    for o, origin in enumerate(origins):
        for row in done[origin]:
            m, u, h = (p[row[k]] for p, k in zip(place, ("model", "unit", "horizon"), strict=True))
            observed[o, u, h], past[o, u] = row["observed"], row["past_year"]
            for name in SCORES:
                columns[name][m, o, u, h] = row[name]
    dims = ("model", names.ORIGIN, "unit", "horizon")
    data = {name: (dims, values) for name, values in columns.items()}
    return xr.Dataset(
        {**data, "observed": (dims[1:], observed), "past_year": (dims[1:3], past)},
        coords={
            "model": list(models), names.ORIGIN: np.array(origins, "datetime64[ns]"),
            "unit": list(units), "horizon": list(horizons),
        },
        attrs={"data_digest": counts.digest, "lag": settings.lag, "seed": settings.seed,
               "draws": settings.draws, "version": __version__},
    )  # fmt: skip


@dataclass(frozen=True)
class Backtest:
    """A finished backtest.

    Attributes
    ----------
    data
        Every score on (model, origin, unit, horizon); ``observed`` and ``past_year``, the sum of
        the 12 months known last.
    reference
        The model that skill is measured against.
    """

    data: xr.Dataset
    reference: str = "conflictology12"
    seed: int = field(default=2021, repr=False)

    def against(self, reference: str) -> Backtest:
        """The same backtest with another reference.

        Raises
        ------
        CaseError
            If it is not among the models.
        """
        return replace(self, reference=self._known(reference))

    def _known(self, model: str) -> str:
        models = [str(m) for m in self.data["model"].to_numpy()]
        if model not in models:
            raise CaseError(f"{model!r} was not backtested; {nearest(model, models)}")
        return model

    def beside(self, other: Backtest) -> Backtest:
        """Both backtests as one.

        Raises
        ------
        CaseError
            If they were scored on different targets, or share a model.
        """
        for name in ("origin", "unit", "horizon"):
            if not self.data[name].equals(other.data[name]):
                raise CaseError(
                    f"the two backtests have other {name}s; a comparison needs the same"
                )
        if not self.data["observed"].equals(other.data["observed"]):
            raise CaseError("the two backtests were scored on different counts; use the same data")
        both = set(self.data["model"].to_numpy()) & set(other.data["model"].to_numpy())
        if both:
            raise CaseError(f"both backtests hold {', '.join(sorted(both))}; drop one")
        kept = {k: v for k, v in self.data.attrs.items() if other.data.attrs.get(k) == v}
        joined = xr.concat([self.data, other.data], "model", data_vars="minimal", join="exact",
                           compat="equals", coords="minimal", combine_attrs="override")  # fmt: skip
        return Backtest(joined.assign_attrs(kept), self.reference, self.seed)

    def mean(self, name: str, where: Any = True) -> xr.DataArray:
        """Mean of a score over the targets, then over horizons, for each model.

        Parameters
        ----------
        name
            A score of `SCORES`.
        where
            Targets to keep, over any of (origin, unit, horizon).

        Raises
        ------
        CaseError
            For a score that does not exist, or where models were not scored on the same targets.
        """
        return self._cells(name).where(where).mean((names.ORIGIN, "unit")).mean("horizon")

    def skill(self, name: str, model: str, where: Any = True) -> scoring.Skill:
        """What a model saves of the reference's loss, with its 90 % interval.

        The interval comes from a 12-month moving-block bootstrap over origins; with fewer than two
        blocks there is none (NaN).
        """
        cells = self._cells(name).where(where)
        ours, theirs = (cells.sel(model=self._known(m)) for m in (model, self.reference))
        mean = [x.mean((names.ORIGIN, "unit")).mean("horizon").item() for x in (ours, theirs)]
        if self.data.sizes[names.ORIGIN] < 2 * BLOCK:
            return scoring.Skill(1.0 - mean[0] / mean[1], np.nan, np.nan)
        kept = ours.notnull()
        weight = kept / kept.sum((names.ORIGIN, "unit"))  # each horizon counts the same
        share = [(x * weight).sum(("unit", "horizon")).to_numpy() for x in (ours, theirs)]
        lines = [xr.DataArray(x, dims=names.ORIGIN) for x in share]
        return scoring.skill_interval(*lines, seed=self.seed, block=BLOCK)

    def _cells(self, name: str) -> xr.DataArray:
        if name not in SCORES:
            raise CaseError(f"no score {name!r}; {nearest(name, SCORES)}")
        cells = self.data[name]
        seen = cells.notnull()
        uneven = seen.any("model") & ~seen.all("model")
        if uneven.any():
            count = {str(m): int(seen.sel(model=m).sum()) for m in cells["model"].to_numpy()}
            raise CaseError(
                "the models were scored on different targets "
                f"({', '.join(f'{m}: {n}' for m, n in count.items())}); begin later, where all "
                "have a history"
            )
        return cells

    @cached_property
    def table(self) -> Table:
        """Every model beside the reference."""
        header = (
            "", "model", "ignorance, bits", "saved (90 %)", "RPS saved (90 %)",
            "log1p-CRPS saved (90 %)", "in the 90 % interval",
        )  # fmt: skip
        covered = self.mean("covered_90", self.data["observed"] > 0)
        bits = self.mean("ignorance")
        lines = []
        for m in (str(x) for x in self.data["model"].to_numpy()):
            saved = [
                "reference" if m == self.reference else _saved(self.skill(s, m))
                for s in ("ignorance", "rps", "log1p_crps")
            ]
            inside = float(covered.sel(model=m))
            lines.append(("", m, f"{float(bits.sel(model=m)):.3f}", *saved,
                          f"{100 * inside:.0f} %" if np.isfinite(inside) else "-"))  # fmt: skip
        sizes = self.data.sizes
        scored = int(np.isfinite(self.data["observed"]).sum())
        span = [str(x)[:7] for x in self.data[names.ORIGIN].to_numpy()[[0, -1]]]
        notes = (
            f"origins {span[0]} to {span[1]}, {sizes['unit']} unit(s), horizons "
            f"{', '.join(str(h) for h in self.data['horizon'].to_numpy())} months, "
            f"{scored} targets; lag {self.data.attrs.get('lag', 0)}",
            "saved: share of the reference's loss; interval: 12-month blocks of origins; "
            "in the 90 % interval: months with deaths only",
        )
        return Table("Backtest", header, tuple(lines), self.data, notes)

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


def _saved(skill: scoring.Skill) -> str:
    text = f"{100 * skill.value:+.1f} %"
    if not np.isfinite(skill.lower):
        return text
    return f"{text} ({100 * skill.lower:+.1f} to {100 * skill.upper:+.1f})"
