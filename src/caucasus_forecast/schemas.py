"""JSON Schemas of the files a user writes, so that an editor can complete and check them.

Both come from the pydantic models that read the files, and say what a schema can say: fields, their
types and values, and what goes with what inside a table. What they cannot say is left to the
reader: that `at_least` is under `below`, that an id is used once, that a date or a name exists.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from .case import MODEL_NAMES, SAMPLER_NAMES, Case
from .errors import CaseError, nearest
from .evidence.reading import CHOICES, ROLES
from .scenarios import ScenarioFile

DRAFT = "https://json-schema.org/draft/2020-12/schema"
CASE_FIELDS = {
    "name": "Name of the case, and of what is written.",
    "title": "What it asks, in words.",
    "evidence": "'embedded', or a table of counts; paths are relative to the file.",
    "reading": "Choices that a table of counts may need.",
    "as_of": "Last day that may be known, as 2021-11-30.",
    "horizon": "Whole months to forecast.",
    "graph": "Name of a shipped graph, or a TOML file.",
    "model": "How tension moves.",
    "priors": "Name of a shipped prior set, or a TOML file.",
    "scenarios": "Name of a shipped scenario set, or a TOML file.",
    "seed": "Decides every random number.",
    "draws": "Kept draws of each chain.",
    "tune": "Warm-up draws of each chain.",
    "chains": "Chains of the sampler.",
    "paths": "Simulated futures of each draw.",
    "sampler": "Which program samples.",
    "delays": "A file of a measured reporting delay; without it, counts are taken as settled.",
    "published": "The day on which the counts were published or fetched.",
}
READING_FIELDS = {
    "series": "The series of a table without a column for it.",
    "columns": "Role of a column, and its name in the table.",
    "separator": "What stands between cells.",
    "sheet": "Which sheet of a workbook.",
    "date_format": "How dates are written, as %d/%m/%Y.",
    "gaps": "Months without a row between others.",
    "duplicates": "An interval that is listed twice.",
    "aggregate": "Adds up rows that are dated within a month.",
    "incomplete": "The month that today is in.",
    "unknown": "Series that the graph does not have.",
    "events": "Whether each row is one event.",
    "estimate": "Which estimate of the deaths of an event.",
    "spanning": "What to do with an event that spans months.",
    "first": "First day on which events were looked for.",
    "last": "Last day on which events were looked for.",
}


class _Toml(GenerateJsonSchema):
    """Without what a TOML file cannot hold (null), and without titles that repeat the keys."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        default = schema.get("default")
        if default is None or (isinstance(default, float) and not math.isfinite(default)):
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def scenario() -> dict[str, Any]:
    """JSON Schema (2020-12) of a scenario file.

    Examples
    --------
    >>> scenario()["required"]
    ['scenario']
    """
    return {"$schema": DRAFT} | ScenarioFile.model_json_schema(schema_generator=_Toml)


def case() -> dict[str, Any]:
    """JSON Schema (2020-12) of a case file.

    Examples
    --------
    >>> case()["properties"]["model"]["enum"]
    ['ladder', 'drift', 'reference']
    """
    found = Case.model_json_schema(schema_generator=_Toml)
    fields = found["properties"]
    fields["model"]["enum"], fields["sampler"]["enum"] = list(MODEL_NAMES), list(SAMPLER_NAMES)
    for name, words in CASE_FIELDS.items():
        fields[name]["description"] = words
    fields["reading"].pop("default")
    reading = found["$defs"]["Reading"]
    reading["description"] = CASE_FIELDS["reading"]
    for name, field in reading["properties"].items():
        field["description"] = READING_FIELDS[name]
        if name in CHOICES:
            field["enum"] = list(CHOICES[name])
    reading["properties"]["columns"] = {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "propertyNames": {"enum": list(ROLES)},
        "description": READING_FIELDS["columns"],
    }
    found["description"] = "One forecast to be made; every field has a default."
    return {"$schema": DRAFT} | found


SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {"scenario": scenario, "case": case}


def of(kind: str) -> dict[str, Any]:
    """The schema of a kind of file.

    Raises
    ------
    CaseError
        If there is no such kind.

    Examples
    --------
    >>> of("case")["type"]
    'object'
    """
    if kind not in SCHEMAS:
        raise CaseError(f"no schema of {kind!r}; {nearest(kind, SCHEMAS)}")
    return SCHEMAS[kind]()
