"""What if: nodes set from outside, what that changes, and what would have been.

Three kinds of question, never mixed up (Pearl 2009, *Causality*, section 1.4):

- *association*: the futures in which something is seen (`Forecast.ask` with ``given``). Seeing
  tension calm also tells what made it calm.
- *intervention*: the futures when something is done (`Forecast.do`). The causes of what is set are
  cut, its effects follow, everything else keeps its own random numbers.
- *counterfactual*: the months that were, had something been done in them
  (`Forecast.counterfactual`). What happened first tells which random numbers were behind it.

Every comparison is between paths with the same parameters and the same random numbers.
"""

from .acts import Act, Shift, Times, read, sentence
from .arrows import arrows, refuse_on
from .counterfactual import Past, divided, past
from .effects import HALF_WIDTH, changed, effects
from .history import history
from .links import Link, links, links_table, refuse_ends
from .outlook import acted, looked_ahead, origin

__all__ = [
    "HALF_WIDTH",
    "Act",
    "Link",
    "Past",
    "Shift",
    "Times",
    "acted",
    "arrows",
    "changed",
    "divided",
    "effects",
    "history",
    "links",
    "links_table",
    "looked_ahead",
    "origin",
    "past",
    "read",
    "refuse_ends",
    "refuse_on",
    "sentence",
]
