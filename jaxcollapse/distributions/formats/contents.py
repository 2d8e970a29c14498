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
    """What to read from a file of numbers.

    Attributes:
        variable: name of the variable; None if it is the only one.
        labels: name of what labels the tokens; False for no labels, None for what has one of the usual names.
        select: labels, or integer positions, along the other dimensions.
        key: the key of the sweep file that names the variable.
        has_all: whether it must have all of these dimensions; else those that it lacks are passed over.
    """

    variable: str | None
    labels: str | Literal[False] | None
    select: Mapping[str, Label]
    key: str = KEY
    has_all: bool = True

    def choose(self, names: Sequence[str]) -> str:
        """The variable that is meant.

        Raises:
            InputError: there is no variable of that name, or no name is given and there are several.
        """
        if self.variable is None:
            if len(names) == 1:
                return names[0]
            told = ", ".join(cut(name) or "one without a name" for name in names)
            raise InputError(
                KEY, f"the file has several: {told}; name one" if names else "the file has no numeric variable"
            )
        if self.variable not in names:
            raise InputError(self.key, f"{self.variable!r} is not in the file{did_you_mean(self.variable, names)}")
        return self.variable


class Contents(NamedTuple):
    """What was read from a file of numbers.

    Attributes:
        name: name of the variable.
        numbers: its values, [token] or [row, token].
        labels: names of the tokens; None if they have none.
        rows: names of the rows; None if they have none.
    """

    name: str
    numbers: np.ndarray
    labels: np.ndarray | None = None
    rows: np.ndarray | None = None
