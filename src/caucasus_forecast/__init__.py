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
    from . import (
        baselines,
        delays,
        evidence,
        exchange,
        graph,
        identification,
        ledger,
        priors,
        scoring,
    )
    from .backtesting import Backtest, backtest
    from .case import Case
    from .contesting import Contest, contest
    from .errors import (
        CaseError,
        CaucasusForecastError,
        CorruptResultError,
        EvidenceError,
        GraphError,
        InterventionError,
        PriorError,
        QuestionError,
        SamplingError,
        ScenarioError,
        SourceError,
        StorageError,
    )
    from .forecasting import Forecast, compare_priors, counterfactual, forecast, load, run
    from .interventions import Shift, Times
    from .priors import Normal, Prior, PriorSet

_HOME = {
    "Backtest": "backtesting",
    "Case": "case",
    "CaseError": "errors",
    "CaucasusForecastError": "errors",
    "Contest": "contesting",
    "CorruptResultError": "errors",
    "EvidenceError": "errors",
    "Forecast": "forecasting",
    "GraphError": "errors",
    "InterventionError": "errors",
    "Normal": "priors",
    "Prior": "priors",
    "PriorError": "errors",
    "PriorSet": "priors",
    "QuestionError": "errors",
    "SamplingError": "errors",
    "ScenarioError": "errors",
    "Shift": "interventions",
    "SourceError": "errors",
    "StorageError": "errors",
    "Times": "interventions",
    "backtest": "backtesting",
    "baselines": "",
    "compare_priors": "forecasting",
    "contest": "contesting",
    "counterfactual": "forecasting",
    "delays": "",
    "evidence": "",
    "exchange": "",
    "forecast": "forecasting",
    "graph": "",
    "identification": "",
    "ledger": "",
    "load": "forecasting",
    "priors": "",
    "run": "forecasting",
    "scoring": "",
    "sources": "",
}

__version__ = "0.1.0"
__all__ = [
    "Backtest",
    "Case",
    "CaseError",
    "CaucasusForecastError",
    "Contest",
    "CorruptResultError",
    "EvidenceError",
    "Forecast",
    "GraphError",
    "InterventionError",
    "Normal",
    "Prior",
    "PriorError",
    "PriorSet",
    "QuestionError",
    "SamplingError",
    "ScenarioError",
    "Shift",
    "SourceError",
    "StorageError",
    "Times",
    "backtest",
    "baselines",
    "compare_priors",
    "contest",
    "counterfactual",
    "delays",
    "evidence",
    "exchange",
    "forecast",
    "graph",
    "identification",
    "ledger",
    "load",
    "priors",
    "run",
    "scoring",
    "sources",
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
