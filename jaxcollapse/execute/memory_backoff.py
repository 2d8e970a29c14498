"""What fits on a device: half as many trajectories at once where its memory has turned out not to suffice."""

import logging
from collections.abc import Callable
from threading import Lock

import jax
import numpy as np

from jaxcollapse.program.compiling import compiling
from jaxcollapse.program.kernel import Program, Recorded

_log = logging.getLogger(__name__)


class Room:
    """The lanes of each program on each device: those planned, until there was no memory for so many."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[Program, jax.Device], int] = {}
        self._lock = Lock()

    def run(
        self,
        program: Program,
        places: int,
        device: jax.Device,
        call: jax.stages.Compiled,
        part: slice,
        compute: Callable[[slice, int, jax.stages.Compiled], Recorded],
    ) -> Recorded:
        """Computes a part of a chunk at once, or in pieces.

        Args:
            program: that computes the chunk.
            places: for records of each trajectory.
            device: where it runs.
            call: the program with as many lanes as planned.
            part: of the chunk.
            compute: is given a piece of the part, the number of lanes, and the program with so many.

        Raises:
            MemoryError: the device lacks room even for the smallest piece.
        """
        planned = program.width(device.platform)
        while True:
            lanes = self._lanes.get((program, device), planned)
            try:
                fitting = call if lanes == planned else self._compiled(program, device, places, lanes)
                starts = range(part.start, part.stop, lanes)
                pieces = [compute(slice(start, min(start + lanes, part.stop)), lanes, fitting) for start in starts]
            except (jax.errors.JaxRuntimeError, MemoryError) as error:
                if not _is_out_of_memory(error):
                    raise
                self._halve(program, device, lanes, error)
            else:
                return pieces[0] if len(pieces) == 1 else jax.tree.map(lambda *each: np.concatenate(each), *pieces)

    def _compiled(self, program: Program, device: jax.Device, places: int, lanes: int) -> jax.stages.Compiled:
        with self._lock:
            compiled = compiling(program, device, places, lanes, program.own)
        return compiled.result()

    def _halve(self, program: Program, device: jax.Device, lanes: int, error: Exception) -> None:
        with self._lock:
            if self._lanes.get((program, device), lanes) < lanes:
                return  # another call has been through this
            if lanes // 2 < program.fewest(device.platform):
                raise MemoryError(
                    f"{device} has too little memory for {lanes} trajectories of {program.structure.tokens} "
                    "tokens at once; "
                    f"record fewer generations or observables, or use a device with more memory ({_told(error)})"
                ) from error
            self._lanes[program, device] = lanes // 2
        _log.warning(
            "%s has too little memory for %d trajectories at once; continuing with %d (%s)",
            device,
            lanes,
            lanes // 2,
            _told(error),
        )


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)


def _told(error: Exception) -> str:
    return str(error).partition("\n")[0]
