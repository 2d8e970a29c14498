"""Every course that refits can take over a few generations, with its probability: the referee of closed forms."""

import itertools
from collections.abc import Callable, Iterator
from math import factorial, prod
from typing import NamedTuple

import numpy as np


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
        counts = np.array(list(_counts(number, len(p0))))
        ways = np.array([factorial(number) / prod(map(factorial, row)) for row in counts.tolist()])
        known = [
            Course(course.chance * chance, (*course.models, fit(course, seen)), (*course.samples, seen))
            for course in known
            for chance, seen in zip(
                ways * np.prod(emits(course.models[-1]) ** counts, axis=1), counts / number, strict=True
            )
            if chance > 0
        ]
    return known


def mean(known: list[Course], value: Callable[[np.ndarray], np.ndarray | float]) -> np.ndarray:
    """The mean of a function of the last model."""
    return np.asarray(sum(course.chance * np.asarray(value(course.models[-1])) for course in known))


def _counts(number: int, tokens: int) -> Iterator[tuple[int, ...]]:
    return (row for row in itertools.product(range(number + 1), repeat=tokens) if sum(row) == number)
