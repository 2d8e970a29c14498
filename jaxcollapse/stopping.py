"""Stopping a run: the first signal lets it store what is computed, a second interrupt ends it at once.

Device calls cannot be cut short, and threads that are in one must not outlive the interpreter, which would abort. So a
run that ends at once does without it: what it leaves is what a run that was killed leaves, and is swept up by the next.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType

_FIRST = b"jaxcollapse: storing what is computed; interrupt again to stop at once\n"
_SECOND = b"jaxcollapse: stopped at once; finished shards are kept, the same command goes on\n"


@contextlib.contextmanager
def stoppable(code: int) -> Iterator[None]:
    """While this context lasts, the process heeds Ctrl-C and SIGTERM so. A signal that it is to ignore it ignores.

    code: what the process ends with when it ends at once.

    Raises:
        KeyboardInterrupt: at the first signal.
    """
    is_stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal is_stopping
        if not is_stopping:
            is_stopping = True
            os.write(2, _FIRST)
            raise KeyboardInterrupt("terminated" if number == signal.SIGTERM else "")
        if number == signal.SIGINT:  # schedulers may send the other one several times
            os.write(2, _SECOND)
            os._exit(code)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    heeded = [number for number, handler in before.items() if handler != signal.SIG_IGN]
    for number in heeded:
        signal.signal(number, stop)
    try:
        yield
    finally:
        if not is_stopping:  # else threads may still be at work until the process ends
            for number in heeded:
                signal.signal(number, before[number])
