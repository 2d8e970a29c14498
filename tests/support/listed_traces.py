"""Networks so small that all of their traces can be listed, and processes of them without a run around."""

import string
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxcollapse as jc
from jaxcollapse.parameterisations.network import Network
from jaxcollapse.planning.cells import resolve
from jaxcollapse.process.sequences import Reading, SequenceProcess
from jaxcollapse.process.structure import Loops, Settings
from jaxcollapse.system.jax_settings import arithmetic
from tests.reference import networks
from tests.support.engines import hurried_jit

TOKENS, PLACES = 3, 3
SMALL: dict[str, Any] = {
    "model": "sequence",
    "parameters": "gru",
    "width": 2,
    "layers": 1,
    "context_length": PLACES,
    "probes": 3,
    "pretraining_steps": 0,
    "batch_size": 4,
}


def written(folder: Path) -> dict[str, Any]:
    """An initial distribution: a text of three letters, `a` the most frequent and `c` the least."""
    letters = np.random.default_rng(1).permuted(np.repeat(list(string.ascii_lowercase[:TOKENS]), [80, 70, 50]))
    path = folder / "letters.txt"
    path.write_text("".join(letters), encoding="utf-8")
    return {"kind": "text", "path": str(path)}


def made(fields: dict[str, Any], **structure: Any) -> tuple[Callable[[Any], SequenceProcess], Any]:
    """The process of a trajectory by its key, in double precision; and the parameters that it begins with.

    structure: attributes of its `Structure` that are not those of the plan.
    """
    sweep = jc.Sweep.from_dict({"process": {**SMALL, **fields}, "precision": "float64", "observables": ["entropy"]})
    cells = resolve(sweep, "cpu")
    (program,), (entry,) = cells.programs, cells.library.entries
    own, text = replace(program.structure, **structure), entry.given.text
    assert text is not None
    network = own.parameters
    assert isinstance(network, Network)
    names = (*own.numbers, *own.counts)
    random = np.random.default_rng(2)
    begun = network.begun(PLACES, own.tokens, random)
    weights = jax.tree.map(lambda each: each + random.normal(0, 0.6, each.shape), begun)
    given = np.where(np.arange(own.tokens) < TOKENS, 0.0, -np.inf) * np.ones((own.walk.contexts, 1))
    rows = {"correct_tokens": np.isin(np.arange(own.tokens), fields.get("correct_tokens", [])).astype(float)}
    rows["scores"] = np.pad(np.array(fields.get("scores", [0.0] * TOKENS)), (0, own.tokens - TOKENS))
    loops = cells.loops[0].copy()
    for place, (size, number) in enumerate([(own.stored_at_once, loops[1]), (own.traces_at_once, loops[2])], 1):
        planned = (program.structure.stored_at_once, program.structure.traces_at_once)[place - 1]
        loops[place] = -(-number * planned // max(size, 1))

    def process(key: Any) -> SequenceProcess:
        numbers = {name: jnp.asarray(cells.settings[name][0]) for name in names}
        reading = Reading(*map(jnp.asarray, (text.train, text.held_out_windows(*own.reads))))
        learned, table = jax.tree.map(jnp.asarray, weights), jnp.asarray(given)
        told = {name: jnp.asarray(rows[name]) for name in own.rows}
        looped = Loops(*jnp.asarray(loops, jnp.int32))
        return SequenceProcess.of_text(own, Settings(numbers), looped, table, learned, told, reading, key)

    return process, weights


def over_keys(function: Callable[[Any], Any], number: int, seed: int = 3) -> Any:
    """The values of a function for so many keys, in double precision."""
    with arithmetic("float64"):
        keys = jax.random.key_data(jax.random.split(jax.random.key(seed, impl="threefry2x32"), number))
        return jax.tree.map(np.asarray, hurried_jit(jax.vmap(function))(keys))


def log_laws(weights: Any, windows: np.ndarray) -> np.ndarray:
    """Logarithms of the probabilities of the three letters at each place of windows [trace, place, token]."""
    return networks.log_p(networks.gru(weights, windows)[..., :TOKENS])


def log_p(weights: Any, traces: np.ndarray, prompt: int = 0) -> np.ndarray:
    """ln p of each token of traces [trace, place]; 0 for those of the prompt, and after the end."""
    windows = np.maximum(traces, 0)
    found = np.take_along_axis(log_laws(weights, windows), windows[..., None], axis=2)[..., 0]
    return np.where((traces >= 0) & (np.arange(traces.shape[1]) >= prompt), found, 0)


def all_traces(end: int = -1, prompt: int = 0) -> np.ndarray:
    """All that a trace can be [trace, place]: −1 after its end."""
    found = []
    for text in product(range(TOKENS), repeat=PLACES):
        is_over = [any(token == end for token in text[prompt:place]) for place in range(PLACES)]
        found.append(tuple(np.where(is_over, -1, text).tolist()))
    return np.array(sorted(set(found)))


def number_of(traces: np.ndarray, among: np.ndarray) -> np.ndarray:
    """The place of each of these traces in a list of all."""
    places = {tuple(trace): place for place, trace in enumerate(among.tolist())}
    return np.array([places[tuple(trace)] for trace in traces.reshape(-1, traces.shape[-1]).tolist()])
