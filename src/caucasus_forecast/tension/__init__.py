"""The tension processes: how tension moves, and how battle deaths read it.

Three processes share one interface; a model is a process and a graph.

`Ladder` (the default): ordered levels ``k`` with reference-class death counts and transitions, and
two dyad parameters that tilt them,

    A(i, j) ∝ A_ref(i, j) · exp( γ (s_j − s_i) − ω |s_j − s_i| ),    γ = (drift + pull) / response
    deaths | level k, m months  ~  NegBinomial(mean_k · m, size_k · m)

`s` is the tension score of a level in standard deviations of the dyad's own smoothed history up to
the origin, bounded so that a war does not decide every slope: ``s = 2 tanh(raw / 2)``. `pull` is
the weighted sum of tension's causes; `response` is how far the long-run mean score moves per unit
of γ under the reference class, so that a slope of 0.5 moves it by about half a standard deviation.

`Drift`: continuous log intensity, ``x[t] = persistence · x[t-1] + (1 − persistence) · pull + ε``
with unit long-run variance, score ``2 tanh(x / 2)``, deaths negative binomial with mean
``exp(level + loading · x)``.

`OwnHistory`: the last 36 months come again, in any order, with Bayesian-bootstrap weights; tension
carries no score: the naive benchmark.
"""

from __future__ import annotations

from .common import BOUND, Replay, bounded, stationary
from .drift import Drift, death_path_terms
from .fit import fit_ladder
from .ladder import Ladder, Monthly
from .own_history import OwnHistory, own_history

Process = Ladder | Drift | OwnHistory

__all__ = [
    "BOUND",
    "Drift",
    "Ladder",
    "Monthly",
    "OwnHistory",
    "Process",
    "Replay",
    "bounded",
    "death_path_terms",
    "fit_ladder",
    "own_history",
    "stationary",
]
