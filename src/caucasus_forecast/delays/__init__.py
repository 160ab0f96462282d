"""Counts that are not final yet: how much of a month is told while it is fresh.

The deaths of a month that is so many months old have been told in part, or some that were told will
be withdrawn. With the hidden rate λ behind the deaths `y` of a level,

    λ ~ Gamma(size, size / mean),   y | λ ~ Poisson(λ)      so  y ~ NegBinomial(mean, size),

and `x` the ratio of what is told, `r`, to what there is,

    x ≤ 1:  r | y ~ Binomial(y, x)         each death is told by then with probability x
    x > 1:  y | r ~ Binomial(r, 1 / x)     each that is told stands with probability 1 / x

both give r | λ ~ Poisson(x λ), and therefore exactly

    r ~ NegBinomial(x · mean, size).

That withdrawn deaths come from the same rate is an assumption. `x` is not known for a fresh month.
It has a distribution for each age, kept as J equally likely values (`ReportingDelay`), and

    P(r | level) = 1/J Σ_j NegBinomial(r; x_j · mean, size).

`measure` finds them from vintages of the same months. Switched on with ``delays=`` of
`caucasus_forecast.forecast`; off unless asked for.
"""

from .measuring import LEAST, SETTLED, Told, Vintage, compared, measure, ratios
from .panels import AGE, DELAYS, aged, ages, as_before, carried, of, published, sentence
from .values import ReportingDelay, age, from_json, load

__all__ = [
    "AGE",
    "DELAYS",
    "LEAST",
    "SETTLED",
    "ReportingDelay",
    "Told",
    "Vintage",
    "age",
    "aged",
    "ages",
    "as_before",
    "carried",
    "compared",
    "from_json",
    "load",
    "measure",
    "of",
    "published",
    "ratios",
    "sentence",
]
