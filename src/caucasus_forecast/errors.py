"""What can go wrong, as one family.

    CaucasusForecastError
    ├── EvidenceError    (ValueError)    a count, a date, a series
    ├── GraphError       (ValueError)    nodes, edges, cycles
    ├── PriorError       (ValueError)    a prior or a prior set
    ├── CaseError        (ValueError)    a case file or an argument of a forecast
    ├── ScenarioError    (ValueError)    rules that do not parse or do not partition
    ├── QuestionError    (ValueError)    a question that does not parse, or cannot be asked
    ├── InterventionError (ValueError)   a node, value or month that cannot be set
    ├── SamplingError    (RuntimeError)  a sampler that breaks off, or cannot begin
    ├── SourceError      (OSError)       a public source that cannot be asked, or a reply unfit
    └── StorageError     (OSError)       a saved forecast that is missing, damaged or in the way
        └── CorruptResultError           a damaged one: truncated, altered, swapped or hostile

Every message names the place (file, row or key), the value, what is allowed, and the cure.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


class CaucasusForecastError(Exception):
    """Base of every error this library raises on purpose."""


class EvidenceError(CaucasusForecastError, ValueError):
    """A row of evidence cannot be used as it stands."""


class GraphError(CaucasusForecastError, ValueError):
    """A causal graph is not one: unknown node, self-loop, contemporaneous cycle."""


class PriorError(CaucasusForecastError, ValueError):
    """A prior or a prior set is incomplete, unknown or out of range."""


class CaseError(CaucasusForecastError, ValueError):
    """A case file or an argument of a forecast is not usable."""


class ScenarioError(CaucasusForecastError, ValueError):
    """A scenario set does not parse, or is not exclusive and exhaustive."""


class QuestionError(CaucasusForecastError, ValueError):
    """A question does not parse, or cannot be asked of these futures."""


class InterventionError(CaucasusForecastError, ValueError):
    """A node, a value or a month that cannot be set from outside."""


class SamplingError(CaucasusForecastError, RuntimeError):
    """A sampler broke off twice, or could not begin."""


class StorageError(CaucasusForecastError, OSError):
    """A saved forecast is missing, damaged, newer than this version, or in the way."""


class CorruptResultError(StorageError):
    """A saved forecast is truncated, altered, swapped, or made to do harm."""


class SourceError(CaucasusForecastError, OSError):
    """A public source cannot be asked, or what it answered cannot be used."""


def expect(
    value: object, kinds: type | tuple[type, ...], what: str, cure: str,
    error: type[CaucasusForecastError],
) -> None:  # fmt: skip
    """Refuse an argument of another kind, as an error of this library.

    Examples
    --------
    >>> expect(3, str, "path", "give a text", StorageError)
    Traceback (most recent call last):
    caucasus_forecast.errors.StorageError: path is given as int; give a text
    """
    if not isinstance(value, kinds):
        raise error(f"{what} is given as {type(value).__name__}; {cure}")


def as_list(given: Any, what: str, error: type[CaucasusForecastError]) -> list[Any]:
    """A list of what was given; a text, of which a list would be its letters, is refused.

    Examples
    --------
    >>> as_list("agnostic", "sets", PriorError)
    Traceback (most recent call last):
    caucasus_forecast.errors.PriorError: sets is 'agnostic'; give a list, as ['agnostic']
    """
    if isinstance(given, str):
        raise error(f"{what} is {given!r}; give a list, as [{given!r}]")
    expect(given, Iterable, what, "give a list", error)
    return list(given)


def nearest(name: object, allowed: Iterable[str]) -> str:
    """Say which allowed name is meant, as the tail of an error message.

    Parameters
    ----------
    name
        What was given, in whatever case.
    allowed
        What may be given.

    Examples
    --------
    >>> nearest("tensoin", ["tension", "treaty"])
    "did you mean 'tension'? Allowed: tension, treaty"
    """
    options = sorted(allowed)
    plain = {option.casefold(): option for option in options}
    close = get_close_matches(str(name).casefold(), plain, n=1, cutoff=0.6)
    hint = f"did you mean {plain[close[0]]!r}? " if close else ""
    shown = ", ".join(options[:30]) + (f", … ({len(options)} in all)" if len(options) > 30 else "")
    return f"{hint}Allowed: {shown or 'none'}"
