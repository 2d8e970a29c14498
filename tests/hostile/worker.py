"""Runs commands on hostile input, in a process whose memory is bounded and whose doings are watched.

A line of JSON on the standard input is a case, a line on the standard output what came of it.
"""

import json
import os
import resource
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import psutil
from typer.testing import CliRunner

MEMORY = 4 * 2**30  # bytes that cases may add to what the process has when it begins
PATIENCE = 5.0  # seconds, in place of two minutes
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_STARTING = {"os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork", "pickle.find_class"}
_REACHING = {"socket.connect", "ctypes.dlopen", "urllib.Request"}
_CHANGING = {
    "os.rename": (0, 1),
    "os.remove": (0,),
    "os.rmdir": (0,),
    "os.mkdir": (0,),
    "os.link": (0, 1),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.chmod": (0,),
    "shutil.copyfile": (1,),
    "shutil.move": (0, 1),
}


class Watch:
    """What a command does that no input should make it do. An audit hook, which sees all that Python code does."""

    def __init__(self) -> None:
        self.root: Path | None = None
        self.seen: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        root, self.root = self.root, None  # what is looked at here is not looked at again
        if root is None:
            return
        try:
            if told := self._judged(event, arguments, root):
                self.seen.append(told)
        finally:
            self.root = root

    def _judged(self, event: str, arguments: tuple[Any, ...], root: Path) -> str | None:
        if event == "open" and isinstance(arguments[0], str | bytes):
            path, flags = Path(os.fsdecode(arguments[0])), arguments[2] or 0
            outside = path.absolute() if flags & os.O_NOFOLLOW else path.resolve()
            if flags & _WRITING and not _is_below(outside, root):
                return f"writes {outside}"
            is_reached = outside.is_relative_to(root.parent / "outside") and not _is_followed(path.absolute(), root)
            return f"reads {outside}" if is_reached else None
        if event in _CHANGING:
            paths = [arguments[place] for place in _CHANGING[event]]
            wrong = [p for p in paths if not isinstance(p, int) and not _is_below(Path(os.fsdecode(p)), root)]
            return f"{event} {wrong[0]}" if wrong else None
        if event in _STARTING or event in _REACHING:
            return f"{event} {arguments[:2]}"
        if event == "exec" and not Path(arguments[0].co_filename).is_file() and not _imports():
            return f"executes {arguments[0].co_filename}"
        return None


def _imports() -> bool:
    """Whether a module is being imported, of which some make classes from text."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
    return False


def _is_followed(path: Path, root: Path) -> bool:
    """Whether a path is one of a study, whose links are followed for reading, but for those of inputs."""
    inside = path.relative_to(root).parts if path.is_relative_to(root) else ()
    return inside[:1] == ("study",) and inside[1:2] != ("inputs",)


def _is_below(path: Path, folder: Path) -> bool:
    below = path.parent.resolve()
    return below.is_relative_to(folder) or below.is_relative_to(
        os.environ["XDG_CACHE_HOME"]
    )  # programs, temporary files


def main() -> None:
    """Serves until the standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever libraries print
    from jaxcollapse.cli.main import app
    from jaxcollapse.system import watchdog

    watchdog.lose(PATIENCE)

    watch = Watch()
    sys.addaudithook(watch)
    for line in sys.stdin:
        told = json.loads(line)
        if told.get("limit"):  # all has been imported by now
            limit = psutil.Process().memory_info().vms + MEMORY
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        watch.seen, watch.root = [], Path(told["root"]).resolve() if told.get("watched", True) else None
        os.chdir(told["root"])
        start = time.monotonic()
        result = CliRunner().invoke(app, told["arguments"])
        seconds, watch.root = time.monotonic() - start, None
        error = result.exception
        trace = "" if error is None or isinstance(error, SystemExit) else "".join(traceback.format_exception(error))
        answer = {
            "code": result.exit_code,
            "stdout": result.stdout,
            "stderr": result.stderr,
            "trace": trace,
            "seconds": seconds,
            "seen": watch.seen,
        }
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
