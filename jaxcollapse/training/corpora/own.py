"""Corpora of a user's own: the decorator `jaxcollapse.corpus`."""

from dataclasses import dataclass
from typing import Any

from jaxcollapse.training.corpora import CORPORA


def corpus(made: type) -> Any:
    """Adds a corpus: a subclass of `jaxcollapse.Corpus`.

    Its name, in lower case with underscores, is the value of the field `corpus`. Its annotated attributes are fields of
    the process, like the arguments of an optimiser.

    Args:
        made: what is decorated.

    Raises:
        InputError: the name is one of the package's own.
    """
    return CORPORA.add(dataclass(frozen=True)(made))
