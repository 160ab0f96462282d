"""What is counted of ACLED's events, as which series, and how it is to be cited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import SourceError, nearest
from ..evidence import Event, Window
from ..names import DEATHS
from .acled_rows import TYPES, VIOLENCE, AcledEvent, Rows
from .fetched import Fetched, Used, counted, totals

COUNTS = ("fatalities", "events")
REFERENCE = (
    "Raleigh, Clionadh, Roudabeh Kishi, and Andrew Linke (2023). Political instability patterns "
    "are obscured by conflict dataset scope conditions, sources, and coding choices. Humanities "
    "and Social Sciences Communications 10, 74. https://doi.org/10.1057/s41599-023-01559-4"
)
TERMS = (
    "ACLED's terms (https://acleddata.com): name ACLED with the day of access wherever you show "
    "numbers made of its data, say how they were made, and do not pass its rows on."
)


@dataclass(frozen=True, slots=True)
class Counting:
    """What is counted, of which types of event, as which series.

    Parameters
    ----------
    count
        ``fatalities`` or ``events``.
    event_types
        Some of ACLED's six.
    series
        Its name; fatalities of organised violence are ``battle_deaths`` where there is none.

    Raises
    ------
    SourceError
        If there is no such count or type, or the series needs a name.
    """

    count: str
    event_types: tuple[str, ...]
    series: str = ""

    def __post_init__(self) -> None:
        if self.count not in COUNTS:
            raise SourceError(f"count is {self.count!r}; {nearest(self.count, COUNTS)}")
        for name in self.event_types:
            if name not in TYPES:
                raise SourceError(f"event type {name!r}: {nearest(name, TYPES)}")
        if not self.event_types:
            raise SourceError(f"no event type is asked for; name one of {', '.join(TYPES)}")
        violent = self.count == "fatalities" and set(self.event_types) <= set(VIOLENCE)
        if not (self.series or violent):
            raise SourceError(
                f"these counts are not {DEATHS}; name the series that they are of: series=..., "
                "--series"
            )
        if self.series == DEATHS and self.count == "events":
            raise SourceError(f"series is {DEATHS!r}, and events are not deaths; name another")
        object.__setattr__(self, "series", self.series or DEATHS)

    def of(self, event: AcledEvent) -> Event:
        """An event as it is counted."""
        number = event.fatalities if self.count == "fatalities" else 1
        return Event(Window(event.day, event.day), number)


def by_month(
    rows: Rows, coverage: Window, what: Counting, places: Sequence[str], used: tuple[Used, ...],
    notes: Sequence[str],
) -> Fetched:  # fmt: skip
    """Counts of the events on the days covered, with their citation and without the rows.

    Parameters
    ----------
    rows
        All events.
    coverage
        The days that were looked at.
    what
        Which events count, and for how much.
    places
        The countries.
    used
        What was read; its newest day is the day of access.
    notes
        What is unusual so far.
    """
    inside = [
        e
        for e in rows.events
        if e.event_type in what.event_types and coverage.start <= e.day <= coverage.end
    ]
    types = ", ".join(what.event_types)
    attribution = (
        f"ACLED (Armed Conflict Location & Event Data), acleddata.com, accessed "
        f"{max(u.retrieved for u in used)[:10]}: {what.count} of {types} in {', '.join(places)}, "
        "summed by month"
    )
    vague = sum(not e.exact for e in inside)
    said = [
        f"events counted: {len(inside)}; the newest of any type is of {rows.events[-1].day}",
        *[f"rows that told of an event again, counted once: {rows.repeated}"] * bool(rows.repeated),
        *[f"events dated to a week or a month, counted on ACLED's day: {vague}"] * bool(vague),
    ]
    return Fetched(
        source="ACLED",
        observations=counted(map(what.of, inside), [coverage], what.series, attribution),
        coverage=(coverage,),
        chosen={
            "series": what.series,
            "count": what.count,
            "event_types": list(what.event_types),
            "countries": list(places),
        },
        totals=totals(inside, ("country", "event_type"), ("fatalities",), "fatalities"),
        releases=used,
        attribution=attribution,
        references=(REFERENCE, TERMS),
        notes=(*notes, *rows.notes, *said),
    )
