"""Learning-rate schedules: what the rate is multiplied by after so much time, in units of `schedule_time`."""

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcollapse.parts.cell_kinds import STEPS
from jaxcollapse.parts.field import Field
from jaxcollapse.parts.slot import SLOTS, Slot

Number = Float[Array, ""]

SCHEDULES = Slot(
    "schedule",
    Field(
        name="schedule",
        type=str,
        default="constant",
        description="Gradient: decay of the learning rate over generations.",
        label="learning-rate schedule",
        is_off=True,
        when=STEPS,
    ),
)
_FALLING: dict[str, Callable[[Number], Number]] = {
    "linear": lambda time: jnp.maximum(1 - time, 0),
    "cosine": lambda time: (1 + jnp.cos(jnp.pi * jnp.minimum(time, 1))) / 2,
    "exponential": lambda time: jnp.exp(-time),
    "inverse": lambda time: 1 / (1 + time),
}
_TIME = Field(
    name="schedule_time",
    type=float,
    default=100.0,
    description="Time τ of the schedule, at which linear and cosine reach 0, exponential 1/e and inverse 1/2 "
    "of the rate.",
    label="time of the learning-rate schedule",
    units="generation",
    limits={"gt": 0, "allow_inf_nan": False},
    kind="number",
)


def schedule(function: Callable[..., Number]) -> Any:
    """Adds a schedule: a function of time that returns what the learning rate is multiplied by.

    Its name is the value of the field `schedule`. Its first argument is the number of generations so far divided by
    `schedule_time`; further ones are fields of the process, like those of an optimiser.

    Args:
        function: what is decorated.

    Raises:
        InputError: the name is one of the package's own.
    """
    return SCHEDULES.add(function, skip=1, reads=("schedule_time",))


def factor(name: str, time: Number, values: Mapping[str, Any]) -> Number:
    """The factor of the learning rate at this time of the schedule."""
    part = SLOTS["schedule"][name]
    return part.make(time, **{argument: values[argument] for argument in part.arguments})


SCHEDULES.adds(name="constant", skip=1)(lambda time: jnp.ones_like(time))
for each, law in _FALLING.items():
    SCHEDULES.adds(*[_TIME] * (each == "linear"), name=each, skip=1, reads=("schedule_time",))(law)
SCHEDULES.close()
