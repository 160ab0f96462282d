"""Fault 67: SIGINT and SIGTERM, whatever the program is doing.

The bound of five seconds is the program's own: two to unwind, then it ends by itself
(`caucasus_forecast.stopping`). A test that read a clock would fail on a busy machine, so these wait
for the end, and `benchmarks/stopping.py` measures it.
"""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from faulty import QUICK, left, process, program

import caucasus_forecast as cf
from caucasus_forecast import forecasting, stopping
from caucasus_forecast.posterior import sample_pymc

CODE = {signal.SIGINT: 130, signal.SIGTERM: 143}
PATIENCE = 120  # seconds until a test gives up


def stopped(running, line, number):
    """Wait for a line of progress, send a signal, wait for the end."""
    said = ""
    for heard in running.stderr:
        said += heard
        if line in heard:
            break
    running.send_signal(number)
    out, err = running.communicate(timeout=PATIENCE)
    return out, said + err


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("starting up", signal.SIGINT),
        ("sampling", signal.SIGINT),
        ("simulating", signal.SIGTERM),
        ("drawing and writing", signal.SIGINT),
        ("drawing and writing", signal.SIGTERM),
    ],
    ids=lambda x: getattr(x, "name", x),
)
def test_fault_67_a_signal_ends_it_in_words_and_leaves_nothing(line, number, here):
    (here / "case.toml").write_text(QUICK)
    running = process("run", "case.toml", "--out", "out", cwd=here)
    out, err = stopped(running, line, number)
    assert running.returncode == CODE[number]
    assert err.endswith(f"{stopping.WORDS}\n")
    assert "Traceback" not in err
    assert out == ""
    assert left(here) == ["case.toml"]


def test_fault_67_an_overwritten_folder_is_kept(golden, here):
    kept = here / "out"
    kept.mkdir()
    cf.load(golden).save(kept / "forecast.nc")
    (kept / "manifest.json").write_bytes(forecasting.storage.folder.manifest({}, kept))
    before = {p.name: p.read_bytes() for p in kept.iterdir()}
    running = process("run", "--out", "out", "--overwrite", cwd=here)
    stopped(running, "sampling", signal.SIGTERM)
    assert running.returncode == 143
    assert {p.name: p.read_bytes() for p in kept.iterdir()} == before
    assert left(here) == ["out"]


def test_fault_67_a_stopped_backtest_says_where_it_goes_on_and_does(here):
    command = ("backtest", "--models", "tension,own36", "--first", "2016-12", "--out", "kept")
    running = process(*command, cwd=here)
    _, err = stopped(running, "2 of ", signal.SIGINT)
    assert running.returncode == 130
    assert "every origin is kept in kept; a run that is stopped goes on from there" in err
    done = [n for n in left(here / "kept") if n.endswith(".csv")]
    assert len(done) >= 2
    resumed = program(*command, "--last", "2017-06")
    assert resumed.code == 0
    assert f"{len(done) + 1} of 7 origins" in resumed.err


def test_fault_67_the_processes_of_a_backtest_end_with_it(here):
    running = process(
        "backtest", "--models", "tension", "--first", "2015-01", "--workers", "2", cwd=here
    )
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
    if not children.exists():
        running.kill()
        pytest.skip("this system does not list the children of a process")
    for heard in running.stderr:
        if "2 of " in heard:
            break
    workers = [int(pid) for pid in children.read_text().split()]
    assert len(workers) == 2
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=PATIENCE)
    assert running.returncode == 143
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


DEAF = """
    import sys, time
    from pathlib import Path
    from caucasus_forecast import stopping

    stopping.heed()
    with stopping.tidied_by(lambda: Path("left").unlink()):
        Path("left").touch()
        ready = "ready"
        while True:  # as code does that was compiled elsewhere
            try:
                print(ready, flush=True)
                time.sleep(60)
            except BaseException:
                pass
"""


@pytest.mark.parametrize("number", CODE)
def test_fault_67_code_that_swallows_a_signal_is_ended_all_the_same(number, here):
    running = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(DEAF)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=here,
    )  # fmt: skip
    assert running.stdout.readline() == "ready\n"
    running.send_signal(number)
    _, err = running.communicate(timeout=PATIENCE)
    assert (running.returncode, err) == (CODE[number], f"{stopping.WORDS}\n")
    assert left(here) == [], "tidied up on the way out"


def test_fault_67_a_signal_before_the_program_is_loaded(here):
    done = process("run", cwd=here)
    done.send_signal(signal.SIGINT)
    _, err = done.communicate(timeout=PATIENCE)
    assert done.returncode in (130, -signal.SIGINT), "Python itself may not be up yet"
    assert left(here) == []
    assert "caucasus_forecast/cli" not in err


@pytest.mark.parametrize("error", [KeyboardInterrupt, stopping.Stopped])
def test_fault_67_in_process_too(error, here, monkeypatch):
    def interrupted(case, **_):
        raise error

    monkeypatch.setattr(forecasting, "run", interrupted)
    told = program("run", "--out", "out")
    assert told.code == 130
    assert told.err.endswith(f"{stopping.WORDS}\n")
    assert left(here) == []


def test_fault_67_a_notebook_gets_its_own_interrupt_also_from_pymc(monkeypatch):
    """PyMC ends early at Ctrl-C and hands back the draws so far: fewer than were asked for."""
    import pymc as pm

    with pm.Model() as model:
        pm.Normal("x")

    def interrupted(*_, callback=None, **options):
        return real(*_, **options, callback=after_ten)

    def after_ten(trace, draw):
        if draw.draw_idx == 1010:  # of 1000 to tune and 50 to keep
            raise KeyboardInterrupt

    real = pm.sample
    monkeypatch.setattr(pm, "sample", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sample_pymc(model, seed=1, draws=50, tune=100, chains=1)
