"""Runs in processes of their own that start fast: one that has imported everything forks them. Signals can reach them.

JAX has no threads before it has looked for devices, which only the forked processes do.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Kill:
    """When a signal reaches a run. seconds: after it first touches its study. event: when it does so for this time.

    storing: counted from when it first stores a shard. name: only files whose path holds this count. number: the
    signal. again: seconds after which an interrupt follows.
    """

    seconds: float | None = None
    event: int | None = None
    storing: bool = False
    name: str = ""
    number: int = signal.SIGKILL
    again: float | None = None


class Processes:
    """A context in which runs are started. computed: how many trajectories the last one has computed."""

    computed = 0

    def __enter__(self) -> "Processes":
        command = [sys.executable, "-m", __name__]
        self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.communicate()

    def run(self, sweep_file: Path, study: Path, *options: str, kill: Kill | None = None) -> tuple[int, str]:
        """Runs a sweep file by the command line; the exit code, negative if it was killed, and what it said."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        arguments = ["run", str(sweep_file), "--out", str(study), "--quiet", *options]
        self._server.stdin.write(json.dumps([arguments, str(study), asdict(kill or Kill())]) + "\n")
        self._server.stdin.flush()
        code, told, self.computed = json.loads(self._server.stdout.readline())
        return code, told


def _serve() -> None:
    import jaxcollapse.cli.main
    import jaxcollapse.running  # noqa: F401  (so that the runs need not import it)

    for line in sys.stdin:
        arguments, study, kill = json.loads(line)
        with tempfile.TemporaryFile("w+") as told, tempfile.TemporaryFile() as computed:
            pid = os.fork()
            if pid == 0:
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.dup2(told.fileno(), 1)
                os.dup2(told.fileno(), 2)
                _count_trajectories(computed.fileno())
                _run(arguments, study, **kill)
            _, status = os.waitpid(pid, 0)
            told.seek(0)
            computed.seek(0)
            trajectories = sum(map(int, computed.read().split()))
            print(json.dumps([os.waitstatus_to_exitcode(status), told.read(), trajectories]), flush=True)


def _count_trajectories(descriptor: int) -> None:
    """Has each tile of this process write down how many trajectories it has computed, as soon as it has."""
    from jaxcollapse.execute import local

    compute = local.run_tile

    def counted(plan: Any, chunk: Any, part: slice, *rest: Any) -> Any:
        record = compute(plan, chunk, part, *rest)
        os.write(descriptor, b"%d\n" % (part.stop - part.start))
        return record

    vars(local)["run_tile"] = counted


def _run(
    arguments: list[str],
    study: str,
    seconds: float | None,
    event: int | None,
    storing: bool,
    name: str,
    number: int,
    again: float | None,
) -> None:
    from jaxcollapse.cli.main import app
    from jaxcollapse.system.signals import SIGNALS

    for each in SIGNALS:  # a shell has what it runs in the background ignore some of them
        signal.signal(each, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    touched = 0

    def hook(audited: str, told: tuple[Any, ...]) -> None:
        nonlocal touched
        paths = [each for each in told if isinstance(each, str) and each.startswith(study) and name in each]
        is_stored = audited == "os.rename" and paths and paths[0].startswith(f"{study}/shards/")
        if not paths or (storing and not touched and not is_stored):
            return
        touched += 1
        if touched == 1 and seconds is not None:
            threading.Thread(target=_signal, args=(seconds, number, again), daemon=True).start()
        if touched == event:
            _signal(0, number, again)

    if seconds is not None or event is not None:
        sys.addaudithook(hook)
    code = 99
    try:
        app(arguments)
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _signal(seconds: float, number: int, again: float | None) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), number)
    if again is not None:
        time.sleep(again)
        os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    _serve()
