"""What the forecasts of one export are called: safe ids, each used once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import xarray as xr

from ..errors import CaseError, expect
from ..study import Study

BASELINE = "baseline"
FAILED = "_checks_failed"
LONGEST = 80
SAFE = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,78}[A-Za-z0-9_-])?", re.ASCII)
ABBREVIATION = re.compile(r"[A-Za-z0-9_]{1,80}", re.ASCII)


@runtime_checkable
class Finished(Protocol):
    """What an export reads of a forecast."""

    @property
    def tree(self) -> xr.DataTree:
        """The whole result."""

    @property
    def study(self) -> Study:
        """The case laid out."""

    @property
    def digest(self) -> str:
        """SHA-256 of the result."""

    @property
    def passed(self) -> bool:
        """Whether the fit passed its checks."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What made it, and whether it may be trusted."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What was done, where something was."""


@dataclass(frozen=True, eq=False)
class Named:
    """A forecast under the id of what it assumes.

    Parameters
    ----------
    id
        At most 80 letters, digits, ``.``, ``_`` and ``-``; it begins with none of ``.`` and ``-``
        and does not end in ``.``.
    forecast
        The forecast.

    Raises
    ------
    CaseError
        If the id is not safe.
    """

    id: str
    forecast: Finished

    def __post_init__(self) -> None:
        safe(self.id, "scenario_id")

    @property
    def marked(self) -> str:
        """The id as it is written: one that says so where the checks of the fit failed.

        Rows of an exchange format have no other place for the mark.
        """
        return self.id if self.forecast.passed else f"{self.id[: LONGEST - len(FAILED)]}{FAILED}"


def safe(text: object, what: str, pattern: re.Pattern[str] = SAFE) -> str:
    """The text, if it is one component of a name.

    Raises
    ------
    CaseError
        If it is anything else.

    Examples
    --------
    >>> safe("treaty-2022", "scenario_id")
    'treaty-2022'
    """
    if not isinstance(text, str) or not pattern.fullmatch(text):
        rule = "'_'" if pattern is ABBREVIATION else "'.', '_', '-', none of '.' and '-' first"
        raise CaseError(
            f"{what} is {str(text)[:100]!r}; give 1 to {LONGEST} letters (A-Z, a-z), digits, {rule}"
        )
    return text


def id_of(forecast: Finished) -> str:
    """The id of a forecast that was given none.

    `baseline` where nothing was done; otherwise what was done, with the first eight digits of the
    SHA-256 of the acts, so that two different acts never share an id.
    """
    if not forecast.labels:
        return BASELINE
    acts = str(forecast.tree.attrs.get("acts", forecast.labels))
    words = re.sub(r"[^A-Za-z0-9]+", "-", forecast.labels[0].partition(": ")[2]).strip("-")
    digest = hashlib.sha256(acts.encode()).hexdigest()[:8]
    return f"{words[: LONGEST - 9].rstrip('-') or 'done'}-{digest}"


def _finished(forecast: Any) -> Finished:
    expect(forecast, Finished, "a forecast to export", "load it first: cf.load()", CaseError)
    found: Finished = forecast
    return found


def gather(forecasts: Any) -> tuple[Named, ...]:
    """The forecasts of one export.

    Parameters
    ----------
    forecasts
        A forecast, several, or id → forecast.

    Raises
    ------
    CaseError
        If there is none, an id is not safe, or two are the same.
    """
    if isinstance(forecasts, Mapping):
        found = tuple(Named(i, _finished(f)) for i, f in forecasts.items())
    else:
        many = forecasts if isinstance(forecasts, Iterable) else (forecasts,)
        found = tuple(Named(id_of(_finished(f)), f) for f in many)
    if not found:
        raise CaseError("no forecast to export; give one or more")
    ids = [n.marked for n in found]
    cut = " (cut for its mark of failed checks)" if len({n.id for n in found}) == len(found) else ""
    if twice := next((i for i in ids if ids.count(i) > 1), None):
        raise CaseError(
            f"two forecasts have the scenario_id {twice!r}{cut}; give each its own: "
            '{"baseline": one, "other-priors": another}, or --scenario-id for each'
        )
    return found
