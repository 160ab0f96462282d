"""Rows as CSV, fields as YAML: plain text that no reader takes for anything else."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any


def literal(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula, with an apostrophe before it.

    Examples
    --------
    >>> literal("=1+1"), literal("treaty"), literal(-1.5)
    ("'=1+1", 'treaty', -1.5)
    """
    risky = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if risky else value


def csv_text(
    header: Sequence[str], rows: Iterable[Iterable[Any]], number: Callable[[float], str] = repr
) -> str:
    """Rows as CSV, text cells literal, None as an empty cell, every line end a line feed.

    Parameters
    ----------
    header, rows
        Names of the columns, and the cells.
    number
        How a float is written (default: so that it can be read back exactly).

    Examples
    --------
    >>> print(csv_text(["title", "probability"], [["=1+1", 0.25], ["b", None]]), end="")
    title,probability
    '=1+1,0.25
    b,
    """

    def cell(value: Any) -> Any:
        if isinstance(value, float):
            return number(float(value))
        return literal(_lines(value) if isinstance(value, str) else value)

    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([literal(name) for name in header])
    writer.writerows([cell(value) for value in row] for row in rows)
    return out.getvalue()


def _lines(text: str) -> str:
    """Text with line feeds alone: not every writer of CSV quotes a carriage return."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def yaml_text(fields: Mapping[str, str | Sequence[str]]) -> str:
    """Texts and lists of texts as YAML, every one of them quoted.

    Examples
    --------
    >>> print(yaml_text({"team": "a: b", "lines": ["one", "two"]}), end="")
    team: "a: b"
    lines:
      - "one"
      - "two"
    """
    lines = []
    for key, value in fields.items():
        if isinstance(value, str):
            lines.append(f"{key}: {_quoted(value)}")
        else:
            lines += [f"{key}:", *(f"  - {_quoted(item)}" for item in value)]
    return "\n".join([*lines, ""])


def _quoted(text: str) -> str:
    """A double-quoted scalar, printable as YAML wants it."""
    return "".join(
        c if c.isprintable() else f"\\U{ord(c):08x}" for c in json.dumps(text, ensure_ascii=False)
    )
