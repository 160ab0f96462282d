"""SIGINT and SIGTERM: the program unwinds at once, and has ended a few seconds later.

A signal raises `Stopped` wherever the program is, and what it was writing is taken away on the way
out. Compiled code may swallow an exception, or not come back for a while. So a thread waits beside
it, which after `GRACE` seconds tidies up (`tidied_by`) and ends the process all the same. That is
safe, because every file is written under a temporary name (`caucasus_forecast.atomic`).

Only the program does this. In a notebook or a script of one's own Ctrl-C is Python's
`KeyboardInterrupt`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE = 2.0  # seconds to unwind
WORDS = "interrupted: nothing is left half written; run it again"
_asked: list[int] = []
_tidying: list[Callable[[], None]] = []


class Stopped(BaseException):
    """A signal asks the program to end.

    Not a `KeyboardInterrupt`, at which some samplers stop early and hand back the draws so far.
    """


def asked() -> int:
    """The number of the signal that asked the program to end, 0 if none did.

    Examples
    --------
    >>> asked()
    0
    """
    return _asked[0] if _asked else 0


@contextmanager
def tidied_by(clear: Callable[[], None]) -> Iterator[None]:
    """Within the block, `clear` is what a sudden end has to do first."""
    _tidying.append(clear)
    try:
        yield
    finally:
        _tidying.remove(clear)


def heed() -> None:
    """Take both signals from now on; for the main thread of a program."""
    sys.unraisablehook = _quiet
    for number in SIGNALS:
        signal.signal(number, _raise)
    if os.name != "nt":  # there a wakeup needs a socket
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        os.register_at_fork(after_in_child=_let_go)
        threading.Thread(target=_end, args=(woken,), daemon=True).start()


def _raise(number: int, _: FrameType | None) -> None:
    if not _asked:  # another signal would cut the tidying short
        _asked.append(number)
        raise Stopped


def _end(woken: int) -> None:
    """Wait for a signal, give the program time to unwind, and end it with its workers."""
    number = 0
    while number not in SIGNALS:
        number = os.read(woken, 1)[0]
    threading.Event().wait(GRACE)
    for clear in reversed(_tidying):
        with suppress(Exception):
            clear()
    os.write(2, f"{WORDS}\n".encode())
    if "multiprocessing.process" in sys.modules:
        for child in sys.modules["multiprocessing.process"].active_children():
            child.kill()
    os._exit(128 + number)


def _let_go() -> None:
    """In a worker process both signals end it at once."""
    signal.set_wakeup_fd(-1)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def _quiet(broken: sys.UnraisableHookArgs) -> None:
    """Let what compiled code swallows on the way out pass without a traceback."""
    if not _asked:
        sys.__unraisablehook__(broken)
