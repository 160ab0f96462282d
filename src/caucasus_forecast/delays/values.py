"""What a reporting delay is: how much of a month is told at each age, checked at birth."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from .. import atomic
from ..errors import CaseError, expect, nearest
from ..named import LARGEST, shown, strict_json

Array = np.ndarray
OLDEST, MOST, HIGHEST = 60, 200, 10.0  # months, values of one age, a ratio


def age(end: date, published: date) -> int:
    """Whole months between the month of a count's last day and the day it was published.

    Zero in the month after it, and in its own.

    Examples
    --------
    >>> age(date(2026, 8, 31), date(2026, 9, 20)), age(date(2026, 8, 31), date(2027, 1, 20))
    (0, 4)
    """
    months = (published.year - end.year) * 12 + published.month - end.month
    return max(months - 1, 0)


@dataclass(frozen=True, slots=True)
class ReportingDelay:
    """How much of a count is told while it is fresh, and how that is known.

    Parameters
    ----------
    series
        Which counts.
    ratios
        For each age from zero, in months (`age`), equally likely ratios of the count told by then
        to the settled one. From as many months on, counts are settled.
    why
        How it was come by.
    releases
        The vintages it was measured from, oldest first.
    pairs
        For each age, how many months were compared.
    digest
        SHA-256 of what was compared.

    Raises
    ------
    CaseError
        Naming the field, its value and what is allowed.

    Examples
    --------
    >>> half = ReportingDelay("battle_deaths", ((0.4, 0.6), (0.9, 1.0)), "a guess, to see")
    >>> half.at(np.array([0, 1, 2])).tolist()
    [[0.4, 0.6], [0.9, 1.0], [1.0, 1.0]]
    """

    series: str
    ratios: tuple[tuple[float, ...], ...]
    why: str
    releases: tuple[str, ...] = ()
    pairs: tuple[int, ...] = ()
    digest: str = ""

    def __post_init__(self) -> None:
        for name in ("series", "why"):
            if not (isinstance(value := getattr(self, name), str) and value.strip()):
                raise CaseError(f"delay: {name} is {shown(value)}; write a text")
        object.__setattr__(self, "ratios", _ratios(self.ratios))
        for name, kind, words in (("releases", str, "texts"), ("pairs", int, "whole numbers")):
            object.__setattr__(self, name, _listed(name, getattr(self, name), kind, words))
        if self.pairs and (len(self.pairs) != len(self.ratios) or min(self.pairs) < 0):
            raise CaseError(
                f"delay: pairs is {shown(list(self.pairs))}; give a number of months for each of "
                f"the {len(self.ratios)} ages, or leave it out"
            )
        if not (isinstance(self.digest, str) and re.fullmatch(r"([0-9a-f]{64})?", self.digest)):
            raise CaseError(f"delay: digest is {shown(self.digest)}; give a SHA-256, or leave it")

    @property
    def settled(self) -> int:
        """The age, in months, from which counts are settled."""
        return len(self.ratios)

    def at(self, ages: Array) -> Array:
        """The ratios of counts of some ages, (n, J); one where the age is below zero or settled."""
        table = np.vstack([self.ratios, np.ones(len(self.ratios[0]))])
        settled = (ages < 0) | (ages >= self.settled)
        found: Array = table[np.where(settled, self.settled, ages)]
        return found

    def to_json(self) -> str:
        """All of it as JSON, as it is saved and as `load` reads it."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write it as a file that `load`, a case and ``run --delays`` take.

        Raises
        ------
        StorageError
            If the file exists (and `overwrite` is false) or cannot be written.
        """
        return atomic.write(path, f"{self.to_json()}\n".encode(), overwrite=overwrite)

    def __repr__(self) -> str:
        lines = [f"ReportingDelay of {self.series}: {self.why}"]
        lines += [f"  measured from {len(self.releases)} vintages"] * bool(self.releases)
        for months, ratios in enumerate(self.ratios):
            low, high = np.quantile(ratios, [0.05, 0.95])
            pairs = f", {self.pairs[months]} months compared" if self.pairs else ""
            lines.append(
                f"  {months:>2} months old: {np.mean(ratios):.2f} of the settled count "
                f"(90 %: {low:.2f} to {high:.2f}{pairs})"
            )
        return "\n".join([*lines, f"  settled from {self.settled} months on"])


def from_json(text: str, where: str = "delay") -> ReportingDelay:
    """A delay from its JSON.

    Raises
    ------
    CaseError
        Naming `where`, the key, the value and what is allowed.
    """
    expect(text, str, where, "give the JSON as a text", CaseError)
    body = strict_json(text, where, CaseError)
    if not isinstance(body, Mapping):
        raise CaseError(f"{where}: is no JSON object; `caucasus-forecast delays` writes one")
    known = {f.name for f in fields(ReportingDelay)}
    for key in body:
        if key not in known:
            raise CaseError(f"{where}: unknown key {shown(key)}; {nearest(key, known)}")
    if missing := [k for k in ("series", "ratios", "why") if k not in body]:
        raise CaseError(f"{where}: has no {missing[0]!r}; `caucasus-forecast delays` writes it")
    try:
        return ReportingDelay(**body)
    except CaseError as error:
        raise CaseError(f"{where}: {error}") from None


def load(path: str | Path) -> ReportingDelay:
    """A delay from a file.

    Raises
    ------
    CaseError
        If it cannot be read, or is none.
    """
    expect(path, (str, os.PathLike), "delays", "give the path of a file", CaseError)
    place = Path(path)
    try:
        with place.open("rb") as file:
            body = file.read(LARGEST + 1)
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CaseError(f"{place}: not a JSON text file; check the path") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise CaseError(
            f"{shown(str(place))}: a delay cannot be read there ({why}); write one with "
            "`caucasus-forecast delays --out FILE`, or check the path"
        ) from None
    return from_json(text, place.name)


def _ratios(given: Any) -> tuple[tuple[float, ...], ...]:
    """Ratios as they should be: as many for each age, all above zero."""
    try:
        found = tuple(tuple(map(_ratio, _values(values))) for values in _values(given))
    except TypeError:
        raise CaseError(
            f"delay: ratios is {shown(given)}; give a list of numbers for each age"
        ) from None
    if not 1 <= len(found) <= OLDEST:
        raise CaseError(f"delay: ratios are of {len(found)} ages; give 1 to {OLDEST}, from age 0")
    sizes = {len(values) for values in found}
    if len(sizes) != 1 or not 1 <= max(sizes) <= MOST:
        raise CaseError(
            f"delay: ratios has {', '.join(map(str, sorted(sizes)))} values an age; give each age "
            f"as many, 1 to {MOST}"
        )
    return found


def _values(given: Any) -> Iterable[Any]:
    """What may be taken apart; a text or a table of keys is no list."""
    if isinstance(given, str | bytes | Mapping):
        raise TypeError(type(given).__name__)
    values: Iterable[Any] = iter(given)
    return values


def _ratio(value: Any) -> float:
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not (number and 0 < value <= HIGHEST and float(value) > 0):
        raise CaseError(
            f"delay: a ratio is {shown(value)}; give a number above 0, and {HIGHEST:g} at most"
        )
    return float(value)


def _listed(name: str, given: Any, kind: type, words: str) -> tuple[Any, ...]:
    if not isinstance(given, list | tuple) or not all(type(x) is kind for x in given):
        raise CaseError(f"delay: {name} is {shown(given)}; give a list of {words}")
    return tuple(given)
