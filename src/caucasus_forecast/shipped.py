"""What the package carries: sets and cases by name, and the tables of its data."""

from __future__ import annotations

import csv
import io
from importlib.resources import files

PACKAGE = files("caucasus_forecast")


def listed(folder: str) -> tuple[str, ...]:
    """Names of the TOML files in a folder of the package.

    Examples
    --------
    >>> listed("data/cases")
    ('after-mission', 'alyarli-2021')
    """
    found = (f.name for f in PACKAGE.joinpath(folder).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


def text(path: str) -> str:
    """The text of a file of the package.

    Examples
    --------
    >>> text("data/cases/alyarli-2021.toml").splitlines()[0]
    'name = "alyarli-2021"'
    """
    return PACKAGE.joinpath(path).read_text(encoding="utf-8")


def table(name: str) -> list[dict[str, str]]:
    """The rows of a table of the package's data.

    Examples
    --------
    >>> table("nodes.csv")[0]["kind"]
    'index'
    """
    return list(csv.DictReader(io.StringIO(text(f"data/{name}"), newline="")))
