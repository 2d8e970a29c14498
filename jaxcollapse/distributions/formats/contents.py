"""What is wanted of a file, and what is found in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from jaxcollapse.distributions.meaning import KEY
from jaxcollapse.errors import InputError, cut, did_you_mean

Label = str | int | float


@dataclass(frozen=True)
class Wanted:
    """variable: its name, or None for the only one. labels: what names the tokens, False for nothing, None for what is
    called so. select: labels, or integer positions, along the other dimensions.
    """

    variable: str | None
    labels: str | Literal[False] | None
    select: Mapping[str, Label]

    def choose(self, names: Sequence[str]) -> str:
        """The variable that is meant.

        Raises:
            InputError: there is none of that name, or no name is given and there are several.
        """
        if self.variable is None:
            if len(names) == 1:
                return names[0]
            told = ", ".join(cut(name) or "an unnamed one" for name in names)
            raise InputError(KEY, f"the file has several: {told}; name one" if names else "the file has no numbers")
        if self.variable not in names:
            raise InputError(KEY, f"{self.variable!r} is not there{did_you_mean(self.variable, names)}")
        return self.variable


class Contents(NamedTuple):
    """name: of the variable. numbers: its values, [token] or [row, token]. labels: names of the tokens, if there are
    any. rows: names of the rows, if there are any.
    """

    name: str
    numbers: np.ndarray
    labels: np.ndarray | None = None
    rows: np.ndarray | None = None
