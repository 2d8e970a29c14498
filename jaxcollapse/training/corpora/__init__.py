"""Corpora: the rules for which generations' samples a model is trained on. A file in this folder adds one or more."""

from jaxcollapse.parts.field import Field
from jaxcollapse.parts.slot import Slot, import_all

CORPORA = Slot(
    "corpus",
    Field(
        name="corpus",
        type=str,
        default="replace",
        description="Training data: the samples of the last generation (replace), of all generations "
        "(accumulate), or of the last `window` generations (window).",
        label="corpus",
    ),
)

import_all(__name__, __path__)
CORPORA.close()
