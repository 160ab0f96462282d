"""The front door: a case in, a forecast out.

`run` is the whole argument in order: evidence → panel → graph → priors → model → posterior →
simulated futures → scenario probabilities. `Forecast` holds the resulting tree and shows it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import xarray as xr

from . import assumptions, names, posterior, questions, reweighting
from . import case as cases
from . import priors as prior_sets
from . import study as studies
from .case import Case
from .errors import QuestionError
from .evidence import Evidence
from .fitting import complete, draw
from .priors import PriorSet
from .questions import Amount, Answer, Question
from .scenarios import Table, interval, percent
from .study import Study, lay_out

Array = np.ndarray
log = logging.getLogger("caucasus_forecast")

CORE_LINKS = (
    "tension->mission_extension", "stagnation->mission_extension", "tension->pressure",
    "bargaining->pressure", "tension->transport_delay", "transport_delay->bargaining",
    "tension->working_group_halt", "tension->border_guards", "tension->armenian_policy",
    "tension->armenian_arms", "pressure->accession", "stagnation->treaty",
)  # fmt: skip
# a link is prior-led when the evidence left more than this share of its prior variance
PRIOR_LED = 0.8


def forecast(
    counts: Any = None,
    *,
    horizon: int = 12,
    priors: Any = "alyarli-2021",
    model: str = "ladder",
    as_of: date | str | None = None,
    scenarios: str = "alyarli-2021",
    seed: int = 2021,
    draws: int = 1000,
    sampler: str = "nutpie",
) -> Forecast:
    """Forecast the scenarios from incident counts.

    Parameters
    ----------
    counts
        CSV path or data frame of counts (see `caucasus_forecast.evidence.read_counts`); they
        replace the embedded series of the same name. Nothing: the embedded case as of 2021-11-30.
    horizon
        Whole months to forecast.
    priors
        Name of a shipped set, path of a TOML file, a `PriorSet`, or a dict of changes.
    model
        ``ladder``, ``drift`` or ``reference``.
    as_of
        Last day that may be known (default: the last day of the counts).
    scenarios
        Name of a shipped scenario set, or the path of a TOML file.
    seed, draws, sampler
        Of the sampler.

    Raises
    ------
    EvidenceError, PriorError, ScenarioError, CaseError
        For anything that cannot be used as given.
    """
    base = cases.load("alyarli-2021")
    chosen = prior_sets.resolve(priors)
    last = as_of if as_of is not None else (base.as_of if counts is None else None)
    case = cases.make(
        "forecast",
        {
            "name": base.name if counts is None else "forecast",
            "evidence": cases.EMBEDDED if counts is None else _named(counts),
            "as_of": last,
            "horizon": horizon,
            "priors": chosen.name if not isinstance(priors, str | Path) else str(priors),
            "model": model,
            "scenarios": scenarios,
            "seed": seed,
            "draws": draws,
            "sampler": sampler,
        },
    )
    return run(case, counts=counts, priors=chosen)


def _named(counts: Any) -> str:
    return str(counts) if isinstance(counts, str | Path) else "data frame"


def run(
    case: Case,
    *,
    counts: Any = None,
    evidence: Evidence | None = None,
    priors: PriorSet | None = None,
    progress: Callable[[str], None] | None = None,
    bar: bool = False,
) -> Forecast:
    """Make the forecast of a case.

    Parameters
    ----------
    case
        What to forecast.
    counts, evidence, priors
        Counts, all the evidence, or priors themselves, where they are not files the case can name.
    progress
        Called with a line at the start of each stage.
    bar
        Whether the sampler may draw its progress bar.
    """
    say = progress or log.info
    chosen = priors or prior_sets.load(case.priors)
    study = lay_out(case, counts=counts, evidence=evidence)
    observed = study.panel.sizes[names.OBSERVATION]
    say(f"reading {observed} observations with the model {case.model!r}")
    clock = perf_counter()
    say(f"sampling {case.chains} chains of {case.draws} draws")
    tree = draw(study, chosen, bar=bar)
    elapsed = perf_counter() - clock
    say("simulating the futures")
    done = complete(tree, study, chosen)
    done.attrs["sampling_seconds"] = round(elapsed, 3)
    return Forecast(done)


# --------------------------------------------------------------------------- the forecast


@dataclass(frozen=True)
class Forecast:
    """A finished forecast: its tree, and how to read it.

    `tree` is the whole result (`docs/schema.md`); `scenarios`, `questions` and `links` are tables
    that print themselves.
    """

    tree: xr.DataTree

    @cached_property
    def study(self) -> Study:
        """The case laid out again from what the forecast holds: panel, graph, scenarios."""
        return studies.of(self.tree)

    @property
    def passed(self) -> bool:
        """Whether the fit passed its checks."""
        return bool(self.tree[names.DIAGNOSTICS].attrs["passed"])

    @property
    def scenarios(self) -> Table:
        """Probability of every scenario at the horizon."""
        data = self.tree[names.SCENARIOS].to_dataset()
        alone = "prior_probability" in data
        rows_ = tuple(
            (
                str(s),
                str(data["title"].sel(scenario=s).item()),
                percent(float(v["probability"]), float(v["mcse"])),
                interval(float(v["lower"]), float(v["upper"])),
                *([percent(float(v["prior_probability"]), float(v["mcse"]))] if alone else []),
            )
            for s in data[names.SCENARIO].to_numpy()
            if (v := data.sel(scenario=s)) is not None
        )
        end = str(data[names.MONTH].to_numpy()[-1])[:7]
        header = ("", "scenario", "probability", "90 % interval", *["prior alone"] * alone)
        title = f"{self.tree.attrs['title']}: where it stands at the end of {end}"
        return Table(title, header, rows_, data, self.notes)

    @property
    def questions(self) -> Table:
        """Probability of every answer to the side questions."""
        data = self.tree[names.QUESTIONS].to_dataset()
        rows_, shown = [], ""
        for i, q in enumerate(data[names.QUESTION].to_numpy()):
            v = data.isel(answer=i)
            head = "" if str(q) == shown else str(v["title"].item())
            shown = str(q)
            rows_.append(
                (
                    str(q) if head else "",
                    head,
                    str(v["label"].item()),
                    percent(float(v["probability"]), float(v["mcse"])),
                    interval(float(v["lower"]), float(v["upper"])),
                )
            )
        header = ("", "question", "answer", "probability", "90 % interval")
        return Table("Side questions", header, tuple(rows_), data, self.notes)

    @property
    def fans(self) -> Table:
        """Every series at the horizon: median, and 50 % and 90 % bands."""
        data = self.tree[names.FANS].to_dataset()
        last = data["fan"].isel(month=-1)
        rows_ = tuple(
            (str(s), *(f"{x:.3g}" for x in last.sel(series=s).to_numpy()))
            for s in data[names.SERIES].to_numpy()
        )
        header = ("series", *(f"{100 * q:g} %" for q in names.FAN_QUANTILES))
        end = str(data[names.MONTH].to_numpy()[-1])[:7]
        return Table(f"Every series in {end}: posterior predictive quantiles", header, rows_, data,
                     self.notes)  # fmt: skip

    @property
    def links(self) -> Table:
        """Every link before and after the evidence, the core ones first."""
        return _links(self.tree, self.notes)

    @property
    def notes(self) -> tuple[str, ...]:
        """What made the forecast, and whether it may be trusted."""
        a = self.tree.attrs
        gate = self.tree[names.DIAGNOSTICS].attrs
        lines = [] if self.passed else [f"WARNING: {gate['verdict']}. Remedy: {gate['remedy']}."]
        lines += [a["swapped"]] if "swapped" in a else []
        lines.append(
            f"model {a['model']}, priors {a['prior_set']}, as of {a['as_of']}, seed {a['seed']}; "
            f"{gate['verdict'] if self.passed else 'checks failed'} (max R-hat "
            f"{gate['max_rhat']:.3f}, min ESS {gate['min_ess_bulk']:.0f})"
        )
        return tuple(lines)

    def with_priors(self, priors: Any, *, refit: bool | None = None) -> Forecast:
        """The same forecast under other priors.

        Parameters
        ----------
        priors
            Name of a shipped set, path of a TOML file, a `PriorSet`, or a dict of changes to this
            forecast's own set.
        refit
            True: sample again. None: reweight the draws in hand where that is safe
            (`caucasus_forecast.reweighting`), else sample again. `notes` says which.

        Raises
        ------
        PriorError
            For priors that cannot be used as given.
        """
        chosen = assumptions.resolve(self.tree, priors)
        return Forecast(assumptions.swap(self.tree, self.study, chosen, refit=refit))

    def ask(self, question: str | Question, *, within: str | int | None = None) -> Answer | Amount:
        """What a question comes to over the simulated futures.

        Parameters
        ----------
        question
            Such as ``"battle_deaths >= 100 within 6 months"``; the language is in
            `docs/questions.md`.
        within
            Time of a question that names none, as ``"6 months"``.

        Raises
        ------
        QuestionError
            With a caret under what is wrong.
        """
        futures = self.tree[names.PREDICTIONS].to_dataset()
        found = questions.ask(
            question, futures, self.study.graph, resolved=futures[names.RESOLVED].to_numpy(),
            scenarios=tuple(s.id for s in self.study.partition.scenarios),
            weight=reweighting.share_of(self.tree), within=within,
        )  # fmt: skip
        return found if self.passed else replace(found, notes=(*found.notes, self.notes[0]))

    def probability(self, event: str, *, within: str | int | None = None) -> Answer:
        """The probability of an event, or of one given another; see `ask`.

        Raises
        ------
        QuestionError
            With a caret under what is wrong, or if the question asks for a number.
        """
        found = self.ask(event, within=within)
        if isinstance(found, Amount):
            raise QuestionError(
                f"{event!r} asks for a number, not for whether something happens; use ask(), or "
                "compare it: 'total battle_deaths >= 100'"
            )
        return found

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the forecast as one netCDF file.

        Raises
        ------
        StorageError
            If the file exists or cannot be written.
        """
        return posterior.save(self.tree, path, overwrite=overwrite)

    def __repr__(self) -> str:
        return "\n".join(
            [
                repr(self.scenarios),
                "",
                "Forecast: .scenarios .questions .links .ask() .with_priors() .tree .save()",
            ]
        )

    def _repr_html_(self) -> str:
        return f"<section>{self.scenarios._repr_html_()}</section>"


def compare_priors(
    forecast: Forecast,
    sets: Sequence[Any],
    *,
    refit: bool | None = None,
    progress: Callable[[str], None] | None = None,
) -> Table:
    """Scenario probabilities of a forecast under several prior sets.

    Parameters
    ----------
    forecast
        The forecast in hand, the first column.
    sets
        Anything `Forecast.with_priors` takes.
    refit
        As there.
    progress
        Called with a line at the start of each set.

    Raises
    ------
    PriorError
        For priors that cannot be used as given.
    """
    return assumptions.compare(
        forecast.tree, forecast.study, sets, refit=refit, progress=progress or log.info
    )


def load(path: str | Path) -> Forecast:
    """A saved forecast.

    Raises
    ------
    StorageError
        If it is missing, damaged, or written by a newer version.
    """
    return Forecast(posterior.load(path))


def link_summary(tree: xr.DataTree) -> xr.Dataset:
    """Prior and posterior mean and sd of every slope, on ``edge``, and ``prior_led``.

    ``prior_led`` is the posterior variance as a share of the prior variance, at most 1: 1 where the
    evidence taught nothing.
    """
    after = tree[names.POSTERIOR]["slope"]
    entries = json.loads(tree.attrs["priors"])
    before = [
        prior_sets.frozen(prior_sets.as_prior(entries[str(e)]))
        for e in after[names.EDGE].to_numpy()
    ]
    over = (names.CHAIN, names.DRAW)
    data = xr.Dataset(
        {
            "prior_mean": (names.EDGE, [float(d.mean()) for d in before]),
            "prior_sd": (names.EDGE, [float(d.std()) for d in before]),
            "mean": reweighting.weighted(tree, after).mean(over),
            "sd": reweighting.weighted(tree, after).std(over),
        }
    )
    data["prior_led"] = np.minimum((data["sd"] / data["prior_sd"]) ** 2, 1.0)
    data["shift"] = (data["mean"] - data["prior_mean"]) / data["prior_sd"]
    return data


def _links(tree: xr.DataTree, notes: tuple[str, ...]) -> Table:
    header = ("link", "", "prior", "posterior", "shift in prior sd", "share of prior")
    if "slope" not in tree[names.POSTERIOR]:
        return Table("Links", header, (), xr.Dataset(), ("this model has no links", *notes))
    data = link_summary(tree)
    edges = [str(e) for e in data[names.EDGE].to_numpy()]
    ordered = [e for e in CORE_LINKS if e in edges] + [e for e in edges if e not in CORE_LINKS]
    rows_ = []
    for e in ordered:
        v = data.sel(edge=e)
        led = float(v["prior_led"])
        rows_.append(
            (
                e.replace("->", " -> "),
                "prior-led" if led > PRIOR_LED else "",
                f"{float(v['prior_mean']):.2f} ± {float(v['prior_sd']):.2f}",
                f"{float(v['mean']):.2f} ± {float(v['sd']):.2f}",
                f"{float(v['shift']):+.1f}",
                f"{100 * led:.0f} %",
            )
        )
    return Table("Links: effect of one sd of the cause", header, tuple(rows_), data, notes)
