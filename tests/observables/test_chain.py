"""Chains in the long run: exact laws in fractions, connected components by SciPy, chains that are easy to get wrong."""

from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from scipy import special
from scipy.sparse.csgraph import connected_components

from jaxcollapse.walks.markov import Markov
from tests.observables.structured import SUPPORT, Case, log, markov_cases, measure
from tests.reference.laws import entropy

WIDTHS = (8, 13)  # the second is padding alone
Rows = list[list[Fraction]]


def _closed_classes(possible: np.ndarray, first: np.ndarray) -> list[np.ndarray]:
    """Sets of tokens that can be reached from the first ones, and that have no way out."""
    number, label = connected_components(possible, connection="strong")
    reached = first.copy()
    for _ in range(len(first)):
        reached |= possible[reached].any(axis=0)
    classes = [np.flatnonzero(label == each) for each in range(number)]
    return [each for each in classes if reached[each].all() and not np.delete(possible[each], each, axis=1).any()]


def _solved(matrix: Rows, right: list[Fraction]) -> list[Fraction]:
    """The solution of a linear system, by Gauss and Jordan, exactly."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for column in range(len(rows)):
        pivot = next(place for place in range(column, len(rows)) if rows[place][column] != 0)
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [value / rows[column][column] for value in rows[column]]
        for place, row in enumerate(rows):
            if place != column and row[column] != 0:
                rows[place] = [value - row[column] * top for value, top in zip(row, rows[column], strict=True)]
    return [row[-1] for row in rows]


def stationary(first: np.ndarray, chain: np.ndarray) -> np.ndarray:
    """The share of time at each token: in each closed class its own law, as likely as it is to be stuck there."""
    size, law = len(first), np.zeros(len(first))
    p = [[Fraction(value) for value in row] for row in chain]
    p = [[value / sum(row) for value in row] for row in p]
    classes = _closed_classes(chain > 0, first > 0)
    inside = np.concatenate(classes)
    passing = [state for state in range(size) if state not in inside and _leads(chain > 0, state, inside)]
    for states in classes:
        into = [Fraction(int(state in states)) for state in range(size)]
        system = [[Fraction(int(a == b)) - p[a][b] for b in passing] for a in passing]
        chances = _solved(system, [sum((p[a][b] for b in states), Fraction(0)) for a in passing])
        for state, chance in zip(passing, chances, strict=True):
            into[state] = chance
        share = float(sum(Fraction(weight) * chance for weight, chance in zip(first, into, strict=True)))
        balance = [[p[b][a] - Fraction(int(a == b)) for b in states] for a in states[1:]]
        own = _solved([[Fraction(1)] * len(states), *balance], [Fraction(1)] + [Fraction(0)] * (len(states) - 1))
        law[states] = share * np.array([float(value) for value in own])
    return law / law.sum()


def _leads(possible: np.ndarray, state: int, to: np.ndarray) -> bool:
    reached = np.arange(len(possible)) == state
    for _ in range(len(possible)):
        reached |= possible[reached].any(axis=0)
    return bool(reached[to].any())


class Chain:
    """A case in float64: its first token, and its chain, in which another trace begins after an end token."""

    def __init__(self, case: Case):
        self.first = special.softmax(np.asarray(case.now[0], float))
        self.chain = special.softmax(np.asarray(case.now[1:], float), axis=1)
        if case.end_token >= 0:
            self.chain[case.end_token] = self.first
        self.law = stationary(self.first, self.chain)

    @property
    def entropy_rate(self) -> float:
        return float(sum(weight * entropy(row) for weight, row in zip(self.law, self.chain, strict=True)))

    @property
    def recurrent_classes(self) -> int:
        return len(_closed_classes(self.chain > SUPPORT, self.first > SUPPORT))


@cache
def _cases() -> dict[str, Case]:
    return {**markov_cases(), **_lost(), **_many()}


def _lost() -> dict[str, Case]:
    """As refits leave them: the first tokens are lost, in every row or in that of the first token alone."""
    random, cases = np.random.default_rng(3), {}
    for number in range(1, 6):
        rows = random.dirichlet(np.ones(6), 7)
        rows[:, :number] = 0
        cases[f"{number} tokens lost"] = rows
        begun = random.dirichlet(np.ones(6), 7)
        begun[0, :number] = 0
        cases[f"does not begin with {number} tokens"] = begun
    return {name: Case(log(p), log(p), log(p), np.ones(7, bool)) for name, p in cases.items()}


def _many() -> dict[str, Case]:
    """Sparse random chains, most of them with several classes."""
    random, cases = np.random.default_rng(4), {}
    for number in range(40):
        rows = random.dirichlet(np.ones(7), 8) * (random.random((8, 7)) < 0.22)
        empty = rows.sum(axis=1) == 0
        rows[empty, random.integers(0, 7, empty.sum())] = 1
        end = number % 7 if number % 3 == 0 else -1
        cases[f"sparse {number}"] = Case(log(rows), log(rows), log(rows), np.ones(8, bool), end_token=end)
    return cases


@cache
def _found(width: int) -> dict[str, np.ndarray]:
    return measure(Markov(width), list(_cases().values()), width, ("chain",))


@cache
def _exact() -> dict[str, Chain]:
    return {name: Chain(case) for name, case in _cases().items()}


def test_the_cases_have_one_class_and_many() -> None:
    numbers = [exact.recurrent_classes for exact in _exact().values()]
    assert {1, 2, 3} <= set(numbers)
    assert _exact()["every token for ever"].recurrent_classes == 4
    assert _exact()["above the threshold one way"].recurrent_classes == 1
    assert _exact()["stuck for sure"].recurrent_classes == 1


@pytest.mark.parametrize("width", WIDTHS)
def test_recurrent_classes_are_those_of_a_graph(width: int) -> None:
    for place, (name, exact) in enumerate(_exact().items()):
        assert _found(width)["recurrent_classes"][place] == exact.recurrent_classes, name


@pytest.mark.parametrize("width", WIDTHS)
def test_the_stationary_law_is_where_an_endless_trace_is(width: int) -> None:
    """Its entropy, also where it gets stuck in one of several places, or is hardly ever somewhere."""
    for place, (name, exact) in enumerate(_exact().items()):
        found = _found(width)["stationary_entropy"][place]
        np.testing.assert_allclose(found, entropy(exact.law), rtol=0, atol=5e-6, err_msg=name)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_entropy_rate_is_the_mean_over_the_stationary_law(width: int) -> None:
    for place, (name, exact) in enumerate(_exact().items()):
        found = _found(width)["entropy_rate"][place]
        np.testing.assert_allclose(found, exact.entropy_rate, rtol=0, atol=5e-6, err_msg=name)


def test_the_exact_laws_are_those_of_linear_algebra() -> None:
    """Where a chain is irreducible, of the eigenvector for 1; and a long average where it is not."""
    random = np.random.default_rng(5)
    chain = random.dirichlet(np.ones(5), 5)
    values, vectors = np.linalg.eig(chain.T)
    vector = np.real(vectors[:, np.argmin(np.abs(values - 1))])
    np.testing.assert_allclose(stationary(np.full(5, 0.2), chain), vector / vector.sum(), rtol=1e-12)
    stuck = _exact()["stuck in one of three"]
    powers = [stuck.first @ np.linalg.matrix_power(stuck.chain, 400 + place) for place in range(60)]
    np.testing.assert_allclose(stuck.law, np.mean(powers, axis=0), atol=1e-7)
