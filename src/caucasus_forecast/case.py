"""A case: everything a forecast needs, in one value or one TOML file.

    name = "my-case"
    evidence = "counts.csv"          # or "embedded"; paths are relative to the file
    as_of = 2021-11-30
    horizon = 12
    graph = "alyarli-2021"           # a shipped graph, or a path
    model = "ladder"
    priors = "alyarli-2021"          # a shipped set, or a path
    scenarios = "alyarli-2021"       # a shipped set, or a path
    seed = 1
    draws = 1000

    delays = "delays.json"           # a measured reporting delay; off unless asked for
    published = 2021-12-20           # the day the counts were published or fetched

    [reading]                        # choices a table of counts may need
    gaps = "missing"

Every field has a default; a field that does not exist is refused.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_serializer,
    field_validator,
)

from . import shipped
from .errors import CaseError, nearest
from .evidence import Reading, reading_of
from .named import read_text, shown, toml

EMBEDDED = "embedded"
MODEL_NAMES = ("ladder", "drift", "reference")
SAMPLER_NAMES = ("nutpie", "pymc")


class Case(BaseModel):
    """One forecast to be made, frozen and validated.

    Parameters
    ----------
    name, title
        For people and file names.
    evidence
        ``embedded``, or the path of a CSV whose series replace the embedded ones.
    as_of
        Last day that may be known (default: the last day of the user's counts).
    horizon
        Whole months to forecast.
    graph, model, priors, scenarios
        Names of shipped ones, or paths (graph, priors, scenarios).
    seed, draws, tune, chains, paths, sampler
        Of the sampler; `paths` is the number of simulated futures of each draw.
    delays
        Path of a reporting delay (`caucasus_forecast.delays`); off by default.
    published
        The day on which the counts were published or fetched, where they do not say so themselves.
    reading
        How the table of counts is to be read (`caucasus_forecast.evidence.Reading`).

    Examples
    --------
    >>> load("alyarli-2021").horizon
    12
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,79}$")] = "forecast"
    title: str = ""
    evidence: str = EMBEDDED
    as_of: date | None = None
    horizon: Annotated[int, Field(ge=1, le=120)] = 12
    graph: str = "alyarli-2021"
    model: str = "ladder"
    priors: str = "alyarli-2021"
    scenarios: str = "alyarli-2021"
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 2021
    draws: Annotated[int, Field(ge=4, le=100_000)] = 1000
    tune: Annotated[int, Field(ge=50, le=100_000)] = 1000
    chains: Annotated[int, Field(ge=1, le=64)] = 4
    paths: Annotated[int, Field(ge=2, le=1000)] = 5
    sampler: str = "nutpie"
    delays: str | None = None
    published: date | None = None
    reading: Reading = Reading()

    @field_validator("as_of", "published", mode="before")
    @classmethod
    def _day(cls, value: Any) -> Any:
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, str):
            try:
                return date.fromisoformat(value)
            except ValueError:
                raise ValueError("write a day as 2021-11-30") from None
        return value

    @field_validator("reading", mode="before")
    @classmethod
    def _choices(cls, value: Any) -> Any:
        return reading_of(value)

    @field_serializer("reading")
    def _chosen(self, value: Reading, info: Any) -> dict[str, Any]:
        days = {k: str(v) for k, v in value.chosen.items() if isinstance(v, date)}
        return value.chosen | (days if info.mode == "json" else {})

    @field_validator("model")
    @classmethod
    def _known_model(cls, value: str) -> str:
        if value not in MODEL_NAMES:
            raise ValueError(nearest(value, MODEL_NAMES))
        return value

    @field_validator("sampler")
    @classmethod
    def _known_sampler(cls, value: str) -> str:
        if value not in SAMPLER_NAMES:
            raise ValueError(nearest(value, SAMPLER_NAMES))
        return value

    def to_json(self) -> str:
        """The case as JSON, as saved with a forecast; what is switched off is left out."""
        off = {key for key in ("delays", "published") if getattr(self, key) is None}
        return json.dumps(self.model_dump(mode="json", exclude=off), sort_keys=True)


def make(where: str, fields: dict[str, Any]) -> Case:
    """A case from fields; errors name `where`, the key, the value and what is allowed.

    Raises
    ------
    CaseError
    """
    try:
        return Case(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "case"
        if first["type"] == "extra_forbidden":
            message = f"unknown key {key!r}; {nearest(key, Case.model_fields)}"
        else:
            said = first["msg"].removeprefix("Value error, ")
            message = f"{key} is {shown(first['input'])}: {said}"
        if key == "reading":
            message = f"reading: {first['msg'].removeprefix('Value error, ')}"
        raise CaseError(f"{where}: {message}") from None


def available() -> tuple[str, ...]:
    """Names of the shipped cases.

    Examples
    --------
    >>> "alyarli-2021" in available()
    True
    """
    return shipped.listed("data/cases")


def load(name_or_path: str | Path) -> Case:
    """A shipped case by name, or one from a TOML file.

    Raises
    ------
    CaseError
        Naming the file, the key, the value and what is allowed.
    """
    text = str(name_or_path)
    if text in available():
        return _shipped(text)
    body = read_text(name_or_path, "case", available(), CaseError, ". For a file give its path")
    path = Path(name_or_path)
    return _read(body, path.name, path.parent)


@cache
def _shipped(name: str) -> Case:
    file = f"{name}.toml"
    return _read(shipped.text(f"data/cases/{file}"), file, None)


def _read(text: str, where: str, folder: Path | None) -> Case:
    fields = toml(text, where, CaseError)
    if folder is not None:
        for key in ("evidence", "graph", "priors", "scenarios", "delays"):
            value = fields.get(key)
            if isinstance(value, str) and value != EMBEDDED and _is_path(value, folder):
                fields[key] = str(folder / value)
    return make(where, fields)


def _is_path(value: str, folder: Path) -> bool:
    return bool(Path(value).suffix) or (folder / value).is_file()
