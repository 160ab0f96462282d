"""The causal graph: nodes, edges and their reasons. Knows neither data nor PyMC.

An edge says that its cause moves its effect, with a sign, in the same month (``lag = 0``) or one
month later (``lag = 1``), and carries the ids of the claims it rests on and a reason. Edges of the
same month form a directed acyclic graph; feedback is lagged.

Node kinds:

- ``process``: the hidden tension ladder (or any other tension process);
- ``index``: a standardised level, a weighted sum of its causes;
- ``count``: a level read through monthly counts;
- ``event``: a yes/no state that changes once, at a monthly hazard;
- ``share``: a level read through a proportion.

Separation questions are answered on the graph unrolled over a few months, in which ``"tension"``
is this month's tension and ``"tension@-1"`` last month's; processes, events and shares persist
from one month to the next.

A graph of one's own is a file (`load`), or the shipped one changed (`drop`, `reverse`, `add`).
"""

from .causal import (
    KINDS,
    PERSISTENT,
    ROLES,
    SIGNS,
    CausalGraph,
    Edge,
    Kind,
    Node,
    Role,
    Sign,
    holds,
)
from .changes import add, cut, drop, reverse
from .drawing import to_mermaid, to_svg
from .files import GraphFile, available, from_fields, load, open_file, read
from .ledger import ARTICLE, Claim, claims
from .separation import adjustment_sets, d_separated, paths, unroll

__all__ = [
    "ARTICLE",
    "KINDS",
    "PERSISTENT",
    "ROLES",
    "SIGNS",
    "CausalGraph",
    "Claim",
    "Edge",
    "GraphFile",
    "Kind",
    "Node",
    "Role",
    "Sign",
    "add",
    "adjustment_sets",
    "available",
    "claims",
    "cut",
    "d_separated",
    "drop",
    "from_fields",
    "holds",
    "load",
    "open_file",
    "paths",
    "read",
    "reverse",
    "to_mermaid",
    "to_svg",
    "unroll",
]
