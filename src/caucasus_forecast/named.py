"""The text of a file that a user names: one place to read it, and to say why it cannot be read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from .errors import CaucasusForecastError, nearest


def read_text(
    name_or_path: str | Path,
    what: str,
    shipped: Iterable[str],
    error: type[CaucasusForecastError],
    hint: str = "",
) -> str:
    """The text of a user's TOML file.

    Parameters
    ----------
    name_or_path
        As the user gave it; not the name of a shipped one.
    what
        What it should be, such as ``"case"``.
    shipped
        Names that would have been found without a path.
    error
        Raised if the file is missing, not text, or unreadable.
    hint
        Said after the nearest shipped name.
    """
    path = Path(name_or_path)
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if path.suffix:
            raise error(f"{path}: no such file; check the path") from None
        near = nearest(str(name_or_path), shipped)
        raise error(f"no {what} {str(name_or_path)!r}; {near}{hint}") from None
    except (IsADirectoryError, UnicodeDecodeError):
        raise error(f"{path}: not a TOML text file; name the file itself") from None
    except (OSError, ValueError) as trouble:
        raise error(f"{str(name_or_path)!r} cannot be read ({trouble}); check the path") from None
