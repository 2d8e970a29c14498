"""`python -m benchmarks.growth.study SIZE`: one cell as a study on disk, timed after compilation; prints JSON."""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import jax

import jaxcollapse


class Size(NamedTuple):
    """tokens: V. devices: how many of them. seconds: about how long to compute at least."""

    tokens: int
    trajectories: int
    devices: int
    seconds: float


_BATCH = 16
_FEWEST_GENERATIONS, _MOST_GENERATIONS = 1000, 10**5


def main(size: Size) -> dict[str, float] | None:
    """Generations, time taken and peak memory of a run; None without that many devices."""
    jax.config.update("jax_num_cpu_devices", size.devices)
    if len(jax.devices()) < size.devices:
        return None
    _seconds(size, 1)
    generations = _FEWEST_GENERATIONS
    while (taken := _seconds(size, generations)) < size.seconds / 2 and generations < _MOST_GENERATIONS:
        generations = min(_MOST_GENERATIONS, round(generations * min(10, size.seconds / taken)))
    return {
        "generations": generations,
        "taken": taken,
        "microseconds": taken / (generations * size.trajectories) * 1e6,
        "peak_bytes": _peak_bytes(),
    }


def _seconds(size: Size, generations: int) -> float:
    """Of `jaxcollapse.run` into an empty folder."""
    sweep = jaxcollapse.Sweep.from_dict(
        {
            "replicates": size.trajectories,
            "generations": generations,
            "record": {"points": 2},
            "observables": ["entropy"],
            "process": {"vocab_size": size.tokens, "batch_size": _BATCH, "temperature": 0.9},
        }
    )
    devices = jax.devices()[: size.devices]
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        jaxcollapse.run(sweep, Path(scratch) / "study", devices=devices, progress=False).close()
        return time.perf_counter() - start


def _peak_bytes() -> int:
    """The most memory that this process has held; `getrusage` counts its parent's too on Linux."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    print(json.dumps(main(Size(**json.loads(sys.argv[1])))))
