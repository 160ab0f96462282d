"""Rows in, validated once: series, dated observations, and the tables the package carries.

An observation is ``(start, end, series, count)``: a number over an interval of whole days, both
ends included. A series says which node it informs, how its rows are to be read and in which windows
its source looked; outside those windows it is missing, never zero.

Modes of a series:

- ``counts``: each row is a total over its own interval, and the rows are the coverage;
- ``events``: each row is one dated event, and a covered day without a row is a zero. A row that
  spans months is the total of its own interval;
- ``status``: each row is the day a yes/no state took the value `count`;
- ``share``: each row is a proportion over its interval.
"""

from .cautions import cautions
from .cells import LARGEST, blank, count_of, month_of
from .counts import Read, read, read_counts
from .embedded import by_month, load, table
from .events import SPANNING, Event, monthly
from .freshness import fresh, refuse_untimely, retrieved, to_come
from .history import out_of_reach, too_short
from .problems import Problem, TableError
from .reading import Reading, reading_of
from .rows import (
    MODES,
    ONE_DAY,
    Evidence,
    Observation,
    Series,
    Window,
    is_total,
    month_from,
    without,
)
from .settling import between, filled, gaps, spans
from .tables import table_rows

__all__ = [
    "LARGEST",
    "MODES",
    "ONE_DAY",
    "SPANNING",
    "Event",
    "Evidence",
    "Observation",
    "Problem",
    "Read",
    "Reading",
    "Series",
    "TableError",
    "Window",
    "between",
    "blank",
    "by_month",
    "cautions",
    "count_of",
    "filled",
    "fresh",
    "gaps",
    "is_total",
    "load",
    "month_from",
    "month_of",
    "monthly",
    "out_of_reach",
    "read",
    "read_counts",
    "reading_of",
    "refuse_untimely",
    "retrieved",
    "spans",
    "table",
    "table_rows",
    "to_come",
    "too_short",
    "without",
]
