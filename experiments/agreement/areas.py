"""Theory beside simulation: settings in which each oracle is compared with the engine."""

from collections.abc import Callable, Iterator

from experiments.agreement import descent, drift, ideal, rewards, selection, upkeep
from experiments.agreement.comparison import Comparison

AREAS: dict[str, Callable[[], Iterator[Comparison]]] = {
    "Infinitely many samples": ideal.comparisons,
    "Refits at temperature 1": drift.comparisons,
    "Remedies and kept samples at temperature 1": upkeep.comparisons,
    "Two tokens": selection.comparisons,
    "A step of gradient descent": descent.comparisons,
    "Training with a reward": rewards.comparisons,
}
