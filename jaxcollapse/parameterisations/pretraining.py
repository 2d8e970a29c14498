"""Pre-training: a network learns a text by maximum likelihood, once, and is kept.

The recipe is the same for all networks: AdamW (Loshchilov and Hutter 2019) on random windows of the text, with a rate
that rises for a twentieth of the steps and then falls to zero along a cosine. What is learned follows from the network,
the text, the number of steps and the seed; on one machine it is the same bits each time.
"""

import hashlib
import io
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int32

from jaxcollapse.distributions.learned_text import LearnedText
from jaxcollapse.parameterisations import shipped
from jaxcollapse.parameterisations.network import Network
from jaxcollapse.system import kept_arrays
from jaxcollapse.system.jax_settings import arithmetic

RECIPE = 1  # to be raised where what is learned becomes another
WINDOWS = 32  # of a step
RATE, DECAY = 3e-3, 0.1  # the highest rate of learning; the decay of weights
_AT_ONCE = 50  # steps of a device call, after which there is progress to report
_EVALUATED = 256  # windows of the held-out text that a loss is the mean of

_log = logging.getLogger(__name__)
Progress = Callable[[int, int, float], None]


@dataclass(frozen=True)
class Pretraining:
    """What is learned, by what, and for how long.

    Attributes:
        network: what learns.
        places: number of tokens of a window.
        steps: number of steps.
        seed: of the weights at the beginning, and of the windows.
    """

    network: Network
    places: int
    steps: int
    seed: int

    def __str__(self) -> str:
        seed = f", seed {self.seed}" if self.seed else ""
        return f"{self.network}, context {self.places}, {self.steps} steps{seed}"

    def name(self, text: LearnedText) -> str:
        """What the result is called: a digest of all that it follows from."""
        named = (RECIPE, repr(self), text.digest, text.tokens_in_all)
        return hashlib.sha256(repr(named).encode()).hexdigest()[:32]

    def learned(self, text: LearnedText, progress: Progress | None = None) -> Any:
        """The parameters that the network has learned: from the package or the user's cache if they are there.

        Args:
            text: the text.
            progress: the function that gets the number of steps done, that of all steps, and the present loss in nat.
        """
        name = self.name(text)
        like = self.network.begun(self.places, text.tokens_in_all, np.random.default_rng(0))
        for source in (shipped.arrays, kept_arrays.kept):
            if (content := source(name)) is not None and (found := _unpacked(content, like)) is not None:
                return found
        found = self._learn(text, progress)
        kept_arrays.keep(name, packed(found))
        return found

    def _learn(self, text: LearnedText, progress: Progress | None) -> Any:
        _log.info("pre-training: %s on %s tokens, %s steps", self.network, len(text.train), self.steps)
        random = np.random.default_rng(np.random.SeedSequence([RECIPE, self.seed]))
        device = jax.local_devices(backend="cpu")[0]
        with arithmetic("float32"), jax.numpy_dtype_promotion("standard"), jax.default_device(device):
            parameters = jax.tree.map(jnp.asarray, self.network.begun(self.places, text.tokens_in_all, random))
            memory = _descent(self.steps).init(parameters)
            for done in range(0, self.steps, _AT_ONCE):
                number = min(_AT_ONCE, self.steps - done)
                windows = text.windows(random, (number, WINDOWS), self.places)
                parameters, memory, loss = _steps(parameters, memory, windows, network=self.network, steps=self.steps)
                if progress is not None:
                    progress(done + number, self.steps, float(loss))
            return jax.tree.map(np.asarray, parameters)


def held_out_loss(network: Network, parameters: Any, text: LearnedText, places: int) -> float:
    """The mean cross-entropy of a token of the held-out text, in nat, over evenly spaced windows of so many places."""
    with arithmetic("float32"):
        return float(_loss(parameters, text.held_out_windows(_EVALUATED, places), network=network))


def digest(parameters: Any) -> str:
    """A digest of parameters: the same for the same bits."""
    found = hashlib.sha256()
    for leaf in jax.tree.leaves(parameters):
        found.update(repr(leaf.shape).encode() + np.ascontiguousarray(leaf, "<f4").tobytes())
    return found.hexdigest()


def packed(parameters: Any) -> bytes:
    """Parameters as a file of NumPy's."""
    file = io.BytesIO()
    np.savez(file, *jax.tree.leaves(parameters))
    return file.getvalue()


def _unpacked(content: bytes, like: Any) -> Any:
    """Parameters of these shapes from a file; None if it has others."""
    leaves, structure = jax.tree.flatten(like)
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        found = [file[name] for name in file.files]
    if [each.shape for each in found] != [each.shape for each in leaves]:
        return None
    return jax.tree.unflatten(structure, [each.astype(np.float32) for each in found])


def _descent(steps: int) -> optax.GradientTransformation:
    rate = optax.warmup_cosine_decay_schedule(0.0, RATE, max(1, steps // 20), max(2, steps))
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, b1=0.9, b2=0.95, weight_decay=DECAY))


@partial(jax.jit, static_argnames=("network", "steps"))
def _steps(
    parameters: Any, memory: Any, windows: Int32[Array, "step window place"], *, network: Network, steps: int
) -> tuple[Any, Any, Float[Array, ""]]:
    """Steps, one on each set of windows; and the loss at the last of them."""
    descent = _descent(steps)

    def step(carry: tuple[Any, Any], windows: Int32[Array, "window place"]) -> tuple[tuple[Any, Any], Array]:
        parameters, memory = carry
        loss, slope = jax.value_and_grad(partial(cross_entropy, network))(parameters, windows)
        updates, memory = descent.update(slope, memory, parameters)
        return (optax.apply_updates(parameters, updates), memory), loss

    (parameters, memory), losses = jax.lax.scan(step, (parameters, memory), windows)
    return parameters, memory, losses[-1]


@partial(jax.jit, static_argnames="network")
def _loss(parameters: Any, windows: Int32[Array, "window place"], *, network: Network) -> Float[Array, ""]:
    return cross_entropy(network, parameters, windows)


def cross_entropy(network: Network, parameters: Any, windows: Int32[Array, "window place"]) -> Float[Array, ""]:
    """The mean of −ln p over the tokens of windows, nat."""
    log_p = jax.nn.log_softmax(network.next_tokens(parameters, windows), axis=-1)
    return -jnp.mean(jnp.take_along_axis(log_p, windows[..., jnp.newaxis], axis=-1))
