"""Every dimension, variable and group name of a forecast, each said once.

The names below are the public schema (`docs/schema.md`): renaming one is a breaking change.
"""

from typing import Final

# dimensions
CHAIN: Final = "chain"
DRAW: Final = "draw"
PATH: Final = "path"
MONTH: Final = "month"
OBSERVATION: Final = "observation"
EDGE: Final = "edge"
NODE: Final = "node"
SHARE: Final = "indicator"
STATE: Final = "state"
SERIES: Final = "series"
SCENARIO: Final = "scenario"
QUESTION: Final = "question"
ANSWER: Final = "answer"
LEVEL: Final = "level"
HISTORY: Final = "history"
QUANTILE: Final = "quantile"

# dimensions of scores, which no saved forecast holds
CLASS: Final = "class"
ORIGIN: Final = "origin"

# groups of the saved tree
POSTERIOR: Final = "posterior"
PRIOR: Final = "prior"
SAMPLE_STATS: Final = "sample_stats"
LOG_LIKELIHOOD: Final = "log_likelihood"
LOG_PRIOR: Final = "log_prior"
OBSERVED_DATA: Final = "observed_data"
CONSTANT_DATA: Final = "constant_data"
SMOOTHED: Final = "smoothed"
PREDICTIONS: Final = "predictions"
FANS: Final = "fans"
SCENARIOS: Final = "scenarios"
QUESTIONS: Final = "questions"
DIAGNOSTICS: Final = "diagnostics"
GROUPS: Final = (
    POSTERIOR, PRIOR, SAMPLE_STATS, LOG_LIKELIHOOD, LOG_PRIOR, OBSERVED_DATA, CONSTANT_DATA,
    SMOOTHED, PREDICTIONS, FANS, SCENARIOS, QUESTIONS, DIAGNOSTICS,
)  # fmt: skip

# what each draw counts for, in sample_stats, where draws were reweighted, and the ratio behind it
WEIGHT: Final = "weight"
LOG_RATIO: Final = "log_ratio"

# of the futures: the scenario of every path and month, and each share at the origin
RESOLVED: Final = "resolved"
AT_ORIGIN: Final = "share_at_origin"

# the interval shown everywhere: equal-tailed, this mass
INTERVAL_MASS: Final = 0.9

# quantiles of a fan: the median, and the 50 % and 90 % bands
FAN_QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)

# one month of exposure, in days
DAYS_PER_MONTH: Final = 365.25 / 12

# the series a bare `month,count` table is read as, and the node it informs
DEATHS: Final = "battle_deaths"
TENSION: Final = "tension"
