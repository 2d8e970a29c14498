"""A module run in a process of its own, so that imports and compilation count."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

_ROOT = Path(__file__).resolve().parent.parent


class Finished(NamedTuple):
    """seconds: from the start of the process to its end. processor: what it took of processors, in seconds.

    printed: its standard output.
    """

    seconds: float
    processor: float
    printed: str


def run(module: str, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> Finished:
    """Runs `python -m module arguments`, with variables added to the environment.

    Raises:
        RuntimeError: it failed.
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    start, before = time.perf_counter(), _processor()
    done = subprocess.run(
        command, cwd=_ROOT, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    seconds, processor = time.perf_counter() - start, _processor() - before
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return Finished(seconds, processor, done.stdout)


def _processor() -> float:
    """What processes that this one started, and that have ended, took of processors so far, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
