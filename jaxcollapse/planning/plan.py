"""The plan: buckets of cells that share a program, cut into chunks, and what they cost."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxcollapse.errors import InputError
from jaxcollapse.kernel import Program
from jaxcollapse.observables import select
from jaxcollapse.planning.cells import Cells, resolve
from jaxcollapse.planning.machine import Machine, free_disk, this_machine
from jaxcollapse.sweep.sweep import Sweep

_CHUNK_SECONDS = 20.0  # aimed at, on all cores together
_CHUNK_BYTES = 64 * 2**20
_ARRAYS = 24  # arrays of [lane, token] alive at once at most; a test compares with what the compiler says
_RECORD_COPIES = 2  # what is recorded, and the scan's own copy of it
_FILE_BYTES = 2**16  # of a netCDF file, beside its numbers


@dataclass(frozen=True)
class Bucket:
    """Cells that share one compiled program. lanes: trajectories of one device call.

    device_bytes: memory of one device call. record_bytes: how much of it holds what is recorded.
    """

    program: Program
    cells: np.ndarray
    lanes: int
    device_bytes: int
    record_bytes: int


@dataclass(frozen=True)
class Chunk:
    """Trajectories that are computed and stored together; all of one bucket, with equal loops.

    cells, replicates: one entry for each trajectory. loops: (steps, sample blocks, batch blocks).
    """

    id: str
    bucket: int
    loops: tuple[int, int, int]
    cells: np.ndarray
    replicates: np.ndarray

    def __len__(self) -> int:
        return len(self.cells)


@dataclass(frozen=True, repr=False)
class Plan:
    """What a run will do. Printing it says so."""

    sweep: Sweep
    machine: Machine
    cells: Cells
    buckets: tuple[Bucket, ...]
    chunks: tuple[Chunk, ...]

    @cached_property
    def identities(self) -> np.ndarray:
        """The 64-bit identity of each cell: its seed and all its values."""
        return self.sweep.grid.identities(self.sweep.seed)

    @property
    def trajectories(self) -> int:
        """Trajectories to compute."""
        return sum(len(chunk) for chunk in self.chunks)

    @property
    def device_bytes(self) -> int:
        """Most memory used on one device at once."""
        return max((bucket.device_bytes for bucket in self.buckets), default=0) * self.machine.workers

    @property
    def disk_bytes(self) -> int:
        """Size of the shards to be written and of the dataset, before compression."""
        width = max((bucket.program.structure.tokens for bucket in self.buckets), default=0)
        trajectories = self.trajectories + self.sweep.trajectories
        return trajectories * _trajectory_bytes(self.sweep, width) + (len(self.chunks) + 1) * _FILE_BYTES

    @property
    def compiles(self) -> int:
        """Programs to compile: one for each bucket and device that it runs on."""
        calls = [0] * len(self.buckets)
        for chunk in self.chunks:
            calls[chunk.bucket] += -(-len(chunk) // self.buckets[chunk.bucket].lanes)
        return sum(min(number, len(self.machine.devices)) for number in calls)

    @property
    def token_updates(self) -> float:
        """Work: generations × optimiser steps × tokens, over all trajectories."""
        return sum(
            len(chunk)
            * self.sweep.generations
            * max(1, chunk.loops[0])
            * self.buckets[chunk.bucket].program.structure.tokens
            for chunk in self.chunks
        )

    def check_fits(self, folder: Path | None = None) -> None:
        """Raises `InputError` if the plan needs more memory than a device has, or more disk than is free."""
        if self.device_bytes > self.machine.device_bytes:
            largest = max(self.buckets, key=lambda bucket: bucket.device_bytes)
            swept = "vocab_size" in self.sweep.dims
            raise InputError(
                "record"
                if largest.record_bytes > largest.device_bytes / 2
                else f"{'axes' if swept else 'process'}.vocab_size",
                f"needs {_bytes(self.device_bytes)} on one {self.machine.platform} device, "
                f"which has {_bytes(self.machine.device_bytes)}",
            )
        if folder is not None and self.disk_bytes > (free := free_disk(folder)):
            raise InputError(
                "record",
                f"needs {_bytes(self.disk_bytes)} on disk before compression, and {_bytes(free)} are free at {folder}; "
                "record fewer generations or observables",
            )

    def to_dict(self) -> dict[str, Any]:
        """The plan in numbers, for machines."""
        return {
            "title": self.sweep.title,
            "dims": list(self.sweep.dims),
            "shape": list(self.sweep.shape),
            "cells": self.sweep.grid.cells,
            "replicates": self.sweep.replicates,
            "generations": self.sweep.generations,
            "recorded": len(self.sweep.recorded),
            "trajectories": self.trajectories,
            "platform": self.machine.platform,
            "devices": len(self.machine.devices),
            "compiles": self.compiles,
            "buckets": [
                {
                    "tokens": bucket.program.structure.tokens,
                    "update": bucket.program.structure.update,
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
            "disk_bytes": self.disk_bytes,
            "token_updates": self.token_updates,
        }

    def __repr__(self) -> str:
        told = self.to_dict()
        devices = f"{told['devices']} {told['platform']} device{'s' if told['devices'] > 1 else ''}"
        lines = [
            f"<Plan {self.sweep.title!r}: {told['trajectories']:,} trajectories on {devices}>",
            f"{told['compiles']} compiles, {told['chunks']} chunks, {self.token_updates:.3g} token updates",
            f"memory: at most {_bytes(self.device_bytes)} of {_bytes(self.machine.device_bytes)} on a device; "
            f"disk: at most {_bytes(self.disk_bytes)}",
            "Buckets:",
        ]
        for bucket in told["buckets"]:
            lines.append(
                f"    {bucket['cells']:>6} cells in {bucket['chunks']} chunks, {bucket['lanes']} lanes × "
                f"{bucket['tokens']} tokens: {bucket['why']}"
            )
        return "\n".join(lines)


def plan(
    sweep: Sweep,
    *,
    chunk_size: int | None = None,
    devices: Sequence[jax.Device] | None = None,
    done: np.ndarray | None = None,
) -> Plan:
    """Plans a sweep.

    Args:
        sweep: what is to be computed.
        chunk_size: trajectories of a chunk at most; by default about 20 seconds' work. It has no influence on results.
        devices: the devices to run on; by default all local ones. They have no influence on results.
        done: boolean [cell, replicate], trajectories that need not be computed.

    Raises:
        InputError: an initial distribution cannot be had.
    """
    machine, cells = this_machine(devices), resolve(sweep)
    buckets = []
    for index, program in enumerate(cells.programs):
        lanes = program.width(machine.platform)
        members = np.flatnonzero(cells.program == index)
        record = lanes * _RECORD_COPIES * _trajectory_bytes(sweep, program.structure.tokens)
        buckets.append(Bucket(program, members, lanes, lanes * _lane_bytes(program) + record, record))
    identities = sweep.grid.identities(sweep.seed)
    chunks = [
        chunk
        for index, bucket in enumerate(buckets)
        for chunk in _chunks(sweep, cells, index, bucket, identities, done, chunk_size)
    ]
    return Plan(sweep, machine, cells, tuple(buckets), tuple(chunks))


def _chunks(
    sweep: Sweep,
    cells: Cells,
    index: int,
    bucket: Bucket,
    identities: np.ndarray,
    done: np.ndarray | None,
    chunk_size: int | None,
) -> list[Chunk]:
    chunks = []
    loops, which = np.unique(cells.loops[bucket.cells], axis=0, return_inverse=True)
    for place, counts in enumerate(loops.tolist()):
        members = bucket.cells[which.reshape(-1) == place]
        cell = np.repeat(members, sweep.replicates)
        replicate = np.tile(np.arange(sweep.replicates, dtype=np.int32), len(members))
        if done is not None:
            missing = ~done[members].reshape(-1)
            cell, replicate = cell[missing], replicate[missing]
        size = chunk_size or _chunk_size(sweep, bucket, counts)
        for start in range(0, len(cell), size):
            part = slice(start, start + size)
            name = chunk_id(identities[cell[part]], replicate[part])
            chunks.append(Chunk(name, index, tuple(counts), cell[part], replicate[part]))
    return chunks


def chunk_id(identities: np.ndarray, replicates: np.ndarray) -> str:
    """The name of the trajectories with these identities and replicate numbers, in this order."""
    digest = hashlib.sha256(identities.astype("<u8").tobytes())
    digest.update(replicates.astype("<i4").tobytes())
    return digest.hexdigest()[:16]


def _chunk_size(sweep: Sweep, bucket: Bucket, loops: list[int]) -> int:
    """Trajectories of about `_CHUNK_SECONDS` work, no more than fit in `_CHUNK_BYTES`, whole device calls."""
    structure = bucket.program.structure
    steps, sample_blocks, batch_blocks = loops
    drawn = sum(how.block * blocks for how, blocks in ((structure.sampler, sample_blocks),) if how)
    drawn += sum(how.block * blocks * steps for how, blocks in ((structure.batch_sampler, batch_blocks),) if how)
    generation = 4e-9 * structure.tokens * max(1, steps) + 2e-8 * drawn
    by_time = _CHUNK_SECONDS / (sweep.generations * generation + 1e-9)
    by_bytes = _CHUNK_BYTES / _trajectory_bytes(sweep, structure.tokens)
    calls = min(by_time, by_bytes) / bucket.lanes
    return bucket.lanes * max(1, math.floor(min(calls, 1e6)))


def _trajectory_bytes(sweep: Sweep, tokens: int) -> int:
    """What is recorded of one trajectory, its labels included."""
    chosen = select(sweep.observables)
    events = sum(entry.is_event for entry in chosen)
    per_record = len(chosen) - events + (tokens if sweep.record.logits else 0)
    return np.dtype(sweep.precision).itemsize * (len(sweep.recorded) * per_record + events) + 16


def _lane_bytes(program: Program) -> int:
    """Device memory of one lane."""
    structure = program.structure
    moments = {"sgd": 0, "sign_sgd": 0, "adam": 2, "adamw": 2}.get(structure.optimizer, 1)
    kept = {"replace": 1, "accumulate": 2, "window": 3 * structure.corpus.window}[structure.corpus.kind]
    itemsize = np.dtype(program.dtype).itemsize
    draws = sum(how.block * 16 for how in (structure.sampler, structure.batch_sampler) if how)
    return itemsize * (structure.tokens * (_ARRAYS + 3 * moments + kept) + draws)


def describe(program: Program) -> str:
    """What is special about a program, in words."""
    structure = program.structure
    how = structure.update if structure.update == "refit" else structure.optimizer
    data = {
        "full": "exact expectation" if structure.infinite_samples else "whole corpus",
        "generator": "fresh minibatches",
        "corpus": "minibatches of the corpus",
    }[structure.batches]
    drawn = structure.batch_sampler or structure.sampler
    counts = "" if drawn is None else ", Poisson rounds" if drawn.rounds else f", {drawn.block} draws at once"
    extras: list[str] = [structure.corpus.kind] if structure.corpus.kind != "replace" else []
    extras += [*structure.truncations, *(["fresh data"] if structure.fresh_data else [])]
    return f"{how}, {data}{counts}" + "".join(f", {extra}" for extra in extras)


def _bytes(number: float) -> str:
    units = ["B", "kB", "MB", "GB", "TB"]
    power = min(int(math.log10(max(number, 1)) // 3), len(units) - 1)
    return f"{number / 1000**power:.3g} {units[power]}"
