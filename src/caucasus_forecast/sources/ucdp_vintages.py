"""What UCDP said on each day on which a release came out, from the releases in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from ..errors import SourceError, nearest
from .cache import Cache, Entry, usable
from .cells import given, several
from .ucdp import COUNTRIES, FIRST, Chosen, chosen, fetched
from .ucdp_cells import ESTIMATES
from .ucdp_downloads import Downloads
from .ucdp_fetched import UcdpFetched
from .ucdp_releases import FIRST_DAY, Release
from .ucdp_rows import Table, UcdpEvent, Wanted, refuse_unknown


@dataclass
class _Once:
    """A road on which every release is read once."""

    road: Downloads
    read: dict[Release, tuple[Entry, Table] | None] = field(default_factory=dict)

    def offered(self) -> set[Release]:
        return self.road.offered()

    def table(self, release: Release) -> tuple[Entry, Table] | None:
        if release not in self.read:
            self.read[release] = self.road.table(release)
        return self.read[release]


def ucdp_vintages(
    countries: Sequence[str | int] = COUNTRIES,
    *,
    first: date | str = FIRST,
    estimate: str = "best",
    cache: Cache | None = None,
) -> tuple[tuple[UcdpFetched, ...], ...]:
    """For each country, its counts as they stood on each day on which a cached release came out.

    Nobody is asked: `ucdp` with `as_of` brings the releases of past days. Each vintage is what
    ``ucdp(country, as_of=day, offline=True)`` gives, but for events elsewhere between the
    governments.

    Parameters
    ----------
    countries
        Names as UCDP has them, or its numbers.
    first, estimate, cache
        As in `ucdp`.

    Returns
    -------
    For each country, its vintages, oldest first: what `caucasus_forecast.delays.measure` takes.

    Raises
    ------
    SourceError
        If an argument is not usable, or the cache has no release, or none with a country's name.
    """
    if estimate not in ESTIMATES:
        raise SourceError(f"estimate is {estimate!r}; {nearest(estimate, ESTIMATES)}")
    places = several(countries, "countries")
    kept, wanted = usable(cache) or Cache("ucdp"), Wanted(places)
    begin = given(first, "first", FIRST_DAY, kept.now().date(), "UCDP")
    road = _Once(Downloads(None, kept, wanted))
    there = [found for release in road.offered() if (found := road.table(release)) is not None]
    if not there:
        raise SourceError(
            f"no release of UCDP is in the cache ({kept.folder}); fetch some: ucdp(as_of=...), "
            "fetch ucdp --as-of"
        )
    refuse_unknown(wanted, [table for _, table in there])
    days = sorted({table.release.published(entry) for entry, table in there})
    whole = [fetched(taken, begin, day, estimate, past=True) for day in days
             if (taken := _chosen(road, day)) is not None]  # fmt: skip
    return tuple(tuple(_within(vintage, place) for vintage in whole) for place in places)


def _chosen(road: _Once, day: date) -> Chosen | None:
    """What was out on a day; None if no final release was."""
    try:
        return chosen(road, day)
    except SourceError:
        return None


def _within(vintage: UcdpFetched, country: str | int) -> UcdpFetched:
    def there(event: UcdpEvent) -> bool:
        place = str(country).casefold()
        return place in (event.country.casefold(), str(event.country_id))

    return vintage.only(there)
