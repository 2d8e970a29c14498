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
        description="What a trace is: one token; tokens of one persona, chosen once; a chain, each token given the one "
        "before. Or several models of one row that exchange samples of one token.",
        label="model",
    ),
)


import_all(__name__, __path__)
WALKS.close()
