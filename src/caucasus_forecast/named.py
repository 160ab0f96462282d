"""Files that a user names: one place to read their text and TOML or JSON, and to say what is wrong.

Whatever the bytes are, reading ends soon: in fields, or in an error of the caller's kind. A file
has at most a megabyte and 32 tables within tables, every key comes once, a whole number fits in 64
bits, and JSON has no NaN. YAML is not read.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .errors import CaucasusForecastError, expect, nearest

LARGEST = 1_000_000  # bytes of a file that a person writes
DEEPEST = 32  # tables within tables
LONGEST = 200  # characters of a key

# a key of so many parts that tomllib, which copies all its beginnings, would fill the memory
_PART = r"""(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')"""
_DOTTED = re.compile(rf"(?<![\w\\-])(?:{_PART}[ \t]*+\.[ \t]*+){{{DEEPEST}}}")


def read_text(
    name_or_path: str | Path,
    what: str,
    shipped: Iterable[str],
    error: type[CaucasusForecastError],
    hint: str = "",
) -> str:
    """The text of a user's TOML file.

    Parameters
    ----------
    name_or_path
        As the user gave it; not the name of a shipped one.
    what
        What it should be, such as ``"case"``.
    shipped
        Names that would have been found without a path.
    error
        Raised if the file is missing, too large, not UTF-8 text, or unreadable.
    hint
        Said after the nearest shipped name.
    """
    expect(name_or_path, (str, Path), what, "give the name of a shipped one, or a path", error)
    path = Path(name_or_path)
    if path.suffix.lower() in (".yaml", ".yml", ".json"):
        kind = path.suffix[1:].upper().replace("YML", "YAML")
        raise error(f"{path}: {kind} is not read here; write the {what} as a TOML file")
    try:
        if path.exists() and not path.is_file():
            raise error(f"{path}: not a TOML text file; name the file itself")
        with path.open("rb") as file:
            body = file.read(LARGEST + 1)
    except error:
        raise
    except FileNotFoundError:
        if path.suffix:
            raise error(f"{path}: no such file; check the path") from None
        near = nearest(str(name_or_path), shipped)
        raise error(f"no {what} {str(name_or_path)!r}; {near}{hint}") from None
    except (OSError, ValueError) as trouble:
        raise error(
            f"{shown(str(name_or_path))} cannot be read ({trouble}); check the path"
        ) from None
    if len(body) > LARGEST:
        raise error(f"{path}: {_TOO_LARGE}")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        cure = "save it as UTF-8" if body[:2] in (b"\xff\xfe", b"\xfe\xff") else "check the path"
        raise error(f"{path}: not a TOML text file; {cure}") from None


def toml(text: str, where: str, error: type[CaucasusForecastError]) -> dict[str, Any]:
    r"""The fields of a TOML text; `where` is how errors name it.

    Parameters
    ----------
    text
        Of at most a megabyte.
    where
        The file, for the message.
    error
        Raised for whatever is wrong with the text.

    Examples
    --------
    >>> from caucasus_forecast.errors import CaseError
    >>> toml("draws = 500", "mine.toml", CaseError)
    {'draws': 500}
    >>> toml("draws = 500\ndraws = 5", "mine.toml", CaseError)
    Traceback (most recent call last):
    caucasus_forecast.errors.CaseError: mine.toml: Cannot overwrite a value (at end of document)...
    """
    return _parsed(text, where, error, "TOML", _toml)


def strict_json(text: str, where: str, error: type[CaucasusForecastError]) -> Any:
    """What a JSON text says; as `toml`, and a repeated key, NaN and Infinity are refused.

    Examples
    --------
    >>> from caucasus_forecast.errors import CaseError
    >>> strict_json('{"draws": NaN}', "case", CaseError)
    Traceback (most recent call last):
    caucasus_forecast.errors.CaseError: case: 'NaN' is no JSON number; check the JSON
    """
    return _parsed(text, where, error, "JSON", _json)


def shown(value: object) -> str:
    """Quote what was given, not more than a line of it.

    Examples
    --------
    >>> shown("abc"), len(shown("x" * 1000)), shown(10**5000)
    ("'abc'", 81, 'a number of more than 4300 digits')
    """
    try:
        quoted = repr(value)
    except ValueError:
        return "a number of more than 4300 digits"
    return quoted if len(quoted) <= 80 else quoted[:80] + "…"


_TOO_LARGE = f"is larger than {LARGEST // 1000:,} kB; no file of this kind is, check the path"
_BEYOND = "beyond 64 bits"
_TOO_DEEP = f"has more than {DEEPEST} tables or lists within each other"


def _parsed(
    text: str,
    where: str,
    error: type[CaucasusForecastError],
    kind: str,
    parse: Callable[[str], Any],
) -> Any:
    if len(text) > LARGEST:
        raise error(f"{where}: {_TOO_LARGE}")
    if "\0" in text:
        raise error(f"{where}: has null characters, as UTF-16 text has; save it as UTF-8")
    try:
        fields = parse(text)
        _check(fields)
    except RecursionError:
        raise error(f"{where}: {_TOO_DEEP}; check the {kind}") from None
    except ValueError as why:
        raise error(f"{where}: {_brief(why)}; check the {kind}") from None
    return fields


def _toml(text: str) -> dict[str, Any]:
    if _DOTTED.search(text):
        raise ValueError(_TOO_DEEP)
    return tomllib.loads(text)


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {shown(key)} is there twice")
        found[key] = value
    return found


def _finite(digits: str) -> float:
    return float(digits) if math.isfinite(float(digits)) else _no_number(digits)


def _no_number(digits: str) -> Any:
    raise ValueError(f"{shown(digits)} is no JSON number")


def _check(fields: Any) -> None:
    """Refuse what is nested too deep, keys too long to be shown, numbers beyond 64 bits."""
    left = [("", fields, 0)]
    while left:
        name, value, depth = left.pop()
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise ValueError(f"{shown(name)} is {shown(value)}, {_BEYOND}")
        if not isinstance(value, dict | list):
            continue
        if depth > DEEPEST:
            raise ValueError(_TOO_DEEP)
        if isinstance(value, dict) and (long := [k for k in value if len(k) > LONGEST]):
            raise ValueError(f"the key {shown(long[0])} has more than {LONGEST} characters")
        inside = value.items() if isinstance(value, dict) else ((name, part) for part in value)
        left += [(key, part, depth + 1) for key, part in inside]


def _brief(why: ValueError) -> str:
    """The first words of what a parser says."""
    words = str(why).partition("\n")[0]
    if "set_int_max_str_digits" in words:
        return f"a whole number is {_BEYOND}"
    return words if len(words) <= LONGEST else words[:LONGEST] + "…"
