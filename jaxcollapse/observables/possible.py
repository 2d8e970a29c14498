"""What values an observable can have in a cell, by the sizes of its model."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr

Number = xr.Variable | np.ndarray | float
Ends = tuple[Number, Number]  # the least and the largest value


class Sizes(NamedTuple):
    """What limits the range of observables: numbers, or arrays along the axes of cells. By default, no limit.

    Attributes:
        tokens: size of the vocabulary.
        contexts: number of rows that are contexts of tokens; in a model of personas, the number of personas.
        support_threshold: the probability above which a token counts as present.
    """

    tokens: Number = np.inf
    contexts: Number = np.inf
    support_threshold: Number = 1.0


Range = Callable[[Sizes], Ends]


def not_negative(_: Sizes) -> Ends:
    """Possible range of a quantity that is never negative: 0 to ∞."""
    return 0.0, np.inf


def share(_: Sizes) -> Ends:
    """Possible range of a share: 0 to 1."""
    return 0.0, 1.0


def any_number(_: Sizes) -> Ends:
    """Possible range of a quantity without limits."""
    return -np.inf, np.inf


def correlation(_: Sizes) -> Ends:
    """Possible range of a correlation: −1 to 1."""
    return -1.0, 1.0


def of_largest(of: Sizes) -> Ends:
    """What the largest of the tokens' probabilities can be, and the mean probability of a sampled token."""
    return 1 / of.tokens, 1.0


def entropy_of_tokens(of: Sizes) -> Ends:
    """Possible range of the entropy of V tokens: 0 to ln V, nat."""
    return 0.0, np.log(of.tokens)


def entropy_of_contexts(of: Sizes) -> Ends:
    """Possible range of the entropy of the contexts: 0 to the logarithm of their number, nat."""
    return 0.0, np.log(of.contexts)


def shared_entropy(of: Sizes) -> Ends:
    """Possible range of the mutual information of token and context: 0 to ln of the smaller of their numbers, nat."""
    return 0.0, np.log(np.minimum(of.tokens, of.contexts))


def number_of_tokens(of: Sizes) -> Ends:
    """Possible range of a number of present tokens: 1 to V; 0 where even a uniform distribution has none."""
    return (of.support_threshold * of.tokens < 1) * 1.0, of.tokens


def number_of_classes(of: Sizes) -> Ends:
    """Possible range of a number of sets of contexts: 1 to their number; 0 where even a uniform row has no token."""
    return (of.support_threshold * of.tokens < 1) * 1.0, of.contexts


def effective_number_of_tokens(of: Sizes) -> Ends:
    """Possible range of an effective number of tokens: 1 to V."""
    return 1.0, of.tokens


def number_of_contexts(of: Sizes) -> Ends:
    """Possible range of a number of contexts: 1 to how many there are."""
    return 1.0, of.contexts
