"""Which generations are recorded, and what of them."""

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from jaxcollapse.limits import MOST_GENERATIONS, MOST_POINTS, MOST_TEXT, MOST_TEXTS


class Record(BaseModel):
    """Recorded generations. Generation 0 and the last are always among them."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    spacing: Literal["log", "linear"] = Field("log", description="Spacing of the recorded generations.")
    points: Annotated[int, Field(ge=2, le=MOST_POINTS)] = Field(
        40, description="About how many generations are recorded (fewer where rounding makes them coincide)."
    )
    every: Annotated[int, Field(ge=1, le=MOST_GENERATIONS)] | None = Field(
        None, description="Interval of the recorded generations; replaces spacing and points."
    )
    logits: bool = Field(False, description="Record the logits, too, with a dimension `token`.")
    texts: Annotated[int, Field(ge=0, le=MOST_TEXTS)] = Field(
        0,
        description="Number of texts that are drawn from the model at each record, at temperature 1, and stored as the "
        "variable `text` (see dataset.md). They change no other number.",
    )
    text_length: Annotated[int, Field(ge=1, le=MOST_TEXT)] = Field(
        64, description="Number of tokens of each of these texts; those of a sequence model end with its context."
    )
    state: bool = Field(
        False,
        description="Store the state from which a study can continue with more generations; needs `every`, as in "
        "`record = { every = 10, state = true }` (see dataset.md).",
    )

    @model_validator(mode="after")
    def _one_rule(self) -> "Record":
        if self.every is not None and self.model_fields_set & {"spacing", "points"}:
            raise ValueError("give either every, or spacing and points")
        if "text_length" in self.model_fields_set and not self.texts:
            raise ValueError("text_length has no effect without texts")
        return self

    def generations(self, last: int) -> np.ndarray:
        """The recorded generations from 0 to `last`, in rising order."""
        chosen: np.ndarray
        if self.every is not None:
            chosen = np.arange(0, last + 1, self.every)
        elif self.spacing == "linear":
            chosen = np.linspace(0, last, self.points)
        else:
            chosen = np.geomspace(max(last, 1), 1, self.points - 1)
        return np.unique(np.concatenate([[0], np.minimum(np.round(chosen), last), [last]]).astype(np.int32))
