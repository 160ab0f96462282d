"""What every export carries: what it was made from, what its checks said, and under which terms."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, Final

from .. import names
from ..case import EMBEDDED
from ..updating.evidence import own_series
from .naming import Named

SOFTWARE: Final = (
    "Software: caucasus-forecast, Apache License 2.0 (https://www.apache.org/licenses/LICENSE-2.0)"
)
UCDP: Final = (
    "Data: UCDP Georeferenced Event Dataset and UCDP Candidate Events Dataset, Uppsala Conflict "
    "Data Program, CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/); aggregated to months "
    "and modelled, so changed"
)
OWN: Final = "Counts given by the user: under the terms of their source"
KINDS: Final = ("forecast", "intervention", "counterfactual")
CHECKS: Final = ("divergences", "max_rhat", "min_ess_bulk", "min_ess_tail")


def licences(case: dict[str, Any], own: Sequence[str] = ()) -> tuple[str, ...]:
    """The licence lines of a forecast of a case; `own` are series that the user counted.

    Examples
    --------
    >>> len(licences({"evidence": "embedded"})), len(licences({"evidence": "counts.csv"}))
    (2, 3)
    >>> len(licences({"evidence": "embedded"}, ["battle_deaths"]))  # since an update
    3
    """
    embedded = case["evidence"] == EMBEDDED and not own
    return (SOFTWARE, UCDP) if embedded else (SOFTWARE, UCDP, OWN)


def facts(named: Named) -> dict[str, Any]:
    """What made a forecast, with nothing that JSON does not have.

    Keys: ``scenario_id`` (as written), ``kind``, ``done``, ``title``, ``as_of``, ``horizon``,
    ``model``, ``prior_set``, ``scenario_set``, ``graph``, ``reference_class`` (its vintage),
    ``seed``, ``digest`` (of the result), ``data_digest``, ``prior_digest``, ``graph_digest``,
    ``versions`` (of what made the draws), ``checks``, ``notes``, ``repairs``, ``citation``,
    ``licences``.
    """
    forecast, attrs = named.forecast, named.forecast.tree.attrs
    done = forecast.labels[0].partition(": ") if forecast.labels else ("forecast", "", "")
    copied = (
        "title", "as_of", "horizon", "model", "prior_set", "scenario_set", "graph",
        "reference_class", "seed", "data_digest", "prior_digest", "graph_digest",
    )  # fmt: skip
    return (
        {"scenario_id": named.marked, "kind": done[0], "done": done[2]}
        | {key: attrs[key] if isinstance(attrs[key], str) else int(attrs[key]) for key in copied}
        | {
            "digest": forecast.digest,
            "versions": json.loads(attrs["versions"]),
            "checks": checks(named),
            "notes": list(forecast.notes),
            "repairs": json.loads(attrs.get("repairs", "[]")),
            "citation": attrs["citation"],
            "licences": list(licences(json.loads(attrs["case"]), own_series(forecast.study))),
        }
    )


def checks(named: Named) -> dict[str, Any]:
    """What the checks of the fit said."""
    gate = named.forecast.tree[names.DIAGNOSTICS].attrs
    said = {key: str(gate[key]) for key in ("verdict", "remedy")}
    numbers = {key: finite(gate[key]) for key in CHECKS if key in gate}
    return {"passed": named.forecast.passed} | said | numbers


def finite(value: Any) -> float | None:
    """A number, or None where it is not finite.

    Examples
    --------
    >>> finite(1), finite(float("inf"))
    (1.0, None)
    """
    number = float(value)
    return number if math.isfinite(number) else None
