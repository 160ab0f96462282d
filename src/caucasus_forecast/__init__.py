"""Bayesian scenario forecasts from a causal theory of the Armenia-Azerbaijan conflict.

>>> import caucasus_forecast as cf
>>> cf.priors.load("agnostic")["tension->pressure"]
Normal(mu=0, sigma=0.5)

Names are imported when first used: the light ones (`priors`, `graph`, `evidence`) do not wait for
the sampler.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import baselines, evidence, graph, identification, priors, scoring
    from .backtesting import Backtest, backtest
    from .case import Case
    from .errors import (
        CaseError,
        CaucasusForecastError,
        EvidenceError,
        GraphError,
        PriorError,
        QuestionError,
        ScenarioError,
        StorageError,
    )
    from .forecasting import Forecast, compare_priors, forecast, load, run
    from .priors import Normal, Prior, PriorSet

_HOME = {
    "Backtest": "backtesting",
    "Case": "case",
    "CaseError": "errors",
    "CaucasusForecastError": "errors",
    "EvidenceError": "errors",
    "Forecast": "forecasting",
    "GraphError": "errors",
    "Normal": "priors",
    "Prior": "priors",
    "PriorError": "errors",
    "PriorSet": "priors",
    "QuestionError": "errors",
    "ScenarioError": "errors",
    "StorageError": "errors",
    "backtest": "backtesting",
    "baselines": "",
    "compare_priors": "forecasting",
    "evidence": "",
    "forecast": "forecasting",
    "graph": "",
    "identification": "",
    "load": "forecasting",
    "priors": "",
    "run": "forecasting",
    "scoring": "",
}

__version__ = "0.1.0"
__all__ = [
    "Backtest",
    "Case",
    "CaseError",
    "CaucasusForecastError",
    "EvidenceError",
    "Forecast",
    "GraphError",
    "Normal",
    "Prior",
    "PriorError",
    "PriorSet",
    "QuestionError",
    "ScenarioError",
    "StorageError",
    "backtest",
    "baselines",
    "compare_priors",
    "evidence",
    "forecast",
    "graph",
    "identification",
    "load",
    "priors",
    "run",
    "scoring",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOME[name]
    if not home:
        return import_module(f".{name}", __name__)
    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
