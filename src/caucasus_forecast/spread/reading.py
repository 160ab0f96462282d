"""A question whose values are split: how they are read, and how they are shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import QuestionError
from ..questions import Question, World, dated, evaluate, parse, refuse, restate
from ..questions.tree import Measure, Windowed

Array = np.ndarray


@dataclass(frozen=True)
class Asked:
    """A question, and how its values are split and shown.

    Attributes
    ----------
    question, restated
        As parsed; in canonical words, dated.
    kind
        ``event``, ``count`` (split as its logarithm) or ``number``.
    """

    question: Question
    restated: str
    kind: str

    def values(self, world: World) -> Array:
        """What is split, on every path."""
        found = evaluate(self.question, world).value.astype(float)
        if not np.isfinite(found).all():
            raise QuestionError(
                f"{self.restated!r} has no number where the month does not come, so it has no "
                "variance; ask for the event within some months"
            )
        return np.log1p(found) if self.kind == "count" else found

    def shown(self, value: Array) -> Array:
        """A split value as it is shown."""
        if self.kind == "event":
            return np.clip(value, 0.0, 1.0)
        return np.maximum(np.expm1(value), 0.0) if self.kind == "count" else value


def asked(text: str, world: World) -> Asked:
    """A question made ready.

    Raises
    ------
    QuestionError
        If it does not parse, does not fit these futures, or has a condition.
    """
    question = parse(text)
    if question.given is not None:
        raise QuestionError(
            f"{text!r} has a condition, which changes what is known before anything is split; "
            "leave out 'given'"
        )
    refuse(question, world)
    kind = "number" if question.is_number else "event"
    body = question.asked.body if isinstance(question.asked, Windowed) else question.asked
    if isinstance(body, Measure) and world.series.get(body.series) == "count":
        kind = "number" if body.aggregate == "change" else "count"
    return Asked(question, restate(dated(question, world.months)), kind)
