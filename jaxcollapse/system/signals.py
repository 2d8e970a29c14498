"""Stopping by a signal: a run stores what it has computed first; a second interrupt ends the process at once.

While a run computes, handlers only take note of their signal, and the loops of the run look at the note. An exception
that a handler raises could be lost: Python ignores it inside a callback of the garbage collector, and JAX has one.
Before and after that a signal ends a command at once, since there is nothing that could be lost.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, TypeVar

_NAMES = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up", "SIGXCPU": "out of processor time"}
_OTHERS = ("SIGUSR1", "SIGUSR2")  # schedulers send them when the time is nearly up
SIGNALS = tuple(getattr(signal, name) for name in (*_NAMES, *_OTHERS) if hasattr(signal, name))
_SLEEP = 0.2  # seconds at a time: Python does not notice a signal that comes just before it falls asleep
_LONG = 5.0  # seconds of a device call that are worth a word

Handler = Callable[[int, FrameType | None], Any] | int
T = TypeVar("T")


class Stopped(KeyboardInterrupt):
    """A signal has ended a run, which has stored what it had computed. kept: what that is, in words."""

    def __init__(self, number: int, kept: str):
        super().__init__(f"{_said(number)}{kept}")
        self.number = number


class Stop:
    """The request that a run stops, which its loops check; each run has its own.

    Attributes:
        call_seconds: duration of a device call, which cannot be cut short.
        kept: text that says what is stored by now.
    """

    def __init__(self) -> None:
        self.call_seconds = 0.0
        self.kept = ""
        self._why: BaseException | int | None = None
        self._woken = SimpleQueue[None]()  # the one queue that a signal handler may put something into

    @property
    def is_asked(self) -> bool:
        """Whether the run is to stop."""
        return self._why is not None

    def ask(self, why: BaseException | int) -> None:
        """Asks the run to stop.

        Args:
            why: the error that it then raises, or the number of a signal.
        """
        self._why = why
        self.wake()

    def check(self) -> None:
        """Raises what the run was asked to stop by, if it was."""
        if self._why is not None:
            raise Stopped(self._why, self.kept) if isinstance(self._why, int) else self._why

    def wait(self, seconds: float | None = None) -> None:
        """Sleeps until the run is asked to stop, something wakes it, or the time is over. It may wake before that."""
        with contextlib.suppress(Empty):
            self._woken.get(timeout=_SLEEP if seconds is None else min(seconds, _SLEEP))
            while True:
                self._woken.get_nowait()

    def wake(self, _: object = None) -> None:
        """Ends the present sleep, or the next one. May be called from any thread, and from signal handlers."""
        self._woken.put(None)

    def result(self, future: "Future[T]") -> T:
        """The result of a future, unless the run is asked to stop meanwhile."""
        future.add_done_callback(self.wake)
        while not future.done():
            self.check()
            self.wait()
        return future.result()

    def keep(self, stored: int, trajectories: int) -> None:
        """Notes how much of a study is stored by now."""
        self.kept = f"; {stored:,} of {trajectories:,} trajectories are stored; run the same command again to continue"


_latest = Stop()  # of the last run in the main thread


@contextlib.contextmanager
def heeded(*, quiet: bool = False) -> Iterator[Stop]:
    """While this context lasts, a signal that would end the program asks a run to stop; it takes effect at the end.

    A handler of the program's own is called when its signal comes, and what it raises is raised at the end. A second
    interrupt is handled as outside of this context. Nothing is changed in other threads than the main one.

    Args:
        quiet: whether nothing is said of it.

    Raises:
        Stopped: at an interrupt; the program's own handlers may raise other errors.
    """
    global _latest
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    _latest = stop
    before: dict[int, Handler] = {}
    for number in SIGNALS:
        handler = signal.getsignal(number)
        if handler is not None and handler != signal.SIG_IGN:
            before[number] = handler

    def note(number: int, frame: FrameType | None) -> None:
        handler = before[number]
        if stop.is_asked and number == signal.SIGINT and callable(handler):  # schedulers may send others several times
            handler(number, frame)
        elif callable(handler) and not isinstance(handler, _End):
            try:
                handler(number, frame)
            except BaseException as error:
                ask(number if type(error) is KeyboardInterrupt else error)
        else:
            ask(number)

    def ask(why: BaseException | int) -> None:
        if not stop.is_asked:
            stop.ask(why)  # first: a second interrupt may come while it is said
            if not quiet:
                _say_storing(stop)

    for number in before:
        signal.signal(number, note)
    try:
        yield stop
        stop.check()
    except Stopped as stopped:
        _restore(before)
        if before[stopped.number] == signal.SIG_DFL:
            signal.raise_signal(stopped.number)
        raise Stopped(stopped.number, stop.kept) from None  # more may have been stored since it was raised
    finally:
        _restore(before)


@contextlib.contextmanager
def ending(code: int) -> Iterator[None]:
    """While this context lasts, a signal ends the process at once, in one line and with this exit code.

    A signal that the process ignores is ignored. While a run computes, the first signal only stops it.
    """
    before: dict[int, Handler] = {}
    end = _End(code)
    for number in SIGNALS:
        handler = signal.getsignal(number)
        if handler is not None and handler != signal.SIG_IGN:
            before[number] = handler
            signal.signal(number, end)
    try:
        yield
    finally:
        _restore(before)


@dataclass(frozen=True)
class _End:
    """Ends the process without the interpreter, which would wait for threads that are in device calls."""

    code: int

    def __call__(self, number: int, frame: FrameType | None) -> None:
        _write(f"{_said(number)}{_latest.kept}")
        os._exit(self.code)


def _restore(before: dict[int, Handler]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)


def _say_storing(stop: Stop) -> None:
    seconds = f", which may take {stop.call_seconds:.0f} s" if stop.call_seconds > _LONG else ""
    _write(f"storing what is computed{seconds}; interrupt again to stop at once")


def _said(number: int) -> str:
    name = signal.Signals(number).name
    return _NAMES.get(name, f"stopped by {name}")


def _write(line: str) -> None:
    """To the standard error stream, if that is still there; buffers of Python may be in use."""
    with contextlib.suppress(OSError):
        os.write(2, f"jaxcollapse: {line}\n".encode())
