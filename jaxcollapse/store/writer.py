"""Writing shards in a thread of their own, while the next ones are computed.

One thread at a time uses netCDF (`jaxcollapse.system.netcdf_turn`), so another thread that reads waits for the writer.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from jaxcollapse.execute import Result

_MOST = 2  # computed chunks in memory that are being written or wait for it


class Writer:
    """Stores computed chunks one by one. A context: at its end, also if it is an error, what was handed over is stored.

    After the first chunk that could not be stored, no other is.
    """

    def __init__(self, store: Callable[[Result], object]):
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._handed: deque[Future[None]] = deque()
        self._failure: Exception | None = None

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=True)
        if kind is None:
            self.check()

    def check(self) -> None:
        """Raises what went wrong when a chunk was stored, if anything did. May be called from any thread."""
        if self._failure is not None:
            raise self._failure

    def add(self, result: Result) -> None:
        """Hands a chunk over; waits while too many are still to be stored.

        Raises:
            Exception: an earlier chunk could not be stored.
        """
        if len(self._handed) == _MOST:
            self._handed.popleft().result()
        self.check()
        self._handed.append(self._thread.submit(self._try, result))

    def _try(self, result: Result) -> None:
        if self._failure is None:
            try:
                self._store(result)
            except Exception as failure:
                self._failure = failure
