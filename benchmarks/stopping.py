"""How soon SIGINT and SIGTERM end the program, whatever it is doing.

    uv run python benchmarks/stopping.py

Prints seconds from the signal to the end of the process, for each stage of `run`, warm and with
nothing compiled yet, and for the samplers that compile most. The promise is five.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STAGES = {
    "starting up": ([], 0.3),
    "sampling": (["--draws", "4000"], 1.0),
    "simulating": ([], 0.1),
    "drawing and writing": (["--draws", "100"], 0.2),
}
COMPILING = {
    "ladder, nothing compiled": ([], {"NUMBA_CACHE_DIR": "cold"}),
    "ladder by PyMC": (["--sampler", "pymc"], {}),
    "drift": (["--model", "drift", "--draws", "4000"], {}),
}


def seconds(line, number, arguments, wait, environment):
    with tempfile.TemporaryDirectory() as place:
        folders = {k: str(Path(place) / v) for k, v in environment.items()}
        running = subprocess.Popen(
            [sys.executable, "-u", "-m", "caucasus_forecast", "run", "--out", "out", *arguments],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, cwd=place,
            env=os.environ | folders,
        )  # fmt: skip
        next(heard for heard in running.stderr if line in heard)
        time.sleep(wait)
        began = time.perf_counter()
        running.send_signal(number)
        running.communicate()
        took = time.perf_counter() - began
        if running.returncode != 128 + number or (Path(place) / "out").exists():
            sys.exit(f"{line}: exit code {running.returncode}, left {os.listdir(place)}")
        return took


def main():
    worst = 0.0
    for number in (signal.SIGINT, signal.SIGTERM):
        for line, (arguments, wait) in STAGES.items():
            took = seconds(line, number, arguments, wait, {})
            worst = max(worst, took)
            print(f"{number.name:8} {line:28} {took:5.2f} s", flush=True)
        for name, (arguments, environment) in COMPILING.items():
            for wait in (2.0, 10.0, 25.0):
                took = seconds("sampling", number, arguments, wait, environment)
                worst = max(worst, took)
                print(f"{number.name:8} {name:24} {wait:2.0f}s {took:5.2f} s", flush=True)
    print(f"worst {worst:.2f} s of 5")


if __name__ == "__main__":
    main()
