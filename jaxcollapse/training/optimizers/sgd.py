"""Stochastic gradient descent: plain, with momentum, or by the sign of the gradient alone."""

import optax

from jaxcollapse.parts.field import Field
from jaxcollapse.training.optimizers import OPTIMIZERS, Number


@OPTIMIZERS.adds(converges=True)
def sgd(learning_rate: Number) -> optax.GradientTransformation:
    """Steps along the gradient."""
    return optax.sgd(learning_rate)


@OPTIMIZERS.adds(
    Field(
        name="momentum",
        type=float,
        default=0.9,
        description="Decay of the momentum (momentum, nesterov).",
        label="momentum",
        limits={"ge": 0, "lt": 1},
        kind="number",
    ),
    converges=True,
)
def momentum(learning_rate: Number, momentum: Number) -> optax.GradientTransformation:
    """Steps along a decaying sum of gradients."""
    return optax.sgd(learning_rate, momentum=momentum)


@OPTIMIZERS.adds(converges=True)
def nesterov(learning_rate: Number, momentum: Number) -> optax.GradientTransformation:
    """The same, with Nesterov's look ahead."""
    return optax.sgd(learning_rate, momentum=momentum, nesterov=True)


@OPTIMIZERS.adds(normalises=True, sees_sign_alone=True)
def sign_sgd(learning_rate: Number) -> optax.GradientTransformation:
    """Steps of one size, by the sign of each component."""
    return optax.sign_sgd(learning_rate)
