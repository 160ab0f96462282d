"""Fields of a graph file, each read with the place, the value and the cure at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import GraphError, nearest
from ..named import shown


def known(body: Mapping[str, Any], allowed: Iterable[str], where: str) -> None:
    """Refuse a key that does not exist."""
    allowed = tuple(allowed)
    for key in body:
        if key not in allowed:
            raise GraphError(f"{where}: unknown key {key!r}; {nearest(key, allowed)}")


def tables(body: Mapping[str, Any], key: str, where: str) -> list[tuple[str, Mapping[str, Any]]]:
    """The tables ``[[key]]``, each with its place."""
    found = body.get(key, [])
    if not isinstance(found, list) or not all(isinstance(x, Mapping) for x in found):
        raise GraphError(f"{where}: {key!r} must be tables, written [[{key}]]")
    return [(f"{where}: {key} {i}", x) for i, x in enumerate(found, start=1)]


def text(body: Mapping[str, Any], key: str, where: str, default: str | None = None) -> str:
    """A text; it must be there if it has no default."""
    value = body.get(key, default)
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise GraphError(f"{where}: {key!r} is {shown(value)}; write a text")
    return value


def whole(body: Mapping[str, Any], key: str, where: str, default: int) -> int:
    """A whole number."""
    value = body.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise GraphError(f"{where}: {key!r} is {shown(value)}; write a whole number")
    return value


def texts(body: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    """A list of texts, empty if it is not there."""
    value = body.get(key, [])
    if not isinstance(value, list | tuple) or not all(isinstance(x, str) for x in value):
        raise GraphError(f"{where}: {key!r} is {shown(value)}; write a list of texts")
    return tuple(value)
