"""All pairs of values of several factors in few rows, and what goes with what."""

from collections.abc import Callable, Sequence
from itertools import combinations, product

Row = dict[str, str]
Pair = tuple[tuple[str, str], tuple[str, str]]  # of (factor, value)


def pairs_of(row: Row) -> list[Pair]:
    """In the order of the factors."""
    return list(combinations(row.items(), 2))


def all_pairs(factors: dict[str, Sequence[str]]) -> list[Pair]:
    """Of any two factors, any two values."""
    return [
        ((one, value), (other, second))
        for one, other in combinations(factors, 2)
        for value, second in product(factors[one], factors[other])
    ]


def covering(factors: dict[str, Sequence[str]], admits: Callable[[Pair], bool]) -> list[Row]:
    """Rows in which every pair that is admitted occurs, and no other: each takes in as many new ones as it can.

    A row begins with a pair that is still missing; then each factor gets the value that adds most.
    """
    missing, rows = [pair for pair in all_pairs(factors) if admits(pair)], []
    while missing:
        chosen: Row = dict(missing[0])
        for factor in factors:
            if factor not in chosen:
                chosen[factor] = _best(chosen, factor, factors, admits, set(missing))
        row = {factor: chosen[factor] for factor in factors}
        assert all(admits(pair) for pair in pairs_of(row))
        rows.append(row)
        found = set(pairs_of(row))
        missing = [pair for pair in missing if pair not in found]
    return rows


def _best(
    chosen: Row, factor: str, factors: dict[str, Sequence[str]], admits: Callable[[Pair], bool], missing: set[Pair]
) -> str:
    def pairs(value: str) -> list[Pair]:
        grown = {**chosen, factor: value}
        return pairs_of({name: grown[name] for name in factors if name in grown})

    possible = [value for value in factors[factor] if all(admits(pair) for pair in pairs(value))]
    return max(possible, key=lambda value: len(missing.intersection(pairs(value))))
