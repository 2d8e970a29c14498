"""Running chunks on this machine's devices: tiles go to a few threads, results come back in order.

Each device call is one tile. All calls of a bucket on one kind of device run the same machine code, whatever their
number: with several devices each compiles the program for itself, because a program partitioned over devices would not
be the same program, and its last bits not the same bits.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import cycle, islice

import jax

from jaxcollapse.compiling import AHEAD, compiling
from jaxcollapse.execute.result import Result, collect
from jaxcollapse.execute.room import Room
from jaxcollapse.execute.tile import run_tile
from jaxcollapse.kernel import Program, Record
from jaxcollapse.planning import Chunk, Plan
from jaxcollapse.store.provenance import now

_CHUNKS_IN_FLIGHT = 2


@dataclass
class _Pending:
    chunk: Chunk
    tiles: list["Future[Record]"] = field(default_factory=list)

    def collected(self, plan: Plan, started: datetime) -> Result:
        return collect(plan, self.chunk, [tile.result() for tile in self.tiles], started)


def execute(
    plan: Plan, advance: Callable[[int], None], chunks: Iterable[Chunk] | None = None
) -> Generator[Result, None, None]:
    """Computes chunks of a plan, in order.

    A chunk is handed over while the next one is being computed, and programs are compiled ahead of their use.

    Args:
        plan: what is to be computed.
        advance: is told how many more trajectories have been finished.
        chunks: some of the plan's, which are asked for one by one, shortly before they are computed; by default all.
    """
    room, started = Room(), now()
    chunks = plan.chunks if chunks is None else chunks
    programs = _Programs(plan)
    pending: deque[_Pending] = deque()

    def run(chunk: Chunk, part: slice, call: jax.stages.Compiled, device: jax.Device) -> Record:
        record = room.run(
            plan.program(chunk),
            len(plan.gaps(chunk)),
            device,
            call,
            part,
            lambda some, lanes, fitting: run_tile(plan, chunk, some, lanes, fitting, device),
        )
        advance(part.stop - part.start)
        return record

    with ThreadPoolExecutor(plan.machine.cores) as pool:
        try:
            for chunk, part, device in _tiles(plan, chunks):
                if part.start == 0:
                    if len(pending) > _CHUNKS_IN_FLIGHT:
                        yield pending.popleft().collected(plan, started)
                    pending.append(_Pending(chunk))
                pending[-1].tiles.append(pool.submit(run, chunk, part, programs.of(chunk, device), device))
            while pending:
                yield pending.popleft().collected(plan, started)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _tiles(plan: Plan, chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, slice, jax.Device]]:
    """Every device call: its trajectories in their chunk, and where it runs."""
    devices = cycle(plan.machine.devices)
    for chunk in chunks:
        lanes = plan.buckets[chunk.bucket].lanes
        for start in range(0, len(chunk), lanes):
            yield chunk, slice(start, min(start + lanes, len(chunk))), next(devices)


class _Programs:
    """The programs of a plan, compiled ahead of their use from the first that is asked for.

    What goes on from a state is compiled when its turn comes: the state's size is not known before.
    """

    def __init__(self, plan: Plan):
        self._plan, self._used = plan, set[tuple[Program, int, jax.Device]]()
        tiles = _tiles(plan, [chunk for chunk in plan.chunks if not chunk.beginning])
        self._to_come = iter(dict.fromkeys((*self._kind(chunk), device) for chunk, _, device in tiles))

    def of(self, chunk: Chunk, device: jax.Device) -> jax.stages.Compiled:
        """The program of a chunk."""
        kind = (*self._kind(chunk), device)
        if kind not in self._used:
            for following in islice(self._to_come, 1 if self._used else AHEAD):
                self._compiling(*following)
            self._used.add(kind)
        return self._compiling(*kind).result()

    def _kind(self, chunk: Chunk) -> tuple[Program, int]:
        """Its program, and how many records that makes."""
        return self._plan.program(chunk), len(self._plan.gaps(chunk))

    def _compiling(self, program: Program, records: int, device: jax.Device) -> "Future[jax.stages.Compiled]":
        return compiling(program, device, records, program.width(device.platform))
