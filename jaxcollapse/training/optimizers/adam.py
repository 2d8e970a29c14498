"""Optimisers that divide by the root mean square of earlier gradients."""

import optax

from jaxcollapse.parts.field import Field
from jaxcollapse.training.optimizers import OPTIMIZERS, Number

_BELOW_ONE = {"ge": 0, "lt": 1}


def _decay(name: str, default: float, description: str, label: str) -> Field:
    return Field(
        name=name,
        type=float,
        default=default,
        description=description,
        label=label,
        limits=_BELOW_ONE,
        kind="number",
    )


@OPTIMIZERS.adds(
    _decay("b1", 0.9, "Decay of the first moment (adam, adamw).", "b1"),
    _decay("b2", 0.999, "Decay of the second moment (adam, adamw).", "b2"),
    Field(
        name="eps",
        type=float,
        default=1e-8,
        description="Added to the denominator (adam, adamw, rmsprop).",
        label="eps",
        limits={"gt": 0, "allow_inf_nan": False},
        kind="number",
    ),
    normalises=True,
)
def adam(learning_rate: Number, b1: Number, b2: Number, eps: Number) -> optax.GradientTransformation:
    """Adam (Kingma and Ba 2015)."""
    return optax.adam(learning_rate, b1=b1, b2=b2, eps=eps)


@OPTIMIZERS.adds(
    Field(
        name="weight_decay",
        type=float,
        default=1e-4,
        description="Decay of the logits towards 0 (adamw).",
        label="weight decay",
        limits={"ge": 0, "allow_inf_nan": False},
        kind="number",
    ),
    normalises=True,
)
def adamw(
    learning_rate: Number, b1: Number, b2: Number, eps: Number, weight_decay: Number
) -> optax.GradientTransformation:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""
    return optax.adamw(learning_rate, b1=b1, b2=b2, eps=eps, weight_decay=weight_decay)


@OPTIMIZERS.adds(
    _decay("decay", 0.9, "Decay of the mean squared gradient (rmsprop).", "decay"),
    normalises=True,
)
def rmsprop(learning_rate: Number, decay: Number, eps: Number) -> optax.GradientTransformation:
    """RMSProp (Tieleman and Hinton 2012)."""
    return optax.rmsprop(learning_rate, decay=decay, eps=eps)
