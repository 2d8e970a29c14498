"""Fields of all update rules that take steps of an optimiser."""

import math

import numpy as np

from jaxcollapse.parts.cell_kinds import STEPS, samples, takes_gradient_steps
from jaxcollapse.parts.field import Answer, AskedCells, Field, When
from jaxcollapse.parts.field_types import Count


def _draws_minibatches(cells: AskedCells) -> Answer:
    return takes_gradient_steps(cells) & np.isfinite(cells.numbers("batch_size")) & np.isfinite(samples(cells))


_INSTEAD = When("with update = 'gradient'; for a refit give samples", takes_gradient_steps)

RATE = Field(
    name="learning_rate",
    type=float,
    default=0.5,
    description="Gradient: step size η of the optimiser.",
    label="learning rate",
    limits={"ge": 0, "allow_inf_nan": False},
    kind="number",
    when=STEPS,
)
MINIBATCHES = (
    Field(
        name="batch_size",
        type=Count,
        default=16,
        description="Gradient: number of traces B in a minibatch; inf: the whole corpus in every step.",
        label="batch size",
        kind="count",
        when=_INSTEAD,
    ),
    Field(
        name="steps",
        type=Count,
        default=1,
        description="Gradient: number of optimiser steps K per generation; inf: until convergence (whole corpus only).",
        label="optimiser steps",
        kind="shape",
        when=_INSTEAD,
    ),
    Field(
        name="replacement",
        type=bool,
        default=False,
        description="Gradient: draw minibatches with replacement; by default each epoch is a new shuffle "
        "of the corpus.",
        label="replacement",
        is_off=True,
        when=When("with update = 'gradient', finite batch_size and finite samples", _draws_minibatches),
    ),
    Field(
        name="optimizer_state",
        type=("carried", "fresh"),
        default="carried",
        description="Gradient: whether the optimiser's moments are carried from one generation to the next.",
        label="optimiser state",
        when=STEPS,
    ),
)
CLIPPING = Field(
    name="clip_norm",
    type=float,
    default=math.inf,
    description="Gradient: largest Euclidean norm of the gradient; larger gradients are scaled down to it. inf: "
    "no clipping.",
    label="bound of the gradient's norm",
    limits={"gt": 0},
    kind="number",
    is_switch=True,
    when=STEPS,
)
