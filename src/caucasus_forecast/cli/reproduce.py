"""`reproduce`: a saved forecast made again, and whether it comes out the same in every bit."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .common import FAILED, log, print_json, printable, told, warn
from .options import AsJson, Saved

if TYPE_CHECKING:
    from ..reproducing import Reproduced


def reproduce(
    source: Saved,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the verdict only.")] = False,
) -> None:
    """Make a saved forecast again from what it holds, and say whether it is bit-equal.

    Exit code 0 if it is, 3 if not. Bit-equal is promised for the same versions on the same kind of
    processor.
    """
    with told(sys.stderr.isatty() and not quiet, quiet or as_json):
        from .. import forecasting, reproducing, storage

        forecast = forecasting.load(source)
        found = reproducing.reproduce(forecast.tree, log.info)
        digests = [storage.digest(tree) for tree in (forecast.tree, found.tree)]
    if as_json:
        body = {
            "bit_equal": found.equal,
            "digest": {"saved": digests[0], "again": digests[1]},
            "differences": dict(found.differences),
            "versions": {k: {"then": a, "now": b} for k, (a, b) in found.machine.items()},
            "largest_change": found.scenarios[0],
            "largest_change_mcse": found.scenarios[1],
        }
        print_json(forecast, body)
    else:
        print(printable("\n".join(_lines(source, found, digests[0]))))
        if not forecast.passed:
            warn(forecast.notes[0])
    if not found.equal:
        raise typer.Exit(FAILED)


def _lines(source: Path, found: Reproduced, digest: str) -> list[str]:
    machine = [f"  {name}: {a} then, {b} now" for name, (a, b) in found.machine.items()]
    made = ["What made it differs:", *machine] if machine else ["Made by the same versions."]
    if found.equal:
        return [f"{source}: bit-equal (SHA-256 {digest})", *made]
    change, error = found.scenarios
    return [
        f"{source}: NOT bit-equal; {len(found.differences)} parts differ",
        *(f"  {name}: {how}" for name, how in found.differences.items()),
        f"Largest change of a scenario: {100 * change:.2f} ± {100 * error:.2f} points",
        *made,
    ]
