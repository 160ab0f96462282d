"""Fault 66: no room, no permission, no home. Told before the sampling where it can be known.

How each is brought about: a small tmpfs (skipped where it cannot be mounted), the system's limit on
the size of files, /dev/full, a HOME below a file, and stand-ins for what a system says.
"""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from faulty import QUICK, left, program

from caucasus_forecast import plots


@pytest.fixture
def case(here):
    (here / "case.toml").write_text(QUICK)
    return here / "case.toml"


@pytest.fixture
def tiny(here):
    """A disk of 3 MB."""
    place = here / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3M", "none", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here; run as root to see this test")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_fault_66_a_disk_too_small_is_told_before_sampling(case, tiny, golden):
    for command in (
        ("run", case, "--out", tiny / "out"),
        ("update", golden, "--as-of", "2021-12-31", "--out", tiny / "out"),
    ):
        told = program(*command)
        assert told.code == 2
        assert "out: needs about " in told.err
        assert "and 3 MB are free; free some space or choose another place" in told.err
        assert "sampling" not in told.err
    assert left(tiny) == []


def test_fault_66_a_disk_that_fills_up_leaves_no_file(tiny, golden):
    (tiny / "filler").write_bytes(bytes(shutil.disk_usage(tiny).free - 8192))
    for command in (
        ("export", golden, "--format", "csv", "--out", tiny / "x.csv"),
        ("do", "treaty=signed", "--forecast", golden, "--plot", tiny / "x.png"),
        ("ledger", "add", golden, "--ledger", tiny / "l.sqlite"),
    ):
        told = program(*command)
        assert told.code == 2, command
        assert "No space left on device" in told.err or "the disk is full" in told.err
        assert set(left(tiny)) <= {"filler", "l.sqlite"}, command


LIMITED = """
import resource, signal, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
from caucasus_forecast.__main__ import program
sys.exit(program())
"""


def test_fault_66_a_limit_on_files_is_told_before_sampling(case, here):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, "run", str(case), "--out", "out"],
        capture_output=True, text=True, check=False, cwd=here,
    )  # fmt: skip
    assert done.returncode == 2
    assert "out: cannot be written (File too large); free some space, or choose" in done.stderr
    assert "sampling" not in done.stderr
    assert left(here) == ["case.toml"]


@pytest.mark.parametrize("number", [errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_fault_66_what_the_system_says_of_the_room_is_told_before_sampling(
    number, asked, here, monkeypatch
):
    def refused(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", refused)
    told = program("run", "--out", "out")
    assert told.code == 2
    assert f"out: cannot be written ({os.strerror(number)}); " in told.err
    assert "choose another name or place" in told.err
    assert ("free some space" in told.err) == (number not in (errno.EROFS, errno.EACCES))
    assert asked == []
    assert left(here) == []


def test_fault_66_a_read_only_folder_is_told_before_sampling(asked, golden, here):
    (here / "closed").mkdir(mode=0o500)
    if os.access("closed", os.W_OK):
        pytest.skip("this user may write anywhere; see this test as another than root")
    for command in (
        ("run", "--out", "closed/out"),
        ("sensitivity", "--forecast", golden, "--plot", "closed/x.svg"),
        ("contest", "--save", "closed/x.toml"),
        ("ledger", "add", golden, "--ledger", "closed/l.sqlite"),
        ("export", golden, "--format", "csv", "--out", "closed/x.csv"),
    ):
        told = program(*command)
        assert told.code == 2, command
        assert "closed" in told.err
    assert asked == []


@pytest.mark.parametrize(
    "command",
    [
        ("run", "--out", "file/out"),
        ("sensitivity", "--plot", "file/x.svg"),
        ("do", "treaty=signed", "--plot", "none/x.svg"),
        ("compare", "agnostic", "--plot", "none/x.svg"),
        ("signposts", "--plot", "none/x.svg"),
        ("spread", "--plot", "none/x.svg"),
        ("contest", "--plot", "none/x.svg"),
        ("contest", "--save", "none/x.toml"),
        ("graph", "--out", "none/x.svg"),
        ("backtest", "--out", "file"),
    ],
    ids=" ".join,
)
def test_fault_66_no_such_folder_is_told_before_sampling(command, asked, here):
    (here / "file").write_text("mine")
    told = program(*command)
    assert told.code == 2
    assert command[-1].partition("/")[0] in told.err
    assert "sampling" not in told.err
    assert asked == []
    assert left(here) == ["file"]


def test_fault_66_a_picture_is_whole_or_not_there(golden, here, monkeypatch):
    write = Path.write_bytes

    def full(self, body):
        write(self, body[: len(body) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr(plots, "render", lambda *_: b"<svg/>" * 1000)
    for command in (
        ("do", "treaty=signed", "--forecast", golden, "--plot", "x.svg"),
        ("graph", "--out", "x.txt"),
        ("export", golden, "--format", "json", "--out", "x.json"),
    ):
        told = program(*command)
        assert told.code == 2
        assert "No space left on device" in told.err
        assert left(here) == []


def test_fault_66_standard_output_that_is_full_is_told(here):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    for command in (["priors", "list"], ["scenarios", "schema"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "caucasus_forecast", *command],
                stdout=full, stderr=subprocess.PIPE, text=True, check=False,
            )  # fmt: skip
        assert done.returncode == 2
        assert done.stderr.startswith("error: [Errno 28] No space left on device; check the place")
        assert "Traceback" not in done.stderr


def test_fault_66_without_a_home_it_runs_and_the_ledger_says_where_it_could_be(case, golden, here):
    """HOME below a file: nothing can be made in it, not even by root."""
    homeless = {"HOME": "/dev/null", "XDG_DATA_HOME": "", "MPLCONFIGDIR": "/dev/null/x"}
    environment = os.environ | homeless
    done = subprocess.run(
        [sys.executable, "-m", "caucasus_forecast", "run", str(case), "--out", "out"],
        capture_output=True, text=True, check=False, cwd=here, env=environment,
    )  # fmt: skip
    assert done.returncode == 3
    assert done.stderr.splitlines()[0] == "starting up"
    assert "Matplotlib" not in done.stderr
    done = subprocess.run(
        [sys.executable, "-m", "caucasus_forecast", "ledger", "add", str(golden)],
        capture_output=True, text=True, check=False, cwd=here, env=environment,
    )  # fmt: skip
    assert done.returncode == 2
    assert "name another file with --ledger" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_that_cannot_show_a_word_is_no_fault(encoding, here):
    done = subprocess.run(
        [sys.executable, "-m", "caucasus_forecast", "priors", "show", "minassian-2021"],
        capture_output=True, check=False, env=os.environ | {"PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
