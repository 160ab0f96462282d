"""Named futures with written rules, and their probabilities.

A scenario set is data (TOML): scenarios with conditions, a rule in words, a source and what voids
it, and side questions with answers. In an ordered set the first scenario whose conditions all hold
is the one resolved; an unordered set must be exclusive by itself. Either way every simulated future
must resolve to exactly one scenario, at every month of the horizon.

A condition is a measure of one series and a comparison. Measures, at month *h* of the horizon:

- ``max``, ``total``, ``mean`` of the monthly counts of months 1..h (or the ``last`` n of them);
- ``status`` of an event node: 1 while its state holds (peacekeepers present, treaty signed);
- ``share`` at *h*, and its ``change`` since the origin.

Probabilities are means over all paths; their Monte Carlo errors and intervals are those of
`caucasus_forecast.estimate`.

The parts: ``rules`` (what a set is), ``files`` (its TOML form), ``resolution`` (which scenario a
future is), ``checking`` and ``paper`` (whether a set partitions, on simulated futures and on the
finite grid of its bounds), ``tables`` (rows for people).
"""

from .checking import Check, Fault, check, refuse_unknown
from .files import ScenarioFile, available, from_fields, from_json, load, read
from .resolution import answer, measure, resolve, summarise
from .rules import MEASURES, WINDOWED, Condition, Question, Scenario, ScenarioSet
from .tables import Table, interval, percent, points

__all__ = [
    "MEASURES",
    "WINDOWED",
    "Check",
    "Condition",
    "Fault",
    "Question",
    "Scenario",
    "ScenarioFile",
    "ScenarioSet",
    "Table",
    "answer",
    "available",
    "check",
    "from_fields",
    "from_json",
    "interval",
    "load",
    "measure",
    "percent",
    "points",
    "read",
    "refuse_unknown",
    "resolve",
    "summarise",
]
