"""The plan: buckets of cells that share a program, cut into chunks, and what they cost."""

import heapq
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from jaxcollapse.errors import InputError
from jaxcollapse.native import target
from jaxcollapse.planning import cost, kernel_choice, resolution
from jaxcollapse.planning.cells import Cells
from jaxcollapse.planning.chunk import Chunk, chunk_id
from jaxcollapse.planning.display import as_bytes, as_html, as_text, describe
from jaxcollapse.planning.estimate import estimate
from jaxcollapse.program.kernel import Program
from jaxcollapse.sweep.equal_cells import equal_cells
from jaxcollapse.sweep.sweep import Sweep
from jaxcollapse.system.kernels import FASTEST
from jaxcollapse.system.machine import Machine, free_disk


@dataclass(frozen=True)
class Bucket:
    """Cells that share one compiled program.

    Attributes:
        program: the program.
        cells: numbers of the cells, in C order over the axes.
        lanes: number of trajectories of one device call.
        device_bytes: memory of one device call.
        record_bytes: the part of that memory that holds records.
    """

    program: Program
    cells: np.ndarray
    lanes: int
    device_bytes: int
    record_bytes: int


@dataclass(frozen=True, repr=False)
class Plan:
    """What a run will do. Printing a plan shows it.

    Attributes:
        sweep: what is to be computed.
        machine: the devices that compute it.
        cells: all cells of the sweep, as arrays.
        buckets: groups of cells that share a compiled program.
        chunks: groups of trajectories that are computed and stored together.
        later: for each cell the number of trajectories that may follow at most, where a rule says how many it gets.
    """

    sweep: Sweep
    machine: Machine
    cells: Cells
    buckets: tuple[Bucket, ...]
    chunks: tuple[Chunk, ...]
    later: np.ndarray | None = None

    @cached_property
    def identities(self) -> np.ndarray:
        """A 64-bit number for each cell that identifies its process and the seed."""
        return self.sweep.grid.identities(self.sweep.seed)

    @cached_property
    def streams(self) -> np.ndarray:
        """A 64-bit number for each cell that its random numbers follow from."""
        return self.sweep.streams()

    def gaps(self, chunk: Chunk) -> np.ndarray:
        """Numbers of generations between records, int32; the first counts from where the chunk begins."""
        recorded = self.sweep.recorded
        if chunk.beginning:
            recorded = recorded[recorded > chunk.since]
        return np.diff(recorded, prepend=chunk.since).astype(np.int32)

    def places(self, chunk: Chunk) -> int:
        """Number of places for the chunk's records in a device call."""
        return self.buckets[chunk.bucket].program.places(len(self.gaps(chunk)))

    def program(self, chunk: Chunk) -> Program:
        """The program that computes a chunk. If the chunk goes on from a state, the state must be known."""
        program = self.buckets[chunk.bucket].program
        if chunk.beginning is None:
            return program
        assert chunk.state is not None
        return replace(program, state_words=chunk.state.shape[1])

    @cached_property
    def warning(self) -> str | None:
        """A sentence that says in which cells rounding is as large as the effects; None if there are none."""
        return resolution.warning(self.sweep, self.cells.library)

    @property
    def trajectories(self) -> int:
        """Number of trajectories to compute."""
        return sum(len(chunk) for chunk in self.chunks)

    @property
    def covered(self) -> np.ndarray:
        """Which trajectories the plan computes, boolean [cell, replicate]."""
        held = np.zeros((self.sweep.grid.cells, self.sweep.replicates), bool)
        for chunk in self.chunks:
            held[chunk.cells, chunk.replicates] = True
        return held

    @property
    def device_bytes(self) -> int:
        """The largest memory in use on one device at once, in bytes."""
        return max((bucket.device_bytes for bucket in self.buckets), default=0) * self.machine.workers

    @property
    def trajectory_bytes(self) -> int:
        """The largest size of what is recorded of one trajectory, in bytes."""
        structures = [bucket.program.structure for bucket in self.buckets]
        tokens = max((structure.tokens for structure in structures), default=0)
        contexts = max((structure.walk.contexts for structure in structures), default=0)
        return cost.trajectory_bytes(self.sweep, tokens, contexts)

    @property
    def disk_bytes(self) -> int:
        """Size of the shards to be written and of the dataset, in bytes before compression."""
        places = self.sweep.trajectories
        if self.sweep.stopping:  # a dataset has places for as many as some cell has
            most = max((int(chunk.replicates.max()) + 1 for chunk in self.chunks), default=0)
            places = self.sweep.grid.cells * most
        trajectories = self.trajectories + places
        return trajectories * self.trajectory_bytes + (len(self.chunks) + 1) * cost.FILE_BYTES

    @property
    def kernel(self) -> str:
        """The code that computes generations: native code for this processor, or programs of XLA."""
        if not any(bucket.program.measures_natively for bucket in self.buckets):
            return "XLA"
        alone = all(bucket.program.measures_natively for bucket in self.buckets)
        return f"native code for {target(self.machine.platform)}{'' if alone else ', and XLA'}"

    @property
    def choice(self) -> str | None:
        """A sentence that says what `machine.kernel` means for this sweep; None if there is nothing to say."""
        machine = self.machine
        if target(machine.platform) is None:
            is_elsewhere = machine.platform == "gpu" and not machine.devices
            return kernel_choice.ELSEWHERE if is_elsewhere and machine.kernel == FASTEST else None
        programs = [bucket.program for bucket in self.buckets]
        buckets = [(program.structure.tokens, program.is_native) for program in programs]
        return kernel_choice.told(machine.kernel, machine.platform, buckets)

    @property
    def compiles(self) -> int:
        """Number of programs to compile: one for each bucket and device that it runs on."""
        calls = [0] * len(self.buckets)
        for chunk in self.chunks:
            calls[chunk.bucket] += -(-len(chunk) // self.buckets[chunk.bucket].lanes)
        return sum(min(number, self.machine.count) for number in calls)

    @property
    def token_updates(self) -> float:
        """The work: generations × optimiser steps × tokens, summed over all trajectories."""
        return sum(
            len(chunk)
            * (self.sweep.generations - chunk.since)
            * max(1, chunk.loops[0])
            * self.buckets[chunk.bucket].program.structure.tokens
            * self.buckets[chunk.bucket].program.structure.walk.contexts
            for chunk in self.chunks
        )

    @property
    def seconds(self) -> float:
        """Estimated seconds of the run on these CPU cores, once its programs are compiled."""
        return sum(self.seconds_of(chunk) for chunk in self.chunks) / self.machine.cores

    def seconds_of(self, chunk: Chunk) -> float:
        """Estimated seconds of a chunk on one CPU core."""
        draws = self.cells.draws[chunk.cells]
        each = cost.trajectory_seconds(self.sweep, self.buckets[chunk.bucket].program, chunk.loops, draws)
        return float(each.sum()) * (1 - chunk.since / max(self.sweep.generations, 1))

    @cached_property
    def cell_seconds(self) -> np.ndarray:
        """Estimated seconds of one trajectory of each cell on one CPU core."""
        found = np.zeros(self.sweep.grid.cells)
        for bucket in self.buckets:
            loops, which = np.unique(self.cells.loops[bucket.cells], axis=0, return_inverse=True)
            for place, counts in enumerate(loops.tolist()):
                members = bucket.cells[which.reshape(-1) == place]
                draws = self.cells.draws[members]
                found[members] = cost.trajectory_seconds(self.sweep, bucket.program, tuple(counts), draws)
        return found

    @property
    def longest_chunk(self) -> float:
        """Seconds that the longest chunk takes on these CPU cores. Each core runs one device call."""

        def seconds(chunk: Chunk) -> float:
            calls = -(-len(chunk) // self.buckets[chunk.bucket].lanes)
            return self.seconds_of(chunk) / min(self.machine.cores, calls)

        return max(map(seconds, self.chunks), default=0.0)

    def without(self, done: np.ndarray) -> "Plan":
        """The rest of this plan, when some trajectories are done, boolean [cell, replicate]. Whole chunks stay."""
        left = []
        for chunk in self.chunks:
            if rest := self.rest(chunk, done):
                left.append(rest)
        return replace(self, chunks=tuple(left))

    def rest(self, chunk: Chunk, done: np.ndarray) -> Chunk | None:
        """The part of a chunk that remains, as a chunk of its own; None if nothing does.

        Args:
            chunk: a chunk of this plan.
            done: which trajectories are done, boolean [cell, replicate].
        """
        places = np.flatnonzero(~done[chunk.cells, chunk.replicates])
        return self.part(chunk, places) if len(places) else None

    def part(self, chunk: Chunk, places: np.ndarray) -> Chunk:
        """The trajectories at these places of a chunk, as a chunk of their own; the same chunk if that is all."""
        if len(places) == len(chunk):
            return chunk
        cells, replicates, name = chunk.cells[places], chunk.replicates[places], chunk.claim
        beginning = chunk.beginning.part(places) if chunk.beginning else None
        return Chunk(self.name(cells, replicates), chunk.bucket, chunk.loops, cells, replicates, beginning, name)

    def name(self, cells: np.ndarray, replicates: np.ndarray) -> str:
        """The name of a chunk of these trajectories."""
        return chunk_id(self.identities[cells], replicates, self.sweep.generations if self.sweep.record.state else None)

    def share(self, index: int, count: int) -> "Plan":
        """The part of this plan that one of `count` machines computes. All parts take about equally long."""
        seconds = [self.seconds_of(chunk) for chunk in self.chunks]
        taken, mine = [(0.0, machine) for machine in range(count)], []
        for place in sorted(range(len(seconds)), key=lambda place: -seconds[place]):
            least, machine = taken[0]
            heapq.heapreplace(taken, (least + seconds[place], machine))
            if machine == index:
                mine.append(place)
        return replace(self, chunks=tuple(self.chunks[place] for place in sorted(mine)))

    def check_fits(self, folder: Path | None = None) -> None:
        """Raises `InputError` if the plan needs more memory than a device has, or more disk than is free."""
        most = self.machine.device_bytes
        if most is not None and self.device_bytes > most:
            largest = max(self.buckets, key=lambda bucket: bucket.device_bytes)
            swept = "vocab_size" in self.sweep.dims
            raise InputError(
                "record"
                if largest.record_bytes > largest.device_bytes / 2
                else f"{'axes' if swept else 'process'}.vocab_size",
                f"needs {as_bytes(self.device_bytes)} on one {self.machine.platform} device, "
                f"which has {as_bytes(most)}",
            )
        if folder is not None and self.disk_bytes > (free := free_disk(folder)):
            raise InputError(
                "record",
                f"needs {as_bytes(self.disk_bytes)} on disk before compression, but only {as_bytes(free)} are free "
                f"at {folder}; record fewer generations or observables",
            )

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON data."""
        time = estimate(self)
        return {
            "title": self.sweep.title,
            "dims": list(self.sweep.dims),
            "shape": list(self.sweep.shape),
            "cells": self.sweep.grid.cells,
            "places": self.sweep.grid.size,
            "replicates": self.sweep.replicates,
            "equal_cells": equal.to_dict() if (equal := equal_cells(self.sweep.grid)) else None,
            "generations": self.sweep.generations,
            "recorded": len(self.sweep.recorded),
            "trajectories": self.trajectories,
            **({"rule": rule} if (rule := self._rule()) else {}),
            "platform": self.machine.platform,
            "devices": self.machine.count,
            "kernel": self.kernel,
            "kernel_choice": self.choice,
            "warning": self.warning,
            **({"parts": told} if (told := _told_parts(self.sweep)) else {}),
            "compiles": self.compiles,
            "start_seconds": time.start,
            "compile_seconds": time.compile,
            "run_seconds": time.compute if self.machine.platform == "cpu" else None,
            "finish_seconds": time.finish,
            "buckets": [
                {
                    "tokens": bucket.program.structure.tokens,
                    "contexts": bucket.program.structure.walk.contexts,
                    "shape": bucket.program.structure.shape,
                    "update": "refit" if bucket.program.structure.is_refit else bucket.program.structure.rule.part,
                    "cells": len(bucket.cells),
                    "lanes": bucket.lanes,
                    "device_bytes": bucket.device_bytes,
                    "chunks": sum(chunk.bucket == index for chunk in self.chunks),
                    "why": describe(bucket.program),
                }
                for index, bucket in enumerate(self.buckets)
            ],
            "chunks": len(self.chunks),
            "device_bytes": self.device_bytes,
            "machine_bytes": self.machine.device_bytes,
            "disk_bytes": self.disk_bytes,
            **({"text_bytes": size} if (size := self._text_bytes()) else {}),
            "token_updates": self.token_updates,
        }

    def _text_bytes(self) -> int:
        """Size of the texts of all trajectories, in bytes before compression, in the shards and in the dataset."""
        return 2 * self.trajectories * cost.text_bytes(self.sweep, len(self.sweep.recorded))

    def _rule(self) -> dict[str, Any] | None:
        """The rule by which cells get replicates, and what it may cost at most, beyond this plan's round."""
        rule, later = self.sweep.stopping, self.later
        if rule is None or later is None:
            return None
        more, time = int(later.sum()), float(later @ self.cell_seconds) / self.machine.cores
        return {
            **rule.model_dump(),
            "most_trajectories": self.trajectories + more,
            "most_run_seconds": estimate(self).compute + time if self.machine.platform == "cpu" else None,
            "most_disk_bytes": self.disk_bytes + 2 * more * self.trajectory_bytes,
        }

    def __repr__(self) -> str:
        return as_text(self.to_dict())

    def _repr_html_(self) -> str:
        return as_html(self.to_dict())


def _told_parts(sweep: Sweep) -> dict[str, str]:
    """The parts that plug-ins have added: where each is from, and what it costs."""
    lost = "by XLA in every generation, as native code cannot run whole generations with it"
    events = {entry.name for entry in sweep.parts if entry.is_event}
    costs = dict.fromkeys(events, f", watched {lost}")
    costs |= {name: f", computed {lost}" for name in sweep.own_parts if " " in name and not name.startswith("initial ")}
    return {name: f"{plugin}{costs.get(name, '')}" for name, plugin in sweep.own_parts.items()}
