"""The optimisers, all of them optax's."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import optax
from jaxtyping import Array, Float

from jaxcollapse.parts.code_table import OwnCode

Settings = Mapping[str, Float[Array, ""]]

OPTIMIZERS: OwnCode[Callable[[Settings], optax.GradientTransformation]] = OwnCode(
    {
        "sgd": lambda s: optax.sgd(s["learning_rate"]),
        "momentum": lambda s: optax.sgd(s["learning_rate"], momentum=s["momentum"]),
        "nesterov": lambda s: optax.sgd(s["learning_rate"], momentum=s["momentum"], nesterov=True),
        "adam": lambda s: optax.adam(s["learning_rate"], b1=s["b1"], b2=s["b2"], eps=s["eps"]),
        "adamw": lambda s: optax.adamw(
            s["learning_rate"], b1=s["b1"], b2=s["b2"], eps=s["eps"], weight_decay=s["weight_decay"]
        ),
        "rmsprop": lambda s: optax.rmsprop(s["learning_rate"], decay=s["decay"], eps=s["eps"]),
        "sign_sgd": lambda s: optax.sign_sgd(s["learning_rate"]),
    }
).close()


def optimizer(name: str, settings: Settings, *, clips: bool = False) -> optax.GradientTransformation:
    """One of `OPTIMIZERS`, its constants traced; behind a bound on the gradient's norm, if it `clips`.

    optax counts on JAX's standard type promotion, whatever the user has set.
    """
    made = OPTIMIZERS[name](settings)
    if clips:
        made = optax.chain(optax.clip_by_global_norm(settings["clip_norm"]), made)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        with jax.numpy_dtype_promotion("standard"):
            return made.update(updates, state, params)

    return optax.GradientTransformation(made.init, update)
