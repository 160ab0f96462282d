"""A forecast as a row of a ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import xarray as xr

from .. import names, reweighting
from ..errors import CaseError, QuestionError, expect, nearest
from ..estimate import Sample, probability
from ..forecasting import Forecast
from ..scenarios import Condition, Question, measure
from ..study import Study
from ..updating.evidence import own_series
from .values import Asked, Made, Option

Array = np.ndarray
SCENARIOS = "scenarios"


def made(forecast: Forecast, file: str = "", given: Sequence[str] = ()) -> Made:
    """Everything of a forecast that a ledger keeps.

    Parameters
    ----------
    forecast
        In which nothing was done.
    file
        Its name, for people.
    given
        Conditions of branches, each a side question and an answer: ``"Q1: no"``.

    Raises
    ------
    InterventionError
        If something was done in it: what was set from outside is no forecast of what will be.
    QuestionError
        For a condition that is no answer of a side question, or holds on no future.
    """
    expect(forecast, Forecast, "the forecast to add", "load it first: cf.load()", CaseError)
    if isinstance(given, str):
        raise QuestionError(f"given is a list of conditions; write given=[{given!r}]")
    forecast._refuse_acted("ledger.add()")
    tree, study = forecast.tree, forecast.study
    attrs, gate = tree.attrs, tree[names.DIAGNOSTICS].attrs
    branches = [_branch(forecast, text) for text in dict.fromkeys(given)]
    return Made(
        digest=forecast.digest,
        file=file,
        added=now(),
        title=str(attrs["title"]),
        model=str(attrs["model"]),
        priors=str(attrs["prior_set"]),
        seed=int(attrs["seed"]),
        versions=json.loads(attrs["versions"]),
        as_of=study.as_of,
        horizon=len(study.months),
        data_digest=str(study.panel.attrs["digest"]),
        own=own_series(study),
        passed=forecast.passed,
        verdict=str(gate["verdict"]),
        scenarios=study.partition.to_json(),
        graph=study.theory.graph.name,
        graph_digest=study.graph.digest,
        nodes=tuple((n.name, n.kind, n.reading) for n in study.graph.nodes),
        theory=str(attrs.get("theory", "")),
        questions=(_scenarios(tree, study), *_answers(tree, study), *branches),
    )


def now() -> str:
    """The time, UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _scenarios(tree: xr.DataTree, study: Study) -> Asked:
    data = tree[names.SCENARIOS].to_dataset()
    options = [
        _option(s.id, s.name, data.sel({names.SCENARIO: s.id})) for s in study.partition.scenarios
    ]
    title = study.partition.title or study.partition.name
    return Asked(SCENARIOS, "scenarios", title, tuple(options))


def _answers(tree: xr.DataTree, study: Study) -> list[Asked]:
    data = tree[names.QUESTIONS].to_dataset()
    asked = [str(q) for q in data[names.QUESTION].to_numpy()]
    found = []
    for q in study.partition.questions:
        rows = [data.isel({names.ANSWER: i}) for i, ident in enumerate(asked) if ident == q.id]
        options = [_option(str(r["label"].item()), "", r) for r in rows]
        found.append(Asked(q.id, "answers", q.title, tuple(options)))
    return found


def _option(ident: str, title: str, row: xr.Dataset) -> Option:
    numbers = {k: float(row[k]) for k in ("probability", "mcse", "lower", "upper")}
    prior = float(row["prior_probability"]) if "prior_probability" in row else None
    return Option(ident, title, **numbers, prior=prior)


# --------------------------------------------------------------------------- branches


def condition(questions: Sequence[Question], text: str) -> tuple[Question, str, Condition]:
    """The side question, the answer and the condition that a branch is under.

    Raises
    ------
    QuestionError

    Examples
    --------
    >>> from caucasus_forecast import scenarios
    >>> condition(scenarios.load("alyarli-2021").questions, "Q1: no")[1]
    'no'
    """
    ident, colon, label = (part.strip() for part in text.partition(":"))
    found = {q.id: q for q in questions}
    if not colon or ident not in found:
        raise QuestionError(
            f"condition {text!r}: write a side question and its answer, as 'Q1: no'"
            + ("" if ident in found else f"; {nearest(ident, found)}")
        )
    answers = dict(found[ident].answers)
    if label not in answers:
        raise QuestionError(f"condition {text!r}: {ident} has no such answer; "
                            f"{nearest(label, answers)}")  # fmt: skip
    return found[ident], label, answers[label]


def _branch(forecast: Forecast, text: str) -> Asked:
    tree, study = forecast.tree, forecast.study
    question, label, holds = condition(study.partition.questions, text)
    futures = tree[names.PREDICTIONS].to_dataset()
    shares: dict[str, Any] = study.saved_shares(futures)
    value = measure(question.measure, futures, study.graph, shares)[..., -1]
    sample = Sample(np.asarray(holds.holds(value)), reweighting.share_of(tree))
    if not sample.paths:
        raise QuestionError(
            f"condition {text!r} holds on no simulated future, so nothing can be said given it; "
            "leave it out, or make the forecast with more draws"
        )
    resolved = futures[names.RESOLVED].to_numpy()[..., -1]
    options = [
        Option(s.id, s.name, **probability(resolved == i, sample))
        for i, s in enumerate(study.partition.scenarios)
    ]
    title = f"the scenarios, given {question.id} ({question.title}): {label}"
    ident = f"{SCENARIOS} given {question.id}: {label}"
    return Asked(ident, "branch", title, tuple(options), question.id, label)
