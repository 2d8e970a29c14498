"""Every course that refits can take over a few generations, with its probability: the referee of closed forms."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tests.reference.counts import law, outcomes


class Course(NamedTuple):
    """One course: its probability, the models [generation, token], and the samples' frequencies so far."""

    chance: float
    models: tuple[np.ndarray, ...]
    samples: tuple[np.ndarray, ...]


Fit = Callable[[Course, np.ndarray], np.ndarray]


def courses(
    p0: np.ndarray,
    samples: int | Callable[[int], int],
    generations: int,
    *,
    emits: Callable[[np.ndarray], np.ndarray] = lambda p: p,
    fit: Fit = lambda course, frequencies: frequencies,
) -> list[Course]:
    """All courses. emits: the law of a sample, given the model. fit: the model after new frequencies were seen."""
    known = [Course(1.0, (p0,), ())]
    for generation in range(generations):
        number = samples if isinstance(samples, int) else samples(generation)
        counts = outcomes(number, len(p0))
        known = [
            Course(course.chance * chance, (*course.models, fit(course, seen)), (*course.samples, seen))
            for course in known
            for chance, seen in zip(law(counts, emits(course.models[-1])), counts / number, strict=True)
            if chance > 0
        ]
    return known


def mean(known: list[Course], value: Callable[[np.ndarray], np.ndarray | float]) -> np.ndarray:
    """The mean of a function of the last model."""
    return np.asarray(sum(course.chance * np.asarray(value(course.models[-1])) for course in known))
