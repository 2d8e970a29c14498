"""All that a trace of a small model can be, and the law of the one that is kept: by going through all candidates."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np


@dataclass(frozen=True)
class Trace:
    """Its (context, token) pairs, how many of the last ones are tokens that one reads, and its probability."""

    pairs: tuple[tuple[int, int], ...]
    tokens: int
    chance: float


def of_personas(rows: np.ndarray, length: int) -> Iterator[Trace]:
    """The chooser's row is the first; it has as many possible tokens as there are other rows."""
    for persona, *text in product(range(len(rows) - 1), *[range(rows.shape[1])] * length):
        pairs = ((0, persona), *((1 + persona, token) for token in text))
        yield Trace(pairs, length, float(np.prod([rows[pair] for pair in pairs])))


def windows(tokens: int, order: int) -> list[tuple[int, ...]]:
    """All windows of up to so many tokens, in the order of the rows of a chain."""
    return [window for length in range(order + 1) for window in product(range(tokens), repeat=length)]


def of_chain(rows: np.ndarray, length: int, end: int = -1, order: int = 1) -> Iterator[Trace]:
    """The rows are those of windows of no token, of one, and so on; further columns are padding."""
    tokens = next(size for size in range(1, len(rows)) if len(windows(size, order)) == len(rows))
    row = {window: place for place, window in enumerate(windows(tokens, order))}

    def from_here(pairs: tuple[tuple[int, int], ...], chance: float) -> Iterator[Trace]:
        text = tuple(token for _, token in pairs)
        if len(pairs) == length or text[-1:] == (end,):
            yield Trace(pairs, len(pairs), chance)
            return
        context = row[text[-order:]]
        for token in range(tokens):
            yield from from_here((*pairs, (context, token)), chance * rows[context, token])

    return from_here((), 1.0)


def reward(trace: Trace, rewards: np.ndarray) -> float:
    """The mean over its tokens; the choice of a persona is not one, but its own reward counts."""
    return sum(float(rewards[pair]) for pair in trace.pairs) / trace.tokens


def is_correct(trace: Trace, correct: np.ndarray, needs: str = "all", end: int = -1) -> bool:
    """Whether all of its tokens are, the last one, or any; an end token is none of the latter two."""
    text = trace.pairs[-trace.tokens :]
    if needs == "all":
        return all(correct[pair] for pair in text)
    answers = [bool(correct[pair]) for pair in text if pair[1] != end]
    return any(answers[-1:] if needs == "last" else answers)


def kept(
    traces: list[Trace],
    how: str,
    rewards: np.ndarray,
    candidates: int,
    correct: np.ndarray | None = None,
    rates: tuple[float, float] = (1.0, 1.0),
    needs: str = "all",
    end: int = -1,
) -> np.ndarray:
    """The probability that each of these traces is the one that is kept."""
    law = np.array([trace.chance for trace in traces])
    assert abs(law.sum() - 1) < 1e-12
    if how != "none":
        values = np.array([round(reward(trace, rewards), 9) for trace in traces])  # equal sums are equal
        law = selected(how, law, values, candidates)
    if correct is not None:
        law = law * np.array([rates[0] if is_correct(trace, correct, needs, end) else rates[1] for trace in traces])
    return law / law.sum()


def selected(how: str, p: np.ndarray, rewards: np.ndarray, candidates: int) -> np.ndarray:
    """The law of the token that is kept, from all that the candidates may be."""
    kept = np.zeros(len(p))
    for drawn in product(range(len(p)), repeat=candidates):
        chosen, probability = np.array(drawn), float(np.prod(p[list(drawn)]))
        if probability == 0:
            continue
        best = rewards[chosen].max()
        share = np.exp(rewards[chosen] - best) if how == "bradley_terry" else rewards[chosen] == best
        np.add.at(kept, chosen, probability * share / share.sum())
    return kept


def counts(trace: Trace, shape: tuple[int, int]) -> np.ndarray:
    """Its table [context, token] of integers."""
    table = np.zeros(shape, int)
    for pair in trace.pairs:
        table[pair] += 1
    return table


def law_of_counts(traces: list[Trace], law: np.ndarray, shape: tuple[int, int]) -> dict[tuple[int, ...], float]:
    """The probability of each table of counts of one trace."""
    found: dict[tuple[int, ...], float] = {}
    for trace, chance in zip(traces, law, strict=True):
        key = tuple(counts(trace, shape).ravel().tolist())
        found[key] = found.get(key, 0.0) + float(chance)
    return found


def expected_counts(traces: list[Trace], law: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The mean table of counts of one trace."""
    return np.tensordot(law, np.array([counts(trace, shape) for trace in traces]), 1)
