"""The inner loop in C++, called by XLA on CPUs and NVIDIA GPUs: whole generations of the common processes; exact counts
and what is measured for all.

XLA makes a pass through memory for each of a dozen kernels of a step. The loops here keep sixteen trajectories, or one
of a large vocabulary, in the innermost cache for as many generations as there are between two records. They do what
`jaxcollapse.process` and `jaxcollapse.sampling` say in JAX, which stays the engine of other accelerators and of double
precision; from the same random words, so that both draw the same counts. Sixteen numbers are worked on at once, in the
registers of a CPU or by sixteen threads of a GPU, by operations that are the same on every processor: a trajectory is
the same bits on all of them, whatever its neighbours.

With `JAXCOLLAPSE_NATIVE=0` in the environment XLA does everything. `JAXCOLLAPSE_PROCESSOR` names a lesser processor
whose program is to be taken, such as `x86-64-v3`.

    vector.h      sixteen numbers, in registers.h or by threads.h (column.h: what threads know of one another)
    sheet.h       arrays of them: sixteen trajectories, or one; memory.h, space.h: where they are
    functions.h   exponential, logarithm          sampler.h    multinomial counts of a sheet
    threefry.h    random words                    training.h   generations; counting.h: counts alone
    binomial.h    binomial counts                 groups.h     groups of traces with rewards
    measuring.h   observables                     tempering.h  those of cooling
    variant.cpp   all of it for one processor     library.cpp  what XLA calls on CPUs (calls.h: with which arrays)
    gpu.cu        all of it for one GPU           gpu.cpp      what XLA calls there; gpu.py: compiles and loads gpu.cu

docs/native.md is for those who change it.
"""

import ctypes
import os
from collections.abc import Collection
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int32, UInt32

from jaxcollapse.errors import InputError
from jaxcollapse.native import gpu, sources

# What events can watch, and whether it falls to a threshold.
STATISTICS = {
    "modal_probability": False,
    "collision_probability": False,
    "least_present_probability": True,
    "least_correct_probability": True,
}
# Observables that are measured here. The library has the same lists in the same order, in `jobs.h`.
MEASURED = (
    "entropy",
    "collision_probability",
    "support_size",
    "original_mode_probability",
    "mode_is_original",
    "kl_from_initial",
    "kl_to_initial",
    "total_variation",
    "tail_mass",
    "modal_probability",
    "effective_temperature",
    "tempering_gap",
    "recovery_temperature",
    "recovery_gap",
    "smoothed_kl_to_initial",
    "smoothed_recovery_temperature",
    "smoothed_recovery_gap",
    "order_gap",
    "uniform_kl_to_initial",
)
BASELINES = ("mean", "leave_one_out", "none")  # in the order of `jobs.h`
MOST_OF_GROUP = 4096  # traces that there is room for
COLUMNS = 16  # of a sheet; where tokens are in columns, JAX code adds them up in this order, too
_PROCESSOR = "JAXCOLLAPSE_PROCESSOR"
_FEW_TOKENS = 64  # up to here it pays to lay sixteen rows side by side before anything is computed


@cache
def _library() -> ctypes.CDLL | None:
    """The library, known to XLA; None where it was not built, not for this processor, or is not wanted."""
    path = Path(__file__).with_name(sources.LIBRARY)
    if not path.exists() or os.environ.get("JAXCOLLAPSE_NATIVE") == "0":
        return None
    library = ctypes.CDLL(str(path))
    library.jaxcollapse_sources.restype = ctypes.c_char_p
    library.jaxcollapse_processor.restype = ctypes.c_char_p
    library.jaxcollapse_act_as.restype = ctypes.c_bool
    if library.jaxcollapse_sources().decode() != sources.digest():
        raise InputError("", f"{path} was built from other sources than those next to it; install the package again")
    lists = _lists(library, path)
    wanted = os.environ.get(_PROCESSOR)
    if wanted is not None and not library.jaxcollapse_act_as(wanted.encode()):
        raise InputError(_PROCESSOR, f"{wanted!r} is not a processor whose native code runs here")
    if library.jaxcollapse_processor() is None:
        return None
    for name in lists["calls"]:
        function = getattr(library, f"jaxcollapse_{name}")
        jax.ffi.register_ffi_target(f"jaxcollapse_{name}", jax.ffi.pycapsule(function), platform="cpu")
    return library


def _lists(library: ctypes.CDLL, path: Path) -> dict[str, tuple[str, ...]]:
    """What the library lists: its `calls`, and what this module lists as well.

    Raises:
        InputError: a list differs from this module's, so that numbers would get the names of others.
    """
    library.jaxcollapse_lists.restype = ctypes.c_char_p
    lines = [line.split() for line in library.jaxcollapse_lists().decode().splitlines()]
    lists = {what: tuple(names) for what, *names in lines}
    here = {"measures": MEASURED, "statistics": tuple(STATISTICS), "baselines": BASELINES, "columns": (str(COLUMNS),)}
    for what, names in here.items():
        there = lists.get(what, ())
        for place, (one, other) in enumerate(zip_longest(names, there)):
            if one != other:
                where = f"{what}[{place}] is {other or 'missing'} in {path}, but {one or 'missing'} in {__name__}"
                raise InputError("", f"{where}; make both lists the same, and install the package again")
    return lists


def processor() -> str | None:
    """The kind of processor whose program is used, such as "x86-64-v4"; None if there is no library for this one."""
    library = _library()
    return None if library is None else library.jaxcollapse_processor().decode()


@cache
def architecture() -> str | None:
    """The kind of GPU whose program is used, such as "sm_90"; None if there is no GPU, or no program for it."""
    library = _library()
    return None if library is None else gpu.start(library)


def target(platform: str) -> str | None:
    """The processor or GPU whose program is used on this platform, if there is one."""
    return processor() if platform == "cpu" else architecture() if platform == "gpu" else None


def trains(platform: str, precision: str) -> bool:
    """Whether native code runs whole generations on this platform in this precision; else XLA does everything."""
    return may_train(platform, precision) and target(platform) is not None


def may_train(platform: str, precision: str) -> bool:
    """Whether native code does so on machines that have it."""
    return platform in ("cpu", "gpu") and precision == "float32"


def draws_on(platform: str) -> bool:
    """Whether native code, where it trains, also draws and measures for processes whose generations XLA runs."""
    return platform == "cpu"


def count(
    key: UInt32[Array, " 2"],
    weights: Float[Array, " token"],
    draws: Int32[Array, ""],
    *,
    fewest_split: int,
    apart: bool,
) -> Int32[Array, " token"]:
    """Counts of `draws` draws with probabilities proportional to `weights`: see `sampling.multinomial`.

    `fewest_split`: from so many draws on they are split. `apart`: whether tokens are in one column.
    """
    return _call(
        "count",
        jax.ShapeDtypeStruct(weights.shape, jnp.int32),
        key,
        weights,
        draws,
        fewest_split=np.int32(fewest_split),
        apart=apart,
    )


class Origins(NamedTuple):
    """What models are compared with.

    Attributes:
        logits: logits of p0.
        rarest: weights of its rarest tokens.
        support: a token counts as present while its probability is above this.
        samples: N of a refit to N samples; ∞ where what is lost is not smoothed.
    """

    logits: Float[Array, " token"]
    rarest: Float[Array, " token"]
    support: Float[Array, ""]
    samples: Float[Array, ""]


class Rewarding(NamedTuple):
    """How the traces of a policy gradient are compared.

    Attributes:
        size: number of traces of a group; at most `MOST_OF_GROUP`.
        baseline: what is subtracted from the rewards of a group, one of `BASELINES`.
        normalises: whether they are divided by the standard deviation of the group's rewards.
        by_chance: whether a reward is 1 with a chance, else 0.
    """

    size: int
    baseline: str
    normalises: bool
    by_chance: bool


def train(
    logits: Float[Array, " token"],
    key: UInt32[Array, " 2"],
    inverse_temperature: Float[Array, ""],
    learning_rate: Float[Array, ""],
    draws: Int32[Array, ""],
    present: Bool[Array, " token"],
    correct: Bool[Array, " token"],
    thresholds: Float[Array, " statistic"],
    times: Int32[Array, " statistic"],
    schedule: Int32[Array, " 2"],
    gaps: Int32[Array, " record"],
    scale: Float[Array, " scaled"],
    origins: Origins,
    *,
    fewest_split: int,
    apart: bool,
    refit: bool,
    groups: Rewarding | None,
    watched: Collection[str],
    wanted: Collection[str],
) -> tuple[Float[Array, " token"], Int32[Array, " statistic"], Float[Array, "wanted record"]]:
    """Some generations of plain SGD on fresh minibatches, of refits to the last samples, or of a policy gradient.

    It measures models, too.

    Args:
        logits: the model.
        key: of the trajectory; generations, and steps in them, are folded in.
        inverse_temperature: 1/T, a positive normal number.
        learning_rate: of SGD.
        draws: traces of a minibatch, 0 for infinitely many; samples of a refit; or traces of all groups, not 0.
        present: what can die out.
        correct: the correct answers.
        thresholds: an event happens when its statistic reaches this: from above where `STATISTICS` say so, else from
            below.
        times: when events happened; −1 if one did not.
        schedule: the number of the first generation, and how many steps there are in each.
        gaps: generations before each record.
        scale: the reward of each token, or its chance of a reward of 1; empty where traces have none.
        origins: what models are measured against.
        fewest_split, apart: see `count`.
        refit: whether this is a refit.
        groups: how traces with rewards are compared; None where they have none.
        watched: the `STATISTICS` that there is an event of.
        wanted: what of `MEASURED` to measure at records.

    Returns:
        The new logits and times, and the values of what is wanted, in the order of `MEASURED`.
    """
    shapes = (
        jax.ShapeDtypeStruct(logits.shape, jnp.float32),
        jax.ShapeDtypeStruct(times.shape, jnp.int32),
        jax.ShapeDtypeStruct((len(wanted), len(gaps)), jnp.float32),
    )
    return _call(
        "train",
        shapes,
        logits,
        key,
        inverse_temperature,
        learning_rate,
        draws,
        present.astype(jnp.uint8) * (1 + 2 * correct.astype(jnp.uint8)),
        thresholds,
        times,
        schedule,
        gaps,
        scale,
        *origins,
        fewest_split=np.int32(fewest_split),
        apart=apart,
        refit=refit,
        group_size=np.int32(groups.size if groups else 0),
        baseline=np.int32(BASELINES.index(groups.baseline) if groups else 0),
        normalises=bool(groups and groups.normalises),
        by_chance=bool(groups and groups.by_chance),
        watched=_bits(tuple(STATISTICS), watched),
        wanted=_bits(MEASURED, wanted),
    )


def measure(logits: Float[Array, " token"], origins: Origins, *, wanted: Collection[str]) -> Float[Array, " wanted"]:
    """The wanted ones of the observables `MEASURED`, in that order: see `jaxcollapse.observables`.

    Args:
        logits: of the model.
        origins: what it is compared with.
        wanted: names of observables.
    """
    shape, apart = jax.ShapeDtypeStruct((len(wanted),), jnp.float32), len(logits) < _FEW_TOKENS
    return _call("measure", shape, logits, *origins, apart=apart, wanted=_bits(MEASURED, wanted))


def _bits(names: Collection[str], wanted: Collection[str]) -> np.int32:
    """A number with a bit for each name that is wanted."""
    return np.int32(sum(1 << place for place, name in enumerate(names) if name in wanted))


def binomial(
    words: UInt32[Array, " n"],
    lower: UInt32[Array, " n"],
    trials: Int32[Array, " n"],
    odds: Float[Array, " n"],
) -> Int32[Array, " n"]:
    """Binomial counts at random words: see `sampling.binomial`. For tests; what needs counts asks for all at once."""
    return _call("binomial", jax.ShapeDtypeStruct(words.shape, jnp.int32), words, lower, trials, odds)


def words(key: UInt32[Array, " 2"], count: int) -> tuple[UInt32[Array, " count"], UInt32[Array, " count"]]:
    """Random words, the same bits as `sampling.bits.words`, for tests and benchmarks.

    Samplers in native code compute words where they use them.
    """
    some = jax.ShapeDtypeStruct((count,), jnp.uint32)
    return _call("words", (some, some), key)


def _call(name: str, gives: Any, *operands: Array, **attributes: Any) -> Any:
    if _library() is None:
        raise RuntimeError("the package has no native library for this processor")
    call: Any = jax.ffi.ffi_call(f"jaxcollapse_{name}", gives, vmap_method="broadcast_all")
    return call(*operands, **attributes)
