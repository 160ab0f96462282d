"""`python -m caucasus_forecast` is the program `caucasus-forecast`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
