"""What a user holds in the end: a forecast, and what can be asked of it and done to it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import xarray as xr

from .. import (
    assumptions,
    exchange,
    interventions,
    links,
    names,
    questions,
    remarks,
    reproducing,
    reweighting,
    storage,
    tables,
    updating,
)
from .. import case as cases
from .. import sensitivity as sensitivities
from .. import signposts as watching
from .. import spread as spreads
from .. import study as studies
from ..errors import CaseError, EvidenceError, InterventionError, QuestionError, expect
from ..evidence import Evidence, Reading, read, reading_of, refuse_untimely
from ..exchange import Submission
from ..interventions import Act
from ..links import CORE_LINKS
from ..questions import Amount, Answer, Question, World
from ..scenarios import Table
from ..sensitivity import Sensitivity
from ..simulate import Origin
from ..study import Study
from ..tension import OwnHistory

log = logging.getLogger("caucasus_forecast")


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
    def digest(self) -> str:
        """SHA-256 of the result: of every number, label and attribute but those of the run."""
        return storage.digest(self.tree)

    def __eq__(self, other: object) -> bool:
        """Whether two forecasts are the same result in every bit."""
        return self.digest == other.digest if isinstance(other, Forecast) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def passed(self) -> bool:
        """Whether the fit passed its checks."""
        return bool(self.tree[names.DIAGNOSTICS].attrs["passed"])

    @property
    def scenarios(self) -> Table:
        """Probability of every scenario at the horizon."""
        return tables.scenarios(self.tree, self.notes)

    @property
    def questions(self) -> Table:
        """Probability of every answer to the side questions."""
        return tables.questions(self.tree, self.notes)

    @property
    def fans(self) -> Table:
        """Every series at the horizon: median, and 50 % and 90 % bands."""
        return tables.fans(self.tree, self.notes)

    @property
    def links(self) -> Table:
        """Every link before and after the evidence, the core ones first."""
        return links.table(self.tree, self.notes)

    @property
    def labels(self) -> tuple[str, ...]:
        """Whether these futures are those of an intervention or of a counterfactual, and which."""
        return remarks.labels(self.tree)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is unusual about the forecast, its counts, or how it was made."""
        return remarks.remarks(self.tree)

    @property
    def notes(self) -> tuple[str, ...]:
        """What made the forecast, and whether it may be trusted."""
        return remarks.notes(self.tree)

    def with_priors(self, priors: Any, *, refit: bool | None = None) -> Forecast:
        """The same forecast under other priors.

        Parameters
        ----------
        priors
            Name of a shipped set, path of a TOML file, a `PriorSet`, or a dict of changes to this
            forecast's own set.
        refit
            True: sample again. None: reweight the draws in hand where that is safe
            (`caucasus_forecast.reweighting`), else move them where that is
            (`caucasus_forecast.transport`), else sample again. `notes` says which.

        Raises
        ------
        PriorError
            For priors that cannot be used as given.
        """
        self._refuse_acted("with_priors()")
        chosen = assumptions.resolve(self.tree, priors)
        done = assumptions.swap(self.tree, self.study, chosen, refit=refit)
        done.attrs |= reproducing.step(self.tree, done, refit)
        return Forecast(done)

    def update(
        self, counts: Any = None, *, reading: Reading | Mapping[str, Any] | None = None,
        as_of: date | str | None = None, published: date | str | None = None,
        evidence: Evidence | None = None, refit: bool | None = None,
    ) -> Updated:  # fmt: skip
        """The forecast given another month, or several, from the new origin.

        Parameters
        ----------
        counts
            New counts, as `caucasus_forecast.evidence.read_counts` takes them. A row with the
            interval of a known one revises it.
        reading
            Choices, where the table could be read in more than one way
            (`caucasus_forecast.evidence.Reading`).
        as_of
            Last day that may now be known (default: the last day of the counts). The embedded
            evidence up to that day, where the forecast rests on it, comes in too.
        published
            The day on which the new counts were published or fetched, where a reporting delay is
            switched on and they do not say so themselves.
        evidence
            All the evidence, in place of what the forecast knew.
        refit
            True: sample again. None: reweight the draws in hand where that is safe
            (`caucasus_forecast.updating`), else sample again. `notes` says which.

        Raises
        ------
        EvidenceError
            For counts that cannot be used, that are known already, or that overlap known ones.
        CaseError
            For a day before the forecast's, or where nothing is new.
        """
        self._refuse_acted("update()")
        if evidence is not None:
            cure = "give a table of counts first: update(counts)"
            expect(evidence, Evidence, "evidence", cure, EvidenceError)
            if counts is not None:
                raise EvidenceError(
                    "counts and evidence are both given; evidence is all that is known: put the "
                    "counts into it (Evidence.with_counts), or leave one out"
                )
        if counts is None and (chosen := reading_of(reading).chosen):
            raise CaseError(
                f"reading chooses {', '.join(chosen)}, and no counts are given; leave it out"
            )
        choices, known = reading_of(reading), self.study.theory.evidence.series
        found = None if counts is None else read(counts, reading=choices, known=known)
        rows = () if found is None else found.strict()
        days = cases.make("update()", {"as_of": as_of, "published": published})
        refuse_untimely(rows, days.published)
        new = updating.extended(
            self.study, rows, as_of=days.as_of, evidence=evidence,
            published=days.published or studies.told_on(counts, rows),
            repairs=() if found is None else found.repairs, holes=choices.gaps,
        )  # fmt: skip
        done = updating.update(self.tree, self.study, new, refit=refit)
        done.attrs |= reproducing.step(self.tree, done, refit)
        return Updated(done, self)

    @cached_property
    def origin(self) -> Origin:
        """Where the futures start: the origin month under every draw."""
        return interventions.origin(self.tree, self.study)

    def do(
        self, acts: Mapping[str, Any] | None = None, /, *, start: Any = None, until: Any = None,
        **nodes: Any,
    ) -> Intervened:  # fmt: skip
        """The forecast when nodes are set or shifted from outside.

        Parameters
        ----------
        acts, nodes
            Node → what is done: a value, `Shift`, `Times`, one value for each month, or values by
            month; the units are in `caucasus_forecast.interventions`.
        start, until
            First and last month of it (default: the whole horizon).

        Raises
        ------
        InterventionError
            For a node, value or month that cannot be set.
        """
        self._refuse_acted("do()")
        return self._act(self._read(_together(acts, nodes), start, until))

    def _read(self, acts: Mapping[str, Any], start: Any, until: Any) -> tuple[Act, ...]:
        graph, months = self.study.graph, self.study.months
        if names.TENSION in acts and isinstance(self.study.process, OwnHistory):
            raise InterventionError(
                "do(tension): in the model 'reference' past months come again, and no tension is "
                "there to set; use 'ladder' or 'drift'"
            )
        return interventions.read(graph, months, acts, start=start, until=until)

    def _act(self, acts: tuple[Act, ...]) -> Intervened:
        return Intervened(interventions.acted(self.tree, self.study, self.origin, acts), self, acts)

    def _refuse_acted(self, what: str) -> None:
        if self.labels:
            raise InterventionError(
                f"{what} starts from a forecast in which nothing was done; this one is of an "
                f"{self.labels[0]}. Take the one it was made from"
            )

    def counterfactual(
        self, acts: Mapping[str, Any] | None = None, /, *, since: Any, until: Any = None,
        **nodes: Any,
    ) -> Counterfactual:  # fmt: skip
        """What would have been, had something been done in months that are past.

        Parameters
        ----------
        acts, nodes
            As in `do`.
        since, until
            First month that may be changed, and last month of what is done (default: the last
            month of evidence; a later one goes on into the horizon).

        Raises
        ------
        InterventionError
            For a node, value or month that cannot be set, and for models other than the ladder.
        """
        self._refuse_acted("counterfactual()")
        return Counterfactual.of(self, _together(acts, nodes), since, until)

    def paths(self, cause: str, effect: str) -> Table:
        """Every path from a cause to an effect within a month, its effect, and their sum.

        Raises
        ------
        InterventionError
            For an unknown node.
        """
        return interventions.links_table(self.study, self.tree, cause, effect)

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
        kind = ("association: what goes with the condition, not what it does",)
        notes = found.notes + (kind if found.given_share is not None else ())
        notes += self.labels if self.passed else (*self.labels, self.notes[0])
        return replace(found, notes=notes)

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

    @property
    def _world(self) -> World:
        return spreads.world_of(self.tree[names.PREDICTIONS].to_dataset(), self.study)

    def signposts(self, within: int | Sequence[int] | None = None) -> Table:
        """What to watch: which observation would move which scenario, and what it tells in bits.

        Parameters
        ----------
        within
            Months to watch, or several numbers of them (default: 1, 3 and 6, as far as the horizon
            goes).

        Raises
        ------
        CaseError
            If `within` is not whole months of the horizon.
        """
        read = {str(n) for n in self.study.panel[names.NODE].to_numpy()}
        found = watching.signposts(
            self._world, self.study.partition, weight=reweighting.share_of(self.tree),
            within=within, polled=read,
        )  # fmt: skip
        return replace(found, notes=(*found.notes, *self.notes))

    def value_of_data(self, months: int = 6) -> Table:
        """At least how much of what is unknown the data of the next months would tell, in bits.

        Parameters
        ----------
        months
            How many, as far as the horizon goes.

        Raises
        ------
        CaseError
            If `months` is not a whole number of months.
        """
        share = reweighting.share_of(self.tree)
        found = watching.value_of_data(self._world, weight=share, months=months)
        return replace(found, notes=(*found.notes, *self.notes))

    def sensitivity(
        self, *, scenario: str | None = None, links: Sequence[str] | None = None
    ) -> Sensitivity:
        """What the scenarios hang on: priors or evidence, which link, how much it would take.

        Parameters
        ----------
        scenario
            Id of the scenario whose links are told (default: the likeliest).
        links
            Links to look at one by one (default: the core ones, and those that a reweighting picks
            out).

        Raises
        ------
        ScenarioError, GraphError
            For an unknown scenario or link.
        InterventionError
            Where something was done to the futures.
        """
        self._refuse_acted("sensitivity()")
        return sensitivities.sensitivity(
            self.tree,
            self.study,
            scenario=scenario,
            links=links,
            core=CORE_LINKS,
            notes=self.notes,
        )

    def spread(
        self, *asked: str, sets: Sequence[Any] = (), models: Sequence[str] = (),
        progress: Callable[[str], None] | None = None,
    ) -> Table:  # fmt: skip
        """Why it is wide: the variance of an answer, by parameters, unseen tension and chance.

        Parameters
        ----------
        asked
            Events or numbers in the language of `docs/questions.md` (default: each scenario).
        sets, models
            Prior sets (as for `with_priors`) and models whose choice is to be a part too. A set
            takes a swap, a model a fit.
        progress
            Called with a line at the start of each of them.

        Raises
        ------
        QuestionError
            For a question that does not parse, has a condition, or has no finite number.
        InterventionError
            Where something was done to the futures.
        PriorError, CaseError
            For a set or a model that cannot be used.
        """
        self._refuse_acted("spread()")
        found = spreads.spread(
            self.tree, self.study, asked, sets=sets, models=models, progress=progress or log.info
        )
        return replace(found, notes=(*found.notes, *self.notes))

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the forecast as one netCDF file, whole or not at all (`docs/storage.md`).

        Raises
        ------
        StorageError
            If the file exists or cannot be written.
        """
        return storage.save(self.tree, path, overwrite=overwrite)

    def export(
        self, out: str | Path, kind: str, *, submission: Submission | None = None,
        overwrite: bool = False,
    ) -> tuple[Path, ...]:  # fmt: skip
        """Write the forecast for other programs: ``csv``, ``json`` or ``hubverse``.

        `caucasus_forecast.exchange.export` does so for several forecasts, and has the details.

        Raises
        ------
        CaseError
            For an unknown format, or a name or argument that does not go with it.
        StorageError
            If a file is in the way or cannot be written.
        """
        return exchange.export(self, out, kind, submission=submission, overwrite=overwrite)

    def __repr__(self) -> str:
        return "\n".join(
            [
                repr(self.scenarios),
                "",
                "Forecast: .scenarios .questions .links .ask() .with_priors() .do() .sensitivity() "
                ".signposts() .spread() .tree .save()",
            ]
        )

    def _repr_html_(self) -> str:
        return f"<section>{self.scenarios._repr_html_()}</section>"


@dataclass(frozen=True, eq=False, repr=False)
class Intervened(Forecast):
    """A forecast when something is done; `before` is the one without."""

    before: Forecast
    acts: tuple[Act, ...]

    def with_priors(self, priors: Any, *, refit: bool | None = None) -> Intervened:
        """The same done under other priors; see `Forecast.with_priors`."""
        return self.before.with_priors(priors, refit=refit)._act(self.acts)

    def do(
        self, acts: Mapping[str, Any] | None = None, /, *, start: Any = None, until: Any = None,
        **nodes: Any,
    ) -> Intervened:  # fmt: skip
        """More done besides; what is done to a node anew replaces what was done to it."""
        more = self._read(_together(acts, nodes), start, until)
        again = {a.node for a in more}
        return self.before._act((*(a for a in self.acts if a.node not in again), *more))

    @cached_property
    def effects(self) -> Table:
        """What is changed on every scenario and on every node that is reached."""
        return interventions.effects(
            self.study, self.before.origin, self.acts, self.before.tree, self.tree
        )

    def along(self, on: str) -> Table:
        """The effect on one node or scenario, arrow by arrow out of what is done.

        Raises
        ------
        InterventionError
            For an unknown name.
        """
        return interventions.arrows(self.study, self.before.origin, self.acts, on, self.before.tree)


@dataclass(frozen=True, eq=False, repr=False)
class Updated(Forecast):
    """A forecast with new evidence; `before` is the one without."""

    before: Forecast

    @property
    def moved(self) -> Table:
        """The scenarios before and after; both look as many months ahead."""
        found = updating.beside(self.before.tree, self.tree)
        return replace(found, notes=(*found.notes, *self.notes))

    @cached_property
    def changes(self) -> Table:
        """Which news moved which scenario, from what to what, and how surprising it was."""
        found = updating.changed(self.before.tree, self.before.study, self.tree, self.study)
        return replace(found, notes=(*found.notes, *self.notes))


@dataclass(frozen=True, eq=False, repr=False)
class Counterfactual(Forecast):
    """What would have been: past months walked again, and the futures after them.

    `history` is a table of those months; `factual` is the forecast after the months that were, on
    the same paths.
    """

    factual: Forecast
    history: Table

    @classmethod
    def of(cls, forecast: Forecast, acts: Mapping[str, Any], since: Any, until: Any) -> Self:
        """From a forecast; see `Forecast.counterfactual`."""
        study = forecast.study
        then, later = interventions.divided(study, acts, since, until)
        happened = interventions.past(study, forecast.tree[names.POSTERIOR].to_dataset(), since)
        seen, end = happened.again(then)
        words = interventions.sentence(then)
        was = interventions.looked_ahead(
            forecast.tree,
            study,
            happened.futures(happened.end),
            {"counterfactual": "the months as they were"},
            (),
        )
        told = {"counterfactual": f"had it been that {words}"}
        futures = happened.futures(end, later)
        tree = interventions.looked_ahead(forecast.tree, study, futures, told, then)
        history = interventions.history(happened, seen, words, forecast.tree)
        return cls(tree, Forecast(was), history)

    @property
    def changed(self) -> Table:
        """The scenarios after the months that were, and after those that would have been."""
        months = self.study.months
        title = f"Where it stands at the end of {months[-1]}, had it been otherwise"
        return interventions.changed(self.study, self.factual.tree, self.tree, title)


def _together(acts: Mapping[str, Any] | None, nodes: Mapping[str, Any]) -> dict[str, Any]:
    """What is done, from both ways to write it."""
    cure = "name each node: do(corridor='open'), or do({'corridor': 'open'})"
    expect(acts or {}, Mapping, "what is done", cure, InterventionError)
    if twice := set(acts or {}) & set(nodes):
        raise InterventionError(f"{min(twice)} is given twice; keep one")
    return dict(acts or {}) | dict(nodes)
