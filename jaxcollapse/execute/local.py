"""Running chunks on this machine's devices: tiles go to a few threads, results come back in order.

Each device call is one tile. All calls of a bucket on one kind of device run the same machine code, whatever their
number: with several devices each compiles the program for itself, because a program partitioned over devices would not
be the same program, and its last bits not the same bits.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import cycle, islice

import jax
import numpy as np

from jaxcollapse.execute.memory_backoff import Room
from jaxcollapse.execute.provenance import now
from jaxcollapse.execute.result import Result, collect
from jaxcollapse.execute.tile import run_tile
from jaxcollapse.planning import Chunk, Plan
from jaxcollapse.program.compiling import AHEAD, compiling
from jaxcollapse.program.kernel import Program, Recorded
from jaxcollapse.system.signals import Stop

_CHUNKS_IN_FLIGHT = 2
_PART_SECONDS = (3.0, 20.0)  # between parts of a chunk that are handed over: in a short run, and in a long one
_LOST = 20  # a run that is killed loses at most one part in so many of its time, or the first of these figures


def execute(
    plan: Plan,
    advance: Callable[[int], None],
    chunks: Iterable[Chunk] | None = None,
    stop: Stop | None = None,
    part_seconds: tuple[float, float] = _PART_SECONDS,
) -> Generator[Result, None, None]:
    """Computes chunks of a plan, in order.

    A chunk is handed over while the next one is being computed, and programs are compiled ahead of their use. A chunk
    that takes long is handed over in parts. When the run is to stop, or a device call fails, what has been computed is
    handed over first.

    Args:
        plan: what is to be computed.
        advance: is called with the number of trajectories finished since its last call; with 0 where some begin.
        chunks: some of the plan's, which are asked for one by one, shortly before they are computed; by default all.
        stop: is asked whether to stop.
        part_seconds: after which the finished tiles of a chunk are given as a result of their own: at the start of a
            run, and at most. In between they are a fixed share of the time that the run has taken.

    Raises:
        BaseException: what `stop` or a device call raises.
    """
    stop, begun = stop or Stop(), time.monotonic()
    room, started, programs = Room(), now(), _Programs(plan)
    pending: deque[_Pending] = deque()

    def pause() -> float:
        return pause_after(time.monotonic() - begun, part_seconds)

    def run(chunk: Chunk, part: slice, call: jax.stages.Compiled, device: jax.Device) -> Recorded:
        began = time.monotonic()
        advance(0)
        record = room.run(
            plan.program(chunk),
            plan.places(chunk),
            device,
            call,
            part,
            lambda some, lanes, fitting: run_tile(plan, chunk, some, lanes, fitting, device),
        )
        stop.call_seconds = time.monotonic() - began
        advance(part.stop - part.start)
        return record

    with ThreadPoolExecutor(plan.machine.cores) as pool:
        try:
            for chunk, part, device in _tiles(plan, plan.chunks if chunks is None else chunks):
                stop.check()  # here, since nothing below waits where devices are faster than the disk
                if part.start == 0:
                    while len(pending) > _CHUNKS_IN_FLIGHT:
                        yield from pending[0].results(stop)
                        pending.popleft()
                    pending.append(_Pending(plan, chunk, started, pause))
                    if plan.machine.platform == "cpu" and not stop.call_seconds:  # until one has been measured
                        stop.call_seconds = plan.seconds_of(chunk) * (part.stop - part.start) / len(chunk)
                call = stop.result(programs.of(chunk, device))
                tile = pool.submit(run, chunk, part, call, device)
                tile.add_done_callback(stop.wake)
                pending[-1].tiles.append((part, tile))
            while pending:
                yield from pending[0].results(stop)
                pending.popleft()
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(tile.done() for each in pending for _, tile in each.tiles):
                stop.wait()  # unlike the pool, it notices a second signal
            if not isinstance(error, GeneratorExit):  # somebody wants what has been computed
                for each in pending:
                    yield from each.finished()
            raise


def pause_after(seconds: float, bounds: tuple[float, float]) -> float:
    """How long finished tiles wait for the others of their chunk, in a run that has taken so long."""
    return min(max(bounds[0], seconds / _LOST), bounds[1])


@dataclass
class _Pending:
    """A chunk that is being computed.

    Attributes:
        pause: seconds from now to the time when finished tiles are handed over.
        tiles: those that are not handed over yet, and their places in the chunk.
    """

    plan: Plan
    chunk: Chunk
    started: datetime
    pause: Callable[[], float]
    tiles: "list[tuple[slice, Future[Recorded]]]" = field(default_factory=list)

    def results(self, stop: Stop) -> Iterator[Result]:
        """Waits for all tiles; gives the chunk as a whole, or in parts where that takes long."""
        due, done = time.monotonic() + self.pause(), 0
        while self.tiles:
            while done < len(self.tiles) and self.tiles[done][1].done():
                self.tiles[done][1].result()  # which raises if it has failed
                done += 1
            if done == len(self.tiles) or (done and time.monotonic() >= due):
                yield from self.finished()
                due, done = time.monotonic() + self.pause(), 0
            else:
                stop.check()
                stop.wait(max(0.0, due - time.monotonic()) if done and due < math.inf else None)

    def finished(self) -> Iterator[Result]:
        """What there is by now, if there is something."""
        there: list[tuple[slice, Future[Recorded]]] = []
        left: list[tuple[slice, Future[Recorded]]] = []
        for each in self.tiles:
            tile = each[1]
            is_there = tile.done() and not tile.cancelled() and tile.exception() is None
            (there if is_there else left).append(each)
        self.tiles = left
        if there:
            places = np.concatenate([np.arange(part.start, part.stop) for part, _ in there])
            yield collect(
                self.plan, self.plan.part(self.chunk, places), [tile.result() for _, tile in there], self.started
            )


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

    def of(self, chunk: Chunk, device: jax.Device) -> "Future[jax.stages.Compiled]":
        """The program of a chunk."""
        kind = (*self._kind(chunk), device)
        if kind not in self._used:
            for following in islice(self._to_come, 1 if self._used else AHEAD):
                self._compiling(*following)
            self._used.add(kind)
        return self._compiling(*kind)

    def _kind(self, chunk: Chunk) -> tuple[Program, int]:
        """Its program, and how many records that has places for."""
        return self._plan.program(chunk), self._plan.places(chunk)

    def _compiling(self, program: Program, places: int, device: jax.Device) -> "Future[jax.stages.Compiled]":
        return compiling(program, device, places, program.width(device.platform), program.own)
