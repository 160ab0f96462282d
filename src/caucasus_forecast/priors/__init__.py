"""Beliefs are data: complete, named sets of priors, one TOML file each.

A set gives every parameter of every model one entry:

    ["tension->transport_delay"]
    dist = "Normal"
    kwargs = { mu = 0.65, sigma = 0.2 }
    why = "the article: clashes block the reopening"
    claims = ["tension-to-transport-delay"]

A file is whole: no inheritance, no pointers, nothing executed. `dist` and `kwargs` are spelt as in
``pymc_extras.prior.Prior.to_dict``, and such an object, or a dict, is accepted wherever a prior is.

A slope is the change of its effect, in the effect's own unit, for one standard deviation of its
cause: standard deviations of an index, log monthly rate of a count, log cumulative hazard of an
event, log odds of a share.
"""

from .distributions import (
    DISTRIBUTIONS,
    POSITIVE,
    REAL,
    UNIT,
    Normal,
    Prior,
    as_prior,
    check_support,
    frozen,
)
from .files import Difference, Written, diff, list, load, open_file, read, resolve, written
from .keys import SHARED_PARAMETERS, Layout, coordinates, layout, parameters
from .pooling import pool, to_toml
from .sets import PriorSet

__all__ = [
    "DISTRIBUTIONS",
    "POSITIVE",
    "REAL",
    "SHARED_PARAMETERS",
    "UNIT",
    "Difference",
    "Layout",
    "Normal",
    "Prior",
    "PriorSet",
    "Written",
    "as_prior",
    "check_support",
    "coordinates",
    "diff",
    "frozen",
    "layout",
    "list",
    "load",
    "open_file",
    "parameters",
    "pool",
    "read",
    "resolve",
    "to_toml",
    "written",
]
