"""What the tests of faults share: the program in this process, and in one of its own."""

import gzip
import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from caucasus_forecast import cli

GOLDEN = gzip.decompress((Path(__file__).parents[1] / "golden" / "forecast-1.nc.gz").read_bytes())
QUICK = "horizon = 2\ndraws = 10\ntune = 50\nchains = 2\npaths = 2\n"


@dataclass(frozen=True)
class Told:
    code: int
    out: str
    err: str


def program(*arguments):
    """Run the program in this process: its exit code and what it said; no traceback, ever."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.main([str(a) for a in arguments])
    told = Told(code, out.getvalue(), err.getvalue())
    assert "Traceback" not in told.err, told.err
    assert "fault of the program" not in told.err, told.err
    return told


def process(*arguments, **options):
    """Start the program as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "caucasus_forecast", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


def left(folder):
    return sorted(p.name for p in folder.iterdir())
