"""Learning-rate schedules: what the rate is multiplied by after so much time, in units of `schedule_time`."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcollapse.parts.code_table import OwnCode

Number = Float[Array, ""]

SCHEDULES: OwnCode[Callable[[Number], Number]] = OwnCode(
    {
        "constant": jnp.ones_like,
        "linear": lambda time: jnp.maximum(1 - time, 0),
        "cosine": lambda time: (1 + jnp.cos(jnp.pi * jnp.minimum(time, 1))) / 2,
        "exponential": lambda time: jnp.exp(-time),
        "inverse": lambda time: 1 / (1 + time),
    }
).close()
