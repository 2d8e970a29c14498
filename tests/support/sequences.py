"""Small sequence models: texts, weights of about the size of trained ones, and the traces that a generation sees."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse.parameterisations.network import Network
from jaxcollapse.process.sequences import Lesson
from jaxcollapse.process.structure import Settings
from jaxcollapse.program.kernel import process_of
from tests.support.engines import hurried_jit

LETTERS = "abc"
CHAIN = np.array([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3], [0.2, 0.2, 0.6]])  # from letter to letter


def text(path: Path, letters: int = 400, seed: int = 0) -> Path:
    """Writes a text, in which a letter depends on the one before."""
    random, found = np.random.default_rng(seed), [0]
    for _ in range(letters - 1):
        found.append(int(random.choice(3, p=CHAIN[found[-1]])))
    path.write_text("".join(LETTERS[each] for each in found))
    return path


def small(*paths: Path, **fields: Any) -> dict[str, Any]:
    """Fields of a process: a tiny network, which has learned nothing unless one asks for it."""
    path = str(paths[0]) if len(paths) == 1 else [str(each) for each in paths]
    sizes: dict[str, Any] = {"width": 4, "layers": 1, "context_length": 4, "probes": 6, "pretraining_steps": 0}
    if fields.get("parameters") != "gru":
        sizes["heads"] = 2
    return {"model": "sequence", "initial": {"kind": "text", "path": path}, **sizes, **fields}


def weights(network: Network, places: int, tokens: int = 3, seed: int = 2, spread: float = 0.6) -> Any:
    """Random weights in double precision."""
    random = np.random.default_rng(seed)
    begun = network.begun(places, tokens, random)
    return jax.tree.map(lambda each: each + random.normal(0, spread, each.shape), begun)


@contextmanager
def _watched() -> Iterator[list[np.ndarray]]:
    """The traces that gradients are computed for in programs that are traced meanwhile, block by block."""
    seen, gradient = list[np.ndarray](), Lesson._of_block

    def noted(self: Lesson, parameters: Any, traces: Any, *others: Any) -> Any:
        jax.debug.callback(lambda each: seen.append(np.asarray(each)), traces, ordered=True)
        return gradient(self, parameters, traces, *others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lesson, "_of_block", noted)
        yield seen


class Generation:
    """One generation of a process: the same program, whatever the weights are that it starts from.

    original: the weights of p0, in double precision.
    """

    def __init__(self, precision: str = "float64", **fields: Any):
        self._hand, self._precision = jc.SelfTraining(precision=precision, **fields), precision
        structure = self._hand._program.structure
        assert isinstance(structure.parameters, Network)
        self.network, self.places = structure.parameters, fields["context_length"]
        self.original = weights(self.network, self.places, seed=1)
        self._program: Any = None

    @property
    def text(self) -> np.ndarray:
        """The tokens for training."""
        return np.asarray(self._hand._reading.text)

    @property
    def end_token(self) -> int:
        """The number of the token that ends a trace; −1 if none does."""
        return int(self._hand._one.settings.end_token)

    def of(self, start: Any, key: int = 0, **settings: float) -> tuple[Any, list[np.ndarray]]:
        """The weights after a generation, and the traces [trace, place] of each step; −1 after their end.

        settings: numbers of the process that are other ones than those that it was made with.
        """
        with jax.enable_x64(self._precision == "float64"), _watched() as seen:
            if self._program is None:
                self._program = hurried_jit(self._trained), seen
            program, seen = self._program
            seen.clear()
            old = self._hand._one.settings
            changed = Settings(
                {**old, **{name: np.asarray(value, self._precision) for name, value in settings.items()}}
            )
            padded = [self._padded(each) for each in (self.original, start)]
            found = program(*padded, jax.random.key_data(jax.random.key(key)), changed)
            jax.block_until_ready(found)
            jax.effects_barrier()
        blocks = int(self._hand._loops.batch_blocks)
        steps = [np.concatenate(seen[begin : begin + blocks]) for begin in range(0, len(seen), blocks)]
        cut = jax.tree.map(lambda each, like: np.asarray(each)[tuple(map(slice, like.shape))], found, start)
        return cut, [step[(step >= 0).any(axis=1)] for step in steps]

    def _trained(self, original: Any, start: Any, key: Any, settings: Any) -> Any:
        hand = self._hand
        one = hand._one._replace(settings=settings, parameters=original)
        one, loops, reading = jax.tree.map(jnp.asarray, (one, hand._loops, hand._reading))
        process = process_of(hand._program.structure, settings, loops, one, reading, key)
        return process.step(key, process.init()._replace(parameters=start)).parameters

    def _padded(self, values: Any) -> Any:
        """Weights with room for tokens that there are none of."""

        def padded(each: np.ndarray, like: np.ndarray) -> np.ndarray:
            room = [(0, most - size) for most, size in zip(like.shape, each.shape, strict=True)]
            return np.pad(each, room).astype(self._precision)

        return jax.tree.map(padded, values, self._hand._one.parameters)
