"""Corpora: the rules for which generations' samples a model is trained on. A file in this folder adds one or more."""

from jaxcollapse.parts.field import Field
from jaxcollapse.parts.slot import Slot, import_all

CORPORA = Slot(
    "corpus",
    Field(
        name="corpus",
        type=str,
        default="replace",
        description="Training data: the last generation's samples, those of all so far, or of the last `window`.",
        label="corpus",
    ),
)

import_all(__name__, __path__)
CORPORA.close()
