"""Sets by name, by file, or as changes to another; and how two of them differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .. import shipped
from ..errors import PriorError
from ..named import read_text, shown, toml
from .distributions import Prior, entry
from .sets import PriorSet


def list() -> tuple[str, ...]:
    """Names of the shipped sets.

    Examples
    --------
    >>> "agnostic" in list()
    True
    """
    return shipped.listed("priors")


def load(name_or_path: str | Path) -> PriorSet:
    """Load a shipped set by name, or a set from a TOML file.

    Raises
    ------
    PriorError
        Naming the file, the key, the value, what is allowed and the nearest match.

    Examples
    --------
    >>> load("agnostic").title
    'no view: centred on no effect, wide'
    """
    if str(name_or_path) in list():
        return _shipped(str(name_or_path))
    return _complete(open_file(name_or_path))


def open_file(path: str | Path) -> Written:
    """What a TOML file of priors says, for whatever graph it is meant.

    Raises
    ------
    PriorError
        Naming the file, the key, the value, what is allowed and the nearest match.
    """
    hint = ". For a file of your own give its path"
    body = read_text(path, "prior set", list(), PriorError, hint)
    return written(body, Path(path).name, Path(path).stem)


@cache
def _shipped(name: str) -> PriorSet:
    file = f"{name}.toml"
    return read(shipped.text(f"priors/{file}"), file, name)


@dataclass(frozen=True)
class Written:
    """A file of priors as written: complete for no graph in particular."""

    name: str
    title: str
    entries: Mapping[str, Prior]
    where: str


def read(text: str, where: str, stem: str = "") -> PriorSet:
    """Read a set from the text of a TOML file; `where` is how errors name it.

    Raises
    ------
    PriorError
        Whatever is wrong with the text.
    """
    return _complete(written(text, where, stem))


def _complete(found: Written) -> PriorSet:
    try:
        return PriorSet(found.name, found.entries, found.title)
    except PriorError as error:
        raise PriorError(f"{found.where}: {error}") from None


def written(text: str, where: str, stem: str = "") -> Written:
    """What the text of a TOML file says; `where` is how errors name it.

    Raises
    ------
    PriorError
        Whatever is wrong with it, but for parameters that a graph lacks or needs.
    """
    body = toml(text, where, PriorError)
    name, title = body.pop("name", stem), body.pop("title", "")
    if not isinstance(name, str) or not isinstance(title, str):
        raise PriorError(
            f"{where}: name is {shown(name)}, title is {shown(title)}; write both as text"
        )
    for key, value in body.items():
        if not isinstance(value, dict):
            raise PriorError(
                f"{where}: {key!r} is {shown(value)}; each parameter is a table: "
                f'["{key}"] with dist, kwargs, why, claims. Other keys: name, title'
            )
    try:
        entries = {key: entry(key, value) for key, value in body.items()}
    except PriorError as error:
        raise PriorError(f"{where}: {error}") from None
    return Written(name, title, entries, where)


def resolve(given: Any) -> PriorSet:
    """Make a set of whatever a caller may give: a set, a name, a path, or a dict of changes.

    A dict changes the set of the article, ``alyarli-2021``.

    Raises
    ------
    PriorError
        If it is none of these, or names nothing that exists.
    """
    if isinstance(given, PriorSet):
        return given
    if isinstance(given, str | Path):
        return load(given)
    if isinstance(given, Mapping):
        return load("alyarli-2021").replace(given)
    raise PriorError(
        f"priors given as {type(given).__name__}; give a name, a path, a PriorSet, or a dict of "
        "changes to 'alyarli-2021'"
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """A parameter on which two sets disagree."""

    parameter: str
    first: Prior
    second: Prior

    def __repr__(self) -> str:
        return f"{self.parameter}: {self.first!r} | {self.second!r}"


def diff(a: Any, b: Any) -> tuple[Difference, ...]:
    """List the parameters on which two sets differ.

    Examples
    --------
    >>> diff("agnostic", "agnostic")
    ()
    """
    first, second = resolve(a), resolve(b)
    return tuple(Difference(k, first[k], second[k]) for k in first if first[k] != second[k])
