"""The columns of the Georeferenced Event Dataset, and how its cells are read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

from ..errors import SourceError
from .cells import CHANGED, NUMBER, checked, day, whole

COLUMNS = (
    "id", "relid", "year", "active_year", "code_status", "type_of_violence", "conflict_dset_id",
    "conflict_new_id", "conflict_name", "dyad_dset_id", "dyad_new_id", "dyad_name",
    "side_a_dset_id", "side_a_new_id", "side_a", "side_b_dset_id", "side_b_new_id", "side_b",
    "number_of_sources", "source_article", "source_office", "source_date", "source_headline",
    "source_original", "where_prec", "where_coordinates", "where_description", "adm_1", "adm_2",
    "latitude", "longitude", "geom_wkt", "priogrid_gid", "country", "country_id", "region",
    "event_clarity", "date_prec", "date_start", "date_end", "deaths_a", "deaths_b",
    "deaths_civilians", "deaths_unknown", "best", "high", "low", "gwnoa", "gwnob",
)  # fmt: skip
NEEDED = (
    "id", "type_of_violence", "dyad_new_id", "dyad_name", "country", "country_id", "date_start",
    "date_end", "low", "best", "high", "side_a", "side_b", "gwnoa", "gwnob", "where_prec",
    "date_prec", "event_clarity", "code_status",
)  # fmt: skip
ESTIMATES = ("low", "best", "high")
NUMBERS = {
    "united states of america": 2, "russia (soviet union)": 365, "armenia": 371, "georgia": 372,
    "azerbaijan": 373, "iran": 630, "turkey": 640,
}  # fmt: skip


def header_of(
    where: str, cells: Sequence[str]
) -> tuple[tuple[str, ...], list[str], list[Sequence[str]]]:
    """The names of the columns, what is unusual about them, and the row if it is no header.

    Raises
    ------
    SourceError
        For a needed column that is not there, or there twice.
    """
    if len(cells) == len(COLUMNS) and cells[0].isdigit():
        return COLUMNS, ["it came without a header; the usual order of columns was taken"], [cells]
    columns = tuple(c.strip().lstrip("\ufeff").lower() for c in cells)
    notes = checked(where, columns, NEEDED, COLUMNS)
    return columns, notes, []


def number_of(row: Mapping[str, str], key: str, where: str) -> int:
    """A cell that holds a whole number.

    Raises
    ------
    SourceError
    """
    if (number := whole(row[key])) is not None:
        return number
    raise SourceError(
        f"{where}: {key} is {row[key][:40]!r}, not a whole number, 0 or more; {CHANGED}"
    )


def day_of(cell: str, where: str, key: str) -> date:
    """A cell that holds a day, with or without a midnight.

    Raises
    ------
    SourceError
    """
    if (found := day(cell)) is not None:
        return found
    raise SourceError(f"{where}: {key} is {cell[:40]!r}, not a day as 2024-02-01; {CHANGED}")


def codes_of(cell: str) -> list[str]:
    """The numbers in a cell that may hold several, such as ``"371, 373"``."""
    return [plain(part) for part in re.split(r"[,;\s]+", cell) if NUMBER.fullmatch(part)]


def plain(cell: str) -> str:
    """A whole number as it is written without a point: ``"371"`` for ``"371.0"``."""
    match = NUMBER.fullmatch(cell)
    return match[1] if match else cell
