"""What several test files share."""

import numpy as np

from caucasus_forecast.tension import Ladder

LADDER = Ladder(
    mean=np.array([0.2, 1.0, 4.0]),
    size=np.array([0.5, 1.0, 2.0]),
    log_reference=np.log([[0.8, 0.15, 0.05], [0.2, 0.6, 0.2], [0.1, 0.3, 0.6]]),
    log_initial=np.log([0.5, 0.3, 0.2]),
    score=np.array([-1.0, 0.2, 1.3]),
    centre=0.0,
    spread=1.0,
    response=1.5,
    vintage="toy",
)
