"""Rows that come page by page: whole, and all of one moment."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import SourceError


class MovingError(Exception):
    """The rows changed while pages were read; says how."""


def steady[T](where: str, pages: Callable[[], T]) -> T:
    """All pages of a query; begun again once if its rows changed meanwhile.

    Parameters
    ----------
    where
        The source and the query, for messages.
    pages
        Reads them; raises `MovingError` for rows that change.

    Raises
    ------
    SourceError
        If they changed twice.
    """
    for _ in range(2):
        try:
            return pages()
        except MovingError as error:
            trouble = str(error)
    raise SourceError(f"{where}: {trouble}, twice; the data is being changed, wait a while")


def same_total(before: int | None, now: int | None) -> int | None:
    """The number of rows that pages announce, where they do.

    Raises
    ------
    MovingError
        If two pages announce different ones.

    Examples
    --------
    >>> same_total(None, 7), same_total(7, None), same_total(7, 7)
    (7, 7, 7)
    """
    if before is not None and now is not None and before != now:
        raise MovingError(f"the number of rows went from {before} to {now}")
    return before if now is None else now


def refuse_partial(where: str, came: int, announced: int | None) -> None:
    """Refuse rows that are not as many as were announced.

    Raises
    ------
    SourceError
    """
    if announced is not None and came != announced:
        raise SourceError(
            f"{where}: {came} different rows came of the {announced} announced; a page is missing "
            "or came twice, try again later"
        )
