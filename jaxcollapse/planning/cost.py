"""What trajectories cost: time, device memory, disk."""

import math

import numpy as np

from jaxcollapse.kernel import Program
from jaxcollapse.observables import select
from jaxcollapse.sampling.multinomial import VISIT
from jaxcollapse.sweep.sweep import Sweep

RECORD_COPIES = 2  # what is recorded, and the scan's own copy of it
FILE_BYTES = 2**16  # of a netCDF file, beside its numbers
_CHUNK_SECONDS = 20.0  # aimed at, on all cores together
_CHUNK_BYTES = 64 * 2**20
_VISIT_ARRAYS = 256  # arrays of a visit alive at once, where draws are split
_ARRAYS = 24  # arrays of [lane, token] alive at once at most; a test compares with what the compiler says


def chunk_size(sweep: Sweep, program: Program, lanes: int, loops: tuple[int, ...]) -> int:
    """Trajectories of about `_CHUNK_SECONDS` work, no more than fit in `_CHUNK_BYTES`, whole device calls."""
    structure = program.structure
    steps, sample_blocks, batch_blocks = loops
    draws = ((structure.sampler, sample_blocks), (structure.batch_sampler, batch_blocks * steps))
    drawn = sum((structure.tokens if how.splits else how.block) * blocks for how, blocks in draws if how)
    generation = 4e-9 * structure.tokens * max(1, steps) + 2e-8 * drawn
    by_time = _CHUNK_SECONDS / (sweep.generations * generation + 1e-9)
    by_bytes = _CHUNK_BYTES / trajectory_bytes(sweep, structure.tokens)
    calls = min(by_time, by_bytes) / lanes
    return lanes * max(1, math.floor(min(calls, 1e6)))


def trajectory_bytes(sweep: Sweep, tokens: int) -> int:
    """What is recorded of one trajectory, its labels included."""
    chosen = select(sweep.observables)
    events = sum(entry.is_event for entry in chosen)
    per_record = len(chosen) - events + (tokens if sweep.record.logits else 0)
    return np.dtype(sweep.precision).itemsize * (len(sweep.recorded) * per_record + events) + 16


def tile_bytes(program: Program, lanes: int) -> int:
    """Device memory of one device call, without what is recorded."""
    structure = program.structure
    moments = {"sgd": 0, "sign_sgd": 0, "adam": 2, "adamw": 2}.get(structure.optimizer, 1)
    kept = {"replace": 1, "accumulate": 2, "window": 3 * structure.corpus.window}[structure.corpus.kind]
    itemsize = np.dtype(program.dtype).itemsize
    samplers = [how for how in (structure.sampler, structure.batch_sampler) if how]
    draws = sum(_VISIT_ARRAYS * max(VISIT, lanes) if how.splits else how.block * 16 * lanes for how in samplers)
    return itemsize * (lanes * structure.tokens * (_ARRAYS + 3 * moments + kept) + draws)
