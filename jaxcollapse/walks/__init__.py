"""Walks: the rules by which a trace moves over the rows of a table of logits. A file in this folder adds one or more.

Counts per (context, token) are sufficient for training, so that a batch of any size is a table of integers.
"""

from jaxcollapse.parts.field import Field
from jaxcollapse.parts.slot import Slot, import_all

WALKS = Slot(
    "model",
    Field(
        name="model",
        type=str,
        default="categorical",
        description="Kind of traces: one token (categorical); tokens of one persona (persona); a Markov chain of "
        "tokens (markov); one token, from several models that exchange samples (ensemble); or a text, from a network "
        "that has learned one (sequence).",
        label="model",
    ),
)


import_all(__name__, __path__)
WALKS.close()
