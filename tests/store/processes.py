"""Runs in processes of their own that start fast: one that has imported everything forks them, and can kill them.

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
    """When a run is killed. seconds: after it first touches its study. event: when it does so for this time.

    storing: counted from when it first stores a shard. name: only files whose path holds this count.
    """

    seconds: float | None = None
    event: int | None = None
    storing: bool = False
    name: str = ""


class Processes:
    """A context in which runs are started."""

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
        code, told = json.loads(self._server.stdout.readline())
        return code, told


def _serve() -> None:
    import jaxcollapse.cli
    import jaxcollapse.running  # noqa: F401  (so that the runs need not import it)

    for line in sys.stdin:
        arguments, study, kill = json.loads(line)
        with tempfile.TemporaryFile("w+") as told:
            pid = os.fork()
            if pid == 0:
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.dup2(told.fileno(), 1)
                os.dup2(told.fileno(), 2)
                _run(arguments, study, **kill)
            _, status = os.waitpid(pid, 0)
            told.seek(0)
            print(json.dumps([os.waitstatus_to_exitcode(status), told.read()]), flush=True)


def _run(arguments: list[str], study: str, seconds: float | None, event: int | None, storing: bool, name: str) -> None:
    from jaxcollapse.cli import app

    touched = 0

    def hook(audited: str, told: tuple[Any, ...]) -> None:
        nonlocal touched
        paths = [each for each in told if isinstance(each, str) and each.startswith(study) and name in each]
        is_stored = audited == "os.rename" and paths and paths[0].startswith(f"{study}/shards/")
        if not paths or (storing and not touched and not is_stored):
            return
        touched += 1
        if touched == 1 and seconds is not None:
            threading.Thread(target=_die, args=(seconds,), daemon=True).start()
        if touched == event:
            _die(0)

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


def _die(seconds: float) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    _serve()
