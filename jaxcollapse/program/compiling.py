"""Compiling programs: several at once, ahead of use, and each only once."""

from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import SingleDeviceSharding

from jaxcollapse.distributions.recognition import rows_of
from jaxcollapse.observables import Observable
from jaxcollapse.observables.snapshot import SweepThresholds
from jaxcollapse.parameterisations.parameterisation import is_shape
from jaxcollapse.parts.plugin import told_in_a_line
from jaxcollapse.parts.slot import Part
from jaxcollapse.process.sequences import Reading
from jaxcollapse.process.structure import Loops, Settings
from jaxcollapse.program.kernel import Lanes, Program, jitted
from jaxcollapse.system import on_disk
from jaxcollapse.system.jax_settings import arithmetic, compiler_options
from jaxcollapse.system.machine import cores

AHEAD = 16  # programs compiled before they are needed, at most
_KEPT = 32  # programs in memory; each holds several hundred memory maps, of which a process has 65 530


@lru_cache(maxsize=_KEPT)
def compiling(
    program: Program, device: jax.Device, places: int, lanes: int, own: tuple[Observable | Part, ...]
) -> "Future[jax.stages.Compiled]":
    """A program being compiled for a device, so many places and lanes; twice if two threads ask at once.

    places: for records. own: `program.own`, as it is now: what it is traced from may be defined again under its name.
    """
    return _pool().submit(_load_or_compile, program, device, places, lanes)


def _load_or_compile(program: Program, device: jax.Device, places: int, lanes: int) -> jax.stages.Compiled:
    options = dict(compiler_options(device.platform))
    told = [program, places, lanes, options]
    with arithmetic(program.dtype):
        takes = arguments(program, lanes, places, SingleDeviceSharding(device))
        if program.own:  # plug-ins may use code that their digests do not cover: such a program is named by its text
            lowered = jitted(program).lower(*takes)
            text = lowered.as_text()
            if "callback" in text:  # an address of this process
                return lowered.compile(options)
            told.append(text)
        return on_disk.load_or_make(
            device, told, (takes, {}), program.outputs, lambda: jitted(program).lower(*takes).compile(options)
        )


def check_traceable(program: Program) -> None:
    """Traces a program that has parts of plug-ins, so that their mistakes are reported before anything is written.

    Raises:
        InputError: a part fails, or returns something else than it may.
    """
    if program.own:
        with arithmetic(program.dtype), told_in_a_line("plugin", [part.plugin for part in program.own]):
            jax.eval_shape(jitted(program), *arguments(program, lanes=1, places=1))


def arguments(
    program: Program, lanes: int, places: int, sharding: SingleDeviceSharding | None = None
) -> tuple[Any, ...]:
    """Shapes and types of what a program takes."""
    tokens, real = program.structure.tokens, jnp.dtype(program.dtype)

    def array(shape: tuple[int, ...], dtype: Any) -> Any:
        return jax.ShapeDtypeStruct(shape, dtype, sharding=sharding)

    structure = program.structure
    settings = Settings({name: array((lanes,), real) for name in structure.numbers})
    settings |= {name: array((lanes,), jnp.int32) for name in structure.counts}
    a_key = jax.eval_shape(partial(jax.random.key, impl="threefry2x32"), 0)  # nothing is compiled to make one
    key = array((lanes,), a_key.dtype)
    loops = Loops(*(array((), jnp.int32) for _ in Loops._fields))
    thresholds = SweepThresholds(array((), real), array((), real))
    contexts, parameters = program.structure.walk.contexts, program.structure.parameters
    fitted = None
    if not parameters.is_free:
        shapes = structure.shapes
        fitted = jax.tree.map(lambda shape: array((lanes, *shape), real), shapes, is_leaf=is_shape)
    rows = {name: array((lanes, tokens), real) for name in structure.rows}
    rows |= {name: array((lanes, contexts, tokens), real) for name in structure.tables}
    state = array((lanes, program.state_words), jnp.uint32) if program.state_words else None
    given = array((lanes, contexts, tokens), real)
    tile = Lanes(settings, key, array((lanes,), jnp.uint32), given, fitted, rows, state)
    reading = None
    if structure.texts:
        likelihoods = None
        if program.recognises:
            likelihoods = array((len(structure.texts), rows_of(tokens), tokens), real)
        reading = Reading(array((sum(structure.texts),), jnp.int32), array(structure.reads, jnp.int32), likelihoods)
    return tile, loops, array((places,), jnp.int32), thresholds, reading


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(4, cores()), "compiling")
