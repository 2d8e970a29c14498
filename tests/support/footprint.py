"""How much memory it takes to finalise a study: measured in a process of its own."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

STATUS = Path("/proc/self/status")  # only Linux has it


def of_finalizing(study: Path, slab_bytes: int | None = None) -> dict[str, Any]:
    """What finalising took: seconds, seconds of CPU time, and the most bytes of memory before it and in the end."""
    slab = [] if slab_bytes is None else [str(slab_bytes)]
    command = [sys.executable, "-m", __name__, str(study), *slab]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _peak_bytes() -> int:
    """The most memory that this process had so far. (`getrusage` begins with that of the process that started it.)"""
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


def _main() -> None:
    from jaxcollapse.store import boxes
    from jaxcollapse.store.study import Study

    study = Study.open(sys.argv[1])
    if sys.argv[2:]:
        boxes.SLAB_BYTES = int(sys.argv[2])
    before, start, worked = _peak_bytes(), time.monotonic(), time.process_time()
    study.finalize().close()
    seconds, cpu_seconds = time.monotonic() - start, time.process_time() - worked
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "before": before, "peak": _peak_bytes()}))


if __name__ == "__main__":
    _main()
