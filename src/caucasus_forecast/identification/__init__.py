"""What the graph lets data say about a cause, and what it forbids data to say at all.

**Identification.** Whether the total effect of a cause in month *t − lag* on an effect in month
*t*, the distribution P(effect | do(cause)), is a function of the distribution of what is measured,
whatever the hidden nodes do. The graph is unrolled over months (`caucasus_forecast.graph.unroll`),
and every hidden level is given its **reading**: battle deaths are ``"reading of tension"``, the
counted overtures ``"reading of pressure"``. A reading is a child of its level. It neither stands in
for the level nor blocks a path through it. As in `caucasus_forecast.equations`, arrows of the same
month leave the level and lagged arrows leave the count. A moderator and a gate are causes like any
other: an arrow says *may depend on*, in whatever form. An arrow claimed absent (sign 0) is an arrow
here, since the model gives it a slope.

**Falsification.** The conditional independences the graph implies among what is measured, each
tested where there are months enough: a rank correlation, a block permutation, Holm's correction.

References
----------
Pearl (2009), *Causality*, sections 3.3 and 3.4. Tian (2002), *Studies in Causal Reasoning and
Learning*, and Huang & Valtorta (2006), the general algorithm and its completeness. Holm (1979).
"""

from .independences import (
    CONTRADICTED,
    HOLDS,
    UNTESTED,
    Independence,
    check_independences,
    holm,
    implied_independences,
    monthly,
    permutation_test,
    residuals,
)
from .readings import evidenced, measurable, measured, reading
from .verdicts import VERDICTS, Identification, examine, identify, summary, to_measure

__all__ = [
    "CONTRADICTED",
    "HOLDS",
    "UNTESTED",
    "VERDICTS",
    "Identification",
    "Independence",
    "check_independences",
    "evidenced",
    "examine",
    "holm",
    "identify",
    "implied_independences",
    "measurable",
    "measured",
    "monthly",
    "permutation_test",
    "reading",
    "residuals",
    "summary",
    "to_measure",
]
