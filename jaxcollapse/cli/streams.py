"""The standard streams of the command line: also those that are closed, full, read by nobody, or cannot say "∞"."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator


class _Output(io.TextIOWrapper):
    """A standard stream that leads nowhere once it could not be written to. A reader may stop reading early.

    Raises:
        OSError: the first time, for another reason.
    """

    ignored: type[OSError] = BrokenPipeError

    def write(self, text: str) -> int:
        """Writes a text, if it can be written."""
        with self._at_most_one_error():
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        """Hands over what was written, if it can be."""
        with self._at_most_one_error():
            super().flush()

    @contextlib.contextmanager
    def _at_most_one_error(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            _to_nowhere(self.fileno())
            if not isinstance(error, self.ignored):
                raise OSError(error.errno, f"cannot be written: {error.strerror}", "standard output") from None


class _Messages(_Output):
    """Messages that nobody can see do not stop the work."""

    ignored = OSError


@contextlib.contextmanager
def standard_streams() -> Iterator[None]:
    """While this context lasts, what is printed comes out as far as it can.

    Characters that the locale lacks are written as escapes. The descriptors of closed streams lead nowhere; otherwise
    the next file to be opened would get their numbers, and with them all messages.

    Raises:
        OSError: what was printed could not be written, because of a full disk say.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            _to_nowhere(descriptor)
    sys.stdout, sys.stderr = _over(1, sys.stdout, _Output), _over(2, sys.stderr, _Messages)
    try:
        yield
    finally:
        sys.stdout.flush()


def _over(descriptor: int, stream: object, kind: type[_Output]) -> _Output:
    """A stream to the same place, in the same encoding."""
    raw = io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False))
    encoding = getattr(stream, "encoding", None) or "utf-8"
    at_once = descriptor == 2 or bool(getattr(stream, "line_buffering", False))
    unbuffered = bool(getattr(stream, "write_through", False))
    return kind(raw, encoding, errors="backslashreplace", line_buffering=at_once, write_through=unbuffered)


def _to_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != descriptor:
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
