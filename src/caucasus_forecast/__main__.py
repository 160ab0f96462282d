"""`python -m caucasus_forecast` is the program `caucasus-forecast`."""

import sys
from io import TextIOWrapper

from . import stopping


def program() -> int:
    """Run the program as a process of its own: heeding signals, whatever the terminal can show."""
    try:
        stopping.heed()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):  # not where the terminal is closed
                stream.reconfigure(errors="backslashreplace")
        from .cli import main

        return main()
    except stopping.Stopped:
        return 128 + stopping.asked()


if __name__ == "__main__":
    sys.exit(program())
