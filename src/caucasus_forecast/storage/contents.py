"""What a whole forecast holds: groups, variables, attributes, and that they fit each other.

A seal says that a file is as it was written. It does not say that a forecast was written: whoever
makes a file can seal it. What is not here is refused before anything is read from it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import numpy as np
import xarray as xr

from .. import names
from ..names import CHAIN, DRAW, MONTH, OBSERVATION, PATH, SCENARIO, STATE

TEXTS = (
    "title", "case", "model", "prior_set", "priors", "scenario_set", "scenarios", "as_of", "graph",
    "graph_digest", "data_digest", "prior_digest", "reference_class", "sampler", "versions",
    "citation",
)  # fmt: skip
TABLES = ("case", "priors", "scenarios", "sampler", "versions")  # JSON objects
MAYBE = {"theory": dict, "repairs": list, "cautions": list}  # JSON, where they are there
NUMBERS = ("schema", "horizon", "seed")
SAMPLER = ("sampler", "used", "chains", "draws", "tune", "paths")
GATE = ("divergences", "max_rhat", "min_ess_bulk", "min_ess_tail")
EACH = (CHAIN, DRAW)
FUTURE = (CHAIN, DRAW, PATH, MONTH)
# group → variable → its dimensions, for what every model has
VARIABLES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    names.POSTERIOR: {"overdispersion": EACH},
    names.PRIOR: {"overdispersion": EACH},
    names.SAMPLE_STATS: {"diverging": EACH},
    names.LOG_LIKELIHOOD: {"evidence": (*EACH, MONTH)},
    names.LOG_PRIOR: {"overdispersion": EACH},
    names.SMOOTHED: {names.TENSION: (*EACH, MONTH)},
    names.OBSERVED_DATA: {
        "count": (OBSERVATION,), "series": (OBSERVATION,), "node": (OBSERVATION,),
        "start": (OBSERVATION,), "end": (OBSERVATION,), "days": (OBSERVATION, MONTH),
        "status": (STATE, MONTH), "at_risk": (STATE, MONTH), "changed": (STATE, MONTH),
    },
    names.CONSTANT_DATA: {},
    names.PREDICTIONS: {
        names.TENSION: FUTURE, names.DEATHS: FUTURE, names.RESOLVED: FUTURE,
        "count": (CHAIN, DRAW, PATH, names.NODE, MONTH),
        "status": (CHAIN, DRAW, PATH, STATE, MONTH),
        "share": (CHAIN, DRAW, PATH, names.SHARE, MONTH),
        names.AT_ORIGIN: (CHAIN, DRAW, PATH, names.SHARE),
    },
    names.FANS: {"fan": (names.SERIES, MONTH, names.QUANTILE)},
    names.SCENARIOS: {
        **dict.fromkeys(("probability", "mcse", "lower", "upper", "title"), (SCENARIO,)),
        "by_month": (SCENARIO, MONTH),
    },
    names.QUESTIONS: dict.fromkeys(
        ("probability", "mcse", "lower", "upper", "title", "label"), (names.ANSWER,)
    ),
    names.DIAGNOSTICS: dict.fromkeys(("rhat", "ess_bulk", "ess_tail"), ("parameter",)),
}  # fmt: skip

WORDS = {
    *("node", "series", "title", "label", "rule", "source", "void", "parameter"),
    *(names.EDGE, names.SHARE, STATE, SCENARIO, names.QUESTION),
}
DAYS = {MONTH, "start", "end"}
KINDS = {"text": "UOT", "dates": "M", "numbers": "iufb"}  # of NumPy


class Unlike(ValueError):  # noqa: N818 - the words go into the message of a CorruptResultError
    """What a tree lacks to be a forecast."""


def check(tree: xr.DataTree) -> None:
    """Refuse a tree that is not a whole forecast.

    Raises
    ------
    Unlike
        Naming what is missing, or does not fit.
    """
    _attributes(tree.attrs)
    for group, variables in VARIABLES.items():
        if group not in tree.children:
            raise Unlike(f"the group {group!r} is missing")
        _variables(group, tree.children[group].to_dataset(inherit=False), variables)
    _gate(tree[names.DIAGNOSTICS].attrs)
    _sizes(tree)
    _values(tree)


def _attributes(attrs: Mapping[Any, Any]) -> None:
    for key in TEXTS:
        if not isinstance(attrs.get(key), str):
            raise Unlike(f"its attribute {key!r} is not a text")
    for key in NUMBERS:
        if not isinstance(attrs.get(key), int):
            raise Unlike(f"its attribute {key!r} is not a whole number")
    for key, kind in {**dict.fromkeys(TABLES, dict), **MAYBE}.items():
        if key in attrs and not isinstance(_json(key, attrs[key]), kind):
            raise Unlike(f"its attribute {key!r} is not a JSON {kind.__name__}")
    if missing := [key for key in SAMPLER if key not in _json("sampler", attrs["sampler"])]:
        raise Unlike(f"its attribute 'sampler' has no {missing[0]!r}")
    try:
        date.fromisoformat(attrs["as_of"])
    except ValueError:
        raise Unlike(f"its attribute 'as_of' is {attrs['as_of'][:40]!r}, not a day") from None


def _json(key: str, text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        raise Unlike(f"its attribute {key!r} is not JSON") from None


def _variables(group: str, data: xr.Dataset, wanted: Mapping[str, tuple[str, ...]]) -> None:
    for name, dims in wanted.items():
        if name not in data.variables:
            raise Unlike(f"{group}/{name} is missing")
        if data[name].dims != dims:
            raise Unlike(f"{group}/{name} is not on {', '.join(dims)}")
    for key, variable in data.variables.items():
        kind = _kind(group, key)
        if variable.size and variable.dtype.kind not in KINDS[kind]:
            raise Unlike(f"{group}/{key} is {variable.dtype}, not {kind}")


def _kind(group: str, name: Any) -> str:
    """What a variable is made of; where months are parameters, they are labels."""
    labels = group in (names.POSTERIOR, names.PRIOR, names.LOG_PRIOR) and name == MONTH
    return "text" if labels or name in WORDS else "dates" if name in DAYS else "numbers"


def _gate(attrs: Mapping[Any, Any]) -> None:
    if attrs.get("passed") not in (0, 1):
        raise Unlike("its checks neither passed nor failed")
    for key in ("verdict", "remedy"):
        if not isinstance(attrs.get(key), str):
            raise Unlike(f"its checks have no {key}")
    for key in GATE:
        if not isinstance(attrs.get(key), int | float):
            raise Unlike(f"its checks have no {key}")


def _sizes(tree: xr.DataTree) -> None:
    """Refuse groups that speak of different draws or months."""
    sampler = json.loads(tree.attrs["sampler"])
    ids = tree[names.SCENARIOS].sizes[SCENARIO]
    if ids != len(json.loads(tree.attrs["scenarios"]).get("scenario", ())):
        raise Unlike(f"{ids} scenarios are not those of its rules")
    past = tree[names.OBSERVED_DATA].sizes[MONTH]
    wanted = {
        (names.POSTERIOR, names.SAMPLE_STATS, names.LOG_LIKELIHOOD, names.LOG_PRIOR,
         names.SMOOTHED, names.PREDICTIONS): {CHAIN: sampler["chains"], DRAW: sampler["draws"]},
        (names.PREDICTIONS,): {PATH: sampler["paths"]},
        (names.PREDICTIONS, names.FANS, names.SCENARIOS): {MONTH: tree.attrs["horizon"]},
        (names.LOG_LIKELIHOOD, names.SMOOTHED): {MONTH: past},
    }  # fmt: skip
    for groups, sizes in wanted.items():
        for group in groups:
            for dim, size in sizes.items():
                if tree[group].sizes[dim] != size:
                    raise Unlike(f"{group!r} has {tree[group].sizes[dim]} {dim}s, not {size}")


def _values(tree: xr.DataTree) -> None:
    count = tree[names.SCENARIOS].sizes[SCENARIO]
    posterior = tree[names.POSTERIOR].to_dataset()
    rules: dict[str, tuple[xr.DataArray, Callable[[np.ndarray], Any]]] = {
        f"{names.POSTERIOR}/{k}": (v, np.isfinite)
        for k, v in posterior.data_vars.items()
        if v.dtype.kind == "f"
    }
    resolved = tree.children[names.PREDICTIONS].to_dataset()[names.RESOLVED]
    rules["predictions/resolved"] = resolved, lambda x: (x >= 0) & (x < count)
    stats = tree.children[names.SAMPLE_STATS].to_dataset()
    if names.WEIGHT in stats:
        rules["sample_stats/weight"] = (
            stats[names.WEIGHT],
            lambda x: (x >= 0) & (abs(x.sum() - 1) < 1e-6),
        )
    for name, (values, fits) in rules.items():
        if not np.all(fits(values.to_numpy())):
            raise Unlike(f"{name} has values that cannot be")
