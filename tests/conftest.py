"""What several test modules need: a seeded generator, a small graph, the reference material."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from caucasus_forecast.graph import CausalGraph, Edge, Node

for profile, examples in {"fast": 50, "long": 2000}.items():
    settings.register_profile(
        profile,
        max_examples=examples,
        deadline=None,  # no test depends on the speed of a machine
        derandomize=profile == "fast",
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
settings.load_profile("fast")


@pytest.fixture
def rng():
    return np.random.default_rng(20211130)


@pytest.fixture(scope="session")
def shared():
    """The folder of the reference material; tests that need it say so when it is not there."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("CAUCASUS_FORECAST_SHARED", beside))
    if not (folder / "seed").is_dir():
        pytest.skip(
            f"no reference material in {folder}; set CAUCASUS_FORECAST_SHARED to its folder"
        )
    return folder


@pytest.fixture(scope="session")
def toy_graph():
    """At least one node of each kind, a lag and a moderator."""
    return CausalGraph(
        "toy",
        (
            Node("gap", "index"),
            Node("tension", "process"),
            Node("troops", "event", reading=-1),
            Node("treaty", "event"),
            Node("offers", "count"),
            Node("view", "share"),
        ),
        (
            Edge("gap", "tension"),
            Edge("tension", "offers", moderator="troops", reason="offers come while troops stay"),
            Edge("tension", "view", "-"),
            Edge("tension", "treaty", "-", lag=1),
            Edge("treaty", "troops", "-", lag=1),
        ),
    )


# --------------------------------------------------------------------------- a whole forecast


@pytest.fixture(scope="session")
def small_forecast():
    """Run the embedded case briefly; the checks may fail, the shape is that of any forecast."""
    import caucasus_forecast as cf

    return cf.forecast(draws=150, horizon=6)


@pytest.fixture(scope="session")
def altered(small_forecast):
    """Make a copy of the small forecast with other root attributes, or another verdict."""
    from caucasus_forecast import names
    from caucasus_forecast.forecasting import Forecast

    def copy(passed=True, **attrs):
        tree = small_forecast.tree.copy(deep=True)
        tree.attrs |= attrs
        verdict = "all checks passed" if passed else "checks failed: the chains disagree"
        tree[names.DIAGNOSTICS].attrs |= {"passed": int(passed), "verdict": verdict}
        tree[names.DIAGNOSTICS].attrs["remedy"] = "" if passed else "run more draws (--draws)"
        return Forecast(tree)

    return copy
