"""The program as the tests of faults run it: in an empty folder, its exit code and its words kept.

The tests are named after the numbered list of known faults: `test_fault_NN_...`, or `NN ...` as the
id of a row of a table. Tests of the same faults at the level of one function stand beside the
function (`tests/test_counts.py`, `test_storage.py`, `test_atomic.py` and others).
"""

import pytest
from faulty import GOLDEN

import caucasus_forecast as cf
from caucasus_forecast import forecasting, plots


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def golden(tmp_path_factory):
    """The bytes of a saved forecast as a file."""
    path = tmp_path_factory.mktemp("golden") / "forecast.nc"
    path.write_bytes(GOLDEN)
    return path


@pytest.fixture(scope="session")
def short(golden):
    """A small forecast that was once made and saved."""
    return cf.load(golden)


@pytest.fixture
def asked(short, monkeypatch, here):
    """Let `run` give a ready forecast at once; the list of the cases it was asked for."""
    calls = []

    def run(case, **options):
        calls.append(case)
        return forecasting.Forecast(short.tree.copy(deep=True))

    monkeypatch.setattr(forecasting, "run", run)
    monkeypatch.setattr(
        plots, "files", lambda _: ({f"{n}.svg": b"<svg/>" for n in plots.PICTURES}, {})
    )
    return calls
