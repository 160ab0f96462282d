"""Scores of count forecasts, and how sure one may be of them.

A forecast is an ensemble of draws (optionally weighted), or the probabilities of classes. Scores
are losses: lower is better. Every score is proper: in expectation no forecast beats the true
distribution (the pseudo-counts of `ignorance` leave a gain of less than 0.01 bits). All work alike
on arrays, whose last axis holds the draws or the classes, and on `xarray.DataArray`, whose
dimensions meet by name; the score has one value for each target.

    of draws          crps  log1p_crps  threshold_crps  interval  pit
    of probabilities  ignorance  rps  brier  partition_brier  partition_log
    of an interval    interval_score  covered
    of a transform    pit_given_positive  pit_histogram  pit_uniformity
    of many targets   skill  skill_interval

`class_probability` and `at_least` lead from draws to probabilities.

A missing value (NaN) is refused unless `missing` says otherwise: ``"keep"`` gives the target a
missing score, ``"drop"``, where targets are summed up, leaves it out. An infinite value is refused.
"""

from ..names import CLASS, ORIGIN
from .calibration import pit, pit_given_positive, pit_histogram, pit_uniformity
from .draws import (
    CLASSES,
    at_least,
    class_probability,
    crps,
    log1p_crps,
    threshold_crps,
)
from .intervals import MASSES, covered, interval, interval_score
from .probabilities import (
    BINS,
    THRESHOLDS,
    brier,
    ignorance,
    partition_brier,
    partition_log,
    rps,
)
from .skills import Skill, skill, skill_interval

__all__ = [
    "BINS",
    "CLASS",
    "CLASSES",
    "MASSES",
    "ORIGIN",
    "THRESHOLDS",
    "Skill",
    "at_least",
    "brier",
    "class_probability",
    "covered",
    "crps",
    "ignorance",
    "interval",
    "interval_score",
    "log1p_crps",
    "partition_brier",
    "partition_log",
    "pit",
    "pit_given_positive",
    "pit_histogram",
    "pit_uniformity",
    "rps",
    "skill",
    "skill_interval",
    "threshold_crps",
]
